#include "load/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bench.h"

#define HEADER_BYTES 4
#define TEXT_BYTES_MAX 1024
#define ID_DIGITS 10

/* Fills in the header, the padding (after `head`) and where the numbers stand. */
static void
build(struct message *out, const char *head, const char *tail, size_t body_len)
{
	size_t head_len = strlen(head), tail_len = strlen(tail);
	const uint8_t *at;

	if (head_len + tail_len > body_len)
		bench_fail("a message needs %zu bytes, not %zu", head_len + tail_len, body_len);
	out->len = HEADER_BYTES + body_len;
	out->frame = bench_alloc(1, out->len);
	for (int i = 0; i < HEADER_BYTES; i++)
		out->frame[i] = (uint8_t)(body_len >> 8 * i);
	memset(out->frame + HEADER_BYTES, 'x', body_len);
	memcpy(out->frame + HEADER_BYTES, head, head_len);
	memcpy(out->frame + out->len - tail_len, tail, tail_len);
	at = out->frame;
	for (int i = 0; i < MESSAGE_IDS; i++) {
		at = memmem(at, out->len - (size_t)(at - out->frame), "\"id\":", 5);
		at += 5;
		out->id_at[i] = (size_t)(at - out->frame);
	}
}

void
message_request(struct message *out, const char *self, const char *peer, size_t body_len)
{
	char head[TEXT_BYTES_MAX];

	snprintf(head, sizeof(head),
		 "{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"%s\",\"resp_to\":\"%s\","
		 "\"id\":%llu,\"payload\":{\"jsonrpc\":\"2.0\",\"id\":%llu,"
		 "\"method\":\"http://webinos.org/api/sensors@5f4dcc3b.read\","
		 "\"params\":[{\"rate\":50,\"note\":\"",
		 self, peer, self, MESSAGE_ID_BASE, MESSAGE_ID_BASE);
	build(out, head, "\"}]}}", body_len);
}

void
message_call(struct message *out, const char *self, const char *peer, const char *method,
	     size_t body_len)
{
	char head[TEXT_BYTES_MAX];

	snprintf(head, sizeof(head),
		 "{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"%s\",\"resp_to\":\"%s\","
		 "\"id\":%llu,\"payload\":{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\","
		 "\"params\":[\"",
		 self, peer, self, MESSAGE_ID_BASE, MESSAGE_ID_BASE, method);
	build(out, head, "\"]}}", body_len);
}

void
message_ask_life(struct message *out, const char *self, const char *peer)
{
	char text[TEXT_BYTES_MAX];
	int len = snprintf(text, sizeof(text),
			   "{\"type\":\"prop\",\"from\":\"%s\",\"to\":\"%s\",\"payload\":{"
			   "\"status\":\"probe\"}}",
			   self, peer);

	*out = (struct message){.len = HEADER_BYTES + (size_t)len};
	out->frame = bench_alloc(1, out->len);
	for (int i = 0; i < HEADER_BYTES; i++)
		out->frame[i] = (uint8_t)((size_t)len >> 8 * i);
	memcpy(out->frame + HEADER_BYTES, text, (size_t)len);
}

void
message_reply(struct message *out, const char *self, const char *peer, size_t body_len)
{
	char head[TEXT_BYTES_MAX];

	snprintf(
		head, sizeof(head),
		"{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"%s\",\"id\":%llu,"
		"\"payload\":{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":{\"v\":[21.5],\"note\":\"",
		self, peer, MESSAGE_ID_BASE, MESSAGE_ID_BASE);
	build(out, head, "\"}}}", body_len);
}

void
message_free(struct message *message)
{
	free(message->frame);
	*message = (struct message){0};
}

void
message_set_id(struct message *message, uint64_t id)
{
	uint8_t digits[ID_DIGITS];

	for (int i = ID_DIGITS - 1; i >= 0; i--) {
		digits[i] = (uint8_t)('0' + id % 10);
		id /= 10;
	}
	for (int i = 0; i < MESSAGE_IDS; i++)
		memcpy(message->frame + message->id_at[i], digits, sizeof(digits));
}

uint64_t
message_find_id(const uint8_t *frame, size_t len)
{
	const uint8_t *at = memmem(frame, len, "\"id\":", 5), *end = frame + len;
	uint64_t id = 0;

	if (at == NULL)
		return 0;
	for (at += 5; at < end && *at >= '0' && *at <= '9'; at++)
		id = 10 * id + (uint64_t)(*at - '0');
	return id;
}

uint64_t
message_find_call_id(const uint8_t *frame, size_t len)
{
	const uint8_t *payload = memmem(frame, len, "\"payload\":", 10);

	return payload ? message_find_id(payload, len - (size_t)(payload - frame)) : 0;
}
