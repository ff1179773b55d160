/* What a new member accepts from its hub: the profile, the names, the dates, the signature. */
#include "x509/device_ca.h"

#include <openssl/err.h>

#include "x509/fixture.h"

#include "x509/crl.h"

#define DEVICE "laptop"
#define DEVICE_URI "URI:pz:alice@example.org/laptop"
#define HUB_URI "URI:pz:alice@example.org"
#define DEVICE_BC "critical,CA:TRUE,pathlen:0"
#define HUB_BC "critical,CA:TRUE,pathlen:1"
#define SIGNS "critical,keyCertSign"

static struct pz_kit_zone alice, eve; /* of one name */

static int
setup(void **state)
{
	(void)state;
	pz_kit_zone_init(&alice, ZONE, &fix_env);
	pz_kit_zone_init(&eve, ZONE, &fix_env);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_kit_zone_fini(&alice);
	pz_kit_zone_fini(&eve);
	return 0;
}

static enum pz_err
verify(const struct pz_cert *cert, const struct pz_cert *ca, const struct pz_crl *crl)
{
	struct pz_errinfo info = {""};
	enum pz_err err = pz_verify_device_ca(cert, ca, crl, NOW_MS, ZONE, DEVICE, &info);

	if (err != PZ_OK)
		assert_int_not_equal(strlen(info.text), 0);
	assert_int_equal(ERR_peek_error(), 0); /* nothing is left for TLS to stumble over */
	return err;
}

static void
accepts_its_own(void **state)
{
	struct pz_crl *crl = NULL;

	(void)state;
	assert_ok(pz_crl_issue(alice.ca, alice.ca_key, NULL, 0, 1, &fix_env, &crl, NULL));
	assert_ok(verify(alice.laptop.ca, alice.ca, NULL));
	assert_ok(verify(alice.laptop.ca, alice.ca, crl));
	assert_ok(pz_verify_device_ca(alice.laptop.ca, alice.ca, crl, NOW_MS, ZONE, DEVICE, NULL));
	pz_crl_free(crl);
}

