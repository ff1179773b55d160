/* Inside pzh/ only: the handlers of the commands (pzh/command_table.h). Each ends its request, at
 * once or later. */
#ifndef PZ_PZH_INTERNAL_H
#define PZ_PZH_INTERNAL_H

#include "command/table.h"
#include "hub/internal.h"
#include "pzh/commands.h"

/** The hub that a command is for. */
static inline struct pz_hub *
pz_pzh_hub(const struct pz_request *request)
{
	return request->self;
}

/**
 * The zone that the parameter `zone` names, or the only one (zone.c). Without one the
 * request fails with the reason.
 * @param out untouched on failure
 * @return false: the request has ended
 */
bool pz_pzh_choose_zone(struct pz_request *request, struct pz_hosted **out);
/** `status` (status.c): what the hub does, and what is wrong. */
void pz_pzh_run_status(struct pz_request *request);
/** `zones` (status.c). */
void pz_pzh_run_zones(struct pz_request *request);
/** `devices` (status.c). */
void pz_pzh_run_devices(struct pz_request *request);
/** `export` (archive.c): writes a zone into the file that came with the request. */
void pz_pzh_run_export(struct pz_request *request);
/** `import` (archive.c): reads a zone from the file that came with the request. */
void pz_pzh_run_import(struct pz_request *request);
/** `move` (moving.c): the zone is to move elsewhere, or to stay after all. */
void pz_pzh_run_move(struct pz_request *request);
/** `revoke` (data.c): revokes a device, and removes what it has written if asked to. */
void pz_pzh_run_revoke(struct pz_request *request);
/** `rights` (rights.c): what a device may administer. */
void pz_pzh_run_rights(struct pz_request *request);
/** `data` (data.c): what apps have stored. */
void pz_pzh_run_data(struct pz_request *request);
/** `data-remove` (data.c). */
void pz_pzh_run_data_remove(struct pz_request *request);
/** `policy-show` (policy.c): the owner's policy of a zone. */
void pz_pzh_run_policy_show(struct pz_request *request);
/** `policy-set` (policy.c): replaces it. */
void pz_pzh_run_policy_set(struct pz_request *request);
/** `friend-invite` (friend.c): a link that makes another zone a friend. */
void pz_pzh_run_friend_invite(struct pz_request *request);
/** `friend-accept` (friend.c): takes such a link of another zone. */
void pz_pzh_run_friend_accept(struct pz_request *request);
/** `friend-list` (friend.c). */
void pz_pzh_run_friend_list(struct pz_request *request);
/** `friend-confirm` (friend.c): the owner agrees. */
void pz_pzh_run_friend_confirm(struct pz_request *request);
/** `friend-remove` (friend.c): ends a friendship. */
void pz_pzh_run_friend_remove(struct pz_request *request);
/** `user` (details.c). */
void pz_pzh_run_user(struct pz_request *request);
/** `name` (details.c). */
void pz_pzh_run_name(struct pz_request *request);

#endif
