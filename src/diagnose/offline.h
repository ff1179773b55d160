/* `pzp doctor` where no daemon runs. */
#ifndef PZ_DIAGNOSE_OFFLINE_H
#define PZ_DIAGNOSE_OFFLINE_H

#include <jansson.h>

/** Examines the device of this data directory, on a separate loop; waits for the end.
 * @return findings (finding.h), new; NULL: out of memory or descriptors */
json_t *pz_diagnose_offline(const char *data_dir);

#endif
