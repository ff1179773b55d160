/* Props between devices on a direct link, true or false: which of them are accepted (pages 4 and
 * 6). */
#include "kit/json.h"
#include "pzp/peer_fixture.h"
#include "record/record.h"

#define MS PZ_US_PER_MS

static const json_t *
info_of(const char *device)
{
	return fx_peer(device)->info;
}

static void
answers_with_an_error(struct fx_far *far, const char *code, const char *about)
{
	json_t *error = NULL;

	assert_int_equal(fx_heard(far, "error", &error), 1);
	assert_string_equal(pz_json_str(error, "code"), code);
	assert_string_equal(pz_json_str(error, "about"), about);
	fx_forget(far);
}

static struct fx_far *
quiet_peer(const char *name)
{
	struct fx_far *far = fx_live(fx_device(name));

	fx_forget(far);
	return far;
}

/* ---- pzpInfo ---- */

static void
what_a_peer_says_of_itself_is_shown(void **state)
{
	struct fx_far *far = quiet_peer("tv");
	struct answer a;

	(void)state;
	fx_tells(far, "pzpInfo",
		 json_pack("{s:[s,s], s:i, s:s, s:s, s:b, s:b, s:s, s:s}", "addresses", "10.0.0.5",
			   "fe80::5", "port", 4711, "displayName", "Living room", "deviceType",
			   "tv", "relay", 1, "hub", 0, "session", "f81d4fae", "colour", "red"));
	begin(&a, "peers", json_object());
	assert_ok(a.err);
	const json_t *list =
		json_is_array(a.result) ? a.result : json_object_get(a.result, "peers");
	const json_t *tv = json_array_get(list, 0);
	assert_string_equal(pz_json_str(tv, "id"), ZONE "/tv");
	assert_string_equal(pz_json_str(tv, "displayName"), "Living room");
	assert_string_equal(pz_json_str(tv, "deviceType"), "tv");
	assert_string_equal(pz_json_str(tv, "route"), "direct");
	assert_int_equal(json_integer_value(json_object_get(tv, "port")), 4711);
	assert_int_equal(json_array_size(json_object_get(tv, "addresses")), 2);
	forget(&a);
	assert_true(fx_peer("tv")->is_relay);
	assert_false(fx_peer("tv")->has_hub);
	assert_string_equal(pz_peers_session_of(w.node->peers, "tv"), "f81d4fae");
	assert_null(json_object_get(info_of("tv"), "colour")); /* kept is what is known */
	assert_int_equal(fx_heard(far, "error", NULL), 0);
}

static json_t *
info_with(const char *member, json_t *takes_value)
{
	json_t *info = fx_info();

	if (takes_value)
		json_object_set_new(info, member, takes_value);
	else
		json_object_del(info, member);
	return info;
}

/* A part of its addresses is better than none of what it says. */
static void
addresses_that_are_none_are_left_out(void **state)
{
	struct fx_far *far = quiet_peer("tv");
	json_t *lists[] = {pz_kit_json_texts(2 * PZ_PEER_ADDRESSES_MAX + 9, "10.0.0.1"),
			   json_pack("[s, s, i, s]", "", "10.0.0.1", 7, "nonsense")};
	const size_t kept[] = {2 * PZ_PEER_ADDRESSES_MAX, 1};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fx_tells(far, "pzpInfo", info_with("addresses", lists[i]));
		assert_int_equal(fx_heard(far, "error", NULL), 0);
		assert_int_equal(json_array_size(json_object_get(info_of("tv"), "addresses")),
				 kept[i]);
	}
}

static void
a_pzp_info_of_a_wrong_form_changes_nothing(void **state)
{
	struct fx_far *far = quiet_peer("tv");

	(void)state;
	json_t *const wrong[] = {
		json_null(),
		json_array(),
		json_string("pzpInfo"),
		json_object(),
		info_with("port", NULL),
		info_with("port", json_integer(-1)),
		info_with("port", json_integer(65536)),
		info_with("port", json_string("8043")),
		info_with("addresses", NULL),
		info_with("addresses", json_object()),
		info_with("reach", json_string("radio")),
		info_with("reach", json_pack("[i]", 7)),
		info_with("reach", pz_kit_json_texts(1, "no device")),
		info_with("reach", pz_kit_json_texts(1, "")),
		info_with("reach", pz_kit_json_texts(PZ_PEER_REACH_MAX + 1, "radio")),
	};
	fx_tells(far, "pzpInfo", fx_info());
	const json_t *before = info_of("tv");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fx_tells(far, "pzpInfo", wrong[i]);
		answers_with_an_error(far, "badRequest", "pzpInfo");
		assert_ptr_equal(info_of("tv"), before);
		assert_false(far->near.is_closed);
	}
	fx_tells(far, "pzpInfo", info_with("reach", pz_kit_json_texts(PZ_PEER_REACH_MAX, "radio")));
	fx_tells(far, "pzpInfo",
		 info_with("addresses",
			   pz_kit_json_texts((size_t)2 * PZ_PEER_ADDRESSES_MAX, "10.0.0.1")));
	assert_int_equal(fx_heard(far, "error", NULL), 0);
}

