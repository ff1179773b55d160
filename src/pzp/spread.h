/* Inside pzp/ only: how the preferences that apply reach the other parts of the node. */
#ifndef PZ_PZP_SPREAD_H
#define PZ_PZP_SPREAD_H

#include "pzp/internal.h"

/** Copies the preferences that apply to those parts of the node that keep their own. */
void pz_spread(struct pz_node *node);
/** The port of the local web server that applies. */
uint16_t pz_spread_web_port(const struct pz_node *node);
/** True when this device was enrolled and the hub has not sent yet what the zone knows. */
bool pz_spread_is_first_exchange(const struct pz_node *node);
/** pz_items_ops.prefs_changed. @param arg struct pz_node */
void pz_spread_changed(void *arg, uint32_t changed, bool is_choice);
/** pz_items_ops.named. @param arg struct pz_node */
void pz_spread_named(void *arg);
/** The device has joined a zone or left one: what preferences say about the hub may differ now. */
void pz_spread_membership_changed(struct pz_node *node);
/** The first synchronisation after an enrolment is complete: with `connection = peer` the link to
 * the hub ends, which it needed. Not from inside the session. */
void pz_spread_first_exchange_ended(struct pz_node *node);

#endif
