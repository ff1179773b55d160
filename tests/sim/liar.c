/*
 * A node that lies about what it forwards. It runs the same code as all nodes: for the functions
 * that a splice calls, replacements are linked before the real ones (the linker's --wrap), and act
 * only on the liar.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel/splice.h"
#include "harness.h"
#include "liar_internal.h"
#include "zone.h"

#define SEEN_BYTES_MAX 8192

/* ---- the liar ---- */

static const char *const lie_names[LIE_COUNT] = {
#define X(name, text) #name,
	LIES(X)
#undef X
};

struct liar liar;

struct sim_node *
liar_here(void)
{
	for (size_t i = 0; harness_who() && i < liar.node_count; i++)
		if (strcmp(harness_who(), liar.nodes[i]->name) == 0)
			return liar.nodes[i];
	return NULL;
}

bool
liar_tells(enum lie lie, unsigned percent)
{
	if (!liar_here() || !liar.tells[lie] || !rng_chance(liar.rng, percent))
		return false;
	liar.lies[lie]++;
	return true;
}

const char *
liar_any_name(void)
{
	static char name[64];
	const struct sim_node *node = liar.world->nodes[rng_below(liar.rng, liar.world->count)];

	snprintf(name, sizeof(name), SIM_ZONE "%s%s", node->is_hub ? "" : "/",
		 node->is_hub ? "" : node->name);
	return name;
}

bool
liar_is_spliced(const struct pz_channel *channel)
{
	return channel->ops && channel->ops->credited; /* not of a link that travels in it */
}

static struct lane *
lane_new(const struct pz_channel *channel)
{
	struct lane *lane = &liar.lanes[liar.count];

	sim_check(liar.world, liar.count < LIAR_LANES_MAX, "scenario: too many channels");
	liar.count++;
	lane->channel = channel;
	pz_buf_init(&lane->held, SIZE_MAX / 4, NULL);
	pz_buf_init(&lane->seen, SEEN_BYTES_MAX, NULL);
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

enum pz_err __wrap_pz_channel_forward(struct pz_channel *channel, struct pz_slice data);
enum pz_err
__wrap_pz_channel_open(struct pz_channels *channels, const struct pz_channel_offer *offer,
		       const struct pz_channel_ops *ops, void *arg, struct pz_channel **out);
void __wrap_pz_channel_close(struct pz_channel *channel, const char *reason);
void __real_pz_channel_end(struct pz_channel *channel);
void __wrap_pz_channel_end(struct pz_channel *channel);
static void credit_wrongly(struct pz_channel *channel, uint32_t bytes);
void __wrap_pz_channel_credit(struct pz_channel *channel, uint32_t bytes);
void __wrap_pz_channel_accept(struct pz_channel *channel, uint32_t window, json_t *more,
			      const struct pz_channel_ops *ops, void *arg);
void __real_pz_splice_start(struct pz_splices *splices, struct pz_channel *in,
			    const struct pz_channel_offer *offer, struct pz_channels *out,
			    const char *from, const char *to);
void __wrap_pz_splice_start(struct pz_splices *splices, struct pz_channel *in,
			    const struct pz_channel_offer *offer, struct pz_channels *out,
			    const char *from, const char *to);
enum pz_err
__real_pz_message_rpc(struct pz_buf *out, const char *from, const char *to, json_t *payload);
enum pz_err
__wrap_pz_message_rpc(struct pz_buf *out, const char *from, const char *to, json_t *payload);
enum pz_err __real_pz_message_prop(struct pz_buf *out, const char *from, const char *to,
				   const char *status, json_t *message);
enum pz_err __wrap_pz_message_prop(struct pz_buf *out, const char *from, const char *to,
				   const char *status, json_t *message);

void
liar_put(struct pz_channel *channel, struct pz_slice data)
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
	liar_put(channel, pz_slice_of(copy, data.len));
	free(copy);
}

