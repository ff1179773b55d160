/*
 * What the sessions of hub and device have in common: messages are sent as props, counted and
 * logged; all links that synchronise are in one list; changes are pushed to them. What differs
 * (which items, what to accept) is in the ops of the configuration.
 *
 * A session is not given the reason why it cannot send: `ready` and `push` answer LIMIT_QUEUE while
 * the link is busy, and pz_sync_link_drained continues.
 */
#include "sync/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

static const struct pz_sync_links_config *
config_of(const struct pz_sync_link *link)
{
	return &link->links->config;
}

/* ---- what a session does ---- */

/* A value that is sent in pieces is counted with its first piece. */
static void
count_chunks(struct pz_sync_link *link, const json_t *message)
{
	for (int id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		const json_t *chunks =
			json_object_get(message, pz_sync_kind((enum pz_sync_id)id)->name);
		const json_t *chunk;
		size_t i;

		json_array_foreach (chunks, i, chunk)
			link->sent[id] += json_integer_value(json_object_get(chunk, "at")) == 0;
	}
}

/* Counted by kind of message, to show the cost of listings apart from the cost of data. */
static void
count_sent(struct pz_sync_link *link, const char *status, const json_t *message, size_t bytes)
{
	struct pz_metrics *metrics = config_of(link)->metrics;

	pz_metric_add(metrics, PZ_METRIC_sync_bytes_out, bytes);
	if (strstr(status, "_Change"))
		pz_metric_add(metrics, PZ_METRIC_sync_listing_bytes_out, bytes);
	if (strstr(status, "_Data"))
		count_chunks(link, message);
	if (strstr(status, "_Hash"))
		link->opened++;
}

/* The owner's too_long reports a message that is longer than the other end accepts. */
enum pz_err
pz_sync_link_send(struct pz_sync_link *link, const char *status, json_t *message)
{
	const struct pz_sync_links_config *config = config_of(link);
	struct pz_buf out;

	PZ_TRY(config->ops->ready(link));
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_prop(&out, config->self, link->to, status, message);
	if (err == PZ_OK)
		err = config->ops->push(link, pz_buf_slice(&out));
	if (err == PZ_ERR_PROTO_FRAME)
		config->ops->too_long(link, status, out.len);
	if (err == PZ_OK)
		count_sent(link, status, message, out.len);
	pz_buf_fini(&out);
	return err;
}

static enum pz_err
on_send(void *arg, const char *status, json_t *message)
{
	return pz_sync_link_send(arg, status, message);
}

static struct pz_sync_item *
on_item(void *arg, const struct pz_sync_kind *kind)
{
	return config_of(arg)->ops->item(arg, kind);
}

static enum pz_err
on_offered(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	   bool *out_taken, struct pz_errinfo *info)
{
	return config_of(arg)->ops->offered(arg, kind, chunk, out_taken, info);
}

static enum pz_err
on_accept(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  struct pz_errinfo *info)
{
	return config_of(arg)->ops->accept(arg, kind, chunk, info);
}

/* An owner without this op has no items with numbers. */
static bool
on_number(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  uint64_t *out)
{
	const struct pz_sync_links_config *config = config_of(arg);

	return config->ops->number && config->ops->number(config->arg, kind, chunk, out);
}

static void
on_changed(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct pz_sync_link *link = arg;

	pz_info_of(link->log, config_of(link)->env, "sync", "item=%s chunks=%zu from=%s",
		   kind->name, json_array_size(keys), link->to);
	link->received[kind->id] += json_array_size(keys);
	config_of(link)->ops->changed(link, kind, keys);
}

/* Logged at the rate of the other end, and shown in `status` until an exchange ends with equal
 * digests. */
static void
on_refused(void *arg, const char *item, const char *key, const char *reason)
{
	struct pz_sync_link *link = arg;
	const struct pz_sync_links_config *config = config_of(link);

	pz_metric_add(config->metrics, PZ_METRIC_messages_dropped, 1);
	PZ_LOG_OF(config->level, link->log, config->env, "sync-refused",
		  "item=%s key=%s from=%s %s", item, key, link->to, reason);
	pz_condition_raise(config->conditions, PZ_CONDITION_SYNC_REFUSED, link->to,
			   "an entry of %s from %s is not valid and was not taken: %s", item,
			   link->to, reason);
	if (config->ops->refused)
		config->ops->refused(link, item, key, reason);
}

