/*
 * The table of a daemon's commands: what each takes, who may give it, what runs it. Parameters are
 * checked before the handler runs, with one style of error; docs/control-protocol.md has them from
 * here (scripts/commands).
 */
#ifndef PZ_COMMAND_TABLE_H
#define PZ_COMMAND_TABLE_H

#include <stdbool.h>

#include "command/request.h"

enum pz_param_type {
	PZ_PARAM_TEXT,
	PZ_PARAM_INTEGER,
	PZ_PARAM_BOOL,
	PZ_PARAM_OBJECT,
	PZ_PARAM_JSON,       /* any value, also null */
	PZ_PARAM_READ_FILE,  /* a file that comes with the request, to be read; needed */
	PZ_PARAM_WRITE_FILE, /* the same, to be written */
};

/** One parameter. */
struct pz_param {
	const char *name; /* NULL ends a list */
	enum pz_param_type type;
	bool is_required;
	int64_t min, max; /* PZ_PARAM_INTEGER */
	const char *unit; /* "ms", "s", "bytes"; NULL: none */
	const char *help; /* what it is, without a full stop */
};

/** Who may run a command. */
enum pz_who {
	PZ_WHO_OWNER, /* programs on the control socket */
};

struct pz_command {
	const char *name; /* NULL ends a table */
	void (*run)(struct pz_request *request);
	const struct pz_param *params;
	const char *help; /* one line, without a full stop */
	enum pz_who who;
	bool has_events; /* reports what happens before its end */
};

/* The rows of a table, so that programs that only show them need no handler: a daemon defines a
 * list of X(name, run, params, has_events, help), with params of PZ_PARAMS. */
#define PZ_PARAMS(...)                                                                             \
	(const struct pz_param[])                                                                  \
	{                                                                                          \
		__VA_ARGS__                                                                        \
		{                                                                                  \
			.name = NULL                                                               \
		}                                                                                  \
	}
#define PZ_P(name, type, help) {name, PZ_PARAM_##type, false, 0, 0, NULL, help},
#define PZ_P_NEEDED(name, type, help) {name, PZ_PARAM_##type, true, 0, 0, NULL, help},
#define PZ_P_INTEGER(name, min, max, unit, help)                                                   \
	{name, PZ_PARAM_INTEGER, false, min, max, unit, help},
/* The name of a file is for errors and documents: it is not one of the request's parameters. */
#define PZ_P_FILE(name, type, help) {name, PZ_PARAM_##type##_FILE, true, 0, 0, NULL, help},
#define PZ_COMMAND_ROW(name, run, params, has_events, help)                                        \
	{name, run, params, help, PZ_WHO_OWNER, has_events},

/**
 * Runs a command: finds its row, checks the parameters, calls the handler. The request ends, now or
 * later. Its params are valid until this returns. Errors of the request: NOTFOUND (no such
 * command), CONFIG (a parameter is missing, or not what the row allows; null is the same as absent
 * but for PZ_PARAM_JSON; a file that is missing, not asked for, or not open for what is done with
 * it), those of the command.
 * @param commands ends with a row without a name
 */
void
pz_command_run(const struct pz_command *commands, const char *name, struct pz_request *request);

/**
 * Begins a request and runs its command.
 * @param takes_file came with the command, or NULL
 * @param reply, arg as of pz_request_new
 * @return the request, which may have ended already; NULL: out of memory, and reply is not called
 */
struct pz_request *pz_command_begin(const struct pz_command *commands, struct pz_requests *requests,
				    const char *name, json_t *params, struct pz_file *takes_file,
				    const struct pz_reply *reply, void *arg);

/** The row of a name, or NULL. */
const struct pz_command *pz_command_find(const struct pz_command *commands, const char *name);

/** True for a command that a file has to come with. NULL: no command, false. */
bool pz_command_takes_file(const struct pz_command *command);

/** Checks parameters against the row. Files are left out. Errors: CONFIG, with a detail that names
 * the parameter. */
enum pz_err pz_command_check(const struct pz_command *command, const json_t *params,
			     struct pz_errinfo *info) PZ_MUST_USE;

/** An integer parameter that was checked, or `otherwise` when it is absent. */
int64_t pz_request_int(const struct pz_request *request, const char *name, int64_t otherwise);

#endif
