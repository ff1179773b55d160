/*
 * Target functions: pz_transfers_offered and all that follows at the receiver,
 * pz_transfer_offer_parse, pz_transfer_name_numbered. Input: one step after the other, each begun
 * by a byte: an offer as a line of JSON or made of bytes, data, the end or the close of a channel,
 * a lost link, time. The disk is a fake in memory whose operations end by a timer and fail where
 * the input says so. Must hold: a file is placed with the announced size only, and under a name
 * that was judged; no operation of a part begins before the last one ended, or after its end; no
 * more is written than was announced; nothing is left at the end.
 */
#include "fuzz.h"

#include "base/limits.h"
#include "base/list.h"
#include "channel/channel.h"
#include "store/memory.h"
#include "transfer/name.h"
#include "transfer/transfer.h"
#include "wire/frame.h"
#include "wire/json.h"

#define HAVE_MAX 64
#define ASKED_MAX 16

/* ---- the disk ---- */

struct part {
	struct pz_part base;
	struct pz_timer timer;
	struct pz_part_spec spec;
	struct pz_part_result result;
	pz_part_done done;
	void *arg;
	uint64_t at;
	bool is_busy, is_closed, is_removed;
};

static struct state {
	struct pz_kit_clock world;
	struct pz_transfers *transfers;
	struct pz_channels *channels;
	struct pz_slice input;
	unsigned parts;
	uint64_t asked[ASKED_MAX]; /* tickets that wait for an answer */
	size_t asked_len;          /* that are open */
	bool is_broken;
} state;

static void
part_free(struct part *part)
{
	pz_env_stop(&state.world.env, &part->timer);
	state.parts--;
	free(part);
}

static void
part_ended(struct pz_timer *timer, void *arg)
{
	struct part *part = arg;

	(void)timer;
	part->is_busy = false;
	if (part->is_closed)
		part_free(part);
	else
		part->done(part->arg, &part->result);
}

static void
part_begin(struct part *part, pz_part_done done, void *arg)
{
	static const enum pz_err errors[] = {PZ_ERR_IO_FULL, PZ_ERR_IO, PZ_ERR_DENIED_PERMISSION,
					     PZ_ERR_LIMIT, PZ_ERR_LIMIT_MEMORY};
	uint8_t fault = fuzz_byte(&state.input);

	FUZZ_CHECK(!part->is_busy && !part->is_closed && !part->is_removed);
	part->is_busy = true;
	part->done = done;
	part->arg = arg;
	part->result = (struct pz_part_result){.have = part->at, .sha256 = "00"};
	if (fault >= 250)
		part->result.err = errors[fault - 250 < 5 ? fault - 250 : 0];
	pz_env_start(&state.world.env, &part->timer, fault % 4 * PZ_US_PER_MS);
}

static struct part *
part_of(struct pz_part *base)
{
	return PZ_CONTAINER(base, struct part, base);
}

static void
part_write(struct pz_part *base, struct pz_buf *bytes, pz_part_done done, void *arg)
{
	struct part *part = part_of(base);
	struct pz_slice all = pz_buf_slice(bytes);

	FUZZ_CHECK(all.len > 0);
	part->at += all.len;
	FUZZ_CHECK(!part->spec.has_size || part->at <= part->spec.size);
	pz_buf_consume(bytes, all.len);
	part_begin(part, done, arg);
	if (part->spec.no_digest)
		part->result.sha256[0] = '\0';
}

static void
part_digest(struct pz_part *base, pz_part_done done, void *arg)
{
	part_begin(part_of(base), done, arg);
}

static void
part_restart(struct pz_part *base, pz_part_done done, void *arg)
{
	part_of(base)->at = 0;
	part_begin(part_of(base), done, arg);
}

static void
part_place(struct pz_part *base, pz_part_done done, void *arg)
{
	struct part *part = part_of(base);
	char name[PZ_TRANSFER_NAME_BYTES_MAX + 1];

	FUZZ_CHECK(!part->spec.has_size || part->at == part->spec.size);
	part_begin(part, done, arg);
	pz_transfer_name_numbered(part->spec.name, fuzz_byte(&state.input), name);
	snprintf(part->result.file, sizeof(part->result.file), "%s%s%s", part->spec.path,
		 part->spec.path[0] ? "/" : "", name);
}

