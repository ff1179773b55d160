/*
 * Data handling of a document: from elements to what dhp.c compares. It is built, and refused if
 * invalid, although only tests use it: so a document that is valid today stays valid when data
 * handling is switched on.
 *
 * Preferences are collected from the whole document into one list, since a binding may name any of
 * them; bindings stay at the node where they were written. PolicyIds have a name space of their
 * own, apart from the ids of rules and policies.
 */
#include "base/map.h"
#include "policy/build.h"
#include "policy/dhp.h"

struct builder {
	struct pz_policy_document *doc;
	struct pz_policy_fault *fault;
	struct pz_map *ids;
};

static enum pz_err
out_of_memory(struct builder *b)
{
	return pz_policy_fail(b->fault, 0, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

/* The grammar allows elements with empty text (an empty Purpose means all purposes); a URI or an
 * address must not be empty. */
static enum pz_err
copy_text(struct builder *b, const struct pz_policy_xml *xml, struct pz_slice *out)
{
	if (xml == NULL || xml->text.len == 0) /* the caller has found an element that needs it */
		return pz_policy_fail(b->fault, xml ? xml->line : 0, PZ_ERR_CONFIG, "<%s> is empty",
				      xml ? pz_policy_elements[xml->element].name : "element");
	return pz_arena_copy(&b->doc->arena, xml->text, out) ? PZ_OK : out_of_memory(b);
}

/* A child that is required. The grammar says what may be in an element, and how often, not what
 * must. */
static enum pz_err
need(struct builder *b, const struct pz_policy_xml *xml, enum pz_policy_element element,
     const struct pz_policy_xml **out)
{
	*out = pz_policy_xml_child(xml, element);
	if (*out == NULL)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG, "<%s> needs <%s>",
				      pz_policy_elements[xml->element].name,
				      pz_policy_elements[element].name);
	return PZ_OK;
}

static size_t
count_of(const struct pz_policy_xml *xml, enum pz_policy_element element)
{
	size_t count = 0;

	for (const struct pz_policy_xml *child = xml ? xml->first : NULL; child;
	     child = child->next)
		count += child->element == element ? 1 : 0;
	return count;
}

/* Purpose elements; an empty one means all purposes, an unknown one is ignored. */
static uint64_t
purposes_of(const struct pz_policy_xml *xml)
{
	uint64_t purposes = 0;

	for (const struct pz_policy_xml *child = xml ? xml->first : NULL; child;
	     child = child->next) {
		if (child->element == PZ_POLICY_E_PURPOSE)
			purposes |= child->text.len ? pz_policy_purpose_find(child->text)
						    : PZ_POLICY_ALL_PURPOSES;
	}
	return purposes;
}

static enum pz_err
build_delay(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_trigger *t)
{
	const struct pz_policy_xml *delay, *duration;

	PZ_TRY(need(b, xml, PZ_POLICY_E_MAX_DELAY, &delay));
	PZ_TRY(need(b, delay, PZ_POLICY_E_DURATION, &duration));
	if (!pz_policy_duration_parse(duration->text, &t->delay))
		return pz_policy_fail(b->fault, duration->line, PZ_ERR_CONFIG,
				      "\"%.40s\" is no duration: write it as P0Y0M7DT0H0M0S",
				      (const char *)duration->text.ptr);
	return PZ_OK;
}

/* StartNow is the absence of a date. An empty StartTime cannot occur here: the grammar requires a
 * child. */
static enum pz_err
build_start(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_trigger *t)
{
	const struct pz_policy_xml *start, *date;

	PZ_TRY(need(b, xml, PZ_POLICY_E_START_TIME, &start));
	date = pz_policy_xml_child(start, PZ_POLICY_E_DATE_AND_TIME);
	t->starts_now = date == NULL;
	if (date && start->children > 1)
		return pz_policy_fail(b->fault, start->line, PZ_ERR_CONFIG,
				      "<StartTime> is either StartNow or DateAndTime");
	if (date && !pz_policy_time_parse(date->text, &t->start_ms))
		return pz_policy_fail(b->fault, date->line, PZ_ERR_CONFIG,
				      "\"%.40s\" is no date: write it as "
				      "2012-12-10T14:00:00+01:00",
				      (const char *)date->text.ptr);
	return PZ_OK;
}

/* Triggers of the grammar are in the order of their kinds. */
static enum pz_err
build_trigger(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_trigger *t)
{
	const struct pz_policy_xml *uri;

	t->kind = (enum pz_policy_trigger_kind)(xml->element - PZ_POLICY_E_TRIGGER_AT_TIME);
	if (t->kind == PZ_POLICY_TRIGGER_ACCESS) {
		PZ_TRY(need(b, xml, PZ_POLICY_E_ACCESS_URI, &uri));
		return copy_text(b, uri, &t->uri);
	}
	if (t->kind == PZ_POLICY_TRIGGER_AT_TIME)
		PZ_TRY(build_start(b, xml, t));
	t->purposes = purposes_of(xml);
	return build_delay(b, xml, t);
}

/* All children of an obligation; those that are no actions are its triggers. */
static enum pz_err
build_action(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_obligation *o)
{
	const struct pz_policy_xml *child;

	if (xml->element < PZ_POLICY_E_ACTION_DELETE ||
	    xml->element > PZ_POLICY_E_ACTION_SECURE_LOG)
		return PZ_OK;
	if (o->action != PZ_POLICY_ACTION_NONE)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
				      "a second action in <Obligation>: write two obligations");
	o->action = (enum pz_policy_action)(PZ_POLICY_ACTION_DELETE + xml->element -
					    PZ_POLICY_E_ACTION_DELETE);
	if (o->action != PZ_POLICY_ACTION_NOTIFY)
		return PZ_OK;
	PZ_TRY(need(b, xml, PZ_POLICY_E_MEDIA, &child));
	PZ_TRY(copy_text(b, child, &o->media));
	PZ_TRY(need(b, xml, PZ_POLICY_E_ADDRESS, &child));
	return copy_text(b, child, &o->address);
}

