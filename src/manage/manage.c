/*
 * The service PolicyManagement (page 9, 14): its methods for programs of the owner. Reads are
 * answered at once; a change runs as the command `policy set`, as on the command line, and the call
 * is answered when it ends.
 */
#include "manage/manage.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "manage/element.h"
#include "manage/tree.h"
#include "policies/commands.h"
#include "policies/path.h"
#include "rpc/error.h"
#include "wire/json.h"

/* The slots by their numbers in page 9, 14. */
static const enum pz_policy_slot slots[] = {
	PZ_POLICY_SLOT_MANUFACTURER,
	PZ_POLICY_SLOT_USER,
	PZ_POLICY_SLOT_APP,
	PZ_POLICY_SLOT_EXCEPTIONS,
};

/* One method call. */
struct method {
	struct pz_manage *manage;
	struct pz_call *call;
	const json_t *params;
	enum pz_policy_slot slot;
};

/* A change that is not finished yet. */
struct change {
	struct pz_list node;
	struct pz_call *call;
	struct pz_request *request;
	struct pz_policies *policies;
	enum pz_policy_slot slot;
	bool is_element; /* answered with the new sequence number */
};

/* ---- answers ---- */

/* Errors have the names of WebIDL, which web pages know; the detail is for people. */
static void
refuse(const struct method *m, enum pz_err err, const char *detail)
{
	if (err == PZ_ERR_NOTFOUND)
		pz_call_error(m->call, "NotFoundError", detail);
	else if (err == PZ_ERR_DENIED || err == PZ_ERR_EXISTS)
		pz_call_error(m->call, "InvalidStateError", detail);
	else
		pz_call_fault(m->call, PZ_RPC_INVALID_PARAMS, detail);
}

/* @return false: the call has ended */
static bool
is_done(const struct method *m, enum pz_err err, const struct pz_errinfo *info)
{
	if (err != PZ_OK)
		refuse(m, err, pz_errinfo_text(info, err));
	return err == PZ_OK;
}

static enum pz_err
at_line(struct pz_policy_fault *fault, enum pz_err err, struct pz_errinfo *info)
{
	return err == PZ_OK ? err
			    : pz_fail(info, err, "line %u: %s", fault->line,
				      pz_errinfo_text(&fault->info, err));
}

/* ---- documents ---- */

/* A document in its JSON form: a string, as in the original, or the object itself. The result is a
 * new text. */
static enum pz_err
text_of_param(const json_t *param, char **out, struct pz_errinfo *info)
{
	json_t *tree = json_is_string(param) ? pz_json_parse(pz_slice_of(json_string_value(param),
									 json_string_length(param)),
							     NULL)
					     : json_incref((json_t *)(uintptr_t)param);
	enum pz_err err = json_is_object(tree) ? pz_policy_tree_to_text(tree, out, info)
					       : pz_fail(info, PZ_ERR_PROTO_MEMBER,
							 "a document in its JSON form is needed");

	json_decref(tree);
	return err;
}

static enum pz_err
tree_of_slot(const struct method *m, json_t **out, struct pz_errinfo *info)
{
	struct pz_policies_slot slot = pz_policies_slot(m->manage->policies, m->slot);
	struct pz_policy_fault fault = {0, {""}};

	if (slot.text.ptr == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND, "the slot %s has no document",
			       pz_policy_slot_name(m->slot));
	return at_line(&fault, pz_policy_tree_from_text(slot.text, out, &fault), info);
}

static void
get_policy(struct method *m)
{
	struct pz_errinfo info = {""};
	json_t *tree = NULL;

	if (is_done(m, tree_of_slot(m, &tree, &info), &info))
		pz_call_result(m->call, tree);
}

static void
get_version(struct method *m)
{
	struct pz_policies_slot slot = pz_policies_slot(m->manage->policies, m->slot);

	pz_call_result(m->call,
		       json_pack("{s:s, s:s, s:I, s:s}", "slot", pz_policy_slot_name(m->slot),
				 "state", pz_policies_state_text(slot.state), "sequence",
				 (json_int_t)slot.version.sequence, "author", slot.version.author));
}

static void
validate(struct method *m)
{
	struct pz_policy_document *document = NULL;
	struct pz_policy_fault fault = {0, {""}};
	PZ_AUTO_FREE char *text = NULL;

	enum pz_err err = text_of_param(json_array_get(m->params, 0), &text, &fault.info);
	if (err == PZ_OK)
		err = pz_policies_parse(m->manage->policies, pz_slice_str(text), &document, &fault);
	json_t *result = json_pack("{s:b}", "valid", err == PZ_OK);
	if (err == PZ_OK)
		json_object_set_new(result, "rules",
				    json_integer((json_int_t)pz_policy_document_rules(document)));
	else
		json_object_set_new(result, "error",
				    json_string(pz_errinfo_text(&fault.info, err)));
	pz_policy_document_unref(document);
	pz_call_result(m->call, result);
}

