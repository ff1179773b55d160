/*
 * The receiving half of an exchange on one link (page 8). Three messages: a Hash has the digests of
 * items; a Change lists versions of those that differ; Data has chunks, and requests others. Both
 * ends follow the same rules, so each may receive whatever it may send, and each message is handled
 * independently.
 *
 * A message is parsed as a whole before any part of it is applied. A malformed message is an error,
 * and ends the link; a refused chunk is reported, and the others are still applied, since the next
 * one may be a revocation.
 *
 * sync/merge.h decides from content alone whether a chunk wins, so all nodes end with the same
 * bytes. The owner decides whether to believe it (`accept`). This file only queues what is to be
 * sent; outgoing.c sends it when the link has room.
 */
#include "sync/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "wire/json.h"

enum type {
	TYPE_HASH,
	TYPE_CHANGE,
	TYPE_DATA,
};

static const struct {
	const char *status;
	enum family family;
	enum type type;
} statuses[] = {
	{"Sync_Hash", FAMILY_SYNC, TYPE_HASH},     {"Update_Hash", FAMILY_UPDATE, TYPE_HASH},
	{"Sync_Change", FAMILY_SYNC, TYPE_CHANGE}, {"Update_Change", FAMILY_UPDATE, TYPE_CHANGE},
	{"Sync_Data", FAMILY_SYNC, TYPE_DATA},     {"Update_Data", FAMILY_UPDATE, TYPE_DATA},
};

#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

/* STATUS_COUNT: not a status of synchronisation. */
static size_t
find_status(const char *status)
{
	size_t i = 0;

	while (i < STATUS_COUNT && strcmp(statuses[i].status, status) != 0)
		i++;
	return i;
}

bool
pz_sync_is_status(const char *status)
{
	return find_status(status) < STATUS_COUNT;
}

/* The item that a member of a message names; NULL: ignored, since this session does not read it. */
static struct pz_sync_item *
item_named(const struct pz_sync_session *s, const char *name)
{
	const struct pz_sync_kind *kind = pz_sync_kind_find(name);

	return kind ? pz_sync_session_item(s, kind) : NULL;
}

struct pz_sync_session *
pz_sync_session_new(const struct pz_sync_config *config)
{
	struct pz_sync_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->config = *config;
	snprintf(s->self_device, sizeof(s->self_device), "%s",
		 config->self_device ? config->self_device : "");
	snprintf(s->other_device, sizeof(s->other_device), "%s",
		 config->other_device ? config->other_device : "");
	s->out = pz_map_new();
	s->wanted = pz_map_new();
	if (s->out == NULL || s->wanted == NULL) {
		pz_sync_session_free(s);
		return NULL;
	}
	return s;
}

void
pz_sync_session_free(struct pz_sync_session *s)
{
	if (s == NULL)
		return;
	pz_sync_queues_free(s);
	pz_map_free(s->answer.seen);
	pz_buf_wipe(&s->pieces.value);
	free(s);
}

/* The names of the exchanges that this end opens. */
static enum family
own_family(const struct pz_sync_session *s)
{
	return s->config.self == PZ_SYNC_HUB ? FAMILY_SYNC : FAMILY_UPDATE;
}

/* A Hash is due and was not sent: a full queue, or an answer that is awaited, comes first. */
enum pz_err
pz_sync_session_open(struct pz_sync_session *s)
{
	s->is_open_due = true;
	return pz_sync_session_pump(s);
}

/* A single change, without digests. If it is lost with the link, the next Hash shows the
 * difference. */
enum pz_err
pz_sync_session_push(struct pz_sync_session *s, const struct pz_sync_kind *kind, const char *key)
{
	struct pz_sync_item *item =
		pz_sync_may_send(s, kind) ? pz_sync_session_item(s, kind) : NULL;

	if (item == NULL || pz_sync_item_get(item, key) == NULL)
		return PZ_OK;
	PZ_TRY(pz_sync_queue_chunk(s, kind, key));
	s->data_family = own_family(s);
	return pz_sync_session_pump(s);
}

