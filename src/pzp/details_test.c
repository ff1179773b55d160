/* Details of the user and names of devices at a device: pages 8 and 10. */
#include "items/items.h"
#include "peers/internal.h"
#include "pzp/node_fixture.h"

#define TV ZONE "/tv"

/* To its end; the result is freed with the next call. @param params taken */
static const struct answer *
ask(const char *command, json_t *params)
{
	static struct answer a;

	forget(&a);
	begin(&a, command, params);
	run(2 * COMMIT_US); /* the name is written twice: for the zone, and for this device */
	assert_int_equal(a.ends, 1);
	return &a;
}

static const struct answer *
user(const char *field, const char *value)
{
	return ask("user", json_pack("{s:s, s:s*}", "field", field, "value", value));
}

static const struct answer *
name(const char *device, const char *text)
{
	return text ? ask("name", json_pack("{s:s, s:s}", "device", device, "name", text))
		    : ask("name", json_pack("{s:s, s:b}", "device", device, "reset", 1));
}

static void
prefers_name(const char *text)
{
	const struct answer *a =
		text ? ask("prefs", json_pack("{s:s, s:s}", "key", "name", "value", text))
		     : ask("prefs", json_pack("{s:s, s:b}", "key", "name", "reset", 1));
	assert_ok(a->err);
}

/* @param pending NULL: nothing waits */
static void
is_called(const char *text, const char *pending)
{
	const struct answer *a = ask("prefs", json_pack("{s:s}", "key", "name"));

	assert_string_equal(pz_json_str(a->result, "value"), text);
	assert_string_equal(w.node->names.display_name, text);
	if (pending)
		assert_string_equal(pz_json_str(a->result, "pending"), pending);
	else
		assert_null(json_object_get(a->result, "pending"));
}

/* As by a session. @param value JSON text; NULL: a deletion */
static void
comes_in(const char *key, const char *value, const char *origin)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_USER_DETAILS);
	json_t *keys = json_pack("[s]", key);
	struct pz_sync_item *item = pz_shared_item(pz_items_shared(w.node->items), kind);

	assert_ok(pz_sync_item_write(item, key, pz_slice_str(value ? value : ""), value == NULL,
				     origin, w.world.clock.wall_ms, NULL));
	pz_zonedata_received(w.node->zonedata, kind, keys);
	json_decref(keys);
	run(COMMIT_US);
}

static void
knows(const char *device)
{
	json_object_set_new(
		pz_uplink_directory(w.node->uplink), device,
		json_pack("{s:s, s:s}", "name", device, "displayName", "as the hub says"));
}

/* How another device is shown. */
static const char *
shown(const char *device)
{
	static char text[PZ_DISPLAY_NAME_BYTES_MAX + 1];
	const json_t *list = ask("peers", json_object())->result, *one;
	char id[PZ_ADDRESS_BYTES_MAX + 1];
	size_t i;

	snprintf(id, sizeof(id), "%s/%s", ZONE, device);
	snprintf(text, sizeof(text), "(none)");
	json_array_foreach (list, i, one)
		if (strcmp(pz_json_str(one, "id"), id) == 0)
			snprintf(text, sizeof(text), "%s", pz_json_str(one, "displayName"));
	return text;
}

/* ---- details ---- */

