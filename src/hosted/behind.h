/* Devices behind a relay: what a relay lists, and which of it counts. */
#ifndef PZ_HOSTED_BEHIND_H
#define PZ_HOSTED_BEHIND_H

#include "hosted/conn.h"

/**
 * Applies a relay's list of the devices behind it, which replaces the list of before. Entries that
 * are refused change nothing for the others.
 * @param list an array, or NULL: none
 * @param info of the first refusal
 * @return how many were refused
 */
size_t
pz_hosted_behind_listed(struct pz_hosted_conn *relay, const json_t *list, struct pz_errinfo *info);
/** A relay's link has ended: no device is behind it. */
void pz_hosted_behind_forget(struct pz_hosted_conn *relay);
/** The member gets a link of its own, which ends what it agreed to before. */
void pz_hosted_behind_own_link(struct pz_member *member);
/** The member's own link has ended: a relay that it agreed to meanwhile is the way to it. */
void pz_hosted_behind_lost_link(struct pz_hosted *zone, struct pz_member *member);
/** Forgets what is too old, and devices that are not in the zone any more. */
void pz_hosted_behind_clean(struct pz_hosted *zone);
/** The member of this address, when it is behind this session; else NULL. */
struct pz_member *pz_hosted_behind_member(struct pz_hosted *zone, const struct pz_session *via,
					  struct pz_slice address);

#endif
