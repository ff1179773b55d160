/* pzp policy list, show, set, edit: the policies of this device and of its zone. @spec page 9, 13;
 * page 12 "pzp" */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli/value.h"
#include "cli_policy/commands.h"
#include "policies/default.h"
#include "policies/upgrade.h"
#include "policy/document.h"

#define SET_TIMEOUT_MS 60000U /* a long document on a slow line */
#define FILE_BYTES_MAX PZ_POLICY_DOCUMENT_BYTES_MAX

extern char **environ;

/* ---- list and show ---- */

static int
print_slots(struct pz_cli *cli, const json_t *list)
{
	static const char *const titles[] = {"SLOT", "STATE", "VERSION", "RULES", "CHANGED", "BY"};
	struct pz_cli_table *table = pz_cli_table_new(titles, 6);
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		json_int_t time = json_integer_value(json_object_get(one, "time"));
		bool is_lost = json_is_false(json_object_get(one, "stored"));
		bool is_bad = json_object_get(one, "error") != NULL || is_lost;
		char scratch[32], when[32] = "";

		if (time > 0)
			pz_cli_time(time / 1000, when);
		pz_cli_table_add(table, PZ_CLI_PLAIN, pz_cli_member(one, "slot", scratch));
		pz_cli_table_add(table, is_bad ? PZ_CLI_RED : PZ_CLI_PLAIN,
				 is_lost ? "valid, not on disk"
					 : pz_cli_member(one, "state", scratch));
		pz_cli_table_add(table, PZ_CLI_PLAIN, pz_cli_member(one, "sequence", scratch));
		pz_cli_table_add(table, PZ_CLI_PLAIN, pz_cli_member(one, "rules", scratch));
		pz_cli_table_add(table, PZ_CLI_PLAIN, when);
		pz_cli_table_add(table, PZ_CLI_PLAIN, pz_cli_member(one, "author", scratch));
	}
	return pz_cli_print_table(cli, table);
}

/* Unchanged, because another command may read the file. */
static int
print_document(struct pz_cli *cli, const json_t *slot)
{
	const json_t *document = json_object_get(slot, "document");

	if (!json_is_string(document))
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "there is no such policy on this device");
	if (cli->out_is_tty) {
		PZ_AUTO_FREE char *clean = pz_cli_clean(json_string_value(document), true);
		fputs(clean ? clean : "", cli->out);
	} else {
		fwrite(json_string_value(document), 1, json_string_length(document), cli->out);
	}
	return PZ_EXIT_DONE;
}

static const char *
slot_of(const struct pz_cli *cli)
{
	const char *slot = pz_cli_arg(cli, 1);

	return slot ? slot : "user";
}

int
pz_pzp_policy_list(struct pz_cli *cli)
{
	if (cli->args.count > 1)
		return pz_cli_usage(cli, "policy list takes no arguments");
	return pz_cli_show(cli, "policy-list", NULL, PZ_CLI_TIMEOUT_MS, print_slots);
}

int
pz_pzp_policy_show(struct pz_cli *cli)
{
	if (cli->args.count > 2)
		return pz_cli_usage(cli, "usage: policy show [SLOT]");
	return pz_cli_show(cli, "policy-show", json_pack("{s:s}", "slot", slot_of(cli)),
			   PZ_CLI_TIMEOUT_MS, print_document);
}

/* ---- set ---- */

static int
print_set(struct pz_cli *cli, const json_t *result)
{
	const json_t *sequence = json_object_get(result, "sequence");

	if (sequence)
		fprintf(cli->out, "the policy of the zone is version %lld now\n",
			(long long)json_integer_value(sequence));
	else
		fputs("the exceptions of this device have changed\n", cli->out);
	return PZ_EXIT_DONE;
}

/* Adds --base and --force. @return false: wrong usage */
static bool
add_options(struct pz_cli *cli, json_t *params)
{
	const char *base = pz_cli_opt(cli, "base");
	char *end = NULL;

	if (base) {
		errno = 0;
		long long number = strtoll(base, &end, 10);
		if (end == base || *end != '\0' || errno != 0 || number < 0)
			return false;
		json_object_set_new(params, "base", json_integer(number));
	}
	if (pz_cli_opt(cli, "force"))
		json_object_set_new(params, "force", json_true());
	return true;
}

static int
send_set(struct pz_cli *cli, json_t *params)
{
	if (params == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "the document is not UTF-8");
	if (!add_options(cli, params)) {
		json_decref(params);
		return pz_cli_usage(cli, "--base takes the number that 'pzp policy list' shows");
	}
	return pz_cli_show(cli, "policy-set", params, SET_TIMEOUT_MS, print_set);
}

