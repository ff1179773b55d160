/*
 * `pzp doctor` without a daemon: the same examination in this process, with the facts that site.c
 * reads from the data directory. Links and peers are not examined, because they need pzpd.
 */
#include "diagnose/offline.h"

#include "base/clock.h"
#include "diagnose/doctor.h"
#include "diagnose/site.h"
#include "net/loop.h"

struct examination {
	struct pz_loop loop;
	struct pz_site site;
	struct pz_errinfo wrong_time;
	json_t *findings;
};

static void
on_facts(void *arg, struct pz_facts *out)
{
	struct examination *e = arg;

	pz_site_facts(&e->site, out);
	out->wall_ms = pz_env_wall_ms(&e->loop.env);
	if (pz_clock_check(&e->loop.env, &e->wrong_time) != PZ_OK)
		out->wrong_time = e->wrong_time.text;
}

static void
on_done(void *arg, json_t *findings)
{
	struct examination *e = arg;

	e->findings = json_incref(findings);
	pz_loop_stop(&e->loop);
}

json_t *
pz_diagnose_offline(const char *data_dir)
{
	static const struct pz_doctor_ops ops = {.facts = on_facts};
	static struct examination e; /* contains paths, so it is too large for a stack */
	struct pz_doctor_config config = {
		.env = &e.loop.env,
		.system = &pz_diagnose_this_system,
		.system_self = &e.loop,
		.ops = &ops,
		.arg = &e,
	};

	e.findings = NULL;
	pz_site_read(data_dir, &e.site);
	/* One thread is enough, because only one name is looked up. */
	if (pz_loop_init(&e.loop, 1) != PZ_OK)
		return NULL;
	config.transport = pz_loop_transport(&e.loop);
	if (pz_doctor_start(&config, on_done, &e) != NULL)
		pz_loop_run(&e.loop);
	pz_loop_fini(&e.loop);
	return e.findings;
}
