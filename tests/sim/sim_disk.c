/*
 * Disks that fill up and have room again, at any commit: when everything was stored at last, a node
 * that is killed and started again without any link has exactly the same data. For every kind of
 * record: membership, knowledge and the older lists, data that every device writes, preferences,
 * data of apps, the hub's address; the hub's zone and its members.
 */
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "harness.h"
#include "inspect.h"
#include "town.h"
#include "zone/authority.h"

/* Two attempts to store everything, and the exchange of services after a link. */
#define STORED_US (2 * PZ_STORE_AGAIN_US + 10 * SIM_S)
/* Links that were cut are given up, and what that changes is on disk. */
#define ENDED_US (3 * SIM_MINUTE)

/* ---- what a node knows ---- */

/* What a start says anew by itself: its own services. */
static bool
is_said_anew(const struct sim_node *node, enum pz_sync_id id, const struct pz_sync_chunk *chunk)
{
	return id == PZ_SYNC_SERVICE_CACHE && strcmp(chunk->key, node->name) == 0;
}

static json_t *
items_of(const struct sim_node *node)
{
	json_t *items = json_object();

	for (int id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		struct pz_sync_item *item = inspect(node)->held(node, (enum pz_sync_id)id);
		for (size_t i = 0; item && i < pz_sync_item_len(item); i++) {
			const struct pz_sync_chunk *c = pz_sync_item_at(item, i);
			char name[PZ_SYNC_KEY_BYTES_MAX + 40], hex[2 * PZ_SYNC_HASH_BYTES + 1];
			/* The certificate of one that is revoked counts for nothing. */
			if (is_said_anew(node, (enum pz_sync_id)id, c) || id == PZ_SYNC_TRUSTED_PZP)
				continue;
			snprintf(name, sizeof(name), "%s %s",
				 pz_sync_kind((enum pz_sync_id)id)->name, c->key);
			pz_hex_encode(c->sha256, sizeof(c->sha256), hex);
			json_object_set_new(items, name,
					    json_pack("[s, I, b, s]", hex, (json_int_t)c->mtime_ms,
						      c->deleted, c->origin));
		}
	}
	return items;
}

static void
keep_members(json_t *to, json_t *from, const char *const *names)
{
	for (; *names; names++)
		json_object_set(to, *names, json_object_get(from, *names));
}

static json_t *
prefs_of(struct sim_node *device)
{
	json_t *list = sim_do(device, "prefs", json_object(), SIM_S), *pref;
	json_t *prefs = json_object();
	size_t i;

	json_array_foreach (list, i, pref) {
		json_t *pending = json_object_get(pref, "pending");
		const char *scope = json_string_value(json_object_get(pref, "scope"));
		if (strcmp(scope, "device") != 0) /* among the items */
			continue;
		json_object_set(prefs, json_string_value(json_object_get(pref, "key")),
				pending ? pending : json_object_get(pref, "value"));
	}
	json_decref(list);
	return prefs;
}

static json_t *
device_state(struct town *t, struct sim_node *device)
{
	static const char *const members[] = {"id", "zone", "device", "mode", "displayName", NULL};
	json_t *status = sim_do(device, "status", json_object(), SIM_S);
	json_t *hub = json_object_get(status, "hub"), *known = json_array();
	json_t *state = json_pack("{s:o, s:o}", "prefs", prefs_of(device), "data",
				  sim_do(device, "data-list", json_object(), SIM_S));

	keep_members(state, status, members);
	json_object_set(state, "host", json_object_get(hub, "host"));
	for (size_t i = 0; town_is_member(device) && i < t->count; i++)
		if (inspect_knows(device, t->device[i]->name))
			json_array_append_new(known, json_string(t->device[i]->name));
	json_object_set_new(state, "known", known);
	json_decref(status);
	return state;
}

/* Its own word about its name counts when it comes back (pzh/details.c). */
static bool
has_named_itself(const struct sim_node *hub, const char *device)
{
	char key[64], origin[64];

	snprintf(key, sizeof(key), "device/%s", device);
	snprintf(origin, sizeof(origin), SIM_ZONE "/%s", device);
	const struct pz_sync_chunk *chunk =
		pz_sync_item_get(inspect(hub)->held(hub, PZ_SYNC_USER_DETAILS), key);
	return chunk && strcmp(chunk->origin, origin) == 0;
}

/* When a device was last there is stored now and then only (pzh/zone.c). */
static json_t *
hub_state(struct sim_node *hub)
{
	static const char *const members[] = {"name", "deviceType", "enrolled", "serial", NULL};
	static const char *const name[] = {"displayName", NULL};
	json_t *list = sim_do(hub, "devices", json_object(), SIM_S), *device;
	json_t *devices = json_array();
	size_t i;

	json_array_foreach (json_is_array(list) ? list : json_object_get(list, "devices"), i,
			    device) {
		json_t *one = json_object();
		keep_members(one, device, members);
		if (!has_named_itself(hub, json_string_value(json_object_get(device, "name"))))
			keep_members(one, device, name);
		json_array_append_new(devices, one);
	}
	json_decref(list);
	return json_pack("{s:o}", "devices", devices);
}

