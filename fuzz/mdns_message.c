/*
 * Target functions: pz_mdns_message_read, pz_mdns_message_write.
 * Input: the first byte says who sent the rest: messages between a node and its responder.
 * Must hold: no message is longer than it may be, strings are inside their place, and what was read
 * is written again as the same bytes.
 */
#include "fuzz.h"

#include "mdns/message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pz_mdns_message_text text;
	struct pz_slice rest = pz_slice_of(data, size);
	bool from_responder = fuzz_byte(&rest) & 1;
	struct pz_mdns_message message;
	struct pz_buf again;
	size_t used;

	while (pz_mdns_message_read(rest, from_responder, &text, &message, &used) == PZ_OK &&
	       used > 0) {
		FUZZ_CHECK(used <= rest.len && used <= PZ_MDNS_MESSAGE_BYTES_MAX + 2);
		FUZZ_CHECK((message.kind >= PZ_MDNS_STARTED) == from_responder);
		FUZZ_CHECK(message.service.txt_len <= PZ_MDNS_TXT_MAX);
		FUZZ_CHECK(message.rdata.len < used);
		pz_buf_init(&again, used, NULL);
		FUZZ_CHECK(pz_mdns_message_write(&message, &again) == PZ_OK);
		FUZZ_CHECK(pz_slice_eq(pz_buf_slice(&again), pz_slice_of(rest.ptr, used)));
		pz_buf_fini(&again);
		rest = pz_slice_of(rest.ptr + used, rest.len - used);
	}
	return 0;
}
