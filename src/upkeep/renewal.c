/* Renewal of the PZP TLS certificate: on the device, no hub needed, links stay (page 2). */
#include <stdlib.h>

#include "upkeep/internal.h"

/* A new certificate that is being stored. */
struct attempt {
	struct pz_upkeep *upkeep;
	struct pz_membership *fresh;
};

/* The store ends before the commit; the next start removes the key. */
static void
drop_attempt(void *arg)
{
	struct attempt *attempt = arg;

	pz_membership_free(attempt->fresh);
	free(attempt);
}

static void
on_renewed(void *arg, enum pz_err err, const char *detail)
{
	struct attempt *attempt = arg;
	struct pz_upkeep *upkeep = attempt->upkeep;
	const struct pz_upkeep_config *c = &upkeep->config;
	struct pz_errinfo info = {""};

	upkeep->is_renewing = false;
	/* The zone may have been left during the commit: then the wipe removes what was stored. */
	if (err != PZ_OK || c->zone->membership == NULL || c->ops->is_leaving(c->arg)) {
		if (err != PZ_OK) {
			pz_upkeep_note_renewal(upkeep, detail);
			pz_error("renewal-not-stored",
				 "the new certificate was not stored, will try again: %s", detail);
			(void)!pz_keystore_remove(c->keys, attempt->fresh->tls_key_uri);
		}
		pz_membership_free(attempt->fresh);
	} else if (c->ops->renewed(c->arg, attempt->fresh, &info) != PZ_OK) {
		pz_upkeep_note_renewal(upkeep, info.text);
		pz_error("renewal-not-used", "%s", info.text);
	} else {
		pz_upkeep_note_renewal(upkeep, "");
		pz_notice("renewal", "device=%s new TLS certificate", c->self);
	}
	free(attempt);
}

static void
renew(struct pz_upkeep *upkeep)
{
	const struct pz_upkeep_config *c = &upkeep->config;
	struct pz_errinfo info = {""};
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (attempt && txn)
		err = pz_membership_renew(c->zone->membership, c->keys, upkeep->env, txn,
					  &attempt->fresh, &info);
	if (err != PZ_OK) {
		pz_upkeep_note_renewal(upkeep, pz_errinfo_text(&info, err));
		pz_error("renewal-attempt-failed", "failed, will try again: %s",
			 pz_errinfo_text(&info, err));
		free(attempt);
		pz_txn_free(txn);
		return;
	}
	attempt->upkeep = upkeep;
	upkeep->is_renewing = true;
	pz_txn_on_drop(txn, drop_attempt);
	pz_store_commit(c->store, txn, on_renewed, attempt);
}

void
pz_upkeep_renew_if_due(struct pz_upkeep *upkeep)
{
	const struct pz_upkeep_config *c = &upkeep->config;

	if (c->zone->membership == NULL || c->ops->is_leaving(c->arg) || upkeep->is_renewing ||
	    upkeep->is_ending)
		return;
	if (pz_membership_is_renewal_due(c->zone->membership, upkeep->env))
		renew(upkeep);
	else
		pz_upkeep_note_renewal(upkeep, ""); /* a wrong clock was corrected since */
}
