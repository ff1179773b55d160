#include "pzp/audit_ops.h"

#include "access/access.h"
#include "audit/audit.h"

enum pz_err
pz_node_audit_new(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_audit_config config = {
		.env = node->config.env,
		.store = node->config.store,
		.conditions = node->conditions,
	};

	return pz_audit_new(&config, &node->audit, info);
}

static const char *
point_text(enum pz_access_point point)
{
	switch (point) {
	case PZ_ACCESS_SEND:
		return "send";
	case PZ_ACCESS_ENTER:
		return "enter";
	case PZ_ACCESS_LEAVE:
		return "leave";
	case PZ_ACCESS_INVOKE:
		return "call";
	case PZ_ACCESS_BIND:
		return "bind";
	case PZ_ACCESS_LISTEN:
		return "stream";
	case PZ_ACCESS_FIND:
		return "find";
	case PZ_ACCESS_SHOW:
		return "show";
	case PZ_ACCESS_MANAGE:
		return "manage";
	}
	return NULL;
}

void
pz_node_audit_record(void *arg, const struct pz_access_entry *entry)
{
	const struct pz_node *node = arg;
	const struct pz_audit_entry record = {
		.time_ms = entry->time_ms,
		.is_allowed = entry->verdict == PZ_ACCESS_PERMIT,
		.decision = entry->fault ? NULL : entry->decision,
		.user_id = entry->caller->user_id,
		.device = entry->caller->device,
		.app = entry->caller->app,
		.point = point_text(entry->point),
		.feature = entry->feature,
		.service_id = entry->service_id,
		.method = entry->function,
		.target = entry->target,
		.was_asked = entry->was_asked,
		.fault = entry->fault,
	};

	pz_audit_record(node->audit, &record);
}

static struct pz_audit *
audit_of(const struct pz_request *request)
{
	return ((const struct pz_node *)request->self)->audit;
}

void
pz_node_audit_command(struct pz_request *request)
{
	pz_audit_command(audit_of(request), request);
}

void
pz_node_audit_verify_command(struct pz_request *request)
{
	pz_audit_verify_command(audit_of(request), request);
}
