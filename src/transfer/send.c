/*
 * Outgoing files: the command `send`. One object for each, which lives as long as its request.
 *
 *   QUEUED     no channel: it waits for its turn, for a way to the device, or a moment
 *   OPENING    the other end has been offered the file
 *   CHECKING   what is there of an earlier try is compared
 *   SENDING    bytes go
 *   LOOKING    all were read: has the file changed meanwhile?
 *   FINISHING  the other end syncs and places it
 *
 * Any end of the channel, except with a word that rules out another try, leads back to QUEUED.
 * Call-backs of channels and of the node only set `pump`, a timer without delay, so that no channel
 * is opened inside of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "command/table.h"
#include "transfer/internal.h"
#include "transfer/name.h"
#include "transfer/source.h"
#include "wire/json.h"

#define EVENT_US (200 * PZ_US_PER_MS)    /* time from one event of a file to the next */
#define EVENT_BYTES ((uint64_t)16 << 20) /* or this many bytes */
#define LIMIT_US (200 * PZ_US_PER_MS)    /* the other end has as many files as it accepts */
#define AGAIN_US (1 * PZ_US_PER_S)       /* a route was lost, or is being searched */
#define LOOK_US (5 * PZ_US_PER_S)        /* --wait: from one search to the next */
#define WATCH_US (5 * PZ_US_PER_S)       /* to detect that the other end is stuck */
#define REFUSES " refuses it; `pzp policy why` there says why"
#define CANNOT_STORE " cannot store it; `pzp status` or the log there says why"
/* What it lacks is a person's answer, or a place among the files that come in there. */
#define BUSY " lets it wait, until a person has answered there, or other files have come"
#define NO_DATA_WINDOW 1024 /* nothing is sent back */
#define LABEL_BYTES 120     /* of a file in the text of an error, with its NUL */

struct sending {
	struct pz_list node; /* transfers.sendings, in the order of the requests */
	struct pz_transfers *transfers;
	struct pz_request *request;
	struct pz_source *source;
	struct pz_channel *channel;
	struct pz_transfer_offer offer;
	char device[PZ_ADDRESS_BYTES_MAX + 1];
	enum { QUEUED, OPENING, CHECKING, SENDING, LOOKING, FINISHING } state;
	struct pz_buf out; /* read, not sent yet */
	uint64_t have;     /* digest of the other end, as it reported */
	char have_hash[PZ_TRANSFER_HASH_HEX_BYTES];
	uint64_t sent; /* bytes of the file, in this try */
	struct {
		uint64_t sent;      /* in the best try */
		uint64_t sent_then; /* the same, when the receiver ended a try last */
		unsigned ends;      /* of tries, by the receiver, since that has grown */
	} best;
	uint64_t told; /* by the last event */
	uint64_t started_us, moved_us, told_us, looked_us;
	uint64_t not_before_us; /* the next try */
	struct pz_timer watch;  /* the other end is stuck; or the next try */
	bool is_reading, is_waiting, has_looked;
	bool has_begun;    /* bytes could go in this or an earlier try: started_us is of then */
	bool was_told_why; /* why it waits; bytes have not gone since */
};

static const struct pz_env *
env_of(const struct sending *s)
{
	return s->transfers->env;
}

static uint64_t
now_us(const struct sending *s)
{
	return pz_env_mono_us(env_of(s));
}

static void
pump_soon(struct pz_transfers *transfers)
{
	/* Once for many causes in one turn. */
	if (!transfers->pump.active)
		pz_env_start(transfers->env, &transfers->pump, 0);
}

/* ---- the end ---- */

static void
release(struct pz_request *request)
{
	struct sending *s = request->state;
	struct pz_transfers *transfers = s->transfers;

	pz_list_remove(&s->node);
	pz_env_stop(env_of(s), &s->watch);
	if (s->channel)
		pz_channel_close(s->channel, "cancelled");
	pz_source_free(s->source);
	pz_buf_fini(&s->out);
	/* Empty: the request ended before anything was requested of the device. */
	if (s->device[0])
		transfers->config.ops->want(transfers->config.arg, s->device, false);
	pump_soon(transfers);
}

static const struct pz_request_kind sending_kind = {.size = sizeof(struct sending),
						    .release = release};

/* The file as a person knows it, with its directories; of a long one the end, so that the reason
 * behind it has room. */
