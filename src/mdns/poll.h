/* Avahi's event loop interface on ours. */
#ifndef PZ_MDNS_POLL_H
#define PZ_MDNS_POLL_H

#include <avahi-common/watch.h>

#include "mdns/packet.h"
#include "net/loop.h"

struct pz_mdns_poll {
	AvahiPoll api;
	struct pz_loop *loop;         /* borrowed */
	struct pz_mdns_echoes echoes; /* datagrams with these are dropped, too; none at first */
};

/** Fills in the table; the loop is borrowed. Nothing to undo once Avahi has freed its watches. */
void pz_mdns_poll_init(struct pz_mdns_poll *poll, struct pz_loop *loop);

#endif
