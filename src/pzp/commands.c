/* The device's commands (page 12): one table, one function each. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "pzp/appdata.h"
#include "pzp/moved.h"
#include "pzp/peers.h"
#include "pzp/zonedata.h"
#include "wire/json.h"

#define LEAVE_TIMEOUT_US (5 * PZ_US_PER_S)

/* ---- requests ---- */

void *
request_new(struct pz_node *node, size_t size, const struct pz_node_reply *reply, void *arg)
{
	struct pz_node_request *request = calloc(1, size);

	if (request == NULL) {
		reply->done(arg, PZ_ERR_LIMIT_MEMORY, "out of memory", NULL);
		return NULL;
	}
	request->node = node;
	request->reply = reply;
	request->arg = arg;
	request->serial = ++node->request_serial;
	pz_list_append(&node->requests, &request->node_list);
	return request;
}

static void
free_request(struct pz_node_request *request)
{
	pz_list_remove(&request->node_list);
	if (request->release)
		request->release(request);
	free(request);
}

void
request_finish(struct pz_node_request *request, enum pz_err err, const char *detail, json_t *result)
{
	const struct pz_node_reply *reply = request->reply;
	void *arg = request->arg;
	struct pz_errinfo info;

	if (err == PZ_OK && result == NULL) {
		err = PZ_ERR_LIMIT_MEMORY;
		detail = pz_err_text(err);
	}
	snprintf(info.text, sizeof(info.text), "%s",
		 err == PZ_OK ? ""
		 : detail[0]  ? detail
			      : pz_err_text(err));
	free_request(request);
	reply->done(arg, err, info.text, result);
	json_decref(result);
}

void
pz_node_cancel(struct pz_node_request *request)
{
	if (request)
		free_request(request);
}

struct pz_node_request *
request_find(const struct pz_node *node, uint64_t serial)
{
	PZ_LIST_EACH ((struct pz_list *)&node->requests, n, tmp) {
		struct pz_node_request *request =
			PZ_CONTAINER(n, struct pz_node_request, node_list);
		if (request->serial == serial)
			return request;
	}
	return NULL;
}

static struct pz_node_request *
answer(const struct pz_node_reply *reply, void *arg, json_t *result)
{
	if (result)
		reply->done(arg, PZ_OK, "", result);
	else
		reply->done(arg, PZ_ERR_LIMIT_MEMORY, "out of memory", NULL);
	json_decref(result);
	return NULL;
}

static struct pz_node_request *
refuse(const struct pz_node_reply *reply, void *arg, enum pz_err err, const char *detail)
{
	reply->done(arg, err, detail, NULL);
	return NULL;
}

/* ---- status ---- */

static json_t *
hub_result(struct pz_node *node)
{
	bool is_connected = node->machine.state == PZ_STATE_CONNECTED;

	if (node->zone.membership == NULL)
		return json_null();
	json_t *result = moved_result(node);
	(void)json_object_set_new(
		result, "since",
		is_connected ? json_integer((json_int_t)(node->hub_since_ms / 1000)) : json_null());
	return result;
}

/* Gauges are true when somebody looks. */
static void
set_gauges(struct pz_node *node)
{
	const struct pz_crl *crl = pz_device_zone_crl(&node->zone);
	int64_t tls_days = 0, crl_days = 0;

	if (node->zone.membership && crl) {
		tls_days = pz_env_days_left(node->config.env,
					    pz_cert_not_after_ms(node->zone.membership->tls));
		crl_days = pz_env_days_left(node->config.env, pz_crl_next_update_ms(crl));
	}
	pz_metric_set(&node->metrics, PZ_METRIC_links,
		      (node->hub.is_registered ? 1 : 0) + pz_peers_live_count(node->peers));
	pz_metric_set(&node->metrics, PZ_METRIC_queued_bytes,
		      node->hub.is_registered ? node->hub.link->session.queued : 0);
	pz_metric_set(&node->metrics, PZ_METRIC_tls_days_left,
		      tls_days > 0 ? (uint64_t)tls_days : 0);
	pz_metric_set(&node->metrics, PZ_METRIC_crl_days_left,
		      crl_days > 0 ? (uint64_t)crl_days : 0);
}

static json_t *
tls_port(const struct pz_node *node)
{
	return node->peers->port ? json_integer(node->peers->port) : json_null();
}

