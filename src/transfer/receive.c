/*
 * Files that come. One object for each, from the offer until it is in its place, or until it has
 * rested too long without a link; it goes on where the next offer of the same file finds it.
 *
 *   OPENING   the temporary file is opened and hashed
 *   READY     bytes come (a channel that was accepted), or it rests (no channel)
 *   PLACING   it is synced and gets its name
 *   NOTING    the list of what came is stored
 *   REMOVING  the temporary file goes, then the object
 *
 * One operation of the part runs at a time (is_busy); step() begins the next one. A file that is
 * whole is placed and noted also when its sender has gone: the sender asks again by the same id,
 * and is answered from the list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "transfer/hash.h"
#include "transfer/internal.h"
#include "wire/json.h"

#define SWEEP_US (UINT64_C(86400) * PZ_US_PER_S)
/* What was credited may wait, and what the window lets come meanwhile. So a sender that keeps to
 * its window never meets this maximum. */
#define PENDING_BYTES_MAX ((size_t)PZ_CHANNEL_WINDOW_BYTES_MAX + PZ_TRANSFER_BACKLOG_BYTES)

struct noting;

struct incoming {
	struct pz_list node; /* transfers.incoming, in the order in which they began */
	struct pz_transfers *transfers;
	struct pz_channel *channel; /* NULL: it rests, or ends without one */
	struct pz_part *part;
	struct pz_transfer_offer offer;
	char device[PZ_ADDRESS_BYTES_MAX + 1];
	char key[PZ_PART_KEY_BYTES];
	enum { OPENING, READY, PLACING, NOTING, REMOVING } state;
	struct pz_buf pending; /* received, not given to the part yet */
	size_t writing;        /* given to the part by the operation that runs */
	size_t owed;           /* received and not credited yet */
	uint64_t total;        /* bytes of the file that are here, written or not */
	char sha256[PZ_TRANSFER_HASH_HEX_BYTES]; /* of what is written, when is_digested */
	char *file;                              /* below the inbox, once it is placed */
	uint64_t seen_us;
	struct pz_timer timer;  /* it rests too long, or its sender is stuck */
	struct pz_timer gather; /* less than a block waits for more */
	struct noting *noting;
	bool is_busy, is_accepted, has_ended, wants_restart;
	bool is_digested; /* sha256 is that of all that is written, or cannot be computed */
	bool is_gathered; /* what waits is written, however little */
	bool is_doomed;   /* removed as soon as nothing runs */
};

/* What a commit is given: the file may be closed before that ends. */
struct noting {
	struct incoming *in; /* NULL: closed */
};

static void step(struct incoming *in);
static void digest(struct incoming *in);
static const struct pz_channel_ops channel_ops;

static const struct pz_env *
env_of(const struct incoming *in)
{
	return in->transfers->env;
}

/* ---- the end of one ---- */

static void
incoming_free(struct incoming *in)
{
	pz_list_remove(&in->node);
	pz_env_stop(env_of(in), &in->timer);
	pz_env_stop(env_of(in), &in->gather);
	/* The commit goes on; its call-back finds that the file is gone. */
	if (in->noting)
		in->noting->in = NULL;
	if (in->channel)
		pz_channel_close(in->channel, "lost");
	if (in->part)
		in->part->ops->close(in->part);
	pz_buf_fini(&in->pending);
	free(in->file);
	free(in);
}

/* Of the whole file; NULL: it was not asked for. */
static const char *
digest_of(const struct incoming *in)
{
	return in->is_digested && in->sha256[0] ? in->sha256 : NULL;
}

static json_t *
receipt(const struct incoming *in)
{
	return json_pack("{s:s*, s:s}", "sha256", digest_of(in), "file", in->file);
}

/* The sender of a file that was noted is answered when nothing of it is unfinished any more. */
static void
on_removed(void *arg, const struct pz_part_result *result)
{
	struct incoming *in = arg;

	(void)result;
	if (in->file && in->channel) {
		/* A close carries a message only on a channel that was accepted. */
		if (!in->is_accepted)
			pz_channel_accept(in->channel, PZ_CHANNEL_WINDOW_BYTES, NULL, &channel_ops,
					  in);
		pz_channel_close_with(PZ_TAKE(in->channel), "ok", receipt(in));
	}
	incoming_free(in);
}

