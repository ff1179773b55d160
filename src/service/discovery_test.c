/*
 * ServiceDiscovery. @spec page 7, 7 and 12
 * @spec page 14 SRV-7
 */
#include "service/fixture.h"

#include "service/api_test.h"

#define FIND "ServiceDiscovery.findServices"
#define FIND_SPEC "DiscoveryInterface.findServices"
#define TEST_API "http://webinos.org/api/test"
#define ENTRY(address)                                                                             \
	"{'api':'" TEST_API "','description':'Test Module with the life answer.',"                 \
	"'displayName':'Test','icon':null,'id':'" TEST_ID "','serviceAddress':'" address "'}"
#define FOUND(to, id, address) EVENT(to, id ".onservicefound", ENTRY(address))
#define NOTHING(to, id) EVENT(to, id ".onError", "[]") RESULT(to, id, "{}")
#define PAD "alice@example.org/pad"

/* The same service on another device: same id, other address. */
static void
add_elsewhere(struct fixture *f, const char *address)
{
	struct pz_descriptor d;
	assert_ok(pz_descriptor_init(&d, TEST_API, "Test", "Test Module with the life answer.",
				     address, NULL));
	pz_find_add(f->find, &d);
	pz_descriptor_fini(&d);
}

static void
own_services_are_found_by_type(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	fx_call(f, ANN, "1", FIND, "[{'api':'" TEST_API "'},null,null]");
	fx_expect(f, FOUND(ANN, "1", NODE) RESULT(ANN, "1", "{}"));
	fx_call(f, ANN, "2", FIND, "[{'api':'*'}]");
	fx_expect(f, FOUND(ANN, "2", NODE) RESULT(ANN, "2", "{}"));
	fx_call(f, ANN, "3", FIND, "{'serviceType':{'api':'*/test'}}");
	fx_expect(f, FOUND(ANN, "3", NODE) RESULT(ANN, "3", "{}"));
	fx_call(f, ANN, "4", FIND, "[{'api':'http://webinos.org/api/nosuch'},null,null]");
	fx_expect(f, NOTHING(ANN, "4"));
	fx_call(f, ANN, "5", FIND, "[{'api':'http://webinos.org/api/tes'}]");
	fx_expect(f, NOTHING(ANN, "5"));
	fx_free(f);
}

static void
new_clients_get_the_specified_names(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	fx_call(f, ANN, "1", FIND_SPEC, "{'serviceType':{'api':'*'},'options':{},'filter':{}}");
	fx_expect(f, EVENT(ANN, "1.onFound", ENTRY(NODE)) RESULT(ANN, "1", "{}"));
	fx_call(f, ANN, "2", FIND_SPEC, "[{'api':'x'}]");
	fx_expect(f, EVENT(ANN, "2.onError",
			   "{'code':8,'message':'NotFoundError','name':'NotFoundError'}")
			     RESULT(ANN, "2", "{}"));
	fx_free(f);
}

static void
wrong_parameters_are_refused(void **state)
{
	static const char *const wrong[] = {
		"[]",
		"[{}]",
		"[{'api':1}]",
		"['x']",
		"'x'",
		"[{'api':'x'},5]",
		"[{'api':'x'},{'timeout':'1'}]",
		"[{'api':'x'},null,[]]",
		"[{'api':'x'},null,{'cache':1}]",
		"[{'api':'x'},null,{'remoteServices':'no'}]",
		"[{'api':'x'},null,{'zoneId':'a'}]",
		"[{'api':'x'},null,{'zoneId':[1]}]",
		"[{'api':'x'},null,{'serviceID':1}]",
	};
	struct fixture *f = fx_with_test_api();
	char id[8], expected[256], api[PZ_API_BYTES_MAX + 32];
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(id, sizeof(id), "%zu", i);
		(void)snprintf(expected, sizeof(expected),
			       FAULT(ANN, "%s", "-32602", "Invalid params"), id);
		fx_call(f, ANN, id, FIND, wrong[i]);
		fx_expect(f, expected);
	}
	(void)snprintf(api, sizeof(api), "[{'api':'%0*d'}]", PZ_API_BYTES_MAX + 1, 0);
	fx_call(f, ANN, "long", FIND, api);
	fx_expect(f, FAULT(ANN, "long", "-32602", "Invalid params"));
	char filter[PZ_ADDRESS_BYTES_MAX + 64]; /* what is kept of a search is bounded */
	(void)snprintf(filter, sizeof(filter), "[{'api':'x'},null,{'zoneId':['%0*d']}]",
		       PZ_ADDRESS_BYTES_MAX + 1, 0);
	fx_call(f, ANN, "zone", FIND, filter);
	fx_expect(f, FAULT(ANN, "zone", "-32602", "Invalid params"));
	(void)snprintf(filter, sizeof(filter), "[{'api':'x'},null,{'serviceID':'%0*d'}]",
		       PZ_API_BYTES_MAX + 1, 0);
	fx_call(f, ANN, "id", FIND, filter);
	fx_expect(f, FAULT(ANN, "id", "-32602", "Invalid params"));
	fx_free(f);
}

