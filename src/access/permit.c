/*
 * Connects the dispatcher with access: a query of `service` becomes a call of `access`, and the
 * verdict becomes a permit. The decision is made in access.c.
 */
#include "access/permit.h"

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

enum pz_permit
pz_access_permit_of(enum pz_access_verdict verdict)
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

/* The address is verified: the router accepts no other. */
static enum pz_access_verdict
judge(struct pz_access *access, const char *from, struct pz_access_call *call)
{
	struct pz_access_caller caller;

	if (access == NULL || pz_access_caller_of(access, from, &caller) != PZ_OK)
		return PZ_ACCESS_DENY;
	return pz_access_judge(access, &caller, call);
}

/* The dispatcher has the definition of the service, and in it the whole that it is part of: a rule
 * may name the whole. */
enum pz_permit
pz_access_permit(struct pz_access *access, struct pz_permit_query *query, pz_access_done done,
		 void *arg)
{
	struct pz_access_call call = {
		.point = point_of(query->kind),
		.api = query->api,
		.service_id = query->service_id,
		.function = query->function,
		.address = query->address,
		.searched = query->feature,
		.params = query->params,
		.was_asked = query->was_asked,
		.ticket = query->ticket,
		/* Without a ticket the caller cannot wait: then access denies instead of a prompt.
		 */
		.done = query->ticket ? done : NULL,
		.arg = arg,
	};

	if (query->def) {
		call.part = query->def->part;
		call.exports = query->def->exports;
	}
	enum pz_access_verdict verdict = judge(access, query->from, &call);
	query->was_asked = call.was_asked;
	query->is_asking = call.is_asking;
	return pz_access_permit_of(verdict);
}

bool
pz_access_allows(struct pz_access *access, enum pz_access_point point, const char *from,
		 const char *address, const char *api, const char *service_id, const char *function)
{
	struct pz_access_call call = {
		.point = point,
		.api = api,
		.service_id = service_id,
		.function = function,
		.address = address,
	};

	return judge(access, from, &call) == PZ_ACCESS_PERMIT;
}
