/* A simulated machine: starting its daemon, stopping it as SIGTERM does, killing it. */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "peers/internal.h"
#include "pzh/internal.h"
#include "pzp/internal.h"

#define HUB_PORT 8041
#define WALL_START_MS UINT64_C(1800000000000) /* January 2027 */
#define KEYS_PROBED 400

/* ---- what a node is given ---- */

static uint64_t
mono_us(void *arg)
{
	const struct sim_node *node = arg;

	return node->world->now_us + node->boot_us;
}

static uint64_t
wall_ms(void *arg)
{
	const struct sim_node *node = arg;

	return (uint64_t)((int64_t)(WALL_START_MS + node->world->now_us / PZ_US_PER_MS) +
			  node->wall_skew_ms);
}

static void
random_bytes(void *arg, void *out, size_t len)
{
	struct sim_node *node = arg;

	rng_fill(&node->rng, out, len);
}

static struct sim_node *
add_node(struct world *world, const char *name)
{
	struct sim_node *node = calloc(1, sizeof(*node));

	if (node == NULL || world->count == SIM_NODES_MAX)
		abort();
	node->world = world;
	snprintf(node->name, sizeof(node->name), "%s", name);
	node->host = vnet_host(world->net, name);
	node->rng.state = world->seed * 1000003 + 100 + world->count;
	node->boot_us = rng_below(&node->rng, 100 * SIM_DAY);
	node->wall_skew_ms = (int64_t)rng_below(&node->rng, 20000) - 10000;
	node->commit_us = rng_spread(&node->rng, 100, 50 * SIM_MS);
	node->env = (struct pz_env){mono_us, wall_ms, random_bytes, node, &node->timers};
	node->disk = pz_memory_disk_new();
	node->keys = pz_keystore_new_memory();
	if (node->disk == NULL || node->keys == NULL || pz_turn_init(&node->turn, 0) != PZ_OK)
		abort();
	world->nodes[world->count++] = node;
	return node;
}

struct sim_node *
world_add_hub(struct world *world, const char *name)
{
	struct sim_node *node = add_node(world, name);

	node->is_hub = true;
	return node;
}

struct sim_node *
world_add_device(struct world *world, const char *name)
{
	return add_node(world, name);
}

struct sim_node *
world_add_raw(struct world *world, const char *name)
{
	return add_node(world, name);
}

/* ---- the watcher: every change is an edge of the table ---- */

static bool
find_state(const char *text, enum pz_state *out)
{
	for (int s = 0; s < PZ_STATE_COUNT; s++)
		if (strcmp(pz_state_text((enum pz_state)s), text) == 0) {
			*out = (enum pz_state)s;
			return true;
		}
	return false;
}

static bool
find_event(const char *text, enum pz_event *out)
{
	for (int e = 0; e < PZ_EVENT_COUNT; e++)
		if (strcmp(pz_event_text((enum pz_event)e), text) == 0) {
			*out = (enum pz_event)e;
			return true;
		}
	return false;
}

static void
check_change(struct sim_node *node, json_t *change)
{
	const char *old_text = json_string_value(json_object_get(change, "old"));
	const char *new_text = json_string_value(json_object_get(change, "new"));
	const char *cause = json_string_value(json_object_get(change, "cause"));
	enum pz_state old, now;
	enum pz_event event;

	sim_check(node->world,
		  old_text && new_text && cause && find_state(old_text, &old) &&
			  find_state(new_text, &now) && find_event(cause, &event),
		  "%s: a change of state that names no state or event", node->name);
	struct pz_edge edge = pz_machine_edge(old, event);
	sim_check(node->world, edge.verdict == PZ_VERDICT_EDGE && edge.next == now,
		  "%s: %s -> %s by '%s' is not in the table", node->name, old_text, new_text,
		  cause);
	sim_check(node->world, old == node->seen, "%s: left %s, but was in %s", node->name,
		  old_text, pz_state_text(node->seen));
	node->seen = now;
	node->since_us = node->world->now_us;
	node->changes++;
}

static bool
find_peer_state(const char *text, enum pz_peer_state *out)
{
	for (int s = 0; s < PZ_PEER_STATE_COUNT; s++)
		if (strcmp(pz_peer_state_text((enum pz_peer_state)s), text) == 0) {
			*out = (enum pz_peer_state)s;
			return true;
		}
	return false;
}

static bool
is_peer_edge(enum pz_peer_state old, const char *cause, enum pz_peer_state now)
{
	enum pz_peer_state next;

	for (int e = 0; e < PZ_PEER_EVENT_COUNT; e++)
		if (strcmp(pz_peer_event_text((enum pz_peer_event)e), cause) == 0 &&
		    pz_peer_edge(old, (enum pz_peer_event)e, &next) && next == now)
			return true;
	return false;
}

