/* Decisions about access, in a node that is only a table of operations. */
#include "access/fixture.h"

static int
setup_default(void **state)
{
	setup(state);
	set_user_file(*state, PZ_SOURCE_DIR "/packaging/policies/user.xml");
	return 0;
}

#define ASK_TEST                                                                                   \
	"<policy combine='first-applicable'><rule effect='prompt-oneshot' description='Ask me.'>"  \
	"<condition><resource-match attr='api-feature' match='" TEST "'/></condition></rule>"      \
	"<rule effect='permit'/></policy>"

static void
callers_are_what_their_verified_address_says(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *address, *user, *device, *app;
		enum pz_access_kind kind;
	} rows[] = {
		{TV, ZONE, "tv", "", PZ_ACCESS_PROGRAM},
		{LAPTOP, ZONE, "laptop", "", PZ_ACCESS_DEVICE},
		{ZONE, ZONE, "", "", PZ_ACCESS_DEVICE},
		{APP, ZONE, "tv", "7f3a", PZ_ACCESS_APP},
		{LAPTOP "/7f3a:1", ZONE, "laptop", "7f3a", PZ_ACCESS_APP},
		{BOB, "bob@example.com", "pad", "", PZ_ACCESS_FRIEND},
		{"eve@example.com/pad", "eve@example.com", "pad", "", PZ_ACCESS_STRANGER},
		{"tv", "", "tv", "", PZ_ACCESS_STRANGER}, /* no zone, though there is one */
	};

	w->has_friend = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_access_caller caller;

		assert_ok(pz_access_caller_of(w->access, rows[i].address, &caller));
		assert_int_equal(caller.kind, rows[i].kind);
		assert_true(pz_slice_eq_str(caller.user_id, rows[i].user));
		assert_true(pz_slice_eq_str(caller.device, rows[i].device));
		assert_true(pz_slice_eq_str(caller.app, rows[i].app));
	}
}

/* page 14 AC-3 */
static void
by_default_own_devices_may_and_others_may_not(void **state)
{
	struct world *w = *state;

	assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, LAPTOP, "http://example.org/door"), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, APP, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, APP, "http://example.org/door"), PZ_ACCESS_DENY);
	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_DENY);
	w->has_friend = true;
	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_DENY);
}

static void
before_enrolment_the_device_itself_is_the_owner(void **state)
{
	struct world *w = *state;

	w->names.zone = NULL;
	assert_int_equal(calls(w, "tv", TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, "laptop", TEST), PZ_ACCESS_DENY);
	assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_DENY);
}

/* page 14 AC-2 */
static void
what_is_missing_denies(void **state)
{
	struct world *w = *state;
	struct pz_access_caller caller;
	struct pz_access_call call = invoke(w, TEST);

	assert_ok(pz_access_caller_of(w->access, TV, &caller));
	assert_int_equal(pz_access_judge(NULL, &caller, &call), PZ_ACCESS_DENY);
	call.api = NULL;
	assert_int_equal(pz_access_judge(w->access, &caller, &call), PZ_ACCESS_DENY);
	w->slots.is_corrupt[PZ_POLICY_SLOT_MANUFACTURER] = true;
	assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_DENY);
	w->slots.is_corrupt[PZ_POLICY_SLOT_MANUFACTURER] = false;
	assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_PERMIT);
	set_user(w, NULL);
	assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_DENY);
	w->ops.slots = NULL;
	assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_DENY);
	assert_non_null(w->entry.fault);
}

