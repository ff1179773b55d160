/* Which answers there are, and which of them a policy offers. */
#include "prompt/answer.h"

#include <string.h>

static const char *const texts[PZ_PROMPT_ANSWERS] = {
	[PZ_PROMPT_DENY_ALWAYS] = "deny always",
	[PZ_PROMPT_DENY_SESSION] = "deny for this session",
	[PZ_PROMPT_DENY_ONCE] = "deny this time",
	[PZ_PROMPT_ALLOW_ONCE] = "allow this time",
	[PZ_PROMPT_ALLOW_SESSION] = "allow for this session",
	[PZ_PROMPT_ALLOW_ALWAYS] = "allow always",
};

static const char *const scopes[] = {
	[PZ_PROMPT_ONCE] = "once",
	[PZ_PROMPT_SESSION] = "session",
	[PZ_PROMPT_ALWAYS] = "always",
};

bool
pz_prompt_is_prompt(enum pz_policy_effect effect)
{
	return effect == PZ_POLICY_PROMPT_ONESHOT || effect == PZ_POLICY_PROMPT_SESSION ||
	       effect == PZ_POLICY_PROMPT_BLANKET;
}

bool
pz_prompt_offers(enum pz_policy_effect effect, enum pz_prompt_answer answer)
{
	switch (answer) {
	case PZ_PROMPT_DENY_ALWAYS:
	case PZ_PROMPT_DENY_ONCE:
	case PZ_PROMPT_ALLOW_ONCE:
		return pz_prompt_is_prompt(effect);
	case PZ_PROMPT_DENY_SESSION:
	case PZ_PROMPT_ALLOW_SESSION:
		return effect == PZ_POLICY_PROMPT_SESSION || effect == PZ_POLICY_PROMPT_BLANKET;
	case PZ_PROMPT_ALLOW_ALWAYS:
		return effect == PZ_POLICY_PROMPT_BLANKET;
	case PZ_PROMPT_ANSWERS:
		break;
	}
	return false;
}

enum pz_prompt_answer
pz_prompt_clamp(enum pz_policy_effect effect, long long number)
{
	if (number < 0 || number >= PZ_PROMPT_ANSWERS || !pz_prompt_is_prompt(effect))
		return PZ_PROMPT_DENY_ONCE;
	enum pz_prompt_answer answer = (enum pz_prompt_answer)number;

	while (pz_prompt_allows(answer) && !pz_prompt_offers(effect, answer))
		answer = (enum pz_prompt_answer)(answer - 1);
	return pz_prompt_offers(effect, answer) ? answer : PZ_PROMPT_DENY_ONCE;
}

bool
pz_prompt_allows(enum pz_prompt_answer answer)
{
	return answer >= PZ_PROMPT_ALLOW_ONCE && answer < PZ_PROMPT_ANSWERS;
}

enum pz_prompt_scope
pz_prompt_scope(enum pz_prompt_answer answer)
{
	if (answer == PZ_PROMPT_DENY_ALWAYS || answer == PZ_PROMPT_ALLOW_ALWAYS)
		return PZ_PROMPT_ALWAYS;
	if (answer == PZ_PROMPT_DENY_SESSION || answer == PZ_PROMPT_ALLOW_SESSION)
		return PZ_PROMPT_SESSION;
	return PZ_PROMPT_ONCE;
}

enum pz_prompt_answer
pz_prompt_answer_of(bool allows, enum pz_prompt_scope scope)
{
	static const enum pz_prompt_answer all[2][3] = {
		{PZ_PROMPT_DENY_ONCE, PZ_PROMPT_DENY_SESSION, PZ_PROMPT_DENY_ALWAYS},
		{PZ_PROMPT_ALLOW_ONCE, PZ_PROMPT_ALLOW_SESSION, PZ_PROMPT_ALLOW_ALWAYS},
	};

	return all[allows][scope];
}

const char *
pz_prompt_scope_name(enum pz_prompt_scope scope)
{
	return scopes[scope];
}

bool
pz_prompt_scope_parse(const char *name, enum pz_prompt_scope *out)
{
	for (int i = 0; i <= PZ_PROMPT_ALWAYS; i++) {
		if (strcmp(name, scopes[i]) != 0)
			continue;
		*out = (enum pz_prompt_scope)i;
		return true;
	}
	return false;
}

const char *
pz_prompt_answer_text(enum pz_prompt_answer answer)
{
	return answer < PZ_PROMPT_ANSWERS ? texts[answer] : "";
}
