/*
 * Friend zones, as the calls of a device see them: which of their devices the hub has shown, what
 * ends when one of them cannot be reached any more, and the words for people (page 12 `pzp
 * friends`). Devices of friends are named by their whole address: a name alone is one of this zone.
 */
#ifndef PZ_CALLS_FRIENDS_H
#define PZ_CALLS_FRIENDS_H

#include <jansson.h>

#include "base/err.h"
#include "base/slice.h"
#include "wire/address.h"

struct pz_calls;
struct pz_request;

/** The hub has sent `friendUpdate` (page 4): what a friend zone shows, and whether its hub is
 * connected. @param message borrowed */
void pz_calls_friend_update(struct pz_calls *calls, const json_t *message);
/** The zone is no friend any more: its calls and streams end at once, and ours to it. */
void pz_calls_friend_gone(struct pz_calls *calls, const char *zone);
/** There is no route to a friend's device any more: calls with it end. @param address zone/device
 */
void pz_calls_friend_device_gone(struct pz_calls *calls, const char *address);
/** The own hub is gone: friends' devices without a direct link cannot be reached. */
void pz_calls_friends_hub_gone(struct pz_calls *calls);

/** True for an address of a zone that is a friend now. @param out_address its parts, borrowed from
 * the text; may be NULL */
bool pz_calls_is_of_friend(const struct pz_calls *calls, const char *address,
			   struct pz_address *out_address);
/** As pz_devices_find, and an address ZONE/DEVICE of a friend zone, which is given back whole.
 * Errors: NOTFOUND, CONFIG. */
enum pz_err
pz_calls_find_device(const struct pz_calls *calls, const char *text,
		     char out[PZ_ADDRESS_BYTES_MAX + 1], struct pz_errinfo *info) PZ_MUST_USE;
/** As pz_calls_find_device, and refuses this device. Errors: NOTFOUND, CONFIG. */
enum pz_err
pz_calls_find_other(const struct pz_calls *calls, const char *text,
		    char out[PZ_ADDRESS_BYTES_MAX + 1], struct pz_errinfo *info) PZ_MUST_USE;
/** True while the hub of a friend zone is connected to ours, and ours to this device. */
bool pz_calls_is_friend_connected(const struct pz_calls *calls, const char *zone);
/** What the hub has shown of a friend's device, as an entry of its directory. Borrowed, or NULL. */
const json_t *pz_calls_friend_entry(const struct pz_calls *calls, const char *address);
/** True when there is a route to a friend's device: a direct link, or both hubs. */
bool pz_calls_friend_has_route(const struct pz_calls *calls, const char *address);
/** Why a friend's device cannot be reached now, in one line. */
void pz_calls_friend_why_unreachable(const struct pz_calls *calls, const char *address, char *out,
				     size_t size);
/** Adds the devices that friends show to the result of `pzp peers`. @param list array */
void pz_calls_friend_peers(const struct pz_calls *calls, json_t *list);
/** The command `friends`. */
void pz_calls_friends_command(struct pz_calls *calls, struct pz_request *request);
/** The result of `pzp friends`: [{zone, displayName, since, confirmed, connected, lastSeen, may}],
 * new; NULL: out of memory. */
json_t *pz_calls_friends(const struct pz_calls *calls);

#endif
