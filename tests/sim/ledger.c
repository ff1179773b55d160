#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "inspect.h"
#include "pzp/internal.h"
#include "rpc/error.h"
#include "zone.h"

#define API "http://example.org/api/ledger"
/* 30 s, and the search for the service before: at the hub, then near by. */
#define TICKS_MAX 2400
#define OVERDUE_US (36 * SIM_S)

struct entry {
	struct sim_call *call; /* NULL: looked at */
	struct sim_node *from, *to;
	bool may_fail;
	bool may_be_unknown; /* one end is, or was meanwhile, revoked */
	unsigned runs;
	unsigned run_start; /* of the device, when it ran last */
	size_t run_index;   /* among all that ran */
};

struct ledger {
	struct world *world;
	struct entry *entries;
	size_t count, size;
	size_t runs, open, answered, failed;
	size_t padding_max;
	const struct sim_node *revoked[SIM_NODES_MAX];
	size_t revoked_count;
};

/* ---- the service ---- */

struct scribe {
	struct ledger *ledger;
	struct sim_node *node;
};

struct work {
	struct pz_call *call;
	struct scribe *scribe;
	json_t *result;
	json_int_t ticks;
	struct pz_timer timer;
};

static void
free_work(struct work *work)
{
	pz_env_stop(&work->scribe->node->env, &work->timer);
	json_decref(work->result);
	free(work);
}

static void
on_worked(struct pz_timer *timer, void *arg)
{
	struct work *work = arg;

	(void)timer;
	pz_call_result(work->call, json_incref(work->result));
	free_work(work);
}

static void
on_tick(struct pz_timer *timer, void *arg)
{
	struct work *work = arg;

	pz_env_start(&work->scribe->node->env, timer, LEDGER_TICK_US);
	pz_call_event(work->call, "tick", json_pack("[I]", work->ticks++));
}

static void
on_call_ended(struct pz_service *service, struct pz_call *call)
{
	(void)service;
	free_work(call->user);
}

/* Whether an address is that of the device or of an app on it. */
static bool
is_of(const char *address, const struct sim_node *node)
{
	char device[128];
	size_t len = (size_t)snprintf(device, sizeof(device), SIM_ZONE "/%s", node->name);

	return strncmp(address, device, len) == 0 && (address[len] == 0 || address[len] == '/');
}

static void
write_down(struct scribe *scribe, const struct pz_call *call, size_t number)
{
	struct ledger *ledger = scribe->ledger;
	struct entry *entry = &ledger->entries[number];
	char serial[PZ_SERIAL_HEX_BYTES];

	sim_note(ledger->world, "call %zu runs at %s", number, scribe->node->name);
	sim_check(ledger->world, number < ledger->count, "%s does call %zu, which there is not",
		  scribe->node->name, number);
	sim_check(ledger->world, is_of(pz_call_from(call), entry->from),
		  "call %zu from %s is said to be from %s", number, entry->from->name,
		  pz_call_from(call));
	sim_check(ledger->world, entry->to == scribe->node, "call %zu to %s was done by %s", number,
		  entry->to->name, scribe->node->name);
	sim_check(ledger->world,
		  !inspect_serial(entry->from, serial) ||
			  !inspect(scribe->node)->is_revoked(scribe->node, serial),
		  "call %zu from %s was done by %s, which knows that it is revoked", number,
		  entry->from->name, scribe->node->name);
	sim_check(ledger->world, entry->runs == 0 || entry->run_start != scribe->node->starts,
		  "call %zu was done twice by %s", number, scribe->node->name);
	entry->runs++;
	entry->run_start = scribe->node->starts;
	entry->run_index = ledger->runs++;
}

static struct work *
begin_work(struct scribe *scribe, struct pz_call *call,
	   void (*on_timer)(struct pz_timer *timer, void *arg), uint64_t delay_us)
{
	struct work *work = calloc(1, sizeof(*work));

	if (work == NULL)
		abort();
	work->call = call;
	work->scribe = scribe;
	call->user = work;
	pz_timer_init(&work->timer, on_timer, work);
	pz_env_start(&scribe->node->env, &work->timer, delay_us);
	return work;
}

static void
on_run(struct pz_service *service, struct pz_call *call, json_t *params)
{
	struct scribe *scribe = service->state;
	json_t *number = json_array_get(params, 0);
	uint64_t work_us = (uint64_t)json_integer_value(json_array_get(params, 1));

	write_down(scribe, call, (size_t)json_integer_value(number));
	if (work_us == 0) {
		pz_call_result(call, json_incref(number));
		return;
	}
	begin_work(scribe, call, on_worked, work_us)->result = json_incref(number);
}

static void
on_listen(struct pz_service *service, struct pz_call *call, json_t *params)
{
	(void)params;
	if (pz_call_listen(call) == PZ_OK)
		(void)begin_work(service->state, call, on_tick, LEDGER_TICK_US);
}

static void
on_remove(struct pz_service *service, struct pz_call *call, json_t *params)
{
	(void)service;
	pz_call_remove_listener(call, json_array_get(params, 0));
}

