/* The vectors of page 9, 18: every one in both modes, and the user document alone.
 * Rules that name a service, page 14 AC-4, are PV-22 to PV-25. */
#include "policy/fixture.h"

#include <jansson.h>
#include <string.h>

#define VECTORS PZ_SOURCE_DIR "/tests/data/policy.json"

static json_t *vectors;

static int
setup(void **state)
{
	(void)state;
	vectors = json_load_file(VECTORS, 0, NULL);
	return vectors ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	json_decref(vectors);
	return 0;
}

static const char *
text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A slot by the name of its policy; NULL: the slot file is missing. */
static void
fill_slot(struct pz_policy_slots *slots, enum pz_policy_slot slot, const char *name)
{
	const json_t *policy = json_object_get(json_object_get(vectors, "policies"), name);
	struct pz_policy_document *doc = NULL;

	if (name == NULL)
		return;
	assert_non_null(policy);
	struct pz_slice text = pz_slice_str(text_of(policy, "xml"));
	slots->is_corrupt[slot] = pz_policy_document_parse(text, &doc, NULL) != PZ_OK;
	slots->document[slot] = doc;
}

static void
free_slots(struct pz_policy_slots *slots)
{
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++)
		pz_policy_document_unref((struct pz_policy_document *)slots->document[i]);
}

/* Attributes that the conventions give a value where the vector has none. */
static void
add_defaults(json_t *request, const char *member, const char *defaults)
{
	json_t *given = json_object_get(request, member);
	const json_t *conventions = json_object_get(vectors, "conventions");
	json_t *all = json_deep_copy(json_object_get(conventions, defaults));

	assert_true(json_is_object(all));
	if (given)
		json_object_update(all, given);
	json_object_set_new(request, member, all);
}

static struct pz_policy_request *
build_request(const json_t *vector)
{
	json_t *request = json_deep_copy(json_object_get(vector, "request"));
	json_t *context = json_object_get(vector, "context");

	add_defaults(request, "resource", "resource_defaults");
	add_defaults(request, "environment", "environment_defaults");
	if (context)
		json_object_set(request, "context", context);
	char *text = json_dumps(request, 0);
	struct pz_policy_request *built = request_of(text);
	free(text);
	json_decref(request);
	return built;
}

/* @param wanted name of an effect, or NULL: that of `otherwise` */
static void
expect(const json_t *vector, const char *what, const char *wanted, const char *otherwise,
       enum pz_policy_effect effect)
{
	if (strcmp(wanted ? wanted : otherwise, pz_policy_effect_name(effect)) != 0)
		fail_msg("%s (%s), %s: %s instead of %s", text_of(vector, "id"),
			 text_of(vector, "title"), what, pz_policy_effect_name(effect),
			 wanted ? wanted : otherwise);
}

static void
check(const json_t *vector)
{
	const char *wanted = text_of(vector, "expect");
	struct pz_policy_slots slots = {.document = {NULL}};
	struct pz_policy_request *request = build_request(vector);

	fill_slot(&slots, PZ_POLICY_SLOT_USER, text_of(vector, "policy"));
	fill_slot(&slots, PZ_POLICY_SLOT_MANUFACTURER, text_of(vector, "manufacturer"));
	fill_slot(&slots, PZ_POLICY_SLOT_APP, text_of(vector, "app"));
	struct pz_policy_decision off = pz_policy_decide(&slots, request, 0);
	struct pz_policy_decision on = pz_policy_decide(&slots, request, PZ_POLICY_DHP);
	struct pz_policy_decision plain = pz_policy_decide(&slots, request, PZ_POLICY_PLAIN);

	expect(vector, "preferences off", wanted, NULL, off.effect);
	expect(vector, "preferences on", text_of(vector, "expect_dhp"), wanted, on.effect);
	expect(vector, "without the index", wanted, NULL, plain.effect);
	expect(vector, "the document alone", text_of(vector, "document_effect"), wanted,
	       off.slots[PZ_POLICY_SLOT_USER].effect);
	pz_policy_request_free(request);
	free_slots(&slots);
}

static void
every_vector_is_decided_as_it_says(void **state)
{
	const json_t *list = json_object_get(vectors, "vectors"), *vector;
	size_t i;

	(void)state;
	assert_string_equal(text_of(vectors, "format"), "webinos-policy-vectors/1");
	assert_true(json_array_size(list) >= 82);
	json_array_foreach (list, i, vector)
		check(vector);
}

/* The order of the 35 purposes is part of the format. */
static void
purposes_are_in_the_order_of_the_file(void **state)
{
	const json_t *list = json_object_get(vectors, "purposes"), *one;
	size_t i;
	char doc[1024], request[512];

	(void)state;
	assert_int_equal(json_array_size(list), PZ_POLICY_PURPOSES);
	json_array_foreach (list, i, one) {
		char asked[PZ_POLICY_PURPOSES + 1];

		memset(asked, '0', PZ_POLICY_PURPOSES);
		asked[PZ_POLICY_PURPOSES] = '\0';
		asked[i] = '1';
		snprintf(doc, sizeof(doc),
			 "<policy><rule effect='permit'/><DataHandlingPreferences PolicyId='#a'>"
			 "<AuthorizationsSet><AuthzUseForPurpose><Purpose>%s</Purpose>"
			 "</AuthzUseForPurpose></AuthorizationsSet></DataHandlingPreferences>"
			 "<ProvisionalActions><ProvisionalAction><AttributeValue>f</AttributeValue>"
			 "<AttributeValue>#a</AttributeValue></ProvisionalAction>"
			 "</ProvisionalActions></policy>",
			 json_string_value(one));
		snprintf(request, sizeof(request),
			 "{\"resource\":{\"api-feature\":[\"f\"]},\"purpose\":\"%s\"}", asked);
		struct pz_policy_document *d = parse(doc);
		struct pz_policy_request *r = request_of(request);
		assert_int_equal(pz_policy_evaluate(d, r, PZ_POLICY_DHP).effect, PZ_POLICY_PERMIT);
		pz_policy_request_free(r);
		pz_policy_document_unref(d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_is_decided_as_it_says),
		cmocka_unit_test(purposes_are_in_the_order_of_the_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
