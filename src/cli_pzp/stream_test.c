/* Calls, and commands that run until they are interrupted. */
#include "cli/fake_daemon.h"

static void
ends_a_failed_call_by_its_code(void **state)
{
	static const struct {
		const char *result, *err;
		int status;
	} cases[] = {
		{"{\"error\":{\"code\":-32003,\"message\":\"timed out\"}}", "pzp: timed out\n", 4},
		{"{\"error\":{\"code\":-32004,\"message\":\"denied\",\"data\":{\"message\":\"no\"}}"
		 "}",
		 "pzp: no\n", 5},
		{"{\"error\":{\"code\":-32005,\"message\":\"denied\",\"data\":\"by Al\"}}",
		 "pzp: by Al\n", 5},
		{"{\"error\":{\"code\":-32001,\"message\":\"x\",\"data\":{\"message\":\"x\"}}}",
		 "pzp: x\n", 1},
		{"{\"error\":{}}", "pzp: the call failed\n", 1},
		{"{}", "pzp: the daemon's answer has no result\n", 1},
	};
	struct fixture *f = *state;
	char expected[300];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->script.result = cases[i].result;
		assert_int_equal(run(f, &pz_pzp_program, "call|t|f"), cases[i].status);
		assert_string_equal(f->err, cases[i].err);
		assert_string_equal(f->out, "");
		assert_int_equal(run(f, &pz_pzp_program, "call|t|f|--json"), cases[i].status);
		snprintf(expected, sizeof(expected), "%s\n", cases[i].result);
		if (i + 1 < sizeof(cases) / sizeof(cases[0]))
			assert_string_equal(f->out, expected);
		else
			assert_non_null(strstr(f->out, "{\"error\":{\"exit\":1,\"message\":"));
		assert_string_equal(f->err, ""); /* nothing twice */
	}
}

/* When the daemon names the device that was asked, the output names it. */
static void
says_where_a_call_failed(void **state)
{
	static const struct {
		const char *outcome, *err;
	} cases[] = {
		{"{\"error\":{\"code\":-31000,\"message\":\"M\",\"data\":{\"message\":\"oops\"}},"
		 "\"at\":\"a@b/tv\"}",
		 "pzp: go on tv: oops\n"},
		{"{\"error\":{\"code\":-31000,\"data\":{\"message\":\"go is a stream\"}},"
		 "\"at\":\"tv\"}",
		 "pzp: on tv: go is a stream\n"},
		{"{\"error\":{\"code\":-32001,\"data\":{\"message\":\"tv is not connected\"}},"
		 "\"at\":\"a@b/tv\"}",
		 "pzp: tv is not connected\n"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->script.result = cases[i].outcome;
		assert_int_equal(run(f, &pz_pzp_program, "call|t|go"), 1);
		assert_string_equal(f->err, cases[i].err);
		assert_int_equal(run(f, &pz_pzp_program, "call|t|go|--json"), 1);
		assert_null(strstr(f->out, "\"at\""));
	}
}

static void
pings_and_sums_up(void **state)
{
	static const char events[] =
		"[{\"seq\":1,\"ms\":2.5,\"route\":\"direct\",\"via\":null,\"address\":\"10.0.0.1\"}"
		","
		"{\"seq\":2,\"ms\":null,\"route\":\"none\",\"error\":\"tv is away\"},"
		"{\"seq\":3,\"ms\":1.5,\"route\":\"relay\",\"via\":\"pc\",\"address\":null}]";
	struct fixture *f = *state;

	f->script = (struct script){.events = events, .result = "{\"sent\":3}"};
	assert_int_equal(run(f, &pz_pzp_program, "ping|tv|--count|3"), 0);
	assert_string_equal(f->asked,
			    "ping {\"count\":3,\"device\":\"tv\",\"until_direct\":false}");
	assert_string_equal(f->out, "tv: seq 1, 2.5 ms, direct 10.0.0.1\n"
				    "tv: seq 2, tv is away\n"
				    "tv: seq 3, 1.5 ms, relay via pc\n"
				    "3 sent, 2 received, 33.3% lost, median 1.5 ms, p99 2.5 ms\n");
	assert_int_equal(run(f, &pz_pzp_program, "ping|tv|--json"), 0);
	assert_non_null(strstr(f->out, "\n{\"sent\":3,\"received\":2,\"loss\":33.3"));
	assert_non_null(strstr(f->out, ",\"p50\":1.5,\"p99\":2.5}\n"));
	assert_int_equal(run(f, &pz_pzp_program, "ping|tv|--interval|0.25|--count|3"), 0);
	assert_string_equal(f->asked, "ping {\"count\":3,\"device\":\"tv\",\"interval_ms\":250,"
				      "\"until_direct\":false}");
	assert_int_equal(run(f, &pz_pzp_program, "ping|tv|--interval|0.001"), 2);
	assert_int_equal(run(f, &pz_pzp_program, "ping|tv|--until-direct"), 1);
	assert_int_equal(run(f, &pz_pzp_program, "ping|tv|--count|0"), 2);
	f->script.events = "[{\"seq\":1,\"ms\":null}]";
	assert_int_equal(run(f, &pz_pzp_program, "ping|tv|--json"), 1);
	assert_non_null(
		strstr(f->out, "\"received\":0,\"loss\":100.0,\"p50\":null,\"p99\":null}\n"));
	assert_null(strstr(f->out, "error"));
}

static void
streams_until_the_call_ends(void **state)
{
	static const char events[] = "[{\"callback\":\"onEvent\",\"params\":1},{\"other\":2},"
				     "{\"callback\":\"onEvent\",\"params\":\"20:15 h\"},"
				     "{\"callback\":\"onEvent\",\"params\":\"two\\nlines\"},"
				     "{\"callback\":\"onEvent\",\"params\":{\"t\":20.1}},"
				     "{\"callback\":\"onEvent\"}]";
	static const char lines[] = "1\n20:15 h\n\"two\\nlines\"\n{\"t\":20.1}\nnull\n";
	struct fixture *f = *state;

	f->script = (struct script){.events = events, .result = "{\"result\":{}}"};
	assert_int_equal(run(f, &pz_pzp_program, "call|t|f|--stream"), 0);
	assert_string_equal(f->out, lines);
	f->script.result = "{\"result\":5}";
	assert_int_equal(run(f, &pz_pzp_program, "call|t|f|--stream|--json"), 0);
	assert_non_null(strstr(f->out, "{\"callback\":\"onEvent\",\"params\":1}\n"));
	assert_non_null(strstr(f->out, "\n{\"result\":5}\n"));
}

static void
streams_until_interrupted(void **state)
{
	static const struct {
		const char *line, *events, *out;
	} cases[] = {
		{"call|t|f|--stream", "[{\"callback\":\"onEvent\",\"params\":1}]", "1\n"},
		{"watch|--json", "[{\"event\":\"state\",\"to\":\"connected\"}]",
		 "{\"event\":\"state\",\"to\":\"connected\"}\n"},
		{"watch", "[{\"event\":\"state\",\"from\":\"a\\nb\",\"n\":3,\"o\":{},\"b\":true}]",
		 "  state  from=a?b  n=3  b=true\n"},
		{"watch", "[{\"event\":\"x\",\"time\":1000000000.25}]", "2001-09-09 "},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->script = (struct script){.events = cases[i].events, .interrupt = true};
		assert_int_equal(run(f, &pz_pzp_program, cases[i].line), 0);
		assert_string_equal(f->err, "");
		assert_non_null(strstr(f->out, cases[i].out));
	}
}

/* Without --wait it ends with the reason; with it, it says that it waits. */
static void
watches_a_daemon_that_does_not_run(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run_in(f, "/nonexistent", &pz_pzp_program, "watch"), 3);
	assert_non_null(strstr(f->err, "with --wait it waits for the start\n"));
	assert_string_equal(f->out, "");
}

