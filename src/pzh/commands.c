/* The hub's commands (page 12): one table, one function each. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pzh/command_table.h"
#include "pzh/internal.h"
#include "pzh/result.h"
#include "wire/json.h"

/* ---- init ---- */

struct init {
	struct pz_request *request;
	struct pz_authority *authority;
	json_t *result;
};

void
hub_drop_init(void *arg)
{
	struct init *init = arg;

	pz_authority_free(init->authority);
	json_decref(init->result);
	free(init);
}

static void
on_zone_stored(void *arg, enum pz_err err, const char *detail)
{
	struct init *init = arg;
	struct pz_errinfo info = {""};
	struct hub_zone *zone;
	struct pz_hub *hub = hub_of(init->request);

	pz_map_remove(hub->making, pz_slice_str(init->authority->zone));
	if (err == PZ_OK) {
		err = hub_add_zone(hub, PZ_TAKE(init->authority), &zone, &info);
		detail = info.text;
	} else {
		hub->is_sweep_due = true;
	}
	pz_request_finish(init->request, err, detail, err == PZ_OK ? PZ_TAKE(init->result) : NULL);
	hub_drop_init(init);
}

enum pz_err
hub_check_new_zone(struct pz_hub *hub, const char *zone, struct pz_errinfo *info)
{
	if (hub_zone_by_name(hub, zone) || pz_map_get(hub->making, pz_slice_str(zone)) != NULL)
		return pz_fail(info, PZ_ERR_EXISTS, "zone %s exists already", zone);
	return PZ_OK;
}

void
hub_store_zone(struct pz_request *request, struct pz_authority *takes, struct pz_txn *takes_txn,
	       json_t *takes_result)
{
	struct init *init = calloc(1, sizeof(*init));
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (init)
		err = pz_map_put(hub_of(request)->making, pz_slice_str(takes->zone), init, NULL);
	if (err != PZ_OK) {
		hub_of(request)->is_sweep_due = true;
		pz_authority_free(takes);
		pz_txn_free(takes_txn);
		json_decref(takes_result);
		free(init);
		pz_request_fail(request, err, "out of memory");
		return;
	}
	*init = (struct init){.request = request, .authority = takes, .result = takes_result};
	pz_store_commit(hub_of(request)->config.store, takes_txn, on_zone_stored, init);
}

static enum pz_err
begin_init(struct pz_request *request, const char *zone, const char *host, struct pz_errinfo *info)
{
	char normal[PZ_ZONE_BYTES_MAX + 1];
	struct pz_authority *authority = NULL;

	if (pz_zone_normalise(pz_slice_str(zone), normal) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "zone '%s' is not valid: write it as user@domain, e.g. "
			       "alice@example.org",
			       zone);
	PZ_TRY(hub_check_new_zone(hub_of(request), normal, info));
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;
	if (txn)
		err = pz_authority_create(normal, host, pz_json_str(request->params, "name"),
					  hub_of(request)->config.key_type,
					  hub_of(request)->config.keys, hub_of(request)->config.env,
					  txn, &authority, info);
	if (err != PZ_OK) {
		hub_of(request)->is_sweep_due = true;
		pz_txn_free(txn);
		return err;
	}
	hub_store_zone(request, authority, txn, pzh_init_result(authority));
	return PZ_OK;
}

static void
cmd_init(struct pz_request *request)
{
	const char *zone = pz_json_str(request->params, "zone"),
		   *host = pz_json_str(request->params, "host");
	struct pz_errinfo info = {""};

	enum pz_err err = begin_init(request, zone, host, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

/* ---- lists ---- */

static json_t *
zone_result(const struct hub_zone *zone)
{
	json_t *result = pzh_init_result(zone->authority);

	json_object_set_new(result, "name", json_string(zone->authority->name));
	json_object_set_new(result, "devices",
			    json_integer((json_int_t)pzh_count_devices(zone->authority)));
	json_object_set_new(result, "connected", json_integer((json_int_t)zone->connected));
	json_object_set_new(result, "daysLeft", zone_days_left(zone));
	if (zone->authority->move.is_moving)
		json_object_set_new(result, "moving", pzh_move_result(zone->authority));
	return result;
}

static json_t *
zones_result(struct pz_hub *hub)
{
	json_t *list = json_array();
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone))
		json_array_append_new(list, zone_result(zone));
	return list;
}

