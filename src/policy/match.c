/*
 * One comparison of an attribute with its patterns (page 9, 5), with three results. "Undetermined"
 * is no error: the value is not known now, or a regular expression took too long; 6.3 says what
 * that means for the rule. No value of a caller can make a comparison fail.
 *
 * Time is bounded whatever a caller sends: a glob takes length times length, values and
 * patterns have bounds, and regular expressions share one budget for the whole decision
 * (regexp.c).
 */
#include "policy/match.h"

/* Two pointers: after a mismatch the last '*' takes one more byte. O(n*m), no recursion. */
bool
pz_policy_glob(struct pz_slice pattern, struct pz_slice value)
{
	size_t p = 0, v = 0, star = SIZE_MAX, resume = 0;

	while (v < value.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			resume = v;
		} else if (p < pattern.len &&
			   (pattern.ptr[p] == '?' || pattern.ptr[p] == value.ptr[v])) {
			p++;
			v++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			v = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

bool
pz_policy_glob_is_literal(struct pz_slice pattern)
{
	return pattern.len == 0 || (memchr(pattern.ptr, '*', pattern.len) == NULL &&
				    memchr(pattern.ptr, '?', pattern.len) == NULL);
}

static bool
is_wild(uint8_t c)
{
	return c == '*' || c == '?';
}

/* The end of the longest run of literal bytes: there names with a counter differ. */
static struct pz_slice
part_of(struct pz_slice pattern)
{
	size_t run = 0, best = 0, end = 0;

	for (size_t i = 0; i < pattern.len; i++) {
		run = is_wild(pattern.ptr[i]) ? 0 : run + 1;
		if (run > best) {
			best = run;
			end = i + 1;
		}
	}
	return best < PZ_POLICY_PART_BYTES ? pz_slice_of(NULL, 0)
					   : pz_slice_of(pattern.ptr + end - PZ_POLICY_PART_BYTES,
							 PZ_POLICY_PART_BYTES);
}

bool
pz_policy_glob_affix(struct pz_slice pattern, struct pz_policy_affix *out)
{
	size_t before = 0, after = 0;

	while (before < pattern.len && !is_wild(pattern.ptr[before]))
		before++;
	if (before == pattern.len)
		return false;
	while (!is_wild(pattern.ptr[pattern.len - 1 - after]))
		after++;
	if (before > PZ_POLICY_AFFIX_MAX)
		before = PZ_POLICY_AFFIX_MAX;
	if (after > PZ_POLICY_AFFIX_MAX)
		after = PZ_POLICY_AFFIX_MAX;
	out->prefix = pz_slice_of(pattern.ptr, before);
	out->suffix = pz_slice_of(pattern.ptr + pattern.len - after, after);
	out->part = before || after ? pz_slice_of(NULL, 0) : part_of(pattern);
	return before || after || out->part.len;
}

/* `.../api/nfc` covers `.../api/nfc.read` and `.../api/nfc/x`, but not `.../api/nfcx` (page 9,
 * 5.2). */
static bool
covers(struct pz_slice feature, struct pz_slice value)
{
	if (value.len < feature.len || memcmp(value.ptr, feature.ptr, feature.len) != 0)
		return false;
	return value.len == feature.len || value.ptr[feature.len] == '.' ||
	       value.ptr[feature.len] == '/';
}

bool
pz_policy_glob_feature(struct pz_slice pattern, struct pz_slice value)
{
	return pz_policy_glob_is_literal(pattern) ? covers(pattern, value)
						  : pz_policy_glob(pattern, value);
}

/* Ten digits fit into 64 bits. A sign or a blank is not part of a number: the comparison is false
 * then, in either direction, so garbage never satisfies a rule that permits up to a number. */
bool
pz_policy_number(struct pz_slice text, uint64_t *out)
{
	uint64_t n = 0;

	if (text.len == 0 || text.len > 10)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	*out = n;
	return true;
}

/* ---- identities ---- */

/* Before a device has a zone, its own name is the owner. A missing owner equals nothing, not even
 * an empty value. */
static bool
is_owner(const struct pz_policy_identities *identities, struct pz_slice value)
{
	return identities->owner.ptr && pz_slice_eq(value, identities->owner);
}

/* The word has two meanings: a friend when zones are compared, a member when devices are. */
static bool
is_known(enum pz_policy_attribute_id attribute, const struct pz_policy_identities *identities,
	 struct pz_slice value)
{
	if (attribute == PZ_POLICY_ATTR_USER_ID)
		return identities->is_known_zone &&
		       identities->is_known_zone(identities->arg, value);
	if (attribute == PZ_POLICY_ATTR_REQUESTOR_ID)
		return identities->is_own_device &&
		       identities->is_own_device(identities->arg, value);
	return false;
}

static bool
is_device(enum pz_policy_attribute_id attribute, const struct pz_policy_identities *identities,
	  struct pz_slice value)
{
	if (attribute == PZ_POLICY_ATTR_USER_ID)
		return is_owner(identities, value);
	return (attribute == PZ_POLICY_ATTR_REQUESTOR_ID ||
		attribute == PZ_POLICY_ATTR_TARGET_ID) &&
	       identities->device.ptr && pz_slice_eq(value, identities->device);
}

/* Byte by byte: a value is never a pattern here (PV-65). "unknown" needs a value, since a missing
 * value is not a stranger: the caller loops over the values, and an empty bag has none. */
static bool
is_macro(enum pz_policy_macro macro, enum pz_policy_attribute_id attribute,
	 const struct pz_policy_identities *identities, struct pz_slice value)
{
	switch (macro) {
	case PZ_POLICY_MACRO_OWNER:
		return is_owner(identities, value);
	case PZ_POLICY_MACRO_KNOWN:
		return is_known(attribute, identities, value);
	case PZ_POLICY_MACRO_UNKNOWN:
		return !is_owner(identities, value) && !is_known(attribute, identities, value);
	case PZ_POLICY_MACRO_DEVICE:
		return is_device(attribute, identities, value);
	case PZ_POLICY_MACRO_ANY:
	case PZ_POLICY_MACRO_NONE:
	case PZ_POLICY_MACROS:
		break;
	}
	return macro == PZ_POLICY_MACRO_ANY;
}

bool
pz_policy_macro_matches(enum pz_policy_macro macro, enum pz_policy_attribute_id attribute,
			const struct pz_policy_bag *bag,
			const struct pz_policy_identities *identities)
{
	if (macro == PZ_POLICY_MACRO_ANY)
		return true;
	for (size_t i = 0; i < bag->count; i++) {
		if (is_macro(macro, attribute, identities, bag->values[i]))
			return true;
	}
	return false;
}

/* ---- comparing ---- */

static bool
compare_numbers(const struct pz_policy_match *match, struct pz_slice value,
		const struct pz_policy_pattern *pattern)
{
	uint64_t n, wanted = pattern->number;

	if (!pz_policy_number(value, &n))
		return false;
	switch (match->func) {
	case PZ_POLICY_GREATER:
		return n > wanted;
	case PZ_POLICY_GREATER_EQUAL:
		return n >= wanted;
	case PZ_POLICY_LESS:
		return n < wanted;
	case PZ_POLICY_LESS_EQUAL:
		return n <= wanted;
	case PZ_POLICY_IN_SET:
		return (n & wanted) != 0;
	case PZ_POLICY_GLOB:
	case PZ_POLICY_EQUAL:
	case PZ_POLICY_REGEXP:
		break;
	}
	return false;
}

static enum pz_policy_tri
compare(const struct pz_policy_match *match, struct pz_slice value,
	const struct pz_policy_pattern *pattern, struct pz_policy_regexp_run *run)
{
	bool is_match;

	if (match->func == PZ_POLICY_REGEXP)
		return pz_policy_regexp_search(pattern->regexp, value, run);
	if (match->func == PZ_POLICY_EQUAL)
		is_match = pz_slice_eq(pattern->text, value);
	else if (match->func == PZ_POLICY_GLOB)
		is_match = match->is_hierarchy ? covers(pattern->text, value)
					       : pz_policy_glob(pattern->text, value);
	else
		is_match = compare_numbers(match, value, pattern);
	return is_match ? PZ_POLICY_TRUE : PZ_POLICY_FALSE;
}

/* Compares each value that the modifier leaves with one pattern. One matching value is enough; an
 * undetermined one counts only if none matches, so the order of values does not matter. */
static enum pz_policy_tri
compare_bag(const struct pz_policy_match *match, const struct pz_policy_bag *bag,
	    const struct pz_policy_pattern *pattern, const struct pz_policy_identities *identities,
	    struct pz_policy_regexp_run *run)
{
	enum pz_policy_tri result = PZ_POLICY_FALSE;

	for (size_t i = 0; i < bag->count; i++) {
		struct pz_slice value;

		if (!pz_policy_modify(match->attr.modifier, bag->values[i], &value))
			continue;
		enum pz_policy_tri one;
		if (pattern->macro != PZ_POLICY_MACRO_NONE)
			one = is_macro(pattern->macro, match->attr.id, identities, value)
				      ? PZ_POLICY_TRUE
				      : PZ_POLICY_FALSE;
		else
			one = compare(match, value, pattern, run);
		if (one == PZ_POLICY_TRUE)
			return one;
		if (one == PZ_POLICY_UNKNOWN)
			result = one;
	}
	return result;
}

enum pz_policy_tri
pz_policy_match_evaluate(const struct pz_policy_match *match,
			 const struct pz_policy_request *request, struct pz_policy_regexp_run *run)
{
	const struct pz_policy_bag *bag = pz_policy_request_bag(request, &match->attr);
	enum pz_policy_tri result = PZ_POLICY_FALSE;

	if (bag->is_undetermined)
		return PZ_POLICY_UNKNOWN;
	if (match->is_any_day)
		return bag->count > 0 ? PZ_POLICY_TRUE : PZ_POLICY_FALSE;
	for (size_t i = 0; i < match->count; i++) {
		const struct pz_policy_pattern *pattern = &match->patterns[i];

		if (pattern->macro == PZ_POLICY_MACRO_ANY)
			return PZ_POLICY_TRUE;
		enum pz_policy_tri one =
			compare_bag(match, bag, pattern, &request->identities, run);
		if (one == PZ_POLICY_TRUE)
			return one;
		if (one == PZ_POLICY_UNKNOWN)
			result = one;
	}
	return result;
}
