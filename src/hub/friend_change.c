/*
 * Changes of the stored data of friends. Each takes its turn with the other changes of the zone
 * (hosted/transact.h): it makes the new version of the friend from the version of that moment,
 * signs it for the zone's devices once both owners have confirmed, and stores it; memory follows,
 * then trust, the published items, and the link.
 *
 * A change never edits the friend in the table: it copies it, changes and stores the copy, and
 * replaces the friend by it. A failed commit leaves everything as it was.
 *
 * Owners and their devices begin ADD, OFFER, CONFIRM, REMOVE and INVITE, and wait for the answer.
 * The friend's hub begins CONFIRMED_THERE, LIST and NOTICE, and REMOVE; those that it could repeat
 * for ever are limited. SEEN and CLEAN are the hub's own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hosted/publish.h"
#include "hub/friend.h"

enum kind { ADD, CONFIRM, OFFER, REMOVE, CONFIRMED_THERE, LIST, NOTICE, SEEN, INVITE, CLEAN };

struct change {
	struct pz_hosted_transact t;
	enum kind kind;
	char name[PZ_ZONE_BYTES_MAX + 1];
	char by[PZ_DEVICE_BYTES_MAX + 1];
	char used[PZ_INVITATION_ID_CHARS + 1]; /* a withdrawn invitation */
	struct pz_friend *next;                /* new version; NULL: removed, or unchanged */
	struct pz_crl *crl;
	struct pz_hub_notice notice;
	struct pz_invitation invitation;
	uint64_t ended_ms;
	bool is_theirs, was_confirmed;
	pz_hub_friend_done done;
	void *arg;
};

static struct pz_friends_kept *
kept_of(const struct change *c)
{
	return &c->t.zone->authority->friends;
}

/* ---- before the disk ---- */

