/*
 * Page 15 "A hop" in a zone with many nodes, of which one or two lie and all disconnect at times:
 * devices are isolated from each other, killed, revoked and enrolled again, and reach each other or
 * the hub through any relay that claims to reach them. Whatever the liars do: no request is
 * executed under a name that the link has not proved, for a device that is known to be revoked, or
 * twice; every call ends in time, with its own answer or an error of the network; a revoked device
 * has no link with a device that knows of the revocation (town.c); and the honest nodes find each
 * other again.
 */
#include "harness.h"
#include "ledger.h"
#include "liar.h"
#include "pzp/node.h"
#include "town.h"

#define WHOLE_AGAIN_US (162 * SIM_S) /* noticed, the longest pause, connected */
#define OPEN_MAX 40
#define PADDING_MAX (600 << 10) /* more than a window, so that credit counts */

struct story {
	struct town town;
	struct ledger *ledger;
	struct rng *rng;
	bool is_private;
};

/* ---- what happens ---- */

static struct sim_node *
any_member(struct story *s)
{
	struct sim_node *device = town_any_device(&s->town);

	return town_is_member(device) ? device : NULL;
}

static void
do_call(struct story *s)
{
	struct sim_node *from = any_member(s), *to = town_any_device(&s->town);

	if (from && from != to && ledger_open(s->ledger) < OPEN_MAX)
		ledger_call(s->ledger, from, to,
			    rng_chance(s->rng, 50) ? 0 : rng_spread(s->rng, SIM_MS, 10 * SIM_S),
			    true);
}

/* Relays are of use where others have no way. */
static void
do_cut_or_mend(struct story *s)
{
	struct sim_node *a = town_anybody(&s->town), *b = town_anybody(&s->town);

	if (a == b)
		return;
	world_partition(a, b, rng_chance(s->rng, 65));
	if (rng_chance(s->rng, 40))
		(void)vnet_break_one(a->world->net, a->host, b->host, rng_chance(s->rng, 30));
	if (rng_chance(s->rng, 20) && !a->is_hub && a->is_running)
		pz_node_network_changed(a->node);
}

static void
do_connect(struct story *s)
{
	struct sim_node *a = any_member(s), *b = town_any_device(&s->town);

	if (a && a != b)
		sim_call_free(sim_command(a, rng_chance(s->rng, 85) ? "connect" : "disconnect",
					  json_pack("{s:s}", "peer", b->name)));
}

static void
do_reconnect(struct story *s)
{
	struct sim_node *a = any_member(s);

	if (a)
		sim_call_free(sim_command(a, "reconnect", json_object()));
}

static void
do_lie(struct story *s)
{
	(void)s;
	liar_act();
}

static void
do_end(struct story *s)
{
	struct sim_node *a = town_anybody(&s->town);
	unsigned how = (unsigned)rng_below(s->rng, 3);

	if (!a->is_running)
		return;
	ledger_excuse(s->ledger);
	if (how == 0)
		sim_stop(a);
	else
		sim_crash(a, how == 1 ? VNET_DEATH_RESET : VNET_DEATH_SILENT);
}

static void
do_start(struct story *s)
{
	struct sim_node *a = town_anybody(&s->town);

	if (!a->is_running)
		sim_start(a);
}

/* A liar, too, which then has what it keeps open and knows to play. */
static void
do_revoke(struct story *s)
{
	struct sim_node *a = town_any_device(&s->town);

	if (!s->town.hub->is_running)
		return;
	ledger_revoke(s->ledger, a);
	town_revoke(&s->town, a);
}

static void
do_enrol(struct story *s)
{
	struct sim_node *a = town_any_device(&s->town);

	if (s->town.hub->is_running && a->is_running && !town_is_member(a))
		town_enrol(&s->town, a);
}

static const struct deed {
	unsigned weight;
	void (*act)(struct story *s);
} deeds[] = {
	{40, do_call}, {18, do_cut_or_mend}, {12, do_connect}, {4, do_reconnect}, {12, do_lie},
	{4, do_end},   {8, do_start},        {2, do_revoke},   {6, do_enrol},
};

static void
act(struct story *s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		sum += deeds[i].weight;
	unsigned at = (unsigned)rng_below(s->rng, sum);
	const struct deed *deed = deeds;
	while (at >= deed->weight)
		at -= (deed++)->weight;
	deed->act(s);
}

static void
happen(struct story *s, unsigned count, uint64_t pause_us)
{
	for (unsigned i = 0; i < count; i++) {
		act(s);
		town_run(&s->town, rng_below(s->rng, pause_us));
		ledger_check(s->ledger);
	}
}

