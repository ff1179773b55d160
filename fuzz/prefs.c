/*
 * Target function: pz_pref_find, pz_pref_parse_text and pz_pref_parse_json.
 * Input: a line with a key; the rest is a value, as text and, where it is JSON, as that.
 * Must hold: what is accepted is within the table's limits and reads the same when it is shown and
 * read again; what is refused is explained in one line and changes nothing.
 */
#include "fuzz.h"

#include "base/codec.h"
#include "conf/prefs.h"
#include "wire/json.h"

static void
check_value(enum pz_pref pref, const struct pz_pref_value *value)
{
	const struct pz_pref_info *row = &pz_pref_table[pref];
	struct pz_pref_value again = {0};
	char scratch[16];
	json_t *json = pz_pref_json(pref, value);

	if (row->type == PZ_PREF_TYPE_TEXT)
		FUZZ_CHECK(value->text[0] != '\0' && strlen(value->text) <= row->max &&
			   pz_utf8_is_printable(pz_slice_str(value->text)));
	else if (row->type != PZ_PREF_TYPE_CHOICE)
		FUZZ_CHECK(value->number >= row->min && value->number <= row->max);
	FUZZ_CHECK(json != NULL && pz_pref_parse_json(pref, json, &again, NULL) == PZ_OK);
	FUZZ_CHECK(pz_pref_equal(value, &again));
	FUZZ_CHECK(pz_pref_parse_text(pref, pz_pref_text(pref, value, scratch), &again, NULL) ==
		   PZ_OK);
	FUZZ_CHECK(pz_pref_equal(value, &again));
	json_decref(json);
}

static void
check(enum pz_pref pref, enum pz_err err, const struct pz_pref_value *value,
      const struct pz_errinfo *info)
{
	fuzz_check_info(err, info);
	if (err == PZ_OK) {
		check_value(pref, value);
		return;
	}
	FUZZ_CHECK(err == PZ_ERR_CONFIG && value->number == 4711 && value->text[0] == '\0');
	FUZZ_CHECK(strstr(info->text, pz_pref_table[pref].key) == info->text);
}

static void
try_value(enum pz_pref pref, struct pz_slice rest)
{
	struct pz_pref_value value = {.number = 4711};
	struct pz_errinfo info = {""};
	char *text = fuzz_text(rest);

	check(pref, pz_pref_parse_text(pref, text, &value, &info), &value, &info);
	free(text);
	json_t *json = pz_json_parse(rest, NULL);
	value = (struct pz_pref_value){.number = 4711};
	info.text[0] = '\0';
	if (json != NULL)
		check(pref, pz_pref_parse_json(pref, json, &value, &info), &value, &info);
	json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	char *key = fuzz_text(fuzz_line(&rest));
	enum pz_pref pref = PZ_PREF_COUNT;
	struct pz_errinfo info = {""};

	enum pz_err err = pz_pref_find(key, &pref, &info);
	fuzz_check_info(err, &info);
	if (err == PZ_OK) {
		FUZZ_CHECK(strcmp(pz_pref_table[pref].key, key) == 0);
		try_value(pref, rest);
	} else {
		FUZZ_CHECK(err == PZ_ERR_NOTFOUND && info.text[0] != '\0');
		FUZZ_CHECK(pref == PZ_PREF_COUNT);
	}
	free(key);
	return 0;
}
