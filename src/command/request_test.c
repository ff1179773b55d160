#include "kit/test.h"
#include <stdio.h>
#include <string.h>

#include "command/request.h"
#include "kit/clock.h"

static struct pz_kit_clock clock;
static struct pz_requests requests;
static unsigned releases;
static json_t *params;
static int node;

struct owner {
	unsigned ends, events;
	enum pz_err err;
	char detail[64];
	json_int_t number; /* that was the result */
	struct pz_request *next;
	struct pz_request *cancels;
};

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	static const struct pz_reply ignored = {.done = on_done};
	static struct owner other;
	struct owner *o = arg;

	o->ends++;
	o->err = err;
	snprintf(o->detail, sizeof(o->detail), "%s", detail);
	assert_int_equal(err == PZ_OK, result != NULL);
	o->number = json_integer_value(result);
	pz_request_cancel(o->cancels);
	if (o->next == NULL)
		return;
	o->next = pz_request_new(&requests, params, &ignored, &other);
	pz_request_answer(o->next, json_integer(7));
}

static void
on_event(void *arg, json_t *event)
{
	struct owner *o = arg;

	assert_non_null(event);
	o->events++;
}

static const struct pz_reply reply = {.done = on_done, .event = on_event};

static void
on_release(struct pz_request *request)
{
	assert_true(*(int *)request->state == 5);
	assert_ptr_equal(request->self, &node);
	releases++;
}

static const struct pz_request_kind waits = {.size = sizeof(int), .release = on_release};
static const struct pz_request_kind stores = {
	.size = sizeof(int), .release = on_release, .goes_on = true};

static int
setup(void **state)
{
	(void)state;
	releases = 0;
	pz_kit_clock_init(&clock);
	params = json_pack("{s:i}", "a", 1);
	pz_requests_init(&requests, &clock.env, &node);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_requests_fini(&requests);
	json_decref(params);
	assert_true(pz_kit_clock_is_idle(&clock));
	return 0;
}

static struct pz_request *
begin(struct owner *o, const struct pz_request_kind *kind)
{
	*o = (struct owner){0};
	struct pz_request *request = pz_request_new(&requests, params, &reply, o);

	assert_non_null(request);
	if (kind)
		*(int *)pz_request_begin(request, kind) = 5;
	return request;
}

static void
turn(void)
{
	pz_kit_clock_run(&clock, 0);
	assert_true(pz_list_is_empty(&requests.over));
}

static void
the_end_is_reported_after_the_call_that_brought_it(void **state)
{
	struct owner o;
	struct pz_request *request = begin(&o, &waits);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(request->params, "a")), 1);
	pz_request_answer(request, json_integer(3));
	assert_int_equal(releases, 1); /* what it held is free at once */
	assert_int_equal(o.ends, 0);
	assert_true(pz_request_is_over(request));
	turn();
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.number, 3);
	assert_string_equal(o.detail, "");
	assert_true(pz_list_is_empty(&requests.all));
}

static void
the_first_end_counts(void **state)
{
	struct owner o;
	struct pz_request *request = begin(&o, NULL);

	(void)state;
	pz_request_fail(request, PZ_ERR_NOTFOUND, "");
	pz_request_answer(request, json_integer(3));
	pz_request_event(request, json_object());
	turn();
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.events, 0);
	assert_int_equal(o.err, PZ_ERR_NOTFOUND);
	assert_string_equal(o.detail, pz_err_text(PZ_ERR_NOTFOUND));
}

static void
an_answer_that_could_not_be_made_is_out_of_memory(void **state)
{
	struct owner o;

	(void)state;
	pz_request_answer(begin(&o, NULL), NULL);
	turn();
	assert_int_equal(o.err, PZ_ERR_LIMIT_MEMORY);
}

static void
what_is_given_up_is_called_off_after_the_call(void **state)
{
	struct owner o;
	struct pz_request *request = begin(&o, &waits);

	(void)state;
	pz_request_event(request, json_object());
	assert_int_equal(o.events, 1);
	pz_request_cancel(request);
	assert_int_equal(releases, 0); /* its handler may be at work */
	assert_true(pz_request_is_over(request));
	pz_request_event(request, json_object());
	pz_request_answer(request, json_integer(1)); /* too late, and no harm */
	turn();
	assert_int_equal(o.events, 1);
	assert_int_equal(o.ends, 0);
	assert_int_equal(releases, 1);
	assert_true(pz_list_is_empty(&requests.all));
}

