/* One manifest: what is accepted, what is refused and why, and the policy made from it.
 * @spec page 9, 7.2 */
#include "manifests/manifest.h"

#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"

#define SHOP "https://shop.example"
#define TEST "http://webinos.org/api/test"

static struct pz_errinfo info;

/* @param text ' for " */
static enum pz_err
read_text(const char *text, struct pz_manifest **out)
{
	PZ_AUTO_FREE char *copy = strdup(text);

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	info.text[0] = '\0';
	return pz_manifest_read(pz_slice_str(copy), out, &info);
}

static void
refused(const char *text, enum pz_err err, const char *why)
{
	struct pz_manifest *m = NULL;

	assert_int_equal(read_text(text, &m), err);
	assert_null(m);
	assert_non_null(strstr(info.text, why));
}

static void
good_ones_are_taken(void **state)
{
	static const char *const good[] = {
		"{'origin':'" SHOP "','name':'Shop','features':[{'api':'" TEST
		"','reason':'because'}]}",
		"{'origin':'" SHOP ":8443','features':[]}",
		"{'origin':'http://localhost:8080','features':[{'api':'" TEST "'}]}",
		"{'origin':'program:backup','features':[{'api':'" TEST "'},{'api':'" TEST "/a'}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		PZ_AUTO(pz_manifest_free) struct pz_manifest *m = NULL, *again = NULL;

		assert_ok(read_text(good[i], &m));
		PZ_AUTO_FREE char *text = pz_manifest_text(m);
		assert_ok(read_text(text, &again));
		assert_true(json_equal(m->json, again->json));
		assert_string_equal(m->id, again->id);
	}
}

static void
bad_ones_are_refused_with_the_member(void **state)
{
	(void)state;
	refused("", PZ_ERR_CONFIG, "no JSON");
	refused("{'origin':", PZ_ERR_CONFIG, "no JSON");
	refused("[]", PZ_ERR_CONFIG, "an object");
	refused("{}", PZ_ERR_CONFIG, "origin");
	refused("{'origin':7,'features':[]}", PZ_ERR_CONFIG, "origin");
	refused("{'origin':'" SHOP "'}", PZ_ERR_CONFIG, "features");
	refused("{'origin':'" SHOP "','features':{}}", PZ_ERR_CONFIG, "features");
	refused("{'origin':'" SHOP "','features':[],'effect':'permit'}", PZ_ERR_CONFIG,
		"effect: there is no such member");
	refused("{'origin':'" SHOP "','origin':'" SHOP "','features':[]}", PZ_ERR_CONFIG,
		"no JSON");
	refused("{'origin':'" SHOP "','name':null,'features':[]}", PZ_ERR_CONFIG, "name");
	refused("{'origin':'" SHOP "','name':'a\\nb','features':[]}", PZ_ERR_CONFIG, "name");
	refused("{'origin':'" SHOP "','name':'\\uffff','features':[]}", PZ_ERR_CONFIG, "U+FFFF");
	refused("{'origin':'" SHOP "','features':[{'api':'x','reason':'\\ufffe'}]}", PZ_ERR_CONFIG,
		"features[0].reason");
	refused("{'origin':'" SHOP "','features':[7]}", PZ_ERR_CONFIG, "features[0]");
	refused("{'origin':'" SHOP "','features':[{}]}", PZ_ERR_CONFIG, "features[0].api");
	refused("{'origin':'" SHOP "','features':[{'api':''}]}", PZ_ERR_CONFIG, "features[0].api");
	refused("{'origin':'" SHOP "','features':[{'api':'" TEST "'},{'api':'" TEST "'}]}",
		PZ_ERR_CONFIG, "features[1].api");
	refused("{'origin':'" SHOP "','features':[{'api':'" TEST "','reason':7}]}", PZ_ERR_CONFIG,
		"features[0].reason");
	refused("{'origin':'" SHOP "','features':[{'api':'" TEST "','effect':'permit'}]}",
		PZ_ERR_CONFIG, "features[0].effect");
	static const char *const patterns[] = {"*", "http://x/?", "http://x/a,http://x/b", "a b",
					       "http://x/\xc3\xa4"};
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{'origin':'" SHOP "','features':[{'api':'%s'}]}",
			 patterns[i]);
		refused(text, PZ_ERR_CONFIG, "one API in ASCII");
	}
}

/* Another spelling would be the id of an app that never comes. */
static void
origins_are_those_of_apps(void **state)
{
	static const char *const bad[] = {
		"null",   "program:",  "program:A b",          "backup",  "http://shop.example",
		SHOP "/", SHOP ":443", "https://Shop.example", "file://", "ftp://a.example",
		SHOP "*",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{'origin':'%s','features':[]}", bad[i]);
		refused(text, PZ_ERR_CONFIG, "origin: ");
	}
}

/* @param count of features, each with its reason */
static char *
long_manifest(int count, int reason_bytes)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "{'origin':'" SHOP "','features':[");
	for (int i = 0; i < count; i++)
		fprintf(out, "%s{'api':'http://x/%d','reason':'%0*d'}", i ? "," : "", i,
			reason_bytes, 0);
	fprintf(out, "]}");
	fclose(out);
	return text;
}

