/*
 * The commands of a device (page 12). The table (command_table.h) has a row for each; a handler
 * here answers at once, or hands the request to the part of the node that can. Parameters were
 * checked against the table before a handler runs, so a handler reads them without checking
 * their types again.
 *
 * Four commands wait for a state of the uplink: enrol, leave, connect, disconnect. They are
 * requests of one kind, and each change of state goes through all of them
 * (pz_commands_state_changed). A waiting command ends with the state that it can still reach, so
 * none waits for ever: a final state (virgin, not connected) is an answer, too.
 *
 * An answered request stays until the end of the turn (command/request.h), so a handler may answer
 * and still read its parameters.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "calls/devices.h"
#include "calls/friends.h"
#include "enrolment/enrolment.h"
#include "items/prefs.h"
#include "pairing/pairing.h"
#include "pzp/command_table.h"
#include "pzp/item_ops.h"
#include "pzp/policy_ops.h"
#include "pzp/wipe.h"
#include "tokens/command.h"
#include "transfer/transfer.h"
#include "wire/json.h"

/* ---- status ---- */

/* A device without a zone has no hub: the member is null. */
static json_t *
hub_result(const struct pz_node *node)
{
	return node->zone.membership ? pz_uplink_json(node->uplink) : json_null();
}

/* Gauges are set when they are read. Days that are left are never negative there: a gauge is
 * unsigned, and an expiry has a warning. */
static void
set_gauges(struct pz_node *node)
{
	const struct pz_crl *crl = pz_device_zone_crl(&node->zone);
	const struct pz_session *hub = pz_uplink_session(node->uplink);
	int64_t tls_days = 0, crl_days = 0;

	if (node->zone.membership && crl) {
		tls_days = pz_env_days_left(node->config.env,
					    pz_cert_not_after_ms(node->zone.membership->tls));
		crl_days = pz_env_days_left(node->config.env, pz_crl_next_update_ms(crl));
	}
	pz_metric_set(&node->metrics, PZ_METRIC_links,
		      (pz_uplink_is_up(node->uplink) ? 1 : 0) + pz_peers_live_count(node->peers));
	pz_metric_set(&node->metrics, PZ_METRIC_queued_bytes, hub ? hub->queued : 0);
	pz_metric_set(&node->metrics, PZ_METRIC_tls_days_left,
		      tls_days > 0 ? (uint64_t)tls_days : 0);
	pz_metric_set(&node->metrics, PZ_METRIC_crl_days_left,
		      crl_days > 0 ? (uint64_t)crl_days : 0);
}

/* null: no server runs, because the preference says so or the port is taken. */
static json_t *
tls_port(const struct pz_node *node)
{
	return pz_peers_port(node->peers) ? json_integer(pz_peers_port(node->peers)) : json_null();
}

static json_t *
web_port(const struct pz_node *node)
{
	return pz_apps_port(node->apps.apps) ? json_integer(pz_apps_port(node->apps.apps))
					     : json_null();
}

/* The device of the pairing is one of the peers, too. */
static void
add_partner(const struct pz_node *node, json_t *list)
{
	json_t *partner = pz_pairing_peer_json(node->pairing);

	if (partner)
		json_array_append_new(list, partner);
}

static json_t *
peers_status(const struct pz_node *node)
{
	json_t *list = pz_devices_status(node->calls);

	add_partner(node, list);
	return list;
}

/* The longest of all answers in one call, so that its members are from one moment. json_pack frees
 * its "o" arguments on failure too; NULL then becomes the error "out of memory". */
json_t *
pz_commands_status(struct pz_node *node)
{
	uint64_t now = pz_env_mono_us(node->config.env);
	const struct pz_membership *m = node->zone.membership;

	set_gauges(node);

	return json_pack(
		"{s:s, s:i, s:I, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:{s:o, s:o}, "
		"s:o, s:o, s:o, s:o, s:o}",
		"version", PZ_VERSION, "pid", (int)getpid(), "uptime",
		(json_int_t)((now - node->started_us) / PZ_US_PER_S), "id", node->names.self,
		"zone", m ? json_string(m->zone) : json_null(), "device", node->names.device,
		"mode", m ? "hub" : "virgin", "state", pz_state_text(pz_uplink_state(node->uplink)),
		"reason", pz_uplink_machine(node->uplink)->reason, "lastFailure",
		pz_uplink_state(node->uplink) == PZ_STATE_CONNECTING
			? pz_uplink_machine(node->uplink)->last_failure
			: "",
		"hub", hub_result(node), "peers", peers_status(node), "pairing",
		pz_pairing_json(node->pairing), "ports", "tls", tls_port(node), "web",
		web_port(node), "pending", pz_user_prefs_pending(node->items), "daysLeft",
		pz_upkeep_days_left(node->upkeep), "warnings", pz_upkeep_warnings(node->upkeep),
		"conditions", pz_conditions_json(node->conditions), "metrics",
		pz_metrics_json(&node->metrics));
}

