/*
 * The operator's settings, one row each. A row determines the parser and its checks, --help, the
 * man page and the example file (print.c), the default, and whether SIGHUP changes the setting
 * (is_live). To add one: a row here, a member in struct pz_settings (settings.h), then
 * `packaging/example-conf` and the man pages, which a test compares.
 *
 * A setting with different defaults or texts in the two programs has two rows. Sizes are bytes,
 * with KiB and MiB; if a peer can reach a bound, it is in base/limits.h.
 */
#include "conf/table.h"

#include <string.h>

#include "base/limits.h"
#include "base/timer.h"

#define BOTH (PZ_PROGRAM_PZPD | PZ_PROGRAM_PZHD)
#define FIELD(name) .offset = offsetof(struct pz_settings, name)
#define KIB(n) ((uint32_t)(n) << 10)
#define MIB(n) ((uint32_t)(n) << 20)

static const char *const log_levels[] = {"error", "warning", "notice", "info", "debug", NULL};
static const char *const key_types[] = {"ec-p256", "ec-p384", "rsa3072", "rsa4096", NULL};

/* In the order of help, man page and example file. */
const struct pz_setting pz_setting_table[] = {
	{
		.programs = PZ_PROGRAM_PZPD,
		.type = PZ_SETTING_PATH,
		.name = "data-dir",
		.metavar = "DIR",
		.env = "PZP_DATA_DIR",
		FIELD(data_dir),
		.fallback_words = "$STATE_DIRECTORY, else $XDG_STATE_HOME/pzp, else "
				  "~/.local/state/pzp",
		.example = "/var/lib/pzp",
		.help = "Directory of keys, store and control socket; no other user may "
			"access it.",
	},
	{
		.programs = PZ_PROGRAM_PZHD,
		.type = PZ_SETTING_PATH,
		.name = "data-dir",
		.metavar = "DIR",
		.env = "PZH_DATA_DIR",
		FIELD(data_dir),
		.fallback_words = "$STATE_DIRECTORY, else $XDG_STATE_HOME/pzh, else "
				  "~/.local/state/pzh",
		.example = "/var/lib/pzh",
		.help = "Directory of keys, store and control socket; no other user may "
			"access it.",
	},
	{
		.programs = PZ_PROGRAM_PZPD,
		.type = PZ_SETTING_PATH,
		.is_command_line_only = true,
		.name = "config",
		.metavar = "FILE",
		FIELD(config_file),
		.fallback_words = "pzpd.conf in the data directory, where there is one",
		.help = "Configuration file; the command line wins over it.",
	},
	{
		.programs = PZ_PROGRAM_PZHD,
		.type = PZ_SETTING_PATH,
		.is_command_line_only = true,
		.name = "config",
		.metavar = "FILE",
		FIELD(config_file),
		.fallback_words = "pzhd.conf in the data directory, where there is one",
		.help = "Configuration file; the command line wins over it.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_PATH,
		.name = "control-socket",
		.metavar = "PATH",
		FIELD(control_socket),
		.fallback_words = "control.sock in the data directory",
		.example = "/run/user/1000/pz.sock",
		.help = "Socket that the command line talks to.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_DEVICE,
		.name = "control-group",
		.metavar = "GROUP",
		FIELD(control_group),
		.example = "pz",
		.help = "Members of this group may use the control socket too, as if they were "
			"the daemon's user. The socket must be outside the data directory.",
	},
	{
		.programs = PZ_PROGRAM_PZHD,
		.type = PZ_SETTING_ADDRESS,
		.name = "listen",
		.metavar = "ADDR",
		FIELD(listen),
		.fallback = "::",
		.help = "Address that the hub listens on; \"::\" is every address, IPv4 too. A "
			"link-local one needs its network interface, as in fe80::1%eth0.",
	},
	{
		.programs = PZ_PROGRAM_PZPD,
		.type = PZ_SETTING_ADDRESS,
		.name = "listen",
		.metavar = "ADDR",
		FIELD(listen),
		.fallback = "::",
		.help = "Address that peers can connect to; \"::\" is every address, IPv4 too. A "
			"link-local one needs its network interface, as in fe80::1%eth0. With a "
			"loopback address nothing is announced on the local network, and "
			"nothing looked for.",
	},
	{
		.programs = PZ_PROGRAM_PZHD,
		.type = PZ_SETTING_PORT,
		.name = "port",
		.metavar = "P",
		FIELD(port),
		.number = 8041,
		.max = UINT16_MAX,
		.help = "Port that devices and friend hubs connect to; 0 is any free one.",
	},
	{
		.programs = PZ_PROGRAM_PZPD,
		.type = PZ_SETTING_PORT,
		.is_live = true,
		.name = "tls-port",
		.metavar = "P",
		FIELD(tls_port),
		.number = 8040,
		.max = UINT16_MAX,
		.help = "Port that peers connect to; 0 is any free one.",
	},
	{
		.programs = PZ_PROGRAM_PZHD,
		.type = PZ_SETTING_PORT,
		.name = "web-port",
		.metavar = "P",
		FIELD(web_port),
		.number = 8043,
		.max = UINT16_MAX,
		.help = "Port of the hub's web pages; 0 is any free one."
			" Not used yet.",
	},
	{
		.programs = PZ_PROGRAM_PZPD,
		.type = PZ_SETTING_PORT,
		.is_live = true,
		.name = "web-port",
		.metavar = "P",
		FIELD(web_port),
		.number = 8080,
		.max = UINT16_MAX,
		.help = "Port of HTTP and WebSocket for local apps; 0 is any free one.",
	},
	{
		.programs = PZ_PROGRAM_PZPD,
		.type = PZ_SETTING_DEVICE,
		.name = "device",
		.metavar = "D",
		FIELD(device),
		.example = "laptop",
		.help = "Name of this device while it belongs to no zone.",
	},
	{
		.programs = PZ_PROGRAM_PZPD,
		.type = PZ_SETTING_PATHS,
		.is_live = true,
		.name = "service",
		.metavar = "FILE",
		FIELD(services),
		.example = "/etc/pzp/thermostat.json",
		.help = "Provides a service made of commands; can be given more than once. The "
			"files *.json in services.d in the data directory are read too.",
	},
	{
		.programs = PZ_PROGRAM_PZPD,
		.type = PZ_SETTING_PATH,
		.is_live = true,
		.name = "manufacturer-policy",
		.metavar = "FILE",
		FIELD(manufacturer_policy),
		.fallback_words = "personal-zone/policies/manufacturer.xml in the data files of "
				  "the installation, where there is one",
		.example = "/etc/pzp/manufacturer.xml",
		.help = "Policy of the maker of this device: what it denies, no other policy "
			"allows. A file that cannot be read denies everything.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_CHOICE,
		.name = "key-type",
		.metavar = "TYPE",
		FIELD(key_type),
		.fallback = "ec-p256",
		.choices = key_types,
		.help = "Kind of keys that are made from now on.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_CHOICE,
		.is_live = true,
		.name = "log-level",
		.metavar = "LEVEL",
		FIELD(log_level),
		.fallback = "info",
		.choices = log_levels,
		.help = "Least important events that are logged.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_SECONDS,
		.is_live = true,
		.name = "call-timeout",
		.metavar = "SECONDS",
		FIELD(call_timeout),
		.number = PZ_CALL_TIMEOUT_US / PZ_US_PER_S,
		.min = 1,
		.max = 3600,
		.help = "How long a request waits for its answer.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_SECONDS,
		.is_live = true,
		.name = "keepalive",
		.metavar = "SECONDS",
		FIELD(keepalive),
		.number = PZ_KEEPALIVE_SEND_US / PZ_US_PER_S,
		.min = 1,
		.max = 3600,
		.help = "Silence on a link after which a sign of life is sent.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_BYTES,
		.name = "limits.frame",
		.metavar = "BYTES",
		FIELD(limit_frame),
		.number = PZ_FRAME_BYTES_DEFAULT,
		.min = PZ_FRAME_BYTES_ENROL,
		.max = PZ_FRAME_BYTES_MAX,
		.help = "Largest message that is accepted.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_BYTES,
		.name = "limits.queue-high",
		.metavar = "BYTES",
		FIELD(limit_queue_high),
		.number = PZ_QUEUE_HIGH_BYTES,
		.min = KIB(64),
		.max = MIB(16),
		.help = "Output that may wait on a link before what feeds it is no longer read.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_BYTES,
		.name = "limits.queue-low",
		.metavar = "BYTES",
		FIELD(limit_queue_low),
		.number = PZ_QUEUE_LOW_BYTES,
		.min = KIB(4),
		.max = MIB(16),
		.help = "Waiting output below which reading resumes; less than "
			"limits.queue-high.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_COUNT,
		.name = "limits.unauthenticated",
		.metavar = "N",
		FIELD(limit_unauthenticated),
		.number = PZ_HUB_UNAUTH_MAX,
		.min = 1,
		.max = 1000000,
		.help = "Connections at once that have not proved an identity; at a device at most "
			"64. A full room ends the oldest of the busiest network.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_COUNT,
		.name = "limits.unauthenticated-per-address",
		.metavar = "N",
		FIELD(limit_unauthenticated_per_address),
		.number = PZ_HUB_UNAUTH_PER_ADDRESS_MAX,
		.min = 1,
		.max = 1000000,
		.help = "The same, from one IPv4 address or IPv6 /64; four times that from one "
			"/48; "
			"at a device at most 8.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_COUNT,
		.name = "limits.per-address",
		.metavar = "N",
		FIELD(limit_per_address),
		.number = PZ_HUB_PER_ADDRESS_MAX,
		.min = 1,
		.max = 1000000,
		.help = "Connections at once from one network address.",
	},
	{
		.programs = PZ_PROGRAM_PZHD,
		.type = PZ_SETTING_COUNT,
		.name = "limits.signatures",
		.metavar = "N",
		FIELD(limit_signatures),
		.number = PZ_SIGNATURES_PER_MINUTE,
		.min = 0,
		.max = PZ_SIGNATURES_MAX,
		.help = "Devices of one zone that are enrolled at once, and as many more in a "
			"minute: others wait; 0: any number.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_COUNT,
		.name = "limits.handshakes-per-turn",
		.metavar = "N",
		FIELD(handshakes_per_turn),
		.number = PZ_HANDSHAKES_PER_TURN_MAX,
		.min = 1,
		.max = 1024,
		.help = "TLS handshakes that are worked on before others are served.",
	},
	{
		.programs = PZ_PROGRAM_PZPD,
		.type = PZ_SETTING_BYTES,
		.is_live = true,
		.name = "limits.app-data",
		.metavar = "BYTES",
		FIELD(limit_app_data),
		.number = PZ_APP_DATA_BYTES_MAX,
		.min = KIB(1),
		.max = PZ_SYNC_ITEM_BYTES_MAX,
		.help = "Keys and values that one app may store.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_FLAG,
		.is_command_line_only = true,
		.name = "help",
		FIELD(show_help),
		.help = "Prints this text.",
	},
	{
		.programs = BOTH,
		.type = PZ_SETTING_FLAG,
		.is_command_line_only = true,
		.name = "version",
		FIELD(show_version),
		.help = "Prints the version.",
	},
};

