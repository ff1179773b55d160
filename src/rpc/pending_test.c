/* @spec page 14 SPOOF-5 */
#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "kit/clock.h"
#include "rpc/error.h"
#include "rpc/pending.h"

#define SECOND PZ_US_PER_S

static struct pz_kit_clock clock;
static struct pz_pending *table;

/* What an owner has received. */
struct told {
	unsigned results, errors, callbacks;
	int code;           /* of the last error */
	int value;          /* of the last result or params */
	char name[32];      /* of the last call-back */
	void (*then)(void); /* done within the response */
};

static void
on_response(void *arg, json_t *result, json_t *error)
{
	struct told *told = arg;

	assert_true((result == NULL) != (error == NULL));
	if (error) {
		told->errors++;
		told->code = (int)json_integer_value(json_object_get(error, "code"));
	} else {
		told->results++;
		told->value = (int)json_integer_value(result);
	}
	if (told->then)
		told->then();
}

static void
on_callback(void *arg, const char *name, json_t *params)
{
	struct told *told = arg;

	told->callbacks++;
	told->value = params ? (int)json_integer_value(params) : -1;
	snprintf(told->name, sizeof(told->name), "%s", name);
	if (told->then)
		told->then();
}

static const struct pz_pending_ops call = {.response = on_response};
static const struct pz_pending_ops listener = {.response = on_response, .callback = on_callback};
static const struct pz_pending_ops stream = {
	.response = on_response, .callback = on_callback, .keep_callbacks = true};

static int
setup(void **state)
{
	(void)state;
	pz_kit_clock_init(&clock);
	table = pz_pending_new(&clock.env);
	return table ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	pz_pending_free(table);
	/* Nothing may be left in the heap of timers. */
	return pz_kit_clock_is_idle(&clock) ? 0 : -1;
}

static void
run_until(uint64_t us)
{
	pz_kit_clock_jump(&clock, PZ_KIT_MONO_US + us - clock.now_us);
}

static void
add(const char *peer, const char *id, const struct pz_pending_ops *ops, struct told *told)
{
	assert_ok(pz_pending_add(table, peer, id, 30 * SECOND, ops, told));
}

/* Takes id, result and error. */
static bool
respond(const char *from, json_t *id, json_t *result, json_t *error)
{
	bool was_ours = pz_pending_response(table, from, id, result, error);

	json_decref(id);
	json_decref(result);
	json_decref(error);
	return was_ours;
}

static bool
call_back(const char *from, const char *reference, const char *name, int value)
{
	json_t *params = json_integer(value);
	bool is_answered;
	bool was_ours = pz_pending_callback(table, from, pz_slice_str(reference),
					    pz_slice_str(name), params, NULL, &is_answered);

	json_decref(params);
	return was_ours;
}

static void
test_answer(void **state)
{
	struct told told = {0};

	(void)state;
	add("a@b/c", "r1", &call, &told);
	assert_int_equal(pz_pending_len(table), 1);
	assert_true(respond("a@b/c", json_string("r1"), json_integer(42), NULL));
	assert_int_equal(told.results, 1);
	assert_int_equal(told.value, 42);
	assert_int_equal(pz_pending_len(table), 0);
	/* Once only, and no time-out later. */
	assert_false(respond("a@b/c", json_string("r1"), json_integer(43), NULL));
	run_until(100 * SECOND);
	assert_int_equal(told.results + told.errors, 1);
}

static void
test_error_answer(void **state)
{
	struct told told = {0};

	(void)state;
	add("a@b/c", "r1", &call, &told);
	assert_true(respond("a@b/c", json_string("r1"), NULL, pz_rpc_error(-32601, NULL, NULL)));
	assert_int_equal(told.errors, 1);
	assert_int_equal(told.code, -32601);
	assert_int_equal(pz_pending_len(table), 0);
}

static void
test_only_the_peer_that_was_asked(void **state)
{
	static const char *const others[] = {"a@b", "a@b/d", "a@b/c/7f:1", "A@b/c",
					     "",    "a@b/",  "a@b/cr1"};
	struct told told = {0};

	(void)state;
	add("a@b/c", "r1", &stream, &told);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(respond(others[i], json_string("r1"), json_integer(1), NULL));
		assert_false(call_back(others[i], "r1", "onEvent", 1));
		pz_pending_cancel(table, others[i], "r1");
	}
	assert_int_equal(told.results + told.errors + told.callbacks, 0);
	assert_int_equal(pz_pending_len(table), 1);
}

