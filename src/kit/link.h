/* A link as TLS leaves it once the other end has proved who it is, without TLS and without a
 * connection below: for tests of what stands above links. */
#ifndef PZ_KIT_LINK_H
#define PZ_KIT_LINK_H

#include <jansson.h>

#include "net/link.h"

/**
 * A link that has not registered. What is sent on it stays in its `tx`, in whole frames; a test
 * brings what the other end sends to the host's frame event. Signs of life work as on any link.
 * @param host borrowed; @param owner of the link, borrowed
 * @param address that the other end has proved, copied
 * @return on the heap; the turn frees it after pz_link_close
 */
struct pz_link *pz_kit_link_new(const struct pz_link_host *host, void *owner,
				enum pz_session_kind kind, const char *address);

/** Takes what waits to be sent on any link. @param each called for each frame, oldest first; may be
 * NULL. `frame` is borrowed for the call */
void
pz_kit_link_take(struct pz_link *link, void (*each)(void *arg, struct pz_slice frame), void *arg);
/** The same as an array of messages; the caller decrefs. What is no JSON ends the process. */
json_t *pz_kit_link_messages(struct pz_link *link);

#endif
