/*
 * How much a member may send without an answer (page 4 "Pressure"): a bucket that is refilled when
 * it is empty, so the common case on the forwarding path is one decrement.
 */
#include "route/allowance.h"

#define FULL_US (PZ_MEMBER_MESSAGES_MAX * PZ_US_PER_S / PZ_MEMBER_MESSAGES_PER_S)

/* The time counts from the last refill, not from the last message: a member that was slow for a
 * long time may send up to twice the allowance at once. */
bool
pz_allowance_refill(struct pz_session *session, const struct pz_env *env)
{
	/* The clock is the monotonic one: `past` cannot be negative. */
	uint64_t now = pz_env_mono_us(env), past = now - session->allowance_us;
	uint64_t earned = past >= FULL_US ? PZ_MEMBER_MESSAGES_MAX
					  : past * PZ_MEMBER_MESSAGES_PER_S / PZ_US_PER_S;

	if (earned == 0)
		return false;
	session->allowance = (uint32_t)earned - 1;
	session->allowance_us = now;
	return true;
}

uint64_t
pz_allowance_spend(struct pz_session *session, const struct pz_env *env, uint64_t cost_us)
{
	uint64_t now = pz_env_mono_us(env);
	uint64_t earned = (now - session->work_at_us) / (1 + PZ_WORK_REST_FACTOR);

	/* What is not enough for a microsecond counts the next time. */
	session->work_at_us += earned * (1 + PZ_WORK_REST_FACTOR);
	session->work_us -= earned < session->work_us ? earned : session->work_us;
	session->work_us += cost_us;
	if (session->work_us <= PZ_WORK_US)
		return 0;
	uint64_t rest_us = session->work_us * PZ_WORK_REST_FACTOR;
	session->work_us = 0;
	return rest_us < PZ_WORK_REST_MAX_US ? rest_us : PZ_WORK_REST_MAX_US;
}
