/* Data handling: dates and durations, which preference applies, and what satisfies it. The vectors
 * of page 9 test the rest. */
#include "policy/dhp.h"

#include "policy/fixture.h"

static void
reads_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2012-12-10T14:00:00.00+01:00", INT64_C(1355144400000)},
		{"2000-02-29T23:59:59.5-00:30", INT64_C(951870599500)},
		{"1969-12-31T23:59:59.9999Z", -2}, /* see below */
		{"2001-02-29T00:00:00Z", -1},
		{"2012-13-01T00:00:00Z", -1},
		{"2012-12-10T24:00:00Z", -1},
		{"2012-12-10T14:00:00", -1},
		{"2012-12-10T14:00:00+1:00", -1},
		{"2012-12-10T14:00:00.Z", -1},
		{"2012-12-10 14:00:00Z", -1},
		{"12-12-10T14:00:00Z", -1},
		{"2012-12-10T14:00:00Zx", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = 4711, wanted = cases[i].ms == -2 ? -1 : cases[i].ms;
		bool ok = pz_policy_time_parse(pz_slice_str(cases[i].text), &ms);

		if (ok != (cases[i].ms != -1) || (ok && ms != wanted))
			fail_msg("%s: %lld", cases[i].text, (long long)ms);
	}
}

static void
reads_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t months, seconds; /* -1: refused */
	} cases[] = {
		{"P0Y0M7DT0H0M0S", 0, 604800},
		{"P1Y2M3DT4H5M6S", 14, 273906},
		{"P7D", 0, 604800},
		{"P1M", 1, 0},
		{"PT1M", 0, 60},
		{"P", 0, -1},
		{"P1DT", 0, -1},
		{"PT", 0, -1},
		{"1D", 0, -1},
		{"P1", 0, -1},
		{"P-1D", 0, -1},
		{"P1D1Y", 0, -1},
		{"P1H", 0, -1},
		{"P1000000D", 0, -1},
		{"P1Dx", 0, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pz_policy_duration d = {-7, -7};
		bool ok = pz_policy_duration_parse(pz_slice_str(cases[i].text), &d);

		if (ok != (cases[i].seconds != -1) ||
		    (ok && (d.months != cases[i].months || d.seconds != cases[i].seconds)))
			fail_msg("%s: %lld months, %lld s", cases[i].text, (long long)d.months,
				 (long long)d.seconds);
	}
}

static int64_t
time_of(const char *text)
{
	int64_t ms = 0;

	assert_true(pz_policy_time_parse(pz_slice_str(text), &ms));
	return ms;
}

static void
months_are_those_of_the_calendar(void **state)
{
	(void)state;
	assert_int_equal(pz_policy_time_add(time_of("2012-01-31T10:00:00Z"),
					    (struct pz_policy_duration){1, 60}),
			 time_of("2012-02-29T10:01:00Z"));
	assert_int_equal(pz_policy_time_add(time_of("2012-12-31T00:00:00Z"),
					    (struct pz_policy_duration){14, 0}),
			 time_of("2014-02-28T00:00:00Z"));
	assert_int_equal(pz_policy_time_add(time_of("1969-12-31T23:00:00Z"),
					    (struct pz_policy_duration){0, 7200}),
			 time_of("1970-01-01T01:00:00Z"));
}

/* ---- preferences ---- */

#define PURPOSES                                                                                   \
	"<AuthorizationsSet><AuthzUseForPurpose><Purpose/></AuthzUseForPurpose></"                 \
	"AuthorizationsSet>"
#define BIND(feature, id)                                                                          \
	"<ProvisionalActions><ProvisionalAction><AttributeValue>" feature                          \
	"</AttributeValue><AttributeValue>" id                                                     \
	"</AttributeValue></ProvisionalAction></ProvisionalActions>"
#define LAX "<DataHandlingPreferences PolicyId='#lax'>" PURPOSES "</DataHandlingPreferences>"
#define STRICT "<DataHandlingPreferences PolicyId='#strict'/>"
#define WANTS(trigger, action)                                                                     \
	"<policy><rule effect='permit'/><DataHandlingPreferences PolicyId='#a'>" PURPOSES          \
	"<ObligationsSet><Obligation><TriggersSet>" trigger "</TriggersSet>" action                \
	"</Obligation></ObligationsSet></DataHandlingPreferences>" BIND("*", "#a") "</policy>"
#define DELAY(text) "<MaxDelay><Duration>" text "</Duration></MaxDelay>"
#define DELETED(text) "<TriggerPersonalDataDeleted>" DELAY(text) "</TriggerPersonalDataDeleted>"
#define PROMISES(action, trigger)                                                                  \
	"{\"resource\":{\"api-feature\":\"f/"                                                      \
	"g\"},\"obligations\":[{\"action\":{\"actionID\":\"" action "\"},\"triggers\":[{" trigger  \
	"}]}]}"
#define FEATURE "{\"resource\":{\"api-feature\":\"f/g\"}}"

static void
expect(const char *text, const char *json, bool satisfied)
{
	struct pz_policy_document *doc = parse(text);
	struct pz_policy_request *request = request_of(json);
	enum pz_policy_effect effect = pz_policy_evaluate(doc, request, PZ_POLICY_DHP).effect;

	if (effect != (satisfied ? PZ_POLICY_PERMIT : PZ_POLICY_PROMPT_BLANKET))
		fail_msg("%s on %s: %s", text, json, pz_policy_effect_name(effect));
	assert_int_equal(pz_policy_evaluate(doc, request, 0).effect, PZ_POLICY_PERMIT);
	pz_policy_request_free(request);
	pz_policy_document_unref(doc);
}

