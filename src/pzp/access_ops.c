/* What access asks of the node, and the command that explains a decision. */
#include "pzp/access_ops.h"

#include "base/auto.h"
#include "calls/devices.h"
#include "pzp/audit_ops.h"
#include "pzp/prompt_ops.h"

static void
on_names(void *arg, struct pz_access_names *out)
{
	const struct pz_node *node = arg;

	out->zone = node->zone.membership ? node->zone.membership->zone : NULL;
	out->device = node->names.device;
}

static const struct pz_policy_slots *
on_slots(void *arg)
{
	const struct pz_node *node = arg;

	return node->policies ? pz_policies_slots(node->policies) : NULL;
}

/* A device whose link was let in is one of the zone, also when the zone's data does not name it
 * yet; one that was revoked is not, whatever is still on its way from it. */
static bool
on_is_own_device(void *arg, struct pz_slice device)
{
	const struct pz_node *node = arg;
	PZ_AUTO_FREE char *name = pz_slice_dup(device);

	return name && pz_devices_has(node->calls, name);
}

static void
on_recheck(void *arg)
{
	const struct pz_node *node = arg;

	pz_calls_recheck(node->calls);
}

static const struct pz_access_ops ops = {
	.names = on_names,
	.slots = on_slots,
	.is_own_device = on_is_own_device,
	.record = pz_node_audit_record,
	.ask = pz_node_prompts_ask,
	.withdraw = pz_node_prompts_withdraw,
	.recheck = on_recheck,
};

enum pz_err
pz_node_access_new(struct pz_node *node)
{
	return pz_access_new(node->config.env, &ops, node, &node->access);
}

void
pz_node_why_command(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	int64_t id = pz_request_int(request, "id", 0);

	if (json_is_true(json_object_get(request->params, "all"))) {
		pz_request_answer(request, pz_access_decisions(node->access));
		return;
	}
	json_t *why = pz_access_why(node->access, (uint64_t)id);
	if (why)
		pz_request_answer(request, why);
	else if (id)
		pz_request_fail(
			request, PZ_ERR_NOTFOUND,
			"no such decision is kept; `pzp policy why --all` lists the last ones");
	else
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				"nothing was decided since this daemon started");
}
