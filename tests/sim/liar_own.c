/* A liar's own channels: channels whose other half has ended, that lead nowhere, or that it has
 * opened in the name of others. It replays there what it has seen in other channels, and invents
 * the rest. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "hub/internal.h"
#include "liar_internal.h"
#include "peers/internal.h"
#include "pzp/internal.h"

#define MADE_UP_US (5 * SIM_S)
#define LINKS_MAX 64

struct own {
	struct pz_list node;
	struct sim_node *liar;
	struct pz_channel *channel;
	struct pz_timer timer;
};

static void
own_free(struct own *own)
{
	pz_env_stop(&own->liar->env, &own->timer);
	pz_list_remove(&own->node);
	free(own);
}

static void
on_make_up(struct pz_timer *timer, void *arg)
{
	const struct own *own = arg;

	if (own->channel->state == CHANNEL_OPEN && liar.tells[LIE_MAKE_UP])
		liar_put(own->channel, pz_slice_of("\x17", 1));
	pz_env_start(&own->liar->env, timer, MADE_UP_US);
}

static struct own *
own_new(struct pz_channel *channel)
{
	struct own *own = calloc(1, sizeof(*own));

	if (own == NULL)
		abort();
	own->liar = liar_here();
	own->channel = channel;
	pz_list_append(&liar.own, &own->node);
	pz_timer_init(&own->timer, on_make_up, own);
	pz_env_start(&own->liar->env, &own->timer, MADE_UP_US);
	return own;
}

/* What was seen in another channel, or the beginning of it. */
static void
play(struct pz_channel *channel)
{
	size_t first = (size_t)rng_below(liar.rng, liar.count + 1);

	for (size_t i = 0; i < liar.count; i++) {
		struct pz_slice seen = pz_buf_slice(&liar.lanes[(first + i) % liar.count].seen);
		if (seen.len == 0)
			continue;
		if (rng_chance(liar.rng, 30))
			seen.len = 1 + (size_t)rng_below(liar.rng, seen.len);
		liar_put(channel, seen);
		return;
	}
}

/* ---- what happens to them ---- */

static void
on_accepted(void *arg, json_t *message, uint32_t window)
{
	const struct own *own = arg;

	(void)message;
	(void)window;
	play(own->channel);
}

static void
on_refused(void *arg, enum pz_channel_refusal why)
{
	(void)why;
	own_free(arg);
}

/* A tenth of it comes back to where it came from. */
static void
on_data(void *arg, struct pz_slice data)
{
	const struct own *own = arg;

	__real_pz_channel_credit(own->channel, (uint32_t)data.len);
	if (rng_chance(liar.rng, 10))
		liar_put(own->channel, data);
}

static void
on_credited(void *arg, uint32_t bytes)
{
	(void)arg;
	(void)bytes;
}

static void
on_ended(void *arg)
{
	(void)arg;
}

static void
on_closed(void *arg, const char *reason, json_t *message)
{
	(void)reason;
	(void)message;
	own_free(arg);
}

static const struct pz_channel_ops own_ops = {
	.accepted = on_accepted,
	.refused = on_refused,
	.data = on_data,
	.credited = on_credited,
	.ended = on_ended,
	.closed = on_closed,
};

void
liar_own_keep(struct pz_channel *channel)
{
	pz_channel_keep(channel, &own_ops, own_new(channel));
}

void
liar_own_accept(struct pz_channel *channel, uint32_t window)
{
	__real_pz_channel_accept(channel, window, NULL, &own_ops, own_new(channel));
	if (rng_chance(liar.rng, 50))
		play(channel);
}

void
liar_own_end(void)
{
	PZ_LIST_EACH (&liar.own, n, tmp) {
		struct own *own = PZ_CONTAINER(n, struct own, node);
		struct pz_channel *channel = own->channel;
		own_free(own);
		__real_pz_channel_close(channel, "over");
	}
}

/* ---- links ---- */

static size_t
links_of_hub(const struct sim_node *node, struct pz_link **out)
{
	size_t pos = 0, count = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(node->hub->zones, &pos, &key, &zone))
		PZ_LIST_EACH (&((struct pz_hosted *)zone)->links, n, tmp)
			if (count < LINKS_MAX)
				out[count++] = PZ_CONTAINER(n, struct pz_link, owner_node);
	return count;
}

static size_t
links_of_device(const struct sim_node *node, struct pz_link **out)
{
	const struct pz_peers *peers = node->node->peers;
	size_t count = 0;

	if (pz_peers_has_direct_hub(peers))
		out[count++] = pz_link_of(pz_peers_hub(peers));
	PZ_LIST_EACH (&peers->links, n, tmp) {
		const struct peer_link *pl = PZ_CONTAINER(n, struct peer_link, node);
		if (pl->state == PEER_LINK_LIVE && !pl->is_tunnel && count < LINKS_MAX)
			out[count++] = pl->link;
	}
	return count;
}

struct pz_channels *
liar_any_link(struct sim_node *node, const char *except, const char **out_address)
{
	struct pz_link *links[LINKS_MAX];
	size_t count = node->is_hub ? links_of_hub(node, links) : links_of_device(node, links);

	for (size_t first = (size_t)rng_below(liar.rng, count + 1), i = 0; i < count; i++) {
		struct pz_link *link = links[(first + i) % count];
		if (link->closing || (except && strcmp(link->session.address, except) == 0))
			continue;
		*out_address = link->session.address;
		return pz_link_channels(link);
	}
	return NULL;
}

/* ---- opened by itself ---- */

static void
open_one(struct sim_node *node)
{
	const char *address = NULL;
	struct pz_channels *channels = liar_any_link(node, NULL, &address);
	struct pz_channel *channel = NULL;
	struct pz_channel_offer offer = {
		.to = rng_chance(liar.rng, 80) ? address : liar_any_name(),
		.kind = rng_chance(liar.rng, 90) ? "link" : "file",
		.window = (uint32_t)rng_spread(liar.rng, 1, 1U << 20),
	};

	if (channels == NULL)
		return;
	if (rng_chance(liar.rng, 80))
		offer.from = liar_any_name();
	struct own *own = own_new(NULL);
	if (__real_pz_channel_open(channels, &offer, &own_ops, own, &channel) == PZ_OK) {
		own->channel = channel;
		liar.lies[LIE_OPEN]++;
	} else {
		own_free(own);
	}
}

void
liar_act(void)
{
	for (size_t i = 0; i < liar.node_count; i++) {
		struct sim_node *node = liar.nodes[i];
		if (!node->is_running || !liar.tells[LIE_OPEN])
			continue;
		harness_current(node->name);
		open_one(node);
		pz_turn_end(&node->turn);
		harness_current(NULL);
	}
}
