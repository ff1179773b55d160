/* Inside pzp/ only: what may be lost with a link, and what becomes of it (resend.c). */
#ifndef PZ_PZP_RESEND_H
#define PZ_PZP_RESEND_H

#include "pzp/internal.h"

/** Notes an answer, about to be sent, that may be lost with the link it goes out by. @param payload
 * borrowed; @param bytes about how long it is */
void resend_note(struct pz_node *node, const char *to, json_t *payload, size_t bytes);
/**
 * A session is gone: what went by it and has another way is sent again.
 * @param names devices that may have no way any more; what waits for those ends. May be NULL
 */
void resend_after_loss(struct pz_node *node, const struct pz_session *lost, json_t *names);
/** Frames that never left a queue: ours find another way, or are answered as undeliverable. */
void resend_undelivered(struct pz_node *node, struct pz_slice frames, int rpc_code);
/** Frees the answers that are kept. */
void resend_free(struct pz_node *node);
/** A device has no way left: what waits for it, and what it began here, ends. */
void resend_device_gone(struct pz_node *node, const char *device);

#endif
