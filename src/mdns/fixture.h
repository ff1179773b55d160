/*
 * For the tests of this folder: what a node has received, and the three kinds of networks. Our own
 * responder and avahi-daemon run in a network namespace of this process, whose interfaces are made
 * with ip(8); where that is not allowed their tests say skipped.
 */
#ifndef PZ_MDNS_FIXTURE_H
#define PZ_MDNS_FIXTURE_H

#include "kit/clock.h"
#include "kit/loop.h"
#include "kit/shell.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mdns/fake.h"
#include "mdns/mdns.h"
#include "mdns/responder.h"

#define FX_DEADLINE_S 60 /* of one wait: far more than anything here takes */
#define FX_SEEN_MAX 300

/* ---- what a node has received ---- */

struct fx_seen {
	char instance[64];
	char addresses[1024]; /* " a b c", each once */
	char txt[2048];       /* "a|b|", as reported last */
	unsigned port, founds, gones;
	bool is_there;
};

struct fx_node {
	struct pz_mdns *mdns;
	struct fx_seen seen[FX_SEEN_MAX];
	size_t len;
	bool is_inside;                                /* a call to the object is running */
	char trouble[PZ_MDNS_TROUBLE_BROWSE + 1][256]; /* as reported last, "" for none */
};

struct fx_seen *fx_seen(struct fx_node *node, const char *instance);

void fx_on_gone(void *arg, const char *instance);

enum pz_err fx_publish(struct fx_node *node, const char *instance, const char *host, uint16_t port,
		       const char *txt);

void fx_unpublish(struct fx_node *node);

void fx_browse(struct fx_node *node, bool on);

void fx_node_free(struct fx_node *node);

/* ---- a network namespace ---- */

#define FX_HOST_NAME "fx-name-of-this-machine"

void fx_ip(const char *command);

/** Leaves the machine's network, once. @return whether that is allowed here */
bool fx_namespace(void);

/** A cable: what is sent at fx0 is received at fx0 (multicast loops back) and nowhere else. */
void fx_cable(const char *address, const char *options);

uint64_t fx_now_s(void);

/* ---- the kinds ---- */

struct fx {
	struct fx_node nodes[2];
	/* fake */
	bool is_fake;
	struct pz_kit_clock clock;
	struct pz_mdns_fake_net *net;
};

int fx_fake_setup(void **state);

int fx_fake_teardown(void **state);

/** Without a bus. */
void fx_without_daemon(void);

int fx_real_setup(void **state);

int fx_own_setup(void **state);

int fx_real_teardown(void **state);

/** One turn: something happens. */
void fx_step(struct fx *f);

#define fx_wait(f, condition)                                                                      \
	do {                                                                                       \
		uint64_t fx_end = fx_now_s() + FX_DEADLINE_S;                                      \
		while (!(condition)) {                                                             \
			if (fx_now_s() >= fx_end)                                                  \
				fail_msg("never: %s", #condition);                                 \
			fx_step(f);                                                                \
		}                                                                                  \
	} while (0)

/* ---- avahi-daemon ---- */

struct fx_daemon {
	char dir[32];
	pid_t bus, avahi; /* 0: not running */
};

extern struct fx_daemon fx_daemon;

void fx_kill(pid_t *pid);

/** Its configuration, for its next start. @param server, publish more lines of these sections */
void fx_avahi_options(const char *server, const char *publish);

/** A system bus of our own, and the files of avahi-daemon. @return false: not possible here */
bool fx_bus_start(void);

void fx_avahi_start(void);

int fx_system_setup(void **state);

/* ---- side by side ---- */

/**
 * Runs tests in several processes, each with a network namespace of its own: what takes time here
 * are the pauses that RFC 6762 asks for. What a process prints is shown when it has ended.
 * @return the exit code for main
 */
int fx_run_tests(const struct CMUnitTest *tests, size_t count, size_t processes);

/** At the beginning of a test that needs the namespace, or avahi-daemon in it. */
#define FX_NEEDS(it)                                                                               \
	do {                                                                                       \
		if (!(it))                                                                         \
			skip();                                                                    \
	} while (0)

#endif
