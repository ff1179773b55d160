/*
 * Revocation lists that contradict each other: a hub that was restored from a backup signs lists
 * that forget devices which later lists had revoked. A device keeps such lists beside the newest
 * one, and what any of them revokes stays revoked; the hub takes them back from its devices. Lists
 * are at most PZ_CRL_HISTORY_MAX.
 */
#include "zone/crl_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "record/record.h"
#include "zone/change.h"

#define PLACE "aside/" /* and a digit: the key in the store */

/* ---- at a device ---- */

void
pz_crl_history_fini(struct pz_crl_history *history)
{
	while (history->count > 0)
		pz_crl_free(history->lists[--history->count]);
}

bool
pz_crl_history_has_serial(const struct pz_crl_history *history, const char *serial_hex)
{
	for (size_t i = 0; i < history->count; i++)
		if (pz_crl_has_serial(history->lists[i], serial_hex))
			return true;
	return false;
}

bool
pz_crl_revokes_more(const struct pz_crl *list, const struct pz_crl *than)
{
	struct pz_crl_entry entry;

	for (size_t i = 0; i < pz_crl_len(list); i++) {
		pz_crl_entry_at(list, i, &entry);
		if (than == NULL || !pz_crl_has_serial(than, entry.serial_hex))
			return true;
	}
	return false;
}

/* Kept only for an entry that no other list has: all other entries are known already. */
bool
pz_crl_history_add(struct pz_crl_history *history, struct pz_crl *list, const struct pz_crl *newest)
{
	struct pz_crl_entry entry;

	for (size_t i = 0; i < pz_crl_len(list); i++) {
		pz_crl_entry_at(list, i, &entry);
		if (pz_crl_has_serial(newest, entry.serial_hex) ||
		    pz_crl_history_has_serial(history, entry.serial_hex))
			continue;
		/* No room: the hub was restored four times. The lists that are kept stay in force.
		 */
		if (history->count == PZ_CRL_HISTORY_MAX)
			return false;
		history->lists[history->count++] = pz_crl_ref(list);
		return true;
	}
	return false;
}

void
pz_crl_history_drop_replaced(struct pz_crl_history *history, const struct pz_crl *newest)
{
	size_t kept = 0;

	for (size_t i = 0; i < history->count; i++) {
		if (pz_crl_revokes_more(history->lists[i], newest))
			history->lists[kept++] = history->lists[i];
		else
			pz_crl_free(history->lists[i]);
	}
	history->count = kept;
}

/* Every place is written, with a list or empty, so that the store equals memory, whichever lists
 * were dropped since. */
enum pz_err
pz_crl_history_save(const struct pz_crl_history *history, const char *space, struct pz_txn *txn)
{
	char place[32];

	for (size_t i = 0; i < PZ_CRL_HISTORY_MAX; i++) {
		snprintf(place, sizeof(place), PLACE "%zu", i);
		if (i < history->count)
			PZ_TRY(pz_record_put(
				txn, space, place,
				json_pack("{s:o}", "crl", pz_record_crl(history->lists[i]))));
		else
			PZ_TRY(pz_txn_remove(txn, space, place));
	}
	return PZ_OK;
}

bool
pz_crl_history_is_place(const char *key)
{
	return strncmp(key, PLACE, strlen(PLACE)) == 0;
}

enum pz_err
pz_crl_history_load(struct pz_crl_history *history, const struct pz_cert *ca,
		    const struct pz_crl *newest, struct pz_slice value)
{
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;
	json_t *record = NULL;

	PZ_TRY(pz_record_parse("history", PLACE, value, &record, NULL));
	enum pz_err err = pz_record_get_crl(record, "crl", &crl, NULL);
	json_decref(record);
	if (err == PZ_OK)
		err = pz_crl_verify(crl, ca, NULL);
	if (err == PZ_OK)
		(void)pz_crl_history_add(history, crl, newest);
	return err;
}

/* ---- at the hub ---- */

bool
pz_authority_crl_adds(const struct pz_authority *a, const struct pz_crl *crl)
{
	return pz_crl_number(crl) > pz_crl_number(a->crl) || pz_crl_revokes_more(crl, a->crl);
}

static enum pz_err
prepare(struct pz_authority *a, struct pz_crl *crl, struct pz_txn *txn,
	struct pz_zone_change *change, struct pz_errinfo *info)
{
	/* The newer list replaces ours when it has all our entries; otherwise both are merged into
	 * a list with a new number. */
	if (pz_crl_number(crl) > pz_crl_number(a->crl) && !pz_crl_revokes_more(a->crl, crl))
		change->crl = pz_crl_ref(crl);
	else
		PZ_TRY(pz_authority_next_crl(a, crl, NULL, &change->crl, info));
	return pz_authority_put_zone(a, a->tls_key_uri, a->tls, change->crl, txn);
}

enum pz_err
pz_authority_add_crl(struct pz_authority *a, struct pz_crl *crl, struct pz_txn *txn,
		     struct pz_zone_change **out, struct pz_errinfo *info)
{
	PZ_TRY(pz_crl_verify(crl, a->ca, info));
	if (!pz_authority_crl_adds(a, crl))
		return pz_fail(info, PZ_ERR_EXISTS, "the list says nothing new");
	struct pz_zone_change *change = calloc(1, sizeof(*change));
	if (change == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = prepare(a, crl, txn, change, info);
	if (err != PZ_OK) {
		pz_authority_drop(change);
		return err;
	}
	*out = change;
	return PZ_OK;
}
