/*
 * Older CRLs that revoke serials which the newest CRL does not revoke, although it has the higher
 * number. This happens only when the hub was restored from a backup and has revoked other members
 * since. Until the hub has learned of both lists (zone/learn.c) and has signed one with all
 * entries, a serial on any of them counts as revoked.
 */
#ifndef PZ_ZONE_ASIDE_H
#define PZ_ZONE_ASIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"
#include "x509/crl.h"

struct pz_aside {
	struct pz_crl *lists[PZ_CRL_ASIDE_MAX];
	size_t count;
};

/** Gives up the references to the lists. */
void pz_aside_fini(struct pz_aside *aside);

/** True when `list` revokes a serial that `than` does not revoke. @param than NULL: an empty list
 */
bool pz_aside_has_more(const struct pz_crl *list, const struct pz_crl *than);
/**
 * Keeps a list (takes a reference) when it revokes a serial that none of ours revokes.
 * @param newest not NULL
 * @return whether it was kept; false also when PZ_CRL_ASIDE_MAX lists are kept already
 */
bool pz_aside_keep(struct pz_aside *aside, struct pz_crl *list, const struct pz_crl *newest);
/** Drops the lists whose entries are all on `newest`. */
void pz_aside_settle(struct pz_aside *aside, const struct pz_crl *newest);
/** True when one of the lists revokes the serial. */
bool pz_aside_has_serial(const struct pz_aside *aside, const char *serial_hex);

#endif
