/* What only the store on disk promises: kill -9, full disk, damaged and foreign files, permissions.
 */
#include "kit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/dir.h"
#include "kit/world.h"
#include "store/sqlite.h"

enum { PAGE = 4096 };

struct fixture {
	struct pz_kit_dir dir;
	int event_fd;
	struct pz_store *store;
	struct pz_errinfo info;
};

static int
setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	assert_non_null(fix);
	pz_kit_dir_init(&fix->dir, "store.db");
	fix->event_fd = eventfd(0, EFD_CLOEXEC);
	*state = fix;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fix = *state;

	pz_store_free(fix->store);
	close(fix->event_fd);
	pz_kit_dir_fini(&fix->dir);
	free(fix);
	return 0;
}

/* ---- helpers ---- */

static enum pz_err
try_open(struct fixture *fix)
{
	return pz_store_open_sqlite(fix->dir.file, pz_kit_wake, &fix->event_fd, &fix->store,
				    &fix->info);
}

static void
must_open(struct fixture *fix)
{
	if (try_open(fix) != PZ_OK)
		fail_msg("%s", fix->info.text);
}

static void
close_store(struct fixture *fix)
{
	pz_store_free(PZ_TAKE(fix->store));
}

/** Opening fails with `err` and says `words` about this file. */
static void
must_refuse(struct fixture *fix, enum pz_err err, const char *words)
{
	assert_int_equal(try_open(fix), err);
	assert_null(fix->store);
	assert_non_null(strstr(fix->info.text, fix->dir.file));
	assert_non_null(strstr(fix->info.text, words));
}

static struct pz_txn *
txn_put(const char *key, const void *value, size_t len)
{
	struct pz_txn *txn = pz_txn_new();

	assert_non_null(txn);
	assert_ok(pz_txn_put(txn, "s", key, pz_slice_of(value, len)));
	return txn;
}

struct result {
	bool is_done;
	enum pz_err err;
	char detail[256];
};

static void
note(void *arg, enum pz_err err, const char *detail)
{
	struct result *result = arg;

	result->is_done = true;
	result->err = err;
	snprintf(result->detail, sizeof(result->detail), "%s", detail);
}

static enum pz_err
collect_keys(void *arg, const char *key, struct pz_slice value)
{
	(void)value;
	strcat(arg, key);
	return PZ_OK;
}

static const char *
keys(struct fixture *fix)
{
	static char text[4096];

	text[0] = '\0';
	assert_ok(pz_store_load(fix->store, "s", collect_keys, text, NULL));
	return text;
}

