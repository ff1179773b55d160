/*
 * What a friend's hub shows, which the own devices get (prop `friendUpdate`). An entry is a checked
 * copy and belongs to the friend's zone, whatever its hub claims. Changes are collected, as those
 * of the own devices are (hosted/update.c): a friend that sends a thousand Updates a second must
 * not make this hub send a thousand to each of its devices.
 */
#include "border/internal.h"
#include "hosted/conn.h"
#include "wire/json.h"
#include "zone/info.h"

#define NEWS_DELAY_US (100 * PZ_US_PER_MS)
#define NEWS_SOON_US (2 * PZ_US_PER_MS)

/* ---- to the own devices ---- */

/* @param entries array, borrowed */
static void
tell(struct pz_border *border, struct pz_link *link, const struct pz_border_side *side,
     const json_t *entries, bool is_partial)
{
	json_t *head =
		json_pack("{s:s, s:b}", "zone", side->zone, "connected", (int)(side->link != NULL));

	if (head && side->seen_ms)
		(void)json_object_set_new(head, "lastSeen",
					  json_integer((json_int_t)(side->seen_ms / 1000)));
	pz_border_send_list(border, link, "friendUpdate", head, "PZP", entries, is_partial);
	json_decref(head);
}

static void
tell_all(const struct pz_border_side *side, const json_t *entries, bool is_partial)
{
	PZ_LIST_EACH (&side->border->zone->links, hook, tmp)
		tell(side->border, PZ_CONTAINER(hook, struct pz_link, owner_node), side, entries,
		     is_partial);
}

static json_t *
named(const char *device, const json_t *entry)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)entry);

	if (copy)
		(void)json_object_set_new(copy, "name", json_string(device));
	return copy;
}

static json_t *
all_of(const struct pz_border_side *side)
{
	json_t *list = json_array(), *entry;
	const char *device;

	json_object_foreach (side->theirs, device, entry)
		(void)json_array_append_new(list, named(device, entry));
	return list;
}

void
pz_border_theirs_to(struct pz_border_side *side, struct pz_link *link)
{
	json_t *list = all_of(side);

	tell(side->border, link, side, list, false);
	json_decref(list);
}

void
pz_border_theirs_link(struct pz_border_side *side)
{
	tell_all(side, NULL, true);
}

/* ---- collecting ---- */

/* An entry of `news` is the hidden state; null means: as `theirs` has it now. */
static json_t *
news_of(const struct pz_border_side *side)
{
	json_t *list = json_array(), *entry;
	const char *device;

	json_object_foreach (side->news, device, entry) {
		const json_t *now = json_object_get(side->theirs, device);
		if (now || !json_is_null(entry))
			(void)json_array_append_new(list, named(device, now ? now : entry));
	}
	return list;
}

static void
on_news(struct pz_timer *timer, void *arg)
{
	struct pz_border_side *side = arg;
	json_t *list = side->is_news_whole ? all_of(side) : news_of(side);

	(void)timer;
	side->told_us = pz_env_mono_us(side->border->zone->hosting->env);
	tell_all(side, list, !side->is_news_whole);
	json_decref(list);
	json_object_clear(side->news);
	side->is_news_whole = false;
}

static void
tell_soon(struct pz_border_side *side)
{
	const struct pz_env *env = side->border->zone->hosting->env;
	uint64_t now = pz_env_mono_us(env), due = side->told_us + NEWS_DELAY_US;

	if (!side->news_timer.active && !side->border->zone->hosting->is_stopping)
		pz_env_start(env, &side->news_timer,
			     due > now + NEWS_SOON_US ? due - now : NEWS_SOON_US);
}

/* A hidden device is recorded with its presence: calls with it may have to end. */
static void
take_entry(struct pz_border_side *side, const json_t *given)
{
	const char *name = pz_json_str(given, "name");

	if (name == NULL || !pz_device_is_valid(pz_slice_str(name)) ||
	    (!json_object_get(side->news, name) &&
	     json_object_size(side->news) >= PZ_FRIEND_DEVICES_MAX))
		return;
	/* Only members that an entry may have; the name is the key. */
	json_t *entry = pz_info_entry(given);
	if (json_is_true(json_object_get(given, "hidden"))) {
		(void)json_object_del(side->theirs, name);
		(void)json_object_set_new(entry, "hidden", json_true());
		(void)json_object_set(side->news, name, entry);
	} else if (json_object_get(side->theirs, name) ||
		   json_object_size(side->theirs) < PZ_FRIEND_DEVICES_MAX) {
		(void)json_object_set(side->theirs, name, entry);
		(void)json_object_set_new(side->news, name, json_null());
	}
	json_decref(entry);
}

void
pz_border_theirs_update(struct pz_border_side *side, const json_t *message)
{
	const json_t *given;
	size_t i;

	if (!json_is_true(json_object_get(message, "partial"))) {
		json_object_clear(side->theirs);
		json_object_clear(side->news);
		side->is_news_whole = true;
	}
	json_array_foreach (json_object_get(message, "PZP"), i, given)
		take_entry(side, given);
	tell_soon(side);
}

/* ---- life ---- */

enum pz_err
pz_border_theirs_init(struct pz_border_side *side)
{
	pz_timer_init(&side->news_timer, on_news, side);
	side->theirs = json_object();
	side->news = json_object();
	return side->theirs && side->news ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

void
pz_border_theirs_fini(struct pz_border_side *side)
{
	pz_env_stop(side->border->zone->hosting->env, &side->news_timer);
	json_decref(side->theirs);
	json_decref(side->news);
}
