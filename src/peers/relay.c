/* Routes to devices: a link with them, the hub, or a link through a peer (pages 4, 6 and 15). */
#include <stdio.h>

#include "peers/internal.h"
#include "wire/json.h"

static bool
does_reach(const struct peer *peer, struct pz_slice device)
{
	const json_t *reach = json_object_get(peer->info, "reach");

	for (size_t i = 0; i < json_array_size(reach); i++)
		if (pz_slice_eq_str(device, json_string_value(json_array_get(reach, i))))
			return true;
	return false;
}

/* True when our hub says that the device is not connected. A device that the hub has not named may
 * still be reached through it. */
static bool
is_known_away(const struct pz_peers *peers, struct pz_slice device)
{
	char name[PZ_DEVICE_BYTES_MAX + 1];

	if (device.len == 0 || device.len >= sizeof(name))
		return false;
	memcpy(name, device.ptr, device.len);
	name[device.len] = '\0';
	const json_t *entry = pz_peers_entry(peers, name);
	return entry && !json_is_true(json_object_get(entry, "connected"));
}

/* True for a relay: over one hop only, so its link must be direct. */
static bool
is_open_relay(const struct peer *peer)
{
	return peer->live && !peer->live->is_tunnel && peer->is_relay;
}

/* The hub may carry a link to it, which the hub cannot read. */
static bool
wants_private(const struct pz_peers *peers, const char *device)
{
	const struct peer *peer = pz_peers_find(peers, device);

	return peers->config.peer_prefs->is_private || (peer && peer->private_uses > 0);
}

static bool
has_hub(const struct peer *relay, const char *unused)
{
	(void)unused;
	return relay->has_hub;
}

static bool
reaches(const struct peer *relay, const char *device)
{
	return does_reach(relay, pz_slice_str(device));
}

/* The next one after that name, round robin: a relay that leads nowhere must not keep the others
 * from being tried. NULL: no relay fits. */
static const struct peer *
next_relay(const struct pz_peers *peers, const char *after,
	   bool (*fits)(const struct peer *relay, const char *device), const char *device)
{
	const struct peer *first = NULL;
	bool is_after = false;
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(peers->by_device, &pos, &key, &value)) {
		const struct peer *relay = value;
		bool is_one = is_open_relay(relay) && fits(relay, device);
		if (is_one && is_after)
			return relay;
		if (is_one && first == NULL)
			first = relay;
		is_after |= strcmp(relay->device, after) == 0;
	}
	return first;
}

void
pz_peers_each_relay(const struct pz_peers *peers, const char *device,
		    void (*each)(void *arg, const struct peer_target *target), void *arg)
{
	struct peer_target target = {.kind = TARGET_HUB};
	const struct peer *peer = pz_peers_find(peers, device);
	const struct peer *first =
		next_relay(peers, peer ? peer->relay_tried : "", reaches, device);

	/* also one that the hub has not named yet */
	if (wants_private(peers, device) && pz_peers_has_hub(peers))
		each(arg, &target);
	if (pz_peers_has_hub(peers) && !is_known_away(peers, pz_slice_str(device)))
		return;
	target.kind = TARGET_RELAY;
	const struct peer *relay = first;
	for (size_t count = 0; relay && count < PZ_RELAYS_TRIED_MAX; count++) {
		snprintf(target.address, sizeof(target.address), "%.*s", PZ_DEVICE_BYTES_MAX,
			 relay->device);
		each(arg, &target);
		relay = next_relay(peers, relay->device, reaches, device);
		if (relay == first)
			break;
	}
}

struct pz_link *
pz_peers_link_to_hub(struct pz_peers *peers, const char **out_relay)
{
	const struct peer *relay = next_relay(peers, peers->relaying.to_hub, has_hub, NULL);

	if (relay == NULL)
		return NULL;
	snprintf(peers->relaying.to_hub, sizeof(peers->relaying.to_hub), "%.*s",
		 PZ_DEVICE_BYTES_MAX, relay->device);
	*out_relay = relay->device;
	return relay->live->link;
}

