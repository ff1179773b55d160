/* Files between two devices: complete, interrupted, changed, and what remains of them. */
#include "transfer/fixture.h"
#include "transfer/internal.h"
#include "transfer/place.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utime.h>

#define SIZE 300000
#define HALF_WAY_US (7 * WORK_US / 2) /* opened, compared, and one of two blocks read */

static struct world world;

static int
set_up(void **state)
{
	(void)state;
	world_init(&world);
	world_file(&world, SIZE, 'x');
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
assert_sent(const char *as)
{
	if (world.a.ends != 1 || world.a.err != PZ_OK)
		fail_msg("%u ends: %s", world.a.ends, world.a.detail);
	assert_string_equal(json_string_value(json_object_get(world.a.result, "as")), as);
	assert_true(is_received(&world, as));
	assert_int_equal(count_in(&world, ".pzp-incoming"), 0);
	world.a.ends = 0;
}

static void
assert_failed(enum pz_err err, const char *detail)
{
	assert_int_equal(world.a.ends, 1);
	if (world.a.err != err || strstr(world.a.detail, detail) == NULL)
		fail_msg("%s: %s", pz_err_name(world.a.err), world.a.detail);
	world.a.ends = 0;
}

static void
a_file_is_sent(void **state)
{
	(void)state;
	device_sends(&world.a, world.dir.file, to_b("f"));
	assert_int_equal(world.a.ends, 0);
	world_run(&world, PZ_US_PER_S);
	assert_sent("f");
	assert_int_equal(count_in(&world, ""), 1);
	assert_int_equal(json_array_size(json_object_get(world.a.result, "none")), 0);
}

static void
what_is_there_is_not_replaced(void **state)
{
	(void)state;
	device_sends(&world.a, world.dir.file, to_b("f.txt"));
	world_run(&world, PZ_US_PER_S);
	assert_sent("f.txt");
	world_file(&world, 10, 'y');
	device_sends(&world.a, world.dir.file,
		     json_pack("{s:s, s:s}", "device", "b", "name", "F.TXT"));
	world_run(&world, PZ_US_PER_S);
	assert_sent("F (1).TXT");
}

static void
an_empty_file_in_directories(void **state)
{
	(void)state;
	world.b.by_sender = true;
	world_file(&world, 0, 'x');
	device_sends(
		&world.a, world.dir.file,
		json_pack("{s:s, s:s, s:[s, s]}", "device", "b", "name", "e", "path", "d1", "d2"));
	world_run(&world, PZ_US_PER_S);
	assert_sent("a/d1/d2/e");
}

static void
set_time(const char *path)
{
	const struct utimbuf times = {.actime = 1000000, .modtime = 1000000};

	assert_int_equal(utime(path, &times), 0);
}

static json_t *
without_digest(const char *name)
{
	json_t *params = to_b(name);

	assert_int_equal(json_object_set_new(params, "digest", json_false()), 0);
	return params;
}

/* Wherever the link breaks the rest comes by the next one, and no byte twice in the file. */
static void
a_break_at_any_frame(void **state)
{
	const unsigned stops = SIZE / PZ_DATA_BYTES_MAX + 4;
	unsigned absent = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * stops; i++) {
		char name[16];
		bool has_digest = i < stops;
		snprintf(name, sizeof(name), "f%u", i);
		world.frames = 0;
		world.stop_at = 1 + i % stops;
		device_sends(&world.a, world.dir.file,
			     has_digest ? to_b(name) : without_digest(name));
		world_run(&world, PZ_US_PER_S);
		world_link(&world);
		world_run(&world, 5 * PZ_US_PER_S);
		bool is_there = json_object_get(world.a.result, "sha256") != NULL;
		assert_true(is_there || !has_digest);
		absent += !is_there;
		assert_sent(name);
	}
	assert_true(absent > 0);
}

