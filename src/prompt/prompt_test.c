/* Questions: which agents may answer, which answers count, when questions end. Page 9, 11.1 to
 * 11.3. */
#include "prompt/fixture.h"

static void
no_agent_is_a_denial_at_once(void **state)
{
	(void)state;
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_NO_AGENT);
	assert_int_equal(t.sought, 1);
	assert_json(pz_prompts_list(t.prompts), "[]");
	fx_run_ms(600000);
	assert_int_equal(t.answers, 0);
}

static void
what_is_no_prompt_is_not_asked(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PERMIT, "phone"), PZ_PROMPT_NO_AGENT);
	assert_int_equal(fx_ask(1, PZ_POLICY_UNDETERMINED, "phone"), PZ_PROMPT_NO_AGENT);
	assert_int_equal(t.control.shown, 0);
}

static void
an_answer_is_reported_after_the_call_that_brought_it(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(7, PZ_POLICY_PROMPT_ONESHOT, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(t.control.shown, 1);
	assert_int_equal(strlen(t.control.id), 32);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ONCE));
	assert_int_equal(t.answers, 0);
	fx_run_ms(0);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.ticket, 7);
	assert_int_equal(t.result, PZ_PROMPT_YES);
	assert_string_equal(t.by, "control");
	assert_int_equal(t.stored, 1);
	assert_json(pz_prompts_list(t.prompts), "[]");
	/* this time only */
	assert_int_equal(fx_ask(8, PZ_POLICY_PROMPT_ONESHOT, "phone"), PZ_PROMPT_LATER);
}

static void
each_answer_counts_as_its_effect_offers(void **state)
{
	static const struct {
		enum pz_policy_effect effect;
		int number;
		enum pz_prompt_result result, again;
	} rows[] = {
		{PZ_POLICY_PROMPT_ONESHOT, 0, PZ_PROMPT_NO, PZ_PROMPT_NO},
		{PZ_POLICY_PROMPT_ONESHOT, 1, PZ_PROMPT_NO, PZ_PROMPT_LATER},
		{PZ_POLICY_PROMPT_ONESHOT, 2, PZ_PROMPT_NO, PZ_PROMPT_LATER},
		{PZ_POLICY_PROMPT_ONESHOT, 3, PZ_PROMPT_YES, PZ_PROMPT_LATER},
		{PZ_POLICY_PROMPT_ONESHOT, 4, PZ_PROMPT_YES, PZ_PROMPT_LATER},
		{PZ_POLICY_PROMPT_ONESHOT, 5, PZ_PROMPT_YES, PZ_PROMPT_LATER},
		{PZ_POLICY_PROMPT_ONESHOT, 6, PZ_PROMPT_NO, PZ_PROMPT_LATER},
		{PZ_POLICY_PROMPT_ONESHOT, -1, PZ_PROMPT_NO, PZ_PROMPT_LATER},
		{PZ_POLICY_PROMPT_SESSION, 1, PZ_PROMPT_NO, PZ_PROMPT_NO},
		{PZ_POLICY_PROMPT_SESSION, 4, PZ_PROMPT_YES, PZ_PROMPT_YES},
		{PZ_POLICY_PROMPT_SESSION, 5, PZ_PROMPT_YES, PZ_PROMPT_YES},
		{PZ_POLICY_PROMPT_BLANKET, 5, PZ_PROMPT_YES, PZ_PROMPT_YES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char device[16];

		snprintf(device, sizeof(device), "d%zu", i);
		pz_prompts_leave(t.prompts, &t.control.agent);
		pz_prompts_join(t.prompts, &t.control.agent);
		assert_int_equal(fx_decide(rows[i].effect, device, rows[i].number), rows[i].result);
		assert_int_equal(fx_ask(2, rows[i].effect, device), rows[i].again);
		pz_prompts_withdraw(t.prompts, 2);
	}
}

static void
an_always_for_a_session_question_ends_with_the_session(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_SESSION, "phone", PZ_PROMPT_ALLOW_ALWAYS),
			 PZ_PROMPT_YES);
	assert_int_equal(t.outcome.answer, PZ_PROMPT_ALLOW_SESSION);
	fx_restart();
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_SESSION, "phone"), PZ_PROMPT_NO_AGENT);
}

