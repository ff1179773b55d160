/* The command `watch`, and the events for the programs that it serves. */
#ifndef PZ_COMMAND_WATCH_H
#define PZ_COMMAND_WATCH_H

#include "command/request.h"

/** The handler of the command: the program is sent this event now, and those of pz_watch_event from
 * now on. @param takes_first NULL: out of memory, no event is sent */
void pz_watch_begin(struct pz_request *request, json_t *takes_first);
/** Sends every program that watches an event, with its time. @param takes_event object; NULL: out
 * of memory, nothing is sent */
void pz_watch_event(struct pz_requests *requests, json_t *takes_event);
/** True when a program watches. */
bool pz_watch_has_any(const struct pz_requests *requests);

#endif
