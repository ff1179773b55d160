/* Documents: every one that page 9, 3.3 calls invalid is refused, with line and reason; those at
 * the limits are accepted. */
#include "policy/fixture.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

/* A rule with one match. */
#define RULE_WITH(match)                                                                           \
	"<policy><rule effect='deny'><condition>" match "</condition></rule></policy>"
#define TARGET_WITH(inner) "<policy><target>" inner "</target><rule effect='permit'/></policy>"
#define MATCH "<subject-match attr='user-id' match='a'/>"
#define PREFERENCE(inner)                                                                          \
	"<policy><rule effect='permit'/><DataHandlingPreferences PolicyId='#a'>" inner             \
	"</DataHandlingPreferences></policy>"
#define OBLIGATION(triggers, action)                                                               \
	PREFERENCE("<ObligationsSet><Obligation><TriggersSet>" triggers "</TriggersSet>" action    \
		   "</Obligation></ObligationsSet>")
#define DELAY(text) "<MaxDelay><Duration>" text "</Duration></MaxDelay>"

static void
expect_refused(struct pz_slice text, unsigned line, const char *reason)
{
	struct pz_policy_document *doc = NULL;
	struct pz_policy_fault fault = {0, {""}};

	enum pz_err err = pz_policy_document_parse(text, &doc, &fault);
	if (err == PZ_OK)
		fail_msg("accepted, not \"%s\": %.300s", reason, (const char *)text.ptr);
	assert_null(doc);
	if (fault.line != line || strstr(fault.info.text, reason) == NULL)
		fail_msg("line %u: \"%s\", not line %u: \"%s\"", fault.line, fault.info.text, line,
			 reason);
	assert_int_equal(pz_policy_document_parse(text, &doc, NULL), err); /* without a reason */
}

