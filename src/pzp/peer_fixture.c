#include "pzp/peer_fixture.h"

#include "pzp/membership.h"

static struct fx_peers fx;

/* ---- devices ---- */

struct fx_device *
fx_device_of(struct pz_kit_world *hub, struct pz_authority *authority, const char *name)
{
	assert_true(fx.device_count < FX_DEVICES_MAX);
	struct fx_device *d = &fx.devices[fx.device_count++];

	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->address, sizeof(d->address), "%s/%s", authority->zone, name);
	pz_kit_admit_identity(hub, authority, name, &d->id);
	return d;
}

struct fx_device *
fx_device(const char *name)
{
	return fx_device_of(&w.hub, w.authority, name);
}

void
fx_befriend(const struct pz_authority *authority, const uint8_t secret[PZ_FRIEND_SECRET_BYTES])
{
	struct pz_friend *f = NULL;

	assert_ok(pz_friend_new(authority->zone, authority->ca, &f, NULL));
	memcpy(f->secret, secret, PZ_FRIEND_SECRET_BYTES);
	f->since_ms = w.world.clock.wall_ms;
	f->is_confirmed_here = f->is_confirmed_there = true;
	assert_ok(pz_friends_put(w.node->zone.friends, f, NULL));
	assert_ok(pz_node_refresh_trust(w.node, NULL));
}

static struct pz_tls_ctx *
fx_ctx(const struct fx_device *d, enum pz_tls_kind kind)
{
	struct pz_trust *trust = pz_trust_new();
	const struct pz_tls_secret secret = {ZONE, d->secret ? d->secret : w.secret};
	struct pz_tls_config config = {
		.kind = kind,
		.chain = d->id.chain,
		.chain_len = 2,
		.key = d->id.key,
		.trust = trust,
		.env = &w.world.clock.env,
		.secrets = &secret,
		.secrets_len = 1,
	};
	struct pz_tls_ctx *ctx = NULL;

	assert_ok(pz_trust_add(trust, w.authority->ca, w.authority->crl, NULL));
	assert_ok(pz_tls_ctx_new(&config, &ctx, NULL));
	pz_trust_free(trust);
	return ctx;
}

static struct pz_tls_ctx *
fx_select(void *arg, const char *sni_first_label, enum pz_tls_purpose purpose)
{
	assert_string_equal(sni_first_label, ""); /* page 6: it would reveal which zone this is */
	assert_int_equal(purpose, PZ_TLS_FOR_ZONE);
	return ((struct fx_far *)arg)->ctx;
}

/* ---- the other end ---- */

struct fx_far *
fx_far_new(const struct fx_device *device, enum pz_tls_kind kind)
{
	struct fx_far *far = calloc(1, sizeof(*far));
	struct pz_expect laptop = {.zone = ZONE, .device = "laptop", .role = PZ_EXPECT_DEVICE};

	assert_non_null(far);
	far->device = device;
	far->heard = json_array();
	pz_kit_stream_init(&far->near, &far->far.end);
	pz_kit_far_init(&far->far, &far->near, NULL);
	pz_list_append(&fx.fars, &far->node);
	if (device == NULL) /* says nothing at all */
		return far;
	far->ctx = fx_ctx(device, kind);
	if (kind == PZ_TLS_CLIENT)
		assert_ok(pz_tls_new_client(far->ctx, NULL, &laptop, &far->far.tls));
	else
		assert_ok(pz_tls_new_server(fx_select, far, &w.world.clock.env, &far->far.tls));
	return far;
}

static void
fx_hear(struct fx_far *far)
{
	struct pz_slice frame;
	size_t need;

	while (pz_frame_cut(pz_buf_slice(&far->far.plain), PZ_FRAME_BYTES_MAX, &frame, &need) ==
		       PZ_OK &&
	       frame.len > 0) {
		json_t *message = pz_json_parse(pz_frame_body(frame), NULL);
		assert_non_null(message);
		assert_int_equal(json_array_append_new(far->heard, message), 0);
		pz_buf_consume(&far->far.plain, frame.len);
	}
}

bool
fx_far_reads(struct fx_far *far)
{
	bool moved = pz_kit_far_read(&far->far);

	fx_hear(far);
	return moved;
}

void
fx_settle(void)
{
	bool moved;

	do {
		moved = false;
		end_turn();
		for (struct pz_list *n = fx.fars.next; n != &fx.fars; n = n->next) {
			struct fx_far *far = PZ_CONTAINER(n, struct fx_far, node);
			moved |= fx_far_reads(far);
			moved |= pz_kit_stream_deliver(&far->near);
			end_turn();
		}
	} while (moved);
}

void
fx_run(uint64_t duration_us)
{
	uint64_t end = w.world.clock.now_us + duration_us;

	fx_settle();
	while (w.world.clock.now_us < end) {
		uint64_t left = end - w.world.clock.now_us, step = 50 * PZ_US_PER_MS;
		run(left < step ? left : step);
		fx_settle();
	}
}

struct fx_far *
fx_comes(const struct fx_device *device)
{
	struct fx_far *far = fx_far_new(device, PZ_TLS_CLIENT);

	assert_true(w.net.is_listening);
	w.net.listener.accept(w.net.listener.arg, &far->near.stream, "192.0.2.9");
	fx_settle();
	return far;
}

struct pz_dial *
fx_dialled(const char *host)
{
	return pz_kit_network_dial(&w.net, host);
}

struct fx_far *
fx_answers(const char *host, const struct fx_device *device)
{
	struct pz_dial *dial = fx_dialled(host);
	struct fx_far *far = fx_far_new(device, PZ_TLS_PEER_SERVER);

	pz_kit_dial_connected(dial, &far->near.stream);
	fx_settle();
	return far;
}