static void
the_innermost_binding_counts_unless_an_outer_one_is_exact(void **state)
{
	(void)state;
	expect("<policy><rule effect='permit'/></policy>", FEATURE, false);
	expect("<policy><rule effect='permit'/>" LAX BIND("f", "#lax") "</policy>", FEATURE, true);
	expect("<policy><rule effect='permit'/>" LAX BIND("#lax", "f/g") "</policy>", FEATURE,
	       true);
	expect("<policy><rule effect='permit'/>" LAX BIND("f/x", "#lax") "</policy>", FEATURE,
	       false);
	expect("<policy><rule effect='permit'/>" LAX BIND("f", "#none") "</policy>", FEATURE,
	       false);
	expect("<policy><rule effect='permit'>" BIND("f/g", "#lax") "</rule>" LAX STRICT BIND(
		       "f/g", "#strict") "</policy>",
	       FEATURE, true);
	expect("<policy><rule effect='permit'>" BIND("f", "#lax") "</rule>" LAX STRICT BIND(
		       "f/g", "#strict") "</policy>",
	       FEATURE, false);
	expect("<policy><rule effect='permit'>" BIND("f", "#lax") "</rule>" LAX STRICT BIND(
		       "*", "#strict") "</policy>",
	       FEATURE, true);
	/* the last partial hit of one element, the first element of several */
	expect("<policy><rule effect='permit'/>" LAX STRICT
	       "<ProvisionalActions><ProvisionalAction><AttributeValue>*</AttributeValue>"
	       "<AttributeValue>#strict</AttributeValue></ProvisionalAction><ProvisionalAction>"
	       "<AttributeValue>f</AttributeValue><AttributeValue>#lax</AttributeValue>"
	       "</ProvisionalAction></ProvisionalActions></policy>",
	       FEATURE, true);
	expect("<policy><rule effect='permit'/>" LAX STRICT BIND("*", "#lax")
		       BIND("f", "#strict") "</policy>",
	       FEATURE, true);
}

static void
purposes_have_to_be_35(void **state)
{
	const char *doc = "<policy><rule effect='permit'/>" LAX BIND("*", "#lax") "</policy>";

	(void)state;
	expect(doc, "{\"resource\":{\"api-feature\":\"f\"},\"purpose\":[true]}", false);
	expect(doc, "{\"resource\":{\"api-feature\":\"f\"},\"purpose\":\"\"}", false);
	expect(doc,
	       "{\"resource\":{\"api-feature\":\"f\"},"
	       "\"purpose\":\"0000000000000000000000000000000000x\"}",
	       false);
	expect(doc, "{\"resource\":{\"service-id\":\"s\"}}",
	       true); /* no feature: nothing to match */
	expect(doc, "{\"resource\":{\"api-feature\":[\"f\",\"g\"]}}", true);
	expect(doc, "{\"resource\":{\"service-id\":\"s\"},\"purpose\":[]}", false);
}

static void
an_obligation_has_to_be_promised_as_strictly(void **state)
{
	const char *in_7_days = WANTS(DELETED("P7D"), "<ActionDeletePersonalData/>");

	(void)state;
	expect(in_7_days, FEATURE, false);
	expect(in_7_days,
	       PROMISES("ActionDeletePersonalData",
			"\"triggerID\":\"TriggerPersonalDataDeleted\",\"MaxDelay\":\"P5D\""),
	       true);
	expect(in_7_days,
	       PROMISES("ActionDeletePersonalData",
			"\"triggerID\":\"TriggerPersonalDataDeleted\",\"MaxDelay\":\"P10D\""),
	       false); /* as text it would be less */
	expect(in_7_days,
	       PROMISES("ActionLog",
			"\"triggerID\":\"TriggerPersonalDataDeleted\",\"MaxDelay\":\"P5D\""),
	       false);
	expect(in_7_days, PROMISES("ActionDeletePersonalData", "\"triggerID\":\"TriggerOnRain\""),
	       false);
	expect(in_7_days,
	       PROMISES("ActionDeletePersonalData",
			"\"triggerID\":\"TriggerPersonalDataDeleted\",\"MaxDelay\":\"soon\""),
	       false);
	expect(WANTS("", "<ActionLog/>"),
	       "{\"resource\":{\"api-feature\":\"f\"},\"obligations\":[{\"action\":"
	       "{\"actionID\":\"ActionSecureLog\"},\"triggers\":[]}]}",
	       true);
	expect(WANTS("", "<ActionSecureLog/>"),
	       "{\"resource\":{\"api-feature\":\"f\"},\"obligations\":[{\"action\":"
	       "{\"actionID\":\"ActionLog\"},\"triggers\":[]}]}",
	       false);
	expect(WANTS(DELETED("P7D"), ""), FEATURE, true); /* without an action */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_dates),
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(months_are_those_of_the_calendar),
		cmocka_unit_test(the_innermost_binding_counts_unless_an_outer_one_is_exact),
		cmocka_unit_test(purposes_have_to_be_35),
		cmocka_unit_test(an_obligation_has_to_be_promised_as_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
