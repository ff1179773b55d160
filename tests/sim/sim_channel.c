/*
 * Channels over a hop (page 15): two ends, a hop between them that splices, links that keep the
 * order and may be lost. In every case the received bytes are the beginning of what was sent; after
 * an end or an orderly close they are all of it; nothing is left over; our own code violates no
 * rule.
 */
#include "base/buf.h"
#include "channel/splice.h"
#include "harness.h"
#include "kit/clock.h"
#include "wire/frame.h"

#define TALKS_MAX 400
#define TALK_BYTES_MAX (1U << 20)

/* One item on a link: a prop, or a channel's frame. */
struct item {
	struct pz_list node;
	char *status;
	json_t *message;
	struct pz_slice frame; /* owned */
};

/* One end of a talk, and what it has seen. */
struct party {
	struct talk *talk;
	struct party *other;
	struct pz_channel *channel; /* NULL: not yet, or gone */
	size_t sent, received, unconsumed;
	bool is_kept; /* an offer that is not decided yet */
	bool is_ending, is_closer;
};

struct talk {
	struct world *world;
	char name[16];
	struct party opener, taker;
};

struct site {
	struct lab *lab;
	struct site *peer; /* the other end of the link */
	struct pz_channels *channels;
	struct pz_list out;
	struct site *onward; /* a hop's other link */
};

struct lab {
	struct world *world;
	struct rng *rng;
	struct pz_kit_clock clock;
	struct pz_splices splices;
	struct site site[4]; /* near - hop, hop - far */
	struct talk talks[TALKS_MAX];
	size_t count;
};

/* Byte `at` of the stream of one party: no two streams are alike. */
static uint8_t
byte_at(const struct party *party, size_t at)
{
	const char *name = party->talk->name;
	size_t key = (size_t)name[1] * 131 + (size_t)name[2] * 17 + (size_t)name[3] * 5 +
		     (party == &party->talk->taker);

	return (uint8_t)(key + at * 7 + (at >> 8) * 13 + (at >> 16));
}

/* ---- owners ---- */

static void
on_accepted(void *arg, json_t *message, uint32_t window)
{
	(void)arg;
	(void)message;
	(void)window;
}

static void
on_refused(void *arg, enum pz_channel_refusal why)
{
	(void)why;
	((struct party *)arg)->channel = NULL;
}

static void
on_data(void *arg, struct pz_slice data)
{
	struct party *party = arg;

	for (size_t i = 0; i < data.len; i++)
		sim_check(party->talk->world,
			  data.ptr[i] == byte_at(party->other, party->received + i),
			  "%s: byte %zu is wrong", party->talk->name, party->received + i);
	party->received += data.len;
	party->unconsumed += data.len;
}

static void
on_ended(void *arg)
{
	struct party *party = arg;

	sim_check(party->talk->world,
		  party->received == party->other->sent && party->other->is_ending,
		  "%s: ended after %zu of %zu bytes", party->talk->name, party->received,
		  party->other->sent);
}

static void
on_closed(void *arg, const char *reason, json_t *message)
{
	struct party *party = arg;

	(void)message;
	party->channel = NULL;
	if (strcmp(reason, "ok") == 0)
		sim_check(party->talk->world,
			  party->other->is_closer && party->received == party->other->sent,
			  "%s: closed after %zu of %zu bytes", party->talk->name, party->received,
			  party->other->sent);
}

static const struct pz_channel_ops party_ops = {
	.accepted = on_accepted,
	.refused = on_refused,
	.data = on_data,
	.ended = on_ended,
	.closed = on_closed,
};

/* ---- sites ---- */

static void
site_send(void *arg, const char *status, json_t *message)
{
	struct site *site = arg;
	struct item *item = calloc(1, sizeof(*item));

	item->status = strdup(status);
	item->message = json_deep_copy(message);
	pz_list_append(&site->out, &item->node);
}

static void
site_wake(void *arg)
{
	(void)arg;
}

static struct talk *
find_talk(struct lab *lab, const char *name)
{
	for (size_t i = 0; i < lab->count; i++)
		if (strcmp(lab->talks[i].name, name) == 0)
			return &lab->talks[i];
	return NULL;
}

