/* Synchronisation with one device (page 8): what the hub writes, its devices are given. */
#include "pzh/internal.h"
#include "wire/message.h"

static enum pz_err
on_send(void *arg, const char *status, json_t *message)
{
	struct hub_peer *peer = arg;
	struct hub_zone *zone = peer->zone;
	struct pz_link *link = peer->link;
	struct pz_buf out;

	if (link->closing || !link->session.attached)
		return PZ_ERR_IO_CLOSED;
	if (link->session.queued > PZ_QUEUE_LOW_BYTES)
		return PZ_ERR_LIMIT_QUEUE;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_prop(&out, zone->authority->zone, link->session.address,
					  status, message);
	if (err == PZ_OK)
		err = pz_router_push(zone->router, &link->session, pz_buf_slice(&out));
	pz_buf_fini(&out);
	return err;
}

static struct pz_sync_item *
on_item(void *arg, const struct pz_sync_kind *kind)
{
	struct hub_peer *peer = arg;

	return pz_authority_item(peer->zone->authority, kind);
}

/* What it is to make of a device's revocation list is more than a comparison. */
static enum pz_err
on_offered(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	   bool *out_taken, struct pz_errinfo *info)
{
	*out_taken = kind->id == PZ_SYNC_CRL;
	return *out_taken ? crl_learn_offered(arg, chunk, info) : PZ_OK;
}

/* Nothing that the hub has now is written by devices. */
static enum pz_err
on_accept(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  struct pz_errinfo *info)
{
	(void)arg;
	(void)chunk;
	return pz_fail(info, PZ_ERR_DENIED, "%s is written by the hub alone", kind->name);
}

static void
on_changed(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	(void)arg;
	(void)kind;
	(void)keys;
}

static void
on_refused(void *arg, const char *item, const char *key, const char *reason)
{
	struct hub_peer *peer = arg;

	pz_metric_add(&peer->hub->metrics, PZ_METRIC_messages_dropped, 1);
	pz_info("sync-refused", "device=%s item=%s key=%s %s", peer->link->session.address, item,
		key, reason);
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
	};

	peer->sync = pz_sync_session_new(&config);
	if (peer->sync == NULL)
		pz_warning("sync", "device=%s out of memory: it gets nothing",
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
		pz_info("sync", "device=%s status=%s %s", peer->link->session.address, status,
			info.text);
	return true;
}

void
sync_push(struct hub_zone *zone, enum pz_sync_id id, const char *key)
{
	PZ_LIST_EACH (&zone->links, node, tmp) {
		struct hub_peer *peer = PZ_CONTAINER(node, struct pz_link, owner_node)->owner;
		if (peer->sync && !peer->link->closing)
			(void)!pz_sync_session_push(peer->sync, pz_sync_kind(id), key);
	}
}

void
sync_membership_changed(struct hub_zone *zone, const char *device)
{
	sync_push(zone, PZ_SYNC_CRL, zone->authority->zone); /* first: who is out is out */
	if (device[0])
		sync_push(zone, PZ_SYNC_TRUSTED_PZP, device);
}