static void
the_first_answer_counts_and_the_others_lose_the_question(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	pz_prompts_join(t.prompts, &t.tv.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(t.tv.shown, 1);
	assert_ok(fx_answer(&t.tv, t.tv.id, PZ_PROMPT_DENY_ONCE));
	assert_int_equal(t.control.hidden, 1);
	assert_string_equal(t.control.hidden_id, t.tv.id);
	assert_int_equal(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ALWAYS),
			 PZ_ERR_EXISTS);
	assert_int_equal(fx_answer(&t.tv, t.tv.id, PZ_PROMPT_ALLOW_ONCE), PZ_ERR_EXISTS);
	fx_run_ms(20);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.result, PZ_PROMPT_NO);
	assert_string_equal(t.by, "tv");
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
}

/* page 14 PRM-3 */
static void
no_answer_in_time_is_a_no(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	fx_run_ms(29999);
	assert_int_equal(t.answers, 0);
	fx_run_ms(1);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.result, PZ_PROMPT_NO);
	assert_int_equal(t.control.hidden, 1);
}

static void
the_time_is_a_preference_within_bounds(void **state)
{
	static const struct {
		unsigned set, counts;
	} rows[] = {{1, 10}, {10, 10}, {60, 60}, {300, 300}, {3600, 300}};

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pz_prompts_set_timeout(t.prompts, rows[i].set);
		t.answers = 0;
		assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
		fx_run_ms(rows[i].counts * 1000 - 1);
		assert_int_equal(t.answers, 0);
		fx_run_ms(1);
		assert_int_equal(t.answers, 1);
	}
}

static void
a_late_answer_is_remembered_but_the_call_stays_denied(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	fx_run_ms(30000);
	assert_int_equal(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ONCE),
			 PZ_ERR_IO_TIMEOUT);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ALWAYS));
	fx_run_ms(20);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.result, PZ_PROMPT_NO);
	assert_string_equal(t.by, "");
	assert_true(t.outcome.is_late);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_YES);
}

static void
an_answer_after_a_further_minute_is_refused(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	fx_run_ms(90000);
	assert_int_equal(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ALWAYS),
			 PZ_ERR_NOTFOUND);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
}

static void
a_question_that_does_not_exist_is_not_answered(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_answer(&t.control, "00112233445566778899aabbccddeeff", 5),
			 PZ_ERR_NOTFOUND);
	assert_int_equal(fx_answer(&t.control, "", 5), PZ_ERR_NOTFOUND);
}

static void
the_device_that_asks_is_no_agent_for_it(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.tv.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "tv"), PZ_PROMPT_NO_AGENT);
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "tv"), PZ_PROMPT_LATER);
	assert_int_equal(t.tv.shown, 0);
	assert_int_equal(fx_answer(&t.tv, t.control.id, PZ_PROMPT_ALLOW_ONCE), PZ_ERR_DENIED);
	fx_run_ms(0);
	assert_int_equal(t.answers, 0);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ONCE));
}

static void
the_same_question_is_asked_once(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (uint64_t i = 1; i <= PZ_PROMPT_CALLS_MAX; i++)
		assert_int_equal(fx_ask(i, PZ_POLICY_PROMPT_SESSION, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(fx_ask(100, PZ_POLICY_PROMPT_SESSION, "phone"), PZ_PROMPT_NO_AGENT);
	assert_int_equal(t.control.shown, 1);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ONCE));
	fx_run_ms(0);
	assert_int_equal(t.answers, PZ_PROMPT_CALLS_MAX);
}

