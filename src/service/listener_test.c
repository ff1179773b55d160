/* Listeners, bind and unbind. @spec page 7, 6.1, 8 and 12 */
#include "service/fixture.h"

#include "service/api_test.h"

#define LISTEN TEST ".listenAttr.listenFor42"
#define REMOVE TEST ".removeEventListener"
#define AGAIN "[{'repeat':true}]"
#define HEARD(to, id) EVENT(to, id ".onEvent", "{'msg':'42'}")
#define DESCRIPTOR                                                                                 \
	"{'api':'http://webinos.org/api/test','description':'Test Module with the life answer.',"  \
	"'displayName':'Test','icon':null,'id':'" TEST_ID "','serviceAddress':'" NODE "'}"

static struct fixture *
with_test_api(void)
{
	struct fixture *f = fx_new();
	fx_add_test_service(f);
	return f;
}

static size_t
listeners(const struct fixture *f)
{
	struct pz_dispatch_stats stats;
	pz_dispatcher_stats(f->d, &stats);
	return stats.listeners;
}

static void
remove_test_api(struct fixture *f)
{
	assert_ok(pz_registry_remove(f->registry, "http://webinos.org/api/test", TEST_ID));
}

static void
once_is_once(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	fx_call(f, ANN, "R", LISTEN, "[null]");
	fx_expect(f, HEARD(ANN, "R") RESULT(ANN, "R", "{}"));
	assert_int_equal(listeners(f), 0);
	fx_free(f);
}

static void
a_listener_gets_events_until_it_is_removed(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	pz_kit_clock_run(&f->clock, 2 * PZ_US_PER_S);
	fx_expect(f, HEARD(ANN, "R") HEARD(ANN, "R") HEARD(ANN, "R"));
	fx_call(f, ANN, "X", REMOVE, "['R']");
	fx_expect(f, RESULT(ANN, "R", "{}") RESULT(ANN, "X", "{}"));
	pz_kit_clock_run(&f->clock, 5 * PZ_US_PER_S);
	fx_expect(f, "");
	fx_call(f, ANN, "Y", REMOVE, "['R']");
	fx_expect(f, ERROR(ANN, "Y", "NotFoundError", "8", "No such call or listener."));
	fx_call(f, ANN, "Z", REMOVE, "[]");
	fx_expect(f, ERROR(ANN, "Z", "NotFoundError", "8", "No such call or listener."));
	fx_free(f);
}

/* The request says that its caller takes no call-backs: it gets an answer at once. */
static void
a_stream_is_refused_to_a_caller_that_wants_one_answer(void **state)
{
	struct fixture *f = with_test_api();
	json_t *request = json_pack("{s:s, s:s, s:s, s:[{s:b}], s:b}", "jsonrpc", "2.0", "id", "R",
				    "method", LISTEN, "params", "repeat", 1, "stream", 0);
	(void)state;
	pz_dispatcher_request(f->d, ANN, request);
	fx_expect(f, ERROR(ANN, "R", "InvalidAccessError", "15",
			   "listenFor42 is a stream: use --stream"));
	json_object_set_new(request, "stream", json_true());
	json_object_set_new(request, "id", json_string("S"));
	pz_dispatcher_request(f->d, ANN, request);
	fx_expect(f, HEARD(ANN, "S"));
	assert_int_equal(listeners(f), 1);
	json_decref(request);
	fx_free(f);
}

/* Giving up what one has begun needs no permission; the name of a foreign call has no effect. */
static void
giving_up_needs_no_permission(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	free(fx_take(f));
	f->answer[PZ_PERMIT_INVOKE] = PZ_PERMIT_DENY;
	fx_call(f, BOB, "X", REMOVE, "['R']");
	char *text = fx_take(f);
	assert_non_null(strstr(text, BOB " {'error':{'code':-32004"));
	free(text);
	fx_call(f, ANN, "Y", REMOVE, "['R']");
	fx_expect(f, RESULT(ANN, "R", "{}") RESULT(ANN, "Y", "{}"));
	fx_free(f);
}

static void
others_cannot_remove_it(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	fx_expect(f, HEARD(ANN, "R"));
	fx_call(f, BOB, "X", REMOVE, "['R']");
	fx_expect(f, ERROR(BOB, "X", "NotFoundError", "8", "No such call or listener."));
	fx_call(f, BOB, "U", TEST ".unbind", NULL);
	fx_expect(f, EVENT(BOB, "U.onUnbind", DESCRIPTOR) RESULT(BOB, "U", "{}"));
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	fx_expect(f, HEARD(ANN, "R"));
	fx_free(f);
}

