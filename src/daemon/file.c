/*
 * Data is copied through a buffer of our own (PZ_FILE_PART_BYTES), so that a file can be closed
 * while a thread still reads or writes: the buffer stays until libuv has finished, the caller's
 * memory need not.
 */
#include "daemon/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/list.h"

struct file {
	struct pz_file base;
	struct pz_loop *loop;
	int fd;
	int64_t at;
	uv_fs_t op;
	struct pz_slice rest; /* still to be written, borrowed */
	pz_file_done done;    /* of the current read or write, or NULL */
	void *arg;
	bool is_busy, is_closed;
	uint8_t part[PZ_FILE_PART_BYTES];
};

static void
free_file(struct file *f)
{
	close(f->fd);
	memset(f->part, 0, sizeof(f->part));
	free(f);
}

static enum pz_err
error_of(ssize_t result)
{
	if (result >= 0)
		return PZ_OK;
	if (result == UV_ENOSPC || result == UV_EFBIG || result == -EDQUOT)
		return PZ_ERR_IO_FULL;
	return result == UV_ENOMEM ? PZ_ERR_LIMIT_MEMORY : PZ_ERR_IO;
}

static void
finish(struct file *f, ssize_t result, struct pz_slice bytes)
{
	pz_file_done done = f->done;

	f->done = NULL;
	done(f->arg, error_of(result), result < 0 ? uv_strerror((int)result) : "", bytes);
}

/* @return false: the file was closed meanwhile, and is now freed */
static bool
ended(struct file *f, ssize_t *out_result)
{
	*out_result = f->op.result;
	uv_fs_req_cleanup(&f->op);
	f->is_busy = false;
	if (f->is_closed) {
		free_file(f);
		return false;
	}
	if (*out_result > 0)
		f->at += *out_result;
	return true;
}

static void
on_read(uv_fs_t *op)
{
	struct file *f = op->data;
	ssize_t n;

	if (ended(f, &n))
		finish(f, n, pz_slice_of(f->part, n > 0 ? (size_t)n : 0));
}

static void write_part(struct file *f);

static void
on_written(uv_fs_t *op)
{
	struct file *f = op->data;
	ssize_t n;

	if (!ended(f, &n))
		return;
	if (n > 0)
		f->rest = pz_slice_of(f->rest.ptr + n, f->rest.len - (size_t)n);
	if (n > 0 && f->rest.len > 0)
		write_part(f);
	else /* a write of 0 bytes means that the file is full */
		finish(f, n == 0 && f->rest.len > 0 ? UV_ENOSPC : n, pz_slice_of(NULL, 0));
}

static void
write_part(struct file *f)
{
	size_t len = f->rest.len < sizeof(f->part) ? f->rest.len : sizeof(f->part);
	uv_buf_t buf = uv_buf_init((char *)f->part, (unsigned)len);

	memcpy(f->part, f->rest.ptr, len);
	/* With one buffer libuv allocates nothing, so this cannot fail. */
	f->is_busy = uv_fs_write(&f->loop->uv, &f->op, f->fd, &buf, 1, f->at, on_written) == 0;
}

static void
file_write(struct pz_file *file, struct pz_slice bytes, pz_file_done done, void *arg)
{
	struct file *f = PZ_CONTAINER(file, struct file, base);

	f->rest = bytes;
	f->done = done;
	f->arg = arg;
	write_part(f);
}

static void
file_read(struct pz_file *file, pz_file_done done, void *arg)
{
	struct file *f = PZ_CONTAINER(file, struct file, base);
	uv_buf_t buf = uv_buf_init((char *)f->part, sizeof(f->part));

	f->done = done;
	f->arg = arg;
	f->is_busy = uv_fs_read(&f->loop->uv, &f->op, f->fd, &buf, 1, f->at, on_read) == 0;
}

static void
file_close(struct pz_file *file)
{
	struct file *f = PZ_CONTAINER(file, struct file, base);

	f->is_closed = true;
	if (!f->is_busy)
		free_file(f);
	else
		(void)uv_cancel((uv_req_t *)&f->op); /* work that waits for a thread ends at once */
}

static const struct pz_file_ops file_ops = {
	.read = file_read,
	.write = file_write,
	.close = file_close,
};

/* Errors: see pz_file_new. */
static enum pz_err
look_at(int fd, int *out_flags, struct pz_errinfo *info)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &st) != 0)
		return pz_fail(info, PZ_ERR_IO, "the file: %s", strerror(errno));
	if (flags & O_PATH)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the file was opened for its path only (O_PATH)");
	if (!S_ISREG(st.st_mode))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the file must be a regular one, not a pipe or a device");
	*out_flags = flags;
	return PZ_OK;
}

enum pz_err
pz_file_new(struct pz_loop *loop, int takes_fd, struct pz_file **out, struct pz_errinfo *info)
{
	struct file *f = NULL;
	int flags = 0;
	enum pz_err err = look_at(takes_fd, &flags, info);

	if (err == PZ_OK && (f = calloc(1, sizeof(*f))) == NULL)
		err = pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (err != PZ_OK) {
		close(takes_fd);
		return err;
	}
	f->base.ops = &file_ops;
	f->base.fd = takes_fd;
	f->base.can_read = (flags & O_ACCMODE) != O_WRONLY;
	f->base.can_write = (flags & O_ACCMODE) != O_RDONLY;
	f->loop = loop;
	f->fd = takes_fd;
	f->op.data = f;
	*out = &f->base;
	return PZ_OK;
}
