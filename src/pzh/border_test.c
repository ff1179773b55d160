/*
 * What crosses the border of a zone at its hub, with two friends' hubs and the devices of this zone
 * on links without TLS: messages (E3, E4), what friends are shown, what they show, searches.
 * @spec page 1 "Who may say what"; page 4 "Between zones"; page 7, 4; page 9, 10; page 14 SPOOF-4,
 * ZON-4, REV-10, CERT-5
 */
#include "pzh/fixture_friends.h"

#include "border/border.h"

#define TEST "http://webinos.org/api/test"
#define OTHER "http://webinos.org/api/other"

/* ---- what is said ---- */

static void
frame_by(const struct device *by, struct pz_buf *frame)
{
	assert_ok(pz_router_frame(zone_of(ZONE)->router, &by->link->session, pz_buf_slice(frame)));
	pz_buf_fini(frame);
}

static void
call(const struct device *by, const char *from, const char *to, const char *method)
{
	struct pz_buf frame;
	json_t *payload =
		json_pack("{s:s, s:s, s:s}", "jsonrpc", "2.0", "id", "r1", "method", method);

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_rpc(&frame, from, to, payload));
	json_decref(payload);
	frame_by(by, &frame);
}

static void
friend_prop(const struct device *by, const char *from, const char *status, json_t *message)
{
	struct pz_buf frame;

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_prop(&frame, from, ZONE, status, message));
	json_decref(message);
	frame_by(by, &frame);
}

static json_t *
service(const char *address, const char *api)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "api", api, "displayName", "Test", "description",
			 "a test", "serviceAddress", address);
}

static void
announce(const struct device *d, const char *api, const char *more)
{
	json_t *list = json_pack("[o]", service(d->address, api));

	if (more)
		json_array_append_new(list, service(d->address, more));
	say_prop(d, d->address, "registerServices",
		 json_pack("{s:o, s:s}", "services", list, "from", d->address));
}

/* The owner's policy: the rules, before one that denies everything to other zones. */
static void
set_policy(const char *rules)
{
	char text[4096];

	snprintf(
		text, sizeof(text),
		"<policy-set combine='first-matching-target'>"
		"<policy combine='first-applicable'><target><subject><subject-match "
		"attr='user-id' match='http://webinos.org/subject/id/PZ-Owner'/></subject></target>"
		"<rule effect='permit'/></policy>"
		"<policy combine='first-applicable'>%s<rule effect='deny'/></policy></policy-set>",
		rules);
	const struct answer *a =
		ask("policy-set", json_pack("{s:s, s:s}", "zone", ZONE, "document", text));
	if (a->err != PZ_OK)
		fail_msg("%s", a->detail);
}

#define RULE(who, what)                                                                            \
	"<rule effect='permit'><condition><subject-match attr='user-id' match='" who "'/>"         \
	"<resource-match attr='api-feature' match='" what "'/></condition></rule>"
#define DISCOVERY "http://webinos.org/api/discovery"
#define SHARE(who) RULE(who, TEST)
#define ONE_DEVICE                                                                                 \
	"<rule effect='permit'><condition><subject-match attr='user-id' match='" BOB "'/>"         \
	"<subject-match attr='requestor-id' match='pad'/>"                                         \
	"<resource-match attr='api-feature' match='" TEST "'/></condition></rule>"

/* The names of the devices in the Updates that a friend was sent, in order, with how each is. */
static const char *
shown(const struct device *d)
{
	static char text[512];
	json_t *list = told(d), *message, *entry;
	size_t i, k;

	text[0] = '\0';
	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		const char *status = pz_json_str(payload, "status");
		if (status == NULL || strcmp(status, "Update") != 0)
			continue;
		json_array_foreach (json_object_get(json_object_get(payload, "message"), "PZP"), k,
				    entry) {
			size_t len = strlen(text);
			snprintf(text + len, sizeof(text) - len, "%s%s%s%s", len ? " " : "",
				 pz_json_str(entry, "name"),
				 json_is_true(json_object_get(entry, "hidden"))      ? "-hidden"
				 : json_is_true(json_object_get(entry, "connected")) ? ""
										     : "-away",
				 json_object_get(entry, "displayName") ? "" : "-bare");
		}
	}
	json_decref(list);
	return text;
}

