/* Remembered permits: which ones are remembered and how long, and that they never change a
 * decision. */
#include "access/fixture.h"
#include "access/internal.h"

#define PERMIT "<policy><rule effect='permit'/></policy>"
#define RULE(condition)                                                                            \
	"<policy><rule effect='permit'><condition combine='or'>" condition                         \
	"</condition></rule></policy>"

/* Number of the remembered permit that the last call was; 0: it was judged as a whole. */
static uint64_t
again(struct world *w, const char *from, const char *api)
{
	unsigned before = w->recorded;

	assert_int_equal(calls(w, from, api), PZ_ACCESS_PERMIT);
	assert_int_equal(calls(w, from, api), PZ_ACCESS_PERMIT);
	assert_int_equal(w->recorded, before + 2); /* each is a record */
	return w->entry.same;
}

static void
the_same_call_is_remembered(void **state)
{
	struct world *w = *state;

	set_user(w, PERMIT);
	uint64_t first = again(w, LAPTOP, TEST), id = w->entry.id;
	assert_int_not_equal(first, 0);
	assert_int_equal(again(w, LAPTOP, TEST), first);
	assert_int_equal(w->entry.id, id + 2);
	assert_int_not_equal(again(w, LAPTOP, TEST "2"), first);
	assert_int_not_equal(again(w, BOB, TEST), first);
	struct pz_access_call other = invoke(w, TEST);
	other.function = "get43";
	assert_int_equal(judge(w, LAPTOP, other), PZ_ACCESS_PERMIT);
	assert_int_not_equal(w->entry.same, first);
	json_t *list = pz_access_decisions(w->access);
	assert_int_equal(json_array_size(list), 9);
	json_decref(list);
}

static void
what_may_change_is_not_remembered(void **state)
{
	static const char *const rules[] = {
		RULE("<environment-match attr='time' func='greater-than' match='1'/>"),
		RULE("<environment-match attr='timemin' func='less-than' match='1440'/>"),
		RULE("<environment-match attr='profile' match='*'/>"
		     "<resource-match attr='api-feature' match='*'/>"),
		RULE("<resource-match attr='param:x' match='*'/>"
		     "<resource-match attr='api-feature' match='*'/>"),
		RULE("<subject-match attr='user-id' match='http://webinos.org/subject/id/known'/>"),
		RULE("<resource-match attr='function' match='get42'/>"
		     "<environment-match attr='time' func='greater-than' match='1'/>"),
	};
	struct world *w = *state;

	w->has_friend = true;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		set_user(w, rules[i]);
		assert_int_equal(again(w, BOB, TEST), 0);
	}
}

static void
a_permit_of_a_person_is_not_remembered(void **state)
{
	struct world *w = *state;

	set_user(w, "<policy><rule effect='prompt-session'/></policy>");
	w->answer = PZ_ACCESS_ANSWER_YES;
	assert_int_equal(again(w, LAPTOP, TEST), 0);
	assert_int_equal(w->asked, 2);
}

static void
parameters_that_are_compared_are_looked_at_each_time(void **state)
{
	static const char *const exports[] = {"path", NULL};
	struct world *w = *state;
	json_t *good = json_pack("[{s:s}]", "path", "/a"), *bad = json_pack("[{s:[]}]", "path");
	struct pz_access_call call = invoke(w, TEST);

	set_user(w, PERMIT);
	call.exports = exports;
	call.params = good;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	call.params = bad;
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_DENY);
	json_decref(good);
	json_decref(bad);
}

static void
a_change_counts_with_the_next_call(void **state)
{
	struct world *w = *state;

	set_user(w, PERMIT);
	(void)again(w, LAPTOP, TEST);
	set_slot(w, PZ_POLICY_SLOT_EXCEPTIONS, "<policy><rule effect='deny'/></policy>");
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	set_slot(w, PZ_POLICY_SLOT_EXCEPTIONS, NULL);
	(void)again(w, LAPTOP, TEST);
	w->slots.is_corrupt[PZ_POLICY_SLOT_MANUFACTURER] = true;
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
	w->slots.is_corrupt[PZ_POLICY_SLOT_MANUFACTURER] = false;
	set_user(w, RULE("<subject-match attr='user-id' "
			 "match='http://webinos.org/subject/id/PZ-Owner'/>"));
	(void)again(w, LAPTOP, TEST);
	w->names.zone = "carol@example.org"; /* a new membership */
	assert_int_equal(calls(w, LAPTOP, TEST), PZ_ACCESS_DENY);
}

