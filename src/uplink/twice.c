/* Another machine with this device's identity, for example from a copied disk: the hub says so each
 * time that it replaces our link with the other one's. */
#include <stdlib.h>

#include "uplink/internal.h"

#include "wire/json.h"

#define TURNS_TOLD 3
#define FORGOTTEN_US (600 * PZ_US_PER_S)

struct pz_uplink_twice {
	struct pz_uplink *uplink;
	unsigned turns;
	struct pz_timer over;
};

static void
on_over(struct pz_timer *timer, void *arg)
{
	struct pz_uplink_twice *twice = arg;

	(void)timer;
	twice->turns = 0;
	pz_condition_clear(twice->uplink->config.conditions, PZ_CONDITION_IDENTITY_TWICE, NULL);
}

struct pz_uplink_twice *
pz_uplink_twice_new(struct pz_uplink *uplink)
{
	struct pz_uplink_twice *twice = calloc(1, sizeof(*twice));

	if (twice == NULL)
		return NULL;
	twice->uplink = uplink;
	pz_timer_init(&twice->over, on_over, twice);
	return twice;
}

void
pz_uplink_twice_free(struct pz_uplink_twice *twice)
{
	if (twice == NULL)
		return;
	pz_env_stop(twice->uplink->env, &twice->over);
	free(twice);
}

/* We have one link to the hub at a time: so another process has opened the link that replaces it.
 */
void
pz_uplink_twice_on_bye(struct pz_uplink *uplink, const json_t *message)
{
	const char *here = pz_json_str(message, "replaced"), *there = pz_json_str(message, "by");
	struct pz_uplink_twice *twice = uplink->twice;

	if (here == NULL || there == NULL)
		return;
	twice->turns++;
	pz_env_start(uplink->env, &twice->over, FORGOTTEN_US);
	if (twice->turns >= TURNS_TOLD)
		pz_condition_raise(uplink->config.conditions, PZ_CONDITION_IDENTITY_TWICE,
				   uplink->config.self,
				   "another machine has the identity of this device, and the two "
				   "throw each other out by turns: the hub sees this one at %.64s, "
				   "the other one at %.64s",
				   here, there);
}
