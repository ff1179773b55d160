/*
 * Target functions: what an app of this device sends, from the bytes of its WebSocket through the
 * whole node to other devices: pz_http_input, pz_app_message, pz_app_resume, the objects
 * ServiceRegistry, AppStorage, ServiceDiscovery and Peers, calls of services and of apps; and what
 * a linked device sends to an app.
 * Input: one line for each event (see `act`); a message may name what is known by run time only
 * (see `name_of`).
 * Must hold: what goes to a device because of an app has that app's own address or the device's as
 * `from` and one method that was judged, and no prop of it manages anything; what arrives at an app
 * is a message for it, from no other app; what another origin has stored never arrives; services,
 * open calls, writes, and queues are bounded; at the end every connection is closed and nothing
 * waits.
 *
 * The links to devices are without TLS, which has fuzz targets of its own.
 */
#include "far.h"
#include "kit/authority.h"
#include "kit/link.h"

#include "apps/internal.h"
#include "calls/internal.h"
#include "items/app_data.h"
#include "prompt/prompt.h"
#include "wire/json.h"

#define ZONE "alice@example.org"
#define SELF ZONE "/laptop"
#define PORT 8080
#define ORIGIN "https://app.example"
#define OTHER_ORIGIN "https://other.example"
#define OTHERS_VALUE "Zq0v-value-of-another-origin"
#define DEVICES 2
#define SOCKETS 3       /* two of ORIGIN, the last one of OTHER_ORIGIN */
#define VISITORS_MAX 12 /* fewer sessions than after which the oldest is given up */
#define STREAM_BYTES_MAX (64U << 20)
#define EXPANDED_BYTES_MAX (4U << 20)

/* A page's connection. */
struct socket {
	struct pz_stream stream;
	bool is_open, is_reading, is_slow;
	struct pz_buf in; /* what the node has sent, and is not looked at yet */
};

static const char *const devices[DEVICES] = {"tv", "desk"};
static const char *const addresses[DEVICES] = {ZONE "/tv", ZONE "/desk"};

static struct {
	struct pz_kit_world world;
	struct pz_memory_disk *clean; /* with what persons have answered before */
	struct pz_memory_disk *disk;
	struct pz_store *store;
	struct pz_turn turn;
	struct pz_node *node;
	struct fuzz_far far[DEVICES];
	struct socket socket[SOCKETS];
	pz_accept_fn accept;
	void *accept_arg;
	const char *actor; /* of the event: who may be `from`; NULL: any */
	char actor_before[PZ_ADDRESS_BYTES_MAX + 1], actor_after[PZ_ADDRESS_BYTES_MAX + 1];
	bool is_app;
	/* what was received last, for inputs to name */
	char secret[PZ_APP_SECRET_CHARS + 1], request[64], service[64];
} w;

/* ---- the network ---- */

static struct socket *
socket_of(struct pz_stream *stream)
{
	return PZ_CONTAINER(stream, struct socket, stream);
}

static size_t
socket_send(struct pz_stream *stream, struct pz_slice bytes)
{
	struct socket *s = socket_of(stream);

	if (s->is_slow)
		return 0;
	FUZZ_CHECK(pz_buf_append(&s->in, bytes) == PZ_OK);
	return bytes.len;
}

static void
socket_set_reading(struct pz_stream *stream, bool on)
{
	socket_of(stream)->is_reading = on;
}

static void
socket_close(struct pz_stream *stream)
{
	FUZZ_CHECK(socket_of(stream)->is_open);
	socket_of(stream)->is_open = false;
}

static const struct pz_stream_ops socket_ops = {
	.send = socket_send, .set_reading = socket_set_reading, .close = socket_close};

static enum pz_err
listen_web(void *self, const char *address, uint16_t port, pz_accept_fn accept, void *arg,
	   struct pz_listener **out, uint16_t *out_port, struct pz_errinfo *info)
{
	(void)address;
	(void)port;
	(void)info;
	w.accept = accept;
	w.accept_arg = arg;
	*out = self;
	*out_port = PORT;
	return PZ_OK;
}

static void
listen_close(struct pz_listener *closed)
{
	(void)closed;
}

static const struct pz_transport_ops web_ops = {.listen = listen_web, .listen_close = listen_close};

/* ---- sockets ---- */

