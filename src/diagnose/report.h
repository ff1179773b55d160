/* The text of `pzp bugreport`, from the answers of a daemon. @spec page 12 "Bug report" */
#ifndef PZ_DIAGNOSE_REPORT_H
#define PZ_DIAGNOSE_REPORT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "diagnose/scrub.h"

/** Answers of commands. All borrowed; those but `findings` are NULL where no daemon answers. */
struct pz_report {
	json_t *findings; /* finding.h */
	json_t *status, *log;
	json_t *peers, *user, *prefs, *apps; /* for the names in them */
	const char *data_dir;                /* as the person named it, or NULL */
	uint64_t wall_ms;                    /* now */
};

/**
 * Writes the report without names, keys and values.
 * @param out its errors are the caller's to look for
 * Errors: LIMIT_MEMORY (the output must not be used).
 */
enum pz_err pz_report_write(const struct pz_report *report, FILE *out) PZ_MUST_USE;

#endif