static void
cmd_zones(struct pz_request *request)
{
	pz_request_answer(request, zones_result(hub_of(request)));
}

static void
cmd_devices(struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct hub_zone *zone;
	size_t pos = 0;
	struct pz_slice key;
	void *member;

	enum pz_err err = hub_choose_zone(hub_of(request), pz_json_str(request->params, "zone"),
					  &zone, &info);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	bool is_all = json_is_true(json_object_get(request->params, "all"));
	json_t *list = json_array();
	while (pz_map_next(zone->authority->members, &pos, &key, &member))
		if (is_all)
			pzh_add_all_results(list, member);
		else if (!((struct pz_member *)member)->revoked)
			json_array_append_new(list, pzh_device_result(member));
	pz_request_answer(request, list);
}

/* ---- token ---- */

static enum pz_err
token_result(const struct hub_zone *zone, const struct pz_code *issued, unsigned ttl_s,
	     json_t **out, struct pz_errinfo *info)
{
	const struct pz_hub *hub = zone->hub;
	uint64_t expires_s = pz_env_wall_ms(hub->config.env) / 1000 + ttl_s;
	char code[PZ_CODE_DIGITS + 2];
	struct pz_buf link;

	pz_code_format(issued, code);
	pz_buf_init(&link, 2048, NULL);
	enum pz_err err = pz_enrol_link_format(zone->authority->host, hub->port,
					       zone->authority->zone, issued->digits, &link);
	if (err == PZ_OK)
		*out = json_pack("{s:s, s:s%, s:s, s:s, s:i, s:I}", "code", code, "link",
				 (const char *)link.mem + link.start, link.len, "zone",
				 zone->authority->zone, "host", zone->authority->host, "port",
				 hub->port, "expires", (json_int_t)expires_s);
	if (*out && issued->device[0])
		(void)json_object_set_new(*out, "device", json_string(issued->device));
	pz_buf_wipe(&link);
	if (err != PZ_OK)
		return pz_fail(info, err,
			       "no link can be made of host '%s': move the zone to a valid one "
			       "(pzh export, pzh import --host)",
			       zone->authority->host);
	return *out ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

static void
issue_code(struct pz_request *request, struct hub_zone *zone, const char *device, unsigned ttl)
{
	struct pz_errinfo info = {""};
	struct pz_code *code = NULL;
	json_t *result = NULL;
	bool is_replaced = false;

	enum pz_err err = pz_codes_issue(&zone->codes, hub_of(request)->config.env, device, ttl,
					 &code, &is_replaced);
	if (err == PZ_ERR_LIMIT)
		(void)pz_fail(&info, err,
			      "%d codes are live: use one of them, or wait until one "
			      "expires",
			      PZ_CODES_MAX);
	if (err == PZ_OK) {
		pz_notice("code-issued", "zone=%s ttl=%u%s%s", zone->authority->zone, ttl,
			  code->device[0] ? " device=" : "", code->device);
		err = token_result(zone, code, ttl, &result, &info);
	}
	if (err == PZ_OK && is_replaced)
		(void)json_object_set_new(result, "replaced", json_true());
	if (err == PZ_OK && zone->failed_attempts > 0)
		(void)json_object_set_new(result, "failedAttempts",
					  json_integer((json_int_t)zone->failed_attempts));
	pz_request_finish(request, err, info.text, result);
}

static void
cmd_token(struct pz_request *request)
{
	const char *device = pz_json_str(request->params, "device");
	struct pz_errinfo info = {""};
	struct hub_zone *zone;
	int64_t ttl = pz_request_int(request, "ttl", PZ_CODE_TTL_MAX_S);

	enum pz_err err = hub_choose_zone(hub_of(request), pz_json_str(request->params, "zone"),
					  &zone, &info);
	if (err == PZ_OK)
		err = pz_authority_check_stays(zone->authority, &info);
	if (err == PZ_OK && device && !pz_device_is_valid(pz_slice_str(device)))
		err = pz_fail(
			&info, PZ_ERR_CONFIG,
			"device name '%s' is not valid: use letters, digits, '.', '_' and '-', at "
			"most 63 "
			"of them, a letter or digit first; `pzp name` gives it any name for people",
			device);
	if (err == PZ_OK && device && !pz_authority_is_name_free(zone->authority, device))
		err = pz_fail(&info, PZ_ERR_EXISTS,
			      "device name %s is taken; revoke that device first or choose another",
			      device);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	issue_code(request, zone, device, (unsigned)ttl);
}

/* ---- revoke ---- */

static void
cmd_revoke(struct pz_request *request)
{
	const char *device = pz_json_str(request->params, "device");
	struct pz_errinfo info = {""};
	struct hub_zone *zone;

	enum pz_err err = hub_choose_zone(hub_of(request), pz_json_str(request->params, "zone"),
					  &zone, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
	else if (json_is_true(json_object_get(request->params, "purge")))
		zone_revoke_and_purge(zone, device, request);
	else
		zone_revoke(zone, device, PZ_REVOKED_BY_OWNER, request);
}

/* ---- status ---- */

static json_t *
links_result(struct pz_hub *hub)
{
	json_t *list = json_array();
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone))
		PZ_LIST_EACH (&((struct hub_zone *)zone)->links, node, tmp) {
			struct pz_link *link = PZ_CONTAINER(node, struct pz_link, owner_node);
			struct hub_peer *peer = link->owner;
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:I}", "id", link->session.address,
						"address", pz_guest_remote(&peer->guest), "queued",
						(json_int_t)link->session.queued));
		}
	return list;
}

