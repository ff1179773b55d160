/*
 * The exchange of the zone's data with the hub and with peers, one session a link (page 8): when it
 * begins, what is passed on, and the command that asks for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pzp/clock.h"
#include "pzp/peers.h"
#include "pzp/zonedata.h"
#include "wire/message.h"
#include "zone/app_key.h"

#define COMMAND_TIMEOUT_US (20 * PZ_US_PER_S)
/* An Update concerns all devices of the zone at once: they ask neither often nor all together. */
#define REOPEN_SPREAD_MS 1000
#define FIRST_EXCHANGE_US (5 * PZ_US_PER_S) /* until what it asked for is here */
#define REOPEN_AGAIN_US (60 * PZ_US_PER_S)

/* ---- what a session does ---- */

/* A value in pieces counts with its first. */
static void
count_sent(struct zonedata_session *s, const json_t *message)
{
	for (int id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		const json_t *chunks =
			json_object_get(message, pz_sync_kind((enum pz_sync_id)id)->name);
		const json_t *chunk;
		size_t i;

		json_array_foreach (chunks, i, chunk)
			s->sent[id] += json_integer_value(json_object_get(chunk, "at")) == 0;
	}
}

static enum pz_err
on_send(void *arg, const char *status, json_t *message)
{
	struct zonedata_session *s = arg;
	struct pz_buf out;

	if (s->link->closing || !s->link->session.attached) /* or another link has taken over */
		return PZ_ERR_IO_CLOSED;
	if (s->link->session.queued > PZ_SYNC_QUEUE_BYTES)
		return PZ_ERR_LIMIT_QUEUE;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_prop(&out, s->owner->self, s->to, status, message);
	if (err == PZ_OK)
		err = pz_link_send(s->link, pz_buf_slice(&out));
	if (err == PZ_ERR_PROTO_FRAME)
		node_prop_unsent(s->owner, &s->link->session, status, err, out.len);
	if (err == PZ_OK)
		pz_metric_add(&s->owner->metrics, PZ_METRIC_sync_bytes_out, out.len);
	if (err == PZ_OK && strstr(status, "_Change"))
		pz_metric_add(&s->owner->metrics, PZ_METRIC_sync_listing_bytes_out, out.len);
	pz_buf_fini(&out);
	if (err == PZ_OK && strstr(status, "_Data"))
		count_sent(s, message);
	if (err == PZ_OK && strstr(status, "_Hash"))
		s->opened++;
	return err;
}

static struct pz_sync_item *
on_item(void *arg, const struct pz_sync_kind *kind)
{
	return zonedata_item(((struct zonedata_session *)arg)->owner, kind);
}

static enum pz_err
on_offered(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	   bool *out_taken, struct pz_errinfo *info)
{
	return zonedata_offered(arg, kind, chunk, out_taken, info);
}

static enum pz_err
on_accept(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  struct pz_errinfo *info)
{
	return zonedata_accept(arg, kind, chunk, info);
}

static void
on_changed(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct zonedata_session *s = arg;
	struct pz_node *node = s->owner;

	pz_info_of(s->log, node->config.env, "sync", "item=%s chunks=%zu from=%s", kind->name,
		   json_array_size(keys), s->to);
	s->received[kind->id] += json_array_size(keys);
	sync_pass_on(node, s, kind, keys);
	zonedata_received(node, kind, keys);
}

static void
on_refused(void *arg, const char *item, const char *key, const char *reason)
{
	struct zonedata_session *s = arg;
	struct pz_node *node = s->owner;

	pz_metric_add(&node->metrics, PZ_METRIC_messages_dropped, 1);
	pz_warning_of(s->log, node->config.env, "sync-refused", "item=%s key=%s from=%s %s", item,
		      key, s->to, reason);
	pz_condition_raise(node->conditions, PZ_CONDITION_SYNC_REFUSED, s->to,
			   "an entry of %s from %s is not valid and was not taken: %s", item, s->to,
			   reason);
}

static void open_exchange(struct zonedata_session *s);
static void command_answered(struct zonedata_session *s);

/* Everything has moved when a second exchange has ended: what the first asked for comes before.
 * Where nothing waits for that, a while is enough. */
