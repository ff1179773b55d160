/*
 * The node's operations for policy: slots (policies/policies.h), prompts for the owner
 * (asking/asking.h) and the log of decisions (audit/audit.h), which access needs to judge a call.
 */
#include "pzp/policy_ops.h"

#include "access/access.h"
#include "asking/asking.h"
#include "audit/audit.h"
#include "base/auto.h"
#include "calls/devices.h"
#include "policies/grants.h"
#include "prompt/command.h"
#include "rpc/error.h"

/* ---- the slots ---- */

static void
on_changed(void *arg, unsigned slots)
{
	struct pz_node *node = arg;

	pz_access_changed(node->judge.access);
	/* Access gets the new documents before anything is reported: a watcher that calls at once
	 * must not be judged by the old ones. */
	for (unsigned i = 0; i < PZ_POLICY_SLOTS; i++)
		if (slots & 1U << i)
			pz_watch_event(
				&node->requests,
				json_pack("{s:s, s:s, s:I}", "event", "policy", "slot",
					  pz_policy_slot_name((enum pz_policy_slot)i), "sequence",
					  (json_int_t)pz_policies_slot(node->judge.policies,
								       (enum pz_policy_slot)i)
						  .version.sequence));
	if (slots & 1U << PZ_POLICY_SLOT_USER)
		pz_policies_hub_changed(&node->judge.policies_hub);
}

static void
on_counted(void *arg, uint64_t ticket, bool is_counted)
{
	const struct pz_node *node = arg;

	pz_access_counted(node->judge.access, ticket, is_counted);
}

static bool
on_is_hub_up(void *arg)
{
	const struct pz_node *node = arg;

	return pz_uplink_is_up(node->uplink);
}

static void
on_send(void *arg, const char *status, json_t *message)
{
	struct pz_node *node = arg;

	pz_uplink_send_prop(node->uplink, status, message);
}

static json_t *
on_compare(void *arg, const struct pz_policy_slots *slots)
{
	const struct pz_node *node = arg;

	return pz_access_compare(node->judge.access, slots);
}

/* Before there is zone data nothing is shared, so nothing can be missing on the disk. */
static bool
on_is_user_stored(void *arg)
{
	const struct pz_node *node = arg;

	return node->zonedata == NULL || pz_zonedata_is_policy_stored(node->zonedata);
}

/* True for a device that may have links with this one. */
static bool
on_is_friend(void *arg, const char *zone)
{
	const struct pz_node *node = arg;

	return pz_device_zone_friend(&node->zone, pz_slice_str(zone)) != NULL;
}

/* Access does not exist yet here, and is not needed: loading is reported from a timer, never from
 * inside (policies.h). */
enum pz_err
pz_node_policies_new(struct pz_node *node, struct pz_errinfo *info)
{
	node->judge.policies_hub = (struct pz_policies_hub){
		.requests = &node->requests,
		.is_up = on_is_hub_up,
		.send = on_send,
		.arg = node,
	};
	const struct pz_policies_config config = {
		.env = node->config.env,
		.store = node->config.store,
		.conditions = node->conditions,
		.changed = on_changed,
		.counted = on_counted,
		.compare = on_compare,
		.is_user_stored = on_is_user_stored,
		.is_friend = on_is_friend,
		.arg = node,
		.self = node->names.self,
		.hub = &node->judge.policies_hub,
	};

	PZ_TRY(pz_policies_new(&config, &node->judge.policies, info));
	pz_manage_init(&node->judge.manage, &node->requests, node->judge.policies);
	PZ_TRY(pz_policies_load(node->judge.policies, info));
	return pz_manifests_new(node->config.store, node->judge.policies, &node->judge.manifests,
				info);
}

/* Copies the owner's policy of the zone into the user's slot: called whenever it may have changed;
 * an equal document changes nothing. Damage is not absence: if the stored document cannot be read
 * the slot denies, since the default could allow what the owner has forbidden. */
void
pz_node_policies_follow(struct pz_node *node)
{
	const struct pz_knowledge *knowledge = node->zone.knowledge;
	struct pz_policy_record record;

	if (knowledge && pz_knowledge_is_policy_unreadable(knowledge))
		pz_policies_set_user_unreadable(
			node->judge.policies,
			"what is stored of it is damaged; the hub sends it again");
	else if (knowledge && pz_knowledge_policy(knowledge, &record))
		pz_policies_set_user(node->judge.policies, &record);
	else
		pz_policies_set_user(node->judge.policies, NULL);
}

