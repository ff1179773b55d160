/* The clients of one control socket, as server.c sees them. */
#ifndef PZ_CTL_CONN_H
#define PZ_CTL_CONN_H

#include "base/list.h"
#include "ctl/server.h"

struct pz_ctl_conns {
	struct uv_loop_s *loop;
	pz_ctl_handler handler;
	void *arg;
	/** A client that pz_ctl_conn_new has made is gone, and its memory. */
	void (*closed)(struct pz_ctl_conns *conns);
	struct pz_list list; /* clients that are not closed */
	size_t count;        /* of them */
};

/** @return false: no memory for it; the descriptor is closed */
bool pz_ctl_conn_new(struct pz_ctl_conns *conns, int takes_fd);
/** One line that says why, then the end. */
void pz_ctl_turn_away(int takes_fd, int exit_code, const char *message);
/** What was answered is flushed; calls that still run are reported as gone. */
void pz_ctl_conns_end(struct pz_ctl_conns *conns);

#endif
