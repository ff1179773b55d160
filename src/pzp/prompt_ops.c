/*
 * Questions of a node. A device of the owner may answer while three things hold: its link is direct
 * (TLS from end to end, so that neither the hub nor a relay reads or answers anything), it says
 * that a person is there, and the preference prompts.agents of this device allows it. It is an
 * agent then, and what it sends is judged by the identity that its link has proved.
 */
#include "pzp/prompt_ops.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/map.h"
#include "calls/devices.h"
#include "items/prefs.h"
#include "prompt/command.h"
#include "wire/json.h"

struct pz_node_prompts {
	struct pz_node *node;
	struct pz_prompts *prompts;
	struct pz_map *agents; /* device -> struct device_agent; those that were linked once */
};

/* A device of the owner that may answer. In the list of agents while it can. */
struct device_agent {
	struct pz_prompt_agent agent;
	struct pz_node *node;
	char device[PZ_DEVICE_BYTES_MAX + 1];
};

static struct pz_prompts *
prompts_of(const struct pz_node *node)
{
	return node->prompts->prompts;
}

/* ---- questions for other devices ---- */

/* What the other end computes itself is left out; `left` needs no clock. */
static void
on_show(struct pz_prompt_agent *agent, const json_t *question)
{
	struct device_agent *device = PZ_CONTAINER(agent, struct device_agent, agent);
	struct pz_node *node = device->node;
	double until = json_number_value(json_object_get(question, "until")) * 1000;
	double left = until - (double)pz_env_wall_ms(node->config.env);
	json_t *message = json_copy((json_t *)(uintptr_t)question);

	if (message == NULL || left < 1)
		left = 1;
	if (left > 1000.0 * PZ_PROMPT_TIMEOUT_S_MAX) /* the clock was set meanwhile */
		left = 1000.0 * PZ_PROMPT_TIMEOUT_S_MAX;
	(void)json_object_del(message, "text");
	(void)json_object_del(message, "answers");
	(void)json_object_del(message, "device");
	(void)json_object_set_new(message, "left", json_integer((json_int_t)left));
	(void)pz_peers_send(node->peers, device->device, "prompt", message);
	json_decref(message);
}

static void
on_hide(struct pz_prompt_agent *agent, const char *id, const char *why)
{
	struct device_agent *device = PZ_CONTAINER(agent, struct device_agent, agent);
	json_t *message;

	if (device->node->is_stopping) /* the links are gone, or go now */
		return;
	message = json_pack("{s:s, s:s}", "id", id, "reason", why);
	(void)pz_peers_send(device->node->peers, device->device, "promptEnded", message);
	json_decref(message);
}

/* ---- which devices may answer ---- */

/* Is the device one of the names with commas between them? */
static bool
is_listed(const char *list, const char *device)
{
	size_t len = strlen(device);

	for (const char *at = list; *at; at += strcspn(at, ",")) {
		at += strspn(at, ", ");
		size_t item = strcspn(at, ", ");
		if (item == len && strncmp(at, device, len) == 0)
			return true;
	}
	return false;
}

static bool
is_marked(const struct pz_node *node, const char *device)
{
	const char *marked = pz_prefs_text(pz_user_prefs(node->items), PZ_PREF_PROMPTS_AGENTS);

	if (strcmp(marked, "none") == 0)
		return false;
	return strcmp(marked, "all") == 0 || is_listed(marked, device);
}

static struct device_agent *
agent_of(const struct pz_node *node, const char *device)
{
	return pz_map_get(node->prompts->agents, pz_slice_str(device));
}

static struct device_agent *
make_agent(struct pz_node *node, const char *device)
{
	struct device_agent *made = agent_of(node, device);

	if (made || strlen(device) > PZ_DEVICE_BYTES_MAX)
		return made;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return NULL;
	memcpy(made->device, device, strlen(device) + 1);
	made->node = node;
	made->agent = (struct pz_prompt_agent){
		.name = made->device, .device = made->device, .show = on_show, .hide = on_hide};
	if (pz_map_put(node->prompts->agents, pz_slice_str(device), made, NULL) != PZ_OK) {
		free(made);
		return NULL;
	}
	return made;
}

