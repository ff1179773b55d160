/*
 * The exchange of the zone's data with the hub and with peers (page 8): when it begins, and what
 * happens after it. The steps on one link are in sync/link.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "items/items.h"
#include "record/record.h"
#include "shared/app_key.h"
#include "shared/shared.h"
#include "zonedata/internal.h"

/* An Update reaches all devices of the zone at once: the spread keeps them from asking often, or
 * all together. */
#define REOPEN_SPREAD_MS 1000
#define FIRST_EXCHANGE_US (5 * PZ_US_PER_S) /* until everything requested has arrived */
#define REOPEN_AGAIN_US (60 * PZ_US_PER_S)

/* ---- what a link does ---- */

static struct pz_zonedata *
data_of(const struct pz_sync_link *link)
{
	return link->links->config.arg;
}

static enum pz_err
on_ready(const struct pz_sync_link *link)
{
	const struct pz_link *over = link->arg;

	if (over->closing || !over->session.attached) /* or another link has replaced it */
		return PZ_ERR_IO_CLOSED;
	return over->session.queued > PZ_SYNC_QUEUE_BYTES ? PZ_ERR_LIMIT_QUEUE : PZ_OK;
}

static enum pz_err
on_push(struct pz_sync_link *link, struct pz_slice frame)
{
	return pz_link_send(link->arg, frame);
}

static void
on_too_long(struct pz_sync_link *link, const char *status, size_t bytes)
{
	const struct pz_link *over = link->arg;
	const struct pz_zonedata_config *c = &data_of(link)->config;

	c->ops->unsent(c->arg, &over->session, status, PZ_ERR_PROTO_FRAME, bytes);
}

static struct pz_sync_item *
on_item(const struct pz_sync_link *link, const struct pz_sync_kind *kind)
{
	return pz_zonedata_item(data_of(link), kind);
}

static void
on_changed(struct pz_sync_link *link, const struct pz_sync_kind *kind, const json_t *keys)
{
	pz_sync_links_pass_on(link->links, link, kind, keys);
	pz_zonedata_received(data_of(link), kind, keys);
}

/* Everything has moved when a second exchange has ended: the requests of the first are answered
 * before it. If no one waits for that, a delay is enough. */
static void
first_exchange(struct pz_sync_link *link)
{
	struct pz_zonedata *data = data_of(link);

	if (!data->is_new)
		return;
	if (!data->config.ops->is_without_hub(data->config.arg))
		pz_env_start(data->env, &data->exchanged, FIRST_EXCHANGE_US);
	else if (link->answered == 1)
		pz_sync_link_open(link);
	else
		pz_env_start(data->env, &data->exchanged, 0);
}

static void
on_exchanged(struct pz_timer *timer, void *arg)
{
	struct pz_zonedata *data = arg;

	(void)timer;
	data->is_new = false;
	data->config.ops->first_exchange_ended(data->config.arg);
}

static void
on_answered(struct pz_sync_link *link, bool is_equal)
{
	struct pz_zonedata *data = data_of(link);

	if (is_equal && link->other == PZ_SYNC_HUB) { /* it has the same data */
		json_object_clear(data->refusals);
		pz_condition_clear(data->config.conditions, PZ_CONDITION_DATA_REFUSED, NULL);
	}
	if (link->other == PZ_SYNC_HUB)
		first_exchange(link);
	pz_zonedata_end_commands(link, false);
}

static void
on_ahead(struct pz_sync_link *link, int64_t ahead_ms)
{
	struct pz_zonedata *data = data_of(link);

	pz_shared_set_ahead(pz_items_shared(data->config.items), ahead_ms);
	data->config.ops->hub_time(data->config.arg, ahead_ms);
}

static void
on_closing(struct pz_sync_link *link)
{
	pz_zonedata_end_commands(link, true);
}

static const struct pz_sync_link_ops link_ops = {
	.ready = on_ready,
	.push = on_push,
	.too_long = on_too_long,
	.item = on_item,
	.offered = pz_zonedata_offered,
	.accept = pz_zonedata_accept,
	.number = pz_knowledge_number,
	.changed = on_changed,
	.answered = on_answered,
	.ahead = on_ahead,
	.closing = on_closing,
};

/* ---- links ---- */

/* Sends lists that the hub no longer has, and that its newest one does not replace. */
static void
offer_older_lists(struct pz_sync_link *link)
{
	const struct pz_zonedata *data = data_of(link);
	const struct pz_crl_history *older = pz_knowledge_older_crls(data->zone->knowledge);
	const char *zone = data->zone->membership->zone;

	for (size_t i = 0; i < older->count; i++) {
		const struct pz_crl *crl = older->lists[i];
		json_t *message = json_pack(
			"{s:[{s:s, s:o, s:I, s:s, s:b}]}", pz_sync_kind(PZ_SYNC_CRL)->name, "key",
			zone, "value", pz_record_crl(crl), "mtime",
			(json_int_t)pz_crl_this_update_ms(crl), "origin", zone, "deleted", 0);
		if (message == NULL || pz_sync_link_send(link, "Update_Data", message) != PZ_OK)
			pz_warning_of(link->log, data->env, "crl-not-offered",
				      "cannot offer an older revocation list to the hub now");
		json_decref(message);
	}
}