/* Nothing of it stays but what was placed. */
static void
remove_part(struct incoming *in)
{
	in->state = REMOVING;
	in->is_busy = true;
	in->part->ops->remove(in->part, on_removed, in);
}

/* Closes the channel with a word of page 15. One that was not accepted yet is, so that the word
 * arrives, or refused where `refusal` says it as well. */
static void
end_channel(struct incoming *in, const char *word)
{
	struct pz_channel *channel = PZ_TAKE(in->channel);

	if (channel == NULL)
		return;
	if (!in->is_accepted && strcmp(word, "refused") == 0) {
		pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
		return;
	}
	if (!in->is_accepted)
		pz_channel_accept(channel, PZ_CHANNEL_WINDOW_BYTES, NULL, &channel_ops, in);
	pz_channel_close(channel, word);
}

static void
note_trouble(const struct incoming *in, const struct pz_part_result *result)
{
	struct pz_transfers *transfers = in->transfers;

	if (result->err == PZ_ERR_IO_FULL || result->err == PZ_ERR_IO ||
	    result->err == PZ_ERR_DENIED_PERMISSION)
		pz_condition_raise(transfers->config.conditions, PZ_CONDITION_INBOX, "",
				   "files of other devices cannot be received: %s", result->detail);
	pz_notice_of(&transfers->log, transfers->env, "file-not-received", "from=%s name=%s %s",
		     in->device, in->offer.name, result->detail);
}

/* A disk that is full is given back what this file took of it. */
static void
give_up(struct incoming *in, const struct pz_part_result *result)
{
	/* What fills the disk is removed at once; what failed otherwise stays, and its sender goes
	 * on with it. */
	bool is_full = result->err == PZ_ERR_IO_FULL;

	note_trouble(in, result);
	end_channel(in, is_full                              ? "noSpace"
			: result->err == PZ_ERR_LIMIT_MEMORY ? "memory"
							     : "refused");
	if (is_full)
		remove_part(in);
	else
		incoming_free(in);
}

/* It is not what was announced. */
static void
give_up_changed(struct incoming *in)
{
	pz_notice_of(&in->transfers->log, env_of(in), "file-changed",
		     "from=%s name=%s it changed while it was sent", in->device, in->offer.name);
	end_channel(in, "changed");
	in->is_doomed = true;
	step(in);
}

/* ---- whole ---- */

static void
finish(struct incoming *in)
{
	struct pz_transfers *transfers = in->transfers;

	pz_info_of(&transfers->log, transfers->env, "file-received", "from=%s file=%s bytes=%llu",
		   in->device, in->file, (unsigned long long)in->total);
	pz_condition_clear(transfers->config.conditions, PZ_CONDITION_INBOX, "");
	remove_part(in);
}

static void
on_noted(void *arg, enum pz_err err, const char *detail)
{
	struct noting *noting = arg;
	struct incoming *in = noting->in;

	free(noting);
	if (in == NULL)
		return;
	in->noting = NULL;
	if (err != PZ_OK)
		pz_notice_of(&in->transfers->log, env_of(in), "file-not-listed", "file=%s %s",
			     in->file, detail);
	finish(in);
}

static void
drop_noting(void *arg)
{
	free(arg);
}

static json_t *
record_of(const struct incoming *in)
{
	struct pz_transfers *transfers = in->transfers;
	/* The path of now: the preference may have changed since the offer. */
	struct pz_transfers_inbox inbox = transfers->config.ops->inbox(transfers->config.arg);
	char from[PZ_ADDRESS_BYTES_MAX + 1];
	PZ_AUTO_FREE char *path = NULL;

	transfers->config.ops->address(transfers->config.arg, in->device, from);
	if (asprintf(&path, "%s/%s", inbox.directory, in->file) < 0)
		path = NULL;
	return json_pack("{s:s, s:s, s:s*, s:s, s:I, s:I, s:s*}", "id", in->offer.id, "file",
			 in->file, "path", path, "from", from, "size", (json_int_t)in->total,
			 "received", (json_int_t)pz_env_wall_ms(transfers->env), "sha256",
			 digest_of(in));
}

