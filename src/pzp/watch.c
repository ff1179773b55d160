/* The command `watch`, and the events for the programs that it serves. */
#include "pzp/internal.h"

static const struct pz_request_kind watch_kind = {0};

json_t *
pz_watch_time(const struct pz_node *node)
{
	return json_real((double)pz_env_wall_ms(node->config.env) / 1000);
}

void
pz_watch_command(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	if (pz_request_begin(request, &watch_kind))
		pz_request_event(request,
				 json_pack("{s:s, s:s, s:s, s:o}", "event", "watching", "state",
					   pz_state_text(pz_uplink_state(node->uplink)), "reason",
					   pz_uplink_machine(node->uplink)->reason, "time",
					   pz_watch_time(node)));
}

bool
pz_watch_has_any(const struct pz_node *node)
{
	return pz_requests_next(&node->requests, &watch_kind, NULL) != NULL;
}

void
pz_watch_event(struct pz_node *node, json_t *event)
{
	if (event)
		(void)json_object_set_new(event, "time", pz_watch_time(node));
	PZ_REQUEST_EACH (&node->requests, &watch_kind, request)
		pz_request_event(request, json_incref(event));
	json_decref(event);
}
