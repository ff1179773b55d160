/* The node's operations for parts that need little of it: calls, upkeep, enrolments and pairings.
 * All of them concern the zone that is joined or left. */
#include "pzp/member_ops.h"

#include "pzp/membership.h"
#include "pzp/policy_ops.h"
#include "pzp/wipe.h"

/* From the first step of the wipe on: data that is found or renewed now would belong to no zone. */
static bool
on_is_leaving(void *arg)
{
	const struct pz_node *node = arg;

	return pz_wipe_is_running(node->wipe);
}

/* ---- calls ---- */

/* The object Peers exists only for apps of this device. */
static const struct pz_method_def *
on_judged(void *arg, const char *from, const char *object, const char *function,
	  const char **out_api)
{
	const struct pz_node *node = arg;
	const struct pz_method_def *def;
	bool is_free = false;

	if (strcmp(object, PZ_PEERAPI_OBJECT) != 0 || strcmp(from, node->names.self) == 0 ||
	    !pz_address_is_within(pz_slice_str(from), pz_slice_str(node->names.self)))
		return NULL;
	def = pz_peerapi_method(function, &is_free);
	*out_api = is_free ? NULL : PZ_PEERAPI_API;
	return def;
}

static bool
on_builtin(void *arg, struct pz_call *call, const char *object, const char *function,
	   const json_t *params)
{
	struct pz_node *node = arg;

	if (strcmp(object, PZ_PEERAPI_OBJECT) != 0)
		return pz_node_builtin(arg, call, object, function, params);
	pz_peerapi_call(&node->peerapi, call, function, params);
	return true;
}

static void
on_builtin_ended(void *arg, struct pz_call *call)
{
	struct pz_node *node = arg;

	if (!pz_peerapi_call_ended(&node->peerapi, call))
		pz_node_builtin_ended(arg, call);
}

static struct pz_request *
on_command(void *arg, const char *name, json_t *params, const struct pz_reply *reply,
	   void *reply_arg)
{
	return pz_node_command(arg, name, params, reply, reply_arg);
}

static const struct pz_calls_ops calls_ops = {
	.is_leaving = on_is_leaving,
	.judged = on_judged,
	.builtin = on_builtin,
	.builtin_ended = on_builtin_ended,
};

enum pz_err
pz_node_calls_new(struct pz_node *node)
{
	const struct pz_calls_config config = {
		.env = node->config.env,
		.metrics = &node->metrics,
		.registry = node->registry,
		.conditions = node->conditions,
		.requests = &node->requests,
		.zone = &node->zone,
		.access = node->judge.access,
		.self = node->names.self,
		.device = node->names.device,
		.display_name = node->names.display_name,
		.queue_high_bytes = node->config.queue_high_bytes,
		.queue_low_bytes = node->config.queue_low_bytes,
		.timeout_us = node->config.call_timeout_us,
		.has_mdns = node->config.mdns != NULL,
		.ops = &calls_ops,
		.arg = node,
	};

	pz_peerapi_init(&node->peerapi, on_command, node);
	return pz_calls_new(&config, &node->calls);
}

/* ---- upkeep ---- */

static enum pz_err
on_renewed(void *arg, struct pz_membership *takes_fresh, struct pz_errinfo *info)
{
	struct pz_node *node = arg;

	PZ_TRY(pz_node_set_membership(node, takes_fresh, info));
	pz_node_sweep_keys(node); /* the key of the former certificate is not used any more */
	return PZ_OK;
}

static bool
on_is_hub_up(void *arg)
{
	const struct pz_node *node = arg;

	return pz_uplink_state(node->uplink) == PZ_STATE_CONNECTED;
}

static void
on_clock_was_set(void *arg)
{
	struct pz_node *node = arg;

	pz_uplink_network_changed(node->uplink);
	pz_peers_network_changed(node->peers);
}

static const struct pz_upkeep_ops upkeep_ops = {
	.is_leaving = on_is_leaving,
	.renewed = on_renewed,
	.is_hub_up = on_is_hub_up,
	.clock_was_set = on_clock_was_set,
};