static void
check_peer_change(struct sim_node *node, json_t *change)
{
	const char *old_text = json_string_value(json_object_get(change, "old"));
	const char *new_text = json_string_value(json_object_get(change, "new"));
	const char *cause = json_string_value(json_object_get(change, "cause"));
	enum pz_peer_state old, now;

	sim_check(node->world,
		  old_text && new_text && cause && find_peer_state(old_text, &old) &&
			  find_peer_state(new_text, &now) && is_peer_edge(old, cause, now),
		  "%s: a peer's change of state that is not in the table", node->name);
	node->peer_changes++;
}

static void
on_watched(void *arg, json_t *event)
{
	struct sim_node *node = arg;
	const char *kind = json_string_value(json_object_get(event, "event"));

	if (kind && strcmp(kind, "state") == 0)
		check_change(node, event);
	else if (kind && strcmp(kind, "peer") == 0)
		check_peer_change(node, event);
}

static void
on_watch_ended(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct sim_node *node = arg;

	(void)result;
	sim_fail(node->world, "%s: watch ended: %s %s", node->name, pz_err_text(err), detail);
}

static const struct pz_reply watch_reply = {.done = on_watch_ended, .event = on_watched};

/* ---- starting ---- */

static void
start_hub(struct sim_node *node, struct pz_errinfo *info)
{
	struct pz_hub_config config = {
		.env = &node->env,
		.transport = vhost_transport(node->host),
		.turn = &node->turn,
		.store = node->store,
		.keys = node->keys,
		.key_type = PZ_KEY_TYPE_DEFAULT,
		.listen = "",
		.port = HUB_PORT,
		.queue_high_bytes = node->queue_high_bytes,
		.queue_low_bytes = node->queue_low_bytes,
		.keepalive_us = node->keepalive_us,
	};

	sim_check(node->world,
		  pz_hub_new(&config, &node->hub, info) == PZ_OK &&
			  pz_hub_start(node->hub, info) == PZ_OK,
		  "%s does not start: %s", node->name, info->text);
}

static void
join_lan(struct sim_node *node)
{
	if (node->world->lan && pz_mdns_fake_new(node->world->lan, &node->env,
						 vhost_address(node->host), &node->mdns) != PZ_OK)
		abort();
}

static void
start_device(struct sim_node *node, struct pz_errinfo *info)
{
	struct pz_node_config config = {
		.env = &node->env,
		.transport = vhost_transport(node->host),
		.turn = &node->turn,
		.store = node->store,
		.keys = node->keys,
		.key_type = PZ_KEY_TYPE_DEFAULT,
		.device = node->name,
		.queue_high_bytes = node->queue_high_bytes,
		.queue_low_bytes = node->queue_low_bytes,
		.keepalive_us = node->keepalive_us,
		.listen = node->world->lan ? vhost_address(node->host) : NULL,
		.mdns = node->mdns,
	};
	json_t *none = json_object();

	sim_check(node->world, pz_node_new(&config, &node->node, info) == PZ_OK,
		  "%s does not start: %s", node->name, info->text);
	node->seen = pz_node_state(node->node);
	node->changes = 0;
	node->since_us = node->world->now_us;
	(void)pz_node_command(node->node, "watch", none, &watch_reply, node);
	json_decref(none);
	if (node->world->prepare)
		node->world->prepare(node, node->world->prepare_arg);
	pz_node_start(node->node);
}

void
sim_start(struct sim_node *node)
{
	struct pz_errinfo info = {""};

	sim_check(node->world, !node->is_running, "scenario: %s runs already", node->name);
	sim_note(node->world, "start %s", node->name);
	harness_current(node->name);
	vhost_set_on(node->host, true);
	node->store = pz_store_new_memory(&node->env, node->disk, node->commit_us);
	if (node->store == NULL)
		abort();
	node->is_running = true;
	node->starts++;
	if (node->is_hub) {
		start_hub(node, &info);
	} else {
		join_lan(node);
		start_device(node, &info);
	}
	pz_turn_end(&node->turn);
	harness_current(NULL);
}

/* ---- stopping ---- */

/* All commits end now, well or badly, and their completions are called. */
static void
drain_store(struct sim_node *node)
{
	while (pz_store_pending(node->store) > 0) {
		pz_store_drain(node->store);
	}
}

static void
lose_calls(struct sim_node *node)
{
	PZ_LIST_EACH (&node->world->calls, n, tmp) {
		struct sim_call *call = PZ_CONTAINER(n, struct sim_call, list);
		if (call->node == node && !call->is_done)
			call->is_lost = true;
	}
}

