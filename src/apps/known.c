/* Origins that have connected, and when: people see names instead of ids. One record each, in the
 * space "origins". */
#include <stdio.h>
#include <stdlib.h>

#include "apps/internal.h"
#include "wire/json.h"

#define SPACE "origins"

static struct pz_app_known *
add(struct pz_apps *apps, const char *origin, uint64_t first_ms, uint64_t last_ms)
{
	struct pz_app_known *known = calloc(1, sizeof(*known) + strlen(origin) + 1);

	if (known == NULL)
		return NULL;
	memcpy(known->origin, origin, strlen(origin) + 1);
	pz_app_id(pz_slice_str(origin), known->id);
	known->first_ms = first_ms;
	known->last_ms = known->stored_ms = last_ms;
	pz_list_append(&apps->known, &known->hook);
	apps->known_count++;
	return known;
}

static void
drop(struct pz_apps *apps, struct pz_app_known *known)
{
	pz_list_remove(&known->hook);
	apps->known_count--;
	free(known);
}

static enum pz_err
on_record(void *arg, const char *key, struct pz_slice value)
{
	struct pz_apps *apps = arg;
	json_t *record = pz_json_parse(value, NULL);
	int64_t first = 0, last = 0;

	enum pz_origin_kind kind = pz_origin_kind_of(pz_slice_str(key));
	/* An invalid record only loses the name of one app; the others are loaded. */
	bool is_fine = (pz_origin_is_taken(kind) || kind == PZ_ORIGIN_PROGRAM) &&
		       pz_json_int(record, "first", 0, PZ_SYNC_TIME_MS_MAX, &first) &&
		       pz_json_int(record, "last", 0, PZ_SYNC_TIME_MS_MAX, &last) &&
		       apps->known_count < PZ_APPS_KNOWN_MAX;
	json_decref(record);
	if (is_fine && add(apps, key, (uint64_t)first, (uint64_t)last) == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	return PZ_OK;
}

enum pz_err
pz_known_load(struct pz_apps *apps, struct pz_errinfo *info)
{
	return pz_store_load(apps->config.store, SPACE, on_record, apps, info);
}

struct pz_app_known *
pz_known_find(const struct pz_apps *apps, struct pz_slice origin)
{
	PZ_LIST_EACH (&apps->known, node, tmp) {
		struct pz_app_known *known = PZ_CONTAINER(node, struct pz_app_known, hook);
		if (pz_slice_eq_str(origin, known->origin))
			return known;
	}
	return NULL;
}

/* If it cannot be stored, only a displayed date is wrong. */
static void
save(struct pz_apps *apps, struct pz_app_known *known)
{
	struct pz_txn *txn = pz_txn_new();
	char text[96];

	known->stored_ms = known->last_ms;
	int len = snprintf(text, sizeof(text), "{\"first\":%llu,\"last\":%llu}",
			   (unsigned long long)known->first_ms, (unsigned long long)known->last_ms);
	if (txn && pz_txn_put(txn, SPACE, known->origin, pz_slice_of(text, (size_t)len)) == PZ_OK)
		pz_store_commit(apps->config.store, txn, NULL, NULL);
	else
		pz_txn_free(txn);
}

void
pz_known_remove(struct pz_apps *apps, struct pz_app_known *known)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn && pz_txn_remove(txn, SPACE, known->origin) == PZ_OK)
		pz_store_commit(apps->config.store, txn, NULL, NULL);
	else
		pz_txn_free(txn);
	drop(apps, known);
}

static void
make_room(struct pz_apps *apps)
{
	struct pz_app_known *oldest = NULL;

	if (apps->known_count < PZ_APPS_KNOWN_MAX)
		return;
	/* At most PZ_APPS_KNOWN_MAX, and only for a new origin: an index would not pay. */
	PZ_LIST_EACH (&apps->known, node, tmp) {
		struct pz_app_known *known = PZ_CONTAINER(node, struct pz_app_known, hook);
		if (oldest == NULL || known->last_ms < oldest->last_ms)
			oldest = known;
	}
	if (oldest)
		pz_known_remove(apps, oldest);
}

void
pz_known_touch(struct pz_apps *apps, const char *origin)
{
	uint64_t now = pz_env_wall_ms(apps->env);
	struct pz_app_known *known = pz_known_find(apps, pz_slice_str(origin));

	if (known == NULL) {
		make_room(apps);
		known = add(apps, origin, now, now);
		if (known)
			save(apps, known);
		return;
	}
	known->last_ms = now;
	/* The clock may have been set back; then the stored date is in the future and is
	 * replaced. */
	if (now < known->stored_ms || now - known->stored_ms >= PZ_APP_SEEN_MS)
		save(apps, known);
}

void
pz_known_clear(struct pz_apps *apps)
{
	PZ_LIST_EACH (&apps->known, node, tmp)
		drop(apps, PZ_CONTAINER(node, struct pz_app_known, hook));
}

enum pz_err
pz_apps_wipe(struct pz_txn *txn)
{
	PZ_TRY(pz_tokens_wipe(txn));
	return pz_txn_remove_space(txn, SPACE);
}
