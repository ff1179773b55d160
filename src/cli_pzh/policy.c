/* pzh policy: the owner's policy of a zone. @spec page 9, 13; page 12 "pzh" */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli/value.h"
#include "cli_pzh/commands.h"

#define SET_TIMEOUT_MS 60000U

/* Unchanged, because another command may read the file. */
static int
print_document(struct pz_cli *cli, const json_t *policy)
{
	const json_t *document = json_object_get(policy, "document");

	if (cli->out_is_tty) {
		const char *text = json_string_value(document);
		PZ_AUTO_FREE char *clean = text ? pz_cli_clean(text, true) : NULL;
		fputs(clean ? clean : "", cli->out);
	} else {
		fwrite(json_string_value(document), 1, json_string_length(document), cli->out);
	}
	return PZ_EXIT_DONE;
}

static int
print_set(struct pz_cli *cli, const json_t *result)
{
	char scratch[32];

	fprintf(cli->out, "the policy of %s is version %lld now\n",
		pz_cli_member(result, "zone", scratch),
		(long long)json_integer_value(json_object_get(result, "sequence")));
	return PZ_EXIT_DONE;
}

static int
set(struct pz_cli *cli)
{
	const char *path = pz_cli_arg(cli, 1), *base = pz_cli_opt(cli, "base");
	char *end = NULL;
	size_t len = 0;

	if (path == NULL || cli->args.count > 2)
		return pz_cli_usage(cli, "usage: policy set FILE");
	PZ_AUTO_FREE char *text = pz_cli_read_file(cli, path, PZ_POLICY_DOCUMENT_BYTES_MAX, &len);
	if (text == NULL)
		return PZ_EXIT_FAILED;
	json_t *params = json_pack("{s:s%}", "document", text, len);
	if (params == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s is not UTF-8", path);
	pz_cli_opt_param(cli, params, "zone");
	if (pz_cli_opt(cli, "force"))
		json_object_set_new(params, "force", json_true());
	if (base) {
		long long number = strtoll(base, &end, 10);
		json_object_set_new(params, "base", json_integer(number));
		if (end == base || *end != '\0' || number < 0) {
			json_decref(params);
			return pz_cli_usage(cli, "--base takes a version number");
		}
	}
	return pz_cli_show(cli, "policy-set", params, SET_TIMEOUT_MS, print_set);
}

int
pz_pzh_cmd_policy(struct pz_cli *cli)
{
	const char *action = pz_cli_arg(cli, 0);

	if (strcmp(action, "set") == 0)
		return set(cli);
	if (strcmp(action, "show") != 0 || cli->args.count > 1)
		return pz_cli_usage(cli, "usage: policy show, or policy set FILE");
	json_t *params = json_object();
	pz_cli_opt_param(cli, params, "zone");
	if (pz_cli_opt(cli, "previous"))
		json_object_set_new(params, "previous", json_true());
	return pz_cli_show(cli, "policy-show", params, PZ_CLI_TIMEOUT_MS, print_document);
}
