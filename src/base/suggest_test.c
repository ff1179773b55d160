#include "kit/test.h"

#include <string.h>

#include "base/suggest.h"

static const char *
meant(const char *given)
{
	static const char *const names[] = {"status", "enrol", "tv", "laptop", "services", NULL};
	struct pz_suggest s;

	pz_suggest_init(&s, given);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		pz_suggest_add(&s, names[i]);
	return s.best ? s.best : "";
}

static void
the_closest_is_found(void **state)
{
	(void)state;
	assert_string_equal(meant("stauts"), "status");
	assert_string_equal(meant("enroll"), "enrol");
	assert_string_equal(meant("tc"), "tv");
	assert_string_equal(meant("LAPTOP"), "laptop");
	assert_string_equal(meant("servicse"), "services");
}

static void
what_is_far_is_none(void **state)
{
	char endless[200];

	(void)state;
	memset(endless, 't', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_string_equal(meant("foo"), "");
	assert_string_equal(meant(""), "");
	assert_string_equal(meant("x"), "");
	assert_string_equal(meant("thermostat"), "");
	assert_string_equal(meant(endless), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_closest_is_found),
		cmocka_unit_test(what_is_far_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
