/* What `pzp doctor` and `pzp bugreport` share. */
#ifndef PZ_CLI_PZP_DOCTOR_H
#define PZ_CLI_PZP_DOCTOR_H

#include <jansson.h>

struct pz_cli;

/** Examines this device: by its daemon, or without it where none can be reached.
 * @param out_findings new array (diagnose/finding.h); untouched on failure
 * @return an exit status; the reason of a failure was printed */
int pz_pzp_examine(struct pz_cli *cli, json_t **out_findings);

#endif
