#include "kit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "service/descriptor.h"

#define API "http://webinos.org/api/test"

/* page 7, 2 and 12: real values */
static void
ids_are_those_of_the_specification(void **state)
{
	char id[PZ_SERVICE_ID_CHARS + 1];
	(void)state;
	assert_ok(pz_descriptor_id(API, "Test", "Test Module with the life answer.", id));
	assert_string_equal(id, "6e6885b25a7ddb5f4658e7a599d1fc17");
	assert_ok(pz_descriptor_id("ServiceDiscovery", "ServiceDiscovery",
				   "Webinos ServiceDiscovery", id));
	assert_string_equal(id, "c367459059677a9cd5e809902a8637fe");
	assert_ok(pz_descriptor_id(API, "Test", "Test Module with the life answer... 21", id));
	assert_string_equal(id, "2edd99ee64c05f62b060433e9ed6954f");
}

static enum pz_err
init(const char *api, const char *name, const char *description)
{
	struct pz_descriptor d;
	enum pz_err err = pz_descriptor_init(&d, api, name, description, NULL, NULL);
	if (err == PZ_OK)
		pz_descriptor_fini(&d);
	return err;
}

static void
texts_have_bounds(void **state)
{
	char text[PZ_SERVICE_DESCRIPTION_BYTES_MAX + 2];
	(void)state;
	memset(text, 'x', sizeof(text));
	text[PZ_API_BYTES_MAX] = '\0';
	assert_ok(init(text, "n", "d"));
	text[PZ_API_BYTES_MAX] = 'x';
	text[PZ_API_BYTES_MAX + 1] = '\0';
	assert_int_equal(init(text, "n", "d"), PZ_ERR_PROTO_MEMBER);
	text[PZ_SERVICE_NAME_BYTES_MAX] = '\0';
	assert_ok(init("a", text, "d"));
	memset(text, 'x', sizeof(text));
	text[PZ_SERVICE_NAME_BYTES_MAX + 1] = '\0';
	assert_int_equal(init("a", text, "d"), PZ_ERR_PROTO_MEMBER);
	memset(text, 'x', sizeof(text));
	text[PZ_SERVICE_DESCRIPTION_BYTES_MAX] = '\0';
	assert_ok(init("a", "n", text));
	text[PZ_SERVICE_DESCRIPTION_BYTES_MAX] = 'x';
	text[PZ_SERVICE_DESCRIPTION_BYTES_MAX + 1] = '\0';
	assert_int_equal(init("a", "n", text), PZ_ERR_PROTO_MEMBER);
}

