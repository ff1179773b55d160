/* A byte queue: appended at the end, consumed from the front. Out of memory ends the program. */
#ifndef PZ_BENCH_BYTES_H
#define PZ_BENCH_BYTES_H

#include <stddef.h>
#include <stdint.h>

/** Zero-initialised is empty. */
struct bytes {
	uint8_t *mem;
	size_t start, len, cap;
};

/** First byte of the queue. */
static inline uint8_t *
bytes_front(const struct bytes *bytes)
{
	return bytes->mem + bytes->start;
}

/** Makes room for `len` more bytes and returns where they belong; add them to bytes->len. */
uint8_t *bytes_reserve(struct bytes *bytes, size_t len);
void bytes_append(struct bytes *bytes, const void *from, size_t len);
/** Drops bytes from the front. The memory stays. */
void bytes_consume(struct bytes *bytes, size_t len);
/** Frees the memory; the queue is empty and usable again. */
void bytes_free(struct bytes *bytes);

#endif
