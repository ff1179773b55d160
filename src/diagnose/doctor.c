/*
 * Runs `pzp doctor`: three attempts at the same time (the hub's port, multicast, peers that try to
 * connect here), which end when all have answered or the time is up. It only collects facts;
 * judge.c decides what is wrong and what to do.
 */
#include "diagnose/doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "diagnose/judge.h"

struct pz_doctor {
	struct pz_doctor_config config;
	struct pz_evidence evidence;
	struct pz_dial *dial; /* while the hub's port is tried */
	bool has_address;     /* of the hub, found in that attempt */
	char hub_problem[256];
	struct pz_multicast_probe *probe; /* while the probe runs */
	void *trial;                      /* while peers try to connect */
	struct pz_timer timer;            /* the end: at once, or when the time is up */
	pz_doctor_done done;
	void *arg;
};

/* ---- the end ---- */

static void
stop_all(struct pz_doctor *d)
{
	const struct pz_doctor_config *config = &d->config;

	pz_env_stop(config->env, &d->timer);
	if (d->dial)
		config->transport.ops->dial_cancel(d->dial);
	if (d->probe)
		config->system->multicast_cancel(d->probe);
	if (d->trial)
		config->ops->try_cancel(d->trial);
	d->dial = NULL;
	d->probe = NULL;
	d->trial = NULL;
}

static void
release(struct pz_doctor *d)
{
	stop_all(d);
	json_decref(d->evidence.tries);
	free(d);
}

/* What has not ended by now counts as failed. */
static void
give_up(struct pz_doctor *d)
{
	if (d->dial) {
		d->evidence.hub = d->has_address ? PZ_HUB_FAILED : PZ_HUB_NO_ADDRESS;
		snprintf(d->hub_problem, sizeof(d->hub_problem), "no answer within %u s",
			 (unsigned)(PZ_DOCTOR_TIME_US / PZ_US_PER_S));
	}
	stop_all(d);
}

static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct pz_doctor *d = arg;
	struct pz_facts facts = {0};

	(void)timer;
	give_up(d);
	/* Read now, not at the beginning: the link may have come up since. */
	d->config.ops->facts(d->config.arg, &facts);
	json_t *findings = pz_judge(&facts, &d->evidence);
	json_decref(facts.conditions);
	d->done(d->arg, findings);
	json_decref(findings);
	release(d);
}

/* By the timer, even when all have answered: `done` must not run inside pz_doctor_start. */
static void
look_for_end(struct pz_doctor *d)
{
	if (d->dial == NULL && d->probe == NULL && d->trial == NULL)
		pz_env_start(d->config.env, &d->timer, 0);
}

/* ---- the hub ---- */

static void
on_resolved(void *arg)
{
	((struct pz_doctor *)arg)->has_address = true;
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct pz_doctor *d = arg;

	d->dial = NULL;
	d->evidence.hub = PZ_HUB_CONNECTED;
	/* The connection itself was the test: no TLS, and nothing is sent. */
	stream->ops->close(stream);
	look_for_end(d);
}

static void
on_failed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_doctor *d = arg;

	d->dial = NULL;
	d->evidence.hub = err == PZ_ERR_IO_RESOLVE ? PZ_HUB_NO_ADDRESS : PZ_HUB_FAILED;
	snprintf(d->hub_problem, sizeof(d->hub_problem), "%s", detail);
	look_for_end(d);
}

static void
try_hub(struct pz_doctor *d, const struct pz_facts *facts)
{
	static const struct pz_dial_events events = {
		.resolved = on_resolved,
		.connected = on_connected,
		.failed = on_failed,
	};
	const struct pz_transport *t = &d->config.transport;

	/* A device without a zone has no hub to test. */
	if (facts->hub_host == NULL || facts->hub_host[0] == '\0')
		return;
	enum pz_err err =
		t->ops->dial(t->self, facts->hub_host, facts->hub_port, &events, d, &d->dial);
	if (err == PZ_OK)
		return;
	d->dial = NULL;
	d->evidence.hub = PZ_HUB_FAILED;
	snprintf(d->hub_problem, sizeof(d->hub_problem), "%s port %u: %s", facts->hub_host,
		 facts->hub_port, pz_err_text(err));
}

/* ---- the machine and the peers ---- */

static void
on_multicast(void *arg, const struct pz_multicast_report *report)
{
	struct pz_doctor *d = arg;

	d->probe = NULL;
	d->evidence.multicast = *report;
	d->evidence.has_multicast = true;
	look_for_end(d);
}

static void
on_tried(void *arg, json_t *tries)
{
	struct pz_doctor *d = arg;

	d->trial = NULL;
	d->evidence.tries = json_incref(tries);
	look_for_end(d);
}

static void
try_machine(struct pz_doctor *d, const struct pz_facts *facts)
{
	const struct pz_diagnose_system *system = d->config.system;

	if (system == NULL)
		return;
	if (facts->data_dir) {
		system->disk(d->config.system_self, facts->data_dir, &d->evidence.disk);
		d->evidence.has_disk = true;
	}
	/* A daemon on loopback does not use multicast, so a failure there would not be a fault. */
	if (!facts->is_loopback)
		d->probe = system->multicast_start(d->config.system_self, on_multicast, d);
}

struct pz_doctor *
pz_doctor_start(const struct pz_doctor_config *config, pz_doctor_done done, void *arg)
{
	struct pz_doctor *d = calloc(1, sizeof(*d));
	struct pz_facts facts = {0};

	if (d == NULL)
		return NULL;
	d->config = *config;
	d->done = done;
	d->arg = arg;
	d->evidence.hub_problem = d->hub_problem;
	pz_timer_init(&d->timer, on_timer, d);
	config->ops->facts(config->arg, &facts);
	try_hub(d, &facts);
	try_machine(d, &facts);
	/* Peers can only try a port that is open. */
	if (config->ops->try_start && facts.zone && facts.listen == PZ_FACTS_LISTENS)
		d->trial = config->ops->try_start(config->arg, on_tried, d);
	json_decref(facts.conditions);
	pz_env_start(config->env, &d->timer, PZ_DOCTOR_TIME_US);
	look_for_end(d);
	return d;
}

void
pz_doctor_cancel(struct pz_doctor *doctor)
{
	if (doctor)
		release(doctor);
}
