/* The commands of pzh; each runs and returns an exit status (program.h). */
#ifndef PZ_CLI_PZH_H
#define PZ_CLI_PZH_H

struct pz_cli;

/* pzh_zone.c: what changes a zone */
int pz_pzh_cmd_init(struct pz_cli *cli);
int pz_pzh_cmd_token(struct pz_cli *cli);
int pz_pzh_cmd_revoke(struct pz_cli *cli);
int pz_pzh_cmd_data(struct pz_cli *cli);
int pz_pzh_cmd_remove(struct pz_cli *cli);

/* pzh_move.c: a zone moves to another hub */
int pz_pzh_cmd_export(struct pz_cli *cli);
int pz_pzh_cmd_import(struct pz_cli *cli);

/* pzh_show.c: what is */
int pz_pzh_cmd_zones(struct pz_cli *cli);
int pz_pzh_cmd_devices(struct pz_cli *cli);
int pz_pzh_cmd_status(struct pz_cli *cli);

#endif
