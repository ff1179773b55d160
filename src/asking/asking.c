/*
 * A device of the owner may answer while these hold: its link is direct (TLS from end to
 * end, so that neither the hub nor a relay reads or answers anything), it says that a person is
 * there, and both the preference prompts.agents of this device and the right that the owner gives
 * devices (record/rights.h) allow it. It is an agent then, and what it sends is judged by the
 * identity that its link has proved.
 *
 * The conditions are looked at together, in pz_asking_device, whenever one of them may have
 * changed: news of a device, a link that comes or goes, a preference, a member that leaves. An
 * agent joins or leaves the questions by that; its object stays, since an answer that is being
 * stored may name it.
 *
 * In the other direction this device shows questions of others (guests). It decides nothing
 * about them: it shows them to its own person and sends the answer back, and the device that
 * asked clamps it.
 */
#include "asking/asking.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/map.h"
#include "calls/devices.h"
#include "items/prefs.h"
#include "peers/peers.h"
#include "record/rights.h"
#include "wire/json.h"

struct pz_asking {
	struct pz_asking_config config;
	struct pz_peers *peers; /* NULL: not yet */
	struct pz_prompts *prompts;
	struct pz_map *agents; /* device -> struct device_agent; those that were linked once */
	bool has_ended;
};

/* A device of the owner that may answer. In the list of agents while it can. */
struct device_agent {
	struct pz_prompt_agent agent;
	struct pz_asking *asking;
	char device[PZ_DEVICE_BYTES_MAX + 1];
};

/* ---- questions for other devices ---- */

/* What the other end computes itself is left out; `left` needs no clock. */
static void
on_show(struct pz_prompt_agent *agent, const json_t *question)
{
	struct device_agent *device = PZ_CONTAINER(agent, struct device_agent, agent);
	struct pz_asking *asking = device->asking;
	double until = json_number_value(json_object_get(question, "until")) * 1000;
	double left = until - (double)pz_env_wall_ms(asking->config.env);
	json_t *message = json_copy((json_t *)(uintptr_t)question);

	if (message == NULL || left < 1)
		left = 1;
	if (left > 1000.0 * PZ_PROMPT_TIMEOUT_S_MAX) /* the clock was set meanwhile */
		left = 1000.0 * PZ_PROMPT_TIMEOUT_S_MAX;
	(void)json_object_del(message, "text");
	(void)json_object_del(message, "answers");
	(void)json_object_del(message, "device");
	(void)json_object_set_new(message, "left", json_integer((json_int_t)left));
	(void)pz_peers_send(asking->peers, device->device, "prompt", message);
	json_decref(message);
}

/* Also called while the questions end with the node. The links are gone by then, and each
 * device finds out by the end of its link. */
static void
on_hide(struct pz_prompt_agent *agent, const char *id, const char *why)
{
	struct device_agent *device = PZ_CONTAINER(agent, struct device_agent, agent);
	json_t *message;

	if (device->asking->has_ended) /* the links are gone, or go now */
		return;
	message = json_pack("{s:s, s:s}", "id", id, "reason", why);
	(void)pz_peers_send(device->asking->peers, device->device, "promptEnded", message);
	json_decref(message);
}

/* ---- which devices may answer ---- */

/* True when the device is in a list of names that commas separate. */
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
is_marked(const struct pz_asking *asking, const char *device)
{
	const char *marked =
		pz_prefs_text(pz_user_prefs(asking->config.items), PZ_PREF_PROMPTS_AGENTS);

	if (strcmp(marked, "none") == 0 ||
	    !pz_device_zone_may(asking->config.zone, device, PZ_RIGHT_ANSWER))
		return false;
	return strcmp(marked, "all") == 0 || is_listed(marked, device);
}

static struct device_agent *
agent_of(const struct pz_asking *asking, const char *device)
{
	return pz_map_get(asking->agents, pz_slice_str(device));
}

/* Agents are made once for each name and kept: their number is that of devices of the zone,
 * since only those have a direct link. */
static struct device_agent *
make_agent(struct pz_asking *asking, const char *device)
{
	struct device_agent *made = agent_of(asking, device);

	if (made || strlen(device) > PZ_DEVICE_BYTES_MAX)
		return made;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return NULL;
	memcpy(made->device, device, strlen(device) + 1);
	made->asking = asking;
	made->agent = (struct pz_prompt_agent){
		.name = made->device, .device = made->device, .show = on_show, .hide = on_hide};
	if (pz_map_put(asking->agents, pz_slice_str(device), made, NULL) != PZ_OK) {
		free(made);
		return NULL;
	}
	return made;
}