static void
short_label(const struct sending *s, char out[LABEL_BYTES])
{
	char whole[PZ_TRANSFER_PATH_BYTES_MAX + 1 + PZ_TRANSFER_NAME_BYTES_MAX + 1];
	int len = snprintf(whole, sizeof(whole), "%s%s%s", s->offer.path,
			   s->offer.path[0] ? "/" : "", s->offer.name);
	size_t from = len < LABEL_BYTES ? 0 : (size_t)len - (LABEL_BYTES - sizeof("..."));

	while (((uint8_t)whole[from] & 0xc0) == 0x80) /* not in the middle of a character */
		from++;
	snprintf(out, LABEL_BYTES, "%s%.*s", from ? "..." : "", LABEL_BYTES - 4, whole + from);
}

static void
fail(struct sending *s, enum pz_err err, const char *text)
{
	char name[LABEL_BYTES];
	struct pz_errinfo info;

	short_label(s, name);
	(void)pz_fail(&info, err, "%s: %s", name, text);
	pz_request_fail(s->request, err, info.text);
}

/* Whatever the file is: a program with more of them need not try. */
static void
tell_problem(struct pz_request *request, const char *device, const char *text)
{
	pz_request_event(request, json_pack("{s:s?, s:s}", "device", device, "problem", text));
}

/* The same with the name of the device between two texts. */
static void
fail_at(struct sending *s, enum pz_err err, const char *before, const char *after)
{
	char text[PZ_ADDRESS_BYTES_MAX + 128];

	snprintf(text, sizeof(text), "%s%s%s", before, s->device, after);
	fail(s, err, text);
}

/* The name of the file with its directories. New, or NULL. */
static json_t *
label(const struct sending *s)
{
	return json_sprintf("%s%s%s", s->offer.path, s->offer.path[0] ? "/" : "", s->offer.name);
}

static void
tell(struct sending *s)
{
	s->told_us = now_us(s);
	s->told = s->sent;
	s->was_told_why = false;
	pz_request_event(s->request,
			 json_pack("{s:o?, s:I, s:I}", "file", label(s), "sent",
				   (json_int_t)s->sent, "size", (json_int_t)s->offer.size));
}

/* Why no bytes go. Once, until they do. */
static void
tell_why(struct sending *s, const char *before, const char *after)
{
	if (s->was_told_why)
		return;
	s->was_told_why = true;
	pz_request_event(s->request,
			 json_pack("{s:o?, s:I, s:I, s:o?}", "file", label(s), "sent",
				   (json_int_t)s->sent, "size", (json_int_t)s->offer.size,
				   "waiting", json_sprintf("%s%s", before, after)));
}

static void
moved(struct sending *s, bool is_news)
{
	s->moved_us = now_us(s);
	if (s->sent > s->best.sent)
		s->best.sent = s->sent;
	/* Otherwise a fast link would produce thousands of events for one file. */
	if (is_news || s->moved_us - s->told_us >= EVENT_US || s->sent - s->told >= EVENT_BYTES)
		tell(s);
}

static void
drop_channel(struct sending *s, const char *reason)
{
	if (s->channel)
		pz_channel_close(PZ_TAKE(s->channel), reason);
	pz_buf_fini(&s->out);
}

/* Another try, after this time. A running read ends first. */
static void
again(struct sending *s, uint64_t delay_us)
{
	s->state = QUEUED;
	pz_buf_fini(&s->out);
	s->not_before_us = now_us(s) + delay_us;
	pz_env_start(env_of(s), &s->watch, delay_us);
	pump_soon(s->transfers); /* it was another file's turn */
}

static void
changed(struct sending *s)
{
	drop_channel(s, "changed");
	fail_at(s, PZ_ERR_IO, "it changed while it was sent; send it again: nothing was kept at ",
		"");
}

/* ---- bytes ---- */

static void push(struct sending *s);

static void
on_looked(void *arg, enum pz_err err, struct pz_slice bytes)
{
	struct sending *s = arg;

	(void)bytes;
	s->is_reading = false;
	/* The channel was lost meanwhile: the result is useless, but the source is free again. */
	if (s->state != LOOKING) {
		pump_soon(s->transfers);
		return;
	}
	if (err != PZ_OK) {
		changed(s);
		return;
	}
	s->state = FINISHING;
	s->moved_us = now_us(s);
	pz_channel_end(s->channel);
}

