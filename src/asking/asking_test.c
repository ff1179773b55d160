/*
 * Which devices of the owner may answer, what they are sent, and which of their messages have an
 * effect (page 9, 11.3). The questions are real (prompt/prompt.h); the functions at the top of this
 * file stand for peers, names and preferences, and record the requests.
 */
#include "asking/asking.h"
#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "calls/devices.h"
#include "items/prefs.h"
#include "kit/json.h"
#include "kit/world.h"
#include "peers/peers.h"
#include "record/rights.h"
#include "wire/json.h"

#define ZONE "alice@example.org"
#define GEO "http://webinos.org/api/w3c/geolocation"
#define ID "00112233445566778899aabbccddeeff"
#define DEVICES 3

/* A device beside this one, as the peers know it. */
struct far {
	const char *name;
	bool is_linked, answers, has_left, has_route, cannot_be_dialled, may_not_answer;
	unsigned dials;
	unsigned sent; /* props to it */
	char status[24];
	json_t *message; /* the last one */
};

static struct {
	struct pz_kit_world world;
	struct pz_prefs prefs;
	struct pz_membership membership;
	struct pz_device_zone zone;
	struct pz_asking *asking;
	struct far far[DEVICES];
	struct pz_prompt_agent control;
	unsigned shown, hidden, told, events;
	unsigned answers;
	enum pz_prompt_result result;
	char by[32];
} t;

/* ---- the neighbours ---- */

static struct far *
far_of(const char *device)
{
	for (size_t i = 0; i < DEVICES; i++)
		if (strcmp(t.far[i].name, device) == 0)
			return &t.far[i];
	return NULL;
}

bool
pz_peers_view(const struct pz_peers *peers, const char *device, struct pz_peer_view *out)
{
	const struct far *far = far_of(device);

	(void)peers;
	*out = (struct pz_peer_view){.address = "", .reason = ""};
	if (far == NULL)
		return false;
	out->is_linked = far->is_linked;
	out->answers = far->is_linked && far->answers;
	return true;
}

bool
pz_peers_send(struct pz_peers *peers, const char *device, const char *status, json_t *message)
{
	struct far *far = far_of(device);

	(void)peers;
	if (far == NULL || !far->is_linked)
		return false;
	far->sent++;
	snprintf(far->status, sizeof(far->status), "%s", status);
	json_decref(far->message);
	far->message = json_deep_copy(message);
	return true;
}

bool
pz_peers_has_left(const struct pz_peers *peers, const char *device)
{
	(void)peers;
	return far_of(device) && far_of(device)->has_left;
}

bool
pz_peers_has_route(const struct pz_peers *peers, const char *device)
{
	(void)peers;
	return far_of(device) && far_of(device)->has_route;
}

bool
pz_peers_is_linked(const struct pz_peers *peers, const char *device)
{
	(void)peers;
	return far_of(device) && far_of(device)->is_linked;
}

bool
pz_peers_dial(struct pz_peers *peers, const char *device, uint64_t seek_us)
{
	(void)peers;
	assert_int_equal(seek_us, PZ_PROMPT_SEEK_US);
	far_of(device)->dials++;
	return !far_of(device)->cannot_be_dialled;
}

const char *
pz_peers_next_linked(const struct pz_peers *peers, size_t *pos)
{
	(void)peers;
	while (*pos < DEVICES) {
		const struct far *far = &t.far[(*pos)++];
		if (far->is_linked)
			return far->name;
	}
	return NULL;
}

void
pz_peers_send_info_soon(struct pz_peers *peers)
{
	(void)peers;
	t.told++;
}

json_t *
pz_devices_names(const struct pz_calls *calls)
{
	json_t *names = json_object();

	(void)calls;
	for (size_t i = 0; i < DEVICES; i++)
		json_object_set_new(names, t.far[i].name, json_true());
	return names;
}

char *
pz_devices_display_name(const struct pz_calls *calls, const char *device)
{
	(void)calls;
	(void)device;
	return NULL;
}

const struct pz_prefs *
pz_user_prefs(const struct pz_items *items)
{
	(void)items;
	return &t.prefs;
}

