/* A command line that a test needs from the system, such as ip(8). */
#ifndef PZ_KIT_SHELL_H
#define PZ_KIT_SHELL_H

/** Runs a command line with /bin/sh and waits for its end. @return its exit status; -1: it could
 * not be started, or a signal ended it */
int pz_kit_shell(const char *command);

#endif
