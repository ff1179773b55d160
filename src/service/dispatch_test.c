/* Requests, parameters, permission, batches, replay. @spec page 7, 12 */
#include "service/fixture.h"

#include "service/api_test.h"

#define NOT_FOUND(to, id) FAULT(to, id, "-32601", "Method not found")
#define DENIED(to, id)                                                                             \
	to " {'error':{'code':-32004,'data':{'code':18,'message':'Access has been "                \
	   "denied.','name':"                                                                      \
	   "'SecurityError'},'message':'denied by policy'},'id':'" id "','jsonrpc':'2.0'}\n"

static void
get42_answers(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	fx_call(f, ANN, "1", TEST ".get42", "['hello']");
	fx_expect(f, RESULT(ANN, "1", "'42 hello'"));
	fx_call(f, ANN, "2", TEST ".TestModule.get42", "['hello \xc3\xa9']");
	fx_expect(f, RESULT(ANN, "2", "'42 hello \xc3\xa9'"));
	fx_payload(f, ANN, "{'jsonrpc':'2.0','id':7,'method':'" TEST ".get42','params':[1]}");
	fx_expect(f, ANN " {'id':7,'jsonrpc':'2.0','result':'42 1'}\n");
	fx_free(f);
}

static void
parameters_come_in_every_form(void **state)
{
	static const char *const forms[][2] = {
		{"['x']", "'42 x'"},       {"{'number':'x'}", "'42 x'"},
		{"'x'", "'42 x'"},         {NULL, "'42 '"},
		{"null", "'42 '"},         {"[]", "'42 '"},
		{"5", "'42 5'"},           {"true", "'42 true'"},
		{"[[1,2]]", "'42 [1,2]'"}, {"[null]", "'42 null'"},
	};
	struct fixture *f = fx_with_test_api();
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char id[8], expected[256];
		(void)snprintf(id, sizeof(id), "%zu", i);
		(void)snprintf(expected, sizeof(expected), RESULT(ANN, "%s", "%s"), id,
			       forms[i][1]);
		fx_call(f, ANN, id, TEST ".get42", forms[i][0]);
		fx_expect(f, expected);
	}
	fx_free(f);
}

static json_t *last_params;

static void
keep_params(struct pz_service *service, struct pz_call *call, json_t *params)
{
	(void)service;
	json_decref(last_params);
	last_params = json_incref(params);
	pz_call_result(call, NULL);
}

static const char *const ab_names[] = {"a", "b", NULL};
static const struct pz_method_def form_methods[] = {
	{.function = "plain", .form = PZ_PARAMS_POSITIONAL, .invoke = keep_params},
	{.path = "some.path",
	 .interface = "Face",
	 .function = "pos",
	 .form = PZ_PARAMS_POSITIONAL,
	 .names = ab_names,
	 .invoke = keep_params},
	{.function = "obj", .form = PZ_PARAMS_OBJECT, .names = ab_names, .invoke = keep_params},
	{.function = "raw", .form = PZ_PARAMS_RAW, .invoke = keep_params},
};

static void
a_static_table_says_the_form(void **state)
{
	static const char *const cases[][3] = {
		/* method, params, what the service is given (NULL: -32602) */
		{"plain", "[1,[2]]", "[1,[2]]"},
		{"plain", "{'a':1}", NULL},
		{"plain", "{}", "[]"},
		{"plain", "'x'", NULL},
		{"pos", "{'b':2,'a':1}", "[1,2]"},
		{"pos", "{'a':1}", "[1]"},
		{"pos", "{'b':2}", "[null,2]"},
		{"pos", "{'c':2}", NULL},
		{"pos", "7", NULL},
		{"obj", "{'x':1}", "[{'x':1}]"},
		{"obj", "{}", "[{}]"},
		{"obj", "{'a':{'x':1}}", "[{'x':1}]"},
		{"obj", "[{'x':1}]", "[{'x':1}]"},
		{"obj", "7", NULL},
		{"raw", "{'x':1}", "{'x':1}"},
		{"raw", "7", "7"},
		{"raw", NULL, "[]"},
	};
	struct fixture *f = fx_new();
	struct pz_service *service = NULL;
	char method[128], id[8], expected[256];
	(void)state;
	assert_ok(pz_service_new("x", "n", "d", form_methods, 4, &service, NULL));
	fx_add(f, service);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(id, sizeof(id), "%zu", i);
		(void)snprintf(method, sizeof(method), "x@%s.%s", service->descriptor.id,
			       cases[i][0]);
		fx_call(f, ANN, id, method, cases[i][1]);
		if (cases[i][2] == NULL) {
			(void)snprintf(expected, sizeof(expected),
				       FAULT(ANN, "%s", "-32602", "Invalid params"), id);
			fx_expect(f, expected);
			continue;
		}
		free(fx_take(f));
		char *got = json_dumps(last_params, JSON_COMPACT | JSON_ENCODE_ANY);
		for (char *c = got; *c; c++)
			*c = *c == '"' ? '\'' : *c;
		assert_string_equal(got, cases[i][2]);
		free(got);
	}
	json_decref(last_params);
	last_params = NULL;
	fx_free(f);
}