static void
an_attribute_that_is_too_long_or_of_the_wrong_type_denies(void **state)
{
	struct world *w = *state;
	static const char *const exports[] = {"property", NULL};
	struct pz_access_call call = invoke(w, TEST);
	char *text = malloc(PZ_POLICY_VALUE_BYTES_MAX + 2);
	json_t *params = pz_kit_json("[{'property': {}}]");

	set_user(w, "<policy><rule effect='permit'/></policy>");
	call.exports = exports;
	call.params = params;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	json_object_set_new(json_array_get(params, 0), "property", json_integer(3));
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	memset(text, 'x', PZ_POLICY_VALUE_BYTES_MAX + 1);
	text[PZ_POLICY_VALUE_BYTES_MAX + 1] = '\0';
	json_object_set_new(json_array_get(params, 0), "property", json_string(text));
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	assert_non_null(w->entry.fault);
	json_decref(params);
	free(text);
}

static void
parameters_that_a_service_exports_can_be_compared(void **state)
{
	struct world *w = *state;
	static const char *const exports[] = {"property", NULL};
	struct pz_access_call call = invoke(w, TEST);
	json_t *params = pz_kit_json("[{'property': 'imei'}]");

	set_user(w, "<policy combine='first-applicable'><rule effect='deny'><condition>"
		    "<resource-match attr='param:property' match='imei'/></condition></rule>"
		    "<rule effect='permit'/></policy>");
	call.exports = exports;
	call.params = params;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	json_object_set_new(json_array_get(params, 0), "property", json_string("model"));
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	json_object_del(json_array_get(params, 0), "property"); /* not there: an empty bag */
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	json_decref(params);
}

/* page 14 AC-5 */
static void
names_of_one_api_are_one_feature(void **state)
{
	struct world *w = *state;
	static const char *const denied[] = {"http://webinos.org/api/file",
					     "http://webinos.org/api/w3c/file"};

	set_user(w, "<policy combine='first-applicable'><rule effect='deny'><condition>"
		    "<resource-match attr='api-feature' match='http://webinos.org/api/w3c/file'/>"
		    "</condition></rule><rule effect='permit'/></policy>");
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(calls(w, LAPTOP, denied[i]), PZ_ACCESS_DENY);
	assert_int_equal(calls(w, LAPTOP, "http://webinos.org/api/files"), PZ_ACCESS_PERMIT);
}

static void
a_rule_may_name_a_part_of_an_api(void **state)
{
	struct world *w = *state;
	struct pz_access_call call = invoke(w, "http://webinos.org/api/file");

	set_user(w,
		 "<policy combine='first-applicable'><rule effect='permit'><condition>"
		 "<resource-match attr='api-feature' match='http://webinos.org/api/w3c/file/read'/>"
		 "</condition></rule></policy>");
	call.part = "/read";
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	call.part = "/write";
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	call.part = NULL;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
}

static void
management_is_for_programs_on_this_device_whatever_a_policy_says(void **state)
{
	struct world *w = *state;
	static const char *const objects[] = {"PolicyManagement", "ServiceConfiguration",
					      "Dashboard"};

	set_user(w, "<policy><rule effect='permit'/></policy>");
	w->has_friend = true;
	for (size_t i = 0; i < 3; i++) {
		struct pz_access_call call = at(PZ_ACCESS_MANAGE, objects[i]);

		assert_int_equal(judge(w, TV, call), PZ_ACCESS_PERMIT);
		assert_int_equal(judge(w, APP, call), PZ_ACCESS_DENY);
		assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
		assert_int_equal(judge(w, BOB, call), PZ_ACCESS_DENY);
	}
	/* with a corrupt slot the owner can still repair it */
	w->slots.is_corrupt[PZ_POLICY_SLOT_USER] = true;
	assert_int_equal(judge(w, TV, at(PZ_ACCESS_MANAGE, "PolicyManagement")), PZ_ACCESS_PERMIT);
}

