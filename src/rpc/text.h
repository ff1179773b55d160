/* JSON-RPC payloads as texts: what can be read of one, and answered to it, without a tree. For the
 * router, and for a payload that pz_json_read refuses. */
#ifndef PZ_RPC_TEXT_H
#define PZ_RPC_TEXT_H

#include <stdbool.h>

#include <jansson.h>

#include "base/slice.h"

enum pz_rpc_text_kind {
	PZ_RPC_TEXT_REQUEST, /* a method and an id that is one string or number */
	PZ_RPC_TEXT_ANSWER,  /* a result or an error, no method, and such an id */
};

/** True for an array: a batch. */
bool pz_rpc_text_is_batch(struct pz_slice payload);

/**
 * The ids of the elements of one kind, in order.
 * @param payload pz_envelope.payload; a batch or one element; empty is fine
 * @return a new array; NULL: a batch of more than PZ_BATCH_REQUESTS_MAX elements, or out of memory
 */
json_t *pz_rpc_text_ids(struct pz_slice payload, enum pz_rpc_text_kind kind);

/**
 * The error responses to a payload that could not be read: one for each request. What is not a
 * request, a notification or an answer gets one with the id null.
 * @param error_takes from rpc/error.h; NULL gives NULL
 * @return a new reference; NULL: nothing is to be answered, or out of memory
 * @spec page 7, 6 (-32700)
 */
json_t *pz_rpc_text_failure(struct pz_slice payload, json_t *error_takes);

#endif
