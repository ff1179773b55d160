/* The upkeep as a whole: when each check runs. */
#include <stdlib.h>

#include "base/limits.h"
#include "upkeep/internal.h"

#define CHECK_US (3600 * PZ_US_PER_S)

/* An hour is short compared with the days that a renewal has, and long compared with the cost of a
 * check. */
static void
on_hour(struct pz_timer *timer, void *arg)
{
	struct pz_upkeep *upkeep = arg;

	if (upkeep->config.ops->is_hub_up(upkeep->config.arg))
		pz_upkeep_saw_hub(upkeep);
	pz_upkeep_renew_if_due(upkeep);
	pz_upkeep_check(upkeep);
	pz_env_start(upkeep->env, timer, CHECK_US);
}

/* Certificates that were refused for their dates may be valid now, and our own may be due for
 * renewal. */
static void
on_jump(void *arg, int64_t by_ms)
{
	struct pz_upkeep *upkeep = arg;

	(void)by_ms;
	pz_upkeep_check_clock(upkeep);
	pz_upkeep_renew_if_due(upkeep);
	if (!upkeep->is_ending)
		upkeep->config.ops->clock_was_set(upkeep->config.arg);
}

struct pz_upkeep *
pz_upkeep_new(const struct pz_upkeep_config *config)
{
	struct pz_upkeep *upkeep = calloc(1, sizeof(*upkeep));

	if (upkeep == NULL)
		return NULL;
	upkeep->config = *config;
	upkeep->env = config->env;
	upkeep->offline_days = PZ_OFFLINE_DAYS;
	pz_timer_init(&upkeep->hourly, on_hour, upkeep);
	return upkeep;
}

void
pz_upkeep_free(struct pz_upkeep *upkeep)
{
	if (upkeep == NULL)
		return;
	pz_clock_watch_stop(&upkeep->clock);
	pz_env_stop(upkeep->env, &upkeep->hourly);
	free(upkeep);
}

void
pz_upkeep_start(struct pz_upkeep *upkeep)
{
	on_hour(&upkeep->hourly, upkeep);
	pz_clock_watch_start(&upkeep->clock, upkeep->env, on_jump, upkeep);
	pz_upkeep_check_clock(upkeep);
}

void
pz_upkeep_end(struct pz_upkeep *upkeep)
{
	if (upkeep)
		upkeep->is_ending = true;
}
