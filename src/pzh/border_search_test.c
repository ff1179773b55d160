/*
 * What friends show about their devices, and searches across zones.
 * @spec page 4 "Between zones"; page 7, 4
 */
#include "pzh/border_fixture.h"

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
