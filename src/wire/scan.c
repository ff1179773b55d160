/*
 * One pass, no recursion, no allocation. The open containers are a stack of bits (1: object), so a
 * body cannot make us allocate. Nearly all bytes of a message are plain string bytes; with SSE2
 * sixteen are scanned at a time. The same loads show whether any byte is over 0x7f; only then is
 * the body checked for UTF-8, once, at the end.
 */
#include "wire/scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/codec.h"
#include "base/limits.h"

_Static_assert(PZ_JSON_DEPTH_MAX <= 64, "the stack of open containers is one 64-bit word");

/* Moves to the next quote, backslash, control character, or the end. */
static inline const uint8_t *
skip_plain(struct pz_scan *scan, const uint8_t *p)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);

	while (scan->end - p >= 16) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(c, backslash));

		/* Unsigned c <= 0x1f; SSE2 compares signed only, but has an unsigned minimum. */
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(c, control), c));
		/* The look-ahead beyond the string stays within the body, which is checked as a
		 * whole. */
		if (_mm_movemask_epi8(c) != 0)
			scan->is_ascii = false;
		unsigned mask = (unsigned)_mm_movemask_epi8(stop);
		if (mask != 0)
			return p + __builtin_ctz(mask);
		p += 16;
	}
#endif
	for (; p < scan->end && *p != '"' && *p != '\\' && *p > 0x1f; p++) {
		if (*p >= 0x80)
			scan->is_ascii = false;
	}
	return p;
}

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits, or -1. */
static int
hex4(const uint8_t *p, const uint8_t *end)
{
	int value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(p[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* Skips the escape at p (a backslash); NULL when it is malformed. A lone surrogate is malformed: it
 * is not a character, so it has no UTF-8 form. */
static const uint8_t *
skip_escape(const uint8_t *p, const uint8_t *end)
{
	int unit;

	if (end - p < 2)
		return NULL;
	if (p[1] != 'u')
		return p[1] != 0 && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
	unit = hex4(p + 2, end);
	if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return NULL;
	if (unit < 0xd800 || unit > 0xdbff)
		return p + 6;
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return NULL;
	unit = hex4(p + 8, end);
	return unit >= 0xdc00 && unit <= 0xdfff ? p + 12 : NULL;
}

static inline enum pz_err
scan_string(struct pz_scan *scan, struct pz_slice *out)
{
	const uint8_t *start = scan->pos + 1;
	const uint8_t *p = start;

	scan->is_escaped = false;
	for (;;) {
		p = skip_plain(scan, p);
		if (p == scan->end)
			return PZ_ERR_PROTO_JSON;
		if (*p == '"')
			break;
		/* Else it is a control character, which JSON allows only as an escape
		 * (RFC 8259 7). */
		if (*p != '\\')
			return PZ_ERR_PROTO_JSON;
		scan->is_escaped = true;
		p = skip_escape(p, scan->end);
		if (p == NULL)
			return PZ_ERR_PROTO_JSON;
	}
	*out = pz_slice_of(start, (size_t)(p - start));
	scan->pos = p + 1;
	return PZ_OK;
}

enum pz_err
pz_scan_string(struct pz_scan *scan, struct pz_slice *out)
{
	return scan_string(scan, out);
}

/* Skips digits; NULL without at least one. */
static const uint8_t *
skip_digits(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == start ? NULL : p;
}

/* RFC 8259 6: [ minus ] int [ frac ] [ exp ]. The caller checks what follows a number. */
static enum pz_err
scan_number(struct pz_scan *scan)
{
	const uint8_t *p = scan->pos, *end = scan->end;

	if (*p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else
		p = skip_digits(p, end);
	if (p && p < end && *p == '.')
		p = skip_digits(p + 1, end);
	if (p && p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = skip_digits(p, end);
	}
	if (p == NULL)
		return PZ_ERR_PROTO_JSON;
	scan->pos = p;
	return PZ_OK;
}

static enum pz_err
scan_word(struct pz_scan *scan, const char *word, size_t len)
{
	if ((size_t)(scan->end - scan->pos) < len || memcmp(scan->pos, word, len) != 0)
		return PZ_ERR_PROTO_JSON;
	scan->pos += len;
	return PZ_OK;
}

/* Skips a string, number or word that starts with c. */
static inline enum pz_err
scan_scalar(struct pz_scan *scan, int c)
{
	struct pz_slice ignored;

	switch (c) {
	case '"':
		return scan_string(scan, &ignored);
	case 't':
		return scan_word(scan, "true", 4);
	case 'f':
		return scan_word(scan, "false", 5);
	case 'n':
		return scan_word(scan, "null", 4);
	default:
		if (c != '-' && (c < '0' || c > '9'))
			return PZ_ERR_PROTO_JSON;
		return scan_number(scan);
	}
}

/* Skips a member's name and its colon. */
static inline enum pz_err
scan_name(struct pz_scan *scan)
{
	struct pz_slice ignored;

	if (pz_scan_peek(scan) != '"')
		return PZ_ERR_PROTO_JSON;
	PZ_TRY(scan_string(scan, &ignored));
	if (pz_scan_peek(scan) != ':')
		return PZ_ERR_PROTO_JSON;
	scan->pos++;
	return PZ_OK;
}

/* The containers that pz_scan_value has open. */
struct open {
	uint64_t kinds; /* bit 0: the innermost; 1 means object */
	unsigned depth, base;
};

/* After a value: skips closing brackets and at most one comma. *done when the outermost container
 * is closed; otherwise the cursor is before a value. */
static inline enum pz_err
scan_behind(struct pz_scan *scan, struct open *open, bool *done)
{
	while (open->depth > open->base) {
		bool is_object = open->kinds & 1;
		int c = pz_scan_peek(scan);

		if (c < 0)
			return PZ_ERR_PROTO_JSON;
		scan->pos++;
		if (c == ',')
			return is_object ? scan_name(scan) : PZ_OK;
		if (c != (is_object ? '}' : ']'))
			return PZ_ERR_PROTO_JSON;
		open->kinds >>= 1;
		open->depth--;
	}
	*done = true;
	return PZ_OK;
}

/* Skips the opening bracket c. *is_empty when its closing bracket follows, which is not skipped. */
static inline enum pz_err
scan_open(struct pz_scan *scan, struct open *open, int c, bool *is_empty)
{
	bool is_object = c == '{';

	if (open->depth >= PZ_JSON_DEPTH_MAX)
		return PZ_ERR_PROTO_DEPTH;
	open->depth++;
	open->kinds = open->kinds << 1 | is_object;
	scan->pos++;
	*is_empty = pz_scan_peek(scan) == (is_object ? '}' : ']');
	return is_object && !*is_empty ? scan_name(scan) : PZ_OK;
}

enum pz_err
pz_scan_value(struct pz_scan *scan, unsigned depth, struct pz_slice *out)
{
	struct open open = {.depth = depth, .base = depth};
	int c = pz_scan_peek(scan);
	const uint8_t *start = scan->pos;
	size_t values = 0; /* in a register: the forwarding path does not read the count */
	bool done = false;

	for (;;) {
		bool is_behind = true;

		values++;
		if (c == '{' || c == '[')
			PZ_TRY(scan_open(scan, &open, c, &is_behind));
		else
			PZ_TRY(scan_scalar(scan, c));
		if (is_behind)
			PZ_TRY(scan_behind(scan, &open, &done));
		if (done)
			break; /* without checking what follows */
		c = pz_scan_peek(scan);
	}
	scan->values += values;
	*out = pz_slice_of(start, (size_t)(scan->pos - start));
	return PZ_OK;
}

enum pz_err
pz_scan_finish(struct pz_scan *scan, struct pz_slice body)
{
	if (pz_scan_peek(scan) >= 0)
		return PZ_ERR_PROTO_JSON;
	return scan->is_ascii || pz_utf8_is_valid(body) ? PZ_OK : PZ_ERR_PROTO_UTF8;
}

static size_t
put_utf8(uint32_t code, uint8_t out[4])
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}

static void
advance(struct pz_slice *rest, size_t len)
{
	rest->ptr += len;
	rest->len -= len;
}

/* The scanner has accepted the string: every escape is complete, and a low surrogate follows each
 * high one. */
size_t
pz_scan_char(struct pz_slice *rest, uint8_t out[4])
{
	static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
	const uint8_t *p = rest->ptr, *end = rest->ptr + rest->len;
	const char *letter;
	uint32_t code;

	if (p[0] != '\\') {
		out[0] = p[0];
		advance(rest, 1);
		return 1;
	}
	if (p[1] != 'u') {
		letter = strchr(letters, p[1]);
		out[0] = letter ? (uint8_t)controls[letter - letters] : p[1];
		advance(rest, 2);
		return 1;
	}
	code = (uint32_t)hex4(p + 2, end);
	if (code >= 0xd800 && code <= 0xdbff) {
		code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)hex4(p + 8, end) - 0xdc00);
		advance(rest, 12);
	} else {
		advance(rest, 6);
	}
	return put_utf8(code, out);
}

/* A character as bytes that are not compared yet. */
struct unread {
	struct pz_slice rest;
	uint8_t bytes[4];
	size_t at, len;
};

static int
next_byte(struct unread *u)
{
	if (u->at == u->len) {
		if (u->rest.len == 0)
			return -1;
		u->len = pz_scan_char(&u->rest, u->bytes);
		u->at = 0;
	}
	return u->bytes[u->at++];
}

bool
pz_scan_string_eq(struct pz_slice a, struct pz_slice b)
{
	struct unread ua = {.rest = a}, ub = {.rest = b};
	int byte;

	do {
		byte = next_byte(&ua);
		if (byte != next_byte(&ub))
			return false;
	} while (byte >= 0);
	return true;
}
