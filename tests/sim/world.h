/*
 * A world of nodes on virtual time: one hub or more, devices, each with its own clock, timers,
 * random source, disk and key store, on one virtual network. One seed decides everything that
 * happens.
 */
#ifndef PZ_SIM_WORLD_H
#define PZ_SIM_WORLD_H

#include <jansson.h>

#include "base/env.h"
#include "mdns/fake.h"
#include "net/turn.h"
#include "pzh/commands.h"
#include "pzp/node.h"
#include "store/memory.h"
#include "vnet.h"

#define SIM_NODES_MAX 16
#define SIM_S PZ_US_PER_S
#define SIM_MS PZ_US_PER_MS
#define SIM_MINUTE (60 * SIM_S)
#define SIM_DAY (86400 * SIM_S)

struct world;

/** One machine with one daemon. Settings are read at each start. */
struct sim_node {
	struct world *world;
	char name[32];
	bool is_hub;
	bool is_running;
	struct vhost *host;
	struct rng rng;
	uint64_t boot_us;      /* added to virtual time: its monotonic clock */
	int64_t wall_skew_ms;  /* of its wall clock */
	uint64_t commit_us;    /* how long a commit takes */
	uint64_t keepalive_us; /* 0: the default */
	size_t queue_high_bytes, queue_low_bytes;
	struct pz_env env;
	struct pz_timers timers;
	struct pz_turn turn;
	struct pz_memory_disk *disk;
	struct pz_keystore *keys;
	struct pz_store *store; /* while running */
	struct pz_hub *hub;
	struct pz_node *node;
	struct pz_mdns *mdns; /* while running, with a local network */
	unsigned starts;
	/* what its watcher has seen of the state machine, since its last start */
	enum pz_state seen;
	unsigned changes;
	uint64_t since_us;     /* of the state seen */
	unsigned peer_changes; /* of direct links, ever */
	/** Also called after a turn of this node (raw devices have neither hub nor node). */
	void (*end_turn)(struct sim_node *node);
	void *raw;
};

struct world {
	uint64_t now_us;
	uint64_t seed;
	struct rng rng; /* for scenarios */
	struct vnet *net;
	struct pz_mdns_fake_net *lan; /* NULL: devices see each other at the hub only */
	/** Before a device starts: the place to register further services. May be NULL. */
	void (*prepare)(struct sim_node *node, void *arg);
	void *prepare_arg;
	struct sim_node *nodes[SIM_NODES_MAX];
	size_t count;
	struct pz_list calls;
	uint64_t events;    /* so far */
	uint64_t same_time; /* events without time passing */
};

struct world *world_new(uint64_t seed);
/** One local network for the devices that are started from now on: they receive each other there
 * and announce their addresses. */
void world_add_lan(struct world *world);
/** Cuts two machines off from each other, multicast included, or mends it. */
void world_partition(struct sim_node *a, struct sim_node *b, bool on);
/** Stops every node. */
void world_free(struct world *world);

/** The next event, not later than `until_us`; false: no event is due, and it is `until_us` now. */
bool world_step(struct world *world, uint64_t until_us);
void world_run(struct world *world, uint64_t duration_us);
/** Until `is_so` or the duration is over; true: it is so. */
bool world_run_until(struct world *world, uint64_t duration_us,
		     bool (*is_so)(struct world *world, void *arg), void *arg);

/* ---- nodes ---- */

/** A machine with an empty disk; its host name is its name. Not started. */
struct sim_node *world_add_hub(struct world *world, const char *name);
struct sim_node *world_add_device(struct world *world, const char *name);
/** A machine without a daemon: env, turn and timers are ready. */
struct sim_node *world_add_raw(struct world *world, const char *name);

void sim_start(struct sim_node *node);
/** As SIGTERM does: says goodbye, what was submitted is stored. */
void sim_stop(struct sim_node *node);
/** As kill -9 or a power cut: what was not durable is lost. */
void sim_crash(struct sim_node *node, enum vnet_death death);

/** Keys in its key store. */
size_t sim_count_keys(const struct sim_node *node);
/** A device that is enrolled (by what it knows itself). It must be running. */
bool sim_is_enrolled(const struct sim_node *node);
bool sim_is_connected(const struct sim_node *node);
/** Links of the hub that are registered. */
size_t sim_hub_links(const struct sim_node *hub);
/** Bytes in the queues of all links of the hub; of the device's link only when named. */
size_t sim_hub_queued(const struct sim_node *hub, const char *device);

/** Whether `a` holds a direct link with `b` for live; false also for one that does not run. */
bool sim_is_linked(const struct sim_node *a, const struct sim_node *b);
/** ... and has opened it. */
bool sim_has_dialled(const struct sim_node *a, const struct sim_node *b);
/** Connections of `a` with peers, in whatever state, and attempts to get one. */
size_t sim_peer_links(const struct sim_node *a);

/* ---- commands ---- */

/** A command to a daemon. */
struct sim_call {
	struct pz_list list;
	struct sim_node *node;
	bool is_done;
	bool is_lost; /* the daemon went away before */
	unsigned ends;
	enum pz_err err;
	char detail[256];
	json_t *result; /* owned, NULL on failure */
	unsigned events;
	void (*on_event)(struct sim_call *call, json_t *event); /* may be NULL */
	void *arg;
	struct pz_request *running;
	json_t *params;
	uint64_t started_us, ended_us;
};

/** Starts one. @param params taken; the caller frees the call with sim_call_free. */
struct sim_call *sim_command(struct sim_node *node, const char *name, json_t *params);
/** The same with events. */
struct sim_call *
sim_command_events(struct sim_node *node, const char *name, json_t *params,
		   void (*on_event)(struct sim_call *call, json_t *event), void *arg);
/** The same of a hub with a file. @param takes_file closed at its end */
struct sim_call *sim_command_file(struct sim_node *hub, const char *name, json_t *params,
				  struct pz_file *takes_file);
/** Runs the world until it is done or lost, at most that long; true: it is done. */
bool sim_await(struct sim_call *call, uint64_t duration_us);
/** Cancels it when it runs. */
void sim_call_free(struct sim_call *call);

/** Runs a command to its end; it has to succeed. @return its result, the caller's. */
json_t *sim_do(struct sim_node *node, const char *name, json_t *params, uint64_t duration_us);

/* ---- failures ---- */

/** The promise is broken: prints the seed, the last lines of the log and how to run it again; ends
 * the program. */
void sim_fail(struct world *world, const char *fmt, ...) PZ_PRINTF(2, 3) __attribute__((noreturn));
#define sim_check(world, condition, ...)                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			sim_fail((world), __VA_ARGS__);                                            \
	} while (0)
/** A line of the scenario in the log. */
void sim_note(struct world *world, const char *fmt, ...) PZ_PRINTF(2, 3);

#endif