static void
few_are_remembered_and_all_are_permitted(void **state)
{
	struct world *w = *state;
	char api[64];

	set_user(w, PERMIT);
	for (int i = 0; i < 3 * PZ_ACCESS_REMEMBERED_MAX; i++) {
		snprintf(api, sizeof(api), "http://example.org/api/%d", i);
		assert_int_equal(calls(w, LAPTOP, api), PZ_ACCESS_PERMIT);
		assert_true(pz_map_len(w->access->remembered) <= PZ_ACCESS_REMEMBERED_MAX);
	}
	char longer[1500] = "";
	struct pz_access_call call = invoke(w, TEST);
	memset(longer, 'a', sizeof(longer) - 1);
	call.function = longer; /* no key holds that */
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	assert_int_equal(judge(w, LAPTOP, call), PZ_ACCESS_PERMIT);
	assert_int_equal(w->entry.same, 0);
}

/* ---- beside an access that remembers nothing ---- */

static uint64_t seed;

static unsigned
draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % below;
}

static const char *
one_of(const char *const *texts, size_t count)
{
	return texts[draw((unsigned)count)];
}

#define ONE_OF(array) one_of(array, sizeof(array) / sizeof((array)[0]))

static const char *
random_match(void)
{
	static const char *const matches[] = {
		"<subject-match attr='user-id' match='http://webinos.org/subject/id/PZ-Owner'/>",
		"<subject-match attr='user-id' match='http://webinos.org/subject/id/known'/>",
		"<subject-match attr='user-id' match='http://webinos.org/subject/id/unknown'/>",
		"<subject-match attr='requestor-id' match='http://webinos.org/subject/id/known'/>",
		"<subject-match attr='requestor-id' match='http://webinos.org/subject/id/device'/>",
		"<subject-match attr='requestor-id' match='laptop, pad'/>",
		"<subject-match attr='user-id' func='regexp' match='^alice'/>",
		"<subject-match attr='id' match='7f3a'/>",
		"<subject-match attr='class' match='w-*'/>",
		"<subject-match attr='target-id' match='tv'/>",
		"<subject-match attr='version' match='*'/>",
		"<resource-match attr='api-feature' match='http://webinos.org/api/test'/>",
		"<resource-match attr='service-id' match='6e68*'/>",
		"<resource-match attr='function' match='get42'/>",
		"<resource-match attr='param:path' match='/a*'/>",
		"<resource-match attr='device-cap' match='*'/>",
		"<environment-match attr='time' func='less-than' match='1700000100'/>",
		"<environment-match attr='timemin' func='greater-than' match='30'/>",
		"<environment-match attr='roaming' match='true'/>",
		"<environment-match attr='calls:one' func='less-than' match='3'/>",
	};

	return ONE_OF(matches);
}

static char *
random_document(void)
{
	static const char *const combines[] = {"deny-overrides", "permit-overrides",
					       "first-applicable"};
	static const char *const effects[] = {"permit", "permit", "permit",
					      "permit", "deny",   "prompt-session"};
	static char text[8192];
	size_t at = 0;

#define ADD(...) at += (size_t)snprintf(text + at, sizeof(text) - at, __VA_ARGS__)
	ADD("<policy-set combine='%s'>", draw(4) ? "permit-overrides" : "deny-overrides");
	for (unsigned p = 0; p < 1 + draw(4); p++) {
		ADD("<policy combine='%s'>", ONE_OF(combines));
		for (unsigned r = 0; r < 1 + draw(4); r++) {
			ADD("<rule effect='%s'>", ONE_OF(effects));
			if (draw(4))
				ADD("<condition combine='%s'>%s%s</condition>",
				    draw(2) ? "and" : "or", random_match(),
				    draw(2) ? random_match() : "");
			ADD("</rule>");
		}
		ADD("</policy>");
	}
	ADD("</policy-set>");
#undef ADD
	return text;
}

static bool
on_is_own(void *arg, struct pz_slice device)
{
	return ((struct world *)arg)->used % 2 == 0 && pz_slice_eq_str(device, "laptop");
}

static uint64_t
on_calls(void *arg, struct pz_slice counter)
{
	(void)counter;
	return ((struct world *)arg)->used;
}

