/* The promises of node.h about a device that enrols, is a member, and leaves, tested without a
 * network. */
#include "pzp/node_fixture.h"

/* ---- enrolment ---- */

static json_t *
enrol_params(void)
{
	return json_pack("{s:s, s:s, s:s}", "host", HOST, "zone", ZONE, "code", "1234-5678");
}

static void
an_enrolment_that_finds_no_hub_says_why(void **state)
{
	struct answer a;

	(void)state;
	start_node();
	begin(&a, "enrol", enrol_params());
	assert_int_equal(w.net.dial_count, 1);
	refused("enrol", enrol_params(), PZ_ERR_EXISTS);
	dial_fails(PZ_ERR_IO_RESOLVE, "no such host");
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, PZ_ERR_IO);
	assert_non_null(strstr(a.detail, "no such host"));
	assert_string_equal(pz_json_str(status(), "state"), "virgin");
	assert_non_null(strstr(pz_json_str(status(), "reason"), "no such host"));
	forget(&a);
	begin(&a, "enrol", enrol_params()); /* and it can be tried again */
	pz_kit_dial_resolved(pz_kit_network_dial(&w.net, NULL));
	assert_string_equal(pz_json_str(status(), "state"), "virgin-connecting");
	run(31 * PZ_US_PER_S);
	assert_int_equal(a.ends, 1);
	assert_non_null(strstr(a.detail, "timed out: the connection to " HOST));
	assert_int_equal(w.net.cancel_count, 1);
	forget(&a);
}

static void
a_node_may_end_while_it_enrols(void **state)
{
	struct answer a;

	(void)state;
	start_node();
	begin(&a, "enrol", enrol_params());
	pz_kit_dial_resolved(pz_kit_network_dial(&w.net, NULL));
	stop_node();
	assert_int_equal(w.net.cancel_count, 1);
	a.running = NULL;
	forget(&a);
}

/* ---- member ---- */

static void
status_of_a_member_has_what_page_12_says(void **state)
{
	(void)state;
	start_member();
	const json_t *s = status();
	assert_string_equal(pz_json_str(s, "id"), ZONE "/laptop");
	assert_string_equal(pz_json_str(s, "zone"), ZONE);
	assert_string_equal(pz_json_str(s, "mode"), "hub");
	assert_string_equal(pz_json_str(s, "state"), "connecting");
	const json_t *hub = json_object_get(s, "hub");
	assert_string_equal(pz_json_str(hub, "host"), HOST);
	assert_int_equal(json_integer_value(json_object_get(hub, "port")), 8041);
	assert_true(json_is_null(json_object_get(hub, "since")));
	refused("enrol", enrol_params(), PZ_ERR_EXISTS);
}

static void
connect_waits_for_the_outcome(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	begin(&a, "connect", json_object());
	assert_int_equal(a.ends, 0);
	dial_fails(PZ_ERR_IO_REFUSED, "nobody listens");
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, PZ_ERR_IO);
	assert_non_null(strstr(a.detail, "nobody listens"));
	forget(&a);
	begin(&a, "connect", json_object());
	become_connected();
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	forget(&a);
	begin(&a, "connect", json_object());
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	forget(&a);
}

/* It waits for ever: the machine stays away until a command connects it. */
static void
connect_ends_with_a_disconnect(void **state)
{
	struct answer connecting, a;

	(void)state;
	start_member();
	begin(&connecting, "connect", json_object());
	begin(&a, "disconnect", json_object());
	assert_ok(a.err);
	assert_int_equal(connecting.ends, 1);
	assert_int_equal(connecting.err, PZ_ERR_IO);
	forget(&connecting);
	forget(&a);
	run(3600 * PZ_US_PER_S);
	assert_int_equal(w.net.dial_count, 1);
}

static void
disconnect_stays_away_and_connect_comes_back(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	become_connected();
	begin(&a, "disconnect", json_object());
	assert_ok(a.err);
	assert_string_equal(pz_json_str(a.result, "state"), "not-connected");
	forget(&a);
	pz_node_network_changed(w.node);
	begin(&a, "call", call_params("test@other", "get42", json_array()));
	forget(&a);
	run(3600 * PZ_US_PER_S);
	assert_int_equal(w.net.dial_count, 1);
	begin(&a, "connect", json_object());
	assert_int_equal(w.net.dial_count, 2);
	forget(&a);
}

