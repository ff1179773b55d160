/* What is sent again when a link is lost, and how much is stored for that. */
#include "pzp/peer_fixture.h"

#include "rpc/error.h"

static json_t *
answer_to(int id)
{
	return json_pack("{s:s, s:i, s:s}", "jsonrpc", "2.0", "id", id, "result", "42");
}

static void
notes(const char *to, json_t *takes_payload, size_t bytes)
{
	pz_resend_note(w.node->calls, to, takes_payload, bytes);
	json_decref(takes_payload);
}

/* Payloads that are neither props nor the registration. */
static unsigned
count_payloads(const struct fx_far *far, json_t **out_last)
{
	unsigned count = 0;
	json_t *one;
	size_t i;

	json_array_foreach (far->heard, i, one) {
		json_t *payload = json_object_get(one, "payload");
		if (json_object_get(payload, "jsonrpc") == NULL)
			continue;
		count++;
		if (out_last)
			*out_last = payload;
	}
	return count;
}

static struct fx_far *
calls(const struct fx_device *tv, struct answer *a)
{
	struct fx_far *far = fx_live(tv);
	json_t *info = fx_info();

	json_object_set_new(info, "session", json_string("start-1"));
	fx_tells(far, "pzpInfo", info);
	fx_tells(far, "registerServices", fx_services(tv->address, 1));
	fx_run(100 * PZ_US_PER_MS);
	fx_forget(far);
	begin(a, "call", call_params("test@tv", "get42", json_pack("[s]", "x")));
	fx_settle();
	assert_int_equal(count_payloads(far, NULL), 1);
	return far;
}

/* ---- answers ---- */

static void
an_answer_goes_by_the_way_that_is_left(void **state)
{
	struct fx_device *tv = fx_device("tv");
	json_t *last = NULL;

	(void)state;
	(void)fx_live(tv);
	notes(tv->address, answer_to(7), 100);
	struct fx_far *second = fx_comes(tv);
	fx_registers(second); /* takes the place of the first */
	assert_int_equal(count_payloads(second, &last), 1);
	assert_int_equal(json_integer_value(json_object_get(last, "id")), 7);
}

static void
without_another_way_an_answer_is_lost(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	struct fx_far *first = fx_live(tv);
	notes(tv->address, answer_to(7), 100);
	fx_hangs_up(first);
	struct fx_far *second = fx_live(tv);
	assert_int_equal(count_payloads(second, NULL), 0); /* no caller waits for it by then */
}

/* A peer to which something was sent is expected to answer. */
static void
lives_on(struct fx_far *far, uint64_t duration_us)
{
	for (uint64_t t = 0; t < duration_us; t += PZ_US_PER_S) {
		fx_run(PZ_US_PER_S);
		fx_tells(far, "keepAlive", NULL);
	}
}

static void
old_answers_are_not_sent_again(void **state)
{
	struct fx_device *tv = fx_device("tv");
	json_t *last = NULL;

	(void)state;
	struct fx_far *first = fx_live(tv);
	notes(tv->address, answer_to(1), 100);
	lives_on(first, PZ_RESEND_KEEP_US - PZ_US_PER_S);
	notes(tv->address, answer_to(2), 100);
	lives_on(first, 2 * PZ_US_PER_S);
	struct fx_far *second = fx_comes(tv);
	fx_registers(second);
	assert_int_equal(count_payloads(second, &last), 1);
	assert_int_equal(json_integer_value(json_object_get(last, "id")), 2);
}

static void
call_backs_and_what_has_no_way_are_not_kept(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	(void)fx_live(tv);
	notes(tv->address,
	      json_pack("{s:s, s:s, s:[]}", "jsonrpc", "2.0", "method", "x.onEvent", "params"),
	      100);
	notes(ZONE "/radio", answer_to(1), 100);
	notes(ZONE "/laptop", answer_to(1), 100);
	assert_int_equal(w.node->calls->answer_count, 0);
	assert_int_equal(w.node->calls->answer_bytes, 0);
}

