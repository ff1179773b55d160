/* Compiled in, since a file could be missing: without it all calls would be denied. */
#include "policies/default.h"

static const uint8_t text[] = {
#include <default_user_policy.inc> /* made by CMake */
};

struct pz_slice
pz_policies_default(void)
{
	return pz_slice_of(text, sizeof(text));
}
