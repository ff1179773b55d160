#include "town.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "inspect.h"
#include "zone/authority.h"

#define SLICE_US (250 * SIM_MS) /* how often it is looked */
#define DROPPED_US SIM_S        /* page 2: within one second of the list's arrival */
#define CLOCK_MS (10 * 60 * 1000)
#define LONG_VALUE 3000

/* ---- who belongs to it ---- */

bool
town_is_member(const struct sim_node *device)
{
	char serial[PZ_SERIAL_HEX_BYTES];

	return inspect_serial(device, serial);
}

bool
town_is_admitted(const struct town *t, const struct sim_node *device)
{
	const struct pz_member *m = pz_authority_member(inspect_authority(t->hub), device->name);
	char serial[PZ_SERIAL_HEX_BYTES];

	return m && !m->revoked && inspect_serial(device, serial) && strcmp(m->serial, serial) == 0;
}

/* ---- at all times ---- */

/* A list counts when it has come, and is stored behind: only a start may bring back an older one,
 * and not at the hub. */
static void
check_number(struct town *t, const struct sim_node *node, struct town_seen *seen)
{
	const struct pz_crl *crl = node->is_running ? inspect(node)->crl(node) : NULL;

	if (!node->is_running)
		return;
	if (crl == NULL) {
		seen->is_member = false;
		return;
	}
	uint64_t number = pz_crl_number(crl);
	sim_check(t->world,
		  !seen->is_member || number >= seen->crl_number ||
			  (!node->is_hub && seen->start != node->starts),
		  "%s: crlNumber %llu, after %llu", node->name, (unsigned long long)number,
		  (unsigned long long)seen->crl_number);
	if (!seen->is_member || number != seen->crl_number || seen->start != node->starts)
		*seen = (struct town_seen){node->starts, true, number, t->world->now_us};
}

/* A device that knows of a revocation is not linked with the revoked device. */
static void
check_links(struct town *t, const struct sim_node *node, const struct town_seen *seen)
{
	if (!node->is_running || !seen->is_member ||
	    t->world->now_us - seen->crl_since_us < DROPPED_US)
		return;
	const char *who = inspect(node)->revoked_link(node, inspect(node)->crl(node));
	sim_check(t->world, who == NULL, "%s has a link with %s, which is revoked, and knows it",
		  node->name, who);
}

static void
check_hub(struct town *t)
{
	const struct pz_authority *zone = inspect_authority(t->hub);
	uint64_t number = pz_crl_number(zone->crl);

	for (size_t i = 0; i < t->revoked_count; i++)
		sim_check(t->world, pz_crl_has_serial(zone->crl, t->revoked[i].serial),
			  "the revocation of %s was answered, and is forgotten",
			  t->revoked[i].device);
	for (size_t i = 0; i < t->count; i++)
		sim_check(t->world, !t->seen[i].is_member || t->seen[i].crl_number <= number,
			  "%s has list %llu, the hub %llu", t->device[i]->name,
			  (unsigned long long)t->seen[i].crl_number, (unsigned long long)number);
	if (t->world->now_us - t->seen[t->count].crl_since_us < DROPPED_US)
		return;
	for (size_t i = 0; i < t->count; i++) {
		const struct pz_member *m = pz_authority_member(zone, t->device[i]->name);
		sim_check(t->world,
			  !m || !m->revoked || !inspect(t->hub)->has_route(t->hub, m->device),
			  "the hub has a way to %s, which is revoked", t->device[i]->name);
	}
}

static void
check_now(struct town *t)
{
	for (size_t i = 0; i <= t->count; i++) {
		const struct sim_node *node = i < t->count ? t->device[i] : t->hub;
		check_number(t, node, &t->seen[i]);
		check_links(t, node, &t->seen[i]);
	}
	if (t->hub->is_running)
		check_hub(t);
}

void
town_run(struct town *t, uint64_t duration_us)
{
	uint64_t until_us = t->world->now_us + duration_us;

	check_now(t);
	while (t->world->now_us < until_us) {
		uint64_t left_us = until_us - t->world->now_us;
		world_run(t->world, left_us < SLICE_US ? left_us : SLICE_US);
		check_now(t);
	}
}