/* With a hub at one end, both ends use its clock, and so decide alike. */
static struct pz_sync_judge
judge_of(const struct pz_sync_session *s, const struct pz_sync_kind *kind)
{
	uint64_t now = pz_env_wall_ms(s->config.env);
	struct pz_sync_judge judge = {
		.kind = kind,
		.now_ms = now,
		.number = s->config.ops->number,
		.arg = s->config.arg,
		.self_device = s->self_device,
		.other_device = s->other_device,
	};

	if (s->config.self != s->config.other)
		judge.hub = s->config.self == PZ_SYNC_HUB ? PZ_SYNC_HUB_OURS : PZ_SYNC_HUB_THEIRS;
	if (s->has_clock && s->ahead_ms >= 0)
		judge.now_ms = now + (uint64_t)s->ahead_ms;
	else if (s->has_clock)
		judge.now_ms = now > (uint64_t)-s->ahead_ms ? now - (uint64_t)-s->ahead_ms : 0;
	return judge;
}

/* A device sets its time by its hub only: another device's clock is no better than its own. */
static void
take_clock(struct pz_sync_session *s, const json_t *message)
{
	int64_t timestamp;

	if (s->config.self != PZ_SYNC_DEVICE || s->config.other != PZ_SYNC_HUB ||
	    !pz_json_int(message, "timestamp", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &timestamp))
		return;
	s->has_clock = true;
	s->ahead_ms = timestamp - (int64_t)pz_env_wall_ms(s->config.env);
}

bool
pz_sync_session_ahead(const struct pz_sync_session *s, int64_t *out_ms)
{
	*out_ms = s->ahead_ms;
	return s->has_clock;
}

static void
refuse(const struct pz_sync_session *s, const char *item, const char *key, const char *reason)
{
	if (s->config.ops->refused)
		s->config.ops->refused(s->config.arg, item, key, reason);
}

/* ---- Hash ---- */

/* A bit for each item that differs. */
static enum pz_err
compare_digests(const struct pz_sync_session *s, json_t *items, unsigned *out,
		struct pz_errinfo *info)
{
	uint8_t ours[PZ_SYNC_HASH_BYTES], theirs[PZ_SYNC_HASH_BYTES];
	const char *name;
	json_t *digest;

	*out = 0;
	json_object_foreach (items, name, digest) {
		struct pz_sync_item *item = item_named(s, name);
		if (item == NULL)
			continue;
		if (!json_is_string(digest) ||
		    pz_hex_decode(pz_slice_str(json_string_value(digest)), theirs,
				  sizeof(theirs)) != PZ_OK)
			return pz_fail(info, PZ_ERR_PROTO_MEMBER, "the digest of %s is malformed",
				       name);
		pz_sync_item_expire(item, pz_env_wall_ms(s->config.env));
		PZ_TRY(pz_sync_item_digest(item, ours));
		if (memcmp(ours, theirs, sizeof(ours)) != 0)
			*out |= 1U << pz_sync_item_kind(item)->id;
	}
	return PZ_OK;
}

/* One listing at a time: it may be long, and is sent in parts. An end that sends Hash after Hash
 * would keep us listing for ever. */
static enum pz_err
on_hash(struct pz_sync_session *s, enum family family, const json_t *message,
	struct pz_errinfo *info)
{
	json_t *items = json_object_get(message, "items");
	unsigned kinds;

	if (s->listing.is_active)
		return pz_fail(info, PZ_ERR_PROTO, "the last Hash is not answered yet");
	if (!json_is_object(items))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "a Hash without items");
	PZ_TRY(compare_digests(s, items, &kinds, info));
	take_clock(s, message);
	s->listing = (struct listing){.is_active = true, .family = family, .kinds = kinds};
	return PZ_OK;
}

/* ---- Change ---- */

/* The time is bounded like that of a chunk: a version that no chunk can have is not requested. */
static bool
read_entry(const char *key, const json_t *value, struct pz_sync_entry *out)
{
	const char *sha256 = json_string_value(json_array_get(value, 0));
	const json_t *mtime = json_array_get(value, 1), *deleted = json_array_get(value, 2);

	if (!pz_sync_key_is_valid(key) || sha256 == NULL || !json_is_integer(mtime) ||
	    json_integer_value(mtime) < 0 || !json_is_boolean(deleted) ||
	    pz_hex_decode(pz_slice_str(sha256), out->sha256, sizeof(out->sha256)) != PZ_OK)
		return false;
	out->mtime_ms = (uint64_t)json_integer_value(mtime);
	out->deleted = json_is_true(deleted);
	return out->mtime_ms <= PZ_SYNC_TIME_MS_MAX;
}

