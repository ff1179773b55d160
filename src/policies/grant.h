/* One grant as a value: checked, as text of the store, as a rule. @spec page 9, 7.1 */
#ifndef PZ_POLICIES_GRANT_H
#define PZ_POLICIES_GRANT_H

#include <jansson.h>

#include "base/limits.h"
#include "base/list.h"
#include "policies/rule.h"

/** A friend may use something of this device. An empty text: nothing is said about it. */
struct pz_grant {
	struct pz_list node; /* of the grants of a device */
	uint64_t id;         /* from 1, never given twice while the device is in its zone */
	char owner[PZ_ZONE_BYTES_MAX + 1]; /* the zone of this device */
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	char target[PZ_DEVICE_BYTES_MAX + 1]; /* this device */
	char api[PZ_GRANT_TEXT_BYTES_MAX + 1], service[PZ_GRANT_TEXT_BYTES_MAX + 1];
	char function[PZ_GRANT_TEXT_BYTES_MAX + 1];
	uint64_t until_s; /* since 1970; 0: no end */
	uint64_t calls;   /* 0: no limit */
	char counter[PZ_POLICY_COUNTER_BYTES_MAX + 1];
};

/**
 * Reads one.
 * @param json members as in the command `grant` and in the store; others are ignored
 * @param self address of this device; NULL: owner and target are members of `json`
 * @param out id, limits and counter are untouched unless `json` has them
 * Errors: CONFIG (with the member).
 */
enum pz_err pz_grant_read(const json_t *json, const char *self, struct pz_grant *out,
			  struct pz_errinfo *info) PZ_MUST_USE;
/** As text for the store, which the caller frees. NULL: out of memory. */
char *pz_grant_text(const struct pz_grant *grant);
/** True when both are about the same caller and thing, whatever their limits. */
bool pz_grant_is_alike(const struct pz_grant *a, const struct pz_grant *b);
/** As a rule. @param out borrows its texts from the grant */
void pz_grant_rule(const struct pz_grant *grant, struct pz_rule *out);
/** Appends the document of all grants; an empty list permits nothing. Errors: LIMIT, LIMIT_MEMORY.
 */
enum pz_err pz_grants_document(const struct pz_list *grants, struct pz_buf *buf) PZ_MUST_USE;

#endif
