/*
 * Rules 3 to 6 of page 2: names, revocation, expectations, roles.
 * @spec page 14 CERT-4, CERT-5, TLS-5
 */
#include "x509/fixture_zones.h"

/* Rule 3: a device's CA vouches for that device only, a zone's CA for that zone. */
static void
test_rule3_leaf_names(void **state)
{
	static const struct {
		const char *san;
		enum pz_err err;
	} rows[] = {
		{LAPTOP, PZ_OK},
		{LAPTOP ",DNS:laptop.local", PZ_OK},
		{"URI:pz:" ZONE "/phone", PZ_ERR_DENIED_IDENTITY},
		{"URI:pz:" ZONE "/Laptop", PZ_ERR_DENIED_IDENTITY},
		{"URI:pz:" BOB "/laptop", PZ_ERR_DENIED_IDENTITY},
		{"URI:pz:" ZONE, PZ_ERR_DENIED_IDENTITY}, /* would be the hub */
		{LAPTOP ",URI:pz:" ZONE "/phone", PZ_ERR_DENIED_IDENTITY},
		{LAPTOP "," LAPTOP, PZ_ERR_DENIED_IDENTITY},
		{"DNS:laptop", PZ_ERR_DENIED_IDENTITY},
		{NULL, PZ_ERR_DENIED_IDENTITY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fix_raw raw = {.cn = "laptop",
				      .san = rows[i].san,
				      .constraints = LEAF_EXT,
				      .usage = TLS_USE,
				      .ext_usage = TLS_EKU};
		assert_leaf(&raw, NULL, rows[i].err, "");
	}
}

static void
test_rule3_device_ca_names(void **state)
{
	static const char *const bad[] = {"URI:pz:" ZONE "/phone", "URI:pz:" ZONE,
					  "URI:pz:" BOB "/laptop", LAPTOP ",URI:pz:" ZONE,
					  "DNS:laptop"};
	struct fix_raw raw = {.cn = "x", .constraints = CA_EXT, .usage = "critical,keyCertSign"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		raw.san = bad[i];
		assert_device_ca(&raw, PZ_ERR_DENIED_IDENTITY, "");
	}
	raw.san = LAPTOP;
	assert_device_ca(&raw, PZ_OK, "");
}

/* Bob's hub issues certificates for alice's zone: consistent in themselves, under a trusted CA. */
static void
test_rule3_zone_of_the_anchor(void **state)
{
	struct pz_trust *trust = trust_new(true, NULL);
	struct pz_cert *ca =
		fix_issue(PZ_CERT_PZP_CA, ZONE, "laptop", bob.laptop.ca_key, bob.ca, bob.ca_key);
	struct pz_cert *leaf =
		fix_issue(PZ_CERT_PZP_TLS, ZONE, "laptop", alice.laptop.key, ca, bob.laptop.ca_key);
	struct pz_cert *hub =
		fix_issue(PZ_CERT_PZH_TLS, ZONE, NULL, alice.laptop.key, bob.ca, bob.ca_key);
	struct result r = verify(trust, leaf, CHAIN(ca));

	(void)state;
	assert_int_equal(r.err, PZ_ERR_DENIED_IDENTITY);
	assert_non_null(strstr(r.info.text, BOB));
	assert_int_equal(r.x509_error, X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(verify(trust, hub, NULL).err, PZ_ERR_DENIED_IDENTITY);
	pz_cert_free(hub);
	pz_cert_free(leaf);
	pz_cert_free(ca);
	pz_trust_free(trust);
}

/* Page 14 CERT-3. */
static void
test_rule3_hub_cn_below_a_device(void **state)
{
	struct fix_raw leaf = {.cn = "Pzh:hub.example.org:" ZONE,
			       .san = LAPTOP,
			       .constraints = LEAF_EXT,
			       .usage = TLS_USE,
			       .ext_usage = TLS_EKU};
	struct fix_raw ca = {.cn = "pzh:other.example.org:" ZONE,
			     .san = LAPTOP,
			     .constraints = CA_EXT,
			     .usage = "critical,keyCertSign"};

	(void)state;
	assert_leaf(&leaf, NULL, PZ_ERR_DENIED_IDENTITY, "Pzh:");
	assert_device_ca(&ca, PZ_ERR_DENIED_IDENTITY, "Pzh:");
}

/* Rule 4. A list past nextUpdate still revokes, and does not keep others out. */
static void
test_rule4_revoked(void **state)
{
	struct pz_crl *device = pz_kit_crl(&alice, alice.laptop.ca, 7);
	struct pz_crl *hub = pz_kit_crl(&alice, alice.hub.tls, 7);
	struct pz_crl *leaf = pz_kit_crl(&alice, alice.laptop.tls, 7);
	struct pz_trust *no_device = trust_new(true, device), *no_hub = trust_new(false, hub);
	struct pz_trust *no_leaf = trust_new(false, leaf);
	uint64_t later = NOW_MS + 40 * FIX_DAY_MS;
	struct result r = verify(no_device, alice.laptop.tls, CHAIN(alice.laptop.ca));

	(void)state;
	assert_int_equal(r.err, PZ_ERR_DENIED_REVOKED);
	assert_int_equal(r.x509_error, X509_V_ERR_CERT_REVOKED);
	assert_string_equal(r.info.text, ZONE "/laptop is revoked");
	assert_ok(verify(no_device, alice.hub.tls, NULL).err);
	assert_ok(verify(no_device, bob.laptop.tls, CHAIN(bob.laptop.ca)).err);
	r = verify(no_hub, alice.hub.tls, NULL);
	assert_int_equal(r.err, PZ_ERR_DENIED_REVOKED);
	assert_string_equal(r.info.text, ZONE " is revoked");
	assert_ok(verify(no_hub, alice.laptop.tls, CHAIN(alice.laptop.ca)).err);
	/* The hub cannot revoke by the serials that a device gives its own leaves. */
	assert_ok(verify(no_leaf, alice.laptop.tls, CHAIN(alice.laptop.ca)).err);

	assert_true(pz_crl_next_update_ms(device) < later);
	assert_int_equal(
		verify_at(no_device, alice.laptop.tls, CHAIN(alice.laptop.ca), NULL, later).err,
		PZ_ERR_DENIED_REVOKED);
	assert_ok(verify_at(no_device, alice.hub.tls, NULL, NULL, later).err);
	pz_trust_free(no_device);
	pz_trust_free(no_hub);
	pz_trust_free(no_leaf);
	pz_crl_free(device);
	pz_crl_free(hub);
	pz_crl_free(leaf);
}

/* A friend's list speaks of the friend's certificates, whatever serials it holds. */
static void
test_rule4_list_of_another_zone(void **state)
{
	struct pz_crl *crl = pz_kit_crl(&bob, alice.laptop.ca, 7);
	struct pz_trust *trust = trust_new(false, NULL);

	(void)state;
	assert_ok(pz_trust_add(trust, bob.ca, crl, NULL));
	assert_ok(verify(trust, alice.laptop.tls, CHAIN(alice.laptop.ca)).err);
	pz_trust_free(trust);
	pz_crl_free(crl);
}

/* A renewed CA certificate with the same key: the list that came with either one counts. */
static void
test_rule4_renewed_ca(void **state)
{
	struct pz_crl *crl = pz_kit_crl(&alice, alice.laptop.ca, 7);
	struct pz_cert *renewed =
		fix_issue(PZ_CERT_PZH_CA, ZONE, NULL, alice.ca_key, NULL, alice.ca_key);
	struct pz_trust *trust = trust_new(false, crl);

	(void)state;
	assert_ok(pz_trust_add(trust, renewed, NULL, NULL));
	assert_int_equal(verify(trust, alice.laptop.tls, CHAIN(alice.laptop.ca)).err,
			 PZ_ERR_DENIED_REVOKED);
	pz_trust_free(trust);
	pz_cert_free(renewed);
	pz_crl_free(crl);
}

/* Rules 5 and 6. */
static void
test_rule5_and_6_expectations(void **state)
{
	static const struct {
		struct pz_expect expect;
		bool hub_ok, device_ok;
	} rows[] = {
		{{NULL, NULL, PZ_EXPECT_ANY}, true, true},
		{{ZONE, NULL, PZ_EXPECT_ANY}, true, true},
		{{NULL, NULL, PZ_EXPECT_HUB}, true, false},
		{{NULL, NULL, PZ_EXPECT_DEVICE}, false, true},
		{{ZONE, NULL, PZ_EXPECT_HUB}, true, false},
		{{ZONE, "laptop", PZ_EXPECT_DEVICE}, false, true},
		{{ZONE, "laptop", PZ_EXPECT_ANY}, false, true},
		{{ZONE, "phone", PZ_EXPECT_DEVICE}, false, false},
		{{NULL, "phone", PZ_EXPECT_ANY}, false, false},
		{{BOB, NULL, PZ_EXPECT_ANY}, false, false},
		{{BOB, NULL, PZ_EXPECT_HUB}, false, false},
		{{BOB, "laptop", PZ_EXPECT_DEVICE}, false, false},
		{{ZONE, "laptop", PZ_EXPECT_HUB}, false, false}, /* contradicts itself */
	};
	struct pz_trust *trust = trust_new(true, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(verify_at(trust, alice.hub.tls, NULL, &rows[i].expect, NOW_MS).err,
				 rows[i].hub_ok ? PZ_OK : PZ_ERR_DENIED_IDENTITY);
		assert_int_equal(verify_at(trust, alice.laptop.tls, CHAIN(alice.laptop.ca),
					   &rows[i].expect, NOW_MS)
					 .err,
				 rows[i].device_ok ? PZ_OK : PZ_ERR_DENIED_IDENTITY);
	}
	pz_trust_free(trust);
}

/* Rule 6: a TLS certificate for a device straight from the hub's CA; a hub's from a device's CA is
 * in test_rule3_leaf_names. */
static void
test_rule6_chain_and_name_agree(void **state)
{
	struct pz_trust *trust = trust_new(false, NULL);
	struct pz_cert *leaf = fix_issue(PZ_CERT_PZP_TLS, ZONE, "laptop", alice.laptop.key,
					 alice.ca, alice.ca_key);
	struct result r = verify(trust, leaf, NULL);

	(void)state;
	assert_int_equal(r.err, PZ_ERR_DENIED_IDENTITY);
	assert_non_null(strstr(r.info.text, "issued as a hub's"));
	pz_cert_free(leaf);
	pz_trust_free(trust);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule3_leaf_names),
		cmocka_unit_test(test_rule3_device_ca_names),
		cmocka_unit_test(test_rule3_zone_of_the_anchor),
		cmocka_unit_test(test_rule3_hub_cn_below_a_device),
		cmocka_unit_test(test_rule4_revoked),
		cmocka_unit_test(test_rule4_list_of_another_zone),
		cmocka_unit_test(test_rule4_renewed_ca),
		cmocka_unit_test(test_rule5_and_6_expectations),
		cmocka_unit_test(test_rule6_chain_and_name_agree),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
