/*
 * Answers messages that cannot be delivered: an error for each request, a receipt if the sender
 * requested one. router.c decides when a message bounces, and drops an answer that bounces itself.
 */
#include "route/bounce.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/auto.h"
#include "base/limits.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "rpc/text.h"
#include "wire/address.h"
#include "wire/message.h"

/* An error may be longer than its request: the answer to a long batch is split, so that no frame of
 * ours exceeds the limit of the origin's link. */
#define ANSWERS_PER_FRAME 64
/* The smallest limits.frame that a node can be given, less the envelope. */
#define ANSWER_BYTES_MAX (PZ_FRAME_BYTES_ENROL - 4 * PZ_ADDRESS_BYTES_MAX)

static json_t *
error_of(int rpc_code, const char *destination)
{
	if (rpc_code == PZ_RPC_UNREACHABLE)
		return pz_rpc_unreachable(destination);
	if (rpc_code == PZ_RPC_DENIED_POLICY) /* and nothing about the rule (page 9, 10) */
		return pz_rpc_error(rpc_code, NULL,
				    pz_dom_error("SecurityError", "Access has been denied."));
	return pz_rpc_error(rpc_code, NULL, NULL);
}

/* Error responses to as many of these requests as fit into one answer, from *at on; NULL: none is
 * left.
 * @param error borrowed */
static json_t *
failures(const json_t *ids, size_t *at, bool is_batch, json_t *error)
{
	json_t *batch;

	if (*at >= json_array_size(ids))
		return NULL;
	if (!is_batch)
		return pz_rpc_failure(json_array_get(ids, (*at)++), json_incref(error));
	batch = json_array();
	while (*at < json_array_size(ids) && json_array_size(batch) < ANSWERS_PER_FRAME) {
		json_t *id = json_array_get(ids, (*at)++);
		json_array_append_new(batch, pz_rpc_failure(id, json_incref(error)));
	}
	return batch;
}

static bool
is_in_zone_of(const char *self, const char *address)
{
	struct pz_address own, other;

	return pz_address_parse(pz_slice_str(self), &own) == PZ_OK &&
	       pz_address_parse(pz_slice_str(address), &other) == PZ_OK &&
	       pz_slice_eq(own.zone, other.zone);
}

/* The sender of the answer. It is the destination if we may speak for it: within our zone always;
 * towards other zones for our own devices or apps, whose messages they get from us. Otherwise it is
 * ourselves. */
static const char *
speaker(const char *self, const char *destination, const char *origin)
{
	return is_in_zone_of(self, destination) ||
			       pz_address_is_within(pz_slice_str(origin), pz_slice_str(self))
		       ? destination
		       : self;
}

/* Sends one answer. Takes it. */
static enum pz_err
send_failure(struct pz_buf *out, const char *from, const char *to, json_t *answer_takes)
{
	enum pz_err err = PZ_OK;

	/* Only absurdly long ids make it so long; every node accepts frames of this size. */
	if (json_dumpb(answer_takes, NULL, 0, JSON_COMPACT) <= ANSWER_BYTES_MAX)
		err = pz_message_rpc(out, from, to, answer_takes);
	json_decref(answer_takes);
	return err;
}

/* An error for each element of one kind. The payload is scanned as text: a tree parser may refuse
 * what the scanner has accepted, but the caller still waits for an answer.
 * @param error taken */
static enum pz_err
bounce_rpc(struct pz_buf *out, const char *from, const char *to, struct pz_slice payload,
	   enum pz_rpc_text_kind kind, json_t *error)
{
	json_t *ids = pz_rpc_text_ids(payload, kind), *answer;
	bool is_batch = pz_rpc_text_is_batch(payload);
	enum pz_err err = PZ_OK;
	size_t at = 0;

	if (ids == NULL && kind == PZ_RPC_TEXT_REQUEST)
		err = send_failure(out, from, to,
				   pz_rpc_failure(NULL, pz_rpc_error(PZ_RPC_INVALID_REQUEST,
								     "too many requests", NULL)));
	while (err == PZ_OK && (answer = failures(ids, &at, is_batch, error)) != NULL)
		err = send_failure(out, from, to, answer);
	json_decref(error);
	json_decref(ids);
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
	/* Receipts for receipts would continue for ever. */
	if (envelope->type == PZ_MESSAGE_RECEIPT)
		return PZ_OK;
	enum pz_err receipt_err = PZ_OK, rpc_err = PZ_OK;
	if (envelope->delivery_receipt && envelope->id.len)
		receipt_err = pz_message_receipt(out, self, origin, envelope->id, verdict);
	/* If the id is too long for a receipt, the caller still gets its error. */
	if (envelope->type == PZ_MESSAGE_JSONRPC && rpc_code != 0 && envelope->payload.len)
		rpc_err = bounce_rpc(out, speaker(self, destination, origin), origin,
				     envelope->payload, PZ_RPC_TEXT_REQUEST,
				     error_of(rpc_code, destination));
	return rpc_err != PZ_OK ? rpc_err : receipt_err;
}

/* A frame that the next link does not accept: both ends get an error, otherwise the sender's
 * requests and the receiver's calls would wait until they time out. */
enum pz_err
pz_bounce_too_large(struct pz_buf *out, const char *self, const struct pz_envelope *envelope,
		    size_t bytes, size_t bytes_max)
{
	PZ_AUTO_FREE char *destination = pz_slice_dup(envelope->to);
	PZ_AUTO_FREE char *origin = pz_slice_dup(envelope->from);
	char text[PZ_ADDRESS_BYTES_MAX + 128];

	if (destination == NULL || origin == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	(void)snprintf(text, sizeof(text),
		       "too large: %zu bytes, on the way to %s at most %zu are taken", bytes,
		       destination, bytes_max);
	enum pz_err err = pz_bounce(out, self, envelope, 0, "refused");
	if (err != PZ_OK || envelope->type != PZ_MESSAGE_JSONRPC || envelope->payload.len == 0)
		return err;
	PZ_TRY(bounce_rpc(
		out, speaker(self, origin, destination), destination, envelope->payload,
		PZ_RPC_TEXT_ANSWER,
		pz_rpc_error(PZ_RPC_INTERNAL_ERROR, text, pz_dom_error("DataError", text))));
	free(origin);
	origin = pz_slice_dup(envelope->resp_to.len ? envelope->resp_to : envelope->from);
	return origin ? bounce_rpc(out, speaker(self, destination, origin), origin,
				   envelope->payload, PZ_RPC_TEXT_REQUEST,
				   pz_rpc_error(PZ_RPC_INVALID_REQUEST, text,
						pz_dom_error("DataError", text)))
		      : PZ_ERR_LIMIT_MEMORY;
}