/* What is there of it is compared also where nobody asks for a digest of the whole. */
static void
without_a_digest_another_beginning_starts_over(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) { /* found resting, and on the disk */
		const char *name = i ? "g" : "f";
		world_file(&world, SIZE, 'x');
		set_time(world.dir.file);
		world.frames = 0;
		world.stop_at = 5;
		struct pz_request *request =
			device_sends(&world.a, world.dir.file, without_digest(name));
		world_run(&world, PZ_US_PER_S);
		pz_request_cancel(request);
		world_file(&world, SIZE, 'y');
		set_time(world.dir.file);
		if (i == 1)
			device_restart(&world.b);
		else
			world_link(&world);
		world.a.ends = 0;
		device_sends(&world.a, world.dir.file, without_digest(name));
		world_run(&world, 2 * PZ_US_PER_S);
		assert_sent(name);
	}
}

/* The second sending wants what the first did not compute. */
static void
a_digest_is_computed_late(void **state)
{
	(void)state;
	world.stop_at = 5;
	struct pz_request *request = device_sends(&world.a, world.dir.file, without_digest("f"));
	world_run(&world, PZ_US_PER_S);
	pz_request_cancel(request);
	world_link(&world);
	world.a.ends = 0;
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, 2 * PZ_US_PER_S);
	assert_non_null(json_object_get(world.a.result, "sha256"));
	assert_sent("f");
}

/* The answer was lost: the file is not there twice. */
static void
without_a_digest_it_is_not_there_twice(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		device_sends(&world.a, world.dir.file, without_digest("f"));
		world_run(&world, PZ_US_PER_S);
		assert_sent("f");
	}
	assert_int_equal(count_in(&world, ""), 1);
}

/* The same with the receiver killed at any moment: also between its name and the note of it. */
static void
a_receiver_that_dies_at_any_moment(void **state)
{
	(void)state;
	world_file(&world, 20000, 'x');
	for (unsigned ms = 1; ms < 16; ms++) {
		char name[16];
		snprintf(name, sizeof(name), "f%u", ms);
		device_sends(&world.a, world.dir.file, to_b(name));
		world_run(&world, ms * PZ_US_PER_MS / 2 + 1);
		device_restart(&world.b);
		world_run(&world, 5 * PZ_US_PER_S);
		assert_sent(name);
	}
	assert_int_equal(count_in(&world, ""), 15); /* each of them once */
}

/* A program asks for it again by the same id. */
static void
a_sender_that_dies(void **state)
{
	(void)state;
	world.stop_at = 5;
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	device_restart(&world.a);
	assert_int_equal(world.a.ends, 0);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_true(world.a.first_sent > 0);
	assert_sent("f");
	/* Once more, as if the answer had been lost: it is not sent again. */
	device_sends(&world.a, world.dir.file, to_b("f"));
	world.frames = 0;
	world_run(&world, PZ_US_PER_S);
	assert_sent("f");
	assert_int_equal(world.frames, 0);
	assert_int_equal(count_in(&world, ""), 1);
}

/* The second is offered at any moment of the first: neither takes the place of the other. */
static void
two_of_the_same_name_size_and_time(void **state)
{
	(void)state;
	for (unsigned step = 0; step < 40; step++) {
		char name[16], other[24], id[24];
		snprintf(name, sizeof(name), "f%u", step);
		snprintf(other, sizeof(other), "f%u (1)", step);
		snprintf(id, sizeof(id), "second%u", step);
		world_file(&world, 20000, 'x');
		set_time(world.dir.file);
		device_sends(&world.a, world.dir.file, to_b(name));
		world_run(&world, step * PZ_US_PER_MS / 4 + 1);
		assert_int_equal(unlink(world.dir.file), 0); /* the first stays open */
		world_file(&world, 20000, 'y');
		set_time(world.dir.file);
		device_sends(&world.a, world.dir.file,
			     json_pack("{s:s, s:s, s:s}", "device", "b", "name", name, "id", id));
		world_run(&world, 5 * PZ_US_PER_S);
		assert_int_equal(world.a.ends, 2);
		assert_int_equal(world.a.err, PZ_OK);
		world.a.ends = 0;
		if (is_received(&world, name) == is_received(&world, other))
			fail_msg("step %u: one of the files is not there", step);
	}
}

