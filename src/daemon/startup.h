/* What every program does first of all, however it was started. */
#ifndef PZ_DAEMON_STARTUP_H
#define PZ_DAEMON_STARTUP_H

#include "base/err.h"

/**
 * Opens /dev/null for each of the descriptors 0, 1 and 2 that is closed: else the next file, socket
 * or pipe that is opened would get its number, and output would go there. Standard output is opened
 * for reading only: a write to it fails, and the program can say that its output is
 * lost. Call it before anything else is opened.
 * Errors: IO (no /dev/null).
 */
enum pz_err pz_startup_open_standard(void) PZ_MUST_USE;

/** No core file and no other process of this user shows the memory, where keys are.
 * @spec page 14, KEY-5 */
void pz_startup_hide_memory(void);

#endif
