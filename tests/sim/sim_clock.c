/*
 * The effect of clocks on a zone (page 2): certificates and CRL are renewed in time while links
 * stay up; a clock that is a day wrong gives a clear reason, and does no harm after it is
 * corrected.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "pzh/internal.h"
#include "pzp/internal.h"
#include "zone.h"

#define DAY_MS ((int64_t)86400 * 1000)
#define DEVICE_TLS_DAYS 90
#define HUB_TLS_DAYS 397
#define CRL_DAYS 30
/* Back-off takes 72 s at most, connecting 15 s (page 5). */
#define RECOVERY_US (87 * SIM_S)

/* ---- renewal ---- */

static const struct pz_authority *
authority_of(const struct sim_node *hub)
{
	return ((struct pz_hosted *)pz_map_get(hub->hub->zones, pz_slice_str(SIM_ZONE)))->authority;
}

/* Days from now; what is over counts as negative. */
static int
days_left(const struct sim_node *node, uint64_t until_ms)
{
	return (int)(((int64_t)until_ms - (int64_t)pz_env_wall_ms(&node->env)) / DAY_MS);
}

/* Renewed at two thirds: less than a third never remains, give or take an hour and a full disk. */
static void
check_lives(const struct sim_node *hub, const struct sim_node *device, int tolerance_days)
{
	const struct pz_authority *a = authority_of(hub);
	int device_days =
		days_left(device, pz_cert_not_after_ms(device->node->zone.membership->tls));
	int hub_days = days_left(hub, pz_cert_not_after_ms(a->tls));
	int crl_days = days_left(hub, pz_crl_next_update_ms(a->crl));

	sim_check(hub->world, device_days >= DEVICE_TLS_DAYS / 3 - 1 - tolerance_days,
		  "the device's certificate ends in %d days and was not renewed", device_days);
	sim_check(hub->world, hub_days >= HUB_TLS_DAYS / 3 - 1 - tolerance_days,
		  "the hub's certificate ends in %d days and was not renewed", hub_days);
	sim_check(hub->world, crl_days >= CRL_DAYS / 2 - 1 - tolerance_days,
		  "the CRL ends in %d days and was not renewed", crl_days);
	sim_check(hub->world, sim_count_keys(hub) == 2 && sim_count_keys(device) == 2,
		  "keys are left over: hub %zu, device %zu", sim_count_keys(hub),
		  sim_count_keys(device));
}

static void
start_both_again(struct sim_node *hub, struct sim_node *device)
{
	sim_stop(hub);
	sim_stop(device);
	sim_start(hub);
	sim_start(device);
	sim_check(hub->world, zone_await_all(hub, RECOVERY_US),
		  "no connection with the renewed certificates");
	sim_check(hub->world, sim_count_keys(hub) == 2 && sim_count_keys(device) == 2,
		  "keys are left over: hub %zu, device %zu", sim_count_keys(hub),
		  sim_count_keys(device));
}

static void
run_days(struct world *world, unsigned days)
{
	struct sim_node *hub, *device, *full = NULL;
	unsigned full_day = days, full_days = (unsigned)rng_between(&world->rng, 1, 3);

	hub = zone_make(world);
	sim_stop(hub);
	hub->keepalive_us = 6 * 3600 * SIM_S; /* page 5's 30 s would be a lot of nothing */
	sim_start(hub);
	device = zone_add(hub, "phone");
	unsigned changes = device->changes;
	uint64_t opened = pz_metric_get(pz_hub_metrics(hub->hub), PZ_METRIC_links_opened);
	if (rng_chance(&world->rng, 50)) { /* a disk that is full just when it is time */
		full = rng_chance(&world->rng, 50) ? hub : device;
		full_day = 59;
	}
	for (unsigned day = 0; day < days; day++) {
		if (full && day == full_day)
			pz_memory_disk_fail_after(full->disk, 0);
		if (full && day == full_day + full_days)
			pz_memory_disk_fail_after(full->disk, SIZE_MAX);
		world_run(world, SIM_DAY);
		bool is_full = full && day >= full_day && day < full_day + full_days;
		check_lives(hub, device, is_full ? (int)full_days : 0);
	}
	sim_check(world, device->changes == changes && sim_is_connected(device),
		  "the link did not stay up");
	sim_check(world, pz_metric_get(pz_hub_metrics(hub->hub), PZ_METRIC_links_opened) == opened,
		  "another link was opened");
	start_both_again(hub, device);
}

