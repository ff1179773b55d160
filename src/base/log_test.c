/* @spec page 14 LOG-2, DOS-8 */
#include "kit/test.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "kit/clock.h"

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
		assert_ok(pz_log_level_parse(names[i], &level));
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
	assert_string_equal(got.text, "name=\"a\\x0aERROR forged\\x1b[2J\\x7f\"");
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
	memset(text, '\n', 2000); /* a value in quotes that grows beyond the limit */
	text[1000] = '\0';
	pz_info("x", "a=%s", text);
	assert_true(strlen(got.text) < 2048);
	assert_string_equal(got.text + strlen(got.text) - 4, "...\"");
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
}

/* JOURNAL_STREAM counts where it names the file that standard error is, and only there. */
static void
test_journal_prefix(void **state)
{
	int fds[2], saved = dup(STDERR_FILENO);
	char line[200], names[100];
	struct stat st;

	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	stderr_of_event(line, sizeof(line));
	assert_string_equal(line, "NOTICE link-open peer=a/b\n");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0); /* as the journal's */
	assert_int_equal(fstat(fds[1], &st), 0);
	snprintf(names, sizeof(names), "%lu:%lu", (unsigned long)st.st_dev,
		 (unsigned long)st.st_ino);
	setenv("JOURNAL_STREAM", names, 1);
	dup2(fds[1], STDERR_FILENO);
	pz_notice("link-open", "peer=%s", "a/b");
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t n = read(fds[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_string_equal(line, "<5>link-open peer=a/b\n");
	close(fds[0]);
	close(fds[1]);
	unsetenv("JOURNAL_STREAM");
}

/* Logs until nothing more fits, then reads all, and returns what the next line comes with. */
static void
stand_still(int reader, int writer, char *out, size_t size)
{
	static char all[1 << 20];
	int saved = dup(STDERR_FILENO), flags = fcntl(writer, F_GETFL);

	pz_log_set_sink(NULL, NULL);
	dup2(writer, STDERR_FILENO);
	for (int i = 0; i < 5000; i++) /* a log that waits stays here for ever */
		pz_notice("many", "number=%d %0200d", i, 0);
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL), flags); /* others share it */
	assert_true(read(reader, all, sizeof(all)) > 0);
	fcntl(reader, F_SETFL, O_NONBLOCK);
	while (read(reader, all, sizeof(all)) > 0)
		;
	pz_notice("after", "a=%d", 1);
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t n = read(reader, out, size - 1);
	assert_true(n > 0);
	out[n] = '\0';
	close(reader);
	close(writer);
}

static void
assert_count_comes_first(const char *text)
{
	unsigned long lines = 0;

	assert_int_equal(sscanf(text, "WARNING log-dropped lines=%lu the", &lines), 1);
	assert_true(lines > 0 && lines < 5000);
	assert_non_null(strstr(text, "\nNOTICE after a=1\n"));
}

static void
test_a_reader_that_stands_still_blocks_nothing(void **state)
{
	char text[400];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	stand_still(fds[0], fds[1], text, sizeof(text));
	assert_count_comes_first(text);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	stand_still(fds[0], fds[1], text, sizeof(text));
	assert_count_comes_first(text);
}

/* A terminal takes part of a line; the rest comes before anything else. */
static void
test_a_terminal_that_stands_still(void **state)
{
	static char all[1 << 20];
	int saved = dup(STDERR_FILENO), main_fd = posix_openpt(O_RDWR | O_NOCTTY);
	size_t len = 0;

	(void)state;
	assert_true(main_fd >= 0 && grantpt(main_fd) == 0 && unlockpt(main_fd) == 0);
	int fd = open(ptsname(main_fd), O_RDWR | O_NOCTTY);
	struct termios raw;
	assert_int_equal(tcgetattr(fd, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(fd, TCSANOW, &raw), 0);
	pz_log_set_sink(NULL, NULL);
	dup2(fd, STDERR_FILENO);
	for (int i = 0; i < 5000; i++)
		pz_notice("many", "number=%d %0200d end", i, 0);
	fcntl(main_fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 3; i++) { /* the terminal hands out what it has in pieces */
		ssize_t n;
		while ((n = read(main_fd, all + len, sizeof(all) - len)) > 0)
			len += (size_t)n;
		if (i < 2)
			pz_notice("after", "a=%d", i);
	}
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	close(main_fd);
	assert_true(len > 0 && len < sizeof(all));
	all[len] = '\0';
	assert_non_null(strstr(all, "WARNING log-dropped lines="));
	assert_non_null(strstr(all, "NOTICE after a="));
	for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
		int year, month, day, hour, minute, second;
		assert_int_equal(sscanf(line, "%d-%d-%d %d:%d:%d ", &year, &month, &day, &hour,
					&minute, &second),
				 6); /* each begins with the time: none is torn */
		assert_true(year >= 2024 && month >= 1 && month <= 12);
	}
}

