/*
 * The decision (page 9, 6): a pure function of documents and request. Prompts, counters and logs
 * are the business of `access`. The index (index.c) narrows which rules can apply; the result must
 * be the same without it.
 */
#include "policy/decide.h"

#include "policy/dhp.h"
#include "policy/index.h"
#include "policy/match.h"
#include "policy/node.h"

struct evaluation {
	const struct pz_policy_document *doc;
	const struct pz_policy_request *request;
	bool is_dhp, has_resource, is_changing;
	struct pz_policy_keys keys;
	struct pz_policy_selection selection;
	struct pz_policy_regexp_run run;
};

/* Rank in "first present of", by effect. @spec page 9, 6.5 */
static const unsigned char deny_rank[] = {5, 0, 2, 3, 4, 1, 6};
static const unsigned char permit_rank[] = {0, 5, 4, 3, 2, 1, 6};

static const struct pz_policy_result inapplicable = {.effect = PZ_POLICY_INAPPLICABLE};

static struct pz_policy_result
decided_by(enum pz_policy_effect effect, const struct pz_policy_node *node)
{
	return (struct pz_policy_result){.effect = effect, .node = node};
}

/* ---- targets and conditions ---- */

static enum pz_policy_tri
evaluate_match(struct evaluation *e, const struct pz_policy_match *match)
{
	/* The caller must not remember a result that depends on the time of day or a counter. */
	e->is_changing |= !pz_policy_attribute_is_lasting(&match->attr);
	return pz_policy_match_evaluate(match, e->request, &e->run);
}

static enum pz_policy_tri
evaluate_subject(struct evaluation *e, const struct pz_policy_subject *subject)
{
	enum pz_policy_tri result = PZ_POLICY_TRUE;

	for (size_t i = 0; i < subject->count; i++) {
		enum pz_policy_tri one = evaluate_match(e, &subject->matches[i]);

		if (one == PZ_POLICY_FALSE)
			return one;
		if (one == PZ_POLICY_UNKNOWN)
			result = one;
	}
	return result;
}

/* Undetermined only because a regular expression reached a bound: such a target must not make a
 * policy that denies inapplicable. */
static enum pz_policy_tri
evaluate_target(struct evaluation *e, const struct pz_policy_node *node)
{
	enum pz_policy_tri result = PZ_POLICY_FALSE;

	if (node->subject_count == 0)
		return PZ_POLICY_TRUE;
	for (size_t i = 0; i < node->subject_count; i++) {
		enum pz_policy_tri one = evaluate_subject(e, &node->subjects[i]);

		if (one == PZ_POLICY_TRUE)
			return one;
		if (one == PZ_POLICY_UNKNOWN)
			result = one;
	}
	return result;
}

/* Documents are at most PZ_POLICY_DEPTH_MAX deep: the parser bounds the recursion. */
static enum pz_policy_tri
evaluate_condition(struct evaluation *e, const struct pz_policy_condition *condition)
{
	/* the value that ends the loop, and the value if no child has that one */
	enum pz_policy_tri final = condition->is_or ? PZ_POLICY_TRUE : PZ_POLICY_FALSE;
	enum pz_policy_tri result = condition->is_or ? PZ_POLICY_FALSE : PZ_POLICY_TRUE;

	for (size_t i = 0; i < condition->count; i++) {
		const struct pz_policy_term *term = &condition->terms[i];
		enum pz_policy_tri one = term->match ? evaluate_match(e, term->match)
						     : evaluate_condition(e, term->condition);

		if (one == final)
			return final;
		if (one == PZ_POLICY_UNKNOWN)
			result = one;
	}
	return result;
}

/* ---- rules, policies and sets ---- */

static void
consider(struct evaluation *e, const struct pz_policy_node *node)
{
	if (e->is_dhp)
		pz_policy_dhp_consider(e->doc->dhp, node, e->request, &e->selection);
}