static void
site_offered(void *arg, struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	struct site *site = arg;
	struct lab *lab = site->lab;
	struct talk *talk = find_talk(lab, offer->to);

	if (site->onward && site->onward->channels) {
		pz_splice_start(&lab->splices, channel, offer, site->onward->channels, "from",
				offer->to);
		return;
	}
	if (site->onward || rng_chance(lab->rng, 20)) {
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
		return;
	}
	talk->taker.channel = channel;
	talk->taker.is_kept = rng_chance(lab->rng, 30);
	if (talk->taker.is_kept)
		pz_channel_keep(channel, &party_ops, &talk->taker);
	else
		pz_channel_accept(channel, (uint32_t)rng_spread(lab->rng, 1, 1U << 20), NULL,
				  &party_ops, &talk->taker);
}

static const struct pz_channels_ops site_ops = {site_send, site_wake, site_offered};

static void
item_free(struct item *item)
{
	pz_list_remove(&item->node);
	free(item->status);
	json_decref(item->message);
	free((void *)(uintptr_t)item->frame.ptr);
	free(item);
}

static void
lose(struct site *site)
{
	struct site *ends[] = {site, site->peer};

	for (size_t i = 0; i < 2; i++) {
		struct pz_channels *channels = ends[i]->channels;
		ends[i]->channels = NULL;
		pz_channels_free(channels);
		PZ_LIST_EACH (&ends[i]->out, node, tmp)
			item_free(PZ_CONTAINER(node, struct item, node));
	}
}

static void
connect_again(struct site *site)
{
	site->channels = pz_channels_new(&site->lab->clock.env, &site_ops, site);
	site->peer->channels = pz_channels_new(&site->lab->clock.env, &site_ops, site->peer);
}

static void
flush(struct site *site)
{
	struct pz_slice frame;

	pz_kit_clock_run(&site->lab->clock, 0); /* a new turn */
	while ((frame = pz_channels_next(site->channels)).len > 0) {
		struct item *item = calloc(1, sizeof(*item));
		item->frame =
			pz_slice_of(memcpy(malloc(frame.len), frame.ptr, frame.len), frame.len);
		pz_list_append(&site->out, &item->node);
		pz_channels_sent(site->channels);
	}
	pz_channels_flushed(site->channels);
}

static bool
carry(struct site *site)
{
	struct pz_list *node = pz_list_first(&site->out);
	enum pz_err err = PZ_OK;

	if (node == NULL)
		return false;
	struct item *item = PZ_CONTAINER(node, struct item, node);
	if (item->status == NULL)
		err = pz_channels_on_frame(site->peer->channels, item->frame);
	else
		(void)pz_channels_on_prop(site->peer->channels, item->status, item->message, &err);
	sim_check(site->lab->world, err == PZ_OK, "%s breaks a rule: %s",
		  item->status ? item->status : "data", pz_err_text(err));
	item_free(item);
	return true;
}

/* ---- what happens ---- */

static void
open_talk(struct lab *lab, struct site *from)
{
	struct talk *talk = &lab->talks[lab->count];

	if (lab->count == TALKS_MAX || from->channels == NULL)
		return;
	lab->count++;
	talk->world = lab->world;
	snprintf(talk->name, sizeof(talk->name), "t%03zu", lab->count);
	talk->opener = (struct party){.talk = talk, .other = &talk->taker};
	talk->taker = (struct party){.talk = talk, .other = &talk->opener};
	struct pz_channel_offer offer = {
		.to = talk->name,
		.kind = "link",
		.window = (uint32_t)rng_spread(lab->rng, 1, 1U << 20),
	};
	(void)!pz_channel_open(from->channels, &offer, &party_ops, &talk->opener,
			       &talk->opener.channel);
}

