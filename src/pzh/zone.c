/* One zone: what it is made of, and what happens to all its links at once. */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzh/internal.h"
#include "wire/message.h"

/* Changes are told together: a zone whose devices all come back at once sends few messages. */
#define UPDATE_DELAY_US (100 * PZ_US_PER_MS)
/* The more devices hear of a change, the longer changes are collected: bounds the traffic of a
 * large zone. */
#define UPDATE_DELAY_PER_DEVICE_US (500)

static void
on_update(struct pz_timer *timer, void *arg)
{
	struct hub_zone *zone = arg;
	struct pz_buf frames;

	(void)timer;
	pz_buf_init(&frames, PZ_QUEUE_HIGH_BYTES, NULL);
	enum pz_err err = update_build(zone, true, &frames);
	PZ_LIST_EACH (&zone->links, node, tmp) {
		struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
		if (err == PZ_OK && pz_link_send(link, pz_buf_slice(&frames)) != PZ_OK)
			pz_link_close(link, PZ_ERR_LIMIT_QUEUE, "cannot take an Update");
	}
	if (err != PZ_OK)
		pz_error("update", "zone=%s cannot tell the devices what changed: %s",
			 zone->authority->zone, pz_err_text(err));
	pz_buf_fini(&frames);
	json_object_clear(zone->changed);
}

void
zone_member_changed(struct hub_zone *zone, struct pz_member *member)
{
	if (zone->hub->is_stopping)
		return;
	(void)json_object_set_new(zone->changed, member->device, json_true());
	if (!zone->update_timer.active)
		pz_env_start(zone->hub->config.env, &zone->update_timer,
			     UPDATE_DELAY_US + zone->connected * UPDATE_DELAY_PER_DEVICE_US);
}

void
zone_send_whole_update(struct hub_zone *zone, struct pz_link *link)
{
	struct pz_buf frames;

	pz_buf_init(&frames, PZ_QUEUE_HIGH_BYTES, NULL);
	enum pz_err err = update_build(zone, false, &frames);
	if (err == PZ_OK)
		err = pz_link_send(link, pz_buf_slice(&frames));
	pz_buf_fini(&frames);
	if (err != PZ_OK)
		pz_link_close(link, err, "cannot take the first Update");
}

void
zone_send_prop(struct hub_zone *zone, struct pz_link *link, const char *status, json_t *message)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_prop(&out, zone->authority->zone, link->session.address,
					  status, message);
	if (err == PZ_OK)
		err = pz_link_send(link, pz_buf_slice(&out));
	pz_buf_fini(&out);
	if (err != PZ_OK)
		pz_link_close(link, err, "cannot send a prop");
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

	if (trust == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_trust_add(trust, zone->authority->ca, zone->authority->crl, info);
	if (err == PZ_OK)
		err = make_contexts(zone, trust, &link_ctx, &enrol_ctx, info);
	pz_trust_free(trust);
	if (err != PZ_OK)
		return err;
	pz_tls_ctx_free(zone->link_ctx);
	pz_tls_ctx_free(zone->enrol_ctx);
	zone->link_ctx = link_ctx;
	zone->enrol_ctx = enrol_ctx;
	PZ_LIST_EACH (&zone->links, node, tmp) {
		struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
		struct hub_peer *peer = link->owner;
		if (peer->member && pz_crl_has_serial(zone->authority->crl, peer->member->serial))
			hub_link_bye(peer, PZ_ERR_DENIED_REVOKED, "revoked");
	}
	return PZ_OK;
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
		json_array_foreach((json_t *)list, i, one) pz_find_add_json(find, one);
	pz_find_done(find);
}

