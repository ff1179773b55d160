/* Limits in calls: which calls are counted at what time, and what the limit refuses. */
#include "access/fixture.h"

static uint64_t
on_calls(void *arg, struct pz_slice counter)
{
	assert_true(pz_slice_eq_str(counter, "calls:a"));
	return ((struct world *)arg)->used;
}

static bool
on_count(void *arg, uint64_t ticket, const struct pz_slice *counters, size_t n)
{
	struct world *w = arg;

	assert_int_equal(n, 1);
	assert_true(pz_slice_eq_str(counters[0], "calls:a"));
	w->counting += !w->cannot_count;
	w->used += !w->cannot_count;
	w->counting_ticket = ticket;
	return !w->cannot_count;
}

#define COUNTED(effect, n)                                                                         \
	"<policy combine='first-applicable'><rule effect='" effect "'><condition>"                 \
	"<environment-match attr='calls:a' func='less-than' match='" #n "'/></condition></rule>"   \
	"</policy>"

static void
with_counters(struct world *w, const char *text)
{
	w->ops.calls = on_calls;
	w->ops.count = on_count;
	set_user(w, text);
	pz_access_changed(w->access);
}

/* It is permitted when it is on the disk, and not before. */
static void
a_limit_in_calls_is_counted_before_a_call_runs(void **state)
{
	struct world *w = *state;

	with_counters(w, COUNTED("permit", 2));
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
		assert_int_equal(w->done, i - 1);
		pz_access_counted(w->access, w->counting_ticket, true);
		assert_int_equal(w->done, i);
		assert_int_equal(w->verdict, PZ_ACCESS_PERMIT);
		assert_false(w->was_asked);
	}
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	assert_int_equal(w->counting, 2);
	assert_int_equal(w->asked, 0);
	/* what they began continues; nothing else begins */
	assert_int_equal(judge(w, LAPTOP, at(PZ_ACCESS_LISTEN, TEST)), PZ_ACCESS_PERMIT);
	assert_int_equal(judge(w, LAPTOP, at(PZ_ACCESS_BIND, TEST)), PZ_ACCESS_DENY);
	w->used = 3; /* a lower limit */
	assert_int_equal(judge(w, LAPTOP, at(PZ_ACCESS_LISTEN, TEST)), PZ_ACCESS_DENY);
}

static void
calls_at_the_same_time_do_not_pass_a_limit(void **state)
{
	struct world *w = *state;

	with_counters(w, COUNTED("permit", 1));
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	pz_access_changed(w->access); /* its own call does not stop it */
	assert_int_equal(w->done, 0);
	set_user(w, "<policy><rule effect='deny'/></policy>");
	pz_access_changed(w->access); /* what the policy says by then counts */
	assert_int_equal(w->done, 1);
	assert_int_equal(w->verdict, PZ_ACCESS_DENY);
	assert_int_equal(w->withdrawn, 0);
	pz_access_counted(w->access, w->counting_ticket, true);
	assert_int_equal(w->done, 1);
}

static void
a_call_that_cannot_be_counted_is_denied(void **state)
{
	struct world *w = *state;
	struct pz_access_call call = invoke(w, TEST);

	with_counters(w, COUNTED("permit", 5));
	call.done = NULL;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	assert_int_equal(w->counting, 0);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	pz_access_counted(w->access, w->counting_ticket, false);
	assert_int_equal(w->verdict, PZ_ACCESS_DENY);
	w->cannot_count = true;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	w->ops.calls = NULL; /* a node that counts nothing */
	pz_access_changed(w->access);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
}

static void
an_answer_counts_within_the_limit(void **state)
{
	struct world *w = *state;

	w->answer = PZ_ACCESS_ANSWER_LATER;
	with_counters(w, COUNTED("prompt-oneshot", 1));
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	assert_int_equal(w->counting, 0);
	pz_access_answered(w->access, 7, PZ_ACCESS_ANSWER_YES, "phone");
	assert_int_equal(w->done, 0);
	assert_int_equal(w->counting, 1);
	pz_access_counted(w->access, 7, true);
	assert_int_equal(w->verdict, PZ_ACCESS_PERMIT);
	assert_true(w->was_asked);
	w->used = 0;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	w->used = 1; /* another call, while the person thinks */
	pz_access_answered(w->access, 7, PZ_ACCESS_ANSWER_YES, NULL);
	assert_int_equal(w->done, 2);
	assert_int_equal(w->verdict, PZ_ACCESS_DENY);
}

#define TEST_OF(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(a_limit_in_calls_is_counted_before_a_call_runs),
		TEST_OF(calls_at_the_same_time_do_not_pass_a_limit),
		TEST_OF(a_call_that_cannot_be_counted_is_denied),
		TEST_OF(an_answer_counts_within_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
