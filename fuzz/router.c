/*
 * Target functions: pz_router_frame, _send, _bounce, _attach, _detach, _drained.
 * Input: byte 0: whose router; then one line for each event (see `act`), most of them a session's
 * digit and a frame's body.
 * Must hold (page 1 "Who may say what"): what a session says is forwarded or taken only when its
 * from and resp_to are within what the session has proved; it never goes back out of the session it
 * came in by, and only to where it belongs; answers go to the origin alone. A session that was
 * stopped from reading reads again once the queues are empty.
 */
#include "fuzz.h"

#include "base/limits.h"
#include "route/router.h"
#include "rpc/error.h"
#include "wire/address.h"
#include "wire/frame.h"

#define SESSIONS 3
#define FRAME_MAX 300 /* what the last session takes */
#define QUEUE_HIGH 512
#define QUEUE_LOW 128
#define QUEUE_MAX 4096

struct member {
	struct pz_session session; /* first */
	bool is_reading, is_closed;
};

static const struct setup {
	const char *self;
	struct {
		enum pz_session_kind kind;
		const char *address;
	} sessions[SESSIONS];
} setups[] = {
	{"alice@example.org",
	 {{PZ_SESSION_DEVICE, "alice@example.org/laptop"},
	  {PZ_SESSION_DEVICE, "alice@example.org/phone"},
	  {PZ_SESSION_DEVICE, "alice@example.org/lap"}}},
	{"alice@example.org/laptop",
	 {{PZ_SESSION_HUB, "alice@example.org"},
	  {PZ_SESSION_APP, "alice@example.org/laptop/7f3a:1"},
	  {PZ_SESSION_DEVICE, "bob@example.net/phone"}}},
	{"laptop",
	 {{PZ_SESSION_APP, "laptop/7f3a:1"},
	  {PZ_SESSION_APP, "laptop/7f3a:2"},
	  {PZ_SESSION_DEVICE, "tv"}}},
	{"alice@example.org/laptop",
	 {{PZ_SESSION_HUB, "alice@example.org"},
	  {PZ_SESSION_PEER, "alice@example.org/phone"},
	  {PZ_SESSION_PEER, "alice@example.org/tv"}}},
	{"alice@example.org",
	 {{PZ_SESSION_DEVICE, "alice@example.org/laptop"},
	  {PZ_SESSION_FRIEND, "bob@example.net"},
	  {PZ_SESSION_FRIEND, "carol@example.com"}}},
	{"alice@example.org/laptop",
	 {{PZ_SESSION_HUB, "alice@example.org"},
	  {PZ_SESSION_FRIEND, "bob@example.net/phone"},
	  {PZ_SESSION_PEER, "alice@example.org/phone"}}},
};
#define SETUPS (sizeof(setups) / sizeof(setups[0]))
#define FRIEND "bob@example.net" /* until event 'f' */

static struct {
	struct pz_kit_clock world;
	struct pz_metrics metrics;
	const struct setup *setup;
	struct pz_router *router;
	struct member members[SESSIONS];
	/* the frame that is being handled */
	struct pz_session *in;
	struct pz_slice frame;
	struct pz_envelope envelope;
	bool is_envelope;
	bool is_friend, is_closed_border; /* what the node says */
	bool has_crossed;                 /* the node let the frame over the border */
} w;

/* ---- what must hold ---- */

