#include "pzh/offline.h"

#include <stdio.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "pzh/result.h"
#include "store/lock.h"
#include "store/owner.h"
#include "store/sqlite.h"
#include "wire/address.h"
#include "x509/provider.h"
#include "zone/migration.h"
#include "zone/removal.h"

#define PATH_BYTES 4096

/** A data directory that is ours for a while. */
struct site {
	int lock_fd;
	struct pz_owner owner; /* root works as the directory's owner */
	struct pz_keystore *keys;
	struct pz_store *store;
	struct pz_env env;
	struct pz_timers timers;
};

static void
on_wake(void *arg)
{
	(void)arg; /* commit() waits by itself */
}

static void
site_close(struct site *site)
{
	pz_store_free(site->store);
	pz_keystore_free(site->keys);
	if (site->lock_fd >= 0)
		close(site->lock_fd);
	pz_owner_return(&site->owner);
}

static enum pz_err
site_open(struct site *site, const char *data_dir, struct pz_errinfo *info)
{
	char path[PATH_BYTES];

	*site = (struct site){.lock_fd = -1};
	pz_env_system(&site->env, &site->timers);
	enum pz_err err = pz_openssl_check(info);
	if (err == PZ_OK)
		err = pz_owner_become(data_dir, &site->owner, info);
	if (err == PZ_OK)
		err = pz_lock_data_dir(data_dir, &site->lock_fd, info);
	snprintf(path, sizeof(path), "%s/keys", data_dir);
	if (err == PZ_OK)
		err = pz_keystore_open_dir(path, &site->keys, info);
	snprintf(path, sizeof(path), "%s/pzhd.db", data_dir);
	if (err == PZ_OK)
		err = pz_store_open_sqlite(path, on_wake, NULL, &site->store, info);
	if (err != PZ_OK)
		site_close(site);
	return err;
}

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
check_new_zone(struct site *site, const char *zone, struct pz_errinfo *info)
{
	enum pz_err err = pz_store_load(site->store, "zone", is_other_zone, (void *)zone, info);

	return err == PZ_ERR_EXISTS ? pz_fail(info, err, "zone %s exists already", zone) : err;
}

/* ---- init ---- */

