/* What pzp and pzh print about the user, names of devices, and synchronisation. */
#include "cli/fake_daemon.h"
#include "cli/fake_offline.h"

static const struct {
	const struct pz_cli_program *program;
	const char *line, *result, *text;
} results[] = {
	{&pz_pzp_program, "user",
	 "[{\"field\":\"fullName\",\"value\":\"Al\\nEx\",\"changed\":1700000000,\"by\":\"a@b/tv\"},"
	 "{\"field\":\"phone\",\"value\":\"1\",\"changed\":1700000001,\"by\":\"a@b\"}]",
	 "FIELD     VALUE  CHANGED              BY\n"
	 "fullName  Al?Ex  2023-11-14 22:13:20  a@b/tv\n"
	 "phone     1      2023-11-14 22:13:21  a@b\n"},
	{&pz_pzp_program, "user", "[]",
	 "no details of the user are set; 'pzp user fullName \"Alice Example\"' sets a detail\n"},
	{&pz_pzh_program, "user", "[]",
	 "no details of the user are set; 'pzh user fullName \"Alice Example\"' sets a detail\n"},
	{&pz_pzp_program, "user|phone",
	 "{\"field\":\"phone\",\"value\":\"+49 \\u001b30\",\"changed\":1,\"by\":\"a@b\"}",
	 "+49 ?30\n"},
	{&pz_pzp_program, "user|phone|1",
	 "{\"field\":\"phone\",\"value\":\"1\",\"changed\":1,\"by\":\"a@b\"}", "phone = 1\n"},
	{&pz_pzh_program, "user|phone|--remove", "{\"field\":\"phone\",\"value\":null}",
	 "phone is removed\n"},
	{&pz_pzp_program, "name|tv|Den", "{\"device\":\"tv\",\"displayName\":\"D\\nen\"}",
	 "tv is called D?en\n"},
	{&pz_pzh_program, "name|tv|--reset", "{\"device\":\"tv\",\"displayName\":null}",
	 "tv is called what it calls itself\n"},
	{&pz_pzp_program, "sync",
	 "[{\"id\":\"a@b\",\"complete\":true,\"received\":{\"user-details\":2,\"crl\":1},"
	 "\"sent\":{\"preferences\":1}},"
	 "{\"id\":\"a@b/tv\",\"complete\":true,\"received\":{},\"sent\":{}},"
	 "{\"id\":\"a@b/p\\nc\",\"complete\":true,\"received\":{},\"sent\":{\"crl\":1}}]",
	 "a@b  received 2 user-details, 1 crl; sent 1 preferences\n"
	 "a@b/tv  nothing to move\n"
	 "a@b/p?c  sent 1 crl\n"},
};

static void
prints_what_there_is(void **state)
{
	struct fixture *f = *state;

	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		f->script.result = results[i].result;
		assert_int_equal(run(f, results[i].program, results[i].line), 0);
		assert_string_equal(f->out, results[i].text);
		assert_string_equal(f->err, "");
	}
}

static void
what_is_not_complete_has_failed(void **state)
{
	struct fixture *f = *state;

	f->script.result = "[{\"id\":\"a@b\",\"complete\":true,\"received\":{},\"sent\":{}},"
			   "{\"id\":\"a@b/tv\",\"complete\":false,\"received\":{\"crl\":1},"
			   "\"sent\":{}},"
			   "{\"id\":\"a@b/pc\",\"complete\":false,\"received\":{},\"sent\":{}}]";
	assert_int_equal(run(f, &pz_pzp_program, "sync"), 1);
	assert_string_equal(f->out, "a@b  nothing to move\n"
				    "a@b/tv  received 1 crl; not complete\n"
				    "a@b/pc  not complete\n");
	assert_non_null(strstr(f->err, "pzp: not everything was exchanged"));
	assert_int_equal(run(f, &pz_pzp_program, "sync|--json"), 1);
	assert_non_null(strstr(f->out, "\"complete\":false"));
	f->script.result = NULL;
	f->script.fail_exit = 1;
	assert_int_equal(run(f, &pz_pzp_program, "sync"), 1);
	assert_string_equal(f->err, "pzp: the daemon's reason\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(prints_what_there_is),
		T(what_is_not_complete_has_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