/* Another file of the same name, size and time: what was begun does not count. */
static void
another_beginning_starts_over(void **state)
{
	(void)state;
	set_time(world.dir.file);
	world.stop_at = 5;
	struct pz_request *request = device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	pz_request_cancel(request);
	world_file(&world, SIZE, 'y');
	set_time(world.dir.file);
	for (int i = 0; i < 2; i++) { /* found resting, and on the disk */
		if (i == 1)
			device_restart(&world.b);
		else
			world_link(&world);
		device_sends(&world.a, world.dir.file, to_b(i ? "g" : "f"));
		world_run(&world, 2 * PZ_US_PER_S);
		assert_sent(i ? "g" : "f");
	}
}

static void
a_file_that_grows_is_refused(void **state)
{
	(void)state;
	device_sends(&world.a, world.dir.file, to_b("f"));
	pz_kit_clock_run(&world.clock, HALF_WAY_US);
	world_file(&world, SIZE + 1, 'x');
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO, "changed while it was sent");
	assert_int_equal(count_in(&world, ""), 0);
}

static void
a_file_that_shrinks_is_refused(void **state)
{
	(void)state;
	device_sends(&world.a, world.dir.file, to_b("f"));
	pz_kit_clock_run(&world.clock, HALF_WAY_US);
	assert_int_equal(truncate(world.dir.file, 1000), 0);
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO, "changed while it was sent");
	assert_int_equal(count_in(&world, ""), 0);
}