/* One answer: -32601, and in it what there is instead. */
static void
expect_not_found(struct fixture *f, const char *id, const char *instead)
{
	char *text = fx_take(f), member[32];
	(void)snprintf(member, sizeof(member), "'id':'%s'", id);
	assert_non_null(strstr(text, "'code':-32601"));
	assert_non_null(strstr(text, member));
	assert_non_null(strstr(text, instead));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	free(text);
}

static void
paths_are_declared(void **state)
{
	static const struct {
		const char *name;
		bool works;
	} cases[] = {
		{"pos", true},       {"some.path.pos", true}, {"Face.pos", true},
		{"path.pos", false}, {"Other.pos", false},    {"pos.pos", false},
	};
	struct fixture *f = fx_new();
	struct pz_service *service = NULL;
	char method[128], id[8], expected[256];
	(void)state;
	assert_ok(pz_service_new("x", "n", "d", form_methods, 4, &service, NULL));
	fx_add(f, service);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(id, sizeof(id), "%zu", i);
		(void)snprintf(method, sizeof(method), "x@%s.%s", service->descriptor.id,
			       cases[i].name);
		(void)snprintf(expected, sizeof(expected), RESULT(ANN, "%s", "{}"), id);
		fx_call(f, ANN, id, method, NULL);
		if (cases[i].works)
			fx_expect(f, expected);
		else
			expect_not_found(f, id, "it has: plain, pos, obj, raw");
	}
	json_decref(last_params);
	last_params = NULL;
	fx_free(f);
}

/* page 7, 12: two "@", "constructor", a foreign id, an empty function */
static void
unknown_names_are_refused(void **state)
{
	static const char *const names[] = {
		"http://webinos.org/api@test@" TEST_ID ".get42",
		TEST ".constructor",
		TEST ".toString",
		TEST ".",
		TEST,
		TEST ".listenAttr.get42",
		"http://webinos.org/api/test@00.get42",
		"http://webinos.org/api/test@00000000000000000000000000000000.get42",
		"http://webinos.org/api/none@" TEST_ID ".get42",
		"ServiceDiscovery.constructor",
		"ServiceConfiguration.findConfigurableAPIs",
		"some-reference.onEvent",
		"get42",
		"",
	};
	struct fixture *f = fx_with_test_api();
	char id[8];
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(id, sizeof(id), "%zu", i);
		fx_call(f, ANN, id, names[i], "[]");
		expect_not_found(f, id, "");
	}
	fx_call(f, ANN, "d", "Dashboard.open", "[{}]");
	fx_expect(f, ERROR(ANN, "d", "NotSupportedError", "9", "NotSupportedError"));
	fx_free(f);
}