static void
on_placed(void *arg, const struct pz_part_result *result)
{
	struct incoming *in = arg;

	in->is_busy = false;
	if (result->err != PZ_OK) {
		give_up(in, result);
		return;
	}
	in->file = strdup(result->file);
	in->noting = calloc(1, sizeof(*in->noting));
	/* The channel ends with "lost", so the sender asks again, and the disk has the file. */
	if (in->file == NULL || in->noting == NULL) {
		incoming_free(in); /* the next try finds it placed */
		return;
	}
	in->state = NOTING;
	in->noting->in = in;
	pz_inbox_add(in->transfers, record_of(in), on_noted, in->noting, drop_noting);
}

/* The sender compares it, or has said what it must be. */
static bool
wants_digest(const struct incoming *in)
{
	return !in->offer.no_digest || in->offer.sha256[0];
}

/* Everything was received and written. */
static void
complete(struct incoming *in)
{
	/* A sender that announced a digest is held to it; without one, the sender compares at the
	 * end. */
	bool is_other = in->offer.sha256[0] && strcmp(in->offer.sha256, in->sha256) != 0;

	if (wants_digest(in) && !in->is_digested) {
		digest(in);
		return;
	}
	if ((in->offer.has_size && in->total != in->offer.size) || is_other) {
		give_up_changed(in);
		return;
	}
	in->state = PLACING;
	in->is_busy = true;
	in->part->ops->place(in->part, on_placed, in);
}

/* ---- bytes ---- */

/* Credit for what came in: at once, unless the disk is far behind. So how much is in flight
 * depends on the way alone. */
static void
give_credit(struct incoming *in, size_t received)
{
	in->owed += received;
	/* Credit is the only brake: TCP would go on, and the bytes would wait in memory. */
	if (in->owed == 0 || in->channel == NULL || !in->is_accepted ||
	    in->pending.len + in->writing > PZ_TRANSFER_BACKLOG_BYTES)
		return;
	pz_channel_consumed(in->channel, in->owed);
	in->owed = 0;
}

static void
on_written(void *arg, const struct pz_part_result *result)
{
	struct incoming *in = arg;
	in->is_busy = false;
	in->writing = 0;
	if (result->err != PZ_OK) {
		give_up(in, result);
		return;
	}
	memcpy(in->sha256, result->sha256, sizeof(in->sha256));
	in->is_digested = in->sha256[0] != '\0';
	give_credit(in, 0);
	step(in);
}

static void
on_ready(void *arg, const struct pz_part_result *result)
{
	struct incoming *in = arg;

	in->is_busy = false;
	if (result->err != PZ_OK) {
		give_up(in, result);
		return;
	}
	in->state = READY;
	/* What the disk has is what counts, whatever was received before. */
	in->total = result->have;
	memcpy(in->sha256, result->sha256, sizeof(in->sha256));
	in->is_digested = true;
	step(in);
}

/* Of what was written without one. */
static void
digest(struct incoming *in)
{
	in->is_busy = true;
	in->part->ops->digest(in->part, on_ready, in);
}

static void
accept(struct incoming *in)
{
	json_t *more = json_pack("{s:I}", "have", (json_int_t)in->total);

	if (more && in->total > 0)
		(void)json_object_set_new(more, "haveHash", json_string(in->sha256));
	in->is_accepted = true;
	in->has_ended = false;
	in->owed = 0;
	/* Each accepted try has its own patience. */
	in->seen_us = pz_env_mono_us(env_of(in));
	pz_env_start(env_of(in), &in->timer, PZ_TRANSFER_IDLE_US);
	pz_channel_accept(in->channel, pz_channel_bulk_window(in->channel), more, &channel_ops, in);
	json_decref(more);
}

