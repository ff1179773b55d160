/*
 * States of one peer: another device of the zone, as far as a direct link goes (seed "Connecting to
 * local peers", page 5 "Each peer"). One list of states, one of events, one table of edges.
 *
 * The state `pairing` belongs to strangers in a pairing window (src/pairing); devices of one zone
 * never enter it.
 */
#ifndef PZ_PEERS_MACHINE_H
#define PZ_PEERS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/* X(name, shown as) */
#define PZ_PEER_STATES(X)                                                                          \
	X(NOT_CONNECTED, "not-connected")                                                          \
	X(CONNECTING, "connecting")                                                                \
	X(PAIRING, "pairing")                                                                      \
	X(CONNECTED, "connected")                                                                  \
	X(DISCONNECTING, "disconnecting")

enum pz_peer_state {
#define X(name, text) PZ_PEER_##name,
	PZ_PEER_STATES(X)
#undef X
		PZ_PEER_STATE_COUNT
};

/* X(name, text for the log) */
#define PZ_PEER_EVENTS(X)                                                                          \
	X(DIAL, "looking for it")                                                                  \
	X(FAILED, "no way found")                                                                  \
	X(MET, "a stranger is met")                                                                \
	X(PARTED, "pairing ended")                                                                 \
	X(REGISTERED, "link registered")                                                           \
	X(LINK_LOST, "link lost")                                                                  \
	X(HANG_UP, "disconnect")                                                                   \
	X(CLEANED, "clean-up done")

enum pz_peer_event {
#define X(name, text) PZ_PEER_EVENT_##name,
	PZ_PEER_EVENTS(X)
#undef X
		PZ_PEER_EVENT_COUNT
};

/**
 * The decision for a pair, pure.
 * @param out_next untouched when it is false
 * @return false: the event means nothing in this state
 */
bool pz_peer_edge(enum pz_peer_state state, enum pz_peer_event event, enum pz_peer_state *out_next);

/** As `pzp peers` shows it. Static. */
const char *pz_peer_state_text(enum pz_peer_state state);
/** As the log shows it. Static. */
const char *pz_peer_event_text(enum pz_peer_event event);

/** The table as a Graphviz document, for the docs. Writes at most `size` bytes with NUL; returns
 * the length it has. */
size_t pz_peer_machine_dot(char *out, size_t size);

#endif
