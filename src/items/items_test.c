/* The items of a device, in a node that is only a table (items.h): when a preference applies, what
 * a change reports, and which operations of the node it calls. */
#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "command/request.h"
#include "items/app_data.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "items/user_details.h"
#include "kit/answer.h"
#include "kit/clock.h"
#include "store/memory.h"
#include "wire/json.h"

#define APP "https://app.example.org"
#define DELAY_US PZ_US_PER_MS

static struct {
	struct pz_kit_clock clock;
	struct pz_memory_disk *disk;
	struct pz_store *store;
	struct pz_registry *registry;
	struct pz_requests requests;
	struct pz_device_zone zone;
	struct pz_items *items;
	bool is_held, is_leaving, has_session, is_hub_up, has_route, has_watcher;
	json_t *services; /* of any other device */
	unsigned changes, choices, names, events, settled, stored, app_changes;
	uint32_t changed;
	unsigned ends; /* of removals */
	enum pz_err err;
} w;

/* ---- the node ---- */

static bool
is_held(void *arg)
{
	(void)arg;
	return w.is_held;
}

static bool
is_leaving(void *arg)
{
	(void)arg;
	return w.is_leaving;
}

static bool
has_session(void *arg)
{
	(void)arg;
	return w.has_session;
}

static bool
hub_is_up(void *arg)
{
	(void)arg;
	return w.is_hub_up;
}

static bool
has_route(void *arg, const char *device)
{
	(void)arg;
	assert_string_not_equal(device, "phone");
	return w.has_route;
}

static json_t *
services_of(void *arg, const char *device)
{
	(void)arg;
	(void)device;
	return w.services;
}

static void
recall_services(void *arg, const char *device, json_t *takes_list)
{
	(void)arg;
	(void)device;
	json_decref(takes_list);
}

static void
forget_services(void *arg, const char *device)
{
	(void)arg;
	(void)device;
}

static enum pz_err
find_device(void *arg, const char *text, char out[PZ_DEVICE_BYTES_MAX + 1], struct pz_errinfo *info)
{
	(void)arg;
	(void)text;
	(void)out;
	return pz_fail(info, PZ_ERR_NOTFOUND, "no such device");
}

static const char *
app_refusal(void *arg, const char *origin)
{
	(void)arg;
	(void)origin;
	return NULL;
}

static bool
has_watcher(void *arg)
{
	(void)arg;
	return w.has_watcher;
}

static void
on_event(void *arg, json_t *takes_event)
{
	(void)arg;
	w.events++;
	json_decref(takes_event);
}

static void
prefs_changed(void *arg, uint32_t changed, bool is_choice)
{
	(void)arg;
	w.changes++;
	w.choices += is_choice;
	w.changed = changed;
}

static void
named(void *arg)
{
	(void)arg;
	w.names++;
}

static void
settled(void *arg, const struct pz_sync_kind *kind, const char *key, bool is_stored)
{
	(void)arg;
	(void)kind;
	(void)key;
	w.settled++;
	w.stored += is_stored;
}

static void
app_changed(void *arg, const char *key)
{
	(void)arg;
	(void)key;
	w.app_changes++;
}

static const struct pz_items_ops ops = {
	.is_held = is_held,
	.is_leaving = is_leaving,
	.has_session = has_session,
	.hub_is_up = hub_is_up,
	.has_route = has_route,
	.services_of = services_of,
	.recall_services = recall_services,
	.forget_services = forget_services,
	.find_device = find_device,
	.app_refusal = app_refusal,
	.has_watcher = has_watcher,
	.event = on_event,
	.prefs_changed = prefs_changed,
	.named = named,
	.app_changed = app_changed,
	.settled = settled,
};

/* ---- the world ---- */

static void
run(void)
{
	pz_kit_clock_run(&w.clock, 2 * DELAY_US);
}

/* A start of the daemon, on what the disk has. */
static void
start(void)
{
	struct pz_errinfo info = {""};

	w.store = pz_store_new_memory(&w.clock.env, w.disk, DELAY_US);
	const struct pz_items_config config = {
		.env = &w.clock.env,
		.store = w.store,
		.zone = &w.zone,
		.device = "phone",
		.registry = w.registry,
		.app_data_bytes_max = PZ_APP_DATA_BYTES_MAX,
		.ops = &ops,
	};
	w.items = pz_items_new(&config);
	assert_non_null(w.items);
	assert_ok(pz_items_set_self(w.items, "phone", &info));
	assert_ok(pz_user_prefs_load(w.items, &(struct pz_user_prefs_configured){0}, &info));
	assert_ok(pz_app_data_start(w.items, &info));
}

/* A crash: what is not on disk is lost. */
static void
stop(void)
{
	pz_items_free(w.items);
	pz_store_free(w.store);
}

static int
setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	pz_kit_clock_init(&w.clock);
	w.disk = pz_memory_disk_new();
	w.registry = pz_registry_new();
	pz_requests_init(&w.requests, &w.clock.env, NULL);
	start();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_requests_fini(&w.requests);
	stop();
	pz_registry_free(w.registry);
	pz_memory_disk_free(w.disk);
	return 0;
}

