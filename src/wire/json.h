/*
 * JSON texts from other nodes: the only place that parses them into trees (jansson), the strict
 * check before it, and functions that read a text without a tree. A text that pz_envelope_scan has
 * accepted is either parsed here or refused with a reason; the caller answers and counts a refusal.
 */
#ifndef PZ_WIRE_JSON_H
#define PZ_WIRE_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "base/slice.h"

/**
 * Checks that the bytes are exactly one JSON value (RFC 8259), UTF-8, nested at most
 * PZ_JSON_DEPTH_MAX deep (a container at the top is level 1), of at most PZ_JSON_VALUES_MAX values.
 * No allocation.
 * @param object_only also refuse a value that is no object
 * Errors: PROTO_JSON, PROTO_UTF8, PROTO_DEPTH, LIMIT (too many values).
 * @spec page 14 PRS-3
 */
enum pz_err pz_json_check(struct pz_slice body, bool object_only) PZ_MUST_USE;

/** How a text is read; 0: as pz_json_parse does. */
enum pz_json_flags {
	PZ_JSON_NUL = 1, /* accepts NUL in a string (not in a member's name): for texts that are
			  * forwarded unchanged; they have to be read with their length */
	PZ_JSON_OWN = 2, /* our own daemon or store wrote it: no limit of values, and jansson's
			  * limit of depth (2048) */
};

/**
 * Parses any JSON value into a tree. Stricter than the check: a member twice on any level, a NUL in
 * a string (without PZ_JSON_NUL) or in a name, and numbers outside the range of a double are
 * refused too. An integer that does not fit 64 bits becomes the nearest double, as in other JSON
 * readers.
 * @param flags of enum pz_json_flags
 * @param info says what is wrong; may be NULL
 * @return a new reference for the caller, or NULL (malformed, or out of memory)
 */
json_t *pz_json_read(struct pz_slice body, unsigned flags, struct pz_errinfo *info) PZ_MUST_USE;

/** pz_json_read without flags. */
json_t *pz_json_parse(struct pz_slice body, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Finds a member of an object without a tree.
 * @param object a text that pz_json_check or pz_envelope_scan has accepted
 * @param out the value's bytes; borrowed
 * Errors: NOTFOUND (no object, or no such member), EXISTS (the member is there twice).
 */
enum pz_err
pz_json_member(struct pz_slice object, const char *name, struct pz_slice *out) PZ_MUST_USE;

/**
 * Goes through the elements of an array without a tree.
 * @param rest an accepted text at first; the remaining text after each call
 * @param out the element's bytes; borrowed
 * @return false: there are no more, or it is no array
 */
bool pz_json_next(struct pz_slice *rest, struct pz_slice *out);

/** Value of a string member, borrowed from obj; NULL when absent, no string, a string with a NUL in
 * it, or obj no object. */
const char *pz_json_str(const json_t *obj, const char *key);

/** A string's text, borrowed; NULL when it is no string or has a NUL in it. */
const char *pz_json_text(const json_t *value);

/** Reads an integer member. False, *out untouched: absent, no integer, or outside min to max. */
bool pz_json_int(const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *out);

/** A member of that name, with value true, in an object that is a set of names. If memory is out it
 * is left out. */
void pz_json_set_add(json_t *set, struct pz_slice name);

#endif