static const char *
origin_of(size_t i)
{
	return i == SOCKETS - 1 ? OTHER_ORIGIN : ORIGIN;
}

/* NULL: it is closed. */
static struct pz_visitor *
visitor_at(size_t i)
{
	return w.socket[i].is_open ? w.socket[i].stream.user_arg : NULL;
}

static void
say_bytes(size_t i, struct pz_slice bytes)
{
	struct socket *s = &w.socket[i];

	if (s->is_open && s->is_reading)
		s->stream.user->bytes(s->stream.user_arg, bytes);
}

/* One text frame, masked by zeros. */
static void
say(size_t i, struct pz_slice text)
{
	uint8_t *frame = malloc(14 + text.len);
	size_t at = 0;

	FUZZ_CHECK(frame != NULL);
	frame[at++] = 0x81;
	frame[at++] = text.len < 126     ? 0x80 | (uint8_t)text.len
		      : text.len < 65536 ? 0x80 | 126
					 : 0x80 | 127;
	for (int shift = text.len < 126 ? -8 : text.len < 65536 ? 8 : 56; shift >= 0; shift -= 8)
		frame[at++] = (uint8_t)((uint64_t)text.len >> shift);
	memset(frame + at, 0, 4);
	if (text.len > 0)
		memcpy(frame + at + 4, text.ptr, text.len);
	say_bytes(i, pz_slice_of(frame, at + 4 + text.len));
	free(frame);
}

static void
handshake(size_t i)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
			   "GET / HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\n"
			   "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			   "Sec-WebSocket-Version: 13\r\nOrigin: %s\r\n\r\n",
			   PORT, origin_of(i));

	say_bytes(i, pz_slice_of(text, (size_t)len));
}

static size_t
count_visitors(void)
{
	size_t count = 0;

	PZ_LIST_EACH (&w.node->apps.apps->visitors, node, tmp)
		count++;
	return count;
}

/* A socket that has sent its handshake. */
static void
connect_socket(size_t i)
{
	struct socket *s = &w.socket[i];

	if (s->is_open || count_visitors() >= VISITORS_MAX)
		return;
	pz_buf_fini(&s->in);
	*s = (struct socket){.stream = {.ops = &socket_ops}, .is_open = true};
	pz_buf_init(&s->in, STREAM_BYTES_MAX, NULL);
	w.accept(w.accept_arg, &s->stream, "127.0.0.1");
	handshake(i);
}

/* ---- what inputs can name ---- */

/* $0 to $2: the address of an app; $p: that of this device; $s: the secret that an app got last;
 * $i: the id of the request that one got last; $v: the id of the service that one registered last.
 */
static const char *
name_of(uint8_t letter)
{
	const struct pz_visitor *visitor;

	switch (letter) {
	case '0':
	case '1':
	case '2':
		visitor = visitor_at((size_t)(letter - '0'));
		return visitor ? visitor->address : "";
	case 'p':
		return SELF;
	case 's':
		return w.secret;
	case 'i':
		return w.request;
	case 'v':
		return w.service;
	default:
		return NULL;
	}
}

static void
expand(struct pz_buf *out, struct pz_slice line)
{
	pz_buf_init(out, EXPANDED_BYTES_MAX, NULL);
	for (size_t i = 0; i < line.len; i++) {
		const char *name =
			line.ptr[i] == '$' && i + 1 < line.len ? name_of(line.ptr[i + 1]) : NULL;
		if (name == NULL) {
			(void)!pz_buf_append(out, pz_slice_of(line.ptr + i, 1));
			continue;
		}
		(void)!pz_buf_append(out, pz_slice_str(name));
		i++;
	}
}

/* An envelope of a payload. */
static struct pz_buf
message(const char *from, const char *to, struct pz_slice payload)
{
	char head[2 * PZ_ADDRESS_BYTES_MAX + 128];
	struct pz_buf out, expanded;
	int len = snprintf(head, sizeof(head),
			   "{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"%s\",\"payload\":", from,
			   to);

	expand(&expanded, payload);
	pz_buf_init(&out, EXPANDED_BYTES_MAX, NULL);
	(void)!pz_buf_append(&out, pz_slice_of(head, (size_t)len));
	(void)!pz_buf_append(&out, pz_buf_slice(&expanded));
	(void)!pz_buf_append(&out, pz_slice_str("}"));
	pz_buf_fini(&expanded);
	return out;
}

