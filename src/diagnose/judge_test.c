/* The findings from facts and evidence: each check with a good and a bad result. @spec page 12
 * "Doctor" */
#include "kit/test.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "diagnose/finding.h"
#include "diagnose/judge.h"
#include "wire/json.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* A device on which nothing is wrong. */
static struct pz_facts facts;
static struct pz_evidence evidence;

static int
set_up(void **state)
{
	uint64_t now = pz_build_time_ms() + 10 * DAY_MS;

	(void)state;
	facts = (struct pz_facts){
		.is_daemon = true,
		.data_dir = "/var/lib/pzp",
		.wall_ms = now,
		.zone = "alice@example.org",
		.device = "laptop",
		.tls = {now - DAY_MS, now + 80 * DAY_MS},
		.device_ca = {now - DAY_MS, now + 3000 * DAY_MS},
		.crl = {now - DAY_MS, now + 20 * DAY_MS},
		.hub_host = "hub.example.org",
		.hub_port = 8041,
		.hub_is_up = true,
		.hub_version = "9.8.7",
		.has_hub_clock = true,
		.hub_ahead_ms = 250,
		.tls_port = 8040,
	};
	evidence = (struct pz_evidence){
		.hub = PZ_HUB_CONNECTED,
		.hub_problem = "",
		.has_disk = true,
		.has_multicast = true,
		.disk = {.free_bytes = 2 * (uint64_t)PZ_DISK_LOW_BYTES},
		.multicast = {.interfaces = 2, .sent = 2, .has_received_self = true},
		.tries = json_pack("[{s:s, s:s, s:b}, {s:s, s:s, s:b, s:s}]", "by", "tv", "address",
				   "10.0.0.2", "ok", 1, "by", "tv", "address", "172.17.0.1", "ok",
				   0, "error", "timed out"),
	};
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	json_decref(evidence.tries);
	json_decref(facts.conditions);
	return 0;
}

/* The one finding of this check; its detail and advice are copied. */
static const char *
found(enum pz_check check, bool *out_ok, bool *out_skipped, char advice[256])
{
	static char detail[1024];
	json_t *list = pz_judge(&facts, &evidence), *one;
	size_t i, count = 0;

	assert_non_null(list);
	json_array_foreach (list, i, one) {
		if (strcmp(pz_json_str(one, "check"), pz_check_name(check)) != 0)
			continue;
		const char *text = pz_json_str(one, "advice");
		bool is_ok = json_is_true(json_object_get(one, "ok"));
		snprintf(detail, sizeof(detail), "%s", pz_json_str(one, "detail"));
		snprintf(advice, 256, "%s", text ? text : "");
		assert_true(is_ok == (text == NULL)); /* wrong: there is something to do */
		*out_ok = is_ok;
		*out_skipped = json_is_true(json_object_get(one, "skipped"));
		count++;
	}
	json_decref(list);
	assert_int_equal(count, 1);
	return detail;
}

static void
is_ok(enum pz_check check, const char *part)
{
	char advice[256];
	bool ok = false, skipped = false;
	const char *detail = found(check, &ok, &skipped, advice);

	if (!ok || skipped || strstr(detail, part) == NULL)
		fail_msg("%s: not ok with '%s' but: %s", pz_check_name(check), part, detail);
}

static void
is_skipped(enum pz_check check, const char *part)
{
	char advice[256];
	bool ok = false, skipped = false;
	const char *detail = found(check, &ok, &skipped, advice);

	if (!ok || !skipped || strstr(detail, part) == NULL)
		fail_msg("%s: not skipped with '%s' but: %s", pz_check_name(check), part, detail);
}

static void
is_bad(enum pz_check check, const char *part, const char *to_do)
{
	char advice[256];
	bool ok = true, skipped = false;
	const char *detail = found(check, &ok, &skipped, advice);

	if (ok || strstr(detail, part) == NULL || strstr(advice, to_do) == NULL)
		fail_msg("%s: not wrong with '%s' and '%s' but: %s; %s", pz_check_name(check), part,
			 to_do, detail, advice);
}

static void
is_absent(enum pz_check check)
{
	json_t *list = pz_judge(&facts, &evidence), *one;
	size_t i;

	json_array_foreach (list, i, one)
		assert_string_not_equal(pz_json_str(one, "check"), pz_check_name(check));
	json_decref(list);
}

