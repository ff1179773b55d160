#include "kit/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/timer.h"
#include "conf/settings.h"
#include "conf/table.h"
#include "kit/dir.h"

#define ARGS_MAX 12

struct fixture {
	struct pz_kit_dir
		dir;        /* a data directory, also $HOME; test.conf in it, named with --config */
	char pzpd_conf[96]; /* <dir>/pzpd.conf */
	char pzhd_conf[96];
	struct pz_settings settings;
	struct pz_errinfo info;
};

static int
setup(void **state)
{
	struct fixture *fix = calloc(1, sizeof(*fix));

	assert_non_null(fix);
	pz_kit_dir_init(&fix->dir, "test.conf");
	snprintf(fix->pzpd_conf, sizeof(fix->pzpd_conf), "%s/pzpd.conf", fix->dir.path);
	snprintf(fix->pzhd_conf, sizeof(fix->pzhd_conf), "%s/pzhd.conf", fix->dir.path);
	unsetenv("PZP_DATA_DIR");
	unsetenv("PZH_DATA_DIR");
	unsetenv("STATE_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", fix->dir.path, 1);
	*state = fix;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fix = *state;

	pz_settings_free(&fix->settings);
	pz_kit_dir_fini(&fix->dir);
	free(fix);
	return 0;
}

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/** Loads with the words of a command line (separated by one blank each). */
static enum pz_err
load(struct fixture *fix, enum pz_program program, const char *words)
{
	char text[1024], *rest = text, *argv[ARGS_MAX] = {"program"};
	int argc = 1;

	snprintf(text, sizeof(text), "%s", words);
	while (words[0] != '\0' && rest != NULL && argc < ARGS_MAX)
		argv[argc++] = strsep(&rest, " ");
	pz_settings_free(&fix->settings);
	return pz_settings_load(program, argc, argv, &fix->settings, &fix->info);
}

static void
must_load(struct fixture *fix, enum pz_program program, const char *words)
{
	if (load(fix, program, words) != PZ_OK)
		fail_msg("%s", fix->info.text);
}

/** Loading pzpd fails as CONFIG, and the message has all of the given parts. */
static void
must_refuse(struct fixture *fix, const char *words, const char *part, const char *part2)
{
	assert_int_equal(load(fix, PZ_PROGRAM_PZPD, words), PZ_ERR_CONFIG);
	if (strstr(fix->info.text, part) == NULL || strstr(fix->info.text, part2) == NULL)
		fail_msg("\"%s\" lacks \"%s\" or \"%s\"", fix->info.text, part, part2);
	assert_null(fix->settings.data_dir); /* untouched */
}

/** The same with the text in a file that --config names. */
static void
must_refuse_file(struct fixture *fix, const char *text, const char *part, const char *part2)
{
	char words[256];

	write_text(fix->dir.file, text);
	snprintf(words, sizeof(words), "--config %s", fix->dir.file);
	must_refuse(fix, words, part, part2);
}

static void
must_load_file(struct fixture *fix, enum pz_program program, const char *text)
{
	char words[256];

	write_text(fix->dir.file, text);
	snprintf(words, sizeof(words), "--config=%s", fix->dir.file);
	must_load(fix, program, words);
}

/* ---- defaults ---- */

