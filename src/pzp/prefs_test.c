/* Page 10 in a node: which value takes precedence, when it applies, and that it is stored. */
#include "items/prefs.h"
#include "pzp/node_fixture.h"
#include "pzp/spread.h"

#define SPACE "prefs"

/* ---- asking ---- */

static json_t *
set_params(const char *key, const char *value)
{
	return json_pack("{s:s, s:s}", "key", key, "value", value);
}

/* Waits for the disk. */
static void
sets(const char *key, const char *value)
{
	struct answer a;

	begin(&a, "prefs", set_params(key, value));
	assert_int_equal(a.ends, 0);
	run(2 * COMMIT_US); /* the name of a member is written twice */
	assert_int_equal(a.ends, 1);
	if (a.err != PZ_OK)
		fail_msg("%s", a.detail);
	assert_string_equal(pz_json_str(a.result, "key"), key);
	forget(&a);
}

static void
resets(const char *key)
{
	struct answer a;

	begin(&a, "prefs", json_pack("{s:s, s:b}", "key", key, "reset", 1));
	run(2 * COMMIT_US);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	forget(&a);
}

/* The object of one preference; valid until the next. */
static json_t *
shown(const char *key)
{
	static json_t *last;
	struct answer a;

	json_decref(last);
	begin(&a, "prefs", json_pack("{s:s}", "key", key));
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	last = json_deep_copy(a.result);
	forget(&a);
	return last;
}

static void
is(json_t *value, const char *wanted)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY);

	assert_non_null(text);
	assert_string_equal(text, wanted);
	free(text);
}

/* Values as JSON text; no pending one: NULL. */
static void
has(const char *key, const char *value, const char *source, const char *pending)
{
	json_t *one = shown(key), *waits = json_object_get(one, "pending");

	is(json_object_get(one, "value"), value);
	assert_string_equal(pz_json_str(one, "source"), source);
	if (pending)
		is(waits, pending);
	else
		assert_null(waits);
}

static void
nothing_is_pending(void)
{
	assert_int_equal(json_object_size(json_object_get(status(), "pending")), 0);
}

static void
is_pending_in_status(const char *key, const char *value)
{
	json_t *pending = json_object_get(status(), "pending");

	assert_int_equal(json_object_size(pending), 1);
	is(json_object_get(pending, key), value);
}

static void
disconnects(void)
{
	struct answer a;

	begin(&a, "disconnect", json_object());
	assert_ok(a.err);
	forget(&a);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_NOT_CONNECTED);
}

static void
connects(void)
{
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_CONNECT, NULL));
	become_connected();
}

static void
put_record(const char *key, const char *text)
{
	struct pz_txn *txn = pz_txn_new();

	assert_ok(pz_txn_put(txn, SPACE, key, pz_slice_str(text)));
	pz_store_commit(w.world.store, txn, NULL, NULL);
	run(COMMIT_US);
}

/* ---- listing ---- */