static void
at_the_edge_only_a_denial_of_this_device_counts(void **state)
{
	struct world *w = *state;
	struct pz_access_call call = at(PZ_ACCESS_SEND, TEST);

	call.address = LAPTOP;
	set_user(w, "<policy><rule effect='deny'/></policy>");
	assert_int_equal(judge(w, TV, call), PZ_ACCESS_PERMIT);
	set_slot(w, PZ_POLICY_SLOT_EXCEPTIONS, ASK_TEST);
	assert_int_equal(judge(w, TV, call), PZ_ACCESS_PERMIT); /* asked at the other end */
	assert_int_equal(w->asked, 0);
	set_slot(w, PZ_POLICY_SLOT_EXCEPTIONS,
		 "<policy><rule effect='deny'><condition><subject-match attr='target-id' "
		 "match='laptop'/></condition></rule></policy>");
	assert_int_equal(judge(w, TV, call), PZ_ACCESS_DENY);
	call.address = ZONE "/phone";
	assert_int_equal(judge(w, TV, call), PZ_ACCESS_PERMIT);
	w->slots.is_corrupt[PZ_POLICY_SLOT_MANUFACTURER] = true;
	assert_int_equal(judge(w, TV, call), PZ_ACCESS_DENY);
}

static void
a_person_is_asked_and_answers_later(void **state)
{
	struct world *w = *state;

	set_user(w, ASK_TEST);
	w->answer = PZ_ACCESS_ANSWER_LATER;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	assert_int_equal(w->question.effect, PZ_POLICY_PROMPT_ONESHOT);
	assert_string_equal(w->question_feature, TEST);
	assert_false(w->question.is_for_service);
	assert_true(pz_slice_eq_str(w->question.rule, "Ask me."));
	assert_int_equal(w->recorded, 0); /* nothing is decided yet */
	pz_access_answered(w->access, 7, PZ_ACCESS_ANSWER_YES, "phone");
	assert_int_equal(w->done, 1);
	assert_int_equal(w->verdict, PZ_ACCESS_PERMIT);
	assert_true(w->entry.was_asked);
	assert_string_equal(w->entry.asked_by, "phone");
	json_t *why = pz_access_why(w->access, 1);
	assert_json(json_incref(json_object_get(why, "answeredBy")), "\"phone\"");
	json_decref(why);
	pz_access_answered(w->access, 7, PZ_ACCESS_ANSWER_NO, NULL); /* a second answer is late */
	assert_int_equal(w->done, 1);

	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	pz_access_answered(w->access, 7, PZ_ACCESS_ANSWER_NO, NULL);
	assert_int_equal(w->verdict, PZ_ACCESS_REFUSED);
	assert_null(w->entry.asked_by); /* no answer in time */
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	pz_access_answered(w->access, 7, PZ_ACCESS_ANSWER_NO_AGENT, NULL);
	assert_int_equal(w->verdict, PZ_ACCESS_DENY);
}

static void
an_answer_that_is_stored_counts_at_once(void **state)
{
	struct world *w = *state;

	set_user(w, ASK_TEST);
	w->answer = PZ_ACCESS_ANSWER_YES;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT);
	w->answer = PZ_ACCESS_ANSWER_NO;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_REFUSED);
	assert_int_equal(w->done, 0);
}

static void
where_no_one_can_be_asked_the_answer_is_no(void **state)
{
	struct world *w = *state;
	struct pz_access_call call = invoke(w, TEST);

	set_user(w, ASK_TEST);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	assert_false(w->entry.was_asked);
	w->answer = PZ_ACCESS_ANSWER_LATER;
	call.done = NULL;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	assert_non_null(strstr(w->entry.fault, "cannot wait"));
	w->ops.ask = NULL;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
}

static void
too_many_questions_are_denied(void **state)
{
	struct world *w = *state;
	struct pz_access_call call = invoke(w, TEST);

	set_user(w, ASK_TEST);
	w->answer = PZ_ACCESS_ANSWER_LATER;
	for (call.ticket = 1; call.ticket <= PZ_ACCESS_WAITING_SUBJECT_MAX; call.ticket++)
		assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_ASKED);
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	assert_non_null(strstr(w->entry.fault, "too many calls wait"));
	assert_int_equal(w->asked, PZ_ACCESS_WAITING_SUBJECT_MAX);
	/* others find room */
	call.ticket++;
	assert_int_equal(judge(w, TV, call), PZ_ACCESS_ASKED);
}

