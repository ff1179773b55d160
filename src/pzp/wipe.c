/*
 * Leaving a zone: because the user wants it (`pzp leave`), or because this device is revoked. All
 * steps are here, in the only order that works:
 *
 *  1. The link to the hub ends: the machine has done that (PZ_ACT_CLEAN_AND_WIPE), with all effects
 *  of a lost link. Until then the hub could have sent more data of the zone.
 *  2. Direct links end with a bye, while this device still has a name and a certificate.
 *  3. One transaction removes what binds the device to the zone, and what the zone synchronised:
 *     membership, revocation lists, members, where the hub is, shared data, policies. A crash
 *     leaves all of it or none; after a crash before the commit the device is revoked again, or the
 *     user repeats the command. The store overwrites the removed data (scrub). From step 2 to the
 *     end of the commit nothing else of the zone is written (pz_wipe_is_running).
 *  4. When the commit has ended, memory follows, whether it succeeded or not: a revoked device must
 *     not act as a member because its disk is full. First the zone's data, then the preferences
 *     that it held, so that neither is read again; then the membership, with which address, TLS
 *     contexts, server and announcements go; then what hub and peers sent about devices and
 *     services, and the conditions about them.
 *  5. The keys are removed last, and only after a commit: at the next start a membership that is
 *  still stored needs them.
 *  6. The machine is virgin, from which an enrolment may begin.
 *
 * A failed commit is tried again each minute, until it succeeds or a new membership replaces the
 * old one.
 * @spec page 14 WIP-1, WIP-2, WIP-4, WIP-5
 */
#include "pzp/wipe.h"

#include <stdlib.h>

#include "audit/audit.h"
#include "base/log.h"
#include "calls/discovery.h"
#include "pairing/pairing.h"
#include "pzp/membership.h"
#include "pzp/policy_ops.h"
#include "transfer/transfer.h"

#define RETRY_US (60 * PZ_US_PER_S)

struct pz_wipe {
	struct pz_node *node;
	struct pz_timer retry;
	unsigned holds; /* enrolments */
	bool is_running, has_failed;
};

static void
try_later(struct pz_wipe *wipe)
{
	pz_env_start(wipe->node->config.env, &wipe->retry, RETRY_US);
}

/* ---- the first time ---- */

/* Step 4. */
static void
leave_in_memory(struct pz_node *node)
{
	struct pz_errinfo info = {""};

	pz_zonedata_wiped(node->zonedata);
	pz_transfers_wiped(node->transfers);
	pz_apps_wiped(node->apps.apps);
	pz_pairing_wiped(node->pairing);
	if (pz_node_set_membership(node, NULL, &info) != PZ_OK)
		pz_error("wipe-memory", "%s", info.text);
	pz_uplink_forget(node->uplink);
	pz_discovery_forget_all(node->calls);
	pz_conditions_clear_all(node->conditions);
	pz_policies_wiped(node->judge.policies);
	pz_manifests_wiped(node->judge.manifests);
}

static void
on_wiped(void *arg, enum pz_err err, const char *detail)
{
	struct pz_wipe *wipe = arg;
	struct pz_node *node = wipe->node;
	struct pz_errinfo reason = {""};

	wipe->is_running = false;
	wipe->has_failed = err != PZ_OK;
	if (err != PZ_OK) {
		(void)pz_fail(&reason, err,
			      "out of the zone, but its data could not be removed from the store "
			      "(%s); it is tried again while the daemon runs",
			      detail);
		pz_error("wipe-failed", "%s", reason.text);
		try_later(wipe);
	}
	leave_in_memory(node);
	if (err != PZ_OK) /* it was cleared with the zone's conditions, but persists */
		pz_condition_outcome(node->conditions, PZ_CONDITION_STORE_FAILED, err, detail);
	pz_audit_wiped(node->judge.audit, err == PZ_OK);
	if (err == PZ_OK)
		pz_node_sweep_keys(node);
	(void)pz_machine_event(pz_uplink_machine(node->uplink), PZ_EVENT_WIPED,
			       err == PZ_OK ? NULL : reason.text);
}

