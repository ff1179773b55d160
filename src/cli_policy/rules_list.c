/* pzp rules, shares: who may do what, as the sentences of the rules of this device's policies.
 * @spec page 9, 13; page 12 "pzp" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli_policy/commands.h"
#include "policy/decide.h"

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

struct listing {
	json_t *list;
	const json_t *counters; /* from the daemon: calls by name */
	const char *slot;
	bool is_shares; /* only those that `pzp share` has written */
};

/* As counted by this device: each device has its own counter. */
static void
add_calls_left(const struct listing *l, const struct pz_policy_node *rule, json_t *one)
{
	struct pz_slice name;
	uint64_t limit;

	if (!pz_policy_node_call_limit(rule, &name, &limit))
		return;
	PZ_AUTO_FREE char *key = pz_slice_dup(name);
	const json_t *calls = key ? json_object_get(l->counters, key) : NULL;
	uint64_t used = (uint64_t)json_integer_value(calls);
	(void)json_object_set_new(one, "callsLeft",
				  json_integer((json_int_t)(used < limit ? limit - used : 0)));
}

static void
add_rule(void *arg, const struct pz_policy_node *rule, enum pz_policy_effect effect)
{
	struct listing *l = arg;
	struct pz_slice text = pz_policy_node_description(rule), under = {NULL, 0};
	const struct pz_policy_node *up;
	char label[PZ_POLICY_LABEL_BYTES];

	for (unsigned depth = 0; (up = pz_policy_node_at(rule, depth)) != rule; depth++)
		under = pz_policy_node_description(up);
	pz_policy_node_label(rule, label);
	if (l->is_shares && strcmp(l->slot, "grants") != 0 &&
	    strncmp(label, "share-", strlen("share-")) != 0)
		return;
	json_t *one = json_pack("{s:s, s:s, s:s, s:i, s:s%, s:s%}", "slot", l->slot, "id", label,
				"effect", pz_policy_effect_name(effect), "line",
				(int)pz_policy_node_line(rule), "text",
				text.ptr ? (const char *)text.ptr : "", text.len, "about",
				under.ptr ? (const char *)under.ptr : "", under.len);
	add_calls_left(l, rule, one);
	(void)json_array_append_new(l->list, one);
}

static void
print_heading(const struct pz_cli *cli, bool is_further, const char *slot, const char *under)
{
	fprintf(cli->out, "%s", is_further ? "\n" : "");
	if (strcmp(slot, "grants") == 0)
		fprintf(cli->out, "on this device only (--here), for friends\n");
	else
		fprintf(cli->out, "%s policy%s%s\n", slot, under[0] ? ": " : "", under);
}

static int
print_rules(const struct pz_cli *cli, const json_t *list, bool is_shares)
{
	const char *about = "", *slot = "";
	const json_t *one;
	size_t i;

	if (json_array_size(list) == 0)
		fprintf(cli->out, "%s\n",
			is_shares ? "nothing is shared; `pzp share SERVICE --with WHO` does that"
				  : "no rules");
	json_array_foreach (list, i, one) {
		char line[48];
		PZ_AUTO_FREE char *under = pz_cli_clean(text_of(one, "about"), false);
		PZ_AUTO_FREE char *text = pz_cli_clean(text_of(one, "text"), false);

		if (strcmp(slot, text_of(one, "slot")) != 0 ||
		    strcmp(about, text_of(one, "about")) != 0)
			print_heading(cli, i > 0, text_of(one, "slot"), under ? under : "");
		slot = text_of(one, "slot");
		about = text_of(one, "about");
		snprintf(line, sizeof(line), "line %d, without a sentence",
			 (int)json_integer_value(json_object_get(one, "line")));
		const json_t *left = json_object_get(one, "callsLeft");
		char calls[48] = "";
		if (left)
			snprintf(calls, sizeof(calls), " (%lld call%s left on this device)",
				 (long long)json_integer_value(left),
				 json_integer_value(left) == 1 ? "" : "s");
		fprintf(cli->out, "%3zu. %s: %s%s\n", i + 1, text_of(one, "effect"),
			text && text[0] ? text : line, calls);
	}
	return PZ_EXIT_DONE;
}

static int
add_slot(struct pz_cli *cli, struct listing *l, const char *slot)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *doc = NULL;
	struct pz_policy_fault fault = {0, {""}};
	json_t *shown = NULL;
	int status = pz_cli_request(cli, "policy-show", json_pack("{s:s}", "slot", slot),
				    PZ_CLI_TIMEOUT_MS, NULL, NULL, &shown);
	const json_t *text = json_object_get(shown, "document");

	l->slot = slot;
	l->counters = json_object_get(shown, "counters");
	if (status == PZ_EXIT_DONE && json_is_string(text)) {
		if (pz_policy_document_parse(
			    pz_slice_of(json_string_value(text), json_string_length(text)), &doc,
			    &fault) == PZ_OK)
			pz_policy_document_each_rule(doc, add_rule, l);
		else
			status = pz_cli_fail(cli, PZ_EXIT_FAILED,
					     "the %s policy is not valid: line %u: %s", slot,
					     fault.line, fault.info.text);
	}
	json_decref(shown);
	return status;
}

static int
list(struct pz_cli *cli, const char *const *slots, size_t count, bool is_shares)
{
	struct listing l = {.list = json_array(), .is_shares = is_shares};
	int status = PZ_EXIT_DONE;

	for (size_t i = 0; i < count && status == PZ_EXIT_DONE; i++)
		status = add_slot(cli, &l, slots[i]);
	if (status == PZ_EXIT_DONE)
		status = cli->json ? pz_cli_print_json(cli, l.list)
				   : print_rules(cli, l.list, is_shares);
	json_decref(l.list);
	return status;
}

int
pz_pzp_cmd_rules(struct pz_cli *cli)
{
	static const char *const slots[] = {"manufacturer", "exceptions", "user", "app", "grants"};

	return list(cli, slots, 5, false);
}

int
pz_pzp_cmd_shares(struct pz_cli *cli)
{
	static const char *const slots[] = {"user", "grants"};

	return list(cli, slots, 2, true);
}
