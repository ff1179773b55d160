/*
 * The engine for differential.py: a line of JSON in, a line of JSON out.
 *   in   {"documents": {"user": "<policy/>", …}, "request": {…}}
 *   out  {"off": [effect, {slot: [effect, path]}], "plain": …, "on": …, "corrupt": [slot…]}, or
 *        {"error": text}
 * `off`: data-handling preferences off, with the index; `plain`: without it; `on`: preferences on.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"

static json_t *
describe(const struct pz_policy_result *result)
{
	json_t *path = json_array();
	const struct pz_policy_node *node;

	for (unsigned i = 0; (node = pz_policy_node_at(result->node, i)); i++) {
		char label[PZ_POLICY_LABEL_BYTES];

		pz_policy_node_label(node, label);
		json_array_append_new(path, json_string(label));
	}
	return json_pack("[s, o]", pz_policy_effect_name(result->effect), path);
}

static json_t *
decide(const struct pz_policy_slots *slots, const struct pz_policy_request *request, unsigned flags)
{
	struct pz_policy_decision d = pz_policy_decide(slots, request, flags);
	json_t *all = json_object();

	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++)
		json_object_set_new(all, pz_policy_slot_name((enum pz_policy_slot)i),
				    describe(&d.slots[i]));
	return json_pack("[s, o]", pz_policy_effect_name(d.effect), all);
}

static json_t *
answer(struct pz_policy_cache *cache, const json_t *line)
{
	const json_t *documents = json_object_get(line, "documents");
	char *text = json_dumps(json_object_get(line, "request"), 0);
	struct pz_policy_slots slots = {.document = {NULL}};
	struct pz_policy_request *request = NULL;
	struct pz_errinfo info = {""};
	json_t *result, *corrupt = json_array();

	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++) {
		const json_t *xml =
			json_object_get(documents, pz_policy_slot_name((enum pz_policy_slot)i));
		struct pz_policy_document *doc = NULL;

		if (xml == NULL)
			continue;
		struct pz_slice bytes =
			pz_slice_of(json_string_value(xml), json_string_length(xml));
		slots.is_corrupt[i] = pz_policy_cache_parse(cache, bytes, &doc, NULL) != PZ_OK;
		slots.document[i] = doc;
		if (slots.is_corrupt[i])
			json_array_append_new(
				corrupt, json_string(pz_policy_slot_name((enum pz_policy_slot)i)));
	}
	if (text && pz_policy_request_parse(pz_slice_str(text), 0, &request, &info) == PZ_OK)
		result = json_pack("{s:o, s:o, s:o, s:O}", "off", decide(&slots, request, 0),
				   "plain", decide(&slots, request, PZ_POLICY_PLAIN), "on",
				   decide(&slots, request, PZ_POLICY_DHP), "corrupt", corrupt);
	else
		result = json_pack("{s:s}", "error", info.text);
	json_decref(corrupt);
	pz_policy_request_free(request);
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++)
		pz_policy_document_unref((struct pz_policy_document *)slots.document[i]);
	free(text);
	return result;
}

int
main(void)
{
	struct pz_policy_cache *cache = pz_policy_cache_new();
	char *line = NULL;
	size_t size = 0;

	while (cache && getline(&line, &size, stdin) > 0) {
		json_t *asked = json_loads(line, JSON_ALLOW_NUL, NULL);
		json_t *result = answer(cache, asked);

		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		json_decref(result);
		json_decref(asked);
	}
	free(line);
	pz_policy_cache_free(cache);
	return 0;
}
