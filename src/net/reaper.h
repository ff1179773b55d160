/* Children that a daemon did not start itself: as process 1 of a container it is given every
 * orphan, and has to wait for each, else it stays as a zombie. */
#ifndef PZ_NET_REAPER_H
#define PZ_NET_REAPER_H

#include "net/loop.h"

struct pz_reaper {
	struct pz_loop *loop;
	uv_signal_t signal;
	struct pz_timer again; /* a child of our own is in front; libuv waits for that one */
};

/** Waits for orphans from now on; children that uv_spawn started on this loop are
 * left to libuv. */
void pz_reaper_start(struct pz_reaper *reaper, struct pz_loop *loop);
/** Stops it; the handle is closed by the loop. */
void pz_reaper_stop(struct pz_reaper *reaper);

#endif