static void
test_defaults_of_the_device(void **state)
{
	struct fixture *fix = *state;
	const struct pz_settings *s = &fix->settings;
	char path[128];

	must_load(fix, PZ_PROGRAM_PZPD, "");
	snprintf(path, sizeof(path), "%s/.local/state/pzp", fix->dir.path);
	assert_string_equal(s->data_dir, path);
	strcat(path, "/control.sock");
	assert_string_equal(s->control_socket, path);
	assert_null(s->config_file);
	assert_null(s->device);
	assert_string_equal(s->listen, "::");
	assert_string_equal(s->log_level, "info");
	assert_string_equal(s->key_type, "ec-p256");
	assert_int_equal(s->tls_port, 8040);
	assert_int_equal(s->web_port, 8080);
	assert_int_equal(s->port, 0);
	assert_int_equal(s->limit_frame, 1 << 20);
	assert_int_equal(s->limit_queue_high, 4 << 20);
	assert_int_equal(s->limit_queue_low, 1 << 20);
	assert_int_equal(s->limit_unauthenticated, PZ_HUB_UNAUTH_MAX);
	assert_int_equal(s->limit_unauthenticated_per_address, PZ_HUB_UNAUTH_PER_ADDRESS_MAX);
	assert_int_equal(s->limit_per_address, PZ_HUB_PER_ADDRESS_MAX);
	assert_int_equal(s->handshakes_per_turn, PZ_HANDSHAKES_PER_TURN_MAX);
	assert_int_equal(s->call_timeout, 30);
	assert_int_equal(s->keepalive, 30);
	assert_int_equal(s->service_count, 0);
	assert_false(s->show_help || s->show_version);
}

static void
test_defaults_of_the_hub(void **state)
{
	struct fixture *fix = *state;
	char path[128];

	must_load(fix, PZ_PROGRAM_PZHD, "");
	snprintf(path, sizeof(path), "%s/.local/state/pzh", fix->dir.path);
	assert_string_equal(fix->settings.data_dir, path);
	assert_int_equal(fix->settings.port, 8041);
	assert_int_equal(fix->settings.web_port, 8043);
	assert_int_equal(fix->settings.tls_port, 0);
}

/* ---- types ---- */

static void
test_command_line_forms(void **state)
{
	struct fixture *fix = *state;
	struct pz_settings *s = &fix->settings;

	must_load(fix, PZ_PROGRAM_PZPD,
		  "--data-dir rel/dir --tls-port=0 --device lap.top_1-x --service a.json "
		  "--service=b=c.json");
	assert_string_equal(s->data_dir, "rel/dir");
	assert_string_equal(s->control_socket, "rel/dir/control.sock");
	assert_int_equal(s->tls_port, 0);
	assert_string_equal(s->device, "lap.top_1-x");
	assert_int_equal(s->service_count, 2);
	assert_string_equal(s->services[0], "a.json");
	assert_string_equal(s->services[1], "b=c.json");

	must_load(fix, PZ_PROGRAM_PZPD, "--tls-port 1 --tls-port 65535"); /* the last one counts */
	assert_int_equal(s->tls_port, 65535);
	must_load(fix, PZ_PROGRAM_PZPD, "--limits-frame 65536 --control-socket /run/x");
	assert_int_equal(s->limit_frame, 65536);
	assert_string_equal(s->control_socket, "/run/x");
}

static void
test_command_line_errors(void **state)
{
	struct fixture *fix = *state;

	must_refuse(fix, "--bogus", "command line", "--bogus");
	must_refuse(fix, "--port 1", "unknown option --port", "--help"); /* the hub's */
	must_refuse(fix, "--limits.frame 65536", "unknown option", "limits.frame");
	must_refuse(fix, "--web", "unknown option", "--web"); /* no abbreviations */
	must_refuse(fix, "word", "\"word\"", "not an option");
	must_refuse(fix, "-x", "\"-x\"", "not an option");
	must_refuse(fix, "--", "\"--\"", "not an option");
	must_refuse(fix, "--tls-port", "--tls-port needs a value", "P");
	must_refuse(fix, "--help=yes", "--help", "takes no value");
	must_refuse(fix, "--data-dir=", "data-dir = \"\"", "a path");
}

static void
test_numbers(void **state)
{
	struct fixture *fix = *state;
	const char *bad[] = {"65536", "-1",   "+1",  "1x",         "x",
			     "",      "0x10", "1.5", "4294967296", "99999999999999999999",
			     "1KiB"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char words[64], quoted[64];

		snprintf(words, sizeof(words), "--web-port=%s", bad[i]);
		snprintf(quoted, sizeof(quoted), "web-port = \"%s\"", bad[i]);
		must_refuse(fix, words, quoted, "a number from 0 to 65535");
	}
	must_refuse(fix, "--keepalive 0", "keepalive", "from 1 to 3600");
	must_refuse(fix, "--call-timeout 3601", "call-timeout", "from 1 to 3600");
	must_load(fix, PZ_PROGRAM_PZPD, "--call-timeout 3600 --keepalive 1");
	assert_int_equal(fix->settings.call_timeout, 3600);
	assert_int_equal(fix->settings.keepalive, 1);
}

