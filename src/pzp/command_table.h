/* The commands of pzpd: X(name, handler, parameters, has events, help). docs/control-protocol.md
 * is made from it, too (scripts/commands). @spec page 12 "pzp" */
#ifndef PZ_PZP_COMMAND_TABLE_H
#define PZ_PZP_COMMAND_TABLE_H

#include "base/limits.h"
#include "command/table.h"

/* clang-format off */
#define PZ_PZP_SERVICE "instance id, API URI, its last part, or display name of a service, with @DEVICE to choose"
#define PZ_PZP_TIMEOUT_MS_MAX 86400000 /* a day */
#define PZ_PZP_DISCOVER_MS_MAX 60000
#define PZ_PZP_PINGS_MAX 1000000
#define PZ_PZP_PING_MS_MIN 10
#define PZ_PZP_AUDIT_SINCE_MAX 1099511627775 /* 40 bits */
#define PZ_PZP_PING_MS_MAX 3600000 /* an hour */
#define PZ_PZP_GRANT_S_MAX 315360000 /* ten years: what is longer needs no end */
#define PZ_PZP_GRANT_CALLS_MAX 9999999999 /* ten digits, as policies compare numbers */

#define PZ_PZP_COMMANDS(X) \
	X("status", cmd_status, PZ_PARAMS(), false, "how this device and the others are connected, and warnings") \
	X("enrol", cmd_enrol, PZ_PARAMS( \
		PZ_P("link", TEXT, "what `pzh token` shows; or else host, zone and code") \
		PZ_P("host", TEXT, "DNS name or IP address of the hub") \
		PZ_P_INTEGER("port", 1, UINT16_MAX, NULL, "of the hub; 8041 unless given") \
		PZ_P("zone", TEXT, "name of the zone") \
		PZ_P("code", TEXT, "the enrolment code") \
		PZ_P("device", TEXT, "name of this device in the zone")), \
	  true, "join a zone") \
	X("leave", cmd_leave, PZ_PARAMS(), false, "give up the enrolment") \
	X("connect", cmd_connect, PZ_PARAMS( \
		PZ_P("peer", TEXT, "name of a device, or its address; the hub unless given") \
		PZ_P("address", TEXT, "numeric IP address at which the peer is tried first") \
		PZ_P_INTEGER("port", 1, UINT16_MAX, NULL, "of that address; 8040 unless given")), \
	  false, "connect to the hub, or directly to a peer") \
	X("disconnect", cmd_disconnect, PZ_PARAMS( \
		PZ_P("peer", TEXT, "name of a device, or its address; the hub unless given")), \
	  false, "disconnect from the hub, or from a peer") \
	X("reconnect", cmd_reconnect, PZ_PARAMS(), false, "end the link to the hub and connect again") \
	X("hub", cmd_hub, PZ_PARAMS( \
		PZ_P("host", TEXT, "where the hub is now: DNS name or IP address") \
		PZ_P_INTEGER("port", 1, UINT16_MAX, NULL, "of the hub; 8041 unless given")), \
	  false, "show where the hub is, or say where it has moved") \
	X("friend-invite", cmd_friend_invite, PZ_PARAMS( \
		PZ_P("for", TEXT, "the only zone that may accept it; any unless given")), \
	  false, "have the hub make an invitation for another zone to become a friend") \
	X("friend-accept", cmd_friend_accept, PZ_PARAMS( \
		PZ_P_NEEDED("link", TEXT, "the invitation of another zone")), \
	  false, "have the hub accept an invitation of another zone") \
	X("friend-list", cmd_friend_list, PZ_PARAMS(), false, "the friends of the zone, as the hub knows them") \
	X("friend-confirm", cmd_friend_confirm, PZ_PARAMS( \
		PZ_P_NEEDED("friend", TEXT, "the other zone")), \
	  false, "agree to a friendship, after the fingerprint was compared") \
	X("friend-remove", cmd_friend_remove, PZ_PARAMS( \
		PZ_P_NEEDED("friend", TEXT, "the other zone")), \
	  false, "end a friendship, for both zones") \
	X("services", cmd_services, PZ_PARAMS( \
		PZ_P("api", TEXT, "only services of this API; * stands for any text") \
		PZ_P("zone", TEXT, "only services of this zone") \
		PZ_P("device", TEXT, "only services of this device") \
		PZ_P("all", BOOL, "also those of devices that cannot be reached now, and those that this device may not use")), \
	  false, "list services") \
	X("call", cmd_call, PZ_PARAMS( \
		PZ_P_NEEDED("service", TEXT, PZ_PZP_SERVICE) \
		PZ_P_NEEDED("function", TEXT, "name of one of its functions") \
		PZ_P("params", JSON, "array or object of what the function takes; [] unless given") \
		PZ_P_INTEGER("timeout_ms", 0, PZ_PZP_TIMEOUT_MS_MAX, "ms", "0: none; the configured one unless given") \
		PZ_P("stream", BOOL, "report the values of a stream as events")), \
	  true, "call a function of a service") \
	X("describe", cmd_describe, PZ_PARAMS( \
		PZ_P_NEEDED("service", TEXT, PZ_PZP_SERVICE) \
		PZ_P_INTEGER("timeout_ms", 0, PZ_PZP_TIMEOUT_MS_MAX, "ms", "0: none; the configured one unless given")), \
	  false, "the functions of a service") \
	X("doctor", pz_node_doctor_command, PZ_PARAMS(), false, "what may be wrong with this device, and what to do") \
	X("log", pz_node_log_command, PZ_PARAMS(), false, "the last lines of the log") \
	X("ping", cmd_ping, PZ_PARAMS( \
		PZ_P_NEEDED("device", TEXT, "name of a device of the zone, or ZONE/DEVICE of a friend") \
		PZ_P_INTEGER("count", 0, PZ_PZP_PINGS_MAX, NULL, "requests; 0, or not given: until the client hangs up") \
		PZ_P_INTEGER("interval_ms", PZ_PZP_PING_MS_MIN, PZ_PZP_PING_MS_MAX, "ms", "from one request to the next; 1000 unless given") \
		PZ_P("until_direct", BOOL, "look for a direct link, end with the first answer by it")), \
	  true, "how fast a device answers, and by which way") \
	X("send", cmd_send, PZ_PARAMS( \
		PZ_P_NEEDED("device", TEXT, "name of a device of the zone, or ZONE/DEVICE of a friend") \
		PZ_P_NEEDED("name", TEXT, "name that the file gets there") \
		PZ_P("path", JSON, "array of names: directories above it, there") \
		PZ_P("wait", BOOL, "wait for a device that is away") \
		PZ_P("id", TEXT, "of this sending: a file that arrived by the same one is not sent again") \
		PZ_P("again", BOOL, "the daemon was lost meanwhile: a way to the device may need a moment") \
		PZ_P("digest", BOOL, "both ends compute SHA-256 of the whole file, and it is compared; yes unless given") \
		PZ_P_FILE("file", READ, "the file")), \
	  true, "send a file to a device") \
	X("inbox", cmd_inbox, PZ_PARAMS(), false, "what was received from other devices, the newest last") \
	X("watch", cmd_watch, PZ_PARAMS(), true, "events as they come") \
	X("serve", cmd_serve, PZ_PARAMS( \
		PZ_P_NEEDED("description", OBJECT, "of a service file, see pzp(1)")), \
	  true, "provide a service made of commands, as long as the request lasts") \
	X("peers", cmd_peers, PZ_PARAMS(), false, "the devices of the zone, and which way leads to them") \
	X("friends", cmd_friends, PZ_PARAMS(), false, "friend zones, and what they may use here") \
	X("pair", cmd_pair, PZ_PARAMS( \
		PZ_P("host", TEXT, "where the other device is: DNS name or IP address; found on the local network unless given") \
		PZ_P_INTEGER("port", 1, UINT16_MAX, NULL, "of the other device; 8040 unless given") \
		PZ_P("remember", BOOL, "become friends, if the other side wants that, too")), \
	  true, "pair with a device of another person, side by side") \
	X("pair-answer", cmd_pair_answer, PZ_PARAMS( \
		PZ_P("digits", TEXT, "yes if these are shown, else no; waits for them. No unless given") \
		PZ_P("remember", BOOL, "become friends, if the other side wants that, too")), \
	  true, "answer the pairing window that is open") \
	X("discover", cmd_discover, PZ_PARAMS( \
		PZ_P_INTEGER("timeout_ms", 1, PZ_PZP_DISCOVER_MS_MAX, "ms", "how long to look; 2000 unless given")), \
	  false, "look for devices on the local network") \
	X("prefs", pz_node_prefs_command, PZ_PARAMS( \
		PZ_P("key", TEXT, "the preference; all unless given") \
		PZ_P("value", JSON, "what it is set to: JSON of its type, or its text") \
		PZ_P("reset", BOOL, "forget what was set")), \
	  false, "show preferences, or set one") \
	X("audit", pz_node_audit_command, PZ_PARAMS( \
		PZ_P_INTEGER("after", 0, PZ_PZP_AUDIT_SINCE_MAX, NULL, "number of a record: only later ones, as `next` of the answer before says") \
		PZ_P_INTEGER("since", 0, PZ_PZP_AUDIT_SINCE_MAX, "s", "only those from then on, in seconds since 1970") \
		PZ_P("who", TEXT, "only those of this zone, device or app, or of an address of these") \
		PZ_P("denied", BOOL, "only those of what was not allowed") \
		PZ_P("raw", BOOL, "texts, byte for byte as their hashes count them, and all of them")), \
	  false, "decisions of access policy, the oldest first") \
	X("audit-verify", pz_node_audit_verify_command, PZ_PARAMS(), false, "whether the log of decisions is whole") \
	X("sync", cmd_sync, PZ_PARAMS(), false, "synchronise now, and show what moved") \
	X("user", pz_node_user_command, PZ_PARAMS( \
		PZ_P("field", TEXT, "the detail; all unless given") \
		PZ_P("value", TEXT, "what it is set to") \
		PZ_P("remove", BOOL, "forget the detail")), \
	  false, "show details of the user, or set one") \
	X("name", pz_node_name_command, PZ_PARAMS( \
		PZ_P_NEEDED("device", TEXT, "name of a device of the zone") \
		PZ_P("name", TEXT, "what people shall see") \
		PZ_P("reset", BOOL, "back to what the device calls itself")), \
	  false, "give a device another name, for people") \
	X("policy-list", pz_node_policy_list_command, PZ_PARAMS(), false, "the policies of this device") \
	X("policy-show", pz_node_policy_show_command, PZ_PARAMS( \
		PZ_P_NEEDED("slot", TEXT, "user, exceptions, app, grants or manufacturer")), \
	  false, "a policy of this device, with its document") \
	X("policy-set", pz_node_policy_set_command, PZ_PARAMS( \
		PZ_P_NEEDED("slot", TEXT, "user (of the zone, by its hub) or exceptions (of this device)") \
		PZ_P("document", TEXT, "the new document, XML") \
		PZ_P("remove", BOOL, "exceptions: there are none from then on; instead of document") \
		PZ_P_INTEGER("base", 0, PZ_SYNC_TIME_MS_MAX, NULL, "sequence number that the change is based on; what counts here now unless given") \
		PZ_P("force", BOOL, "user: also a document that locks the owner out")), \
	  false, "replace a policy") \
	X("grant", pz_node_grant_command, PZ_PARAMS( \
		PZ_P_NEEDED("zone", TEXT, "a friend") \
		PZ_P("device", TEXT, "of that zone; all of them unless given") \
		PZ_P_NEEDED("api", TEXT, "what policies call the service") \
		PZ_P("service", TEXT, "instance id of the one service; all of the API unless given") \
		PZ_P("function", TEXT, "the only function; all unless given") \
		PZ_P_INTEGER("for_s", 1, PZ_PZP_GRANT_S_MAX, "s", "how long; no end unless given") \
		PZ_P_INTEGER("calls", 1, PZ_PZP_GRANT_CALLS_MAX, NULL, "how many; no limit unless given")), \
	  false, "let a friend use a service of this device, without a hub") \
	X("grant-remove", pz_node_grant_remove_command, PZ_PARAMS( \
		PZ_P_NEEDED("zone", TEXT, "as it was granted") \
		PZ_P("device", TEXT, "the same") \
		PZ_P_NEEDED("api", TEXT, "the same") \
		PZ_P("service", TEXT, "the same") \
		PZ_P("function", TEXT, "the same")), \
	  false, "take back what this device has granted") \
	X("policy-why", pz_node_why_command, PZ_PARAMS( \
		PZ_P_INTEGER("id", 1, PZ_SYNC_TIME_MS_MAX, NULL, "number of the decision; the newest call that was denied unless given") \
		PZ_P("all", BOOL, "list the last decisions instead")), \
	  false, "why a call was allowed or denied") \
	X("apps", cmd_apps, PZ_PARAMS( \
		PZ_P("forget", TEXT, "origin of an app: its sessions end, what was answered about it is forgotten, what it stored is removed, its token is revoked")), \
	  false, "web pages and other programs that were here") \
	X("app-token", cmd_app_token, PZ_PARAMS( \
		PZ_P_NEEDED("name", TEXT, "of the program, which has no token yet")), \
	  false, "make a token for a local program; it is answered once, and only its hash is stored") \
	X("app-install", pz_node_app_install_command, PZ_PARAMS( \
		PZ_P_NEEDED("manifest", TEXT, "of the app, JSON: origin, name, features [{api, reason}]") \
		PZ_P("check", BOOL, "only show what it would mean")), \
	  false, "what an app of this device may ask for from then on, and nothing else") \
	X("app-show", pz_node_app_show_command, PZ_PARAMS( \
		PZ_P("origin", TEXT, "the app, or its id; all that have a manifest unless given")), \
	  false, "manifests of apps: what each may ask for, and its policy") \
	X("app-remove", pz_node_app_remove_command, PZ_PARAMS( \
		PZ_P_NEEDED("origin", TEXT, "the app, or its id")), \
	  false, "take the manifest of an app back: it may ask for everything again") \
	X("prompts", pz_node_prompts_command, PZ_PARAMS( \
		PZ_P("id", TEXT, "a question, or the beginning of its id; all unless given") \
		PZ_P("answer", TEXT, "allow or deny; with id") \
		PZ_P("remember", TEXT, "once, session or always; once unless given") \
		PZ_P("watch", BOOL, "send questions as events; this program counts as one that answers, as long as the request lasts")), \
	  true, "questions that wait for a person, or the answer to one") \
	X("prompt-answers", pz_node_prompt_answers_command, PZ_PARAMS( \
		PZ_P_INTEGER("delete", 1, INT64_MAX, NULL, "number of an answer that is forgotten") \
		PZ_P("all", BOOL, "forget all of them")), \
	  false, "answers that are remembered") \
	X("policy-compare", pz_node_policy_compare_command, PZ_PARAMS( \
		PZ_P_NEEDED("slot", TEXT, "user or exceptions") \
		PZ_P_NEEDED("document", TEXT, "the document that would be there")), \
	  false, "which of the last requests would be decided differently") \
	X("data-list", pz_node_data_list_command, PZ_PARAMS( \
		PZ_P("origin", TEXT, "the app whose keys are listed; the apps unless given") \
		PZ_P("prefix", TEXT, "only keys that begin with this") \
		PZ_P("after", TEXT, "where to go on, as `next` of the answer before says")), \
	  false, "what apps stored on this device") \
	X("data-get", pz_node_data_get_command, PZ_PARAMS( \
		PZ_P_NEEDED("origin", TEXT, "the app") \
		PZ_P_NEEDED("key", TEXT, "the key of the value")), \
	  false, "one value of an app") \
	X("data-set", pz_node_data_set_command, PZ_PARAMS( \
		PZ_P_NEEDED("origin", TEXT, "the app") \
		PZ_P_NEEDED("key", TEXT, "the key of the value") \
		PZ_P_NEEDED("value", JSON, "the value, any JSON")), \
	  false, "store a value of an app") \
	X("data-remove", pz_node_data_remove_command, PZ_PARAMS( \
		PZ_P_NEEDED("origin", TEXT, "the app") \
		PZ_P("key", TEXT, "the key of the value; all of the app unless given")), \
	  false, "remove a value of an app, or all of them")
/* clang-format on */

#endif
