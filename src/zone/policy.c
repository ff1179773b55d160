/*
 * The owner's policy at the hub: one signed document with a number that only grows (page 9, 13).
 * Every change is a new record with the next number, signed by the zone's CA, and part of a change
 * of the zone (change.h): it is stored, then applied, then published. The former record is stored
 * beside it, for `pzh policy show --previous`.
 *
 * A hub that was restored from a backup has an older record than its devices. This CA signed what
 * they offer, so the hub adopts it unchanged. If the restored hub has signed another document with
 * the same number, the number does not show which is newer: the hub publishes the one that was
 * signed later under a new number, so that all devices agree again.
 *
 * A hub does not sign a policy that locks the owner out, unless the command forces it: the policy
 * would reach every device, and no device could call another to undo it.
 */
#include "zone/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "policies/lockout.h"
#include "wire/json.h"
#include "zone/change.h"

#define FORMER_KEY PZ_ZONE_POLICY_KEY ".previous"

/* ---- one document ---- */

/* The record is parsed in place: `record` points into `text`, so both live and go together. */
enum pz_err
pz_zone_policy_new(char *takes_text, struct pz_zone_policy **out, struct pz_errinfo *info)
{
	struct pz_zone_policy *policy = calloc(1, sizeof(*policy));
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (policy && takes_text)
		err = pz_policy_record_parse(pz_slice_str(takes_text), &policy->record, info);
	if (err != PZ_OK) {
		free(takes_text);
		free(policy);
		return err;
	}
	policy->text = takes_text;
	*out = policy;
	return PZ_OK;
}

/* ---- store ---- */

void
pz_authority_policy_space(const char *zone, char out[PZ_POLICY_SPACE_CHARS])
{
	snprintf(out, PZ_POLICY_SPACE_CHARS, "policy:%s", zone);
}

enum pz_err
pz_authority_put_policy(const struct pz_authority *a, const struct pz_zone_policy *policy,
			const struct pz_zone_policy *former, struct pz_txn *txn)
{
	char space[PZ_POLICY_SPACE_CHARS];

	pz_authority_policy_space(a->zone, space);
	if (former)
		PZ_TRY(pz_record_put(txn, space, FORMER_KEY,
				     json_pack("{s:s}", "record", former->text)));
	return pz_record_put(txn, space, PZ_ZONE_POLICY_KEY,
			     json_pack("{s:s}", "record", policy->text));
}

enum pz_err
pz_authority_read_policy(const json_t *record, struct pz_zone_policy **out, struct pz_errinfo *info)
{
	const char *text = pz_json_str(record, "record");

	if (text == NULL)
		return pz_fail(info, PZ_ERR_PROTO, "store: the zone's policy is not readable");
	char *copy = strdup(text);
	return copy ? pz_zone_policy_new(copy, out, info) : PZ_ERR_LIMIT_MEMORY;
}

struct load {
	const char *space, *key;
	struct pz_zone_policy *policy;
	struct pz_errinfo *info;
};

static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct load *load = arg;
	json_t *record = NULL;

	if (strcmp(key, load->key) != 0)
		return PZ_OK;
	PZ_TRY(pz_record_parse(load->space, key, value, &record, load->info));
	enum pz_err err = pz_authority_read_policy(record, &load->policy, load->info);
	json_decref(record);
	return err;
}

/* A stored record is checked like one from the network: the CA did not sign a file that was edited.
 */
static enum pz_err
load_record(struct pz_store *store, const struct pz_authority *a, const char *key,
	    struct pz_zone_policy **out, struct pz_errinfo *info)
{
	char space[PZ_POLICY_SPACE_CHARS];
	struct load load = {space, key, NULL, info};

	pz_authority_policy_space(a->zone, space);
	PZ_TRY(pz_store_load(store, space, load_one, &load, info));
	enum pz_err err =
		load.policy ? pz_policy_record_check(&load.policy->record, a->zone, a->ca, info)
			    : PZ_OK;
	if (err != PZ_OK)
		pz_zone_policy_free(load.policy);
	else
		*out = load.policy;
	return err;
}

enum pz_err
pz_authority_load_policy(struct pz_store *store, struct pz_authority *a, struct pz_errinfo *info)
{
	return load_record(store, a, PZ_ZONE_POLICY_KEY, &a->policy, info);
}

enum pz_err
pz_authority_former_policy(struct pz_store *store, const struct pz_authority *a,
			   struct pz_zone_policy **out, struct pz_errinfo *info)
{
	return load_record(store, a, FORMER_KEY, out, info);
}

/* ---- changes ---- */

uint64_t
pz_authority_policy_sequence(const struct pz_authority *a)
{
	return a->policy ? a->policy->record.version.sequence : 0;
}

/* Puts the new policy into a change and its transaction. Takes it. */
static enum pz_err
prepare(struct pz_authority *a, struct pz_zone_policy *takes, struct pz_txn *txn,
	struct pz_zone_change **out)
{
	struct pz_zone_change *change = calloc(1, sizeof(*change));

