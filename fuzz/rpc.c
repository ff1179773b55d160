/*
 * Target functions: pz_rpc_parse, pz_rpc_id, pz_rpc_batch_*; pz_rpc_text_*; pz_bounce.
 * Input: byte 0: who bounces it and why; the rest: a frame's body.
 * Must hold: each element of a payload is of one kind and has what belongs to it; a bounce answers
 * every request once and nothing else, goes to the origin, and is itself a message that page 4
 * allows.
 */
#include "fuzz.h"
#include "wire/message.h"

#include "base/buf.h"
#include "route/bounce.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "rpc/text.h"
#include "wire/address.h"
#include "wire/frame.h"
#include "wire/json.h"

static const char *const selves[] = {"alice@example.org", "alice@example.org/laptop", "laptop"};
static const int codes[] = {0, PZ_RPC_UNREACHABLE, PZ_RPC_CONGESTED};

static void
check_call(const struct pz_rpc *rpc)
{
	FUZZ_CHECK(rpc->method != NULL && rpc->result == NULL && rpc->error == NULL);
	if (rpc->kind == PZ_RPC_REQUEST)
		FUZZ_CHECK(json_is_string(rpc->id) || json_is_number(rpc->id));
	else
		FUZZ_CHECK(rpc->id == NULL);
}

static void
check_answer(const struct pz_rpc *rpc)
{
	FUZZ_CHECK(rpc->method == NULL && rpc->params == NULL && rpc->id != NULL);
	FUZZ_CHECK((rpc->result == NULL) == (rpc->kind == PZ_RPC_ERROR));
	if (rpc->kind == PZ_RPC_ERROR) {
		FUZZ_CHECK(json_is_integer(json_object_get(rpc->error, "code")));
		FUZZ_CHECK(json_is_string(json_object_get(rpc->error, "message")));
	}
}

/* True: a request; *out_id is its id. */
static bool
check_element(json_t *element, json_t **out_id)
{
	struct pz_rpc rpc = {.method = "untouched"};
	int code = 4711;

	if (pz_rpc_parse(element, &rpc, &code) != PZ_OK) {
		FUZZ_CHECK(strcmp(rpc.method, "untouched") == 0);
		FUZZ_CHECK(code == 0 || code == PZ_RPC_INVALID_REQUEST);
		return false;
	}
	FUZZ_CHECK(code == 4711);
	if (rpc.kind == PZ_RPC_REQUEST || rpc.kind == PZ_RPC_NOTIFICATION)
		check_call(&rpc);
	else
		check_answer(&rpc);
	*out_id = rpc.id;
	return rpc.kind == PZ_RPC_REQUEST;
}

/* The ids of all requests, in order; a new array. */
static json_t *
read_payload(json_t *payload)
{
	json_t *ids = json_array(), *id;

	for (size_t i = 0; i < pz_rpc_batch_len(payload); i++) {
		if (check_element(pz_rpc_batch_at(payload, i), &id))
			json_array_append(ids, id);
	}
	FUZZ_CHECK(pz_rpc_batch_at(payload, pz_rpc_batch_len(payload)) == NULL);
	FUZZ_CHECK(pz_rpc_is_batch(payload) == json_is_array(payload));
	return ids;
}

/* Is every error response of this answer to the next id, or one behind it? */
static void
check_failures(const struct pz_envelope *answer, const json_t *ids, size_t *next, int code)
{
	json_t *payload = pz_json_read(answer->payload, PZ_JSON_NUL, NULL);
	struct pz_rpc rpc;
	int ignored;

	FUZZ_CHECK(payload != NULL && pz_rpc_batch_len(payload) > 0);
	for (size_t i = 0; i < pz_rpc_batch_len(payload); i++) {
		FUZZ_CHECK(pz_rpc_parse(pz_rpc_batch_at(payload, i), &rpc, &ignored) == PZ_OK);
		FUZZ_CHECK(rpc.kind == PZ_RPC_ERROR);
		FUZZ_CHECK(json_integer_value(json_object_get(rpc.error, "code")) == code);
		while (*next < json_array_size(ids) &&
		       !json_equal(rpc.id, json_array_get(ids, *next)))
			++*next;
		FUZZ_CHECK(*next < json_array_size(ids));
		++*next;
	}
	json_decref(payload);
}

/* What a bounce has to be about. */
struct bounced {
	const struct pz_envelope *envelope;
	const char *self, *origin, *destination;
	const json_t *ids; /* of the requests */
	int code;
	bool wants_receipt;
	size_t next, answered;
};

