/*
 * Synchronisation with the zone's devices (page 8): the hub sends what it writes itself, and stores
 * and forwards what every device may write (shared/shared.h).
 */
#include <string.h>

#include "hosted/crl_history.h"
#include "hosted/names.h"
#include "hosted/policy.h"
#include "hosted/sync.h"
#include "wire/prop_error.h"

#define REFUSED_SENT 5 /* errors a second to one device */

static enum pz_err
on_ready(const struct pz_sync_link *link)
{
	const struct pz_link *over = ((const struct pz_hosted_conn *)link->arg)->link;

	if (over->closing || !over->session.attached)
		return PZ_ERR_IO_CLOSED;
	return over->session.queued > PZ_SYNC_QUEUE_BYTES ? PZ_ERR_LIMIT_QUEUE : PZ_OK;
}

static enum pz_err
on_push(struct pz_sync_link *link, struct pz_slice frame)
{
	const struct pz_hosted_conn *conn = link->arg;

	return pz_router_push(conn->zone->router, &conn->link->session, frame);
}

static void
on_too_long(struct pz_sync_link *link, const char *status, size_t bytes)
{
	const struct pz_hosted_conn *conn = link->arg;

	pz_hosted_too_large(conn->zone, conn->link, status, bytes);
}

static struct pz_sync_item *
on_item(const struct pz_sync_link *link, const struct pz_sync_kind *kind)
{
	const struct pz_hosted_conn *conn = link->arg;
	struct pz_sync_item *item = pz_shared_item(conn->zone->shared, kind);

	return item ? item : pz_authority_item(conn->zone->authority, kind);
}

/* Documents that the zone has signed are not merged like other items: see hosted/crl_history.h and
 * hosted/policy.h. */
static enum pz_err
on_offered(struct pz_sync_link *link, const struct pz_sync_kind *kind,
	   const struct pz_sync_chunk *chunk, bool *out_taken, struct pz_errinfo *info)
{
	*out_taken = kind->id == PZ_SYNC_CRL || kind->id == PZ_SYNC_POLICIES;
	if (kind->id == PZ_SYNC_POLICIES)
		return pz_hosted_policy_offered(link->arg, chunk, info);
	return *out_taken ? pz_hosted_crl_offered(link->arg, chunk, info) : PZ_OK;
}

static enum pz_err
on_accept(const struct pz_sync_link *link, const struct pz_sync_kind *kind,
	  const struct pz_sync_chunk *chunk, struct pz_errinfo *info)
{
	const struct pz_hosted_conn *conn = link->arg;

	if (pz_shared_item(conn->zone->shared, kind) == NULL)
		return pz_fail(info, PZ_ERR_DENIED, "%s is written by the hub alone", kind->name);
	return pz_shared_accept(conn->zone->shared, kind, chunk, conn->member->device, info);
}

static void
on_changed(struct pz_sync_link *link, const struct pz_sync_kind *kind, const json_t *keys)
{
	const struct pz_hosted_conn *conn = link->arg;

	pz_shared_received(conn->zone->shared, kind, keys);
	pz_sync_links_pass_on(link->links, link, kind, keys);
	if (kind->id == PZ_SYNC_USER_DETAILS)
		pz_hosted_names_received(conn->zone, keys);
}

/* The device gets an error, so that its owner sees that its data is not stored here: a few errors a
 * second, and none while the device does not read. */
static void
on_refused(struct pz_sync_link *from, const char *item, const char *key, const char *reason)
{
	struct pz_hosted_conn *conn = from->arg;
	struct pz_link *link = conn->link;

	if (!pz_log_allow(&conn->refused_rate, pz_env_mono_us(conn->hosting->env), REFUSED_SENT,
			  &(uint32_t){0}) ||
	    link->closing || !link->session.attached || pz_hosted_conn_is_choked(conn))
		return;
	json_t *body =
		json_pack("{s:s, s:s, s:s, s:s}", "code", pz_prop_error_code(PZ_PROP_ERROR_REFUSED),
			  "about", item, "key", key, "message", reason);
	pz_hosted_send_prop(conn->zone, link, "error", body);
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
pz_hosted_sync_init(struct pz_hosted *zone)
{
	struct pz_sync_links_config config = {
		.env = zone->hosting->env,
		.metrics = &zone->hosting->metrics,
		.conditions = zone->hosting->conditions,
		.self = zone->authority->zone,
		.level = PZ_LOG_INFO,
		.ops = &link_ops,
		.arg = zone,
	};

	return pz_sync_links_init(&zone->sync, &config);
}

void
pz_hosted_sync_begin(struct pz_hosted_conn *conn)
{
	struct pz_sync_link_config config = {
		.other = PZ_SYNC_DEVICE,
		.to = conn->link->session.address,
		.arg = conn,
		.log = conn->log,
		.message_bytes_max = conn->link->session.frame_max,
	};

	conn->sync = pz_sync_link_new(&conn->zone->sync, &config);
	if (conn->sync == NULL)
		pz_warning_of(conn->log, conn->hosting->env, "sync-not-begun",
			      "device=%s out of memory: it gets nothing",
			      conn->link->session.address);
}
