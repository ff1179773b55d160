/*
 * Friend zones at a device: what is accepted from the items trusted-pzh and crl, and the table that
 * the other modules read.
 * @spec page 8 "Items in detail"; page 14 ZON-6, REV-5, REV-10, CERT-5
 */
#include "kit/test.h"

#include "kit/authority.h"
#include "zone/device.h"

#define ZONE PZ_KIT_ZONE
#define BOB "bob@example.net"

static struct pz_kit_world w, own;
static struct pz_authority *zone;
static struct pz_device_zone device;
static struct pz_kit_zone bob, mallory;

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	pz_kit_world_init_beside(&own, &w);
	zone = pz_kit_authority_new(&w, ZONE);
	pz_kit_zone_init(&bob, BOB, &w.clock.env);
	pz_kit_zone_init(&mallory, BOB, &w.clock.env); /* calls itself bob */
	device = (struct pz_device_zone){
		.membership = pz_kit_enrol(&w, zone, "laptop", own.keys, NULL),
		.friends = pz_friends_new(),
	};
	assert_ok(pz_knowledge_load(own.store, device.membership, &device.knowledge, NULL, NULL));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_friends_free(device.friends);
	pz_knowledge_free(device.knowledge);
	pz_membership_free(device.membership);
	pz_authority_free(zone);
	pz_kit_zone_fini(&bob);
	pz_kit_zone_fini(&mallory);
	pz_kit_world_fini(&own);
	pz_kit_world_fini(&w);
	return 0;
}

/* A confirmed friend, as our hub signs it. */
static struct pz_friend *
make(const struct pz_kit_zone *from)
{
	struct pz_friend *f = NULL;

	assert_ok(pz_friend_new(from->name, from->ca, &f, NULL));
	snprintf(f->display_name, sizeof(f->display_name), "Bob");
	f->since_ms = f->changed_ms = w.clock.wall_ms;
	f->is_confirmed_here = f->is_confirmed_there = true;
	assert_ok(pz_friend_sign(f, ZONE, zone->ca_key));
	return f;
}

/* Offers a chunk, and applies it when it is good. @param value NULL: deleted */
static enum pz_err
offer(enum pz_sync_id id, const char *key, const char *value)
{
	const struct pz_sync_kind *kind = pz_sync_kind(id);
	struct pz_sync_parts parts = {.key = key,
				      .origin = ZONE,
				      .mtime_ms = w.clock.wall_ms,
				      .deleted = value == NULL,
				      .value = pz_slice_str(value)};
	struct pz_sync_chunk *chunk = NULL;
	struct pz_errinfo info = {""};

	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	enum pz_err err = pz_knowledge_accept(device.knowledge, kind, chunk, &info);
	if (err != PZ_OK) {
		assert_true(info.text[0]);
		pz_sync_chunk_free(chunk);
		return err;
	}
	struct pz_txn *txn = pz_kit_txn();
	json_t *keys = json_pack("[s]", key);
	assert_ok(pz_sync_item_put(pz_knowledge_item(device.knowledge, kind), chunk, NULL));
	assert_ok(pz_knowledge_apply(device.knowledge, kind, keys, txn));
	assert_ok(pz_kit_world_commit(&own, txn));
	json_decref(keys);
	return PZ_OK;
}

static enum pz_err
offer_friend(const char *key, const struct pz_friend *f)
{
	char *text = pz_friend_text(f);

	enum pz_err err = offer(PZ_SYNC_TRUSTED_PZH, key, text);
	pz_record_text_wipe(text);
	return err;
}

static enum pz_err
offer_crl(const char *key, struct pz_crl *takes)
{
	char *pem = pz_record_crl_text(takes);

	enum pz_err err = offer(PZ_SYNC_CRL, key, pem);
	free(pem);
	pz_crl_free(takes);
	return err;
}

static void
befriend(void)
{
	PZ_AUTO(pz_friend_free) struct pz_friend *f = make(&bob);

	assert_ok(offer_friend(BOB, f));
	json_decref(pz_device_zone_follow_friends(&device));
}

/* The zones that have gone since the last time, as text. */
static const char *
gone(void)
{
	static char text[256];
	json_t *list = pz_device_zone_follow_friends(&device);
	char *dump = json_dumps(list, JSON_COMPACT);

	snprintf(text, sizeof(text), "%s", dump);
	free(dump);
	json_decref(list);
	return text;
}

static void
a_friend_of_the_hub_counts_and_survives_a_restart(void **state)
{
	size_t skipped = 9;

	(void)state;
	assert_null(pz_device_zone_friend(&device, pz_slice_str(BOB)));
	befriend();
	assert_non_null(pz_device_zone_friend(&device, pz_slice_str(BOB)));
	assert_ok(offer_crl(BOB, pz_kit_crl(&bob, bob.phone.ca, 3)));

	pz_knowledge_free(PZ_TAKE(device.knowledge));
	assert_string_equal(gone(), "[\"" BOB "\"]");
	pz_kit_world_restart(&own);
	assert_ok(
		pz_knowledge_load(own.store, device.membership, &device.knowledge, &skipped, NULL));
	assert_int_equal(skipped, 0);
	assert_string_equal(gone(), "[]");
	const struct pz_friend *f = pz_device_zone_friend(&device, pz_slice_str(BOB));
	assert_non_null(f);
	assert_string_equal(f->display_name, "Bob");
	assert_int_equal(pz_crl_number(f->crl), 3);
}

