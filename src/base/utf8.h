/* One UTF-8 character at a time: what codec.c, err.c and log.c share. */
#ifndef PZ_BASE_UTF8_H
#define PZ_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/**
 * Bytes of the well-formed character at p (1 to 4), or 0 when the bytes are malformed: truncated,
 * overlong, a surrogate or over U+10FFFF.
 * @param len bytes that may be read, at least 1
 * @spec RFC 3629 4
 */
size_t pz_utf8_char(const uint8_t *p, size_t len);

/** As pz_utf8_char, but 0 for control characters (C0, DEL, C1) as well. */
size_t pz_utf8_printable_char(const uint8_t *p, size_t len);

#endif
