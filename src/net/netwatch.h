/* Tells when the machine's addresses or default route change (rtnetlink), so that nobody waits for
 * a timer. */
#ifndef PZ_NET_NETWATCH_H
#define PZ_NET_NETWATCH_H

#include "net/loop.h"

struct pz_netwatch;

/**
 * @param changed called once per burst of changes (coalesced for 200 ms)
 * Errors: IO (no rtnetlink here), LIMIT_MEMORY.
 * @spec rtnetlink(7); page 5 "Back-off"
 */
enum pz_err pz_netwatch_new(struct pz_loop *loop, void (*changed)(void *arg), void *arg,
			    struct pz_netwatch **out) PZ_MUST_USE;
/** NULL is fine. */
void pz_netwatch_free(struct pz_netwatch *watch);

/**
 * The machine's addresses that others may reach it by: no loopback, no link-local IPv4.
 * @param each called with the text of each address
 */
void pz_netwatch_addresses(void (*each)(void *arg, const char *address), void *arg);

#endif
