/*
 * The forwarder. A frame costs one pass over its bytes (wire/envelope), one check against the
 * identity of the session, one hash look-up and one append; nothing is allocated and no tree is
 * built. Everything else (spoofed, expired, undeliverable) leaves the hot path early and may be
 * slow.
 *
 * Order: a session's frames are handled in the order in which they arrived and appended to one
 * queue per destination, so messages between one origin and one destination stay in order while the
 * route stays.
 */
#include "route/router.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/map.h"
#include "route/allowance.h"
#include "route/bounce.h"
#include "route/pressure.h"
#include "rpc/error.h"
#include "wire/address.h"
#include "wire/frame.h"

struct pz_router {
	char *self;
	size_t self_len;
	size_t zone_len; /* of self; 0 for a virgin PZP */
	const struct pz_env *env;
	struct pz_metrics *metrics;
	const struct pz_router_ops *ops;
	void *arg;
	struct pz_map *by_address;
	struct pz_session *hub; /* a PZP's link to the rest of its zone, or NULL */
	struct pz_pressure_rule pressure;
};

enum pz_err
pz_router_set_self(struct pz_router *router, const char *self)
{
	struct pz_address address;

	PZ_TRY(pz_address_parse(pz_slice_str(self), &address));
	char *copy = strdup(self);
	if (copy == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	free(router->self);
	router->self = copy;
	router->self_len = strlen(copy);
	router->zone_len = address.zone.len;
	return PZ_OK;
}

enum pz_err
pz_router_new(const struct pz_router_config *config, struct pz_router **out)
{
	struct pz_router *router = calloc(1, sizeof(*router));

	if (router == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	router->env = config->env;
	router->metrics = config->metrics;
	router->ops = config->ops;
	router->arg = config->arg;
	pz_pressure_init(&router->pressure, config->env, config->metrics, config->queue_high_bytes,
			 config->queue_low_bytes);
	router->by_address = pz_map_new();
	enum pz_err err =
		router->by_address ? pz_router_set_self(router, config->self) : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		pz_router_free(router);
		return err;
	}
	*out = router;
	return PZ_OK;
}

void
pz_router_free(struct pz_router *router)
{
	if (router == NULL)
		return;
	pz_map_free(router->by_address);
	free(router->self);
	free(router);
}

static bool
is_self(const struct pz_router *router, struct pz_slice node)
{
	return node.len == router->self_len && memcmp(node.ptr, router->self, node.len) == 0;
}

/* The address must be unique: the owner decides what to do with a second session of a device. */
enum pz_err
pz_router_attach(struct pz_router *router, struct pz_session *session)
{
	struct pz_slice address = pz_session_address(session);

	if (is_self(router, address) || pz_map_get(router->by_address, address) != NULL)
		return PZ_ERR_EXISTS;
	PZ_TRY(pz_map_put(router->by_address, address, session, NULL));
	session->attached = true;
	if (session->kind == PZ_SESSION_HUB)
		router->hub = session;
	return PZ_OK;
}

void
pz_router_detach(struct pz_router *router, struct pz_session *session)
{
	if (session->attached) {
		session->attached = false;
		if (router->hub == session)
			router->hub = NULL;
		pz_map_remove(router->by_address, pz_session_address(session));
	}
	pz_pressure_forget(&router->pressure, session);
}

struct pz_session *
pz_router_find(const struct pz_router *router, struct pz_slice address)
{
	return pz_map_get(router->by_address, address);
}

static bool
is_in_zone(const struct pz_router *router, struct pz_slice address)
{
	return router->zone_len > 0 && address.len >= router->zone_len &&
	       memcmp(address.ptr, router->self, router->zone_len) == 0 &&
	       (address.len == router->zone_len || address.ptr[router->zone_len] == '/');
}

static bool
is_hub(const struct pz_router *router)
{
	return router->zone_len == router->self_len;
}

static struct pz_slice
zone_of(struct pz_slice address)
{
	const uint8_t *slash = address.len ? memchr(address.ptr, '/', address.len) : NULL;

	return slash ? pz_slice_of(address.ptr, (size_t)(slash - address.ptr)) : address;
}

static bool
is_of_friend(const struct pz_router *router, struct pz_slice address)
{
	return router->zone_len > 0 && address.len > 0 && router->ops->is_friend &&
	       !is_in_zone(router, address) &&
	       router->ops->is_friend(router->arg, zone_of(address));
}

/* The own hub or a relay leads to the rest of the zone, and the hub to friend zones. */
static struct pz_session *
way_to(const struct pz_router *router, struct pz_slice to, struct pz_slice node)
{
	if (is_in_zone(router, to) || (!is_hub(router) && is_of_friend(router, to)))
		return router->ops->next_hop ? router->ops->next_hop(router->arg, node)
					     : router->hub;
	return is_hub(router) ? pz_map_get(router->by_address, zone_of(to)) : NULL;
}

/* Page 4 "Routing", in its order, for an address that is not ours: an app of ours or a direct link,
 * else the hub; at a hub the friend's hub. */
static struct pz_session *
next_hop(const struct pz_router *router, struct pz_slice to, struct pz_slice node)
{
	struct pz_session *out = pz_map_get(router->by_address, node);

	if (out == NULL && to.len != node.len)
		out = pz_map_get(router->by_address, to);
	return out ? out : way_to(router, to, node);
}

struct pz_session *
pz_router_route(const struct pz_router *router, struct pz_slice address)
{
	struct pz_slice node = pz_address_node(address);

	return is_self(router, node) ? NULL : next_hop(router, address, node);
}

bool
pz_router_has_route(const struct pz_router *router, struct pz_slice address)
{
	struct pz_slice node = pz_address_node(address);

	return is_self(router, node) || next_hop(router, address, node) != NULL;
}

/* A device may send in its own name and those of its apps. */
static bool
is_own(const struct pz_session *in, struct pz_slice address)
{
	struct pz_address parsed;

	if (pz_slice_eq(address, pz_session_address(in)))
		return true;
	return pz_address_is_within(address, pz_session_address(in)) &&
	       pz_address_parse(address, &parsed) == PZ_OK;
}

/* The hub may forward messages of any other device of the zone and of friend zones, but never in
 * our own name. */
static bool
is_brought_by_hub(const struct pz_router *router, struct pz_slice address)
{
	struct pz_address parsed;

	if (is_in_zone(router, address) ? is_self(router, pz_address_node(address))
					: !is_of_friend(router, address))
		return false;
	return pz_address_parse(address, &parsed) == PZ_OK;
}

/* Page 1, "Who may say what". */
static bool
may_say(const struct pz_router *router, const struct pz_session *in, struct pz_slice address)
{
	switch (in->kind) {
	case PZ_SESSION_APP:
		return pz_slice_eq(address, pz_session_address(in));
	case PZ_SESSION_DEVICE:
	case PZ_SESSION_PEER:
	case PZ_SESSION_FRIEND:
		return is_own(in, address);
	case PZ_SESSION_HUB:
		return is_brought_by_hub(router, address);
	}
	return false;
}

static void
drop_spoofed(struct pz_router *router, struct pz_session *in, const struct pz_envelope *envelope)
{
	uint32_t before = 0;

	in->spoofed++;
	pz_metric_add(router->metrics, PZ_METRIC_spoofed, 1);
	pz_metric_add(router->metrics, PZ_METRIC_messages_dropped, 1);
	if (!pz_log_allow(&in->spoofs_log, pz_env_mono_us(router->env), 1, &before))
		return;
	pz_warning_of(in->log ? in->log : &in->own_log, router->env, "spoofed-from",
		      "peer=%s from=%.*s resp_to=%.*s before=%u dropped: not within what the link "
		      "has proved",
		      in->address, PZ_SLICE_FMT(envelope->from), PZ_SLICE_FMT(envelope->resp_to),
		      (unsigned)before);
}

/* Appends to a session's queue and blocks the feeder when that queue is full. */
static enum pz_err
push(struct pz_router *router, struct pz_session *out, struct pz_session *feeder,
     struct pz_slice frame)
{
	const bool is_refusal = feeder && feeder == out;
	enum pz_err err = out->ops->send(out, frame);

	if (err == PZ_OK)
		pz_metric_add(router->metrics, PZ_METRIC_messages_out, 1);
	if (!is_refusal) /* which does not cause another message */
		pz_allowance_give(out);
	if (out->queued > router->pressure.high_bytes)
		pz_pressure_block(&router->pressure, out, feeder);
	return err;
}

/* Sends a frame of our own to the session that leads to `to`. */
static enum pz_err
send_from(struct pz_router *router, struct pz_session *feeder, const struct pz_envelope *envelope,
	  struct pz_slice frame)
{
	struct pz_slice node = pz_address_node(envelope->to);
	struct pz_session *out = pz_map_get(router->by_address, envelope->to);

	if (out == NULL && is_self(router, node)) {
		router->ops->local(router->arg, NULL, envelope, frame);
		return PZ_OK;
	}
	if (out == NULL)
		out = next_hop(router, envelope->to, node);
	return out ? push(router, out, feeder, frame) : PZ_ERR_NOTFOUND;
}

/*
 * Sends the frames in `answers` back to their origins; what cannot be delivered now is dropped. The
 * session that caused the answers counts as a feeder of their queue, even of its own. Otherwise a
 * peer that never reads could fill our memory with refusals.
 */
static void
send_answers(struct pz_router *router, struct pz_session *cause, struct pz_slice answers)
{
	struct pz_slice frame;
	struct pz_envelope envelope;
	size_t need;

	while (pz_frame_cut(answers, PZ_FRAME_BYTES_MAX, &frame, &need) == PZ_OK && frame.len) {
		answers = pz_slice_of(answers.ptr + frame.len, answers.len - frame.len);
		if (pz_envelope_scan(pz_frame_body(frame), &envelope) != PZ_OK ||
		    send_from(router, cause, &envelope, frame) != PZ_OK)
			pz_metric_add(router->metrics, PZ_METRIC_messages_dropped, 1);
	}
}

/* Answers the origin that its message cannot be delivered. @param cause the session that sent it to
 * us, or NULL */
static void
answer(struct pz_router *router, struct pz_session *cause, const struct pz_envelope *envelope,
       int rpc_code, const char *verdict)
{
	struct pz_buf answers;

	pz_buf_init(&answers, PZ_FRAME_BYTES_MAX, NULL);
	if (pz_bounce(&answers, router->self, envelope, rpc_code, verdict) != PZ_OK)
		pz_metric_add(router->metrics, PZ_METRIC_messages_dropped, 1);
	send_answers(router, cause, pz_buf_slice(&answers));
	pz_buf_fini(&answers);
}

static void
answer_undelivered(struct pz_router *router, struct pz_session *cause,
		   const struct pz_envelope *envelope, int rpc_code)
{
	pz_metric_add(router->metrics, PZ_METRIC_messages_undeliverable, 1);
	answer(router, cause, envelope, rpc_code, "badDestination");
}

/* The next link accepts only shorter frames: the origin gets an error with both sizes. */
static void
answer_too_large(struct pz_router *router, struct pz_session *cause,
		 const struct pz_envelope *envelope, struct pz_slice frame,
		 const struct pz_session *out)
{
	struct pz_buf answers;

	pz_metric_add(router->metrics, PZ_METRIC_messages_undeliverable, 1);
	pz_buf_init(&answers, PZ_FRAME_BYTES_MAX, NULL);
	if (pz_bounce_too_large(&answers, router->self, envelope, pz_frame_body(frame).len,
				out->frame_max) != PZ_OK)
		pz_metric_add(router->metrics, PZ_METRIC_messages_dropped, 1);
	send_answers(router, cause, pz_buf_slice(&answers));
	pz_buf_fini(&answers);
}

/* Messages from the own hub are sent by all members; the hub has checked each. Props for the node
 * itself are bounded by their receivers: if one was dropped here, data would stay different for
 * long. */
static bool
is_limited(const struct pz_router *router, const struct pz_session *in,
	   const struct pz_envelope *envelope)
{
	if (in->kind == PZ_SESSION_HUB)
		return false;
	return envelope->type != PZ_MESSAGE_PROP ||
	       (envelope->to.len > 0 && !is_self(router, envelope->to));
}

/* @spec page 7, 6.2; page 14 DOS-1, DOS-8 */
static void
refuse(struct pz_router *router, struct pz_session *in, const struct pz_envelope *envelope)
{
	uint32_t before = 0;

	pz_metric_add(router->metrics, PZ_METRIC_messages_refused, 1);
	if (pz_log_allow(&in->limit_log, pz_env_mono_us(router->env), 1, &before))
		pz_warning_of(in->log ? in->log : &in->own_log, router->env, "too-many-messages",
			      "peer=%s before=%u refused: it sends more than %u messages at once "
			      "without waiting for answers",
			      in->address, (unsigned)before, (unsigned)PZ_MEMBER_MESSAGES_MAX);
	answer(router, in, envelope, PZ_RPC_CONGESTED, "refused");
}

/* A PZP forwards nothing: what its peers, its hub and friends send is for it and its apps. Nor does
 * a hub forward from friend to friend: a friend's friend is a stranger. */
static struct pz_session *
hop_for(const struct pz_router *router, const struct pz_session *in, struct pz_slice to)
{
	struct pz_slice node = pz_address_node(to);

	if (in->kind == PZ_SESSION_DEVICE || in->kind == PZ_SESSION_APP)
		return next_hop(router, to, node);
	if (in->kind == PZ_SESSION_FRIEND && is_hub(router))
		return is_in_zone(router, to) ? next_hop(router, to, node) : NULL;
	return is_self(router, node) ? pz_map_get(router->by_address, to) : NULL;
}

/* False: the message must not cross the border of the zone, and its origin has been answered.
 * @param friend_hub the session by which it enters or would leave
 * @spec page 9, 10 (E3, E4); page 14 SPOOF-4 */
static bool
crosses(struct pz_router *router, struct pz_session *in, struct pz_session *friend_hub,
	const struct pz_envelope *envelope)
{
	bool is_prop = envelope->type == PZ_MESSAGE_PROP;

	if (!is_prop && router->ops->may_cross &&
	    router->ops->may_cross(router->arg, in, friend_hub, envelope))
		return true;
	pz_metric_add(router->metrics, PZ_METRIC_messages_dropped, 1);
	answer(router, in, envelope, is_prop ? 0 : PZ_RPC_DENIED_POLICY, "refused");
	return false;
}

/* Delivers a checked message. PZ_OK also when it was answered as undeliverable. */
static void
forward(struct pz_router *router, struct pz_session *in, const struct pz_envelope *envelope,
	struct pz_slice frame)
{
	struct pz_session *out = hop_for(router, in, envelope->to);
	/* Also when the device is away or unknown: the answer does not show which devices exist. */
	bool enters = in->kind == PZ_SESSION_FRIEND && is_in_zone(router, envelope->to);

	if (is_hub(router) && (enters || (out && out->kind == PZ_SESSION_FRIEND)) &&
	    !crosses(router, in, enters ? in : out, envelope))
		return;

	/* Never sent back on the link that it came from, so nothing circulates. */
	enum pz_err err = out && out != in ? push(router, out, in, frame) : PZ_ERR_NOTFOUND;
	if (err == PZ_ERR_PROTO_FRAME)
		answer_too_large(router, in, envelope, frame, out);
	else if (err != PZ_OK)
		answer_undelivered(router, in, envelope,
				   err == PZ_ERR_LIMIT_QUEUE ? PZ_RPC_CONGESTED
							     : PZ_RPC_UNREACHABLE);
}

/* The reason why a message with a verified origin is not delivered; NULL: none. @spec page 4; page
 * 14 ROUT-2, REPL-2 */
static const char *
stop_verdict(const struct pz_router *router, const struct pz_envelope *envelope)
{
	if (envelope->has_expires && pz_env_wall_ms(router->env) > envelope->expires_ms)
		return "expired";
	return envelope->type == PZ_MESSAGE_UNKNOWN ? "invalid" : NULL;
}

/* A destination that cannot be an address is an error: it would only make answers longer. */
static enum pz_err
read_envelope(struct pz_slice frame, struct pz_envelope *out)
{
	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), out));
	return out->to.len <= PZ_ADDRESS_BYTES_MAX ? PZ_OK : PZ_ERR_PROTO_ADDRESS;
}

