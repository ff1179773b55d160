/*
 * The commands about policy documents: list, show, set, compare. Only two slots can be set: the
 * exceptions of this device, which are stored here, and the owner's policy, which the hub keeps and
 * signs, so a change of it waits for the hub (edit.c). A document is always checked here too, so
 * that the person gets the error at once.
 */
#include "policies/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "command/table.h"
#include "policies/internal.h"
#include "wire/json.h"

/* ---- what is in the slots ---- */

static json_t *
slot_json(const struct pz_policies *p, enum pz_policy_slot slot)
{
	const struct pz_policies_content *c = &p->contents[slot];
	char hash[2 * PZ_POLICY_SHA256_BYTES + 1];

	pz_hex_encode(c->version.sha256, sizeof(c->version.sha256), hash);
	json_t *one = json_pack(
		"{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:I}", "slot", pz_policy_slot_name(slot),
		"state", pz_policies_state_text(c->state), "sequence",
		(json_int_t)c->version.sequence, "time",
		c->version.time_ms ? json_integer((json_int_t)c->version.time_ms) : json_null(),
		"author", c->version.author[0] ? json_string(c->version.author) : json_null(),
		"sha256", c->document ? json_string(hash) : json_null(), "rules",
		c->document ? json_integer((json_int_t)pz_policy_document_rules(c->document))
			    : json_null(),
		"bytes", (json_int_t)c->len);
	/* The disk is full: the policy is in force, but a restart may load the former one. */
	if (one && slot == PZ_POLICY_SLOT_USER && c->state == PZ_POLICIES_VALID)
		json_object_set_new(one, "stored",
				    json_boolean(p->config.is_user_stored == NULL ||
						 p->config.is_user_stored(p->config.arg)));
	if (one && c->state == PZ_POLICIES_CORRUPT)
		json_object_set_new(one, "error", json_string(c->reason.text));
	return one;
}

void
pz_policies_list_command(struct pz_policies *p, struct pz_request *request)
{
	static const enum pz_policy_slot slots[] = {
		PZ_POLICY_SLOT_MANUFACTURER,
		PZ_POLICY_SLOT_EXCEPTIONS,
		PZ_POLICY_SLOT_USER,
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		json_array_append_new(list, slot_json(p, slots[i]));
	pz_request_answer(request, list);
}

/* @return false: the request has ended */
static bool
read_slot(struct pz_request *request, enum pz_policy_slot *out)
{
	const char *name = pz_json_str(request->params, "slot");

	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++) {
		if (strcmp(name, pz_policy_slot_name((enum pz_policy_slot)i)) == 0) {
			*out = (enum pz_policy_slot)i;
			return true;
		}
	}
	pz_request_fail(request, PZ_ERR_CONFIG,
			"slot: must be user, exceptions, app, grants or manufacturer");
	return false;
}

struct counted {
	const struct pz_policies *policies;
	json_t *calls;
};

static void
add_counter(void *arg, struct pz_slice name)
{
	const struct counted *c = arg;
	char text[PZ_POLICY_COUNTER_BYTES_MAX + 1];

	if (name.len > PZ_POLICY_COUNTER_BYTES_MAX)
		return;
	snprintf(text, sizeof(text), "%.*s", PZ_SLICE_FMT(name));
	json_object_set_new(c->calls, text,
			    json_integer((json_int_t)pz_policies_calls(c->policies, name)));
}

/* The limits in calls that the document names, with this device's counters. */
static json_t *
counters_json(const struct pz_policies *p, const struct pz_policies_content *content)
{
	struct counted c = {p, json_object()};

	if (content->document)
		pz_policy_document_each_counter(content->document, add_counter, &c);
	return c.calls;
}

void
pz_policies_show_command(struct pz_policies *p, struct pz_request *request)
{
	enum pz_policy_slot slot;

	if (!read_slot(request, &slot))
		return;
	const struct pz_policies_content *c = &p->contents[slot];
	json_t *one = slot_json(p, slot);
	/* A corrupt document may not even be text. */
	json_t *text = c->text ? json_stringn(c->text, c->len) : NULL;
	json_object_set_new(one, "document", text ? text : json_null());
	json_object_set_new(one, "counters", counters_json(p, c));
	pz_request_answer(request, one);
}

/* ---- a change ---- */

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct pz_request *request = arg;

	if (err == PZ_OK)
		pz_request_answer(request, json_pack("{s:s}", "slot", "exceptions"));
	else
		pz_request_fail(request, err, detail);
}

/* Without a base the change is based on the document here: it conflicts if the hub has another. */
static uint64_t
base_of(const struct pz_policies *p, const struct pz_request *request, enum pz_policy_slot slot)
{
	int64_t base = pz_request_int(request, "base", -1);

	return base < 0 ? p->contents[slot].version.sequence : (uint64_t)base;
}