/* The listing decides which end sends: this one, the other, or both. */
static enum pz_err
take_entry(struct pz_sync_session *s, const struct pz_sync_item *item, const char *key,
	   const struct pz_sync_entry *entry)
{
	const struct pz_sync_kind *kind = pz_sync_item_kind(item);
	const struct pz_sync_chunk *ours = pz_sync_item_get(item, key);
	struct pz_sync_judge judge = judge_of(s, kind);
	unsigned need = pz_sync_need(ours, entry, &judge);
	struct place place;

	if (ours)
		PZ_TRY(pz_map_put(s->answer.seen, pz_sync_place(&place, kind, key), s, NULL));
	if ((need & PZ_SYNC_NEED_SEND) && pz_sync_may_send(s, kind))
		PZ_TRY(pz_sync_queue_chunk(s, kind, key));
	if ((need & PZ_SYNC_NEED_WANT) && pz_sync_may_accept(s, kind))
		PZ_TRY(pz_sync_queue_want(s, kind, key));
	return PZ_OK;
}

/* One item of a listing. Its length is bounded over all parts of the answer. */
static enum pz_err
take_listed(struct pz_sync_session *s, const struct pz_sync_item *item, json_t *keys,
	    struct pz_errinfo *info)
{
	const struct pz_sync_kind *kind = pz_sync_item_kind(item);
	struct pz_sync_entry entry;
	const char *key;
	json_t *value;

	if (!json_is_object(keys))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "the listing of %s is no object",
			       kind->name);
	s->answer.kinds |= 1U << kind->id;
	s->answer.counts[kind->id] += json_object_size(keys);
	if (s->answer.counts[kind->id] > PZ_SYNC_CHUNKS_MAX)
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "the listing of %s is too long",
			       kind->name);
	json_object_foreach (keys, key, value) {
		if (!read_entry(key, value, &entry))
			return pz_fail(info, PZ_ERR_PROTO_MEMBER,
				       "an entry in the listing of %s is malformed", kind->name);
		PZ_TRY(take_entry(s, item, key, &entry));
	}
	return PZ_OK;
}

/*
 * Sends the chunks that the other end did not list, since it lacks them. A chunk that only the hub
 * writes and that the hub lacks is removed here: the hub deleted it, and has dropped the deletion
 * since. A CRL is never removed this way: without it a revoked device would be admitted.
 */
static enum pz_err
take_unlisted(struct pz_sync_session *s, const struct pz_sync_kind *kind, struct pz_sync_item *item)
{
	bool is_mirror = s->config.other == PZ_SYNC_HUB && !pz_sync_may_send(s, kind) &&
			 kind->order == PZ_SYNC_BY_TIME;
	json_t *gone = json_array();
	enum pz_err err = gone ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	struct place place;
	size_t i;
	json_t *key;

	for (i = 0; err == PZ_OK && i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		if (!pz_sync_item_is_shown(item, chunk) ||
		    pz_map_get(s->answer.seen, pz_sync_place(&place, kind, chunk->key)))
			continue;
		if (pz_sync_may_send(s, kind))
			err = pz_sync_queue_chunk(s, kind, chunk->key);
		else if (is_mirror && json_array_append_new(gone, json_string(chunk->key)))
			err = PZ_ERR_LIMIT_MEMORY;
	}
	if (err == PZ_OK && json_array_size(gone) > 0) {
		json_array_foreach (gone, i, key)
			pz_sync_item_remove(item, json_string_value(key));
		s->config.ops->changed(s->config.arg, kind, gone);
	}
	json_decref(gone);
	return err;
}

/* A listing that answers no Hash of ours is an error. */
static void
end_answer(struct pz_sync_session *s)
{
	pz_map_free(s->answer.seen);
	s->answer = (struct answer){.is_awaited = false};
}

/* The next message continues a partial answer: which chunks were not listed is known only after the
 * last one. */
