/*
 * Derives the names of a new device from its host name: one for addresses, with few characters, and
 * one for people.
 */
#include "conf/hostname.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

/* U+00C0 to U+017F: Latin letters with marks, and their form without marks. */
#define LATIN_FIRST 0xc0U
static const char *const latin[] = {
	/* clang-format off */
	"A", "A", "A", "A", "Ae", "A", "Ae", "C", "E", "E", "E", "E",
	"I", "I", "I", "I", "D", "N", "O", "O", "O", "O", "Oe", "-",
	"O", "U", "U", "U", "Ue", "Y", "Th", "ss", "a", "a", "a", "a",
	"ae", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i",
	"d", "n", "o", "o", "o", "o", "oe", "-", "o", "u", "u", "u",
	"ue", "y", "th", "y", "A", "a", "A", "a", "A", "a", "C", "c",
	"C", "c", "C", "c", "C", "c", "D", "d", "D", "d", "E", "e",
	"E", "e", "E", "e", "E", "e", "E", "e", "G", "g", "G", "g",
	"G", "g", "G", "g", "H", "h", "H", "h", "I", "i", "I", "i",
	"I", "i", "I", "i", "I", "i", "Ij", "ij", "J", "j", "K", "k",
	"k", "L", "l", "L", "l", "L", "l", "L", "l", "L", "l", "N",
	"n", "N", "n", "N", "n", "n", "N", "n", "O", "o", "O", "o",
	"O", "o", "Oe", "oe", "R", "r", "R", "r", "R", "r", "S", "s",
	"S", "s", "S", "s", "S", "s", "T", "t", "T", "t", "T", "t",
	"U", "u", "U", "u", "U", "u", "U", "u", "U", "u", "U", "u",
	"W", "w", "Y", "y", "Y", "Z", "z", "Z", "z", "Z", "z", "s",
	/* clang-format on */
};
#define LATIN_LEN (sizeof(latin) / sizeof(latin[0]))

/* The replacement in a device's name for the character of n bytes at p, "" to drop it. */
static const char *
plain(const uint8_t *p, size_t n, char scratch[2])
{
	scratch[0] = (char)p[0];
	scratch[1] = '\0';
	if (n == 1)
		return isalnum(p[0]) || strchr("-_", p[0]) ? scratch : isspace(p[0]) ? "-" : "";
	if (n != 2)
		return "";
	/* Two bytes are U+0080 to U+07FF; the continuation byte carries six bits (RFC 3629 3). */
	size_t code = ((size_t)(p[0] & 0x1f) << 6) | (p[1] & 0x3f);
	return code >= LATIN_FIRST && code < LATIN_FIRST + LATIN_LEN ? latin[code - LATIN_FIRST]
								     : "";
}

void
pz_hostname_device(const char *host, char *out, size_t size)
{
	size_t left = strcspn(host, "."), len = 0;
	const uint8_t *p = (const uint8_t *)host;
	char scratch[2];

	if (size > PZ_DEVICE_BYTES_MAX + 1)
		size = PZ_DEVICE_BYTES_MAX + 1;
	while (left > 0) {
		/* A host name on Linux may be any bytes: a byte that is not UTF-8 is skipped. */
		size_t n = pz_utf8_char(p, left);
		const char *text = n > 0 ? plain(p, n, scratch) : "";
		for (; *text && len + 1 < size; text++)
			if (len > 0 || isalnum((unsigned char)*text))
				out[len++] = *text;
		p += n > 0 ? n : 1;
		left -= n > 0 ? n : 1;
	}
	out[len] = '\0';
	if (len == 0 || strcmp(host, "(none)") == 0) /* Linux: no name was set */
		snprintf(out, size, "device");
}

bool
pz_hostname_display(const char *host, char *out, size_t size)
{
	size_t len = strcspn(host, ".");
	char device[PZ_DEVICE_BYTES_MAX + 1];

	pz_hostname_device(host, device, sizeof(device));
	if (len == 0 || len >= size || len > PZ_DISPLAY_NAME_BYTES_MAX ||
	    strcmp(host, "(none)") == 0 ||
	    /* If it equals the device's name, there is nothing to add beside it. */
	    (strlen(device) == len && strncmp(device, host, len) == 0))
		return false;
	for (size_t at = 0; at < len;) {
		size_t n = pz_utf8_printable_char((const uint8_t *)host + at, len - at);
		if (n == 0)
			return false;
		at += n;
	}
	memcpy(out, host, len);
	out[len] = '\0';
	return true;
}