/* Runs one command, with the time that its commit takes. */
static enum pz_err
command(void (*handler)(struct pz_items *items, struct pz_request *request), json_t *takes_params)
{
	struct pz_kit_answer answer = {0};

	handler(w.items, pz_kit_request(&w.requests, takes_params, &answer));
	run();
	assert_int_equal(answer.ends, 1);
	enum pz_err err = answer.err;
	pz_kit_answer_fini(&answer);
	return err;
}

static enum pz_err
set_pref(const char *key, const char *value)
{
	return command(pz_user_prefs_command, json_pack("{s:s, s:s}", "key", key, "value", value));
}

static enum pz_err
store_value(const char *key, int value)
{
	return command(pz_app_data_set_command,
		       json_pack("{s:s, s:s, s:i}", "origin", APP, "key", key, "value", value));
}

static size_t
count_keys(void)
{
	struct pz_app_data_usage usage;

	pz_app_data_usage(w.items, APP, &usage);
	return usage.keys;
}

/* ---- preferences ---- */

static void
a_change_applies_at_once_and_is_a_choice(void **state)
{
	(void)state;
	assert_ok(set_pref("peer.relay", "false"));
	assert_int_equal(w.changes, 1);
	assert_int_equal(w.choices, 1);
	assert_int_equal(w.changed, PZ_PREF_BIT(PZ_PREF_PEER_RELAY));
	assert_false(pz_prefs_bool(pz_user_prefs(w.items), PZ_PREF_PEER_RELAY));
}

static void
a_change_waits_while_it_is_held(void **state)
{
	(void)state;
	w.is_held = true;
	assert_ok(set_pref("peer.relay", "false"));
	assert_int_equal(w.changes, 0);
	assert_true(pz_prefs_bool(pz_user_prefs(w.items), PZ_PREF_PEER_RELAY));
	json_t *pending = pz_user_prefs_pending(w.items);
	assert_int_equal(json_object_size(pending), 1);
	json_decref(pending);

	pz_user_prefs_apply(w.items); /* the state of the connection has changed */
	assert_int_equal(w.changes, 1);
	assert_int_equal(w.choices, 0);
	assert_false(pz_prefs_bool(pz_user_prefs(w.items), PZ_PREF_PEER_RELAY));
}

static void
a_value_lasts_and_is_no_change_at_the_start(void **state)
{
	(void)state;
	assert_ok(set_pref("ports.tls", "4711"));
	stop();
	w.changes = 0;
	start();
	assert_int_equal(w.changes, 0);
	assert_int_equal(pz_prefs_int(pz_user_prefs(w.items), PZ_PREF_PORTS_TLS), 4711);
}

static void
what_cannot_be_stored_is_not_changed(void **state)
{
	(void)state;
	pz_memory_disk_fail_next(w.disk, 1);
	assert_int_equal(set_pref("ports.tls", "4711"), PZ_ERR_IO_FULL);
	assert_int_equal(w.changes, 0);
	assert_int_equal(pz_prefs_int(pz_user_prefs(w.items), PZ_PREF_PORTS_TLS), 8040);
}

static void
leaving_the_zone_refuses_what_the_zone_shares(void **state)
{
	(void)state;
	w.is_leaving = true;
	assert_int_equal(command(pz_user_details_command,
				 json_pack("{s:s, s:s}", "field", "nickname", "value", "Al")),
			 PZ_ERR_DENIED);
	assert_int_equal(w.settled, 0);
	w.is_leaving = false;
	assert_ok(command(pz_user_details_command,
			  json_pack("{s:s, s:s}", "field", "nickname", "value", "Al")));
	assert_int_equal(w.settled, 1);
	assert_int_equal(w.stored, 1);
}

/* ---- what apps store ---- */

static void
on_removed(void *arg, enum pz_err err, const char *detail)
{
	(void)arg;
	(void)detail;
	w.ends++;
	w.err = err;
}

static void
a_removal_of_everything_ends_once(void **state)
{
	struct pz_app_data_removal removal = {.done = on_removed};
	size_t count = 0;

	(void)state;
	assert_ok(store_value("a", 1));
	assert_ok(store_value("b", 2));
	w.ends = 0;
	assert_ok(pz_app_data_remove(w.items, APP, NULL, &removal, &count, NULL));
	assert_int_equal(count, 2);
	assert_int_equal(w.ends, 0); /* never from inside */
	run();
	assert_int_equal(w.ends, 1);
	assert_ok(w.err);
	assert_int_equal(count_keys(), 0);
}

static void
a_removal_reports_its_first_failure_and_the_value_is_back(void **state)
{
	struct pz_app_data_removal removal = {.done = on_removed};
	size_t count = 0;

	(void)state;
	assert_ok(store_value("a", 1));
	assert_ok(store_value("b", 2));
	w.ends = 0;
	pz_memory_disk_fail_next(w.disk, 1);
	assert_ok(pz_app_data_remove(w.items, APP, NULL, &removal, &count, NULL));
	run();
	assert_int_equal(w.ends, 1);
	assert_int_equal(w.err, PZ_ERR_IO_FULL);
	assert_int_equal(count_keys(), 1);
}

