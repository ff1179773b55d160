/* The promises of node.h about a virgin device, tested without a network. */
#include "pzp/node_fixture.h"
#include "uplink/reason.h"

/* ---- names ---- */

static void
a_device_keeps_the_name_it_was_given(void **state)
{
	(void)state;
	w.device = "Ann.1_a-b";
	start_node();
	assert_string_equal(pz_node_address(w.node), "Ann.1_a-b");
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	w.device = NULL;
	restart_node();
	assert_string_equal(pz_node_address(w.node), "Ann.1_a-b");
}

static void
a_device_without_a_name_gets_a_valid_one(void **state)
{
	(void)state;
	w.device = NULL;
	start_node();
	assert_true(pz_device_is_valid(pz_slice_str(pz_node_address(w.node))));
}

static void
a_name_that_is_not_valid_is_refused(void **state)
{
	struct pz_errinfo info = {""};

	(void)state;
	w.device = "-laptop";
	assert_int_equal(try_start(&info), PZ_ERR_CONFIG);
	assert_non_null(strstr(info.text, "-laptop"));
	w.device = "a/b";
	assert_int_equal(try_start(&info), PZ_ERR_CONFIG);
}

/* ---- virgin ---- */

static void
commands_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	start_node();
	refused("nonsense", json_object(), PZ_ERR_NOTFOUND);
	refused("leave", json_object(), PZ_ERR_NOTFOUND);
	refused("connect", json_object(), PZ_ERR_NOTFOUND);
	refused("disconnect", json_object(), PZ_ERR_NOTFOUND);
	refused("connect", json_pack("{s:s}", "peer", "b"), PZ_ERR_NOTFOUND);
	refused("enrol", json_object(), PZ_ERR_CONFIG);
	refused("enrol", json_pack("{s:s, s:s}", "host", HOST, "zone", ZONE), PZ_ERR_CONFIG);
	refused("enrol", json_pack("{s:s, s:s, s:s}", "host", HOST, "zone", ZONE, "code", "1234"),
		PZ_ERR_CONFIG);
	refused("enrol",
		json_pack("{s:s, s:s, s:s, s:i}", "host", HOST, "zone", ZONE, "code", "12345678",
			  "port", 65536),
		PZ_ERR_CONFIG);
	refused("enrol",
		json_pack("{s:s, s:s, s:s, s:s}", "host", HOST, "zone", ZONE, "code", "12345678",
			  "device", "a b"),
		PZ_ERR_CONFIG);
	refused("enrol", json_pack("{s:s, s:s, s:i}", "host", HOST, "zone", ZONE, "code", 12345678),
		PZ_ERR_CONFIG);
	refused("call", json_object(), PZ_ERR_CONFIG);
	refused("call", json_pack("{s:i, s:s}", "service", 1, "function", "f"), PZ_ERR_CONFIG);
	refused("call",
		json_pack("{s:s, s:s, s:i}", "service", "test", "function", "f", "timeout_ms", -1),
		PZ_ERR_CONFIG);
	refused("serve", json_object(), PZ_ERR_CONFIG);
	refused("serve", json_pack("{s:{}}", "description"), PZ_ERR_CONFIG);
	assert_int_equal(w.net.dial_count, 0);
}

static void
status_of_a_virgin_has_what_page_12_says(void **state)
{
	(void)state;
	start_node();
	const json_t *s = status();
	assert_string_equal(pz_json_str(s, "id"), "laptop");
	assert_true(json_is_null(json_object_get(s, "zone")));
	assert_string_equal(pz_json_str(s, "mode"), "virgin");
	assert_string_equal(pz_json_str(s, "state"), "virgin");
	assert_string_equal(pz_json_str(s, "reason"), "");
	assert_true(json_is_null(json_object_get(s, "hub")));
	assert_int_equal(json_array_size(json_object_get(s, "peers")), 0);
}