static void
part_remove(struct pz_part *base, pz_part_done done, void *arg)
{
	part_begin(part_of(base), done, arg);
	part_of(base)->is_removed = true;
}

static void
part_close(struct pz_part *base)
{
	struct part *part = part_of(base);

	FUZZ_CHECK(!part->is_closed);
	part->is_closed = true;
	if (!part->is_busy)
		part_free(part);
}

static const struct pz_part_ops part_ops = {part_write, part_digest, part_restart,
					    part_place, part_remove, part_close};

static void
check_spec(const struct pz_part_spec *spec)
{
	const char *path = spec->path;

	FUZZ_CHECK(pz_transfer_name_fault(pz_slice_str(spec->name)) == NULL);
	FUZZ_CHECK(strlen(spec->key) == PZ_PART_KEY_BYTES - 1);
	while (*path) {
		size_t len = strcspn(path, "/");
		FUZZ_CHECK(pz_transfer_name_fault(pz_slice_of(path, len)) == NULL);
		path += len + (path[len] == '/');
	}
}

static struct pz_part *
parts_open(void *self, const struct pz_part_spec *spec, pz_part_done done, void *arg)
{
	struct part *part = calloc(1, sizeof(*part));

	(void)self;
	check_spec(spec);
	part->base.ops = &part_ops;
	part->spec = *spec;
	pz_timer_init(&part->timer, part_ended, part);
	if (!spec->is_fresh && spec->has_size)
		part->at = fuzz_byte(&state.input) % HAVE_MAX % (spec->size + 1);
	state.parts++;
	part_begin(part, done, arg);
	return &part->base;
}

/* ---- the node ---- */

static void
on_address(void *arg, const char *device, char out[PZ_ADDRESS_BYTES_MAX + 1])
{
	(void)arg;
	snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "a@b.c/%s", device);
}

static struct pz_transfers_inbox
on_inbox(void *arg)
{
	(void)arg;
	return (struct pz_transfers_inbox){.directory = "/inbox", .by_sender = true};
}

/* A quarter of the offers waits for a person, who answers in a later step, or never. */
static enum pz_transfer_permit
on_judge(void *arg, const char *device, uint64_t ticket)
{
	(void)arg;
	(void)device;
	if (ticket % 4 == 0)
		return PZ_TRANSFER_DENIED;
	if (ticket % 4 != 3 || state.asked_len == ASKED_MAX)
		return PZ_TRANSFER_PERMITTED;
	state.asked[state.asked_len++] = ticket;
	return PZ_TRANSFER_WAITS;
}

static void
on_judge_over(void *arg, uint64_t ticket)
{
	size_t i = 0;

	(void)arg;
	while (i < state.asked_len && state.asked[i] != ticket)
		i++;
	FUZZ_CHECK(i < state.asked_len);
	state.asked[i] = state.asked[--state.asked_len];
}

static bool
on_may_go_on(void *arg, const char *device)
{
	(void)arg;
	(void)device;
	return true;
}

static const struct pz_transfers_ops ops = {
	.address = on_address,
	.judge = on_judge,
	.judge_over = on_judge_over,
	.may_go_on = on_may_go_on,
	.inbox = on_inbox,
};

static void
on_send(void *arg, const char *status, json_t *message)
{
	(void)arg;
	FUZZ_CHECK(json_is_object(message) && strncmp(status, "channel", 7) == 0);
}

static void
on_wake(void *arg)
{
	(void)arg;
}

static void
on_offered(void *arg, struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	(void)arg;
	pz_transfers_offered(state.transfers, "device", channel, offer);
}

static const struct pz_channels_ops channels_ops = {on_send, on_wake, on_offered};

static void
new_link(void)
{
	pz_channels_free(state.channels);
	state.channels = pz_channels_new(&state.world.env, &channels_ops, NULL);
	state.is_broken = false;
}

/* ---- steps ---- */

static void
give(const char *status, json_t *takes_message)
{
	enum pz_err err = PZ_OK;

	(void)pz_channels_on_prop(state.channels, status, takes_message, &err);
	state.is_broken |= err != PZ_OK;
	json_decref(takes_message);
}

