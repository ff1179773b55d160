/*
 * Answers for payloads that are not parsed into a tree: the router has to answer requests that it
 * cannot deliver, and must not build a tree for a message of another node. It reads only ids and
 * the presence of members, with the scanner of wire/json.
 */
#include "rpc/text.h"

#include "base/limits.h"
#include "rpc/payload.h"
#include "wire/json.h"

/* White space of JSON, and everything below it. */
static char
first_byte(struct pz_slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] > ' ')
			return (char)text.ptr[i];
	return '\0';
}

bool
pz_rpc_text_is_batch(struct pz_slice payload)
{
	return first_byte(payload) == '[';
}

/* Also true when the member occurs twice. */
static bool
has(struct pz_slice element, const char *name)
{
	struct pz_slice value;

	return pz_json_member(element, name, &value) != PZ_ERR_NOTFOUND;
}

static bool
is_of_kind(struct pz_slice element, enum pz_rpc_text_kind kind)
{
	if (kind == PZ_RPC_TEXT_REQUEST)
		return has(element, "method") && !has(element, "result") && !has(element, "error");
	return !has(element, "method") && (has(element, "result") || has(element, "error"));
}

/* New; NULL: no element can be answered. */
static json_t *
id_of(struct pz_slice element)
{
	struct pz_slice text;
	json_t *id;

	if (pz_json_member(element, "id", &text) != PZ_OK)
		return NULL;
	id = pz_json_read(text, PZ_JSON_NUL, NULL);
	if (json_is_string(id) || json_is_number(id))
		return id;
	json_decref(id);
	return NULL;
}

/* An element that has "id" twice is an invalid request. */
static bool
is_notification(struct pz_slice element)
{
	struct pz_slice id;
	enum pz_err err = pz_json_member(element, "id", &id);

	if (!has(element, "method"))
		return false;
	return err == PZ_ERR_NOTFOUND || (err == PZ_OK && pz_slice_eq_str(id, "null"));
}

static void
add_id(json_t *ids, struct pz_slice element, enum pz_rpc_text_kind kind)
{
	json_t *id = is_of_kind(element, kind) ? id_of(element) : NULL;

	if (id)
		json_array_append_new(ids, id);
}

json_t *
pz_rpc_text_ids(struct pz_slice payload, enum pz_rpc_text_kind kind)
{
	struct pz_slice rest = payload, element;
	json_t *ids = json_array();
	size_t count = 0;

	if (!pz_rpc_text_is_batch(payload)) {
		add_id(ids, payload, kind);
		return ids;
	}
	while (pz_json_next(&rest, &element)) {
		if (++count > PZ_BATCH_REQUESTS_MAX) {
			json_decref(ids);
			return NULL;
		}
		add_id(ids, element, kind);
	}
	return ids;
}

/* Answers one request, which is no batch. */
static json_t *
failure_of_one(struct pz_slice element, json_t *error_takes)
{
	json_t *id, *failure;

	if (is_of_kind(element, PZ_RPC_TEXT_ANSWER) || is_notification(element)) {
		json_decref(error_takes);
		return NULL;
	}
	id = id_of(element);
	failure = pz_rpc_failure(id, error_takes);
	json_decref(id);
	return failure;
}

/* A batch gets a batch of errors, one for each request in it; notifications and answers get none.
 */
json_t *
pz_rpc_text_failure(struct pz_slice payload, json_t *error_takes)
{
	json_t *ids, *id, *batch = json_array();
	size_t i;

	if (!pz_rpc_text_is_batch(payload)) {
		json_decref(batch);
		return failure_of_one(payload, error_takes);
	}
	ids = pz_rpc_text_ids(payload, PZ_RPC_TEXT_REQUEST);
	json_array_foreach (ids, i, id)
		json_array_append_new(batch, pz_rpc_failure(id, json_incref(error_takes)));
	json_decref(ids);
	if (ids == NULL) { /* too many: one answer for all */
		json_decref(batch);
		return pz_rpc_failure(NULL, error_takes);
	}
	json_decref(error_takes);
	if (json_array_size(batch) > 0)
		return batch;
	json_decref(batch);
	return NULL;
}
