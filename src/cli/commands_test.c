/* Whole command lines: what they ask the daemon, and what they print. */
#include <locale.h>

#include "cli/fake_daemon.h"
#include "cli/fake_offline.h"

/* ---- requests ---- */

static void
sends_what_the_command_line_says(void **state)
{
	static const struct {
		const struct pz_cli_program *program;
		const char *line, *asked;
	} cases[] = {
		{&pz_pzp_program, "status", "status {}"},
		{&pz_pzp_program, "enrol|pzp://h:1/a@b?code=1234-5678|--device|tv",
		 "enrol {\"device\":\"tv\",\"link\":\"pzp://h:1/a@b?code=1234-5678\"}"},
		{&pz_pzp_program, "enrol|h|--zone|a@b|--code|12345678",
		 "enrol {\"code\":\"12345678\",\"host\":\"h\",\"zone\":\"a@b\"}"},
		{&pz_pzp_program, "enrol|h:81|--zone|a@b|--code|1234-5678|--device|tv",
		 "enrol {\"code\":\"1234-5678\",\"device\":\"tv\",\"host\":\"h\",\"port\":81,"
		 "\"zone\":\"a@b\"}"},
		{&pz_pzp_program, "enrol|[::1]:81|--zone|a@b|--code|1234-5678",
		 "enrol {\"code\":\"1234-5678\",\"host\":\"::1\",\"port\":81,\"zone\":\"a@b\"}"},
		{&pz_pzp_program, "enrol|[::1]|--zone|a@b|--code|1234-5678",
		 "enrol {\"code\":\"1234-5678\",\"host\":\"::1\",\"zone\":\"a@b\"}"},
		{&pz_pzp_program, "enrol|fe80::1|--zone|a@b|--code|1234-5678",
		 "enrol {\"code\":\"1234-5678\",\"host\":\"fe80::1\",\"zone\":\"a@b\"}"},
		{&pz_pzp_program, "leave|--yes", "leave {}"},
		{&pz_pzp_program, "connect", "connect {}"},
		{&pz_pzp_program, "connect|tv", "connect {\"peer\":\"tv\"}"},
		{&pz_pzp_program, "disconnect|tv", "disconnect {\"peer\":\"tv\"}"},
		{&pz_pzp_program, "hub", "hub {}"},
		{&pz_pzp_program, "hub|h", "hub {\"host\":\"h\",\"port\":8041}"},
		{&pz_pzp_program, "hub|[::1]:81", "hub {\"host\":\"::1\",\"port\":81}"},
		{&pz_pzp_program, "peers", "peers {}"},
		{&pz_pzp_program, "pair", "pair {\"remember\":false}"},
		{&pz_pzp_program, "pair|192.0.2.7:81|--remember",
		 "pair {\"host\":\"192.0.2.7\",\"port\":81,\"remember\":true}"},
		{&pz_pzp_program, "pair|--yes-if|012345",
		 "pair-answer {\"digits\":\"012345\",\"remember\":false}"},
		{&pz_pzp_program, "discover", "discover {}"},
		{&pz_pzp_program, "discover|--timeout|0.5", "discover {\"timeout_ms\":500}"},
		{&pz_pzp_program, "prefs", "prefs {}"},
		{&pz_pzp_program, "prefs|name", "prefs {\"key\":\"name\"}"},
		{&pz_pzp_program, "prefs|ports.tls|0",
		 "prefs {\"key\":\"ports.tls\",\"value\":\"0\"}"},
		{&pz_pzp_program, "prefs|name|--reset", "prefs {\"key\":\"name\",\"reset\":true}"},
		{&pz_pzp_program, "user", "user {}"},
		{&pz_pzp_program, "user|nickname", "user {\"field\":\"nickname\"}"},
		{&pz_pzp_program, "user|nickname|Al",
		 "user {\"field\":\"nickname\",\"value\":\"Al\"}"},
		{&pz_pzp_program, "user|nickname|--remove",
		 "user {\"field\":\"nickname\",\"remove\":true}"},
		{&pz_pzp_program, "name|tv|Den", "name {\"device\":\"tv\",\"name\":\"Den\"}"},
		{&pz_pzp_program, "name|tv|--reset", "name {\"device\":\"tv\",\"reset\":true}"},
		{&pz_pzp_program, "sync", "sync {}"},
		{&pz_pzp_program, "policy|why", "policy-why {}"},
		{&pz_pzp_program, "policy|why|17", "policy-why {\"id\":17}"},
		{&pz_pzp_program, "policy|why|--all", "policy-why {\"all\":true}"},
		{&pz_pzp_program, "audit", "audit {}"},
		{&pz_pzp_program, "audit|--denied|--who|tv",
		 "audit {\"denied\":true,\"who\":\"tv\"}"},
		{&pz_pzp_program, "audit|--since|1800000000", "audit {\"since\":1800000000}"},
		{&pz_pzp_program, "audit|--since|2027-01-15T08:00:01Z",
		 "audit {\"since\":1800000001}"},
		{&pz_pzp_program, "audit|verify", "audit-verify {}"},
		{&pz_pzp_program, "services|--api|u|--zone|z|--device|d",
		 "services {\"api\":\"u\",\"device\":\"d\",\"zone\":\"z\"}"},
		{&pz_pzp_program, "services|--all", "services {\"all\":true}"},
		{&pz_pzp_program, "data|list", "data-list {}"},
		{&pz_pzp_program, "data|list|shop", "data-list {\"origin\":\"shop\"}"},
		{&pz_pzp_program, "data|list|shop|b c",
		 "data-list {\"origin\":\"shop\",\"prefix\":\"b c\"}"},
		{&pz_pzp_program, "data|get|shop|a \"b\"/ü",
		 "data-get {\"key\":\"a \\\"b\\\"/ü\",\"origin\":\"shop\"}"},
		{&pz_pzp_program, "data|set|shop|k|\"text\"",
		 "data-set {\"key\":\"k\",\"origin\":\"shop\",\"value\":\"text\"}"},
		{&pz_pzp_program, "data|set|shop|k|-5",
		 "data-set {\"key\":\"k\",\"origin\":\"shop\",\"value\":-5}"},
		{&pz_pzp_program, "data|set|shop|k|null",
		 "data-set {\"key\":\"k\",\"origin\":\"shop\",\"value\":null}"},
		{&pz_pzp_program, "data|remove|shop|k",
		 "data-remove {\"key\":\"k\",\"origin\":\"shop\"}"},
		{&pz_pzp_program, "data|remove|shop|--yes", "data-remove {\"origin\":\"shop\"}"},
		{&pz_pzp_program, "describe|test@tv", "describe {\"service\":\"test@tv\"}"},
		{&pz_pzp_program, "call|test@tv|get42",
		 "call {\"function\":\"get42\",\"params\":[],\"service\":\"test@tv\","
		 "\"stream\":false}"},
		{&pz_pzp_program, "call|test|get42|{\"a\":1}|--timeout|0.5",
		 "call {\"function\":\"get42\",\"params\":{\"a\":1},\"service\":\"test\","
		 "\"stream\":false,\"timeout_ms\":500}"},
		{&pz_pzp_program, "call|test|get42|-5|--stream",
		 "call {\"function\":\"get42\",\"params\":-5,\"service\":\"test\","
		 "\"stream\":true,\"timeout_ms\":0}"},
		{&pz_pzh_program, "zones", "zones {}"},
		{&pz_pzh_program, "init|--zone|a@b|--host|h|--name|Al",
		 "init {\"host\":\"h\",\"name\":\"Al\",\"zone\":\"a@b\"}"},
		{&pz_pzh_program, "token|--zone|a@b|--device|tv|--ttl|60",
		 "token {\"device\":\"tv\",\"ttl\":60,\"zone\":\"a@b\"}"},
		{&pz_pzh_program, "devices|--zone|a@b", "devices {\"zone\":\"a@b\"}"},
		{&pz_pzh_program, "devices|--all", "devices {\"all\":true}"},
		{&pz_pzh_program, "revoke|tv|--yes|--zone|a@b",
		 "revoke {\"device\":\"tv\",\"zone\":\"a@b\"}"},
		{&pz_pzh_program, "user|phone|1|--zone|a@b",
		 "user {\"field\":\"phone\",\"value\":\"1\",\"zone\":\"a@b\"}"},
		{&pz_pzh_program, "name|tv|Den|--zone|a@b",
		 "name {\"device\":\"tv\",\"name\":\"Den\",\"zone\":\"a@b\"}"},
		{&pz_pzh_program, "status", "status {}"},
	};
	struct fixture *f = *state;

	f->script.fail_exit = 4;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(f, cases[i].program, cases[i].line), 4);
		assert_string_equal(f->asked, cases[i].asked);
		assert_string_equal(f->out, "");
	}
}

