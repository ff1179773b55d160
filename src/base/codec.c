/*
 * Codecs for text that others may have written: hex, base64, percent-encoding; and pz_lv_cat for
 * what is signed or hashed.
 *
 * Decoders check everything first and write afterwards, so that a failure leaves the output as it
 * was. Base64 has exactly one text for each value (no line breaks, no missing padding, no stray
 * bits): what was compared as text is then equal as bytes.
 */
#include "base/codec.h"

#include <sodium.h>
#include <stdlib.h>

static const char hex_digits[] = "0123456789abcdef";

/* Value of a hex digit, or -1. */
static int
nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
pz_hex_encode(const void *bytes, size_t len, char *out)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++) {
		*out++ = hex_digits[p[i] >> 4];
		*out++ = hex_digits[p[i] & 0x0f];
	}
	*out = '\0';
}

enum pz_err
pz_hex_decode(struct pz_slice hex, void *out, size_t out_len)
{
	uint8_t *to = out;

	if (hex.len % 2 != 0 || hex.len / 2 != out_len)
		return PZ_ERR_PROTO;
	for (size_t i = 0; i < hex.len; i++) {
		if (nibble(hex.ptr[i]) < 0)
			return PZ_ERR_PROTO;
	}
	for (size_t i = 0; i < out_len; i++)
		to[i] = (uint8_t)(nibble(hex.ptr[2 * i]) * 16 + nibble(hex.ptr[2 * i + 1]));
	return PZ_OK;
}

char *
pz_base64_encode(struct pz_slice bytes)
{
	size_t size;
	char *out;

	if (bytes.len > SIZE_MAX / 2)
		return NULL;
	size = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
	out = malloc(size);
	if (out == NULL)
		return NULL;
	sodium_bin2base64(out, size, bytes.ptr, bytes.len, sodium_base64_VARIANT_ORIGINAL);
	return out;
}

/* Value of a digit of the standard alphabet, or -1. */
static int
sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* libsodium's own decoder (1.0.18) takes bytes over 0x7f for digits. */
enum pz_err
pz_base64_decode(struct pz_slice text, struct pz_buf *out)
{
	size_t digits = text.len, len;
	uint32_t bits = 0;
	uint8_t *at;

	if (text.len == 0)
		return PZ_OK;
	if (text.len % 4 != 0)
		return PZ_ERR_PROTO;
	while (digits > text.len - 2 && text.ptr[digits - 1] == '=')
		digits--;
	len = digits / 4 * 3 + (digits % 4 > 0 ? digits % 4 - 1 : 0);
	for (size_t i = 0; i < digits; i++) {
		if (sextet(text.ptr[i]) < 0)
			return PZ_ERR_PROTO;
	}
	/* One text for one value: the bits after the last byte are 0 (RFC 4648 3.5). */
	if ((digits % 4 == 2 && (sextet(text.ptr[digits - 1]) & 0x0f) != 0) ||
	    (digits % 4 == 3 && (sextet(text.ptr[digits - 1]) & 0x03) != 0))
		return PZ_ERR_PROTO;
	PZ_TRY(pz_buf_reserve(out, len, &at));
	for (size_t i = 0; i < digits; i++) {
		bits = bits << 6 | (uint32_t)sextet(text.ptr[i]);
		if (i % 4 > 0)
			*at++ = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	pz_buf_commit(out, len);
	return PZ_OK;
}

/* The unreserved characters of RFC 3986 2.3, and those in `keep`. */
static bool
is_kept(uint8_t c, const char *keep)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return c != '\0' && (strchr("-._~", c) || (keep && strchr(keep, c)));
}

enum pz_err
pz_percent_encode(struct pz_slice text, const char *keep, struct pz_buf *out)
{
	size_t len = text.len;
	uint8_t *at;

	for (size_t i = 0; i < text.len; i++)
		len += is_kept(text.ptr[i], keep) ? 0 : 2;
	if (len == 0)
		return PZ_OK;
	PZ_TRY(pz_buf_reserve(out, len, &at));
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (is_kept(c, keep)) {
			*at++ = c;
		} else {
			*at++ = '%';
			*at++ = (uint8_t)("0123456789ABCDEF"[c >> 4]); /* RFC 3986 2.1 */
			*at++ = (uint8_t)("0123456789ABCDEF"[c & 0x0f]);
		}
	}
	pz_buf_commit(out, len);
	return PZ_OK;
}

/* One byte of percent-encoded text; returns the bytes it took, or 0. */
static size_t
percent_step(const uint8_t *p, size_t left, uint8_t *out)
{
	int high, low;

	if (*p != '%') {
		*out = *p;
		return *p == '\0' ? 0 : 1;
	}
	if (left < 3)
		return 0;
	high = nibble(p[1]);
	low = nibble(p[2]);
	if (high < 0 || low < 0 || (high | low) == 0)
		return 0;
	*out = (uint8_t)(high * 16 + low);
	return 3;
}

enum pz_err
pz_percent_decode(struct pz_slice text, struct pz_buf *out)
{
	size_t len = 0;
	uint8_t *at, c;

	for (size_t i = 0, n; i < text.len; i += n, len++) {
		n = percent_step(text.ptr + i, text.len - i, &c);
		if (n == 0)
			return PZ_ERR_PROTO;
	}
	if (len == 0)
		return PZ_OK;
	PZ_TRY(pz_buf_reserve(out, len, &at));
	for (size_t i = 0; i < text.len; at++)
		i += percent_step(text.ptr + i, text.len - i, at);
	pz_buf_commit(out, len);
	return PZ_OK;
}

/* @return bytes written. Unsigned LEB128: 7 bits a byte, the lowest first, bit 7 set in all but the
 * last. */
static size_t
leb128(size_t value, uint8_t out[10])
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		out[n++] = (uint8_t)(value | 0x80);
	out[n++] = (uint8_t)value;
	return n;
}

enum pz_err
pz_lv_cat(struct pz_buf *out, const struct pz_slice *parts, size_t count)
{
	uint8_t head[10], *at;
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		/* the sizes first: nothing is appended when the sum overflows or does not fit */
		size_t part = parts[i].len + leb128(parts[i].len, head);
		if (part > SIZE_MAX - len)
			return PZ_ERR_LIMIT_QUEUE;
		len += part;
	}
	if (len == 0)
		return PZ_OK;
	PZ_TRY(pz_buf_reserve(out, len, &at));
	for (size_t i = 0; i < count; i++) {
		size_t n = leb128(parts[i].len, head);
		memcpy(at, head, n);
		at += n;
		if (parts[i].len > 0)
			memcpy(at, parts[i].ptr, parts[i].len);
		at += parts[i].len;
	}
	pz_buf_commit(out, len);
	return PZ_OK;
}
