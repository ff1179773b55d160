#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_API "http://webinos.org/api/test"
#define QUIET_AFTER_US (10 * SIM_S)
#define QUIET_EVENTS 1000 /* keep-alives of a few links */

struct sim_node *
zone_make(struct world *world)
{
	struct sim_node *hub = world_add_hub(world, "hub.example");

	sim_start(hub);
	json_decref(sim_do(hub, "init",
			   json_pack("{s:s, s:s}", "zone", SIM_ZONE, "host", "hub.example"),
			   10 * SIM_S));
	return hub;
}

char *
zone_token(struct sim_node *hub)
{
	json_t *result = sim_do(hub, "token", json_object(), 10 * SIM_S);
	const char *link = json_string_value(json_object_get(result, "link"));

	sim_check(hub->world, link != NULL, "token without a link");
	char *copy = strdup(link);
	json_decref(result);
	return copy;
}

void
zone_enrol(struct sim_node *hub, struct sim_node *device)
{
	char *link = zone_token(hub);

	json_decref(sim_do(device, "enrol", json_pack("{s:s}", "link", link), SIM_MINUTE));
	free(link);
}

static bool
is_connected(struct world *world, void *arg)
{
	(void)world;
	return sim_is_connected(arg);
}

struct sim_node *
zone_add(struct sim_node *hub, const char *name)
{
	struct sim_node *device = world_add_device(hub->world, name);

	device->keepalive_us = hub->keepalive_us;
	sim_start(device);
	zone_enrol(hub, device);
	sim_check(hub->world, world_run_until(hub->world, SIM_MINUTE, is_connected, device),
		  "%s does not connect after its enrolment", name);
	return device;
}

struct sim_call *
zone_call(struct sim_node *from, const char *to, const char *text)
{
	char service[128];

	snprintf(service, sizeof(service), TEST_API "@%s", to);
	return sim_command(from, "call",
			   json_pack("{s:s, s:s, s:[s]}", "service", service, "function", "get42",
				     "params", text));
}

bool
zone_is_answered(const struct sim_call *call, const char *text)
{
	const char *answer = json_string_value(json_object_get(call->result, "result"));

	return answer && strncmp(answer, "42 ", 3) == 0 && strcmp(answer + 3, text) == 0;
}

int
zone_error_code(const struct sim_call *call)
{
	json_t *error = json_object_get(call->result, "error");

	return (int)json_integer_value(json_object_get(error, "code"));
}

static bool
are_all_connected(struct world *world, void *arg)
{
	const struct sim_node *hub = arg;
	size_t devices = 0;

	for (size_t i = 0; i < world->count; i++) {
		const struct sim_node *node = world->nodes[i];
		if (node->node == NULL)
			continue;
		devices++;
		if (!sim_is_connected(node))
			return false;
	}
	return sim_hub_links(hub) == devices;
}

bool
zone_await_all(struct sim_node *hub, uint64_t duration_us)
{
	return world_run_until(hub->world, duration_us, are_all_connected, hub);
}

void
zone_check_quiet(struct world *world)
{
	world_run(world, QUIET_AFTER_US);
	uint64_t before = world->events;
	world_run(world, 20 * SIM_S);
	sim_check(world, world->events - before <= QUIET_EVENTS,
		  "%llu events within 20 s in which nothing happens",
		  (unsigned long long)(world->events - before));
}

void
zone_check_calls(struct world *world)
{
	world_run(world, 2 * SIM_S); /* until the services of who came last are known */
	for (size_t i = 0; i < world->count; i++)
		for (size_t k = 0; k < world->count; k++) {
			struct sim_node *from = world->nodes[i], *to = world->nodes[k];
			char text[64];
			if (from->node == NULL || to->node == NULL || from == to)
				continue;
			snprintf(text, sizeof(text), "%zu to %zu", i, k);
			struct sim_call *call = zone_call(from, to->name, text);
			sim_await(call, SIM_MINUTE);
			sim_check(world, call->is_done && zone_is_answered(call, text),
				  "%s cannot call %s: error %d %s", from->name, to->name,
				  zone_error_code(call), call->detail);
			sim_call_free(call);
		}
}
