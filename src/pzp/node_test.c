/* What node.h promises and can be shown without a network. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "pzp/internal.h"
#include "store/memory.h"
#include "wire/json.h"
#include "zone/authority.h"

#define ZONE "alice@example.org"
#define HOST "hub.example.org"
#define COMMIT_US (10 * PZ_US_PER_MS)
#define API_TEST "http://webinos.org/api/test"
#define THERMO "http://example.org/api/thermostat"

#define assert_ok(expr) assert_int_equal(expr, PZ_OK)

struct pz_process {
	const struct pz_process_events *events;
	void *arg;
	struct pz_timer ends;
};

static struct {
	struct pz_env env;
	struct pz_timers timers;
	uint64_t now_us;
	struct pz_turn turn;
	struct pz_memory_disk *disk;
	struct pz_store *store;
	struct pz_keystore *keys;
	struct pz_node *node;
	const char *device; /* setting, may be NULL */
	/* the network: the dial under way */
	const struct pz_dial_events *dial;
	void *dial_arg;
	unsigned dials, cancels;
	unsigned processes, kills;
} w;

/* ---- the world ---- */

static uint64_t
mono(void *arg)
{
	(void)arg;
	return w.now_us;
}

static uint64_t
wall(void *arg)
{
	(void)arg;
	return UINT64_C(1800000000000) + w.now_us / 1000;
}

static void
draw(void *arg, void *out, size_t len)
{
	(void)arg;
	randombytes_buf(out, len);
}

static enum pz_err
fake_dial(void *self, const char *host, uint16_t port, const struct pz_dial_events *events,
	  void *arg, struct pz_dial **out)
{
	assert_null(w.dial); /* never two at once */
	assert_true(host[0] != '\0' && port != 0);
	w.dial = events;
	w.dial_arg = arg;
	w.dials++;
	*out = self;
	return PZ_OK;
}

static void
fake_cancel(struct pz_dial *dial)
{
	(void)dial;
	assert_non_null(w.dial);
	w.dial = NULL;
	w.cancels++;
}

static const struct pz_transport_ops transport_ops = {
	.dial = fake_dial,
	.dial_cancel = fake_cancel,
};

static void
dial_fails(enum pz_err err, const char *detail)
{
	const struct pz_dial_events *events = w.dial;

	assert_non_null(events);
	w.dial = NULL;
	events->failed(w.dial_arg, err, detail);
}

/* A process that runs until it is killed. */
static void
on_exit_time(struct pz_timer *timer, void *arg)
{
	struct pz_process *p = arg;

	(void)timer;
	p->events->exited(p->arg, -9);
	free(p);
}

static struct pz_process *
fake_start(void *ops_arg, char *const argv[], char *const envp[], struct pz_slice line,
	   const struct pz_process_events *events, void *arg)
{
	struct pz_process *p = calloc(1, sizeof(*p));

	(void)ops_arg;
	(void)argv;
	(void)envp;
	(void)line;
	p->events = events;
	p->arg = arg;
	pz_timer_init(&p->ends, on_exit_time, p);
	w.processes++;
	return p;
}

static void
fake_kill(struct pz_process *p)
{
	w.kills++;
	pz_env_start(&w.env, &p->ends, 0);
}

static const struct pz_process_ops process_ops = {.start = fake_start, .kill = fake_kill};

static void
run(uint64_t duration_us)
{
	uint64_t until = w.now_us + duration_us, due;

	pz_turn_end(&w.turn);
	while ((due = pz_timers_next_us(&w.timers)) <= until) {
		w.now_us = due > w.now_us ? due : w.now_us;
		pz_timers_run(&w.timers, w.now_us);
		pz_turn_end(&w.turn);
	}
	w.now_us = until;
}

static enum pz_err
try_start(struct pz_errinfo *info)
{
	struct pz_node_config config = {
		.env = &w.env,
		.transport = {&transport_ops, &w},
		.turn = &w.turn,
		.store = w.store,
		.keys = w.keys,
		.key_type = "ec-p256",
		.device = w.device,
		.processes = &process_ops,
	};

	return pz_node_new(&config, &w.node, info);
}

