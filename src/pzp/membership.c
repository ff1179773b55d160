/*
 * The effects of a change of the node's membership: TLS contexts with the trust of the zone and of
 * friends, and the order in which the parts of the node get the new membership. src/zone defines
 * and stores memberships.
 */
#include "pzp/membership.h"

#include "base/auto.h"
#include "base/log.h"
#include "calls/friends.h"
#include "pairing/pairing.h"
#include "policies/grants.h"
#include "pzp/policy_ops.h"
#include "pzp/spread.h"

/* Secrets that a context knows: of our zone, and of friends. */
struct secrets {
	/* On the stack of a rare call; the contexts keep copies. */
	struct pz_tls_secret list[1 + PZ_FRIENDS_MAX];
	size_t count;
};

static void
add_secret(struct secrets *secrets, const char *zone, const uint8_t *secret)
{
	if (secret && secrets->count < sizeof(secrets->list) / sizeof(secrets->list[0]))
		secrets->list[secrets->count++] = (struct pz_tls_secret){zone, secret};
}

static void
add_own(struct secrets *secrets, const struct pz_device_zone *zone)
{
	add_secret(secrets, zone->membership->zone,
		   zone->knowledge ? pz_knowledge_secret(zone->knowledge) : NULL);
}

static void
add_friends(struct secrets *secrets, const struct pz_device_zone *zone)
{
	const struct pz_friend *f;
	size_t pos = 0;

	while ((f = pz_friends_next(zone->friends, &pos)) != NULL)
		if (pz_friend_is_confirmed(f))
			add_secret(secrets, f->zone, f->secret);
}

/* A context with our certificate. */
static enum pz_err
make_ctx(const struct pz_env *env, const struct pz_membership *m, enum pz_tls_kind kind,
	 struct pz_trust *trust, const struct secrets *secrets, struct pz_tls_ctx **out,
	 struct pz_errinfo *info)
{
	struct pz_cert *chain[] = {m->tls, m->device_ca};
	const struct pz_tls_config config = {
		.kind = kind,
		.chain = chain,
		.chain_len = 2,
		.key = m->tls_key,
		.trust = trust,
		.env = env,
		.secrets = secrets->list,
		.secrets_len = secrets->count,
	};

	return pz_tls_ctx_new(&config, out, info);
}

/* For links to our hub, and to devices of our zone. A client knows only its own zone's secret:
 * friendship is proved only to
 * devices that are dialled as friends (pz_node_friend_ctx). */
static enum pz_err
make_client(const struct pz_env *env, const struct pz_device_zone *zone, struct pz_tls_ctx **out,
	    struct pz_errinfo *info)
{
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = NULL;
	struct secrets secrets = {0};

	PZ_TRY(pz_device_zone_trust(zone, &trust, info));
	add_own(&secrets, zone);
	return make_ctx(env, zone->membership, PZ_TLS_CLIENT, trust, &secrets, out, info);
}

/* For our server: devices of our zone and of friends. While a secret is not known, devices that
 * would have to prove it are refused (page 6). */
static enum pz_err
make_server(const struct pz_env *env, const struct pz_device_zone *zone, struct pz_tls_ctx **out,
	    struct pz_errinfo *info)
{
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = NULL;
	struct secrets secrets = {0};

	PZ_TRY(pz_device_zone_trust(zone, &trust, info));
	PZ_TRY(pz_friends_add_trust(zone->friends, trust, info));
	add_own(&secrets, zone);
	add_friends(&secrets, zone);
	return make_ctx(env, zone->membership, PZ_TLS_PEER_SERVER, trust, &secrets, out, info);
}

struct pz_tls_ctx *
pz_node_friend_ctx(const struct pz_node *node, const char *zone)
{
	const struct pz_friend *f = pz_device_zone_friend(&node->zone, pz_slice_str(zone));
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = f ? pz_trust_new() : NULL;
	struct secrets secrets = {0};
	struct pz_tls_ctx *ctx = NULL;

	if (trust == NULL || pz_trust_add(trust, f->ca, f->crl, NULL) != PZ_OK)
		return NULL;
	add_secret(&secrets, f->zone, f->secret);
	if (make_ctx(node->config.env, node->zone.membership, PZ_TLS_CLIENT, trust, &secrets, &ctx,
		     NULL) != PZ_OK)
		return NULL;
	return ctx;
}

enum pz_err
pz_node_refresh_trust(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_env *env = node->config.env;
	struct pz_tls_ctx *client = NULL, *server = NULL;
	enum pz_err err = PZ_OK;

	/* All or nothing: with the old pair of contexts, links continue as before. */
	if (node->zone.membership)
		err = make_client(env, &node->zone, &client, info);
	if (client)
		err = make_server(env, &node->zone, &server, info);
	if (err != PZ_OK) {
		pz_tls_ctx_free(client);
		return err;
	}
	pz_uplink_set_tls(node->uplink, client);
	pz_peers_set_membership(node->peers, client, server);
	return PZ_OK;
}

/* In the order of a revocation: from the first step on no message of the zone is accepted (the
 * router checks the table), running calls of the device end, and what it was shown or asked is
 * judged again. */
void
pz_node_friends_follow(struct pz_node *node)
{
	json_t *gone = pz_device_zone_follow_friends(&node->zone), *zone;
	size_t i;

	json_array_foreach (gone, i, zone) {
		pz_notice("friend-gone", "zone=%s is no friend of this zone any more",
			  json_string_value(zone));
		pz_peers_forget_friend(node->peers, json_string_value(zone));
		pz_calls_friend_gone(node->calls, json_string_value(zone));
	}
	json_decref(gone);
	pz_pairing_follow_hub(node->pairing);
	pz_grants_follow_friends(node->judge.policies);
	if (node->judge.access)
		pz_access_changed(node->judge.access);
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

/* True for the same device of the same zone, or when both are none. */
static bool
is_same(const struct pz_membership *a, const struct pz_membership *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a->zone, b->zone) == 0 && strcmp(a->device, b->device) == 0;
}

/*
 * What can fail comes first, on the new objects: a membership that cannot be used is not applied.
 * Then, in this order: the address, since all later steps use it; preferences, which decide whether
 * the device listens and connects; the trust, with which links of a former zone end and the server
 * is opened; and last the address of services and of the router, for announcements.
 */
enum pz_err
pz_node_set_membership(struct pz_node *node, struct pz_membership *takes, struct pz_errinfo *info)
{
	struct pz_tls_ctx *ctx = NULL;
	enum pz_err err = pz_zonedata_set_membership(node->zonedata, takes, info);
	if (err == PZ_OK)
		/* A device that has just enrolled has no knowledge of the zone yet; only its
		 * certificate and keys can be wrong here. */
		err = pz_uplink_set_membership(node->uplink, takes, info);
	if (err == PZ_OK && takes) {
		struct pz_device_zone next = {.membership = takes,
					      .knowledge = node->zone.knowledge};
		err = make_client(node->config.env, &next, &ctx, info);
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
	if (takes)
		pz_pairing_joined(node->pairing, takes->zone);
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
