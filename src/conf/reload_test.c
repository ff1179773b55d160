/* Which settings SIGHUP applies, and which it only names. */
#include "kit/test.h"

#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"

#define ARGS_MAX 16

struct fixture {
	enum pz_program program;
	struct pz_settings running, fresh;
	struct pz_buf changed, waiting;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	unsetenv("PZP_DATA_DIR");
	unsetenv("PZH_DATA_DIR");
	unsetenv("STATE_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/nonexistent", 1);
	f->program = PZ_PROGRAM_PZPD;
	pz_buf_init(&f->changed, 4096, NULL);
	pz_buf_init(&f->waiting, 4096, NULL);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	pz_settings_free(&f->running);
	pz_settings_free(&f->fresh);
	pz_buf_fini(&f->changed);
	pz_buf_fini(&f->waiting);
	free(f);
	return 0;
}

/* @param words separated by one blank each */
static void
load(struct fixture *f, struct pz_settings *out, const char *words)
{
	char text[512], *rest = text, *argv[ARGS_MAX] = {"program"};
	int argc = 1;

	snprintf(text, sizeof(text), "%s", words);
	for (char *word; words[0] && argc < ARGS_MAX && (word = strsep(&rest, " ")) != NULL;)
		argv[argc++] = word;
	pz_settings_free(out);
	assert_ok(pz_settings_load(f->program, argc, argv, out, NULL));
}

static void
reload(struct fixture *f, const char *before, const char *after)
{
	load(f, &f->running, before);
	load(f, &f->fresh, after);
	pz_buf_consume(&f->changed, f->changed.len);
	pz_buf_consume(&f->waiting, f->waiting.len);
	assert_ok(pz_settings_reload(f->program, &f->running, &f->fresh, &f->changed, &f->waiting));
}

static void
named(struct fixture *f, const char *changed, const char *waiting)
{
	assert_true(pz_slice_eq_str(pz_buf_slice(&f->changed), changed));
	assert_true(pz_slice_eq_str(pz_buf_slice(&f->waiting), waiting));
}

static void
what_is_the_same_is_not_named(void **state)
{
	static const char words[] = "--log-level debug --device tv --service /a --service /b "
				    "--tls-port 1 --limits-frame 2MiB";
	struct fixture *f = *state;

	reload(f, "", "");
	named(f, "", "");
	reload(f, words, words);
	named(f, "", "");
}

static void
what_can_change_is_taken_over(void **state)
{
	struct fixture *f = *state;

	reload(f, "", "--log-level debug --call-timeout 7 --keepalive 9 --tls-port 1 --web-port 2");
	named(f, "tls-port, web-port, log-level, call-timeout, keepalive", "");
	assert_string_equal(f->running.log_level, "debug");
	assert_string_equal(f->fresh.log_level, "info");
	assert_int_equal(f->running.call_timeout, 7);
	assert_int_equal(f->running.keepalive, 9);
	assert_int_equal(f->running.tls_port, 1);
	assert_int_equal(f->running.web_port, 2);
}

static void
the_rest_is_named_and_stays(void **state)
{
	struct fixture *f = *state;

	reload(f, "--device tv --service /a",
	       "--listen 127.0.0.1 --device pc --limits-frame 2MiB --log-level debug");
	named(f, "service, log-level", "listen, device, limits.frame");
	assert_string_equal(f->running.listen, "::");
	assert_string_equal(f->running.device, "tv");
	assert_int_equal(f->running.limit_frame, 1 << 20);
	reload(f, "--device tv", "");
	named(f, "", "device");
}

static void
lists_are_taken_over_whole(void **state)
{
	struct fixture *f = *state;

	reload(f, "--service /a", "--service /b --service /a");
	named(f, "service", "");
	assert_int_equal(f->running.service_count, 2);
	assert_string_equal(f->running.services[0], "/b");
	assert_string_equal(f->running.services[1], "/a");
	assert_int_equal(f->fresh.service_count, 1);
	reload(f, "--service /a --service /b", "");
	named(f, "service", "");
	assert_int_equal(f->running.service_count, 0);
}

static void
a_hub_takes_over_less(void **state)
{
	struct fixture *f = *state;

	f->program = PZ_PROGRAM_PZHD;
	reload(f, "", "--port 1 --web-port 2 --keepalive 9");
	named(f, "keepalive", "port, web-port");
	assert_int_equal(f->running.port, 8041);
}

/* The default, written out, is still the operator's word. */
static void
given_is_more_than_the_value(void **state)
{
	struct fixture *f = *state;

	load(f, &f->running, "");
	assert_false(pz_settings_is_given(f->program, &f->running, "tls-port"));
	assert_false(pz_settings_is_given(f->program, &f->running, "no-such-thing"));
	reload(f, "", "--tls-port 8040");
	named(f, "tls-port", "");
	assert_true(pz_settings_is_given(f->program, &f->running, "tls-port"));
	assert_false(pz_settings_is_given(f->program, &f->running, "web-port"));
	reload(f, "--tls-port 8040", "");
	named(f, "tls-port", "");
	assert_false(pz_settings_is_given(f->program, &f->running, "tls-port"));
	reload(f, "", "--limits-frame 1MiB"); /* the source of that value is never asked for */
	named(f, "", "");
}

static void
a_list_that_is_too_long_is_an_error(void **state)
{
	struct fixture *f = *state;

	load(f, &f->running, "");
	load(f, &f->fresh, "--log-level debug --keepalive 9");
	pz_buf_fini(&f->changed);
	pz_buf_init(&f->changed, 12, NULL);
	assert_int_equal(
		pz_settings_reload(f->program, &f->running, &f->fresh, &f->changed, &f->waiting),
		PZ_ERR_LIMIT_QUEUE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(what_is_the_same_is_not_named), T(what_can_change_is_taken_over),
		T(the_rest_is_named_and_stays),   T(a_hub_takes_over_less),
		T(lists_are_taken_over_whole),    T(a_hub_takes_over_less),
		T(given_is_more_than_the_value),  T(a_list_that_is_too_long_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
