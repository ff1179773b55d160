#include "town.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "harness.h"
#include "pzh/internal.h"
#include "pzp/peers.h"
#include "pzp/zonedata.h"

#define SLICE_US (250 * SIM_MS) /* how often it is looked */
#define DROPPED_US SIM_S        /* page 2: within one second of the list's arrival */
#define CLOCK_MS (10 * 60 * 1000)
#define LONG_VALUE 3000

/* ---- looking inside ---- */

static struct hub_zone *
zone_of(const struct sim_node *hub)
{
	return hub->is_running ? pz_map_get(hub->hub->zones, pz_slice_str(SIM_ZONE)) : NULL;
}

bool
town_is_member(const struct sim_node *device)
{
	return device->is_running && device->node->membership != NULL;
}

static void
own_serial(const struct sim_node *device, char out[PZ_SERIAL_HEX_BYTES])
{
	pz_cert_serial_hex(device->node->membership->device_ca, out);
}

bool
town_is_admitted(const struct town *t, const struct sim_node *device)
{
	const struct pz_member *m = pz_authority_member(zone_of(t->hub)->authority, device->name);
	char serial[PZ_SERIAL_HEX_BYTES] = "";

	if (town_is_member(device))
		own_serial(device, serial);
	return m && !m->revoked && strcmp(m->serial, serial) == 0;
}

static struct pz_sync_item *
item_of(const struct sim_node *node, enum pz_sync_id id)
{
	const struct pz_sync_kind *kind = pz_sync_kind(id);

	if (!node->is_hub)
		return zonedata_item(node->node, kind);
	struct pz_sync_item *item = pz_shared_item(zone_of(node)->shared, kind);
	return item ? item : pz_authority_item(zone_of(node)->authority, kind);
}

/* ---- at all times ---- */

static const struct pz_crl *
crl_of(const struct sim_node *node)
{
	return node->is_hub ? zone_of(node)->authority->crl : node_crl(node->node);
}

/* A list counts when it has come, and is stored behind: only a start may bring back an older one,
 * and not at the hub. */
static void
check_number(struct town *t, const struct sim_node *node, struct town_seen *seen)
{
	const struct pz_crl *crl = node->is_running ? crl_of(node) : NULL;

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

static void
check_hub(struct town *t)
{
	const struct hub_zone *zone = zone_of(t->hub);
	const struct pz_crl *crl = zone->authority->crl;

	for (size_t i = 0; i < t->revoked_count; i++)
		sim_check(t->world, pz_crl_has_serial(crl, t->revoked[i].serial),
			  "the revocation of %s was answered, and is forgotten",
			  t->revoked[i].device);
	for (size_t i = 0; i < t->count; i++)
		sim_check(t->world,
			  !t->seen[i].is_member || t->seen[i].crl_number <= pz_crl_number(crl),
			  "%s has list %llu, the hub %llu", t->device[i]->name,
			  (unsigned long long)t->seen[i].crl_number,
			  (unsigned long long)pz_crl_number(crl));
	if (t->world->now_us - t->seen[t->count].crl_since_us < DROPPED_US)
		return;
	PZ_LIST_EACH (&zone->links, node, tmp) {
		const struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
		const struct hub_peer *peer = link->owner;
		sim_check(t->world, !pz_crl_has_serial(crl, peer->serial),
			  "the hub has a link with %s, which is revoked", link->session.address);
	}
	for (size_t i = 0; i < t->count; i++) {
		const struct pz_member *m =
			pz_authority_member(zone->authority, t->device[i]->name);
		char address[PZ_ADDRESS_BYTES_MAX + 1];
		snprintf(address, sizeof(address), "%s/%s", SIM_ZONE, t->device[i]->name);
		sim_check(t->world,
			  !m || !m->revoked ||
				  (!pz_member_is_connected(m) &&
				   !pz_router_has_route(zone->router, pz_slice_str(address))),
			  "the hub has a way to %s, which is revoked", t->device[i]->name);
	}
}

static void
check_device(struct town *t, size_t i)
{
	const struct sim_node *device = t->device[i];

	if (!t->seen[i].is_member || t->world->now_us - t->seen[i].crl_since_us < DROPPED_US)
		return;
	PZ_LIST_EACH (&device->node->peers->links, n, tmp) {
		const struct peer_link *link = PZ_CONTAINER(n, struct peer_link, node);
		sim_check(t->world,
			  link->serial[0] == '\0' || link->link->closing ||
				  !pz_crl_has_serial(crl_of(device), link->serial),
			  "%s has a link with %s, which is revoked, and knows it", device->name,
			  link->peer ? link->peer->device : "somebody");
	}
}

static void
check_now(struct town *t)
{
	for (size_t i = 0; i < t->count; i++)
		check_number(t, t->device[i], &t->seen[i]);
	check_number(t, t->hub, &t->seen[t->count]);
	if (t->hub->is_running)
		check_hub(t);
	for (size_t i = 0; i < t->count; i++)
		if (t->device[i]->is_running)
			check_device(t, i);
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

/* ---- who belongs to it ---- */

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
	const struct pz_member *m = pz_authority_member(zone_of(t->hub)->authority, device->name);

	if (m && !m->revoked && m->confirmed) /* it left, and the hub has not heard of it */
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
	enum pz_err err;

	sim_note(node->world, "%s writes %s = %.20s", node->name, w->key, value ? value : "-");
	harness_current(node->name);
	if (node->is_hub)
		err = sync_write(zone_of(node), w->id, w->key, value, NULL, NULL, &info);
	else
		err = zonedata_write(node->node, w->id, w->key, value, NULL, NULL, &info);
	pz_turn_end(&node->turn);
	harness_current(NULL);
	sim_check(node->world, err == PZ_OK || err == PZ_ERR_DENIED, "%s cannot write %s: %s",
		  node->name, w->key, info.text);
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
	const struct pz_sync_chunk *theirs = pz_sync_item_get(item_of(device, id), key);
	const struct pz_sync_chunk *ours = pz_sync_item_get(item_of(t->hub, id), key);
	char a[300], b[300];

	describe(t->hub, ours, a, sizeof(a));
	describe(device, theirs, b, sizeof(b));
	sim_check(t->world, are_same(ours, theirs), "%s %s: %s, %s", pz_sync_kind(id)->name, key, a,
		  b);
}

static void
check_item(struct town *t, const struct sim_node *device, enum pz_sync_id id)
{
	struct pz_sync_item *ours = item_of(t->hub, id), *theirs = item_of(device, id);
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
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(address, sizeof(address), "%s/%s", SIM_ZONE, out->name);
	sim_check(t->world,
		  pz_knowledge_device(device->node->zonedata->knowledge, out->name) == NULL,
		  "%s knows a certificate of %s, which is out", device->name, out->name);
	sim_check(t->world, !node_has_route(device->node, out->name), "%s has a route to %s: %s",
		  device->name, out->name, node_route_text(device->node, out->name));
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
