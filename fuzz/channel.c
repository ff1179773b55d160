/*
 * Target functions: pz_channels_on_prop, pz_channels_on_frame, what a splice makes of them, and
 * pz_frame_cut_data.
 * Input: one step after the other, each begun by a byte (see `step`): a prop as a line of text or
 * made of bytes, a frame, something that an owner does, time. Two links of one node: offers on the
 * first are accepted, kept, refused or continued on the second, by a byte of the input.
 * Must hold: no more data than the window; what goes out is whole frames within the other end's
 * window and the budget; every owner is called last exactly once; nothing is left at the end.
 */
#include "fuzz.h"

#include "base/limits.h"
#include "channel/splice.h"
#include "wire/frame.h"
#include "wire/json.h"

#define USERS_MAX 512

struct user {
	struct pz_channel *channel;
	size_t window; /* bytes that may still come */
	size_t unconsumed;
	bool is_open, is_gone;
};

struct side {
	struct state *state;
	struct pz_channels *channels;
	bool is_broken;
};

static struct state {
	struct pz_kit_clock world;
	struct side side[2];
	struct pz_splices splices;
	struct user users[USERS_MAX];
	size_t count;
	struct pz_slice input;
} state;

/* ---- owners ---- */

static void
user_over(struct user *u)
{
	FUZZ_CHECK(!u->is_gone);
	u->is_gone = true;
	u->channel = NULL;
}

static void
user_accepted(void *arg, json_t *message, uint32_t window)
{
	struct user *u = arg;

	(void)window;
	FUZZ_CHECK(!u->is_gone && !u->is_open && json_is_object(message));
	u->is_open = true;
}

static void
user_refused(void *arg, enum pz_channel_refusal why)
{
	struct user *u = arg;

	FUZZ_CHECK(!u->is_open && why <= PZ_CHANNEL_BAD_REQUEST);
	user_over(u);
}

static void
user_data(void *arg, struct pz_slice data)
{
	struct user *u = arg;

	FUZZ_CHECK(!u->is_gone && u->is_open && data.len > 0 && data.len <= u->window);
	u->window -= data.len;
	u->unconsumed += data.len;
}

static void
user_ended(void *arg)
{
	struct user *u = arg;

	FUZZ_CHECK(!u->is_gone);
	u->window = 0;
}

static void
user_closed(void *arg, const char *reason, json_t *message)
{
	(void)message;
	FUZZ_CHECK(strlen(reason) <= PZ_CHANNEL_REASON_BYTES_MAX);
	for (; *reason; reason++)
		FUZZ_CHECK(*reason > ' ' && *reason <= '~');
	user_over(arg);
}

static const struct pz_channel_ops user_ops = {
	.accepted = user_accepted,
	.refused = user_refused,
	.data = user_data,
	.ended = user_ended,
	.closed = user_closed,
};

static struct user *
new_user(void)
{
	if (state.count == USERS_MAX)
		return NULL;
	struct user *u = &state.users[state.count++];
	*u = (struct user){.window = PZ_CHANNEL_WINDOW_BYTES};
	return u;
}

/* ---- the links ---- */

static void
side_send(void *arg, const char *status, json_t *message)
{
	struct side *side = arg;

	FUZZ_CHECK(json_is_object(message) && side->channels);
	FUZZ_CHECK(strncmp(status, "channel", 7) == 0);
}

static void
side_wake(void *arg)
{
	FUZZ_CHECK(((struct side *)arg)->channels);
}

static void
side_offered(void *arg, struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	struct side *side = arg;
	uint8_t what = fuzz_byte(&state.input) % 5;
	struct user *u = what < 2 ? new_user() : NULL;

	FUZZ_CHECK(offer->to && offer->kind && strlen(offer->kind) <= PZ_CHANNEL_KIND_BYTES_MAX);
	if (u && what == 0) {
		u->channel = channel;
		u->is_open = true;
		pz_channel_accept(channel, PZ_CHANNEL_WINDOW_BYTES, NULL, &user_ops, u);
	} else if (u) {
		u->channel = channel;
		pz_channel_keep(channel, &user_ops, u);
	} else if (what == 2) {
		pz_channel_refuse(channel, PZ_CHANNEL_LIMIT);
	} else if (what == 3 && side == &state.side[0]) {
		pz_splice_start(&state.splices, channel, offer, state.side[1].channels, "from",
				offer->to);
	}
}

static const struct pz_channels_ops side_ops = {side_send, side_wake, side_offered};

/* ---- steps ---- */

static void
give_prop(struct side *side, const char *status, json_t *message)
{
	enum pz_err err = PZ_OK;

	(void)pz_channels_on_prop(side->channels, status, message, &err);
	side->is_broken |= err != PZ_OK;
}

/* "status {...}" */
static void
text_prop(struct side *side)
{
	struct pz_slice line = fuzz_line(&state.input);
	const uint8_t *gap = line.len ? memchr(line.ptr, ' ', line.len) : NULL;

	if (gap == NULL)
		return;
	char *status = fuzz_text(pz_slice_of(line.ptr, (size_t)(gap - line.ptr)));
	json_t *message =
		pz_json_parse(pz_slice_of(gap + 1, line.len - (size_t)(gap - line.ptr) - 1), NULL);
	give_prop(side, status, message);
	json_decref(message);
	free(status);
}

