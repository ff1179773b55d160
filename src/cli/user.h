/* The commands `user` and `name`, which both programs have (program.h). */
#ifndef PZ_CLI_USER_H
#define PZ_CLI_USER_H

struct pz_cli;

/** For --help: the fields that others look for. */
#define PZ_CLI_USER_DETAILS                                                                        \
	"FIELD is fullName, nickname, email, phone, language, or any other name of letters,\n"     \
	"digits, '-' and '.'. All devices of the zone see it."

/** `user`: shows the details of the user, or sets or removes one. @return exit status */
int pz_cli_cmd_user(struct pz_cli *cli);
/** `name`: sets or resets the display name of a device. @return exit status */
int pz_cli_cmd_name(struct pz_cli *cli);

#endif
