/* The index: bounds above which it is not built, and texts that it must not exclude. tests/policy
 * compares it with a search of every element, for thousands of documents. */
#include "policy/index.h"

#include "policy/fixture.h"
#include "policy/match.h"

#include <string.h>

#include "base/buf.h"

#define OWNER "http://webinos.org/subject/id/PZ-Owner"

/* A policy whose rules are all denials but one; that one is the last. */
static struct pz_policy_document *
document_of(const char *last, unsigned others)
{
	struct pz_policy_document *doc;
	struct pz_buf buf;

	pz_buf_init(&buf, 1U << 20, NULL);
	assert_int_equal(pz_buf_append_str(&buf, "<policy>"), PZ_OK);
	for (unsigned i = 0; i < others; i++)
		assert_int_equal(
			pz_buf_printf(&buf,
				      "<rule effect='deny'><condition><subject-match "
				      "attr='user-id' match='other%u'/></condition></rule>",
				      i),
			PZ_OK);
	assert_int_equal(pz_buf_printf(&buf,
				       "<rule effect='permit'><condition>%s</condition></rule>"
				       "</policy>%c",
				       last, '\0'),
			 PZ_OK);
	doc = parse((const char *)pz_buf_slice(&buf).ptr);
	pz_buf_fini(&buf);
	return doc;
}

static void
expect(const char *last, const char *json, enum pz_policy_effect wanted)
{
	struct pz_policy_document *doc = document_of(last, 20);
	struct pz_policy_request *request = request_of(json);
	enum pz_policy_effect found = pz_policy_evaluate(doc, request, 0).effect;

	if (found != wanted)
		fail_msg("%s on %s: %s", last, json, pz_policy_effect_name(found));
	assert_int_equal(pz_policy_evaluate(doc, request, PZ_POLICY_PLAIN).effect, wanted);
	pz_policy_request_free(request);
	pz_policy_document_unref(doc);
}

#define FEATURE(pattern) "<resource-match attr='api-feature' match='" pattern "'/>"
#define ASKS(feature) "{\"resource\":{\"api-feature\":[\"" feature "\"]}}"
#define USER(pattern) "<subject-match attr='user-id' match='" pattern "'/>"
#define CALLS(user)                                                                                \
	"{\"subject\":{\"user-id\":[\"" user "\"]},\"resource\":{\"api-feature\":[\"f\"]},"        \
	"\"context\":{\"owner\":\"me\",\"known\":[\"bob\"]}}"

static void
finds_what_a_pattern_covers(void **state)
{
	(void)state;
	expect(FEATURE("h/api/nfc"), ASKS("h/api/nfc"), PZ_POLICY_PERMIT);
	expect(FEATURE("h/api/nfc"), ASKS("h/api/nfc.read"), PZ_POLICY_PERMIT);
	expect(FEATURE("h/api/nfc"), ASKS("h/api/nfc/read/more"), PZ_POLICY_PERMIT);
	expect(FEATURE("h/api/nfc"), ASKS("h/api/nfcx"), PZ_POLICY_INAPPLICABLE);
	expect(FEATURE("h/api/n*"), ASKS("h/api/nfc.read"), PZ_POLICY_PERMIT);
	expect(FEATURE("h/api/*"), ASKS("h/api/"), PZ_POLICY_PERMIT);
	expect(FEATURE("/*"), ASKS("/x"), PZ_POLICY_PERMIT);
	expect(FEATURE(".*"), ASKS(".x"), PZ_POLICY_PERMIT);
	expect(FEATURE("x*"), ASKS("x"), PZ_POLICY_PERMIT);
	expect(FEATURE("h?api"), ASKS("h/api"), PZ_POLICY_PERMIT);
	expect(FEATURE("*api"), ASKS("h/api"), PZ_POLICY_PERMIT);
	expect(FEATURE("*api"), ASKS("api"), PZ_POLICY_PERMIT);
	expect(FEATURE("*api"), ASKS("h/api.x"), PZ_POLICY_INAPPLICABLE);
	expect(FEATURE("h*/api"), ASKS("h/api"), PZ_POLICY_PERMIT);
	expect(FEATURE("ab*ba"), ASKS("aba"), PZ_POLICY_INAPPLICABLE); /* both ends in one */
	expect(FEATURE("ab*ba"), ASKS("abba"), PZ_POLICY_PERMIT);
	expect(FEATURE("*camera*"), ASKS("h/cameras/front"), PZ_POLICY_PERMIT);
	expect(FEATURE("*camera*"), ASKS("camera"), PZ_POLICY_PERMIT);
	expect(FEATURE("*camera*"), ASKS("mera"), PZ_POLICY_INAPPLICABLE);
	expect(FEATURE("*mer*"), ASKS("h/cameras"), PZ_POLICY_PERMIT); /* too short for a part */
	expect(FEATURE("?*"), ASKS("x"), PZ_POLICY_PERMIT);
	expect(FEATURE("*"), ASKS("x"), PZ_POLICY_PERMIT);
	expect(FEATURE("?aaaaa?"), ASKS("xaaaaay"), PZ_POLICY_PERMIT); /* one part twice */
	expect(FEATURE("h.a/?"), ASKS("h.a/b"), PZ_POLICY_PERMIT);
	expect("<resource-match attr='api-feature' match='a*' func='equal'/>", ASKS("a*"),
	       PZ_POLICY_PERMIT);
	expect("<resource-match attr='api-feature.path' match='/x'/>", ASKS("h://a/x"),
	       PZ_POLICY_PERMIT);
	expect("<resource-match attr='api-feature' match='^h' func='regexp'/>", ASKS("h/x"),
	       PZ_POLICY_PERMIT);
}

