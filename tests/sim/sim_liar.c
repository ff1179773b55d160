/*
 * Page 15 "A hop", with a node that lies: what it passes on it drops, holds back, doubles,
 * reorders, alters, cuts off or puts into another channel; it says that a link is of another device
 * or leads it to another device; it keeps a channel open whose other half is gone, and makes up
 * bytes there. Whatever it does: no device does what a caller asks that it does not know by its
 * link, no call gets the answer of another, every call ends in time, what has another way finds it,
 * and who is revoked is out.
 *
 * The liar runs the same code as all nodes. This program's own versions of what a splice calls
 * stand before the real ones (the linker's --wrap), and act where the liar runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "channel/internal.h"
#include "channel/splice.h"
#include "harness.h"
#include "inspect.h"
#include "ledger.h"
#include "peers/internal.h"
#include "pzp/internal.h"
#include "zone.h"

#define DEVICES 3
#define WHOLE_AGAIN_US (162 * SIM_S) /* noticed, the longest pause, connected */
#define OPEN_MAX 40
#define LANES_MAX 4096
#define MADE_UP_US (5 * SIM_S)

/* ---- the liar ---- */

#define LIES(X)                                                                                    \
	X(DROP)                                                                                    \
	X(HOLD)                                                                                    \
	X(DOUBLE)                                                                                  \
	X(REORDER)                                                                                 \
	X(ALTER)                                                                                   \
	X(CUT)                                                                                     \
	X(SWAP)                                                                                    \
	X(MAKE_UP)                                                                                 \
	X(KEEP_OPEN)                                                                               \
	X(NAME)                                                                                    \
	X(MISLEAD)

enum lie {
#define X(name) LIE_##name,
	LIES(X)
#undef X
		LIE_COUNT
};

static const char *const lie_names[LIE_COUNT] = {
#define X(name) #name,
	LIES(X)
#undef X
};

/* A channel whose other half is gone. */
struct kept {
	struct pz_list node;
	struct pz_channel *channel;
	struct pz_timer timer;
};

/* A channel that the liar has had. */
struct lane {
	const struct pz_channel *channel; /* to compare only: it may be gone */
	struct pz_buf held;               /* goes out behind a later piece */
	bool is_cut;
};

static struct {
	struct sim_node *node; /* NULL: all are honest */
	struct rng *rng;
	unsigned chance; /* of each piece, percent */
	bool tells[LIE_COUNT];
	struct pz_list kept;
	struct lane lanes[LANES_MAX]; /* the newest of one address is the channel's */
	size_t count;
	unsigned lies[LIE_COUNT];
} liar;

static bool
is_liar(void)
{
	return liar.node && harness_who() && strcmp(harness_who(), liar.node->name) == 0;
}

static bool
tells(enum lie lie, unsigned percent)
{
	if (!is_liar() || !liar.tells[lie] || !rng_chance(liar.rng, percent))
		return false;
	liar.lies[lie]++;
	return true;
}

static struct lane *
lane_new(const struct pz_channel *channel)
{
	struct lane *lane = &liar.lanes[liar.count];

	sim_check(liar.node->world, liar.count < LANES_MAX, "scenario: too many channels");
	liar.count++;
	lane->channel = channel;
	pz_buf_init(&lane->held, SIZE_MAX / 4, NULL);
	return lane;
}

static struct lane *
lane_of(const struct pz_channel *channel)
{
	for (size_t i = liar.count; i > 0; i--)
		if (liar.lanes[i - 1].channel == channel)
			return &liar.lanes[i - 1];
	return lane_new(channel);
}

enum pz_err __real_pz_channel_forward(struct pz_channel *channel, struct pz_slice data);
enum pz_err __wrap_pz_channel_forward(struct pz_channel *channel, struct pz_slice data);
enum pz_err
__real_pz_channel_open(struct pz_channels *channels, const struct pz_channel_offer *offer,
		       const struct pz_channel_ops *ops, void *arg, struct pz_channel **out);
enum pz_err
__wrap_pz_channel_open(struct pz_channels *channels, const struct pz_channel_offer *offer,
		       const struct pz_channel_ops *ops, void *arg, struct pz_channel **out);
