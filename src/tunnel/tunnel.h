/*
 * A byte stream that travels in a channel of another link (page 15, kind `link`). A link over it
 * has TLS from end to end: the nodes that the channel passes through read nothing.
 *
 * Bytes come to the link over it in a turn of their own, never inside the call in which the
 * carrying link received them.
 * @spec page 15 "Kind link"
 */
#ifndef PZ_TUNNEL_TUNNEL_H
#define PZ_TUNNEL_TUNNEL_H

#include "net/link.h"
#include "net/transport.h"

struct pz_tunnel;

/**
 * Opens a channel of kind `link` on a link.
 * @param carrier a link with channels; may end at any time
 * @param to destination as the other end of the carrier knows it
 * @param events `connected` or `failed`, never from inside; `resolved` is not called
 * Errors: IO_CLOSED (the link has no channels), LIMIT (as many as it may have), LIMIT_MEMORY.
 * @spec page 15
 */
enum pz_err
pz_tunnel_open(struct pz_link *carrier, const char *to, const struct pz_dial_events *events,
	       void *arg, struct pz_tunnel **out) PZ_MUST_USE;
/** Gives an opening up: no event comes any more. NULL is fine. */
void pz_tunnel_cancel(struct pz_tunnel *tunnel);

/** Accepts an offered channel as a stream. NULL: out of memory, and the offer is refused. */
struct pz_stream *pz_tunnel_accept(struct pz_link *carrier, struct pz_channel *channel);

/** True when the stream is one of these. */
bool pz_stream_is_tunnel(const struct pz_stream *stream);

#endif
