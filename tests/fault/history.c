#include "kit/test.h"

#include <sodium.h>

#include "history.h"
#include "kit/authority.h"

#include "record/chunks.h"
#include "shared/shared.h"
#include "store/backend.h"
#include "zone/authority.h"
#include "zone/knowledge.h"
#include "zone/moving.h"
#include "zone/place.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define DAY_MS PZ_KIT_DAY_MS

#define BIG_BYTES 60000
#define SPACES_MAX 16

struct step {
	const char *name;
	struct pz_txn *txn;
	uint8_t after[32]; /* digest of the store then */
};

struct history {
	struct pz_kit_world w;
	struct step steps[HISTORY_STEPS_MAX];
	size_t count;
	uint8_t before[32];
	char spaces[SPACES_MAX][64];
	size_t space_count;
	/* while it is made */
	struct pz_authority *zone;
	struct pz_membership *membership;
	struct pz_knowledge *knowledge;
};

/* ---- what a store holds ---- */

static void
hash_text(crypto_hash_sha256_state *state, struct pz_slice text)
{
	uint64_t len = text.len;

	crypto_hash_sha256_update(state, (const uint8_t *)&len, sizeof(len));
	if (text.len > 0)
		crypto_hash_sha256_update(state, text.ptr, text.len);
}

static enum pz_err
hash_item(void *arg, const char *key, struct pz_slice value)
{
	hash_text(arg, pz_slice_str(key));
	hash_text(arg, value);
	return PZ_OK;
}

static void
digest(const struct history *h, struct pz_store *store, uint8_t out[32])
{
	crypto_hash_sha256_state state;
	struct pz_errinfo info = {""};

	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < h->space_count; i++) {
		hash_text(&state, pz_slice_str(h->spaces[i]));
		if (pz_store_load(store, h->spaces[i], hash_item, &state, &info) != PZ_OK)
			fail_msg("%s", info.text);
	}
	crypto_hash_sha256_final(&state, out);
}

static void
note_space(struct history *h, const char *space)
{
	for (size_t i = 0; i < h->space_count; i++)
		if (strcmp(h->spaces[i], space) == 0)
			return;
	assert_true(h->space_count < SPACES_MAX && strlen(space) < sizeof(h->spaces[0]));
	snprintf(h->spaces[h->space_count++], sizeof(h->spaces[0]), "%s", space);
}

static struct pz_txn *
copy(const struct pz_txn *txn)
{
	struct pz_txn *out = pz_kit_txn();

	PZ_LIST_EACH (&txn->changes, node, next) {
		const struct pz_change *c = PZ_CONTAINER(node, struct pz_change, node);

		if (c->kind == PZ_CHANGE_PUT)
			assert_ok(pz_txn_put(out, c->space, c->key, c->value));
		else if (c->kind == PZ_CHANGE_REMOVE)
			assert_ok(pz_txn_remove(out, c->space, c->key));
		else
			assert_ok(pz_txn_remove_space(out, c->space));
	}
	return out;
}

/* ---- making it ---- */

/** One step, durable in the store of the world. Takes the transaction. */
static void
did(struct history *h, const char *name, struct pz_txn *txn)
{
	struct step *step = &h->steps[h->count++];

	assert_true(h->count <= HISTORY_STEPS_MAX);
	assert_true(txn->change_count > 0);
	*step = (struct step){.name = name, .txn = copy(txn)};
	PZ_LIST_EACH (&txn->changes, node, next) {
		note_space(h, PZ_CONTAINER(node, struct pz_change, node)->space);
	}
	assert_ok(pz_kit_world_commit(&h->w, txn));
	pz_kit_clock_jump(&h->w.clock, PZ_US_PER_S);
}

static void
did_record(struct history *h, const char *name, const char *space, const char *key, json_t *takes)
{
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_record_put(txn, space, key, takes));
	did(h, name, txn);
}

static void
make_zone(struct history *h)
{
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_authority_create(ZONE, HOST, NULL, "ec-p256", h->w.keys, &h->w.clock.env, txn,
				      &h->zone, &h->w.info));
	did(h, "zone", txn);
}

