/* pzp app install, show, remove: what an app of this device may ask for. The daemon reads the
 * manifest; and this program shows the daemon's reading of it before it asks. @spec page 9, 7.2;
 * page 12 "pzp" */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli/value.h"
#include "cli_policy/commands.h"

/* ---- show ---- */

static void
print_sentences(FILE *out, const json_t *manifest)
{
	const json_t *sentences = json_object_get(manifest, "sentences"), *one;
	const char *name = json_string_value(json_object_get(manifest, "name"));
	PZ_AUTO_FREE char *clean = pz_cli_clean(name ? name : "", false);
	size_t i, count = json_array_size(sentences);

	if (clean && clean[0])
		fprintf(out, "%s\n", clean);
	json_array_foreach (sentences, i, one) {
		const char *sentence = json_string_value(one);
		PZ_AUTO_FREE char *text = pz_cli_clean(sentence ? sentence : "", false);

		if (i + 1 < count)
			fprintf(out, "%3zu. %s\n", i + 1, text ? text : "");
		else
			fprintf(out, "     %s\n", text ? text : "");
	}
}

static int
print_manifests(struct pz_cli *cli, const json_t *list)
{
	const json_t *one;
	size_t i;

	if (json_array_size(list) == 0)
		fputs("no app has a manifest on this device\n", cli->out);
	json_array_foreach (list, i, one) {
		const char *text = json_string_value(json_object_get(one, "document"));
		PZ_AUTO_FREE char *document = pz_cli_clean(text ? text : "", true);

		fputs(i > 0 ? "\n" : "", cli->out);
		print_sentences(cli->out, one);
		if (pz_cli_arg(cli, 1))
			fprintf(cli->out, "\n%s", document ? document : "");
	}
	return PZ_EXIT_DONE;
}

/* ---- install and remove ---- */

static int
print_installed(struct pz_cli *cli, const json_t *manifest)
{
	char scratch[32];

	fprintf(cli->out, "installed: what %s does not list is denied to it from now on\n",
		pz_cli_member(manifest, "origin", scratch));
	return PZ_EXIT_DONE;
}

static int
print_removed(struct pz_cli *cli, const json_t *result)
{
	(void)result;
	fputs("removed: only the other policies limit the app now\n", cli->out);
	return PZ_EXIT_DONE;
}

/* With --json only the answer is on standard output. */
static int
ask(struct pz_cli *cli, json_t *takes_params)
{
	json_t *manifest = NULL;
	int status = pz_cli_request(cli, "app-install", takes_params, PZ_CLI_TIMEOUT_MS, NULL, NULL,
				    &manifest);

	FILE *out = cli->json ? cli->err : cli->out;

	if (status == PZ_EXIT_DONE)
		print_sentences(out, manifest);
	json_decref(manifest);
	fflush(out);
	return status == PZ_EXIT_DONE ? pz_cli_confirm(cli, "Install this manifest?") : status;
}

static int
install(struct pz_cli *cli, const char *path)
{
	size_t len = 0;
	PZ_AUTO_FREE char *text = pz_cli_read_file(cli, path, PZ_MANIFEST_BYTES_MAX, &len);

	if (text == NULL)
		return PZ_EXIT_FAILED;
	json_t *params = json_pack("{s:s%}", "manifest", text, len);
	if (params == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%s is not UTF-8", path);
	int status = ask(cli, json_pack("{s:s%, s:b}", "manifest", text, len, "check", 1));
	if (status == PZ_EXIT_DONE)
		return pz_cli_show(cli, "app-install", params, PZ_CLI_TIMEOUT_MS, print_installed);
	json_decref(params);
	return status;
}

int
pz_pzp_app_manifest(struct pz_cli *cli, const char *verb, const char *name)
{
	bool is_show = strcmp(verb, "show") == 0;

	if (strcmp(verb, "install") == 0)
		return name ? install(cli, name)
			    : pz_cli_usage(cli, "usage: app install FILE [--yes]");
	if (name == NULL && !is_show)
		return pz_cli_usage(cli, "usage: app remove ORIGIN");
	json_t *params = name ? json_pack("{s:s}", "origin", name) : json_object();
	if (params == NULL)
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	return is_show ? pz_cli_show(cli, "app-show", params, PZ_CLI_TIMEOUT_MS, print_manifests)
		       : pz_cli_show(cli, "app-remove", params, PZ_CLI_TIMEOUT_MS, print_removed);
}
