/*
 * Finding services (page 7, 7). While the hub is connected it is asked: it knows what every
 * connected device has announced. Without it, or for a device that it does not see, the search is
 * local: peers are searched, linked, and send their services; a peer that still reaches the hub
 * relays the search.
 *
 * In a friend zone both are done at once: the hubs know what that zone's policy shows, and a nearby
 * device what it grants itself (page 9, 7.1).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "calls/internal.h"
#include "items/service_cache.h"
#include "wire/json.h"

/* The hub answers from memory; without an answer our own data is used. */
#define ASK_TIMEOUT_US (2 * PZ_US_PER_S)
/* A local search for everything ends when nothing has arrived for this time. */
#define LOCAL_QUIET_US (1200 * PZ_US_PER_MS)
#define LOCAL_STEP_US (300 * PZ_US_PER_MS)
/* The hub reports the device as away, or answers for a friend zone: a short local search follows.
 */
#define LOCAL_SHORT_US (1 * PZ_US_PER_S)

/* The time until the hub has closed our own dead link and accepts us through a relay. */
#define BEHIND_US (PZ_PEER_CONTEST_US + 1 * PZ_US_PER_S)

struct pz_search {
	struct pz_list hook;
	struct pz_calls *calls;
	struct pz_timer timer;
	uint64_t end_us;         /* of a local search */
	char *api;               /* pattern, or NULL */
	char *device;            /* the only one that matters, or NULL */
	char *zone;              /* a friend's, or NULL: the own one */
	json_t *found;           /* in that zone */
	uint64_t asked_until_us; /* of a search there: the hub has so long */
	char id[37];
	bool is_beginning; /* there is no hub to ask: it becomes local when its timer fires */
	bool is_local;
	bool has_asked, is_asking; /* the hub, while the search is local */
	pz_search_done done;
	void *arg;
};

static bool
matches(const char *pattern, json_t *descriptor)
{
	const char *api = pz_json_str(descriptor, "api");

	return pattern == NULL || (api && pz_api_matches(pattern, api));
}

static void
free_discovery(struct pz_search *d)
{
	pz_list_remove(&d->hook);
	pz_env_stop(d->calls->env, &d->timer);
	free(d->api);
	free(d->device);
	free(d->zone);
	json_decref(d->found);
	free(d);
}

/* ---- what is known ---- */

json_t *
pz_discovery_services_of(const struct pz_calls *calls, const char *device)
{
	json_t *services = pz_peers_services(calls->peers, device);

	/* the owner's name for it wins (page 8) */
	return services ? services : json_object_get(calls->known, device);
}

/* Own services first, then those of known devices, the reachable ones first, so that a caller which
 * takes the first match gets one that answers. */
static json_t *
collect(struct pz_calls *calls, const char *api)
{
	json_t *out = pz_registry_list(calls->config.registry, api);
	json_t *names = pz_peers_names(calls->peers), *value, *one;
	const char *device;
	size_t i;

	json_object_foreach (calls->known, device, value)
		(void)json_object_set_new(names, device, json_true());
	for (int pass = 0; pass < 2; pass++)
		json_object_foreach (names, device, value) {
			if (pz_peers_has_route(calls->peers, device) != (pass == 0))
				continue;
			json_array_foreach (pz_discovery_services_of(calls, device), i, one)
				if (matches(api, one))
					json_array_append(out, one);
		}
	json_decref(names);
	return out;
}

static bool
is_same_service(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "id"), json_object_get(b, "id")) &&
	       json_equal(json_object_get(a, "serviceAddress"),
			  json_object_get(b, "serviceAddress"));
}

static bool
has_service(const json_t *list, const json_t *service)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_same_service(json_array_get(list, i), service))
			return true;
	return false;
}