static void
a_virgin_serves_itself(void **state)
{
	static const char *const names[] = {"test", API_TEST, "test@laptop"};
	struct answer a;

	(void)state;
	start_node();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		begin(&a, "call", call_params(names[i], "get42", json_pack("[s]", "x")));
		run(PZ_US_PER_S);
		assert_int_equal(a.ends, 1);
		assert_ok(a.err);
		assert_non_null(json_object_get(a.result, "result"));
		forget(&a);
	}
}

static void
a_call_that_cannot_be_made_says_why(void **state)
{
	static const struct {
		const char *service, *function;
		int code;
	} calls[] = {
		{"nonsense", "f", -32601},
		{"test@nobody", "get42", -32601}, /* a virgin knows no device */
		{"test", "nonsense", -32601},
	};
	struct answer a;

	(void)state;
	start_node();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		begin(&a, "call", call_params(calls[i].service, calls[i].function, json_array()));
		run(PZ_US_PER_S);
		assert_int_equal(a.ends, 1);
		assert_ok(a.err);
		const json_t *error = json_object_get(a.result, "error");
		assert_int_equal(json_integer_value(json_object_get(error, "code")), calls[i].code);
		assert_non_null(pz_json_str(error, "message"));
		forget(&a);
	}
}

static void
names_that_are_too_long_are_refused(void **state)
{
	char name[1000];

	(void)state;
	start_node();
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	refused("call", call_params(name, "f", json_array()), PZ_ERR_CONFIG);
	refused("call", call_params("test", name, json_array()), PZ_ERR_CONFIG);
}

static void
services_are_listed_and_chosen(void **state)
{
	struct answer a;

	(void)state;
	start_node();
	begin(&a, "services", json_object());
	assert_int_equal(json_array_size(a.result), 2);
	forget(&a);
	begin(&a, "services", json_pack("{s:s}", "api", API_TEST));
	assert_int_equal(json_array_size(a.result), 1);
	forget(&a);
	begin(&a, "services", json_pack("{s:s}", "device", "other"));
	assert_int_equal(json_array_size(a.result), 0);
	forget(&a);
}

/* A program that calls again as soon as it has its answer: the next call may stand where the last
 * one stood in memory. */
static struct answer next_answer;

static void
call_again(struct answer *a)
{
	(void)a;
	next_answer = (struct answer){0};
	json_t *params = call_params("thermostat", "get", json_array());
	next_answer.running = pz_node_command(w.node, "call", params, &reply, &next_answer);
	json_decref(params);
}

static json_t *
thermostat(void)
{
	return json_pack("{s:{s:s, s:s, s:s, s:{s:{s:[s]}, s:{s:[s], s:b}}}}", "description", "api",
			 THERMO, "displayName", "Thermostat", "description", "hall", "methods",
			 "get", "exec", "/bin/false", "watch", "exec", "/bin/false", "stream", 1);
}

static void
a_finished_call_is_not_taken_for_the_next(void **state)
{
	struct answer serving, first;

	(void)state;
	start_node();
	begin(&serving, "serve", thermostat());
	/* ends at once, and the one that begins in its place does not */
	begin_then(&first, "call", call_params("nonsense", "f", json_array()), call_again);
	assert_int_equal(first.ends, 1);
	assert_int_equal(next_answer.ends, 0);
	assert_non_null(next_answer.running);
	forget(&first);
	forget(&next_answer);
	forget(&serving);
}

/* ---- serve, watch, cancel ---- */

