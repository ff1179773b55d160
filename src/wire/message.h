/* Building messages, and reading the payload of a prop. */
#ifndef PZ_WIRE_MESSAGE_H
#define PZ_WIRE_MESSAGE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/envelope.h"

/** Longest id that we put into an envelope or repeat in a receipt, as raw JSON. */
#define PZ_MESSAGE_ID_BYTES_MAX 512

/** A message to be built. Strings are borrowed UTF-8; members that are NULL, 0 or false are left
 * out. */
struct pz_message {
	const char *type; /* not NULL */
	const char *from; /* not NULL */
	const char *to;
	const char *resp_to;
	json_t *id;      /* borrowed: string or number */
	json_t *payload; /* borrowed; NULL: "payload":null */
	uint64_t timestamp_ms;
	uint64_t expires_ms;
	bool delivery_receipt;
	bool is_register;
};

/*
 * Every builder appends one complete frame (header and body) to out, or nothing. Errors of all of
 * them: LIMIT (the message would be larger than PZ_FRAME_BYTES_MAX), LIMIT_QUEUE (out is full),
 * LIMIT_MEMORY, PROTO_UTF8 (an argument is not UTF-8: a bug of the caller).
 */

/** Any message. @spec page 4 "Message (envelope)" */
enum pz_err pz_message_build(struct pz_buf *out, const struct pz_message *message) PZ_MUST_USE;

/**
 * {"type":"prop","from","to","payload":{"status","message"}}
 * @param to NULL: the link's other end, left out
 * @param message borrowed; NULL: left out
 * @spec page 4 "Prop statuses"
 */
enum pz_err pz_message_prop(struct pz_buf *out, const char *from, const char *to,
			    const char *status, json_t *message) PZ_MUST_USE;

/**
 * {"type":"JSONRPC","from","to","resp_to":from,"id":n,"payload"}. n is a number that no other
 * message of this sender carries (receivers drop a repeated one as a replay), so it is never taken
 * from the payload, whose ids are unique for the requester only.
 * @param payload borrowed: one JSON-RPC element or an array (batch)
 * @spec page 7, 6; page 14 REPL-1
 */
enum pz_err
pz_message_rpc(struct pz_buf *out, const char *from, const char *to, json_t *payload) PZ_MUST_USE;

/**
 * The first message of a link in each direction. Its payload has the longest frame that this end
 * accepts: {"limits":{"frame": bytes}, "replaces": start}; ends that do not know that ignore it.
 * @param frame_max largest body that this end accepts, in bytes
 * @param replaces NULL: a new link; else the name of this start (pzpInfo's `session`), whose older
 * link with the same end this one replaces while that still works
 * @spec page 4 "A link's life" 2
 */
enum pz_err pz_message_register(struct pz_buf *out, const char *from, const char *to,
				uint32_t frame_max, const char *replaces) PZ_MUST_USE;

/**
 * The longest frame that the other end accepts, by its register.
 * @param unsaid the value if the register has none
 * @return bytes of a body, PZ_FRAME_BYTES_ENROL to PZ_FRAME_BYTES_MAX (or `unsaid`): a limit below
 * the smallest setting would only block our messages
 */
uint32_t pz_message_frame_max(const struct pz_envelope *register_envelope, uint32_t unsaid);
/** True when a register replaces the older link of this start. @param start its name; "": unknown,
 * which none replaces */
bool pz_message_replaces(const struct pz_envelope *register_envelope, const char *start);

/**
 * {"type":"deliveryNotification","from","to","id","payload":{"result":verdict}}. A payload is an
 * object on this wire, so the verdict is its member "result".
 * @param id_token the id of the message in question as raw JSON (pz_envelope.id)
 * @param verdict "ok", "duplicate", "invalid", "badDestination", "expired", "refused" or
 * "noReference"
 * Errors: also PROTO_MEMBER (id_token is no JSON string or number), LIMIT (it is longer than
 * PZ_MESSAGE_ID_BYTES_MAX).
 * @spec page 4 "Routing"
 */
enum pz_err pz_message_receipt(struct pz_buf *out, const char *from, const char *to,
			       struct pz_slice id_token, const char *verdict) PZ_MUST_USE;

/**
 * Sets the number that the next pz_message_rpc uses, for reproducible simulations. Without it the
 * numbers start at a random 16-digit one, so that a restart repeats none. Any thread.
 */
void pz_message_seed_ids(uint64_t next_id);

/**
 * Reads the payload of a prop.
 * @param env a scanned message
 * @param out_payload the payload's tree; the caller decrefs
 * @param out_status borrowed from the tree
 * @param out_message borrowed from the tree; NULL when absent
 * Errors: PROTO_MEMBER (not a prop, no payload, no status), PROTO_JSON (duplicates further down,
 * or a number out of range). Nothing is written on failure.
 */
enum pz_err pz_message_prop_parse(const struct pz_envelope *env, json_t **out_payload,
				  const char **out_status, json_t **out_message) PZ_MUST_USE;

/**
 * The same from a whole frame, for links on which nothing but props is exchanged (enrolment,
 * pairing, befriending).
 * @param frame a complete frame
 * Errors: those of pz_envelope_scan, PROTO (not a prop), those of pz_message_prop_parse. Nothing is
 * written on failure.
 */
enum pz_err pz_message_prop_read(struct pz_slice frame, json_t **out_payload,
				 const char **out_status, json_t **out_message) PZ_MUST_USE;

#endif