static void
what_is_allowed_once_is_the_function_that_was_shown(void **state)
{
	struct pz_prompt_question set = fx_question(2, PZ_POLICY_PROMPT_SESSION, "phone");

	(void)state;
	set.function = "watchPosition";
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_SESSION, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(fx_put(&set), PZ_PROMPT_LATER);
	assert_int_equal(t.control.shown, 2);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ONCE));
	fx_run_ms(0);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.ticket, 2);
	/* an answer for the session is for the feature: the other question ends, too */
	assert_int_equal(fx_put(&set), PZ_PROMPT_LATER);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_SESSION));
	fx_run_ms(0);
	assert_int_equal(t.answers, 3);
	assert_json(pz_prompts_list(t.prompts), "[]");
}

/* page 14 PRM-5 */
static void
a_caller_has_two_questions_and_a_device_eight(void **state)
{
	struct pz_prompt_question question = fx_question(1, PZ_POLICY_PROMPT_SESSION, "phone");
	char feature[64], device[16];

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (unsigned i = 0; i < PZ_PROMPTS_MAX; i++) {
		snprintf(feature, sizeof(feature), "http://example.org/%u", i);
		snprintf(device, sizeof(device), "d%u", i / PZ_PROMPTS_SUBJECT_MAX);
		question.ticket = i + 1;
		question.feature = feature;
		question.device = pz_slice_str(device);
		assert_int_equal(fx_put(&question), PZ_PROMPT_LATER);
		question.feature = "http://example.org/third";
		if (i % PZ_PROMPTS_SUBJECT_MAX == PZ_PROMPTS_SUBJECT_MAX - 1)
			assert_int_equal(fx_put(&question), PZ_PROMPT_NO_AGENT);
	}
	question.device = pz_slice_str("another");
	assert_int_equal(fx_put(&question), PZ_PROMPT_NO_AGENT);
	pz_prompts_withdraw(t.prompts, 1);
	assert_int_equal(fx_put(&question), PZ_PROMPT_LATER);
}

static void
a_caller_that_goes_takes_its_question_along(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	pz_prompts_withdraw(t.prompts, 1);
	assert_int_equal(t.control.hidden, 0);
	pz_prompts_withdraw(t.prompts, 2);
	pz_prompts_withdraw(t.prompts, 2);
	assert_int_equal(t.control.hidden, 1);
	assert_int_equal(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ALWAYS),
			 PZ_ERR_NOTFOUND);
	fx_run_ms(600000);
	assert_int_equal(t.answers, 0);
	assert_json(pz_prompts_answers(t.prompts), "[]");
}

static void
a_caller_that_goes_before_its_answer_is_reported_gets_none(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_ONESHOT, "phone"), PZ_PROMPT_LATER);
	assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ONCE));
	pz_prompts_withdraw(t.prompts, 1);
	fx_run_ms(1000);
	assert_int_equal(t.answers, 0);
	assert_int_equal(t.stored, 1);
}

static void
devices_that_may_answer_are_sought_for_a_moment(void **state)
{
	(void)state;
	t.can_seek = true;
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	fx_run_ms(5000);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.result, PZ_PROMPT_NO);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	fx_run_ms(4000);
	pz_prompts_join(t.prompts, &t.tv.agent);
	assert_int_equal(t.tv.shown, 1);
	fx_run_ms(25000);
	assert_int_equal(t.answers, 1);
	assert_ok(fx_answer(&t.tv, t.tv.id, PZ_PROMPT_ALLOW_ONCE));
	fx_run_ms(0);
	assert_int_equal(t.result, PZ_PROMPT_YES);
	assert_string_equal(t.by, "tv");
}

static void
a_person_who_has_looked_is_an_agent_for_a_while(void **state)
{
	(void)state;
	pz_prompts_present(t.prompts);
	assert_int_equal(t.person_changes, 1);
	fx_run_ms(59999);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	fx_run_ms(1);
	assert_int_equal(t.person_changes, 2);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "tv"), PZ_PROMPT_NO_AGENT);
	fx_run_ms(30000);
	assert_int_equal(t.answers, 1);
}

