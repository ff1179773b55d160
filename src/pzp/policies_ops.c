#include "pzp/policies_ops.h"

static void
on_changed(void *arg, unsigned slots)
{
	struct pz_node *node = arg;

	pz_access_changed(node->access);
	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++)
		if (slots & 1U << i)
			pz_watch_event(
				&node->requests,
				json_pack("{s:s, s:s, s:I}", "event", "policy", "slot",
					  pz_policy_slot_name((enum pz_policy_slot)i), "sequence",
					  (json_int_t)pz_policies_slot(node->policies,
								       (enum pz_policy_slot)i)
						  .version.sequence));
	if (slots & 1U << PZ_POLICY_SLOT_USER)
		pz_policies_hub_changed(&node->policies_hub);
}

static bool
on_is_hub_up(void *arg)
{
	const struct pz_node *node = arg;

	return pz_uplink_is_up(node->uplink);
}

static void
on_send(void *arg, const char *status, json_t *message)
{
	struct pz_node *node = arg;

	pz_uplink_send_prop(node->uplink, status, message);
}

static json_t *
on_compare(void *arg, const struct pz_policy_slots *slots)
{
	const struct pz_node *node = arg;

	return pz_access_compare(node->access, slots);
}

enum pz_err
pz_node_policies_new(struct pz_node *node, struct pz_errinfo *info)
{
	node->policies_hub = (struct pz_policies_hub){
		.requests = &node->requests,
		.is_up = on_is_hub_up,
		.send = on_send,
		.arg = node,
	};
	const struct pz_policies_config config = {
		.env = node->config.env,
		.store = node->config.store,
		.conditions = node->conditions,
		.changed = on_changed,
		.compare = on_compare,
		.arg = node,
		.self = node->names.self,
		.hub = &node->policies_hub,
	};

	PZ_TRY(pz_policies_new(&config, &node->policies, info));
	return pz_policies_load(node->policies, info);
}

void
pz_node_policies_follow(struct pz_node *node)
{
	const struct pz_knowledge *knowledge = node->zone.knowledge;
	struct pz_policy_record record;

	if (knowledge && pz_knowledge_is_policy_unreadable(knowledge))
		pz_policies_set_user_unreadable(
			node->policies, "what is stored of it is damaged; the hub sends it again");
	else if (knowledge && pz_knowledge_policy(knowledge, &record))
		pz_policies_set_user(node->policies, &record);
	else
		pz_policies_set_user(node->policies, NULL);
}

static struct pz_policies *
policies_of(const struct pz_request *request)
{
	return ((const struct pz_node *)request->self)->policies;
}

void
pz_node_policy_list_command(struct pz_request *request)
{
	pz_policies_list_command(policies_of(request), request);
}

void
pz_node_policy_show_command(struct pz_request *request)
{
	pz_policies_show_command(policies_of(request), request);
}

void
pz_node_policy_set_command(struct pz_request *request)
{
	pz_policies_set_command(policies_of(request), request);
}

void
pz_node_policy_compare_command(struct pz_request *request)
{
	pz_policies_compare_command(policies_of(request), request);
}
