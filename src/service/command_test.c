/*
 * A service made of commands, with processes that exist only in the test. @spec page 12
 * @spec page 14 PRS-5
 */
#include "kit/json.h"
#include "kit/process.h"
#include "service/fixture.h"

#include "service/command.h"
#include "service/command_job.h"

static struct pz_kit_processes fake;

static enum pz_err
parse(const char *text, struct pz_service **service, struct pz_errinfo *info,
      const struct pz_env *env)
{
	json_t *json = pz_kit_json(text);
	enum pz_err e =
		pz_command_service_parse(json, env, &pz_kit_process_ops, &fake, service, info);
	json_decref(json);
	return e;
}

#define HEAD "'api':'http://example.org/api/thermostat','displayName':'T','description':'hall'"
#define GOOD                                                                                       \
	"{" HEAD ",'methods':{'get':{'exec':['/bin/thermo','get'],'timeout':5},"                   \
	"'plain':{'exec':['/bin/thermo']},"                                                        \
	"'watch':{'exec':['/bin/thermo','watch'],'stream':true},"                                  \
	"'brief':{'exec':['/bin/thermo','watch'],'stream':true,'timeout':60}}}"

static char get[160], watch[160], plain[160], brief[160], service_name[128];

static struct fixture *
with_thermostat(void)
{
	struct fixture *f = fx_new();
	struct pz_service *service = NULL;
	assert_ok(parse(GOOD, &service, NULL, &f->clock.env));
	fx_add(f, service);
	(void)snprintf(service_name, sizeof(service_name), "%s@%s", service->descriptor.api,
		       service->descriptor.id);
	(void)snprintf(get, sizeof(get), "%s.get", service_name);
	(void)snprintf(plain, sizeof(plain), "%s.plain", service_name);
	(void)snprintf(watch, sizeof(watch), "%s.watch", service_name);
	(void)snprintf(brief, sizeof(brief), "%s.brief", service_name);
	return f;
}

static void
done(struct fixture *f)
{
	fx_free(f);
	pz_kit_processes_fini(&fake);
}

#define FAILED(id, message) ERROR(ANN, id, "OperationError", "0", message)

static void
every_member_is_checked(void **state)
{
	static const char *const wrong[][2] = {
		{"5", "JSON object"},
		{"{" HEAD ",'methods':{'a':{'exec':['/x']}},'more':1}", "more"},
		{"{" HEAD "}", "methods"},
		{"{" HEAD ",'methods':{}}", "methods"},
		{"{" HEAD ",'methods':[1]}", "methods"},
		{"{'displayName':'x','description':'','methods':{'a':{'exec':['/x']}}}", "api"},
		{"{'api':'x','description':'','methods':{'a':{'exec':['/x']}}}", "displayName"},
		{"{'api':'x','displayName':'','methods':{'a':{'exec':['/x']}}}", "description"},
		{"{'api':'x y','displayName':'','description':'','methods':{'a':{'exec':['/x']}}}",
		 "api"},
		{"{" HEAD ",'methods':{'a-b':{'exec':['/x']}}}", "a-b"},
		{"{" HEAD ",'methods':{'1a':{'exec':['/x']}}}", "1a"},
		{"{" HEAD ",'methods':{'':{'exec':['/x']}}}", "methods"},
		{"{" HEAD ",'methods':{'removeEventListener':{'exec':['/x']}}}", "another name"},
		{"{" HEAD ",'methods':{'a':'/x'}}", "object"},
		{"{" HEAD ",'methods':{'a':{}}}", "exec"},
		{"{" HEAD ",'methods':{'a':{'exec':'/x'}}}", "exec"},
		{"{" HEAD ",'methods':{'a':{'exec':[]}}}", "exec"},
		{"{" HEAD ",'methods':{'a':{'exec':['/x',1]}}}", "exec"},
		{"{" HEAD ",'methods':{'a':{'exec':['x']}}}", "absolute"},
		{"{" HEAD ",'methods':{'a':{'exec':['']}}}", "absolute"},
		{"{" HEAD ",'methods':{'a':{'exec':['/x'],'shell':true}}}", "shell"},
		{"{" HEAD ",'methods':{'a':{'exec':['/x'],'timeout':0}}}", "timeout"},
		{"{" HEAD ",'methods':{'a':{'exec':['/x'],'timeout':3601}}}", "timeout"},
		{"{" HEAD ",'methods':{'a':{'exec':['/x'],'timeout':1.5}}}", "timeout"},
		{"{" HEAD ",'methods':{'a':{'exec':['/x'],'stream':1}}}", "stream"},
	};
	struct fixture *f = fx_new();
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct pz_service *service = NULL;
		struct pz_errinfo info = {""};
		assert_int_equal(parse(wrong[i][0], &service, &info, &f->clock.env), PZ_ERR_CONFIG);
		assert_null(service);
		if (strstr(info.text, wrong[i][1]) == NULL)
			fail_msg("%s: %s", wrong[i][0], info.text);
	}
	done(f);
}

