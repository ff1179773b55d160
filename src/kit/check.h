/* What must hold in the kit itself and in fuzz targets, which have no cmocka. */
#ifndef PZ_KIT_CHECK_H
#define PZ_KIT_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

/** Ends the process with the place and the condition when it does not hold. */
#define PZ_KIT_CHECK(condition)                                                                    \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/** Ends the process when the call does not succeed. */
#define PZ_KIT_OK(call) PZ_KIT_CHECK((call) == PZ_OK)

#endif