/* All data of the zone except that of `zonedata`, which is wiped first. */
static enum pz_err
remove_rest(struct pz_wipe *wipe, struct pz_txn *txn)
{
	struct pz_node *node = wipe->node;

	PZ_TRY(pz_policies_wipe(node->judge.policies, txn));
	PZ_TRY(pz_manifests_wipe(txn));
	PZ_TRY(pz_pairing_wipe(node->pairing, txn));
	PZ_TRY(pz_transfers_wipe(txn));
	PZ_TRY(pz_apps_wipe(txn));
	PZ_TRY(pz_prompts_wipe(pz_asking_prompts(node->judge.asking), txn));
	return pz_audit_wipe(node->judge.audit, txn);
}

void
pz_wipe_start(struct pz_wipe *wipe)
{
	struct pz_node *node = wipe->node;

	if (wipe->is_running)
		return;
	wipe->is_running = true;
	pz_peers_leave(node->peers);
	pz_prompts_wiped(pz_asking_prompts(
		node->judge.asking)); /* no answer is written after the removal of all */
	struct pz_txn *txn = pz_txn_new();
	if (txn == NULL || pz_zonedata_wipe(node->zonedata, txn) != PZ_OK ||
	    remove_rest(wipe, txn) != PZ_OK) {
		pz_txn_free(txn);
		on_wiped(wipe, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	pz_txn_scrub(txn);
	pz_store_commit(node->config.store, txn, on_wiped, wipe);
}

/* ---- again ---- */

static void
on_wiped_again(void *arg, enum pz_err err, const char *detail)
{
	struct pz_wipe *wipe = arg;

	(void)detail;
	wipe->is_running = false;
	pz_audit_wiped(wipe->node->judge.audit, err == PZ_OK);
	if (err != PZ_OK) {
		try_later(wipe);
		return;
	}
	wipe->has_failed = false;
	pz_notice("wiped-again", "the zone's data is removed from the store now");
	if (wipe->holds == 0)
		pz_node_sweep_keys(wipe->node);
}

/* Not while an enrolment is being stored, whose records would be removed with the old ones. */
static void
on_retry(struct pz_timer *timer, void *arg)
{
	struct pz_wipe *wipe = arg;
	const struct pz_node *node = wipe->node;
	struct pz_txn *txn = NULL;

	(void)timer;
	if (!wipe->has_failed || node->zone.membership)
		return;
	if (wipe->holds == 0)
		txn = pz_txn_new();
	if (txn == NULL || pz_zonedata_wipe_again(node->zonedata, txn) != PZ_OK ||
	    remove_rest(wipe, txn) != PZ_OK) {
		pz_txn_free(txn);
		try_later(wipe);
		return;
	}
	wipe->is_running = true;
	pz_txn_scrub(txn);
	pz_store_commit(node->config.store, txn, on_wiped_again, wipe);
}

bool
pz_wipe_is_running(const struct pz_wipe *wipe)
{
	return wipe->is_running;
}

bool
pz_wipe_has_failed(const struct pz_wipe *wipe)
{
	return wipe->has_failed;
}

void
pz_wipe_hold(struct pz_wipe *wipe)
{
	wipe->holds++;
}

void
pz_wipe_release(struct pz_wipe *wipe)
{
	wipe->holds--;
}

bool
pz_wipe_replaced(struct pz_wipe *wipe)
{
	bool had_failed = wipe->has_failed;

	wipe->has_failed = false;
	return had_failed;
}

/* ---- life ---- */

struct pz_wipe *
pz_wipe_new(struct pz_node *node)
{
	struct pz_wipe *wipe = calloc(1, sizeof(*wipe));

	if (wipe == NULL)
		return NULL;
	wipe->node = node;
	pz_timer_init(&wipe->retry, on_retry, wipe);
	return wipe;
}

void
pz_wipe_free(struct pz_wipe *wipe)
{
	if (wipe == NULL)
		return;
	pz_env_stop(wipe->node->config.env, &wipe->retry);
	free(wipe);
}
