/*
 * Names of received files: which names a sender may use, and what replaces a name that is taken.
 * Any device that may send can choose them, so the rules are those of all file systems that an
 * inbox may be on.
 */
#include "transfer/name.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/codec.h"

/* Device names of DOS and Windows, before the first dot, in any case. An inbox may be on a disk
 * that such a system reads. */
static bool
is_reserved(struct pz_slice name)
{
	static const char *const words[] = {"con", "prn", "aux", "nul"};
	const char *text = (const char *)name.ptr;
	const uint8_t *dot = memchr(name.ptr, '.', name.len);
	size_t len = dot ? (size_t)(dot - name.ptr) : name.len;

	while (len > 0 && text[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (len == strlen(words[i]) && strncasecmp(text, words[i], len) == 0)
			return true;
	return len == 4 && text[3] >= '0' && text[3] <= '9' &&
	       (strncasecmp(text, "com", 3) == 0 || strncasecmp(text, "lpt", 3) == 0);
}

const char *
pz_transfer_name_fault(struct pz_slice name)
{
	if (name.len == 0)
		return "is empty";
	if (name.len > PZ_TRANSFER_NAME_BYTES_MAX)
		return "is longer than 255 bytes";
	if (!pz_utf8_is_valid(name))
		return "is not UTF-8";
	if (!pz_utf8_is_printable(name))
		return "has control characters";
	/* A backslash separates directories on Windows. */
	if (memchr(name.ptr, '/', name.len) || memchr(name.ptr, '\\', name.len))
		return "has a slash or backslash";
	/* No ".", "..", no hidden file: a name from another device must not become ~/.profile. */
	if (name.ptr[0] == '.')
		return "begins with a dot";
	if (name.ptr[name.len - 1] == '.' || name.ptr[name.len - 1] == ' ')
		return "ends with a dot or a space";
	return is_reserved(name) ? "is reserved" : NULL;
}

/* Bytes of the name that fit, without splitting a character. */
static size_t
cut(const char *name, size_t len, size_t room)
{
	if (len <= room)
		return len;
	while (room > 0 && ((uint8_t)name[room] & 0xc0) == 0x80)
		room--;
	return room;
}

void
pz_transfer_name_numbered(const char *name, unsigned number,
			  char out[PZ_TRANSFER_NAME_BYTES_MAX + 1])
{
	const char *dot = strrchr(name, '.');
	size_t len = dot && dot != name ? (size_t)(dot - name) : strlen(name);
	const char *extension = name + len;
	char middle[16] = "";

	if (number > 0)
		snprintf(middle, sizeof(middle), " (%u)", number);
	/* An extension that is nearly the whole name is not preserved. room / 2: the stem keeps at
	 * least half, so that two long names stay different. */
	size_t room = PZ_TRANSFER_NAME_BYTES_MAX - strlen(middle);
	size_t tail = cut(extension, strlen(extension), room / 2);
	snprintf(out, PZ_TRANSFER_NAME_BYTES_MAX + 1, "%.*s%s%.*s",
		 (int)cut(name, len, room - (number > 0 ? tail : strlen(extension))), name, middle,
		 (int)(number > 0 ? tail : strlen(extension)), extension);
}
