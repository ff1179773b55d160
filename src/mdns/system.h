/* The machine's Avahi, over D-Bus. */
#ifndef PZ_MDNS_SYSTEM_H
#define PZ_MDNS_SYSTEM_H

#include "mdns/backend.h"
#include "net/loop.h"

/**
 * Connects to the system bus and waits for avahi-daemon, without blocking; events->state reports
 * when it is available, and when the connection cannot be used any more.
 * Errors: LIMIT_MEMORY, IO (no bus).
 */
enum pz_err
pz_mdns_system_new(struct pz_loop *loop, const struct pz_mdns_backend_events *events, void *arg,
		   struct pz_mdns_backend **out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
