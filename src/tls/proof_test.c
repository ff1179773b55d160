/* A device shows its certificate only to a client that proves a secret (page 6). */
#include "tls/proof.h"
#include "tls/raw_fixture.h"

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#define RECORD_HEADER 5
#define HELLO_RANDOM_AT (RECORD_HEADER + 4 + 2)
#define KEY_BYTES 32 /* X25519 */

static struct pz_kit_clock test_clock = PZ_KIT_CLOCK(test_clock);
static struct pz_kit_zone home, friend, other;
static const struct pz_expect the_phone = {
	.zone = "anna@home.example", .device = "phone", .role = PZ_EXPECT_DEVICE};

static int
set_up(void **state)
{
	(void)state;
	pz_kit_zone_init(&home, "anna@home.example", &test_clock.env);
	pz_kit_zone_init(&friend, "ben@friend.example", &test_clock.env);
	pz_kit_zone_init(&other, "eve@evil.example", &test_clock.env);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_kit_zone_fini(&home);
	pz_kit_zone_fini(&friend);
	pz_kit_zone_fini(&other);
	return 0;
}

/* A context that trusts home and friend, with these secrets. */
static struct pz_tls_ctx *
ctx_with(enum pz_tls_kind kind, const struct pz_kit_identity *node,
	 const struct pz_tls_secret *secrets, size_t count)
{
	struct pz_trust *trust = pz_trust_new();
	struct pz_tls_ctx *ctx = NULL;
	struct pz_tls_config config = {
		.kind = kind,
		.chain = node->chain,
		.chain_len = node->chain_len,
		.key = node->key,
		.trust = trust,
		.env = &test_clock.env,
		.secrets = secrets,
		.secrets_len = count,
	};

	assert_ok(pz_trust_add(trust, home.ca, NULL, NULL));
	assert_ok(pz_trust_add(trust, friend.ca, NULL, NULL));
	assert_ok(pz_tls_ctx_new(&config, &ctx, NULL));
	pz_trust_free(trust);
	return ctx;
}

/* The phone of home, which knows its own secret and that of the friendship. */
static struct pz_tls_ctx *
phone_ctx(void)
{
	const struct pz_tls_secret secrets[] = {{home.name, home.secret},
						{friend.name, friend.secret}};

	return ctx_with(PZ_TLS_PEER_SERVER, &home.phone, secrets, 2);
}

/* ---- who may come in ---- */

struct guest {
	const struct pz_kit_identity *node;
	const uint8_t *secret; /* NULL: none */
	enum pz_err client, server;
};

static void
expect_guest(const struct guest *guest)
{
	const struct pz_tls_secret secret = {home.name, guest->secret};
	struct pz_tls_ctx *phone = phone_ctx();
	struct pz_tls_ctx *client =
		ctx_with(PZ_TLS_CLIENT, guest->node, &secret, guest->secret != NULL);
	struct pz_kit_tls_pair p;

	pz_kit_tls_pair_init(&p, client, phone, NULL, &the_phone, &test_clock.env);
	pz_kit_tls_pair_run(&p);
	assert_int_equal(p.server_err, guest->server);
	assert_int_equal(p.client_err, guest->client);
	assert_int_equal(p.app_bytes, 0);
	pz_kit_tls_pair_fini(&p);
	pz_tls_ctx_free(client);
	pz_tls_ctx_free(phone);
}