static struct pz_policy_result
evaluate_rule(struct evaluation *e, const struct pz_policy_node *rule)
{
	enum pz_policy_tri condition =
		rule->condition ? evaluate_condition(e, rule->condition) : PZ_POLICY_TRUE;

	if (condition == PZ_POLICY_FALSE)
		return inapplicable;
	if (condition == PZ_POLICY_UNKNOWN)
		return decided_by(PZ_POLICY_UNDETERMINED, rule);
	consider(e, rule);
	return decided_by(rule->effect, rule);
}

static struct pz_policy_result
evaluate_node(struct evaluation *e, const struct pz_policy_node *node);
static struct pz_policy_result
evaluate_inside(struct evaluation *e, const struct pz_policy_node *node);

/* The first child whose target is true decides, even if its result is inapplicable. */
static struct pz_policy_result
first_matching_target(struct evaluation *e, const struct pz_policy_node *set,
		      struct pz_policy_cursor *cursor)
{
	const struct pz_policy_node *child;

	while ((child = pz_policy_index_next(cursor))) {
		enum pz_policy_tri target = evaluate_target(e, child);
		struct pz_policy_result result;

		if (target == PZ_POLICY_FALSE)
			continue;
		if (target == PZ_POLICY_UNKNOWN)
			return decided_by(PZ_POLICY_UNDETERMINED, child);
		result = evaluate_inside(e, child);
		consider(e, set);
		return result;
	}
	return inapplicable;
}

static struct pz_policy_result
combine(struct evaluation *e, const struct pz_policy_node *node, struct pz_policy_cursor *cursor)
{
	const unsigned char *rank =
		node->combine == PZ_POLICY_PERMIT_OVERRIDES ? permit_rank : deny_rank;
	struct pz_policy_result best = inapplicable;
	const struct pz_policy_node *child;

	while ((child = pz_policy_index_next(cursor))) {
		struct pz_policy_result one = evaluate_node(e, child);

		consider(e, node);
		if (node->combine == PZ_POLICY_FIRST_APPLICABLE &&
		    one.effect != PZ_POLICY_INAPPLICABLE)
			return one;
		if (rank[one.effect] < rank[best.effect])
			best = one;
		if (rank[best.effect] == 0) /* the other children cannot change it */
			break;
	}
	return best;
}

/* Evaluates a policy or a set whose target is true. */
static struct pz_policy_result
evaluate_inside(struct evaluation *e, const struct pz_policy_node *node)
{
	struct pz_policy_cursor cursor;

	/* A request without a resource is malformed: no policy may answer it (page 9, 6.5). */
	if (node->kind == PZ_POLICY_KIND_POLICY && !e->has_resource)
		return decided_by(PZ_POLICY_UNDETERMINED, node);
	pz_policy_index_start(&cursor, node, &e->keys, e->request);
	if (node->combine == PZ_POLICY_FIRST_MATCHING_TARGET)
		return first_matching_target(e, node, &cursor);
	return combine(e, node, &cursor);
}

static struct pz_policy_result
evaluate_node(struct evaluation *e, const struct pz_policy_node *node)
{
	enum pz_policy_tri target;

	if (node->kind == PZ_POLICY_KIND_RULE)
		return evaluate_rule(e, node);
	target = evaluate_target(e, node);
	if (target == PZ_POLICY_FALSE)
		return inapplicable;
	if (target == PZ_POLICY_UNKNOWN)
		return decided_by(PZ_POLICY_UNDETERMINED, node);
	return evaluate_inside(e, node);
}

struct pz_policy_result
pz_policy_evaluate(const struct pz_policy_document *doc, const struct pz_policy_request *request,
		   unsigned flags)
{
	struct evaluation e = {
		.doc = doc,
		.request = request,
		.is_dhp = (flags & PZ_POLICY_DHP) != 0,
		.has_resource = pz_policy_request_has_resource(request),
	};

	/* children that the index skips would still choose a preference (page 9, 8.3) */
	e.keys.is_unusable = (flags & (PZ_POLICY_PLAIN | PZ_POLICY_DHP)) != 0;
	struct pz_policy_result result = evaluate_node(&e, doc->root);
	pz_policy_regexp_run_fini(&e.run);
	result.is_changing = e.is_changing || e.is_dhp;
	if (e.is_dhp && result.effect == PZ_POLICY_PERMIT &&
	    !pz_policy_dhp_is_satisfied(request, &e.selection)) {
		result.effect = PZ_POLICY_PROMPT_BLANKET;
		result.is_privacy = true;
	}
	return result;
}