static void
test_ids(void **state)
{
	struct told told = {0};
	char longest[PZ_PENDING_ID_BYTES_MAX + 2];

	(void)state;
	add("a@b/c", "12", &call, &told);
	assert_false(respond("a@b/c", json_string("1"), json_integer(1), NULL));
	assert_false(respond("a@b/c", json_string("12 "), json_integer(1), NULL));
	assert_false(respond("a@b/c", json_stringn("12\0", 3), json_integer(1), NULL));
	assert_false(respond("a@b/c", json_real(12.0), json_integer(1), NULL));
	assert_false(respond("a@b/c", json_null(), json_integer(1), NULL));
	assert_false(respond("a@b/c", NULL, json_integer(1), NULL));
	assert_false(respond("a@b/c", json_integer(13), json_integer(1), NULL));
	assert_true(respond("a@b/c", json_integer(12), json_integer(1), NULL));

	memset(longest, 'i', sizeof(longest));
	longest[PZ_PENDING_ID_BYTES_MAX + 1] = '\0';
	assert_false(respond("a@b/c", json_string(longest), json_integer(1), NULL));
	assert_int_equal(pz_pending_add(table, "a@b", longest, 0, &call, &told), PZ_ERR_LIMIT);
	longest[PZ_PENDING_ID_BYTES_MAX] = '\0';
	add("a@b", longest, &call, &told);
	assert_true(respond("a@b", json_string(longest), json_integer(1), NULL));
}

static void
test_add_refuses(void **state)
{
	struct told told = {0};
	char peer[PZ_ADDRESS_BYTES_MAX + 2];

	(void)state;
	add("a@b/c", "r1", &call, &told);
	assert_int_equal(pz_pending_add(table, "a@b/c", "r1", 0, &call, &told), PZ_ERR_EXISTS);
	add("a@b/d", "r1", &call, &told); /* ids are unique per peer */
	memset(peer, 'p', sizeof(peer));
	peer[PZ_ADDRESS_BYTES_MAX + 1] = '\0';
	assert_int_equal(pz_pending_add(table, peer, "r1", 0, &call, &told), PZ_ERR_LIMIT);
	peer[PZ_ADDRESS_BYTES_MAX] = '\0';
	add(peer, "r1", &call, &told);
}

static void
test_full(void **state)
{
	struct told told = {0};
	char id[16];

	(void)state;
	for (unsigned i = 0; i < PZ_PENDING_CALLS_MAX; i++) {
		snprintf(id, sizeof(id), "%u", i);
		assert_ok(pz_pending_add(table, "p", id, 0, &call, &told));
	}
	assert_int_equal(pz_pending_add(table, "p", "more", 0, &call, &told), PZ_ERR_LIMIT);
	assert_int_equal(pz_pending_len(table), PZ_PENDING_CALLS_MAX);
	pz_pending_cancel(table, "p", "0");
	assert_ok(pz_pending_add(table, "p", "more", 0, &call, &told));
}

static void
test_timeout(void **state)
{
	struct told told = {0}, never = {0};

	(void)state;
	add("a@b/c", "r1", &call, &told);
	assert_ok(pz_pending_add(table, "a@b/c", "r2", 0, &call, &never));
	run_until(30 * SECOND - 1);
	assert_int_equal(told.errors, 0);
	run_until(30 * SECOND);
	assert_int_equal(told.errors, 1);
	assert_int_equal(told.code, PZ_RPC_TIMED_OUT);
	assert_false(respond("a@b/c", json_string("r1"), json_integer(1), NULL));
	run_until(1000000 * SECOND);
	assert_int_equal(told.errors, 1);
	assert_int_equal(never.errors, 0);
	assert_int_equal(pz_pending_len(table), 1);
}

static void
test_extended_time_out(void **state)
{
	struct told told = {0}, never = {0};

	(void)state;
	add("a@b/c", "r1", &call, &told);
	assert_ok(pz_pending_add(table, "a@b/c", "r2", 0, &call, &never));
	run_until(20 * SECOND);
	pz_pending_extend(table, "a@b/c", "r1", 60 * SECOND);
	pz_pending_extend(table, "a@b/c", "r2", SECOND); /* it has none */
	pz_pending_extend(table, "a@b/c", "r3", SECOND);
	run_until(80 * SECOND - 1);
	assert_int_equal(told.errors, 0);
	run_until(80 * SECOND);
	assert_int_equal(told.code, PZ_RPC_TIMED_OUT);
	assert_int_equal(never.errors, 0);
}

