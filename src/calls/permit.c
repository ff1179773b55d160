/* Who may do what: the calls that come in and those that go out, as access judges them. @spec page
 * 9, 10; page 7, 8a */
#include <stdio.h>
#include <string.h>

#include "calls/internal.h"
#include "rpc/error.h"
#include "wire/json.h"

static enum pz_access_point
point_of(enum pz_permit_kind kind)
{
	switch (kind) {
	case PZ_PERMIT_FIND:
		return PZ_ACCESS_FIND;
	case PZ_PERMIT_SHOW:
		return PZ_ACCESS_SHOW;
	case PZ_PERMIT_BIND:
		return PZ_ACCESS_BIND;
	case PZ_PERMIT_INVOKE:
		return PZ_ACCESS_INVOKE;
	case PZ_PERMIT_LISTEN:
		return PZ_ACCESS_LISTEN;
	case PZ_PERMIT_MANAGE:
		break;
	}
	return PZ_ACCESS_MANAGE;
}

static enum pz_permit
permit_of(enum pz_access_verdict verdict)
{
	switch (verdict) {
	case PZ_ACCESS_PERMIT:
		return PZ_PERMIT_ALLOW;
	case PZ_ACCESS_REFUSED:
		return PZ_PERMIT_REFUSED;
	case PZ_ACCESS_ASKED:
		return PZ_PERMIT_PENDING;
	case PZ_ACCESS_DENY:
		break;
	}
	return PZ_PERMIT_DENY;
}

static void
on_judged(void *arg, uint64_t ticket, enum pz_access_verdict verdict)
{
	const struct pz_calls *calls = arg;

	pz_dispatcher_permit_result(calls->dispatcher, ticket, permit_of(verdict));
}

/* The address is verified: the router lets no other in. */
static enum pz_access_verdict
judge(struct pz_calls *calls, const char *from, struct pz_access_call *call)
{
	struct pz_access_caller caller;

	if (calls->config.access == NULL ||
	    pz_access_caller_of(calls->config.access, from, &caller) != PZ_OK)
		return PZ_ACCESS_DENY;
	return pz_access_judge(calls->config.access, &caller, call);
}

enum pz_permit
pz_permit_ask(void *arg, struct pz_permit_query *query)
{
	struct pz_calls *calls = arg;
	struct pz_access_call call = {
		.point = point_of(query->kind),
		.api = query->api,
		.service_id = query->service_id,
		.function = query->function,
		.searched = query->feature,
		.params = query->params,
		.was_asked = query->was_asked,
		.ticket = query->ticket,
		.done = query->ticket ? on_judged : NULL,
		.arg = calls,
	};

	if (query->def) {
		call.part = query->def->part;
		call.exports = query->def->exports;
	}
	enum pz_access_verdict verdict = judge(calls, query->from, &call);
	query->was_asked = call.was_asked;
	return permit_of(verdict);
}

void
pz_permit_over(void *arg, uint64_t ticket)
{
	const struct pz_calls *calls = arg;

	pz_access_cancel(calls->config.access, ticket);
}

/* The device of an address, or "". */
static void
device_of(const char *address, char out[PZ_DEVICE_BYTES_MAX + 1])
{
	struct pz_address parts;

	out[0] = '\0';
	if (address && pz_address_parse(pz_slice_str(address), &parts) == PZ_OK)
		snprintf(out, PZ_DEVICE_BYTES_MAX + 1, "%.*s", PZ_SLICE_FMT(parts.device));
}

bool
pz_permit_send(struct pz_calls *calls, const char *address, const char *api, const char *service_id,
	       const char *function)
{
	char device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_access_call call = {
		.point = PZ_ACCESS_SEND,
		.api = api,
		.service_id = service_id,
		.function = function,
		.target = device,
	};

	if (pz_address_is_within(pz_slice_str(address), pz_slice_str(calls->config.self)))
		return true;
	device_of(address, device);
	return judge(calls, calls->config.self, &call) == PZ_ACCESS_PERMIT;
}

bool
pz_permit_show(struct pz_calls *calls, const json_t *descriptor)
{
	const char *address = pz_json_str(descriptor, "serviceAddress");
	char device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_access_call call = {
		.point = PZ_ACCESS_SHOW,
		.api = pz_json_str(descriptor, "api"),
		.service_id = pz_json_str(descriptor, "id"),
		.target = device,
	};

	if (address &&
	    pz_address_is_within(pz_slice_str(address), pz_slice_str(calls->config.self)))
		return true;
	device_of(address, device);
	return judge(calls, calls->config.self, &call) == PZ_ACCESS_PERMIT;
}

json_t *
pz_permit_error(void)
{
	return pz_rpc_error(PZ_RPC_DENIED_POLICY, NULL,
			    pz_dom_error("SecurityError", "Access has been denied."));
}

void
pz_calls_recheck(struct pz_calls *calls)
{
	pz_dispatcher_recheck(calls->dispatcher);
}