/* serviceAddress and last part of the API of each service that a search has found. */
static const char *
found(const struct device *d, const char *id)
{
	static char text[512];
	json_t *list = told(d), *message, *one;
	size_t i, k;

	snprintf(text, sizeof(text), "(no answer)");
	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		json_t *body = json_object_get(payload, "message");
		const char *status = pz_json_str(payload, "status");
		if (!status || strcmp(status, "foundServices") != 0 ||
		    strcmp(pz_json_str(body, "id"), id) != 0)
			continue;
		text[0] = '\0';
		json_array_foreach (json_object_get(body, "services"), k, one) {
			size_t len = strlen(text);
			snprintf(text + len, sizeof(text) - len, "%s%s %s", len ? ", " : "",
				 pz_json_str(one, "serviceAddress"),
				 strrchr(pz_json_str(one, "api"), '/') + 1);
		}
	}
	json_decref(list);
	return text;
}

/* What is told to a device of a zone's hub: "zone connected" of the last friendUpdate. */
static const char *
friend_told(const struct device *d)
{
	static char text[512];
	json_t *list = told(d), *message, *entry;
	size_t i, k;

	text[0] = '\0';
	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		json_t *body = json_object_get(payload, "message");
		const char *status = pz_json_str(payload, "status");
		if (status == NULL || strcmp(status, "friendUpdate") != 0)
			continue;
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s%s%s:", len ? "; " : "",
			 pz_json_str(body, "zone"),
			 json_is_true(json_object_get(body, "connected")) ? "" : " away",
			 json_is_true(json_object_get(body, "partial")) ? "" : " whole");
		json_array_foreach (json_object_get(body, "PZP"), k, entry) {
			len = strlen(text);
			snprintf(text + len, sizeof(text) - len, " %s%s",
				 pz_json_str(entry, "name"),
				 json_is_true(json_object_get(entry, "connected")) ? "" : "-away");
		}
	}
	json_decref(list);
	return text;
}

static void
forget_all(void)
{
	forget_told(&bob);
	forget_told(&carol);
	forget_told(&laptop);
	forget_told(&tv);
}

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

/* ---- what friends show ---- */

static json_t *
update(const char *names[], size_t n, bool is_partial)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "name", names[i],
						      "connected", 1, "displayName", "Pad"));
	return json_pack("{s:o, s:b}", "PZP", list, "partial", (int)is_partial);
}

static void
devices_get_what_friends_show(void **state)
{
	static const char *names[] = {"pad", "laptop", "a b", "../x", "alice@example.org/tv"};

	(void)state;
	forget_all();
	friend_prop(&bob, BOB, "Update", update(names, 5, false));
	assert_string_equal(friend_told(&laptop), BOB " whole: pad laptop");
	link_down(&tv);
	link_up(&tv); /* the names are the friend's: our own laptop is still ours */
	assert_string_equal(friend_told(&tv), BOB " whole: pad laptop; " CAROL " whole:");
	friend_down(&bob);
	assert_string_equal(friend_told(&tv), BOB " away:");
	friend_up(&bob, BOB);
	assert_string_equal(friend_told(&tv), BOB ":");
	pz_border_friend_gone(zone_of(ZONE)->border, BOB);
	assert_string_equal(friend_told(&tv), BOB " away:");
	link_down(&tv);
	link_up(&tv);
	assert_string_equal(friend_told(&tv), CAROL " whole:");
}