static void
made_prop(struct side *side)
{
	static const char *const statuses[] = {"channelOpen",   "channelAccept", "channelRefuse",
					       "channelCredit", "channelEnd",    "channelClose"};
	const char *status = statuses[fuzz_byte(&state.input) % 6];
	json_int_t number = fuzz_byte(&state.input) % 70, other = fuzz_byte(&state.input);

	json_t *message = json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:s}", "channel", number,
				    "peer", other, "bytes", other * 256, "window", other * 2048,
				    "to", "zone/device", "kind", "link", "reason", "ok");
	FUZZ_CHECK(message != NULL);
	give_prop(side, status, message);
	json_decref(message);
}

static void
frame(struct side *side)
{
	static uint8_t bytes[PZ_DATA_FRAME_BYTES_MAX + 8];
	struct pz_slice whole, data;
	size_t need, len = 1 + (size_t)fuzz_byte(&state.input) * 64;
	uint32_t number = fuzz_byte(&state.input) % 70;

	pz_frame_put_data_header(bytes, number, len);
	FUZZ_CHECK(pz_frame_cut_data(pz_slice_of(bytes, sizeof(bytes)), &whole, &need) == PZ_OK);
	FUZZ_CHECK(need == 0 && whole.len == len + PZ_DATA_HEADER_BYTES);
	FUZZ_CHECK(pz_frame_data(whole, &data) == number && data.len == len);
	side->is_broken |= pz_channels_on_frame(side->channels, whole) != PZ_OK;
}

static void
flush(struct side *side)
{
	size_t sent = 0, need;
	struct pz_slice next, whole;

	pz_kit_clock_run(&state.world, 0); /* a new turn */
	while ((next = pz_channels_next(side->channels)).len > 0) {
		FUZZ_CHECK(sent < PZ_CHANNEL_FLUSH_BYTES);
		FUZZ_CHECK(pz_frame_cut_data(next, &whole, &need) == PZ_OK);
		FUZZ_CHECK(whole.len == next.len);
		sent += next.len;
		pz_channels_sent(side->channels);
	}
	pz_channels_flushed(side->channels);
}

static void
own_step(struct side *side)
{
	static const uint8_t bytes[4096];
	const struct pz_channel_offer offer = {.to = "a@b.c/d", .kind = "link", .window = 5000};
	struct user *u = state.count ? &state.users[fuzz_byte(&state.input) % state.count] : NULL;
	uint8_t what = fuzz_byte(&state.input) % 6;
	size_t taken;

	if (what == 0 && (u = new_user()) != NULL) {
		u->window = offer.window;
		if (pz_channel_open(side->channels, &offer, &user_ops, u, &u->channel) != PZ_OK)
			u->is_gone = true;
		return;
	}
	if (u == NULL || u->channel == NULL)
		return;
	if (what == 1) {
		struct pz_channel *channel = u->channel;
		user_over(u);
		pz_channel_close(channel, "a reason of ours");
	} else if (what == 2) {
		FUZZ_CHECK(pz_channel_send(u->channel, pz_slice_of(bytes, sizeof(bytes)), &taken) ==
			   PZ_OK);
		FUZZ_CHECK(taken <= sizeof(bytes) &&
			   pz_channel_queued(u->channel) <= PZ_CHANNEL_UNSENT_BYTES);
	} else if (what == 3) {
		pz_channel_end(u->channel);
	} else if (u->is_open) {
		u->window += 2 * u->unconsumed + PZ_CHANNEL_WINDOW_BYTES; /* at most, doubled */
		pz_channel_consumed(u->channel, u->unconsumed);
		u->unconsumed = 0;
	}
}

static void
step(void)
{
	uint8_t what = fuzz_byte(&state.input);
	struct side *side = &state.side[what >> 7];

	switch (what % 6) {
	case 0:
		text_prop(side);
		break;
	case 1:
		made_prop(side);
		break;
	case 2:
		frame(side);
		break;
	case 3:
		own_step(side);
		break;
	case 4:
		flush(side);
		break;
	default:
		pz_kit_clock_run(&state.world, (uint64_t)fuzz_byte(&state.input) * PZ_US_PER_S);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pz_splice_limits limits = {.count = 20, .per_opener = 10};

	state = (struct state){.input = pz_slice_of(data, size)};
	fuzz_clock_init(&state.world);
	pz_splices_init(&state.splices, &state.world.env, &limits);
	for (size_t i = 0; i < 2; i++)
		state.side[i].channels =
			pz_channels_new(&state.world.env, &side_ops, &state.side[i]);
	while (state.input.len > 0 && !state.side[0].is_broken && !state.side[1].is_broken)
		step();
	for (size_t i = 0; i < 2; i++) {
		FUZZ_CHECK(pz_channels_count(state.side[i].channels) <= PZ_CHANNELS_PER_LINK_MAX);
		pz_channels_free(state.side[i].channels);
	}
	FUZZ_CHECK(state.splices.count == 0 && state.splices.bytes == 0);
	FUZZ_CHECK(pz_kit_clock_is_idle(&state.world));
	for (size_t i = 0; i < state.count; i++)
		FUZZ_CHECK(state.users[i].is_gone);
	return 0;
}