json_t *
status_result(struct pz_node *node)
{
	uint64_t now = pz_env_mono_us(node->config.env);
	const struct pz_membership *m = node->zone.membership;

	set_gauges(node);

	return json_pack(
		"{s:s, s:i, s:I, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:{s:o, s:n}, "
		"s:o, s:o, s:o, s:o, s:o}",
		"version", PZ_VERSION, "pid", (int)getpid(), "uptime",
		(json_int_t)((now - node->started_us) / PZ_US_PER_S), "id", node->self, "zone",
		m ? json_string(m->zone) : json_null(), "device", node->device, "mode",
		m ? "hub" : "virgin", "state", pz_state_text(node->machine.state), "reason",
		node->machine.reason, "lastFailure",
		node->machine.state == PZ_STATE_CONNECTING ? node->machine.last_failure : "", "hub",
		hub_result(node), "peers", pz_peers_status(node), "ports", "tls", tls_port(node),
		"web", "pending", prefs_pending(node), "daysLeft", warnings_days(node), "warnings",
		warnings_list(node), "conditions", pz_conditions_json(node->conditions), "metrics",
		pz_metrics_json(&node->metrics));
}

static struct pz_node_request *
cmd_status(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	(void)params;
	return answer(reply, arg, status_result(node));
}

/* ---- commands that wait for a state ---- */

enum wait_for { WAIT_ENROL, WAIT_LEAVE, WAIT_CONNECT, WAIT_DISCONNECT };

struct waiting {
	struct pz_node_request request;
	enum wait_for what;
	bool was_hub_mode;
	bool is_ended; /* by an answer; else its client is gone */
};

/* Also marks the struct as ours, see commands_state_changed. An enrolment whose command is gone
 * ends (unless it is being stored already): who gave it up may try another one at once. */
static void
release_waiting(struct pz_node_request *request)
{
	const struct waiting *w = (const struct waiting *)(const void *)request;

	if (w->what == WAIT_ENROL && !w->is_ended && !request->node->is_stopping)
		(void)enrolment_call_off(request->node, "called off: `pzp enrol` was interrupted");
}

static struct waiting *
wait_new(struct pz_node *node, enum wait_for what, const struct pz_node_reply *reply, void *arg)
{
	struct waiting *w = request_new(node, sizeof(*w), reply, arg);

	if (w) {
		w->what = what;
		w->request.change_seen = node->state_changes;
		w->request.release = release_waiting;
	}
	return w;
}

static json_t *
where_result(struct pz_node *node)
{
	return json_pack("{s:s, s:s, s:s}", "id", node->self, "state",
			 pz_state_text(node->machine.state), "reason", node->machine.reason);
}

static void
finish_ok(struct waiting *w)
{
	w->is_ended = true;
	request_finish(&w->request, PZ_OK, "", where_result(w->request.node));
}

static void
finish_failed(struct waiting *w)
{
	const char *reason = w->request.node->machine.reason;

	w->is_ended = true;
	request_finish(&w->request, PZ_ERR_IO, reason[0] ? reason : "failed", NULL);
}

static void
on_enrol_state(struct waiting *w, enum pz_state now)
{
	json_t *event = json_pack("{s:s}", "state", pz_state_text(now));

	struct pz_node *node = w->request.node;
	uint64_t serial = w->request.serial;

	if (event)
		w->request.reply->event(w->request.arg, event);
	json_decref(event);
	if (request_find(node, serial) == NULL)
		return; /* cancelled by whoever heard the event */
	if (now == PZ_STATE_VIRGIN)
		finish_failed(w);
	else if (now == PZ_STATE_CONNECTED || (w->was_hub_mode && now == PZ_STATE_NOT_CONNECTED))
		finish_ok(w);
	else
		w->was_hub_mode = pz_state_is_hub_mode(now);
}

static void
on_state(struct waiting *w, enum pz_state now)
{
	switch (w->what) {
	case WAIT_ENROL:
		on_enrol_state(w, now);
		break;
	case WAIT_LEAVE:
		if (now == PZ_STATE_VIRGIN && w->request.node->is_wipe_failed)
			finish_failed(w);
		else if (now == PZ_STATE_VIRGIN)
			finish_ok(w);
		break;
	case WAIT_CONNECT:
		if (now == PZ_STATE_CONNECTED)
			finish_ok(w);
		else if (now == PZ_STATE_VIRGIN || now == PZ_STATE_NOT_CONNECTED)
			finish_failed(w);
		break;
	case WAIT_DISCONNECT:
		if (now == PZ_STATE_NOT_CONNECTED || now == PZ_STATE_VIRGIN)
			finish_ok(w);
		break;
	}
}

/* One that waits for a state and has not been told of this change yet. */
static struct waiting *
next_waiting(struct pz_node *node, uint64_t change)
{
	PZ_LIST_EACH (&node->requests, n, tmp) {
		struct pz_node_request *request =
			PZ_CONTAINER(n, struct pz_node_request, node_list);
		if (request->release == release_waiting && request->change_seen < change)
			return (struct waiting *)(void *)request;
	}
	return NULL;
}

