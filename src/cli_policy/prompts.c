/*
 * pzp prompts, pzp policy answers: questions that wait for a person, and the answers. Text that
 * others have chosen is shown as plain text (pz_cli_clean), and an accidental key press cannot
 * allow anything: an answer is a command. @spec page 9, 11; page 12; page 14 PRM-4
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli_policy/commands.h"

#define SHORT_ID_CHARS 8 /* shown, and sufficient to answer */

/* ---- questions ---- */

/* "rule: …" if there is a text. */
static void
print_line(const struct pz_cli *cli, const char *label, const char *text)
{
	PZ_AUTO_FREE char *clean = pz_cli_clean(text, false);

	if (clean && clean[0])
		fprintf(cli->out, "  %s: %s\n", label, clean);
}

/* The strictest answer comes first, as in the daemon's list. */
static void
print_answers(const struct pz_cli *cli, const json_t *question)
{
	char id[32], scratch[32];
	json_t *answer;
	size_t i;

	json_array_foreach (json_object_get(question, "answers"), i, answer) {
		const char *remember = pz_cli_member(answer, "remember", scratch);
		bool is_once = strcmp(remember, "once") == 0;
		PZ_AUTO_FREE char *text =
			pz_cli_clean(pz_cli_member(answer, "text", scratch), false);

		fprintf(cli->out, "    pzp prompts %.*s %s%s%s  (%s)\n", SHORT_ID_CHARS,
			pz_cli_member(question, "id", id),
			json_string_value(json_object_get(answer, "answer")),
			is_once ? "" : " --remember ",
			is_once ? "" : json_string_value(json_object_get(answer, "remember")),
			text ? text : "");
	}
}

static void
print_question(const struct pz_cli *cli, const json_t *question)
{
	const json_t *who = json_object_get(question, "who"),
		     *what = json_object_get(question, "what");
	double left = json_number_value(json_object_get(question, "until")) - (double)time(NULL);
	char scratch[32];
	PZ_AUTO_FREE char *text = pz_cli_clean(pz_cli_member(question, "text", scratch), false);

	fprintf(cli->out, "%s\n", text ? text : "");
	print_line(cli, "the device calls itself", pz_cli_member(who, "displayName", scratch));
	print_line(cli, "asked by this device of yours",
		   pz_cli_member(question, "device", scratch));
	print_line(cli, "function", pz_cli_member(what, "function", scratch));
	print_line(cli, "service", pz_cli_member(what, "service", scratch));
	print_line(cli, "rule", pz_cli_member(question, "rule", scratch));
	fprintf(cli->out, "  answer within %d s, or the call is denied:\n",
		left > 0 ? (int)left : 0);
	print_answers(cli, question);
	fflush(cli->out);
}

static int
print_questions(struct pz_cli *cli, const json_t *list)
{
	json_t *question;
	size_t i;

	if (json_array_size(list) == 0)
		fputs("no questions wait\n", cli->out);
	json_array_foreach (list, i, question)
		print_question(cli, question);
	return PZ_EXIT_DONE;
}

/* ---- watching ---- */

static bool
on_event(void *arg, json_t *event)
{
	const struct pz_cli *cli = arg;
	char scratch[32];

	if (cli->json)
		return pz_cli_print_json(cli, event) == PZ_EXIT_DONE && !ferror(cli->out);
	if (strcmp(pz_cli_member(event, "event", scratch), "prompt") == 0) {
		print_question(cli, event);
	} else {
		PZ_AUTO_FREE char *why =
			pz_cli_clean(pz_cli_member(event, "reason", scratch), false);

		fprintf(cli->out, "%.*s  %s\n", SHORT_ID_CHARS, pz_cli_member(event, "id", scratch),
			why ? why : "");
		fflush(cli->out);
	}
	return !ferror(cli->out);
}

static int
watch(struct pz_cli *cli)
{
	json_t *ignored = NULL;
	int status = pz_cli_catch_interrupts(cli);

	if (status == PZ_EXIT_DONE)
		status = pz_cli_request(cli, "prompts", json_pack("{s:b}", "watch", true), 0,
					on_event, cli, &ignored);
	json_decref(ignored);
	return status;
}

/* ---- answering ---- */