bool
pz_device_zone_has_left(const struct pz_device_zone *zone, const char *device)
{
	(void)zone;
	return far_of(device) && far_of(device)->has_left;
}

bool
pz_device_zone_may(const struct pz_device_zone *zone, const char *device, unsigned right)
{
	(void)zone;
	assert_int_equal(right, PZ_RIGHT_ANSWER);
	return far_of(device) == NULL || !far_of(device)->may_not_answer;
}

/* ---- this device ---- */

static void
on_answered(void *arg, uint64_t ticket, enum pz_prompt_result result, const char *by)
{
	(void)arg;
	(void)ticket;
	t.answers++;
	t.result = result;
	snprintf(t.by, sizeof(t.by), "%s", by ? by : "");
}

static void
on_event(void *arg, json_t *takes_event)
{
	(void)arg;
	t.events++;
	json_decref(takes_event);
}

static void
on_show(struct pz_prompt_agent *agent, const json_t *question)
{
	(void)agent;
	(void)question;
	t.shown++;
}

static void
on_hide(struct pz_prompt_agent *agent, const char *id, const char *why)
{
	(void)agent;
	(void)id;
	(void)why;
	t.hidden++;
}

static void
set_pref(enum pz_pref pref, const char *text)
{
	struct pz_errinfo info = {""};

	assert_ok(pz_pref_parse_text(pref, text, &t.prefs.values[pref], &info));
	pz_asking_follow(t.asking);
}

static int
setup(void **state)
{
	static const struct pz_asking_ops ops = {.answered = on_answered, .event = on_event};
	static const char *const names[DEVICES] = {"tv", "phone", "car"};
	struct pz_errinfo info = {""};

	(void)state;
	memset(&t, 0, sizeof(t));
	pz_kit_world_init(&t.world, 10 * PZ_US_PER_MS);
	for (enum pz_pref pref = 0; pref < PZ_PREF_COUNT; pref++)
		pz_pref_default(pref, &t.prefs.values[pref]);
	for (size_t i = 0; i < DEVICES; i++)
		t.far[i].name = names[i];
	snprintf(t.membership.zone, sizeof(t.membership.zone), "%s", ZONE);
	snprintf(t.membership.device, sizeof(t.membership.device), "laptop");
	t.zone.membership = &t.membership;
	t.control = (struct pz_prompt_agent){.name = "control", .show = on_show, .hide = on_hide};
	const struct pz_asking_config config = {
		.env = &t.world.clock.env,
		.store = t.world.store,
		.zone = &t.zone,
		.ops = &ops,
	};
	assert_ok(pz_asking_new(&config, &t.asking, &info));
	pz_asking_connect(t.asking, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_asking_end(t.asking);
	pz_asking_free(t.asking);
	for (size_t i = 0; i < DEVICES; i++)
		json_decref(t.far[i].message);
	pz_kit_world_fini(&t.world);
	return 0;
}

/* The link of a device comes, or its news. */
static void
link_with(const char *device, bool answers)
{
	far_of(device)->is_linked = true;
	far_of(device)->has_route = true;
	far_of(device)->answers = answers;
	pz_asking_device(t.asking, device);
}

static void
unlink_from(const char *device)
{
	char address[64];

	far_of(device)->is_linked = false;
	snprintf(address, sizeof(address), ZONE "/%s", device);
	pz_asking_gone(t.asking, address);
}

/* A call of `device` that the policy lets a person decide. */
static enum pz_prompt_result
ask(uint64_t ticket, const char *device)
{
	const struct pz_prompt_question question = {
		.ticket = ticket,
		.effect = PZ_POLICY_PROMPT_SESSION,
		.user_id = pz_slice_str(ZONE),
		.device = pz_slice_str(device),
		.feature = GEO,
		.function = "getCurrentPosition",
		.rule = pz_slice_str("Ask."),
	};

	return pz_prompts_ask(pz_asking_prompts(t.asking), &question);
}

static bool
sends(const char *device, const char *status, const char *json)
{
	json_t *message = pz_kit_json(json);
	bool is_right = pz_asking_on_prop(t.asking, device, status, message);

	json_decref(message);
	return is_right;
}

/* The answer of a device to the question that it was sent last. */
static bool
answers(const char *device, const char *asked, int number)
{
	char text[128];

	snprintf(text, sizeof(text), "{'id': '%s', 'answer': %d}",
		 pz_json_str(far_of(asked)->message, "id"), number);
	return sends(device, "promptAnswer", text);
}

static void
run_ms(uint64_t ms)
{
	pz_kit_clock_run(&t.world.clock, ms * PZ_US_PER_MS);
}

/* ---- which devices may answer ---- */

static void
a_linked_device_with_a_person_is_asked_and_its_first_answer_counts(void **state)
{
	(void)state;
	link_with("tv", true);
	link_with("phone", true);
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	assert_int_equal(far_of("tv")->sent, 1);
	assert_string_equal(far_of("tv")->status, "prompt");
	assert_int_equal(far_of("phone")->sent, 1);
	assert_int_equal(far_of("car")->sent, 0); /* it asks */
	assert_true(answers("tv", "tv", PZ_PROMPT_ALLOW_ONCE));
	assert_string_equal(far_of("phone")->status, "promptEnded");
	assert_true(answers("phone", "phone", PZ_PROMPT_DENY_ONCE)); /* slower: no fault of it */
	assert_int_equal(t.answers, 0);                              /* never from inside */
	run_ms(20);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.result, PZ_PROMPT_YES);
	assert_string_equal(t.by, "tv");
}

