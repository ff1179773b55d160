/* The node: its parts, its membership, and what the state machine has it do. */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "items/app_data.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "pzp/item_ops.h"
#include "pzp/moved.h"
#include "pzp/peer_ops.h"
#include "pzp/resend.h"
#include "pzp/servicefiles.h"
#include "pzp/twice.h"
#include "pzp/zonedata.h"
#include "service/api_devicestatus.h"
#include "service/api_test.h"

#define RENEWAL_CHECK_US (3600 * PZ_US_PER_S)

/* ---- membership ---- */

enum pz_err
node_make_tls_ctx(const struct pz_env *env, const struct pz_device_zone *zone,
		  enum pz_tls_kind kind, struct pz_tls_ctx **out, struct pz_errinfo *info)
{
	const struct pz_membership *m = zone->membership;
	struct pz_cert *chain[] = {m->tls, m->device_ca};
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = NULL;

	PZ_TRY(pz_device_zone_trust(zone, &trust, info));
	struct pz_tls_config config = {
		.kind = kind,
		.chain = chain,
		.chain_len = 2,
		.key = m->tls_key,
		.trust = trust,
		.env = env,
	};
	return pz_tls_ctx_new(&config, out, info);
}

enum pz_err
node_refresh_trust(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_env *env = node->config.env;
	struct pz_tls_ctx *client = NULL, *server = NULL;
	enum pz_err err = PZ_OK;

	if (node->zone.membership)
		err = node_make_tls_ctx(env, &node->zone, PZ_TLS_CLIENT, &client, info);
	if (client)
		err = node_make_tls_ctx(env, &node->zone, PZ_TLS_PEER_SERVER, &server, info);
	if (err != PZ_OK) {
		pz_tls_ctx_free(client);
		return err;
	}
	pz_tls_ctx_free(node->tls_ctx);
	node->tls_ctx = client;
	pz_peers_set_membership(node->peers, node->tls_ctx, server);
	return PZ_OK;
}

static void
take_membership(struct pz_node *node, struct pz_membership *takes)
{
	if (node->zone.membership != takes)
		pz_membership_free(node->zone.membership);
	node->zone.membership = takes;
	if (takes) {
		if (node->is_wipe_failed) /* what could not be removed is replaced */
			zonedata_rewrite(node, "what the zone before had told is there still");
		node->is_wipe_failed = false;
		snprintf(node->device, sizeof(node->device), "%s", takes->device);
		snprintf(node->self, sizeof(node->self), "%s/%s", takes->zone, takes->device);
	} else {
		snprintf(node->self, sizeof(node->self), "%s", node->device);
	}
}

/* Whatever can fail comes first: a membership that cannot be used is none. */
enum pz_err
node_set_membership(struct pz_node *node, struct pz_membership *takes, struct pz_errinfo *info)
{
	struct pz_tls_ctx *ctx = NULL;
	enum pz_err err = zonedata_set_membership(node, takes, info);
	if (err == PZ_OK)
		err = moved_set_membership(node, takes, info);
	if (err == PZ_OK && takes) {
		struct pz_device_zone next = {takes, node->zone.knowledge};
		err = node_make_tls_ctx(node->config.env, &next, PZ_TLS_CLIENT, &ctx, info);
	}
	pz_tls_ctx_free(ctx);
	if (err != PZ_OK) {
		pz_membership_free(takes);
		return err;
	}
	take_membership(node, takes);
	pz_node_prefs_membership_changed(node);
	PZ_TRY(node_refresh_trust(node, info));
	PZ_TRY(pz_router_set_self(node->router, node->self));
	return pz_registry_set_address(node->registry, node->self);
}

void
node_sweep_keys(struct pz_node *node)
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

static void
on_renewal_check(struct pz_timer *timer, void *arg)
{
	struct pz_node *node = arg;

	node_renew_if_due(node);
	warnings_check(node);
	pz_env_start(node->config.env, timer, RENEWAL_CHECK_US);
}

