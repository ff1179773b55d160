/*
 * The commands of pzp: one function each, named in the command's row of program.c. Each reads
 * its parsed arguments from `cli`, makes one or more requests to pzpd, prints the result or one
 * line about the failure, and returns an exit status (enum pz_cli_exit).
 */
#ifndef PZ_CLI_PZP_COMMANDS_H
#define PZ_CLI_PZP_COMMANDS_H

#include <jansson.h>

struct pz_cli;

/* ---- link.c: this device and its links ---- */

/** `pzp enrol`: enrols this device with a code. @spec page 3 */
int pz_pzp_cmd_enrol(struct pz_cli *cli);
/** `pzp leave`: takes this device out of its zone and wipes its keys; asks first. */
int pz_pzp_cmd_leave(struct pz_cli *cli);
/** `pzp connect`: connects to the hub, or to a device that is named. */
int pz_pzp_cmd_connect(struct pz_cli *cli);
/** `pzp disconnect`: closes the link to the hub, or to a device that is named. */
int pz_pzp_cmd_disconnect(struct pz_cli *cli);
/** `pzp reconnect`: ends the link to the hub and connects again. */
int pz_pzp_cmd_reconnect(struct pz_cli *cli);
/** `pzp hub`: shows or sets the address of the hub. */
int pz_pzp_cmd_hub(struct pz_cli *cli);

/* ---- show.c: state of this device ---- */

/** `pzp status`: how this device and the others are connected, and warnings. */
int pz_pzp_cmd_status(struct pz_cli *cli);
/** `pzp services`: lists services. */
int pz_pzp_cmd_services(struct pz_cli *cli);

/* ---- doctor.c: what is wrong ---- */

/** `pzp doctor`: examines this device; 1 when something is wrong. @spec page 12 */
int pz_pzp_cmd_doctor(struct pz_cli *cli);
/** `pzp bugreport`: writes doctor, status and the end of the log to a file, without names, keys and
 * values. @spec page 12 */
int pz_pzp_cmd_bugreport(struct pz_cli *cli);

/* ---- watch.c: events as they happen ---- */

/** `pzp watch`: prints events until it is interrupted. */
int pz_pzp_cmd_watch(struct pz_cli *cli);

/* ---- peers.c: other devices ---- */

/** `pzp peers`: the devices of the zone and how each is reached. */
int pz_pzp_cmd_peers(struct pz_cli *cli);
/** `pzp friends`: friend zones, since when, and what they may use. */
int pz_pzp_cmd_friends(struct pz_cli *cli);
/** `pzp pair`: the pairing window, the digits, the answer. @spec page 6 "Strangers" */
int pz_pzp_cmd_pair(struct pz_cli *cli);
/** `pzp discover`: the instances found on the local network. */
int pz_pzp_cmd_discover(struct pz_cli *cli);
/** The `id` of a device as it is shown: the name alone for a device of the own zone.
 * @return `scratch`, or borrowed from `device` */
const char *pz_pzp_short_id(const json_t *device, char scratch[32]);
/** Which way leads to a device, in a word: its route, or "private". @param scratch as above */
const char *pz_pzp_route(const json_t *peer, char scratch[32]);

/* ---- prefs.c: the user's preferences ---- */

/** `pzp prefs`: shows, sets or resets preferences. */
int pz_pzp_cmd_prefs(struct pz_cli *cli);
/** As pz_cli_member, but a boolean is shown as it is typed: true or false. */
const char *pz_pzp_pref_text(const json_t *object, const char *key, char scratch[32]);

/* ---- data.c: synchronised data ---- */

/** `pzp sync`: synchronises now and prints what was exchanged. */
int pz_pzp_cmd_sync(struct pz_cli *cli);
/** `pzp data`: lists, reads, sets or removes what apps stored. */
int pz_pzp_cmd_data(struct pz_cli *cli);

/* ---- call.c, ping.c, serve.c: services ---- */

/** `pzp call`: calls a function of a service and prints its result. */
int pz_pzp_cmd_call(struct pz_cli *cli);
/** `pzp describe`: the functions and parameters of a service. */
int pz_pzp_cmd_describe(struct pz_cli *cli);
/** `pzp ping`: measures round trips to a device and shows the route. */
int pz_pzp_cmd_ping(struct pz_cli *cli);
/** `pzp serve`: provides a service made of commands until it is interrupted. @spec page 12 */
int pz_pzp_cmd_serve(struct pz_cli *cli);

#endif
