/*
 * Safe text, times, tables, QR codes.
 * @spec page 14 PRS-6
 */
#include "kit/test.h"
#include <locale.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/qr.h"
#include "cli/text.h"

static void
cleans_what_could_steer_a_terminal(void **state)
{
	static const struct {
		const char *text, *line, *lines;
	} cases[] = {
		{"plain", "plain", "plain"},
		{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"a\x1b[2Jb", "a?[2Jb", "a?[2Jb"},
		{"a\nb\tc\rd", "a?b?c?d", "a\nb\tc?d"},
		{"del\x7f", "del?", "del?"},
		{"csi\xc2\x9b"
		 "31m",
		 "csi?31m", "csi?31m"},
		{"\xff\xc3", "??", "??"},
		{"ab\xe2\x80\xae"
		 "cd",
		 "ab?cd", "ab?cd"}, /* right-to-left override */
		{"\xe2\x80\xa8\xe2\x81\xa6\xef\xbb\xbf\xd8\x9c\xe2\x80\x8e", "?????", "?????"},
		{"", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *line = pz_cli_clean(cases[i].text, false);
		char *lines = pz_cli_clean(cases[i].text, true);

		assert_string_equal(line, cases[i].line);
		assert_string_equal(lines, cases[i].lines);
		free(line);
		free(lines);
	}
}

static void
measures_width(void **state)
{
	(void)state;
	assert_int_equal(pz_cli_width(""), 0);
	assert_int_equal(pz_cli_width("abc"), 3);
	assert_int_equal(pz_cli_width("caf\xc3\xa9"), 4);
	if (setlocale(LC_CTYPE, "C.UTF-8")) {
		assert_int_equal(pz_cli_width("\xe6\xbc\xa2"), 2); /* a wide character */
		assert_int_equal(pz_cli_width("e\xcc\x81"), 1);    /* a combining one */
	}
}

static void
reads_members(void **state)
{
	json_t *o = json_pack("{s:s, s:i, s:b, s:b, s:f, s:n, s:[]}", "s", "text", "i", -3, "t", 1,
			      "f", 0, "r", 1.5, "n", "a");
	char scratch[32];

	(void)state;
	assert_string_equal(pz_cli_member(o, "s", scratch), "text");
	assert_string_equal(pz_cli_member(o, "i", scratch), "-3");
	assert_string_equal(pz_cli_member(o, "t", scratch), "yes");
	assert_string_equal(pz_cli_member(o, "f", scratch), "no");
	assert_string_equal(pz_cli_member(o, "r", scratch), "1.5");
	assert_string_equal(pz_cli_member(o, "n", scratch), "");
	assert_string_equal(pz_cli_member(o, "a", scratch), "");
	assert_string_equal(pz_cli_member(o, "missing", scratch), "");
	assert_string_equal(pz_cli_member(NULL, "s", scratch), "");
	json_decref(o);
}

static void
writes_times(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} spans[] = {{0, "0 s"},          {59, "59 s"},
		     {60, "1 min 0 s"},   {3599, "59 min 59 s"},
		     {3600, "1 h 0 min"}, {8000, "2 h 13 min"},
		     {86400, "1 d 0 h"},  {UINT64_MAX, "213503982334601 d 7 h"}};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		pz_cli_span(spans[i].seconds, text);
		assert_string_equal(text, spans[i].text);
	}
	setenv("TZ", "UTC", 1);
	tzset();
	pz_cli_time(0, text);
	assert_string_equal(text, "never");
	pz_cli_time(1700000000, text);
	assert_string_equal(text, "2023-11-14 22:13:20");
	pz_cli_time(INT64_MAX, text);
	assert_string_equal(text, "?");
}

static char *
table_text(struct pz_cli_table *t, bool colour)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(pz_cli_table_print(t, out, colour, 0), PZ_OK);
	fclose(out);
	pz_cli_table_free(t);
	return text;
}

static struct pz_cli_table *
sample(void)
{
	static const char *const titles[] = {"NAME", "STATE"};
	struct pz_cli_table *t = pz_cli_table_new(titles, 2);

	pz_cli_table_add(t, PZ_CLI_PLAIN, "caf\xc3\xa9");
	pz_cli_table_add(t, PZ_CLI_GREEN, "on\nline");
	pz_cli_table_addf(t, PZ_CLI_PLAIN, "%s-%d", "kitchen", 2);
	pz_cli_table_add(t, PZ_CLI_PLAIN, "");
	pz_cli_table_add(t, PZ_CLI_PLAIN, "half a row is not shown");
	return t;
}

