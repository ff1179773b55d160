/*
 * The node of a device: its parts, made in the order in which they need each other, and ended in
 * the order in which they may still call each other. It has no logic of its own. The files *_ops.c
 * decide what happens when: one for each part, which connects it with the others by a table of
 * operations.
 *
 * `stop` sends bye on all links and reports the end to programs; `free` frees the parts. A node
 * that could not be made is freed in the same way, so each step of `free` must accept parts that do
 * not exist.
 */
#include <stdio.h>
#include <stdlib.h>

#include "asking/asking.h"
#include "audit/audit.h"
#include "base/auto.h"
#include "daemon/servicefiles.h"
#include "devicestatus/devicestatus.h"
#include "enrolment/enrolment.h"
#include "items/app_data.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "pzp/file_ops.h"
#include "pzp/item_ops.h"
#include "pzp/member_ops.h"
#include "pzp/membership.h"
#include "pzp/peer_ops.h"
#include "pzp/policy_ops.h"
#include "pzp/spread.h"
#include "pzp/uplink_ops.h"
#include "pzp/wipe.h"
#include "pzp/zonedata_ops.h"
#include "service/api_test.h"
#include "transfer/transfer.h"

/* The clock was set by a person or by NTP. Time-outs are monotonic and not affected; dates of
 * certificates and rules about time are. */
void
pz_node_clock_set(struct pz_node *node)
{
	pz_upkeep_clock_set(node->upkeep);
	pz_access_changed(node->judge.access);
}

/* ---- life ---- */

static enum pz_err
add_builtin(struct pz_node *node, struct pz_service *service, struct pz_errinfo *info)
{
	enum pz_err err = pz_registry_add(node->registry, service, info);
	if (err != PZ_OK)
		pz_service_free(service);
	return err;
}

static enum pz_err
add_builtins(struct pz_node *node, struct pz_errinfo *info)
{
	struct pz_service *service = NULL;

	PZ_TRY(pz_service_test_new(node->config.env, &service, info));
	PZ_TRY(add_builtin(node, service, info));
	PZ_TRY(pz_service_devicestatus_new(node->config.env, "/", &service, info));
	return add_builtin(node, service, info);
}

static void
on_store(void *arg, enum pz_err err, const char *detail)
{
	pz_condition_outcome(arg, PZ_CONDITION_STORE_FAILED, err, detail);
}

static enum pz_err
apps_new(struct pz_node *node, struct pz_errinfo *info)
{
	node->apps = (struct pz_apps_owner){
		.access = node->judge.access,
		.calls = node->calls,
		.prompts = pz_asking_prompts(node->judge.asking),
		.items = node->items,
		.peers = node->peers,
		.uplink = node->uplink,
		.requests = &node->requests,
		.zone = &node->zone,
		.device = node->names.device,
		.display_name = node->names.display_name,
		.device_type = node->names.device_type,
		.has_manifest = pz_manifests_has,
		.manifests = node->judge.manifests,
	};
	const struct pz_apps_config config = {
		.env = node->config.env,
		.transport = node->config.web,
		.router = pz_calls_router(node->calls),
		.registry = node->registry,
		.metrics = &node->metrics,
		.conditions = node->conditions,
		.store = node->config.store,
		.items = node->items,
		.self = node->names.self,
		.frame_max = node->config.frame_max,
		.ops = &pz_apps_owner_ops,
		.arg = &node->apps,
	};

	PZ_TRY(pz_apps_new(&config, &node->apps.apps, info));
	return PZ_OK;
}

