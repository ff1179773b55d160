/* Answers to the origin of a message that a router cannot deliver. */
#ifndef PZ_ROUTE_BOUNCE_H
#define PZ_ROUTE_BOUNCE_H

#include "base/buf.h"
#include "wire/envelope.h"

/**
 * Appends the frames that answer an undeliverable message: an error response for each JSON-RPC
 * request, in the name of its destination where this node may speak for it (the caller accepts
 * answers from that address only), and a deliveryNotification when a receipt was requested. Other
 * messages are dropped silently: receipts, responses and notifications are never answered.
 * @param self the router's own address
 * @param rpc_code PZ_RPC_UNREACHABLE, PZ_RPC_CONGESTED or PZ_RPC_DENIED_POLICY; 0 = receipt only
 * @param verdict of the receipt (page 4 "Routing"): "badDestination", "expired", ...
 * A long batch is answered by several frames. An answer that is too long for some nodes (ids of
 * many KiB) is left out. Errors: LIMIT, LIMIT_*: some answers are missing; only whole frames were
 * appended.
 * @spec page 4 "Routing"
 */
enum pz_err pz_bounce(struct pz_buf *out, const char *self, const struct pz_envelope *envelope,
		      int rpc_code, const char *verdict) PZ_MUST_USE;

/**
 * Appends the frames that answer a message which is longer than its next hop accepts. A request is
 * answered with error -32600. Instead of a response its caller gets error -32603, in the name of
 * the answering node. Both name the sizes. A requested receipt has the verdict "refused".
 * @param bytes,bytes_max size of the body, and the longest body that the next hop accepts
 * Errors: as pz_bounce.
 */
enum pz_err
pz_bounce_too_large(struct pz_buf *out, const char *self, const struct pz_envelope *envelope,
		    size_t bytes, size_t bytes_max) PZ_MUST_USE;

#endif