static void
on_send(void *arg, const char *to, json_t *payload)
{
	struct hub_zone *zone = arg;
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	if (pz_message_rpc(&out, zone->authority->zone, to, payload) == PZ_OK &&
	    pz_router_send(zone->router, pz_buf_slice(&out)) != PZ_OK)
		pz_metric_add(&zone->hub->metrics, PZ_METRIC_messages_dropped, 1);
	pz_buf_fini(&out);
	json_decref(payload);
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

/* ---- changes that are stored first ---- */

static void
on_saved(void *arg, enum pz_err err, const char *detail)
{
	(void)arg;
	if (err != PZ_OK)
		pz_error("store", "cannot store what changed about a device: %s", detail);
}

void
zone_save_member(struct hub_zone *zone, const struct pz_member *member)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn == NULL || pz_authority_save_member(zone->authority, member, txn) != PZ_OK) {
		pz_txn_free(txn);
		on_saved(NULL, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	pz_store_commit(zone->hub->config.store, txn, on_saved, NULL);
}

void
zone_revoked(struct hub_zone *zone, struct pz_member *member, const char *reason)
{
	struct pz_session *session = member->session;

	pz_notice("revoked", "zone=%s device=%s serial=%s crl=%llu %s", zone->authority->zone,
		  member->device, member->serial,
		  (unsigned long long)pz_crl_number(zone->authority->crl), reason);
	if (session) {
		struct pz_link *link = pz_link_of(session);
		json_t *message = json_pack("{s:s}", "reason", reason);
		zone_send_prop(zone, link, "revoked", message);
		json_decref(message);
		hub_link_bye(link->owner, PZ_ERR_DENIED_REVOKED, reason);
	}
	zone_device_gone(zone, member);
	zone_member_changed(zone, member);
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

/* A revocation or a renewal that waits for the disk. */
struct change {
	struct hub_zone *zone;
	struct pz_zone_change *change;
	pz_hub_done done;
	void *arg;
	char *reason; /* NULL: a renewal */
};

static json_t *
revocation_result(const struct hub_zone *zone, const struct pz_member *member)
{
	return json_pack("{s:s, s:s, s:I}", "device", member->device, "serial", member->serial,
			 "crlNumber", (json_int_t)pz_crl_number(zone->authority->crl));
}

static void
on_changed(void *arg, enum pz_err err, const char *detail)
{
	struct change *change = arg;
	struct hub_zone *zone = change->zone;
	struct pz_errinfo info = {""};
	struct pz_member *member = NULL;

	zone->is_changing = false;
	if (err != PZ_OK) {
		pz_authority_drop(change->change);
		pz_error("store", "zone=%s a change was not stored and did not happen: %s",
			 zone->authority->zone, detail);
	} else {
		member = pz_authority_apply(zone->authority, change->change);
		if (member && change->reason)
			zone_revoked(zone, member, change->reason);
		if (zone_refresh_trust(zone, &info) != PZ_OK)
			pz_error("trust", "zone=%s %s", zone->authority->zone, info.text);
	}
	if (change->done) {
		json_t *result = member ? revocation_result(zone, member) : NULL;
		change->done(change->arg, err, err == PZ_OK ? "" : detail, result);
		json_decref(result);
	}
	free(change->reason);
	free(change);
}

static enum pz_err
submit(struct hub_zone *zone, struct pz_txn *txn, struct pz_zone_change *zone_change,
       const char *reason, pz_hub_done done, void *arg)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL) {
		pz_authority_drop(zone_change);
		pz_txn_free(txn);
		return PZ_ERR_LIMIT_MEMORY;
	}
	*change = (struct change){zone, zone_change, done, arg, reason ? strdup(reason) : NULL};
	zone->is_changing = true;
	pz_store_commit(zone->hub->config.store, txn, on_changed, change);
	return PZ_OK;
}

void
zone_revoke(struct hub_zone *zone, const char *device, const char *reason, pz_hub_done done,
	    void *arg)
{
	struct pz_errinfo info = {"out of memory"};
	struct pz_zone_change *change = NULL;
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? PZ_OK : PZ_ERR_LIMIT_MEMORY;

	if (err == PZ_OK && zone->is_changing)
		err = pz_fail(&info, PZ_ERR_LIMIT, "another change is being stored; try again");
	if (err == PZ_OK)
		err = pz_authority_revoke(zone->authority, device, txn, &change, &info);
	if (err == PZ_OK) {
		err = submit(zone, txn, change, reason, done, arg);
		txn = NULL;
	}
	if (err == PZ_OK)
		return;
	pz_txn_free(txn);
	if (done)
		done(arg, err, info.text, NULL);
}

void
zone_renew_if_due(struct hub_zone *zone)
{
	struct pz_errinfo info = {""};
	struct pz_zone_change *change = NULL;

	if (zone->is_changing || !pz_authority_is_renewal_due(zone->authority))
		return;
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? pz_authority_renew(zone->authority, zone->hub->config.keys, txn,
						   &change, &info)
			      : PZ_ERR_LIMIT_MEMORY;
	if (err == PZ_OK) {
		pz_notice("renewal", "zone=%s new hub certificate or CRL", zone->authority->zone);
		err = submit(zone, txn, change, NULL, NULL, NULL);
		txn = NULL;
	}
	pz_txn_free(txn);
	if (err != PZ_OK)
		pz_error("renewal", "zone=%s failed, will try again: %s", zone->authority->zone,
			 info.text);
}

/* ---- life ---- */

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
	zone->announced = pz_map_new();
	zone->registry = pz_registry_new();
	if (!zone->changed || !zone->announced || !zone->registry)
		return PZ_ERR_LIMIT_MEMORY;
	PZ_TRY(pz_registry_set_address(zone->registry, zone->authority->zone));
	zone->dispatcher = pz_dispatcher_new(hub->config.env, zone->registry, &dispatch_ops, zone);
	if (zone->dispatcher == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	PZ_TRY(pz_router_new(&config, &zone->router));
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
	pz_timer_init(&zone->update_timer, on_update, zone);
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
	while (zone->announced && pz_map_next(zone->announced, &pos, &key, &list))
		json_decref(list);
	pz_map_free(zone->announced);
	pz_dispatcher_free(zone->dispatcher);
	pz_registry_free(zone->registry);
	pz_router_free(zone->router);
	pz_tls_ctx_free(zone->link_ctx);
	pz_tls_ctx_free(zone->enrol_ctx);
	json_decref(zone->changed);
	pz_code_cancel(&zone->code);
	pz_authority_free(zone->authority);
	free(zone);
}
