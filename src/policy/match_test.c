/* Matching: page 9, 5 (functions, modifiers) and 4.2 (generic identities). */
#include "policy/match.h"

#include "policy/fixture.h"

#include <string.h>

static void
glob_matches_the_whole_value(void **state)
{
	static const struct {
		const char *pattern, *value;
		bool matches;
	} cases[] = {
		{"alice", "alice", true},   {"alice", "malice", false},
		{"alice", "alices", false}, {"alice", "Alice", false},
		{"a.ice", "alice", false},  {"*", "", true},
		{"?", "", false},           {"?", "/", true},
		{"a*", "a", true},          {"a*c", "abc/c", true},
		{"a*c", "abc/d", false},    {"*b*", "abc", true},
		{"**", "x", true},          {"*?*", "", false},
		{"a*b*c", "aXbXbXc", true}, {"a*b*c", "acb", false},
		{"[a]", "a", false},        {"[a]", "[a]", true},
		{"\\*", "\\x", true},       {"\xc3\xa4", "\xc3\xa4", true},
		{"?", "\xc3\xa4", false}, /* one byte */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (pz_policy_glob(pz_slice_str(cases[i].pattern), pz_slice_str(cases[i].value)) !=
		    cases[i].matches)
			fail_msg("%s on %s", cases[i].pattern, cases[i].value);
	}
}

