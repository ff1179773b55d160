/*
 * pzp send: several files at once, so that a thousand small ones do not wait for each other. Each
 * uses its own connection to the daemon, because a request carries one descriptor. If the daemon is
 * lost, the program waits for it and repeats the requests.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/text.h"
#include "cli_files/commands.h"
#include "cli_files/progress.h"
#include "ctl/client.h"
#include "ctl/server.h"

#define SLOTS PZ_TRANSFERS_PER_PEER_MAX
#define WAIT_MS 200    /* wait for events, and for a daemon that does not run */
#define LOST_MS 30000U /* for a daemon that was lost, without --wait */

struct sending {
	struct pz_cli *cli;
	const char *device;
	struct pz_files_list list;
	size_t next; /* index of the next file */
	struct pz_ctl_client *clients[SLOTS];
	struct pz_files_item *items[SLOTS]; /* the file that the client is sending, or NULL */
	struct pz_files_progress progress;
	uint64_t lost_ms; /* when the daemon was lost; 0: there is one */
	bool was_there;   /* the daemon was reached at least once */
	bool is_taken;    /* the device has accepted an offer: now several at once */
	bool has_problem; /* no file can be sent to the device */
	int status;
};

static void
note(struct sending *s, int status)
{
	if (s->status == PZ_EXIT_DONE)
		s->status = status;
}

static void
complain(struct sending *s, const struct pz_files_item *item, int status, const char *text)
{
	PZ_AUTO_FREE char *file = pz_files_label(item);

	pz_files_progress_clear(&s->progress);
	note(s, pz_cli_fail_file(s->cli, status, file, "%s", text));
}

/* ---- one file ---- */

static bool
on_event(void *arg, json_t *event)
{
	struct sending *s = arg;
	const struct pz_cli *cli = s->cli;

	if (cli->json)
		return pz_cli_print_json(cli, event) == PZ_EXIT_DONE && !ferror(cli->out);
	return true;
}

struct told {
	struct sending *sending;
	struct pz_files_item *item;
};

/* The connection of an event shows which file it is about. */
static struct told slots_told[SLOTS];

/* The first value is what an earlier attempt has sent. */
static void
note_sent(struct sending *s, struct pz_files_item *item, const json_t *event)
{
	json_int_t sent = json_integer_value(json_object_get(event, "sent"));

	if (!item->has_begun)
		item->first_sent = sent;
	else if (sent > item->sent)
		item->moved += sent - item->sent;
	item->has_begun = true;
	item->sent = sent;
	item->size = json_integer_value(json_object_get(event, "size"));
	s->is_taken = true;
}

static bool
on_slot_event(void *arg, json_t *event)
{
	const struct told *told = arg;
	struct pz_files_item *item = told->item;
	const char *waiting = json_string_value(json_object_get(event, "waiting"));

	if (json_object_get(event, "problem")) { /* the request will fail with the same text */
		item->has_problem = true;
		return true;
	}
	free(item->waiting);
	item->waiting = waiting ? pz_cli_clean(waiting, false) : NULL;
	if (waiting == NULL)
		note_sent(told->sending, item, event);
	return on_event(told->sending, event);
}

static void
over(struct sending *s, size_t slot)
{
	struct pz_files_item *item = s->items[slot];

	s->items[slot] = NULL;
	item->state = PZ_FILES_OVER;
	if (item->fd >= 0)
		close(item->fd);
	item->fd = -1;
}

static void
print_done(struct sending *s, const struct pz_files_item *item, const json_t *result)
{
	double seconds = json_number_value(json_object_get(result, "seconds"));
	char size[32], rate[32], scratch[32];
	char *file = pz_cli_clean(pz_cli_member(result, "file", scratch), false);
	char *as = pz_cli_clean(pz_cli_member(result, "as", scratch), false);

	pz_files_progress_clear(&s->progress);
	pz_files_amount((double)item->size, size);
	pz_files_amount(seconds > 0 ? (double)(item->size - item->first_sent) / seconds : 0, rate);
	fprintf(s->cli->out, "%s: %s in %.1f s, %s/s%s%s\n", file ? file : "", size, seconds, rate,
		as && file && strcmp(as, file) != 0 ? ", there as " : "",
		as && file && strcmp(as, file) != 0 ? as : "");
	fflush(s->cli->out);
	free(file);
	free(as);
}