/** The hub's side of an enrolment. @param grant NULL: not needed */
static void
admit(struct history *h, const char *device, struct pz_membership_grant *grant)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;
	struct pz_cert *cert = NULL;
	struct pz_crl *crl = NULL;
	struct pz_key *key = NULL;
	static char uri[PZ_KEY_URI_MAX];

	assert_ok(pz_keystore_create(h->w.keys, "ec-p256", uri, &key, NULL));
	struct pz_admission wish = {device, device, "pc", key};
	assert_ok(pz_authority_admit(h->zone, &wish, txn, &change, &cert, &crl, &h->w.info));
	did(h, "admission", txn);
	assert_non_null(pz_authority_apply(h->zone, change));
	if (grant)
		*grant = (struct pz_membership_grant){ZONE, device, HOST, "ec-p256",   uri,
						      8443, key,    cert, h->zone->ca, crl};
	if (grant)
		return;
	pz_key_free(key);
	pz_cert_free(cert);
	pz_crl_free(crl);
}

static void
confirm(struct history *h, const char *device)
{
	struct pz_member *m = pz_authority_member(h->zone, device);
	struct pz_txn *txn = pz_kit_txn();

	m->confirmed = true;
	m->last_seen_ms = h->w.clock.wall_ms;
	assert_ok(pz_authority_save_member(h->zone, m, txn));
	did(h, "confirmation", txn);
}

static void
revoke(struct history *h, const char *device)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;

	assert_ok(pz_authority_revoke(h->zone, device, PZ_REVOKED_BY_OWNER, txn, &change,
				      &h->w.info));
	did(h, "revocation", txn);
	assert_non_null(pz_authority_apply(h->zone, change));
}

static void
enrol(struct history *h, const char *device)
{
	struct pz_membership_grant grant;
	struct pz_txn *txn = pz_kit_txn();

	admit(h, device, &grant);
	assert_ok(pz_membership_create(&grant, h->w.keys, &h->w.clock.env, txn, &h->membership,
				       &h->w.info));
	did(h, "membership", txn);
	pz_key_free(grant.ca_key);
	pz_cert_free(grant.device_ca);
	pz_crl_free(grant.crl);
	assert_ok(pz_knowledge_load(h->w.store, h->membership, &h->knowledge, NULL, NULL));
}

/** What the hub has of an item comes in, as a session would put it. */
static void
learn(struct history *h, enum pz_sync_id id, const char *name)
{
	const struct pz_sync_kind *kind = pz_sync_kind(id);
	const struct pz_sync_item *given = pz_authority_item(h->zone, kind);
	struct pz_sync_item *known = pz_knowledge_item(h->knowledge, kind);
	struct pz_txn *txn = pz_kit_txn();
	json_t *keys = json_array();

	for (size_t i = 0; i < pz_sync_item_len(given); i++) {
		json_t *record = pz_sync_chunk_to_json(pz_sync_item_at(given, i));
		struct pz_sync_chunk *chunk = NULL;

		assert_ok(pz_sync_chunk_from_json(record, &chunk, NULL));
		assert_ok(pz_knowledge_accept(h->knowledge, kind, chunk, &h->w.info));
		json_array_append_new(keys, json_string(chunk->key));
		assert_ok(pz_sync_item_put(known, chunk, NULL));
		json_decref(record);
	}
	assert_ok(pz_knowledge_apply(h->knowledge, kind, keys, txn));
	json_decref(keys);
	did(h, name, txn);
}

static void
learn_all(struct history *h)
{
	learn(h, PZ_SYNC_CRL, "list");
	learn(h, PZ_SYNC_TRUSTED_PZP, "devices");
	learn(h, PZ_SYNC_ZONE_SECRET, "secret");
}

static void
renew(struct history *h)
{
	struct pz_membership *fresh = NULL;
	struct pz_zone_change *change = NULL;
	struct pz_txn *txn = pz_kit_txn();

	h->w.clock.wall_ms += 70 * DAY_MS;
	assert_true(pz_membership_is_renewal_due(h->membership, &h->w.clock.env));
	assert_ok(pz_membership_renew(h->membership, h->w.keys, &h->w.clock.env, txn, &fresh,
				      &h->w.info));
	did(h, "renewal of the membership", txn);
	pz_membership_free(h->membership);
	h->membership = fresh;

	h->w.clock.wall_ms += 230 * DAY_MS;
	txn = pz_kit_txn();
	assert_true(pz_authority_is_renewal_due(h->zone));
	assert_ok(pz_authority_renew(h->zone, h->w.keys, txn, &change, &h->w.info));
	did(h, "renewal of the zone", txn);
	(void)pz_authority_apply(h->zone, change);
	learn(h, PZ_SYNC_CRL, "renewed list");
}

/* The hub has a new address, and a device receives it. */
static void
move(struct history *h)
{
	struct pz_hub_address at;
	struct pz_hub_place place;
	struct pz_txn *txn = pz_kit_txn();

	pz_hub_address_set(&at, "other.example.org", 8443);
	assert_ok(pz_authority_announce(h->zone, &at, false, txn, &h->zone->move, &h->w.info));
	did(h, "another address", txn);
	pz_hub_place_init(&place, h->membership);
	(void)pz_hub_place_take(&place, &h->zone->move.notice);
	txn = pz_kit_txn();
	assert_ok(pz_hub_place_put(&place, txn));
	did(h, "another place", txn);
}

