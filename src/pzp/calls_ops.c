/* What the node does for its calls. */
#include "pzp/calls_ops.h"

#include "pzp/wipe.h"

/* From the first step of the wipe on: what is found now would be of no zone. */
static bool
on_is_leaving(void *arg)
{
	const struct pz_node *node = arg;

	return pz_wipe_is_running(node->wipe);
}

static const struct pz_calls_ops ops = {.is_leaving = on_is_leaving};

enum pz_err
pz_node_calls_new(struct pz_node *node)
{
	const struct pz_calls_config config = {
		.env = node->config.env,
		.metrics = &node->metrics,
		.registry = node->registry,
		.conditions = node->conditions,
		.requests = &node->requests,
		.zone = &node->zone,
		.access = node->access,
		.self = node->names.self,
		.device = node->names.device,
		.display_name = node->names.display_name,
		.queue_high_bytes = node->config.queue_high_bytes,
		.queue_low_bytes = node->config.queue_low_bytes,
		.timeout_us = node->config.call_timeout_us,
		.has_mdns = node->config.mdns != NULL,
		.ops = &ops,
		.arg = node,
	};

	return pz_calls_new(&config, &node->calls);
}