static void
a_caller_that_goes_takes_its_question_along(void **state)
{
	struct world *w = *state;

	set_user(w, ASK_TEST);
	w->answer = PZ_ACCESS_ANSWER_LATER;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	pz_access_cancel(w->access, 6);
	assert_int_equal(w->withdrawn, 0);
	pz_access_cancel(w->access, 7);
	assert_int_equal(w->withdrawn, 1);
	assert_int_equal(w->ticket, 7);
	pz_access_answered(w->access, 7, PZ_ACCESS_ANSWER_YES, "phone");
	assert_int_equal(w->done, 0);
}

static void
a_question_is_judged_again_when_the_policy_changes(void **state)
{
	struct world *w = *state;

	set_user(w, ASK_TEST);
	w->answer = PZ_ACCESS_ANSWER_LATER;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	pz_access_changed(w->access); /* the same policy */
	assert_int_equal(w->done, 0);
	assert_int_equal(w->rechecked, 1);
	set_user(w, "<policy><rule effect='deny'/></policy>");
	pz_access_changed(w->access);
	assert_int_equal(w->verdict, PZ_ACCESS_DENY);
	assert_int_equal(w->withdrawn, 1);

	set_user(w, ASK_TEST);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	set_user(w, "<policy><rule effect='permit'/></policy>");
	pz_access_changed(w->access);
	assert_int_equal(w->verdict, PZ_ACCESS_PERMIT);
	assert_int_equal(w->done, 2);
}

static void
an_answer_is_not_taken_for_another_question(void **state)
{
	struct world *w = *state;

	set_user(w, "<policy><rule effect='prompt-blanket'/></policy>");
	w->answer = PZ_ACCESS_ANSWER_LATER;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_ASKED);
	set_user(w, ASK_TEST);
	pz_access_changed(w->access);
	assert_int_equal(w->verdict, PZ_ACCESS_DENY);
	assert_int_equal(w->withdrawn, 1);
}

static void
a_stream_runs_on_only_by_what_allowed_it(void **state)
{
	struct world *w = *state;
	struct pz_access_call call = at(PZ_ACCESS_LISTEN, TEST);

	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	set_user(w, ASK_TEST);
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	call.was_asked = true;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	set_user(w, "<policy><rule effect='deny'/></policy>");
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	assert_int_equal(w->asked, 0);
}

static void
a_service_is_shown_to_those_who_may_use_it_or_may_ask(void **state)
{
	struct world *w = *state;
	struct pz_access_call call = at(PZ_ACCESS_SHOW, TEST);

	set_user(w, ASK_TEST);
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	set_user(w, "<policy combine='first-applicable'><rule effect='deny'><condition>"
		    "<resource-match attr='service-id' match='" ID "'/></condition></rule>"
		    "<rule effect='permit'/></policy>");
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	call.service_id = "00000000000000000000000000000000";
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	assert_int_equal(w->asked, 0);
}

static void
a_search_may_be_limited_to_types_of_services(void **state)
{
	struct world *w = *state;
	struct pz_access_call call = at(PZ_ACCESS_FIND, "ServiceDiscovery");

	set_user(w, "<policy combine='first-applicable'><rule effect='permit'><condition>"
		    "<resource-match attr='api-feature' match='http://webinos.org/api/discovery'/>"
		    "<resource-match attr='param:feature' match='" TEST "'/></condition></rule>"
		    "</policy>");
	call.service_id = NULL;
	call.searched = TEST;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	call.searched = "*";
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	call.searched = NULL;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
}