static void
on_read(void *arg, enum pz_err err, struct pz_slice bytes)
{
	struct sending *s = arg;

	s->is_reading = false;
	if (s->state != SENDING) {
		pump_soon(s->transfers);
		return;
	}
	if (err != PZ_OK) {
		drop_channel(s, "cancelled");
		fail(s, err, "it cannot be read");
	} else if (bytes.len == 0) {
		changed(s); /* the file is shorter now */
	} else if (pz_buf_append(&s->out, bytes) != PZ_OK) {
		drop_channel(s, "cancelled");
		fail(s, PZ_ERR_LIMIT_MEMORY, "out of memory");
	} else {
		push(s);
	}
}

static void
read_more(struct sending *s)
{
	uint64_t left = s->offer.size - pz_source_at(s->source);
	/* With a thread, one block ahead, so that disk and network work at the same time; without
	 * one, nothing is read ahead. */
	size_t ahead = pz_source_needs_thread(s->source)
			       ? PZ_TRANSFER_UNSENT_BYTES - PZ_TRANSFER_BLOCK_BYTES
			       : 0;

	if (s->is_reading)
		return;
	if (left > 0 && s->out.len <= ahead) {
		s->is_reading = true;
		pz_source_read(s->source, on_read, s);
		/* All bytes are sent: before the end is sent, the file is checked once more. */
	} else if (left == 0 && s->out.len == 0) {
		s->is_reading = true;
		s->state = LOOKING;
		pz_source_check(s->source, on_looked, s);
	}
}

/* @return false: out of memory, and another try follows */
static bool
give(struct sending *s, struct pz_slice bytes, size_t *out_taken)
{
	if (pz_channel_send(s->channel, bytes, out_taken) != PZ_OK) {
		/* The receiver keeps what it has. */
		drop_channel(s, "memory");
		again(s, AGAIN_US);
		return false;
	}
	s->sent += *out_taken;
	if (*out_taken > 0)
		moved(s, false);
	return true;
}

/* Bytes that need no thread go straight into the channel, as far as it has room. */
static bool
push_peeked(struct sending *s)
{
	size_t room, taken;

	/* Bytes that a thread has read come first, since a stream has only its order. */
	while (s->out.len == 0 && !s->is_reading && (room = pz_channel_room(s->channel)) > 0) {
		struct pz_slice bytes = pz_source_peek(s->source, room);
		if (bytes.len == 0)
			return true;
		if (!give(s, bytes, &taken))
			return false;
	}
	return true;
}

static void
push(struct sending *s)
{
	size_t taken = 1;

	while (s->out.len > 0 && taken > 0) {
		if (!give(s, pz_buf_slice(&s->out), &taken))
			return;
		pz_buf_consume(&s->out, taken);
	}
	if (push_peeked(s))
		read_more(s);
}

/* The bytes at the other end are compared with the beginning of the file, whose digest then
 * continues. */
static void
on_checked(void *arg, enum pz_err err, struct pz_slice bytes)
{
	struct sending *s = arg;
	char hash[PZ_TRANSFER_HASH_HEX_BYTES];

	(void)bytes;
	s->is_reading = false;
	if (s->state != CHECKING) {
		pump_soon(s->transfers);
		return;
	}
	if (err != PZ_OK) {
		changed(s);
		return;
	}
	pz_source_hash(s->source, hash);
	/* It is the beginning of another file, or of another version of this one. */
	if (s->have > 0 && strcmp(hash, s->have_hash) != 0) {
		s->offer.is_fresh = true;
		drop_channel(s, "other");
		again(s, 0);
		return;
	}
	s->offer.is_fresh = false;
	s->state = SENDING;
	/* What it waited before is no part of its rate. */
	if (!s->has_begun)
		s->started_us = now_us(s);
	s->has_begun = true;
	s->sent = s->have;
	moved(s, true);
	push(s);
}

/* ---- the channel ---- */

static void
on_accepted(void *arg, json_t *message, uint32_t window)
{
	struct sending *s = arg;
	const char *hash = pz_json_str(message, "haveHash");
	int64_t have = 0;

	(void)window;
	/* More bytes than the file has, or no digest to compare: starts from the beginning. */
	if (!pz_json_int(message, "have", 0, (int64_t)s->offer.size, &have) || hash == NULL)
		have = 0;
	s->have = s->offer.is_fresh ? 0 : (uint64_t)have;
	snprintf(s->have_hash, sizeof(s->have_hash), "%s", hash ? hash : "");
	s->state = CHECKING;
	s->moved_us = now_us(s);
	/* From here on a timer detects a stuck other end. */
	pz_env_start(env_of(s), &s->watch, WATCH_US);
	s->is_reading = true;
	pz_source_skip(s->source, s->have, on_checked, s);
}

