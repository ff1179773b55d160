/*
 * What crosses the border of a zone at its hub, with two friends' hubs and the devices of this zone
 * on links without TLS: messages (E3, E4), what friends are shown, what they show, searches.
 * @spec page 1 "Who may say what"; page 4 "Between zones"; page 7, 4; page 9, 10; page 14 SPOOF-4,
 * ZON-4, REV-10, CERT-5
 */
#include "pzh/border_fixture.h"

/* ---- messages ---- */

#define CALL TEST "@6e6885b25a7ddb5f4658e7a599d1fc17.get42"

static void
nothing_enters_by_default(void **state)
{
	(void)state;
	forget_all();
	call(&bob, BOB "/pad", LAPTOP, CALL);
	assert_int_equal(error_told(&bob), PZ_RPC_DENIED_POLICY);
	call(&bob, BOB "/pad", ZONE, CALL);
	assert_int_equal(error_told(&bob), PZ_RPC_DENIED_POLICY);
	assert_int_equal(count_told(&laptop, "JSONRPC", LAPTOP), 0);
}

/* What a device answers to a request that concerns its caller alone, a friend gets only of devices
 * that it sees; and a refusal does not show which names there are. */
static void
a_friend_cannot_find_out_which_devices_there_are(void **state)
{
	static const char *const methods[] = {CALL, "ServiceDiscovery.ping",
					      "ServiceDiscovery.findServices"};
	static const char *const names[] = {LAPTOP, ZONE "/phone", ZONE "/nowhere"};

	(void)state;
	for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			forget_all();
			call(&bob, BOB "/pad", names[i], methods[m]);
			assert_int_equal(error_told(&bob), PZ_RPC_DENIED_POLICY);
			assert_int_equal(count_told(&laptop, "JSONRPC", LAPTOP), 0);
		}
	}
	set_policy(SHARE(BOB));
	announce(&laptop, TEST, NULL);
	forget_all();
	call(&bob, BOB "/pad", LAPTOP, "ServiceDiscovery.ping");
	assert_int_equal(count_told(&laptop, "JSONRPC", LAPTOP), 1);
}

/* Files are no service: that a zone may send them shows the devices that take them. */
static void
a_device_that_takes_files_is_shown(void **state)
{
	(void)state;
	forget_all();
	set_policy("<rule effect='permit'><condition>"
		   "<subject-match attr='user-id' match='" BOB "'/>"
		   "<resource-match attr='api-feature' match='http://webinos.org/api/w3c/file'/>"
		   "<resource-match attr='function' match='receive'/>"
		   "<subject-match attr='target-id' match='tv'/></condition></rule>");
	run(PZ_US_PER_S);
	assert_string_equal(shown(&bob), "tv");
	assert_string_equal(shown(&carol), "");
}

static void
what_is_shared_enters_and_no_more(void **state)
{
	(void)state;
	set_policy(SHARE(BOB));
	forget_all();
	call(&bob, BOB "/pad", LAPTOP, CALL);
	assert_int_equal(count_told(&laptop, "JSONRPC", LAPTOP), 1);
	call(&bob, BOB "/pad", LAPTOP, OTHER "@6e6885b25a7ddb5f4658e7a599d1fc17.get42");
	assert_int_equal(error_told(&bob), PZ_RPC_DENIED_POLICY);
	call(&carol, CAROL "/pad", LAPTOP, CALL);
	assert_int_equal(error_told(&carol), PZ_RPC_DENIED_POLICY);
	assert_int_equal(count_told(&laptop, "JSONRPC", LAPTOP), 0);
}

static void
what_is_shared_with_one_device_is_not_with_others(void **state)
{
	(void)state;
	set_policy(ONE_DEVICE);
	forget_all();
	call(&bob, BOB "/pad/3:1", LAPTOP, CALL);
	assert_int_equal(count_told(&laptop, "JSONRPC", LAPTOP), 1);
	call(&bob, BOB "/tv", LAPTOP, CALL);
	assert_int_equal(error_told(&bob), PZ_RPC_DENIED_POLICY);
}

/* A limit in calls is counted by the device: the hub lets through what it cannot decide. */
static void
what_the_provider_alone_can_decide_passes(void **state)
{
	(void)state;
	set_policy("<rule effect='permit'><condition><subject-match attr='user-id' match='" BOB
		   "'/><resource-match attr='api-feature' match='" TEST
		   "'/><environment-match attr='calls:0123456789abcdef' func='less-than' "
		   "match='3'/></condition></rule>");
	forget_all();
	call(&bob, BOB "/pad", LAPTOP, CALL);
	assert_int_equal(count_told(&laptop, "JSONRPC", LAPTOP), 1);
}