static void
details_last_and_are_listed(void **state)
{
	struct answer a;

	(void)state;
	start_node(); /* needs no zone */
	assert_int_equal(json_array_size(ask("user", json_object())->result), 0);
	begin(&a, "user", json_pack("{s:s, s:s}", "field", "phone", "value", "1"));
	assert_int_equal(a.ends, 0); /* durable before it is answered */
	run(COMMIT_US);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	assert_string_equal(pz_json_str(a.result, "by"), "laptop");
	forget(&a);
	assert_ok(user("email", "alice@example.org")->err);
	restart_node();
	const json_t *list = ask("user", json_object())->result;
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(pz_json_str(json_array_get(list, 0), "field"), "email");
	assert_string_equal(pz_json_str(user("phone", NULL)->result, "value"), "1");
	const struct answer *gone =
		ask("user", json_pack("{s:s, s:b}", "field", "phone", "remove", 1));
	assert_ok(gone->err);
	assert_true(json_is_null(json_object_get(gone->result, "value")));
	restart_node();
	refused("user", json_pack("{s:s}", "field", "phone"), PZ_ERR_NOTFOUND);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	(void)state;
	start_member();
	knows("tv");
	refused("user", json_pack("{s:s}", "field", "a b"), PZ_ERR_CONFIG);
	refused("user", json_pack("{s:s}", "value", "x"), PZ_ERR_CONFIG);
	refused("user", json_pack("{s:s, s:s}", "field", "device/tv", "value", "x"), PZ_ERR_CONFIG);
	refused("user", json_pack("{s:s, s:s}", "field", "phone", "value", ""), PZ_ERR_CONFIG);
	refused("user", json_pack("{s:s, s:b}", "field", "phone", "remove", 1), PZ_ERR_NOTFOUND);
	refused("name", json_object(), PZ_ERR_CONFIG);
	refused("name", json_pack("{s:s}", "device", "tv"), PZ_ERR_CONFIG);
	refused("name", json_pack("{s:s, s:s}", "device", "nobody", "name", "x"), PZ_ERR_NOTFOUND);
	refused("name", json_pack("{s:s, s:s}", "device", "bob@example.org/tv", "name", "x"),
		PZ_ERR_NOTFOUND);
	refused("name", json_pack("{s:s, s:s}", "device", "tv", "name", "a\nb"), PZ_ERR_CONFIG);
	refused("name", json_pack("{s:i, s:s}", "device", 7, "name", "x"), PZ_ERR_CONFIG);
}

static void
without_a_zone_there_are_no_other_devices(void **state)
{
	(void)state;
	start_node();
	refused("name", json_pack("{s:s, s:s}", "device", "tv", "name", "x"), PZ_ERR_NOTFOUND);
	refused("name", json_pack("{s:s, s:s}", "device", "laptop", "name", "x"), PZ_ERR_NOTFOUND);
}

static void
a_full_disk_changes_nothing(void **state)
{
	(void)state;
	start_member();
	knows("tv");
	assert_ok(user("phone", "1")->err);
	assert_false(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_STORE_FAILED, NULL));
	pz_memory_disk_fail_after(w.world.disk, 0);
	assert_int_equal(user("phone", "2")->err, PZ_ERR_IO_FULL);
	assert_true(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_STORE_FAILED, NULL));
	assert_int_equal(name("laptop", "Desk")->err, PZ_ERR_IO_FULL);
	assert_int_equal(ask("prefs", json_pack("{s:s, s:s}", "key", "name", "value", "x"))->err,
			 PZ_ERR_IO_FULL);
	is_called("laptop", NULL);
	assert_string_equal(pz_json_str(user("phone", NULL)->result, "value"), "1");
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	restart_node();
	is_called("laptop", NULL);
}

/* One of the two records of a name can be written only. */
static void
half_a_name_is_reported_as_failed(void **state)
{
	(void)state;
	start_member();
	pz_memory_disk_fail_after(w.world.disk, 1);
	const struct answer *a = ask("prefs", json_pack("{s:s, s:s}", "key", "name", "value", "x"));
	assert_int_equal(a->err, PZ_ERR_IO_FULL);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	prefers_name("y"); /* and it can be tried again */
	restart_node();
	is_called("y", NULL);
}

static void
a_change_does_not_need_who_asked(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	begin(&a, "user", json_pack("{s:s, s:s}", "field", "phone", "value", "1"));
	forget(&a);
	run(COMMIT_US);
	assert_string_equal(pz_json_str(user("phone", NULL)->result, "value"), "1");
	begin(&a, "name", json_pack("{s:s, s:s}", "device", "laptop", "name", "Desk"));
	crash(&a);
	is_called("laptop", NULL);
}

/* ---- the name of this device ---- */

