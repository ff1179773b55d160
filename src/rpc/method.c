/*
 * Method names of page 7, taken apart: "api@id.path.function" for services, "Object.function" for
 * the built-in ones, "reference.function" for call-backs. All parts are slices of the given text.
 * The '@' decides, since an api contains none.
 */
#include "rpc/method.h"

#include "base/limits.h"

#define SERVICE_ID_CHARS 32

static const char *const builtins[] = {
	"ServiceDiscovery", "DiscoveryInterface", "ServiceConfiguration",
	"Dashboard",        "PolicyManagement",   "Peers",
};

static bool
is_alpha(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_identifier(struct pz_slice text)
{
	if (text.len == 0 || !is_alpha(text.ptr[0]))
		return false;
	for (size_t i = 1; i < text.len; i++) {
		if (!is_alpha(text.ptr[i]) && !is_digit(text.ptr[i]))
			return false;
	}
	return true;
}

/* Identifiers that are separated by dots. */
static bool
is_path(struct pz_slice text)
{
	size_t start = 0;

	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && text.ptr[i] != '.')
			continue;
		if (!is_identifier(pz_slice_of(text.ptr + start, i - start)))
			return false;
		start = i + 1;
	}
	return true;
}

static bool
is_service_id(const uint8_t *id)
{
	for (size_t i = 0; i < SERVICE_ID_CHARS; i++) {
		uint8_t c = id[i] | 0x20;

		if (!is_digit(id[i]) && (c < 'a' || c > 'f'))
			return false;
	}
	return true;
}

/* Splits at the last dot. False: the text has no dot. */
static bool
split_last(struct pz_slice text, struct pz_slice *left, struct pz_slice *right)
{
	const uint8_t *dot = text.len ? memrchr(text.ptr, '.', text.len) : NULL;

	if (dot == NULL)
		return false;
	*left = pz_slice_of(text.ptr, (size_t)(dot - text.ptr));
	*right = pz_slice_of(dot + 1, text.len - left->len - 1);
	return true;
}

/* api "@" id "." [ path "." ] function. @param at_len bytes before the '@' */
static enum pz_err
parse_service(struct pz_slice text, size_t at_len, struct pz_method *out)
{
	struct pz_method m = {.kind = PZ_METHOD_SERVICE};
	struct pz_slice rest = pz_slice_of(text.ptr + at_len + 1, text.len - at_len - 1);

	m.api = pz_slice_of(text.ptr, at_len);
	if (m.api.len == 0 || m.api.len > PZ_API_BYTES_MAX)
		return PZ_ERR_PROTO;
	if (rest.len <= SERVICE_ID_CHARS || rest.ptr[SERVICE_ID_CHARS] != '.' ||
	    !is_service_id(rest.ptr))
		return PZ_ERR_PROTO;
	m.id = pz_slice_of(rest.ptr, SERVICE_ID_CHARS);
	rest = pz_slice_of(rest.ptr + SERVICE_ID_CHARS + 1, rest.len - SERVICE_ID_CHARS - 1);
	if (!is_path(rest)) /* an '@' or another dot in the wrong place ends here too */
		return PZ_ERR_PROTO;
	if (!split_last(rest, &m.path, &m.function))
		m.function = rest;
	*out = m;
	return PZ_OK;
}

/* A name that is not built in belongs to a call-back: its reference is checked later. */
static enum pz_err
parse_other(struct pz_slice text, struct pz_method *out)
{
	struct pz_method m = {.kind = PZ_METHOD_CALLBACK};

	if (!split_last(text, &m.reference, &m.function) || m.reference.len == 0 ||
	    !is_identifier(m.function))
		return PZ_ERR_PROTO;
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (pz_slice_eq_str(m.reference, builtins[i])) {
			m.kind = PZ_METHOD_BUILTIN;
			m.api = m.reference;
			m.reference = (struct pz_slice){0};
			break;
		}
	}
	*out = m;
	return PZ_OK;
}

enum pz_err
pz_method_parse(struct pz_slice text, struct pz_method *out)
{
	const uint8_t *at;

	if (text.len == 0 || text.len > PZ_METHOD_BYTES_MAX)
		return PZ_ERR_PROTO;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
			return PZ_ERR_PROTO;
	}
	at = memchr(text.ptr, '@', text.len);
	return at ? parse_service(text, (size_t)(at - text.ptr), out) : parse_other(text, out);
}
