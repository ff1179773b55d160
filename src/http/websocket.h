/* The server's end of one WebSocket connection after its handshake: bytes in, bytes and messages
 * out. @spec RFC 6455 */
#ifndef PZ_HTTP_WEBSOCKET_H
#define PZ_HTTP_WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct pz_websocket;

/** Close codes. @spec RFC 6455 7.4.1 */
enum {
	PZ_WEBSOCKET_NORMAL = 1000,
	PZ_WEBSOCKET_GOING_AWAY = 1001,
	PZ_WEBSOCKET_PROTOCOL = 1002,
	PZ_WEBSOCKET_UNSUPPORTED = 1003,
	PZ_WEBSOCKET_NO_CODE = 1005,  /* the other end gave none */
	PZ_WEBSOCKET_ABNORMAL = 1006, /* the connection ended without a close frame */
	PZ_WEBSOCKET_UTF8 = 1007,
	PZ_WEBSOCKET_POLICY = 1008,
	PZ_WEBSOCKET_TOO_BIG = 1009,
	PZ_WEBSOCKET_LATER = 1013,
};

/** A whole message. @param text false: binary. @param bytes borrowed; checked UTF-8 where text */
typedef void (*pz_websocket_message)(void *arg, bool text, struct pz_slice bytes);

/**
 * @param out gets what is to be sent; borrowed
 * @param message_max bytes of one message; a longer one ends the connection with 1009
 * @param message may send and close; must not free
 * NULL: out of memory.
 */
struct pz_websocket *
pz_websocket_new(struct pz_buf *out, size_t message_max, pz_websocket_message message, void *arg);
/** NULL is fine. */
void pz_websocket_free(struct pz_websocket *ws);
/** From the next message on. */
void pz_websocket_set_message_max(struct pz_websocket *ws, size_t message_max);

/** Bytes of the other end: pings are answered, a violation is answered with a close frame; both end
 * up in `out`. After an end nothing is read any more. */
void pz_websocket_input(struct pz_websocket *ws, struct pz_slice bytes);
/** One message in one frame. Errors: LIMIT_QUEUE, LIMIT_MEMORY, IO_CLOSED (a close frame was sent).
 */
enum pz_err
pz_websocket_send(struct pz_websocket *ws, bool text, struct pz_slice bytes) PZ_MUST_USE;
/** Sends a close frame, once. What comes before the other end's answer is dropped. @param reason
 * UTF-8, cut off at PZ_HTTP_REASON_BYTES_MAX */
void pz_websocket_close(struct pz_websocket *ws, uint16_t code, const char *reason);
/** True when a close frame was sent. */
bool pz_websocket_is_closing(const struct pz_websocket *ws);
/** True when both ends have closed, or one of them has broken the rules: only `out` is left. */
bool pz_websocket_is_over(const struct pz_websocket *ws);
/** Why it ends: the other end's code, or ours; PZ_WEBSOCKET_ABNORMAL: no close frame was seen. */
uint16_t pz_websocket_code(const struct pz_websocket *ws);

#endif