static void
refuses_wrong_usage_itself(void **state)
{
	static const struct {
		const struct pz_cli_program *program;
		const char *line, *reason;
	} cases[] = {
		{&pz_pzp_program, "enrol|pzp://x|--code|12345678", "leave --zone and --code out"},
		{&pz_pzp_program, "enrol|h|--zone|a@b",
		 "h is not a pzp:// link; with a HOST give --zone and --code too"},
		{&pz_pzp_program, "enrol|h|--code|12345678",
		 "h is not a pzp:// link; with a HOST give --zone and --code too"},
		{&pz_pzp_program, "enrol|h|--zone|a@b|--code|1234567", "8 digits"},
		{&pz_pzp_program, "enrol|h|--zone|a@b|--code|1234567x", "8 digits"},
		{&pz_pzp_program, "enrol|h:|--zone|a@b|--code|12345678", "not a HOST[:PORT]"},
		{&pz_pzp_program, "enrol|h:0|--zone|a@b|--code|12345678", "not a HOST[:PORT]"},
		{&pz_pzp_program, "enrol|h:65536|--zone|a@b|--code|12345678", "not a HOST[:PORT]"},
		{&pz_pzp_program, "enrol|h:8x|--zone|a@b|--code|12345678", "not a HOST[:PORT]"},
		{&pz_pzp_program, "enrol|:81|--zone|a@b|--code|12345678", "not a HOST[:PORT]"},
		{&pz_pzp_program, "enrol|[::1|--zone|a@b|--code|12345678", "not a HOST[:PORT]"},
		{&pz_pzp_program, "enrol|[::1]x|--zone|a@b|--code|12345678", "not a HOST[:PORT]"},
		{&pz_pzp_program, "enrol|h|--zone|\xff|--code|12345678", "not valid UTF-8"},
		{&pz_pzp_program, "call|test|get42|{", "PARAMS-JSON is not JSON"},
		{&pz_pzp_program, "call|test|get42|[1] 2", "PARAMS-JSON is not JSON"},
		{&pz_pzp_program, "call|test|get42|--timeout|0", "--timeout must be more than 0"},
		{&pz_pzp_program, "call|\xff|get42", "not valid UTF-8"},
		{&pz_pzp_program, "pair|tv:x", "not an ADDRESS"},
		{&pz_pzp_program, "pair|tv|--yes-if|123456", "no ADDRESS"},
		{&pz_pzp_program, "discover|--timeout|61", "--timeout"},
		{&pz_pzp_program, "discover|--timeout|x", "--timeout"},
		{&pz_pzp_program, "peers|tv", "tv"},
		{&pz_pzp_program, "prefs|--reset", "--reset needs a KEY"},
		{&pz_pzp_program, "prefs|name|x|--reset", "--reset needs a KEY and no VALUE"},
		{&pz_pzp_program, "prefs|name|\xff", "not valid UTF-8"},
		{&pz_pzp_program, "prefs|\xff", "not valid UTF-8"},
		{&pz_pzp_program, "hub|h:", "not a HOST[:PORT]"},
		{&pz_pzp_program, "hub|h:65536", "not a HOST[:PORT]"},
		{&pz_pzp_program, "hub|h|81", "81"},
		{&pz_pzp_program, "hub|\xff", "not a HOST[:PORT]"},
		{&pz_pzp_program, "hub|a..b:1", "not a HOST[:PORT]"},
		{&pz_pzp_program, "enrol|http://h|--zone|a@b|--code|1234-5678",
		 "not a HOST[:PORT]"},
		{&pz_pzp_program, "user|--remove", "--remove needs a FIELD"},
		{&pz_pzp_program, "user|phone|1|--remove", "--remove needs a FIELD and no VALUE"},
		{&pz_pzp_program, "user|phone|\xff", "not valid UTF-8"},
		{&pz_pzp_program, "user|\xff", "not valid UTF-8"},
		{&pz_pzp_program, "user|--zone|a@b", "--zone"},
		{&pz_pzp_program, "name", "DEVICE"},
		{&pz_pzp_program, "name|tv", "either a NAME or --reset"},
		{&pz_pzp_program, "name|tv|x|--reset", "either a NAME or --reset"},
		{&pz_pzp_program, "name|\xff|x", "not valid UTF-8"},
		{&pz_pzp_program, "name|tv|\xff", "not valid UTF-8"},
		{&pz_pzp_program, "sync|tv", "tv"},
		{&pz_pzp_program, "leave", "give --yes"},
		{&pz_pzp_program, "data", "data needs list|get|set|remove"},
		{&pz_pzp_program, "data|show", "list, get, set or remove"},
		{&pz_pzp_program, "data|get|shop", "data get ORIGIN KEY"},
		{&pz_pzp_program, "data|list|shop|a|b", "data list [ORIGIN [PREFIX]]"},
		{&pz_pzp_program, "data|set|shop|k", "data set ORIGIN KEY VALUE-JSON"},
		{&pz_pzp_program, "data|set|shop|k|hello", "VALUE is not JSON"},
		{&pz_pzp_program, "data|set|shop|k|hello", "'\"some text\"'"},
		{&pz_pzp_program, "data|set|shop|k|1 2", "VALUE is not JSON"},
		{&pz_pzp_program, "data|set|shop|\xff|1", "not valid UTF-8"},
		{&pz_pzp_program, "data|remove|shop", "give --yes"},
		{&pz_pzp_program, "policy|answers|--delete|0", "must be a number"},
		{&pz_pzp_program, "policy|answers|--delete|1|--all", "not both"},
		{&pz_pzp_program, "prompts|ab", "needs allow or deny"},
		{&pz_pzp_program, "prompts|ab|maybe", "needs allow or deny"},
		{&pz_pzp_program, "prompts|ab|allow|--remember|ever", "once, session or"},
		{&pz_pzp_program, "prompts|--remember|once", "goes with an answer"},
		{&pz_pzp_program, "prompts|ab|deny|--watch", "takes no ID"},
		{&pz_pzp_program, "policy", "policy needs list|show|set|edit"},
		{&pz_pzp_program, "policy|shew",
		 "must be list, show, set, edit, upgrade, why, test, validate or answers"},
		{&pz_pzp_program, "policy|list|user", "takes no arguments"},
		{&pz_pzp_program, "policy|show|user|x", "policy show [SLOT]"},
		{&pz_pzp_program, "policy|set", "policy set [SLOT] FILE"},
		{&pz_pzp_program, "policy|set|user|x|y", "policy set [SLOT] FILE"},
		{&pz_pzp_program, "policy|set|--remove", "policy set [SLOT] FILE"},
		{&pz_pzp_program, "policy|set|exceptions|--remove|--base|x", "--base takes"},
		{&pz_pzp_program, "policy|edit|user|x", "policy edit [SLOT]"},
		{&pz_pzp_program, "policy|upgrade|user", "takes no arguments"},
		{&pz_pzp_program, "audit|count|x", "takes no file"},
		{&pz_pzh_program, "rights|tv|policy", "yes|no"},
		{&pz_pzh_program, "rights|tv|policy|maybe", "yes|no"},
		{&pz_pzh_program, "policy|shew", "policy show, or policy set FILE"},
		{&pz_pzh_program, "policy|set", "policy set FILE"},
		{&pz_pzp_program, "share|test", "--with WHO"},
		{&pz_pzp_program, "allow|laptop", "allow needs"},
		{&pz_pzp_program, "deny|laptop|test|--for|soon", "must be a time such as"},
		{&pz_pzp_program, "policy|why|x", "must be a number"},
		{&pz_pzp_program, "policy|why|1|--all", "usage: policy why"},
		{&pz_pzp_program, "policy|test", "needs --request FILE"},
		{&pz_pzp_program, "policy|test|r.json|--request|r.json", "by options"},
		{&pz_pzp_program, "policy|validate", "needs a FILE"},
		{&pz_pzh_program, "revoke|tv", "give --yes"},
		{&pz_pzh_program, "revoke|\xff|--yes", "not valid UTF-8"},
		{&pz_pzh_program, "init|--zone|a@b", "needs --zone and --host"},
		{&pz_pzh_program, "init|--host|h", "needs --zone and --host"},
		{&pz_pzh_program, "token|--ttl|601", "from 1 to 600"},
		{&pz_pzh_program, "export", "export needs a FILE"},
		{&pz_pzh_program, "export|x|--stay", "--stay takes neither FILE nor --moving-to"},
		{&pz_pzh_program, "export|--stay|--moving-to|h",
		 "--stay takes neither FILE nor --moving-to"},
		{&pz_pzh_program, "export|x|--moving-to|h:0",
		 "--moving-to: h:0: not a HOST[:PORT]"},
		{&pz_pzh_program, "export|x|--moving-to|h/x", "not a HOST[:PORT]"},
		{&pz_pzh_program, "import", "FILE"},
		{&pz_pzh_program, "import|x|--port|0", "--port: 0: not a number"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(f, cases[i].program, cases[i].line), 2);
		assert_string_equal(f->asked, "");
		assert_non_null(strstr(f->err, cases[i].reason));
		assert_ptr_equal(strchr(f->err, '\n'), f->err + strlen(f->err) - 1);
		assert_string_equal(f->out, "");
	}
}