/* Gives up a file that has had no route for long, unless it is to wait. */
static bool
is_patient(const struct sending *s)
{
	return s->is_waiting || now_us(s) - s->moved_us < PZ_TRANSFER_PATIENCE_US;
}

static void
on_refused(void *arg, enum pz_channel_refusal why)
{
	struct sending *s = arg;

	s->channel = NULL;
	switch (why) {
	case PZ_CHANNEL_UNREACHABLE:
		if (is_patient(s))
			again(s, AGAIN_US);
		else
			fail_at(s, PZ_ERR_IO_TIMEOUT, "", " does not answer");
		break;
	case PZ_CHANNEL_LIMIT:
		/* Its places become free as files end; no reason to give up. */
		tell_why(s, s->device, BUSY);
		again(s, LIMIT_US);
		break;
	case PZ_CHANNEL_REFUSED:
		fail_at(s, PZ_ERR_DENIED_REMOTE, "", REFUSES);
		break;
	case PZ_CHANNEL_UNKNOWN_KIND:
		fail_at(s, PZ_ERR_IO, "the version of ", " cannot receive files");
		break;
	case PZ_CHANNEL_BAD_REQUEST:
		fail_at(s, PZ_ERR_IO, "", " does not accept its name; --name gives another");
		break;
	}
}

static void
on_data(void *arg, struct pz_slice data)
{
	/* Credit first, otherwise an unknown message would stop the channel. */
	const struct sending *s = arg;

	pz_channel_consumed(s->channel, data.len); /* of a later version */
}

static void
on_writable(void *arg)
{
	struct sending *s = arg;

	if (s->state == SENDING)
		push(s);
}

static void
on_ended(void *arg)
{
	(void)arg;
}

static void
received(struct sending *s, const json_t *message)
{
	const char *theirs = pz_transfer_receipt_sha256(message);
	char ours[PZ_TRANSFER_HASH_HEX_BYTES];
	double seconds = (double)(now_us(s) - s->started_us) / PZ_US_PER_S;

	pz_source_hash(s->source, ours);
	/* The receiver's digest is over the bytes on its disk: it proves the whole transfer. */
	if (!s->offer.no_digest &&
	    (theirs == NULL || (s->state == FINISHING && strcmp(theirs, ours) != 0))) {
		fail_at(s, PZ_ERR_INTERNAL, "", " has stored other bytes than were sent");
		return;
	}
	s->sent = s->offer.size;
	tell(s);
	pz_request_answer(s->request,
			  json_pack("{s:o?, s:s*, s:f, s:I, s:s*}", "file", label(s), "sha256",
				    theirs, "seconds", seconds, "size", (json_int_t)s->offer.size,
				    "as", pz_transfer_receipt_file(message)));
}

/* A receiver that ends each try, and gets no further with any, would keep a person waiting for
 * ever. A lost link is no such end. */
static bool
is_worth_another(struct sending *s, bool is_lost)
{
	if (is_lost || s->is_waiting)
		return is_patient(s);
	if (s->best.sent > s->best.sent_then)
		s->best.ends = 0;
	s->best.sent_then = s->best.sent;
	return ++s->best.ends < PZ_TRANSFER_ENDS_MAX && is_patient(s);
}

static void
on_closed(void *arg, const char *reason, json_t *message)
{
	struct sending *s = arg;
	bool is_lost = message == NULL; /* the word "lost" alone may be the receiver's */

	s->channel = NULL;
	if (strcmp(reason, "ok") == 0)
		received(s, message);
	else if (strcmp(reason, "noSpace") == 0)
		fail_at(s, PZ_ERR_IO_FULL, "no space is left at ", " for it");
	else if (strcmp(reason, "refused") == 0)
		fail_at(s, PZ_ERR_IO, "", CANNOT_STORE);
	else if (strcmp(reason, "changed") == 0)
		changed(s);
	else if (is_worth_another(s, is_lost))
		/* After a lost link the next try is at once: there may be another route. */
		again(s, is_lost ? 0 : AGAIN_US);
	else
		fail_at(s, PZ_ERR_IO, "", " has ended it");
}

static const struct pz_channel_ops channel_ops = {
	.accepted = on_accepted,
	.refused = on_refused,
	.data = on_data,
	.writable = on_writable,
	.ended = on_ended,
	.closed = on_closed,
};

/* ---- the next try ---- */

