/* Inside of the virtual network only: what its two files share. */
#ifndef PZ_SIM_VNET_INTERNAL_H
#define PZ_SIM_VNET_INTERNAL_H

#include "base/list.h"
#include "net/stream.h"
#include "vnet.h"

struct vnet {
	const uint64_t *now_us;
	struct pz_timers timers;
	struct vnet_weather weather;
	struct rng rng;
	struct vnet_hooks hooks;
	void *arg;
	struct pz_list conns, hosts, listeners, dials;
	unsigned host_count;
};

struct vhost {
	struct pz_list node;
	struct vnet *net;
	char name[64], address[24];
	unsigned index;
	uint64_t cut_from; /* bit of each host that cannot be reached */
	uint64_t rate;
	uint16_t next_port;
	bool is_on;
};

/** One end of a connection. */
struct vend {
	struct pz_stream stream; /* first */
	struct vconn *conn;
	struct vhost *host;
	enum { END_UNOPENED, END_OPEN, END_CLOSED } state;
	unsigned side;
	struct pz_timer timer;
	bool reading, wants_room;
	bool is_dead;   /* its process is */
	bool is_reset;  /* reported to its owner when it reads or waits for room */
	bool has_ended; /* the end was reported to its owner */
};

/** What is on its way to end number `to`. */
struct vpipe {
	struct vconn *conn;
	unsigned to;
	uint8_t *mem; /* of `window` bytes, and those that its end still had when it was closed */
	size_t len, window;
	bool has_fin, is_fin_reset;
	struct pz_timer timer;
};

struct vconn {
	struct pz_list node;
	struct vnet *net;
	struct vend end[2]; /* client, server */
	struct vpipe pipe[2];
	uint64_t latency_us;
	size_t moved, doom_bytes;
	bool is_doom_silent, is_silent;
	bool is_dialling; /* a dial still refers to it */
};

uint64_t vnet_latency(struct vnet *net);
/** Starts a timer unless it is due earlier already. */
void vnet_soon(struct vnet *net, struct pz_timer *timer, uint64_t delay_us);
/** Something arrives at a host. */
void vnet_begin(struct vnet *net, const struct vhost *host);
/** End of an event; anything may be gone afterwards. */
void vnet_after(struct vnet *net);
/** By name or address; NULL: no host has it. */
struct vhost *vnet_find_host(const struct vnet *net, const char *name);
/** A connection that the dial refers to; both ends are unopened. */
struct vconn *vconn_new(struct vnet *net, struct vhost *client, struct vhost *server);
/** The dial is over; frees the connection when it is not used. */
void vconn_unused(struct vconn *conn);
/** Dials and listeners of the host are dead. */
void vdial_host_killed(struct vhost *host);

#endif
