/* What a hub sends its devices: page 8 table, page 2 "Revocation". */
#include "kit/test.h"

#include <sodium.h>

#include "kit/authority.h"
#include "sync/merge.h"
#include "wire/json.h"
#include "zone/authority.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define DAY_MS PZ_KIT_DAY_MS

static struct pz_kit_world w;
static struct pz_authority *zone;

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	zone = pz_kit_authority_new(&w, ZONE);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_authority_free(zone);
	pz_kit_world_fini(&w);
	return 0;
}

static enum pz_err
take_zone(void *arg, struct pz_authority *takes)
{
	*(struct pz_authority **)arg = takes;
	return PZ_OK;
}

static struct pz_sync_item *
item(enum pz_sync_id id)
{
	return pz_authority_item(zone, pz_sync_kind(id));
}

static const struct pz_sync_chunk *
chunk(enum pz_sync_id id, const char *key)
{
	struct pz_sync_item *found = item(id);

	assert_non_null(found);
	return pz_sync_item_get(found, key);
}

/* ---- secret ---- */

static void
a_zone_has_a_secret_of_its_own_that_stays(void **state)
{
	uint8_t secret[PZ_ZONE_SECRET_BYTES], read[PZ_ZONE_SECRET_BYTES];
	struct pz_authority *other = pz_kit_authority_new(&w, "bob@example.org");

	(void)state;
	memcpy(secret, zone->secret, sizeof(secret));
	assert_false(sodium_is_zero(secret, sizeof(secret)));
	assert_memory_not_equal(secret, other->secret, sizeof(secret));
	pz_authority_free(other);
	assert_false(zone->is_secret_unsaved);

	const struct pz_sync_chunk *c = chunk(PZ_SYNC_ZONE_SECRET, "zone-secret");
	assert_string_equal(c->origin, ZONE);
	assert_ok(pz_record_secret_read(pz_slice_str(c->value), read));
	assert_memory_equal(read, secret, sizeof(secret));
	assert_int_equal(pz_sync_item_len(item(PZ_SYNC_ZONE_SECRET)), 1);
}

/* Puts the zone's record through a change, as another version would have written it. */
static void
rewrite_zone(const char *member, json_t *takes)
{
	struct pz_txn *txn = pz_kit_txn();
	json_t *record =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "host", zone->host, "name",
			  zone->name, "keyType", zone->key_type, "caKey", zone->ca_key_uri,
			  "tlsKey", zone->tls_key_uri, "ca", pz_record_cert(zone->ca), "tls",
			  pz_record_cert(zone->tls), "crl", pz_record_crl(zone->crl));

	if (takes)
		json_object_set_new(record, member, takes);
	assert_ok(pz_record_put(txn, "zone", ZONE, record));
	assert_ok(pz_kit_world_commit(&w, txn));
}

static void
a_zone_of_an_older_version_gets_one(void **state)
{
	uint8_t secret[PZ_ZONE_SECRET_BYTES];
	struct pz_txn *txn;

	(void)state;
	rewrite_zone(NULL, NULL);
	pz_kit_authority_restart(&w, &zone);
	assert_true(zone->is_secret_unsaved);
	assert_false(sodium_is_zero(zone->secret, sizeof(zone->secret)));
	memcpy(secret, zone->secret, sizeof(secret));
	txn = pz_kit_txn();
	assert_ok(pz_authority_save(zone, txn));
	assert_ok(pz_kit_world_commit(&w, txn));
	assert_false(zone->is_secret_unsaved);
	pz_kit_authority_restart(&w, &zone);
	assert_false(zone->is_secret_unsaved);
	assert_memory_equal(zone->secret, secret, sizeof(secret));
}

static void
a_damaged_secret_stops_the_start(void **state)
{
	static const char *const texts[] = {"", "c2VjcmV0", "no base64"};
	struct pz_authority *loaded = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		rewrite_zone("secret", json_string(texts[i]));
		assert_int_equal(pz_authority_load_all(w.store, w.keys, &w.clock.env, take_zone,
						       &loaded, &w.info),
				 PZ_ERR_PROTO);
		assert_null(strstr(w.info.text, "c2Vj"));
	}
	assert_null(loaded);
}

/* ---- devices and list ---- */

