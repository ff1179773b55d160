/* Small encodings: hex, base64, UTF-8 check, percent coding, the CPace draft's length-value coding.
 */
#ifndef PZ_BASE_CODEC_H
#define PZ_BASE_CODEC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/** Lower-case hex and NUL. @param out 2 * len + 1 bytes. */
void pz_hex_encode(const void *bytes, size_t len, char *out);
/** Hex of either case into exactly out_len bytes. Errors: PROTO. */
enum pz_err pz_hex_decode(struct pz_slice hex, void *out, size_t out_len) PZ_MUST_USE;

/** Standard alphabet with padding (RFC 4648 4). NUL-terminated string that the caller frees; NULL:
 * out of memory. */
char *pz_base64_encode(struct pz_slice bytes);
/** Strict decoding (padding required, no white space). @param out capped by its max. Errors: PROTO,
 * LIMIT. */
enum pz_err pz_base64_decode(struct pz_slice text, struct pz_buf *out) PZ_MUST_USE;

/** True when the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most
 * U+10FFFF). */
bool pz_utf8_is_valid(struct pz_slice bytes);
/** True when the text holds no C0/C1 control characters and no DEL (and is valid UTF-8). */
bool pz_utf8_is_printable(struct pz_slice bytes);

/** Percent-encodes every byte that is not unreserved (RFC 3986 2.3) and not in `keep`. Errors: as
 * append. */
enum pz_err
pz_percent_encode(struct pz_slice text, const char *keep, struct pz_buf *out) PZ_MUST_USE;
/** Decodes %XX. Errors: PROTO (bad escape, or a decoded NUL), LIMIT. */
enum pz_err pz_percent_decode(struct pz_slice text, struct pz_buf *out) PZ_MUST_USE;

/**
 * Appends lv_cat(part...) = LEB128(len) || bytes for each part.
 * @spec draft-irtf-cfrg-cpace "lv_cat", page 3
 */
enum pz_err pz_lv_cat(struct pz_buf *out, const struct pz_slice *parts, size_t count) PZ_MUST_USE;

#endif
