/* Child processes for services made of commands. */
#ifndef PZ_NET_PROCESS_H
#define PZ_NET_PROCESS_H

#include <sys/types.h>

#include "net/loop.h"
#include "service/command.h"

/** Processes on a loop; the ops' argument is the struct pz_loop. A process gets three pipes and no
 * other descriptor, signals as they are by default, and the limit of open files that this program
 * was started with. @spec service/command.h */
extern const struct pz_process_ops pz_loop_process_ops;

/** True for a process that pz_loop_process_ops started and whose exit its owner has not been told
 * of. */
bool pz_process_is_own(const struct pz_loop *loop, pid_t pid);

#endif