static void
test_callbacks(void **state)
{
	bool is_answered;
	struct told told = {0}, plain = {0};
	char name[PZ_METHOD_BYTES_MAX + 2];

	(void)state;
	add("a@b/c", "r1", &listener, &told);
	add("a@b/c", "r2", &call, &plain);
	assert_true(call_back("a@b/c", "r1", "onEvent", 7));
	assert_int_equal(told.value, 7);
	assert_string_equal(told.name, "onEvent");
	assert_true(pz_pending_callback(table, "a@b/c", pz_slice_str("r1"), pz_slice_str("x"), NULL,
					NULL, &is_answered));
	assert_int_equal(told.value, -1);
	assert_false(call_back("a@b/c", "r2", "onEvent", 7)); /* wants none */
	assert_false(call_back("a@b/c", "r3", "onEvent", 7));
	memset(name, 'n', sizeof(name));
	name[PZ_METHOD_BYTES_MAX + 1] = '\0';
	assert_false(call_back("a@b/c", "r1", name, 7));
	name[PZ_METHOD_BYTES_MAX] = '\0';
	assert_true(call_back("a@b/c", "r1", name, 7));
	/* Not a stream: its time-out continues, and its answer ends it. */
	run_until(30 * SECOND);
	assert_int_equal(told.code, PZ_RPC_TIMED_OUT);
	assert_false(call_back("a@b/c", "r1", "onEvent", 7));
}

static bool
on_asked(void *arg, const char *name, json_t *params, json_t *id)
{
	struct told *told = arg;

	(void)name;
	(void)params;
	told->code = (int)json_integer_value(id);
	return told->value != 99;
}

static void
test_callbacks_that_want_an_answer(void **state)
{
	static const struct pz_pending_ops asked = {
		.response = on_response, .callback = on_callback, .asked = on_asked};
	struct told told = {0}, plain = {0};
	json_t *id = json_integer(5);
	bool is_answered = false;

	(void)state;
	add("a@b/c", "r1", &asked, &told);
	add("a@b/c", "r2", &listener, &plain);
	assert_true(pz_pending_callback(table, "a@b/c", pz_slice_str("r1"), pz_slice_str("x"), NULL,
					id, &is_answered));
	assert_true(is_answered);
	assert_int_equal(told.code, 5);
	assert_int_equal(told.callbacks, 0);
	told.value = 99; /* not taken */
	assert_true(pz_pending_callback(table, "a@b/c", pz_slice_str("r1"), pz_slice_str("x"), NULL,
					id, &is_answered));
	assert_false(is_answered);
	assert_int_equal(told.callbacks, 1);
	assert_true(pz_pending_callback(table, "a@b/c", pz_slice_str("r2"), pz_slice_str("x"), NULL,
					id, &is_answered));
	assert_false(is_answered);
	assert_int_equal(plain.callbacks, 1);
	json_decref(id);
}

static void
test_stream(void **state)
{
	struct told told = {0};

	(void)state;
	add("a@b/c", "r1", &stream, &told);
	assert_true(respond("a@b/c", json_string("r1"), json_integer(5), NULL));
	assert_int_equal(told.results, 1);
	run_until(1000 * SECOND);
	assert_int_equal(told.errors, 0);
	assert_true(call_back("a@b/c", "r1", "onEvent", 8));
	assert_int_equal(told.value, 8);
	/* At most one result; an error ends it. */
	assert_false(respond("a@b/c", json_string("r1"), json_integer(5), NULL));
	assert_int_equal(told.results, 1);
	assert_true(respond("a@b/c", json_string("r1"), NULL, pz_rpc_error(-32004, NULL, NULL)));
	assert_int_equal(told.errors, 1);
	assert_int_equal(told.code, -32004);
	assert_false(call_back("a@b/c", "r1", "onEvent", 8));
	assert_int_equal(pz_pending_len(table), 0);
}

static void
test_stream_timeouts(void **state)
{
	struct told silent = {0}, talking = {0};

	(void)state;
	add("a@b/c", "r1", &stream, &silent);
	add("a@b/c", "r2", &stream, &talking);
	assert_true(call_back("a@b/c", "r2", "onEvent", 1));
	run_until(30 * SECOND);
	assert_int_equal(silent.code, PZ_RPC_TIMED_OUT);
	assert_int_equal(talking.errors, 0);
	assert_true(call_back("a@b/c", "r2", "onEvent", 1));
	pz_pending_cancel(table, "a@b/c", "r2");
	assert_false(call_back("a@b/c", "r2", "onEvent", 1));
	assert_int_equal(pz_pending_len(table), 0);
}

static void
test_cancel(void **state)
{
	struct told told = {0};

	(void)state;
	add("a@b/c", "r1", &call, &told);
	pz_pending_cancel(table, "a@b/c", "r2");
	assert_int_equal(pz_pending_len(table), 1);
	pz_pending_cancel(table, "a@b/c", "r1");
	assert_int_equal(pz_pending_len(table), 0);
	run_until(100 * SECOND);
	assert_int_equal(told.results + told.errors, 0);
}

