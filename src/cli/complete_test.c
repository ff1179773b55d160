/* What `__complete` offers, from the tables and from the daemon. */
#include "cli/complete.h"
#include "cli/fake_daemon.h"
#include "cli/fake_offline.h"

/* A line of the words behind __complete, by '|'; the last one is completed. */
static void
offers(struct fixture *f, const struct pz_cli_program *program, const char *words,
       const char *expected)
{
	char line[300];

	snprintf(line, sizeof(line), "%s|--data-dir=%s|%s", PZ_CLI_COMPLETE, f->dir, words);
	free(f->out);
	free(f->err);
	size_t out_len, err_len;
	struct pz_cli cli = {.program = program};
	char copy[512], *argv[20], *save = NULL;
	int argc = 0;

	snprintf(copy, sizeof(copy), "x|%s", line);
	for (char *w = copy; w; w = save) {
		save = strchr(w, '|');
		if (save)
			*save++ = '\0';
		argv[argc++] = w;
	}
	cli.out = open_memstream(&f->out, &out_len);
	cli.err = open_memstream(&f->err, &err_len);
	assert_int_equal(pz_cli_run(&cli, argc, argv), 0);
	fclose(cli.out);
	fclose(cli.err);
	assert_string_equal(f->err, "");
	if (strcmp(f->out, expected) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", words, f->out, expected);
}

static void
words_of_the_tables(void **state)
{
	static const struct {
		const char *words, *offered;
	} cases[] = {
		{"en", "enrol\n"},
		{"stat", "status\n"},
		{"services|--de", "--device\n"},
		{"services|--da", "--data-dir\n"},
		{"prefs|peer.", "peer.listen\npeer.relay\npeer.auto\n"},
		{"prefs|peer.auto|", "true\nfalse\n"},
		{"prefs|connection|p", "peer\n"},
		{"data|s", "set\n"},
		{"audit|v", "verify\n"},
		{"audit|e", "export\n"},
		{"policy|v", "validate\n"},
		{"policy|validate|", ":files\n"},
		{"policy|test|--user|", ":files\n"},
		{"user|n", "nickname\n"},
		{"serve|", ":files\n"},
		{"--data-dir|", ":dirs\n"},
		{"--data-dir=/x", ":dirs\n"},
		{"--control-socket=", ":files\n"},
		{"status|", ""},
		{"prefs|a|b|", ""},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		offers(f, &pz_pzp_program, cases[i].words, cases[i].offered);
	offers(f, &pz_pzh_program, "data|", "list\nremove\n");
	offers(f, &pz_pzh_program, "import|", ":files\n");
}

static void
words_of_the_daemon(void **state)
{
	static const struct {
		const char *words, *result, *offered, *asked;
	} cases[] = {
		{"connect|t", "[{\"id\":\"a@b/tv\"},{\"id\":\"a@b/pc\"}]", "tv\n", "peers {}"},
		{"send|f|b", "[{\"id\":\"a@b/tv\"},{\"id\":\"b@c/tv\",\"friend\":true}]",
		 "b@c/tv\n", "peers {}"},
		{"name|", "[{\"id\":\"a@b/$(reboot)\"},{\"id\":\"a@b/pc\"}]", "pc\n", "peers {}"},
		{"services|--device=", "[{\"id\":\"a@b/tv\"}]", "--device=tv\n", "peers {}"},
		{"call|te",
		 "[{\"api\":\"http://x/test\",\"serviceAddress\":\"a@b/tv\"},"
		 "{\"api\":\"http://x/clock\",\"serviceAddress\":\"a@b/tv\"}]",
		 "test@tv\n", "services {}"},
		{"call|test@tv|", "{\"service\":{\"methods\":[{\"name\":\"get42\"}]}}", "get42\n",
		 "describe {\"service\":\"test@tv\"}"},
		{"data|get|s", "{\"origins\":[{\"origin\":\"shop\"}]}", "shop\n", "data-list {}"},
		{"data|get|shop|", "{\"keys\":[{\"key\":\"list\"}]}", "list\n",
		 "data-list {\"origin\":\"shop\"}"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->script.result = cases[i].result;
		offers(f, &pz_pzp_program, cases[i].words, cases[i].offered);
		assert_string_equal(f->asked, cases[i].asked);
	}
	f->script.result = "[{\"name\":\"laptop\"}]";
	offers(f, &pz_pzh_program, "revoke|", "laptop\n");
	assert_string_equal(f->asked, "devices {}");
	f->script = (struct script){.fail_exit = 1};
	offers(f, &pz_pzh_program, "revoke|", ""); /* and no word about it */
}

static void
options_of_the_daemons(void **state)
{
	char *out = NULL, daemon[] = PZ_CLI_COMPLETE_DAEMON, option[] = "--log-level",
	     word[] = "de";
	char program[] = "pzp", *argv[] = {program, daemon, option, word};
	size_t len = 0;
	struct pz_cli cli = {.program = &pz_pzp_program, .out = open_memstream(&out, &len)};

	(void)state;
	assert_int_equal(pz_cli_run(&cli, 4, argv), 0);
	fclose(cli.out);
	assert_string_equal(out, "debug\n");
	free(out);
	char part[] = "--tls";
	argv[2] = part;
	cli.out = open_memstream(&out, &len);
	assert_int_equal(pz_cli_run(&cli, 3, argv), 0);
	fclose(cli.out);
	assert_string_equal(out, "--tls-port\n");
	free(out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(words_of_the_tables),
		T(words_of_the_daemon),
		T(options_of_the_daemons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
