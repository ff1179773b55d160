/* From the control socket to a command, and back. */
#ifndef PZ_DAEMON_COMMAND_H
#define PZ_DAEMON_COMMAND_H

#include "command/request.h"
#include "ctl/server.h"

/** Begins a command: pz_node_command, pz_hub_command. @return NULL: out of memory */
typedef struct pz_request *(*pz_daemon_begin)(void *arg, const char *name, json_t *params,
					      const struct pz_reply *reply, void *reply_arg);

/**
 * Begins what a client of the control socket asks for. Events and the answer go to the client; a
 * client that hangs up gives its commands up.
 * @param arg for begin; name and params borrowed
 */
void pz_daemon_command(pz_daemon_begin begin, void *arg, struct pz_ctl_call *call, const char *name,
		       json_t *params);

#endif
