/* Details of the user and names of devices at the hub: pages 8 and 10. */
#include "pzh/fixture_devices.h"

static const struct pz_kit_answer *
user(const char *field, const char *value)
{
	return ask("user", json_pack("{s:s, s:s*}", "field", field, "value", value));
}

static const struct pz_kit_answer *
name(const char *device, const char *text)
{
	return text ? ask("name", json_pack("{s:s, s:s}", "device", device, "name", text))
		    : ask("name", json_pack("{s:s, s:b}", "device", device, "reset", 1));
}

static const char *
shown(const char *device)
{
	const json_t *list = ask("devices", json_object())->result, *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (strcmp(pz_json_str(one, "name"), device) == 0)
			return pz_json_str(one, "displayName");
	return "(none)";
}

static const struct pz_sync_chunk *
chunk_of(const char *key)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_USER_DETAILS);

	return pz_sync_item_get(pz_shared_item(zone_of(ZONE)->shared, kind), key);
}

/* A device gives a chunk. @param value JSON text; NULL: a deletion */
static void
brings(const struct device *by, const char *key, const char *value, const char *origin)
{
	json_t *chunk = json_pack("{s:s, s:s, s:s, s:I, s:b}", "key", key, "value",
				  value ? value : "", "origin", origin, "mtime",
				  (json_int_t)w.world.clock.wall_ms, "deleted", value == NULL);

	say_prop(by, by->address, "Update_Data", json_pack("{s:[o]}", "user-details", chunk));
	run(PZ_US_PER_S);
}

/* ---- details ---- */

static void
details_last_and_are_listed(void **state)
{
	(void)state;
	assert_int_equal(json_array_size(ask("user", json_object())->result), 0);
	const struct pz_kit_answer *a = user("phone", "+49 30 1");
	assert_ok(a->err);
	assert_string_equal(pz_json_str(a->result, "value"), "+49 30 1");
	assert_string_equal(pz_json_str(a->result, "by"), ZONE);
	assert_ok(user("fullName", "Alice \"A\"")->err);
	assert_ok(name("tv", "Kino")->err); /* is no detail of the user */
	restart_without_links();
	a = ask("user", json_object());
	assert_int_equal(json_array_size(a->result), 2);
	const json_t *first = json_array_get(a->result, 0);
	assert_string_equal(pz_json_str(first, "field"), "fullName");
	assert_string_equal(pz_json_str(first, "value"), "Alice \"A\"");
	assert_true(json_integer_value(json_object_get(first, "changed")) >= 1800000000);
	a = ask("user", json_pack("{s:s, s:b}", "field", "phone", "remove", 1));
	assert_ok(a->err);
	assert_true(json_is_null(json_object_get(a->result, "value")));
	assert_int_equal(user("phone", NULL)->err, PZ_ERR_NOTFOUND);
	assert_ok(user("fullName", NULL)->err);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *command, *params;
		enum pz_err err;
	} cases[] = {
		{"user", "{\"field\":\"phone\"}", PZ_ERR_NOTFOUND},
		{"user", "{\"field\":\"phone\",\"remove\":true}", PZ_ERR_NOTFOUND},
		{"user", "{\"field\":7}", PZ_ERR_CONFIG},
		{"user", "{\"value\":\"x\"}", PZ_ERR_CONFIG},
		{"user", "{\"field\":\"phone\",\"value\":7}", PZ_ERR_CONFIG},
		{"user", "{\"field\":\"phone\",\"value\":\"\"}", PZ_ERR_CONFIG},
		{"user", "{\"field\":\"phone\",\"value\":\"a\\nb\"}", PZ_ERR_CONFIG},
		{"user", "{\"field\":\"phone\",\"value\":\"x\",\"remove\":true}", PZ_ERR_CONFIG},
		{"user", "{\"field\":\"phone\",\"remove\":\"yes\"}", PZ_ERR_CONFIG},
		{"user", "{\"field\":\"device/tv\",\"value\":\"x\"}", PZ_ERR_CONFIG},
		{"user", "{\"field\":\"\",\"value\":\"x\"}", PZ_ERR_CONFIG},
		{"user", "{\"zone\":\"bob@example.org\"}", PZ_ERR_NOTFOUND},
		{"name", "{}", PZ_ERR_CONFIG},
		{"name", "{\"device\":\"tv\"}", PZ_ERR_CONFIG},
		{"name", "{\"device\":\"tv\",\"reset\":false}", PZ_ERR_CONFIG},
		{"name", "{\"device\":\"tv\",\"name\":\"x\",\"reset\":true}", PZ_ERR_CONFIG},
		{"name", "{\"device\":\"tv\",\"name\":\"a\\u001bb\"}", PZ_ERR_CONFIG},
		{"name", "{\"device\":\"nobody\",\"name\":\"x\"}", PZ_ERR_NOTFOUND},
		{"name", "{\"device\":\"a b\",\"name\":\"x\"}", PZ_ERR_NOTFOUND},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pz_kit_answer *a =
			ask(cases[i].command, json_loads(cases[i].params, 0, NULL));
		if (a->err != cases[i].err)
			fail_msg("%s: %d %s", cases[i].params, (int)a->err, a->detail);
	}
	assert_int_equal(json_array_size(ask("user", json_object())->result), 0);
	make_zone("bob@example.org");
	assert_int_equal(ask("user", json_object())->err, PZ_ERR_CONFIG); /* which zone? */
}