static void
first_exchange(struct zonedata_session *s)
{
	struct zonedata *data = s->owner->zonedata;

	if (!data->is_new)
		return;
	if (!s->owner->wishes.is_peer_mode)
		pz_env_start(s->owner->config.env, &data->exchanged, FIRST_EXCHANGE_US);
	else if (s->answered == 1)
		open_exchange(s);
	else
		pz_env_start(s->owner->config.env, &data->exchanged, 0);
}

static void
on_exchanged(struct pz_timer *timer, void *arg)
{
	struct zonedata *data = arg;

	(void)timer;
	data->is_new = false;
	prefs_hub_exchanged(data->node);
}

static void
on_answered(void *arg, bool is_equal)
{
	struct zonedata_session *s = arg;

	if (is_equal && s->is_hub) { /* it has what we have */
		json_object_clear(s->owner->zonedata->refusals);
		pz_condition_clear(s->owner->conditions, PZ_CONDITION_DATA_REFUSED, NULL);
	}
	if (is_equal)
		pz_condition_clear(s->owner->conditions, PZ_CONDITION_SYNC_REFUSED, s->to);
	s->answered++;
	if (s->is_hub)
		first_exchange(s);
	command_answered(s);
}

static const struct pz_sync_ops sync_ops = {
	.send = on_send,
	.item = on_item,
	.offered = on_offered,
	.accept = on_accept,
	.changed = on_changed,
	.number = pz_knowledge_number,
	.refused = on_refused,
	.answered = on_answered,
};

/* ---- sessions ---- */

static void
set_other_end(struct zonedata_session *s, const char *address, bool is_hub)
{
	const char *slash = strchr(address, '/');

	s->is_hub = is_hub;
	snprintf(s->to, sizeof(s->to), "%s", address);
	if (!is_hub && slash)
		snprintf(s->device, sizeof(s->device), "%.*s", PZ_DEVICE_BYTES_MAX, slash + 1);
}

static void
open_exchange(struct zonedata_session *s)
{
	if (s->is_hub)
		s->owner->zonedata->exchanged_us = pz_env_mono_us(s->owner->config.env);
	if (pz_sync_session_open(s->sync) != PZ_OK)
		pz_warning_of(s->log, s->owner->config.env, "sync", "cannot begin with %s", s->to);
}

/* Lists that the hub has forgotten, and that its newest one does not replace. */
static void
offer_aside(struct zonedata_session *s)
{
	const struct pz_aside *aside = pz_knowledge_aside(s->owner->zone.knowledge);
	const char *zone = s->owner->zone.membership->zone;

	for (size_t i = 0; i < aside->count; i++) {
		const struct pz_crl *crl = aside->lists[i];
		json_t *message = json_pack(
			"{s:[{s:s, s:o, s:I, s:s, s:b}]}", pz_sync_kind(PZ_SYNC_CRL)->name, "key",
			zone, "value", pz_record_crl(crl), "mtime",
			(json_int_t)pz_crl_this_update_ms(crl), "origin", zone, "deleted", 0);
		if (message == NULL || on_send(s, "Update_Data", message) != PZ_OK)
			pz_warning_of(s->log, s->owner->config.env, "sync",
				      "cannot offer an older revocation list to the hub now");
		json_decref(message);
	}
}

struct zonedata_session *
zonedata_open(struct pz_node *node, struct pz_link *link, bool is_hub, bool is_opener)
{
	struct zonedata_session *s = calloc(1, sizeof(*s));

	if (s == NULL || node->zone.knowledge == NULL) {
		free(s);
		return NULL;
	}
	s->owner = node;
	s->link = link;
	s->log = link->session.log ? link->session.log : &node->hub_log;
	set_other_end(s, link->session.address, is_hub);
	if (is_hub) /* if it is so still, it will be shown again */
		pz_condition_clear(node->conditions, PZ_CONDITION_HUB_CRL_OLDER, "");
	struct pz_sync_config config = {
		.self = PZ_SYNC_DEVICE,
		.other = is_hub ? PZ_SYNC_HUB : PZ_SYNC_DEVICE,
		.env = node->config.env,
		.ops = &sync_ops,
		.arg = s,
		.self_device = node->device,
		.other_device = is_hub ? NULL : s->device,
		.message_bytes_max = link->session.frame_max,
	};
	s->sync = pz_sync_session_new(&config);
	if (s->sync == NULL) {
		free(s);
		return NULL;
	}
	pz_condition_clear(node->conditions, PZ_CONDITION_SYNC_REFUSED, s->to); /* likewise */
	pz_list_append(&node->zonedata->sessions, &s->node);
	zonedata_save_again(node);
	if (is_opener)
		open_exchange(s);
	if (is_hub)
		offer_aside(s);
	return s;
}

