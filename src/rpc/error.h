/* JSON-RPC error objects and the DOM errors inside them. */
#ifndef PZ_RPC_ERROR_H
#define PZ_RPC_ERROR_H

#include <jansson.h>

/** @spec page 4 "JSON-RPC 2.0"; page 7, 6 */
enum pz_rpc_code {
	PZ_RPC_PARSE_ERROR = -32700,
	PZ_RPC_INVALID_REQUEST = -32600,
	PZ_RPC_METHOD_NOT_FOUND = -32601,
	PZ_RPC_INVALID_PARAMS = -32602,
	PZ_RPC_INTERNAL_ERROR = -32603,
	PZ_RPC_API_ERROR = -31000, /* an API's own error, data = DOM error */
	PZ_RPC_UNREACHABLE = -32001,
	PZ_RPC_CONGESTED = -32002,
	PZ_RPC_TIMED_OUT = -32003,
	PZ_RPC_DENIED_POLICY = -32004,
	PZ_RPC_DENIED_PERSON = -32005,
};

/** The message that goes with a code; "error" for one that is not in the list. Never NULL. */
const char *pz_rpc_code_text(int code);

/**
 * {"code","message","data"}.
 * @param message UTF-8; NULL: pz_rpc_code_text(code)
 * @param data_takes taken in every case; NULL: left out
 * @return a new reference, or NULL when memory is out or message is not UTF-8
 */
json_t *pz_rpc_error(int code, const char *message, json_t *data_takes);

/** Code of a DOM error name, 0 when it is not in the table. @spec page 7, 6 */
int pz_dom_code(const char *name);

/**
 * {"name","code","message"}: what goes into the data of an API error.
 * @param name such as "NotFoundError"; one outside the table gets code 0
 * @param message UTF-8; NULL: the name
 * @return a new reference, or NULL when memory is out or an argument is not UTF-8
 */
json_t *pz_dom_error(const char *name, const char *message);

/** An API's error: code -31000 with pz_dom_error(name, message) as data. NULL: as pz_rpc_error. */
json_t *pz_rpc_api_error(const char *name, const char *message);

/**
 * The error for a caller whose destination cannot be reached: code -32001, data {name, code,
 * message, address}.
 * @param address of the destination, UTF-8
 * @return a new reference or NULL as above
 * @spec page 4 "Routing"
 */
json_t *pz_rpc_unreachable(const char *address);

#endif
