/* A certificate that is enough for a connection, and proves nothing else. */
#include "x509/stranger.h"

#include <openssl/err.h>

#include "x509/fixture.h"

#include "x509/verify.h"

static void
a_strangers_certificate_has_its_key_and_no_identity(void **state)
{
	struct pz_key *key = NULL;
	struct pz_cert *cert = NULL, *again = NULL;
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	uint8_t a[32], b[32];

	(void)state;
	assert_ok(pz_key_generate(NULL, &key, NULL));
	assert_ok(pz_cert_issue_stranger(key, &fix_env, &cert, NULL));
	assert_ok(pz_cert_issue_stranger(key, &fix_env, &again, NULL));
	assert_true(pz_cert_key_matches(cert, key));
	assert_int_equal(pz_cert_identity(cert, zone, device), PZ_ERR_PROTO);
	assert_true(pz_cert_not_before_ms(cert) <= NOW_MS);
	assert_true(pz_cert_not_after_ms(cert) > NOW_MS);
	pz_cert_fingerprint(cert, a);
	pz_cert_fingerprint(again, b);
	assert_memory_not_equal(a, b, sizeof(a)); /* another serial number */
	assert_int_equal(ERR_peek_error(), 0);
	pz_cert_free(again);
	pz_cert_free(cert);
	pz_key_free(key);
}

static void
no_chain_of_a_stranger_is_believed(void **state)
{
	struct pz_kit_zone alice;
	struct pz_key *key = NULL;
	struct pz_cert *cert = NULL;
	struct pz_trust *trust = pz_trust_new();
	struct pz_peer who;

	(void)state;
	pz_kit_zone_init(&alice, ZONE, &fix_env);
	assert_ok(pz_key_generate(NULL, &key, NULL));
	assert_ok(pz_cert_issue_stranger(key, &fix_env, &cert, NULL));
	assert_ok(pz_trust_add(trust, alice.ca, NULL, NULL));
	assert_int_not_equal(pz_verify_device(trust, cert, cert, NULL, NOW_MS, &who, NULL), PZ_OK);
	assert_int_not_equal(pz_trust_add(trust, cert, NULL, NULL), PZ_OK);
	assert_ok(pz_cert_check_stranger(cert, NULL));
	assert_int_equal(pz_cert_check_stranger(alice.laptop.ca, NULL), PZ_ERR_DENIED_IDENTITY);
	pz_trust_free(trust);
	pz_cert_free(cert);
	pz_key_free(key);
	pz_kit_zone_fini(&alice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_strangers_certificate_has_its_key_and_no_identity),
		cmocka_unit_test(no_chain_of_a_stranger_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
