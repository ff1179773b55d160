/* The zone's data as a whole: its life. */
#include <stdlib.h>

#include "zonedata/internal.h"

struct pz_zonedata *
pz_zonedata_new(const struct pz_zonedata_config *config)
{
	struct pz_zonedata *data = calloc(1, sizeof(*data));

	if (data == NULL)
		return NULL;
	data->config = *config;
	data->env = config->env;
	data->zone = config->zone;
	data->refusals = json_object();
	pz_zonedata_store_init(data);
	if (pz_zonedata_exchange_init(data) != PZ_OK || data->refusals == NULL) {
		pz_zonedata_free(data);
		return NULL;
	}
	return data;
}

/* The exchange ends first, so that nothing it still requests is looked up later. */
void
pz_zonedata_free(struct pz_zonedata *data)
{
	if (data == NULL)
		return;
	pz_zonedata_exchange_fini(data);
	pz_zonedata_store_fini(data);
	json_decref(data->refusals);
	free(data);
}