/* What the friend's hub has answered, and what linked devices of that zone have sent. */
static json_t *
collect_of_friend(const struct pz_search *d)
{
	json_t *out = json_copy(d->found), *names = pz_peers_friends(d->calls->peers), *value, *one;
	size_t zone_len = strlen(d->zone), i;
	const char *address;

	json_object_foreach (names, address, value) {
		if (strncmp(address, d->zone, zone_len) != 0 || address[zone_len] != '/')
			continue;
		json_array_foreach (pz_peers_services(d->calls->peers, address), i, one)
			if (matches(d->api, one) && !has_service(out, one))
				(void)json_array_append(out, one);
	}
	json_decref(names);
	return out;
}

static void
finish(struct pz_search *d)
{
	json_t *found = d->zone ? collect_of_friend(d) : collect(d->calls, d->api);
	pz_search_done done = d->done;
	void *arg = d->arg;

	free_discovery(d);
	done(arg, found);
	json_decref(found);
}

/* ---- the local search ---- */

static bool
is_here(const struct pz_search *d)
{
	return pz_peers_has_route(d->calls->peers, d->device) &&
	       pz_discovery_services_of(d->calls, d->device);
}

/* Ended: it was found, or nothing more can be found. */
static bool
is_settled(const struct pz_search *d)
{
	if (pz_env_mono_us(d->calls->env) >= d->end_us || (d->device && is_here(d)))
		return true;
	return !d->is_asking && pz_peers_look_left_us(d->calls->peers) == 0 &&
	       !pz_peers_is_expecting(d->calls->peers);
}

/* Once: a hub that became reachable since the search began, perhaps through a relay that it found.
 */
static void
ask_late(struct pz_search *d)
{
	json_t *message;

	if (d->has_asked)
		return;
	if (!pz_uplink_is_up(d->calls->uplink)) {
		if (!pz_peers_has_relay_to_hub(d->calls->peers))
			return;
		if (!d->is_asking) /* a link through the relay needs a moment more */
			d->end_us = pz_env_mono_us(d->calls->env) + BEHIND_US;
		d->is_asking = true;
		return;
	}
	message = json_pack("{s:s}", "id", d->id);
	pz_uplink_send_prop(d->calls->uplink, "findServices", message);
	json_decref(message);
	d->has_asked = d->is_asking = true;
}

/* Checked again when a peer has news, at the latest when the local search ends. */
static void
go_on(struct pz_search *d)
{
	const struct pz_env *env = d->calls->env;
	uint64_t now = pz_env_mono_us(env), left = pz_peers_look_left_us(d->calls->peers);

	ask_late(d);
	if (is_settled(d)) {
		finish(d);
		return;
	}
	uint64_t wait = left > 0 ? left : LOCAL_STEP_US;
	if (now + wait > d->end_us)
		wait = d->end_us - now;
	pz_env_start(env, &d->timer, wait);
}

/* Dials every device whose address the hub has sent, once. */
static void
dial_everybody(struct pz_calls *calls, uint64_t seek_us)
{
	const char *device;
	json_t *entry;
	size_t count = 0;

	json_object_foreach (pz_uplink_directory(calls->uplink), device, entry) {
		if (json_array_size(json_object_get(entry, "ipaddress")) > 0 &&
		    count++ < PZ_PEER_ATTEMPTS_MAX)
			(void)pz_peers_dial(calls->peers, device, seek_us);
	}
}

static bool
can_look(const struct pz_calls *calls)
{
	return calls->zone->membership && !calls->is_ending &&
	       !calls->config.ops->is_leaving(calls->config.arg);
}

static void
start_local(struct pz_search *d)
{
	struct pz_calls *calls = d->calls;
	bool has_mdns = calls->config.has_mdns;
	uint64_t look_us = d->device ? PZ_PEER_SEEK_US : LOCAL_QUIET_US;

	d->is_beginning = false;
	d->is_local = true;
	if (!can_look(calls) ||
	    (d->device && (!pz_peers_add(calls->peers, d->device) || is_here(d)))) {
		finish(d);
		return;
	}
	if (pz_uplink_is_up(calls->uplink))
		look_us = LOCAL_SHORT_US;
	d->end_us = pz_env_mono_us(calls->env) + PZ_PEER_SEEK_US;
	if (has_mdns)
		pz_peers_look(calls->peers, look_us, !pz_uplink_is_up(calls->uplink));
	if (d->device)
		(void)pz_peers_dial(calls->peers, d->device, look_us);
	if (!pz_uplink_is_up(calls->uplink))
		dial_everybody(calls, 0);
	go_on(d);
}