static void
a_full_disk_keeps_nothing(void **state)
{
	struct rlimit limit, small;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = (struct rlimit){.rlim_cur = SIZE / 2, .rlim_max = limit.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_failed(PZ_ERR_IO_FULL, "no space is left at b");
	assert_int_equal(count_in(&world, ""), 0);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_sent("f");
}

static void
a_directory_that_is_a_link_is_not_followed(void **state)
{
	char link_path[256];

	(void)state;
	world_file(&world, 10, 'x');
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_sent("f");
	snprintf(link_path, sizeof(link_path), "%s/out", world.b.inbox);
	assert_int_equal(symlink("/tmp", link_path), 0);
	device_sends(&world.a, world.dir.file,
		     json_pack("{s:s, s:s, s:[s]}", "device", "b", "name", "f", "path", "out"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO, "b cannot store it");
}

/* Each offer is judged: a new file, one that was begun, and one that is there already. */
static void
what_policy_does_not_permit_is_refused(void **state)
{
	static const struct {
		const char *name;
		unsigned stop_at; /* the link breaks meanwhile, and the next try is judged, too */
		bool refuses_first, refuses, is_there;
	} cases[] = {
		{"a", 0, false, false, true}, {"b", 0, true, true, false},
		{"c", 3, false, false, true}, {"d", 3, false, true, false},
		{"d", 0, true, true, false},  /* what was begun stays where it was */
		{"d", 0, false, false, true}, /* and continues when it is permitted */
		{"a", 0, true, true, true},   /* the same file again */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world.b.refuses = cases[i].refuses_first;
		world.b.judged = world.frames = 0;
		world.stop_at = cases[i].stop_at;
		device_sends(&world.a, world.dir.file, to_b(cases[i].name));
		world_run(&world, PZ_US_PER_S);
		if (cases[i].stop_at) {
			assert_null(world.a.channels);
			world.b.refuses = cases[i].refuses;
			world_link(&world);
		}
		world_run(&world, 5 * PZ_US_PER_S);
		assert_int_equal(world.b.judged, cases[i].stop_at ? 2 : 1);
		if (cases[i].refuses)
			assert_failed(PZ_ERR_DENIED_REMOTE, "b refuses it");
		else
			assert_sent(cases[i].name);
		assert_int_equal(is_received(&world, cases[i].name), cases[i].is_there);
	}
}

/* The channel is open for a while, then each try of the sender finds the question. */
static void
a_file_waits_while_a_person_is_asked(void **state)
{
	static const unsigned waits_s[] = {1, 9, 14, 100};

	(void)state;
	world.b.asks = true;
	for (size_t i = 0; i < 2 * (sizeof(waits_s) / sizeof(waits_s[0])); i++) {
		char name[8];
		world.b.judged = 0;
		snprintf(name, sizeof(name), "f%zu", i);
		device_sends(&world.a, world.dir.file, to_b(name));
		world_run(&world, waits_s[i / 2] * PZ_US_PER_S);
		assert_int_equal(world.a.ends, 0);
		assert_int_equal(world.b.judged, 1);
		assert_false(is_received(&world, name));
		pz_transfers_judged(world.b.transfers, world.b.ticket + 1, true); /* an other */
		pz_transfers_judged(world.b.transfers, world.b.ticket, i % 2 == 0);
		world_run(&world, 2 * PZ_US_PER_S);
		if (i % 2 == 0)
			assert_sent(name);
		else
			assert_failed(PZ_ERR_DENIED_REMOTE, "b refuses it");
		assert_int_equal(is_received(&world, name), i % 2 == 0);
		assert_int_equal(world.b.judged, 1);
	}
	assert_int_equal(world.b.over, 0);
}

/* Asked once: what is allowed continues after a break, as long as the policy lets it. */
static void
a_file_that_a_person_has_allowed_goes_on(void **state)
{
	(void)state;
	world.b.asks = true;
	for (int is_denied_later = 0; is_denied_later < 2; is_denied_later++) {
		const char *name = is_denied_later ? "g" : "f";
		world.b.judged = world.frames = 0;
		device_sends(&world.a, world.dir.file, to_b(name));
		world_run(&world, PZ_US_PER_S);
		world.stop_at = 3;
		pz_transfers_judged(world.b.transfers, world.b.ticket, true);
		world_run(&world, PZ_US_PER_S);
		assert_null(world.a.channels);
		world.b.refuses = is_denied_later;
		world_link(&world);
		world_run(&world, 5 * PZ_US_PER_S);
		if (is_denied_later)
			assert_failed(PZ_ERR_DENIED_REMOTE, "b refuses it");
		else
			assert_sent(name);
		assert_int_equal(world.b.judged, 1);
	}
}

static void
a_question_ends_when_its_sender_has_gone(void **state)
{
	(void)state;
	world.b.asks = true;
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	world_cut(&world);
	world_run(&world, PZ_TRANSFER_ASK_AGAIN_US - PZ_US_PER_S);
	assert_int_equal(world.b.over, 0);
	world_run(&world, 2 * PZ_US_PER_S);
	assert_int_equal(world.b.over, 1);
	pz_transfers_judged(world.b.transfers, world.b.ticket, true); /* it came too late */
}

static void
without_a_way_it_fails_or_waits(void **state)
{
	(void)state;
	world_cut(&world);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, 10 * PZ_US_PER_MS);
	assert_failed(PZ_ERR_IO, "b is away");
	assert_int_equal(world.a.looks, 1);
	json_t *params = to_b("f");
	json_object_set_new(params, "wait", json_true());
	device_sends(&world.a, world.dir.file, params);
	world_run(&world, 300 * PZ_US_PER_S);
	assert_int_equal(world.a.ends, 0);
	assert_in_range(world.a.looks, 30, 70);
	unsigned looks = world.a.looks;
	pz_transfers_route_changed(world.a.transfers, "b", true); /* does not wait for the next */
	world_run(&world, PZ_US_PER_MS);
	assert_int_equal(world.a.looks, looks + 1);
	world_link(&world);
	world_run(&world, PZ_US_PER_S);
	assert_sent("f");
}

/* It has begun: for a minute a new way may come. */
static void
a_broken_one_is_given_up_after_a_time(void **state)
{
	(void)state;
	world.stop_at = 5;
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_TRANSFER_PATIENCE_US - 5 * PZ_US_PER_S);
	assert_int_equal(world.a.ends, 0);
	world_run(&world, 10 * PZ_US_PER_S);
	assert_failed(PZ_ERR_IO, "b is away");
}

