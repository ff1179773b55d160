/* Devices behind a relay, as the hub sees them: page 6 "Relaying", page 1 "Who may say what". */
#include "pzh/fixture_devices.h"

#define SERVICE_API "http://example.org/api/lamp"

/* The phone hangs behind the laptop. */
static void
hang_phone_behind(const struct device *relay)
{
	say_info(relay, json_pack("[o]", consent(&phone, relay)));
	assert_string_equal(member_of(&phone)->via, relay->membership->device);
}

/* @param via NULL: not connected */
static void
expect_entry(const struct device *d, const char *name, const char *via)
{
	json_t *entry = entry_told(d, name);

	assert_non_null(entry);
	assert_int_equal(json_is_true(json_object_get(entry, "connected")), via != NULL);
	if (via)
		assert_string_equal(pz_json_str(entry, "via"), via);
	else
		assert_null(json_object_get(entry, "via"));
	json_decref(entry);
}

static bool
is_behind(const struct device *d, const struct device *relay)
{
	struct pz_session *via = pz_router_behind(zone_of(ZONE)->router, pz_slice_str(d->address));

	assert_int_equal(via != NULL, member_of(d)->via != NULL);
	return via && via == &relay->link->session;
}

/* ---- being behind ---- */

static void
a_device_behind_a_relay_is_connected(void **state)
{
	(void)state;
	forget_told(&tv);
	hang_phone_behind(&laptop);
	expect_entry(&tv, "phone", "laptop");
	const json_t *list = ask("devices", json_object())->result, *one;
	size_t i;
	json_array_foreach (list, i, one) {
		bool is_phone = strcmp(pz_json_str(one, "name"), "phone") == 0;
		assert_true(json_is_true(json_object_get(one, "connected")));
		assert_int_equal(json_object_get(one, "via") != NULL, is_phone);
		if (is_phone)
			assert_string_equal(pz_json_str(one, "via"), "laptop");
	}
	forget_told(&laptop);
	say_call(&tv, TV, PHONE, "a.b");
	assert_int_equal(count_told(&laptop, "JSONRPC", PHONE), 1);
	say_call(&laptop, PHONE, TV, "a.b");
	say_call(&laptop, PHONE "/7f3a:1", TV, "a.b");
	assert_int_equal(count_told(&tv, "JSONRPC", TV), 2);
	assert_int_equal(metric(PZ_METRIC_spoofed), 0);
	/* a whole Update says so too */
	link_down(&tv);
	link_up(&tv);
	expect_entry(&tv, "phone", "laptop");
}

static void
what_is_not_listed_any_more_is_not_behind(void **state)
{
	(void)state;
	hang_phone_behind(&laptop);
	forget_told(&tv);
	say_info(&laptop, json_array());
	assert_false(is_behind(&phone, &laptop));
	expect_entry(&tv, "phone", NULL);
	hang_phone_behind(&laptop); /* the same moment, so the same consent */
	say_info(&laptop, NULL);
	assert_false(is_behind(&phone, &laptop));
	say_call(&tv, TV, PHONE, "a.b");
	assert_int_equal(error_told(&tv), PZ_RPC_UNREACHABLE);
	say_call(&laptop, PHONE, TV, "a.b");
	assert_int_equal(count_told(&tv, "JSONRPC", TV), 0);
	assert_int_equal(metric(PZ_METRIC_spoofed), 1);
}

static void
a_relay_that_goes_takes_them_along(void **state)
{
	(void)state;
	hang_phone_behind(&laptop);
	json_t *attestation = consent(&phone, &laptop);
	forget_told(&tv);
	link_down(&laptop);
	assert_null(member_of(&phone)->via);
	expect_entry(&tv, "phone", NULL);
	/* it comes back and says the same again */
	link_up(&laptop);
	say_info(&laptop, json_pack("[O]", attestation));
	assert_true(is_behind(&phone, &laptop));
	json_decref(attestation);
}

static void
a_relay_s_newer_link_begins_anew(void **state)
{
	struct device older = laptop;

	(void)state;
	hang_phone_behind(&laptop);
	link_up(&laptop);
	assert_null(member_of(&phone)->via);
	hang_phone_behind(&laptop);
	pz_turn_end(&w.turn); /* the older one ends */
	assert_ptr_not_equal(older.link, laptop.link);
	assert_true(is_behind(&phone, &laptop));
}

