/* Command lines by tables, and the help made from them. */
#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"

static const struct pz_cli_option draw_options[] = {
	{"size", "N", "how large", PZ_CLI_TEXT, 0, 0},
	{"wait", "S", "how long", PZ_CLI_SECONDS, 1, 60},
	{"fast", NULL, "hurry", PZ_CLI_FLAG, 0, 0},
	{NULL, NULL, NULL, PZ_CLI_FLAG, 0, 0},
};

static const struct pz_cli_command commands[] = {
	{"draw", "WHAT [WHERE]", 1, 2, "draw a thing", "It is drawn well.", draw_options, NULL},
	{"list", "", 0, 0, "list things", NULL, NULL, NULL},
	{NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};

static const struct pz_cli_program program = {
	.name = "pen",
	.daemon = "pend",
	.summary = "Draws.",
	.data_dir_env = "PEN_DATA_DIR",
	.leaf = "pen",
	.commands = commands,
};

static enum pz_err
parse(struct pz_cli_args *args, struct pz_errinfo *info, const char *line)
{
	static char copy[256];
	char *argv[16], *save = NULL;
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	info->text[0] = '\0';
	return pz_cli_args_parse(&program, argc, argv, args, info);
}

static void
takes_options_anywhere(void **state)
{
	static const char *const lines[] = {
		"draw --size 3 --json cat",    "--json draw cat --size=3",
		"draw cat --json --size 3",    "draw --size 9 --json --size=3 cat",
		"draw --size 3 --json -- cat",
	};
	struct pz_cli_args args;
	struct pz_errinfo info;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(&args, &info, lines[i]), PZ_OK);
		assert_ptr_equal(args.command, &commands[0]);
		assert_int_equal(args.count, 1);
		assert_string_equal(args.positionals[0], "cat");
		assert_string_equal(pz_cli_args_value(&args, "size"), "3");
		assert_string_equal(pz_cli_args_value(&args, "json"), "");
		assert_null(pz_cli_args_value(&args, "fast"));
		assert_null(pz_cli_args_value(&args, "no-such"));
	}
}

static void
says_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *reason;
	} cases[] = {
		{"", "no command given"},
		{"paint", "unknown command paint"},
		{"draw", "draw needs WHAT [WHERE]"},
		{"draw a b c", "one argument too many: c"},
		{"list a", "one argument too many: a"},
		{"draw a --colour red", "unknown option --colour"},
		{"draw a --siz 3", "unknown option --siz; did you mean --size?"},
		{"draw a -x", "unknown option -x"},
		{"--size 3 draw a", "unknown option --size"}, /* before its command */
		{"list --size 3", "unknown option --size"},
		{"draw a --size", "--size needs a value (N)"},
		{"draw a --size=", "--size: the value is empty"},
		{"draw a --fast=yes", "--fast takes no value"},
		{"draw a --wait soon", "--wait soon: not a number of seconds from 1 to 60"},
		{"draw a --wait 61", "--wait 61: not a number of seconds from 1 to 60"},
		{"draw a --wait 0.9", "--wait 0.9: not a number of seconds from 1 to 60"},
	};
	struct pz_cli_args args;
	struct pz_errinfo info;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(&args, &info, cases[i].line), PZ_ERR_CONFIG);
		assert_string_equal(info.text, cases[i].reason);
	}
}

static void
takes_numbers_and_what_follows_the_double_dash_as_arguments(void **state)
{
	struct pz_cli_args args;
	struct pz_errinfo info;

	(void)state;
	assert_int_equal(parse(&args, &info, "draw -5 -"), PZ_OK);
	assert_string_equal(args.positionals[0], "-5");
	assert_string_equal(args.positionals[1], "-");
	assert_int_equal(parse(&args, &info, "draw -- --size -x"), PZ_OK);
	assert_string_equal(args.positionals[0], "--size");
	assert_string_equal(args.positionals[1], "-x");
}

static void
asks_for_nothing_more_with_help_or_version(void **state)
{
	static const char *const lines[] = {"--help", "-h", "--version", "draw --help", "draw -h"};
	struct pz_cli_args args;
	struct pz_errinfo info;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(parse(&args, &info, lines[i]), PZ_OK);
	assert_ptr_equal(args.command, &commands[0]);
}

static void
reads_seconds(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		unsigned ms;
	} cases[] = {
		{"0", true, 0},        {"1", true, 1000},         {"0.5", true, 500},
		{"1.25", true, 1250},  {"0.0019", true, 1},       {"1000000", true, 1000000000},
		{"1000001", false, 0}, {"99999999999", false, 0}, {"", false, 0},
		{"-1", false, 0},      {".5", false, 0},          {"1.", false, 0},
		{"1s", false, 0},      {"1.5x", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned ms = 7;

		assert_int_equal(pz_cli_parse_seconds(cases[i].text, &ms), cases[i].ok);
		assert_int_equal(ms, cases[i].ok ? cases[i].ms : 7);
	}
}

static char *
help_text(const struct pz_cli_command *command)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	pz_cli_help(&program, command, out);
	fclose(out);
	return text;
}

static void
helps(void **state)
{
	char *text = help_text(NULL);

	(void)state;
	assert_non_null(strstr(text, "Usage: pen [OPTION...] COMMAND [ARGUMENT...]\n"));
	assert_non_null(strstr(text, "  draw WHAT [WHERE]       draw a thing\n"));
	assert_non_null(strstr(text, "  --json                  print JSON"));
	assert_non_null(strstr(text, "$PEN_DATA_DIR"));
	free(text);
	text = help_text(&commands[0]);
	assert_non_null(
		strstr(text, "Usage: pen draw [OPTION...] WHAT [WHERE]\n\nDraw a thing.\n"));
	assert_non_null(strstr(text, "It is drawn well.\n"));
	assert_non_null(strstr(text, "  --size N                how large\n"));
	assert_non_null(strstr(text, "  --data-dir DIR "));
	free(text);
	text = help_text(&commands[1]);
	assert_null(strstr(text, "\nOptions:\n"));
	free(text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_options_anywhere),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(takes_numbers_and_what_follows_the_double_dash_as_arguments),
		cmocka_unit_test(asks_for_nothing_more_with_help_or_version),
		cmocka_unit_test(reads_seconds),
		cmocka_unit_test(helps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
