/* The command `app-token`. */
#ifndef PZ_TOKENS_COMMAND_H
#define PZ_TOKENS_COMMAND_H

#include "command/request.h"
#include "tokens/tokens.h"

/** Makes a token; the answer, when its hash is on the disk, is {app, token}. Params: name. */
void pz_tokens_command(struct pz_tokens *tokens, struct pz_request *request);

#endif
