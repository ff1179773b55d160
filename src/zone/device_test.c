/* What a device knows about its zone: revoked, trusted and known members (page 2). */
#include "kit/test.h"

#include "kit/authority.h"
#include "zone/authority.h"
#include "zone/device.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST

static struct pz_kit_world w;
static struct pz_authority *authority;
static struct pz_device_zone laptop, phone;
static char phone_serial[PZ_SERIAL_HEX_BYTES];

static void
enrol(struct pz_device_zone *zone, const char *name)
{
	zone->membership = pz_kit_enrol(&w, authority, name, w.keys, NULL);
	assert_ok(pz_knowledge_load(w.store, zone->membership, &zone->knowledge, NULL, NULL));
}

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	authority = pz_kit_authority_new(&w, ZONE);
	enrol(&laptop, "laptop");
	enrol(&phone, "phone");
	pz_cert_serial_hex(phone.membership->device_ca, phone_serial);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_knowledge_free(laptop.knowledge);
	pz_knowledge_free(phone.knowledge);
	pz_membership_free(laptop.membership);
	pz_membership_free(phone.membership);
	pz_authority_free(authority);
	pz_kit_world_fini(&w);
	return 0;
}

/* ---- what comes in ---- */

/* As a session does with a chunk that wins. */
static void
receive(struct pz_device_zone *zone, enum pz_sync_id id, const char *key, const char *value)
{
	const struct pz_sync_kind *kind = pz_sync_kind(id);
	struct pz_sync_parts parts = {key, ZONE, pz_slice_str(value ? value : ""), w.clock.wall_ms,
				      value == NULL};
	struct pz_sync_chunk *chunk = NULL;
	struct pz_txn *txn = pz_kit_txn();
	json_t *keys = json_pack("[s]", key);

	w.clock.wall_ms++;
	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	assert_ok(pz_knowledge_accept(zone->knowledge, kind, chunk, &w.info));
	assert_ok(pz_sync_item_put(pz_knowledge_item(zone->knowledge, kind), chunk, NULL));
	assert_ok(pz_knowledge_apply(zone->knowledge, kind, keys, txn));
	json_decref(keys);
	pz_txn_free(txn);
}

/* A list that revokes the phone, or no device. */
static char *
list_text(uint64_t number, bool has_phone)
{
	struct pz_crl_entry entry = {.when_ms = w.clock.wall_ms};
	struct pz_crl *crl = NULL;

	snprintf(entry.serial_hex, sizeof(entry.serial_hex), "%s", phone_serial);
	assert_ok(pz_crl_issue(authority->ca, authority->ca_key, &entry, has_phone, number,
			       &w.clock.env, &crl, NULL));
	char *text = pz_record_crl_text(crl);
	pz_crl_free(crl);
	return text;
}

static void
receive_list(struct pz_device_zone *zone, uint64_t number, bool has_phone)
{
	char *text = list_text(number, has_phone);

	receive(zone, PZ_SYNC_CRL, ZONE, text);
	free(text);
}

static void
keep_older_crl(struct pz_device_zone *zone, uint64_t number)
{
	char *text = list_text(number, true);
	struct pz_sync_parts parts = {ZONE, ZONE, pz_slice_str(text), w.clock.wall_ms, false};
	struct pz_sync_chunk *chunk = NULL;
	struct pz_txn *txn = pz_kit_txn();

	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	assert_ok(pz_knowledge_keep_older_crl(zone->knowledge, chunk, txn, &w.info));
	pz_txn_free(txn);
	pz_sync_chunk_free(chunk);
	free(text);
}

/* What a handshake of the phone with the laptop ends with. */
static enum pz_err
handshake(struct pz_peer *who)
{
	struct pz_trust *trust = NULL;
	struct pz_expect any = {.role = PZ_EXPECT_DEVICE};

	assert_ok(pz_device_zone_trust(&laptop, &trust, &w.info));
	enum pz_err err =
		pz_verify_device(trust, phone.membership->tls, phone.membership->device_ca, &any,
				 w.clock.wall_ms, who, NULL);
	pz_trust_free(trust);
	return err;
}

/* ---- tests ---- */

static void
a_virgin_device_knows_nothing(void **state)
{
	const struct pz_device_zone none = {.membership = NULL};
	uint8_t secret[PZ_ZONE_SECRET_BYTES];
	json_t *names = json_object();

	(void)state;
	assert_null(pz_device_zone_crl(&none));
	assert_false(pz_device_zone_is_revoked(&none, phone_serial));
	assert_false(pz_device_zone_is_self_revoked(&none));
	assert_false(pz_device_zone_is_self(&none, ""));
	assert_false(pz_device_zone_has(&none, "phone"));
	assert_false(pz_device_zone_has_left(&none, "phone"));
	assert_false(pz_device_zone_secret(&none, secret));
	pz_device_zone_add_devices(&none, names);
	assert_int_equal(json_object_size(names), 0);
	json_decref(names);
}

