#include "kit/tls.h"

#include "kit/check.h"

struct pz_tls_ctx *
pz_kit_tls_ctx(enum pz_tls_kind kind, const struct pz_kit_identity *node,
	       const struct pz_kit_zone *zone, const struct pz_cert *revoked)
{
	struct pz_crl *crl = revoked ? pz_kit_crl(zone, revoked, 2) : NULL;
	struct pz_trust *trust = NULL;
	struct pz_tls_ctx *ctx = NULL;

	if (kind != PZ_TLS_ENROL_CLIENT && kind != PZ_TLS_ENROL_SERVER &&
	    kind != PZ_TLS_PAIR_CLIENT && kind != PZ_TLS_PAIR_SERVER &&
	    kind != PZ_TLS_FRIEND_CLIENT && kind != PZ_TLS_FRIEND_SERVER)
		trust = pz_kit_trust(zone, crl);
	const struct pz_tls_secret secret = {zone->name, zone->secret};
	struct pz_tls_config config = {
		.kind = kind,
		.trust = trust,
		.env = zone->env,
		.secrets = &secret,
		.secrets_len = 1,
	};
	if (node) {
		config.chain = node->chain;
		config.chain_len = node->chain_len;
		config.key = node->key;
	}
	PZ_KIT_OK(pz_tls_ctx_new(&config, &ctx, NULL));
	pz_trust_free(trust);
	pz_crl_free(crl);
	return ctx;
}

static struct pz_tls_ctx *
on_select(void *arg, const char *label, enum pz_tls_purpose purpose)
{
	struct pz_kit_tls_pair *pair = arg;

	snprintf(pair->label, sizeof(pair->label), "%s", label);
	pair->purpose = purpose;
	pair->selects++;
	return pair->answer;
}

void
pz_kit_tls_pair_init(struct pz_kit_tls_pair *pair, struct pz_tls_ctx *client,
		     struct pz_tls_ctx *server, const char *sni, const struct pz_expect *expect,
		     const struct pz_env *env)
{
	*pair = (struct pz_kit_tls_pair){.answer = server};
	pz_buf_init(&pair->to_server, 64U << 20, NULL);
	pz_buf_init(&pair->to_client, 64U << 20, NULL);
	if (client)
		PZ_KIT_OK(pz_tls_new_client(client, sni, expect, &pair->client));
	PZ_KIT_OK(pz_tls_new_server(on_select, pair, env, &pair->server));
}

void
pz_kit_tls_pair_fini(struct pz_kit_tls_pair *pair)
{
	pz_tls_free(pair->client);
	pz_tls_free(pair->server);
	pz_buf_fini(&pair->to_server);
	pz_buf_fini(&pair->to_client);
}

/* Everything that the session has decrypted so far. */
static void
read_all(struct pz_kit_tls_pair *pair, struct pz_tls *tls, struct pz_buf *out, enum pz_err *err,
	 struct pz_errinfo *info)
{
	uint8_t plain[16384];
	size_t len = 1;

	while (*err == PZ_OK && pz_tls_is_ready(tls) && len > 0) {
		*err = pz_tls_read(tls, plain, sizeof(plain), &len, out, info);
		if (*err == PZ_OK)
			pair->app_bytes += len;
	}
}

void
pz_kit_tls_side(struct pz_kit_tls_pair *pair, struct pz_tls *tls, struct pz_buf *in,
		struct pz_buf *out, enum pz_err *err, struct pz_errinfo *info)
{
	bool done = false;

	do {
		struct pz_slice all = pz_buf_slice(in);
		size_t n = pair->piece > 0 && pair->piece < all.len ? pair->piece : all.len;

		if (*err != PZ_OK) {
			pz_buf_consume(in, all.len);
			return;
		}
		pz_tls_input(tls, pz_slice_of(all.ptr, n));
		if (!pz_tls_is_ready(tls))
			*err = pz_tls_handshake(tls, out, &done, info);
		read_all(pair, tls, out, err, info);
		pz_buf_consume(in, n);
	} while (in->len > 0);
}

void
pz_kit_tls_pair_run(struct pz_kit_tls_pair *pair)
{
	do {
		pz_kit_tls_side(pair, pair->client, &pair->to_client, &pair->to_server,
				&pair->client_err, &pair->client_info);
		pz_kit_tls_side(pair, pair->server, &pair->to_server, &pair->to_client,
				&pair->server_err, &pair->server_info);
	} while (pair->to_client.len + pair->to_server.len > 0);
}
