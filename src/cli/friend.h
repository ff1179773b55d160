/* The command `friend` of both command lines: at the hub, and from a device through its hub. */
#ifndef PZ_CLI_FRIEND_H
#define PZ_CLI_FRIEND_H

struct pz_cli;

#define PZ_CLI_FRIEND_USAGE "invite | accept LINK | list | confirm ZONE | remove ZONE"
#define PZ_CLI_FRIEND_DETAILS                                                                      \
	"The link of 'invite' is for one person and one zone: give it to them by a way that "      \
	"only\n"                                                                                   \
	"they read. Their hub takes it with 'accept'. Then both owners compare the "               \
	"fingerprints,\n"                                                                          \
	"and each says 'confirm'. Nothing of yours is shown to a friend until a policy or\n"       \
	"'pzp share' allows it."

/** `friend invite`, `accept`, `list`, `confirm`, `remove`. @spec page 6 "Friends" */
int pz_cli_cmd_friend(struct pz_cli *cli);

#endif