static void
finds_subjects_by_text_and_identity(void **state)
{
	(void)state;
	expect(USER("eve, bob"), CALLS("bob"), PZ_POLICY_PERMIT);
	expect(USER("eve," OWNER), CALLS("me"), PZ_POLICY_PERMIT);
	expect(USER(OWNER), CALLS(OWNER), PZ_POLICY_INAPPLICABLE);
	expect(USER("http://webinos.org/subject/id/known"), CALLS("bob"), PZ_POLICY_PERMIT);
	expect(USER("http://webinos.org/subject/id/unknown"), CALLS("eve"), PZ_POLICY_PERMIT);
	expect(USER("http://webinos.org/subject/id/any"), ASKS("f"), PZ_POLICY_PERMIT);
	expect(USER("e*"), CALLS("eve"), PZ_POLICY_PERMIT);
	expect(USER("*@b, *ve"), CALLS("eve"), PZ_POLICY_PERMIT);
	expect(USER("*@b, *e@*"), CALLS("eve"), PZ_POLICY_INAPPLICABLE);
	expect(USER("other3"), CALLS("other3"), PZ_POLICY_DENY);
	expect("<subject-match attr='id' match='a'/>",
	       "{\"subject\":{\"user-id\":[\"a\"]},\"resource\":{\"api-feature\":[\"f\"]}}",
	       PZ_POLICY_INAPPLICABLE); /* the same text of another attribute */
	expect("<subject-match attr='widget-attr:a' match='x'/>",
	       "{\"subject\":{\"widget-attr:a\":[\"x\"]},\"resource\":{\"api-feature\":[\"f\"]}}",
	       PZ_POLICY_PERMIT);
}

/* What is longer than the bytes that are looked up differs behind them. */
static void
of_long_ends_more_than_is_looked_up_counts(void **state)
{
	char long_name[2 * PZ_POLICY_AFFIX_MAX + 1], last[512], json[512];

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	snprintf(last, sizeof(last), "<resource-match attr='api-feature' match='a%s*%sb'/>",
		 long_name, long_name);
	snprintf(json, sizeof(json), "{\"resource\":{\"api-feature\":[\"a%s%sb\"]}}", long_name,
		 long_name);
	expect(last, json, PZ_POLICY_PERMIT);
	snprintf(json, sizeof(json), "{\"resource\":{\"api-feature\":[\"a%s%s\"]}}", long_name,
		 long_name);
	expect(last, json, PZ_POLICY_INAPPLICABLE);
}

