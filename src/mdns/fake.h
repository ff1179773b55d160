/* A local network in memory, for simulations and tests: virtual time, and links that can be cut. */
#ifndef PZ_MDNS_FAKE_H
#define PZ_MDNS_FAKE_H

#include "base/env.h"
#include "mdns/mdns.h"

/** An event is reported this long after it happened, at random. */
#define PZ_MDNS_FAKE_DELAY_MIN_US (1 * PZ_US_PER_MS)
#define PZ_MDNS_FAKE_DELAY_MAX_US (20 * PZ_US_PER_MS)
/** A node that cannot be reached any more is gone after this (the TTL of an address, RFC 6762 10).
 */
#define PZ_MDNS_FAKE_EXPIRY_US (120 * PZ_US_PER_S)

struct pz_mdns_fake_net;

/** NULL: out of memory. Every node reaches every other. */
struct pz_mdns_fake_net *pz_mdns_fake_net_new(void);
/** Every node must have been freed. NULL is fine. */
void pz_mdns_fake_net_free(struct pz_mdns_fake_net *net);

/** @param reachable whether the node with address a and the one with address b are on one network
 */
void
pz_mdns_fake_net_reachable(struct pz_mdns_fake_net *net,
			   bool (*reachable)(void *arg, const char *a, const char *b), void *arg);
/** To be called when `reachable` has begun to say something else. */
void pz_mdns_fake_net_changed(struct pz_mdns_fake_net *net);

/**
 * One node. The env is borrowed; the address (its text is what others find) is copied.
 * Errors: LIMIT_MEMORY.
 */
enum pz_err pz_mdns_fake_new(struct pz_mdns_fake_net *net, const struct pz_env *env,
			     const char *address, struct pz_mdns **out) PZ_MUST_USE;
/** Frees as a crash does: no goodbye is sent. NULL is fine. */
void pz_mdns_fake_crash(struct pz_mdns *mdns);
/** The instance name that is announced now, "" for none: another one after a collision. */
const char *pz_mdns_fake_instance(const struct pz_mdns *mdns);

#endif