static void
nothing_is_wrong_where_nothing_is_wrong(void **state)
{
	json_t *list = pz_judge(&facts, &evidence);

	(void)state;
	assert_true(pz_findings_are_ok(list));
	json_decref(list);
	is_ok(PZ_CHECK_VERSION, PZ_VERSION " here, 9.8.7 at the hub");
	is_ok(PZ_CHECK_ZONE, "laptop in zone alice@example.org");
	is_ok(PZ_CHECK_HUB_NAME, "hub.example.org has an address");
	is_ok(PZ_CHECK_HUB_PORT, "port 8041");
	is_ok(PZ_CHECK_HUB_LINK, "connected");
	is_ok(PZ_CHECK_CLOCK, "0.250 s behind the hub's");
	is_ok(PZ_CHECK_CERTIFICATE, "80 days");
	is_ok(PZ_CHECK_AUTHORITY, "3000 days");
	is_ok(PZ_CHECK_REVOCATION_LIST, "20 days");
	is_ok(PZ_CHECK_MULTICAST_SENT, "2 interfaces");
	is_ok(PZ_CHECK_MULTICAST_RECEIVED, "no other machine");
	is_ok(PZ_CHECK_REACHABLE,
	      "port 8040: tv reaches 10.0.0.2; tv does not reach 172.17.0.1: timed out");
	is_ok(PZ_CHECK_DISK, "/var/lib/pzp");
	is_absent(PZ_CHECK_WARNING);
}

static void
the_way_to_the_hub(void **state)
{
	(void)state;
	evidence.hub_problem = "hub.example.org port 8041: what happened";
	evidence.hub = PZ_HUB_NO_ADDRESS;
	is_bad(PZ_CHECK_HUB_NAME, "what happened", "name server");
	is_absent(PZ_CHECK_HUB_PORT);
	evidence.hub = PZ_HUB_FAILED;
	is_ok(PZ_CHECK_HUB_NAME, "hub.example.org has an address");
	is_bad(PZ_CHECK_HUB_PORT, "what happened", "firewall");
	facts.hub_host = "192.0.2.7";
	is_ok(PZ_CHECK_HUB_NAME, "needs no look-up");
	facts.hub_is_up = false;
	is_bad(PZ_CHECK_HUB_LINK, "the attempt goes on", "pzp connect");
	facts.hub_reason = "refused there";
	is_bad(PZ_CHECK_HUB_LINK, "refused there", "pzp connect");
	facts.hub_is_unwanted = true;
	is_ok(PZ_CHECK_HUB_LINK, "as the user wants it");
	is_skipped(PZ_CHECK_HUB_PORT, "not needed");
	facts.hub_host = "hub.example.org";
	evidence.hub = PZ_HUB_NO_ADDRESS;
	is_skipped(PZ_CHECK_HUB_NAME, "not needed");
}

static void
without_a_zone(void **state)
{
	(void)state;
	facts = (struct pz_facts){.is_daemon = true, .wall_ms = facts.wall_ms};
	evidence.hub = PZ_HUB_NOT_TRIED;
	is_skipped(PZ_CHECK_ZONE, "pzp enrol");
	for (enum pz_check check = PZ_CHECK_HUB_NAME; check <= PZ_CHECK_HUB_LINK; check++)
		is_absent(check);
	for (enum pz_check check = PZ_CHECK_CERTIFICATE; check <= PZ_CHECK_REVOCATION_LIST; check++)
		is_absent(check);
	is_absent(PZ_CHECK_REACHABLE);
	facts.problem = "/var/lib/pzp/keys: others have access";
	is_bad(PZ_CHECK_ZONE, "others have access", "start pzpd");
}

static void
without_a_daemon(void **state)
{
	(void)state;
	facts.is_daemon = facts.hub_is_up = facts.has_hub_clock = false;
	facts.hub_version = NULL;
	is_skipped(PZ_CHECK_HUB_LINK, "pzpd does not run");
	is_skipped(PZ_CHECK_CLOCK, "link");
	is_ok(PZ_CHECK_VERSION, "after a link");
	is_absent(PZ_CHECK_REACHABLE);
}

static void
clocks(void **state)
{
	(void)state;
	facts.hub_ahead_ms = (int64_t)PZ_CLOCKS_APART_MS - 1;
	is_ok(PZ_CHECK_CLOCK, "behind");
	facts.hub_ahead_ms = (int64_t)PZ_CLOCKS_APART_MS;
	is_bad(PZ_CHECK_CLOCK, "s behind the hub's", "timedatectl");
	facts.hub_ahead_ms = -3600000;
	is_bad(PZ_CHECK_CLOCK, "3600 s ahead of the hub's", "timedatectl");
	facts.wrong_time = "the clock says 1970";
	is_bad(PZ_CHECK_CLOCK, "1970", "timedatectl");
}

static void
dates(void **state)
{
	(void)state;
	facts.tls.to_ms = facts.wall_ms - 3 * DAY_MS;
	is_bad(PZ_CHECK_CERTIFICATE, "3 days ago", "disk");
	facts.tls = (struct pz_facts_life){facts.wall_ms + DAY_MS, facts.wall_ms + 9 * DAY_MS};
	is_bad(PZ_CHECK_CERTIFICATE, "still to come", "clock");
	facts.device_ca.to_ms = facts.wall_ms + 59 * DAY_MS;
	is_bad(PZ_CHECK_AUTHORITY, "in 59 days", "enrol again");
	facts.device_ca.to_ms = facts.wall_ms + 60 * DAY_MS;
	is_ok(PZ_CHECK_AUTHORITY, "60 days");
	facts.crl.to_ms = facts.wall_ms - DAY_MS;
	is_bad(PZ_CHECK_REVOCATION_LIST, "ended", "connect to the hub");
}