static void
an_agent_that_comes_sees_what_waits(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	assert_int_equal(fx_ask(2, PZ_POLICY_PROMPT_BLANKET, "tv"), PZ_PROMPT_LATER);
	pz_prompts_join(t.prompts, &t.tv.agent);
	assert_int_equal(t.tv.shown, 1); /* not the one about itself */
	pz_prompts_leave(t.prompts, &t.tv.agent);
	pz_prompts_leave(t.prompts, &t.tv.agent);
	pz_prompts_withdraw(t.prompts, 1);
	assert_int_equal(t.tv.hidden, 0);
}

/* A person sees where a page comes from, not the id in its address. */
static void
an_app_is_shown_by_its_origin(void **state)
{
	struct pz_prompt_question q = fx_question(1, PZ_POLICY_PROMPT_SESSION, "phone");

	(void)state;
	q.app = pz_slice_str(FX_APP);
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_put(&q), PZ_PROMPT_LATER);
	json_t *list = pz_prompts_list(t.prompts);
	const json_t *one = json_array_get(list, 0), *who = json_object_get(one, "who");
	assert_string_equal(json_string_value(json_object_get(who, "origin")), FX_ORIGIN);
	assert_string_equal(json_string_value(json_object_get(who, "app")), FX_APP);
	assert_non_null(strstr(json_string_value(json_object_get(one, "text")),
			       "May the web site " FX_ORIGIN " on the device phone of "));
	json_decref(list);
	pz_prompts_withdraw(t.prompts, 1);
}

/* @spec page 11, "What the owner sees of an origin" */
static void
the_kind_of_an_app_is_named(void **state)
{
	static const struct {
		const char *origin, *kind, *text;
	} rows[] = {
		{"https://a.example", "https", "May the web site https://a.example on the device "},
		{"http://localhost", "local",
		 "May the page http://localhost of a program on the device phone of "},
		{"http://localhost:8000", "local",
		 "May the page http://localhost:8000 of a program on the device "},
		{"http://127.0.0.1:1", "local", "May the page http://127.0.0.1:1 of a program on "},
		{"http://[::1]:1", "local", "May the page http://[::1]:1 of a program on "},
		{"program:backup", "program", "May the program program:backup on the device "},
		/* names that only begin alike, and what no device of ours lets in */
		{"http://localhost.evil.example", "",
		 "May the app http://localhost.evil.example on the device "},
		{"http://127.0.0.10", "", "May the app http://127.0.0.10 on the device "},
		{"https", "", "May the app https on the device "},
	};
	struct pz_prompt_question q = fx_question(1, PZ_POLICY_PROMPT_SESSION, "phone");

	(void)state;
	q.app = pz_slice_str(FX_APP);
	pz_prompts_join(t.prompts, &t.control.agent);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t.origin = rows[i].origin;
		assert_int_equal(fx_put(&q), PZ_PROMPT_LATER);
		json_t *list = pz_prompts_list(t.prompts);
		const json_t *one = json_array_get(list, 0), *who = json_object_get(one, "who");
		assert_string_equal(json_string_value(json_object_get(who, "kind")), rows[i].kind);
		const char *text = json_string_value(json_object_get(one, "text"));
		if (strncmp(text, rows[i].text, strlen(rows[i].text)) != 0)
			fail_msg("'%s' does not begin with '%s'", text, rows[i].text);
		json_decref(list);
		pz_prompts_withdraw(t.prompts, 1);
	}
}

/* What was answered about one app is forgotten, what was answered about another one stays. */
static void
an_app_is_forgotten(void **state)
{
	struct pz_prompt_question q = fx_question(1, PZ_POLICY_PROMPT_SESSION, "phone");

	(void)state;
	q.app = pz_slice_str(FX_APP);
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_put(&q), PZ_PROMPT_LATER);
	pz_prompts_forget_app(t.prompts, ZONE, "phone", "other");
	json_t *list = pz_prompts_list(t.prompts);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	pz_prompts_forget_app(t.prompts, ZONE, "phone", FX_APP);
	assert_json(pz_prompts_list(t.prompts), "[]");
}

