/*
 * Searches across the border. A device asks its hub, which asks the friend's hub in the name of
 * that device; the friend's hub answers from the services that its devices have announced, as far
 * as its policy shows them to that device, and sends none in advance. Its answer is checked here
 * again: it may only name services of its own zone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/permit.h"
#include "base/auto.h"
#include "border/internal.h"
#include "hosted/conn.h"
#include "service/descriptor.h"
#include "wire/json.h"

#define FOUND_BYTES                                                                                \
	(48U << 10) /* of one answer; with its last service it fits every node's limit */

struct find {
	struct pz_list hook;
	struct pz_border *border;
	const struct pz_border_side *side;
	struct pz_timer timer;
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* that searches */
	char id[37];                          /* ours, which the friend's hub sends back */
	json_t *device_id;                    /* the device's, which it gets back */
	size_t left;                          /* number of services that it may still get */
};

static void
free_find(struct find *find)
{
	pz_list_remove(&find->hook);
	pz_env_stop(find->border->zone->hosting->env, &find->timer);
	find->border->find_count--;
	json_decref(find->device_id);
	free(find);
}

/* ---- to the device ---- */

/* @param list borrowed; NULL: nothing was found */
static void
answer(struct pz_border *border, struct pz_link *link, json_t *id, const char *zone,
       const json_t *list, bool is_last)
{
	json_t *message = json_pack("{s:O?, s:s, s:o}", "id", id, "zone", zone, "services",
				    list ? json_incref((json_t *)(uintptr_t)list) : json_array());

	if (message && !is_last)
		(void)json_object_set_new(message, "partial", json_true());
	pz_hosted_send_prop(border->zone, link, "foundServices", message);
	json_decref(message);
}

/* Its device may have gone meanwhile. */
static void
answer_find(const struct find *find, const json_t *list, bool is_last)
{
	const struct pz_member *member =
		pz_authority_member(find->border->zone->authority, find->device);

	if (member && member->session)
		answer(find->border, pz_link_of(member->session), find->device_id, find->side->zone,
		       list, is_last);
}

static void
on_timeout(struct pz_timer *timer, void *arg)
{
	struct find *find = arg;

	(void)timer;
	answer_find(find, NULL, true);
	free_find(find);
}

void
pz_border_finds_end(struct pz_border *border, const struct pz_border_side *side)
{
	PZ_LIST_EACH (&border->finds, hook, tmp) {
		struct find *find = PZ_CONTAINER(hook, struct find, hook);

		if (side && find->side != side)
			continue;
		/* Without a side the whole zone is ending, and its devices' links too. */
		if (side)
			answer_find(find, NULL, true);
		free_find(find);
	}
}

/* ---- of a device ---- */

static struct find *
find_new(struct pz_border *border, const struct pz_border_side *side, const char *device,
	 json_t *id)
{
	struct find *find = calloc(1, sizeof(*find));

	if (find == NULL)
		return NULL;
	find->border = border;
	find->side = side;
	find->left = PZ_FRIEND_SERVICES_MAX;
	snprintf(find->device, sizeof(find->device), "%s", device);
	find->device_id = json_incref(id);
	pz_env_uuid(border->zone->hosting->env, find->id);
	pz_timer_init(&find->timer, on_timeout, find);
	pz_list_append(&border->finds, &find->hook);
	border->find_count++;
	pz_env_start(border->zone->hosting->env, &find->timer, PZ_BORDER_FIND_US);
	return find;
}

void
pz_border_find(struct pz_border *border, struct pz_link *device, json_t *id, const char *zone)
{
	const struct pz_border_side *side = pz_border_side(border, pz_slice_str(zone));
	const char *slash = strchr(device->session.address, '/');
	struct find *find = NULL;

	if (side && side->link && !side->link->closing && slash &&
	    pz_hosted_is_friend(border->zone, pz_slice_str(zone)) &&
	    border->find_count < PZ_BORDER_FINDS_MAX)
		find = find_new(border, side, slash + 1, id);
	/* Every search is answered: otherwise the device would wait until its time-out. */
	if (find == NULL) {
		answer(border, device, id, zone, NULL, true);
		return;
	}
	json_t *message = json_pack("{s:s, s:s}", "id", find->id, "for", device->session.address);
	pz_hosted_send_prop(border->zone, side->link, "findServices", message);
	/* This detects a dead hub within seconds, not at the next keep-alive. */
	pz_link_watch(side->link);
	json_decref(message);
}