void __real_pz_channel_close(struct pz_channel *channel, const char *reason);
void __wrap_pz_channel_close(struct pz_channel *channel, const char *reason);
void __real_pz_channel_end(struct pz_channel *channel);
void __wrap_pz_channel_end(struct pz_channel *channel);
void __real_pz_splice_start(struct pz_splices *splices, struct pz_channel *in,
			    const struct pz_channel_offer *offer, struct pz_channels *out,
			    const char *from, const char *to);
void __wrap_pz_splice_start(struct pz_splices *splices, struct pz_channel *in,
			    const struct pz_channel_offer *offer, struct pz_channels *out,
			    const char *from, const char *to);

/* As much as the window takes: our own code would refuse more. */
static void
put(struct pz_channel *channel, struct pz_slice data)
{
	if (data.len > channel->send_left)
		data.len = channel->send_left;
	if (data.len > 0)
		(void)!__real_pz_channel_forward(channel, data);
}

static void
put_altered(struct pz_channel *channel, struct pz_slice data)
{
	uint8_t *copy = malloc(data.len);

	if (copy == NULL)
		abort();
	memcpy(copy, data.ptr, data.len);
	copy[rng_below(liar.rng, data.len)] ^= (uint8_t)(1 + rng_below(liar.rng, 255));
	put(channel, pz_slice_of(copy, data.len));
	free(copy);
}

static void
put_made_up(struct pz_channel *channel)
{
	uint8_t bytes[64];
	size_t len = 1 + (size_t)rng_below(liar.rng, sizeof(bytes));

	rng_fill(liar.rng, bytes, len);
	put(channel, pz_slice_of(bytes, len));
}

/* What waits for any other channel. */
static struct lane *
other_lane(const struct lane *lane)
{
	for (size_t i = 0; i < liar.count; i++)
		if (&liar.lanes[i] != lane && liar.lanes[i].held.len > 0)
			return &liar.lanes[i];
	return NULL;
}

static void
put_held(struct pz_channel *channel, struct lane *lane)
{
	put(channel, pz_buf_slice(&lane->held));
	pz_buf_consume(&lane->held, lane->held.len);
}

/* What happens to a piece instead of its being passed on. */
static bool
lie_about(struct pz_channel *channel, struct lane *lane, struct pz_slice data)
{
	struct lane *other = other_lane(lane);

	if (lane->is_cut || tells(LIE_DROP, liar.chance))
		return true;
	if (tells(LIE_CUT, liar.chance)) {
		put(channel, pz_slice_of(data.ptr, (size_t)rng_below(liar.rng, data.len)));
		lane->is_cut = true;
	} else if (tells(LIE_HOLD, liar.chance)) {
		return pz_buf_append(&lane->held, data) == PZ_OK;
	} else if (tells(LIE_REORDER, liar.chance)) {
		put(channel, data);
		put_held(channel, lane);
	} else if (tells(LIE_ALTER, liar.chance)) {
		put_altered(channel, data);
	} else if (tells(LIE_SWAP, liar.chance)) {
		if (other)
			put_held(channel, other);
		return pz_buf_append(&(other ? other : lane)->held, data) == PZ_OK;
	} else {
		return false;
	}
	return true;
}

enum pz_err
__wrap_pz_channel_forward(struct pz_channel *channel, struct pz_slice data)
{
	if (!is_liar() || data.len == 0)
		return __real_pz_channel_forward(channel, data);
	struct lane *lane = lane_of(channel);
	if (lie_about(channel, lane, data))
		return PZ_OK;
	put_held(channel, lane);
	put(channel, data);
	if (tells(LIE_DOUBLE, liar.chance))
		put(channel, data);
	if (tells(LIE_MAKE_UP, liar.chance))
		put_made_up(channel);
	return PZ_OK;
}

enum pz_err
__wrap_pz_channel_open(struct pz_channels *channels, const struct pz_channel_offer *offer,
		       const struct pz_channel_ops *ops, void *arg, struct pz_channel **out)
{
	enum pz_err err = __real_pz_channel_open(channels, offer, ops, arg, out);

	if (err == PZ_OK && is_liar())
		(void)lane_new(*out);
	return err;
}

/* ---- a channel that is kept open ---- */

static void
forget_kept(struct kept *kept)
{
	pz_env_stop(&liar.node->env, &kept->timer);
	pz_list_remove(&kept->node);
	free(kept);
}