static void
serves_a_file_until_interrupted(void **state)
{
	static const struct {
		const char *content, *reason;
	} broken[] = {{"{", "line 1"}, {"[]", "not a JSON object"}, {"", "line 1"}};
	struct fixture *f = *state;
	char path[100], line[150];
	FILE *file;

	snprintf(path, sizeof(path), "%s/service.json", f->dir);
	snprintf(line, sizeof(line), "serve|%s", path);
	assert_int_equal(run(f, &pz_pzp_program, line), 1);
	assert_non_null(strstr(f->err, "No such file"));
	for (size_t i = 0; i < 3; i++) {
		file = fopen(path, "w");
		fputs(broken[i].content, file);
		fclose(file);
		assert_int_equal(run(f, &pz_pzp_program, line), 1);
		assert_non_null(strstr(f->err, broken[i].reason));
		assert_string_equal(f->asked, "");
	}
	file = fopen(path, "w");
	fputs("{\"api\":\"http://x\"}", file);
	fclose(file);
	f->script = (struct script){
		.events = "[{\"registered\":{\"displayName\":\"T\",\"id\":\"6e\"}}]",
		.interrupt = true};
	assert_int_equal(run(f, &pz_pzp_program, line), 0);
	assert_string_equal(f->asked, "serve {\"description\":{\"api\":\"http://x\"}}");
	assert_string_equal(f->out, "serving T at , id 6e (Ctrl-C ends it)\n");
	f->script.interrupt = false;
	f->script.result = "{}";
	assert_int_equal(run(f, &pz_pzp_program, line), 1); /* it ended by itself */
	assert_string_equal(f->out, "serving T at , id 6e (Ctrl-C ends it)\n");
	file = fopen(path, "w");
	for (int i = 0; i < 70000; i++)
		fputc(' ', file);
	fclose(file);
	assert_int_equal(run(f, &pz_pzp_program, line), 1);
	assert_non_null(strstr(f->err, "longer than 64 KiB"));
	unlink(path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(ends_a_failed_call_by_its_code),
		T(says_where_a_call_failed),
		T(pings_and_sums_up),
		T(streams_until_the_call_ends),
		T(streams_until_interrupted),
		T(watches_a_daemon_that_does_not_run),
		T(serves_a_file_until_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