/* Whole blocks are written, and what cannot become one. */
static bool
is_worth_writing(const struct incoming *in)
{
	return in->pending.len >= PZ_TRANSFER_BLOCK_BYTES || in->is_gathered || in->has_ended ||
	       in->channel == NULL || !in->is_accepted || in->wants_restart;
}

static void
on_gathered(struct pz_timer *timer, void *arg)
{
	struct incoming *in = arg;

	(void)timer;
	in->is_gathered = true;
	step(in);
}

static void
write_pending(struct incoming *in)
{
	if (!is_worth_writing(in)) {
		if (!in->gather.active)
			pz_env_start(env_of(in), &in->gather, PZ_TRANSFER_GATHER_US);
		/* Small pieces would cost a thread's wake-up each. */
		return;
	}
	pz_env_stop(env_of(in), &in->gather);
	in->is_gathered = false;
	in->is_busy = true;
	in->writing = in->pending.len;
	in->part->ops->write(in->part, &in->pending, on_written, in);
}

/* Begins what is to be done next. */
static void
step(struct incoming *in)
{
	if (in->is_busy || in->state != READY)
		return;
	/* The order matters: what must go goes before anything is written; bytes come before the
	 * end of the file. */
	if (in->is_doomed) {
		remove_part(in);
	} else if (in->pending.len > 0) {
		write_pending(in);
	} else if (in->wants_restart) {
		in->wants_restart = false;
		in->is_busy = true;
		in->part->ops->restart(in->part, on_ready, in);
	} else if (in->has_ended) {
		complete(in);
	} else if (in->channel && !in->is_accepted && !in->is_digested) {
		digest(in);
	} else if (in->channel && !in->is_accepted) {
		accept(in);
	} else if (in->channel == NULL) {
		pz_env_start(env_of(in), &in->timer, PZ_TRANSFER_REST_US);
	}
}

static void
on_data(void *arg, struct pz_slice data)
{
	struct incoming *in = arg;

	in->seen_us = pz_env_mono_us(env_of(in));
	in->total += data.len;
	/* A sender that sends more than it offered cannot fill the disk. */
	if (in->offer.has_size && in->total > in->offer.size) {
		give_up_changed(in);
		return;
	}
	if (pz_buf_append(&in->pending, data) != PZ_OK) {
		in->total -= data.len;
		/* What is in `pending` is still written, and is the beginning of the next try. */
		end_channel(in, "memory"); /* its sender tries again */
	} else {
		give_credit(in, data.len);
	}
	step(in);
}

static void
on_ended(void *arg)
{
	struct incoming *in = arg;

	in->has_ended = true;
	step(in);
}

/* A sender that has seen its file change needs nothing of it any more. */
static void
on_closed(void *arg, const char *reason, json_t *message)
{
	struct incoming *in = arg;

	(void)message;
	in->channel = NULL;
	/* In other states the file is whole already. */
	if (strcmp(reason, "changed") == 0 && in->state == READY)
		give_up_changed(in);
	else
		step(in);
}

static void
on_refused(void *arg, enum pz_channel_refusal why)
{
	(void)arg;
	(void)why;
}

static const struct pz_channel_ops channel_ops = {
	.refused = on_refused, /* of channels that we open */
	.data = on_data,
	.ended = on_ended,
	.closed = on_closed,
};

/* ---- offers ---- */

/* The same file of the same sender: not its id, which differs when a person sends it again
 * after a break. */
static bool
make_key(const struct pz_transfers *transfers, const char *device,
	 const struct pz_transfer_offer *offer, char out[PZ_PART_KEY_BYTES])
{
	char self[PZ_ADDRESS_BYTES_MAX + 1], hex[PZ_TRANSFER_HASH_HEX_BYTES], numbers[64];
	struct pz_hash *hash = pz_hash_new();

	if (hash == NULL)
		return false;
	/* Two devices of one machine may have one inbox, so the receiver's address is part of
	 * the key. */
	transfers->config.ops->address(transfers->config.arg, "", self);
	snprintf(numbers, sizeof(numbers), "%d %llu %lld", (int)offer->has_size,
		 (unsigned long long)offer->size, (long long)offer->mtime_ms);
	const char *const parts[] = {self, device, offer->path, offer->name, numbers};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		pz_hash_add(hash, pz_slice_of(parts[i], strlen(parts[i]) + 1));
	pz_hash_hex(hash, hex);
	pz_hash_free(hash);
	snprintf(out, PZ_PART_KEY_BYTES, "%.*s", PZ_PART_KEY_BYTES - 1, hex);
	if (out[0] == '\0')
		return false;
	/* Counted by this letter in place.c, without a look at any record. */
	if (pz_transfer_is_guest(device))
		out[0] = PZ_PART_KEY_GUEST;
	return true;
}