/* Page 5: an app's request is a reason to try, but not to hammer. */
static void
a_call_tries_the_hub_at_once(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	for (int i = 0; i < 6; i++) { /* the back-off grows */
		dial_fails(PZ_ERR_IO_REFUSED, "refused");
		pz_node_network_changed(w.node);
	}
	dial_fails(PZ_ERR_IO_REFUSED, "refused");
	size_t dials = w.net.dial_count;
	for (int i = 0; i < 100; i++) {
		begin(&a, "call", call_params("test@other", "get42", json_array()));
		assert_int_equal(a.ends, 1); /* meanwhile it is unreachable */
		forget(&a);
	}
	assert_int_equal(w.net.dial_count, dials);
	run(PZ_US_PER_S);
	begin(&a, "call", call_params("test@other", "get42", json_array()));
	forget(&a);
	assert_int_equal(w.net.dial_count, dials + 1);
}

/* ---- leaving ---- */

/* @spec page 3 "Leaving" */
static void
leave_without_a_hub_wipes_at_once(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	dial_fails(PZ_ERR_IO_REFUSED, "refused");
	begin(&a, "leave", json_object());
	run(PZ_US_PER_S);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	assert_string_equal(pz_json_str(a.result, "state"), "virgin");
	forget(&a);
	assert_string_equal(pz_node_address(w.node), "laptop");
	restart_node();
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	assert_string_equal(pz_node_address(w.node), "laptop");
}

/* The hub goes away between the wish and its answer: it was forgotten, and never answered. */
static void
leave_survives_the_loss_of_the_link(void **state)
{
	struct answer a, again;

	(void)state;
	start_member();
	become_connected();
	begin(&a, "leave", json_object());
	run(PZ_US_PER_S);
	assert_int_equal(a.ends, 0);
	begin(&again, "leave", json_object());
	assert_ok(
		pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_LINK_LOST, "hang-up"));
	run(6 * PZ_US_PER_S);
	assert_int_equal(a.ends, 1);
	assert_int_equal(again.ends, 1);
	assert_ok(a.err);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	forget(&a);
	forget(&again);
}

static void
leave_ends_when_the_hub_revokes(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	become_connected();
	begin(&a, "leave", json_object());
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_REVOKED, "revoked"));
	run(COMMIT_US);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	forget(&a);
	run(60 * PZ_US_PER_S); /* the leave's own time-out does nothing any more */
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
}

/* A disk that is full: said, and tried again, or the next start would bring the device back. */
static void
a_wipe_that_fails_is_reported_and_tried_again(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	dial_fails(PZ_ERR_IO_REFUSED, "refused");
	pz_memory_disk_fail_after(w.world.disk, 0);
	begin(&a, "leave", json_object());
	run(PZ_US_PER_S);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, PZ_ERR_IO);
	assert_non_null(strstr(a.detail, "could not be removed"));
	forget(&a);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	run(120 * PZ_US_PER_S);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	run(61 * PZ_US_PER_S);
	restart_node();
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
}

/* The list that revokes this device was stored; then the daemon was killed before the wipe was. */
static void
a_wipe_that_a_crash_came_before_is_made_at_the_start(void **state)
{
	struct pz_crl_entry entry = {.when_ms = w.world.clock.wall_ms};
	struct pz_crl *crl = NULL;
	struct pz_txn *txn = pz_txn_new();

	(void)state;
	start_member();
	pz_cert_serial_hex(w.node->zone.membership->device_ca, entry.serial_hex);
	assert_ok(pz_crl_issue(w.authority->ca, w.authority->ca_key, &entry, 1, 7,
			       &w.world.clock.env, &crl, NULL));
	char *text = pz_record_crl_text(crl);
	assert_ok(pz_record_put(txn, "knowledge", "crl/" ZONE,
				json_pack("{s:s, s:s, s:I, s:s, s:b}", "key", ZONE, "value", text,
					  "mtime", (json_int_t)w.world.clock.wall_ms, "origin",
					  ZONE, "deleted", 0)));
	free(text);
	pz_crl_free(crl);
	pz_store_commit(w.world.store, txn, NULL, NULL);
	run(COMMIT_US);
	restart_node();
	run(PZ_US_PER_S);
	assert_string_equal(pz_json_str(status(), "state"), "virgin");
	assert_non_null(strstr(pz_json_str(status(), "reason"), "revocation list"));
	restart_node();
	assert_string_equal(pz_json_str(status(), "state"), "virgin");
}

static void
connect_while_the_zone_is_wiped_is_refused(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_REVOKED, "revoked"));
	assert_int_equal(pz_node_state(w.node), PZ_STATE_DISCONNECTING);
	refused("connect", json_object(), PZ_ERR_DENIED);
	begin(&a, "disconnect", json_object());
	forget(&a);
	run(COMMIT_US);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	begin(&a, "enrol", enrol_params()); /* and what the wipe left is no hindrance */
	assert_int_equal(a.ends, 0);
	forget(&a);
}

