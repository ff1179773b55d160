/*
 * The members of a message's top level. Names are found by length and content in a small table; a
 * name with escapes (rare) is compared character by character, so the check for duplicates decodes
 * nothing. Only from, to, resp_to and type are decoded, and only when escaped.
 */
#include "wire/envelope.h"

#include <stddef.h>

#include "wire/scan.h"

/* What a JSON value is, by its first byte. */
enum json_class {
	IS_NULL = 1,
	IS_BOOL = 2,
	IS_NUMBER = 4,
	IS_NEGATIVE = 8,
	IS_STRING = 16,
	IS_OBJECT = 32,
	IS_ARRAY = 64,
};

/* Which value of it is stored. */
enum store {
	STORE_TEXT, /* the string, decoded */
	STORE_RAW,
	STORE_MS,
	STORE_BOOL,
};

enum member {
	MEMBER_TO,
	MEMBER_ID,
	MEMBER_TYPE,
	MEMBER_FROM,
	MEMBER_RESP_TO,
	MEMBER_EXPIRES,
	MEMBER_PAYLOAD,
	MEMBER_REGISTER,
	MEMBER_TIMESTAMP,
	MEMBER_DELIVERY_RECEIPT,
	MEMBER_COUNT,
};

/* @spec page 4 "Message (envelope)". A permitted null counts as absent. */
static const struct {
	const char *name;
	unsigned permitted; /* bits of enum json_class */
	enum store store;
	size_t offset;
} members[MEMBER_COUNT] = {
#define M(permitted, store, field) permitted, store, offsetof(struct pz_envelope, field)
	[MEMBER_TO] = {"to", M(IS_STRING | IS_NULL, STORE_TEXT, to)},
	[MEMBER_ID] = {"id", M(IS_STRING | IS_NUMBER | IS_NEGATIVE, STORE_RAW, id)},
	[MEMBER_TYPE] = {"type", M(IS_STRING, STORE_TEXT, type_text)},
	[MEMBER_FROM] = {"from", M(IS_STRING | IS_NULL, STORE_TEXT, from)},
	[MEMBER_RESP_TO] = {"resp_to", M(IS_STRING | IS_NULL, STORE_TEXT, resp_to)},
	[MEMBER_EXPIRES] = {"expires", M(IS_NUMBER, STORE_MS, expires_ms)},
	[MEMBER_PAYLOAD] = {"payload", M(IS_OBJECT | IS_ARRAY | IS_NULL, STORE_RAW, payload)},
	[MEMBER_REGISTER] = {"register", M(IS_BOOL, STORE_BOOL, is_register)},
	[MEMBER_TIMESTAMP] = {"timestamp", M(IS_NUMBER, STORE_MS, timestamp_ms)},
	[MEMBER_DELIVERY_RECEIPT] = {"deliveryReceipt", M(IS_BOOL, STORE_BOOL, delivery_receipt)},
#undef M
};

static const struct {
	const char *text;
	enum pz_message_type type;
} types[] = {
	{"JSONRPC", PZ_MESSAGE_JSONRPC},
	{"prop", PZ_MESSAGE_PROP},
	{"deliveryNotification", PZ_MESSAGE_RECEIPT},
	{"JSONRPC20Request", PZ_MESSAGE_JSONRPC},
	{"JSONRPC20Response", PZ_MESSAGE_JSONRPC},
};

/* What was read so far. */
struct seen {
	enum pz_err member_err; /* first member of a wrong type; broken JSON takes precedence */
	unsigned known;         /* one bit for each enum member */
	unsigned count;         /* number of all members */
	unsigned unknown_count;
	bool has_escaped_unknown;
	struct pz_slice unknown[PZ_ENVELOPE_MEMBERS_MAX];
};

/* Constant lengths: the compiler makes one or two integer comparisons of each. */
#define IS(name, text) (memcmp((name).ptr, (text), sizeof(text) - 1) == 0)

static unsigned
find_long(struct pz_slice name)
{
	switch (name.len) {
	case 7:
		if (IS(name, "payload"))
			return MEMBER_PAYLOAD;
		if (IS(name, "resp_to"))
			return MEMBER_RESP_TO;
		return IS(name, "expires") ? MEMBER_EXPIRES : MEMBER_COUNT;
	case 8:
		return IS(name, "register") ? MEMBER_REGISTER : MEMBER_COUNT;
	case 9:
		return IS(name, "timestamp") ? MEMBER_TIMESTAMP : MEMBER_COUNT;
	case 15:
		return IS(name, "deliveryReceipt") ? MEMBER_DELIVERY_RECEIPT : MEMBER_COUNT;
	default:
		return MEMBER_COUNT;
	}
}