static void
many_take_turns(void **state)
{
	(void)state;
	world_file(&world, 100, 'x');
	for (int i = 0; i < 40; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%d", i);
		struct pz_request *request = device_sends(&world.a, world.dir.file, to_b(name));
		/* each has a file object of its own in the program; here one after the other */
		(void)request;
		world_run(&world, PZ_US_PER_MS / 2);
		if (pz_channels_count(world.a.channels) > PZ_TRANSFERS_PER_PEER_MAX)
			fail_msg("%zu at once", pz_channels_count(world.a.channels));
	}
	world_run(&world, 5 * PZ_US_PER_S);
	assert_int_equal(world.a.ends, 40);
	assert_int_equal(count_in(&world, ""), 40);
}

static void
a_stuck_receiver_is_given_up(void **state)
{
	(void)state;
	world_file(&world, 2 * PZ_CHANNEL_BULK_WINDOW_BYTES, 'x');
	device_sends(&world.a, world.dir.file, to_b("f"));
	pz_kit_clock_run(&world.clock, HALF_WAY_US);
	world.clock.turn = NULL; /* nothing is carried any more */
	pz_kit_clock_run(&world.clock, PZ_TRANSFER_IDLE_US + 20 * PZ_US_PER_S);
	pz_requests_report(&world.a.requests);
	assert_failed(PZ_ERR_IO_TIMEOUT, "takes no more of it");
	world.clock.turn = world_turn;
}

/* It accepts each try and ends it: a person does not wait for ever, who wants to wait does. */
static void
a_receiver_that_ends_each_try_is_given_up(void **state)
{
	(void)state;
	world.b.ends_all = true;
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, 2 * PZ_TRANSFER_ENDS_MAX * PZ_US_PER_S);
	assert_failed(PZ_ERR_IO, "has ended it");
	assert_int_equal(world.b.ended, PZ_TRANSFER_ENDS_MAX);
	json_t *params = to_b("f");
	json_object_set_new(params, "wait", json_true());
	device_sends(&world.a, world.dir.file, params);
	world_run(&world, 4 * PZ_TRANSFER_ENDS_MAX * PZ_US_PER_S);
	assert_int_equal(world.a.ends, 0);
	world.b.ends_all = false;
	world_run(&world, 5 * PZ_US_PER_S);
	assert_sent("f");
}

static void
unfinished_files_are_swept(void **state)
{
	char path[256];

	(void)state;
	world.stop_at = 5;
	struct pz_request *request = device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	pz_request_cancel(request);
	assert_int_equal(count_in(&world, ".pzp-incoming"), 1);
	snprintf(path, sizeof(path), "%s/.pzp-incoming", world.b.inbox);
	DIR *dir = opendir(path);
	const struct dirent *entry;
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/.pzp-incoming/%.40s", world.b.inbox,
			 entry->d_name);
		if (entry->d_name[0] != '.')
			set_time(path); /* 1970 */
	}
	closedir(dir);
	device_restart(&world.b);
	world_run(&world, 2 * PZ_US_PER_S);
	assert_int_equal(count_in(&world, ""), 0); /* nor the directory of unfinished ones */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* ---- of a friend's device ---- */

#define FRIEND "bob@c.d/tv"

static int
set_up_friend(void **state)
{
	set_up(state);
	world.a.name = FRIEND; /* as b calls it */
	return 0;
}

static void
a_friends_file_is_kept_under_its_zone_and_device(void **state)
{
	(void)state;
	world.b.by_sender = true;
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_sent("bob@c.d/tv/f");
	device_lists(&world.b);
	const json_t *one = json_array_get(world.b.result, 0);
	assert_string_equal(json_string_value(json_object_get(one, "from")), FRIEND);
	assert_true(json_is_true(json_object_get(one, "friend")));
}

