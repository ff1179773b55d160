/* pzp watch. @spec page 12 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzp/commands.h"
#include "ctl/client.h"

#define LOOK_AGAIN_MS 200 /* for a daemon that does not run */

/* ---- an event ---- */

/* "2025-01-01 12:30:05  state  from=connecting  to=connected": its name, then its simple
 * members. */
static void
print_event(const struct pz_cli *cli, const json_t *event)
{
	double when = json_number_value(json_object_get(event, "time"));
	char date[32], scratch[32];
	const char *key;
	json_t *value;
	char *what = pz_cli_clean(pz_cli_member(event, "event", scratch), false);

	pz_cli_time(when > 0 ? (int64_t)when : (int64_t)time(NULL), date);
	fprintf(cli->out, "%s  %s", date, what ? what : "");
	free(what);
	json_object_foreach ((json_t *)event, key, value) {
		const char *text = pz_pzp_pref_text(event, key, scratch);
		char *clean_key, *clean;

		if (text[0] == '\0' || strcmp(key, "event") == 0 || strcmp(key, "time") == 0)
			continue;
		clean_key = pz_cli_clean(key, false);
		clean = pz_cli_clean(text, false);
		fprintf(cli->out, "  %s=%s", clean_key ? clean_key : "", clean ? clean : "");
		free(clean_key);
		free(clean);
	}
	fputc('\n', cli->out);
	fflush(cli->out);
}

static bool
on_event(void *arg, json_t *event)
{
	const struct pz_cli *cli = arg;

	if (cli->json)
		return pz_cli_print_json(cli, event) == PZ_EXIT_DONE && !ferror(cli->out);
	print_event(cli, event);
	return !ferror(cli->out);
}

/* ---- waiting for the daemon ---- */

/* @return false: the person has interrupted, or the output is closed */
static bool
wait_a_moment(const struct pz_cli *cli, bool is_first, const char *why)
{
	struct pollfd stop = {.fd = cli->stop_fd, .events = POLLIN};

	if (is_first) {
		json_t *event = json_pack("{s:s, s:s, s:f}", "event", "waiting", "reason", why,
					  "time", (double)time(NULL));
		bool goes_on = event && on_event((void *)(uintptr_t)cli, event);

		json_decref(event);
		if (!goes_on)
			return false;
	}
	return poll(&stop, 1, LOOK_AGAIN_MS) == 0;
}

/* One connection to the daemon, until it ends. @return PZ_OK: interrupted, or refused with
 * *out_status */
static enum pz_err
watch_once(struct pz_cli *cli, bool *out_was_there, int *out_status, struct pz_errinfo *info)
{
	struct pz_ctl_error error = {.exit = 0};
	json_t *result = NULL;

	PZ_TRY(pz_cli_connect(cli, info));
	*out_was_there = true;
	enum pz_err err =
		pz_ctl_request(cli->client, "watch", NULL, 0, on_event, cli, &result, &error, info);
	json_decref(result);
	pz_ctl_client_free(cli->client);
	cli->client = NULL;
	if (err == PZ_ERR_IO_CLOSED)
		return pz_fail(info, err, "%s has ended", cli->program->daemon);
	if (err == PZ_OK && error.exit != 0)
		*out_status = pz_cli_fail(cli, error.exit, "%s", error.message);
	return err;
}

int
pz_pzp_cmd_watch(struct pz_cli *cli)
{
	bool waits = pz_cli_opt(cli, "wait") != NULL, is_first = true;
	int status = pz_cli_catch_interrupts(cli);

	while (status == PZ_EXIT_DONE) {
		struct pz_errinfo info = {""};
		bool was_there = false;
		enum pz_err err = watch_once(cli, &was_there, &status, &info);
		const char *why = info.text[0] ? info.text : pz_err_text(err);

		if (err == PZ_OK)
			return status;
		if (!waits)
			return pz_cli_fail(cli, PZ_EXIT_NO_DAEMON,
					   was_there ? "%s; with --wait it waits for the next start"
						     : "%s; with --wait it waits for the start",
					   why);
		if (!wait_a_moment(cli, is_first || was_there, why))
			return PZ_EXIT_DONE;
		is_first = false;
	}
	return status;
}
