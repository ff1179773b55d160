/* pzp audit: the log of decisions, and the check that it is complete. @spec page 9, 16; page 12 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_policy/commands.h"

#define VERIFY_TIMEOUT_MS 60000U /* for a log of the largest size */
#define CLOCK_S 1000000000       /* a number of at least this is a time, a smaller one a span */
#define PARSED_MAX 1e12          /* 40 bits: the daemon's limit */

/* ---- T of --since ---- */

/* 90s, 30m, 2h, 7d: how long ago. */
static bool
parse_span(const char *text, int64_t *out_s)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}};
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	double number = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].unit, end) != 0 || number > PARSED_MAX)
			continue;
		bool is_time = end[0] == '\0' && number >= CLOCK_S;

		*out_s = is_time ? (int64_t)number
				 : (int64_t)time(NULL) - (int64_t)(number * units[i].seconds);
		if (*out_s < 0)
			*out_s = 0;
		return true;
	}
	return false;
}

/* 2026-11-30, 2026-11-30T14:05, 2026-11-30 14:05:09; with Z in UTC, else local time. */
static bool
parse_date(const char *text, int64_t *out_s)
{
	static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
					    "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, forms[i], &tm);

		if (end == NULL || (end[0] != '\0' && strcmp(end, "Z") != 0))
			continue;
		time_t when = end[0] == 'Z' ? timegm(&tm) : mktime(&tm);
		if (when < 0)
			return false;
		*out_s = (int64_t)when;
		return true;
	}
	return false;
}

static bool
parse_since(const char *text, int64_t *out_s)
{
	return parse_date(text, out_s) || parse_span(text, out_s);
}

/* ---- one record ---- */

/* "alice@example.org/tv/app", with the parts that are present. */
static void
who_text(const json_t *who, char *out, size_t size)
{
	static const char *const parts[] = {"zone", "device", "app"};
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < 3 && len < size; i++) {
		const char *part = json_string_value(json_object_get(who, parts[i]));

		if (part)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? "/" : "",
						part);
	}
}

static void
print_part(const struct pz_cli *cli, const char *lead, const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	char *clean = text ? pz_cli_clean(text, false) : NULL;

	if (clean)
		fprintf(cli->out, "%s%s", lead, clean);
	free(clean);
}

static void
print_why(const struct pz_cli *cli, const json_t *record)
{
	const json_t *rule = json_object_get(record, "rule");
	const json_t *asked = json_object_get(record, "asked");
	size_t i;
	json_t *id;

	print_part(cli, "  effect=", record, "effect");
	print_part(cli, "  slot=", record, "slot");
	json_array_foreach (rule, i, id) {
		char *clean =
			json_is_string(id) ? pz_cli_clean(json_string_value(id), false) : NULL;

		fprintf(cli->out, "%s%s", i == 0 ? "  rule=" : "/", clean ? clean : "");
		free(clean);
	}
	print_part(cli, "  asked=", asked, "answer");
	print_part(cli, " by ", asked, "by");
	print_part(cli, "  fault=", record, "fault");
}

/* "2026-11-30 14:05:09  denied   alice@example.org/tv  http://…/test get42  effect=deny …", or an
 * event of the log itself. */
static void
print_record(const struct pz_cli *cli, const json_t *record)
{
	const json_t *what = json_object_get(record, "what");
	char date[32], who[512], scratch[32];

	pz_cli_time((int64_t)json_number_value(json_object_get(record, "time")), date);
	if (json_object_get(record, "event")) {
		fprintf(cli->out, "%s  log", date);
		print_part(cli, "      ", record, "event");
		fprintf(cli->out, " %s%s%s\n", pz_cli_member(record, "count", scratch),
			json_object_get(record, "to") ? "up to record " : "",
			pz_cli_member(record, "to", who));
		return;
	}
	bool is_allowed = json_is_true(json_object_get(record, "allowed"));
	who_text(json_object_get(record, "who"), who, sizeof(who));
	char *clean = pz_cli_clean(who, false);
	fprintf(cli->out, "%s  %s  %s", date, is_allowed ? "allowed" : "denied ",
		clean && clean[0] ? clean : "-");
	free(clean);
	print_part(cli, "  ", what, "point");
	print_part(cli, " ", what, "feature");
	print_part(cli, " ", what, "method");
	print_part(cli, " on ", what, "target");
	print_why(cli, record);
	fputc('\n', cli->out);
}

