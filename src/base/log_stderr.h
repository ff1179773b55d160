/* Where lines of the log go by default: standard error, without ever waiting for its reader. */
#ifndef PZ_BASE_LOG_STDERR_H
#define PZ_BASE_LOG_STDERR_H

#include "base/log.h"

/** Longest line that is written, line feed included. At most PIPE_BUF, so that lines of several
 * processes in one pipe do not mix. */
#define PZ_LOG_LINE_BYTES_MAX 3072U

/** "ERROR" ... "DEBUG", as a line begins outside the journal. */
const char *pz_log_level_label(enum pz_log_level level);

/**
 * Writes one line to standard error. A pipe, socket or terminal that is not read makes nothing
 * wait: the line is dropped and counted, and the count is written before the next line that finds
 * room ("log-dropped lines=N"). The open file that standard error shares with other processes is
 * not changed (no O_NONBLOCK on it). The line begins with "<5>" where standard error is the stream
 * that JOURNAL_STREAM names (device and inode), with the time of day on a terminal, else with the
 * level's name. Thread-safe. @param arg not used.
 * @spec systemd.exec(5) "JOURNAL_STREAM", sd-daemon(3)
 */
void pz_log_stderr(void *arg, enum pz_log_level level, const char *id, const char *text);

#endif
