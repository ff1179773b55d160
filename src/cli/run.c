/*
 * What every command of both programs does: finds the daemon and connects, makes requests, prints
 * results and reasons, asks for confirmation, catches interrupts. The program around it is
 * program.c.
 *
 * A reason is one line. With --json it is a JSON object on standard output instead, so a script
 * always reads one document. Everything that came from a daemon is cleaned before it reaches a
 * terminal (text.c): other people choose the names of their devices.
 */
#include "cli/run.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cli/qr.h"
#include "cli/text.h"
#include "conf/datadir.h"
#include "conf/settings.h"
#include "ctl/client.h"
#include "ctl/server.h"

#define PATH_BYTES_MAX 4096
#define LINE_BYTES 1024 /* length of a reason */

/* ---- arguments ---- */

const char *
pz_cli_arg(const struct pz_cli *cli, unsigned number)
{
	return number < cli->args.count ? cli->args.positionals[number] : NULL;
}

const char *
pz_cli_opt(const struct pz_cli *cli, const char *name)
{
	return pz_cli_args_value(&cli->args, name);
}

void
pz_cli_opt_param(const struct pz_cli *cli, json_t *params, const char *name)
{
	const char *value = pz_cli_opt(cli, name);

	if (value)
		json_object_set_new(params, name, json_string(value));
}

/* ---- reasons ---- */

/* Printed with a reason: a hint for people, a file for programs; or NULL. */
struct beside {
	const char *hint, *file;
};

static void tell(const struct pz_cli *cli, int status, struct beside beside, const char *fmt,
		 va_list ap) PZ_PRINTF(4, 0);

/* @return false: writing to standard output has failed */
static bool
has_written_json(const struct pz_cli *cli, const json_t *error)
{
	if (json_dumpf(error, cli->out, JSON_COMPACT) != 0 || fputc('\n', cli->out) == EOF)
		return false;
	return fflush(cli->out) == 0 && !ferror(cli->out);
}

/* With --json the reason is the only document on standard output. It goes to standard error only if
 * standard output cannot be written. */
static void
tell(const struct pz_cli *cli, int status, struct beside beside, const char *fmt, va_list ap)
{
	char text[LINE_BYTES];
	char *clean, *file = beside.file ? pz_cli_clean(beside.file, false) : NULL;
	json_t *error;

	vsnprintf(text, sizeof(text), fmt, ap);
	clean = pz_cli_clean(text, false);
	error = cli->json && clean ? json_pack("{s:{s:i, s:s}, s:s*}", "error", "exit", status,
					       "message", clean, "file", file)
				   : NULL;
	if (error == NULL || !has_written_json(cli, error))
		fprintf(cli->err, "%s: %s%s\n", cli->program->name, clean ? clean : "out of memory",
			beside.hint ? beside.hint : "");
	json_decref(error);
	free(clean);
	free(file);
}

int
pz_cli_fail(const struct pz_cli *cli, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(cli, status, (struct beside){NULL, NULL}, fmt, ap);
	va_end(ap);
	return status;
}

int
pz_cli_fail_file(const struct pz_cli *cli, int status, const char *file, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(cli, status, (struct beside){NULL, file}, fmt, ap);
	va_end(ap);
	return status;
}

int
pz_cli_usage(const struct pz_cli *cli, const char *fmt, ...)
{
	const struct pz_cli_command *command = cli->args.command;
	char hint[96];
	va_list ap;

	snprintf(hint, sizeof(hint), "; see '%s%s%s --help'", cli->program->name,
		 command ? " " : "", command ? command->name : "");
	va_start(ap, fmt);
	tell(cli, PZ_EXIT_USAGE, (struct beside){hint, NULL}, fmt, ap);
	va_end(ap);
	return PZ_EXIT_USAGE;
}

/* ---- the daemon ---- */