static unsigned
find_plain(struct pz_slice name)
{
	switch (name.len) {
	case 2:
		if (IS(name, "to"))
			return MEMBER_TO;
		return IS(name, "id") ? MEMBER_ID : MEMBER_COUNT;
	case 4:
		if (IS(name, "from"))
			return MEMBER_FROM;
		return IS(name, "type") ? MEMBER_TYPE : MEMBER_COUNT;
	default:
		return find_long(name);
	}
}

static unsigned
find_escaped(struct pz_slice name)
{
	unsigned i = 0;

	while (i < MEMBER_COUNT && !pz_scan_string_eq(name, pz_slice_str(members[i].name)))
		i++;
	return i;
}

static enum pz_err
note_unknown(struct seen *seen, struct pz_slice name, bool is_escaped)
{
	/* A long escaped name would be compared character by character, which could cost seconds:
	 * so there is a limit. */
	if (is_escaped && name.len > PZ_ENVELOPE_SCRATCH_BYTES)
		return PZ_ERR_LIMIT;
	seen->has_escaped_unknown |= is_escaped;
	for (unsigned i = 0; i < seen->unknown_count; i++) {
		struct pz_slice other = seen->unknown[i];
		bool may_differ_in_form =
			seen->has_escaped_unknown && (name.len <= PZ_ENVELOPE_SCRATCH_BYTES ||
						      other.len <= PZ_ENVELOPE_SCRATCH_BYTES);
		if (pz_slice_eq(other, name) ||
		    (may_differ_in_form && pz_scan_string_eq(other, name)))
			return PZ_ERR_PROTO_DUPLICATE;
	}
	seen->unknown[seen->unknown_count++] = name;
	return PZ_OK;
}

/* Finds the member, and refuses one that was there already. *out_member MEMBER_COUNT: unknown. */
static enum pz_err
note_member(struct seen *seen, struct pz_slice name, bool is_escaped, unsigned *out_member)
{
	unsigned member = is_escaped ? find_escaped(name) : find_plain(name);

	if (++seen->count > PZ_ENVELOPE_MEMBERS_MAX)
		return PZ_ERR_LIMIT;
	*out_member = member;
	if (member == MEMBER_COUNT)
		return note_unknown(seen, name, is_escaped);
	if (seen->known & 1U << member)
		return PZ_ERR_PROTO_DUPLICATE;
	seen->known |= 1U << member;
	return PZ_OK;
}

/* Resolves the escapes of a string (without its quotes) into the scratch. */
static enum pz_err
decode(struct pz_envelope *env, struct pz_slice rest, struct pz_slice *out)
{
	size_t start = env->scratch_len;

	while (rest.len > 0) {
		uint8_t bytes[4];
		size_t len = pz_scan_char(&rest, bytes);

		if (sizeof(env->scratch) - env->scratch_len < len)
			return PZ_ERR_LIMIT;
		memcpy(env->scratch + env->scratch_len, bytes, len);
		env->scratch_len += len;
	}
	*out = pz_slice_of(env->scratch + start, env->scratch_len - start);
	return PZ_OK;
}

/* value * 10 + digit, saturated. */
static uint64_t
push_digit(uint64_t value, unsigned digit)
{
	if (value > (UINT64_MAX - digit) / 10)
		return UINT64_MAX;
	return value * 10 + digit;
}

/* The exponent after an 'e', saturated far above every value that matters. */
static int
read_exponent(const uint8_t *p, const uint8_t *end)
{
	bool is_negative = *p == '-';
	int value = 0;

	if (*p == '-' || *p == '+')
		p++;
	for (; p < end; p++) {
		if (value < (int)PZ_FRAME_BYTES_MAX)
			value = value * 10 + (*p - '0');
	}
	return is_negative ? -value : value;
}

/* A number that the scanner has accepted, without a minus sign, truncated to an integer. Not by
 * strtod, which depends on the locale and needs a NUL. */
static uint64_t
read_ms(struct pz_slice raw)
{
	const uint8_t *p = raw.ptr, *end = raw.ptr + raw.len;
	const uint8_t *exponent = p;
	uint64_t value = 0;
	long places;

	while (exponent < end && (*exponent | 0x20) != 'e')
		exponent++;
	places = exponent < end ? read_exponent(exponent + 1, end) : 0;
	for (; p < exponent && *p != '.'; p++)
		places++;
	/* From here on `places` digits, counted from the first one, are before the decimal
	 * point. */
	for (p = raw.ptr; p < exponent && places > 0; p++) {
		if (*p == '.')
			continue;
		value = push_digit(value, *p - (unsigned)'0');
		places--;
	}
	for (; places > 0 && value != 0 && value != UINT64_MAX; places--)
		value = push_digit(value, 0);
	return value;
}

