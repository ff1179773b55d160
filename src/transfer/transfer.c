/* The transfers as a whole. */
#include "transfer/transfer.h"

#include <stdlib.h>

#include "transfer/internal.h"

enum pz_err
pz_transfers_new(const struct pz_transfers_config *config, struct pz_transfers **out,
		 struct pz_errinfo *info)
{
	struct pz_transfers *transfers = calloc(1, sizeof(*transfers));

	if (transfers == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	transfers->config = *config;
	transfers->env = config->env;
	pz_receive_init(transfers);
	pz_send_init(transfers);
	enum pz_err err = pz_inbox_load(transfers, info);
	if (err != PZ_OK)
		pz_transfers_free(transfers);
	else
		*out = transfers;
	return err;
}

void
pz_transfers_free(struct pz_transfers *transfers)
{
	if (transfers == NULL)
		return;
	pz_env_stop(transfers->env, &transfers->pump);
	pz_receive_fini(transfers);
	json_decref(transfers->records);
	free(transfers);
}
