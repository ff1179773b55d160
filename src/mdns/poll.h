/* Avahi's event loop interface on ours. */
#ifndef PZ_MDNS_POLL_H
#define PZ_MDNS_POLL_H

#include <avahi-common/watch.h>

#include "net/loop.h"

/** Fills in the table; the loop is borrowed. Nothing to undo once Avahi has freed its watches. */
void pz_mdns_poll_init(AvahiPoll *poll, struct pz_loop *loop);

#endif