/* ---- the end of it ---- */

static void
mend_all(struct story *s)
{
	struct town *t = &s->town;

	for (size_t i = 0; i < t->count; i++) {
		world_partition(t->device[i], t->hub, false);
		for (size_t k = i + 1; k < t->count; k++)
			world_partition(t->device[i], t->device[k], false);
	}
	vnet_calm(t->world->net);
	vnet_reset_silent(t->world->net);
	if (!t->hub->is_running)
		sim_start(t->hub);
	for (size_t i = 0; i < t->count; i++)
		if (!t->device[i]->is_running)
			sim_start(t->device[i]);
}

static void
settle_members(struct story *s)
{
	struct town *t = &s->town;

	for (size_t i = 0; i < t->count; i++) {
		struct sim_node *device = t->device[i];
		sim_check(t->world, !town_is_member(device) || town_is_admitted(t, device),
			  "%s was revoked, met the hub, and has not heard of it", device->name);
		if (!town_is_member(device))
			town_enrol(t, device);
		sim_check(t->world, town_is_member(device), "%s cannot be enrolled", device->name);
		ledger_readmit(s->ledger, device);
	}
}

/* A link that a liar carries is as good as any other one until the liar lies about it. */
static void
link_all(struct town *t)
{
	for (size_t i = 0; i < t->count; i++)
		for (size_t k = i + 1; k < t->count; k++)
			sim_call_free(sim_command(t->device[i], "connect",
						  json_pack("{s:s}", "peer", t->device[k]->name)));
	town_run(t, 20 * SIM_S);
}

/* The liars go on with it, but there are other ways again. */
static void
find_back(struct story *s)
{
	struct town *t = &s->town;

	mend_all(s);
	for (size_t i = 0; i < t->count; i++)
		pz_node_network_changed(t->device[i]->node);
	town_run(t, WHOLE_AGAIN_US);
	settle_members(s);
	town_run(t, WHOLE_AGAIN_US);
	ledger_settle(s->ledger);
	sim_check(t->world, zone_await_all(t->hub, WHOLE_AGAIN_US), "not all are connected");
	link_all(t);
	for (size_t i = 0; i < t->count; i++)
		for (size_t k = 0; k < t->count; k++)
			if (i != k)
				ledger_call(s->ledger, t->device[i], t->device[k], 0,
					    liar_is(t->device[i]) || liar_is(t->device[k]));
	ledger_settle(s->ledger);
}

/* ---- scenarios ---- */

static void
be_private(struct story *s)
{
	struct town *t = &s->town;

	json_decref(sim_do(t->device[0], "prefs",
			   json_pack("{s:s, s:b}", "key", "private", "value", 1), SIM_S));
	town_run(t, 5 * SIM_S);
	for (size_t i = 0; i < t->count; i++)
		json_decref(sim_do(t->device[i], "reconnect", json_object(), 20 * SIM_S));
}

static void
run_story(struct world *world, bool is_private)
{
	struct story s = {
		.ledger = ledger_new(world), .rng = &world->rng, .is_private = is_private};
	struct town *t = &s.town;
	unsigned count = (unsigned)rng_between(s.rng, 20, 120);
	uint64_t pause_us = rng_spread(s.rng, 100 * SIM_MS, 30 * SIM_S);

	ledger_pad(s.ledger, PADDING_MAX);
	town_make(t, world);
	vnet_weather(world->net)->latency_max_us = rng_spread(s.rng, SIM_MS, 100 * SIM_MS);
	if (is_private)
		be_private(&s);
	liar_begin(world, is_private && rng_chance(s.rng, 50) ? t->hub : t->device[0]);
	if (rng_chance(s.rng, 50))
		liar_begin(world, t->device[1]);
	if (rng_chance(s.rng, 70))
		liar_must_tell(LIE_OPEN);
	if (rng_chance(s.rng, 30) && !liar_is(t->hub))
		liar_must_tell(LIE_SPEAK);
	happen(&s, count, pause_us);
	find_back(&s);
	liar_end(world);
	sim_note(world, "answered %zu, failed %zu", ledger_answered(s.ledger),
		 ledger_failed(s.ledger));
	ledger_free(s.ledger);
}

static void
run_zone(struct world *world)
{
	run_story(world, false);
}

static void
run_private(struct world *world)
{
	run_story(world, true);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"zone", 4, run_zone},
		{"private", 3, run_private},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