/* In its turn, not when the command arrived: the friend may have been removed in between. */
static enum pz_err
copy_known(struct change *c, struct pz_errinfo *info)
{
	const struct pz_friend *known = pz_friends_find(kept_of(c)->table, pz_slice_str(c->name));

	if (known == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "%s is no friend of %s; `friend list` shows those that are", c->name,
			       c->t.zone->authority->zone);
	c->was_confirmed = pz_friend_is_confirmed(known);
	c->next = pz_friend_copy(known);
	return c->next ? PZ_OK : pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

/* The friend's hub has ended the friendship: a new one may begin. */
static bool
is_refused(const struct change *c)
{
	const struct pz_hub_friend *f = pz_hub_friend_find(c->t.zone, c->name);

	return f && f->is_refused;
}

/* The limits are checked again in the turn: two acceptances at once may both have found room. */
static enum pz_err
check_new(const struct change *c, struct pz_errinfo *info)
{
	const struct pz_friends *table = kept_of(c)->table;
	const struct pz_friend *known = pz_friends_find(table, pz_slice_str(c->name));

	PZ_TRY(pz_authority_check_stays(c->t.zone->authority, info));
	if (strcmp(c->name, c->t.zone->authority->zone) == 0)
		return pz_fail(info, PZ_ERR_CONFIG, "a zone cannot be its own friend");
	if (known && pz_friend_is_confirmed(known) && !is_refused(c))
		return pz_fail(info, PZ_ERR_EXISTS,
			       "%s is a friend already; `friend remove` it first to begin anew",
			       c->name);
	if (known == NULL && pz_friends_len(table) >= PZ_FRIENDS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "there are %d friends already, the most there "
			       "can be",
			       PZ_FRIENDS_MAX);
	return PZ_OK;
}

/* A friend that was offered before, perhaps by another device, stays as it is. */
static enum pz_err
check_offer(struct change *c, struct pz_errinfo *info)
{
	const struct pz_friend *known = pz_friends_find(kept_of(c)->table, pz_slice_str(c->name));
	uint8_t a[32], b[32];

	if (known && pz_friend_is_confirmed(known)) {
		pz_cert_fingerprint(known->ca, a);
		pz_cert_fingerprint(c->next->ca, b);
		if (memcmp(a, b, sizeof(a)) != 0)
			return pz_fail(info, PZ_ERR_EXISTS,
				       "%s is a friend already, with another certificate; `friend "
				       "remove` it first if that has changed",
				       c->name);
		pz_friend_free(c->next);
		return copy_known(c, info);
	}
	return check_new(c, info);
}

/* The record has the confirming device: the owner can see later which one it was. */
static enum pz_err
confirm(struct change *c, struct pz_errinfo *info)
{
	PZ_TRY(copy_known(c, info));
	if (c->next->is_confirmed_here)
		return pz_fail(info, PZ_ERR_EXISTS, "%s is confirmed here already%s", c->name,
			       c->was_confirmed ? "" : "; its own owner has not confirmed yet");
	c->next->is_confirmed_here = true;
	snprintf(c->next->by, sizeof(c->next->by), "%s", c->by);
	return PZ_OK;
}

/* The number is signed by the friend's CA and only grows: a replayed notice has no effect. */
static enum pz_err
take_notice(struct change *c, struct pz_errinfo *info)
{
	PZ_TRY(copy_known(c, info));
	if (c->notice.number <= c->next->number)
		return pz_fail(info, PZ_ERR_EXISTS, "the notice is not newer");
	snprintf(c->next->host, sizeof(c->next->host), "%s", c->notice.at.host);
	c->next->port = c->notice.at.port;
	c->next->number = c->notice.number;
	return PZ_OK;
}

/* Makes the new version of the friend. */
static enum pz_err
make_next(struct change *c, struct pz_errinfo *info)
{
	switch (c->kind) {
	case ADD:
		return check_new(c, info);
	case OFFER:
		return check_offer(c, info);
	case CONFIRM:
		return confirm(c, info);
	case CONFIRMED_THERE:
		PZ_TRY(copy_known(c, info));
		c->next->is_confirmed_there = true;
		return PZ_OK;
	case LIST:
		PZ_TRY(copy_known(c, info));
		return pz_friend_set_crl(c->next, c->crl, info);
	case NOTICE:
		return take_notice(c, info);
	case SEEN:
		return copy_known(c, info);
	case REMOVE:
	case INVITE:
	case CLEAN:
		break;
	}
	return PZ_ERR_INTERNAL;
}

/* Later than the version that devices have, whatever the clock shows. */
static uint64_t
next_time(const struct change *c)
{
	const struct pz_friend *known = pz_friends_find(kept_of(c)->table, pz_slice_str(c->name));
	uint64_t now = pz_env_wall_ms(c->t.zone->hosting->env);
	uint64_t last = known ? known->changed_ms : pz_friends_ended_ms(kept_of(c), c->name);

	return now > last ? now : last + 1;
}

/* The list and the time are not signed. */
static enum pz_err
sign(struct change *c)
{
	struct pz_friend *f = c->next;
	const struct pz_authority *a = c->t.zone->authority;

	if (c->kind == SEEN || c->kind == LIST)
		return PZ_OK;
	f->changed_ms = next_time(c);
	if (!f->is_confirmed_here || !f->is_confirmed_there)
		return PZ_OK;
	if (f->since_ms == 0)
		f->since_ms = pz_env_wall_ms(a->env);
	return pz_friend_sign(f, a->zone, a->ca_key);
}

/* The invitation is removed in the same transaction: a crash can neither use it twice nor lose the
 * friend. */
static enum pz_err
prepare_friend(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct change *c = PZ_CONTAINER(t, struct change, t);
	const char *zone = t->zone->authority->zone;

	PZ_TRY(make_next(c, info));
	PZ_TRY(sign(c));
	if (c->used[0])
		PZ_TRY(pz_friends_remove_invitation(c->used, zone, txn));
	return pz_friends_put_record(c->next, zone, txn);
}

/* ---- after the disk ---- */

/* Without new contexts a removed friend could still complete a handshake; its links end in any
 * case, and the table refuses its messages. */
static void
refresh_trust(struct pz_hosted *zone)
{
	struct pz_errinfo info = {""};

	if (pz_hosted_refresh_trust(zone, &info) != PZ_OK)
		pz_error("trust", "zone=%s links keep using the previous trust: %s",
			 zone->authority->zone, info.text);
}

/* The list goes before the friend: a device that trusts a zone must know its revocations. */
static void
publish(const struct change *c)
{
	pz_authority_friend_changed(c->t.zone->authority, c->name);
	pz_hosted_publish(c->t.zone, PZ_SYNC_CRL, c->name);
	pz_hosted_publish(c->t.zone, PZ_SYNC_TRUSTED_PZH, c->name);
}

/* The effects on the link. */
static void
follow(const struct change *c)
{
	struct pz_hosted *zone = c->t.zone;
	struct pz_hub_friend *f;

	if (c->kind == ADD) /* the former link may have had another key */
		pz_hub_friend_end(pz_hub_friend_find(zone, c->name), "the friendship begins anew");
	if (c->kind == ADD || c->kind == OFFER || c->kind == NOTICE)
		if (pz_hub_friend_begin(zone, c->name) != PZ_OK)
			pz_error("friend-not-dialled",
				 "zone=%s friend=%s out of memory: its hub is not dialled before a "
				 "restart",
				 zone->authority->zone, c->name);
	f = pz_hub_friend_find(zone, c->name);
	if (f == NULL)
		return;
	if (c->kind == CONFIRM)
		pz_hub_friend_send(f, "friendConfirm", NULL);
	if (c->kind == LIST)
		pz_hub_friend_close_revoked(f);
	if (pz_hub_confirmed_friend(zone, pz_slice_str(c->name)))
		pz_hub_friend_open(f);
}

/* Each step is logged at the normal level: they are rare, and change which zones are trusted. */
static void
report_friend(const struct change *c, const struct pz_friend *f)
{
	const char *zone = c->t.zone->authority->zone;

	if (c->kind == ADD)
		pz_notice("friend-added", "zone=%s friend=%s waits for both owners to confirm",
			  zone, c->name);
	if (c->kind == CONFIRM || c->kind == OFFER)
		pz_notice("friend-confirmed", "zone=%s friend=%s by=%s", zone, c->name,
			  c->by[0] ? c->by : "the hub");
	if (pz_friend_is_confirmed(f) && !c->was_confirmed)
		pz_notice("friends", "zone=%s friend=%s both owners have confirmed", zone, c->name);
	if (c->kind == LIST)
		pz_info("friend-list", "zone=%s friend=%s number=%" PRIu64, zone, c->name,
			pz_crl_number(f->crl));
	if (c->kind == NOTICE)
		pz_notice("friend-moved", "zone=%s friend=%s host=%s port=%u", zone, c->name,
			  f->host, (unsigned)f->port);
}

/* It is on disk already. Trust comes first, then the published items, then the link, which needs
 * the new trust. */
static void
apply_friend(struct change *c)
{
	struct pz_friends_kept *kept = kept_of(c);
	struct pz_errinfo info = {""};

	if (c->used[0])
		pz_invitations_remove(&kept->invitations, c->used);
	pz_friends_note_end(kept, c->name, 0);
	/* There was room when it was prepared; without memory the next start finds it. */
	enum pz_err err = pz_friends_put(kept->table, PZ_TAKE(c->next), &info);
	if (err != PZ_OK) {
		pz_error("friend-not-kept", "zone=%s friend=%s %s: it counts after a restart",
			 c->t.zone->authority->zone, c->name, info.text);
		return;
	}
	if (c->kind == SEEN)
		return;
	report_friend(c, pz_friends_find(kept->table, pz_slice_str(c->name)));
	pz_condition_clear(c->t.zone->hosting->conditions, PZ_CONDITION_FRIEND_ENDED, c->name);
	refresh_trust(c->t.zone);
	publish(c);
	follow(c);
}

/* A command answers a person who waits; a change by the friend's hub is only logged. */
static void
friend_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	    const char *detail)
{
	struct change *c = PZ_CONTAINER(t, struct change, t);

	(void)member;
	if (err == PZ_OK)
		apply_friend(c);
	else if (t->is_committed && c->done == NULL)
		pz_error("friend-not-stored", "zone=%s friend=%s %s", t->zone->authority->zone,
			 c->name, detail);
	if (c->done)
		c->done(c->arg, err, detail);
}