static void
what_the_other_device_computes_itself_is_not_sent(void **state)
{
	(void)state;
	link_with("tv", true);
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	const json_t *sent = far_of("tv")->message;
	assert_null(json_object_get(sent, "text"));
	assert_null(json_object_get(sent, "answers"));
	assert_null(json_object_get(sent, "device"));
	assert_int_equal(json_integer_value(json_object_get(sent, "left")), 30000);
	assert_string_equal(pz_json_str(json_object_get(sent, "who"), "device"), "car");
}

static void
a_device_that_comes_later_is_sent_what_still_waits(void **state)
{
	(void)state;
	link_with("phone", true);
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	run_ms(10000);
	link_with("tv", true);
	assert_int_equal(far_of("tv")->sent, 1);
	assert_int_equal(json_integer_value(json_object_get(far_of("tv")->message, "left")), 20000);
}

static void
a_clock_that_is_set_bounds_what_is_left(void **state)
{
	(void)state;
	link_with("phone", true);
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	t.world.clock.wall_ms -= 3600 * 1000;
	link_with("tv", true);
	assert_int_equal(json_integer_value(json_object_get(far_of("tv")->message, "left")),
			 1000 * PZ_PROMPT_TIMEOUT_S_MAX);
	unlink_from("tv");
	t.world.clock.wall_ms += 2 * 3600 * 1000;
	link_with("tv", true);
	assert_int_equal(json_integer_value(json_object_get(far_of("tv")->message, "left")), 1);
}

/* Each of the conditions alone ends it, also while a question waits. */
static void
an_agent_goes_with_its_person_its_mark_its_right_its_link_and_its_membership(void **state)
{
	(void)state;
	link_with("tv", false);
	assert_int_equal(ask(1, "car"), PZ_PROMPT_NO_AGENT);
	link_with("tv", true);
	assert_int_equal(ask(2, "car"), PZ_PROMPT_LATER);
	set_pref(PZ_PREF_PROMPTS_AGENTS, "none");
	assert_false(answers("tv", "tv", PZ_PROMPT_ALLOW_ONCE));
	set_pref(PZ_PREF_PROMPTS_AGENTS, "phone, tv");
	link_with("tv", false);
	assert_false(answers("tv", "tv", PZ_PROMPT_ALLOW_ONCE));
	link_with("tv", true);
	far_of("tv")->has_left = true;
	pz_asking_device(t.asking, "tv");
	assert_false(answers("tv", "tv", PZ_PROMPT_ALLOW_ONCE));
	far_of("tv")->has_left = false;
	pz_asking_device(t.asking, "tv");
	far_of("tv")->may_not_answer = true; /* page 14 AC-10: the owner took the right */
	pz_asking_device(t.asking, "tv");
	assert_string_equal(far_of("tv")->status, "promptEnded"); /* its person sees it go */
	assert_false(answers("tv", "tv", PZ_PROMPT_ALLOW_ONCE));
	far_of("tv")->may_not_answer = false;
	pz_asking_device(t.asking, "tv");
	unlink_from("tv");
	assert_false(answers("tv", "tv", PZ_PROMPT_ALLOW_ONCE));
	link_with("tv", true);
	assert_true(answers("tv", "tv", PZ_PROMPT_ALLOW_ONCE));
	run_ms(20);
	assert_int_equal(t.result, PZ_PROMPT_YES);
}

