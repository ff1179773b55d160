/* Inside pzp/ only: the items of a node (items/items.h), and what the node does for them. */
#ifndef PZ_PZP_ITEM_OPS_H
#define PZ_PZP_ITEM_OPS_H

#include "pzp/internal.h"

/** The items with what this node gives them. NULL: out of memory. */
struct pz_items *pz_node_items_new(struct pz_node *node);
/** Loads preferences and what apps have left; the preferences apply in the whole node. Errors:
 * those of pz_user_prefs_load and pz_app_data_start. */
enum pz_err pz_node_items_start(struct pz_node *node, struct pz_errinfo *info) PZ_MUST_USE;

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
