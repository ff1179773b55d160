/*
 * Synchronisation with the zone's devices (page 8): what the hub writes, they are given; what every
 * device may write (zone/shared.h) the hub keeps, and gives to the others.
 */
#include <string.h>

#include "pzh/internal.h"
#include "wire/message.h"
#include "wire/prop_error.h"

#define REFUSED_TOLD 5 /* a second, of one device */

static enum pz_err
on_send(void *arg, const char *status, json_t *message)
{
	struct hub_peer *peer = arg;
	struct hub_zone *zone = peer->zone;
	struct pz_link *link = peer->link;
	struct pz_buf out;

	if (link->closing || !link->session.attached)
		return PZ_ERR_IO_CLOSED;
	if (link->session.queued > PZ_SYNC_QUEUE_BYTES)
		return PZ_ERR_LIMIT_QUEUE;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_prop(&out, zone->authority->zone, link->session.address,
					  status, message);
	if (err == PZ_OK)
		err = pz_router_push(zone->router, &link->session, pz_buf_slice(&out));
	if (err == PZ_ERR_PROTO_FRAME)
		zone_too_large(zone, link, status, out.len);
	if (err == PZ_OK)
		pz_metric_add(&peer->hub->metrics, PZ_METRIC_sync_bytes_out, out.len);
	if (err == PZ_OK && strstr(status, "_Change"))
		pz_metric_add(&peer->hub->metrics, PZ_METRIC_sync_listing_bytes_out, out.len);
	pz_buf_fini(&out);
	return err;
}

static struct pz_sync_item *
on_item(void *arg, const struct pz_sync_kind *kind)
{
	struct hub_peer *peer = arg;
	struct pz_sync_item *item = pz_shared_item(peer->zone->shared, kind);

	return item ? item : pz_authority_item(peer->zone->authority, kind);
}

/* What it is to make of a device's revocation list is more than a comparison. */
static enum pz_err
on_offered(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	   bool *out_taken, struct pz_errinfo *info)
{
	*out_taken = kind->id == PZ_SYNC_CRL;
	return *out_taken ? crl_learn_offered(arg, chunk, info) : PZ_OK;
}

static enum pz_err
on_accept(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  struct pz_errinfo *info)
{
	struct hub_peer *peer = arg;

	if (pz_shared_item(peer->zone->shared, kind) == NULL)
		return pz_fail(info, PZ_ERR_DENIED, "%s is written by the hub alone", kind->name);
	return pz_shared_accept(peer->zone->shared, kind, chunk, peer->member->device, info);
}

/* To everybody who is connected but the one that it came from. */
static void
pass_on(struct hub_zone *zone, const struct hub_peer *from, const struct pz_sync_kind *kind,
	const char *key)
{
	PZ_LIST_EACH (&zone->links, node, tmp) {
		struct hub_peer *peer = PZ_CONTAINER(node, struct pz_link, owner_node)->owner;
		if (peer != from && peer->sync && !peer->link->closing)
			(void)!pz_sync_session_push(peer->sync, kind, key);
	}
}

static void
on_changed(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct hub_peer *peer = arg;
	const json_t *key;
	size_t i;

	pz_info_of(peer->log, peer->hub->config.env, "sync", "item=%s chunks=%zu from=%s",
		   kind->name, json_array_size(keys), peer->link->session.address);
	pz_shared_received(peer->zone->shared, kind, keys);
	json_array_foreach ((json_t *)keys, i, key)
		pass_on(peer->zone, peer, kind, json_string_value(key));
	if (kind->id == PZ_SYNC_USER_DETAILS)
		zone_details_received(peer->zone, keys);
}

/* Its owner shall read that what is stored there is not here. Not each of many, and no device that
 * does not read. */
static void
tell_refused(struct hub_peer *peer, const char *item, const char *key, const char *reason)
{
	struct pz_link *link = peer->link;

	if (!pz_log_allow(&peer->refused_rate, pz_env_mono_us(peer->hub->config.env), REFUSED_TOLD,
			  &(uint32_t){0}) ||
	    link->closing || !link->session.attached || hub_link_is_choked(peer))
		return;
	json_t *body =
		json_pack("{s:s, s:s, s:s, s:s}", "code", pz_prop_error_code(PZ_PROP_ERROR_REFUSED),
			  "about", item, "key", key, "message", reason);
	zone_send_prop(peer->zone, link, "error", body);
	json_decref(body);
}