static void
answers_that_are_kept_are_bounded(void **state)
{
	struct fx_device *tv = fx_device("tv");
	json_t *last = NULL;

	(void)state;
	(void)fx_live(tv);
	for (int i = 0; i < 2 * PZ_RESEND_ANSWERS_MAX; i++)
		notes(tv->address, answer_to(i), 10);
	assert_int_equal(w.node->calls->answer_count, PZ_RESEND_ANSWERS_MAX);
	for (int i = 0; i < 10; i++)
		notes(tv->address, answer_to(1000 + i), PZ_RESEND_BYTES_MAX / 4);
	assert_true(w.node->calls->answer_bytes <= PZ_RESEND_BYTES_MAX);
	assert_int_equal(w.node->calls->answer_count, 4);
	notes(tv->address, answer_to(2000), PZ_RESEND_BYTES_MAX + 1); /* too large for it alone */
	assert_int_equal(w.node->calls->answer_count, 0);
	assert_int_equal(w.node->calls->answer_bytes, 0);
	notes(tv->address, answer_to(3000), 10);
	struct fx_far *second = fx_comes(tv);
	fx_registers(second);
	assert_int_equal(count_payloads(second, &last), 1);
	assert_int_equal(json_integer_value(json_object_get(last, "id")), 3000);
}

/* ---- requests ---- */

static void
a_request_is_sent_again_and_says_to_which_start(void **state)
{
	struct fx_device *tv = fx_device("tv");
	struct answer a;
	json_t *first_payload = NULL, *payload = NULL;

	(void)state;
	struct fx_far *first = calls(tv, &a);
	(void)count_payloads(first, &first_payload);
	assert_null(json_object_get(first_payload, "resent"));
	struct fx_far *second = fx_comes(tv);
	fx_registers(second);
	assert_int_equal(count_payloads(second, &payload), 1);
	assert_string_equal(pz_json_str(payload, "resent"), "start-1");
	assert_string_equal(pz_json_str(payload, "id"), pz_json_str(first_payload, "id"));
	fx_says(second, json_pack("{s:s, s:s, s:s, s:{s:s, s:O, s:s}}", "type", "JSONRPC", "from",
				  tv->address, "to", ZONE "/laptop", "payload", "jsonrpc", "2.0",
				  "id", json_object_get(payload, "id"), "result", "42 x"));
	assert_int_equal(a.ends, 1);
	assert_string_equal(pz_json_str(a.result, "result"), "42 x");
	forget(&a);
}

static void
without_another_way_a_request_ends(void **state)
{
	struct answer a;

	(void)state;
	struct fx_far *far = calls(fx_device("tv"), &a);
	fx_hangs_up(far);
	assert_int_equal(a.ends, 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(a.result, "error"), "code")),
		PZ_RPC_UNREACHABLE);
	forget(&a);
}

/* It is unknown whether the earlier start did it: the later one must not do it. */
static void
a_request_for_an_earlier_start_is_not_done(void **state)
{
	struct fx_device *tv = fx_device("tv");
	json_t *list = pz_registry_list(w.node->registry, API_TEST);
	json_t *method =
		json_sprintf("%s@%s.get42", API_TEST, pz_json_str(json_array_get(list, 0), "id"));
	const char *const starts[] = {"another", pz_peers_session(w.node->peers), NULL};
	json_t *answer = NULL;

	(void)state;
	struct fx_far *far = fx_live(tv);
	for (int i = 0; i < 3; i++) {
		json_t *payload = json_pack("{s:s, s:i, s:O, s:[s]}", "jsonrpc", "2.0", "id", i,
					    "method", method, "params", "x");
		if (starts[i])
			json_object_set_new(payload, "resent", json_string(starts[i]));
		fx_forget(far);
		fx_says(far, json_pack("{s:s, s:s, s:s, s:i, s:o}", "type", "JSONRPC", "from",
				       tv->address, "to", ZONE "/laptop", "id", 100 + i, "payload",
				       payload));
		assert_int_equal(count_payloads(far, &answer), 1);
		json_t *error = json_object_get(answer, "error");
		assert_int_equal(json_integer_value(json_object_get(error, "code")),
				 i == 0 ? PZ_RPC_UNREACHABLE : 0);
		assert_int_equal(json_object_get(answer, "result") != NULL, i != 0);
	}
	json_decref(method);
	json_decref(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(an_answer_goes_by_the_way_that_is_left),
		FX_TEST(without_another_way_an_answer_is_lost),
		FX_TEST(old_answers_are_not_sent_again),
		FX_TEST(call_backs_and_what_has_no_way_are_not_kept),
		FX_TEST(answers_that_are_kept_are_bounded),
		FX_TEST(a_request_is_sent_again_and_says_to_which_start),
		FX_TEST(without_another_way_a_request_ends),
		FX_TEST(a_request_for_an_earlier_start_is_not_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
