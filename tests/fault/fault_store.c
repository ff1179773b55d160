/*
 * Page 8 "Store": kill -9 at any moment leaves a store that opens and is at a state that was
 * committed. "Any moment" is tried one after the other: the process that writes dies at the first
 * point at which a file changes, at the second, and so on until it gets to its end; the same for
 * power failures (what was not synced is lost, in part or whole) and for I/O errors. What is
 * written are transactions of every kind that the daemons make (history.h).
 */
#include "kit/test.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "history.h"
#include "kit/dir.h"
#include "kit/world.h"
#include "store/sqlite.h"
#include "vfs.h"

/* Steps of the history that are submitted before the first of them is durable. */
#define GROUP_FIRST 9
#define GROUP_END 14
#define POINTS_MAX 20000

/* What outlives the child. */
struct shared {
	_Atomic unsigned submitted, acknowledged;
	_Atomic uint64_t points;
	_Atomic uint64_t points_to_open; /* of a store that was left by a process that died */
};

static struct history *history;
static struct shared *shared;
static struct pz_kit_dir dir;
static int event_fd;
static unsigned rounds = 1; /* PZ_FAULT_ROUNDS: power failures at each point */
static uint64_t only_at;    /* PZ_FAULT_AT: this point only; 0: all */
/* PZ_FAULT_EVERY: of all points every n-th. With sanitizers a fork takes ten times as long. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static unsigned every = 10;
#else
static unsigned every = 1;
#endif

/* ---- names for messages ---- */

static const char *
describe(const struct fault_plan *plan)
{
	static const char *const kinds[] = {"none", "kill", "torn", "power", "once", "stuck"};
	static char text[128];

	snprintf(text, sizeof(text), "%s at %llu (error %d, errno %d, seed %llu)",
		 kinds[plan->kind], (unsigned long long)plan->at, plan->error, plan->os_error,
		 (unsigned long long)plan->seed);
	return text;
}

#define check(condition, plan, ...)                                                                \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			print_error("%s: ", describe(plan));                                       \
			fail_msg(__VA_ARGS__);                                                     \
		}                                                                                  \
	} while (0)

/* ---- files ---- */

static void
remove_files(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", dir.file, suffixes[i]);
		if (unlink(path) != 0 && errno != ENOENT)
			abort();
	}
}

static void
check_integrity(const struct fault_plan *plan)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(dir.file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	const char *text = (const char *)sqlite3_column_text(stmt, 0);
	check(text && strcmp(text, "ok") == 0, plan, "integrity check: %s", text);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static struct pz_store *
must_open(const struct fault_plan *plan)
{
	struct pz_store *store = NULL;
	struct pz_errinfo info = {""};

	if (pz_store_open_sqlite(dir.file, pz_kit_wake, &event_fd, &store, &info) != PZ_OK)
		check(false, plan, "the store does not open: %s", info.text);
	return store;
}

/* ---- the one who writes, and dies ---- */

static void
on_durable(void *arg, enum pz_err err, const char *detail)
{
	(void)detail;
	(void)arg;
	if (err != PZ_OK)
		kill(getpid(), SIGKILL); /* only where errors are injected: the next death */
	shared->acknowledged++;
}

static void
submit(struct pz_store *store, size_t step)
{
	struct pz_txn *txn = history_txn(history, step);

	shared->submitted++;
	pz_store_commit(store, txn, on_durable, NULL);
}

static void
write_one_by_one(struct pz_store *store, size_t first, size_t end)
{
	for (size_t step = first; step < end; step++) {
		submit(store, step);
		pz_kit_settle(store, event_fd);
	}
}

/* The first has begun when the others come: those become one transaction of SQLite. */
static void
write_group(struct pz_store *store, size_t first, size_t end)
{
	fault_hold();
	submit(store, first);
	fault_await_held();
	for (size_t step = first + 1; step < end; step++)
		submit(store, step);
	fault_release();
	pz_kit_settle(store, event_fd);
}

static struct pz_store *
open_or_die(void)
{
	struct pz_store *store = NULL;

	if (pz_store_open_sqlite(dir.file, pz_kit_wake, &event_fd, &store, NULL) != PZ_OK)
		kill(getpid(), SIGKILL);
	return store;
}

static void
live(const struct fault_plan *plan)
{
	struct pz_store *store;

	fault_arm(plan);
	store = open_or_die();
	write_one_by_one(store, 0, GROUP_FIRST);
	write_group(store, GROUP_FIRST, GROUP_END);
	pz_store_free(store);
	store = open_or_die();
	write_one_by_one(store, GROUP_END, history_len(history));
	pz_store_free(store);
	shared->points = fault_points();
}

/* Opens what another one left behind. */
static void
live_again(const struct fault_plan *plan)
{
	fault_arm(plan);
	pz_store_free(open_or_die());
	shared->points_to_open = fault_points();
}

/** @return true: it died; false: it got to its end */
static bool
run_child(void (*life)(const struct fault_plan *plan), const struct fault_plan *plan)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		life(plan);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	check(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0, plan,
	      "the child ended with %#x", (unsigned)status);
	return WIFSIGNALED(status);
}