/* ---- making it ---- */

void
town_set_clock(struct sim_node *node)
{
	node->wall_skew_ms = (int64_t)rng_below(&node->world->rng, 2 * CLOCK_MS) - CLOCK_MS;
	sim_note(node->world, "the clock of %s is %lld s ahead", node->name,
		 (long long)(node->wall_skew_ms / 1000));
}

static void
set_pref(struct sim_node *node, const char *key, bool on)
{
	json_decref(sim_do(node, "prefs", json_pack("{s:s, s:b}", "key", key, "value", on), SIM_S));
}

void
town_make(struct town *t, struct world *world)
{
	static const char *const names[TOWN_DEVICES_MAX] = {"car", "laptop", "phone", "tv",
							    "watch"};
	struct rng *rng = &world->rng;

	world_add_lan(world);
	*t = (struct town){.world = world, .count = (size_t)rng_between(rng, 3, TOWN_DEVICES_MAX)};
	t->hub = zone_make(world);
	for (size_t i = 0; i < t->count; i++) {
		t->device[i] = world_add_device(world, names[i]);
		sim_start(t->device[i]);
		set_pref(t->device[i], "sync.app-data", rng_chance(rng, 80));
		zone_enrol(t->hub, t->device[i]);
	}
	sim_check(world, zone_await_all(t->hub, SIM_MINUTE), "not all are connected");
	town_run(t, 2 * SIM_S);
}

struct sim_node *
town_any_device(struct town *t)
{
	return t->device[rng_below(&t->world->rng, t->count)];
}

struct sim_node *
town_anybody(struct town *t)
{
	size_t i = (size_t)rng_below(&t->world->rng, t->count + 1);

	return i < t->count ? t->device[i] : t->hub;
}

/* ---- coming and going ---- */

static void
note_revoked(struct town *t, const struct sim_node *device, const json_t *result)
{
	const char *serial = json_string_value(json_object_get(result, "serial"));
	struct town_revoked *r = &t->revoked[t->revoked_count++];

	if (t->revoked_count > TOWN_REVOKED_MAX || serial == NULL)
		abort();
	snprintf(r->serial, sizeof(r->serial), "%s", serial);
	snprintf(r->device, sizeof(r->device), "%s", device->name);
}

void
town_revoke(struct town *t, const struct sim_node *device)
{
	struct sim_call *call;

	sim_note(t->world, "%s is revoked", device->name);
	call = sim_command(t->hub, "revoke", json_pack("{s:s}", "device", device->name));
	sim_await(call, 10 * SIM_S);
	sim_check(t->world, call->is_done, "revoke does not end");
	if (call->err == PZ_OK)
		note_revoked(t, device, call->result);
	else
		sim_check(t->world,
			  call->err == PZ_ERR_EXISTS || call->err == PZ_ERR_NOTFOUND ||
				  call->err == PZ_ERR_IO_FULL,
			  "%s cannot be revoked: %s", device->name, call->detail);
	sim_call_free(call);
}

void
town_enrol(struct town *t, struct sim_node *device)
{
	const struct pz_member *m = pz_authority_member(inspect_authority(t->hub), device->name);

	if (m && !m->revoked && m->confirmed) /* it left, and the hub does not know it */
		town_revoke(t, device);
	sim_note(t->world, "%s is enrolled again", device->name);
	char *link = zone_token(t->hub);
	struct sim_call *call = sim_command(device, "enrol", json_pack("{s:s}", "link", link));
	free(link);
	sim_await(call, SIM_MINUTE);
	sim_note(t->world, "enrolment: %s %s", pz_err_text(call->err), call->detail);
	sim_call_free(call);
}

/* ---- data ---- */

