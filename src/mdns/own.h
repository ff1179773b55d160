/*
 * Our own responder, in a separate process.
 * @spec page 14 DOS-4
 */
#ifndef PZ_MDNS_OWN_H
#define PZ_MDNS_OWN_H

#include "mdns/backend.h"
#include "net/loop.h"

/**
 * Starts the responder's process: this program again (/proc/self/exe), without an environment and
 * with nothing open but a socket to us (responder.h). events->state: READY when it speaks, LOST
 * when it cannot, DIED when its process ended, was stuck, or sent what is no message; after the
 * last two there is nothing to do but to free it. Freeing does not wait: the process takes back
 * what is announced and ends, and is killed when it has not after PZ_MDNS_RESPONDER_END_MS.
 * Errors: LIMIT_MEMORY, IO (the process cannot be started).
 */
enum pz_err
pz_mdns_own_new(struct pz_loop *loop, const struct pz_mdns_backend_events *events, void *arg,
		struct pz_mdns_backend **out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
