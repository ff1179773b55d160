/* The table of pzh's commands. @spec page 12 "pzh" */
#include "cli/program.h"
#include "base/limits.h"
#include "cli/friend.h"
#include "cli/user.h"
#include "cli_pzh/commands.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, PZ_CLI_FLAG, 0, 0                                                \
	}
#define ZONE                                                                                       \
	{                                                                                          \
		"zone", "ZONE", "the zone (needed where several are hosted here)", PZ_CLI_TEXT, 0, \
			0                                                                          \
	}

static const struct pz_cli_option init_options[] = {
	{"zone", "ZONE", "name of the zone, e.g. alice@example.org", PZ_CLI_TEXT, 0, 0},
	{"host", "HOST", "name by which devices reach this hub", PZ_CLI_TEXT, 0, 0},
	{"name", "NAME", "name of the owner, shown to people", PZ_CLI_TEXT, 0, 0},
	END,
};

static const struct pz_cli_option token_options[] = {
	ZONE,
	{"device", "NAME", "valid for a device of this name only", PZ_CLI_TEXT, 0, 0},
	{"ttl", "S", "valid for S seconds (600)", PZ_CLI_SECONDS, 1, PZ_CODE_TTL_MAX_S},
	{"no-qr", NULL, "no QR code on a terminal", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option devices_options[] = {
	ZONE,
	{"all", NULL, "also devices that left or were revoked, with date and reason", PZ_CLI_FLAG,
	 0, 0},
	END,
};

static const struct pz_cli_option revoke_options[] = {
	ZONE,
	{"yes", NULL, "do not ask", PZ_CLI_FLAG, 0, 0},
	{"purge", NULL, "also remove what the device has written", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option data_options[] = {
	ZONE,
	{"yes", NULL, "do not ask", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option rights_options[] = {
	ZONE,
	END,
};

static const struct pz_cli_option policy_options[] = {
	ZONE,
	{"previous", NULL, "show: the policy before this one", PZ_CLI_FLAG, 0, 0},
	{"base", "N", "set: only if this version is the one that counts now", PZ_CLI_TEXT, 0, 0},
	{"force", NULL, "set: also a policy that locks the owner out", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option friend_options[] = {
	ZONE,
	{"for", "ZONE", "invite: no other zone may accept it", PZ_CLI_TEXT, 0, 0},
	{"no-qr", NULL, "invite: no QR code on a terminal", PZ_CLI_FLAG, 0, 0},
	{"yes", NULL, "confirm, remove: do not ask", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option yes_options[] = {
	{"yes", NULL, "do not ask", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option user_options[] = {
	ZONE,
	{"remove", NULL, "forget the detail", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option name_options[] = {
	ZONE,
	{"reset", NULL, "back to what the device calls itself", PZ_CLI_FLAG, 0, 0},
	END,
};

#define PASSPHRASE                                                                                 \
	{                                                                                          \
		"passphrase-file", "F", "its first line is the passphrase; -: standard input",     \
			PZ_CLI_TEXT, 0, 0                                                          \
	}

static const struct pz_cli_option export_options[] = {
	ZONE,
	PASSPHRASE,
	{"force", NULL, "replace FILE if it exists", PZ_CLI_FLAG, 0, 0},
	{"moving-to", "HOST[:PORT]", "notify the devices that their hub moves there", PZ_CLI_TEXT,
	 0, 0},
	{"stay", NULL, "end a move that --moving-to began; without FILE", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option import_options[] = {
	PASSPHRASE,
	{"host", "HOST", "name by which devices reach this hub (as before)", PZ_CLI_TEXT, 0, 0},
	{"port", "P", "port by which they reach it (this hub's own)", PZ_CLI_TEXT, 0, 0},
	END,
};

static const struct pz_cli_command commands[] = {
	{"init", "", 0, 0, "make a zone: authority, certificates, store",
	 "Needs --zone and --host. Works whether the daemon runs or not.", init_options,
	 pz_pzh_cmd_init},
	{"zones", "", 0, 0, "list the zones hosted here", NULL, NULL, pz_pzh_cmd_zones},
	{"token", "", 0, 0, "make an enrolment code for a device",
	 "Shows code, link, and on a terminal the link as a QR code. A code is good for one\n"
	 "device; a new one cancels the old one.",
	 token_options, pz_pzh_cmd_token},
	{"devices", "", 0, 0, "list the devices of a zone",
	 "With --all also those that left or were revoked: when, and why.", devices_options,
	 pz_pzh_cmd_devices},
	{"revoke", "DEVICE", 1, 1, "remove a device from its zone",
	 "The device is disconnected and wipes its keys; every other device receives the\n"
	 "revocation. It cannot be undone; the device can be enrolled again. With --purge all "
	 "values\n"
	 "that it has written (details, preferences, what apps stored) are removed on every\n"
	 "device; also of a device that was revoked before.",
	 revoke_options, pz_pzh_cmd_revoke},
	{"rights", "DEVICE [RIGHT yes|no]", 1, 3, "show or change what a device may administer",
	 "answer: questions of the owner's other devices. policy: change who may do what in the\n"
	 "zone. admin: administer the zone, that is its friends. A new device has all three.\n"
	 "Devices are enrolled and revoked, and rights are given, at the hub alone.",
	 rights_options, pz_pzh_cmd_rights},
	{"remove", "ZONE", 1, 1, "forget a zone that this hub hosts, and its keys",
	 "After a move, or for a zone made by mistake. It cannot be undone without an export.\n"
	 "Works whether the daemon runs or not.",
	 yes_options, pz_pzh_cmd_remove},
	{"export", "[FILE]", 0, 1, "write a zone into an archive, for another hub",
	 "The archive holds the zone's authority and everything that this hub knows of the zone,\n"
	 "encrypted with a passphrase. Works whether the daemon runs or not.",
	 export_options, pz_pzh_cmd_export},
	{"import", "FILE", 1, 1, "read a zone from an archive",
	 "The devices of the zone find it here when they are notified by the former hub\n"
	 "(`pzh export --moving-to`) or by each other, or after `pzp hub`. Works whether the "
	 "daemon\n"
	 "runs or not.",
	 import_options, pz_pzh_cmd_import},
	{"data", "[list | remove ORIGIN [KEY]]", 0, 3, "show what apps have stored, or remove it",
	 "What is removed here is removed on every device that shares it.", data_options,
	 pz_pzh_cmd_data},
	{"policy", "show | set FILE", 1, 2, "show or replace the owner's policy of a zone",
	 "All devices of the zone get it at once, or when they are back. 'pzp policy edit' on a\n"
	 "device does the same, and says what would change. With --base N it is replaced only if\n"
	 "version N is the one that counts now. --previous shows the one before.",
	 policy_options, pz_pzh_cmd_policy},
	{"user", "[FIELD [VALUE]]", 0, 2, "show details of the user, or set one",
	 PZ_CLI_USER_DETAILS, user_options, pz_cli_cmd_user},
	{"name", "DEVICE [NAME]", 1, 2, "give a device another name, for people",
	 "The device takes the name over, at once or when it is back.", name_options,
	 pz_cli_cmd_name},
	{"friend", PZ_CLI_FRIEND_USAGE, 1, 2, "become friends with another zone, or end it",
	 PZ_CLI_FRIEND_DETAILS, friend_options, pz_cli_cmd_friend},
	{"status", "", 0, 0, "show version, zones, links, ports and messages", NULL, NULL,
	 pz_pzh_cmd_status},
	{NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};

static const struct pz_cli_note groups[] = {
	{"init", "Zones and devices"},
	{"export", "Move a zone"},
	{"user", "The user, names, the hub"},
	{NULL, NULL},
};

static const struct pz_cli_note examples[] = {
	{"init", "pzh init --zone alice@example.org --host hub.example.org"},
	{"token", "pzh token --device tv"},
	{"revoke", "pzh revoke phone"},
	{"friend", "pzh friend invite"},
	{"policy", "pzh policy set policy.xml"},
	{"export", "pzh export zone.pz --moving-to new.example.org"},
	{"import", "pzh import zone.pz --host new.example.org"},
	{NULL, NULL},
};

const struct pz_cli_program pz_pzh_program = {
	.name = "pzh",
	.daemon = "pzhd",
	.settings = PZ_PROGRAM_PZHD,
	.summary = "Control the personal zone hub of this machine.",
	.data_dir_env = "PZH_DATA_DIR",
	.leaf = "pzh",
	.commands = commands,
	.groups = groups,
	.examples = examples,
};
