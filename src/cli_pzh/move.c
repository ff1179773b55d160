/* pzh export, import: a zone moves to another hub. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/auto.h"
#include "base/codec.h"
#include "base/host.h"
#include "cli/host.h"
#include "cli/passphrase.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzh/archive_file.h"
#include "cli_pzh/commands.h"
#include "ctl/server.h"
#include "record/record.h"
#include "zone/notice.h"

#define MOVE_TIMEOUT_MS                                                                            \
	120000U /* a zone of 16384 devices, each of whose certificates is checked                  \
		 */

/** What both commands use, and wipe. */
struct task {
	struct pz_cli *cli;
	const char *path;
	uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];
	json_t *result;
};

/* From here on the process holds keys, so it must not leave a core file. */
static void
task_init(struct task *task, struct pz_cli *cli)
{
	(void)prctl(PR_SET_DUMPABLE, 0); /* keys must not be in core files (page 14, KEY-5) */
	*task = (struct task){.cli = cli, .path = pz_cli_arg(cli, 0)};
}

static void
task_fini(struct task *task)
{
	sodium_memzero(task->key, sizeof(task->key));
	json_decref(task->result);
}

/* Prints the reason of a failure. @return exit status */
static int
told(const struct task *task, enum pz_err err, const struct pz_errinfo *info)
{
	if (err == PZ_OK)
		return PZ_EXIT_DONE;
	return pz_cli_fail(task->cli, pz_ctl_exit_code(err), "%s",
			   info->text[0] ? info->text : pz_err_text(err));
}

/* The same for an error of the file. */
static int
told_of_archive(const struct task *task, enum pz_err err, const struct pz_errinfo *info)
{
	if (err == PZ_OK)
		return PZ_EXIT_DONE;
	return pz_cli_fail(task->cli, pz_ctl_exit_code(err), "%s: %s", task->path,
			   info->text[0] ? info->text : pz_err_text(err));
}

/* argon2id runs in this process: the passphrase never leaves it, and the daemon gets only the
 * key. */
static int
make_key(struct task *task, bool is_new)
{
	struct pz_cli_passphrase passphrase;
	struct pz_errinfo info = {""};
	int status = pz_cli_passphrase_read(task->cli, is_new, &passphrase);

	if (status != PZ_EXIT_DONE)
		return status;
	enum pz_err err = pz_archive_key(task->head, pz_slice_of(passphrase.text, passphrase.len),
					 task->key, &info);
	pz_cli_passphrase_wipe(&passphrase);
	return told_of_archive(task, err, &info);
}

/* Adds bytes in base64. @return false: out of memory */
static bool
add_bytes(json_t *params, const char *name, const void *bytes, size_t len)
{
	char *text = pz_base64_encode(pz_slice_of(bytes, len));
	bool is_added = text && json_object_set_new(params, name, json_string(text)) == 0;

	pz_record_text_wipe(text);
	return is_added;
}

/* A request whose key is wiped from memory. @param params takes ownership */
static int
request(const struct task *task, const char *method, json_t *takes, json_t **out_result)
{
	json_incref(takes);
	int status =
		pz_cli_request(task->cli, method, takes, MOVE_TIMEOUT_MS, NULL, NULL, out_result);
	pz_record_wipe(takes, "key");
	json_decref(takes);
	if (status == PZ_EXIT_DONE && *out_result == NULL)
		status = pz_cli_fail(task->cli, PZ_EXIT_FAILED, "interrupted");
	return status;
}

/* ---- export: from the hub ---- */

/** What changes about the zone's address before an export. All zero: nothing. */
struct move {
	struct pz_hub_address at; /* the new hub; port 0: none */
	bool stay;                /* ends a move that was announced */
};

static int
announce(const struct task *task, const struct move *to, json_t **out_result)
{
	json_t *params =
		to->stay ? json_pack("{s:b}", "stay", true)
			 : json_pack("{s:s, s:i}", "host", to->at.host, "port", (int)to->at.port);

	pz_cli_opt_param(task->cli, params, "zone");
	return request(task, "move", params, out_result);
}

