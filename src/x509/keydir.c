/*
 * Key files in one directory that only our user can access.
 *
 * A key is written under a temporary name, synchronised, renamed, and the directory is
 * synchronised: after a power loss it is there completely or not at all. Names are random, so a
 * reference stays valid when the directory moves and a name is never used twice.
 *
 * Permissions are checked at start (directory and every file) and whenever a key is opened: a key
 * that other users can read is refused, and the message gives the command that corrects it; the
 * daemon changes no permission by itself.
 */
#include "x509/keydir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "x509/keystore.h"

#define SUFFIX ".pem"
#define TEMP_PREFIX ".tmp-"
#define NAME_RANDOM_BYTES 16
#define NAME_HEX_DIGITS (2 * NAME_RANDOM_BYTES)

struct pz_keydir {
	char *path; /* absolute */
	int fd;
};

/* A full disk has an error of its own, because the caller then tries again. */
static enum pz_err
io_fail(struct pz_errinfo *info, const char *what, const char *path)
{
	int e = errno;
	bool full = e == ENOSPC || e == EDQUOT || e == EFBIG;

	return pz_fail(info, full ? PZ_ERR_IO_FULL : PZ_ERR_IO, "%s %s: %s", what, path,
		       strerror(e));
}

/* Checks that only our user has access. The message gives the command that corrects it. */
static enum pz_err
check_stat(const struct stat *st, const char *path, struct pz_errinfo *info)
{
	if (st->st_uid != geteuid())
		return pz_fail(info, PZ_ERR_DENIED_PERMISSION,
			       "%s belongs to another user; run: chown %u %s", path,
			       (unsigned)geteuid(), path);
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return pz_fail(info, PZ_ERR_DENIED_PERMISSION,
			       "%s can be used by other users (mode %04o); run: chmod %s %s", path,
			       (unsigned)(st->st_mode & 07777),
			       S_ISDIR(st->st_mode) ? "700" : "600", path);
	return PZ_OK;
}

enum pz_err
pz_keydir_check_file(const char *path, struct pz_errinfo *info)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return pz_fail(info, PZ_ERR_NOTFOUND, "%s: no such key file", path);
		return io_fail(info, "cannot look at", path);
	}
	if (!S_ISREG(st.st_mode))
		return pz_fail(info, PZ_ERR_DENIED_PERMISSION, "%s: not a regular file", path);
	return check_stat(&st, path, info);
}

bool
pz_keydir_name_is_ours(const char *name)
{
	return strlen(name) == PZ_KEYDIR_NAME_BYTES - 1 &&
	       strspn(name, "0123456789abcdef") == NAME_HEX_DIGITS &&
	       strcmp(name + NAME_HEX_DIGITS, SUFFIX) == 0;
}

/* Calls fn for every entry. With `stop` the first error ends the loop; otherwise it is returned at
 * the end. */
static enum pz_err
each_entry(struct pz_keydir *kd, bool stop,
	   enum pz_err (*fn)(struct pz_keydir *kd, const char *name, void *arg), void *arg)
{
	/* A descriptor of its own, because fdopendir() takes ownership. */
	int fd = openat(kd->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	enum pz_err first = PZ_OK;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return PZ_ERR_IO;
	}
	while ((first == PZ_OK || !stop) && (entry = readdir(dir))) {
		enum pz_err err = PZ_OK;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = fn(kd, entry->d_name, arg);
		/* With `stop` (at the start) the first fault is enough; a sweep continues with the
		 * other entries. */
		if (first == PZ_OK)
			first = err;
	}
	closedir(dir);
	return first;
}

/* At the start: a temporary file is a key whose URI was never returned, so nothing refers to it. */
static enum pz_err
check_entry(struct pz_keydir *kd, const char *name, void *arg)
{
	struct pz_errinfo *info = arg;
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", kd->path, name) >= (int)sizeof(path))
		return pz_fail(info, PZ_ERR_CONFIG, "%s: path too long", kd->path);
	if (strncmp(name, TEMP_PREFIX, strlen(TEMP_PREFIX)) == 0) {
		if (unlinkat(kd->fd, name, 0) != 0 && errno != ENOENT)
			return io_fail(info, "cannot remove", path);
		return PZ_OK;
	}
	if (fstatat(kd->fd, name, &st, 0) != 0)
		/* Another process has just removed it. */
		return errno == ENOENT ? PZ_OK : io_fail(info, "cannot look at", path);
	return S_ISREG(st.st_mode) ? check_stat(&st, path, info) : PZ_OK;
}

/* All functions use the descriptor (openat and the like), so replacing the directory later changes
 * nothing. */