static void command_lost(struct zonedata_session *s);

void
zonedata_close(struct zonedata_session *s)
{
	if (s == NULL)
		return;
	if (s->sync) /* else the node is gone */
		command_lost(s);
	pz_list_remove(&s->node);
	pz_sync_session_free(s->sync);
	free(s);
}

void
zonedata_drained(struct zonedata_session *s)
{
	if (s && pz_sync_session_is_blocked(s->sync))
		(void)!pz_sync_session_pump(s->sync);
}

bool
zonedata_on_prop(struct zonedata_session *s, const char *status, json_t *message)
{
	struct pz_errinfo info = {""};
	int64_t ahead_ms;

	if (!pz_sync_is_status(status))
		return false;
	if (s == NULL)
		return true;
	if (pz_sync_session_message(s->sync, status, message, &info) != PZ_OK)
		pz_warning_of(s->log, s->owner->config.env, "sync", "status=%s from=%s %s", status,
			      s->to, info.text);
	if (pz_sync_session_ahead(s->sync, &ahead_ms)) {
		pz_shared_set_ahead(s->owner->zonedata->shared, ahead_ms);
		clock_see_hub(s->owner, ahead_ms);
	}
	return true;
}

/* ---- what is told to others ---- */

void
sync_pass_on(struct pz_node *node, const struct zonedata_session *from,
	     const struct pz_sync_kind *kind, const json_t *keys)
{
	const json_t *key;
	size_t i;

	PZ_LIST_EACH (&node->zonedata->sessions, n, tmp) {
		struct zonedata_session *to = PZ_CONTAINER(n, struct zonedata_session, node);
		if (to == from || !to->link->session.attached) /* that one is replaced by another */
			continue;
		json_array_foreach ((json_t *)keys, i, key)
			(void)!pz_sync_session_push(to->sync, kind, json_string_value(key));
	}
}

static void
push_item(struct pz_node *node, const char *name, json_t *set)
{
	json_t *keys = json_array(), *ignored;
	const char *key;

	json_object_foreach (set, key, ignored)
		json_array_append_new(keys, json_string(key));
	sync_pass_on(node, NULL, pz_sync_kind_find(name), keys);
	json_decref(keys);
}

static void
on_push(struct pz_timer *timer, void *arg)
{
	struct zonedata *data = arg;
	const char *name;
	json_t *set;

	(void)timer;
	json_object_foreach (data->changed, name, set)
		push_item(data->node, name, set);
	json_object_clear(data->changed);
}

/* Page 8 "When": changes within 100 ms are told together. What memory does not allow to be noted
 * goes with the next exchange. */
void
sync_push_soon(struct pz_node *node, const struct pz_sync_kind *kind, const char *key)
{
	struct zonedata *data = node->zonedata;
	json_t *set = json_object_get(data->changed, kind->name);

	if (pz_list_is_empty(&data->sessions))
		return; /* a link begins with an exchange */
	if (set == NULL) {
		set = json_object();
		if (set == NULL || json_object_set_new(data->changed, kind->name, set))
			return;
	}
	(void)json_object_set_new(set, key, json_true());
	if (!data->push.active)
		pz_env_start(node->config.env, &data->push, PZ_SYNC_COALESCE_US);
}

void
sync_open_all(struct pz_node *node)
{
	PZ_LIST_EACH (&node->zonedata->sessions, n, tmp) {
		open_exchange(PZ_CONTAINER(n, struct zonedata_session, node));
	}
}

static void
on_reopen(struct pz_timer *timer, void *arg)
{
	struct zonedata *data = arg;

	(void)timer;
	if (data->node->hub_data)
		open_exchange(data->node->hub_data);
}

void
sync_on_update(struct pz_node *node)
{
	const struct pz_env *env = node->config.env;
	struct zonedata *data = node->zonedata;
	uint64_t now = pz_env_mono_us(env), due = data->exchanged_us + REOPEN_AGAIN_US;
	uint16_t spread;

	if (data->reopen.active)
		return;
	pz_env_random(env, &spread, sizeof(spread));
	pz_env_start(env, &data->reopen,
		     (due > now ? due - now : 0) + spread % REOPEN_SPREAD_MS * PZ_US_PER_MS);
}