static struct incoming *
find(const struct pz_transfers *transfers, const char *key)
{
	for (struct pz_list *n = transfers->incoming.next; n != &transfers->incoming; n = n->next) {
		struct incoming *in = PZ_CONTAINER(n, struct incoming, node);
		if (strcmp(in->key, key) == 0)
			return in;
	}
	return NULL;
}

/* True when this device may send one more file now. One that rests gives way to the next. */
static bool
has_room(struct pz_transfers *transfers, const char *device)
{
	size_t all = 0, of_device = 0, resting = 0, of_guests = 0;
	struct incoming *oldest = NULL;

	PZ_LIST_EACH (&transfers->incoming, n, tmp) {
		struct incoming *in = PZ_CONTAINER(n, struct incoming, node);
		bool rests = in->channel == NULL && in->state == READY && !in->is_busy;
		resting += rests;
		all += !rests;
		of_device += !rests && pz_transfer_is_same_party(device, in->device);
		of_guests += !rests && pz_transfer_is_guest(in->device);
		if (rests && oldest == NULL)
			oldest = in;
	}
	/* The oldest of those that rest: its sender has been away the longest. The file stays on
	 * the disk. */
	if (resting >= PZ_TRANSFER_RESTING_MAX)
		incoming_free(oldest);
	if (pz_transfer_is_guest(device) && of_guests >= PZ_TRANSFERS_GUESTS_MAX)
		return false;
	return all < PZ_TRANSFERS_MAX && of_device < PZ_TRANSFERS_PER_PEER_MAX;
}

/* What a friend zone may fill in a day is bounded; files that are under way count in full. */
static bool
is_within_day(const struct pz_transfers *transfers, const char *device,
	      const struct pz_transfer_offer *offer)
{
	uint64_t bytes = offer->size;

	if (!pz_transfer_is_guest(device))
		return true;
	for (struct pz_list *n = transfers->incoming.next; n != &transfers->incoming; n = n->next) {
		const struct incoming *in = PZ_CONTAINER(n, struct incoming, node);
		if (pz_transfer_is_same_party(device, in->device))
			/* Else many at once would each find the day's bytes free. */
			bytes += in->offer.size;
	}
	if (bytes <= PZ_TRANSFER_GUEST_DAY_BYTES)
		bytes += pz_inbox_bytes_of_day(transfers, device);
	return bytes <= PZ_TRANSFER_GUEST_DAY_BYTES;
}

static void
refuse_as_full(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
	       const struct pz_transfer_offer *offer)
{
	pz_notice_of(&transfers->log, transfers->env, "file-over-day",
		     "from=%s name=%s its zone has sent as many bytes as a friend may in a day",
		     device, offer->name);
	pz_channel_accept(channel, PZ_CHANNEL_WINDOW_BYTES, NULL, &channel_ops, NULL);
	pz_channel_close(channel, "noSpace");
}

static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct incoming *in = arg;
	uint64_t since = pz_env_mono_us(env_of(in)) - in->seen_us;

	if (in->channel == NULL && in->state == READY && !in->is_busy) {
		incoming_free(in);
		/* While the disk works the sender waits for us, and is not stuck. */
	} else if (in->channel && in->is_accepted && in->state == READY) {
		if (since < PZ_TRANSFER_IDLE_US) {
			pz_env_start(env_of(in), timer, PZ_TRANSFER_IDLE_US - since);
			return;
		}
		end_channel(in, "idle");
		step(in);
	}
}