static void
a_command_gets_parameters_and_environment(void **state)
{
	struct fixture *f = with_thermostat();
	char expected[512];
	(void)state;
	fx_call(f, ANN, "1", get, "{'a':'line\\nfeed'}");
	assert_string_equal(fake.one[0].argv, "/bin/thermo|get|");
	assert_string_equal(fake.one[0].line, "{\"a\":\"line\\nfeed\"}\n");
	(void)snprintf(expected, sizeof(expected),
		       "PATH=/usr/local/bin:/usr/bin:/bin|LANG=C.UTF-8|PZ_CALLER=" ANN
		       "|PZ_SERVICE=%s|PZ_METHOD=get|",
		       service_name);
	assert_string_equal(fake.one[0].envp, expected);
	pz_kit_process_out(&fake.one[0], "{\"t\":");
	pz_kit_process_out(&fake.one[0], "21}\n");
	fx_expect(f, "");
	pz_kit_process_end(&fake.one[0], 0);
	fx_expect(f, RESULT(ANN, "1", "{'t':21}"));
	fx_call(f, ANN, "2", get, NULL);
	assert_string_equal(fake.one[1].line, "[]\n");
	pz_kit_process_out(&fake.one[1], "7");
	pz_kit_process_end(&fake.one[1], 0);
	fx_expect(f, RESULT(ANN, "2", "7"));
	fx_call(f, ANN, "3", get, "'x'");
	assert_string_equal(fake.one[2].line, "\"x\"\n");
	pz_kit_process_out(&fake.one[2], " \n");
	pz_kit_process_end(&fake.one[2], 0);
	fx_expect(f, RESULT(ANN, "3", "{}"));
	/* Counters of 64 bits, and a NUL: JSON all the same. */
	fx_call(f, ANN, "4", get, NULL);
	pz_kit_process_out(&fake.one[3], "{\"rx\":18446744073709551615,\"text\":\"a\\u0000b\"}");
	pz_kit_process_end(&fake.one[3], 0);
	fx_expect(f, RESULT(ANN, "4", "{'rx':1.8446744073709552e19,'text':'a\\u0000b'}"));
	done(f);
}

#define GIVE_UP "%s.removeEventListener"

/* A call that its caller gives up, or that waits for one answer from a stream. */
static void
a_call_that_is_given_up_ends_its_command(void **state)
{
	struct fixture *f = with_thermostat();
	char give_up[160];
	(void)state;
	(void)snprintf(give_up, sizeof(give_up), GIVE_UP, service_name);
	fx_call(f, ANN, "1", plain, NULL);
	fx_call(f, ANN, "2", watch, NULL);
	fx_call(f, BOB, "3", give_up, "['1']"); /* not its own */
	free(fx_take(f));
	assert_false(fake.one[0].is_killed);
	fx_call(f, ANN, "4", give_up, "['1']");
	fx_expect(f, ERROR(ANN, "1", "AbortError", "20", "The caller gave it up.")
			     RESULT(ANN, "4", "{}"));
	assert_true(fake.one[0].is_killed);
	assert_false(fake.one[1].is_killed);
	fx_call(f, ANN, "5", give_up, "['2']");
	fx_expect(f, RESULT(ANN, "2", "{}") RESULT(ANN, "5", "{}"));
	assert_true(fake.one[1].is_killed);
	done(f);
}

static char served_lines[512];