/* Identity is (address, id): two devices give two results, a doubled cache entry one. */
static void
results_are_merged_without_duplicates(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.find = fx_find;
	fx_call(f, ANN, "1", FIND, "[{'api':'" TEST_API "'}]");
	fx_expect(f, "");
	add_elsewhere(f, NODE);
	add_elsewhere(f, PAD);
	add_elsewhere(f, PAD);
	json_t *bad = json_pack("{s:s}", "api", TEST_API), *good = NULL;
	pz_find_add_json(f->find, bad);
	good = json_pack("{s:s, s:s, s:s, s:s}", "api", TEST_API, "displayName", "other",
			 "description", "", "serviceAddress", PAD);
	pz_find_add_json(f->find, good);
	json_object_set_new(good, "api", json_string("http://webinos.org/api/file"));
	pz_find_add_json(f->find, good);
	json_decref(bad);
	json_decref(good);
	pz_find_done(f->find);
	char *text = fx_take(f);
	static const char head[] = FOUND(ANN, "1", NODE) FOUND(ANN, "1", PAD);
	assert_memory_equal(text, head, sizeof(head) - 1);
	assert_non_null(strstr(text, "'displayName':'other'"));
	assert_null(strstr(text, "api/file"));
	free(text);
	fx_free(f);
}

static void
zone_and_id_filter(void **state)
{
	static const struct {
		const char *filter;
		bool own, pad;
	} cases[] = {
		{"{'zoneId':['alice@example.org']}", true, true},
		{"{'zoneId':['" PAD "']}", false, true},
		{"{'zoneId':['alice@example.org/pa']}", false, false},
		{"{'zoneId':['eve@example.com','" NODE "']}", true, false},
		{"{'zoneId':[]}", true, true},
		{"{'serviceID':'" TEST_ID "'}", true, true},
		{"{'serviceID':'00'}", false, false},
		{"{'serviceID':null,'zoneId':null,'cache':null}", true, true},
	};
	struct fixture *f = fx_with_test_api();
	char id[8], params[256], want[1024];
	(void)state;
	f->ops.find = fx_find;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(id, sizeof(id), "%zu", i);
		(void)snprintf(params, sizeof(params), "[{'api':'*'},null,%s]", cases[i].filter);
		fx_call(f, ANN, id, FIND, params);
		add_elsewhere(f, PAD);
		pz_find_done(f->find);
		char *text = fx_take(f);
		(void)snprintf(want, sizeof(want), FOUND(ANN, "%s", NODE), id);
		assert_int_equal(strstr(text, want) != NULL, cases[i].own);
		(void)snprintf(want, sizeof(want), FOUND(ANN, "%s", PAD), id);
		assert_int_equal(strstr(text, want) != NULL, cases[i].pad);
		assert_int_equal(strstr(text, "onError") == NULL, cases[i].own || cases[i].pad);
		free(text);
	}
	fx_free(f);
}

