/* The generic cell rate algorithm (ITU-T I.371, annex A): one point in time represents the whole
 * bucket. */
#include "enrol/signing.h"

bool
pz_signing_take(struct pz_signing *signing, uint32_t max, uint64_t now_us, uint64_t patience_us,
		uint64_t *out_wait_us)
{
	*out_wait_us = 0;
	if (max == 0)
		return true;
	uint64_t each_us = PZ_SIGNATURES_WITHIN_US / max, burst_us = (max - 1) * each_us;
	uint64_t due_us = signing->due_us > now_us ? signing->due_us : now_us;

	if (due_us > now_us + burst_us)
		*out_wait_us = due_us - burst_us - now_us;
	if (*out_wait_us > patience_us)
		return false;
	signing->due_us = due_us + each_us;
	return true;
}
