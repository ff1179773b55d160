/* Renewal of the PZP TLS certificate: on the device, no hub needed, links stay (page 2). */
#include "pzp/renewal.h"

#include <stdlib.h>

#include "pzp/membership.h"
#include "pzp/wipe.h"

#define CHECK_US (3600 * PZ_US_PER_S)

struct pz_renewal {
	struct pz_node *node;
	struct pz_timer hourly;
	bool is_under_way;
};

/* A new certificate on its way to the disk. */
struct attempt {
	struct pz_renewal *renewal;
	struct pz_membership *fresh;
};

/* The store ends before the commit does; the key is swept at the next start. */
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
	struct pz_node *node = attempt->renewal->node;
	struct pz_errinfo info = {""};

	attempt->renewal->is_under_way = false;
	if (err != PZ_OK || node->zone.membership == NULL || pz_wipe_is_running(node->wipe)) {
		if (err != PZ_OK) {
			pz_warnings_renewal(node, detail);
			pz_error("renewal-not-stored",
				 "the new certificate was not stored, will try again: %s", detail);
			(void)!pz_keystore_remove(node->config.keys, attempt->fresh->tls_key_uri);
		}
		pz_membership_free(attempt->fresh);
	} else if (pz_node_set_membership(node, attempt->fresh, &info) != PZ_OK) {
		pz_warnings_renewal(node, info.text);
		pz_error("renewal-not-used", "%s", info.text);
	} else {
		pz_warnings_renewal(node, "");
		pz_notice("renewal", "device=%s new TLS certificate", node->names.self);
		pz_node_sweep_keys(node);
	}
	free(attempt);
}

static void
renew(struct pz_renewal *renewal)
{
	const struct pz_node *node = renewal->node;
	struct pz_errinfo info = {""};
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (attempt && txn)
		err = pz_membership_renew(node->zone.membership, node->config.keys,
					  node->config.env, txn, &attempt->fresh, &info);
	if (err != PZ_OK) {
		pz_warnings_renewal(renewal->node, pz_errinfo_text(&info, err));
		pz_error("renewal-attempt-failed", "failed, will try again: %s",
			 pz_errinfo_text(&info, err));
		free(attempt);
		pz_txn_free(txn);
		return;
	}
	attempt->renewal = renewal;
	renewal->is_under_way = true;
	pz_txn_on_drop(txn, drop_attempt);
	pz_store_commit(node->config.store, txn, on_renewed, attempt);
}

void
pz_renewal_check(struct pz_renewal *renewal)
{
	const struct pz_node *node = renewal->node;

	if (node->zone.membership && !pz_wipe_is_running(node->wipe) && !renewal->is_under_way &&
	    !node->is_stopping &&
	    pz_membership_is_renewal_due(node->zone.membership, node->config.env))
		renew(renewal);
}

static void
on_hour(struct pz_timer *timer, void *arg)
{
	struct pz_renewal *renewal = arg;

	pz_renewal_check(renewal);
	pz_warnings_check(renewal->node);
	pz_env_start(renewal->node->config.env, timer, CHECK_US);
}

void
pz_renewal_start(struct pz_renewal *renewal)
{
	on_hour(&renewal->hourly, renewal);
}

struct pz_renewal *
pz_renewal_new(struct pz_node *node)
{
	struct pz_renewal *renewal = calloc(1, sizeof(*renewal));

	if (renewal == NULL)
		return NULL;
	renewal->node = node;
	pz_timer_init(&renewal->hourly, on_hour, renewal);
	return renewal;
}

void
pz_renewal_free(struct pz_renewal *renewal)
{
	if (renewal == NULL)
		return;
	pz_env_stop(renewal->node->config.env, &renewal->hourly);
	free(renewal);
}