static void
the_owner_sees_what_is_asked(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.find = fx_find;
	fx_call(f, ANN, "1", FIND,
		"[{'api':'a*'},{'timeout':11000},{'cache':false,'zoneId':['x@y.z'],'serviceID':'i',"
		"'remoteServices':false}]");
	assert_string_equal(f->find->api, "a*");
	assert_int_equal(f->find->timeout_us, 11 * PZ_US_PER_S);
	assert_false(f->find->cache);
	assert_true(f->find->remote_services); /* an old client does not mean it */
	assert_int_equal(f->find->zone_count, 1);
	assert_string_equal(f->find->zone_ids[0], "x@y.z");
	assert_string_equal(f->find->service_id, "i");
	pz_find_done(f->find);
	fx_call(f, ANN, "2", FIND_SPEC,
		"[{'api':'a*'},{'timeout':7},{'cache':false,'remoteServices':false}]");
	assert_int_equal(f->find->timeout_us, 7 * PZ_US_PER_S);
	assert_true(f->find->cache); /* no device to ask live */
	assert_false(f->find->remote_services);
	assert_null(f->find->service_id);
	pz_find_done(f->find);
	fx_call(f, ANN, "3", FIND, "[{'api':'a'},{'timeout':0}]");
	assert_int_equal(f->find->timeout_us, PZ_US_PER_S);
	pz_find_done(f->find);
	fx_call(f, ANN, "4", FIND, "[{'api':'a'},{'timeout':999999999}]");
	assert_int_equal(f->find->timeout_us, 120 * PZ_US_PER_S);
	pz_find_done(f->find);
	fx_call(f, ANN, "5", FIND, "[{'api':'a'}]");
	assert_int_equal(f->find->timeout_us, 120 * PZ_US_PER_S);
	pz_find_done(f->find);
	fx_free(f);
}

static void
a_search_ends_in_time(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.find = fx_find;
	fx_call(f, ANN, "1", FIND, "[{'api':'*'},{'timeout':5}]");
	pz_kit_clock_run(&f->clock, 5 * PZ_US_PER_S - 1);
	fx_expect(f, "");
	pz_kit_clock_run(&f->clock, 1);
	fx_expect(f, FOUND(ANN, "1", NODE) RESULT(ANN, "1", "{}"));
	add_elsewhere(f, PAD); /* too late */
	pz_find_done(f->find);
	fx_expect(f, "");
	fx_call(f, ANN, "2", FIND, "[{'api':'x'},{'timeout':5}]");
	pz_kit_clock_run(&f->clock, 5 * PZ_US_PER_S);
	fx_expect(f, EVENT(ANN, "2.onError",
			   "{'code':23,'message':'TimeoutError','name':'TimeoutError'}")
			     RESULT(ANN, "2", "{}"));
	pz_find_done(f->find);
	fx_free(f);
}

static void
unreachable_zones_are_a_network_error(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.find = fx_find;
	fx_call(f, ANN, "1", FIND, "[{'api':'*'},null,{'cache':false,'zoneId':['x@y.z']}]");
	pz_find_unreachable(f->find);
	pz_find_done(f->find);
	fx_expect(f, EVENT(ANN, "1.onError",
			   "{'code':19,'message':'NetworkError','name':'NetworkError'}")
			     RESULT(ANN, "1", "{}"));
	fx_free(f);
}

static void
only_the_caller_cancels(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.find = fx_find;
	fx_call(f, ANN, "1", FIND, "[{'api':'*'}]");
	fx_call(f, BOB, "C", "ServiceDiscovery.cancel", "['1']");
	fx_expect(f, ERROR(BOB, "C", "NotFoundError", "8", "No such search."));
	fx_call(f, ANN, "C", "ServiceDiscovery.cancel", "['1']");
	fx_expect(f, ERROR(ANN, "1", "AbortError", "20", "AbortError") RESULT(ANN, "C", "{}"));
	add_elsewhere(f, PAD);
	pz_find_done(f->find);
	fx_expect(f, "");
	fx_call(f, ANN, "D", "ServiceDiscovery.cancel", "[[]]");
	fx_expect(f, ERROR(ANN, "D", "NotFoundError", "8", "No such search."));
	fx_free(f);
}

