/* Questions between devices of the owner: what is sent, and which device's answer counts. Page 9,
 * 11.3 and 11.6; page 14 PRM-1, PRM-7. */
#include "kit/json.h"
#include "prompt/prompt.h"
#include "pzp/peer_fixture.h"
#include "rpc/error.h"

#define ID "00112233445566778899aabbccddeeff"
#define GEO "http://webinos.org/api/w3c/geolocation"

static struct fx_far *
peer_that_answers(const char *name)
{
	struct fx_far *far = fx_live(fx_device(name));
	json_t *info = fx_info();

	assert_int_equal(json_object_set_new(info, "answers", json_true()), 0);
	fx_tells(far, "pzpInfo", info);
	fx_forget(far);
	return far;
}

/* A call of that device needs an answer. */
static enum pz_prompt_result
ask(uint64_t ticket, const char *device)
{
	const struct pz_prompt_question question = {
		.ticket = ticket,
		.effect = PZ_POLICY_PROMPT_SESSION,
		.user_id = pz_slice_str(ZONE),
		.device = pz_slice_str(device),
		.feature = GEO,
	};
	enum pz_prompt_result result = pz_prompts_ask(pz_node_prompts(w.node), &question);

	fx_settle();
	return result;
}

/* The command's result, of which the caller checks one thing. */
static json_t *
result_of(const char *command, json_t *takes_params, enum pz_err err)
{
	struct answer a;

	begin(&a, command, takes_params);
	fx_settle();
	fx_run(50 * PZ_US_PER_MS); /* a commit, and what is sent after it */
	assert_int_equal(a.err, err);
	json_t *result = json_incref(a.result);
	forget(&a);
	return result;
}

static size_t
waiting(void)
{
	json_t *list = pz_prompts_list(pz_node_prompts(w.node));
	size_t count = json_array_size(list);

	json_decref(list);
	return count;
}

static void
set_pref(const char *key, const char *value)
{
	json_decref(result_of("disconnect", json_object(), PZ_OK)); /* preferences apply at once */
	json_decref(result_of("prefs", json_pack("{s:s, s:s}", "key", key, "value", value), PZ_OK));
	fx_settle();
}

static json_t *
question(void)
{
	return pz_kit_json("{'id': '" ID "', 'effect': 'prompt-session', 'left': 20000, "
			   "'rule': '', 'who': {'zone': '" ZONE "', 'device': 'phone', 'app': ''}, "
			   "'what': {'feature': '" GEO "', 'service': '', 'function': 'f'}}");
}

static bool
is_refused(struct fx_far *far)
{
	json_t *error = NULL;
	bool is_one = fx_heard(far, "error", &error) == 1 &&
		      strcmp(pz_json_str(error, "code"), "badRequest") == 0;

	fx_forget(far);
	return is_one;
}

/* ---- questions of this device ---- */

