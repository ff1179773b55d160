/* The bar of `pzp send`: what fits on a terminal, and the rate that it shows. */
#include "kit/test.h"

#include <locale.h>
#include <string.h>

#include "cli/text.h"
#include "cli_files/progress.h"

static const struct pz_files_view half = {
	.size = 200, .sent = 100, .per_s = 50, .over = 1, .count = 3, .name = "photo.jpg"};

static void
what_fits_is_shown_whole(void **state)
{
	static const struct {
		size_t columns;
		const char *line;
	} cases[] = {
		{100,
		 "[###############...............]  50%  50 B/s  0:02 left  1 of 3  photo.jpg"},
		{60, "[#####.....]  50%  50 B/s  0:02 left  1 of 3  photo.jpg"},
		{52, "[#####.....]  50%  50 B/s  0:02 left  1 of 3"},
		{54, "[#####.....]  50%  50 B/s  0:02 left  1 of 3  photo.j~"},
		{40, "[#####.....]  50%  50 B/s  0:02 left"},
		{24, "[#####.....]  50%"},
		{23, " 50%  50 B/s  0:02 left"},
		{5, " 50%"},
		{3, ""},
		{0, ""},
	};
	char line[PZ_FILES_LINE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pz_files_progress_line(&half, cases[i].columns, line);
		assert_string_equal(line, cases[i].line);
	}
}

/* Characters of two columns, which must not run over the end of the line. */
static void
no_name_makes_it_wider(void **state)
{
	struct pz_files_view view = half;
	char line[PZ_FILES_LINE_BYTES], name[3 * 200 + 1] = "";

	(void)state;
	for (int i = 0; i < 200; i++)
		strcat(name, "\u65e5");
	view.name = name;
	for (size_t columns = 0; columns < 300; columns++) {
		pz_files_progress_line(&view, columns, line);
		assert_true(pz_cli_width(line) <= columns);
		view.waiting = name;
		pz_files_progress_line(&view, columns, line);
		assert_true(pz_cli_width(line) <= columns);
		view.waiting = NULL;
	}
}

static void
why_it_waits_takes_the_place_of_the_rate(void **state)
{
	struct pz_files_view view = half;
	char line[PZ_FILES_LINE_BYTES];

	(void)state;
	view.waiting = "nas is not connected, last seen 18:38";
	pz_files_progress_line(&view, 80, line);
	assert_string_equal(
		line,
		"[###############...............]  50%  nas is not connected, last seen 18:38");
	pz_files_progress_line(&view, 40, line);
	assert_string_equal(line, "[#####.....]  50%  nas is not connected~");
}

/* Also after a long wait: an hour without a byte does not make the next minute slow. */
static void
the_rate_is_that_of_the_last_seconds(void **state)
{
	struct pz_files_progress progress = {.count = 0};
	double rate = 0;
	uint64_t now = 1000;

	(void)state;
	for (; now < 3600000; now += 100)
		rate = pz_files_progress_rate(&progress, 0, now);
	assert_true(rate == 0);
	double moved = 0;
	for (int i = 0; i < 100; i++, now += 100, moved += 1000) {
		rate = pz_files_progress_rate(&progress, moved, now);
		/* from the first moments on */
		assert_true(i < 10 || (rate > 5000 && rate < 10100));
	}
	assert_true(rate > 9900 && rate < 10100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_shown_whole),
		cmocka_unit_test(no_name_makes_it_wider),
		cmocka_unit_test(why_it_waits_takes_the_place_of_the_rate),
		cmocka_unit_test(the_rate_is_that_of_the_last_seconds),
	};

	setlocale(LC_CTYPE, "C.UTF-8"); /* widths of characters */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