int
pz_pzp_policy_set(struct pz_cli *cli)
{
	bool is_removal = pz_cli_opt(cli, "remove") != NULL;
	const char *slot = cli->args.count > 2 || is_removal ? pz_cli_arg(cli, 1) : "user";
	const char *path = pz_cli_arg(cli, cli->args.count > 2 ? 2 : 1);
	size_t len = 0;

	if (cli->args.count != (is_removal ? 2 : 3) && !(cli->args.count == 2 && !is_removal))
		return pz_cli_usage(cli, "usage: policy set [SLOT] FILE, or policy set "
					 "exceptions --remove");
	if (is_removal)
		return send_set(cli, json_pack("{s:s, s:b}", "slot", slot, "remove", 1));
	PZ_AUTO_FREE char *text = pz_cli_read_file(cli, path, FILE_BYTES_MAX, &len);
	if (text == NULL)
		return PZ_EXIT_FAILED;
	return send_set(cli, json_pack("{s:s, s:s%}", "slot", slot, "document", text, len));
}

/* ---- edit ---- */

/* A document that a person is editing. */
struct work {
	const char *slot;
	json_int_t base;
	char path[512];
	json_t *document; /* its present content, or NULL */
};

static int
write_file(struct pz_cli *cli, struct work *w, const json_t *document)
{
	const char *folder = getenv("TMPDIR");
	size_t len = json_string_length(document);

	snprintf(w->path, sizeof(w->path), "%.400s/pzp-policy-XXXXXX.xml",
		 folder && folder[0] ? folder : "/tmp");
	int fd = mkstemps(w->path, (int)strlen(".xml")); /* 0600 */
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool is_written = file && fwrite(json_string_value(document), 1, len, file) == len;
	if (file)
		is_written = fclose(file) == 0 && is_written;
	else if (fd >= 0)
		close(fd);
	return is_written
		       ? PZ_EXIT_DONE
		       : pz_cli_fail(cli, PZ_EXIT_FAILED, "%.400s: %s", w->path, strerror(errno));
}

/* As other programs do: the variable may contain arguments, which the shell separates. */
static int
run_editor(struct pz_cli *cli, const struct work *w)
{
	char shell[] = "sh", option[] = "-c", name[] = "pzp";
	char script[] = "exec ${VISUAL:-${EDITOR:-vi}} \"$1\"";
	PZ_AUTO_FREE char *path = strdup(w->path);
	char *argv[] = {shell, option, script, name, path, NULL};
	int status = 0;
	pid_t pid;

	if (path == NULL || posix_spawnp(&pid, shell, NULL, NULL, argv, environ) != 0)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "cannot start an editor");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return pz_cli_fail(cli, PZ_EXIT_FAILED,
				   "the editor has failed; nothing was changed (EDITOR names the "
				   "program)");
	return PZ_EXIT_DONE;
}

static int
read_back(struct pz_cli *cli, struct work *w)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *doc = NULL;
	struct pz_policy_fault fault = {0, {""}};
	size_t len = 0;
	PZ_AUTO_FREE char *text = pz_cli_read_file(cli, w->path, FILE_BYTES_MAX, &len);

	if (text == NULL)
		return PZ_EXIT_FAILED;
	if (pz_policy_document_parse(pz_slice_of(text, len), &doc, &fault) != PZ_OK)
		return pz_cli_fail(cli, PZ_EXIT_FAILED,
				   "%.200s:%u: %.200s; nothing was changed, your text is in that "
				   "file",
				   w->path, fault.line, fault.info.text);
	json_decref(w->document);
	w->document = json_stringn(text, len);
	return w->document ? PZ_EXIT_DONE
			   : pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s is not UTF-8", w->path);
}

/* Shows the decisions about the last real requests that would change. */
static int
show_differences(struct pz_cli *cli, const struct work *w)
{
	json_t *result = NULL;
	int status =
		pz_cli_request(cli, "policy-compare",
			       json_pack("{s:s, s:O}", "slot", w->slot, "document", w->document),
			       PZ_CLI_TIMEOUT_MS, NULL, NULL, &result);
	const json_t *list = json_object_get(result, "differences"), *one;
	size_t i;

	if (status != PZ_EXIT_DONE || cli->json) {
		json_decref(result);
		return status;
	}
	fprintf(cli->out, "of the last %lld requests %zu would be decided differently\n",
		(long long)json_integer_value(json_object_get(result, "requests")),
		json_array_size(list));
	json_array_foreach (list, i, one) {
		char a[32], b[32], c[32], d[32];
		PZ_AUTO_FREE char *who = pz_cli_clean(pz_cli_member(one, "who", a), false);
		PZ_AUTO_FREE char *what = pz_cli_clean(pz_cli_member(one, "what", b), false);
		fprintf(cli->out, "  %s, %s: %s instead of %s\n", who ? who : "", what ? what : "",
			pz_cli_member(one, "after", c), pz_cli_member(one, "before", d));
	}
	json_decref(result);
	return status;
}