static void
test_sizes(void **state)
{
	struct fixture *fix = *state;

	must_load(fix, PZ_PROGRAM_PZPD, "--limits-frame 16MiB --limits-queue-low 64KiB");
	assert_int_equal(fix->settings.limit_frame, PZ_FRAME_BYTES_MAX);
	assert_int_equal(fix->settings.limit_queue_low, 65536);
	must_load(fix, PZ_PROGRAM_PZPD, "--limits-frame 16777216");
	must_refuse(fix, "--limits-frame 16777217", "limits.frame", "from 64KiB to 16MiB");
	must_refuse(fix, "--limits-frame 17MiB", "17MiB", "from 64KiB to 16MiB");
	must_refuse(fix, "--limits-frame 65535", "65535", "from 64KiB to 16MiB");
	must_refuse(fix, "--limits-frame 4294967295MiB", "limits.frame", "MiB");
	must_refuse(fix, "--limits-frame 1GiB", "1GiB", "KiB or MiB");
	must_refuse(fix, "--limits-frame MiB", "limits.frame", "KiB or MiB");
	must_refuse(fix, "--limits-frame 1mib", "1mib", "KiB or MiB");
}

/** Every numeric row accepts its bounds and refuses what is next to them. */
static void
test_every_range(void **state)
{
	struct fixture *fix = *state;
	size_t seen = 0;

	for (size_t i = 0; i < pz_setting_table_len; i++) {
		const struct pz_setting *setting = &pz_setting_table[i];
		char text[32];

		if (setting->max == 0)
			continue;
		seen++;
		snprintf(text, sizeof(text), "%u", setting->min);
		assert_ok(pz_setting_assign(setting, NULL, text, "x", false, &fix->info));
		snprintf(text, sizeof(text), "%u", setting->max);
		assert_ok(pz_setting_assign(setting, NULL, text, "x", false, &fix->info));
		snprintf(text, sizeof(text), "%u", setting->max + 1);
		assert_int_equal(pz_setting_assign(setting, NULL, text, "x", false, &fix->info),
				 PZ_ERR_CONFIG);
		assert_non_null(strstr(fix->info.text, setting->name));
		if (setting->min > 0) {
			snprintf(text, sizeof(text), "%u", setting->min - 1);
			assert_int_equal(
				pz_setting_assign(setting, NULL, text, "x", false, &fix->info),
				PZ_ERR_CONFIG);
		}
		assert_true(setting->number >= setting->min && setting->number <= setting->max);
	}
	assert_true(seen >= 12);
}

static void
test_addresses(void **state)
{
	struct fixture *fix = *state;
	const char *good[] = {"::", "0.0.0.0", "127.0.0.1", "2001:db8::1", "fe80::1%eth0"};
	const char *bad[] = {"localhost",
			     "127.1",
			     "[::1]",
			     "",
			     "::1%",
			     "1.2.3.4%eth0",
			     "::1%a-name-that-is-far-too-long-for-an-interface-and-more"};
	char words[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(words, sizeof(words), "--listen=%s", good[i]);
		must_load(fix, PZ_PROGRAM_PZPD, words);
		assert_string_equal(fix->settings.listen, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(words, sizeof(words), "--listen=%s", bad[i]);
		must_refuse(fix, words, "listen", "numeric IPv4 or IPv6 address");
	}
}

static void
test_device_names(void **state)
{
	struct fixture *fix = *state;
	const char *bad[] = {"", ".hidden", "-x", "_x", "a/b", "a@b", "\xc3\xa9"};
	char words[256] = "--device=", *end = words + strlen(words);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(end, bad[i], strlen(bad[i]) + 1);
		must_refuse(fix, words, "device", "1 to 63 letters");
	}
	memset(end, 'a', 64);
	end[64] = '\0';
	must_refuse(fix, words, "device", "1 to 63 letters");
	end[63] = '\0';
	must_load(fix, PZ_PROGRAM_PZPD, words);
	assert_string_equal(fix->settings.device, end);
}