static void
text_offer(void)
{
	json_t *message = pz_json_parse(fuzz_line(&state.input), NULL);

	if (message) {
		(void)json_object_set_new(message, "to", json_string("a@b.c/d"));
		(void)json_object_set_new(message, "kind", json_string("file"));
		(void)json_object_set_new(message, "window", json_integer(1000));
		(void)json_object_set_new(message, "channel",
					  json_integer(fuzz_byte(&state.input)));
		give("channelOpen", message);
	}
}

static void
made_offer(void)
{
	char id[8], name[8];
	json_int_t channel = fuzz_byte(&state.input), size = fuzz_byte(&state.input) * 4;

	snprintf(id, sizeof(id), "i%d", fuzz_byte(&state.input) % 8);
	snprintf(name, sizeof(name), "n%d", fuzz_byte(&state.input) % 4);
	json_t *message = json_pack("{s:s, s:s, s:i, s:I, s:s, s:s, s:b}", "to", "a@b.c/d", "kind",
				    "file", "window", 1000, "channel", channel, "id", id, "name",
				    name, "fresh", (int)(fuzz_byte(&state.input) % 4 == 0));
	if (size != 4)
		(void)json_object_set_new(message, "size", json_integer(size));
	give("channelOpen", message);
}

static void
data_step(void)
{
	static uint8_t bytes[PZ_DATA_FRAME_BYTES_MAX];
	size_t len = 1 + fuzz_byte(&state.input);
	uint32_t number = fuzz_byte(&state.input) % 70;
	struct pz_slice whole;
	size_t need;

	len = len < HAVE_MAX ? len : HAVE_MAX;
	pz_frame_put_data_header(bytes, number, len);
	FUZZ_CHECK(pz_frame_cut_data(pz_slice_of(bytes, sizeof(bytes)), &whole, &need) == PZ_OK);
	state.is_broken |= pz_channels_on_frame(state.channels, whole) != PZ_OK;
}

static void
close_step(void)
{
	static const char *const words[] = {"changed", "other", "cancelled", "lost"};
	json_int_t number = fuzz_byte(&state.input) % 70;
	uint8_t what = fuzz_byte(&state.input);

	if (what % 2)
		give("channelEnd", json_pack("{s:I}", "channel", number));
	else
		give("channelClose",
		     json_pack("{s:I, s:s}", "channel", number, "reason", words[what / 2 % 4]));
}

static void
step(void)
{
	uint8_t what = fuzz_byte(&state.input);

	switch (what % 7) {
	case 0:
		text_offer();
		break;
	case 1:
		made_offer();
		break;
	case 2:
	case 3:
		data_step();
		break;
	case 4:
		close_step();
		break;
	case 5:
		pz_kit_clock_run(&state.world,
				 what > 250 ? PZ_TRANSFER_IDLE_US : what * PZ_US_PER_MS / 8);
		break;
	default:
		if (what > 200)
			state.is_broken = true;
		else if (state.asked_len > 0)
			pz_transfers_judged(state.transfers, state.asked[--state.asked_len],
					    what > 100);
		break;
	}
	if (state.is_broken)
		new_link();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct pz_errinfo info = {""};
	struct pz_memory_disk *disk = pz_memory_disk_new();

	state = (struct state){.input = pz_slice_of(bytes, size)};
	fuzz_clock_init(&state.world);
	struct pz_store *store = pz_store_new_memory(&state.world.env, disk, PZ_US_PER_MS);
	const struct pz_transfers_config config = {
		.env = &state.world.env,
		.parts = {.open = parts_open},
		.store = store,
		.ops = &ops,
	};
	FUZZ_CHECK(pz_transfers_new(&config, &state.transfers, &info) == PZ_OK);
	new_link();
	while (state.input.len > 0)
		step();
	pz_channels_free(state.channels);
	pz_kit_clock_run(&state.world, 10 * PZ_TRANSFER_REST_US);
	FUZZ_CHECK(state.parts == 0);
	pz_transfers_free(state.transfers);
	FUZZ_CHECK(state.asked_len == 0);
	pz_store_free(store);
	pz_memory_disk_free(disk);
	FUZZ_CHECK(pz_kit_clock_is_idle(&state.world));
	return 0;
}