/* The answer that applies may be weaker than the requested one: the policy decides. */
static int
print_answer(struct pz_cli *cli, const json_t *result)
{
	const char *answer = json_string_value(json_object_get(result, "answer"));
	const char *remember = json_string_value(json_object_get(result, "remember"));
	bool is_late = json_is_true(json_object_get(result, "late"));

	fprintf(cli->out, "%s%s%s%s\n",
		answer && strcmp(answer, "allow") == 0 ? "allowed" : "denied",
		remember && strcmp(remember, "session") == 0  ? " for this session"
		: remember && strcmp(remember, "always") == 0 ? " always"
							      : " this time",
		remember && strcmp(remember, "once") != 0 &&
				!json_is_true(json_object_get(result, "remembered"))
			? ", but it could not be stored and counts once"
			: "",
		is_late ? "; too late for the call, which was denied" : "");
	return PZ_EXIT_DONE;
}

static int
answer(struct pz_cli *cli, const char *id, const char *verdict)
{
	json_t *params = json_pack("{s:s, s:s}", "id", id, "answer", verdict);

	if (params == NULL)
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	pz_cli_opt_param(cli, params, "remember");
	return pz_cli_show(cli, "prompts", params, PZ_CLI_TIMEOUT_MS, print_answer);
}

int
pz_pzp_cmd_prompts(struct pz_cli *cli)
{
	const char *id = pz_cli_arg(cli, 0), *verdict = pz_cli_arg(cli, 1);
	const char *remember = pz_cli_opt(cli, "remember");
	bool watches = pz_cli_opt(cli, "watch") != NULL;

	if (remember && strcmp(remember, "once") != 0 && strcmp(remember, "session") != 0 &&
	    strcmp(remember, "always") != 0)
		return pz_cli_usage(cli, "--remember %s: must be once, session or always",
				    remember);
	if (id &&
	    (verdict == NULL || (strcmp(verdict, "allow") != 0 && strcmp(verdict, "deny") != 0)))
		return pz_cli_usage(cli, "prompts ID needs allow or deny");
	if (watches && id)
		return pz_cli_usage(cli, "--watch takes no ID");
	if (remember && id == NULL)
		return pz_cli_usage(cli, "--remember goes with an answer: ID allow or deny");
	if (watches)
		return watch(cli);
	if (id)
		return answer(cli, id, verdict);
	return pz_cli_show(cli, "prompts", NULL, PZ_CLI_TIMEOUT_MS, print_questions);
}

/* ---- what was answered ---- */

static int
print_stored(struct pz_cli *cli, const json_t *list)
{
	static const char *const titles[] = {"ID",     "ANSWER", "REMEMBER", "ZONE",
					     "DEVICE", "APP",    "FEATURE",  "SERVICE"};
	static const char *const members[] = {"id",     "answer", "remember", "zone",
					      "device", "app",    "feature",  "service"};

	return pz_cli_print_rows(cli, list, titles, members, 8);
}

static int
print_done(struct pz_cli *cli, const json_t *result)
{
	(void)result;
	fputs("forgotten: the question comes again\n", cli->out);
	return PZ_EXIT_DONE;
}

int
pz_pzp_policy_answers(struct pz_cli *cli)
{
	const char *id = pz_cli_opt(cli, "delete");
	bool all = pz_cli_opt(cli, "all") != NULL;
	char *end = NULL;

	if (cli->args.count > 1)
		return pz_cli_usage(cli, "policy answers takes options only: --delete ID, --all");
	if (id && all)
		return pz_cli_usage(cli, "either --delete ID or --all, not both");
	if (all)
		return pz_cli_show(cli, "prompt-answers", json_pack("{s:b}", "all", true),
				   PZ_CLI_TIMEOUT_MS, print_done);
	if (id == NULL)
		return pz_cli_show(cli, "prompt-answers", NULL, PZ_CLI_TIMEOUT_MS, print_stored);
	long long number = strtoll(id, &end, 10);
	if (number < 1 || *end)
		return pz_cli_usage(cli, "--delete %s: must be a number of `pzp policy answers`",
				    id);
	return pz_cli_show(cli, "prompt-answers", json_pack("{s:I}", "delete", (json_int_t)number),
			   PZ_CLI_TIMEOUT_MS, print_done);
}
