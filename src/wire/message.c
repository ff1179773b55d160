/*
 * Builds messages: the envelope as a tree, written compactly after the frame header. Only for
 * messages that this node makes; forwarded ones are never built anew. The members have a fixed
 * order, and absent ones are omitted (page 4).
 */
#include "wire/message.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/codec.h"
#include "wire/frame.h"
#include "wire/json.h"

static _Atomic uint64_t next_id; /* 0: not started */

void
pz_message_seed_ids(uint64_t id)
{
	atomic_store(&next_id, id);
}

/*
 * A number for one message. Receivers remember ids for minutes, so a restarted daemon must not
 * begin with 1 again: the first number is random. It always has sixteen digits and is below 2^53,
 * so that every JSON reader keeps it exactly.
 */
static json_int_t
take_id(void)
{
	uint64_t id = atomic_load(&next_id);

	if (id == 0) {
		uint64_t start;

		randombytes_buf(&start, sizeof(start));
		start = UINT64_C(1000000000000000) + start % UINT64_C(8000000000000000);
		atomic_compare_exchange_strong(&next_id, &id, start);
	}
	return (json_int_t)atomic_fetch_add(&next_id, 1);
}

/* Sets a member and takes ownership of the value. False: out of memory. */
static bool
set_new(json_t *obj, const char *key, json_t *value)
{
	return json_object_set_new(obj, key, value) == 0; /* also refuses NULL */
}

/* jansson reports other text with an error that looks like a lack of memory. */
static bool
is_utf8(const char *s)
{
	return s == NULL || pz_utf8_is_valid(pz_slice_str(s));
}

static bool
set_string(json_t *obj, const char *key, const char *s)
{
	return s == NULL || set_new(obj, key, json_string(s));
}

/* With 0 the member is omitted. */
static bool
set_ms(json_t *obj, const char *key, uint64_t ms)
{
	json_int_t n = ms > INT64_MAX ? INT64_MAX : (json_int_t)ms;

	return ms == 0 || set_new(obj, key, json_integer(n));
}

static bool
set_flag(json_t *obj, const char *key, bool is_set)
{
	return !is_set || set_new(obj, key, json_true());
}

/* The envelope as a tree; NULL: out of memory. */
static json_t *
build_tree(const struct pz_message *m)
{
	json_t *root = json_object();

	if (root && set_string(root, "type", m->type) &&
	    set_flag(root, "register", m->is_register) && set_string(root, "from", m->from) &&
	    set_string(root, "to", m->to) && set_string(root, "resp_to", m->resp_to) &&
	    (m->id == NULL || set_new(root, "id", json_incref(m->id))) &&
	    set_ms(root, "timestamp", m->timestamp_ms) && set_ms(root, "expires", m->expires_ms) &&
	    set_flag(root, "deliveryReceipt", m->delivery_receipt) &&
	    set_new(root, "payload", m->payload ? json_incref(m->payload) : json_null()))
		return root;
	json_decref(root);
	return NULL;
}

/* Appends a frame whose body is `head` and then `body`. */
static enum pz_err
append_frame(struct pz_buf *out, const char *head, const char *body)
{
	size_t head_len = strlen(head), len = head_len + strlen(body);
	uint8_t *room;

	if (len > PZ_FRAME_BYTES_MAX)
		return PZ_ERR_LIMIT;
	PZ_TRY(pz_buf_reserve(out, PZ_FRAME_HEADER_BYTES + len, &room));
	pz_frame_put_header(room, len);
	memcpy(room + PZ_FRAME_HEADER_BYTES, head, head_len);
	memcpy(room + PZ_FRAME_HEADER_BYTES + head_len, body, len - head_len);
	pz_buf_commit(out, PZ_FRAME_HEADER_BYTES + len);
	return PZ_OK;
}

