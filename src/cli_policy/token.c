/* pzp app: tokens of local programs other than browsers; manifest.c has the manifests.
 * @spec page 11; page 12 "pzp" */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_policy/commands.h"

#define PROGRAM_PREFIX "program:"

/* ---- token ---- */

/* Only the token is on standard output, so that a script can read it. */
static int
print_token(struct pz_cli *cli, const json_t *result)
{
	char scratch[32];

	fprintf(cli->out, "%s\n", json_string_value(json_object_get(result, "token")));
	fprintf(cli->err,
		"This is the token of %s. It is shown once; the program sends it as\n"
		"Authorization: Bearer TOKEN. `pzp apps` lists it.\n",
		pz_cli_member(result, "app", scratch));
	return PZ_EXIT_DONE;
}

/* @return -1: the reason was printed, *out_code is the exit status */
static int
make_file(const struct pz_cli *cli, const char *path, int *out_code)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		*out_code =
			pz_cli_fail(cli, PZ_EXIT_FAILED, "cannot make %s: %s", path,
				    errno == EEXIST ? "the file exists already; give another name"
						    : strerror(errno));
	return fd;
}

static bool
write_token(int fd, const json_t *result)
{
	const char *token = json_string_value(json_object_get(result, "token"));
	char line[128];
	int len = snprintf(line, sizeof(line), "%s\n", token ? token : "");

	return token && len > 0 && (size_t)len < sizeof(line) &&
	       write(fd, line, (size_t)len) == len && fsync(fd) == 0;
}

static int
show_file(const struct pz_cli *cli, const json_t *result, const char *path)
{
	char scratch[32];

	if (!cli->json) {
		fprintf(cli->out, "%s: the token of %s\n", path,
			pz_cli_member(result, "app", scratch));
		return PZ_EXIT_DONE;
	}
	json_t *shown =
		json_pack("{s:O, s:s}", "app", json_object_get(result, "app"), "file", path);
	int code = pz_cli_print_json(cli, shown);
	json_decref(shown);
	return code;
}

/* The file first: a token that cannot be written would be lost. */
static int
token_to_file(struct pz_cli *cli, json_t *takes_params, const char *path)
{
	json_t *result = NULL;
	int code = PZ_EXIT_FAILED;
	int fd = make_file(cli, path, &code);

	if (fd < 0) {
		json_decref(takes_params);
		return code;
	}
	code = pz_cli_request(cli, "app-token", takes_params, PZ_CLI_TIMEOUT_MS, NULL, NULL,
			      &result);
	if (code == PZ_EXIT_DONE && !write_token(fd, result))
		code = pz_cli_fail(cli, PZ_EXIT_FAILED,
				   "cannot write %s; end the token with `pzp app revoke %s`", path,
				   pz_cli_arg(cli, 1));
	close(fd);
	if (code == PZ_EXIT_DONE)
		code = show_file(cli, result, path);
	else
		unlink(path);
	json_decref(result);
	return code;
}

static int
make_token(struct pz_cli *cli, const char *name)
{
	const char *path = pz_cli_opt(cli, "file");
	json_t *params = json_pack("{s:s}", "name", name);

	if (params == NULL)
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	if (path)
		return token_to_file(cli, params, path);
	return pz_cli_show(cli, "app-token", params, PZ_CLI_TIMEOUT_MS, print_token);
}

/* ---- revoke ---- */

static int
print_revoked(struct pz_cli *cli, const json_t *result)
{
	fprintf(cli->out, "revoked; connections that were closed: %lld\n",
		(long long)json_integer_value(json_object_get(result, "closed")));
	return PZ_EXIT_DONE;
}

int
pz_pzp_cmd_app(struct pz_cli *cli)
{
	const char *verb = pz_cli_arg(cli, 0), *name = pz_cli_arg(cli, 1);

	if (pz_cli_opt(cli, "file") && strcmp(verb, "token") != 0)
		return pz_cli_usage(cli, "--file is for app token");
	if (pz_cli_opt(cli, "yes") && strcmp(verb, "install") != 0)
		return pz_cli_usage(cli, "--yes is for app install");
	if (strcmp(verb, "install") == 0 || strcmp(verb, "show") == 0 ||
	    strcmp(verb, "remove") == 0)
		return pz_pzp_app_manifest(cli, verb, name);
	if (name && strcmp(verb, "token") == 0)
		return make_token(cli, name);
	if (name == NULL || strcmp(verb, "revoke") != 0)
		return pz_cli_usage(cli, "app needs one of: token NAME, revoke NAME, install FILE, "
					 "show [ORIGIN], remove ORIGIN");
	json_t *params = json_pack("{s:o}", "forget", json_sprintf("%s%s", PROGRAM_PREFIX, name));
	if (params == NULL)
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	return pz_cli_show(cli, "apps", params, PZ_CLI_TIMEOUT_MS, print_revoked);
}
