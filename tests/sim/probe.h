/* A service that a scenario puts on its nodes: each call of its function `run` comes to it. */
#ifndef PZ_SIM_PROBE_H
#define PZ_SIM_PROBE_H

#include "service/service.h"
#include "world.h"

#define PROBE_API "http://example.org/api/probe"

/** One call; the probe answers it with true afterwards. */
typedef void (*probe_fn)(void *scene, struct sim_node *node, const struct pz_call *call);

/** Adds it to a node that has just started. @param scene borrowed, for `run` */
void probe_add(struct sim_node *node, void *scene, probe_fn run);

#endif