static void
on_refused(void *arg, const char *item, const char *key, const char *reason)
{
	struct hub_peer *peer = arg;

	pz_metric_add(&peer->hub->metrics, PZ_METRIC_messages_dropped, 1);
	pz_info_of(peer->log, peer->hub->config.env, "sync-refused", "device=%s item=%s key=%s %s",
		   peer->link->session.address, item, key, reason);
	pz_condition_raise(peer->hub->conditions, PZ_CONDITION_SYNC_REFUSED,
			   peer->link->session.address,
			   "an entry of %s from %s is not valid and was not taken: %s", item,
			   peer->link->session.address, reason);
	tell_refused(peer, item, key, reason);
}

static const struct pz_sync_ops sync_ops = {
	.send = on_send,
	.item = on_item,
	.offered = on_offered,
	.accept = on_accept,
	.changed = on_changed,
	.refused = on_refused,
};

void
sync_begin(struct hub_peer *peer)
{
	struct pz_sync_config config = {
		.self = PZ_SYNC_HUB,
		.other = PZ_SYNC_DEVICE,
		.env = peer->hub->config.env,
		.ops = &sync_ops,
		.arg = peer,
		.other_device = peer->member->device,
		.message_bytes_max = peer->link->session.frame_max,
	};

	/* If it is so still, it will be shown again. */
	pz_condition_clear(peer->hub->conditions, PZ_CONDITION_SYNC_REFUSED,
			   peer->link->session.address);
	peer->sync = pz_sync_session_new(&config);
	if (peer->sync == NULL)
		pz_warning_of(peer->log, peer->hub->config.env, "sync",
			      "device=%s out of memory: it gets nothing",
			      peer->link->session.address);
}

void
sync_end(struct hub_peer *peer)
{
	pz_sync_session_free(PZ_TAKE(peer->sync));
}

void
sync_drained(struct hub_peer *peer)
{
	if (peer->sync && pz_sync_session_is_blocked(peer->sync))
		(void)!pz_sync_session_pump(peer->sync);
}

bool
sync_on_prop(struct hub_peer *peer, const char *status, const json_t *message)
{
	struct pz_errinfo info = {""};

	if (!pz_sync_is_status(status))
		return false;
	if (peer->sync && pz_sync_session_message(peer->sync, status, message, &info) != PZ_OK)
		pz_info_of(peer->log, peer->hub->config.env, "sync", "device=%s status=%s %s",
			   peer->link->session.address, status, info.text);
	return true;
}

/* ---- what the hub changes ---- */

void
sync_push(struct hub_zone *zone, enum pz_sync_id id, const char *key)
{
	pass_on(zone, NULL, pz_sync_kind(id), key);
}

void
sync_settled(void *arg, const struct pz_sync_kind *kind, const char *key, bool is_stored)
{
	struct hub_zone *zone = arg;

	if (is_stored) {
		sync_push(zone, kind->id, key);
		return;
	}
	PZ_LIST_EACH (&zone->links, node, tmp) {
		struct hub_peer *peer = PZ_CONTAINER(node, struct pz_link, owner_node)->owner;
		if (peer->sync && !peer->link->closing)
			(void)!pz_sync_session_open(peer->sync);
	}
}

static bool
is_of_another(void *arg, const struct pz_sync_chunk *chunk)
{
	return strcmp(arg, chunk->key) != 0;
}

void
sync_device_changed(struct hub_zone *zone, const char *device)
{
	const struct pz_member *member = pz_authority_member(zone->authority, device);

	sync_push(zone, PZ_SYNC_TRUSTED_PZP, device);
	if (member && member->revoked)
		pz_shared_forget(zone->shared, PZ_SYNC_SERVICE_CACHE, is_of_another,
				 (void *)device);
	zone_details_membership_changed(zone, device);
}

void
sync_membership_changed(struct hub_zone *zone, const char *device)
{
	sync_push(zone, PZ_SYNC_CRL, zone->authority->zone); /* first: who is out is out */
	if (device[0])
		sync_device_changed(zone, device);
}