static struct incoming *
incoming_new(struct pz_transfers *transfers, const char *device, const char *key,
	     const struct pz_transfer_offer *offer)
{
	struct incoming *in = calloc(1, sizeof(*in));
	struct pz_transfers_inbox inbox = transfers->config.ops->inbox(transfers->config.arg);
	struct pz_part_spec spec = {
		.inbox = inbox.directory,
		.size = offer->size,
		.mtime_ms = offer->mtime_ms,
		.has_size = offer->has_size,
		.is_fresh = offer->is_fresh,
		.no_digest = offer->no_digest && !offer->sha256[0],
	};

	if (in == NULL)
		return NULL;
	in->transfers = transfers;
	in->offer = *offer;
	snprintf(in->device, sizeof(in->device), "%s", device);
	snprintf(in->key, sizeof(in->key), "%s", key);
	pz_buf_init(&in->pending, PENDING_BYTES_MAX, NULL);
	pz_timer_init(&in->timer, on_timer, in);
	pz_timer_init(&in->gather, on_gathered, in);
	pz_list_append(&transfers->incoming, &in->node);
	memcpy(spec.key, in->key, sizeof(spec.key));
	memcpy(spec.name, offer->name, sizeof(spec.name));
	/* By sender: two devices that send "photo.jpg" do not meet. */
	snprintf(spec.path, sizeof(spec.path), "%s%s%s", inbox.by_sender ? device : "",
		 inbox.by_sender && offer->path[0] ? "/" : "", offer->path);
	in->is_busy = true;
	in->part = transfers->config.parts.open(transfers->config.parts.self, &spec, on_ready, in);
	if (in->part)
		return in;
	incoming_free(in);
	return NULL;
}

/* Its sender has a new link, or has lost the old one unnoticed. */
static void
adopt(struct incoming *in, struct pz_channel *channel, const struct pz_transfer_offer *offer)
{
	if (in->channel)
		end_channel(in, "replaced");
	/* Name, size and time are equal (make_key); these may differ from one sending to the
	 * next. */
	memcpy(in->offer.id, offer->id, sizeof(in->offer.id));
	memcpy(in->offer.sha256, offer->sha256, sizeof(in->offer.sha256));
	in->offer.no_digest = offer->no_digest;
	in->channel = channel;
	in->is_accepted = false;
	/* The sender has found that what is here is no beginning of its file. */
	in->wants_restart |= offer->is_fresh && in->state <= READY;
	if (in->state == READY)
		in->has_ended = in->has_ended && !offer->is_fresh;
	pz_env_stop(env_of(in), &in->timer);
	pz_channel_keep(channel, &channel_ops, in);
	step(in);
}

/* The same sending goes on, or one that rests is taken up by a later sending. Two files that are
 * sent at once may have the same name, size and time: the second one waits until the first is done.
 */
static bool
may_adopt(const struct incoming *in, const struct pz_transfer_offer *offer)
{
	bool rests = in->channel == NULL && in->state == READY && !in->is_busy && !in->has_ended;

	if (in->state == REMOVING || in->is_doomed)
		return false;
	return rests || strcmp(in->offer.id, offer->id) == 0;
}

/* The end of an earlier try did not reach its sender. Where no digest was computed the sender
 * begins anew, and learns at once that it is done. */
static void
repeat_receipt(struct pz_channel *channel, json_t *record)
{
	json_t *hash = json_object_get(record, "sha256"), *more = NULL;

	if (hash)
		more = json_pack("{s:O?, s:O}", "have", json_object_get(record, "size"), "haveHash",
				 hash);

	pz_channel_accept(channel, PZ_CHANNEL_WINDOW_BYTES, more, &channel_ops, NULL);
	json_decref(more);
	pz_channel_close_with(
		channel, "ok",
		json_pack("{s:O*, s:O?}", "sha256", hash, "file", json_object_get(record, "file")));
}

