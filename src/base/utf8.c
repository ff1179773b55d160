/*
 * Whether bytes are UTF-8 (RFC 3629 4), and whether people can read them. On the path of each
 * message, so runs of ASCII are skipped 16 bytes at a time.
 */
#include "base/utf8.h"

#include "base/codec.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool
is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Three-byte forms: the second byte's range depends on the first (no overlong, no surrogate). */
static size_t
three(const uint8_t *p, size_t len)
{
	if (len < 3 || !is_tail(p[1]) || !is_tail(p[2]))
		return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
		return 0;
	return 3;
}

/* The same for four bytes: nothing below U+10000 and nothing above U+10FFFF. */
static size_t
four(const uint8_t *p, size_t len)
{
	if (len < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
		return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

size_t
pz_utf8_char(const uint8_t *p, size_t len)
{
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2) /* a tail byte, or an overlong two-byte form */
		return 0;
	if (p[0] < 0xe0)
		return len >= 2 && is_tail(p[1]) ? 2 : 0;
	if (p[0] < 0xf0)
		return three(p, len);
	return p[0] < 0xf5 ? four(p, len) : 0;
}

/* Control characters could change the colours, title or contents of a terminal that prints them. */
size_t
pz_utf8_printable_char(const uint8_t *p, size_t len)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return 0;
	if (p[0] == 0xc2 && len >= 2 && p[1] < 0xa0) /* U+0080 to U+009F */
		return 0;
	return pz_utf8_char(p, len);
}

/* Leading bytes, in steps of 16, that are ASCII: most of what nodes send. */
static size_t
ascii_run(const uint8_t *p, size_t len)
{
	size_t at = 0;

	for (; len - at >= 16; at += 16) {
		uint64_t w[2];
		memcpy(w, p + at, sizeof(w));
		if ((w[0] | w[1]) & HIGH_BITS)
			break;
	}
	return at;
}

bool
pz_utf8_is_valid(struct pz_slice bytes)
{
	size_t at = 0;

	while (at < bytes.len) {
		at += ascii_run(bytes.ptr + at, bytes.len - at);
		/* Up to 16 characters before the fast path is tried again. */
		for (int i = 0; i < 16 && at < bytes.len; i++) {
			size_t n = pz_utf8_char(bytes.ptr + at, bytes.len - at);
			if (n == 0)
				return false;
			at += n;
		}
	}
	return true;
}

bool
pz_utf8_is_printable(struct pz_slice bytes)
{
	for (size_t at = 0; at < bytes.len;) {
		size_t n = pz_utf8_printable_char(bytes.ptr + at, bytes.len - at);
		if (n == 0)
			return false;
		at += n;
	}
	return true;
}
