/*
 * `pzp ping DEVICE` (page 12): repeats a small request, and shows the route of each answer. Any
 * answer counts, even an error: a device that does not know the method answers as well.
 */
#include <stdio.h>
#include <string.h>

#include "calls/internal.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "wire/json.h"

#define PING_EVERY_MS 1000 /* unless the client says otherwise */
#define PING_TIMEOUT_US (2 * PZ_US_PER_S)

struct ping {
	struct pz_request *request;
	struct pz_calls *calls;
	struct pz_search *search; /* while a route is searched, at the beginning */
	struct pz_timer next;
	char device[PZ_ADDRESS_BYTES_MAX + 1]; /* of a friend: its full address */
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	char id[37];
	bool is_waiting, is_until_direct;
	int64_t sent, count; /* count 0: until the program ends */
	uint64_t every_us;
	uint64_t sent_us;
	/* the route when the request was sent */
	char route[16], via[PZ_DEVICE_BYTES_MAX + 1], remote[PZ_NETADDR_CHARS];
};

static void
release(struct pz_request *request)
{
	struct ping *p = request->state;

	pz_search_cancel(p->search);
	pz_env_stop(p->calls->env, &p->next);
	if (p->is_waiting)
		pz_pending_cancel(p->calls->pending, p->address, p->id);
}

static const struct pz_request_kind ping_kind = {.size = sizeof(struct ping), .release = release};

static bool
is_of_friend(const struct ping *p)
{
	return strchr(p->device, '/') != NULL;
}

static void
note_way(struct ping *p)
{
	const struct pz_calls *calls = p->calls;
	struct pz_peer_view peer;
	const char *relay = NULL, *route = pz_peers_route(calls->peers, p->device);

	if (is_of_friend(p) && strcmp(route, "none") == 0 &&
	    pz_calls_friend_has_route(calls, p->device))
		route = "hub";
	(void)pz_peers_view(calls->peers, p->device, &peer);
	if (peer.is_private && strcmp(route, "hub") == 0)
		route = "private";
	snprintf(p->route, sizeof(p->route), "%s", route);
	p->via[0] = p->remote[0] = '\0';
	if (strcmp(p->route, "relay") == 0)
		relay = peer.relay;
	if (relay)
		snprintf(p->via, sizeof(p->via), "%s", relay);
	if (peer.remote)
		snprintf(p->remote, sizeof(p->remote), "%s", peer.remote);
}

static json_t *
text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

/* @param ms negative: no answer */
static void
tell(struct ping *p, double ms, const char *error)
{
	pz_request_event(p->request,
			 json_pack("{s:I, s:o, s:s, s:o, s:o, s:s*}", "seq", (json_int_t)p->sent,
				   "ms", ms < 0 ? json_null() : json_real(ms), "route", p->route,
				   "via", text_or_null(p->via), "address", text_or_null(p->remote),
				   "error", error));
}

static void
ended(struct ping *p, bool is_answered)
{
	const struct pz_env *env = p->calls->env;
	uint64_t since = pz_env_mono_us(env) - p->sent_us;
	bool is_direct = is_answered && strcmp(p->route, "direct") == 0;

	if ((p->is_until_direct && is_direct) || (p->count > 0 && p->sent >= p->count)) {
		pz_request_answer(p->request, json_pack("{s:I, s:b}", "sent", (json_int_t)p->sent,
							"direct", (int)is_direct));
		return;
	}
	pz_env_start(env, &p->next, since < p->every_us ? p->every_us - since : 0);
}

static void
why_unreachable(const struct ping *p, char *out, size_t size)
{
	if (is_of_friend(p))
		pz_calls_friend_why_unreachable(p->calls, p->device, out, size);
	else
		pz_devices_why_unreachable(p->calls, p->device, out, size);
}

static void
on_answer(void *arg, json_t *result, json_t *error)
{
	struct ping *p = arg;
	const struct pz_env *env = p->calls->env;
	double ms = (double)(pz_env_mono_us(env) - p->sent_us) / 1000.0;
	json_int_t code = json_integer_value(json_object_get(error, "code"));
	/* A friend's hub answers this for a device that it does not show. */
	bool is_lost =
		code == PZ_RPC_UNREACHABLE || (code == PZ_RPC_DENIED_POLICY && is_of_friend(p));
	char away[256];

	(void)result;
	p->is_waiting = false;
	why_unreachable(p, away, sizeof(away));
	tell(p, is_lost ? -1 : ms, is_lost ? away : NULL);
	ended(p, !is_lost);
}

