/*
 * The exceptions of this device, on its disk: one record of the store, and beside it the former
 * one, so that the owner can go back. One transaction writes both, so a crash leaves the old or the
 * new.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "policies/grants.h"
#include "policies/internal.h"

#define SPACE "policies"
#define KEY "exceptions"
#define FORMER_KEY "exceptions.previous"

/* ---- from the disk ---- */

static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct pz_policies *p = arg;
	struct pz_policy_record record;
	struct pz_errinfo info = {""};

	if (strcmp(key, KEY) != 0)
		return PZ_OK;
	enum pz_err err = pz_policy_record_parse(value, &record, &info);
	if (err == PZ_OK)
		err = pz_policy_record_check(&record, NULL, NULL, &info);
	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	if (err == PZ_OK)
		pz_policies_put(p, PZ_POLICY_SLOT_EXCEPTIONS, PZ_POLICIES_VALID, &record.version,
				record.document);
	else /* it denied calls that are unknown now */
		pz_policies_put_corrupt(p, PZ_POLICY_SLOT_EXCEPTIONS, info.text);
	return PZ_OK;
}

enum pz_err
pz_policies_load(struct pz_policies *p, struct pz_errinfo *info)
{
	PZ_TRY(pz_store_load(p->config.store, SPACE, load_one, p, info));
	PZ_TRY(pz_grants_load(p, info));
	return pz_policies_load_counters(p, info);
}

/* ---- to the disk ---- */

static void
write_free(void *arg)
{
	struct pz_policies_write *w = arg;

	if (w == NULL)
		return;
	free(w->text);
	free(w);
}

static void
apply(struct pz_policies *p, const struct pz_policies_write *w)
{
	struct pz_policy_record record;

	if (w->text == NULL)
		pz_policies_put_nothing(p, PZ_POLICY_SLOT_EXCEPTIONS);
	else if (pz_policy_record_parse(pz_slice_str(w->text), &record, NULL) == PZ_OK)
		pz_policies_put(p, PZ_POLICY_SLOT_EXCEPTIONS, PZ_POLICIES_VALID, &record.version,
				record.document);
	else
		pz_policies_put_corrupt(p, PZ_POLICY_SLOT_EXCEPTIONS, "out of memory");
}

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	struct pz_policies_write *w = arg;

	if (w->policies) {
		w->policies->write = NULL;
		if (err == PZ_OK)
			apply(w->policies, w);
		if (w->done)
			w->done(w->arg, err, detail);
	}
	write_free(w);
}

/* The current document of the slot becomes the former one. */
static enum pz_err
keep_former(const struct pz_policies *p, struct pz_txn *txn)
{
	const struct pz_policies_content *c = &p->contents[PZ_POLICY_SLOT_EXCEPTIONS];
	char *text = NULL;

	if (c->state != PZ_POLICIES_VALID)
		return PZ_OK;
	PZ_TRY(pz_policy_record_make(&c->version, pz_slice_of(c->text, c->len), NULL, NULL, &text,
				     NULL));
	enum pz_err err = pz_txn_put(txn, SPACE, FORMER_KEY, pz_slice_str(text));
	free(text);
	return err;
}

static enum pz_err
fill(const struct pz_policies *p, const struct pz_policies_write *w, struct pz_txn *txn)
{
	PZ_TRY(keep_former(p, txn));
	return w->text ? pz_txn_put(txn, SPACE, KEY, pz_slice_str(w->text))
		       : pz_txn_remove(txn, SPACE, KEY);
}

static enum pz_err
commit(struct pz_policies *p, struct pz_policies_write *w)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn == NULL || fill(p, w, txn) != PZ_OK) {
		pz_txn_free(txn);
		return PZ_ERR_LIMIT_MEMORY;
	}
	p->write = w;
	pz_txn_on_drop(txn, write_free);
	pz_store_commit(p->config.store, txn, on_written, w);
	return PZ_OK;
}

static enum pz_err
check_text(struct pz_policies *p, struct pz_slice text, struct pz_errinfo *info)
{
	struct pz_policy_fault fault = {0, {""}};
	struct pz_policy_document *doc = NULL;

	enum pz_err err = pz_policies_parse(p, text, &doc, &fault);
	pz_policy_document_unref(doc);
	return err == PZ_OK ? err
			    : pz_fail(info, err, "line %u: %s", fault.line,
				      pz_errinfo_text(&fault.info, err));
}

static enum pz_err
make_record(struct pz_policies *p, struct pz_slice text, const char *author, char **out,
	    struct pz_errinfo *info)
{
	const struct pz_policies_content *c = &p->contents[PZ_POLICY_SLOT_EXCEPTIONS];
	struct pz_policy_version v = {
		.slot = PZ_POLICY_SLOT_EXCEPTIONS,
		.sequence = c->version.sequence + 1,
		.time_ms = pz_env_wall_ms(p->config.env),
	};

	if (text.ptr == NULL)
		return PZ_OK;
	PZ_TRY(check_text(p, text, info));
	snprintf(v.author, sizeof(v.author), "%s", author);
	return pz_policy_record_make(&v, text, NULL, NULL, out, info);
}

enum pz_err
pz_policies_set_exceptions(struct pz_policies *p, struct pz_slice text, uint64_t base,
			   const char *author,
			   void (*done)(void *arg, enum pz_err err, const char *detail), void *arg,
			   struct pz_errinfo *info)
{
	const struct pz_policies_content *c = &p->contents[PZ_POLICY_SLOT_EXCEPTIONS];
	char *record = NULL;

	if (p->write)
		return pz_fail(info, PZ_ERR_EXISTS,
			       "another change of the exceptions is being stored; try again");
	if (base != c->version.sequence)
		return pz_fail(info, PZ_ERR_EXISTS,
			       "conflict: the exceptions have changed meanwhile; the change is "
			       "based on version %llu, now there is %llu",
			       (unsigned long long)base, (unsigned long long)c->version.sequence);
	PZ_TRY(make_record(p, text, author, &record, info));
	struct pz_policies_write *w = calloc(1, sizeof(*w));
	if (w == NULL) {
		free(record);
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	}
	*w = (struct pz_policies_write){.policies = p, .text = record, .done = done, .arg = arg};
	enum pz_err err = commit(p, w);
	if (err != PZ_OK)
		write_free(w);
	return err == PZ_OK ? err : pz_fail(info, err, "%s", pz_err_text(err));
}

enum pz_err
pz_policies_wipe(struct pz_policies *p, struct pz_txn *txn)
{
	PZ_TRY(pz_txn_remove_space(txn, SPACE));
	PZ_TRY(pz_grants_wipe(p, txn));
	return pz_policies_wipe_counters(txn);
}
