/* page 6 "Trying from outside": what a node tries at a peer's request, and which answers to its own
 * request it accepts. */
#include "pzp/peer_fixture.h"

#define PORT 4711

static struct fx_far *
peer_at(const char *name, const char *address)
{
	struct fx_far *far = fx_live(fx_device(name));

	fx_tells(far, "pzpInfo",
		 json_pack("{s:[s,s], s:i}", "addresses", address, "127.0.0.1", "port", PORT));
	fx_forget(far);
	return far;
}

static void
asks(struct fx_far *far, const char *id)
{
	fx_tells(far, "tryAddresses",
		 json_pack("{s:s, s:[s], s:i}", "id", id, "addresses", "10.9.9.9", "port", 22));
}

static unsigned
dials_to(const char *host)
{
	unsigned count = 0;

	for (size_t i = 0; i < w.net.dial_count; i++)
		count += strcmp(w.net.dials[i].host, host) == 0;
	return count;
}

/* The result for one address, NULL: none. */
static const json_t *
result_of(const json_t *message, const char *address)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(message, "results"), i, one)
		if (strcmp(pz_json_str(one, "address"), address) == 0)
			return one;
	return NULL;
}

/* ---- for others ---- */

static void
a_peer_is_tried_at_its_own_addresses_only(void **state)
{
	struct fx_far *far = peer_at("tv", "10.0.0.5");
	json_t *message = NULL;

	(void)state;
	asks(far, "q-1");
	assert_int_equal(dials_to("10.9.9.9") + dials_to("127.0.0.1"), 0);
	assert_non_null(fx_dialled("192.0.2.9")); /* the other end of the link */
	assert_int_equal(fx_dialled("192.0.2.9")->port, PORT);
	assert_int_equal(fx_dialled("10.0.0.5")->port, PORT);
	fx_refuses("192.0.2.9");
	assert_int_equal(fx_heard(far, "triedAddresses", NULL), 0); /* one is under way */
	struct fx_far *reached = fx_answers("10.0.0.5", NULL);
	fx_run(PZ_US_PER_MS);
	assert_true(reached->near.is_closed); /* no byte was sent */
	assert_int_equal(reached->far.end.in.len, 0);
	assert_int_equal(fx_heard(far, "triedAddresses", &message), 1);
	assert_string_equal(pz_json_str(message, "id"), "q-1");
	assert_int_equal(json_array_size(json_object_get(message, "results")), 2);
	assert_true(json_is_true(json_object_get(result_of(message, "10.0.0.5"), "ok")));
	assert_string_equal(pz_json_str(result_of(message, "192.0.2.9"), "error"), "refused");
}

static void
what_does_not_answer_is_given_up(void **state)
{
	struct fx_far *far = peer_at("tv", "10.0.0.5");
	json_t *message = NULL;

	(void)state;
	asks(far, "q-1");
	fx_run(PZ_PEER_TRIAL_US + PZ_US_PER_S);
	assert_int_equal(fx_heard(far, "triedAddresses", &message), 1);
	assert_string_equal(pz_json_str(result_of(message, "10.0.0.5"), "error"), "timed out");
	assert_null(fx_dialled("10.0.0.5"));
	assert_null(fx_dialled("192.0.2.9"));
}

static void
a_peer_that_asks_often_waits(void **state)
{
	struct fx_far *far = peer_at("tv", "10.0.0.5");
	json_t *message = NULL;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		asks(far, "q-1");
	assert_int_equal(dials_to("10.0.0.5"), 1);
	assert_int_equal(fx_heard(far, "triedAddresses", &message), 19);
	assert_true(json_is_true(json_object_get(message, "busy")));
	fx_run(PZ_PEER_TRIAL_EVERY_US);
	asks(far, "q-2");
	assert_int_equal(dials_to("10.0.0.5"), 2);
}

static void
a_question_of_a_wrong_form_is_ignored(void **state)
{
	struct fx_far *far = peer_at("tv", "10.0.0.5");

	(void)state;
	fx_tells(far, "tryAddresses", NULL);
	fx_tells(far, "tryAddresses", json_pack("{s:i}", "id", 7));
	asks(far, "");
	asks(far, "line\nfeed");
	assert_int_equal(fx_heard(far, "triedAddresses", NULL), 0);
	assert_int_equal(dials_to("10.0.0.5"), 0);
}

static void
a_peer_without_a_port_is_answered_at_once(void **state)
{
	struct fx_far *far = peer_at("tv", "10.0.0.5");
	json_t *message = NULL;

	(void)state;
	fx_tells(far, "pzpInfo", json_pack("{s:[s], s:i}", "addresses", "10.0.0.5", "port", 0));
	asks(far, "q-1");
	fx_run(PZ_US_PER_MS);
	assert_int_equal(fx_heard(far, "triedAddresses", &message), 1);
	assert_int_equal(json_array_size(json_object_get(message, "results")), 0);
	assert_int_equal(dials_to("10.0.0.5"), 0);
}