static void
on_answered(void *arg, bool is_equal)
{
	struct pz_sync_link *link = arg;

	if (is_equal)
		pz_condition_clear(config_of(link)->conditions, PZ_CONDITION_SYNC_REFUSED,
				   link->to);
	link->answered++;
	if (config_of(link)->ops->answered)
		config_of(link)->ops->answered(link, is_equal);
}

static const struct pz_sync_ops session_ops = {
	.send = on_send,
	.item = on_item,
	.offered = on_offered,
	.accept = on_accept,
	.changed = on_changed,
	.number = on_number,
	.refused = on_refused,
	.answered = on_answered,
};

/* ---- one link ---- */

/* The name alone is needed for devices too: they may write chunks of their own. */
static void
set_other_end(struct pz_sync_link *link, const struct pz_sync_link_config *config)
{
	const char *slash = strchr(config->to, '/');

	link->other = config->other;
	snprintf(link->to, sizeof(link->to), "%s", config->to);
	if (config->other == PZ_SYNC_DEVICE && slash)
		snprintf(link->device, sizeof(link->device), "%.*s", PZ_DEVICE_BYTES_MAX,
			 slash + 1);
}

struct pz_sync_link *
pz_sync_link_new(struct pz_sync_links *links, const struct pz_sync_link_config *config)
{
	struct pz_sync_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->links = links;
	link->arg = config->arg;
	link->log = config->log;
	set_other_end(link, config);
	struct pz_sync_config session = {
		.self = links->config.self_device ? PZ_SYNC_DEVICE : PZ_SYNC_HUB,
		.other = config->other,
		.env = links->config.env,
		.ops = &session_ops,
		.arg = link,
		.self_device = links->config.self_device,
		.other_device = config->other == PZ_SYNC_DEVICE ? link->device : NULL,
		.message_bytes_max = config->message_bytes_max,
	};
	link->session = pz_sync_session_new(&session);
	if (link->session == NULL) {
		free(link);
		return NULL;
	}
	/* If the fault persists, the first exchange raises the condition again. */
	pz_condition_clear(links->config.conditions, PZ_CONDITION_SYNC_REFUSED, link->to);
	pz_list_append(&links->list, &link->node);
	return link;
}

void
pz_sync_link_free(struct pz_sync_link *link)
{
	if (link == NULL)
		return;
	if (link->session && config_of(link)->ops->closing)
		config_of(link)->ops->closing(link);
	pz_list_remove(&link->node);
	pz_sync_session_free(link->session);
	free(link);
}

void
pz_sync_link_open(struct pz_sync_link *link)
{
	const struct pz_env *env = config_of(link)->env;

	link->opened_us = pz_env_mono_us(env);
	if (pz_sync_session_open(link->session) != PZ_OK)
		pz_warning_of(link->log, env, "sync-not-opened", "cannot begin an exchange with %s",
			      link->to);
}

void
pz_sync_link_drained(struct pz_sync_link *link)
{
	if (link && pz_sync_session_is_blocked(link->session))
		(void)!pz_sync_session_pump(link->session);
}

bool
pz_sync_link_on_prop(struct pz_sync_link *link, const char *status, const json_t *message)
{
	struct pz_errinfo info = {""};
	int64_t ahead_ms;

	if (!pz_sync_is_status(status))
		return false;
	/* A message may arrive before this end has opened the session, or after it has closed it.
	 * It is ignored: the digests of the next session show the difference. */
	if (link == NULL)
		return true;
	const struct pz_sync_links_config *config = config_of(link);
	if (pz_sync_session_message(link->session, status, message, &info) != PZ_OK)
		PZ_LOG_OF(config->level, link->log, config->env, "sync-message-refused",
			  "status=%s from=%s %s", status, link->to, info.text);
	if (config->ops->ahead && pz_sync_session_ahead(link->session, &ahead_ms))
		config->ops->ahead(link, ahead_ms);
	return true;
}

