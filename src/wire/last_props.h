/* Selects what is still worth sending from the queue of a link that ends. */
#ifndef PZ_WIRE_LAST_PROPS_H
#define PZ_WIRE_LAST_PROPS_H

#include "base/buf.h"

/**
 * Appends the newest props among whole frames, in their order, as many as fit below the maximum of
 * `out`. Calls, answers and receipts are left out: they take another route, or end with an error.
 * @param frames each with its header; borrowed
 * Errors: LIMIT_MEMORY.
 */
enum pz_err pz_last_props(struct pz_slice frames, struct pz_buf *out) PZ_MUST_USE;

#endif
