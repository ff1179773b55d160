/* A zone of three devices whose calls are in a ledger. */
#ifndef PZ_SIM_TRIO_H
#define PZ_SIM_TRIO_H

#include "ledger.h"
#include "zone.h"

#define TRIO 3 /* devices */

struct trio {
	struct world *world;
	struct ledger *ledger;
	struct sim_node *hub, *device[TRIO];
};

/** Makes the zone; which device has which name, chance decides. */
void trio_make(struct trio *t, struct world *world);
/** Waits for what is still open, notes how calls have ended, and frees the ledger. */
void trio_end(struct trio *t);
/** Each device calls each other one. @param may_fail the calls may */
void trio_call_all(struct trio *t, bool may_fail);

#endif