/* What anybody may write. */
static const struct writable {
	enum pz_sync_id id;
	const char *key;
	const char *values[3]; /* NULL: any text */
} writables[] = {
	{PZ_SYNC_PREFERENCES, "peer.auto", {"true", "false", NULL}},
	{PZ_SYNC_USER_DETAILS, "name", {NULL}},
	{PZ_SYNC_USER_DETAILS, "email", {NULL}},
	{PZ_SYNC_USER_DETAILS, "device/phone", {NULL}},
	{PZ_SYNC_APP_DATA, "https://app.example notes", {NULL}},
	{PZ_SYNC_APP_DATA, "https://app.example score", {NULL}},
	{PZ_SYNC_APP_DATA, "https://app.example longer", {NULL}},
	{PZ_SYNC_APP_DATA, "https://other.example notes", {NULL}},
};

static const char *
make_value(struct rng *rng, const struct writable *w, char *out, size_t size)
{
	static const char *const words[] = {"\"a\"", "\"b\"", "\"c\""};

	if (w->values[0])
		return w->values[rng_below(rng, 2)];
	if (w->id == PZ_SYNC_APP_DATA && rng_chance(rng, 20)) {
		size_t len = (size_t)rng_spread(rng, 10, size - 3);
		snprintf(out, size, "\"%0*d\"", (int)len, (int)rng_below(rng, 10000));
		return out;
	}
	if (rng_chance(rng, 40))
		return words[rng_below(rng, 3)];
	snprintf(out, size, "\"%d\"", (int)rng_below(rng, 1000000));
	return out;
}

void
town_write(struct sim_node *node)
{
	struct rng *rng = &node->world->rng;
	const struct writable *w =
		&writables[rng_below(rng, sizeof(writables) / sizeof(writables[0]))];
	char text[LONG_VALUE];
	const char *value = rng_chance(rng, 15) ? NULL : make_value(rng, w, text, sizeof(text));
	struct pz_errinfo info = {""};

	sim_note(node->world, "%s writes %s = %.20s", node->name, w->key, value ? value : "-");
	harness_current(node->name);
	enum pz_err err = inspect(node)->write(node, w->id, w->key, value, &info);
	pz_turn_end(&node->turn);
	harness_current(NULL);
	sim_check(node->world, err == PZ_OK || err == PZ_ERR_DENIED, "%s cannot write %s: %s",
		  node->name, w->key, info.text);
}

/* The same, and what decides about it, as people and programs ask for it. */
static const struct order {
	const char *command;
	bool is_for_hub; /* as well */
	const char *params;
} orders[] = {
	{"user", true, "{'field': 'phone', 'value': '#'}"},
	{"user", true, "{'field': 'phone', 'remove': true}"},
	{"name", true, "{'device': 'tv', 'name': 'TV #'}"},
	{"name", true, "{'device': 'car', 'name': 'Car #'}"},
	{"name", true, "{'device': 'car', 'reset': true}"},
	{"prefs", false, "{'key': 'peer.auto', 'value': true}"},
	{"prefs", false, "{'key': 'peer.auto', 'reset': true}"},
	{"prefs", false, "{'key': 'name', 'value': 'Mine #'}"},
	{"prefs", false, "{'key': 'name', 'reset': true}"},
	{"prefs", false, "{'key': 'sync.app-data', 'value': true}"},
	{"prefs", false, "{'key': 'sync.app-data', 'value': false}"},
	{"prefs", false, "{'key': 'sync.user-details', 'value': true}"},
	{"prefs", false, "{'key': 'sync.user-details', 'value': false}"},
	{"prefs", false, "{'key': 'sync.service-cache', 'value': true}"},
	{"prefs", false, "{'key': 'sync.service-cache', 'value': false}"},
	{"data-set", false, "{'origin': 'https://app.example', 'key': 'n', 'value': #}"},
	{"data-remove", false, "{'origin': 'https://app.example', 'key': 'n'}"},
	{"data-remove", false, "{'origin': 'https://app.example'}"},
};

