/*
 * A zone to which anything may happen: devices that are cut off, killed, revoked, enrolled again,
 * with clocks that are wrong, and data that everybody changes. What must hold at any time is looked
 * at while it runs (town_run), what must hold in the end at the end (town_check_same).
 */
#ifndef PZ_SIM_TOWN_H
#define PZ_SIM_TOWN_H

#include "x509/cert.h"
#include "zone.h"

#define TOWN_DEVICES_MAX 5
#define TOWN_REVOKED_MAX 64

/** A certificate that was revoked, as the hub has answered. */
struct town_revoked {
	char serial[PZ_SERIAL_HEX_BYTES];
	char device[32];
};

/** What was seen of a node when it was last looked at. */
struct town_seen {
	unsigned start; /* which of its starts that was */
	bool is_member; /* of the zone */
	uint64_t crl_number;
	uint64_t crl_since_us; /* when this list was first seen there */
};

struct town {
	struct world *world;
	struct sim_node *hub, *device[TOWN_DEVICES_MAX];
	size_t count;
	struct town_seen seen[TOWN_DEVICES_MAX + 1]; /* the hub's last */
	struct town_revoked revoked[TOWN_REVOKED_MAX];
	size_t revoked_count;
};

/** A hub and 3 to 5 devices that are members and see each other. */
void town_make(struct town *town, struct world *world);
/** Runs, and looks all the time at what must hold at all times. */
void town_run(struct town *town, uint64_t duration_us);
/** The node's clock is wrong by a random time of up to ten minutes. */
void town_set_clock(struct sim_node *node);

/** Is the device a member of the zone, by what it knows itself? */
bool town_is_member(const struct sim_node *device);
/** ... and by what the hub knows. */
bool town_is_admitted(const struct town *town, const struct sim_node *device);

/** One of the devices or the hub. */
struct sim_node *town_anybody(struct town *town);
struct sim_node *town_any_device(struct town *town);

/** Revokes it at the hub, which has to run; the answer is awaited and kept. Nothing happens to a
 * device that the hub does not have. */
void town_revoke(struct town *town, const struct sim_node *device);
/** Tries to enrol a virgin device; may fail. */
void town_enrol(struct town *town, struct sim_node *device);
/** A change of what is synchronised, made by a node: a key and value by chance. */
void town_write(struct sim_node *node);
/** A command about it, by chance. */
void town_order(struct sim_node *node);

/** All have the same data, and none knows those who are out. */
void town_check_same(struct town *town);

#endif
