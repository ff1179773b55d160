/*
 * Archives as files. A new one is written beside its name and linked to it when it is whole and on
 * the disk, so an interrupted export leaves no half archive under that name, and an existing file
 * is replaced only when --force was given. Mode 0600: it holds the zone's authority, though
 * encrypted.
 */
#include "cli/archive_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES (256U << 10)

struct pz_cli_archive_file {
	const char *path;
	char *temporary;
	int fd;
	bool replace, is_committed;
};

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

enum pz_err
pz_cli_archive_append(struct pz_cli_archive_file *f, struct pz_slice bytes, struct pz_errinfo *info)
{
	while (bytes.len > 0) {
		ssize_t n = write(f->fd, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(f->path, info);
		bytes = pz_slice_of(bytes.ptr + n, bytes.len - (size_t)n);
	}
	return PZ_OK;
}

/* Without replacing what has come there meanwhile, where the file system can do that. */
static int
give_name(const struct pz_cli_archive_file *f)
{
	struct stat st;

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

static void
sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
	int fd = open(dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!fsync(fd); /* some file systems cannot; the file itself is on the disk */
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
	if (!f->is_committed)
		(void)unlink(f->temporary);
	free(f->temporary);
	free(f);
}

/* ---- reading ---- */

static enum pz_err
read_all(int fd, const char *path, struct pz_buf *out, struct pz_errinfo *info)
{
	uint8_t *at;
	ssize_t n;

	do {
		size_t room = out->max - out->len < READ_BYTES ? out->max - out->len : READ_BYTES;
		if (room == 0) /* `pzh export` writes no more than that */
			return pz_fail(info, PZ_ERR_LIMIT, "%s: longer than any archive of a zone",
				       path);
		if (pz_buf_reserve(out, room, &at) != PZ_OK)
			return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
		n = read(fd, at, room);
		if (n < 0 && errno != EINTR)
			return failed(path, info);
		pz_buf_commit(out, n > 0 ? (size_t)n : 0);
	} while (n != 0);
	return PZ_OK;
}

enum pz_err
pz_cli_archive_load(const char *path, struct pz_buf *out, struct pz_errinfo *info)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return failed(path, info);
	enum pz_err err = read_all(fd, path, out, info);
	close(fd);
	return err;
}
