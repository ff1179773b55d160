/* The man pages name every command and every option. */
#include "kit/test.h"
#include <ctype.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tables pull in `pzh init`; the hub behind it is not wanted here. */
#include "cli/fake_offline.h"
#include "cli/program.h"
#include "conf/prefs.h"
#include "conf/settings.h"

static char *
read_source(const char *path)
{
	char full[512];
	char *text = calloc(1, 1 << 17);
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", PZ_SOURCE_DIR, path);
	file = fopen(full, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 17) - 1, file) > 0);
	fclose(file);
	return text;
}

static void expect(const char *text, const char *where, const char *fmt, ...) PZ_PRINTF(3, 4);

static void
expect(const char *text, const char *where, const char *fmt, ...)
{
	char wanted[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(wanted, sizeof(wanted), fmt, ap);
	va_end(ap);
	if (strstr(text, wanted) == NULL)
		fail_msg("%s lacks \"%s\"", where, wanted);
}

static void
check_program(const struct pz_cli_program *program, const char *man)
{
	char *page = read_source(man);

	for (const struct pz_cli_option *o = pz_cli_global_options; o->name; o++) {
		expect(page, man, "Fl Fl %s", o->name);
	}
	for (const struct pz_cli_command *c = program->commands; c->name; c++) {
		expect(page, man, ".It Cm %s", c->name);
		const struct pz_cli_option *o = c->options;
		for (; o && o->name; o++) {
			expect(page, man, "Fl Fl %s", o->name);
		}
		assert_true(o == NULL || o - c->options <= PZ_CLI_OPTIONS_MAX);
	}
	free(page);
}

static void
command_lines_are_documented(void **state)
{
	(void)state;
	check_program(&pz_pzp_program, "man/pzp.1");
	check_program(&pz_pzh_program, "man/pzh.1");
}

/* Line breaks do not count: a man page starts each sentence on a line. */
static void
squeeze(char *text)
{
	char *to = text, last = '\0';

	for (; *text; text++) {
		char c = isspace((unsigned char)*text) ? ' ' : *text;

		if (c != ' ' || last != ' ')
			*to++ = last = c;
	}
	*to = '\0';
}

/* The page has these items, one after the other. @param items finished */
static void
check_items(struct pz_buf *items, const char *man, const char *table)
{
	char *page = read_source(man);

	assert_int_equal(pz_buf_append(items, pz_slice_of("", 1)), PZ_OK);
	squeeze((char *)items->mem + items->start);
	squeeze(page);
	if (strstr(page, (char *)items->mem + items->start) == NULL)
		fail_msg("%s: the items are not those of the table of %s", man, table);
	pz_buf_fini(items);
	free(page);
}

static void
check_daemon(enum pz_program program, const char *man)
{
	struct pz_buf items;

	pz_buf_init(&items, 1 << 17, NULL);
	assert_int_equal(pz_settings_man(program, &items), PZ_OK);
	check_items(&items, man, "settings");
}

static void
preferences_are_documented(void **state)
{
	struct pz_buf items;

	(void)state;
	pz_buf_init(&items, 1 << 17, NULL);
	assert_int_equal(pz_prefs_man(&items), PZ_OK);
	check_items(&items, "man/pzp.1", "preferences");
}

static void
daemons_are_documented(void **state)
{
	(void)state;
	check_daemon(PZ_PROGRAM_PZPD, "man/pzpd.8");
	check_daemon(PZ_PROGRAM_PZHD, "man/pzhd.8");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines_are_documented),
		cmocka_unit_test(daemons_are_documented),
		cmocka_unit_test(preferences_are_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
