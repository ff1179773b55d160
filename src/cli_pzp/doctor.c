/* pzp doctor, bugreport: what may be wrong with this device, even if pzpd does not run; and a
 * report of it for the developers. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzp/commands.h"
#include "ctl/client.h"
#include "diagnose/finding.h"
#include "diagnose/offline.h"
#include "diagnose/report.h"

#define DOCTOR_TIMEOUT_MS 30000U /* more than the daemon's longest examination */

/* ---- the daemon ---- */

static void
add_daemon(json_t *list, const json_t *status)
{
	char scratch[2][32];
	const char *version = pz_cli_member(status, "version", scratch[0]);
	const char *pid = pz_cli_member(status, "pid", scratch[1]);

	if (strcmp(version, PZ_VERSION) == 0)
		pz_finding_ok(list, PZ_CHECK_DAEMON, "version %s runs, pid %s", version, pid);
	else
		pz_finding_bad(list, PZ_CHECK_DAEMON,
			       "restart pzpd, which runs as it was before the upgrade",
			       "pzpd has version %s, pzp has %s", version, PZ_VERSION);
}

static int
examine_by_daemon(struct pz_cli *cli, json_t *list)
{
	json_t *status = NULL, *findings = NULL;
	int code = pz_cli_request(cli, "status", NULL, PZ_CLI_TIMEOUT_MS, NULL, NULL, &status);

	if (code == PZ_EXIT_DONE)
		code = pz_cli_request(cli, "doctor", NULL, DOCTOR_TIMEOUT_MS, NULL, NULL,
				      &findings);
	if (code == PZ_EXIT_DONE) {
		add_daemon(list, status);
		(void)json_array_extend(list, findings);
	}
	json_decref(status);
	json_decref(findings);
	return code;
}

static int
examine_alone(struct pz_cli *cli, enum pz_err why, const char *text, json_t *list)
{
	PZ_AUTO_FREE char *dir = NULL;
	struct pz_errinfo info = {""};

	pz_finding_bad(
		list, PZ_CHECK_DAEMON,
		why == PZ_ERR_DENIED_PERMISSION || cli->is_system_denied
			? "pzpd runs as another user: use sudo, or join its control-group"
			: "start it, e.g. by `systemctl --user start pzpd`; what only a daemon "
			  "knows was not checked",
		"pzpd cannot be reached: %s", text);
	if (pz_cli_data_dir(cli, &dir, &info) != PZ_OK)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%s", info.text);
	json_t *findings = pz_diagnose_offline(dir);
	(void)json_array_extend(list, findings);
	json_decref(findings);
	return PZ_EXIT_DONE;
}

/* By the daemon, or in this process if no daemon can be reached. @param out_findings new array */
static int
examine(struct pz_cli *cli, json_t **out_findings)
{
	struct pz_errinfo info = {""};
	json_t *list = json_array();

	if (list == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "out of memory");
	enum pz_err err = pz_cli_connect(cli, &info);
	int code = err == PZ_OK ? examine_by_daemon(cli, list)
				: examine_alone(cli, err, pz_errinfo_text(&info, err), list);
	if (code == PZ_EXIT_DONE)
		*out_findings = list;
	else
		json_decref(list);
	return code;
}

/* ---- output ---- */

static void
add_finding(struct pz_cli_table *t, const json_t *one)
{
	char scratch[3][32];
	const char *detail = pz_cli_member(one, "detail", scratch[0]);
	const char *advice = pz_cli_member(one, "advice", scratch[1]);
	bool is_ok = json_is_true(json_object_get(one, "ok"));
	bool is_skipped = json_is_true(json_object_get(one, "skipped"));

	pz_cli_table_add(t,
			 is_skipped ? PZ_CLI_PLAIN
			 : is_ok    ? PZ_CLI_GREEN
				    : PZ_CLI_RED,
			 is_skipped ? "-"
			 : is_ok    ? "ok"
				    : "WRONG");
	pz_cli_table_add(t, PZ_CLI_BOLD, pz_check_title(pz_cli_member(one, "check", scratch[2])));
	pz_cli_table_addf(t, PZ_CLI_PLAIN, "%s%s%s", detail, advice[0] ? "; " : "", advice);
}

