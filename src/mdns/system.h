/* The machine's Avahi, over D-Bus. */
#ifndef PZ_MDNS_SYSTEM_H
#define PZ_MDNS_SYSTEM_H

#include "mdns/backend.h"
#include "net/loop.h"

/** Whether there may be a system bus: only then pz_mdns_system_new is worth trying. */
bool pz_mdns_system_may_exist(void);

/**
 * Connects to the system bus and waits for avahi-daemon; events->state says when it is there,
 * also from inside this call, and when the connection is of no more use.
 * Errors: LIMIT_MEMORY, IO (no bus, or it does not let us).
 */
enum pz_err
pz_mdns_system_new(struct pz_loop *loop, const struct pz_mdns_backend_events *events, void *arg,
		   struct pz_mdns_backend **out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
