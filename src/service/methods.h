/*
 * What a descriptor says of a service's functions: [{name, params, returns, stream, text}] (page
 * 12, `pzp describe`). For people and completion only: what a service accepts is in its own table.
 */
#ifndef PZ_SERVICE_METHODS_H
#define PZ_SERVICE_METHODS_H

#include <jansson.h>
#include <stddef.h>

struct pz_method_def;

/** The functions of a static table. New array; NULL: none, more than fit, or out of memory. */
json_t *pz_methods_of(const struct pz_method_def *table, size_t count);

/**
 * Rebuilds what another party says of its functions, reduced to known members. An entry without a
 * valid name is left out, and so is a member that is not as it must be: names of functions and
 * parameters are letters, digits, "_" and ".", texts are printable UTF-8
 * (PZ_METHOD_TEXT_BYTES_MAX).
 * @param list borrowed, of any type
 * @return new array; NULL: no array, over PZ_METHODS_PER_SERVICE_MAX, nothing left, or out of
 * memory
 */
json_t *pz_methods_copy(const json_t *list);

#endif
