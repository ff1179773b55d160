#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "rpc/method.h"

#define ID "6e6885b25a7ddb5f4658e7a599d1fc17"
#define API "http://webinos.org/api/test"

static enum pz_err
parse(const char *text, struct pz_method *out)
{
	return pz_method_parse(pz_slice_str(text), out);
}

static void
assert_part(struct pz_slice part, const char *expected)
{
	if (!pz_slice_eq_str(part, expected))
		fail_msg("got '%.*s', expected '%s'", PZ_SLICE_FMT(part), expected);
}

static void
test_good(void **state)
{
	static const struct {
		const char *text;
		enum pz_method_kind kind;
		const char *api, *id, *path, *function, *reference;
	} table[] = {
		{API "@" ID ".get42", PZ_METHOD_SERVICE, API, ID, "", "get42", ""},
		{API "@" ID ".listenAttr.listenFor42", PZ_METHOD_SERVICE, API, ID, "listenAttr",
		 "listenFor42", ""},
		{"a@6E6885B25A7DDB5F4658E7A599D1FC17._a._b1.C", PZ_METHOD_SERVICE, "a",
		 "6E6885B25A7DDB5F4658E7A599D1FC17", "_a._b1", "C", ""},
		{"ServiceDiscovery.findServices", PZ_METHOD_BUILTIN, "ServiceDiscovery", "", "",
		 "findServices", ""},
		{"DiscoveryInterface.f", PZ_METHOD_BUILTIN, "DiscoveryInterface", "", "", "f", ""},
		{"ServiceConfiguration.f", PZ_METHOD_BUILTIN, "ServiceConfiguration", "", "", "f",
		 ""},
		{"Dashboard.f", PZ_METHOD_BUILTIN, "Dashboard", "", "", "f", ""},
		{"PolicyManagement.f", PZ_METHOD_BUILTIN, "PolicyManagement", "", "", "f", ""},
		{"R1.onEvent", PZ_METHOD_CALLBACK, "", "", "", "onEvent", "R1"},
		{"a.b.c.d", PZ_METHOD_CALLBACK, "", "", "", "d", "a.b.c"},
		{"serviceDiscovery.f", PZ_METHOD_CALLBACK, "", "", "", "f", "serviceDiscovery"},
		{"ServiceDiscovery.a.f", PZ_METHOD_CALLBACK, "", "", "", "f", "ServiceDiscovery.a"},
		{"Dashboard2.f", PZ_METHOD_CALLBACK, "", "", "", "f", "Dashboard2"},
		{"0d3c-{}!.f", PZ_METHOD_CALLBACK, "", "", "", "f", "0d3c-{}!"},
	};
	struct pz_method m;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (parse(table[i].text, &m) != PZ_OK)
			fail_msg("refused: %s", table[i].text);
		assert_int_equal(m.kind, table[i].kind);
		assert_part(m.api, table[i].api);
		assert_part(m.id, table[i].id);
		assert_part(m.path, table[i].path);
		assert_part(m.function, table[i].function);
		assert_part(m.reference, table[i].reference);
	}
}

static void
test_bad(void **state)
{
	static const char *const table[] = {
		"",
		".",
		"f",
		"R1",
		".f",
		"R1.",
		"R1.1f",
		"R1.f-g",
		"R1.f f",
		" R1.f",
		"R1.f ",
		"R1.f\n",
		"R\t1.f",
		"R1.f\x7f",
		"R\x01.f",
		"R\xc3\xa9.f",
		"R\xc2\xa0.f",
		"Dashboard.",
		"Dashboard.1",
		"@" ID ".f",
		API "@.f",
		API "@" ID,
		API "@" ID ".",
		API "@" ID "..f",
		API "@" ID ".a..f",
		API "@" ID ".a.",
		API "@" ID ".1f",
		API "@" ID ".a.f()",
		API "@" ID "0.f",
		API "@6e6885b25a7ddb5f4658e7a599d1fc1.f",
		API "@6e6885b25a7ddb5f4658e7a599d1fc1g.f",
		API "@6e6885b25a7ddb5f4658e7a599d1fc1@.f",
		API "@6e6885b25a7ddb5f4658e7a599d1fc1\x10.f",
		API "@" ID "f",
		API "@" ID "@.f",
		API "@" ID ".f@g",
		"a@b@" ID ".f",
		"a@" ID ".f@",
		API "@" ID ".constructor ",
	};
	struct pz_method m = {.kind = PZ_METHOD_CALLBACK, .api = {(const uint8_t *)"x", 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (parse(table[i], &m) != PZ_ERR_PROTO)
			fail_msg("accepted: %s", table[i]);
	}
	assert_int_equal(pz_method_parse(pz_slice_of(NULL, 0), &m), PZ_ERR_PROTO);
	assert_int_equal(pz_method_parse(pz_slice_of("a.b\0c", 5), &m), PZ_ERR_PROTO);
	assert_int_equal(m.api.len, 1); /* untouched */
}

static void
test_limits(void **state)
{
	char text[PZ_METHOD_BYTES_MAX + 2];
	struct pz_method m;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1] = '.';
	text[PZ_METHOD_BYTES_MAX] = '\0';
	assert_ok(parse(text, &m));
	text[PZ_METHOD_BYTES_MAX] = 'x';
	text[PZ_METHOD_BYTES_MAX + 1] = '\0';
	assert_int_equal(parse(text, &m), PZ_ERR_PROTO);

	memset(text, 'x', sizeof(text));
	memcpy(text + PZ_API_BYTES_MAX, "@" ID ".f", sizeof("@" ID ".f"));
	assert_ok(parse(text, &m));
	assert_int_equal(m.api.len, PZ_API_BYTES_MAX);
	memset(text, 'x', sizeof(text));
	memcpy(text + PZ_API_BYTES_MAX + 1, "@" ID ".f", sizeof("@" ID ".f"));
	assert_int_equal(parse(text, &m), PZ_ERR_PROTO);
}

/* Every truncation, on an exact heap copy: no read past the end, and only whole names pass. */
static void
test_truncations(void **state)
{
	static const char whole[] = API "@" ID ".listenAttr.listenFor42";
	size_t shortest = strlen(API "@" ID ".l");

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		char *copy = malloc(len ? len : 1);
		struct pz_method m;
		enum pz_err err;

		assert_non_null(copy);
		memcpy(copy, whole, len);
		err = pz_method_parse(pz_slice_of(copy, len), &m);
		/* Before the '@' it is a call-back "http://webinos.<part>". */
		if (len > strlen(API))
			assert_int_equal(err == PZ_OK, len >= shortest && whole[len - 1] != '.');
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_truncations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