static void
open_channel(struct sending *s, struct pz_channels *channels)
{
	char to[PZ_ADDRESS_BYTES_MAX + 1];
	const struct pz_transfers_config *config = &s->transfers->config;
	struct pz_channel_offer offer = {.to = to, .kind = "file", .window = NO_DATA_WINDOW};

	config->ops->address(config->arg, s->device, to);
	offer.message = pz_transfer_offer_json(&s->offer);
	enum pz_err err = offer.message
				  ? pz_channel_open(channels, &offer, &channel_ops, s, &s->channel)
				  : PZ_ERR_LIMIT_MEMORY;
	json_decref(offer.message);
	if (err != PZ_OK) { /* the link has its maximum of channels: later */
		again(s, LIMIT_US);
		return;
	}
	s->state = OPENING;
	s->has_looked = false;
	pz_env_stop(env_of(s), &s->watch);
}

/* There is no route: searches for one; when the search has ended the sending fails, or the next
 * search follows. */
static void
look(struct sending *s)
{
	const struct pz_transfers_config *config = &s->transfers->config;
	char away[256];

	/* A friendship may end, or a device be revoked, while a file waits. */
	if (!config->ops->is_known(config->arg, s->device)) {
		tell_problem(s->request, s->device, "it is out");
		if (pz_transfer_is_guest(s->device))
			fail_at(s, PZ_ERR_DENIED_IDENTITY, "the zone of ",
				" is no friend any more");
		else
			fail_at(s, PZ_ERR_NOTFOUND, "", " has left the zone, or was revoked");
		return;
	}
	if (config->ops->is_looking(config->arg, s->device)) {
		again(s, AGAIN_US);
		return;
	}
	if (!s->has_looked) {
		s->has_looked = true;
		s->looked_us = now_us(s);
		config->ops->look(config->arg, s->device);
		/* No search is running: nothing can be found, so it fails now. */
		again(s, config->ops->is_looking(config->arg, s->device) ? AGAIN_US : 0);
		return;
	}
	config->ops->why_unreachable(config->arg, s->device, away, sizeof(away));
	if (!s->is_waiting && !(s->best.sent > 0 && is_patient(s))) {
		tell_problem(s->request, s->device, away);
		fail(s, PZ_ERR_IO, away);
		return;
	}
	tell_why(s, away, "");
	uint64_t since = now_us(s) - s->looked_us;
	s->has_looked = since < LOOK_US;
	again(s, s->has_looked ? AGAIN_US : 0);
}

static bool
is_turn(const struct sending *s)
{
	const struct pz_list *all = &s->transfers->sendings;
	size_t count = 0;

	for (struct pz_list *n = all->next; n != all; n = n->next) {
		const struct sending *other = PZ_CONTAINER(n, struct sending, node);
		/* The receiver refuses more than this at once anyway. */
		count += other->channel && strcmp(other->device, s->device) == 0;
	}
	return count < PZ_TRANSFERS_PER_PEER_MAX;
}

static void
try_now(struct sending *s)
{
	const struct pz_transfers_config *config = &s->transfers->config;

	if (s->state != QUEUED || s->is_reading || now_us(s) < s->not_before_us || !is_turn(s))
		return;
	struct pz_channels *channels = config->ops->channels(config->arg, s->device);
	if (channels)
		open_channel(s, channels);
	else
		look(s);
}

static void
on_pump(struct pz_timer *timer, void *arg)
{
	struct pz_transfers *transfers = arg;

	(void)timer;
	/* In the order of the requests: the first ones get the channels. */
	PZ_LIST_EACH (&transfers->sendings, n, tmp) {
		struct sending *s = PZ_CONTAINER(n, struct sending, node);
		/* It has failed in this turn and is freed at its end. */
		if (!pz_request_is_over(s->request))
			try_now(s);
	}
}

static void
on_watch(struct pz_timer *timer, void *arg)
{
	struct sending *s = arg;
	uint64_t max = s->state == FINISHING ? PZ_TRANSFER_STORE_US : PZ_TRANSFER_IDLE_US;

	if (s->state == QUEUED) {
		pump_soon(s->transfers);
		return;
	}
	/* While our own disk reads, the other end waits for us. */
	if (!s->is_reading && now_us(s) - s->moved_us >= max) {
		drop_channel(s, "idle");
		if (s->is_waiting)
			again(s, 0);
		else
			fail_at(s, PZ_ERR_IO_TIMEOUT, "", " takes no more of it");
		return;
	}
	pz_env_start(env_of(s), timer, WATCH_US);
}

