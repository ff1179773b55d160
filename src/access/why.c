/* The last decisions and their reasons. A decision records only its request and documents: texts
 * are made when a person asks for them. */
#include <stdlib.h>

#include "access/internal.h"
#include "base/auto.h"
#include "policy/attribute.h"

void
pz_access_kept_free(struct pz_access_kept *kept)
{
	/* Shared by the wait, the list of decisions and the remembered permits. */
	if (kept == NULL || --kept->references > 0)
		return;
	pz_policy_request_free(kept->request);
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++)
		pz_policy_document_unref(kept->documents[i]);
	free(kept->text);
	free(kept);
}

void
pz_access_note(struct pz_access *access, uint64_t id, uint64_t time_ms,
	       struct pz_access_kept *takes_kept)
{
	struct pz_access_noted *place = &access->noted[id % PZ_ACCESS_DECISIONS_KEPT];

	pz_access_kept_free(place->kept);
	*place = (struct pz_access_noted){id, time_ms, takes_kept};
}

static const struct pz_access_noted *
noted_of(const struct pz_access *access, uint64_t id)
{
	const struct pz_access_noted *noted = &access->noted[id % PZ_ACCESS_DECISIONS_KEPT];

	/* Id 0 is never assigned; a newer id has overwritten an old one in its place. */
	return noted->id == id && id > 0 ? noted : NULL;
}

/* ---- texts ---- */

static const char *
kind_text(enum pz_access_kind kind)
{
	static const char *const texts[] = {"program", "app", "device", "friend", "stranger"};

	return texts[kind];
}

static const char *
point_text(enum pz_access_point point)
{
	static const char *const texts[] = {"send",   "enter", "leave", "call",  "bind",
					    "stream", "find",  "show",  "manage"};

	return texts[point];
}

static const char *
verdict_text(enum pz_access_verdict verdict)
{
	static const char *const texts[] = {"permit", "deny", "refused", "asked"};

	return texts[verdict];
}

/* ---- one decision ---- */

/* The elements from the root of the document to the one that decided: [{id, line, text?}]. */
static json_t *
path_json(const struct pz_policy_node *node)
{
	json_t *path = json_array();
	const struct pz_policy_node *at;

	for (unsigned depth = 0; node && (at = pz_policy_node_at(node, depth)); depth++) {
		struct pz_slice text = pz_policy_node_description(at);
		char label[PZ_POLICY_LABEL_BYTES];

		pz_policy_node_label(at, label);
		json_t *one =
			json_pack("{s:s, s:i}", "id", label, "line", (int)pz_policy_node_line(at));
		if (text.len > 0)
			(void)json_object_set_new(one, "text",
						  json_stringn((const char *)text.ptr, text.len));
		(void)json_array_append_new(path, one);
	}
	return path;
}

static json_t *
slots_json(const struct pz_access_kept *kept)
{
	json_t *slots = json_object();

	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++) {
		const struct pz_policy_result *one = &kept->decision.slots[i];

		/* Without a document, and not corrupt: the slot had no part in the decision. */
		if (kept->documents[i] == NULL && one->effect == PZ_POLICY_INAPPLICABLE)
			continue; /* there is no document */
		(void)json_object_set_new(slots, pz_policy_slot_name((enum pz_policy_slot)i),
					  json_pack("{s:s, s:o}", "effect",
						    pz_policy_effect_name(one->effect), "path",
						    path_json(one->node)));
	}
	return slots;
}

static json_t *
bag_json(const struct pz_policy_bag *bag)
{
	json_t *values = json_array();

	if (bag->is_undetermined) {
		json_decref(values);
		return json_null();
	}
	for (size_t i = 0; i < bag->count; i++)
		(void)json_array_append_new(
			values, json_stringn((const char *)bag->values[i].ptr, bag->values[i].len));
	return values;
}

struct attributes {
	json_t *out;
	const struct pz_policy_request *request;
};

static void
add_attribute(void *arg, const struct pz_policy_attribute *attr)
{
	const struct attributes *a = arg;
	PZ_AUTO_FREE char *name = pz_slice_dup(attr->name);

	if (name)
		(void)json_object_set_new(a->out, name,
					  bag_json(pz_policy_request_bag(a->request, attr)));
}

