/* The envelope of a message: its top-level members, found in one pass without a tree. */
#ifndef PZ_WIRE_ENVELOPE_H
#define PZ_WIRE_ENVELOPE_H

#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

enum pz_message_type {
	PZ_MESSAGE_UNKNOWN, /* type_text says what it was */
	PZ_MESSAGE_PROP,
	PZ_MESSAGE_JSONRPC, /* also JSONRPC20Request and JSONRPC20Response */
	PZ_MESSAGE_RECEIPT, /* deliveryNotification */
};

/** Room for strings that were written with escapes: three addresses and a type. */
#define PZ_ENVELOPE_SCRATCH_BYTES (3 * PZ_ADDRESS_BYTES_MAX + 64)

/**
 * One message's top level. Slices borrow from the scanned body or from this struct's own scratch,
 * so do not copy the struct. An absent member is an empty slice, 0 or false.
 */
struct pz_envelope {
	enum pz_message_type type;
	struct pz_slice type_text;         /* the type's string, decoded */
	struct pz_slice from, to, resp_to; /* decoded, syntax not checked; "" and null are empty */
	struct pz_slice id;                /* raw JSON: a string with its quotes, or a number */
	struct pz_slice payload;           /* raw JSON: an object, or an array of a JSONRPC batch;
					      empty when absent or null */
	uint64_t timestamp_ms;             /* fractions cut off, saturated at UINT64_MAX */
	uint64_t expires_ms;               /* meaningful when has_expires */
	bool has_expires;
	bool delivery_receipt;
	bool is_register;

	size_t scratch_len; /* private */
	uint8_t scratch[PZ_ENVELOPE_SCRATCH_BYTES];
};

/**
 * Validates the body as one strict JSON object (RFC 8259) and collects the members of its top
 * level. No allocation. Unknown members are skipped (but validated). Addresses are not checked.
 * @param body a frame's body
 * @param out needs no initialisation; its contents are meaningless after a failure
 * Errors: PROTO_JSON (not one JSON object), PROTO_UTF8, PROTO_DEPTH (over PZ_JSON_DEPTH_MAX, the
 * top object is level 1), PROTO_DUPLICATE (a top-level member twice, however it is escaped),
 * PROTO_MEMBER (type is missing or a known member has the wrong type), LIMIT (more than
 * PZ_ENVELOPE_MEMBERS_MAX members, or an escaped string longer than any address). A body that is
 * broken further on gives its error and not PROTO_MEMBER.
 * @spec page 4 "Frame", "Message (envelope)"
 */
enum pz_err pz_envelope_scan(struct pz_slice body, struct pz_envelope *out) PZ_MUST_USE;

#endif
