/*
 * The border of a zone at its hub: which messages cross it, what a friend zone is shown of this
 * zone, and what the own devices get of what friends show.
 * @spec page 1 "Who may say what"; page 4 "Between zones"; page 7, 4; page 9, 10 (E3, E4, E6);
 * page 14 SPOOF-4, ZON-4, REV-10
 */
#ifndef PZ_BORDER_BORDER_H
#define PZ_BORDER_BORDER_H

#include <jansson.h>

#include "hosted/zone.h"

struct pz_border;

/** New border without friends. @param zone borrowed; its services are available. NULL: out of
 * memory. */
struct pz_border *pz_border_new(struct pz_hosted *zone);
/** Ends timers and searches. NULL is fine. */
void pz_border_free(struct pz_border *border);

/* ---- links ---- */

/** A friend's hub has a link: its session is attached, its address the friend's zone. It gets what
 * this zone shows, and the own devices are informed that it is connected. */
void pz_border_up(struct pz_border *border, struct pz_link *link);
/** The link ends, or its zone is no friend any more: the own devices learn it. Links of others, and
 * one that another has replaced, are ignored. */
void pz_border_down(struct pz_border *border, const struct pz_link *link);
/** The zone is no friend any more: all that it has shown is forgotten. */
void pz_border_friend_gone(struct pz_border *border, const char *zone);
/** A device has a link: it is sent what friends show. */
void pz_border_device_up(struct pz_border *border, struct pz_link *link);

/* ---- messages ---- */

/** pz_router_ops.may_cross: E4 where it leaves, E3 where it enters. */
bool pz_border_may_cross(struct pz_border *border, struct pz_session *in,
			 struct pz_session *friend_hub, const struct pz_envelope *envelope);
/** A prop of a friend's hub. @param message borrowed. @return false: not one of those that the
 * border takes (`Update`, `findServices`, `foundServices`) */
bool pz_border_on_prop(struct pz_border *border, struct pz_link *link, const char *status,
		       json_t *message);
/** A device searches in a friend zone: `findServices` with `zone`. It gets `foundServices` with its
 * id in any case, within PZ_BORDER_FIND_US. @param zone of a friend, or of no friend */
void pz_border_find(struct pz_border *border, struct pz_link *device, json_t *id, const char *zone);

/* ---- what is known ---- */

/** True when a friend may see this device now: one of its services, or that it takes files.
 * @param caller zone or zone/device of the friend */
bool pz_border_shows(struct pz_border *border, const char *caller, const char *device);
/** Returns whether the hub of a friend zone is connected, and when it was seen last (ms; 0: never).
 */
bool
pz_border_is_connected(const struct pz_border *border, const char *zone, uint64_t *out_seen_ms);

#endif
