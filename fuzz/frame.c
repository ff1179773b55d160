/*
 * Target functions: pz_frame_cut, pz_frame_body, pz_frame_put_header; pz_envelope_scan and
 * pz_message_prop_parse on what was cut.
 * Input: byte 0: how the stream falls into pieces; byte 1: the largest frame; the rest: the stream.
 * Must hold: a frame is found exactly when it is complete, wherever the pieces end; the answer is
 * that of a plain reading of page 4 "Frame"; nothing outside a frame's body is read.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "wire/envelope.h"
#include "wire/frame.h"
#include "wire/message.h"

static const size_t frame_max[] = {16, 256, PZ_FRAME_BYTES_ENROL, PZ_FRAME_BYTES_MAX};

/* One call, compared with a reading of the four bytes. True: there was a frame. */
static bool
cut(struct pz_slice bytes, size_t max, struct pz_slice *out, enum pz_err *out_err)
{
	struct pz_slice frame = {NULL, 4711};
	size_t need = 4712, body = 0;

	*out_err = pz_frame_cut(bytes, max, &frame, &need);
	if (bytes.len < PZ_FRAME_HEADER_BYTES) {
		FUZZ_CHECK(*out_err == PZ_OK && frame.len == 0);
		FUZZ_CHECK(need == PZ_FRAME_HEADER_BYTES - bytes.len);
		return false;
	}
	for (size_t i = PZ_FRAME_HEADER_BYTES; i-- > 0;)
		body = body << 8 | bytes.ptr[i];
	if (body == 0 || body > max) {
		FUZZ_CHECK(*out_err == PZ_ERR_PROTO_FRAME && frame.len == 4711 && need == 4712);
		return false;
	}
	FUZZ_CHECK(*out_err == PZ_OK);
	if (bytes.len < PZ_FRAME_HEADER_BYTES + body) {
		FUZZ_CHECK(frame.len == 0 && need == PZ_FRAME_HEADER_BYTES + body - bytes.len);
		return false;
	}
	FUZZ_CHECK(frame.ptr == bytes.ptr && frame.len == PZ_FRAME_HEADER_BYTES + body);
	FUZZ_CHECK(need == 0);
	*out = frame;
	return true;
}

static void
read_prop(const struct pz_envelope *envelope)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	if (pz_message_prop_parse(envelope, &payload, &status, &message) != PZ_OK) {
		FUZZ_CHECK(payload == NULL && status == NULL && message == NULL);
		return;
	}
	FUZZ_CHECK(envelope->type == PZ_MESSAGE_PROP && status != NULL);
	json_decref(payload);
}

/* In a copy of just its size, so that a byte read behind it is seen. */
static void
scan(struct pz_slice frame)
{
	struct pz_slice body = pz_frame_body(frame);
	struct pz_envelope here, there;
	uint8_t header[PZ_FRAME_HEADER_BYTES];
	uint8_t *copy = malloc(body.len);

	FUZZ_CHECK(copy != NULL && body.len + PZ_FRAME_HEADER_BYTES == frame.len);
	pz_frame_put_header(header, body.len);
	FUZZ_CHECK(memcmp(header, frame.ptr, sizeof(header)) == 0);
	memcpy(copy, body.ptr, body.len);
	enum pz_err err = pz_envelope_scan(pz_slice_of(copy, body.len), &here);
	FUZZ_CHECK(err == pz_envelope_scan(body, &there));
	if (err == PZ_OK) {
		FUZZ_CHECK(here.type == there.type && pz_slice_eq(here.from, there.from));
		FUZZ_CHECK(pz_slice_eq(here.to, there.to) && pz_slice_eq(here.id, there.id));
		FUZZ_CHECK(pz_slice_eq(here.payload, there.payload));
		read_prop(&here);
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice stream = pz_slice_of(data, size), frame, at_once;
	struct pz_kit_clock pieces = {0};
	struct pz_buf buf;
	enum pz_err err = PZ_OK, err_at_once;

	pieces.random = fuzz_byte(&stream);
	size_t max = frame_max[fuzz_byte(&stream) % 4];
	at_once = stream;
	pz_buf_init(&buf, size, NULL);
	while (stream.len > 0 && err == PZ_OK) {
		uint8_t piece = 0;
		pz_kit_random(&pieces, &piece, 1);
		size_t len = piece < 128 ? 1 + piece % 8 : (size_t)piece * 8;
		if (len > stream.len)
			len = stream.len;
		FUZZ_CHECK(pz_buf_append(&buf, pz_slice_of(stream.ptr, len)) == PZ_OK);
		stream = pz_slice_of(stream.ptr + len, stream.len - len);
		while (cut(pz_buf_slice(&buf), max, &frame, &err)) {
			struct pz_slice same;
			FUZZ_CHECK(cut(at_once, max, &same, &err_at_once));
			FUZZ_CHECK(pz_slice_eq(frame, same));
			at_once = pz_slice_of(at_once.ptr + same.len, at_once.len - same.len);
			scan(frame);
			pz_buf_consume(&buf, frame.len);
		}
	}
	FUZZ_CHECK(!cut(at_once, max, &frame, &err_at_once) && err == err_at_once);
	pz_buf_fini(&buf);
	return 0;
}