static void
on_timed_out(void *arg)
{
	struct ping *p = arg;

	p->is_waiting = false;
	tell(p, -1, "no answer within 2 s");
	ended(p, false);
}

static const struct pz_pending_ops pending_ops = {.response = on_answer, .timed_out = on_timed_out};

static void
send_one(struct ping *p)
{
	struct pz_calls *calls = p->calls;
	char away[256];

	p->sent++;
	p->sent_us = pz_env_mono_us(calls->env);
	note_way(p);
	pz_env_uuid(calls->env, p->id);
	json_t *payload = pz_rpc_request(p->id, "ServiceDiscovery.ping", json_array());
	enum pz_err err = payload ? pz_pending_add(calls->pending, p->address, p->id,
						   PING_TIMEOUT_US, &pending_ops, p)
				  : PZ_ERR_LIMIT_MEMORY;
	p->is_waiting = err == PZ_OK;
	if (err == PZ_OK)
		err = pz_calls_send(calls, p->address, payload);
	json_decref(payload);
	/* An answer may have arrived during the call, and have been the last one. */
	if (err == PZ_OK || err == PZ_ERR_IO_CLOSED || pz_request_is_over(p->request))
		return;
	if (p->is_waiting)
		pz_pending_cancel(calls->pending, p->address, p->id);
	p->is_waiting = false;
	why_unreachable(p, away, sizeof(away));
	tell(p, -1, away);
	ended(p, false);
}

static void
on_next(struct pz_timer *timer, void *arg)
{
	(void)timer;
	send_one(arg);
}

static void
on_searched(void *arg, json_t *descriptors)
{
	struct ping *p = arg;

	(void)descriptors;
	p->search = NULL;
	send_one(p);
}

/* Searches a direct link if one is requested; otherwise only if no route is known. */
static void
begin(struct ping *p)
{
	struct pz_calls *calls = p->calls;
	char zone[PZ_ZONE_BYTES_MAX + 1];

	if (p->is_until_direct)
		(void)pz_peers_dial(calls->peers, p->device, PZ_PEER_SEEK_US);
	if (is_of_friend(p)) {
		snprintf(zone, sizeof(zone), "%.*s", (int)strcspn(p->device, "/"), p->device);
		if (!pz_calls_friend_has_route(calls, p->device))
			p->search =
				pz_search_start_in(calls, zone, p->device, NULL, on_searched, p);
	} else if (!pz_peers_has_route(calls->peers, p->device))
		p->search = pz_search_start(calls, NULL, p->device, on_searched, p);
	if (p->search == NULL)
		pz_env_start(calls->env, &p->next, 0);
}

static enum pz_err
read_params(struct ping *p, json_t *params, struct pz_errinfo *info)
{
	const struct pz_calls *calls = p->calls;
	const char *device = pz_json_str(params, "device");
	const struct pz_membership *m = calls->zone->membership;

	p->count = pz_request_int(p->request, "count", 0);
	p->every_us =
		(uint64_t)pz_request_int(p->request, "interval_ms", PING_EVERY_MS) * PZ_US_PER_MS;
	p->is_until_direct = json_is_true(json_object_get(params, "until_direct"));
	PZ_TRY(pz_calls_find_other(calls, device, p->device, info));
	bool is_own = m && !is_of_friend(p);
	snprintf(p->address, sizeof(p->address), "%s%s%.*s", is_own ? m->zone : "",
		 is_own ? "/" : "", PZ_ADDRESS_BYTES_MAX - PZ_ZONE_BYTES_MAX - 1, p->device);
	return PZ_OK;
}

void
pz_calls_ping(struct pz_calls *calls, struct pz_request *request)
{
	struct ping *p = pz_request_begin(request, &ping_kind);
	struct pz_errinfo info = {""};

	if (p == NULL)
		return;
	p->request = request;
	p->calls = calls;
	pz_timer_init(&p->next, on_next, p);
	enum pz_err err = read_params(p, request->params, &info);
	if (err == PZ_OK)
		begin(p);
	else
		pz_request_fail(request, err, info.text);
}
