/*
 * Manifests as values. An API becomes a pattern in a policy document, in which a comma separates
 * patterns and `*` and `?` are wildcards: an API with one of these would permit more than a person
 * reads, so it is refused, as in grants.
 */
#include "manifests/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/apps.h"
#include "apps/origin.h"
#include "base/codec.h"
#include "policies/rule.h"
#include "wire/json.h"

/* ---- reading ---- */

enum pz_err
pz_manifest_check_origin(const char *origin, struct pz_errinfo *info)
{
	enum pz_origin_kind kind = pz_origin_kind_of(pz_slice_str(origin));

	if (kind == PZ_ORIGIN_PROGRAM) {
		if (pz_tokens_is_name(origin + strlen(PZ_TOKENS_PREFIX)))
			return PZ_OK;
		return pz_fail(info, PZ_ERR_CONFIG,
			       "origin: a program is written " PZ_TOKENS_PREFIX
			       "NAME, with the name of its token (`pzp app token NAME`)");
	}
	/* Another spelling would be another id, of an app that does not exist. */
	if (pz_origin_is_taken(kind) && pz_app_origin_check(origin, NULL) == PZ_OK)
		return PZ_OK;
	return pz_fail(
		info, PZ_ERR_CONFIG,
		"origin: must be as a browser sends it, such as https://shop.example (http is "
		"for localhost only), without a path and without the port 443, or "
		"program:NAME");
}

static enum pz_err
check_members(const json_t *object, const char *const *names, const char *where,
	      struct pz_errinfo *info)
{
	const char *key;
	const json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size_t i = 0;

		(void)value;
		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (names[i] == NULL)
			return pz_fail(info, PZ_ERR_CONFIG, "%s%.40s: there is no such member",
				       where, pz_utf8_is_printable(pz_slice_str(key)) ? key : "?");
	}
	return PZ_OK;
}

/* @param out borrowed; "" if the member is optional and missing */
static enum pz_err
take_text(const json_t *object, const char *name, const char *where, bool is_needed,
	  const char **out, struct pz_errinfo *info)
{
	const char *text = pz_json_str(object, name);

	*out = text ? text : "";
	if (json_object_get(object, name) == NULL && !is_needed)
		return PZ_OK;
	if (text == NULL || (is_needed && text[0] == '\0'))
		return pz_fail(info, PZ_ERR_CONFIG, "%s%s: must be a text%s", where, name,
			       is_needed ? " that is not empty" : "");
	if (strlen(text) > PZ_MANIFEST_TEXT_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "%s%s: longer than %d bytes", where, name,
			       PZ_MANIFEST_TEXT_BYTES_MAX);
	/* U+FFFE and U+FFFF are not allowed in a document (XML 1.0, 2.2). */
	if (!pz_utf8_is_printable(pz_slice_str(text)) || strstr(text, "\xef\xbf\xbe") ||
	    strstr(text, "\xef\xbf\xbf"))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "%s%s: must not have control characters, U+FFFE or U+FFFF", where,
			       name);
	return PZ_OK;
}

static enum pz_err
check_api(const char *api, const char *where, struct pz_errinfo *info)
{
	for (const char *c = api; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == ',' || *c == '*' || *c == '?')
			return pz_fail(
				info, PZ_ERR_CONFIG,
				"%sapi: must be one API in ASCII: no blanks, no commas, no * or "
				"?",
				where);
	return PZ_OK;
}

static bool
is_listed(const json_t *features, const char *api)
{
	const json_t *one;
	size_t i;

	json_array_foreach (features, i, one)
		if (strcmp(pz_json_str(one, "api"), api) == 0)
			return true;
	return false;
}

static enum pz_err
take_feature(const json_t *given, size_t at, json_t *features, struct pz_errinfo *info)
{
	static const char *const names[] = {"api", "reason", NULL};
	char where[32];
	const char *api, *reason;

	snprintf(where, sizeof(where), "features[%zu].", at);
	if (!json_is_object(given))
		return pz_fail(info, PZ_ERR_CONFIG, "features[%zu]: must be an object with api",
			       at);
	PZ_TRY(check_members(given, names, where, info));
	PZ_TRY(take_text(given, "api", where, true, &api, info));
	PZ_TRY(take_text(given, "reason", where, false, &reason, info));
	PZ_TRY(check_api(api, where, info));
	if (is_listed(features, api))
		return pz_fail(info, PZ_ERR_CONFIG, "%sapi: it is listed already", where);
	if (json_array_append_new(features,
				  json_pack("{s:s, s:s}", "api", api, "reason", reason)) != 0)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return PZ_OK;
}

