#include "vfs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

/* What happens at a point. */
enum op {
	OP_READ,
	OP_WRITE,
	OP_GROW, /* of shared memory */
	OP_CREATE,
	OP_TRUNCATE,
	OP_SYNC,
	OP_DELETE,
	OP_LOCK, /* one that is exclusive is taken */
	OP_OTHER_LOCK,
};

struct shim_file {
	sqlite3_file base;
	struct disk_file *disk; /* NULL: not a file that matters */
	sqlite3_file *real;     /* behind this struct */
};

static struct {
	sqlite3_vfs vfs, *real;
	struct fault_plan plan;
	uint64_t points;
	bool has_struck, is_repaired;
	/* Held during every operation: at the end of the world nothing moves. */
	pthread_mutex_t mutex;
	pthread_cond_t gate;
	bool is_holding, is_held;
} shim = {.mutex = PTHREAD_MUTEX_INITIALIZER, .gate = PTHREAD_COND_INITIALIZER};

/* ---- plans ---- */

void
fault_arm(const struct fault_plan *plan)
{
	pthread_mutex_lock(&shim.mutex);
	shim.plan = *plan;
	shim.points = 0;
	shim.has_struck = shim.is_repaired = false;
	pthread_mutex_unlock(&shim.mutex);
}

uint64_t
fault_points(void)
{
	return shim.points;
}

bool
fault_has_struck(void)
{
	return shim.has_struck;
}

void
fault_repair(void)
{
	pthread_mutex_lock(&shim.mutex);
	shim.is_repaired = true;
	pthread_mutex_unlock(&shim.mutex);
}

void
fault_hold(void)
{
	pthread_mutex_lock(&shim.mutex);
	shim.is_holding = true;
	pthread_mutex_unlock(&shim.mutex);
}

void
fault_await_held(void)
{
	pthread_mutex_lock(&shim.mutex);
	while (!shim.is_held)
		pthread_cond_wait(&shim.gate, &shim.mutex);
	pthread_mutex_unlock(&shim.mutex);
}

void
fault_release(void)
{
	pthread_mutex_lock(&shim.mutex);
	shim.is_holding = shim.is_held = false;
	pthread_cond_broadcast(&shim.gate);
	pthread_mutex_unlock(&shim.mutex);
}

static void
pass_gate(void)
{
	while (shim.is_holding) {
		shim.is_held = true;
		pthread_cond_broadcast(&shim.gate);
		pthread_cond_wait(&shim.gate, &shim.mutex);
	}
}

static bool
is_deadly(void)
{
	return shim.plan.kind == FAULT_KILL || shim.plan.kind == FAULT_TORN ||
	       shim.plan.kind == FAULT_POWER;
}

static void
die(void)
{
	if (shim.plan.kind == FAULT_POWER)
		disk_lose_power(shim.plan.seed);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Whether the plan can make a difference there. */
static bool
counts(enum op op)
{
	bool takes_room = op == OP_WRITE || op == OP_GROW || op == OP_CREATE;

	switch (shim.plan.kind) {
	case FAULT_TORN:
		return op == OP_WRITE;
	case FAULT_POWER:
		return op != OP_READ && op != OP_LOCK && op != OP_OTHER_LOCK;
	case FAULT_ONCE:
	case FAULT_STUCK:
		return shim.plan.os_error == EIO ? op != OP_OTHER_LOCK : takes_room;
	case FAULT_NONE:
	case FAULT_KILL:
		break;
	}
	return op != OP_READ;
}

/* The mutex is held. @return the error to give instead of doing it; SQLITE_OK: do it */
static int
reach_point(enum op op, int detail)
{
	if (!counts(op))
		return SQLITE_OK;
	bool is_it = ++shim.points == shim.plan.at && shim.plan.kind != FAULT_NONE;

	if (is_it) {
		shim.has_struck = shim.is_held = true;
		shim.is_holding = false; /* the thread that should arrive there may never do so */
		pthread_cond_broadcast(&shim.gate);
	}
	if (is_it && is_deadly())
		die();
	if (shim.is_repaired || !(is_it || (shim.plan.kind == FAULT_STUCK && shim.has_struck)))
		return SQLITE_OK;
	return shim.plan.error == SQLITE_FULL ? SQLITE_FULL : detail;
}

/* ---- a file ---- */

static sqlite3_file *
real_of(sqlite3_file *file)
{
	return ((struct shim_file *)file)->real;
}

static struct disk_file *
disk_of(sqlite3_file *file)
{
	return ((struct shim_file *)file)->disk;
}

static int
shim_close(sqlite3_file *file)
{
	pthread_mutex_lock(&shim.mutex);
	int rc = real_of(file)->pMethods->xClose(real_of(file));
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

static int
shim_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
	pthread_mutex_lock(&shim.mutex);
	int rc = reach_point(OP_READ, SQLITE_IOERR_READ);
	if (rc == SQLITE_OK)
		rc = real_of(file)->pMethods->xRead(real_of(file), out, len, at);
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

static int
shim_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	sqlite3_file *real = real_of(file);

	pthread_mutex_lock(&shim.mutex);
	if (shim.plan.kind == FAULT_TORN && shim.points + 1 == shim.plan.at)
		(void)real->pMethods->xWrite(real, bytes, len / 2, at);
	int rc = reach_point(OP_WRITE, SQLITE_IOERR_WRITE);
	if (rc == SQLITE_OK)
		rc = real->pMethods->xWrite(real, bytes, len, at);
	if (rc == SQLITE_OK)
		disk_written(disk_of(file), bytes, (size_t)len, (uint64_t)at);
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

static int
shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	pthread_mutex_lock(&shim.mutex);
	int rc = reach_point(OP_TRUNCATE, SQLITE_IOERR_TRUNCATE);
	if (rc == SQLITE_OK)
		rc = real_of(file)->pMethods->xTruncate(real_of(file), size);
	if (rc == SQLITE_OK)
		disk_truncated(disk_of(file), (uint64_t)size);
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

/* What a real sync would do does not matter here, and costs time. */
static int
shim_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	pthread_mutex_lock(&shim.mutex);
	int rc = reach_point(OP_SYNC, SQLITE_IOERR_FSYNC);
	if (rc == SQLITE_OK)
		disk_synced(disk_of(file));
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

static int
shim_size(sqlite3_file *file, sqlite3_int64 *out)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), out);
}

