/*
 * Reading, checking and printing of preferences; the table itself is prefs_table.c.
 *
 * A value is a number (a bool, the position of a choice, a port, seconds, a count) or a text; the
 * type in the table decides which. Values are text on the command line and JSON in records and from
 * other devices; the same functions parse both, so both accept the same values.
 */
#include "conf/prefs.h"

#include <assert.h>
#include <string.h>

#include "base/codec.h"
#include "base/suggest.h"

static_assert(PZ_PREF_COUNT <= 32, "sets of preferences are uint32_t");

/* ---- keys ---- */

/* The error names the preference that was probably meant. */
enum pz_err
pz_pref_find(const char *key, enum pz_pref *out, struct pz_errinfo *info)
{
	struct pz_suggest meant;

	pz_suggest_init(&meant, key);
	for (int i = 0; i < PZ_PREF_COUNT; i++) {
		if (strcmp(pz_pref_table[i].key, key) == 0) {
			*out = (enum pz_pref)i;
			return PZ_OK;
		}
		pz_suggest_add(&meant, pz_pref_table[i].key);
	}
	if (meant.best)
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "there is no preference \"%.60s\"; did you mean %s?", key,
			       meant.best);
	return pz_fail(info, PZ_ERR_NOTFOUND,
		       "there is no preference \"%.60s\"; `pzp prefs` lists all", key);
}

/* ---- values ---- */

static bool
is_numeric(const struct pz_pref_info *row)
{
	return row->type == PZ_PREF_TYPE_PORT || row->type == PZ_PREF_TYPE_SECONDS ||
	       row->type == PZ_PREF_TYPE_NUMBER;
}

/* Exactly "true" and "false": a record with "yes" was not written by us. */
static bool
parse_bool(const char *text, struct pz_pref_value *out)
{
	out->number = strcmp(text, "true") == 0;
	return out->number == 1 || strcmp(text, "false") == 0;
}

static bool
parse_choice(const struct pz_pref_info *row, const char *text, struct pz_pref_value *out)
{
	for (uint32_t i = 0; row->choices[i] != NULL; i++) {
		if (strcmp(row->choices[i], text) == 0) {
			out->number = i;
			return true;
		}
	}
	return false;
}

/* Decimal digits only. */
static bool
parse_number(const struct pz_pref_info *row, const char *text, struct pz_pref_value *out)
{
	uint64_t number = 0;

	if (text[0] == '\0')
		return false;
	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9')
			return false;
		number = number * 10 + (uint64_t)(*c - '0');
		/* In the loop, so that it cannot overflow. */
		if (number > row->max)
			return false;
	}
	out->number = (uint32_t)number;
	return number >= row->min;
}

/* @spec page 1 "display name" */
static bool
parse_string(const struct pz_pref_info *row, const char *text, struct pz_pref_value *out)
{
	size_t len = strlen(text);

	if (len == 0 || len > row->max || !pz_utf8_is_printable(pz_slice_str(text)))
		return false;
	memcpy(out->text, text, len + 1);
	return true;
}

static bool
parse(const struct pz_pref_info *row, const char *text, struct pz_pref_value *out)
{
	switch (row->type) {
	case PZ_PREF_TYPE_BOOL:
		return parse_bool(text, out);
	case PZ_PREF_TYPE_CHOICE:
		return parse_choice(row, text, out);
	case PZ_PREF_TYPE_PORT:
	case PZ_PREF_TYPE_SECONDS:
	case PZ_PREF_TYPE_NUMBER:
		return parse_number(row, text, out);
	case PZ_PREF_TYPE_TEXT:
		return parse_string(row, text, out);
	case PZ_PREF_TYPE_DIRECTORY:
		return text[0] == '/' && parse_string(row, text, out);
	}
	return false;
}

enum pz_err
pz_pref_parse_text(enum pz_pref pref, const char *text, struct pz_pref_value *out,
		   struct pz_errinfo *info)
{
	const struct pz_pref_info *row = &pz_pref_table[pref];
	struct pz_pref_value value = {0};
	char allowed[128];

	if (!parse(row, text, &value)) {
		pz_pref_allowed(pref, allowed);
		return pz_fail(info, PZ_ERR_CONFIG, "%s = \"%.40s\": must be %s", row->key, text,
			       allowed);
	}
	*out = value;
	return PZ_OK;
}

enum pz_err
pz_pref_parse_json(enum pz_pref pref, const json_t *value, struct pz_pref_value *out,
		   struct pz_errinfo *info)
{
	const struct pz_pref_info *row = &pz_pref_table[pref];
	bool is_number = is_numeric(row);
	char text[32], allowed[128];

	/* No two types have values of the same spelling, so all are checked as text. */
	if (json_is_string(value))
		return pz_pref_parse_text(pref, json_string_value(value), out, info);
	if (json_is_boolean(value) && row->type == PZ_PREF_TYPE_BOOL)
		return pz_pref_parse_text(pref, json_is_true(value) ? "true" : "false", out, info);
	if (json_is_integer(value) && is_number) {
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
		return pz_pref_parse_text(pref, text, out, info);
	}
	pz_pref_allowed(pref, allowed);
	return pz_fail(info, PZ_ERR_CONFIG, "%s: a value of the wrong type: must be %s", row->key,
		       allowed);
}

