/*
 * A buffer is one block of memory with the unconsumed bytes somewhere inside. Consuming moves only
 * `start`, so it is O(1). When the tail is used up, the bytes are moved to the front if at least a
 * quarter as many were consumed since the last move, else the block doubles: every byte is moved a
 * bounded number of times. For that to hold at the maximum too, a block may be a quarter larger
 * than `max`.
 *
 * Pool blocks all have pool->block_bytes; larger needs come from malloc and are always larger than
 * a block, so cap alone says where memory has to go back to.
 */
#include "base/buf.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_BYTES 64

struct block {
	struct block *next;
};

struct pz_buf_pool {
	size_t block_bytes;
	size_t keep_max;
	size_t kept;
	struct block *free;
};

struct pz_buf_pool *
pz_buf_pool_new(size_t block_bytes, size_t keep_max)
{
	struct pz_buf_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->block_bytes = block_bytes < sizeof(struct block) ? sizeof(struct block) : block_bytes;
	pool->keep_max = keep_max;
	return pool;
}

void
pz_buf_pool_free(struct pz_buf_pool *pool)
{
	if (pool == NULL)
		return;
	while (pool->free) {
		struct block *b = pool->free;
		pool->free = b->next;
		free(b);
	}
	free(pool);
}

static uint8_t *
pool_get(struct pz_buf_pool *pool)
{
	struct block *b = pool->free;

	if (b == NULL)
		return malloc(pool->block_bytes);
	pool->free = b->next;
	pool->kept--;
	return (uint8_t *)b;
}

static void
pool_put(struct pz_buf_pool *pool, uint8_t *mem)
{
	struct block *b = (struct block *)(void *)mem;

	if (pool->kept >= pool->keep_max) {
		free(mem);
		return;
	}
	b->next = pool->free;
	pool->free = b;
	pool->kept++;
}

static void
give_back(struct pz_buf *buf)
{
	if (buf->pool && buf->mem && buf->cap == buf->pool->block_bytes)
		pool_put(buf->pool, buf->mem);
	else
		free(buf->mem);
	buf->mem = NULL;
	buf->start = buf->len = buf->cap = 0;
}

void
pz_buf_init(struct pz_buf *buf, size_t max, struct pz_buf_pool *pool)
{
	*buf = (struct pz_buf){.max = max, .pool = pool};
}

void
pz_buf_fini(struct pz_buf *buf)
{
	give_back(buf);
}

void
pz_buf_wipe(struct pz_buf *buf)
{
	if (buf->mem)
		sodium_memzero(buf->mem, buf->cap);
	give_back(buf);
}

static size_t
add_sat(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* Capacity for `need` bytes: doubled, but not over a quarter more than the maximum. */
static size_t
next_cap(const struct pz_buf *buf, size_t need)
{
	size_t cap = add_sat(buf->cap, buf->cap);
	size_t top = add_sat(add_sat(buf->max, buf->max / 4), 1);

	if (cap < FIRST_BYTES)
		cap = FIRST_BYTES;
	if (cap > top)
		cap = top;
	return cap < need ? need : cap;
}

static enum pz_err
grow(struct pz_buf *buf, size_t need)
{
	struct pz_buf old = *buf;
	size_t cap = next_cap(buf, need);
	bool pooled = buf->pool && buf->mem == NULL && need <= buf->pool->block_bytes;
	uint8_t *mem = pooled ? pool_get(buf->pool) : NULL;

	if (pooled)
		cap = buf->pool->block_bytes;
	else if (buf->pool && cap <= buf->pool->block_bytes)
		cap = buf->pool->block_bytes + 1; /* cap distinguishes pool blocks from malloc */
	if (!pooled)
		mem = malloc(cap);
	if (mem == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	if (old.len > 0)
		memcpy(mem, old.mem + old.start, old.len);
	/* A plain buffer may hold a secret that pz_buf_wipe is to remove: leave no old copy. */
	if (old.pool == NULL && old.mem)
		sodium_memzero(old.mem, old.cap);
	give_back(&old);
	buf->mem = mem;
	buf->start = 0;
	buf->cap = cap;
	return PZ_OK;
}

/* Room for len bytes that count against max and `spare` that do not. */
static enum pz_err
make_room(struct pz_buf *buf, size_t len, size_t spare, uint8_t **out)
{
	size_t need;

	if (len > buf->max || buf->len > buf->max - len)
		return PZ_ERR_LIMIT_QUEUE;
	need = add_sat(buf->len + len, spare);
	if (need > buf->cap - buf->start) {
		if (need <= buf->cap && buf->start >= buf->len / 4) {
			memmove(buf->mem, buf->mem + buf->start, buf->len);
			buf->start = 0;
		} else {
			PZ_TRY(grow(buf, need));
		}
	}
	*out = buf->mem ? buf->mem + buf->start + buf->len : NULL;
	return PZ_OK;
}

enum pz_err
pz_buf_reserve(struct pz_buf *buf, size_t len, uint8_t **out)
{
	return make_room(buf, len, 0, out);
}

void
pz_buf_commit(struct pz_buf *buf, size_t len)
{
	buf->len += len;
	if (buf->len == 0)
		give_back(buf);
}

enum pz_err
pz_buf_append(struct pz_buf *buf, struct pz_slice bytes)
{
	uint8_t *at;

	if (bytes.len == 0)
		return PZ_OK;
	PZ_TRY(make_room(buf, bytes.len, 0, &at));
	memcpy(at, bytes.ptr, bytes.len);
	buf->len += bytes.len;
	return PZ_OK;
}

enum pz_err
pz_buf_append_str(struct pz_buf *buf, const char *s)
{
	return pz_buf_append(buf, pz_slice_str(s));
}

enum pz_err
pz_buf_printf(struct pz_buf *buf, const char *fmt, ...)
{
	enum pz_err err;
	uint8_t *at;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return PZ_ERR_INTERNAL;
	err = make_room(buf, (size_t)n, 1, &at); /* one more for vsnprintf's NUL */
	if (err != PZ_OK)
		return err;
	va_start(ap, fmt);
	vsnprintf((char *)at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	pz_buf_commit(buf, (size_t)n);
	return PZ_OK;
}

void
pz_buf_consume(struct pz_buf *buf, size_t len)
{
	buf->start += len;
	buf->len -= len;
	if (buf->len == 0)
		give_back(buf);
}

void
pz_buf_clear(struct pz_buf *buf)
{
	buf->start = buf->len = 0;
}
