/* One zone: what it is made of, and what happens to all its links at once. */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzh/internal.h"
#include "pzh/transact.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "wire/message.h"

/* Changes are told together: a zone whose devices all come back at once sends few messages. */
#define UPDATE_DELAY_US (100 * PZ_US_PER_MS)
/* The more devices hear of a change, the longer changes are collected: bounds the traffic of a
 * large zone. */
#define UPDATE_DELAY_PER_DEVICE_US (500)
#define UPDATE_SOON_US (2 * PZ_US_PER_MS)
#define SAVE_DELAY_US (1 * PZ_US_PER_S)

/* A member's queue is watched by the router, also for what the hub itself says. */
static enum pz_err
send_to(struct hub_zone *zone, struct pz_link *link, struct pz_slice frames)
{
	if (link->session.attached)
		return pz_router_push(zone->router, &link->session, frames);
	return pz_link_send(link, frames);
}

static void
on_update(struct pz_timer *timer, void *arg)
{
	struct hub_zone *zone = arg;
	struct pz_buf frames;

	(void)timer;
	zone->updated_us = pz_env_mono_us(zone->hub->config.env);
	pz_buf_init(&frames, PZ_QUEUE_HIGH_BYTES, NULL);
	enum pz_err err = update_build(zone, true, &frames);
	PZ_LIST_EACH (&zone->links, node, tmp) {
		struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
		if (err == PZ_OK && send_to(zone, link, pz_buf_slice(&frames)) != PZ_OK)
			pz_link_close(link, PZ_ERR_LIMIT_QUEUE, "cannot take an Update");
	}
	if (err != PZ_OK)
		pz_error("update", "zone=%s cannot send the change to the devices: %s",
			 zone->authority->zone, pz_err_text(err));
	pz_buf_fini(&frames);
	json_object_clear(zone->changed);
}

/* A lone change is told at once, those that follow are collected. */
void
zone_member_changed(struct hub_zone *zone, struct pz_member *member)
{
	const struct pz_env *env = zone->hub->config.env;
	uint64_t now = pz_env_mono_us(env);
	uint64_t due =
		zone->updated_us + UPDATE_DELAY_US + zone->connected * UPDATE_DELAY_PER_DEVICE_US;

	if (zone->hub->is_stopping)
		return;
	(void)json_object_set_new(zone->changed, member->device, json_true());
	if (!zone->update_timer.active)
		pz_env_start(env, &zone->update_timer,
			     due > now + UPDATE_SOON_US ? due - now : UPDATE_SOON_US);
}

void
zone_tell_before_return(struct hub_zone *zone, const struct pz_member *member)
{
	if (json_object_get(zone->changed, member->device) == NULL)
		return;
	pz_env_stop(zone->hub->config.env, &zone->update_timer);
	on_update(&zone->update_timer, zone);
}

void
zone_send_whole_update(struct hub_zone *zone, struct pz_link *link)
{
	struct pz_buf frames;

	pz_buf_init(&frames, PZ_QUEUE_HIGH_BYTES, NULL);
	enum pz_err err = update_build(zone, false, &frames);
	if (err == PZ_OK)
		err = send_to(zone, link, pz_buf_slice(&frames));
	pz_buf_fini(&frames);
	if (err != PZ_OK)
		pz_link_close(link, err, "cannot take the first Update");
}

void
zone_too_large(struct hub_zone *zone, const struct pz_link *link, const char *what, size_t bytes)
{
	const struct pz_session *to = &link->session;

	pz_condition_raise(zone->hub->conditions, PZ_CONDITION_TOO_LARGE, to->address,
			   "%s of %zu bytes was not sent to %s, which takes at most %u", what,
			   bytes, to->address, to->frame_max);
}

void
zone_send_prop(struct hub_zone *zone, struct pz_link *link, const char *status, json_t *message)
{
	zone_send_prop_to(zone, link, link->session.address, status, message);
}

void
zone_send_prop_to(struct hub_zone *zone, struct pz_link *link, const char *to, const char *status,
		  json_t *message)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_prop(&out, zone->authority->zone, to, status, message);
	if (err == PZ_OK)
		err = send_to(zone, link, pz_buf_slice(&out));
	if (err == PZ_ERR_PROTO_FRAME)
		zone_too_large(zone, link, status, out.len);
	else if (err != PZ_OK)
		pz_link_close(link, err, "cannot send a prop");
	pz_buf_fini(&out);
}

