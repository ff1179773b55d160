/*
 * Numbers of calls that rules compare (page 9, 4.4), under the names in the rules. They are stored
 * before a call runs, so a crash may count a call that did not run, but never forgets one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies/internal.h"

#define SPACE "policy-calls"

/* NULL: not found. */
static struct pz_policies_counter *
find(const struct pz_policies *p, struct pz_slice name)
{
	for (size_t i = 0; i < PZ_POLICY_COUNTERS_MAX; i++)
		if (p->counters[i].name[0] && pz_slice_eq_str(name, p->counters[i].name))
			return (struct pz_policies_counter *)(uintptr_t)&p->counters[i];
	return NULL;
}

uint64_t
pz_policies_calls(const struct pz_policies *p, struct pz_slice counter)
{
	const struct pz_policies_counter *c = find(p, counter);

	return c ? c->calls : 0;
}

/* ---- from the disk ---- */

/* A damaged number becomes the highest: the limit is used up. */
static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct pz_policies *p = arg;
	char text[24] = "";

	for (size_t i = 0; i < PZ_POLICY_COUNTERS_MAX; i++) {
		struct pz_policies_counter *c = &p->counters[i];

		if (c->name[0] || strlen(key) > PZ_POLICY_COUNTER_BYTES_MAX)
			continue;
		snprintf(c->name, sizeof(c->name), "%s", key);
		if (value.len < sizeof(text))
			memcpy(text, value.ptr, value.len);
		c->calls = strtoull(text, NULL, 10);
		if (c->calls == 0)
			c->calls = UINT32_MAX;
		break;
	}
	return PZ_OK;
}

enum pz_err
pz_policies_load_counters(struct pz_policies *p, struct pz_errinfo *info)
{
	return pz_store_load(p->config.store, SPACE, load_one, p, info);
}

enum pz_err
pz_policies_wipe_counters(struct pz_txn *txn)
{
	return pz_txn_remove_space(txn, SPACE);
}

/* ---- counters whose rules are gone ---- */

struct use {
	const struct pz_policies *policies;
	bool is_used[PZ_POLICY_COUNTERS_MAX];
};

static void
note_use(void *arg, struct pz_slice name)
{
	struct use *use = arg;
	const struct pz_policies_counter *c = find(use->policies, name);

	if (c)
		use->is_used[c - use->policies->counters] = true;
}

/* An unreadable document may name any of them. */
static enum pz_err
remove_unused(struct pz_policies *p, struct pz_txn *txn)
{
	const struct pz_policy_slots *slots = pz_policies_slots(p);
	struct use use = {.policies = p};

	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++) {
		if (slots->is_corrupt[i])
			return PZ_OK;
		if (slots->document[i])
			pz_policy_document_each_counter(slots->document[i], note_use, &use);
	}
	for (size_t i = 0; i < PZ_POLICY_COUNTERS_MAX; i++) {
		if (use.is_used[i] || p->counters[i].name[0] == '\0')
			continue;
		PZ_TRY(pz_txn_remove(txn, SPACE, p->counters[i].name));
		p->counters[i] = (struct pz_policies_counter){.calls = 0};
	}
	return PZ_OK;
}

/* ---- counting ---- */

static enum pz_err
make(struct pz_policies *p, struct pz_slice name, struct pz_txn *txn)
{
	if (name.len > PZ_POLICY_COUNTER_BYTES_MAX)
		return PZ_ERR_LIMIT;
	PZ_TRY(remove_unused(p, txn));
	for (size_t i = 0; i < PZ_POLICY_COUNTERS_MAX; i++) {
		if (p->counters[i].name[0])
			continue;
		snprintf(p->counters[i].name, sizeof(p->counters[i].name), "%.*s",
			 PZ_SLICE_FMT(name));
		return PZ_OK;
	}
	return PZ_ERR_LIMIT;
}

static enum pz_err
add_one(struct pz_policies *p, struct pz_slice name, struct pz_txn *txn)
{
	char text[24];

	if (find(p, name) == NULL)
		PZ_TRY(make(p, name, txn));
	struct pz_policies_counter *c = find(p, name);
	if (c == NULL) /* no document names it any more */
		return PZ_ERR_LIMIT;
	snprintf(text, sizeof(text), "%" PRIu64, ++c->calls);
	return pz_txn_put(txn, SPACE, c->name, pz_slice_str(text));
}

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	struct pz_policies_counting *count = arg;
	struct pz_policies *p = count->policies;
	uint64_t ticket = count->ticket;

	(void)detail; /* the store's owner logs the failure */
	if (p)
		pz_list_remove(&count->node);
	free(count);
	if (p && p->config.counted)
		p->config.counted(p->config.arg, ticket, err == PZ_OK);
}

/* A call whose number could not be stored stays counted: one too many, not one too few. */
bool
pz_policies_count(struct pz_policies *p, uint64_t ticket, const struct pz_slice *counters,
		  size_t count)
{
	struct pz_policies_counting *one = calloc(1, sizeof(*one));
	PZ_AUTO(pz_txn_free) struct pz_txn *txn = pz_txn_new();

	for (size_t i = 0; one && txn && i < count; i++) {
		if (add_one(p, counters[i], txn) == PZ_OK)
			continue;
		free(one);
		return false;
	}
	if (one == NULL || txn == NULL) {
		free(one);
		return false;
	}
	*one = (struct pz_policies_counting){.policies = p, .ticket = ticket};
	pz_list_append(&p->counts, &one->node);
	pz_txn_on_drop(txn, free);
	pz_store_commit(p->config.store, PZ_TAKE(txn), on_written, one);
	return true;
}
