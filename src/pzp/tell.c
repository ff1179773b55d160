/* Events for the programs that watch this node (`pzp watch`). */
#include "pzp/internal.h"

json_t *
node_event_time(const struct pz_node *node)
{
	return json_real((double)pz_env_wall_ms(node->config.env) / 1000);
}

void
node_tell(struct pz_node *node, json_t *event)
{
	if (event)
		(void)json_object_set_new(event, "time", node_event_time(node));
	commands_tell(node, event);
}
