/*
 * Back-pressure, one object for each session over its high mark: it remembers which sessions feed
 * the queue (their reading is off until it falls below the low mark), and closes the session when
 * nothing leaves the queue for 10 s.
 *
 * A session counts the queues that block it (session->blocked) and reads again when the last one
 * releases it. Without memory to remember a feeder the full session is closed: an unbounded queue
 * is worse.
 */
#include "route/pressure.h"

#include <stdlib.h>

#include "base/limits.h"

#define LOOK_US (PZ_US_PER_S / 2) /* between two looks at a session that is over its mark */

/* Exists while its session is over the high mark: an idle link pays one pointer for all this. */
struct pz_pressure {
	struct pz_list node;
	struct pz_session *session;
	struct pz_pressure_rule *rule;
	struct pz_timer slow;
	uint64_t drained_seen, progress_us; /* sent bytes at the last check that saw progress */
	struct pz_session **feeders;
	size_t len, cap;
};

void
pz_pressure_init(struct pz_pressure_rule *rule, const struct pz_env *env,
		 struct pz_metrics *metrics, size_t high_bytes, size_t low_bytes)
{
	rule->env = env;
	rule->metrics = metrics;
	rule->high_bytes = high_bytes ? high_bytes : PZ_QUEUE_HIGH_BYTES;
	rule->low_bytes = low_bytes ? low_bytes : PZ_QUEUE_LOW_BYTES;
	if (rule->low_bytes > rule->high_bytes)
		rule->low_bytes = rule->high_bytes;
	pz_list_init(&rule->full);
}

static void
unblock(struct pz_session *feeder)
{
	if (--feeder->blocked == 0)
		feeder->ops->set_reading(feeder, true);
}

/* The queue is below its low mark, or the session ends. */
static void
release(struct pz_session *session)
{
	struct pz_pressure *p = session->pressure;

	session->pressure = NULL;
	pz_list_remove(&p->node);
	pz_env_stop(p->rule->env, &p->slow);
	for (size_t i = 0; i < p->len; i++)
		unblock(p->feeders[i]);
	free(p->feeders);
	free(p);
}

/* Page 4: "A link that stays over its mark for 10 s without progress is closed as a slow consumer".
 */
static void
on_slow(struct pz_timer *timer, void *arg)
{
	struct pz_pressure *p = arg;
	struct pz_session *session = p->session;

	uint64_t now = pz_env_mono_us(p->rule->env);

	if (session->drained != p->drained_seen) {
		p->drained_seen = session->drained;
		p->progress_us = now;
	}
	uint64_t end = p->progress_us + PZ_SLOW_CONSUMER_US;
	if (now < end) {
		pz_env_start(p->rule->env, timer, end - now < LOOK_US ? end - now : LOOK_US);
		return;
	}
	pz_metric_add(p->rule->metrics, PZ_METRIC_slow_consumers, 1);
	pz_warning("slow-consumer", "peer=%s queued=%zu closing: read nothing for 10 s",
		   session->address, session->queued);
	session->ops->close(session, PZ_ERR_LIMIT_QUEUE, "slow consumer");
}

static struct pz_pressure *
pressure_of(struct pz_pressure_rule *rule, struct pz_session *full)
{
	if (full->pressure)
		return full->pressure;
	struct pz_pressure *p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->session = full;
	p->rule = rule;
	p->drained_seen = full->drained;
	p->progress_us = pz_env_mono_us(rule->env);
	pz_timer_init(&p->slow, on_slow, p);
	pz_env_start(rule->env, &p->slow, LOOK_US);
	pz_list_append(&rule->full, &p->node);
	full->pressure = p;
	return p;
}

static bool
add_feeder(struct pz_pressure *p, struct pz_session *feeder)
{
	if (p->len == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 4;
		struct pz_session **grown = reallocarray(p->feeders, cap, sizeof(*grown));
		if (grown == NULL)
			return false;
		p->feeders = grown;
		p->cap = cap;
	}
	p->feeders[p->len++] = feeder;
	return true;
}

/* From the end: one feeder's messages are consecutive, so the last feeder is the most likely match.
 */
static bool
is_feeder(const struct pz_pressure *p, const struct pz_session *feeder)
{
	for (size_t i = p->len; i-- > 0;)
		if (p->feeders[i] == feeder)
			return true;
	return false;
}

void
pz_pressure_block(struct pz_pressure_rule *rule, struct pz_session *full, struct pz_session *feeder)
{
	struct pz_pressure *p = pressure_of(rule, full);

	if (p == NULL) {
		full->ops->close(full, PZ_ERR_LIMIT_MEMORY, "no memory to hold back its senders");
		return;
	}
	if (feeder == NULL || is_feeder(p, feeder))
		return;
	if (!add_feeder(p, feeder)) {
		full->ops->close(full, PZ_ERR_LIMIT_MEMORY, "no memory to hold back its senders");
		return;
	}
	if (feeder->blocked++ == 0)
		feeder->ops->set_reading(feeder, false);
}

void
pz_pressure_drained(struct pz_pressure_rule *rule, struct pz_session *session)
{
	if (session->pressure && session->queued <= rule->low_bytes)
		release(session);
}

/* As a full session it releases its feeders; as a feeder it is removed from all lists. */
void
pz_pressure_forget(struct pz_pressure_rule *rule, struct pz_session *session)
{
	if (session->pressure)
		release(session);
	if (session->blocked == 0)
		return;
	PZ_LIST_EACH (&rule->full, node, tmp) {
		struct pz_pressure *p = PZ_CONTAINER(node, struct pz_pressure, node);
		for (size_t i = p->len; i-- > 0;)
			if (p->feeders[i] == session)
				p->feeders[i] = p->feeders[--p->len];
	}
	session->blocked = 0;
	session->ops->set_reading(session, true);
}
