/* What is wrong with a document, and where. */
#ifndef PZ_POLICY_FAULT_H
#define PZ_POLICY_FAULT_H

#include "base/err.h"

struct pz_policy_fault {
	unsigned line; /* from 1; 0: the document as a whole */
	struct pz_errinfo info;
};

/** Fills `fault`, which may be NULL, and returns `err`. */
enum pz_err pz_policy_fail(struct pz_policy_fault *fault, unsigned line, enum pz_err err,
			   const char *fmt, ...) PZ_PRINTF(4, 5);

#endif