static struct pz_policies *
policies_of(const struct pz_request *request)
{
	return ((const struct pz_node *)request->self)->judge.policies;
}

/* The object is known and the method is not: the caller was already permitted to manage, so it gets
 * that answer (E7). */
bool
pz_node_builtin(void *arg, struct pz_call *call, const char *object, const char *function,
		const json_t *params)
{
	struct pz_node *node = arg;

	if (strcmp(object, PZ_MANAGE_OBJECT) != 0)
		return false;
	if (!pz_manage_call(&node->judge.manage, call, function, params))
		pz_call_fault(call, PZ_RPC_METHOD_NOT_FOUND, NULL);
	return true;
}

void
pz_node_builtin_ended(void *arg, struct pz_call *call)
{
	struct pz_node *node = arg;

	pz_manage_call_ended(&node->judge.manage, call);
}

void
pz_node_policy_list_command(struct pz_request *request)
{
	pz_policies_list_command(policies_of(request), request);
}

void
pz_node_policy_show_command(struct pz_request *request)
{
	pz_policies_show_command(policies_of(request), request);
}

void
pz_node_policy_set_command(struct pz_request *request)
{
	pz_policies_set_command(policies_of(request), request);
}

void
pz_node_grant_command(struct pz_request *request)
{
	pz_grants_add_command(policies_of(request), request);
}

void
pz_node_grant_remove_command(struct pz_request *request)
{
	pz_grants_remove_command(policies_of(request), request);
}

void
pz_node_app_install_command(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_manifests_install_command(node->judge.manifests, request);
}

void
pz_node_app_show_command(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_manifests_show_command(node->judge.manifests, request);
}

void
pz_node_app_remove_command(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_manifests_remove_command(node->judge.manifests, request);
}

void
pz_node_policy_compare_command(struct pz_request *request)
{
	pz_policies_compare_command(policies_of(request), request);
}

/* ---- the log of decisions ---- */

enum pz_err
pz_node_audit_new(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_audit_config config = {
		.env = node->config.env,
		.store = node->config.store,
		.conditions = node->conditions,
	};

	return pz_audit_new(&config, &node->judge.audit, info);
}

static const char *
point_text(enum pz_access_point point)
{
	switch (point) {
	case PZ_ACCESS_SEND:
		return "send";
	case PZ_ACCESS_ENTER:
		return "enter";
	case PZ_ACCESS_LEAVE:
		return "leave";
	case PZ_ACCESS_INVOKE:
		return "call";
	case PZ_ACCESS_BIND:
		return "bind";
	case PZ_ACCESS_LISTEN:
		return "stream";
	case PZ_ACCESS_FIND:
		return "find";
	case PZ_ACCESS_SHOW:
		return "show";
	case PZ_ACCESS_MANAGE:
		return "manage";
	}
	return NULL;
}

/* The words of the audit. A failed judgment has no decision: the documents were not evaluated, and
 * `fault` has the reason. */
static void
on_record(void *arg, const struct pz_access_entry *entry)
{
	const struct pz_node *node = arg;
	const struct pz_audit_entry record = {
		.time_ms = entry->time_ms,
		.same = entry->same,
		.is_allowed = entry->verdict == PZ_ACCESS_PERMIT,
		.decision = entry->fault ? NULL : entry->decision,
		.user_id = entry->caller->user_id,
		.device = entry->caller->device,
		.app = entry->caller->app,
		.point = point_text(entry->point),
		.feature = entry->feature,
		.service_id = entry->service_id,
		.method = entry->function,
		.target = entry->target,
		.was_asked = entry->was_asked,
		.asked_by = entry->asked_by,
		.fault = entry->fault,
	};

	pz_audit_record(node->judge.audit, &record);
}

static struct pz_audit *
audit_of(const struct pz_request *request)
{
	return ((const struct pz_node *)request->self)->judge.audit;
}

void
pz_node_audit_command(struct pz_request *request)
{
	pz_audit_command(audit_of(request), request);
}

