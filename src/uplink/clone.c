/* Detects another machine with this device's identity, for example from a copied disk: the hub
 * reports each time that it replaces our link with the other machine's. */
#include <stdlib.h>

#include "uplink/internal.h"

#include "wire/json.h"

#define TURNS_TOLD 3
#define FORGOTTEN_US (600 * PZ_US_PER_S)

struct pz_uplink_clone {
	struct pz_uplink *uplink;
	unsigned turns;
	struct pz_timer over;
};

static void
on_over(struct pz_timer *timer, void *arg)
{
	struct pz_uplink_clone *clone = arg;

	(void)timer;
	clone->turns = 0;
	pz_condition_clear(clone->uplink->config.conditions, PZ_CONDITION_IDENTITY_TWICE, NULL);
}

struct pz_uplink_clone *
pz_uplink_clone_new(struct pz_uplink *uplink)
{
	struct pz_uplink_clone *clone = calloc(1, sizeof(*clone));

	if (clone == NULL)
		return NULL;
	clone->uplink = uplink;
	pz_timer_init(&clone->over, on_over, clone);
	return clone;
}

void
pz_uplink_clone_free(struct pz_uplink_clone *clone)
{
	if (clone == NULL)
		return;
	pz_env_stop(clone->uplink->env, &clone->over);
	free(clone);
}

/* We have one link to the hub at a time, so another process opened the link that replaced it. */
void
pz_uplink_clone_on_bye(struct pz_uplink *uplink, const json_t *message)
{
	const char *here = pz_json_str(message, "replaced"), *there = pz_json_str(message, "by");
	struct pz_uplink_clone *clone = uplink->clone;

	if (here == NULL || there == NULL)
		return;
	clone->turns++;
	pz_env_start(uplink->env, &clone->over, FORGOTTEN_US);
	if (clone->turns >= TURNS_TOLD)
		pz_condition_raise(uplink->config.conditions, PZ_CONDITION_IDENTITY_TWICE,
				   uplink->config.self,
				   "another machine has the identity of this device, and the two "
				   "throw each other out by turns: the hub sees this one at %.64s, "
				   "the other one at %.64s",
				   here, there);
}
