/* The printed texts match the table, and the parser accepts the example file. */
#include "kit/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/settings.h"
#include "conf/table.h"

static const enum pz_program programs[] = {PZ_PROGRAM_PZPD, PZ_PROGRAM_PZHD};

static char *
text_of(enum pz_err (*print)(enum pz_program, struct pz_buf *), enum pz_program program)
{
	struct pz_buf buf;
	char *text;

	pz_buf_init(&buf, 65536, NULL);
	assert_ok(print(program, &buf));
	text = pz_slice_dup(pz_buf_slice(&buf));
	assert_non_null(text);
	pz_buf_fini(&buf);
	return text;
}

static char *
help_of(enum pz_program program)
{
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	assert_non_null(stream);
	pz_settings_help(program, stream);
	fclose(stream);
	return text;
}

static void
expect_short_lines(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		assert_true(len <= 100);
		text += len + 1;
	}
}

static void
test_help_has_every_option(void **state)
{
	(void)state;
	for (size_t p = 0; p < 2; p++) {
		char *text = help_of(programs[p]);
		const struct pz_setting *setting;

		for (size_t i = 0; (setting = pz_setting_next(programs[p], &i)) != NULL;) {
			char option[64], want[80];

			pz_setting_option(setting, option);
			snprintf(want, sizeof(want), "  --%s%s", option,
				 setting->metavar != NULL ? " " : "\n");
			assert_non_null(strstr(text, want));
		}
		expect_short_lines(text);
		free(text);
	}
}

static void
test_help_says_defaults_and_ranges(void **state)
{
	char *pzpd = help_of(PZ_PROGRAM_PZPD), *pzhd = help_of(PZ_PROGRAM_PZHD);

	(void)state;
	assert_non_null(strstr(pzpd, "Usage: pzpd "));
	assert_non_null(strstr(pzpd, "Default: 8080."));
	assert_non_null(strstr(pzpd, "PZP_DATA_DIR"));
	assert_null(strstr(pzpd, "--port P"));
	assert_non_null(strstr(pzhd, "Usage: pzhd "));
	assert_non_null(strstr(pzhd, "Default: 8043."));
	assert_non_null(strstr(pzhd, "Default: 1MiB."));
	assert_null(strstr(pzhd, "--service"));
	free(pzpd);
	free(pzhd);
}

static void
test_man_has_every_option_as_item(void **state)
{
	(void)state;
	for (size_t p = 0; p < 2; p++) {
		char *text = text_of(pz_settings_man, programs[p]);
		const struct pz_setting *setting;

		for (size_t i = 0; (setting = pz_setting_next(programs[p], &i)) != NULL;) {
			char option[64], want[80];

			pz_setting_option(setting, option);
			snprintf(want, sizeof(want), ".It Fl Fl %s", option);
			assert_non_null(strstr(text, want));
		}
		/* Limits, which few need, stand last. */
		const char *limits = strstr(text, ".Ss Limits\n");
		assert_non_null(limits);
		assert_null(strstr(limits, ".It Fl Fl data-dir"));
		assert_true(strstr(text, ".It Fl Fl limits-frame") > limits);
		/* No accidental request: a line starts with a dot only where we want a macro. */
		for (char *line = text; line != NULL; line = strchr(line, '\n')) {
			line += *line == '\n';
			if (*line == '.')
				assert_true(strncmp(line, ".It ", 4) == 0 ||
					    strncmp(line, ".Cm ", 4) == 0 ||
					    strncmp(line, ".El\n.Ss Limits\n.Bl ", 19) == 0 ||
					    strncmp(line, ".Ss Limits\n", 11) == 0 ||
					    strncmp(line, ".Bl -tag", 8) == 0);
			assert_true(*line != '\'');
		}
		assert_null(strchr(text, '\\'));
		free(text);
	}
}

/** The example, and the example with every setting active, are accepted. */
static void
test_example_is_accepted(void **state)
{
	(void)state;
	unsetenv("PZP_DATA_DIR");
	unsetenv("PZH_DATA_DIR");
	for (size_t p = 0; p < 2; p++) {
		char *text = text_of(pz_settings_example, programs[p]);
		char path[] = "/tmp/pz-conf-XXXXXX", *argv[] = {"x", "--config", path};
		struct pz_settings plain, active;
		struct pz_errinfo info;
		int fd = mkstemp(path);
		size_t len = strlen(text);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, text, len), len);
		if (pz_settings_load(programs[p], 3, argv, &plain, &info) != PZ_OK)
			fail_msg("%s", info.text);

		for (char *c = text; *c != '\0'; c++) {
			if (*c == '#' && c[1] != ' ')
				*c = ' ';
		}
		assert_int_equal(pwrite(fd, text, len, 0), len);
		close(fd);
		if (pz_settings_load(programs[p], 3, argv, &active, &info) != PZ_OK)
			fail_msg("%s", info.text);
		assert_string_equal(active.data_dir, programs[p] == PZ_PROGRAM_PZPD
							     ? "/var/lib/pzp"
							     : "/var/lib/pzh");
		assert_int_equal(active.service_count, programs[p] == PZ_PROGRAM_PZPD ? 1 : 0);

		/* What has a fixed default stands in the example with just that default. */
		assert_int_equal(plain.web_port, active.web_port);
		assert_int_equal(plain.limit_frame, active.limit_frame);
		assert_int_equal(plain.limit_queue_high, active.limit_queue_high);
		assert_int_equal(plain.limit_per_address, active.limit_per_address);
		assert_string_equal(plain.log_level, active.log_level);
		assert_string_equal(plain.listen, active.listen);
		pz_settings_free(&plain);
		pz_settings_free(&active);
		unlink(path);
		free(text);
	}
}

static void
test_full_buffer_is_reported(void **state)
{
	struct pz_buf buf;

	(void)state;
	pz_buf_init(&buf, 300, NULL);
	assert_int_equal(pz_settings_man(PZ_PROGRAM_PZPD, &buf), PZ_ERR_LIMIT_QUEUE);
	pz_buf_fini(&buf);
	pz_buf_init(&buf, 300, NULL);
	assert_int_equal(pz_settings_example(PZ_PROGRAM_PZPD, &buf), PZ_ERR_LIMIT_QUEUE);
	pz_buf_fini(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help_has_every_option),
		cmocka_unit_test(test_help_says_defaults_and_ranges),
		cmocka_unit_test(test_man_has_every_option_as_item),
		cmocka_unit_test(test_example_is_accepted),
		cmocka_unit_test(test_full_buffer_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