static void
a_peer_that_goes_ends_nothing_else(void **state)
{
	struct fx_far *far = peer_at("tv", "10.0.0.5");

	(void)state;
	asks(far, "q-1");
	fx_hangs_up(far);
	fx_run(PZ_PEER_TRIAL_US + PZ_US_PER_S);
	assert_null(fx_dialled("10.0.0.5"));
}

static void
many_peers_are_bounded(void **state)
{
	char name[16], address[32];

	(void)state;
	for (unsigned i = 0; i < FX_DEVICES_MAX; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		snprintf(address, sizeof(address), "10.0.1.%u", i);
		asks(peer_at(name, address), "q-1");
		assert_int_equal(dials_to(address), i < PZ_PEER_TRIALS_MAX);
	}
}

/* ---- for this device ---- */

/* The finding `reachable`, borrowed. */
static const json_t *
reachable(const struct answer *a)
{
	json_t *one;
	size_t i;

	assert_int_equal(a->ends, 1);
	assert_ok(a->err);
	json_array_foreach (a->result, i, one)
		if (strcmp(pz_json_str(one, "check"), "reachable") == 0)
			return one;
	fail_msg("no finding");
	return NULL;
}

static const char *
id_of_question(const struct fx_far *far)
{
	json_t *message = NULL;

	assert_int_equal(fx_heard(far, "tryAddresses", &message), 1);
	assert_int_equal(json_object_size(message), 1);
	return pz_json_str(message, "id");
}

static void
what_peers_see_is_shown(void **state)
{
	struct fx_far *tv = peer_at("tv", "10.0.0.5"), *pc = peer_at("pc", "10.0.0.6");
	struct answer a;

	(void)state;
	begin(&a, "doctor", json_object());
	fx_settle();
	fx_tells(tv, "triedAddresses",
		 json_pack("{s:s, s:[{s:s, s:b}, {s:s, s:b, s:s}, {s:s, s:b}, s]}", "id",
			   id_of_question(tv), "results", "address", "10.0.0.1", "ok", 1, "address",
			   "10.0.0.2", "ok", 0, "error", "\033[2J a long story", "address",
			   "nonsense", "ok", 1, "text"));
	fx_tells(tv, "triedAddresses", json_pack("{s:s}", "id", id_of_question(tv))); /* twice */
	fx_tells(pc, "triedAddresses", json_pack("{s:s}", "id", "of another question"));
	fx_tells(pc, "error",
		 json_pack("{s:s, s:s}", "code", "unknownStatus", "about", "tryAddresses"));
	fx_run(PZ_DOCTOR_TIME_US + PZ_US_PER_S);
	const json_t *one = reachable(&a);
	assert_true(json_is_true(json_object_get(one, "ok")));
	assert_non_null(strstr(pz_json_str(one, "detail"), "tv reaches 10.0.0.1"));
	assert_non_null(strstr(pz_json_str(one, "detail"), "tv does not reach 10.0.0.2: failed"));
	assert_non_null(strstr(pz_json_str(one, "detail"), "pc: its version cannot try it"));
	assert_int_equal(json_array_size(json_object_get(one, "tries")), 3);
	forget(&a);
}

static void
silence_is_no_finding(void **state)
{
	struct fx_far *tv = peer_at("tv", "10.0.0.5");
	struct answer a;

	(void)state;
	begin(&a, "doctor", json_object());
	fx_settle();
	assert_string_not_equal(id_of_question(tv), "");
	fx_run(PZ_DOCTOR_TIME_US + PZ_US_PER_S);
	assert_true(json_is_true(json_object_get(reachable(&a), "skipped")));
	forget(&a);
}

static void
a_question_that_is_given_up_leaves_nothing(void **state)
{
	struct fx_far *tv = peer_at("tv", "10.0.0.5");
	struct answer a;

	(void)state;
	begin(&a, "doctor", json_object());
	fx_settle();
	pz_request_cancel(a.running);
	run(0);
	fx_tells(tv, "triedAddresses", json_pack("{s:s}", "id", id_of_question(tv)));
	fx_run(PZ_DOCTOR_TIME_US + PZ_US_PER_S);
	assert_int_equal(a.ends, 0);
	assert_int_equal(fx_heard(tv, "error", NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(a_peer_is_tried_at_its_own_addresses_only),
		FX_TEST(what_does_not_answer_is_given_up),
		FX_TEST(a_peer_that_asks_often_waits),
		FX_TEST(a_question_of_a_wrong_form_is_ignored),
		FX_TEST(a_peer_without_a_port_is_answered_at_once),
		FX_TEST(a_peer_that_goes_ends_nothing_else),
		FX_TEST(many_peers_are_bounded),
		FX_TEST(what_peers_see_is_shown),
		FX_TEST(silence_is_no_finding),
		FX_TEST(a_question_that_is_given_up_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
