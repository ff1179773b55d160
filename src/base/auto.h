/* Scope clean-up: PZ_AUTO(free_fn) type *p = NULL; calls free_fn(p) when p leaves its scope. */
#ifndef PZ_BASE_AUTO_H
#define PZ_BASE_AUTO_H

#include <stdlib.h>

/** Defines the helper that PZ_AUTO(fn) needs for pointers of `type`. */
#define PZ_AUTO_DEFINE(type, fn)                                                                   \
	static inline void pz_auto_##fn(type **p)                                                  \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}

#define PZ_AUTO(fn) __attribute__((cleanup(pz_auto_##fn)))

/** For anything from malloc: PZ_AUTO_FREE char *s = ...; */
static inline void
pz_auto_free(void *p)
{
	free(*(void **)p);
}
#define PZ_AUTO_FREE __attribute__((cleanup(pz_auto_free)))

/** Hands the pointer to the caller and disarms the clean-up. */
#define PZ_TAKE(p)                                                                                 \
	({                                                                                         \
		__typeof__(p) pz_taken = (p);                                                      \
		(p) = NULL;                                                                        \
		pz_taken;                                                                          \
	})

#endif