static void
invalid_requests_are_answered_and_responses_are_not(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	fx_payload(f, ANN, "{'jsonrpc':'1.0','id':'1','method':'x'}");
	fx_expect(f, FAULT(ANN, "1", "-32600", "Invalid Request"));
	fx_payload(f, ANN, "{'jsonrpc':'2.0','id':'1','method':7}");
	fx_expect(f, FAULT(ANN, "1", "-32600", "Invalid Request"));
	fx_payload(f, ANN, "5");
	fx_expect(f, ANN " {'error':{'code':-32600,'message':'Invalid Request'},'id':null,"
			 "'jsonrpc':'2.0'}\n");
	fx_payload(f, ANN, "{'jsonrpc':'2.0','id':'1','result':1}");
	fx_payload(f, ANN, "{'jsonrpc':'2.0','id':'1','error':{'code':1,'message':'m'}}");
	fx_expect(f, "");
	char *text = NULL;
	assert_true(asprintf(&text, "{'jsonrpc':'2.0','id':'%0300d','method':'x.y'}", 0) > 0);
	fx_payload(f, ANN, text);
	free(text);
	text = fx_take(f);
	assert_non_null(strstr(text, "-32600"));
	free(text);
	fx_free(f);
}

static void
a_notification_gets_no_answer_at_all(void **state)
{
	struct fixture *f = fx_with_test_api();
	struct pz_dispatch_stats stats;
	(void)state;
	fx_payload(f, ANN, "{'jsonrpc':'2.0','method':'" TEST ".get42','params':['x']}");
	fx_payload(f, ANN, "{'jsonrpc':'2.0','id':null,'method':'" TEST ".get42'}");
	fx_payload(f, ANN, "{'jsonrpc':'2.0','method':'" TEST ".nosuch'}");
	fx_payload(f, ANN, "{'jsonrpc':'2.0','method':'a.b'}");
	fx_payload(f, ANN,
		   "{'jsonrpc':'2.0','method':'" TEST ".listenFor42','params':[{'repeat':true}]}");
	fx_payload(f, ANN, "{'jsonrpc':'2.0','method':'" TEST ".listenFor42'}");
	fx_payload(f, ANN, "{'jsonrpc':'2.0','method':'" TEST ".bind'}");
	fx_payload(f, ANN,
		   "{'jsonrpc':'2.0','method':'ServiceDiscovery.findServices','params':[{'api':'*'}"
		   "]}");
	fx_expect(f, "");
	pz_dispatcher_stats(f->d, &stats);
	assert_int_equal(stats.requests, 8);
	assert_int_equal(stats.calls_open + stats.listeners + stats.binders + stats.finds, 0);
	fx_free(f);
}

/* ---- batches (page 4; JSON-RPC 2.0, 6) ---- */

static void
a_batch_is_answered_by_one_array(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	fx_payload(f, ANN,
		   "[{'jsonrpc':'2.0','id':'1','method':'" TEST ".get42','params':['a']},"
		   "{'jsonrpc':'2.0','method':'" TEST ".get42','params':['b']},"
		   "7,"
		   "{'jsonrpc':'2.0','id':'2','method':'" TEST ".nosuch'}]");
	fx_expect(f, ANN
		  " [{'id':'1','jsonrpc':'2.0','result':'42 a'},"
		  "{'error':{'code':-32600,'message':'Invalid Request'},'id':null,'jsonrpc':'2.0'},"
		  "{'error':{'code':-32601,'data':{'code':8,'message':'nosuch is no function of "
		  "Test; it has: get42, listenFor42','name':'NotFoundError'},"
		  "'message':'Method not found'},'id':'2','jsonrpc':'2.0'}]\n");
	fx_payload(f, ANN, "[]");
	fx_expect(f, ANN " {'error':{'code':-32600,'message':'Invalid Request'},'id':null,"
			 "'jsonrpc':'2.0'}\n");
	fx_payload(f, ANN, "[{'jsonrpc':'2.0','method':'" TEST ".get42'}]");
	fx_expect(f, "");
	fx_free(f);
}

static void
a_batch_waits_for_slow_calls_but_not_for_listeners(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.find = fx_find;
	fx_payload(f, ANN,
		   "[{'jsonrpc':'2.0','id':'1','method':'ServiceDiscovery.findServices','params':[{"
		   "'api':'x'}]},"
		   "{'jsonrpc':'2.0','id':'2','method':'" TEST
		   ".listenFor42','params':[{'repeat':true}]},"
		   "{'jsonrpc':'2.0','id':'3','method':'" TEST ".get42','params':['a']}]");
	fx_expect(f, EVENT(ANN, "2.onEvent", "{'msg':'42'}"));
	pz_find_done(f->find);
	fx_expect(f, EVENT(ANN, "1.onError", "[]") ANN
		  " [{'id':'3','jsonrpc':'2.0','result':'42 "
		  "a'},{'id':'1','jsonrpc':'2.0','result':{}}]\n");
	fx_free(f);
}