/* ---- what must hold ---- */

static bool
has_others_value(struct pz_slice text)
{
	return text.len > 0 &&
	       memmem(text.ptr, text.len, OTHERS_VALUE, strlen(OTHERS_VALUE)) != NULL;
}

/* What the device says of its own accord, which no app chooses. */
static bool
is_harmless(struct pz_slice status)
{
	static const char *const known[] = {"registerServices", "pzpInfo", "findServices", "prompt",
					    "promptEnded"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (pz_slice_eq_str(status, known[i]))
			return true;
	return status.len > 7 &&
	       (memcmp(status.ptr, "Sync_", 5) == 0 || memcmp(status.ptr, "Update_", 7) == 0);
}

/* The envelope is this device's matter, a payload that is passed on is its receiver's. */
static void
check_from(const struct pz_envelope *sent)
{
	struct pz_slice value = {0};

	if (sent->type == PZ_MESSAGE_PROP && w.is_app) {
		FUZZ_CHECK(pz_json_member(sent->payload, "status", &value) == PZ_OK);
		FUZZ_CHECK(value.len > 2 && pz_slice_eq_str(sent->from, SELF));
		FUZZ_CHECK(is_harmless(pz_slice_of(value.ptr + 1, value.len - 2)));
	}
	if (pz_slice_eq_str(sent->from, SELF) || w.actor == NULL)
		return;
	if (w.is_app) {
		FUZZ_CHECK(pz_slice_eq_str(sent->from, w.actor_before) ||
			   pz_slice_eq_str(sent->from, w.actor_after));
		FUZZ_CHECK(pz_json_member(sent->payload, "method", &value) != PZ_ERR_EXISTS);
	} else if (!pz_slice_eq_str(pz_address_node(sent->from), w.actor))
		FUZZ_CHECK(pz_slice_eq_str(sent->to, w.actor)); /* for an app that is gone */
}

static void
check_sent(void *arg, struct pz_slice frame)
{
	struct pz_envelope sent;

	(void)arg;
	FUZZ_CHECK(pz_envelope_scan(pz_frame_body(frame), &sent) == PZ_OK);
	check_from(&sent);
	/* What an origin stores is shared with devices by props. */
	if (sent.type != PZ_MESSAGE_PROP)
		FUZZ_CHECK(!has_others_value(frame));
}

static void
remember(const json_t *payload)
{
	const json_t *session = json_object_get(json_object_get(payload, "message"), "session");
	const char *secret = pz_json_str(session, "secret"), *id = pz_json_str(payload, "id");
	const char *service = pz_json_str(json_object_get(payload, "result"), "id");

	if (secret)
		snprintf(w.secret, sizeof(w.secret), "%s", secret);
	if (id && pz_json_str(payload, "method") && strchr(id, '"') == NULL)
		snprintf(w.request, sizeof(w.request), "%s", id);
	if (service && json_object_get(json_object_get(payload, "result"), "serviceAddress"))
		snprintf(w.service, sizeof(w.service), "%s", service);
}

static void
check_received(const struct pz_visitor *visitor, struct pz_slice text)
{
	struct pz_envelope got;
	struct pz_address parts;

	FUZZ_CHECK(pz_envelope_scan(text, &got) == PZ_OK);
	if (visitor->state == PZ_APP_OPEN)
		FUZZ_CHECK(pz_slice_eq_str(got.to, visitor->address) ||
			   memmem(got.to.ptr, got.to.len, "@denied.invalid/", 16));
	FUZZ_CHECK(pz_address_parse(got.from, &parts) == PZ_OK && parts.app.len == 0);
	FUZZ_CHECK(visitor->origin != NULL);
	FUZZ_CHECK(strcmp(visitor->origin, OTHER_ORIGIN) == 0 || !has_others_value(text));
	json_t *payload = got.payload.len ? pz_json_read(got.payload, PZ_JSON_NUL, NULL) : NULL;
	remember(payload);
	json_decref(payload);
}

/* Takes one frame of a server. False: there is no whole one. */
static bool
take_frame(struct pz_slice *rest, uint8_t *opcode, struct pz_slice *payload)
{
	size_t head = 2, len = rest->len > 1 ? rest->ptr[1] : 0;

	if (rest->len < 2)
		return false;
	FUZZ_CHECK(len <= 127); /* not masked */
	size_t more = len == 126 ? 2 : len == 127 ? 8 : 0;
	if (rest->len < head + more)
		return false;
	for (size_t i = 0; i < more; i++)
		len = (i ? len << 8 : 0) | rest->ptr[head + i];
	head += more;
	if (rest->len - head < len)
		return false;
	*opcode = rest->ptr[0];
	*payload = pz_slice_of(rest->ptr + head, len);
	*rest = pz_slice_of(rest->ptr + head + len, rest->len - head - len);
	return true;
}

static void
check_socket(size_t i)
{
	struct socket *s = &w.socket[i];
	const struct pz_visitor *visitor = visitor_at(i);
	struct pz_slice rest = pz_buf_slice(&s->in), payload;
	const uint8_t *end;
	uint8_t opcode;

	if (rest.len > 8 && memcmp(rest.ptr, "HTTP/1.1", 8) == 0) {
		end = memmem(rest.ptr, rest.len, "\r\n\r\n", 4);
		FUZZ_CHECK(end != NULL && memcmp(rest.ptr + 9, "101", 3) == 0);
		rest = pz_slice_of(end + 4, rest.len - (size_t)(end + 4 - rest.ptr));
	}
	while (take_frame(&rest, &opcode, &payload))
		if (opcode == 0x81 && visitor)
			check_received(visitor, payload);
	pz_buf_consume(&s->in, s->in.len - rest.len);
}

static size_t
count_list(const struct pz_list *list)
{
	size_t count = 0;

	PZ_LIST_EACH (list, node, tmp)
		count++;
	return count;
}

static void
check_bounds(void)
{
	const struct pz_apps *apps = w.node->apps.apps;
	struct pz_app_data_usage usage = {0, 0};

	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		const struct pz_visitor *v = PZ_CONTAINER(node, struct pz_visitor, hook);
		FUZZ_CHECK(v->open_count <= PZ_APP_OPEN_MAX);
		FUZZ_CHECK(v->open_count == count_list(&v->open));
		FUZZ_CHECK(count_list(&v->services) <= PZ_APP_SERVICES_MAX);
		FUZZ_CHECK(v->resume.waiting.len <= PZ_APP_WAITING_BYTES_MAX);
		FUZZ_CHECK(v->http == NULL || pz_http_out(v->http).len <= PZ_APP_QUEUE_BYTES_MAX);
		FUZZ_CHECK(v->allowance <= PZ_APP_REQUESTS_BURST);
	}
	FUZZ_CHECK(count_list(&apps->writes) <= (size_t)PZ_APP_WRITES_MAX * (VISITORS_MAX + 1));
	FUZZ_CHECK(apps->known_count <= PZ_APPS_KNOWN_MAX);
	pz_app_data_usage(w.node->items, ORIGIN, &usage);
	FUZZ_CHECK(usage.keys <= PZ_APP_KEYS_MAX && usage.bytes <= PZ_APP_DATA_BYTES_MAX);
	FUZZ_CHECK(w.node->calls->answer_count <= PZ_RESEND_ANSWERS_MAX);
	FUZZ_CHECK(w.node->zone.membership != NULL);
}

