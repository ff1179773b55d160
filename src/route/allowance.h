/*
 * Rate limit of a member: messages of a device that floods are refused, and delay no other device.
 *
 * A token bucket: each message takes one token of an allowance of PZ_MEMBER_MESSAGES_MAX. The
 * allowance grows by PZ_MEMBER_MESSAGES_PER_S, and by one with each message that is sent to the
 * member. So a member that waits for answers is not slowed down, with up to that many calls at
 * once, and a member that does not wait is refused. A busy member may answer the calls of several
 * others late and all at once: its allowance grows up to PZ_ALLOWANCE_MAX, or some of these answers
 * would be refused. The allowance is a number in the session: a message that is accepted costs no
 * look at the clock.
 * @spec page 4 "Pressure"; page 7, 6.2; page 14 DOS-1
 */
#ifndef PZ_ROUTE_ALLOWANCE_H
#define PZ_ROUTE_ALLOWANCE_H

#include "base/env.h"
#include "base/limits.h"
#include "route/session.h"

/** More than the calls that fit into the queue of the link to one member. */
#define PZ_ALLOWANCE_MAX (16 * PZ_MEMBER_MESSAGES_MAX)

/** Adds the tokens of the time that has passed to an allowance that is used up, and takes one.
 * @return false: nothing is left */
bool pz_allowance_refill(struct pz_session *session, const struct pz_env *env);

/** Takes one token for a message from the session. A zeroed session has a full allowance.
 * @return false: the message is refused */
static inline bool
pz_allowance_take(struct pz_session *session, const struct pz_env *env)
{
	if (session->allowance == 0)
		return pz_allowance_refill(session, env);
	session->allowance--;
	return true;
}

/** Adds one token: a message was sent to the other end of the session. */
static inline void
pz_allowance_give(struct pz_session *session)
{
	if (session->allowance < PZ_ALLOWANCE_MAX)
		session->allowance++;
}

/**
 * Counts what a message of the session has cost this node. Messages differ: a search looks at all
 * services, a change goes to all devices. One that costs much is let through; what counts is the
 * share of time. A session that uses less than 1 / (1 + PZ_WORK_REST_FACTOR) of it never rests.
 * @return microseconds for which the session is not to be received from, 0: it continues
 */
uint64_t pz_allowance_spend(struct pz_session *session, const struct pz_env *env, uint64_t cost_us);

#endif
