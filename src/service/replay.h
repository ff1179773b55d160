/* Request ids that were seen lately, so that a relay cannot have a request executed twice. */
#ifndef PZ_SERVICE_REPLAY_H
#define PZ_SERVICE_REPLAY_H

#include <stdbool.h>

#include "base/env.h"
#include "base/slice.h"

#define PZ_REPLAY_TOTAL_MAX 131072 /* ids of all peers together; bounds memory (about 20 MiB) */

struct pz_replay;

/** Empty window. @param env borrowed. NULL: out of memory. */
struct pz_replay *pz_replay_new(const struct pz_env *env);
/** Forgets all keys and frees the window. NULL is fine. */
void pz_replay_free(struct pz_replay *w);

/**
 * Remembers a key for PZ_REPLAY_TTL_US. A peer over PZ_REPLAY_WINDOW_MAX loses its oldest key, all
 * peers over PZ_REPLAY_TOTAL_MAX the oldest of all.
 * @param node the peer that the window belongs to (a device, without its apps)
 * @param key caller and request id
 * @return false when the key is remembered already (or memory is out: then it is not safe to
 * execute)
 * @spec page 14 REPL-1
 */
bool pz_replay_add(struct pz_replay *w, struct pz_slice node, struct pz_slice key);

#endif
