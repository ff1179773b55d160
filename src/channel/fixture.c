#include "channel/fixture.h"

#include "channel/internal.h"

void
world_pass(struct world *w, uint64_t us)
{
	pz_kit_clock_jump(&w->clock, us);
}

/* ---- an owner ---- */

static void
user_accepted(void *arg, json_t *message, uint32_t window)
{
	struct user *u = arg;

	(void)message;
	(void)window;
	assert_false(u->is_accepted);
	u->is_accepted = true;
}

static void
user_refused(void *arg, enum pz_channel_refusal why)
{
	struct user *u = arg;

	assert_false(u->is_accepted || u->is_refused);
	u->is_refused = true;
	u->why = why;
	u->channel = NULL;
}

static void
user_data(void *arg, struct pz_slice data)
{
	struct user *u = arg;

	assert_non_null(u->channel);
	assert_true(data.len > 0 && data.len <= PZ_DATA_BYTES_MAX);
	assert_int_equal(pz_buf_append(&u->in, data), PZ_OK);
	if (u->is_beside_messages)
		pz_channels_note_message(u->channel->channels,
					 pz_env_mono_us(u->channel->channels->env));
	if (u->is_lazy)
		u->unconsumed += data.len;
	else
		pz_channel_consumed(u->channel, data.len);
}

static void
user_credited(void *arg, uint32_t bytes)
{
	((struct user *)arg)->credits += bytes;
}

static void
user_writable(void *arg)
{
	((struct user *)arg)->writables++;
}

static void
user_ended(void *arg)
{
	struct user *u = arg;

	assert_false(u->has_ended);
	u->has_ended = true;
}

static void
user_closed(void *arg, const char *reason, json_t *message)
{
	struct user *u = arg;

	assert_false(u->is_closed);
	u->is_closed = true;
	u->channel = NULL;
	snprintf(u->reason, sizeof(u->reason), "%s", reason);
	u->has_message = message != NULL;
	u->more = json_integer_value(json_object_get(message, "more"));
}

const struct pz_channel_ops user_ops = {
	.accepted = user_accepted,
	.refused = user_refused,
	.data = user_data,
	.credited = user_credited,
	.writable = user_writable,
	.ended = user_ended,
	.closed = user_closed,
};

void
user_init(struct user *u)
{
	*u = (struct user){0};
	pz_buf_init(&u->in, 64U << 20, NULL);
}

/* ---- an end ---- */

static void
end_send(void *arg, const char *status, json_t *message)
{
	struct end *end = arg;
	struct item *item = calloc(1, sizeof(*item));

	assert_non_null(item);
	item->status = strdup(status);
	item->message = json_deep_copy(message);
	pz_list_append(&end->out, &item->node);
}

static void
end_wake(void *arg)
{
	((struct end *)arg)->wakes++;
}

static void
end_offered(void *arg, struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	struct end *end = arg;

	end->offers++;
	snprintf(end->offer_to, sizeof(end->offer_to), "%s", offer->to);
	snprintf(end->offer_kind, sizeof(end->offer_kind), "%s", offer->kind);
	snprintf(end->offer_from, sizeof(end->offer_from), "%s", offer->from ? offer->from : "");
	switch (end->answer) {
	case ANSWER_ACCEPT:
		end->user->channel = channel;
		pz_channel_accept(channel, end->window, NULL, &user_ops, end->user);
		break;
	case ANSWER_REFUSE:
		pz_channel_refuse(channel, PZ_CHANNEL_UNKNOWN_KIND);
		break;
	case ANSWER_KEEP:
		end->user->channel = channel;
		pz_channel_keep(channel, &user_ops, end->user);
		break;
	case ANSWER_NOTHING:
		break;
	case ANSWER_SPLICE:
		pz_splice_start(end->splices, channel, offer, end->next->channels, end->proved,
				offer->to);
		break;
	}
}

static const struct pz_channels_ops end_ops = {end_send, end_wake, end_offered};

static void
end_init(struct end *end, struct end *other, const struct pz_env *env)
{
	*end = (struct end){.env = env, .other = other, .window = PZ_CHANNEL_WINDOW_BYTES};
	pz_list_init(&end->out);
	end->channels = pz_channels_new(env, &end_ops, end);
	assert_non_null(end->channels);
}

void
item_free(struct item *item)
{
	pz_list_remove(&item->node);
	free(item->status);
	json_decref(item->message);
	pz_buf_fini(&item->frame);
	free(item);
}