static void
members_are_published_until_they_are_revoked(void **state)
{
	struct pz_cert *cert = NULL;
	char serial[PZ_SERIAL_HEX_BYTES];
	uint8_t before[PZ_SYNC_HASH_BYTES], after[PZ_SYNC_HASH_BYTES];

	(void)state;
	assert_int_equal(pz_sync_item_len(item(PZ_SYNC_TRUSTED_PZP)), 0);
	const struct pz_member *laptop = pz_kit_admit(&w, zone, "laptop", NULL);
	pz_kit_admit(&w, zone, "phone", NULL);
	const struct pz_sync_chunk *c = chunk(PZ_SYNC_TRUSTED_PZP, "laptop");
	assert_int_equal(c->mtime_ms, w.clock.wall_ms);
	assert_string_equal(c->origin, ZONE);
	assert_ok(pz_cert_from_pem(pz_slice_str(c->value), &cert, NULL));
	pz_cert_serial_hex(cert, serial);
	assert_string_equal(serial, laptop->serial);
	pz_cert_free(cert);

	w.clock.wall_ms += 1000;
	pz_kit_revoke(&w, zone, "laptop", PZ_REVOKED_BY_OWNER);
	c = chunk(PZ_SYNC_TRUSTED_PZP, "laptop");
	assert_true(c->deleted);
	assert_int_equal(c->mtime_ms, w.clock.wall_ms);
	assert_false(chunk(PZ_SYNC_TRUSTED_PZP, "phone")->deleted);
	assert_null(laptop->ca_pem);

	/* what a restart finds is the same, to the byte */
	assert_ok(pz_sync_item_digest(item(PZ_SYNC_TRUSTED_PZP), before));
	pz_kit_authority_restart(&w, &zone);
	assert_ok(pz_sync_item_digest(item(PZ_SYNC_TRUSTED_PZP), after));
	assert_memory_equal(before, after, sizeof(before));

	w.clock.wall_ms += 1000;
	pz_kit_admit(&w, zone, "laptop", NULL);
	assert_false(chunk(PZ_SYNC_TRUSTED_PZP, "laptop")->deleted);
	assert_int_equal(chunk(PZ_SYNC_TRUSTED_PZP, "laptop")->mtime_ms, w.clock.wall_ms);
}

static void
a_deletion_is_published_for_90_days(void **state)
{
	(void)state;
	pz_kit_admit(&w, zone, "laptop", NULL);
	pz_kit_revoke(&w, zone, "laptop",
		      PZ_REVOKED_BY_OWNER); /* in the same millisecond: still the later */
	assert_int_equal(chunk(PZ_SYNC_TRUSTED_PZP, "laptop")->mtime_ms, w.clock.wall_ms + 1);
	w.clock.wall_ms += 90 * DAY_MS;
	pz_kit_authority_restart(&w, &zone);
	assert_non_null(chunk(PZ_SYNC_TRUSTED_PZP, "laptop"));
	w.clock.wall_ms += 2;
	pz_kit_authority_restart(&w, &zone);
	assert_null(chunk(PZ_SYNC_TRUSTED_PZP, "laptop"));
}

/* Of two versions the later is passed on, so each has to be later than the one before. */
static void
a_clock_that_was_set_back_does_not_bring_back_a_former_holder(void **state)
{
	uint64_t times[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		w.clock.wall_ms -= 600000;
		if (i % 2 == 0)
			(void)pz_kit_admit(&w, zone, "laptop", NULL);
		else
			pz_kit_revoke(&w, zone, "laptop", PZ_REVOKED_BY_OWNER);
		times[i] = chunk(PZ_SYNC_TRUSTED_PZP, "laptop")->mtime_ms;
		assert_int_equal(chunk(PZ_SYNC_TRUSTED_PZP, "laptop")->deleted, i % 2 == 1);
		assert_true(i == 0 || times[i] > times[i - 1]);
	}
}

static void
members_of_an_older_version_are_left_out(void **state)
{
	struct pz_member *laptop = pz_kit_admit(&w, zone, "laptop", NULL);
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	free(laptop->ca_pem);
	laptop->ca_pem = NULL;
	assert_ok(pz_authority_save_member(zone, laptop, txn));
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_kit_authority_restart(&w, &zone);
	assert_non_null(pz_authority_member(zone, "laptop"));
	assert_null(chunk(PZ_SYNC_TRUSTED_PZP, "laptop"));
}

