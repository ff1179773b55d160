/*
 * The file that is sent: read and hashed by a thread, a block at a time; the loop gets each when it
 * is read. The descriptor came from the program that sends (`pzp send`), which may read what this
 * daemon may not; it is duplicated, so the program may end.
 *
 * A file that changes while it is sent must not arrive as a mixture. Size and time of change are
 * recorded at the start and compared at the end (check_job); the digest is over the bytes that were
 * read.
 */
#include "transfer/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/list.h"
#include "transfer/hash.h"

struct pz_source {
	struct pz_work work;
	const struct pz_workers *workers;
	int fd;
	struct stat first;
	struct pz_hash *hash;
	uint64_t at, to;
	uint64_t hashed; /* how far `hash` goes */
	enum pz_err err;
	size_t len; /* of block */
	void (*job)(struct pz_source *source);
	pz_source_done done;
	void *arg;
	bool is_busy;
	bool is_hashing; /* bytes to read */
	bool is_slow;    /* the file system cannot report what is in the page cache */
	atomic_bool is_freed;
	uint8_t block[PZ_TRANSFER_BLOCK_BYTES];
};

static void
release(struct pz_source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	pz_hash_free(source->hash);
	free(source);
}

/* ---- in a thread ---- */

/* pread: the program that has the descriptor shares its offset. */
static void
read_job(struct pz_source *source)
{
	uint64_t left = pz_source_size(source) - source->at;
	size_t wanted = left < sizeof(source->block) ? (size_t)left : sizeof(source->block);
	ssize_t n;

	do {
		n = pread(source->fd, source->block, wanted, (off_t)source->at);
	} while (n < 0 && errno == EINTR);
	source->err = n < 0 ? PZ_ERR_IO : PZ_OK;
	source->len = n > 0 ? (size_t)n : 0;
	source->at += source->len;
	if (!source->is_hashing)
		return;
	pz_hash_add(source->hash, pz_slice_of(source->block, source->len));
	source->hashed += source->len;
}

/* Bytes that the receiver already has are read too, for the digest over the whole. Going back means
 * hashing from the start: a digest cannot be rewound. */
static void
skip_job(struct pz_source *source)
{
	if (source->hashed > source->to) {
		pz_hash_reset(source->hash);
		source->hashed = 0;
	}
	source->at = source->hashed;
	source->err = PZ_OK;
	while (source->at < source->to && source->err == PZ_OK && !atomic_load(&source->is_freed)) {
		uint64_t left = source->to - source->at;
		/* In blocks, so that a command that ends does not wait for a long file. */
		size_t wanted = left < sizeof(source->block) ? (size_t)left : sizeof(source->block);
		ssize_t n = pread(source->fd, source->block, wanted, (off_t)source->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			source->err = PZ_ERR_IO; /* the file is shorter now */
		else
			pz_hash_add(source->hash, pz_slice_of(source->block, (size_t)n));
		source->at += n > 0 ? (uint64_t)n : 0;
		source->hashed = source->at;
	}
	source->len = 0;
}

/* A writer that keeps size and time exactly is not detected; the receiver's digest is then that of
 * the bytes that were read. */
static void
check_job(struct pz_source *source)
{
	const struct stat *old = &source->first;
	struct stat now;

	source->len = 0;
	source->err = PZ_OK;
	if (fstat(source->fd, &now) != 0 || now.st_size != old->st_size ||
	    now.st_mtim.tv_sec != old->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != old->st_mtim.tv_nsec || source->at != (uint64_t)old->st_size)
		source->err = PZ_ERR_IO;
}

static void
on_thread(struct pz_work *work)
{
	struct pz_source *source = PZ_CONTAINER(work, struct pz_source, work);

	source->job(source);
}

/* ---- in the loop ---- */

static void
on_done(struct pz_work *work)
{
	/* Freed here when the request ended during the read. */
	struct pz_source *source = PZ_CONTAINER(work, struct pz_source, work);

	source->is_busy = false;
	if (atomic_load(&source->is_freed))
		release(source);
	else
		source->done(source->arg, source->err, pz_slice_of(source->block, source->len));
}

static void
begin(struct pz_source *source, void (*job)(struct pz_source *), pz_source_done done, void *arg)
{
	source->job = job;
	source->done = done;
	source->arg = arg;
	source->is_busy = true;
	pz_work_start(source->workers, &source->work);
}

enum pz_err
pz_source_new(const struct pz_workers *workers, int fd, struct pz_source **out)
{
	struct pz_source *source = calloc(1, sizeof(*source));

	if (source == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	source->work = (struct pz_work){.run = on_thread, .done = on_done};
	source->workers = workers;
	source->hash = pz_hash_new();
	source->is_hashing = true;
	/* A duplicate: the program may close its own. */
	source->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	enum pz_err err = PZ_OK;
	if (source->fd < 0 || fstat(source->fd, &source->first) != 0)
		err = PZ_ERR_IO;
	else if (!S_ISREG(source->first.st_mode))
		err = PZ_ERR_CONFIG;
	else if (source->hash == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK)
		release(source);
	else
		*out = source;
	return err;
}

void
pz_source_free(struct pz_source *source)
{
	if (source == NULL)
		return;
	atomic_store(&source->is_freed, true);
	if (!source->is_busy)
		release(source);
}

uint64_t
pz_source_size(const struct pz_source *source)
{
	return (uint64_t)source->first.st_size;
}

int64_t
pz_source_mtime_ms(const struct pz_source *source)
{
	return (int64_t)source->first.st_mtim.tv_sec * 1000 +
	       source->first.st_mtim.tv_nsec / 1000000;
}

uint64_t
pz_source_at(const struct pz_source *source)
{
	return source->at;
}

void
pz_source_set_hashing(struct pz_source *source, bool on)
{
	source->is_hashing = on;
}

bool
pz_source_needs_thread(const struct pz_source *source)
{
	return source->is_hashing || source->is_slow;
}

/* Bytes in the page cache are read faster than by a thread. */
struct pz_slice
pz_source_peek(struct pz_source *source, size_t max)
{
	uint64_t left = pz_source_size(source) - source->at;
	size_t wanted = max < sizeof(source->block) ? max : sizeof(source->block);
	struct iovec to = {.iov_base = source->block,
			   .iov_len = left < wanted ? (size_t)left : wanted};

	if (pz_source_needs_thread(source) || to.iov_len == 0)
		return (struct pz_slice){0};
	/* RWF_NOWAIT: bytes that are not in the page cache give EAGAIN, and a thread reads them. */
	ssize_t n = preadv2(source->fd, &to, 1, (off_t)source->at, RWF_NOWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		source->is_slow = true;
	if (n <= 0)
		return (struct pz_slice){0};
	source->at += (uint64_t)n;
	return pz_slice_of(source->block, (size_t)n);
}

void
pz_source_read(struct pz_source *source, pz_source_done done, void *arg)
{
	begin(source, read_job, done, arg);
}

void
pz_source_skip(struct pz_source *source, uint64_t to, pz_source_done done, void *arg)
{
	source->to = to;
	begin(source, skip_job, done, arg);
}

void
pz_source_check(struct pz_source *source, pz_source_done done, void *arg)
{
	begin(source, check_job, done, arg);
}

void
pz_source_hash(const struct pz_source *source, char out[PZ_TRANSFER_HASH_HEX_BYTES])
{
	pz_hash_hex(source->hash, out);
}