static int
print_findings(const struct pz_cli *cli, const json_t *findings)
{
	struct pz_cli_table *t;
	json_t *one;
	size_t i;

	if (cli->json)
		return pz_cli_print_json(cli, findings);
	t = pz_cli_table_new(NULL, 3);
	json_array_foreach (findings, i, one)
		if (t)
			add_finding(t, one);
	/* A fault must not be cut. */
	return pz_cli_print_whole_table(cli, t);
}

int
pz_pzp_cmd_doctor(struct pz_cli *cli)
{
	json_t *findings = NULL;
	int code = examine(cli, &findings);

	if (code != PZ_EXIT_DONE)
		return code;
	code = print_findings(cli, findings);
	if (code == PZ_EXIT_DONE && !pz_findings_are_ok(findings))
		code = PZ_EXIT_FAILED;
	json_decref(findings);
	return code;
}

/* ---- the report ---- */

/* NULL without a message if there is no answer: an older daemon may not know the command. */
static json_t *
ask(struct pz_cli *cli, const char *method)
{
	struct pz_ctl_error error;
	json_t *result = NULL;

	if (cli->client == NULL)
		return NULL;
	if (pz_ctl_request(cli->client, method, NULL, PZ_CLI_TIMEOUT_MS, NULL, NULL, &result,
			   &error, NULL) != PZ_OK) {
		pz_ctl_client_free(cli->client);
		cli->client = NULL;
	}
	return result;
}

/* Readable only by the person, until they have checked it. @return NULL: the reason was printed */
static FILE *
open_file(const struct pz_cli *cli, const char *path)
{
	if (strcmp(path, "-") == 0)
		return cli->out;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (file == NULL)
		(void)pz_cli_fail(cli, PZ_EXIT_FAILED, "cannot make %s: %s", path,
				  errno == EEXIST ? "the file exists already; give another name"
						  : strerror(errno));
	return file;
}

static int
show_path(const struct pz_cli *cli, const char *path)
{
	if (!cli->json) {
		fprintf(cli->out, "%s: read it before you send it\n", path);
		return PZ_EXIT_DONE;
	}
	json_t *result = json_pack("{s:s}", "file", path);
	int code = pz_cli_print_json(cli, result);
	json_decref(result);
	return code;
}

static int
write_report(const struct pz_cli *cli, const struct pz_report *report, const char *path)
{
	FILE *file = open_file(cli, path);

	if (file == NULL)
		return PZ_EXIT_FAILED;
	bool is_whole = pz_report_write(report, file) == PZ_OK;
	bool is_written = fflush(file) == 0 && !ferror(file);
	int error = errno;
	if (file == cli->out)
		return is_whole && is_written
			       ? PZ_EXIT_DONE
			       : pz_cli_fail(cli, PZ_EXIT_FAILED, "cannot write the report");
	is_written = fclose(file) == 0 && is_written;
	if (is_whole && is_written)
		return show_path(cli, path);
	(void)unlink(path); /* half a report is misleading */
	return pz_cli_fail(cli, PZ_EXIT_FAILED, "cannot write %s: %s", path,
			   is_whole ? strerror(error) : "out of memory");
}

int
pz_pzp_cmd_bugreport(struct pz_cli *cli)
{
	struct pz_report report = {
		.data_dir = pz_cli_opt(cli, "data-dir"),
		.wall_ms = (uint64_t)time(NULL) * 1000,
	};
	if (cli->json && strcmp(pz_cli_arg(cli, 0), "-") == 0)
		return pz_cli_usage(cli, "the report is text: give a file with --json");
	int code = examine(cli, &report.findings);
	if (code != PZ_EXIT_DONE)
		return code;
	report.status = ask(cli, "status");
	report.log = ask(cli, "log");
	report.peers = ask(cli, "peers");
	report.user = ask(cli, "user");
	report.prefs = ask(cli, "prefs");
	report.apps = ask(cli, "data-list");
	code = write_report(cli, &report, pz_cli_arg(cli, 0));
	json_t *all[] = {report.findings, report.status, report.log, report.peers,
			 report.user,     report.prefs,  report.apps};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_decref(all[i]);
	return code;
}
