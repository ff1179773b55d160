/*
 * Each side may send what the other side's end accepts: `offered` counts all credit of that end,
 * `granted` what was passed on. Usually they are equal. They differ while windows must be smaller
 * than the ends want: then credit is held back, and passed on as bytes pass.
 *
 * A splice that has ended stays, without its channels, while its bytes wait for an end that reads
 * slowly or not at all: they count like windows, otherwise a device could use up the memory by
 * filling a window and closing, again and again.
 */
#include "channel/splice.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/frame.h"

struct side {
	struct pz_splice *splice;
	struct side *other;
	struct pz_channel *channel;
	uint64_t passed;  /* bytes received here */
	uint64_t granted; /* that its end may send */
	uint64_t offered; /* that its end accepts */
	uint32_t cap;     /* granted exceeds passed by at most this */
	size_t waiting;   /* bytes for this end, after the splice has ended */
};

struct pz_splice {
	struct pz_list node; /* splices->all */
	struct pz_splices *splices;
	struct side in, out;
	struct pz_timer timer; /* nothing passes */
	uint64_t moved_us;
	bool is_over; /* its channels are closed */
	char from[PZ_ADDRESS_BYTES_MAX + 1], to[PZ_ADDRESS_BYTES_MAX + 1];
};

void
pz_splices_init(struct pz_splices *splices, const struct pz_env *env,
		const struct pz_splice_limits *limits)
{
	*splices = (struct pz_splices){.env = env, .limits = *limits};
	pz_list_init(&splices->all);
}

static void
free_when_gone(struct pz_splice *splice)
{
	if (splice->in.waiting + splice->out.waiting > 0)
		return;
	pz_list_remove(&splice->node);
	free(splice);
}

static void
on_gone(void *arg)
{
	struct side *side = arg;

	side->splice->splices->bytes -= side->waiting;
	side->waiting = 0;
	free_when_gone(side->splice);
}

static void
close_side(struct side *side, const char *reason)
{
	side->waiting = pz_channel_close_waiting(side->channel, reason, on_gone);
}

/* Both channels are closed, or not open yet. */
static void
splice_end(struct pz_splice *splice)
{
	struct pz_splices *splices = splice->splices;

	pz_env_stop(splices->env, &splice->timer);
	splices->count--;
	splices->bytes -= splice->in.cap + splice->out.cap;
	splices->bytes += splice->in.waiting + splice->out.waiting;
	splice->in.cap = splice->out.cap = 0;
	splice->is_over = true;
	free_when_gone(splice);
}

/* ---- room ---- */

static size_t
bytes_of(const struct pz_splices *splices, const char *opener)
{
	size_t sum = 0;

	PZ_LIST_EACH (&splices->all, node, tmp) {
		const struct pz_splice *splice = PZ_CONTAINER(node, struct pz_splice, node);
		if (strcmp(splice->from, opener) == 0)
			sum += splice->in.cap + splice->out.cap + splice->in.waiting +
			       splice->out.waiting;
	}
	return sum;
}

/* @param share the part of all room that may be used, 1 / share */
static bool
has_room(const struct pz_splices *splices, const char *opener, size_t more, size_t share)
{
	return splices->bytes + more <= PZ_SPLICE_BYTES_MAX / share &&
	       bytes_of(splices, opener) + more <= PZ_SPLICE_OPENER_BYTES_MAX / share;
}

static bool
is_within(size_t count, size_t max)
{
	return max == 0 || count < max;
}

/* Besides the total there is a limit for each opener and each pair, so that one member cannot use
 * all places of a hop. */
static bool
may_start(const struct pz_splices *splices, const char *from, const char *to)
{
	size_t opened = 0, between = 0;

	PZ_LIST_EACH (&splices->all, node, tmp) {
		const struct pz_splice *s = PZ_CONTAINER(node, struct pz_splice, node);
		if (s->is_over)
			continue;
		opened += strcmp(s->from, from) == 0;
		between += (strcmp(s->from, from) == 0 && strcmp(s->to, to) == 0) ||
			   (strcmp(s->from, to) == 0 && strcmp(s->to, from) == 0);
	}
	return is_within(splices->count, splices->limits.count) &&
	       is_within(opened, splices->limits.per_opener) &&
	       is_within(between, splices->limits.per_pair);
}

/* Windows grow while at least half of the room is left. */
static void
grow(struct side *side)
{
	struct pz_splice *splice = side->splice;

	if (side->other->offered - side->passed <= side->cap ||
	    side->cap > PZ_CHANNEL_WINDOW_BYTES_MAX / 2 ||
	    !has_room(splice->splices, splice->from, side->cap, 2))
		return;
	splice->splices->bytes += side->cap;
	side->cap *= 2;
}

/* ---- passing ---- */

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Held-back credit is passed on in pieces of half a window, as an end would. A piece that is
 * smaller than what this end may still send, by more than page 15's rounding of credit, waits until
 * that is used up: so an end that gives its credit byte by byte does not fill the queue of the
 * other end's link. An end that follows page 15 never waits. */