/* A checked copy: services of devices of that zone. New. */
static json_t *
checked(struct find *find, const json_t *given)
{
	json_t *out = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach (given, i, one) {
		const char *address = pz_json_str(one, "serviceAddress");
		struct pz_descriptor descriptor;
		struct pz_address parsed;

		if (find->left == 0 || address == NULL ||
		    pz_address_parse(pz_slice_str(address), &parsed) != PZ_OK ||
		    !pz_slice_eq_str(parsed.zone, find->side->zone) || parsed.device.len == 0 ||
		    parsed.app.len > 0 ||
		    pz_descriptor_parse(one, address, &descriptor, NULL) != PZ_OK)
			continue;
		find->left--;
		(void)json_array_append_new(out, pz_descriptor_json(&descriptor));
		pz_descriptor_fini(&descriptor);
	}
	return out;
}

void
pz_border_found(struct pz_border *border, struct pz_border_side *side, const json_t *message)
{
	const char *id = pz_json_str(message, "id");
	bool is_last = !json_is_true(json_object_get(message, "partial"));

	PZ_LIST_EACH (&border->finds, hook, tmp) {
		struct find *find = PZ_CONTAINER(hook, struct find, hook);

		if (id == NULL || find->side != side || strcmp(find->id, id) != 0)
			continue;
		json_t *list = checked(find, json_object_get(message, "services"));
		/* An empty part is dropped: an endless sequence would fill the queue to the device.
		 */
		if (is_last || json_array_size(list) > 0)
			answer_find(find, list, is_last);
		json_decref(list);
		if (is_last)
			free_find(find);
		return;
	}
	pz_metric_add(&border->zone->hosting->metrics, PZ_METRIC_messages_dropped, 1);
}

/* ---- of a friend's device ---- */

/* Each search is checked against all services: a friend may make PZ_BORDER_FINDS_PER_S of them. */
static bool
take_allowance(struct pz_border *border, struct pz_border_side *side)
{
	uint64_t now = pz_env_mono_us(border->zone->hosting->env);

	/* A window of a second, not a bucket: across its edge twice as many pass, which costs
	 * little. */
	if (now - side->finds_us >= PZ_US_PER_S || side->finds_us == 0) {
		side->finds_us = now;
		side->finds = PZ_BORDER_FINDS_PER_S;
	}
	if (side->finds == 0)
		return false;
	side->finds--;
	return true;
}

/* A search that would need a prompt continues: the hub prompts no person, and each service is
 * judged separately. */
static bool
may_find(struct pz_border *border, const char *caller)
{
	struct pz_access *access = border->zone->services.access;

	return pz_access_allows(access, PZ_ACCESS_SHOW, caller, border->zone->authority->zone,
				"ServiceDiscovery", NULL, NULL);
}

static json_t *
visible_to(struct pz_border *border, const char *caller)
{
	json_t *all = json_array();
	size_t pos = 0;
	void *value;

	while (pz_map_next(border->zone->authority->members, &pos, NULL, &value)) {
		const struct pz_member *member = value;

		if (member->revoked || !pz_member_is_connected(member))
			continue;
		json_t *of_one = pz_border_visible(border, member, caller);
		/* All services of a device or none: a part would look like all. */
		if (json_array_size(all) + json_array_size(of_one) <= PZ_FRIEND_SERVICES_MAX)
			(void)json_array_extend(all, of_one);
		json_decref(of_one);
	}
	return all;
}

void
pz_border_asked(struct pz_border *border, struct pz_border_side *side, const json_t *message)
{
	json_t *id = json_object_get(message, "id"), *list = NULL;
	const char *caller = pz_json_str(message, "for");
	struct pz_link *link = side->link;

	/* The last condition is for a friend that searches, and does not read the answers. */
	if (!json_is_string(id) || json_string_length(id) > PZ_BORDER_FIND_ID_BYTES_MAX ||
	    caller == NULL ||
	    !pz_address_is_within(pz_slice_str(caller), pz_slice_str(side->zone)) ||
	    link->session.queued > PZ_QUEUE_HIGH_BYTES) {
		pz_metric_add(&border->zone->hosting->metrics, PZ_METRIC_messages_dropped, 1);
		return;
	}
	if (pz_hosted_is_friend(border->zone, pz_slice_str(side->zone)) &&
	    take_allowance(border, side) && may_find(border, caller))
		list = visible_to(border, caller);
	json_t *head = json_pack("{s:O}", "id", id);
	size_t i = 0, n = json_array_size(list);
	do { /* all but the last are partial (page 4) */
		json_t *part = json_array();
		size_t bytes = 0;

		while (i < n && bytes < FOUND_BYTES) {
			json_t *one = json_array_get(list, i++);
			bytes += json_dumpb(one, NULL, 0, JSON_COMPACT);
			(void)json_array_append(part, one);
		}
		json_t *out = json_copy(head);
		(void)json_object_set_new(out, "services", part);
		if (i < n)
			(void)json_object_set_new(out, "partial", json_true());
		pz_hosted_send_prop(border->zone, link, "foundServices", out);
		json_decref(out);
	} while (i < n);
	json_decref(head);
	json_decref(list);
}
