/*
 * pzp pair: the pairing window, its digits, the answer. Two requests at once: `pair` follows the
 * window, `pair-answer` sends yes or no; keys are read meanwhile. Other people choose the names
 * (pz_cli_clean). The window closes when this program ends. @spec page 6 "Strangers", page 12
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/host.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzp/commands.h"
#include "ctl/client.h"

#define DIGITS 6
#define ROWS 5        /* height of a large digit */
#define TICK_MS 1000  /* interval of the count-down */
#define LINE_BYTES 64 /* length of an answer */

struct pairing {
	struct pz_cli *cli;
	struct pz_ctl_client
		*clients[2];     /* for `pair`, or `pair-answer` with --yes-if; for the answer */
	char digits[DIGITS + 1]; /* as shown; "": not known yet */
	char partner[160];       /* cleaned */
	char detail[320];        /* the last failure that was printed */
	char line[LINE_BYTES];   /* the input up to the end of the line */
	size_t line_len;
	time_t end_s; /* monotonic */
	enum { ASK_MATCH, ASK_REMEMBER, ASK_NOTHING } ask;
	bool is_shown;  /* "waiting" was printed */
	bool is_member; /* the partner has a zone */
	bool remember, has_input;
};

static bool
is_screen(const struct pairing *p)
{
	return p->cli->out_is_tty && !p->cli->json;
}

static time_t
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* ---- the screen ---- */

/* Large enough to be read across a table. */
static void
print_large(FILE *out, const char *digits)
{
	static const char *const font[10][ROWS] = {
		{"###", "# #", "# #", "# #", "###"}, {"  #", "  #", "  #", "  #", "  #"},
		{"###", "  #", "###", "#  ", "###"}, {"###", "  #", "###", "  #", "###"},
		{"# #", "# #", "###", "  #", "  #"}, {"###", "#  ", "###", "  #", "###"},
		{"###", "#  ", "###", "# #", "###"}, {"###", "  #", "  #", "  #", "  #"},
		{"###", "# #", "###", "# #", "###"}, {"###", "# #", "###", "  #", "###"},
	};

	for (int row = 0; row < ROWS; row++) {
		fputs("    ", out);
		for (int i = 0; i < DIGITS; i++) {
			const char *bits = font[digits[i] - '0'][row];
			for (int k = 0; k < 3; k++)
				fputs(bits[k] == '#' ? "██" : "  ", out);
			fputs(i == DIGITS / 2 - 1 ? "     " : "  ", out);
		}
		fputc('\n', out);
	}
}

static void
print_prompt(const struct pairing *p)
{
	long left = (long)(p->end_s - now_s());

	if (!is_screen(p) || p->digits[0] == '\0' || p->ask == ASK_NOTHING)
		return;
	if (left < 0)
		left = 0;
	if (p->ask == ASK_MATCH)
		fprintf(p->cli->out, "\rThe same six digits on both screens? [y/n]  %ld:%02ld  ",
			left / 60, left % 60);
	else
		fprintf(p->cli->out, "\rAlso remember each other as friends? [y/n]  %ld:%02ld  ",
			left / 60, left % 60);
	fflush(p->cli->out);
}

static void
print_waiting(struct pairing *p, const json_t *event)
{
	json_int_t port = json_integer_value(json_object_get(event, "port"));

	if (!p->is_shown && port)
		fprintf(p->cli->out,
			"waiting for the other device: run `pzp pair` there, too, within two "
			"minutes\n(it is found on the local network, or finds this device at port "
			"%lld)\n",
			(long long)port);
	else if (!p->is_shown)
		fputs("waiting for the other device: run `pzp pair` there, too, within two "
		      "minutes\n(this device accepts no connection: see `pzp status`)\n",
		      p->cli->out);
	p->is_shown = true;
}

static void
print_detail(struct pairing *p, const json_t *event)
{
	char scratch[32];
	PZ_AUTO_FREE char *detail = pz_cli_clean(pz_cli_member(event, "detail", scratch), false);

	if (detail == NULL || detail[0] == '\0' || strcmp(detail, p->detail) == 0)
		return;
	snprintf(p->detail, sizeof(p->detail), "%s", detail);
	fprintf(p->cli->err, "%s: %s\n", p->cli->program->name, detail);
}

static void
note_partner(struct pairing *p, const json_t *partner)
{
	char scratch[2][32];
	PZ_AUTO_FREE char *name =
		pz_cli_clean(pz_cli_member(partner, "displayName", scratch[0]), false);
	PZ_AUTO_FREE char *id = pz_cli_clean(pz_cli_member(partner, "id", scratch[1]), false);

	if (!json_is_object(partner) || name == NULL || id == NULL)
		return;
	p->is_member = json_is_string(json_object_get(partner, "zone"));
	snprintf(p->partner, sizeof(p->partner), "\"%.64s\" (%.90s)", name, id);
}

static void
print_digits(struct pairing *p)
{
	FILE *out = p->cli->out;

	fprintf(out, "\npairing with %s%s\n\n", p->partner,
		p->is_member ? "" : ", a device without a zone");
	if (is_screen(p)) {
		print_large(out, p->digits);
		fputc('\n', out);
	}
	fprintf(out, "    %.3s %.3s\n\n", p->digits, p->digits + 3);
	fflush(out);
}