/* Runs however the change ends. It decrements the count of running changes for each one that
 * new_theirs has counted, and for no other. */
static void
release(struct pz_hosted_transact *t)
{
	struct change *c = PZ_CONTAINER(t, struct change, t);
	struct pz_hub_friend *f = pz_hub_friend_find(t->zone, c->name);

	if (f && f->waiting > 0 && (c->kind == LIST || c->kind == NOTICE))
		f->waiting--;
	if (f && c->kind == CONFIRMED_THERE)
		f->is_confirming = false;
	if (f && c->kind == REMOVE && c->is_theirs)
		f->is_ending = false;
	pz_friend_free(c->next);
	pz_crl_free(c->crl);
	pz_invitation_wipe(&c->invitation);
}

static const struct pz_hosted_transact_ops friend_ops = {prepare_friend, friend_done, release};

/* ---- the end of a friendship ---- */

/* The time of the end stays: if the friendship begins again its record has to be later. */
static enum pz_err
prepare_removal(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct change *c = PZ_CONTAINER(t, struct change, t);

	PZ_TRY(copy_known(c, info));
	pz_friend_free(PZ_TAKE(c->next));
	c->ended_ms = next_time(c);
	return pz_friends_end_record(c->name, c->ended_ms, t->zone->authority->zone, txn);
}

