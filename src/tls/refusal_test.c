/* Every kind of refusal: the right error on both sides, and no application data before it. */
#include "kit/test.h"

#include "kit/clock.h"
#include "kit/tls.h"

#define HOUR_MS UINT64_C(3600000)

static struct pz_kit_clock test_clock = PZ_KIT_CLOCK(test_clock);
static struct pz_kit_zone home, evil;
static struct pz_kit_identity old_phone, old_hub, early_phone; /* leaf past or before its dates */
static const struct pz_expect own_hub = {.zone = "anna@home.example", .role = PZ_EXPECT_HUB};
static const struct pz_expect the_phone = {
	.zone = "anna@home.example", .device = "phone", .role = PZ_EXPECT_DEVICE};

static void
dated(struct pz_kit_identity *n, enum pz_cert_kind kind, const char *device, uint64_t from_ms,
      uint64_t to_ms)
{
	struct pz_cert_subject subject = {
		.zone = home.name, .device = device, .host = "hub.example"};
	const struct pz_cert *ca = device ? home.phone.chain[1] : home.ca;
	const struct pz_key *ca_key = device ? home.phone.ca_key : home.ca_key;

	assert_ok(pz_key_generate(NULL, &n->key, NULL));
	assert_ok(pz_cert_issue_for(kind, &subject, n->key, ca, ca_key, &test_clock.env, from_ms,
				    to_ms, &n->chain[0], NULL));
	n->chain_len = 1;
	if (device != NULL)
		n->chain[n->chain_len++] = pz_cert_ref(home.phone.chain[1]);
}

static int
set_up(void **state)
{
	uint64_t now = test_clock.wall_ms;

	(void)state;
	pz_kit_zone_init(&home, "anna@home.example", &test_clock.env);
	pz_kit_zone_init(&evil, "eve@evil.example", &test_clock.env);
	dated(&old_phone, PZ_CERT_PZP_TLS, "phone", now - 2 * HOUR_MS, now - HOUR_MS);
	dated(&early_phone, PZ_CERT_PZP_TLS, "phone", now + HOUR_MS, now + 2 * HOUR_MS);
	dated(&old_hub, PZ_CERT_PZH_TLS, NULL, now - 2 * HOUR_MS, now - HOUR_MS);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_kit_identity_fini(&old_phone);
	pz_kit_identity_fini(&early_phone);
	pz_kit_identity_fini(&old_hub);
	pz_kit_zone_fini(&home);
	pz_kit_zone_fini(&evil);
	return 0;
}

/* As pz_kit_tls_pair_run, but each side sends a byte of the application as soon as it may. */
static void
run_eagerly(struct pz_kit_tls_pair *p)
{
	bool client_sent = false, server_sent = false;

	do {
		pz_kit_tls_side(p, p->client, &p->to_client, &p->to_server, &p->client_err,
				&p->client_info);
		if (pz_tls_is_ready(p->client) && !client_sent) {
			client_sent = true;
			assert_ok(pz_tls_write(p->client, pz_slice_str("c"), &p->to_server));
		}
		pz_kit_tls_side(p, p->server, &p->to_server, &p->to_client, &p->server_err,
				&p->server_info);
		if (pz_tls_is_ready(p->server) && !server_sent) {
			server_sent = true;
			assert_ok(pz_tls_write(p->server, pz_slice_str("s"), &p->to_client));
		}
	} while (p->to_client.len + p->to_server.len > 0);
}

struct refusal {
	const char *name;
	const struct pz_kit_identity *client;
	enum pz_tls_kind server_kind;
	const struct pz_kit_identity *server;
	const struct pz_cert *client_revokes, *server_revokes; /* on whose CRL, NULL none */
	const struct pz_expect *expect;
	enum pz_err client_err, server_err;
};

static void
check_refusal(const struct refusal *r, size_t piece)
{
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *client =
		pz_kit_tls_ctx(PZ_TLS_CLIENT, r->client, &home, r->client_revokes);
	struct pz_tls_ctx *server =
		pz_kit_tls_ctx(r->server_kind, r->server, &home, r->server_revokes);

	pz_kit_tls_pair_init(&p, client, server, "tag.hub.example", r->expect, &test_clock.env);
	p.piece = piece;
	run_eagerly(&p);
	if (p.client_err != r->client_err || p.server_err != r->server_err)
		fail_msg("%s: client %s (%s), server %s (%s)", r->name, pz_err_name(p.client_err),
			 p.client_info.text, pz_err_name(p.server_err), p.server_info.text);
	assert_string_not_equal(p.client_info.text, "");
	assert_string_not_equal(p.server_info.text, "");
	assert_int_equal(p.app_bytes, 0);
	assert_false(pz_tls_is_ready(p.client));
	assert_false(pz_tls_is_ready(p.server));
	assert_null(pz_tls_peer(p.client));
	assert_null(pz_tls_peer(p.server));
	pz_kit_tls_pair_fini(&p);
	pz_tls_ctx_free(client);
	pz_tls_ctx_free(server);
}