/* If the change fails the file stays: a person's work must not be lost. */
static int
store(struct pz_cli *cli, const struct work *w)
{
	int status = show_differences(cli, w);

	if (status == PZ_EXIT_DONE)
		status = pz_cli_confirm(cli, "Replace the %s policy?", w->slot);
	if (status == PZ_EXIT_DONE)
		status = send_set(cli, json_pack("{s:s, s:O, s:I}", "slot", w->slot, "document",
						 w->document, "base", w->base));
	if (status == PZ_EXIT_DONE)
		unlink(w->path);
	else
		fprintf(cli->err, "pzp: your text is in %s\n", w->path);
	return status;
}

static int
edit(struct pz_cli *cli, struct work *w, const json_t *shown)
{
	const json_t *document = json_object_get(shown, "document");
	json_t *empty = json_string("<policy combine=\"first-applicable\">\n</policy>\n");

	w->base = json_integer_value(json_object_get(shown, "sequence"));
	int status = write_file(cli, w, json_is_string(document) ? document : empty);
	json_decref(empty);
	if (status == PZ_EXIT_DONE)
		status = run_editor(cli, w);
	if (status == PZ_EXIT_DONE)
		status = read_back(cli, w);
	if (status != PZ_EXIT_DONE)
		return status;
	if (json_is_string(document) && json_equal(document, w->document)) {
		unlink(w->path);
		fputs("nothing was changed\n", cli->err);
		return PZ_EXIT_DONE;
	}
	return store(cli, w);
}

int
pz_pzp_policy_edit(struct pz_cli *cli)
{
	struct work w = {.slot = slot_of(cli)};
	json_t *shown = NULL;

	if (cli->args.count > 2)
		return pz_cli_usage(cli, "usage: policy edit [SLOT]");
	int status = pz_cli_request(cli, "policy-show", json_pack("{s:s}", "slot", w.slot),
				    PZ_CLI_TIMEOUT_MS, NULL, NULL, &shown);
	if (status == PZ_EXIT_DONE)
		status = edit(cli, &w, shown);
	json_decref(shown);
	json_decref(w.document);
	return status;
}

/* ---- upgrade ---- */

/* The same texts as `pzp rules`: the decision about the call, and the sentence of the rule. */
static void
print_missing(const struct pz_cli *cli, const struct pz_upgrade_rule *rules, size_t count)
{
	fprintf(cli->out, "this version's default policy has %zu rule%s that the zone's lacks:\n",
		count, count == 1 ? "" : "s");
	for (size_t i = 0; i < count; i++)
		fprintf(cli->out, "  %.*s: %.*s\n", (int)rules[i].effect.len,
			(const char *)rules[i].effect.ptr, (int)rules[i].description.len,
			(const char *)rules[i].description.ptr);
}

static int
upgrade(struct pz_cli *cli, struct work *w, const json_t *shown)
{
	const json_t *document = json_object_get(shown, "document");
	struct pz_slice text =
		pz_slice_of(json_string_value(document), json_string_length(document));
	struct pz_upgrade_rule rules[PZ_UPGRADE_RULES_MAX];
	struct pz_errinfo info = {""};
	PZ_AUTO_FREE char *after = NULL;
	size_t count = pz_policies_missing(text, pz_policies_default(), rules);

	if (count == 0) {
		fputs("the zone's policy lacks no rule of this version's default\n", cli->err);
		return PZ_EXIT_DONE;
	}
	if (pz_policies_upgrade(text, rules, count, &after, &info) != PZ_OK)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%s", info.text);
	w->base = json_integer_value(json_object_get(shown, "sequence"));
	w->document = json_string(after);
	if (!cli->json)
		print_missing(cli, rules, count);
	int status = show_differences(cli, w);
	if (status == PZ_EXIT_DONE)
		status = pz_cli_confirm(cli, "Add %s to the policy of the zone?",
					count == 1 ? "this rule" : "these rules");
	return status != PZ_EXIT_DONE
		       ? status
		       : send_set(cli, json_pack("{s:s, s:O, s:I}", "slot", w->slot, "document",
						 w->document, "base", w->base));
}

int
pz_pzp_policy_upgrade(struct pz_cli *cli)
{
	struct work w = {.slot = "user"};
	json_t *shown = NULL;

	if (cli->args.count > 1)
		return pz_cli_usage(cli, "policy upgrade takes no arguments");
	int status = pz_cli_request(cli, "policy-show", json_pack("{s:s}", "slot", w.slot),
				    PZ_CLI_TIMEOUT_MS, NULL, NULL, &shown);
	if (status == PZ_EXIT_DONE)
		status = upgrade(cli, &w, shown);
	json_decref(shown);
	json_decref(w.document);
	return status;
}