/* Joining shows the agent what waits already, so a person who comes late still sees the
 * question. */
void
pz_asking_device(struct pz_asking *asking, const char *device)
{
	struct pz_peer_view view;
	struct device_agent *agent = agent_of(asking, device);
	bool may = pz_peers_view(asking->peers, device, &view) && view.answers &&
		   is_marked(asking, device) && !pz_peers_has_left(asking->peers, device);

	if (may && agent == NULL)
		agent = make_agent(asking, device);
	if (agent == NULL || may == pz_list_is_linked(&agent->agent.all))
		return;
	if (may)
		pz_prompts_join(asking->prompts, &agent->agent);
	else if (!is_marked(asking, device)) /* a person there still has it on the screen */
		pz_prompts_dismiss(asking->prompts, &agent->agent,
				   "this device may not answer any more");
	else
		pz_prompts_leave(asking->prompts, &agent->agent);
}

/* Devices without an app have no session of their own: it lasts as long as there is a way to them.
 */
void
pz_asking_gone(struct pz_asking *asking, const char *address)
{
	const char *slash = strchr(address, '/');
	const char *device = slash ? slash + 1 : "";

	pz_asking_device(asking, device);
	pz_prompts_guest_gone(asking->prompts, device, NULL, "the device is away");
	if (slash && !pz_peers_has_route(asking->peers, device))
		pz_prompts_session_ended(asking->prompts,
					 pz_slice_of(address, (size_t)(slash - address)),
					 pz_slice_str(device), NULL);
}

void
pz_asking_follow(struct pz_asking *asking)
{
	const struct pz_prefs *prefs = pz_user_prefs(asking->config.items);
	const char *device;
	size_t pos = 0;

	pz_prompts_set_timeout(asking->prompts,
			       (unsigned)pz_prefs_int(prefs, PZ_PREF_POLICY_PROMPT_TIMEOUT));
	while ((device = pz_peers_next_linked(asking->peers, &pos)) != NULL)
		pz_asking_device(asking, device);
}

static bool
has_left(void *arg, const char *device)
{
	const struct pz_asking *asking = arg;

	return pz_device_zone_has_left(asking->config.zone, device);
}

void
pz_asking_drop_left(struct pz_asking *asking)
{
	const struct pz_membership *m = asking->config.zone->membership;

	if (m && asking->config.zone->knowledge)
		pz_prompts_forget_left(asking->prompts, m->zone, has_left, asking);
}

bool
pz_asking_answers(const struct pz_asking *asking)
{
	return pz_prefs_bool(pz_user_prefs(asking->config.items), PZ_PREF_PROMPTS_ANSWER) &&
	       pz_prompts_has_person(asking->prompts);
}

/* ---- what other devices send ---- */

/* A violation is reported to the peer and costs it nothing else: preferences of two devices may
 * cross on the way. */
static bool
on_prompt(struct pz_asking *asking, const char *device, const json_t *message)
{
	struct pz_errinfo info = {""};

	return pz_prefs_bool(pz_user_prefs(asking->config.items), PZ_PREF_PROMPTS_ANSWER) &&
	       pz_prompts_guest(asking->prompts, device, message, &info) == PZ_OK;
}

/* Two persons may answer at the same time: that the other one was faster is no fault. */
static bool
on_answer(const struct pz_asking *asking, const char *device, const json_t *message)
{
	const struct device_agent *agent = agent_of(asking, device);
	const char *id = pz_json_str(message, "id");
	const json_t *answer = json_object_get(message, "answer");
	struct pz_errinfo info = {""};

	if (agent == NULL || !pz_list_is_linked(&agent->agent.all) || id == NULL ||
	    !json_is_integer(answer))
		return false;
	return pz_prompts_answer(asking->prompts, &agent->agent, id, json_integer_value(answer),
				 NULL, NULL, &info) != PZ_ERR_DENIED;
}

static bool
on_ended(const struct pz_asking *asking, const char *device, const json_t *message)
{
	const char *id = pz_json_str(message, "id");

	if (id)
		pz_prompts_guest_gone(asking->prompts, device, id,
				      "answered elsewhere, or withdrawn");
	return id != NULL;
}

bool
pz_asking_on_prop(struct pz_asking *asking, const char *device, const char *status,
		  const json_t *message)
{
	if (strcmp(status, "prompt") == 0)
		return on_prompt(asking, device, message);
	if (strcmp(status, "promptAnswer") == 0)
		return on_answer(asking, device, message);
	return on_ended(asking, device, message);
}

/* ---- what the questions need ---- */