/* First the move, then the archive, which has to contain the notice. */
static int
export_into(struct task *task, const struct move *to, int file)
{
	json_t *moved = NULL, *params = NULL;
	int status = PZ_EXIT_DONE;

	if (to->at.port)
		status = announce(task, to, &moved);
	json_decref(moved);
	if (status != PZ_EXIT_DONE)
		return status;
	params = json_object();
	if (!add_bytes(params, "head", task->head, sizeof(task->head)) ||
	    !add_bytes(params, "key", task->key, sizeof(task->key))) {
		json_decref(params);
		return pz_cli_fail(task->cli, PZ_EXIT_FAILED, "out of memory");
	}
	pz_cli_opt_param(task->cli, params, "zone");
	pz_cli_pass(task->cli, file);
	return request(task, "export", params, &task->result);
}

/* ---- export: to the file ---- */

static int
print_exported(const struct task *task)
{
	const struct pz_cli *cli = task->cli;
	const json_t *moving = json_object_get(task->result, "moving");
	char zone_scratch[32], devices[32], host_scratch[32], port[32];

	fprintf(cli->out, "exported %s, devices: %s\n",
		pz_cli_member(task->result, "zone", zone_scratch),
		pz_cli_member(task->result, "devices", devices));
	if (moving)
		fprintf(cli->out,
			"the devices are notified that their hub moves to %s port %s; end that "
			"with `pzh "
			"export --stay`\n",
			pz_cli_member(moving, "host", host_scratch),
			pz_cli_member(moving, "port", port));
	return PZ_EXIT_DONE;
}

/* The file gets its name only after all of it is on disk. */
static int
fill(struct task *task, const struct move *to, struct pz_cli_archive_file *file)
{
	struct pz_errinfo info = {""};
	int status = pz_pzh_find_hub(task->cli);

	if (status == PZ_EXIT_DONE)
		status = export_into(task, to, pz_cli_archive_descriptor(file));
	/* Without a daemon this process has worked as the owner of the data directory, who may not
	 * have permission to name the file. */
	pz_cli_close_offline(task->cli);
	if (status != PZ_EXIT_DONE)
		return status;
	return told(task, pz_cli_archive_commit(file, &info), &info);
}

static int
export_zone(struct task *task, const struct move *to)
{
	PZ_AUTO(pz_cli_archive_free) struct pz_cli_archive_file *file = NULL;
	struct pz_timers timers = {0};
	struct pz_errinfo info = {""};
	struct pz_env env;
	/* First, before the passphrase is asked, so that a file that cannot be written is reported
	 * at once. */
	int status = told(task,
			  pz_cli_archive_create(task->path, pz_cli_opt(task->cli, "force") != NULL,
						&file, &info),
			  &info);

	pz_env_system(&env, &timers);
	pz_archive_head_make(&env, task->head);
	if (status == PZ_EXIT_DONE)
		status = make_key(task, true);
	if (status == PZ_EXIT_DONE)
		status = fill(task, to, file);
	if (status != PZ_EXIT_DONE)
		return status;
	return task->cli->json ? pz_cli_print_json(task->cli, task->result) : print_exported(task);
}

static int
print_stays(const struct task *task)
{
	char zone[32], host[32], port[32];

	fprintf(task->cli->out, "%s stays at %s port %s\n",
		pz_cli_member(task->result, "zone", zone),
		pz_cli_member(task->result, "host", host),
		pz_cli_member(task->result, "port", port));
	return PZ_EXIT_DONE;
}

/* --stay: ends an announced move. */
static int
stay(struct task *task)
{
	const struct move to = {.stay = true};
	int status = pz_pzh_find_hub(task->cli);

	if (status == PZ_EXIT_DONE)
		status = announce(task, &to, &task->result);
	if (status != PZ_EXIT_DONE)
		return status;
	return task->cli->json ? pz_cli_print_json(task->cli, task->result) : print_stays(task);
}

/* --moving-to HOST[:PORT] */
static int
read_target(const struct pz_cli *cli, struct move *out)
{
	const char *text = pz_cli_opt(cli, "moving-to");
	char host[PZ_HOST_BYTES_MAX + 1];
	unsigned port = PZ_CLI_HUB_PORT;

	*out = (struct move){.stay = false};
	if (text == NULL)
		return PZ_EXIT_DONE;
	if (!pz_cli_split_host(text, host, &port) || !pz_host_is_valid(host))
		return pz_cli_usage(cli, "--moving-to: %.80s: not a HOST[:PORT]", text);
	pz_hub_address_set(&out->at, host, (uint16_t)port);
	return PZ_EXIT_DONE;
}

