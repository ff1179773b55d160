/*
 * A node that lies about what it passes on. It runs the same code as all nodes: versions of our own
 * of what a splice calls are linked before the real ones (the linker's --wrap), and act where the
 * liar runs.
 */
#include "liar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "channel/internal.h"
#include "channel/splice.h"
#include "harness.h"
#include "peers/internal.h"
#include "pzp/internal.h"

#define LANES_MAX 4096
#define MADE_UP_US (5 * SIM_S)

/* ---- the liar ---- */

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

void
liar_begin(struct world *world, struct sim_node *node)
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

void
liar_end(struct world *world)
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

void
liar_must_tell(enum lie lie)
{
	liar.tells[lie] = true;
}
