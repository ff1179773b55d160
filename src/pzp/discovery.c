/*
 * Finding services, and announcing our own (page 7, 4 and 7). While the hub is there it is asked:
 * it knows what every connected device announced. Without it, what was last heard is the answer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzp/internal.h"
#include "wire/json.h"

/* The hub answers from memory; if it does not, what we know must do. */
#define ASK_TIMEOUT_US (2 * PZ_US_PER_S)
#define ANNOUNCE_DELAY_US (20 * PZ_US_PER_MS)

struct discovery {
	struct pz_list node_list;
	struct pz_node *node;
	struct pz_timer timer;
	char *api; /* pattern, or NULL */
	char id[37];
	discovery_done done;
	void *arg;
};

static bool
matches(const char *pattern, json_t *descriptor)
{
	const char *api = pz_json_str(descriptor, "api");

	return pattern == NULL || (api && pz_api_matches(pattern, api));
}

static void
free_discovery(struct discovery *d)
{
	pz_list_remove(&d->node_list);
	pz_env_stop(d->node->config.env, &d->timer);
	free(d->api);
	free(d);
}

/* Own services first, then those of the devices that we know. */
static json_t *
collect(struct pz_node *node, const char *api)
{
	json_t *out = pz_registry_list(node->registry, api);
	const char *device;
	json_t *list, *one;
	size_t i;

	json_object_foreach(node->known, device, list)
		json_array_foreach(list, i, one) if (matches(api, one)) json_array_append(out, one);
	return out;
}

static void
finish(struct discovery *d)
{
	json_t *found = collect(d->node, d->api);
	discovery_done done = d->done;
	void *arg = d->arg;

	free_discovery(d);
	done(arg, found);
	json_decref(found);
}

static void
on_timeout(struct pz_timer *timer, void *arg)
{
	(void)timer;
	finish(arg);
}

static enum pz_err
ask_hub(struct discovery *d)
{
	json_t *message;

	pz_env_uuid(d->node->config.env, d->id);
	message = json_pack("{s:s}", "id", d->id);
	if (message == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	hub_send_prop(d->node, "findServices", message);
	json_decref(message);
	pz_env_start(d->node->config.env, &d->timer, ASK_TIMEOUT_US);
	return PZ_OK;
}

struct discovery *
discovery_start(struct pz_node *node, const char *api, discovery_done done, void *arg)
{
	struct discovery *d = calloc(1, sizeof(*d));

	if (d && api)
		d->api = strdup(api);
	if (d == NULL || (api && d->api == NULL)) {
		free(d);
		done(arg, NULL);
		return NULL;
	}
	d->node = node;
	d->done = done;
	d->arg = arg;
	pz_timer_init(&d->timer, on_timeout, d);
	pz_list_append(&node->finds, &d->node_list);
	if (node->hub.is_registered && ask_hub(d) == PZ_OK)
		return d;
	finish(d);
	return NULL;
}

void
discovery_cancel(struct discovery *d)
{
	if (d)
		free_discovery(d);
}

/* One device's part of a foundServices answer; the address must be in our zone and not ours. */
static void
learn(struct pz_node *node, json_t *fresh, json_t *descriptor)
{
	const char *address = pz_json_str(descriptor, "serviceAddress");
	struct pz_address parsed;
	struct pz_descriptor checked;

	if (address == NULL || pz_address_parse(pz_slice_str(address), &parsed) != PZ_OK ||
	    !pz_slice_eq_str(parsed.zone, node->membership->zone) || parsed.device.len == 0 ||
	    pz_slice_eq_str(parsed.device, node->membership->device) ||
	    pz_descriptor_parse(descriptor, address, &checked, NULL) != PZ_OK)
		return;
	pz_descriptor_fini(&checked);
	PZ_AUTO_FREE char *device = pz_slice_dup(parsed.device);
	if (device == NULL)
		return;
	json_t *list = json_object_get(fresh, device);
	if (list == NULL && json_object_size(fresh) >= PZ_DEVICES_PER_ZONE_MAX)
		return;
	if (list == NULL) {
		json_object_set_new(fresh, device, json_array());
		list = json_object_get(fresh, device);
	}
	if (json_array_size(list) < PZ_SERVICES_PER_DEVICE_MAX)
		json_array_append(list, descriptor);
}

void
discovery_found(struct pz_node *node, json_t *message)
{
	const char *id = pz_json_str(message, "id");
	json_t *services = json_object_get(message, "services");
	size_t i;
	json_t *one;

	if (node->learning == NULL)
		node->learning = json_object();
	/* The hub's answer is whole (we never ask for one type): it replaces what was known, when
	 * its last part is here. */
	json_array_foreach(services, i, one) learn(node, node->learning, one);
	if (json_is_true(json_object_get(message, "partial")) || node->learning == NULL)
		return;
	json_decref(node->known);
	node->known = PZ_TAKE(node->learning);
	if (id == NULL)
		return;
	PZ_LIST_EACH (&node->finds, n, tmp) {
		struct discovery *d = PZ_CONTAINER(n, struct discovery, node_list);
		if (strcmp(d->id, id) == 0) {
			finish(d);
			return;
		}
	}
}

void
discovery_hub_gone(struct pz_node *node)
{
	struct pz_list *first;

	json_decref(node->learning); /* its end will not come */
	node->learning = NULL;
	while ((first = pz_list_first(&node->finds)) != NULL)
		finish(PZ_CONTAINER(first, struct discovery, node_list));
}

/* ---- for the dispatcher: ServiceDiscovery.findServices of local programs and other devices ----
 */

static void
on_found_for(void *arg, json_t *descriptors)
{
	struct pz_find *find = arg;
	size_t i;
	json_t *one;

	json_array_foreach(descriptors, i, one) pz_find_add_json(find, one);
	pz_find_done(find);
}

/* Page 7, 7.4: another device sees the services of this one; what the zone has it asks the hub. */
void
discovery_find(void *arg, const char *caller, struct pz_find *find)
{
	struct pz_node *node = arg;

	if (!pz_address_is_within(pz_slice_str(caller), pz_slice_str(node->self))) {
		pz_find_done(find);
		return;
	}
	(void)discovery_start(node, find->api, on_found_for, find);
}

/* ---- announcing ---- */

void
discovery_announce_soon(struct pz_node *node)
{
	if (node->hub.is_registered && !node->announce.active)
		pz_env_start(node->config.env, &node->announce, ANNOUNCE_DELAY_US);
}

void
discovery_announce(struct pz_node *node)
{
	json_t *message = json_pack("{s:o?, s:s}", "services",
				    pz_registry_list(node->registry, NULL), "from", node->self);

	hub_send_prop(node, "registerServices", message);
	json_decref(message);
}
