/* For the tests of this module: a zone with a hub and devices, and two sessions joined in memory.
 */
#ifndef PZ_TLS_TEST_FIXTURE_H
#define PZ_TLS_TEST_FIXTURE_H

#include "kit/test.h"

#include <openssl/rand.h>

#include "base/buf.h"
#include "base/env.h"
#include "tls/ctx.h"
#include "tls/session.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/key.h"
#include "x509/verify.h"

static uint64_t fixture_now_ms = UINT64_C(1800000000000); /* 2027 */

static inline uint64_t
fixture_mono(void *arg)
{
	(void)arg;
	return 0;
}

static inline uint64_t
fixture_wall(void *arg)
{
	(void)arg;
	return fixture_now_ms;
}

static inline void
fixture_random(void *arg, void *out, size_t len)
{
	(void)arg;
	assert_int_equal(RAND_bytes(out, (int)len), 1);
}

static const struct pz_env fixture_env = {
	.mono_us = fixture_mono, .wall_ms = fixture_wall, .random = fixture_random};

/* A hub or a device: TLS key and chain without the anchor; the CA that issued the leaf. */
struct node {
	struct pz_key *ca_key, *key;
	struct pz_cert *chain[2];
	size_t chain_len;
};

struct zone {
	const char *name;
	struct pz_key *ca_key;
	struct pz_cert *ca;
	struct node hub, laptop, phone;
};

static inline void
fixture_leaf(struct node *n, enum pz_cert_kind kind, const struct pz_cert_subject *subject,
	     const struct pz_cert *ca, const struct pz_key *ca_key)
{
	assert_ok(pz_key_generate(NULL, &n->key, NULL));
	assert_ok(
		pz_cert_issue(kind, subject, n->key, ca, ca_key, &fixture_env, &n->chain[0], NULL));
}

static inline void
fixture_device(struct zone *z, const char *device, struct node *n)
{
	struct pz_cert_subject subject = {.zone = z->name, .device = device};

	assert_ok(pz_key_generate(NULL, &n->ca_key, NULL));
	assert_ok(pz_cert_issue(PZ_CERT_PZP_CA, &subject, n->ca_key, z->ca, z->ca_key, &fixture_env,
				&n->chain[1], NULL));
	fixture_leaf(n, PZ_CERT_PZP_TLS, &subject, n->chain[1], n->ca_key);
	n->chain_len = 2;
}

static inline void
fixture_zone(const char *name, struct zone *z)
{
	struct pz_cert_subject subject = {.zone = name, .host = "hub.example"};

	*z = (struct zone){.name = name};
	assert_ok(pz_key_generate(NULL, &z->ca_key, NULL));
	assert_ok(pz_cert_issue(PZ_CERT_PZH_CA, &subject, z->ca_key, NULL, z->ca_key, &fixture_env,
				&z->ca, NULL));
	fixture_leaf(&z->hub, PZ_CERT_PZH_TLS, &subject, z->ca, z->ca_key);
	z->hub.chain_len = 1;
	fixture_device(z, "laptop", &z->laptop);
	fixture_device(z, "phone", &z->phone);
}

static inline void
fixture_node_free(struct node *n)
{
	pz_key_free(n->ca_key);
	pz_key_free(n->key);
	for (size_t i = 0; i < n->chain_len; i++)
		pz_cert_free(n->chain[i]);
}

static inline void
fixture_zone_free(struct zone *z)
{
	fixture_node_free(&z->hub);
	fixture_node_free(&z->laptop);
	fixture_node_free(&z->phone);
	pz_key_free(z->ca_key);
	pz_cert_free(z->ca);
}

/* Trusts the zone, and holds its CRL when a certificate is given that is on it. */
static inline struct pz_trust *
fixture_trust(const struct zone *z, const struct pz_cert *revoked)
{
	struct pz_trust *trust = pz_trust_new();
	struct pz_crl *crl = NULL;
	struct pz_crl_entry entry = {.when_ms = fixture_now_ms};

	assert_non_null(trust);
	if (revoked != NULL) {
		pz_cert_serial_hex(revoked, entry.serial_hex);
		assert_ok(pz_crl_issue(z->ca, z->ca_key, &entry, 1, 1, &fixture_env, &crl, NULL));
	}
	assert_ok(pz_trust_add(trust, z->ca, crl, NULL));
	pz_crl_free(crl);
	return trust;
}