static void
a_peer_that_may_answer_is_asked_and_its_answer_counts(void **state)
{
	struct fx_far *tv = peer_that_answers("tv"), *radio = peer_that_answers("radio");
	json_t *asked = NULL, *ended = NULL;
	json_int_t left;

	(void)state;
	assert_int_equal(ask(1, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(fx_heard(tv, "prompt", &asked), 1);
	assert_int_equal(fx_heard(radio, "prompt", NULL), 1);
	left = json_integer_value(json_object_get(asked, "left"));
	assert_true(left > 29000 && left <= 30000);
	assert_null(json_object_get(asked, "text"));
	const char *id = pz_json_str(asked, "id");
	fx_tells(tv, "promptAnswer", json_pack("{s:s, s:i}", "id", id, "answer", 4));
	fx_run(PZ_US_PER_MS);
	assert_int_equal(waiting(), 0);
	assert_int_equal(fx_heard(radio, "promptEnded", &ended), 1);
	assert_string_equal(pz_json_str(ended, "id"), id);
	/* the other one was slower, which is no fault */
	fx_forget(radio);
	fx_tells(radio, "promptAnswer", json_pack("{s:s, s:i}", "id", id, "answer", 0));
	assert_int_equal(fx_heard(radio, "error", NULL), 0);
	assert_int_equal(ask(2, "phone"), PZ_PROMPT_YES);
}

static void
a_device_is_not_asked_about_itself(void **state)
{
	struct fx_far *tv = peer_that_answers("tv"), *radio = peer_that_answers("radio");
	json_t *asked = NULL;

	(void)state;
	assert_int_equal(ask(1, "tv"), PZ_PROMPT_LATER);
	assert_int_equal(fx_heard(tv, "prompt", NULL), 0);
	assert_int_equal(fx_heard(radio, "prompt", &asked), 1);
	fx_tells(tv, "promptAnswer",
		 json_pack("{s:s, s:i}", "id", pz_json_str(asked, "id"), "answer", 5));
	assert_true(is_refused(tv));
	assert_int_equal(waiting(), 1);
}

static void
a_device_that_is_not_marked_or_has_no_person_answers_nothing(void **state)
{
	struct fx_far *tv = peer_that_answers("tv"), *radio = fx_live(fx_device("radio"));
	json_t *asked = NULL;

	(void)state;
	set_pref("prompts.agents", "tv");
	fx_forget(radio);
	assert_int_equal(ask(1, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(fx_heard(tv, "prompt", &asked), 1);
	assert_int_equal(fx_heard(radio, "prompt", NULL), 0);
	fx_tells(radio, "promptAnswer",
		 json_pack("{s:s, s:i}", "id", pz_json_str(asked, "id"), "answer", 5));
	assert_true(is_refused(radio));
	/* a preference counts for what waits, too */
	set_pref("prompts.agents", "none");
	fx_tells(tv, "promptAnswer",
		 json_pack("{s:s, s:i}", "id", pz_json_str(asked, "id"), "answer", 5));
	assert_true(is_refused(tv));
	assert_int_equal(waiting(), 1);
	assert_int_equal(ask(2, "desk"), PZ_PROMPT_NO_AGENT);
}

static void
answers_of_a_wrong_form_are_refused(void **state)
{
	struct fx_far *tv = peer_that_answers("tv");
	json_t *asked = NULL;

	(void)state;
	assert_int_equal(ask(1, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(fx_heard(tv, "prompt", &asked), 1);
	const char *id = pz_json_str(asked, "id");
	json_t *const wrong[] = {
		json_null(),
		json_object(),
		json_pack("{s:s}", "id", id),
		json_pack("{s:s, s:s}", "id", id, "answer", "5"),
		json_pack("{s:s, s:b}", "id", id, "answer", 1),
		json_pack("{s:i, s:i}", "id", 7, "answer", 5),
	};
	fx_forget(tv);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fx_tells(tv, "promptAnswer", wrong[i]);
		assert_true(is_refused(tv));
	}
	assert_int_equal(waiting(), 1);
}

/* ---- questions of other devices ---- */

static void
a_question_of_a_peer_is_listed_and_its_answer_goes_back(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));
	json_t *answer = NULL, *list;

	(void)state;
	fx_tells(tv, "prompt", question());
	list = result_of("prompts", json_object(), PZ_OK);
	assert_string_equal(pz_json_str(json_array_get(list, 0), "device"), "tv");
	json_decref(list);
	fx_forget(tv);
	json_decref(result_of(
		"prompts",
		json_pack("{s:s, s:s, s:s}", "id", "0011", "answer", "allow", "remember", "always"),
		PZ_OK));
	assert_int_equal(fx_heard(tv, "promptAnswer", &answer), 1);
	assert_string_equal(pz_json_str(answer, "id"), ID);
	assert_int_equal(json_integer_value(json_object_get(answer, "answer")), 4);
	json_decref(result_of("prompts", json_pack("{s:s, s:s}", "id", ID, "answer", "deny"),
			      PZ_ERR_EXISTS));
}

static void
a_question_ends_when_its_device_says_so_or_is_away(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv")), *radio = fx_live(fx_device("radio"));

	(void)state;
	fx_tells(tv, "prompt", question());
	assert_int_equal(waiting(), 1);
	fx_tells(radio, "promptEnded", json_pack("{s:s, s:s}", "id", ID, "reason", "mine"));
	assert_int_equal(waiting(), 1);
	fx_tells(tv, "promptEnded", json_pack("{s:s, s:s}", "id", ID, "reason", "answered"));
	assert_int_equal(waiting(), 0);
	fx_tells(tv, "prompt", question());
	assert_int_equal(waiting(), 1);
	fx_hangs_up(tv);
	assert_int_equal(waiting(), 0);
}

static void
a_device_that_does_not_want_to_answer_is_not_asked(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));

	(void)state;
	set_pref("prompts.answer", "false");
	fx_forget(tv);
	fx_tells(tv, "prompt", question());
	assert_true(is_refused(tv));
	assert_int_equal(waiting(), 0);
}

static void
peers_are_sent_whether_a_person_is_here(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));
	json_t *info = NULL;

	(void)state;
	assert_true(fx_heard(tv, "pzpInfo", &info) >= 1);
	assert_true(json_is_false(json_object_get(info, "answers")));
	json_decref(result_of("prompts", json_object(), PZ_OK));
	fx_run(PZ_US_PER_S);
	(void)fx_heard(tv, "pzpInfo", &info);
	assert_true(json_is_true(json_object_get(info, "answers")));
	fx_run(PZ_PROMPT_PRESENT_US / 2);
	fx_tells(tv, "keepAlive", NULL);
	fx_run(PZ_PROMPT_PRESENT_US / 2);
	(void)fx_heard(tv, "pzpInfo", &info);
	assert_true(json_is_false(json_object_get(info, "answers")));
}

