/* A fake daemon in a thread of its own, and command lines run against it, for the commands' tests.
 */
#ifndef PZ_CLI_FAKE_DAEMON_H
#define PZ_CLI_FAKE_DAEMON_H

#include "kit/test.h"
#include <jansson.h>
#include <pthread.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "cli/run.h"
#include "ctl/server.h"

/* What the fake daemon shall do with the next request. */
struct script {
	const char *events; /* JSON array */
	const char *result; /* JSON; NULL: the call stays open */
	int fail_exit;      /* not 0: fail instead */
	bool interrupt;     /* send this process SIGINT after the events */
	const char *write;  /* into the file that came with the request, or NULL */
};

struct fixture {
	uv_loop_t loop;
	uv_async_t stop;
	pthread_t thread;
	struct pz_ctl_server *server;
	char dir[64];
	char path[96];
	struct script script;
	char asked[1024]; /* "method params" of the last request */
	char came[64];    /* what was in the file that came with it; "" */
	/* of the last run */
	struct pz_cli cli;
	const char *input;
	bool in_tty, out_tty;
	char *out, *err;
};

void *serve(void *arg);

int setup(void **state);

int teardown(void **state);

/* Runs a command line; arguments are separated by '|'. */
int
run_in(struct fixture *f, const char *dir, const struct pz_cli_program *program, const char *line);

int run(struct fixture *f, const struct pz_cli_program *program, const char *line);

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
