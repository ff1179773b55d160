#include "route/bounce.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/limits.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "wire/address.h"
#include "wire/json.h"
#include "wire/message.h"

/* An error is longer than many a request: the answer to a long batch is split, so that nobody
 * closes a link because we answered with too long a frame. */
#define ANSWERS_PER_FRAME 64
/* The smallest limits.frame that a node can be given, less the envelope. */
#define ANSWER_BYTES_MAX (PZ_FRAME_BYTES_ENROL - 4 * PZ_ADDRESS_BYTES_MAX)

/* The error response to one element of a payload; NULL when it wants none (or memory is out). */
static json_t *
failure_for(json_t *element, int rpc_code, const char *destination)
{
	struct pz_rpc rpc;
	int ignored;

	if (pz_rpc_parse(element, &rpc, &ignored) != PZ_OK || rpc.kind != PZ_RPC_REQUEST)
		return NULL;
	json_t *error = rpc_code == PZ_RPC_UNREACHABLE ? pz_rpc_unreachable(destination)
						       : pz_rpc_error(rpc_code, NULL, NULL);
	return pz_rpc_failure(rpc.id, error);
}

/* As many requests of a batch as fit into one answer, from element *at on; NULL: no more. */
static json_t *
failures(json_t *payload, size_t *at, int rpc_code, const char *destination)
{
	if (!pz_rpc_is_batch(payload))
		return (*at)++ == 0 ? failure_for(payload, rpc_code, destination) : NULL;
	if (pz_rpc_batch_len(payload) > PZ_BATCH_REQUESTS_MAX)
		return (*at)++ == 0 ? pz_rpc_failure(NULL, pz_rpc_error(PZ_RPC_INVALID_REQUEST,
									"too many requests", NULL))
				    : NULL;
	json_t *batch = json_array();
	while (*at < pz_rpc_batch_len(payload) && json_array_size(batch) < ANSWERS_PER_FRAME) {
		json_t *one = failure_for(pz_rpc_batch_at(payload, (*at)++), rpc_code, destination);
		if (one)
			json_array_append_new(batch, one);
	}
	if (json_array_size(batch) == 0) {
		json_decref(batch);
		return NULL;
	}
	return batch;
}

/* In whose name the answer goes out: the destination's where we may speak for it, else our own. */
static const char *
speaker(const char *self, const char *destination)
{
	struct pz_address own, dest;

	if (pz_address_parse(pz_slice_str(self), &own) != PZ_OK ||
	    pz_address_parse(pz_slice_str(destination), &dest) != PZ_OK ||
	    !pz_slice_eq(own.zone, dest.zone))
		return self;
	return destination;
}

static enum pz_err
bounce_rpc(struct pz_buf *out, const char *self, const struct pz_envelope *envelope,
	   const char *origin, const char *destination, int rpc_code)
{
	json_t *payload = pz_json_parse(envelope->payload, NULL), *answer;
	enum pz_err err = PZ_OK;
	size_t at = 0;

	while (err == PZ_OK && (answer = failures(payload, &at, rpc_code, destination)) != NULL) {
		/* Only absurdly long ids make it that long; every node takes frames of this size.
		 */
		if (json_dumpb(answer, NULL, 0, JSON_COMPACT) <= ANSWER_BYTES_MAX)
			err = pz_message_rpc(out, speaker(self, destination), origin, answer);
		json_decref(answer);
	}
	json_decref(payload);
	return err;
}

enum pz_err
pz_bounce(struct pz_buf *out, const char *self, const struct pz_envelope *envelope, int rpc_code,
	  const char *verdict)
{
	PZ_AUTO_FREE char *destination = pz_slice_dup(envelope->to);
	PZ_AUTO_FREE char *origin =
		pz_slice_dup(envelope->resp_to.len ? envelope->resp_to : envelope->from);

	if (destination == NULL || origin == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	if (envelope->type == PZ_MESSAGE_RECEIPT)
		return PZ_OK;
	enum pz_err receipt_err = PZ_OK, rpc_err = PZ_OK;
	if (envelope->delivery_receipt && envelope->id.len)
		receipt_err = pz_message_receipt(out, self, origin, envelope->id, verdict);
	/* An id too long for a receipt is no reason to let the caller wait. */
	if (envelope->type == PZ_MESSAGE_JSONRPC && rpc_code != 0 && envelope->payload.len)
		rpc_err = bounce_rpc(out, self, envelope, origin, destination, rpc_code);
	return rpc_err != PZ_OK ? rpc_err : receipt_err;
}