/* Documents change seldom, else nothing would be called twice. */
static void
random_change(struct world *w, struct pz_kit_clock *clock)
{
	unsigned what = draw(30);

	if (what == 0) {
		set_slot(w, PZ_POLICY_SLOT_EXCEPTIONS, draw(2) ? random_document() : NULL);
	} else if (what <= 2) {
		set_user(w, random_document());
	} else if (what <= 7) {
		w->has_friend = !w->has_friend;
	} else if (what == 8) {
		w->names.zone = draw(3) ? ZONE : "bob@example.com";
	} else if (what <= 16) {
		w->used = draw(6);
	} else if (what == 17) {
		w->slots.is_corrupt[PZ_POLICY_SLOT_MANUFACTURER] = draw(4) == 0;
	} else {
		clock->wall_ms = (UINT64_C(1700000000) + draw(200)) * 1000;
		w->local.tm_min = (int)draw(60);
	}
}

static struct pz_access_call
random_call(struct world *w, json_t *const *params)
{
	static const char *const exports[] = {"path", NULL};
	static const char *const functions[] = {"get42", "get43"};
	static const char *const apis[] = {TEST, "http://webinos.org/api/file"};
	static const enum pz_access_point points[] = {
		PZ_ACCESS_INVOKE, PZ_ACCESS_INVOKE, PZ_ACCESS_INVOKE, PZ_ACCESS_SEND,
		PZ_ACCESS_ENTER,  PZ_ACCESS_BIND,   PZ_ACCESS_SHOW};
	struct pz_access_call call = invoke(w, ONE_OF(apis));

	call.point = points[draw(sizeof(points) / sizeof(points[0]))];
	call.function = ONE_OF(functions);
	call.address = draw(6) ? NULL : LAPTOP;
	call.exports = draw(3) ? NULL : exports;
	call.params = params[draw(3)];
	return call;
}

/* The newest decision without its number and time. */
static json_t *
newest(const struct pz_access *access)
{
	json_t *why = pz_access_why(access, access->last_id);

	(void)json_object_del(why, "id");
	(void)json_object_del(why, "time");
	return why;
}

static void
a_permit_that_is_remembered_is_what_would_be_decided(void **state)
{
	static const char *const callers[] = {LAPTOP, APP, BOB, ZONE "/pad"};
	struct world *w = *state;
	json_t *params[] = {json_pack("[{s:s}]", "path", "/a"), json_pack("[{s:[]}]", "path"),
			    json_array()};
	struct pz_access *plain = NULL;
	unsigned repeated = 0;

	w->ops.is_own_device = on_is_own;
	w->ops.calls = on_calls;
	w->answer = PZ_ACCESS_ANSWER_YES;
	seed = 42;
	assert_ok(pz_access_new(&w->clock.env, &w->ops, w, &plain));
	set_user(w, random_document());
	for (int i = 0; i < 40000; i++) {
		if (draw(20) == 0)
			random_change(w, &w->clock);
		const char *from = ONE_OF(callers);
		struct pz_access_call call = random_call(w, params), same = call;
		struct pz_access_caller caller;
		uint64_t number = w->access->last_same;
		unsigned before = w->recorded;
		assert_ok(pz_access_caller_of(w->access, from, &caller));
		enum pz_access_verdict verdict = pz_access_judge(w->access, &caller, &call);
		repeated +=
			w->recorded > before && w->entry.same > 0 && w->access->last_same == number;
		pz_access_forget(plain);
		assert_int_equal(pz_access_judge(plain, &caller, &same), verdict);
		assert_int_equal(w->access->last_id, plain->last_id);
		json_t *a = newest(w->access), *b = newest(plain);
		assert_true(json_equal(a, b));
		json_decref(a);
		json_decref(b);
	}
	assert_true(repeated > 1000);
	pz_access_free(plain);
	for (size_t i = 0; i < 3; i++)
		json_decref(params[i]);
}

#define TEST_OF(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST_OF(the_same_call_is_remembered),
		TEST_OF(what_may_change_is_not_remembered),
		TEST_OF(a_permit_of_a_person_is_not_remembered),
		TEST_OF(parameters_that_are_compared_are_looked_at_each_time),
		TEST_OF(a_change_counts_with_the_next_call),
		TEST_OF(few_are_remembered_and_all_are_permitted),
		TEST_OF(a_permit_that_is_remembered_is_what_would_be_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
