/* A zone that moves to another hub, as `pzh export --moving-to` and `pzh import` do it (page 3). */
#ifndef PZ_SIM_MOVING_H
#define PZ_SIM_MOVING_H

#include "base/buf.h"
#include "world.h"

/**
 * Moves a zone to a machine that is added and started, by the name that it gets. The former hub,
 * which has to run, sends the notice to those that are connected, and is off for ever afterwards.
 * @return the new hub
 */
struct sim_node *moving_move(struct sim_node *former, const char *zone, const char *host);
/** The steps of it, which may fail. The notice is stored and sent when this is over; the machine
 * that the zone moves to has this name. */
void moving_announce(struct sim_node *former, const char *zone, const char *host);
/** Begins to write the archive. @param archive initialised, the caller's */
struct sim_call *moving_export(struct sim_node *former, const char *zone, struct pz_buf *archive);
/** Begins to read it, which uses it up. */
struct sim_call *moving_import(struct sim_node *hub, struct pz_buf *archive);

/** The owner gives each device that runs and has not received the notice the address of the hub. */
void moving_follow(struct sim_node *device, const char *host);

#endif
