/* The table of pzp's commands. @spec page 12 "pzp" */
#include "cli/program.h"
#include "cli/friend.h"
#include "cli/user.h"
#include "cli_files/commands.h"
#include "cli_policy/commands.h"
#include "cli_pzp/commands.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, PZ_CLI_FLAG, 0, 0                                                \
	}

static const struct pz_cli_option enrol_options[] = {
	{"zone", "ZONE", "the zone, e.g. alice@example.org (with HOST)", PZ_CLI_TEXT, 0, 0},
	{"device", "NAME", "name of this device in the zone", PZ_CLI_TEXT, 0, 0},
	{"code", "CODE", "the enrolment code, e.g. 1234-5678 (with HOST)", PZ_CLI_TEXT, 0, 0},
	END,
};

static const struct pz_cli_option yes_options[] = {
	{"yes", NULL, "do not ask", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option connect_options[] = {
	{"address", "IP[:PORT]", "where the peer is (port 8040 unless given)", PZ_CLI_TEXT, 0, 0},
	END,
};

static const struct pz_cli_option services_options[] = {
	{"api", "URI", "only services of this type; * stands for any text", PZ_CLI_TEXT, 0, 0},
	{"zone", "ZONE", "only services of this zone", PZ_CLI_TEXT, 0, 0},
	{"device", "NAME", "only services of this device", PZ_CLI_TEXT, 0, 0},
	{"all", NULL,
	 "also those of devices that are not connected, and those that are denied here",
	 PZ_CLI_FLAG, 0, 0},
	{"long", NULL, "also API URI and instance id", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option discover_options[] = {
	{"timeout", "S", "search for S seconds (2)", PZ_CLI_SECONDS, 0, 60},
	END,
};

static const struct pz_cli_option pair_options[] = {
	{"remember", NULL, "become friends, if the other side wants that, too", PZ_CLI_FLAG, 0, 0},
	{"yes-if", "DIGITS", "join the window that is open, answer yes if these are its digits",
	 PZ_CLI_TEXT, 0, 0},
	END,
};

static const struct pz_cli_option ping_options[] = {
	{"count", "N", "stop after N requests", PZ_CLI_TEXT, 0, 0},
	{"interval", "S", "wait S seconds from one request to the next (1)", PZ_CLI_SECONDS, 0,
	 3600},
	{"until-direct", NULL, "look for a direct link, stop with the first answer by it",
	 PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option prefs_options[] = {
	{"reset", NULL, "back to what the operator configured, else the default", PZ_CLI_FLAG, 0,
	 0},
	{"now", NULL, "reconnect, if the change waits for that", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option call_options[] = {
	{"timeout", "S",
	 "give up after S seconds (30, longer while a person is asked; with --stream none)",
	 PZ_CLI_SECONDS, 0, 86400},
	{"stream", NULL, "print the values of a stream as they come, until interrupted",
	 PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option friend_options[] = {
	{"for", "ZONE", "invite: no other zone may accept it", PZ_CLI_TEXT, 0, 0},
	{"no-qr", NULL, "invite: no QR code on a terminal", PZ_CLI_FLAG, 0, 0},
	{"yes", NULL, "confirm, remove: do not ask", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option user_options[] = {
	{"remove", NULL, "forget the detail", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option name_options[] = {
	{"reset", NULL, "back to what the device calls itself", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option policy_options[] = {
	{"request", "FILE", "the request to decide, as JSON; '-' reads standard input", PZ_CLI_TEXT,
	 0, 0},
	{"user", "FILE", "the owner's policy", PZ_CLI_TEXT, 0, 0},
	{"exceptions", "FILE", "restrictions of one device", PZ_CLI_TEXT, 0, 0},
	{"manufacturer", "FILE", "restrictions of the manufacturer", PZ_CLI_TEXT, 0, 0},
	{"app", "FILE", "the policy of the app that asks", PZ_CLI_TEXT, 0, 0},
	{"grants", "FILE", "what this device grants to friends", PZ_CLI_TEXT, 0, 0},
	{"dhp", NULL, "evaluate data-handling preferences too", PZ_CLI_FLAG, 0, 0},
	{"base", "N", "set: only if this version is the one that counts now", PZ_CLI_TEXT, 0, 0},
	{"force", NULL, "set, edit: also a policy that locks the owner out", PZ_CLI_FLAG, 0, 0},
	{"remove", NULL, "set exceptions: remove them all", PZ_CLI_FLAG, 0, 0},
	{"yes", NULL, "edit: do not ask", PZ_CLI_FLAG, 0, 0},
	{"delete", "ID", "answers: forget this one", PZ_CLI_TEXT, 0, 0},
	{"all", NULL, "why: the last decisions; answers: forget all of them", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option allow_options[] = {
	{"ask", NULL, "a person is asked, and may let the answer be remembered", PZ_CLI_FLAG, 0, 0},
	{"for", "T", "only for that long from now: 90s, 30m, 2h, 7d", PZ_CLI_TEXT, 0, 0},
	{"calls", "N", "only for so many calls on each device that is called", PZ_CLI_TEXT, 0, 0},
	{"on", "DEVICE", "only the service of this device, as @DEVICE", PZ_CLI_TEXT, 0, 0},
	END,
};

static const struct pz_cli_option share_options[] = {
	{"with", "WHO", "a device, my-devices, or another zone", PZ_CLI_TEXT, 0, 0},
	{"here", NULL, "a friend, from this device only: needs no hub", PZ_CLI_FLAG, 0, 0},
	{"for", "T", "only for that long from now: 90s, 30m, 2h, 7d", PZ_CLI_TEXT, 0, 0},
	{"calls", "N", "only for so many calls on each device that is called", PZ_CLI_TEXT, 0, 0},
	{"on", "DEVICE", "only the service of this device, as @DEVICE", PZ_CLI_TEXT, 0, 0},
	END,
};

static const struct pz_cli_option unshare_options[] = {
	{"with", "WHO", "as it was shared", PZ_CLI_TEXT, 0, 0},
	{"here", NULL, "what was shared with --here", PZ_CLI_FLAG, 0, 0},
	{"on", "DEVICE", "only the service of this device, as @DEVICE", PZ_CLI_TEXT, 0, 0},
	END,
};

static const struct pz_cli_option deny_options[] = {
	{"for", "T", "only for that long from now: 90s, 30m, 2h, 7d", PZ_CLI_TEXT, 0, 0},
	{"on", "DEVICE", "only the service of this device, as @DEVICE", PZ_CLI_TEXT, 0, 0},
	END,
};

static const struct pz_cli_option prompts_options[] = {
	{"remember", "SCOPE", "how long the answer counts: once, session or always (once)",
	 PZ_CLI_TEXT, 0, 0},
	{"watch", NULL, "show questions as they come, until interrupted", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option app_options[] = {
	{"file", "FILE", "token: write it to this new file, which only this user can read",
	 PZ_CLI_TEXT, 0, 0},
	{"yes", NULL, "install: do not ask", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option audit_options[] = {
	{"since", "T", "only from T on: 2h ago and the like, a date, or seconds since 1970",
	 PZ_CLI_TEXT, 0, 0},
	{"who", "WHO", "only those of this zone, device or app", PZ_CLI_TEXT, 0, 0},
	{"denied", NULL, "only what was not allowed", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option send_options[] = {
	{"recursive", NULL, "-r: directories, too", PZ_CLI_FLAG, 0, 0},
	{"name", "NAME", "name that the file or directory gets there", PZ_CLI_TEXT, 0, 0},
	{"wait", NULL, "wait for a device that is away, or for the daemon", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_option watch_options[] = {
	{"wait", NULL, "wait for the daemon when it does not run, or has ended", PZ_CLI_FLAG, 0, 0},
	END,
};

static const struct pz_cli_command commands[] = {
	{"enrol", "LINK | HOST[:PORT]", 1, 1, "join a zone", /* */
	 "Takes the link that 'pzh token' shows, or the hub's address with --zone and --code.\n"
	 "Ends when this device is connected as a device of the zone, or says why it is not. "
	 "Ctrl-C\n"
	 "calls it off.",
	 enrol_options, pz_pzp_cmd_enrol},
	{"leave", "", 0, 0, "give up the enrolment",
	 "The hub revokes this device where it can be reached; keys and data are wiped.",
	 yes_options, pz_pzp_cmd_leave},
	{"status", "", 0, 0, "show how this device and the others are connected, and warnings",
	 NULL, NULL, pz_pzp_cmd_status},
	{"connect", "[PEER]", 0, 1, "connect to the hub, or directly to a peer",
	 "A device of a friend's zone is named by its whole address, ZONE/DEVICE.", connect_options,
	 pz_pzp_cmd_connect},
	{"disconnect", "[PEER]", 0, 1, "disconnect from the hub, or from a peer", NULL, NULL,
	 pz_pzp_cmd_disconnect},
	{"reconnect", "", 0, 0, "end the link to the hub and connect again",
	 "Preferences that wait for a reconnect count from then on.", NULL, pz_pzp_cmd_reconnect},
	{"hub", "[HOST[:PORT]]", 0, 1, "the hub has moved there; or show where it is",
	 "This device connects there at once (port 8041 unless given), and tries the former\n"
	 "address in turn as long as neither works. A notice of the zone that is made later wins.",
	 NULL, pz_pzp_cmd_hub},
	{"peers", "", 0, 0, "list the devices of the zone, and which way leads to them", NULL, NULL,
	 pz_pzp_cmd_peers},
	{"friend", PZ_CLI_FRIEND_USAGE, 1, 2, "become friends with another zone, through the hub",
	 PZ_CLI_FRIEND_DETAILS, friend_options, pz_cli_cmd_friend},
	{"friends", "", 0, 0, "list friend zones, and what they may use here",
	 "A friend may use what `pzp share SERVICE --with ZONE` allows, and nothing else.", NULL,
	 pz_pzp_cmd_friends},
	{"ping", "DEVICE", 1, 1, "show how fast a device answers, and by which way",
	 "Once a second, until interrupted or as --count, --interval and --until-direct say.\n"
	 "Ends with a summary: how many were lost, the median and the 99th percentile of the "
	 "times.",
	 ping_options, pz_pzp_cmd_ping},
	{"doctor", "", 0, 0, "find out what may be wrong with this device, and what to do",
	 "Looks at the way to the hub, clock, dates, local network, disk and versions, and lets\n"
	 "devices with a direct link try to connect to this one. Works also while pzpd does not\n"
	 "run, as far as that goes. Ends with 1 when something is wrong.",
	 NULL, pz_pzp_cmd_doctor},
	{"bugreport", "FILE", 1, 1, "write a report for the developers, without names and values",
	 "What 'pzp doctor' and 'pzp status' show, and the end of the log. Names, addresses, "
	 "keys,\n"
	 "paths and values are replaced by tokens. FILE must not be there; '-' is standard output.",
	 NULL, pz_pzp_cmd_bugreport},
	{"discover", "", 0, 0, "look for devices on the local network",
	 "Shows whatever announces itself as a personal zone proxy; devices of this zone have an\n"
	 "id. An announcement proves nothing: a device proves who it is when it is connected to.",
	 discover_options, pz_pzp_cmd_discover},
	{"pair", "[ADDRESS[:PORT]]", 0, 1, "pair with another person's device, side by side",
	 "Opens a pairing window for two minutes; the other person does the same. Both devices "
	 "show\n"
	 "six digits: answer y only if they are the same on both. The other device is found on "
	 "the\n"
	 "local network, or is at ADDRESS (port 8040 unless given). No hub is needed. Trust ends "
	 "when\n"
	 "pzpd ends, unless both remember. The window closes when this command ends.",
	 pair_options, pz_pzp_cmd_pair},
	{"prefs", "[KEY [VALUE]]", 0, 2, "show preferences, or set one",
	 "A change made while there is a link to the hub counts from the next reconnect on:\n"
	 "with --now at once, else after 'pzp reconnect'.\n"
	 "What is allowed shows 'pzp prefs KEY'; pzp(1) describes them all.",
	 prefs_options, pz_pzp_cmd_prefs},
	{"user", "[FIELD [VALUE]]", 0, 2, "show details of the user, or set one",
	 PZ_CLI_USER_DETAILS, user_options, pz_cli_cmd_user},
	{"name", "DEVICE [NAME]", 1, 2, "give a device another name, for people",
	 "The device takes the name over, at once or when it is back.", name_options,
	 pz_cli_cmd_name},
	{"sync", "", 0, 0, "synchronise now, and show what moved",
	 "With the hub and every peer that is connected.", NULL, pz_pzp_cmd_sync},
	{"services", "", 0, 0, "list services",
	 "The first column is what 'pzp call' and 'pzp describe' take.", services_options,
	 pz_pzp_cmd_services},
	{"describe", "SERVICE", 1, 1, "show the functions of a service",
	 "With their parameters, as the device that offers it says.", NULL, pz_pzp_cmd_describe},
	{"call", "SERVICE FUNCTION [PARAMS-JSON | -]", 1, 3, "call a function of a service",
	 "SERVICE is the first column of 'pzp services', e.g. test@tv: the last part of an API\n"
	 "URI, the whole URI, an instance id, or a display name, in any case, with @DEVICE to\n"
	 "choose. PARAMS-JSON is one JSON value: an array of parameters, or an object of named\n"
	 "ones; '-' reads it from standard input. 'pzp describe SERVICE' lists the functions.\n"
	 "Example: pzp call test@tv get42 '[\"hello\"]'",
	 call_options, pz_pzp_cmd_call},
	{"data", "list|get|set|remove [ORIGIN [KEY [VALUE-JSON]]]", 1, 4,
	 "show or change what apps stored on this device",
	 "  data list [ORIGIN [PREFIX]]\n"
	 "  data get ORIGIN KEY\n"
	 "  data set ORIGIN KEY VALUE-JSON   ('-' reads standard input)\n"
	 "  data remove ORIGIN [KEY]         (without KEY everything of that app)\n"
	 "ORIGIN is a page's (https://example.org) or any name of letters, digits, '.', '_', '-'.\n"
	 "The devices of the zone share it, but for those with 'pzp prefs sync.app-data false'.",
	 yes_options, pz_pzp_cmd_data},
	{"policy", "list|show|set|edit|upgrade|why|test|validate|answers [FILE]", 1,
	 PZ_CLI_POSITIONALS_MAX, "who may do what: show, change, try and check policies",
	 "  policy list\n"
	 "  policy show [SLOT]\n"
	 "  policy set [SLOT] FILE [--base N] [--force]\n"
	 "  policy set exceptions --remove\n"
	 "  policy edit [SLOT]\n"
	 "SLOT is user (the zone's policy, which the hub keeps; unless given), exceptions (of "
	 "this\n"
	 "device alone) or manufacturer (to show). 'edit' starts $EDITOR, shows which of the last\n"
	 "requests would be decided differently, and asks.\n"
	 "  policy upgrade   (add rules of this version's default that the zone's policy lacks)\n"
	 "  policy why [ID | --all]   (why this device has allowed or denied a call)\n"
	 "  policy test --request FILE [--user FILE] [--exceptions FILE] [--manufacturer FILE]\n"
	 "              [--app FILE] [--dhp]\n"
	 "  policy validate FILE...\n"
	 "  policy answers [--delete ID | --all]   (what was answered to questions)\n"
	 "'test' and 'validate' work without a daemon, and change nothing. A policy that is not "
	 "given does "
	 "not\n"
	 "count; one that is not valid denies. pzp(1) and docs/policy.md describe the files.",
	 policy_options, pz_pzp_cmd_policy},
	{"allow", "WHO SERVICE[@DEVICE] [FUNCTION]", 2, 3,
	 "let others use a service: write a rule into the policy",
	 "WHO is a device, my-devices, the origin of an app, or another zone. SERVICE is what 'pzp "
	 "services' shows, or "
	 "an\n"
	 "API; with @DEVICE the rule is for the service of that device. The rule counts before\n"
	 "those that were there ('pzp rules'), on all devices, through the hub.",
	 allow_options, pz_pzp_cmd_allow},
	{"deny", "WHO SERVICE[@DEVICE] [FUNCTION]", 2, 3,
	 "keep others from a service: write a rule into the policy",
	 "As 'pzp allow'; what runs and is denied now ends at once.", deny_options,
	 pz_pzp_cmd_deny},
	{"share", "SERVICE[@DEVICE]", 1, 1, "let a device or a zone use a service",
	 "Writes a rule into the policy of the zone, as 'pzp allow', that 'pzp shares' lists and\n"
	 "'pzp unshare' removes. SERVICE 'files' lets files be sent (pzp send). With --here a "
	 "friend\n"
	 "may use it on this device only, without a hub, unless a rule of the policy denies it.",
	 share_options, pz_pzp_cmd_share},
	{"unshare", "SERVICE[@DEVICE]", 1, 1, "take a share back",
	 "Removes the rules that 'pzp share' has written for this service and WHO. What runs by\n"
	 "them alone ends at once; what other rules allow goes on.",
	 unshare_options, pz_pzp_cmd_unshare},
	{"shares", "", 0, 0, "list what is shared", NULL, NULL, pz_pzp_cmd_shares},
	{"rules", "", 0, 0, "list who may do what, as sentences",
	 "The rules of the policies of this device, in their order. In a policy the first that\n"
	 "applies decides, and the strictest policy counts; 'pzp policy show' has all of it.",
	 NULL, pz_pzp_cmd_rules},
	{"audit", "[count|export|verify [FILE]]", 0, 2,
	 "list who was allowed or denied what, or copy or check that log",
	 "Each decision of access policy on this device, the oldest first: what was called, who\n"
	 "called (verified), the rule that decided, and whether a person was asked. T is how long\n"
	 "ago (90s, 30m, 2h, 7d), a date (2026-11-30, 2026-11-30T14:05), or seconds since 1970.\n"
	 "'audit count' says how often each has called what here.\n"
	 "'audit verify' finds a record that is missing, altered or in another order. 'audit "
	 "export'\n"
	 "writes the log to a new file, which 'audit verify FILE' checks on any machine.",
	 audit_options, pz_pzp_cmd_audit},
	{"prompts", "[ID allow|deny]", 0, 2, "show questions that wait for a person, or answer one",
	 "ID is the beginning of the id that is shown. An answer counts once, or as --remember\n"
	 "says, as far as the policy lets it. With --watch this program is one that can answer:\n"
	 "without any, what would be asked is denied at once. No answer is a no.",
	 prompts_options, pz_pzp_cmd_prompts},
	{"apps", "[forget ORIGIN]", 0, 2,
	 "list web pages and programs that were here, or forget one",
	 "OPEN is how many of its pages are connected, MAY what was answered about it and is\n"
	 "remembered. 'apps forget' closes its pages and forgets the answers: the person is asked\n"
	 "when it comes again. What it has stored stays ('pzp data remove').",
	 NULL, pz_pzp_cmd_apps},
	{"app", "token|revoke NAME | install FILE | show [ORIGIN] | remove ORIGIN", 1, 2,
	 "make or revoke the token of a program, or say what an app may ask for",
	 "A program that is no browser sends its token where a browser sends its origin. The "
	 "token\n"
	 "is shown once; only its hash is stored. 'pzp apps' lists programs as program:NAME; what\n"
	 "they may do is a matter of the policy. 'app revoke' also closes their connections.\n"
	 "'app install' reads the manifest of a page or program: what it does not list is denied "
	 "to\n"
	 "it on this device; what it lists is decided as before. 'app show' has the policy that\n"
	 "follows, 'app remove' takes it back.",
	 app_options, pz_pzp_cmd_app},
	{"serve", "FILE", 1, 1, "provide a service made of commands, until interrupted",
	 "FILE is a JSON file: api, displayName, description, and methods with the command of\n"
	 "each, as described in pzp(1).",
	 NULL, pz_pzp_cmd_serve},
	{"send", "FILE... DEVICE", 2, PZ_CLI_POSITIONALS_MAX, "send files to a device",
	 "FILE '-' is standard input, and needs --name. With -r directories are sent whole, but "
	 "for\n"
	 "hidden files, links and empty directories. After a break it goes on where it was, also\n"
	 "when it is given again. The device stores files in its inbox (preference files.inbox),\n"
	 "and replaces none.",
	 send_options, pz_files_cmd_send},
	{"inbox", "", 0, 0, "list the files that other devices have sent", NULL, NULL,
	 pz_files_cmd_inbox},
	{"watch", "", 0, 0, "show events as they come, until interrupted",
	 "Ends when the daemon does; with --wait it waits for the next start, and says so.",
	 watch_options, pz_pzp_cmd_watch},
	{NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};

static const struct pz_cli_note groups[] = {
	{"enrol", "Join a zone"},
	{"status", "The zone and its devices"},
	{"prefs", "Settings"},
	{"services", "Services and data"},
	{NULL, NULL},
};

static const struct pz_cli_note examples[] = {
	{"enrol", "pzp enrol 'pzp://hub.example.org:8041/alice@example.org?code=12345678' "
		  "--device tv"},
	{"connect", "pzp connect tv"},
	{"doctor", "pzp doctor --json"},
	{"bugreport", "pzp bugreport report.txt"},
	{"pair", "pzp pair 192.0.2.7 --remember"},
	{"hub", "pzp hub new.example.org"},
	{"prefs", "pzp prefs peer.auto true --now"},
	{"user", "pzp user nickname Al"},
	{"name", "pzp name tv 'Living room'"},
	{"describe", "pzp describe test@tv"},
	{"data", "pzp data set shopping list '[\"milk\"]'"},
	{"policy", "pzp policy test --user policy.xml --request request.json"},
	{"audit", "pzp audit --denied --since 2h"},
	{"app", "pzp app token backup --file backup.token"},
	{"serve", "pzp serve clock.json"},
	{"send", "pzp send -r holiday tv"},
	{"watch", "pzp watch --json"},
	{NULL, NULL},
};

const struct pz_cli_program pz_pzp_program = {
	.name = "pzp",
	.daemon = "pzpd",
	.settings = PZ_PROGRAM_PZPD,
	.summary = "Control the personal zone proxy of this device.",
	.data_dir_env = "PZP_DATA_DIR",
	.leaf = "pzp",
	.commands = commands,
	.groups = groups,
	.examples = examples,
};
