/*
 * One daemon for each data directory: the directory is made, checked and locked. The lock is the
 * kernel's (flock), so it ends with the process; the file's text only serves the error message.
 */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum pz_err
fail_errno(const char *dir, int number, struct pz_errinfo *info)
{
	enum pz_err err = number == ENOSPC || number == EDQUOT ? PZ_ERR_IO_FULL : PZ_ERR_IO;

	if (number == ENOTDIR)
		err = PZ_ERR_CONFIG;
	return pz_fail(info, err, "data directory %s: %s", dir, strerror(number));
}

/**
 * Opens the directory `name` below `parent`, which is created if missing.
 * @return descriptor (O_PATH suffices for the next step, and needs no read permission), or -errno
 */
static int
step_into(int parent, const char *name)
{
	int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	int fd = openat(parent, name, flags), sync_fd;

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return -errno;
	if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
		return -errno;
	/* What is stored in it later must survive a power failure. */
	sync_fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sync_fd >= 0) {
		(void)fsync(sync_fd);
		close(sync_fd);
	}
	fd = openat(parent, name, flags);
	return fd >= 0 ? fd : -errno;
}

/** Walks down the path, creating what is missing. @return descriptor or -errno */
static int
open_path(const char *dir)
{
	char path[PATH_MAX], *rest = path, *name;
	int fd = open(dir[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (strlen(dir) >= sizeof(path)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	memcpy(path, dir, strlen(dir) + 1);
	/* Each step starts from a descriptor, so a path that is changed meanwhile cannot redirect
	 * it. */
	while (fd >= 0 && (name = strsep(&rest, "/")) != NULL) {
		int parent = fd;

		if (name[0] == '\0')
			continue;
		fd = step_into(parent, name);
		close(parent);
	}
	return fd;
}

static enum pz_err
check_private(int fd, const char *dir, struct pz_errinfo *info)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(dir, errno, info);
	/* Keys are stored here: other users must not read them. A directory of another user means
	 * that the daemon was started as the wrong user. */
	if (st.st_uid != geteuid())
		return pz_fail(info, PZ_ERR_DENIED_PERMISSION,
			       "data directory %s belongs to uid %u, we run as uid %u: run as that "
			       "user or choose another --data-dir",
			       dir, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 077) != 0)
		return pz_fail(info, PZ_ERR_DENIED_PERMISSION,
			       "others have access to the data directory (mode %04o): chmod 700 %s",
			       (unsigned)(st.st_mode & 07777), dir);
	/* Root is not stopped by that. */
	if ((st.st_mode & 0700) != 0700 && geteuid() != 0)
		return pz_fail(
			info, PZ_ERR_DENIED_PERMISSION,
			"we have no full access to the data directory (mode %04o): chmod 700 "
			"%s",
			(unsigned)(st.st_mode & 07777), dir);
	return PZ_OK;
}

/** The lock file holds "name pid" of its last holder. */
static enum pz_err
fail_locked(int fd, const char *dir, struct pz_errinfo *info)
{
	char text[128], name[64], pid[16];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	if (sscanf(text, "%63s %15s", name, pid) != 2)
		return pz_fail(info, PZ_ERR_EXISTS,
			       "another process runs on this data directory (%s)", dir);
	return pz_fail(info, PZ_ERR_EXISTS, "another %s (pid %s) runs on this data directory (%s)",
		       name, pid, dir);
}

static enum pz_err
take_lock(int dir_fd, const char *dir, int *out_fd, struct pz_errinfo *info)
{
	int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	enum pz_err err;

	if (fd < 0 && (errno == EISDIR || errno == ELOOP || errno == EACCES))
		return pz_fail(info, PZ_ERR_IO,
			       "cannot open %s/lock (%s): remove it, it holds nothing of value",
			       dir, strerror(errno));
	if (fd < 0)
		return fail_errno(dir, errno, info);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		err = errno == EWOULDBLOCK
			      ? fail_locked(fd, dir, info)
			      : pz_fail(info, PZ_ERR_IO,
					"data directory %s cannot be locked (%s): choose one on "
					"another file system",
					dir, strerror(errno));
		close(fd);
		return err;
	}
	/* Only for the message above: a full disk must not stop the daemon from starting. */
	if (ftruncate(fd, 0) == 0)
		(void)(dprintf(fd, "%s %d\n", program_invocation_short_name, (int)getpid()) > 0);
	*out_fd = fd;
	return PZ_OK;
}

/* Opened once, so that the check and the lock are of the same directory even if its path is
 * replaced. */
enum pz_err
pz_lock_data_dir(const char *dir, int *out_fd, struct pz_errinfo *info)
{
	enum pz_err err;
	int fd;

	if (dir[0] == '\0')
		return pz_fail(info, PZ_ERR_CONFIG, "data directory: empty path");
	fd = open_path(dir);
	if (fd < 0)
		return fail_errno(dir, -fd, info);
	err = check_private(fd, dir, info);
	if (err == PZ_OK)
		err = take_lock(fd, dir, out_fd, info);
	close(fd);
	return err;
}
