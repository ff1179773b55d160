/*
 * Inserts a rule as text into a document that a person may have written: the rest of the document
 * stays unchanged byte for byte, with comments and blanks, so that it can still be read and
 * compared. So the document is not written from a tree; the place of the rule is found in the text.
 *
 * A decision finds the policy of the rule: a new first rule takes effect in the policy that decides
 * about such a call now. The result is then tested: it must be valid, and decide as the rule
 * requires. A document that combines its rules in another way is refused, never changed by a guess.
 */
#include "cli_policy/insert.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "policies/upgrade.h"
#include "policy/decide.h"

#define RULES_NAMED_MAX 10000U

static const char *
prefix_of(const struct pz_rule *rule)
{
	return rule->is_share ? "share" : "rule";
}

/* The first number that no rule has. 0: all are used. */
static unsigned
free_number(const struct pz_rule *rule, struct pz_slice document)
{
	for (unsigned i = 1; i <= RULES_NAMED_MAX; i++) {
		char id[32];

		snprintf(id, sizeof(id), "\"%s-%u\"", prefix_of(rule), i);
		if (memmem(document.ptr, document.len, id, strlen(id)) == NULL)
			return i;
	}
	return 0;
}

/* ---- a request that the rule is about ---- */

static json_t *
bag(const char *value)
{
	return value ? json_pack("[s]", value) : json_array();
}

/* The call that the rule describes, as this zone would see it: caller, service, the present time,
 * and a counter at 0. */
static struct pz_policy_request *
request_of(const struct pz_rule *rule, uint64_t now_s)
{
	struct pz_policy_request *request = NULL;

	json_t *json = json_pack(
		"{s:{s:o, s:o, s:o, s:o, s:o}, s:{s:o, s:o, s:o}, s:{s:o}, s:{s:s, s:o, s:o}}",
		"subject", "id", bag(rule->app_id), "class", bag(rule->app ? "w-u" : NULL),
		"user-id", bag(rule->zone ? rule->zone : rule->owner), "requestor-id",
		bag(rule->device), "target-id", bag(rule->target), "resource", "api-feature",
		bag(rule->api), "service-id", bag(rule->service_id), "function",
		bag(rule->function), "environment", "time",
		json_sprintf("%llu", (unsigned long long)now_s), "context", "owner", rule->owner,
		"known", bag(rule->zone), "devices", bag(rule->zone ? NULL : rule->device));
	if (json && rule->counter)
		(void)json_object_set_new(json_object_get(json, "environment"), rule->counter,
					  bag("0"));
	PZ_AUTO_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct tm local = {.tm_mday = 1};
	time_t now = (time_t)now_s;

	json_decref(json);
	if (text == NULL || pz_policy_request_parse(pz_slice_str(text), (int64_t)now_s * 1000,
						    &request, NULL) != PZ_OK)
		return NULL;
	localtime_r(&now, &local);
	if (pz_policy_request_complete(request, &local) != PZ_OK) {
		pz_policy_request_free(request);
		return NULL;
	}
	return request;
}

/* ---- the place ---- */

/* The place after the start tag of the element at this depth (0: the root) that begins in this
 * line. The document is known to be valid. 0: not found, or it has no content. */
static size_t
place_in(struct pz_slice text, unsigned depth, unsigned line)
{
	unsigned at_depth = 0, at_line = 1;
	size_t at = 0, counted = 0;
	struct pz_slice tag;

	while (pz_policies_next_tag(text, &at, &tag)) {
		for (; text.ptr + counted < tag.ptr; counted++)
			at_line += text.ptr[counted] == '\n';
		bool is_end = tag.len >= 2 && tag.ptr[1] == '/';
		bool is_empty = tag.len >= 2 && tag.ptr[tag.len - 2] == '/';
		if (!is_end && at_depth == depth && at_line == line)
			return is_empty ? 0 : at;
		at_depth = is_end ? at_depth - 1 : at_depth + (is_empty ? 0 : 1);
	}
	return 0;
}

/* The depth at which a node is found. */
static unsigned
depth_of(const struct pz_policy_node *node)
{
	unsigned depth = 0;

	while (pz_policy_node_at(node, depth) != node)
		depth++;
	return depth;
}

/* ---- the whole ---- */

static enum pz_err
refuse(struct pz_errinfo *info)
{
	return pz_fail(
		info, PZ_ERR_CONFIG,
		"the policy of this zone combines its rules in a way that a short rule cannot "
		"change; use `pzp policy edit`");
}

static enum pz_err
write_into(const struct pz_rule *rule, struct pz_slice document, size_t at, struct pz_buf *buf)
{
	unsigned number = free_number(rule, document);

	if (at == 0 || number == 0)
		return PZ_ERR_CONFIG;
	char id[32];
	snprintf(id, sizeof(id), "%s-%u", prefix_of(rule), number);
	PZ_TRY(pz_buf_append(buf, pz_slice_of(document.ptr, at)));
	PZ_TRY(pz_rule_append(buf, rule, id));
	return pz_buf_append(buf, pz_slice_of(document.ptr + at, document.len - at));
}