static void
test_choices(void **state)
{
	struct fixture *fix = *state;
	const struct pz_setting *levels = pz_setting_find(PZ_PROGRAM_PZPD, "log-level", 9, false);

	must_load(fix, PZ_PROGRAM_PZPD, "--log-level debug --key-type rsa4096");
	assert_string_equal(fix->settings.log_level, "debug");
	assert_string_equal(fix->settings.key_type, "rsa4096");
	must_refuse(fix, "--key-type rsa1024", "key-type = \"rsa1024\"",
		    "one of ec-p256, ec-p384, rsa3072, rsa4096");
	must_refuse(fix, "--log-level=", "log-level", "error, warning, notice, info, debug");

	assert_non_null(levels);
	for (const char *const *name = levels->choices; *name != NULL; name++) {
		enum pz_log_level level;

		assert_ok(pz_log_level_parse(*name, &level));
	}
}

static void
test_help_and_version_end_the_reading(void **state)
{
	struct fixture *fix = *state;

	write_text(fix->pzpd_conf, "nonsense");
	setenv("PZP_DATA_DIR", fix->dir.path, 1);
	must_load(fix, PZ_PROGRAM_PZPD, "--help --bogus");
	assert_true(fix->settings.show_help);
	must_load(fix, PZ_PROGRAM_PZPD, "-h");
	assert_true(fix->settings.show_help);
	must_load(fix, PZ_PROGRAM_PZPD, "--tls-port 1 --version");
	assert_true(fix->settings.show_version);
	assert_false(fix->settings.show_help);
}

/* ---- file ---- */

static void
test_file_syntax(void **state)
{
	struct fixture *fix = *state;
	struct pz_settings *s = &fix->settings;

	must_load_file(fix, PZ_PROGRAM_PZPD,
		       "# comment\r\n"
		       "\n"
		       "  \t # indented comment\n"
		       "tls-port=1\n"
		       "\tweb-port  =  2 \r\n"
		       "data-dir = \"/var/lib/a dir \"\n"
		       "service = /x/one=1.json\n"
		       "service = /x/two.json\n"
		       "limits.queue-high = 8MiB"); /* no end of line */
	assert_int_equal(s->tls_port, 1);
	assert_int_equal(s->web_port, 2);
	assert_string_equal(s->data_dir, "/var/lib/a dir ");
	assert_string_equal(s->config_file, fix->dir.file);
	assert_int_equal(s->limit_queue_high, 8 << 20);
	assert_int_equal(s->service_count, 2);
	assert_string_equal(s->services[0], "/x/one=1.json");
	must_load_file(fix, PZ_PROGRAM_PZPD, "");
}

static void
test_file_errors_name_file_and_line(void **state)
{
	struct fixture *fix = *state;

	must_refuse_file(fix, "\n\nweb-port = 70000\n", "test.conf:3: web-port = \"70000\"",
			 "a number from 0 to 65535");
	must_refuse_file(fix, "web-port = 1 # why\n", "\"1 # why\"", "a number");
	must_refuse_file(fix, "web-prot = 1\n", "test.conf:1", "no setting \"web-prot\"");
	must_refuse_file(fix, "port = 1\n", "pzpd has no setting", "\"port\"");
	must_refuse_file(fix, "limits-frame = 1MiB\n", "no setting", "limits-frame");
	must_refuse_file(fix, "web-port\n", "test.conf:1", "must be key = value");
	must_refuse_file(fix, "= 1\n", "test.conf:1", "no setting \"\"");
	must_refuse_file(fix, "tls-port = 1\n\ntls-port = 1\n", "test.conf:3",
			 "is in line 1 already");
	must_refuse_file(fix, "config = /x\n", "config", "command line only");
	must_refuse_file(fix, "help = 1\n", "help", "command line only");
	must_refuse_file(fix, "service = rel.json\n", "rel.json", "an absolute path");
	must_refuse_file(fix, "data-dir =\n", "data-dir = \"\"", "an absolute path");
	must_refuse_file(fix, "control-socket = \"\n", "control-socket", "an absolute path");
}