/* Whoever is told may cancel or begin other commands: the list is looked at anew each time. */
void
commands_state_changed(struct pz_node *node, enum pz_state now)
{
	uint64_t change = ++node->state_changes;
	struct waiting *w;

	while ((w = next_waiting(node, change)) != NULL) {
		w->request.change_seen = change;
		on_state(w, now);
	}
}

static struct pz_node_request *
cmd_enrol(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	struct pz_errinfo info = {""};

	enum pz_err err = enrolment_start(node, params, &info);
	if (err != PZ_OK)
		return refuse(reply, arg, err, info.text);
	struct waiting *w = wait_new(node, WAIT_ENROL, reply, arg);
	if (w == NULL)
		enrolment_call_off(node, "out of memory");
	return w ? &w->request : NULL;
}

static struct pz_node_request *
cmd_leave(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	(void)params;
	if (node->zone.membership == NULL)
		return refuse(reply, arg, PZ_ERR_NOTFOUND, "this device is not enrolled in a zone");
	struct waiting *w = wait_new(node, WAIT_LEAVE, reply, arg);
	if (w == NULL)
		return NULL;
	if (node->machine.state == PZ_STATE_CONNECTED) {
		/* The hub revokes us and says so; if it does not in time, we go all the same. */
		hub_send_prop(node, "leave", NULL);
		pz_env_start(node->config.env, &node->leave_timer, LEAVE_TIMEOUT_US);
	} else {
		pz_env_start(node->config.env, &node->leave_timer, 0);
	}
	return &w->request;
}

static struct pz_node_request *
connect_hub(struct pz_node *node, const struct pz_node_reply *reply, void *arg)
{
	if (node->machine.state == PZ_STATE_CONNECTED)
		return answer(reply, arg, where_result(node));
	struct waiting *w = wait_new(node, WAIT_CONNECT, reply, arg);
	if (w == NULL)
		return NULL;
	uint64_t serial = w->request.serial;
	if (pz_machine_event(&node->machine, PZ_EVENT_CONNECT, NULL) != PZ_OK) {
		request_finish(&w->request, PZ_ERR_DENIED,
			       "the device is leaving its zone; it cannot connect now", NULL);
		return NULL;
	}
	return request_find(node, serial);
}

static struct pz_node_request *
disconnect_hub(struct pz_node *node, const struct pz_node_reply *reply, void *arg)
{
	if (node->machine.state != PZ_STATE_NOT_CONNECTED)
		(void)pz_machine_event(&node->machine, PZ_EVENT_DISCONNECT, "disconnected by hand");
	else
		pz_machine_park(&node->machine, "disconnected by hand");
	return answer(reply, arg, where_result(node));
}

static struct pz_node_request *
call_off(struct pz_node *node, const struct pz_node_reply *reply, void *arg)
{
	if (enrolment_call_off(node, "called off by `pzp disconnect`"))
		return answer(reply, arg, where_result(node));
	return refuse(reply, arg, PZ_ERR_DENIED,
		      "the certificates are being stored already; `pzp leave` gives them up");
}

static struct pz_node_request *
cmd_connect(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	const char *peer = pz_json_str(params, "peer");

	if (node->zone.membership == NULL)
		return refuse(reply, arg, PZ_ERR_NOTFOUND,
			      "this device is not enrolled in a zone; `pzp enrol` first");
	return peer ? peer_connect_start(node, peer, reply, arg) : connect_hub(node, reply, arg);
}

static struct pz_node_request *
cmd_disconnect(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	const char *peer = pz_json_str(params, "peer");

	if (node->zone.membership == NULL && peer == NULL && node->enrolment)
		return call_off(node, reply, arg);
	if (node->zone.membership == NULL)
		return refuse(reply, arg, PZ_ERR_NOTFOUND, "this device is not enrolled in a zone");
	return peer ? peer_disconnect(node, peer, reply, arg) : disconnect_hub(node, reply, arg);
}

/* What waits for a reconnect counts then. Who prefers peers stays without the hub. */
static struct pz_node_request *
cmd_reconnect(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	enum pz_state state = node->machine.state;

	(void)params;
	if (node->zone.membership == NULL)
		return refuse(reply, arg, PZ_ERR_NOTFOUND,
			      "this device is not enrolled in a zone; `pzp enrol` first");
	if (state == PZ_STATE_CONNECTED || state == PZ_STATE_CONNECTING)
		(void)pz_machine_event(&node->machine,
				       state == PZ_STATE_CONNECTED ? PZ_EVENT_LINK_LOST
								   : PZ_EVENT_LINK_FAILED,
				       "reconnecting");
	if (node->machine.is_unwanted)
		return answer(reply, arg, where_result(node));
	return connect_hub(node, reply, arg);
}

/* ---- peers ---- */

static struct pz_node_request *
cmd_peers(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	(void)params;
	return answer(reply, arg, pz_peers_list(node));
}

/* ---- watch ---- */

