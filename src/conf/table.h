/* Inside of src/conf: the one table of settings, and what can be done with one row. */
#ifndef PZ_CONF_TABLE_H
#define PZ_CONF_TABLE_H

#include "conf/settings.h"

enum pz_setting_type {
	PZ_SETTING_PATH,    /* not empty; absolute in a file */
	PZ_SETTING_PATHS,   /* repeatable; settings->services */
	PZ_SETTING_ADDRESS, /* numeric IPv4 or IPv6 */
	PZ_SETTING_DEVICE,  /* page 1 "Identities" */
	PZ_SETTING_CHOICE,  /* one of `choices` */
	PZ_SETTING_PORT,    /* uint16_t */
	PZ_SETTING_COUNT,   /* uint32_t, as the next two */
	PZ_SETTING_SECONDS,
	PZ_SETTING_BYTES, /* KiB or MiB may follow the number */
	PZ_SETTING_FLAG,  /* bool, command line only */
};

struct pz_setting {
	unsigned programs; /* which daemons have it: PZ_PROGRAM_* bits */
	enum pz_setting_type type;
	bool is_command_line_only;
	bool is_live;               /* a running daemon takes over a change of it */
	const char *name;           /* in the file; dots become dashes on the command line */
	const char *metavar;        /* NULL for a flag */
	const char *env;            /* environment variable or NULL */
	size_t offset;              /* in struct pz_settings */
	const char *fallback;       /* default of text types; NULL: none, or computed */
	const char *fallback_words; /* how help names a computed default, or NULL */
	const char *example;        /* for the example file where there is no fallback */
	const char *const *choices; /* ends with NULL */
	uint32_t number, min, max;  /* numeric types: default and range */
	const char *help;           /* one sentence, no markup */
};

extern const struct pz_setting pz_setting_table[];
extern const size_t pz_setting_table_len;

/** "pzpd" or "pzhd". */
const char *pz_program_name(enum pz_program program);

/** The `index`-th row that the program has, or NULL after the last. */
const struct pz_setting *pz_setting_next(enum pz_program program, size_t *index);
/** True for a row whose field is an allocated text (char *), which is freed. */
bool pz_setting_is_text(const struct pz_setting *setting);
/** Row by name; dots and dashes are the same when `is_option`. NULL: the program has none. */
const struct pz_setting *
pz_setting_find(enum pz_program program, const char *name, size_t len, bool is_option);

/** The name as an option without the leading dashes. @param out at least 64 bytes */
void pz_setting_option(const struct pz_setting *setting, char out[64]);
/** What values are allowed, for messages and help. @param out at least 128 bytes */
void pz_setting_allowed(const struct pz_setting *setting, char out[128]);
/** The default as it is written in a file; "" for a setting without default. @param out at least
 * 128 bytes */
void pz_setting_default(const struct pz_setting *setting, char out[128]);

/**
 * Checks a value and, unless settings is NULL, stores it (a repeatable one is added).
 * @param where "file:line", "command line" ..., for the message
 * @param is_file true: paths must be absolute
 * Errors: CONFIG, LIMIT_MEMORY.
 */
enum pz_err
pz_setting_assign(const struct pz_setting *setting, struct pz_settings *settings, const char *value,
		  const char *where, bool is_file, struct pz_errinfo *info) PZ_MUST_USE;
/** Stores the default. Errors: LIMIT_MEMORY. */
enum pz_err pz_setting_assign_default(const struct pz_setting *setting,
				      struct pz_settings *settings) PZ_MUST_USE;

#endif
