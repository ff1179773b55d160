/* JSON-RPC 2.0 elements: reading and building. */
#ifndef PZ_RPC_PAYLOAD_H
#define PZ_RPC_PAYLOAD_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"

enum pz_rpc_kind {
	PZ_RPC_REQUEST,
	PZ_RPC_NOTIFICATION,
	PZ_RPC_RESULT,
	PZ_RPC_ERROR,
};

/** One element, borrowed from the payload's tree. What a kind does not have is NULL. */
struct pz_rpc {
	enum pz_rpc_kind kind;
	json_t *id;         /* REQUEST: string or number; RESULT, ERROR: also null */
	json_t *params;     /* REQUEST, NOTIFICATION: any value; NULL when absent or null */
	json_t *result;     /* RESULT: any value, also null */
	json_t *error;      /* ERROR: object with integer code and string message */
	const char *method; /* REQUEST, NOTIFICATION */
};

/**
 * Reads one element. Params may be any value: old clients send bare strings and numbers. A request
 * with id null is a notification.
 * @param payload one element, not a batch
 * @param out untouched on failure
 * @param out_code written on failure only: the JSON-RPC code to answer with (the id to answer is
 * pz_rpc_id), or 0 when it looks like a response and so must not be answered
 * Errors: PROTO_MEMBER.
 * @spec JSON-RPC 2.0; page 7, 5 and 6
 */
enum pz_err pz_rpc_parse(json_t *payload, struct pz_rpc *out, int *out_code) PZ_MUST_USE;

/** The element's id when it is a string or number, else NULL; borrowed. Safe with any value. */
json_t *pz_rpc_id(const json_t *payload);

/** True for an array: the elements are handled one by one, an empty one is an invalid request. */
bool pz_rpc_is_batch(const json_t *payload);
/** Elements of a batch; 1 for anything else. */
size_t pz_rpc_batch_len(const json_t *payload);
/** The i-th element of a batch, or the payload itself for i = 0; borrowed; NULL past the end. */
json_t *pz_rpc_batch_at(json_t *payload, size_t i);

/*
 * Builders. What says "takes" is taken in every case, also on failure; NULL means out of memory, a
 * missing taken value, or text that is not UTF-8.
 */

/** @param id NULL: a notification. @param params_takes NULL: left out. */
json_t *pz_rpc_request(const char *id, const char *method, json_t *params_takes);
/** @param id_borrowed NULL: null. @param result_takes NULL: {} (page 7, 6 "No result"). */
json_t *pz_rpc_result(json_t *id_borrowed, json_t *result_takes);
/** @param id_borrowed NULL: null. @param error_takes from rpc/error.h; NULL gives NULL. */
json_t *pz_rpc_failure(json_t *id_borrowed, json_t *error_takes);

/**
 * What goes out in place of an answer that cannot be sent: the error, for each element that has a
 * result or an error and an id.
 * @param payload one element or a batch, borrowed
 * @param error_takes NULL gives NULL
 * @return new; NULL: it is no answer, or out of memory
 */
json_t *pz_rpc_instead(json_t *payload, json_t *error_takes);

#endif