static void
what_a_client_serves_goes_with_it(void **state)
{
	struct answer serving, a;

	(void)state;
	start_node();
	begin(&serving, "serve", thermostat());
	assert_int_equal(serving.events, 1);
	assert_non_null(json_object_get(serving.last_event, "registered"));
	refused("serve", thermostat(), PZ_ERR_EXISTS);

	begin(&a, "call", call_params("thermostat", "get", json_array()));
	assert_int_equal(w.processes.count, 1);
	assert_int_equal(a.ends, 0);
	forget(&serving); /* the client is gone: the call ends, the process too */
	assert_int_equal(a.ends, 1);
	assert_non_null(json_object_get(a.result, "error"));
	forget(&a);
	run(PZ_US_PER_S);
	assert_int_equal(w.processes.kill_count, 1);
	begin(&a, "call", call_params("thermostat", "get", json_array()));
	assert_int_equal(a.ends, 1);
	forget(&a);
	begin(&serving, "serve", thermostat());
	assert_int_equal(serving.ends, 0);
	forget(&serving);
}

static void
a_service_of_the_daemon_stays(void **state)
{
	struct pz_errinfo info = {""};
	struct answer a;

	(void)state;
	start_node();
	json_t *params = thermostat();
	assert_ok(pz_node_serve(w.node, json_object_get(params, "description"), &info));
	assert_int_equal(pz_node_serve(w.node, json_object_get(params, "description"), &info),
			 PZ_ERR_EXISTS);
	json_decref(params);
	begin(&a, "services", json_pack("{s:s}", "api", THERMO));
	assert_int_equal(json_array_size(a.result), 1);
	forget(&a);
}

/* The end of the one that serves ends the one that calls, while the node frees both. */
static void
a_node_may_end_with_commands_under_way(void **state)
{
	struct answer serving, calling, streaming, watching;

	(void)state;
	start_node();
	begin(&serving, "serve", thermostat());
	begin(&calling, "call", call_params("thermostat", "get", json_array()));
	json_t *params = call_params("thermostat", "watch", json_array());
	json_object_set_new(params, "stream", json_true());
	begin(&streaming, "call", params);
	begin(&watching, "watch", json_object());
	stop_node();
	assert_int_equal(serving.ends, 0);
	serving.running = watching.running = NULL;
	calling.running = streaming.running = NULL;
	forget(&serving);
	forget(&calling);
	forget(&streaming);
	forget(&watching);
}

static void
a_call_ends_by_its_time_out(void **state)
{
	struct answer serving, a;

	(void)state;
	start_node();
	begin(&serving, "serve", thermostat());
	json_t *params = call_params("thermostat", "get", json_array());
	json_object_set_new(params, "timeout_ms", json_integer(500));
	begin(&a, "call", params);
	run(499 * PZ_US_PER_MS);
	assert_int_equal(a.ends, 0);
	run(PZ_US_PER_MS);
	assert_int_equal(a.ends, 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(a.result, "error"), "code")),
		-32003);
	forget(&a);
	run(60 * PZ_US_PER_S); /* the late answer belongs to no request */
	forget(&serving);
}

static void
watchers_hear_of_changes_until_they_go(void **state)
{
	struct answer first, second;

	(void)state;
	start_member();
	begin(&first, "watch", json_object());
	begin(&second, "watch", json_object());
	assert_int_equal(first.events, 1);
	dial_fails(PZ_ERR_IO_REFUSED, "refused");
	assert_int_equal(first.events, 2);
	assert_string_equal(pz_json_str(first.last_event, "new"), "not-connected");
	forget(&first);
	run(2 * PZ_US_PER_S); /* it tries again */
	assert_int_equal(second.events, 3);
	assert_string_equal(pz_json_str(second.last_event, "new"), "connecting");
	forget(&second);
}

/* ---- calling an enrolment off ---- */

static json_t *
enrol_params(void)
{
	return json_pack("{s:s, s:s, s:s}", "host", HOST, "zone", ZONE, "code", "12345678");
}

static void
begin_enrolment(struct answer *a, bool is_resolved)
{
	begin(a, "enrol", enrol_params());
	assert_int_equal(a->ends, 0);
	assert_int_equal(w.net.dial_count, 1);
	if (is_resolved)
		pz_kit_dial_resolved(pz_kit_network_dial(&w.net, NULL));
	assert_int_equal(pz_node_state(w.node),
			 is_resolved ? PZ_STATE_VIRGIN_CONNECTING : PZ_STATE_VIRGIN);
}