static enum json_class
class_of(uint8_t c)
{
	switch (c) {
	case 'n':
		return IS_NULL;
	case 't':
	case 'f':
		return IS_BOOL;
	case '"':
		return IS_STRING;
	case '{':
		return IS_OBJECT;
	case '[':
		return IS_ARRAY;
	case '-':
		return IS_NEGATIVE; /* "-0" too */
	default:
		return IS_NUMBER;
	}
}

/* Stores a known member's value. `raw` is valid JSON. */
static enum pz_err
take_member(struct pz_envelope *env, unsigned member, struct pz_slice raw, bool is_escaped)
{
	void *field = (uint8_t *)env + members[member].offset;
	enum json_class class = class_of(raw.ptr[0]);

	if (!(members[member].permitted & class))
		return PZ_ERR_PROTO_MEMBER;
	if (class == IS_NULL)
		return PZ_OK;
	switch (members[member].store) {
	case STORE_TEXT:
		raw = pz_slice_of(raw.ptr + 1, raw.len - 2);
		if (is_escaped)
			return decode(env, raw, field);
		*(struct pz_slice *)field = raw;
		break;
	case STORE_RAW:
		*(struct pz_slice *)field = raw;
		break;
	case STORE_MS:
		*(uint64_t *)field = read_ms(raw);
		break;
	case STORE_BOOL:
		*(bool *)field = raw.ptr[0] == 't';
		break;
	}
	return PZ_OK;
}

static enum pz_err
scan_member(struct pz_scan *scan, struct seen *seen, struct pz_envelope *env)
{
	struct pz_slice name, raw;
	unsigned member;

	if (pz_scan_peek(scan) != '"')
		return PZ_ERR_PROTO_JSON;
	PZ_TRY(pz_scan_string(scan, &name));
	PZ_TRY(note_member(seen, name, scan->is_escaped, &member));
	if (pz_scan_peek(scan) != ':')
		return PZ_ERR_PROTO_JSON;
	scan->pos++;
	PZ_TRY(pz_scan_value(scan, 1, &raw));
	if (member != MEMBER_COUNT && seen->member_err == PZ_OK)
		seen->member_err = take_member(env, member, raw, scan->is_escaped);
	return PZ_OK;
}

static enum pz_err
scan_members(struct pz_scan *scan, struct seen *seen, struct pz_envelope *env)
{
	if (pz_scan_peek(scan) != '{')
		return PZ_ERR_PROTO_JSON;
	scan->pos++;
	/* Read separately, because a member must follow a comma: "{,}" and a comma at the end are
	 * malformed. */
	if (pz_scan_peek(scan) == '}') {
		scan->pos++;
		return PZ_OK;
	}
	for (;;) {
		int c;

		PZ_TRY(scan_member(scan, seen, env));
		c = pz_scan_peek(scan);
		if (c != ',' && c != '}')
			return PZ_ERR_PROTO_JSON;
		scan->pos++;
		if (c == '}')
			return PZ_OK;
	}
}

static enum pz_message_type
find_type(struct pz_slice text)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (pz_slice_eq_str(text, types[i].text))
			return types[i].type;
	}
	return PZ_MESSAGE_UNKNOWN;
}

enum pz_err
pz_envelope_scan(struct pz_slice body, struct pz_envelope *out)
{
	struct pz_scan scan;
	struct seen seen; /* 1 KiB of names, deliberately not cleared */

	seen.known = seen.count = seen.unknown_count = 0;
	seen.has_escaped_unknown = false;
	seen.member_err = PZ_OK;
	memset(out, 0, offsetof(struct pz_envelope, scratch));
	pz_scan_init(&scan, body);
	PZ_TRY(scan_members(&scan, &seen, out));
	PZ_TRY(pz_scan_finish(&scan, body));
	PZ_TRY(seen.member_err);
	if (!(seen.known & 1U << MEMBER_TYPE))
		return PZ_ERR_PROTO_MEMBER;
	out->has_expires = seen.known & 1U << MEMBER_EXPIRES;
	out->type = find_type(out->type_text);
	if (out->payload.len > 0 && out->payload.ptr[0] == '[' && out->type != PZ_MESSAGE_JSONRPC)
		return PZ_ERR_PROTO_MEMBER;
	return PZ_OK;
}