static void
a_change_is_sent_to_all(void **state)
{
	(void)state;
	forget_told(&laptop);
	forget_told(&tv);
	assert_ok(user("phone", "1")->err);
	assert_int_equal(count_told(&laptop, "Sync_Data", LAPTOP), 1);
	assert_int_equal(count_told(&tv, "Sync_Data", TV), 1);
	brings(&laptop, "phone", "\"2\"", LAPTOP);
	assert_int_equal(count_told(&laptop, "Sync_Data", LAPTOP), 0); /* it knows */
	assert_int_equal(count_told(&tv, "Sync_Data", TV), 1);
	assert_string_equal(pz_json_str(user("phone", NULL)->result, "by"), LAPTOP);
}

static void
a_full_disk_changes_nothing(void **state)
{
	(void)state;
	assert_ok(user("phone", "1")->err);
	assert_ok(name("phone", "Mine")->err);
	pz_memory_disk_fail_after(w.world.disk, 0);
	assert_int_equal(user("phone", "2")->err, PZ_ERR_IO_FULL);
	assert_int_equal(name("phone", "Yours")->err, PZ_ERR_IO_FULL);
	assert_string_equal(shown("phone"), "Mine");
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	assert_string_equal(pz_json_str(user("phone", NULL)->result, "value"), "1");
	restart_without_links();
	assert_string_equal(pz_json_str(user("phone", NULL)->result, "value"), "1");
	assert_string_equal(shown("phone"), "Mine");
}

static void
the_hub_may_end_while_a_change_is_under_way(void **state)
{
	struct pz_kit_answer a;

	(void)state;
	begin(&a, "user", json_pack("{s:s, s:s}", "field", "phone", "value", "1"));
	assert_int_equal(a.ends, 0);
	restart_without_links();
	run(PZ_US_PER_S);
	assert_int_equal(a.ends, 0);
	assert_int_equal(user("phone", NULL)->err, PZ_ERR_NOTFOUND);
}

/* ---- names ---- */

static void
a_name_counts_at_once_and_lasts(void **state)
{
	(void)state;
	forget_told(&laptop);
	const struct pz_kit_answer *a = name("phone", "Pocket");
	assert_ok(a->err);
	assert_string_equal(pz_json_str(a->result, "displayName"), "Pocket");
	json_t *entry = entry_told(&laptop, "phone");
	assert_string_equal(pz_json_str(entry, "displayName"), "Pocket");
	json_decref(entry);
	assert_string_equal(shown("phone"), "Pocket");
	restart_without_links();
	assert_string_equal(shown("phone"), "Pocket");
	a = name("phone", NULL);
	assert_ok(a->err);
	assert_true(json_is_null(json_object_get(a->result, "displayName")));
	assert_string_equal(shown("phone"), "phone");
}