/* ---- the list ---- */

static int
print_all(struct pz_cli *cli, const json_t *records, json_t *found)
{
	int status = PZ_EXIT_DONE;
	json_t *record;
	size_t i;

	(void)found;

	json_array_foreach (records, i, record) {
		if (cli->json)
			status = pz_cli_print_json(cli, record);
		else
			print_record(cli, record);
		if (status != PZ_EXIT_DONE)
			break;
	}
	return status;
}

/* {since?, who?, denied?}; NULL after the reason was printed. */
static json_t *
make_query(const struct pz_cli *cli)
{
	const char *since = pz_cli_opt(cli, "since");
	json_t *query = json_object();
	int64_t since_s = 0;

	if (since && !parse_since(since, &since_s)) {
		pz_cli_usage(
			cli,
			"--since: '%.40s' is not a time; give how long ago (90s, 30m, 2h, 7d), a "
			"date (2026-11-30, 2026-11-30T14:05), or seconds since 1970",
			since);
		json_decref(query);
		return NULL;
	}
	if (since)
		json_object_set_new(query, "since", json_integer((json_int_t)since_s));
	pz_cli_opt_param(cli, query, "who");
	if (pz_cli_opt(cli, "denied"))
		json_object_set_new(query, "denied", json_true());
	return query;
}

/* Reads part by part to the end; the first part even for an empty log. */
static int
walk(struct pz_cli *cli, int (*visit)(struct pz_cli *cli, const json_t *records, json_t *found),
     json_t *found)
{
	json_t *query = make_query(cli);
	int status = query ? PZ_EXIT_DONE : PZ_EXIT_USAGE;
	bool goes_on = query != NULL;
	size_t seen = 0;

	while (goes_on && status == PZ_EXIT_DONE) {
		json_t *part = NULL;

		status = pz_cli_request(cli, "audit", json_copy(query), PZ_CLI_TIMEOUT_MS, NULL,
					NULL, &part);
		if (status == PZ_EXIT_DONE)
			status = visit(cli, json_object_get(part, "records"), found);
		seen += json_array_size(json_object_get(part, "records"));
		goes_on = json_object_get(part, "next") != NULL;
		json_object_set(query, "after", json_object_get(part, "next"));
		json_decref(part);
	}
	json_decref(query);
	if (status == PZ_EXIT_DONE && seen == 0 && !cli->json)
		fputs("no such decisions\n", cli->out);
	return status;
}

/* ---- count ---- */

/* Counts one call of a service of this device; calls to other devices are counted there. */
static void
count_one(json_t *found, const json_t *record)
{
	const json_t *what = json_object_get(record, "what");
	const char *feature = json_string_value(json_object_get(what, "feature"));
	const char *point = json_string_value(json_object_get(what, "point"));
	bool is_allowed = json_is_true(json_object_get(record, "allowed"));
	char who[512], key[1024];

	if (feature == NULL || point == NULL || strcmp(point, "call") != 0)
		return;
	who_text(json_object_get(record, "who"), who, sizeof(who));
	snprintf(key, sizeof(key), "%s %s", who, feature);
	json_t *one = json_object_get(found, key);
	if (one == NULL) {
		one = json_pack("{s:O?, s:s, s:i, s:i}", "who", json_object_get(record, "who"),
				"feature", feature, "allowed", 0, "denied", 0);
		(void)json_object_set_new(found, key, one);
	}
	const char *member = is_allowed ? "allowed" : "denied";
	json_int_t before = json_integer_value(json_object_get(one, member));
	(void)json_object_set_new(one, member, json_integer(before + 1));
	(void)json_object_set(one, "last", json_object_get(record, "time"));
}

static int
count_all(struct pz_cli *cli, const json_t *records, json_t *found)
{
	const json_t *record;
	size_t i;

	(void)cli;
	json_array_foreach (records, i, record)
		count_one(found, record);
	return PZ_EXIT_DONE;
}

