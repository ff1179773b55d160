/*
 * Resolves SERVICE[@DEVICE]: the id of an instance, a whole API or its last part, or the display
 * name, in this order; an exact name wins over one in another case. The device may be named in any
 * way that devices.c accepts, or be in a friend zone.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/suggest.h"
#include "calls/internal.h"
#include "wire/json.h"

/* How well a descriptor matches; smaller is better. */
enum fit { FIT_EXACT, FIT_ANY_CASE, FIT_DISPLAY_NAME, FIT_NONE };

enum pz_err
pz_target_init(struct pz_target *target, const char *text, struct pz_errinfo *info)
{
	const char *at = strchr(text, '@'); /* an API URI has none; an address has a second one */

	*target = (struct pz_target){.service = NULL};
	if (at && at[1] == '\0')
		return pz_fail(info, PZ_ERR_CONFIG, "'%.100s': name the device after the @", text);
	target->service = at ? strndup(text, (size_t)(at - text)) : strdup(text);
	target->device_text = at ? strdup(at + 1) : NULL;
	if (target->service == NULL || (at && target->device_text == NULL))
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return PZ_OK;
}

void
pz_target_fini(struct pz_target *target)
{
	free(target->service);
	free(target->device_text);
	*target = (struct pz_target){.service = NULL};
}

enum pz_err
pz_target_resolve(struct pz_target *target, const struct pz_calls *calls, struct pz_errinfo *info)
{
	struct pz_address parsed;

	if (target->device_text == NULL)
		return PZ_OK;
	if (pz_calls_is_of_friend(calls, target->device_text, &parsed)) {
		if (parsed.device.len == 0)
			return pz_fail(info, PZ_ERR_CONFIG,
				       "'%.100s' is a zone; name a device of it",
				       target->device_text);
		snprintf(target->zone, sizeof(target->zone), "%.*s", PZ_SLICE_FMT(parsed.zone));
		snprintf(target->device, sizeof(target->device), "%.*s",
			 PZ_SLICE_FMT(parsed.device));
		return PZ_OK;
	}
	return pz_devices_find(calls, target->device_text, target->device, info);
}

/* ---- which service ---- */

static const char *
last_part(const char *api)
{
	const char *slash = strrchr(api, '/');

	return slash ? slash + 1 : api;
}

/* An id is only matched as an id: no API looks like one, and another property must not match it. */
static bool
is_instance_id(const char *text)
{
	return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

/* Without a device any will do; the first in the list is taken. */
static bool
is_meant_device(const struct pz_target *target, const char *address)
{
	struct pz_address parsed;

	if (pz_address_parse(pz_slice_str(address), &parsed) != PZ_OK)
		return false;
	return target->device_text == NULL ||
	       (pz_slice_eq_str(parsed.device, target->device) &&
		(target->zone[0] == '\0' || pz_slice_eq_str(parsed.zone, target->zone)));
}

static enum fit
fit_of(const struct pz_target *target, const json_t *descriptor)
{
	const char *api = pz_json_str(descriptor, "api"), *id = pz_json_str(descriptor, "id");
	const char *name = pz_json_str(descriptor, "displayName"), *meant = target->service;
	const char *address = pz_json_str(descriptor, "serviceAddress");

	if (!api || !id || !address || !is_meant_device(target, address))
		return FIT_NONE;
	if (is_instance_id(meant))
		return strcmp(id, meant) == 0 ? FIT_EXACT : FIT_NONE;
	if (strcmp(api, meant) == 0 || strcmp(last_part(api), meant) == 0)
		return FIT_EXACT;
	if (strcasecmp(api, meant) == 0 || strcasecmp(last_part(api), meant) == 0)
		return FIT_ANY_CASE;
	return name && strcasecmp(name, meant) == 0 ? FIT_DISPLAY_NAME : FIT_NONE;
}

/* The first of equals: lists begin with reachable services. */
json_t *
pz_target_choose(const struct pz_target *target, json_t *descriptors)
{
	enum fit best = FIT_NONE;
	json_t *found = NULL, *one;
	size_t i;

	json_array_foreach (descriptors, i, one) {
		enum fit fit = fit_of(target, one);
		if (fit < best) {
			best = fit;
			found = one;
		}
	}
	return found;
}

/* ---- without asking others ---- */

static bool
is_own(const struct pz_target *target, const struct pz_calls *calls)
{
	return strcmp(target->device, calls->config.device) == 0;
}

bool
pz_target_is_near(const struct pz_target *target, const struct pz_calls *calls)
{
	return target->device[0] && target->zone[0] == '\0' &&
	       (is_own(target, calls) || pz_peers_services(calls->peers, target->device) != NULL);
}

static json_t *
choose_own(const struct pz_target *target, const struct pz_calls *calls)
{
	json_t *list = pz_registry_list(calls->config.registry, NULL);
	json_t *found = json_incref(pz_target_choose(target, list));

	json_decref(list);
	return found;
}

static json_t *
choose_of_friend(const struct pz_target *target, const struct pz_calls *calls)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	snprintf(address, sizeof(address), "%s/%s", target->zone, target->device);
	return json_incref(pz_target_choose(target, pz_peers_services(calls->peers, address)));
}

