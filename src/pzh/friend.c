/* The commands friend-invite, -accept, -list, -confirm and -remove for the owner at the hub itself;
 * hub/friend.h does the work. @spec page 6 "Friends"; page 12 "pzh" */
#include "hub/friend.h"

#include "pzh/internal.h"
#include "wire/json.h"

static void
on_result(void *arg, enum pz_err err, const char *detail, json_t *takes_result)
{
	pz_request_finish(arg, err, detail, takes_result);
}

static void
run(struct pz_request *request, const char *verb)
{
	struct pz_hosted *zone;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	/* Without a kind it continues: a pending store cannot be cancelled. */
	pz_hub_friend_run(zone, verb, request->params, "", on_result, request);
}

void
pz_pzh_run_friend_invite(struct pz_request *request)
{
	run(request, "invite");
}

void
pz_pzh_run_friend_accept(struct pz_request *request)
{
	run(request, "accept");
}

void
pz_pzh_run_friend_list(struct pz_request *request)
{
	run(request, "list");
}

void
pz_pzh_run_friend_confirm(struct pz_request *request)
{
	run(request, "confirm");
}

void
pz_pzh_run_friend_remove(struct pz_request *request)
{
	run(request, "remove");
}
