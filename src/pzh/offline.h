/* What `pzh` can do without a daemon. */
#ifndef PZ_PZH_OFFLINE_H
#define PZ_PZH_OFFLINE_H

#include <jansson.h>

#include "base/err.h"

/**
 * Makes a zone directly in a data directory that no daemon uses.
 * @param name may be NULL
 * @param out_result object of `pzh init`, the caller's
 * Errors: EXISTS (a daemon runs on the directory, or the zone exists), those of pz_authority_create
 * and the store.
 */
enum pz_err
pz_pzh_init_offline(const char *data_dir, const char *zone, const char *host, const char *name,
		    json_t **out_result, struct pz_errinfo *info) PZ_MUST_USE;

#endif