static void
the_list_is_the_one_in_force(void **state)
{
	struct pz_crl *crl = NULL;
	struct pz_txn *txn = pz_kit_txn();
	struct pz_zone_change *change = NULL;

	(void)state;
	pz_kit_admit(&w, zone, "laptop", NULL);
	assert_int_equal(chunk(PZ_SYNC_CRL, ZONE)->mtime_ms, pz_crl_this_update_ms(zone->crl));
	w.clock.wall_ms += 5000;
	assert_ok(pz_authority_revoke(zone, "laptop", PZ_REVOKED_BY_OWNER, txn, &change, &w.info));
	assert_ok(pz_crl_from_pem(pz_slice_str(chunk(PZ_SYNC_CRL, ZONE)->value), &crl, NULL));
	assert_int_equal(pz_crl_number(crl), 1); /* not before it is on disk */
	pz_crl_free(crl);
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_authority_apply(zone, change);
	assert_ok(pz_crl_from_pem(pz_slice_str(chunk(PZ_SYNC_CRL, ZONE)->value), &crl, NULL));
	assert_int_equal(pz_crl_number(crl), 2);
	pz_crl_free(crl);
	assert_int_equal(chunk(PZ_SYNC_CRL, ZONE)->mtime_ms, w.clock.wall_ms);
}

/* A friend counts for devices when both owners have confirmed; its list goes with it. */
static void
friends_are_published_until_they_have_ended(void **state)
{
	struct pz_kit_zone bob;
	struct pz_friend *f = NULL;

	(void)state;
	pz_kit_zone_init(&bob, "bob@example.net", &w.clock.env);
	assert_ok(pz_friend_new(bob.name, bob.ca, &f, NULL));
	snprintf(f->display_name, sizeof(f->display_name), "Bob");
	assert_ok(pz_friend_set_crl(f, bob.crl, NULL));
	assert_ok(pz_friends_put(zone->friends.table, f, NULL));
	assert_null(chunk(PZ_SYNC_TRUSTED_PZH, bob.name));
	assert_null(chunk(PZ_SYNC_CRL, bob.name));
	f->is_confirmed_here = f->is_confirmed_there = true;
	f->since_ms = f->changed_ms = pz_env_wall_ms(&w.clock.env);
	assert_ok(pz_friend_sign(f, zone->zone, zone->ca_key));
	pz_authority_friend_changed(zone, bob.name);
	const struct pz_sync_chunk *c = chunk(PZ_SYNC_TRUSTED_PZH, bob.name);
	assert_non_null(c);
	assert_int_equal(c->mtime_ms, f->changed_ms);
	assert_non_null(chunk(PZ_SYNC_CRL, bob.name));
	assert_int_equal(pz_sync_item_len(item(PZ_SYNC_CRL)), 2);

	pz_friends_note_end(&zone->friends, bob.name, f->changed_ms + 1);
	pz_friends_remove(zone->friends.table, pz_slice_str(bob.name));
	pz_authority_friend_changed(zone, bob.name);
	assert_true(chunk(PZ_SYNC_TRUSTED_PZH, bob.name)->deleted);
	assert_null(chunk(PZ_SYNC_CRL, bob.name));
	w.clock.wall_ms += PZ_SYNC_DELETED_MS + 1000;
	pz_authority_friend_changed(zone, bob.name);
	assert_null(chunk(PZ_SYNC_TRUSTED_PZH, bob.name));
	pz_kit_zone_fini(&bob);
}

static void
the_hub_writes_nothing_else(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		assert_int_equal(item(i) != NULL,
				 i == PZ_SYNC_TRUSTED_PZP || i == PZ_SYNC_CRL ||
					 i == PZ_SYNC_TRUSTED_PZH || i == PZ_SYNC_ZONE_SECRET ||
					 i == PZ_SYNC_POLICIES || i == PZ_SYNC_RIGHTS);
}

#define ZONE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ZONE_TEST(a_zone_has_a_secret_of_its_own_that_stays),
		ZONE_TEST(a_zone_of_an_older_version_gets_one),
		ZONE_TEST(a_damaged_secret_stops_the_start),
		ZONE_TEST(members_are_published_until_they_are_revoked),
		ZONE_TEST(a_deletion_is_published_for_90_days),
		ZONE_TEST(a_clock_that_was_set_back_does_not_bring_back_a_former_holder),
		ZONE_TEST(members_of_an_older_version_are_left_out),
		ZONE_TEST(the_list_is_the_one_in_force),
		ZONE_TEST(friends_are_published_until_they_have_ended),
		ZONE_TEST(the_hub_writes_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