static void
on_served(void *arg, const struct pz_served *served)
{
	size_t len = strlen(served_lines);
	(void)arg;
	(void)snprintf(served_lines + len, sizeof(served_lines) - len, "%s %s %s %llu %s\n",
		       served->from, served->service->display_name, served->function,
		       (unsigned long long)(served->us / PZ_US_PER_S), served->end);
}

/* The owner can log who called what, for how long, and how it ended. */
static void
every_call_is_reported_to_the_owner(void **state)
{
	struct fixture *f = with_thermostat();
	char give_up[160];
	(void)state;
	served_lines[0] = '\0';
	f->ops.served = on_served;
	(void)snprintf(give_up, sizeof(give_up), GIVE_UP, service_name);
	fx_call(f, ANN, "1", plain, "['secret']");
	pz_kit_clock_run(&f->clock, 2 * PZ_US_PER_S);
	pz_kit_process_end(&fake.one[0], 0);
	fx_call(f, ANN, "2", plain, NULL);
	pz_kit_process_end(&fake.one[1], 3);
	fx_call(f, ANN, "3", watch, NULL);
	fx_call(f, ANN, "4", give_up, "['3']");
	fx_call(f, BOB, "5", watch, NULL);
	pz_dispatcher_peer_gone(f->d, "alice@example.org/phone");
	free(fx_take(f));
	assert_string_equal(served_lines,
			    ANN " T plain 2 ok\n" ANN " T plain 0 OperationError\n" ANN
				" T watch 0 given up\n" BOB " T watch 0 caller gone\n");
	done(f);
}

static void
text_keeps_its_lines(void **state)
{
	struct fixture *f = with_thermostat();
	(void)state;
	fx_call(f, ANN, "1", get, NULL);
	pz_kit_process_out(&fake.one[0], " one\ttwo\n\x1b[1mthree\r\n\n");
	pz_kit_process_end(&fake.one[0], 0);
	fx_expect(f, RESULT(ANN, "1", "'one\\ttwo\\n[1mthree'"));
	done(f);
}

static void
failures_are_errors(void **state)
{
	struct fixture *f = with_thermostat();
	(void)state;
	fx_call(f, ANN, "1", get, NULL);
	pz_kit_process_out(&fake.one[0], "21 degrees");
	pz_kit_process_end(&fake.one[0], 0);
	fx_expect(f, RESULT(ANN, "1", "'21 degrees'")); /* what is no JSON is a string */
	fx_call(f, ANN, "2", get, NULL);
	pz_kit_process_out(&fake.one[1], "1");
	pz_kit_process_err(&fake.one[1], "first line\nno \x1b[31msensor");
	pz_kit_process_err(&fake.one[1], "\xc2\x85 there\r\n\n");
	pz_kit_process_end(&fake.one[1], 3);
	fx_expect(f, FAILED("2", "no [31msensor there"));
	fx_call(f, ANN, "3", get, NULL);
	pz_kit_process_end(&fake.one[2], 3);
	fx_expect(f, FAILED("3", "The command failed with status 3."));
	fx_call(f, ANN, "4", get, NULL);
	pz_kit_process_end(&fake.one[3], -11);
	fx_expect(f, FAILED("4", "The command was ended by signal 11."));
	fake.refuses = true;
	fx_call(f, ANN, "5", get, NULL);
	fx_expect(f, FAILED("5", "The command cannot be started: No such file or directory"));
	fx_call(f, ANN, "6", watch, NULL);
	fx_expect(f, FAILED("6", "The command cannot be started: No such file or directory"));
	done(f);
}

static void
the_end_of_stderr_is_kept(void **state)
{
	struct fixture *f = with_thermostat();
	static char text[3 * PZ_COMMAND_STDERR_BYTES_MAX];
	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	fx_call(f, ANN, "1", get, NULL);
	pz_kit_process_err(&fake.one[0], text);
	text[PZ_COMMAND_STDERR_BYTES_MAX - 1] = '\0';
	pz_kit_process_err(&fake.one[0], text);
	pz_kit_process_err(&fake.one[0], text);
	pz_kit_process_err(&fake.one[0], "");
	pz_kit_process_err(&fake.one[0], "\nlast\xff\n");
	pz_kit_process_end(&fake.one[0], 1);
	fx_expect(f, FAILED("1", "last?"));
	done(f);
}

