/* The log that is kept in memory: the newest lines, in order, within a bound. */
#include "kit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log_ring.h"

struct seen {
	unsigned lines, first, last;
	size_t bytes;
	bool is_in_order;
};

static void
look(void *arg, const struct pz_log_ring_line *line)
{
	struct seen *seen = arg;
	unsigned number = 0;

	assert_int_equal(sscanf(line->text, "number=%u ", &number), 1);
	assert_string_equal(line->id, "some-id");
	assert_int_equal(line->level, PZ_LOG_NOTICE);
	assert_true(line->wall_ms > 0);
	if (seen->lines == 0)
		seen->first = number;
	else
		assert_int_equal(number, seen->last + 1);
	seen->last = number;
	seen->lines++;
	seen->bytes += strlen(line->text);
}

static struct seen
all(void)
{
	struct seen seen = {0};

	pz_log_ring_each(look, &seen);
	return seen;
}

static void
the_newest_lines_are_kept(void **state)
{
	char tail[301];
	int err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	memset(tail, 'x', sizeof(tail) - 1);
	tail[sizeof(tail) - 1] = '\0';
	assert_true(null >= 0 && dup2(null, STDERR_FILENO) >= 0);
	pz_log_ring_start();
	assert_int_equal(all().lines, 0);
	pz_notice("some-id", "number=%u %s", 0U, "");
	assert_int_equal(all().lines, 1);
	for (unsigned i = 1; i <= 2000; i++) {
		pz_notice("some-id", "number=%u %.*s", i, (int)(i % 300), tail);
		struct seen seen = all();
		assert_int_equal(seen.last, i);
		assert_true(seen.bytes <= PZ_LOG_RING_BYTES);
		assert_true(i < 1000 || seen.bytes >= PZ_LOG_RING_BYTES / 2);
	}
	assert_true(all().first > 0);
	pz_log_set_sink(NULL, NULL);
	dup2(err, STDERR_FILENO);
	close(err);
	close(null);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_newest_lines_are_kept)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
