/* Commands to simulated daemons: each ends exactly once, or never if its daemon stops. */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct sim_call *call = arg;

	if (call->is_lost)
		return;
	sim_check(call->node->world, ++call->ends == 1, "%s: a command has ended %u times",
		  call->node->name, call->ends);
	sim_check(call->node->world, (err == PZ_OK) == (result != NULL),
		  "%s: a command ended without a result or an error", call->node->name);
	call->is_done = true;
	call->err = err;
	call->result = json_incref(result);
	call->running = NULL;
	call->ended_us = call->node->world->now_us;
	snprintf(call->detail, sizeof(call->detail), "%s", detail);
}

static void
on_event(void *arg, json_t *event)
{
	struct sim_call *call = arg;

	if (call->is_lost)
		return;
	sim_check(call->node->world, !call->is_done, "%s: an event after the end of its command",
		  call->node->name);
	call->events++;
	if (call->on_event)
		call->on_event(call, event);
}

static const struct pz_reply reply = {.done = on_done, .event = on_event};

static struct sim_call *
begin(struct sim_node *node, const char *name, json_t *params, struct pz_file *takes_file,
      void (*handle)(struct sim_call *call, json_t *event), void *arg)
{
	struct sim_call *call = calloc(1, sizeof(*call));

	sim_check(node->world, node->is_running, "scenario: %s does not run", node->name);
	if (call == NULL)
		abort();
	call->node = node;
	call->on_event = handle;
	call->arg = arg;
	call->params = params;
	call->started_us = node->world->now_us;
	pz_list_append(&node->world->calls, &call->list);
	harness_current(node->name);
	if (node->is_hub) {
		call->running = pz_pzh_command(node->hub, name, params, takes_file, &reply, call);
	} else {
		call->running = pz_node_command(node->node, name, params, &reply, call);
	}
	sim_check(node->world, call->running && !call->is_done,
		  "%s: %s has ended inside the call that began it", node->name, name);
	pz_turn_end(&node->turn);
	harness_current(NULL);
	return call;
}

struct sim_call *
sim_command_events(struct sim_node *node, const char *name, json_t *params,
		   void (*handle)(struct sim_call *call, json_t *event), void *arg)
{
	return begin(node, name, params, NULL, handle, arg);
}

struct sim_call *
sim_command_file(struct sim_node *hub, const char *name, json_t *params, struct pz_file *takes_file)
{
	return begin(hub, name, params, takes_file, NULL, NULL);
}

struct sim_call *
sim_command(struct sim_node *node, const char *name, json_t *params)
{
	return sim_command_events(node, name, params, NULL, NULL);
}

static bool
is_over(struct world *world, void *arg)
{
	const struct sim_call *call = arg;

	(void)world;
	return call->is_done || call->is_lost;
}

bool
sim_await(struct sim_call *call, uint64_t duration_us)
{
	world_run_until(call->node->world, duration_us, is_over, call);
	return call->is_done;
}

void
sim_call_free(struct sim_call *call)
{
	if (call == NULL)
		return;
	if (!call->is_done && !call->is_lost && call->running)
		pz_request_cancel(call->running);
	pz_list_remove(&call->list);
	json_decref(call->result);
	json_decref(call->params);
	free(call);
}

json_t *
sim_do(struct sim_node *node, const char *name, json_t *params, uint64_t duration_us)
{
	struct sim_call *call = sim_command(node, name, params);

	sim_await(call, duration_us);
	sim_check(node->world, call->is_done, "%s: %s did not end within %.0f s", node->name, name,
		  (double)duration_us / (double)SIM_S);
	sim_check(node->world, call->err == PZ_OK, "%s: %s failed: %s: %s", node->name, name,
		  pz_err_text(call->err), call->detail);
	json_t *result = json_incref(call->result);
	sim_call_free(call);
	return result;
}