void
sync_init(struct zonedata *data)
{
	pz_list_init(&data->sessions);
	pz_timer_init(&data->push, on_push, data);
	pz_timer_init(&data->reopen, on_reopen, data);
	pz_timer_init(&data->exchanged, on_exchanged, data);
}

void
sync_fini(struct zonedata *data)
{
	pz_env_stop(data->node->config.env, &data->push);
	pz_env_stop(data->node->config.env, &data->reopen);
	pz_env_stop(data->node->config.env, &data->exchanged);
	for (struct pz_list *n; (n = pz_list_first(&data->sessions)) != NULL;) {
		struct zonedata_session *s = PZ_CONTAINER(n, struct zonedata_session, node);
		pz_list_remove(&s->node); /* its link still holds it */
		pz_sync_session_free(s->sync);
		s->sync = NULL;
	}
}

/* ---- what the hub does not take ---- */

#define REFUSALS_MAX 64 /* apps */

void
sync_refused_by_hub(struct pz_node *node, const char *item, const char *key, const char *reason)
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
sync_app_refusal(const struct pz_node *node, const char *origin)
{
	return json_string_value(json_object_get(node->zonedata->refusals, origin));
}

/* ---- the command ---- */

/* One of those that we synchronise with. */
struct sync_partner {
	struct zonedata_session *session; /* NULL: done with, or its link is gone */
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
	const struct zonedata_session *s = p->session;

	for (size_t id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		p->received[id] = s->received[id] - p->received[id];
		p->sent[id] = s->sent[id] - p->sent[id];
	}
	p->is_complete = is_complete;
	p->session = NULL;
}

static bool
is_done(const struct sync_request *r)
{
	for (size_t i = 0; i < r->len; i++)
		if (r->partners[i].session)
			return false;
	return true;
}

static void
on_command_timeout(struct pz_timer *timer, void *arg)
{
	struct sync_request *r = arg;

	(void)timer;
	for (size_t i = 0; i < r->len; i++)
		if (r->partners[i].session)
			end_partner(&r->partners[i], false);
	pz_request_answer(r->request, sync_result(r));
}

static void
tell_partner(struct sync_partner *p, struct zonedata_session *s, bool is_lost)
{
	if (p->session != s)
		return;
	if (is_lost || (int32_t)(s->answered - p->until) >= 0)
		end_partner(p, !is_lost);
	else
		open_exchange(s);
}

static void
tell_commands(struct zonedata_session *s, bool is_lost)
{
	PZ_REQUEST_EACH (&s->owner->requests, &sync_kind, request) {
		struct sync_request *r = request->state;
		for (size_t i = 0; i < r->len; i++)
			tell_partner(&r->partners[i], s, is_lost);
		if (is_done(r))
			pz_request_answer(request, sync_result(r));
	}
}

static void
command_answered(struct zonedata_session *s)
{
	tell_commands(s, false);
}

static void
command_lost(struct zonedata_session *s)
{
	tell_commands(s, true);
}

/* Everything has moved when a second exchange has ended: what the first asked for comes before. */
static void
add_partner(struct sync_request *r, struct zonedata_session *s)
{
	struct sync_partner *p = &r->partners[r->len++];

	p->session = s;
	p->until = s->opened + 2;
	snprintf(p->id, sizeof(p->id), "%s", s->to);
	memcpy(p->received, s->received, sizeof(p->received));
	memcpy(p->sent, s->sent, sizeof(p->sent));
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
	PZ_LIST_EACH (&node->zonedata->sessions, n, tmp)
		add_partner(r, PZ_CONTAINER(n, struct zonedata_session, node));
	/* One whose link fails with this is reported lost from inside. */
	for (size_t i = 0; i < count && !pz_request_is_over(r->request); i++)
		if (r->partners[i].session)
			open_exchange(r->partners[i].session);
}

void
sync_command(struct pz_request *request)
{
	struct pz_node *node = request->self;
	size_t count = 0;

	PZ_LIST_EACH (&node->zonedata->sessions, n, tmp)
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
