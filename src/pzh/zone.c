/* Selects the hosted zone of a command. */
#include "pzh/internal.h"
#include "wire/json.h"

bool
pz_pzh_choose_zone(struct pz_request *request, struct pz_hosted **out)
{
	struct pz_errinfo info = {""};
	enum pz_err err = pz_hub_choose_zone(pz_pzh_hub(request),
					     pz_json_str(request->params, "zone"), out, &info);

	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
	return err == PZ_OK;
}