static void
answers_and_call_backs_pass(void **state)
{
	struct pz_buf frame;
	json_t *payload = json_pack("{s:s, s:s, s:i}", "jsonrpc", "2.0", "id", "r1", "result", 42);

	(void)state;
	forget_all();
	call(&laptop, LAPTOP, BOB "/pad", CALL); /* E4 */
	assert_int_equal(count_told(&bob, "JSONRPC", BOB "/pad"), 1);
	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_rpc(&frame, BOB "/pad", LAPTOP, payload));
	json_decref(payload);
	frame_by(&bob, &frame);
	call(&bob, BOB "/pad", LAPTOP, "r1.onEvent");
	assert_int_equal(count_told(&laptop, "JSONRPC", LAPTOP), 2);
}

static void
a_batch_enters_whole_or_not_at_all(void **state)
{
	struct pz_buf frame;
	json_t *batch = json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}]", "jsonrpc", "2.0", "id", "1",
				  "method", CALL, "jsonrpc", "2.0", "id", "2", "method",
				  OTHER "@6e6885b25a7ddb5f4658e7a599d1fc17.get42");

	(void)state;
	set_policy(SHARE(BOB));
	forget_all();
	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_rpc(&frame, BOB "/pad", LAPTOP, batch));
	json_decref(batch);
	frame_by(&bob, &frame);
	assert_int_equal(count_told(&laptop, "JSONRPC", LAPTOP), 0);
	assert_int_equal(count_told(&bob, "JSONRPC", BOB "/pad"), 1);
}

static void
who_is_no_friend_any_more_is_refused_both_ways(void **state)
{
	(void)state;
	set_policy(SHARE(BOB));
	assert_true(pz_friends_remove(friends, pz_slice_str(BOB)));
	forget_all();
	call(&bob, BOB "/pad", LAPTOP, CALL);
	assert_int_equal(error_told(&bob), PZ_RPC_DENIED_POLICY);
	call(&laptop, LAPTOP, BOB "/pad", CALL);
	assert_int_equal(error_told(&laptop), PZ_RPC_DENIED_POLICY);
	assert_int_equal(count_told(&bob, "JSONRPC", BOB "/pad"), 0);
}

/* ---- what is shown ---- */

static void
a_friend_is_shown_what_policy_shows(void **state)
{
	(void)state;
	announce(&laptop, TEST, NULL);
	announce(&tv, OTHER, NULL);
	assert_string_equal(shown(&bob), "");
	set_policy(SHARE(BOB));
	assert_string_equal(shown(&bob), "laptop");
	assert_string_equal(shown(&carol), "");
	link_down(&laptop);
	assert_string_equal(shown(&bob), "laptop-away");
	link_up(&laptop);
	announce(&laptop, TEST, NULL);
	assert_string_equal(shown(&bob), "laptop");
	announce(&laptop, OTHER, NULL); /* it has nothing more that is shared */
	assert_string_equal(shown(&bob), "laptop-hidden-bare");
	announce(&laptop, TEST, NULL);
	assert_string_equal(shown(&bob), "laptop");
	set_policy("");
	assert_string_equal(shown(&bob), "laptop-hidden-bare");
}

static void
a_device_is_shown_by_its_name_as_in_lists(void **state)
{
	struct pz_border *border = zone_of(ZONE)->border;

	(void)state;
	announce(&laptop, TEST, NULL);
	assert_false(pz_border_shows(border, BOB, "laptop"));
	set_policy(SHARE(BOB));
	assert_true(pz_border_shows(border, BOB, "laptop"));
	assert_false(pz_border_shows(border, CAROL, "laptop"));
	assert_false(pz_border_shows(border, BOB, "tv"));
	assert_false(pz_border_shows(border, BOB, ""));
	assert_false(pz_border_shows(border, BOB, "nothing"));
}

/* ---- links that are passed on (page 15) ---- */

static const char *refusal;

static void
on_channel_send(void *arg, const char *status, json_t *message)
{
	(void)arg;
	assert_string_equal(status, "channelRefuse");
	refusal = pz_json_str(message, "reason");
	for (int i = 0; i <= PZ_CHANNEL_BAD_REQUEST; i++)
		if (strcmp(refusal, pz_channel_refusal_text((enum pz_channel_refusal)i)) == 0)
			refusal = pz_channel_refusal_text((enum pz_channel_refusal)i);
}

static void
on_channel_wake(void *arg)
{
	(void)arg;
}

static void
on_channel_offered(void *arg, struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	pz_hub_on_channel(arg, channel, offer);
}

/* What the hub answers when this link opens a channel. */
static const char *
answer_to_open(struct pz_link *link, const char *kind, const char *to, const char *from)
{
	static const struct pz_channels_ops ops = {on_channel_send, on_channel_wake,
						   on_channel_offered};
	struct pz_channels *channels = pz_channels_new(&w.world.clock.env, &ops, link);
	json_t *message = json_pack("{s:i, s:i, s:s, s:s, s:s*}", "channel", 1, "window", 65536,
				    "to", to, "kind", kind, "from", from);
	enum pz_err err = PZ_OK;

	assert_non_null(channels);
	refusal = "none";
	assert_true(pz_channels_on_prop(channels, "channelOpen", message, &err));
	assert_ok(err);
	json_decref(message);
	pz_channels_free(channels);
	return refusal;
}

