/*
 * Target functions: pz_envelope_scan, pz_json_check, pz_json_parse.
 * Input: a frame's body.
 * Must hold: they accept what jansson accepts and refuse what it refuses. Allowed to differ: our
 * limits of depth and members; duplicate members, which only we refuse (on the top level); numbers
 * that do not fit jansson's types, and names with a NUL, which only jansson refuses. Every member
 * of an accepted envelope is the one that jansson reads.
 */
#include "fuzz.h"

#include <math.h>

#include "wire/envelope.h"
#include "wire/json.h"

/* Jansson's verdict. */
struct oracle {
	json_t *tree;   /* NULL: refused */
	bool is_silent; /* refused for a reason that says nothing about the syntax */
};

static struct oracle
ask_jansson(struct pz_slice body)
{
	json_error_t error;
	struct oracle o = {.tree = NULL};

	/* A NUL has no place in JSON text, but jansson passes one that follows a number. */
	if (body.len > 0 && memchr(body.ptr, 0, body.len))
		return o;
	o.tree = json_loadb((const char *)body.ptr, body.len, JSON_DECODE_ANY | JSON_ALLOW_NUL,
			    &error);
	if (o.tree)
		return o;
	switch ((int)json_error_code(&error)) {
	case json_error_numeric_overflow:
	case json_error_null_byte_in_key:
	case json_error_stack_overflow:
		o.is_silent = true;
		break;
	default:
		break;
	}
	return o;
}

static unsigned
depth_of(const json_t *value)
{
	unsigned deepest = 0;
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_object(value)) {
		json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
			unsigned depth = depth_of(item);
			deepest = depth > deepest ? depth : deepest;
		}
		return deepest + 1;
	}
	if (!json_is_array(value))
		return 0;
	json_array_foreach (value, i, item) {
		unsigned depth = depth_of(item);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

/* ---- values ---- */

static bool
is_text(const json_t *value, struct pz_slice text)
{
	if (value == NULL || json_is_null(value))
		return text.len == 0;
	return json_is_string(value) &&
	       pz_slice_eq(text, pz_slice_of(json_string_value(value), json_string_length(value)));
}

/* Is this raw JSON the same value? */
static bool
is_raw(const json_t *value, struct pz_slice raw)
{
	if (value == NULL || json_is_null(value))
		return raw.len == 0;
	json_t *tree =
		json_loadb((const char *)raw.ptr, raw.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	bool same = tree && json_equal(tree, value);
	json_decref(tree);
	return same;
}

/* Milliseconds: cut off and saturated, so compared with some tolerance where jansson had to round.
 */
static bool
is_ms(const json_t *value, uint64_t ms)
{
	if (value == NULL)
		return ms == 0;
	if (json_is_integer(value))
		return json_integer_value(value) >= 0 && ms == (uint64_t)json_integer_value(value);
	double real = json_real_value(value);
	if (real >= 18446744073709551615.0)
		return ms >= UINT64_MAX - 4096;
	return fabs((double)ms - floor(real)) <= 1 + real * 1e-15;
}

static bool
is_flag(const json_t *value, bool flag)
{
	return flag == (value && json_is_true(value));
}

static void
compare(const json_t *tree, const struct pz_envelope *e)
{
	FUZZ_CHECK(is_text(json_object_get(tree, "type"), e->type_text));
	FUZZ_CHECK(is_text(json_object_get(tree, "from"), e->from));
	FUZZ_CHECK(is_text(json_object_get(tree, "to"), e->to));
	FUZZ_CHECK(is_text(json_object_get(tree, "resp_to"), e->resp_to));
	FUZZ_CHECK(is_raw(json_object_get(tree, "id"), e->id));
	FUZZ_CHECK(is_raw(json_object_get(tree, "payload"), e->payload));
	FUZZ_CHECK(is_ms(json_object_get(tree, "timestamp"), e->timestamp_ms));
	FUZZ_CHECK(is_ms(json_object_get(tree, "expires"), e->expires_ms));
	FUZZ_CHECK(e->has_expires == (json_object_get(tree, "expires") != NULL));
	FUZZ_CHECK(is_flag(json_object_get(tree, "register"), e->is_register));
	FUZZ_CHECK(is_flag(json_object_get(tree, "deliveryReceipt"), e->delivery_receipt));
	FUZZ_CHECK(json_object_size(tree) <= PZ_ENVELOPE_MEMBERS_MAX);
}

/* ---- reasons ---- */

static bool
is_number_or_none(const json_t *value)
{
	/* "-0" is refused by its sign and read as 0 by jansson */
	return value == NULL || (json_is_number(value) && json_number_value(value) > 0);
}

static bool
is_text_or_none(const json_t *value)
{
	return value == NULL || json_is_null(value) || json_is_string(value);
}

static bool
is_flag_or_none(const json_t *value)
{
	return value == NULL || json_is_boolean(value);
}

static bool
is_rpc_type(const char *type)
{
	return strcmp(type, "JSONRPC") == 0 || strcmp(type, "JSONRPC20Request") == 0 ||
	       strcmp(type, "JSONRPC20Response") == 0;
}

static bool
is_payload_or_none(const json_t *value, const char *type)
{
	if (json_is_array(value))
		return is_rpc_type(type);
	return value == NULL || json_is_null(value) || json_is_object(value);
}

/* Would page 4 take every member of this message? */
static bool
has_good_members(const json_t *tree)
{
	static const struct {
		const char *name;
		bool (*is_good)(const json_t *value);
	} rules[] = {
		{"from", is_text_or_none},        {"to", is_text_or_none},
		{"resp_to", is_text_or_none},     {"register", is_flag_or_none},
		{"expires", is_number_or_none},   {"deliveryReceipt", is_flag_or_none},
		{"timestamp", is_number_or_none},
	};
	const json_t *id = json_object_get(tree, "id");
	const char *type = json_string_value(json_object_get(tree, "type"));

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].is_good(json_object_get(tree, rules[i].name)))
			return false;
	}
	if (id && !json_is_string(id) && !json_is_number(id))
		return false;
	return type && is_payload_or_none(json_object_get(tree, "payload"), type);
}

