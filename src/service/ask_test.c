/* Answered call-backs: a service asks the caller of one of its calls. @spec page 7, 6.1 */
#include "service/fixture.h"

#include "rpc/error.h"

#define API "http://example.org/choose"

static struct {
	struct fixture *f;
	struct pz_call *call; /* that the service has */
	unsigned ended;
	/* what was asked */
	const struct pz_pending_ops *ops;
	void *jobs[PZ_CALL_ASKS_MAX + 1];
	char ids[PZ_CALL_ASKS_MAX + 1][40];
	size_t asked, cancelled;
	bool is_refused;
	bool is_answered_inside; /* the caller is a program of this device */
	/* answers */
	unsigned answers, aborts;
	char result[32];
} w;

static void
on_choose(struct pz_service *service, struct pz_call *call, json_t *params)
{
	(void)service;
	(void)params;
	w.call = call;
}

static void
on_ended(struct pz_service *service, struct pz_call *call)
{
	(void)service;
	assert_ptr_equal(call, w.call);
	w.call = NULL;
	w.ended++;
}

static const struct pz_method_def methods[] = {{.function = "choose", .invoke = on_choose}};

static bool
on_ask(void *arg, const char *to, const char *id, json_t *payload, const struct pz_pending_ops *ops,
       void *job)
{
	(void)arg;
	assert_string_equal(to, ANN);
	assert_string_equal(json_string_value(json_object_get(payload, "id")), id);
	assert_string_equal(json_string_value(json_object_get(payload, "method")), "R.which");
	if (w.is_refused)
		return false;
	w.ops = ops;
	w.jobs[w.asked] = job;
	snprintf(w.ids[w.asked++], sizeof(w.ids[0]), "%s", id);
	if (w.is_answered_inside) {
		json_t *tea = json_string("tea");
		ops->response(job, tea, NULL);
		json_decref(tea);
	}
	return true;
}

static void
on_cancel(void *arg, const char *to, const char *id)
{
	(void)arg;
	(void)id;
	assert_string_equal(to, ANN);
	w.cancelled++;
}

static void
on_answer(void *arg, json_t *result, json_t *error)
{
	assert_ptr_equal(arg, &w);
	assert_true((result == NULL) != (error == NULL));
	w.answers++;
	w.aborts += error && json_integer_value(json_object_get(error, "code")) == PZ_RPC_API_ERROR;
	snprintf(w.result, sizeof(w.result), "%s", result ? json_string_value(result) : "");
}

static int
setup(void **state)
{
	struct pz_service *service = NULL;
	struct pz_errinfo info = {""};

	(void)state;
	memset(&w, 0, sizeof(w));
	w.f = fx_new();
	w.f->ops.ask = on_ask;
	w.f->ops.ask_cancel = on_cancel;
	assert_ok(pz_service_new(API, "Choose", "", methods, 1, &service, &info));
	service->call_ended = on_ended;
	char method[200];
	snprintf(method, sizeof(method), API "@%s.choose", service->descriptor.id);
	fx_add(w.f, service);
	fx_call(w.f, ANN, "R", method, "[]");
	assert_non_null(w.call);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (w.f)
		fx_free(w.f);
	return 0;
}

static enum pz_err
ask(void)
{
	return pz_call_ask(w.call, "which", json_pack("[s]", "tea"), on_answer, &w);
}

static void
the_answer_reaches_the_service_and_the_call_goes_on(void **state)
{
	json_t *tea = json_string("tea");

	(void)state;
	assert_ok(ask());
	assert_int_equal(w.answers, 0);
	w.ops->response(w.jobs[0], tea, NULL);
	json_decref(tea);
	assert_int_equal(w.answers, 1);
	assert_string_equal(w.result, "tea");
	pz_call_result(w.call, json_string("done"));
	fx_expect(w.f, RESULT(ANN, "R", "'done'"));
	assert_int_equal(w.answers, 1);
	assert_int_equal(w.cancelled, 0);
}

static void
an_answer_may_come_from_inside(void **state)
{
	(void)state;
	w.is_answered_inside = true;
	assert_ok(ask());
	assert_int_equal(w.answers, 1);
	assert_string_equal(w.result, "tea");
	w.is_answered_inside = false;
	assert_ok(ask());
	pz_call_result(w.call, NULL); /* ends what waits: the second one only */
	assert_int_equal(w.answers, 2);
	assert_int_equal(w.cancelled, 1);
}

static void
an_error_of_the_caller_reaches_the_service(void **state)
{
	json_t *error = pz_rpc_error(PZ_RPC_TIMED_OUT, NULL, NULL);

	(void)state;
	assert_ok(ask());
	w.ops->response(w.jobs[0], NULL, error);
	json_decref(error);
	assert_int_equal(w.answers, 1);
	assert_int_equal(w.aborts, 0);
}

static void
what_waits_ends_with_the_call(void **state)
{
	(void)state;
	assert_ok(ask());
	assert_ok(ask());
	pz_call_result(w.call, NULL);
	assert_int_equal(w.answers, 2);
	assert_int_equal(w.aborts, 2);
	assert_int_equal(w.cancelled, 2);
}

/* The service learns of the questions first: it may still use the call in their answers. */
static void
what_waits_ends_with_the_caller(void **state)
{
	(void)state;
	assert_ok(ask());
	pz_dispatcher_peer_gone(w.f->d, ANN);
	assert_int_equal(w.aborts, 1);
	assert_int_equal(w.ended, 1);
}

static void
what_waits_ends_with_the_dispatcher(void **state)
{
	(void)state;
	assert_ok(ask());
	fx_free(w.f);
	w.f = NULL;
	assert_int_equal(w.answers, 1);
}

static void
questions_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < PZ_CALL_ASKS_MAX; i++)
		assert_ok(ask());
	assert_int_equal(ask(), PZ_ERR_LIMIT);
	assert_int_equal(w.answers, 0);
}

static void
what_cannot_be_sent_is_no_question(void **state)
{
	(void)state;
	w.is_refused = true;
	assert_int_equal(ask(), PZ_ERR_IO_CLOSED);
	pz_call_result(w.call, NULL);
	assert_int_equal(w.answers, 0);
	assert_int_equal(w.cancelled, 0);
}

#define TEST_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_(the_answer_reaches_the_service_and_the_call_goes_on),
		TEST_(an_answer_may_come_from_inside),
		TEST_(an_error_of_the_caller_reaches_the_service),
		TEST_(what_waits_ends_with_the_call),
		TEST_(what_waits_ends_with_the_caller),
		TEST_(what_waits_ends_with_the_dispatcher),
		TEST_(questions_are_bounded),
		TEST_(what_cannot_be_sent_is_no_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
