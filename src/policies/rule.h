/*
 * A short rule: who may or may not do what, as a sentence for people and as an element of a policy
 * document. Pure.
 */
#ifndef PZ_POLICIES_RULE_H
#define PZ_POLICIES_RULE_H

#include <stdbool.h>

#include "base/buf.h"
#include "policy/effect.h"

/** Sending files to a device, as policies call it (page 15 "Kind file"). */
#define PZ_RULE_FILE_API "http://webinos.org/api/w3c/file"
#define PZ_RULE_FILE_FUNCTION "receive"

/** Who may or may not do what. Texts are borrowed; NULL where nothing is said. */
struct pz_rule {
	enum pz_policy_effect effect; /* permit, deny or a prompt */
	const char *owner;            /* the own zone, or the device before enrolment */
	const char *zone;             /* another zone; NULL: the own one */
	const char *device;           /* of that zone; NULL: all of them */
	const char *app;    /* origin of an app of any of these devices; NULL: all callers */
	const char *app_id; /* of `app`: pz_app_id; NULL without it */
	const char *api;    /* as policies call it */
	const char *service_id, *function;
	const char *target;  /* device that has the service */
	uint64_t until_s;    /* seconds since 1970; 0: no end */
	uint64_t calls;      /* how many it lets through; 0: no limit */
	const char *counter; /* name of the attribute that counts them; NULL: no limit */
	bool is_share;       /* its id begins with "share-", not with "rule-" */
};

/** Writes the rule as a sentence: "The device laptop may use …". */
void pz_rule_sentence(const struct pz_rule *rule, char *out, size_t size);

/** Appends a text as it is written in an attribute of a document. Errors: LIMIT, LIMIT_MEMORY. */
enum pz_err pz_rule_append_escaped(struct pz_buf *buf, const char *text) PZ_MUST_USE;

/** Appends what a rule compares but for its limits: the same bytes for the same caller and service,
 * in an order that is fixed. Errors: LIMIT, LIMIT_MEMORY. */
enum pz_err pz_rule_append_conditions(struct pz_buf *buf, const struct pz_rule *rule) PZ_MUST_USE;
/** Appends the element `rule`. @param id in the document. Errors: LIMIT, LIMIT_MEMORY. */
enum pz_err
pz_rule_append(struct pz_buf *buf, const struct pz_rule *rule, const char *id) PZ_MUST_USE;

#endif