static void
check(void)
{
	for (size_t i = 0; i < DEVICES; i++)
		if (w.far[i].pl)
			pz_kit_link_take((&w.far[i])->pl->link, check_sent, NULL);
	for (size_t i = 0; i < SOCKETS; i++)
		check_socket(i);
	check_bounds();
}

/* ---- events ---- */

static void
note_address(size_t i, char out[PZ_ADDRESS_BYTES_MAX + 1])
{
	const struct pz_visitor *visitor = visitor_at(i);

	snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s", visitor ? visitor->address : "");
}

/* The end of the turn, and of what was begun in it. */
static void
settle(void)
{
	pz_turn_end(&w.turn);
	pz_requests_report(&w.node->requests);
	pz_kit_clock_run(&w.world.clock, 0);
	pz_turn_end(&w.turn);
}

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	(void)arg;
	(void)err;
	(void)detail;
	(void)result;
}

static void
forget_app(const char *origin)
{
	static const struct pz_reply reply = {.done = on_done};
	json_t *params = json_pack("{s:s}", "forget", origin);

	FUZZ_CHECK(pz_node_command(w.node, "apps", params, &reply, NULL) != NULL);
	pz_requests_report(&w.node->requests);
	json_decref(params);
}

/* The owner answers what waits first. */
static void
answer(long long number)
{
	struct pz_prompts *prompts = pz_node_prompts(w.node);
	json_t *list = pz_prompts_list(prompts);
	const char *id = pz_json_str(json_array_get(list, 0), "id");
	struct pz_errinfo info = {""};

	if (id)
		(void)!pz_prompts_answer(prompts, NULL, id, number, NULL, NULL, &info);
	json_decref(list);
}

