#include "learning.h"

#include <stdio.h>
#include <string.h>

#include "calls/discovery.h"
#include "calls/friends.h"
#include "harness.h"
#include "probe.h"
#include "pzp/internal.h"

#define LOOK_US (20 * SIM_MS)
#define STALE_US (3 * SIM_MINUTE) /* what was sent may wait so long for a network that is cut */

static bool
is_recent(uint64_t then_us, uint64_t now_us)
{
	return then_us && now_us - then_us < STALE_US;
}

/* ---- what is shown ---- */

/* By the policy as a node of the zone has it now; @param item NULL: it has none */
static void
note_permitted(struct learning *l, struct pz_sync_item *item, size_t a, size_t k, uint64_t now_us)
{
	for (size_t b = 0; b < LEARNING_ZONES && item; b++)
		for (size_t j = 0; j < LEARNING_DEVICES && b != a; j++)
			if (l->is_shared(item, l->zones[b], l->devices[j], l->devices[k])) {
				l->permitted_us[a][k][b][j] = now_us;
				l->has_met[a][k][b] = true; /* its calls cross the border */
			}
}

/* While the hubs have no link, the other one keeps what it was shown, and shows it to its devices.
 */
static void
note_hub(struct learning *l, size_t a, size_t k, uint64_t now_us)
{
	struct pz_sync_item *item =
		l->hub[a]->is_running ? inspect_policies(l->hub[a], l->zones[a]) : NULL;

	note_permitted(l, item, a, k, now_us);
	for (size_t b = 0; b < LEARNING_ZONES; b++)
		if (b != a && ((item && l->is_shared(item, l->zones[b], NULL, l->devices[k])) ||
			       (is_recent(l->shown_us[a][k][b], now_us) &&
				!inspect_has_friend_link(l->hub[a], l->zones[a], l->zones[b]))))
			l->shown_us[a][k][b] = now_us;
}

/* A device acts by the policy that it has, which may be older, and by its own grants. */
static void
note_device(struct learning *l, size_t a, size_t k, uint64_t now_us)
{
	const struct sim_node *node = l->device[a][k];

	if (!node->is_running)
		return;
	note_permitted(l, inspect(node)->held(node, PZ_SYNC_POLICIES), a, k, now_us);
	for (size_t b = 0; b < LEARNING_ZONES; b++) {
		if (b == a)
			continue;
		if (pz_device_zone_friend(&node->node->zone, pz_slice_str(l->zones[b])))
			l->friend_us[b][a][k] = now_us;
		for (size_t j = 0; j < LEARNING_DEVICES && inspect_has_grant(node, l->zones[b]);
		     j++)
			l->permitted_us[a][k][b][j] = now_us;
	}
}

void
learning_called(struct learning *l, const struct sim_node *from, size_t zone)
{
	for (size_t a = 0; a < LEARNING_ZONES; a++)
		for (size_t k = 0; k < LEARNING_DEVICES; k++)
			if (l->device[a][k] == from)
				l->has_met[a][k][zone] = true;
}

/* ---- what is known ---- */