static void
what_is_not_there_is_not_removed(void **state)
{
	struct pz_app_data_removal removal = {.done = on_removed};
	size_t count = 0;

	(void)state;
	assert_int_equal(pz_app_data_remove(w.items, APP, NULL, &removal, &count, NULL),
			 PZ_ERR_NOTFOUND);
	assert_int_equal(pz_app_data_remove(w.items, APP, "a", &removal, &count, NULL),
			 PZ_ERR_NOTFOUND);
	assert_int_equal(pz_app_data_remove(w.items, "no origin", "a", &removal, &count, NULL),
			 PZ_ERR_CONFIG);
	run();
	assert_int_equal(w.ends, 0);
}

static void
a_removal_under_way_ends_with_the_items(void **state)
{
	struct pz_app_data_removal removal = {.done = on_removed};
	size_t count = 0;

	(void)state;
	assert_ok(store_value("a", 1));
	w.ends = 0;
	assert_ok(pz_app_data_remove(w.items, APP, "a", &removal, &count, NULL));
	assert_int_equal(count, 1);
	stop();
	run();
	assert_int_equal(w.ends, 0);
	start(); /* the crash came before the commit */
	assert_int_equal(count_keys(), 1);
}

static void
a_session_that_a_crash_ended_is_cleared_at_the_start(void **state)
{
	(void)state;
	assert_ok(set_pref("app.clear-on-disconnect", "true"));
	assert_ok(store_value("a", 1));
	stop();
	start();
	assert_int_equal(count_keys(), 1); /* there was no session */
	w.has_session = true;
	pz_app_data_session_began(w.items);
	run();
	stop();
	start();
	assert_int_equal(count_keys(), 0);
	assert_int_equal(w.events, 1);
}

static void
an_end_of_a_session_clears_only_where_the_user_wants_it(void **state)
{
	(void)state;
	assert_ok(store_value("a", 1));
	w.has_session = true;
	pz_app_data_session_began(w.items);
	w.has_session = false;
	pz_app_data_session_ended(w.items, "zone");
	assert_int_equal(count_keys(), 1);
	assert_ok(set_pref("app.clear-on-disconnect", "true"));
	pz_app_data_session_ended(w.items, "zone");
	assert_int_equal(count_keys(), 0);
}

static void
an_app_that_ends_clears_its_own_and_only_where_the_user_wants_it(void **state)
{
	(void)state;
	assert_ok(store_value("a", 1));
	pz_app_data_app_ended(w.items, APP);
	assert_int_equal(count_keys(), 1);
	assert_ok(set_pref("app.clear-on-disconnect", "true"));
	pz_app_data_app_ended(w.items, "https://other.example");
	assert_int_equal(count_keys(), 1);
	pz_app_data_app_ended(w.items, APP);
	assert_int_equal(count_keys(), 0);
	run();
	stop();
	start();
	assert_int_equal(count_keys(), 0);
}

static void
a_change_of_what_an_app_stores_is_reported_and_so_is_its_undoing(void **state)
{
	(void)state;
	assert_ok(store_value("a", 1));
	run();
	assert_int_equal(w.app_changes, 1);
	pz_memory_disk_fail_next(w.disk, 1);
	assert_int_not_equal(store_value("a", 2), PZ_OK);
	assert_int_equal(w.app_changes, 3);
}

/* ---- services of devices that are away ---- */

static bool
is_offline(const char *address)
{
	json_t *descriptor = json_pack("{s:s}", "serviceAddress", address);
	bool is = pz_service_cache_is_offline(w.items, descriptor);

	json_decref(descriptor);
	return is;
}

static void
a_device_without_a_way_is_away(void **state)
{
	(void)state;
	assert_false(is_offline("alice@example.org/phone")); /* ours */
	assert_true(is_offline("alice@example.org/tv"));
	w.has_route = true;
	assert_false(is_offline("alice@example.org/tv"));
	w.has_route = false;
	/* The hub lists the services of devices that it reaches, at times before it says so. */
	w.services = json_array();
	assert_true(is_offline("alice@example.org/tv"));
	w.is_hub_up = true;
	assert_false(is_offline("alice@example.org/tv"));
	json_decref(w.services);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_applies_at_once_and_is_a_choice),
		TEST(a_change_waits_while_it_is_held),
		TEST(a_value_lasts_and_is_no_change_at_the_start),
		TEST(what_cannot_be_stored_is_not_changed),
		TEST(leaving_the_zone_refuses_what_the_zone_shares),
		TEST(a_removal_of_everything_ends_once),
		TEST(a_removal_reports_its_first_failure_and_the_value_is_back),
		TEST(what_is_not_there_is_not_removed),
		TEST(a_removal_under_way_ends_with_the_items),
		TEST(a_session_that_a_crash_ended_is_cleared_at_the_start),
		TEST(an_end_of_a_session_clears_only_where_the_user_wants_it),
		TEST(an_app_that_ends_clears_its_own_and_only_where_the_user_wants_it),
		TEST(a_change_of_what_an_app_stores_is_reported_and_so_is_its_undoing),
		TEST(a_device_without_a_way_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
