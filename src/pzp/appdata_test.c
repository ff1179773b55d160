/* What apps store on a device (page 8 app-data, page 10, page 14 DAT-2 and DAT-3), in a node with
 * other devices of its zone. */
#include "items/app_data.h"
#include "items/items.h"
#include "pzp/peer_fixture.h"

#define MS PZ_US_PER_MS
#define SHOP "https://shop.example"

/* ---- asking ---- */

static json_t *
naming(const char *origin, const char *key)
{
	return json_pack("{s:s*, s:s*}", "origin", origin, "key", key);
}

static json_t *
setting(const char *origin, const char *key, const char *value)
{
	json_t *params = naming(origin, key);

	json_object_set_new(params, "value", json_loads(value, JSON_DECODE_ANY, NULL));
	return params;
}

static void
sets(const char *origin, const char *key, const char *value)
{
	struct answer a;

	begin(&a, "data-set", setting(origin, key, value));
	assert_int_equal(a.ends, 0); /* durable before answered */
	fx_run(COMMIT_US);
	assert_int_equal(a.ends, 1);
	if (a.err != PZ_OK)
		fail_msg("%s", a.detail);
	forget(&a);
}

static void
removes(const char *origin, const char *key, int count)
{
	struct answer a;

	begin(&a, "data-remove", naming(origin, key));
	assert_int_equal(a.ends, 0);
	fx_run(COMMIT_US);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	assert_int_equal(json_integer_value(json_object_get(a.result, "removed")), count);
	forget(&a);
}

/* @param value NULL: without a value */
static void
has(const char *origin, const char *key, const char *value)
{
	struct answer a;

	begin(&a, "data-get", naming(origin, key));
	assert_int_equal(a.ends, 1);
	if (value == NULL) {
		assert_int_equal(a.err, PZ_ERR_NOTFOUND);
	} else {
		json_t *wanted = json_loads(value, JSON_DECODE_ANY, NULL);
		if (a.err != PZ_OK)
			fail_msg("%s", a.detail);
		assert_true(json_equal(json_object_get(a.result, "value"), wanted));
		json_decref(wanted);
	}
	forget(&a);
}

/* Fails now with this error, and the reason has this in it. */
static void
fails(const char *name, json_t *params, enum pz_err err, const char *reason)
{
	struct answer a;

	begin(&a, name, params);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, err);
	if (strstr(a.detail, reason) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", a.detail, reason);
	forget(&a);
}

/* The keys of an app, or the apps, one after the other. */
static const char *
listed(const char *origin, const char *prefix)
{
	static char text[512];
	struct answer a;
	json_t *one;
	size_t i;

	text[0] = '\0';
	begin(&a, "data-list", json_pack("{s:s*, s:s*}", "origin", origin, "prefix", prefix));
	assert_ok(a.err);
	assert_null(json_object_get(a.result, "next"));
	json_array_foreach (json_object_get(a.result, origin ? "keys" : "origins"), i, one) {
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s", len ? "," : "",
			 pz_json_str(one, origin ? "key" : "origin"));
	}
	forget(&a);
	return text;
}

static void
prefers(const char *key, bool on)
{
	struct answer a;

	begin(&a, "prefs", json_pack("{s:s, s:b}", "key", key, "value", on));
	fx_run(COMMIT_US);
	assert_ok(a.err);
	forget(&a);
}

/* From the start on, for the preferences that wait while the node connects. */
static void
starts_with(const char *key)
{
	prefers(key, true);
	restart_node();
}

/* What apps store is this device's own. */
static void
starts_alone(void)
{
	prefers("sync.app-data", false);
	restart_node();
}

/* kill -9: what was not stored is lost, and nothing is cleaned up. */
static void
crashes_and_starts(void)
{
	pz_memory_disk_fail_after(w.world.disk, 0);
	stop_node();
	pz_store_free(PZ_TAKE(w.world.store));
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	pz_kit_world_restart(&w.world);
	start_node();
}

/* The dial to the hub is forgotten: nothing comes of it. */
static void
no_dial(void)
{
	w.node->uplink->dial = NULL;
	for (size_t i = 0; i < w.net.dial_count; i++)
		if (strcmp(w.net.dials[i].host, HOST) == 0)
			w.net.dials[i].is_over = true;
}

static void
connects(void)
{
	no_dial();
	become_connected();
	no_dial();
}