/* ---- trust ---- */

static enum pz_err
make_contexts(struct hub_zone *zone, struct pz_trust *trust, struct pz_tls_ctx **out_link,
	      struct pz_tls_ctx **out_enrol, struct pz_errinfo *info)
{
	struct pz_authority *a = zone->authority;
	struct pz_cert *chain[] = {a->tls};
	struct pz_tls_config config = {
		.kind = PZ_TLS_HUB_SERVER,
		.chain = chain,
		.chain_len = 1,
		.key = a->tls_key,
		.trust = trust,
		.env = zone->hub->config.env,
	};

	PZ_TRY(pz_tls_ctx_new(&config, out_link, info));
	config.kind = PZ_TLS_ENROL_SERVER;
	config.trust = NULL;
	enum pz_err err = pz_tls_ctx_new(&config, out_enrol, info);
	if (err != PZ_OK)
		pz_tls_ctx_free(PZ_TAKE(*out_link));
	return err;
}

/* Page 2 "TLS": a change of trust makes a new SSL_CTX and walks the live links. */
enum pz_err
zone_refresh_trust(struct hub_zone *zone, struct pz_errinfo *info)
{
	struct pz_tls_ctx *link_ctx = NULL, *enrol_ctx = NULL;
	struct pz_trust *trust = pz_trust_new();

	zone_close_revoked(zone, "revoked");
	if (trust == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_trust_add(trust, zone->authority->ca, zone->authority->crl, info);
	if (err == PZ_OK)
		err = make_contexts(zone, trust, &link_ctx, &enrol_ctx, info);
	if (err != PZ_OK) {
		pz_trust_free(trust);
		return err;
	}
	pz_trust_free(zone->trust);
	pz_tls_ctx_free(zone->link_ctx);
	pz_tls_ctx_free(zone->enrol_ctx);
	zone->trust = trust;
	zone->link_ctx = link_ctx;
	zone->enrol_ctx = enrol_ctx;
	return PZ_OK;
}

static void
close_revoked_in(struct pz_list *links, const struct hub_zone *zone, const char *reason)
{
	PZ_LIST_EACH (links, node, tmp) {
		struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
		struct hub_peer *peer = link->owner;
		if (peer->zone == zone && peer->serial[0] &&
		    pz_crl_has_serial(zone->authority->crl, peer->serial))
			hub_link_revoked(peer, reason);
	}
}

void
zone_close_revoked(struct hub_zone *zone, const char *reason)
{
	close_revoked_in(&zone->links, zone, reason);
	close_revoked_in(&zone->hub->links, zone, reason);
	behind_clean(zone);
}

/* ---- discovery ---- */

static void
on_find(void *arg, const char *caller, struct pz_find *find)
{
	struct hub_zone *zone = arg;
	size_t pos = 0, i;
	struct pz_slice device;
	void *list;
	json_t *one;

	(void)caller;
	while (pz_map_next(zone->announced, &pos, &device, &list))
		json_array_foreach ((json_t *)list, i, one)
			pz_find_add_json(find, one);
	pz_find_done(find);
}

static enum pz_err
send_rpc(struct hub_zone *zone, const char *to, json_t *payload)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_rpc(&out, zone->authority->zone, to, payload);
	if (err == PZ_OK)
		err = pz_router_send(zone->router, pz_buf_slice(&out));
	pz_buf_fini(&out);
	return err;
}

void
zone_send_rpc(struct hub_zone *zone, const char *to, json_t *takes_payload)
{
	if (takes_payload == NULL)
		return;
	enum pz_err err = send_rpc(zone, to, takes_payload);
	if (pz_err_category(err) == PZ_CAT_PROTO || err == PZ_ERR_LIMIT) {
		/* Who waits for it gets the reason instead. */
		json_t *instead = pz_rpc_instead(
			takes_payload,
			pz_rpc_error(PZ_RPC_INTERNAL_ERROR, "the answer is too large", NULL));
		if (instead)
			err = send_rpc(zone, to, instead);
		json_decref(instead);
	}
	if (err != PZ_OK)
		pz_metric_add(&zone->hub->metrics, PZ_METRIC_messages_dropped, 1);
	json_decref(takes_payload);
}

