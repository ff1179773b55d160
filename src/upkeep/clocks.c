/*
 * Detects clocks that differ: devices with such clocks refuse each other's certificates, and do not
 * recognise each other on a local network. A device cannot know which clock is right; it can only
 * see that two clocks differ, and whether its own is before a time that has certainly passed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "upkeep/internal.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* ---- this device's clock ---- */

void
pz_upkeep_check_clock(struct pz_upkeep *upkeep)
{
	struct pz_errinfo info = {""};

	if (pz_clock_check(upkeep->env, &info) == PZ_OK)
		pz_condition_clear(upkeep->config.conditions, PZ_CONDITION_CLOCK_WRONG, "");
	else
		pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_CLOCK_WRONG, "", "%s",
				   info.text);
}

void
pz_upkeep_clock_set(struct pz_upkeep *upkeep)
{
	pz_clock_watch_look(&upkeep->clock);
}

/* ---- beside those of others ---- */

/* This device's certificate was signed at that time, by the hub's clock. */
static bool
is_behind(const struct pz_upkeep *upkeep)
{
	return upkeep->config.zone->membership != NULL &&
	       pz_env_wall_ms(upkeep->env) <
		       pz_cert_not_before_ms(upkeep->config.zone->membership->tls);
}

static const char *
whose(const struct pz_upkeep *upkeep)
{
	return is_behind(upkeep) ? "this device's clock is behind: its own certificate begins later"
				 : "one of the two clocks is wrong";
}

static void
date_of(uint64_t wall_ms, char out[32])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm = {0};

	(void)gmtime_r(&seconds, &tm);
	if (strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		out[0] = '\0';
}

void
pz_upkeep_saw_day(struct pz_upkeep *upkeep, const char *device, int days)
{
	char here[32];

	if (days >= -1 && days <= 1) { /* midnight comes at different times around the world */
		pz_condition_clear(upkeep->config.conditions, PZ_CONDITION_CLOCKS_APART, device);
		return;
	}
	date_of(pz_env_wall_ms(upkeep->env), here);
	pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_CLOCKS_APART, device,
			   "%s announces itself on the local network with a date %d days %s, "
			   "here it is %s: %s",
			   device, days < 0 ? -days : days, days < 0 ? "ago" : "ahead", here,
			   whose(upkeep));
}

void
pz_upkeep_saw_hub_time(struct pz_upkeep *upkeep, int64_t ahead_ms)
{
	/* Negated as unsigned: the smallest int64_t has no positive counterpart. */
	uint64_t apart = ahead_ms < 0 ? -(uint64_t)ahead_ms : (uint64_t)ahead_ms;
	char there[32], here[32];

	if (apart < PZ_CLOCKS_APART_MS) {
		pz_condition_clear(upkeep->config.conditions, PZ_CONDITION_CLOCKS_APART, "hub");
		return;
	}
	uint64_t now = pz_env_wall_ms(upkeep->env);
	date_of(now, here);
	date_of(now + (uint64_t)ahead_ms, there);
	pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_CLOCKS_APART, "hub",
			   "the hub's clock says %s, this device's clock says %s: %s", there, here,
			   whose(upkeep));
}

void
pz_upkeep_saw_refusal(struct pz_upkeep *upkeep, const char *who, enum pz_err why,
		      const char *detail)
{
	if (why == PZ_ERR_DENIED_EXPIRED)
		pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_CERTIFICATE_DATE, who,
				   "the certificate of %s is not valid now: %s; %s", who, detail,
				   whose(upkeep));
	else if (why == PZ_ERR_DENIED_REMOTE_DATE)
		pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_CERTIFICATE_DATE, who,
				   "%s refuses this device's certificate because of its dates; %s",
				   who, whose(upkeep));
}

void
pz_upkeep_saw_link(struct pz_upkeep *upkeep, const char *who)
{
	pz_condition_clear(upkeep->config.conditions, PZ_CONDITION_CERTIFICATE_DATE, who);
}