json_t *
pz_target_choose_near(const struct pz_target *target, const struct pz_calls *calls)
{
	size_t pos = 0;
	const char *device;
	json_t *found = NULL;

	if (target->zone[0])
		return choose_of_friend(target, calls);
	if (target->device_text == NULL || is_own(target, calls))
		found = choose_own(target, calls);
	if (found || (target->device_text && target->device[0] == '\0'))
		return found;
	if (target->device[0])
		return json_incref(
			pz_target_choose(target, pz_peers_services(calls->peers, target->device)));
	while (found == NULL && (device = pz_peers_next_linked(calls->peers, &pos)) != NULL)
		found = pz_target_choose(target, pz_peers_services(calls->peers, device));
	return json_incref(found);
}

/* ---- no such service ---- */

static void
add_name(char *out, size_t size, const char *name)
{
	size_t len = strlen(out);

	if (len + strlen(name) + 2 < size) /* a truncated name is useless */
		snprintf(out + len, size - len, "%s%s", len ? ", " : "", name);
}

/* Only names of the named device are listed: others would lead to the same error. */
static bool
is_of_device(const struct pz_target *target, const json_t *descriptor, const char *api)
{
	struct pz_target same = {.service = (char *)(uintptr_t)api,
				 .device_text = target->device_text};

	snprintf(same.device, sizeof(same.device), "%s", target->device);
	snprintf(same.zone, sizeof(same.zone), "%s", target->zone);
	return fit_of(&same, descriptor) == FIT_EXACT;
}

/* The names that could be typed, and the one that was probably meant. */
static void
list_names(const struct pz_target *target, json_t *descriptors, char *names, size_t size,
	   struct pz_suggest *meant)
{
	json_t *seen = json_object(), *one;
	size_t i;

	json_array_foreach (descriptors, i, one) {
		const char *api = pz_json_str(one, "api");
		if (api == NULL || !is_of_device(target, one, api))
			continue;
		const char *name = last_part(api);
		pz_suggest_add(meant, name);
		pz_suggest_add(meant, pz_json_str(one, "displayName"));
		if (json_object_get(seen, name) == NULL)
			add_name(names, size, name);
		(void)json_object_set_new(seen, name, json_true());
	}
	json_decref(seen);
}

void
pz_target_explain(const struct pz_target *target, json_t *descriptors, char *out, size_t size)
{
	struct pz_suggest meant;
	char names[200] = "";

	pz_suggest_init(&meant, target->service);
	list_names(target, descriptors, names, sizeof(names), &meant);
	snprintf(out, size, "no service %.200s%s%.254s%s%.63s", target->service,
		 target->device[0] ? " on " : "", target->zone, target->zone[0] ? "/" : "",
		 target->device);
	size_t len = strlen(out);
	if (meant.best)
		snprintf(out + len, size - len, "; did you mean %.128s?", meant.best);
	else if (target->device[0] && names[0])
		snprintf(out + len, size - len, "; it has: %s", names);
	else if (target->zone[0])
		snprintf(out + len, size - len,
			 "; `pzp services --zone %s` lists what its owner shares", target->zone);
	else
		snprintf(out + len, size - len, "; `pzp services` lists what there is");
}
