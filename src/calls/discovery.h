/* Searching for services, and announcing our own (page 7, 4 and 7). */
#ifndef PZ_CALLS_DISCOVERY_H
#define PZ_CALLS_DISCOVERY_H

#include <jansson.h>

struct pz_calls;
struct pz_search;

/* ---- searching ---- */

/** The end of a search: list borrowed; called once, unless it is cancelled; never from inside
 * pz_search_start. */
typedef void (*pz_search_done)(void *arg, json_t *descriptors);
/**
 * Searches own services and the zone's: through the hub, without it (or where it does not see the
 * device) among peers, which are searched and linked.
 * @param api pattern or NULL; @param device the only one whose services matter, or NULL
 * @return the search, or NULL: out of memory, and done is not called
 */
struct pz_search *pz_search_start(struct pz_calls *calls, const char *api, const char *device,
				  pz_search_done done, void *arg);
/**
 * Searches in a friend zone, by the hubs or on a link with the device that is meant.
 * @param zone of a friend; @param api pattern or NULL
 * @param device zone/device that is looked for, where the hubs cannot answer; NULL: they are asked
 * @return as pz_search_start
 */
struct pz_search *pz_search_start_in(struct pz_calls *calls, const char *zone, const char *device,
				     const char *api, pz_search_done done, void *arg);
/** Its end is not reported. NULL is fine. */
void pz_search_cancel(struct pz_search *search);

/* ---- what has happened ---- */

/** The hub has sent `foundServices`. @param message borrowed */
void pz_discovery_found(struct pz_calls *calls, json_t *message);
/** The hub is gone: searches continue without it. */
void pz_discovery_hub_gone(struct pz_calls *calls);
/** A peer has come, gone, or sent something: searches look again. */
void pz_discovery_look_again(struct pz_calls *calls);

/* ---- what is known ---- */

/** What is known of a device's services. Borrowed, or NULL. */
json_t *pz_discovery_services_of(const struct pz_calls *calls, const char *device);
/** The services of a device of which nothing was received. @param takes_list array of descriptors
 */
void pz_discovery_recall(struct pz_calls *calls, const char *device, json_t *takes_list);
/** Drops what the hub has sent about the services of a device. */
void pz_discovery_forget(struct pz_calls *calls, const char *device);
/** The same of all devices that the zone has revoked or that have left it. */
void pz_discovery_forget_left(struct pz_calls *calls);
/** The same of all devices: the zone is left. */
void pz_discovery_forget_all(struct pz_calls *calls);

/* ---- announcing ---- */

/** Sends the hub the services of this device, and writes them into the zone's data. */
void pz_discovery_announce(struct pz_calls *calls);
/** The same a moment later, and to the peers, too: together with what changes meanwhile. */
void pz_discovery_announce_soon(struct pz_calls *calls);

#endif