static void
test_values_are_one_word(void **state)
{
	(void)state;
	pz_log_set_sink(capture, &got);
	pz_info("x", "a=%s b=%s", "one", "two words");
	assert_string_equal(got.text, "a=one b=\"two words\"");
	pz_info("x", "a=%.*s b=%d reason=%s", 5, "1 2 3 4", 7, "key=\"v\\w\"");
	assert_string_equal(got.text, "a=\"1 2 3\" b=7 reason=\"key=\\\"v\\\\w\\\"\"");
	pz_info("x", "a=%s some text: %s b=\"%s\"", "", "not a field", "in quotes");
	assert_string_equal(got.text, "a= some text: not a field b=\"in quotes\"");
	pz_info("x", "a=%s", "line\nfeed");
	assert_string_equal(got.text, "a=\"line\\x0afeed\"");
	pz_info("x", "a=%s%s", "b", " c"); /* not one conversion: as it is */
	assert_string_equal(got.text, "a=b c");
}

static void
test_nothing_suppressed_is_not_said(void **state)
{
	(void)state;
	pz_log_set_sink(capture, &got);
	pz_info("x", "a=%s suppressed=%u text", "suppressed=0 ", 0U);
	assert_string_equal(got.text, "a=\"suppressed=0 \" text");
	pz_info("x", "suppressed=%u text", 10U);
	assert_string_equal(got.text, "suppressed=10 text");
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

static struct pz_kit_clock clock = PZ_KIT_CLOCK(clock);

static void
test_lines_of_others(void **state)
{
	struct pz_log_rate rate = {0}, another = {0};

	(void)state;
	pz_log_set_sink(capture, &got);
	for (int i = 0; i < PZ_LOG_LINES_PER_S; i++) {
		got.text[0] = '\0';
		pz_info_of(&rate, &clock.env, "x", "n=%d text", i);
		assert_non_null(strstr(got.text, "text"));
		assert_null(strstr(got.text, "suppressed"));
	}
	got.text[0] = '\0';
	pz_warning_of(&rate, &clock.env, "x", "left out");
	pz_notice_of(&rate, &clock.env, "x", "left out");
	pz_debug("x", "not written at all");
	assert_string_equal(got.text, "");
	pz_info_of(&another, &clock.env, "x", "another one");
	assert_string_equal(got.text, "another one");
	pz_kit_clock_run(&clock, PZ_US_PER_S);
	pz_info_of(&rate, &clock.env, "x", "n=%d", 7);
	assert_string_equal(got.text, "suppressed=2 n=7");
	pz_info_of(&rate, &clock.env, "x", "n=%d", 8);
	assert_string_equal(got.text, "n=8");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold_and_levels),
		cmocka_unit_test(test_text_cannot_forge_lines_or_drive_a_terminal),
		cmocka_unit_test(test_length_is_bounded),
		cmocka_unit_test(test_default_sink),
		cmocka_unit_test(test_journal_prefix),
		cmocka_unit_test(test_a_reader_that_stands_still_blocks_nothing),
		cmocka_unit_test(test_a_terminal_that_stands_still),
		cmocka_unit_test(test_values_are_one_word),
		cmocka_unit_test(test_nothing_suppressed_is_not_said),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_lines_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
