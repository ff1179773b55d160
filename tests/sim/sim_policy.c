/*
 * Page 9, 10 and 13: random policies, changes at the hub and at devices, partitions, crashes, and a
 * hub that is restored from an old backup. At any time: no request is executed on a device whose
 * newest policy denies it, and no device goes back to an older policy. At the end: all have the
 * same policy, which is not older than any that they have had, and it is applied.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "inspect.h"
#include "policies/record.h"
#include "probe.h"
#include "pzp/internal.h"
#include "wire/address.h"
#include "zone.h"
#include "zone/policy.h"

#define API PROBE_API
#define DEVICES 3
#define CALLS_MAX 256
#define WHOLE_AGAIN_US (170 * SIM_S)

struct scene {
	struct world *world;
	struct sim_node *hub, *device[DEVICES];
	struct pz_memory_disk *backup; /* of the hub; NULL: none yet */
	uint64_t sequence[DEVICES];    /* that the device had when it was last looked at */
	uint64_t highest;              /* that any device has had */
	struct sim_call *calls[CALLS_MAX];
	size_t count, executed, changes;
};

/* ---- what the policy says, read without the engine ---- */

/* False: the node has none. */
static bool
policy_of(const struct sim_node *node, struct pz_policy_record *out)
{
	struct pz_sync_item *item = inspect(node)->held(node, PZ_SYNC_POLICIES);
	const struct pz_sync_chunk *chunk =
		item ? pz_sync_item_get(item, PZ_ZONE_POLICY_KEY) : NULL;

	return chunk && pz_policy_record_parse(pz_slice_of(chunk->value, chunk->value_len), out,
					       NULL) == PZ_OK;
}

/* Each rule that denies names both ends in its id. */
static bool
is_denied(const struct sim_node *host, const char *caller)
{
	struct pz_policy_record record;
	char id[80];

	snprintf(id, sizeof(id), "id=\"deny:%s:%s\"", caller, host->name);
	return policy_of(host, &record) &&
	       memmem(record.document.ptr, record.document.len, id, strlen(id)) != NULL;
}

static void
write_policy(struct scene *s, char *out, size_t size)
{
	size_t len = (size_t)snprintf(out, size, "<policy combine=\"first-applicable\">\n");

	for (size_t from = 0; from < DEVICES; from++)
		for (size_t to = 0; to < DEVICES; to++)
			if (rng_chance(&s->world->rng, 40))
				len += (size_t)snprintf(
					out + len, size - len,
					"<rule effect=\"deny\" id=\"deny:%s:%s\"><condition>"
					"<subject-match attr=\"requestor-id\" match=\"%s\"/>"
					"<subject-match attr=\"target-id\" match=\"%s\"/>"
					"<resource-match attr=\"api-feature\" match=\"" API "\"/>"
					"</condition></rule>\n",
					s->device[from]->name, s->device[to]->name,
					s->device[from]->name, s->device[to]->name);
	snprintf(out + len, size - len, "<rule effect=\"permit\" id=\"change-%zu\"/></policy>",
		 s->changes++);
}

/* ---- the service ---- */

static void
on_run(void *arg, struct sim_node *node, const struct pz_call *call)
{
	struct scene *scene = arg;
	struct pz_address from;
	char caller[PZ_DEVICE_BYTES_MAX + 1];

	if (pz_address_parse(pz_slice_str(pz_call_from(call)), &from) != PZ_OK)
		abort();
	snprintf(caller, sizeof(caller), "%.*s", PZ_SLICE_FMT(from.device));
	sim_check(scene->world, !is_denied(node, caller),
		  "%s executes a call of %s that its newest policy denies", node->name, caller);
	scene->executed++;
}

static void
add_service(struct sim_node *node, void *arg)
{
	probe_add(node, arg, on_run);
}

static struct sim_call *
begin_call(struct sim_node *from, const struct sim_node *to)
{
	char service[128];

	snprintf(service, sizeof(service), API "@%s", to->name);
	return sim_command(
		from, "call",
		json_pack("{s:s, s:s, s:[]}", "service", service, "function", "run", "params"));
}

/* ---- what happens ---- */

static struct sim_node *
any_device(struct scene *s)
{
	return s->device[rng_below(&s->world->rng, DEVICES)];
}

static void
do_call(struct scene *s)
{
	struct sim_node *from = any_device(s), *to = any_device(s);

	if (from != to && from->is_running && s->count < CALLS_MAX)
		s->calls[s->count++] = begin_call(from, to);
}

static void
do_change(struct scene *s)
{
	struct sim_node *at = rng_chance(&s->world->rng, 50) ? s->hub : any_device(s);
	char text[8192];

	if (!at->is_running || s->count == CALLS_MAX)
		return;
	write_policy(s, text, sizeof(text));
	sim_note(s->world, "%s sets policy change-%zu", at->name, s->changes - 1);
	s->calls[s->count++] =
		sim_command(at, "policy-set",
			    at->is_hub ? json_pack("{s:s}", "document", text)
				       : json_pack("{s:s, s:s}", "slot", "user", "document", text));
}

static void
do_cut_or_mend(struct scene *s)
{
	struct sim_node *a = any_device(s);
	struct sim_node *b = rng_chance(&s->world->rng, 50) ? s->hub : any_device(s);

	if (a != b)
		world_partition(a, b, rng_chance(&s->world->rng, 55));
}

