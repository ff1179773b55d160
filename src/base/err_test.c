#include "kit/test.h"
#include <string.h>

#include "base/codec.h"
#include "base/err.h"

static void
test_every_error_has_a_category_name_and_text(void **state)
{
	(void)state;
#define X(name, cat, num, text)                                                                    \
	assert_int_equal(pz_err_category(PZ_ERR_##name), cat);                                     \
	assert_string_equal(pz_err_name(PZ_ERR_##name), #name);                                    \
	assert_string_equal(pz_err_text(PZ_ERR_##name), text);
	PZ_ERR_LIST(X)
#undef X
	assert_int_equal(pz_err_category(PZ_OK), PZ_CAT_OK);
	assert_int_equal(pz_err_category(PZ_ERR_DENIED_REVOKED), PZ_CAT_DENIED);
	assert_string_equal(pz_err_name(PZ_OK), "OK");
	assert_string_equal(pz_err_text(PZ_OK), "success");
}

static void
test_unknown_value_has_a_text(void **state)
{
	(void)state;
	assert_string_equal(pz_err_text((enum pz_err)0xfff), "unknown error");
	assert_string_equal(pz_err_name((enum pz_err)0xfff), "UNKNOWN");
}

static void
test_fail_writes_detail_and_returns_error(void **state)
{
	struct pz_errinfo info;

	(void)state;
	assert_int_equal(pz_fail(&info, PZ_ERR_CONFIG, "port %d: %s", 70000, "out of range"),
			 PZ_ERR_CONFIG);
	assert_string_equal(info.text, "port 70000: out of range");
	assert_int_equal(pz_fail(NULL, PZ_ERR_IO, "dropped %d", 1), PZ_ERR_IO);
}

static void
test_fail_keeps_only_printable_utf8(void **state)
{
	struct pz_errinfo info;

	(void)state;
	(void)pz_fail(&info, PZ_ERR_IO, "%s", "a\nb\x1b[2Jc\x7f");
	assert_string_equal(info.text, "a?b?[2Jc?");
	(void)pz_fail(&info, PZ_ERR_IO, "%s", "gr\xc3\xbc\xc3\x9f \xc2\x9b \xff");
	assert_string_equal(info.text, "gr\xc3\xbc\xc3\x9f ?? ?");
}

static void
test_fail_cuts_long_text_without_breaking_utf8(void **state)
{
	struct pz_errinfo info;
	char text[600];

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		memcpy(text + i, "\xc3\xbc", 2);
	text[598] = '\0';
	(void)pz_fail(&info, PZ_ERR_IO, "%s", text);
	assert_int_equal(strlen(info.text), sizeof(info.text) - 1);
	assert_true(pz_utf8_is_printable(pz_slice_str(info.text)));
}

static enum pz_err
tries(enum pz_err err, int *reached)
{
	PZ_TRY(err);
	*reached = 1;
	return PZ_OK;
}

static void
test_try_returns_on_failure_only(void **state)
{
	int reached = 0;

	(void)state;
	assert_int_equal(tries(PZ_ERR_PROTO, &reached), PZ_ERR_PROTO);
	assert_int_equal(reached, 0);
	assert_ok(tries(PZ_OK, &reached));
	assert_int_equal(reached, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_error_has_a_category_name_and_text),
		cmocka_unit_test(test_unknown_value_has_a_text),
		cmocka_unit_test(test_fail_writes_detail_and_returns_error),
		cmocka_unit_test(test_fail_keeps_only_printable_utf8),
		cmocka_unit_test(test_fail_cuts_long_text_without_breaking_utf8),
		cmocka_unit_test(test_try_returns_on_failure_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