static enum pz_err
take_answer(struct pz_sync_session *s, const json_t *message, struct pz_errinfo *info)
{
	const char *name;
	json_t *keys;

	if (s->answer.seen == NULL && (s->answer.seen = pz_map_new()) == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	json_object_foreach ((json_t *)message, name, keys) {
		struct pz_sync_item *item = item_named(s, name);
		if (item)
			PZ_TRY(take_listed(s, item, keys, info));
	}
	if (json_is_true(json_object_get(message, "partial")))
		return PZ_OK;
	for (unsigned kinds = s->answer.kinds; kinds; kinds &= kinds - 1) {
		const struct pz_sync_kind *kind =
			pz_sync_kind((enum pz_sync_id)__builtin_ctz(kinds));
		struct pz_sync_item *item = pz_sync_session_item(s, kind);
		if (item)
			PZ_TRY(take_unlisted(s, kind, item));
	}
	bool is_equal = s->answer.kinds == 0;
	end_answer(s);
	if (s->config.ops->answered)
		s->config.ops->answered(s->config.arg, is_equal);
	return PZ_OK;
}

static enum pz_err
on_change(struct pz_sync_session *s, const json_t *message, struct pz_errinfo *info)
{
	if (!s->answer.is_awaited)
		return pz_fail(info, PZ_ERR_PROTO, "a listing that we have not asked for");
	take_clock(s, message);
	s->data_family = own_family(s);
	enum pz_err err = take_answer(s, message, info);
	if (err != PZ_OK)
		end_answer(s);
	return err;
}

/* ---- Data ---- */

/* The whole message is checked before any of it is applied. */
static bool
has_arrays(const struct pz_sync_session *s, const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		if (item_named(s, name) && !json_is_array(value))
			return false;
	}
	return true;
}

static void
drop_pieces(struct pieces *p)
{
	pz_buf_wipe(&p->value);
	p->kind = NULL;
}

/* Pieces of a former value are dropped, so that pieces of two values are never mixed. */
static enum pz_err
begin_pieces(struct pieces *p, const struct pz_sync_kind *kind, const struct pz_sync_chunk *first,
	     size_t size, struct pz_errinfo *info)
{
	drop_pieces(p);
	if (size > kind->value_bytes_max)
		return pz_fail(info, PZ_ERR_LIMIT, "value is longer than %zu bytes",
			       kind->value_bytes_max);
	p->kind = kind;
	memcpy(p->key, first->key, strlen(first->key) + 1);
	p->mtime_ms = first->mtime_ms;
	p->size = size;
	pz_buf_init(&p->value, size, NULL);
	return PZ_OK;
}

/* Adds a piece. *chunk is the piece; the whole chunk replaces it, or NULL while pieces are missing.
 */
static enum pz_err
take_piece(struct pieces *p, const struct pz_sync_kind *kind, size_t at, size_t size,
	   struct pz_sync_chunk **chunk, struct pz_errinfo *info)
{
	struct pz_sync_chunk *piece = *chunk, *whole = NULL;

	if (at == 0)
		PZ_TRY(begin_pieces(p, kind, piece, size, info));
	if (p->kind != kind || strcmp(p->key, piece->key) != 0 || p->mtime_ms != piece->mtime_ms ||
	    p->size != size || p->value.len != at || piece->value_len > size - at)
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "pieces of a value do not fit together");
	PZ_TRY(pz_buf_append(&p->value, pz_slice_of(piece->value, piece->value_len)));
	if (p->value.len == size) {
		struct pz_sync_parts parts = {
			.key = piece->key,
			.origin = piece->origin,
			.value = pz_buf_slice(&p->value),
			.mtime_ms = piece->mtime_ms,
		};
		PZ_TRY(pz_sync_chunk_new(&parts, &whole, info));
		drop_pieces(p);
	}
	pz_sync_chunk_free(piece);
	*chunk = whole;
	return PZ_OK;
}

/* Reads one chunk object. *out is NULL when it was a piece and more are to come. */
static enum pz_err
read_chunk(struct pz_sync_session *s, const struct pz_sync_kind *kind, const json_t *object,
	   struct pz_sync_chunk **out, struct pz_errinfo *info)
{
	PZ_AUTO(pz_sync_chunk_free) struct pz_sync_chunk *chunk = NULL;
	const int64_t max = PZ_SYNC_VALUE_BYTES_MAX;
	int64_t at, size;

	PZ_TRY(pz_sync_chunk_from_json(object, &chunk, info));
	if (json_object_get(object, "at")) {
		if (!pz_json_int(object, "size", 0, max, &size) ||
		    !pz_json_int(object, "at", 0, size, &at) || chunk->deleted)
			return pz_fail(info, PZ_ERR_PROTO_MEMBER, "at or size is malformed");
		enum pz_err err =
			take_piece(&s->pieces, kind, (size_t)at, (size_t)size, &chunk, info);
		if (err != PZ_OK) {
			drop_pieces(&s->pieces);
			return err;
		}
	}
	*out = PZ_TAKE(chunk);
	return PZ_OK;
}

/*
 * The device's version lost at the hub, although the device expects it to win: its clock has jumped
 * since the hub last sent its time. The hub sends its own version and its time. Only the hub does
 * this: two ends that both answered a loss could continue for ever.
 */