void
pz_transfers_route_changed(struct pz_transfers *transfers, const char *device, bool is_news)
{
	if (transfers == NULL)
		return;
	for (struct pz_list *n = transfers->sendings.next; n != &transfers->sendings; n = n->next) {
		struct sending *s = PZ_CONTAINER(n, struct sending, node);
		if (strcmp(s->device, device) != 0 || s->state != QUEUED)
			continue;
		s->not_before_us = 0;
		/* News about the device justifies another search: it may have connected to the hub
		 * while the last search failed. */
		s->has_looked = s->has_looked && !is_news;
	}
	if (!pz_list_is_empty(&transfers->sendings))
		pump_soon(transfers);
}

void
pz_send_init(struct pz_transfers *transfers)
{
	pz_list_init(&transfers->sendings);
	pz_timer_init(&transfers->pump, on_pump, transfers);
}

/* ---- the command ---- */

static enum pz_err
read_params(struct sending *s, const json_t *params, struct pz_errinfo *info)
{
	const struct pz_transfers_config *config = &s->transfers->config;
	const char *name = pz_json_str(params, "name"), *id = pz_json_str(params, "id");
	const char *fault = pz_transfer_name_fault(pz_slice_str(name));
	char shown[LABEL_BYTES];

	if (pz_transfer_path_join(json_object_get(params, "path"), s->offer.path, info) != PZ_OK)
		return PZ_ERR_CONFIG;
	snprintf(s->offer.name, sizeof(s->offer.name), "%s", name ? name : "");
	short_label(s, shown);
	if (fault)
		return pz_fail(info, PZ_ERR_CONFIG, "%s: its name %s; %s", shown, fault,
			       s->offer.path[0] ? "rename it" : "--name gives another");
	if (id && strlen(id) > PZ_TRANSFER_ID_BYTES_MAX)
		return pz_fail(info, PZ_ERR_CONFIG, "id: longer than %d bytes",
			       PZ_TRANSFER_ID_BYTES_MAX);
	if (id && id[0])
		snprintf(s->offer.id, sizeof(s->offer.id), "%s", id);
	else
		pz_env_uuid(env_of(s), s->offer.id);
	s->is_waiting = json_is_true(json_object_get(params, "wait"));
	s->offer.no_digest = json_is_false(json_object_get(params, "digest"));
	/* Last: it judges, and a refusal is recorded only for a well-formed command. */
	enum pz_err err =
		config->ops->find(config->arg, pz_json_str(params, "device"), s->device, info);
	if (err != PZ_OK)
		tell_problem(s->request, pz_json_str(params, "device"), info->text);
	return err;
}

static enum pz_err
open_source(struct sending *s, const struct pz_file *file, struct pz_errinfo *info)
{
	if (s->transfers->config.workers == NULL || file->fd < 0)
		return pz_fail(info, PZ_ERR_CONFIG, "files cannot be sent here");
	enum pz_err err = pz_source_new(s->transfers->config.workers, file->fd, &s->source);
	if (err != PZ_OK)
		return pz_fail(info, err, "%s: it cannot be read", s->offer.name);
	pz_source_set_hashing(s->source, !s->offer.no_digest);
	s->offer.size = pz_source_size(s->source);
	s->offer.has_size = true;
	s->offer.mtime_ms = pz_source_mtime_ms(s->source);
	return PZ_OK;
}

void
pz_transfers_send(struct pz_transfers *transfers, struct pz_request *request)
{
	struct sending *s = pz_request_begin(request, &sending_kind);
	char device[PZ_ADDRESS_BYTES_MAX + 1];
	struct pz_errinfo info = {""};

	if (s == NULL)
		return;
	s->request = request;
	s->transfers = transfers;
	s->started_us = s->moved_us = now_us(s);
	pz_timer_init(&s->watch, on_watch, s);
	pz_buf_init(&s->out, PZ_TRANSFER_UNSENT_BYTES, NULL);
	enum pz_err err = read_params(s, request->params, &info);
	memcpy(device, s->device, sizeof(device));
	/* otherwise release() would withdraw a request that was not made */
	s->device[0] = '\0'; /* not wanted yet */
	if (err == PZ_OK)
		err = open_source(s, request->file, &info);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	memcpy(s->device, device, sizeof(device));
	/* A program that repeats its request has lost its daemon: a route needs a moment. */
	s->best.sent = json_is_true(json_object_get(request->params, "again"));
	transfers->config.ops->want(transfers->config.arg, s->device, true);
	pz_list_append(&transfers->sendings, &s->node);
	pump_soon(transfers);
}