/* ---- all of them ---- */

/* A link that is being closed accepts no messages. */
static bool
is_open(const struct pz_sync_link *link)
{
	return config_of(link)->ops->ready(link) != PZ_ERR_IO_CLOSED;
}

/* Failures are not reported: the next exchange of that link finds the difference. */
void
pz_sync_links_push(struct pz_sync_links *links, const struct pz_sync_kind *kind, const char *key)
{
	PZ_LIST_EACH (&links->list, node, tmp) {
		struct pz_sync_link *to = PZ_CONTAINER(node, struct pz_sync_link, node);
		if (is_open(to))
			(void)!pz_sync_session_push(to->session, kind, key);
	}
}

/* To all links except the one that brought the change. */
void
pz_sync_links_pass_on(struct pz_sync_links *links, const struct pz_sync_link *from,
		      const struct pz_sync_kind *kind, const json_t *keys)
{
	const json_t *key;
	size_t i;

	PZ_LIST_EACH (&links->list, node, tmp) {
		struct pz_sync_link *to = PZ_CONTAINER(node, struct pz_sync_link, node);
		if (to == from || !is_open(to))
			continue;
		json_array_foreach ((json_t *)keys, i, key)
			(void)!pz_sync_session_push(to->session, kind, json_string_value(key));
	}
}

void
pz_sync_links_open_all(struct pz_sync_links *links)
{
	PZ_LIST_EACH (&links->list, node, tmp) {
		struct pz_sync_link *link = PZ_CONTAINER(node, struct pz_sync_link, node);
		if (is_open(link))
			pz_sync_link_open(link);
	}
}

static void
on_push(struct pz_timer *timer, void *arg)
{
	struct pz_sync_links *links = arg;
	const char *name, *key;
	json_t *set, *ignored;

	(void)timer;
	json_object_foreach (links->changed, name, set)
		json_object_foreach (set, key, ignored)
			pz_sync_links_push(links, pz_sync_kind_find(name), key);
	json_object_clear(links->changed);
}

/* Page 8 "When": changes within 100 ms are sent together. A change that is lost here for lack of
 * memory is found by the next exchange. */
static void
push_soon(struct pz_sync_links *links, const struct pz_sync_kind *kind, const char *key)
{
	json_t *set = json_object_get(links->changed, kind->name);

	if (pz_list_is_empty(&links->list))
		return; /* a new link begins with an exchange */
	if (set == NULL) {
		set = json_object();
		if (set == NULL || json_object_set_new(links->changed, kind->name, set))
			return;
	}
	(void)json_object_set_new(set, key, json_true());
	if (!links->push.active)
		pz_env_start(links->config.env, &links->push, PZ_SYNC_COALESCE_US);
}

/* A change that was undone may have reached other nodes by an exchange; another exchange sends them
 * our version again. */
void
pz_sync_links_settled(void *arg, const struct pz_sync_kind *kind, const char *key, bool is_stored)
{
	struct pz_sync_links *links = arg;

	if (is_stored)
		push_soon(links, kind, key);
	else
		pz_sync_links_open_all(links);
}

enum pz_err
pz_sync_links_init(struct pz_sync_links *links, const struct pz_sync_links_config *config)
{
	links->config = *config;
	pz_list_init(&links->list);
	pz_timer_init(&links->push, on_push, links);
	links->changed = json_object();
	return links->changed ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

void
pz_sync_links_fini(struct pz_sync_links *links)
{
	if (links->config.env == NULL)
		return;
	pz_env_stop(links->config.env, &links->push);
	for (struct pz_list *n; (n = pz_list_first(&links->list)) != NULL;) {
		struct pz_sync_link *link = PZ_CONTAINER(n, struct pz_sync_link, node);
		/* The owner frees it later, without a session. */
		pz_list_remove(&link->node); /* its link still refers to it */
		pz_sync_session_free(link->session);
		link->session = NULL;
	}
	json_decref(PZ_TAKE(links->changed));
}