/* --data-dir, else the program's own variable, else the directory of conf/datadir.h. */
enum pz_err
pz_cli_data_dir(const struct pz_cli *cli, char **out_dir, struct pz_errinfo *info)
{
	const char *given = pz_cli_opt(cli, "data-dir");
	struct pz_buf dir;
	enum pz_err err;
	char *copy = NULL;

	pz_buf_init(&dir, PATH_BYTES_MAX, NULL);
	if (given)
		err = pz_buf_append_str(&dir, given);
	else
		err = pz_data_dir_default(cli->program->data_dir_env, cli->program->leaf, &dir);
	if (err == PZ_OK && (copy = pz_slice_dup(pz_buf_slice(&dir))) == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	pz_buf_fini(&dir);
	if (err != PZ_OK)
		return pz_fail(info, err, "no data directory: give --data-dir or set %s",
			       cli->program->data_dir_env);
	*out_dir = copy;
	return PZ_OK;
}

/* The daemon's socket, which its configuration file may move. NULL: out of memory. */
static char *
socket_path(const struct pz_cli *cli, char *data_dir)
{
	static char program[] = "", option[] = "--data-dir";
	char *argv[] = {program, option, data_dir, NULL};
	struct pz_settings settings;
	char *path = NULL;

	if (pz_cli_opt(cli, "control-socket"))
		return strdup(pz_cli_opt(cli, "control-socket"));
	if (pz_settings_load(cli->program->settings, 3, argv, &settings, NULL) == PZ_OK) {
		path = strdup(settings.control_socket);
		pz_settings_free(&settings);
	} else if (asprintf(&path, "%s/control.sock", data_dir) < 0) {
		return NULL;
	}
	return path;
}

/* True if the person has chosen a daemon explicitly. */
static bool
is_named(const struct pz_cli *cli)
{
	const char *dir = getenv(cli->program->data_dir_env);

	return pz_cli_opt(cli, "data-dir") || pz_cli_opt(cli, "control-socket") || (dir && dir[0]);
}

/* Connects to the system's daemon, at the socket of its unit (packaging/systemd/system). */
static bool
connect_to_system(struct pz_cli *cli, const char *data_dir)
{
	static const char *const places[] = {"/run", "/var/lib"};
	const char *leaf = cli->program->leaf;
	char path[128], system_dir[64];

	snprintf(system_dir, sizeof(system_dir), "/var/lib/%s", leaf);
	if (is_named(cli) &&
	    (pz_cli_opt(cli, "control-socket") || strcmp(data_dir, system_dir) != 0))
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/control.sock", places[i], leaf);
		enum pz_err err = pz_ctl_connect(path, &cli->client, NULL);
		if (err == PZ_OK) {
			if (!is_named(cli) && !cli->json)
				fprintf(cli->err, "%s: using the system's %s (%s)\n",
					cli->program->name, cli->program->daemon, path);
			return true;
		}
		if (err == PZ_ERR_DENIED_PERMISSION)
			cli->is_system_denied = true;
	}
	return false;
}

/* First the person's own daemon; the system's daemon if that does not run and no daemon was
 * chosen. */
