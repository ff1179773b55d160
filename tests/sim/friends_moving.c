#include "friends_moving.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "friends_check.h"
#include "harness.h"
#include "moving.h"
#include "zone.h"

#define NEW "new.example"
#define WHOLE_AGAIN_US (200 * SIM_S)

static const char *
zone_name(void)
{
	return friends_zones[0];
}

static size_t
count_zones(struct sim_node *hub)
{
	json_t *list = sim_do(hub, "zones", json_object(), SIM_MINUTE);
	size_t count = json_array_size(list);

	json_decref(list);
	return count;
}

static void
expect(struct sim_call *call, bool is_good, const char *what)
{
	bool is_over = sim_await(call, SIM_MINUTE);

	sim_check(call->node->world, is_over && (call->err == PZ_OK) == is_good, "%s: %s %s: %s",
		  call->node->name, what, is_good ? "failed" : "did not fail", call->detail);
	sim_call_free(call);
}

static void
write_archive(struct scene *s, struct pz_buf *archive)
{
	pz_buf_init(archive, PZ_ARCHIVE_BYTES_MAX, NULL);
	expect(moving_export(s->hub[0], zone_name(), archive), true, "export");
}

/* A bit of it has changed, its end is missing, or the new machine's disk is full. */
static void
import_fails(struct scene *s, struct sim_node *fresh)
{
	struct pz_buf archive;
	uint64_t what;

	write_archive(s, &archive);
	what = rng_below(&s->world->rng, 3);
	if (what == 0)
		archive.mem[archive.start + rng_below(&s->world->rng, archive.len)] ^= 1;
	else if (what == 1)
		archive.len = rng_below(&s->world->rng, archive.len);
	else
		pz_memory_disk_fail_after(fresh->disk, 0);
	expect(moving_import(fresh, &archive), false, "import");
	pz_memory_disk_fail_after(fresh->disk, SIZE_MAX);
	pz_buf_wipe(&archive);
	sim_check(s->world, count_zones(fresh) == 0, "half of a zone was imported");
}

/* @return the hub of the zone: it stays after all, or the next attempt works */
static struct sim_node *
refused(struct scene *s, struct sim_node *fresh)
{
	struct pz_buf archive;

	import_fails(s, fresh);
	if (rng_chance(&s->world->rng, 50)) {
		json_decref(sim_do(s->hub[0], "move",
				   json_pack("{s:s, s:b}", "zone", zone_name(), "stay", 1),
				   SIM_MINUTE));
		sim_stop(fresh);
		return s->hub[0];
	}
	write_archive(s, &archive);
	sim_stop(s->hub[0]);
	expect(moving_import(fresh, &archive), true, "import");
	pz_buf_wipe(&archive);
	return fresh;
}

/* Where the zone is not on its disk yet, the owner imports once more. */
static struct sim_node *
dies_reading(struct scene *s, struct sim_node *fresh)
{
	struct pz_buf archive, copy;

	write_archive(s, &archive);
	pz_buf_init(&copy, PZ_ARCHIVE_BYTES_MAX, NULL);
	if (pz_buf_append(&copy, pz_buf_slice(&archive)) != PZ_OK)
		abort();
	sim_stop(s->hub[0]);
	struct sim_call *call = moving_import(fresh, &archive);
	world_run(s->world, rng_below(&s->world->rng, 200 * SIM_MS + 2 * fresh->commit_us));
	sim_crash(fresh, VNET_DEATH_RESET);
	sim_call_free(call);
	sim_start(fresh);
	if (count_zones(fresh) == 0)
		expect(moving_import(fresh, &copy), true, "import again");
	pz_buf_wipe(&archive);
	pz_buf_wipe(&copy);
	return fresh;
}

static struct sim_node *
dies_writing(struct scene *s, struct sim_node *fresh)
{
	struct pz_buf archive;

	pz_buf_init(&archive, PZ_ARCHIVE_BYTES_MAX, NULL);
	struct sim_call *call = moving_export(s->hub[0], zone_name(), &archive);
	world_run(s->world, rng_below(&s->world->rng, 30 * SIM_MS));
	sim_crash(s->hub[0], VNET_DEATH_RESET);
	sim_call_free(call);
	pz_buf_wipe(&archive);
	sim_start(s->hub[0]);
	write_archive(s, &archive);
	sim_stop(s->hub[0]);
	expect(moving_import(fresh, &archive), true, "import");
	pz_buf_wipe(&archive);
	return fresh;
}