static size_t
chunks(void)
{
	return pz_sync_item_len(
		pz_shared_item(pz_items_shared(w.node->items), pz_sync_kind(PZ_SYNC_APP_DATA)));
}

/* Records of the store whose name begins so. */
struct stored {
	const char *prefix;
	size_t count;
};

static enum pz_err
count_one(void *arg, const char *key, struct pz_slice value)
{
	struct stored *stored = arg;

	(void)value;
	stored->count += strncmp(key, stored->prefix, strlen(stored->prefix)) == 0;
	return PZ_OK;
}

static size_t
on_disk(const char *prefix)
{
	struct stored stored = {.prefix = prefix};

	assert_ok(pz_store_load(w.world.store, "shared", count_one, &stored, NULL));
	return stored.count;
}

/* ---- one app's own ---- */

static void
a_value_is_kept(void **state)
{
	(void)state;
	sets(SHOP, "cart", "[\"milk\", 1.5, null]");
	sets(SHOP, "t\xc3\xa9 \"x\"/y", "\"\\u00fc\"");
	sets("tool", "n", "null");
	has(SHOP, "cart", "[\"milk\", 1.5, null]");
	sets(SHOP, "cart", "{\"a\":{}}");
	restart_node();
	has(SHOP, "cart", "{\"a\":{}}");
	has(SHOP, "t\xc3\xa9 \"x\"/y", "\"\\u00fc\"");
	has("tool", "n", "null");
	has("tool", "other", NULL);
	assert_string_equal(listed(NULL, NULL), SHOP ",tool");
	assert_string_equal(listed(SHOP, NULL), "cart,t\xc3\xa9 \"x\"/y");
	assert_string_equal(listed(SHOP, "t"), "t\xc3\xa9 \"x\"/y");
	assert_string_equal(listed("nobody", NULL), "");
}

static void
what_was_answered_survives_a_crash(void **state)
{
	struct answer a;

	(void)state;
	sets("tool", "k", "1");
	begin(&a, "data-set", setting("tool", "k", "2")); /* not answered: may be lost */
	crashes_and_starts();
	forget(&a);
	has("tool", "k", "1");
	removes("tool", "k", 1);
	crashes_and_starts();
	has("tool", "k", NULL);
}

static void
a_full_disk_changes_nothing(void **state)
{
	struct answer a;

	(void)state;
	sets("tool", "k", "1");
	pz_memory_disk_fail_after(w.world.disk, 0);
	begin(&a, "data-set", setting("tool", "k", "2"));
	fx_run(COMMIT_US);
	assert_int_equal(a.err, PZ_ERR_IO_FULL);
	assert_non_null(strstr(a.detail, "not changed, it cannot be stored"));
	forget(&a);
	has("tool", "k", "1");
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	restart_node();
	has("tool", "k", "1");
}

static void
apps_are_separate(void **state)
{
	(void)state;
	sets("a", "b c", "1");
	sets("a", "b", "2");
	sets("a.b", "c", "3");
	sets("ab", "c", "4");
	sets("a", " b", "5");
	fails("data-get", naming("a b", "c"), PZ_ERR_CONFIG, "is no origin");
	has("a", "b c", "1");
	has("a", "c", NULL);
	has("ab", "b", NULL);
	assert_string_equal(listed("a", NULL), " b,b,b c");
	assert_string_equal(listed("ab", NULL), "c");
	removes("a", NULL, 3);
	assert_string_equal(listed(NULL, NULL), "a.b,ab");
	has("a.b", "c", "3");
	fails("data-remove", naming("a", NULL), PZ_ERR_NOTFOUND, "a has stored nothing");
	fails("data-remove", naming("ab", "b"), PZ_ERR_NOTFOUND, "ab has no key \"b\"");
}