/* While the name is looked up, and while it connects: the next one begins at once. */
static void
an_enrolment_ends_with_its_command(void **state)
{
	struct answer a, b;

	(void)state;
	for (int is_resolved = 0; is_resolved < 2; is_resolved++) {
		w.net.dial_count = w.net.cancel_count = 0;
		start_node();
		begin_enrolment(&a, is_resolved);
		assert_string_equal(pz_json_str(status(), "reason"),
				    is_resolved ? "connecting to " HOST " port 8041"
						: "looking up " HOST);
		forget(&a);
		assert_int_equal(w.net.cancel_count, 1);
		assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
		begin(&b, "enrol", enrol_params());
		assert_int_equal(b.ends, 0);
		assert_int_equal(w.net.dial_count, 2);
		forget(&b);
		stop_node();
	}
}

static void
disconnect_calls_an_enrolment_off(void **state)
{
	struct answer a, b;

	(void)state;
	for (int is_resolved = 0; is_resolved < 2; is_resolved++) {
		w.net.dial_count = w.net.cancel_count = 0;
		start_node();
		begin_enrolment(&a, is_resolved);
		begin(&b, "disconnect", json_object());
		assert_int_equal(b.ends, 1);
		assert_ok(b.err);
		assert_int_equal(a.ends, 1);
		assert_int_equal(a.err, PZ_ERR_IO);
		assert_string_equal(a.detail, "called off by `pzp disconnect`");
		assert_int_equal(w.net.cancel_count, 1);
		forget(&a);
		forget(&b);
		refused("disconnect", json_object(), PZ_ERR_NOTFOUND);
		stop_node();
	}
}

static void
an_enrolment_that_stalls_says_in_which_step(void **state)
{
	struct answer a;

	(void)state;
	start_node();
	begin_enrolment(&a, true);
	run(2 * PZ_CONNECT_TIMEOUT_US - 1);
	assert_int_equal(a.ends, 0);
	run(1);
	assert_int_equal(a.ends, 1);
	assert_string_equal(a.detail, "timed out: the connection to " HOST
				      " port 8041 was not completed within 30 s");
	forget(&a);
}

static void
a_reason_says_nothing_twice(void **state)
{
	static const struct {
		enum pz_err err;
		const char *detail, *text;
	} cases[] = {
		{PZ_ERR_IO, "10.99.0.77 port 8041: No route to host",
		 "10.99.0.77 port 8041: No route to host"},
		{PZ_ERR_IO_REFUSED, "h port 1: Connection refused", "h port 1: Connection refused"},
		{PZ_ERR_IO_CLOSED, "bye", "connection closed: bye"},
		{PZ_ERR_IO_TIMEOUT, "", "timed out"},
	};
	struct pz_errinfo text;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(pz_uplink_reason(cases[i].err, cases[i].detail, &text),
				    cases[i].text);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_device_keeps_the_name_it_was_given),
		T(a_device_without_a_name_gets_a_valid_one),
		T(a_name_that_is_not_valid_is_refused),
		T(commands_that_make_no_sense_are_refused),
		T(status_of_a_virgin_has_what_page_12_says),
		T(a_virgin_serves_itself),
		T(a_call_that_cannot_be_made_says_why),
		T(names_that_are_too_long_are_refused),
		T(services_are_listed_and_chosen),
		T(a_finished_call_is_not_taken_for_the_next),
		T(what_a_client_serves_goes_with_it),
		T(a_service_of_the_daemon_stays),
		T(a_node_may_end_with_commands_under_way),
		T(a_call_ends_by_its_time_out),
		T(watchers_hear_of_changes_until_they_go),
		T(an_enrolment_ends_with_its_command),
		T(disconnect_calls_an_enrolment_off),
		T(an_enrolment_that_stalls_says_in_which_step),
		T(a_reason_says_nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
