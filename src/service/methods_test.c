/* The functions in descriptors: bounded, and rebuilt from what others send. */
#include "service/fixture.h"

#include "service/api_test.h"
#include "service/methods.h"

static char *
copied(const char *text)
{
	json_t *list = json_loads(text, JSON_DECODE_ANY, NULL), *copy = pz_methods_copy(list);
	char *dump = copy ? json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS) : strdup("none");
	json_decref(list);
	json_decref(copy);
	return dump;
}

static void
known_members_are_kept(void **state)
{
	(void)state;
	char *text = copied("[{\"name\":\"get\",\"params\":[\"a\",\"b\"],\"returns\":\"text\","
			    "\"stream\":true,\"text\":\"gets\",\"more\":1}]");
	assert_string_equal(text,
			    "[{\"name\":\"get\",\"params\":[\"a\",\"b\"],\"returns\":\"text\","
			    "\"stream\":true,\"text\":\"gets\"}]");
	free(text);
}

static void
what_is_wrong_is_left_out(void **state)
{
	static const char *const none[] = {"7", "{}", "[]",
					   "[5,{},{\"name\":\"a b\"},{\"name\":\"\"}]"};
	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		char *text = copied(none[i]);
		assert_string_equal(text, "none");
		free(text);
	}
	char *text = copied("[{\"name\":\"x\",\"params\":[1,\"\",\"a\\nb\",\"c\"],\"returns\":5,"
			    "\"stream\":1,\"text\":\"a\\u0007\"}]");
	assert_string_equal(text, "[{\"name\":\"x\",\"params\":[\"c\"],\"returns\":\"\","
				  "\"stream\":false,\"text\":\"\"}]");
	free(text);
}

static void
limits_hold(void **state)
{
	json_t *list = json_array(), *copy;
	char name[PZ_METHOD_NAME_BYTES_MAX + 2], text[PZ_METHOD_TEXT_BYTES_MAX + 2];
	(void)state;
	memset(name, 'x', sizeof(name));
	memset(text, 't', sizeof(text));
	name[sizeof(name) - 1] = text[sizeof(text) - 1] = '\0';
	json_array_append_new(list, json_pack("{s:s}", "name", name));
	assert_null(pz_methods_copy(list));
	name[sizeof(name) - 2] = '\0';
	json_array_clear(list);
	json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "text", text));
	copy = pz_methods_copy(list);
	const json_t *kept = json_object_get(json_array_get(copy, 0), "text");
	assert_string_equal(json_string_value(kept), "");
	json_decref(copy);
	for (int i = 0; i < PZ_METHODS_PER_SERVICE_MAX; i++)
		json_array_append_new(list, json_pack("{s:s}", "name", "f"));
	assert_null(pz_methods_copy(list)); /* one more than fit */
	json_decref(list);
}

/* A whole zone's lists are without; a search that asks for them gets them. */
static void
they_are_sent_on_request(void **state)
{
	struct fixture *f = fx_new();
	(void)state;
	fx_add_test_service(f);
	fx_call(f, ANN, "1", "ServiceDiscovery.findServices",
		"[{'api':'*'},{'methods':true},{'serviceID':'" TEST_ID "'}]");
	char *text = fx_take(f);
	assert_non_null(strstr(text, "'methods':[{'name':'get42','params':['number']"));
	free(text);
	fx_call(f, ANN, "2", "ServiceDiscovery.findServices", "[{'api':'*'}]");
	text = fx_take(f);
	assert_null(strstr(text, "methods"));
	free(text);
	json_t *list = pz_registry_list(f->registry, NULL);
	assert_null(json_object_get(json_array_get(list, 0), "methods"));
	json_decref(list);
	fx_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_members_are_kept),
		cmocka_unit_test(what_is_wrong_is_left_out),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(they_are_sent_on_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