static void
destroy(struct pz_service *service)
{
	free(service->state);
}

static void
add_service(struct sim_node *node, void *arg)
{
	static const struct pz_method_def methods[] = {
		{.function = "run", .form = PZ_PARAMS_POSITIONAL, .invoke = on_run},
		{.function = "listen", .form = PZ_PARAMS_POSITIONAL, .invoke = on_listen},
		{.function = "removeEventListener",
		 .form = PZ_PARAMS_POSITIONAL,
		 .invoke = on_remove},
	};
	struct scribe *scribe = calloc(1, sizeof(*scribe));
	struct pz_service *service = NULL;

	if (scribe == NULL || pz_service_new(API, "Ledger", "Writes down what it is asked.",
					     methods, 3, &service, NULL) != PZ_OK)
		abort();
	*scribe = (struct scribe){.ledger = arg, .node = node};
	service->state = scribe;
	service->call_ended = on_call_ended;
	service->destroy = destroy;
	if (pz_registry_add(node->node->registry, service, NULL) != PZ_OK)
		abort();
}

/* ---- calls ---- */

struct ledger *
ledger_new(struct world *world)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger == NULL)
		abort();
	ledger->world = world;
	world->prepare = add_service;
	world->prepare_arg = ledger;
	return ledger;
}

void
ledger_free(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		sim_call_free(ledger->entries[i].call);
	ledger->world->prepare = NULL;
	free(ledger->entries);
	free(ledger);
}

static struct entry *
add_entry(struct ledger *ledger)
{
	if (ledger->count == ledger->size) {
		ledger->size = ledger->size ? 2 * ledger->size : 64;
		ledger->entries =
			realloc(ledger->entries, ledger->size * sizeof(ledger->entries[0]));
	}
	if (ledger->entries == NULL)
		abort();
	return &ledger->entries[ledger->count++];
}

static bool
is_out(const struct ledger *ledger, const struct sim_node *node)
{
	for (size_t i = 0; i < ledger->revoked_count; i++)
		if (ledger->revoked[i] == node)
			return true;
	return false;
}

void
ledger_pad(struct ledger *ledger, size_t bytes_max)
{
	ledger->padding_max = bytes_max;
}

/* A tenth of the calls is long. */
static json_t *
padding(struct ledger *ledger)
{
	struct rng *rng = &ledger->world->rng;
	size_t len = 0;

	if (ledger->padding_max > 0 && rng_chance(rng, 10))
		len = (size_t)rng_spread(rng, 1, ledger->padding_max);
	char *text = malloc(len + 1);
	if (text == NULL)
		abort();
	memset(text, 'x', len);
	json_t *string = json_stringn(text, len);
	free(text);
	return string;
}

size_t
ledger_call(struct ledger *ledger, struct sim_node *from, struct sim_node *to, uint64_t work_us,
	    bool may_fail)
{
	size_t number = ledger->count;
	struct entry *entry = add_entry(ledger);
	char service[128];

	snprintf(service, sizeof(service), API "@%s", to->name);
	*entry = (struct entry){.from = from,
				.to = to,
				.may_fail = may_fail,
				.may_be_unknown = is_out(ledger, from) || is_out(ledger, to)};
	ledger->open++;
	sim_note(ledger->world, "call %zu from %s to %s%s", number, from->name, to->name,
		 may_fail ? ", may fail" : "");
	struct sim_call *call = sim_command(
		from, "call",
		json_pack("{s:s, s:s, s:[I, I, o]}", "service", service, "function", "run",
			  "params", (json_int_t)number, (json_int_t)work_us, padding(ledger)));
	ledger->entries[number].call = call;
	return number;
}

void
ledger_excuse(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		ledger->entries[i].may_fail |= ledger->entries[i].call != NULL;
}

static void
check_end(struct ledger *ledger, size_t number)
{
	struct entry *entry = &ledger->entries[number];
	const struct sim_call *call = entry->call;
	json_t *result = json_object_get(call->result, "result");
	int code = zone_error_code(call);

	sim_check(ledger->world, call->err == PZ_OK, "call %zu has failed as a command: %s", number,
		  call->detail);
	sim_note(ledger->world, "call %zu ended: %s %d after %.3f s", number,
		 result ? "answered" : "error", code,
		 (double)(call->ended_us - call->started_us) / (double)SIM_S);
	if (result) {
		ledger->answered++;
		sim_check(ledger->world, json_integer_value(result) == (json_int_t)number,
			  "call %zu got the answer of another", number);
		sim_check(ledger->world, entry->runs == 1,
			  "call %zu was answered, and done %u times", number, entry->runs);
		return;
	}
	ledger->failed++;
	sim_check(ledger->world,
		  (entry->may_be_unknown && code == PZ_RPC_METHOD_NOT_FOUND) ||
			  code == PZ_RPC_UNREACHABLE || code == PZ_RPC_CONGESTED ||
			  code == PZ_RPC_TIMED_OUT,
		  "call %zu ended with neither its answer nor an error of the network: %d", number,
		  code);
	sim_check(ledger->world, entry->may_fail, "call %zu from %s to %s failed (%d)", number,
		  entry->from->name, entry->to->name, code);
}