/* @return false: the output is closed */
static bool
on_event(void *arg, json_t *event)
{
	struct pairing *p = arg;
	const char *digits = json_string_value(json_object_get(event, "digits"));
	bool is_new = digits && strlen(digits) == DIGITS &&
		      strspn(digits, "0123456789") == DIGITS && p->digits[0] == '\0';

	p->end_s = now_s() + (time_t)json_integer_value(json_object_get(event, "secondsLeft"));
	note_partner(p, json_object_get(event, "partner"));
	if (is_new)
		memcpy(p->digits, digits, sizeof(p->digits));
	if (p->cli->json)
		return pz_cli_print_json(p->cli, event) == PZ_EXIT_DONE && !ferror(p->cli->out);
	if (is_new)
		print_digits(p);
	else if (p->digits[0] == '\0')
		print_waiting(p, event);
	print_detail(p, event);
	fflush(p->cli->out);
	return !ferror(p->cli->out);
}

/* ---- the end ---- */

static int
exit_of(const json_t *result)
{
	const char *error = json_string_value(json_object_get(result, "error"));

	if (json_is_true(json_object_get(result, "trusted")))
		return PZ_EXIT_DONE;
	if (error && strcmp(error, "IO_TIMEOUT") == 0)
		return PZ_EXIT_TIMEOUT;
	return error && strncmp(error, "DENIED", 6) == 0 ? PZ_EXIT_DENIED : PZ_EXIT_FAILED;
}

/* The reason why a pairing is not remembered, if both persons wanted that. */
static void
say_why_not(const struct pairing *p, const char *reason)
{
	if (p->remember && !p->is_member)
		fputs("nothing is remembered: a device without a zone has none that could be a "
		      "friend\n",
		      p->cli->out);
	else if (p->remember || reason[0])
		fprintf(p->cli->out, "not remembered: %s\n",
			reason[0] ? reason
				  : "the other side did not want that, or this device is in no "
				    "zone");
}

static int
show_result(struct pairing *p, const json_t *result)
{
	char scratch[32];
	int status = exit_of(result);
	bool is_remembered = json_is_true(json_object_get(result, "remembered"));
	PZ_AUTO_FREE char *reason = pz_cli_clean(pz_cli_member(result, "reason", scratch), false);

	if (p->cli->json) {
		int printed = pz_cli_print_json(p->cli, result);
		return printed == PZ_EXIT_DONE ? status : printed;
	}
	if (is_screen(p) && p->digits[0])
		fputc('\n', p->cli->out);
	if (status != PZ_EXIT_DONE)
		return pz_cli_fail(p->cli, status, "%s", reason ? reason : "failed");
	note_partner(p, json_object_get(result, "partner"));
	fprintf(p->cli->out, "paired with %s: trusted %s\n", p->partner,
		is_remembered ? "and remembered, its zone is a friend"
			      : "until pzpd ends, by this device only");
	if (!is_remembered)
		say_why_not(p, reason ? reason : "");
	return PZ_EXIT_DONE;
}

/* ---- answering ---- */

/* @param is_yes the digits on both screens are equal */
static int
answer(struct pairing *p, bool is_yes)
{
	struct pz_errinfo info = {""};
	json_t *params = json_pack("{s:b}", "remember", (int)p->remember);

	p->ask = ASK_NOTHING;
	if (is_yes && params)
		json_object_set_new(params, "digits", json_string(p->digits));
	p->clients[0] = PZ_TAKE(p->cli->client);
	enum pz_err err = pz_cli_connect(p->cli, &info);
	p->clients[1] = PZ_TAKE(p->cli->client);
	p->cli->client = p->clients[0];
	if (err == PZ_OK)
		err = pz_ctl_begin(p->clients[1], "pair-answer", params, NULL, NULL, &info);
	else
		json_decref(params);
	if (err == PZ_OK)
		return PZ_EXIT_DONE;
	return pz_cli_fail(p->cli, PZ_EXIT_FAILED, "%s", pz_errinfo_text(&info, err));
}

/* Handles a complete line. Only "y" and "yes" mean yes, only "n" and "no" mean no. */
static int
take_line(struct pairing *p)
{
	const char *line = p->line;
	bool is_yes = strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
	bool is_no = strcasecmp(line, "n") == 0 || strcasecmp(line, "no") == 0;

	if (!is_yes && !is_no)
		return PZ_EXIT_DONE;
	if (p->ask == ASK_MATCH && is_no)
		return answer(p, false);
	if (p->ask == ASK_MATCH && !p->remember && p->is_member && p->cli->in_is_tty) {
		p->ask = ASK_REMEMBER;
		return PZ_EXIT_DONE;
	}
	if (p->ask == ASK_REMEMBER)
		p->remember = is_yes;
	return answer(p, true);
}

/* Reads what is available. The end of the input is not an answer: another `pzp pair` may give
 * it. */
