/* Included before every source that an analyser reads: what it cannot see from one file. */
#ifdef __cppcheck__

/* It does not read system headers. These are jansson's loops, as far as it cares. */
#define json_array_foreach(a, i, v)                                                                \
	for (i = 0; i < json_array_size(a) && (v = json_array_get(a, i)); i++)
#define json_object_foreach(o, k, v)                                                               \
	for (k = json_first_key(o); k && (v = json_object_get(o, k)); k = json_next_key(o, k))
#define json_object_foreach_safe(o, n, k, v) json_object_foreach (o, k, v)

#else

#include "base/err.h"

/* pz_fail() never returns PZ_OK: it returns what it was given. */
#define pz_fail(info, err, ...) (pz_fail(info, err, __VA_ARGS__), (err))

#endif