static void
only_what_our_hub_has_signed_counts(void **state)
{
	PZ_AUTO(pz_friend_free) struct pz_friend *f = make(&bob);
	PZ_AUTO(pz_friend_free) struct pz_friend *pending = make(&bob);

	(void)state;
	assert_int_equal(offer_friend("carol@example.com", f), PZ_ERR_DENIED_IDENTITY);
	f->sig[0] = '\0';
	assert_int_equal(pz_err_category(offer_friend(BOB, f)), PZ_CAT_DENIED);
	assert_ok(pz_friend_sign(f, BOB, bob.ca_key)); /* by itself, or a peer */
	assert_int_equal(pz_err_category(offer_friend(BOB, f)), PZ_CAT_DENIED);
	pending->since_ms = 0;
	assert_ok(pz_friend_sign(pending, ZONE, zone->ca_key));
	assert_int_equal(offer_friend(BOB, pending), PZ_ERR_DENIED);
	assert_int_not_equal(offer(PZ_SYNC_TRUSTED_PZH, BOB, "{}"), PZ_OK);
	assert_string_equal(gone(), "[]");
	assert_null(pz_device_zone_friend(&device, pz_slice_str(BOB)));
}

/* REV-5: a list counts for the zone whose CA has signed it, and for no other. */
static void
a_list_counts_for_its_own_zone_only(void **state)
{
	char serial[PZ_SERIAL_HEX_BYTES];

	(void)state;
	assert_int_equal(offer_crl(BOB, pz_kit_crl(&bob, NULL, 1)), PZ_ERR_NOTFOUND);
	befriend();
	assert_int_equal(pz_err_category(offer_crl(BOB, pz_kit_crl(&mallory, NULL, 2))),
			 PZ_CAT_DENIED);
	assert_int_equal(pz_err_category(offer_crl(ZONE, pz_kit_crl(&bob, NULL, 2))),
			 PZ_CAT_DENIED);
	assert_ok(offer_crl(BOB, pz_kit_crl(&bob, bob.phone.ca, 2)));
	assert_string_equal(gone(), "[]");
	pz_cert_serial_hex(bob.phone.ca, serial);
	assert_true(pz_device_zone_friend_has_revoked(&device, pz_slice_str(BOB), serial));
	assert_false(pz_device_zone_is_revoked(&device, serial));
	assert_int_equal(pz_crl_number(pz_device_zone_crl(&device)), 1);
	assert_int_equal(pz_err_category(offer(PZ_SYNC_CRL, BOB, NULL)), PZ_CAT_DENIED);
}

static void
a_removed_friend_is_forgotten_with_its_list(void **state)
{
	(void)state;
	befriend();
	assert_ok(offer_crl(BOB, pz_kit_crl(&bob, NULL, 2)));
	assert_ok(offer(PZ_SYNC_TRUSTED_PZH, BOB, NULL));
	assert_string_equal(gone(), "[\"" BOB "\"]");
	assert_string_equal(gone(), "[]");
	assert_null(pz_device_zone_friend(&device, pz_slice_str(BOB)));
	assert_null(pz_sync_item_get(pz_knowledge_item(device.knowledge, pz_sync_kind(PZ_SYNC_CRL)),
				     BOB));
	assert_int_equal(offer_crl(BOB, pz_kit_crl(&bob, NULL, 3)), PZ_ERR_NOTFOUND);
}

/* A zone of the same name with another CA: what had begun with the former one ends. */
static void
another_ca_is_another_friend(void **state)
{
	PZ_AUTO(pz_friend_free) struct pz_friend *f = make(&mallory);

	(void)state;
	befriend();
	assert_ok(offer_crl(BOB, pz_kit_crl(&bob, bob.phone.ca, 2)));
	w.clock.wall_ms += 1000;
	assert_ok(offer_friend(BOB, f));
	assert_string_equal(gone(), "[\"" BOB "\"]");
	const struct pz_friend *now = pz_device_zone_friend(&device, pz_slice_str(BOB));
	assert_non_null(now);
	assert_null(now->crl);
}

static void
what_the_device_paired_itself_stays(void **state)
{
	struct pz_friend *paired = make(&bob);

	(void)state;
	paired->sig[0] = '\0';
	assert_ok(pz_friends_put(device.friends, paired, NULL));
	assert_string_equal(gone(), "[]");
	assert_non_null(pz_device_zone_friend(&device, pz_slice_str(BOB)));
	befriend(); /* the hub's list has it, too */
	assert_ok(offer(PZ_SYNC_TRUSTED_PZH, BOB, NULL));
	assert_string_equal(gone(), "[\"" BOB "\"]");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_friend_of_the_hub_counts_and_survives_a_restart),
		TEST(only_what_our_hub_has_signed_counts),
		TEST(a_list_counts_for_its_own_zone_only),
		TEST(a_removed_friend_is_forgotten_with_its_list),
		TEST(another_ca_is_another_friend),
		TEST(what_the_device_paired_itself_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