static void
test_file_that_cannot_be_read(void **state)
{
	struct fixture *fix = *state;
	char words[256];

	snprintf(words, sizeof(words), "--config %s", fix->dir.file);
	assert_int_equal(load(fix, PZ_PROGRAM_PZPD, words), PZ_ERR_IO);
	assert_non_null(strstr(fix->info.text, fix->dir.file));
	snprintf(words, sizeof(words), "--config %s", fix->dir.path);
	assert_int_equal(load(fix, PZ_PROGRAM_PZPD, words), PZ_ERR_IO);
	must_refuse(fix, "--config /dev/zero", "/dev/zero", "longer than");

	FILE *file = fopen(fix->dir.file, "w");
	assert_non_null(file);
	assert_int_equal(fwrite("tls-port = 1\0 2\n", 1, 16, file), 16);
	fclose(file);
	snprintf(words, sizeof(words), "--config %s", fix->dir.file);
	must_refuse(fix, words, "test.conf", "not a text file");
}

static void
test_file_of_the_data_directory(void **state)
{
	struct fixture *fix = *state;
	char words[256];

	write_text(fix->pzpd_conf, "web-port = 1\n");
	write_text(fix->pzhd_conf, "web-port = 2\n");
	snprintf(words, sizeof(words), "--data-dir %s", fix->dir.path);
	must_load(fix, PZ_PROGRAM_PZPD, words);
	assert_int_equal(fix->settings.web_port, 1);
	assert_string_equal(fix->settings.config_file, fix->pzpd_conf);
	must_load(fix, PZ_PROGRAM_PZHD, words);
	assert_int_equal(fix->settings.web_port, 2);

	/* A named file replaces it. */
	write_text(fix->dir.file, "tls-port = 3\n");
	snprintf(words, sizeof(words), "--data-dir %s --config %s", fix->dir.path, fix->dir.file);
	must_load(fix, PZ_PROGRAM_PZPD, words);
	assert_int_equal(fix->settings.web_port, 8080);
	assert_int_equal(fix->settings.tls_port, 3);

	write_text(fix->pzpd_conf, "data-dir = /somewhere/else\n");
	snprintf(words, sizeof(words), "--data-dir %s", fix->dir.path);
	must_refuse(fix, words, "pzpd.conf:1: data-dir", "--config");
}

/* ---- precedence ---- */

