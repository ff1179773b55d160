/*
 * Revocation lists of a hub that was restored from a backup. It lacks lists that it had signed, and
 * may sign others with the same or higher numbers, so the newest list may not contain all
 * revocations. Two rules repair that:
 *
 * - A device keeps older lists that revoke serials which the newest one does not: a serial on any
 * of them counts as revoked (struct pz_crl_history), and it offers them to its hub.
 * - The hub takes over what it is offered: the list itself, or a new one with the entries of both
 *   (pz_authority_add_crl). When devices have that list the older ones are replaced.
 */
#ifndef PZ_ZONE_CRL_HISTORY_H
#define PZ_ZONE_CRL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"
#include "store/store.h"
#include "x509/cert.h"
#include "x509/crl.h"

/* ---- at a device ---- */

/** Older lists that the newest one does not replace. Zero-initialised: none. */
struct pz_crl_history {
	struct pz_crl *lists[PZ_CRL_HISTORY_MAX];
	size_t count;
};

/** Gives up the references to the lists. */
void pz_crl_history_fini(struct pz_crl_history *history);

/** True when `list` revokes a serial that `than` does not revoke. @param than NULL: an empty list
 */
bool pz_crl_revokes_more(const struct pz_crl *list, const struct pz_crl *than);
/**
 * Keeps a list (takes a reference) when it revokes a serial that none of ours revokes.
 * @param newest not NULL
 * @return whether it was kept; false also when PZ_CRL_HISTORY_MAX lists are kept already
 */
bool pz_crl_history_add(struct pz_crl_history *history, struct pz_crl *list,
			const struct pz_crl *newest);
/** Drops the lists whose entries are all on `newest`. */
void pz_crl_history_drop_replaced(struct pz_crl_history *history, const struct pz_crl *newest);
/** True when one of the lists revokes the serial. */
bool pz_crl_history_has_serial(const struct pz_crl_history *history, const char *serial_hex);

/** Puts all lists into a transaction, in place of those that are stored. Errors: LIMIT_MEMORY. */
enum pz_err pz_crl_history_save(const struct pz_crl_history *history, const char *space,
				struct pz_txn *txn) PZ_MUST_USE;
/** True for the key of a list that pz_crl_history_save has stored. Such keys sort before "crl". */
bool pz_crl_history_is_place(const char *key);
/** Reads a stored list. One that the newest has replaced meanwhile is not kept.
 * @param ca of the zone. Errors: PROTO, DENIED_* (another CA has signed it), LIMIT_MEMORY. */
enum pz_err pz_crl_history_load(struct pz_crl_history *history, const struct pz_cert *ca,
				const struct pz_crl *newest, struct pz_slice value) PZ_MUST_USE;

/* ---- at the hub ---- */

struct pz_authority;
struct pz_zone_change;

/**
 * True when a list has a higher number than ours, or revokes a serial that ours does not. Its
 * number alone is not enough: a restored hub may have revoked others since. Nothing is verified.
 */
bool pz_authority_crl_adds(const struct pz_authority *authority, const struct pz_crl *crl);
/**
 * Prepares to apply such a list. A list with all our entries and a higher number becomes ours;
 * otherwise a new one is signed, with the entries of both and a number above both. The members
 * concerned are marked afterwards, by pz_authority_mark_listed.
 * @param out change for pz_authority_apply, when txn is durable
 * Errors: DENIED_CHAIN, DENIED_WEAK (not signed by this zone's CA), EXISTS (it has nothing new),
 * CRYPTO, LIMIT (no number is left), LIMIT_MEMORY.
 * @spec page 2 "Revocation", page 8 table, page 14 REV-4
 */
enum pz_err
pz_authority_add_crl(struct pz_authority *authority, struct pz_crl *crl, struct pz_txn *txn,
		     struct pz_zone_change **out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
