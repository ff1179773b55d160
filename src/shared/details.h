/*
 * Details of the zone's user, and the names that its devices were given (page 8, item
 * user-details): what the commands `user` and `name` of both daemons have in common.
 */
#ifndef PZ_SHARED_DETAILS_H
#define PZ_SHARED_DETAILS_H

#include "command/request.h"
#include "shared/shared.h"

/** Size of the key of a device's name. */
#define PZ_DETAILS_KEY_CHARS (sizeof(PZ_SHARED_DEVICE_PREFIX) + PZ_DEVICE_BYTES_MAX)

/** The key of a device's name. @param device a valid one */
void pz_details_key(const char *device, char out[PZ_DETAILS_KEY_CHARS]);
/** The device whose display name this key holds, borrowed from the key; NULL: a detail of the user.
 */
const char *pz_details_device(const char *key);

/** What a command asks for. */
struct pz_details_wish {
	const char *field; /* borrowed; NULL: all */
	const char *value; /* borrowed; NULL: a deletion, where it is a change */
	bool is_change;
};

/**
 * Reads the parameters of `user`: field?, value?, remove?.
 * Errors: CONFIG (no field can have that name; a value that is no text or too long; contradictory).
 */
enum pz_err pz_details_read(const json_t *params, struct pz_details_wish *out,
			    struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Reads the parameters of `name`: name?, reset?, one of the two; it is a change, without field.
 * Errors: CONFIG.
 */
enum pz_err pz_details_read_name(const json_t *params, struct pz_details_wish *out,
				 struct pz_errinfo *info) PZ_MUST_USE;

/** A text as a value of a chunk, JSON; NULL: out of memory. The caller frees. */
char *pz_details_value(const char *text);
/** {field, value, changed (seconds), by}. New; NULL: the field has no value, or out of memory. */
json_t *pz_details_one(const struct pz_shared *shared, const char *field);
/** After a change: the same, or {device, displayName} where the key is that of a device's name;
 * what is not there has the value null. New; NULL: out of memory. */
json_t *pz_details_changed(const struct pz_shared *shared, const char *key);
/** All details of the user, without the devices' names, in bytewise order. New; NULL: out of
 * memory. */
json_t *pz_details_all(const struct pz_shared *shared);

/* ---- the commands ---- */

/** Where the commands of a daemon read and write. Copied where a change outlives the call. */
struct pz_details_owner {
	const struct pz_shared *shared; /* lives as long as its requests */
	/** Writes a value of user-details; NULL: deletes it. As pz_shared_write. */
	enum pz_err (*write)(void *arg, const char *key, const char *value, pz_shared_done done,
			     void *done_arg, struct pz_errinfo *info);
	/** A change by command is on disk; the answer follows. */
	void (*written)(void *arg, const char *key);
	void *arg;
};

/** The command `user`: params field?, value?, remove?. Answers, or begins a change that is answered
 * when it is on disk. */
void pz_details_user(struct pz_request *request, const struct pz_details_owner *owner);
/** The command `name`: params name?, reset?. @param device whose name it is; a valid one */
void pz_details_name(struct pz_request *request, const struct pz_details_owner *owner,
		     const char *device);

#endif