static enum pz_err
build_obligation(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_obligation *o)
{
	const struct pz_policy_xml *set, *child;

	PZ_TRY(need(b, xml, PZ_POLICY_E_TRIGGERS_SET, &set));
	for (child = xml->first; child; child = child->next)
		PZ_TRY(build_action(b, child, o));
	o->triggers = pz_arena_alloc(&b->doc->arena, set->children, sizeof(*o->triggers));
	if (o->triggers == NULL)
		return out_of_memory(b);
	for (child = set->first; child; child = child->next)
		PZ_TRY(build_trigger(b, child, &o->triggers[o->trigger_count++]));
	return PZ_OK;
}

static enum pz_err
check_policy_id(struct builder *b, const struct pz_policy_xml *xml, struct pz_slice id)
{
	void *old = NULL;

	if (id.len == 0)
		return PZ_OK;
	if (pz_map_put(b->ids, id, b, &old) != PZ_OK)
		return out_of_memory(b);
	if (old)
		return pz_policy_fail(
			b->fault, xml->line, PZ_ERR_CONFIG,
			"PolicyId \"%.60s\" is there already: it names one preference",
			(const char *)id.ptr);
	return PZ_OK;
}

static enum pz_err
build_preference(struct builder *b, const struct pz_policy_xml *xml,
		 struct pz_policy_preference *preference)
{
	const struct pz_policy_xml *set = pz_policy_xml_child(xml, PZ_POLICY_E_AUTHORIZATIONS_SET);
	struct pz_slice id = pz_policy_xml_value(xml, PZ_POLICY_A_POLICY_ID);

	PZ_TRY(check_policy_id(b, xml, id));
	if (!pz_arena_copy(&b->doc->arena, id, &preference->policy_id))
		return out_of_memory(b);
	preference->has_authorizations = set != NULL;
	if (set)
		preference->purposes = purposes_of(pz_policy_xml_child(set, PZ_POLICY_E_AUTHZ_USE));
	set = pz_policy_xml_child(xml, PZ_POLICY_E_OBLIGATIONS_SET);
	preference->obligations = pz_arena_alloc(&b->doc->arena, set ? set->children : 0,
						 sizeof(*preference->obligations));
	if (preference->obligations == NULL)
		return out_of_memory(b);
	for (const struct pz_policy_xml *child = set ? set->first : NULL; child;
	     child = child->next)
		PZ_TRY(build_obligation(b, child,
					&preference->obligations[preference->obligation_count++]));
	return PZ_OK;
}

