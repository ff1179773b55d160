/* Included before every source that an analyser reads: what it cannot see from one file. */
#ifdef __cppcheck__

/* It does not read system headers. These are jansson's loops, as far as it cares. */
#define json_array_foreach(a, i, v)                                                                \
	for (i = 0; i < json_array_size(a) && (v = json_array_get(a, i)); i++)
#define json_object_foreach(o, k, v)                                                               \
	for (k = json_first_key(o); k && (v = json_object_get(o, k)); k = json_next_key(o, k))
#define json_object_foreach_safe(o, n, k, v) json_object_foreach (o, k, v)

#else

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"

/* The count of references is jansson's. Read inline, each change of it is three branches, and
   nothing of ours differs after them. */
void pz_lint_json_count(json_t *value);
#define json_decref(value) pz_lint_json_count(value)
#define json_incref(value)                                                                         \
	({                                                                                         \
		json_t *pz_lint_value = (value);                                                   \
		pz_lint_json_count(pz_lint_value);                                                 \
		pz_lint_value;                                                                     \
	})

/* pz_fail() never returns PZ_OK: it returns what it was given. */
#define pz_fail(info, err, ...) (pz_fail(info, err, __VA_ARGS__), (err))

/* A log line is always written: the analyser would follow each path with it and without it, though
   nothing differs after it, and so use up its bound of nodes. */
#undef PZ_LOG
#define PZ_LOG(level, ...) pz_log_write((level), __VA_ARGS__)
#undef PZ_LOG_OF
#define PZ_LOG_OF(level, rate, env, id, fmt, ...)                                                  \
	((void)(rate), (void)(env),                                                                \
	 pz_log_write((level), (id), "suppressed=%u " fmt, 0U, ##__VA_ARGS__))

#endif
