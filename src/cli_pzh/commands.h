/*
 * The commands of pzh: one function each, named in the command's row of program.c. Each reads
 * its parsed arguments from `cli`, makes its requests to pzhd (or to a hub in this process, where
 * no daemon runs and the command can do without), prints the result or one line about the failure,
 * and returns an exit status (enum pz_cli_exit).
 */
#ifndef PZ_CLI_PZH_COMMANDS_H
#define PZ_CLI_PZH_COMMANDS_H

struct pz_cli;

/* ---- offline.c ---- */

/** For commands that work without a daemon: connects, or loads the hub of the data directory into
 * this process for the requests that follow. Returns the exit status so far. */
int pz_pzh_find_hub(struct pz_cli *cli);

/* ---- zone.c: changes of a zone ---- */

/** `pzh init`: makes a zone. */
int pz_pzh_cmd_init(struct pz_cli *cli);
/** `pzh token`: issues an enrolment code and shows it. @spec page 3 */
int pz_pzh_cmd_token(struct pz_cli *cli);
/** `pzh revoke`: revokes a device; asks first. @spec page 2 "Revocation" */
int pz_pzh_cmd_revoke(struct pz_cli *cli);
/** `pzh rights`: shows or changes what a device may administer. @spec page 14 AC-10 */
int pz_pzh_cmd_rights(struct pz_cli *cli);
/** `pzh data`: lists or removes what apps stored in the zone. */
int pz_pzh_cmd_data(struct pz_cli *cli);
/** `pzh policy`: shows or replaces the owner's policy of a zone (policy.c). */
int pz_pzh_cmd_policy(struct pz_cli *cli);
/** `pzh remove`: removes a zone from this hub; asks first. */
int pz_pzh_cmd_remove(struct pz_cli *cli);

/* ---- move.c: a zone moves to another hub ---- */

/** `pzh export`: writes a zone into an encrypted archive, and announces the move if asked to. */
int pz_pzh_cmd_export(struct pz_cli *cli);
/** `pzh import`: reads a zone from such an archive. */
int pz_pzh_cmd_import(struct pz_cli *cli);

/* ---- show.c: state of this hub ---- */

/** `pzh zones`: the zones of this hub. */
int pz_pzh_cmd_zones(struct pz_cli *cli);
/** `pzh devices`: the devices of a zone; with --all also those that left or were revoked. */
int pz_pzh_cmd_devices(struct pz_cli *cli);
/** `pzh status`: state of the hub and of its zones, and warnings. */
int pz_pzh_cmd_status(struct pz_cli *cli);

#endif