/* Searches below a set, a policy or a rule; the depth is bounded. */
static size_t
count_preferences(const struct pz_policy_xml *xml)
{
	size_t count = count_of(xml, PZ_POLICY_E_PREFERENCES);

	for (const struct pz_policy_xml *child = xml->first; child; child = child->next) {
		if (child->element <= PZ_POLICY_E_RULE)
			count += count_preferences(child);
	}
	return count;
}

static enum pz_err
build_preferences(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_dhp *dhp)
{
	for (const struct pz_policy_xml *child = xml->first; child; child = child->next) {
		if (child->element == PZ_POLICY_E_PREFERENCES)
			PZ_TRY(build_preference(b, child, &dhp->list[dhp->count++]));
		else if (child->element <= PZ_POLICY_E_RULE)
			PZ_TRY(build_preferences(b, child, dhp));
	}
	return PZ_OK;
}

enum pz_err
pz_policy_dhp_build(struct pz_policy_document *doc, const struct pz_policy_xml *root,
		    struct pz_policy_fault *fault)
{
	struct builder b = {doc, fault, NULL};
	size_t count = count_preferences(root);
	enum pz_err err;

	if (count == 0)
		return PZ_OK;
	b.ids = pz_map_new();
	doc->dhp = pz_arena_alloc(&doc->arena, 1, sizeof(*doc->dhp));
	if (doc->dhp)
		doc->dhp->list = pz_arena_alloc(&doc->arena, count, sizeof(*doc->dhp->list));
	if (b.ids == NULL || doc->dhp == NULL || doc->dhp->list == NULL)
		err = out_of_memory(&b);
	else
		err = build_preferences(&b, root, doc->dhp);
	pz_map_free(b.ids);
	return err;
}

/* ---- ProvisionalActions ---- */

/* DeveloperProvidedDescription may be between the two values; it is for people. */
static enum pz_err
build_binding(struct builder *b, const struct pz_policy_xml *xml, struct pz_policy_binding *binding)
{
	const struct pz_policy_xml *a = pz_policy_xml_child(xml, PZ_POLICY_E_ATTRIBUTE_VALUE);
	const struct pz_policy_xml *other = a ? a->next : NULL;

	while (other && other->element != PZ_POLICY_E_ATTRIBUTE_VALUE)
		other = other->next;
	if (other == NULL || count_of(xml, PZ_POLICY_E_ATTRIBUTE_VALUE) != 2)
		return pz_policy_fail(b->fault, xml->line, PZ_ERR_CONFIG,
				      "<ProvisionalAction> needs two <AttributeValue>: a feature "
				      "and a PolicyId");
	PZ_TRY(copy_text(b, a, &binding->a));
	return copy_text(b, other, &binding->b);
}

enum pz_err
pz_policy_bindings_build(struct pz_policy_document *doc, const struct pz_policy_xml *xml,
			 struct pz_policy_node *node, struct pz_policy_fault *fault)
{
	size_t count = count_of(xml, PZ_POLICY_E_PROVISIONAL_ACTIONS);
	struct builder b = {doc, fault, NULL};

	if (count == 0)
		return PZ_OK;
	node->bindings = pz_arena_alloc(&doc->arena, count, sizeof(*node->bindings));
	if (node->bindings == NULL)
		return out_of_memory(&b);
	for (const struct pz_policy_xml *set = xml->first; set; set = set->next) {
		if (set->element != PZ_POLICY_E_PROVISIONAL_ACTIONS)
			continue;
		struct pz_policy_bindings *one = &node->bindings[node->bindings_count++];

		one->list = pz_arena_alloc(&doc->arena, set->children, sizeof(*one->list));
		if (one->list == NULL)
			return out_of_memory(&b);
		for (const struct pz_policy_xml *child = set->first; child; child = child->next)
			PZ_TRY(build_binding(&b, child, &one->list[one->count++]));
	}
	return PZ_OK;
}
