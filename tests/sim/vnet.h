/*
 * A network in memory on virtual time: named hosts, listeners, dials, and connections that delay,
 * split, stall, break and fall silent. It is the transport of simulated nodes (net/transport.h) and
 * the stream below their links (net/stream.h).
 *
 * What it promises is what TCP promises: bytes of one direction arrive in order, none twice; what
 * was taken may be lost only when the connection ends without an orderly close. Between two
 * connections there is no order.
 */
#ifndef PZ_SIM_VNET_H
#define PZ_SIM_VNET_H

#include "base/timer.h"
#include "net/transport.h"
#include "rng.h"

struct vnet;
struct vhost;

/** How the network behaves; may be changed at any time. Chances in percent. */
struct vnet_weather {
	uint64_t latency_min_us, latency_max_us; /* of a connection, drawn when it is made */
	unsigned tiny_pieces;                    /* pieces of 1 to 8 bytes */
	size_t piece_max;                        /* largest piece */
	size_t window_min, window_max; /* bytes in flight, each direction of a connection */
	unsigned breaks, silences;     /* new connections that end after a random number of bytes */
	uint64_t doom_bytes_max;       /* ... at most this many */
	unsigned resolver_failures;    /* dials that end with IO_RESOLVE */
};

/** What becomes of the connections of a process that dies. */
enum vnet_death {
	VNET_DEATH_RESET, /* its system says so at once */
	VNET_DEATH_SILENT /* power cut: nothing is sent */
};

/** Who wants to know when the network acts. */
struct vnet_hooks {
	void (*begin)(void *arg, const char *host); /* something arrives at this host */
	void (*after)(void *arg);                   /* an event is over */
};

/** @param now_us the virtual time, borrowed */
struct vnet *
vnet_new(const uint64_t *now_us, uint64_t seed, const struct vnet_hooks *hooks, void *arg);
/** Every node must be gone. */
void vnet_free(struct vnet *net);
/** Events of the network, to be run by the world. */
struct pz_timers *vnet_timers(struct vnet *net);
struct vnet_weather *vnet_weather(struct vnet *net);
/** Short latency, no faults; what is broken already stays so. */
void vnet_calm(struct vnet *net);

/** A new machine; at most 64. It is on, nothing listens. */
struct vhost *vnet_host(struct vnet *net, const char *name);
/** Transport of the process on this host (one at a time). */
struct pz_transport vhost_transport(struct vhost *host);

/** Its address, "10.0.0.N": dialled like its name. Borrowed. */
const char *vhost_address(const struct vhost *host);

/** The process is dead: nothing is delivered to it any more, what it still sends is lost. */
void vhost_kill(struct vhost *host, enum vnet_death death);
/** Off: nothing answers there, not even with a refusal. */
void vhost_set_on(struct vhost *host, bool on);
/** Bytes a second that are delivered to this host; 0: no limit. */
void vhost_set_rate(struct vhost *host, uint64_t bytes_per_s);

/** No byte passes between the two until it is mended; connections live on and stall. */
void vnet_partition(struct vnet *net, struct vhost *a, struct vhost *b, bool on);
bool vnet_is_blocked(const struct vhost *a, const struct vhost *b);
/** The same by their addresses; false for unknown addresses. */
bool vnet_are_blocked(const struct vnet *net, const char *a, const char *b);
/** Ends a random connection between the two; false: they have no connection. */
bool vnet_break_one(struct vnet *net, struct vhost *a, struct vhost *b, bool silently);
/** Ends all of them that fell silent, so that nothing broken stays behind. */
void vnet_reset_silent(struct vnet *net);
/** Bytes that were taken and not delivered yet, on all connections to this host. */
size_t vnet_in_flight_to(const struct vnet *net, const struct vhost *host);

#endif
