/* One suite for every kind of store: what store.h promises. */
#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kit/dir.h"
#include "kit/world.h"
#include "store/sqlite.h"

enum { DELAY_US = 700 };

struct fixture {
	struct pz_store *store;
	void (*settle)(struct fixture *fix); /* until no call-back is pending */
	void (*reopen)(struct fixture *fix); /* everything settled before survives */
	/* memory */
	struct pz_kit_world world;
	/* sqlite */
	struct pz_kit_dir dir;
	int event_fd;
};

/* ---- the two kinds ---- */

static void
memory_settle(struct fixture *fix)
{
	while (pz_store_pending(fix->store) > 0)
		assert_true(pz_kit_clock_step(&fix->world.clock));
}

static void
memory_reopen(struct fixture *fix)
{
	pz_kit_world_restart(&fix->world);
	fix->store = fix->world.store;
}

static int
memory_setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	assert_non_null(fix);
	pz_kit_world_init(&fix->world, DELAY_US);
	fix->settle = memory_settle;
	fix->reopen = memory_reopen;
	fix->store = fix->world.store;
	*state = fix;
	return 0;
}

static int
memory_teardown(void **state)
{
	struct fixture *fix = *state;

	pz_kit_world_fini(&fix->world);
	assert_true(
		pz_kit_clock_is_idle(&fix->world.clock)); /* no timer points into the freed store */
	free(fix);
	return 0;
}

static void
sqlite_settle(struct fixture *fix)
{
	pz_kit_settle(fix->store, fix->event_fd);
}

static void
sqlite_open(struct fixture *fix)
{
	struct pz_errinfo info = {{0}};

	if (pz_store_open_sqlite(fix->dir.file, pz_kit_wake, &fix->event_fd, &fix->store, &info))
		fail_msg("%s", info.text);
}

static void
sqlite_reopen(struct fixture *fix)
{
	pz_store_free(fix->store);
	sqlite_open(fix);
}

static int
sqlite_setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	assert_non_null(fix);
	pz_kit_dir_init(&fix->dir, "store.db");
	fix->event_fd = eventfd(0, EFD_CLOEXEC);
	fix->settle = sqlite_settle;
	fix->reopen = sqlite_reopen;
	sqlite_open(fix);
	*state = fix;
	return 0;
}

static int
sqlite_teardown(void **state)
{
	struct fixture *fix = *state;

	pz_store_free(fix->store);
	close(fix->event_fd);
	pz_kit_dir_fini(&fix->dir);
	free(fix);
	return 0;
}

/* ---- helpers ---- */

static struct pz_txn *
txn_new(void)
{
	struct pz_txn *txn = pz_txn_new();

	assert_non_null(txn);
	return txn;
}

static void
put(struct pz_txn *txn, const char *space, const char *key, const char *value)
{
	assert_ok(pz_txn_put(txn, space, key, pz_slice_str(value)));
}

static enum pz_err
collect(void *arg, const char *key, struct pz_slice value)
{
	char *text = arg;
	size_t used = strlen(text);

	snprintf(text + used, 512 - used, "%s=%.*s;", key, PZ_SLICE_FMT(value));
	return PZ_OK;
}

/** The space as "key=value;key=value;". */
static const char *
show(struct pz_store *store, const char *space)
{
	static char text[512];

	text[0] = '\0';
	assert_ok(pz_store_load(store, space, collect, text, NULL));
	return text;
}

struct record {
	struct pz_store *store;
	int order[16];
	size_t count;
	enum pz_err err;
};

struct ticket {
	struct record *record;
	int number;
};

static void
note(void *arg, enum pz_err err, const char *detail)
{
	struct ticket *ticket = arg;

	assert_non_null(detail);
	ticket->record->order[ticket->record->count++] = ticket->number;
	ticket->record->err = err;
}

/* ---- the suite ---- */

static void
test_empty_store_loads_nothing(void **state)
{
	struct fixture *fix = *state;

	assert_string_equal(show(fix->store, "s"), "");
	assert_int_equal(pz_store_pending(fix->store), 0);
	pz_store_poll(fix->store);
}

static void
test_put_replace_remove(void **state)
{
	struct fixture *fix = *state;
	struct pz_txn *txn = txn_new();

	put(txn, "s", "b", "1");
	put(txn, "s", "a", "2");
	put(txn, "s", "", "empty key");
	put(txn, "t", "a", "other space");
	pz_store_commit(fix->store, txn, NULL, NULL);
	assert_string_equal(show(fix->store, "s"), "=empty key;a=2;b=1;");

	txn = txn_new();
	put(txn, "s", "b", "3");
	assert_ok(pz_txn_remove(txn, "s", "a"));
	assert_ok(pz_txn_remove(txn, "s", "never was"));
	pz_store_commit(fix->store, txn, NULL, NULL);
	assert_string_equal(show(fix->store, "s"), "=empty key;b=3;");
	assert_string_equal(show(fix->store, "t"), "a=other space;");
	fix->settle(fix);
}

