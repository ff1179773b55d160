#include "pzh/fixture.h"

struct fx_world w;

/* ---- the world ---- */

static void
on_turn(void *arg)
{
	(void)arg;
	pz_turn_end(&w.turn);
}

void
run(uint64_t duration_us)
{
	pz_kit_clock_run(&w.world.clock, duration_us);
}

void
start_hub(void)
{
	struct pz_errinfo info = {""};
	struct pz_hub_config config = {
		.env = &w.world.clock.env,
		.transport = pz_kit_network_transport(&w.net),
		.turn = &w.turn,
		.store = w.world.store,
		.keys = w.world.keys,
		.key_type = "ec-p256",
		.listen = "",
	};

	assert_ok(pz_hub_new(&config, &w.hub, &info));
	assert_ok(pz_hub_start(w.hub, &info));
}

void
restart_hub(void)
{
	pz_hub_free(w.hub); /* it lets go of the store, which reports nothing to it any more */
	pz_store_free(PZ_TAKE(w.world.store));
	pz_kit_world_restart(&w.world);
	w.net.is_listening = false;
	start_hub();
}

int
set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	pz_kit_world_init(&w.world, COMMIT_US);
	w.world.clock.turn = on_turn;
	pz_kit_network_init(&w.net, &w.world.clock);
	w.net.can_listen = true;
	w.net.port = PORT;
	assert_ok(pz_turn_init(&w.turn, 0));
	start_hub();
	return 0;
}

int
tear_down(void **state)
{
	(void)state;
	pz_hub_stop(w.hub);
	assert_false(w.net.is_listening);
	pz_turn_end(&w.turn);
	run(PZ_US_PER_S);
	pz_hub_free(w.hub);
	pz_kit_world_fini(&w.world);
	pz_turn_fini(&w.turn);
	return 0;
}

/* ---- commands ---- */

void
begin(struct pz_kit_answer *a, const char *name, json_t *params)
{
	*a = (struct pz_kit_answer){0};
	assert_non_null(pz_pzh_command(w.hub, name, params, PZ_TAKE(w.file), &pz_kit_reply, a));
	json_decref(params);
	assert_int_equal(a->ends, 0); /* never from inside the call that began it */
	pz_requests_report(&w.hub->requests);
}

const struct pz_kit_answer *
ask(const char *name, json_t *params)
{
	static struct pz_kit_answer a;

	json_decref(a.result);
	begin(&a, name, params);
	run(PZ_US_PER_S);
	assert_int_equal(a.ends, 1);
	if (a.err == PZ_OK)
		assert_string_equal(a.detail, "");
	else
		assert_true(a.detail[0] != '\0' && strchr(a.detail, '\n') == NULL);
	json_t *keep = a.result;
	a.result = json_deep_copy(keep);
	json_decref(keep);
	return &a;
}

void
make_zone(const char *zone)
{
	assert_ok(ask("init", json_pack("{s:s, s:s}", "zone", zone, "host", HOST))->err);
}

struct pz_hosted *
zone_of(const char *name)
{
	struct pz_hosted *zone = pz_hub_zone_by_name(w.hub, name);

	assert_non_null(zone);
	return zone;
}

struct pz_member *
add_member(const char *zone_name, const char *device, bool confirmed)
{
	struct pz_hosted *zone = zone_of(zone_name);
	struct pz_member *member = pz_kit_admit(&w.world, zone->authority, device, NULL);

	member->confirmed = confirmed;
	return member;
}