static void
a_caller_that_goes_receives_nothing(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.find = fx_find;
	fx_call(f, ANN, "1", FIND, "[{'api':'*'}]");
	pz_dispatcher_peer_gone(f->d, "alice@example.org/laptop");
	pz_kit_clock_run(&f->clock, 200 * PZ_US_PER_S);
	pz_find_done(f->find);
	fx_expect(f, "");
	fx_call(f, ANN, "2", FIND,
		"[{'api':'*'}]"); /* open at the end: freed with the dispatcher */
	fx_free(f);
}

static void
so_many_searches_at_once(void **state)
{
	struct fixture *f = fx_with_test_api();
	char id[8];
	(void)state;
	f->ops.find = fx_find;
	for (int i = 0; i < PZ_FINDS_PER_PEER_MAX; i++) {
		(void)snprintf(id, sizeof(id), "%d", i);
		fx_call(f, ANN, id, FIND, "[{'api':'*'}]");
	}
	fx_call(f, ANN, "R", FIND, "[{'api':'*'}]");
	fx_expect(f, ERROR(ANN, "R", "QuotaExceededError", "22", "Too many searches at once."));
	fx_call(f, BOB, "R", FIND, "[{'api':'*'}]");
	fx_expect(f, "");
	assert_int_equal(f->finds, PZ_FINDS_PER_PEER_MAX + 1);
	fx_free(f);
}

static void
results_are_bounded(void **state)
{
	struct fixture *f = fx_with_test_api();
	char address[64];
	(void)state;
	f->ops.find = fx_find;
	fx_call(f, ANN, "1", FIND, "[{'api':'*'}]");
	for (int i = 0; i < PZ_FIND_RESULTS_MAX + 10; i++) {
		(void)snprintf(address, sizeof(address), "alice@example.org/d%d", i);
		add_elsewhere(f, address);
	}
	pz_find_done(f->find);
	assert_int_equal(json_array_size(f->sent), PZ_FIND_RESULTS_MAX + 1);
	fx_free(f);
}

/* H2 and H3 of page 7, 8a */
static void
policy_decides_who_may_search_and_what_is_shown(void **state)
{
	struct fixture *f = fx_with_test_api();
	(void)state;
	f->ops.permit = fx_permit;
	f->answer[PZ_PERMIT_FIND] = PZ_PERMIT_PENDING;
	fx_call(f, ANN, "1", FIND, "[{'api':'*'}]");
	assert_string_equal(json_string_value(json_array_get(f->asked, 0)),
			    "0 " ANN " http://webinos.org/api/discovery - findServices *");
	fx_expect(f, "");
	f->hidden = TEST_ID;
	pz_dispatcher_permit_result(f->d, f->ticket, PZ_PERMIT_ALLOW, true);
	fx_expect(f, NOTHING(ANN, "1"));
	f->answer[PZ_PERMIT_FIND] = PZ_PERMIT_DENY;
	fx_call(f, ANN, "2", FIND, "'not even parameters'");
	char *text = fx_take(f);
	assert_non_null(strstr(text, "-32004"));
	free(text);
	fx_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_services_are_found_by_type),
		cmocka_unit_test(new_clients_get_the_specified_names),
		cmocka_unit_test(wrong_parameters_are_refused),
		cmocka_unit_test(results_are_merged_without_duplicates),
		cmocka_unit_test(zone_and_id_filter),
		cmocka_unit_test(the_owner_sees_what_is_asked),
		cmocka_unit_test(a_search_ends_in_time),
		cmocka_unit_test(unreachable_zones_are_a_network_error),
		cmocka_unit_test(only_the_caller_cancels),
		cmocka_unit_test(a_caller_that_goes_receives_nothing),
		cmocka_unit_test(so_many_searches_at_once),
		cmocka_unit_test(results_are_bounded),
		cmocka_unit_test(policy_decides_who_may_search_and_what_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