static void
cmd_status(struct pz_request *request)
{
	pz_request_answer(request, pz_commands_status(request->self));
}

/* ---- commands that wait for a state ---- */

enum wait_for { WAIT_ENROL, WAIT_LEAVE, WAIT_CONNECT, WAIT_DISCONNECT };

struct waiting {
	enum wait_for what;
	bool was_hub_mode;
};

/* An enrolment whose command was cancelled ends (unless it is being stored already), so that
 * another attempt is possible. */
static void
release_waiting(struct pz_request *request)
{
	const struct waiting *w = request->state;
	struct pz_node *node = request->self;

	if (w->what == WAIT_ENROL && !request->is_ended && !node->is_stopping)
		(void)pz_enrolment_call_off(node->enrolment,
					    "called off: `pzp enrol` was interrupted");
}

static const struct pz_request_kind waiting_kind = {.size = sizeof(struct waiting),
						    .release = release_waiting};

static bool
wait_for(struct pz_request *request, enum wait_for what)
{
	struct waiting *w = pz_request_begin(request, &waiting_kind);

	if (w)
		w->what = what;
	return w != NULL;
}

static json_t *
where_result(struct pz_node *node)
{
	return json_pack("{s:s, s:s, s:s}", "id", node->names.self, "state",
			 pz_state_text(pz_uplink_state(node->uplink)), "reason",
			 pz_uplink_machine(node->uplink)->reason);
}

static void
finish_ok(struct pz_request *request)
{
	pz_request_answer(request, where_result(request->self));
}

static void
finish_failed(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	const char *reason = pz_uplink_machine(node->uplink)->reason;

	pz_request_fail(request, PZ_ERR_IO, reason[0] ? reason : "failed");
}

/* An enrolment ends when the device is connected. It has also succeeded when the hub is lost right
 * after the certificates were stored: the uplink then dials as usual. Only the earlier state of a
 * member distinguishes this end from a failure. */
static void
on_enrol_state(struct pz_request *request, enum pz_state now)
{
	struct waiting *w = request->state;

	pz_request_event(request, json_pack("{s:s}", "state", pz_state_text(now)));
	if (now == PZ_STATE_VIRGIN)
		finish_failed(request);
	else if (now == PZ_STATE_CONNECTED || (w->was_hub_mode && now == PZ_STATE_NOT_CONNECTED))
		finish_ok(request);
	else
		w->was_hub_mode = pz_state_is_hub_mode(now);
}

static void
on_state(struct pz_request *request, enum pz_state now)
{
	const struct waiting *w = request->state;
	const struct pz_node *node = request->self;

	switch (w->what) {
	case WAIT_ENROL:
		on_enrol_state(request, now);
		break;
	case WAIT_LEAVE:
		if (now == PZ_STATE_VIRGIN && pz_wipe_has_failed(node->wipe))
			finish_failed(request);
		else if (now == PZ_STATE_VIRGIN)
			finish_ok(request);
		break;
	case WAIT_CONNECT:
		if (now == PZ_STATE_CONNECTED)
			finish_ok(request);
		else if (now == PZ_STATE_VIRGIN || now == PZ_STATE_NOT_CONNECTED)
			finish_failed(request);
		break;
	case WAIT_DISCONNECT:
		if (now == PZ_STATE_NOT_CONNECTED || now == PZ_STATE_VIRGIN)
			finish_ok(request);
		break;
	}
}

void
pz_commands_state_changed(struct pz_node *node, enum pz_state now)
{
	PZ_REQUEST_EACH (&node->requests, &waiting_kind, request)
		on_state(request, now);
}

/* The enrolment runs already when the request begins to wait: its first change of state comes in a
 * later turn. */
