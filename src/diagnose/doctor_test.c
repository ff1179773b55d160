/* The doctor: all attempts run at the same time, end in a bounded time, and stop when it is
 * cancelled. */
#include "kit/test.h"

#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "diagnose/doctor.h"
#include "diagnose/finding.h"
#include "kit/clock.h"
#include "wire/json.h"

struct pz_dial {
	const struct pz_dial_events *events;
	void *arg;
	bool is_open;
};

struct pz_multicast_probe {
	pz_multicast_done done;
	void *arg;
	bool is_open;
};

static struct {
	struct pz_kit_clock clock;
	struct pz_facts facts;
	struct pz_dial dial;
	enum pz_err dial_err;
	struct pz_multicast_probe probe;
	pz_doctor_tried tried;
	void *tried_arg;
	bool is_trying, has_peers;
	unsigned streams_closed, dones;
	struct pz_stream stream;
	struct pz_doctor *doctor;
	json_t *findings;
} w;

static enum pz_err
dial(void *self, const char *host, uint16_t port, const struct pz_dial_events *events, void *arg,
     struct pz_dial **out)
{
	(void)self;
	assert_string_equal(host, "hub.example.org");
	assert_int_equal(port, 8041);
	if (w.dial_err != PZ_OK)
		return w.dial_err;
	w.dial = (struct pz_dial){events, arg, true};
	*out = &w.dial;
	return PZ_OK;
}

static void
dial_cancel(struct pz_dial *cancelled)
{
	assert_true(cancelled->is_open);
	cancelled->is_open = false;
}

static const struct pz_transport_ops transport_ops = {.dial = dial, .dial_cancel = dial_cancel};

static void
disk(void *self, const char *directory, struct pz_disk_report *out)
{
	(void)self;
	assert_string_equal(directory, "/data");
	*out = (struct pz_disk_report){.free_bytes = UINT64_C(1) << 40};
}

static struct pz_multicast_probe *
multicast_start(void *self, pz_multicast_done done, void *arg)
{
	(void)self;
	w.probe = (struct pz_multicast_probe){done, arg, true};
	return &w.probe;
}

static void
multicast_cancel(struct pz_multicast_probe *probe)
{
	assert_true(probe->is_open);
	probe->is_open = false;
}

static const struct pz_diagnose_system machine = {disk, multicast_start, multicast_cancel};

static void
facts(void *arg, struct pz_facts *out)
{
	(void)arg;
	*out = w.facts;
}

static void *
try_start(void *arg, pz_doctor_tried tried, void *tried_arg)
{
	(void)arg;
	w.tried = tried;
	w.tried_arg = tried_arg;
	w.is_trying = w.has_peers;
	return w.has_peers ? &w : NULL;
}

static void
try_cancel(void *trial)
{
	assert_ptr_equal(trial, &w);
	assert_true(w.is_trying);
	w.is_trying = false;
}

static void
on_done(void *arg, json_t *findings)
{
	assert_ptr_equal(arg, &w);
	w.findings = json_incref(findings);
	w.dones++;
}

static void
stream_close(struct pz_stream *stream)
{
	assert_ptr_equal(stream, &w.stream);
	w.streams_closed++;
}

static const struct pz_stream_ops stream_ops = {.close = stream_close};

static int
set_up(void **state)
{
	static const struct pz_doctor_ops ops = {facts, try_start, try_cancel};

	(void)state;
	memset(&w, 0, sizeof(w));
	pz_kit_clock_init(&w.clock);
	w.has_peers = true;
	w.stream.ops = &stream_ops;
	w.facts = (struct pz_facts){
		.is_daemon = true,
		.data_dir = "/data",
		.wall_ms = w.clock.wall_ms,
		.zone = "alice@example.org",
		.device = "laptop",
		.hub_host = "hub.example.org",
		.hub_port = 8041,
		.hub_is_up = true,
		.tls_port = 8040,
	};
	*state = (void *)(uintptr_t)&ops;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	json_decref(w.findings);
	assert_false(w.dial.is_open || w.probe.is_open || w.is_trying);
	assert_true(pz_kit_clock_is_idle(&w.clock));
	return 0;
}

static void
start(void **state)
{
	struct pz_doctor_config config = {
		.env = &w.clock.env,
		.transport = {&transport_ops, NULL},
		.system = &machine,
		.ops = *state,
	};
	unsigned before = w.dones;

	w.doctor = pz_doctor_start(&config, on_done, &w);
	assert_non_null(w.doctor);
	assert_int_equal(w.dones, before);
}

static void
probe_ends(void)
{
	struct pz_multicast_report report = {.interfaces = 1, .sent = 1, .has_received_self = true};

	assert_true(w.probe.is_open);
	w.probe.is_open = false;
	w.probe.done(w.probe.arg, &report);
}