static void
ends_as_the_daemon_says(void **state)
{
	static const int exits[] = {1, 2, 4, 5};
	struct fixture *f = *state;

	for (size_t i = 0; i < 4; i++) {
		f->script.fail_exit = exits[i];
		assert_int_equal(run(f, &pz_pzp_program, "status"), exits[i]);
		assert_string_equal(f->err, "pzp: the daemon's reason\n");
	}
}

static void
says_when_there_is_no_daemon(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run_in(f, "/nonexistent", &pz_pzp_program, "status"), 3);
	assert_non_null(strstr(f->err, "is pzpd running?"));
	assert_non_null(strstr(f->err, "/nonexistent/control.sock"));
	assert_int_equal(run_in(f, "/nonexistent", &pz_pzh_program, "token|--json"), 3);
	assert_string_equal(f->err, ""); /* one document, and nothing twice */
	json_t *said = json_loads(f->out, 0, NULL);
	const json_t *error = json_object_get(said, "error");
	assert_int_equal(json_integer_value(json_object_get(error, "exit")), 3);
	assert_non_null(strstr(json_string_value(json_object_get(error, "message")), "pzhd"));
	json_decref(said);
}

static void
finds_the_socket_that_is_named(void **state)
{
	struct fixture *f = *state;
	char line[200], path[100];
	FILE *conf;

	f->script.result = "{}";
	snprintf(line, sizeof(line), "status|--json|--control-socket|%s", f->path);
	assert_int_equal(run_in(f, "/nonexistent", &pz_pzp_program, line), 0);

	snprintf(path, sizeof(path), "%s/pzpd.conf", f->dir);
	conf = fopen(path, "w");
	fprintf(conf, "control-socket = %s/elsewhere.sock\n", f->dir);
	fclose(conf);
	assert_int_equal(run(f, &pz_pzp_program, "status"), 3);
	assert_non_null(strstr(f->err, "/elsewhere.sock"));
	unlink(path);
}

