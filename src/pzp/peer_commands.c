/* The commands about peers (page 12): connect PEER, disconnect PEER, discover. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "pzp/devices.h"
#include "pzp/internal.h"
#include "wire/json.h"

#define DISCOVER_DEFAULT_MS 2000

/* The device that is meant, which is not this one. Errors: as devices_find. */
static enum pz_err
other_device(const struct pz_node *node, const char *name, char out[PZ_DEVICE_BYTES_MAX + 1],
	     struct pz_errinfo *info)
{
	PZ_TRY(devices_find(node, name, out, info));
	if (strcmp(out, node->device) == 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "'%.80s' is this device itself", name);
	return PZ_OK;
}

static json_t *
peer_result(const struct pz_node *node, const char *device)
{
	struct pz_peer_view peer;

	(void)pz_peers_view(node->peers, device, &peer);
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", peer.address, "state",
			 pz_peer_state_text(peer.state), "route",
			 pz_peers_route(node->peers, device), "reason", peer.reason, "address",
			 peer.remote ? json_string(peer.remote) : json_null());
}

/* ---- connect ---- */

struct connecting {
	struct pz_request *request;
	struct pz_node *node;
	struct discovery *search; /* while the hub is asked whether there is such a device */
	char *name;               /* as it was typed */
	char device[PZ_DEVICE_BYTES_MAX + 1];
};

static void
release_connecting(struct pz_request *request)
{
	struct connecting *c = request->state;

	discovery_cancel(c->search);
	free(c->name);
}

static const struct pz_request_kind connecting_kind = {.size = sizeof(struct connecting),
						       .release = release_connecting};

static void
finish_connecting(struct connecting *c, const struct pz_peer_view *peer)
{
	struct pz_node *node = c->node;
	struct pz_errinfo info;
	char away[256] = "";

	if (peer->remote) {
		pz_request_answer(c->request, peer_result(node, c->device));
		return;
	}
	if (!pz_peers_has_route(node->peers, c->device))
		devices_why_away(node, c->device, away, sizeof(away));
	(void)pz_fail(&info, PZ_ERR_IO, "no direct way to %s: %s%s%s", c->device,
		      peer->reason[0] ? peer->reason
				      : "it was not heard on the local network, and the hub has no "
					"address of it",
		      away[0] ? "; " : "", away);
	pz_request_fail(c->request, PZ_ERR_IO, info.text);
}

void
commands_peer_changed(struct pz_node *node, const char *device)
{
	struct pz_peer_view peer;

	if (!pz_peers_view(node->peers, device, &peer) || peer.state == PZ_PEER_CONNECTING ||
	    (peer.state == PZ_PEER_CONNECTED && peer.remote == NULL))
		return;
	PZ_REQUEST_EACH (&node->requests, &connecting_kind, request) {
		struct connecting *c = request->state;
		if (strcmp(c->device, device) == 0)
			finish_connecting(c, &peer);
	}
}

static void
connect_to(struct connecting *c)
{
	struct pz_peers *peers = c->node->peers;
	struct pz_peer_view peer;

	if (!pz_peers_connect(peers, c->device)) {
		pz_request_fail(c->request, PZ_ERR_LIMIT, "too many devices are known here");
		return;
	}
	(void)pz_peers_view(peers, c->device, &peer);
	if (peer.remote || !peer.is_dialled)
		finish_connecting(c, &peer);
}

/* The hub has answered: a device that was enrolled a moment ago is known now. */
static void
on_asked(void *arg, json_t *descriptors)
{
	struct connecting *c = arg;
	struct pz_errinfo info = {""};

	(void)descriptors;
	c->search = NULL;
	enum pz_err err = other_device(c->node, c->name, c->device, &info);
	if (err == PZ_OK)
		connect_to(c);
	else
		pz_request_fail(c->request, err, info.text);
}

void
peer_connect_start(struct pz_request *request, const char *name)
{
	struct pz_node *node = request->self;
	struct pz_errinfo info = {""};
	struct connecting *c = pz_request_begin(request, &connecting_kind);

	if (c == NULL)
		return;
	c->request = request;
	c->node = node;
	c->name = strdup(name);
	enum pz_err err = c->name ? other_device(node, name, c->device, &info)
				  : pz_fail(&info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (err == PZ_OK) {
		connect_to(c);
	} else if (err == PZ_ERR_NOTFOUND && pz_uplink_is_up(node->uplink)) {
		c->search = discovery_start(node, NULL, NULL, on_asked, c);
		if (c->search == NULL)
			pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
	} else {
		pz_request_fail(request, err, info.text);
	}
}

void
peer_disconnect(struct pz_request *request, const char *name)
{
	struct pz_node *node = request->self;
	struct pz_errinfo info = {""};
	char device[PZ_DEVICE_BYTES_MAX + 1] = "";
	enum pz_err err = other_device(node, name, device, &info);

	if (err == PZ_OK && !pz_peers_disconnect(node->peers, device, "disconnected by hand"))
		err = pz_fail(&info, PZ_ERR_NOTFOUND, "there is no direct link with %s", device);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	pz_request_answer(request, peer_result(node, device));
}

/* ---- discover ---- */

struct discovering {
	struct pz_request *request;
	struct pz_timer timer;
};

static void
release_discovering(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	struct discovering *d = request->state;

	pz_env_stop(node->config.env, &d->timer);
}

static const struct pz_request_kind discovering_kind = {.size = sizeof(struct discovering),
							.release = release_discovering};

static void
on_looked(struct pz_timer *timer, void *arg)
{
	struct discovering *d = arg;
	const struct pz_node *node = d->request->self;

	(void)timer;
	pz_request_answer(d->request, pz_peers_heard(node->peers));
}

void
discover_start(struct pz_request *request)
{
	struct pz_node *node = request->self;
	int64_t timeout_ms = pz_request_int(request, "timeout_ms", DISCOVER_DEFAULT_MS);

	if (node->config.mdns == NULL) {
		pz_request_fail(request, PZ_ERR_CONFIG,
				"this daemon does not look at the local network (it listens on "
				"loopback only, or multicast DNS is not possible here)");
		return;
	}
	struct discovering *d = pz_request_begin(request, &discovering_kind);
	if (d == NULL)
		return;
	d->request = request;
	pz_timer_init(&d->timer, on_looked, d);
	pz_env_start(node->config.env, &d->timer, (uint64_t)timeout_ms * PZ_US_PER_MS);
	pz_peers_look(node->peers, (uint64_t)timeout_ms * PZ_US_PER_MS, false);
}
