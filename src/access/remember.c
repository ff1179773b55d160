/*
 * Remembers permits, so that repeated calls of one caller are not evaluated each time. A permit is
 * remembered if it depends only on the caller, what is called, the documents and the names of this
 * node: not on time, a number of calls, a parameter, a person, or a list of devices or friends. It
 * is in force as long as those documents (compared by pointer: a permit holds them) and names are
 * current; pz_access_changed drops all.
 *
 * Denials are rare and not remembered, so a caller that is denied cannot push others out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/internal.h"

/* ---- what may be remembered ---- */

static void
note_changing(void *arg, const struct pz_policy_attribute *attr)
{
	bool *is_lasting = arg;

	*is_lasting &= pz_policy_attribute_is_lasting(attr);
}

/* Also attributes that the rule names but did not compare this time: which limits are counted, and
 * what `why` shows, depends on the element as a whole. */
static bool
is_path_lasting(const struct pz_policy_decision *decision)
{
	bool is_lasting = true;

	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++) {
		/* The whole path, not only the node that decided: a set above it may compare the
		 * time. */
		const struct pz_policy_node *node = decision->slots[i].node, *at;
		for (unsigned depth = 0; node && (at = pz_policy_node_at(node, depth)); depth++)
			pz_policy_node_attributes(at, note_changing, &is_lasting);
	}
	return is_lasting;
}

static bool
is_lasting(const struct pz_access *access, const struct pz_access_kept *kept)
{
	return kept->fault == NULL && !kept->was_asked && !kept->decision.is_changing &&
	       !access->is_identity_asked && is_path_lasting(&kept->decision);
}

/* ---- keys ---- */

/* False: it does not fit. NULL and "" differ. */
static bool
put_text(struct pz_access_key *key, const char *text)
{
	size_t len = text ? strlen(text) + 1 : 0;

	/* Too long for a key: evaluated each time, which is correct and only slower. */
	if (key->len + len + 1 > sizeof(key->bytes))
		return false;
	key->bytes[key->len++] = text ? '+' : '-';
	if (text)
		memcpy(key->bytes + key->len, text, len);
	key->len += len;
	return true;
}

bool
pz_access_key(const struct pz_access_caller *caller, const struct pz_access_call *call,
	      struct pz_access_key *out)
{
	out->len = 0;
	if (call->point != PZ_ACCESS_INVOKE && !pz_access_is_edge(call->point))
		return false;
	/* Parameters, searches and answers of a person affect the decision, but are not in the key.
	 */
	if ((call->exports && call->exports[0]) || call->searched || call->was_asked)
		return false;
	/* Point and kind first, as letters: no text that follows can be mistaken for them. */
	out->bytes[out->len++] = (char)('a' + (int)call->point);
	out->bytes[out->len++] = (char)('a' + (int)caller->kind);
	return put_text(out, caller->address) && put_text(out, call->api) &&
	       put_text(out, call->part) && put_text(out, call->service_id) &&
	       put_text(out, call->function) && put_text(out, call->address);
}

/* ---- what is remembered ---- */

void
pz_access_forget(struct pz_access *access)
{
	size_t pos = 0;
	struct pz_slice key;
	void *kept;

	if (access->remembered == NULL)
		return;
	while (pz_map_next(access->remembered, &pos, &key, &kept))
		pz_access_kept_free(kept);
	pz_map_free(PZ_TAKE(access->remembered));
}

static bool
is_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Generic identities stand for the owner and for the device that decides. */
static void
follow_names(struct pz_access *access)
{
	struct pz_access_names names = {NULL, NULL};

	access->ops->names(access->arg, &names);
	if (is_text(names.zone, access->zone) && is_text(names.device, access->device))
		return;
	pz_access_forget(access);
	snprintf(access->zone, sizeof(access->zone), "%s", names.zone ? names.zone : "");
	snprintf(access->device, sizeof(access->device), "%s", names.device ? names.device : "");
}

/* True when the current documents decided it. If time matters in them, `timed` has noticed it too.
 */
static bool
is_current(const struct pz_access *access, const struct pz_access_kept *kept,
	   const struct pz_policy_slots *now)
{
	if (memcmp(access->timed, now->document, sizeof(access->timed)) != 0)
		return false;
	const struct pz_policy_slots at = pz_access_slots_at(access, kept, now);
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++)
		if (at.is_corrupt[i] || at.document[i] != kept->documents[i])
			return false;
	return true;
}

struct pz_access_kept *
pz_access_recall(struct pz_access *access, const struct pz_access_key *key)
{
	/* The names first: "owner" in a rule means the current zone of this device. */
	const struct pz_policy_slots *now =
		access->ops->slots ? access->ops->slots(access->arg) : NULL;

	follow_names(access);
	if (access->remembered == NULL || now == NULL)
		return NULL;
	struct pz_access_kept *kept =
		pz_map_get(access->remembered, pz_slice_of(key->bytes, key->len));
	return kept && is_current(access, kept, now) ? kept : NULL;
}

void
pz_access_remember(struct pz_access *access, const struct pz_access_key *key,
		   struct pz_access_kept *kept)
{
	void *old = NULL;

	if (!is_lasting(access, kept))
		return;
	if (access->remembered && pz_map_len(access->remembered) >= PZ_ACCESS_REMEMBERED_MAX)
		pz_access_forget(access);
	if (access->remembered == NULL)
		access->remembered = pz_map_new();
	/* The map has not stored it, so the caller still owns the only reference. */
	if (access->remembered == NULL ||
	    pz_map_put(access->remembered, pz_slice_of(key->bytes, key->len), kept, &old) != PZ_OK)
		return; /* the next call is evaluated, too */
	kept->references++;
	kept->same = ++access->last_same;
	pz_access_kept_free(old);
}