static void
a_feature_covers_what_is_below_it(void **state)
{
	static const struct {
		const char *pattern, *value;
		bool matches;
	} cases[] = {
		{"h/api/nfc", "h/api/nfc", true},       {"h/api/nfc", "h/api/nfc.read", true},
		{"h/api/nfc", "h/api/nfc/read", true},  {"h/api/nfc", "h/api/nfcx", false},
		{"h/api/nfc.read", "h/api/nfc", false}, {"h/api/n*", "h/api/nfc.read", true},
		{"h/api/n?c", "h/api/nfc.read", false}, {"h/api/n?c", "h/api/nfc", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (pz_policy_glob_feature(pz_slice_str(cases[i].pattern),
					   pz_slice_str(cases[i].value)) != cases[i].matches)
			fail_msg("%s on %s", cases[i].pattern, cases[i].value);
	}
}

static void
modifiers_take_parts_of_a_uri(void **state)
{
	static const struct {
		const char *attr, *value, *part; /* NULL: contributes nothing */
	} cases[] = {
		{"uri.scheme", "https://user@apps.example.org:8443/x/y?q", "https"},
		{"uri.authority", "https://user@apps.example.org:8443/x/y?q",
		 "user@apps.example.org:8443"},
		{"uri.host", "https://user@apps.example.org:8443/x/y?q", "apps.example.org"},
		{"uri.scheme-authority", "https://user@apps.example.org:8443/x/y?q",
		 "https://user@apps.example.org:8443"},
		{"uri.path", "https://user@apps.example.org:8443/x/y?q", "/x/y"},
		{"uri.path", "https://h/x#f?q", "/x"},
		{"uri.path", "https://h?q", NULL},
		{"uri.path", "urn:isbn:1", "isbn:1"},
		{"uri.host", "https://a@b@c/", "c"},
		{"uri.host", "https://apps.example.org@evil.example/", "evil.example"},
		{"uri.host", "https://h", "h"},
		{"uri.host", "https://h:", "h"},
		{"uri.host", "https://[::1]:443/", "[::1]"},
		{"uri.host", "https://[::1]/", "[::1]"},
		{"uri.host", "https:///x", NULL},
		{"uri.host", "https://:80/", NULL},
		{"uri.host", "mailto:a@b", NULL},
		{"uri.authority", "mailto:a@b", NULL},
		{"uri.scheme", "mailto:a@b", "mailto"},
		{"uri.scheme", "//h/x", NULL},
		{"uri.scheme", "1a:b", NULL},
		{"uri.scheme", "a/b:c", NULL},
		{"uri.scheme", "", NULL},
		{"uri", "no uri", "no uri"},
		{"uri.port", "no uri", "no uri"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pz_policy_attribute attr =
			pz_policy_attribute_parse(PZ_POLICY_SUBJECT, pz_slice_str(cases[i].attr));
		struct pz_slice part = {NULL, 0};
		bool is_there =
			pz_policy_modify(attr.modifier, pz_slice_str(cases[i].value), &part);

		if (is_there != (cases[i].part != NULL) ||
		    (is_there && !pz_slice_eq_str(part, cases[i].part)))
			fail_msg("%s of %s: %.*s", cases[i].attr, cases[i].value,
				 PZ_SLICE_FMT(part));
	}
}

static void
only_the_five_modifiers_are_cut_off(void **state)
{
	struct pz_policy_attribute attr;

	(void)state;
	attr = pz_policy_attribute_parse(PZ_POLICY_RESOURCE, pz_slice_str("param:a.b"));
	assert_true(pz_slice_eq_str(attr.name, "param:a.b"));
	assert_int_equal(attr.modifier, PZ_POLICY_MODIFIER_NONE);
	attr = pz_policy_attribute_parse(PZ_POLICY_RESOURCE, pz_slice_str("param:a.b.host"));
	assert_true(pz_slice_eq_str(attr.name, "param:a.b"));
	assert_int_equal(attr.modifier, PZ_POLICY_MODIFIER_HOST);
	attr = pz_policy_attribute_parse(PZ_POLICY_SUBJECT, pz_slice_str("uri-top.path"));
	assert_int_equal(attr.id, PZ_POLICY_ATTR_URI_TOP);
	attr = pz_policy_attribute_parse(PZ_POLICY_SUBJECT, pz_slice_str("api-feature"));
	assert_int_equal(attr.id, PZ_POLICY_ATTR_OTHER); /* the resource's */
}

/* ---- whole matches ---- */

/* Result of one match in a condition: permit is true, inapplicable false. */
static void
expect(const char *match, const char *request, enum pz_policy_effect wanted)
{
	char doc[512], json[1024];

	snprintf(doc, sizeof(doc),
		 "<policy><rule effect='permit'><condition>%s</condition></rule>"
		 "</policy>",
		 match);
	snprintf(json, sizeof(json),
		 "{%s,\"context\":{\"owner\":\"me\",\"known\":[\"bob\",\"m*\"],"
		 "\"device\":\"tv\",\"devices\":[\"tv\",\"phone\"]}}",
		 request);
	enum pz_policy_effect effect = effect_of(doc, json);
	if (effect != wanted)
		fail_msg("%s on %s: %s", match, request, pz_policy_effect_name(effect));
}

#define TRUE_ PZ_POLICY_PERMIT
#define FALSE_ PZ_POLICY_INAPPLICABLE
#define UNKNOWN_ PZ_POLICY_UNDETERMINED
#define FEATURE "\"resource\":{\"api-feature\":[\"f\"]}"
#define SUBJECT(attr, value) FEATURE ",\"subject\":{\"" attr "\":" value "}"
#define ENVIRONMENT(attr, value) FEATURE ",\"environment\":{\"" attr "\":" value "}"
#define NUMBER(func, pattern)                                                                      \
	"<environment-match attr='timemin' func='" func "' match='" pattern "'/>"
#define IDENTITY(attr, id)                                                                         \
	"<subject-match attr='" attr "' match='http://webinos.org/subject/id/" id "'/>"

static void
numbers_are_compared_as_numbers(void **state)
{
	(void)state;
	expect(NUMBER("greater-than", "480"), ENVIRONMENT("timemin", "[\"481\"]"), TRUE_);
	expect(NUMBER("greater-than", "480"), ENVIRONMENT("timemin", "[\"480\"]"), FALSE_);
	expect(NUMBER("greater-than", "9"), ENVIRONMENT("timemin", "[\"10\"]"), TRUE_);
	expect(NUMBER("greater-equal-than", "480"), ENVIRONMENT("timemin", "480"), TRUE_);
	expect(NUMBER("less-than", "480"), ENVIRONMENT("timemin", "479"), TRUE_);
	expect(NUMBER("less-than", "480"), ENVIRONMENT("timemin", "480"), FALSE_);
	expect(NUMBER("less-equal-than", "480"), ENVIRONMENT("timemin", "480"), TRUE_);
	expect(NUMBER("less-than", "9999999999"), ENVIRONMENT("timemin", "\"4294967297\""), TRUE_);
	expect(NUMBER("less-than", "480"), ENVIRONMENT("timemin", "\"-1\""), FALSE_);
	expect(NUMBER("less-than", "480"), ENVIRONMENT("timemin", "\"\""), FALSE_);
	expect(NUMBER("less-than", "480"), ENVIRONMENT("timemin", "\"00000000001\""), FALSE_);
	expect(NUMBER("in-set", "6"), ENVIRONMENT("timemin", "12"), TRUE_);
	expect(NUMBER("in-set", "6"), ENVIRONMENT("timemin", "8"), FALSE_);
}

static void
days_are_sets_whatever_func_says(void **state)
{
	(void)state;
	expect("<environment-match attr='days-of-week' match='62'/>",
	       ENVIRONMENT("days-of-week", "[\"2\"]"), TRUE_);
	expect("<environment-match attr='days-of-week' match='62' func='equal'/>",
	       ENVIRONMENT("daysOfWeek", "[\"32\"]"), TRUE_);
	expect("<environment-match attr='daysOfWeek' match='62'/>",
	       ENVIRONMENT("days-of-week", "[\"64\"]"), FALSE_);
	expect("<environment-match attr='days-of-week' match='*'/>",
	       ENVIRONMENT("days-of-week", "[\"64\"]"), TRUE_);
	expect("<environment-match attr='days-of-month' match='*'/>",
	       ENVIRONMENT("days-of-month", "[]"), FALSE_);
	expect("<environment-match attr='days-of-month' match='*'/>", FEATURE, UNKNOWN_);
}

static void
undetermined_is_not_empty(void **state)
{
	(void)state;
	expect("<environment-match attr='roaming' match='true'/>", FEATURE, UNKNOWN_);
	expect("<environment-match attr='roaming' match='true'/>", ENVIRONMENT("roaming", "null"),
	       UNKNOWN_);
	expect("<environment-match attr='roaming' match='true'/>", ENVIRONMENT("roaming", "[]"),
	       FALSE_);
	expect("<environment-match attr='roaming' match='true'/>", ENVIRONMENT("roaming", "true"),
	       TRUE_);
	expect("<resource-match attr='param:a' match='*'/>", FEATURE, UNKNOWN_);
	expect("<subject-match attr='widget-attr:a' match='*'/>", FEATURE, FALSE_);
	expect("<subject-match attr='user-id' match='*'/>", SUBJECT("user-id", "null"), FALSE_);
}

static void
a_comma_separates_only_subjects(void **state)
{
	(void)state;
	expect("<subject-match attr='id' match=' a ,, b '/>", SUBJECT("id", "[\"b\"]"), TRUE_);
	expect("<subject-match attr='id' match='a,b'/>", SUBJECT("id", "[\"a,b\"]"), FALSE_);
	expect("<subject-match attr='id' match='a'/>", SUBJECT("id", "[\"x\",\"a\"]"), TRUE_);
	expect("<environment-match attr='profile' match='a,b'/>",
	       ENVIRONMENT("profile", "[\"a,b\"]"), TRUE_);
	expect("<environment-match attr='profile' match='a,b'/>", ENVIRONMENT("profile", "\"a\""),
	       FALSE_);
	expect("<environment-match attr='profile'> Work </environment-match>",
	       ENVIRONMENT("profile", "\"Work\""), TRUE_);
	expect("<environment-match attr='profile' match='Home'> Work </environment-match>",
	       ENVIRONMENT("profile", "\"Work\""), FALSE_);
}

static void
generic_identities_are_compared_byte_by_byte(void **state)
{
	(void)state;
	expect(IDENTITY("user-id", "PZ-Owner"), SUBJECT("user-id", "\"me\""), TRUE_);
	expect(IDENTITY("user-id", "PZ-Owner"), SUBJECT("user-id", "\"you\""), FALSE_);
	expect(IDENTITY("user-id", "PZ-Owner"),
	       SUBJECT("user-id", "\"http://webinos.org/subject/id/PZ-Owner\""), FALSE_);
	expect(IDENTITY("user-id", "known"), SUBJECT("user-id", "\"bob\""), TRUE_);
	expect(IDENTITY("user-id", "known"), SUBJECT("user-id", "\"mallory\""), FALSE_);
	expect(IDENTITY("user-id", "known"), SUBJECT("user-id", "\"m*\""), TRUE_);
	expect(IDENTITY("user-id", "known"), SUBJECT("user-id", "\"me\""), FALSE_);
	expect(IDENTITY("requestor-id", "known"), SUBJECT("requestor-id", "\"phone\""), TRUE_);
	expect(IDENTITY("requestor-id", "known"), SUBJECT("requestor-id", "\"bob\""), FALSE_);
	expect(IDENTITY("id", "known"), SUBJECT("id", "\"bob\""), FALSE_);
	expect(IDENTITY("user-id", "unknown"), SUBJECT("user-id", "\"mallory\""), TRUE_);
	expect(IDENTITY("user-id", "unknown"), SUBJECT("user-id", "\"bob\""), FALSE_);
	expect(IDENTITY("user-id", "unknown"), SUBJECT("user-id", "\"me\""), FALSE_);
	expect(IDENTITY("user-id", "unknown"), SUBJECT("user-id", "[\"me\",\"mallory\"]"), TRUE_);
	expect(IDENTITY("user-id", "unknown"), FEATURE, FALSE_);
	expect(IDENTITY("user-id", "any"), FEATURE, TRUE_);
	expect("<subject-match attr='requestor-domain' "
	       "match='x,http://webinos.org/subject/domain/any'/>",
	       FEATURE, TRUE_);
	expect(IDENTITY("requestor-id", "device"), SUBJECT("requestor-id", "\"tv\""), TRUE_);
	expect(IDENTITY("requestor-id", "device"), SUBJECT("requestor-id", "\"phone\""), FALSE_);
	expect(IDENTITY("target-id", "device"), SUBJECT("target-id", "\"tv\""), TRUE_);
	expect(IDENTITY("user-id", "device"), SUBJECT("user-id", "\"me\""), TRUE_);
	expect(IDENTITY("user-id", "device"), SUBJECT("user-id", "\"tv\""), FALSE_);
	expect("<resource-match attr='api-feature' match='http://webinos.org/subject/id/any'/>",
	       FEATURE, FALSE_); /* identities are of subjects */
}

/* Without an owner, a list of friends or a device the identities stand for nothing. */
static void
an_identity_that_is_not_known_matches_nothing(void **state)
{
	static const char *const ids[] = {"PZ-Owner", "known", "device"};
	char doc[512], json[256];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(doc, sizeof(doc),
			 "<policy><rule effect='permit'><condition><subject-match attr='user-id' "
			 "match='http://webinos.org/subject/id/%s'/></condition></rule></policy>",
			 ids[i]);
		snprintf(json, sizeof(json),
			 "{" SUBJECT("user-id", "[\"\",\"http://webinos.org/subject/id/%s\"]") "}",
			 ids[i]);
		assert_int_equal(effect_of(doc, json), PZ_POLICY_INAPPLICABLE);
	}
}

/* ---- regular expressions ---- */

static void
expressions_search_as_ecmascript_does(void **state)
{
	(void)state;
	expect("<environment-match attr='profile' match='or' func='regexp'/>",
	       ENVIRONMENT("profile", "\"Work\""), TRUE_);
	expect("<environment-match attr='profile' match='^or' func='regexp'/>",
	       ENVIRONMENT("profile", "\"Work\""), FALSE_);
	expect("<environment-match attr='profile' match='^.$' func='regexp'/>",
	       ENVIRONMENT("profile", "\"\\u00e4\""), TRUE_);
	expect("<environment-match attr='profile' match='\\u0041' func='regexp'/>",
	       ENVIRONMENT("profile", "\"A\""), TRUE_);
	expect("<environment-match attr='profile' match='k$' func='regexp'/>",
	       ENVIRONMENT("profile", "\"Work\\n\""), FALSE_);
	expect("<environment-match attr='profile' match='[]' func='regexp'/>",
	       ENVIRONMENT("profile", "\"Work\""), FALSE_);
	expect("<environment-match attr='profile' match='' "
	       "func='regexp'>x|(a\\1)</environment-match>",
	       ENVIRONMENT("profile", "\"a\""), TRUE_);
	expect("<subject-match attr='id' match='^a$,^b$' func='regexp'/>", SUBJECT("id", "\"b\""),
	       TRUE_);
	expect("<resource-match attr='api-feature' match='^f' func='regexp'/>", FEATURE, TRUE_);
}

#define EXPLODES "^(a+)+$"
#define MANY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A bound that is reached is undetermined, wherever the expression is: a value that costs too much
 * must not make a rule that denies inapplicable. */
static void
an_expression_that_explodes_is_undetermined(void **state)
{
	static const char *const docs[] = {
		"<policy><rule effect='deny'><condition><subject-match attr='id' match='" EXPLODES
		"' func='regexp'/></condition></rule><rule effect='permit'/></policy>",
		"<policy-set><policy><target><subject><subject-match attr='id' match='" EXPLODES
		"' func='regexp'/></subject></target><rule effect='deny'/></policy>"
		"<policy><rule effect='permit'/></policy></policy-set>",
		"<policy-set combine='first-matching-target'><policy><target><subject>"
		"<subject-match attr='id' match='" EXPLODES
		"' func='regexp'/></subject></target><rule effect='deny'/></policy>"
		"<policy><rule effect='permit'/></policy></policy-set>",
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(effect_of(docs[i], "{" SUBJECT("id", "\"" MANY_A "b\"") "}"),
				 PZ_POLICY_UNDETERMINED);
		assert_int_equal(effect_of(docs[i], "{" SUBJECT("id", "\"aa\"") "}"),
				 PZ_POLICY_DENY);
		assert_int_equal(effect_of(docs[i], "{" SUBJECT("id", "\"c\"") "}"),
				 PZ_POLICY_PERMIT);
	}
}

static void
one_decision_has_one_budget(void **state)
{
	struct pz_policy_regexp *regexp = NULL;
	struct pz_policy_regexp_run run = {NULL, 0};
	size_t bytes = 0, tries = 0;

	(void)state;
	assert_int_equal(pz_policy_regexp_compile(pz_slice_str("^a*x"), &regexp, &bytes, NULL),
			 PZ_OK);
	while (pz_policy_regexp_search(regexp, pz_slice_str(MANY_A "yx"), &run) == PZ_POLICY_FALSE)
		assert_true(++tries < 1000000);
	assert_true(tries > 10);
	assert_int_equal(pz_policy_regexp_search(regexp, pz_slice_str("x"), &run),
			 PZ_POLICY_UNKNOWN);
	pz_policy_regexp_run_fini(&run);
	pz_policy_regexp_free(regexp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glob_matches_the_whole_value),
		cmocka_unit_test(a_feature_covers_what_is_below_it),
		cmocka_unit_test(modifiers_take_parts_of_a_uri),
		cmocka_unit_test(only_the_five_modifiers_are_cut_off),
		cmocka_unit_test(numbers_are_compared_as_numbers),
		cmocka_unit_test(days_are_sets_whatever_func_says),
		cmocka_unit_test(undetermined_is_not_empty),
		cmocka_unit_test(a_comma_separates_only_subjects),
		cmocka_unit_test(generic_identities_are_compared_byte_by_byte),
		cmocka_unit_test(an_identity_that_is_not_known_matches_nothing),
		cmocka_unit_test(expressions_search_as_ecmascript_does),
		cmocka_unit_test(an_expression_that_explodes_is_undetermined),
		cmocka_unit_test(one_decision_has_one_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