static void
a_list_of_names_means_whole_names(void **state)
{
	(void)state;
	link_with("tv", true);
	set_pref(PZ_PREF_PROMPTS_AGENTS, "tvset,t,phone");
	assert_int_equal(ask(1, "car"), PZ_PROMPT_NO_AGENT);
	set_pref(PZ_PREF_PROMPTS_AGENTS, "tvset , tv");
	assert_int_equal(ask(2, "car"), PZ_PROMPT_LATER);
	assert_int_equal(far_of("tv")->sent, 1);
}

static void
answers_of_devices_that_were_not_asked_do_not_count(void **state)
{
	(void)state;
	link_with("tv", true);
	link_with("phone", false);
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	assert_false(answers("phone", "tv", PZ_PROMPT_ALLOW_ONCE)); /* has no person */
	link_with("car", true);
	assert_false(answers("car", "tv", PZ_PROMPT_ALLOW_ONCE)); /* asks itself */
	assert_false(sends("fridge", "promptAnswer", "{'id': '" ID "', 'answer': 3}"));
	run_ms(20);
	assert_int_equal(t.answers, 0);
}

static void
answers_of_a_wrong_form_are_refused(void **state)
{
	static const char *const wrong[] = {"{}",
					    "{'id': 1, 'answer': 3}",
					    "{'answer': 3}",
					    "{'id': '" ID "'}",
					    "{'id': '" ID "', 'answer': '3'}",
					    "{'id': '" ID "', 'answer': 3.0}"};

	(void)state;
	link_with("tv", true);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(sends("tv", "promptAnswer", wrong[i]));
	assert_true(
		sends("tv", "promptAnswer", "{'id': '" ID "', 'answer': 3}")); /* it has ended */
}

/* An answer outside of what the effect offers is clamped where the question was asked. */
static void
a_device_cannot_answer_more_than_was_offered(void **state)
{
	(void)state;
	link_with("tv", true);
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	assert_true(answers("tv", "tv", 4711));
	run_ms(20);
	assert_int_equal(t.result, PZ_PROMPT_NO);
	assert_int_equal(ask(2, "car"), PZ_PROMPT_LATER);
	assert_true(answers("tv", "tv", PZ_PROMPT_ALLOW_ALWAYS));
	run_ms(20);
	assert_int_equal(t.result, PZ_PROMPT_YES);
	json_t *kept = pz_prompts_answers(pz_asking_prompts(t.asking));
	assert_string_equal(pz_json_str(json_array_get(kept, 0), "remember"), "session");
	json_decref(kept);
}

/* ---- looking for devices that may answer ---- */

static void
devices_that_may_answer_are_dialled_and_waited_for(void **state)
{
	(void)state;
	far_of("tv")->has_route = far_of("car")->has_route = true;
	far_of("phone")->has_route = false; /* there is no way to it */
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	assert_int_equal(far_of("tv")->dials, 1);
	assert_int_equal(far_of("phone")->dials, 0);
	assert_int_equal(far_of("car")->dials, 0); /* it asks */
	run_ms(1000);
	link_with("tv", true);
	assert_int_equal(far_of("tv")->sent, 1);
	assert_true(answers("tv", "tv", PZ_PROMPT_ALLOW_ONCE));
	run_ms(20);
	assert_int_equal(t.result, PZ_PROMPT_YES);
}

