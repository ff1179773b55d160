/* Answers the dispatcher's permission hook (service/dispatch.h) by access control. @spec page 7, 8a
 */
#ifndef PZ_ACCESS_PERMIT_H
#define PZ_ACCESS_PERMIT_H

#include "access/access.h"
#include "service/dispatch.h"

/**
 * Judges what a dispatcher asks. Sets query->was_asked.
 * @param access NULL: everything is denied
 * @param done called with the ticket of the query when a person has answered; NULL: no person is
 * asked
 * @param arg for it
 */
enum pz_permit pz_access_permit(struct pz_access *access, struct pz_permit_query *query,
				pz_access_done done, void *arg) PZ_MUST_USE;
/** The dispatcher's value for a verdict. */
enum pz_permit pz_access_permit_of(enum pz_access_verdict verdict);
/**
 * Judges a call at the point SEND or SHOW, whose caller is `from`.
 * @param address of the node that has the service
 * @param function NULL: none yet
 */
bool pz_access_allows(struct pz_access *access, enum pz_access_point point, const char *from,
		      const char *address, const char *api, const char *service_id,
		      const char *function);

#endif
