/* Descriptors as the files of commands. */
#include "kit/test.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"
#include "daemon/file.h"

#define LONG (3 * PZ_FILE_PART_BYTES + 17)

static struct pz_loop loop;

struct outcome {
	unsigned ends;
	enum pz_err err;
	char detail[128];
	uint8_t *bytes; /* what was read */
	size_t len;
};

static int
set_up(void **state)
{
	(void)state;
	assert_ok(pz_loop_init(&loop, 0));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_loop_fini(&loop);
	return 0;
}

static void
on_done(void *arg, enum pz_err err, const char *detail, struct pz_slice bytes)
{
	struct outcome *o = arg;

	o->ends++;
	o->err = err;
	snprintf(o->detail, sizeof(o->detail), "%s", detail);
	if (bytes.len) {
		o->bytes = realloc(o->bytes, o->len + bytes.len);
		memcpy(o->bytes + o->len, bytes.ptr, bytes.len);
	}
	o->len += bytes.len;
	pz_loop_stop(&loop);
}

static struct pz_file *
file_of(int fd)
{
	struct pz_file *file = NULL;

	assert_ok(pz_file_new(&loop, fd, &file, NULL));
	return file;
}

static int
memory(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool
is_closed(int fd)
{
	return fcntl(fd, F_GETFD) < 0;
}

static struct outcome
write_all(struct pz_file *file, const void *bytes, size_t len)
{
	struct outcome o = {0};

	file->ops->write(file, pz_slice_of(bytes, len), on_done, &o);
	assert_int_equal(o.ends, 0); /* never from inside */
	pz_loop_run(&loop);
	assert_int_equal(o.ends, 1);
	return o;
}

static void
reads_what_was_written(void **state)
{
	uint8_t *bytes = malloc(LONG);
	struct outcome o = {0};
	int fd = memory(), same;

	(void)state;
	for (size_t i = 0; i < LONG; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	same = dup(fd);
	struct pz_file *file = file_of(fd);
	assert_true(file->can_read && file->can_write);
	assert_ok(write_all(file, bytes, LONG).err);
	pz_file_close(file);
	assert_true(is_closed(fd));
	/* From its beginning, wherever the descriptor stands. */
	assert_int_equal(lseek(same, 5, SEEK_SET), 5);
	file = file_of(same);
	for (size_t before = SIZE_MAX; o.len != before;) {
		before = o.len;
		file->ops->read(file, on_done, &o);
		pz_loop_run(&loop);
		assert_ok(o.err);
	}
	assert_int_equal(o.len, LONG);
	assert_memory_equal(o.bytes, bytes, LONG);
	assert_int_equal(o.ends, 5); /* four parts and the end */
	pz_file_close(file);
	free(o.bytes);
	free(bytes);
}

static void
refuses_what_is_no_file(void **state)
{
	struct pz_file *file = NULL;
	struct pz_errinfo info;
	int fds[2], path = open("/", O_PATH | O_CLOEXEC), null = open("/dev/null", O_RDWR);

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pz_file_new(&loop, fds[0], &file, &info), PZ_ERR_CONFIG);
	assert_non_null(strstr(info.text, "must be a regular one"));
	assert_int_equal(pz_file_new(&loop, null, &file, &info), PZ_ERR_CONFIG);
	assert_int_equal(pz_file_new(&loop, path, &file, &info), PZ_ERR_CONFIG);
	assert_non_null(strstr(info.text, "for its path only"));
	assert_int_equal(pz_file_new(&loop, dup(fds[1]), &file, &info), PZ_ERR_CONFIG);
	assert_true(is_closed(fds[0]) && is_closed(null) && is_closed(path));
	assert_int_equal(pz_file_new(&loop, 9999, &file, &info), PZ_ERR_IO);
	assert_null(file);
	close(fds[1]);
}

static void
knows_how_it_was_opened(void **state)
{
	char path[] = "/tmp/pz-file-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	struct pz_file *reads = file_of(open(path, O_RDONLY)),
		       *writes = file_of(open(path, O_WRONLY));
	assert_true(reads->can_read && !reads->can_write);
	assert_true(writes->can_write && !writes->can_read);
	unlink(path);
	struct outcome o = write_all(reads, "x", 1); /* a table refuses that before */
	assert_int_equal(o.err, PZ_ERR_IO);
	assert_true(o.detail[0] != '\0');
	pz_file_close(reads);
	pz_file_close(writes);
}

static void
a_full_disk_is_an_error(void **state)
{
	char path[] = "/tmp/pz-file-XXXXXX";
	struct rlimit limit, before;
	uint8_t *bytes = calloc(1, LONG);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit = before;
	limit.rlim_cur = PZ_FILE_PART_BYTES + 100;
	struct pz_file *file = file_of(mkstemp(path));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	struct outcome o = write_all(file, bytes, LONG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(o.err, PZ_ERR_IO_FULL);
	pz_file_close(file);
	unlink(path);
	free(bytes);
}

/* The one who waited is gone; what a thread still does to the file harms nothing. */
static void
is_closed_in_the_middle(void **state)
{
	uint8_t *bytes = calloc(1, LONG);
	struct outcome o = {0};
	int fd = memory();
	struct pz_file *file = file_of(fd);

	(void)state;
	file->ops->write(file, pz_slice_of(bytes, LONG), on_done, &o);
	pz_file_close(file);
	memset(bytes, 1, LONG);
	free(bytes);
	while (!is_closed(fd))
		uv_run(&loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(o.ends, 0);
	pz_file_close(NULL);
}

int
main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		T(reads_what_was_written),  T(refuses_what_is_no_file), T(knows_how_it_was_opened),
		T(a_full_disk_is_an_error), T(is_closed_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
