/* A transport without a network: it notes who is dialled, and a test says how each dial ends. */
#ifndef PZ_KIT_NETWORK_H
#define PZ_KIT_NETWORK_H

#include "kit/clock.h"
#include "net/transport.h"

#define PZ_KIT_DIALS_MAX 256

/** A dial. A test ends it by one of the functions below, or the code under test by cancelling it.
 */
struct pz_dial {
	struct pz_kit_network *network;
	char host[PZ_NETADDR_CHARS];
	uint16_t port;
	const struct pz_dial_events *events;
	void *arg;
	bool is_over, is_cancelled;
	uint64_t started_us;
};

/** Where new connections are reported. */
struct pz_listener {
	struct pz_kit_network *network;
	pz_accept_fn accept;
	void *arg;
};

/** The network of one node. A test sets what the second part says. */
struct pz_kit_network {
	const struct pz_kit_clock *clock;
	struct pz_dial dials[PZ_KIT_DIALS_MAX]; /* all since the start */
	size_t dial_count, cancel_count;
	struct pz_listener listener;
	bool is_listening;
	char listen_address[PZ_NETADDR_CHARS];

	bool is_single;         /* two dials at once are a fault */
	bool can_listen;        /* else the transport has no `listen` */
	uint16_t port;          /* that "any" becomes */
	enum pz_err listen_err; /* answer to `listen` */
	enum pz_err dial_err;   /* answer to dials, but for PZ_KIT_HOST */
};

/** Nothing is dialled. @param clock borrowed */
void pz_kit_network_init(struct pz_kit_network *network, const struct pz_kit_clock *clock);
/** The transport for the code under test. */
struct pz_transport pz_kit_network_transport(struct pz_kit_network *network);

/** The newest dial that is not over. @param host NULL: any @return NULL: none */
struct pz_dial *pz_kit_network_dial(struct pz_kit_network *network, const char *host);
/** Ends all dials without an event, as if the code under test had never begun them. */
void pz_kit_network_forget(struct pz_kit_network *network);
/** The name has an address. */
void pz_kit_dial_resolved(struct pz_dial *dial);
/** The dial ends with a connection. */
void pz_kit_dial_connected(struct pz_dial *dial, struct pz_stream *stream);
/** The dial ends without one. */
void pz_kit_dial_failed(struct pz_dial *dial, enum pz_err err, const char *detail);

#endif
