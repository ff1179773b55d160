/*
 * PCRE2's match limit starts again at each position where a match could begin, so a value of 4 096
 * bytes would cost 4 096 times the limit. Therefore an automatic call-out before each part of the
 * expression counts the steps of the whole decision, and ends the match at the limit.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "policy/regexp.h"

#include <pcre2.h>
#include <stdlib.h>

#include "base/limits.h"

#define OPTIONS                                                                                    \
	(PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALLOW_EMPTY_CLASS |        \
	 PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT)

struct pz_policy_regexp {
	pcre2_code *code;
};

struct scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
};

enum pz_err
pz_policy_regexp_compile(struct pz_slice pattern, struct pz_policy_regexp **out, size_t *out_bytes,
			 struct pz_errinfo *reason)
{
	struct pz_policy_regexp *regexp = calloc(1, sizeof(*regexp));
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR text[120];
	PCRE2_SIZE where = 0;
	int error = 0;

	if (regexp && context) {
		/* "(*" begins a directive to PCRE2 and is an error in ECMAScript */
		bool is_directive = pattern.len >= 2 && memcmp(pattern.ptr, "(*", 2) == 0;

		pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
		error = PCRE2_ERROR_NOMEMORY;
		if (is_directive)
			error = 109; /* quantifier does not follow a repeatable item */
		else
			regexp->code = pcre2_compile(pattern.ptr, pattern.len, OPTIONS, &error,
						     &where, context);
	}
	pcre2_compile_context_free(context);
	if (regexp && regexp->code) {
		pcre2_pattern_info(regexp->code, PCRE2_INFO_SIZE, out_bytes);
		*out = regexp;
		return PZ_OK;
	}
	free(regexp);
	if (regexp == NULL || context == NULL || error == PCRE2_ERROR_NOMEMORY ||
	    error == PCRE2_ERROR_HEAP_FAILED)
		return pz_fail(reason, PZ_ERR_LIMIT_MEMORY, "out of memory");
	pcre2_get_error_message(error, text, sizeof(text));
	return pz_fail(reason, PZ_ERR_CONFIG, "%s, at character %zu", (const char *)text,
		       (size_t)where + 1);
}

void
pz_policy_regexp_free(struct pz_policy_regexp *regexp)
{
	if (regexp)
		pcre2_code_free(regexp->code);
	free(regexp);
}

static int
on_part(pcre2_callout_block *block, void *arg)
{
	struct pz_policy_regexp_run *run = arg;

	(void)block;
	return ++run->parts > PZ_POLICY_REGEXP_PARTS_MAX ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static struct scratch *
scratch_of(struct pz_policy_regexp_run *run)
{
	struct scratch *s = run->scratch;

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	run->scratch = s;
	s->data = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	if (s->context) {
		pcre2_set_match_limit(s->context, PZ_POLICY_REGEXP_STEPS_MAX);
		pcre2_set_heap_limit(s->context, PZ_POLICY_REGEXP_HEAP_KIB_MAX);
		pcre2_set_callout(s->context, on_part, run);
	}
	return s;
}

enum pz_policy_tri
pz_policy_regexp_search(const struct pz_policy_regexp *regexp, struct pz_slice value,
			struct pz_policy_regexp_run *run)
{
	struct scratch *s = scratch_of(run);
	int found;

	if (s == NULL || s->data == NULL || s->context == NULL ||
	    run->parts > PZ_POLICY_REGEXP_PARTS_MAX)
		return PZ_POLICY_UNKNOWN;
	found = pcre2_match(regexp->code, value.ptr ? value.ptr : (const uint8_t *)"", value.len, 0,
			    0, s->data, s->context);
	if (found == PCRE2_ERROR_NOMATCH)
		return PZ_POLICY_FALSE;
	return found >= 0 ? PZ_POLICY_TRUE : PZ_POLICY_UNKNOWN;
}

void
pz_policy_regexp_run_fini(struct pz_policy_regexp_run *run)
{
	struct scratch *s = run->scratch;

	if (s == NULL)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	free(s);
	run->scratch = NULL;
}