static void
saying_it_again_costs_nothing(void **state)
{
	(void)state;
	json_t *list = json_pack("[o]", consent(&phone, &laptop));
	say_info(&laptop, json_incref(list));
	assert_int_equal(laptop.conn->claims.checks, 1);
	forget_told(&tv);
	for (int i = 0; i < 100; i++)
		say_info(&laptop, json_incref(list));
	assert_int_equal(laptop.conn->claims.checks, 1);
	assert_null(entry_told(&tv, "phone"));
	json_decref(list);
	/* a newer consent is taken, and is no news for others */
	say_info(&laptop, json_pack("[o]", consent(&phone, &laptop)));
	assert_int_equal(laptop.conn->claims.checks, 2);
	assert_null(entry_told(&tv, "phone"));
	assert_true(is_behind(&phone, &laptop));
}

/* ---- consent ---- */

/* The laptop says that the phone is behind it, and that the car is. @param lie taken */
static void
expect_refused(json_t *lie)
{
	uint64_t before = metric(PZ_METRIC_attest_refused);

	link_down(&car);
	forget_told(&laptop);
	say_info(&laptop, json_pack("[o, o]", lie, consent(&car, &laptop)));
	assert_false(is_behind(&phone, &laptop));
	assert_true(is_behind(&car, &laptop)); /* the others count */
	assert_int_equal(metric(PZ_METRIC_attest_refused), before + 1);
	assert_int_equal(count_told(&laptop, "error", LAPTOP), 1);
	assert_false(laptop.link->closing);

	uint64_t spoofed = metric(PZ_METRIC_spoofed);
	forget_told(&tv);
	say_call(&laptop, PHONE, TV, "a.b");
	say_prop(&laptop, PHONE, "leave", NULL);
	assert_int_equal(count_told(&tv, "JSONRPC", TV), 0);
	assert_int_equal(metric(PZ_METRIC_spoofed), spoofed + 2);
	link_up(&car);
}

static void
a_relay_s_word_is_not_enough(void **state)
{
	(void)state;
	expect_refused(json_pack("{s:s}", "device", "phone"));
	expect_refused(json_string("phone"));
	expect_refused(json_null());
}

static void
consent_is_for_one_relay(void **state)
{
	(void)state;
	expect_refused(consent(&phone, &car));
	json_t *lie = consent(&phone, &car);
	json_object_set_new(lie, "relay", json_string("laptop"));
	expect_refused(lie);
}

static void
no_device_consents_for_another(void **state)
{
	(void)state;
	/* the laptop signs itself: with its own certificates, and with the phone's */
	struct pz_membership forged = *laptop.membership;
	struct device liar = {.membership = &forged};
	snprintf(forged.device, sizeof(forged.device), "phone");
	expect_refused(consent(&liar, &laptop));
	forged.tls = phone.membership->tls;
	forged.device_ca = phone.membership->device_ca;
	expect_refused(consent(&liar, &laptop));
	/* the television's consent with another name on it */
	json_t *lie = consent(&tv, &laptop);
	json_object_set_new(lie, "device", json_string("phone"));
	expect_refused(lie);
	snprintf(forged.device, sizeof(forged.device), "nobody");
	expect_refused(consent(&liar, &laptop));
}

static void
consent_ages(void **state)
{
	(void)state;
	json_t *old = consent(&phone, &laptop);
	pz_kit_clock_skip(&w.world.clock, (PZ_ATTEST_AGE_MS + 1) * 1000);
	expect_refused(old);

	hang_phone_behind(&laptop);
	run((PZ_ATTEST_AGE_MS - 1000) * 1000);
	assert_true(is_behind(&phone, &laptop));
	forget_told(&tv);
	run(660 * PZ_US_PER_S); /* the hub cleans up every ten minutes */
	assert_false(is_behind(&phone, &laptop));
	expect_entry(&tv, "phone", NULL);
}

