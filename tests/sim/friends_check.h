/* What holds in the end between zones that are friends or not (friends_scene.h). */
#ifndef PZ_SIM_FRIENDS_CHECK_H
#define PZ_SIM_FRIENDS_CHECK_H

#include "friends_scene.h"

/** What is shared works, nothing else does, and each device knows of another zone what the policy
 * of that zone shows. */
void friends_check_end(struct scene *s);

#endif
