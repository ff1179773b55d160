/*
 * wslay parses frames: masks, fragments, control frames, lengths, UTF-8 across fragments, close
 * codes. Its buffering is off: it would keep each fragment in a separate block, and a message of a
 * million fragments would take a hundred times its size. Messages of ours are written as frames
 * here, so that their bytes are copied once; wslay's own frames (pong, close) are written whole
 * after each input, so the two never mix.
 */
#include "http/websocket.h"

#include <wslay/wslay.h>

#include "base/codec.h"
#include "base/limits.h"

struct pz_websocket {
	wslay_event_context_ptr context;
	struct pz_buf *out;    /* borrowed */
	struct pz_buf message; /* the fragments so far */
	struct pz_slice in;    /* unread part of the current input */
	pz_websocket_message deliver;
	void *arg;
	size_t unsent; /* of the control frame that wslay sends: bytes of its payload left */
	uint16_t
		violation; /* a close code: of a rule that wslay does not hold, or without a code */
	bool is_text;      /* the current message */
	bool is_control;   /* the current frame */
	bool is_failed;    /* nothing can be read or written any more */
	bool is_muted;     /* our close frame is sent: nothing comes after it */
	bool is_closing;   /* a close frame was sent, or waits */
};

/* ---- for wslay ---- */

static ssize_t
on_recv(wslay_event_context_ptr context, uint8_t *buf, size_t len, int flags, void *arg)
{
	struct pz_websocket *ws = arg;
	size_t n = len < ws->in.len ? len : ws->in.len;

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(buf, ws->in.ptr, n);
	ws->in = pz_slice_of(ws->in.ptr + n, ws->in.len - n);
	return (ssize_t)n;
}

/* True for the piece that begins a close frame. Pieces come whole, a frame's head before its
 * payload, and control frames are all that wslay sends here. */
static bool
begins_close(struct pz_websocket *ws, const uint8_t *bytes, size_t len)
{
	if (ws->unsent > 0) {
		ws->unsent -= len < ws->unsent ? len : ws->unsent;
		return false;
	}
	ws->unsent = len >= 2 ? bytes[1] + 2U - len : 0;
	return bytes[0] == (0x80 | WSLAY_CONNECTION_CLOSE);
}

