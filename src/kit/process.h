/* Processes that exist in a test only, for services made of commands. */
#ifndef PZ_KIT_PROCESS_H
#define PZ_KIT_PROCESS_H

#include "base/env.h"
#include "service/command.h"

#define PZ_KIT_PROCESSES_MAX 32

/** A process that was started. */
struct pz_process {
	struct pz_kit_processes *all;
	char *argv, *envp; /* each word and a "|" */
	char *line;        /* its input */
	const struct pz_process_events *events;
	void *arg;
	bool is_killed, has_ended;
	struct pz_timer ends;
};

/** All processes of a test: the `arg` of pz_kit_process_ops. */
struct pz_kit_processes {
	struct pz_process one[PZ_KIT_PROCESSES_MAX];
	size_t count, kill_count;
	bool refuses; /* to start another one */
	const struct pz_env
		*env; /* what is killed ends in the next turn; NULL: when a test says so */
};

extern const struct pz_process_ops pz_kit_process_ops;

/** The process writes to its standard output. */
void pz_kit_process_out(struct pz_process *process, const char *text);
/** The process writes to its standard error. */
void pz_kit_process_err(struct pz_process *process, const char *text);
/** The process ends. @param status as in pz_process_events */
void pz_kit_process_end(struct pz_process *process, int status);
/** Checks that each process has ended or was killed, ends those that were killed, and forgets all.
 */
void pz_kit_processes_fini(struct pz_kit_processes *processes);

#endif