/* May this session say that it is this address? Written without a look at the router. */
static bool
has_proved(const struct pz_session *in, struct pz_slice text)
{
	struct pz_address a, own, self;

	if (in->kind == PZ_SESSION_FRIEND)
		return pz_address_parse(text, &a) == PZ_OK &&
		       pz_address_is_within(text, pz_session_address(in));
	if (pz_address_parse(text, &a) != PZ_OK ||
	    pz_address_parse(pz_session_address(in), &own) != PZ_OK ||
	    pz_address_parse(pz_slice_str(w.setup->self), &self) != PZ_OK)
		return false;
	if (!pz_slice_eq(a.zone, own.zone))
		return in->kind == PZ_SESSION_HUB && w.is_friend && pz_slice_eq_str(a.zone, FRIEND);
	switch (in->kind) {
	case PZ_SESSION_APP:
		return pz_slice_eq(text, pz_session_address(in));
	case PZ_SESSION_DEVICE:
	case PZ_SESSION_PEER: /* no session here relays for us */
		return pz_slice_eq(a.device, own.device);
	case PZ_SESSION_HUB:
		return !pz_slice_eq(a.device, self.device);
	case PZ_SESSION_FRIEND:
		break;
	}
	return false;
}

static bool
is_proved(const struct pz_envelope *e)
{
	return has_proved(w.in, e->from) && (e->resp_to.len == 0 || has_proved(w.in, e->resp_to));
}

static bool
is_hub(void)
{
	return strchr(w.setup->self, '/') == NULL;
}

/* What crosses the border of the zone was let over it, is no prop, and begins or ends here. */
static void
check_border(const struct pz_session *out)
{
	bool is_in = w.in->kind == PZ_SESSION_FRIEND, is_out = out->kind == PZ_SESSION_FRIEND;

	if (!is_hub() || (!is_in && !is_out))
		return;
	FUZZ_CHECK(is_in != is_out);
	FUZZ_CHECK(w.has_crossed && w.envelope.type != PZ_MESSAGE_PROP);
}

static void
check_forwarded(const struct pz_session *out)
{
	struct pz_slice to = w.envelope.to, address = pz_session_address(out);

	FUZZ_CHECK(w.is_envelope && is_proved(&w.envelope) && out != w.in);
	FUZZ_CHECK(pz_slice_eq(to, address) || pz_slice_eq(pz_address_node(to), address) ||
		   ((out->kind == PZ_SESSION_HUB || out->kind == PZ_SESSION_FRIEND) &&
		    pz_address_is_within(to, address)) ||
		   (out->kind == PZ_SESSION_HUB && w.is_friend &&
		    pz_address_is_within(to, pz_slice_str(FRIEND))));
	check_border(out);
	FUZZ_CHECK(!w.envelope.has_expires ||
		   w.envelope.expires_ms >= pz_env_wall_ms(&w.world.env));
}

/* In place of an answer that its receiver does not take, and in the name of who gave it. */
static bool
is_instead(const struct pz_session *out, const struct pz_envelope *answer)
{
	return out->frame_max > 0 && answer->type == PZ_MESSAGE_JSONRPC &&
	       pz_slice_eq(answer->to, w.envelope.to) &&
	       (pz_slice_eq(answer->from, w.envelope.from) ||
		pz_slice_eq_str(answer->from, w.setup->self)) &&
	       pz_frame_body(w.frame).len > out->frame_max;
}

static void
check_answered(const struct pz_session *out, const struct pz_envelope *answer)
{
	struct pz_slice origin = w.envelope.resp_to.len ? w.envelope.resp_to : w.envelope.from;

	if (is_instead(out, answer)) {
		FUZZ_CHECK(is_proved(&w.envelope));
		return;
	}
	char *destination = fuzz_text(w.envelope.to);
	FUZZ_CHECK(w.is_envelope && is_proved(&w.envelope));
	FUZZ_CHECK(pz_slice_eq(answer->to, origin));
	FUZZ_CHECK(pz_slice_eq_str(answer->from, w.setup->self) ||
		   pz_slice_eq_str(answer->from, destination));
	free(destination);
}

/* ---- what the sessions' owner does ---- */

