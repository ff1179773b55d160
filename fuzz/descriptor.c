/*
 * Target functions: pz_descriptor_parse, _json, _id; pz_api_matches.
 * Input: line 1: a pattern; the rest: a descriptor as another node sends it.
 * Must hold: a descriptor that is accepted is written and read again as the same one, and only
 * under the address of its sender; patterns match as the slow definition says.
 */
#include "fuzz.h"

#include "service/descriptor.h"
#include "wire/address.h"
#include "wire/json.h"

#define SENDER "alice@example.org/tv"

/* "*" is any run of characters: the definition, by dynamic programming. */
static bool
matches(const char *pattern, const char *text)
{
	size_t len = strlen(text);
	bool *row = calloc(len + 1, sizeof(*row));

	FUZZ_CHECK(row != NULL);
	row[0] = true; /* the empty pattern matches the first 0 bytes */
	for (; *pattern; pattern++) {
		bool diagonal = row[0];
		row[0] = row[0] && *pattern == '*';
		for (size_t i = 1; i <= len; i++) {
			bool above = row[i];
			row[i] = *pattern == '*' ? above || row[i - 1]
						 : diagonal && text[i - 1] == *pattern;
			diagonal = above;
		}
	}
	bool result = row[len];
	free(row);
	return result;
}

static void
check_same(const struct pz_descriptor *a, const struct pz_descriptor *b)
{
	FUZZ_CHECK(strcmp(a->id, b->id) == 0 && strcmp(a->api, b->api) == 0);
	FUZZ_CHECK(strcmp(a->display_name, b->display_name) == 0);
	FUZZ_CHECK(strcmp(a->description, b->description) == 0);
	FUZZ_CHECK(strcmp(a->address, b->address) == 0);
}

static void
check_parsed(const struct pz_descriptor *d)
{
	struct pz_errinfo info = {""};
	struct pz_descriptor again;
	struct pz_address address;
	json_t *json = pz_descriptor_json(d);

	FUZZ_CHECK(json != NULL && strchr(d->api, '@') == NULL);
	FUZZ_CHECK(strlen(d->id) == PZ_SERVICE_ID_CHARS);
	FUZZ_CHECK(pz_address_parse(pz_slice_str(d->address), &address) == PZ_OK);
	FUZZ_CHECK(address.app.len == 0);
	FUZZ_CHECK(pz_descriptor_parse(json, d->address, &again, &info) == PZ_OK);
	check_same(d, &again);
	pz_descriptor_fini(&again);
	json_decref(json);
}

/* @return what the pattern is compared with */
static char *
parse(const json_t *json, struct pz_slice text)
{
	struct pz_descriptor any = {.api = NULL}, own = {.api = NULL};
	struct pz_errinfo info = {""};
	enum pz_err err = pz_descriptor_parse(json, NULL, &any, &info);
	char *api;

	fuzz_check_info(err, &info);
	if (pz_descriptor_parse(json, SENDER, &own, NULL) == PZ_OK) {
		FUZZ_CHECK(err == PZ_OK && strcmp(own.address, SENDER) == 0);
		check_same(&any, &own);
		pz_descriptor_fini(&own);
	}
	if (err != PZ_OK) {
		FUZZ_CHECK(any.api == NULL);
		return fuzz_text(text);
	}
	check_parsed(&any);
	api = fuzz_text(pz_slice_str(any.api));
	pz_descriptor_fini(&any);
	return api;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	char *pattern = fuzz_text(fuzz_line(&rest));
	json_t *json = pz_json_parse(rest, NULL);
	char *api = parse(json, rest);

	if (strlen(pattern) * strlen(api) < 1U << 20) /* the definition is slow */
		FUZZ_CHECK(pz_api_matches(pattern, api) == matches(pattern, api));
	free(api);
	free(pattern);
	json_decref(json);
	return 0;
}
