/* pzp policy: documents and requests of people who write policies, without a daemon. @spec page 9,
 * page 12 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/codec.h"
#include "base/limits.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli/value.h"
#include "cli_policy/commands.h"
#include "policies/path.h"
#include "policy/decide.h"

/* Longer files are not read; the parser enforces the limit of a document. */
#define FILE_BYTES_MAX (4U * PZ_POLICY_DOCUMENT_BYTES_MAX)

/* "FILE:LINE: reason", or "FILE: reason" if no line is at fault. */
struct place {
	char text[512];
};

static const char *
describe(struct place *place, const char *path, const struct pz_policy_fault *fault)
{
	char line[16] = "";

	if (fault->line > 0)
		snprintf(line, sizeof(line), ":%u", fault->line);
	snprintf(place->text, sizeof(place->text), "%.200s%s: %s", path, line, fault->info.text);
	return place->text;
}

/* ---- validate ---- */

static json_t *
verdict(const char *path, const struct pz_policy_document *doc, const struct pz_policy_fault *fault)
{
	char hex[2 * PZ_POLICY_SHA256_BYTES + 1];

	if (doc == NULL)
		return json_pack("{s:s, s:b, s:i, s:s}", "file", path, "valid", false, "line",
				 (int)fault->line, "error", fault->info.text);
	pz_hex_encode(pz_policy_document_sha256(doc), PZ_POLICY_SHA256_BYTES, hex);
	return json_pack("{s:s, s:b, s:I, s:s}", "file", path, "valid", true, "rules",
			 (json_int_t)pz_policy_document_rules(doc), "sha256", hex);
}

/* @param list gets the verdict with --json */
static int
validate_one(struct pz_cli *cli, const char *path, json_t *list)
{
	size_t len = 0;
	PZ_AUTO_FREE char *text = pz_cli_read_file(cli, path, FILE_BYTES_MAX, &len);
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *doc = NULL;
	struct pz_policy_fault fault = {0, {""}};
	struct place place = {""};

	if (text == NULL)
		return PZ_EXIT_FAILED;
	enum pz_err err = pz_policy_document_parse(pz_slice_of(text, len), &doc, &fault);
	int status = err == PZ_OK ? PZ_EXIT_DONE : PZ_EXIT_FAILED;
	if (cli->json)
		json_array_append_new(list, verdict(path, doc, &fault));
	else if (err != PZ_OK)
		status = pz_cli_fail(cli, PZ_EXIT_FAILED, "%s", describe(&place, path, &fault));
	else
		fprintf(cli->out, "%s: valid, %zu rule%s\n", path, pz_policy_document_rules(doc),
			pz_policy_document_rules(doc) == 1 ? "" : "s");
	return status;
}

static int
validate(struct pz_cli *cli)
{
	json_t *list = json_array();
	int status = PZ_EXIT_DONE;
	size_t readable = 0;

	for (unsigned i = 1; i < cli->args.count; i++) {
		int one = validate_one(cli, cli->args.positionals[i], list);

		if (one != PZ_EXIT_DONE)
			status = one;
		if (cli->json && json_array_size(list) == readable)
			goto unreadable; /* its reason is the only document on standard output */
		readable++;
	}
	if (cli->json)
		pz_cli_print_json(cli, list);
unreadable:
	json_decref(list);
	return status;
}

/* ---- test ---- */

/* The four slots by their options; `fault` has the reason if a document is not valid. */
struct test {
	struct pz_policy_slots slots;
	struct pz_policy_document *owned[PZ_POLICY_SLOTS];
	struct place fault[PZ_POLICY_SLOTS];
	struct pz_policy_request *request;
	const char *path[PZ_POLICY_SLOTS];
};

static void
test_free(struct test *test)
{
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++)
		pz_policy_document_unref(test->owned[i]);
	pz_policy_request_free(test->request);
	free(test);
}
PZ_AUTO_DEFINE(struct test, test_free)