static void
helps_and_prints_its_version(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, &pz_pzp_program, "--version"), 0);
	assert_string_equal(f->out, "pzp " PZ_VERSION "\n");
	assert_int_equal(run(f, &pz_pzh_program, "revoke|--help"), 0);
	assert_non_null(strstr(f->out, "Usage: pzh revoke [OPTION...] DEVICE\n"));
	assert_int_equal(run(f, &pz_pzh_program, ""), 2);
	assert_string_equal(f->err, "pzh: no command given; see 'pzh --help'\n");
	/* As other programs do it, and what was meant by a misspelt word. */
	assert_int_equal(run(f, &pz_pzp_program, "version"), 0);
	assert_string_equal(f->out, "pzp " PZ_VERSION "\n");
	assert_int_equal(run(f, &pz_pzp_program, "help"), 0);
	assert_non_null(strstr(f->out, "Usage: pzp "));
	assert_non_null(strstr(f->out, "\nSettings:\n"));
	assert_int_equal(run(f, &pz_pzp_program, "help|call"), 0);
	assert_non_null(strstr(f->out, "Usage: pzp call "));
	assert_int_equal(run(f, &pz_pzp_program, "enroll|--help"), 0);
	assert_non_null(strstr(f->out, "Example: pzp enrol 'pzp://"));
	assert_int_equal(run(f, &pz_pzp_program, "stauts"), 2);
	assert_string_equal(f->err, "pzp: unknown command stauts; did you mean status?; see 'pzp "
				    "--help'\n");
	assert_int_equal(run(f, &pz_pzp_program, "services|--devise|x"), 2);
	assert_non_null(strstr(f->err, "unknown option --devise; did you mean --device?"));
	assert_int_equal(run(f, &pz_pzp_program, "bogus|--json"), 2);
	assert_string_equal(f->out,
			    "{\"error\":{\"exit\":2,\"message\":\"unknown command bogus\"}}\n");
	assert_string_equal(f->err, "");
}

/* ---- results ---- */