static void
the_list_has_every_preference(void **state)
{
	struct answer a;
	json_t *one;
	size_t i;

	(void)state;
	start_node();
	begin(&a, "prefs", json_object());
	assert_ok(a.err);
	assert_int_equal(json_array_size(a.result), PZ_PREF_COUNT);
	json_array_foreach (a.result, i, one) {
		bool is_effective = json_is_true(json_object_get(one, "effective"));

		assert_string_equal(pz_json_str(one, "key"), pz_pref_table[i].key);
		assert_true(
			json_equal(json_object_get(one, "value"), json_object_get(one, "default")));
		assert_string_equal(pz_json_str(one, "source"), "default");
		assert_string_equal(pz_json_str(one, "scope"),
				    i == PZ_PREF_PEER_AUTO || i == PZ_PREF_PRIVATE ? "zone"
										   : "device");
		assert_non_null(pz_json_str(one, "allowed"));
		assert_non_null(pz_json_str(one, "meaning"));
		assert_int_equal(pz_json_str(one, "note") == NULL, is_effective);
		assert_null(json_object_get(one, "pending"));
	}
	forget(&a);
	nothing_is_pending();
	has("name", "\"laptop\"", "default", NULL);
	has("ports.tls", "8040", "default", NULL);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	struct answer a;

	(void)state;
	start_node();
	refused("prefs", json_pack("{s:s}", "key", "colour"), PZ_ERR_NOTFOUND);
	refused("prefs", json_pack("{s:i}", "key", 7), PZ_ERR_CONFIG);
	refused("prefs", set_params("peer.listen", "maybe"), PZ_ERR_CONFIG);
	refused("prefs", json_pack("{s:s, s:n}", "key", "peer.listen", "value"), PZ_ERR_CONFIG);
	refused("prefs", json_pack("{s:s, s:i}", "key", "ports.tls", "value", 65536),
		PZ_ERR_CONFIG);
	refused("prefs", json_pack("{s:s}", "value", "true"), PZ_ERR_CONFIG);
	refused("prefs", json_pack("{s:b}", "reset", 1), PZ_ERR_CONFIG);
	refused("prefs", json_pack("{s:s, s:s}", "key", "name", "reset", "yes"), PZ_ERR_CONFIG);
	refused("prefs", json_pack("{s:s, s:s, s:b}", "key", "name", "value", "x", "reset", 1),
		PZ_ERR_CONFIG);
	has("ports.tls", "8040", "default", NULL);
	/* no reset: as if it were not there */
	begin(&a, "prefs", json_pack("{s:s, s:b}", "key", "name", "reset", 0));
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	forget(&a);
}

/* ---- storing ---- */

static void
a_change_is_answered_when_stored_and_lasts(void **state)
{
	(void)state;
	start_node();
	sets("name", "Alice's laptop");
	sets("ports.tls", "0");
	sets("peer.auto", "true");
	has("name", "\"Alice's laptop\"", "user", NULL); /* virgin: at once */
	assert_string_equal(w.node->names.display_name, "Alice's laptop");
	restart_node();
	has("name", "\"Alice's laptop\"", "user", NULL);
	assert_string_equal(w.node->names.display_name, "Alice's laptop");
	has("ports.tls", "0", "user", NULL);
	assert_int_equal(pz_prefs_int(pz_user_prefs(w.node->items), PZ_PREF_PORTS_TLS), 0);
	has("peer.auto", "true", "user", NULL);
	resets("name");
	has("name", "\"laptop\"", "default", NULL);
	restart_node();
	has("name", "\"laptop\"", "default", NULL);
}

static void
a_full_disk_changes_nothing(void **state)
{
	struct answer a;

	(void)state;
	start_node();
	sets("device-type", "tv");
	pz_memory_disk_fail_after(w.world.disk, 0);
	begin(&a, "prefs", set_params("device-type", "car"));
	run(COMMIT_US);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, PZ_ERR_IO_FULL);
	assert_non_null(strstr(a.detail, "device-type was not changed"));
	forget(&a);
	has("device-type", "\"tv\"", "user", NULL);
	assert_string_equal(w.node->names.device_type, "tv");
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	restart_node();
	has("device-type", "\"tv\"", "user", NULL);
	sets("device-type", "car");
}

static void
a_change_does_not_need_who_asked(void **state)
{
	struct answer a;

	(void)state;
	start_node();
	begin(&a, "prefs", set_params("peer.relay", "false"));
	forget(&a);
	run(COMMIT_US);
	has("peer.relay", "false", "user", NULL);
	/* And it is not applied twice, nor lost from memory, when the node goes first. */
	begin(&a, "prefs", set_params("peer.relay", "true"));
	crash(&a);
	has("peer.relay", "false", "user", NULL);
}

static void
records_of_other_versions_are_left_out(void **state)
{
	struct pz_errinfo info = {""};

	(void)state;
	put_record("colour", "{\"value\":\"blue\"}");
	put_record("ports.tls", "{\"value\":123456}");
	put_record("ports.web", "{}");
	put_record("peer.relay", "{\"value\":false,\"mtime\":1,\"origin\":\"laptop\",\"new\":1}");
	put_record("peer.auto", "{\"value\":true,\"origin\":\"bob@example.org/phone\"}");
	start_node();
	has("ports.tls", "8040", "default", NULL);
	has("ports.web", "8080", "default", NULL);
	has("peer.relay", "false", "user", NULL);
	has("peer.auto", "false", "default", NULL);
	stop_node();
	put_record("name", "not JSON");
	assert_int_equal(try_start(&info), PZ_ERR_PROTO);
	assert_non_null(strstr(info.text, "prefs/name"));
}