static void
they_are_bounded(void **state)
{
	PZ_AUTO(pz_manifest_free) struct pz_manifest *m = NULL;
	PZ_AUTO_FREE char *full =
		long_manifest(PZ_MANIFEST_FEATURES_MAX, PZ_MANIFEST_TEXT_BYTES_MAX);
	PZ_AUTO_FREE char *more = long_manifest(PZ_MANIFEST_FEATURES_MAX + 1, 1);
	PZ_AUTO_FREE char *longer = long_manifest(1, PZ_MANIFEST_TEXT_BYTES_MAX + 1);
	PZ_AUTO_FREE char *huge = long_manifest(1, PZ_MANIFEST_BYTES_MAX);

	(void)state;
	assert_ok(read_text(full, &m));
	assert_int_equal(pz_manifest_features(m), PZ_MANIFEST_FEATURES_MAX);
	refused(more, PZ_ERR_LIMIT, "features: more than 64");
	refused(longer, PZ_ERR_LIMIT, "features[0].reason: longer");
	refused(huge, PZ_ERR_LIMIT, "the manifest is longer");
}

static void
sentences_say_all_of_it(void **state)
{
	PZ_AUTO(pz_manifest_free) struct pz_manifest *m = NULL;
	char text[PZ_MANIFEST_SENTENCE_BYTES];

	(void)state;
	assert_ok(read_text("{'origin':'" SHOP "','features':[{'api':'" TEST
			    "','reason':'to try'},{'api':'http://x/y'}]}",
			    &m));
	pz_manifest_sentence(m, 0, text);
	assert_string_equal(text, SHOP " may ask for " TEST ": to try");
	pz_manifest_sentence(m, 1, text);
	assert_string_equal(text, SHOP " may ask for http://x/y.");
	pz_manifest_sentence(m, 2, text);
	assert_string_equal(text, SHOP " may ask for nothing else on this device.");
}

/* What the document alone says, as the slot of apps. */
static enum pz_policy_effect
effect_for(const struct pz_manifest *m, const char *id, const char *api)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *document = NULL;
	PZ_AUTO(pz_policy_request_free) struct pz_policy_request *request = NULL;
	struct pz_list none;
	struct pz_buf buf;
	char text[512];

	pz_list_init(&none);
	pz_buf_init(&buf, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	assert_ok(pz_manifests_document(&none, m, &buf));
	assert_ok(pz_policy_document_parse(pz_buf_slice(&buf), &document, NULL));
	pz_buf_fini(&buf);
	snprintf(text, sizeof(text),
		 "{\"subject\":{\"id\":[\"%s\"]},\"resource\":{\"api-feature\":[\"%s\"]}}", id,
		 api);
	assert_ok(pz_policy_request_parse(pz_slice_str(text), 0, &request, NULL));
	return pz_policy_evaluate(document, request, 0).effect;
}

static void
the_policy_permits_what_is_listed_to_that_app(void **state)
{
	PZ_AUTO(pz_manifest_free) struct pz_manifest *m = NULL;

	(void)state;
	assert_ok(read_text("{'origin':'" SHOP
			    "','name':'A \\\" < & > ] shop','features':[{'api':'" TEST
			    "','reason':'<rule effect=\\\"permit\\\"/> & more'}]}",
			    &m));
	assert_int_equal(effect_for(m, m->id, TEST), PZ_POLICY_PERMIT);
	assert_int_equal(effect_for(m, m->id, TEST "/part"), PZ_POLICY_PERMIT);
	assert_int_equal(effect_for(m, m->id, "http://webinos.org/api/apps"), PZ_POLICY_PERMIT);
	assert_int_equal(effect_for(m, m->id, TEST "x"), PZ_POLICY_DENY);
	assert_int_equal(effect_for(m, m->id, "http://webinos.org/api/w3c/file"), PZ_POLICY_DENY);
	assert_int_equal(effect_for(m, "00000000000000000000000000000000", TEST),
			 PZ_POLICY_INAPPLICABLE);
}

static void
one_that_cannot_be_read_denies_all(void **state)
{
	PZ_AUTO(pz_manifest_free) struct pz_manifest *m = pz_manifest_unreadable("00ff");

	(void)state;
	assert_non_null(m);
	assert_int_equal(effect_for(m, "00ff", TEST), PZ_POLICY_DENY);
	assert_int_equal(effect_for(m, "00ff", "http://webinos.org/api/apps"), PZ_POLICY_DENY);
	assert_int_equal(effect_for(m, "00fe", TEST), PZ_POLICY_INAPPLICABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_are_taken),
		cmocka_unit_test(bad_ones_are_refused_with_the_member),
		cmocka_unit_test(origins_are_those_of_apps),
		cmocka_unit_test(they_are_bounded),
		cmocka_unit_test(sentences_say_all_of_it),
		cmocka_unit_test(the_policy_permits_what_is_listed_to_that_app),
		cmocka_unit_test(one_that_cannot_be_read_denies_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