/* ---- the clock ---- */

static void
check_clock(struct pz_node *node)
{
	struct pz_errinfo info = {""};

	if (pz_clock_check(node->config.env, &info) == PZ_OK)
		pz_condition_clear(node->conditions, PZ_CONDITION_CLOCK_WRONG, "");
	else
		pz_condition_raise(node->conditions, PZ_CONDITION_CLOCK_WRONG, "", "%s", info.text);
}

/* What was refused because of dates may be taken now, and our own certificate may be due. */
static void
on_clock_jump(void *arg, int64_t by_ms)
{
	struct pz_node *node = arg;

	(void)by_ms;
	check_clock(node);
	node_renew_if_due(node);
	if (!node->is_stopping)
		pz_node_network_changed(node);
}

void
pz_node_clock_set(struct pz_node *node)
{
	pz_clock_watch_look(&node->clock);
}

/* ---- the machine ---- */

static void
on_act(void *arg, enum pz_action action)
{
	struct pz_node *node = arg;

	switch (action) {
	case PZ_ACT_NONE:
		break;
	case PZ_ACT_GIVE_UP:
		enrolment_drop(node);
		break;
	case PZ_ACT_DIAL:
		pz_user_prefs_apply(node->items);
		hub_dial(node);
		break;
	case PZ_ACT_HANG_UP:
		hub_clean(node);
		moved_failed(node);
		break;
	case PZ_ACT_ONLINE:
		hub_online(node);
		break;
	case PZ_ACT_CLEAN:
		hub_clean(node);
		(void)pz_machine_event(&node->machine, PZ_EVENT_CLEANED, NULL);
		break;
	case PZ_ACT_CLEAN_AND_WIPE:
		hub_clean(node);
		hub_wipe(node);
		break;
	case PZ_ACT_VIRGIN:
		pz_notice("virgin", "everything bound to the zone is removed");
		break;
	}
}

static void
on_changed(void *arg, enum pz_state old, enum pz_state now, enum pz_event event)
{
	struct pz_node *node = arg;

	pz_metric_add(&node->metrics, PZ_METRIC_state_changes, 1);
	if (old == PZ_STATE_CONNECTED && now != PZ_STATE_CONNECTED)
		pz_app_data_session_ended(node->items, node->zone.membership->zone);
	if (now == PZ_STATE_NOT_CONNECTED || now == PZ_STATE_VIRGIN)
		pz_user_prefs_apply(node->items);
	if (now == PZ_STATE_CONNECTED) {
		node->hub_since_ms = pz_env_wall_ms(node->config.env);
		pz_app_data_session_began(node->items);
	}
	node_tell(node, json_pack("{s:s, s:s, s:s, s:s, s:s}", "event", "state", "old",
				  pz_state_text(old), "new", pz_state_text(now), "cause",
				  pz_event_text(event), "reason", node->machine.reason));
	moved_state_changed(node, now);
	commands_state_changed(node, now);
}

static const struct pz_machine_ops machine_ops = {
	.act = on_act,
	.changed = on_changed,
	.explain_timeout = node_explain_timeout,
};

/* ---- life ---- */

static void
on_registry_change(void *arg, enum pz_registry_event event, struct pz_service *service)
{
	(void)event;
	(void)service;
	discovery_announce_soon(arg);
}

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

