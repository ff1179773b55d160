/*
 * Archives as files. A new file has no name until it is complete and on disk, so that an export
 * which is interrupted or killed leaves nothing; on a file system without nameless files
 * (O_TMPFILE) it has a temporary name in the same directory. An existing file is replaced only when
 * --force was given. Mode 0600: it contains the zone's authority, though encrypted.
 */
#include "cli_pzh/archive_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

#define READ_BYTES (64U << 10)

struct pz_cli_archive_file {
	const char *path;
	char *temporary;
	int fd;
	bool replace, is_committed;
	bool is_nameless; /* has no name yet; otherwise `temporary` is its name */
};

/* Turns errno into an error with the path, before another call changes it. */
static enum pz_err
failed(const char *path, struct pz_errinfo *info)
{
	int number = errno;
	enum pz_err err = PZ_ERR_IO;

	if (number == ENOSPC || number == EDQUOT || number == EFBIG)
		err = PZ_ERR_IO_FULL;
	else if (number == EEXIST)
		return pz_fail(info, PZ_ERR_EXISTS, "%s: exists already; --force replaces it",
			       path);
	else if (number == ENOENT)
		err = PZ_ERR_NOTFOUND;
	else if (number == EACCES || number == EPERM)
		err = PZ_ERR_DENIED_PERMISSION;
	return pz_fail(info, err, "%s: %s", path, strerror(number));
}

/* The directory of a path; the caller frees. NULL: out of memory. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* A file without a name, which disappears with this process however that ends; it gets its name by
 * a link through /proc. -1: not possible here. */
static int
open_nameless(const char *path)
{
	char *dir = directory_of(path), entry[64];
	int fd = dir ? open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

	free(dir);
	snprintf(entry, sizeof(entry), "/proc/self/fd/%d", fd);
	if (fd >= 0 && access(entry, F_OK) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

enum pz_err
pz_cli_archive_create(const char *path, bool replace, struct pz_cli_archive_file **out,
		      struct pz_errinfo *info)
{
	struct stat st;

	if (!replace && lstat(path, &st) == 0) {
		errno = EEXIST;
		return failed(path, info);
	}
	struct pz_cli_archive_file *f = calloc(1, sizeof(*f));
	if (f == NULL || asprintf(&f->temporary, "%s.XXXXXX", path) < 0) {
		free(f);
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	}
	f->path = path;
	f->replace = replace;
	f->fd = open_nameless(path);
	f->is_nameless = f->fd >= 0;
	if (!f->is_nameless)
		f->fd = mkostemp(f->temporary, O_CLOEXEC); /* mode 0600 */
	if (f->fd < 0) {
		enum pz_err err = failed(path, info);
		free(f->temporary);
		free(f);
		return err;
	}
	*out = f;
	return PZ_OK;
}

int
pz_cli_archive_descriptor(const struct pz_cli_archive_file *f)
{
	return f->fd;
}

/* A link never replaces a file: with --force it is made under a temporary name and renamed at
 * once. */
static int
link_nameless(struct pz_cli_archive_file *f)
{
	char entry[64];

	snprintf(entry, sizeof(entry), "/proc/self/fd/%d", f->fd);
	if (!f->replace)
		return linkat(AT_FDCWD, entry, AT_FDCWD, f->path, AT_SYMLINK_FOLLOW);
	snprintf(f->temporary, strlen(f->temporary) + 1, "%s.%05d", f->path,
		 (int)(getpid() % 100000));
	(void)unlink(f->temporary); /* left by an export with the same number that was killed at
				       this place */
	if (linkat(AT_FDCWD, entry, AT_FDCWD, f->temporary, AT_SYMLINK_FOLLOW) != 0)
		return -1;
	f->is_nameless = false;
	return rename(f->temporary, f->path);
}

/* Does not replace a file that has appeared meanwhile, if the file system supports that. */
static int
give_name(struct pz_cli_archive_file *f)
{
	struct stat st;

	if (f->is_nameless)
		return link_nameless(f);
	if (f->replace)
		return rename(f->temporary, f->path);
	if (renameat2(AT_FDCWD, f->temporary, AT_FDCWD, f->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (lstat(f->path, &st) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(f->temporary, f->path);
}

/* Otherwise a power loss could lose the name of a file whose content is on disk. */
static void
sync_directory(const char *path)
{
	char *dir = directory_of(path);
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		(void)!fsync(fd); /* some file systems cannot do this; the file itself is on disk */
		close(fd);
	}
	free(dir);
}

enum pz_err
pz_cli_archive_commit(struct pz_cli_archive_file *f, struct pz_errinfo *info)
{
	if (fsync(f->fd) != 0 || give_name(f) != 0)
		return failed(f->path, info);
	f->is_committed = true;
	sync_directory(f->path);
	return PZ_OK;
}

void
pz_cli_archive_free(struct pz_cli_archive_file *f)
{
	if (f == NULL)
		return;
	close(f->fd);
	if (!f->is_committed && !f->is_nameless)
		(void)unlink(f->temporary);
	free(f->temporary);
	free(f);
}

/* ---- reading ---- */

static enum pz_err
put(int to, const uint8_t *bytes, size_t len, struct pz_errinfo *info)
{
	while (len > 0) {
		ssize_t n = write(to, bytes, len);
		if (n < 0 && errno != EINTR)
			return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return PZ_OK;
}

static enum pz_err
copy_all(int from, int to, const char *path, struct pz_errinfo *info)
{
	uint8_t part[READ_BYTES];
	size_t total = 0;
	ssize_t n;

	while ((n = read(from, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(path, info);
		total += (size_t)n;
		if (total > PZ_ARCHIVE_BYTES_MAX) /* `pzh export` never writes more than this */
			return pz_fail(info, PZ_ERR_LIMIT, "%s: longer than any archive of a zone",
				       path);
		PZ_TRY(put(to, part, (size_t)n, info));
	}
	return PZ_OK;
}

/* A hub does not read pipes: an empty one would block one of its threads. */
static enum pz_err
into_memory(const char *path, int *fd, struct pz_errinfo *info)
{
	int memory = memfd_create("archive", MFD_CLOEXEC);

	if (memory < 0)
		return failed(path, info);
	enum pz_err err = copy_all(*fd, memory, path, info);
	if (err != PZ_OK) {
		close(memory);
		return err;
	}
	close(*fd);
	*fd = memory;
	return PZ_OK;
}

enum pz_err
pz_cli_archive_open(const char *path, int *out_fd, struct pz_errinfo *info)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum pz_err err = PZ_OK;
	struct stat st;

	if (fd < 0)
		return failed(path, info);
	if (fstat(fd, &st) != 0)
		err = failed(path, info);
	else if (S_ISREG(st.st_mode) && st.st_size > PZ_ARCHIVE_BYTES_MAX)
		err = pz_fail(info, PZ_ERR_LIMIT, "%s: longer than any archive of a zone", path);
	else if (!S_ISREG(st.st_mode))
		err = into_memory(path, &fd, info);
	if (err != PZ_OK) {
		close(fd);
		return err;
	}
	*out_fd = fd;
	return PZ_OK;
}

enum pz_err
pz_cli_archive_begin(const char *path, int fd, void *out, size_t size, size_t *out_len,
		     struct pz_errinfo *info)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = pread(fd, (uint8_t *)out + len, size - len, (off_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(path, info);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*out_len = len;
	return PZ_OK;
}