static void
test_keys_come_in_bytewise_order(void **state)
{
	struct fixture *fix = *state;
	struct pz_txn *txn = txn_new();

	put(txn, "s", "\xc3\xa9", "5");
	put(txn, "s", "a/b", "4");
	put(txn, "s", "a", "2");
	put(txn, "s", "a.b", "3");
	put(txn, "s", "B", "1");
	pz_store_commit(fix->store, txn, NULL, NULL);
	assert_string_equal(show(fix->store, "s"), "B=1;a=2;a.b=3;a/b=4;\xc3\xa9=5;");
	fix->settle(fix);
}

static void
test_remove_space_respects_order_and_neighbours(void **state)
{
	struct fixture *fix = *state;
	struct pz_txn *txn = txn_new();

	put(txn, "a", "k", "1");
	put(txn, "ab", "k", "2");
	put(txn, "b", "k", "3");
	pz_store_commit(fix->store, txn, NULL, NULL);

	txn = txn_new();
	put(txn, "ab", "gone", "x");
	assert_ok(pz_txn_remove_space(txn, "ab"));
	put(txn, "ab", "new", "4");
	assert_ok(pz_txn_remove_space(txn, "no such space"));
	pz_store_commit(fix->store, txn, NULL, NULL);
	assert_string_equal(show(fix->store, "a"), "k=1;");
	assert_string_equal(show(fix->store, "ab"), "new=4;");
	assert_string_equal(show(fix->store, "b"), "k=3;");
	fix->settle(fix);
}

static enum pz_err
expect_bytes(void *arg, const char *key, struct pz_slice value)
{
	const struct pz_slice *want = arg;

	assert_string_equal(key, "k");
	assert_true(pz_slice_eq(*want, value));
	return PZ_OK;
}

static void
test_values_are_bytes_of_any_size(void **state)
{
	struct fixture *fix = *state;
	size_t sizes[] = {0, 1, 100000};
	uint8_t *bytes = malloc(100000);

	assert_non_null(bytes);
	for (size_t i = 0; i < 100000; i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < 3; i++) {
		struct pz_slice value = {i == 0 ? NULL : bytes, sizes[i]};
		struct pz_txn *txn = txn_new();

		assert_ok(pz_txn_put(txn, "s", "k", value));
		pz_store_commit(fix->store, txn, NULL, NULL);
		fix->settle(fix);
		fix->reopen(fix);
		assert_ok(pz_store_load(fix->store, "s", expect_bytes, &value, NULL));
	}
	free(bytes);
}

