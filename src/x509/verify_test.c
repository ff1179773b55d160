/* Rules 1 and 2 of page 2, strength, and the trust set: each with peers that violate only that
 * rule. */
#include "x509/fixture_zones.h"

static void
test_device_is_believed(void **state)
{
	struct pz_trust *trust = trust_new(false, NULL);
	uint8_t hash[PZ_KEY_HASH_BYTES];
	char serial[PZ_SERIAL_HEX_BYTES];
	struct result r = verify(trust, alice.laptop.tls, CHAIN(alice.laptop.ca));

	(void)state;
	assert_ok(r.err);
	assert_string_equal(r.peer.zone, ZONE);
	assert_string_equal(r.peer.device, "laptop");
	assert_false(r.peer.is_hub);
	pz_key_spki_hash(alice.laptop.key, hash);
	assert_memory_equal(r.peer.key_hash, hash, sizeof(hash));
	pz_key_spki_hash(alice.laptop.ca_key, hash);
	assert_memory_equal(r.peer.ca_key_hash, hash, sizeof(hash));
	pz_cert_serial_hex(alice.laptop.ca, serial);
	assert_string_equal(r.peer.ca_serial, serial);
	pz_trust_free(trust);
}

static void
test_hub_is_believed(void **state)
{
	struct pz_trust *trust = trust_new(false, NULL);
	uint8_t hash[PZ_KEY_HASH_BYTES];
	char serial[PZ_SERIAL_HEX_BYTES];
	struct result r = verify(trust, alice.hub.tls, NULL);

	(void)state;
	assert_ok(r.err);
	assert_string_equal(r.peer.zone, ZONE);
	assert_string_equal(r.peer.device, "");
	assert_true(r.peer.is_hub);
	pz_key_spki_hash(alice.ca_key, hash);
	assert_memory_equal(r.peer.ca_key_hash, hash, sizeof(hash));
	pz_cert_serial_hex(alice.hub.tls, serial);
	assert_string_equal(r.peer.ca_serial, serial);
	pz_trust_free(trust);
}

/* No stack, no expectation, no code asked for. */
static void
test_optional_arguments(void **state)
{
	struct pz_trust *trust = trust_new(false, NULL);
	struct pz_peer peer;

	(void)state;
	assert_ok(pz_verify_chain(trust, pz_cert_x509(alice.hub.tls), NULL, NULL, NOW_MS, &peer,
				  NULL, NULL));
	assert_int_equal(pz_verify_chain(trust, pz_cert_x509(alice.laptop.tls), NULL, NULL, NOW_MS,
					 &peer, NULL, NULL),
			 PZ_ERR_DENIED_CHAIN);
	pz_trust_free(trust);
}

/* What TLS hands over: the leaf again; what peers may add: the root. */
static void
test_leaf_and_root_in_the_chain(void **state)
{
	struct pz_trust *trust = trust_new(true, NULL);

	(void)state;
	assert_ok(
		verify(trust, alice.laptop.tls, CHAIN(alice.laptop.tls, alice.laptop.ca, alice.ca))
			.err);
	assert_ok(verify(trust, alice.laptop.tls,
			 CHAIN(alice.laptop.tls, alice.laptop.ca, alice.ca, bob.ca))
			  .err);
	assert_int_equal(
		verify(trust, alice.laptop.tls,
		       CHAIN(alice.laptop.tls, alice.laptop.ca, alice.ca, bob.ca, bob.laptop.ca))
			.err,
		PZ_ERR_DENIED_CHAIN);
	pz_trust_free(trust);
}