static void
tear_down(struct sim_node *node)
{
	if (node->is_hub)
		pz_hub_stop(node->hub);
	else
		pz_node_stop(node->node);
	pz_turn_end(&node->turn);
	drain_store(node);
	pz_turn_end(&node->turn);
	drain_store(node);
	if (node->is_hub)
		pz_hub_free(node->hub);
	else
		pz_node_free(node->node);
	pz_mdns_free(PZ_TAKE(node->mdns));
	pz_store_free(node->store);
	node->hub = NULL;
	node->node = NULL;
	node->store = NULL;
	node->is_running = false;
	sim_check(node->world, pz_timers_next_us(&node->timers) == UINT64_MAX,
		  "%s left a timer behind", node->name);
}

void
sim_stop(struct sim_node *node)
{
	sim_note(node->world, "stop %s", node->name);
	harness_current(node->name);
	lose_calls(node);
	tear_down(node);
	harness_current(NULL);
}

/*
 * A dead process changes nothing any more. Its memory is taken apart by the ordinary ways, so that
 * nothing leaks, but cut off from the world: the network is dead for it, every commit that is not
 * durable fails, and what it does to keys it does to a store that is never read.
 */
void
sim_crash(struct sim_node *node, enum vnet_death death)
{
	struct pz_keystore *nowhere = pz_keystore_new_memory();

	sim_note(node->world, "crash %s (%s)", node->name,
		 death == VNET_DEATH_RESET ? "killed" : "power cut");
	if (nowhere == NULL)
		abort();
	harness_mute(true);
	lose_calls(node);
	if (death == VNET_DEATH_SILENT)
		vhost_set_on(node->host, false);
	vhost_kill(node->host, death);
	pz_memory_disk_fail_after(node->disk, 0);
	if (node->is_hub) {
		node->hub->config.keys = nowhere;
	} else {
		node->node->config.keys = nowhere;
		node->node->peers->config.mdns = NULL; /* no goodbye is sent */
		pz_mdns_fake_crash(PZ_TAKE(node->mdns));
	}
	tear_down(node);
	pz_memory_disk_fail_after(node->disk, SIZE_MAX);
	pz_keystore_free(nowhere);
	harness_mute(false);
}

/* ---- looking ---- */

size_t
sim_count_keys(const struct sim_node *node)
{
	size_t count = 0;

	for (unsigned i = 1; i < KEYS_PROBED; i++) {
		struct pz_key *key = NULL;
		char uri[32];
		snprintf(uri, sizeof(uri), "mem:%u", i);
		if (pz_keystore_load(node->keys, uri, &key, NULL) == PZ_OK)
			count++;
		pz_key_free(key);
	}
	return count;
}

bool
sim_is_enrolled(const struct sim_node *node)
{
	return pz_state_is_hub_mode(pz_node_state(node->node));
}

bool
sim_is_connected(const struct sim_node *node)
{
	return node->is_running && pz_node_state(node->node) == PZ_STATE_CONNECTED;
}

static void
count_links(const struct sim_node *hub, const char *device, size_t *out_links, size_t *out_queued)
{
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	*out_links = *out_queued = 0;
	while (hub->is_running && pz_map_next(hub->hub->zones, &pos, &key, &zone))
		PZ_LIST_EACH (&((struct pz_hosted *)zone)->links, node, tmp) {
			const struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
			const struct pz_hosted_conn *peer = link->owner;
			if (peer->member == NULL ||
			    (device && strcmp(peer->member->device, device) != 0))
				continue;
			(*out_links)++;
			*out_queued += link->session.queued;
		}
}

size_t
sim_hub_links(const struct sim_node *hub)
{
	size_t links, queued;

	count_links(hub, NULL, &links, &queued);
	return links;
}

size_t
sim_hub_queued(const struct sim_node *hub, const char *device)
{
	size_t links, queued;

	count_links(hub, device, &links, &queued);
	return queued;
}

static const struct peer_link *
live_link(const struct sim_node *a, const struct sim_node *b)
{
	const struct peer *peer = a->is_running ? pz_peers_find(a->node->peers, b->name) : NULL;

	return peer ? peer->live : NULL;
}

bool
sim_is_linked(const struct sim_node *a, const struct sim_node *b)
{
	return live_link(a, b) != NULL;
}

bool
sim_has_dialled(const struct sim_node *a, const struct sim_node *b)
{
	const struct peer_link *link = live_link(a, b);

	return link && link->is_outgoing;
}

size_t
sim_peer_links(const struct sim_node *a)
{
	size_t count = 0;

	PZ_LIST_EACH (&a->node->peers->links, n, tmp)
		count++;
	PZ_LIST_EACH (&a->node->peers->attempts, n, tmp)
		count++;
	return count;
}
