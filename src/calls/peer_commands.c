/* The commands about peers (page 12): connect PEER, disconnect PEER, discover. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/netaddr.h"
#include "calls/internal.h"
#include "wire/json.h"

#define DISCOVER_DEFAULT_MS 2000
#define PEER_PORT 8040 /* unless preferences say otherwise (page 10) */

/* The named device, which is not this one; a friend's by its address. Errors: as pz_devices_find.
 */
static enum pz_err
other_device(const struct pz_calls *calls, const char *name, char out[PZ_ADDRESS_BYTES_MAX + 1],
	     struct pz_errinfo *info)
{
	char device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_address address;

	if (pz_calls_is_of_friend(calls, name, &address) && address.device.len > 0 &&
	    address.app.len == 0) {
		snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s", name);
		return PZ_OK;
	}
	PZ_TRY(pz_devices_find(calls, name, device, info));
	if (strcmp(device, calls->config.device) == 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "'%.80s' is this device itself", name);
	snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s", device);
	return PZ_OK;
}

/* The way to it, as pz_peers_route; a friend's device may be reached by both hubs. */
static const char *
route_to(const struct pz_calls *calls, const char *device)
{
	const char *route = pz_peers_route(calls->peers, device);
	bool is_friend = strchr(device, '/') != NULL;

	if (is_friend && strcmp(route, "none") == 0 && pz_calls_friend_has_route(calls, device))
		return "hub";
	return route;
}

static void
why_unreachable(const struct pz_calls *calls, const char *device, char *out, size_t size)
{
	if (strcmp(route_to(calls, device), "none") != 0)
		return;
	if (strchr(device, '/'))
		pz_calls_friend_why_unreachable(calls, device, out, size);
	else
		pz_devices_why_unreachable(calls, device, out, size);
}

static json_t *
peer_result(const struct pz_calls *calls, const char *device)
{
	struct pz_peer_view peer;

	(void)pz_peers_view(calls->peers, device, &peer);
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", peer.address, "state",
			 pz_peer_state_text(peer.state), "route", route_to(calls, device), "reason",
			 peer.reason, "address",
			 peer.remote ? json_string(peer.remote) : json_null());
}

/* ---- connect ---- */

struct connecting {
	struct pz_request *request;
	struct pz_calls *calls;
	struct pz_search *search; /* while the hub is asked whether the device exists */
	char *name;               /* as typed */
	char device[PZ_ADDRESS_BYTES_MAX + 1];
};

static void
release_connecting(struct pz_request *request)
{
	struct connecting *c = request->state;

	pz_search_cancel(c->search);
	free(c->name);
}

static const struct pz_request_kind connecting_kind = {.size = sizeof(struct connecting),
						       .release = release_connecting};

/* Why there is no direct link, and what that means without another route. */
static void
finish_connecting(struct connecting *c, const struct pz_peer_view *peer)
{
	struct pz_calls *calls = c->calls;
	struct pz_errinfo info;
	char away[256] = "";

	if (peer->remote) {
		pz_request_answer(c->request, peer_result(calls, c->device));
		return;
	}
	why_unreachable(calls, c->device, away, sizeof(away));
	(void)pz_fail(&info, PZ_ERR_IO, "no direct way to %s: %s%s%s", c->device,
		      peer->reason[0] ? peer->reason
				      : "it is not announced on the local network, and the hub has "
					"no address of it",
		      away[0] ? "; " : "", away);
	pz_request_fail(c->request, PZ_ERR_IO, info.text);
}

/* The command waits during a search, or until a link has its address. */
void
pz_calls_peer_changed(struct pz_calls *calls, const char *device)
{
	struct pz_peer_view peer;

	if (!pz_peers_view(calls->peers, device, &peer) || peer.state == PZ_PEER_CONNECTING ||
	    (peer.state == PZ_PEER_CONNECTED && !peer.is_linked))
		return;
	PZ_REQUEST_EACH (calls->config.requests, &connecting_kind, request) {
		struct connecting *c = request->state;
		if (strcmp(c->device, device) == 0)
			finish_connecting(c, &peer);
	}
}