/* Rule 1: anchors come from the trust set alone. */
static void
test_rule1_anchors(void **state)
{
	struct pz_trust *own = trust_new(false, NULL), *friends = trust_new(true, NULL);
	struct pz_trust *nobody = pz_trust_new();
	struct result r = verify(friends, bob.laptop.tls, CHAIN(bob.laptop.ca));

	(void)state;
	assert_ok(r.err);
	assert_string_equal(r.peer.zone, BOB);
	r = verify(own, bob.laptop.tls, CHAIN(bob.laptop.ca, bob.ca));
	assert_int_equal(r.err, PZ_ERR_DENIED_CHAIN);
	assert_int_equal(r.x509_error, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
	/* A CA of the same name with another key. */
	assert_int_equal(
		verify(friends, mallory.laptop.tls, CHAIN(mallory.laptop.ca, mallory.ca)).err,
		PZ_ERR_DENIED_CHAIN);
	assert_int_equal(verify(friends, mallory.hub.tls, CHAIN(mallory.ca)).err,
			 PZ_ERR_DENIED_CHAIN);
	/* The intermediate is missing, or the wrong one. */
	assert_int_equal(verify(friends, alice.laptop.tls, NULL).err, PZ_ERR_DENIED_CHAIN);
	assert_int_equal(verify(friends, alice.laptop.tls, CHAIN(bob.laptop.ca)).err,
			 PZ_ERR_DENIED_CHAIN);
	assert_int_equal(verify(nobody, alice.laptop.tls, CHAIN(alice.laptop.ca, alice.ca)).err,
			 PZ_ERR_DENIED_CHAIN);
	pz_trust_free(own);
	pz_trust_free(friends);
	pz_trust_free(nobody);
}

/* A chain ends at an anchor; an anchor that is itself presented is no peer. */
static void
test_rule1_cas_are_not_peers(void **state)
{
	struct pz_trust *trust = trust_new(false, NULL);
	struct pz_key *key = fix_key();
	struct fix_raw self = {.cn = "laptop",
			       .san = LAPTOP,
			       .constraints = LEAF_EXT,
			       .usage = TLS_USE,
			       .ext_usage = TLS_EKU};
	struct pz_cert *cert = fix_raw(&self, key, NULL, key);

	(void)state;
	assert_int_equal(verify(trust, alice.ca, NULL).err, PZ_ERR_DENIED_CHAIN);
	assert_int_equal(verify(trust, alice.laptop.ca, NULL).err, PZ_ERR_DENIED_CHAIN);
	assert_int_equal(verify(trust, cert, NULL).err, PZ_ERR_DENIED_CHAIN);
	pz_cert_free(cert);
	pz_key_free(key);
	pz_trust_free(trust);
}

/* Rule 2: pathlen. A device's CA that makes another CA, with either pathlen in its own. */
static void
test_rule2_no_ca_below_a_device(void **state)
{
	static const char *const constraints[] = {"critical,CA:TRUE,pathlen:0", "critical,CA:TRUE"};
	struct pz_trust *trust = trust_new(false, NULL);
	struct pz_key *key = fix_key();

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fix_raw first = {.cn = "first",
					.san = LAPTOP,
					.constraints = constraints[i],
					.usage = "critical,keyCertSign"};
		struct fix_raw second = {.cn = "second",
					 .san = LAPTOP,
					 .constraints = CA_EXT,
					 .usage = "critical,keyCertSign"};
		struct pz_cert *a = fix_raw(&first, alice.laptop.ca_key, alice.ca, alice.ca_key);
		struct pz_cert *b = fix_raw(&second, key, a, alice.laptop.ca_key);
		struct pz_cert *leaf =
			fix_issue(PZ_CERT_PZP_TLS, ZONE, "laptop", alice.laptop.key, b, key);
		assert_int_equal(verify(trust, leaf, CHAIN(b, a)).err, PZ_ERR_DENIED_CHAIN);
		pz_cert_free(leaf);
		pz_cert_free(b);
		pz_cert_free(a);
	}
	pz_key_free(key);
	pz_trust_free(trust);
}