enum pz_err
pz_cli_connect(struct pz_cli *cli, struct pz_errinfo *info)
{
	PZ_AUTO_FREE char *dir = NULL;
	PZ_AUTO_FREE char *path = NULL;

	if (cli->client)
		return PZ_OK;
	PZ_TRY(pz_cli_data_dir(cli, &dir, info));
	path = socket_path(cli, dir);
	if (path == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_ctl_connect(path, &cli->client, info);
	if (err == PZ_ERR_IO_REFUSED && connect_to_system(cli, dir))
		err = PZ_OK;
	if (err == PZ_OK)
		pz_ctl_client_stop_fd(cli->client, cli->stop_fd);
	return err;
}

int
pz_cli_no_daemon(const struct pz_cli *cli, enum pz_err err, const struct pz_errinfo *info,
		 const char *more)
{
	const char *daemon = cli->program->daemon, *text = pz_errinfo_text(info, err);

	if (err == PZ_ERR_DENIED_PERMISSION)
		return pz_cli_fail(cli, PZ_EXIT_NO_DAEMON,
				   "%s; %s runs as another user: use sudo, or join its "
				   "control-group",
				   text, daemon);
	if (cli->is_system_denied)
		return pz_cli_fail(cli, PZ_EXIT_NO_DAEMON,
				   "you run no %s, and the system's one runs as another user: use "
				   "sudo, or join its control-group (%s)",
				   daemon, text);
	return pz_cli_fail(cli, PZ_EXIT_NO_DAEMON, "cannot reach the daemon (is %s running?): %s%s",
			   daemon, text, more);
}

/* There was a connection: a daemon that has ended since is reported as unreachable. */
static int
request_failed(const struct pz_cli *cli, enum pz_err err, const struct pz_errinfo *info)
{
	const char *text = info->text[0] ? info->text : pz_err_text(err);

	if (err == PZ_ERR_IO_CLOSED)
		return pz_cli_fail(cli, PZ_EXIT_NO_DAEMON, "%s: %s", cli->program->daemon, text);
	return pz_cli_fail(cli, pz_ctl_exit_code(err), "%s: %s", cli->program->daemon, text);
}

void
pz_cli_pass(struct pz_cli *cli, int fd)
{
	cli->file = fd;
}

void
pz_cli_close_offline(struct pz_cli *cli)
{
	if (cli->offline.close)
		cli->offline.close(cli->offline.self);
	cli->offline = (struct pz_cli_offline){0};
}

static int
run_offline(struct pz_cli *cli, const char *method, json_t *params, json_t **out_result)
{
	struct pz_errinfo info = {""};
	json_t *object = params ? json_incref(params) : json_object();
	enum pz_err err = cli->offline.run(cli->offline.self, method, object, cli->file,
					   cli->stop_fd, out_result, &info);

	json_decref(object);
	return err == PZ_OK
		       ? PZ_EXIT_DONE
		       : pz_cli_fail(cli, pz_ctl_exit_code(err), "%s", pz_errinfo_text(&info, err));
}

/* @param params takes ownership */
static int
ask_daemon(struct pz_cli *cli, const char *method, json_t *params, unsigned timeout_ms,
	   bool (*on_event)(void *arg, json_t *event), void *arg, json_t **out_result)
{
	struct pz_errinfo info = {""};
	struct pz_ctl_error error;
	enum pz_err err = pz_cli_connect(cli, &info);

	if (err != PZ_OK) {
		json_decref(params);
		return pz_cli_no_daemon(cli, err, &info, "");
	}
	pz_ctl_client_pass(cli->client, cli->file);
	err = pz_ctl_request(cli->client, method, params, timeout_ms, on_event, arg, out_result,
			     &error, &info);
	if (err != PZ_OK)
		return request_failed(cli, err, &info);
	if (error.exit != 0)
		return pz_cli_fail(cli, error.exit, "%s", error.message);
	return PZ_EXIT_DONE;
}

int
pz_cli_request(struct pz_cli *cli, const char *method, json_t *params, unsigned timeout_ms,
	       bool (*on_event)(void *arg, json_t *event), void *arg, json_t **out_result)
{
	int status;

	*out_result = NULL;
	if (cli->offline.run) {
		status = run_offline(cli, method, params, out_result);
		json_decref(params);
	} else {
		status = ask_daemon(cli, method, params, timeout_ms, on_event, arg, out_result);
	}
	cli->file = -1;
	return status;
}

int
pz_cli_show(struct pz_cli *cli, const char *method, json_t *params, unsigned timeout_ms,
	    int (*print)(struct pz_cli *cli, const json_t *result))
{
	json_t *result;
	int status = pz_cli_request(cli, method, params, timeout_ms, NULL, NULL, &result);

	if (status == PZ_EXIT_DONE && result)
		status = cli->json ? pz_cli_print_json(cli, result) : print(cli, result);
	json_decref(result);
	return status;
}

/* ---- output ---- */

static int
print_text(const struct pz_cli *cli, const char *text)
{
	PZ_AUTO_FREE char *clean = NULL;

	/* A pipe gets the bytes unchanged, a terminal only what cannot control it. */
	if (cli->out_is_tty && text)
		clean = pz_cli_clean(text, true);
	if (clean)
		text = clean;
	else if (cli->out_is_tty)
		text = NULL;
	if (text == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "out of memory");
	fprintf(cli->out, "%s\n", text);
	fflush(cli->out); /* a reader of the stream waits for each line */
	return PZ_EXIT_DONE;
}

int
pz_cli_print_json(const struct pz_cli *cli, const json_t *value)
{
	PZ_AUTO_FREE char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	return print_text(cli, text);
}

int
pz_cli_print_value(const struct pz_cli *cli, const json_t *value)
{
	PZ_AUTO_FREE char *text = NULL;

	if (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value))
		return print_text(cli, json_string_value(value)); /* otherwise it contains a NUL */
	/* 15 digits are exact for numbers that people write; --json prints all 17. */
	text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	return print_text(cli, text);
}