/* The other hub gets it before the link ends; a hub that is not connected is refused later. */
static void
apply_removal(struct change *c)
{
	struct pz_hosted *zone = c->t.zone;
	struct pz_hub_friend *f = pz_hub_friend_find(zone, c->name);

	if (f && !c->is_theirs)
		pz_hub_friend_send(f, "friendRemove", NULL);
	pz_friends_note_end(kept_of(c), c->name, c->ended_ms);
	pz_friends_remove(kept_of(c)->table, pz_slice_str(c->name));
	pz_hub_friend_end(f, "the friendship has ended");
	refresh_trust(zone);
	publish(c);
	pz_notice("friend-removed", "zone=%s friend=%s by=%s", zone->authority->zone, c->name,
		  c->is_theirs ? "its own owner" : "the owner");
	if (c->is_theirs)
		pz_condition_raise(zone->hosting->conditions, PZ_CONDITION_FRIEND_ENDED, c->name,
				   "%s has ended the friendship with %s", c->name,
				   zone->authority->zone);
}

static void
removal_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	     const char *detail)
{
	struct change *c = PZ_CONTAINER(t, struct change, t);

	(void)member;
	if (err == PZ_OK)
		apply_removal(c);
	if (c->done)
		c->done(c->arg, err, detail);
}

static const struct pz_hosted_transact_ops removal_ops = {prepare_removal, removal_done, release};

/* ---- invitations ---- */

static enum pz_err
prepare_invitation(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct change *c = PZ_CONTAINER(t, struct change, t);

	PZ_TRY(pz_authority_check_stays(t->zone->authority, info));
	if (kept_of(c)->invitations.len >= PZ_INVITATIONS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%d invitations of %s are open already, the most there can be; wait "
			       "until one is accepted or expires",
			       PZ_INVITATIONS_MAX, t->zone->authority->zone);
	return pz_friends_put_invitation(&c->invitation, txn);
}

/* Stored, but without memory for it: the invitation is not shown, and expires on the disk. */
static void
invitation_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
		const char *detail)
{
	struct change *c = PZ_CONTAINER(t, struct change, t);

	(void)member;
	if (err == PZ_OK)
		err = pz_invitations_add(&kept_of(c)->invitations, &c->invitation);
	c->done(c->arg, err, detail);
}

static const struct pz_hosted_transact_ops invitation_ops = {prepare_invitation, invitation_done,
							     release};

/* An expired invitation is refused by its date in any case; this only removes it from the disk. */
static enum pz_err
prepare_clean(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	const struct pz_authority *a = t->zone->authority;

	(void)info;
	for (size_t i = 0; i < a->friends.invitations.len; i++) {
		const struct pz_invitation *one = &a->friends.invitations.list[i];
		if (!pz_invitation_is_live(one, a->env))
			PZ_TRY(pz_friends_remove_invitation(one->id, a->zone, txn));
	}
	return PZ_OK;
}

static void
clean_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	   const char *detail)
{
	struct change *c = PZ_CONTAINER(t, struct change, t);
	struct pz_invitations *all = &kept_of(c)->invitations;
	const struct pz_invitation *one;

	(void)member;
	(void)detail;
	while (err == PZ_OK && (one = pz_invitations_expired(all, t->zone->authority->env)) != NULL)
		pz_invitations_remove(all, one->id);
}

static const struct pz_hosted_transact_ops clean_ops = {prepare_clean, clean_done, release};

/* ---- beginning ---- */

/* When memory is out the answer is sent inside this call, the only case. */
static struct change *
new_change(enum kind kind, const char *name, pz_hub_friend_done done, void *arg)
{
	struct change *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		if (done)
			done(arg, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return NULL;
	}
	c->kind = kind;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->done = done;
	c->arg = arg;
	return c;
}

/* For changes by a friend's hub, which could send without limit: only a few wait for the disk. What
 * is dropped is sent again on the next link. */
static struct change *
new_theirs(enum kind kind, const struct pz_hosted *zone, const char *name)
{
	struct pz_hub_friend *f = pz_hub_friend_find(zone, name);
	struct change *c = NULL;

	if (f && f->waiting < PZ_FRIEND_CHANGES_MAX)
		c = new_change(kind, name, NULL, NULL);
	if (c)
		f->waiting++;
	return c;
}

void
pz_hub_friend_add(struct pz_hosted *zone, struct pz_friend *takes, const char *used,
		  pz_hub_friend_done done, void *arg)
{
	struct change *c = new_change(ADD, takes->zone, done, arg);

	if (c == NULL) {
		pz_friend_free(takes);
		return;
	}
	c->next = takes;
	snprintf(c->used, sizeof(c->used), "%s", used ? used : "");
	pz_hosted_transact(zone, &c->t, &friend_ops);
}

