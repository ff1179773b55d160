/* The commands of pzp; each runs and returns an exit status (program.h). */
#ifndef PZ_CLI_PZP_H
#define PZ_CLI_PZP_H

#include <jansson.h>

struct pz_cli;

/* pzp_link.c: this device and its links */
int pz_pzp_cmd_enrol(struct pz_cli *cli);
int pz_pzp_cmd_leave(struct pz_cli *cli);
int pz_pzp_cmd_connect(struct pz_cli *cli);
int pz_pzp_cmd_disconnect(struct pz_cli *cli);
int pz_pzp_cmd_reconnect(struct pz_cli *cli);
int pz_pzp_cmd_hub(struct pz_cli *cli);

/* pzp_show.c: what is */
int pz_pzp_cmd_status(struct pz_cli *cli);
int pz_pzp_cmd_services(struct pz_cli *cli);

/* pzp_watch.c: what happens */
int pz_pzp_cmd_watch(struct pz_cli *cli);

/* pzp_peers.c: other devices */
int pz_pzp_cmd_peers(struct pz_cli *cli);
int pz_pzp_cmd_discover(struct pz_cli *cli);
/** The `id` of a device: of the own zone its name alone. The result is `scratch` or borrowed. */
const char *pz_pzp_short_id(const json_t *device, char scratch[32]);

/* pzp_prefs.c: what the user prefers */
int pz_pzp_cmd_prefs(struct pz_cli *cli);
/** As pz_cli_member, but a boolean as it is set: true or false. */
const char *pz_pzp_pref_text(const json_t *object, const char *key, char scratch[32]);

/* pzp_sync.c: the zone's data */
int pz_pzp_cmd_sync(struct pz_cli *cli);
/* pzp_data.c: what apps stored */
int pz_pzp_cmd_data(struct pz_cli *cli);

/* pzp_call.c: services */
int pz_pzp_cmd_call(struct pz_cli *cli);
int pz_pzp_cmd_describe(struct pz_cli *cli);
/* pzp_ping.c: whether, how fast and by which way it answers */
int pz_pzp_cmd_ping(struct pz_cli *cli);
/* pzp_serve.c: a service of its own */
int pz_pzp_cmd_serve(struct pz_cli *cli);

#endif
