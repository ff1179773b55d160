/* What the node does for its upkeep. */
#include "pzp/upkeep_ops.h"

#include "pzp/membership.h"
#include "pzp/wipe.h"

static bool
on_is_leaving(void *arg)
{
	const struct pz_node *node = arg;

	return pz_wipe_is_running(node->wipe);
}

static enum pz_err
on_renewed(void *arg, struct pz_membership *takes_fresh, struct pz_errinfo *info)
{
	struct pz_node *node = arg;

	PZ_TRY(pz_node_set_membership(node, takes_fresh, info));
	pz_node_sweep_keys(node); /* the key of the former certificate is not used any more */
	return PZ_OK;
}

static void
on_clock_was_set(void *arg)
{
	struct pz_node *node = arg;

	pz_uplink_network_changed(node->uplink);
	pz_peers_network_changed(node->peers);
}

static const struct pz_upkeep_ops ops = {
	.is_leaving = on_is_leaving,
	.renewed = on_renewed,
	.clock_was_set = on_clock_was_set,
};

struct pz_upkeep *
pz_node_upkeep_new(struct pz_node *node)
{
	const struct pz_upkeep_config config = {
		.env = node->config.env,
		.store = node->config.store,
		.keys = node->config.keys,
		.conditions = node->conditions,
		.zone = &node->zone,
		.self = node->names.self,
		.ops = &ops,
		.arg = node,
	};

	return pz_upkeep_new(&config);
}