static enum pz_err
open_checked(struct pz_keydir *kd, const char *dir, struct pz_errinfo *info)
{
	struct stat st;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return io_fail(info, "cannot make", dir);
	kd->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (kd->fd < 0 && errno == ENOTDIR)
		return pz_fail(info, PZ_ERR_CONFIG, "%s: not a directory", dir);
	if (kd->fd < 0)
		return io_fail(info, "cannot open", dir);
	/* Absolute, so that the operator can use the path in a message from any directory. */
	kd->path = realpath(dir, NULL);
	if (kd->path == NULL || fstat(kd->fd, &st) != 0)
		return io_fail(info, "cannot look at", dir);
	if (strlen("file:") + strlen(kd->path) + 1 + PZ_KEYDIR_NAME_BYTES > PZ_KEY_URI_MAX)
		return pz_fail(info, PZ_ERR_CONFIG, "%s: path too long", dir);
	PZ_TRY(check_stat(&st, kd->path, info));
	return each_entry(kd, true, check_entry, info);
}

enum pz_err
pz_keydir_open(const char *dir, struct pz_keydir **out, struct pz_errinfo *info)
{
	PZ_AUTO(pz_keydir_free) struct pz_keydir *kd = calloc(1, sizeof(*kd));

	if (kd == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "key store: out of memory");
	kd->fd = -1;
	PZ_TRY(open_checked(kd, dir, info));
	*out = PZ_TAKE(kd);
	return PZ_OK;
}

void
pz_keydir_free(struct pz_keydir *kd)
{
	if (kd == NULL)
		return;
	if (kd->fd >= 0)
		close(kd->fd);
	free(kd->path);
	free(kd);
}

const char *
pz_keydir_path(const struct pz_keydir *kd)
{
	return kd->path;
}

static bool
write_all(int fd, struct pz_slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes.ptr += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

/* Creates a file with this content and syncs it. */
static bool
write_temp(struct pz_keydir *kd, const char *temp, struct pz_slice content)
{
	int fd = openat(kd->fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;
	int e;

	if (fd < 0)
		return false;
	/* The umask may have cleared bits. */
	ok = fchmod(fd, 0600) == 0 && write_all(fd, content) && fsync(fd) == 0;
	e = errno;
	/* Some file systems report a full disk only here. */
	if (close(fd) != 0 && ok)
		return false;
	errno = e;
	return ok;
}

enum pz_err
pz_keydir_write(struct pz_keydir *kd, struct pz_slice content, char out_name[PZ_KEYDIR_NAME_BYTES],
		struct pz_errinfo *info)
{
	char hex[NAME_HEX_DIGITS + 1], temp[sizeof(TEMP_PREFIX) + NAME_HEX_DIGITS];
	char name[PZ_KEYDIR_NAME_BYTES];
	uint8_t bytes[NAME_RANDOM_BYTES];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return pz_fail(info, PZ_ERR_CRYPTO, "no random bytes for a file name");
	pz_hex_encode(bytes, sizeof(bytes), hex);
	snprintf(temp, sizeof(temp), TEMP_PREFIX "%s", hex);
	snprintf(name, sizeof(name), "%s" SUFFIX, hex);
	/* Before the rename no name refers to the file; after it the key is complete. */
	if (!write_temp(kd, temp, content) || renameat(kd->fd, temp, kd->fd, name) != 0) {
		enum pz_err err = io_fail(info, "cannot write a key to", kd->path);
		unlinkat(kd->fd, temp, 0);
		return err;
	}
	if (fsync(kd->fd) != 0) { /* better no key than one that a crash may lose */
		enum pz_err err = io_fail(info, "cannot write", kd->path);
		unlinkat(kd->fd, name, 0);
		return err;
	}
	memcpy(out_name, name, sizeof(name));
	return PZ_OK;
}

enum pz_err
pz_keydir_remove(struct pz_keydir *kd, const char *name)
{
	if (unlinkat(kd->fd, name, 0) != 0)
		return errno == ENOENT ? PZ_ERR_NOTFOUND : PZ_ERR_IO;
	/* The directory is synced: a secret key must not reappear after a power loss. */
	return fsync(kd->fd) == 0 ? PZ_OK : PZ_ERR_IO;
}

struct sweep {
	bool (*keep)(void *arg, const char *name);
	void *arg;
};

static enum pz_err
sweep_entry(struct pz_keydir *kd, const char *name, void *arg)
{
	const struct sweep *s = arg;

	/* Files of other programs are left alone. */
	if (!pz_keydir_name_is_ours(name) || s->keep(s->arg, name))
		return PZ_OK;
	return pz_keydir_remove(kd, name);
}

static enum pz_err
count_entry(struct pz_keydir *kd, const char *name, void *arg)
{
	size_t *count = arg;

	(void)kd;
	*count += pz_keydir_name_is_ours(name);
	return PZ_OK;
}

size_t
pz_keydir_count(struct pz_keydir *kd)
{
	size_t count = 0;

	(void)!each_entry(kd, false, count_entry, &count);
	return count;
}

enum pz_err
pz_keydir_sweep(struct pz_keydir *kd, bool (*keep)(void *arg, const char *name), void *arg)
{
	struct sweep s = {keep, arg};

	return each_entry(kd, false, sweep_entry, &s);
}