static const struct {
	const struct pz_cli_program *program;
	const char *line, *result, *text;
} results[] = {
	{&pz_pzp_program, "status",
	 "{\"version\":\"1\",\"pid\":7,\"state\":\"connected\","
	 "\"hub\":{\"host\":\"h\",\"port\":81,\"since\":null,"
	 "\"next\":{\"host\":\"n\",\"port\":82}}}",
	 "state     connected to the hub\nhub       h:81\nnext hub  n:82\nversion   1, pid 7\n"},
	{&pz_pzp_program, "status",
	 "{\"version\":\"1.0\",\"pid\":7,\"uptime\":61,\"id\":\"a@b/tv\",\"zone\":\"a@b\","
	 "\"device\":\"tv\",\"mode\":\"hub\",\"state\":\"connected\",\"reason\":\"\","
	 "\"hub\":{\"host\":\"h\",\"port\":81,\"since\":1700000000},"
	 "\"peers\":[{\"id\":\"a@b/pc\",\"state\":\"connected\",\"route\":\"hub\","
	 "\"address\":null,\"latencyMs\":null},"
	 "{\"id\":\"a@b/tv\",\"state\":\"connected\",\"route\":\"direct\","
	 "\"address\":\"h:80\",\"latencyMs\":2.54},"
	 "{\"id\":\"a@b/box\",\"state\":\"connected\",\"route\":\"direct\","
	 "\"address\":\"h:81\",\"latencyMs\":12.3}],"
	 "\"ports\":{\"tls\":8040,\"web\":8080},"
	 "\"pending\":{\"connection\":\"peer\",\"peer.auto\":true},"
	 "\"daysLeft\":{\"tls\":60,\"ca\":3649,\"crl\":-2},\"warnings\":[\"all is lost\"]}",
	 "id       a@b/tv\n"
	 "state    connected to the hub\n"
	 "hub      h:81, since 2023-11-14 22:13:20\n"
	 "ports    tls 8040, web 8080\n"
	 "pending  connection = peer, from the next reconnect on: `pzp reconnect`\n"
	 "pending  peer.auto = true, from the next reconnect on: `pzp reconnect`\n"
	 "ends     certificate in 60 days, this device's authority in 3649 days, revocation list 2 "
	 "days ago\n"
	 "warning  all is lost\n"
	 "version  1.0, pid 7\n"
	 "uptime   1 min 1 s\n"
	 "\n"
	 "DEVICE  NAME  WAY         ADDRESS  LATENCY  LAST SEEN\n"
	 "pc      -     by the hub  -        -        now\n"
	 "tv      -     direct      h:80     2.5 ms   now\n"
	 "box     -     direct      h:81     12 ms    now\n"},
	{&pz_pzp_program, "prefs",
	 "[{\"key\":\"peer.auto\",\"value\":false,\"default\":false,\"source\":\"default\","
	 "\"scope\":\"zone\",\"effective\":false,\"pending\":true},"
	 "{\"key\":\"ports.web\",\"value\":80,\"default\":8080,\"source\":\"user\","
	 "\"scope\":\"device\",\"effective\":false,\"note\":\"n\"},"
	 "{\"key\":\"sync.context\",\"value\":true,\"default\":true,\"source\":\"default\","
	 "\"scope\":\"device\",\"effective\":false,\"note\":\"n\"}]",
	 "KEY           VALUE  DEFAULT  SOURCE   SCOPE   PENDING\n"
	 "peer.auto     false  false    default  zone    true\n"
	 "ports.web     80     8080     user     device  -\n"
	 "sync.context  true   true     default  device  -\n"
	 "no effect in this version: ports.web, sync.context\n"},
	{&pz_pzp_program, "prefs|name",
	 "{\"key\":\"name\",\"value\":\"My\\ntv\",\"default\":\"tv\",\"source\":\"user\","
	 "\"scope\":\"device\",\"allowed\":\"a text\",\"meaning\":\"A name.\","
	 "\"effective\":true,\"pending\":\"Yours\"}",
	 "key      name\nvalue    My?tv\npending  Yours\ndefault  tv\nsource   user\n"
	 "scope    device\nallowed  a text\nmeaning  A name.\n"},
	{&pz_pzp_program, "prefs|ports.tls|80",
	 "{\"key\":\"ports.tls\",\"value\":8040,\"effective\":true,\"pending\":80}",
	 "ports.tls = 80, from the next reconnect on: `pzp reconnect`, or --now\n"},
	{&pz_pzp_program, "prefs|ports.web|--reset",
	 "{\"key\":\"ports.web\",\"value\":8080,\"note\":\"n\"}",
	 "ports.web = 8080 (no effect in this version)\n"},
	{&pz_pzp_program, "services",
	 "[{\"id\":\"6e\",\"api\":\"http://x\",\"displayName\":\"Te\\nst\","
	 "\"serviceAddress\":\"a@b/tv\",\"description\":\"two words\",\"icon\":null}]",
	 "SERVICE  NAME   DESCRIPTION\n"
	 "x@tv     Te?st  two words\n"},
	{&pz_pzp_program, "services|--long",
	 "[{\"id\":\"6e\",\"api\":\"http://x\",\"displayName\":\"Te\","
	 "\"serviceAddress\":\"tv\",\"description\":\"d\"}]",
	 "SERVICE  NAME  DESCRIPTION  API       ID\n"
	 "x@tv     Te    d            http://x  6e\n"},
	/* two of one kind on one device: what is typed must say which */
	{&pz_pzp_program, "services",
	 "[{\"id\":\"6e\",\"api\":\"http://x\",\"displayName\":\"T\","
	 "\"serviceAddress\":\"a@b/tv\",\"description\":\"hall\"},"
	 "{\"id\":\"7f\",\"api\":\"http://x\",\"displayName\":\"T\","
	 "\"serviceAddress\":\"a@b/tv\",\"description\":\"attic\"}]",
	 "SERVICE  NAME  DESCRIPTION\n"
	 "6e@tv    T     hall\n"
	 "7f@tv    T     attic\n"},
	{&pz_pzp_program, "services", "[]", "no services\n"},
	{&pz_pzp_program, "services|--all",
	 "[{\"id\":\"6e\",\"api\":\"http://x\",\"displayName\":\"Te\","
	 "\"serviceAddress\":\"a@b/tv\",\"description\":\"d\",\"icon\":null},"
	 "{\"id\":\"6e\",\"api\":\"http://x\",\"displayName\":\"Te\","
	 "\"serviceAddress\":\"a@b/pc\",\"description\":\"d\",\"offline\":true}]",
	 "SERVICE  STATE    NAME  DESCRIPTION\n"
	 "x@tv     online   Te    d\n"
	 "x@pc     offline  Te    d\n"},
	{&pz_pzp_program, "data|get|shop|k",
	 "{\"origin\":\"shop\",\"key\":\"k\",\"value\":\"so\",\"size\":4}", "so\n"},
	{&pz_pzp_program, "data|get|shop|k", "{\"value\":[1]}", "[\n  1\n]\n"},
	{&pz_pzp_program, "data|set|shop|k|1", "{\"key\":\"k\\nx\",\"size\":4}",
	 "k?x: 4 bytes stored\n"},
	{&pz_pzp_program, "data|remove|shop|k", "{\"removed\":1}", "1 value removed\n"},
	{&pz_pzp_program, "data|remove|shop|--yes", "{\"removed\":2}", "2 values removed\n"},
	{&pz_pzp_program, "enrol|pzp://x", "{\"id\":\"a@b/tv\"}", "enrolled as a@b/tv\n"},
	{&pz_pzp_program, "enrol|pzp://x", "{}", "enrolled\n"},
	{&pz_pzp_program, "connect", "{}", "connected to the hub\n"},
	{&pz_pzp_program, "connect|tv", "{}", "connected to tv\n"},
	{&pz_pzp_program, "disconnect", "null", "disconnected from the hub\n"},
	{&pz_pzp_program, "hub", "{\"host\":\"h\",\"port\":81}", "the hub is at h port 81\n"},
	{&pz_pzp_program, "hub|x", "{\"host\":\"h\",\"port\":81}",
	 "connected to the hub at h port 81\n"},
	{&pz_pzp_program, "disconnect|tv", "{}", "disconnected from tv\n"},
	{&pz_pzp_program, "peers",
	 "[{\"id\":\"a@b/pc\",\"displayName\":\"My\\npc\",\"deviceType\":\"laptop\","
	 "\"state\":\"connected\",\"route\":\"direct\",\"reason\":\"\",\"address\":\"10.0.0.7\","
	 "\"addresses\":[\"10.0.0.7\",\"fe80::1%eth0\"],\"port\":8040,\"friend\":false},"
	 "{\"id\":\"a@b/tv\",\"displayName\":\"tv\",\"deviceType\":\"\","
	 "\"state\":\"not-connected\",\"route\":\"none\",\"reason\":\"\",\"address\":null,"
	 "\"addresses\":null,\"port\":0,\"friend\":false}]",
	 "DEVICE  NAME   TYPE    LINK           WAY     ADDRESSES               PORT\n"
	 "pc      My?pc  laptop  connected      direct  10.0.0.7, fe80::1%eth0  8040\n"
	 "tv      tv     -       not-connected  none    -                       -\n"},
	{&pz_pzp_program, "peers",
	 "[{\"id\":\"a@b/tv\",\"state\":\"connected\",\"route\":\"relay\",\"relay\":\"phone\"}]",
	 "DEVICE  NAME  TYPE  LINK       WAY              ADDRESSES  PORT\n"
	 "tv      -     -     connected  relay via phone  -          -\n"},
	{&pz_pzp_program, "status",
	 "{\"state\":\"connected\",\"hub\":{\"host\":\"h\",\"port\":81,\"relay\":\"phone\"},"
	 "\"version\":\"1\",\"pid\":2,\"peers\":[{\"id\":\"a@b/tv\",\"displayName\":\"tv\","
	 "\"route\":\"relay\",\"relay\":\"phone\"}]}",
	 "state    connected to the hub\n"
	 "hub      h:81, through phone\n"
	 "version  1, pid 2\n"
	 "\n"
	 "DEVICE  NAME  WAY            ADDRESS  LATENCY  LAST SEEN\n"
	 "tv      tv    through phone  -        -        now\n"},
	{&pz_pzp_program, "peers", "[]", "no other devices known\n"},
	{&pz_pzp_program, "discover",
	 "[{\"instance\":\"a0\",\"addresses\":[\"10.0.0.7\"],\"port\":8040,\"id\":\"a@b/tv\","
	 "\"ours\":true},"
	 "{\"instance\":\"b\\u001b1\",\"addresses\":[],\"port\":0,\"id\":null,\"ours\":false}]",
	 "DEVICE      INSTANCE  ADDRESSES  PORT\n"
	 "a@b/tv      a0        10.0.0.7   8040\n"
	 "(stranger)  b?1       -          -\n"},
	{&pz_pzp_program, "discover", "[]", "no devices found\n"},
	{&pz_pzp_program, "leave|--yes", "{}", "left the zone; this device is not in a zone now\n"},
	{&pz_pzh_program, "zones",
	 "[{\"zone\":\"a@b\",\"host\":\"h\",\"name\":\"Al\",\"devices\":3,\"connected\":1,"
	 "\"fingerprint\":\"AB\"}]",
	 "ZONE  HOST  NAME  DEVICES  CONNECTED  FINGERPRINT\n"
	 "a@b   h     Al    3        1          AB\n"},
	{&pz_pzh_program, "zones",
	 "[{\"zone\":\"a@b\",\"host\":\"h\",\"name\":\"Al\",\"devices\":3,\"connected\":1,"
	 "\"fingerprint\":\"AB\",\"moving\":{\"host\":\"h2\",\"port\":81}}]",
	 "ZONE  HOST  NAME  DEVICES  CONNECTED  FINGERPRINT\n"
	 "a@b   h     Al    3        1          AB\n"
	 "a@b is moving to h2 port 81; `pzh export --stay` calls it off\n"},
	{&pz_pzh_program, "zones", "[]", "no zones; 'pzh init' makes one\n"},
	{&pz_pzh_program, "init|--zone|a@b|--host|h",
	 "{\"zone\":\"a@b\",\"host\":\"h\",\"fingerprint\":\"AB\"}",
	 "zone         a@b\nhost         h\nfingerprint  AB\n"
	 "\nnext: 'pzh token' makes a code for the first device\n"},
	{&pz_pzh_program, "devices",
	 "[{\"name\":\"tv\",\"displayName\":\"TV\",\"deviceType\":\"tv\",\"connected\":"
	 "true,"
	 "\"addresses\":[\"fe80::1\"],\"port\":8040,\"lastSeen\":1700000000},"
	 "{\"name\":\"pc\",\"connected\":false,\"addresses\":[\"1.2.3.4\"],\"port\":8040,"
	 "\"lastSeen\":1700000000},"
	 "{\"name\":\"old\",\"connected\":false,\"addresses\":[],\"port\":0,"
	 "\"lastSeen\":null}]",
	 "DEVICE  NAME  TYPE  STATE      ADDRESS         LAST SEEN\n"
	 "tv      TV    tv    connected  [fe80::1]:8040  now\n"
	 "pc      -     -     offline    1.2.3.4:8040    2023-11-14 22:13:20\n"
	 "old     -     -     offline    -               never\n"},
	{&pz_pzh_program, "devices|--all",
	 "[{\"name\":\"tv\",\"connected\":false,\"revoked\":1700000000,\"lastSeen\":null,"
	 "\"reason\":\"left by itself\"},"
	 "{\"name\":\"tv\",\"connected\":true,\"revoked\":null,\"reason\":\"\"},"
	 "{\"name\":\"old\",\"connected\":false,\"revoked\":0,\"lastSeen\":null,\"reason\":\"\"}]",
	 "DEVICE  NAME  TYPE  STATE                                ADDRESS  LAST SEEN\n"
	 "tv      -     -     left by itself, 2023-11-14 22:13:20  -        never\n"
	 "tv      -     -     connected                            -        now\n"
	 "old     -     -     revoked                              -        never\n"},
	{&pz_pzh_program, "devices", "[]", "no devices; 'pzh token' makes a code for one\n"},
	{&pz_pzh_program, "revoke|tv|--yes",
	 "{\"device\":\"tv\",\"serial\":\"0A\",\"crlNumber\":2}", "revoked tv, serial 0A\n"},
	{&pz_pzh_program, "status",
	 "{\"version\":\"1.0\",\"pid\":7,\"uptime\":5,\"zones\":[\"a@b\",{\"zone\":\"c@d\","
	 "\"daysLeft\":{\"tls\":1,\"ca\":7300,\"crl\":30}}],\"warnings\":[\"no room\"],"
	 "\"links\":[{},{}],\"ports\":{\"overlay\":81,\"web\":82},"
	 "\"messages\":{\"in\":1,\"out\":2,\"dropped\":3}}",
	 "zone      a@b\nzone      c@d\n"
	 "ends      certificate in 1 days, zone's authority in 7300 days, revocation list in 30 "
	 "days\n"
	 "warning   no room\nlinks     2\nports     overlay 81, web 82\n"
	 "messages  1 in, 2 out, 3 dropped\nversion   1.0, pid 7\nuptime    5 s\n"},
	{&pz_pzp_program, "call|t|f", "{\"result\":\"42 hello\"}", "42 hello\n"},
	{&pz_pzp_program, "call|t|f", "{\"result\":{\"a\":[1]}}", "{\n  \"a\": [\n    1\n  ]\n}\n"},
	{&pz_pzp_program, "call|t|f", "{\"result\":null}", "null\n"},
};

