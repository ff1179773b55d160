/* Renewal of the PZP TLS certificate: on the device, no hub needed, links stay (page 2). */
#include <stdlib.h>

#include "pzp/membership.h"
#include "pzp/wipe.h"

struct renewal {
	struct pz_node *node;
	struct pz_membership *fresh;
};

static void
on_renewed(void *arg, enum pz_err err, const char *detail)
{
	struct renewal *renewal = arg;
	struct pz_node *node = renewal->node;
	struct pz_errinfo info = {""};

	node->is_renewing = false;
	if (err != PZ_OK || node->zone.membership == NULL || pz_wipe_is_running(node->wipe)) {
		if (err != PZ_OK) {
			pz_warnings_renewal(node, detail);
			pz_error("renewal-not-stored",
				 "the new certificate was not stored, will try again: %s", detail);
			(void)!pz_keystore_remove(node->config.keys, renewal->fresh->tls_key_uri);
		}
		pz_membership_free(renewal->fresh);
	} else if (pz_node_set_membership(node, renewal->fresh, &info) != PZ_OK) {
		pz_warnings_renewal(node, info.text);
		pz_error("renewal-not-used", "%s", info.text);
	} else {
		pz_warnings_renewal(node, "");
		pz_notice("renewal", "device=%s new TLS certificate", node->self);
		pz_node_sweep_keys(node);
	}
	free(renewal);
}

static void
renew(struct pz_node *node)
{
	struct pz_errinfo info = {""};
	struct renewal *renewal = calloc(1, sizeof(*renewal));
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (renewal && txn)
		err = pz_membership_renew(node->zone.membership, node->config.keys,
					  node->config.env, txn, &renewal->fresh, &info);
	if (err != PZ_OK) {
		pz_warnings_renewal(node, pz_errinfo_text(&info, err));
		pz_error("renewal-attempt-failed", "failed, will try again: %s",
			 pz_errinfo_text(&info, err));
		free(renewal);
		pz_txn_free(txn);
		return;
	}
	renewal->node = node;
	node->is_renewing = true;
	pz_store_commit(node->config.store, txn, on_renewed, renewal);
}

void
pz_renewal_check(struct pz_node *node)
{
	if (node->zone.membership && !pz_wipe_is_running(node->wipe) && !node->is_renewing &&
	    !node->is_stopping &&
	    pz_membership_is_renewal_due(node->zone.membership, node->config.env))
		renew(node);
}