static int
read_answer(struct pairing *p)
{
	char bytes[LINE_BYTES];
	ssize_t len = read(fileno(p->cli->in), bytes, sizeof(bytes));
	int status = PZ_EXIT_DONE;

	if (len <= 0)
		p->has_input = false;
	for (ssize_t i = 0; i < len && status == PZ_EXIT_DONE; i++) {
		if (bytes[i] != '\n') {
			if (p->line_len < sizeof(p->line) - 1 && bytes[i] != '\r')
				p->line[p->line_len++] = bytes[i];
			continue;
		}
		p->line[p->line_len] = '\0';
		p->line_len = 0;
		if (p->ask != ASK_NOTHING)
			status = take_line(p);
	}
	return status;
}

/* ---- the loop ---- */

/* The answer was refused, or has ended the pairing, which the first request reports. */
static int
proceed_answer(struct pairing *p)
{
	struct pz_ctl_error error = {.exit = 0};
	struct pz_errinfo info = {""};
	json_t *result = NULL;
	bool is_over = false;

	if (p->clients[1] == NULL)
		return PZ_EXIT_DONE;
	enum pz_err err = pz_ctl_proceed(p->clients[1], &is_over, &result, &error, &info);
	json_decref(result);
	if (err == PZ_OK && !is_over)
		return PZ_EXIT_DONE;
	pz_ctl_client_free(PZ_TAKE(p->clients[1]));
	return error.exit ? pz_cli_fail(p->cli, error.exit, "%s", error.message) : PZ_EXIT_DONE;
}

/* @param out_over the command has ended, and returns its status */
static int
proceed(struct pairing *p, bool *out_over)
{
	struct pz_ctl_error error = {.exit = 0};
	struct pz_errinfo info = {""};
	json_t *result = NULL;
	int status;

	*out_over = false;
	enum pz_err err = pz_ctl_proceed(p->clients[0], out_over, &result, &error, &info);
	if (err == PZ_OK && !*out_over)
		return PZ_EXIT_DONE;
	*out_over = true;
	if (err != PZ_OK)
		status = pz_cli_fail(p->cli, PZ_EXIT_FAILED, "%s", pz_errinfo_text(&info, err));
	else if (error.exit)
		status = pz_cli_fail(p->cli, error.exit, "%s", error.message);
	else
		status = result ? show_result(p, result) : PZ_EXIT_FAILED;
	json_decref(result);
	return status;
}

static int
follow(struct pairing *p)
{
	bool is_over = false;
	int status = PZ_EXIT_DONE;

	while (status == PZ_EXIT_DONE && !is_over) {
		bool reads = p->has_input && p->digits[0] && p->ask != ASK_NOTHING;

		print_prompt(p);
		if (pz_ctl_wait(p->clients, 2, reads ? fileno(p->cli->in) : -1, TICK_MS))
			status = read_answer(p);
		if (status == PZ_EXIT_DONE)
			status = proceed_answer(p);
		if (status == PZ_EXIT_DONE)
			status = proceed(p, &is_over);
	}
	return status;
}

/* ---- the command ---- */

static json_t *
pair_params(struct pairing *p, const char *where)
{
	char host[PZ_HOST_BYTES_MAX + 1];
	unsigned port = 0; /* 0: the daemon's default */

	if (where && !pz_cli_split_host(where, host, &port)) {
		pz_cli_usage(p->cli, "%.80s: not an ADDRESS[:PORT]", where);
		return NULL;
	}
	json_t *params = json_pack("{s:b}", "remember", (int)p->remember);
	if (where && params)
		json_object_set_new(params, "host", json_string(host));
	if (port && params)
		json_object_set_new(params, "port", json_integer(port));
	return params;
}

int
pz_pzp_cmd_pair(struct pz_cli *cli)
{
	const char *digits = pz_cli_opt(cli, "yes-if"), *where = pz_cli_arg(cli, 0);
	struct pairing p = {.cli = cli, .has_input = digits == NULL};
	struct pz_errinfo info = {""};
	json_t *params;

	p.remember = pz_cli_opt(cli, "remember") != NULL;
	p.ask = digits ? ASK_NOTHING : ASK_MATCH;
	if (digits && where)
		return pz_cli_usage(cli, "--yes-if joins the window that is open: no ADDRESS");
	if (digits)
		params = json_pack("{s:s, s:b}", "digits", digits, "remember", (int)p.remember);
	else
		params = pair_params(&p, where);
	if (params == NULL)
		return PZ_EXIT_USAGE;
	enum pz_err err = pz_cli_connect(cli, &info);
	if (err != PZ_OK) {
		json_decref(params);
		return pz_cli_fail(cli, PZ_EXIT_NO_DAEMON,
				   "cannot reach the daemon (is %s running?): %s",
				   cli->program->daemon, pz_errinfo_text(&info, err));
	}
	p.clients[0] = cli->client;
	err = pz_ctl_begin(p.clients[0], digits ? "pair-answer" : "pair", params, on_event, &p,
			   &info);
	int status = err == PZ_OK
			     ? follow(&p)
			     : pz_cli_fail(cli, PZ_EXIT_FAILED, "%s", pz_errinfo_text(&info, err));
	pz_ctl_client_free(p.clients[1]);
	return status;
}
