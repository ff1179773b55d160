/* Our own responder: avahi-core inside this process, for machines without avahi-daemon. */
#ifndef PZ_MDNS_OWN_H
#define PZ_MDNS_OWN_H

#include "mdns/backend.h"
#include "net/loop.h"

/** Opens port 5353 beside whoever else has it. Announces nothing by itself. Errors: LIMIT_MEMORY,
 * IO (no network at all, or no permission). */
enum pz_err
pz_mdns_own_new(struct pz_loop *loop, const struct pz_mdns_backend_events *events, void *arg,
		struct pz_mdns_backend **out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
