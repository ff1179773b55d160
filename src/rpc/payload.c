/*
 * Reads and makes JSON-RPC 2.0 objects. Parsing classifies a payload and borrows its parts; nothing
 * is copied. Malformed answers get no error in return, and the callers process a batch element by
 * element.
 */
#include "rpc/payload.h"

#include <stddef.h>
#include <string.h>

#include "rpc/error.h"
#include "wire/json.h"

/* Numbers are accepted as JSON-RPC allows; we ourselves send strings. */
static bool
is_id(const json_t *value)
{
	return json_is_string(value) || json_is_number(value);
}

static bool
is_error_object(const json_t *error)
{
	return json_is_integer(json_object_get(error, "code")) &&
	       json_is_string(json_object_get(error, "message"));
}

static bool
has_version(const json_t *payload)
{
	const char *version = pz_json_str(payload, "jsonrpc");

	return version && strcmp(version, "2.0") == 0;
}

/* method is present, result and error are not. */
static bool
read_call(json_t *payload, struct pz_rpc *rpc)
{
	json_t *id = json_object_get(payload, "id");

	rpc->method = pz_json_str(payload, "method");
	rpc->params = json_object_get(payload, "params");
	if (json_is_null(rpc->params))
		rpc->params = NULL;
	rpc->kind = PZ_RPC_NOTIFICATION;
	if (id && !json_is_null(id)) {
		rpc->kind = PZ_RPC_REQUEST;
		rpc->id = id;
		if (!is_id(id) || (json_is_string(id) && pz_json_text(id) == NULL))
			return false; /* ids become parts of C strings: no NUL */
	}
	return rpc->method != NULL;
}

/* Exactly one of result and error, and an id: null when the other side could not read ours. */
static bool
read_answer(json_t *payload, struct pz_rpc *rpc)
{
	rpc->id = json_object_get(payload, "id");
	rpc->result = json_object_get(payload, "result");
	rpc->error = json_object_get(payload, "error");
	rpc->kind = rpc->error ? PZ_RPC_ERROR : PZ_RPC_RESULT;
	if ((rpc->result == NULL) == (rpc->error == NULL))
		return false;
	if (rpc->error && !is_error_object(rpc->error))
		return false;
	return is_id(rpc->id) || (rpc->error && json_is_null(rpc->id));
}

enum pz_err
pz_rpc_parse(json_t *payload, struct pz_rpc *out, int *out_code)
{
	struct pz_rpc rpc = {0};
	bool has_method = json_object_get(payload, "method") != NULL;
	bool has_answer = json_object_get(payload, "result") || json_object_get(payload, "error");
	bool is_valid = has_version(payload) && has_method != has_answer;

	if (is_valid)
		is_valid = has_method ? read_call(payload, &rpc) : read_answer(payload, &rpc);
	if (!is_valid) {
		/* Answering an answer could continue for ever. */
		*out_code = has_answer && !has_method ? 0 : PZ_RPC_INVALID_REQUEST;
		return PZ_ERR_PROTO_MEMBER;
	}
	*out = rpc;
	return PZ_OK;
}

json_t *
pz_rpc_id(const json_t *payload)
{
	json_t *id = json_object_get(payload, "id");

	return is_id(id) ? id : NULL;
}

bool
pz_rpc_is_batch(const json_t *payload)
{
	return json_is_array(payload);
}

size_t
pz_rpc_batch_len(const json_t *payload)
{
	return json_is_array(payload) ? json_array_size(payload) : 1;
}

json_t *
pz_rpc_batch_at(json_t *payload, size_t i)
{
	if (json_is_array(payload))
		return json_array_get(payload, i);
	return i == 0 ? payload : NULL;
}

/* jansson leaves out "id" and "params" when they are NULL (the format's asterisk). */
json_t *
pz_rpc_request(const char *id, const char *method, json_t *params_takes)
{
	return json_pack("{s:s,s:s*,s:s,s:o*}", "jsonrpc", "2.0", "id", id, "method", method,
			 "params", params_takes);
}

static json_t *
answer(json_t *id_borrowed, const char *key, json_t *value_takes)
{
	if (value_takes == NULL)
		return NULL;
	return json_pack("{s:s,s:o,s:o}", "jsonrpc", "2.0", "id",
			 id_borrowed ? json_incref(id_borrowed) : json_null(), key, value_takes);
}

json_t *
pz_rpc_result(json_t *id_borrowed, json_t *result_takes)
{
	return answer(id_borrowed, "result", result_takes ? result_takes : json_object());
}

json_t *
pz_rpc_failure(json_t *id_borrowed, json_t *error_takes)
{
	return answer(id_borrowed, "error", error_takes);
}

static bool
is_answer(const json_t *element)
{
	return pz_rpc_id(element) && !json_object_get(element, "method") &&
	       (json_object_get(element, "result") || json_object_get(element, "error"));
}

/* For answers that are too long to be sent: the caller gets an error instead of a time-out. */
json_t *
pz_rpc_instead(json_t *payload, json_t *error_takes)
{
	json_t *batch = json_array(), *instead = NULL;

	for (size_t i = 0; i < pz_rpc_batch_len(payload); i++) {
		const json_t *element = pz_rpc_batch_at(payload, i);
		if (is_answer(element))
			json_array_append_new(batch, pz_rpc_failure(pz_rpc_id(element),
								    json_incref(error_takes)));
	}
	if (json_array_size(batch) > 0)
		instead = json_incref(pz_rpc_is_batch(payload) ? batch : json_array_get(batch, 0));
	json_decref(batch);
	json_decref(error_takes);
	return instead;
}
