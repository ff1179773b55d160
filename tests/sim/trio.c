#include "trio.h"

void
trio_make(struct trio *t, struct world *world)
{
	static const char *const names[TRIO] = {"car", "phone", "laptop"};
	size_t first = (size_t)rng_below(&world->rng, TRIO);

	world_add_lan(world);
	*t = (struct trio){.world = world, .ledger = ledger_new(world), .hub = zone_make(world)};
	for (size_t i = 0; i < TRIO; i++)
		t->device[i] = zone_add(t->hub, names[(first + i) % TRIO]);
	world_run(world, 2 * SIM_S);
}

void
trio_end(struct trio *t)
{
	ledger_settle(t->ledger);
	sim_note(t->world, "answered %zu, failed %zu", ledger_answered(t->ledger),
		 ledger_failed(t->ledger));
	ledger_free(t->ledger);
}

void
trio_call_all(struct trio *t, bool may_fail)
{
	for (size_t i = 0; i < TRIO; i++)
		for (size_t k = 0; k < TRIO; k++)
			if (i != k)
				ledger_call(t->ledger, t->device[i], t->device[k], 0, may_fail);
	ledger_settle(t->ledger);
}
