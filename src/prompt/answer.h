/*
 * The six answers to a question, and which of them an effect of the policy allows. Pure.
 * @spec page 9, 11.1; page 14 PRM-2
 */
#ifndef PZ_PROMPT_ANSWER_H
#define PZ_PROMPT_ANSWER_H

#include <stdbool.h>

#include "policy/effect.h"

/** Numbers as on the wire, the most restrictive first. */
enum pz_prompt_answer {
	PZ_PROMPT_DENY_ALWAYS = 0,
	PZ_PROMPT_DENY_SESSION = 1,
	PZ_PROMPT_DENY_ONCE = 2,
	PZ_PROMPT_ALLOW_ONCE = 3,
	PZ_PROMPT_ALLOW_SESSION = 4,
	PZ_PROMPT_ALLOW_ALWAYS = 5,
	PZ_PROMPT_ANSWERS,
};

/** How long an answer counts. */
enum pz_prompt_scope {
	PZ_PROMPT_ONCE,
	PZ_PROMPT_SESSION,
	PZ_PROMPT_ALWAYS,
};

/** True for the three prompts. */
bool pz_prompt_is_prompt(enum pz_policy_effect effect);
/** True when a question of this effect offers the answer. */
bool pz_prompt_offers(enum pz_policy_effect effect, enum pz_prompt_answer answer);
/** What an answer counts as: itself where it is offered, else the next stricter one of 11.1; an
 * invalid answer is a denial for this time. @param number as it came in */
enum pz_prompt_answer pz_prompt_clamp(enum pz_policy_effect effect, long long number);
/** True for the three that allow. */
bool pz_prompt_allows(enum pz_prompt_answer answer);
/** How long it counts. */
enum pz_prompt_scope pz_prompt_scope(enum pz_prompt_answer answer);
/** The answer of these two. */
enum pz_prompt_answer pz_prompt_answer_of(bool allows, enum pz_prompt_scope scope);
/** "once", "session" or "always"; static. */
const char *pz_prompt_scope_name(enum pz_prompt_scope scope);
/** @return false: not the name of one, and *out is untouched */
bool pz_prompt_scope_parse(const char *name, enum pz_prompt_scope *out);
/** For people: "deny always", "allow this time", …; static. */
const char *pz_prompt_answer_text(enum pz_prompt_answer answer);

#endif
