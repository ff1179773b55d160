/* A daemon around a node: everything with a descriptor that is not a link. */
#ifndef PZ_DAEMON_DAEMON_H
#define PZ_DAEMON_DAEMON_H

#include <signal.h>

#include "conf/settings.h"
#include "ctl/server.h"
#include "daemon/clockwatch.h"
#include "daemon/command.h"
#include "net/loop.h"
#include "net/reaper.h"
#include "store/store.h"
#include "x509/keystore.h"

#define DESCRIPTION_BYTES 256

/** What is different between the two. */
struct pz_daemon_ops {
	/** The daemon is to end: say good-bye on every link. */
	void (*stop)(void *arg);
	/** The configuration was read again: what of it can change while running may have. NULL:
	 * nothing to do. */
	void (*reload)(void *arg, const struct pz_settings *settings);
	/** Writes one line for people: what the daemon does now, e.g. "1 zone, 2 devices
	 * connected". For the service manager. */
	void (*describe)(void *arg, char *out, size_t size);
	/** What the owner should do next, "" when there is nothing; logged once after the start. */
	void (*next_step)(void *arg, char *out, size_t size);
	/** The system's clock was set. */
	void (*clock_set)(void *arg);
	/** Begins a command of a client of the control socket. */
	pz_daemon_begin begin;
	/** True for a command that a file comes with. NULL: there are no such commands. */
	bool (*takes_file)(const char *name);
};

struct pz_daemon {
	enum pz_program program;
	const char *name; /* "pzpd", "pzhd" */
	struct pz_settings settings;
	struct pz_loop loop;
	struct pz_keystore *keys;
	struct pz_store *store;
	struct pz_ctl_server *ctl;
	uv_async_t store_wake;
	uv_signal_t term, intr, hup;
	struct pz_reaper reaper;
	struct pz_clockwatch clock;
	struct pz_timer watchdog, status;
	char described[DESCRIPTION_BYTES]; /* the state that was sent to the service manager last */
	const struct pz_daemon_ops *ops;
	void *arg;
	char **argv;
	int argc, lock_fd;
};

/**
 * Reads the settings, takes the data directory, opens key store and store, makes the loop.
 * Prints help, version or the one line that says what is wrong.
 * @param out_exit the exit code when the daemon is not to continue (page 12)
 * @return false when the process should end with *out_exit
 */
bool pz_daemon_open(struct pz_daemon *daemon, enum pz_program program, int argc, char **argv,
		    int *out_exit);

/** Starts the control socket, notifies systemd, runs until SIGTERM or SIGINT. @return exit code */
int pz_daemon_run(struct pz_daemon *daemon, const struct pz_daemon_ops *ops, void *arg);

/** Ends the control socket and the signals, while the node still exists: its call-backs run. */
void pz_daemon_close_control(struct pz_daemon *daemon);

/** Closes the rest of what open and run made, after the node is gone. */
void pz_daemon_close(struct pz_daemon *daemon);

/** Prints "name: text" to stderr: the one line of a daemon that cannot start. */
void pz_daemon_complain(const struct pz_daemon *daemon, const char *text);

#endif