static void
aligns_tables(void **state)
{
	char *text = table_text(sample(), false);

	(void)state;
	assert_string_equal(text, "NAME                     STATE\n"
				  "caf\xc3\xa9                     on?line\n"
				  "kitchen-2                -\n");
	free(text);
	text = table_text(sample(), true);
	assert_non_null(strstr(text, "\033[1mNAME\033[0m  "));
	assert_non_null(strstr(text, "\033[32mon?line\033[0m\n"));
	free(text);
	text = table_text(pz_cli_table_new(NULL, 3), false);
	assert_string_equal(text, "");
	free(text);
}

static void
grows_with_its_rows(void **state)
{
	struct pz_cli_table *t = pz_cli_table_new(NULL, 1);
	char *text, *p;
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		pz_cli_table_addf(t, PZ_CLI_PLAIN, "%d", i);
	text = table_text(t, false);
	for (p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 1000);
	free(text);
}

#define LINK "pzp://hub.example.org:8041/alice@example.org?code=1234-5678"

static char *
qr_text(const char *link, const struct pz_cli_qr_place *place, enum pz_err expected,
	struct pz_errinfo *info)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(pz_cli_qr_print(link, place, out, info), expected);
	fclose(out);
	return text;
}

static void
draws_qr_codes(void **state)
{
	/* The upper left finder pattern: two light rows, then 7 dark modules in one light frame. */
	static const char first[] = "\033[97;40m\u2588\u2588\u2588\u2588";
	static const char second[] =
		"\n\033[97;40m\u2588\u2588 \u2584\u2584\u2584\u2584\u2584 \u2588";
	struct pz_cli_qr_place place = {.is_utf8 = true, .colour = true, .columns = 80};
	char *text = qr_text(LINK, &place, PZ_OK, NULL);
	size_t lines = 0;

	(void)state;
	assert_memory_equal(text, first, sizeof(first) - 1);
	assert_non_null(strstr(text, second));
	for (char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_in_range(lines, 15, 23); /* it fits a terminal */
	free(text);

	place.colour = false;
	text = qr_text(LINK, &place, PZ_OK, NULL);
	assert_null(strchr(text, '\033'));
	assert_memory_equal(text, "\u2588\u2588\u2588\u2588", 12);
	free(text);
}

static void
draws_no_qr_code_where_none_can_be_seen(void **state)
{
	static const struct {
		struct pz_cli_qr_place place;
		enum pz_err err;
		const char *reason;
	} rows[] = {
		{{.is_utf8 = false, .columns = 80}, PZ_ERR_CONFIG, "UTF-8"},
		{{.is_utf8 = true, .is_dumb = true, .columns = 80}, PZ_ERR_CONFIG, "dumb"},
		{{.is_utf8 = true, .columns = 30}, PZ_ERR_LIMIT, "the window has 30"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_errinfo info = {""};
		char *text = qr_text(LINK, &rows[i].place, rows[i].err, &info);
		assert_string_equal(text, "");
		assert_non_null(strstr(info.text, rows[i].reason));
		free(text);
	}
}

static void
refuses_what_no_qr_code_holds(void **state)
{
	char *link = calloc(1, 4001);

	(void)state;
	memset(link, 'x', 4000);
	struct pz_cli_qr_place place = {.is_utf8 = true};
	free(qr_text(link, &place, PZ_ERR_LIMIT, NULL));
	free(link);
}

static void
wide_rows_are_cut_to_the_terminal(void **state)
{
	static const char *const titles[] = {"DEVICE", "NAME"};
	static const size_t widths[] = {0, 24, 3}; /* a column is never narrower than 6 */

	(void)state;
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		struct pz_cli_table *t = pz_cli_table_new(titles, 2);
		char *out = NULL;
		size_t len = 0;
		FILE *file = open_memstream(&out, &len);

		pz_cli_table_add(t, PZ_CLI_PLAIN, "living-room-tv");
		pz_cli_table_add(t, PZ_CLI_PLAIN, "the large one");
		assert_int_equal(pz_cli_table_print(t, file, false, widths[i]), PZ_OK);
		fclose(file);
		size_t limit = widths[i] < 14 ? 14 : widths[i];
		for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(widths[i] == 0 || strlen(line) <= limit);
		pz_cli_table_free(t);
		free(out);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wide_rows_are_cut_to_the_terminal),
		cmocka_unit_test(cleans_what_could_steer_a_terminal),
		cmocka_unit_test(measures_width),
		cmocka_unit_test(reads_members),
		cmocka_unit_test(writes_times),
		cmocka_unit_test(aligns_tables),
		cmocka_unit_test(grows_with_its_rows),
		cmocka_unit_test(draws_qr_codes),
		cmocka_unit_test(draws_no_qr_code_where_none_can_be_seen),
		cmocka_unit_test(refuses_what_no_qr_code_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