static bool
has_duplicate(struct pz_slice body)
{
	json_error_t error;
	json_t *tree =
		json_loadb((const char *)body.ptr, body.len,
			   JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
	bool found = tree == NULL && json_error_code(&error) == json_error_duplicate_key;

	json_decref(tree);
	return found;
}

static void
check_envelope(struct pz_slice body, const struct oracle *o)
{
	struct pz_envelope e;
	enum pz_err err = pz_envelope_scan(body, &e);

	if (o->is_silent)
		return;
	switch ((int)err) {
	case PZ_OK:
		FUZZ_CHECK(json_is_object(o->tree) && depth_of(o->tree) <= PZ_JSON_DEPTH_MAX);
		compare(o->tree, &e);
		break;
	case PZ_ERR_PROTO_MEMBER:
		FUZZ_CHECK(json_is_object(o->tree) && !has_good_members(o->tree));
		break;
	case PZ_ERR_PROTO_JSON:
	case PZ_ERR_PROTO_UTF8:
		FUZZ_CHECK(!json_is_object(o->tree));
		break;
	case PZ_ERR_PROTO_DEPTH:
		FUZZ_CHECK(o->tree == NULL || depth_of(o->tree) > PZ_JSON_DEPTH_MAX);
		break;
	case PZ_ERR_PROTO_DUPLICATE:
		FUZZ_CHECK(o->tree == NULL || has_duplicate(body));
		break;
	default: /* a long escaped string may be an error of the rest, too: nothing to compare */
		FUZZ_CHECK(err == PZ_ERR_LIMIT);
		break;
	}
}

/* What is found in a text without a tree is what the tree has. */
static void
check_members(struct pz_slice body, enum pz_err any, const json_t *parsed)
{
	struct pz_slice rest = body, one, value;
	size_t count = 0;

	if (any != PZ_OK)
		return;
	while (pz_json_next(&rest, &one)) {
		FUZZ_CHECK(pz_json_check(one, false) == PZ_OK);
		count++;
	}
	enum pz_err err = pz_json_member(body, "id", &value);
	if (err == PZ_OK)
		FUZZ_CHECK(pz_json_check(value, false) == PZ_OK);
	if (parsed == NULL)
		return;
	FUZZ_CHECK(count == json_array_size(parsed));
	FUZZ_CHECK(err == (json_object_get(parsed, "id") ? PZ_OK : PZ_ERR_NOTFOUND));
}

static void
check_value(struct pz_slice body, const struct oracle *o)
{
	enum pz_err any = pz_json_check(body, false), object = pz_json_check(body, true);
	struct pz_errinfo info = {""};
	json_t *parsed = pz_json_parse(body, &info);

	fuzz_check_info(parsed ? PZ_OK : PZ_ERR_PROTO_JSON, &info);
	if (any == PZ_ERR_LIMIT)
		FUZZ_CHECK(parsed == NULL && body.len > PZ_JSON_VALUES_MAX);
	else if (!o->is_silent && any == PZ_ERR_PROTO_DEPTH)
		FUZZ_CHECK(o->tree == NULL || depth_of(o->tree) > PZ_JSON_DEPTH_MAX);
	else if (!o->is_silent)
		FUZZ_CHECK((any == PZ_OK) == (o->tree != NULL));
	if (any == PZ_OK && !o->is_silent)
		FUZZ_CHECK((object == PZ_OK) == json_is_object(o->tree));
	else if (any != PZ_OK)
		FUZZ_CHECK(object != PZ_OK && parsed == NULL);
	if (parsed && o->tree)
		FUZZ_CHECK(json_equal(parsed, o->tree));
	check_members(body, any, parsed);
	json_decref(parsed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice body = pz_slice_of(data, size);
	struct oracle o = ask_jansson(body);

	check_envelope(body, &o);
	check_value(body, &o);
	json_decref(o.tree);
	return 0;
}