/* page 14 PRM-4 */
static void
what_is_shown_is_verified_and_the_strictest_answer_is_first(void **state)
{
	struct pz_prompt_question q = fx_question(1, PZ_POLICY_PROMPT_SESSION, "phone");
	json_t *list;

	(void)state;
	q.app = pz_slice_str("http://evil.example");
	q.rule = pz_slice_str("Apps ask for the location.");
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_put(&q), PZ_PROMPT_LATER);
	list = pz_prompts_list(t.prompts);
	const json_t *one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "text")),
			    "May the app http://evil.example on the device phone of " ZONE
			    " use the location of this device (" GEO ")?");
	assert_string_equal(json_string_value(json_object_get(one, "rule")),
			    "Apps ask for the location.");
	assert_json(json_incref(json_object_get(one, "who")),
		    "{\"zone\":\"" ZONE "\",\"device\":\"phone\","
		    "\"app\":\"http://evil.example\",\"displayName\":\"<b>Phone</b>\","
		    "\"origin\":\"\",\"kind\":\"\"}");
	const json_t *answers = json_object_get(one, "answers");
	assert_int_equal(json_array_size(answers), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(
			json_integer_value(json_object_get(json_array_get(answers, i), "number")),
			i);
	json_decref(list);
}

static void
identities_that_cannot_be_are_denied(void **state)
{
	struct pz_prompt_question q = fx_question(1, PZ_POLICY_PROMPT_SESSION, "phone");
	char longer[PZ_APP_BYTES_MAX + 2];

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	memset(longer, 'a', sizeof(longer));
	q.app = pz_slice_of(longer, sizeof(longer) - 1);
	assert_int_equal(fx_put(&q), PZ_PROMPT_NO_AGENT);
	q.app = pz_slice_of("a\0b", 3);
	assert_int_equal(fx_put(&q), PZ_PROMPT_NO_AGENT);
	q.app = pz_slice_str("\xff");
	assert_int_equal(fx_put(&q), PZ_PROMPT_NO_AGENT);
}

static void
a_revoked_device_waits_for_no_answer(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	pz_prompts_forget(t.prompts, ZONE, "phone");
	fx_run_ms(0);
	assert_int_equal(t.result, PZ_PROMPT_NO);
	assert_int_equal(fx_answer(&t.control, t.control.id, PZ_PROMPT_ALLOW_ALWAYS),
			 PZ_ERR_NOTFOUND);
}

static void
ended_questions_are_forgotten_after_a_number(void **state)
{
	char first[33] = "";

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (unsigned i = 0; i <= PZ_PROMPT_ENDED_MAX; i++) {
		char device[16];

		snprintf(device, sizeof(device), "d%u", i);
		assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_ONESHOT, device), PZ_PROMPT_LATER);
		if (i == 0)
			memcpy(first, t.control.id, sizeof(first));
		assert_ok(fx_answer(&t.control, t.control.id, PZ_PROMPT_DENY_ONCE));
		fx_run_ms(0);
	}
	assert_int_equal(fx_answer(&t.control, t.control.id, 3), PZ_ERR_EXISTS);
	assert_int_equal(fx_answer(&t.control, first, 3), PZ_ERR_NOTFOUND);
}

