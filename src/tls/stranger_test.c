/* A stranger's OpenSSL, or a stranger's bytes, at the other end. */
#include "tls/raw_fixture.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

static struct pz_kit_clock test_clock = PZ_KIT_CLOCK(test_clock);
static struct pz_kit_zone home;
static const struct pz_expect own_hub = {.zone = "anna@home.example", .role = PZ_EXPECT_HUB};

static int
set_up(void **state)
{
	(void)state;
	pz_kit_zone_init(&home, "anna@home.example", &test_clock.env);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_kit_zone_fini(&home);
	return 0;
}

static void
raw_init(struct raw *r, bool server, const struct pz_kit_identity *n)
{
	*r = (struct raw){.ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method())};
	assert_non_null(r->ctx);
	SSL_CTX_set_security_level(r->ctx, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(r->ctx, TLS1_VERSION), 1);
	if (n != NULL) {
		assert_int_equal(SSL_CTX_use_certificate(r->ctx, pz_cert_x509(n->chain[0])), 1);
		for (size_t i = 1; i < n->chain_len; i++)
			assert_int_equal(SSL_CTX_add1_chain_cert(r->ctx, pz_cert_x509(n->chain[i])),
					 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(r->ctx, pz_key_evp(n->key)), 1);
	}
}

/* Our hub against a raw client. */
static void
raw_meets_hub(struct raw *r, struct pz_kit_tls_pair *p, struct pz_tls_ctx *hub)
{
	raw_meets_server(r, p, hub, &test_clock.env);
	assert_int_equal(p->app_bytes, 0);
}

/* Our laptop against a raw hub. */
static void
raw_meets_laptop(struct raw *r, struct pz_kit_tls_pair *p, struct pz_tls_ctx *laptop)
{
	raw_meets_client(r, p, laptop, &own_hub, &test_clock.env);
}

static void
expect_raw_refused(struct raw *r, enum pz_tls_kind kind, enum pz_err err, int alert)
{
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *hub = pz_kit_tls_ctx(kind, &home.hub, &home, NULL);

	raw_meets_hub(r, &p, hub);
	if (p.server_err != err || r->reason != SSL_AD_REASON_OFFSET + alert)
		fail_msg("%s (%s), alert %d", pz_err_name(p.server_err), p.server_info.text,
			 r->reason - SSL_AD_REASON_OFFSET);
	raw_fini(r, &p);
	pz_tls_ctx_free(hub);
}

static void
test_no_certificate(void **state)
{
	struct raw r;

	(void)state;
	raw_init(&r, false, NULL);
	expect_raw_refused(&r, PZ_TLS_HUB_SERVER, PZ_ERR_DENIED_CHAIN,
			   TLS13_AD_CERTIFICATE_REQUIRED);
}

/* TLS 1.2 shows certificates to everybody on the path. */
static void
test_old_versions(void **state)
{
	static const int versions[] = {TLS1_1_VERSION, TLS1_2_VERSION};
	const unsigned char enrol[] = "\x0apz-enrol/1";
	struct raw r;
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *laptop = pz_kit_tls_ctx(PZ_TLS_CLIENT, &home.laptop, &home, NULL);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		raw_init(&r, false, &home.laptop);
		SSL_CTX_set_max_proto_version(r.ctx, versions[i]);
		expect_raw_refused(&r, PZ_TLS_HUB_SERVER, PZ_ERR_PROTO, SSL_AD_PROTOCOL_VERSION);
		raw_init(&r, false, NULL);
		SSL_CTX_set_max_proto_version(r.ctx, versions[i]);
		SSL_CTX_set_alpn_protos(r.ctx, enrol, sizeof(enrol) - 1);
		expect_raw_refused(&r, PZ_TLS_ENROL_SERVER, PZ_ERR_PROTO, SSL_AD_PROTOCOL_VERSION);
		raw_init(&r, true, &home.hub);
		SSL_CTX_set_max_proto_version(r.ctx, versions[i]);
		raw_meets_laptop(&r, &p, laptop);
		assert_int_equal(p.client_err, PZ_ERR_PROTO);
		assert_int_equal(p.app_bytes, 0);
		raw_fini(&r, &p);
	}
	pz_tls_ctx_free(laptop);
}

