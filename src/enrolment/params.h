/* The parameters of the command `enrol` (page 12). Inside enrolment/ only. */
#ifndef PZ_ENROLMENT_PARAMS_H
#define PZ_ENROLMENT_PARAMS_H

#include <jansson.h>

#include "base/err.h"
#include "enrol/link.h"
#include "wire/address.h"

/**
 * Reads them: a link, or host, zone and port; a code, which may be in the link; a name.
 * @param params checked against the table of commands
 * @param own_name the device's name where none is given
 * @param out_where zeroed by the caller; wiped by it when it is done, since it has the code
 * Errors: CONFIG (with what to type instead), those of pz_enrol_link_parse.
 */
enum pz_err
pz_enrolment_read_params(json_t *params, const char *own_name, struct pz_enrol_link *out_where,
			 char out_device[PZ_DEVICE_BYTES_MAX + 1],
			 struct pz_errinfo *info) PZ_MUST_USE;

#endif
