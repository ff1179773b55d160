/* The one table of user preferences (page 10). */
#include "conf/prefs.h"

static const char *const connections[] = {"hub", "peer", NULL};

#define KEY_BOOL(name_) .key = (name_), .type = PZ_PREF_TYPE_BOOL, .max = 1

const struct pz_pref_info pz_pref_table[PZ_PREF_COUNT] = {
	[PZ_PREF_CONNECTION] =
		{
			.key = "connection",
			.type = PZ_PREF_TYPE_CHOICE,
			.is_effective = true,
			.choices = connections,
			.meaning = "Whether the device connects to its hub by itself, or only on "
				   "command, and to peers instead.",
		},
	[PZ_PREF_PEER_LISTEN] =
		{
			KEY_BOOL("peer.listen"),
			.is_effective = true,
			.number = 1,
			.meaning = "Accepts connections of peers.",
		},
	[PZ_PREF_PEER_RELAY] =
		{
			KEY_BOOL("peer.relay"),
			.is_effective = true,
			.number = 1,
			.meaning =
				"Relays links of other devices of the zone, which it cannot read.",
		},
	[PZ_PREF_PEER_AUTO] =
		{
			KEY_BOOL("peer.auto"),
			.is_zone = true,
			.is_effective = true,
			.meaning = "Connects to every device of the zone that can be reached "
				   "directly.",
		},
	[PZ_PREF_PORTS_TLS] =
		{
			.key = "ports.tls",
			.type = PZ_PREF_TYPE_PORT,
			.is_effective = true,
			.number = 8040,
			.max = UINT16_MAX,
			.meaning = "Port that peers connect to; 0 is any free one.",
		},
	[PZ_PREF_PORTS_WEB] =
		{
			.key = "ports.web",
			.type = PZ_PREF_TYPE_PORT,
			.is_effective = true,
			.number = 8080,
			.max = UINT16_MAX,
			.meaning = "Port of HTTP and WebSocket for local apps; 0 is any free one.",
		},
	[PZ_PREF_SYNC_POLICIES] =
		{
			KEY_BOOL("sync.policies"),
			.is_effective = true,
			.number = 1,
			.meaning = "Synchronises access policies.",
		},
	[PZ_PREF_SYNC_PREFERENCES] =
		{
			KEY_BOOL("sync.preferences"),
			.is_effective = true,
			.number = 1,
			.meaning = "Synchronises the preferences that hold for the whole zone.",
		},
	[PZ_PREF_SYNC_USER_DETAILS] =
		{
			KEY_BOOL("sync.user-details"),
			.is_effective = true,
			.number = 1,
			.meaning = "Synchronises what is known of the user.",
		},
	[PZ_PREF_SYNC_SERVICE_CACHE] =
		{
			KEY_BOOL("sync.service-cache"),
			.is_effective = true,
			.number = 1,
			.meaning = "Synchronises what is known of services.",
		},
	[PZ_PREF_SYNC_CONTEXT] =
		{
			KEY_BOOL("sync.context"),
			.number = 1,
			.meaning = "Synchronises context data.",
		},
	[PZ_PREF_SYNC_APP_DATA] =
		{
			KEY_BOOL("sync.app-data"),
			.is_effective = true,
			.number = 1,
			.meaning = "Synchronises what apps stored.",
		},
	[PZ_PREF_PRIVATE] =
		{
			KEY_BOOL("private"),
			.is_zone = true,
			.is_effective = true,
			.meaning =
				"Lets the hub carry what devices say to each other only where it "
				"cannot read it.",
		},
	[PZ_PREF_OFFLINE_DAYS] =
		{
			.key = "offline-days",
			.type = PZ_PREF_TYPE_NUMBER,
			.is_effective = true,
			.number = PZ_OFFLINE_DAYS,
			.min = 1,
			.max = PZ_OFFLINE_DAYS_MAX,
			.meaning = "Days without contact with the hub after which no new link with "
				   "a device begins.",
		},
	[PZ_PREF_AUDIT_DAYS] =
		{
			.key = "audit.days",
			.type = PZ_PREF_TYPE_NUMBER,
			.is_effective = true,
			.number = PZ_AUDIT_DAYS,
			.min = 1,
			.max = PZ_AUDIT_DAYS_MAX,
			.meaning = "How many days decisions of access policy are kept in the log "
				   "that pzp audit shows.",
		},
	[PZ_PREF_AUDIT_BYTES] =
		{
			.key = "audit.bytes",
			.type = PZ_PREF_TYPE_NUMBER,
			.is_effective = true,
			.number = PZ_AUDIT_BYTES,
			.min = PZ_AUDIT_BYTES_MIN,
			.max = PZ_AUDIT_BYTES_MAX,
			.meaning = "How large that log grows before its oldest records are "
				   "removed.",
		},
	[PZ_PREF_PROMPTS_ANSWER] =
		{
			KEY_BOOL("prompts.answer"),
			.is_effective = true,
			.number = 1,
			.meaning = "Questions of the owner's other devices may be answered here.",
		},
	[PZ_PREF_PROMPTS_AGENTS] =
		{
			.key = "prompts.agents",
			.type = PZ_PREF_TYPE_TEXT,
			.is_effective = true,
			.max = PZ_DISPLAY_NAME_BYTES_MAX,
			.fallback = "all",
			.meaning = "Devices of the zone that may answer questions of this device: "
				   "all, none, or their names with commas between them.",
		},
	[PZ_PREF_FILES_INBOX] =
		{
			.key = "files.inbox",
			.type = PZ_PREF_TYPE_DIRECTORY,
			.is_effective = true,
			.max = PZ_PREF_TEXT_BYTES_MAX,
			.fallback_words = "the user's download directory, else inbox in the data "
					  "directory",
			.meaning = "Directory into which files of other devices are received.",
		},
	[PZ_PREF_FILES_BY_SENDER] =
		{
			KEY_BOOL("files.by-sender"),
			.is_effective = true,
			.meaning = "Puts received files into a directory for each sending device.",
		},
	[PZ_PREF_APP_CLEAR_ON_DISCONNECT] =
		{
			KEY_BOOL("app.clear-on-disconnect"),
			.is_effective = true,
			.meaning = "Deletes everything that apps stored when the session with the "
				   "peer or the hub ends.",
		},
	[PZ_PREF_POLICY_PROMPT_TIMEOUT] =
		{
			.key = "policy.prompt-timeout",
			.type = PZ_PREF_TYPE_SECONDS,
			.is_effective = true,
			.number = PZ_PROMPT_TIMEOUT_S,
			.min = PZ_PROMPT_TIMEOUT_S_MIN,
			.max = PZ_PROMPT_TIMEOUT_S_MAX,
			.meaning = "How many seconds a question waits for a person; no answer is a "
				   "no.",
		},
	[PZ_PREF_NAME] =
		{
			.key = "name",
			.type = PZ_PREF_TYPE_TEXT,
			.is_effective = true,
			.max = PZ_DISPLAY_NAME_BYTES_MAX,
			.fallback_words = "the name of the device in its zone",
			.meaning = "Name of this device that is shown to people.",
		},
	[PZ_PREF_DEVICE_TYPE] =
		{
			.key = "device-type",
			.type = PZ_PREF_TYPE_TEXT,
			.is_effective = true,
			.max = PZ_DEVICE_TYPE_BYTES_MAX,
			.fallback = "device",
			.meaning = "Kind of this device that is shown to people, such as laptop.",
		},
};
