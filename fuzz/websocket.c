/*
 * Target functions: pz_websocket_input, pz_websocket_send, pz_websocket_close.
 * Input: byte 0: how the bytes fall into pieces, bit 0: whether messages are answered; the rest:
 * what comes after a handshake.
 * Must hold: a message is no longer than the limit, and a text is UTF-8; what is sent are whole
 * frames of a server: not masked, no reserved bits, control frames of at most 125 octets, nothing
 * after a close frame; the pieces make no difference to what comes before
 * it (a close frame that breaks two rules may fail by the one or the other).
 */
#include "fuzz.h"

#include "base/codec.h"
#include "http/websocket.h"

#define MESSAGE_MAX 1024

struct side {
	struct pz_websocket *ws;
	struct pz_buf out;
	bool answers;
};

static void
on_message(void *arg, bool text, struct pz_slice bytes)
{
	struct side *side = arg;

	FUZZ_CHECK(bytes.len <= MESSAGE_MAX);
	FUZZ_CHECK(!text || pz_utf8_is_valid(bytes));
	if (!side->answers)
		return;
	if (bytes.len == 3 && memcmp(bytes.ptr, "bye", 3) == 0)
		pz_websocket_close(side->ws, PZ_WEBSOCKET_NORMAL, "bye");
	else
		(void)!pz_websocket_send(side->ws, text, bytes);
}

/* @return the bytes of the first frame */
static size_t
check_frame(struct pz_slice out, bool *is_close)
{
	FUZZ_CHECK(out.len >= 2);
	uint8_t opcode = out.ptr[0] & 0x0f;
	size_t len = out.ptr[1], head = 2;

	FUZZ_CHECK((out.ptr[0] & 0xf0) == 0x80); /* the last fragment, nothing reserved */
	FUZZ_CHECK(opcode == 1 || opcode == 2 || opcode == 8 || opcode == 10);
	FUZZ_CHECK(len < 127);
	if (len == 126) {
		FUZZ_CHECK(opcode < 8 && out.len >= 4);
		len = (size_t)out.ptr[2] << 8 | out.ptr[3];
		head = 4;
		FUZZ_CHECK(len >= 126);
	}
	FUZZ_CHECK(out.len >= head + len);
	*is_close = opcode == 8;
	return head + len;
}

/* @return the bytes before a close frame */
static size_t
check_out(const struct side *side)
{
	struct pz_slice out = pz_buf_slice(&side->out);
	bool is_close = false;
	size_t before = 0;

	while (out.len > 0) {
		FUZZ_CHECK(!is_close);
		size_t len = check_frame(out, &is_close);
		out = pz_slice_of(out.ptr + len, out.len - len);
		before += is_close ? 0 : len;
	}
	FUZZ_CHECK(is_close == pz_websocket_is_closing(side->ws));
	return before;
}

/* @return the bytes before a close frame */
static size_t
run(struct side *side, struct pz_slice rest, uint64_t seed, bool is_whole)
{
	struct pz_kit_clock pieces = {.random = seed};

	pz_buf_init(&side->out, 1U << 24, NULL);
	side->ws = pz_websocket_new(&side->out, MESSAGE_MAX, on_message, side);
	FUZZ_CHECK(side->ws != NULL);
	while (rest.len > 0) {
		uint8_t piece = 0;
		pz_kit_random(&pieces, &piece, 1);
		size_t len = is_whole ? rest.len : 1U + piece % 16;
		if (len > rest.len)
			len = rest.len;
		pz_websocket_input(side->ws, pz_slice_of(rest.ptr, len));
		rest = pz_slice_of(rest.ptr + len, rest.len - len);
	}
	return check_out(side);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	uint8_t first = fuzz_byte(&rest);
	struct side whole = {.answers = first & 1}, pieces = {.answers = first & 1};

	size_t len = run(&whole, rest, first, true);
	FUZZ_CHECK(run(&pieces, rest, first, false) == len);
	FUZZ_CHECK(len == 0 ||
		   memcmp(pz_buf_slice(&whole.out).ptr, pz_buf_slice(&pieces.out).ptr, len) == 0);
	pz_websocket_free(whole.ws);
	pz_websocket_free(pieces.ws);
	pz_buf_fini(&whole.out);
	pz_buf_fini(&pieces.out);
	return 0;
}
