/*
 * Details of the zone's user and the names of its devices, on a device (page 8, item user-details;
 * page 10, name).
 */
#ifndef PZ_ITEMS_USER_DETAILS_H
#define PZ_ITEMS_USER_DETAILS_H

#include "command/request.h"
#include "items/items.h"

/** The command `user`: params field?, value?, remove?. */
void pz_user_details_command(struct pz_items *items, struct pz_request *request);
/** The command `name`: params device, name?, reset?. */
void pz_user_details_name_command(struct pz_items *items, struct pz_request *request);
/** Details were received: a name of this device applies at once. @param keys array of strings */
void pz_user_details_received(struct pz_items *items, const json_t *keys);

#endif
