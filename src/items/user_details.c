/*
 * The user's details and the names of devices on a device (page 8, item user-details): the commands
 * `user` and `name`, and what happens when this device gets a name (page 10, name).
 */
#include "items/user_details.h"

#include "base/log.h"
#include "items/internal.h"
#include "shared/details.h"
#include "wire/json.h"

/* ---- changes ---- */

static bool
is_ours(const struct pz_items *items, const char *device)
{
	return pz_device_zone_is_self(items->config.zone, device);
}

static enum pz_err
on_write(void *arg, const char *key, const char *value, pz_shared_done done, void *done_arg,
	 struct pz_errinfo *info)
{
	return pz_items_write(arg, PZ_SYNC_USER_DETAILS, key, value, done, done_arg, info);
}

static void
on_written(void *arg, const char *key)
{
	struct pz_items *items = arg;
	const char *device = pz_details_device(key);

	if (device && is_ours(items, device))
		pz_user_prefs_named(items);
	pz_notice("user-details", "key=%s changed by command", key);
}

static struct pz_details_owner
owner_of(struct pz_items *items)
{
	return (struct pz_details_owner){
		.shared = items->shared, .write = on_write, .written = on_written, .arg = items};
}

/* ---- the commands ---- */

void
pz_user_details_command(struct pz_items *items, struct pz_request *request)
{
	const struct pz_details_owner owner = owner_of(items);

	pz_details_user(request, &owner);
}

static enum pz_err
find_device(const struct pz_items *items, const char *name, char out[PZ_DEVICE_BYTES_MAX + 1],
	    struct pz_errinfo *info)
{
	if (items->config.zone->membership == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "this device is not enrolled in a zone; `pzp enrol` first");
	PZ_TRY(items->config.ops->find_device(items->config.arg, name, out, info));
	if (!is_ours(items, out) && !pz_prefs_bool(pz_user_prefs(items), PZ_PREF_SYNC_USER_DETAILS))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "sync.user-details is off: a name for another device would not "
			       "leave this one");
	return PZ_OK;
}

void
pz_user_details_name_command(struct pz_items *items, struct pz_request *request)
{
	const struct pz_details_owner owner = owner_of(items);
	struct pz_errinfo info = {""};
	char device[PZ_DEVICE_BYTES_MAX + 1] = "";
	enum pz_err err = find_device(items, pz_json_str(request->params, "device"), device, &info);

	if (err == PZ_OK)
		pz_details_name(request, &owner, device);
	else
		pz_request_fail(request, err, info.text);
}

/* ---- what is received ---- */

void
pz_user_details_received(struct pz_items *items, const json_t *keys)
{
	const json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		const char *device = pz_details_device(json_string_value(key));
		if (device && is_ours(items, device))
			pz_user_prefs_named(items);
	}
}