static void
close_entry(struct ledger *ledger, struct entry *entry)
{
	sim_call_free(entry->call);
	entry->call = NULL;
	ledger->open--;
}

void
ledger_check(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++) {
		struct entry *entry = &ledger->entries[i];
		if (entry->call == NULL)
			continue;
		if (entry->call->is_done)
			check_end(ledger, i);
		if (entry->call->is_done || entry->call->is_lost) {
			close_entry(ledger, entry);
			continue;
		}
		uint64_t age_us = ledger->world->now_us - entry->call->started_us;
		sim_check(ledger->world, age_us <= OVERDUE_US,
			  "call %zu from %s to %s has not ended after %.1f s", i, entry->from->name,
			  entry->to->name, (double)age_us / (double)SIM_S);
	}
}

/* ---- streams ---- */

struct ledger_stream {
	struct sim_call *call;
	bool has[TICKS_MAX];
	size_t count; /* highest number and one */
};

static void
on_number(struct sim_call *call, json_t *event)
{
	struct ledger_stream *stream = call->arg;
	json_t *params = json_object_get(event, "params");
	size_t tick = (size_t)json_integer_value(json_array_get(params, 0));

	sim_check(call->node->world, tick < TICKS_MAX, "tick %zu", tick);
	sim_check(call->node->world, !stream->has[tick], "%s heard tick %zu twice",
		  call->node->name, tick);
	stream->has[tick] = true;
	if (tick >= stream->count)
		stream->count = tick + 1;
}

struct ledger_stream *
ledger_listen(struct sim_node *from, struct sim_node *to)
{
	struct ledger_stream *stream = calloc(1, sizeof(*stream));
	char service[128];

	if (stream == NULL)
		abort();
	snprintf(service, sizeof(service), API "@%s", to->name);
	stream->call = sim_command_events(from, "call",
					  json_pack("{s:s, s:s, s:[], s:b}", "service", service,
						    "function", "listen", "params", "stream", 1),
					  on_number, stream);
	return stream;
}

void
ledger_unlisten(struct ledger_stream *stream)
{
	size_t last = 2 * SIM_S / LEDGER_TICK_US;

	sim_check(stream->call->node->world, stream->count > last, "%s heard %zu ticks only",
		  stream->call->node->name, stream->count);
	for (size_t i = 0; i + last < stream->count; i++)
		sim_check(stream->call->node->world, stream->has[i], "%s has not heard tick %zu",
			  stream->call->node->name, i);
	sim_call_free(stream->call);
	free(stream);
}

/* ---- the end ---- */

size_t
ledger_open(const struct ledger *ledger)
{
	return ledger->open;
}

static bool
has_one_ended(struct world *world, void *arg)
{
	const struct ledger *ledger = arg;

	(void)world;
	for (size_t i = 0; i < ledger->count; i++) {
		const struct sim_call *call = ledger->entries[i].call;
		if (call && (call->is_done || call->is_lost))
			return true;
	}
	return false;
}

void
ledger_settle(struct ledger *ledger)
{
	ledger_check(ledger);
	while (ledger->open > 0) {
		world_run_until(ledger->world, OVERDUE_US + 1, has_one_ended, ledger);
		ledger_check(ledger);
	}
}

bool
ledger_is_in_order(const struct ledger *ledger, size_t first, size_t count)
{
	const struct entry *last = NULL;

	for (size_t i = first; i < first + count; i++) {
		const struct entry *entry = &ledger->entries[i];
		if (entry->runs == 0)
			continue;
		if (last && entry->run_index < last->run_index)
			return false;
		last = entry;
	}
	return true;
}

void
ledger_revoke(struct ledger *ledger, const struct sim_node *node)
{
	if (!is_out(ledger, node))
		ledger->revoked[ledger->revoked_count++] = node;
	for (size_t i = 0; i < ledger->count; i++)
		ledger->entries[i].may_be_unknown |=
			ledger->entries[i].from == node || ledger->entries[i].to == node;
}

void
ledger_readmit(struct ledger *ledger, const struct sim_node *node)
{
	for (size_t i = 0; i < ledger->revoked_count; i++)
		if (ledger->revoked[i] == node)
			ledger->revoked[i] = ledger->revoked[--ledger->revoked_count];
}

size_t
ledger_runs(const struct ledger *ledger, const struct sim_node *node)
{
	size_t runs = 0;

	for (size_t i = 0; i < ledger->count; i++)
		if (ledger->entries[i].from == node || ledger->entries[i].to == node)
			runs += ledger->entries[i].runs;
	return runs;
}

size_t
ledger_answered(const struct ledger *ledger)
{
	return ledger->answered;
}

size_t
ledger_failed(const struct ledger *ledger)
{
	return ledger->failed;
}