static void
texts_that_must_not_be_shown_are_dropped(void **state)
{
	struct fx_far *far = quiet_peer("tv");
	json_t *info = fx_info();

	(void)state;
	json_object_set_new(info, "displayName", json_string("a\x1b[31mred\nb"));
	json_object_set_new(info, "deviceType", json_integer(7));
	json_object_set_new(info, "behind", json_string("me"));
	json_object_set_new(info, "session", pz_kit_json_texts(1, "x"));
	fx_tells(far, "pzpInfo", info);
	assert_null(json_object_get(info_of("tv"), "displayName"));
	assert_null(json_object_get(info_of("tv"), "deviceType"));
	assert_null(json_object_get(info_of("tv"), "behind"));
	assert_string_equal(pz_peers_session_of(w.node->peers, "tv"), "");
}

/* ---- other statuses ---- */

static void
an_unknown_status_is_answered_and_survived(void **state)
{
	struct fx_far *far = quiet_peer("tv");

	(void)state;
	fx_tells(far, "selfDestruct", NULL);
	answers_with_an_error(far, "unknownStatus", "selfDestruct");
	fx_tells(far, "Update", json_object()); /* that is a hub's word */
	answers_with_an_error(far, "unknownStatus", "Update");
	fx_tells(far, "revoked", json_object());
	answers_with_an_error(far, "unknownStatus", "revoked");
	static const char *const for_hubs[] = {"enrolHello", "enrollPzp", "revoke", "token"};
	for (size_t i = 0; i < sizeof(for_hubs) / sizeof(for_hubs[0]); i++) {
		fx_tells(far, for_hubs[i], json_object());
		answers_with_an_error(far, "refused", for_hubs[i]);
	}
	fx_tells(far, "error", json_string("what?")); /* no answer: it would never end */
	fx_tells(far, "error", json_object());
	assert_int_equal(json_array_size(far->heard), 0);
	assert_false(far->near.is_closed);
	assert_non_null(w.node->zone.membership);
}

static void
a_bye_is_the_end(void **state)
{
	struct fx_far *far = quiet_peer("tv");

	(void)state;
	fx_directory("tv", json_pack("[s]", "10.0.0.1"), TLS_PORT);
	fx_tells(far, "bye", json_pack("{s:s}", "reason", "going to sleep"));
	assert_true(far->near.is_closed);
	fx_state_is("tv", PZ_PEER_NOT_CONNECTED);
	assert_non_null(strstr(fx_peer("tv")->reason, "going to sleep"));
}

/* ---- what the hub writes, sent by a peer ---- */

/* @param value NULL: deleted; taken otherwise */
static json_t *
trusted_device(const char *device, json_t *value)
{
	return json_pack("{s:[{s:s, s:o, s:I, s:s, s:b}]}", "trusted-pzp", "key", device, "value",
			 value ? value : json_string(""), "mtime",
			 (json_int_t)pz_env_wall_ms(&w.world.clock.env) + (value ? 0 : 1), "origin",
			 ZONE, "deleted", value == NULL);
}

static bool
is_known(const char *device)
{
	return pz_knowledge_device(w.node->zone.knowledge, device) != NULL;
}

