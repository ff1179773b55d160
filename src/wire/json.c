/*
 * Builds trees from text that others wrote. The scanner of scan.c checks depth, number of values
 * and UTF-8 before jansson sees a byte, because jansson recurses and allocates for each value. Text
 * from our own store is trusted and is not checked (PZ_JSON_OWN).
 *
 * Integers of more than 64 bits are valid JSON, but jansson refuses them: such a text is parsed
 * again with these numbers as doubles.
 */
#include "wire/json.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "wire/scan.h"

#define INT_DIGITS_MIN 19 /* shorter integers fit 64 bits */

/* Errors: PROTO_JSON, and those of the scanner. */
static enum pz_err
check(struct pz_slice body, bool object_only, size_t *out_values)
{
	struct pz_scan scan;
	struct pz_slice value;

	pz_scan_init(&scan, body);
	if (object_only && pz_scan_peek(&scan) != '{')
		return PZ_ERR_PROTO_JSON;
	PZ_TRY(pz_scan_value(&scan, 0, &value));
	*out_values = scan.values;
	return pz_scan_finish(&scan, body);
}

enum pz_err
pz_json_check(struct pz_slice body, bool object_only)
{
	size_t values;

	PZ_TRY(check(body, object_only, &values));
	return values <= PZ_JSON_VALUES_MAX ? PZ_OK : PZ_ERR_LIMIT;
}

/* ---- trees ---- */

static bool
is_number_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || (c | 0x20) == 'e';
}

/* True for a token that is an integer of more than 64 bits. */
static bool
is_too_big(struct pz_slice token)
{
	char text[INT_DIGITS_MIN + 3];

	for (size_t i = 0; i < token.len; i++)
		if (token.ptr[i] == '.' || (token.ptr[i] | 0x20) == 'e')
			return false;
	if (token.len < INT_DIGITS_MIN || token.len >= sizeof(text))
		return token.len >= sizeof(text);
	memcpy(text, token.ptr, token.len);
	text[token.len] = '\0';
	errno = 0;
	(void)strtoll(text, NULL, 10);
	return errno == ERANGE;
}

/* Moves from p, which is before a token outside of strings, to the token's end. */
static const uint8_t *
skip_token(const uint8_t *p, const uint8_t *end)
{
	if (*p == '"') {
		for (p++; p < end && *p != '"'; p++)
			p += *p == '\\' && p + 1 < end;
		return p < end ? p + 1 : end;
	}
	if (*p != '-' && (*p < '0' || *p > '9'))
		return p + 1;
	while (p < end && is_number_byte(*p))
		p++;
	return p;
}

/* The same text with "e0" after each integer of more than 64 bits, so that it is read as a double.
 * The text was checked before. */
static enum pz_err
write_as_doubles(struct pz_slice body, struct pz_buf *out)
{
	const uint8_t *end = body.ptr + body.len;

	for (const uint8_t *p = body.ptr, *next; p < end; p = next) {
		next = skip_token(p, end);
		struct pz_slice token = pz_slice_of(p, (size_t)(next - p));
		bool is_number = *p == '-' || (*p >= '0' && *p <= '9');
		PZ_TRY(pz_buf_append(out, token));
		if (is_number && is_too_big(token))
			PZ_TRY(pz_buf_append_str(out, "e0"));
	}
	return PZ_OK;
}

static json_t *
load(struct pz_slice body, unsigned flags, json_error_t *error)
{
	size_t options = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;

	if (flags & PZ_JSON_NUL)
		options |= JSON_ALLOW_NUL;
	return json_loadb((const char *)body.ptr, body.len, options, error);
}

/* Jansson refuses integers of more than 64 bits; JSON has no such limit. */
static json_t *
load_big(struct pz_slice body, unsigned flags, json_error_t *error)
{
	struct pz_buf text;
	json_t *tree = NULL;

	pz_buf_init(&text, body.len + body.len / INT_DIGITS_MIN * 2 + 16, NULL);
	if (write_as_doubles(body, &text) == PZ_OK)
		tree = load(pz_buf_slice(&text), flags, error);
	pz_buf_fini(&text);
	return tree;
}