/* The member's record is written a little later than the name. */
static void
a_crash_right_after_the_answer_keeps_the_name(void **state)
{
	struct pz_kit_answer a;

	(void)state;
	begin(&a, "name", json_pack("{s:s, s:s}", "device", "phone", "name", "Pocket"));
	run(COMMIT_US);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	json_decref(a.result);
	restart_without_links();
	assert_string_equal(shown("phone"), "Pocket");
}

/* @param text what the device says that it is called */
static void
says_it_is(const struct device *d, const char *text)
{
	say_prop(d, d->address, "pzpInfo",
		 json_pack("{s:[], s:i, s:s}", "addresses", "port", 8040, "displayName", text));
}

static void
the_device_has_the_last_word(void **state)
{
	(void)state;
	assert_ok(name("tv", "Kino")->err);
	assert_string_equal(shown("tv"), "Kino"); /* before it has received it */
	says_it_is(&tv, "Own");                   /* has opted out of details */
	assert_string_equal(shown("tv"), "Own");
	assert_ok(name("tv", NULL)->err);
	assert_string_equal(shown("tv"), "Own"); /* it will say itself */
	link_down(&tv);
	assert_string_equal(shown("tv"), "Own");
	restart_without_links();
	assert_string_equal(shown("tv"), "Own");
}

static void
a_preference_of_a_linked_device_waits_until_it_says_so(void **state)
{
	(void)state;
	says_it_is(&tv, "Before");
	brings(&tv, "device/tv", "\"After\"", TV);
	assert_string_equal(shown("tv"), "Before");
	brings(&laptop, "device/tv", "\"Given\"", LAPTOP);
	assert_string_equal(shown("tv"), "Given");
}

static void
names_come_from_devices_too(void **state)
{
	(void)state;
	forget_told(&tv);
	brings(&laptop, "device/phone", "\"Pocket\"", LAPTOP);
	assert_string_equal(shown("phone"), "Pocket");
	json_t *entry = entry_told(&tv, "phone");
	assert_string_equal(pz_json_str(entry, "displayName"), "Pocket");
	json_decref(entry);
	/* its own change, brought by another device: it has no link itself */
	brings(&laptop, "device/phone", "\"Its own\"", PHONE);
	assert_string_equal(shown("phone"), "Its own");
	brings(&laptop, "device/phone", NULL, LAPTOP);
	assert_string_equal(shown("phone"), "phone");
}

static void
a_name_goes_with_its_device(void **state)
{
	(void)state;
	assert_ok(name("phone", "Pocket")->err);
	assert_ok(ask("revoke", json_pack("{s:s}", "device", "phone"))->err);
	assert_true(chunk_of("device/phone")->deleted);
	assert_int_equal(name("phone", "Pocket")->err, PZ_ERR_NOTFOUND);
	/* a device without the deletion brings it back: it is deleted again, for all */
	forget_told(&laptop);
	brings(&laptop, "device/phone", "\"Pocket\"", LAPTOP);
	assert_true(chunk_of("device/phone")->deleted);
	assert_int_equal(count_told(&laptop, "Sync_Data", LAPTOP), 1);
	brings(&laptop, "device/never-here", "\"Ghost\"", LAPTOP);
	assert_true(chunk_of("device/never-here")->deleted);
}