/* Finds the policy by the present decision about the request, and tests the result. */
static enum pz_err
insert(const struct pz_rule *rule, struct pz_slice text, const struct pz_policy_request *request,
       struct pz_buf *buf, struct pz_errinfo *info)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *before = NULL, *after = NULL;
	struct pz_policy_fault fault = {0, {""}};

	if (pz_policy_document_parse(text, &before, &fault) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG, "the policy is not valid: line %u: %s",
			       fault.line, fault.info.text);
	const struct pz_policy_node *node = pz_policy_evaluate(before, request, 0).node;
	unsigned depth = node ? depth_of(node) : 0;
	if (depth == 0)
		return refuse(info);
	const struct pz_policy_node *policy = pz_policy_node_at(node, depth - 1);
	enum pz_err err =
		write_into(rule, text, place_in(text, depth - 1, pz_policy_node_line(policy)), buf);
	if (pz_err_category(err) == PZ_CAT_LIMIT)
		return pz_fail(info, err, "the policy would become too long");
	if (err != PZ_OK || pz_policy_document_parse(pz_buf_slice(buf), &after, NULL) != PZ_OK ||
	    pz_policy_evaluate(after, request, 0).effect != rule->effect)
		return refuse(info);
	return PZ_OK;
}

enum pz_err
pz_rule_insert(const struct pz_rule *rule, struct pz_slice document, uint64_t now_s, char **out,
	       struct pz_errinfo *info)
{
	struct pz_policy_request *request = request_of(rule, now_s);
	struct pz_buf buf;

	if (request == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "a name of the rule is not valid");
	pz_buf_init(&buf, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	enum pz_err err = insert(rule, document, request, &buf, info);
	pz_policy_request_free(request);
	if (err == PZ_OK) {
		*out = pz_slice_dup(pz_buf_slice(&buf));
		if (*out == NULL)
			err = pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	}
	pz_buf_fini(&buf);
	return err;
}

bool
pz_rule_is_denied(const struct pz_rule *rule, struct pz_slice document, uint64_t now_s)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *doc = NULL;
	struct pz_policy_request *request = request_of(rule, now_s);

	if (request == NULL || pz_policy_document_parse(document, &doc, NULL) != PZ_OK) {
		pz_policy_request_free(request);
		return true;
	}
	struct pz_policy_result result = pz_policy_evaluate(doc, request, 0);
	pz_policy_request_free(request);
	return result.effect == PZ_POLICY_UNDETERMINED ||
	       (result.effect == PZ_POLICY_DENY && !pz_policy_node_is_default(result.node));
}

/* ---- removing ---- */

static bool
goes_on_with(struct pz_slice text, size_t at, const char *with)
{
	size_t len = strlen(with);

	return text.len - at >= len && memcmp(text.ptr + at, with, len) == 0;
}

/* The next share after `at` with these conditions. False: none. */
static bool
find_share(struct pz_slice text, struct pz_slice conditions, size_t at, size_t *begin, size_t *end)
{
	static const char head[] = "\n\t\t<rule id=\"share-", tail[] = "</rule>";

	while (at < text.len) {
		const uint8_t *found = memmem(text.ptr + at, text.len - at, head, sizeof(head) - 1);

		if (found == NULL)
			return false;
		*begin = (size_t)(found - text.ptr);
		const uint8_t *stop = memmem(found, text.len - *begin, tail, sizeof(tail) - 1);
		*end = stop ? (size_t)(stop - text.ptr) + sizeof(tail) - 1 : text.len;
		const uint8_t *same = memmem(found, *end - *begin, conditions.ptr, conditions.len);
		if (same) { /* and it has no conditions besides the limits */
			size_t rest = (size_t)(same - text.ptr) + conditions.len;

			if (goes_on_with(text, rest, "\n\t\t\t</condition>") ||
			    goes_on_with(text, rest, "\n\t\t\t<environment-match attr=\"time\"") ||
			    goes_on_with(text, rest, "\n\t\t\t<environment-match attr=\"calls:"))
				return true;
		}
		at = *end;
	}
	return false;
}

static enum pz_err
remove_from(const struct pz_rule *rule, struct pz_slice text, struct pz_buf *conditions,
	    struct pz_buf *rest, unsigned *out_count)
{
	size_t at = 0, begin = 0, end = 0;

	PZ_TRY(pz_rule_append_conditions(conditions, rule));
	for (; find_share(text, pz_buf_slice(conditions), at, &begin, &end); at = end) {
		PZ_TRY(pz_buf_append(rest, pz_slice_of(text.ptr + at, begin - at)));
		++*out_count;
	}
	return pz_buf_append(rest, pz_slice_of(text.ptr + at, text.len - at));
}

enum pz_err
pz_rule_remove_shares(const struct pz_rule *rule, struct pz_slice document, char **out,
		      unsigned *out_count, struct pz_errinfo *info)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *after = NULL;
	struct pz_buf conditions, rest;

	*out_count = 0;
	pz_buf_init(&conditions, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	pz_buf_init(&rest, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	enum pz_err err = remove_from(rule, document, &conditions, &rest, out_count);
	if (err != PZ_OK)
		err = pz_fail(info, err, "out of memory");
	else if (*out_count > 0 &&
		 pz_policy_document_parse(pz_buf_slice(&rest), &after, NULL) != PZ_OK)
		err = pz_fail(info, PZ_ERR_CONFIG,
			      "the policy would not be valid without it; use `pzp policy edit`");
	else if (*out_count > 0)
		*out = pz_slice_dup(pz_buf_slice(&rest));
	pz_buf_fini(&conditions);
	pz_buf_fini(&rest);
	return err;
}