static void
where_no_one_can_be_reached_it_is_denied_at_once(void **state)
{
	(void)state;
	assert_int_equal(ask(1, "car"), PZ_PROMPT_NO_AGENT);
	far_of("tv")->has_route = true;
	far_of("tv")->cannot_be_dialled = true;
	assert_int_equal(ask(2, "car"), PZ_PROMPT_NO_AGENT);
	far_of("tv")->cannot_be_dialled = false;
	set_pref(PZ_PREF_PROMPTS_AGENTS, "none");
	assert_int_equal(ask(3, "car"), PZ_PROMPT_NO_AGENT);
	assert_int_equal(far_of("tv")->dials, 1);
	link_with("tv", false); /* it has said that no person is there */
	set_pref(PZ_PREF_PROMPTS_AGENTS, "all");
	assert_int_equal(ask(4, "car"), PZ_PROMPT_NO_AGENT);
	assert_int_equal(far_of("tv")->dials, 1);
}

/* ---- questions of other devices ---- */

#define QUESTION                                                                                   \
	"{'id': '" ID "', 'effect': 'prompt-session', 'left': 20000, 'rule': '', "                 \
	"'who': {'zone': '" ZONE "', 'device': 'phone', 'app': ''}, "                              \
	"'what': {'feature': '" GEO "', 'service': '', 'function': 'f'}}"

static void
a_question_of_a_device_is_shown_here_and_its_answer_goes_back(void **state)
{
	struct pz_errinfo info = {""};

	(void)state;
	link_with("tv", false);
	pz_prompts_join(pz_asking_prompts(t.asking), &t.control);
	assert_true(sends("tv", "prompt", QUESTION));
	assert_int_equal(t.shown, 1);
	assert_ok(pz_prompts_answer(pz_asking_prompts(t.asking), &t.control, ID,
				    PZ_PROMPT_ALLOW_SESSION, NULL, NULL, &info));
	assert_string_equal(far_of("tv")->status, "promptAnswer");
	assert_string_equal(pz_json_str(far_of("tv")->message, "id"), ID);
	assert_int_equal(json_integer_value(json_object_get(far_of("tv")->message, "answer")),
			 PZ_PROMPT_ALLOW_SESSION);
	pz_prompts_leave(pz_asking_prompts(t.asking), &t.control);
}

static void
only_the_device_that_asks_ends_its_question(void **state)
{
	(void)state;
	link_with("tv", false);
	link_with("phone", false);
	pz_prompts_join(pz_asking_prompts(t.asking), &t.control);
	assert_true(sends("tv", "prompt", QUESTION));
	assert_true(sends("phone", "promptEnded", "{'id': '" ID "', 'reason': 'x'}"));
	assert_int_equal(t.hidden, 0);
	assert_false(sends("tv", "promptEnded", "{'id': 7}"));
	assert_int_equal(t.hidden, 0);
	assert_true(sends("tv", "promptEnded", "{'id': '" ID "', 'reason': 'x'}"));
	assert_int_equal(t.hidden, 1);
	assert_true(sends("tv", "prompt", QUESTION));
	unlink_from("tv");
	assert_int_equal(t.hidden, 2);
	pz_prompts_leave(pz_asking_prompts(t.asking), &t.control);
}

static void
a_device_that_shall_not_answer_takes_no_question(void **state)
{
	(void)state;
	link_with("tv", false);
	pz_prompts_join(pz_asking_prompts(t.asking), &t.control);
	assert_true(pz_asking_answers(t.asking));
	set_pref(PZ_PREF_PROMPTS_ANSWER, "false");
	assert_false(pz_asking_answers(t.asking));
	assert_false(sends("tv", "prompt", QUESTION));
	assert_int_equal(t.shown, 0);
	pz_prompts_leave(pz_asking_prompts(t.asking), &t.control);
}

