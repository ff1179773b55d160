/* What both ends of the control socket share: addresses, and JSON documents one a line. */
#ifndef PZ_CTL_LINE_H
#define PZ_CTL_LINE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

struct sockaddr_un;

/** Splits what comes from a socket into lines. */
struct pz_ctl_lines {
	struct pz_buf in;
	size_t scanned; /* bytes at the front that hold no line end */
	unsigned json_flags;
	int passed; /* descriptor that came with the lines and that no request has taken; -1: none
		     */
};

/** @param json_flags how lines are read: enum pz_json_flags */
void pz_ctl_lines_init(struct pz_ctl_lines *lines, unsigned json_flags);
/** Wipes and frees the bytes of an incomplete line, and closes received descriptors. */
void pz_ctl_lines_fini(struct pz_ctl_lines *lines);

/**
 * Reads once from a non-blocking socket. OK also when there was nothing to read. To be followed by
 * pz_ctl_lines_next until that finds no line. A descriptor that comes with the bytes is kept in
 * `passed`, close-on-exec; of several, at once or before the first one was taken, all are closed.
 * Errors: IO_CLOSED (end of file or reset), IO, LIMIT_QUEUE, LIMIT_MEMORY, PROTO (several
 * descriptors; give the connection up).
 */
enum pz_err pz_ctl_lines_fill(struct pz_ctl_lines *lines, int fd) PZ_MUST_USE;

/**
 * Takes the next complete line and parses it.
 * @param out_object owned by the caller, an object
 * Errors: NOTFOUND (no complete line yet), PROTO_JSON (the line is no JSON object, or has a member
 * twice, or too many values; it was taken), LIMIT (line longer than PZ_CTL_LINE_BYTES_MAX; give the
 * connection up).
 */
enum pz_err pz_ctl_lines_next(struct pz_ctl_lines *lines, json_t **out_object) PZ_MUST_USE;

/** The descriptor that was passed, from now on the caller's; -1: none. */
int pz_ctl_lines_take_passed(struct pz_ctl_lines *lines);
/** Closes a descriptor that was passed and that no request has taken, when all lines that came with
 * it have been read. */
void pz_ctl_lines_drop_passed(struct pz_ctl_lines *lines);

/**
 * Appends a document as one line. Nothing is appended on failure.
 * @param object borrowed; NULL stands for memory that ran out
 * Errors: LIMIT (longer than PZ_CTL_LINE_BYTES_MAX), LIMIT_QUEUE (buffer full), LIMIT_MEMORY.
 */
enum pz_err pz_ctl_line_append(struct pz_buf *out, const json_t *object) PZ_MUST_USE;

/**
 * Sends from the front of the buffer what the non-blocking socket takes now. OK even if it takes
 * nothing. Errors: IO_CLOSED, IO.
 */
enum pz_err pz_ctl_flush(struct pz_buf *out, int fd) PZ_MUST_USE;
/** The same, and a descriptor goes with the first bytes. @param pass borrowed descriptor; becomes
 * -1 when it was sent, and may be -1: no descriptor */
enum pz_err pz_ctl_flush_passing(struct pz_buf *out, int fd, int *pass) PZ_MUST_USE;

/** Socket address of a path. Errors: CONFIG (too long). @param info may be NULL */
enum pz_err pz_ctl_address(const char *path, struct sockaddr_un *out_address,
			   struct pz_errinfo *info) PZ_MUST_USE;

#endif
