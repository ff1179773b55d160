/*
 * pzp audit export, and verify of such a file. A line of the file is a record byte for byte,
 * exactly as it is hashed, so the file can be checked on any machine, without the daemon and its
 * keys. The export checks what it writes in the same way: a damaged log is exported nevertheless,
 * because it is evidence, and the command reports the damage.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/auto.h"
#include "base/codec.h"
#include "cli/run.h"
#include "cli_policy/commands.h"

/* ---- writing ---- */

/* Writes a part of the log. @return false: it cannot be written, errno has the reason */
static bool
write_part(FILE *file, const json_t *lines, struct pz_audit_copy *copy)
{
	const json_t *line;
	size_t i;

	json_array_foreach (lines, i, line) {
		struct pz_slice text =
			pz_slice_of(json_string_value(line), json_string_length(line));

		pz_audit_copy_line(copy, text);
		if (fwrite(text.ptr, 1, text.len, file) != text.len || fputc('\n', file) == EOF)
			return false;
	}
	return true;
}

/* Writes part by part to the end. */
static int
write_all(struct pz_cli *cli, const char *path, FILE *file, struct pz_audit_copy *copy)
{
	json_t *query = json_pack("{s:b}", "raw", true);
	int status = PZ_EXIT_DONE;
	bool goes_on = query != NULL;

	while (goes_on && status == PZ_EXIT_DONE) {
		json_t *part = NULL;

		status = pz_cli_request(cli, "audit", json_copy(query), PZ_CLI_TIMEOUT_MS, NULL,
					NULL, &part);
		if (status == PZ_EXIT_DONE &&
		    !write_part(file, json_object_get(part, "records"), copy))
			status = pz_cli_fail(cli, PZ_EXIT_FAILED, "%.400s: %s", path,
					     strerror(errno));
		goes_on = json_object_get(part, "next") != NULL;
		json_object_set(query, "after", json_object_get(part, "next"));
		json_decref(part);
	}
	json_decref(query);
	return status;
}

/* Prints what was found in a copy; for an intact one, what it can be compared by. */
static int
say(struct pz_cli *cli, FILE *out, const struct pz_audit_check *check)
{
	char hash[2 * PZ_AUDIT_HASH_BYTES + 1];

	if (check->problem[0])
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "the log of decisions is damaged: %s",
				   check->problem);
	pz_hex_encode(check->hash, sizeof(check->hash), hash);
	fprintf(out,
		"whole: %llu records, %llu to %llu; %llu were not recorded; hash %s\n"
		"whether newer ones were cut off only the device knows: compare with `pzp audit "
		"verify` there\n",
		(unsigned long long)check->records, (unsigned long long)check->first,
		(unsigned long long)check->last, (unsigned long long)check->lost, hash);
	return PZ_EXIT_DONE;
}

static int
say_json(struct pz_cli *cli, const struct pz_audit_check *check)
{
	char hash[2 * PZ_AUDIT_HASH_BYTES + 1];

	pz_hex_encode(check->hash, sizeof(check->hash), hash);
	json_t *result = json_pack(
		"{s:b, s:s?, s:I, s:I, s:I, s:I, s:s}", "ok", check->problem[0] == '\0', "problem",
		check->problem[0] ? check->problem : NULL, "records", (json_int_t)check->records,
		"first", (json_int_t)check->first, "last", (json_int_t)check->last, "notRecorded",
		(json_int_t)check->lost, "hash", hash);
	int status = pz_cli_print_json(cli, result);

	json_decref(result);
	return status == PZ_EXIT_DONE && check->problem[0] ? PZ_EXIT_FAILED : status;
}

/* Never overwrites a file: it may be an older copy, which shows what is missing now. */
int
pz_pzp_audit_export(struct pz_cli *cli, const char *path)
{
	PZ_AUTO_FREE struct pz_audit_copy *copy = calloc(1, sizeof(*copy));
	bool is_output = strcmp(path, "-") == 0;
	int fd = is_output ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = is_output ? cli->out : fd >= 0 ? fdopen(fd, "w") : NULL;

	if (file == NULL || copy == NULL) {
		int why = errno;

		if (fd >= 0)
			close(fd);
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%.400s: %s", path, strerror(why));
	}
	int status = write_all(cli, path, file, copy);
	if (!is_output && fclose(file) != 0 && status == PZ_EXIT_DONE)
		status = pz_cli_fail(cli, PZ_EXIT_FAILED, "%.400s: %s", path, strerror(errno));
	if (status != PZ_EXIT_DONE) {
		if (!is_output)
			(void)unlink(path); /* half a log looks like one that was cut */
		return status;
	}
	pz_audit_copy_end(copy);
	return cli->json && !is_output ? say_json(cli, &copy->check)
				       : say(cli, is_output ? cli->err : cli->out, &copy->check);
}

/* ---- checking ---- */

int
pz_pzp_audit_verify_file(struct pz_cli *cli, const char *path)
{
	PZ_AUTO_FREE struct pz_audit_copy *copy = calloc(1, sizeof(*copy));
	bool is_input = strcmp(path, "-") == 0;
	FILE *file = is_input ? cli->in : fopen(path, "re");
	PZ_AUTO_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (file == NULL || copy == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%.400s: %s", path, strerror(errno));
	while ((len = getline(&line, &size, file)) > 0) {
		size_t text = (size_t)len - (line[len - 1] == '\n' ? 1 : 0);

		pz_audit_copy_line(copy, pz_slice_of(line, text));
	}
	bool is_read = feof(file) && !ferror(file);
	int why = errno;
	if (!is_input)
		(void)fclose(file);
	if (!is_read)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%.400s: %s", path, strerror(why));
	pz_audit_copy_end(copy);
	return cli->json ? say_json(cli, &copy->check) : say(cli, cli->out, &copy->check);
}