static bool
has_details(const json_t *entry)
{
	static const char *const texts[] = {"displayName", "deviceType", "lastSeen", "session"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (json_object_get(entry, texts[i]))
			return true;
	return json_array_size(json_object_get(entry, "ipaddress")) > 0 ||
	       json_integer_value(json_object_get(entry, "port")) > 0 ||
	       json_is_true(json_object_get(entry, "listening"));
}

/* The others that each device has are never shared. */
static bool
is_probe(const json_t *service)
{
	const char *api = json_string_value(json_object_get(service, "api"));

	return api && strcmp(api, PROBE_API) == 0;
}

/* A device of another zone as one knows it now. */
struct sight {
	size_t b, j, a, k;
	bool is_linked;
	bool has_more; /* services than are ever shared */
	bool now[LEARNING_KINDS];
};

static void
see(const struct learning *l, struct sight *s)
{
	const struct pz_node *node = l->device[s->b][s->j]->node;
	char id[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(id, sizeof(id), "%s/%s", l->zones[s->a], l->devices[s->k]);
	const json_t *entry = pz_calls_friend_entry(node->calls, id);
	struct pz_peer_view view = {.remote = NULL};
	s->is_linked = pz_peers_view(node->peers, id, &view) && view.is_linked;
	s->now[LEARNING_NAME] = entry || s->is_linked;
	s->now[LEARNING_DETAILS] = has_details(entry);
	const json_t *services = pz_peers_services(node->peers, id);
	s->now[LEARNING_SERVICE] = json_array_size(services) > 0;
	s->has_more = json_array_size(services) > 1 ||
		      (s->now[LEARNING_SERVICE] && !is_probe(json_array_get(services, 0)));
}

/* A direct link names its ends to each other, and is for friends only. */
static bool
may_learn(const struct learning *l, const struct sight *s, enum learning_kind kind, uint64_t now_us)
{
	bool is_shown = is_recent(l->shown_us[s->a][s->k][s->b], now_us);

	if (kind == LEARNING_DETAILS)
		return is_shown;
	if (kind == LEARNING_SERVICE)
		return is_recent(l->permitted_us[s->a][s->k][s->b][s->j], now_us);
	return is_shown || l->has_met[s->a][s->k][s->b] ||
	       (s->is_linked && is_recent(l->friend_us[s->a][s->b][s->j], now_us));
}

static void
look_at(struct learning *l, struct world *world, struct sight *s)
{
	static const char *const what[] = {"that there is", "more than the name of", "services of"};

	if (l->device[s->b][s->j]->is_running)
		see(l, s);
	sim_check(world, !s->has_more, "%s knows services of %s/%s that are never shared",
		  l->device[s->b][s->j]->name, l->zones[s->a], l->devices[s->k]);
	for (int kind = 0; kind < LEARNING_KINDS; kind++) {
		bool *knows = &l->knows[s->b][s->j][kind][s->a][s->k], had = *knows;

		*knows = s->now[kind];
		if (!*knows || had)
			continue;
		l->learnt[kind]++;
		sim_check(world, may_learn(l, s, (enum learning_kind)kind, world->now_us),
			  "%s learns %s %s/%s, which its zone does not show",
			  l->device[s->b][s->j]->name, what[kind], l->zones[s->a],
			  l->devices[s->k]);
	}
}

/* ---- searches ---- */

/* Without a zone it lists all that the device has, what it keeps of devices that are away included.
 */
void
learning_search(struct learning *l, size_t zone, size_t device, size_t other)
{
	for (size_t i = 0; i < LEARNING_SEARCHES_MAX; i++) {
		struct learning_search *search = &l->searches[i];

		if (search->call)
			continue;
		*search = (struct learning_search){
			sim_command(l->device[zone][device], "services",
				    json_pack("{s:s*, s:b}", "zone",
					      other == zone ? NULL : l->zones[other], "all", 1)),
			zone, device, other};
		return;
	}
}

/* A search also has what the device knows by its links. */
static bool
may_find(const struct learning *l, const struct learning_search *search, const json_t *service,
	 uint64_t now_us)
{
	const char *address = json_string_value(json_object_get(service, "serviceAddress"));
	size_t b = search->zone, j = search->device;
	char id[PZ_ADDRESS_BYTES_MAX + 1];

	for (size_t a = 0; a < LEARNING_ZONES; a++)
		for (size_t k = 0; k < LEARNING_DEVICES; k++) {
			snprintf(id, sizeof(id), "%s/%s", l->zones[a], l->devices[k]);
			if (a == search->other && strcmp(id, address) == 0)
				return a == b || (is_probe(service) &&
						  (l->knows[b][j][LEARNING_SERVICE][a][k] ||
						   is_recent(l->permitted_us[a][k][b][j], now_us)));
		}
	return false;
}

static void
check_found(struct learning *l, struct world *world, const struct learning_search *search)
{
	const json_t *one;
	size_t i;

	json_array_foreach (search->call->result, i, one) {
		l->found += search->other != search->zone;
		sim_check(world, may_find(l, search, one, world->now_us),
			  "%s finds %s of %s, which its zone does not show",
			  search->call->node->name, json_string_value(json_object_get(one, "api")),
			  json_string_value(json_object_get(one, "serviceAddress")));
	}
}

static void
look_at_searches(struct learning *l, struct world *world)
{
	for (size_t i = 0; i < LEARNING_SEARCHES_MAX; i++) {
		struct learning_search *search = &l->searches[i];

		if (search->call == NULL || !(search->call->is_done || search->call->is_lost))
			continue;
		check_found(l, world, search);
		sim_call_free(PZ_TAKE(search->call));
	}
}

void
learning_end(struct learning *l)
{
	for (size_t i = 0; i < LEARNING_SEARCHES_MAX; i++)
		sim_call_free(PZ_TAKE(l->searches[i].call));
}

/* ---- looking ---- */

/* Between any two events that are so far apart; never true. */
bool
learning_look(struct world *world, void *arg)
{
	struct learning *l = arg;
	size_t a, k, b, j;

	if (world->now_us < l->looked_us + LOOK_US)
		return false;
	l->looked_us = world->now_us;
	for (a = 0; a < LEARNING_ZONES; a++)
		for (k = 0; k < LEARNING_DEVICES; k++) {
			note_hub(l, a, k, world->now_us);
			note_device(l, a, k, world->now_us);
		}
	for (size_t i = 0; i < LEARNING_ZONES * LEARNING_DEVICES; i++)
		for (a = 0; a < LEARNING_ZONES; a++)
			for (k = 0; k < LEARNING_DEVICES; k++) {
				b = i / LEARNING_DEVICES;
				j = i % LEARNING_DEVICES;
				if (a != b)
					look_at(l, world,
						&(struct sight){.b = b, .j = j, .a = a, .k = k});
			}
	look_at_searches(l, world);
	return false;
}
