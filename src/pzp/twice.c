#include "pzp/twice.h"

#include <stdlib.h>

#include "wire/json.h"

#define TURNS_TOLD 3
#define FORGOTTEN_US (600 * PZ_US_PER_S)

struct twice {
	struct pz_node *node;
	unsigned turns;
	struct pz_timer over;
};

static void
on_over(struct pz_timer *timer, void *arg)
{
	struct twice *twice = arg;

	(void)timer;
	twice->turns = 0;
	pz_condition_clear(twice->node->conditions, PZ_CONDITION_IDENTITY_TWICE, NULL);
}

struct twice *
twice_new(struct pz_node *node)
{
	struct twice *twice = calloc(1, sizeof(*twice));

	if (twice == NULL)
		return NULL;
	twice->node = node;
	pz_timer_init(&twice->over, on_over, twice);
	return twice;
}

void
twice_free(struct twice *twice)
{
	if (twice == NULL)
		return;
	pz_env_stop(twice->node->config.env, &twice->over);
	free(twice);
}

/* We have one link to the hub at a time: it is another process whose link replaces it. */
void
twice_on_bye(struct pz_node *node, const json_t *message)
{
	const char *here = pz_json_str(message, "replaced"), *there = pz_json_str(message, "by");
	struct twice *twice = node->twice;

	if (here == NULL || there == NULL)
		return;
	twice->turns++;
	pz_env_start(node->config.env, &twice->over, FORGOTTEN_US);
	if (twice->turns >= TURNS_TOLD)
		pz_condition_raise(node->conditions, PZ_CONDITION_IDENTITY_TWICE, node->self,
				   "another machine has the identity of this device, and the two "
				   "throw each other out by turns: the hub sees this one at %.64s, "
				   "the other one at %.64s",
				   here, there);
}