/** Changes the closed file through SQLite. */
static void
alter(struct fixture *fix, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(fix->dir.file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(chmod(fix->dir.file, 0600), 0);
}

static uint8_t *
read_file(const char *path, size_t *out_len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*out_len = (size_t)st.st_size;
	return bytes;
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/** A closed store of several pages; the caller frees its bytes. */
static uint8_t *
make_store(struct fixture *fix, size_t *out_len)
{
	char value[400];

	memset(value, 'v', sizeof(value));
	must_open(fix);
	for (int i = 0; i < 64; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d;", i);
		pz_store_commit(fix->store, txn_put(key, value, sizeof(value)), NULL, NULL);
	}
	close_store(fix);
	return read_file(fix->dir.file, out_len);
}

/* ---- kill -9 ---- */

struct acknowledged {
	int fd;
	uint32_t number;
};

static void
acknowledge(void *arg, enum pz_err err, const char *detail)
{
	struct acknowledged *ack = arg;

	(void)detail;
	if (err != PZ_OK || write(ack->fd, &ack->number, sizeof(ack->number)) < 0)
		_exit(1);
	free(ack);
}

/** Commits pairs of equal numbers for ever and writes each number that became durable. */
static void
commit_until_killed(struct fixture *fix, uint32_t number, int fd)
{
	if (try_open(fix) != PZ_OK)
		_exit(2);
	for (;; number++) {
		struct acknowledged *ack = malloc(sizeof(*ack));
		struct pz_txn *txn = pz_txn_new();
		struct pz_slice value = pz_slice_of(&number, sizeof(number));

		if (ack == NULL || txn == NULL || pz_txn_put(txn, "pair", "a", value) != PZ_OK ||
		    pz_txn_put(txn, "pair", "b", value) != PZ_OK)
			_exit(3);
		*ack = (struct acknowledged){fd, number};
		pz_store_commit(fix->store, txn, acknowledge, ack);
		if (pz_store_pending(fix->store) >= 5)
			pz_kit_settle(fix->store, fix->event_fd);
	}
}

static enum pz_err
read_pair(void *arg, const char *key, struct pz_slice value)
{
	uint32_t *pair = arg;

	assert_int_equal(value.len, sizeof(uint32_t));
	memcpy(&pair[key[0] == 'a' ? 0 : 1], value.ptr, sizeof(uint32_t));
	return PZ_OK;
}

static void
test_kill_9_keeps_what_was_acknowledged(void **state)
{
	struct fixture *fix = *state;
	uint32_t last = 0;

	for (uint32_t round = 0; round < 8; round++) {
		uint32_t pair[2] = {0, 0}, got = 0, wanted = 1 + round * 13;
		int fds[2], status;
		pid_t child;

		assert_int_equal(pipe(fds), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			close(fds[0]);
			commit_until_killed(fix, last + 1, fds[1]);
		}
		close(fds[1]);
		while (got < wanted && read(fds[0], &last, sizeof(last)) == sizeof(last))
			got++;
		assert_int_equal(got, wanted); /* it did not end by itself */
		kill(child, SIGKILL);
		while (read(fds[0], &last, sizeof(last)) == sizeof(last))
			;
		close(fds[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

		must_open(fix);
		assert_ok(pz_store_load(fix->store, "pair", read_pair, pair, NULL));
		assert_int_equal(pair[0], pair[1]);
		assert_true(pair[0] >= last);
		last = pair[0];
		close_store(fix);
	}
}

/* ---- full disk ---- */

/** No file may grow over `bytes` (RLIM_INFINITY: as before); writing more gives EFBIG. */
static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
test_full_disk_fails_the_commit_and_nothing_else(void **state)
{
	struct fixture *fix = *state;
	struct result big = {0}, small = {0};
	char *value = calloc(1, 300000);

	assert_non_null(value);
	must_open(fix);
	pz_store_commit(fix->store, txn_put("a", "1", 1), NULL, NULL);
	pz_kit_settle(fix->store, fix->event_fd);

	limit_files(150000);
	pz_store_commit(fix->store, txn_put("big", value, 300000), note, &big);
	pz_kit_settle(fix->store, fix->event_fd);
	assert_int_equal(big.err, PZ_ERR_IO_FULL);
	assert_non_null(strstr(big.detail, fix->dir.file));
	assert_non_null(strstr(big.detail, "no space left"));
	assert_string_equal(keys(fix), "a");

	pz_store_commit(fix->store, txn_put("b", "2", 1), note, &small);
	pz_kit_settle(fix->store, fix->event_fd);
	assert_ok(small.err);

	limit_files(RLIM_INFINITY); /* a user made room */
	pz_store_commit(fix->store, txn_put("big", value, 300000), note, &big);
	pz_kit_settle(fix->store, fix->event_fd);
	assert_ok(big.err);
	assert_string_equal(keys(fix), "abbig");
	free(value);
}

static void
test_one_bad_transaction_does_not_sink_its_group(void **state)
{
	struct fixture *fix = *state;
	struct result results[4] = {0};
	char *value = calloc(1, 300000);
	sqlite3 *other;

	assert_non_null(value);
	must_open(fix);
	/* While another process holds the file, all commits wait behind the first one. */
	assert_int_equal(sqlite3_open(fix->dir.file, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	limit_files(150000);
	pz_store_commit(fix->store, txn_put("a", "1", 1), note, &results[0]);
	pz_store_commit(fix->store, txn_put("b", "2", 1), note, &results[1]);
	pz_store_commit(fix->store, txn_put("big", value, 300000), note, &results[2]);
	pz_store_commit(fix->store, txn_put("c", "3", 1), note, &results[3]);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);

	pz_kit_settle(fix->store, fix->event_fd);
	limit_files(RLIM_INFINITY);
	assert_ok(results[0].err);
	assert_ok(results[1].err);
	assert_int_equal(results[2].err, PZ_ERR_IO_FULL);
	assert_ok(results[3].err);
	assert_string_equal(keys(fix), "abc");
	free(value);
}

static void
test_no_room_for_a_new_store(void **state)
{
	struct fixture *fix = *state;

	limit_files(100);
	must_refuse(fix, PZ_ERR_IO_FULL, "no space left");
	limit_files(RLIM_INFINITY);
	must_open(fix); /* what was left behind is no obstacle */
	assert_string_equal(keys(fix), "");
}

/* ---- damaged files ---- */

static void
test_garbage(void **state)
{
	struct fixture *fix = *state;
	uint8_t bytes[2 * PAGE];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	write_file(fix->dir.file, bytes, sizeof(bytes));
	must_refuse(fix, PZ_ERR_IO, "is damaged");
	assert_non_null(strstr(fix->info.text, "restore it from a backup, or move it"));
}

static void
test_any_zeroed_page_is_found(void **state)
{
	struct fixture *fix = *state;
	size_t len;
	uint8_t *bytes = make_store(fix, &len);

	assert_true(len > 4 * PAGE);
	for (size_t at = 0; at < len; at += PAGE) {
		uint8_t page[PAGE];

		memcpy(page, bytes + at, PAGE);
		memset(bytes + at, 0, PAGE);
		write_file(fix->dir.file, bytes, len);
		must_refuse(fix, PZ_ERR_IO, "is damaged");
		memcpy(bytes + at, page, PAGE);
	}
	write_file(fix->dir.file, bytes, len);
	must_open(fix);
	free(bytes);
}

static void
test_truncated(void **state)
{
	struct fixture *fix = *state;
	size_t len;
	uint8_t *bytes = make_store(fix, &len);

	for (size_t cut = PAGE / 2; cut < len; cut += PAGE / 2) {
		write_file(fix->dir.file, bytes, cut);
		must_refuse(fix, PZ_ERR_IO, "is damaged");
	}
	free(bytes);
}

static void
test_damage_while_running_is_reported(void **state)
{
	struct fixture *fix = *state;
	struct pz_errinfo info = {{0}};
	char text[4096] = "";
	size_t len;
	uint8_t *bytes = make_store(fix, &len);
	int fd;

	must_open(fix);
	fd = open(fix->dir.file, O_WRONLY | O_CLOEXEC);
	memset(bytes, 0xee, len);
	/* SQLite's locks live on this file, but closing ours is harmless: no other process is here.
	 */
	assert_int_equal(pwrite(fd, bytes, len - PAGE, PAGE), len - PAGE);
	assert_int_equal(pz_store_load(fix->store, "s", collect_keys, text, &info), PZ_ERR_IO);
	assert_non_null(strstr(info.text, fix->dir.file));
	assert_non_null(strstr(info.text, "is damaged"));
	close(fd);
	free(bytes);
}

/* ---- whose file, which version ---- */

static void
test_newer_schema_is_refused(void **state)
{
	struct fixture *fix = *state;

	must_open(fix);
	close_store(fix);
	alter(fix, "PRAGMA user_version = 99");
	must_refuse(fix, PZ_ERR_CONFIG, "schema version 99");
	assert_non_null(strstr(fix->info.text, "upgrade"));
	alter(fix, "PRAGMA user_version = -1");
	must_refuse(fix, PZ_ERR_IO, "is damaged");
}

static void
test_foreign_database_is_left_alone(void **state)
{
	const char *foreign[] = {
		"CREATE TABLE t(x)",
		"PRAGMA application_id = 4711",
		"PRAGMA user_version = 1",
	};
	struct fixture *fix = *state;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		size_t before_len, after_len;
		uint8_t *before, *after;

		alter(fix, foreign[i]);
		before = read_file(fix->dir.file, &before_len);
		must_refuse(fix, PZ_ERR_CONFIG, "another program");
		after = read_file(fix->dir.file, &after_len);
		assert_int_equal(before_len, after_len);
		assert_memory_equal(before, after, after_len);
		free(before);
		free(after);
		assert_int_equal(unlink(fix->dir.file), 0);
	}
}

static void
test_file_left_empty_by_a_crash_is_a_new_store(void **state)
{
	struct fixture *fix = *state;

	write_file(fix->dir.file, "", 0);
	must_open(fix);
	assert_string_equal(keys(fix), "");
}

/* ---- permissions, secrets ---- */

static unsigned
mode_of(const char *file, const char *suffix)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", file, suffix);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
test_files_are_private(void **state)
{
	struct fixture *fix = *state;
	mode_t old = umask(0);

	must_open(fix);
	umask(old);
	assert_int_equal(mode_of(fix->dir.file, ""), 0600);
	assert_int_equal(mode_of(fix->dir.file, "-wal"), 0600);
	assert_int_equal(mode_of(fix->dir.file, "-shm"), 0600);
}

static void
test_open_or_foreign_file_is_refused(void **state)
{
	struct fixture *fix = *state;

	must_open(fix);
	close_store(fix);
	assert_int_equal(chmod(fix->dir.file, 0640), 0);
	must_refuse(fix, PZ_ERR_DENIED_PERMISSION, "chmod 600");
	assert_int_equal(chmod(fix->dir.file, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(fix->dir.file, 12345, (gid_t)-1), 0);
		must_refuse(fix, PZ_ERR_DENIED_PERMISSION, "uid 12345");
	}
}

static void
test_unusable_paths(void **state)
{
	struct fixture *fix = *state;

	assert_int_equal(mkdir(fix->dir.file, 0700), 0);
	must_refuse(fix, PZ_ERR_CONFIG, "not a regular file");
	strcat(fix->dir.file, "/no/such/dir");
	must_refuse(fix, PZ_ERR_IO, strerror(ENOENT));
}

static void
test_removed_values_are_overwritten(void **state)
{
	static const char secret[] = "the secret of a zone that was left";
	struct fixture *fix = *state;
	struct pz_txn *txn = pz_txn_new();
	size_t len;
	uint8_t *bytes;

	assert_non_null(txn);
	must_open(fix);
	pz_store_commit(fix->store, txn_put("k", secret, sizeof(secret)), NULL, NULL);
	close_store(fix);
	bytes = read_file(fix->dir.file, &len);
	assert_non_null(memmem(bytes, len, secret, sizeof(secret)));
	free(bytes);

	must_open(fix);
	assert_ok(pz_txn_remove_space(txn, "s"));
	pz_store_commit(fix->store, txn, NULL, NULL);
	close_store(fix);
	bytes = read_file(fix->dir.file, &len);
	assert_null(memmem(bytes, len, secret, sizeof(secret)));
	free(bytes);
}

static enum pz_err
look_past(void *arg, const char *key, struct pz_slice value)
{
	(void)arg;
	(void)key;
	(void)value;
	return PZ_OK;
}

/* In the file or in its log. */
static bool
is_on_disk(struct fixture *fix, const char *text)
{
	char log[sizeof(fix->dir.file) + 8];
	const char *const files[] = {fix->dir.file, log};
	bool is_found = false;

	snprintf(log, sizeof(log), "%s-wal", fix->dir.file);
	for (size_t i = 0; i < 2; i++) {
		size_t len;
		uint8_t *bytes = read_file(files[i], &len);
		is_found |= memmem(bytes, len, text, strlen(text)) != NULL;
		free(bytes);
	}
	return is_found;
}

static void
test_a_scrub_leaves_nothing_while_the_store_is_open(void **state)
{
	static const char secret[] = "what an app stored";
	struct fixture *fix = *state;
	struct pz_txn *txn = pz_txn_new();

	assert_non_null(txn);
	must_open(fix);
	pz_store_commit(fix->store, txn_put("k", secret, sizeof(secret)), NULL, NULL);
	assert_ok(pz_store_load(fix->store, "s", look_past, NULL, NULL)); /* waits */
	assert_true(is_on_disk(fix, secret));
	assert_ok(pz_txn_remove(txn, "s", "k"));
	pz_store_commit(fix->store, txn, NULL, NULL);
	txn = pz_txn_new();
	assert_non_null(txn);
	pz_txn_scrub(txn);
	pz_store_commit(fix->store, txn, NULL, NULL);
	assert_ok(pz_store_load(fix->store, "s", look_past, NULL, NULL));
	assert_false(is_on_disk(fix, secret));
	pz_store_commit(fix->store, txn_put("k", secret, sizeof(secret)), NULL, NULL);
	assert_ok(pz_store_load(fix->store, "s", look_past, NULL, NULL));
	assert_true(is_on_disk(fix, secret)); /* it continues */
}

static void
is_lost(struct fixture *fix, bool expected)
{
	fix->info.text[0] = '\0';
	enum pz_err err = pz_store_check_not_lost(fix->dir.file, "/the/keys", &fix->info);

	assert_int_equal(err, expected ? PZ_ERR_NOTFOUND : PZ_OK);
	assert_int_equal(strstr(fix->info.text, fix->dir.file) != NULL, expected);
	assert_int_equal(strstr(fix->info.text, "/the/keys") != NULL, expected);
}

static void
test_a_store_that_was_lost(void **state)
{
	struct fixture *fix = *state;
	char log[sizeof(fix->dir.file) + 8];
	size_t len;
	uint8_t *bytes = make_store(fix, &len);

	is_lost(fix, false);
	bytes[0] ^= 1; /* damaged is not lost: opening says so */
	write_file(fix->dir.file, bytes, len);
	is_lost(fix, false);
	assert_int_equal(unlink(fix->dir.file), 0);
	is_lost(fix, true);
	assert_int_equal(access(fix->dir.file, F_OK), -1);

	/* The log beside an empty file may have everything: it stays. */
	snprintf(log, sizeof(log), "%s-wal", fix->dir.file);
	write_file(log, bytes, PAGE);
	write_file(fix->dir.file, "", 0);
	is_lost(fix, true);
	assert_int_equal(access(log, F_OK), 0);
	assert_int_equal(unlink(log), 0);
	free(bytes);
}

static void
test_a_store_that_lost_its_log(void **state)
{
	struct fixture *fix = *state;
	char log[sizeof(fix->dir.file) + 8];
	int status = 1;
	pid_t child = fork();

	assert_int_not_equal(child, -1);
	if (child == 0) /* as a kill leaves it: all is in the log */
		_exit(try_open(fix) == PZ_OK ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	snprintf(log, sizeof(log), "%s-wal", fix->dir.file);
	assert_int_equal(unlink(log), 0);
	is_lost(fix, true);
}

static void
test_a_file_that_is_deleted_takes_nothing(void **state)
{
	struct fixture *fix = *state;
	char moved[sizeof(fix->dir.file) + 8];
	struct result first = {0}, second = {0}, seen = {0};

	must_open(fix);
	snprintf(moved, sizeof(moved), "%s.moved", fix->dir.file);
	assert_int_equal(rename(fix->dir.file, moved), 0);
	pz_store_commit(fix->store, txn_put("a", "1", 1), note, &first);
	pz_store_drain(fix->store);
	assert_true(first.is_done);
	assert_ok(first.err);
	assert_int_equal(unlink(moved), 0);
	/* The watch sees it also when there was nothing to write. */
	pz_store_watch(fix->store, note, &seen);
	pz_store_commit(fix->store, pz_txn_new(), note, &second);
	pz_store_drain(fix->store);
	assert_int_equal(second.err, PZ_ERR_IO);
	assert_non_null(strstr(second.detail, "was deleted while it is in use"));
	assert_int_equal(seen.err, PZ_ERR_IO);
	close_store(fix);
	assert_int_equal(access(fix->dir.file, F_OK), -1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kill_9_keeps_what_was_acknowledged),
		TEST(test_full_disk_fails_the_commit_and_nothing_else),
		TEST(test_one_bad_transaction_does_not_sink_its_group),
		TEST(test_no_room_for_a_new_store),
		TEST(test_garbage),
		TEST(test_any_zeroed_page_is_found),
		TEST(test_truncated),
		TEST(test_damage_while_running_is_reported),
		TEST(test_newer_schema_is_refused),
		TEST(test_foreign_database_is_left_alone),
		TEST(test_file_left_empty_by_a_crash_is_a_new_store),
		TEST(test_files_are_private),
		TEST(test_open_or_foreign_file_is_refused),
		TEST(test_unusable_paths),
		TEST(test_removed_values_are_overwritten),
		TEST(test_a_scrub_leaves_nothing_while_the_store_is_open),
		TEST(test_a_store_that_was_lost),
		TEST(test_a_file_that_is_deleted_takes_nothing),
		TEST(test_a_store_that_lost_its_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
