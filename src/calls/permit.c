/* Incoming and outgoing calls, as access judges them. @spec page 9, 10; page 7, 8a */
#include "access/permit.h"

#include "base/auto.h"
#include "calls/internal.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "wire/json.h"

static void
on_judged(void *arg, uint64_t ticket, enum pz_access_verdict verdict, bool was_asked)
{
	const struct pz_calls *calls = arg;

	pz_dispatcher_permit_result(calls->dispatcher, ticket, pz_access_permit_of(verdict),
				    was_asked);
}

enum pz_permit
pz_permit_ask(void *arg, struct pz_permit_query *query)
{
	struct pz_calls *calls = arg;

	return pz_access_permit(calls->config.access, query, on_judged, calls);
}

void
pz_permit_over(void *arg, uint64_t ticket)
{
	const struct pz_calls *calls = arg;

	pz_access_cancel(calls->config.access, ticket);
}

static bool
is_here(const struct pz_calls *calls, const char *address)
{
	return pz_address_is_within(pz_slice_str(address), pz_slice_str(calls->config.self));
}

bool
pz_calls_may_send(struct pz_calls *calls, const char *from, const char *to, struct pz_slice text)
{
	struct pz_method method;

	/* On the way out only functions of services are judged (page 9, E1). */
	if (pz_method_parse(text, &method) != PZ_OK || method.kind != PZ_METHOD_SERVICE)
		return true;
	PZ_AUTO_FREE char *api = pz_slice_dup(method.api);
	PZ_AUTO_FREE char *id = pz_slice_dup(method.id);
	PZ_AUTO_FREE char *function = pz_slice_dup(method.function);
	return api && id && function &&
	       pz_access_allows(calls->config.access, PZ_ACCESS_SEND, from, to, api, id, function);
}

bool
pz_permit_send(struct pz_calls *calls, const char *address, const char *api, const char *service_id,
	       const char *function)
{
	return is_here(calls, address) ||
	       pz_access_allows(calls->config.access, PZ_ACCESS_SEND, calls->config.self, address,
				api, service_id, function);
}

bool
pz_permit_show(struct pz_calls *calls, const json_t *descriptor)
{
	const char *address = pz_json_str(descriptor, "serviceAddress");

	return is_here(calls, address) ||
	       pz_access_allows(calls->config.access, PZ_ACCESS_SHOW, calls->config.self, address,
				pz_json_str(descriptor, "api"), pz_json_str(descriptor, "id"),
				NULL);
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

void
pz_calls_taken_back(struct pz_calls *calls,
		    bool (*is_of)(void *arg, const char *from, const char *api), void *arg)
{
	pz_dispatcher_taken_back(calls->dispatcher, is_of, arg);
}
