/*
 * Directories and names of the inbox: created when missing, never through a symbolic link below it,
 * never over an existing file. Runs on worker threads (disk.c) and does not depend on offers.
 */
#include "transfer/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "transfer/disk.h"
#include "transfer/name.h"

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define TRIES 8 /* the directory of unfinished files may be removed between two calls */

/* ---- directories ---- */

static int
mkdir_missing(int dir_fd, const char *path)
{
	return mkdirat(dir_fd, path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

int
pz_place_open_inbox(const char *path)
{
	PZ_AUTO_FREE char *copy = strdup(path);

	if (copy == NULL)
		return -1;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		/* Only the last directory has to be created: those above may not be ours. */
		(void)!mkdir_missing(AT_FDCWD, copy);
		*slash = '/';
	}
	int made = mkdir_missing(AT_FDCWD, path), number = errno;
	int fd = open(path, OPEN_DIRECTORY);
	/* Why it could not be made says more than that it is missing. */
	if (fd < 0 && errno == ENOENT && made != 0)
		errno = number;
	return fd;
}

/* Step by step with O_NOFOLLOW: another program of the user may have put a link there, and a sender
 * chooses the path. */
int
pz_place_open_below(int dir_fd, const char *path)
{
	char name[PZ_TRANSFER_NAME_BYTES_MAX + 1];
	int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);

	while (fd >= 0 && *path) {
		size_t len = strcspn(path, "/");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		int next = mkdir_missing(fd, name) == 0
				   ? openat(fd, name, OPEN_DIRECTORY | O_NOFOLLOW)
				   : -1;
		int number = errno;
		close(fd);
		errno = number;
		fd = next;
		path += len + (path[len] == '/');
	}
	return fd;
}

int
pz_place_open_part(int inbox_fd, const char *key, int *out_incoming_fd)
{
	for (int i = 0; i < TRIES; i++) {
		/* The mode follows the umask, as for any file that the user creates. */
		if (mkdir_missing(inbox_fd, PZ_DISK_INCOMING) != 0)
			return -1;
		int incoming = openat(inbox_fd, PZ_DISK_INCOMING, OPEN_DIRECTORY | O_NOFOLLOW);
		if (incoming < 0 && errno != ENOENT)
			return -1;
		int fd = incoming < 0 ? -1
				      : openat(incoming, key,
					       O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (fd >= 0) {
			*out_incoming_fd = incoming;
			return fd;
		}
		int number = errno;
		if (incoming >= 0)
			close(incoming);
		errno = number;
		if (number != ENOENT)
			return -1;
	}
	return -1;
}

/* A directory stream with its own descriptor: the caller keeps the given one. NULL: errno. */
static DIR *
entries(int dir_fd)
{
	int fd = openat(dir_fd, ".", OPEN_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0)
		close(fd);
	return dir;
}

/* ---- names ---- */

/* The first number whose name no entry has; letters A to Z count as a to z, so that a file system
 * that ignores case finds no duplicates later. */
static bool
first_free(int dir_fd, const char *name, unsigned from, unsigned *out)
{
	bool taken[PZ_TRANSFER_NUMBER_MAX + 1] = {false};
	/* One pass over the directory, not one attempt for each number: an inbox may hold
	 * thousands. */
	char numbered[PZ_TRANSFER_NAME_BYTES_MAX + 1];
	size_t stem = strcspn(name, "."); /* numbered names begin with it, unless it is cut */
	const struct dirent *entry;
	DIR *dir = entries(dir_fd);

	if (dir == NULL)
		return false;
	if (stem > PZ_TRANSFER_NAME_BYTES_MAX / 4)
		stem = PZ_TRANSFER_NAME_BYTES_MAX / 4;
	while ((entry = readdir(dir)) != NULL) {
		if (strncasecmp(entry->d_name, name, stem) != 0)
			continue;
		const char *open = strrchr(entry->d_name, '(');
		unsigned long number = open ? strtoul(open + 1, NULL, 10) : 0;
		for (int i = 0; i < 2; i++, number = 0) {
			if (number > PZ_TRANSFER_NUMBER_MAX)
				continue;
			pz_transfer_name_numbered(name, (unsigned)number, numbered);
			if (strcasecmp(entry->d_name, numbered) == 0)
				taken[number] = true;
		}
	}
	closedir(dir);
	while (from <= PZ_TRANSFER_NUMBER_MAX && taken[from])
		from++;
	*out = from;
	return from <= PZ_TRANSFER_NUMBER_MAX;
}

/* A file system without links renames, where it can do so without replacing. linkat() never
 * replaces a file, rename() would. */
static int
link_or_rename(int from_fd, const char *key, int to_fd, const char *name)
{
	if (linkat(from_fd, key, to_fd, name, 0) == 0)
		return 0;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK && errno != ENOSYS)
		return -1;
	return renameat2(from_fd, key, to_fd, name, RENAME_NOREPLACE);
}

bool
pz_place_link(int from_fd, const char *key, int to_fd, const char *name, char *out, size_t size)
{
	char numbered[PZ_TRANSFER_NAME_BYTES_MAX + 1];
	unsigned number = 0;

	while (first_free(to_fd, name, number, &number)) {
		pz_transfer_name_numbered(name, number, numbered);
		if (link_or_rename(from_fd, key, to_fd, numbered) == 0) {
			snprintf(out, size, "%s", numbered);
			return true;
		}
		if (errno != EEXIST) /* one that was added just now */
			return false;
		number++;
	}
	if (number > PZ_TRANSFER_NUMBER_MAX)
		errno = EEXIST;
	return false;
}

bool
pz_place_find(int dir_fd, dev_t device, ino_t inode, char *out, size_t size)
{
	/* d_ino is only a hint: on a mount point it is the inode of the directory below. */
	const struct dirent *entry;
	struct stat st;
	DIR *dir = entries(dir_fd);
	bool is_found = false;

	while (dir && !is_found && (entry = readdir(dir)) != NULL) {
		if (entry->d_ino != inode ||
		    fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    st.st_dev != device || st.st_ino != inode)
			continue;
		snprintf(out, size, "%s", entry->d_name);
		is_found = true;
	}
	if (dir)
		closedir(dir);
	return is_found;
}

/* ---- unfinished files ---- */

static bool
is_of_guest(const char *key)
{
	return key[0] == PZ_PART_KEY_GUEST;
}

size_t
pz_place_sweep(int incoming_fd, const char *keep)
{
	time_t oldest = time(NULL) - PZ_TRANSFER_PART_KEEP_S;
	const struct dirent *entry;
	struct stat st;
	size_t left = 0;
	DIR *dir = entries(incoming_fd);

	while (dir && (entry = readdir(dir)) != NULL) {
		/* A file that is being received is newer than `oldest` or is `keep`. If an open
		 * file is removed, its sender only has to start again. */
		const char *name = entry->d_name;
		if (name[0] == '.' || (keep && strcmp(name, keep) == 0))
			continue;
		if (fstatat(incoming_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtime < oldest && unlinkat(incoming_fd, name, 0) == 0)
			continue;
		/* Only files of the same kind count: guests have a limit of their own. */
		left += keep == NULL || is_of_guest(keep) == is_of_guest(name);
	}
	if (dir)
		closedir(dir);
	return left;
}
