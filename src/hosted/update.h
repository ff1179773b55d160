/* `Update` (page 4): sends the devices what has changed about the others, several changes at once.
 */
#ifndef PZ_HOSTED_UPDATE_H
#define PZ_HOSTED_UPDATE_H

#include <jansson.h>

#include "base/err.h"
#include "base/timer.h"

struct pz_hosted;
struct pz_link;
struct pz_member;

/** Changes that wait to be sent. */
struct pz_hosted_updates {
	json_t *changed; /* devices whose entry has changed: {name: true} */
	struct pz_timer timer;
	uint64_t sent_us; /* when the last one was sent */
};

/** Errors: LIMIT_MEMORY. pz_hosted_update_fini in any case. */
enum pz_err pz_hosted_update_init(struct pz_hosted *zone) PZ_MUST_USE;
/** Frees what waits. A zeroed zone is fine. */
void pz_hosted_update_fini(struct pz_hosted *zone);
/** Sends nothing more by itself: the zone is being removed. */
void pz_hosted_update_stop(struct pz_hosted *zone);

/** The member's entry has changed: all devices are sent it soon, together with other changes. */
void pz_hosted_member_changed(struct pz_hosted *zone, struct pz_member *member);
/** A device comes back: the change that it had gone, if it still waits, is sent first, so that
 * others end what its former session had begun. */
void pz_hosted_update_before_return(struct pz_hosted *zone, const struct pz_member *member);
/** Sends all entries over a new link, and closes the link when that fails. */
void pz_hosted_send_whole_update(struct pz_hosted *zone, struct pz_link *link);

#endif
