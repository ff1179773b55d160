/*
 * User preferences: one table that validation, `pzp prefs`, the stored records and the man page are
 * made from (prefs_table.c). The operator's settings are in settings.h.
 * @spec page 10, seed "User Preferences"
 */
#ifndef PZ_CONF_PREFS_H
#define PZ_CONF_PREFS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

/* X(name, key), in the order of page 10, which is that of every list. */
#define PZ_PREFS(X)                                                                                \
	X(CONNECTION, "connection")                                                                \
	X(PEER_LISTEN, "peer.listen")                                                              \
	X(PEER_RELAY, "peer.relay")                                                                \
	X(PEER_AUTO, "peer.auto")                                                                  \
	X(PORTS_TLS, "ports.tls")                                                                  \
	X(PORTS_WEB, "ports.web")                                                                  \
	X(SYNC_POLICIES, "sync.policies")                                                          \
	X(SYNC_PREFERENCES, "sync.preferences")                                                    \
	X(SYNC_USER_DETAILS, "sync.user-details")                                                  \
	X(SYNC_SERVICE_CACHE, "sync.service-cache")                                                \
	X(SYNC_CONTEXT, "sync.context")                                                            \
	X(SYNC_APP_DATA, "sync.app-data")                                                          \
	X(PRIVATE, "private")                                                                      \
	X(FILES_INBOX, "files.inbox")                                                              \
	X(FILES_BY_SENDER, "files.by-sender")                                                      \
	X(PROMPTS_ANSWER, "prompts.answer")                                                        \
	X(PROMPTS_AGENTS, "prompts.agents")                                                        \
	X(OFFLINE_DAYS, "offline-days")                                                            \
	X(AUDIT_DAYS, "audit.days")                                                                \
	X(AUDIT_BYTES, "audit.bytes")                                                              \
	X(APP_CLEAR_ON_DISCONNECT, "app.clear-on-disconnect")                                      \
	X(POLICY_PROMPT_TIMEOUT, "policy.prompt-timeout")                                          \
	X(NAME, "name")                                                                            \
	X(DEVICE_TYPE, "device-type")

enum pz_pref {
#define X(name, key) PZ_PREF_##name,
	PZ_PREFS(X)
#undef X
		PZ_PREF_COUNT
};

/** Set of preferences: PZ_PREF_BIT(PZ_PREF_PORTS_TLS) | ... */
#define PZ_PREF_BIT(pref) (UINT32_C(1) << (pref))

enum pz_pref_type {
	PZ_PREF_TYPE_BOOL,
	PZ_PREF_TYPE_CHOICE, /* one of `choices` */
	PZ_PREF_TYPE_PORT,   /* 0 is any free one */
	PZ_PREF_TYPE_SECONDS,
	PZ_PREF_TYPE_NUMBER,    /* whatever it counts */
	PZ_PREF_TYPE_TEXT,      /* printable UTF-8, 1 to `max` bytes */
	PZ_PREF_TYPE_DIRECTORY, /* the same, and an absolute path */
};

/** A row of the table. */
struct pz_pref_info {
	const char *key;
	enum pz_pref_type type;
	bool is_zone;               /* holds for the whole zone, else for this device */
	bool is_effective;          /* false: stored and validated; nothing acts on it yet */
	const char *const *choices; /* ends with NULL; the first is the default */
	uint32_t number, min, max;  /* default and range; of a text, max bytes */
	const char *fallback;       /* default of a text; NULL: only known at run time */
	const char *fallback_words; /* how documents name that one */
	const char *meaning;        /* one sentence, no markup */
};

/** A value that was checked. */
struct pz_pref_value {
	uint32_t number;                       /* bool: 0 or 1; choice: which one */
	char text[PZ_PREF_TEXT_BYTES_MAX + 1]; /* of a text or directory, else "" */
};

/** One value for each preference. */
struct pz_prefs {
	struct pz_pref_value values[PZ_PREF_COUNT];
};

extern const struct pz_pref_info pz_pref_table[PZ_PREF_COUNT];

/**
 * Finds a preference by its key.
 * @param info may be NULL; suggests the key that was probably meant
 * Errors: NOTFOUND.
 */
enum pz_err pz_pref_find(const char *key, enum pz_pref *out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Checks a value as a person types it: true, 8040, peer, "My laptop" (without the quotes).
 * @param out untouched on failure
 * @param info may be NULL; names the key, the value, and what is allowed
 * Errors: CONFIG.
 */
enum pz_err pz_pref_parse_text(enum pz_pref pref, const char *text, struct pz_pref_value *out,
			       struct pz_errinfo *info) PZ_MUST_USE;
/** The same for JSON: true or false, an integer, or a string that pz_pref_parse_text takes.
 * @param value borrowed. Errors: CONFIG. */
enum pz_err pz_pref_parse_json(enum pz_pref pref, const json_t *value, struct pz_pref_value *out,
			       struct pz_errinfo *info) PZ_MUST_USE;

/** A fresh reference: boolean, integer or string. NULL: out of memory. */
json_t *pz_pref_json(enum pz_pref pref, const struct pz_pref_value *value);
/** What pz_pref_parse_text would take. @return borrowed from value, static, or `scratch` */
const char *pz_pref_text(enum pz_pref pref, const struct pz_pref_value *value, char scratch[16]);
/** True when two values of one preference are the same. */
bool pz_pref_equal(const struct pz_pref_value *a, const struct pz_pref_value *b);

/** The default; the empty text if it is known only at run time. */
void pz_pref_default(enum pz_pref pref, struct pz_pref_value *out);
/** What values are allowed, in words. @param out at least 128 bytes */
void pz_pref_allowed(enum pz_pref pref, char out[128]);

/* Typed reading: a bool, the number of a port, of seconds or of anything, the text of a text or of
 * a choice. To ask for the wrong type is a mistake of the program. */
bool pz_prefs_bool(const struct pz_prefs *prefs, enum pz_pref pref);
/** The number of a port, of seconds, or another one. */
uint32_t pz_prefs_int(const struct pz_prefs *prefs, enum pz_pref pref);
/** The text, or the chosen word. Borrowed until the preference changes. */
const char *pz_prefs_text(const struct pz_prefs *prefs, enum pz_pref pref);

/** Appends the preferences as mdoc ".It" items for the man page. Errors: LIMIT_QUEUE, LIMIT_MEMORY.
 */
enum pz_err pz_prefs_man(struct pz_buf *out) PZ_MUST_USE;

#endif
