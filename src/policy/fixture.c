#include "policy/fixture.h"

struct pz_policy_document *
parse(const char *text)
{
	struct pz_policy_document *doc = NULL;
	struct pz_policy_fault fault = {0, {""}};

	if (pz_policy_document_parse(pz_slice_str(text), &doc, &fault) != PZ_OK)
		fail_msg("line %u: %s: %s", fault.line, fault.info.text, text);
	return doc;
}

struct pz_policy_request *
request_of(const char *json)
{
	struct pz_policy_request *request = NULL;
	struct pz_errinfo info = {""};

	if (pz_policy_request_parse(pz_slice_str(json), TEST_NOW_MS, &request, &info) != PZ_OK)
		fail_msg("%s: %s", info.text, json);
	return request;
}

enum pz_policy_effect
effect_of(const char *text, const char *json)
{
	struct pz_policy_document *doc = parse(text);
	struct pz_policy_request *request = request_of(json);
	struct pz_policy_result result = pz_policy_evaluate(doc, request, 0);
	struct pz_policy_result plain = pz_policy_evaluate(doc, request, PZ_POLICY_PLAIN);

	assert_int_equal(result.effect, plain.effect);
	assert_ptr_equal(result.node, plain.node);
	pz_policy_request_free(request);
	pz_policy_document_unref(doc);
	return result.effect;
}