static enum pz_err
build(struct pz_node *node, struct pz_errinfo *info)
{
	struct pz_router_config config = {
		.self = node->device,
		.env = node->config.env,
		.metrics = &node->metrics,
		.queue_high_bytes = node->config.queue_high_bytes,
		.queue_low_bytes = node->config.queue_low_bytes,
		.ops = &node_router_ops,
		.arg = node,
	};

	node->directory = json_object();
	node->known = json_object();
	node->told = json_object();
	node->registry = pz_registry_new();
	node->pending = pz_pending_new(node->config.env);
	node->conditions = pz_conditions_new(node->config.env);
	if (!node->directory || !node->known || !node->told || !node->registry || !node->pending ||
	    !node->conditions)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	node->dispatcher =
		pz_dispatcher_new(node->config.env, node->registry, &node_dispatch_ops, node);
	if (node->dispatcher == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(pz_router_new(&config, &node->router));
	node->items = pz_node_items_new(node);
	if (node->items == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	node->zonedata = zonedata_new(node);
	node->moved = moved_new(node);
	node->twice = twice_new(node);
	if (node->zonedata == NULL || pz_node_sync_init(node->zonedata) != PZ_OK ||
	    node->moved == NULL || node->twice == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	node->peers = pz_node_peers_new(node);
	if (node->peers == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(add_builtins(node, info));
	struct pz_membership *membership = NULL;
	PZ_TRY(pz_membership_load(node->config.store, node->config.keys, &membership, info));
	return node_set_membership(node, membership, info);
}

static void
on_announce(struct pz_timer *timer, void *arg)
{
	struct pz_node *node = arg;

	(void)timer;
	discovery_announce(node);
	pz_peers_tell_services(node->peers);
}

static void
on_leave_timeout(struct pz_timer *timer, void *arg)
{
	struct pz_node *node = arg;

	(void)timer;
	(void)pz_machine_event(&node->machine, PZ_EVENT_LEAVE,
			       "left the zone; the hub was not reached: revoke this device there, "
			       "with `pzh revoke`");
}

static void
on_wipe_retry(struct pz_timer *timer, void *arg)
{
	(void)timer;
	hub_wipe_again(arg);
}

static void
on_enrol_reaper(struct pz_timer *timer, void *arg)
{
	(void)timer;
	enrolment_reap(arg);
}

static void
set_changeable(struct pz_node *node, const struct pz_node_config *config)
{
	node->config.call_timeout_us =
		config->call_timeout_us ? config->call_timeout_us : PZ_CALL_TIMEOUT_US;
	node->config.app_data_bytes_max =
		config->app_data_bytes_max ? config->app_data_bytes_max : PZ_APP_DATA_BYTES_MAX;
	node->link_host.keepalive_us = config->keepalive_us;
}

static void
init_fields(struct pz_node *node, const struct pz_node_config *config)
{
	node->config = *config;
	if (node->config.frame_max == 0)
		node->config.frame_max = PZ_FRAME_BYTES_DEFAULT;
	pz_requests_init(&node->requests, config->env, node);
	pz_list_init(&node->finds);
	pz_list_init(&node->answers);
	node->hub.node = node;
	node->started_us = pz_env_mono_us(config->env);
	node->link_host = (struct pz_link_host){
		.env = config->env,
		.turn = config->turn,
		.metrics = &node->metrics,
		.events = &node_link_events,
		.frame_max = node->config.frame_max,
	};
	set_changeable(node, config);
	pz_timer_init(&node->renewal, on_renewal_check, node);
	pz_timer_init(&node->announce, on_announce, node);
	pz_timer_init(&node->leave_timer, on_leave_timeout, node);
	pz_timer_init(&node->enrol_reaper, on_enrol_reaper, node);
	pz_timer_init(&node->wipe_retry, on_wipe_retry, node);
	node->registry_watch =
		(struct pz_registry_watch){.changed = on_registry_change, .arg = node};
}

enum pz_err
pz_node_new(const struct pz_node_config *config, struct pz_node **out, struct pz_errinfo *info)
{
	struct pz_node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	init_fields(node, config);
	enum pz_err err = node_settle_names(node, info);
	if (err == PZ_OK)
		err = build(node, info);
	pz_machine_init(&node->machine, config->env, &machine_ops, node,
			node->zone.membership != NULL);
	if (err == PZ_OK)
		err = pz_node_items_start(node, info);
	if (err != PZ_OK) {
		pz_node_free(node);
		return err;
	}
	pz_registry_watch(node->registry, &node->registry_watch);
	node_sweep_keys(node);
	*out = node;
	return PZ_OK;
}

void
pz_node_start(struct pz_node *node)
{
	on_renewal_check(&node->renewal, node);
	pz_clock_watch_start(&node->clock, node->config.env, on_clock_jump, node);
	check_clock(node);
	if (node->zone.membership) {
		zonedata_judge(node); /* a wipe that a crash came before */
		pz_service_cache_drop_left(node->items);
		pz_service_cache_announce(node->items);
	}
	pz_peers_start(node->peers);
	if (node->zone.membership)
		pz_machine_start(&node->machine);
}

void
pz_node_stop(struct pz_node *node)
{
	node->is_stopping = true;
	enrolment_drop(node);
	pz_peers_end(node->peers);
	if (node->machine.state != PZ_STATE_VIRGIN)
		(void)pz_machine_event(&node->machine, PZ_EVENT_DISCONNECT, "stopping");
	node_tell(node, json_pack("{s:s, s:s}", "event", "ended", "reason", "pzpd is stopping"));
	pz_requests_report(&node->requests);
}

void
pz_node_free(struct pz_node *node)
{
	if (node == NULL)
		return;
	node->is_stopping = true; /* the end of a command begins nothing any more */
	pz_requests_fini(&node->requests);
	pz_machine_fini(&node->machine);
	pz_keep_stop(&node->names);
	pz_clock_watch_stop(&node->clock);
	pz_env_stop(node->config.env, &node->renewal);
	pz_env_stop(node->config.env, &node->announce);
	pz_env_stop(node->config.env, &node->leave_timer);
	pz_env_stop(node->config.env, &node->enrol_reaper);
	pz_env_stop(node->config.env, &node->wipe_retry);
	enrolment_free_all(node);
	pz_registry_unwatch(&node->registry_watch);
	if (node->peers)
		discovery_end_all(node); /* tells the dispatcher, too */
	resend_free(node);
	pz_peers_free(node->peers);
	pz_sync_link_free(node->hub_data);
	if (node->zonedata)
		pz_node_sync_fini(node->zonedata);
	zonedata_free(node->zonedata);
	pz_items_free(node->items);
	servicefiles_free(node->service_files);
	moved_free(node->moved);
	twice_free(node->twice);
	pz_dispatcher_free(node->dispatcher);
	pz_registry_free(node->registry);
	pz_pending_free(node->pending);
	pz_conditions_free(node->conditions);
	pz_router_free(node->router);
	pz_tls_ctx_free(node->tls_ctx);
	pz_membership_free(node->zone.membership);
	json_decref(node->directory);
	json_decref(node->known);
	json_decref(node->told);
	free(node);
}

void
pz_node_reconfigure(struct pz_node *node, const struct pz_node_config *config)
{
	set_changeable(node, config);
	pz_items_set_app_data_max(node->items, node->config.app_data_bytes_max);
	pz_user_prefs_configure_ports(node->items, config->tls_port, config->web_port);
}

void
pz_node_network_changed(struct pz_node *node)
{
	if (node->machine.state == PZ_STATE_CONNECTED) {
		hub_send_info(node);
		hub_probe(node, PZ_PEER_CONTEST_US); /* the way there may be another now */
	} else {
		pz_machine_network_changed(&node->machine);
	}
	pz_peers_network_changed(node->peers);
}

void
pz_node_serve_files(struct pz_node *node, char *const *paths, size_t count, const char *directory)
{
	servicefiles_load(node, paths, count, directory);
}

enum pz_state
pz_node_state(const struct pz_node *node)
{
	return node->machine.state;
}

const char *
pz_node_address(const struct pz_node *node)
{
	return node->self;
}

struct pz_metrics *
pz_node_metrics(struct pz_node *node)
{
	return &node->metrics;
}