static void
test_callbacks_come_later_and_in_order(void **state)
{
	struct fixture *fix = *state;
	struct record record = {0};
	struct ticket tickets[8];

	for (int i = 0; i < 8; i++) {
		struct pz_txn *txn = txn_new();

		tickets[i] = (struct ticket){&record, i};
		if (i != 3) /* one empty transaction: a barrier */
			put(txn, "s", "k", "v");
		pz_store_commit(fix->store, txn, note, &tickets[i]);
		assert_int_equal(record.count, 0);
	}
	assert_int_equal(pz_store_pending(fix->store), 8);
	fix->settle(fix);
	assert_int_equal(record.count, 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(record.order[i], i);
	assert_ok(record.err);
}

static void
test_load_sees_what_was_submitted_and_runs_no_callback(void **state)
{
	struct fixture *fix = *state;
	struct record record = {0};
	struct ticket ticket = {&record, 1};
	struct pz_txn *txn = txn_new();

	put(txn, "s", "k", "v");
	pz_store_commit(fix->store, txn, note, &ticket);
	assert_string_equal(show(fix->store, "s"), "k=v;");
	assert_int_equal(record.count, 0);
	assert_int_equal(pz_store_pending(fix->store), 1);
	pz_store_poll(fix->store); /* it has ended: poll alone is enough */
	assert_int_equal(record.count, 1);
	assert_int_equal(pz_store_pending(fix->store), 0);
}

static void
commit_again(void *arg, enum pz_err err, const char *detail)
{
	struct ticket *ticket = arg;
	struct pz_txn *txn = txn_new();

	note(arg, err, detail);
	put(txn, "s", "again", "1");
	pz_store_commit(ticket->record->store, txn, note, ticket);
	pz_store_poll(ticket->record->store);
}

static void
test_callback_may_commit_and_poll(void **state)
{
	struct fixture *fix = *state;
	struct record record = {.store = fix->store};
	struct ticket tickets[3] = {{&record, 0}, {&record, 1}, {&record, 2}};

	pz_store_commit(fix->store, txn_new(), commit_again, &tickets[0]);
	pz_store_commit(fix->store, txn_new(), note, &tickets[1]);
	pz_store_commit(fix->store, txn_new(), note, &tickets[2]);
	fix->settle(fix);
	assert_int_equal(record.count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(record.order[i], i % 3); /* 0 1 2, then the new one of 0 */
	assert_string_equal(show(fix->store, "s"), "again=1;");
}

struct writer {
	struct pz_store *store;
	size_t seen;
};

static enum pz_err
write_while_reading(void *arg, const char *key, struct pz_slice value)
{
	struct writer *writer = arg;
	struct pz_txn *txn = txn_new();

	(void)value;
	writer->seen++;
	assert_ok(pz_txn_remove(txn, "s", key));
	put(txn, "s", "z", "late");
	pz_store_commit(writer->store, txn, NULL, NULL);
	return PZ_OK;
}

static void
test_each_may_commit(void **state)
{
	struct fixture *fix = *state;
	struct writer writer = {fix->store, 0};
	struct pz_txn *txn = txn_new();

	put(txn, "s", "a", "1");
	put(txn, "s", "b", "2");
	pz_store_commit(fix->store, txn, NULL, NULL);
	assert_ok(pz_store_load(fix->store, "s", write_while_reading, &writer, NULL));
	assert_int_equal(writer.seen, 2);
	assert_string_equal(show(fix->store, "s"), "z=late;");
	fix->settle(fix);
}

static enum pz_err
refuse_second(void *arg, const char *key, struct pz_slice value)
{
	(void)key, (void)value;
	return ++*(int *)arg == 2 ? PZ_ERR_PROTO_JSON : PZ_OK;
}

static void
test_each_can_end_the_load(void **state)
{
	struct fixture *fix = *state;
	struct pz_txn *txn = txn_new();
	int calls = 0;

	put(txn, "s", "a", "1");
	put(txn, "s", "b", "2");
	put(txn, "s", "c", "3");
	pz_store_commit(fix->store, txn, NULL, NULL);
	assert_int_equal(pz_store_load(fix->store, "s", refuse_second, &calls, NULL),
			 PZ_ERR_PROTO_JSON);
	assert_int_equal(calls, 2);
	fix->settle(fix);
}

static void
test_committed_survives_reopening(void **state)
{
	struct fixture *fix = *state;
	struct pz_txn *txn = txn_new();

	put(txn, "s", "a", "1");
	pz_store_commit(fix->store, txn, NULL, NULL);
	fix->settle(fix);
	fix->reopen(fix);
	assert_string_equal(show(fix->store, "s"), "a=1;");
}

static void
never(void *arg, enum pz_err err, const char *detail)
{
	(void)arg, (void)err, (void)detail;
	fail_msg("free ran a call-back");
}

static void
test_free_runs_no_callback(void **state)
{
	struct fixture *fix = *state;

	pz_store_commit(fix->store, txn_new(), never, NULL);
	pz_store_commit(fix->store, txn_new(), never, NULL);
	fix->reopen(fix);
	pz_store_poll(fix->store);
	assert_int_equal(pz_store_pending(fix->store), 0);
}

static void
count_drop(void *arg)
{
	++*(unsigned *)arg;
}

static void
ignore(void *arg, enum pz_err err, const char *detail)
{
	(void)arg, (void)err, (void)detail;
}

static void
test_what_a_commit_carries_is_dropped_once_with_the_store(void **state)
{
	struct fixture *fix = *state;
	struct pz_txn *first = txn_new(), *second = txn_new();
	unsigned drops = 0;

	pz_txn_on_drop(first, count_drop);
	pz_store_commit(fix->store, first, ignore, &drops);
	fix->settle(fix);
	fix->reopen(fix);
	assert_int_equal(drops, 0); /* its call-back ran */

	pz_txn_on_drop(second, count_drop);
	pz_store_commit(fix->store, second, never, &drops);
	fix->reopen(fix);
	assert_int_equal(drops, 1);
}

static void
test_free_of_nothing(void **state)
{
	struct pz_txn *txn = txn_new();

	(void)state;
	put(txn, "s", "k", "dropped");
	pz_txn_free(txn);
	pz_txn_free(NULL);
	pz_store_free(NULL);
	pz_memory_disk_free(NULL);
}

/* A barrier says nothing about the disk. */
static void
test_the_watch_sees_each_change_before_its_owner(void **state)
{
	struct fixture *fix = *state;
	struct record record = {0};
	struct ticket own = {&record, 1}, watch = {&record, 2};
	struct pz_txn *txn = txn_new();

	pz_store_watch(fix->store, note, &watch);
	put(txn, "s", "k", "1");
	pz_store_commit(fix->store, txn, note, &own);
	pz_store_commit(fix->store, txn_new(), note, &own);
	fix->settle(fix);
	assert_int_equal(record.count, 3);
	assert_int_equal(record.order[0], 2);
	assert_int_equal(record.order[1], 1);
	assert_int_equal(record.order[2], 1);
	pz_store_watch(fix->store, NULL, NULL);
	txn = txn_new();
	put(txn, "s", "k", "2");
	pz_store_commit(fix->store, txn, NULL, NULL);
	fix->settle(fix);
	assert_int_equal(record.count, 3);
}

/* ---- memory only ---- */

static void
test_memory_crash_keeps_what_was_durable(void **state)
{
	struct fixture *fix = *state;
	struct record record = {0};
	struct ticket tickets[2] = {{&record, 0}, {&record, 1}};
	struct pz_txn *txn = txn_new();

	put(txn, "s", "a", "1");
	pz_store_commit(fix->store, txn, note, &tickets[0]);
	pz_kit_clock_run(&fix->world.clock, 100);
	txn = txn_new();
	put(txn, "s", "a", "2");
	put(txn, "s", "b", "2");
	pz_store_commit(fix->store, txn, note, &tickets[1]);

	pz_kit_clock_run(&fix->world.clock, DELAY_US - 101); /* just before the first is due */
	assert_int_equal(record.count, 0);
	pz_kit_clock_run(&fix->world.clock, 1);
	assert_int_equal(record.count, 1);
	assert_int_equal(pz_store_pending(fix->store), 1);

	fix->reopen(fix); /* the crash */
	assert_string_equal(show(fix->store, "s"), "a=1;");
}

static void
test_memory_fault_injection(void **state)
{
	struct fixture *fix = *state;
	struct record record = {0};
	struct ticket tickets[3] = {{&record, 0}, {&record, 1}, {&record, 2}};
	const char *values[] = {"1", "2", "3"};

	pz_memory_disk_fail_after(fix->world.disk, 1);
	for (int i = 0; i < 3; i++) {
		struct pz_txn *txn = txn_new();

		put(txn, "s", "k", values[i]);
		pz_store_commit(fix->store, txn, note, &tickets[i]);
		fix->settle(fix);
		assert_int_equal(record.err, i == 0 ? PZ_OK : PZ_ERR_IO_FULL);
	}
	assert_string_equal(show(fix->store, "s"), "k=1;");
	pz_memory_disk_fail_after(fix->world.disk, SIZE_MAX);
	struct pz_txn *txn = txn_new();
	put(txn, "s", "k", "4");
	pz_store_commit(fix->store, txn, NULL, NULL);
	assert_string_equal(show(fix->store, "s"), "k=4;");
	fix->settle(fix);
}

#define MEMORY(test)                                                                               \
	{                                                                                          \
		"memory: " #test, test, memory_setup, memory_teardown, NULL                        \
	}
#define BOTH(test)                                                                                 \
	MEMORY(test),                                                                              \
	{                                                                                          \
		"sqlite: " #test, test, sqlite_setup, sqlite_teardown, NULL                        \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_empty_store_loads_nothing),
		BOTH(test_put_replace_remove),
		BOTH(test_keys_come_in_bytewise_order),
		BOTH(test_remove_space_respects_order_and_neighbours),
		BOTH(test_values_are_bytes_of_any_size),
		BOTH(test_callbacks_come_later_and_in_order),
		BOTH(test_load_sees_what_was_submitted_and_runs_no_callback),
		BOTH(test_callback_may_commit_and_poll),
		BOTH(test_each_may_commit),
		BOTH(test_each_can_end_the_load),
		BOTH(test_committed_survives_reopening),
		BOTH(test_free_runs_no_callback),
		BOTH(test_what_a_commit_carries_is_dropped_once_with_the_store),
		BOTH(test_free_of_nothing),
		BOTH(test_the_watch_sees_each_change_before_its_owner),
		MEMORY(test_memory_crash_keeps_what_was_durable),
		MEMORY(test_memory_fault_injection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
