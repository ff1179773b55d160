/* The object PolicyManagement, called by programs of the owner: page 9, 14. */
#include "kit/json.h"
#include "manage/tree.h"
#include "pzp/node_fixture.h"
#include "rpc/error.h"

#define SET                                                                                        \
	"<policy-set id=\"zone\" combine=\"first-matching-target\">"                               \
	"<policy id=\"bob\" combine=\"first-applicable\"><target><subject>"                        \
	"<subject-match attr=\"user-id\" match=\"bob@x\"/></subject></target>"                     \
	"<rule id=\"r1\" effect=\"deny\"/></policy>"                                               \
	"<policy id=\"rest\"><rule id=\"r2\" effect=\"permit\"/></policy></policy-set>"

/* Outcome of one call. @param params with ' for " */
static json_t *
manage(const char *function, const char *params)
{
	struct answer a;

	begin(&a, "call", call_params("PolicyManagement", function, pz_kit_json(params)));
	run(3 * COMMIT_US);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	json_t *outcome = json_incref(a.result);
	forget(&a);
	return outcome;
}

static json_t *
result(const char *function, const char *params)
{
	json_t *outcome = manage(function, params);
	json_t *value = json_incref(json_object_get(outcome, "result"));

	if (value == NULL)
		json_dumpf(outcome, stderr, 0);
	assert_non_null(value);
	json_decref(outcome);
	return value;
}

/* It is refused; the name of the error, or the code where it has none, is in the text. */
static void
fails(const char *function, const char *params, const char *wanted)
{
	json_t *outcome = manage(function, params);
	char *text = json_dumps(json_object_get(outcome, "error"), JSON_ENCODE_ANY);

	assert_non_null(text);
	if (strstr(text, wanted) == NULL)
		assert_string_equal(text, wanted);
	free(text);
	json_decref(outcome);
}

static void
gives_integer(const char *function, const char *params, json_int_t wanted)
{
	json_t *value = result(function, params);

	assert_int_equal(json_integer_value(value), wanted);
	json_decref(value);
}

/* The exceptions, which need no hub. */
static void
put_set(void)
{
	struct answer a;

	start_member();
	begin(&a, "policy-set", json_pack("{s:s, s:s}", "slot", "exceptions", "document", SET));
	run(2 * COMMIT_US);
	assert_ok(a.err);
	forget(&a);
}

static bool
has(const char *text)
{
	struct pz_slice now =
		pz_policies_slot(w.node->judge.policies, PZ_POLICY_SLOT_EXCEPTIONS).text;
	char *copy = pz_slice_dup(now);
	bool is_there = strstr(copy, text) != NULL;

	free(copy);
	return is_there;
}

static void
documents_are_read_as_json(void **state)
{
	(void)state;
	put_set();
	json_t *tree = result("getPolicy", "[3]");
	json_t *wanted = pz_kit_json(
		"{'policy-set': {'$': {'id': 'zone', 'combine': 'first-matching-target'}, "
		"'policy': "
		"[{'$': {'id': 'bob', 'combine': 'first-applicable'}, 'target': [{'subject': "
		"[{'subject-match': [{'$': {'attr': 'user-id', 'match': 'bob@x'}}]}]}], 'rule': "
		"[{'$': {'id': 'r1', 'effect': 'deny'}}]}, {'$': {'id': 'rest'}, 'rule': [{'$': "
		"{'id': 'r2', 'effect': 'permit'}}]}]}}");
	assert_true(json_equal(tree, wanted));
	json_decref(tree);
	json_decref(wanted);
	json_decref(result("getPolicy", "[1]")); /* the default */
	fails("getPolicy", "[0]", "NotFoundError");
	fails("getPolicy", "[2]", "NotFoundError"); /* no app has a manifest */
	fails("removePolicy", "[2, 'x']", "InvalidStateError");
	fails("getPolicy", "[4]", "-32602");
	fails("getPolicy", "['user']", "-32602");
	json_t *version = result("getVersion", "[3]");
	assert_int_equal(json_integer_value(json_object_get(version, "sequence")), 1);
	assert_string_equal(pz_json_str(version, "state"), "valid");
	json_decref(version);
}