static void
test_rule2_dates(void **state)
{
	struct pz_trust *trust = trust_new(false, NULL);
	struct pz_cert_subject s = {ZONE, "laptop", NULL};
	struct pz_cert *late_ca = NULL, *late_leaf;
	const struct pz_cert *const *chain = CHAIN(alice.laptop.ca);
	uint64_t begin = pz_cert_not_before_ms(alice.laptop.tls),
		 end = pz_cert_not_after_ms(alice.laptop.tls);
	struct result r;

	(void)state;
	assert_ok(verify_at(trust, alice.laptop.tls, chain, NULL, begin).err);
	r = verify_at(trust, alice.laptop.tls, chain, NULL, begin - 1000);
	assert_int_equal(r.err, PZ_ERR_DENIED_EXPIRED);
	assert_int_equal(r.x509_error, X509_V_ERR_CERT_NOT_YET_VALID);
	assert_ok(verify_at(trust, alice.laptop.tls, chain, NULL, end - 1000).err);
	r = verify_at(trust, alice.laptop.tls, chain, NULL, end + 1000);
	assert_int_equal(r.err, PZ_ERR_DENIED_EXPIRED);
	assert_int_equal(r.x509_error, X509_V_ERR_CERT_HAS_EXPIRED);
	assert_int_equal(verify_at(trust, alice.laptop.tls, chain, NULL, 0).err,
			 PZ_ERR_DENIED_EXPIRED);

	/* The CA's dates count, too. */
	assert_ok(pz_cert_issue_for(PZ_CERT_PZP_CA, &s, alice.laptop.ca_key, alice.ca, alice.ca_key,
				    &fix_env, NOW_MS + FIX_DAY_MS, NOW_MS + 9 * FIX_DAY_MS,
				    &late_ca, NULL));
	late_leaf = fix_issue(PZ_CERT_PZP_TLS, ZONE, "laptop", alice.laptop.key, late_ca,
			      alice.laptop.ca_key);
	assert_int_equal(verify(trust, late_leaf, CHAIN(late_ca)).err, PZ_ERR_DENIED_EXPIRED);
	assert_ok(verify_at(trust, late_leaf, CHAIN(late_ca), NULL, NOW_MS + 2 * FIX_DAY_MS).err);
	pz_cert_free(late_leaf);
	pz_cert_free(late_ca);
	pz_trust_free(trust);
}

static void
test_rule2_leaf_profile(void **state)
{
	static const struct {
		const char *constraints, *usage, *ext_usage;
		enum pz_err err;
	} rows[] = {
		{LEAF_EXT, TLS_USE, TLS_EKU, PZ_OK},
		{NULL, TLS_USE, TLS_EKU, PZ_OK}, /* no basicConstraints: not a CA */
		{"critical,CA:TRUE", TLS_USE, TLS_EKU, PZ_ERR_DENIED_CHAIN},
		{"critical,CA:TRUE", TLS_USE ",keyCertSign", TLS_EKU, PZ_ERR_DENIED_CHAIN},
		{LEAF_EXT, TLS_USE ",keyCertSign", TLS_EKU, PZ_ERR_DENIED_CHAIN},
		{LEAF_EXT, "critical,keyAgreement", TLS_EKU, PZ_ERR_DENIED_CHAIN},
		{LEAF_EXT, NULL, TLS_EKU, PZ_ERR_DENIED_CHAIN},
		{LEAF_EXT, TLS_USE, NULL, PZ_ERR_DENIED_CHAIN},
		{LEAF_EXT, TLS_USE, "serverAuth", PZ_ERR_DENIED_CHAIN},
		{LEAF_EXT, TLS_USE, "clientAuth", PZ_ERR_DENIED_CHAIN},
		{LEAF_EXT, TLS_USE, "codeSigning", PZ_ERR_DENIED_CHAIN},
		{LEAF_EXT, TLS_USE, "anyExtendedKeyUsage", PZ_ERR_DENIED_CHAIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fix_raw raw = {.cn = "laptop",
				      .san = LAPTOP,
				      .constraints = rows[i].constraints,
				      .usage = rows[i].usage,
				      .ext_usage = rows[i].ext_usage};
		assert_leaf(&raw, NULL, rows[i].err, "");
	}
}

static void
test_rule2_device_ca_profile(void **state)
{
	static const struct {
		const char *constraints, *usage;
		enum pz_err err;
	} rows[] = {
		{CA_EXT, "critical,keyCertSign", PZ_OK},
		{LEAF_EXT, "critical,keyCertSign", PZ_ERR_DENIED_CHAIN},
		{NULL, "critical,keyCertSign", PZ_ERR_DENIED_CHAIN},
		{CA_EXT, "critical,digitalSignature", PZ_ERR_DENIED_CHAIN},
		{CA_EXT, NULL, PZ_ERR_DENIED_CHAIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fix_raw raw = {.cn = "Pzp:" ZONE ":laptop",
				      .san = LAPTOP,
				      .constraints = rows[i].constraints,
				      .usage = rows[i].usage};
		assert_device_ca(&raw, rows[i].err, "");
	}
}

static void
test_weak_keys_and_digests(void **state)
{
	struct pz_key *rsa = fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024));
	struct pz_key *ec = fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224"));
	struct pz_trust *trust = trust_new(false, NULL);
	struct fix_raw raw = {.cn = "laptop",
			      .san = LAPTOP,
			      .constraints = LEAF_EXT,
			      .usage = TLS_USE,
			      .ext_usage = TLS_EKU};
	struct fix_raw ca_raw = {.cn = "laptop",
				 .san = LAPTOP,
				 .constraints = CA_EXT,
				 .usage = "critical,keyCertSign"};
	struct pz_cert *leaf = fix_raw(&raw, rsa, alice.laptop.ca, alice.laptop.ca_key);
	struct pz_cert *leaf2 = fix_raw(&raw, ec, alice.laptop.ca, alice.laptop.ca_key);
	struct pz_cert *ca = fix_raw(&ca_raw, rsa, alice.ca, alice.ca_key);
	struct pz_cert *below = fix_raw(&raw, alice.laptop.key, ca, rsa);
	struct result r = verify(trust, leaf, CHAIN(alice.laptop.ca));

	(void)state;
	assert_int_equal(r.err, PZ_ERR_DENIED_WEAK);
	assert_int_equal(r.x509_error, X509_V_ERR_EE_KEY_TOO_SMALL);
	assert_int_equal(verify(trust, leaf2, CHAIN(alice.laptop.ca)).err, PZ_ERR_DENIED_WEAK);
	assert_int_equal(verify(trust, below, CHAIN(ca)).err, PZ_ERR_DENIED_WEAK);
	/* Also in a certificate that the chain does not need. */
	assert_int_equal(verify(trust, alice.laptop.tls, CHAIN(alice.laptop.ca, ca)).err,
			 PZ_ERR_DENIED_WEAK);
	raw.digest = "SHA1";
	assert_leaf(&raw, NULL, PZ_ERR_DENIED_WEAK, "digest");
	raw.digest = "SHA224";
	assert_leaf(&raw, NULL, PZ_ERR_DENIED_WEAK, "digest");
	ca_raw.digest = "SHA1";
	assert_device_ca(&ca_raw, PZ_ERR_DENIED_WEAK, "digest");
	pz_cert_free(below);
	pz_cert_free(ca);
	pz_cert_free(leaf2);
	pz_cert_free(leaf);
	pz_trust_free(trust);
	pz_key_free(ec);
	pz_key_free(rsa);
}