static void
prints_results(void **state)
{
	struct fixture *f = *state;

	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		char line[512], compact[1024];
		json_t *value = json_loads(results[i].result, JSON_DECODE_ANY, NULL);
		char *dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		f->script.result = results[i].result;
		assert_int_equal(run(f, results[i].program, results[i].line), 0);
		assert_string_equal(f->out, results[i].text);
		assert_string_equal(f->err, "");
		snprintf(line, sizeof(line), "%s|--json", results[i].line);
		snprintf(compact, sizeof(compact), "%s\n", dump);
		assert_int_equal(run(f, results[i].program, line), 0);
		assert_string_equal(f->out, compact);
		json_decref(value);
		free(dump);
	}
}

static void
lists_data(void **state)
{
	struct fixture *f = *state;

	setenv("TZ", "UTC", 1);
	tzset();
	f->script.result = "{\"origins\":[{\"origin\":\"shop\",\"keys\":2,\"bytes\":17}]}";
	assert_int_equal(run(f, &pz_pzp_program, "data|list"), 0);
	assert_string_equal(f->out, "ORIGIN  KEYS  BYTES\nshop    2     17\n");
	assert_int_equal(run(f, &pz_pzp_program, "data|list|--json"), 0);
	assert_string_equal(f->out, "[{\"origin\":\"shop\",\"keys\":2,\"bytes\":17}]\n");
	f->script.result = "{\"keys\":[{\"key\":\"b\\nc\",\"size\":7,"
			   "\"mtime_ms\":1700000000123,\"from\":\"a@b/tv\"}]}";
	assert_int_equal(run(f, &pz_pzp_program, "data|list|shop"), 0);
	assert_string_equal(f->out, "KEY  BYTES  CHANGED              BY\n"
				    "b?c  7      2023-11-14 22:13:20  a@b/tv\n");
	f->script.result = "{\"origins\":[]}";
	assert_int_equal(run(f, &pz_pzp_program, "data|list"), 0);
	assert_string_equal(f->out, "no app has stored anything\n");
	f->script.result = "{\"keys\":[]}";
	assert_int_equal(run(f, &pz_pzp_program, "data|list|shop"), 0);
	assert_string_equal(f->out, "no such keys\n");
}