json_t *
pz_json_read(struct pz_slice body, unsigned flags, struct pz_errinfo *info)
{
	json_error_t error = {.text = "out of memory"};
	size_t values = 0;
	json_t *tree;
	/* Our limit is checked before jansson parses the text: jansson recurses, and allows 2048
	 * levels. */
	enum pz_err err = flags & PZ_JSON_OWN ? PZ_OK : check(body, false, &values);

	if (err != PZ_OK) {
		pz_fail(info, err, "%s", err == PZ_ERR_PROTO_JSON ? "not JSON" : pz_err_text(err));
		return NULL;
	}
	if (values > PZ_JSON_VALUES_MAX) {
		pz_fail(info, PZ_ERR_LIMIT, "%zu values in one JSON text; at most %d are taken",
			values, PZ_JSON_VALUES_MAX);
		return NULL;
	}
	tree = load(body, flags, &error);
	if (tree == NULL && json_error_code(&error) == json_error_numeric_overflow)
		tree = load_big(body, flags, &error);
	if (tree == NULL)
		pz_fail(info, PZ_ERR_PROTO_JSON, "%s", error.text);
	return tree;
}

json_t *
pz_json_parse(struct pz_slice body, struct pz_errinfo *info)
{
	return pz_json_read(body, 0, info);
}

/* ---- without a tree ---- */

/* The next member of an object after its opening bracket or a comma. False: the end. */
static bool
next_member(struct pz_scan *scan, struct pz_slice *name, struct pz_slice *value)
{
	if (pz_scan_peek(scan) == ',')
		scan->pos++;
	if (pz_scan_peek(scan) != '"' || pz_scan_string(scan, name) != PZ_OK ||
	    pz_scan_peek(scan) != ':')
		return false;
	scan->pos++;
	return pz_scan_value(scan, 1, value) == PZ_OK;
}

enum pz_err
pz_json_member(struct pz_slice object, const char *name, struct pz_slice *out)
{
	struct pz_slice found = {0}, has, value;
	struct pz_scan scan;

	pz_scan_init(&scan, object);
	if (pz_scan_peek(&scan) != '{')
		return PZ_ERR_NOTFOUND;
	scan.pos++;
	/* All members are read: of two with one name each reader could take another, so two are an
	 * error. */
	while (next_member(&scan, &has, &value)) {
		if (!pz_scan_string_eq(has, pz_slice_str(name)))
			continue;
		if (found.len > 0)
			return PZ_ERR_EXISTS;
		found = value;
	}
	if (found.len == 0)
		return PZ_ERR_NOTFOUND;
	*out = found;
	return PZ_OK;
}

bool
pz_json_next(struct pz_slice *rest, struct pz_slice *out)
{
	struct pz_scan scan;
	int c;

	pz_scan_init(&scan, *rest);
	c = pz_scan_peek(&scan);
	if (c != '[' && c != ',')
		return false;
	scan.pos++;
	if (pz_scan_peek(&scan) == ']' || pz_scan_value(&scan, 1, out) != PZ_OK)
		return false;
	*rest = pz_slice_of(scan.pos, (size_t)(scan.end - scan.pos));
	return true;
}

/* ---- trees: members ---- */

const char *
pz_json_text(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

const char *
pz_json_str(const json_t *obj, const char *key)
{
	return pz_json_text(json_object_get(obj, key));
}

bool
pz_json_int(const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *out)
{
	const json_t *value = json_object_get(obj, key);
	int64_t number;

	if (!json_is_integer(value))
		return false;
	number = json_integer_value(value);
	if (number < min || number > max)
		return false;
	*out = number;
	return true;
}

void
pz_json_set_add(json_t *set, struct pz_slice name)
{
	(void)json_object_setn_new(set, (const char *)name.ptr, name.len, json_true());
}