/* Other good kinds than the default's. */
static void
test_other_key_kinds(void **state)
{
	struct pz_key *rsa = fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
	struct pz_key *ed = fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	struct pz_trust *trust = trust_new(false, NULL);
	struct pz_cert *ca = fix_issue(PZ_CERT_PZP_CA, ZONE, "laptop", rsa, alice.ca, alice.ca_key);
	struct pz_cert *leaf = fix_issue(PZ_CERT_PZP_TLS, ZONE, "laptop", ed, ca, rsa);
	struct pz_cert *ca2 = fix_issue(PZ_CERT_PZP_CA, ZONE, "laptop", ed, alice.ca, alice.ca_key);
	struct pz_cert *leaf2 =
		fix_issue(PZ_CERT_PZP_TLS, ZONE, "laptop", alice.laptop.key, ca2, ed);

	(void)state;
	assert_ok(verify(trust, leaf, CHAIN(ca)).err);
	assert_ok(verify(trust, leaf2, CHAIN(ca2)).err);
	pz_cert_free(leaf2);
	pz_cert_free(ca2);
	pz_cert_free(leaf);
	pz_cert_free(ca);
	pz_trust_free(trust);
	pz_key_free(ed);
	pz_key_free(rsa);
}

static void
test_trust_add_refusals(void **state)
{
	struct pz_key *weak = fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024));
	struct fix_raw raw = {.cn = "Pzh:x:" ZONE,
			      .san = "URI:pz:" ZONE,
			      .constraints = "critical,CA:TRUE,pathlen:1",
			      .usage = "critical,keyCertSign,cRLSign"};
	struct fix_raw no_ca = {.cn = "x", .san = "URI:pz:" ZONE, .usage = "critical,keyCertSign"};
	struct pz_cert *weak_ca = fix_raw(&raw, weak, NULL, weak);
	struct pz_cert *not_ca = fix_raw(&no_ca, alice.laptop.key, NULL, alice.laptop.key), *sha1;
	struct pz_crl *crl = pz_kit_crl(&alice, alice.laptop.ca, 7);
	struct pz_trust *trust = pz_trust_new();
	struct pz_errinfo info = {""};

	(void)state;
	raw.digest = "SHA1";
	sha1 = fix_raw(&raw, alice.laptop.key, NULL, alice.laptop.key);
	assert_int_equal(pz_trust_add(trust, alice.laptop.tls, NULL, &info), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(pz_trust_add(trust, alice.laptop.ca, NULL, &info), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(pz_trust_add(trust, alice.hub.tls, NULL, &info), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(pz_trust_add(trust, not_ca, NULL, &info), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(pz_trust_add(trust, weak_ca, NULL, &info), PZ_ERR_DENIED_WEAK);
	assert_int_equal(pz_trust_add(trust, sha1, NULL, &info), PZ_ERR_DENIED_WEAK);
	assert_int_equal(pz_trust_add(trust, bob.ca, crl, &info), PZ_ERR_DENIED_CHAIN);
	/* Nothing of it was kept. */
	assert_int_equal(verify(trust, bob.hub.tls, NULL).err, PZ_ERR_DENIED_CHAIN);
	assert_ok(pz_trust_add(trust, alice.ca, crl, &info));
	/* A friend who says that he is alice. */
	assert_int_equal(pz_trust_add(trust, mallory.ca, NULL, &info), PZ_ERR_EXISTS);
	assert_int_equal(verify(trust, mallory.hub.tls, NULL).err, PZ_ERR_DENIED_CHAIN);
	pz_trust_free(trust);
	pz_crl_free(crl);
	pz_cert_free(sha1);
	pz_cert_free(not_ca);
	pz_cert_free(weak_ca);
	pz_key_free(weak);
}

/* One thing wrong with a CA certificate that is otherwise a PZH's. */
static void
test_trust_add_wants_a_pzh_ca(void **state)
{
	static const struct {
		const char *san, *constraints, *usage;
		bool issued; /* by bob's hub instead of by itself */
		enum pz_err err;
	} rows[] = {
		{"URI:pz:" ZONE, "critical,CA:TRUE", "critical,keyCertSign", false, PZ_OK},
		{LAPTOP, "critical,CA:TRUE", "critical,keyCertSign", false, PZ_ERR_DENIED_CHAIN},
		{NULL, "critical,CA:TRUE", "critical,keyCertSign", false, PZ_ERR_DENIED_CHAIN},
		{"URI:pz:" ZONE, LEAF_EXT, "critical,keyCertSign", false, PZ_ERR_DENIED_CHAIN},
		{"URI:pz:" ZONE, "critical,CA:TRUE", "critical,cRLSign", false,
		 PZ_ERR_DENIED_CHAIN},
		{"URI:pz:" ZONE, "critical,CA:TRUE", "critical,keyCertSign", true,
		 PZ_ERR_DENIED_CHAIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fix_raw raw = {.cn = "x",
				      .san = rows[i].san,
				      .constraints = rows[i].constraints,
				      .usage = rows[i].usage};
		struct pz_trust *trust = pz_trust_new();
		struct pz_cert *ca = fix_raw(&raw, alice.laptop.key, rows[i].issued ? bob.ca : NULL,
					     rows[i].issued ? bob.ca_key : alice.laptop.key);
		assert_int_equal(pz_trust_add(trust, ca, NULL, NULL), rows[i].err);
		assert_int_equal(ERR_peek_error(), 0);
		pz_cert_free(ca);
		pz_trust_free(trust);
	}
}

static void
test_trust_refs(void **state)
{
	struct pz_trust *trust = trust_new(false, NULL);

	(void)state;
	assert_ptr_equal(pz_trust_ref(trust), trust);
	pz_trust_free(trust);
	assert_ok(verify(trust, alice.hub.tls, NULL).err);
	pz_trust_free(trust);
	pz_trust_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_is_believed),
		cmocka_unit_test(test_hub_is_believed),
		cmocka_unit_test(test_optional_arguments),
		cmocka_unit_test(test_leaf_and_root_in_the_chain),
		cmocka_unit_test(test_rule1_anchors),
		cmocka_unit_test(test_rule1_cas_are_not_peers),
		cmocka_unit_test(test_rule2_no_ca_below_a_device),
		cmocka_unit_test(test_rule2_dates),
		cmocka_unit_test(test_rule2_leaf_profile),
		cmocka_unit_test(test_rule2_device_ca_profile),
		cmocka_unit_test(test_weak_keys_and_digests),
		cmocka_unit_test(test_other_key_kinds),
		cmocka_unit_test(test_trust_add_refusals),
		cmocka_unit_test(test_trust_add_wants_a_pzh_ca),
		cmocka_unit_test(test_trust_refs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
