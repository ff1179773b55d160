/*
 * Both texts are scanned tag by tag, without a tree: what a person has written stays byte for byte.
 * The document is known to be valid, so a tag ends at its '>', and only quotes and comments can
 * contain other '>'.
 */
#include "policies/upgrade.h"

#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "policy/document.h"

/* The position after the next `end`, or the end of the text. */
static size_t
skip_until(struct pz_slice text, size_t at, const char *end)
{
	const uint8_t *found = memmem(text.ptr + at, text.len - at, end, strlen(end));

	return found ? (size_t)(found - text.ptr) + strlen(end) : text.len;
}

static bool
begins(struct pz_slice text, size_t at, const char *with)
{
	size_t len = strlen(with);

	return text.len - at >= len && memcmp(text.ptr + at, with, len) == 0;
}

static size_t
skip_tag(struct pz_slice text, size_t at)
{
	for (uint8_t quote = 0; at < text.len; at++) {
		uint8_t c = text.ptr[at];

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return at + 1;
	}
	return text.len;
}

bool
pz_policies_next_tag(struct pz_slice text, size_t *at, struct pz_slice *out)
{
	while (*at < text.len) {
		if (text.ptr[*at] != '<') {
			++*at;
		} else if (begins(text, *at, "<!--")) {
			*at = skip_until(text, *at, "-->");
		} else if (begins(text, *at, "<![CDATA[")) {
			*at = skip_until(text, *at, "]]>");
		} else if (begins(text, *at, "<?")) {
			*at = skip_until(text, *at, "?>");
		} else {
			size_t end = skip_tag(text, *at);
			*out = pz_slice_of(text.ptr + *at, end - *at);
			*at = end;
			return true;
		}
	}
	return false;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_element(struct pz_slice tag, const char *name)
{
	size_t len = strlen(name);

	return tag.len > len + 1 && memcmp(tag.ptr + 1, name, len) == 0 &&
	       (is_blank(tag.ptr[len + 1]) || tag.ptr[len + 1] == '>' || tag.ptr[len + 1] == '/');
}

/* The value of an attribute as written; empty: there is no such attribute. Quotes are skipped
 * whole: " id=" inside a text does not count. */
static struct pz_slice
attribute(struct pz_slice tag, const char *name)
{
	size_t len = strlen(name), at = 1;

	while (at < tag.len) {
		size_t begin = at, end;

		while (at < tag.len && tag.ptr[at] != '"' && tag.ptr[at] != '\'')
			at++;
		if (at == tag.len)
			break;
		uint8_t quote = tag.ptr[at++];
		for (end = at; end < tag.len && tag.ptr[end] != quote;)
			end++;
		size_t stop = at - 1; /* at the quote; before it: name, '=', blanks */
		while (stop > begin && (is_blank(tag.ptr[stop - 1]) || tag.ptr[stop - 1] == '='))
			stop--;
		if (stop - begin > len && is_blank(tag.ptr[stop - len - 1]) &&
		    memcmp(tag.ptr + stop - len, name, len) == 0)
			return pz_slice_of(tag.ptr + at, end - at);
		at = end + 1;
	}
	return pz_slice_of(NULL, 0);
}

/* Where an element with this id begins. SIZE_MAX: nowhere */
static size_t
find(struct pz_slice text, const char *element, struct pz_slice id)
{
	struct pz_slice tag;

	for (size_t at = 0; pz_policies_next_tag(text, &at, &tag);)
		if (is_element(tag, element) && pz_slice_eq(attribute(tag, "id"), id))
			return (size_t)(tag.ptr - text.ptr);
	return SIZE_MAX;
}

/* The whole element that begins with this tag, which ends at `at`. Rules do not nest. */
static struct pz_slice
whole(struct pz_slice text, struct pz_slice tag, size_t at)
{
	struct pz_slice next = tag;

	while (!begins(next, 0, "</rule") && !(next.ptr == tag.ptr && tag.ptr[tag.len - 2] == '/'))
		if (!pz_policies_next_tag(text, &at, &next))
			break;
	return pz_slice_of(tag.ptr, (size_t)(next.ptr + next.len - tag.ptr));
}

/* Inserts what waits for the next rule that the document has. Without one there is no place for it.
 */
static size_t
place(struct pz_upgrade_rule *out, size_t from, size_t count, struct pz_slice before)
{
	for (size_t i = from; i < count; i++)
		out[i].before = before;
	return count;
}

size_t
pz_policies_missing(struct pz_slice document, struct pz_slice standard, struct pz_upgrade_rule *out)
{
	size_t count = 0, placed = 0;
	bool has_policy = false;
	struct pz_slice tag;

	for (size_t at = 0; pz_policies_next_tag(standard, &at, &tag);) {
		struct pz_slice id = attribute(tag, "id");

		if (is_element(tag, "policy")) {
			count = placed; /* rules of the former policy without a place */
			has_policy = find(document, "policy", id) != SIZE_MAX;
		} else if (!is_element(tag, "rule") || !has_policy || id.len == 0) {
			continue;
		} else if (find(document, "rule", id) != SIZE_MAX) {
			placed = place(out, placed, count, id);
		} else if (count < PZ_UPGRADE_RULES_MAX) {
			out[count++] = (struct pz_upgrade_rule){
				.id = id,
				.effect = attribute(tag, "effect"),
				.description = attribute(tag, "description"),
				.text = whole(standard, tag, at),
			};
		}
	}
	return placed;
}

static enum pz_err
insert(struct pz_slice document, const struct pz_upgrade_rule *rules, size_t count,
       struct pz_buf *buf)
{
	size_t done = 0;
	struct pz_slice tag;

	for (size_t at = 0; pz_policies_next_tag(document, &at, &tag);) {
		size_t begin = (size_t)(tag.ptr - document.ptr);

		if (!is_element(tag, "rule"))
			continue;
		for (size_t i = 0; i < count; i++) {
			if (!pz_slice_eq(attribute(tag, "id"), rules[i].before))
				continue;
			PZ_TRY(pz_buf_append(buf, pz_slice_of(document.ptr + done, begin - done)));
			done = begin;
			PZ_TRY(pz_buf_append(buf, rules[i].text));
			PZ_TRY(pz_buf_append_str(buf, "\n\t\t"));
		}
	}
	return pz_buf_append(buf, pz_slice_of(document.ptr + done, document.len - done));
}

enum pz_err
pz_policies_upgrade(struct pz_slice document, const struct pz_upgrade_rule *rules, size_t count,
		    char **out, struct pz_errinfo *info)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *after = NULL;
	struct pz_policy_fault fault = {0, {""}};
	struct pz_buf buf;

	pz_buf_init(&buf, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	enum pz_err err = insert(document, rules, count, &buf);
	if (err != PZ_OK)
		err = pz_fail(info, err, "the policy would become too long");
	else if (pz_policy_document_parse(pz_buf_slice(&buf), &after, &fault) != PZ_OK)
		err = pz_fail(info, PZ_ERR_CONFIG,
			      "the policy would not be valid: line %u: %s; use `pzp policy edit`",
			      fault.line, fault.info.text);
	else if ((*out = pz_slice_dup(pz_buf_slice(&buf))) == NULL)
		err = pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	pz_buf_fini(&buf);
	return err;
}
