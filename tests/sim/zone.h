/* What every scenario needs of a zone: made, devices enrolled, everybody calls everybody. */
#ifndef PZ_SIM_ZONE_H
#define PZ_SIM_ZONE_H

#include "world.h"

#define SIM_ZONE "alice@example.org"

/** Starts a hub "hub.example" and makes the zone. */
struct sim_node *zone_make(struct world *world);
/** A fresh code's enrolment link; the caller frees. */
char *zone_token(struct sim_node *hub);
/** Enrols a running virgin device; it has to succeed. */
void zone_enrol(struct sim_node *hub, struct sim_node *device);
/** Adds, starts and enrols; waits until it is connected. */
struct sim_node *zone_add(struct sim_node *hub, const char *name);

/** Starts `get42` with this text on the test service of another device. */
struct sim_call *zone_call(struct sim_node *from, const char *to, const char *text);
/** Whether the call brought the answer to that text. */
bool zone_is_answered(const struct sim_call *call, const char *text);
/** Code of the JSON-RPC error that the call brought; 0: none. */
int zone_error_code(const struct sim_call *call);

/** Waits until every running device is connected and the hub has as many links; false: too late. */
bool zone_await_all(struct sim_node *hub, uint64_t duration_us);
/** Idle nodes send nothing: few events within 20 s. */
void zone_check_quiet(struct world *world);
/** Every device calls every other, and gets its answer. */
void zone_check_calls(struct world *world);

#endif