static enum pz_err
on_send(struct pz_session *session, struct pz_slice frame)
{
	struct pz_envelope e;

	FUZZ_CHECK(session->attached);
	FUZZ_CHECK(pz_envelope_scan(pz_frame_body(frame), &e) == PZ_OK);
	if (session->frame_max && frame.len > session->frame_max + PZ_FRAME_HEADER_BYTES)
		return PZ_ERR_PROTO_FRAME;
	if (w.in && frame.ptr == w.frame.ptr)
		check_forwarded(session);
	else if (w.in)
		check_answered(session, &e);
	if (session->queued + frame.len > QUEUE_MAX)
		return PZ_ERR_LIMIT_QUEUE;
	session->queued += frame.len;
	return PZ_OK;
}

static void
on_set_reading(struct pz_session *session, bool on)
{
	struct member *m = (struct member *)session;

	FUZZ_CHECK(m->is_reading != on);
	m->is_reading = on;
}

static void
on_close(struct pz_session *session, enum pz_err why, const char *detail)
{
	FUZZ_CHECK(why != PZ_OK && detail != NULL);
	((struct member *)session)->is_closed = true;
}

static const struct pz_session_ops session_ops = {on_send, on_set_reading, on_close};

static void
on_local(void *arg, struct pz_session *in, const struct pz_envelope *envelope,
	 struct pz_slice frame)
{
	(void)arg;
	FUZZ_CHECK(frame.len > PZ_FRAME_HEADER_BYTES);
	if (in) {
		FUZZ_CHECK(in == w.in && is_proved(envelope));
		FUZZ_CHECK(envelope->to.len > 0 || envelope->type == PZ_MESSAGE_PROP);
		FUZZ_CHECK(in->kind != PZ_SESSION_FRIEND || !is_hub() || w.has_crossed ||
			   envelope->type == PZ_MESSAGE_PROP);
	}
	FUZZ_CHECK(envelope->to.len == 0 ||
		   pz_slice_eq_str(pz_address_node(envelope->to), w.setup->self));
}

static bool
on_is_friend(void *arg, struct pz_slice zone)
{
	(void)arg;
	FUZZ_CHECK(memchr(zone.ptr, '/', zone.len) == NULL);
	return w.is_friend && pz_slice_eq_str(zone, FRIEND);
}

static bool
on_may_cross(void *arg, struct pz_session *in, struct pz_session *friend_hub,
	     const struct pz_envelope *envelope)
{
	(void)arg;
	FUZZ_CHECK(is_hub() && in == w.in && friend_hub->kind == PZ_SESSION_FRIEND);
	FUZZ_CHECK(envelope->type != PZ_MESSAGE_PROP && is_proved(envelope));
	FUZZ_CHECK(pz_address_is_within(in == friend_hub ? envelope->from : envelope->to,
					pz_session_address(friend_hub)));
	w.has_crossed = !w.is_closed_border;
	return w.has_crossed;
}

static const struct pz_router_ops router_ops = {
	.local = on_local, .is_friend = on_is_friend, .may_cross = on_may_cross};

/* ---- events ---- */

static void
attach(struct member *m)
{
	if (m->session.attached)
		return;
	m->session.queued = 0;
	m->is_closed = false;
	m->is_reading = true;
	FUZZ_CHECK(pz_router_attach(w.router, &m->session) == PZ_OK);
	FUZZ_CHECK(pz_router_has_route(w.router, pz_session_address(&m->session)));
}

static void
drain(struct member *m, size_t bytes)
{
	if (!m->session.attached)
		return;
	if (bytes > m->session.queued)
		bytes = m->session.queued;
	m->session.queued -= bytes;
	m->session.drained += bytes;
	pz_router_drained(w.router, &m->session);
}