static void
start_node(void)
{
	struct pz_errinfo info = {""};

	assert_ok(try_start(&info));
	pz_node_start(w.node);
	run(COMMIT_US);
}

static void
stop_node(void)
{
	pz_node_stop(w.node);
	pz_turn_end(&w.turn);
	run(COMMIT_US); /* what was submitted is stored */
	pz_node_free(w.node);
	w.node = NULL;
	assert_null(w.dial);
	run(PZ_US_PER_S);
}

static void
restart_node(void)
{
	stop_node();
	pz_store_free(w.store);
	w.store = pz_store_new_memory(&w.env, w.disk, COMMIT_US);
	start_node();
}

static int
set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	memset(&w, 0, sizeof(w));
	w.env = (struct pz_env){mono, wall, draw, NULL, &w.timers};
	w.device = "laptop";
	assert_ok(pz_turn_init(&w.turn, 0));
	w.disk = pz_memory_disk_new();
	w.store = pz_store_new_memory(&w.env, w.disk, COMMIT_US);
	w.keys = pz_keystore_new_memory();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	if (w.node)
		stop_node();
	pz_store_free(w.store);
	pz_turn_fini(&w.turn);
	pz_memory_disk_free(w.disk);
	pz_keystore_free(w.keys);
	return 0;
}

/* What a finished enrolment leaves on the disk. */
static void
enrol_on_disk(void)
{
	struct pz_keystore *hub_keys = pz_keystore_new_memory();
	struct pz_authority *a = NULL;
	struct pz_txn *txn = pz_txn_new();
	struct pz_zone_change *change = NULL;
	struct pz_membership *m = NULL;
	struct pz_membership_grant grant = {
		.zone = ZONE,
		.device = "laptop",
		.hub_host = HOST,
		.key_type = "ec-p256",
		.hub_port = 8041,
	};
	char uri[PZ_KEY_URI_MAX];
	struct pz_cert *cert = NULL;

	assert_ok(
		pz_authority_create(ZONE, HOST, NULL, "ec-p256", hub_keys, &w.env, txn, &a, NULL));
	assert_ok(pz_keystore_create(w.keys, "ec-p256", uri, &grant.ca_key, NULL));
	struct pz_admission wish = {"laptop", "laptop", "pc", grant.ca_key};
	assert_ok(pz_authority_admit(a, &wish, txn, &change, &cert, &grant.crl, NULL));
	pz_txn_free(txn);
	pz_authority_drop(change);
	grant.ca_key_uri = uri;
	grant.device_ca = cert;
	grant.master = a->ca;
	txn = pz_txn_new();
	assert_ok(pz_membership_create(&grant, w.keys, &w.env, txn, &m, NULL));
	pz_store_commit(w.store, txn, NULL, NULL);
	run(COMMIT_US);
	pz_membership_free(m);
	pz_cert_free(cert);
	pz_crl_free(grant.crl);
	pz_key_free(grant.ca_key);
	pz_authority_free(a);
	pz_keystore_free(hub_keys);
}

static void
start_member(void)
{
	enrol_on_disk();
	start_node();
	assert_string_equal(pz_node_address(w.node), ZONE "/laptop");
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTING);
	assert_int_equal(w.dials, 1);
}

/* As if the link were up, which it is not. */
static void
become_connected(void)
{
	if (pz_node_state(w.node) == PZ_STATE_NOT_CONNECTED)
		assert_ok(pz_machine_event(&w.node->machine, PZ_EVENT_CONNECT, NULL));
	w.dial = NULL;
	w.node->hub.dial = NULL;
	assert_ok(pz_machine_event(&w.node->machine, PZ_EVENT_REGISTERED, NULL));
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTED);
}

/* ---- commands ---- */

