/* The whole report: what it contains, and that it contains no names. @spec page 12 "Bug report" */
#include "kit/test.h"

#include <stdlib.h>
#include <string.h>

#include "diagnose/report.h"

/* Parsed from text: as a daemon answers. */
static json_t *
json(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	return value;
}

static char *
report_of(struct pz_report *report)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	report->wall_ms = UINT64_C(1800000000000);
	assert_ok(pz_report_write(report, out));
	assert_int_equal(fclose(out), 0);
	json_decref(report->findings);
	json_decref(report->status);
	json_decref(report->log);
	json_decref(report->peers);
	json_decref(report->user);
	json_decref(report->prefs);
	json_decref(report->apps);
	return text;
}

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no '%s' in:\n%s", part, text);
}

static void
lacks(const char *text, const char *part)
{
	if (strcasestr(text, part) != NULL)
		fail_msg("'%s' in:\n%s", part, text);
}

static void
everything_that_has_a_name(void **state)
{
	struct pz_report report = {
		.findings = json("[{\"check\":\"zone\",\"ok\":true,\"detail\":\"laptop in zone "
				 "erika@haus.example\",\"advice\":null},"
				 "{\"check\":\"hub-port\",\"ok\":false,\"detail\":\"nas port 8041: "
				 "refused\",\"advice\":\"see whether pzhd runs there\"}]"),
		.status = json("{\"version\":\"0.1.0\",\"zone\":\"erika@haus.example\","
			       "\"device\":\"laptop\",\"id\":\"erika@haus.example/laptop\","
			       "\"hub\":{\"host\":\"nas\",\"port\":8041},"
			       "\"pending\":{\"device.display-name\":\"Kiste\"},"
			       "\"conditions\":[{\"id\":\"service-file\",\"subject\":\"Plan B\","
			       "\"text\":\"Plan B: not JSON\"},"
			       "{\"id\":\"clocks-apart\",\"subject\":\"hub\",\"text\":\"t\"}]}"),
		.log = json("[{\"time\":1800000000.5,\"level\":\"NOTICE\",\"id\":\"peer\",\"text\":"
			    "\"device=fernseher Rikchen sees Plan B on nas at the hub\"}]"),
		.peers = json("[{\"id\":\"erika@haus.example/fernseher\",\"displayName\":\"Gute "
			      "Stube\",\"address\":\"10.1.2.3\",\"addresses\":[\"10.1.2.4\"]}]"),
		.user = json("[{\"field\":\"nickname\",\"value\":\"Rikchen\"}]"),
		.prefs = json("[{\"key\":\"device.display-name\",\"value\":\"Kiste\"},"
			      "{\"key\":\"connection\",\"value\":\"hub\"}]"),
		.apps = json("{\"origins\":[{\"origin\":\"einkauf\"}]}"),
		.data_dir = "/srv/erikas daten",
	};
	static const char *const names[] = {"erika",  "haus.example", "laptop",    "nas ",
					    "Kiste",  "Plan B",       "fernseher", "Stube",
					    "10.1.2", "Rikchen"};
	char *text = report_of(&report);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		lacks(text, names[i]);
	has(text, "ok     zone: device-1 in zone zone-1\n");
	has(text, "WRONG  hub-port: host-");
	has(text, " port 8041: refused; see whether pzhd runs there\n");
	has(text, "\"version\": \"0.1.0\"");
	has(text, "2027-01-15 08:00 UTC NOTICE peer device=device-2 ");
	has(text, " at the hub\n"); /* a word of ours, although a preference has that value */
	free(text);
}

static void
without_a_daemon(void **state)
{
	struct pz_report report = {
		.findings = json("[{\"check\":\"zone\",\"ok\":true,\"detail\":\"laptop in zone "
				 "erika@haus.example\",\"advice\":null,\"skipped\":true},"
				 "{\"check\":\"disk\",\"ok\":true,\"detail\":\"of laptop\"}]"),
	};
	char *text = report_of(&report);

	(void)state;
	lacks(text, "erika");
	lacks(text, "laptop");
	has(text, "-      zone: device-1 in zone zone-1\n");
	has(text, "ok     disk: of device-1\n");
	has(text, "journalctl");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_that_has_a_name),
		cmocka_unit_test(without_a_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