static void
test_precedence(void **state)
{
	struct fixture *fix = *state;
	struct pz_settings *s = &fix->settings;
	char words[256], path[128];

	/* file over default, command line over file */
	write_text(fix->dir.file, "data-dir = /from/file\nweb-port = 1\ntls-port = 2\n"
				  "service = /file/a\nservice = /file/b\n");
	snprintf(words, sizeof(words), "--web-port 9 --config %s", fix->dir.file);
	must_load(fix, PZ_PROGRAM_PZPD, words);
	assert_int_equal(s->web_port, 9);
	assert_int_equal(s->tls_port, 2);
	assert_string_equal(s->data_dir, "/from/file");
	assert_string_equal(s->control_socket, "/from/file/control.sock");
	assert_int_equal(s->service_count, 2);

	/* a list of the command line replaces the file's */
	snprintf(words, sizeof(words), "--config %s --service c", fix->dir.file);
	must_load(fix, PZ_PROGRAM_PZPD, words);
	assert_int_equal(s->service_count, 1);
	assert_string_equal(s->services[0], "c");

	/* environment over file; systemd's directory is a default only */
	snprintf(words, sizeof(words), "--config %s", fix->dir.file);
	setenv("STATE_DIRECTORY", "/from/systemd", 1);
	must_load(fix, PZ_PROGRAM_PZPD, words);
	assert_string_equal(s->data_dir, "/from/file");
	setenv("PZH_DATA_DIR", "/of/the/hub", 1);
	must_load(fix, PZ_PROGRAM_PZPD, words);
	assert_string_equal(s->data_dir, "/from/file");
	setenv("PZP_DATA_DIR", "/from/environment", 1);
	must_load(fix, PZ_PROGRAM_PZPD, words);
	assert_string_equal(s->data_dir, "/from/environment");

	/* command line over environment */
	snprintf(words, sizeof(words), "--config %s --data-dir /from/args", fix->dir.file);
	must_load(fix, PZ_PROGRAM_PZPD, words);
	assert_string_equal(s->data_dir, "/from/args");
	setenv("PZP_DATA_DIR", "", 1); /* empty: unset */
	must_load(fix, PZ_PROGRAM_PZPD, "");
	assert_string_equal(s->data_dir, "/from/systemd");

	/* an overridden value is checked all the same */
	snprintf(words, sizeof(words), "--config %s --web-port 1", fix->dir.file);
	write_text(fix->dir.file, "web-port = x\n");
	must_refuse(fix, words, "test.conf:1", "web-port");

	/* the environment leads to the file, too */
	write_text(fix->pzpd_conf, "web-port = 5\n");
	setenv("PZP_DATA_DIR", fix->dir.path, 1);
	must_load(fix, PZ_PROGRAM_PZPD, "");
	assert_int_equal(s->web_port, 5);
	snprintf(path, sizeof(path), "%s/control.sock", fix->dir.path);
	assert_string_equal(s->control_socket, path);
}

/* ---- values that must fit together ---- */

static void
test_queue_marks(void **state)
{
	struct fixture *fix = *state;

	must_refuse(fix, "--limits-queue-low 4MiB", "limits.queue-low = 4194304",
		    "limits.queue-high = 4194304");
	must_load(fix, PZ_PROGRAM_PZPD, "--limits-queue-low 4194303");
}

static void
test_control_socket_must_fit(void **state)
{
	struct fixture *fix = *state;
	char words[256] = "--data-dir /", *end = words + strlen(words);

	memset(end, 'd', 94); /* "/" + 94 + "/control.sock" = 108 */
	end[94] = '\0';
	must_refuse(fix, words, "108 bytes", "--control-socket");
	end[93] = '\0';
	must_load(fix, PZ_PROGRAM_PZPD, words);
	end[93] = 'd';
	strcat(words, " --control-socket /run/x.sock");
	must_load(fix, PZ_PROGRAM_PZPD, words);
}

static void
test_without_info(void **state)
{
	struct fixture *fix = *state;
	char *argv[] = {"pzpd", "--bogus", NULL};

	assert_int_equal(pz_settings_load(PZ_PROGRAM_PZPD, 2, argv, &fix->settings, NULL),
			 PZ_ERR_CONFIG);
	assert_ok(pz_settings_load(PZ_PROGRAM_PZPD, 0, argv, &fix->settings, NULL));
	pz_settings_free(NULL);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults_of_the_device),
		TEST(test_defaults_of_the_hub),
		TEST(test_command_line_forms),
		TEST(test_command_line_errors),
		TEST(test_numbers),
		TEST(test_sizes),
		TEST(test_every_range),
		TEST(test_addresses),
		TEST(test_device_names),
		TEST(test_choices),
		TEST(test_help_and_version_end_the_reading),
		TEST(test_file_syntax),
		TEST(test_file_errors_name_file_and_line),
		TEST(test_file_that_cannot_be_read),
		TEST(test_file_of_the_data_directory),
		TEST(test_precedence),
		TEST(test_queue_marks),
		TEST(test_control_socket_must_fit),
		TEST(test_without_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