static enum pz_err
take_features(const json_t *given, json_t *features, struct pz_errinfo *info)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(given))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "features: must be a list; an empty one for an app that asks for "
			       "nothing");
	if (json_array_size(given) > PZ_MANIFEST_FEATURES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "features: more than %d",
			       PZ_MANIFEST_FEATURES_MAX);
	json_array_foreach (given, i, one)
		PZ_TRY(take_feature(one, i, features, info));
	return PZ_OK;
}

/* @param out has an array `features`, and gets the other members */
static enum pz_err
rebuild(const json_t *given, json_t *out, struct pz_errinfo *info)
{
	static const char *const names[] = {"origin", "name", "features", NULL};
	const char *origin, *name;

	if (!json_is_object(given))
		return pz_fail(info, PZ_ERR_CONFIG, "a manifest is an object");
	PZ_TRY(check_members(given, names, "", info));
	PZ_TRY(take_text(given, "origin", "", true, &origin, info));
	PZ_TRY(pz_manifest_check_origin(origin, info));
	PZ_TRY(take_text(given, "name", "", false, &name, info));
	if (json_object_set_new(out, "origin", json_string(origin)) != 0 ||
	    json_object_set_new(out, "name", json_string(name)) != 0)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return take_features(json_object_get(given, "features"), json_object_get(out, "features"),
			     info);
}

static enum pz_err
parse(struct pz_slice text, json_t **out, struct pz_errinfo *info)
{
	struct pz_errinfo why = {""};

	if (text.len > PZ_MANIFEST_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "the manifest is longer than %u bytes",
			       PZ_MANIFEST_BYTES_MAX);
	*out = pz_json_parse(text, &why);
	return *out ? PZ_OK
		    : pz_fail(info, PZ_ERR_CONFIG, "the manifest is no JSON: %s",
			      pz_errinfo_text(&why, PZ_ERR_PROTO_JSON));
}