static void
reads_a_value_from_standard_input(void **state)
{
	struct fixture *f = *state;

	f->script.result = "{\"key\":\"k\",\"size\":5}";
	f->input = " [1,\n2]\n";
	assert_int_equal(run(f, &pz_pzp_program, "data|set|shop|k|-"), 0);
	assert_string_equal(f->asked,
			    "data-set {\"key\":\"k\",\"origin\":\"shop\",\"value\":[1,2]}");
	f->input = "\n";
	assert_int_equal(run(f, &pz_pzp_program, "data|set|shop|k|-"), 2);
	assert_non_null(strstr(f->err, "VALUE is not JSON"));
	f->script.result = "{\"result\":1}";
	f->input = "{\"a\": 1}\n";
	assert_int_equal(run(f, &pz_pzp_program, "call|t|g|-"), 0);
	assert_non_null(strstr(f->asked, "\"params\":{\"a\":1}"));
	f->input = "milk";
	assert_int_equal(run(f, &pz_pzp_program, "call|t|g|-"), 2);
	assert_non_null(strstr(f->err, "A text is JSON in double quotes"));
	f->script.result = "{\"key\":\"k\",\"size\":5}";
	f->in_tty = true;
	f->input = "y\n";
	assert_int_equal(run(f, &pz_pzp_program, "data|remove|shop"), 0);
	assert_string_equal(f->err, "Remove everything that shop has stored? [y/n] ");
	f->input = "n\n";
	assert_int_equal(run(f, &pz_pzp_program, "data|remove|shop"), 1);
	assert_string_equal(f->asked, "");
}

static void
describes_a_service(void **state)
{
	static const char full[] =
		"{\"service\":{\"displayName\":\"Test\",\"description\":\"try\",\"serviceAddress\":"
		"\"a@b/"
		"tv\",\"methods\":[{\"name\":\"get42\",\"params\":[\"a\",\"b\"],\"returns\":"
		"\"text\","
		"\"stream\":false,\"text\":\"gets\"},{\"name\":\"tick\",\"params\":[],\"stream\":"
		"true}]}}";
	struct fixture *f = *state;

	f->script.result = full;
	assert_int_equal(run(f, &pz_pzp_program, "describe|test@tv"), 0);
	assert_string_equal(f->out, "Test on tv: try\n"
				    "FUNCTION     KIND    RETURNS  DOES\n"
				    "get42(a, b)  call    text     gets\n"
				    "tick()       stream  -        -\n");
	assert_int_equal(run(f, &pz_pzp_program, "describe|test@tv|--json"), 0);
	assert_true(strncmp(f->out, "{\"displayName\"", 14) == 0);
	assert_int_equal(run(f, &pz_pzp_program, "call|test@tv"), 2);
	assert_string_equal(f->asked, "describe {\"service\":\"test@tv\"}");
	assert_non_null(strstr(f->err, "call needs a FUNCTION"));
	assert_non_null(strstr(f->err, "get42(a, b)"));
	assert_string_equal(f->out, "");
	f->script.result = "{\"service\":{\"displayName\":\"Test\",\"serviceAddress\":\"tv\"}}";
	assert_int_equal(run(f, &pz_pzp_program, "describe|test"), 0);
	assert_non_null(strstr(f->out, "does not list"));
	f->script.result = "{\"error\":{\"code\":-32601,\"data\":{\"message\":\"no service x\"}}}";
	assert_int_equal(run(f, &pz_pzp_program, "describe|x"), 1);
	assert_string_equal(f->err, "pzp: no service x\n");
}