static void
set_exceptions(struct pz_policies *p, struct pz_request *request, struct pz_slice text)
{
	struct pz_errinfo info = {""};
	uint64_t base = base_of(p, request, PZ_POLICY_SLOT_EXCEPTIONS);

	enum pz_err err = pz_policies_set_exceptions(p, text, base, p->config.self, on_stored,
						     request, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

/* Checked here, so that the person gets the error at once: the hub checks again. */
static bool
is_valid(struct pz_policies *p, struct pz_request *request, struct pz_slice text)
{
	struct pz_policy_document *document = NULL;
	struct pz_policy_fault fault = {0, {""}};
	struct pz_errinfo info = {""};

	enum pz_err err = pz_policies_parse(p, text, &document, &fault);
	pz_policy_document_unref(document);
	if (err == PZ_OK && text.len > PZ_POLICY_ZONE_BYTES_MAX)
		err = pz_fail(&fault.info, PZ_ERR_LIMIT, "longer than %d bytes",
			      PZ_POLICY_ZONE_BYTES_MAX);
	if (err != PZ_OK)
		(void)pz_fail(&info, err, "line %u: %s", fault.line,
			      pz_errinfo_text(&fault.info, err));
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
	return err == PZ_OK;
}

/* Nothing can be allowed without the hub: if a device could sign a policy, a stolen one could, too.
 */
static void
set_user(struct pz_policies *p, struct pz_request *request, struct pz_slice text)
{
	const struct pz_policies_hub *hub = p->config.hub;

	if (text.ptr == NULL)
		pz_request_fail(request, PZ_ERR_CONFIG,
				"remove: only exceptions can be removed; set another user policy");
	else if (!is_valid(p, request, text))
		return;
	else if (hub == NULL || !hub->is_up(hub->arg))
		pz_request_fail(
			request, PZ_ERR_IO_CLOSED,
			"the hub keeps the user policy, and is not connected: nothing can be "
			"allowed until it is (`pzp connect`); the exceptions of this device "
			"can only forbid more");
	else
		pz_policies_ask_hub(p, hub, request, text, base_of(p, request, PZ_POLICY_SLOT_USER),
				    json_is_true(json_object_get(request->params, "force")));
}

void
pz_policies_set_command(struct pz_policies *p, struct pz_request *request)
{
	const json_t *document = json_object_get(request->params, "document");
	bool is_removal = json_is_true(json_object_get(request->params, "remove"));
	enum pz_policy_slot slot;

	if (!read_slot(request, &slot))
		return;
	if (is_removal == (document != NULL)) {
		pz_request_fail(request, PZ_ERR_CONFIG, "either document or remove is needed");
		return;
	}
	struct pz_slice text =
		pz_slice_of(json_string_value(document), json_string_length(document));
	if (slot == PZ_POLICY_SLOT_MANUFACTURER)
		pz_request_fail(request, PZ_ERR_DENIED,
				"the manufacturer's policy is a file of the installation; it is "
				"not set by commands");
	else if (slot == PZ_POLICY_SLOT_GRANTS)
		pz_request_fail(request, PZ_ERR_DENIED,
				"what this device grants is changed by `pzp share --here` and "
				"`pzp unshare --here`");
	else if (slot == PZ_POLICY_SLOT_APP)
		pz_request_fail(request, PZ_ERR_DENIED,
				"what apps may ask for is changed by `pzp app install` and `pzp "
				"app remove`");
	else if (slot == PZ_POLICY_SLOT_EXCEPTIONS)
		set_exceptions(p, request, text);
	else
		set_user(p, request, text);
}

/* ---- what a change would mean ---- */

/* The other slots stay as they are. Nothing is changed: the candidate is only in the copy of the
 * slots. */
void
pz_policies_compare_command(struct pz_policies *p, struct pz_request *request)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *document = NULL;
	const json_t *text = json_object_get(request->params, "document");
	struct pz_policy_slots slots = *pz_policies_slots(p);
	struct pz_policy_fault fault = {0, {""}};
	struct pz_errinfo info = {""};
	enum pz_policy_slot slot;

	if (!read_slot(request, &slot))
		return;
	enum pz_err err =
		pz_policies_parse(p, pz_slice_of(json_string_value(text), json_string_length(text)),
				  &document, &fault);
	if (err != PZ_OK) {
		(void)pz_fail(&info, err, "line %u: %s", fault.line,
			      pz_errinfo_text(&fault.info, err));
		pz_request_fail(request, err, info.text);
		return;
	}
	slots.document[slot] = document;
	slots.is_corrupt[slot] = false;
	pz_request_answer(request, p->config.compare ? p->config.compare(p->config.arg, &slots)
						     : json_pack("{s:i, s:[]}", "requests", 0,
								 "differences"));
}
