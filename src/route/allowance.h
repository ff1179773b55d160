/*
 * What a member may send: a device that floods is refused, and keeps no other one waiting.
 *
 * Each message takes one of an allowance of PZ_MEMBER_MESSAGES_MAX, which grows by
 * PZ_MEMBER_MESSAGES_PER_S, and by one with each message that the member is sent. So one that waits
 * for answers is as fast as it can be, with that many calls at once, and one that does not is
 * refused. A busy member answers late and all at once what several others have asked for
 * meanwhile: it earns up to PZ_ALLOWANCE_MAX, or its answers to all of them would be refused. The
 * allowance is a number in the session: the path of a message that is let through reads no clock.
 * @spec page 4 "Pressure"; page 7, 6.2; page 14 DOS-1
 */
#ifndef PZ_ROUTE_ALLOWANCE_H
#define PZ_ROUTE_ALLOWANCE_H

#include "base/env.h"
#include "base/limits.h"
#include "route/session.h"

/** More than the calls that can wait on the way to one member, in the queue of its link. */
#define PZ_ALLOWANCE_MAX (16 * PZ_MEMBER_MESSAGES_MAX)

/** Adds what time has brought to an allowance that is used up, and takes one.
 * @return false: nothing is left */
bool pz_allowance_refill(struct pz_session *session, const struct pz_env *env);

/** Takes one for a message that the session has brought. A zeroed session has a full allowance.
 * @return false: the message is refused */
static inline bool
pz_allowance_take(struct pz_session *session, const struct pz_env *env)
{
	if (session->allowance == 0)
		return pz_allowance_refill(session, env);
	session->allowance--;
	return true;
}

/** A message goes to the other end of the session, which may send one more. */
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
 * @return microseconds for which the session is not to be received from, 0: it goes on
 */
uint64_t pz_allowance_spend(struct pz_session *session, const struct pz_env *env, uint64_t cost_us);

#endif
