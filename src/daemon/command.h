/* From the control socket to a command, and back. */
#ifndef PZ_DAEMON_COMMAND_H
#define PZ_DAEMON_COMMAND_H

#include "command/request.h"
#include "ctl/server.h"
#include "net/loop.h"

/** Begins a command: pz_node_command, pz_hub_command. @param takes_file that came with it, or NULL.
 * @return NULL: out of memory */
typedef struct pz_request *(*pz_daemon_begin)(void *arg, const char *name, json_t *params,
					      struct pz_file *takes_file,
					      const struct pz_reply *reply, void *reply_arg);

/** How commands of clients are begun. */
struct pz_daemon_commands {
	pz_daemon_begin begin;
	/** True for a command that a file comes with. NULL: there are no such commands. */
	bool (*takes_file)(const char *name);
	void *arg; /* for begin */
};

/**
 * Begins a command of a client of the control socket. Events and the answer go to the client; a
 * client that disconnects gives its commands up. A descriptor that came with the request becomes
 * the file of a command that takes one; otherwise the control socket closes it.
 * @param loop reads and writes the file; name and params borrowed
 */
void pz_daemon_command(const struct pz_daemon_commands *commands, struct pz_loop *loop,
		       struct pz_ctl_call *call, const char *name, json_t *params);

#endif
