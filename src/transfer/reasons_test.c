/* The text for a person when a file is not sent, or waits. */
#include "transfer/fixture.h"

#include <string.h>
#include <sys/statvfs.h>

static struct world world;

static int
set_up(void **state)
{
	(void)state;
	world_init(&world);
	world_file(&world, 1000, 'x');
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	world_fini(&world);
	return 0;
}

static void
assert_failed(enum pz_err err, const char *detail)
{
	assert_int_equal(world.a.ends, 1);
	if (world.a.err != err || strcmp(world.a.detail, detail) != 0)
		fail_msg("%s: %s", pz_err_name(world.a.err), world.a.detail);
	world.a.ends = 0;
}

static void
the_reason_stays_behind_a_long_name(void **state)
{
	char name[3 * 84 + 1] = "", shown[256];

	(void)state;
	for (int i = 0; i < 84; i++)
		strcat(name, "\u65e5"); /* three bytes each */
	world_cut(&world);
	device_sends(&world.a, world.dir.file,
		     json_pack("{s:s, s:s}", "device", "b", "name", name));
	world_run(&world, PZ_US_PER_S);
	snprintf(shown, sizeof(shown), "...%s: b is away", name + strlen(name) - 3 * 38);
	assert_failed(PZ_ERR_IO, shown);
}

/* Of many files only the path says which one it is. */
static void
a_file_in_directories_is_named_with_them(void **state)
{
	(void)state;
	device_sends(
		&world.a, world.dir.file,
		json_pack("{s:s, s:s, s:[s, s]}", "device", "b", "name", "con", "path", "d", "e"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_CONFIG, "d/e/con: its name is reserved; rename it");
	device_sends(&world.a, world.dir.file, to_b("con"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_CONFIG, "con: its name is reserved; --name gives another");
	world_cut(&world);
	device_sends(&world.a, world.dir.file,
		     json_pack("{s:s, s:s, s:[s]}", "device", "b", "name", "f", "path", "d"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO, "d/f: b is away");
}

/* A program with a thousand files for a device that is away need not try each. */
static void
what_is_wrong_with_the_device_is_marked(void **state)
{
	(void)state;
	device_sends(&world.a, world.dir.file,
		     json_pack("{s:s, s:s}", "device", "nosuch", "name", "f"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_NOTFOUND, "there is no device 'nosuch'");
	assert_string_equal(world.a.problem, "there is no device 'nosuch'");
	device_sends(&world.a, world.dir.file, to_b("con"));
	world_run(&world, PZ_US_PER_S);
	assert_string_equal(world.a.problem, "");
	world.a.ends = 0;
	world_cut(&world);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO, "f: b is away");
	assert_string_equal(world.a.problem, "b is away");
}

static void
why_it_waits_is_reported(void **state)
{
	(void)state;
	world_cut(&world);
	json_t *params = to_b("f");
	json_object_set_new(params, "wait", json_true());
	device_sends(&world.a, world.dir.file, params);
	world_run(&world, PZ_US_PER_S);
	assert_int_equal(world.a.ends, 0);
	assert_string_equal(world.a.waiting, "b is away");
	world.b.asks = true;
	world_link(&world);
	world.a.waiting[0] = '\0';
	world_run(&world, PZ_US_PER_S);
	pz_transfers_judged(world.b.transfers, world.b.ticket, true);
	world_run(&world, PZ_US_PER_S);
	assert_int_equal(world.a.ends, 1);
	assert_int_equal(world.a.err, PZ_OK);
	/* the time that it waited is no part of its rate */
	double seconds = json_number_value(json_object_get(world.a.result, "seconds"));
	assert_true(seconds < 0.5);
}

static void
a_person_that_is_asked_is_a_reason(void **state)
{
	(void)state;
	world.b.asks = true;
	struct pz_request *request = device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_TRANSFER_ASK_HOLD_US + PZ_US_PER_S);
	assert_non_null(strstr(world.a.waiting, "b lets it wait"));
	pz_request_cancel(request);
	world_run(&world, PZ_TRANSFER_ASK_AGAIN_US + PZ_US_PER_S);
}

/* The hub may have come back while the last search asked without success. */
static void
news_are_worth_another_search(void **state)
{
	(void)state;
	world_cut(&world);
	world.a.takes_long = true;
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_int_equal(world.a.looks, 1);
	pz_transfers_route_changed(world.a.transfers, "b", true);
	world_run(&world, PZ_US_PER_S);
	world.a.takes_long = world.a.is_looking = false;
	pz_transfers_route_changed(world.a.transfers, "b", false);
	world_run(&world, PZ_US_PER_MS);
	assert_int_equal(world.a.looks, 2);
	assert_failed(PZ_ERR_IO, "f: b is away");
}

static void
write_to(const char *path)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
}

/* It is no refusal of the policy, and does not look like one. */
static void
an_inbox_that_is_a_file_is_a_fault_of_storing(void **state)
{
	char above[128];

	(void)state;
	snprintf(above, sizeof(above), "%s", world.b.inbox);
	*strrchr(above, '/') = '\0';
	write_to(above);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO, "f: b cannot store it; `pzp status` or the log there says why");
	assert_true(pz_condition_is_raised(world.b.conditions, PZ_CONDITION_INBOX, ""));
	assert_int_equal(unlink(above), 0);
}

/* Nothing is wrong with a disk that has room for others. */
static void
a_file_that_is_too_large_is_no_fault_of_the_disk(void **state)
{
	struct statvfs fs;

	(void)state;
	assert_int_equal(statvfs(world.dir.path, &fs), 0);
	uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room < 2 * (uint64_t)PZ_DISK_LOW_BYTES)
		skip();
	int fd = open(world.dir.file, O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)(room + (UINT64_C(10) << 30))), 0);
	close(fd);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO_FULL, "f: no space is left at b for it");
	assert_false(pz_condition_is_raised(world.b.conditions, PZ_CONDITION_INBOX, ""));
	assert_int_equal(count_in(&world, ".pzp-incoming"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_reason_stays_behind_a_long_name),
		TEST(a_file_in_directories_is_named_with_them),
		TEST(what_is_wrong_with_the_device_is_marked),
		TEST(why_it_waits_is_reported),
		TEST(a_person_that_is_asked_is_a_reason),
		TEST(news_are_worth_another_search),
		TEST(an_inbox_that_is_a_file_is_a_fault_of_storing),
		TEST(a_file_that_is_too_large_is_no_fault_of_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
