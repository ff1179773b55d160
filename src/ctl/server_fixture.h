/* A server in our own loop and plain sockets as its clients, for the server's tests. */
#ifndef PZ_CTL_SERVER_FIXTURE_H
#define PZ_CTL_SERVER_FIXTURE_H

#include "kit/test.h"
#include <errno.h>
#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/limits.h"
#include "base/log.h"
#include "ctl/server.h"

#define HELD_MAX 80

struct fixture {
	uv_loop_t loop;
	struct pz_ctl_server *server;
	char dir[64];
	char path[96];
	struct pz_ctl_call *held[HELD_MAX];
	size_t held_count;
	size_t gone;
	size_t requests;
};

void hold(struct fixture *f, struct pz_ctl_call *call);

void flood(struct pz_ctl_call *call);

void stop(struct fixture *f, struct pz_ctl_call *call);

void handler(void *arg, struct pz_ctl_call *call, const char *method, json_t *params);

int setup(void **state);

int teardown(void **state);

/* Everything that is already in the sockets. */
void turn(struct fixture *f);

int dial(struct fixture *f);

void say(struct fixture *f, int fd, const char *text);

/* The next line as a document; NULL: the daemon hung up. */
json_t *hear(int fd);

bool is_hung_up(int fd);

void hear_text(int fd, const char *expected);

void hear_error(int fd, int code, int exit_code);

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
