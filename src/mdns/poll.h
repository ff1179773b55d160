/* Avahi's event loop interface on ours. */
#ifndef PZ_MDNS_POLL_H
#define PZ_MDNS_POLL_H

#include <avahi-common/watch.h>

#include "base/list.h"
#include "net/loop.h"

struct pz_mdns_poll {
	AvahiPoll api;
	struct pz_loop *loop;   /* borrowed */
	struct pz_list network; /* watches of sockets of the network */
};

/** Fills in the table; the loop is borrowed. Nothing to undo once Avahi has freed its watches. */
void pz_mdns_poll_init(struct pz_mdns_poll *poll, struct pz_loop *loop);

/** @return whether a socket of the network has received what Avahi has not read yet */
bool pz_mdns_poll_has_received(const struct pz_mdns_poll *poll);

#endif