struct pz_sync_link *
pz_zonedata_open(struct pz_zonedata *data, struct pz_link *over, bool is_hub, bool is_opener)
{
	struct pz_sync_link_config config = {
		.other = is_hub ? PZ_SYNC_HUB : PZ_SYNC_DEVICE,
		.to = over->session.address,
		.arg = over,
		.log = over->session.log ? over->session.log : &data->log,
		.message_bytes_max = over->session.frame_max,
	};

	if (data->zone->knowledge == NULL)
		return NULL;
	struct pz_sync_link *link = pz_sync_link_new(&data->links, &config);
	if (link == NULL)
		return NULL;
	if (is_hub) /* if it is still so, it will be reported again */
		pz_condition_clear(data->config.conditions, PZ_CONDITION_HUB_CRL_OLDER, "");
	pz_zonedata_save_again(data);
	if (is_opener)
		pz_sync_link_open(link);
	if (is_hub)
		offer_older_lists(link);
	return link;
}

/* The exchange with the hub, or NULL. */
static struct pz_sync_link *
hub_of(const struct pz_zonedata *data)
{
	const struct pz_list *list = &data->links.list;

	for (struct pz_list *n = list->next; n != list; n = n->next) {
		struct pz_sync_link *link = PZ_CONTAINER(n, struct pz_sync_link, node);
		if (link->other == PZ_SYNC_HUB)
			return link;
	}
	return NULL;
}

static void
on_reopen(struct pz_timer *timer, void *arg)
{
	struct pz_sync_link *hub = hub_of(arg);

	(void)timer;
	if (hub)
		pz_sync_link_open(hub);
}

void
pz_zonedata_on_update(struct pz_zonedata *data)
{
	const struct pz_env *env = data->env;
	const struct pz_sync_link *hub = hub_of(data);
	uint64_t now = pz_env_mono_us(env), due = hub ? hub->opened_us + REOPEN_AGAIN_US : 0;
	uint16_t spread;

	if (data->reopen.active)
		return;
	pz_env_random(env, &spread, sizeof(spread));
	pz_env_start(env, &data->reopen,
		     (due > now ? due - now : 0) + spread % REOPEN_SPREAD_MS * PZ_US_PER_MS);
}

enum pz_err
pz_zonedata_exchange_init(struct pz_zonedata *data)
{
	struct pz_sync_links_config config = {
		.env = data->env,
		.metrics = data->config.metrics,
		.conditions = data->config.conditions,
		.self = data->config.self,
		.self_device = data->config.device,
		.level = PZ_LOG_WARNING,
		.ops = &link_ops,
		.arg = data,
	};

	pz_timer_init(&data->reopen, on_reopen, data);
	pz_timer_init(&data->exchanged, on_exchanged, data);
	return pz_sync_links_init(&data->links, &config);
}

void
pz_zonedata_exchange_fini(struct pz_zonedata *data)
{
	pz_env_stop(data->env, &data->reopen);
	pz_env_stop(data->env, &data->exchanged);
	pz_sync_links_fini(&data->links);
}

/* ---- what the hub does not take ---- */

#define REFUSALS_MAX 64 /* apps */

void
pz_zonedata_refused_by_hub(struct pz_zonedata *data, const char *item, const char *key,
			   const char *reason)
{
	const struct pz_sync_kind *kind = pz_sync_kind_find(item);
	json_t *refusals = data->refusals;
	char origin[PZ_APP_KEY_CHARS], text[200];

	if (kind == NULL || kind->direction != PZ_SYNC_BOTH_DIRECTIONS)
		return;
	snprintf(text, sizeof(text), "%.199s", reason);
	pz_condition_raise(data->config.conditions, PZ_CONDITION_DATA_REFUSED, kind->name,
			   "%s: a value is stored on this device only, the hub refuses it: %s",
			   kind->name, text);
	if (kind->id == PZ_SYNC_APP_DATA && key &&
	    pz_app_key_split(key, origin, NULL, NULL) == PZ_OK &&
	    json_object_size(refusals) < REFUSALS_MAX)
		(void)json_object_set_new(refusals, origin, json_string(text));
}

const char *
pz_zonedata_app_refusal(const struct pz_zonedata *data, const char *origin)
{
	return json_string_value(json_object_get(data->refusals, origin));
}

void
pz_zonedata_settled(struct pz_zonedata *data, const struct pz_sync_kind *kind, const char *key,
		    bool is_stored)
{
	pz_sync_links_settled(&data->links, kind, key, is_stored);
}
