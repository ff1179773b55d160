/* The command `rights`: what a device may administer remotely. Only this hub's own command line
 * gives a right: a device that could give rights would have them all. @spec page 14 AC-10 */
#include <string.h>

#include "hosted/change.h"
#include "pzh/internal.h"
#include "wire/json.h"

static const struct pz_request_kind rights_kind = {.size = sizeof(struct pz_request *),
						   .goes_on = true};

static void
on_stored(void *arg, enum pz_err err, const char *detail, json_t *takes_result)
{
	struct pz_request **request = arg;

	pz_request_finish(*request, err, detail, takes_result);
}

static enum pz_err
find_member(struct pz_request *request, struct pz_hosted **out_zone,
	    const struct pz_member **out_member, struct pz_errinfo *info)
{
	const char *device = pz_json_str(request->params, "device");

	PZ_TRY(pz_hub_choose_zone(pz_pzh_hub(request), pz_json_str(request->params, "zone"),
				  out_zone, info));
	const struct pz_member *m = pz_authority_member((*out_zone)->authority, device);
	if (m == NULL || m->revoked)
		return pz_fail(info, PZ_ERR_NOTFOUND, "zone %s has no device %.80s",
			       (*out_zone)->authority->zone, device);
	*out_member = m;
	return PZ_OK;
}

static void
change(struct pz_request *request, struct pz_hosted *zone, const struct pz_member *m,
       const char *name)
{
	unsigned right = pz_right_find(name);

	if (right == 0) {
		pz_request_fail(request, PZ_ERR_CONFIG,
				"there is no such right; there are answer, policy and admin");
		return;
	}
	struct pz_request **kept = pz_request_begin(request, &rights_kind);
	if (kept == NULL)
		return;
	*kept = request;
	pz_hosted_set_right(zone, m->device, (enum pz_right)right,
			    json_is_true(json_object_get(request->params, "has")), on_stored, kept);
}

void
pz_pzh_run_rights(struct pz_request *request)
{
	const char *name = pz_json_str(request->params, "right");
	const struct pz_member *m = NULL;
	struct pz_errinfo info = {""};
	struct pz_hosted *zone;
	enum pz_err err = find_member(request, &zone, &m, &info);

	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
	else if (name)
		change(request, zone, m, name);
	else
		pz_request_answer(request, json_pack("{s:s, s:o}", "device", m->device, "rights",
						     pz_rights_json(pz_member_rights(m))));
}
