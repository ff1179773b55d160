/* Buffers: owned bytes that grow to a stated maximum and are consumed from the front. */
#ifndef PZ_BASE_BUF_H
#define PZ_BASE_BUF_H

#include "base/err.h"
#include "base/slice.h"

/** A byte queue. Zero-initialised is valid and empty with max 0 (nothing can be appended). */
struct pz_buf {
	uint8_t *mem;             /* owned */
	size_t start;             /* first unconsumed byte */
	size_t len;               /* unconsumed bytes */
	size_t cap;               /* allocated bytes */
	size_t max;               /* len never exceeds this */
	struct pz_buf_pool *pool; /* NULL: plain malloc */
};

/**
 * A free list of equally sized blocks, so that a buffer that empties and fills again costs no
 * allocation ("no allocation per forwarded message", page 13). One pool per thread, no locks.
 */
struct pz_buf_pool;

/** @param block_bytes size of a block; @param keep_max blocks kept when unused. NULL: out of
 * memory. */
struct pz_buf_pool *pz_buf_pool_new(size_t block_bytes, size_t keep_max);
/** Frees the pool and its unused blocks. Every buffer of the pool must have been freed before. NULL
 * is fine. */
void pz_buf_pool_free(struct pz_buf_pool *pool);

/** Empty buffer with a maximum. @param pool borrowed for the buffer's life, or NULL. */
void pz_buf_init(struct pz_buf *buf, size_t max, struct pz_buf_pool *pool);
/** Gives the memory back (or to the pool). The buffer is then empty and usable again. */
void pz_buf_fini(struct pz_buf *buf);
/** Like fini, but overwrites the memory first: for secrets. */
void pz_buf_wipe(struct pz_buf *buf);

/** Appends bytes. Errors: LIMIT_QUEUE (max would be passed), LIMIT_MEMORY. Nothing is appended on
 * failure. */
enum pz_err pz_buf_append(struct pz_buf *buf, struct pz_slice bytes) PZ_MUST_USE;
/** Appends a string without its NUL. Errors: as pz_buf_append. */
enum pz_err pz_buf_append_str(struct pz_buf *buf, const char *s) PZ_MUST_USE;
/** Appends formatted text without a NUL. Errors: as pz_buf_append; INTERNAL (vsnprintf failed). */
enum pz_err pz_buf_printf(struct pz_buf *buf, const char *fmt, ...) PZ_PRINTF(2, 3) PZ_MUST_USE;

/** Makes room for at least `len` more bytes; *out points at them; commit with pz_buf_commit. */
enum pz_err pz_buf_reserve(struct pz_buf *buf, size_t len, uint8_t **out) PZ_MUST_USE;
/** Counts `len` bytes as appended that were written at *out of pz_buf_reserve. @param len at most
 * what was reserved */
void pz_buf_commit(struct pz_buf *buf, size_t len);

/** The unconsumed bytes, borrowed until the next change. */
static inline struct pz_slice
pz_buf_slice(const struct pz_buf *buf)
{
	return (struct pz_slice){buf->mem ? buf->mem + buf->start : NULL, buf->len};
}

/** Drops all bytes and keeps the memory, for what is filled again soon. */
void pz_buf_clear(struct pz_buf *buf);

/** Drops `len` bytes from the front (len <= buf->len). An emptied buffer returns its memory. */
void pz_buf_consume(struct pz_buf *buf, size_t len);

#endif