static void
act_of_app(char event, size_t i, struct pz_slice line)
{
	const struct pz_visitor *visitor = visitor_at(i);
	const char *self = visitor ? visitor->address : "";
	struct pz_buf text;

	switch (event) {
	case 'a': /* a payload for this device */
		text = message(self, SELF, line);
		break;
	case 't': /* for another one */
		text = message(self, addresses[0], line);
		break;
	case 'g': /* it registers */
		expand(&text, pz_slice_str("{\"type\":\"prop\",\"payload\":{\"status\":"
					   "\"registerBrowser\",\"session\":{}}}"));
		break;
	default: /* any message */
		expand(&text, line);
		break;
	}
	if (event == 'r')
		say_bytes(i, pz_buf_slice(&text));
	else
		say(i, pz_buf_slice(&text));
	pz_buf_fini(&text);
}

static void
act_of_device(char event, struct pz_slice line)
{
	struct pz_buf text;
	size_t i = event == 'd' ? (size_t)(fuzz_byte(&line) % SOCKETS) : 0;
	const struct pz_visitor *visitor = visitor_at(i);

	if (event == 'd') /* a payload for an app */
		text = message(addresses[0], visitor ? visitor->address : SELF "/0:1", line);
	else if (event == 'e') /* for this device */
		text = message(addresses[0], SELF, line);
	else
		expand(&text, line);
	fuzz_far_says(&w.far[0], &w.world.clock, pz_buf_slice(&text));
	pz_buf_fini(&text);
}

/* What neither an app nor a device says. */
static void
act_of_world(char event, struct pz_slice line)
{
	size_t i = (size_t)(fuzz_byte(&line) % SOCKETS);
	struct socket *s = &w.socket[i];

	switch (event) {
	case 'o': /* a page connects */
		connect_socket(i);
		break;
	case 'c': /* one is gone without a word */
		if (s->is_open)
			s->stream.user->end(s->stream.user_arg, PZ_ERR_IO_CLOSED, "hang-up");
		break;
	case 'h': /* one takes nothing, or does again */
		s->is_slow = !s->is_slow;
		if (s->is_open && !s->is_slow)
			s->stream.user->writable(s->stream.user_arg);
		break;
	case 'y':
		answer((long long)i * 2 + fuzz_byte(&line) % 2);
		break;
	case 'k':
		forget_app(origin_of(i));
		break;
	case 'x': /* the other device hangs up */
		if (w.far[0].pl)
			pz_link_close(w.far[0].pl->link, PZ_ERR_IO_CLOSED, "hang-up");
		break;
	case 'n': /* and comes again */
		if (w.far[0].pl == NULL)
			fuzz_far_open(&w.far[0], w.node, devices[0], addresses[0]);
		break;
	case '~': /* time passes */
		pz_kit_clock_run(&w.world.clock, (uint64_t)(i + 1) * 2 * PZ_US_PER_S);
		break;
	default:
		break;
	}
}

static void
act(struct pz_slice line)
{
	char event = (char)fuzz_byte(&line);
	size_t i = 0;

	w.actor = NULL;
	w.is_app = event && strchr("atgmr", event);
	pz_prompts_present(pz_node_prompts(w.node));
	if (w.is_app) {
		i = (size_t)(fuzz_byte(&line) % SOCKETS);
		w.actor = "app";
		note_address(i, w.actor_before);
		act_of_app(event, i, line);
		note_address(i, w.actor_after);
	} else if (event && strchr("deb", event)) {
		w.actor = addresses[0];
		act_of_device(event, line);
	} else {
		act_of_world(event, line);
	}
	settle();
	check();
}

