/* The commands about peers (page 12): connect PEER, disconnect PEER, discover. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "pzp/devices.h"
#include "pzp/peers.h"
#include "wire/json.h"

#define DISCOVER_DEFAULT_MS 2000
#define DISCOVER_MAX_MS 60000

static struct pz_node_request *
refuse(const struct pz_node_reply *reply, void *arg, enum pz_err err, const char *detail)
{
	reply->done(arg, err, detail, NULL);
	return NULL;
}

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
peer_result(const struct pz_node *node, const struct peer *peer)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", peer->address, "state",
			 pz_peer_state_text(peer->state), "route",
			 node_route_text(node, peer->device), "reason", peer->reason, "address",
			 peer->live ? json_string(peer->live->remote) : json_null());
}

/* ---- connect ---- */

struct connecting {
	struct pz_node_request request;
	struct discovery *search; /* while the hub is asked whether there is such a device */
	char *name;               /* as it was typed */
	char device[PZ_DEVICE_BYTES_MAX + 1];
};

static void
release_connecting(struct pz_node_request *request) /* also marks the struct as ours */
{
	struct connecting *c = (struct connecting *)(void *)request;

	discovery_cancel(c->search);
	free(c->name);
}

static void
finish_connecting(struct connecting *c, const struct peer *peer)
{
	struct pz_node *node = c->request.node;
	struct pz_errinfo info;
	char away[256] = "";

	if (peer->live) {
		request_finish(&c->request, PZ_OK, "", peer_result(node, peer));
		return;
	}
	if (!node_has_route(node, peer->device))
		devices_why_away(node, peer->device, away, sizeof(away));
	(void)pz_fail(&info, PZ_ERR_IO, "no direct way to %s: %s%s%s", peer->device,
		      peer->reason[0] ? peer->reason
				      : "it was not heard on the local network, and the hub has no "
					"address of it",
		      away[0] ? "; " : "", away);
	request_finish(&c->request, PZ_ERR_IO, info.text, NULL);
}

static struct connecting *
next_connecting(struct pz_node *node, const char *device)
{
	PZ_LIST_EACH (&node->requests, n, tmp) {
		struct pz_node_request *request =
			PZ_CONTAINER(n, struct pz_node_request, node_list);
		struct connecting *c = (struct connecting *)(void *)request;
		if (request->release == release_connecting && strcmp(c->device, device) == 0)
			return c;
	}
	return NULL;
}

void
commands_peer_changed(struct pz_node *node, const char *device)
{
	const struct peer *peer = pz_peers_find(node->peers, device);
	struct connecting *c;

	if (peer == NULL || peer->state == PZ_PEER_CONNECTING ||
	    (peer->state == PZ_PEER_CONNECTED && peer->live == NULL))
		return;
	while ((c = next_connecting(node, device)) != NULL)
		finish_connecting(c, peer);
}

static void
connect_to(struct connecting *c)
{
	struct pz_node *node = c->request.node;
	struct peer *peer = pz_peers_get(node->peers, c->device);

	if (peer == NULL) {
		request_finish(&c->request, PZ_ERR_LIMIT, "too many devices are known here", NULL);
		return;
	}
	peer->is_wanted = true;
	peer->failures = 0;
	if (peer->live == NULL)
		pz_peer_dial(peer, PZ_PEER_SEEK_US);
	if (peer->live || peer->attempt == NULL)
		finish_connecting(c, peer);
}

/* The hub has answered: a device that was enrolled a moment ago is known now. */
static void
on_asked(void *arg, json_t *descriptors)
{
	struct connecting *c = arg;
	struct pz_errinfo info = {""};

	(void)descriptors;
	c->search = NULL;
	enum pz_err err = other_device(c->request.node, c->name, c->device, &info);
	if (err == PZ_OK)
		connect_to(c);
	else
		request_finish(&c->request, err, info.text, NULL);
}

struct pz_node_request *
peer_connect_start(struct pz_node *node, const char *name, const struct pz_node_reply *reply,
		   void *arg)
{
	struct pz_errinfo info = {""};
	struct connecting *c = request_new(node, sizeof(*c), reply, arg);

	if (c == NULL)
		return NULL;
	uint64_t serial = c->request.serial;
	c->request.release = release_connecting;
	c->name = strdup(name);
	enum pz_err err = c->name ? other_device(node, name, c->device, &info)
				  : pz_fail(&info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (err == PZ_OK) {
		connect_to(c);
	} else if (err == PZ_ERR_NOTFOUND && node->hub.is_registered) {
		c->search = discovery_start(node, NULL, NULL, on_asked, c);
		if (c->search == NULL)
			request_finish(&c->request, PZ_ERR_LIMIT_MEMORY, "out of memory", NULL);
	} else {
		request_finish(&c->request, err, info.text, NULL);
	}
	return request_find(node, serial);
}

struct pz_node_request *
peer_disconnect(struct pz_node *node, const char *name, const struct pz_node_reply *reply,
		void *arg)
{
	struct pz_errinfo info = {""};
	char device[PZ_DEVICE_BYTES_MAX + 1] = "";
	enum pz_err err = other_device(node, name, device, &info);
	struct peer *peer = err == PZ_OK ? pz_peers_find(node->peers, device) : NULL;

	if (err != PZ_OK)
		return refuse(reply, arg, err, info.text);
	if (peer == NULL) {
		(void)pz_fail(&info, PZ_ERR_NOTFOUND, "there is no direct link with %s", device);
		return refuse(reply, arg, PZ_ERR_NOTFOUND, info.text);
	}
	if (peer->live)
		pz_peer_link_close(peer->live, PZ_OK, "disconnected by hand");
	pz_peer_give_up(peer, "disconnected by hand");
	json_t *result = peer_result(node, peer);
	reply->done(arg, result ? PZ_OK : PZ_ERR_LIMIT_MEMORY, "", result);
	json_decref(result);
	return NULL;
}

/* ---- discover ---- */

struct discovering {
	struct pz_node_request request;
	struct pz_timer timer;
};

static void
release_discovering(struct pz_node_request *request)
{
	struct discovering *d = (struct discovering *)(void *)request;

	pz_env_stop(request->node->config.env, &d->timer);
}

static void
on_looked(struct pz_timer *timer, void *arg)
{
	struct discovering *d = arg;

	(void)timer;
	request_finish(&d->request, PZ_OK, "", pz_nearby_list(d->request.node->nearby));
}

struct pz_node_request *
discover_start(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	int64_t timeout_ms = DISCOVER_DEFAULT_MS;

	if (node->config.mdns == NULL)
		return refuse(reply, arg, PZ_ERR_CONFIG,
			      "this daemon does not look at the local network (it listens on "
			      "loopback only, or multicast DNS is not possible here)");
	if (json_object_get(params, "timeout_ms") &&
	    !pz_json_int(params, "timeout_ms", 1, DISCOVER_MAX_MS, &timeout_ms))
		return refuse(reply, arg, PZ_ERR_CONFIG, "the time-out must be 60 s at most");
	struct discovering *d = request_new(node, sizeof(*d), reply, arg);
	if (d == NULL)
		return NULL;
	d->request.release = release_discovering;
	pz_timer_init(&d->timer, on_looked, d);
	pz_env_start(node->config.env, &d->timer, (uint64_t)timeout_ms * PZ_US_PER_MS);
	pz_nearby_look(node->nearby, (uint64_t)timeout_ms * PZ_US_PER_MS, false);
	return &d->request;
}