static void
connect_to(struct connecting *c)
{
	struct pz_peers *peers = c->calls->peers;
	struct pz_peer_view peer;

	const char *address = pz_json_str(c->request->params, "address");
	int64_t port = PEER_PORT;

	(void)pz_json_int(c->request->params, "port", 1, UINT16_MAX, &port);
	if (!(address ? pz_peers_connect_at(peers, c->device, address, (uint16_t)port)
		      : pz_peers_connect(peers, c->device))) {
		pz_request_fail(c->request, PZ_ERR_LIMIT, "too many devices are known here");
		return;
	}
	(void)pz_peers_view(peers, c->device, &peer);
	if (peer.is_linked || !peer.is_dialled)
		finish_connecting(c, &peer);
}

/* The hub has answered: a device that enrolled a moment ago is known now. */
static void
on_asked(void *arg, json_t *descriptors)
{
	struct connecting *c = arg;
	struct pz_errinfo info = {""};

	(void)descriptors;
	c->search = NULL;
	enum pz_err err = other_device(c->calls, c->name, c->device, &info);
	if (err == PZ_OK)
		connect_to(c);
	else
		pz_request_fail(c->request, err, info.text);
}

void
pz_calls_peer_connect(struct pz_calls *calls, struct pz_request *request, const char *name)
{
	const char *at = pz_json_str(request->params, "address");
	struct pz_errinfo info = {""};
	struct pz_netaddr parsed;
	struct connecting *c;

	if (at && (!pz_netaddr_parse(at, &parsed) || pz_netaddr_lacks_interface(&parsed))) {
		pz_request_fail(request, PZ_ERR_CONFIG,
				"the address must be a numeric IP address, such as 192.168.1.7 or "
				"fe80::1%eth0");
		return;
	}
	c = pz_request_begin(request, &connecting_kind);
	if (c == NULL)
		return;
	c->request = request;
	c->calls = calls;
	c->name = strdup(name);
	enum pz_err err = c->name ? other_device(calls, name, c->device, &info)
				  : pz_fail(&info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (err == PZ_OK) {
		connect_to(c);
	} else if (err == PZ_ERR_NOTFOUND && pz_uplink_is_up(calls->uplink)) {
		c->search = pz_search_start(calls, NULL, NULL, on_asked, c);
		if (c->search == NULL)
			pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
	} else {
		pz_request_fail(request, err, info.text);
	}
}

void
pz_calls_peer_disconnect(struct pz_calls *calls, struct pz_request *request, const char *name)
{
	struct pz_errinfo info = {""};
	char device[PZ_ADDRESS_BYTES_MAX + 1] = "";
	enum pz_err err = other_device(calls, name, device, &info);

	if (err == PZ_OK && !pz_peers_disconnect(calls->peers, device, "disconnected by hand"))
		err = pz_fail(&info, PZ_ERR_NOTFOUND, "there is no direct link with %s", device);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	pz_request_answer(request, peer_result(calls, device));
}

/* ---- discover ---- */

struct discovering {
	struct pz_request *request;
	struct pz_calls *calls;
	struct pz_timer timer;
};

static void
release_discovering(struct pz_request *request)
{
	struct discovering *d = request->state;

	pz_env_stop(d->calls->env, &d->timer);
}

static const struct pz_request_kind discovering_kind = {.size = sizeof(struct discovering),
							.release = release_discovering};

static void
on_looked(struct pz_timer *timer, void *arg)
{
	struct discovering *d = arg;

	(void)timer;
	pz_request_answer(d->request, pz_peers_announced(d->calls->peers));
}

void
pz_calls_discover(struct pz_calls *calls, struct pz_request *request)
{
	int64_t timeout_ms = pz_request_int(request, "timeout_ms", DISCOVER_DEFAULT_MS);

	if (!calls->config.has_mdns) {
		pz_request_fail(request, PZ_ERR_CONFIG,
				"this daemon does not look at the local network (it listens on "
				"loopback only, or multicast DNS is not possible here)");
		return;
	}
	struct discovering *d = pz_request_begin(request, &discovering_kind);
	if (d == NULL)
		return;
	d->request = request;
	d->calls = calls;
	pz_timer_init(&d->timer, on_looked, d);
	pz_env_start(calls->env, &d->timer, (uint64_t)timeout_ms * PZ_US_PER_MS);
	pz_peers_look(calls->peers, (uint64_t)timeout_ms * PZ_US_PER_MS, false);
}