static void
test_fail_peer(void **state)
{
	static const char *const peers[] = {"a@b",        "a@b/c", "a@b/c/7f:1", "a@b/cc",
					    "a@b/d/7f:1", "x@y",   "c",          "c/7f:1"};
	static const struct {
		const char *node;
		const char *hit; /* one digit for each peer */
		bool is_space;
	} cases[] = {
		{"a@b", "10000000", false},  {"a@b/c", "01100000", false},
		{"c", "00000011", false},    {"z", "00000000", false},
		{"", "00000000", false},     {"a@b", "11111000", true},
		{"a@b/c", "01100000", true}, {"", "00000000", true},
	};
	enum { PEERS = sizeof(peers) / sizeof(peers[0]) };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct told told[PEERS] = {0};
		json_t *error = pz_rpc_unreachable("x");

		for (size_t n = 0; n < PEERS; n++)
			add(peers[n], "r1", n % 2 ? &stream : &call, &told[n]);
		if (cases[i].is_space)
			pz_pending_fail_space(table, cases[i].node, error);
		else
			pz_pending_fail_peer(table, cases[i].node, error);
		json_decref(error);
		for (size_t n = 0; n < PEERS; n++) {
			unsigned expected = cases[i].hit[n] == '1';

			if (told[n].errors != expected)
				fail_msg("case %zu, %s", i, peers[n]);
			assert_int_equal(told[n].code, expected ? PZ_RPC_UNREACHABLE : 0);
		}
		teardown(state);
		setup(state);
	}
}

static struct told later;

static void
cancel_and_add(void)
{
	pz_pending_cancel(table, "p", "r2"); /* also ended: must not be called */
	assert_ok(pz_pending_add(table, "p", "new", 0, &call, &later));
}

static void
test_fail_peer_with_changes(void **state)
{
	struct told first = {.then = cancel_and_add}, second = {0}, third = {0};
	json_t *error = pz_rpc_unreachable("p");

	(void)state;
	later = (struct told){0};
	add("p", "r1", &call, &first);
	add("p", "r2", &call, &second);
	add("p", "r3", &call, &third);
	pz_pending_fail_peer(table, "p", error);
	json_decref(error);
	assert_int_equal(first.errors, 1);
	assert_int_equal(second.errors, 0);
	assert_int_equal(third.errors, 1);
	assert_int_equal(later.errors, 0);
	assert_int_equal(pz_pending_len(table), 1);
}

static void
fail_again(void)
{
	json_t *error = pz_rpc_unreachable("p");

	pz_pending_fail_peer(table, "p", error);
	json_decref(error);
}

static void
test_fail_peer_within_itself(void **state)
{
	struct told told[4] = {{.then = fail_again}, {.then = fail_again}, {0}, {0}};

	(void)state;
	add("p", "0", &call, &told[0]);
	add("p", "1", &call, &told[1]);
	add("p", "2", &call, &told[2]);
	add("p", "3", &call, &told[3]);
	fail_again();
	for (int i = 0; i < 4; i++)
		assert_int_equal(told[i].errors, 1);
	assert_int_equal(pz_pending_len(table), 0);
}

static void
cancel_self(void)
{
	pz_pending_cancel(table, "p", "self");
}

static void
test_cancel_within_callback(void **state)
{
	struct told told = {.then = cancel_self};

	(void)state;
	add("p", "self", &stream, &told);
	assert_true(call_back("p", "self", "onEvent", 1));
	assert_int_equal(pz_pending_len(table), 0);
	add("p", "self", &stream, &told);
	assert_true(respond("p", json_string("self"), json_integer(1), NULL));
	assert_int_equal(pz_pending_len(table), 0);
	/* The same id may be used again at once. */
	add("p", "self", &call, &told);
	assert_true(respond("p", json_string("self"), json_integer(1), NULL));
}

static void
test_free_is_silent(void **state)
{
	struct told told = {0};

	(void)state;
	add("a@b/c", "r1", &call, &told);
	add("a@b/c", "r2", &stream, &told);
	pz_pending_free(table);
	table = NULL;
	pz_pending_free(NULL);
	run_until(100 * SECOND);
	assert_int_equal(told.results + told.errors, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_answer),
		T(test_error_answer),
		T(test_only_the_peer_that_was_asked),
		T(test_ids),
		T(test_add_refuses),
		T(test_full),
		T(test_timeout),
		T(test_extended_time_out),
		T(test_callbacks),
		T(test_callbacks_that_want_an_answer),
		T(test_stream),
		T(test_stream_timeouts),
		T(test_cancel),
		T(test_fail_peer),
		T(test_fail_peer_with_changes),
		T(test_fail_peer_within_itself),
		T(test_cancel_within_callback),
		T(test_free_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