static void
rules_may_depend_on_the_time_of_day(void **state)
{
	struct world *w = *state;

	set_user(w, "<policy combine='first-applicable'><rule effect='permit'><condition>"
		    "<environment-match attr='timemin' match='480' func='greater-equal-than'/>"
		    "<environment-match attr='timemin' match='1020' func='less-than'/>"
		    "</condition></rule></policy>");
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	w->local.tm_hour = 12;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY); /* still the same minute */
	w->clock.wall_ms += 60000;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT);
}

/* The system's own local time: the owner travels, and the time zone of the machine is set. */
static void
a_time_zone_that_changes_counts_at_the_next_minute(void **state)
{
	struct world *w = *state;
	const char *zone = getenv("TZ");
	char *before = zone ? strdup(zone) : NULL;

	w->ops.local = NULL;
	w->clock.wall_ms = UINT64_C(1800007200) * 1000; /* 2027-01-15 10:00 UTC */
	set_user(w, "<policy combine='first-applicable'><rule effect='permit'><condition>"
		    "<environment-match attr='timemin' match='1080' func='greater-equal-than'/>"
		    "<environment-match attr='days-of-week' match='32'/>"
		    "</condition></rule></policy>"); /* from 18:00 on a Friday */
	setenv("TZ", "UTC0", 1);
	pz_access_changed(w->access);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	setenv("TZ", "PLC-9", 1); /* 19:00 there */
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	w->rechecked = 0;
	pz_kit_clock_run(&w->clock, 60 * PZ_US_PER_S);
	assert_int_equal(w->rechecked, 1); /* streams, too */
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT);
	setenv("TZ", "PLC-15", 1); /* Saturday already */
	pz_kit_clock_run(&w->clock, 60 * PZ_US_PER_S);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	if (before)
		setenv("TZ", before, 1);
	else
		unsetenv("TZ");
	free(before);
	tzset();
}

/* In both directions; what had run out does not come back by a clock that is set forward again. */
static void
a_clock_that_is_set_counts_at_once(void **state)
{
	struct world *w = *state;

	set_user(w, "<policy combine='first-applicable'><rule effect='permit'><condition>"
		    "<environment-match attr='time' func='less-than' match='1800003600'/>"
		    "<environment-match attr='time' func='greater-than' match='1799996400'/>"
		    "</condition></rule></policy>");
	pz_access_changed(w->access);
	assert_int_equal(judge(w, LAPTOP, at(PZ_ACCESS_LISTEN, TEST)), PZ_ACCESS_PERMIT);
	w->rechecked = 0;
	w->clock.wall_ms += 7200 * 1000;
	pz_access_changed(w->access); /* as the node does, pz_node_clock_set */
	assert_int_equal(w->rechecked, 1);
	assert_int_equal(judge(w, LAPTOP, at(PZ_ACCESS_LISTEN, TEST)), PZ_ACCESS_DENY);
	w->clock.wall_ms -= 4 * 3600 * 1000;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY); /* before it begins */
	pz_access_changed(w->access);
	pz_kit_clock_run(&w->clock, 2 * 3600 * PZ_US_PER_S);
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT); /* at its time again */
}

#define UNTIL_2S                                                                                   \
	"<policy combine='first-applicable'><rule effect='permit'><condition>"                     \
	"<environment-match attr='time' func='less-than' match='1800000002'/></condition></rule>"  \
	"</policy>"

static void
what_time_alone_changes_is_judged_again_at_that_time(void **state)
{
	struct world *w = *state;

	set_user(w, UNTIL_2S);
	pz_access_changed(w->access);
	w->rechecked = 0;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT);
	pz_kit_clock_run(&w->clock, 1999 * PZ_US_PER_MS);
	assert_int_equal(w->rechecked, 0);
	assert_int_equal(judge(w, LAPTOP, at(PZ_ACCESS_LISTEN, TEST)), PZ_ACCESS_PERMIT);
	pz_kit_clock_run(&w->clock, 1 * PZ_US_PER_MS);
	assert_int_equal(w->rechecked, 1);
	assert_int_equal(judge(w, LAPTOP, at(PZ_ACCESS_LISTEN, TEST)), PZ_ACCESS_DENY);
}

