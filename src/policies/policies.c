/*
 * Decisions use a snapshot: the documents of all slots, built again with each change. A former
 * snapshot stays until the next turn, so that pointers of a running decision stay valid. The owner
 * is notified of the change in that turn.
 *
 * If memory does not suffice for a snapshot, the closed one is used, in which every slot is
 * corrupt: it denies everything, and a later turn tries again.
 */
#include "policies/policies.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "policies/default.h"
#include "policies/internal.h"
#include "policies/upgrade.h"

#define AGAIN_US (1 * PZ_US_PER_S)

static const struct pz_policy_slots closed = {.is_corrupt = {true, true, true, true, true}};

/* holds a reference to each document */
struct pz_policies_snapshot {
	struct pz_policy_slots slots;
	struct pz_policy_document *owned[PZ_POLICY_SLOTS];
	struct pz_policies_snapshot *next; /* of the former ones */
};

static void
snapshot_free(struct pz_policies_snapshot *s)
{
	for (size_t i = 0; s && i < PZ_POLICY_SLOTS; i++)
		pz_policy_document_unref(s->owned[i]);
	free(s);
}

/* NULL: out of memory. */
static struct pz_policies_snapshot *
snapshot_of(const struct pz_policies *p)
{
	struct pz_policies_snapshot *s = calloc(1, sizeof(*s));

	for (size_t i = 0; s && i < PZ_POLICY_SLOTS; i++) {
		const struct pz_policies_content *c = &p->contents[i];
		if (c->document)
			s->owned[i] = pz_policy_document_ref(c->document);
		s->slots.document[i] = s->owned[i];
		s->slots.is_corrupt[i] = c->state == PZ_POLICIES_CORRUPT;
	}
	return s;
}

static void
swap(struct pz_policies *p)
{
	struct pz_policies_snapshot *fresh = snapshot_of(p);

	if (p->current) {
		p->current->next = p->former;
		p->former = p->current;
	}
	p->current = fresh;
	pz_env_start(p->config.env, &p->turn, fresh ? 0 : AGAIN_US);
}

static void
free_former(struct pz_policies *p)
{
	while (p->former) {
		struct pz_policies_snapshot *s = p->former;
		p->former = s->next;
		snapshot_free(s);
	}
}

static void
on_turn(struct pz_timer *timer, void *arg)
{
	struct pz_policies *p = arg;
	unsigned slots = p->changes;

	(void)timer;
	free_former(p);
	if (p->current == NULL)
		swap(p);
	p->changes = 0;
	if (slots && p->config.changed)
		p->config.changed(p->config.arg, slots);
}

/* ---- one slot ---- */

const char *
pz_policies_state_text(enum pz_policies_state state)
{
	static const char *const texts[] = {"none", "default", "valid", "corrupt"};

	return texts[state];
}

static bool
is_same(const struct pz_policies_content *a, const struct pz_policies_content *b)
{
	return a->state == b->state && a->len == b->len &&
	       a->version.sequence == b->version.sequence && !a->text == !b->text &&
	       (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
}

static void
content_fini(struct pz_policies_content *c)
{
	pz_policy_document_unref(c->document);
	free(c->text);
}

/* A policy that was made from the default of an older version has no rule for later features: its
 * last rule decides. The owner may want that, so it is a log line and no condition. */
static void
note_missing(const struct pz_policies_content *c)
{
	struct pz_upgrade_rule missing[PZ_UPGRADE_RULES_MAX];
	size_t count =
		pz_policies_missing(pz_slice_of(c->text, c->len), pz_policies_default(), missing);

	if (count > 0)
		pz_notice("policy-lacks",
			  "rules=%zu of this version's default policy are not in the zone's; `pzp "
			  "policy upgrade` shows them and asks",
			  count);
}

/* Notifies the owner of the device by log and condition. */
static void
show(const struct pz_policies *p, enum pz_policy_slot slot)
{
	const struct pz_policies_content *c = &p->contents[slot];
	const char *name = pz_policy_slot_name(slot);

	if (c->state == PZ_POLICIES_CORRUPT)
		pz_condition_raise(p->config.conditions, PZ_CONDITION_POLICY_CORRUPT, name,
				   "the %s policy cannot be used: %s", name, c->reason.text);
	else
		pz_condition_clear(p->config.conditions, PZ_CONDITION_POLICY_CORRUPT, name);
	pz_notice("policy-slot", "slot=%s state=%s sequence=%" PRIu64 " author=%s", name,
		  pz_policies_state_text(c->state), c->version.sequence,
		  c->version.author[0] ? c->version.author : "-");
	if (slot == PZ_POLICY_SLOT_USER && c->state == PZ_POLICIES_VALID && c->text)
		note_missing(c);
}

/* Takes the content. */
static void
put(struct pz_policies *p, enum pz_policy_slot slot, struct pz_policies_content *fresh)
{
	if (is_same(&p->contents[slot], fresh)) {
		content_fini(fresh);
		return;
	}
	bool is_first = p->current == NULL && fresh->state == PZ_POLICIES_DEFAULT;
	content_fini(&p->contents[slot]);
	p->contents[slot] = *fresh;
	if (!is_first) /* that is no change */
		show(p, slot);
	p->changes |= 1U << slot;
	swap(p);
}

void
pz_policies_put_corrupt(struct pz_policies *p, enum pz_policy_slot slot, const char *why)
{
	struct pz_policies_content c = {.state = PZ_POLICIES_CORRUPT, .version.slot = slot};

	(void)pz_fail(&c.reason, PZ_ERR_CONFIG, "%s", why);
	put(p, slot, &c);
}

void
pz_policies_put(struct pz_policies *p, enum pz_policy_slot slot, enum pz_policies_state state,
		const struct pz_policy_version *version, struct pz_slice text)
{
	struct pz_policies_content c = {.state = state, .version.slot = slot, .len = text.len};
	struct pz_policy_fault fault = {0, {""}};

	if (version)
		c.version = *version;
	c.text = pz_slice_dup(text);
	enum pz_err err = c.text ? pz_policy_cache_parse(p->cache, text, &c.document, &fault)
				 : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		c.state = PZ_POLICIES_CORRUPT;
		(void)pz_fail(&c.reason, err, "line %u: %s", fault.line,
			      pz_errinfo_text(&fault.info, err));
	} else {
		memcpy(c.version.sha256, pz_policy_document_sha256(c.document),
		       sizeof(c.version.sha256));
	}
	if (c.text == NULL)
		c.len = 0;
	put(p, slot, &c);
}