/* A list that the hub signed and has forgotten. */
static void
learn_forgotten(struct history *h)
{
	struct pz_crl_entry entry = {.serial_hex = "0123456789abcdef0123456789abcdef"};
	struct pz_zone_change *change = NULL;
	struct pz_txn *txn = pz_kit_txn();
	struct pz_crl *crl = NULL;

	assert_ok(pz_crl_issue(h->zone->ca, h->zone->ca_key, &entry, 1,
			       pz_crl_number(h->zone->crl) + 3, &h->w.clock.env, &crl, &h->w.info));
	assert_ok(pz_authority_add_crl(h->zone, crl, txn, &change, &h->w.info));
	did(h, "forgotten list", txn);
	(void)pz_authority_apply(h->zone, change);
	pz_crl_free(crl);
}

/** What every device may write, as both keep it. */
static void
share(struct history *h, const char *zone, enum pz_sync_id id, const char *key, const char *value)
{
	struct pz_sync_item *item = pz_sync_item_new(pz_sync_kind(id));
	struct pz_txn *txn = pz_kit_txn();
	char space[PZ_SHARED_SPACE_CHARS];

	assert_non_null(item);
	pz_shared_space(zone, space);
	assert_ok(pz_sync_item_write(item, key, pz_slice_str(value ? value : ""), value == NULL,
				     ZONE "/laptop", h->w.clock.wall_ms, &h->w.info));
	assert_ok(pz_chunks_save(item, key, space, txn));
	did(h, "shared", txn);
	pz_sync_item_free(item);
}

static void
save_all(struct history *h)
{
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_knowledge_save(h->knowledge, txn));
	did(h, "all that is known", txn);
}

static void
write_big(struct history *h)
{
	static uint8_t bytes[BIG_BYTES];
	struct pz_txn *txn = pz_kit_txn();

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	assert_ok(pz_txn_put(txn, "knowledge-of-a-later-version", "big",
			     pz_slice_of(bytes, sizeof(bytes))));
	did(h, "many pages", txn);
}

static void
leave(struct history *h)
{
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_membership_wipe(txn));
	assert_ok(pz_txn_remove(txn, "prefs", "peer.auto"));
	assert_ok(pz_txn_remove_space(txn, "knowledge-of-a-later-version"));
	assert_ok(pz_txn_remove_space(txn, "shared"));
	did(h, "wipe", txn);
	pz_knowledge_free(PZ_TAKE(h->knowledge));
	pz_membership_free(PZ_TAKE(h->membership));
}

static json_t *
preference(const char *value)
{
	return json_pack("{s:s, s:I, s:s}", "value", value, "mtime", (json_int_t)1, "origin",
			 "laptop");
}

static void
make_all(struct history *h)
{
	struct pz_txn *txn;

	did_record(h, "name", "device", "self", json_pack("{s:s}", "name", "laptop"));
	make_zone(h);
	did_record(h, "preference", "prefs", "name", preference("Desk"));
	enrol(h, "laptop");
	confirm(h, "laptop");
	learn_all(h);
	admit(h, "phone", NULL);
	learn(h, PZ_SYNC_TRUSTED_PZP, "devices");
	admit(h, "phone", NULL); /* the first one is revoked with it */
	learn(h, PZ_SYNC_CRL, "list");
	learn(h, PZ_SYNC_TRUSTED_PZP, "devices");
	did_record(h, "preference", "prefs", "peer.auto", preference("true"));
	revoke(h, "phone");
	learn(h, PZ_SYNC_CRL, "list");
	learn(h, PZ_SYNC_TRUSTED_PZP, "devices");
	write_big(h);
	txn = pz_kit_txn();
	assert_ok(pz_txn_remove(txn, "prefs", "name"));
	did(h, "reset of a preference", txn);
	renew(h);
	txn = pz_kit_txn();
	assert_ok(pz_authority_save(h->zone, txn));
	did(h, "zone's record", txn);
	move(h);
	learn_forgotten(h);
	share(h, "", PZ_SYNC_USER_DETAILS, "name", "\"Alice\"");
	share(h, ZONE, PZ_SYNC_USER_DETAILS, "name", "\"Alice\"");
	share(h, "", PZ_SYNC_APP_DATA, "app notes", NULL);
	save_all(h);
	revoke(h, "laptop");
	leave(h);
	enrol(h, "laptop");
	learn_all(h);
}