void
pz_discovery_look_again(struct pz_calls *calls)
{
	PZ_LIST_EACH (&calls->finds, n, tmp) {
		struct pz_search *d = PZ_CONTAINER(n, struct pz_search, hook);
		/* Not from here: the caller is in the middle of a change. A search whose timer is
		 * due is checked anyway. */
		if ((d->is_local || d->zone) &&
		    (!d->timer.active || d->timer.due_us > pz_env_mono_us(calls->env)))
			pz_env_start(calls->env, &d->timer, 0);
	}
}

/* ---- what is known changes ---- */

void
pz_discovery_recall(struct pz_calls *calls, const char *device, json_t *takes_list)
{
	(void)json_object_set_new(calls->known, device, takes_list);
}

void
pz_discovery_forget(struct pz_calls *calls, const char *device)
{
	(void)json_object_del(calls->known, device);
}

void
pz_discovery_forget_left(struct pz_calls *calls)
{
	const char *device;
	json_t *list;
	void *next;

	json_object_foreach_safe (calls->known, next, device, list) {
		if (pz_device_zone_has_left(calls->zone, device))
			json_object_del(calls->known, device);
	}
}

void
pz_discovery_forget_all(struct pz_calls *calls)
{
	json_object_clear(calls->known);
}

/* ---- starting ---- */

/* The hub has answered, or does not: the one wanted device may still be near. */
static void
hub_said(struct pz_search *d)
{
	pz_service_cache_recall(d->calls->items, d->device);
	if (d->device && strcmp(d->device, d->calls->config.device) != 0 && !is_here(d))
		start_local(d);
	else
		finish(d);
}

static struct pz_search *
first_beginning(const struct pz_calls *calls)
{
	for (struct pz_list *n = calls->finds.next; n != &calls->finds; n = n->next) {
		struct pz_search *d = PZ_CONTAINER(n, struct pz_search, hook);
		if (d->is_beginning)
			return d;
	}
	return NULL;
}

/* In the order of the requests, which is that of the calls behind them; timers of one moment have
 * none. */
static void
begin_all(struct pz_calls *calls)
{
	struct pz_search *d;

	while ((d = first_beginning(calls)) != NULL)
		start_local(d);
}

/* Either of the two may bring more. */
static void
go_on_in_friend_zone(struct pz_search *d)
{
	const struct pz_peers *peers = d->calls->peers;
	uint64_t now = pz_env_mono_us(d->calls->env), left = pz_peers_look_left_us(peers);
	bool is_looking = now < d->end_us && (left > 0 || pz_peers_is_expecting_of(peers, d->zone));

	if (d->device && pz_peers_services(peers, d->device))
		is_looking = false;
	if (now >= d->asked_until_us)
		d->is_asking = false;
	if (!d->is_asking && !is_looking) {
		finish(d);
		return;
	}
	uint64_t wait = d->is_asking ? d->asked_until_us - now : UINT64_MAX;
	if (is_looking && wait > LOCAL_STEP_US)
		wait = left > 0 && left < LOCAL_STEP_US ? left : LOCAL_STEP_US;
	pz_env_start(d->calls->env, &d->timer, wait);
}

static void
on_timeout(struct pz_timer *timer, void *arg)
{
	struct pz_search *d = arg;

	(void)timer;
	if (d->zone)
		go_on_in_friend_zone(d);
	else if (d->is_beginning)
		begin_all(d->calls);
	else if (d->is_local)
		go_on(d);
	else
		hub_said(d);
}