static void
on_send(void *arg, const char *to, json_t *payload)
{
	zone_send_rpc(arg, to, payload);
}

static const struct pz_dispatch_ops dispatch_ops = {
	.send = on_send,
	.find = on_find,
};

void
zone_device_gone(struct hub_zone *zone, struct pz_member *member)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	json_decref(pz_map_remove(zone->announced, pz_slice_str(member->device)));
	snprintf(address, sizeof(address), "%s/%s", zone->authority->zone, member->device);
	pz_dispatcher_peer_gone(zone->dispatcher, address);
}

/* ---- what is stored about members ---- */

/* What was on its way waits again; said once, for while the disk is full every attempt fails. */
static void
save_failed(struct hub_zone *zone, const char *detail)
{
	(void)json_object_update(zone->unsaved, zone->saving);
	if (zone->hub->is_stopping || !zone->is_behind)
		pz_error("member-not-stored",
			 "zone=%s what changed about a device is not stored yet, it will be tried "
			 "again: %s",
			 zone->authority->zone, detail);
	zone->is_behind = true;
	if (!zone->hub->is_stopping && !zone->is_removed && !zone->save_timer.active)
		pz_env_start(zone->hub->config.env, &zone->save_timer, PZ_STORE_AGAIN_US);
}

static void
on_saved(void *arg, enum pz_err err, const char *detail)
{
	struct hub_zone *zone = arg;

	zone->saves--;
	if (err != PZ_OK) {
		save_failed(zone, detail);
	} else if (zone->is_behind && zone->saves == 0 && json_object_size(zone->unsaved) == 0) {
		zone->is_behind = false;
		pz_notice("member-stored", "zone=%s what changed about a device is stored now",
			  zone->authority->zone);
	}
	if (zone->saves == 0)
		json_object_clear(zone->saving);
}

/* The members in `unsaved` but the one that a change under way writes. */
static enum pz_err
save_members(struct hub_zone *zone, struct pz_txn *txn)
{
	const char *device;
	json_t *ignored;

	json_object_foreach (zone->unsaved, device, ignored) {
		const struct pz_member *member = pz_authority_member(zone->authority, device);
		if (member && strcmp(device, zone->changing) != 0)
			PZ_TRY(pz_authority_save_member(zone->authority, member, txn));
	}
	return PZ_OK;
}

void
zone_save_now(struct hub_zone *zone)
{
	bool has_waiting =
		zone->changing[0] != '\0' && json_object_get(zone->unsaved, zone->changing);

	if (zone->is_removed)
		return;
	pz_env_stop(zone->hub->config.env, &zone->save_timer);
	if (json_object_size(zone->unsaved) > (has_waiting ? 1 : 0)) {
		struct pz_txn *txn = pz_txn_new();
		(void)json_object_update(zone->saving, zone->unsaved);
		if (txn && save_members(zone, txn) == PZ_OK) {
			json_object_clear(zone->unsaved);
			zone->saves++;
			pz_store_commit(zone->hub->config.store, txn, on_saved, zone);
		} else {
			pz_txn_free(txn);
			save_failed(zone, "out of memory");
		}
	}
	if (has_waiting && !zone->hub->is_stopping) {
		(void)json_object_set_new(zone->unsaved, zone->changing, json_true());
		if (!zone->save_timer.active)
			pz_env_start(zone->hub->config.env, &zone->save_timer, SAVE_DELAY_US);
	}
}

static void
on_save(struct pz_timer *timer, void *arg)
{
	(void)timer;
	zone_save_now(arg);
}

/* Together: devices that all come back at once, or one that changes its name all the time, cost
 * one transaction a second. */
void
zone_save_member(struct hub_zone *zone, const struct pz_member *member)
{
	if (zone->is_removed)
		return;
	(void)json_object_set_new(zone->unsaved, member->device, json_true());
	if (zone->hub->is_stopping)
		zone_save_now(zone);
	else if (!zone->save_timer.active)
		pz_env_start(zone->hub->config.env, &zone->save_timer, SAVE_DELAY_US);
}

void
zone_save_seen(struct hub_zone *zone)
{
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(zone->authority->members, &pos, &key, &value)) {
		struct pz_member *member = value;
		if (!member->is_unsaved)
			continue;
		member->is_unsaved = false;
		zone_save_member(zone, member);
	}
}

