/*
 * Names to addresses, by the system's own name service (getaddrinfo: /etc/hosts, DNS, mDNS and
 * other sources that nsswitch.conf names), in threads that can be abandoned: a look-up that name
 * servers do not answer takes half a minute, and nothing may wait for it.
 *
 * A name is looked up once at a time: further requests for it join the look-up under way. A look-up
 * that began before the network changed queries the wrong servers, so no request joins it any more.
 */
#ifndef PZ_NET_LOOKUP_H
#define PZ_NET_LOOKUP_H

#include "net/loop.h"
#include "net/sockaddr.h"

struct pz_lookup;

/**
 * The end of a look-up; called once, never from inside pz_lookup_start.
 * @param addresses in the order in which they are to be tried, without port, at most
 *        PZ_DIAL_ADDRESSES_MAX; borrowed; count 0: none
 * @param problem one line when count is 0
 */
typedef void (*pz_lookup_fn)(void *arg, const union pz_sockaddr *addresses, size_t count,
			     const char *problem);

/** Sets up what the loop needs for look-ups. Errors: INTERNAL. */
enum pz_err pz_lookups_init(struct pz_loop *loop) PZ_MUST_USE;
/** Abandons all look-ups. All must have been cancelled or be done. */
void pz_lookups_fini(struct pz_loop *loop);
/** The network has changed: look-ups under way still end, but no new request joins them. */
void pz_lookups_outdated(struct pz_loop *loop);

/**
 * Looks up a name.
 * Errors: LIMIT_MEMORY, LIMIT (PZ_LOOKUPS_MAX threads are under way).
 */
enum pz_err pz_lookup_start(struct pz_loop *loop, const char *name, pz_lookup_fn done, void *arg,
			    struct pz_lookup **out) PZ_MUST_USE;
/** Cancels a look-up at once; `done` is not called any more. Not for one whose `done` was called.
 * NULL is fine. */
void pz_lookup_cancel(struct pz_lookup *lookup);

/** Threads of this process that look up a name, also those whose look-up was cancelled. For tests.
 */
unsigned pz_lookups_running(void);

#endif
