/*
 * Target functions: pz_manifest_read, pz_manifest_sentence, pz_manifests_document.
 * Input: the manifest of an app, as its developer has written it.
 * Must hold: what is refused has one line of reason. What is read is within the bounds, is written
 * and read again the same, and its policy is a valid document with one rule for each feature, one
 * for the beginning and one for the rest, which denies to that app alone what is not listed.
 */
#include "fuzz.h"

#include "manifests/manifest.h"
#include "policy/decide.h"

static enum pz_policy_effect
effect_for(const struct pz_policy_document *document, const char *id)
{
	struct pz_policy_request *request = NULL;
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"subject\":{\"id\":[\"%s\"]},\"resource\":{\"api-feature\":[\"not \\u0001 "
		 "listed\"]}}",
		 id);
	FUZZ_CHECK(pz_policy_request_parse(pz_slice_str(text), 0, &request, NULL) == PZ_OK);
	enum pz_policy_effect effect = pz_policy_evaluate(document, request, 0).effect;
	pz_policy_request_free(request);
	return effect;
}

static void
check_document(const struct pz_manifest *m)
{
	struct pz_policy_document *document = NULL;
	struct pz_list none;
	struct pz_buf buf;

	pz_list_init(&none);
	pz_buf_init(&buf, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	FUZZ_CHECK(pz_manifests_document(&none, m, &buf) == PZ_OK);
	FUZZ_CHECK(pz_policy_document_parse(pz_buf_slice(&buf), &document, NULL) == PZ_OK);
	FUZZ_CHECK(pz_policy_document_rules(document) == pz_manifest_features(m) + 2);
	FUZZ_CHECK(effect_for(document, m->id) == PZ_POLICY_DENY);
	FUZZ_CHECK(effect_for(document, "0") == PZ_POLICY_INAPPLICABLE);
	pz_policy_document_unref(document);
	pz_buf_fini(&buf);
}

static void
check_again(const struct pz_manifest *m)
{
	struct pz_manifest *again = NULL;
	char *text = pz_manifest_text(m);

	FUZZ_CHECK(text != NULL);
	FUZZ_CHECK(pz_manifest_read(pz_slice_str(text), &again, NULL) == PZ_OK);
	FUZZ_CHECK(json_equal(m->json, again->json) && strcmp(m->id, again->id) == 0);
	pz_manifest_free(again);
	free(text);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_manifest *m = NULL;
	struct pz_errinfo info = {""};

	enum pz_err err = pz_manifest_read(pz_slice_of(data, size), &m, &info);
	fuzz_check_info(err, &info);
	FUZZ_CHECK((err == PZ_OK) == (m != NULL));
	if (m == NULL)
		return 0;
	FUZZ_CHECK(pz_manifest_features(m) <= PZ_MANIFEST_FEATURES_MAX);
	for (size_t i = 0; i <= pz_manifest_features(m); i++) {
		char sentence[PZ_MANIFEST_SENTENCE_BYTES];

		pz_manifest_sentence(m, i, sentence);
		FUZZ_CHECK(strlen(sentence) < sizeof(sentence) - 1 && !strchr(sentence, '\n'));
	}
	check_document(m);
	check_again(m);
	pz_manifest_free(m);
	return 0;
}