static void
cmd_enrol(struct pz_request *request)
{
	struct pz_node *node = request->self;
	struct pz_errinfo info = {""};

	enum pz_err err = pz_enrolment_start(node->enrolment, request->params, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
	else if (!wait_for(request, WAIT_ENROL))
		(void)pz_enrolment_call_off(node->enrolment, "out of memory");
}

/* @spec page 3 "Leaving", page 2 "Revocation": requests a revocation from the hub. */
static void
cmd_leave(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	if (node->zone.membership == NULL) {
		pz_request_fail(request, PZ_ERR_NOTFOUND, "this device is not enrolled in a zone");
		return;
	}
	if (wait_for(request, WAIT_LEAVE))
		pz_uplink_leave(node->uplink);
}

/* The machine refuses the event while the device leaves its zone; then waiting commands fail at
 * once, not at the end of the wipe. */
static void
connect_hub(struct pz_request *request)
{
	struct pz_node *node = request->self;

	if (pz_uplink_state(node->uplink) == PZ_STATE_CONNECTED)
		finish_ok(request);
	else if (wait_for(request, WAIT_CONNECT) &&
		 pz_machine_event(pz_uplink_machine(node->uplink), PZ_EVENT_CONNECT, NULL) != PZ_OK)
		pz_request_fail(request, PZ_ERR_DENIED,
				"the device is leaving its zone; it cannot connect now");
}

/* Without a link the machine is parked: it dials only after a person connects. The answer does not
 * wait for the end of the link. */
static void
disconnect_hub(struct pz_request *request)
{
	struct pz_node *node = request->self;

	if (pz_uplink_state(node->uplink) != PZ_STATE_NOT_CONNECTED)
		(void)pz_machine_event(pz_uplink_machine(node->uplink), PZ_EVENT_DISCONNECT,
				       "disconnected by hand");
	else
		pz_machine_park(pz_uplink_machine(node->uplink), "disconnected by hand");
	finish_ok(request);
}

/* After the commit there is no way back: the hub has a member of this name, and the device the
 * certificates. */
static void
call_off(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	if (pz_enrolment_call_off(node->enrolment, "called off by `pzp disconnect`"))
		finish_ok(request);
	else
		pz_request_fail(request, PZ_ERR_DENIED,
				"the certificates are being stored already; `pzp leave` gives "
				"them up");
}

static void
cmd_connect(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	const char *peer = pz_json_str(request->params, "peer");

	if (node->zone.membership == NULL)
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				"this device is not enrolled in a zone; `pzp enrol` first");
	else if (peer)
		pz_calls_peer_connect(node->calls, request, peer);
	else if (json_object_get(request->params, "address"))
		pz_request_fail(request, PZ_ERR_CONFIG,
				"an address is of a peer: name the device that is there");
	else
		connect_hub(request);
}

static void
cmd_disconnect(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	const char *peer = pz_json_str(request->params, "peer");

	if (node->zone.membership == NULL && peer == NULL &&
	    pz_enrolment_is_running(node->enrolment))
		call_off(request);
	else if (node->zone.membership == NULL)
		pz_request_fail(request, PZ_ERR_NOTFOUND, "this device is not enrolled in a zone");
	else if (peer)
		pz_calls_peer_disconnect(node->calls, request, peer);
	else
		disconnect_hub(request);
}

/* Preferences that wait for a reconnect apply then. With peers preferred the device stays without
 * the hub. A live link ends like a lost one, so everything that waits for its end sees the same as
 * always. */
static void
cmd_reconnect(struct pz_request *request)
{
	struct pz_node *node = request->self;
	enum pz_state state = pz_uplink_state(node->uplink);

	if (node->zone.membership == NULL) {
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				"this device is not enrolled in a zone; `pzp enrol` first");
		return;
	}
	if (state == PZ_STATE_CONNECTED || state == PZ_STATE_CONNECTING)
		(void)pz_machine_event(pz_uplink_machine(node->uplink),
				       state == PZ_STATE_CONNECTED ? PZ_EVENT_LINK_LOST
								   : PZ_EVENT_LINK_FAILED,
				       "reconnecting");
	if (pz_uplink_machine(node->uplink)->is_unwanted)
		finish_ok(request);
	else
		connect_hub(request);
}

static void
cmd_hub(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_uplink_command(node->uplink, request);
}

/* ---- friends: the hub has them ---- */

/* Friends belong to the zone, so the hub stores them; a device forwards the command, and without
 * the hub the command fails with the reason. */
static void
friend_command(struct pz_request *request, const char *command)
{
	const struct pz_node *node = request->self;

	pz_uplink_friend_command(node->uplink, request, command);
}

static void
cmd_friend_invite(struct pz_request *request)
{
	friend_command(request, "invite");
}

static void
cmd_friend_accept(struct pz_request *request)
{
	friend_command(request, "accept");
}

static void
cmd_friend_list(struct pz_request *request)
{
	friend_command(request, "list");
}

static void
cmd_friend_confirm(struct pz_request *request)
{
	friend_command(request, "confirm");
}

/* A friend that the hub does not have yet, because it was not connected since the pairing, is
 * removed here. */