static void
wrong_parameters_are_refused(void **state)
{
	char *key = calloc(1, 300);
	char *value = calloc(1, PZ_SYNC_VALUE_BYTES_MAX + 3);

	(void)state;
	fails("data-get", json_object(), PZ_ERR_CONFIG, "needs origin");
	fails("data-get", naming("a", NULL), PZ_ERR_CONFIG, "needs key");
	fails("data-set", naming("a", "b"), PZ_ERR_CONFIG, "any JSON");
	fails("data-set", naming("a", NULL), PZ_ERR_CONFIG, "needs key");
	fails("data-remove", json_object(), PZ_ERR_CONFIG, "needs origin");
	fails("data-remove", json_pack("{s:s, s:i}", "origin", "a", "key", 1), PZ_ERR_CONFIG,
	      "key must be a text"); /* not: everything */
	fails("data-list", json_pack("{s:s}", "prefix", "x"), PZ_ERR_CONFIG, "origin too");
	fails("data-list", json_pack("{s:s}", "origin", "x y"), PZ_ERR_CONFIG, "no origin");
	fails("data-set", setting("a", "b\n", "1"), PZ_ERR_CONFIG, "control characters");
	memset(key, 'k', 299);
	fails("data-set", setting("a", key, "1"), PZ_ERR_LIMIT, "at most 254 fit");
	fails("data-list", json_pack("{s:s, s:s}", "origin", "a", "after", key), PZ_ERR_CONFIG,
	      "longer than any key");
	memset(value, 'v', PZ_SYNC_VALUE_BYTES_MAX + 1);
	value[0] = value[PZ_SYNC_VALUE_BYTES_MAX] = '"';
	fails("data-set", setting("a", "b", value), PZ_ERR_LIMIT,
	      "the value has 1048577 bytes, at most 1048576 fit");
	value[PZ_SYNC_VALUE_BYTES_MAX] = '\0';
	value[PZ_SYNC_VALUE_BYTES_MAX - 1] = '"';
	sets("a", "b", value);
	free(key);
	free(value);
}

/* Without looking at what an app may have: many of them. */
static void
fills(const char *chunk_key)
{
	assert_ok(pz_shared_write(pz_items_shared(w.node->items), PZ_SYNC_APP_DATA, chunk_key, "1",
				  NULL, NULL, NULL));
}

static void
a_long_list_comes_in_parts(void **state)
{
	const int count = 3000;
	char after[300] = "", key[300];
	int seen = 0, parts = 0;
	struct answer a;

	(void)state;
	for (int i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "tool %0200d", i);
		fills(key);
	}
	do {
		json_t *keys;
		begin(&a, "data-list",
		      json_pack("{s:s, s:s*}", "origin", "tool", "after", after[0] ? after : NULL));
		assert_ok(a.err);
		keys = json_object_get(a.result, "keys");
		snprintf(key, sizeof(key), "%0200d", seen);
		assert_string_equal(pz_json_str(json_array_get(keys, 0), "key"), key);
		seen += (int)json_array_size(keys);
		parts++;
		const char *next = pz_json_str(a.result, "next");
		snprintf(after, sizeof(after), "%s", next ? next : "");
		forget(&a);
	} while (after[0]);
	assert_int_equal(seen, count);
	assert_true(parts > 1 && parts < 10);
}

/* ---- an app's share ---- */

static void
a_share_is_a_limit_with_numbers(void **state)
{
	struct pz_node_config config = {.app_data_bytes_max = 1000};
	char value[1000];

	(void)state;
	pz_node_reconfigure(w.node, &config);
	memset(value, 'v', sizeof(value));
	value[0] = value[989] = '"';
	value[990] = '\0';
	sets("a", "0123456789", value); /* 1000 bytes */
	fails("data-set", setting("a", "x", "1"), PZ_ERR_LIMIT,
	      "a may store 1000 bytes of keys and values from one device and has 1000 from laptop; "
	      "these would be 1002");
	sets("b", "x", "1"); /* each has its own */
	sets("a", "0123456789", "1");
	sets("a", "x", "1");
	/* Over it, as when values have come from elsewhere: less is always possible. */
	config.app_data_bytes_max = 5;
	pz_node_reconfigure(w.node, &config);
	fails("data-set", setting("a", "0123456789", "22"), PZ_ERR_LIMIT, "has 13");
	sets("a", "0123456789", "2");
	removes("a", "0123456789", 1);
	sets("a", "x", "22");
}

static void
apps_and_keys_are_bounded(void **state)
{
	char text[32];

	(void)state;
	for (int i = 0; i < PZ_APP_ORIGINS_MAX; i++) {
		snprintf(text, sizeof(text), "app%d", i);
		assert_ok(pz_app_data_set(w.node->items, text, "k", "1", NULL, NULL, NULL));
	}
	fails("data-set", setting("more", "k", "1"), PZ_ERR_LIMIT, "256 apps");
	sets("app0", "l", "1");
	removes("app7", NULL, 1);
	sets("more", "k", "1");
	for (int i = 0; i < PZ_APP_KEYS_MAX - 1; i++) {
		snprintf(text, sizeof(text), "more %d", i);
		fills(text);
	}
	fails("data-set", setting("more", "x", "1"), PZ_ERR_LIMIT, "3072");
	sets("app0", "x", "1");
	run(COMMIT_US);
}