static enum pz_err
make_zone(struct site *site, const char *zone, const char *host, const char *name,
	  json_t **out_result, struct pz_errinfo *info)
{
	char normal[PZ_ZONE_BYTES_MAX + 1];
	struct pz_authority *authority = NULL;

	if (pz_zone_normalise(pz_slice_str(zone), normal) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "zone '%s' is not valid: write it as user@domain, e.g. "
			       "alice@example.org",
			       zone);
	PZ_TRY(check_new_zone(site, normal, info));
	struct pz_txn *txn = pz_txn_new();
	if (txn == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_authority_create(normal, host, name, PZ_KEY_TYPE_DEFAULT, site->keys,
					      &site->env, txn, &authority, info);
	if (err != PZ_OK) {
		pz_txn_free(txn);
		return err;
	}
	err = commit(site->store, txn, info);
	if (err == PZ_OK)
		*out_result = pzh_init_result(authority);
	pz_authority_free(authority);
	return err;
}

enum pz_err
pz_pzh_init_offline(const char *data_dir, const char *zone, const char *host, const char *name,
		    json_t **out_result, struct pz_errinfo *info)
{
	struct site site;

	PZ_TRY(site_open(&site, data_dir, info));
	enum pz_err err = make_zone(&site, zone, host, name, out_result, info);
	site_close(&site);
	return err;
}

/* ---- move, export ---- */

struct choice {
	const char *zone; /* normalised, or NULL: the only one */
	struct pz_authority *found;
	size_t count;
};

static enum pz_err
on_zone(void *arg, struct pz_authority *takes)
{
	struct choice *choice = arg;

	choice->count++;
	if (choice->found || (choice->zone && strcmp(choice->zone, takes->zone) != 0))
		pz_authority_free(takes);
	else
		choice->found = takes;
	return PZ_OK;
}

/* As the daemon chooses. */
static enum pz_err
choose_zone(struct site *site, const char *zone, struct pz_authority **out, struct pz_errinfo *info)
{
	char normal[PZ_ZONE_BYTES_MAX + 1] = "";
	struct choice choice = {.zone = zone ? normal : NULL};
	enum pz_err err = PZ_OK;

	if (zone && pz_zone_normalise(pz_slice_str(zone), normal) != PZ_OK)
		return pz_fail(info, PZ_ERR_NOTFOUND, "no zone %s here", zone);
	err = pz_authority_load_all(site->store, site->keys, &site->env, on_zone, &choice, info);
	if (err == PZ_OK && zone && choice.found == NULL)
		err = pz_fail(info, PZ_ERR_NOTFOUND, "no zone %s here", zone);
	else if (err == PZ_OK && zone == NULL && choice.count != 1)
		err = pz_fail(
			info, PZ_ERR_CONFIG, "%s",
			choice.count ? "several zones are hosted here; give one of them with --zone"
				     : "no zone yet; make one with `pzh init --zone "
				       "user@domain --host HOST`");
	if (err != PZ_OK) {
		pz_authority_free(choice.found);
		return err;
	}
	*out = choice.found;
	return PZ_OK;
}

/* What the daemon tells its devices when it runs next. */
static enum pz_err
move_zone(struct site *site, struct pz_authority *a, const struct pz_pzh_move *to, uint16_t port,
	  struct pz_errinfo *info)
{
	struct pz_hub_address at;

	if (!to->stay && to->at.port == 0)
		return PZ_OK;
	if (to->stay && !a->move.is_moving)
		return pz_fail(info, PZ_ERR_NOTFOUND, "zone %s is not moving", a->zone);
	if (to->stay && port == 0)
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"the port of this hub is known only while pzhd runs: start it first");
	at = to->at;
	if (to->stay)
		pz_hub_address_set(&at, a->host, port);
	struct pz_txn *txn = pz_txn_new();
	if (txn == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_authority_announce(a, &at, !to->stay, txn, &a->move, info);
	if (err != PZ_OK) {
		pz_txn_free(txn);
		return err;
	}
	return commit(site->store, txn, info);
}

static enum pz_err
export_zone(struct site *site, const char *zone, const struct pz_pzh_move *to, uint16_t port,
	    const uint8_t *head, const uint8_t *key, struct pz_buf *out, json_t **out_result,
	    struct pz_errinfo *info)
{
	struct pz_authority *a = NULL;

	PZ_TRY(choose_zone(site, zone, &a, info));
	enum pz_err err = move_zone(site, a, to, port, info);
	if (err == PZ_OK && out)
		/* Which port it was the daemon knew: a new hub that is not sure tells its own. */
		err = pz_migration_write(a, site->store, 0, head, key, out, info);
	if (err == PZ_OK)
		*out_result = out ? pzh_export_result(a, out->len) : pzh_stay_result(a);
	pz_authority_free(a);
	return err;
}

enum pz_err
pz_pzh_export_offline(const char *data_dir, const char *zone, const struct pz_pzh_move *to,
		      uint16_t port, const uint8_t *head, const uint8_t *key, struct pz_buf *out,
		      json_t **out_result, struct pz_errinfo *info)
{
	struct site site;

	PZ_TRY(site_open(&site, data_dir, info));
	enum pz_err err = export_zone(&site, zone, to, port, head, key, out, out_result, info);
	site_close(&site);
	return err;
}

/* ---- remove ---- */

enum pz_err
pz_pzh_remove_offline(const char *data_dir, const char *zone, json_t **out_result,
		      struct pz_errinfo *info)
{
	struct pz_authority *a = NULL;
	struct pz_txn *txn = NULL;
	struct site site;

	PZ_TRY(site_open(&site, data_dir, info));
	enum pz_err err = choose_zone(&site, zone, &a, info);
	if (err == PZ_OK && (txn = pz_txn_new()) == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	if (err == PZ_OK)
		err = pz_authority_remove(a, txn);
	if (err == PZ_OK)
		err = commit(site.store, PZ_TAKE(txn), info);
	if (err == PZ_OK && pz_authority_remove_keys(a, site.keys) != PZ_OK)
		err = pz_fail(info, PZ_ERR_IO,
			      "the zone is removed, but a key file is left in %s/keys: delete it",
			      data_dir);
	if (err == PZ_OK)
		*out_result = json_pack("{s:s}", "zone", a->zone);
	pz_txn_free(txn);
	pz_authority_free(a);
	site_close(&site);
	return err;
}

/* ---- import ---- */

static enum pz_err
settle(struct site *site, struct pz_migration *m, const char *host, uint16_t port,
       json_t **out_result, struct pz_errinfo *info)
{
	struct pz_authority *a = NULL;
	struct pz_txn *txn = NULL;
	const char *zone = NULL;

	PZ_TRY(pz_migration_end(m, &zone, info));
	PZ_TRY(check_new_zone(site, zone, info));
	PZ_TRY(pz_migration_settle(m, host, port, site->keys, &txn, &a, info));
	enum pz_err err = commit(site->store, txn, info);
	if (err == PZ_OK)
		*out_result = pzh_import_result(a, port);
	else /* what is left over otherwise goes at the daemon's next start */
		(void)(pz_keystore_remove(site->keys, a->ca_key_uri) +
		       pz_keystore_remove(site->keys, a->tls_key_uri));
	pz_authority_free(a);
	return err;
}

static enum pz_err
import_zone(struct site *site, struct pz_slice archive, const uint8_t *key, const char *host,
	    uint16_t port, json_t **out_result, struct pz_errinfo *info)
{
	PZ_AUTO(pz_migration_free) struct pz_migration *m = pz_migration_new(key, &site->env);

	if (m == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (port == 0)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the port of this hub is known only while pzhd runs: give --port");
	PZ_TRY(pz_migration_read(m, archive, info));
	return settle(site, m, host, port, out_result, info);
}

enum pz_err
pz_pzh_import_offline(const char *data_dir, struct pz_slice archive, const uint8_t *key,
		      const char *host, uint16_t port, json_t **out_result, struct pz_errinfo *info)
{
	struct site site;

	PZ_TRY(site_open(&site, data_dir, info));
	enum pz_err err = import_zone(&site, archive, key, host, port, out_result, info);
	site_close(&site);
	return err;
}