static void
test_unknown_alpn(void **state)
{
	struct raw r;
	const unsigned char http[] = "\x08http/1.1";

	(void)state;
	raw_init(&r, false, &home.laptop);
	SSL_CTX_set_alpn_protos(r.ctx, http, sizeof(http) - 1);
	expect_raw_refused(&r, PZ_TLS_HUB_SERVER, PZ_ERR_PROTO, SSL_AD_NO_APPLICATION_PROTOCOL);
}

/* A leaf with a key that is too weak, signed by the laptop's CA all the same. */
static void
test_weak_key(void **state)
{
	struct raw r;
	EVP_PKEY *rsa = EVP_RSA_gen(1024);
	X509 *leaf = X509_dup(pz_cert_x509(home.laptop.chain[0]));

	(void)state;
	assert_true(rsa && leaf);
	assert_int_equal(X509_set_pubkey(leaf, rsa), 1);
	assert_true(X509_sign(leaf, pz_key_evp(home.laptop.ca_key), EVP_sha256()) > 0);
	raw_init(&r, false, NULL);
	assert_int_equal(SSL_CTX_use_certificate(r.ctx, leaf), 1);
	assert_int_equal(SSL_CTX_add1_chain_cert(r.ctx, pz_cert_x509(home.laptop.chain[1])), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(r.ctx, rsa), 1);
	expect_raw_refused(&r, PZ_TLS_HUB_SERVER, PZ_ERR_DENIED_WEAK, SSL_AD_BAD_CERTIFICATE);
	X509_free(leaf);
	EVP_PKEY_free(rsa);
}

static void
test_long_chain(void **state)
{
	struct raw r;

	(void)state;
	raw_init(&r, false, &home.laptop);
	for (size_t i = 0; i < PZ_TLS_CERT_LIST_BYTES_MAX / 256; i++)
		assert_int_equal(SSL_CTX_add1_chain_cert(r.ctx, pz_cert_x509(home.phone.chain[1])),
				 1);
	expect_raw_refused(&r, PZ_TLS_HUB_SERVER, PZ_ERR_PROTO, SSL_AD_ILLEGAL_PARAMETER);
}

/* A client without ALPN is welcome, with everything verified. */
static void
test_no_alpn(void **state)
{
	struct raw r;
	struct pz_kit_tls_pair p;
	uint8_t bytes[32];
	size_t len;
	struct pz_tls_ctx *hub = pz_kit_tls_ctx(PZ_TLS_HUB_SERVER, &home.hub, &home, NULL);

	(void)state;
	raw_init(&r, false, &home.laptop);
	raw_meets_hub(&r, &p, hub);
	assert_ok(p.server_err);
	assert_string_equal(pz_tls_describe(p.server), "TLSv1.3 TLS_AES_128_GCM_SHA256");
	assert_string_equal(pz_tls_peer(p.server)->device, "laptop");
	assert_false(pz_tls_is_enrol(p.server));
	assert_int_equal(SSL_write(r.ssl, "hello", 5), 5);
	raw_step(&r, &p.to_client, &p.to_server);
	pz_tls_idle(p.server);
	pz_tls_input(p.server, pz_buf_slice(&p.to_server));
	assert_ok(pz_tls_read(p.server, bytes, sizeof(bytes), &len, &p.to_client, NULL));
	assert_int_equal(len, 5);
	raw_fini(&r, &p);
	pz_tls_ctx_free(hub);
}

