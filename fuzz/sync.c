/*
 * Target functions: pz_sync_session_message, _open, _push, _pump; so chunks, items and the merge.
 * Input: byte 0: what the two ends are (bit 0: we the hub, bit 1: the other). Then lines: a digit
 * 0 to 5 and JSON: that message comes; "O" we open; "B" our queue is full, or no longer; "W" and a
 * text: we write that key; "X": the other end's honest answer to all we have sent so far comes.
 * Must hold: whatever is said, items keep to their limits, only what the owner has accepted gets in
 * and only in the direction that it may, what we send is no longer than it may be and is never
 * malformed for an honest other end.
 */
#include "fuzz.h"

#include "base/limits.h"
#include "sync/session.h"
#include "wire/json.h"

static const char *const statuses[] = {"Sync_Hash",   "Sync_Change",   "Sync_Data",
				       "Update_Hash", "Update_Change", "Update_Data"};
static const char *const names[] = {"alice@example.org/laptop", "alice@example.org",
				    "alice@example.org/phone"};

struct side {
	enum pz_sync_role role;
	const char *name;
	struct pz_sync_item *items[PZ_SYNC_KIND_COUNT];
	struct pz_sync_session *session;
	struct side *other;
	bool is_full;
	const struct pz_sync_kind *accepted; /* the last that was asked about */
};

static struct pz_kit_clock world;
static struct side us, peer;
static json_t *said; /* by us: [status, message, …] */

static enum pz_err
on_send(void *arg, const char *status, json_t *message)
{
	struct side *side = arg;
	char *text;

	if (side->is_full)
		return PZ_ERR_LIMIT_QUEUE;
	FUZZ_CHECK(pz_sync_is_status(status) && json_is_object(message));
	FUZZ_CHECK((text = json_dumps(message, JSON_COMPACT)) != NULL);
	FUZZ_CHECK(strlen(text) + 1024 <= PZ_SYNC_MESSAGE_BYTES_MAX);
	free(text);
	if (side == &us && json_array_size(said) < 1000) {
		json_array_append_new(said, json_string(status));
		json_array_append_new(said, json_deep_copy(message));
	}
	return PZ_OK;
}

static struct pz_sync_item *
on_item(void *arg, const struct pz_sync_kind *kind)
{
	return ((struct side *)arg)->items[kind->id];
}

/* One side deals with lists of revocations itself. */
static enum pz_err
on_offered(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	   bool *out_taken, struct pz_errinfo *info)
{
	const struct side *side = arg;

	FUZZ_CHECK(pz_sync_may_go(kind, side->other->role, side->role));
	FUZZ_CHECK(chunk->value_len <= kind->value_bytes_max && !*out_taken);
	*out_taken = kind->id == PZ_SYNC_CRL && side->role == PZ_SYNC_HUB;
	return strstr(chunk->value, "worse") ? pz_fail(info, PZ_ERR_DENIED, "worse") : PZ_OK;
}

static enum pz_err
on_accept(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  struct pz_errinfo *info)
{
	struct side *side = arg;

	FUZZ_CHECK(pz_sync_may_go(kind, side->other->role, side->role));
	FUZZ_CHECK(chunk->value_len == strlen(chunk->value));
	FUZZ_CHECK(chunk->value_len <= kind->value_bytes_max);
	FUZZ_CHECK(!chunk->deleted || chunk->value_len == 0);
	FUZZ_CHECK(pz_sync_key_is_valid(chunk->key));
	if (strstr(chunk->value, "bad"))
		return pz_fail(info, PZ_ERR_DENIED, "bad");
	side->accepted = kind;
	return PZ_OK;
}

static void
on_changed(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct side *side = arg;
	const json_t *key;
	size_t i;

	FUZZ_CHECK(pz_sync_may_go(kind, side->other->role, side->role));
	json_array_foreach (keys, i, key) {
		const struct pz_sync_chunk *chunk =
			pz_sync_item_get(side->items[kind->id], json_string_value(key));
		FUZZ_CHECK(chunk == NULL || strstr(chunk->value, "bad") == NULL);
		FUZZ_CHECK(chunk == NULL || side->accepted == kind);
	}
}

static bool
on_number(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  uint64_t *out)
{
	(void)arg;
	(void)kind;
	*out = chunk->value_len;
	return chunk->value_len > 0;
}

static void
on_refused(void *arg, const char *item, const char *key, const char *reason)
{
	(void)arg;
	FUZZ_CHECK(pz_sync_kind_find(item) != NULL && reason[0] != '\0');
	FUZZ_CHECK(key[0] == '\0' || pz_sync_key_is_valid(key));
}

