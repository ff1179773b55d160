/*
 * Attributes of requests by name (page 9, 4), and the parts of a URI that a modifier cuts out of a
 * value (5.3). Attributes in the table have a number, and so a fixed place in each request, which
 * is found by index. Others, such as param:NAME, are found by their name in a list.
 *
 * Everything here also reads values that callers choose. Nothing is allocated or copied: a part is
 * a slice of the value. A value that is no absolute URI has no parts, so a rule about a host does
 * not match a caller without one; the whole text is never taken for the host.
 */
#include "policy/attribute.h"

#include <string.h>

const struct pz_policy_attribute_info pz_policy_attributes[PZ_POLICY_ATTR_OTHER] = {
#define X(id, category, text, object, member) {PZ_POLICY_##category, text, object, member},
	PZ_POLICY_ATTRIBUTE_LIST(X)
#undef X
};

static const struct {
	const char *suffix;
	enum pz_policy_modifier modifier;
} modifiers[] = {
	{"scheme", PZ_POLICY_MODIFIER_SCHEME},
	{"host", PZ_POLICY_MODIFIER_HOST},
	{"authority", PZ_POLICY_MODIFIER_AUTHORITY},
	{"scheme-authority", PZ_POLICY_MODIFIER_SCHEME_AUTHORITY},
	{"path", PZ_POLICY_MODIFIER_PATH},
};

const char *
pz_policy_category_name(enum pz_policy_category category)
{
	static const char *const names[] = {"subject", "resource", "environment"};

	return names[category];
}

enum pz_policy_attribute_id
pz_policy_attribute_find(enum pz_policy_category category, struct pz_slice name)
{
	if (category == PZ_POLICY_ENVIRONMENT && pz_slice_eq_str(name, "daysOfWeek"))
		return PZ_POLICY_ATTR_DAYS_OF_WEEK;
	if (category == PZ_POLICY_ENVIRONMENT && pz_slice_eq_str(name, "daysOfMonth"))
		return PZ_POLICY_ATTR_DAYS_OF_MONTH;
	for (size_t i = 0; i < PZ_POLICY_ATTR_OTHER; i++) {
		if (pz_policy_attributes[i].category == category &&
		    pz_slice_eq_str(name, pz_policy_attributes[i].name))
			return (enum pz_policy_attribute_id)i;
	}
	return PZ_POLICY_ATTR_OTHER;
}

/* The last dot, and only before one of the five words: "param:a.b" is the attribute param:a.b (page
 * 9, 15.10). The original cut at the first dot, and so mistook a parameter with a dot in its name
 * for another. */
struct pz_policy_attribute
pz_policy_attribute_parse(enum pz_policy_category category, struct pz_slice text)
{
	struct pz_policy_attribute attr = {.category = category, .name = text};
	const uint8_t *dot = text.len ? memrchr(text.ptr, '.', text.len) : NULL;

	for (size_t i = 0; dot && i < sizeof(modifiers) / sizeof(modifiers[0]); i++) {
		size_t before = (size_t)(dot - text.ptr);

		if (pz_slice_eq_str(pz_slice_of(dot + 1, text.len - before - 1),
				    modifiers[i].suffix)) {
			attr.modifier = modifiers[i].modifier;
			attr.name = pz_slice_of(text.ptr, before);
		}
	}
	attr.id = pz_policy_attribute_find(category, attr.name);
	return attr;
}

/* A name that is only the prefix is no counter. */
bool
pz_policy_attribute_is_counter(const struct pz_policy_attribute *attr)
{
	size_t len = strlen(PZ_POLICY_COUNTER);

	return attr->category == PZ_POLICY_ENVIRONMENT && attr->id == PZ_POLICY_ATTR_OTHER &&
	       attr->name.len > len && memcmp(attr->name.ptr, PZ_POLICY_COUNTER, len) == 0;
}

/* Attributes that follow from who calls what, and are equal for equal calls. A permit may be
 * remembered when nothing else was compared (access/remember.c), so an attribute that can differ
 * between two equal calls must not be added here. */