static void
a_friends_hub_opens_links_of_its_zone_to_devices_it_sees(void **state)
{
	const struct {
		const char *to, *from, *answer;
	} rows[] = {
		{ZONE "/tv", BOB "/phone", "unreachable"}, /* it is shown the laptop only */
		{ZONE "/nothing", BOB "/phone", "unreachable"},
		{ZONE, BOB "/phone", "unreachable"}, /* the hub itself */
		{CAROL "/phone", BOB "/phone", "unreachable"},
		{ZONE "/laptop", CAROL "/phone", "badRequest"},
		{ZONE "/laptop", ZONE "/tv", "badRequest"},
		{ZONE "/laptop", BOB, "badRequest"},
		{ZONE "/laptop", BOB "/phone/app", "badRequest"},
		{ZONE "/laptop", NULL, "badRequest"},
		{"nonsense/", BOB "/phone", "badRequest"},
	};

	(void)state;
	announce(&laptop, TEST, NULL);
	announce(&tv, OTHER, NULL);
	set_policy(SHARE(BOB));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(answer_to_open(bob.link, "link", rows[i].to, rows[i].from),
				    rows[i].answer);
	assert_string_equal(answer_to_open(bob.link, "file", ZONE "/laptop", BOB "/phone"),
			    "unknownKind");
}

static void
a_device_opens_links_to_devices_of_friends_only(void **state)
{
	(void)state;
	assert_string_equal(answer_to_open(laptop.link, "link", "eve@example.org/tv", NULL),
			    "unreachable");
	assert_string_equal(answer_to_open(laptop.link, "link", BOB, NULL), "refused");
	assert_string_equal(answer_to_open(laptop.link, "link", BOB "/tv", ZONE "/phone"),
			    "refused");
}

/* ---- what is shown no more ---- */

static void
a_share_that_runs_out_is_shown_no_more(void **state)
{
	char rule[1024], until[40];
	time_t end = (time_t)(w.world.clock.wall_ms / 1000) + 600;
	struct tm tm;

	(void)state;
	announce(&laptop, TEST, NULL);
	assert_non_null(gmtime_r(&end, &tm));
	snprintf(until, sizeof(until), "%lld", (long long)end);
	snprintf(rule, sizeof(rule),
		 "<rule effect='permit'><condition><subject-match attr='user-id' match='" BOB
		 "'/><resource-match attr='api-feature' match='" TEST
		 "'/><environment-match attr='time' func='less-than' match='%s'/>"
		 "</condition></rule>",
		 until);
	set_policy(rule);
	assert_string_equal(shown(&bob), "laptop");
	run(590 * PZ_US_PER_S);
	assert_string_equal(shown(&bob), "");
	run(30 * PZ_US_PER_S);
	assert_string_equal(shown(&bob), "laptop-hidden-bare");
}

/* The other end's calls and streams end with the device, also one that is shared with one device of
 * the friend alone. */
static void
the_presence_of_devices_that_have_met_is_shown(void **state)
{
	(void)state;
	set_policy(ONE_DEVICE);
	announce(&laptop, TEST, NULL);
	forget_all();
	call(&bob, BOB "/pad", LAPTOP, CALL);
	assert_string_equal(shown(&bob), "laptop-bare");
	call(&tv, TV, BOB "/pad", CALL);
	assert_string_equal(shown(&bob), "tv-bare");
	link_down(&tv);
	assert_string_equal(shown(&bob), "tv-away-bare");
	assert_string_equal(shown(&carol), "");
}

static void
a_revoked_device_is_not_shown(void **state)
{
	(void)state;
	set_policy(SHARE(BOB));
	announce(&laptop, TEST, NULL);
	assert_string_equal(shown(&bob), "laptop");
	assert_ok(ask("revoke", json_pack("{s:s, s:s}", "zone", ZONE, "device", "laptop"))->err);
	assert_string_equal(shown(&bob), "laptop-hidden-bare");
}

#define TEST_(test) cmocka_unit_test_setup_teardown(test, set_up_friends, tear_down_friends)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_(nothing_enters_by_default),
		TEST_(a_friend_cannot_find_out_which_devices_there_are),
		TEST_(a_device_that_takes_files_is_shown),
		TEST_(what_is_shared_enters_and_no_more),
		TEST_(what_is_shared_with_one_device_is_not_with_others),
		TEST_(what_the_provider_alone_can_decide_passes),
		TEST_(answers_and_call_backs_pass),
		TEST_(a_batch_enters_whole_or_not_at_all),
		TEST_(who_is_no_friend_any_more_is_refused_both_ways),
		TEST_(a_friend_is_shown_what_policy_shows),
		TEST_(a_device_is_shown_by_its_name_as_in_lists),
		TEST_(a_friends_hub_opens_links_of_its_zone_to_devices_it_sees),
		TEST_(a_device_opens_links_to_devices_of_friends_only),
		TEST_(a_share_that_runs_out_is_shown_no_more),
		TEST_(the_presence_of_devices_that_have_met_is_shown),
		TEST_(a_revoked_device_is_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
