/* Every check here refuses at the first byte that breaks a rule: a check that waited for an end
 * that never comes would only end by the time-out. */
#include "http/lines.h"

#include "base/limits.h"

#define VERSION_BYTES 9 /* " HTTP/1.1" */

static bool
is_token(uint8_t c)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(others, c) != NULL);
}

/* A name of token characters up to the colon: neither obs-fold nor a space before the colon. */
static bool
is_field(struct pz_slice line)
{
	size_t at = 0;

	while (at < line.len && is_token(line.ptr[at]))
		at++;
	return at > 0 && at < line.len && line.ptr[at] == ':';
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_visible(struct pz_slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
			return false;
	return text.len > 0;
}

/* " HTTP/1.1", whatever the numbers are. */
static bool
is_version(const uint8_t *tail)
{
	return memcmp(tail, " HTTP/", 6) == 0 && is_digit(tail[6]) && tail[7] == '.' &&
	       is_digit(tail[8]);
}

/* "METHOD TARGET HTTP/1.1" with one space each: Debian's http-parser is not strict about it. */
static bool
is_request_line(struct pz_slice line)
{
	size_t at = 0, end = line.len < VERSION_BYTES ? 0 : line.len - VERSION_BYTES;

	while (at < end && is_token(line.ptr[at]))
		at++;
	return at > 0 && at < end && line.ptr[at] == ' ' && is_version(line.ptr + end) &&
	       is_visible(pz_slice_of(line.ptr + at + 1, end - at - 1));
}

/* A complete line without its CR LF. @return a status; 0: valid */
static int
look_line(struct pz_http_lines *lines, struct pz_slice line)
{
	if (lines->line_at == 0)
		return is_request_line(line) ? 0 : 400;
	if (++lines->fields > PZ_HTTP_FIELDS_MAX)
		return 431;
	return is_field(line) ? 0 : 400;
}

/* Control characters except the tab. */
static bool
is_forbidden(uint8_t c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

int
pz_http_lines_look(struct pz_http_lines *lines, struct pz_slice bytes, size_t *out_bytes)
{
	*out_bytes = 0;
	for (; lines->seen < bytes.len; lines->seen++) {
		size_t at = lines->seen;
		uint8_t c = bytes.ptr[at];

		if (at >= PZ_HTTP_HEAD_BYTES_MAX)
			return 431;
		if (c == '\n') {
			if (at == 0 || bytes.ptr[at - 1] != '\r')
				return 400;
			size_t len = at - 1 - lines->line_at;
			if (len == 0 && lines->line_at > 0) {
				*out_bytes = at + 1;
				return 0;
			}
			int status = look_line(lines, pz_slice_of(bytes.ptr + lines->line_at, len));
			if (status)
				return status;
			lines->line_at = at + 1;
		} else if (at > 0 && bytes.ptr[at - 1] == '\r') {
			return 400;
		} else if (c != '\r' && is_forbidden(c)) {
			return 400;
		}
	}
	return 0;
}
