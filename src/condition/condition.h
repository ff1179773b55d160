/* Conditions: what is wrong although the daemon continues. Raised and cleared by the module that
 * knows, listed by `status`. */
#ifndef PZ_CONDITION_CONDITION_H
#define PZ_CONDITION_CONDITION_H

#include <jansson.h>
#include <stdbool.h>

#include "base/env.h"
#include "base/err.h"
#include "condition/table.h"

enum pz_condition {
#define X(enumerator, name, daemon, meaning, advice) PZ_CONDITION_##enumerator,
	PZ_CONDITION_LIST(X)
#undef X
		PZ_CONDITION_COUNT
};

/** Which daemon can have a condition. */
enum pz_condition_daemon {
	PZ_CONDITION_AT_PZP = 1,
	PZ_CONDITION_AT_PZH = 2,
	PZ_CONDITION_AT_BOTH = 3,
};

/** One row of the table, static storage. */
struct pz_condition_info {
	const char *name, *meaning, *advice;
	enum pz_condition_daemon daemon;
};

/** The conditions of one node that are raised now. At most PZ_CONDITIONS_MAX. */
struct pz_conditions;

/** @param env borrowed for the life of the object. NULL: out of memory. */
struct pz_conditions *pz_conditions_new(const struct pz_env *env);
/** Frees all conditions. NULL is fine. */
void pz_conditions_free(struct pz_conditions *conditions);

/**
 * Raises a condition, or gives a raised one a new text. The raise is logged as a warning; a new
 * text of the same condition at most once an hour. When PZ_CONDITIONS_MAX are raised, another one
 * is logged and not stored.
 * @param conditions NULL: nothing happens
 * @param subject what it is about (a port, a zone, a device), one line, NULL or "": nothing in
 *        particular. The same condition may be raised for several subjects
 * @param fmt one line: what is wrong and where. The advice of the table is added by the lists
 */
void pz_condition_raise(struct pz_conditions *conditions, enum pz_condition condition,
			const char *subject, const char *fmt, ...) PZ_PRINTF(4, 5);

/**
 * Clears a condition, and logs that as a notice. Nothing happens when it is not raised.
 * @param conditions NULL: nothing happens
 * @param subject as it was raised; NULL: for every subject
 */
void pz_condition_clear(struct pz_conditions *conditions, enum pz_condition condition,
			const char *subject);

/**
 * For what is tried again and again: a failure raises the condition; it is cleared
 * PZ_CONDITION_CALM_US after the last failure, when the last attempt was a success. So attempts
 * that alternately fail and succeed do not fill the log.
 * @param conditions NULL: nothing happens
 * @param err PZ_OK: a success
 * @param text one line: what has failed; not looked at after a success
 */
void pz_condition_outcome(struct pz_conditions *conditions, enum pz_condition condition,
			  enum pz_err err, const char *text);

/** Clears all conditions, e.g. when the zone is left, without log lines. NULL is fine. */
void pz_conditions_clear_all(struct pz_conditions *conditions);

/** True when the condition is raised. @param subject as it was raised; NULL: for any subject */
bool pz_condition_is_raised(const struct pz_conditions *conditions, enum pz_condition condition,
			    const char *subject);

/** What is raised as texts for people, in the order of the raises: "text; advice". New array; NULL:
 * out of memory. */
json_t *pz_conditions_texts(const struct pz_conditions *conditions);

/**
 * What is raised for programs: [{id, subject, since, text, advice}], `since` in ms since 1970 of
 * the raise. New array; NULL: out of memory.
 */
json_t *pz_conditions_json(const struct pz_conditions *conditions);

/** The row of a condition, static storage. */
const struct pz_condition_info *pz_condition_info(enum pz_condition condition);

#endif
