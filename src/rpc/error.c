/* The error objects of page 7: numbers and texts of JSON-RPC, and DOM error names with their legacy
 * codes, which old clients compare. */
#include "rpc/error.h"

#include <stddef.h>
#include <string.h>

static const struct {
	int code;
	const char *text;
} codes[] = {
	{PZ_RPC_PARSE_ERROR, "Parse error"},
	{PZ_RPC_INVALID_REQUEST, "Invalid Request"},
	{PZ_RPC_METHOD_NOT_FOUND, "Method not found"},
	{PZ_RPC_INVALID_PARAMS, "Invalid params"},
	{PZ_RPC_INTERNAL_ERROR, "Internal error"},
	{PZ_RPC_API_ERROR, "Method Invocation returned with error"},
	{PZ_RPC_UNREACHABLE, "unreachable"},
	{PZ_RPC_CONGESTED, "congested"},
	{PZ_RPC_TIMED_OUT, "timed out"},
	{PZ_RPC_DENIED_POLICY, "denied by policy"},
	{PZ_RPC_DENIED_PERSON, "denied by the person asked"},
};

static const struct {
	const char *name;
	int code;
} dom_codes[] = {
	{"NotFoundError", 8},       {"NotSupportedError", 9},
	{"InvalidStateError", 11},  {"InvalidModificationError", 13},
	{"InvalidAccessError", 15}, {"TypeMismatchError", 17},
	{"SecurityError", 18},      {"NetworkError", 19},
	{"AbortError", 20},         {"QuotaExceededError", 22},
	{"TimeoutError", 23},
};

/* "error" for codes of later versions. */
const char *
pz_rpc_code_text(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].code == code)
			return codes[i].text;
	}
	return "error";
}

json_t *
pz_rpc_error(int code, const char *message, json_t *data_takes)
{
	/* "o*" takes the reference even on failure, and skips NULL. */
	return json_pack("{s:i,s:s,s:o*}", "code", code, "message",
			 message ? message : pz_rpc_code_text(code), "data", data_takes);
}

/* 0 for names that came after the legacy codes. */
int
pz_dom_code(const char *name)
{
	for (size_t i = 0; i < sizeof(dom_codes) / sizeof(dom_codes[0]); i++) {
		if (strcmp(dom_codes[i].name, name) == 0)
			return dom_codes[i].code;
	}
	return 0;
}

json_t *
pz_dom_error(const char *name, const char *message)
{
	return json_pack("{s:s,s:i,s:s}", "name", name, "code", pz_dom_code(name), "message",
			 message ? message : name);
}

json_t *
pz_rpc_api_error(const char *name, const char *message)
{
	json_t *data = pz_dom_error(name, message);

	return data ? pz_rpc_error(PZ_RPC_API_ERROR, NULL, data) : NULL;
}

json_t *
pz_rpc_unreachable(const char *address)
{
	json_t *data = pz_dom_error("NetworkError", "Host is unreachable");

	if (data == NULL)
		return NULL;
	if (json_object_set_new(data, "address", json_string(address)) != 0) {
		json_decref(data);
		return NULL;
	}
	return pz_rpc_error(PZ_RPC_UNREACHABLE, NULL, data);
}