static enum pz_err
ask_hub(struct pz_search *d)
{
	json_t *message = json_pack("{s:s, s:s*}", "id", d->id, "zone", d->zone);

	if (message == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	pz_uplink_send_prop(d->calls->uplink, "findServices", message);
	json_decref(message);
	d->has_asked = true;
	pz_env_start(d->calls->env, &d->timer, ASK_TIMEOUT_US);
	return PZ_OK;
}

static struct pz_search *
discovery_new(struct pz_calls *calls, const char *api, const char *device)
{
	struct pz_search *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->calls = calls;
	d->api = api ? strdup(api) : NULL;
	d->device = device ? strdup(device) : NULL;
	pz_timer_init(&d->timer, on_timeout, d);
	pz_env_uuid(calls->env, d->id);
	if ((api && d->api == NULL) || (device && d->device == NULL)) {
		free(d->api);
		free(d->device);
		free(d);
		return NULL;
	}
	pz_list_append(&calls->finds, &d->hook);
	return d;
}

/* Both hubs can answer: as pz_calls_is_friend_connected, whose file uses this one. */
static bool
are_hubs_up(const struct pz_calls *calls, const char *zone)
{
	const json_t *known = json_object_get(calls->friends, zone);

	return pz_uplink_is_up(calls->uplink) && json_is_true(json_object_get(known, "connected"));
}

struct pz_search *
pz_search_start(struct pz_calls *calls, const char *api, const char *device, pz_search_done done,
		void *arg)
{
	struct pz_search *d = discovery_new(calls, api, device);

	if (d == NULL)
		return NULL;
	d->done = done;
	d->arg = arg;
	if (pz_uplink_is_up(calls->uplink) && ask_hub(d) == PZ_OK)
		return d;
	/* Not from here: the known data may be all that can be found, and done must not be called
	 * before the caller has the search. */
	d->is_beginning = true;
	pz_env_start(calls->env, &d->timer, 0);
	return d;
}

/* What the hubs cannot answer arrives on a link with a device. A named device is searched
 * everywhere; of a whole zone only nearby devices, if an announcement can arrive. */
static void
look_for_friends(struct pz_search *d)
{
	struct pz_calls *calls = d->calls;
	bool is_short = are_hubs_up(calls, d->zone) && !pz_peers_is_private(calls->peers);
	uint64_t look_us = is_short ? LOCAL_SHORT_US : PZ_PEER_SEEK_US;

	if (!can_look(calls))
		return;
	if (d->device == NULL && calls->config.has_mdns)
		pz_peers_look_for_zone(calls->peers, d->zone, LOCAL_SHORT_US);
	else if (d->device == NULL || pz_peers_services(calls->peers, d->device) ||
		 !pz_peers_dial(calls->peers, d->device, look_us))
		return;
	d->end_us = pz_env_mono_us(calls->env) + PZ_PEER_SEEK_US + BEHIND_US;
}

struct pz_search *
pz_search_start_in(struct pz_calls *calls, const char *zone, const char *device, const char *api,
		   pz_search_done done, void *arg)
{
	struct pz_search *d = discovery_new(calls, api, device);

	if (d == NULL)
		return NULL;
	d->zone = strdup(zone);
	d->found = json_array();
	if (d->zone == NULL || d->found == NULL) {
		free_discovery(d);
		return NULL;
	}
	d->done = done;
	d->arg = arg;
	look_for_friends(d);
	if (device == NULL && pz_uplink_is_up(calls->uplink) && ask_hub(d) == PZ_OK) {
		d->is_asking = true;
		d->asked_until_us = pz_env_mono_us(calls->env) + ASK_TIMEOUT_US;
	}
	pz_env_start(calls->env, &d->timer, 0); /* done is not called from here */
	return d;
}

void
pz_search_cancel(struct pz_search *d)
{
	if (d)
		free_discovery(d);
}

/* One device's part of a foundServices answer; the address must be in our zone and not ours. */
static void
learn(struct pz_calls *calls, json_t *fresh, json_t *descriptor)
{
	const char *address = pz_json_str(descriptor, "serviceAddress");
	struct pz_address parsed;
	struct pz_descriptor checked;

	if (address == NULL || pz_address_parse(pz_slice_str(address), &parsed) != PZ_OK ||
	    !pz_slice_eq_str(parsed.zone, calls->zone->membership->zone) ||
	    parsed.device.len == 0 ||
	    pz_slice_eq_str(parsed.device, calls->zone->membership->device) ||
	    pz_descriptor_parse(descriptor, address, &checked, NULL) != PZ_OK)
		return;
	PZ_AUTO_FREE char *device = pz_slice_dup(parsed.device);
	json_t *list = device ? json_object_get(fresh, device) : NULL;
	if (device && list == NULL && json_object_size(fresh) < PZ_DEVICES_PER_ZONE_MAX) {
		json_object_set_new(fresh, device, json_array());
		list = json_object_get(fresh, device);
	}
	/* A copy with the members of a descriptor only. */
	if (list && json_array_size(list) < PZ_SERVICES_PER_DEVICE_MAX)
		json_array_append_new(list, pz_descriptor_json(&checked));
	pz_descriptor_fini(&checked);
}

/* A copy of a service of a friend zone: its address must be a device of that zone. */
static void
learn_of_friend(struct pz_search *d, const json_t *given)
{
	const char *address = pz_json_str(given, "serviceAddress");
	struct pz_descriptor checked;
	struct pz_address parsed;

	if (address == NULL || pz_address_parse(pz_slice_str(address), &parsed) != PZ_OK ||
	    !pz_slice_eq_str(parsed.zone, d->zone) || parsed.device.len == 0 ||
	    json_array_size(d->found) >= PZ_FRIEND_SERVICES_MAX ||
	    pz_descriptor_parse(given, address, &checked, NULL) != PZ_OK)
		return;
	json_t *one = pz_descriptor_json(&checked);
	if (matches(d->api, one))
		(void)json_array_append(d->found, one);
	json_decref(one);
	pz_descriptor_fini(&checked);
}

/* Services of friend zones belong to the search that requested them; they are not cached. */
static void
found_in_friend_zone(struct pz_calls *calls, const char *id, const json_t *message)
{
	const json_t *one;
	size_t i;

	PZ_LIST_EACH (&calls->finds, n, tmp) {
		struct pz_search *d = PZ_CONTAINER(n, struct pz_search, hook);

		if (d->zone == NULL || id == NULL || strcmp(d->id, id) != 0)
			continue;
		json_array_foreach (json_object_get(message, "services"), i, one)
			learn_of_friend(d, one);
		if (json_is_true(json_object_get(message, "partial")))
			return;
		d->is_asking = false;
		pz_env_start(calls->env, &d->timer, 0);
		return;
	}
}

void
pz_discovery_found(struct pz_calls *calls, json_t *message)
{
	const char *id = pz_json_str(message, "id"), *zone = pz_json_str(message, "zone");

	if (zone && strcmp(zone, calls->zone->membership->zone) != 0) {
		found_in_friend_zone(calls, id, message);
		return;
	}
	json_t *services = json_object_get(message, "services");
	size_t i;
	json_t *one;

	/* One for all searches: the hub sends the parts of an answer together, so those of two
	 * never mix. */
	if (calls->learning == NULL)
		calls->learning = json_object();
	/* The hub's answer is complete (we never request one type only): with its last part it
	 * replaces what was known. */
	json_array_foreach (services, i, one)
		learn(calls, calls->learning, one);
	if (json_is_true(json_object_get(message, "partial")) || calls->learning == NULL)
		return;
	json_decref(calls->known);
	calls->known = PZ_TAKE(calls->learning);
	pz_discovery_look_again(calls);
	if (id == NULL)
		return;
	PZ_LIST_EACH (&calls->finds, n, tmp) {
		struct pz_search *d = PZ_CONTAINER(n, struct pz_search, hook);
		if (d->zone || strcmp(d->id, id) != 0)
			continue;
		d->is_asking = false;
		if (!d->is_local)
			hub_said(d);
		return;
	}
}

void
pz_discovery_hub_gone(struct pz_calls *calls)
{
	json_decref(calls->learning); /* its end will not arrive */
	calls->learning = NULL;
	PZ_LIST_EACH (&calls->finds, n, tmp) {
		struct pz_search *d = PZ_CONTAINER(n, struct pz_search, hook);
		d->asked_until_us = 0;
		if (!d->is_local)
			pz_env_start(calls->env, &d->timer, 0); /* continues without it */
	}
}

void
pz_discovery_end_all(struct pz_calls *calls)
{
	struct pz_list *first;

	pz_discovery_hub_gone(calls);
	while ((first = pz_list_first(&calls->finds)) != NULL)
		finish(PZ_CONTAINER(first, struct pz_search, hook));
}

/* ---- for the dispatcher: ServiceDiscovery.findServices of local programs and other devices ----
 */

/* One search of a program here, in one or more zones. */
struct program_search {
	struct pz_find *find;
	unsigned waits;
};

static void
on_found_for(void *arg, json_t *descriptors)
{
	struct program_search *p = arg;
	size_t i;
	json_t *one;

	json_array_foreach (descriptors, i, one)
		pz_find_add_json(p->find, one);
	if (--p->waits > 0)
		return;
	pz_find_done(p->find);
	free(p);
}

static bool
is_own_zone(const struct pz_calls *calls, struct pz_slice zone)
{
	const struct pz_membership *m = calls->zone->membership;

	return m == NULL || pz_slice_eq_str(zone, m->zone);
}

/* Without a zone, or with one of the zones, the own zone is searched. */
static bool
wants_own_zone(const struct pz_calls *calls, const struct pz_find *find)
{
	struct pz_address parsed;

	for (size_t i = 0; i < find->zone_count; i++)
		if (pz_address_parse(pz_slice_str(find->zone_ids[i]), &parsed) != PZ_OK ||
		    is_own_zone(calls, parsed.zone))
			return true;
	return find->zone_count == 0;
}

/* Its hub is asked, and linked devices have sent what they show. If its hub is not connected, a
 * link with the named device is opened. A zone that is no friend is unreachable. */
static void
search_friend(struct pz_calls *calls, const char *wanted, struct program_search *p)
{
	struct pz_address parsed;

	if (pz_address_parse(pz_slice_str(wanted), &parsed) == PZ_OK &&
	    is_own_zone(calls, parsed.zone))
		return;
	if (pz_address_parse(pz_slice_str(wanted), &parsed) != PZ_OK || parsed.app.len > 0 ||
	    pz_device_zone_friend(calls->zone, parsed.zone) == NULL) {
		pz_find_unreachable(p->find);
		return;
	}
	PZ_AUTO_FREE char *zone = pz_slice_dup(parsed.zone);
	if (zone == NULL)
		return;
	bool is_met = parsed.device.len > 0 && !are_hubs_up(calls, zone);
	if (pz_search_start_in(calls, zone, is_met ? wanted : NULL, p->find->api, on_found_for, p))
		p->waits++;
}

/* Page 7, 7.4: another device gets the services of this one; for those of the zone it asks the hub.
 */
void
pz_discovery_find(void *arg, const char *caller, struct pz_find *find)
{
	struct pz_calls *calls = arg;
	struct program_search *p = NULL;

	if (pz_address_is_within(pz_slice_str(caller), pz_slice_str(calls->config.self)))
		p = calloc(1, sizeof(*p));
	if (p == NULL) {
		pz_find_done(find);
		return;
	}
	p->find = find;
	if (wants_own_zone(calls, find) &&
	    pz_search_start(calls, find->api, NULL, on_found_for, p) != NULL)
		p->waits++;
	for (size_t i = 0; i < find->zone_count && p->waits < PZ_FIND_ZONES_MAX; i++)
		search_friend(calls, find->zone_ids[i], p);
	if (p->waits == 0) {
		free(p);
		pz_find_done(find);
	}
}
