/* The commands of a hub (page 12), by whatever way they come: the control socket of pzhd, or `pzh`
 * without a daemon. */
#ifndef PZ_PZH_COMMANDS_H
#define PZ_PZH_COMMANDS_H

#include "hub/hub.h"

/**
 * Begins a command. The names and parameters are in pzh/command_table.h.
 * @param params object, borrowed
 * @param takes_file that came with the command, or NULL
 * @param reply static or outlives the request
 * @return the request: reply->done comes after this call, when what it changes is durable. One that
 *     pz_request_cancel gives up continues where it cannot be cancelled. NULL: out of memory
 */
struct pz_request *
pz_pzh_command(struct pz_hub *hub, const char *name, json_t *params, struct pz_file *takes_file,
	       const struct pz_reply *reply, void *arg);

/** True for a command that a file has to come with. */
bool pz_pzh_takes_file(const char *name);

#endif
