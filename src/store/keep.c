/*
 * For data that counts in memory before it is on disk (synchronised items). When a commit fails,
 * everything is written again PZ_STORE_AGAIN_US later, as one transaction that replaces the stored
 * data, until it succeeds: so the contents of a failed commit need not be remembered. Success and
 * failure are logged once each.
 */
#include "store/keep.h"

#include "base/limits.h"
#include "base/log.h"

/* A timer that is running stays as it is. */
static void
start(struct pz_keep *keep)
{
	if (!keep->again.active)
		pz_env_start(keep->config.env, &keep->again, PZ_STORE_AGAIN_US);
}

/* Logged once: while the disk is full every attempt fails. */
void
pz_keep_failed(struct pz_keep *keep, enum pz_err err, const char *detail)
{
	/* The wipe removes the data anyway. */
	if (keep->is_ended)
		return;
	if (!keep->is_behind)
		pz_error("not-stored-yet", "%s is not stored yet; the store is tried again: %s",
			 keep->config.what, detail && detail[0] ? detail : pz_err_text(err));
	keep->is_behind = true;
	start(keep);
}

static void
on_committed(void *arg, enum pz_err err, const char *detail)
{
	if (err != PZ_OK)
		pz_keep_failed(arg, err, detail);
}

/* A commit that failed after this attempt began started the timer again: then the attempt's success
 * is not enough. */
static void
on_saved(void *arg, enum pz_err err, const char *detail)
{
	struct pz_keep *keep = arg;

	(void)detail;
	if (!keep->is_behind) /* stopped since */
		return;
	if (err != PZ_OK) {
		start(keep);
	} else if (!keep->again.active) {
		keep->is_behind = false;
		pz_notice("stored-again", "%s is stored now", keep->config.what);
	}
}

static void
on_again(struct pz_timer *timer, void *arg)
{
	struct pz_keep *keep = arg;
	struct pz_txn *txn = pz_txn_new();

	(void)timer;
	/* Everything as it is now, including what failed before. */
	if (txn && keep->config.save(keep->config.arg, txn) == PZ_OK) {
		keep->saves++;
		pz_store_commit(keep->config.store, txn, on_saved, keep);
		return;
	}
	pz_txn_free(txn);
	start(keep);
}

void
pz_keep_init(struct pz_keep *keep, const struct pz_keep_config *config)
{
	*keep = (struct pz_keep){.config = *config};
	pz_timer_init(&keep->again, on_again, keep);
}

void
pz_keep_commit(struct pz_keep *keep, struct pz_txn *takes)
{
	pz_store_commit(keep->config.store, takes, on_committed, keep);
}

void
pz_keep_save_now(struct pz_keep *keep)
{
	/* Nothing is missing: what was committed is stored or being written. */
	if (!keep->again.active)
		return;
	pz_env_stop(keep->config.env, &keep->again);
	on_again(&keep->again, keep);
}

void
pz_keep_end(struct pz_keep *keep)
{
	pz_keep_stop(keep);
	keep->is_ended = true;
}

/* The end of the zone removed it from the disk: everything is written again. */
void
pz_keep_resume(struct pz_keep *keep, const char *why)
{
	keep->is_ended = false;
	pz_keep_failed(keep, PZ_ERR_IO, why);
}

void
pz_keep_stop(struct pz_keep *keep)
{
	pz_env_stop(keep->config.env, &keep->again);
	keep->is_behind = false;
}