/* A message for this node. At a hub, a message from a friend zone is judged first; a prop of a
 * friend's hub is for the hub itself, and crosses no border. */
static void
deliver(struct pz_router *router, struct pz_session *in, const struct pz_envelope *envelope,
	struct pz_slice frame)
{
	if (in->kind == PZ_SESSION_FRIEND && is_hub(router) && envelope->type != PZ_MESSAGE_PROP &&
	    !crosses(router, in, in, envelope))
		return;
	router->ops->local(router->arg, in, envelope, frame);
}

enum pz_err
pz_router_frame(struct pz_router *router, struct pz_session *in, struct pz_slice frame)
{
	struct pz_envelope envelope;

	pz_metric_add(router->metrics, PZ_METRIC_messages_in, 1);
	PZ_TRY(read_envelope(frame, &envelope));
	if (!may_say(router, in, envelope.from) ||
	    (envelope.resp_to.len && !may_say(router, in, envelope.resp_to))) {
		drop_spoofed(router, in, &envelope);
		return PZ_OK;
	}
	if (is_limited(router, in, &envelope) && !pz_allowance_take(in, router->env)) {
		refuse(router, in, &envelope);
		return PZ_OK;
	}
	const char *verdict = stop_verdict(router, &envelope);
	if (verdict) {
		pz_metric_add(router->metrics, PZ_METRIC_messages_dropped, 1);
		answer(router, in, &envelope, 0, verdict);
		return PZ_OK;
	}
	if (envelope.to.len == 0) {
		if (envelope.type != PZ_MESSAGE_PROP)
			return PZ_ERR_PROTO_MEMBER;
		router->ops->local(router->arg, in, &envelope, frame);
		return PZ_OK;
	}
	if (is_self(router, envelope.to) || (is_self(router, pz_address_node(envelope.to)) &&
					     pz_map_get(router->by_address, envelope.to) == NULL)) {
		deliver(router, in, &envelope, frame);
		return PZ_OK;
	}
	forward(router, in, &envelope, frame);
	return PZ_OK;
}

enum pz_err
pz_router_send(struct pz_router *router, struct pz_slice frame)
{
	struct pz_envelope envelope;

	PZ_TRY(read_envelope(frame, &envelope));
	return send_from(router, NULL, &envelope, frame);
}

enum pz_err
pz_router_push(struct pz_router *router, struct pz_session *session, struct pz_slice frames)
{
	return push(router, session, NULL, frames);
}

void
pz_router_bounce(struct pz_router *router, struct pz_slice frames, int rpc_code)
{
	struct pz_slice frame;
	struct pz_envelope envelope;
	size_t need;

	while (pz_frame_cut(frames, PZ_FRAME_BYTES_MAX, &frame, &need) == PZ_OK && frame.len) {
		frames = pz_slice_of(frames.ptr + frame.len, frames.len - frame.len);
		if (pz_envelope_scan(pz_frame_body(frame), &envelope) == PZ_OK)
			answer_undelivered(router, NULL, &envelope, rpc_code);
	}
}

void
pz_router_drained(struct pz_router *router, struct pz_session *session)
{
	pz_pressure_drained(&router->pressure, session);
}