/* Two devices have paired and their owners have compared digits, so both have confirmed. */
void
pz_hub_friend_offer(struct pz_hosted *zone, struct pz_friend *takes, const char *by,
		    pz_hub_friend_done done, void *arg)
{
	struct change *c = new_change(OFFER, takes->zone, done, arg);

	if (c == NULL) {
		pz_friend_free(takes);
		return;
	}
	c->next = takes;
	takes->is_confirmed_here = takes->is_confirmed_there = true;
	snprintf(c->by, sizeof(c->by), "%s", by);
	snprintf(takes->by, sizeof(takes->by), "%s", by);
	pz_hosted_transact(zone, &c->t, &friend_ops);
}

void
pz_hub_friend_confirm(struct pz_hosted *zone, const char *name, const char *by,
		      pz_hub_friend_done done, void *arg)
{
	struct change *c = new_change(CONFIRM, name, done, arg);

	if (c == NULL)
		return;
	snprintf(c->by, sizeof(c->by), "%s", by);
	pz_hosted_transact(zone, &c->t, &friend_ops);
}

/* The friend's hub may repeat it before it is on disk: one change is enough. */
void
pz_hub_friend_remove(struct pz_hosted *zone, const char *name, bool is_theirs,
		     pz_hub_friend_done done, void *arg)
{
	struct pz_hub_friend *f = pz_hub_friend_find(zone, name);

	if (is_theirs && f && f->is_ending)
		return;
	struct change *c = new_change(REMOVE, name, done, arg);
	if (c == NULL)
		return;
	c->is_theirs = is_theirs;
	if (f && is_theirs)
		f->is_ending = true;
	pz_hosted_transact(zone, &c->t, &removal_ops);
}

void
pz_hub_friend_confirmed_there(struct pz_hosted *zone, const char *name)
{
	const struct pz_friend *known =
		pz_friends_find(zone->authority->friends.table, pz_slice_str(name));
	struct pz_hub_friend *f = pz_hub_friend_find(zone, name);
	struct change *c = NULL;

	if (known && !known->is_confirmed_there && !(f && f->is_confirming))
		c = new_change(CONFIRMED_THERE, name, NULL, NULL);
	if (c == NULL)
		return;
	if (f)
		f->is_confirming = true;
	pz_hosted_transact(zone, &c->t, &friend_ops);
}

void
pz_hub_friend_take_list(struct pz_hosted *zone, const char *name, struct pz_crl *crl)
{
	struct change *c = new_theirs(LIST, zone, name);

	if (c == NULL)
		return;
	c->crl = pz_crl_ref(crl);
	pz_hosted_transact(zone, &c->t, &friend_ops);
}

void
pz_hub_friend_take_notice(struct pz_hosted *zone, const char *name,
			  const struct pz_hub_notice *notice)
{
	struct change *c = new_theirs(NOTICE, zone, name);

	if (c == NULL)
		return;
	c->notice = *notice;
	pz_hosted_transact(zone, &c->t, &friend_ops);
}

/* The time of the last link is shown to people. It is stored now and then, not for each link. */
void
pz_hub_friends_save_seen(struct pz_hosted *zone)
{
	size_t pos = 0;
	void *at_work;

	while (zone->friends && pz_map_next(zone->friends, &pos, NULL, &at_work)) {
		struct pz_hub_friend *f = at_work;
		struct change *c = f->is_unsaved ? new_change(SEEN, f->name, NULL, NULL) : NULL;
		if (c == NULL)
			continue;
		f->is_unsaved = false;
		pz_hosted_transact(zone, &c->t, &friend_ops);
	}
}

void
pz_hub_invite(struct pz_hosted *zone, const struct pz_invitation *invitation,
	      pz_hub_friend_done done, void *arg)
{
	struct change *c = new_change(INVITE, "", done, arg);

	if (c == NULL)
		return;
	c->invitation = *invitation;
	pz_hub_invitations_clean(zone);
	pz_hosted_transact(zone, &c->t, &invitation_ops);
}

void
pz_hub_invitations_clean(struct pz_hosted *zone)
{
	const struct pz_authority *a = zone->authority;
	struct change *c = NULL;

	if (pz_invitations_expired(&a->friends.invitations, a->env))
		c = new_change(CLEAN, "", NULL, NULL);
	if (c)
		pz_hosted_transact(zone, &c->t, &clean_ops);
}
