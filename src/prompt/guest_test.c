/* Questions of other devices of the owner. Page 9, 11.3. */
#include "prompt/fixture.h"

#define ID "00112233445566778899aabbccddeeff"

/* A question of the device tv. @param change JSON members that differ */
static json_t *
question(const char *change)
{
	json_t *q = pz_kit_json("{'id': '" ID "', 'effect': 'prompt-session', 'left': 20000, "
				"'text': 'May <b>I</b>?', 'rule': 'Ask.', "
				"'who': {'zone': '" ZONE "', 'device': 'phone', 'app': ''}, "
				"'what': {'feature': '" GEO "', 'service': '', 'function': 'f'}}");
	json_t *other = pz_kit_json(change);

	assert_int_equal(json_object_update(q, other), 0);
	json_decref(other);
	return q;
}

static enum pz_err
come(const char *device, const char *change)
{
	struct pz_errinfo info = {""};
	json_t *q = question(change);
	enum pz_err err = pz_prompts_guest(t.prompts, device, q, &info);

	json_decref(q);
	return err;
}

static void
a_guest_is_shown_here_only_and_its_answer_goes_back(void **state)
{
	struct noting_agent radio = {
		.agent = {.name = "radio", .device = "radio", .show = fx_show, .hide = fx_hide}};
	json_t *list;

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	pz_prompts_join(t.prompts, &radio.agent);
	assert_ok(come("tv", "{}"));
	assert_int_equal(t.control.shown, 1);
	assert_int_equal(radio.shown, 0);
	list = pz_prompts_list(t.prompts);
	const json_t *one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "device")), "tv");
	/* what a person reads is written here */
	assert_string_equal(json_string_value(json_object_get(one, "text")),
			    "May the device phone of " ZONE " use the location of this device (" GEO
			    ")?");
	json_decref(list);
	assert_int_equal(fx_answer(&radio, ID, PZ_PROMPT_ALLOW_ONCE), PZ_ERR_DENIED);
	assert_ok(fx_answer(&t.control, ID, PZ_PROMPT_ALLOW_ALWAYS));
	assert_int_equal(t.replies, 1);
	assert_int_equal(t.reply, PZ_PROMPT_ALLOW_SESSION); /* clamped here, too */
	assert_string_equal(t.replied_to, "tv");
	fx_run_ms(0);
	assert_int_equal(t.stored, 1);
	assert_int_equal(fx_answer(&t.control, ID, PZ_PROMPT_ALLOW_ONCE), PZ_ERR_EXISTS);
	/* nothing of it is remembered here */
	assert_json(pz_prompts_answers(t.prompts), "[]");
	pz_prompts_leave(t.prompts, &radio.agent);
}

static void
a_guest_ends_with_its_time_its_link_or_its_withdrawal(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_ok(come("tv", "{}"));
	pz_prompts_guest_gone(t.prompts, "phone", ID, "withdrawn"); /* not its own */
	assert_int_equal(t.control.hidden, 0);
	pz_prompts_guest_gone(t.prompts, "tv", ID, "withdrawn");
	assert_int_equal(t.control.hidden, 1);
	assert_int_equal(fx_answer(&t.control, ID, 3), PZ_ERR_NOTFOUND);
	assert_ok(come("tv", "{}")); /* with the next link */
	fx_run_ms(20000);
	assert_int_equal(t.control.hidden, 2);
	assert_ok(come("tv", "{}"));
	assert_ok(come("tv", "{}"));
	assert_int_equal(t.control.shown, 3);
	pz_prompts_guest_gone(t.prompts, "tv", NULL, "the link has ended");
	assert_int_equal(t.control.hidden, 3);
	assert_int_equal(t.replies, 0);
}

static void
a_guest_whose_device_is_away_is_not_answered(void **state)
{
	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	t.is_away = true;
	assert_ok(come("tv", "{}"));
	assert_int_equal(fx_answer(&t.control, ID, 3), PZ_ERR_IO_CLOSED);
}

static void
an_id_that_is_known_here_is_refused(void **state)
{
	char change[64];

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	assert_int_equal(fx_ask(1, PZ_POLICY_PROMPT_BLANKET, "phone"), PZ_PROMPT_LATER);
	snprintf(change, sizeof(change), "{'id': '%s'}", t.control.id);
	assert_int_equal(come("tv", change), PZ_ERR_PROTO);
	assert_ok(come("tv", "{}"));
	assert_int_equal(come("radio", "{}"), PZ_ERR_PROTO);
	assert_ok(fx_answer(&t.control, ID, 2));
	assert_int_equal(come("tv", "{}"), PZ_ERR_PROTO); /* answered */
}

static void
what_is_malformed_is_refused(void **state)
{
	static const char *const bad[] = {
		"{'id': 1}",
		"{'id': ''}",
		"{'id': '00112233445566778899AABBCCDDEEFF'}",
		"{'id': '00112233445566778899aabbccddeef'}",
		"{'id': '00112233445566778899aabbccddeefg'}",
		"{'effect': 'permit'}",
		"{'effect': 'deny'}",
		"{'effect': 3}",
		"{'left': 0}",
		"{'left': -1}",
		"{'left': 300001}",
		"{'left': '9'}",
		"{'who': null}",
		"{'who': {'device': 'phone'}}",
		"{'who': []}",
		"{'what': {'service': ''}}",
		"{'what': 7}",
	};

	(void)state;
	pz_prompts_join(t.prompts, &t.control.agent);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(come("tv", bad[i]), PZ_ERR_PROTO);
	assert_int_equal(t.control.shown, 0);
}

static void
texts_of_a_guest_are_bounded(void **state)
{
	char text[1200], change[1400];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	snprintf(change, sizeof(change), "{'rule': '%s'}", text);
	assert_int_equal(come("tv", change), PZ_ERR_PROTO);
	text[600] = '\0';
	snprintf(change, sizeof(change), "{'what': {'feature': '%s'}}", text);
	assert_int_equal(come("tv", change), PZ_ERR_PROTO);
	text[PZ_DISPLAY_NAME_BYTES_MAX + 1] = '\0';
	snprintf(change, sizeof(change), "{'who': {'zone': '" ZONE "', 'displayName': '%s'}}",
		 text);
	assert_int_equal(come("tv", change), PZ_ERR_PROTO);
}

static void
guests_are_limited_for_each_device_and_in_all(void **state)
{
	char change[64], device[16];
	unsigned i;

	(void)state;
	for (i = 0; i < PZ_PROMPT_GUESTS_MAX; i++) {
		snprintf(change, sizeof(change), "{'id': '%032x'}", i);
		snprintf(device, sizeof(device), "d%u", i / PZ_PROMPT_GUESTS_DEVICE_MAX);
		assert_ok(come(device, change));
		if (i == PZ_PROMPT_GUESTS_DEVICE_MAX - 1)
			assert_int_equal(come(device, "{}"), PZ_ERR_LIMIT);
	}
	assert_int_equal(come("another", "{}"), PZ_ERR_LIMIT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_is_shown_here_only_and_its_answer_goes_back),
		TEST(a_guest_ends_with_its_time_its_link_or_its_withdrawal),
		TEST(a_guest_whose_device_is_away_is_not_answered),
		TEST(an_id_that_is_known_here_is_refused),
		TEST(what_is_malformed_is_refused),
		TEST(texts_of_a_guest_are_bounded),
		TEST(guests_are_limited_for_each_device_and_in_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
