/*
 * The exchange of the zone's data with the hub and with peers (page 8): when it begins, what
 * follows, and the command that asks for it. What happens on each link: sync/link.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "items/items.h"
#include "pzp/internal.h"
#include "pzp/spread.h"
#include "pzp/zonedata.h"
#include "shared/app_key.h"

#define COMMAND_TIMEOUT_US (20 * PZ_US_PER_S)
/* An Update concerns all devices of the zone at once: they ask neither often nor all together. */
#define REOPEN_SPREAD_MS 1000
#define FIRST_EXCHANGE_US (5 * PZ_US_PER_S) /* until what it asked for is here */
#define REOPEN_AGAIN_US (60 * PZ_US_PER_S)

/* ---- what a link does ---- */

static struct pz_node *
node_of(const struct pz_sync_link *link)
{
	return link->links->config.arg;
}

static enum pz_err
on_ready(const struct pz_sync_link *link)
{
	const struct pz_link *over = link->arg;

	if (over->closing || !over->session.attached) /* or another link has taken over */
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

	pz_calls_prop_unsent(node_of(link)->calls, &over->session, status, PZ_ERR_PROTO_FRAME,
			     bytes);
}

static struct pz_sync_item *
on_item(const struct pz_sync_link *link, const struct pz_sync_kind *kind)
{
	return pz_zonedata_item(node_of(link), kind);
}

static void
on_changed(struct pz_sync_link *link, const struct pz_sync_kind *kind, const json_t *keys)
{
	pz_sync_links_pass_on(link->links, link, kind, keys);
	pz_node_zone_received(node_of(link), kind, keys);
}

static void tell_commands(struct pz_sync_link *link, bool is_lost);

/* Everything has moved when a second exchange has ended: what the first asked for comes before.
 * Where nothing waits for that, a while is enough. */
static void
first_exchange(struct pz_sync_link *link)
{
	const struct pz_node *node = node_of(link);
	struct pz_zonedata *data = node->zonedata;

	if (!data->is_new)
		return;
	if (!node->wishes.is_peer_mode)
		pz_env_start(node->config.env, &data->exchanged, FIRST_EXCHANGE_US);
	else if (link->answered == 1)
		pz_sync_link_open(link);
	else
		pz_env_start(node->config.env, &data->exchanged, 0);
}

static void
on_exchanged(struct pz_timer *timer, void *arg)
{
	struct pz_zonedata *data = arg;

	(void)timer;
	data->is_new = false;
	pz_spread_first_exchange_ended(data->node);
}

static void
on_answered(struct pz_sync_link *link, bool is_equal)
{
	struct pz_node *node = node_of(link);

	if (is_equal && link->other == PZ_SYNC_HUB) { /* it has what we have */
		json_object_clear(node->zonedata->refusals);
		pz_condition_clear(node->conditions, PZ_CONDITION_DATA_REFUSED, NULL);
	}
	if (link->other == PZ_SYNC_HUB)
		first_exchange(link);
	tell_commands(link, false);
}

static void
on_ahead(struct pz_sync_link *link, int64_t ahead_ms)
{
	struct pz_node *node = node_of(link);

	pz_shared_set_ahead(pz_items_shared(node->items), ahead_ms);
	pz_upkeep_saw_hub_time(node->upkeep, ahead_ms);
}

static void
on_closing(struct pz_sync_link *link)
{
	tell_commands(link, true);
}

static const struct pz_sync_link_ops link_ops = {
	.ready = on_ready,
	.push = on_push,
	.too_long = on_too_long,
	.item = on_item,
	.offered = pz_node_zone_offered,
	.accept = pz_zonedata_accept,
	.number = pz_knowledge_number,
	.changed = on_changed,
	.answered = on_answered,
	.ahead = on_ahead,
	.closing = on_closing,
};

/* ---- links ---- */

/* Lists that the hub has forgotten, and that its newest one does not replace. */
static void
offer_older_lists(struct pz_sync_link *link)
{
	const struct pz_node *node = node_of(link);
	const struct pz_crl_history *older = pz_knowledge_older_crls(node->zone.knowledge);
	const char *zone = node->zone.membership->zone;

	for (size_t i = 0; i < older->count; i++) {
		const struct pz_crl *crl = older->lists[i];
		json_t *message = json_pack(
			"{s:[{s:s, s:o, s:I, s:s, s:b}]}", pz_sync_kind(PZ_SYNC_CRL)->name, "key",
			zone, "value", pz_record_crl(crl), "mtime",
			(json_int_t)pz_crl_this_update_ms(crl), "origin", zone, "deleted", 0);
		if (message == NULL || pz_sync_link_send(link, "Update_Data", message) != PZ_OK)
			pz_warning_of(link->log, node->config.env, "crl-not-offered",
				      "cannot offer an older revocation list to the hub now");
		json_decref(message);
	}
}

