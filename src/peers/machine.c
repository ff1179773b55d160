/*
 * The state of a peer as a table of edges (page 6). Pure: links and timers that belong to a state
 * are in table.c and link.c; docs/states.dot is made from this table.
 */
#include "peers/machine.h"

#include <stdio.h>

/* X(state, event, next): any other event is late or repeated, and ignored. A failed attempt skips
 * the clean-up; only a link that was live has something to clean. */
#define EDGES(X)                                                                                   \
	X(NOT_CONNECTED, DIAL, CONNECTING)                                                         \
	X(NOT_CONNECTED, REGISTERED, CONNECTED) /* it dialled us */                                \
	X(CONNECTING, REGISTERED, CONNECTED)                                                       \
	X(CONNECTING, FAILED, NOT_CONNECTED)                                                       \
	X(NOT_CONNECTED, MET, PAIRING)                                                             \
	X(PAIRING, PARTED, NOT_CONNECTED)                                                          \
	X(CONNECTING, HANG_UP, NOT_CONNECTED)                                                      \
	X(CONNECTED, REGISTERED, CONNECTED) /* another link replaced the first */                  \
	X(CONNECTED, LINK_LOST, DISCONNECTING)                                                     \
	X(CONNECTED, HANG_UP, DISCONNECTING)                                                       \
	X(DISCONNECTING, CLEANED, NOT_CONNECTED)

bool
pz_peer_edge(enum pz_peer_state state, enum pz_peer_event event, enum pz_peer_state *out_next)
{
	static const struct {
		bool is_edge;
		enum pz_peer_state next;
	} table[PZ_PEER_STATE_COUNT][PZ_PEER_EVENT_COUNT] = {
#define X(from, on, to) [PZ_PEER_##from][PZ_PEER_EVENT_##on] = {true, PZ_PEER_##to},
		EDGES(X)
#undef X
	};

	if (!table[state][event].is_edge)
		return false;
	*out_next = table[state][event].next;
	return true;
}

const char *
pz_peer_state_text(enum pz_peer_state state)
{
	static const char *const texts[PZ_PEER_STATE_COUNT] = {
#define X(name, text) text,
		PZ_PEER_STATES(X)
#undef X
	};

	return texts[state];
}

const char *
pz_peer_event_text(enum pz_peer_event event)
{
	static const char *const texts[PZ_PEER_EVENT_COUNT] = {
#define X(name, text) text,
		PZ_PEER_EVENTS(X)
#undef X
	};

	return texts[event];
}

size_t
pz_peer_machine_dot(char *out, size_t size)
{
	size_t len = 0;
	enum pz_peer_state next;

#define PUT(...)                                                                                   \
	len += (size_t)snprintf(len < size ? out + len : NULL, len < size ? size - len : 0,        \
				__VA_ARGS__)
	PUT("digraph peer {\n");
	for (int s = 0; s < PZ_PEER_STATE_COUNT; s++)
		for (int e = 0; e < PZ_PEER_EVENT_COUNT; e++)
			if (pz_peer_edge((enum pz_peer_state)s, (enum pz_peer_event)e, &next))
				PUT("\t\"%s\" -> \"%s\" [label=\"%s\"];\n",
				    pz_peer_state_text((enum pz_peer_state)s),
				    pz_peer_state_text(next),
				    pz_peer_event_text((enum pz_peer_event)e));
	PUT("}\n");
#undef PUT
	return len;
}
