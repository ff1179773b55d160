/* Sessions that succeed, and the data on them. Refusals are in refusal_test.c. */
#include "kit/test.h"

#include "kit/clock.h"
#include "kit/tls.h"

#include <stdlib.h>

static struct pz_kit_clock test_clock = PZ_KIT_CLOCK(test_clock);
static struct pz_kit_zone home;
static struct pz_tls_ctx *hub_ctx, *laptop_ctx, *enrol_hub_ctx, *enrol_ctx, *peer_ctx, *phone_ctx;
static const struct pz_expect own_hub = {.zone = "anna@home.example", .role = PZ_EXPECT_HUB};

static int
set_up(void **state)
{
	(void)state;
	pz_kit_zone_init(&home, "anna@home.example", &test_clock.env);
	hub_ctx = pz_kit_tls_ctx(PZ_TLS_HUB_SERVER, &home.hub, &home, NULL);
	laptop_ctx = pz_kit_tls_ctx(PZ_TLS_CLIENT, &home.laptop, &home, NULL);
	phone_ctx = pz_kit_tls_ctx(PZ_TLS_CLIENT, &home.phone, &home, NULL);
	peer_ctx = pz_kit_tls_ctx(PZ_TLS_PEER_SERVER, &home.laptop, &home, NULL);
	enrol_hub_ctx = pz_kit_tls_ctx(PZ_TLS_ENROL_SERVER, &home.hub, &home, NULL);
	enrol_ctx = pz_kit_tls_ctx(PZ_TLS_ENROL_CLIENT, NULL, &home, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_tls_ctx_free(hub_ctx);
	pz_tls_ctx_free(laptop_ctx);
	pz_tls_ctx_free(phone_ctx);
	pz_tls_ctx_free(peer_ctx);
	pz_tls_ctx_free(enrol_hub_ctx);
	pz_tls_ctx_free(enrol_ctx);
	pz_kit_zone_fini(&home);
	return 0;
}

/* Handshake between the laptop and its hub. */
static void
connect_home(struct pz_kit_tls_pair *p, size_t piece)
{
	pz_kit_tls_pair_init(p, laptop_ctx, hub_ctx, "ABCDEF0123.Hub.example", &own_hub,
			     &test_clock.env);
	p->piece = piece;
	pz_kit_tls_pair_run(p);
	assert_ok(p->client_err);
	assert_ok(p->server_err);
	assert_true(pz_tls_is_ready(p->client));
	assert_true(pz_tls_is_ready(p->server));
}

static void
test_handshake(void **state)
{
	static const size_t pieces[] = {0, 1, 7, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct pz_kit_tls_pair p;
		connect_home(&p, pieces[i]);
		assert_string_equal(pz_tls_describe(p.client), "TLSv1.3 TLS_AES_128_GCM_SHA256");
		assert_string_equal(pz_tls_describe(p.server), "TLSv1.3 TLS_AES_128_GCM_SHA256");
		assert_int_equal(p.selects, 1);
		assert_string_equal(p.label, "abcdef0123");
		assert_int_equal(p.purpose, PZ_TLS_FOR_ZONE);
		assert_false(pz_tls_is_enrol(p.client));
		assert_false(pz_tls_is_enrol(p.server));
		pz_kit_tls_pair_fini(&p);
	}
}

static void
test_identity(void **state)
{
	struct pz_kit_tls_pair p;
	uint8_t hash[PZ_KEY_HASH_BYTES];

	(void)state;
	pz_kit_tls_pair_init(&p, laptop_ctx, hub_ctx, NULL, &own_hub, &test_clock.env);
	assert_null(pz_tls_peer(p.client));
	assert_null(pz_tls_peer(p.server));
	assert_string_equal(pz_tls_describe(p.server), "");
	pz_kit_tls_pair_run(&p);
	assert_string_equal(p.label, ""); /* no SNI */

	const struct pz_peer *hub = pz_tls_peer(p.client), *device = pz_tls_peer(p.server);
	assert_non_null(hub);
	assert_true(hub->is_hub);
	assert_string_equal(hub->zone, "anna@home.example");
	assert_non_null(device);
	assert_false(device->is_hub);
	assert_string_equal(device->device, "laptop");
	pz_key_spki_hash(home.laptop.key, hash);
	assert_memory_equal(device->key_hash, hash, sizeof(hash));

	pz_tls_drop_peer(p.server);
	assert_null(pz_tls_peer(p.server));
	assert_true(pz_tls_is_ready(p.server));
	pz_kit_tls_pair_fini(&p);
}

/* The verification has happened when the server has read the client's certificate, but the
 * handshake is not over: an identity that is not proved yet is not reported. */
static void
test_identity_waits_for_proof(void **state)
{
	struct pz_kit_tls_pair p;
	bool done;

	(void)state;
	pz_kit_tls_pair_init(&p, laptop_ctx, hub_ctx, NULL, &own_hub, &test_clock.env);
	assert_ok(pz_tls_handshake(p.client, &p.to_server, &done, NULL));
	pz_tls_input(p.server, pz_buf_slice(&p.to_server));
	assert_ok(pz_tls_handshake(p.server, &p.to_client, &done, NULL));
	pz_buf_consume(&p.to_server, p.to_server.len);
	pz_tls_input(p.client, pz_buf_slice(&p.to_client));
	assert_ok(pz_tls_handshake(p.client, &p.to_server, &done, NULL));
	assert_true(done);

	struct pz_slice flight = pz_buf_slice(&p.to_server);
	for (size_t i = 0; i < flight.len; i++) {
		uint8_t plain[16];
		size_t len;

		assert_null(pz_tls_peer(p.server));
		pz_tls_drop_peer(p.server); /* too early: nothing happens */
		assert_int_equal(
			pz_tls_read(p.server, plain, sizeof(plain), &len, &p.to_client, NULL),
			PZ_ERR_INTERNAL);
		assert_int_equal(pz_tls_write(p.server, pz_slice_str("x"), &p.to_client),
				 PZ_ERR_INTERNAL);
		pz_tls_input(p.server, pz_slice_of(flight.ptr + i, 1));
		assert_ok(pz_tls_handshake(p.server, &p.to_client, &done, NULL));
		assert_int_equal(done, i + 1 == flight.len);
	}
	assert_non_null(pz_tls_peer(p.server));
	pz_kit_tls_pair_fini(&p);
}

static void
test_exporter(void **state)
{
	struct pz_kit_tls_pair p, q;
	uint8_t a[32], b[32], c[32];

	(void)state;
	pz_kit_tls_pair_init(&p, enrol_ctx, enrol_hub_ctx, "tag.hub.example", NULL,
			     &test_clock.env);
	assert_int_equal(pz_tls_export(p.client, "EXPORTER-pz-enrol", a, sizeof(a)),
			 PZ_ERR_INTERNAL);
	pz_kit_tls_pair_run(&p);
	connect_home(&q, 0);
	assert_ok(pz_tls_export(p.client, "EXPORTER-pz-enrol", a, sizeof(a)));
	assert_ok(pz_tls_export(p.server, "EXPORTER-pz-enrol", b, sizeof(b)));
	assert_memory_equal(a, b, sizeof(a));
	assert_ok(pz_tls_export(p.server, "EXPORTER-other", b, sizeof(b)));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_ok(pz_tls_export(q.server, "EXPORTER-pz-enrol", c, sizeof(c)));
	assert_memory_not_equal(a, c, sizeof(a));
	pz_kit_tls_pair_fini(&p);
	pz_kit_tls_pair_fini(&q);
}

/* Neither end knows the other: certificates of no zone, and what the messages prove is bound to the
 * connection. @spec page 6 "Strangers" */
static void
strangers_get_a_connection_without_an_identity(void **state)
{
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *client = pz_kit_tls_ctx(PZ_TLS_PAIR_CLIENT, NULL, &home, NULL);
	struct pz_tls_ctx *server = pz_kit_tls_ctx(PZ_TLS_PAIR_SERVER, &home.laptop, &home, NULL);
	uint8_t a[32], b[32];

	(void)state;
	pz_kit_tls_pair_init(&p, client, server, NULL, NULL, &test_clock.env);
	p.piece = 1;
	pz_kit_tls_pair_run(&p);
	assert_ok(p.client_err);
	assert_ok(p.server_err);
	assert_int_equal(p.purpose, PZ_TLS_FOR_PAIRING);
	assert_true(pz_tls_is_pairing(p.client));
	assert_true(pz_tls_is_pairing(p.server));
	assert_false(pz_tls_is_enrol(p.server));
	assert_null(pz_tls_peer(p.client));
	assert_null(pz_tls_peer(p.server));
	assert_ok(pz_tls_export(p.client, "EXPORTER-pz-pair", a, sizeof(a)));
	assert_ok(pz_tls_export(p.server, "EXPORTER-pz-pair", b, sizeof(b)));
	assert_memory_equal(a, b, sizeof(a));
	pz_kit_tls_pair_fini(&p);

	/* Neither kind of link takes the other's place. */
	pz_kit_tls_pair_init(&p, client, peer_ctx, NULL, NULL, &test_clock.env);
	pz_kit_tls_pair_run(&p);
	assert_int_equal(p.server_err, PZ_ERR_INTERNAL);
	pz_kit_tls_pair_fini(&p);
	pz_tls_ctx_free(client);
	pz_tls_ctx_free(server);
}

/* Sessions in which the server's chain is judged when its messages have come. */
static void
check_judged_later(struct pz_tls_ctx *client, struct pz_tls_ctx *server,
		   enum pz_tls_purpose purpose)
{
	struct pz_kit_tls_pair p;
	struct pz_kit_zone other;
	struct pz_errinfo info;
	struct pz_expect expect = {.zone = "anna@home.example", .role = PZ_EXPECT_HUB};

	pz_kit_tls_pair_init(&p, client, server, "tag.hub.example", NULL, &test_clock.env);
	p.piece = 1;
	pz_kit_tls_pair_run(&p);
	assert_ok(p.client_err);
	assert_ok(p.server_err);
	assert_int_equal(p.purpose, purpose);
	assert_int_equal(pz_tls_is_enrol(p.client), purpose == PZ_TLS_FOR_ENROLMENT);
	assert_int_equal(pz_tls_is_enrol(p.server), purpose == PZ_TLS_FOR_ENROLMENT);
	assert_int_equal(pz_tls_is_befriending(p.client), purpose == PZ_TLS_FOR_FRIEND);
	assert_int_equal(pz_tls_is_befriending(p.server), purpose == PZ_TLS_FOR_FRIEND);
	assert_null(pz_tls_peer(p.client));
	assert_null(pz_tls_peer(p.server));

	/* Step 4: the master certificate has arrived. */
	pz_kit_zone_init(&other, "eve@evil.example", &test_clock.env);
	struct pz_trust *right = pz_kit_trust(&home, NULL), *wrong = pz_kit_trust(&other, NULL);
	assert_ok(pz_tls_verify_peer(p.client, right, &expect, test_clock.wall_ms, &info));
	assert_int_equal(pz_tls_verify_peer(p.client, wrong, &expect, test_clock.wall_ms, &info),
			 PZ_ERR_DENIED_CHAIN);
	expect.zone = "eve@evil.example";
	assert_int_equal(pz_tls_verify_peer(p.client, right, &expect, test_clock.wall_ms, &info),
			 PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(pz_tls_verify_peer(p.server, right, NULL, test_clock.wall_ms, &info),
			 PZ_ERR_INTERNAL);
	pz_trust_free(right);
	pz_trust_free(wrong);
	pz_kit_zone_fini(&other);
	pz_kit_tls_pair_fini(&p);

	connect_home(&p, 0);
	right = pz_kit_trust(&home, NULL);
	assert_int_equal(pz_tls_verify_peer(p.client, right, NULL, test_clock.wall_ms, NULL),
			 PZ_ERR_INTERNAL);
	pz_trust_free(right);
	pz_kit_tls_pair_fini(&p);
}

static void
test_enrol(void **state)
{
	(void)state;
	check_judged_later(enrol_ctx, enrol_hub_ctx, PZ_TLS_FOR_ENROLMENT);
}

static void
test_friend(void **state)
{
	struct pz_tls_ctx *client = pz_kit_tls_ctx(PZ_TLS_FRIEND_CLIENT, NULL, &home, NULL);
	struct pz_tls_ctx *server = pz_kit_tls_ctx(PZ_TLS_FRIEND_SERVER, &home.hub, &home, NULL);

	(void)state;
	check_judged_later(client, server, PZ_TLS_FOR_FRIEND);
	pz_tls_ctx_free(client);
	pz_tls_ctx_free(server);
}

static void
test_direct_link(void **state)
{
	struct pz_kit_tls_pair p;
	struct pz_expect laptop = {
		.zone = "anna@home.example", .device = "laptop", .role = PZ_EXPECT_DEVICE};

	(void)state;
	pz_kit_tls_pair_init(&p, phone_ctx, peer_ctx, NULL, &laptop, &test_clock.env);
	memset(&laptop, 0, sizeof(laptop)); /* it was copied */
	pz_kit_tls_pair_run(&p);
	assert_ok(p.client_err);
	assert_ok(p.server_err);
	assert_string_equal(pz_tls_peer(p.client)->device, "laptop");
	assert_string_equal(pz_tls_peer(p.server)->device, "phone");
	pz_kit_tls_pair_fini(&p);
}

/* Sends `len` bytes one way and reads them with a buffer of `cap` bytes, in pieces. */
static void
transfer(struct pz_tls *from, struct pz_tls *to, size_t len, size_t piece, size_t cap)
{
	uint8_t *sent = malloc(len), *plain = malloc(cap), *got = malloc(len);
	struct pz_buf wire, back;
	size_t got_len = 0, n;

	assert_true(sent && plain && got);
	for (size_t i = 0; i < len; i++)
		sent[i] = (uint8_t)(i * 7 + i / 251);
	pz_buf_init(&wire, len * 2 + 1000, NULL);
	pz_buf_init(&back, 100, NULL);
	assert_ok(pz_tls_write(from, pz_slice_of(sent, len), &wire));
	while (wire.len > 0) {
		size_t take = wire.len < piece ? wire.len : piece;
		pz_tls_input(to, pz_slice_of(pz_buf_slice(&wire).ptr, take));
		do {
			assert_ok(pz_tls_read(to, plain, cap, &n, &back, NULL));
			assert_true(got_len + n <= len);
			memcpy(got + got_len, plain, n);
			got_len += n;
		} while (n > 0);
		pz_buf_consume(&wire, take);
	}
	assert_int_equal(got_len, len);
	assert_memory_equal(got, sent, len);
	assert_int_equal(back.len, 0);
	pz_buf_fini(&wire);
	pz_buf_fini(&back);
	free(sent);
	free(plain);
	free(got);
}

static void
test_data(void **state)
{
	struct pz_kit_tls_pair p;

	(void)state;
	connect_home(&p, 0);
	transfer(p.client, p.server, 1, 1, 1);
	transfer(p.client, p.server, 300, 1, 100);
	transfer(p.server, p.client, 16384, 5000, 16384);
	transfer(p.server, p.client, 16385, 1U << 20, 16384);
	transfer(p.client, p.server, 5U << 20, 65536, 16384);
	assert_ok(pz_tls_write(p.client, pz_slice_of(NULL, 0), &p.to_server));
	assert_int_equal(p.to_server.len, 0);
	pz_kit_tls_pair_fini(&p);
}

/* Records are filled: 1 MiB takes 64 records of at most 22 bytes overhead (RFC 8446 5.2). */
static void
test_records_are_full(void **state)
{
	struct pz_kit_tls_pair p;
	uint8_t *bytes = calloc(1, 1U << 20);

	(void)state;
	assert_non_null(bytes);
	connect_home(&p, 0);
	assert_ok(pz_tls_write(p.client, pz_slice_of(bytes, 1U << 20), &p.to_server));
	assert_true(p.to_server.len <= (1U << 20) + 64 * 22);
	free(bytes);
	pz_kit_tls_pair_fini(&p);
}

static void
test_no_room(void **state)
{
	struct pz_kit_tls_pair p;
	struct pz_buf small;
	uint8_t plain[64] = {0};
	size_t len;
	bool done;

	(void)state;
	connect_home(&p, 0);
	pz_buf_init(&small, 40, NULL);
	assert_int_equal(pz_tls_write(p.client, pz_slice_of(plain, sizeof(plain)), &small),
			 PZ_ERR_LIMIT_QUEUE);
	assert_false(pz_tls_is_ready(p.client));
	assert_int_equal(pz_tls_write(p.client, pz_slice_of(plain, 1), &p.to_server),
			 PZ_ERR_IO_CLOSED);
	assert_int_equal(pz_tls_read(p.client, plain, sizeof(plain), &len, &p.to_server, NULL),
			 PZ_ERR_IO_CLOSED);
	assert_int_equal(pz_tls_handshake(p.client, &p.to_server, &done, NULL), PZ_ERR_IO_CLOSED);
	pz_kit_tls_pair_fini(&p);

	pz_kit_tls_pair_init(&p, laptop_ctx, hub_ctx, NULL, &own_hub, &test_clock.env);
	assert_int_equal(pz_tls_handshake(p.client, &small, &done, NULL), PZ_ERR_LIMIT_QUEUE);
	pz_kit_tls_pair_fini(&p);
	pz_buf_fini(&small);
}

static void
test_close(void **state)
{
	struct pz_kit_tls_pair p;
	uint8_t plain[64];
	size_t len;

	(void)state;
	connect_home(&p, 0);
	assert_ok(pz_tls_write(p.client, pz_slice_str("last"), &p.to_server));
	pz_tls_close(p.client, &p.to_server);
	size_t sent = p.to_server.len;
	pz_tls_close(p.client, &p.to_server); /* once is enough */
	assert_int_equal(p.to_server.len, sent);
	assert_int_equal(pz_tls_write(p.client, pz_slice_str("x"), &p.to_server), PZ_ERR_IO_CLOSED);

	pz_tls_input(p.server, pz_buf_slice(&p.to_server));
	assert_ok(pz_tls_read(p.server, plain, sizeof(plain), &len, &p.to_client, NULL));
	assert_int_equal(len, 4);
	assert_int_equal(pz_tls_read(p.server, plain, sizeof(plain), &len, &p.to_client, NULL),
			 PZ_ERR_IO_CLOSED);
	assert_int_equal(pz_tls_read(p.server, plain, sizeof(plain), &len, &p.to_client, NULL),
			 PZ_ERR_IO_CLOSED);

	/* The other direction is still open. */
	assert_ok(pz_tls_write(p.server, pz_slice_str("bye"), &p.to_client));
	pz_tls_close(p.server, &p.to_client);
	pz_tls_input(p.client, pz_buf_slice(&p.to_client));
	assert_ok(pz_tls_read(p.client, plain, sizeof(plain), &len, &p.to_server, NULL));
	assert_int_equal(len, 3);
	assert_int_equal(pz_tls_read(p.client, plain, sizeof(plain), &len, &p.to_server, NULL),
			 PZ_ERR_IO_CLOSED);
	pz_kit_tls_pair_fini(&p);

	pz_kit_tls_pair_init(&p, laptop_ctx, hub_ctx, NULL, &own_hub, &test_clock.env);
	pz_tls_close(p.client, &p.to_server); /* before the handshake: nothing to say */
	assert_int_equal(p.to_server.len, 0);
	pz_kit_tls_pair_fini(&p);
}

static void
test_no_tickets(void **state)
{
	struct pz_kit_tls_pair p;
	bool done;

	(void)state;
	pz_kit_tls_pair_init(&p, laptop_ctx, hub_ctx, NULL, &own_hub, &test_clock.env);
	assert_ok(pz_tls_handshake(p.client, &p.to_server, &done, NULL));
	pz_kit_tls_side(&p, p.server, &p.to_server, &p.to_client, &p.server_err, NULL);
	pz_kit_tls_side(&p, p.client, &p.to_client, &p.to_server, &p.client_err, NULL);
	assert_true(pz_tls_is_ready(p.client));
	pz_kit_tls_side(&p, p.server, &p.to_server, &p.to_client, &p.server_err, NULL);
	assert_true(pz_tls_is_ready(p.server));
	assert_int_equal(p.to_client.len, 0);
	pz_kit_tls_pair_fini(&p);
}

static void
test_idle(void **state)
{
	struct pz_kit_tls_pair p;
	struct pz_slice rest;
	uint8_t plain[64];
	size_t len;

	(void)state;
	pz_kit_tls_pair_init(&p, laptop_ctx, hub_ctx, NULL, &own_hub, &test_clock.env);
	pz_tls_idle(p.client); /* before the handshake: nothing happens */
	pz_kit_tls_pair_run(&p);
	for (int i = 0; i < 3; i++) {
		pz_tls_idle(p.client);
		pz_tls_idle(p.server);
		transfer(p.client, p.server, 1000, 1U << 20, 16384);
		transfer(p.server, p.client, 40000, 999, 16384);
	}
	/* A record that has arrived in part survives. */
	assert_ok(pz_tls_write(p.client, pz_slice_str("hello"), &p.to_server));
	rest = pz_buf_slice(&p.to_server);
	pz_tls_input(p.server, pz_slice_of(rest.ptr, 9));
	assert_ok(pz_tls_read(p.server, plain, sizeof(plain), &len, &p.to_client, NULL));
	assert_int_equal(len, 0);
	pz_tls_idle(p.server);
	pz_tls_input(p.server, pz_slice_of(rest.ptr + 9, rest.len - 9));
	assert_ok(pz_tls_read(p.server, plain, sizeof(plain), &len, &p.to_client, NULL));
	assert_int_equal(len, 5);
	pz_kit_tls_pair_fini(&p);
}

/* A context may go while its sessions live (a change of trust makes a new one). */
static void
test_context_outlived(void **state)
{
	struct pz_kit_tls_pair p;
	struct pz_tls_ctx *hub = pz_kit_tls_ctx(PZ_TLS_HUB_SERVER, &home.hub, &home, NULL);
	struct pz_tls_ctx *laptop = pz_kit_tls_ctx(PZ_TLS_CLIENT, &home.laptop, &home, NULL);

	(void)state;
	pz_kit_tls_pair_init(&p, laptop, hub, NULL, &own_hub, &test_clock.env);
	pz_tls_ctx_free(laptop);
	pz_kit_tls_pair_run(&p);
	pz_tls_ctx_free(hub);
	transfer(p.client, p.server, 100, 100, 100);
	pz_kit_tls_pair_fini(&p);
}

static void
test_wrong_calls(void **state)
{
	struct pz_tls *tls = NULL;
	char long_name[300];
	struct pz_expect long_zone = {.zone = long_name};

	(void)state;
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(pz_tls_new_client(hub_ctx, NULL, &own_hub, &tls), PZ_ERR_CONFIG);
	assert_int_equal(pz_tls_new_client(laptop_ctx, NULL, NULL, &tls), PZ_ERR_CONFIG);
	assert_int_equal(pz_tls_new_client(laptop_ctx, "", &own_hub, &tls), PZ_ERR_CONFIG);
	assert_int_equal(pz_tls_new_client(laptop_ctx, "a b", &own_hub, &tls), PZ_ERR_CONFIG);
	assert_int_equal(pz_tls_new_client(laptop_ctx, long_name, &own_hub, &tls), PZ_ERR_CONFIG);
	assert_int_equal(pz_tls_new_client(laptop_ctx, NULL, &long_zone, &tls), PZ_ERR_CONFIG);
	assert_null(tls);
	pz_tls_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_identity_waits_for_proof),
		cmocka_unit_test(test_exporter),
		cmocka_unit_test(strangers_get_a_connection_without_an_identity),
		cmocka_unit_test(test_enrol),
		cmocka_unit_test(test_friend),
		cmocka_unit_test(test_direct_link),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_records_are_full),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_no_tickets),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_context_outlived),
		cmocka_unit_test(test_wrong_calls),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