static void
colours_and_cleans_on_a_terminal_only(void **state)
{
	struct fixture *f = *state;

	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	f->script.result = "{\"state\":\"connected\",\"id\":\"x\"}";
	f->out_tty = true;
	assert_int_equal(run(f, &pz_pzp_program, "status"), 0);
	assert_non_null(strstr(f->out, "\033[32mconnected to the hub\033[0m"));
	setenv("NO_COLOR", "1", 1);
	assert_int_equal(run(f, &pz_pzp_program, "status"), 0);
	assert_null(strchr(f->out, '\033'));
	unsetenv("NO_COLOR");

	f->script.result = "{\"result\":\"a\\u001b[2J\\nb\"}";
	assert_int_equal(run(f, &pz_pzp_program, "call|t|f"), 0);
	assert_string_equal(f->out, "a?[2J\nb\n");
	f->out_tty = false;
	assert_int_equal(run(f, &pz_pzp_program, "call|t|f"), 0);
	assert_string_equal(f->out, "a\033[2J\nb\n");
}

static void
shows_a_token(void **state)
{
	struct fixture *f = *state;
	char result[300];

	snprintf(result, sizeof(result),
		 "{\"code\":\"1234-5678\",\"link\":\"pzp://h:81/a@b?code=1234-5678\","
		 "\"zone\":\"a@b\",\"host\":\"h\",\"port\":81,\"expires\":%ld}",
		 (long)time(NULL) + 3600);
	f->script.result = result;
	assert_int_equal(run(f, &pz_pzh_program, "token"), 0);
	assert_non_null(strstr(f->out, "code  1234-5678\nlink  pzp://h:81/a@b?code=1234-5678\n"));
	assert_non_null(strstr(f->out, "valid for "));
	assert_null(strstr(f->out, "\u2588"));
	f->out_tty = true;
	assert_int_equal(run(f, &pz_pzh_program, "token"), 0);
	assert_null(strstr(f->out, "\u2588"));
	assert_memory_equal(f->out, "(no QR code: the locale has no UTF-8", 36);
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_int_equal(run(f, &pz_pzh_program, "token"), 0);
	assert_non_null(strstr(f->out, "\u2588"));
	assert_true(strstr(f->out, "\u2588") <
		    strstr(f->out, "code")); /* the picture comes first */
	assert_int_equal(run(f, &pz_pzh_program, "token|--no-qr"), 0);
	assert_null(strstr(f->out, "\u2588"));
	assert_null(strstr(f->out, "no QR code"));
	assert_int_equal(run(f, &pz_pzh_program, "token|--json"), 0);
	assert_null(strstr(f->out, "\u2588"));
	setlocale(LC_CTYPE, "C");
}

static void
asks_before_it_revokes(void **state)
{
	struct fixture *f = *state;

	f->script.result = "{\"device\":\"tv\"}";
	f->in_tty = true;
	f->input = "y\n";
	assert_int_equal(run(f, &pz_pzh_program, "revoke|tv"), 0);
	assert_string_equal(f->err, "Revoke tv? It cannot be undone. [y/n] ");
	f->input = "n\n";
	assert_int_equal(run(f, &pz_pzh_program, "revoke|tv|--zone|a@b"), 1);
	assert_non_null(strstr(f->err, "Revoke tv of a@b?"));
	assert_string_equal(f->asked, "");
	f->input = "";
	assert_int_equal(run(f, &pz_pzp_program, "leave"), 1);
	f->input = "yes\n";
	assert_int_equal(run(f, &pz_pzp_program, "leave"), 0);
}

static void
makes_a_zone_without_a_daemon(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		run_in(f, "/nonexistent", &pz_pzh_program, "init|--zone|a@b|--host|h|--json"), 0);
	assert_string_equal(offline_args,
			    "/nonexistent 8041: init {\"host\":\"h\",\"zone\":\"a@b\"}");
	assert_string_equal(f->out, "{\"zone\":\"a@b\",\"host\":\"h\",\"port\":81,"
				    "\"fingerprint\":\"AB:CD\",\"devices\":2,\"moving\":false}\n");
	assert_int_equal(
		run_in(f, "/nonexistent", &pz_pzh_program, "init|--zone|a@b|--host|h|--name|Al"),
		0);
	assert_string_equal(
		offline_args,
		"/nonexistent 8041: init {\"host\":\"h\",\"name\":\"Al\",\"zone\":\"a@b\"}");
	offline_result = PZ_ERR_EXISTS;
	assert_int_equal(run_in(f, "/nonexistent", &pz_pzh_program, "init|--zone|a@b|--host|h"), 1);
	assert_string_equal(f->err, "pzh: no luck\n");
	offline_result = PZ_OK;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(sends_what_the_command_line_says),
		T(refuses_wrong_usage_itself),
		T(ends_as_the_daemon_says),
		T(says_when_there_is_no_daemon),
		T(finds_the_socket_that_is_named),
		T(helps_and_prints_its_version),
		T(prints_results),
		T(lists_data),
		T(reads_a_value_from_standard_input),
		T(describes_a_service),
		T(colours_and_cleans_on_a_terminal_only),
		T(shows_a_token),
		T(asks_before_it_revokes),
		T(makes_a_zone_without_a_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