static void
check_answer_frame(struct bounced *b, struct pz_slice frame)
{
	struct pz_envelope answer;

	FUZZ_CHECK(frame.len <= PZ_FRAME_HEADER_BYTES + PZ_FRAME_BYTES_ENROL);
	FUZZ_CHECK(pz_envelope_scan(pz_frame_body(frame), &answer) == PZ_OK);
	FUZZ_CHECK(pz_slice_eq_str(answer.to, b->origin));
	FUZZ_CHECK(pz_slice_eq_str(answer.from, b->self) ||
		   pz_slice_eq_str(answer.from, b->destination));
	if (answer.type == PZ_MESSAGE_RECEIPT) {
		FUZZ_CHECK(b->wants_receipt && pz_slice_eq(answer.id, b->envelope->id));
		b->wants_receipt = false;
		return;
	}
	FUZZ_CHECK(answer.type == PZ_MESSAGE_JSONRPC && b->code != 0);
	check_failures(&answer, b->ids, &b->next, b->code);
	b->answered++;
}

static void
check_bounce(struct bounced *b)
{
	const struct pz_envelope *e = b->envelope;
	struct pz_slice frame, rest;
	struct pz_buf out;
	size_t need;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_bounce(&out, b->self, e, b->code, "badDestination");
	FUZZ_CHECK(err == PZ_OK || pz_err_category(err) == PZ_CAT_LIMIT);
	rest = pz_buf_slice(&out);
	while (rest.len > 0) {
		FUZZ_CHECK(pz_frame_cut(rest, PZ_FRAME_BYTES_MAX, &frame, &need) == PZ_OK);
		FUZZ_CHECK(frame.len > 0);
		check_answer_frame(b, frame);
		rest = pz_slice_of(rest.ptr + frame.len, rest.len - frame.len);
	}
	FUZZ_CHECK(err != PZ_OK || !b->wants_receipt);
	/* only what does not fit into a frame that everybody takes is left out */
	if (e->type == PZ_MESSAGE_JSONRPC && b->code != 0 && e->payload.len + e->to.len < 512)
		FUZZ_CHECK(b->next == json_array_size(b->ids));
	FUZZ_CHECK(e->type == PZ_MESSAGE_JSONRPC || b->answered == 0);
	pz_buf_fini(&out);
}

static void
bounce(const struct pz_envelope *e, uint8_t how, const json_t *ids)
{
	char *origin = fuzz_text(e->resp_to.len ? e->resp_to : e->from);
	char *destination = fuzz_text(e->to);
	struct bounced b = {
		.envelope = e,
		.self = selves[how % 3],
		.code = codes[how / 3 % 3],
		.origin = origin,
		.destination = destination,
		.ids = ids,
		.wants_receipt =
			e->type != PZ_MESSAGE_RECEIPT && e->delivery_receipt && e->id.len > 0,
	};

	/* An origin that a router believes is an address (page 1), so it is no longer than one. */
	if (strlen(origin) <= PZ_ADDRESS_BYTES_MAX)
		check_bounce(&b);
	free(origin);
	free(destination);
}

/* A payload with a tree: each of its requests is found in its text, too. One without: it is
 * answered unless it can only be answers and notifications, and no answer is answered. */
static void
check_text(const struct pz_envelope *e, json_t *payload, const json_t *ids)
{
	json_t *found = pz_rpc_text_ids(e->payload, PZ_RPC_TEXT_REQUEST);
	json_t *answers = pz_rpc_text_ids(e->payload, PZ_RPC_TEXT_ANSWER);
	json_t *failure =
		pz_rpc_text_failure(e->payload, pz_rpc_error(PZ_RPC_PARSE_ERROR, "", NULL));
	size_t i, at = 0;
	json_t *id;

	FUZZ_CHECK((found == NULL) == (answers == NULL));
	if (payload && found) {
		json_array_foreach ((json_t *)(uintptr_t)ids, i, id) {
			while (at < json_array_size(found) &&
			       !json_equal(id, json_array_get(found, at)))
				at++;
			FUZZ_CHECK(at++ < json_array_size(found));
		}
	}
	if (json_array_size(found) > 0)
		FUZZ_CHECK(failure != NULL);
	if (json_array_size(answers) > 0 && !pz_rpc_text_is_batch(e->payload))
		FUZZ_CHECK(failure == NULL);
	json_decref(found);
	json_decref(answers);
	json_decref(failure);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice body = pz_slice_of(data, size);
	uint8_t how = fuzz_byte(&body);
	struct pz_envelope e;
	json_t *payload, *ids;

	pz_message_seed_ids(1);
	if (pz_envelope_scan(body, &e) != PZ_OK)
		return 0;
	payload = e.payload.len ? pz_json_read(e.payload, PZ_JSON_NUL, NULL) : NULL;
	ids = read_payload(payload);
	check_text(&e, payload, ids);
	json_decref(ids);
	ids = pz_rpc_text_ids(e.payload, PZ_RPC_TEXT_REQUEST);
	if (ids)
		bounce(&e, how, ids);
	json_decref(ids);
	json_decref(payload);
	return 0;
}
