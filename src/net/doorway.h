/*
 * The waiting room of a listener: connections that have not proved an identity. Their number is
 * bounded, for one address, for the network that it belongs to, and in all. When there is no room
 * the connection that has waited longest among those of the busiest network goes, not the one that
 * comes: so a stranger with many connections loses its own. Sans-I/O; hub and device use it alike.
 */
#ifndef PZ_NET_DOORWAY_H
#define PZ_NET_DOORWAY_H

#include <stdbool.h>

#include "base/env.h"
#include "base/err.h"
#include "base/list.h"

struct pz_doorway;
struct pz_crowd;

/** Connections that may wait at once. */
struct pz_doorway_limits {
	unsigned all;
	unsigned per_net;  /* of one IPv4 address, or of one IPv6 /64 */
	unsigned per_site; /* of one IPv6 /48 */
	/* Connections of one net in all, also those that have proved an identity; 0: no bound. */
	unsigned links_per_net;
};

/** One connection. Embedded in what the owner knows of it; zero-initialised: not admitted. */
struct pz_guest {
	struct pz_list node; /* those that wait, the oldest first */
	struct pz_doorway *doorway;
	struct pz_crowd *address, *net, *site; /* the same one for IPv4 */
};

struct pz_doorway_ops {
	/** There is no room: close this connection, now or at the end of the turn. It does not wait
	 * any more. @param why one line, borrowed */
	void (*evict)(void *arg, struct pz_guest *guest, const char *why);
	/** The room for all is full. Called at most once until `calm`. @param busiest the address
	 * or network that most of them are from, borrowed; @param count how many are */
	void (*full)(void *arg, const char *busiest, unsigned count);
	/** It has not been full for PZ_DOORWAY_CALM_US. */
	void (*calm)(void *arg);
};

/**
 * @param limits copied; zeros besides links_per_net count as 1
 * @param env clock and timers, borrowed; @param ops borrowed, members may not be NULL
 * @return NULL: out of memory
 */
struct pz_doorway *pz_doorway_new(const struct pz_doorway_limits *limits, const struct pz_env *env,
				  const struct pz_doorway_ops *ops, void *arg);
/** Every guest must have left. NULL is fine. */
void pz_doorway_free(struct pz_doorway *doorway);

/**
 * A connection has come; it waits until pz_guest_proved or pz_guest_leave. May call `evict` for
 * others, `full`.
 * @param guest not admitted anywhere, stays at its address until pz_guest_leave
 * @param remote text of its address without port; any other text counts as an address of its own
 * @param info says which limit
 * Errors: LIMIT (links_per_net), LIMIT_MEMORY. The guest is not admitted then.
 * @spec page 4 "Pressure", page 14 DOS-1, DOS-2
 */
enum pz_err pz_doorway_admit(struct pz_doorway *doorway, struct pz_guest *guest, const char *remote,
			     struct pz_errinfo *info) PZ_MUST_USE;

/** It has proved an identity, and does not wait any more. Harmless when it did not wait. */
void pz_guest_proved(struct pz_guest *guest);
/** The connection is gone. Harmless when it was not admitted. */
void pz_guest_leave(struct pz_guest *guest);
/** Its address as it was admitted; "" when it is not. Borrowed until it leaves. */
const char *pz_guest_remote(const struct pz_guest *guest);
/** The network that its address belongs to: itself for IPv4, the /64 for IPv6. As above. */
const char *pz_guest_net(const struct pz_guest *guest);
/** True while it has proved nothing. */
bool pz_guest_is_waiting(const struct pz_guest *guest);

/** Number of guests that have proved nothing yet. */
size_t pz_doorway_waiting(const struct pz_doorway *doorway);
/** How many addresses and networks have a connection, for tests. */
size_t pz_doorway_crowds(const struct pz_doorway *doorway);

#endif
