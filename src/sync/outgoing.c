/*
 * The sending half. Queues hold keys, never bytes: a slow reader costs us only its own list of
 * names, and gets the newest version when it reads again. A message is built and offered; the state
 * advances only when the message was taken.
 */
#include "sync/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "wire/message.h"

/* The envelope around payload.message: two addresses and some names. */
#define ENVELOPE_BYTES 2048
/* ,"key":["64 digits",16 digits,false] without the key */
#define LISTED_BYTES 100
/* {"key":,"value":,"mtime":16 digits,"origin":,"deleted":false,"at":,"size":}, without the texts */
#define CHUNK_BYTES 128
#define ITEM_BYTES 32 /* "name":[], or "want":{} */

/* A chunk that waits to be sent. */
struct outgoing {
	const struct pz_sync_kind *kind;
	size_t at;                          /* bytes of its value that were sent in pieces */
	uint8_t sha256[PZ_SYNC_HASH_BYTES]; /* hash of the version that these bytes belong to */
	char key[];
};

static const char *const hash_status[] = {"Sync_Hash", "Update_Hash"};
static const char *const change_status[] = {"Sync_Change", "Update_Change"};
static const char *const data_status[] = {"Sync_Data", "Update_Data"};

/* ---- queues ---- */

/* True when the end with this device name may send a chunk of this key. */
static bool
gives(const struct pz_sync_kind *kind, const char *device, const char *key)
{
	return kind->order != PZ_SYNC_BY_OWNER || device[0] == '\0' || strcmp(device, key) == 0;
}

struct pz_slice
pz_sync_place(struct place *place, const struct pz_sync_kind *kind, const char *key)
{
	size_t name_len = strlen(kind->name) + 1, key_len = strnlen(key, PZ_SYNC_KEY_BYTES_MAX);

	memcpy(place->bytes, kind->name, name_len);
	memcpy(place->bytes + name_len, key, key_len);
	place->len = name_len + key_len;
	return pz_slice_of(place->bytes, place->len);
}