void
pz_node_prompts_device(struct pz_node *node, const char *device)
{
	struct pz_peer_view view;
	struct device_agent *agent = agent_of(node, device);
	bool may = pz_peers_view(node->peers, device, &view) && view.answers &&
		   is_marked(node, device) && !pz_peers_has_left(node->peers, device);

	if (may && agent == NULL)
		agent = make_agent(node, device);
	if (agent == NULL || may == pz_list_is_linked(&agent->agent.all))
		return;
	if (may)
		pz_prompts_join(prompts_of(node), &agent->agent);
	else
		pz_prompts_leave(prompts_of(node), &agent->agent);
}

/* Devices without an app have no session of their own: it lasts as long as there is a way to them.
 */
void
pz_node_prompts_gone(struct pz_node *node, const char *address)
{
	const char *slash = strchr(address, '/');
	const char *device = slash ? slash + 1 : "";

	pz_node_prompts_device(node, device);
	pz_prompts_guest_gone(prompts_of(node), device, NULL, "the device is away");
	if (slash && !pz_peers_has_route(node->peers, device))
		pz_prompts_session_ended(prompts_of(node),
					 pz_slice_of(address, (size_t)(slash - address)),
					 pz_slice_str(device), NULL);
}

void
pz_node_prompts_follow(struct pz_node *node)
{
	const struct pz_prefs *prefs = pz_user_prefs(node->items);
	const char *device;
	size_t pos = 0;

	pz_prompts_set_timeout(prompts_of(node),
			       (unsigned)pz_prefs_int(prefs, PZ_PREF_POLICY_PROMPT_TIMEOUT));
	while ((device = pz_peers_next_linked(node->peers, &pos)) != NULL)
		pz_node_prompts_device(node, device);
}

static bool
has_left(void *arg, const char *device)
{
	const struct pz_node *node = arg;

	return pz_device_zone_has_left(&node->zone, device);
}

void
pz_node_prompts_drop_left(struct pz_node *node)
{
	const struct pz_membership *m = node->zone.membership;

	if (m && node->prompts && node->zone.knowledge)
		pz_prompts_forget_left(prompts_of(node), m->zone, has_left, node);
}

bool
pz_node_prompts_answers(void *arg)
{
	const struct pz_node *node = arg;

	return pz_prefs_bool(pz_user_prefs(node->items), PZ_PREF_PROMPTS_ANSWER) &&
	       pz_prompts_has_person(prompts_of(node));
}

/* ---- what other devices send ---- */

static bool
on_prompt(struct pz_node *node, const char *device, const json_t *message)
{
	struct pz_errinfo info = {""};

	return pz_prefs_bool(pz_user_prefs(node->items), PZ_PREF_PROMPTS_ANSWER) &&
	       pz_prompts_guest(prompts_of(node), device, message, &info) == PZ_OK;
}

/* Two persons may answer at the same time: that the other one was faster is no fault. */
static bool
on_answer(const struct pz_node *node, const char *device, const json_t *message)
{
	const struct device_agent *agent = agent_of(node, device);
	const char *id = pz_json_str(message, "id");
	const json_t *answer = json_object_get(message, "answer");
	struct pz_errinfo info = {""};

	if (agent == NULL || !pz_list_is_linked(&agent->agent.all) || id == NULL ||
	    !json_is_integer(answer))
		return false;
	return pz_prompts_answer(prompts_of(node), &agent->agent, id, json_integer_value(answer),
				 NULL, NULL, &info) != PZ_ERR_DENIED;
}

static bool
on_ended(const struct pz_node *node, const char *device, const json_t *message)
{
	const char *id = pz_json_str(message, "id");

	if (id)
		pz_prompts_guest_gone(prompts_of(node), device, id,
				      "answered elsewhere, or withdrawn");
	return id != NULL;
}

bool
pz_node_prompts_on_prop(void *arg, const char *device, const char *status, const json_t *message)
{
	struct pz_node *node = arg;

	if (strcmp(status, "prompt") == 0)
		return on_prompt(node, device, message);
	if (strcmp(status, "promptAnswer") == 0)
		return on_answer(node, device, message);
	return on_ended(node, device, message);
}

/* ---- what the questions ask of the node ---- */

