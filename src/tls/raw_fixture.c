#include "tls/raw_fixture.h"

#include <openssl/err.h>

void
raw_start(struct raw *r)
{
	r->ssl = SSL_new(r->ctx);
	r->in = BIO_new(BIO_s_mem());
	r->out = BIO_new(BIO_s_mem());
	assert_true(r->ssl && r->in && r->out);
	SSL_set_app_data(r->ssl, r);
	SSL_set_bio(r->ssl, r->in, r->out);
	if (SSL_is_server(r->ssl))
		SSL_set_accept_state(r->ssl);
	else
		SSL_set_connect_state(r->ssl);
}

void
raw_fini(struct raw *r, struct pz_kit_tls_pair *p)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	pz_kit_tls_pair_fini(p);
}

void
raw_step(struct raw *r, struct pz_buf *in, struct pz_buf *out)
{
	uint8_t bytes[4096];
	size_t n;

	if (in->len > 0)
		assert_true(BIO_write(r->in, pz_buf_slice(in).ptr, (int)in->len) > 0);
	pz_buf_consume(in, in->len);
	ERR_clear_error();
	if (r->reason == 0) {
		int ret = SSL_is_init_finished(r->ssl)
				  ? SSL_read_ex(r->ssl, bytes, sizeof(bytes), &n)
				  : SSL_do_handshake(r->ssl);
		if (ret != 1 && SSL_get_error(r->ssl, ret) == SSL_ERROR_SSL)
			r->reason = ERR_GET_REASON(ERR_peek_last_error());
	}
	ERR_clear_error();
	while (BIO_read_ex(r->out, bytes, sizeof(bytes), &n))
		assert_ok(pz_buf_append(out, pz_slice_of(bytes, n)));
}

void
raw_meets_server(struct raw *r, struct pz_kit_tls_pair *p, struct pz_tls_ctx *server,
		 const struct pz_env *env)
{
	raw_start(r);
	pz_kit_tls_pair_init(p, NULL, server, NULL, NULL, env);
	do {
		raw_step(r, &p->to_client, &p->to_server);
		pz_kit_tls_side(p, p->server, &p->to_server, &p->to_client, &p->server_err,
				&p->server_info);
	} while (p->to_client.len + p->to_server.len > 0);
}

void
raw_meets_client(struct raw *r, struct pz_kit_tls_pair *p, struct pz_tls_ctx *client,
		 const struct pz_expect *expected, const struct pz_env *env)
{
	raw_start(r);
	pz_kit_tls_pair_init(p, client, NULL, NULL, expected, env);
	do {
		pz_kit_tls_side(p, p->client, &p->to_client, &p->to_server, &p->client_err,
				&p->client_info);
		raw_step(r, &p->to_server, &p->to_client);
	} while (p->to_client.len + p->to_server.len > 0);
}