/* ---- tests ---- */

static json_t *
decision_json(const struct pz_policy_slots *by, const struct pz_policy_request *request)
{
	struct pz_policy_decision d = pz_policy_decide(by, request, 0);
	json_t *all = json_object();

	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++)
		if (by->document[i] || by->is_corrupt[i])
			json_object_set_new(all, pz_policy_slot_name((enum pz_policy_slot)i),
					    json_pack("{s:i, s:o}", "effect",
						      (int)d.slots[i].effect, "path",
						      pz_policies_path_json(d.slots[i].node)));
	return json_pack("{s:i, s:o}", "effect", (int)d.effect, "slots", all);
}

/* Asks no person, counts nothing and writes nothing; the environment is that of the request. A test
 * must not use up a "once", nor appear in the log of decisions. */
static void
test(struct method *m, const struct pz_policy_slots *by)
{
	PZ_AUTO_FREE char *text = json_dumps(json_array_get(m->params, 1), 0);
	struct pz_policy_request *request = NULL;
	struct pz_errinfo info = {""};
	uint64_t now_ms = pz_env_wall_ms(m->manage->requests->env);

	enum pz_err err =
		text ? pz_policy_request_parse(pz_slice_str(text), (int64_t)now_ms, &request, &info)
		     : pz_fail(&info, PZ_ERR_PROTO_MEMBER, "a request is needed");
	if (is_done(m, err, &info))
		pz_call_result(m->call, decision_json(by, request));
	pz_policy_request_free(request);
}

static void
test_policy(struct method *m)
{
	test(m, pz_policies_slots(m->manage->policies));
}

/* The candidate replaces the owner's policy. */
static void
test_new_policy(struct method *m)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *document = NULL;
	struct pz_policy_slots by = *pz_policies_slots(m->manage->policies);
	struct pz_policy_fault fault = {0, {""}};
	struct pz_errinfo info = {""};
	PZ_AUTO_FREE char *text = NULL;

	enum pz_err err = text_of_param(json_array_get(m->params, 0), &text, &info);
	if (err == PZ_OK)
		err = at_line(&fault,
			      pz_policies_parse(m->manage->policies, pz_slice_str(text), &document,
						&fault),
			      &info);
	if (!is_done(m, err, &info))
		return;
	by.document[PZ_POLICY_SLOT_USER] = document;
	/* The slot may be corrupt now, but the test is about the new document. */
	by.is_corrupt[PZ_POLICY_SLOT_USER] = false;
	test(m, &by);
}

/* ---- changes ---- */

static json_t *
result_of(const struct change *c, const json_t *result)
{
	json_t *sequence = json_object_get(result, "sequence");

	if (!c->is_element)
		return json_true();
	return sequence ? json_incref(sequence)
			: json_integer((json_int_t)pz_policies_slot(c->policies, c->slot)
					       .version.sequence);
}

static void
on_changed(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct change *c = arg;
	const struct method m = {.call = c->call};

	pz_list_remove(&c->node);
	if (c->call && err == PZ_OK)
		pz_call_result(c->call, result_of(c, result));
	else if (c->call)
		refuse(&m, err, detail);
	free(c);
}

static const struct pz_reply reply = {.done = on_changed};

/* @param base NULL: the present document */
static void
set(struct method *m, const char *text, const json_t *base, bool is_element)
{
	json_t *params = json_pack("{s:s, s:s, s:O*}", "slot", pz_policy_slot_name(m->slot),
				   "document", text, "base", base);
	struct change *c = params ? calloc(1, sizeof(*c)) : NULL;

	if (c)
		c->request = pz_request_new(m->manage->requests, params, &reply, c);
	json_decref(params);
	if (c == NULL || c->request == NULL) {
		free(c);
		pz_call_fault(m->call, PZ_RPC_INTERNAL_ERROR, NULL);
		return;
	}
	c->call = m->call;
	c->policies = m->manage->policies;
	c->slot = m->slot;
	c->is_element = is_element;
	pz_list_append(&m->manage->changes, &c->node);
	pz_policies_set_command(m->manage->policies, c->request);
}

static void
set_policy(struct method *m)
{
	struct pz_errinfo info = {""};
	PZ_AUTO_FREE char *text = NULL;

	if (is_done(m, text_of_param(json_array_get(m->params, 1), &text, &info), &info))
		set(m, text, NULL, false);
}

typedef enum pz_err (*edit)(json_t *tree, const json_t *params, struct pz_errinfo *info);

static const char *
word(const json_t *params, size_t i)
{
	const char *text = pz_json_text(json_array_get(params, i));

	return text ? text : "";
}