static void
ended(struct sending *s, size_t slot, const json_t *result, const struct pz_ctl_error *error)
{
	struct pz_files_item *item = s->items[slot];

	if (error->exit != 0) {
		complain(s, item, error->exit, error->message);
		/* Now that the reason was shown: the event may come a moment before the end. */
		s->has_problem |= item->has_problem;
		item->sent = item->size; /* nothing of it remains to be sent */
	} else if (s->cli->json && result) {
		if (pz_cli_print_json(s->cli, result) != PZ_EXIT_DONE)
			note(s, PZ_EXIT_FAILED);
	} else if (result) {
		item->sent = item->size;
		print_done(s, item, result);
	}
	over(s, slot);
}

static json_t *
params_of(const struct sending *s, const struct pz_files_item *item)
{
	json_t *params =
		json_pack("{s:s, s:s, s:s, s:b, s:b, s:b}", "device", s->device, "name", item->name,
			  "id", item->id, "wait", pz_cli_opt(s->cli, "wait") != NULL, "again",
			  (int)item->is_again, "digest", s->cli->json);

	if (params && item->path)
		(void)json_object_set(params, "path", item->path);
	return params;
}

/* @return false: it cannot be sent, which was printed */
static bool
begin(struct sending *s, size_t slot, struct pz_files_item *item)
{
	struct pz_errinfo info = {""};

	if (item->fd < 0 && item->source)
		item->fd = pz_files_open(item->source, &item->size, &info);
	json_t *params = item->fd < 0 ? NULL : params_of(s, item);
	if (item->fd >= 0 && params == NULL)
		(void)pz_fail(&info, PZ_ERR_CONFIG, "%s: its name is not UTF-8; %s",
			      item->source ? item->source : "",
			      item->path ? "rename it" : "give another one with --name");
	slots_told[slot] = (struct told){s, item};
	s->items[slot] = item;
	item->state = PZ_FILES_RUNS;
	free(item->waiting);
	item->waiting = NULL;
	if (params) {
		pz_ctl_client_pass(s->clients[slot], item->fd);
		if (pz_ctl_begin(s->clients[slot], "send", params, on_slot_event, &slots_told[slot],
				 &info) == PZ_OK)
			return true;
	}
	complain(s, item, PZ_EXIT_FAILED, info.text);
	over(s, slot);
	return false;
}

/* ---- the daemon ---- */

static void
lose(struct sending *s, size_t slot)
{
	struct pz_files_item *item = s->items[slot];

	pz_ctl_client_free(s->clients[slot]);
	s->clients[slot] = NULL;
	s->items[slot] = NULL;
	if (item) {
		item->state = PZ_FILES_WAITS;
		item->is_again = true;
		free(item->waiting);
		item->waiting = strdup("pzpd has ended, and is waited for");
		item->has_begun = false;
	}
	if (s->lost_ms == 0)
		s->lost_ms = pz_files_now_ms();
}

/* @return false: there is no daemon, and the program does not wait any longer; this was printed */
static bool
connect_slot(struct sending *s, size_t slot)
{
	struct pz_cli own = *s->cli;
	struct pz_errinfo info = {""};
	bool is_quiet = s->was_there;

	own.client = NULL;
	own.json |= is_quiet; /* the daemon's place was printed before */
	enum pz_err err = pz_cli_connect(&own, &info);
	if (err == PZ_OK) {
		s->clients[slot] = own.client;
		s->was_there = true;
		s->lost_ms = 0;
		return true;
	}
	if (s->lost_ms == 0)
		s->lost_ms = pz_files_now_ms();
	if (s->was_there &&
	    (pz_cli_opt(s->cli, "wait") || pz_files_now_ms() - s->lost_ms < LOST_MS))
		return true;
	pz_files_progress_clear(&s->progress);
	own.json = s->cli->json;
	s->status = pz_cli_no_daemon(&own, err, &info,
				     s->was_there ? "; run the same command again to resume" : "");
	return false;
}

/* ---- all ---- */