static void
the_secret_opens_for_devices_of_its_zone_only(void **state)
{
	const struct guest guests[] = {
		{&home.laptop, home.secret, PZ_OK, PZ_OK},
		{&friend.laptop, friend.secret, PZ_OK, PZ_OK},
		{&home.laptop, NULL, PZ_ERR_PROTO, PZ_ERR_DENIED},
		{&home.laptop, other.secret, PZ_ERR_PROTO, PZ_ERR_DENIED},
		{&other.laptop, other.secret, PZ_ERR_PROTO, PZ_ERR_DENIED},
		/* Those who know a secret see the certificate, and are judged by their own. */
		{&home.laptop, friend.secret, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_IDENTITY},
		{&friend.laptop, home.secret, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_IDENTITY},
		{&other.laptop, home.secret, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_CHAIN},
		{&home.hub, home.secret, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_IDENTITY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(guests) / sizeof(guests[0]); i++)
		expect_guest(&guests[i]);
}

static void
without_a_secret_no_client_comes_in(void **state)
{
	const struct pz_tls_secret secret = {home.name, home.secret};
	struct pz_tls_ctx *phone = ctx_with(PZ_TLS_PEER_SERVER, &home.phone, NULL, 0);
	struct pz_tls_ctx *client = ctx_with(PZ_TLS_CLIENT, &home.laptop, &secret, 1);
	struct pz_kit_tls_pair p;

	(void)state;
	pz_kit_tls_pair_init(&p, client, phone, NULL, &the_phone, &test_clock.env);
	pz_kit_tls_pair_run(&p);
	assert_int_equal(p.server_err, PZ_ERR_DENIED);
	pz_kit_tls_pair_fini(&p);
	pz_tls_ctx_free(client);
	pz_tls_ctx_free(phone);
}

static void
a_name_that_is_too_long_is_no_zone(void **state)
{
	char name[PZ_ZONE_BYTES_MAX + 2] = "";
	struct pz_tls_secret secret = {name, home.secret};
	struct pz_tls_proofs *proofs = NULL;

	(void)state;
	memset(name, 'a', PZ_ZONE_BYTES_MAX + 1);
	assert_int_equal(pz_tls_proofs_new(&secret, 1, &proofs), PZ_ERR_CONFIG);
	assert_null(proofs);
}

/* ---- what others see ---- */

static bool
holds(struct pz_slice bytes, const void *part, size_t len)
{
	return memmem(bytes.ptr, bytes.len, part, len) != NULL;
}

/* No name of the phone or of its zone is in these bytes. */
static void
assert_shows_no_name(const struct pz_buf *sent)
{
	struct pz_slice bytes = pz_buf_slice(sent);

	assert_false(holds(bytes, home.name, strlen(home.name)));
	assert_false(holds(bytes, "phone", strlen("phone")));
	assert_false(holds(bytes, "Pzp:", 4));
}

/* The first flight of a laptop that dials the phone. */
static void
record_hello(struct pz_buf *out)
{
	const struct pz_tls_secret secret = {home.name, home.secret};
	struct pz_tls_ctx *ctx = ctx_with(PZ_TLS_CLIENT, &home.laptop, &secret, 1);
	struct pz_tls *tls = NULL;
	bool is_done;

	assert_ok(pz_tls_new_client(ctx, NULL, &the_phone, &tls));
	assert_ok(pz_tls_handshake(tls, out, &is_done, NULL));
	pz_tls_free(tls);
	pz_tls_ctx_free(ctx);
}

/* What the phone answers to these bytes. @return the phone's error */
static enum pz_err
answer_to(struct pz_slice hello, struct pz_buf *out)
{
	struct pz_tls_ctx *phone = phone_ctx();
	struct pz_kit_tls_pair p;
	bool is_done = false;

	pz_kit_tls_pair_init(&p, NULL, phone, NULL, NULL, &test_clock.env);
	pz_tls_input(p.server, hello);
	enum pz_err err = pz_tls_handshake(p.server, out, &is_done, NULL);
	assert_false(is_done);
	pz_kit_tls_pair_fini(&p);
	pz_tls_ctx_free(phone);
	return err;
}

static void
assert_is_only_an_alert(const struct pz_buf *sent)
{
	static const uint8_t alert[] = {21, 3, 3, 0, 2, SSL3_AL_FATAL, SSL_AD_HANDSHAKE_FAILURE};

	assert_int_equal(sent->len, sizeof(alert));
	/* The version of a record is not looked at (RFC 8446 5.1). */
	assert_int_equal(pz_buf_slice(sent).ptr[0], alert[0]);
	assert_memory_equal(pz_buf_slice(sent).ptr + 3, alert + 3, 4);
}

/* The answer is encrypted to the key of the client that made it, which the other does not have. */
static void
a_recorded_hello_shows_nothing_to_its_sender(void **state)
{
	struct pz_buf hello, first, second;

	(void)state;
	pz_buf_init(&hello, 1U << 20, NULL);
	pz_buf_init(&first, 1U << 20, NULL);
	pz_buf_init(&second, 1U << 20, NULL);
	record_hello(&hello);
	assert_ok(answer_to(pz_buf_slice(&hello), &first));
	assert_ok(answer_to(pz_buf_slice(&hello), &second));
	assert_true(first.len > 200); /* the certificate is in it */
	assert_shows_no_name(&first);
	assert_shows_no_name(&second);
	assert_shows_no_name(&hello);
	pz_buf_fini(&hello);
	pz_buf_fini(&first);
	pz_buf_fini(&second);
}

/* Where the key of the ClientHello is: the body of its key_share extension for X25519. */
static size_t
key_at(const struct pz_buf *hello)
{
	static const uint8_t head[] = {0, 0x33, 0, 0x26, 0, 0x24, 0, 0x1d, 0, KEY_BYTES};
	struct pz_slice bytes = pz_buf_slice(hello);
	const uint8_t *found = memmem(bytes.ptr, bytes.len, head, sizeof(head));

	assert_non_null(found);
	return (size_t)(found - bytes.ptr) + sizeof(head);
}

/* Else a machine that saw the hello would read the certificate with a key of its own. */
static void
a_proof_is_for_one_key_and_one_hello(void **state)
{
	struct pz_buf hello, out;

	(void)state;
	pz_buf_init(&hello, 1U << 20, NULL);
	record_hello(&hello);
	const size_t places[] = {key_at(&hello), key_at(&hello) + KEY_BYTES - 2, HELLO_RANDOM_AT,
				 HELLO_RANDOM_AT + 31};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		pz_buf_init(&out, 1U << 20, NULL);
		hello.mem[hello.start + places[i]] ^= 1;
		assert_int_equal(answer_to(pz_buf_slice(&hello), &out), PZ_ERR_DENIED);
		assert_is_only_an_alert(&out);
		hello.mem[hello.start + places[i]] ^= 1;
		pz_buf_fini(&out);
	}
	pz_buf_fini(&hello);
}

