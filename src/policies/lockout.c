/*
 * Checks whether a new policy would lock its owner out, before it is stored: afterwards only a file
 * on the device could repair it. One request represents all: devices of the owner search for
 * services.
 */
#include "policies/lockout.h"

#include "policy/decide.h"

#define DISCOVERY "http://webinos.org/api/discovery"

static enum pz_err
set(struct pz_policy_request *request, enum pz_policy_category category, const char *name,
    const char *value)
{
	const struct pz_slice values[] = {pz_slice_str(value)};

	return value ? pz_policy_request_set(request, category, pz_slice_str(name), values, 1, NULL)
		     : PZ_OK;
}

static enum pz_err
fill(struct pz_policy_request *request, const char *zone, const char *device,
     const struct tm *local)
{
	request->identities.owner = pz_slice_str(zone);
	request->identities.device = pz_slice_str(device);
	PZ_TRY(set(request, PZ_POLICY_SUBJECT, "user-id", zone));
	PZ_TRY(set(request, PZ_POLICY_SUBJECT, "requestor-id", device));
	PZ_TRY(set(request, PZ_POLICY_SUBJECT, "target-id", device));
	PZ_TRY(set(request, PZ_POLICY_RESOURCE, "api-feature", DISCOVERY));
	return pz_policy_request_complete(request, local);
}

enum pz_err
pz_policies_check_lockout(const struct pz_policy_document *document, const char *zone,
			  const char *device, const struct tm *local, struct pz_errinfo *info)
{
	PZ_AUTO(pz_policy_request_free) struct pz_policy_request *request = pz_policy_request_new();
	struct pz_policy_slots slots = {.document = {[PZ_POLICY_SLOT_USER] = document}};

	if (request == NULL || fill(request, zone, device, local) != PZ_OK)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	/* Any other effect leaves a way: a prompt, or a default. */
	if (pz_policy_decide(&slots, request, 0).effect != PZ_POLICY_DENY)
		return PZ_OK;
	return pz_fail(info, PZ_ERR_DENIED,
		       "this policy locks the owner out: the owner's own devices may not even look "
		       "for services; add a rule that permits it, or use --force");
}