static void
documents_are_tested_and_change_nothing(void **state)
{
	(void)state;
	put_set();
#define REQUEST "{'subject': {'user-id': ['bob@x']}, 'resource': {'api-feature': ['http://x/y']}}"
	json_t *test = result("testPolicy", "[3, " REQUEST "]");
	assert_int_equal(json_integer_value(json_object_get(test, "effect")), PZ_POLICY_DENY);
	json_t *slot = json_object_get(json_object_get(test, "slots"), "exceptions");
	json_t *path = pz_kit_json("['zone', 'bob', 'r1']");
	assert_true(json_equal(json_object_get(slot, "path"), path));
	json_decref(path);
	json_decref(test);
	json_t *fresh =
		result("testNewPolicy",
		       "[{'policy': {'rule': [{'$': {'effect': 'permit'}}]}}, " REQUEST "]");
	slot = json_object_get(json_object_get(fresh, "slots"), "user");
	assert_int_equal(json_integer_value(json_object_get(slot, "effect")), PZ_POLICY_PERMIT);
	assert_int_equal(json_integer_value(json_object_get(fresh, "effect")), PZ_POLICY_DENY);
	json_decref(fresh);
	fails("testPolicy", "[3, {'nonsense': 1}]", "-32602");
	fails("testNewPolicy", "[{'policy': {'rule': [{}]}}, " REQUEST "]", "line");
	json_t *good =
		result("validatePolicy", "[{'policy': {'rule': [{'$': {'effect': 'deny'}}]}}]");
	assert_true(json_is_true(json_object_get(good, "valid")));
	json_decref(good);
	json_t *bad = result("validatePolicy", "[{'policy': {'rules': []}}]");
	assert_true(json_is_false(json_object_get(bad, "valid")));
	json_decref(bad);
	gives_integer("addRule", "[3, 1, 'rest', 0, {'$': {'effect': 'deny', 'id': 'x'}}]", 2);
}

static void
a_document_is_replaced(void **state)
{
	(void)state;
	put_set();
	json_t *done = result("setPolicy", "[3, {'policy': {'$': {'id': 'a<b&\\\"'}, 'rule': "
					   "[{'$': {'effect': 'permit'}}]}}]");
	assert_true(json_is_true(done));
	json_decref(done);
	assert_true(has("id=\"a&lt;b&amp;&quot;\""));
	fails("setPolicy", "[3, {'policy': {'rule': [{'$': {'effect': 'maybe'}}]}}]", "-32602");
	fails("setPolicy", "[3, {'policy': {'rule><evil': []}}]", "-32602");
	fails("setPolicy", "[3, '{']", "-32602");
	fails("setPolicy", "[0, {'policy': {}}]", "InvalidStateError");
	fails("setPolicy", "[1, {'policy': {}}]", "-32");
	fails("setPolicies", "[]", "-32601");
}