const size_t pz_setting_table_len = sizeof(pz_setting_table) / sizeof(pz_setting_table[0]);

const char *
pz_program_name(enum pz_program program)
{
	return program == PZ_PROGRAM_PZPD ? "pzpd" : "pzhd";
}

const struct pz_setting *
pz_setting_next(enum pz_program program, size_t *index)
{
	while (*index < pz_setting_table_len) {
		const struct pz_setting *setting = &pz_setting_table[(*index)++];

		if ((setting->programs & program) != 0)
			return setting;
	}
	return NULL;
}

bool
pz_setting_is_text(const struct pz_setting *setting)
{
	return setting->type == PZ_SETTING_PATH || setting->type == PZ_SETTING_ADDRESS ||
	       setting->type == PZ_SETTING_DEVICE || setting->type == PZ_SETTING_CHOICE;
}

const struct pz_setting *
pz_setting_find(enum pz_program program, const char *name, size_t len, bool is_option)
{
	const struct pz_setting *setting;

	for (size_t i = 0; (setting = pz_setting_next(program, &i)) != NULL;) {
		char option[64];

		pz_setting_option(setting, option);
		if (pz_slice_eq_str(pz_slice_of(name, len), is_option ? option : setting->name))
			return setting;
	}
	return NULL;
}

void
pz_setting_option(const struct pz_setting *setting, char out[64])
{
	snprintf(out, 64, "%s", setting->name);
	for (char *c = out; *c != '\0'; c++) {
		if (*c == '.')
			*c = '-';
	}
}