struct pz_sync_link *
pz_zonedata_open(struct pz_node *node, struct pz_link *over, bool is_hub, bool is_opener)
{
	struct pz_sync_link_config config = {
		.other = is_hub ? PZ_SYNC_HUB : PZ_SYNC_DEVICE,
		.to = over->session.address,
		.arg = over,
		.log = over->session.log ? over->session.log : pz_uplink_log(node->uplink),
		.message_bytes_max = over->session.frame_max,
	};

	if (node->zone.knowledge == NULL)
		return NULL;
	struct pz_sync_link *link = pz_sync_link_new(&node->zonedata->links, &config);
	if (link == NULL)
		return NULL;
	if (is_hub) /* if it is so still, it will be shown again */
		pz_condition_clear(node->conditions, PZ_CONDITION_HUB_CRL_OLDER, "");
	pz_zonedata_save_again(node);
	if (is_opener)
		pz_sync_link_open(link);
	if (is_hub)
		offer_older_lists(link);
	return link;
}

static void
on_reopen(struct pz_timer *timer, void *arg)
{
	struct pz_zonedata *data = arg;

	struct pz_sync_link *hub = pz_uplink_sync(data->node->uplink);

	(void)timer;
	if (hub)
		pz_sync_link_open(hub);
}

void
pz_zonedata_on_update(struct pz_node *node)
{
	const struct pz_env *env = node->config.env;
	struct pz_zonedata *data = node->zonedata;
	const struct pz_sync_link *hub = pz_uplink_sync(node->uplink);
	uint64_t now = pz_env_mono_us(env), due = hub ? hub->opened_us + REOPEN_AGAIN_US : 0;
	uint16_t spread;

	if (data->reopen.active)
		return;
	pz_env_random(env, &spread, sizeof(spread));
	pz_env_start(env, &data->reopen,
		     (due > now ? due - now : 0) + spread % REOPEN_SPREAD_MS * PZ_US_PER_MS);
}

enum pz_err
pz_zonedata_sync_init(struct pz_zonedata *data)
{
	struct pz_node *node = data->node;
	struct pz_sync_links_config config = {
		.env = node->config.env,
		.metrics = &node->metrics,
		.conditions = node->conditions,
		.self = node->names.self,
		.self_device = node->names.device,
		.level = PZ_LOG_WARNING,
		.ops = &link_ops,
		.arg = node,
	};

	pz_timer_init(&data->reopen, on_reopen, data);
	pz_timer_init(&data->exchanged, on_exchanged, data);
	return pz_sync_links_init(&data->links, &config);
}

void
pz_zonedata_sync_fini(struct pz_zonedata *data)
{
	pz_env_stop(data->node->config.env, &data->reopen);
	pz_env_stop(data->node->config.env, &data->exchanged);
	pz_sync_links_fini(&data->links);
}

/* ---- what the hub does not take ---- */

#define REFUSALS_MAX 64 /* apps */

void
pz_zonedata_refused_by_hub(struct pz_node *node, const char *item, const char *key,
			   const char *reason)
{
	const struct pz_sync_kind *kind = pz_sync_kind_find(item);
	json_t *refusals = node->zonedata->refusals;
	char origin[PZ_APP_KEY_CHARS], text[200];

	if (kind == NULL || kind->way != PZ_SYNC_BOTH_WAYS)
		return;
	snprintf(text, sizeof(text), "%.199s", reason);
	pz_condition_raise(node->conditions, PZ_CONDITION_DATA_REFUSED, kind->name,
			   "%s: a value is stored on this device only, the hub refuses it: %s",
			   kind->name, text);
	if (kind->id == PZ_SYNC_APP_DATA && key &&
	    pz_app_key_split(key, origin, NULL, NULL) == PZ_OK &&
	    json_object_size(refusals) < REFUSALS_MAX)
		(void)json_object_set_new(refusals, origin, json_string(text));
}

const char *
pz_zonedata_app_refusal(const struct pz_node *node, const char *origin)
{
	return json_string_value(json_object_get(node->zonedata->refusals, origin));
}

/* ---- the command ---- */

/* One of those that we synchronise with. */
struct sync_partner {
	struct pz_sync_link *link; /* NULL: done with, or its link is gone */
	char id[PZ_ADDRESS_BYTES_MAX + 1];
	bool is_complete;
	uint32_t until; /* its `answered` when all has come that was asked for */
	size_t received[PZ_SYNC_KIND_COUNT], sent[PZ_SYNC_KIND_COUNT]; /* before; then what moved */
};