static void
a_batch_is_bounded(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	json_t *batch = json_array();
	for (int i = 0; i <= PZ_BATCH_REQUESTS_MAX; i++)
		json_array_append_new(batch, json_integer(i));
	pz_dispatcher_request(f->d, ANN, batch);
	fx_expect(f, ANN " {'error':{'code':-32600,'message':'Invalid Request'},'id':null,"
			 "'jsonrpc':'2.0'}\n");
	json_decref(batch);
	fx_free(f);
}

/* ---- replay (page 14, REPL-1) ---- */

static void
a_repeated_request_is_dropped(void **state)
{
	struct fixture *f = fx_with_test_api();
	struct pz_dispatch_stats stats;
	(void)state;
	fx_call(f, ANN, "1", TEST ".get42", "['a']");
	free(fx_take(f));
	fx_call(f, ANN, "1", TEST ".get42", "['a']");
	fx_expect(f, "");
	fx_call(f, BOB, "1", TEST ".get42", "['a']"); /* ids are each caller's own */
	fx_expect(f, RESULT(BOB, "1", "'42 a'"));
	fx_payload(f, ANN, "{'jsonrpc':'2.0','id':1,'method':'" TEST ".get42'}"); /* not "1" */
	fx_expect(f, ANN " {'id':1,'jsonrpc':'2.0','result':'42 '}\n");
	pz_kit_clock_run(&f->clock, PZ_REPLAY_TTL_US);
	fx_call(f, ANN, "1", TEST ".get42", "['a']");
	fx_expect(f, RESULT(ANN, "1", "'42 a'"));
	pz_dispatcher_stats(f->d, &stats);
	assert_int_equal(stats.duplicates, 1);
	fx_free(f);
}

static void
an_open_request_is_never_repeated(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	fx_call(f, ANN, "1", TEST ".listenFor42", "[{'repeat':true}]");
	pz_kit_clock_run(&f->clock, 2 * PZ_REPLAY_TTL_US);
	free(fx_take(f));
	fx_call(f, ANN, "1", TEST ".listenFor42", "[{'repeat':true}]");
	fx_expect(f, "");
	fx_free(f);
}

/* ---- permission (page 7, 8a) ---- */

static void
expect_asked(struct fixture *f, const char *expected)
{
	size_t n = json_array_size(f->asked);
	assert_int_equal(n, 1);
	assert_string_equal(json_string_value(json_array_get(f->asked, 0)), expected);
	json_array_clear(f->asked);
}

static void
permission_comes_before_parameters(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	fx_call(f, ANN, "1", TEST ".listenAttr.listenFor42", "'wrong'");
	free(fx_take(f));
	expect_asked(f, "3 " ANN " http://webinos.org/api/test " TEST_ID " listenFor42 -");
	f->answer[PZ_PERMIT_INVOKE] = PZ_PERMIT_DENY;
	fx_call(f, ANN, "2", TEST ".listenAttr.listenFor42", "7");
	fx_expect(f, DENIED(ANN, "2"));
	f->answer[PZ_PERMIT_INVOKE] = PZ_PERMIT_REFUSED;
	fx_call(f, ANN, "3", TEST ".get42", "7");
	fx_expect(f, ANN " {'error':{'code':-32005,'data':{'code':18,'message':'Access has been "
			 "denied.','name':'SecurityError'},'message':'denied by the person asked'},"
			 "'id':'3','jsonrpc':'2.0'}\n");
	fx_free(f);
}

/* No probing: what is unknown looks like what is forbidden. */
static void
unknown_and_forbidden_look_alike(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	f->answer[PZ_PERMIT_SHOW] = f->answer[PZ_PERMIT_INVOKE] = PZ_PERMIT_DENY;
	fx_call(f, EVE, "1", TEST ".get42", NULL);
	fx_expect(f, DENIED(EVE, "1"));
	fx_call(f, EVE, "2", TEST ".nosuch", NULL);
	fx_expect(f, DENIED(EVE, "2"));
	fx_call(f, EVE, "3", "http://x@" TEST_ID ".get42", NULL);
	fx_expect(f, DENIED(EVE, "3"));
	fx_call(f, EVE, "4", "PolicyManagement.nosuch", NULL);
	fx_expect(f, DENIED(EVE, "4"));
	fx_free(f);
}

