/*
 * Inside pzp/ only: the items of a node (items/items.h), what the node does for them, and what
 * follows in the node when preferences change.
 */
#ifndef PZ_PZP_ITEM_OPS_H
#define PZ_PZP_ITEM_OPS_H

#include "pzp/internal.h"

/** The items with what this node gives them. NULL: out of memory. */
struct pz_items *pz_node_items_new(struct pz_node *node);
/** Loads preferences and what apps have left; the preferences apply in the whole node. Errors:
 * those of pz_user_prefs_load and pz_app_data_start. */
enum pz_err pz_node_items_start(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;

/** True when this device was enrolled and the hub has not sent yet what the zone knows. */
bool pz_node_is_unsynchronised(const struct pz_node *node);
/** The device has joined a zone or left one: what preferences say about the hub may differ now. */
void pz_node_prefs_membership_changed(struct pz_node *node);
/** The first synchronisation after an enrolment is complete: with `connection = peer` the link to
 * the hub ends, which it needed. Not from inside the session. */
void pz_node_prefs_hub_exchanged(struct pz_node *node);

/* ---- the commands ---- */

/** `prefs`. */
void pz_node_prefs_command(struct pz_request *request);
/** `user`. */
void pz_node_user_command(struct pz_request *request);
/** `name`. */
void pz_node_name_command(struct pz_request *request);
/** `data-list`. */
void pz_node_data_list_command(struct pz_request *request);
/** `data-get`. */
void pz_node_data_get_command(struct pz_request *request);
/** `data-set`. */
void pz_node_data_set_command(struct pz_request *request);
/** `data-remove`. */
void pz_node_data_remove_command(struct pz_request *request);

#endif
