/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static struct {
	enum pz_log_level level;
	char id[64];
	char text[4096];
	int count;
} got;

static void
capture(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	assert_ptr_equal(arg, &got);
	got.level = level;
	snprintf(got.id, sizeof(got.id), "%s", id);
	snprintf(got.text, sizeof(got.text), "%s", text);
	got.count++;
}

static void
test_threshold_and_levels(void **state)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
	enum pz_log_level level = PZ_LOG_ERROR;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(pz_log_level_parse(names[i], &level), PZ_OK);
		assert_int_equal(level, PZ_LOG_ERROR + i);
	}
	assert_int_equal(pz_log_level_parse("loud", &level), PZ_ERR_CONFIG);
	assert_int_equal(pz_log_level_parse("", &level), PZ_ERR_CONFIG);
	assert_int_equal(pz_log_level_parse(NULL, &level), PZ_ERR_CONFIG);
	assert_int_equal(level, PZ_LOG_DEBUG); /* untouched */

	pz_log_set_sink(capture, &got);
	got.count = 0;
	pz_info("one", "a=%d", 1);
	PZ_LOG(PZ_LOG_DEBUG, "two", "hidden");
	assert_int_equal(got.count, 1);
	assert_int_equal(got.level, PZ_LOG_INFO);
	assert_string_equal(got.id, "one");
	assert_string_equal(got.text, "a=1");
	pz_log_threshold = PZ_LOG_ERROR;
	pz_warning("three", "hidden");
	pz_error("four", "seen");
	assert_int_equal(got.count, 2);
	pz_log_threshold = PZ_LOG_INFO;
}

static void
test_text_cannot_forge_lines_or_drive_a_terminal(void **state)
{
	(void)state;
	pz_log_set_sink(capture, &got);
	pz_info("x", "name=%s", "a\nERROR forged\x1b[2J\x7f");
	assert_string_equal(got.text, "name=a\\x0aERROR forged\\x1b[2J\\x7f");
	pz_info("x", "%s", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xc2\x9b \xff\xc3");
	assert_string_equal(got.text, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \\xc2\\x9b \\xff\\xc3");
}

static void
test_length_is_bounded(void **state)
{
	char text[5000];

	(void)state;
	pz_log_set_sink(capture, &got);
	memset(text, '\n', sizeof(text)); /* grows four times when shown */
	text[sizeof(text) - 1] = '\0';
	pz_info("x", "%s", text);
	assert_true(strlen(got.text) < 2048);
	assert_string_equal(got.text + strlen(got.text) - 3, "...");
	memset(text, 'a', sizeof(text) - 1);
	pz_info("x", "%s", text);
	assert_true(strlen(got.text) < 2048);
	assert_string_equal(got.text + strlen(got.text) - 3, "...");
}

/* What one event writes to stderr, through a pipe. */
static void
stderr_of_event(char *out, size_t size)
{
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	pz_log_set_sink(NULL, NULL);
	pz_notice("link-open", "peer=%s", "a/b");
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(fds[0], out, size - 1);
	close(fds[0]);
	assert_true(n > 0);
	out[n] = '\0';
}

static void
test_default_sink(void **state)
{
	char line[200];

	(void)state;
	unsetenv("JOURNAL_STREAM");
	stderr_of_event(line, sizeof(line));
	assert_string_equal(line, "NOTICE link-open peer=a/b\n");
	setenv("JOURNAL_STREAM", "8:1", 1);
	stderr_of_event(line, sizeof(line));
	assert_string_equal(line, "<5>link-open peer=a/b\n");
	unsetenv("JOURNAL_STREAM");
}

static void
test_rate(void **state)
{
	struct pz_log_rate rate = {0};
	uint32_t dropped = 99;

	(void)state;
	assert_true(pz_log_allow(&rate, 5000000, 2, &dropped));
	assert_int_equal(dropped, 0);
	assert_true(pz_log_allow(&rate, 5100000, 2, NULL));
	assert_false(pz_log_allow(&rate, 5200000, 2, &dropped));
	assert_false(pz_log_allow(&rate, 5999999, 2, &dropped));
	assert_true(pz_log_allow(&rate, 6000000, 2, &dropped));
	assert_int_equal(dropped, 2);
	assert_true(pz_log_allow(&rate, 6000001, 2, &dropped));
	assert_int_equal(dropped, 0);
	assert_false(pz_log_allow(&rate, 9000000, 0, &dropped));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold_and_levels),
		cmocka_unit_test(test_text_cannot_forge_lines_or_drive_a_terminal),
		cmocka_unit_test(test_length_is_bounded),
		cmocka_unit_test(test_default_sink),
		cmocka_unit_test(test_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
