/* What a device calls itself. */
#include <stdio.h>
#include <unistd.h>

#include "pzp/hostname.h"
#include "pzp/internal.h"
#include "record/record.h"

#define SPACE_DEVICE "device"

/* The host's name is a good first name for a device, as far as a device name may hold it. */
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
	struct pz_node *node = arg;
	json_t *record = NULL;

	if (strcmp(key, "self") != 0)
		return PZ_OK;
	PZ_TRY(pz_record_parse(SPACE_DEVICE, key, value, &record, NULL));
	enum pz_err err =
		pz_record_string(record, "name", node->device, sizeof(node->device), NULL);
	json_decref(record);
	return err;
}

static enum pz_err
save_names(void *arg, struct pz_txn *txn)
{
	const struct pz_node *node = arg;

	return pz_record_put(txn, SPACE_DEVICE, "self", json_pack("{s:s}", "name", node->device));
}

/* A device keeps its own name also when it leaves a zone (page 2 "Revocation"). */
enum pz_err
pz_names_settle(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_node_config *c = &node->config;
	char stored[sizeof(node->device)];

	pz_keep_init(&node->names, &(struct pz_keep_config){.store = c->store,
							    .env = c->env,
							    .what = "the device's name",
							    .save = save_names,
							    .arg = node});
	PZ_TRY(pz_store_load(c->store, SPACE_DEVICE, load_names, node, info));
	snprintf(stored, sizeof(stored), "%s", node->device);
	if (c->device)
		snprintf(node->device, sizeof(node->device), "%s", c->device);
	else if (node->device[0] == '\0')
		name_from_host(node->device, sizeof(node->device));
	if (!pz_device_is_valid(pz_slice_str(node->device)))
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"device name '%s' is not valid: use letters, digits, '.', '_' and '-', at "
			"most 63 "
			"of them, a letter or digit first; `pzp name` gives it any name for people",
			c->device ? c->device : node->device);
	if (strcmp(stored, node->device) == 0)
		return PZ_OK;
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? save_names(node, txn) : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		pz_txn_free(txn);
		return err;
	}
	pz_keep_commit(&node->names, txn);
	return PZ_OK;
}
