#include "sync/fixture.h"

size_t fx_message_bytes_max;

void
node_open(struct node *n, const char *name, enum pz_sync_role role)
{
	assert_true(sodium_init() >= 0);
	*n = (struct node){.name = name, .role = role};
	pz_kit_clock_init(&n->clock);
	for (unsigned i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		assert_non_null(n->items[i] = pz_sync_item_new(pz_sync_kind(i)));
}

void
node_close(struct node *n)
{
	for (unsigned i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		pz_sync_item_free(n->items[i]);
}

struct pz_sync_chunk *
make(const char *key, const char *value, const char *origin, uint64_t mtime_ms)
{
	struct pz_sync_parts parts = {key, origin, pz_slice_str(value), mtime_ms, value == NULL};
	struct pz_sync_chunk *chunk = NULL;

	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	return chunk;
}

void
put(struct node *n, enum pz_sync_id id, struct pz_sync_chunk *takes)
{
	assert_ok(pz_sync_item_put(n->items[id], takes, NULL));
}

void
edit(struct node *n, enum pz_sync_id id, const char *key, const char *value)
{
	assert_ok(pz_sync_item_write(n->items[id], key, pz_slice_str(value), value == NULL, n->name,
				     n->clock.wall_ms, NULL));
}

const char *
value_of(const struct node *n, enum pz_sync_id id, const char *key)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(n->items[id], key);

	return chunk == NULL ? "(none)" : chunk->deleted ? "(deleted)" : chunk->value;
}

bool
is_equal(const struct node *a, const struct node *b, enum pz_sync_id id)
{
	uint8_t da[PZ_SYNC_HASH_BYTES], db[PZ_SYNC_HASH_BYTES];

	assert_ok(pz_sync_item_digest(a->items[id], da));
	assert_ok(pz_sync_item_digest(b->items[id], db));
	return memcmp(da, db, sizeof(da)) == 0;
}

/* ---- the owner of a session ---- */

static enum pz_err
fx_send(void *arg, const char *status, json_t *message)
{
	struct end *end = arg;
	struct queued *q;
	struct pz_buf frame;

	if (end->room == 0)
		return PZ_ERR_LIMIT_QUEUE;
	end->room--;
	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_prop(&frame, end->node->name, end->peer->node->name, status, message));
	end->messages++;
	end->bytes += frame.len;
	if (frame.len > end->largest)
		end->largest = frame.len;
	pz_buf_fini(&frame);
	assert_non_null(q = calloc(1, sizeof(*q)));
	snprintf(q->status, sizeof(q->status), "%s", status);
	assert_non_null(q->text = json_dumps(message, JSON_COMPACT));
	*end->peer->last = q;
	end->peer->last = &q->next;
	return PZ_OK;
}

static struct pz_sync_item *
fx_item(void *arg, const struct pz_sync_kind *kind)
{
	return ((struct end *)arg)->node->items[kind->id];
}

/* "evil…" is what no owner looks at twice. */
static enum pz_err
fx_offered(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	   bool *out_taken, struct pz_errinfo *info)
{
	struct node *n = ((struct end *)arg)->node;

	(void)kind;
	n->offers++;
	*out_taken = n->is_taking;
	return strncmp(chunk->value, "evil", 4) == 0 ? pz_fail(info, PZ_ERR_DENIED, "seen through")
						     : PZ_OK;
}

/* "bad…" is what no owner takes. */
static enum pz_err
fx_accept(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  struct pz_errinfo *info)
{
	(void)arg;
	(void)kind;
	if (strncmp(chunk->value, "bad", 3) == 0)
		return pz_fail(info, PZ_ERR_DENIED, "nobody wants that");
	return PZ_OK;
}

static void
fx_changed(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	(void)kind;
	assert_true(json_array_size(keys) > 0);
	((struct end *)arg)->node->changes += json_array_size(keys);
}

bool
fx_number(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  uint64_t *out)
{
	char *end;

	(void)arg;
	assert_int_equal(kind->order, PZ_SYNC_BY_NUMBER);
	*out = strtoull(chunk->value, &end, 10);
	return end != chunk->value;
}

static void
fx_refused(void *arg, const char *item, const char *key, const char *reason)
{
	struct node *n = ((struct end *)arg)->node;

	n->refusals++;
	snprintf(n->refused[0], sizeof(n->refused[0]), "%s", item);
	snprintf(n->refused[1], sizeof(n->refused[1]), "%s", key);
	snprintf(n->refused[2], sizeof(n->refused[2]), "%s", reason);
}

static void
fx_answered(void *arg, bool equal)
{
	struct end *end = arg;

	end->answers++;
	end->equal_answers += equal;
}

static const struct pz_sync_ops fx_ops = {
	.send = fx_send,
	.item = fx_item,
	.offered = fx_offered,
	.accept = fx_accept,
	.changed = fx_changed,
	.number = fx_number,
	.refused = fx_refused,
	.answered = fx_answered,
};

/* ---- links ---- */

void
wire_up(struct wire *wire, struct node *dialler, struct node *other)
{
	struct node *nodes[] = {dialler, other};

	for (int i = 0; i < 2; i++) {
		struct end *end = &wire->ends[i];
		struct pz_sync_config config = {
			.self = nodes[i]->role,
			.other = nodes[1 - i]->role,
			.env = &nodes[i]->clock.env,
			.ops = &fx_ops,
			.arg = end,
			.message_bytes_max = fx_message_bytes_max,
		};
		*end = (struct end){.node = nodes[i], .peer = &wire->ends[1 - i], .room = SIZE_MAX};
		end->last = &end->first;
		assert_non_null(end->session = pz_sync_session_new(&config));
	}
}

bool
wire_step(struct end *end, enum pz_err *out)
{
	struct queued *q = end->first;
	struct pz_errinfo info = {""};

	if (q == NULL)
		return false;
	end->first = q->next;
	if (end->first == NULL)
		end->last = &end->first;
	json_t *message = json_loads(q->text, JSON_DECODE_ANY, NULL);
	assert_non_null(message);
	assert_true(pz_sync_is_status(q->status));
	enum pz_err err = pz_sync_session_message(end->session, q->status, message, &info);
	if (out)
		*out = err;
	else
		assert_ok(err);
	json_decref(message);
	free(q->text);
	free(q);
	return true;
}

void
wire_run(struct wire *wire)
{
	while (wire_step(&wire->ends[0], NULL) || wire_step(&wire->ends[1], NULL))
		continue;
}

void
wire_down(struct wire *wire)
{
	for (int i = 0; i < 2; i++) {
		struct end *end = &wire->ends[i];
		pz_sync_session_free(end->session);
		while (end->first) {
			struct queued *q = end->first;
			end->first = q->next;
			free(q->text);
			free(q);
		}
	}
}

void
meet(struct node *dialler, struct node *other)
{
	struct wire wire;

	wire_up(&wire, dialler, other);
	assert_ok(pz_sync_session_open(wire.ends[0].session));
	wire_run(&wire);
	assert_int_equal(wire.ends[0].answers, 1);
	wire_down(&wire);
}

enum pz_err
say(struct end *to, const char *status, const char *json)
{
	struct pz_errinfo info = {""};
	json_t *message = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
	enum pz_err err;

	assert_true(json == NULL || message != NULL);
	err = pz_sync_session_message(to->session, status, message, &info);
	assert_true(err == PZ_OK || info.text[0] != '\0');
	json_decref(message);
	return err;
}