static struct pz_node_request *
cmd_watch(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	struct pz_node_request *request = request_new(node, sizeof(*request), reply, arg);
	json_t *event;

	(void)params;
	if (request == NULL)
		return NULL;
	request->is_watcher = true;
	event = json_pack("{s:s, s:s, s:s, s:o}", "event", "watching", "state",
			  pz_state_text(node->machine.state), "reason", node->machine.reason,
			  "time", node_event_time(node));
	if (event)
		reply->event(arg, event);
	json_decref(event);
	return request;
}

/* ---- serve ---- */

struct serving {
	struct pz_node_request request;
	char *api;
	char id[33];
};

static void
release_serving(struct pz_node_request *request)
{
	struct serving *s = (struct serving *)(void *)request;

	if (s->api)
		(void)!pz_registry_remove(request->node->registry, s->api, s->id);
	free(s->api);
}

static enum pz_err
serve(struct pz_node *node, const json_t *description, const struct pz_descriptor **out,
      struct pz_errinfo *info)
{
	struct pz_service *service = NULL;

	if (node->config.processes == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "commands cannot be run here");
	PZ_TRY(pz_command_service_parse(description, node->config.env, node->config.processes,
					node->config.processes_arg, &service, info));
	enum pz_err err = pz_registry_add(node->registry, service, info);
	if (err != PZ_OK) {
		pz_service_free(service);
		return err;
	}
	*out = &service->descriptor;
	return PZ_OK;
}

enum pz_err
pz_node_serve(struct pz_node *node, const json_t *description, struct pz_errinfo *info)
{
	const struct pz_descriptor *descriptor;

	return serve(node, description, &descriptor, info);
}

static struct pz_node_request *
cmd_serve(struct pz_node *node, json_t *params, const struct pz_node_reply *reply, void *arg)
{
	const struct pz_descriptor *descriptor = NULL;
	struct pz_errinfo info = {""};

	enum pz_err err = serve(node, json_object_get(params, "description"), &descriptor, &info);
	if (err != PZ_OK)
		return refuse(reply, arg, err, info.text);
	struct serving *s = request_new(node, sizeof(*s), reply, arg);
	if (s)
		s->api = strdup(descriptor->api);
	if (s == NULL || s->api == NULL) {
		(void)!pz_registry_remove(node->registry, descriptor->api, descriptor->id);
		if (s)
			request_finish(&s->request, PZ_ERR_LIMIT_MEMORY, "out of memory", NULL);
		return NULL;
	}
	s->request.release = release_serving;
	snprintf(s->id, sizeof(s->id), "%s", descriptor->id);
	json_t *event = json_pack("{s:o?}", "registered", pz_descriptor_json(descriptor));
	if (event)
		reply->event(arg, event);
	json_decref(event);
	return &s->request;
}

/* ---- the table ---- */

static const struct {
	const char *name;
	struct pz_node_request *(*run)(struct pz_node *node, json_t *params,
				       const struct pz_node_reply *reply, void *arg);
} commands[] = {
	{"status", cmd_status},
	{"enrol", cmd_enrol},
	{"leave", cmd_leave},
	{"connect", cmd_connect},
	{"disconnect", cmd_disconnect},
	{"reconnect", cmd_reconnect},
	{"hub", moved_command},
	{"services", services_command},
	{"call", call_start},
	{"describe", call_describe},
	{"ping", ping_command},
	{"watch", cmd_watch},
	{"serve", cmd_serve},
	{"peers", cmd_peers},
	{"discover", discover_start},
	{"prefs", prefs_command},
	{"sync", sync_command},
	{"user", details_user},
	{"name", details_name},
	{"data-list", appdata_list_command},
	{"data-get", appdata_get_command},
	{"data-set", appdata_set_command},
	{"data-remove", appdata_remove_command},
};

/* Parameters that name something are texts: one that is not must not be taken for one that is not
 * given. */
static const char *
not_a_text(const json_t *params)
{
	static const char *const names[] = {"link",   "host",    "zone",     "device", "code",
					    "peer",   "service", "function", "api",    "key",
					    "origin", "prefix",  "after"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *value = json_object_get(params, names[i]);
		if (value && !json_is_null(value) && !json_is_string(value))
			return names[i];
	}
	return NULL;
}

struct pz_node_request *
pz_node_command(struct pz_node *node, const char *name, json_t *params,
		const struct pz_node_reply *reply, void *arg)
{
	const char *wrong = not_a_text(params);
	char text[64];

	if (wrong) {
		snprintf(text, sizeof(text), "%s must be a text", wrong);
		return refuse(reply, arg, PZ_ERR_CONFIG, text);
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(node, params, reply, arg);
	return refuse(reply, arg, PZ_ERR_NOTFOUND, "the daemon has no such command");
}