/* ---- the root ---- */

const char *
pz_policy_slot_name(enum pz_policy_slot slot)
{
	static const char *const names[] = {"manufacturer", "exceptions", "user", "app", "grants"};

	return names[slot];
}

/* The owner's document neither allows nor forbids this call specifically. An undetermined rule may
 * do either. */
static bool
leaves_open(const struct pz_policy_result *of_user)
{
	switch (of_user->effect) {
	case PZ_POLICY_DENY:
		return of_user->node && pz_policy_node_is_default(of_user->node);
	case PZ_POLICY_PROMPT_ONESHOT:
	case PZ_POLICY_PROMPT_SESSION:
	case PZ_POLICY_PROMPT_BLANKET:
		return !of_user->is_privacy;
	case PZ_POLICY_INAPPLICABLE:
		return true;
	case PZ_POLICY_PERMIT:
	case PZ_POLICY_UNDETERMINED:
		break;
	}
	return false;
}

/* @return true: the owner's document is ignored, since this device grants the call */
static bool
is_granted(const struct pz_policy_slots *slots, const struct pz_policy_request *request,
	   unsigned flags, struct pz_policy_decision *d)
{
	const struct pz_policy_document *grants = slots->document[PZ_POLICY_SLOT_GRANTS];

	if (grants == NULL || slots->is_corrupt[PZ_POLICY_SLOT_GRANTS] ||
	    !leaves_open(&d->slots[PZ_POLICY_SLOT_USER]))
		return false;
	struct pz_policy_result *one = &d->slots[PZ_POLICY_SLOT_GRANTS];
	*one = pz_policy_evaluate(grants, request, flags);
	d->is_changing |= one->is_changing;
	return one->effect == PZ_POLICY_PERMIT;
}

/* The slots are combined by deny-overrides, whatever the documents say. Where a grant applies it
 * replaces the owner's slot. */
static void
choose(struct pz_policy_decision *d, bool is_user_left_out)
{
	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++) {
		enum pz_policy_effect effect = d->slots[i].effect;

		if (i == PZ_POLICY_SLOT_GRANTS || (i == PZ_POLICY_SLOT_USER && is_user_left_out))
			continue;
		if (deny_rank[effect] < deny_rank[d->effect]) {
			d->effect = effect;
			d->slot = (int)i;
		}
	}
	if (is_user_left_out && deny_rank[PZ_POLICY_PERMIT] <= deny_rank[d->effect]) {
		d->effect = PZ_POLICY_PERMIT;
		d->slot = PZ_POLICY_SLOT_GRANTS;
	}
	/* Denied unless a rule permits it. */
	if (d->effect == PZ_POLICY_UNDETERMINED || d->effect == PZ_POLICY_INAPPLICABLE)
		d->effect = PZ_POLICY_DENY;
}

struct pz_policy_decision
pz_policy_decide(const struct pz_policy_slots *slots, const struct pz_policy_request *request,
		 unsigned flags)
{
	struct pz_policy_decision d = {.effect = PZ_POLICY_INAPPLICABLE, .slot = -1};

	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++) {
		struct pz_policy_result *one = &d.slots[i];

		*one = inapplicable;
		if (i == PZ_POLICY_SLOT_GRANTS ||
		    (i == PZ_POLICY_SLOT_APP && request->bags[PZ_POLICY_ATTR_ID].count == 0))
			continue;
		/* An unreadable document might have denied. */
		if (slots->is_corrupt[i])
			one->effect = PZ_POLICY_UNDETERMINED;
		else if (slots->document[i])
			*one = pz_policy_evaluate(slots->document[i], request, flags);
		d.is_changing |= one->is_changing;
	}
	choose(&d, is_granted(slots, request, flags, &d));
	return d;
}