static void
a_revoked_device_is_gone_at_once(void **state)
{
	struct answer answer;

	(void)state;
	hang_phone_behind(&laptop);
	forget_told(&tv);
	begin(&answer, "revoke", json_pack("{s:s}", "device", "phone"));
	run(COMMIT_US);
	assert_int_equal(answer.ends, 1);
	json_decref(answer.result);
	assert_false(is_behind(&phone, &laptop));
	json_t *entry = entry_told(&tv, "phone");
	assert_true(json_is_false(json_object_get(entry, "connected")));
	assert_true(json_is_true(json_object_get(entry, "revoked")));
	json_decref(entry);
	expect_refused(consent(&phone, &laptop));
}

/* Another device has got the name, before the first one ever had a link. */
static void
a_name_that_was_given_away_is_not_behind(void **state)
{
	struct device former;

	(void)state;
	hang_phone_behind(&laptop);
	former = phone;
	enrol(&phone, "phone");
	assert_ok(pz_hosted_refresh_trust(zone_of(ZONE), NULL));
	assert_false(is_behind(&phone, &laptop));
	expect_refused(consent(&former, &laptop));
	hang_phone_behind(&laptop);
	pz_membership_free(former.membership);
}

/* ---- a link of its own, another relay ---- */

static void
its_own_link_goes_first(void **state)
{
	(void)state;
	json_t *old = consent(&phone, &laptop);
	say_info(&laptop, json_pack("[O]", old));
	link_up(&phone);
	assert_false(is_behind(&phone, &laptop));
	assert_null(member_of(&phone)->behind);
	forget_told(&tv);
	say_call(&laptop, PHONE, TV, "a.b");
	assert_int_equal(count_told(&tv, "JSONRPC", TV), 0);
	assert_int_equal(metric(PZ_METRIC_spoofed), 1);
	/* What was agreed to before counts no more, also when the link is gone. */
	link_down(&phone);
	forget_told(&laptop);
	say_info(&laptop, json_pack("[o]", old));
	assert_false(is_behind(&phone, &laptop));
	assert_int_equal(count_told(&laptop, "error", LAPTOP), 0); /* it came late, no lie */
	pz_kit_clock_skip(&w.world.clock, 1000);
	hang_phone_behind(&laptop);
}

/* The hub need not know yet that the device's own link is dead. */
static void
a_claim_waits_for_the_end_of_its_own_link(void **state)
{
	(void)state;
	link_up(&phone);
	say_info(&laptop, json_pack("[o]", consent(&phone, &laptop)));
	assert_false(is_behind(&phone, &laptop));
	say_call(&laptop, PHONE, TV, "a.b");
	assert_int_equal(metric(PZ_METRIC_spoofed), 1);
	forget_told(&tv);
	link_down(&phone);
	assert_true(is_behind(&phone, &laptop));
	expect_entry(&tv, "phone", "laptop");
	link_up(&phone);
	assert_false(is_behind(&phone, &laptop));
	link_down(&phone);
	assert_false(is_behind(&phone, &laptop));
}

static void
a_claim_that_waits_may_be_given_up(void **state)
{
	(void)state;
	link_up(&phone);
	say_info(&laptop, json_pack("[o]", consent(&phone, &laptop)));
	assert_non_null(member_of(&phone)->behind);
	say_info(&laptop, json_array());
	assert_null(member_of(&phone)->behind);
	say_info(&car, json_pack("[o]", consent(&phone, &car)));
	link_down(&car);
	link_down(&phone);
	assert_null(member_of(&phone)->via);
}

static void
two_relays_do_not_fight_over_a_device(void **state)
{
	(void)state;
	json_t *old = consent(&phone, &laptop);
	say_info(&laptop, json_pack("[O]", old));
	say_info(&car, json_pack("[o]", consent(&phone, &car))); /* not newer */
	assert_true(is_behind(&phone, &laptop));
	pz_kit_clock_skip(&w.world.clock, 1000);
	say_info(&car, json_pack("[o]", consent(&phone, &car)));
	assert_true(is_behind(&phone, &car));
	say_info(&laptop, json_pack("[o]", old));
	assert_true(is_behind(&phone, &car));
	expect_entry(&tv, "phone", "car");
	say_call(&laptop, PHONE, TV, "a.b");
	assert_int_equal(metric(PZ_METRIC_spoofed), 1);
	link_down(&laptop);
	assert_true(is_behind(&phone, &car));
}

