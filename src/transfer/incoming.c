/*
 * One incoming file, from the offer until it is placed, or until it has waited too long without a
 * link; the next offer of the same file continues it. receive.c decides which offers become a file;
 * part.h has the operations on the disk.
 *
 * One operation of the part runs at a time (is_busy); step() begins the next one. A complete file
 * is placed and recorded even when its sender has lost the link: the sender offers it again by the
 * same id, and is answered from the list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "transfer/incoming.h"
#include "wire/json.h"

/* The credited bytes may wait, and the bytes that the window allows meanwhile. So a sender that
 * keeps to its window never reaches this maximum. */
#define PENDING_BYTES_MAX ((size_t)PZ_CHANNEL_WINDOW_BYTES_MAX + PZ_TRANSFER_BACKLOG_BYTES)

/* The argument of a commit: the file may be closed before the commit ends. */
struct pz_noting {
	struct pz_incoming *in; /* NULL: closed */
};

static void step(struct pz_incoming *in);
static void digest(struct pz_incoming *in);
static const struct pz_channel_ops channel_ops;

static const struct pz_env *
env_of(const struct pz_incoming *in)
{
	return in->transfers->env;
}

/* ---- the end of one ---- */

void
pz_incoming_free(struct pz_incoming *in)
{
	pz_list_remove(&in->node);
	pz_env_stop(env_of(in), &in->timer);
	pz_env_stop(env_of(in), &in->gather);
	/* The commit continues; its call-back finds that the file is closed. */
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

/* Of the whole file; NULL: the sender did not request it. */
static const char *
digest_of(const struct pz_incoming *in)
{
	return in->is_digested && in->sha256[0] ? in->sha256 : NULL;
}

static json_t *
receipt(const struct pz_incoming *in)
{
	return json_pack("{s:s*, s:s}", "sha256", digest_of(in), "file", in->file);
}

/* The sender of a recorded file is answered when its unfinished file is removed. */
static void
on_removed(void *arg, const struct pz_part_result *result)
{
	struct pz_incoming *in = arg;

	(void)result;
	if (in->file && in->channel) {
		/* A close carries a message only on a channel that was accepted. */
		if (!in->is_accepted)
			pz_channel_accept(in->channel, PZ_CHANNEL_WINDOW_BYTES, NULL, &channel_ops,
					  in);
		pz_channel_close_with(PZ_TAKE(in->channel), "ok", receipt(in));
	}
	pz_incoming_free(in);
}

/* Removes everything except the placed file. */
static void
remove_part(struct pz_incoming *in)
{
	in->state = PZ_INCOMING_REMOVING;
	in->is_busy = true;
	in->part->ops->remove(in->part, on_removed, in);
}

/* Closes the channel with a word of page 15. A channel that is not accepted yet is accepted first,
 * so that the word arrives: a refusal would look like one of the policy. */
static void
end_channel(struct pz_incoming *in, const char *word)
{
	struct pz_channel *channel = PZ_TAKE(in->channel);

	if (channel == NULL)
		return;
	if (!in->is_accepted)
		pz_channel_accept(channel, PZ_CHANNEL_WINDOW_BYTES, NULL, &channel_ops, in);
	pz_channel_close(channel, word);
}

static void
note_trouble(const struct pz_incoming *in, const struct pz_part_result *result)
{
	struct pz_transfers *transfers = in->transfers;

	/* A file that is larger than what is free is no fault of this device. */
	if ((result->err == PZ_ERR_IO_FULL && !result->is_too_large) || result->err == PZ_ERR_IO ||
	    result->err == PZ_ERR_DENIED_PERMISSION)
		pz_condition_raise(transfers->config.conditions, PZ_CONDITION_INBOX, "",
				   "files of other devices cannot be received: %s", result->detail);
	pz_notice_of(&transfers->log, transfers->env, "file-not-received", "from=%s name=%s %s",
		     in->device, in->offer.name, result->detail);
}

/* A full disk gets back the space that this file used. */
static void
give_up(struct pz_incoming *in, const struct pz_part_result *result)
{
	/* After a full disk the file is removed at once; after another failure it stays, and its
	 * sender continues it. */
	bool is_full = result->err == PZ_ERR_IO_FULL;

	note_trouble(in, result);
	end_channel(in, is_full                              ? "noSpace"
			: result->err == PZ_ERR_LIMIT_MEMORY ? "memory"
							     : "refused");
	if (is_full)
		remove_part(in);
	else
		pz_incoming_free(in);
}

/* It differs from what was announced. */
static void
give_up_changed(struct pz_incoming *in)
{
	pz_notice_of(&in->transfers->log, env_of(in), "file-changed",
		     "from=%s name=%s it changed while it was sent", in->device, in->offer.name);
	end_channel(in, "changed");
	in->is_doomed = true;
	step(in);
}

/* ---- whole ---- */

static void
finish(struct pz_incoming *in)
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
	struct pz_noting *noting = arg;
	struct pz_incoming *in = noting->in;

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
record_of(const struct pz_incoming *in)
{
	struct pz_transfers *transfers = in->transfers;
	/* The current path: the preference may have changed since the offer. */
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
	struct pz_incoming *in = arg;

	in->is_busy = false;
	if (result->err != PZ_OK) {
		give_up(in, result);
		return;
	}
	in->file = strdup(result->file);
	in->noting = calloc(1, sizeof(*in->noting));
	/* The channel ends with "lost", so the sender offers it again, and the disk has the file.
	 */
	if (in->file == NULL || in->noting == NULL) {
		pz_incoming_free(in); /* the next try finds it placed */
		return;
	}
	in->state = PZ_INCOMING_NOTING;
	in->noting->in = in;
	pz_inbox_add(in->transfers, record_of(in), on_noted, in->noting, drop_noting);
}

/* The sender compares it, or has announced it. */
static bool
wants_digest(const struct pz_incoming *in)
{
	return !in->offer.no_digest || in->offer.sha256[0];
}

/* All bytes were received and written. */
static void
complete(struct pz_incoming *in)
{
	/* A digest that the sender announced must match; without one, the sender compares at the
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
	in->state = PZ_INCOMING_PLACING;
	in->is_busy = true;
	in->part->ops->place(in->part, on_placed, in);
}

/* ---- bytes ---- */

/* Credit for received bytes: at once, unless the disk is far behind. So only the path determines
 * how many bytes are in flight. */
static void
give_credit(struct pz_incoming *in, size_t received)
{
	in->owed += received;
	/* Credit is the only brake: TCP would continue, and the bytes would wait in memory. */
	if (in->owed == 0 || in->channel == NULL || !in->is_accepted ||
	    in->pending.len + in->writing > PZ_TRANSFER_BACKLOG_BYTES)
		return;
	pz_channel_consumed(in->channel, in->owed);
	in->owed = 0;
}

static void
on_written(void *arg, const struct pz_part_result *result)
{
	struct pz_incoming *in = arg;
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
	struct pz_incoming *in = arg;

	in->is_busy = false;
	if (result->err != PZ_OK) {
		give_up(in, result);
		return;
	}
	in->state = PZ_INCOMING_READY;
	/* The state of the disk counts, whatever was received before. */
	in->total = result->have;
	memcpy(in->sha256, result->sha256, sizeof(in->sha256));
	in->is_digested = true;
	step(in);
}

/* Of the bytes that were written without one. */
static void
digest(struct pz_incoming *in)
{
	in->is_busy = true;
	in->part->ops->digest(in->part, on_ready, in);
}

static void
accept(struct pz_incoming *in)
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

/* Writes whole blocks, and bytes that cannot become one. */
static bool
is_worth_writing(const struct pz_incoming *in)
{
	return in->pending.len >= PZ_TRANSFER_BLOCK_BYTES || in->is_gathered || in->has_ended ||
	       in->channel == NULL || !in->is_accepted || in->wants_restart;
}

static void
on_gathered(struct pz_timer *timer, void *arg)
{
	struct pz_incoming *in = arg;

	(void)timer;
	in->is_gathered = true;
	step(in);
}

static void
write_pending(struct pz_incoming *in)
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

/* Starts the next operation. */
static void
step(struct pz_incoming *in)
{
	if (in->is_busy || in->state != PZ_INCOMING_READY)
		return;
	/* The order matters: removal comes before any write; bytes come before the end of the file.
	 */
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
	struct pz_incoming *in = arg;

	in->seen_us = pz_env_mono_us(env_of(in));
	in->total += data.len;
	/* A sender that sends more than it offered must not fill the disk. */
	if (in->offer.has_size && in->total > in->offer.size) {
		give_up_changed(in);
		return;
	}
	if (pz_buf_append(&in->pending, data) != PZ_OK) {
		in->total -= data.len;
		/* The bytes in `pending` are still written, and the next try starts with them. */
		end_channel(in, "memory"); /* its sender tries again */
	} else {
		give_credit(in, data.len);
	}
	step(in);
}

static void
on_ended(void *arg)
{
	struct pz_incoming *in = arg;

	in->has_ended = true;
	step(in);
}

/* A sender whose file has changed needs none of it any more. */
static void
on_closed(void *arg, const char *reason, json_t *message)
{
	struct pz_incoming *in = arg;

	(void)message;
	in->channel = NULL;
	/* In other states the file is complete already. */
	if (strcmp(reason, "changed") == 0 && in->state == PZ_INCOMING_READY)
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

/* ---- from its offer on ---- */

static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct pz_incoming *in = arg;
	uint64_t since = pz_env_mono_us(env_of(in)) - in->seen_us;

	if (pz_incoming_rests(in)) {
		pz_incoming_free(in);
		/* While the disk works the sender waits for us, and must not count as stuck. */
	} else if (in->channel && in->is_accepted && in->state == PZ_INCOMING_READY) {
		if (since < PZ_TRANSFER_IDLE_US) {
			pz_env_start(env_of(in), timer, PZ_TRANSFER_IDLE_US - since);
			return;
		}
		end_channel(in, "idle");
		step(in);
	}
}

struct pz_incoming *
pz_incoming_new(struct pz_transfers *transfers, const char *device, const char *key,
		const struct pz_transfer_offer *offer)
{
	struct pz_incoming *in = calloc(1, sizeof(*in));
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
	/* By sender, so that two devices can both send "photo.jpg". */
	snprintf(spec.path, sizeof(spec.path), "%s%s%s", inbox.by_sender ? device : "",
		 inbox.by_sender && offer->path[0] ? "/" : "", offer->path);
	in->is_busy = true;
	in->part = transfers->config.parts.open(transfers->config.parts.self, &spec, on_ready, in);
	if (in->part)
		return in;
	pz_incoming_free(in);
	return NULL;
}

/* Its sender has a new link, or has lost the old one without our notice. */
void
pz_incoming_adopt(struct pz_incoming *in, struct pz_channel *channel,
		  const struct pz_transfer_offer *offer)
{
	if (in->channel)
		end_channel(in, "replaced");
	/* Name, size and time are equal (make_key); these may differ from one sending to the next.
	 */
	memcpy(in->offer.id, offer->id, sizeof(in->offer.id));
	memcpy(in->offer.sha256, offer->sha256, sizeof(in->offer.sha256));
	in->offer.no_digest = offer->no_digest;
	in->channel = channel;
	in->is_accepted = false;
	/* The sender has found that our bytes are no beginning of its file. */
	in->wants_restart |= offer->is_fresh && in->state <= PZ_INCOMING_READY;
	if (in->state == PZ_INCOMING_READY)
		in->has_ended = in->has_ended && !offer->is_fresh;
	pz_env_stop(env_of(in), &in->timer);
	pz_channel_keep(channel, &channel_ops, in);
	step(in);
}

/* The same sending continues, or a later sending continues a waiting file. Two files that are sent
 * at once may have the same name, size and time: the second waits until the first has ended. */
bool
pz_incoming_may_adopt(const struct pz_incoming *in, const struct pz_transfer_offer *offer)
{
	bool rests = pz_incoming_rests(in) && !in->has_ended;

	if (in->state == PZ_INCOMING_REMOVING || in->is_doomed)
		return false;
	return rests || strcmp(in->offer.id, offer->id) == 0;
}

void
pz_incoming_keep(struct pz_incoming *in, struct pz_channel *channel)
{
	in->channel = channel;
	pz_channel_keep(channel, &channel_ops, in);
}

bool
pz_incoming_rests(const struct pz_incoming *in)
{
	return in->channel == NULL && in->state == PZ_INCOMING_READY && !in->is_busy;
}

void
pz_incoming_answer(struct pz_channel *channel, json_t *more, const char *word,
		   json_t *takes_message)
{
	pz_channel_accept(channel, PZ_CHANNEL_WINDOW_BYTES, more, &channel_ops, NULL);
	pz_channel_close_with(channel, word, takes_message);
}
