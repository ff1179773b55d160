/*
 * Three zones, each with a hub and two devices whose names are the same in each zone, for what
 * simulations of friends do: become friends, share, call. Each call of another zone that a device
 * executes is checked: the device knows that zone as a friend, and its policy or a grant permits
 * it.
 */
#ifndef PZ_SIM_FRIENDS_SCENE_H
#define PZ_SIM_FRIENDS_SCENE_H

#include "learning.h"
#include "probe.h"
#include "world.h"

#define API PROBE_API
#define ZONES LEARNING_ZONES
#define DEVICES LEARNING_DEVICES
#define CALLS_MAX 512

extern const char *const friends_zones[ZONES], *const friends_devices[DEVICES];

struct scene {
	struct world *world;
	struct sim_node *hub[ZONES], *device[ZONES][DEVICES];
	struct sim_call *calls[CALLS_MAX];
	size_t count, executed, across, changes;
	size_t by_grant, moves;
	struct learning learning;
};

/** Makes the zones: hubs run, devices are enrolled and connected. */
void friends_make(struct scene *s, struct world *world);
/** Ends what is under way. */
void friends_end(struct scene *s);
/** Everything runs, without partitions, and had time to find each other. */
void friends_make_whole(struct scene *s);

size_t friends_any_zone(struct scene *s);
struct sim_node *friends_any_device(struct scene *s);
/** Begins a command of which only its end matters; nothing where the node does not run. @param
 * takes_params taken */
void friends_ask(struct scene *s, struct sim_node *node, const char *name, json_t *takes_params);
/** Begins a call of the probe on a device of a zone. */
struct sim_call *friends_begin_call(struct sim_node *from, size_t zone, size_t device);
/** The owners of both zones become friends, as far as the two hubs reach each other now. */
void friends_befriend(struct scene *s, size_t a, size_t b);

/** A policy of a zone that shares the probe with other zones by chance. */
void friends_write_policy(struct scene *s, size_t own, char *out, size_t size);
/** The owner of some zone stores such a policy. */
void friends_share(struct scene *s);
/** Whether policies share the probe of a device with one of another zone. @param from NULL: with
 * each device of it */
bool
friends_has_share(struct pz_sync_item *item, const char *zone, const char *from, const char *to);
/** The same by the policy that a device holds; false without a policy. */
bool
friends_is_shared(const struct sim_node *node, const char *zone, const char *from, const char *to);
/** Whether a zone has the other one as a friend. */
bool friends_are(struct scene *s, size_t a, size_t b);
/** A zone that was away when its friend ended the friendship keeps it, with a warning, and to no
 * effect. */
bool friends_are_both(struct scene *s, size_t a, size_t b);

#endif
