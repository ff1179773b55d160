/* Names of files as another device sends them: what is accepted as one, and which name it gets
 * here.
 * @spec page 15 "Kind file" */
#ifndef PZ_TRANSFER_NAME_H
#define PZ_TRANSFER_NAME_H

#include <stdbool.h>

#include "base/limits.h"
#include "base/slice.h"

/** Checks that a name is one component of a path, and valid on every system: 1 to
 * PZ_TRANSFER_NAME_BYTES_MAX bytes of UTF-8, no control characters, neither '/' nor '\', no dot in
 * front, neither dot nor space at the end, no name of a device of other systems (CON, nul.txt).
 * @return NULL: it is valid; else what is wrong, in words that follow "its name"
 */
const char *pz_transfer_name_fault(struct pz_slice name);

/**
 * The name with a number before its last extension, "a (1).txt", cut so that it stays within
 * PZ_TRANSFER_NAME_BYTES_MAX. @param number 0: the name as it is
 */
void pz_transfer_name_numbered(const char *name, unsigned number,
			       char out[PZ_TRANSFER_NAME_BYTES_MAX + 1]);

#endif