/* @param head the text before the first member: "{", or with members of its own */
static enum pz_err
build(struct pz_buf *out, const char *head, const struct pz_message *message)
{
	json_t *root;
	char *body;
	enum pz_err err;

	if (!is_utf8(message->type) || !is_utf8(message->from) || !is_utf8(message->to) ||
	    !is_utf8(message->resp_to))
		return PZ_ERR_PROTO_UTF8;
	root = build_tree(message);
	body = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (body == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	err = append_frame(out, head, body + 1);
	free(body);
	return err;
}

enum pz_err
pz_message_build(struct pz_buf *out, const struct pz_message *message)
{
	return build(out, "{", message);
}

/* Builds and releases the payload. */
static enum pz_err
build_owned(struct pz_buf *out, const char *head, struct pz_message *message, json_t *payload)
{
	enum pz_err err;

	if (payload == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	message->payload = payload;
	err = build(out, head, message);
	json_decref(payload);
	return err;
}

enum pz_err
pz_message_prop(struct pz_buf *out, const char *from, const char *to, const char *status,
		json_t *message)
{
	struct pz_message m = {.type = "prop", .from = from, .to = to};

	if (!is_utf8(status))
		return PZ_ERR_PROTO_UTF8;
	return build_owned(out, "{", &m,
			   json_pack("{s:s,s:O*}", "status", status, "message", message));
}

enum pz_err
pz_message_rpc(struct pz_buf *out, const char *from, const char *to, json_t *payload)
{
	struct pz_message m = {
		.type = "JSONRPC", .from = from, .to = to, .resp_to = from, .payload = payload};
	enum pz_err err;

	m.id = json_integer(take_id());
	if (m.id == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	err = pz_message_build(out, &m);
	json_decref(m.id);
	return err;
}

enum pz_err
pz_message_register(struct pz_buf *out, const char *from, const char *to, uint32_t frame_max,
		    const char *replaces)
{
	struct pz_message m = {.type = "JSONRPC", .from = from, .to = to, .is_register = true};

	return build_owned(out, "{", &m,
			   json_pack("{s:{s:I}, s:s*}", "limits", "frame", (json_int_t)frame_max,
				     "replaces", replaces));
}

bool
pz_message_replaces(const struct pz_envelope *envelope, const char *start)
{
	json_t *payload = envelope->payload.len ? pz_json_parse(envelope->payload, NULL) : NULL;
	const char *said = pz_json_str(payload, "replaces");
	bool is_so = said && start[0] && strcmp(said, start) == 0;

	json_decref(payload);
	return is_so;
}

/* Bounded on both sides: a peer that announces 1 could not be sent any message. */
uint32_t
pz_message_frame_max(const struct pz_envelope *envelope, uint32_t unsaid)
{
	json_t *payload = envelope->payload.len ? pz_json_parse(envelope->payload, NULL) : NULL;
	const json_t *limits = json_object_get(payload, "limits");
	int64_t said;
	bool is_said = pz_json_int(limits, "frame", 1, INT64_MAX, &said);

	json_decref(payload);
	if (!is_said)
		return unsaid;
	if (said < PZ_FRAME_BYTES_ENROL)
		return PZ_FRAME_BYTES_ENROL;
	return said > PZ_FRAME_BYTES_MAX ? PZ_FRAME_BYTES_MAX : (uint32_t)said;
}

/* One JSON string or number and nothing around it. */
static bool
is_id_token(struct pz_slice token)
{
	if (token.len == 0 || strchr("\"-0123456789", token.ptr[0]) == NULL || token.ptr[0] == 0)
		return false;
	return pz_json_check(token, false) == PZ_OK;
}

enum pz_err
pz_message_receipt(struct pz_buf *out, const char *from, const char *to, struct pz_slice id_token,
		   const char *verdict)
{
	struct pz_message m = {.type = "deliveryNotification", .from = from, .to = to};
	char head[sizeof("{\"id\":,") + PZ_MESSAGE_ID_BYTES_MAX];

	if (id_token.len > PZ_MESSAGE_ID_BYTES_MAX)
		return PZ_ERR_LIMIT;
	if (!is_utf8(verdict))
		return PZ_ERR_PROTO_UTF8;
	if (!is_id_token(id_token))
		return PZ_ERR_PROTO_MEMBER;
	/* Copies the exact bytes: a tree would turn 1e2 into 100.0, and the sender might not
	 * recognise that. */
	snprintf(head, sizeof(head), "{\"id\":%.*s,", PZ_SLICE_FMT(id_token));
	return build_owned(out, head, &m, json_pack("{s:s}", "result", verdict));
}

enum pz_err
pz_message_prop_parse(const struct pz_envelope *env, json_t **out_payload, const char **out_status,
		      json_t **out_message)
{
	json_t *payload;
	const char *status;

	if (env->type != PZ_MESSAGE_PROP || env->payload.len == 0)
		return PZ_ERR_PROTO_MEMBER;
	payload = pz_json_parse(env->payload, NULL);
	if (payload == NULL)
		return PZ_ERR_PROTO_JSON;
	status = pz_json_str(payload, "status");
	if (status == NULL) {
		json_decref(payload);
		return PZ_ERR_PROTO_MEMBER;
	}
	*out_payload = payload;
	*out_status = status;
	*out_message = json_object_get(payload, "message");
	return PZ_OK;
}

enum pz_err
pz_message_prop_read(struct pz_slice frame, json_t **out_payload, const char **out_status,
		     json_t **out_message)
{
	struct pz_envelope envelope;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (envelope.type != PZ_MESSAGE_PROP)
		return PZ_ERR_PROTO;
	return pz_message_prop_parse(&envelope, out_payload, out_status, out_message);
}
