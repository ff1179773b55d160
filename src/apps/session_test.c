#include "kit/test.h"

#include <stdlib.h>

#include "apps/internal.h"

static void
method_is(const char *element, const char *expected)
{
	char *method = NULL;

	assert_ok(pz_app_method_of(pz_slice_str(element), &method));
	assert_string_equal(method, expected);
	free(method);
}

static void
fails(const char *element, enum pz_err expected)
{
	char *method = NULL;

	assert_int_equal(pz_app_method_of(pz_slice_str(element), &method), expected);
	assert_null(method);
}

/* What is judged is what the receiver runs. */
static void
a_method_is_read_as_receivers_read_it(void **state)
{
	(void)state;
	method_is("{\"id\":1,\"method\":\"a@b.c\"}", "a@b.c");
	method_is("{\"method\":\"http:\\/\\/x@b.\\u0067et\"}", "http://x@b.get");
	method_is("{\"m\\u0065thod\":\"a@b.c\"}", "a@b.c");
}

/* Receivers differ in which of two they run: a check of either can be evaded. */
static void
two_methods_are_none(void **state)
{
	(void)state;
	fails("{\"method\":\"a@b.c\",\"method\":\"a@b.d\"}", PZ_ERR_EXISTS);
	fails("{\"method\":7,\"m\\u0065thod\":\"a@b.d\"}", PZ_ERR_EXISTS);
}

static void
an_answer_has_no_method(void **state)
{
	(void)state;
	fails("{\"id\":1,\"result\":{\"method\":\"a@b.c\"}}", PZ_ERR_NOTFOUND);
	fails("{\"method\":7}", PZ_ERR_NOTFOUND);
	fails("7", PZ_ERR_NOTFOUND);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_method_is_read_as_receivers_read_it),
		cmocka_unit_test(two_methods_are_none),
		cmocka_unit_test(an_answer_has_no_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