/* ---- OpenSSL of others: proofs that are made here from page 6, and HelloRetryRequests ---- */

struct prover {
	struct raw raw;     /* first: the app data of its session */
	int offers;         /* ClientHellos that it has made */
	int proved_max;     /* so many of them have a proof */
	int checked, found; /* a server: ClientHellos that came, and that prove the secret */
	uint8_t id[32];
};

/* Page 6, word for word. */
static void
prove(SSL *ssl, uint8_t out[32])
{
	uint8_t text[10 + 32 + 133];
	unsigned char *key = NULL;
	EVP_PKEY *pair = NULL;
	unsigned int len;

	memcpy(text, "pz-hello/1", 10);
	assert_int_equal(SSL_get_client_random(ssl, text + 10, 32), 32);
	assert_int_equal(SSL_get_tmp_key(ssl, &pair), 1);
	size_t key_len = EVP_PKEY_get1_encoded_public_key(pair, &key);
	memcpy(text + 42, key, key_len);
	assert_non_null(HMAC(EVP_sha256(), home.secret, 32, text, 42 + key_len, out, &len));
	OPENSSL_free(key);
	EVP_PKEY_free(pair);
}

static int
on_raw_offer(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
	     SSL_SESSION **out)
{
	static const unsigned char suite[] = {0x13, 0x01},
				   key[32] = "any key of 32 bytes serves here";
	struct prover *r = SSL_get_app_data(ssl);

	(void)md;
	*out = NULL;
	if (r->offers++ >= r->proved_max)
		return 1;
	prove(ssl, r->id);
	*id = r->id;
	*id_len = sizeof(r->id);
	*out = SSL_SESSION_new();
	assert_int_equal(SSL_SESSION_set1_master_key(*out, key, sizeof(key)), 1);
	assert_int_equal(SSL_SESSION_set_cipher(*out, SSL_CIPHER_find(ssl, suite)), 1);
	assert_int_equal(SSL_SESSION_set_protocol_version(*out, TLS1_3_VERSION), 1);
	return 1;
}

static void
raw_init(struct prover *r, const SSL_METHOD *method, const struct pz_kit_identity *node,
	 const char *groups)
{
	*r = (struct prover){.raw.ctx = SSL_CTX_new(method), .proved_max = 2};
	assert_int_equal(SSL_CTX_set1_groups_list(r->raw.ctx, groups), 1);
	assert_int_equal(SSL_CTX_use_certificate(r->raw.ctx, pz_cert_x509(node->chain[0])), 1);
	assert_int_equal(SSL_CTX_add1_chain_cert(r->raw.ctx, pz_cert_x509(node->chain[1])), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(r->raw.ctx, pz_key_evp(node->key)), 1);
	SSL_CTX_set_psk_use_session_callback(r->raw.ctx, on_raw_offer);
}

/* A client of another make dials the phone. @return the phone's error */
static enum pz_err
raw_dials(const char *groups, int proved_max, int *out_offers)
{
	struct prover r;
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *phone = phone_ctx();

	raw_init(&r, TLS_client_method(), &home.laptop, groups);
	r.proved_max = proved_max;
	raw_meets_server(&r.raw, &p, phone, &test_clock.env);
	*out_offers = r.offers;
	enum pz_err err = p.server_err;
	assert_int_equal(pz_tls_is_ready(p.server), err == PZ_OK);
	raw_fini(&r.raw, &p);
	pz_tls_ctx_free(phone);
	return err;
}

