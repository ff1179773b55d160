/* JSON trees (jansson) for whoever reads a payload, and the strict check that guards them. */
#ifndef PZ_WIRE_JSON_H
#define PZ_WIRE_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "base/slice.h"

/**
 * Checks that the bytes are exactly one JSON value (RFC 8259), UTF-8, nested at most
 * PZ_JSON_DEPTH_MAX deep (a container at the top is level 1). No allocation.
 * @param object_only also refuse a value that is no object
 * Errors: PROTO_JSON, PROTO_UTF8, PROTO_DEPTH.
 */
enum pz_err pz_json_check(struct pz_slice body, bool object_only) PZ_MUST_USE;

/**
 * Parses any JSON value into a tree. Stricter than the check: duplicate members on any level, a
 * NUL in a string and numbers out of range are refused too.
 * @param info says what is wrong; may be NULL
 * @return a new reference for the caller, or NULL (malformed, or out of memory)
 */
json_t *pz_json_parse(struct pz_slice body, struct pz_errinfo *info) PZ_MUST_USE;

/** Value of a string member, borrowed from obj; NULL when absent, no string, or obj no object. */
const char *pz_json_str(const json_t *obj, const char *key);

/** Reads an integer member. False, *out untouched: absent, no integer, or outside min to max. */
bool pz_json_int(const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *out);

#endif