int
pz_cli_print_table(const struct pz_cli *cli, struct pz_cli_table *table)
{
	size_t width = pz_cli_opt(cli, "long") ? 0 : cli->width;
	enum pz_err err = table ? pz_cli_table_print(table, cli->out, cli->colour, width)
				: PZ_ERR_LIMIT_MEMORY;

	pz_cli_table_free(table);
	if (err != PZ_OK)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%s", pz_err_text(err));
	return PZ_EXIT_DONE;
}

int
pz_cli_print_rows(const struct pz_cli *cli, const json_t *list, const char *const *titles,
		  const char *const *members, size_t columns)
{
	struct pz_cli_table *t = pz_cli_table_new(titles, columns);
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		for (size_t m = 0; t && m < columns; m++) {
			char scratch[32];

			pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, members[m], scratch));
		}
	}
	return pz_cli_print_table(cli, t);
}

int
pz_cli_print_whole_table(const struct pz_cli *cli, struct pz_cli_table *table)
{
	struct pz_cli whole = *cli;

	whole.width = 0;
	return pz_cli_print_table(&whole, table);
}

/* Only "y" and "yes" confirm; the end of the input does not. */
int
pz_cli_confirm(const struct pz_cli *cli, const char *fmt, ...)
{
	char line[16] = "";
	va_list ap;

	if (pz_cli_opt(cli, "yes"))
		return PZ_EXIT_DONE;
	if (!cli->in_is_tty)
		return pz_cli_usage(cli, "no terminal to ask on: give --yes");
	va_start(ap, fmt);
	vfprintf(cli->err, fmt, ap);
	va_end(ap);
	fprintf(cli->err, " [y/n] ");
	fflush(cli->err);
	if (fgets(line, sizeof(line), cli->in) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0)
			return PZ_EXIT_DONE;
	}
	return pz_cli_fail(cli, PZ_EXIT_FAILED, "not confirmed, nothing was done");
}

/* As a descriptor, so that the running request ends and the command cleans up (signalfd(2)). */
int
pz_cli_catch_interrupts(struct pz_cli *cli)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	cli->stop_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (cli->stop_fd < 0)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "signalfd: too many open files");
	return PZ_EXIT_DONE;
}

/* If it does not fit on the terminal, the link is enough. */
void
pz_cli_print_qr(const struct pz_cli *cli, const char *link)
{
	struct pz_cli_qr_place place = pz_cli_qr_place(cli->colour, cli->width);
	struct pz_errinfo info = {""};

	if (!cli->out_is_tty || pz_cli_opt(cli, "no-qr"))
		return;
	if (pz_cli_qr_print(link, &place, cli->out, &info) != PZ_OK)
		fprintf(cli->out, "(no QR code: %s)\n", info.text);
	fputc('\n', cli->out);
}