static enum pz_err
answer_loser(struct pz_sync_session *s, const struct pz_sync_kind *kind,
	     const struct pz_sync_item *item, const struct pz_sync_chunk *loser)
{
	const struct pz_sync_chunk *ours = pz_sync_item_get(item, loser->key);

	if (s->config.self != PZ_SYNC_HUB || s->config.other != PZ_SYNC_DEVICE || ours == NULL ||
	    pz_sync_chunk_is_same(ours, loser) || !pz_sync_may_send(s, kind))
		return PZ_OK;
	s->data_family = own_family(s);
	return pz_sync_queue_chunk(s, kind, loser->key);
}

/*
 * Gives a chunk from the future the hub's time: otherwise it would win for ever, and a deletion
 * would never expire. The hub sends the new version back to the device.
 */
static enum pz_err
clamp(struct pz_sync_session *s, const struct pz_sync_judge *judge, struct pz_sync_chunk **chunk,
      struct pz_errinfo *info)
{
	struct pz_sync_chunk *former = *chunk, *next = NULL;

	if (judge->hub != PZ_SYNC_HUB_OURS || judge->kind->order != PZ_SYNC_BY_TIME ||
	    pz_sync_is_believed(former->mtime_ms, judge->now_ms))
		return PZ_OK;
	struct pz_sync_parts parts = {
		.key = former->key,
		.origin = former->origin,
		.value = pz_slice_of(former->value, former->value_len),
		.mtime_ms = judge->now_ms,
		.deleted = former->deleted,
	};
	PZ_TRY(pz_sync_chunk_new(&parts, &next, info));
	pz_sync_chunk_mark(next, former->via, former->received_ms);
	pz_sync_chunk_free(former);
	*chunk = next;
	s->data_family = own_family(s);
	return PZ_OK;
}

/* Puts an accepted chunk into the item. *takes becomes NULL when it was taken. */
static enum pz_err
put_chunk(struct pz_sync_session *s, const struct pz_sync_judge *judge, struct pz_sync_item *item,
	  struct pz_sync_chunk **takes, struct pz_errinfo *info)
{
	uint64_t mtime_ms = (*takes)->mtime_ms;
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];

	PZ_TRY(clamp(s, judge, takes, info));
	bool is_clamped = (*takes)->mtime_ms != mtime_ms;
	snprintf(key, sizeof(key), "%s", (*takes)->key);
	if (is_clamped) /* first, since what was put counts as changed whatever fails below */
		PZ_TRY(pz_sync_queue_chunk(s, judge->kind, key));
	PZ_TRY(pz_sync_item_put(item, *takes, info));
	*takes = NULL;
	return PZ_OK;
}

/* True: the item has changed. The cheapest check comes first: form, what the owner handles itself
 * (`offered`), whether the chunk wins, and last whether it is believed, which may need a signature.
 */
static enum pz_err
take_chunk(struct pz_sync_session *s, struct pz_sync_item *item, const json_t *object,
	   bool *out_changed, struct pz_errinfo *info)
{
	const struct pz_sync_kind *kind = pz_sync_item_kind(item);
	PZ_AUTO(pz_sync_chunk_free) struct pz_sync_chunk *chunk = NULL;
	struct pz_sync_judge judge = judge_of(s, kind);
	bool is_taken = false;

	*out_changed = false;
	PZ_TRY(read_chunk(s, kind, object, &chunk, info));
	if (chunk == NULL)
		return PZ_OK;
	PZ_TRY(pz_sync_item_check(kind, chunk, info));
	if (s->config.ops->offered)
		PZ_TRY(s->config.ops->offered(s->config.arg, kind, chunk, &is_taken, info));
	if (is_taken)
		return PZ_OK;
	if (!pz_sync_wins(pz_sync_item_get(item, chunk->key), chunk, &judge))
		return answer_loser(s, kind, item, chunk);
	if (pz_sync_item_is_dropped(item, chunk))
		return PZ_OK;
	pz_sync_chunk_mark(chunk, s->other_device, pz_env_wall_ms(s->config.env));
	PZ_TRY(s->config.ops->accept(s->config.arg, kind, chunk, info));
	PZ_TRY(put_chunk(s, &judge, item, &chunk, info));
	*out_changed = true;
	return PZ_OK;
}

