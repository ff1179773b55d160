/* Slices: borrowed bytes, valid until the call that passed them returns. */
#ifndef PZ_BASE_SLICE_H
#define PZ_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** Borrowed, not NUL-terminated bytes. ptr may be NULL when len is 0. */
struct pz_slice {
	const uint8_t *ptr;
	size_t len;
};

/** Slice of a NUL-terminated string; NULL gives an empty slice. */
static inline struct pz_slice
pz_slice_str(const char *s)
{
	return (struct pz_slice){(const uint8_t *)s, s ? strlen(s) : 0};
}

/** Slice of that many bytes. */
static inline struct pz_slice
pz_slice_of(const void *ptr, size_t len)
{
	return (struct pz_slice){(const uint8_t *)ptr, len};
}

/** Bytewise equality (not constant time; secrets use sodium_memcmp). */
static inline bool
pz_slice_eq(struct pz_slice a, struct pz_slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/** The same with a NUL-terminated string. */
static inline bool
pz_slice_eq_str(struct pz_slice a, const char *s)
{
	return pz_slice_eq(a, pz_slice_str(s));
}

/** Copies into a fresh NUL-terminated string that the caller frees; NULL when memory is out. */
static inline char *
pz_slice_dup(struct pz_slice s)
{
	char *copy = (char *)malloc(s.len + 1);

	if (copy == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

/** Total order: bytewise, shorter first on a common prefix. */
static inline int
pz_slice_cmp(struct pz_slice a, struct pz_slice b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/** For printf: "%.*s", PZ_SLICE_FMT(s). */
#define PZ_SLICE_FMT(s) (int)(s).len, (const char *)(s).ptr

#endif