static void
grant(struct side *side)
{
	uint64_t offered = side->other->offered;
	uint64_t may = smaller(offered, side->passed + side->cap);

	if (may <= side->granted)
		return;
	uint64_t more = may - side->granted, left = side->granted - side->passed;
	if (may < offered)
		left = side->cap / 2;
	if (more < left && (more < PZ_DATA_BYTES_MAX || more + 2 * PZ_DATA_BYTES_MAX < left))
		return;
	side->granted = may;
	pz_channel_credit(side->channel, (uint32_t)more);
}

static void
on_credited(void *arg, uint32_t bytes)
{
	struct side *side = arg;

	side->offered += bytes;
	grow(side->other);
	grant(side->other);
}

static void
end_both(struct pz_splice *splice, const char *reason)
{
	close_side(&splice->in, reason);
	close_side(&splice->out, reason);
	splice_end(splice);
}

static void
on_data(void *arg, struct pz_slice data)
{
	struct side *side = arg;
	struct pz_splice *splice = side->splice;

	side->passed += data.len;
	splice->moved_us = pz_env_mono_us(splice->splices->env);
	if (pz_channel_forward(side->other->channel, data) != PZ_OK) {
		end_both(splice, "noMemory");
		return;
	}
	grant(side);
}

static void
on_ended(void *arg)
{
	pz_channel_end(((struct side *)arg)->other->channel);
}

static void
on_closed(void *arg, const char *reason, json_t *message)
{
	struct side *side = arg;

	(void)message;
	close_side(side->other, reason);
	splice_end(side->splice);
}

/* ---- opening ---- */

static void
on_refused(void *arg, enum pz_channel_refusal why)
{
	struct side *side = arg;

	pz_channel_refuse(side->other->channel, why);
	splice_end(side->splice);
}

static const struct pz_channel_ops in_ops = {
	.data = on_data,
	.credited = on_credited,
	.ended = on_ended,
	.closed = on_closed,
};

static void
on_accepted(void *arg, json_t *message, uint32_t window)
{
	struct side *out = arg, *in = out->other;

	(void)message;
	out->offered = window;
	in->granted = smaller(window, in->cap);
	pz_channel_accept(in->channel, (uint32_t)in->granted, NULL, &in_ops, in);
}

static const struct pz_channel_ops out_ops = {
	.accepted = on_accepted,
	.refused = on_refused,
	.data = on_data,
	.credited = on_credited,
	.ended = on_ended,
	.closed = on_closed,
};

static void
on_idle(struct pz_timer *timer, void *arg)
{
	struct pz_splice *splice = arg;
	const struct pz_env *env = splice->splices->env;
	uint64_t idle_us = pz_env_mono_us(env) - splice->moved_us;

	if (idle_us >= PZ_SPLICE_IDLE_US)
		end_both(splice, "idle");
	else
		pz_env_start(env, timer, PZ_SPLICE_IDLE_US - idle_us);
}

/* Smaller windows when there is little room; NULL: none, or out of memory. */
static struct pz_splice *
splice_new(struct pz_splices *splices, const char *from, const char *to)
{
	uint32_t cap = PZ_CHANNEL_WINDOW_BYTES;
	struct pz_splice *splice;

	if (!has_room(splices, from, (size_t)2 * cap, 1))
		cap = PZ_SPLICE_WINDOW_BYTES_MIN;
	if (!may_start(splices, from, to) || !has_room(splices, from, (size_t)2 * cap, 1) ||
	    (splice = calloc(1, sizeof(*splice))) == NULL)
		return NULL;
	splice->splices = splices;
	splice->in = (struct side){.splice = splice, .other = &splice->out, .cap = cap};
	splice->out = (struct side){.splice = splice, .other = &splice->in, .cap = cap};
	splice->moved_us = pz_env_mono_us(splices->env);
	snprintf(splice->from, sizeof(splice->from), "%s", from);
	snprintf(splice->to, sizeof(splice->to), "%s", to);
	pz_timer_init(&splice->timer, on_idle, splice);
	pz_env_start(splices->env, &splice->timer, PZ_SPLICE_IDLE_US);
	pz_list_append(&splices->all, &splice->node);
	splices->count++;
	splices->bytes += (size_t)2 * cap;
	return splice;
}

/* The offer for the next end is a new one: only its kind is copied. */
void
pz_splice_start(struct pz_splices *splices, struct pz_channel *in,
		const struct pz_channel_offer *offer, struct pz_channels *out, const char *from,
		const char *to)
{
	struct pz_splice *splice = splice_new(splices, from, to);

	if (splice == NULL) {
		pz_channel_refuse(in, PZ_CHANNEL_LIMIT);
		return;
	}
	splice->in.channel = in;
	splice->in.offered = offer->window;
	splice->out.granted = smaller(offer->window, splice->out.cap);
	struct pz_channel_offer next = {
		.to = splice->to,
		.kind = offer->kind,
		.from = splice->from,
		.window = (uint32_t)splice->out.granted,
	};
	pz_channel_keep(in, &in_ops, &splice->in);
	if (pz_channel_open(out, &next, &out_ops, &splice->out, &splice->out.channel) != PZ_OK) {
		pz_channel_refuse(in, PZ_CHANNEL_LIMIT);
		splice_end(splice);
	}
}

void
pz_splices_end(struct pz_splices *splices)
{
	PZ_LIST_EACH (&splices->all, node, tmp) {
		struct pz_splice *splice = PZ_CONTAINER(node, struct pz_splice, node);
		if (!splice->is_over)
			end_both(splice, "refused");
	}
}
