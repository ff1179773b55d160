/*
 * What devices learn of other zones while anything happens: names, what else is shown of a device
 * (its presence with addresses, type, display name), and services, on links and by searches. A
 * device learns something only while the other zone shows it, or shortly after, for what was on its
 * way.
 */
#ifndef PZ_SIM_LEARNING_H
#define PZ_SIM_LEARNING_H

#include "inspect.h"

#define LEARNING_ZONES 3
#define LEARNING_DEVICES 2
#define LEARNING_SEARCHES_MAX 64

enum learning_kind {
	LEARNING_NAME,    /* that there is such a device */
	LEARNING_DETAILS, /* what an entry has besides name and presence */
	LEARNING_SERVICE, /* a service, from the device itself by a direct link */
	LEARNING_KINDS,
};

/** For each device (the last two) of a zone that shows something, by device of another zone. */
typedef bool learning_known[LEARNING_ZONES][LEARNING_DEVICES];

/** A search under way. */
struct learning_search {
	struct sim_call *call; /* NULL: free */
	size_t zone, device;   /* that searches */
	size_t other;          /* zone in which it does; its own one has nothing of others */
};

struct learning {
	const char *const *zones, *const *devices; /* names; the latter are the same in each zone */
	struct sim_node *hub[LEARNING_ZONES], *device[LEARNING_ZONES][LEARNING_DEVICES];
	/** Whether a policy shares a device (the last) with one of another zone. @param from NULL:
	 * with each of that zone */
	bool (*is_shared)(struct pz_sync_item *policies, const char *zone, const char *from,
			  const char *device);
	uint64_t looked_us;
	/* When the policy of the hub last shared this device with that whole zone, when something
	 * last permitted that zone's device (the last) to use it, and when that device last had the
	 * first zone as a friend; 0: never. */
	uint64_t shown_us[LEARNING_ZONES][LEARNING_DEVICES][LEARNING_ZONES];
	uint64_t permitted_us[LEARNING_ZONES][LEARNING_DEVICES][LEARNING_ZONES][LEARNING_DEVICES];
	uint64_t friend_us[LEARNING_ZONES][LEARNING_ZONES][LEARNING_DEVICES];
	/* Messages between this device and that zone may have crossed. */
	bool has_met[LEARNING_ZONES][LEARNING_DEVICES][LEARNING_ZONES];
	/* What a device (the first two) knew when it was last looked at. */
	learning_known knows[LEARNING_ZONES][LEARNING_DEVICES][LEARNING_KINDS];
	struct learning_search searches[LEARNING_SEARCHES_MAX];
	size_t learnt[LEARNING_KINDS]; /* so many times */
	size_t found;                  /* services by searches */
};

/** For world_run_until: looks now and then, and is never true. @param arg struct learning */
bool learning_look(struct world *world, void *arg);
/** A device begins a call to a zone: it shows itself by that. */
void learning_called(struct learning *l, const struct sim_node *from, size_t zone);
/** Begins a search of a device, which has to run, in a zone; its own: of all that it lists. */
void learning_search(struct learning *l, size_t zone, size_t device, size_t other);
/** Ends what is under way. */
void learning_end(struct learning *l);

#endif
