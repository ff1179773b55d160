/* The zone at one of its devices: page 2 "Revocation", page 3 step 4. */
#include "kit/test.h"

#include "kit/authority.h"
#include "zone/membership.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define DAY_MS PZ_KIT_DAY_MS

#define DEVICE "laptop"

static struct pz_kit_world w;
static struct pz_kit_zone alice;
static struct pz_key *ca_key;
static struct pz_cert *device_ca;
static struct pz_crl *crl;
static char ca_uri[PZ_KEY_URI_MAX];

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	pz_kit_zone_init(&alice, ZONE, &w.clock.env);
	crl = pz_kit_crl(&alice, NULL, 7);
	assert_ok(pz_keystore_create(w.keys, "ec-p256", ca_uri, &ca_key, NULL));
	device_ca = pz_kit_issue(&alice, PZ_CERT_PZP_CA, DEVICE, ca_key, alice.ca, alice.ca_key);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_kit_zone_fini(&alice);
	pz_key_free(ca_key);
	pz_cert_free(device_ca);
	pz_crl_free(crl);
	pz_kit_world_fini(&w);
	return 0;
}

static enum pz_err
create(struct pz_txn *txn, struct pz_membership **out)
{
	struct pz_membership_grant grant = {
		.zone = ZONE,
		.device = DEVICE,
		.hub_host = HOST,
		.hub_port = 8443,
		.key_type = "ec-p256",
		.ca_key_uri = ca_uri,
		.ca_key = ca_key,
		.device_ca = device_ca,
		.master = alice.ca,
		.crl = crl,
	};

	return pz_membership_create(&grant, w.keys, &w.clock.env, txn, out, &w.info);
}

static struct pz_membership *
enrolled(void)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_membership *m = NULL;

	assert_ok(create(txn, &m));
	assert_ok(pz_kit_world_commit(&w, txn));
	return m;
}

static struct pz_membership *
load(void)
{
	struct pz_membership *m = NULL;

	assert_ok(pz_membership_load(w.store, w.keys, &m, &w.info));
	return m;
}

static void
check(const struct pz_membership *m)
{
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];

	assert_string_equal(m->zone, ZONE);
	assert_string_equal(m->device, DEVICE);
	assert_string_equal(m->hub_host, HOST);
	assert_int_equal(m->hub_port, 8443);
	assert_ok(pz_cert_identity(m->tls, zone, device));
	assert_string_equal(zone, ZONE);
	assert_string_equal(device, DEVICE);
	assert_true(pz_cert_key_matches(m->tls, m->tls_key));
	assert_true(pz_cert_key_matches(m->device_ca, m->ca_key));
	assert_int_equal(pz_crl_number(m->crl), 7);
	assert_ok(pz_crl_verify(m->crl, m->master, NULL));
}

static void
a_virgin_device_has_none(void **state)
{
	(void)state;
	assert_null(load());
}

static void
enrolled_once_it_is_durable_and_not_before(void **state)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_membership *m = NULL;
	const char *uris[2];

	(void)state;
	assert_ok(create(txn, &m));
	check(m);
	assert_false(pz_membership_is_renewal_due(m, &w.clock.env));
	pz_membership_key_uris(m, uris);
	assert_string_equal(uris[0], ca_uri);
	assert_string_not_equal(uris[1], ca_uri);
	assert_null(load()); /* a crash now leaves it virgin */

	pz_memory_disk_fail_after(w.disk, 0);
	assert_int_equal(pz_kit_world_commit(&w, txn), PZ_ERR_IO_FULL);
	pz_membership_free(m);
	pz_kit_world_restart(&w);
	assert_null(load());

	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	pz_membership_free(enrolled());
	pz_kit_world_restart(&w);
	m = load();
	assert_non_null(m);
	check(m);
	pz_membership_free(m);
	pz_membership_free(NULL);
}

static void
a_wipe_leaves_nothing_of_the_zone(void **state)
{
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	pz_membership_free(enrolled());
	pz_kit_world_put(&w, "services", "something", "{}");
	pz_kit_world_put(&w, "knowledge", "zone-secret/zone-secret", "{}");
	pz_kit_world_put(&w, "device", "displayName", "\"mine\"");
	assert_ok(pz_membership_wipe(txn));
	assert_int_equal(pz_kit_world_count(&w, "membership"), 1);
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_kit_world_restart(&w);
	assert_null(load());
	assert_int_equal(pz_kit_world_count(&w, "membership"), 0);
	assert_int_equal(pz_kit_world_count(&w, "services"), 0);
	assert_int_equal(pz_kit_world_count(&w, "knowledge"), 0);
	assert_int_equal(pz_kit_world_count(&w, "device"),
			 1); /* its own name and preferences stay */

	txn = pz_kit_txn(); /* again: page 14, WIP-4 */
	assert_ok(pz_membership_wipe(txn));
	assert_ok(pz_kit_world_commit(&w, txn));
}

