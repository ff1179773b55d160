#include "kit/test.h"
#include <string.h>

#include "base/auto.h"
#include "command/table.h"
#include "kit/clock.h"

static struct pz_kit_clock clock;
static struct pz_requests requests;
static unsigned runs, ends;
static int64_t port;
static struct pz_errinfo last;
static enum pz_err last_err;

static void
run_it(struct pz_request *request)
{
	runs++;
	port = pz_request_int(request, "port", 8041);
	pz_request_answer(request, json_true());
}

static const struct pz_command commands[] = {
	PZ_COMMAND_ROW("plain", run_it, PZ_PARAMS(), false, "no parameters") PZ_COMMAND_ROW(
		"full", run_it,
		PZ_PARAMS(PZ_P_NEEDED("zone", TEXT, "name of the zone")
				  PZ_P_INTEGER("port", 1, 65535, "apples", "how many")
					  PZ_P_INTEGER("at", 0, INT64_MAX, NULL, "where")
						  PZ_P("all", BOOL, "everything")
							  PZ_P("description", OBJECT, "of it")
								  PZ_P("value", JSON, "any")),
		true, "some of each")
		PZ_COMMAND_ROW("store", run_it, PZ_PARAMS(PZ_P_NEEDED("value", JSON, "any JSON")),
			       false, "a value")
			PZ_COMMAND_ROW("load", run_it,
				       PZ_PARAMS(PZ_P_FILE("archive", READ, "what is read")), false,
				       "reads a file")
				PZ_COMMAND_ROW("save", run_it,
					       PZ_PARAMS(PZ_P_FILE("archive", WRITE, "the target")),
					       false, "writes a file"){.name = NULL}};

static unsigned closes;

static void
close_it(struct pz_file *file)
{
	(void)file;
	closes++;
}

static const struct pz_file_ops file_ops = {.close = close_it};
static struct pz_file *comes_with; /* the next request */

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	(void)arg;
	(void)result;
	ends++;
	last_err = err;
	(void)pz_fail(&last, err, "%s", detail);
}

static int
setup(void **state)
{
	(void)state;
	pz_kit_clock_init(&clock);
	runs = ends = 0;
	pz_requests_init(&requests, &clock.env, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_requests_fini(&requests);
	return 0;
}

/* @param params as JSON */
static void
gives(const char *name, const char *params)
{
	static const struct pz_reply reply = {.done = on_done};
	json_t *object = json_loads(params, 0, NULL);

	assert_non_null(object);
	runs = ends = 0;
	struct pz_request *request = pz_request_new(&requests, object, &reply, NULL);
	json_decref(object);
	pz_request_set_file(request, PZ_TAKE(comes_with));
	pz_command_run(commands, name, request);
	pz_kit_clock_run(&clock, 0);
	assert_int_equal(ends, 1);
}

static void
refused(const char *name, const char *params, enum pz_err err, const char *detail)
{
	gives(name, params);
	assert_int_equal(runs, 0);
	assert_int_equal(last_err, err);
	assert_string_equal(last.text, detail);
}

static void
accepted(const char *name, const char *params)
{
	gives(name, params);
	assert_int_equal(runs, 1);
	assert_ok(last_err);
}

static void
what_the_row_allows_reaches_the_handler(void **state)
{
	(void)state;
	accepted("plain", "{}");
	accepted("plain", "{\"unknown\": 1}");
	accepted("full", "{\"zone\": \"a\"}");
	assert_int_equal(port, 8041);
	accepted("full", "{\"zone\": \"\", \"port\": 1, \"at\": 0, \"all\": false,"
			 " \"description\": {}, \"value\": null}");
	assert_int_equal(port, 1);
	accepted("full", "{\"zone\": \"a\", \"port\": 65535, \"value\": [1]}");
	accepted("store", "{\"value\": null}"); /* is a value like others */
}

static void
null_is_the_same_as_absent(void **state)
{
	(void)state;
	accepted("full", "{\"zone\": \"a\", \"port\": null, \"all\": null, \"description\": null}");
	assert_int_equal(port, 8041);
	refused("full", "{\"zone\": null}", PZ_ERR_CONFIG, "full needs zone: name of the zone");
}

static void
what_it_does_not_allow_is_named(void **state)
{
	(void)state;
	refused("full", "{}", PZ_ERR_CONFIG, "full needs zone: name of the zone");
	refused("store", "{}", PZ_ERR_CONFIG, "store needs value: any JSON");
	refused("full", "{\"zone\": 1}", PZ_ERR_CONFIG, "zone must be a text");
	refused("full", "{\"zone\": \"a\", \"port\": 0}", PZ_ERR_CONFIG,
		"port must be 1 to 65535 apples");
	refused("full", "{\"zone\": \"a\", \"port\": 65536}", PZ_ERR_CONFIG,
		"port must be 1 to 65535 apples");
	refused("full", "{\"zone\": \"a\", \"port\": \"1\"}", PZ_ERR_CONFIG,
		"port must be 1 to 65535 apples");
	refused("full", "{\"zone\": \"a\", \"port\": 1.5}", PZ_ERR_CONFIG,
		"port must be 1 to 65535 apples");
	refused("full", "{\"zone\": \"a\", \"at\": -1}", PZ_ERR_CONFIG, "at must be at least 0");
	refused("full", "{\"zone\": \"a\", \"all\": 1}", PZ_ERR_CONFIG,
		"all must be true or false");
	refused("full", "{\"zone\": \"a\", \"description\": []}", PZ_ERR_CONFIG,
		"description must be a JSON object");
	refused("other", "{}", PZ_ERR_NOTFOUND, "there is no command 'other'");
}

static void
a_text_with_a_nul_is_refused(void **state)
{
	json_t *params = json_pack("{s:s#}", "zone", "a\0b", 3);
	struct pz_errinfo info = {""};

	(void)state;
	assert_int_equal(pz_command_check(pz_command_find(commands, "full"), params, &info),
			 PZ_ERR_CONFIG);
	assert_string_equal(info.text, "zone must be a text");
	json_decref(params);
}

static void
a_file_comes_where_one_is_asked_for(void **state)
{
	struct pz_file reads = {&file_ops, true, false, -1};
	struct pz_file writes = {&file_ops, false, true, -1};

	(void)state;
	assert_true(pz_command_takes_file(pz_command_find(commands, "load")));
	assert_false(pz_command_takes_file(pz_command_find(commands, "plain")));
	assert_false(pz_command_takes_file(NULL));
	closes = 0;
	refused("load", "{}", PZ_ERR_CONFIG, "load needs archive: what is read");
	assert_int_equal(closes, 0);
	comes_with = &writes;
	refused("load", "{}", PZ_ERR_CONFIG, "archive must be open for reading");
	comes_with = &reads;
	refused("save", "{}", PZ_ERR_CONFIG, "archive must be open for writing");
	comes_with = &reads;
	refused("plain", "{}", PZ_ERR_CONFIG, "plain takes no file");
	comes_with = &reads;
	refused("other", "{}", PZ_ERR_NOTFOUND, "there is no command 'other'");
	assert_int_equal(closes, 4);
	comes_with = &reads;
	accepted("load", "{}");
	comes_with = &writes;
	accepted("save", "{\"archive\": 7}"); /* a parameter of that name is not the file */
	assert_int_equal(closes, 6);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_the_row_allows_reaches_the_handler), T(null_is_the_same_as_absent),
		T(what_it_does_not_allow_is_named),         T(a_text_with_a_nul_is_refused),
		T(a_file_comes_where_one_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