enum pz_err
pz_sync_queue_chunk(struct pz_sync_session *s, const struct pz_sync_kind *kind, const char *key)
{
	struct place place;
	struct pz_slice name = pz_sync_place(&place, kind, key);
	size_t size = strlen(key) + 1;

	/* The last case needs chunks that come and go while the other end does not read. */
	if (!gives(kind, s->self_device, key) || pz_map_get(s->out, name) ||
	    pz_map_len(s->out) >= PZ_SYNC_KIND_COUNT * PZ_SYNC_CHUNKS_MAX)
		return PZ_OK;
	struct outgoing *out = calloc(1, sizeof(*out) + size);
	if (out == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	out->kind = kind;
	memcpy(out->key, key, size);
	enum pz_err err = pz_map_put(s->out, name, out, NULL);
	if (err != PZ_OK)
		free(out);
	return err;
}

enum pz_err
pz_sync_queue_want(struct pz_sync_session *s, const struct pz_sync_kind *kind, const char *key)
{
	struct place place;

	/* The next exchange finds again what is left out here. */
	if (!gives(kind, s->other_device, key) || pz_map_len(s->wanted) >= PZ_SYNC_WANTED_MAX)
		return PZ_OK;
	return pz_map_put(s->wanted, pz_sync_place(&place, kind, key), (void *)kind, NULL);
}

void
pz_sync_queues_free(struct pz_sync_session *s)
{
	size_t pos = 0;
	void *out;

	while (s->out && pz_map_next(s->out, &pos, NULL, &out))
		free(out);
	pz_map_free(s->out);
	pz_map_free(s->wanted);
}

/* Removes the first entries of a queue. */
static void
drop_first(struct pz_map *queue, size_t count, bool is_owned)
{
	size_t pos = 0;
	struct pz_slice name;
	void *value;

	while (count-- > 0 && pz_map_next(queue, &pos, &name, &value)) {
		pz_map_remove(queue, name);
		if (is_owned)
			free(value);
	}
}

/* ---- sizes ---- */

/* Bytes that are left for payload.message. */
static size_t
budget(const struct pz_sync_session *s)
{
	size_t max = s->config.message_bytes_max;

	if (max == 0 || max > PZ_SYNC_PIECE_BYTES)
		max = PZ_SYNC_PIECE_BYTES;
	return max - ENVELOPE_BYTES;
}

static size_t
escaped_bytes(uint8_t c)
{
	if (c == '"' || c == '\\')
		return 2;
	return c < 0x20 ? 6 : 1;
}

/* Bytes of a text as a JSON string. What no message can hold is not counted to its end: a value of
 * 1 MiB goes out in 33 pieces on each link, and the whole of it would be counted for each of them.
 */
static size_t
json_bytes(const char *text, size_t len)
{
	size_t bytes = 2;

	for (size_t i = 0; i < len && bytes <= PZ_SYNC_PIECE_BYTES; i++)
		bytes += escaped_bytes((uint8_t)text[i]);
	return bytes;
}

/* The longest prefix of whole characters that takes at most `room` bytes as JSON. @return its bytes
 */
static size_t
fitting(const char *text, size_t len, size_t room)
{
	size_t n = 0, bytes = 2;

	while (n < len && (bytes += escaped_bytes((uint8_t)text[n])) <= room)
		n++;
	while (n < len && n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static size_t
chunk_bytes(const struct pz_sync_chunk *chunk)
{
	return CHUNK_BYTES + json_bytes(chunk->key, strlen(chunk->key)) +
	       json_bytes(chunk->value, chunk->value_len) + strlen(chunk->origin);
}

/* ---- messages ---- */

/* Takes the message. */
static enum pz_err
offer(struct pz_sync_session *s, const char *status, json_t *message)
{
	enum pz_err err = s->config.ops->send(s->config.arg, status, message);

	json_decref(message);
	s->is_blocked = err == PZ_ERR_LIMIT_QUEUE;
	return err;
}

static json_t *
new_message(const struct pz_sync_session *s, bool has_time)
{
	json_t *message = json_object();

	if (message && has_time &&
	    json_object_set_new(message, "timestamp",
				json_integer((json_int_t)pz_env_wall_ms(s->config.env)))) {
		json_decref(message);
		return NULL;
	}
	return message;
}

static enum pz_err
add_digests(const struct pz_sync_session *s, json_t *items)
{
	uint8_t digest[PZ_SYNC_HASH_BYTES];
	char hex[2 * PZ_SYNC_HASH_BYTES + 1];

	for (unsigned id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		const struct pz_sync_kind *kind = pz_sync_kind(id);
		struct pz_sync_item *item = pz_sync_session_item(s, kind);
		if (item == NULL)
			continue;
		/* Deletions that only one of the two ends has dropped already would make the
		 * digests differ. */
		pz_sync_item_expire(item, pz_env_wall_ms(s->config.env));
		PZ_TRY(pz_sync_item_digest(item, digest));
		pz_hex_encode(digest, sizeof(digest), hex);
		if (json_object_set_new(items, kind->name, json_string(hex)))
			return PZ_ERR_LIMIT_MEMORY;
	}
	return PZ_OK;
}

static enum pz_err
send_hash(struct pz_sync_session *s)
{
	enum family family = s->config.self == PZ_SYNC_HUB ? FAMILY_SYNC : FAMILY_UPDATE;
	json_t *message = new_message(s, true), *items = json_object();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (items && json_object_set(message, "items", items) == 0)
		err = add_digests(s, items);
	json_decref(items);
	if (err != PZ_OK) {
		json_decref(message);
		return err;
	}
	PZ_TRY(offer(s, hash_status[family], message));
	s->is_open_due = false;
	s->answer.is_awaited = true;
	return PZ_OK;
}

/* ---- listing ---- */

static json_t *
listed(const struct pz_sync_chunk *chunk)
{
	char hex[2 * PZ_SYNC_HASH_BYTES + 1];

	pz_hex_encode(chunk->sha256, sizeof(chunk->sha256), hex);
	return json_pack("[s, I, b]", hex, (json_int_t)chunk->mtime_ms, chunk->deleted);
}

/* Adds chunks of one kind to the listing until the message is full, and advances *bytes and the
 * listing. */
static enum pz_err
list_kind(struct listing *l, struct pz_sync_item *item, json_t *keys, size_t bytes_max,
	  size_t *bytes, bool *out_full)
{
	size_t i = pz_sync_item_after(item, l->after[0] ? l->after : NULL);

	for (; i < pz_sync_item_len(item); i++) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(item, i);
		size_t len = strlen(chunk->key);
		if (!pz_sync_item_is_shown(item, chunk))
			continue;
		size_t more = LISTED_BYTES + json_bytes(chunk->key, len);
		if (*bytes + more > bytes_max) {
			*out_full = true;
			return PZ_OK;
		}
		if (json_object_set_new(keys, chunk->key, listed(chunk)))
			return PZ_ERR_LIMIT_MEMORY;
		memcpy(l->after, chunk->key, len + 1);
		*bytes += more;
	}
	*out_full = false;
	return PZ_OK;
}

static enum pz_err
list_kinds(const struct pz_sync_session *s, struct listing *l, json_t *message)
{
	size_t bytes = 64; /* the timestamp, and the mark of a partial one */

	while (l->kinds) {
		const struct pz_sync_kind *kind =
			pz_sync_kind((enum pz_sync_id)__builtin_ctz(l->kinds));
		struct pz_sync_item *item = pz_sync_session_item(s, kind);
		bool is_full = false;
		if (item) { /* opted out since */
			json_t *keys = json_object();
			if (json_object_set_new(message, kind->name, keys))
				return PZ_ERR_LIMIT_MEMORY;
			bytes += ITEM_BYTES;
			PZ_TRY(list_kind(l, item, keys, budget(s), &bytes, &is_full));
		}
		if (is_full)
			return json_object_set_new(message, "partial", json_true())
				       ? PZ_ERR_LIMIT_MEMORY
				       : PZ_OK;
		l->kinds &= l->kinds - 1;
		l->after[0] = '\0';
	}
	l->is_active = false;
	return PZ_OK;
}

static enum pz_err
send_listing(struct pz_sync_session *s)
{
	struct listing next = s->listing;
	json_t *message = new_message(s, true);
	enum pz_err err = message ? list_kinds(s, &next, message) : PZ_ERR_LIMIT_MEMORY;

	if (err != PZ_OK) {
		json_decref(message);
		return err;
	}
	PZ_TRY(offer(s, change_status[next.family], message));
	s->listing = next;
	return PZ_OK;
}

/* ---- data ---- */

/* The member of that name, an array that is created when it is missing; NULL: out of memory. */
static json_t *
array_of(json_t *object, const struct pz_sync_kind *kind, size_t *bytes)
{
	json_t *array = json_object_get(object, kind->name);

	if (array)
		return array;
	*bytes += ITEM_BYTES;
	array = json_array();
	return json_object_set_new(object, kind->name, array) ? NULL : array;
}

static const struct pz_sync_chunk *
chunk_of(const struct pz_sync_session *s, const struct outgoing *out)
{
	struct pz_sync_item *item = pz_sync_session_item(s, out->kind);

	return item ? pz_sync_item_get(item, out->key) : NULL;
}

/* A hub's Data carries the hub's time: the receiver's clock may have jumped since the last
 * exchange. Takes the message, also on failure. */
static enum pz_err
offer_data(struct pz_sync_session *s, json_t *message)
{
	const struct pz_sync_config *c = &s->config;

	if (c->self == PZ_SYNC_HUB &&
	    json_object_set_new(message, "timestamp",
				json_integer((json_int_t)pz_env_wall_ms(c->env)))) {
		json_decref(message);
		return PZ_ERR_LIMIT_MEMORY;
	}
	return offer(s, data_status[s->data_family], message);
}

/* The next piece of a value that is too long for one message. */
static enum pz_err
send_piece(struct pz_sync_session *s, struct outgoing *out, const struct pz_sync_chunk *chunk)
{
	size_t at = memcmp(out->sha256, chunk->sha256, sizeof(out->sha256)) ? 0 : out->at;
	size_t used = chunk_bytes(chunk) - json_bytes(chunk->value, chunk->value_len);
	size_t len =
		fitting(chunk->value + at, chunk->value_len - at, budget(s) - ITEM_BYTES - used);
	json_t *message =
		json_pack("{s:[{s:s, s:s%, s:I, s:s, s:b, s:I, s:I}]}", out->kind->name, "key",
			  chunk->key, "value", chunk->value + at, len, "mtime",
			  (json_int_t)chunk->mtime_ms, "origin", chunk->origin, "deleted", false,
			  "at", (json_int_t)at, "size", (json_int_t)chunk->value_len);

	if (message == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	bool is_last = at + len == chunk->value_len;
	PZ_TRY(offer_data(s, message));
	memcpy(out->sha256, chunk->sha256, sizeof(out->sha256));
	out->at = at + len;
	if (is_last)
		drop_first(s->out, 1, true);
	return PZ_OK;
}

/* Adds waiting chunks until the message is full. @param out_count entries that are finished */
static enum pz_err
add_chunks(const struct pz_sync_session *s, json_t *message, size_t *bytes, size_t *out_count)
{
	size_t pos = 0;
	void *value;

	for (*out_count = 0; pz_map_next(s->out, &pos, NULL, &value); ++*out_count) {
		const struct outgoing *out = value;
		const struct pz_sync_chunk *chunk = chunk_of(s, out);
		if (chunk == NULL)
			continue;
		size_t more = chunk_bytes(chunk);
		if (*bytes + more + ITEM_BYTES > budget(s))
			return PZ_OK;
		*bytes += more;
		if (json_array_append_new(array_of(message, out->kind, bytes),
					  pz_sync_chunk_to_json(chunk)))
			return PZ_ERR_LIMIT_MEMORY;
	}
	return PZ_OK;
}

static enum pz_err
add_wanted(const struct pz_sync_session *s, json_t *want, size_t *bytes, size_t *out_count)
{
	size_t pos = 0;
	struct pz_slice name;
	void *kind;

	for (*out_count = 0; pz_map_next(s->wanted, &pos, &name, &kind); ++*out_count) {
		size_t skip = strlen(((const struct pz_sync_kind *)kind)->name) + 1;
		const char *key = (const char *)name.ptr + skip;
		size_t len = name.len - skip, more = json_bytes(key, len) + 1;
		if (*bytes + more + ITEM_BYTES > budget(s))
			return PZ_OK;
		*bytes += more;
		if (json_array_append_new(array_of(want, kind, bytes), json_stringn(key, len)))
			return PZ_ERR_LIMIT_MEMORY;
	}
	return PZ_OK;
}

static enum pz_err
fill_data(const struct pz_sync_session *s, json_t *message, size_t *chunks, size_t *wants)
{
	size_t bytes = ITEM_BYTES;
	json_t *want = json_object();

	*wants = 0;
	enum pz_err err = add_chunks(s, message, &bytes, chunks);
	if (err == PZ_OK)
		err = want ? add_wanted(s, want, &bytes, wants) : PZ_ERR_LIMIT_MEMORY;
	if (err == PZ_OK && *wants > 0 && json_object_set(message, "want", want))
		err = PZ_ERR_LIMIT_MEMORY;
	json_decref(want);
	return err;
}

/* A first entry that does not fit into one message is sent in pieces. NULL: it fits, or the chunk
 * is gone. */
static struct outgoing *
first_too_long(const struct pz_sync_session *s, const struct pz_sync_chunk **out_chunk)
{
	size_t pos = 0;
	void *first;

	if (!pz_map_next(s->out, &pos, NULL, &first))
		return NULL;
	*out_chunk = chunk_of(s, first);
	return *out_chunk && chunk_bytes(*out_chunk) + 3 * ITEM_BYTES > budget(s) ? first : NULL;
}

static enum pz_err
send_data(struct pz_sync_session *s)
{
	const struct pz_sync_chunk *chunk;
	struct outgoing *first = first_too_long(s, &chunk);
	size_t chunks = 0, wants = 0;

	if (first)
		return send_piece(s, first, chunk);
	json_t *message = json_object();
	enum pz_err err = message ? fill_data(s, message, &chunks, &wants) : PZ_ERR_LIMIT_MEMORY;
	if (err == PZ_OK && json_object_size(message) > 0)
		err = offer_data(s, json_incref(message));
	json_decref(message);
	if (err != PZ_OK)
		return err;
	/* Advances only now: what a full queue refused is built again from the same place. */
	drop_first(s->out, chunks, true);
	drop_first(s->wanted, wants, false);
	return PZ_OK;
}

enum pz_err
pz_sync_session_pump(struct pz_sync_session *s)
{
	enum pz_err err = PZ_OK;

	s->is_blocked = false;
	/* A full queue ends this without an error: the owner calls again when there is room. */
	while (err == PZ_OK) {
		if (s->is_open_due && !s->answer.is_awaited)
			err = send_hash(s);
		else if (s->listing.is_active)
			err = send_listing(s);
		else if (pz_map_len(s->out) > 0 || pz_map_len(s->wanted) > 0)
			err = send_data(s);
		else
			break;
	}
	return s->is_blocked ? PZ_OK : err;
}

bool
pz_sync_session_is_blocked(const struct pz_sync_session *s)
{
	return s->is_blocked;
}
