/* The commands `user` and `name`: the user's details (page 8, item user-details) and the name of a
 * device for people (page 10, name). The effects of a change are in hosted/names.h. */
#include "shared/details.h"
#include "hosted/names.h"
#include "pzh/internal.h"
#include "wire/json.h"

static enum pz_err
on_write(void *arg, const char *key, const char *value, pz_shared_done done, void *done_arg,
	 struct pz_errinfo *info)
{
	const struct pz_hosted *zone = arg;

	return pz_shared_write(zone->shared, PZ_SYNC_USER_DETAILS, key, value, done, done_arg,
			       info);
}

static void
on_written(void *arg, const char *key)
{
	struct pz_hosted *zone = arg;

	pz_notice("user-details", "zone=%s key=%s changed by command", zone->authority->zone, key);
	pz_hosted_name_changed(zone, key);
}

static struct pz_details_owner
owner_of(struct pz_hosted *zone)
{
	return (struct pz_details_owner){
		.shared = zone->shared, .write = on_write, .written = on_written, .arg = zone};
}

void
pz_pzh_run_user(struct pz_request *request)
{
	struct pz_hosted *zone;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	const struct pz_details_owner owner = owner_of(zone);
	pz_details_user(request, &owner);
}

/* A revoked device keeps no name: the next device of that name would inherit it. */
static enum pz_err
check_device(const struct pz_hosted *zone, const char *device, struct pz_errinfo *info)
{
	const struct pz_member *member = pz_authority_member(zone->authority, device);

	if (member == NULL || member->revoked)
		return pz_fail(info, PZ_ERR_NOTFOUND, "zone %s has no device %.80s",
			       zone->authority->zone, device);
	return PZ_OK;
}

void
pz_pzh_run_name(struct pz_request *request)
{
	const char *device = pz_json_str(request->params, "device");
	struct pz_errinfo info = {""};
	struct pz_hosted *zone;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	enum pz_err err = check_device(zone, device, &info);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	const struct pz_details_owner owner = owner_of(zone);
	pz_details_name(request, &owner, device);
}