/* The most frequent first. */
static int
compare_counts(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	json_int_t m = json_integer_value(json_object_get(x, "allowed")) +
		       json_integer_value(json_object_get(x, "denied"));
	json_int_t n = json_integer_value(json_object_get(y, "allowed")) +
		       json_integer_value(json_object_get(y, "denied"));

	return m > n ? -1 : m < n;
}

static json_t *
sorted(json_t *found)
{
	size_t len = json_object_size(found), i = 0;
	json_t **all = calloc(len + 1, sizeof(json_t *)), *list = json_array(), *one;
	const char *key;

	if (all == NULL)
		return list;
	json_object_foreach (found, key, one)
		all[i++] = one;
	qsort(all, len, sizeof(json_t *), compare_counts);
	for (i = 0; i < len; i++)
		json_array_append(list, all[i]);
	free(all);
	return list;
}

static int
print_counts(struct pz_cli *cli, const json_t *list)
{
	static const char *const titles[] = {"ALLOWED", "DENIED", "WHO", "WHAT", "LAST"};
	struct pz_cli_table *t = pz_cli_table_new(titles, 5);
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		char scratch[32], who[512], when[32];

		pz_cli_time((int64_t)json_number_value(json_object_get(one, "last")), when);
		who_text(json_object_get(one, "who"), who, sizeof(who));
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, "allowed", scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, "denied", scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, who);
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, "feature", scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, when);
	}
	return pz_cli_print_table(cli, t);
}

/* @spec page 14 LOG-7 */
static int
count(struct pz_cli *cli)
{
	json_t *found = json_object(), *list;
	int status = walk(cli, count_all, found);

	list = sorted(found);
	if (status == PZ_EXIT_DONE)
		status = cli->json ? pz_cli_print_json(cli, list) : print_counts(cli, list);
	json_decref(list);
	json_decref(found);
	return status;
}

/* ---- verify ---- */

static int
verify(struct pz_cli *cli)
{
	json_t *result = NULL;
	char first[32], last[32], records[32], scratch[32], hash[32];

	int status =
		pz_cli_request(cli, "audit-verify", NULL, VERIFY_TIMEOUT_MS, NULL, NULL, &result);
	bool is_whole = json_is_true(json_object_get(result, "ok"));
	if (status == PZ_EXIT_DONE && cli->json)
		status = pz_cli_print_json(cli, result);
	else if (status == PZ_EXIT_DONE && is_whole)
		fprintf(cli->out, "whole: %s records, %s to %s; %s were not recorded; hash %s\n",
			pz_cli_member(result, "records", records),
			pz_cli_member(result, "first", first), pz_cli_member(result, "last", last),
			pz_cli_member(result, "notRecorded", scratch),
			pz_cli_member(result, "hash", hash));
	else if (status == PZ_EXIT_DONE)
		status = pz_cli_fail(cli, PZ_EXIT_FAILED, "the log of decisions is damaged: %s",
				     pz_cli_member(result, "problem", scratch));
	json_decref(result);
	return status == PZ_EXIT_DONE && !is_whole ? PZ_EXIT_FAILED : status;
}

int
pz_pzp_cmd_audit(struct pz_cli *cli)
{
	const char *action = pz_cli_arg(cli, 0), *file = pz_cli_arg(cli, 1);
	bool is_export = action && strcmp(action, "export") == 0;

	if (action == NULL)
		return walk(cli, print_all, NULL);
	if (strcmp(action, "count") == 0)
		return file ? pz_cli_usage(cli, "audit count takes no file") : count(cli);
	if (!is_export && strcmp(action, "verify") != 0)
		return pz_cli_usage(
			cli, "unknown action '%.40s'; use count, export or verify, or none to list",
			action);
	if (pz_cli_opt(cli, "since") || pz_cli_opt(cli, "who") || pz_cli_opt(cli, "denied"))
		return pz_cli_usage(cli, "audit %s is about the whole log; it takes no options",
				    action);
	if (is_export && file == NULL)
		return pz_cli_usage(cli, "audit export needs the name of a new file, or -");
	if (is_export)
		return pz_pzp_audit_export(cli, file);
	return file ? pz_pzp_audit_verify_file(cli, file) : verify(cli);
}