/* A hub of another make: without ALPN, with tickets, and one that asks for no certificate. */
static void
test_foreign_hub(void **state)
{
	struct raw r;
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *laptop = pz_kit_tls_ctx(PZ_TLS_CLIENT, &home.laptop, &home, NULL);
	struct pz_tls_ctx *enrol = pz_kit_tls_ctx(PZ_TLS_ENROL_CLIENT, NULL, &home, NULL);

	(void)state;
	raw_init(&r, true, &home.hub);
	raw_meets_laptop(&r, &p, laptop);
	assert_ok(p.client_err);
	assert_true(pz_tls_is_ready(p.client));
	assert_true(pz_tls_peer(p.client)->is_hub);
	assert_int_equal(p.app_bytes, 0);
	raw_fini(&r, &p);
	/* A device in the place of the hub. */
	raw_init(&r, true, &home.phone);
	raw_meets_laptop(&r, &p, laptop);
	assert_int_equal(p.client_err, PZ_ERR_DENIED_IDENTITY);
	raw_fini(&r, &p);
	/* Enrolment must not go unsaid. */
	raw_init(&r, true, &home.hub);
	raw_meets_laptop(&r, &p, enrol);
	assert_int_equal(p.client_err, PZ_ERR_PROTO);
	assert_false(pz_tls_is_enrol(p.client));
	raw_fini(&r, &p);
	pz_tls_ctx_free(laptop);
	pz_tls_ctx_free(enrol);
}

