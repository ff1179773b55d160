/*
 * Clocks that are apart: devices then refuse each other's certificates, and do not recognise each
 * other on a local network. A device cannot know which clock is right, only what shows that two
 * differ, and whether its own is before a time that has certainly passed.
 */
#include "pzp/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "pzp/internal.h"
#include "pzp/renewal.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

struct pz_clocks {
	struct pz_node *node;
	struct pz_clock_watch watch;
};

/* ---- this device's clock ---- */

static void
check(const struct pz_node *node)
{
	struct pz_errinfo info = {""};

	if (pz_clock_check(node->config.env, &info) == PZ_OK)
		pz_condition_clear(node->conditions, PZ_CONDITION_CLOCK_WRONG, "");
	else
		pz_condition_raise(node->conditions, PZ_CONDITION_CLOCK_WRONG, "", "%s", info.text);
}

/* What was refused because of dates may be taken now, and our own certificate may be due. */
static void
on_jump(void *arg, int64_t by_ms)
{
	const struct pz_clocks *clocks = arg;
	const struct pz_node *node = clocks->node;

	(void)by_ms;
	check(node);
	pz_renewal_check(node->renewal);
	if (node->is_stopping)
		return;
	pz_uplink_network_changed(node->uplink);
	pz_peers_network_changed(node->peers);
}

struct pz_clocks *
pz_clocks_new(struct pz_node *node)
{
	struct pz_clocks *clocks = calloc(1, sizeof(*clocks));

	if (clocks)
		clocks->node = node;
	return clocks;
}

void
pz_clocks_free(struct pz_clocks *clocks)
{
	if (clocks == NULL)
		return;
	pz_clock_watch_stop(&clocks->watch);
	free(clocks);
}

void
pz_clocks_start(struct pz_clocks *clocks)
{
	pz_clock_watch_start(&clocks->watch, clocks->node->config.env, on_jump, clocks);
	check(clocks->node);
}

void
pz_clocks_look(struct pz_clocks *clocks)
{
	pz_clock_watch_look(&clocks->watch);
}

/* ---- beside those of others ---- */

/* Its own certificate was signed then, by the hub's clock. */
static bool
is_behind(const struct pz_node *node)
{
	return node->zone.membership != NULL &&
	       pz_env_wall_ms(node->config.env) < pz_cert_not_before_ms(node->zone.membership->tls);
}

static const char *
whose(const struct pz_node *node)
{
	return is_behind(node) ? "this device's clock is behind: its own certificate begins later"
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
pz_clocks_see_tag(struct pz_node *node, const char *device, int days)
{
	char here[32];

	if (days >= -1 && days <= 1) { /* midnight passes everywhere at another time */
		pz_condition_clear(node->conditions, PZ_CONDITION_CLOCKS_APART, device);
		return;
	}
	date_of(pz_env_wall_ms(node->config.env), here);
	pz_condition_raise(node->conditions, PZ_CONDITION_CLOCKS_APART, device,
			   "%s announces itself on the local network with a date %d days %s, "
			   "here it is %s: %s",
			   device, days < 0 ? -days : days, days < 0 ? "ago" : "ahead", here,
			   whose(node));
}

void
pz_clocks_see_hub(struct pz_node *node, int64_t ahead_ms)
{
	uint64_t apart = ahead_ms < 0 ? -(uint64_t)ahead_ms : (uint64_t)ahead_ms;
	char there[32], here[32];

	if (apart < PZ_CLOCKS_APART_MS) {
		pz_condition_clear(node->conditions, PZ_CONDITION_CLOCKS_APART, "hub");
		return;
	}
	uint64_t now = pz_env_wall_ms(node->config.env);
	date_of(now, here);
	date_of(now + (uint64_t)ahead_ms, there);
	pz_condition_raise(node->conditions, PZ_CONDITION_CLOCKS_APART, "hub",
			   "the hub's clock says %s, this device's clock says %s: %s", there, here,
			   whose(node));
}

void
pz_clocks_see_refusal(struct pz_node *node, const char *who, enum pz_err why, const char *detail)
{
	if (why == PZ_ERR_DENIED_EXPIRED)
		pz_condition_raise(node->conditions, PZ_CONDITION_CERTIFICATE_DATE, who,
				   "the certificate of %s does not count today: %s; %s", who,
				   detail, whose(node));
	else if (why == PZ_ERR_DENIED_REMOTE_DATE)
		pz_condition_raise(
			node->conditions, PZ_CONDITION_CERTIFICATE_DATE, who,
			"%s says that this device's certificate does not count today; %s", who,
			whose(node));
}

void
pz_clocks_see_link(struct pz_node *node, const char *who)
{
	pz_condition_clear(node->conditions, PZ_CONDITION_CERTIFICATE_DATE, who);
}