void
pz_policies_put_nothing(struct pz_policies *p, enum pz_policy_slot slot)
{
	struct pz_policies_content c = {.state = PZ_POLICIES_NONE, .version.slot = slot};

	put(p, slot, &c);
}

/* A local document, which has no version. */
static void
set_given(struct pz_policies *p, enum pz_policy_slot slot, struct pz_slice text,
	  const char *unreadable)
{
	if (unreadable)
		pz_policies_put_corrupt(p, slot, unreadable);
	else if (text.ptr == NULL)
		pz_policies_put_nothing(p, slot);
	else
		pz_policies_put(p, slot, PZ_POLICIES_VALID, NULL, text);
}

void
pz_policies_set_manufacturer(struct pz_policies *p, struct pz_slice text, const char *unreadable)
{
	set_given(p, PZ_POLICY_SLOT_MANUFACTURER, text, unreadable);
}

void
pz_policies_set_app(struct pz_policies *p, struct pz_slice text, const char *unreadable)
{
	set_given(p, PZ_POLICY_SLOT_APP, text, unreadable);
}

void
pz_policies_set_user(struct pz_policies *p, const struct pz_policy_record *record)
{
	if (record)
		pz_policies_put(p, PZ_POLICY_SLOT_USER, PZ_POLICIES_VALID, &record->version,
				record->document);
	else
		pz_policies_put(p, PZ_POLICY_SLOT_USER, PZ_POLICIES_DEFAULT, NULL,
				pz_policies_default());
}

void
pz_policies_set_user_unreadable(struct pz_policies *p, const char *why)
{
	pz_policies_put_corrupt(p, PZ_POLICY_SLOT_USER, why);
}

/* ---- questions ---- */

const struct pz_policy_slots *
pz_policies_slots(const struct pz_policies *p)
{
	return p->current ? &p->current->slots : &closed;
}

struct pz_policies_slot
pz_policies_slot(const struct pz_policies *p, enum pz_policy_slot slot)
{
	const struct pz_policies_content *c = &p->contents[slot];

	return (struct pz_policies_slot){
		.state = c->state,
		.version = c->version,
		.text = pz_slice_of(c->text, c->len),
		.reason = c->reason.text,
	};
}

enum pz_err
pz_policies_parse(struct pz_policies *p, struct pz_slice text, struct pz_policy_document **out,
		  struct pz_policy_fault *fault)
{
	return pz_policy_cache_parse(p->cache, text, out, fault);
}

/* ---- life ---- */

void
pz_policies_wiped(struct pz_policies *p)
{
	memset(p->counters, 0, sizeof(p->counters));
	pz_grants_clear(&p->grants);
	pz_policies_put_nothing(p, PZ_POLICY_SLOT_GRANTS);
	pz_policies_put_nothing(p, PZ_POLICY_SLOT_EXCEPTIONS);
	pz_policies_set_user(p, NULL);
	show(p, PZ_POLICY_SLOT_MANUFACTURER); /* the zone's conditions are gone with it */
}

enum pz_err
pz_policies_new(const struct pz_policies_config *config, struct pz_policies **out,
		struct pz_errinfo *info)
{
	PZ_AUTO(pz_policies_free) struct pz_policies *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	p->config = *config;
	pz_list_init(&p->counts);
	pz_list_init(&p->grants.rows);
	pz_timer_init(&p->turn, on_turn, p);
	p->cache = pz_policy_cache_new();
	if (p->cache == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	pz_policies_set_user(p, NULL);
	*out = PZ_TAKE(p);
	return PZ_OK;
}

void
pz_policies_free(struct pz_policies *p)
{
	if (p == NULL)
		return;
	pz_env_stop(p->config.env, &p->turn);
	if (p->write) /* its commit is running */
		p->write->policies = NULL;
	PZ_LIST_EACH (&p->counts, node, tmp) {
		pz_list_remove(node);
		PZ_CONTAINER(node, struct pz_policies_counting, node)->policies = NULL;
	}
	if (p->grants.write) /* the same document */
		p->grants.write->policies = NULL;
	pz_grants_clear(&p->grants);
	free_former(p);
	snapshot_free(p->current);
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++)
		content_fini(&p->contents[i]);
	pz_policy_cache_free(p->cache);
	free(p);
}
