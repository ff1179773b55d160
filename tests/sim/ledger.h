/*
 * Calls that are accounted for. Every device that starts has a service that writes down what it is
 * asked to do; every call ends exactly once, in time, and agrees with what was written. None is
 * done for a device that the one which does it knows as revoked, or under the name of a device that
 * has not made it.
 */
#ifndef PZ_SIM_LEDGER_H
#define PZ_SIM_LEDGER_H

#include "world.h"

#define LEDGER_TICK_US (50 * SIM_MS)

struct ledger;
struct ledger_stream;

/** Devices that start from now on have the service. */
struct ledger *ledger_new(struct world *world);
/** Every call must have been checked. */
void ledger_free(struct ledger *ledger);

/**
 * Starts a call that the other device answers after `work_us`.
 * @param may_fail there may be no route as long as it lasts
 * @return its number, counted from 0
 */
size_t ledger_call(struct ledger *ledger, struct sim_node *from, struct sim_node *to,
		   uint64_t work_us, bool may_fail);
/** Some calls from now on carry up to so many bytes more than they need. */
void ledger_pad(struct ledger *ledger, size_t bytes_max);
/** What is under way may fail from now on. */
void ledger_excuse(struct ledger *ledger);
/**
 * Looks at what has ended: with the answer, or (where that may be) an error of the network. None
 * may be overdue. Nothing was done twice by one start of a device; what two starts did was not
 * answered.
 */
void ledger_check(struct ledger *ledger);
/** Begins to listen to the other device, which says a number every LEDGER_TICK_US. */
struct ledger_stream *ledger_listen(struct sim_node *from, struct sim_node *to);
/** None came twice, none is missing but of the last two seconds. */
void ledger_unlisten(struct ledger_stream *stream);

/** Calls that have not ended. */
size_t ledger_open(const struct ledger *ledger);
/** Runs the world until all have ended; they have to. */
void ledger_settle(struct ledger *ledger);
/** The numbers of these calls, as far as they were done, in the order in which they were begun. */
bool ledger_is_in_order(const struct ledger *ledger, size_t first, size_t count);
/** This device was revoked: for calls from and to it there may be no service either. */
void ledger_revoke(struct ledger *ledger, const struct sim_node *node);
/** It is a member again: for calls from now on there is one. */
void ledger_readmit(struct ledger *ledger, const struct sim_node *node);
/** How often a call from or to this device was done. */
size_t ledger_runs(const struct ledger *ledger, const struct sim_node *node);
size_t ledger_answered(const struct ledger *ledger);
size_t ledger_failed(const struct ledger *ledger);

#endif