static void
multicast(void **state)
{
	(void)state;
	evidence.multicast.received_other = 4;
	is_ok(PZ_CHECK_MULTICAST_RECEIVED, "4 packets");
	evidence.multicast = (struct pz_multicast_report){.interfaces = 1, .sent = 1};
	is_bad(PZ_CHECK_MULTICAST_RECEIVED, "not even the own query", "firewall");
	evidence.multicast =
		(struct pz_multicast_report){.interfaces = 2, .sent = 1, .problem = "eth0: no"};
	is_bad(PZ_CHECK_MULTICAST_SENT, "1 of 2 interfaces: eth0: no", "224.0.0.251");
	evidence.multicast = (struct pz_multicast_report){.interfaces = 0};
	is_bad(PZ_CHECK_MULTICAST_SENT, "no interface", "local network");
	is_skipped(PZ_CHECK_MULTICAST_RECEIVED, "no query");
	facts.is_loopback = true;
	is_skipped(PZ_CHECK_MULTICAST_SENT, "loopback");
	is_absent(PZ_CHECK_MULTICAST_RECEIVED);
}

static void
reached_by(json_t *takes_tries)
{
	json_decref(evidence.tries);
	evidence.tries = takes_tries;
}

static void
reachable(void **state)
{
	(void)state;
	reached_by(json_pack("[{s:s, s:s, s:b, s:s}, {s:s, s:n, s:b, s:s}]", "by", "tv", "address",
			     "10.0.0.2", "ok", 0, "error", "refused", "by", "pc", "address", "ok",
			     0, "error", "no answer"));
	is_bad(PZ_CHECK_REACHABLE, "tv does not reach 10.0.0.2: refused; pc: no answer",
	       "firewall");
	reached_by(json_pack("[{s:s, s:n, s:b, s:s}]", "by", "pc", "address", "ok", 0, "error",
			     "no answer"));
	is_skipped(PZ_CHECK_REACHABLE, "pc: no answer");
	reached_by(NULL);
	is_skipped(PZ_CHECK_REACHABLE, "pzp connect");
	facts.listen = PZ_FACTS_LISTEN_FAILED;
	is_bad(PZ_CHECK_REACHABLE, "not open", "another port");
	facts.listen = PZ_FACTS_LISTEN_OFF;
	is_ok(PZ_CHECK_REACHABLE, "peer.listen");
}

/* A peer may send as many results, and as long ones, as it likes. */
static void
many_results_are_cut(void **state)
{
	char name[200];
	json_t *many = json_array();

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 50; i++)
		json_array_append_new(many, json_pack("{s:s, s:s, s:b, s:s}", "by", name, "address",
						      "10.0.0.2", "ok", 0, "error", "refused"));
	reached_by(many);
	is_bad(PZ_CHECK_REACHABLE, "does not reach", "firewall");
}

static void
disk(void **state)
{
	(void)state;
	evidence.disk.free_bytes = 100 * 1024;
	is_bad(PZ_CHECK_DISK, "only 100 KiB", "make room");
	evidence.disk.err = PZ_ERR_IO_FULL;
	snprintf(evidence.disk.problem, sizeof(evidence.disk.problem), "No space left");
	is_bad(PZ_CHECK_DISK, "is full: No space left", "make room");
	evidence.disk.err = PZ_ERR_IO;
	is_bad(PZ_CHECK_DISK, "cannot be written", "owner");
	evidence.has_disk = false;
	is_absent(PZ_CHECK_DISK);
}

static void
conditions_are_named_once(void **state)
{
	(void)state;
	facts.conditions = json_pack("[{s:s, s:s, s:s}]", "id", "clocks-apart", "text",
				     "the clocks are apart", "advice", "set them");
	is_bad(PZ_CHECK_WARNING, "the clocks are apart", "set them"); /* of another device */
	facts.hub_ahead_ms = 3600000;
	is_absent(PZ_CHECK_WARNING); /* the check says it */
	json_decref(facts.conditions);
	facts.conditions = json_pack("[{s:s, s:s, s:s}]", "id", "service-file", "text",
				     "/etc/x.json: not JSON", "advice", "correct it");
	is_bad(PZ_CHECK_WARNING, "not JSON", "correct it");
}

static void
names(void **state)
{
	(void)state;
	assert_string_equal(pz_check_title("hub-port"), "port of the hub");
	assert_string_equal(pz_check_title("of-tomorrow"), "of-tomorrow");
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_is_wrong_where_nothing_is_wrong),
		T(the_way_to_the_hub),
		T(without_a_zone),
		T(without_a_daemon),
		T(clocks),
		T(dates),
		T(multicast),
		T(reachable),
		T(many_results_are_cut),
		T(disk),
		T(conditions_are_named_once),
		T(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