struct answer {
	unsigned ends, events;
	enum pz_err err;
	char detail[256];
	json_t *result;
	json_t *last_event;
	struct pz_node_request *running;
	void (*then)(struct answer *a);
};

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct answer *a = arg;

	a->ends++;
	a->err = err;
	a->running = NULL;
	snprintf(a->detail, sizeof(a->detail), "%s", detail);
	assert_int_equal(err == PZ_OK, result != NULL);
	a->result = json_incref(result);
	if (a->then)
		a->then(a);
}

static void
on_event(void *arg, json_t *event)
{
	struct answer *a = arg;

	a->events++;
	json_decref(a->last_event);
	a->last_event = json_incref(event);
}

static const struct pz_node_reply reply = {.done = on_done, .event = on_event};

/* @param params taken */
static void
begin_then(struct answer *a, const char *name, json_t *params, void (*then)(struct answer *a))
{
	*a = (struct answer){.then = then};
	struct pz_node_request *running = pz_node_command(w.node, name, params, &reply, a);
	json_decref(params);
	assert_int_equal(running == NULL, a->ends == 1); /* node.h: NULL when done was called */
	a->running = running;
}

static void
begin(struct answer *a, const char *name, json_t *params)
{
	begin_then(a, name, params, NULL);
}

static void
forget(struct answer *a)
{
	if (a->running && a->ends == 0)
		pz_node_cancel(a->running);
	json_decref(a->result);
	json_decref(a->last_event);
	*a = (struct answer){0};
}

/* Ends now with this error and one line. @param params taken */
static void
refused(const char *name, json_t *params, enum pz_err err)
{
	struct answer a;

	begin(&a, name, params);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, err);
	assert_true(a.detail[0] != '\0' && strchr(a.detail, '\n') == NULL);
	forget(&a);
}

static json_t *
status(void)
{
	static json_t *last;
	struct answer a;

	json_decref(last);
	begin(&a, "status", json_object());
	assert_ok(a.err);
	last = json_deep_copy(a.result);
	forget(&a);
	return last;
}

static json_t *
call_params(const char *service, const char *function, json_t *params)
{
	return json_pack("{s:s, s:s, s:o}", "service", service, "function", function, "params",
			 params);
}

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
	refused("connect", json_pack("{s:s}", "peer", "b"), PZ_ERR_CONFIG);
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
	assert_int_equal(w.dials, 0);
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
		{"test@nobody", "get42", -32601}, /* a virgin knows nobody */
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
	assert_int_equal(w.processes, 1);
	assert_int_equal(a.ends, 0);
	forget(&serving); /* the client is gone: the call ends, the process too */
	assert_int_equal(a.ends, 1);
	assert_non_null(json_object_get(a.result, "error"));
	forget(&a);
	run(PZ_US_PER_S);
	assert_int_equal(w.kills, 1);
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
	run(60 * PZ_US_PER_S); /* the late answer is nobody's */
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
	assert_int_equal(w.dials, 1);
	refused("enrol", enrol_params(), PZ_ERR_EXISTS);
	dial_fails(PZ_ERR_IO_RESOLVE, "no such host");
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, PZ_ERR_IO);
	assert_non_null(strstr(a.detail, "no such host"));
	assert_string_equal(pz_json_str(status(), "state"), "virgin");
	assert_non_null(strstr(pz_json_str(status(), "reason"), "no such host"));
	forget(&a);
	begin(&a, "enrol", enrol_params()); /* and it can be tried again */
	w.dial->resolved(w.dial_arg);
	assert_string_equal(pz_json_str(status(), "state"), "virgin-connecting");
	run(31 * PZ_US_PER_S);
	assert_int_equal(a.ends, 1);
	assert_string_equal(a.detail, "timed out");
	assert_int_equal(w.cancels, 1);
	forget(&a);
}

static void
an_enrolment_goes_on_without_who_asked(void **state)
{
	struct answer a;

	(void)state;
	start_node();
	begin(&a, "enrol", enrol_params());
	forget(&a);
	assert_non_null(w.dial);
	dial_fails(PZ_ERR_IO_TIMEOUT, "no answer");
	run(PZ_US_PER_S);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
}

