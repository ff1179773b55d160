/* The last lines of the log, kept in memory for a report (`pzp bugreport`): the log of the service
 * manager cannot be located here, and reading it may need rights that the owner does not have. */
#ifndef PZ_DAEMON_LOG_RING_H
#define PZ_DAEMON_LOG_RING_H

#include "base/log.h"

/** One line. Borrowed for the call. */
struct pz_log_ring_line {
	uint64_t wall_ms; /* ms since 1970 */
	enum pz_log_level level;
	const char *id, *text;
};

/** Keeps each line that is logged from now on, PZ_LOG_RING_BYTES of the newest, and writes it by
 * pz_log_stderr. */
void pz_log_ring_start(void);

/** Calls `each` for the lines that are kept, the oldest first. @param each must not log */
void pz_log_ring_each(void (*each)(void *arg, const struct pz_log_ring_line *line), void *arg);

/** A sink that keeps the line, as pz_log_ring_start sets it. Thread-safe. @param arg not used */
void pz_log_ring_sink(void *arg, enum pz_log_level level, const char *id, const char *text);

#endif