void
pz_node_audit_verify_command(struct pz_request *request)
{
	pz_audit_verify_command(audit_of(request), request);
}

/* ---- the owner is asked ---- */

static struct pz_prompts *
prompts_of(const struct pz_node *node)
{
	return pz_asking_prompts(node->judge.asking);
}

static void
on_answered(void *arg, uint64_t ticket, enum pz_prompt_result result, const char *by)
{
	const struct pz_node *node = arg;

	pz_access_answered(node->judge.access, ticket,
			   result == PZ_PROMPT_YES ? PZ_ACCESS_ANSWER_YES : PZ_ACCESS_ANSWER_NO,
			   by);
}

static void
on_event(void *arg, json_t *takes_event)
{
	struct pz_node *node = arg;

	pz_watch_event(&node->requests, takes_event);
}

static const char *
on_app_origin(void *arg, struct pz_slice app)
{
	const struct pz_node *node = arg;

	return node->apps.apps ? pz_apps_origin_of(node->apps.apps, app) : NULL;
}

/* The app whose permission a person has withdrawn. */
struct taken {
	const struct pz_node *node;
	const struct pz_prompt_key *key;
};

static bool
has_field(const struct pz_prompt_key *key, enum pz_prompt_field field, struct pz_slice value)
{
	return pz_slice_eq_str(value, pz_prompt_key_field(key, field));
}

/* An answer about a part of an API ("…/file/read") is treated as one about the API. */
static bool
is_taken(void *arg, const char *from, const char *api)
{
	const struct taken *taken = arg;
	const char *feature = pz_prompt_key_field(taken->key, PZ_PROMPT_FEATURE);
	struct pz_access_caller caller;
	size_t len = strlen(api);

	return strncmp(feature, api, len) == 0 && (feature[len] == '\0' || feature[len] == '/') &&
	       pz_access_caller_of(taken->node->judge.access, from, &caller) == PZ_OK &&
	       has_field(taken->key, PZ_PROMPT_ZONE, caller.user_id) &&
	       has_field(taken->key, PZ_PROMPT_DEVICE, caller.device) &&
	       has_field(taken->key, PZ_PROMPT_APP, caller.app);
}

static void
on_taken_back(void *arg, const struct pz_prompt_key *key)
{
	struct pz_node *node = arg;
	struct taken taken = {.node = node, .key = key};

	pz_calls_taken_back(node->calls, is_taken, &taken);
	pz_apps_taken_back(node->apps.apps, is_taken, &taken);
}

static const struct pz_asking_ops asking_ops = {.taken_back = on_taken_back,
						.answered = on_answered,
						.app_origin = on_app_origin,
						.event = on_event};

enum pz_err
pz_node_asking_new(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_asking_config config = {
		.env = node->config.env,
		.store = node->config.store,
		.zone = &node->zone,
		.calls = node->calls,
		.items = node->items,
		.ops = &asking_ops,
		.arg = node,
	};

	return pz_asking_new(&config, &node->judge.asking, info);
}

struct pz_prompts *
pz_node_prompts(struct pz_node *node)
{
	return pz_asking_prompts(node->judge.asking);
}

/* An app of the owner that calls a service of the same app in another window, or on this device
 * from another one: no prompt is needed for an app that calls itself. */
static bool
is_own_service(const struct pz_node *node, const struct pz_access_question *question)
{
	const struct pz_access_caller *caller = question->caller;
	const struct pz_membership *m = node->zone.membership;

	return question->service_id && caller->app.len > 0 &&
	       pz_slice_eq_str(caller->user_id, m ? m->zone : node->names.device) &&
	       pz_apps_provides(node->apps.apps, caller->app, question->service_id);
}

/* Everything in the prompt is verified by this node, or from its own rule: nothing that the caller
 * wrote about itself is shown as a fact. */
