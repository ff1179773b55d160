/* The commands of pzhd: X(name, handler, parameters, has events, help). docs/control-protocol.md
 * is made from it, too (scripts/commands). @spec page 12 "pzh" */
#ifndef PZ_PZH_COMMAND_TABLE_H
#define PZ_PZH_COMMAND_TABLE_H

#include "base/limits.h"
#include "command/table.h"

/* clang-format off */
#define PZ_PZH_ZONE PZ_P("zone", TEXT, "the zone; needed where the hub hosts several")

#define PZ_PZH_COMMANDS(X) \
	X("init", pz_pzh_run_init, PZ_PARAMS( \
		PZ_P_NEEDED("zone", TEXT, "name of the new zone, user@domain") \
		PZ_P_NEEDED("host", TEXT, "DNS name or IP address by which devices reach this hub") \
		PZ_P("name", TEXT, "display name of the zone")), \
	  false, "make a zone") \
	X("zones", pz_pzh_run_zones, PZ_PARAMS(), false, "list the zones") \
	X("token", pz_pzh_run_token, PZ_PARAMS( \
		PZ_PZH_ZONE \
		PZ_P("device", TEXT, "the only name that the code is for") \
		PZ_P_INTEGER("ttl", 1, PZ_CODE_TTL_MAX_S, "seconds", "how long the code counts; the maximum unless given")), \
	  false, "make an enrolment code") \
	X("devices", pz_pzh_run_devices, PZ_PARAMS( \
		PZ_PZH_ZONE \
		PZ_P("all", BOOL, "also those that were revoked")), \
	  false, "list the devices of a zone") \
	X("revoke", pz_pzh_run_revoke, PZ_PARAMS( \
		PZ_P_NEEDED("device", TEXT, "name of a device of the zone") \
		PZ_PZH_ZONE \
		PZ_P("purge", BOOL, "also remove what it has written, on all devices")), \
	  false, "revoke a device") \
	X("rights", pz_pzh_run_rights, PZ_PARAMS( \
		PZ_P_NEEDED("device", TEXT, "name of a device of the zone") \
		PZ_P("right", TEXT, "answer, policy or admin; none is changed unless given") \
		PZ_P("has", BOOL, "give the right; without it the right is taken away") \
		PZ_PZH_ZONE), \
	  false, "show or change what a device may administer") \
	X("status", pz_pzh_run_status, PZ_PARAMS(), false, "what the hub does, and warnings") \
	X("user", pz_pzh_run_user, PZ_PARAMS( \
		PZ_PZH_ZONE \
		PZ_P("field", TEXT, "the detail; all unless given") \
		PZ_P("value", TEXT, "what it is set to") \
		PZ_P("remove", BOOL, "forget the detail")), \
	  false, "show details of the user, or set one") \
	X("name", pz_pzh_run_name, PZ_PARAMS( \
		PZ_P_NEEDED("device", TEXT, "name of a device of the zone") \
		PZ_PZH_ZONE \
		PZ_P("name", TEXT, "what people shall see") \
		PZ_P("reset", BOOL, "back to what the device calls itself")), \
	  false, "give a device another name, for people") \
	X("move", pz_pzh_run_move, PZ_PARAMS( \
		PZ_PZH_ZONE \
		PZ_P("host", TEXT, "where the zone is going to be: DNS name or IP address") \
		PZ_P_INTEGER("port", 1, UINT16_MAX, NULL, "of the hub there") \
		PZ_P("stay", BOOL, "the zone stays here after all")), \
	  false, "announce that a zone moves to another hub") \
	X("export", pz_pzh_run_export, PZ_PARAMS( \
		PZ_PZH_ZONE \
		PZ_P_NEEDED("head", TEXT, "head of the archive, 40 bytes in base64") \
		PZ_P_NEEDED("key", TEXT, "key of the archive, 32 bytes in base64") \
		PZ_P_FILE("archive", WRITE, "the file that the archive is written to, from its beginning")), \
	  false, "write the archive of a zone") \
	X("import", pz_pzh_run_import, PZ_PARAMS( \
		PZ_P_NEEDED("key", TEXT, "key of the archive, 32 bytes in base64") \
		PZ_P("host", TEXT, "by which devices reach this hub; as the archive says unless given") \
		PZ_P_INTEGER("port", 1, UINT16_MAX, NULL, "by which devices reach this hub; its own unless given") \
		PZ_P_FILE("archive", READ, "the file that the archive is read from, from its beginning")), \
	  false, "take the zone of an archive in") \
	X("data", pz_pzh_run_data, PZ_PARAMS(PZ_PZH_ZONE), false, "what apps have stored and devices share") \
	X("data-remove", pz_pzh_run_data_remove, PZ_PARAMS( \
		PZ_P_NEEDED("origin", TEXT, "the app; `pzh data` lists them") \
		PZ_P("key", TEXT, "the key of the value; all of the app unless given") \
		PZ_PZH_ZONE), \
	  false, "remove what an app has stored, on all devices") \
	X("policy-show", pz_pzh_run_policy_show, PZ_PARAMS( \
		PZ_PZH_ZONE \
		PZ_P("previous", BOOL, "the one before")), \
	  false, "the owner's policy of a zone, with its document") \
	X("policy-set", pz_pzh_run_policy_set, PZ_PARAMS( \
		PZ_P_NEEDED("document", TEXT, "the new document, XML") \
		PZ_P_INTEGER("base", 0, PZ_SYNC_TIME_MS_MAX, NULL, "sequence number that the change is based on; what there is now unless given") \
		PZ_P("force", BOOL, "also a document that locks the owner out") \
		PZ_PZH_ZONE), \
	  false, "replace the owner's policy of a zone") \
	X("friend-invite", pz_pzh_run_friend_invite, PZ_PARAMS( \
		PZ_PZH_ZONE \
		PZ_P("for", TEXT, "the only zone that may accept it; any unless given")), \
	  false, "make an invitation for another zone to become a friend") \
	X("friend-accept", pz_pzh_run_friend_accept, PZ_PARAMS( \
		PZ_P_NEEDED("link", TEXT, "the invitation of another zone") \
		PZ_PZH_ZONE), \
	  false, "accept an invitation of another zone") \
	X("friend-list", pz_pzh_run_friend_list, PZ_PARAMS(PZ_PZH_ZONE), false, "list the friends of a zone") \
	X("friend-confirm", pz_pzh_run_friend_confirm, PZ_PARAMS( \
		PZ_P_NEEDED("friend", TEXT, "the other zone") \
		PZ_PZH_ZONE), \
	  false, "agree to a friendship, after the fingerprint was compared") \
	X("friend-remove", pz_pzh_run_friend_remove, PZ_PARAMS( \
		PZ_P_NEEDED("friend", TEXT, "the other zone") \
		PZ_PZH_ZONE), \
	  false, "end a friendship, for both zones") \
	X("remove", pz_pzh_run_remove, PZ_PARAMS( \
		PZ_P_NEEDED("zone", TEXT, "the zone")), \
	  false, "delete a zone and everything of it")
/* clang-format on */

#endif
