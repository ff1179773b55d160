#include "learning.h"

#include <stdio.h>
#include <string.h>

#include "calls/friends.h"
#include "harness.h"
#include "pzp/internal.h"

#define LOOK_US (20 * SIM_MS)
#define STALE_US (3 * SIM_MINUTE) /* what was sent may wait so long for a network that is cut */

static void
note_shown(struct learning *l, uint64_t now_us)
{
	for (size_t a = 0; a < LEARNING_ZONES; a++) {
		struct pz_sync_item *item =
			l->hub[a]->is_running ? inspect_policies(l->hub[a], l->zones[a]) : NULL;
		for (size_t k = 0; k < LEARNING_DEVICES && item; k++)
			for (size_t b = 0; b < LEARNING_ZONES; b++)
				if (l->is_shown(item, l->zones[b], l->devices[k]))
					l->shown_us[a][k][b] = now_us;
	}
}

/* Whether a device knows where one of another zone is. */
static bool
has_addresses(const struct learning *l, const json_t *list, size_t zone, size_t device)
{
	char id[PZ_ADDRESS_BYTES_MAX + 1];
	const json_t *one;
	size_t i;

	snprintf(id, sizeof(id), "%s/%s", l->zones[zone], l->devices[device]);
	json_array_foreach (list, i, one)
		if (strcmp(json_string_value(json_object_get(one, "id")), id) == 0)
			return json_array_size(json_object_get(one, "addresses")) > 0;
	return false;
}

static void
look_at(struct learning *l, struct world *world, size_t b, size_t j, uint64_t now_us)
{
	json_t *list = json_array();

	if (l->device[b][j]->is_running)
		pz_calls_friend_peers(l->device[b][j]->node->calls, list);
	for (size_t a = 0; a < LEARNING_ZONES; a++)
		for (size_t k = 0; k < LEARNING_DEVICES && a != b; k++) {
			bool *knows = &l->knows[b][j][a][k], had = *knows;

			*knows = has_addresses(l, list, a, k);
			if (!*knows || had)
				continue;
			l->learnt++;
			sim_check(world,
				  l->shown_us[a][k][b] && now_us - l->shown_us[a][k][b] < STALE_US,
				  "%s learns where %s/%s is, which its zone does not show",
				  l->device[b][j]->name, l->zones[a], l->devices[k]);
		}
	json_decref(list);
}

/* Between any two events that are so far apart; never true. */
bool
learning_look(struct world *world, void *arg)
{
	struct learning *l = arg;
	uint64_t now_us = world->now_us;

	if (now_us < l->looked_us + LOOK_US)
		return false;
	l->looked_us = now_us;
	note_shown(l, now_us);
	for (size_t b = 0; b < LEARNING_ZONES; b++)
		for (size_t j = 0; j < LEARNING_DEVICES; j++)
			look_at(l, world, b, j, now_us);
	return false;
}