static void
elements_are_changed_by_their_ids(void **state)
{
	(void)state;
	put_set();
	gives_integer("addRule",
		      "[3, 1, 'bob', 0, {'rule': {'$': {'id': 'r0', 'effect': 'permit'}}}]", 2);
	assert_true(has("r0"));
	fails("addRule", "[3, 1, 'bob', 0, {'$': {'effect': 'deny'}}]", "conflict");
	fails("addRule", "[3, 'x', 'bob', 0, {'$': {'effect': 'deny'}}]", "-32602");
	fails("addRule", "[3, 2, 'none', 0, {'$': {'effect': 'deny'}}]", "NotFoundError");
	gives_integer("removeRule", "[3, 2, 'bob', 'r0']", 3);
	assert_false(has("r0"));
	fails("removeRule", "[3, 3, 'bob', 'r0']", "NotFoundError");
	gives_integer("addPolicy",
		      "[3, 3, 'zone', 1, {'policy': {'$': {'id': 'new'}, 'rule': "
		      "[{'$': {'effect': 'deny'}}]}}]",
		      4);
	json_t *tree = result("getPolicy", "[3]");
	const json_t *list = json_object_get(json_object_get(tree, "policy-set"), "policy");
	const json_t *second = json_object_get(json_array_get(list, 1), "$");
	assert_string_equal(pz_json_str(second, "id"), "new");
	json_decref(tree);
	fails("addPolicy", "[3, 4, 'zone', 0, {'policy-set': {}}]", "order would be lost");
	fails("addPolicy", "[3, 4, 'zone', 0, {'rule': {}}]", "-32602");
	gives_integer("updatePolicy", "[3, 4, 'new', {'policy': {'$': {'id': 'newer'}}}]", 5);
	fails("updatePolicy", "[3, 5, 'new', {'policy': {}}]", "NotFoundError");
	fails("updatePolicy", "[3, 5, 'newer', {'policy-set': {}}]", "-32602");
	gives_integer("removePolicy", "[3, 5, 'newer']", 6);
	gives_integer("removePolicy", "[3, 6, 'bob']", 7);
	fails("removePolicy", "[3, 7, 'rest']", "last policy");
	fails("removePolicy", "[3, 7, 'zone']", "last policy");
}

/* Its policies and sets stand in another order than the JSON form has. */
static void
a_mixed_set_keeps_its_order(void **state)
{
	const char *text = "<policy-set combine=\"first-matching-target\"><policy id=\"a\"><target>"
			   "<subject><subject-match attr=\"id\" match=\"x\"/></subject></target>"
			   "</policy><policy-set id=\"b\"/><policy id=\"c\"/></policy-set>";
	json_t *tree = NULL;
	char *back = NULL;

	(void)state;
	assert_ok(pz_policy_tree_from_text(pz_slice_str(text), &tree, NULL));
	json_t *root = json_object_get(tree, "policy-set");
	assert_null(json_object_get(root, "policy"));
	const json_t *sets = json_object_get(root, "policy-set");
	assert_int_equal(json_array_size(sets), 3);
	assert_non_null(json_object_get(json_array_get(sets, 0), "target"));
	assert_non_null(json_object_get(json_array_get(sets, 0), "policy"));
	assert_ok(pz_policy_tree_to_text(tree, &back, NULL));
	assert_true(strstr(back, "\"a\"") < strstr(back, "\"b\""));
	assert_true(strstr(back, "\"b\"") < strstr(back, "\"c\""));
	free(back);
	json_decref(tree);
}

/* A parser makes a blank of a tab in an attribute, unless it is written as a reference. */
static void
white_space_in_a_value_stays(void **state)
{
	const char *text = "<policy id=\"a\"><target><subject><subject-match attr=\"id\" "
			   "match=\"x&#9;y&#10;z&#13;&amp;&quot;\"/></subject></target></policy>";
	json_t *first = NULL, *second = NULL;
	char *back = NULL;

	(void)state;
	assert_ok(pz_policy_tree_from_text(pz_slice_str(text), &first, NULL));
	char *dump = json_dumps(first, 0);
	assert_non_null(strstr(dump, "x\\ty\\nz\\r&\\\""));
	free(dump);
	assert_ok(pz_policy_tree_to_text(first, &back, NULL));
	assert_ok(pz_policy_tree_from_text(pz_slice_str(back), &second, NULL));
	assert_true(json_equal(first, second));
	free(back);
	json_decref(first);
	json_decref(second);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(documents_are_read_as_json),
		TEST(documents_are_tested_and_change_nothing),
		TEST(a_document_is_replaced),
		TEST(elements_are_changed_by_their_ids),
		cmocka_unit_test(a_mixed_set_keeps_its_order),
		cmocka_unit_test(white_space_in_a_value_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