static void
cmd_friend_remove(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	const char *zone = json_string_value(json_object_get(request->params, "friend"));

	if (pz_pairing_forget(node->pairing, zone))
		pz_request_answer(request, json_pack("{s:s}", "zone", zone));
	else
		friend_command(request, "remove");
}

static void
cmd_watch(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	const struct pz_machine *machine = pz_uplink_machine(node->uplink);

	pz_watch_begin(request,
		       json_pack("{s:s, s:s, s:s}", "event", "watching", "state",
				 pz_state_text(machine->state), "reason", machine->reason));
}

static void
cmd_sync(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_zonedata_sync_command(node->zonedata, request);
}

/* ---- peers ---- */

static struct pz_calls *
calls_of(const struct pz_request *request)
{
	const struct pz_node *node = request->self;

	return node->calls;
}

static void
cmd_peers(struct pz_request *request)
{
	json_t *list = pz_devices_list(calls_of(request));

	pz_calls_friend_peers(calls_of(request), list);
	add_partner(request->self, list);
	pz_request_answer(request, list);
}

static void
cmd_friends(struct pz_request *request)
{
	pz_calls_friends_command(calls_of(request), request);
}

static void
cmd_pair(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_pairing_command(node->pairing, request);
}

static void
cmd_pair_answer(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_pairing_answer_command(node->pairing, request);
}

static void
cmd_discover(struct pz_request *request)
{
	pz_calls_discover(calls_of(request), request);
}

/* ---- services ---- */

static void
cmd_call(struct pz_request *request)
{
	pz_calls_call(calls_of(request), request);
}

static void
cmd_describe(struct pz_request *request)
{
	pz_calls_describe(calls_of(request), request);
}

static void
cmd_ping(struct pz_request *request)
{
	pz_calls_ping(calls_of(request), request);
}

static void
cmd_services(struct pz_request *request)
{
	pz_calls_services(calls_of(request), request);
}

/* ---- files ---- */

static void
cmd_send(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_transfers_send(node->transfers, request);
}

static void
cmd_apps(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_apps_command(node->apps.apps, request);
}

static void
cmd_app_token(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_tokens_command(pz_apps_tokens(node->apps.apps), request);
}

static void
cmd_inbox(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	pz_transfers_list(node->transfers, request);
}

/* ---- serve ---- */

struct serving {
	char *api;
	char id[33];
};

/* However the request ends (an interrupt, a lost control connection, the end of the daemon), its
 * service is removed, and the registry announces that. */
static void
release_serving(struct pz_request *request)
{
	const struct pz_node *node = request->self;
	struct serving *s = request->state;

	if (s->api)
		(void)!pz_registry_remove(node->registry, s->api, s->id);
	free(s->api);
}

static const struct pz_request_kind serving_kind = {.size = sizeof(struct serving),
						    .release = release_serving};

/* The registry owns the service from here on; it is freed here only if the registry refuses it. */
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

static void
cmd_serve(struct pz_request *request)
{
	struct pz_node *node = request->self;
	const struct pz_descriptor *descriptor = NULL;
	struct pz_errinfo info = {""};

	enum pz_err err =
		serve(node, json_object_get(request->params, "description"), &descriptor, &info);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	/* The service is registered before the request can hold it. If memory for that is out it is
	 * removed again: a service without its command would stay until the end of the daemon. */
	struct serving *s = pz_request_begin(request, &serving_kind);
	if (s)
		s->api = strdup(descriptor->api);
	if (s == NULL || s->api == NULL) {
		(void)!pz_registry_remove(node->registry, descriptor->api, descriptor->id);
		pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	snprintf(s->id, sizeof(s->id), "%s", descriptor->id);
	pz_request_event(request,
			 json_pack("{s:o?}", "registered", pz_descriptor_json(descriptor)));
}

/* ---- the table ---- */

static const struct pz_command commands[] = {PZ_PZP_COMMANDS(PZ_COMMAND_ROW){.name = NULL}};

struct pz_request *
pz_node_command(struct pz_node *node, const char *name, json_t *params,
		const struct pz_reply *reply, void *arg)
{
	return pz_node_command_with(node, name, params, NULL, reply, arg);
}

struct pz_request *
pz_node_command_with(struct pz_node *node, const char *name, json_t *params,
		     struct pz_file *takes_file, const struct pz_reply *reply, void *arg)
{
	return pz_command_begin(commands, &node->requests, name, params, takes_file, reply, arg);
}

bool
pz_node_takes_file(const char *name)
{
	return pz_command_takes_file(pz_command_find(commands, name));
}