/* Other devices: of the zone, of friends, and strangers. */
static enum pz_err
others_new(struct pz_node *node, struct pz_errinfo *info)
{
	node->peers = pz_node_peers_new(node);
	if (node->peers)
		node->pairing = pz_node_pairing_new(node);
	return node->pairing ? PZ_OK : pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

/* Its record is stored when the disk can; until then each start makes a key. */
static enum pz_err
replace_lost_key(struct pz_node *node, struct pz_membership **membership, struct pz_errinfo *info)
{
	PZ_AUTO(pz_txn_free) struct pz_txn *txn = pz_txn_new();
	struct pz_membership *fresh = NULL;

	if (txn == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	pz_warning("tls-key-lost", "zone=%s the TLS key is missing or damaged, a new one is made",
		   (*membership)->zone);
	PZ_TRY(pz_membership_renew(*membership, node->config.keys, node->config.env, txn, &fresh,
				   info));
	pz_store_commit(node->config.store, PZ_TAKE(txn), NULL, NULL);
	pz_membership_free(*membership);
	*membership = fresh;
	return PZ_OK;
}

/* Friends of pairings are loaded before the membership is set, whose effects (trust of the links)
 * must include them. */
static enum pz_err
load_membership(struct pz_node *node, struct pz_errinfo *info)
{
	struct pz_membership *membership = NULL;

	PZ_TRY(pz_membership_load(node->config.store, node->config.keys, &membership, info));
	enum pz_err err = PZ_OK;
	if (membership && membership->tls_key == NULL)
		err = replace_lost_key(node, &membership, info);
	if (err == PZ_OK)
		err = pz_pairing_load(node->pairing, membership ? membership->zone : NULL, info);
	if (err == PZ_OK)
		return pz_node_set_membership(node, membership, info);
	pz_membership_free(membership);
	return err;
}

/* Each part is made before the parts that use it: the router (of the calls) before items, uplink
 * and peers; the wipe before enrolments, which hold it; the directory (of the uplink) before the
 * peers. The membership comes last, since it affects all parts. */
static enum pz_err
build(struct pz_node *node, struct pz_errinfo *info)
{
	node->registry = pz_registry_new();
	node->conditions = pz_conditions_new(node->config.env);
	node->zone.friends = pz_friends_new();
	if (!node->registry || !node->conditions || !node->zone.friends)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	/* From here on each failed commit raises a condition: parts below store while they load. */
	pz_store_watch(node->config.store, on_store, node->conditions);
	PZ_TRY(pz_node_policies_new(node, info));
	PZ_TRY(pz_node_audit_new(node, info));
	if (pz_node_access_new(node) != PZ_OK)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	const struct pz_servicefiles_config files = {
		.env = node->config.env,
		.registry = node->registry,
		.conditions = node->conditions,
		.processes = node->config.processes,
		.processes_arg = node->config.processes_arg,
	};
	node->service_files = pz_servicefiles_new(&files);
	if (node->service_files == NULL || pz_node_calls_new(node) != PZ_OK)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	node->items = pz_node_items_new(node);
	if (node->items == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(pz_node_asking_new(node, info));
	node->zonedata = pz_node_zonedata_new(node);
	node->uplink = pz_node_uplink_new(node);
	node->wipe = pz_wipe_new(node);
	node->enrolment = pz_node_enrolment_new(node);
	node->upkeep = pz_node_upkeep_new(node);
	if (node->zonedata == NULL || node->uplink == NULL || node->wipe == NULL ||
	    node->enrolment == NULL || node->upkeep == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(pz_upkeep_load(node->upkeep, info));
	PZ_TRY(others_new(node, info));
	PZ_TRY(pz_node_transfers_new(node, info));
	PZ_TRY(apps_new(node, info));
	/* Calls and questions are made before the links, and send on them: they get them now,
	 * before any link can exist. */
	pz_calls_connect(node->calls, node->peers, node->uplink, node->items);
	pz_asking_connect(node->judge.asking, node->peers);
	PZ_TRY(add_builtins(node, info));

	return load_membership(node, info);
}

/* Applies settings at a running daemon (SIGHUP). */
static void
set_changeable(struct pz_node *node, const struct pz_node_config *config)
{
	node->config.call_timeout_us =
		config->call_timeout_us ? config->call_timeout_us : PZ_CALL_TIMEOUT_US;
	node->config.app_data_bytes_max =
		config->app_data_bytes_max ? config->app_data_bytes_max : PZ_APP_DATA_BYTES_MAX;
	node->config.keepalive_us = config->keepalive_us;
}

static void
init_fields(struct pz_node *node, const struct pz_node_config *config)
{
	node->config = *config;
	if (node->config.frame_max == 0)
		node->config.frame_max = PZ_FRAME_BYTES_DEFAULT;
	pz_requests_init(&node->requests, config->env, node);
	node->started_us = pz_env_mono_us(config->env);
	set_changeable(node, config);
}

enum pz_err
pz_node_new(const struct pz_node_config *config, struct pz_node **out, struct pz_errinfo *info)
{
	struct pz_node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	init_fields(node, config);
	const struct pz_names_config names = {config->env, config->store, config->device};
	enum pz_err err = pz_names_settle(&node->names, &names, info);
	if (err == PZ_OK)
		err = build(node, info);
	if (err == PZ_OK && node->zone.membership)
		pz_uplink_loaded(node->uplink);
	if (err == PZ_OK)
		err = pz_node_items_start(node, info);
	if (err != PZ_OK) {
		pz_node_free(node);
		return err;
	}
	/* The built-in services exist from the start: later ones are announced. */
	pz_calls_start(node->calls);
	/* Keys of an enrolment that a crash has interrupted. */
	pz_node_sweep_keys(node);
	*out = node;
	return PZ_OK;
}

void
pz_node_start(struct pz_node *node)
{
	pz_upkeep_start(node->upkeep);
	if (node->zone.membership) {
		/* A crash may have come between a revocation list and its effects. */
		pz_zonedata_judge(node->zonedata);
		pz_service_cache_drop_left(node->items);
		pz_service_cache_announce(node->items);
	}
	/* Before the hub: it is sent the port of the server. */
	pz_peers_start(node->peers);
	pz_uplink_start(node->uplink);
	pz_apps_listen(node->apps.apps, pz_spread_web_port(node));
}

void
pz_node_stop(struct pz_node *node)
{
	node->is_stopping = true;
	pz_asking_end(node->judge.asking);
	pz_apps_end(node->apps.apps);
	/* Nothing new begins; then links get bye, the hub last: it forwards for the others. */
	pz_upkeep_end(node->upkeep);
	pz_calls_end(node->calls);
	pz_enrolment_drop(node->enrolment);
	pz_pairing_end(node->pairing);
	pz_peers_end(node->peers);
	pz_uplink_end(node->uplink);
	pz_audit_save_now(node->judge.audit);
	pz_watch_event(&node->requests,
		       json_pack("{s:s, s:s}", "event", "ended", "reason", "pzpd is stopping"));
	pz_requests_report(&node->requests);
}

/* Requests and searches end first, while the parts that they use exist. Peers and uplink end before
 * the calls, since their sessions are in the router; the registry ends after the calls, which watch
 * it. */
void
pz_node_free(struct pz_node *node)
{
	if (node == NULL)
		return;
	node->is_stopping = true; /* the end of a command starts nothing any more */
	pz_asking_end(node->judge.asking);
	pz_upkeep_end(node->upkeep);
	if (node->calls)
		pz_calls_end(node->calls);
	pz_manage_fini(&node->judge.manage);
	pz_peerapi_fini(&node->peerapi);
	pz_requests_fini(&node->requests);
	pz_names_stop(&node->names);
	pz_upkeep_free(node->upkeep);
	pz_enrolment_free(node->enrolment);
	pz_calls_stop(node->calls);
	pz_transfers_free(PZ_TAKE(node->transfers));
	pz_apps_free(PZ_TAKE(node->apps.apps));
	pz_pairing_free(node->pairing);
	pz_peers_free(node->peers);
	pz_uplink_free(node->uplink);
	pz_zonedata_free(node->zonedata);
	pz_items_free(node->items);
	pz_servicefiles_free(node->service_files);
	pz_wipe_free(node->wipe);
	pz_calls_free(node->calls);
	pz_access_free(node->judge.access);
	pz_asking_free(node->judge.asking); /* prompts of access are withdrawn first */
	pz_friends_free(node->zone.friends);
	pz_registry_free(node->registry);
	pz_manifests_free(node->judge.manifests);
	pz_policies_free(node->judge.policies);
	pz_audit_free(node->judge.audit);
	pz_store_watch(node->config.store, NULL, NULL);
	pz_conditions_free(node->conditions);
	pz_membership_free(node->zone.membership);
	free(node);
}

void
pz_node_reconfigure(struct pz_node *node, const struct pz_node_config *config)
{
	set_changeable(node, config);
	pz_calls_set_timeout(node->calls, node->config.call_timeout_us);
	pz_uplink_set_keepalive(node->uplink, config->keepalive_us);
	pz_peers_set_keepalive(node->peers, config->keepalive_us);
	pz_items_set_app_data_max(node->items, node->config.app_data_bytes_max);
	pz_user_prefs_configure_ports(node->items, config->tls_port, config->web_port);
}

void
pz_node_network_changed(struct pz_node *node)
{
	pz_uplink_network_changed(node->uplink);
	pz_peers_network_changed(node->peers);
}

void
pz_node_set_manufacturer_policy(struct pz_node *node, struct pz_slice text, const char *unreadable)
{
	pz_policies_set_manufacturer(node->judge.policies, text, unreadable);
}

void
pz_node_serve_files(struct pz_node *node, char *const *paths, size_t count, const char *directory)
{
	pz_servicefiles_load(node->service_files, paths, count, directory);
}

enum pz_state
pz_node_state(const struct pz_node *node)
{
	return pz_uplink_state(node->uplink);
}

const char *
pz_node_address(const struct pz_node *node)
{
	return node->names.self;
}

struct pz_metrics *
pz_node_metrics(struct pz_node *node)
{
	return &node->metrics;
}