/* What a zone has sent counts with what it offers, and is forgotten after a day. */
static void
a_friend_zone_has_bytes_for_a_day(void **state)
{
	(void)state;
	json_t *record =
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "id", "old", "file", "g", "from",
			  "bob@c.d/pad", "size", (json_int_t)PZ_TRANSFER_GUEST_DAY_BYTES - SIZE + 1,
			  "received", (json_int_t)pz_env_wall_ms(&world.clock.env), "sha256", "00");
	json_array_append_new(world.b.transfers->records, record);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO_FULL, "no space");
	assert_int_equal(count_in(&world, ""), 0);
	world_run(&world, UINT64_C(86400) * PZ_US_PER_S);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_sent("f");
}

static void
ignore_end(void *arg, enum pz_err err, const char *detail)
{
	(void)arg;
	(void)detail;
	assert_int_equal(err, PZ_OK);
}

/* The list of what came is short; many small files do not give a zone another day. */
static void
small_files_do_not_hide_a_days_bytes(void **state)
{
	struct pz_transfers *transfers = world.b.transfers;
	const uint64_t large = PZ_TRANSFER_GUEST_DAY_BYTES - SIZE + 1;
	char id[16];

	(void)state;
	for (int i = 0; i <= PZ_TRANSFER_RECORDS_MAX; i++) {
		snprintf(id, sizeof(id), "%d", i);
		json_t *record =
			json_pack("{s:s, s:s, s:s, s:I, s:I}", "id", id, "file", "g", "from",
				  "bob@c.d/pad", "size", (json_int_t)(i ? 0 : large), "received",
				  (json_int_t)pz_env_wall_ms(&world.clock.env));
		pz_inbox_add(transfers, record, ignore_end, NULL, NULL);
		world_run(&world, PZ_US_PER_MS);
	}
	assert_null(pz_inbox_find(transfers, "bob@c.d/pad", "0"));
	assert_int_equal(pz_inbox_bytes_of_day(transfers, FRIEND), large);
	assert_int_equal(pz_inbox_bytes_of_day(transfers, "bob@c.de/tv"), 0);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO_FULL, "no space");
	device_lists(&world.b);
	assert_null(json_object_get(json_array_get(world.b.result, 0), "before"));
}

static void
came(const char *from, int number, uint64_t size)
{
	char id[16];

	snprintf(id, sizeof(id), "%d", number);
	pz_inbox_add(world.b.transfers,
		     json_pack("{s:s, s:s, s:s, s:I, s:I}", "id", id, "file", "g", "from", from,
			       "size", (json_int_t)size, "received",
			       (json_int_t)pz_env_wall_ms(&world.clock.env)),
		     ignore_end, NULL, NULL);
	world_run(&world, PZ_US_PER_MS);
}

/* Nor do files of own devices, and of other zones; after a day they may. */
static void
files_of_others_do_not_hide_a_days_bytes(void **state)
{
	const struct pz_transfers *transfers = world.b.transfers;

	(void)state;
	came("bob@c.d/pad", 1, PZ_TRANSFER_GUEST_DAY_BYTES);
	came("carol@e.f/tv", 2, 10);
	for (int i = 0; i <= PZ_TRANSFER_RECORDS_MAX; i++)
		came(i % 2 ? "laptop" : "carol@e.f/tv", 10 + i, 1);
	assert_int_equal(json_array_size(transfers->records), PZ_TRANSFER_RECORDS_MAX);
	assert_non_null(pz_inbox_find(transfers, "bob@c.d/pad", "1"));
	assert_int_equal(pz_inbox_bytes_of_day(transfers, FRIEND), PZ_TRANSFER_GUEST_DAY_BYTES);
	assert_int_equal(pz_inbox_bytes_of_day(transfers, "carol@e.f/tv"),
			 10 + PZ_TRANSFER_RECORDS_MAX / 2 + 1);
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	assert_failed(PZ_ERR_IO_FULL, "no space");
	world_run(&world, UINT64_C(86400) * PZ_US_PER_S);
	came("laptop", 5000, 1);
	assert_null(pz_inbox_find(transfers, "bob@c.d/pad", "1"));
}