static int
load_slot(struct pz_cli *cli, struct test *test, enum pz_policy_slot slot)
{
	const char *path = pz_cli_opt(cli, pz_policy_slot_name(slot));
	struct pz_policy_fault fault = {0, {""}};
	size_t len = 0;

	if (path == NULL)
		return PZ_EXIT_DONE;
	PZ_AUTO_FREE char *text = pz_cli_read_file(cli, path, FILE_BYTES_MAX, &len);
	if (text == NULL)
		return PZ_EXIT_FAILED;
	test->path[slot] = path;
	if (pz_policy_document_parse(pz_slice_of(text, len), &test->owned[slot], &fault) == PZ_OK) {
		test->slots.document[slot] = test->owned[slot];
	} else {
		test->slots.is_corrupt[slot] = true;
		describe(&test->fault[slot], path, &fault);
	}
	return PZ_EXIT_DONE;
}

static int
load_request(struct pz_cli *cli, struct test *test)
{
	const char *path = pz_cli_opt(cli, "request");
	struct timespec now;
	struct pz_errinfo info = {""};
	struct tm local;
	size_t len = 0;

	PZ_AUTO_FREE char *text = pz_cli_read_file(cli, path, FILE_BYTES_MAX, &len);
	if (text == NULL)
		return PZ_EXIT_FAILED;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	enum pz_err err = pz_policy_request_parse(
		pz_slice_of(text, len), (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
		&test->request, &info);
	if (err == PZ_OK)
		err = pz_policy_request_complete(test->request, &local);
	if (err != PZ_OK)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s: %s", path,
				   pz_errinfo_text(&info, err));
	return PZ_EXIT_DONE;
}

static json_t *
slot_json(const struct test *test, enum pz_policy_slot slot, const struct pz_policy_result *result)
{
	json_t *one = json_pack("{s:s, s:o}", "effect", pz_policy_effect_name(result->effect),
				"path", pz_policies_path_json(result->node));

	if (test->slots.is_corrupt[slot])
		json_object_set_new(one, "error", json_string(test->fault[slot].text));
	if (result->node) {
		struct pz_slice text = pz_policy_node_description(result->node);

		json_object_set_new(one, "line", json_integer(pz_policy_node_line(result->node)));
		if (text.len > 0)
			json_object_set_new(one, "description",
					    json_stringn((const char *)text.ptr, text.len));
	}
	if (result->is_privacy)
		json_object_set_new(one, "preferences", json_false());
	return one;
}

static int
print_decision_json(struct pz_cli *cli, const struct test *test, const struct pz_policy_decision *d)
{
	json_t *slots = json_object(), *all;

	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++) {
		enum pz_policy_slot slot = (enum pz_policy_slot)i;

		json_object_set_new(slots, pz_policy_slot_name(slot),
				    slot_json(test, slot, &d->slots[i]));
	}
	all = json_pack(
		"{s:s, s:o, s:o, s:o}", "effect", pz_policy_effect_name(d->effect), "slot",
		d->slot < 0 ? json_null()
			    : json_string(pz_policy_slot_name((enum pz_policy_slot)d->slot)),
		"path", d->slot < 0 ? json_array() : pz_policies_path_json(d->slots[d->slot].node),
		"slots", slots);
	int status = pz_cli_print_json(cli, all);
	json_decref(all);
	return status;
}

/* "zone, friends, rule[2]" */
static void
print_path(const struct pz_cli *cli, const struct pz_policy_result *result)
{
	const char *lead = "";
	const struct pz_policy_node *node;

	for (unsigned i = 0; (node = pz_policy_node_at(result->node, i)); i++) {
		char label[PZ_POLICY_LABEL_BYTES];

		pz_policy_node_label(node, label);
		char *clean = pz_cli_clean(label, false);
		fprintf(cli->out, "%s%s", lead, clean ? clean : "");
		free(clean);
		lead = " > ";
	}
}

