/* Back-pressure: a full queue stops the reading of the sessions that feed it; a consumer that makes
 * no progress is closed. */
#ifndef PZ_ROUTE_PRESSURE_H
#define PZ_ROUTE_PRESSURE_H

#include "base/env.h"
#include "base/list.h"
#include "metrics/metrics.h"
#include "route/session.h"

/** The state of back-pressure; embedded in the router. */
struct pz_pressure_rule {
	const struct pz_env *env;
	struct pz_metrics *metrics;
	size_t high_bytes, low_bytes;
	struct pz_list full; /* struct pz_pressure of every session over its mark */
};

/** Initialises it without sessions. The pointers are borrowed for its life. */
void pz_pressure_init(struct pz_pressure_rule *rule, const struct pz_env *env,
		      struct pz_metrics *metrics, size_t high_bytes, size_t low_bytes);

/**
 * `full` is over the high mark because of a frame from `feeder`: the feeder's reading stops until
 * the queue is below the low mark. The first time, the slow consumer's timer starts (page 4: 10 s
 * without progress). Without memory for the book-keeping the full session is closed instead.
 * @param feeder NULL when the node itself made the frame
 */
void pz_pressure_block(struct pz_pressure_rule *rule, struct pz_session *full,
		       struct pz_session *feeder);

/** To be called when the queue has become shorter: below the low mark all sessions that wait for it
 * are read again. */
void pz_pressure_drained(struct pz_pressure_rule *rule, struct pz_session *session);

/** Removes a session: those that wait for its queue are read again, and it waits for no queue. */
void pz_pressure_forget(struct pz_pressure_rule *rule, struct pz_session *session);

#endif