static const struct pz_sync_ops ops = {
	.send = on_send,
	.item = on_item,
	.offered = on_offered,
	.accept = on_accept,
	.changed = on_changed,
	.number = on_number,
	.refused = on_refused,
};

static void
open_side(struct side *side, struct side *other, enum pz_sync_role role)
{
	struct pz_sync_config config = {
		.self = role,
		.other = other->role,
		.env = &world.env,
		.ops = &ops,
		.arg = side,
	};

	for (unsigned i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		FUZZ_CHECK((side->items[i] = pz_sync_item_new(pz_sync_kind(i))) != NULL);
	side->other = other;
	FUZZ_CHECK((side->session = pz_sync_session_new(&config)) != NULL);
}

static void
close_side(struct side *side)
{
	pz_sync_session_free(side->session);
	for (unsigned i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		pz_sync_item_free(side->items[i]);
}

static void
hear(struct pz_slice line)
{
	struct pz_errinfo info = {""};
	const char *status = statuses[fuzz_byte(&line) - '0'];
	json_t *message = pz_json_parse(line, NULL);
	enum pz_err err = pz_sync_session_message(us.session, status, message, &info);

	fuzz_check_info(err, &info);
	FUZZ_CHECK(err == PZ_OK || pz_err_category(err) == PZ_CAT_PROTO);
	json_decref(message);
}

/* An honest end understands us, but it need not have asked. */
static void
tell_peer(void)
{
	for (size_t i = 0; i + 1 < json_array_size(said); i += 2) {
		enum pz_err err = pz_sync_session_message(
			peer.session, json_string_value(json_array_get(said, i)),
			json_array_get(said, i + 1), NULL);
		FUZZ_CHECK(err == PZ_OK || err == PZ_ERR_PROTO);
	}
	json_array_clear(said);
}

static void
write_key(struct pz_slice line)
{
	char *key = fuzz_text(line);
	const struct pz_sync_kind *kind = pz_sync_kind(line.len % PZ_SYNC_KIND_COUNT);

	if (pz_sync_item_write(us.items[kind->id], key, pz_slice_str("ours"), line.len % 3 == 0,
			       us.name, pz_env_wall_ms(&world.env), NULL) == PZ_OK)
		FUZZ_CHECK(pz_sync_session_push(us.session, kind, key) == PZ_OK);
	free(key);
}

static void
act(struct pz_slice line)
{
	switch (line.len > 0 ? line.ptr[0] : 0) {
	case 'O':
		FUZZ_CHECK(pz_sync_session_open(us.session) == PZ_OK);
		break;
	case 'B':
		us.is_full = !us.is_full;
		FUZZ_CHECK(pz_sync_session_pump(us.session) == PZ_OK);
		break;
	case 'W':
		write_key(pz_slice_of(line.ptr + 1, line.len - 1));
		break;
	case 'X':
		tell_peer();
		break;
	default:
		if (line.len > 0 && line.ptr[0] >= '0' && line.ptr[0] <= '5')
			hear(line);
		break;
	}
}

static void
check_items(const struct side *side)
{
	for (unsigned i = 0; i < PZ_SYNC_KIND_COUNT; i++) {
		const struct pz_sync_item *item = side->items[i];
		FUZZ_CHECK(pz_sync_item_len(item) <= pz_sync_kind(i)->chunks_max);
		for (size_t n = 1; n < pz_sync_item_len(item); n++)
			FUZZ_CHECK(strcmp(pz_sync_item_at(item, n - 1)->key,
					  pz_sync_item_at(item, n)->key) < 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	uint8_t roles = fuzz_byte(&rest);

	fuzz_clock_init(&world);
	us = (struct side){.role = roles & 1 ? PZ_SYNC_HUB : PZ_SYNC_DEVICE};
	peer = (struct side){.role = roles & 2 ? PZ_SYNC_HUB : PZ_SYNC_DEVICE};
	us.name = names[us.role];
	peer.name = names[2 - peer.role];
	FUZZ_CHECK((said = json_array()) != NULL);
	open_side(&us, &peer, us.role);
	open_side(&peer, &us, peer.role);
	while (rest.len > 0)
		act(fuzz_line(&rest));
	tell_peer();
	check_items(&us);
	check_items(&peer);
	close_side(&us);
	close_side(&peer);
	json_decref(said);
	return 0;
}
