/*
 * Revocation lists that the newest one does not replace, although it has the higher number:
 * somebody stands on them who does not stand on it. That can only be when the hub was restored from
 * a backup and has revoked others since. Until it has learned of both (zone/learn.c) and signed one
 * list for all, whoever stands on any of them is out.
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

/** Is anybody on this list who is not on that one? @param than NULL: on none */
bool pz_aside_has_more(const struct pz_crl *list, const struct pz_crl *than);
/**
 * Keeps a list (takes a reference) when somebody is on it who is on none of those we have.
 * @param newest not NULL
 * @return whether it was kept; what does not fit any more is not
 */
bool pz_aside_keep(struct pz_aside *aside, struct pz_crl *list, const struct pz_crl *newest);
/** Drops the lists that this one replaces after all. */
void pz_aside_settle(struct pz_aside *aside, const struct pz_crl *newest);
/** Is the serial on one of them? */
bool pz_aside_has_serial(const struct pz_aside *aside, const char *serial_hex);

#endif