/* ---- what is left of it ---- */

/* Its state is one that was committed, and nothing that was acknowledged is lost. */
static void
check_left(const struct fault_plan *plan)
{
	static bool was_loaded[HISTORY_STEPS_MAX + 1];
	struct pz_store *store = must_open(plan);
	unsigned acknowledged = shared->acknowledged, submitted = shared->submitted;
	int found = -1;

	for (unsigned steps = acknowledged; found < 0 && steps <= submitted; steps++)
		if (history_is_at(history, store, steps))
			found = (int)steps;
	check(found >= 0, plan, "%u acknowledged, %u submitted, the store is at %d", acknowledged,
	      submitted, history_find(history, store));
	if (found >= 0 && !was_loaded[found]) {
		const char *fault = history_load(history, store);

		check(fault == NULL, plan, "after step %d: %s", found, fault);
		was_loaded[found] = true;
	}
	check_integrity(plan);
	pz_store_free(store);
}

static void
start_over(void)
{
	remove_files();
	shared->submitted = shared->acknowledged = 0;
}

static uint64_t
first_point(void)
{
	return only_at ? only_at : 1;
}

/* There are many, and they were tried. */
static void
check_points(uint64_t end)
{
	if (only_at)
		return;
	assert_in_range(end, 100, POINTS_MAX - 1);
	print_message("           %llu points, every %u\n", (unsigned long long)end - 1, every);
}

static void
die_at_every_point(enum fault_kind kind)
{
	uint64_t at = first_point();

	for (; at < POINTS_MAX; at += every) {
		struct fault_plan plan = {.kind = kind, .at = at, .seed = at};

		start_over();
		bool died = run_child(live, &plan);
		/* And while it is mended, a second death. */
		if (died) {
			struct fault_plan again = plan;

			again.at = 1 + at * 7919 % (shared->points_to_open + 1);
			(void)run_child(live_again, &again);
		}
		check_left(&plan);
		if (!died || only_at)
			break;
	}
	check_points(at);
}

static void
test_killed_at_every_point(void **state)
{
	(void)state;
	die_at_every_point(FAULT_KILL);
}

static void
test_killed_in_the_middle_of_every_write(void **state)
{
	(void)state;
	die_at_every_point(FAULT_TORN);
}

static void
test_power_fails_at_every_point(void **state)
{
	bool died = true;
	uint64_t at = first_point();

	(void)state;
	for (; at < POINTS_MAX; at += every) {
		for (unsigned i = 0; died && i < rounds; i++) {
			struct fault_plan plan = {
				.kind = FAULT_POWER, .at = at, .seed = at * 1000003 + i};

			start_over();
			died = run_child(live, &plan);
			if (died && i % 4 == 1) {
				struct fault_plan again = plan;

				again.at = 1 + (at + i) % (shared->points_to_open + 1);
				(void)run_child(live_again, &again);
			}
			check_left(&plan);
		}
		if (!died || only_at)
			break;
	}
	check_points(at);
}

/* ---- errors ---- */

struct result {
	enum pz_err err;
	char detail[256];
};

static void
on_ended(void *arg, enum pz_err err, const char *detail)
{
	struct result *result = arg;

	result->err = err;
	snprintf(result->detail, sizeof(result->detail), "%s", detail);
}

/* One line that names the file; the class of the error that was injected. */
static void
check_error(const struct fault_plan *plan, enum pz_err err, const char *detail)
{
	bool is_full = plan->error == SQLITE_FULL || plan->os_error == EDQUOT;

	check(err == (is_full ? PZ_ERR_IO_FULL : PZ_ERR_IO), plan, "ended with %s: %s",
	      pz_err_text(err), detail);
	check(strstr(detail, dir.file) && !strchr(detail, '\n'), plan, "not a clear line: %s",
	      detail);
}

static struct pz_store *
open_after_errors(const struct fault_plan *plan)
{
	struct pz_store *store = NULL;
	struct pz_errinfo info = {""};
	enum pz_err err = pz_store_open_sqlite(dir.file, pz_kit_wake, &event_fd, &store, &info);

	if (err == PZ_OK)
		return store;
	check(fault_has_struck(), plan, "the store does not open: %s", info.text);
	check_error(plan, err, info.text);
	fault_repair();
	return must_open(plan);
}

/* Until it succeeds; what fails changes nothing. */
static void
write_with_errors(const struct fault_plan *plan, struct pz_store *store, size_t step)
{
	struct result result;

	for (unsigned attempt = 0;; attempt++) {
		pz_store_commit(store, history_txn(history, step), on_ended, &result);
		pz_kit_settle(store, event_fd);
		if (result.err == PZ_OK)
			break;
		check(fault_has_struck(), plan, "%s failed: %s", history_name(history, step),
		      result.detail);
		check_error(plan, result.err, result.detail);
		check(history_is_at(history, store, step), plan, "%s failed, and changed something",
		      history_name(history, step));
		check(attempt < (plan->kind == FAULT_STUCK ? 4u : 1u), plan, "%s fails again: %s",
		      history_name(history, step), result.detail);
		if (attempt == 2)
			fault_repair();
	}
	if (fault_has_struck())
		check(history_is_at(history, store, step + 1), plan,
		      "%s succeeded, and is not there", history_name(history, step));
}