void
end_fini(struct end *end)
{
	pz_channels_free(PZ_TAKE(end->channels));
	PZ_LIST_EACH (&end->out, node, tmp)
		item_free(PZ_CONTAINER(node, struct item, node));
}

bool
end_flush(struct end *end)
{
	struct pz_slice frame;
	bool any = false;

	pz_timers_run(end->env->timers, pz_env_mono_us(end->env)); /* a new turn */
	while ((frame = pz_channels_next(end->channels)).len > 0) {
		struct item *item = calloc(1, sizeof(*item));
		assert_non_null(item);
		pz_buf_init(&item->frame, frame.len, NULL);
		assert_int_equal(pz_buf_append(&item->frame, frame), PZ_OK);
		pz_list_append(&end->out, &item->node);
		end->data_frames++;
		any = true;
		pz_channels_sent(end->channels);
	}
	pz_channels_flushed(end->channels);
	/* The share of this turn may have been used up before the last frame came: another follows.
	 */
	return any || pz_timers_next_us(end->env->timers) <= pz_env_mono_us(end->env);
}

/* The first item arrives at the other end. @return false: no item waits */
bool
end_carry(struct end *end)
{
	struct pz_list *node = pz_list_first(&end->out);
	struct pz_channels *to = end->other->channels;
	struct pz_slice frame;
	size_t need;

	if (node == NULL)
		return false;
	struct item *item = PZ_CONTAINER(node, struct item, node);
	if (item->status) {
		enum pz_err err = PZ_OK;
		assert_true(pz_channels_on_prop(to, item->status, item->message, &err));
		if (err != PZ_OK)
			end->other->broken = err;
	} else {
		assert_int_equal(pz_frame_cut_data(pz_buf_slice(&item->frame), &frame, &need),
				 PZ_OK);
		assert_int_equal(frame.len, item->frame.len);
		enum pz_err err = pz_channels_on_frame(to, frame);
		if (err != PZ_OK)
			end->other->broken = err;
	}
	item_free(item);
	return true;
}

bool
end_carry_all(struct end *end)
{
	bool any = false;

	while (end_carry(end))
		any = true;
	return any;
}

void
world_settle(struct world *w)
{
	bool moved = true;

	while (moved) {
		moved = end_flush(&w->a);
		moved = end_flush(&w->b) || moved;
		moved = end_carry_all(&w->a) || moved;
		moved = end_carry_all(&w->b) || moved;
	}
}

void
world_init(struct world *w)
{
	*w = (struct world){0};
	pz_kit_clock_init(&w->clock);
	end_init(&w->a, &w->b, &w->clock.env);
	end_init(&w->b, &w->a, &w->clock.env);
}

void
world_fini(struct world *w)
{
	end_fini(&w->a);
	end_fini(&w->b);
	assert_true(pz_kit_clock_is_idle(&w->clock));
}

const struct pz_channel_offer some_offer = {
	.to = "alice@example.org/tv",
	.kind = "link",
	.window = PZ_CHANNEL_WINDOW_BYTES,
};

void
open_some(struct end *end, struct user *u)
{
	user_init(u);
	assert_int_equal(pz_channel_open(end->channels, &some_offer, &user_ops, u, &u->channel),
			 PZ_OK);
}

void
world_open(struct world *w, struct user *ua, struct user *ub)
{
	user_init(ub);
	w->b.user = ub;
	open_some(&w->a, ua);
	world_settle(w);
	assert_true(ua->is_accepted);
	assert_non_null(ub->channel);
}

void
pattern(uint8_t *out, size_t len, size_t from)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((from + i) * 31 + ((from + i) >> 8) * 7 + ((from + i) >> 16));
}

void
send_all(struct user *u, size_t len, void (*settle)(void *arg), void *arg)
{
	uint8_t *bytes = malloc(len);
	size_t done = 0, taken;

	assert_non_null(bytes);
	pattern(bytes, len, 0);
	while (done < len) {
		assert_int_equal(
			pz_channel_send(u->channel, pz_slice_of(bytes + done, len - done), &taken),
			PZ_OK);
		done += taken;
		settle(arg);
	}
	free(bytes);
}

static void
settle_world(void *arg)
{
	world_settle(arg);
}

void
world_send(struct world *w, struct user *u, size_t len)
{
	send_all(u, len, settle_world, w);
}

void
assert_received(const struct user *u, size_t len)
{
	uint8_t *bytes = malloc(len ? len : 1);

	assert_non_null(bytes);
	pattern(bytes, len, 0);
	assert_int_equal(u->in.len, len);
	if (len > 0)
		assert_memory_equal(u->in.mem + u->in.start, bytes, len);
	free(bytes);
}