/* A body as the frame it came in; in a buffer of just its size. */
static void
with_frame(struct pz_slice body, char event, struct pz_session *in)
{
	size_t len = PZ_FRAME_HEADER_BYTES + body.len;
	uint8_t *bytes = malloc(len);

	if (body.len == 0 || bytes == NULL) {
		free(bytes);
		return;
	}
	pz_frame_put_header(bytes, body.len);
	memcpy(bytes + PZ_FRAME_HEADER_BYTES, body.ptr, body.len);
	w.frame = pz_slice_of(bytes, len);
	w.is_envelope = pz_envelope_scan(pz_frame_body(w.frame), &w.envelope) == PZ_OK;
	w.in = in;
	w.has_crossed = false;
	if (event == 's')
		(void)pz_router_send(w.router, w.frame);
	else if (event == 'b')
		pz_router_bounce(w.router, w.frame, PZ_RPC_CONGESTED);
	else if (pz_router_frame(w.router, in, w.frame) == PZ_OK)
		FUZZ_CHECK(w.is_envelope);
	w.in = NULL;
	free(bytes);
}

static void
act(struct pz_slice line)
{
	char event = (char)fuzz_byte(&line);
	size_t i = (size_t)(event - '0');

	if (event >= '0' && i < SESSIONS) { /* a frame by that session */
		if (w.members[i].session.attached)
			with_frame(line, event, &w.members[i].session);
		return;
	}
	i = fuzz_byte(&line) % SESSIONS; /* '0' is 48 is 0 */
	switch (event) {
	case 's': /* the node itself sends, or bounces what was queued */
	case 'b':
		with_frame(line, event, NULL);
		break;
	case '-':
		drain(&w.members[i], 300);
		break;
	case 'x':
		pz_router_detach(w.router, &w.members[i].session);
		break;
	case 'a':
		attach(&w.members[i]);
		break;
	case 'f': /* the zone is no friend any more, or again */
		w.is_friend = !w.is_friend;
		break;
	case 'c': /* policy lets nothing cross, or again */
		w.is_closed_border = !w.is_closed_border;
		break;
	case '~':
		pz_kit_clock_run(&w.world, 6 * PZ_US_PER_S);
		break;
	default:
		break;
	}
}

static void
begin(const struct setup *setup)
{
	memset(&w, 0, sizeof(w));
	fuzz_clock_init(&w.world);
	w.setup = setup;
	w.is_friend = true;
	const struct pz_router_config config = {.self = setup->self,
						.env = &w.world.env,
						.metrics = &w.metrics,
						.queue_high_bytes = QUEUE_HIGH,
						.queue_low_bytes = QUEUE_LOW,
						.ops = &router_ops};
	FUZZ_CHECK(pz_router_new(&config, &w.router) == PZ_OK);
	for (size_t i = 0; i < SESSIONS; i++) {
		struct pz_session *s = &w.members[i].session;
		s->ops = &session_ops;
		s->kind = setup->sessions[i].kind;
		s->address = (char *)(uintptr_t)setup->sessions[i].address;
		s->address_len = strlen(s->address);
		s->frame_max = i + 1 == SESSIONS ? FRAME_MAX : 0;
		attach(&w.members[i]);
	}
}

static void
end(void)
{
	for (size_t i = 0; i < SESSIONS; i++)
		drain(&w.members[i], SIZE_MAX);
	for (size_t i = 0; i < SESSIONS; i++) {
		struct member *m = &w.members[i];
		FUZZ_CHECK(m->session.blocked == 0);
		FUZZ_CHECK(m->is_reading || !m->session.attached);
		pz_router_detach(w.router, &m->session);
		FUZZ_CHECK(m->session.pressure == NULL);
	}
	FUZZ_CHECK(pz_kit_clock_is_idle(&w.world));
	pz_router_free(w.router);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);

	begin(&setups[fuzz_byte(&rest) % SETUPS]);
	while (rest.len > 0) {
		act(fuzz_line(&rest));
		for (size_t i = 0; i < SESSIONS; i++) {
			struct member *m = &w.members[i];
			if (m->is_closed)
				pz_router_detach(w.router, &m->session);
			FUZZ_CHECK(!m->session.attached ||
				   m->is_reading == (m->session.blocked == 0));
		}
	}
	end();
	return 0;
}