static void
what_an_older_version_stored_of_the_zone_is_kept(void **state)
{
	(void)state;
	put_record("peer.auto", "{\"value\":true,\"mtime\":1,\"origin\":\"laptop\"}");
	start_node();
	has("peer.auto", "true", "user", NULL);
	restart_node();
	has("peer.auto", "true", "user", NULL);
	resets("peer.auto");
	restart_node();
	has("peer.auto", "false", "default", NULL);
}

static void
what_is_of_the_zone_stays_over_reconnects_and_restarts(void **state)
{
	(void)state;
	start_member();
	sets("peer.auto", "true");
	become_connected();
	disconnects();
	has("peer.auto", "true", "user", NULL);
	restart_node();
	has("peer.auto", "true", "user", NULL); /* our zone's own */
}

/* ---- whose value wins ---- */

static void
the_user_wins_over_the_operator(void **state)
{
	static const uint16_t eight = 8000, nine = 9000;
	struct pz_node_config config = {.tls_port = &nine};

	(void)state;
	w.tls_port = &eight;
	start_node();
	has("ports.tls", "8000", "configuration", NULL);
	has("ports.web", "8080", "default", NULL);
	sets("ports.tls", "7000");
	has("ports.tls", "7000", "user", NULL);
	restart_node();
	has("ports.tls", "7000", "user", NULL);
	resets("ports.tls");
	has("ports.tls", "8000", "configuration", NULL);
	pz_node_reconfigure(w.node, &config);
	has("ports.tls", "9000", "configuration", NULL);
	config.tls_port = NULL;
	config.web_port = &eight;
	pz_node_reconfigure(w.node, &config);
	has("ports.tls", "8040", "default", NULL);
	has("ports.web", "8000", "configuration", NULL);
}

static void
a_new_configuration_waits_too(void **state)
{
	static const uint16_t nine = 9000;
	struct pz_node_config config = {.tls_port = &nine, .call_timeout_us = 1};

	(void)state;
	start_member();
	become_connected();
	pz_node_reconfigure(w.node, &config);
	assert_int_equal(w.node->config.call_timeout_us, 1);
	is_pending_in_status("ports.tls", "9000");
	disconnects();
	has("ports.tls", "9000", "configuration", NULL);
}

/* ---- when it counts ---- */

static void
while_connected_a_change_waits_for_the_reconnect(void **state)
{
	(void)state;
	start_member();
	sets("name", "Early"); /* an attempt is under way: the hub may have received the name */
	has("name", "\"laptop\"", "default", "\"Early\"");
	become_connected();
	sets("name", "Late");
	has("name", "\"laptop\"", "default", "\"Late\"");
	is_pending_in_status("name", "\"Late\"");
	assert_string_equal(w.node->names.display_name, "laptop");
	sets("name", "laptop"); /* what is active already: nothing waits any more */
	nothing_is_pending();
	sets("name", "Late");
	disconnects();
	nothing_is_pending();
	has("name", "\"Late\"", "user", NULL);
	assert_string_equal(w.node->names.display_name, "Late");
	connects();
	resets("name");
	is_pending_in_status("name", "\"laptop\"");
	restart_node(); /* a start is a reconnect */
	has("name", "\"laptop\"", "default", NULL);
}

static void
a_lost_link_is_a_reconnect(void **state)
{
	(void)state;
	start_member();
	become_connected();
	sets("device-type", "car");
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_LINK_LOST, "gone"));
	assert_int_equal(pz_node_state(w.node), PZ_STATE_NOT_CONNECTED);
	has("device-type", "\"car\"", "user", NULL);
	sets("device-type", "bus"); /* not connected: at once */
	has("device-type", "\"bus\"", "user", NULL);
}

/* ---- connection = peer ---- */