static void
run_70_days(struct world *world)
{
	run_days(world, 70);
}

static void
run_300_days(struct world *world)
{
	run_days(world, 300);
}

/* ---- two years ---- */

static bool
is_connected(struct world *world, void *arg)
{
	(void)world;
	return sim_is_connected(arg);
}

/* Each connected device has a certificate that is good, and the hub's newest list. */
static void
check_is_fresh(const struct sim_node *hub, const struct sim_node *device)
{
	const struct pz_authority *a = authority_of(hub);
	const struct pz_crl *crl;
	int days;

	if (!sim_is_connected(device))
		return;
	crl = pz_device_zone_crl(&device->node->zone);
	days = days_left(device, pz_cert_not_after_ms(device->node->zone.membership->tls));
	sim_check(hub->world, days >= DEVICE_TLS_DAYS / 3 - 1,
		  "%s is connected, and its certificate ends in %d days", device->name, days);
	sim_check(hub->world, pz_crl_number(crl) == pz_crl_number(a->crl),
		  "%s has list %llu, the hub %llu", device->name,
		  (unsigned long long)pz_crl_number(crl),
		  (unsigned long long)pz_crl_number(a->crl));
	sim_check(hub->world, days_left(hub, pz_crl_next_update_ms(crl)) >= CRL_DAYS / 2 - 1,
		  "the list of %s was not renewed", device->name);
}

static void
come_back(struct sim_node *device)
{
	sim_start(device);
	sim_check(device->world, world_run_until(device->world, RECOVERY_US, is_connected, device),
		  "%s does not come back: %s", device->name,
		  pz_uplink_machine(device->node->uplink)->reason);
	world_run(device->world, SIM_MINUTE); /* to receive what is new */
}

/* The link of one that is always on is lost now and then: what it shows next must be the newest. */
static void
lose_link(struct sim_node *device)
{
	json_decref(sim_do(device, "disconnect", json_object(), SIM_MINUTE));
	json_decref(sim_do(device, "connect", json_object(), SIM_MINUTE));
	world_run(device->world, SIM_MINUTE);
}

static void
check_warned(struct sim_node *device, bool is_old)
{
	json_t *warnings = pz_upkeep_warnings(device->node->upkeep);

	sim_check(device->world, (json_array_size(warnings) > 0) == is_old, "%s has %zu warnings",
		  device->name, json_array_size(warnings));
	json_decref(warnings);
}

/* The hub and the phone are never started again, the tablet is on for some days and off for some,
 * and the one in the cellar is forgotten there for more than a year. */
static void
run_two_years(struct world *world)
{
	enum { DAYS = 730, FORGOTTEN = 40, FOUND = 40 + 400 };
	struct sim_node *hub = world_add_hub(world, "hub.example"), *phone, *tablet, *cellar;
	unsigned toggle = 0;
	uint64_t number = 0;

	hub->keepalive_us = 6 * 3600 * SIM_S;
	sim_start(hub);
	json_decref(sim_do(hub, "init",
			   json_pack("{s:s, s:s}", "zone", SIM_ZONE, "host", "hub.example"),
			   10 * SIM_S));
	phone = zone_add(hub, "phone");
	tablet = zone_add(hub, "tablet");
	cellar = zone_add(hub, "cellar");
	for (unsigned day = 0; day < DAYS; day++) {
		if (day == FORGOTTEN)
			sim_stop(cellar);
		if (day == FOUND) {
			come_back(cellar);
			check_warned(cellar, false);
		}
		if (day == toggle && tablet->is_running)
			sim_stop(tablet);
		else if (day == toggle)
			come_back(tablet);
		if (day == toggle)
			toggle += (unsigned)rng_spread(&world->rng, 1, 100);
		if (rng_chance(&world->rng, 3))
			lose_link(phone);
		world_run(world, SIM_DAY);
		sim_check(world, pz_crl_number(authority_of(hub)->crl) >= number,
			  "the number of the list went down");
		number = pz_crl_number(authority_of(hub)->crl);
		check_lives(hub, phone, 0);
		sim_check(world, sim_is_connected(phone), "the phone is not connected");
		check_is_fresh(hub, phone);
		if (tablet->is_running)
			check_is_fresh(hub, tablet);
		if (cellar->is_running)
			check_is_fresh(hub, cellar);
	}
	sim_check(world, number > DAYS / CRL_DAYS, "the list was renewed %d times only",
		  (int)number);
	if (!tablet->is_running)
		come_back(tablet);
	zone_check_calls(world);
}

