/*
 * Operator settings: one table that the command line, the configuration file, the checks, --help,
 * the man page and the example file are made from (table.c). User preferences are in prefs.h.
 */
#ifndef PZ_CONF_SETTINGS_H
#define PZ_CONF_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"

/** Which daemon; the table uses the values as a bit mask. */
enum pz_program {
	PZ_PROGRAM_PZPD = 1,
	PZ_PROGRAM_PZHD = 2,
};

/** The settings of one daemon, checked. Strings are owned. Those that the other daemon alone has
 * are 0 or NULL. */
struct pz_settings {
	char *data_dir;       /* never NULL */
	char *config_file;    /* the file that was read, or NULL */
	char *control_socket; /* never NULL; fits sun_path */
	char *control_group;  /* group that may use it, or NULL: the daemon's user and root alone */
	char *listen;         /* numeric address; "::" means any, IPv4 too */
	char *device;         /* pzpd: name of this device, or NULL when not given */
	char *log_level;      /* a name that pz_log_level_parse knows */
	char *key_type;       /* "ec-p256", "ec-p384", "rsa3072" or "rsa4096" */
	uint16_t port;        /* pzhd: overlay; 0 = any free port, as for the other two */
	uint16_t web_port;
	uint16_t tls_port; /* pzpd: peers */

	uint32_t limit_frame;      /* bytes */
	uint32_t limit_queue_high; /* bytes */
	uint32_t limit_queue_low;  /* bytes, less than limit_queue_high */
	uint32_t limit_unauthenticated;
	uint32_t limit_unauthenticated_per_address;
	uint32_t limit_per_address;
	uint32_t limit_signatures; /* pzhd: devices of a zone in a minute; 0: any number */
	uint32_t handshakes_per_turn;
	uint32_t limit_app_data; /* pzpd: bytes */
	uint32_t call_timeout;   /* seconds */
	uint32_t keepalive;      /* seconds of silence until a keepAlive is sent */

	char **services; /* pzpd: paths of service files */
	size_t service_count;
	char *manufacturer_policy; /* pzpd: path, or NULL: that of the installation, if it is there
				    */

	uint64_t given; /* rows of the table that are no default: pz_settings_is_given */

	bool show_help;    /* --help was given: nothing else was checked, the rest may be unset */
	bool show_version; /* --version, likewise */
};

/**
 * Reads the settings: defaults < configuration file < environment < command line. The file is
 * --config FILE (must exist) or <data-dir>/<program>.conf (when it exists); "key = value" lines,
 * '#' starts a comment line, a repeatable key adds a value each time. A list from a stronger source
 * replaces that of a weaker one.
 * @param argv argv[0] is skipped
 * @param out filled on success, untouched on failure; the caller frees it with pz_settings_free
 * @param info may be NULL; names the key, the value, what is allowed, and where it stood
 * Errors: CONFIG, IO (a file cannot be read), LIMIT_MEMORY.
 * @spec page 12, page 10 "Operator settings"
 */
enum pz_err pz_settings_load(enum pz_program program, int argc, char **argv,
			     struct pz_settings *out, struct pz_errinfo *info) PZ_MUST_USE;
/** Frees what the struct owns and zeroes it. NULL is fine. */
void pz_settings_free(struct pz_settings *settings);

/** True when the setting was set by the command line, the environment or the file. @param name as
 * in a file */
bool
pz_settings_is_given(enum pz_program program, const struct pz_settings *settings, const char *name);

/**
 * Applies the settings of a later reading, as far as a running daemon can change them; the others
 * wait for its next start.
 * @param running what the daemon runs with; fields of settings that cannot change stay as they are
 * @param fresh the later reading; gets what `running` had. Still the caller's to free
 * @param out_changed,out_waiting get the names, "a, b": taken over; different, but not taken over
 * Errors: LIMIT_QUEUE, LIMIT_MEMORY (some may have been taken over).
 */
enum pz_err
pz_settings_reload(enum pz_program program, struct pz_settings *running, struct pz_settings *fresh,
		   struct pz_buf *out_changed, struct pz_buf *out_waiting) PZ_MUST_USE;

/** Writes the --help text of the daemon. */
void pz_settings_help(enum pz_program program, FILE *out);
/** Appends the options as mdoc ".It" items for the man page. Errors: LIMIT_QUEUE, LIMIT_MEMORY. */
enum pz_err pz_settings_man(enum pz_program program, struct pz_buf *out) PZ_MUST_USE;
/** Appends a configuration file with every setting commented out at its default. Errors: as above.
 */
enum pz_err pz_settings_example(enum pz_program program, struct pz_buf *out) PZ_MUST_USE;

/** An option of a daemon's command line. */
struct pz_settings_option {
	const char *name;           /* without the dashes, valid during the call */
	const char *value;          /* what --help calls its value; NULL: a flag */
	const char *const *choices; /* ends with NULL; NULL: there is no choice */
	bool is_path;
};

/** Calls `each` for every option that the program has. */
void pz_settings_each(enum pz_program program,
		      void (*each)(void *arg, const struct pz_settings_option *option), void *arg);

#endif
