/*
 * Members' records are written together: devices that all come back at once cost one transaction,
 * and so does a device that changes its name all the time. Records that a full disk refused wait
 * for the next try. A record that a change of the authority is writing is left to that change
 * (turns.device): otherwise an older record would overwrite a newer one.
 */
#include "hosted/records.h"

#include "base/auto.h"
#include "hosted/zone.h"

#define SAVE_DELAY_US (1 * PZ_US_PER_S)

/* The records of the failed write wait again. Logged once: while the disk is full every attempt
 * fails. */
static void
save_failed(struct pz_hosted *zone, const char *detail)
{
	(void)json_object_update(zone->records.unsaved, zone->records.saving);
	if (zone->hosting->is_stopping || !zone->records.is_behind)
		pz_error("member-not-stored",
			 "zone=%s a change of a device is not stored yet; the store is tried "
			 "again: %s",
			 zone->authority->zone, detail);
	zone->records.is_behind = true;
	if (!zone->hosting->is_stopping && !zone->is_removed && !zone->records.timer.active)
		pz_env_start(zone->hosting->env, &zone->records.timer, PZ_STORE_AGAIN_US);
}

static void
on_saved(void *arg, enum pz_err err, const char *detail)
{
	struct pz_hosted *zone = arg;

	zone->records.saves--;
	if (err != PZ_OK) {
		save_failed(zone, detail);
	} else if (zone->records.is_behind && zone->records.saves == 0 &&
		   json_object_size(zone->records.unsaved) == 0) {
		zone->records.is_behind = false;
		pz_notice("member-stored", "zone=%s the changes of devices are stored now",
			  zone->authority->zone);
	}
	if (zone->records.saves == 0)
		json_object_clear(zone->records.saving);
}

/* The members in `unsaved` except the one that a running change writes. */
static enum pz_err
save_members(struct pz_hosted *zone, struct pz_txn *txn)
{
	const char *device;
	json_t *ignored;

	json_object_foreach (zone->records.unsaved, device, ignored) {
		const struct pz_member *member = pz_authority_member(zone->authority, device);
		if (member && strcmp(device, zone->turns.device) != 0)
			PZ_TRY(pz_authority_save_member(zone->authority, member, txn));
	}
	return PZ_OK;
}

void
pz_hosted_save_now(struct pz_hosted *zone)
{
	bool has_waiting = zone->turns.device[0] != '\0' &&
			   json_object_get(zone->records.unsaved, zone->turns.device);

	if (zone->is_removed)
		return;
	pz_env_stop(zone->hosting->env, &zone->records.timer);
	if (json_object_size(zone->records.unsaved) > (has_waiting ? 1 : 0)) {
		struct pz_txn *txn = pz_txn_new();
		(void)json_object_update(zone->records.saving, zone->records.unsaved);
		if (txn && save_members(zone, txn) == PZ_OK) {
			json_object_clear(zone->records.unsaved);
			zone->records.saves++;
			pz_store_commit(zone->hosting->store, txn, on_saved, zone);
		} else {
			pz_txn_free(txn);
			save_failed(zone, "out of memory");
		}
	}
	if (has_waiting && !zone->hosting->is_stopping) {
		(void)json_object_set_new(zone->records.unsaved, zone->turns.device, json_true());
		if (!zone->records.timer.active)
			pz_env_start(zone->hosting->env, &zone->records.timer, SAVE_DELAY_US);
	}
}

static void
on_save(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_hosted_save_now(arg);
}

/* Together: devices that all come back at once, or a device that changes its name all the time,
 * cost one transaction a second. */
void
pz_hosted_save_member(struct pz_hosted *zone, const struct pz_member *member)
{
	if (zone->is_removed)
		return;
	(void)json_object_set_new(zone->records.unsaved, member->device, json_true());
	if (zone->hosting->is_stopping)
		pz_hosted_save_now(zone);
	else if (!zone->records.timer.active)
		pz_env_start(zone->hosting->env, &zone->records.timer, SAVE_DELAY_US);
}

void
pz_hosted_save_seen(struct pz_hosted *zone)
{
	size_t pos = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(zone->authority->members, &pos, &key, &value)) {
		struct pz_member *member = value;
		if (!member->is_unsaved)
			continue;
		member->is_unsaved = false;
		pz_hosted_save_member(zone, member);
	}
}

/* ---- the zone's secret ---- */

static void
on_secret_stored(void *arg, enum pz_err err, const char *detail)
{
	struct pz_authority *authority = arg;

	if (err == PZ_OK)
		return;
	authority->is_secret_unsaved = true;
	pz_error("zone-secret-not-stored",
		 "zone=%s the zone's new secret is not stored, it will be tried again: %s",
		 authority->zone, detail);
}

/* An older version stored a zone without a secret. Until the new one is on disk a crash may undo a
 * secret that devices have received: they get the next one when they connect. Not during a change,
 * whose newer record would be overwritten. */
void
pz_hosted_save_secret(struct pz_hosted *zone)
{
	struct pz_authority *authority = zone->authority;
	struct pz_txn *txn;

	if (!authority->is_secret_unsaved || pz_hosted_is_changing(zone))
		return;
	txn = pz_txn_new();
	if (txn && pz_authority_save(authority, txn) == PZ_OK) {
		pz_store_commit(zone->hosting->store, txn, on_secret_stored, authority);
		return;
	}
	pz_txn_free(txn);
	on_secret_stored(authority, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

/* ---- life ---- */

enum pz_err
pz_hosted_records_init(struct pz_hosted *zone)
{
	pz_timer_init(&zone->records.timer, on_save, zone);
	zone->records.unsaved = json_object();
	zone->records.saving = json_object();
	return zone->records.unsaved && zone->records.saving ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

void
pz_hosted_records_stop(struct pz_hosted *zone)
{
	pz_env_stop(zone->hosting->env, &zone->records.timer);
}

void
pz_hosted_records_fini(struct pz_hosted *zone)
{
	pz_hosted_records_stop(zone);
	json_decref(zone->records.unsaved);
	json_decref(zone->records.saving);
}