/* The hub has given it the zone's secret. */
static void
synchronise(void)
{
	static const uint8_t secret[PZ_ZONE_SECRET_BYTES] = {1, 2, 3};

	fx_learn_secret(secret);
	w.node->zonedata->is_new = false;
}

/* It needs the hub once, to be able to find its peers. */
static void
preferring_peers_before_enrolment_it_leaves_the_hub_when_it_is_synchronised(void **state)
{
	(void)state;
	start_node();
	sets("connection", "peer");
	stop_node();
	start_member();
	dial_fails(PZ_ERR_IO_REFUSED, "h port 1: Connection refused");
	run(2 * PZ_US_PER_S); /* it tries again */
	assert_int_equal(w.net.dial_count, 2);
	become_connected();
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTED);
	synchronise();
	pz_spread_first_exchange_ended(w.node);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_NOT_CONNECTED);
	assert_string_equal(pz_json_str(status(), "reason"),
			    "the first synchronisation is complete; connection = peer: connects to "
			    "the hub only when told to");
	size_t dials = w.net.dial_count;
	restart_node();
	run(600 * PZ_US_PER_S);
	assert_int_equal(w.net.dial_count, dials);
	connects(); /* by hand it stays */
	pz_spread_first_exchange_ended(w.node);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTED);
}

static void
preferring_peers_it_stays_away_from_the_hub(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	become_connected();
	synchronise();
	sets("connection", "peer");
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTED);
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_LINK_LOST, "gone"));
	size_t dials = w.net.dial_count;
	run(600 * PZ_US_PER_S);
	pz_node_network_changed(w.node);
	restart_node();
	run(600 * PZ_US_PER_S);
	assert_int_equal(w.net.dial_count, dials);
	assert_string_equal(pz_json_str(status(), "state"), "not-connected");
	assert_string_equal(pz_json_str(status(), "reason"),
			    "connection = peer: connects to the hub only when told to");
	begin(&a, "connect", json_object());
	assert_int_equal(w.net.dial_count, dials + 1);
	become_connected();
	assert_ok(a.err);
	forget(&a);
	disconnects();
	run(600 * PZ_US_PER_S);
	sets("connection", "hub"); /* later than the disconnect, and meant */
	assert_int_equal(w.net.dial_count, dials + 2);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTING);
}

static void
wanting_the_hub_again_while_connected_is_no_wish_to_reconnect(void **state)
{
	(void)state;
	start_member();
	disconnects();
	sets("connection", "peer");
	connects();
	sets("connection", "hub");
	size_t dials = w.net.dial_count;
	disconnects();
	run(600 * PZ_US_PER_S);
	assert_int_equal(w.net.dial_count, dials);
	connects();
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_LINK_LOST, "gone"));
	run(2 * PZ_US_PER_S);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTING); /* by itself */
}

/* ---- leaving ---- */

static void
a_device_that_leaves_keeps_its_own_preferences(void **state)
{
	(void)state;
	start_member();
	become_connected();
	sets("name", "Mine");
	sets("peer.auto", "true");
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_REVOKED, "revoked"));
	run(PZ_US_PER_S);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	has("name", "\"Mine\"", "user", NULL);
	has("peer.auto", "false", "default", NULL);
	restart_node();
	has("name", "\"Mine\"", "user", NULL);
	has("peer.auto", "false", "default", NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_list_has_every_preference),
		T(what_makes_no_sense_is_refused),
		T(a_change_is_answered_when_stored_and_lasts),
		T(a_full_disk_changes_nothing),
		T(a_change_does_not_need_who_asked),
		T(records_of_other_versions_are_left_out),
		T(what_an_older_version_stored_of_the_zone_is_kept),
		T(what_is_of_the_zone_stays_over_reconnects_and_restarts),
		T(the_user_wins_over_the_operator),
		T(a_new_configuration_waits_too),
		T(while_connected_a_change_waits_for_the_reconnect),
		T(a_lost_link_is_a_reconnect),
		T(preferring_peers_before_enrolment_it_leaves_the_hub_when_it_is_synchronised),
		T(preferring_peers_it_stays_away_from_the_hub),
		T(wanting_the_hub_again_while_connected_is_no_wish_to_reconnect),
		T(a_device_that_leaves_keeps_its_own_preferences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
