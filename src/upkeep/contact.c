/*
 * How long ago this device last had contact with its hub. Without the hub a device learns of
 * revocations only from peers, and a thief can keep this device from both: so after some days it
 * opens no more links with peers. Existing links stay.
 *
 * Contact means a link to the hub that was up, or the date of the newest revocation list, which the
 * hub has signed, even if a peer has passed it on. The time of the link is stored, so that a
 * restart does not make it newer; setting the clock back does not make a contact old.
 * @spec page 14 REV-6
 */
#include <string.h>

#include "record/record.h"
#include "upkeep/internal.h"
#include "wire/json.h"

#define KEY "contact" /* a key in PZ_MEMBERSHIP_SPACE, which the wipe removes */
#define DAY_MS (UINT64_C(86400) * 1000)
#define STORED_AGAIN_MS (UINT64_C(3600) * 1000) /* only the day matters, not the minute */

/* ---- what is stored ---- */

static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct pz_upkeep *upkeep = arg;
	json_t *record;
	int64_t time_ms;

	if (strcmp(key, KEY) != 0)
		return PZ_OK;
	/* A record that cannot be read is treated as missing: only the revocation list counts
	 * then. */
	record = pz_json_read(value, PZ_JSON_OWN, NULL);
	if (pz_json_int(record, "time", 0, INT64_MAX, &time_ms))
		upkeep->contact_ms = upkeep->stored_contact_ms = (uint64_t)time_ms;
	json_decref(record);
	return PZ_OK;
}

enum pz_err
pz_upkeep_load(struct pz_upkeep *upkeep, struct pz_errinfo *info)
{
	return pz_store_load(upkeep->config.store, PZ_MEMBERSHIP_SPACE, load_one, upkeep, info);
}

/* If it cannot be stored, the next contact is. */
static void
store_contact(struct pz_upkeep *upkeep)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn == NULL ||
	    pz_record_put(txn, PZ_MEMBERSHIP_SPACE, KEY,
			  json_pack("{s:I}", "time", (json_int_t)upkeep->contact_ms)) != PZ_OK) {
		pz_txn_free(txn);
		return;
	}
	upkeep->stored_contact_ms = upkeep->contact_ms;
	pz_store_commit(upkeep->config.store, txn, NULL, NULL);
}

void
pz_upkeep_saw_hub(struct pz_upkeep *upkeep)
{
	uint64_t now = pz_env_wall_ms(upkeep->env), last = upkeep->stored_contact_ms;

	if (upkeep->config.zone->membership == NULL ||
	    upkeep->config.ops->is_leaving(upkeep->config.arg))
		return;
	upkeep->contact_ms = now;
	if (now < last || now - last >= STORED_AGAIN_MS)
		store_contact(upkeep);
	pz_upkeep_check_contact(upkeep);
}

/* ---- the limit ---- */

void
pz_upkeep_set_offline_days(struct pz_upkeep *upkeep, unsigned days)
{
	upkeep->offline_days = days;
}

static uint64_t
newer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Days since the last contact; 0 also if the clock is before it. */
static uint64_t
silent_days(const struct pz_upkeep *upkeep)
{
	const struct pz_device_zone *zone = upkeep->config.zone;
	const struct pz_crl *crl = pz_device_zone_crl(zone);
	uint64_t now = pz_env_wall_ms(upkeep->env);
	uint64_t word =
		newer(upkeep->contact_ms, pz_cert_not_before_ms(zone->membership->device_ca));

	if (crl)
		word = newer(word, pz_crl_this_update_ms(crl));
	return now > word ? (now - word) / DAY_MS : 0;
}

enum pz_err
pz_upkeep_may_link(const struct pz_upkeep *upkeep, struct pz_errinfo *info)
{
	if (upkeep->config.zone->membership == NULL ||
	    upkeep->config.ops->is_hub_up(upkeep->config.arg))
		return PZ_OK;
	uint64_t days = silent_days(upkeep);
	if (days < upkeep->offline_days)
		return PZ_OK;
	return pz_fail(
		info, PZ_ERR_DENIED,
		"no contact with the hub for %llu days: who was revoked since is not known, and "
		"no link with a device begins (offline-days is %u)",
		(unsigned long long)days, upkeep->offline_days);
}

void
pz_upkeep_check_contact(struct pz_upkeep *upkeep)
{
	struct pz_errinfo info = {""};

	if (upkeep->config.zone->membership == NULL)
		upkeep->contact_ms = upkeep->stored_contact_ms = 0;
	if (pz_upkeep_may_link(upkeep, &info) == PZ_OK)
		pz_condition_clear(upkeep->config.conditions, PZ_CONDITION_HUB_SILENT, "");
	else
		pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_HUB_SILENT, "", "%s",
				   info.text);
}