/* Our close frame replaces wslay's when wslay does not detect a violation. */
static ssize_t
on_send(wslay_event_context_ptr context, const uint8_t *bytes, size_t len, int flags, void *arg)
{
	struct pz_websocket *ws = arg;
	uint8_t own[] = {0x80 | WSLAY_CONNECTION_CLOSE, 2, (uint8_t)(ws->violation >> 8),
			 (uint8_t)ws->violation};
	struct pz_slice what = pz_slice_of(bytes, len);

	(void)flags;
	if (ws->is_muted)
		return (ssize_t)len;
	if (begins_close(ws, bytes, len) && ws->violation) {
		what = pz_slice_of(own, sizeof(own));
		ws->is_muted = true;
	}
	if (pz_buf_append(ws->out, what) != PZ_OK) {
		wslay_event_set_error(context, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	return (ssize_t)len;
}

/* Writes what wslay has queued: pongs and a close frame. */
static void
flush(struct pz_websocket *ws)
{
	if (!ws->is_failed && wslay_event_want_write(ws->context) &&
	    wslay_event_send(ws->context) != 0)
		ws->is_failed = true;
	ws->is_closing = ws->is_closing || wslay_event_get_close_sent(ws->context);
}

static void
on_frame(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_start_arg *frame,
	 void *arg)
{
	struct pz_websocket *ws = arg;

	(void)context;
	ws->is_control = wslay_is_ctrl_frame(frame->opcode);
	if (frame->opcode == WSLAY_TEXT_FRAME || frame->opcode == WSLAY_BINARY_FRAME)
		ws->is_text = frame->opcode == WSLAY_TEXT_FRAME;
}

/* wslay has compared the lengths with the limit; the buffer's own limit is for a change of it in
 * the middle of a message. */
static void
on_chunk(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_chunk_arg *chunk,
	 void *arg)
{
	struct pz_websocket *ws = arg;

	(void)context;
	if (ws->is_control || ws->is_closing)
		return;
	enum pz_err err = pz_buf_append(&ws->message, pz_slice_of(chunk->data, chunk->data_length));
	if (err == PZ_ERR_LIMIT_QUEUE)
		pz_websocket_close(ws, PZ_WEBSOCKET_TOO_BIG, "message too large");
	else if (err != PZ_OK)
		ws->is_failed = true;
}

/* Violations that wslay accepts: half a code, and a reason that is not UTF-8 and came in pieces. */
static void
look_at_close(struct pz_websocket *ws, struct pz_slice payload)
{
	if (payload.len == 1)
		ws->violation = PZ_WEBSOCKET_PROTOCOL;
	else if (payload.len > 2 &&
		 !pz_utf8_is_valid(pz_slice_of(payload.ptr + 2, payload.len - 2)))
		ws->violation = PZ_WEBSOCKET_UTF8;
}

/* A pong is waiting. It is sent before the results of the next frame: wslay drops it when it
 * closes. */
static void
on_message(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message,
	   void *arg)
{
	struct pz_websocket *ws = arg;

	(void)context;
	if (message->opcode == WSLAY_CONNECTION_CLOSE)
		look_at_close(ws, pz_slice_of(message->msg, message->msg_length));
	flush(ws);
	if (wslay_is_ctrl_frame(message->opcode))
		return;
	if (!ws->is_closing && !ws->is_failed)
		ws->deliver(ws->arg, ws->is_text, pz_buf_slice(&ws->message));
	pz_buf_consume(&ws->message, ws->message.len);
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = on_recv,
	.send_callback = on_send,
	.on_frame_recv_start_callback = on_frame,
	.on_frame_recv_chunk_callback = on_chunk,
	.on_msg_recv_callback = on_message,
};

/* ---- life ---- */

struct pz_websocket *
pz_websocket_new(struct pz_buf *out, size_t message_max, pz_websocket_message message, void *arg)
{
	struct pz_websocket *ws = calloc(1, sizeof(*ws));

	if (ws == NULL)
		return NULL;
	ws->out = out;
	ws->deliver = message;
	ws->arg = arg;
	pz_buf_init(&ws->message, message_max, NULL);
	if (wslay_event_context_server_init(&ws->context, &callbacks, ws) != 0) {
		free(ws);
		return NULL;
	}
	wslay_event_config_set_no_buffering(ws->context, 1);
	wslay_event_config_set_max_recv_msg_length(ws->context, message_max);
	return ws;
}

void
pz_websocket_free(struct pz_websocket *ws)
{
	if (ws == NULL)
		return;
	wslay_event_context_free(ws->context);
	pz_buf_fini(&ws->message);
	free(ws);
}

void
pz_websocket_set_message_max(struct pz_websocket *ws, size_t message_max)
{
	ws->message.max = message_max;
	wslay_event_config_set_max_recv_msg_length(ws->context, message_max);
}

/* ---- input and output ---- */

void
pz_websocket_input(struct pz_websocket *ws, struct pz_slice bytes)
{
	ws->in = bytes;
	int result = 0;
	if (!ws->is_failed && wslay_event_want_read(ws->context))
		result = wslay_event_recv(ws->context);
	/* Our call-backs do not fail: the errors that wslay reports are malformed frames. */
	if (result == WSLAY_ERR_CALLBACK_FAILURE)
		ws->violation = PZ_WEBSOCKET_PROTOCOL;
	else if (result != 0)
		ws->is_failed = true;
	ws->in = pz_slice_of(NULL, 0);
	flush(ws);
}

static size_t
write_head(uint8_t head[10], bool text, size_t len)
{
	size_t extra = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;

	head[0] = (uint8_t)(0x80 | (text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME));
	head[1] = (uint8_t)(extra == 0 ? len : extra == 2 ? 126 : 127);
	for (size_t i = 0; i < extra; i++)
		head[2 + i] = (uint8_t)((uint64_t)len >> 8 * (extra - 1 - i));
	return 2 + extra;
}

enum pz_err
pz_websocket_send(struct pz_websocket *ws, bool text, struct pz_slice bytes)
{
	uint8_t head[10];

	flush(ws); /* pongs of pings that came before what is answered here */
	if (ws->is_failed || ws->is_closing)
		return PZ_ERR_IO_CLOSED;
	size_t len = write_head(head, text, bytes.len);
	if (ws->out->len + len + bytes.len > ws->out->max)
		return PZ_ERR_LIMIT_QUEUE;
	PZ_TRY(pz_buf_append(ws->out, pz_slice_of(head, len)));
	enum pz_err err = pz_buf_append(ws->out, bytes);
	if (err != PZ_OK)
		ws->is_failed = true; /* half a frame is in the queue */
	return err;
}

void
pz_websocket_close(struct pz_websocket *ws, uint16_t code, const char *reason)
{
	size_t len = reason ? strlen(reason) : 0;

	if (ws->is_closing || ws->is_failed)
		return;
	if (len > PZ_HTTP_REASON_BYTES_MAX)
		len = PZ_HTTP_REASON_BYTES_MAX;
	while (len > 0 && len < strlen(reason) && ((uint8_t)reason[len] & 0xc0) == 0x80)
		len--; /* not in the middle of a character */
	ws->is_closing = true;
	pz_buf_consume(&ws->message, ws->message.len);
	if (wslay_event_queue_close(ws->context, code, (const uint8_t *)reason, len) != 0)
		ws->is_failed = true;
	flush(ws);
}

bool
pz_websocket_is_closing(const struct pz_websocket *ws)
{
	return ws->is_closing;
}

bool
pz_websocket_is_over(const struct pz_websocket *ws)
{
	return ws->is_failed ||
	       (!wslay_event_want_read(ws->context) && !wslay_event_want_write(ws->context));
}

uint16_t
pz_websocket_code(const struct pz_websocket *ws)
{
	if (ws->violation)
		return ws->violation;
	if (wslay_event_get_close_received(ws->context))
		return wslay_event_get_status_code_received(ws->context);
	return wslay_event_get_close_sent(ws->context)
		       ? wslay_event_get_status_code_sent(ws->context)
		       : PZ_WEBSOCKET_ABNORMAL;
}