/* ---- life ---- */

static enum pz_err
load_shared(struct hub_zone *zone, struct pz_errinfo *info)
{
	char space[PZ_SHARED_SPACE_CHARS];
	struct pz_shared_config config = {
		.store = zone->hub->config.store,
		.env = zone->hub->config.env,
		.space = space,
		.self = zone->authority->zone,
		.settled = pz_sync_links_settled,
		.arg = &zone->sync,
	};
	size_t skipped = 0;

	pz_shared_space(zone->authority->zone, space);
	PZ_TRY(pz_shared_load(&config, &zone->shared, &skipped, info));
	if (skipped > 0)
		pz_warning("records-left-out",
			   "zone=%s %zu synchronised records are not readable and left out",
			   zone->authority->zone, skipped);
	return PZ_OK;
}

static enum pz_err
build(struct hub_zone *zone, struct pz_errinfo *info)
{
	struct pz_hub *hub = zone->hub;
	struct pz_router_config config = {
		.self = zone->authority->zone,
		.env = hub->config.env,
		.metrics = &hub->metrics,
		.queue_high_bytes = hub->config.queue_high_bytes,
		.queue_low_bytes = hub->config.queue_low_bytes,
		.ops = &zone_router_ops,
		.arg = zone,
	};

	zone->changed = json_object();
	zone->unsaved = json_object();
	zone->saving = json_object();
	zone->announced = pz_map_new();
	zone->twice = pz_map_new();
	zone->registry = pz_registry_new();
	if (!zone->changed || !zone->unsaved || !zone->saving || !zone->announced || !zone->twice ||
	    !zone->registry)
		return PZ_ERR_LIMIT_MEMORY;
	PZ_TRY(pz_registry_set_address(zone->registry, zone->authority->zone));
	zone->dispatcher = pz_dispatcher_new(hub->config.env, zone->registry, &dispatch_ops, zone);
	if (zone->dispatcher == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	PZ_TRY(pz_router_new(&config, &zone->router));
	PZ_TRY(pz_hub_sync_init(zone));
	PZ_TRY(load_shared(zone, info));
	zone_details_loaded(zone);
	return zone_refresh_trust(zone, info);
}

enum pz_err
zone_new(struct pz_hub *hub, struct pz_authority *takes, struct hub_zone **out,
	 struct pz_errinfo *info)
{
	struct hub_zone *zone = calloc(1, sizeof(*zone));

	if (zone == NULL) {
		pz_authority_free(takes);
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	}
	zone->hub = hub;
	zone->authority = takes;
	pz_list_init(&zone->links);
	pz_zone_sni_tag(pz_slice_str(takes->zone), zone->tag);
	pz_list_init(&zone->transacts);
	pz_timer_init(&zone->update_timer, on_update, zone);
	pz_timer_init(&zone->save_timer, on_save, zone);
	enum pz_err err = build(zone, info);
	if (err != PZ_OK) {
		zone_free(zone);
		return err;
	}
	*out = zone;
	return PZ_OK;
}

void
zone_free(struct hub_zone *zone)
{
	size_t pos = 0;
	struct pz_slice key;
	void *list;

	if (zone == NULL)
		return;
	pz_env_stop(zone->hub->config.env, &zone->update_timer);
	pz_env_stop(zone->hub->config.env, &zone->save_timer);
	pz_hub_transact_drop_all(zone);
	while (zone->announced && pz_map_next(zone->announced, &pos, &key, &list))
		json_decref(list);
	pz_map_free(zone->announced);
	pos = 0;
	while (zone->twice && pz_map_next(zone->twice, &pos, &key, &list))
		free(list);
	pz_map_free(zone->twice);
	pz_dispatcher_free(zone->dispatcher);
	pz_registry_free(zone->registry);
	pz_router_free(zone->router);
	pz_tls_ctx_free(zone->link_ctx);
	pz_tls_ctx_free(zone->enrol_ctx);
	pz_trust_free(zone->trust);
	json_decref(zone->changed);
	json_decref(zone->unsaved);
	json_decref(zone->saving);
	pz_codes_cancel_all(&zone->codes);
	pz_shared_free(zone->shared);
	pz_sync_links_fini(&zone->sync);
	pz_authority_free(zone->authority);
	free(zone);
}