/* A node takes its apps along, and no other address: not the device whose name begins like its own.
 */
static void
a_peer_that_goes_takes_its_listeners_along(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	fx_call(f, "alice@example.org/laptop2", "R", LISTEN, AGAIN);
	fx_call(f, EVE, "R", LISTEN, AGAIN);
	free(fx_take(f));
	pz_dispatcher_peer_gone(f->d, "alice@example.org/laptop");
	fx_expect(f, "");
	assert_int_equal(listeners(f), 2);
	pz_dispatcher_peer_gone(f->d, "eve@example.com");
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	fx_expect(f, HEARD("alice@example.org/laptop2", "R"));
	fx_free(f);
}

static void
a_service_that_goes_ends_its_listeners(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	free(fx_take(f));
	remove_test_api(f);
	fx_expect(f, ERROR(ANN, "R", "AbortError", "20", "The service has gone."));
	assert_int_equal(listeners(f), 0);
	fx_free(f);
}

static void
policy_ends_listeners(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	fx_call(f, BOB, "S", LISTEN, AGAIN);
	free(fx_take(f));
	pz_dispatcher_recheck(f->d);
	fx_expect(f, "");
	f->answer[PZ_PERMIT_LISTEN] = PZ_PERMIT_DENY;
	fx_call(f, ANN, "X", REMOVE, "['R']");
	free(fx_take(f));
	pz_dispatcher_recheck(f->d);
	char *text = fx_take(f);
	assert_non_null(strstr(text, BOB " {'error':{'code':-32004"));
	free(text);
	pz_kit_clock_run(&f->clock, 3 * PZ_US_PER_S);
	fx_expect(f, "");
	fx_free(f);
}

static void
policy_is_asked_again_every_15_minutes(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	pz_kit_clock_run(&f->clock, PZ_LISTENER_RECHECK_US);
	assert_int_equal(listeners(f), 1);
	f->answer[PZ_PERMIT_LISTEN] = PZ_PERMIT_REFUSED;
	pz_kit_clock_run(&f->clock, PZ_LISTENER_RECHECK_US - 1);
	assert_int_equal(listeners(f), 1);
	pz_kit_clock_run(&f->clock, 1);
	assert_int_equal(listeners(f), 0);
	fx_free(f);
}

static void
one_caller_has_so_many(void **state)
{
	struct fixture *f = with_test_api();
	char id[16];
	(void)state;
	for (int i = 0; i < PZ_LISTENERS_PER_PEER_MAX; i++) {
		(void)snprintf(id, sizeof(id), "%d", i);
		fx_call(f, ANN, id, LISTEN, AGAIN);
	}
	free(fx_take(f));
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	fx_expect(f, ERROR(ANN, "R", "QuotaExceededError", "22", "Too many listeners."));
	fx_call(f, ANN, "B", TEST ".bind", NULL);
	fx_expect(f, ERROR(ANN, "B", "QuotaExceededError", "22", "Too many listeners."));
	fx_call(f, BOB, "R", LISTEN, AGAIN);
	fx_expect(f, HEARD(BOB, "R"));
	fx_free(f);
}

static void
all_callers_have_so_many(void **state)
{
	struct fixture *f = with_test_api();
	char from[64], id[16];
	(void)state;
	for (int i = 0; i < PZ_LISTENERS_MAX; i++) {
		(void)snprintf(from, sizeof(from), "alice@example.org/pad/00:%d",
			       i / PZ_LISTENERS_PER_PEER_MAX);
		(void)snprintf(id, sizeof(id), "%d", i);
		fx_call(f, from, id, LISTEN, AGAIN);
	}
	assert_int_equal(listeners(f), PZ_LISTENERS_MAX);
	free(fx_take(f));
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	fx_expect(f, ERROR(ANN, "R", "QuotaExceededError", "22", "Too many listeners."));
	fx_free(f);
}

/* ---- bind ---- */

