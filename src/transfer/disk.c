/*
 * An incoming file on disk (transfer/part.h): a hidden file in the inbox that grows, and is linked
 * to its final name when it is complete. Each operation is a job for a thread, one at a time; the
 * loop reads its result when the job has ended. So nothing here blocks the loop, and no two jobs of
 * a file run at once.
 *
 * The sender's bytes are not trusted. Names were checked (transfer/name.h) and directories are
 * opened below the inbox, one by one and without following links (place.c); only regular files are
 * opened.
 *
 * The process may end at any point: after a kill the hidden file is still there, and the next offer
 * of the same file continues it, once its digest has been compared. A file that was linked but not
 * reported is recognised by its second link. Closing waits for a running job, and frees after it.
 */
#include "transfer/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/list.h"
#include "transfer/hash.h"
#include "transfer/place.h"

/* The thread and the loop use this alternately: is_busy says which of them owns it; both read only
 * is_closed. */
struct disk_part {
	struct pz_part base;
	struct pz_work work;
	const struct pz_workers *workers;
	struct pz_part_spec spec;
	char *inbox; /* of spec, owned */
	int inbox_fd, incoming_fd, fd;
	struct pz_hash *hash;
	uint64_t at;         /* bytes that are in the file */
	uint64_t hashed;     /* of them */
	struct pz_buf bytes; /* bytes to write; after a write, memory for the next ones */
	bool (*job)(struct disk_part *part);
	struct pz_part_result result;
	pz_part_done done;
	void *arg;
	bool is_busy;
	atomic_bool is_closed; /* ends a long job early */
};