static enum pz_access_answer
on_ask(void *arg, const struct pz_access_question *question)
{
	const struct pz_node *node = arg;
	const struct pz_access_caller *caller = question->caller;
	const struct pz_prompt_question q = {
		.ticket = question->ticket,
		.effect = question->effect,
		.user_id = caller->user_id,
		.device = caller->device,
		.app = caller->app,
		.instance = caller->instance,
		.feature = question->feature,
		.service_id = question->service_id,
		.function = question->function,
		.is_for_service = question->is_for_service,
		.rule = question->rule,
	};

	if (is_own_service(node, question))
		return PZ_ACCESS_ANSWER_YES;
	switch (pz_prompts_ask(prompts_of(node), &q)) {
	case PZ_PROMPT_YES:
		return PZ_ACCESS_ANSWER_YES;
	case PZ_PROMPT_NO:
		return PZ_ACCESS_ANSWER_NO;
	case PZ_PROMPT_LATER:
		return PZ_ACCESS_ANSWER_LATER;
	case PZ_PROMPT_NO_AGENT:
		break;
	}
	return PZ_ACCESS_ANSWER_NO_AGENT;
}

/* Access ends before the prompts (pz_node_free), and withdraws waiting ones. While the node is
 * being built there are none. */
static void
on_withdraw(void *arg, uint64_t ticket)
{
	const struct pz_node *node = arg;

	if (node->judge.asking)
		pz_prompts_withdraw(prompts_of(node), ticket);
}

void
pz_node_prompts_command(struct pz_request *request)
{
	pz_prompts_command(prompts_of(request->self), request);
}

void
pz_node_prompt_answers_command(struct pz_request *request)
{
	pz_prompts_answers_command(prompts_of(request->self), request);
}

/* ---- calls are judged ---- */

static void
on_names(void *arg, struct pz_access_names *out)
{
	const struct pz_node *node = arg;

	out->zone = node->zone.membership ? node->zone.membership->zone : NULL;
	out->device = node->names.device;
}

static const struct pz_policy_slots *
on_slots(void *arg)
{
	const struct pz_node *node = arg;

	return node->judge.policies ? pz_policies_slots(node->judge.policies) : NULL;
}

/* A device whose link was accepted is a member, even if the zone's data does not name it yet; a
 * revoked one is not, even while its messages are still arriving. */
static bool
on_is_own_device(void *arg, struct pz_slice device)
{
	const struct pz_node *node = arg;
	PZ_AUTO_FREE char *name = pz_slice_dup(device);

	return name && pz_devices_has(node->calls, name);
}

/* Checked at each comparison with "known": a removed friend is a stranger at once. */
static bool
on_is_known_zone(void *arg, struct pz_slice zone)
{
	const struct pz_node *node = arg;

	return pz_device_zone_friend(&node->zone, zone) != NULL;
}

/* The documents have changed, or a time that one of them compares has passed. Streams first, since
 * they are running; then what friends are shown, and the apps. */
static void
on_recheck(void *arg)
{
	const struct pz_node *node = arg;

	pz_calls_recheck(node->calls);
	if (node->peers)
		pz_peers_send_friends_services(node->peers);
	if (node->apps.apps)
		pz_apps_recheck(node->apps.apps);
}

static uint64_t
on_calls(void *arg, struct pz_slice counter)
{
	const struct pz_node *node = arg;

	return pz_policies_calls(node->judge.policies, counter);
}

static bool
on_count(void *arg, uint64_t ticket, const struct pz_slice *counters, size_t n)
{
	const struct pz_node *node = arg;

	return pz_policies_count(node->judge.policies, ticket, counters, n);
}

static const struct pz_access_ops access_ops = {
	.names = on_names,
	.slots = on_slots,
	.is_known_zone = on_is_known_zone,
	.is_own_device = on_is_own_device,
	.record = on_record,
	.origin = on_app_origin,
	.ask = on_ask,
	.withdraw = on_withdraw,
	.recheck = on_recheck,
	.calls = on_calls,
	.count = on_count,
};

enum pz_err
pz_node_access_new(struct pz_node *node)
{
	return pz_access_new(node->config.env, &access_ops, node, &node->judge.access);
}

void
pz_node_why_command(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	int64_t id = pz_request_int(request, "id", 0);

	if (json_is_true(json_object_get(request->params, "all"))) {
		pz_request_answer(request, pz_access_decisions(node->judge.access));
		return;
	}
	json_t *why = pz_access_why(node->judge.access, (uint64_t)id);
	if (why)
		pz_request_answer(request, why);
	else if (id)
		pz_request_fail(
			request, PZ_ERR_NOTFOUND,
			"no such decision is kept; `pzp policy why --all` lists the last ones");
	else
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				"nothing was decided since this daemon started");
}
