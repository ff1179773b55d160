/* A descriptor as the file of a command: libuv's threads read and write, the loop never waits.
 * @spec page 12 "pzh" */
#ifndef PZ_DAEMON_FILE_H
#define PZ_DAEMON_FILE_H

#include "command/file.h"
#include "net/loop.h"

/**
 * Makes a file of a descriptor that another process has opened. Reads and writes begin at the start
 * of the file, wherever the descriptor stands.
 * @param loop borrowed; must run until the file is closed, and pz_loop_fini after that
 * @param takes_fd closed with the file, and on failure
 * Errors: CONFIG (no regular file: a pipe or a device could make a thread wait for ever; or only a
 * path without access, O_PATH), IO, LIMIT_MEMORY.
 */
enum pz_err pz_file_new(struct pz_loop *loop, int takes_fd, struct pz_file **out,
			struct pz_errinfo *info) PZ_MUST_USE;

#endif
