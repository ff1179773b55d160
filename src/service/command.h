/*
 * A service made of commands: a JSON file names programs, each is one method (page 12; page 14,
 * PRS-5). net/process.c starts the processes; here is what they are started with and what their
 * output means.
 */
#ifndef PZ_SERVICE_COMMAND_H
#define PZ_SERVICE_COMMAND_H

#include "base/env.h"
#include "base/slice.h"
#include "service/service.h"

struct pz_process;

/** Events of a process. They are called from the loop only, never from within start or kill. */
struct pz_process_events {
	/** A chunk of its standard output. */
	void (*out)(void *arg, struct pz_slice bytes);
	/** A chunk of its standard error. */
	void (*err)(void *arg, struct pz_slice bytes);
	/** It ended: exactly once, last, after both outputs are at their end, also after kill. The
	 * process is gone when it returns. @param status exit code, or minus the signal */
	void (*exited)(void *arg, int status);
};

/** How processes are started and stopped. */
struct pz_process_ops {
	/**
	 * Starts argv[0] (absolute path, no shell) with exactly envp, all descriptors closed but
	 * the three pipes, in a process group of its own; writes stdin_line and closes its input.
	 * @param argv,envp NULL-terminated, borrowed for the call
	 * @param stdin_line one line of JSON with its line feed, borrowed for the call
	 * @param events,arg borrowed until exited
	 * @param info the system's reason, without the path; may be NULL
	 * @return the process, or NULL when it could not be started (no event follows then)
	 */
	struct pz_process *(*start)(void *ops_arg, char *const argv[], char *const envp[],
				    struct pz_slice stdin_line,
				    const struct pz_process_events *events, void *arg,
				    struct pz_errinfo *info);
	/** Kills the process group; exited still comes. */
	void (*kill)(struct pz_process *process);
};

/**
 * Makes the service that a description says.
 * @param description borrowed: {api, displayName, description, methods: {name: {exec, timeout?,
 * stream?, params?, returns?, text?}}}; unknown members are refused, exec[0] must be an absolute
 * path, method names [A-Za-z_][A-Za-z0-9_]*, timeout 1 to PZ_COMMAND_TIMEOUT_S_MAX seconds (not for
 * streams)
 * @param out untouched on failure; free with pz_service_free or give to a registry
 * @param env borrowed for the service's life
 * @param ops borrowed until the last of its processes has exited, which may be after the service
 * was freed
 * @param info says which member is wrong; may be NULL
 * Errors: CONFIG (description wrong), LIMIT_MEMORY, CRYPTO.
 * @spec page 12 "A service made of commands"
 */
enum pz_err pz_command_service_parse(const json_t *description, const struct pz_env *env,
				     const struct pz_process_ops *ops, void *ops_arg,
				     struct pz_service **out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
