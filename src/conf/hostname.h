/* Names of a device that are made from the name of its host. */
#ifndef PZ_CONF_HOSTNAME_H
#define PZ_CONF_HOSTNAME_H

#include <stdbool.h>
#include <stddef.h>

/**
 * The first label of the host's name as a name that a device may have: Latin letters with marks
 * lose them ("Müller-PC": "Mueller-PC"), blanks become '-', what else does not fit is left out;
 * "device" when nothing is left.
 * @param host UTF-8 or not
 */
void pz_hostname_device(const char *host, char *out, size_t size);

/**
 * The host's name for people, if it differs from pz_hostname_device.
 * @param out untouched otherwise
 * @return false: the two are the same, or the name is not text that can be shown
 */
bool pz_hostname_display(const char *host, char *out, size_t size);

#endif