static void
invalid_documents_are_refused_with_line_and_reason(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *reason;
	} cases[] = {
		/* not well-formed */
		{"", 0, "empty"},
		{" \n ", 2, "not well-formed"},
		{"permit", 1, "not well-formed"},
		{"<policy>\n<rule effect='permit'>\n</policy>", 3, "mismatched tag"},
		{"<policy>\n<rule effect='permit'/>", 2, "no element found"},
		{"<policy/><policy/>", 1, "junk after document element"},
		{"<policy id='a' id='b'/>", 1, "duplicate attribute"},
		{"<policy id='\xff'/>", 1, "not well-formed"},
		{"<policy id='&#0;'/>", 1, "invalid character"},
		{"<policy id='&x;'/>", 1, "undefined entity"},
		{"\xff\xfe<\0p\0/\0>\0", 1, "not well-formed"},
		{"<?xml version='1.0' encoding='ISO-8859-1'?><policy/>", 1, "a policy is UTF-8"},
		{"<?xml version='1.1'?><policy/>", 1, "version"},
		/* DOCTYPE, entities, processing instructions */
		{"<!DOCTYPE policy>\n<policy/>", 1, "DOCTYPE"},
		{"<!DOCTYPE policy SYSTEM 'file:///etc/passwd'><policy/>", 1, "DOCTYPE"},
		{"<!DOCTYPE p [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><policy id='&a;'/>", 1,
		 "DOCTYPE"},
		{"<!DOCTYPE p [<!ENTITY % a SYSTEM 'http://127.0.0.1/'> %a;]><policy/>", 1,
		 "DOCTYPE"},
		{"<policy>\n<?run this?></policy>", 2, "processing instruction"},
		{"<?run this?><policy/>", 1, "processing instruction"},
		/* elements and text where they would change the meaning */
		{"<rule effect='permit'/>", 1, "<rule> cannot be in the document"},
		{"<Policy/>", 1, "<Policy> is not an element"},
		{"<p:policy xmlns:p='x'/>", 1, "<p:policy> is not an element"},
		{"<policy><policy/></policy>", 1, "<policy> cannot be in policy"},
		{"<policy-set><rule effect='deny'/></policy-set>", 1, "cannot be in policy-set"},
		{"<policy><Rule effect='deny'/></policy>", 1, "<Rule> is not an element"},
		{"<policy>\n<target/><target/></policy>", 2, "a second <target>"},
		{"<policy><rule effect='deny'><condition>" MATCH "</condition><condition>" MATCH
		 "</condition></rule></policy>",
		 1, "a second <condition>"},
		{TARGET_WITH("<note/>"), 1, "<note> is not an element"},
		{TARGET_WITH("anyone"), 1, "text in <target>"},
		{TARGET_WITH("<subject>" MATCH "me</subject>"), 1, "text in <subject>"},
		{TARGET_WITH("<subject>" MATCH "<subject/></subject>"), 1, "cannot be in subject"},
		{TARGET_WITH("<subject><resource-match attr='a' match='b'/></subject>"), 1,
		 "<resource-match> cannot be in subject"},
		{RULE_WITH(MATCH "or"), 1, "text in <condition>"},
		{RULE_WITH(MATCH "<![CDATA[x]]>"), 1, "text in <condition>"},
		{RULE_WITH(MATCH "<rule effect='permit'/>"), 1, "cannot be in condition"},
		{RULE_WITH("<subject-match attr='user-id'><subject-attr/></subject-match>"), 1,
		 "<subject-attr> is not an element"},
		{RULE_WITH("<resource-match attr='a' match='b'><resource-attr attr='c'/>"
			   "</resource-match>"),
		 1, "<resource-attr> is not an element"},
		/* words */
		{"<policy-set combine='only-one-applicable'/>", 1,
		 "combine=\"only-one-applicable\""},
		{"<policy-set combine='first-applicable'/>", 1, "first-matching-target"},
		{"<policy combine='first-matching-target'/>", 1, "first-applicable"},
		{"<policy combine=''/>", 1, "combine"},
		{"<policy>\n\n<rule effect='allow'/></policy>", 3, "effect=\"allow\""},
		{"<policy><rule effect='undetermined'/></policy>", 1, "effect"},
		{"<policy><rule effect='Permit'/></policy>", 1, "effect"},
		{"<policy><rule/></policy>", 1, "<rule> needs effect"},
		{"<policy><rule effect='permit' require-reauth='yes'/></policy>", 1,
		 "require-reauth=\"yes\""},
		{"<policy><rule effect='permit' require-reauth='local' "
		 "auth-expires-after-min='soon'/></policy>",
		 1, "auth-expires-after-min"},
		{"<policy><rule effect='permit' require-reath='local'/></policy>", 1,
		 "<rule> has no attribute require-reath"},
		{"<policy combin='first-applicable'/>", 1, "<policy> has no attribute combin"},
		{RULE_WITH("<condition combine='xor'>" MATCH "</condition>"), 1, "combine=\"xor\""},
		{RULE_WITH("<subject-match attr='a' match='b' func='like'/>"), 1, "func=\"like\""},
		/* what has to be there */
		{RULE_WITH(""), 1, "<condition> is empty"},
		{RULE_WITH("<condition/>"), 1, "<condition> is empty"},
		{TARGET_WITH("<subject/>"), 1, "<subject> is empty"},
		{RULE_WITH("<subject-match match='b'/>"), 1, "needs attr"},
		{RULE_WITH("<subject-match attr='' match='b'/>"), 1, "needs attr"},
		{RULE_WITH("<subject-match attr='.host' match='b'/>"), 1, "needs attr"},
		{RULE_WITH("<subject-match attr='user-id'/>"), 1, "needs match"},
		{RULE_WITH("<subject-match attr='user-id' match=''/>"), 1, "needs match"},
		{RULE_WITH("<subject-match attr='user-id'> \n</subject-match>"), 1, "needs match"},
		{RULE_WITH("<subject-match attr='user-id' match=' , ,'/>"), 1, "no pattern"},
		/* numbers */
		{RULE_WITH("<environment-match attr='timemin' match='noon' func='less-than'/>"), 1,
		 "decimal digits"},
		{RULE_WITH("<environment-match attr='timemin' match='-1' func='less-than'/>"), 1,
		 "decimal digits"},
		{RULE_WITH("<environment-match attr='timemin' match='12345678901' "
			   "func='greater-than'/>"),
		 1, "decimal digits"},
		{RULE_WITH("<environment-match attr='days-of-week' match='monday'/>"), 1,
		 "decimal digits"},
		{RULE_WITH("<environment-match attr='daysOfMonth' match='1*'/>"), 1,
		 "decimal digits"},
		{RULE_WITH("<subject-match attr='version' match='1,x' func='in-set'/>"), 1,
		 "decimal digits"},
		/* regular expressions */
		{RULE_WITH("<resource-match attr='a' match='(' func='regexp'/>"), 1,
		 "regular expression \"(\""},
		{RULE_WITH("<resource-match attr='a' match='a**' func='regexp'/>"), 1,
		 "regular expression"},
		{RULE_WITH("<resource-match attr='a' match='(*NO_JIT)a' func='regexp'/>"), 1,
		 "regular expression"},
		{RULE_WITH("<resource-match attr='a' match='\\C' func='regexp'/>"), 1,
		 "regular expression"},
		/* names that are there twice */
		{"<policy-set id='a'>\n<policy id='b'/>\n<policy id='b'/></policy-set>", 3,
		 "id \"b\" is on line 2 already"},
		{"<policy id='a'>\n<rule effect='deny' id='a'/></policy>", 2, "on line 1"},
		{"<policy id='a'>\n<target id='a'/></policy>", 2, "on line 1"},
		{"<policy-set><DataHandlingPreferences PolicyId='#a'/>\n"
		 "<policy><DataHandlingPreferences PolicyId='#a'/></policy></policy-set>",
		 2, "PolicyId \"#a\""},
		/* data handling */
		{PREFERENCE("<rule effect='permit'/>"), 1, "cannot be in DataHandlingPreferences"},
		{PREFERENCE("<AuthorizationsSet/><AuthorizationsSet/>"), 1, "a second"},
		{OBLIGATION("<TriggerOnRain/>", ""), 1, "not an element"},
		{OBLIGATION("<TriggerAtTime>" DELAY("P7D") "</TriggerAtTime>", ""), 1,
		 "<TriggerAtTime> needs <StartTime>"},
		{OBLIGATION("<TriggerAtTime><StartTime><StartNow/></StartTime></TriggerAtTime>",
			    ""),
		 1, "<TriggerAtTime> needs <MaxDelay>"},
		{OBLIGATION("<TriggerPersonalDataDeleted>" DELAY(
				    "7 days") "</TriggerPersonalDataDeleted>",
			    ""),
		 1, "no duration"},
		{OBLIGATION("<TriggerAtTime><StartTime><DateAndTime>today</DateAndTime></"
			    "StartTime>" DELAY("P7D") "</TriggerAtTime>",
			    ""),
		 1, "no date"},
		{OBLIGATION("", "<ActionLog/><ActionSecureLog/>"), 1, "a second action"},
		{OBLIGATION("", "<ActionNotifyDataSubject><Media>email</Media>"
				"</ActionNotifyDataSubject>"),
		 1, "needs <Address>"},
		{"<policy><DataHandlingPreferences PolicyId='#a' policyId='#a'/></policy>", 1,
		 "twice"},
		{OBLIGATION("<TriggerAtTime><StartTime><StartNow/><DateAndTime>"
			    "2012-12-10T14:00:00Z</DateAndTime></StartTime>" DELAY(
				    "P7D") "</TriggerAtTime>",
			    ""),
		 1, "either StartNow or DateAndTime"},
		{OBLIGATION("<TriggerDataSubjectAccess><AccessURI/></TriggerDataSubjectAccess>",
			    ""),
		 1, "<AccessURI> is empty"},
		{"<policy><ProvisionalActions><ProvisionalAction><AttributeValue>a</AttributeValue>"
		 "</ProvisionalAction></ProvisionalActions></policy>",
		 1, "two <AttributeValue>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_refused(pz_slice_str(cases[i].text), cases[i].line, cases[i].reason);
	expect_refused(pz_slice_of("<policy/>\0", 10), 1, "not well-formed");
}

static void
valid_documents_are_accepted(void **state)
{
	static const char *const cases[] = {
		"<policy/>",
		"<?xml version='1.0' encoding='utf-8'?>\n<!-- mine -->\n<policy/>\n<!-- end -->",
		"\xef\xbb\xbf<policy/>",
		"<policy id='&lt;&#x41;&amp;'/>",
		"<policy id=''><rule id='' effect='permit'/></policy>",
		"<policy><target/><rule effect='permit'/></policy>",
		TARGET_WITH("<!-- both --><subject id='s'>\n\t" MATCH "\r\n</subject>"),
		RULE_WITH("<subject-match attr='user-id'> alice, bob </subject-match>"),
		RULE_WITH("<subject-match attr='user-id' match=''>alice</subject-match>"),
		RULE_WITH("<environment-match attr='days-of-week' match='*' func='regexp'/>"),
		RULE_WITH(
			"<environment-match attr='timemin' match='0123456789' func='less-than'/>"),
		RULE_WITH("<condition combine='or'>" MATCH "</condition>"),
		"<policy><rule effect='permit' require-reauth='none' auth-expires-after-min='5' "
		"description='why'/></policy>",
		"<policy><dataHandlingPreferences policyId='#a'/><provisionalActions/></policy>",
		PREFERENCE("<AuthorizationsSet/>"),
		OBLIGATION("", ""),
		OBLIGATION("<TriggerAtTime><StartTime><StartNow/></StartTime>" DELAY(
				   "P0Y0M7DT0H0M0S") "</TriggerAtTime>",
			   "<ActionDeletePersonalData/>"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		pz_policy_document_unref(parse(cases[i]));
}

/* ---- limits ---- */

static void
append(struct pz_buf *buf, const char *text, size_t times)
{
	for (; times > 0; times--)
		assert_int_equal(pz_buf_append_str(buf, text), PZ_OK);
}

/* before, `times` times the middle, after */
static void
build(struct pz_buf *buf, const char *before, const char *middle, size_t times, const char *after)
{
	pz_buf_init(buf, 64U << 20, NULL);
	append(buf, before, 1);
	append(buf, middle, times);
	append(buf, after, 1);
}

static void
expect_limit(const char *before, const char *middle, size_t most, const char *after, unsigned line,
	     const char *reason)
{
	struct pz_policy_document *doc = NULL;
	struct pz_policy_fault fault = {0, {""}};
	struct pz_buf buf;

	build(&buf, before, middle, most, after);
	if (pz_policy_document_parse(pz_buf_slice(&buf), &doc, &fault) != PZ_OK)
		fail_msg("%zu of %s: %s", most, middle, fault.info.text);
	pz_policy_document_unref(doc);
	pz_buf_fini(&buf);
	build(&buf, before, middle, most + 1, after);
	expect_refused(pz_buf_slice(&buf), line, reason);
	pz_buf_fini(&buf);
}

static void
limits_are_held(void **state)
{
	(void)state;
	expect_limit("<policy>", "<rule effect='deny'/>", PZ_POLICY_RULES_MAX, "</policy>", 1,
		     "more than 10000 rules");
	expect_limit("<policy id='", "x", PZ_POLICY_ATTRIBUTE_BYTES_MAX, "'/>", 1,
		     "longer than 4096 bytes");
	expect_limit("<policy><rule effect='deny'><condition><subject-match attr='a'>", "x",
		     PZ_POLICY_ATTRIBUTE_BYTES_MAX, "</subject-match></condition></rule></policy>",
		     1, "longer than 4096 bytes");
	expect_limit("<policy><target><subject><subject-match attr='a' match='", "x ,",
		     PZ_POLICY_ITEMS_MAX, "'/></subject></target></policy>", 1,
		     "more than 256 patterns");
	expect_limit("<policy/>", " ", PZ_POLICY_DOCUMENT_BYTES_MAX - strlen("<policy/>"), "", 0,
		     "longer than 1048576 bytes");
}

static void
a_hundred_thousand_rules_are_refused(void **state)
{
	struct pz_buf buf;

	(void)state;
	build(&buf, "<policy>", "<rule effect='deny'/>", 100000, "</policy>");
	expect_refused(pz_buf_slice(&buf), 0, "longer than");
	pz_buf_fini(&buf);
	build(&buf, "<policy>", "<rule effect='deny'/>", 40000, "</policy>"); /* within 1 MiB */
	expect_refused(pz_buf_slice(&buf), 1, "more than 10000 rules");
	pz_buf_fini(&buf);
}

static void
nested(struct pz_buf *buf, size_t sets)
{
	pz_buf_init(buf, 1U << 20, NULL);
	append(buf, "<policy-set>", sets);
	append(buf, "<policy><rule effect='permit'/></policy>", 1);
	append(buf, "</policy-set>", sets);
}

static void
depth_ends_at_32_levels(void **state)
{
	struct pz_policy_document *doc = NULL;
	struct pz_buf buf;

	(void)state;
	nested(&buf, PZ_POLICY_DEPTH_MAX - 2); /* policy and rule are the last two levels */
	assert_int_equal(pz_policy_document_parse(pz_buf_slice(&buf), &doc, NULL), PZ_OK);
	struct pz_policy_request *request = request_of("{\"resource\":{\"api-feature\":\"f\"}}");
	assert_int_equal(pz_policy_evaluate(doc, request, 0).effect, PZ_POLICY_PERMIT);
	pz_policy_request_free(request);
	pz_policy_document_unref(doc);
	pz_buf_fini(&buf);
	nested(&buf, PZ_POLICY_DEPTH_MAX - 1);
	expect_refused(pz_buf_slice(&buf), 1, "deeper than 32 levels");
	pz_buf_fini(&buf);
	nested(&buf, 40000);
	expect_refused(pz_buf_slice(&buf), 1, "deeper than 32 levels");
	pz_buf_fini(&buf);
}

/* page 14 PRS-4 */
static void
a_billion_laughs_are_not_read(void **state)
{
	struct pz_buf buf;

	(void)state;
	pz_buf_init(&buf, 1U << 16, NULL);
	append(&buf, "<?xml version='1.0'?>\n<!DOCTYPE lolz [<!ENTITY l0 'lol'>", 1);
	for (int i = 1; i < 10; i++) {
		assert_int_equal(pz_buf_printf(&buf, "<!ENTITY l%d '", i), PZ_OK);
		for (int k = 0; k < 10; k++)
			assert_int_equal(pz_buf_printf(&buf, "&l%d;", i - 1), PZ_OK);
		append(&buf, "'>", 1);
	}
	append(&buf, "]>\n<policy id='&l9;'/>", 1);
	expect_refused(pz_buf_slice(&buf), 2, "DOCTYPE");
	pz_buf_fini(&buf);
}

/* Sixty bytes of text become tens of KiB of compiled expression. */
static void
regular_expressions_have_a_bound_of_memory(void **state)
{
	struct pz_buf buf;

	(void)state;
	build(&buf, "<policy><rule effect='deny'><condition>",
	      "<resource-match attr='a' match='(ab){1,300}' func='regexp'/>", 1000,
	      "</condition></rule></policy>");
	expect_refused(pz_buf_slice(&buf), 1, "regular expressions");
	pz_buf_fini(&buf);
}

/* ---- the rest ---- */

/* page 14 AUTH-5 */
static void
a_rule_that_needs_authentication_denies(void **state)
{
	const char *any = "{\"resource\":{\"api-feature\":\"f\"}}";

	(void)state;
	assert_int_equal(
		effect_of("<policy><rule effect='permit' require-reauth='local'/></policy>", any),
		PZ_POLICY_DENY);
	assert_int_equal(effect_of("<policy><rule effect='prompt-blanket' "
				   "require-reauth='remote'/></policy>",
				   any),
			 PZ_POLICY_DENY);
	assert_int_equal(
		effect_of("<policy><rule effect='permit' require-reauth='none'/></policy>", any),
		PZ_POLICY_PERMIT);
}

static void
the_cache_parses_a_text_once(void **state)
{
	struct pz_policy_cache *cache = pz_policy_cache_new();
	struct pz_policy_document *first = NULL, *again = NULL, *other = NULL;
	struct pz_slice text = pz_slice_str("<policy id='a'/>");
	char one[64];

	(void)state;
	assert_non_null(cache);
	assert_int_equal(pz_policy_cache_parse(cache, text, &first, NULL), PZ_OK);
	assert_int_equal(pz_policy_cache_parse(cache, text, &again, NULL), PZ_OK);
	assert_ptr_equal(first, again);
	pz_policy_document_unref(again);
	for (int i = 0; i < PZ_POLICY_DOCUMENTS_KEPT; i++) {
		snprintf(one, sizeof(one), "<policy id='b%d'/>", i);
		assert_int_equal(pz_policy_cache_parse(cache, pz_slice_str(one), &other, NULL),
				 PZ_OK);
		pz_policy_document_unref(other);
	}
	assert_int_equal(pz_policy_cache_parse(cache, text, &again, NULL), PZ_OK);
	assert_ptr_not_equal(first, again); /* it was the oldest; who has it keeps it */
	assert_memory_equal(pz_policy_document_sha256(first), pz_policy_document_sha256(again),
			    PZ_POLICY_SHA256_BYTES);
	assert_int_equal(pz_policy_cache_parse(cache, pz_slice_str("<policy"), &other, NULL),
			 PZ_ERR_CONFIG);
	pz_policy_document_unref(first);
	pz_policy_document_unref(again);
	pz_policy_cache_free(cache);
}

static void
an_element_is_named_by_id_or_position(void **state)
{
	struct pz_policy_document *doc =
		parse("<policy-set>\n<policy/>\n<policy id='mine'>\n<rule effect='deny'/>\n"
		      "<rule effect='permit' description='all of them'/></policy></policy-set>");
	struct pz_policy_request *request = request_of("{\"resource\":{\"api-feature\":\"f\"}}");
	struct pz_policy_result result = pz_policy_evaluate(doc, request, 0);
	static const char *const wanted[] = {"policy-set", "mine", "rule[1]"};
	char label[PZ_POLICY_LABEL_BYTES];

	(void)state;
	assert_int_equal(result.effect, PZ_POLICY_DENY);
	for (unsigned i = 0; i < 3; i++) {
		pz_policy_node_label(pz_policy_node_at(result.node, i), label);
		assert_string_equal(label, wanted[i]);
	}
	assert_null(pz_policy_node_at(result.node, 3));
	assert_int_equal(pz_policy_node_line(result.node), 4);
	assert_int_equal(pz_policy_document_rules(doc), 2);
	pz_policy_request_free(request);
	pz_policy_document_unref(doc);
}

static void
note_limit(void *arg, const struct pz_policy_node *rule, enum pz_policy_effect effect)
{
	struct pz_slice name = {NULL, 0};
	uint64_t limit = 0;

	(void)effect;
	if (pz_policy_node_call_limit(rule, &name, &limit)) {
		assert_true(pz_slice_eq_str(name, "calls:deep"));
		*(uint64_t *)arg += limit;
	}
}

/* What is left of it is shown to the owner. */
static void
the_limit_in_calls_of_a_rule_is_known(void **state)
{
	static const char text[] =
		"<policy><rule effect=\"permit\"><condition>"
		"<resource-match attr=\"api-feature\" match=\"*\"/><condition combine=\"or\">"
		"<environment-match attr=\"calls:other\" func=\"greater-than\" match=\"9\"/>"
		"<environment-match attr=\"calls:deep\" func=\"less-than\" match=\"7\"/>"
		"</condition></condition></rule><rule effect=\"permit\"/></policy>";
	struct pz_policy_document *doc = NULL;
	uint64_t sum = 0;

	(void)state;
	assert_ok(pz_policy_document_parse(pz_slice_str(text), &doc, NULL));
	pz_policy_document_each_rule(doc, note_limit, &sum);
	assert_int_equal(sum, 7);
	pz_policy_document_unref(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_in_calls_of_a_rule_is_known),
		cmocka_unit_test(invalid_documents_are_refused_with_line_and_reason),
		cmocka_unit_test(valid_documents_are_accepted),
		cmocka_unit_test(limits_are_held),
		cmocka_unit_test(a_hundred_thousand_rules_are_refused),
		cmocka_unit_test(depth_ends_at_32_levels),
		cmocka_unit_test(a_billion_laughs_are_not_read),
		cmocka_unit_test(regular_expressions_have_a_bound_of_memory),
		cmocka_unit_test(a_rule_that_needs_authentication_denies),
		cmocka_unit_test(the_cache_parses_a_text_once),
		cmocka_unit_test(an_element_is_named_by_id_or_position),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