/* Gauges are set when they are asked for. */
static void
set_gauges(struct pz_hub *hub)
{
	size_t pos = 0, links = 0, queued = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(hub->zones, &pos, &key, &value)) {
		const struct hub_zone *zone = value;
		links += zone->connected;
		PZ_LIST_EACH (&((struct hub_zone *)value)->links, node, tmp)
			queued += PZ_CONTAINER(node, struct pz_link, owner_node)->session.queued;
	}
	pz_metric_set(&hub->metrics, PZ_METRIC_links, links);
	pz_metric_set(&hub->metrics, PZ_METRIC_queued_bytes, queued);
	hub_set_days(hub);
}

static void
cmd_status(struct pz_request *request)
{
	struct pz_hub *hub = hub_of(request);
	struct pz_metrics *m = &hub->metrics;
	uint64_t uptime = (pz_env_mono_us(hub->config.env) - hub->started_us) / PZ_US_PER_S;

	set_gauges(hub);
	pz_request_answer(
		request,
		json_pack("{s:s, s:i, s:I, s:o, s:o, s:{s:i, s:n}, s:{s:I, s:I, s:I}, s:o, "
			  "s:o, s:o}",
			  "version", PZ_VERSION, "pid", (int)getpid(), "uptime", (json_int_t)uptime,
			  "zones", zones_result(hub), "links", links_result(hub), "ports",
			  "overlay", (int)hub->port, "web", "messages", "in",
			  (json_int_t)pz_metric_get(m, PZ_METRIC_messages_in), "out",
			  (json_int_t)pz_metric_get(m, PZ_METRIC_messages_out), "dropped",
			  (json_int_t)pz_metric_get(m, PZ_METRIC_messages_dropped), "warnings",
			  hub_warnings(hub), "conditions", pz_conditions_json(hub->conditions),
			  "metrics", pz_metrics_json(m)));
}

static const struct pz_command commands[] = {PZ_PZH_COMMANDS(PZ_COMMAND_ROW){.name = NULL}};

struct pz_request *
pz_hub_command(struct pz_hub *hub, const char *name, json_t *params, struct pz_file *takes_file,
	       const struct pz_reply *reply, void *arg)
{
	struct pz_request *request = pz_request_new(&hub->requests, params, reply, arg);

	if (request == NULL) {
		pz_file_close(takes_file);
		return NULL;
	}
	pz_request_set_file(request, takes_file);
	pz_command_run(commands, name, request);
	return request;
}

bool
pz_hub_command_takes_file(const char *name)
{
	return pz_command_takes_file(pz_command_find(commands, name));
}
