/* The commands of pzp about files; see cli_pzp/commands.h. */
#ifndef PZ_CLI_FILES_COMMANDS_H
#define PZ_CLI_FILES_COMMANDS_H

struct pz_cli;

/** `pzp send`: sends files to a device. @spec page 15 "Kind file" */
int pz_files_cmd_send(struct pz_cli *cli);
/** `pzp inbox`: what was received, and from which device. */
int pz_files_cmd_inbox(struct pz_cli *cli);

#endif