/* Page 2: 90 days, renewed at two thirds, on the device, no hub needed. */
static void
its_certificate_is_renewed_at_two_thirds(void **state)
{
	struct pz_membership *m = enrolled(), *fresh = NULL;
	struct pz_txn *txn = pz_kit_txn();

	(void)state;
	w.clock.wall_ms += 59 * DAY_MS;
	assert_false(pz_membership_is_renewal_due(m, &w.clock.env));
	w.clock.wall_ms += 2 * DAY_MS;
	assert_true(pz_membership_is_renewal_due(m, &w.clock.env));
	assert_ok(pz_membership_renew(m, w.keys, &w.clock.env, txn, &fresh, &w.info));
	check(m); /* still in use until the new one is durable */
	check(fresh);
	assert_string_not_equal(fresh->tls_key_uri, m->tls_key_uri);
	assert_string_equal(fresh->ca_key_uri, m->ca_key_uri);
	assert_false(pz_membership_is_renewal_due(fresh, &w.clock.env));
	assert_ok(pz_kit_world_commit(&w, txn));
	pz_membership_free(m);
	m = load();
	check(m);
	assert_string_equal(m->tls_key_uri, fresh->tls_key_uri);
	pz_membership_free(m);
	pz_membership_free(fresh);
}

static void
what_cannot_be_signed_is_no_membership(void **state)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_membership *m = NULL;

	(void)state;
	w.clock.wall_ms += 20 * 365 * DAY_MS; /* the PZP CA is past its end */
	assert_int_equal(create(txn, &m), PZ_ERR_DENIED_EXPIRED);
	assert_null(m);
	pz_txn_free(txn);
}

static void
an_unreadable_record_is_an_error_and_no_virgin(void **state)
{
	static const char *const texts[] = {"", "[]", "{}", "{\"zone\":1}"};
	struct pz_membership *m = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		pz_kit_world_put(&w, "membership", "self", texts[i]);
		w.info.text[0] = '\0';
		assert_int_equal(pz_membership_load(w.store, w.keys, &m, &w.info), PZ_ERR_PROTO);
		assert_null(m);
		assert_true(w.info.text[0] != '\0');
	}
}

static void
a_missing_key_is_an_error(void **state)
{
	struct pz_membership *m = enrolled(), *loaded = NULL;

	(void)state;
	assert_ok(pz_keystore_remove(w.keys, m->ca_key_uri));
	assert_int_equal(pz_membership_load(w.store, w.keys, &loaded, &w.info), PZ_ERR_NOTFOUND);
	assert_null(loaded);
	pz_membership_free(m);
}

static void
a_missing_tls_key_can_be_replaced(void **state)
{
	struct pz_membership *m = enrolled(), *loaded = NULL, *fresh = NULL;
	struct pz_txn *txn = pz_txn_new();

	(void)state;
	assert_ok(pz_keystore_remove(w.keys, m->tls_key_uri));
	assert_ok(pz_membership_load(w.store, w.keys, &loaded, &w.info));
	assert_null(loaded->tls_key);
	assert_ok(pz_membership_renew(loaded, w.keys, &w.clock.env, txn, &fresh, &w.info));
	assert_true(pz_cert_key_matches(fresh->tls, fresh->tls_key));
	pz_txn_free(txn);
	pz_membership_free(m);
	pz_membership_free(loaded);
	pz_membership_free(fresh);
}

#define ZONE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ZONE_TEST(a_virgin_device_has_none),
		ZONE_TEST(enrolled_once_it_is_durable_and_not_before),
		ZONE_TEST(a_wipe_leaves_nothing_of_the_zone),
		ZONE_TEST(its_certificate_is_renewed_at_two_thirds),
		ZONE_TEST(what_cannot_be_signed_is_no_membership),
		ZONE_TEST(an_unreadable_record_is_an_error_and_no_virgin),
		ZONE_TEST(a_missing_key_is_an_error),
		ZONE_TEST(a_missing_tls_key_can_be_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
