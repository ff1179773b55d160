/* What is expected of the other end of a session, from its beginning to the end of the handshake.
 */
#include <stdlib.h>
#include <string.h>

#include "tls/internal.h"

enum pz_err
pz_tls_expect_copy(const struct pz_expect *from, struct pz_tls_expect **out)
{
	size_t zone_len = from->zone ? strlen(from->zone) : 0;
	size_t device_len = from->device ? strlen(from->device) : 0;

	if (zone_len > PZ_ZONE_BYTES_MAX || device_len > PZ_DEVICE_BYTES_MAX)
		return PZ_ERR_CONFIG;
	/* Copied: the caller's strings may be freed while the handshake waits for the peer. */
	struct pz_tls_expect *to = calloc(1, sizeof(*to));
	if (to == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	to->want.role = from->role;
	if (from->zone != NULL)
		to->want.zone = memcpy(to->zone, from->zone, zone_len);
	if (from->device != NULL)
		to->want.device = memcpy(to->device, from->device, device_len);
	*out = to;
	return PZ_OK;
}
