/* Errors: one enum for the whole code base, with a category in its upper byte. */
#ifndef PZ_BASE_ERR_H
#define PZ_BASE_ERR_H

/* X(name, category number, text for people). The value is category << 8 | running number. */
#define PZ_ERR_LIST(X)                                                                             \
	X(IO, 1, 0, "input/output error")                                                          \
	X(IO_CLOSED, 1, 1, "connection closed")                                                    \
	X(IO_TIMEOUT, 1, 2, "timed out")                                                           \
	X(IO_RESOLVE, 1, 3, "name not resolved")                                                   \
	X(IO_REFUSED, 1, 4, "connection refused")                                                  \
	X(IO_FULL, 1, 5, "no space left")                                                          \
	X(PROTO, 2, 0, "protocol violation")                                                       \
	X(PROTO_UTF8, 2, 1, "invalid UTF-8")                                                       \
	X(PROTO_JSON, 2, 2, "not a JSON object")                                                   \
	X(PROTO_DEPTH, 2, 3, "JSON nested too deep")                                               \
	X(PROTO_DUPLICATE, 2, 4, "duplicate member")                                               \
	X(PROTO_FRAME, 2, 5, "frame length out of range")                                          \
	X(PROTO_MEMBER, 2, 6, "member missing or of the wrong type")                               \
	X(PROTO_ADDRESS, 2, 7, "malformed address")                                                \
	X(DENIED, 3, 0, "denied")                                                                  \
	X(DENIED_IDENTITY, 3, 1, "not the expected identity")                                      \
	X(DENIED_REVOKED, 3, 2, "certificate revoked")                                             \
	X(DENIED_EXPIRED, 3, 3, "certificate expired or not yet valid")                            \
	X(DENIED_CHAIN, 3, 4, "certificate chain not trusted")                                     \
	X(DENIED_WEAK, 3, 5, "key or signature too weak")                                          \
	X(DENIED_CODE, 3, 6, "wrong code")                                                         \
	X(DENIED_PERMISSION, 3, 7, "file permissions too open")                                    \
	X(DENIED_REMOTE, 3, 8, "refused by the other end")                                         \
	X(DENIED_REMOTE_DATE, 3, 9, "refused by the other end for the certificate's dates")        \
	X(LIMIT, 4, 0, "limit reached")                                                            \
	X(LIMIT_MEMORY, 4, 1, "out of memory")                                                     \
	X(LIMIT_QUEUE, 4, 2, "queue full")                                                         \
	X(NOTFOUND, 5, 0, "not found")                                                             \
	X(EXISTS, 5, 1, "already exists")                                                          \
	X(CONFIG, 6, 0, "invalid setting")                                                         \
	X(CRYPTO, 7, 0, "cryptographic operation failed")                                          \
	X(INTERNAL, 8, 0, "internal error")

/** Result of every function that can fail in more than one way. 0 is success. */
enum pz_err {
	PZ_OK = 0,
#define X(name, cat, num, text) PZ_ERR_##name = (cat) << 8 | (num),
	PZ_ERR_LIST(X)
#undef X
};

/** What kind of failure it was: callers that only need to choose a reaction switch on this. */
enum pz_err_category {
	PZ_CAT_OK = 0,
	PZ_CAT_IO = 1,
	PZ_CAT_PROTO = 2,
	PZ_CAT_DENIED = 3,
	PZ_CAT_LIMIT = 4,
	PZ_CAT_NOTFOUND = 5,
	PZ_CAT_CONFIG = 6,
	PZ_CAT_CRYPTO = 7,
	PZ_CAT_INTERNAL = 8,
};

/** Detail of a failure for people: one line, no secrets, always NUL-terminated. */
struct pz_errinfo {
	char text[256];
};

#define PZ_MUST_USE __attribute__((warn_unused_result))
#define PZ_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/** Category of an error. */
enum pz_err_category pz_err_category(enum pz_err err);

/** Short lower-case text of an error, static storage, never NULL. */
const char *pz_err_text(enum pz_err err);

/** Symbolic name such as "PROTO_UTF8", static storage, never NULL. */
const char *pz_err_name(enum pz_err err);

/**
 * Writes the detail line and returns the error, so that a failure is one statement:
 *     return pz_fail(info, PZ_ERR_CONFIG, "port %d: out of range", port);
 * @param info may be NULL (the detail is then dropped)
 * Control characters in the formatted text are replaced by '?'.
 */
enum pz_err pz_fail(struct pz_errinfo *info, enum pz_err err, const char *fmt, ...) PZ_PRINTF(3, 4);

/** The detail, or the error's own text where whatever failed has left none. */
const char *pz_errinfo_text(const struct pz_errinfo *info, enum pz_err err);

/** Returns from the calling function when the expression fails. The only macro with control flow.
 */
#define PZ_TRY(expr)                                                                               \
	do {                                                                                       \
		enum pz_err pz_try_err = (expr);                                                   \
		if (pz_try_err != PZ_OK)                                                           \
			return pz_try_err;                                                         \
	} while (0)

#endif
