/*
 * Synchronisation with the zone's devices (page 8): what the hub writes, they are given; what every
 * device may write (shared/shared.h) the hub keeps, and gives to the others.
 */
#include <string.h>

#include "pzh/internal.h"
#include "wire/prop_error.h"

#define REFUSED_TOLD 5 /* a second, of one device */

static enum pz_err
on_ready(const struct pz_sync_link *link)
{
	const struct pz_link *over = ((const struct hub_peer *)link->arg)->link;

	if (over->closing || !over->session.attached)
		return PZ_ERR_IO_CLOSED;
	return over->session.queued > PZ_SYNC_QUEUE_BYTES ? PZ_ERR_LIMIT_QUEUE : PZ_OK;
}

static enum pz_err
on_push(struct pz_sync_link *link, struct pz_slice frame)
{
	const struct hub_peer *peer = link->arg;

	return pz_router_push(peer->zone->router, &peer->link->session, frame);
}

static void
on_too_long(struct pz_sync_link *link, const char *status, size_t bytes)
{
	const struct hub_peer *peer = link->arg;

	zone_too_large(peer->zone, peer->link, status, bytes);
}

static struct pz_sync_item *
on_item(const struct pz_sync_link *link, const struct pz_sync_kind *kind)
{
	const struct hub_peer *peer = link->arg;
	struct pz_sync_item *item = pz_shared_item(peer->zone->shared, kind);

	return item ? item : pz_authority_item(peer->zone->authority, kind);
}

/* What it is to make of a device's revocation list is more than a comparison. */
static enum pz_err
on_offered(struct pz_sync_link *link, const struct pz_sync_kind *kind,
	   const struct pz_sync_chunk *chunk, bool *out_taken, struct pz_errinfo *info)
{
	*out_taken = kind->id == PZ_SYNC_CRL;
	return *out_taken ? crl_learn_offered(link->arg, chunk, info) : PZ_OK;
}

static enum pz_err
on_accept(const struct pz_sync_link *link, const struct pz_sync_kind *kind,
	  const struct pz_sync_chunk *chunk, struct pz_errinfo *info)
{
	const struct hub_peer *peer = link->arg;

	if (pz_shared_item(peer->zone->shared, kind) == NULL)
		return pz_fail(info, PZ_ERR_DENIED, "%s is written by the hub alone", kind->name);
	return pz_shared_accept(peer->zone->shared, kind, chunk, peer->member->device, info);
}

static void
on_changed(struct pz_sync_link *link, const struct pz_sync_kind *kind, const json_t *keys)
{
	const struct hub_peer *peer = link->arg;

	pz_shared_received(peer->zone->shared, kind, keys);
	pz_sync_links_pass_on(link->links, link, kind, keys);
	if (kind->id == PZ_SYNC_USER_DETAILS)
		zone_details_received(peer->zone, keys);
}

/* Its owner shall read that what is stored there is not here. Not each of many, and no device that
 * does not read. */
static void
on_refused(struct pz_sync_link *from, const char *item, const char *key, const char *reason)
{
	struct hub_peer *peer = from->arg;
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

static const struct pz_sync_link_ops link_ops = {
	.ready = on_ready,
	.push = on_push,
	.too_long = on_too_long,
	.item = on_item,
	.offered = on_offered,
	.accept = on_accept,
	.changed = on_changed,
	.refused = on_refused,
};

enum pz_err
pz_hub_sync_init(struct hub_zone *zone)
{
	struct pz_sync_links_config config = {
		.env = zone->hub->config.env,
		.metrics = &zone->hub->metrics,
		.conditions = zone->hub->conditions,
		.self = zone->authority->zone,
		.level = PZ_LOG_INFO,
		.ops = &link_ops,
		.arg = zone,
	};

	return pz_sync_links_init(&zone->sync, &config);
}

void
pz_hub_sync_begin(struct hub_peer *peer)
{
	struct pz_sync_link_config config = {
		.other = PZ_SYNC_DEVICE,
		.to = peer->link->session.address,
		.arg = peer,
		.log = peer->log,
		.message_bytes_max = peer->link->session.frame_max,
	};

	peer->sync = pz_sync_link_new(&peer->zone->sync, &config);
	if (peer->sync == NULL)
		pz_warning_of(peer->log, peer->hub->config.env, "sync-not-begun",
			      "device=%s out of memory: it gets nothing",
			      peer->link->session.address);
}

/* ---- what the hub changes ---- */

void
pz_hub_sync_push(struct hub_zone *zone, enum pz_sync_id id, const char *key)
{
	pz_sync_links_push(&zone->sync, pz_sync_kind(id), key);
}

static bool
is_of_another(void *arg, const struct pz_sync_chunk *chunk)
{
	return strcmp(arg, chunk->key) != 0;
}

void
pz_hub_sync_device_changed(struct hub_zone *zone, const char *device)
{
	const struct pz_member *member = pz_authority_member(zone->authority, device);

	pz_hub_sync_push(zone, PZ_SYNC_TRUSTED_PZP, device);
	if (member && member->revoked)
		pz_shared_forget(zone->shared, PZ_SYNC_SERVICE_CACHE, is_of_another,
				 (void *)device);
	zone_details_membership_changed(zone, device);
}

void
pz_hub_sync_membership_changed(struct hub_zone *zone, const char *device)
{
	pz_hub_sync_push(zone, PZ_SYNC_CRL, zone->authority->zone); /* first: who is out is out */
	if (device[0])
		pz_hub_sync_device_changed(zone, device);
}