struct pz_upkeep *
pz_node_upkeep_new(struct pz_node *node)
{
	const struct pz_upkeep_config config = {
		.env = node->config.env,
		.store = node->config.store,
		.keys = node->config.keys,
		.conditions = node->conditions,
		.zone = &node->zone,
		.self = node->names.self,
		.ops = &upkeep_ops,
		.arg = node,
	};

	return pz_upkeep_new(&config);
}

/* ---- enrolment ---- */

static void
on_began(void *arg)
{
	const struct pz_node *node = arg;

	pz_wipe_hold(node->wipe);
}

static void
on_ended(void *arg)
{
	const struct pz_node *node = arg;

	pz_wipe_release(node->wipe);
}

/* The data of a former zone that a full disk kept is replaced only by new data. */
static enum pz_err
on_join(void *arg, struct pz_membership *takes_fresh, struct pz_errinfo *info)
{
	struct pz_node *node = arg;
	enum pz_err err = pz_node_set_membership(node, takes_fresh, info);

	if (err == PZ_OK) {
		if (pz_wipe_replaced(node->wipe))
			pz_zonedata_rewrite(node->zonedata,
					    "data of the former zone is still there");
		return PZ_OK;
	}
	if (node->zone.membership && pz_node_set_membership(node, NULL, NULL) != PZ_OK)
		pz_error("enrol", "cannot take the membership back: %s", pz_err_text(err));
	return err;
}

static void
on_sweep_keys(void *arg)
{
	pz_node_sweep_keys(arg);
}

static const struct pz_enrolment_ops enrolment_ops = {
	.began = on_began,
	.ended = on_ended,
	.join = on_join,
	.sweep_keys = on_sweep_keys,
};

struct pz_enrolment *
pz_node_enrolment_new(struct pz_node *node)
{
	const struct pz_enrolment_config config = {
		.env = node->config.env,
		.transport = node->config.transport,
		.link_host = pz_node_link_host(node),
		.store = node->config.store,
		.keys = node->config.keys,
		.key_type = node->config.key_type,
		.zone = &node->zone,
		.names = &node->names,
		.items = node->items,
		.uplink = node->uplink,
		.ops = &enrolment_ops,
		.arg = node,
	};

	return pz_enrolment_new(&config);
}

/* ---- pairing ---- */

static enum pz_err
on_may_open(void *arg, struct pz_errinfo *info)
{
	const struct pz_node *node = arg;

	if (pz_wipe_is_running(node->wipe))
		return pz_fail(info, PZ_ERR_EXISTS, "the zone is being left; try again");
	return PZ_OK;
}

static void
on_offer(void *arg, json_t *message)
{
	const struct pz_node *node = arg;

	pz_uplink_send_prop(node->uplink, "friendOffer", message);
}

static void
on_trust_changed(void *arg)
{
	struct pz_node *node = arg;
	struct pz_errinfo info = {""};

	if (pz_node_refresh_trust(node, &info) != PZ_OK)
		pz_error("trust", "links keep using the previous trust: %s", info.text);
	pz_node_friends_follow(node);
}

static void
on_partner_changed(void *arg, const struct pz_peer_change *change)
{
	struct pz_node *node = arg;

	pz_watch_event(&node->requests,
		       json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "event", "peer", "name",
				 change->device, "old", pz_peer_state_text(change->old), "new",
				 pz_peer_state_text(change->now), "cause",
				 pz_peer_event_text(change->event), "reason", change->reason));
}

static const struct pz_pairing_ops pairing_ops = {
	.may_open = on_may_open,
	.trust_changed = on_trust_changed,
	.offer = on_offer,
	.changed = on_partner_changed,
};

struct pz_pairing *
pz_node_pairing_new(struct pz_node *node)
{
	const struct pz_pairing_config config = {
		.env = node->config.env,
		.transport = node->config.transport,
		.link_host = pz_node_link_host(node),
		.store = node->config.store,
		.zone = &node->zone,
		.names = &node->names,
		.requests = &node->requests,
		.peers = node->peers,
		.ops = &pairing_ops,
		.arg = node,
	};

	return pz_pairing_new(&config);
}