static void
a_device_is_deleted_by_the_hub_alone(void **state)
{
	const struct fx_device *radio = fx_device("radio");
	struct fx_far *far = quiet_peer("tv");

	(void)state;
	fx_tells(far, "Update_Data", trusted_device("radio", pz_record_cert(radio->id.ca)));
	assert_true(is_known("radio")); /* that is signed, whichever device sends it */
	uint64_t before = pz_metric_get(&w.node->metrics, PZ_METRIC_messages_dropped);
	fx_tells(far, "Update_Data", trusted_device("radio", NULL));
	assert_true(is_known("radio"));
	assert_int_equal(pz_metric_get(&w.node->metrics, PZ_METRIC_messages_dropped), before + 1);
	assert_int_equal(fx_heard(far, "error", NULL), 0);
	fx_peer("tv")->live->sync->other = PZ_SYNC_HUB; /* the same from the hub */
	fx_tells(far, "Update_Data", trusted_device("radio", NULL));
	assert_false(is_known("radio"));
	fx_peer("tv")->live->sync->other = PZ_SYNC_DEVICE;
}

static json_t *
list_of(const struct pz_crl *crl)
{
	return json_pack("{s:[{s:s, s:o, s:I, s:s, s:b}]}", "crl", "key", ZONE, "value",
			 pz_record_crl(crl), "mtime", (json_int_t)pz_crl_this_update_ms(crl),
			 "origin", ZONE, "deleted", 0);
}

/* A hub that was put back to a backup has made a newer list that lacks the device: the older one
 * counts beside it, and the device is gone from everything that is shown. */
static void
a_device_that_only_an_older_list_revokes_is_not_shown(void **state)
{
	const struct fx_device *radio = fx_device("radio");
	struct fx_far *far = quiet_peer("tv");
	struct pz_authority *a = w.authority;
	struct pz_crl *newer = NULL;

	(void)state;
	fx_tells(far, "Update_Data", trusted_device("radio", pz_record_cert(radio->id.ca)));
	fx_directory("radio", json_pack("[s]", "10.0.0.1"), TLS_PORT);
	pz_kit_revoke(&w.hub, a, "radio", PZ_REVOKED_BY_OWNER);
	assert_ok(pz_crl_issue(a->ca, a->ca_key, NULL, 0, pz_crl_number(a->crl) + 1,
			       &w.world.clock.env, &newer, NULL));
	fx_tells(far, "Update_Data", list_of(newer));
	pz_discovery_recall(w.node->calls, "radio", json_pack("[{s:s}]", "api", "x"));
	assert_true(pz_devices_has(w.node->calls, "radio"));

	fx_tells(far, "Update_Data", list_of(a->crl));
	assert_int_equal(pz_crl_number(pz_device_zone_crl(&w.node->zone)), pz_crl_number(newer));
	assert_true(pz_device_zone_has_left(&w.node->zone, "radio"));
	assert_null(pz_discovery_services_of(w.node->calls, "radio"));
	assert_null(json_object_get(pz_uplink_directory(w.node->uplink), "radio"));
	assert_false(pz_devices_has(w.node->calls, "radio"));
	pz_crl_free(newer);
}

/* ---- what it can have written into the log ---- */

static struct {
	unsigned lines, suppressed;
} logged;

static void
count_line(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	unsigned n = 0;

	(void)arg;
	(void)level;
	(void)id;
	logged.lines++;
	if (sscanf(text, "suppressed=%u", &n) == 1)
		logged.suppressed += n;
}

static json_t *
wrong_services(void)
{
	return json_pack("{s:s, s:[i]}", "from", ZONE "/tv", "services", 1);
}

static json_t *
wrong_error(void)
{
	return json_pack("{s:s}", "code", "x");
}

static json_t *
wrong_data(void)
{
	return json_pack("{s:i}", "want", 1);
}

static void
a_peer_does_not_fill_the_log(void **state)
{
	static const struct {
		const char *status;
		json_t *(*make)(void);
	} table[] = {
		{"error", wrong_error},      {"registerServices", wrong_services},
		{"Update_Data", wrong_data}, {"Update_Change", json_object},
		{"hubMoved", json_object},
	};
	struct fx_far *far = quiet_peer("tv");

	(void)state;
	pz_log_set_sink(count_line, NULL);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		fx_run(2 * PZ_US_PER_S); /* another second */
		logged.lines = 0;
		for (unsigned n = 0; n < 100; n++)
			fx_tells(far, table[i].status, table[i].make());
		assert_in_range(logged.lines, 1, PZ_LOG_LINES_PER_S + 1);
	}
	fx_run(2 * PZ_US_PER_S);
	logged.suppressed = 0;
	fx_tells(far, "error", wrong_error());
	assert_true(logged.suppressed == 0); /* of hubMoved three are looked at, and no more */
	for (unsigned n = 0; n < 100; n++)
		fx_tells(far, "error", wrong_error());
	fx_run(2 * PZ_US_PER_S);
	fx_tells(far, "error", wrong_error());
	assert_int_equal(logged.suppressed, 101 - PZ_LOG_LINES_PER_S);
	pz_log_set_sink(NULL, NULL);
}