static void
without_news_the_list_of_the_enrolment_counts(void **state)
{
	const struct pz_device_zone early = {.membership = laptop.membership};

	(void)state;
	assert_ptr_equal(pz_device_zone_crl(&early), laptop.membership->crl);
	assert_false(pz_device_zone_is_revoked(&early, phone_serial));
	assert_true(pz_device_zone_is_self(&early, "laptop"));
	assert_false(pz_device_zone_is_self(&early, "phone"));
}

static void
a_device_on_the_newest_list_is_out(void **state)
{
	struct pz_peer who;

	(void)state;
	assert_ok(handshake(&who));
	receive_list(&laptop, 5, true);
	assert_int_equal(pz_crl_number(pz_device_zone_crl(&laptop)), 5);
	assert_true(pz_device_zone_is_revoked(&laptop, phone_serial));
	assert_false(pz_device_zone_is_self_revoked(&laptop));
	assert_int_equal(handshake(&who), PZ_ERR_DENIED_REVOKED);
	receive_list(&phone, 5, true);
	assert_true(pz_device_zone_is_self_revoked(&phone));
}

static void
so_is_one_on_an_older_list(void **state)
{
	struct pz_peer who;

	(void)state;
	receive_list(&laptop, 5, false);
	assert_ok(handshake(&who));
	keep_older_crl(&laptop, 4);
	assert_int_equal(pz_crl_number(pz_device_zone_crl(&laptop)), 5);
	assert_true(pz_device_zone_is_revoked(&laptop, phone_serial));
	assert_int_equal(handshake(&who), PZ_ERR_DENIED_REVOKED);
	receive_list(&phone, 5, false);
	assert_false(pz_device_zone_is_self_revoked(&phone));
	keep_older_crl(&phone, 4);
	assert_true(pz_device_zone_is_self_revoked(&phone));
}

static void
a_device_is_known_until_it_has_left(void **state)
{
	char *pem = pz_record_cert_text(phone.membership->device_ca);
	json_t *names = json_object();
	struct pz_peer who;

	(void)state;
	assert_ok(handshake(&who));
	assert_false(pz_device_zone_has(&laptop, "phone"));
	assert_ok(pz_device_zone_check_ca(&laptop, &who, &w.info)); /* not known: good enough */
	receive(&laptop, PZ_SYNC_TRUSTED_PZP, "phone", pem);
	assert_true(pz_device_zone_has(&laptop, "phone"));
	assert_false(pz_device_zone_has_left(&laptop, "phone"));
	pz_device_zone_add_devices(&laptop, names);
	assert_non_null(json_object_get(names, "phone"));
	assert_ok(pz_device_zone_check_ca(&laptop, &who, &w.info));
	snprintf(who.ca_serial, sizeof(who.ca_serial), "0a"); /* another of the same name */
	assert_int_equal(pz_device_zone_check_ca(&laptop, &who, &w.info), PZ_ERR_DENIED_IDENTITY);
	receive(&laptop, PZ_SYNC_TRUSTED_PZP, "phone", NULL);
	assert_false(pz_device_zone_has(&laptop, "phone"));
	assert_true(pz_device_zone_has_left(&laptop, "phone"));
	json_decref(names);
	free(pem);
}

static void
the_secret_is_known_when_it_has_come(void **state)
{
	uint8_t secret[PZ_ZONE_SECRET_BYTES] = {9};

	(void)state;
	assert_false(pz_device_zone_secret(&laptop, secret));
	assert_int_equal(secret[0], 9);
	receive(&laptop, PZ_SYNC_ZONE_SECRET, "zone-secret",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
	assert_true(pz_device_zone_secret(&laptop, secret));
	assert_int_equal(secret[0], 0);
	assert_int_equal(secret[31], 31);
}

#define DEVICE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		DEVICE_TEST(a_virgin_device_knows_nothing),
		DEVICE_TEST(without_news_the_list_of_the_enrolment_counts),
		DEVICE_TEST(a_device_on_the_newest_list_is_out),
		DEVICE_TEST(so_is_one_on_an_older_list),
		DEVICE_TEST(a_device_is_known_until_it_has_left),
		DEVICE_TEST(the_secret_is_known_when_it_has_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
