/* A zone that moves to another hub, as `pzh export --moving-to` and `pzh import` do it (page 3). */
#ifndef PZ_SIM_MOVING_H
#define PZ_SIM_MOVING_H

#include "world.h"

/**
 * Moves a zone to a machine that is added and started, by the name that it gets. The former hub,
 * which has to run, sends the notice to those that are connected, and is off for ever afterwards.
 * @return the new hub
 */
struct sim_node *moving_move(struct sim_node *former, const char *zone, const char *host);
/** The owner gives each device that runs and has not received the notice the address of the hub. */
void moving_follow(struct sim_node *device, const char *host);

#endif