static void
a_node_may_end_while_it_enrols(void **state)
{
	struct answer a;

	(void)state;
	start_node();
	begin(&a, "enrol", enrol_params());
	w.dial->resolved(w.dial_arg);
	stop_node();
	assert_int_equal(w.cancels, 1);
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

/* It waited for ever: the machine stays away until told to come back. */
static void
connect_ends_when_somebody_disconnects(void **state)
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
	assert_int_equal(w.dials, 1);
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
	assert_int_equal(w.dials, 1);
	begin(&a, "connect", json_object());
	assert_int_equal(w.dials, 2);
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
	unsigned dials = w.dials;
	for (int i = 0; i < 100; i++) {
		begin(&a, "call", call_params("test@other", "get42", json_array()));
		assert_int_equal(a.ends, 1); /* meanwhile it is unreachable */
		forget(&a);
	}
	assert_int_equal(w.dials, dials);
	run(PZ_US_PER_S);
	begin(&a, "call", call_params("test@other", "get42", json_array()));
	forget(&a);
	assert_int_equal(w.dials, dials + 1);
}

/* ---- leaving ---- */

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
	assert_ok(pz_machine_event(&w.node->machine, PZ_EVENT_LINK_LOST, "hang-up"));
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
	assert_ok(pz_machine_event(&w.node->machine, PZ_EVENT_REVOKED, "revoked"));
	run(COMMIT_US);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	forget(&a);
	run(60 * PZ_US_PER_S); /* the leave's own time-out does nothing any more */
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
}

/* A disk that is full: said, and tried again, or the next start would bring the device back. */
static void
a_wipe_that_fails_is_told_and_tried_again(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	dial_fails(PZ_ERR_IO_REFUSED, "refused");
	pz_memory_disk_fail_after(w.disk, 0);
	begin(&a, "leave", json_object());
	run(PZ_US_PER_S);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, PZ_ERR_IO);
	assert_non_null(strstr(a.detail, "could not be removed"));
	forget(&a);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	run(120 * PZ_US_PER_S);
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	run(61 * PZ_US_PER_S);
	restart_node();
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
}

static void
connect_while_the_zone_is_wiped_is_refused(void **state)
{
	struct answer a;

	(void)state;
	start_member();
	assert_ok(pz_machine_event(&w.node->machine, PZ_EVENT_REVOKED, "revoked"));
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

static void
the_tls_certificate_is_renewed_while_running(void **state)
{
	(void)state;
	start_member();
	uint64_t end = pz_cert_not_after_ms(w.node->membership->tls);
	become_connected();
	run(59 * UINT64_C(86400) * PZ_US_PER_S);
	assert_true(pz_cert_not_after_ms(w.node->membership->tls) == end);
	pz_memory_disk_fail_after(w.disk, 0);
	run(2 * UINT64_C(86400) * PZ_US_PER_S);
	assert_true(pz_cert_not_after_ms(w.node->membership->tls) == end);
	pz_memory_disk_fail_after(w.disk, SIZE_MAX);
	run(2 * UINT64_C(3600) * PZ_US_PER_S);
	end += 59 * UINT64_C(86400000);
	assert_true(pz_cert_not_after_ms(w.node->membership->tls) > end);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTED);
	restart_node(); /* its keys are still there */
	assert_true(pz_cert_not_after_ms(w.node->membership->tls) > end);
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
		T(an_enrolment_that_finds_no_hub_says_why),
		T(an_enrolment_goes_on_without_who_asked),
		T(a_node_may_end_while_it_enrols),
		T(status_of_a_member_has_what_page_12_says),
		T(connect_waits_for_the_outcome),
		T(connect_ends_when_somebody_disconnects),
		T(disconnect_stays_away_and_connect_comes_back),
		T(a_call_tries_the_hub_at_once),
		T(leave_without_a_hub_wipes_at_once),
		T(leave_survives_the_loss_of_the_link),
		T(leave_ends_when_the_hub_revokes),
		T(a_wipe_that_fails_is_told_and_tried_again),
		T(connect_while_the_zone_is_wiped_is_refused),
		T(the_tls_certificate_is_renewed_while_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
