/*
 * A rule that is put into a document, which otherwise stays as its owner wrote it. It becomes the
 * first rule of the policy that decides about its caller now; the result is tried out before it is
 * given back. Pure.
 */
#ifndef PZ_CLI_POLICY_INSERT_H
#define PZ_CLI_POLICY_INSERT_H

#include <stdbool.h>

#include "base/err.h"
#include "policy/decide.h"

/** Sending files to a device, as policies call it (page 15 "Kind file"). */
#define PZ_RULE_FILE_API "http://webinos.org/api/w3c/file"
#define PZ_RULE_FILE_FUNCTION "receive"

/** Who may or may not do what. Texts are borrowed; NULL where nothing is said. */
struct pz_rule {
	enum pz_policy_effect effect; /* permit, deny or a prompt */
	const char *owner;            /* the own zone, or the device before enrolment */
	const char *zone;             /* another zone; NULL: the own one */
	const char *device;           /* of that zone; NULL: all of them */
	const char *app; /* origin of an app of any of these devices; NULL: all callers */
	const char *api; /* as policies call it */
	const char *service_id, *function;
	const char *target;  /* device that has the service */
	uint64_t until_s;    /* seconds since 1970; 0: no end */
	uint64_t calls;      /* how many it lets through; 0: no limit */
	const char *counter; /* name of the attribute that counts them; NULL: no limit */
	bool is_share;       /* its id begins with "share-", not with "rule-" */
};

/** Writes the rule as a sentence: "The device laptop may use …". */
void pz_rule_sentence(const struct pz_rule *rule, char *out, size_t size);

/**
 * Puts the rule into a document.
 * @param now_s seconds since 1970
 * @param out new document, NUL-terminated, that the caller frees
 * Errors: CONFIG (the document is not valid, or is built in a way that such a rule would not decide
 * in), LIMIT, LIMIT_MEMORY.
 */
enum pz_err pz_rule_insert(const struct pz_rule *rule, struct pz_slice document, uint64_t now_s,
			   char **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Removes the shares (is_share) for the same caller and service, with or without an end, as
 * pz_rule_insert has written them.
 * @param out_count how many there were; 0: *out is untouched
 * @param out new document, NUL-terminated, that the caller frees
 * Errors: CONFIG (the rest would not be valid), LIMIT_MEMORY.
 */
enum pz_err pz_rule_remove_shares(const struct pz_rule *rule, struct pz_slice document, char **out,
				  unsigned *out_count, struct pz_errinfo *info) PZ_MUST_USE;

#endif