static void
on_kept_data(void *arg, struct pz_slice data)
{
	const struct kept *kept = arg;

	pz_channel_credit(kept->channel, (uint32_t)data.len);
}

static void
on_kept_credit(void *arg, uint32_t bytes)
{
	(void)arg;
	(void)bytes;
}

static void
on_kept_end(void *arg)
{
	(void)arg;
}

static void
on_kept_closed(void *arg, const char *reason, json_t *message)
{
	(void)reason;
	(void)message;
	forget_kept(arg);
}

static void
on_make_up(struct pz_timer *timer, void *arg)
{
	const struct kept *kept = arg;

	if (kept->channel->state == CHANNEL_OPEN && liar.tells[LIE_MAKE_UP])
		put(kept->channel, pz_slice_of("\x17", 1));
	pz_env_start(&liar.node->env, timer, MADE_UP_US);
}

static const struct pz_channel_ops kept_ops = {
	.data = on_kept_data,
	.credited = on_kept_credit,
	.ended = on_kept_end,
	.closed = on_kept_closed,
};

void
__wrap_pz_channel_close(struct pz_channel *channel, const char *reason)
{
	struct kept *kept = NULL;

	/* A splice's, not that of a link that travels in it. */
	if (channel->state == CHANNEL_OPEN && channel->ops && channel->ops->credited &&
	    tells(LIE_KEEP_OPEN, 80))
		kept = calloc(1, sizeof(*kept));
	if (kept == NULL) {
		__real_pz_channel_close(channel, reason);
		return;
	}
	kept->channel = channel;
	pz_list_append(&liar.kept, &kept->node);
	pz_timer_init(&kept->timer, on_make_up, kept);
	pz_env_start(&liar.node->env, &kept->timer, MADE_UP_US);
	pz_channel_keep(channel, &kept_ops, kept);
}

void
__wrap_pz_channel_end(struct pz_channel *channel)
{
	if (channel->ops == NULL || channel->ops->credited == NULL || !tells(LIE_KEEP_OPEN, 80))
		__real_pz_channel_end(channel);
}

/* ---- where it leads, and which device sent it ---- */

/* A link with another device than the one that is asked for. */
static struct pz_channels *
another_way(const char *to, const char **out_to)
{
	PZ_LIST_EACH (&liar.node->node->peers->links, n, tmp) {
		const struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->state != PEER_LINK_LIVE || pl->is_tunnel ||
		    strcmp(pl->peer->address, to) == 0)
			continue;
		*out_to = pl->peer->address;
		return pz_link_channels(pl->link);
	}
	return NULL;
}

void
__wrap_pz_splice_start(struct pz_splices *splices, struct pz_channel *in,
		       const struct pz_channel_offer *offer, struct pz_channels *out,
		       const char *from, const char *to)
{
	const char *other = to;
	struct pz_channels *way = NULL;

	if (is_liar())
		(void)lane_new(in);
	if (!liar.node || liar.node->is_hub) {
		__real_pz_splice_start(splices, in, offer, out, from, to);
		return;
	}
	if (tells(LIE_MISLEAD, 50))
		way = another_way(to, &other);
	if (tells(LIE_NAME, 50))
		from = liar.node->node->peers->config.self;
	__real_pz_splice_start(splices, in, offer, way ? way : out, from, way ? other : to);
}

static void
begin_lies(struct world *world, struct sim_node *node)
{
	char text[200] = "";

	liar.node = node;
	liar.rng = &world->rng;
	liar.chance = (unsigned)rng_spread(&world->rng, 1, 40);
	pz_list_init(&liar.kept);
	liar.tells[rng_below(&world->rng, LIE_COUNT)] = true;
	for (size_t i = 0; i < LIE_COUNT; i++)
		liar.tells[i] |= rng_chance(&world->rng, 30);
	for (size_t i = 0; i < LIE_COUNT; i++)
		if (liar.tells[i])
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
				 lie_names[i]);
	sim_note(world, "%s lies, %u %%:%s", node->name, liar.chance, text);
}

