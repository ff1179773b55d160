/* What an answer is for: who asked for what. @spec page 9, 11.5 */
#ifndef PZ_PROMPT_KEY_H
#define PZ_PROMPT_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

enum pz_prompt_field {
	PZ_PROMPT_ZONE,
	PZ_PROMPT_DEVICE,
	PZ_PROMPT_APP,
	PZ_PROMPT_FEATURE,
	PZ_PROMPT_SERVICE,  /* "": the answer is for each service of the feature */
	PZ_PROMPT_INSTANCE, /* of the app; last: it counts for the session only */
	PZ_PROMPT_FIELDS,
};

#define PZ_PROMPT_SERVICE_BYTES_MAX 64
#define PZ_PROMPT_KEY_BYTES                                                                        \
	(PZ_ZONE_BYTES_MAX + PZ_DEVICE_BYTES_MAX + 2 * PZ_APP_BYTES_MAX + PZ_METHOD_BYTES_MAX +    \
	 PZ_PROMPT_SERVICE_BYTES_MAX + PZ_PROMPT_FIELDS)

/** The fields, one after the other, each with its NUL. */
struct pz_prompt_key {
	char text[PZ_PROMPT_KEY_BYTES];
	uint16_t at[PZ_PROMPT_FIELDS + 1];
};

/** Errors: LIMIT (a field is too long), PROTO (one has a NUL, or is no UTF-8). */
enum pz_err pz_prompt_key_make(const struct pz_slice fields[PZ_PROMPT_FIELDS],
			       struct pz_prompt_key *out) PZ_MUST_USE;
/** One field, NUL-terminated. */
const char *pz_prompt_key_field(const struct pz_prompt_key *key, enum pz_prompt_field field);
/** The bytes that are compared. @param with_instance for answers that count for the session */
struct pz_slice pz_prompt_key_slice(const struct pz_prompt_key *key, bool with_instance);
/** True when both are of the same caller: zone, device and app. */
bool pz_prompt_key_same_subject(const struct pz_prompt_key *a, const struct pz_prompt_key *b);
/** True when it is about this device. @param device NULL: any of the zone */
bool pz_prompt_key_is_of(const struct pz_prompt_key *key, const char *zone, const char *device);

#endif
