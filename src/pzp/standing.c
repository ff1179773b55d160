/* How this device stands with the others: what it tells of itself, and what follows when one comes
 * or goes. */
#include "pzp/appdata.h"
#include "pzp/peers.h"

#include <stdio.h>

#include "rpc/error.h"
#include "wire/message.h"
#include "zone/attest.h"

#define LOOK_AGAIN_US (10 * PZ_US_PER_S)

json_t *
node_info(const struct pz_node *node)
{
	return json_pack("{s:s, s:s, s:i, s:o?, s:b, s:s}", "displayName", node->display_name,
			 "deviceType", node->device_type, "port", (int)node->peers->port,
			 "addresses", pz_peers_own_addresses(node->peers), "listening",
			 node->peers->listener != NULL, "session", node->peers->session);
}

json_t *
node_consent(const struct pz_node *node, const char *relay)
{
	json_t *consent = NULL;

	if (node->zone.membership == NULL ||
	    pz_attest_make(node->zone.membership, relay, node->config.env, &consent) != PZ_OK)
		return json_null();
	return consent;
}

void
node_send_zone_prop(struct pz_node *node, const char *status, json_t *message)
{
	struct pz_buf out;

	if (node->hub.is_registered) {
		hub_send_prop(node, status, message);
		return;
	}
	if (node->zone.membership == NULL || pz_peers_relay_for(node, pz_slice_str("")) == NULL)
		return;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err =
		pz_message_prop(&out, node->self, node->zone.membership->zone, status, message);
	if (err == PZ_OK)
		err = pz_router_send(node->router, pz_buf_slice(&out));
	if (err != PZ_OK)
		pz_info_of(&node->hub_log, node->config.env, "prop-not-sent", "status=%s %s",
			   status, pz_err_text(err));
	pz_buf_fini(&out);
}

void
node_device_gone(struct pz_node *node, const char *device)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	json_t *error;

	if (node->zone.membership == NULL || strcmp(device, node->zone.membership->device) == 0)
		return;
	snprintf(address, sizeof(address), "%s/%s", node->zone.membership->zone, device);
	error = pz_rpc_unreachable(address);
	if (error)
		pz_pending_fail_peer(node->pending, address, error);
	json_decref(error);
	pz_dispatcher_peer_gone(node->dispatcher, address);
}

/* A device that has no hub, and that somebody needs: it looks for the others, too, to pass on for
 * whoever cannot reach them. */
static void
look_for_the_others(struct pz_node *node)
{
	uint64_t now = pz_env_mono_us(node->config.env);

	if (node->hub.is_registered || node->config.mdns == NULL || !node->wishes.relay ||
	    (node->looked_us && now - node->looked_us < LOOK_AGAIN_US))
		return;
	node->looked_us = now;
	pz_nearby_look(node->nearby, PZ_PEER_SEEK_US, true);
}

void
node_peer_live(struct pz_node *node, struct peer_link *pl)
{
	if (!pl->is_outgoing)
		look_for_the_others(node);
	appdata_session_began(node);
	pz_peers_tell_soon(node->peers);
	discovery_news(node);
}

void
node_peer_news(struct pz_node *node, const char *device)
{
	pz_peers_consider(node->peers, device);
	discovery_news(node);
}