struct history *
history_new(void)
{
	struct history *h = calloc(1, sizeof(*h));
	struct pz_store *store;

	assert_non_null(h);
	pz_kit_world_init(&h->w, 0);
	make_all(h);
	/* Once more, now that it is known which spaces there are. */
	struct pz_memory_disk *disk = pz_memory_disk_new();
	store = pz_store_new_memory(&h->w.clock.env, disk, 0);
	assert_non_null(store);
	digest(h, store, h->before);
	for (size_t i = 0; i < h->count; i++) {
		const char *fault;

		pz_store_commit(store, history_txn(h, i), NULL, NULL);
		pz_kit_clock_run(&h->w.clock, 0);
		digest(h, store, h->steps[i].after);
		if ((fault = history_load(h, store)) != NULL)
			fail_msg("after %s: %s", h->steps[i].name, fault);
	}
	pz_store_free(store);
	pz_memory_disk_free(disk);
	return h;
}

void
history_free(struct history *h)
{
	for (size_t i = 0; i < h->count; i++)
		pz_txn_free(h->steps[i].txn);
	pz_knowledge_free(h->knowledge);
	pz_membership_free(h->membership);
	pz_authority_free(h->zone);
	pz_kit_world_fini(&h->w);
	free(h);
}

/* ---- using it ---- */

size_t
history_len(const struct history *h)
{
	return h->count;
}

const char *
history_name(const struct history *h, size_t step)
{
	return h->steps[step].name;
}

struct pz_txn *
history_txn(const struct history *h, size_t step)
{
	return copy(h->steps[step].txn);
}

static const uint8_t *
digest_after(const struct history *h, size_t steps)
{
	return steps == 0 ? h->before : h->steps[steps - 1].after;
}

int
history_find(const struct history *h, struct pz_store *store)
{
	uint8_t now[32];

	digest(h, store, now);
	for (size_t steps = h->count + 1; steps-- > 0;)
		if (memcmp(now, digest_after(h, steps), sizeof(now)) == 0)
			return (int)steps;
	return -1;
}

bool
history_is_at(const struct history *h, struct pz_store *store, size_t steps)
{
	uint8_t now[32];

	digest(h, store, now);
	return memcmp(now, digest_after(h, steps), sizeof(now)) == 0;
}

static enum pz_err
take_zone(void *arg, struct pz_authority *takes)
{
	(*(unsigned *)arg)++;
	pz_authority_free(takes);
	return PZ_OK;
}

static const char *
load_shared(const struct history *h, struct pz_store *store, const char *zone)
{
	char space[PZ_SHARED_SPACE_CHARS];
	struct pz_shared_config config = {
		.store = store,
		.env = &h->w.clock.env,
		.space = space,
		.self = zone[0] ? zone : ZONE "/laptop",
	};
	struct pz_shared *shared = NULL;
	size_t skipped = 0;

	pz_shared_space(zone, space);
	if (pz_shared_load(&config, &shared, &skipped, NULL) != PZ_OK)
		return "what everybody may write cannot be loaded";
	pz_shared_free(shared);
	return skipped == 0 ? NULL : "a record that everybody may write is not readable";
}

static const char *
load_knowledge(struct pz_store *store, const struct pz_membership *membership)
{
	struct pz_knowledge *knowledge = NULL;
	struct pz_hub_place place;
	size_t skipped = 0;

	if (pz_hub_place_load(store, membership, &place, NULL) != PZ_OK)
		return "where the hub is cannot be loaded";

	if (pz_knowledge_load(store, membership, &knowledge, &skipped, NULL) != PZ_OK)
		return "what is known of the zone cannot be loaded";
	pz_knowledge_free(knowledge);
	return skipped == 0 ? NULL : "a record of the zone is not readable";
}

const char *
history_load(const struct history *h, struct pz_store *store)
{
	struct pz_membership *membership = NULL;
	static struct pz_errinfo info;
	const char *fault = NULL;
	unsigned zones = 0;

	if (pz_authority_load_all(store, h->w.keys, &h->w.clock.env, take_zone, &zones, &info) !=
		    PZ_OK ||
	    pz_membership_load(store, h->w.keys, &membership, &info) != PZ_OK)
		return info.text;
	if (zones > 1)
		fault = "more zones than were made";
	else if (membership)
		fault = load_knowledge(store, membership);
	if (fault == NULL)
		fault = load_shared(h, store, ZONE);
	if (fault == NULL)
		fault = load_shared(h, store, "");
	pz_membership_free(membership);
	return fault;
}