static void
a_friend_fills_no_memory(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 1500; i++) {
		const char *names[] = {name};
		snprintf(name, sizeof(name), "d%d", i);
		friend_prop(&bob, BOB, "Update", update(names, 1, true));
		forget_all();
	}
	link_down(&tv);
	link_up(&tv);
	json_t *entry = entry_told(&tv, "d1400");
	assert_null(entry);
	link_down(&tv);
	link_up(&tv);
	entry = entry_told(&tv, "d1000");
	assert_non_null(entry);
	json_decref(entry);
}

static size_t
props_told(const struct device *d, const char *status)
{
	json_t *list = told(d), *message;
	size_t i, n = 0;

	json_array_foreach (list, i, message) {
		const char *of = pz_json_str(json_object_get(message, "payload"), "status");
		n += of && strcmp(of, status) == 0;
	}
	json_decref(list);
	return n;
}

/* What it sends costs each device one message in 100 ms, and one judgment of all services a link.
 */
static void
a_friend_that_sends_without_end_costs_little(void **state)
{
	static const char *names[] = {"pad"};

	(void)state;
	announce(&laptop, TEST, NULL);
	set_policy(SHARE(BOB));
	(void)shown(&bob);
	forget_all();
	for (int i = 0; i < 500; i++) {
		json_t *message = update(names, 1, false);
		json_object_set_new(message, "first", json_true());
		friend_prop(&bob, BOB, "Update", message);
	}
	assert_int_equal(props_told(&bob, "Update"), 1);
	assert_int_equal(props_told(&laptop, "friendUpdate"), 1);
	friend_down(&bob); /* on its next link it is answered again */
	friend_up(&bob, BOB);
	forget_all();
	json_t *message = update(names, 1, false);
	json_object_set_new(message, "first", json_true());
	friend_prop(&bob, BOB, "Update", message);
	assert_string_equal(shown(&bob), "laptop");
}

/* A prop counts from the hub alone, and none of those that are for devices does anything. */
static void
a_friend_cannot_act_on_our_zone(void **state)
{
	static const char *const statuses[] = {"registerServices", "pzpInfo",     "leave",
					       "policyEdit",       "Update_Hash", "Sync_Data",
					       "revoked",          "hubMoved",    "friendUpdate"};
	static const char *names[] = {"pad"};

	(void)state;
	forget_all();
	friend_prop(&bob, BOB "/pad", "Update", update(names, 1, false));
	friend_prop(&bob, CAROL, "Update", update(names, 1, false));
	friend_prop(&bob, ZONE, "Update", update(names, 1, false));
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		friend_prop(
			&bob, BOB, statuses[i],
			json_pack("{s:[o], s:s}", "services", service(LAPTOP, TEST), "zone", ZONE));
	assert_string_equal(friend_told(&laptop), "");
	assert_int_equal(pz_map_len(zone_of(ZONE)->services.announced), 0);
	assert_int_equal(count_told(&tv, "Update", TV), 0);
	assert_false(bob.link->closing);
}

/* ---- searches ---- */

static void
a_friends_device_finds_what_is_shared_with_it(void **state)
{
	(void)state;
	announce(&laptop, TEST, OTHER);
	announce(&tv, TEST, NULL);
	set_policy(RULE(BOB, DISCOVERY) ONE_DEVICE);
	forget_all();
	friend_prop(&bob, BOB, "findServices",
		    json_pack("{s:s, s:s}", "id", "f1", "for", BOB "/pad"));
	const char *both = found(&bob, "f1");
	assert_non_null(strstr(both, LAPTOP " test"));
	assert_non_null(strstr(both, TV " test"));
	assert_null(strstr(both, "other"));
	friend_prop(&bob, BOB, "findServices",
		    json_pack("{s:s, s:s}", "id", "f2", "for", BOB "/tv"));
	assert_string_equal(found(&bob, "f2"), "");
	friend_prop(&carol, CAROL, "findServices",
		    json_pack("{s:s, s:s}", "id", "f3", "for", BOB "/pad"));
	assert_string_equal(found(&carol, "f3"), "(no answer)");
	set_policy(ONE_DEVICE); /* without discovery nothing is found */
	friend_prop(&bob, BOB, "findServices",
		    json_pack("{s:s, s:s}", "id", "f4", "for", BOB "/pad"));
	assert_string_equal(found(&bob, "f4"), "");
}