enum pz_err
pz_manifest_read(struct pz_slice text, struct pz_manifest **out, struct pz_errinfo *info)
{
	PZ_AUTO(pz_manifest_free) struct pz_manifest *m = calloc(1, sizeof(*m));
	json_t *given = NULL;

	*out = NULL;
	if (m)
		m->json = json_pack("{s:[]}", "features");
	if (m == NULL || m->json == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(parse(text, &given, info));
	enum pz_err err = rebuild(given, m->json, info);
	json_decref(given);
	if (err != PZ_OK)
		return err;
	pz_app_id(pz_slice_str(pz_json_str(m->json, "origin")), m->id);
	*out = PZ_TAKE(m);
	return PZ_OK;
}

struct pz_manifest *
pz_manifest_unreadable(const char *id)
{
	struct pz_manifest *m = calloc(1, sizeof(*m));

	if (m)
		snprintf(m->id, sizeof(m->id), "%s", id);
	return m;
}

void
pz_manifest_free(struct pz_manifest *m)
{
	if (m == NULL)
		return;
	json_decref(m->json);
	free(m);
}

/* ---- writing ---- */

char *
pz_manifest_text(const struct pz_manifest *m)
{
	return json_dumps(m->json, JSON_COMPACT);
}

size_t
pz_manifest_features(const struct pz_manifest *m)
{
	return json_array_size(json_object_get(m->json, "features"));
}

/* The API is written completely: its last part alone could also be the API of another author. */
void
pz_manifest_sentence(const struct pz_manifest *m, size_t at, char out[PZ_MANIFEST_SENTENCE_BYTES])
{
	const json_t *one = json_array_get(json_object_get(m->json, "features"), at);
	const char *origin =
		m->json ? pz_json_str(m->json, "origin") : "An app with a bad manifest";

	if (one == NULL) {
		snprintf(out, PZ_MANIFEST_SENTENCE_BYTES,
			 "%s may ask for nothing%s on this device.", origin, at ? " else" : "");
		return;
	}
	const char *reason = pz_json_str(one, "reason");
	snprintf(out, PZ_MANIFEST_SENTENCE_BYTES, "%s may ask for %s%s%s", origin,
		 pz_json_str(one, "api"), reason[0] ? ": " : ".", reason);
}

static enum pz_err
append_rule(struct pz_buf *buf, const char *id, const char *effect, const char *sentence)
{
	PZ_TRY(pz_buf_printf(buf, "\n\t\t<rule id=\"%s\" effect=\"%s\"\n\t\t\tdescription=\"", id,
			     effect));
	PZ_TRY(pz_rule_append_escaped(buf, sentence));
	return pz_buf_printf(buf, "\"");
}

/* A permit for an API covers its parts, as in the owner's rules. */
static enum pz_err
append_permit(struct pz_buf *buf, const char *id, const char *api, const char *sentence)
{
	PZ_TRY(append_rule(buf, id, "permit", sentence));
	PZ_TRY(pz_buf_printf(
		buf,
		">\n\t\t\t<condition>\n\t\t\t\t<resource-match attr=\"api-feature\" match=\""));
	PZ_TRY(pz_rule_append_escaped(buf, api));
	return pz_buf_printf(buf, "\"/>\n\t\t\t</condition>\n\t\t</rule>");
}

/* Whether the app may run here at all is not a feature of an API: the owner decides that, so the
 * final denial must not cover it. No two elements of a document have the same id. */
static enum pz_err
append_rules(struct pz_buf *buf, const struct pz_manifest *m)
{
	const json_t *features = json_object_get(m->json, "features"), *one;
	char sentence[PZ_MANIFEST_SENTENCE_BYTES], id[PZ_APP_ID_CHARS + 32];
	size_t i;

	snprintf(id, sizeof(id), "%s-register", m->id);
	if (m->json)
		PZ_TRY(append_permit(buf, id, PZ_APPS_FEATURE,
				     "It may ask to be an app of this device."));
	json_array_foreach (features, i, one) {
		snprintf(id, sizeof(id), "%s-%zu", m->id, i + 1);
		pz_manifest_sentence(m, i, sentence);
		PZ_TRY(append_permit(buf, id, pz_json_str(one, "api"), sentence));
	}
	pz_manifest_sentence(m, i, sentence);
	snprintf(id, sizeof(id), "%s-rest", m->id);
	PZ_TRY(append_rule(buf, id, "deny", sentence));
	return pz_buf_printf(buf, "/>");
}

static enum pz_err
append(struct pz_buf *buf, const struct pz_manifest *m)
{
	const char *name = m->json ? pz_json_str(m->json, "name") : "";

	PZ_TRY(pz_buf_printf(buf, "\n\t<policy id=\"%s\" combine=\"first-applicable\"", m->id));
	PZ_TRY(pz_buf_printf(buf, "\n\t\tdescription=\""));
	PZ_TRY(pz_rule_append_escaped(buf, m->json ? pz_json_str(m->json, "origin")
						   : "its manifest cannot be read"));
	PZ_TRY(pz_rule_append_escaped(buf, name[0] ? ", " : ""));
	PZ_TRY(pz_rule_append_escaped(buf, name));
	PZ_TRY(pz_buf_printf(
		buf,
		"\">\n\t\t<target>\n\t\t\t<subject>\n\t\t\t\t<subject-match attr=\"id\" "
		"func=\"equal\" match=\"%s\"/>\n\t\t\t</subject>\n\t\t</target>",
		m->id));
	PZ_TRY(append_rules(buf, m));
	return pz_buf_printf(buf, "\n\t</policy>");
}

enum pz_err
pz_manifests_document(const struct pz_list *rows, const struct pz_manifest *fresh,
		      struct pz_buf *buf)
{
	PZ_TRY(pz_buf_printf(buf, "<policy-set id=\"apps\" combine=\"first-matching-target\"\n\t"
				  "description=\"What apps of this device may ask for.\">"));
	for (const struct pz_list *n = rows->next; n != rows; n = n->next) {
		const struct pz_manifest *m = PZ_CONTAINER(n, const struct pz_manifest, node);

		if (fresh == NULL || strcmp(m->id, fresh->id) != 0)
			PZ_TRY(append(buf, m));
	}
	if (fresh)
		PZ_TRY(append(buf, fresh));
	return pz_buf_printf(buf, "\n</policy-set>\n");
}