/* Without one feature a comparison may be undetermined, or true for another one. */
static void
is_left_out_without_exactly_one_feature(void **state)
{
	(void)state;
	expect(FEATURE("f"), "{\"resource\":{\"service-id\":[\"s\"]}}", PZ_POLICY_UNDETERMINED);
	expect(FEATURE("f"), "{\"resource\":{\"service-id\":[\"s\"],\"api-feature\":[]}}",
	       PZ_POLICY_INAPPLICABLE);
	expect(FEATURE("g"), "{\"resource\":{\"api-feature\":[\"f\",\"g\"]}}", PZ_POLICY_PERMIT);
}

static void
is_left_out_for_a_request_with_too_many_texts(void **state)
{
	char json[2048], feature[PZ_POLICY_KEYS_MAX + 20];

	(void)state;
	memset(feature, '/', sizeof(feature) - 1);
	feature[sizeof(feature) - 1] = '\0';
	snprintf(json, sizeof(json), ASKS("f%s"), feature);
	expect(FEATURE("f"), json, PZ_POLICY_PERMIT);
	expect(FEATURE("f/"), json, PZ_POLICY_PERMIT);
	expect(FEATURE("f*/"), json, PZ_POLICY_PERMIT);
}

/* More lists than one walk merges: every rule is looked at. */
static void
is_left_out_for_a_request_that_many_lists_are_for(void **state)
{
	struct pz_policy_document *doc = document_of(USER("me"), 40);
	struct pz_buf buf;

	(void)state;
	pz_buf_init(&buf, 4096, NULL);
	assert_int_equal(pz_buf_append_str(&buf, "{\"resource\":{\"api-feature\":[\"f\"]},"
						 "\"subject\":{\"user-id\":[\"me\""),
			 PZ_OK);
	for (unsigned i = 0; i < PZ_POLICY_LISTS_MAX + 4; i++)
		assert_int_equal(pz_buf_printf(&buf, ",\"other%u\"", i), PZ_OK);
	assert_int_equal(pz_buf_printf(&buf, "]}}%c", '\0'), PZ_OK);
	struct pz_policy_request *request = request_of((const char *)pz_buf_slice(&buf).ptr);
	struct pz_policy_result found = pz_policy_evaluate(doc, request, 0);
	struct pz_policy_result plain = pz_policy_evaluate(doc, request, PZ_POLICY_PLAIN);

	assert_int_equal(found.effect, PZ_POLICY_DENY);
	assert_ptr_equal(found.node, plain.node);
	pz_policy_request_free(request);
	pz_policy_document_unref(doc);
	pz_buf_fini(&buf);
}

/* The micro profile (page 9, 1) is a document like others. */
static void
a_micro_policy_decides_as_in_the_full_engine(void **state)
{
	static const char micro[] =
		"<policy><rule effect='permit'><condition><subject-match attr='user-id' "
		"match='bob'/>"
		"<resource-match attr='api-feature' match='f'/></condition></rule>"
		"<rule effect='deny'><condition><subject-match attr='user-id' match='eve'/>"
		"</condition></rule></policy>";

	(void)state;
	assert_int_equal(effect_of(micro, CALLS("bob")), PZ_POLICY_PERMIT);
	assert_int_equal(effect_of(micro, CALLS("eve")), PZ_POLICY_DENY);
	assert_int_equal(effect_of(micro, CALLS("me")), PZ_POLICY_INAPPLICABLE);
	assert_int_equal(effect_of(micro, "{\"subject\":{\"user-id\":\"bob\"},"
					  "\"resource\":{\"api-feature\":\"g\"}}"),
			 PZ_POLICY_INAPPLICABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_pattern_covers),
		cmocka_unit_test(finds_subjects_by_text_and_identity),
		cmocka_unit_test(of_long_ends_more_than_is_looked_up_counts),
		cmocka_unit_test(is_left_out_without_exactly_one_feature),
		cmocka_unit_test(is_left_out_for_a_request_with_too_many_texts),
		cmocka_unit_test(is_left_out_for_a_request_that_many_lists_are_for),
		cmocka_unit_test(a_micro_policy_decides_as_in_the_full_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