void
fx_refuses(const char *host)
{
	pz_kit_dial_failed(fx_dialled(host), PZ_ERR_IO_REFUSED, "connection refused");
	fx_settle();
}

void
fx_puts(struct fx_far *far, const char *text)
{
	uint8_t header[PZ_FRAME_HEADER_BYTES];

	assert_int_equal(far->far.err, PZ_OK);
	pz_frame_put_header(header, strlen(text));
	pz_kit_far_write(&far->far, pz_slice_of(header, sizeof(header)));
	pz_kit_far_write(&far->far, pz_slice_str(text));
}

void
fx_says(struct fx_far *far, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);

	assert_non_null(text);
	fx_puts(far, text);
	free(text);
	json_decref(message);
	fx_settle();
}

json_t *
fx_prop(const char *from, const char *status, json_t *takes_message)
{
	return json_pack("{s:s, s:s, s:s, s:{s:s, s:o}}", "type", "prop", "from", from, "to",
			 ZONE "/laptop", "payload", "status", status, "message",
			 takes_message ? takes_message : json_null());
}

void
fx_tells(struct fx_far *far, const char *status, json_t *message)
{
	fx_says(far, fx_prop(far->device->address, status, message));
}

void
fx_registers_as(struct fx_far *far, const char *address)
{
	fx_says(far, json_pack("{s:s, s:b, s:s, s:s, s:n}", "type", "JSONRPC", "register", 1,
			       "from", address, "to", ZONE "/laptop", "payload"));
}

void
fx_registers(struct fx_far *far)
{
	fx_registers_as(far, far->device->address);
}

void
fx_hangs_up(struct fx_far *far)
{
	far->far.end.is_closed = true;
	fx_settle();
}

void
fx_forget(struct fx_far *far)
{
	json_array_clear(far->heard);
}

unsigned
fx_heard(const struct fx_far *far, const char *status, json_t **out_last)
{
	unsigned count = 0;
	json_t *one;
	size_t i;

	json_array_foreach (far->heard, i, one) {
		json_t *payload = json_object_get(one, "payload");
		const char *text = pz_json_str(payload, "status");
		if (text == NULL || strcmp(text, status) != 0)
			continue;
		count++;
		if (out_last)
			*out_last = json_object_get(payload, "message");
	}
	return count;
}

bool
fx_heard_register(const struct fx_far *far)
{
	json_t *one;
	size_t i;

	json_array_foreach (far->heard, i, one)
		if (json_is_true(json_object_get(one, "register")))
			return true;
	return false;
}

/* ---- what the node thinks ---- */

const struct peer *
fx_peer(const char *device)
{
	return pz_peers_find(w.node->peers, device);
}

void
fx_state_is(const char *device, enum pz_peer_state state)
{
	const struct peer *peer = fx_peer(device);

	assert_non_null(peer);
	assert_string_equal(pz_peer_state_text(peer->state), pz_peer_state_text(state));
}

struct fx_far *
fx_live(const struct fx_device *device)
{
	struct fx_far *far = fx_comes(device);

	assert_true(fx_heard_register(far));
	fx_registers(far);
	fx_state_is(device->name, PZ_PEER_CONNECTED);
	fx_run(100 * PZ_US_PER_MS); /* what is sent soon after */
	return far;
}

void
fx_directory(const char *device, json_t *addresses, int port)
{
	json_t *entry =
		json_pack("{s:b, s:o, s:i}", "connected", 1, "ipaddress", addresses, "port", port);

	assert_int_equal(json_object_set_new(pz_uplink_directory(w.node->uplink), device, entry),
			 0);
}

json_t *
fx_info(void)
{
	return json_pack("{s:[s], s:i}", "addresses", "192.0.2.9", "port", 8043);
}

json_t *
fx_services(const char *address, unsigned count)
{
	json_t *list = json_array();
	char id[PZ_SERVICE_ID_CHARS + 1], name[32];

	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "test %u", i);
		assert_ok(pz_descriptor_id(API_TEST, name, "one of them", id));
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "api", API_TEST,
						      "id", id, "displayName", name, "description",
						      "one of them", "serviceAddress", address));
	}
	return json_pack("{s:s, s:o}", "from", address, "services", list);
}

/* ---- life ---- */

void
fx_prepare(void **state)
{
	memset(&fx, 0, sizeof(fx));
	pz_list_init(&fx.fars);
	set_up(state);
	w.net.is_single = false;
	w.net.can_listen = true;
	w.net.port = TLS_PORT;
}

int
fx_set_up(void **state)
{
	fx_prepare(state);
	enrol_on_disk();
	start_node();
	fx_learn_secret(w.authority->secret);
	assert_true(w.net.is_listening);
	return 0;
}

int
fx_tear_down(void **state)
{
	fx_settle();
	if (w.node) {
		pz_node_stop(w.node);
		fx_settle();
		run(COMMIT_US);
		pz_node_free(w.node);
		w.node = NULL;
	}
	PZ_LIST_EACH (&fx.fars, n, tmp) {
		struct fx_far *far = PZ_CONTAINER(n, struct fx_far, node);
		assert_true(far->near.is_closed); /* nothing stays open */
		pz_kit_far_fini(&far->far);
		pz_kit_stream_fini(&far->near);
		pz_tls_ctx_free(far->ctx);
		json_decref(far->heard);
		free(far);
	}
	for (size_t i = 0; i < w.net.dial_count; i++)
		assert_true(w.net.dials[i].is_over);
	for (size_t i = 0; i < fx.device_count; i++)
		pz_kit_identity_fini(&fx.devices[i].id);
	return tear_down(state);
}