static void
party_send(struct lab *lab, struct party *party)
{
	static uint8_t bytes[1U << 16];
	size_t len = (size_t)rng_spread(lab->rng, 1, sizeof(bytes)), taken = 0;

	if (party->is_ending || party->sent + len > TALK_BYTES_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(party, party->sent + i);
	sim_check(lab->world,
		  pz_channel_send(party->channel, pz_slice_of(bytes, len), &taken) == PZ_OK,
		  "cannot send");
	party->sent += taken;
}

static void
party_close(struct party *party)
{
	party->is_closer = true;
	pz_channel_close(party->channel, "ok");
	party->channel = NULL;
}

static void
act(struct lab *lab, struct party *party)
{
	size_t n;

	if (party->is_kept) {
		party->is_kept = false;
		pz_channel_accept(party->channel, PZ_CHANNEL_WINDOW_BYTES, NULL, &party_ops, party);
		return;
	}
	switch (rng_below(lab->rng, 12)) {
	case 0:
		party_close(party);
		break;
	case 1:
		party->is_ending = true;
		pz_channel_end(party->channel);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		n = (size_t)rng_below(lab->rng, party->unconsumed + 1);
		party->unconsumed -= n;
		pz_channel_consumed(party->channel, n);
		break;
	default:
		party_send(lab, party);
		break;
	}
}

/* One end of a channel that there was or is; NULL: none yet. */
static struct party *
any_party(struct lab *lab)
{
	if (lab->count == 0)
		return NULL;
	struct talk *talk = &lab->talks[rng_below(lab->rng, lab->count)];
	return rng_chance(lab->rng, 50) ? &talk->taker : &talk->opener;
}

static void
cut_or_mend(struct lab *lab, struct site *site)
{
	if (rng_chance(lab->rng, 3) && site->channels)
		lose(site);
	else if (site->channels == NULL)
		connect_again(site);
}

static void
step(struct lab *lab)
{
	struct site *site = &lab->site[rng_below(lab->rng, 4)];
	struct party *party = any_party(lab);
	uint64_t what = rng_below(lab->rng, 40);

	if (what == 0) {
		open_talk(lab, &lab->site[rng_chance(lab->rng, 50) ? 0 : 3]);
	} else if (what == 1) {
		pz_kit_clock_jump(&lab->clock, rng_spread(lab->rng, 1, 10 * PZ_US_PER_S));
	} else if (what == 2) {
		cut_or_mend(lab, site);
	} else if (what <= 12) {
		if (party && party->channel)
			act(lab, party);
	} else if (what <= 16) {
		if (site->channels)
			flush(site);
	} else {
		for (uint64_t n = rng_below(lab->rng, 4); n-- > 0 && site->channels;)
			(void)carry(site);
	}
}

/* Every party that is left closes, and everything arrives. */
static void
finish(struct lab *lab)
{
	bool moved = true;

	for (size_t i = 0; i < lab->count; i++) {
		struct party *ends[] = {&lab->talks[i].opener, &lab->talks[i].taker};
		for (size_t k = 0; k < 2; k++)
			if (ends[k]->channel)
				party_close(ends[k]);
	}
	while (moved) {
		moved = false;
		for (size_t i = 0; i < 4; i++) {
			if (lab->site[i].channels)
				flush(&lab->site[i]);
			while (lab->site[i].channels && carry(&lab->site[i]))
				moved = true;
		}
	}
	for (size_t i = 0; i < 4; i++)
		sim_check(lab->world,
			  lab->site[i].channels == NULL ||
				  pz_channels_count(lab->site[i].channels) == 0,
			  "%zu channels are left at %zu", pz_channels_count(lab->site[i].channels),
			  i);
	sim_check(lab->world, lab->splices.count == 0 && lab->splices.bytes == 0,
		  "%zu splices are left", lab->splices.count);
}

static void
run(struct world *world)
{
	static const struct pz_splice_limits limits = {.count = 30};
	struct lab *lab = calloc(1, sizeof(*lab));

	lab->world = world;
	lab->rng = &world->rng;
	pz_kit_clock_init(&lab->clock);
	pz_splices_init(&lab->splices, &lab->clock.env, &limits);
	for (size_t i = 0; i < 4; i++) {
		lab->site[i].lab = lab;
		lab->site[i].peer = &lab->site[i ^ 1];
		pz_list_init(&lab->site[i].out);
	}
	lab->site[1].onward = &lab->site[2];
	lab->site[2].onward = &lab->site[1];
	connect_again(&lab->site[0]);
	connect_again(&lab->site[2]);
	for (unsigned i = 0; i < 40000; i++)
		step(lab);
	finish(lab);
	for (size_t i = 0; i < 4; i++)
		if (lab->site[i].channels)
			lose(&lab->site[i]);
	sim_check(world, pz_kit_clock_is_idle(&lab->clock), "a timer is left");
	free(lab);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {{"hop", 40, run}};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