static void
what_cannot_be_called_off_goes_on_unreported(void **state)
{
	struct owner o;
	struct pz_request *request = begin(&o, &stores);

	(void)state;
	pz_request_cancel(request);
	turn();
	assert_int_equal(releases, 0);
	assert_false(pz_request_is_over(request));
	pz_request_answer(request, json_integer(1));
	turn();
	assert_int_equal(o.ends, 0);
	assert_int_equal(releases, 1);
	assert_true(pz_list_is_empty(&requests.all));
}

static void
what_goes_on_may_change(void **state)
{
	struct owner o;
	struct pz_request *request = begin(&o, &waits);

	(void)state;
	pz_request_goes_on(request, true);
	pz_request_cancel(request);
	turn();
	assert_int_equal(releases, 0);
	pz_request_goes_on(request, false); /* its owner has gone meanwhile */
	turn();
	assert_int_equal(releases, 1);
	assert_int_equal(o.ends, 0);
	request = begin(&o, &stores);
	pz_request_goes_on(request, false);
	turn();
	assert_int_equal(releases, 1); /* its owner is there */
	pz_request_cancel(request);
	turn();
	assert_int_equal(releases, 2);
	assert_true(pz_list_is_empty(&requests.all));
}

static void
one_that_has_ended_may_still_be_given_up(void **state)
{
	struct owner o;
	struct pz_request *request = begin(&o, &waits);

	(void)state;
	pz_request_answer(request, json_integer(1));
	pz_request_cancel(request);
	turn();
	assert_int_equal(o.ends, 0);
	assert_int_equal(releases, 1);
}

static void
a_report_may_begin_and_cancel_requests(void **state)
{
	struct owner first, second;
	struct pz_request *request = begin(&first, &waits), *other = begin(&second, &waits);

	(void)state;
	first.next = request;
	first.cancels = other;
	pz_request_answer(request, json_integer(1));
	pz_request_answer(other, json_integer(2));
	turn();
	assert_int_equal(first.ends, 1);
	assert_int_equal(second.ends, 0);
	assert_int_equal(releases, 2);
	assert_true(pz_list_is_empty(&requests.all));
}

static void
a_walk_survives_what_ends_meanwhile(void **state)
{
	struct owner o[4];
	struct pz_request *r[4];
	unsigned seen = 0;

	(void)state;
	for (int i = 0; i < 4; i++)
		r[i] = begin(&o[i], i == 2 ? &stores : &waits);
	PZ_REQUEST_EACH (&requests, &waits, request) {
		seen++;
		if (request == r[0]) {
			pz_request_answer(request, json_integer(1));
			pz_request_cancel(r[1]);
		}
	}
	assert_int_equal(seen, 2); /* r[0] and r[3] */
	PZ_REQUEST_EACH (&requests, &stores, request)
		assert_ptr_equal(request, r[2]);
}

static void
at_the_end_all_are_freed_and_none_is_reported(void **state)
{
	struct owner o[3];

	(void)state;
	(void)begin(&o[0], &waits);
	(void)begin(&o[1], &stores);
	pz_request_answer(begin(&o[2], NULL), json_integer(1));
	pz_requests_fini(&requests);
	assert_int_equal(releases, 2);
	assert_int_equal(o[0].ends + o[1].ends + o[2].ends, 0);
	assert_true(pz_kit_clock_is_idle(&clock));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_end_is_reported_after_the_call_that_brought_it),
		T(the_first_end_counts),
		T(an_answer_that_could_not_be_made_is_out_of_memory),
		T(what_is_given_up_is_called_off_after_the_call),
		T(what_cannot_be_called_off_goes_on_unreported),
		T(what_goes_on_may_change),
		T(one_that_has_ended_may_still_be_given_up),
		T(a_report_may_begin_and_cancel_requests),
		T(a_walk_survives_what_ends_meanwhile),
		T(at_the_end_all_are_freed_and_none_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
