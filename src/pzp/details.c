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
	struct pz_list list; /* zonedata.details */
	struct pz_node *node;
	uint64_t serial; /* of the request that is answered then */
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];
};

static struct pz_node_request *
refuse(const struct pz_node_reply *reply, void *arg, enum pz_err err, const struct pz_errinfo *info)
{
	reply->done(arg, err, info->text, NULL);
	return NULL;
}

/* ---- changes ---- */

static void
free_write(struct detail_write *write)
{
	pz_list_remove(&write->list);
	free(write);
}

void
details_free(struct zonedata *data)
{
	for (struct pz_list *n; (n = pz_list_first(&data->details)) != NULL;)
		free_write(PZ_CONTAINER(n, struct detail_write, list));
}

static bool
is_ours(const struct pz_node *node, const char *device)
{
	return node->zone.membership && strcmp(device, node->zone.membership->device) == 0;
}

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	struct detail_write *write = arg;
	struct pz_node *node = write->node;
	const char *device = pz_details_device(write->key);
	struct pz_node_request *request = request_find(node, write->serial);
	struct pz_errinfo info = {""};

	if (err != PZ_OK)
		(void)pz_fail(&info, err, "nothing was changed, it cannot be stored: %s", detail);
	else if (device && is_ours(node, device))
		prefs_named(node);
	json_t *result = err == PZ_OK && request
				 ? pz_details_changed(node->zonedata->shared, write->key)
				 : NULL;
	if (err == PZ_OK)
		pz_notice("user-details", "key=%s changed by command", write->key);
	free_write(write);
	if (request)
		request_finish(request, err, info.text, result);
}

/* Ends in on_written. */
static enum pz_err
write_wish(struct pz_node *node, uint64_t serial, const char *key,
	   const struct pz_details_wish *wish, struct pz_errinfo *info)
{
	PZ_AUTO_FREE char *value = wish->value ? pz_details_value(wish->value) : NULL;
	struct detail_write *write = calloc(1, sizeof(*write));

	if (write == NULL || (wish->value && value == NULL)) {
		free(write);
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	}
	pz_list_append(&node->zonedata->details, &write->list);
	write->node = node;
	write->serial = serial;
	snprintf(write->key, sizeof(write->key), "%s", key);
	enum pz_err err =
		zonedata_write(node, PZ_SYNC_USER_DETAILS, key, value, on_written, write, info);
	if (err != PZ_OK)
		free_write(write);
	return err;
}

static struct pz_node_request *
submit(struct pz_node *node, const char *key, const struct pz_details_wish *wish,
       const struct pz_node_reply *reply, void *arg)
{
	struct pz_node_request *request = request_new(node, sizeof(*request), reply, arg);
	struct pz_errinfo info = {""};

	if (request == NULL)
		return NULL;
	enum pz_err err = write_wish(node, request->serial, key, wish, &info);
	if (err == PZ_OK)
		return request;
	request_finish(request, err, info.text, NULL);
	return NULL;
}

/* ---- the command `user` ---- */

static struct pz_node_request *
show(const struct pz_shared *shared, const char *field, const struct pz_node_reply *reply,
     void *arg)
{
	json_t *result = field ? pz_details_one(shared, field) : pz_details_all(shared);

	if (result == NULL)
		reply->done(arg, PZ_ERR_LIMIT_MEMORY, "out of memory", NULL);
	else
		reply->done(arg, PZ_OK, "", result);
	json_decref(result);
	return NULL;
}

struct pz_node_request *
details_user(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	const struct pz_shared *shared = node->zonedata->shared;
	struct pz_details_wish wish = {0};
	struct pz_errinfo info = {""};
	enum pz_err err = pz_details_read(params, &wish, &info);

	if (err == PZ_OK && wish.field && !wish.value &&
	    pz_shared_value(shared, PZ_SYNC_USER_DETAILS, wish.field) == NULL)
		err = pz_fail(&info, PZ_ERR_NOTFOUND, "no %s is known of the user", wish.field);
	if (err != PZ_OK)
		return refuse(reply, arg, err, &info);
	if (wish.is_change)
		return submit(node, wish.field, &wish, reply, arg);
	return show(shared, wish.field, reply, arg);
}

/* ---- the command `name` ---- */

static enum pz_err
find_device(const struct pz_node *node, const char *name, char out[PZ_DEVICE_BYTES_MAX + 1],
	    struct pz_errinfo *info)
{
	if (node->zone.membership == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "this device is not enrolled in a zone; `pzp enrol` first");
	if (name == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "which device is meant? give its name");
	PZ_TRY(devices_find(node, name, out, info));
	if (!is_ours(node, out) && !pz_prefs_bool(prefs_active(node), PZ_PREF_SYNC_USER_DETAILS))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "sync.user-details is off: a name for another device would not "
			       "leave this one");
	return PZ_OK;
}

struct pz_node_request *
details_name(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	struct pz_details_wish wish = {0};
	struct pz_errinfo info = {""};
	char key[PZ_DETAILS_KEY_CHARS];
	char device[PZ_DEVICE_BYTES_MAX + 1] = "";
	enum pz_err err = find_device(node, pz_json_str(params, "device"), device, &info);

	if (err == PZ_OK)
		err = pz_details_read_name(params, &wish, &info);
	if (err != PZ_OK)
		return refuse(reply, arg, err, &info);
	pz_details_key(device, key);
	return submit(node, key, &wish, reply, arg);
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