static void
act_text(const char *text)
{
	act(pz_slice_str(text));
}

/* ---- one input ---- */

static void
start(void)
{
	const struct pz_node_config config = {
		.env = &w.world.clock.env,
		.transport = {&fuzz_transport_ops, &w},
		.web = {&web_ops, &w},
		.turn = &w.turn,
		.store = w.store,
		.keys = w.world.keys,
		.key_type = "ec-p256",
	};

	FUZZ_CHECK(pz_node_new(&config, &w.node, NULL) == PZ_OK);
	pz_node_start(w.node);
	FUZZ_CHECK(pz_apps_port(w.node->apps.apps) == PORT);
	for (size_t i = 0; i < DEVICES; i++)
		fuzz_far_open(&w.far[i], w.node, devices[i], addresses[i]);
	settle();
}

static void
stop(void)
{
	pz_node_stop(w.node);
	pz_turn_end(&w.turn);
	for (size_t i = 0; i < DEVICES; i++)
		FUZZ_CHECK(w.far[i].pl == NULL);
	pz_kit_clock_run(&w.world.clock, PZ_US_PER_S);
	pz_node_free(w.node);
	for (size_t i = 0; i < SOCKETS; i++) {
		FUZZ_CHECK(!w.socket[i].is_open);
		pz_buf_fini(&w.socket[i].in);
		w.socket[i] = (struct socket){.is_open = false};
	}
	pz_kit_clock_run(&w.world.clock, PZ_US_PER_S); /* the disk */
	FUZZ_CHECK(pz_kit_clock_is_idle(&w.world.clock));
}

static bool
is_let_in(size_t i)
{
	return visitor_at(i) && visitor_at(i)->state == PZ_APP_OPEN;
}

/* Both origins are let in for good, and the other one stores something. */
static void
answer_questions(void)
{
	w.store = w.world.store;
	start();
	for (size_t i = 0; i < SOCKETS; i += SOCKETS - 1) {
		char open[] = {'o', (char)('0' + i), '\0'};
		char enter[] = {'g', (char)('0' + i), '\0'};
		act_text(open);
		act_text(enter);
		FUZZ_CHECK(!is_let_in(i));
		act_text("y2\1");
		pz_kit_clock_run(&w.world.clock, PZ_US_PER_S);
		FUZZ_CHECK(is_let_in(i));
	}
	act_text("a2{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"AppStorage.set\","
		 "\"params\":[\"key\",\"" OTHERS_VALUE "\"]}");
	act_text(
		"a0{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"Peers.discover\",\"params\":[]}");
	act_text("y2\1");
	pz_kit_clock_run(&w.world.clock, PZ_US_PER_S);
	stop();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct pz_kit_world hub;
	struct pz_txn *txn;

	(void)argc;
	(void)argv;
	fuzz_start();
	pz_kit_world_init(&w.world, 1);
	PZ_KIT_OK(pz_turn_init(&w.turn, 0));
	txn = pz_kit_txn();
	pz_kit_world_init_beside(&hub, &w.world);
	struct pz_authority *a = pz_kit_authority_new(&hub, ZONE);
	pz_membership_free(pz_kit_enrol(&hub, a, "laptop", w.world.keys, txn));
	PZ_KIT_OK(pz_kit_world_commit(&w.world, txn));
	pz_authority_free(a);
	pz_kit_world_fini(&hub);
	answer_questions();
	w.clean = w.world.disk;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);

	if (has_others_value(rest))
		return 0; /* it would be the input's own */
	fuzz_clock_init(&w.world.clock);
	w.secret[0] = w.request[0] = w.service[0] = '\0';
	w.disk = pz_memory_disk_copy(w.clean);
	w.store = pz_store_new_memory(&w.world.clock.env, w.disk, 1);
	FUZZ_CHECK(w.disk && w.store);
	start();
	for (size_t i = 0; i < SOCKETS; i += SOCKETS - 1) {
		connect_socket(i);
		act_text(i ? "g2" : "g0");
		FUZZ_CHECK(is_let_in(i)); /* the answer was remembered */
	}
	while (rest.len > 0)
		act(fuzz_line(&rest));
	stop();
	pz_store_free(w.store);
	pz_memory_disk_free(w.disk);
	return 0;
}