static void
a_binder_is_called_when_the_service_goes_and_returns(void **state)
{
	static const char *const names[] = {"Service.bind", "bind", "bindService"};
	struct fixture *f = with_test_api();
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) { /* the newest counts */
		char id[8], method[128], *text;
		(void)snprintf(id, sizeof(id), "B%zu", i);
		(void)snprintf(method, sizeof(method), TEST ".%s", names[i]);
		fx_call(f, ANN, id, method, NULL);
		text = fx_take(f);
		assert_non_null(strstr(text, ".onBind','params':" DESCRIPTOR));
		assert_non_null(strstr(text, "'result':{}"));
		free(text);
	}
	remove_test_api(f);
	fx_expect(f, EVENT(ANN, "B2.onServiceUnavailable", DESCRIPTOR));
	fx_add_test_service(f);
	fx_expect(f, EVENT(ANN, "B2.onServiceAvailable", DESCRIPTOR));
	pz_dispatcher_peer_gone(f->d, "alice@example.org/laptop");
	remove_test_api(f);
	fx_expect(f, "");
	fx_free(f);
}

static void
unbind_drops_the_callers_listeners(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	fx_call(f, ANN, "B", TEST ".Service.bind", "['x']");
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	fx_call(f, BOB, "S", LISTEN, AGAIN);
	free(fx_take(f));
	fx_call(f, ANN, "U", TEST ".Service.unbind", "['x']");
	fx_expect(f, RESULT(ANN, "R", "{}") EVENT(ANN, "U.onUnbind", DESCRIPTOR)
			     RESULT(ANN, "U", "{}"));
	assert_int_equal(listeners(f), 1);
	fx_call(f, BOB, "V", TEST ".unbindService", NULL);
	free(fx_take(f));
	assert_int_equal(listeners(f), 0);
	remove_test_api(f);
	fx_expect(f, "");
	fx_free(f);
}

static void
a_forbidden_bind_says_so_on_the_object(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	f->answer[PZ_PERMIT_BIND] = PZ_PERMIT_DENY;
	fx_call(f, EVE, "B", TEST ".bind", NULL);
	char *text = fx_take(f);
	assert_non_null(strstr(text, "'B.onError','params':{'code':18"));
	assert_non_null(strstr(text, "{'error':{'code':-32004"));
	free(text);
	fx_free(f);
}

static void
a_stream_remembers_that_a_person_allowed_it(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	fx_call(f, ANN, "R", LISTEN, AGAIN);
	pz_dispatcher_recheck(f->d);
	assert_false(f->was_asked);
	f->answer[PZ_PERMIT_INVOKE] = PZ_PERMIT_PENDING;
	fx_call(f, ANN, "S", LISTEN, AGAIN);
	pz_dispatcher_permit_result(f->d, f->ticket, PZ_PERMIT_ALLOW, true);
	fx_call(f, ANN, "X", REMOVE, "['R']");
	pz_dispatcher_recheck(f->d);
	assert_true(f->was_asked);
	fx_free(f);
}

static void
a_binder_that_may_not_look_any_more_is_forgotten(void **state)
{
	struct fixture *f = with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	fx_call(f, ANN, "B", TEST ".bind", NULL);
	free(fx_take(f));
	f->answer[PZ_PERMIT_SHOW] = PZ_PERMIT_DENY;
	pz_dispatcher_recheck(f->d);
	remove_test_api(f);
	fx_expect(f, "");
	fx_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_is_once),
		cmocka_unit_test(a_listener_gets_events_until_it_is_removed),
		cmocka_unit_test(a_stream_is_refused_to_a_caller_that_wants_one_answer),
		cmocka_unit_test(giving_up_needs_no_permission),
		cmocka_unit_test(others_cannot_remove_it),
		cmocka_unit_test(a_peer_that_goes_takes_its_listeners_along),
		cmocka_unit_test(a_service_that_goes_ends_its_listeners),
		cmocka_unit_test(policy_ends_listeners),
		cmocka_unit_test(policy_is_asked_again_every_15_minutes),
		cmocka_unit_test(one_caller_has_so_many),
		cmocka_unit_test(all_callers_have_so_many),
		cmocka_unit_test(a_binder_is_called_when_the_service_goes_and_returns),
		cmocka_unit_test(unbind_drops_the_callers_listeners),
		cmocka_unit_test(a_forbidden_bind_says_so_on_the_object),
		cmocka_unit_test(a_stream_remembers_that_a_person_allowed_it),
		cmocka_unit_test(a_binder_that_may_not_look_any_more_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