static void
write_all_with_errors(const struct fault_plan *plan)
{
	struct pz_store *store;

	remove_files();
	fault_arm(plan);
	store = open_after_errors(plan);
	for (size_t step = 0; step < GROUP_END; step++)
		write_with_errors(plan, store, step);
	pz_store_free(store);
	fault_repair();
	store = open_after_errors(plan);
	for (size_t step = GROUP_END; step < history_len(history); step++)
		write_with_errors(plan, store, step);
	pz_store_free(store);
	fault_repair();
	store = must_open(plan);
	check(history_is_at(history, store, history_len(history)), plan, "not all is there");
	pz_store_free(store);
	check_integrity(plan);
}

static void
fail_at_every_point(enum fault_kind kind, int error, int os_error)
{
	uint64_t at = first_point();

	for (; at < POINTS_MAX; at += every) {
		struct fault_plan plan = {
			.kind = kind, .at = at, .error = error, .os_error = os_error};

		write_all_with_errors(&plan);
		if (!fault_has_struck() || only_at)
			break;
	}
	check_points(at);
}

static void
test_one_error_at_every_point(void **state)
{
	(void)state;
	fail_at_every_point(FAULT_ONCE, SQLITE_IOERR, EIO);
}

static void
test_no_space_once_at_every_point(void **state)
{
	(void)state;
	fail_at_every_point(FAULT_ONCE, SQLITE_FULL, ENOSPC);
}

static void
test_disk_full_from_every_point_on(void **state)
{
	(void)state;
	fail_at_every_point(FAULT_STUCK, SQLITE_FULL, ENOSPC);
}

static void
test_quota_used_up_from_every_point_on(void **state)
{
	(void)state;
	fail_at_every_point(FAULT_STUCK, SQLITE_IOERR, EDQUOT);
}

static void
test_death_after_an_error(void **state)
{
	uint64_t at = first_point();

	(void)state;
	for (; at < POINTS_MAX; at += every) {
		struct fault_plan plan = {
			.kind = FAULT_ONCE, .at = at, .error = SQLITE_IOERR, .os_error = EIO};

		start_over();
		shared->points = 0;
		bool died = run_child(live, &plan);
		check_left(&plan);
		if (only_at || (!died && shared->points < at))
			break;
	}
	check_points(at);
}

/* ---- all ---- */

/* In memory, where there is such a place: nothing here needs a disk. */
static void
make_dir(void)
{
	snprintf(dir.path, sizeof(dir.path), "/dev/shm/pz-fault-XXXXXX");
	if (mkdtemp(dir.path) == NULL)
		pz_kit_dir_init(&dir, "store.db");
	snprintf(dir.file, sizeof(dir.file), "%s/store.db", dir.path);
}

static int
set_up(void **state)
{
	const char *text = getenv("PZ_FAULT_ROUNDS");
	int fd;

	(void)state;
	if (text && (rounds = (unsigned)strtoul(text, NULL, 10)) == 0)
		rounds = 1;
	if ((text = getenv("PZ_FAULT_EVERY")) && (every = (unsigned)strtoul(text, NULL, 10)) == 0)
		every = 1;
	if ((text = getenv("PZ_FAULT_AT")) != NULL)
		only_at = strtoull(text, NULL, 10);
	fd = memfd_create("fault", MFD_CLOEXEC);
	assert_true(fd >= 0 && ftruncate(fd, sizeof(*shared)) == 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	assert_true(shared != MAP_FAILED);
	event_fd = eventfd(0, EFD_CLOEXEC);
	make_dir();
	history = history_new();
	fault_install();
	/* What an ordinary life and an ordinary start cost. */
	struct fault_plan none = {.kind = FAULT_NONE};
	start_over();
	assert_false(run_child(live, &none));
	assert_int_equal(shared->acknowledged, history_len(history));
	assert_false(run_child(live_again, &none));
	check_left(&none);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	history_free(history);
	pz_kit_dir_fini(&dir);
	close(event_fd);
	munmap(shared, sizeof(*shared));
	return 0;
}

/* A test that failed leaves its plan behind. */
static int
begin(void **state)
{
	(void)state;
	fault_arm(&(struct fault_plan){.kind = FAULT_NONE});
	return 0;
}

#define TEST(test) cmocka_unit_test_setup(test, begin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_killed_at_every_point),
		TEST(test_killed_in_the_middle_of_every_write),
		TEST(test_power_fails_at_every_point),
		TEST(test_one_error_at_every_point),
		TEST(test_no_space_once_at_every_point),
		TEST(test_disk_full_from_every_point_on),
		TEST(test_quota_used_up_from_every_point_on),
		TEST(test_death_after_an_error),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