/* The hub is away for so long that its devices' lists grow old: they say so, and stay devices. */
static void
run_no_hub(struct world *world)
{
	struct sim_node *hub = zone_make(world), *device = zone_add(hub, "phone");

	json_decref(sim_do(device, "disconnect", json_object(), SIM_MINUTE));
	sim_stop(hub);
	check_warned(device, false);
	world_run(world, CRL_DAYS * SIM_DAY + SIM_DAY);
	check_warned(device, true);
	sim_check(world, sim_is_enrolled(device), "it gave up its zone");
	sim_check(world,
		  days_left(device, pz_cert_not_after_ms(device->node->zone.membership->tls)) > 0,
		  "its certificate ended");
	sim_start(hub);
	json_decref(sim_do(device, "connect", json_object(), SIM_MINUTE));
	sim_check(world, zone_await_all(hub, RECOVERY_US), "not connected again");
	world_run(world, SIM_MINUTE);
	check_warned(device, false);
}

/* ---- a clock that is off ---- */

static bool
has_reason(struct world *world, void *arg)
{
	const struct sim_node *device = arg;
	const char *reason = pz_uplink_machine(device->node->uplink)->reason;

	(void)world;
	return strstr(reason, "not yet valid") || strstr(reason, "clock");
}

/* One failure may look like a lost connection, but not all of them. */
static void
check_reason(struct sim_node *device)
{
	sim_check(device->world, world_run_until(device->world, 5 * SIM_MINUTE, has_reason, device),
		  "%s does not say that a clock is wrong: '%s'", device->name,
		  pz_uplink_machine(device->node->uplink)->reason);
}

/* Enrolled with a right clock; then one of both, when it starts again, is off by about a day. */
static void
run_clock_off(struct world *world)
{
	struct sim_node *hub = zone_make(world), *device = zone_add(hub, "phone");
	struct sim_node *off = rng_chance(&world->rng, 50) ? hub : device;
	int64_t days = rng_chance(&world->rng, 50) ? 1 : -1;
	int64_t right_ms = off->wall_skew_ms;

	sim_stop(off);
	off->wall_skew_ms += days * DAY_MS + (int64_t)rng_below(&world->rng, 7200000) - 3600000;
	sim_start(off);
	world_run(world, rng_between(&world->rng, 20, 600) * SIM_S);
	/* What was made a day ago is valid on a clock that is ahead, and on one that is behind not
	 * yet. */
	if (days > 0) {
		sim_check(world, zone_await_all(hub, RECOVERY_US), "a clock ahead does no harm");
	} else {
		sim_check(world, !sim_is_connected(device),
			  "connected with a certificate that is not valid yet");
		check_reason(device);
	}
	off->wall_skew_ms = right_ms;
	sim_check(world, world_run_until(world, RECOVERY_US, is_connected, device),
		  "%s has a right clock again, and is not connected: %s", off->name,
		  pz_uplink_machine(device->node->uplink)->reason);
	sim_check(world, zone_await_all(hub, SIM_S), "not connected");
}