json_t *
pz_pref_json(enum pz_pref pref, const struct pz_pref_value *value)
{
	const struct pz_pref_info *row = &pz_pref_table[pref];

	switch (row->type) {
	case PZ_PREF_TYPE_BOOL:
		return json_boolean(value->number != 0);
	case PZ_PREF_TYPE_CHOICE:
		return json_string(row->choices[value->number]);
	case PZ_PREF_TYPE_PORT:
	case PZ_PREF_TYPE_SECONDS:
	case PZ_PREF_TYPE_NUMBER:
		return json_integer((json_int_t)value->number);
	case PZ_PREF_TYPE_TEXT:
	case PZ_PREF_TYPE_DIRECTORY:
		break;
	}
	return json_string(value->text);
}

const char *
pz_pref_text(enum pz_pref pref, const struct pz_pref_value *value, char scratch[16])
{
	const struct pz_pref_info *row = &pz_pref_table[pref];

	switch (row->type) {
	case PZ_PREF_TYPE_BOOL:
		return value->number != 0 ? "true" : "false";
	case PZ_PREF_TYPE_CHOICE:
		return row->choices[value->number];
	case PZ_PREF_TYPE_PORT:
	case PZ_PREF_TYPE_SECONDS:
	case PZ_PREF_TYPE_NUMBER:
		snprintf(scratch, 16, "%u", value->number);
		return scratch;
	case PZ_PREF_TYPE_TEXT:
	case PZ_PREF_TYPE_DIRECTORY:
		break;
	}
	return value->text;
}

bool
pz_pref_equal(const struct pz_pref_value *a, const struct pz_pref_value *b)
{
	return a->number == b->number && strcmp(a->text, b->text) == 0;
}

void
pz_pref_default(enum pz_pref pref, struct pz_pref_value *out)
{
	const struct pz_pref_info *row = &pz_pref_table[pref];

	*out = (struct pz_pref_value){.number = row->number};
	if (row->fallback != NULL)
		snprintf(out->text, sizeof(out->text), "%s", row->fallback);
}

/* ---- describing ---- */

static void
describe_choices(const struct pz_pref_info *row, char out[128])
{
	size_t used = 0;

	/* snprintf returns the full length, so `used` ends the loop when the text is cut. */
	for (size_t i = 0; row->choices[i] != NULL && used < 128; i++)
		used += (size_t)snprintf(out + used, 128 - used, "%s%s",
					 i == 0                        ? ""
					 : row->choices[i + 1] == NULL ? " or "
								       : ", ",
					 row->choices[i]);
}

void
pz_pref_allowed(enum pz_pref pref, char out[128])
{
	const struct pz_pref_info *row = &pz_pref_table[pref];

	switch (row->type) {
	case PZ_PREF_TYPE_BOOL:
		snprintf(out, 128, "true or false");
		break;
	case PZ_PREF_TYPE_CHOICE:
		describe_choices(row, out);
		break;
	case PZ_PREF_TYPE_PORT:
		snprintf(out, 128, "a port number from %u to %u", row->min, row->max);
		break;
	case PZ_PREF_TYPE_SECONDS:
		snprintf(out, 128, "a number of seconds from %u to %u", row->min, row->max);
		break;
	case PZ_PREF_TYPE_NUMBER:
		snprintf(out, 128, "a number from %u to %u", row->min, row->max);
		break;
	case PZ_PREF_TYPE_TEXT:
		snprintf(out, 128, "a text of 1 to %u bytes without control characters", row->max);
		break;
	case PZ_PREF_TYPE_DIRECTORY:
		snprintf(out, 128, "an absolute path of 1 to %u bytes", row->max);
		break;
	}
}

/* For the man page, between its marks "preferences: begin" and "end"; a test compares them. */
enum pz_err
pz_prefs_man(struct pz_buf *out)
{
	for (int i = 0; i < PZ_PREF_COUNT; i++) {
		const struct pz_pref_info *row = &pz_pref_table[i];
		struct pz_pref_value value;
		char allowed[128], scratch[16];

		pz_pref_allowed((enum pz_pref)i, allowed);
		pz_pref_default((enum pz_pref)i, &value);
		PZ_TRY(pz_buf_printf(out, ".It Cm %s\n%s\nAllowed: %s.\nDefault: %s.\n", row->key,
				     row->meaning, allowed,
				     row->fallback_words
					     ? row->fallback_words
					     : pz_pref_text((enum pz_pref)i, &value, scratch)));
		if (row->is_zone)
			PZ_TRY(pz_buf_append_str(out, "Holds for the whole zone.\n"));
		if (!row->is_effective)
			PZ_TRY(pz_buf_append_str(out, "Stored; has no effect in this version.\n"));
	}
	return PZ_OK;
}

/* ---- reading ---- */

bool
pz_prefs_bool(const struct pz_prefs *prefs, enum pz_pref pref)
{
	/* An error of ours: the type is in the table, so no input can reach this. */
	assert(pz_pref_table[pref].type == PZ_PREF_TYPE_BOOL);
	return prefs->values[pref].number != 0;
}

uint32_t
pz_prefs_int(const struct pz_prefs *prefs, enum pz_pref pref)
{
	assert(is_numeric(&pz_pref_table[pref]));
	return prefs->values[pref].number;
}

const char *
pz_prefs_text(const struct pz_prefs *prefs, enum pz_pref pref)
{
	const struct pz_pref_value *value = &prefs->values[pref];

	if (pz_pref_table[pref].type == PZ_PREF_TYPE_CHOICE)
		return pz_pref_table[pref].choices[value->number];
	assert(pz_pref_table[pref].type == PZ_PREF_TYPE_TEXT ||
	       pz_pref_table[pref].type == PZ_PREF_TYPE_DIRECTORY);
	return value->text;
}
