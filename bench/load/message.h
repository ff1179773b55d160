/* Requests and replies of a stated size, with a number that says which is which. */
#ifndef PZ_BENCH_MESSAGE_H
#define PZ_BENCH_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_IDS 2

/** A frame that is used again and again with another number in it. */
struct message {
	uint8_t *frame; /* header and body */
	size_t len;
	size_t id_at[MESSAGE_IDS];
};

/** First number; all have ten digits. */
#define MESSAGE_ID_BASE 1000000000ULL

/**
 * A JSON-RPC request, padded to body_len bytes; fails the program when it cannot be that short.
 * @param self,peer addresses
 */
void message_request(struct message *out, const char *self, const char *peer, size_t body_len);
/** The same for a method that takes one text, which is as long as needed. */
void message_call(struct message *out, const char *self, const char *peer, const char *method,
		  size_t body_len);
/** The prop that asks a device for a sign of life; it has no number. */
void message_ask_life(struct message *out, const char *self, const char *peer);
/** The reply to a request, likewise. */
void message_reply(struct message *out, const char *self, const char *peer, size_t body_len);
void message_free(struct message *message);

void message_set_id(struct message *message, uint64_t id);
/** The first "id" of a frame; 0 when it has none (what a hub says of its own accord). */
uint64_t message_find_id(const uint8_t *frame, size_t len);
/** The "id" within the payload: a daemon numbers its own messages besides. 0: none. */
uint64_t message_find_call_id(const uint8_t *frame, size_t len);

#endif
