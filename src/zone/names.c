/*
 * The names of the device: the one for addresses, chosen once and stored; and the names for people,
 * which are preferences.
 */
#include "zone/names.h"

#include <stdio.h>
#include <unistd.h>

#include "conf/hostname.h"
#include "record/record.h"

#define SPACE_DEVICE "device"

/* The host's name is a good default for the device, reduced to the characters that a device name
 * may have. */
static void
name_from_host(char *out, size_t size)
{
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	pz_hostname_device(host, out, size);
}

static enum pz_err
load_names(void *arg, const char *key, struct pz_slice value)
{
	struct pz_names *names = arg;
	json_t *record = NULL;

	if (strcmp(key, "self") != 0) /* of another version */
		return PZ_OK;
	PZ_TRY(pz_record_parse(SPACE_DEVICE, key, value, &record, NULL));
	enum pz_err err =
		pz_record_string(record, "name", names->device, sizeof(names->device), NULL);
	json_decref(record);
	return err;
}

static enum pz_err
save_names(void *arg, struct pz_txn *txn)
{
	const struct pz_names *names = arg;

	return pz_record_put(txn, SPACE_DEVICE, "self", json_pack("{s:s}", "name", names->device));
}

enum pz_err
pz_names_settle(struct pz_names *names, const struct pz_names_config *c, struct pz_errinfo *info)
{
	char stored[sizeof(names->device)];

	const struct pz_keep_config keep = {
		.store = c->store,
		.env = c->env,
		.what = "the device's name",
		.save = save_names,
		.arg = names,
	};

	pz_keep_init(&names->keep, &keep);
	PZ_TRY(pz_store_load(c->store, SPACE_DEVICE, load_names, names, info));
	snprintf(stored, sizeof(stored), "%s", names->device);
	if (c->device)
		snprintf(names->device, sizeof(names->device), "%s", c->device);
	else if (names->device[0] == '\0')
		name_from_host(names->device, sizeof(names->device));
	if (!pz_device_is_valid(pz_slice_str(names->device)))
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"device name '%s' is not valid: use letters, digits, '.', '_' and '-', at "
			"most 63 "
			"of them, a letter or digit first; `pzp name` gives it any name for people",
			/* `device` from the operator must be valid as given; a name from the host
			 * was made valid above. */
			c->device ? c->device : names->device);
	/* Stored at once: the name must not change when the host gets another one. */
	if (strcmp(stored, names->device) == 0)
		return PZ_OK;
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? save_names(names, txn) : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		pz_txn_free(txn);
		return err;
	}
	pz_keep_commit(&names->keep, txn);
	return PZ_OK;
}

void
pz_names_stop(struct pz_names *names)
{
	pz_keep_stop(&names->keep);
}

void
pz_names_set_member(struct pz_names *names, const char *zone, const char *device)
{
	snprintf(names->device, sizeof(names->device), "%s", device);
	snprintf(names->self, sizeof(names->self), "%s/%s", zone, device);
}

void
pz_names_set_virgin(struct pz_names *names)
{
	snprintf(names->self, sizeof(names->self), "%s", names->device);
}

void
pz_names_set_shown(struct pz_names *names, const char *display_name, const char *device_type)
{
	snprintf(names->display_name, sizeof(names->display_name), "%s", display_name);
	snprintf(names->device_type, sizeof(names->device_type), "%s", device_type);
}
