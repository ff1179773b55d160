/* The commands about peers (page 12): connect PEER, disconnect PEER, discover. */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
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

/* A device is named by its name, or by its whole address. Its name, or NULL and what is wrong. */
static const char *
device_named(const struct pz_node *node, const char *name, struct pz_errinfo *info)
{
	size_t zone_len = strlen(node->membership->zone);
	const char *device = name;

	if (strncmp(name, node->membership->zone, zone_len) == 0 && name[zone_len] == '/')
		device = name + zone_len + 1;
	if (!pz_device_is_valid(pz_slice_str(device))) {
		(void)pz_fail(info, PZ_ERR_CONFIG, "'%.80s' is no device of the zone %s", name,
			      node->membership->zone);
		return NULL;
	}
	if (strcmp(device, node->membership->device) == 0) {
		(void)pz_fail(info, PZ_ERR_CONFIG, "'%.80s' is this device itself", name);
		return NULL;
	}
	return device;
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
	char device[PZ_DEVICE_BYTES_MAX + 1];
};

static void
release_connecting(struct pz_node_request *request)
{
	(void)request; /* marks the struct as ours */
}

static void
finish_connecting(struct connecting *c, const struct peer *peer)
{
	struct pz_errinfo info;

	if (peer->live) {
		request_finish(&c->request, PZ_OK, "", peer_result(c->request.node, peer));
		return;
	}
	(void)pz_fail(&info, PZ_ERR_IO, "no direct way to %s: %s", peer->device,
		      peer->reason[0] ? peer->reason
				      : "it was not heard on the local network, and the hub has no "
					"address of it");
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
	const struct peer *peer = peers_find(node->peers, device);
	struct connecting *c;

	if (peer == NULL || peer->state == PZ_PEER_CONNECTING ||
	    (peer->state == PZ_PEER_CONNECTED && peer->live == NULL))
		return;
	while ((c = next_connecting(node, device)) != NULL)
		finish_connecting(c, peer);
}

struct pz_node_request *
peer_connect_start(struct pz_node *node, const char *name, const struct pz_node_reply *reply,
		   void *arg)
{
	struct pz_errinfo info = {"too many devices"};
	const char *device = device_named(node, name, &info);
	struct peer *peer = device ? peers_get(node->peers, device) : NULL;

	if (peer == NULL)
		return refuse(reply, arg, PZ_ERR_NOTFOUND, info.text);
	struct connecting *c = request_new(node, sizeof(*c), reply, arg);
	if (c == NULL)
		return NULL;
	uint64_t serial = c->request.serial;
	c->request.release = release_connecting;
	snprintf(c->device, sizeof(c->device), "%s", device);
	peer->is_wanted = true;
	peer->failures = 0;
	if (peer->live == NULL)
		peer_dial(peer, PZ_PEER_SEEK_US);
	if (peer->live || peer->attempt == NULL)
		finish_connecting(c, peer);
	return request_find(node, serial);
}

struct pz_node_request *
peer_disconnect(struct pz_node *node, const char *name, const struct pz_node_reply *reply,
		void *arg)
{
	struct pz_errinfo info = {""};
	const char *device = device_named(node, name, &info);
	struct peer *peer = device ? peers_find(node->peers, device) : NULL;

	if (device && peer == NULL)
		(void)pz_fail(&info, PZ_ERR_NOTFOUND, "there is no direct link with %s", device);
	if (peer == NULL)
		return refuse(reply, arg, PZ_ERR_NOTFOUND, info.text);
	peer->is_wanted = false;
	pz_env_stop(node->config.env, &peer->retry);
	peer_attempt_drop(peer->attempt, NULL);
	if (peer->live)
		peer_link_close(peer->live, PZ_OK, "disconnected by hand");
	else
		(void)peer_event(peer, PZ_PEER_EVENT_HANG_UP, "disconnected by hand");
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
	request_finish(&d->request, PZ_OK, "", nearby_list(d->request.node->nearby));
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
	nearby_look(node->nearby, (uint64_t)timeout_ms * PZ_US_PER_MS, false);
	return &d->request;
}