/* ---- a call that waits ---- */

#define ASKS "<policy><rule effect=\"prompt-session\"/></policy>"

/* Code of the error that a call ended with; 0: it has a result, -1: it has not ended. */
static json_int_t
end_of(const struct answer *a)
{
	if (a->ends == 0)
		return -1;
	assert_ok(a->err);
	return json_integer_value(json_object_get(json_object_get(a->result, "error"), "code"));
}

/* Its time-out is as long as that of the question. */
static void
a_call_gets_the_end_of_the_question_that_it_waits_for(void **state)
{
	struct answer agent, first, hasty;

	(void)state;
	set_pref("policy.prompt-timeout", "60");
	json_decref(result_of("policy-set",
			      json_pack("{s:s, s:s}", "slot", "exceptions", "document", ASKS),
			      PZ_OK));
	begin(&agent, "prompts", json_pack("{s:b}", "watch", 1));
	begin(&first, "call", call_params(API_TEST, "get42", json_pack("[s]", "x")));
	json_t *params = call_params(API_TEST, "get42", json_pack("[s]", "y"));
	(void)json_object_set_new(params, "timeout_ms", json_integer(5000));
	begin(&hasty, "call", params);
	fx_run(PZ_US_PER_S);
	assert_int_equal(first.events, 1);
	assert_true(json_is_true(json_object_get(first.last_event, "asking")));
	fx_run(5 * PZ_US_PER_S);
	assert_int_equal(end_of(&hasty), PZ_RPC_TIMED_OUT); /* what the program wants counts */
	fx_run(40 * PZ_US_PER_S);
	assert_int_equal(end_of(&first), -1);
	fx_run(20 * PZ_US_PER_S);
	assert_int_equal(end_of(&first), PZ_RPC_DENIED_PERSON);
	forget(&hasty);
	forget(&first);
	forget(&agent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(a_peer_that_may_answer_is_asked_and_its_answer_counts),
		FX_TEST(a_device_is_not_asked_about_itself),
		FX_TEST(a_device_that_is_not_marked_or_has_no_person_answers_nothing),
		FX_TEST(answers_of_a_wrong_form_are_refused),
		FX_TEST(a_question_of_a_peer_is_listed_and_its_answer_goes_back),
		FX_TEST(a_question_ends_when_its_device_says_so_or_is_away),
		FX_TEST(a_device_that_does_not_want_to_answer_is_not_asked),
		FX_TEST(peers_are_sent_whether_a_person_is_here),
		FX_TEST(a_call_gets_the_end_of_the_question_that_it_waits_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