/* It was only switched off, and is started once more by mistake; both change what they can. */
static struct sim_node *
comes_back(struct scene *s, struct sim_node *fresh)
{
	struct sim_node *former = s->hub[0];
	struct pz_buf archive;

	write_archive(s, &archive);
	sim_stop(former);
	expect(moving_import(fresh, &archive), true, "import");
	pz_buf_wipe(&archive);
	world_run(s->world, rng_below(&s->world->rng, 20 * SIM_S));
	sim_start(former);
	world_run(s->world, rng_below(&s->world->rng, SIM_MINUTE));
	for (size_t i = 0; i < 4; i++) {
		s->hub[0] = rng_chance(&s->world->rng, 50) ? fresh : former;
		friends_share(s);
		world_run(s->world, rng_below(&s->world->rng, 10 * SIM_S));
	}
	struct sim_call *token = sim_command(former, "token", json_object());
	expect(token, false, "a code of the former hub");
	json_decref(sim_do(former, "remove", json_pack("{s:s}", "zone", zone_name()), SIM_MINUTE));
	if (rng_chance(&s->world->rng, 50))
		sim_stop(former);
	return fresh;
}

/* Enrols, revokes: every device of the zone has the list. */
static void
check_hub(struct scene *s, struct sim_node *hub)
{
	struct sim_node *watch = world_add_device(s->world, "watch");
	char *link = zone_token(hub);

	sim_start(watch);
	json_decref(sim_do(watch, "enrol", json_pack("{s:s, s:s}", "link", link, "device", "watch"),
			   SIM_MINUTE));
	free(link);
	world_run(s->world, 10 * SIM_S);
	sim_check(s->world, sim_is_connected(watch), "a new device does not connect");
	json_decref(sim_do(hub, "revoke", json_pack("{s:s}", "device", "watch"), SIM_MINUTE));
	world_run(s->world, 10 * SIM_S);
	sim_check(s->world, !sim_is_enrolled(watch), "a revoked device goes on");
}

static void
mend(struct scene *s)
{
	for (size_t i = 0; i < DEVICES; i++) {
		world_partition(s->hub[0], s->device[0][i], false);
		moving_follow(s->device[0][i], s->hub[0]->name);
	}
	world_run(s->world, WHOLE_AGAIN_US);
	for (size_t i = 0; i < DEVICES; i++)
		sim_check(s->world, sim_is_connected(s->device[0][i]), "%s is not connected",
			  s->device[0][i]->name);
}

void
friends_run_broken_move(struct world *world)
{
	static struct sim_node *(*const ways[])(struct scene * s, struct sim_node * fresh) = {
		refused, dies_reading, dies_writing, comes_back};
	struct scene s;

	if (rng_chance(&world->rng, 50))
		world_add_lan(world);
	friends_make(&s, world);
	friends_befriend(&s, 0, 1);
	for (size_t i = 0; i < 3; i++)
		friends_share(&s);
	world_run(world, 10 * SIM_S);
	struct sim_node *former = s.hub[0], *fresh = world_add_hub(world, NEW);
	sim_start(fresh);
	/* These miss the notice. */
	bool is_device_away = rng_chance(&world->rng, 50),
	     is_friend_away = rng_chance(&world->rng, 50);
	if (is_device_away)
		world_partition(former, s.device[0][1], true);
	if (is_friend_away)
		world_partition(former, s.hub[1], true);
	moving_announce(former, zone_name(), NEW);
	s.hub[0] = ways[rng_below(&world->rng, sizeof(ways) / sizeof(ways[0]))](&s, fresh);
	s.learning.hub[0] = s.hub[0];
	world_partition(former, s.device[0][1], false);
	world_partition(former, s.hub[1], false);
	mend(&s);
	friends_check_end(&s);
	check_hub(&s, s.hub[0]);
	friends_share(&s);
	world_run(world, 10 * SIM_S);
	friends_check_end(&s);
	friends_end(&s);
}