void
town_order(struct sim_node *node)
{
	struct rng *rng = &node->world->rng;
	const struct order *o = &orders[rng_below(rng, sizeof(orders) / sizeof(orders[0]))];
	char text[200];

	if (node->is_hub && !o->is_for_hub)
		return;
	snprintf(text, sizeof(text), "%s", o->params);
	for (char *p = text; *p; p++) {
		if (*p == '\'')
			*p = '"';
		else if (*p == '#')
			*p = (char)('1' + rng_below(rng, 9));
	}
	sim_note(node->world, "%s: %s %s", node->name, o->command, text);
	json_t *params = json_loads(text, 0, NULL);
	if (params == NULL)
		abort();
	struct sim_call *call = sim_command(node, o->command, params);
	if (node->is_hub) /* which cannot forget one */
		sim_check(node->world, sim_await(call, 10 * SIM_S), "%s does not end", o->command);
	if (call->is_done)
		sim_note(node->world, "... %s %s", pz_err_text(call->err), call->detail);
	sim_call_free(call);
}

/* ---- in the end ---- */

static void
describe(const struct sim_node *node, const struct pz_sync_chunk *c, char *out, size_t size)
{
	if (c == NULL)
		snprintf(out, size, "%s has none", node->name);
	else
		snprintf(out, size, "%s has %.30s%s of %llu by %s", node->name, c->value,
			 c->deleted ? "(deleted)" : "", (unsigned long long)c->mtime_ms, c->origin);
}

static bool
are_same(const struct pz_sync_chunk *a, const struct pz_sync_chunk *b)
{
	return a && b && a->value_len == b->value_len &&
	       memcmp(a->value, b->value, a->value_len) == 0 && a->mtime_ms == b->mtime_ms &&
	       a->deleted == b->deleted && strcmp(a->origin, b->origin) == 0;
}

static void
check_chunk(struct town *t, const struct sim_node *device, enum pz_sync_id id, const char *key)
{
	const struct pz_sync_chunk *theirs =
		pz_sync_item_get(inspect(device)->item(device, id), key);
	const struct pz_sync_chunk *ours = pz_sync_item_get(inspect(t->hub)->item(t->hub, id), key);
	char a[300], b[300];

	describe(t->hub, ours, a, sizeof(a));
	describe(device, theirs, b, sizeof(b));
	sim_check(t->world, are_same(ours, theirs), "%s %s: %s, %s", pz_sync_kind(id)->name, key, a,
		  b);
}

static void
check_item(struct town *t, const struct sim_node *device, enum pz_sync_id id)
{
	struct pz_sync_item *ours = inspect(t->hub)->item(t->hub, id),
			    *theirs = inspect(device)->item(device, id);
	uint8_t our_digest[PZ_SYNC_HASH_BYTES], their_digest[PZ_SYNC_HASH_BYTES];

	if (ours == NULL || theirs == NULL)
		return;
	for (size_t i = 0; i < pz_sync_item_len(ours); i++)
		check_chunk(t, device, id, pz_sync_item_at(ours, i)->key);
	for (size_t i = 0; i < pz_sync_item_len(theirs); i++)
		check_chunk(t, device, id, pz_sync_item_at(theirs, i)->key);
	sim_check(t->world,
		  pz_sync_item_digest(ours, our_digest) == PZ_OK &&
			  pz_sync_item_digest(theirs, their_digest) == PZ_OK &&
			  memcmp(our_digest, their_digest, sizeof(our_digest)) == 0,
		  "%s: %s has the same, and another digest", pz_sync_kind(id)->name, device->name);
}

/* What the device knows of one that is out. */
static void
check_out(struct town *t, const struct sim_node *device, const struct sim_node *out)
{
	sim_check(t->world, !inspect_knows(device, out->name),
		  "%s knows a certificate of %s, which is out", device->name, out->name);
	sim_check(t->world, !inspect(device)->has_route(device, out->name),
		  "%s has a route to %s, which is out", device->name, out->name);
}

void
town_check_same(struct town *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct sim_node *device = t->device[i];
		if (!device->is_running)
			continue;
		sim_check(t->world, town_is_admitted(t, device), "%s is no member", device->name);
		for (int id = 0; id < PZ_SYNC_KIND_COUNT; id++)
			check_item(t, device, (enum pz_sync_id)id);
		for (size_t k = 0; k < t->count; k++)
			if (!t->device[k]->is_running)
				check_out(t, device, t->device[k]);
	}
}
