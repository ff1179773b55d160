/* Child processes for services made of commands. */
#ifndef PZ_NET_PROCESS_H
#define PZ_NET_PROCESS_H

#include "net/loop.h"
#include "service/command.h"

/** Processes on a loop; the ops' argument is the struct pz_loop. A process gets three pipes and no
 * other descriptor, signals as they are by default, and the limit of open files that this program
 * was started with. @spec service/command.h */
extern const struct pz_process_ops pz_loop_process_ops;

#endif