static void
put_made_up(struct pz_channel *channel)
{
	uint8_t bytes[64];
	size_t len = 1 + (size_t)rng_below(liar.rng, sizeof(bytes));

	rng_fill(liar.rng, bytes, len);
	liar_put(channel, pz_slice_of(bytes, len));
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
	liar_put(channel, pz_buf_slice(&lane->held));
	pz_buf_consume(&lane->held, lane->held.len);
}

/* What happens to a piece instead of its being passed on. */
static bool
lie_about(struct pz_channel *channel, struct lane *lane, struct pz_slice data)
{
	struct lane *other = other_lane(lane);

	if (lane->is_cut || liar_tells(LIE_DROP, liar.chance))
		return true;
	if (liar_tells(LIE_CUT, liar.chance)) {
		liar_put(channel, pz_slice_of(data.ptr, (size_t)rng_below(liar.rng, data.len)));
		lane->is_cut = true;
	} else if (liar_tells(LIE_HOLD, liar.chance)) {
		return pz_buf_append(&lane->held, data) == PZ_OK;
	} else if (liar_tells(LIE_REORDER, liar.chance)) {
		liar_put(channel, data);
		put_held(channel, lane);
	} else if (liar_tells(LIE_ALTER, liar.chance)) {
		put_altered(channel, data);
	} else if (liar_tells(LIE_SWAP, liar.chance)) {
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
	if (!liar_here() || data.len == 0)
		return __real_pz_channel_forward(channel, data);
	struct lane *lane = lane_of(channel);
	(void)!pz_buf_append(&lane->seen, data); /* as far as there is room */
	if (lie_about(channel, lane, data))
		return PZ_OK;
	put_held(channel, lane);
	liar_put(channel, data);
	if (liar_tells(LIE_DOUBLE, liar.chance))
		liar_put(channel, data);
	if (liar_tells(LIE_MAKE_UP, liar.chance))
		put_made_up(channel);
	if (liar_tells(LIE_CREDIT, liar.chance))
		credit_wrongly(channel, (uint32_t)data.len);
	return PZ_OK;
}

enum pz_err
__wrap_pz_channel_open(struct pz_channels *channels, const struct pz_channel_offer *offer,
		       const struct pz_channel_ops *ops, void *arg, struct pz_channel **out)
{
	enum pz_err err = __real_pz_channel_open(channels, offer, ops, arg, out);

	if (err == PZ_OK && liar_here())
		(void)lane_new(*out);
	return err;
}

/* ---- how it ends, what may be sent, which one was accepted ---- */

void
__wrap_pz_channel_close(struct pz_channel *channel, const char *reason)
{
	if (channel->state == CHANNEL_OPEN && liar_is_spliced(channel) &&
	    liar_tells(LIE_KEEP_OPEN, 80))
		liar_own_keep(channel);
	else
		__real_pz_channel_close(channel, reason);
}

void
__wrap_pz_channel_end(struct pz_channel *channel)
{
	if (!liar_is_spliced(channel) || !liar_tells(LIE_KEEP_OPEN, 80))
		__real_pz_channel_end(channel);
}

/* None, more than the other end takes, byte by byte, or more than can be counted. */
static void
credit_wrongly(struct pz_channel *channel, uint32_t bytes)
{
	uint64_t how = rng_below(liar.rng, 10);

	if (how == 0)
		__real_pz_channel_credit(channel, UINT32_MAX);
	else if (how < 3)
		for (uint32_t i = 0; i < bytes && i < 50; i++)
			__real_pz_channel_credit(channel, 1);
	else if (how < 6)
		__real_pz_channel_credit(channel,
					 bytes + (uint32_t)rng_spread(liar.rng, 1, 1U << 22));
}

void
__wrap_pz_channel_credit(struct pz_channel *channel, uint32_t bytes)
{
	if (liar_is_spliced(channel) && liar_tells(LIE_CREDIT, 50))
		credit_wrongly(channel, bytes);
	else
		__real_pz_channel_credit(channel, bytes);
}

/* The other end of the link takes this answer for that to a further open of its own, or to one
 * that it has not sent; and bytes of the two cross from now on. */
static void
cross(struct pz_channel *channel)
{
	for (size_t i = 0; i < PZ_CHANNELS_PER_LINK_MAX; i++) {
		struct pz_channel *other = channel->channels->by_number[i];
		if (other == NULL || other == channel || other->state < CHANNEL_OFFERED ||
		    !liar_is_spliced(other))
			continue;
		uint32_t peer = channel->peer;
		channel->peer = other->peer;
		other->peer = peer;
		return;
	}
	if (rng_chance(liar.rng, 20))
		channel->peer += 1 + (uint32_t)rng_below(liar.rng, 3);
}

void
__wrap_pz_channel_accept(struct pz_channel *channel, uint32_t window, json_t *more,
			 const struct pz_channel_ops *ops, void *arg)
{
	if (ops->credited && liar_tells(LIE_ANSWER, 50))
		cross(channel);
	__real_pz_channel_accept(channel, window, more, ops, arg);
}

/* ---- where it leads, and which device sent it ---- */

void
__wrap_pz_splice_start(struct pz_splices *splices, struct pz_channel *in,
		       const struct pz_channel_offer *offer, struct pz_channels *out,
		       const char *from, const char *to)
{
	struct sim_node *here = liar_here();
	const char *other = to;
	struct pz_channels *way = NULL;

	if (here)
		(void)lane_new(in);
	if (liar_tells(LIE_ANSWER, 20)) {
		liar_own_accept(in, offer->window);
		return;
	}
	if (liar_tells(LIE_MISLEAD, 50))
		way = liar_any_link(here, to, &other);
	if (liar_tells(LIE_NAME, 50))
		from = liar_any_name();
	__real_pz_splice_start(splices, in, offer, way ? way : out, from, way ? other : to);
}

/* ---- in whose name it speaks ---- */

enum pz_err
__wrap_pz_message_rpc(struct pz_buf *out, const char *from, const char *to, json_t *payload)
{
	return __real_pz_message_rpc(out, liar_tells(LIE_SPEAK, 30) ? liar_any_name() : from, to,
				     payload);
}

enum pz_err
__wrap_pz_message_prop(struct pz_buf *out, const char *from, const char *to, const char *status,
		       json_t *message)
{
	return __real_pz_message_prop(out, liar_tells(LIE_SPEAK, 10) ? liar_any_name() : from, to,
				      status, message);
}

/* ---- which nodes, and which lies ---- */

static void
be_ready(struct world *world)
{
	if (liar.world)
		return;
	liar.world = world;
	liar.rng = &world->rng;
	liar.chance = (unsigned)rng_spread(&world->rng, 1, 40);
	pz_list_init(&liar.own);
	liar.tells[rng_below(&world->rng, LIE_CHOSEN)] = true;
	for (size_t i = 0; i < LIE_CHOSEN; i++)
		liar.tells[i] |= rng_chance(&world->rng, 30);
}

void
liar_begin(struct world *world, struct sim_node *node)
{
	char text[200] = "";

	be_ready(world);
	liar.nodes[liar.node_count++] = node;
	for (size_t i = 0; i < LIE_COUNT; i++)
		if (liar.tells[i])
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
				 lie_names[i]);
	sim_note(world, "%s lies, %u %%:%s", node->name, liar.chance, text);
}

void
liar_must_tell(enum lie lie)
{
	liar.tells[lie] = true;
}

bool
liar_is(const struct sim_node *node)
{
	for (size_t i = 0; i < liar.node_count; i++)
		if (liar.nodes[i] == node)
			return true;
	return false;
}

void
liar_end(struct world *world)
{
	for (size_t i = 0; i < LIE_COUNT; i++)
		if (liar.lies[i])
			sim_note(world, "%s: %u times", lie_names[i], liar.lies[i]);
	if (liar.world)
		liar_own_end();
	for (size_t i = 0; i < liar.count; i++) {
		pz_buf_fini(&liar.lanes[i].held);
		pz_buf_fini(&liar.lanes[i].seen);
	}
	memset(&liar, 0, sizeof(liar));
}