/* Another zone whose name begins alike, and the own devices, have their own. */
static void
parties_are_told_apart(void **state)
{
	(void)state;
	assert_true(pz_transfer_is_same_party(FRIEND, "bob@c.d/pad"));
	assert_false(pz_transfer_is_same_party(FRIEND, "bob@c.de/tv"));
	assert_false(pz_transfer_is_same_party("bob@c.de/tv", FRIEND));
	assert_false(pz_transfer_is_same_party(FRIEND, "tv"));
	assert_false(pz_transfer_is_same_party("tv", FRIEND));
	assert_true(pz_transfer_is_same_party("tv", "tv"));
}

/* Unfinished ones of friends do not take the places of own devices' files. */
static void
unfinished_files_of_friends_are_counted_apart(void **state)
{
	(void)state;
	world.stop_at = 2;
	device_sends(&world.a, world.dir.file, to_b("f"));
	world_run(&world, PZ_US_PER_S);
	char path[256];
	snprintf(path, sizeof(path), "%s/.pzp-incoming", world.b.inbox);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pz_place_sweep(fd, "g0"), 1);
	assert_int_equal(pz_place_sweep(fd, "00"), 0);
	close(fd);
	world_link(&world);
	world_run(&world, 5 * PZ_US_PER_S);
	assert_sent("f");
}

static void
sending_ends_with_the_device(void **state)
{
	(void)state;
	world.stop_at = 2;
	device_sends(&world.a, world.dir.file,
		     json_pack("{s:s, s:s, s:b}", "device", "b", "name", "f", "wait", 1));
	world.a.has_ended = true;
	world_run(&world, 5 * PZ_US_PER_S);
	assert_failed(PZ_ERR_NOTFOUND, "b has left the zone, or was revoked");
}

#define FRIEND_TEST(f) cmocka_unit_test_setup_teardown(f, set_up_friend, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_sent),
		TEST(what_is_there_is_not_replaced),
		TEST(an_empty_file_in_directories),
		TEST(a_break_at_any_frame),
		TEST(without_a_digest_another_beginning_starts_over),
		TEST(a_digest_is_computed_late),
		TEST(without_a_digest_it_is_not_there_twice),
		TEST(a_receiver_that_dies_at_any_moment),
		TEST(a_sender_that_dies),
		TEST(two_of_the_same_name_size_and_time),
		TEST(another_beginning_starts_over),
		TEST(a_file_that_grows_is_refused),
		TEST(a_file_that_shrinks_is_refused),
		TEST(a_full_disk_keeps_nothing),
		TEST(a_directory_that_is_a_link_is_not_followed),
		TEST(what_policy_does_not_permit_is_refused),
		TEST(a_file_waits_while_a_person_is_asked),
		TEST(a_file_that_a_person_has_allowed_goes_on),
		TEST(a_question_ends_when_its_sender_has_gone),
		TEST(without_a_way_it_fails_or_waits),
		TEST(a_broken_one_is_given_up_after_a_time),
		TEST(many_take_turns),
		TEST(a_stuck_receiver_is_given_up),
		TEST(a_receiver_that_ends_each_try_is_given_up),
		TEST(unfinished_files_are_swept),
		FRIEND_TEST(a_friends_file_is_kept_under_its_zone_and_device),
		FRIEND_TEST(a_friend_zone_has_bytes_for_a_day),
		FRIEND_TEST(small_files_do_not_hide_a_days_bytes),
		FRIEND_TEST(files_of_others_do_not_hide_a_days_bytes),
		FRIEND_TEST(parties_are_told_apart),
		FRIEND_TEST(unfinished_files_of_friends_are_counted_apart),
		FRIEND_TEST(sending_ends_with_the_device),
	};

	pz_log_threshold = PZ_LOG_ERROR;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