/* ---- together with others ---- */

static json_t *
chunk_json(const char *key, const char *value, const char *origin)
{
	return json_pack("{s:s, s:s, s:I, s:s, s:b}", "key", key, "value", value ? value : "",
			 "mtime", (json_int_t)w.world.clock.wall_ms, "origin", origin, "deleted",
			 value == NULL);
}

static void
offers(struct fx_far *far, const char *item, json_t *chunk)
{
	fx_tells(far, "Update_Data", json_pack("{s:[o]}", item, chunk));
}

/* The chunk of app-data that was pushed last; NULL: none. Borrowed. */
static json_t *
pushed(const struct fx_far *far)
{
	json_t *message = NULL;

	if (fx_heard(far, "Update_Data", &message) == 0)
		return NULL;
	return json_array_get(json_object_get(message, "app-data"), 0);
}

static void
nothing_leaves_or_enters_where_it_is_not_wanted(void **state)
{
	(void)state;
	starts_alone();
	struct fx_far *far = fx_live(fx_device("tv"));
	fx_forget(far);
	sets("a", "k", "1");
	fx_run(PZ_US_PER_S);
	assert_null(pushed(far));
	offers(far, "app-data", chunk_json("a k", "2", ZONE "/tv"));
	has("a", "k", "1");
	removes("a", "k", 1);
	fx_run(PZ_US_PER_S);
	assert_null(pushed(far));
	assert_int_equal(chunks(), 0); /* no device has it: nothing is left of it */
	assert_int_equal(on_disk("app-data/"), 0);
}

static void
changes_travel_by_default(void **state)
{
	struct answer watch;

	(void)state;
	struct fx_far *far = fx_live(fx_device("tv"));
	fx_forget(far);
	sets("a", "k", "1");
	fx_run(PZ_SYNC_COALESCE_US);
	assert_string_equal(pz_json_str(pushed(far), "key"), "a k");
	assert_string_equal(pz_json_str(pushed(far), "value"), "1");
	assert_string_equal(pz_json_str(pushed(far), "origin"), ZONE "/laptop");
	begin(&watch, "watch", json_object());
	offers(far, "app-data", chunk_json("a k", "2", ZONE "/tv"));
	has("a", "k", "2");
	assert_string_equal(pz_json_str(watch.last_event, "event"), "data");
	assert_string_equal(pz_json_str(watch.last_event, "origin"), "a");
	assert_string_equal(pz_json_str(watch.last_event, "key"), "k");
	assert_string_equal(pz_json_str(watch.last_event, "from"), ZONE "/tv");
	assert_true(json_is_false(json_object_get(watch.last_event, "deleted")));
	fx_run(MS);
	offers(far, "app-data", chunk_json("a k", NULL, ZONE "/tv"));
	assert_true(json_is_true(json_object_get(watch.last_event, "deleted")));
	has("a", "k", NULL);
	unsigned events = watch.events;
	fx_run(MS);
	sets("a", "k", "3"); /* our own is no news */
	fx_forget(far);
	removes("a", "k", 1);
	fx_run(PZ_SYNC_COALESCE_US);
	assert_true(json_is_true(json_object_get(pushed(far), "deleted")));
	assert_int_equal(chunks(), 1);
	assert_int_equal(watch.events, events);
	forget(&watch);
}

