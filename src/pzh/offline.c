#include "pzh/offline.h"

#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "pzh/result.h"
#include "store/lock.h"
#include "store/sqlite.h"
#include "wire/address.h"
#include "zone/authority.h"

#define PATH_BYTES 4096

struct outcome {
	enum pz_err err;
	struct pz_errinfo *info;
};

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct outcome *outcome = arg;

	outcome->err = err == PZ_OK ? PZ_OK : pz_fail(outcome->info, err, "%s", detail);
}

static enum pz_err
is_other_zone(void *arg, const char *key, struct pz_slice value)
{
	(void)value;
	return strcmp(arg, key) == 0 ? PZ_ERR_EXISTS : PZ_OK;
}

/* Waits for the store's thread: nothing else goes on in this process. */
static enum pz_err
commit(struct pz_store *store, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct outcome outcome = {PZ_ERR_INTERNAL, info};

	pz_store_commit(store, txn, on_stored, &outcome);
	PZ_TRY(pz_store_load(store, "zone", is_other_zone, (void *)"", info)); /* a barrier */
	pz_store_poll(store);
	return outcome.err;
}

static enum pz_err
make_zone(struct pz_store *store, struct pz_keystore *keys, const char *zone, const char *host,
	  const char *name, json_t **out_result, struct pz_errinfo *info)
{
	struct pz_env env;
	struct pz_timers timers = {0};
	struct pz_authority *authority = NULL;
	struct pz_txn *txn = pz_txn_new();

	pz_env_system(&env, &timers);
	if (txn == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_store_load(store, "zone", is_other_zone, (void *)zone, info);
	if (err == PZ_ERR_EXISTS)
		(void)pz_fail(info, err, "zone %s exists already", zone);
	if (err == PZ_OK)
		err = pz_authority_create(zone, host, name, PZ_KEY_TYPE_DEFAULT, keys, &env, txn,
					  &authority, info);
	if (err != PZ_OK) {
		pz_txn_free(txn);
		return err;
	}
	err = commit(store, txn, info);
	if (err == PZ_OK)
		*out_result = pzh_init_result(authority);
	pz_authority_free(authority);
	return err;
}

static void
on_wake(void *arg)
{
	(void)arg; /* commit() waits by itself */
}

static enum pz_err
init_locked(const char *data_dir, const char *zone, const char *host, const char *name,
	    json_t **out_result, struct pz_errinfo *info)
{
	char path[PATH_BYTES], normal[PZ_ZONE_BYTES_MAX + 1];
	struct pz_keystore *keys = NULL;
	struct pz_store *store = NULL;

	if (pz_zone_normalise(pz_slice_str(zone), normal) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "zone '%s' is not valid: write it as user@domain, e.g. "
			       "alice@example.org",
			       zone);
	snprintf(path, sizeof(path), "%s/keys", data_dir);
	PZ_TRY(pz_keystore_open_dir(path, &keys, info));
	snprintf(path, sizeof(path), "%s/pzhd.db", data_dir);
	enum pz_err err = pz_store_open_sqlite(path, on_wake, NULL, &store, info);
	if (err == PZ_OK)
		err = make_zone(store, keys, normal, host, name, out_result, info);
	pz_store_free(store);
	pz_keystore_free(keys);
	return err;
}

enum pz_err
pz_pzh_init_offline(const char *data_dir, const char *zone, const char *host, const char *name,
		    json_t **out_result, struct pz_errinfo *info)
{
	int lock_fd = -1;

	PZ_TRY(pz_lock_data_dir(data_dir, &lock_fd, info));
	enum pz_err err = init_locked(data_dir, zone, host, name, out_result, info);
	close(lock_fd);
	return err;
}
