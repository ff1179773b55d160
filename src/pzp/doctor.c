/* `pzp doctor` and the daemon's part of `pzp bugreport`: what the node knows about itself, and the
 * peers that try to reach it. */
#include "diagnose/doctor.h"
#include "base/clock.h"
#include "base/log_stderr.h"
#include "base/netaddr.h"
#include "daemon/log_ring.h"
#include "pzp/internal.h"

struct examination {
	struct pz_request *request;
	struct pz_doctor *doctor;     /* while it runs */
	pz_doctor_tried tried;        /* of the trial that runs */
	void *tried_arg;              /* for it */
	struct pz_peers_trial *trial; /* while one runs */
	struct pz_errinfo wrong_time;
};

/* ---- facts ---- */

static struct pz_facts_life
life_of(const struct pz_cert *cert)
{
	return (struct pz_facts_life){pz_cert_not_before_ms(cert), pz_cert_not_after_ms(cert)};
}

static void
zone_facts(const struct pz_node *node, struct pz_facts *out)
{
	const struct pz_membership *m = node->zone.membership;
	const struct pz_crl *crl = pz_device_zone_crl(&node->zone);

	if (m == NULL)
		return;
	out->zone = m->zone;
	out->device = m->device;
	out->tls = life_of(m->tls);
	out->device_ca = life_of(m->device_ca);
	if (crl)
		out->crl = (struct pz_facts_life){pz_crl_this_update_ms(crl),
						  pz_crl_next_update_ms(crl)};
}

static void
hub_facts(const struct pz_node *node, struct pz_facts *out)
{
	const struct pz_machine *machine = pz_uplink_machine(node->uplink);
	const struct pz_sync_link *sync = pz_uplink_sync(node->uplink);
	const struct pz_hub_address *hub = pz_uplink_hub_address(node->uplink);

	if (node->zone.membership == NULL)
		return;
	out->hub_host = hub->host;
	out->hub_port = hub->port;
	out->hub_is_up = pz_uplink_is_up(node->uplink);
	out->hub_is_unwanted = machine->is_unwanted || machine->is_parked;
	out->hub_reason = machine->reason[0] ? machine->reason : machine->last_failure;
	out->hub_version = pz_uplink_hub_version(node->uplink);
	out->has_hub_clock =
		sync && sync->session && pz_sync_session_ahead(sync->session, &out->hub_ahead_ms);
}

static void
clock_facts(const struct pz_node *node, struct examination *e, struct pz_facts *out)
{
	out->wall_ms = pz_env_wall_ms(node->config.env);
	if (pz_clock_check(node->config.env, &e->wrong_time) != PZ_OK)
		out->wrong_time = e->wrong_time.text;
}

static void
on_facts(void *arg, struct pz_facts *out)
{
	struct examination *e = arg;
	const struct pz_node *node = e->request->self;
	struct pz_netaddr listen;

	out->is_daemon = true;
	if (node->config.machine)
		out->data_dir = node->config.machine->data_dir;
	clock_facts(node, e, out);
	zone_facts(node, out);
	hub_facts(node, out);
	out->tls_port = pz_peers_port(node->peers);
	if (!node->peer_prefs.listen)
		out->listen = PZ_FACTS_LISTEN_OFF;
	else if (node->zone.membership && out->tls_port == 0)
		out->listen = PZ_FACTS_LISTEN_FAILED;
	out->is_loopback = node->config.listen && pz_netaddr_parse(node->config.listen, &listen) &&
			   pz_netaddr_is_loopback(&listen);
	pz_upkeep_check(((const struct pz_node *)e->request->self)->upkeep);
	out->conditions = pz_conditions_json(node->conditions);
}

/* ---- peers ---- */

static void
on_tried(void *arg, json_t *results)
{
	struct examination *e = arg;

	e->trial = NULL;
	e->tried(e->tried_arg, results);
}

static void *
on_try_start(void *arg, pz_doctor_tried tried, void *tried_arg)
{
	struct examination *e = arg;
	const struct pz_node *node = e->request->self;

	e->tried = tried;
	e->tried_arg = tried_arg;
	e->trial = pz_peers_trial_start(node->peers, on_tried, e);
	return e->trial ? e : NULL;
}

static void
on_try_cancel(void *trial)
{
	struct examination *e = trial;

	pz_peers_trial_cancel(e->trial);
	e->trial = NULL;
}

/* ---- the commands ---- */

static void
on_done(void *arg, json_t *findings)
{
	struct examination *e = arg;

	e->doctor = NULL;
	pz_request_answer(e->request, json_incref(findings));
}

static void
release(struct pz_request *request)
{
	struct examination *e = request->state;

	pz_doctor_cancel(e->doctor);
}

static const struct pz_request_kind kind = {.size = sizeof(struct examination), .release = release};

void
pz_node_doctor_command(struct pz_request *request)
{
	static const struct pz_doctor_ops ops = {
		.facts = on_facts,
		.try_start = on_try_start,
		.try_cancel = on_try_cancel,
	};
	const struct pz_node *node = request->self;
	struct examination *e = pz_request_begin(request, &kind);
	struct pz_doctor_config config = {
		.env = node->config.env,
		.transport = node->config.transport,
		.ops = &ops,
		.arg = e,
	};

	if (e == NULL)
		return;
	if (node->config.machine) {
		config.system = node->config.machine->system;
		config.system_self = node->config.machine->self;
	}
	e->request = request;
	e->doctor = pz_doctor_start(&config, on_done, e);
	if (e->doctor == NULL)
		pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "");
}

static void
add_line(void *arg, const struct pz_log_ring_line *line)
{
	(void)json_array_append_new(arg, json_pack("{s:f, s:s, s:s, s:s}", "time",
						   (double)line->wall_ms / 1000, "level",
						   pz_log_level_label(line->level), "id", line->id,
						   "text", line->text));
}

void
pz_node_log_command(struct pz_request *request)
{
	json_t *lines = json_array();

	if (lines)
		pz_log_ring_each(add_line, lines);
	pz_request_answer(request, lines);
}