static void
names_must_be_the_expected_ones(void **state)
{
	(void)state;
	assert_int_equal(
		pz_verify_device_ca(alice.laptop.ca, alice.ca, NULL, NOW_MS, ZONE, "desktop", NULL),
		PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(pz_verify_device_ca(alice.laptop.ca, alice.ca, NULL, NOW_MS,
					     "bob@example.org", DEVICE, NULL),
			 PZ_ERR_DENIED_IDENTITY);
}

static void
hub_cannot_vouch_for_another_zone(void **state)
{
	struct pz_cert *cert = fix_issue(PZ_CERT_PZP_CA, "bob@example.org", DEVICE,
					 alice.laptop.ca_key, alice.ca, alice.ca_key);

	(void)state;
	assert_int_equal(verify(cert, alice.ca, NULL), PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(
		pz_verify_device_ca(cert, alice.ca, NULL, NOW_MS, "bob@example.org", DEVICE, NULL),
		PZ_ERR_DENIED_IDENTITY);
	pz_cert_free(cert);
}

static void
signature_must_be_the_master_s(void **state)
{
	struct pz_cert *cert =
		fix_issue(PZ_CERT_PZP_CA, ZONE, DEVICE, alice.laptop.ca_key, eve.ca, eve.ca_key);

	(void)state;
	assert_int_equal(verify(cert, alice.ca, NULL), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(verify(alice.laptop.ca, eve.ca, NULL), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(verify(alice.laptop.ca, alice.laptop.ca, NULL), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(verify(alice.ca, alice.ca, NULL), PZ_ERR_DENIED_CHAIN);
	pz_cert_free(cert);
}

static void
dates_of_both_count(void **state)
{
	static const struct {
		bool is_master;
		int from_day, to_day;
		enum pz_err err;
	} rows[] = {
		{false, 0, 5, PZ_OK},
		{false, 3, 5, PZ_ERR_DENIED_EXPIRED},
		{false, -5, -1, PZ_ERR_DENIED_EXPIRED},
		{true, -5, -1, PZ_ERR_DENIED_EXPIRED},
		{true, 3, 5, PZ_ERR_DENIED_EXPIRED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fix_raw raw = {.cn = "x",
				      .san = rows[i].is_master ? HUB_URI : DEVICE_URI,
				      .constraints = rows[i].is_master ? HUB_BC : DEVICE_BC,
				      .usage = SIGNS,
				      .from_day = rows[i].from_day,
				      .to_day = rows[i].to_day};
		struct fix_raw good = {
			.cn = "y", .san = DEVICE_URI, .constraints = DEVICE_BC, .usage = SIGNS};
		struct pz_cert *master = rows[i].is_master
						 ? fix_raw(&raw, alice.ca_key, NULL, alice.ca_key)
						 : pz_cert_ref(alice.ca);
		struct pz_cert *cert = fix_raw(rows[i].is_master ? &good : &raw,
					       alice.laptop.ca_key, master, alice.ca_key);
		assert_int_equal(verify(cert, master, NULL), rows[i].err);
		pz_cert_free(cert);
		pz_cert_free(master);
	}
}

static void
device_certificate_needs_its_profile(void **state)
{
	static const struct {
		struct fix_raw raw;
		enum pz_err err;
	} rows[] = {
		{{.cn = "x", .san = DEVICE_URI, .constraints = DEVICE_BC, .usage = SIGNS}, PZ_OK},
		{{.cn = "x", .san = DEVICE_URI, .usage = SIGNS}, PZ_ERR_DENIED_CHAIN},
		{{.cn = "x", .san = DEVICE_URI, .constraints = "critical,CA:FALSE", .usage = SIGNS},
		 PZ_ERR_DENIED_CHAIN},
		{{.cn = "x", .san = DEVICE_URI, .constraints = "critical,CA:TRUE", .usage = SIGNS},
		 PZ_ERR_DENIED_CHAIN},
		{{.cn = "x", .san = DEVICE_URI, .constraints = HUB_BC, .usage = SIGNS},
		 PZ_ERR_DENIED_CHAIN},
		{{.cn = "x", .san = DEVICE_URI, .constraints = DEVICE_BC}, PZ_ERR_DENIED_CHAIN},
		{{.cn = "x",
		  .san = DEVICE_URI,
		  .constraints = DEVICE_BC,
		  .usage = "digitalSignature"},
		 PZ_ERR_DENIED_CHAIN},
		{{.cn = "x",
		  .san = DEVICE_URI,
		  .constraints = DEVICE_BC,
		  .usage = SIGNS,
		  .digest = "SHA1"},
		 PZ_ERR_DENIED_WEAK},
		{{.cn = "x", .constraints = DEVICE_BC, .usage = SIGNS}, PZ_ERR_DENIED_IDENTITY},
		{{.cn = "x", .san = HUB_URI, .constraints = DEVICE_BC, .usage = SIGNS},
		 PZ_ERR_DENIED_IDENTITY},
		{{.cn = "x",
		  .san = DEVICE_URI "," HUB_URI "/desktop",
		  .constraints = DEVICE_BC,
		  .usage = SIGNS},
		 PZ_ERR_DENIED_IDENTITY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_cert *cert =
			fix_raw(&rows[i].raw, alice.laptop.ca_key, alice.ca, alice.ca_key);
		enum pz_err err = verify(cert, alice.ca, NULL);
		if (err != rows[i].err)
			fail_msg("row %zu: %s", i, pz_err_name(err));
		pz_cert_free(cert);
	}
}

static void
master_certificate_needs_its_profile(void **state)
{
	static const struct {
		struct fix_raw raw;
		enum pz_err err;
	} rows[] = {
		{{.cn = "x", .san = HUB_URI, .constraints = HUB_BC, .usage = SIGNS}, PZ_OK},
		{{.cn = "x", .san = HUB_URI, .constraints = DEVICE_BC, .usage = SIGNS},
		 PZ_ERR_DENIED_CHAIN}, /* pathlen 0: no handshake could succeed */
		{{.cn = "x", .san = HUB_URI, .usage = SIGNS}, PZ_ERR_DENIED_CHAIN},
		{{.cn = "x", .san = HUB_URI, .constraints = HUB_BC}, PZ_ERR_DENIED_CHAIN},
		{{.cn = "x",
		  .san = HUB_URI,
		  .constraints = HUB_BC,
		  .usage = SIGNS,
		  .digest = "SHA1"},
		 PZ_ERR_DENIED_WEAK},
		{{.cn = "x", .san = DEVICE_URI, .constraints = HUB_BC, .usage = SIGNS},
		 PZ_ERR_DENIED_CHAIN},
		{{.cn = "x", .constraints = HUB_BC, .usage = SIGNS}, PZ_ERR_DENIED_CHAIN},
	};
	static const struct fix_raw device = {
		.cn = "y", .san = DEVICE_URI, .constraints = DEVICE_BC, .usage = SIGNS};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_cert *master = fix_raw(&rows[i].raw, alice.ca_key, NULL, alice.ca_key);
		struct pz_cert *cert = fix_raw(&device, alice.laptop.ca_key, master, alice.ca_key);
		enum pz_err err = verify(cert, master, NULL);
		if (err != rows[i].err)
			fail_msg("row %zu: %s", i, pz_err_name(err));
		pz_cert_free(cert);
		pz_cert_free(master);
	}
}

static void
weak_key_is_refused(void **state)
{
	struct fix_raw raw = {
		.cn = "x", .san = DEVICE_URI, .constraints = DEVICE_BC, .usage = SIGNS};
	struct pz_key *weak = fix_key_wrap(EVP_RSA_gen(1024));
	struct pz_cert *cert = fix_raw(&raw, weak, alice.ca, alice.ca_key);

	(void)state;
	assert_int_equal(verify(cert, alice.ca, NULL), PZ_ERR_DENIED_WEAK);
	pz_cert_free(cert);
	pz_key_free(weak);
}

static void
revocation_counts(void **state)
{
	struct pz_crl_entry entry = {.when_ms = NOW_MS};
	struct pz_crl *crl = NULL, *foreign = NULL;

	(void)state;
	pz_cert_serial_hex(alice.laptop.ca, entry.serial_hex);
	assert_ok(pz_crl_issue(alice.ca, alice.ca_key, &entry, 1, 2, &fix_env, &crl, NULL));
	assert_int_equal(verify(alice.laptop.ca, alice.ca, crl), PZ_ERR_DENIED_REVOKED);
	assert_ok(pz_crl_issue(eve.ca, eve.ca_key, NULL, 0, 2, &fix_env, &foreign, NULL));
	assert_int_equal(verify(alice.laptop.ca, alice.ca, foreign), PZ_ERR_DENIED_CHAIN);
	pz_crl_free(crl);
	pz_crl_free(foreign);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_its_own),
		cmocka_unit_test(names_must_be_the_expected_ones),
		cmocka_unit_test(hub_cannot_vouch_for_another_zone),
		cmocka_unit_test(signature_must_be_the_master_s),
		cmocka_unit_test(dates_of_both_count),
		cmocka_unit_test(device_certificate_needs_its_profile),
		cmocka_unit_test(master_certificate_needs_its_profile),
		cmocka_unit_test(weak_key_is_refused),
		cmocka_unit_test(revocation_counts),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
