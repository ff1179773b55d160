/*
 * A connection to a message bus on our loop, on libdbus alone. Not libavahi-client: each of its
 * calls waits for the answer (a stopped avahi-daemon would stop us), and one of its functions has
 * the name of another one in libavahi-core, so a process cannot have both.
 */
#ifndef PZ_MDNS_BUS_H
#define PZ_MDNS_BUS_H

#include <dbus/dbus.h>

#include "net/loop.h"

struct pz_mdns_bus;

/* From the loop, never from inside a call. */
struct pz_mdns_bus_events {
	/** The service has an owner: it can be called. */
	void (*ready)(void *arg);
	/** It has none now; ready says when. */
	void (*absent)(void *arg);
	/** The bus or the service's owner is gone: the connection cannot be used any more. */
	void (*lost)(void *arg);
	/** A signal of the service. */
	void (*signal)(void *arg, DBusMessage *signal);
};

/** True if there may be a system bus: only then pz_mdns_bus_open is worth trying. */
bool pz_mdns_bus_may_exist(void);

/**
 * Connects, and waits for `service` to have an owner; does not have it started.
 * @param address of the bus; NULL: the system's
 * @param service well-known name, static
 * Errors: LIMIT_MEMORY, IO (no bus).
 */
enum pz_err pz_mdns_bus_open(struct pz_loop *loop, const char *address, const char *service,
			     const struct pz_mdns_bus_events *events, void *arg,
			     struct pz_mdns_bus **out, struct pz_errinfo *info) PZ_MUST_USE;
/** No call-back runs any more. NULL is fine. */
void pz_mdns_bus_close(struct pz_mdns_bus *bus);

/**
 * Sends a method call to the service.
 * @param takes_call NULL is a failure: so a caller need not check that it could be made
 * @param done NULL: no answer is wanted. Else it is called once with the answer, an error message
 *        in particular when none came, unless the bus is closed before
 * @return false: nothing was sent, `done` will not be called (no memory, or the bus is gone)
 */
bool pz_mdns_bus_call(struct pz_mdns_bus *bus, DBusMessage *takes_call,
		      void (*done)(void *arg, DBusMessage *answer), void *arg);

#endif