/* The meaning of an effect in words. */
static const char *
meaning_of(const struct pz_policy_decision *d)
{
	static const char *const meanings[] = {"permit", "deny",
					       "prompt-oneshot: ask the person each time",
					       "prompt-session: ask the person once a session",
					       "prompt-blanket: ask the person once"};

	return meanings[d->effect];
}

static int
print_decision(struct pz_cli *cli, const struct test *test, const struct pz_policy_decision *d)
{
	fprintf(cli->out, "%s, ", meaning_of(d));
	if (d->slot < 0) {
		fputs("because no rule of a policy applies to this request\n", cli->out);
		return PZ_EXIT_DONE;
	}
	const struct pz_policy_result *result = &d->slots[d->slot];
	const char *slot = pz_policy_slot_name((enum pz_policy_slot)d->slot);
	if (test->slots.is_corrupt[d->slot]) {
		fprintf(cli->out, "because the %s policy is not valid: %s\n", slot,
			test->fault[d->slot].text);
		return PZ_EXIT_DONE;
	}
	fprintf(cli->out, "by the %s policy (%s:%u: ", slot, test->path[d->slot],
		pz_policy_node_line(result->node));
	print_path(cli, result);
	struct pz_slice text = pz_policy_node_description(result->node);
	PZ_AUTO_FREE char *clean =
		text.len > 0 ? pz_cli_clean((const char *)text.ptr, false) : NULL;
	fprintf(cli->out, ")%s%s%s%s\n", clean ? ": " : "", clean ? clean : "",
		result->effect == PZ_POLICY_UNDETERMINED
			? " (undetermined: what it compares is not known in this request)"
			: "",
		result->is_privacy ? " (the app does not declare what the data-handling "
				     "preferences ask for)"
				   : "");
	return PZ_EXIT_DONE;
}

static int
test(struct pz_cli *cli)
{
	PZ_AUTO(test_free) struct test *test = calloc(1, sizeof(*test));
	struct pz_policy_decision d;

	if (test == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "out of memory");
	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++) {
		if (load_slot(cli, test, (enum pz_policy_slot)i) != PZ_EXIT_DONE)
			return PZ_EXIT_FAILED;
	}
	if (load_request(cli, test) != PZ_EXIT_DONE)
		return PZ_EXIT_FAILED;
	d = pz_policy_decide(&test->slots, test->request,
			     pz_cli_opt(cli, "dhp") ? PZ_POLICY_DHP : 0);
	return cli->json ? print_decision_json(cli, test, &d) : print_decision(cli, test, &d);
}

static const struct {
	const char *name;
	int (*run)(struct pz_cli *cli);
} slot_actions[] = {
	{"list", pz_pzp_policy_list},       {"show", pz_pzp_policy_show},
	{"set", pz_pzp_policy_set},         {"edit", pz_pzp_policy_edit},
	{"upgrade", pz_pzp_policy_upgrade}, {"why", pz_pzp_policy_why},
};

int
pz_pzp_cmd_policy(struct pz_cli *cli)
{
	const char *action = pz_cli_arg(cli, 0);

	if (strcmp(action, "test") == 0) {
		if (cli->args.count > 1)
			return pz_cli_usage(cli, "policy test takes its files by options: "
						 "--request FILE --user FILE");
		if (pz_cli_opt(cli, "request") == NULL)
			return pz_cli_usage(cli, "policy test needs --request FILE");
		return test(cli);
	}
	if (strcmp(action, "answers") == 0)
		return pz_pzp_policy_answers(cli);
	for (size_t i = 0; i < sizeof(slot_actions) / sizeof(slot_actions[0]); i++)
		if (strcmp(action, slot_actions[i].name) == 0)
			return slot_actions[i].run(cli);
	if (strcmp(action, "validate") != 0)
		return pz_cli_usage(cli,
				    "%s: must be list, show, set, edit, upgrade, why, test, "
				    "validate or answers",
				    action);
	if (cli->args.count < 2)
		return pz_cli_usage(cli, "policy validate needs a FILE");
	return validate(cli);
}