static json_t *
what_it_knows(struct town *t, struct sim_node *node)
{
	json_t *state = node->is_hub ? hub_state(node) : device_state(t, node);
	bool is_in_zone = node->is_hub || town_is_member(node);
	const struct pz_crl *crl = is_in_zone ? inspect(node)->crl(node) : NULL;
	json_t *revoked = json_array();

	for (size_t i = 0; is_in_zone && i < t->revoked_count; i++)
		if (inspect(node)->is_revoked(node, t->revoked[i].serial))
			json_array_append_new(revoked, json_string(t->revoked[i].serial));
	json_object_set_new(state, "revoked", revoked);
	if (crl)
		json_object_set_new(state, "crl", json_integer((json_int_t)pz_crl_number(crl)));
	if (is_in_zone)
		json_object_set_new(state, "items", items_of(node));
	return state;
}

/* ---- what happens ---- */

static void
cut_off(struct town *t, struct sim_node *node, bool on)
{
	if (node != t->hub)
		world_partition(node, t->hub, on);
	for (size_t i = 0; i < t->count; i++)
		if (t->device[i] != node)
			world_partition(node, t->device[i], on);
}

static void
fill_or_empty_disk(struct town *t)
{
	struct sim_node *node = town_anybody(t);
	bool is_full = rng_chance(&t->world->rng, 60);

	sim_note(t->world, "the disk of %s %s", node->name, is_full ? "fills up" : "has room");
	pz_memory_disk_fail_after(node->disk,
				  is_full ? (size_t)rng_below(&t->world->rng, 4) : SIZE_MAX);
}

/* The hub's data of before: what it revoked since is known to its devices only, until they meet. */
static void
restore_hub(struct town *t, struct pz_memory_disk **backup)
{
	if (*backup == NULL)
		return;
	sim_note(t->world, "the hub is put back to its backup");
	sim_stop(t->hub);
	pz_memory_disk_free(t->hub->disk);
	t->hub->disk = PZ_TAKE(*backup);
	sim_start(t->hub);
}

static void
link_peers(struct town *t)
{
	struct sim_node *a = town_any_device(t), *b = town_any_device(t);

	if (a != b && town_is_member(a) && town_is_member(b))
		sim_call_free(sim_command(a, "connect", json_pack("{s:s}", "peer", b->name)));
}

static void
revoke_somebody(struct town *t)
{
	struct sim_node *device = town_any_device(t);

	if (t->revoked_count < 3 && town_is_admitted(t, device))
		town_revoke(t, device);
}

static void
enrol_somebody(struct town *t)
{
	struct sim_node *device = town_any_device(t);

	if (!town_is_member(device))
		town_enrol(t, device);
}

static void
reconnect(struct town *t)
{
	struct sim_node *device = town_any_device(t);
	bool is_up = sim_is_connected(device);

	sim_call_free(sim_command(device, is_up ? "disconnect" : "connect", json_object()));
}

static void
clear_or_keep(struct town *t)
{
	bool on = rng_chance(&t->world->rng, 50);

	sim_call_free(sim_command(
		town_any_device(t), "prefs",
		json_pack("{s:s, s:b}", "key", "app.clear-on-disconnect", "value", on)));
}

static void
act(struct town *t, struct pz_memory_disk **backup)
{
	unsigned what = (unsigned)rng_below(&t->world->rng, 100);

	if (what < 50)
		town_order(town_anybody(t));
	else if (what < 75)
		fill_or_empty_disk(t);
	else if (what < 83)
		link_peers(t);
	else if (what < 88)
		reconnect(t);
	else if (what < 91)
		clear_or_keep(t);
	else if (what < 94)
		enrol_somebody(t);
	else if (what < 97)
		revoke_somebody(t);
	else
		restore_hub(t, backup);
}

/* ---- the promise ---- */

static void
check_same(struct world *world, const struct sim_node *node, json_t *before, json_t *after)
{
	const char *key;
	json_t *value;

	json_object_foreach (before, key, value) {
		json_t *now = json_object_get(after, key);
		char *old_text = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
		char *new_text = now ? json_dumps(now, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
		sim_check(world, json_equal(value, now),
			  "%s knew, before it was started anew, %s: %s; and now: %s", node->name,
			  key, old_text, new_text ? new_text : "nothing");
		free(old_text);
		free(new_text);
	}
	sim_check(world, json_object_size(before) == json_object_size(after),
		  "%s knows more than before", node->name);
}

static void
check_restart(struct town *t, struct sim_node *node)
{
	cut_off(t, node, true);
	world_run(t->world, ENDED_US);
	json_t *before = what_it_knows(t, node);
	sim_crash(node, VNET_DEATH_RESET);
	sim_start(node);
	json_t *after = what_it_knows(t, node);
	check_same(t->world, node, before, after);
	json_decref(before);
	json_decref(after);
	cut_off(t, node, false);
}

static void
a_restart_knows_what_memory_knew(struct world *world)
{
	struct pz_memory_disk *backup;
	struct town t;
	unsigned count = (unsigned)rng_between(&world->rng, 10, 60);

	town_make(&t, world);
	backup = pz_memory_disk_copy(t.hub->disk);
	if (backup == NULL)
		abort();
	for (unsigned i = 0; i < count; i++) {
		act(&t, &backup);
		world_run(world, rng_spread(&world->rng, 10 * SIM_MS, 20 * SIM_S));
	}
	for (size_t i = 0; i <= t.count; i++)
		pz_memory_disk_fail_after((i < t.count ? t.device[i] : t.hub)->disk, SIZE_MAX);
	world_run(world, STORED_US);
	for (size_t i = 0; i < t.count; i++)
		check_restart(&t, t.device[i]);
	check_restart(&t, t.hub);
	pz_memory_disk_free(backup);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"restart", 12, a_restart_knows_what_memory_knew},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
