/* Devices of zones whose hubs are away pair side by side (page 6 "Strangers"). */
#ifndef PZ_SIM_FRIENDS_PAIRING_H
#define PZ_SIM_FRIENDS_PAIRING_H

#include "friends_scene.h"

/** Two devices pair, which has to succeed. @param remember what each person says */
void
friends_pair(struct scene *s, struct sim_node *one, struct sim_node *other, const bool remember[2]);

/** Scenario: what is remembered is a friendship of both zones as soon as the hubs are there, and
 * nothing more is allowed than before; what is not is forgotten with the daemon, and the third zone
 * learns of neither. */
void friends_run_pairing(struct world *world);
/** Scenario: one of the two dies when both have said yes. */
void friends_run_pairing_crash(struct world *world);
/** Scenario: the disk of one is full. */
void friends_run_pairing_full(struct world *world);

#endif
