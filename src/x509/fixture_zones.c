#include "x509/fixture_zones.h"

struct pz_kit_zone alice, bob, mallory;

int
setup(void **state)
{
	(void)state;
	pz_kit_zone_init(&alice, ZONE, &fix_env);
	pz_kit_zone_init(&bob, BOB, &fix_env);
	pz_kit_zone_init(&mallory, ZONE, &fix_env); /* calls itself alice */
	return 0;
}

int
teardown(void **state)
{
	(void)state;
	pz_kit_zone_fini(&alice);
	pz_kit_zone_fini(&bob);
	pz_kit_zone_fini(&mallory);
	return 0;
}

struct result
verify_at(const struct pz_trust *trust, const struct pz_cert *leaf,
	  const struct pz_cert *const *chain, const struct pz_expect *expect, uint64_t wall_ms)
{
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	struct result r;

	memset(&r, 0x5a, sizeof(r));
	r.info.text[0] = '\0';
	for (; chain && *chain; chain++)
		sk_X509_push(untrusted, pz_cert_x509(*chain));
	r.err = pz_verify_chain(trust, pz_cert_x509(leaf), untrusted, expect, wall_ms, &r.peer,
				&r.x509_error, &r.info);
	sk_X509_free(untrusted);
	assert_int_equal(r.err == PZ_OK, r.x509_error == X509_V_OK);
	assert_int_equal(r.err == PZ_OK, r.info.text[0] == '\0');
	if (r.err != PZ_OK) /* untouched on failure */
		assert_int_equal(r.peer.zone[0], 0x5a);
	assert_int_equal(ERR_peek_error(), 0);
	return r;
}

struct result
verify(const struct pz_trust *trust, const struct pz_cert *leaf, const struct pz_cert *const *chain)
{
	return verify_at(trust, leaf, chain, NULL, NOW_MS);
}

struct pz_trust *
trust_new(bool friend, const struct pz_crl *crl)
{
	struct pz_trust *trust = pz_kit_trust(&alice, crl);

	if (friend)
		assert_ok(pz_trust_add(trust, bob.ca, NULL, NULL));
	return trust;
}

void
assert_leaf(const struct fix_raw *raw, const struct pz_cert *device_ca, enum pz_err expected,
	    const char *word)
{
	struct pz_trust *trust = trust_new(true, NULL);
	const struct pz_cert *ca = device_ca ? device_ca : alice.laptop.ca;
	struct pz_cert *leaf = fix_raw(raw, alice.laptop.key, ca, alice.laptop.ca_key);
	struct result r = verify(trust, leaf, CHAIN(ca));

	if (r.err != expected || !strstr(r.info.text, word))
		print_error("cn=%s san=%s: %s\n", raw->cn, raw->san, r.info.text);
	assert_int_equal(r.err, expected);
	assert_non_null(strstr(r.info.text, word));
	pz_cert_free(leaf);
	pz_trust_free(trust);
}

void
assert_device_ca(const struct fix_raw *ca_raw, enum pz_err expected, const char *word)
{
	struct fix_raw leaf = {.cn = "laptop",
			       .san = LAPTOP,
			       .constraints = LEAF_EXT,
			       .usage = TLS_USE,
			       .ext_usage = TLS_EKU};
	struct pz_cert *ca = fix_raw(ca_raw, alice.laptop.ca_key, alice.ca, alice.ca_key);

	assert_leaf(&leaf, ca, expected, word);
	pz_cert_free(ca);
}
