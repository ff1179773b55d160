#include "bare/scan.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* First quote or backslash at or after p, or end. */
static const char *
skip_plain(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\');

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		int hit = _mm_movemask_epi8(
			_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, escape)));
		if (hit != 0)
			return p + __builtin_ctz((unsigned)hit);
	}
#endif
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* First quote, bracket or brace at or after p, or end. */
static const char *
skip_dull(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), open = _mm_set1_epi8('{');
	const __m128i shut = _mm_set1_epi8('}'), lower = _mm_set1_epi8(0x20);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i w = _mm_or_si128(v, lower); /* '[' becomes '{', ']' becomes '}' */
		__m128i hits = _mm_or_si128(_mm_cmpeq_epi8(w, open), _mm_cmpeq_epi8(w, shut));
		int hit = _mm_movemask_epi8(_mm_or_si128(hits, _mm_cmpeq_epi8(v, quote)));
		if (hit != 0)
			return p + __builtin_ctz((unsigned)hit);
	}
#endif
	while (p < end && *p != '"' && *p != '{' && *p != '}' && *p != '[' && *p != ']')
		p++;
	return p;
}

/* p stands behind the opening quote; returns the closing one, or NULL. */
static const char *
string_end(const char *p, const char *end)
{
	for (;;) {
		p = skip_plain(p, end);
		if (p >= end)
			return NULL;
		if (*p == '"')
			return p;
		p += 2;
	}
}

/* p stands behind the opening bracket; returns the byte behind the closing one, or NULL. */
static const char *
nested_end(const char *p, const char *end)
{
	int depth = 1;

	while ((p = skip_dull(p, end)) < end) {
		char c = *p++;
		if (c == '"') {
			p = string_end(p, end);
			if (p == NULL)
				return NULL;
			p++;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (--depth == 0) {
			return p;
		}
	}
	return NULL;
}

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

static void
note(struct scanned *out, const char *key, size_t key_len, const char *value, size_t len)
{
	if (key_len == 2 && memcmp(key, "to", 2) == 0) {
		out->to = value;
		out->to_len = len;
	} else if (key_len == 4 && memcmp(key, "from", 4) == 0) {
		out->from = value;
		out->from_len = len;
	}
}

/* One member, p at its name's opening quote; returns the byte behind its value, or NULL. */
static const char *
member(const char *p, const char *end, struct scanned *out)
{
	const char *key = p + 1, *key_end = string_end(key, end);

	if (key_end == NULL)
		return NULL;
	p = skip_space(key_end + 1, end);
	if (p >= end || *p != ':')
		return NULL;
	p = skip_space(p + 1, end);
	if (p >= end)
		return NULL;
	if (*p == '{' || *p == '[')
		return nested_end(p + 1, end);
	if (*p == '"') {
		const char *value = p + 1, *value_end = string_end(value, end);
		if (value_end == NULL)
			return NULL;
		note(out, key, (size_t)(key_end - key), value, (size_t)(value_end - value));
		return value_end + 1;
	}
	while (p < end && *p != ',' && *p != '}')
		p++;
	return p;
}

bool
bare_scan(const char *json, size_t len, struct scanned *out)
{
	const char *end = json + len, *p = skip_space(json, end);

	*out = (struct scanned){0};
	if (p >= end || *p != '{')
		return false;
	do {
		p = skip_space(p + 1, end);
		if (p >= end || *p != '"')
			return false;
		p = member(p, end, out);
		if (p == NULL)
			return false;
		p = skip_space(p, end);
	} while (p < end && *p == ',');
	return p < end && *p == '}';
}