static void
test_key_update(void **state)
{
	struct raw r;
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *hub = pz_kit_tls_ctx(PZ_TLS_HUB_SERVER, &home.hub, &home, NULL);

	(void)state;
	raw_init(&r, false, &home.laptop);
	raw_meets_hub(&r, &p, hub);
	assert_ok(p.server_err);
	assert_int_equal(SSL_key_update(r.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	assert_int_equal(SSL_write(r.ssl, "hello", 5), 5);
	raw_step(&r, &p.to_client, &p.to_server);
	pz_kit_tls_side(&p, p.server, &p.to_server, &p.to_client, &p.server_err, &p.server_info);
	assert_ok(p.server_err);
	assert_int_equal(p.app_bytes, 5);
	assert_ok(pz_tls_write(p.server, pz_slice_str("world"), &p.to_client));
	raw_step(&r, &p.to_client, &p.to_server);
	assert_int_equal(r.reason, 0);
	raw_fini(&r, &p);
	pz_tls_ctx_free(hub);
}

/* ---- wrong bytes ---- */

/* Anybody on the path can write this; a device that believed it would wipe itself. */
static void
test_forged_revocation(void **state)
{
	static const uint8_t alert[] = {21, 3, 3, 0, 2, SSL3_AL_FATAL, SSL_AD_CERTIFICATE_REVOKED};
	struct pz_kit_tls_pair p;
	bool done;
	struct pz_tls_ctx *laptop = pz_kit_tls_ctx(PZ_TLS_CLIENT, &home.laptop, &home, NULL);

	(void)state;
	pz_kit_tls_pair_init(&p, laptop, NULL, NULL, &own_hub, &test_clock.env);
	assert_ok(pz_tls_handshake(p.client, &p.to_server, &done, NULL));
	pz_tls_input(p.client, pz_slice_of(alert, sizeof(alert)));
	assert_int_equal(pz_tls_handshake(p.client, &p.to_server, &done, NULL),
			 PZ_ERR_DENIED_REMOTE);
	pz_kit_tls_pair_fini(&p);
	pz_tls_ctx_free(laptop);
}

static void
test_garbage(void **state)
{
#define BYTES(s)                                                                                   \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}
	static const struct pz_slice garbage[] = {
		BYTES("GET / HTTP/1.1\r\n\r\n"), BYTES("hello, is this a hub?"),
		BYTES("\x16\x03\x01\xff\xff\x01"),                 /* record too long */
		BYTES("\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00"), /* ServerHello to a server */
		BYTES("\x17\x03\x03\x00\x01x")};                   /* data before the handshake */
	struct pz_kit_tls_pair p;
	bool done;

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		pz_kit_tls_pair_init(&p, NULL, NULL, NULL, NULL, &test_clock.env);
		pz_tls_input(p.server, garbage[i]);
		enum pz_err err = pz_tls_handshake(p.server, &p.to_client, &done, &p.server_info);
		assert_int_equal(err, PZ_ERR_PROTO);
		assert_string_not_equal(p.server_info.text, "");
		assert_int_equal(p.selects, 0);
		pz_kit_tls_pair_fini(&p);
	}
}

/* A bit flipped anywhere in the client's flights never lets it in. */
static void
test_flipped_bits(void **state)
{
	struct pz_tls_ctx *hub = pz_kit_tls_ctx(PZ_TLS_HUB_SERVER, &home.hub, &home, NULL);
	struct pz_tls_ctx *laptop = pz_kit_tls_ctx(PZ_TLS_CLIENT, &home.laptop, &home, NULL);
	bool more = true;

	(void)state;
	for (size_t at = 0; more; at += 23) {
		struct pz_kit_tls_pair p;
		bool done;

		pz_kit_tls_pair_init(&p, laptop, hub, "tag.hub.example", &own_hub, &test_clock.env);
		assert_ok(pz_tls_handshake(p.client, &p.to_server, &done, NULL));
		pz_kit_tls_side(&p, p.server, &p.to_server, &p.to_client, &p.server_err, NULL);
		pz_kit_tls_side(&p, p.client, &p.to_client, &p.to_server, &p.client_err, NULL);
		/* Past the change_cipher_spec (6 bytes), which means nothing in TLS 1.3. */
		more = 6 + at < p.to_server.len;
		if (more) {
			p.to_server.mem[p.to_server.start + 6 + at] ^= 0x10;
			pz_kit_tls_pair_run(&p);
			assert_false(pz_tls_is_ready(p.server));
			assert_int_equal(p.app_bytes, 0);
		}
		pz_kit_tls_pair_fini(&p);
	}
	pz_tls_ctx_free(hub);
	pz_tls_ctx_free(laptop);
}

static void
test_bad_record(void **state)
{
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *hub = pz_kit_tls_ctx(PZ_TLS_HUB_SERVER, &home.hub, &home, NULL);
	struct pz_tls_ctx *laptop = pz_kit_tls_ctx(PZ_TLS_CLIENT, &home.laptop, &home, NULL);

	(void)state;
	pz_kit_tls_pair_init(&p, laptop, hub, "tag.hub.example", &own_hub, &test_clock.env);
	pz_kit_tls_pair_run(&p);
	assert_ok(pz_tls_write(p.client, pz_slice_str("secret"), &p.to_server));
	p.to_server.mem[p.to_server.start + p.to_server.len - 1] ^= 1;
	pz_kit_tls_pair_run(&p);
	assert_int_equal(p.server_err, PZ_ERR_PROTO);
	assert_int_equal(p.client_err, PZ_ERR_PROTO); /* bad_record_mac arrived */
	assert_int_equal(p.app_bytes, 0);
	pz_tls_close(p.server, &p.to_client); /* after an error: nothing more to say */
	assert_int_equal(p.to_client.len, 0);
	pz_kit_tls_pair_fini(&p);
	pz_tls_ctx_free(hub);
	pz_tls_ctx_free(laptop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_certificate),    cmocka_unit_test(test_old_versions),
		cmocka_unit_test(test_unknown_alpn),      cmocka_unit_test(test_weak_key),
		cmocka_unit_test(test_long_chain),        cmocka_unit_test(test_no_alpn),
		cmocka_unit_test(test_foreign_hub),       cmocka_unit_test(test_key_update),
		cmocka_unit_test(test_forged_revocation), cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_flipped_bits),      cmocka_unit_test(test_bad_record),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
