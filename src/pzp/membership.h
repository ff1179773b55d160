/* Inside pzp/ only: which zone this device is in, and all that follows at once when that, its
 * certificate or the revocation list changes: address, trust, TLS contexts. */
#ifndef PZ_PZP_MEMBERSHIP_H
#define PZ_PZP_MEMBERSHIP_H

#include "pzp/internal.h"

/**
 * Takes over another membership, or a renewed one.
 * @param takes owned from now on, also on failure; NULL: virgin
 * Errors: those of pz_zonedata_set_membership, pz_uplink_set_membership, pz_tls_ctx_new: nothing
 * has changed. Of pz_router_set_self, pz_registry_set_address (LIMIT_MEMORY): it counts already.
 */
enum pz_err pz_node_set_membership(struct pz_node *node, struct pz_membership *takes,
				   struct pz_errinfo *info) PZ_MUST_USE;
/** New TLS contexts from the newest revocation lists; links of the devices on them end. Errors:
 * those of pz_tls_ctx_new; then the former contexts stay. */
enum pz_err pz_node_refresh_trust(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;
/** Removes key files that neither the membership nor an enrolment uses. Called when no enrolment is
 * under way. */
void pz_node_sweep_keys(struct pz_node *node);
/** The friend zones may have changed: the hub's list, or the membership. */
void pz_node_friends_follow(struct pz_node *node);

/** The context of links to devices of a friend zone: it trusts that zone's CA and no other.
 * @return the caller's, pz_tls_ctx_free; NULL: no friend, or it cannot be made */
struct pz_tls_ctx *pz_node_friend_ctx(const struct pz_node *node, const char *zone);

#endif