static void
another_program_proves_by_the_page_alone(void **state)
{
	int offers;

	(void)state;
	assert_ok(raw_dials("X25519", 1, &offers));
	assert_ok(raw_dials("P-256", 1, &offers));
	assert_int_equal(raw_dials("X25519", 0, &offers), PZ_ERR_DENIED);
}

/* The first key is of a group that ours do not have: a HelloRetryRequest requests another one. */
static void
a_hello_after_a_retry_proves_its_new_key(void **state)
{
	int offers;

	(void)state;
	assert_ok(raw_dials("P-521:X25519", 2, &offers));
	assert_int_equal(offers, 2);
	assert_int_equal(raw_dials("P-521:X25519", 1, &offers), PZ_ERR_DENIED);
	assert_int_equal(offers, 2);
}

static int
on_raw_hello(SSL *ssl, int *alert, void *arg)
{
	const struct pz_tls_secret secret = {home.name, home.secret};
	struct pz_tls_proofs *proofs = NULL;
	struct prover *r = SSL_get_app_data(ssl);

	(void)alert;
	(void)arg;
	assert_ok(pz_tls_proofs_new(&secret, 1, &proofs));
	r->checked++;
	r->found += pz_tls_proof_check(proofs, ssl) != NULL;
	pz_tls_proofs_free(proofs);
	return SSL_CLIENT_HELLO_SUCCESS;
}

static void
ours_proves_its_new_key_after_a_retry(void **state)
{
	const struct pz_tls_secret secret = {home.name, home.secret};
	struct pz_tls_ctx *laptop = ctx_with(PZ_TLS_CLIENT, &home.laptop, &secret, 1);
	struct prover r;
	struct pz_kit_tls_pair p;

	(void)state;
	raw_init(&r, TLS_server_method(), &home.phone, "P-256");
	SSL_CTX_set_client_hello_cb(r.raw.ctx, on_raw_hello, NULL);
	/* The digest of the suite is known when the second proof is made, and must be the key's. */
	assert_int_equal(SSL_CTX_set_ciphersuites(r.raw.ctx, "TLS_AES_128_GCM_SHA256"), 1);
	raw_meets_client(&r.raw, &p, laptop, &the_phone, &test_clock.env);
	assert_ok(p.client_err);
	assert_true(pz_tls_is_ready(p.client));
	assert_int_equal(r.checked, 2);
	assert_int_equal(r.found, 2);
	raw_fini(&r.raw, &p);
	pz_tls_ctx_free(laptop);
}

/* A server that takes the offered key for one of its own would never show a certificate. */
static int
on_raw_find(SSL *ssl, const unsigned char *id, size_t id_len, SSL_SESSION **out)
{
	static const unsigned char suite[] = {0x13, 0x01}, key[32] = "a guess";

	(void)id;
	(void)id_len;
	*out = SSL_SESSION_new();
	assert_int_equal(SSL_SESSION_set1_master_key(*out, key, sizeof(key)), 1);
	assert_int_equal(SSL_SESSION_set_cipher(*out, SSL_CIPHER_find(ssl, suite)), 1);
	assert_int_equal(SSL_SESSION_set_protocol_version(*out, TLS1_3_VERSION), 1);
	return 1;
}

static void
the_offered_key_is_of_no_use_to_a_stranger(void **state)
{
	const struct pz_tls_secret secret = {home.name, home.secret};
	struct pz_tls_ctx *laptop = ctx_with(PZ_TLS_CLIENT, &home.laptop, &secret, 1);
	struct prover r;
	struct pz_kit_tls_pair p;

	(void)state;
	raw_init(&r, TLS_server_method(), &other.phone, "X25519");
	SSL_CTX_set_psk_find_session_callback(r.raw.ctx, on_raw_find);
	raw_meets_client(&r.raw, &p, laptop, &the_phone, &test_clock.env);
	assert_false(pz_tls_is_ready(p.client));
	assert_true(r.raw.reason != 0);
	raw_fini(&r.raw, &p);
	pz_tls_ctx_free(laptop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_secret_opens_for_devices_of_its_zone_only),
		cmocka_unit_test(without_a_secret_no_client_comes_in),
		cmocka_unit_test(a_name_that_is_too_long_is_no_zone),
		cmocka_unit_test(a_recorded_hello_shows_nothing_to_its_sender),
		cmocka_unit_test(a_proof_is_for_one_key_and_one_hello),
		cmocka_unit_test(another_program_proves_by_the_page_alone),
		cmocka_unit_test(a_hello_after_a_retry_proves_its_new_key),
		cmocka_unit_test(ours_proves_its_new_key_after_a_retry),
		cmocka_unit_test(the_offered_key_is_of_no_use_to_a_stranger),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