/* The device's clock is off while it enrols. */
static void
run_enrol_off(struct world *world)
{
	struct sim_node *hub = zone_make(world), *device = world_add_device(world, "phone");
	int64_t days = rng_chance(&world->rng, 50) ? 1 : -1, right_ms = device->wall_skew_ms;
	char *link = zone_token(hub);

	device->wall_skew_ms += days * DAY_MS + (int64_t)rng_below(&world->rng, 7200000) - 3600000;
	sim_start(device);
	struct sim_call *call = sim_command(device, "enrol", json_pack("{s:s}", "link", link));
	free(link);
	sim_await(call, SIM_MINUTE);
	sim_check(world, call->is_done, "enrol does not end");
	world_run(world, rng_between(&world->rng, 5, 600) * SIM_S);
	if (days < 0) {
		sim_check(world, call->err != PZ_OK && sim_count_keys(device) == 0,
			  "enrolled with a certificate that is not valid yet");
		check_reason(device);
	} else if (!sim_is_connected(device)) {
		check_reason(device);
	}
	sim_call_free(call);
	device->wall_skew_ms = right_ms;
	sim_note(world, "the clock is right");
	if (!sim_is_enrolled(device))
		zone_enrol(hub, device);
	/* The next attempt may still be made with a certificate of the future. */
	sim_check(world, world_run_until(world, 2 * RECOVERY_US, is_connected, device),
		  "the clock is right, and %s is not connected: %s", device->name,
		  pz_uplink_machine(device->node->uplink)->reason);
}

/* While a link is up a clock may jump as it likes. */
static void
run_clock_jumps(struct world *world)
{
	struct sim_node *hub = zone_make(world), *device = zone_add(hub, "phone");
	struct sim_node *off = rng_chance(&world->rng, 50) ? hub : device;
	int64_t right_ms = off->wall_skew_ms;
	unsigned changes = device->changes;

	for (int i = 0; i < 5; i++) {
		off->wall_skew_ms =
			right_ms + (int64_t)rng_below(&world->rng, 4 * DAY_MS) - 2 * DAY_MS;
		world_run(world, rng_spread(&world->rng, 1, 7200) * SIM_S);
	}
	off->wall_skew_ms = right_ms;
	sim_check(world, device->changes == changes, "a jump of the clock has cost a link");
	world_run(world, 2 * 3600 * SIM_S);
	start_both_again(hub, device);
}

static const char *
auto_of(struct sim_node *device)
{
	json_t *one = sim_do(device, "prefs", json_pack("{s:s}", "key", "peer.auto"), SIM_S);
	const json_t *pending = json_object_get(one, "pending");
	bool is_on = json_is_true(pending ? pending : json_object_get(one, "value"));

	json_decref(one);
	return is_on ? "true" : "false";
}

/* Minutes apart: the last change counts, for all. */
static void
run_changes_with_wrong_clocks(struct world *world)
{
	struct sim_node *hub = zone_make(world);
	struct sim_node *devices[] = {zone_add(hub, "phone"), zone_add(hub, "tv")};
	const char *value = "false";

	for (int i = 0; i < 2; i++)
		devices[i]->wall_skew_ms = (int64_t)rng_below(&world->rng, 1200000) - 600000;
	for (int i = 0; i < 2; i++)
		json_decref(sim_do(devices[i], "sync", json_object(), SIM_MINUTE));
	for (int i = 0; i < 6; i++) {
		struct sim_node *writer = devices[rng_below(&world->rng, 2)];
		value = value[0] == 't' ? "false" : "true";
		json_decref(sim_do(writer, "prefs",
				   json_pack("{s:s, s:s}", "key", "peer.auto", "value", value),
				   SIM_S));
		world_run(world, rng_between(&world->rng, 1, 600) * SIM_S);
		for (int j = 0; j < 2; j++)
			sim_check(world, strcmp(auto_of(devices[j]), value) == 0,
				  "%s: what was last set is not what %s has", value,
				  devices[j]->name);
	}
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"clock-off", 40, run_clock_off},
		{"enrol-off", 40, run_enrol_off},
		{"clock-jumps", 20, run_clock_jumps},
		{"70-days", 6, run_70_days},
		{"300-days", 2, run_300_days},
		{"two-years", 1, run_two_years},
		{"no-hub", 1, run_no_hub},
		{"changes", 20, run_changes_with_wrong_clocks},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