/* A context; takes the trust set over (may be NULL). */
static inline struct pz_tls_ctx *
fixture_ctx(enum pz_tls_kind kind, const struct node *n, struct pz_trust *trust)
{
	struct pz_tls_ctx *ctx = NULL;
	struct pz_errinfo info = {""};
	struct pz_tls_config config = {.kind = kind, .trust = trust, .env = &fixture_env};

	if (n != NULL) {
		config.chain = n->chain;
		config.chain_len = n->chain_len;
		config.key = n->key;
	}
	enum pz_err err = pz_tls_ctx_new(&config, &ctx, &info);
	if (err != PZ_OK)
		fail_msg("%s: %s", pz_err_name(err), info.text);
	pz_trust_free(trust);
	return ctx;
}

/* Two sessions and the bytes between them. */
struct pair {
	struct pz_tls *client, *server;
	struct pz_buf to_server, to_client;
	size_t piece;                       /* bytes handed over at a time; 0: all */
	enum pz_err client_err, server_err; /* first error of each side */
	struct pz_errinfo client_info, server_info;
	struct pz_tls_ctx *answer; /* what select returns, borrowed */
	char label[64];            /* what select was asked */
	bool enrol;
	int selects;
	size_t app_bytes; /* application bytes that came out on either side */
};

static inline struct pz_tls_ctx *
pair_select(void *arg, const char *label, bool enrol)
{
	struct pair *p = arg;

	snprintf(p->label, sizeof(p->label), "%s", label);
	p->enrol = enrol;
	p->selects++;
	return p->answer;
}

static inline void
pair_init(struct pair *p, struct pz_tls_ctx *client, struct pz_tls_ctx *server, const char *sni,
	  const struct pz_expect *expect)
{
	*p = (struct pair){.answer = server};
	pz_buf_init(&p->to_server, 64U << 20, NULL);
	pz_buf_init(&p->to_client, 64U << 20, NULL);
	if (client != NULL)
		assert_ok(pz_tls_new_client(client, sni, expect, &p->client));
	assert_ok(pz_tls_new_server(pair_select, p, &fixture_env, &p->server));
}

static inline void
pair_fini(struct pair *p)
{
	pz_tls_free(p->client);
	pz_tls_free(p->server);
	pz_buf_fini(&p->to_server);
	pz_buf_fini(&p->to_client);
}

/* Drives one side with the bytes that wait for it, piece by piece. */
static inline void
pair_side(struct pair *p, struct pz_tls *tls, struct pz_buf *in, struct pz_buf *out,
	  enum pz_err *err, struct pz_errinfo *info)
{
	uint8_t plain[16384];
	size_t len;
	bool done = false;

	do {
		struct pz_slice all = pz_buf_slice(in);
		size_t n = p->piece > 0 && p->piece < all.len ? p->piece : all.len;

		if (*err != PZ_OK) {
			pz_buf_consume(in, all.len);
			return;
		}
		pz_tls_input(tls, pz_slice_of(all.ptr, n));
		if (!pz_tls_is_ready(tls))
			*err = pz_tls_handshake(tls, out, &done, info);
		len = 1;
		while (*err == PZ_OK && pz_tls_is_ready(tls) && len > 0) {
			*err = pz_tls_read(tls, plain, sizeof(plain), &len, out, info);
			if (*err == PZ_OK)
				p->app_bytes += len;
		}
		pz_buf_consume(in, n);
	} while (in->len > 0);
}

/* Until nothing moves any more. */
static inline void
pair_run(struct pair *p)
{
	do {
		pair_side(p, p->client, &p->to_client, &p->to_server, &p->client_err,
			  &p->client_info);
		pair_side(p, p->server, &p->to_server, &p->to_client, &p->server_err,
			  &p->server_info);
	} while (p->to_client.len + p->to_server.len > 0);
}

#endif