static void
time_is_bounded(void **state)
{
	struct fixture *f = with_thermostat();
	(void)state;
	fx_call(f, ANN, "1", get, NULL);
	fx_call(f, ANN, "2", plain, NULL);
	pz_kit_clock_run(&f->clock, 5 * PZ_US_PER_S - 1);
	assert_false(fake.one[0].is_killed);
	pz_kit_clock_run(&f->clock, 1);
	assert_true(fake.one[0].is_killed);
	fx_expect(f, ERROR(ANN, "1", "TimeoutError", "23", "The command took too long."));
	pz_kit_process_out(&fake.one[0], "1"); /* what it still had to say */
	pz_kit_process_end(&fake.one[0], -9);
	fx_expect(f, "");
	pz_kit_clock_run(&f->clock, (PZ_COMMAND_TIMEOUT_S_DEFAULT - 5) * PZ_US_PER_S);
	fx_expect(f, ERROR(ANN, "2", "TimeoutError", "23", "The command took too long."));
	done(f);
}

static void
output_is_bounded(void **state)
{
	struct fixture *f = with_thermostat();
	static char text[PZ_COMMAND_OUTPUT_BYTES_MAX + 2];
	(void)state;
	memset(text, ' ', PZ_COMMAND_OUTPUT_BYTES_MAX);
	fx_call(f, ANN, "1", get, NULL);
	pz_kit_process_out(&fake.one[0], text);
	assert_false(fake.one[0].is_killed);
	pz_kit_process_out(&fake.one[0], "1");
	assert_true(fake.one[0].is_killed);
	fx_expect(f, ERROR(ANN, "1", "QuotaExceededError", "22", "The command writes too much."));
	pz_kit_process_out(&fake.one[0], text);
	fx_call(f, ANN, "2", watch, NULL);
	memset(text, '\n', PZ_COMMAND_OUTPUT_BYTES_MAX + 1);
	pz_kit_process_out(&fake.one[1], text); /* many short lines are fine */
	assert_false(fake.one[1].is_killed);
	memset(text, 'x', PZ_COMMAND_OUTPUT_BYTES_MAX + 1);
	pz_kit_process_out(&fake.one[1], text);
	assert_true(fake.one[1].is_killed);
	fx_expect(f, ERROR(ANN, "2", "QuotaExceededError", "22", "The command writes too much."));
	done(f);
}

static void
processes_are_bounded(void **state)
{
	struct fixture *f = with_thermostat();
	char id[8];
	(void)state;
	for (int i = 0; i < PZ_COMMAND_RUNNING_MAX; i++) {
		(void)snprintf(id, sizeof(id), "%d", i);
		fx_call(f, ANN, id, get, NULL);
	}
	fx_call(f, ANN, "R", get, NULL);
	fx_expect(f, ERROR(ANN, "R", "QuotaExceededError", "22",
			   "too many commands of this service run already; try again later"));
	pz_kit_process_end(&fake.one[0], 0);
	free(fx_take(f));
	fx_call(f, ANN, "S", get, NULL);
	fx_expect(f, "");
	assert_int_equal(fake.count, PZ_COMMAND_RUNNING_MAX + 1);
	done(f);
}

static void
a_stream_sends_its_lines(void **state)
{
	struct fixture *f = with_thermostat();
	(void)state;
	fx_call(f, ANN, "1", watch, "[]");
	pz_kit_process_out(&fake.one[0], "{\"t\":21}\n\n{\"t\"");
	fx_expect(f, EVENT(ANN, "1.onEvent", "{'t':21}"));
	pz_kit_process_out(&fake.one[0], ":22}\r\nwarm \x1b[0m\n\xff\n7\n");
	fx_expect(f, EVENT(ANN, "1.onEvent", "{'t':22}") EVENT(ANN, "1.onEvent", "'warm [0m'")
			     EVENT(ANN, "1.onEvent", "'?'") EVENT(ANN, "1.onEvent", "7"));
	pz_kit_clock_run(&f->clock, 3600 * PZ_US_PER_S);
	pz_kit_process_out(&fake.one[0], "last");
	pz_kit_process_end(&fake.one[0], 0);
	fx_expect(f, EVENT(ANN, "1.onEvent", "'last'") RESULT(ANN, "1", "{}"));
	fx_call(f, ANN, "2", watch, "[]");
	pz_kit_process_err(&fake.one[1], "sensor lost\n");
	pz_kit_process_end(&fake.one[1], 1);
	fx_expect(f, FAILED("2", "sensor lost"));
	fx_call(f, ANN, "3", brief, "[]");
	pz_kit_clock_run(&f->clock, 60 * PZ_US_PER_S);
	fx_expect(f, ERROR(ANN, "3", "TimeoutError", "23", "The command took too long."));
	done(f);
}

