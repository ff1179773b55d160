/* Child processes for services made of commands. */
#ifndef PZ_NET_PROCESS_H
#define PZ_NET_PROCESS_H

#include "net/loop.h"
#include "service/command.h"

/** Processes on a loop; the ops' argument is the struct pz_loop. @spec service/command.h */
extern const struct pz_process_ops pz_loop_process_ops;

#endif
