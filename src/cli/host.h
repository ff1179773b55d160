/* "HOST[:PORT]" as people write it. */
#ifndef PZ_CLI_HOST_H
#define PZ_CLI_HOST_H

#include <stdbool.h>

#include "base/limits.h"

#define PZ_CLI_HUB_PORT 8041 /* page 12 */

/** 1 to 65535 in decimal digits and nothing else. */
bool pz_cli_parse_port(const char *text, unsigned *out_port);
/** "host", "host:port", "[v6]:port" or a bare IPv6 address; a host as in base/host.h.
 * *out_port stays when none is given. */
bool pz_cli_split_host(const char *text, char host[PZ_HOST_BYTES_MAX + 1], unsigned *out_port);

#endif
