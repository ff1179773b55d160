/* JSON in tests: written with ' for ", and compared as text. */
#ifndef PZ_KIT_JSON_H
#define PZ_KIT_JSON_H

#include "kit/test.h"

#include <jansson.h>

/** Parses a text in which ' stands for "; fails when it is not JSON. @return the caller's */
json_t *pz_kit_json(const char *text);

/** An array of `count` times the same text. @return the caller's */
json_t *pz_kit_json_texts(size_t count, const char *text);

/** Fails unless the tree is `expected`, in jansson's compact form. @param takes_tree may not be
 * NULL
 */
void pz_kit_json_is(json_t *takes_tree, const char *expected, const char *file, int line);
#define assert_json(takes_tree, expected)                                                          \
	pz_kit_json_is((takes_tree), (expected), __FILE__, __LINE__)

#endif
