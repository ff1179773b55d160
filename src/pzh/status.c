/* The commands `zones`, `devices` and `status`: what exists, what it does, and what is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hosted/dates.h"
#include "pzh/internal.h"
#include "pzh/result.h"
#include "wire/json.h"

/* ---- lists ---- */

static json_t *
zone_result(const struct pz_hosted *zone)
{
	json_t *result = pz_pzh_init_result(zone->authority);

	json_object_set_new(result, "name", json_string(zone->authority->name));
	json_object_set_new(result, "devices",
			    json_integer((json_int_t)pz_authority_devices(zone->authority)));
	json_object_set_new(result, "connected", json_integer((json_int_t)zone->connected));
	json_object_set_new(result, "daysLeft", pz_hosted_days_left(zone));
	if (zone->authority->move.is_moving)
		json_object_set_new(result, "moving", pz_pzh_move_result(zone->authority));
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

void
pz_pzh_run_zones(struct pz_request *request)
{
	pz_request_answer(request, zones_result(pz_pzh_hub(request)));
}

void
pz_pzh_run_devices(struct pz_request *request)
{
	struct pz_hosted *zone;
	size_t pos = 0;
	struct pz_slice key;
	void *member;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	bool is_all = json_is_true(json_object_get(request->params, "all"));
	json_t *list = json_array();
	while (pz_map_next(zone->authority->members, &pos, &key, &member))
		if (is_all)
			pz_pzh_add_all_results(list, member);
		else if (!((struct pz_member *)member)->revoked)
			json_array_append_new(list, pz_pzh_device_result(member));
	pz_request_answer(request, list);
}

/* ---- status ---- */

/* What the operator should know now, one text for each line. New. */
static json_t *
warnings_of(const struct pz_hub *hub)
{
	struct pz_errinfo info = {""};
	size_t pos = 0;
	void *zone;

	if (pz_clock_check(hub->config.env, &info) == PZ_OK)
		pz_condition_clear(hub->hosting.conditions, PZ_CONDITION_CLOCK_WRONG, "");
	else
		pz_condition_raise(hub->hosting.conditions, PZ_CONDITION_CLOCK_WRONG, "", "%s",
				   info.text);
	while (pz_map_next(hub->zones, &pos, NULL, &zone))
		pz_hosted_check_conditions(zone);
	return pz_conditions_texts(hub->hosting.conditions);
}

/* Days that are left, 0 after the end: a gauge is never negative. */
static uint64_t
lesser(uint64_t so_far, const struct pz_env *env, uint64_t end_ms)
{
	int64_t left = pz_env_days_left(env, end_ms);
	uint64_t days = left > 0 ? (uint64_t)left : 0;

	return days < so_far ? days : so_far;
}

/* Gauges of days: those of the zone that ends first. */
static void
set_days(struct pz_hub *hub)
{
	uint64_t tls = UINT64_MAX, crl = UINT64_MAX;
	size_t pos = 0;
	void *value;

	while (pz_map_next(hub->zones, &pos, NULL, &value)) {
		const struct pz_authority *a = ((const struct pz_hosted *)value)->authority;
		tls = lesser(tls, a->env, pz_cert_not_after_ms(a->tls));
		crl = lesser(crl, a->env, pz_crl_next_update_ms(a->crl));
	}
	pz_metric_set(&hub->hosting.metrics, PZ_METRIC_tls_days_left, tls == UINT64_MAX ? 0 : tls);
	pz_metric_set(&hub->hosting.metrics, PZ_METRIC_crl_days_left, crl == UINT64_MAX ? 0 : crl);
}

/* Links that have registered; strangers are a gauge. */
static json_t *
links_result(struct pz_hub *hub)
{
	json_t *list = json_array();
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone))
		PZ_LIST_EACH (&((struct pz_hosted *)zone)->links, hook, tmp) {
			struct pz_link *link = PZ_CONTAINER(hook, struct pz_link, owner_node);
			struct pz_hosted_conn *conn = link->owner;
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:I}", "id", link->session.address,
						"address", pz_guest_remote(&conn->guest), "queued",
						(json_int_t)link->session.queued));
		}
	return list;
}

/* Gauges are set when they are read: nothing on the forwarding path maintains them. */
static void
set_gauges(struct pz_hub *hub)
{
	size_t pos = 0, links = 0, queued = 0;
	struct pz_slice key;
	void *value;

	while (pz_map_next(hub->zones, &pos, &key, &value)) {
		const struct pz_hosted *zone = value;
		links += zone->connected;
		PZ_LIST_EACH (&((struct pz_hosted *)value)->links, hook, tmp)
			queued += PZ_CONTAINER(hook, struct pz_link, owner_node)->session.queued;
	}
	pz_metric_set(&hub->hosting.metrics, PZ_METRIC_links, links);
	pz_metric_set(&hub->hosting.metrics, PZ_METRIC_queued_bytes, queued);
	set_days(hub);
}

void
pz_pzh_run_status(struct pz_request *request)
{
	struct pz_hub *hub = pz_pzh_hub(request);
	struct pz_metrics *m = &hub->hosting.metrics;
	uint64_t uptime = (pz_env_mono_us(hub->config.env) - hub->started_us) / PZ_US_PER_S;

	set_gauges(hub);
	pz_request_answer(
		request,
		json_pack("{s:s, s:i, s:I, s:o, s:o, s:{s:i, s:n}, s:{s:I, s:I, s:I}, s:o, "
			  "s:o, s:o}",
			  "version", PZ_VERSION, "pid", (int)getpid(), "uptime", (json_int_t)uptime,
			  "zones", zones_result(hub), "links", links_result(hub), "ports",
			  "overlay", (int)hub->hosting.port, "web", "messages", "in",
			  (json_int_t)pz_metric_get(m, PZ_METRIC_messages_in), "out",
			  (json_int_t)pz_metric_get(m, PZ_METRIC_messages_out), "dropped",
			  (json_int_t)pz_metric_get(m, PZ_METRIC_messages_dropped), "warnings",
			  warnings_of(hub), "conditions",
			  pz_conditions_json(hub->hosting.conditions), "metrics",
			  pz_metrics_json(m)));
}