/* ---- services ---- */

static size_t
count_services(const char *device)
{
	return json_array_size(pz_discovery_services_of(w.node->calls, device));
}

static void
services_of_the_peer_itself_are_believed(void **state)
{
	struct fx_far *far = quiet_peer("tv");

	(void)state;
	fx_tells(far, "registerServices", fx_services(ZONE "/tv", 3));
	assert_int_equal(count_services("tv"), 3);
	fx_tells(far, "registerServices", fx_services(ZONE "/tv", 1)); /* replaces */
	assert_int_equal(count_services("tv"), 1);
	fx_hangs_up(far);
	assert_int_equal(count_services("tv"), 0); /* its word goes with it */
}

static void
wrong_services_are_refused_as_a_whole(void **state)
{
	struct fx_far *far = quiet_peer("tv");
	json_t *foreign = fx_services(ZONE "/tv", 2);

	(void)state;
	fx_tells(far, "registerServices", fx_services(ZONE "/tv", 1));
	json_object_set_new(json_array_get(json_object_get(foreign, "services"), 1),
			    "serviceAddress", json_string(ZONE "/radio"));
	json_t *const wrong[] = {
		json_null(),
		json_object(),
		json_pack("{s:s}", "from", ZONE "/tv"),
		json_pack("{s:s, s:s}", "from", ZONE "/tv", "services", "all"),
		fx_services(ZONE "/tv", PZ_SERVICES_PER_DEVICE_MAX + 1),
		fx_services(ZONE "/tv/app", 1),
		fx_services("eve@example.org/tv", 1),
		fx_services(ZONE "/laptop", 1), /* ours */
		fx_services(ZONE, 0),
		foreign,
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fx_tells(far, "registerServices", wrong[i]);
		answers_with_an_error(far, "badRequest", "registerServices");
		assert_int_equal(count_services("tv"), 1);
	}
	assert_false(far->near.is_closed);
}

static json_t *
relay_info(bool has_hub)
{
	json_t *info = fx_info();

	json_object_set_new(info, "relay", json_true());
	json_object_set_new(info, "hub", json_boolean(has_hub));
	return info;
}

static void
services_of_others_are_refused(void **state)
{
	struct fx_far *far = quiet_peer("tv");

	(void)state;
	fx_tells(far, "registerServices", fx_services(ZONE "/radio", 1));
	answers_with_an_error(far, "badRequest", "registerServices");
	fx_tells(far, "pzpInfo", relay_info(false)); /* a relay's, too */
	fx_tells(far, "registerServices", fx_services(ZONE "/radio", 2));
	answers_with_an_error(far, "badRequest", "registerServices");
	fx_tells(far, "registerServices", fx_services(ZONE "/laptop", 1));
	answers_with_an_error(far, "badRequest", "registerServices");
	assert_int_equal(count_services("radio"), 0);
}

/* ---- relaying ---- */

static void
a_relay_is_a_way_only_by_a_link_through_it(void **state)
{
	struct fx_far *far = quiet_peer("tv");
	json_t *info = relay_info(true);

	(void)state;
	json_object_set_new(info, "reach", json_pack("[s, s]", "radio", "laptop"));
	fx_tells(far, "pzpInfo", info);
	assert_string_equal(pz_peers_route(w.node->peers, "radio"), "none");
	assert_string_equal(pz_peers_route(w.node->peers, "phone"), "none");
}

/* A peer that relays has no more rights than another one. */
static void
a_relay_cannot_speak_for_the_hub(void **state)
{
	struct fx_far *far = quiet_peer("tv");

	(void)state;
	fx_tells(far, "pzpInfo", relay_info(true));
	fx_says(far, fx_prop(ZONE, "revoked", json_pack("{s:s}", "reason", "gotcha")));
	fx_says(far, fx_prop(ZONE, "bye", json_object()));
	fx_says(far, fx_prop(ZONE, "foundServices", fx_services(ZONE "/radio", 2)));
	assert_int_not_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	assert_int_equal(count_services("radio"), 0);
	fx_says(far, fx_prop(ZONE "/radio", "pzpInfo", fx_info()));
	assert_null(fx_peer("radio"));
	fx_says(far, fx_prop(ZONE "/radio", "registerServices", fx_services(ZONE "/radio", 2)));
	assert_int_equal(count_services("radio"), 0);
}

