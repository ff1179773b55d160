#include "common/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "common/bench.h"

#define FIRST_BYTES 4096

uint8_t *
bytes_reserve(struct bytes *b, size_t len)
{
	if (b->start + b->len + len > b->cap && b->start > 0) {
		memmove(b->mem, b->mem + b->start, b->len);
		b->start = 0;
	}
	if (b->len + len > b->cap) {
		size_t cap = b->cap ? b->cap : FIRST_BYTES;
		while (cap < b->len + len)
			cap *= 2;
		b->mem = realloc(b->mem, cap);
		if (b->mem == NULL)
			bench_fail("no memory");
		b->cap = cap;
	}
	return b->mem + b->start + b->len;
}

void
bytes_append(struct bytes *b, const void *from, size_t len)
{
	memcpy(bytes_reserve(b, len), from, len);
	b->len += len;
}

void
bytes_consume(struct bytes *b, size_t len)
{
	b->len -= len;
	b->start = b->len == 0 ? 0 : b->start + len;
}

void
bytes_free(struct bytes *b)
{
	free(b->mem);
	*b = (struct bytes){0};
}