static struct pz_files_item *
next_item(struct sending *s)
{
	while (s->next < s->list.count && s->list.items[s->next].state != PZ_FILES_WAITS)
		s->next++;
	if (s->next < s->list.count)
		return &s->list.items[s->next++];
	for (size_t i = 0; i < s->list.count && s->lost_ms == 0; i++)
		if (s->list.items[i].state == PZ_FILES_WAITS)
			return &s->list.items[i]; /* a file of a daemon that was lost */
	return NULL;
}

/* Until the device has accepted an offer only one file is offered: each would find out separately,
 * after some time, that the device is offline. */
static size_t
slots_to_fill(const struct sending *s)
{
	for (size_t i = 1; i < SLOTS && !s->is_taken; i++)
		if (s->items[i])
			return 0;
	return s->is_taken ? SLOTS : 1;
}

/* A fault of the device concerns all other files. */
static void
drop_rest(struct sending *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->list.count; i++) {
		if (s->list.items[i].state != PZ_FILES_WAITS)
			continue;
		s->list.items[i].state = PZ_FILES_OVER;
		count++;
	}
	pz_files_progress_clear(&s->progress);
	if (count > 0)
		note(s, pz_cli_fail(s->cli, PZ_EXIT_FAILED,
				    "%zu more files were not sent, for the same reason", count));
}

/* Gives each free connection a file. @return false: there is no daemon */
static bool
fill(struct sending *s)
{
	for (size_t i = 0, slots = slots_to_fill(s); i < slots; i++) {
		struct pz_files_item *item = s->items[i] ? NULL : next_item(s);
		if (item == NULL)
			continue;
		if (s->clients[i] == NULL && !connect_slot(s, i))
			return false;
		if (s->clients[i] == NULL) { /* not connected yet */
			s->next = 0;
			return true;
		}
		(void)begin(s, i, item);
	}
	return true;
}

static void
proceed(struct sending *s, size_t slot)
{
	struct pz_ctl_error error = {0};
	struct pz_errinfo info = {""};
	json_t *result = NULL;
	bool has_ended = false;
	enum pz_err err = pz_ctl_proceed(s->clients[slot], &has_ended, &result, &error, &info);

	if (err == PZ_ERR_IO_CLOSED || err == PZ_ERR_IO) {
		lose(s, slot);
		s->next = 0;
	} else if (err != PZ_OK) {
		error.exit = PZ_EXIT_FAILED;
		snprintf(error.message, sizeof(error.message), "%s", info.text);
		ended(s, slot, NULL, &error);
		lose(s, slot);
	} else if (has_ended) {
		ended(s, slot, result, &error);
	}
	json_decref(result);
}

static bool
is_over(const struct sending *s)
{
	for (size_t i = 0; i < s->list.count; i++)
		if (s->list.items[i].state != PZ_FILES_OVER)
			return false;
	return true;
}

static int
run(struct sending *s)
{
	bool is_stopped = false;

	pz_files_progress_init(&s->progress, s->cli, &s->list);
	while (!is_stopped && !ferror(s->cli->out)) {
		if (!fill(s))
			return s->status;
		for (size_t i = 0; i < SLOTS; i++)
			if (s->items[i])
				proceed(s, i);
		if (s->has_problem)
			drop_rest(s);
		if (is_over(s))
			break;
		pz_files_progress_draw(&s->progress);
		is_stopped = pz_ctl_wait(s->clients, SLOTS, s->cli->stop_fd, WAIT_MS);
	}
	pz_files_progress_clear(&s->progress);
	if (is_stopped)
		return pz_cli_fail(s->cli, PZ_EXIT_FAILED,
				   "interrupted; run the same command again to resume");
	return s->status;
}

int
pz_files_cmd_send(struct pz_cli *cli)
{
	struct sending s = {.cli = cli, .device = pz_cli_arg(cli, cli->args.count - 1)};
	bool has_some = pz_files_list_make(&s.list, cli);

	s.status = s.list.status;
	if (has_some && s.status != PZ_EXIT_USAGE) {
		int caught = pz_cli_catch_interrupts(cli);
		s.status = caught == PZ_EXIT_DONE ? run(&s) : caught;
	}
	for (size_t i = 0; i < SLOTS; i++)
		pz_ctl_client_free(s.clients[i]);
	pz_files_list_fini(&s.list);
	return s.status;
}