/* Parameters: slot, the sequence number on which the change is based, and those of the change. */
static void
change(struct method *m, edit apply)
{
	/* Optimistic locking: `policy set` refuses a change that was made from an older document
	 * than the present one. */
	const json_t *base = json_array_get(m->params, 1);
	struct pz_errinfo info = {""};
	PZ_AUTO_FREE char *text = NULL;
	json_t *tree = NULL;

	enum pz_err err = json_is_integer(base)
				  ? tree_of_slot(m, &tree, &info)
				  : pz_fail(&info, PZ_ERR_PROTO_MEMBER,
					    "the second parameter is a sequence number");
	if (err == PZ_OK)
		err = apply(tree, m->params, &info);
	if (err == PZ_OK)
		err = pz_policy_tree_to_text(tree, &text, &info);
	json_decref(tree);
	if (is_done(m, err, &info))
		set(m, text, base, true);
}

static enum pz_err
add(json_t *tree, const json_t *params, struct pz_errinfo *info)
{
	return pz_policy_element_add(tree, word(params, 2),
				     json_integer_value(json_array_get(params, 3)),
				     json_array_get(params, 4), info);
}

static enum pz_err
update(json_t *tree, const json_t *params, struct pz_errinfo *info)
{
	return pz_policy_element_update(tree, word(params, 2), json_array_get(params, 3), info);
}

static enum pz_err
take_out(json_t *tree, const json_t *params, struct pz_errinfo *info)
{
	return pz_policy_element_remove(tree, word(params, 2), info);
}

static enum pz_err
add_rule(json_t *tree, const json_t *params, struct pz_errinfo *info)
{
	return pz_policy_element_add_rule(tree, word(params, 2),
					  json_integer_value(json_array_get(params, 3)),
					  json_array_get(params, 4), info);
}

static enum pz_err
remove_rule(json_t *tree, const json_t *params, struct pz_errinfo *info)
{
	return pz_policy_element_remove_rule(tree, word(params, 2), word(params, 3), info);
}

/* ---- methods ---- */

static const struct {
	const char *name;
	bool has_slot, is_change;
	void (*run)(struct method *m);
	edit apply; /* of one element; instead of run */
} methods[] = {
	{"getPolicy", true, false, get_policy, NULL},
	{"getVersion", true, false, get_version, NULL},
	{"setPolicy", true, true, set_policy, NULL},
	{"validatePolicy", false, false, validate, NULL},
	{"testPolicy", true, false, test_policy, NULL},
	{"testNewPolicy", false, false, test_new_policy, NULL},
	{"addPolicy", true, true, NULL, add},
	{"updatePolicy", true, true, NULL, update},
	{"removePolicy", true, true, NULL, take_out},
	{"addRule", true, true, NULL, add_rule},
	{"removeRule", true, true, NULL, remove_rule},
};

/* @return false: the call has ended */
static bool
read_slot(struct method *m, bool is_change)
{
	const json_t *number = json_array_get(m->params, 0);
	json_int_t at = json_is_integer(number) ? json_integer_value(number) : -1;

	if (at < 0 || at >= (json_int_t)(sizeof(slots) / sizeof(slots[0]))) {
		pz_call_fault(m->call, PZ_RPC_INVALID_PARAMS,
			      "slot: 0 manufacturer, 1 user, 2 application or 3 exceptions");
		return false;
	}
	m->slot = slots[at];
	if (is_change && m->slot == PZ_POLICY_SLOT_MANUFACTURER) {
		pz_call_error(m->call, "InvalidStateError",
			      "the manufacturer's policy is a file of the installation");
		return false;
	}
	if (is_change && m->slot == PZ_POLICY_SLOT_APP) {
		pz_call_error(m->call, "InvalidStateError",
			      "what apps may ask for is changed by their manifests: `pzp app "
			      "install`");
		return false;
	}
	return true;
}

bool
pz_manage_call(struct pz_manage *manage, struct pz_call *call, const char *function,
	       const json_t *params)
{
	struct method m = {.manage = manage, .call = call, .params = params};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(function, methods[i].name) != 0)
			continue;
		if (methods[i].has_slot && !read_slot(&m, methods[i].is_change))
			return true;
		if (methods[i].run)
			methods[i].run(&m);
		else
			change(&m, methods[i].apply);
		return true;
	}
	return false;
}

void
pz_manage_call_ended(struct pz_manage *manage, const struct pz_call *call)
{
	PZ_LIST_EACH (&manage->changes, node, tmp) {
		/* The change may be on disk by now; the next getPolicy shows the result. */
		struct change *c = PZ_CONTAINER(node, struct change, node);
		if (c->call == call)
			c->call = NULL; /* a change that has begun continues */
	}
}

void
pz_manage_init(struct pz_manage *manage, struct pz_requests *requests, struct pz_policies *policies)
{
	manage->requests = requests;
	manage->policies = policies;
	pz_list_init(&manage->changes);
}

void
pz_manage_fini(struct pz_manage *manage)
{
	/* Never started, because the node had no store. */
	if (manage->policies == NULL)
		return;
	PZ_LIST_EACH (&manage->changes, node, tmp) {
		struct change *c = PZ_CONTAINER(node, struct change, node);
		pz_request_cancel(c->request);
		pz_list_remove(node);
		free(c);
	}
}