/* The laptop searches as "x" in BOB; the id under which its hub asks. */
static void
begin_search(char id[64])
{
	struct pz_slice frame;
	size_t need;

	forget_all();
	say_prop(&laptop, LAPTOP, "findServices", json_pack("{s:s, s:s}", "id", "x", "zone", BOB));
	run(PZ_US_PER_MS);
	assert_ok(pz_frame_cut(pz_buf_slice(&bob.link->tx), PZ_FRAME_BYTES_MAX, &frame, &need));
	json_t *message = json_loadb((const char *)frame.ptr + PZ_FRAME_HEADER_BYTES,
				     frame.len - PZ_FRAME_HEADER_BYTES, 0, NULL);
	json_t *asked = json_object_get(json_object_get(message, "payload"), "message");
	assert_string_equal(pz_json_str(asked, "for"), LAPTOP);
	snprintf(id, 64, "%s", pz_json_str(asked, "id"));
	json_decref(message);
}

static void
a_device_searches_in_a_friend_zone(void **state)
{
	json_t *list = json_array();
	char id[64];

	(void)state;
	begin_search(id);
	/* Only services of its own zone count, and only from the hub that was asked. */
	json_array_append_new(list, service(BOB "/laptop", TEST));
	json_array_append_new(list, service(LAPTOP, OTHER));
	json_array_append_new(list, service(CAROL "/tv", OTHER));
	json_array_append_new(list, service(BOB, OTHER));
	friend_prop(&carol, CAROL, "foundServices",
		    json_pack("{s:s, s:[o]}", "id", id, "services", service(CAROL "/x", TEST)));
	friend_prop(&bob, BOB, "foundServices",
		    json_pack("{s:s, s:o}", "id", id, "services", list));
	assert_string_equal(found(&laptop, "x"), BOB "/laptop test");
}

/* Its hub could say so without end, and fill the queue to the device. */
static void
parts_of_an_answer_without_services_go_no_further(void **state)
{
	char id[64];

	(void)state;
	begin_search(id);
	for (int i = 0; i < 3; i++)
		friend_prop(&bob, BOB, "foundServices",
			    json_pack("{s:s, s:[o], s:b}", "id", id, "services",
				      service(CAROL "/x", TEST), "partial", 1));
	assert_int_equal(count_told(&laptop, "foundServices", LAPTOP), 0);
	friend_prop(&bob, BOB, "foundServices", json_pack("{s:s}", "id", id));
	assert_int_equal(count_told(&laptop, "foundServices", LAPTOP), 1);
}

static void
a_search_ends_without_an_answer(void **state)
{
	(void)state;
	forget_all();
	say_prop(&laptop, LAPTOP, "findServices", json_pack("{s:s, s:s}", "id", "x", "zone", BOB));
	run(2 * PZ_US_PER_S);
	assert_string_equal(found(&laptop, "x"), "");
	say_prop(&laptop, LAPTOP, "findServices",
		 json_pack("{s:s, s:s}", "id", "y", "zone", "dave@example.org"));
	assert_string_equal(found(&laptop, "y"), "");
	say_prop(&laptop, LAPTOP, "findServices", json_pack("{s:s, s:s}", "id", "z", "zone", BOB));
	friend_down(&bob);
	assert_string_equal(found(&laptop, "z"), "");
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
		TEST_(devices_get_what_friends_show),
		TEST_(a_friend_fills_no_memory),
		TEST_(a_friend_that_sends_without_end_costs_little),
		TEST_(a_friend_cannot_act_on_our_zone),
		TEST_(a_friends_device_finds_what_is_shared_with_it),
		TEST_(a_device_searches_in_a_friend_zone),
		TEST_(parts_of_an_answer_without_services_go_no_further),
		TEST_(a_search_ends_without_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