static struct disk_part *
disk_part_of(struct pz_part *part)
{
	return PZ_CONTAINER(part, struct disk_part, base);
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* No job runs: only the loop has this object now. */
static void
part_free(struct disk_part *part)
{
	close_fd(part->fd);
	close_fd(part->incoming_fd);
	close_fd(part->inbox_fd);
	pz_hash_free(part->hash);
	pz_buf_fini(&part->bytes);
	free(part->inbox);
	free(part);
}

/* ---- in a thread: false after a failure, which `result` names ---- */

/* Maps errno by the advice: make room, change permissions, or neither. `what` is the name below the
 * inbox. */
static bool
failed(struct disk_part *part, const char *what)
{
	int number = errno;
	enum pz_err err = PZ_ERR_IO;

	if (number == ENOSPC || number == EDQUOT || number == EFBIG)
		err = PZ_ERR_IO_FULL;
	else if (number == EACCES || number == EPERM || number == EROFS || number == ELOOP ||
		 number == ENOTDIR)
		err = PZ_ERR_DENIED_PERMISSION;
	else if (number == ENOMEM)
		err = PZ_ERR_LIMIT_MEMORY;
	part->result.err = err;
	snprintf(part->result.detail, sizeof(part->result.detail), "%.50s%s%.100s: %.40s", what,
		 what[0] ? ": " : "", part->spec.inbox, strerror(number));
	return false;
}

/* The digest of the bytes that are there already. A file may be long, so a job that is not wanted
 * any more stops between two blocks. */
static bool
hash_all(struct disk_part *part, uint64_t end)
{
	PZ_AUTO_FREE uint8_t *block = malloc(PZ_TRANSFER_BLOCK_BYTES);

	if (block == NULL)
		return failed(part, "");
	/* After a restart of the daemon the digest of the old part is computed again: it is not
	 * stored. */
	while (part->hashed < end && !atomic_load(&part->is_closed)) {
		uint64_t left = end - part->hashed;
		size_t wanted =
			left < PZ_TRANSFER_BLOCK_BYTES ? (size_t)left : PZ_TRANSFER_BLOCK_BYTES;
		ssize_t n = pread(part->fd, block, wanted, (off_t)part->hashed);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(part, "");
		/* Shorter than before: the caller sees it by `hashed`. */
		if (n == 0)
			break;
		pz_hash_add(part->hash, pz_slice_of(block, (size_t)n));
		part->hashed += (uint64_t)n;
	}
	return true;
}

/* Detects a full disk before it is filled. If the file system does not report its free space, the
 * write finds out. */
static bool
has_room(struct disk_part *part)
{
	struct statvfs fs;

	if (!part->spec.has_size || part->spec.size <= part->at || fstatvfs(part->fd, &fs) != 0)
		return true;
	/* f_bavail: the free space without the part that is reserved for root. */
	uint64_t left = part->spec.size - part->at, room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (left <= room)
		return true;
	part->result.err = PZ_ERR_IO_FULL;
	part->result.is_too_large = room >= PZ_DISK_LOW_BYTES;
	snprintf(part->result.detail, sizeof(part->result.detail),
		 "%.100s: %llu bytes are to come, %llu are free", part->spec.inbox,
		 (unsigned long long)left, (unsigned long long)room);
	return false;
}

/* A file that was placed already must not change: the next one starts as another file. */
static bool
leave_placed(struct disk_part *part)
{
	if (unlinkat(part->incoming_fd, part->spec.key, 0) != 0)
		return false;
	/* The old descriptor belongs to the placed file, which must not be written any more. */
	close_fd(part->fd);
	close_fd(part->incoming_fd);
	part->incoming_fd = -1;
	part->fd = pz_place_open_part(part->inbox_fd, part->spec.key, &part->incoming_fd);
	return part->fd >= 0;
}

static bool
restart_job(struct disk_part *part)
{
	struct stat st;

	pz_hash_reset(part->hash);
	part->at = part->hashed = 0;
	/* Two links: the file has a name in the inbox, and only the report was lost. */
	if (fstat(part->fd, &st) != 0 || (st.st_nlink > 1 && !leave_placed(part)) ||
	    ftruncate(part->fd, 0) != 0)
		return failed(part, "");
	return true;
}

/* The limit of unfinished files applies only to a new one: existing ones may always continue. The
 * file starts again if it cannot be a beginning of what is offered: it is longer, or was placed
 * already and has another size. */
static bool
open_job(struct disk_part *part)
{
	struct stat st;

	part->inbox_fd = pz_place_open_inbox(part->spec.inbox);
	if (part->inbox_fd < 0)
		return failed(part, "");
	part->fd = pz_place_open_part(part->inbox_fd, part->spec.key, &part->incoming_fd);
	if (part->fd < 0 || fstat(part->fd, &st) != 0)
		return failed(part, "");
	/* Opened with O_NOFOLLOW, but it may be a pipe or a directory that another program made. */
	if (!S_ISREG(st.st_mode)) {
		errno = ELOOP;
		return failed(part, "");
	}
	size_t others = pz_place_sweep(part->incoming_fd, part->spec.key);
	size_t others_max = part->spec.key[0] == PZ_PART_KEY_GUEST ? PZ_TRANSFER_GUEST_PARTS_MAX
								   : PZ_TRANSFER_PARTS_MAX;
	/* Size 0: this call has created it. */
	if (st.st_size == 0 && others >= others_max) {
		(void)!unlinkat(part->incoming_fd, part->spec.key, 0);
		part->result.err = PZ_ERR_LIMIT;
		snprintf(part->result.detail, sizeof(part->result.detail),
			 "%.150s: %zu unfinished files are there", part->spec.inbox, others);
		return false;
	}
	bool is_longer = part->spec.has_size && (uint64_t)st.st_size > part->spec.size;
	bool is_other = st.st_nlink > 1 && (uint64_t)st.st_size != part->spec.size;
	/* The digest of the existing bytes goes to the sender, who decides whether they are a
	 * beginning of its file. */
	bool ok = part->spec.is_fresh || is_longer || is_other
			  ? restart_job(part)
			  : hash_all(part, (uint64_t)st.st_size);
	part->at = part->hashed;
	return ok && has_room(part);
}

/* The file is shorter than what was written: another program has changed it. */
static bool
digest_job(struct disk_part *part)
{
	if (!hash_all(part, part->at))
		return false;
	errno = EIO;
	return part->hashed == part->at || failed(part, part->spec.name);
}

/* True when a whole block of the bytes, starting at `at`, is all zeros. */
static bool
is_empty(struct pz_slice bytes, size_t at)
{
	const uint8_t *p = bytes.ptr;

	if (p == NULL || bytes.len - at < PZ_TRANSFER_HOLE_BYTES)
		return false;
	p += at;
	return p[0] == 0 && memcmp(p, p + 1, PZ_TRANSFER_HOLE_BYTES - 1) == 0;
}

/* How many of the bytes to write next: empty blocks, or the bytes before the next empty block.
 * Blocks are those of the file, which file systems can leave out. */
static size_t
next_piece(uint64_t at, struct pz_slice bytes, bool *out_is_empty)
{
	size_t n = PZ_TRANSFER_HOLE_BYTES - (size_t)(at % PZ_TRANSFER_HOLE_BYTES);

	*out_is_empty = n == PZ_TRANSFER_HOLE_BYTES && is_empty(bytes, 0);
	while (n < bytes.len && is_empty(bytes, n) == *out_is_empty)
		n += PZ_TRANSFER_HOLE_BYTES;
	return n < bytes.len ? n : bytes.len;
}

/* Empty blocks take no space: the file becomes longer, and nothing is written. They are written
 * where the file system cannot do that, and where the sender has not given the size: then only the
 * full disk ends an endless file. */
static ssize_t
write_piece(struct disk_part *part, struct pz_slice left)
{
	bool is_hole;
	size_t n = next_piece(part->at, left, &is_hole);

	if (is_hole && part->spec.has_size && ftruncate(part->fd, (off_t)(part->at + n)) == 0)
		return (ssize_t)n;
	return pwrite(part->fd, left.ptr, n, (off_t)part->at);
}

/* Written and hashed in the same order. `at` and `hashed` advance only past written bytes, so after
 * a failure digest and file agree. */
static bool
write_job(struct disk_part *part)
{
	struct pz_slice left = pz_buf_slice(&part->bytes);
	/* Once a block was written without a digest, digest_job has to compute it from the file. */
	bool is_hashed = !part->spec.no_digest && part->hashed == part->at;

	while (left.len > 0) {
		ssize_t n = write_piece(part, left);
		if (n < 0 && errno == EINTR)
			continue;
		/* write(2) may take nothing without an error; the loop would not end. */
		if (n == 0)
			errno = ENOSPC; /* a file that accepts nothing is full */
		if (n <= 0)
			return failed(part, "");
		if (is_hashed) {
			pz_hash_add(part->hash, pz_slice_of(left.ptr, (size_t)n));
			part->hashed += (uint64_t)n;
		}
		part->at += (uint64_t)n;
		left = pz_slice_of(left.ptr + n, left.len - (size_t)n);
	}
	return true;
}

/* Some file systems cannot sync a directory; the file itself is on the disk. */
static bool
place_in(struct disk_part *part, int dir_fd, const struct stat *st)
{
	char name[PZ_TRANSFER_NAME_BYTES_MAX + 1];
	/* Placed by an earlier try: a second link would be a second file for the user. */
	bool is_there = st->st_nlink > 1 &&
			pz_place_find(dir_fd, st->st_dev, st->st_ino, name, sizeof(name));

	if (!is_there && !pz_place_link(part->incoming_fd, part->spec.key, dir_fd, part->spec.name,
					name, sizeof(name)))
		return failed(part, part->spec.name);
	(void)!fsync(dir_fd);
	snprintf(part->result.file, sizeof(part->result.file), "%s%s%s", part->spec.path,
		 part->spec.path[0] ? "/" : "", name);
	return true;
}

/* The content is on the disk before the name: after a crash no incomplete file has a final name.
 * The time of change is set first, since fsync stores it too. */
static bool
place_job(struct disk_part *part)
{
	const int64_t ms = part->spec.mtime_ms;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
				    {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};
	struct stat st;

	/* Before fsync(): the time of change is the sender's, not that of the arrival. */
	if (ms > 0)
		(void)!futimens(part->fd, times); /* only the content matters */
	if (fsync(part->fd) != 0 || fstat(part->fd, &st) != 0)
		return failed(part, "");
	int dir_fd = pz_place_open_below(part->inbox_fd, part->spec.path);
	if (dir_fd < 0)
		return failed(part, part->spec.path);
	bool ok = place_in(part, dir_fd, &st);
	close(dir_fd);
	return ok;
}

/* Failures do not matter: files that stay are removed later by age. */
static bool
remove_job(struct disk_part *part)
{
	if (part->incoming_fd >= 0)
		(void)!unlinkat(part->incoming_fd, part->spec.key, 0);
	/* The error for a directory that is not empty is ignored: other files are still incoming.
	 */
	if (part->inbox_fd >= 0) /* after the last one */
		(void)!unlinkat(part->inbox_fd, PZ_DISK_INCOMING, AT_REMOVEDIR);
	return true;
}

static void
on_thread(struct pz_work *work)
{
	struct disk_part *part = PZ_CONTAINER(work, struct disk_part, work);

	part->result = (struct pz_part_result){.err = PZ_OK};
	if (part->job(part)) {
		part->result.have = part->at;
		if (part->hashed == part->at)
			pz_hash_hex(part->hash, part->result.sha256);
	}
}

/* ---- in the loop ---- */

static void
on_done(struct pz_work *work)
{
	struct disk_part *part = PZ_CONTAINER(work, struct disk_part, work);

	part->is_busy = false;
	if (atomic_load(&part->is_closed))
		part_free(part);
	else
		part->done(part->arg, &part->result);
}

static void
begin(struct disk_part *part, bool (*job)(struct disk_part *), pz_part_done done, void *arg)
{
	part->job = job;
	part->done = done;
	part->arg = arg;
	part->is_busy = true;
	pz_work_start(part->workers, &part->work);
}

/* The buffers are swapped, not copied; the caller continues with an empty one. */
static void
part_write(struct pz_part *base, struct pz_buf *bytes, pz_part_done done, void *arg)
{
	struct disk_part *part = disk_part_of(base);
	/* Two buffers are swapped for each block, so nothing is copied or allocated. */
	struct pz_buf spare = part->bytes;

	part->bytes = *bytes;
	spare.max = bytes->max;
	*bytes = spare;
	pz_buf_clear(bytes);
	begin(part, write_job, done, arg);
}

static void
part_digest(struct pz_part *base, pz_part_done done, void *arg)
{
	begin(disk_part_of(base), digest_job, done, arg);
}

static void
part_restart(struct pz_part *base, pz_part_done done, void *arg)
{
	begin(disk_part_of(base), restart_job, done, arg);
}

static void
part_place(struct pz_part *base, pz_part_done done, void *arg)
{
	begin(disk_part_of(base), place_job, done, arg);
}

static void
part_remove(struct pz_part *base, pz_part_done done, void *arg)
{
	begin(disk_part_of(base), remove_job, done, arg);
}

/* A running job is not waited for: it sees the flag, and on_done frees. */
static void
part_close(struct pz_part *base)
{
	struct disk_part *part = disk_part_of(base);

	/* Set before is_busy is read: on_done runs in this thread, so it sees one or the other. */
	atomic_store(&part->is_closed, true);
	if (!part->is_busy)
		part_free(part);
}

static const struct pz_part_ops part_ops = {
	.write = part_write,
	.digest = part_digest,
	.restart = part_restart,
	.place = part_place,
	.remove = part_remove,
	.close = part_close,
};

static struct disk_part *
part_new(const struct pz_workers *workers, const struct pz_part_spec *spec)
{
	struct disk_part *part = calloc(1, sizeof(*part));

	if (part == NULL)
		return NULL;
	part->base.ops = &part_ops;
	part->work = (struct pz_work){.run = on_thread, .done = on_done};
	part->workers = workers;
	part->spec = *spec;
	part->inbox = strdup(spec->inbox);
	part->spec.inbox = part->inbox;
	part->inbox_fd = part->incoming_fd = part->fd = -1;
	part->hash = pz_hash_new();
	if (part->inbox && part->hash)
		return part;
	part_free(part);
	return NULL;
}

static struct pz_part *
parts_open(void *self, const struct pz_part_spec *spec, pz_part_done done, void *arg)
{
	struct disk_part *part = part_new(self, spec);

	if (part == NULL)
		return NULL;
	begin(part, open_job, done, arg);
	return &part->base;
}

/* ---- old ones ---- */

static bool
sweep_job(struct disk_part *part)
{
	part->inbox_fd = open(part->spec.inbox, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (part->inbox_fd >= 0)
		part->incoming_fd = openat(part->inbox_fd, PZ_DISK_INCOMING,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (part->incoming_fd >= 0)
		(void)pz_place_sweep(part->incoming_fd, NULL);
	return remove_job(part);
}

static void
parts_sweep(void *self, const char *inbox)
{
	/* A part that is closed at once: it lives until its job has ended. */
	const struct pz_part_spec spec = {.inbox = inbox, .key = "-"}; /* no such file */
	struct disk_part *part = part_new(self, &spec);

	if (part == NULL)
		return;
	begin(part, sweep_job, NULL, NULL);
	part_close(&part->base);
}

struct pz_parts
pz_disk_parts(const struct pz_workers *workers)
{
	return (struct pz_parts){
		.open = parts_open, .sweep = parts_sweep, .self = (void *)(uintptr_t)workers};
}
