/* The answers to the origin of a message that a router cannot deliver. */
#ifndef PZ_ROUTE_BOUNCE_H
#define PZ_ROUTE_BOUNCE_H

#include "base/buf.h"
#include "wire/envelope.h"

/**
 * Appends the frames that answer an undeliverable message: for each JSON-RPC request an error
 * response in the name of its destination, where we may speak for it (the caller accepts answers
 * from that address only), for a wanted receipt a deliveryNotification. Nothing for anything else:
 * receipts never cause receipts; responses and notifications are dropped silently.
 * @param self the router's own address
 * @param rpc_code PZ_RPC_UNREACHABLE, PZ_RPC_CONGESTED or PZ_RPC_DENIED_POLICY; 0 = receipt only
 * @param verdict of the receipt (page 4 "Routing"): "badDestination", "expired", ...
 * A long batch is answered by several frames. An answer that not every node would take (ids of
 * many KiB) is left out.
 * Errors: LIMIT, LIMIT_*: something is missing; what was appended is whole frames.
 * @spec page 4 "Routing"
 */
enum pz_err pz_bounce(struct pz_buf *out, const char *self, const struct pz_envelope *envelope,
		      int rpc_code, const char *verdict) PZ_MUST_USE;

/**
 * Appends the frames that answer a message which is longer than its next hop takes. Of a request
 * the origin gets error -32600; for an answer, the caller that waits for it gets -32603 in its
 * place, in the name of the answering node; both with the sizes. A wanted receipt says "refused".
 * @param bytes,bytes_max of the body, and of the longest that is taken there
 * Errors: as pz_bounce.
 */
enum pz_err
pz_bounce_too_large(struct pz_buf *out, const char *self, const struct pz_envelope *envelope,
		    size_t bytes, size_t bytes_max) PZ_MUST_USE;

#endif
