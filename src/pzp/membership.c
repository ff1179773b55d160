#include "pzp/membership.h"

#include "base/auto.h"
#include "base/log.h"
#include "calls/friends.h"
#include "pairing/pairing.h"
#include "pzp/policy_ops.h"
#include "pzp/spread.h"

/* A context of our certificate and the zone's trust, for outgoing links or for our server. While
 * the zone's secret is not known the server accepts no link (page 6). */
static enum pz_err
make_tls(const struct pz_env *env, const struct pz_device_zone *zone, enum pz_tls_kind kind,
	 struct pz_tls_ctx **out, struct pz_errinfo *info)
{
	const struct pz_membership *m = zone->membership;
	struct pz_cert *chain[] = {m->tls, m->device_ca};
	const uint8_t *secret = zone->knowledge ? pz_knowledge_secret(zone->knowledge) : NULL;
	const struct pz_tls_secret own = {m->zone, secret};
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = NULL;

	PZ_TRY(pz_device_zone_trust(zone, &trust, info));
	struct pz_tls_config config = {
		.kind = kind,
		.chain = chain,
		.chain_len = 2,
		.key = m->tls_key,
		.trust = trust,
		.env = env,
		.secrets = &own,
		.secrets_len = secret != NULL,
	};
	return pz_tls_ctx_new(&config, out, info);
}

enum pz_err
pz_node_refresh_trust(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_env *env = node->config.env;
	struct pz_tls_ctx *client = NULL, *server = NULL;
	enum pz_err err = PZ_OK;

	if (node->zone.membership)
		err = make_tls(env, &node->zone, PZ_TLS_CLIENT, &client, info);
	if (client)
		err = make_tls(env, &node->zone, PZ_TLS_PEER_SERVER, &server, info);
	if (err != PZ_OK) {
		pz_tls_ctx_free(client);
		return err;
	}
	pz_uplink_set_tls(node->uplink, client);
	pz_peers_set_membership(node->peers, client, server);
	return PZ_OK;
}

/* In the order of a revocation: no message of the zone is believed from the first step on (the
 * router asks the table), what it runs here ends, and what it was shown or asked is judged again.
 */
void
pz_node_friends_follow(struct pz_node *node)
{
	json_t *gone = pz_device_zone_follow_friends(&node->zone), *zone;
	size_t i;

	json_array_foreach (gone, i, zone) {
		pz_notice("friend-gone", "zone=%s is no friend of this zone any more",
			  json_string_value(zone));
		pz_calls_friend_gone(node->calls, json_string_value(zone));
	}
	json_decref(gone);
	if (node->access)
		pz_access_changed(node->access);
}

static void
take(struct pz_node *node, struct pz_membership *takes)
{
	if (node->zone.membership != takes)
		pz_membership_free(node->zone.membership);
	node->zone.membership = takes;
	if (takes)
		pz_names_set_member(&node->names, takes->zone, takes->device);
	else
		pz_names_set_virgin(&node->names);
}

/* The same device of the same zone, or none. */
static bool
is_same(const struct pz_membership *a, const struct pz_membership *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a->zone, b->zone) == 0 && strcmp(a->device, b->device) == 0;
}

/*
 * What can fail comes first, on what will be: a membership that cannot be used does not count.
 * Then, in this order: the address, since all that follows names itself by it; preferences, which
 * say whether the device listens and connects; the trust, with which links of a former zone end and
 * the server is opened; and the address of services and of the router last, for what is announced.
 */
enum pz_err
pz_node_set_membership(struct pz_node *node, struct pz_membership *takes, struct pz_errinfo *info)
{
	struct pz_tls_ctx *ctx = NULL;
	enum pz_err err = pz_zonedata_set_membership(node->zonedata, takes, info);
	if (err == PZ_OK)
		err = pz_uplink_set_membership(node->uplink, takes, info);
	if (err == PZ_OK && takes) {
		struct pz_device_zone next = {.membership = takes,
					      .knowledge = node->zone.knowledge};
		err = make_tls(node->config.env, &next, PZ_TLS_CLIENT, &ctx, info);
	}
	pz_tls_ctx_free(ctx);
	if (err != PZ_OK) {
		pz_membership_free(takes);
		return err;
	}
	bool is_moved = !is_same(node->zone.membership, takes);
	if (is_moved) /* before policies are judged for the new address */
		pz_apps_unroute(node->apps.apps);
	if ((takes == NULL) != (node->zone.membership == NULL))
		pz_pairing_close(node->pairing, PZ_ERR_IO_CLOSED,
				 "the window was closed: this device has joined or left a zone");
	take(node, takes);
	pz_node_friends_follow(node);
	pz_node_policies_follow(node);
	pz_spread_membership_changed(node);
	PZ_TRY(pz_node_refresh_trust(node, info));
	PZ_TRY(pz_router_set_self(pz_calls_router(node->calls), node->names.self));
	PZ_TRY(pz_registry_set_address(node->registry, node->names.self));
	if (is_moved)
		pz_apps_reroute(node->apps.apps);
	return PZ_OK;
}

void
pz_node_sweep_keys(struct pz_node *node)
{
	const char *keep[2];
	size_t n = 0;

	if (node->zone.membership) {
		pz_membership_key_uris(node->zone.membership, keep);
		n = 2;
	}
	if (pz_keystore_sweep(node->config.keys, keep, n) != PZ_OK)
		pz_warning("key-sweep", "could not remove left-over key files");
}
