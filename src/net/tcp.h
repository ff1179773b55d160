/* TCP streams, listeners and dials on a loop. Nodes use them through net/transport.h only. */
#ifndef PZ_NET_TCP_H
#define PZ_NET_TCP_H

#include "net/loop.h"
#include "net/transport.h"

/** The table is in listen.c: a stream is used by both, and knows of neither. */
extern const struct pz_transport_ops pz_tcp_transport_ops;

/**
 * A stream over a connected, non-blocking socket.
 * @param fd taken on success
 * Errors: LIMIT_MEMORY, IO.
 */
enum pz_err pz_tcp_stream_new(struct pz_loop *loop, int fd, struct pz_stream **out) PZ_MUST_USE;

/** Listens on an address; ops->listen of the table above (net/transport.h has the contract of all
 * four). */
enum pz_err
pz_tcp_listen(void *self, const char *address, uint16_t port, pz_accept_fn accept, void *arg,
	      struct pz_listener **out, uint16_t *out_port, struct pz_errinfo *info);
/** Closes the listener and frees it. */
void pz_tcp_listen_close(struct pz_listener *listener);
/** Looks the host up and connects, one address after the other; ops->dial of the table above. */
enum pz_err pz_tcp_dial(void *self, const char *host, uint16_t port,
			const struct pz_dial_events *events, void *arg, struct pz_dial **out);
/** Cancels a dial: no event follows, and the dial is freed. */
void pz_tcp_dial_cancel(struct pz_dial *dial);

#endif