/* ---- files ---- */

struct pz_channels *
pz_peers_channels(const struct pz_peers *peers, const char *device)
{
	const struct peer *peer = pz_peers_find(peers, device);

	return peer && peer->live ? pz_link_channels(peer->live->link) : NULL;
}

/* The hub has room for this number only. */
static void
on_unneeded(struct pz_timer *timer, void *arg)
{
	struct peer *peer = arg;
	struct peer_link *live = peer->live;

	(void)timer;
	if (peer->private_uses == 0 && !peer->peers->config.peer_prefs->is_private && live &&
	    live->is_tunnel && live->is_outgoing && live->via[0] == '\0')
		pz_peer_link_close(live, PZ_OK, "no file is sent any more");
}

/* The link stays for a while after its last use, so that the next file finds it open. */
void
pz_peers_want_private(struct pz_peers *peers, const char *device, bool on)
{
	struct peer *peer = on ? pz_peers_get(peers, device) : pz_peers_find(peers, device);

	if (peer == NULL)
		return;
	pz_env_stop(peers->env, &peer->unneeded);
	if (on)
		peer->private_uses++;
	else if (peer->private_uses > 0)
		peer->private_uses--;
	if (peer->private_uses > 0 || peer->live == NULL)
		return;
	pz_timer_init(&peer->unneeded, on_unneeded, peer);
	pz_env_start(peers->env, &peer->unneeded, PZ_TRANSFER_LINK_US);
}

struct pz_session *
pz_peers_next_hop(const struct pz_peers *peers, struct pz_slice address)
{
	struct pz_address parsed;

	if (pz_address_parse(address, &parsed) != PZ_OK)
		return NULL;
	struct pz_session *hub = pz_peers_hub(peers);
	/* With `private` a device is reached only by a link with it. */
	return parsed.device.len > 0 && peers->config.peer_prefs->is_private ? NULL : hub;
}

const char *
pz_peers_route(const struct pz_peers *peers, const char *device)
{
	const struct peer *peer = pz_peers_find(peers, device);

	if (peer && peer->live && peer->live->is_tunnel)
		return peer->live->via[0] ? "relay" : "hub";
	if (peer && peer->live)
		return "direct";
	if (pz_peers_is_at_hub(peers, device))
		return "hub";
	return "none";
}

bool
pz_peers_is_private(const struct pz_peers *peers)
{
	return peers->config.peer_prefs->is_private;
}

bool
pz_peers_has_route(const struct pz_peers *peers, const char *device)
{
	if (peers->config.peer_prefs->is_private)
		return pz_peers_is_linked(peers, device);
	return strcmp(pz_peers_route(peers, device), "none") != 0;
}

bool
pz_peers_has_relay_to_hub(const struct pz_peers *peers)
{
	return next_relay(peers, "", has_hub, NULL) != NULL;
}

size_t
pz_peers_relay_room(const struct pz_session *session)
{
	return session->frame_max ? session->frame_max / 2 : PZ_FRAME_BYTES_ENROL / 2;
}

/* Appends what still fits. Takes it. */
static void
add_fitting(json_t *list, json_t *takes_one, size_t bytes_max, size_t *bytes)
{
	size_t more = json_dumpb(takes_one, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) + 1;

	if (*bytes + more > bytes_max) {
		json_decref(takes_one);
		return;
	}
	*bytes += more;
	json_array_append_new(list, takes_one);
}

json_t *
pz_peers_reach(const struct pz_peers *peers, size_t bytes_max)
{
	json_t *list = json_array();
	size_t pos = 0, bytes = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(peers->by_device, &pos, &key, &value)) {
		const struct peer *peer = value;
		if (peer->live && !peer->live->is_tunnel && !peer->is_friend &&
		    json_array_size(list) < PZ_PEER_REACH_MAX)
			add_fitting(list, json_string(peer->device), bytes_max, &bytes);
	}
	return list;
}
