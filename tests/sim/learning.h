/*
 * What devices learn of other zones while anything happens: addresses of their devices, and only
 * while the policy of such a zone shows them, or shortly after, for what was on its way.
 */
#ifndef PZ_SIM_LEARNING_H
#define PZ_SIM_LEARNING_H

#include "inspect.h"

#define LEARNING_ZONES 3
#define LEARNING_DEVICES 2

struct learning {
	const char *const *zones, *const *devices; /* names; the latter are the same in each zone */
	struct sim_node *hub[LEARNING_ZONES], *device[LEARNING_ZONES][LEARNING_DEVICES];
	/** Whether a policy shows a device to another zone. */
	bool (*is_shown)(struct pz_sync_item *policies, const char *zone, const char *device);
	uint64_t looked_us;
	/* when the hub's policy last showed this device to that zone; 0: never */
	uint64_t shown_us[LEARNING_ZONES][LEARNING_DEVICES][LEARNING_ZONES];
	/* a device (the first two) knew addresses of that of another zone when it was last looked
	 * at */
	bool knows[LEARNING_ZONES][LEARNING_DEVICES][LEARNING_ZONES][LEARNING_DEVICES];
	size_t learnt; /* so many times a device has learnt where another one is */
};

/** For world_run_until: looks now and then, and is never true. @param arg struct learning */
bool learning_look(struct world *world, void *arg);

#endif