static void
rules_for_times_of_day_are_judged_again_each_minute(void **state)
{
	struct world *w = *state;

	set_user(w, "<policy><rule effect='permit'><condition><environment-match attr='timemin' "
		    "match='480' func='greater-equal-than'/></condition></rule></policy>");
	w->local.tm_hour = 9;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT); /* notices the document */
	pz_kit_clock_run(&w->clock, 60 * PZ_US_PER_S);
	assert_int_equal(w->rechecked, 1);
	set_user(w, "<policy><rule effect='permit'/></policy>");
	pz_access_changed(w->access);
	w->rechecked = 0;
	pz_kit_clock_run(&w->clock, 7200 * PZ_US_PER_S);
	assert_int_equal(w->rechecked, 0);
}

static void
a_decision_can_be_explained(void **state)
{
	struct world *w = *state;

	set_slot(w, PZ_POLICY_SLOT_MANUFACTURER, "<policy id='none'/>");
	set_user(w, "<policy id='mine' combine='first-applicable'>"
		    "<target><subject><subject-match attr='user-id' "
		    "match='http://webinos.org/subject/id/PZ-Owner'/></subject></target>"
		    "<rule id='no-laptop' effect='deny' description='The laptop may not.'>"
		    "<condition><subject-match attr='requestor-id' match='laptop'/></condition>"
		    "</rule></policy>");
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	set_user(w, NULL); /* what decided is explained by the documents of then */
	assert_json(pz_access_why(w->access, 1),
		    "{\"id\":1,\"time\":1800000000000,\"verdict\":\"deny\",\"point\":\"call\","
		    "\"from\":\"" LAPTOP "\",\"caller\":\"device\",\"asked\":false,"
		    "\"feature\":\"" TEST "\",\"service\":\"" ID "\",\"function\":\"get42\","
		    "\"effect\":\"deny\",\"slot\":\"user\","
		    "\"slots\":{\"manufacturer\":{\"effect\":\"inapplicable\",\"path\":[]},"
		    "\"user\":{\"effect\":\"deny\",\"path\":[{\"id\":\"mine\",\"line\":1},"
		    "{\"id\":\"no-laptop\",\"line\":1,\"text\":\"The laptop may not.\"}]}},"
		    "\"attributes\":{\"user-id\":[\"" ZONE "\"],\"requestor-id\":[\"laptop\"]}}");
}

static void
the_newest_denial_is_explained_first_and_old_decisions_are_forgotten(void **state)
{
	struct world *w = *state;

	assert_null(pz_access_why(w->access, 0));
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_DENY);
	assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_PERMIT);
	json_t *why = pz_access_why(w->access, 0);
	assert_int_equal(json_integer_value(json_object_get(why, "id")), 2);
	json_decref(why);
	for (int i = 0; i < PZ_ACCESS_DECISIONS_KEPT - 1; i++)
		assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_PERMIT);
	assert_null(pz_access_why(w->access, 2));
	json_t *all = pz_access_decisions(w->access);
	assert_int_equal(json_array_size(all), PZ_ACCESS_DECISIONS_KEPT);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(all, 0), "id")),
			 PZ_ACCESS_DECISIONS_KEPT + 2);
	json_decref(all);
	assert_null(pz_access_why(w->access, 99999));
}