struct sync_request {
	struct pz_request *request;
	struct pz_timer timer;
	size_t len;
	struct sync_partner *partners;
};

static void
release_sync(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	struct sync_request *r = request->state;

	pz_env_stop(node->config.env, &r->timer);
	free(r->partners);
}

static const struct pz_request_kind sync_kind = {.size = sizeof(struct sync_request),
						 .release = release_sync};

static json_t *
moved_json(const size_t counts[PZ_SYNC_KIND_COUNT])
{
	json_t *moved = json_object();

	for (int id = 0; id < PZ_SYNC_KIND_COUNT; id++)
		if (counts[id] > 0)
			json_object_set_new(moved, pz_sync_kind((enum pz_sync_id)id)->name,
					    json_integer((json_int_t)counts[id]));
	return moved;
}

static json_t *
sync_result(const struct sync_request *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->len; i++) {
		const struct sync_partner *p = &r->partners[i];
		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:o, s:o}", "id", p->id, "complete",
						p->is_complete, "received", moved_json(p->received),
						"sent", moved_json(p->sent)));
	}
	return list;
}

static void
end_partner(struct sync_partner *p, bool is_complete)
{
	const struct pz_sync_link *link = p->link;

	for (size_t id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		p->received[id] = link->received[id] - p->received[id];
		p->sent[id] = link->sent[id] - p->sent[id];
	}
	p->is_complete = is_complete;
	p->link = NULL;
}

static bool
is_done(const struct sync_request *r)
{
	for (size_t i = 0; i < r->len; i++)
		if (r->partners[i].link)
			return false;
	return true;
}

static void
on_command_timeout(struct pz_timer *timer, void *arg)
{
	struct sync_request *r = arg;

	(void)timer;
	for (size_t i = 0; i < r->len; i++)
		if (r->partners[i].link)
			end_partner(&r->partners[i], false);
	pz_request_answer(r->request, sync_result(r));
}

static void
tell_partner(struct sync_partner *p, struct pz_sync_link *link, bool is_lost)
{
	if (p->link != link)
		return;
	if (is_lost || (int32_t)(link->answered - p->until) >= 0)
		end_partner(p, !is_lost);
	else
		pz_sync_link_open(link);
}

static void
tell_commands(struct pz_sync_link *link, bool is_lost)
{
	const struct pz_node *node = node_of(link);

	PZ_REQUEST_EACH (&node->requests, &sync_kind, request) {
		struct sync_request *r = request->state;
		for (size_t i = 0; i < r->len; i++)
			tell_partner(&r->partners[i], link, is_lost);
		if (is_done(r))
			pz_request_answer(request, sync_result(r));
	}
}

/* Everything has moved when a second exchange has ended: what the first asked for comes before. */
static void
add_partner(struct sync_request *r, struct pz_sync_link *link)
{
	struct sync_partner *p = &r->partners[r->len++];

	p->link = link;
	p->until = link->opened + 2;
	snprintf(p->id, sizeof(p->id), "%s", link->to);
	memcpy(p->received, link->received, sizeof(p->received));
	memcpy(p->sent, link->sent, sizeof(p->sent));
}

static void
begin_sync(struct sync_request *r, struct pz_node *node, size_t count)
{
	r->partners = calloc(count, sizeof(*r->partners));
	if (r->partners == NULL) {
		pz_request_fail(r->request, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	pz_env_start(node->config.env, &r->timer, COMMAND_TIMEOUT_US);
	PZ_LIST_EACH (&node->zonedata->links.list, n, tmp)
		add_partner(r, PZ_CONTAINER(n, struct pz_sync_link, node));
	/* One whose link fails with this is reported lost from inside. */
	for (size_t i = 0; i < count && !pz_request_is_over(r->request); i++)
		if (r->partners[i].link)
			pz_sync_link_open(r->partners[i].link);
}

void
pz_zonedata_sync_command(struct pz_request *request)
{
	struct pz_node *node = request->self;
	size_t count = 0;

	PZ_LIST_EACH (&node->zonedata->links.list, n, tmp)
		count++;
	if (count == 0) {
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				node->zone.membership
					? "neither the hub nor a peer is connected: `pzp connect` "
					  "first"
					: "this device is not enrolled in a zone; `pzp enrol` "
					  "first");
		return;
	}
	struct sync_request *r = pz_request_begin(request, &sync_kind);
	if (r == NULL)
		return;
	r->request = request;
	pz_timer_init(&r->timer, on_command_timeout, r);
	begin_sync(r, node, count);
}