bool
pz_policy_attribute_is_lasting(const struct pz_policy_attribute *attr)
{
	static const enum pz_policy_attribute_id lasting[] = {
		PZ_POLICY_ATTR_USER_ID,
		PZ_POLICY_ATTR_REQUESTOR_ID,
		PZ_POLICY_ATTR_ID,
		PZ_POLICY_ATTR_CLASS,
		PZ_POLICY_ATTR_TARGET_ID,
		PZ_POLICY_ATTR_FUNCTION,
		PZ_POLICY_ATTR_WEBINOS_ENABLED,
		PZ_POLICY_ATTR_API_FEATURE,
		PZ_POLICY_ATTR_SERVICE_ID,
	};

	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (attr->id == lasting[i])
			return true;
	return false;
}

/* ---- parts of a URI (RFC 3986 3) ---- */

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Length of the scheme before its colon; 0: no scheme. */
static size_t
scheme_length(struct pz_slice uri)
{
	size_t n = 0;

	if (uri.len == 0 || !is_letter(uri.ptr[0]))
		return 0;
	while (n < uri.len && (is_letter(uri.ptr[n]) || is_digit(uri.ptr[n]) || uri.ptr[n] == '+' ||
			       uri.ptr[n] == '-' || uri.ptr[n] == '.'))
		n++;
	return n < uri.len && uri.ptr[n] == ':' ? n : 0;
}

/* Bytes before the first of the characters in `ends`, or all. strchr would also find the
 * terminating zero, and a value may contain a NUL. */
static size_t
span_until(struct pz_slice s, const char *ends)
{
	size_t n = 0;

	while (n < s.len && (s.ptr[n] == '\0' || strchr(ends, s.ptr[n]) == NULL))
		n++;
	return n;
}

/* Without user-info, which ends at the last @, and without :port. */
static struct pz_slice
host_of(struct pz_slice authority)
{
	const uint8_t *at = authority.len ? memrchr(authority.ptr, '@', authority.len) : NULL;
	struct pz_slice host = authority;
	size_t n;

	if (at)
		host = pz_slice_of(at + 1, authority.len - (size_t)(at + 1 - authority.ptr));
	n = host.len;
	while (n > 0 && is_digit(host.ptr[n - 1]))
		n--;
	if (n > 0 && host.ptr[n - 1] == ':')
		host.len = n - 1;
	return host;
}

bool
pz_policy_modify(enum pz_policy_modifier modifier, struct pz_slice value, struct pz_slice *out)
{
	size_t scheme = 0, start, len = 0;
	struct pz_slice part;

	if (modifier == PZ_POLICY_MODIFIER_NONE) {
		*out = value;
		return true;
	}
	scheme = scheme_length(value);
	if (scheme == 0)
		return false;
	start = scheme + 1;
	struct pz_slice authority = {NULL, 0};
	if (value.len - start >= 2 && memcmp(value.ptr + start, "//", 2) == 0) {
		struct pz_slice rest = pz_slice_of(value.ptr + start + 2, value.len - start - 2);

		len = span_until(rest, "/?#");
		authority = pz_slice_of(rest.ptr, len);
		/* From here on `start` is after the authority: the path begins there, and
		 * scheme-authority ends there. */
		start += 2 + len;
	}
	if (modifier == PZ_POLICY_MODIFIER_SCHEME)
		part = pz_slice_of(value.ptr, scheme);
	else if (modifier == PZ_POLICY_MODIFIER_PATH)
		part = pz_slice_of(
			value.ptr + start,
			span_until(pz_slice_of(value.ptr + start, value.len - start), "?#"));
	else if (authority.len == 0)
		return false;
	else if (modifier == PZ_POLICY_MODIFIER_AUTHORITY)
		part = authority;
	else if (modifier == PZ_POLICY_MODIFIER_HOST)
		part = host_of(authority);
	else
		part = pz_slice_of(value.ptr, start);
	if (part.len == 0)
		return false;
	*out = part;
	return true;
}