/* What the elements on the path compared: {name: [value…]}, null if undetermined. */
static json_t *
attributes_json(const struct pz_access_kept *kept)
{
	struct attributes a = {json_object(), kept->request};
	const struct pz_policy_node *node =
		kept->decision.slot >= 0 ? kept->decision.slots[kept->decision.slot].node : NULL;
	const struct pz_policy_node *at;

	for (unsigned depth = 0; kept->request && node && (at = pz_policy_node_at(node, depth));
	     depth++)
		pz_policy_node_attributes(at, add_attribute, &a);
	return a.out;
}

static void
set_text(json_t *out, const char *key, const char *text)
{
	if (text && text[0])
		(void)json_object_set_new(out, key, json_string(text));
}

static json_t *
summary(const struct pz_access_noted *noted)
{
	const struct pz_access_kept *kept = noted->kept;
	json_t *out = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:b}", "id", (json_int_t)noted->id,
				"time", (json_int_t)noted->time_ms, "verdict",
				verdict_text(kept->verdict), "point", point_text(kept->point),
				"from", kept->caller.address, "caller",
				kind_text(kept->caller.kind), "asked", kept->was_asked);

	set_text(out, "answeredBy", kept->asked_by);
	set_text(out, "feature", kept->feature);
	set_text(out, "service", kept->service_id);
	set_text(out, "function", kept->function);
	set_text(out, "target", kept->target);
	set_text(out, "fault", kept->fault);
	return out;
}

json_t *
pz_access_decisions(const struct pz_access *access)
{
	json_t *list = json_array();

	for (uint64_t id = access->last_id;
	     id > 0 && access->last_id - id < PZ_ACCESS_DECISIONS_KEPT; id--) {
		const struct pz_access_noted *noted = noted_of(access, id);

		if (noted)
			(void)json_array_append_new(list, summary(noted));
	}
	return list;
}

/* The decision that a person most likely asks about: the newest denied call, else the newest
 * decision. */
static uint64_t
interesting(const struct pz_access *access)
{
	for (uint64_t id = access->last_id;
	     id > 0 && access->last_id - id < PZ_ACCESS_DECISIONS_KEPT; id--) {
		const struct pz_access_noted *noted = noted_of(access, id);

		if (noted && noted->kept->verdict != PZ_ACCESS_PERMIT &&
		    noted->kept->point != PZ_ACCESS_SHOW)
			return id;
	}
	return access->last_id;
}

json_t *
pz_access_why(const struct pz_access *access, uint64_t id)
{
	const struct pz_access_noted *noted = noted_of(access, id ? id : interesting(access));

	if (noted == NULL)
		return NULL;
	const struct pz_access_kept *kept = noted->kept;
	json_t *out = summary(noted);
	(void)json_object_set_new(out, "effect",
				  json_string(pz_policy_effect_name(kept->decision.effect)));
	if (kept->decision.slot >= 0)
		set_text(out, "slot",
			 pz_policy_slot_name((enum pz_policy_slot)kept->decision.slot));
	(void)json_object_set_new(out, "slots", slots_json(kept));
	(void)json_object_set_new(out, "attributes", attributes_json(kept));
	return out;
}

/* ---- what would be ---- */

static enum pz_policy_effect
effect_by(const struct pz_access *access, const struct pz_access_kept *kept,
	  const struct pz_policy_slots *slots)
{
	const struct pz_policy_slots at = pz_access_slots_at(access, kept, slots);

	return pz_policy_decide(&at, kept->request, 0).effect;
}

json_t *
pz_access_compare(struct pz_access *access, const struct pz_policy_slots *slots)
{
	const struct pz_policy_slots *now =
		access->ops->slots ? access->ops->slots(access->arg) : NULL;
	json_t *list = json_array();
	json_int_t requests = 0;

	for (uint64_t id = access->last_id;
	     now && id > 0 && access->last_id - id < PZ_ACCESS_DECISIONS_KEPT; id--) {
		const struct pz_access_noted *noted = noted_of(access, id);
		const struct pz_access_kept *kept = noted ? noted->kept : NULL;

		if (kept == NULL || kept->request == NULL)
			continue;
		requests++;
		pz_access_identities(access, kept->request); /* the names may be gone by now */
		enum pz_policy_effect before = effect_by(access, kept, now),
				      after = effect_by(access, kept, slots);
		if (before != after)
			(void)json_array_append_new(
				list, json_pack("{s:s, s:s, s:s, s:s}", "who", kept->caller.address,
						"what", kept->feature, "before",
						pz_policy_effect_name(before), "after",
						pz_policy_effect_name(after)));
	}
	return json_pack("{s:I, s:o?}", "requests", requests, "differences", list);
}
