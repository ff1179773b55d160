/* The commands of the control socket: a person lists questions, answers them, and manages the
 * stored answers. @spec page 12 "pzp prompts", "pzp policy answers" */
#ifndef PZ_PROMPT_COMMAND_H
#define PZ_PROMPT_COMMAND_H

#include "command/request.h"
#include "prompt/prompt.h"

/**
 * The command `prompts`: lists what waits, which makes the person an agent for a while; with `id`
 * and `answer` answers one; with `watch` is an agent until the client hangs up, and sends each
 * question as an event. @param request its parameters are checked by the table of commands
 */
void pz_prompts_command(struct pz_prompts *prompts, struct pz_request *request);

/** The command `prompt-answers`: lists stored answers, or deletes them. */
void pz_prompts_answers_command(struct pz_prompts *prompts, struct pz_request *request);

#endif