static void
a_caller_that_is_denied_again_and_again_waits(void **state)
{
	uint64_t wait_ms = PZ_PROMPT_BACKOFF_FIRST_US / PZ_US_PER_MS;

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (unsigned i = 0; i < PZ_PROMPT_BACKOFF_AFTER; i++)
		assert_int_equal(fx_decide(PZ_POLICY_PROMPT_ONESHOT, "phone", PZ_PROMPT_DENY_ONCE),
				 PZ_PROMPT_NO);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_ONESHOT, "phone"), PZ_PROMPT_NO_AGENT);
		fx_run_ms(wait_ms);
		/* no answer counts like a denial */
		assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_ONESHOT, "phone"), PZ_PROMPT_LATER);
		fx_run_ms(30000);
		wait_ms *= 2;
	}
	/* others are asked about */
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_ONESHOT, "tv", PZ_PROMPT_DENY_ONCE),
			 PZ_PROMPT_NO);
	/* a yes ends it */
	fx_run_ms(wait_ms);
	assert_int_equal(fx_decide(PZ_POLICY_PROMPT_ONESHOT, "phone", PZ_PROMPT_ALLOW_ONCE),
			 PZ_PROMPT_YES);
	for (unsigned i = 1; i < PZ_PROMPT_BACKOFF_AFTER; i++)
		assert_int_equal(fx_decide(PZ_POLICY_PROMPT_ONESHOT, "phone", PZ_PROMPT_DENY_ONCE),
				 PZ_PROMPT_NO);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_ONESHOT, "phone"), PZ_PROMPT_LATER);
}

static void
a_caller_that_goes_is_not_one_that_was_denied(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (unsigned i = 0; i < 2 * PZ_PROMPT_BACKOFF_AFTER; i++) {
		assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_ONESHOT, "phone"), PZ_PROMPT_LATER);
		pz_prompts_withdraw(t.prompts, 1);
	}
}

static void
only_so_many_callers_have_to_wait(void **state)
{
	char device[16];

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (unsigned i = 0; i <= PZ_PROMPT_PATIENCE_MAX; i++) {
		snprintf(device, sizeof(device), "d%u", i);
		for (unsigned n = 0; n < PZ_PROMPT_BACKOFF_AFTER; n++)
			(void)fx_decide(PZ_POLICY_PROMPT_ONESHOT, device, PZ_PROMPT_DENY_ONCE);
	}
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_ONESHOT, device), PZ_PROMPT_NO_AGENT);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_ONESHOT, "d0"), PZ_PROMPT_LATER);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_agent_is_a_denial_at_once),
		TEST(what_is_no_prompt_is_not_asked),
		TEST(an_answer_is_reported_after_the_call_that_brought_it),
		TEST(each_answer_counts_as_its_effect_offers),
		TEST(an_always_for_a_session_question_ends_with_the_session),
		TEST(the_first_answer_counts_and_the_others_lose_the_question),
		TEST(no_answer_in_time_is_a_no),
		TEST(the_time_is_a_preference_within_bounds),
		TEST(a_late_answer_is_remembered_but_the_call_stays_denied),
		TEST(an_answer_after_a_further_minute_is_refused),
		TEST(a_question_that_does_not_exist_is_not_answered),
		TEST(the_device_that_asks_is_no_agent_for_it),
		TEST(the_same_question_is_asked_once),
		TEST(what_is_allowed_once_is_the_function_that_was_shown),
		TEST(a_caller_has_two_questions_and_a_device_eight),
		TEST(a_caller_that_goes_takes_its_question_along),
		TEST(a_caller_that_goes_before_its_answer_is_reported_gets_none),
		TEST(devices_that_may_answer_are_sought_for_a_moment),
		TEST(a_person_who_has_looked_is_an_agent_for_a_while),
		TEST(an_agent_that_comes_sees_what_waits),
		TEST(an_app_is_shown_by_its_origin),
		TEST(the_kind_of_an_app_is_named),
		TEST(an_app_is_forgotten),
		TEST(what_is_shown_is_verified_and_the_strictest_answer_is_first),
		TEST(identities_that_cannot_be_are_denied),
		TEST(a_revoked_device_waits_for_no_answer),
		TEST(ended_questions_are_forgotten_after_a_number),
		TEST(a_caller_that_is_denied_again_and_again_waits),
		TEST(a_caller_that_goes_is_not_one_that_was_denied),
		TEST(only_so_many_callers_have_to_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
