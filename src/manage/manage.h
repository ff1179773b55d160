/*
 * The object `PolicyManagement`: documents of the slots as JSON, tests, and changes. Calls come
 * from programs of the owner on this device only: access has permitted each before it comes here
 * (E7).
 * @spec page 9, 14
 */
#ifndef PZ_MANAGE_MANAGE_H
#define PZ_MANAGE_MANAGE_H

#include "base/list.h"
#include "command/request.h"
#include "policies/policies.h"
#include "service/service.h"

#define PZ_MANAGE_OBJECT "PolicyManagement"

/** Changes that wait for the hub or the disk. */
struct pz_manage {
	struct pz_requests *requests;
	struct pz_policies *policies;
	struct pz_list changes;
};

/** @param requests, policies borrowed */
void pz_manage_init(struct pz_manage *manage, struct pz_requests *requests,
		    struct pz_policies *policies);
/** Changes under way continue and are reported to no one. */
void pz_manage_fini(struct pz_manage *manage);
/** Serves a call, at once or later. @param params as received; may be NULL
 * @return false: there is no such method */
bool pz_manage_call(struct pz_manage *manage, struct pz_call *call, const char *function,
		    const json_t *params);
/** The call has ended without an answer: its caller has gone. */
void pz_manage_call_ended(struct pz_manage *manage, const struct pz_call *call);

#endif
