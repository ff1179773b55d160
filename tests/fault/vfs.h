/*
 * A SQLite VFS that goes wrong on purpose: it passes everything on to the ordinary one and counts
 * the points at which a file changes. At the planned point the process dies, the power fails, or
 * the disk does. One process, any number of connections and threads.
 */
#ifndef PZ_FAULT_VFS_H
#define PZ_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_KILL,  /* SIGKILL instead of the operation */
	FAULT_TORN,  /* the first half of what is written, then SIGKILL */
	FAULT_POWER, /* of what was not synced a random part is on the disk, then SIGKILL */
	FAULT_ONCE,  /* the operation fails, the next ones succeed */
	FAULT_STUCK, /* it and all that change something fail, until fault_repair */
};

struct fault_plan {
	enum fault_kind kind;
	uint64_t at;   /* which point, counted from 1 */
	int error;     /* of SQLite, for ONCE and STUCK: SQLITE_IOERR or SQLITE_FULL */
	int os_error;  /* the errno that goes with it */
	uint64_t seed; /* for POWER */
};

/** Makes it SQLite's default. Databases that are opened from now on use it. */
void fault_install(void);
/** Counts from 0 again. A plan whose point is never reached does nothing. */
void fault_arm(const struct fault_plan *plan);
/**
 * Points since then. Those count at which the plan makes a difference: a read may fail, a death
 * there is that of the next point; a full disk is felt by who needs room.
 */
uint64_t fault_points(void);
/** Whether the planned point was reached. */
bool fault_has_struck(void);
/** The disk works again. */
void fault_repair(void);

/** From now on each writer waits... */
void fault_hold(void);
/** ... until one does. */
void fault_await_held(void);
/** Lets it go on. */
void fault_release(void);

#endif