static void
what_is_no_apps_is_refused(void **state)
{
	static const char *const keys[] = {"k", "a", "null k", "http://a/ k", "-a k", "A:1 k"};

	(void)state;
	struct fx_far *far = fx_live(fx_device("tv"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		offers(far, "app-data", chunk_json(keys[i], "1", ZONE "/tv"));
	offers(far, "app-data", chunk_json("a k", "no JSON", ZONE "/tv"));
	offers(far, "app-data", chunk_json("a k", "1", "bob@example.org/tv"));
	assert_int_equal(chunks(), 0);
	offers(far, "app-data", chunk_json("a k", "1", ZONE "/phone")); /* it passes on */
	assert_int_equal(chunks(), 1);
}

/* ---- the zone is left ---- */

static void
leaves(void)
{
	struct answer a;

	begin(&a, "leave", json_object());
	fx_run(10 * PZ_US_PER_S);
	assert_ok(a.err);
	forget(&a);
}

static void
what_was_not_shared_stays_when_the_zone_is_left(void **state)
{
	(void)state;
	starts_alone();
	sets("a", "k", "1");
	leaves();
	has("a", "k", "1");
	restart_node();
	has("a", "k", "1");
	sets("a", "l", "2"); /* also without a zone */
	removes("a", "k", 1);
	assert_int_equal(chunks(), 1);
}

static void
what_was_shared_goes_with_the_zone(void **state)
{
	(void)state;
	sets("a", "k", "1");
	leaves();
	has("a", "k", NULL);
	assert_int_equal(on_disk(""), 0);
	restart_node();
	has("a", "k", NULL);
}

/* ---- app.clear-on-disconnect ---- */

static void
is_empty(void)
{
	assert_int_equal(chunks(), 0);
	fx_run(2 * COMMIT_US);
	assert_int_equal(on_disk("app-data/"), 0);
}

static void
the_end_of_the_hubs_session_clears(void **state)
{
	struct answer watch;

	(void)state;
	starts_with("app.clear-on-disconnect");
	connects();
	sets("a", "k", "1");
	sets("b", "k", "1");
	removes("b", "k", 1);
	begin(&watch, "watch", json_object());
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_DISCONNECT,
				   "by hand"));
	is_empty();
	assert_int_equal(watch.events, 1 + 1 + 2); /* watching, this, and two states */
	forget(&watch);
	sets("a", "k", "2"); /* without a session nothing ends */
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_CONNECT, NULL));
	no_dial();
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_LINK_FAILED,
				   "no hub"));
	has("a", "k", "2");
	restart_node();
	has("a", "k", "2");
}

static void
the_end_of_a_peers_session_clears(void **state)
{
	(void)state;
	starts_with("app.clear-on-disconnect");
	struct fx_far *far = fx_live(fx_device("tv"));
	sets("a", "k", "1");
	struct fx_far *newer = fx_live(fx_device("tv")); /* continues by another link */
	has("a", "k", "1");
	(void)far;
	fx_hangs_up(newer);
	is_empty();
	sets("a", "k", "2"); /* once */
	fx_run(PZ_US_PER_S);
	has("a", "k", "2");
}

static void
what_a_crash_ended_is_cleared_at_the_start(void **state)
{
	(void)state;
	starts_with("app.clear-on-disconnect");
	sets("a", "k", "1");
	crashes_and_starts();
	has("a", "k", "1"); /* there was no session */
	connects();
	fx_run(COMMIT_US);
	crashes_and_starts();
	is_empty();
	sets("a", "k", "2");
	crashes_and_starts(); /* once */
	has("a", "k", "2");
}

static void
a_stop_is_an_end(void **state)
{
	(void)state;
	starts_with("app.clear-on-disconnect");
	connects();
	sets("a", "k", "1");
	restart_node();
	assert_int_equal(chunks(), 0);
}

static void
the_preference_waits_for_the_reconnect(void **state)
{
	(void)state;
	connects();
	sets("a", "k", "1");
	prefers("app.clear-on-disconnect", true);
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_DISCONNECT,
				   "by hand"));
	has("a", "k", "1"); /* nothing had been stored about this session */
	connects();
	prefers("app.clear-on-disconnect", false);
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_DISCONNECT,
				   "by hand"));
	is_empty();
	sets("a", "k", "1");
	connects();
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_DISCONNECT,
				   "by hand"));
	has("a", "k", "1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(a_value_is_kept),
		FX_TEST(what_was_answered_survives_a_crash),
		FX_TEST(a_full_disk_changes_nothing),
		FX_TEST(apps_are_separate),
		FX_TEST(wrong_parameters_are_refused),
		FX_TEST(a_long_list_comes_in_parts),
		FX_TEST(a_share_is_a_limit_with_numbers),
		FX_TEST(apps_and_keys_are_bounded),
		FX_TEST(nothing_leaves_or_enters_where_it_is_not_wanted),
		FX_TEST(changes_travel_by_default),
		FX_TEST(what_is_no_apps_is_refused),
		FX_TEST(what_was_not_shared_stays_when_the_zone_is_left),
		FX_TEST(what_was_shared_goes_with_the_zone),
		FX_TEST(the_end_of_the_hubs_session_clears),
		FX_TEST(the_end_of_a_peers_session_clears),
		FX_TEST(what_a_crash_ended_is_cleared_at_the_start),
		FX_TEST(a_stop_is_an_end),
		FX_TEST(the_preference_waits_for_the_reconnect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
