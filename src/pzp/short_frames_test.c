/* A peer that accepts only shorter frames, and one that does not read: the link stays, waiting
 * callers get an answer, and the owner can see the state (page 4 "Frame", "Pressure"). */
#include "pzp/peer_fixture.h"

#include "condition/condition.h"
#include "rpc/error.h"

#define FRAME_MAX PZ_FRAME_BYTES_ENROL

static struct fx_far *
short_tv(void)
{
	struct fx_far *far = fx_comes(fx_device("tv"));

	fx_says(far, json_pack("{s:s, s:b, s:s, s:s, s:{s:{s:i}}}", "type", "JSONRPC", "register",
			       1, "from", ZONE "/tv", "to", ZONE "/laptop", "payload", "limits",
			       "frame", FRAME_MAX));
	fx_run(100 * PZ_US_PER_MS);
	fx_forget(far);
	assert_int_equal(fx_peer("tv")->live->link->session.frame_max, FRAME_MAX);
	return far;
}

static char *
text_of(size_t len)
{
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

static json_t *
last_rpc(const struct fx_far *far)
{
	json_t *found = NULL, *one;
	size_t i;

	json_array_foreach (far->heard, i, one)
		if (strcmp(pz_json_str(one, "type"), "JSONRPC") == 0)
			found = json_object_get(one, "payload");
	return found;
}

static void
we_say_what_we_take(void **state)
{
	struct fx_far *far = fx_comes(fx_device("tv"));
	const json_t *said = json_object_get(last_rpc(far), "limits");

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(said, "frame")),
			 PZ_FRAME_BYTES_DEFAULT);
}

static void
a_call_that_is_too_long_ends_with_the_sizes(void **state)
{
	struct fx_far *far = short_tv();
	char *text = text_of(FRAME_MAX);
	struct answer a;

	(void)state;
	fx_tells(far, "registerServices", fx_services(ZONE "/tv", 1));
	fx_forget(far);
	begin(&a, "call", call_params("test@tv", "get42", json_pack("[s]", text)));
	free(text);
	assert_int_equal(a.ends, 1);
	const char *message = pz_json_str(json_object_get(a.result, "error"), "message");
	assert_non_null(strstr(message, "too large: 65"));
	assert_non_null(strstr(message, "at most 65536"));
	forget(&a);
	assert_null(last_rpc(far));
	assert_false(far->near.is_closed);
}

static void
in_place_of_an_answer_that_is_too_long_goes_an_error(void **state)
{
	struct fx_far *far = short_tv();
	char *text = text_of(FRAME_MAX - 400), id[PZ_SERVICE_ID_CHARS + 1], method[256];
	const json_t *own, *one;
	size_t i;

	(void)state;
	json_t *list = pz_registry_list(w.node->registry, API_TEST);
	own = json_array_get(list, 0);
	snprintf(id, sizeof(id), "%s", pz_json_str(own, "id"));
	json_decref(list);
	snprintf(method, sizeof(method), "%s@%s.get42", API_TEST, id);
	fx_says(far, json_pack("{s:s, s:s, s:s, s:i, s:{s:s, s:s, s:s, s:[s]}}", "type", "JSONRPC",
			       "from", ZONE "/tv", "to", ZONE "/laptop", "id", 5, "payload",
			       "jsonrpc", "2.0", "id", "q", "method", method, "params", text));
	one = json_object_get(last_rpc(far), "result"); /* that one just fits */
	assert_true(json_string_length(one) > FRAME_MAX - 400);
	fx_forget(far);
	fx_peer("tv")->live->link->session.frame_max = FRAME_MAX / 2;
	fx_says(far, json_pack("{s:s, s:s, s:s, s:i, s:{s:s, s:s, s:s, s:[s]}}", "type", "JSONRPC",
			       "from", ZONE "/tv", "to", ZONE "/laptop", "id", 6, "payload",
			       "jsonrpc", "2.0", "id", "r", "method", method, "params", text));
	free(text);
	const json_t *payload = last_rpc(far);
	const json_t *error = json_object_get(payload, "error");
	assert_string_equal(pz_json_str(payload, "id"), "r");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), PZ_RPC_INTERNAL_ERROR);
	assert_non_null(strstr(pz_json_str(error, "message"), "at most 32768"));
	for (i = 0; i < 3; i++) /* the link serves on */
		fx_tells(far, "probe", NULL);
	assert_int_equal(fx_heard(far, "keepAlive", NULL), 3);
}

static void
a_prop_that_is_too_long_is_a_condition(void **state)
{
	struct fx_far *far = short_tv();
	json_t *message = json_object();
	char *text = text_of(FRAME_MAX);

	(void)state;
	json_object_set_new(message, "x", json_string(text));
	free(text);
	pz_peer_link_prop(fx_peer("tv")->live, "registerServices", message);
	json_decref(message);
	fx_settle();
	assert_int_equal(json_array_size(far->heard), 0);
	assert_false(far->near.is_closed);
	assert_true(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_TOO_LARGE, ZONE "/tv"));
	fx_hangs_up(far);
	assert_false(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_TOO_LARGE, NULL));
}

/* ---- one that does not read ---- */

static void
who_does_not_read_gets_no_more_answers(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));
	struct pz_link *link = fx_peer("tv")->live->link;
	size_t queued = link->session.queued;
	json_t *info = NULL;

	(void)state;
	fx_forget(far);
	link->session.queued = PZ_QUEUE_HIGH_BYTES + 1; /* as if so much waited */
	uint64_t before = pz_metric_get(&w.node->metrics, PZ_METRIC_messages_dropped);
	fx_tells(far, "probe", NULL);
	fx_tells(far, "selfDestruct", NULL);
	assert_int_equal(json_array_size(far->heard), 0);
	assert_int_equal(pz_metric_get(&w.node->metrics, PZ_METRIC_messages_dropped), before + 2);
	pz_peers_send_info(w.node->peers); /* news wait */
	pz_peers_send_services(w.node->peers);
	fx_settle();
	assert_int_equal(json_array_size(far->heard), 0);
	link->session.queued = queued; /* it has read */
	pz_peer_link_events.drained(link);
	fx_settle();
	assert_int_equal(fx_heard(far, "pzpInfo", &info), 1);
	assert_int_equal(fx_heard(far, "registerServices", NULL), 1);
	fx_tells(far, "probe", NULL);
	assert_int_equal(fx_heard(far, "keepAlive", NULL), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(we_say_what_we_take),
		FX_TEST(a_call_that_is_too_long_ends_with_the_sizes),
		FX_TEST(in_place_of_an_answer_that_is_too_long_goes_an_error),
		FX_TEST(a_prop_that_is_too_long_is_a_condition),
		FX_TEST(who_does_not_read_gets_no_more_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
