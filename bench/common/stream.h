/*
 * Frames over one TLS connection, without waiting: the engine of the bare forwarder and of the load
 * generator. A wake-up reads until OpenSSL has nothing left (bytes inside it raise no event),
 * output is collected and written when the owner says so.
 */
#ifndef PZ_BENCH_STREAM_H
#define PZ_BENCH_STREAM_H

#include <stdbool.h>

#include "common/bytes.h"

struct ssl_st;

#define FRAME_HEADER_BYTES 4

struct stream {
	int fd;
	struct ssl_st *ssl;
	struct bytes in;  /* beginning of a frame that is not complete */
	struct bytes out; /* not written yet */
	bool is_blocked;  /* the socket takes no more: flush again when it is writable */
};

/** One whole frame with its header; valid during the call. False: stop reading. */
typedef bool (*stream_on_frame)(void *arg, const uint8_t *frame, size_t len);

/** Body length of a frame. */
static inline size_t
frame_body_len(const uint8_t *frame)
{
	return (size_t)frame[0] | (size_t)frame[1] << 8 | (size_t)frame[2] << 16 |
	       (size_t)frame[3] << 24;
}

/** Writes the header of a body of `len` bytes. */
void frame_put_header(uint8_t header[FRAME_HEADER_BYTES], size_t len);

/** Reads what is there. False: the connection has ended, or on_frame said so. */
bool stream_read(struct stream *stream, stream_on_frame on_frame, void *arg);

/** Writes what is collected, as far as the socket takes it. False: the connection has ended. */
bool stream_flush(struct stream *stream);

/** Closes descriptor and session and frees the queues. @param polite says close_notify */
void stream_close(struct stream *stream, bool polite);

#endif