static void
a_pending_question_suspends_the_call(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	f->answer[PZ_PERMIT_INVOKE] = PZ_PERMIT_PENDING;
	fx_call(f, ANN, "1", TEST ".get42", "['a']");
	uint64_t first = f->ticket;
	fx_call(f, ANN, "2", TEST ".get42", "['b']");
	uint64_t second = f->ticket;
	fx_call(f, BOB, "3", TEST ".get42", "['c']");
	uint64_t third = f->ticket;
	fx_expect(f, "");
	pz_dispatcher_permit_result(f->d, second, PZ_PERMIT_PENDING, true);
	pz_dispatcher_permit_result(f->d, second, PZ_PERMIT_ALLOW, true);
	fx_expect(f, RESULT(ANN, "2", "'42 b'"));
	pz_dispatcher_permit_result(f->d, second, PZ_PERMIT_ALLOW, true);
	pz_dispatcher_permit_result(f->d, first, PZ_PERMIT_DENY, true);
	fx_expect(f, DENIED(ANN, "1"));
	pz_dispatcher_peer_gone(f->d, "alice@example.org/phone");
	pz_dispatcher_permit_result(f->d, third, PZ_PERMIT_ALLOW, true);
	fx_expect(f, "");
	fx_call(f, ANN, "4", TEST ".get42", "['d']");
	assert_ok(pz_registry_remove(f->registry, "http://webinos.org/api/test", TEST_ID));
	fx_expect(f, ERROR(ANN, "4", "AbortError", "20", "The service has gone."));
	fx_free(f);
}

/* So that its time-out does not come before the answer of the person. */
static void
a_caller_is_told_that_a_person_is_asked(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	f->answer[PZ_PERMIT_INVOKE] = PZ_PERMIT_PENDING;
	f->is_asking = true;
	fx_call(f, ANN, "1", TEST ".get42", "['a']");
	fx_expect(f, EVENT(ANN, "1.permissionAsked", "[]"));
	f->is_asking = false; /* it waits for the disk */
	fx_call(f, ANN, "2", TEST ".get42", "['a']");
	fx_expect(f, "");
	fx_payload(f, ANN, "{'jsonrpc': '2.0', 'method': '" TEST ".get42', 'params': ['a']}");
	fx_expect(f, "");
	fx_free(f);
}

/* ---- the owner's own objects ---- */

static void
the_owner_serves_its_objects(void **state)
{
	struct fixture *f = fx_new();
	(void)state;
	f->ops.builtin = fx_builtin;
	f->ops.builtin_ended = fx_builtin_ended;
	fx_call(f, ANN, "1", "PolicyManagement.getPolicy", "[]");
	assert_string_equal(pz_call_from(f->builtin), ANN);
	assert_string_equal(json_string_value(pz_call_id(f->builtin)), "1");
	pz_call_result(f->builtin, json_string("p"));
	fx_expect(f, RESULT(ANN, "1", "'p'"));
	fx_call(f, ANN, "2", "PolicyManagement.getPolicy", "[]");
	pz_dispatcher_peer_gone(f->d, ANN);
	assert_int_equal(f->builtin_ended, 1);
	fx_expect(f, "");
	fx_call(f, ANN, "3", "PolicyManagement.getPolicy", "[]");
	fx_free(f); /* ends it too, without a word */
}

