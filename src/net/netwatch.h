/* Says when the machine's addresses or default routes change (rtnetlink), so that nothing waits for
 * a timer; and which addresses it has. */
#ifndef PZ_NET_NETWATCH_H
#define PZ_NET_NETWATCH_H

#include "net/loop.h"

struct pz_netwatch;

/** What counts as a change. */
enum pz_netwatch_scope {
	PZ_NETWATCH_REACHABLE, /* the addresses of pz_netwatch_addresses, and the default routes */
	PZ_NETWATCH_LOCAL,     /* every address of every interface: for the local network */
};

/**
 * @param changed called once per burst of events (coalesced for 200 ms) after which something of
 * the scope differs from before
 * Errors: IO (no rtnetlink here), LIMIT_MEMORY.
 * @spec rtnetlink(7); page 5 "Back-off"
 */
enum pz_err
pz_netwatch_new(struct pz_loop *loop, enum pz_netwatch_scope scope, void (*changed)(void *arg),
		void *arg, struct pz_netwatch **out) PZ_MUST_USE;
/** Stops watching and frees the watch. NULL is fine. */
void pz_netwatch_free(struct pz_netwatch *watch);

/**
 * The machine's addresses that others may reach it by, neither loopback nor link-local: the best
 * first. Those of the default routes' interfaces come first, then other interfaces, bridges
 * (containers, virtual machines) and those without carrier; each interface's first address of a
 * family before its further ones.
 * @param each called with the text of each address
 */
void pz_netwatch_addresses(void (*each)(void *arg, const char *address), void *arg);

#endif
