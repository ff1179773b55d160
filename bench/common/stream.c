#include "common/stream.h"

#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define SCRATCH_BYTES (1U << 20)
#define RECORD_BYTES (16U << 10)
#define ROOM_BYTES (64U << 10)
#define KEPT_BYTES (64U << 10)
#define FRAME_BYTES_MAX (16U << 20)

static uint8_t scratch[SCRATCH_BYTES];

void
frame_put_header(uint8_t header[FRAME_HEADER_BYTES], size_t len)
{
	for (int i = 0; i < FRAME_HEADER_BYTES; i++)
		header[i] = (uint8_t)(len >> 8 * i);
}

/* Fills at most cap bytes. False: end of the connection. */
static bool
decrypt(struct stream *s, uint8_t *to, size_t cap, size_t *out_len)
{
	size_t len = 0, n = 0;

	if (ERR_peek_error() != 0)
		ERR_clear_error();
	while (cap - len >= RECORD_BYTES) {
		if (SSL_read_ex(s->ssl, to + len, cap - len, &n) != 1) {
			int why = SSL_get_error(s->ssl, 0);
			*out_len = len;
			return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
		}
		len += n;
		if (SSL_has_pending(s->ssl) != 1)
			break;
	}
	*out_len = len;
	return true;
}

/* Hands up whole frames. False: the owner stops, or a frame is too long. */
static bool
cut(const uint8_t *p, size_t len, stream_on_frame on_frame, void *arg, size_t *out_used)
{
	size_t used = 0;

	while (len - used >= FRAME_HEADER_BYTES) {
		size_t whole = FRAME_HEADER_BYTES + frame_body_len(p + used);
		if (whole > FRAME_BYTES_MAX)
			return false;
		if (len - used < whole)
			break;
		if (!on_frame(arg, p + used, whole))
			return false;
		used += whole;
	}
	*out_used = used;
	return true;
}

/* Room for the rest of the frame that has begun, so that a large one is not copied again. */
static size_t
missing(const struct bytes *in)
{
	size_t whole;

	if (in->len < FRAME_HEADER_BYTES)
		return ROOM_BYTES;
	whole = FRAME_HEADER_BYTES + frame_body_len(bytes_front(in));
	return (whole > in->len && whole <= FRAME_BYTES_MAX ? whole - in->len : 0) + ROOM_BYTES;
}

/* *out_more: the room was used up, so OpenSSL may hold more. */
static bool
read_once(struct stream *s, stream_on_frame on_frame, void *arg, bool *out_more)
{
	size_t cap = SCRATCH_BYTES, len = 0, used = 0;
	bool begun = s->in.len > 0;
	uint8_t *to = scratch;

	if (begun) {
		cap = missing(&s->in);
		to = bytes_reserve(&s->in, cap);
	}
	if (!decrypt(s, to, cap, &len))
		return false;
	*out_more = cap - len < RECORD_BYTES;
	if (!begun) {
		if (!cut(scratch, len, on_frame, arg, &used))
			return false;
		if (used < len)
			bytes_append(&s->in, scratch + used, len - used);
		return true;
	}
	s->in.len += len;
	if (!cut(bytes_front(&s->in), s->in.len, on_frame, arg, &used))
		return false;
	bytes_consume(&s->in, used);
	if (s->in.len == 0)
		bytes_free(&s->in);
	return true;
}

bool
stream_read(struct stream *s, stream_on_frame on_frame, void *arg)
{
	bool more = true;

	while (more)
		if (!read_once(s, on_frame, arg, &more))
			return false;
	return true;
}

bool
stream_flush(struct stream *s)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	s->is_blocked = false;
	while (s->out.len > 0) {
		size_t n = 0;
		if (SSL_write_ex(s->ssl, bytes_front(&s->out), s->out.len, &n) != 1) {
			int why = SSL_get_error(s->ssl, 0);
			s->is_blocked = why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ;
			return s->is_blocked;
		}
		bytes_consume(&s->out, n);
	}
	if (s->out.cap > KEPT_BYTES)
		bytes_free(&s->out);
	return true;
}

void
stream_close(struct stream *s, bool polite)
{
	ERR_clear_error();
	if (s->ssl && polite)
		(void)SSL_shutdown(s->ssl);
	SSL_free(s->ssl);
	if (s->fd >= 0)
		close(s->fd);
	bytes_free(&s->in);
	bytes_free(&s->out);
	s->ssl = NULL;
	s->fd = -1;
	ERR_clear_error();
}
