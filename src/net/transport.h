/* How a node reaches others and is reached: an interface, so that a simulation can be the network.
 */
#ifndef PZ_NET_TRANSPORT_H
#define PZ_NET_TRANSPORT_H

#include <stdint.h>

#include "base/err.h"
#include "net/stream.h"

struct pz_dial;
struct pz_listener;

/** Longest text of a network address with port: "[v6%scope]:65535". */
#define PZ_NETADDR_CHARS 80

struct pz_dial_events {
	/** The name has an address; connecting begins. May be NULL. */
	void (*resolved)(void *arg);
	/** Connected; the stream is the receiver's. The dial is over. */
	void (*connected)(void *arg, struct pz_stream *stream);
	/** Not connected: IO_RESOLVE, IO_REFUSED, IO_TIMEOUT, IO. One clear line in `detail`. The
	 * dial is over. */
	void (*failed)(void *arg, enum pz_err err, const char *detail);
};

/** A new connection. @param remote address without port, NUL-terminated, for limits and logs;
 * borrowed */
typedef void (*pz_accept_fn)(void *arg, struct pz_stream *stream, const char *remote);

struct pz_transport_ops {
	/**
	 * Starts to resolve and connect. Events come later, never from inside.
	 * @param host a name, or a numeric address (base/netaddr.h), which needs no look-up
	 * Errors: LIMIT_MEMORY, CONFIG (port 0, or a host that is no name: too long, not ASCII).
	 */
	enum pz_err (*dial)(void *self, const char *host, uint16_t port,
			    const struct pz_dial_events *events, void *arg, struct pz_dial **out);
	/** Gives up: no event comes any more. */
	void (*dial_cancel)(struct pz_dial *dial);
	/**
	 * Listens. @param address numeric (base/netaddr.h), "" for any (both families); @param port
	 * 0 = any free one.
	 * @param out_port the port that it became. Errors: EXISTS (in use by another program), IO,
	 * CONFIG.
	 */
	enum pz_err (*listen)(void *self, const char *address, uint16_t port, pz_accept_fn accept,
			      void *arg, struct pz_listener **out, uint16_t *out_port,
			      struct pz_errinfo *info);
	void (*listen_close)(struct pz_listener *listener);
};

struct pz_transport {
	const struct pz_transport_ops *ops;
	void *self;
};

#endif