/* ---- renewal ---- */

static size_t
warnings(const char *wanted)
{
	const json_t *list = json_object_get(status(), "warnings");
	bool found = json_array_size(list) == 0;
	json_t *one;
	size_t i;

	json_array_foreach ((json_t *)list, i, one)
		found = found || strstr(json_string_value(one), wanted) != NULL;
	assert_true(found);
	return json_array_size(list);
}

static int
days_left(const char *of)
{
	return (int)json_integer_value(json_object_get(json_object_get(status(), "daysLeft"), of));
}

static void
a_clock_that_is_set_renews_at_once(void **state)
{
	(void)state;
	start_member();
	uint64_t end = pz_cert_not_after_ms(w.node->zone.membership->tls);
	w.world.clock.wall_ms += UINT64_C(86400000) * 100;
	pz_node_clock_set(w.node);
	run(COMMIT_US);
	assert_true(pz_cert_not_after_ms(w.node->zone.membership->tls) > end);
	w.world.clock.wall_ms -= UINT64_C(86400000) *
				 100; /* without a word from the system: that one has not begun */
	run(PZ_CLOCK_LOOK_US + COMMIT_US);
	assert_true(pz_cert_not_after_ms(w.node->zone.membership->tls) < end + UINT64_C(86400000));
}

/* Twelve years ahead the device's CA has ended; then the certificate that there is is good again.
 */
static void
a_renewal_that_only_a_wrong_clock_asked_for_is_forgotten(void **state)
{
	const uint64_t ahead_ms = UINT64_C(86400000) * 365 * 12;

	(void)state;
	start_member();
	w.world.clock.wall_ms += ahead_ms;
	pz_node_clock_set(w.node);
	run(COMMIT_US);
	assert_true(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_RENEWAL_FAILED, ""));
	w.world.clock.wall_ms -= ahead_ms;
	pz_node_clock_set(w.node);
	assert_false(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_RENEWAL_FAILED, ""));
}

static void
the_tls_certificate_is_renewed_while_running(void **state)
{
	(void)state;
	start_member();
	uint64_t end = pz_cert_not_after_ms(w.node->zone.membership->tls);
	become_connected();
	assert_int_equal(days_left("tls"), 89);
	assert_int_equal(days_left("crl"), 29);
	assert_int_equal(warnings(""), 0);
	run(59 * UINT64_C(86400) * PZ_US_PER_S);
	assert_true(pz_cert_not_after_ms(w.node->zone.membership->tls) == end);
	assert_int_equal(days_left("crl"), -30); /* no device has brought a newer one */
	assert_int_equal(warnings("should have been renewed 30 days ago"), 1);
	pz_memory_disk_fail_after(w.world.disk, 0);
	run(2 * UINT64_C(86400) * PZ_US_PER_S);
	assert_true(pz_cert_not_after_ms(w.node->zone.membership->tls) == end);
	assert_int_equal(warnings(""), 3); /* the disk, too */
	assert_int_equal(warnings("could not be renewed"), 3);
	assert_int_equal(days_left("tls"), 28);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	run(2 * UINT64_C(3600) * PZ_US_PER_S);
	end += 59 * UINT64_C(86400000);
	assert_true(pz_cert_not_after_ms(w.node->zone.membership->tls) > end);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTED);
	assert_int_equal(warnings(""), 1);
	assert_int_equal(days_left("tls"), 89);
	restart_node(); /* its keys are still there */
	assert_true(pz_cert_not_after_ms(w.node->zone.membership->tls) > end);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(an_enrolment_that_finds_no_hub_says_why),
		T(a_node_may_end_while_it_enrols),
		T(status_of_a_member_has_what_page_12_says),
		T(connect_waits_for_the_outcome),
		T(connect_ends_with_a_disconnect),
		T(disconnect_stays_away_and_connect_comes_back),
		T(a_call_tries_the_hub_at_once),
		T(leave_without_a_hub_wipes_at_once),
		T(leave_survives_the_loss_of_the_link),
		T(leave_ends_when_the_hub_revokes),
		T(a_wipe_that_fails_is_reported_and_tried_again),
		T(a_wipe_that_a_crash_came_before_is_made_at_the_start),
		T(connect_while_the_zone_is_wiped_is_refused),
		T(a_clock_that_is_set_renews_at_once),
		T(a_renewal_that_only_a_wrong_clock_asked_for_is_forgotten),
		T(the_tls_certificate_is_renewed_while_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