static void
a_given_name_counts_at_once(void **state)
{
	(void)state;
	start_member();
	become_connected();
	comes_in("device/laptop", "\"Desk\"", ZONE);
	is_called("Desk", NULL);
	json_t *info = pz_peers_info(w.node->peers);
	assert_string_equal(pz_json_str(info, "displayName"), "Desk");
	json_decref(info);
	assert_ok(name("laptop", "Table")->err); /* the same by command, from here */
	is_called("Table", NULL);
	comes_in("device/tv", "\"Other\"", ZONE);
	comes_in("phone", "\"1\"", ZONE);
	is_called("Table", NULL);
	restart_node();
	is_called("Table", NULL);
	comes_in("device/laptop", NULL, TV);
	is_called("laptop", NULL);
}

static void
its_own_preference_is_a_name_for_all_but_waits(void **state)
{
	char *text;

	(void)state;
	start_member();
	become_connected();
	comes_in("device/laptop", "\"Desk\"", ZONE);
	run(PZ_US_PER_S);
	prefers_name("Mine");
	is_called("Desk", "Mine");
	text = pz_shared_text(pz_items_shared(w.node->items), PZ_SYNC_USER_DETAILS,
			      "device/laptop");
	assert_string_equal(text, "Mine");
	free(text);
	run(PZ_US_PER_S);
	comes_in("device/laptop", "\"Yours\"", TV); /* later */
	is_called("Yours", NULL);
	comes_in("device/laptop", NULL, TV);
	is_called("Mine", NULL); /* back to what it calls itself */
	prefers_name(NULL);
	is_called("Mine", "laptop");
	restart_node();
	is_called("laptop", NULL);
}

static void
a_given_name_goes_with_the_zone(void **state)
{
	(void)state;
	start_member();
	become_connected();
	prefers_name("Mine");
	comes_in("device/laptop", "\"Given\"", ZONE);
	is_called("Given", NULL);
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_REVOKED, "revoked"));
	run(PZ_US_PER_S);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	is_called("Mine", NULL);
	restart_node();
	is_called("Mine", NULL);
}

/* ---- names of others ---- */

static void
others_are_called_as_the_zone_says_without_the_hub(void **state)
{
	(void)state;
	start_member();
	knows("tv");
	assert_string_equal(shown("tv"), "as the hub says");
	assert_ok(name("tv", "Kino")->err);
	assert_string_equal(shown("tv"), "Kino");
	w.node->uplink->is_registered = true; /* the hub receives it, too, and its value counts */
	assert_string_equal(shown("tv"), "as the hub says");
	w.node->uplink->is_registered = false;
	assert_ok(name(TV, NULL)->err);
	assert_string_equal(shown("tv"), "as the hub says");
}

static void
a_device_that_has_opted_out_names_no_other(void **state)
{
	(void)state;
	start_member();
	knows("tv");
	dial_fails(PZ_ERR_IO_REFUSED, "nobody listens"); /* preferences count at once */
	assert_ok(
		ask("prefs", json_pack("{s:s, s:s}", "key", "sync.user-details", "value", "false"))
			->err);
	refused("name", json_pack("{s:s, s:s}", "device", "tv", "name", "x"), PZ_ERR_CONFIG);
	assert_ok(name("laptop", "Desk")->err);
	is_called("Desk", NULL);
	assert_ok(user("phone", "1")->err);
	assert_null(pz_zonedata_item(w.node->zonedata, pz_sync_kind(PZ_SYNC_USER_DETAILS)));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(details_last_and_are_listed),
		T(what_makes_no_sense_is_refused),
		T(without_a_zone_there_are_no_other_devices),
		T(a_full_disk_changes_nothing),
		T(half_a_name_is_reported_as_failed),
		T(a_change_does_not_need_who_asked),
		T(a_given_name_counts_at_once),
		T(its_own_preference_is_a_name_for_all_but_waits),
		T(a_given_name_goes_with_the_zone),
		T(others_are_called_as_the_zone_says_without_the_hub),
		T(a_device_that_has_opted_out_names_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