static void
end_lies(struct world *world)
{
	for (size_t i = 0; i < LIE_COUNT; i++)
		if (liar.lies[i])
			sim_note(world, "%s: %u times", lie_names[i], liar.lies[i]);
	PZ_LIST_EACH (&liar.kept, n, tmp) {
		struct kept *kept = PZ_CONTAINER(n, struct kept, node);
		struct pz_channel *channel = kept->channel;
		forget_kept(kept);
		__real_pz_channel_close(channel, "over");
	}
	for (size_t i = 0; i < liar.count; i++)
		pz_buf_fini(&liar.lanes[i].held);
	memset(&liar, 0, sizeof(liar));
}

/* ---- the zone ---- */

struct trio {
	struct world *world;
	struct ledger *ledger;
	struct sim_node *hub, *device[DEVICES];
};

/* a is to reach others through c, or (private) through the hub, only. */
static void
make_trio(struct trio *t, struct world *world)
{
	static const char *const names[DEVICES] = {"car", "phone", "laptop"};
	size_t first = (size_t)rng_below(&world->rng, DEVICES);

	world_add_lan(world);
	*t = (struct trio){.world = world, .ledger = ledger_new(world), .hub = zone_make(world)};
	for (size_t i = 0; i < DEVICES; i++)
		t->device[i] = zone_add(t->hub, names[(first + i) % DEVICES]);
	world_run(world, 2 * SIM_S);
	vnet_weather(world->net)->latency_max_us = rng_spread(&world->rng, SIM_MS, 50 * SIM_MS);
	world_partition(t->device[0], t->device[1], true);
}

static void
link_with(struct sim_node *from, const struct sim_node *to)
{
	json_decref(sim_do(from, "connect", json_pack("{s:s}", "peer", to->name), 20 * SIM_S));
}

/* The links to the hub are gone at once; what is noticed of it comes in its time. */
static void
cut_from_hub(struct trio *t, struct sim_node *node)
{
	world_partition(node, t->hub, true);
	(void)vnet_break_one(t->world->net, node->host, t->hub->host, false);
}

static void
end_trio(struct trio *t)
{
	ledger_settle(t->ledger);
	sim_note(t->world, "answered %zu, failed %zu", ledger_answered(t->ledger),
		 ledger_failed(t->ledger));
	ledger_free(t->ledger);
}

static void
run_with_calls(struct trio *t, uint64_t duration_us)
{
	struct rng *rng = &t->world->rng;
	uint64_t until_us = t->world->now_us + duration_us;

	while (t->world->now_us < until_us) {
		size_t from = (size_t)rng_below(rng, DEVICES);
		size_t to = (from + 1 + (size_t)rng_below(rng, DEVICES - 1)) % DEVICES;
		if (ledger_open(t->ledger) < OPEN_MAX)
			ledger_call(t->ledger, t->device[from], t->device[to],
				    rng_chance(rng, 50) ? 0 : rng_spread(rng, SIM_MS, 10 * SIM_S),
				    true);
		world_run(t->world, rng_spread(rng, 10 * SIM_MS, 5 * SIM_S));
		ledger_check(t->ledger);
	}
}

static void
call_all(struct trio *t)
{
	for (size_t i = 0; i < DEVICES; i++)
		for (size_t k = 0; k < DEVICES; k++)
			if (i != k)
				ledger_call(t->ledger, t->device[i], t->device[k], 0, false);
	ledger_settle(t->ledger);
}

/* The liar goes on with it, but there are other ways again. */
static void
find_back(struct trio *t)
{
	for (size_t i = 0; i < DEVICES; i++) {
		world_partition(t->device[i], t->hub, false);
		for (size_t k = i + 1; k < DEVICES; k++)
			world_partition(t->device[i], t->device[k], false);
	}
	for (size_t i = 0; i < DEVICES; i++)
		pz_node_network_changed(t->device[i]->node);
	run_with_calls(t, WHOLE_AGAIN_US);
	sim_check(t->world, zone_await_all(t->hub, 0), "not all are connected");
	ledger_settle(t->ledger);
	call_all(t);
}

/* ---- scenarios ---- */

/* a has the hub through c. */
static void
run_to_the_hub(struct world *world)
{
	struct trio t;

	make_trio(&t, world);
	link_with(t.device[0], t.device[2]);
	cut_from_hub(&t, t.device[0]);
	world_run(world, rng_below(&world->rng, 30) * SIM_S);
	begin_lies(world, t.device[2]);
	run_with_calls(&t, rng_between(&world->rng, 60, 200) * SIM_S);
	find_back(&t);
	end_lies(world);
	end_trio(&t);
}