/* ---- what a device behind a relay may say to the hub ---- */

static json_t *
services(const char *from)
{
	return json_pack("{s:[{s:s, s:s, s:s, s:s}], s:s}", "services", "api", SERVICE_API,
			 "displayName", "Lamp", "description", "hall", "serviceAddress", from,
			 "from", from);
}

static void
its_services_are_found(void **state)
{
	(void)state;
	hang_phone_behind(&laptop);
	say_prop(&laptop, PHONE, "registerServices", services(PHONE));
	const json_t *list = pz_map_get(zone_of(ZONE)->services.announced, pz_slice_str("phone"));
	assert_int_equal(json_array_size(list), 1);
	forget_told(&laptop);
	say_prop(&laptop, PHONE, "findServices", json_pack("{s:i}", "id", 1));
	assert_int_equal(count_told(&laptop, "foundServices", PHONE), 1);
	say_prop(&laptop, PHONE, "findServices", json_pack("{s:[]}", "id"));
	assert_int_equal(count_told(&laptop, "error", PHONE), 1);
	say_call(&laptop, PHONE, ZONE, "ServiceDiscovery.findServices");
	assert_true(count_told(&laptop, "JSONRPC", PHONE) > 0);
	/* gone with it */
	say_info(&laptop, json_array());
	assert_null(pz_map_get(zone_of(ZONE)->services.announced, pz_slice_str("phone")));
}

static void
everything_else_is_for_its_own_link(void **state)
{
	static const char *const other[] = {"pzpInfo", "leave", "bye", "keepAlive", "error", "x"};

	(void)state;
	hang_phone_behind(&laptop);
	forget_told(&laptop);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		uint64_t dropped = metric(PZ_METRIC_messages_dropped);
		say_prop(&laptop, PHONE, other[i],
			 json_pack("{s:[], s:i, s:[o]}", "addresses", "port", 1, "behind",
				   consent(&tv, &phone)));
		assert_int_equal(metric(PZ_METRIC_messages_dropped), dropped + 1);
	}
	uint64_t dropped = metric(PZ_METRIC_messages_dropped);
	say_prop(&laptop, PHONE "/7f3a:1", "registerServices", services(PHONE));
	say_prop(&laptop, LAPTOP "/7f3a:1", "registerServices", services(LAPTOP));
	assert_int_equal(metric(PZ_METRIC_messages_dropped), dropped + 2);
	assert_int_equal(count_told(&laptop, "prop", PHONE), 0);
	assert_false(laptop.link->closing);
	assert_true(is_behind(&phone, &laptop));
	assert_false(member_of(&phone)->revoked);
	assert_int_equal(pz_map_len(zone_of(ZONE)->services.announced), 0);
}

/* ---- limits ---- */

static void
a_list_has_its_limit(void **state)
{
	(void)state;
	for (size_t n = PZ_BEHIND_MAX; n <= PZ_BEHIND_MAX + 1; n++) {
		json_t *list = json_pack("[o]", consent(&phone, &laptop));
		while (json_array_size(list) < n)
			json_array_append_new(list, json_null());
		say_info(&laptop, list);
		/* over the limit nothing is taken, and nothing changes */
		assert_true(is_behind(&phone, &laptop));
		assert_int_equal(metric(PZ_METRIC_attest_refused), PZ_BEHIND_MAX - 1);
	}
	forget_told(&laptop);
	say_info(&laptop, json_object());
	assert_int_equal(count_told(&laptop, "error", LAPTOP), 1);
	assert_true(is_behind(&phone, &laptop));
}

static void
verifying_has_its_limit(void **state)
{
	(void)state;
	json_t *lie = consent(&phone, &laptop);
	json_object_set_new(lie, "sig", json_string("AAAA"));
	for (unsigned i = 0; i < PZ_ATTEST_CHECKS_MAX + 5; i++)
		say_info(&laptop, json_pack("[O]", lie));
	assert_int_equal(laptop.conn->claims.checks, PZ_ATTEST_CHECKS_MAX);
	assert_int_equal(metric(PZ_METRIC_limits_hit), 5);
	say_info(&laptop, json_pack("[o]", consent(&phone, &laptop)));
	assert_false(is_behind(&phone, &laptop));
	hang_phone_behind(&car); /* others are not concerned */
	say_info(&car, NULL);
	pz_kit_clock_skip(&w.world.clock, PZ_ATTEST_WINDOW_US);
	hang_phone_behind(&laptop);
	json_decref(lie);
}

