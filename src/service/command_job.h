/* Private to the command service: one running process and what its output means. */
#ifndef PZ_SERVICE_COMMAND_JOB_H
#define PZ_SERVICE_COMMAND_JOB_H

#include "base/env.h"
#include "base/list.h"
#include "base/log.h"
#include "service/command.h"

/** One method's program. */
struct pz_command {
	char *function;
	char **argv;         /* NULL-terminated, argv[0] is an absolute path */
	uint64_t timeout_us; /* 0: none (streams) */
	bool is_stream;
};

/** State of a command service. */
struct pz_commands {
	const struct pz_env *env;
	const struct pz_process_ops *ops;
	void *ops_arg;
	struct pz_list jobs; /* every process that has not exited */
	size_t job_count;
	struct pz_log_rate refuse_log; /* callers decide how often a command is started */
	struct pz_command *commands;
	struct pz_method_def *methods; /* in the same order */
	size_t count;
};

/** Serves one call: starts its process, or answers with an error. params: borrowed, any JSON value.
 */
void pz_command_job_start(struct pz_commands *state, const struct pz_command *command,
			  struct pz_call *call, const json_t *params);

/** The call was ended by others: its process is killed. */
void pz_command_job_abandon(struct pz_call *call);

/** The service goes: processes are killed and no longer known to it. */
void pz_command_jobs_detach(struct pz_commands *state);

/**
 * The last line that is not empty, without control characters, as UTF-8 (other bytes become '?').
 * @return a string that the caller frees, may be empty; NULL: out of memory
 */
char *pz_command_last_line(struct pz_slice text);

#endif
