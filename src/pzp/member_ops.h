/* Inside pzp/ only: calls, upkeep, enrolments and pairings of this node. */
#ifndef PZ_PZP_MEMBER_OPS_H
#define PZ_PZP_MEMBER_OPS_H

#include "enrolment/enrolment.h"
#include "pairing/pairing.h"
#include "pzp/internal.h"

/** Makes node->calls. The registry and the names are there already. Errors: LIMIT_MEMORY.
 */
enum pz_err pz_node_calls_new(struct pz_node *node) PZ_MUST_USE;
/** The upkeep of this node. NULL: out of memory. */
struct pz_upkeep *pz_node_upkeep_new(struct pz_node *node);
/** Enrolments of this node. The items and the uplink are there already. NULL: out of memory. */
struct pz_enrolment *pz_node_enrolment_new(struct pz_node *node);
/** The pairing window of this node. The peers are there already. NULL: out of memory. */
struct pz_pairing *pz_node_pairing_new(struct pz_node *node);

#endif