/* Props are the word of the link's other end, also when it passes on for others. */
static void
a_relay_cannot_tell_what_another_device_is(void **state)
{
	struct fx_far *far = quiet_peer("tv"), *radio = quiet_peer("radio");

	(void)state;
	fx_tells(far, "pzpInfo", relay_info(false));
	fx_tells(radio, "pzpInfo", info_with("port", json_integer(4711)));
	fx_says(far, fx_prop(ZONE "/radio", "pzpInfo", fx_info()));
	fx_says(far, fx_prop(ZONE "/radio", "bye", json_object()));
	assert_int_equal(json_integer_value(json_object_get(info_of("radio"), "port")), 4711);
	assert_false(radio->near.is_closed);
}

/* ---- what we send ---- */

static void
a_peer_receives_new_links(void **state)
{
	struct fx_far *far = quiet_peer("tv");
	json_t *info = NULL;

	(void)state;
	struct fx_far *radio = fx_live(fx_device("radio"));
	fx_run(100 * MS);
	assert_true(fx_heard(far, "pzpInfo", &info) >= 1);
	assert_int_equal(json_array_size(json_object_get(info, "reach")), 2);
	fx_forget(far);
	fx_hangs_up(radio);
	fx_run(100 * MS);
	assert_true(fx_heard(far, "pzpInfo", &info) >= 1);
	assert_int_equal(json_array_size(json_object_get(info, "reach")), 1);
}

/* A relay carries bytes: it gets no consent to send messages of ours. */
static void
a_relay_gets_no_consent(void **state)
{
	struct fx_far *far = quiet_peer("tv");
	json_t *info = NULL;

	(void)state;
	fx_tells(far, "pzpInfo", relay_info(true));
	pz_peers_send_info(w.node->peers);
	fx_settle();
	assert_true(fx_heard(far, "pzpInfo", &info) >= 1);
	assert_null(json_object_get(info, "behind"));
}

static unsigned
answers_to_questions(struct fx_far *far)
{
	static const char *const questions[] = {"probe", "tryAddresses", "tryAddresses", "nonsense",
						"registerServices"};

	fx_forget(far);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		fx_tells(far, questions[i], json_pack("{s:s}", "id", "q"));
	return fx_heard(far, "keepAlive", NULL) + fx_heard(far, "triedAddresses", NULL) +
	       fx_heard(far, "error", NULL);
}

/* Its queue would grow with each question. */
static void
a_peer_that_does_not_read_gets_no_answers(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));
	struct pz_session *session = &fx_peer("tv")->live->link->session;

	(void)state;
	assert_int_equal(answers_to_questions(far), 4); /* the result of a trial comes later */
	session->queued += PZ_QUEUE_HIGH_BYTES + 1;
	assert_int_equal(answers_to_questions(far), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(what_a_peer_says_of_itself_is_shown),
		FX_TEST(addresses_that_are_none_are_left_out),
		FX_TEST(a_pzp_info_of_a_wrong_form_changes_nothing),
		FX_TEST(texts_that_must_not_be_shown_are_dropped),
		FX_TEST(an_unknown_status_is_answered_and_survived),
		FX_TEST(a_bye_is_the_end),
		FX_TEST(a_peer_does_not_fill_the_log),
		FX_TEST(a_device_is_deleted_by_the_hub_alone),
		FX_TEST(a_device_that_only_an_older_list_revokes_is_not_shown),
		FX_TEST(services_of_the_peer_itself_are_believed),
		FX_TEST(wrong_services_are_refused_as_a_whole),
		FX_TEST(services_of_others_are_refused),
		FX_TEST(a_relay_is_a_way_only_by_a_link_through_it),
		FX_TEST(a_relay_cannot_speak_for_the_hub),
		FX_TEST(a_relay_cannot_tell_what_another_device_is),
		FX_TEST(a_peer_receives_new_links),
		FX_TEST(a_relay_gets_no_consent),
		FX_TEST(a_peer_that_does_not_read_gets_no_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