/* What is stored on the device and not here, its owner shall know there. */
static void
a_refused_value_is_reported(void **state)
{
	(void)state;
	forget_told(&laptop);
	brings(&laptop, "no such field!", "\"1\"", LAPTOP);
	assert_int_equal(count_told(&laptop, "error", LAPTOP), 1);
	for (int i = 0; i < 20; i++) {
		json_t *chunk =
			json_pack("{s:s, s:s, s:s, s:I, s:b}", "key", "!", "value", "1", "origin",
				  LAPTOP, "mtime", (json_int_t)w.world.clock.wall_ms, "deleted", 0);
		say_prop(&laptop, LAPTOP, "Update_Data",
			 json_pack("{s:[o]}", "user-details", chunk));
	}
	assert_true(count_told(&laptop, "error", LAPTOP) < 10); /* not each of many */
}

static void
revoking_may_remove_what_a_device_wrote(void **state)
{
	(void)state;
	brings(&laptop, "email", "\"evil@x\"", LAPTOP);
	brings(&laptop, "nick", "\"evil\"", ZONE "/tv"); /* what it says of others, too */
	assert_ok(user("phone", "1")->err);
	const struct pz_kit_answer *a =
		ask("revoke", json_pack("{s:s, s:b}", "device", "laptop", "purge", 1));
	assert_ok(a->err);
	assert_int_equal(json_integer_value(json_object_get(a->result, "purged")), 2);
	assert_non_null(json_object_get(a->result, "crlNumber"));
	assert_true(chunk_of("email")->deleted && chunk_of("nick")->deleted);
	assert_false(chunk_of("phone")->deleted);
	/* again: it is out already */
	a = ask("revoke", json_pack("{s:s, s:b}", "device", "laptop", "purge", 1));
	assert_ok(a->err);
	assert_int_equal(json_integer_value(json_object_get(a->result, "purged")), 0);
	assert_int_equal(
		ask("revoke", json_pack("{s:s, s:b}", "device", "nobody", "purge", 1))->err,
		PZ_ERR_NOTFOUND);
}

static void
what_apps_stored_is_seen_and_removed(void **state)
{
	(void)state;
	const char *const keys[] = {"a k", "a l", "b k"};
	for (size_t i = 0; i < 3; i++)
		assert_ok(pz_shared_write(zone_of(ZONE)->shared, PZ_SYNC_APP_DATA, keys[i], "12",
					  NULL, NULL, NULL));
	const struct pz_kit_answer *a = ask("data", json_object());
	assert_int_equal(json_array_size(a->result), 2);
	json_t *first = json_array_get(a->result, 0);
	assert_string_equal(pz_json_str(first, "origin"), "a");
	assert_int_equal(json_integer_value(json_object_get(first, "keys")), 2);
	assert_int_equal(json_integer_value(json_object_get(first, "bytes")), 6);
	a = ask("data-remove", json_pack("{s:s, s:s}", "origin", "a", "key", "l"));
	assert_int_equal(json_integer_value(json_object_get(a->result, "removed")), 1);
	a = ask("data-remove", json_pack("{s:s}", "origin", "a"));
	assert_int_equal(json_integer_value(json_object_get(a->result, "removed")), 1);
	assert_int_equal(json_array_size(ask("data", json_object())->result), 1);
	assert_int_equal(ask("data-remove", json_object())->err, PZ_ERR_CONFIG);
	a = ask("data-remove", json_pack("{s:s}", "origin", "a"));
	assert_int_equal(json_integer_value(json_object_get(a->result, "removed")), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up_devices, tear_down_devices)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(details_last_and_are_listed),
		T(what_makes_no_sense_is_refused),
		T(a_change_is_sent_to_all),
		T(a_full_disk_changes_nothing),
		T(the_hub_may_end_while_a_change_is_under_way),
		T(a_name_counts_at_once_and_lasts),
		T(a_crash_right_after_the_answer_keeps_the_name),
		T(the_device_has_the_last_word),
		T(a_preference_of_a_linked_device_waits_until_it_says_so),
		T(names_come_from_devices_too),
		T(a_name_goes_with_its_device),
		T(a_refused_value_is_reported),
		T(revoking_may_remove_what_a_device_wrote),
		T(what_apps_stored_is_seen_and_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