static void
management_needs_permission(void **state)
{
	struct fixture *f = fx_new();
	(void)state;
	f->ops.permit = fx_permit;
	f->ops.builtin = fx_builtin;
	fx_call(f, ANN, "1", "PolicyManagement.getPolicy", "[]");
	expect_asked(f, "5 " ANN " PolicyManagement - getPolicy -");
	pz_call_result(f->builtin, NULL);
	free(fx_take(f));
	f->answer[PZ_PERMIT_MANAGE] = PZ_PERMIT_DENY;
	fx_call(f, ANN, "2", "PolicyManagement.getPolicy", "[]");
	fx_expect(f, DENIED(ANN, "2"));
	fx_call(f, ANN, "3", "Dashboard.open", "[{}]");
	fx_expect(f, DENIED(ANN, "3"));
	f->answer[PZ_PERMIT_MANAGE] = PZ_PERMIT_PENDING; /* nothing is asked about it */
	fx_call(f, ANN, "4", "ServiceConfiguration.get", "[]");
	fx_expect(f, DENIED(ANN, "4"));
	fx_free(f);
}

static void
a_question_goes_with_its_caller(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	f->ops.permit_over = fx_permit_over;
	f->answer[PZ_PERMIT_INVOKE] = PZ_PERMIT_PENDING;
	fx_call(f, ANN, "1", TEST ".get42", "['a']");
	uint64_t gone = f->ticket;
	fx_call(f, BOB, "2", TEST ".get42", "['b']");
	uint64_t given_up = f->ticket;
	pz_dispatcher_peer_gone(f->d, ANN);
	assert_int_equal(f->over, gone);
	fx_call(f, BOB, "3", TEST ".removeEventListener", "['2']");
	assert_int_equal(f->over, given_up);
	f->over = 0;
	fx_call(f, BOB, "4", TEST ".get42", "['c']");
	pz_dispatcher_permit_result(f->d, f->ticket, PZ_PERMIT_ALLOW, true);
	assert_int_equal(f->over, 0); /* it was answered */
	fx_free(f);
}

static struct pz_call *last_call;

static void
keep_call(struct pz_service *service, struct pz_call *call, json_t *params)
{
	(void)service;
	(void)params;
	last_call = call;
}

static const struct pz_method_def slow_methods[] = {
	{.function = "slow", .form = PZ_PARAMS_POSITIONAL, .invoke = keep_call},
};

static json_t *compared; /* parameters that permission was asked with; borrowed */

static enum pz_permit
on_compare(void *arg, struct pz_permit_query *query)
{
	(void)arg;
	if (query->kind == PZ_PERMIT_INVOKE) {
		assert_string_equal(query->def->part, "/read");
		json_decref(compared);
		compared = json_deep_copy(query->params);
	}
	return PZ_PERMIT_ALLOW;
}

/* In whatever form they come: a policy never compares something else. */
static void
what_a_function_exports_is_what_it_gets(void **state)
{
	static const char *const names[] = {"prop", NULL}, *const exports[] = {"aspect", NULL};
	static const struct pz_method_def table[] = {{.function = "read",
						      .form = PZ_PARAMS_OBJECT,
						      .names = names,
						      .part = "/read",
						      .exports = exports,
						      .invoke = keep_call}};
	static const char *const forms[] = {"{'aspect':'x'}", "[{'aspect':'x'}]",
					    "{'prop':{'aspect':'x'}}"};
	struct pz_service *service = NULL;
	struct fixture *f = fx_new();
	char method[128], id[8];
	(void)state;
	assert_ok(pz_service_new("http://x", "x", "", table, 1, &service, NULL));
	fx_add(f, service);
	f->ops.permit = on_compare;
	snprintf(method, sizeof(method), "http://x@%s.read", service->descriptor.id);
	for (size_t i = 0; i < 3; i++) {
		snprintf(id, sizeof(id), "%zu", i);
		fx_call(f, ANN, id, method, forms[i]);
		assert_json(compared, "[{\"aspect\":\"x\"}]");
		compared = NULL;
		pz_call_result(last_call, NULL);
	}
	fx_free(f);
}

static void
errors_survive_bad_text(void **state)
{
	struct fixture *f = fx_new();
	struct pz_service *service = NULL;
	(void)state;
	assert_ok(pz_service_new("x", "n", "d", slow_methods, 1, &service, NULL));
	fx_add(f, service);
	char method[64];
	(void)snprintf(method, sizeof(method), "x@%s.slow", service->descriptor.id);
	fx_call(f, ANN, "1", method, NULL);
	pz_call_error(last_call, "NotFoundError", "\xff");
	fx_expect(f, ERROR(ANN, "1", "NotFoundError", "8", "NotFoundError"));
	fx_call(f, ANN, "2", method, NULL);
	pz_call_fault(last_call, -32602, "\xff");
	fx_expect(f, FAULT(ANN, "2", "-32602", "Invalid params"));
	fx_call(f, ANN, "3", method, NULL);
	pz_call_fault(last_call, -32602, "a is missing");
	fx_expect(f, FAULT(ANN, "3", "-32602", "a is missing"));
	fx_free(f);
}