static void
peers_are_sent_when_a_person_comes_and_goes(void **state)
{
	(void)state;
	assert_false(pz_asking_answers(t.asking));
	pz_prompts_join(pz_asking_prompts(t.asking), &t.control);
	assert_int_equal(t.told, 1);
	pz_prompts_leave(pz_asking_prompts(t.asking), &t.control);
	assert_int_equal(t.told, 2);
	assert_false(pz_asking_answers(t.asking));
	link_with("tv", true); /* a person at the TV cannot answer here */
	assert_int_equal(t.told, 2);
	pz_asking_end(t.asking);
	pz_prompts_join(pz_asking_prompts(t.asking), &t.control);
	assert_int_equal(t.told, 2); /* the peers are gone */
	pz_prompts_leave(pz_asking_prompts(t.asking), &t.control);
}

/* ---- what is remembered ---- */

static json_t *
kept(void)
{
	return pz_prompts_answers(pz_asking_prompts(t.asking));
}

static void
an_answer_for_a_session_lasts_as_long_as_there_is_a_way(void **state)
{
	json_t *list;

	(void)state;
	link_with("tv", true);
	link_with("car", false);
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	assert_true(answers("tv", "tv", PZ_PROMPT_ALLOW_SESSION));
	run_ms(20);
	unlink_from("car"); /* it is still reached through the hub */
	run_ms(PZ_PROMPT_GRACE_US / 1000 + 1);
	assert_int_equal(ask(2, "car"), PZ_PROMPT_YES);
	far_of("car")->has_route = false;
	unlink_from("car");
	run_ms(PZ_PROMPT_GRACE_US / 1000 + 1);
	list = kept();
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	assert_int_equal(ask(3, "car"), PZ_PROMPT_LATER);
}

static void
answers_about_a_device_go_when_it_leaves_the_zone(void **state)
{
	static int known;
	json_t *list;

	(void)state;
	link_with("tv", true);
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	assert_true(answers("tv", "tv", PZ_PROMPT_ALLOW_SESSION));
	run_ms(20);
	far_of("car")->has_left = true;
	pz_asking_drop_left(t.asking); /* nothing is known of the zone yet: nothing goes */
	assert_int_equal(ask(2, "car"), PZ_PROMPT_YES);
	t.zone.knowledge = (struct pz_knowledge *)&known;
	pz_asking_drop_left(t.asking);
	list = kept();
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	t.zone.knowledge = NULL;
}

static void
the_preference_sets_how_long_a_question_waits(void **state)
{
	(void)state;
	link_with("tv", true);
	set_pref(PZ_PREF_POLICY_PROMPT_TIMEOUT, "10");
	assert_int_equal(ask(1, "car"), PZ_PROMPT_LATER);
	assert_int_equal(json_integer_value(json_object_get(far_of("tv")->message, "left")), 10000);
	run_ms(9999);
	assert_int_equal(t.answers, 0);
	run_ms(2);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.result, PZ_PROMPT_NO);
	assert_string_equal(t.by, "");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_linked_device_with_a_person_is_asked_and_its_first_answer_counts),
		TEST(what_the_other_device_computes_itself_is_not_sent),
		TEST(a_device_that_comes_later_is_sent_what_still_waits),
		TEST(a_clock_that_is_set_bounds_what_is_left),
		TEST(an_agent_goes_with_its_person_its_mark_its_right_its_link_and_its_membership),
		TEST(a_list_of_names_means_whole_names),
		TEST(answers_of_devices_that_were_not_asked_do_not_count),
		TEST(answers_of_a_wrong_form_are_refused),
		TEST(a_device_cannot_answer_more_than_was_offered),
		TEST(devices_that_may_answer_are_dialled_and_waited_for),
		TEST(where_no_one_can_be_reached_it_is_denied_at_once),
		TEST(a_question_of_a_device_is_shown_here_and_its_answer_goes_back),
		TEST(only_the_device_that_asks_ends_its_question),
		TEST(a_device_that_shall_not_answer_takes_no_question),
		TEST(peers_are_sent_when_a_person_comes_and_goes),
		TEST(an_answer_for_a_session_lasts_as_long_as_there_is_a_way),
		TEST(answers_about_a_device_go_when_it_leaves_the_zone),
		TEST(the_preference_sets_how_long_a_question_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