int
pz_pzh_cmd_export(struct pz_cli *cli)
{
	bool is_stay = pz_cli_opt(cli, "stay") != NULL;
	struct move to;
	struct task task;

	if (is_stay && (pz_cli_arg(cli, 0) || pz_cli_opt(cli, "moving-to")))
		return pz_cli_usage(cli, "--stay takes neither FILE nor --moving-to");
	if (!is_stay && pz_cli_arg(cli, 0) == NULL)
		return pz_cli_usage(cli, "export needs a FILE");
	int status = read_target(cli, &to);
	if (status == PZ_EXIT_DONE)
		status = pz_cli_catch_interrupts(cli);
	if (status != PZ_EXIT_DONE)
		return status;
	task_init(&task, cli);
	status = is_stay ? stay(&task) : export_zone(&task, &to);
	task_fini(&task);
	return status;
}

/* ---- import ---- */

/* @param host, port NULL, 0: unchanged */
static int
import_from(struct task *task, int file, const char *host, unsigned port)
{
	json_t *params = json_pack("{s:s*}", "host", host);

	if (params && port)
		json_object_set_new(params, "port", json_integer(port));
	if (params == NULL || !add_bytes(params, "key", task->key, sizeof(task->key))) {
		json_decref(params);
		return pz_cli_fail(task->cli, PZ_EXIT_FAILED, "out of memory");
	}
	pz_cli_pass(task->cli, file);
	return request(task, "import", params, &task->result);
}

static int
print_imported(const struct task *task)
{
	static const char *const lines[][2] = {{"zone", "zone"},
					       {"host", "host"},
					       {"port", "port"},
					       {"fingerprint", "fingerprint"},
					       {"devices", "devices"}};
	struct pz_cli_table *t = pz_cli_table_new(NULL, 2);

	for (size_t i = 0; t && i < sizeof(lines) / sizeof(lines[0]); i++) {
		char scratch[32];
		pz_cli_table_add(t, PZ_CLI_BOLD, lines[i][0]);
		pz_cli_table_add(t, PZ_CLI_PLAIN,
				 pz_cli_member(task->result, lines[i][1], scratch));
	}
	return pz_cli_print_table(task->cli, t);
}

/* The head is checked before the passphrase is asked. @param out_fd -1 on failure */
static int
open_archive(struct task *task, int *out_fd)
{
	struct pz_errinfo info = {""};
	size_t len = 0;
	enum pz_err err = pz_cli_archive_open(task->path, out_fd, &info);

	if (err == PZ_OK)
		err = pz_cli_archive_begin(task->path, *out_fd, task->head, sizeof(task->head),
					   &len, &info);
	if (err != PZ_OK)
		return told(task, err, &info);
	return told_of_archive(task, pz_archive_head_check(pz_slice_of(task->head, len), &info),
			       &info);
}

static int
import_zone(struct task *task, unsigned port)
{
	int fd = -1, status = open_archive(task, &fd);

	if (status == PZ_EXIT_DONE)
		status = make_key(task, false);
	if (status == PZ_EXIT_DONE)
		status = pz_pzh_find_hub(task->cli);
	if (status == PZ_EXIT_DONE)
		status = import_from(task, fd, pz_cli_opt(task->cli, "host"), port);
	if (fd >= 0)
		close(fd);
	if (status != PZ_EXIT_DONE)
		return status;
	return task->cli->json ? pz_cli_print_json(task->cli, task->result) : print_imported(task);
}

int
pz_pzh_cmd_import(struct pz_cli *cli)
{
	const char *port_text = pz_cli_opt(cli, "port");
	unsigned port = 0;
	struct task task;

	if (port_text && !pz_cli_parse_port(port_text, &port))
		return pz_cli_usage(cli, "--port: %.20s: not a number from 1 to 65535", port_text);
	int status = pz_cli_catch_interrupts(cli);
	if (status != PZ_EXIT_DONE)
		return status;
	task_init(&task, cli);
	status = import_zone(&task, port);
	task_fini(&task);
	return status;
}