/* There is no hub: a and b have each other through c. */
static void
run_among_peers(struct world *world)
{
	struct trio t;

	make_trio(&t, world);
	link_with(t.device[0], t.device[2]);
	link_with(t.device[1], t.device[2]);
	for (size_t i = 0; i < DEVICES; i++)
		cut_from_hub(&t, t.device[i]);
	world_run(world, rng_below(&world->rng, 30) * SIM_S);
	begin_lies(world, t.device[2]);
	run_with_calls(&t, rng_between(&world->rng, 60, 200) * SIM_S);
	find_back(&t);
	end_lies(world);
	end_trio(&t);
}

/* Links that the hub passes on and cannot read. */
static void
run_private(struct world *world)
{
	struct trio t;

	make_trio(&t, world);
	world_partition(t.device[0], t.device[2], true);
	world_partition(t.device[1], t.device[2], true);
	json_decref(sim_do(t.device[0], "prefs",
			   json_pack("{s:s, s:b}", "key", "private", "value", 1), SIM_S));
	world_run(world, 5 * SIM_S);
	for (size_t i = 0; i < DEVICES; i++)
		json_decref(sim_do(t.device[i], "reconnect", json_object(), 20 * SIM_S));
	run_with_calls(&t, 20 * SIM_S);
	begin_lies(world, t.hub);
	run_with_calls(&t, rng_between(&world->rng, 60, 200) * SIM_S);
	for (size_t i = 0; i < DEVICES; i++)
		for (size_t k = i + 1; k < DEVICES; k++) {
			world_partition(t.device[i], t.device[k], false);
			sim_call_free(sim_command(t.device[i], "connect",
						  json_pack("{s:s}", "peer", t.device[k]->name)));
		}
	run_with_calls(&t, WHOLE_AGAIN_US);
	ledger_settle(t.ledger);
	call_all(&t);
	end_lies(world);
	end_trio(&t);
}

static bool
is_out(struct world *world, void *arg)
{
	const struct trio *t = arg;
	const struct pz_crl *crl = inspect(t->hub)->crl(t->hub);

	(void)world;
	return inspect(t->hub)->revoked_link(t->hub, crl) == NULL &&
	       inspect(t->device[1])->revoked_link(t->device[1], crl) == NULL;
}

/* a, of which only c knows the way, is revoked. c is not asked, and what it keeps is no use. */
static void
run_revoked(struct world *world)
{
	struct trio t;
	struct rng *rng = &world->rng;

	make_trio(&t, world);
	link_with(t.device[0], t.device[2]);
	link_with(t.device[1], t.device[2]);
	cut_from_hub(&t, t.device[0]);
	run_with_calls(&t, rng_between(rng, 20, 60) * SIM_S);
	begin_lies(world, t.device[2]);
	liar.tells[LIE_KEEP_OPEN] = liar.tells[LIE_MAKE_UP] = true;
	run_with_calls(&t, rng_below(rng, 20) * SIM_S);
	json_decref(
		sim_do(t.hub, "revoke", json_pack("{s:s}", "device", t.device[0]->name), SIM_S));
	sim_check(world, world_run_until(world, SIM_S, is_out, &t),
		  "a link with %s, which is revoked, is there after 1 s", t.device[0]->name);
	ledger_revoke(t.ledger, t.device[0]);
	size_t runs = ledger_runs(t.ledger, t.device[0]);
	for (unsigned i = 0; i < 10; i++) {
		ledger_call(t.ledger, t.device[1], t.device[0], 0, true);
		if (sim_is_enrolled(t.device[0])) /* it may not know */
			ledger_call(t.ledger, t.device[0], t.device[1], 0, true);
		world_run(world, rng_spread(rng, SIM_MS, 10 * SIM_S));
		sim_check(world, is_out(world, &t), "%s is back", t.device[0]->name);
	}
	ledger_settle(t.ledger);
	sim_check(world, ledger_runs(t.ledger, t.device[0]) == runs,
		  "%s, which is revoked, was served or has served", t.device[0]->name);
	end_lies(world);
	end_trio(&t);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"to-the-hub", 12, run_to_the_hub},
		{"among-peers", 12, run_among_peers},
		{"private", 6, run_private},
		{"revoked", 8, run_revoked},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
