/* What shows that this device's clock and another one's are apart, and how `status` says so. */
#ifndef PZ_PZP_CLOCK_H
#define PZ_PZP_CLOCK_H

#include <stdint.h>

#include "base/err.h"

struct pz_node;
struct pz_clocks;

/** @param node outlives it. NULL: out of memory. */
struct pz_clocks *pz_clocks_new(struct pz_node *node);
/** NULL is fine. */
void pz_clocks_free(struct pz_clocks *clocks);
/** Checks this device's clock now, and whenever it was set. */
void pz_clocks_start(struct pz_clocks *clocks);
/** The system says that the clock was set. */
void pz_clocks_look(struct pz_clocks *clocks);

/** A device announces itself with the tag of a day. @param days after today, < 0: before; 0 also
 * when it does not announce itself any more */
void pz_clocks_see_tag(struct pz_node *node, const char *device, int days);
/** The hub said what time it has. @param ahead_ms of ours */
void pz_clocks_see_hub(struct pz_node *node, int64_t ahead_ms);
/** A handshake failed. Only a certificate's date matters here. @param who the device that was
 * dialled, or "hub" */
void
pz_clocks_see_refusal(struct pz_node *node, const char *who, enum pz_err why, const char *detail);
/** A handshake with it succeeded. */
void pz_clocks_see_link(struct pz_node *node, const char *who);

#endif
