#include "kit/test.h"

#include "kit/clock.h"
#include "kit/tls.h"

static struct pz_kit_clock test_clock = PZ_KIT_CLOCK(test_clock);
static struct pz_kit_zone home, evil;
static struct pz_trust *trust;

static int
set_up(void **state)
{
	(void)state;
	pz_kit_zone_init(&home, "anna@home.example", &test_clock.env);
	pz_kit_zone_init(&evil, "eve@evil.example", &test_clock.env);
	trust = pz_kit_trust(&home, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_trust_free(trust);
	pz_kit_zone_fini(&home);
	pz_kit_zone_fini(&evil);
	return 0;
}

static struct pz_tls_config
config_of(enum pz_tls_kind kind, const struct pz_kit_identity *n)
{
	return (struct pz_tls_config){.kind = kind,
				      .chain = n ? n->chain : NULL,
				      .chain_len = n ? n->chain_len : 0,
				      .key = n ? n->key : NULL,
				      .trust = trust,
				      .env = &test_clock.env};
}

static void
expect_refused(const struct pz_tls_config *config)
{
	struct pz_tls_ctx *ctx = NULL;
	struct pz_errinfo info = {""};

	assert_int_equal(pz_tls_ctx_new(config, &ctx, &info), PZ_ERR_CONFIG);
	assert_null(ctx);
	assert_string_not_equal(info.text, "");
}

static void
test_all_kinds(void **state)
{
	const struct pz_tls_config configs[] = {
		config_of(PZ_TLS_HUB_SERVER, &home.hub),
		config_of(PZ_TLS_ENROL_SERVER, &home.hub),
		config_of(PZ_TLS_CLIENT, &home.hub),
		config_of(PZ_TLS_CLIENT, &home.laptop),
		config_of(PZ_TLS_ENROL_CLIENT, NULL),
		config_of(PZ_TLS_PEER_SERVER, &home.laptop),
		config_of(PZ_TLS_PAIR_SERVER, &home.laptop),
		config_of(PZ_TLS_PAIR_CLIENT, NULL),
		config_of(PZ_TLS_FRIEND_SERVER, &home.hub),
		config_of(PZ_TLS_FRIEND_CLIENT, NULL),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		struct pz_tls_ctx *ctx;

		assert_ok(pz_tls_ctx_new(&configs[i], &ctx, NULL));
		pz_tls_ctx_free(pz_tls_ctx_ref(ctx));
		pz_tls_ctx_free(ctx);
	}
	pz_tls_ctx_free(NULL);
}

static void
test_missing(void **state)
{
	struct pz_tls_config c;

	(void)state;
	c = config_of(PZ_TLS_CLIENT, NULL);
	expect_refused(&c);
	c = config_of(PZ_TLS_ENROL_SERVER, NULL);
	expect_refused(&c);
	c = config_of(PZ_TLS_PAIR_SERVER, NULL);
	expect_refused(&c);
	c = config_of(PZ_TLS_CLIENT, &home.laptop);
	c.key = NULL;
	expect_refused(&c);
	c = config_of(PZ_TLS_ENROL_CLIENT, NULL);
	c.key = home.laptop.key;
	expect_refused(&c);
	c = config_of(PZ_TLS_HUB_SERVER, &home.hub);
	c.trust = NULL;
	expect_refused(&c);
	c = config_of(PZ_TLS_HUB_SERVER, &home.hub);
	c.env = NULL;
	expect_refused(&c);
}

static void
test_mismatch(void **state)
{
	struct pz_tls_config c;

	(void)state;
	c = config_of(PZ_TLS_CLIENT, &home.laptop);
	c.key = home.phone.key;
	expect_refused(&c);
	/* page 2 rule 6 */
	c = config_of(PZ_TLS_HUB_SERVER, &home.laptop);
	expect_refused(&c);
	c = config_of(PZ_TLS_ENROL_SERVER, &home.laptop);
	expect_refused(&c);
	c = config_of(PZ_TLS_PEER_SERVER, &home.hub);
	expect_refused(&c);
	c = config_of(PZ_TLS_FRIEND_SERVER, &home.laptop);
	expect_refused(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_mismatch),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