static void
test_refusals(void **state)
{
	static const struct pz_expect other_zone = {.zone = "eve@evil.example",
						    .role = PZ_EXPECT_HUB};
	static const struct pz_expect a_device = {.zone = "anna@home.example",
						  .role = PZ_EXPECT_DEVICE};
	const struct refusal rows[] = {
		{"device of another CA", &evil.laptop, PZ_TLS_HUB_SERVER, &home.hub, NULL, NULL,
		 &own_hub, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_CHAIN},
		{"hub of another CA", &home.laptop, PZ_TLS_HUB_SERVER, &evil.hub, NULL, NULL,
		 &own_hub, PZ_ERR_DENIED_CHAIN, PZ_ERR_DENIED_REMOTE},
		{"revoked device", &home.laptop, PZ_TLS_HUB_SERVER, &home.hub, NULL,
		 home.laptop.chain[1], &own_hub, PZ_ERR_DENIED_REVOKED, PZ_ERR_DENIED_REVOKED},
		/* The server receives it before the client has proved who it is. */
		{"revoked hub", &home.laptop, PZ_TLS_HUB_SERVER, &home.hub, home.hub.chain[0], NULL,
		 &own_hub, PZ_ERR_DENIED_REVOKED, PZ_ERR_DENIED_REMOTE},
		{"expired device", &old_phone, PZ_TLS_HUB_SERVER, &home.hub, NULL, NULL, &own_hub,
		 PZ_ERR_DENIED_REMOTE_DATE, PZ_ERR_DENIED_EXPIRED},
		{"device of tomorrow", &early_phone, PZ_TLS_HUB_SERVER, &home.hub, NULL, NULL,
		 &own_hub, PZ_ERR_DENIED_REMOTE_DATE, PZ_ERR_DENIED_EXPIRED},
		{"expired hub", &home.laptop, PZ_TLS_HUB_SERVER, &old_hub, NULL, NULL, &own_hub,
		 PZ_ERR_DENIED_EXPIRED, PZ_ERR_DENIED_REMOTE_DATE},
		{"another device answers", &home.laptop, PZ_TLS_PEER_SERVER, &home.laptop, NULL,
		 NULL, &the_phone, PZ_ERR_DENIED_IDENTITY, PZ_ERR_DENIED_REMOTE},
		{"another zone is expected", &home.laptop, PZ_TLS_HUB_SERVER, &home.hub, NULL, NULL,
		 &other_zone, PZ_ERR_DENIED_IDENTITY, PZ_ERR_DENIED_REMOTE},
		/* A link to a hub proves nothing in its ClientHello. */
		{"a device is dialled as hub", &home.laptop, PZ_TLS_PEER_SERVER, &home.phone, NULL,
		 NULL, &own_hub, PZ_ERR_PROTO, PZ_ERR_DENIED},
		{"the hub answers as device", &home.laptop, PZ_TLS_HUB_SERVER, &home.hub, NULL,
		 NULL, &a_device, PZ_ERR_DENIED_IDENTITY, PZ_ERR_DENIED_REMOTE},
		{"a hub dials a device", &home.hub, PZ_TLS_PEER_SERVER, &home.phone, NULL, NULL,
		 &the_phone, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED_IDENTITY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_refusal(&rows[i], 0);
		check_refusal(&rows[i], 1);
	}
}

/* select decides before any certificate is shown. */
static void
test_select_refuses(void **state)
{
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *hub = pz_kit_tls_ctx(PZ_TLS_HUB_SERVER, &home.hub, &home, NULL);
	struct pz_tls_ctx *laptop = pz_kit_tls_ctx(PZ_TLS_CLIENT, &home.laptop, &home, NULL);
	struct pz_tls_ctx *enrol = pz_kit_tls_ctx(PZ_TLS_ENROL_CLIENT, NULL, &home, NULL);
	struct pz_tls_ctx *enrol_hub = pz_kit_tls_ctx(PZ_TLS_ENROL_SERVER, &home.hub, &home, NULL);
	struct pz_tls_ctx *pair = pz_kit_tls_ctx(PZ_TLS_PAIR_CLIENT, NULL, &home, NULL);
	struct pz_tls_ctx *friend_hub = pz_kit_tls_ctx(PZ_TLS_FRIEND_CLIENT, NULL, &home, NULL);
	const struct {
		struct pz_tls_ctx *client, *answer;
		enum pz_err client_err, server_err;
	} rows[] = {
		{laptop, NULL, PZ_ERR_NOTFOUND, PZ_ERR_DENIED},
		{pair, NULL, PZ_ERR_DENIED_REMOTE, PZ_ERR_DENIED}, /* no window */
		{enrol, NULL, PZ_ERR_DENIED, PZ_ERR_DENIED},
		{friend_hub, NULL, PZ_ERR_DENIED, PZ_ERR_DENIED}, /* no invitation */
		{friend_hub, enrol_hub, PZ_ERR_PROTO, PZ_ERR_INTERNAL},
		{laptop, enrol_hub, PZ_ERR_PROTO, PZ_ERR_INTERNAL}, /* the owner's mistakes */
		{enrol, hub, PZ_ERR_PROTO, PZ_ERR_INTERNAL},
		{laptop, laptop, PZ_ERR_PROTO, PZ_ERR_INTERNAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pz_kit_tls_pair_init(&p, rows[i].client, rows[i].answer, "tag.hub.example",
				     &own_hub, &test_clock.env);
		run_eagerly(&p);
		assert_int_equal(p.selects, 1);
		assert_int_equal(p.client_err, rows[i].client_err);
		assert_int_equal(p.server_err, rows[i].server_err);
		assert_int_equal(p.app_bytes, 0);
		pz_kit_tls_pair_fini(&p);
	}
	pz_tls_ctx_free(hub);
	pz_tls_ctx_free(laptop);
	pz_tls_ctx_free(pair);
	pz_tls_ctx_free(friend_hub);
	pz_tls_ctx_free(enrol);
	pz_tls_ctx_free(enrol_hub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_select_refuses),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