static void
texts_hold_only_what_they_may(void **state)
{
	static const char *const bad[] = {"", "a b", "a@b", "a\tb", "\xc3\xa4", "a\x7f"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(init(bad[i], "n", "d"), PZ_ERR_PROTO_MEMBER);
	assert_ok(init("a", "\xc3\xa4",
		       "K\xc3\xbc"
		       "che"));
	assert_int_equal(init("a", "a\nb", "d"), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(init("a", "n", "\xff"), PZ_ERR_PROTO_MEMBER);
	assert_ok(init("a", "", ""));
}

static enum pz_err
parse(const char *expected, struct pz_descriptor *out, const char *fmt, ...)
{
	json_error_t error;
	va_list args;
	va_start(args, fmt);
	json_t *json = json_vpack_ex(&error, 0, fmt, args);
	va_end(args);
	if (json == NULL)
		fail_msg("%s", error.text);
	enum pz_err err = pz_descriptor_parse(json, expected, out, NULL);
	json_decref(json);
	return err;
}

#define FORM "{s:s, s:s, s:s, s:s, s:s}"
#define GOOD(id, address)                                                                          \
	"id", id, "api", API, "displayName", "Test", "description",                                \
		"Test Module with the life answer.", "serviceAddress", address
#define ID "6e6885b25a7ddb5f4658e7a599d1fc17"

static void
parsing_gives_what_json_says(void **state)
{
	struct pz_descriptor d, again;
	(void)state;
	assert_ok(parse("a@b.c/tv", &d, FORM, GOOD(ID, "a@b.c/tv")));
	assert_string_equal(d.id, ID);
	assert_string_equal(d.address, "a@b.c/tv");
	json_t *json = pz_descriptor_json(&d);
	assert_true(json_is_null(json_object_get(json, "icon")));
	assert_ok(pz_descriptor_parse(json, NULL, &again, NULL));
	assert_string_equal(again.description, d.description);
	json_decref(json);
	pz_descriptor_fini(&again);
	pz_descriptor_fini(&d);
	/* without an id it is computed */
	assert_ok(parse(NULL, &d, "{s:s, s:s, s:s, s:s}", "api", API, "displayName", "Test",
			"description", "Test Module with the life answer.", "serviceAddress",
			"tv"));
	assert_string_equal(d.id, ID);
	pz_descriptor_fini(&d);
	assert_ok(pz_descriptor_init(&d, "a", "n", "d", NULL, NULL));
	json = pz_descriptor_json(&d);
	pz_descriptor_fini(&d);
	assert_true(json_is_null(json_object_get(json, "serviceAddress")));
	json_decref(json);
}

static void
parsing_refuses_lies(void **state)
{
	struct pz_descriptor d = {.api = NULL};
	(void)state;
	assert_int_equal(parse("a@b.c/tv", &d, FORM, GOOD(ID, "a@b.c/pad")),
			 PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(parse(NULL, &d, FORM, GOOD(ID, "a@b.c/pad/00:1")), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(parse(NULL, &d, FORM, GOOD(ID, "a@b.c//")), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(
		parse(NULL, &d, FORM, GOOD("6E6885b25a7ddb5f4658e7a599d1fc17", "a@b.c/tv")),
		PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse(NULL, &d, "[]"), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse(NULL, &d, "{s:i, s:s, s:s, s:s}", "api", 1, "displayName", "x",
			       "description", "x", "serviceAddress", "tv"),
			 PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse(NULL, &d, "{s:i, s:s, s:s, s:s, s:s}", "id", 1, "api", "x",
			       "displayName", "x", "description", "x", "serviceAddress", "tv"),
			 PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse(NULL, &d, "{s:s%, s:s, s:s, s:s}", "api", "x\0y", (size_t)3,
			       "displayName", "x", "description", "x", "serviceAddress", "tv"),
			 PZ_ERR_PROTO_MEMBER);
	assert_null(d.api);
}

static void
stars_match_any_run(void **state)
{
	static const struct {
		const char *pattern, *api;
		bool matches;
	} cases[] = {
		{API, API, true},
		{API, API "x", false},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", API, true},
		{"http://webinos.org/api/*", API, true},
		{"http://webinos.org/api/*", "http://webinos.org/ap", false},
		{"*test", API, true},
		{"*tes", API, false},
		{"h*/api/*st", API, true},
		{"a*b*c", "axbxc", true},
		{"a*b*c", "axcxb", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"ab*bc", "abc", false},
		{"**", "x", true},
		{"a.c", "abc", false},
		{"a?c", "abc", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (pz_api_matches(cases[i].pattern, cases[i].api) != cases[i].matches)
			fail_msg("%s against %s", cases[i].pattern, cases[i].api);
	}
}

/* What costs a backtracking matcher years. */
static void
matching_is_linear(void **state)
{
	static char pattern[200001], api[200001];
	(void)state;
	for (size_t i = 0; i < 200000; i += 2)
		memcpy(pattern + i, "*a", 2);
	memset(api, 'a', 200000);
	api[100000] = '\0';
	assert_true(pz_api_matches(pattern, api));
	api[100000 - 1] = 'b';
	assert_false(pz_api_matches(pattern, api));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_those_of_the_specification),
		cmocka_unit_test(texts_have_bounds),
		cmocka_unit_test(texts_hold_only_what_they_may),
		cmocka_unit_test(parsing_gives_what_json_says),
		cmocka_unit_test(parsing_refuses_lies),
		cmocka_unit_test(stars_match_any_run),
		cmocka_unit_test(matching_is_linear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
