/* pzh export, import: a zone moves to another hub. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/auto.h"
#include "base/codec.h"
#include "base/host.h"
#include "cli/archive_file.h"
#include "cli/host.h"
#include "cli/passphrase.h"
#include "cli/pzh.h"
#include "cli/run.h"
#include "cli/text.h"
#include "conf/settings.h"
#include "ctl/server.h"
#include "pzh/offline.h"
#include "zone/archive.h"
#include "zone/record.h"

#define MOVE_TIMEOUT_MS                                                                            \
	120000U /* a zone of 16384 devices, each of whose certificates is checked                  \
		 */

/** What both commands hold, and wipe. */
struct task {
	struct pz_cli *cli;
	const char *path;
	bool is_offline;
	char *data_dir; /* owned; where is_offline */
	uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];
	struct pz_buf archive;
	json_t *result;
};

/* From here on the process holds keys: no core file. */
static void
task_init(struct task *task, struct pz_cli *cli)
{
	(void)prctl(PR_SET_DUMPABLE, 0); /* keys do not belong into core files (page 14, KEY-5) */
	*task = (struct task){.cli = cli, .path = pz_cli_arg(cli, 0)};
	pz_buf_init(&task->archive, PZ_ARCHIVE_BYTES_MAX, NULL);
}

static void
task_fini(struct task *task)
{
	sodium_memzero(task->key, sizeof(task->key));
	pz_buf_wipe(&task->archive);
	json_decref(task->result);
	free(task->data_dir);
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

/* The same, about the file. */
static int
told_of_archive(const struct task *task, enum pz_err err, const struct pz_errinfo *info)
{
	if (err == PZ_OK)
		return PZ_EXIT_DONE;
	return pz_cli_fail(task->cli, pz_ctl_exit_code(err), "%s: %s", task->path,
			   info->text[0] ? info->text : pz_err_text(err));
}

/* Finds out whether to ask a daemon or to work on the data directory. */
static int
find_hub(struct task *task)
{
	struct pz_errinfo info = {""};

	task->is_offline = pz_cli_connect(task->cli, &info) == PZ_ERR_IO_REFUSED;
	if (!task->is_offline)
		return PZ_EXIT_DONE; /* the first request reports other failures */
	return told(task, pz_cli_data_dir(task->cli, &task->data_dir, &info), &info);
}

/* The port of this hub as its configuration has it; 0: only a running daemon knows. */
static uint16_t
configured_port(const struct task *task)
{
	static char program[] = "", option[] = "--data-dir";
	char *argv[] = {program, option, task->data_dir, NULL};
	struct pz_settings settings;
	uint16_t port = 0;

	if (pz_settings_load(task->cli->program->settings, 3, argv, &settings, NULL) == PZ_OK) {
		port = settings.port;
		pz_settings_free(&settings);
	}
	return port;
}

/* argon2id in this process: the passphrase never leaves it, the daemon gets the key. */
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

/* A request whose key is not left in memory. @param takes params */
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

/* An empty part would make fetch_parts run for ever. */
static int
append_part(struct task *task, const json_t *part)
{
	const char *text = json_string_value(json_object_get(part, "data"));
	size_t was = task->archive.len;

	if (text == NULL || pz_base64_decode(pz_slice_str(text), &task->archive) != PZ_OK ||
	    task->archive.len == was)
		return pz_cli_fail(task->cli, PZ_EXIT_FAILED,
				   "the daemon's part of the archive is not one");
	return PZ_EXIT_DONE;
}

/* The archive is larger than a line of the control socket: it comes in parts. */
static int
fetch_parts(struct task *task)
{
	const json_t *transfer = json_object_get(task->result, "transfer");
	json_int_t bytes = json_integer_value(json_object_get(task->result, "bytes"));
	int status = PZ_EXIT_DONE;

	while (status == PZ_EXIT_DONE && (json_int_t)task->archive.len < bytes) {
		json_t *part = NULL;
		status = request(task, "part",
				 json_pack("{s:O, s:I}", "transfer", transfer, "at",
					   (json_int_t)task->archive.len),
				 &part);
		if (status == PZ_EXIT_DONE)
			status = append_part(task, part);
		json_decref(part);
	}
	json_object_del(task->result, "transfer");
	return status;
}

static int
move_online(const struct task *task, const struct pz_pzh_move *to, json_t **out_result)
{
	json_t *params =
		to->stay ? json_pack("{s:b}", "stay", true)
			 : json_pack("{s:s, s:i}", "host", to->at.host, "port", (int)to->at.port);

	pz_cli_opt_param(task->cli, params, "zone");
	return request(task, "move", params, out_result);
}

/* First the move, then the archive: the archive has the notice in it. */
static int
export_online(struct task *task, const struct pz_pzh_move *to)
{
	json_t *moved = NULL, *params = json_object();
	int status = PZ_EXIT_DONE;

	if (to->at.port)
		status = move_online(task, to, &moved);
	json_decref(moved);
	if (status == PZ_EXIT_DONE && (!add_bytes(params, "head", task->head, sizeof(task->head)) ||
				       !add_bytes(params, "key", task->key, sizeof(task->key))))
		status = pz_cli_fail(task->cli, PZ_EXIT_FAILED, "out of memory");
	pz_cli_opt_param(task->cli, params, "zone");
	if (status == PZ_EXIT_DONE)
		status = request(task, "export", json_incref(params), &task->result);
	json_decref(params);
	return status == PZ_EXIT_DONE ? fetch_parts(task) : status;
}

static int
export_offline(struct task *task, const struct pz_pzh_move *to, struct pz_buf *out)
{
	struct pz_errinfo info = {""};

	return told(task,
		    pz_pzh_export_offline(task->data_dir, pz_cli_opt(task->cli, "zone"), to,
					  configured_port(task), task->head, task->key, out,
					  &task->result, &info),
		    &info);
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

/* Exports and writes the file. Nothing is at the file's name before all of it is on the disk. */
static int
fill(struct task *task, const struct pz_pzh_move *to, struct pz_cli_archive_file *file)
{
	struct pz_errinfo info = {""};
	int status = find_hub(task);

	if (status == PZ_EXIT_DONE)
		status = task->is_offline ? export_offline(task, to, &task->archive)
					  : export_online(task, to);
	if (status != PZ_EXIT_DONE)
		return status;
	enum pz_err err = pz_cli_archive_append(file, pz_buf_slice(&task->archive), &info);
	if (err == PZ_OK)
		err = pz_cli_archive_commit(file, &info);
	return told(task, err, &info);
}

static int
export_zone(struct task *task, const struct pz_pzh_move *to)
{
	PZ_AUTO(pz_cli_archive_free) struct pz_cli_archive_file *file = NULL;
	struct pz_timers timers = {0};
	struct pz_errinfo info = {""};
	struct pz_env env;
	/* First, before the passphrase is asked: fails when the file cannot be written. */
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

/* --stay: ends a move that was announced. */
static int
stay(struct task *task)
{
	const struct pz_pzh_move to = {.stay = true};
	int status = find_hub(task);

	if (status == PZ_EXIT_DONE)
		status = task->is_offline ? export_offline(task, &to, NULL)
					  : move_online(task, &to, &task->result);
	if (status != PZ_EXIT_DONE)
		return status;
	return task->cli->json ? pz_cli_print_json(task->cli, task->result) : print_stays(task);
}

/* --moving-to HOST[:PORT] */
static int
read_target(const struct pz_cli *cli, struct pz_pzh_move *out)
{
	const char *text = pz_cli_opt(cli, "moving-to");
	char host[PZ_HOST_BYTES_MAX + 1];
	unsigned port = PZ_CLI_HUB_PORT;

	*out = (struct pz_pzh_move){.stay = false};
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
	struct pz_pzh_move to;
	struct task task;

	if (is_stay && (pz_cli_arg(cli, 0) || pz_cli_opt(cli, "moving-to")))
		return pz_cli_usage(cli, "--stay goes without FILE and --moving-to");
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

/* The daemon reads the archive while it comes, so a damaged one is refused early. */
static int
import_parts(struct task *task, const json_t *transfer)
{
	struct pz_slice rest = pz_buf_slice(&task->archive);
	int status = PZ_EXIT_DONE;

	while (status == PZ_EXIT_DONE && rest.len > 0) {
		size_t len = rest.len < PZ_TRANSFER_PART_BYTES ? rest.len : PZ_TRANSFER_PART_BYTES;
		json_t *params = json_pack("{s:O}", "transfer", transfer), *result = NULL;
		if (!add_bytes(params, "data", rest.ptr, len)) {
			json_decref(params);
			return pz_cli_fail(task->cli, PZ_EXIT_FAILED, "out of memory");
		}
		status = request(task, "part", params, &result);
		json_decref(result);
		rest = pz_slice_of(rest.ptr + len, rest.len - len);
	}
	return status;
}

/* @param host, port NULL, 0: as it is */
static int
import_online(struct task *task, const char *host, unsigned port)
{
	json_t *begun = NULL, *params = json_object();
	int status = PZ_EXIT_DONE;

	if (!add_bytes(params, "key", task->key, sizeof(task->key)))
		status = pz_cli_fail(task->cli, PZ_EXIT_FAILED, "out of memory");
	if (status == PZ_EXIT_DONE)
		status = request(task, "import", json_incref(params), &begun);
	json_decref(params);
	const json_t *transfer = json_object_get(begun, "transfer");
	if (status == PZ_EXIT_DONE)
		status = import_parts(task, transfer);
	if (status == PZ_EXIT_DONE) {
		json_t *end = json_pack("{s:O, s:s*}", "transfer", transfer, "host", host);
		if (end && port)
			json_object_set_new(end, "port", json_integer(port));
		status = request(task, "importEnd", end, &task->result);
	}
	json_decref(begun);
	return status;
}

static int
import_offline(struct task *task, const char *host, unsigned port)
{
	struct pz_errinfo info = {""};
	enum pz_err err = pz_pzh_import_offline(
		task->data_dir, pz_buf_slice(&task->archive), task->key, host,
		port ? (uint16_t)port : configured_port(task), &task->result, &info);

	return told(task, err, &info);
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

/* The head is checked before the passphrase is asked for. */
static int
load_archive(struct task *task)
{
	struct pz_errinfo info = {""};
	int status = told(task, pz_cli_archive_load(task->path, &task->archive, &info), &info);

	if (status != PZ_EXIT_DONE)
		return status;
	enum pz_err err = pz_archive_head_check(pz_buf_slice(&task->archive), &info);
	if (err == PZ_OK)
		memcpy(task->head, pz_buf_slice(&task->archive).ptr, sizeof(task->head));
	return told_of_archive(task, err, &info);
}

static int
import_zone(struct task *task, unsigned port)
{
	const char *host = pz_cli_opt(task->cli, "host");
	int status = load_archive(task);

	if (status == PZ_EXIT_DONE)
		status = make_key(task, false);
	if (status == PZ_EXIT_DONE)
		status = find_hub(task);
	if (status == PZ_EXIT_DONE)
		status = task->is_offline ? import_offline(task, host, port)
					  : import_online(task, host, port);
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
