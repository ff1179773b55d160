/* Answers to requests, with the fields that protect the pages of this server. */
#ifndef PZ_HTTP_ANSWER_H
#define PZ_HTTP_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/request.h"

/** An answer. All borrowed. */
struct pz_http_answer {
	int status;
	const char *type;          /* of the body; NULL: text */
	struct pz_slice body;      /* empty: the status in words */
	bool is_for_other_origins; /* pages from elsewhere may load it as a script */
};

/**
 * Appends head and body.
 * @param has_body false: the head alone (HEAD)
 * @param closes the connection ends after it
 * @param now_ms wall clock, for Date
 * Errors: those of pz_buf_append.
 * @spec RFC 9112 4, 6; page 11; page 14 APP-9, WEB-9, WEB-10
 */
enum pz_err pz_http_answer_write(struct pz_buf *out, const struct pz_http_answer *answer,
				 bool has_body, bool closes, uint64_t now_ms) PZ_MUST_USE;

/**
 * Appends the answer with which a browser lets a page of another origin read from this machine: GET
 * alone, for PZ_HTTP_PREFLIGHT_S.
 * @param request a preflight that is accepted; its origin is written as it is
 * @param closes, now_ms as above
 * Errors: those of pz_buf_append.
 * @spec page 11, "Pages of the internet and this machine"
 */
enum pz_err pz_http_answer_preflight(struct pz_buf *out, const struct pz_http_request *request,
				     bool closes, uint64_t now_ms) PZ_MUST_USE;

/** Appends the answer that begins WebSocket. @param key of the request, checked. Errors: as above.
 * @spec RFC 6455 4.2.2 */
enum pz_err pz_http_answer_upgrade(struct pz_buf *out, struct pz_slice key) PZ_MUST_USE;

/** True when a key is the base64 text of 16 bytes. @spec RFC 6455 4.1 */
bool pz_http_key_is_valid(struct pz_slice key);

#endif