static int
shim_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int
shim_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int
shim_check_lock(sqlite3_file *file, int *out)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int
shim_control(sqlite3_file *file, int op, void *arg)
{
	if (op == SQLITE_FCNTL_LAST_ERRNO) {
		pthread_mutex_lock(&shim.mutex);
		bool has_struck = shim.has_struck;
		pthread_mutex_unlock(&shim.mutex);
		if (has_struck) {
			*(int *)arg = shim.plan.os_error;
			return SQLITE_OK;
		}
	}
	return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int
shim_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int
shim_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int
shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	sqlite3_file *real = real_of(file);

	pthread_mutex_lock(&shim.mutex);
	int rc = real->pMethods->xShmMap(real, page, size, 0, out);
	if (rc == SQLITE_OK && extend && *out == NULL) { /* it has to grow */
		rc = reach_point(OP_GROW, SQLITE_IOERR_SHMMAP);
		if (rc == SQLITE_OK)
			rc = real->pMethods->xShmMap(real, page, size, extend, out);
	}
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

/* To give a lock back does not fail. */
static int
shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	int taken = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
	bool is_taken = (flags & taken) == taken;

	pthread_mutex_lock(&shim.mutex);
	if (is_taken)
		pass_gate();
	int rc = reach_point(is_taken ? OP_LOCK : OP_OTHER_LOCK, SQLITE_IOERR_SHMLOCK);
	if (rc == SQLITE_OK)
		rc = real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

static void
shim_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int
shim_shm_unmap(sqlite3_file *file, int delete_it)
{
	pthread_mutex_lock(&shim.mutex);
	(void)reach_point(OP_OTHER_LOCK, SQLITE_OK);
	int rc = real_of(file)->pMethods->xShmUnmap(real_of(file), delete_it);
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

static const sqlite3_io_methods shim_methods = {
	.iVersion = 2, /* without mapped pages: every byte is seen here */
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_check_lock,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector_size,
	.xDeviceCharacteristics = shim_characteristics,
	.xShmMap = shim_shm_map,
	.xShmLock = shim_shm_lock,
	.xShmBarrier = shim_shm_barrier,
	.xShmUnmap = shim_shm_unmap,
};

/* ---- the VFS ---- */

static int
open_locked(const char *name, struct shim_file *file, int flags, int *out_flags)
{
	bool is_new = name && access(name, F_OK) != 0;

	if (is_new && reach_point(OP_CREATE, SQLITE_CANTOPEN) != SQLITE_OK)
		return SQLITE_CANTOPEN;
	int rc = shim.real->xOpen(shim.real, name, file->real, flags, out_flags);
	if (rc != SQLITE_OK)
		return rc;
	file->disk = name && shim.plan.kind == FAULT_POWER ? disk_open(name, is_new) : NULL;
	file->base.pMethods = &shim_methods;
	return SQLITE_OK;
}

static int
shim_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base, int flags, int *out_flags)
{
	struct shim_file *file = (struct shim_file *)base;

	(void)vfs;
	*file = (struct shim_file){.real = (sqlite3_file *)(file + 1)};
	pthread_mutex_lock(&shim.mutex);
	int rc = open_locked(name, file, flags, out_flags);
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

static int
shim_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	(void)vfs;
	pthread_mutex_lock(&shim.mutex);
	int rc = reach_point(OP_DELETE, SQLITE_IOERR_DELETE);
	if (rc == SQLITE_OK)
		rc = shim.real->xDelete(shim.real, name, 0);
	if (rc == SQLITE_OK && shim.plan.kind == FAULT_POWER)
		disk_deleted(name, sync_dir != 0);
	pthread_mutex_unlock(&shim.mutex);
	return rc;
}

/* So that moving the log into the file is part of a short history, too. */
static int
checkpoint_early(sqlite3 *db, char **out_error, const struct sqlite3_api_routines *api)
{
	(void)out_error;
	(void)api;
	return sqlite3_wal_autocheckpoint(db, 24);
}

void
fault_install(void)
{
	shim.real = sqlite3_vfs_find(NULL);
	shim.vfs = *shim.real;
	shim.vfs.zName = "fault";
	shim.vfs.pNext = NULL;
	shim.vfs.szOsFile = (int)sizeof(struct shim_file) + shim.real->szOsFile;
	shim.vfs.xOpen = shim_open;
	shim.vfs.xDelete = shim_delete;
	if (sqlite3_vfs_register(&shim.vfs, 1) != SQLITE_OK ||
	    sqlite3_auto_extension((void (*)(void))checkpoint_early) != SQLITE_OK)
		abort();
}
