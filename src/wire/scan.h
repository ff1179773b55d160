/* The JSON scanner that envelope.c and json.c share. Private to this module. */
#ifndef PZ_WIRE_SCAN_H
#define PZ_WIRE_SCAN_H

#include "base/err.h"
#include "base/slice.h"

/** A place in a body. A failed call leaves the cursor anywhere. */
struct pz_scan {
	const uint8_t *pos, *end;
	bool is_ascii;   /* no byte >= 0x80 seen in strings so far (may look ahead) */
	bool is_escaped; /* the last string held a backslash */
	size_t values;   /* passed by pz_scan_value, containers too; member names are not counted */
};

static inline void
pz_scan_init(struct pz_scan *scan, struct pz_slice body)
{
	*scan = (struct pz_scan){.pos = body.ptr,
				 .end = body.len ? body.ptr + body.len : body.ptr,
				 .is_ascii = true};
}

/** Skips white space. @return the byte there, or -1 at the end */
static inline int
pz_scan_peek(struct pz_scan *scan)
{
	for (; scan->pos < scan->end; scan->pos++) {
		uint8_t c = *scan->pos;

		if (c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t'))
			return c;
	}
	return -1;
}

/**
 * Passes a string. The cursor is at its opening quote. Escapes and control characters are checked,
 * UTF-8 is not (see is_ascii).
 * @param out the bytes between the quotes, still escaped
 * Errors: PROTO_JSON.
 */
enum pz_err pz_scan_string(struct pz_scan *scan, struct pz_slice *out) PZ_MUST_USE;

/**
 * Passes one value of any kind and the white space before it. No recursion.
 * @param depth containers that are open around the value
 * @param out the value's bytes
 * Errors: PROTO_JSON, PROTO_DEPTH.
 */
enum pz_err pz_scan_value(struct pz_scan *scan, unsigned depth, struct pz_slice *out) PZ_MUST_USE;

/** The checks that remain after the last value. Errors: PROTO_JSON, PROTO_UTF8. */
enum pz_err pz_scan_finish(struct pz_scan *scan, struct pz_slice body) PZ_MUST_USE;

/**
 * Reads the next character of a string that pz_scan_string has accepted, escapes resolved.
 * @param rest not empty; shortened by what was read
 * @param out its UTF-8 bytes (raw bytes come one at a time)
 * @return how many bytes, 1 to 4
 */
size_t pz_scan_char(struct pz_slice *rest, uint8_t out[4]);

/** True when two accepted strings are equal once their escapes are resolved. */
bool pz_scan_string_eq(struct pz_slice a, struct pz_slice b);

#endif
