/* Moves of a hub that fail halfway, in the scene of friends_scene.h (page 3). */
#ifndef PZ_SIM_FRIENDS_MOVING_H
#define PZ_SIM_FRIENDS_MOVING_H

#include "world.h"

/** Scenario: the machine to which a zone moves refuses the archive, or dies while it reads it; the
 * former hub dies while it writes it, or comes back when the zone has left; the notice reaches some
 * devices and friends only. In the end, with the documented commands, there is one hub that does
 * all that hubs do. */
void friends_run_broken_move(struct world *world);

#endif