static void
every_decision_is_recorded_but_what_goes_on_as_before(void **state)
{
	struct world *w = *state;

	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(w->recorded, 1);
	assert_int_equal(w->entry.id, 1);
	assert_int_equal(judge(w, LAPTOP, at(PZ_ACCESS_SHOW, TEST)), PZ_ACCESS_PERMIT);
	assert_int_equal(judge(w, LAPTOP, at(PZ_ACCESS_LISTEN, TEST)), PZ_ACCESS_PERMIT);
	assert_int_equal(judge(w, TV, at(PZ_ACCESS_SEND, TEST)), PZ_ACCESS_PERMIT);
	assert_int_equal(w->recorded, 1);
	assert_int_equal(judge(w, BOB, at(PZ_ACCESS_SHOW, TEST)), PZ_ACCESS_DENY);
	assert_int_equal(w->recorded, 2);
	assert_int_equal(w->entry.verdict, PZ_ACCESS_DENY);
}

static void
other_documents_are_compared_by_the_last_requests(void **state)
{
	struct world *w = *state;
	struct pz_policy_document *strict = NULL;

	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, TV, TEST), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, BOB, TEST), PZ_ACCESS_DENY);
	assert_ok(pz_policy_document_parse(
		pz_slice_str(
			"<policy combine='first-applicable'><rule effect='deny'><condition>"
			"<subject-match attr='requestor-id' match='laptop'/></condition></rule>"
			"<rule effect='permit'/></policy>"),
		&strict, NULL));
	struct pz_policy_slots slots = w->slots;
	slots.document[PZ_POLICY_SLOT_USER] = strict;
	assert_json(pz_access_compare(w->access, &slots),
		    "{\"requests\":3,\"differences\":["
		    "{\"who\":\"" BOB "\",\"what\":\"" TEST
		    "\",\"before\":\"deny\",\"after\":\"permit\"},"
		    "{\"who\":\"" LAPTOP "\",\"what\":\"" TEST
		    "\",\"before\":\"permit\",\"after\":\"deny\"}]}");
	pz_policy_document_unref(strict);
}

#define TEST_OF(f) cmocka_unit_test_setup_teardown(f, setup_default, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(callers_are_what_their_verified_address_says),
		TEST_OF(by_default_own_devices_may_and_others_may_not),
		TEST_OF(before_enrolment_the_device_itself_is_the_owner),
		TEST_OF(what_is_missing_denies),
		TEST_OF(an_attribute_that_is_too_long_or_of_the_wrong_type_denies),
		TEST_OF(parameters_that_a_service_exports_can_be_compared),
		TEST_OF(names_of_one_api_are_one_feature),
		TEST_OF(a_rule_may_name_a_part_of_an_api),
		TEST_OF(management_is_for_programs_on_this_device_whatever_a_policy_says),
		TEST_OF(at_the_edge_only_a_denial_of_this_device_counts),
		TEST_OF(a_person_is_asked_and_answers_later),
		TEST_OF(an_answer_that_is_stored_counts_at_once),
		TEST_OF(where_no_one_can_be_asked_the_answer_is_no),
		TEST_OF(too_many_questions_are_denied),
		TEST_OF(a_caller_that_goes_takes_its_question_along),
		TEST_OF(a_question_is_judged_again_when_the_policy_changes),
		TEST_OF(an_answer_is_not_taken_for_another_question),
		TEST_OF(a_stream_runs_on_only_by_what_allowed_it),
		TEST_OF(a_service_is_shown_to_those_who_may_use_it_or_may_ask),
		TEST_OF(a_search_may_be_limited_to_types_of_services),
		TEST_OF(rules_may_depend_on_the_time_of_day),
		TEST_OF(a_time_zone_that_changes_counts_at_the_next_minute),
		TEST_OF(a_clock_that_is_set_counts_at_once),
		TEST_OF(what_time_alone_changes_is_judged_again_at_that_time),
		TEST_OF(rules_for_times_of_day_are_judged_again_each_minute),
		TEST_OF(a_decision_can_be_explained),
		TEST_OF(the_newest_denial_is_explained_first_and_old_decisions_are_forgotten),
		TEST_OF(other_documents_are_compared_by_the_last_requests),
		TEST_OF(every_decision_is_recorded_but_what_goes_on_as_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
