/* Which requests receive events, and what the events contain. */
#include "kit/test.h"

#include "command/watch.h"
#include "kit/clock.h"

static struct {
	struct pz_kit_clock clock;
	struct pz_requests requests;
	json_t *events; /* of all programs, in order */
} w;

static void
on_event(void *arg, json_t *event)
{
	(void)arg;
	json_array_append(w.events, event);
}

static const struct pz_reply reply = {.event = on_event};

static struct pz_request *
watch(void)
{
	json_t *params = json_object();
	struct pz_request *request = pz_request_new(&w.requests, params, &reply, NULL);

	json_decref(params);
	assert_non_null(request);
	pz_watch_begin(request, json_pack("{s:s}", "event", "watching"));
	return request;
}

static const char *
event_at(size_t i)
{
	const json_t *event = json_array_get(w.events, i);

	assert_true(json_real_value(json_object_get(event, "time")) ==
		    (double)pz_env_wall_ms(&w.clock.env) / 1000);
	return json_string_value(json_object_get(event, "event"));
}

static void
every_program_that_watches_is_sent_each_event_with_its_time(void **state)
{
	(void)state;
	pz_kit_clock_init(&w.clock);
	pz_requests_init(&w.requests, &w.clock.env, NULL);
	w.events = json_array();
	assert_false(pz_watch_has_any(&w.requests));
	pz_watch_event(&w.requests, json_pack("{s:s}", "event", "unseen"));
	assert_int_equal(json_array_size(w.events), 0);

	struct pz_request *first = watch(), *second = watch();
	assert_true(pz_watch_has_any(&w.requests));
	assert_int_equal(json_array_size(w.events), 2);
	assert_string_equal(event_at(0), "watching");
	pz_watch_event(&w.requests, json_pack("{s:s}", "event", "peer"));
	assert_int_equal(json_array_size(w.events), 4);
	assert_string_equal(event_at(3), "peer");

	pz_watch_event(&w.requests, NULL); /* out of memory */
	pz_request_cancel(first);
	pz_watch_event(&w.requests, json_pack("{s:s}", "event", "state"));
	assert_int_equal(json_array_size(w.events), 5);
	pz_request_cancel(second);
	pz_requests_report(&w.requests);
	assert_false(pz_watch_has_any(&w.requests));
	pz_requests_fini(&w.requests);
	json_decref(w.events);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_program_that_watches_is_sent_each_event_with_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