static void
take(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
     const struct pz_transfer_offer *offer)
{
	char from[PZ_ADDRESS_BYTES_MAX + 1], key[PZ_PART_KEY_BYTES];

	transfers->config.ops->address(transfers->config.arg, device, from);
	/* Found by id: this sending was received, and only the answer was lost. */
	json_t *record = pz_inbox_find(transfers, from, offer->id);
	if (record) {
		repeat_receipt(channel, record);
		return;
	}
	struct incoming *in = make_key(transfers, device, offer, key) ? find(transfers, key) : NULL;
	if (in && may_adopt(in, offer)) {
		adopt(in, channel, offer);
		return;
	}
	if (in == NULL && !is_within_day(transfers, device, offer)) {
		refuse_as_full(transfers, device, channel, offer);
		return;
	}
	/* One that is being removed, or received by another sending: the sender tries again. */
	if (in || !has_room(transfers, device) ||
	    (in = incoming_new(transfers, device, key, offer)) == NULL) {
		pz_channel_refuse(channel, PZ_CHANNEL_LIMIT);
		return;
	}
	in->channel = channel;
	pz_channel_keep(channel, &channel_ops, in);
}

static void
deny(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
     const struct pz_transfer_offer *offer)
{
	pz_notice_of(&transfers->log, transfers->env, "file-denied",
		     "from=%s name=%s access policy, or the person who was asked, does not let the "
		     "device send files here; `pzp policy why` has the rule",
		     device, offer->name);
	pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
}

static void
on_judged(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
	  const struct pz_transfer_offer *offer, bool is_permitted)
{
	if (is_permitted)
		take(transfers, device, channel, offer);
	else
		deny(transfers, device, channel, offer);
}

void
pz_transfers_offered(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
		     const struct pz_channel_offer *offer)
{
	struct pz_transfer_offer parsed;
	struct pz_errinfo info = {""};

	if (transfers->config.parts.open == NULL) {
		pz_channel_refuse(channel, PZ_CHANNEL_UNKNOWN_KIND);
		/* A sender then shows that this version, or this device, takes no files. */
		return;
	}
	enum pz_err err = pz_transfer_offer_parse(offer->message, &parsed, &info);
	/* What it takes of a friend's day must be known before. */
	if (err == PZ_OK && pz_transfer_is_guest(device) && !parsed.has_size)
		err = pz_fail(&info, PZ_ERR_PROTO_MEMBER, "a friend's file needs its size");
	if (err != PZ_OK) {
		pz_notice_of(&transfers->log, transfers->env, "file-refused", "from=%s %s", device,
			     info.text);
		pz_channel_refuse(channel, PZ_CHANNEL_BAD_REQUEST);
		return;
	}
	switch (pz_transfer_permit(transfers, device, channel, &parsed)) {
	case PZ_TRANSFER_PERMITTED:
		take(transfers, device, channel, &parsed);
		break;
	case PZ_TRANSFER_DENIED:
		deny(transfers, device, channel, &parsed);
		break;
	case PZ_TRANSFER_LATER:
		pz_channel_refuse(channel, PZ_CHANNEL_LIMIT);
		break;
	case PZ_TRANSFER_WAITS:
		break;
	}
}

/* ---- all of them ---- */

static void
on_sweep(struct pz_timer *timer, void *arg)
{
	struct pz_transfers *transfers = arg;
	const struct pz_parts *parts = &transfers->config.parts;

	parts->sweep(parts->self, transfers->config.ops->inbox(transfers->config.arg).directory);
	pz_env_start(transfers->env, timer, SWEEP_US);
}

void
pz_receive_init(struct pz_transfers *transfers)
{
	pz_list_init(&transfers->incoming);
	pz_list_init(&transfers->asked);
	transfers->judged = on_judged;
	pz_timer_init(&transfers->sweep, on_sweep, transfers);
	if (transfers->config.parts.sweep)
		pz_env_start(transfers->env, &transfers->sweep, PZ_US_PER_S);
}

void
pz_receive_fini(struct pz_transfers *transfers)
{
	pz_env_stop(transfers->env, &transfers->sweep);
	pz_transfer_permit_end(transfers);
	PZ_LIST_EACH (&transfers->incoming, n, tmp)
		incoming_free(PZ_CONTAINER(n, struct incoming, node));
}