static void
on_answered(void *arg, uint64_t ticket, enum pz_prompt_result result)
{
	const struct pz_node *node = arg;

	pz_access_answered(node->access, ticket,
			   result == PZ_PROMPT_YES ? PZ_ACCESS_ANSWER_YES : PZ_ACCESS_ANSWER_NO);
}

/* Devices that are linked have said whether a person is there. */
static bool
on_seek(void *arg, struct pz_slice asking_device)
{
	struct pz_node *node = arg;
	json_t *names = pz_devices_names(node->calls), *value;
	const char *device;
	bool has_any = false;

	json_object_foreach (names, device, value) {
		if (!pz_slice_eq_str(asking_device, device) && is_marked(node, device) &&
		    !pz_peers_is_linked(node->peers, device) &&
		    pz_peers_has_route(node->peers, device) &&
		    pz_peers_dial(node->peers, device, PZ_PROMPT_SEEK_US))
			has_any = true;
	}
	json_decref(names);
	return has_any;
}

static bool
on_reply(void *arg, const char *device, const char *id, enum pz_prompt_answer answer)
{
	const struct pz_node *node = arg;
	json_t *message = json_pack("{s:s, s:i}", "id", id, "answer", (int)answer);
	bool is_sent = message && pz_peers_send(node->peers, device, "promptAnswer", message);

	json_decref(message);
	return is_sent;
}

static void
on_person_changed(void *arg, bool has_person)
{
	const struct pz_node *node = arg;

	(void)has_person;
	if (!node->is_stopping)
		pz_peers_tell_soon(node->peers);
}

static char *
on_display_name(void *arg, struct pz_slice zone, struct pz_slice device)
{
	const struct pz_node *node = arg;
	const struct pz_membership *m = node->zone.membership;
	PZ_AUTO_FREE char *name = pz_slice_dup(device);

	if (m == NULL || name == NULL || !pz_slice_eq_str(zone, m->zone))
		return NULL;
	return pz_devices_display_name(node->calls, name);
}

static void
on_event(void *arg, json_t *takes_event)
{
	struct pz_node *node = arg;

	if (node->is_stopping)
		json_decref(takes_event);
	else
		pz_watch_event(&node->requests, takes_event);
}

static const struct pz_prompts_ops ops = {
	.answered = on_answered,
	.seek = on_seek,
	.reply = on_reply,
	.person_changed = on_person_changed,
	.display_name = on_display_name,
	.event = on_event,
};

struct pz_prompts *
pz_node_prompts(struct pz_node *node)
{
	return prompts_of(node);
}

/* ---- for access ---- */

enum pz_access_answer
pz_node_prompts_ask(void *arg, const struct pz_access_question *question)
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

void
pz_node_prompts_withdraw(void *arg, uint64_t ticket)
{
	const struct pz_node *node = arg;

	if (node->prompts)
		pz_prompts_withdraw(prompts_of(node), ticket);
}

/* ---- the commands ---- */

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

/* ---- life ---- */

enum pz_err
pz_node_prompts_wipe(const struct pz_node *node, struct pz_txn *txn)
{
	return pz_prompts_wipe(prompts_of(node), txn);
}

void
pz_node_prompts_wiped(struct pz_node *node)
{
	pz_prompts_wiped(prompts_of(node));
}

enum pz_err
pz_node_prompts_new(struct pz_node *node, struct pz_errinfo *info)
{
	const struct pz_prompts_config config = {
		.env = node->config.env,
		.store = node->config.store,
		.ops = &ops,
		.arg = node,
	};
	struct pz_node_prompts *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	node->prompts = made;
	made->node = node;
	made->agents = pz_map_new();
	if (made->agents == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return pz_prompts_new(&config, &made->prompts, info);
}

void
pz_node_prompts_free(struct pz_node_prompts *prompts)
{
	size_t pos = 0;
	struct pz_slice key;
	void *agent;

	if (prompts == NULL)
		return;
	pz_prompts_free(prompts->prompts);
	while (prompts->agents && pz_map_next(prompts->agents, &pos, &key, &agent))
		free(agent);
	pz_map_free(prompts->agents);
	free(prompts);
}