static void
do_connect(struct scene *s)
{
	struct sim_node *a = any_device(s);
	const struct sim_node *b = any_device(s);

	if (a != b && a->is_running)
		sim_call_free(sim_command(a, "connect", json_pack("{s:s}", "peer", b->name)));
}

static void
do_crash_or_start(struct scene *s)
{
	struct sim_node *a = any_device(s);

	if (a->is_running)
		sim_crash(a, VNET_DEATH_RESET);
	else
		sim_start(a);
}

static void
do_restore(struct scene *s)
{
	sim_crash(s->hub, VNET_DEATH_RESET);
	if (s->backup && rng_chance(&s->world->rng, 60)) {
		sim_note(s->world, "the hub is put back to its backup");
		pz_memory_disk_free(s->hub->disk);
		s->hub->disk = pz_memory_disk_copy(s->backup);
	} else {
		pz_memory_disk_free(s->backup);
		s->backup = pz_memory_disk_copy(s->hub->disk);
	}
	sim_start(s->hub);
}

/* ---- what holds ---- */

static void
look(struct scene *s)
{
	for (size_t i = 0; i < DEVICES; i++) {
		struct pz_policy_record record;

		if (!s->device[i]->is_running)
			s->sequence[i] = 0; /* what was not on disk may be lost */
		else if (policy_of(s->device[i], &record)) {
			uint64_t sequence = record.version.sequence;
			sim_check(s->world, sequence >= s->sequence[i],
				  "%s goes back from policy %llu to %llu", s->device[i]->name,
				  (unsigned long long)s->sequence[i], (unsigned long long)sequence);
			s->sequence[i] = sequence;
			if (sequence > s->highest)
				s->highest = sequence;
		}
	}
}

static void
run(struct scene *s, uint64_t duration_us)
{
	uint64_t end = s->world->now_us + duration_us;

	while (world_step(s->world, end))
		look(s);
}

static void
make_whole(struct scene *s)
{
	for (size_t i = 0; i < DEVICES; i++) {
		world_partition(s->device[i], s->hub, false);
		for (size_t j = 0; j < i; j++)
			world_partition(s->device[i], s->device[j], false);
		if (!s->device[i]->is_running)
			sim_start(s->device[i]);
	}
	run(s, WHOLE_AGAIN_US);
}

static void
check_end(struct scene *s)
{
	struct pz_policy_record at_hub, here;
	struct pz_zone_policy *policy = inspect_authority(s->hub)->policy;

	sim_check(s->world, policy, "the hub has no policy");
	at_hub = policy->record;
	sim_check(s->world, at_hub.version.sequence >= s->highest,
		  "the hub has policy %llu, a device had %llu",
		  (unsigned long long)at_hub.version.sequence, (unsigned long long)s->highest);
	for (size_t i = 0; i < DEVICES; i++)
		sim_check(s->world,
			  policy_of(s->device[i], &here) &&
				  here.version.sequence == at_hub.version.sequence &&
				  pz_slice_eq(here.document, at_hub.document),
			  "%s has another policy than the hub", s->device[i]->name);
}

/* What is denied is refused, or not shown: then there is no such service. */
static void
check_calls(struct scene *s)
{
	for (size_t i = 0; i < DEVICES; i++) {
		for (size_t j = 0; j < DEVICES; j++) {
			if (i == j)
				continue;
			struct sim_call *call = begin_call(s->device[i], s->device[j]);
			bool is_over = sim_await(call, SIM_MINUTE);
			char *text = json_dumps(call->result ? call->result : json_null(),
						JSON_ENCODE_ANY);
			bool denied = is_denied(s->device[j], s->device[i]->name);
			sim_check(s->world,
				  is_over && (denied ? zone_error_code(call) != 0
						     : json_is_true(json_object_get(call->result,
										    "result"))),
				  "%s calls %s, which is %s, and gets: %s %s", s->device[i]->name,
				  s->device[j]->name, denied ? "denied" : "permitted", text,
				  call->detail);
			free(text);
			sim_call_free(call);
		}
	}
}

static void
run_history(struct world *world)
{
	static void (*const deeds[])(struct scene * s) = {
		do_call,   do_call,        do_call,    do_call,           do_change,
		do_change, do_cut_or_mend, do_connect, do_crash_or_start, do_restore,
	};
	struct scene s = {.world = world};
	char name[16];

	world_add_lan(world);
	world->prepare = add_service;
	world->prepare_arg = &s;
	s.hub = zone_make(world);
	for (size_t i = 0; i < DEVICES; i++) {
		snprintf(name, sizeof(name), "device%zu", i);
		s.device[i] = zone_add(s.hub, name);
	}
	do_change(&s);
	for (unsigned i = 0; i < 50; i++) {
		deeds[rng_below(&world->rng, sizeof(deeds) / sizeof(deeds[0]))](&s);
		run(&s, rng_below(&world->rng, 10 * SIM_S));
	}
	make_whole(&s);
	do_change(&s);
	run(&s, 10 * SIM_S);
	check_end(&s);
	check_calls(&s);
	sim_check(world, s.executed > 0, "no call was executed");
	for (size_t i = 0; i < s.count; i++)
		sim_call_free(s.calls[i]);
	pz_memory_disk_free(s.backup);
	world->prepare = NULL;
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"histories", 8, run_history},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