static void
trial_ends(void)
{
	json_t *tries = json_pack("[{s:s, s:s, s:b}]", "by", "tv", "address", "10.0.0.2", "ok", 1);

	assert_true(w.is_trying);
	w.is_trying = false;
	w.tried(w.tried_arg, tries);
	json_decref(tries);
}

static const json_t *
found(const char *check)
{
	size_t i;
	json_t *one;

	json_array_foreach (w.findings, i, one)
		if (strcmp(pz_json_str(one, "check"), check) == 0)
			return one;
	return NULL;
}

static bool
is_ok(const char *check)
{
	const json_t *one = found(check);

	assert_non_null(one);
	return json_is_true(json_object_get(one, "ok"));
}

static void
ends_when_the_last_has_ended(void **state)
{
	start(state);
	probe_ends();
	w.dial.is_open = false;
	w.dial.events->connected(w.dial.arg, &w.stream);
	assert_int_equal(w.streams_closed, 1);
	pz_kit_clock_run(&w.clock, PZ_US_PER_S);
	assert_int_equal(w.dones, 0);
	trial_ends();
	assert_int_equal(w.dones, 0); /* never from inside */
	pz_kit_clock_run(&w.clock, 1);
	assert_int_equal(w.dones, 1);
	assert_true(pz_findings_are_ok(w.findings));
	assert_true(is_ok("hub-port") && is_ok("multicast-received") && is_ok("reachable") &&
		    is_ok("disk"));
}

static void
ends_when_time_is_up(void **state)
{
	start(state);
	pz_kit_clock_run(&w.clock, PZ_DOCTOR_TIME_US - 1);
	assert_int_equal(w.dones, 0);
	pz_kit_clock_run(&w.clock, 1);
	assert_int_equal(w.dones, 1);
	assert_false(is_ok("hub-name")); /* it never had an address */
	assert_null(found("hub-port"));
	assert_null(found("multicast-sent"));
	assert_true(json_is_true(json_object_get(found("reachable"), "skipped")));
}

static void
an_address_that_does_not_answer_is_not_a_name_without_one(void **state)
{
	start(state);
	w.dial.events->resolved(w.dial.arg);
	pz_kit_clock_run(&w.clock, PZ_DOCTOR_TIME_US);
	assert_true(is_ok("hub-name"));
	assert_false(is_ok("hub-port"));
}

static void
a_failed_dial_says_why(void **state)
{
	const enum pz_err errs[] = {PZ_ERR_IO_RESOLVE, PZ_ERR_IO_REFUSED};
	static const char *const checks[] = {"hub-name", "hub-port"};

	for (size_t i = 0; i < 2; i++) {
		start(state);
		w.dial.is_open = false;
		w.dial.events->failed(w.dial.arg, errs[i], "what happened");
		probe_ends();
		trial_ends();
		pz_kit_clock_run(&w.clock, 1);
		assert_false(is_ok(checks[i]));
		assert_string_equal(pz_json_str(found(checks[i]), "detail"), "what happened");
		json_decref(PZ_TAKE(w.findings));
	}
	w.dial_err = PZ_ERR_CONFIG; /* at once */
	start(state);
	probe_ends();
	trial_ends();
	pz_kit_clock_run(&w.clock, 1);
	assert_false(is_ok("hub-port"));
}

static void
the_facts_of_the_end_count(void **state)
{
	w.facts.hub_is_up = false;
	start(state);
	w.facts.hub_is_up = true;
	pz_kit_clock_run(&w.clock, PZ_DOCTOR_TIME_US);
	assert_true(is_ok("hub-link"));
}

static void
what_does_not_apply_is_not_tried(void **state)
{
	w.facts.hub_host = NULL;
	w.facts.is_loopback = true;
	w.has_peers = false;
	start(state);
	assert_false(w.dial.is_open || w.probe.is_open || w.is_trying);
	pz_kit_clock_run(&w.clock, 1);
	assert_int_equal(w.dones, 1);
	assert_true(json_is_true(json_object_get(found("reachable"), "skipped")));
}

static void
a_cancel_ends_everything(void **state)
{
	start(state);
	pz_doctor_cancel(w.doctor);
	pz_kit_clock_run(&w.clock, 2 * PZ_DOCTOR_TIME_US);
	assert_int_equal(w.dones, 0);
	pz_doctor_cancel(NULL);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(ends_when_the_last_has_ended),
		T(ends_when_time_is_up),
		T(an_address_that_does_not_answer_is_not_a_name_without_one),
		T(a_failed_dial_says_why),
		T(the_facts_of_the_end_count),
		T(what_does_not_apply_is_not_tried),
		T(a_cancel_ends_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