static void
without_a_listener_nothing_runs(void **state)
{
	struct fixture *f = with_thermostat();
	char method[160];
	(void)state;
	fx_call(f, ANN, "1", watch, NULL);
	fx_call(f, ANN, "2", get, NULL);
	fx_call(f, BOB, "3", watch, NULL);
	(void)snprintf(method, sizeof(method), "%s.removeEventListener", service_name);
	fx_call(f, BOB, "X", method, "['3']");
	assert_true(fake.one[2].is_killed);
	fx_expect(f, RESULT(BOB, "3", "{}") RESULT(BOB, "X", "{}"));
	pz_dispatcher_peer_gone(f->d, "alice@example.org/laptop");
	assert_true(fake.one[0].is_killed);
	assert_true(fake.one[1].is_killed);
	pz_kit_process_out(&fake.one[0], "7\n");
	pz_kit_process_end(&fake.one[0], -9);
	fx_expect(f, "");
	fx_payload(f, ANN, "{'jsonrpc':'2.0','method':'x.y'}");
	char *text = NULL;
	assert_true(asprintf(&text, "{'jsonrpc':'2.0','method':'%s'}", watch) > 0);
	fx_payload(f, ANN, text); /* a stream without a caller */
	free(text);
	assert_int_equal(fake.count, 3);
	done(f);
}

static void
a_service_that_goes_kills_its_processes(void **state)
{
	struct fixture *f = with_thermostat();
	char *at = strchr(service_name, '@');
	(void)state;
	fx_call(f, ANN, "1", get, NULL);
	fx_call(f, ANN, "2", watch, NULL);
	*at = '\0';
	assert_ok(pz_registry_remove(f->registry, service_name, at + 1));
	assert_true(fake.one[0].is_killed);
	assert_true(fake.one[1].is_killed);
	fx_expect(f, ERROR(ANN, "1", "AbortError", "20", "The service has gone.")
			     ERROR(ANN, "2", "AbortError", "20", "The service has gone."));
	pz_kit_process_out(&fake.one[1], "7\n");
	pz_kit_process_end(&fake.one[0], -9); /* long after the service was freed */
	pz_kit_process_end(&fake.one[1], -9);
	fx_expect(f, "");
	done(f);
}

static void
the_last_line_is_made_presentable(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"\n\n", ""},
		{"a", "a"},
		{"a\nb\n", "b"},
		{"a\n  b c \t\n", "b c"},
		{"\x01\x7f"
		 "a\xc2\x9f"
		 "b",
		 "ab"},
		{"\xc3\xa4", "\xc3\xa4"},
		{"\xc2", "?"},
		{"\xc2\xa0x", "\xc2\xa0x"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *line = pz_command_last_line(pz_slice_str(cases[i][0]));
		assert_string_equal(line, cases[i][1]);
		free(line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_is_checked),
		cmocka_unit_test(a_command_gets_parameters_and_environment),
		cmocka_unit_test(a_call_that_is_given_up_ends_its_command),
		cmocka_unit_test(every_call_is_reported_to_the_owner),
		cmocka_unit_test(text_keeps_its_lines),
		cmocka_unit_test(failures_are_errors),
		cmocka_unit_test(the_end_of_stderr_is_kept),
		cmocka_unit_test(time_is_bounded),
		cmocka_unit_test(output_is_bounded),
		cmocka_unit_test(processes_are_bounded),
		cmocka_unit_test(a_stream_sends_its_lines),
		cmocka_unit_test(without_a_listener_nothing_runs),
		cmocka_unit_test(a_service_that_goes_kills_its_processes),
		cmocka_unit_test(the_last_line_is_made_presentable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
