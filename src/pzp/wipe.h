/* Inside pzp/ only: the zone is left. Everything that is bound to it goes, from memory and disk
 * (wipe.c says in which order). */
#ifndef PZ_PZP_WIPE_H
#define PZ_PZP_WIPE_H

#include "pzp/internal.h"

struct pz_wipe;

/** @param node outlives it. NULL: out of memory. */
struct pz_wipe *pz_wipe_new(struct pz_node *node);
/** Commits are polled or dropped with the store. NULL is fine. */
void pz_wipe_free(struct pz_wipe *wipe);
/** Begins to leave the zone; the link to the hub is gone already. Ends with PZ_EVENT_WIPED, also
 * when the disk refuses: then it is tried again while the daemon runs. */
void pz_wipe_start(struct pz_wipe *wipe);
/** True from pz_wipe_start until memory is out of the zone, and while the disk is tried again: what
 * is written meanwhile would be of no zone. */
bool pz_wipe_is_running(const struct pz_wipe *wipe);
/** True while the device is virgin, but what binds it to the former zone is still stored. */
bool pz_wipe_has_failed(const struct pz_wipe *wipe);
/** An enrolment begins: its keys stay, and the disk is not tried again, until pz_wipe_release. */
void pz_wipe_hold(struct pz_wipe *wipe);
/** An enrolment has ended. */
void pz_wipe_release(struct pz_wipe *wipe);
/** A new membership is stored: what could not be removed is replaced by it. @return true: there was
 * such, and all else of the zone has to be stored again, too */
bool pz_wipe_replaced(struct pz_wipe *wipe);

#endif