/* Adds the key, and the keys of the deletions that were dropped to make room. */
static enum pz_err
add_changed(struct pz_sync_item *item, const char *key, json_t *keys)
{
	char dropped[PZ_SYNC_KEY_BYTES_MAX + 1];
	bool ok = json_array_append_new(keys, json_string(key)) == 0;

	while (pz_sync_item_dropped(item, dropped))
		ok = json_array_append_new(keys, json_string(dropped)) == 0 && ok;
	return ok ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

/* The chunks of one item. After a refused one the others are still applied. Only lack of memory
 * stops: the rest could not be stored either. */
static enum pz_err
take_chunks(struct pz_sync_session *s, struct pz_sync_item *item, const json_t *chunks)
{
	const struct pz_sync_kind *kind = pz_sync_item_kind(item);
	json_t *keys = json_array(), *object;
	enum pz_err err = keys ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	bool has_changed;
	size_t i;

	json_array_foreach (chunks, i, object) {
		struct pz_errinfo info = {""};
		const char *key = pz_json_str(object, "key");
		if (err == PZ_ERR_LIMIT_MEMORY)
			break;
		err = take_chunk(s, item, object, &has_changed, &info);
		if (err != PZ_OK)
			refuse(s, kind->name, key && pz_sync_key_is_valid(key) ? key : "",
			       info.text[0] ? info.text : pz_err_text(err));
		else if (has_changed)
			err = add_changed(item, key, keys);
	}
	if (json_array_size(keys) > 0)
		s->config.ops->changed(s->config.arg, kind, keys);
	json_decref(keys);
	return err == PZ_ERR_LIMIT_MEMORY ? err : PZ_OK;
}

/* Queues the chunks that the other end requests, except those that are gone by now. */
static enum pz_err
take_want(struct pz_sync_session *s, const struct pz_sync_item *item, const json_t *keys)
{
	const struct pz_sync_kind *kind = pz_sync_item_kind(item);
	const json_t *value;
	size_t i;

	if (!pz_sync_may_send(s, kind)) {
		refuse(s, kind->name, "", "not given to this end");
		return PZ_OK;
	}
	json_array_foreach (keys, i, value) {
		const char *key = json_string_value(value);
		if (key && pz_sync_item_get(item, key))
			PZ_TRY(pz_sync_queue_chunk(s, kind, key));
	}
	return PZ_OK;
}

/* Page 14 ZON-6: a device tries to write what it must not. An item that we do not know, or have
 * opted out of, is no such attempt. */
static bool
is_wrong_way(const struct pz_sync_session *s, const char *name)
{
	const struct pz_sync_kind *kind = pz_sync_kind_find(name);

	return kind && !pz_sync_may_accept(s, kind);
}

static enum pz_err
on_data(struct pz_sync_session *s, enum family family, const json_t *message,
	struct pz_errinfo *info)
{
	const json_t *want = json_object_get(message, "want");
	const char *name;
	json_t *value;

	if ((want && !json_is_object(want)) || !has_arrays(s, message) || !has_arrays(s, want))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "an item is no array, or want no object");
	take_clock(s, message);
	json_object_foreach ((json_t *)message, name, value) {
		struct pz_sync_item *item = item_named(s, name);
		if (item && pz_sync_may_accept(s, pz_sync_item_kind(item)))
			PZ_TRY(take_chunks(s, item, value));
		else if (is_wrong_way(s, name))
			refuse(s, name, "", "not taken from this end");
	}
	json_object_foreach ((json_t *)want, name, value) {
		struct pz_sync_item *item = item_named(s, name);
		if (item)
			PZ_TRY(take_want(s, item, value));
	}
	if (want)
		s->data_family = family;
	return PZ_OK;
}

/* Sends what the message has queued, also after an error. */
enum pz_err
pz_sync_session_message(struct pz_sync_session *s, const char *status, const json_t *message,
			struct pz_errinfo *info)
{
	size_t i = find_status(status);
	enum pz_err err = PZ_OK;

	if (i == STATUS_COUNT)
		return pz_fail(info, PZ_ERR_NOTFOUND, "not a message of synchronisation");
	if (!json_is_object(message))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER, "%s without a message", status);
	switch (statuses[i].type) {
	case TYPE_HASH:
		err = on_hash(s, statuses[i].family, message, info);
		break;
	case TYPE_CHANGE:
		err = on_change(s, message, info);
		break;
	case TYPE_DATA:
		err = on_data(s, statuses[i].family, message, info);
		break;
	}
	enum pz_err sent = pz_sync_session_pump(s);
	return err != PZ_OK ? err : sent;
}