/* Devices that are linked have said whether a person is there. */
static bool
on_seek(void *arg, struct pz_slice asking_device)
{
	struct pz_asking *asking = arg;
	json_t *names = pz_devices_names(asking->config.calls), *value;
	const char *device;
	bool has_any = false;

	json_object_foreach (names, device, value) {
		if (!pz_slice_eq_str(asking_device, device) && is_marked(asking, device) &&
		    !pz_peers_is_linked(asking->peers, device) &&
		    pz_peers_has_route(asking->peers, device) &&
		    pz_peers_dial(asking->peers, device, PZ_PROMPT_SEEK_US))
			has_any = true;
	}
	json_decref(names);
	return has_any;
}

static bool
on_reply(void *arg, const char *device, const char *id, enum pz_prompt_answer answer)
{
	const struct pz_asking *asking = arg;
	json_t *message = json_pack("{s:s, s:i}", "id", id, "answer", (int)answer);
	bool is_sent = message && pz_peers_send(asking->peers, device, "promptAnswer", message);

	json_decref(message);
	return is_sent;
}

static void
on_person_changed(void *arg, bool has_person)
{
	const struct pz_asking *asking = arg;

	(void)has_person;
	if (!asking->has_ended)
		pz_peers_send_info_soon(asking->peers);
}

/* Of other zones no name is known that this device could vouch for. */
static char *
on_display_name(void *arg, struct pz_slice zone, struct pz_slice device)
{
	const struct pz_asking *asking = arg;
	const struct pz_membership *m = asking->config.zone->membership;
	PZ_AUTO_FREE char *name = pz_slice_dup(device);

	if (m == NULL || name == NULL || !pz_slice_eq_str(zone, m->zone))
		return NULL;
	return pz_devices_display_name(asking->config.calls, name);
}

static const char *
on_app_origin(void *arg, struct pz_slice device, struct pz_slice app)
{
	const struct pz_asking *asking = arg;
	const struct pz_asking_config *config = &asking->config;
	const struct pz_membership *m = config->zone->membership;

	if (config->ops->app_origin == NULL || (m && !pz_slice_eq_str(device, m->device)))
		return NULL;
	return config->ops->app_origin(config->arg, app);
}

static void
on_answered(void *arg, uint64_t ticket, enum pz_prompt_result result, const char *by)
{
	const struct pz_asking *asking = arg;

	asking->config.ops->answered(asking->config.arg, ticket, result, by);
}

static void
on_event(void *arg, json_t *takes_event)
{
	const struct pz_asking *asking = arg;

	if (asking->has_ended)
		json_decref(takes_event);
	else
		asking->config.ops->event(asking->config.arg, takes_event);
}

static void
on_taken_back(void *arg, const struct pz_prompt_key *key)
{
	const struct pz_asking *asking = arg;

	if (!asking->has_ended && asking->config.ops->taken_back)
		asking->config.ops->taken_back(asking->config.arg, key);
}

static const struct pz_prompts_ops ops = {
	.taken_back = on_taken_back,
	.answered = on_answered,
	.seek = on_seek,
	.reply = on_reply,
	.person_changed = on_person_changed,
	.display_name = on_display_name,
	.app_origin = on_app_origin,
	.event = on_event,
};

struct pz_prompts *
pz_asking_prompts(struct pz_asking *asking)
{
	return asking->prompts;
}

/* ---- life ---- */

enum pz_err
pz_asking_new(const struct pz_asking_config *config, struct pz_asking **out,
	      struct pz_errinfo *info)
{
	struct pz_asking *asking = calloc(1, sizeof(*asking));

	if (asking == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	asking->config = *config;
	const struct pz_prompts_config prompts = {
		.env = config->env,
		.store = config->store,
		.ops = &ops,
		.arg = asking,
	};
	enum pz_err err = PZ_OK;
	asking->agents = pz_map_new();
	if (asking->agents == NULL)
		err = pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (err == PZ_OK)
		err = pz_prompts_new(&prompts, &asking->prompts, info);
	if (err == PZ_OK)
		*out = asking;
	else
		pz_asking_free(asking);
	return err;
}

void
pz_asking_connect(struct pz_asking *asking, struct pz_peers *peers)
{
	asking->peers = peers;
}

void
pz_asking_end(struct pz_asking *asking)
{
	if (asking)
		asking->has_ended = true;
}

void
pz_asking_free(struct pz_asking *asking)
{
	size_t pos = 0;
	struct pz_slice key;
	void *agent;

	if (asking == NULL)
		return;
	pz_prompts_free(asking->prompts);
	while (asking->agents && pz_map_next(asking->agents, &pos, &key, &agent))
		free(agent);
	pz_map_free(asking->agents);
	free(asking);
}