static void
calls_at_once_are_bounded(void **state)
{
	struct fixture *f = fx_new();
	struct pz_service *service = NULL;
	struct pz_dispatch_stats stats;
	char method[64];
	(void)state;
	assert_ok(pz_service_new("x", "n", "d", slow_methods, 1, &service, NULL));
	fx_add(f, service);
	(void)snprintf(method, sizeof(method), "x@%s.slow", service->descriptor.id);
	json_t *payload = json_pack("{s:s, s:s}", "jsonrpc", "2.0", "method", method);
	for (int i = 0; i <= PZ_PENDING_CALLS_MAX; i++)
		pz_dispatcher_request(f->d, ANN, payload);
	json_decref(payload);
	pz_dispatcher_stats(f->d, &stats);
	assert_int_equal(stats.calls_open, PZ_PENDING_CALLS_MAX);
	fx_call(f, ANN, "1", method, NULL);
	fx_expect(f, FAULT(ANN, "1", "-32002", "congested"));
	pz_call_result(last_call, NULL);
	fx_call(f, ANN, "2", method, NULL);
	fx_expect(f, "");
	fx_free(f);
}

static bool
own_zone(const char *node, const char *from)
{
	struct fixture *f = fx_new();
	struct pz_service *service = NULL;
	char method[64];
	assert_ok(pz_service_new("x", "n", "d", slow_methods, 1, &service, NULL));
	fx_add(f, service);
	assert_ok(pz_registry_set_address(f->registry, node));
	(void)snprintf(method, sizeof(method), "x@%s.slow", service->descriptor.id);
	fx_call(f, from, "1", method, NULL);
	bool own = pz_call_is_own_zone(last_call);
	fx_free(f);
	return own;
}

static void
zones_are_distinguished(void **state)
{
	(void)state;
	assert_true(own_zone(NODE, ANN));
	assert_true(own_zone(NODE, "alice@example.org"));
	assert_false(own_zone(NODE, EVE));
	assert_false(own_zone(NODE, "tv/7f:1"));
	assert_true(own_zone("tv", "tv/7f:1"));
	assert_false(own_zone("tv", "pad/7f:1"));
	assert_false(own_zone("tv", ANN));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get42_answers),
		cmocka_unit_test(parameters_come_in_every_form),
		cmocka_unit_test(a_static_table_says_the_form),
		cmocka_unit_test(paths_are_declared),
		cmocka_unit_test(unknown_names_are_refused),
		cmocka_unit_test(invalid_requests_are_answered_and_responses_are_not),
		cmocka_unit_test(a_notification_gets_no_answer_at_all),
		cmocka_unit_test(a_batch_is_answered_by_one_array),
		cmocka_unit_test(a_batch_waits_for_slow_calls_but_not_for_listeners),
		cmocka_unit_test(a_batch_is_bounded),
		cmocka_unit_test(a_repeated_request_is_dropped),
		cmocka_unit_test(an_open_request_is_never_repeated),
		cmocka_unit_test(permission_comes_before_parameters),
		cmocka_unit_test(unknown_and_forbidden_look_alike),
		cmocka_unit_test(a_pending_question_suspends_the_call),
		cmocka_unit_test(a_caller_is_told_that_a_person_is_asked),
		cmocka_unit_test(the_owner_serves_its_objects),
		cmocka_unit_test(management_needs_permission),
		cmocka_unit_test(a_question_goes_with_its_caller),
		cmocka_unit_test(what_a_function_exports_is_what_it_gets),
		cmocka_unit_test(errors_survive_bad_text),
		cmocka_unit_test(calls_at_once_are_bounded),
		cmocka_unit_test(zones_are_distinguished),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