/* ---- the rest of pzpInfo ---- */

static void
info_is_passed_on(void **state)
{
	(void)state;
	forget_told(&car);
	say_prop(&tv, TV, "pzpInfo",
		 json_pack("{s:[s], s:i, s:b, s:s}", "addresses", "192.0.2.7", "port", 8040,
			   "listening", 1, "session", "b7Z+/=._:-"));
	json_t *entry = entry_told(&car, "tv");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(entry, "ipaddress"), 0)),
		"192.0.2.7");
	assert_int_equal(json_integer_value(json_object_get(entry, "port")), 8040);
	assert_true(json_is_true(json_object_get(entry, "listening")));
	assert_string_equal(pz_json_str(entry, "session"), "b7Z+/=._:-");
	assert_null(json_object_get(entry, "via"));
	json_decref(entry);
	/* another start is announced; then none is known until the next pzpInfo */
	say_prop(&tv, TV, "pzpInfo",
		 json_pack("{s:[s], s:i, s:b, s:s}", "addresses", "192.0.2.7", "port", 8040,
			   "listening", 1, "session", "b8"));
	entry = entry_told(&car, "tv");
	assert_string_equal(pz_json_str(entry, "session"), "b8");
	json_decref(entry);
	link_down(&tv);
	entry = entry_told(&car, "tv");
	assert_null(json_object_get(entry, "session"));
	assert_int_equal(json_integer_value(json_object_get(entry, "port")), 8040);
	json_decref(entry);
}

static void
a_session_is_a_short_name(void **state)
{
	static const char *const wrong[] = {
		"a b", "a\"b", "\\", "\n", "ä", "12345678901234567890123456789012345678901"};

	(void)state;
	forget_told(&tv);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		say_prop(
			&tv, TV, "pzpInfo",
			json_pack("{s:[], s:i, s:s}", "addresses", "port", 0, "session", wrong[i]));
		assert_int_equal(count_told(&tv, "error", TV), 1);
		assert_string_equal(member_of(&tv)->instance, "");
	}
	say_prop(&tv, TV, "pzpInfo",
		 json_pack("{s:[], s:i, s:i}", "addresses", "port", 0, "session", 5));
	assert_int_equal(count_told(&tv, "error", TV), 1);
}

static void
a_hub_may_end_with_devices_behind(void **state)
{
	(void)state;
	hang_phone_behind(&laptop);
	link_up(&phone);
	say_info(&car, json_pack("[o]", consent(&tv, &car)));
	link_down(&tv); /* now it is behind */
	assert_true(is_behind(&tv, &car));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up_devices, tear_down_devices)
	const struct CMUnitTest tests[] = {
		T(a_device_behind_a_relay_is_connected),
		T(what_is_not_listed_any_more_is_not_behind),
		T(a_relay_that_goes_takes_them_along),
		T(a_relay_s_newer_link_begins_anew),
		T(saying_it_again_costs_nothing),
		T(a_relay_s_word_is_not_enough),
		T(consent_is_for_one_relay),
		T(no_device_consents_for_another),
		T(consent_ages),
		T(a_revoked_device_is_gone_at_once),
		T(a_name_that_was_given_away_is_not_behind),
		T(its_own_link_goes_first),
		T(a_claim_waits_for_the_end_of_its_own_link),
		T(a_claim_that_waits_may_be_given_up),
		T(two_relays_do_not_fight_over_a_device),
		T(its_services_are_found),
		T(everything_else_is_for_its_own_link),
		T(a_list_has_its_limit),
		T(verifying_has_its_limit),
		T(info_is_passed_on),
		T(a_session_is_a_short_name),
		T(a_hub_may_end_with_devices_behind),
	};

	pz_log_threshold = PZ_LOG_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