	if (change == NULL) {
		pz_zone_policy_free(takes);
		return PZ_ERR_LIMIT_MEMORY;
	}
	change->policy = takes;
	enum pz_err err = pz_authority_put_policy(a, takes, a->policy, txn);
	if (err == PZ_OK)
		*out = change;
	else
		pz_authority_drop(change);
	return err;
}

/* Signs a document with a number above `above`. */
static enum pz_err
sign(const struct pz_authority *a, struct pz_slice document, const char *author, uint64_t above,
     struct pz_zone_policy **out, struct pz_errinfo *info)
{
	struct pz_policy_version v = {
		.slot = PZ_POLICY_SLOT_USER,
		.sequence = above + 1,
		.time_ms = pz_env_wall_ms(a->env),
	};
	char *text = NULL;

	if (above >= PZ_SYNC_TIME_MS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "no sequence number is left");
	snprintf(v.author, sizeof(v.author), "%s", author);
	PZ_TRY(pz_policy_record_make(&v, document, a->zone, a->ca_key, &text, info));
	return pz_zone_policy_new(text, out, info);
}

/* The check for a lock-out judges one call, now. A rule that allows the owner by day only passes it
 * at day; local commands stay usable in any case (page 9, 13, rule 7). */
static enum pz_err
check_document(const struct pz_authority *a, const struct pz_zone_policy_edit *edit,
	       struct pz_errinfo *info)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *document = NULL;
	const time_t now = (time_t)(pz_env_wall_ms(a->env) / 1000);
	struct pz_policy_fault fault = {0, {""}};
	struct tm local;

	enum pz_err err = pz_policy_document_parse(edit->document, &document, &fault);
	if (err != PZ_OK)
		return pz_fail(info, err, "line %u: %s", fault.line,
			       pz_errinfo_text(&fault.info, err));
	localtime_r(&now, &local);
	return edit->is_forced
		       ? PZ_OK
		       : pz_policies_check_lockout(document, a->zone, edit->device, &local, info);
}

enum pz_err
pz_authority_set_policy(struct pz_authority *a, const struct pz_zone_policy_edit *edit,
			struct pz_txn *txn, struct pz_zone_change **out, struct pz_errinfo *info)
{
	uint64_t now = pz_authority_policy_sequence(a);
	struct pz_zone_policy *policy = NULL;

	PZ_TRY(pz_authority_check_stays(a, info));
	/* Two people may edit at two devices: the second must see the change of the first. */
	if (edit->has_base && edit->base != now)
		return pz_fail(info, PZ_ERR_EXISTS,
			       "conflict: the policy has changed meanwhile; the change is based on "
			       "version %" PRIu64 ", now there is %" PRIu64
			       ": look at it and make the change again",
			       edit->base, now);
	PZ_TRY(check_document(a, edit, info));
	PZ_TRY(sign(a, edit->document, edit->author, now, &policy, info));
	return prepare(a, policy, txn, out);
}

/* Also a document with our number and another hash: without a decision devices would differ for
 * ever. */
bool
pz_authority_policy_adds(const struct pz_authority *a, const struct pz_policy_record *record)
{
	uint64_t now = pz_authority_policy_sequence(a);

	if (record->version.sequence != now)
		return record->version.sequence > now;
	return a->policy && memcmp(record->version.sha256, a->policy->record.version.sha256,
				   PZ_POLICY_SHA256_BYTES) != 0;
}

/* Two documents with one number: the later change wins, and gets a number of its own. */
static enum pz_err
settle_twins(const struct pz_authority *a, const struct pz_policy_record *other,
	     struct pz_zone_policy **out, struct pz_errinfo *info)
{
	const struct pz_policy_record *ours = &a->policy->record;
	const struct pz_policy_record *later =
		other->version.time_ms > ours->version.time_ms ? other : ours;

	return sign(a, later->document, later->version.author, ours->version.sequence, out, info);
}

static enum pz_err
copy(struct pz_slice text, struct pz_zone_policy **out, struct pz_errinfo *info)
{
	char *own = pz_slice_dup(text);

	return own ? pz_zone_policy_new(own, out, info) : PZ_ERR_LIMIT_MEMORY;
}

enum pz_err
pz_authority_add_policy(struct pz_authority *a, struct pz_slice text, struct pz_txn *txn,
			struct pz_zone_change **out, struct pz_errinfo *info)
{
	struct pz_zone_policy *policy = NULL;
	struct pz_policy_record record;

	PZ_TRY(pz_policy_record_parse(text, &record, info));
	PZ_TRY(pz_policy_record_check(&record, a->zone, a->ca, info));
	if (record.version.slot != PZ_POLICY_SLOT_USER)
		return pz_fail(info, PZ_ERR_DENIED, "only the slot user is the zone's");
	if (!pz_authority_policy_adds(a, &record))
		return pz_fail(info, PZ_ERR_EXISTS, "the policy is no news");
	/* This hub signed it before it was restored from an older backup: adopted unchanged. */
	if (record.version.sequence > pz_authority_policy_sequence(a))
		PZ_TRY(copy(text, &policy, info));
	else
		PZ_TRY(settle_twins(a, &record, &policy, info));
	return prepare(a, policy, txn, out);
}
