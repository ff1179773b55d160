/*
 * The user's details and the names of devices (page 8, item user-details): the commands `user` and
 * `name`, and what follows when this device was given a name (page 10, name).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzp/devices.h"
#include "pzp/zonedata.h"
#include "wire/json.h"
#include "zone/details.h"

/* A change on its way to the disk. */
struct detail_write {
	struct pz_request *request;
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];
};

static const struct pz_request_kind write_kind = {.size = sizeof(struct detail_write),
						  .goes_on = true};

/* ---- changes ---- */

static bool
is_ours(const struct pz_node *node, const char *device)
{
	return node->zone.membership && strcmp(device, node->zone.membership->device) == 0;
}

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	const struct detail_write *write = arg;
	struct pz_node *node = write->request->self;
	const char *device = pz_details_device(write->key);
	struct pz_errinfo info = {""};
	json_t *result = NULL;

	if (err != PZ_OK) {
		(void)pz_fail(&info, err, "nothing was changed, it cannot be stored: %s", detail);
	} else {
		if (device && is_ours(node, device))
			prefs_named(node);
		result = pz_details_changed(node->zonedata->shared, write->key);
		pz_notice("user-details", "key=%s changed by command", write->key);
	}
	pz_request_finish(write->request, err, info.text, result);
}

/* Ends in on_written. */
static enum pz_err
write_wish(struct pz_request *request, const char *key, const struct pz_details_wish *wish,
	   struct pz_errinfo *info)
{
	PZ_AUTO_FREE char *value = wish->value ? pz_details_value(wish->value) : NULL;
	struct detail_write *write = pz_request_begin(request, &write_kind);

	if (write == NULL || (wish->value && value == NULL))
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	write->request = request;
	snprintf(write->key, sizeof(write->key), "%s", key);
	return zonedata_write(request->self, PZ_SYNC_USER_DETAILS, key, value, on_written, write,
			      info);
}

static void
submit(struct pz_request *request, const char *key, const struct pz_details_wish *wish)
{
	struct pz_errinfo info = {""};
	enum pz_err err = write_wish(request, key, wish, &info);

	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
}

/* ---- the command `user` ---- */

void
details_user(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	const struct pz_shared *shared = node->zonedata->shared;
	struct pz_details_wish wish = {0};
	struct pz_errinfo info = {""};
	enum pz_err err = pz_details_read(request->params, &wish, &info);

	if (err == PZ_OK && wish.field && !wish.value &&
	    pz_shared_value(shared, PZ_SYNC_USER_DETAILS, wish.field) == NULL)
		err = pz_fail(&info, PZ_ERR_NOTFOUND, "no %s is known of the user", wish.field);
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
	else if (wish.is_change)
		submit(request, wish.field, &wish);
	else
		pz_request_answer(request, wish.field ? pz_details_one(shared, wish.field)
						      : pz_details_all(shared));
}

/* ---- the command `name` ---- */

static enum pz_err
find_device(const struct pz_node *node, const char *name, char out[PZ_DEVICE_BYTES_MAX + 1],
	    struct pz_errinfo *info)
{
	if (node->zone.membership == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "this device is not enrolled in a zone; `pzp enrol` first");
	PZ_TRY(devices_find(node, name, out, info));
	if (!is_ours(node, out) && !pz_prefs_bool(prefs_active(node), PZ_PREF_SYNC_USER_DETAILS))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "sync.user-details is off: a name for another device would not "
			       "leave this one");
	return PZ_OK;
}

void
details_name(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	struct pz_details_wish wish = {0};
	struct pz_errinfo info = {""};
	char key[PZ_DETAILS_KEY_CHARS];
	char device[PZ_DEVICE_BYTES_MAX + 1] = "";
	enum pz_err err = find_device(node, pz_json_str(request->params, "device"), device, &info);

	if (err == PZ_OK)
		err = pz_details_read_name(request->params, &wish, &info);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	pz_details_key(device, key);
	submit(request, key, &wish);
}

/* ---- what comes in ---- */

void
details_received(struct pz_node *node, const json_t *keys)
{
	const json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		const char *device = pz_details_device(json_string_value(key));
		if (device && is_ours(node, device))
			prefs_named(node);
	}
}
