/* The exchange: page 8 "How"; page 14 DAT-3, DAT-4, ZON-6. */
#include "sync/session_fixture.h"

/* ---- cost ---- */

static void
idle_costs_one_message_each_way_below_1_kib(void **state)
{
	(void)state;
	fill(&hub, 10000);
	fill(&laptop, 10000);
	pz_sync_item_free(laptop.items[PZ_SYNC_CONTEXT]); /* no node keeps it yet (page 8) */
	laptop.items[PZ_SYNC_CONTEXT] = NULL;
	run();
	assert_int_equal(dialler()->messages, 1);
	assert_int_equal(other()->messages, 1);
	assert_in_range(dialler()->bytes, 1, 1023);
	assert_in_range(other()->bytes, 1, 1023);
	assert_int_equal(dialler()->equal_answers, 1);
	assert_int_equal(hub.changes + laptop.changes, 0);
}

static void
of_10000_chunks_only_the_changed_one_travels(void **state)
{
	(void)state;
	fill(&hub, 10000);
	fill(&laptop, 10000);
	edit(&laptop, PZ_SYNC_APP_DATA, "key-07000", "another value");
	run();
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_APP_DATA));
	assert_int_equal(hub.changes, 1);
	assert_in_range(dialler()->bytes, 1, 4096);       /* Hash and Data */
	assert_in_range(other()->bytes, 500000, 2000000); /* the listing */
	assert_in_range(other()->messages, 30, 45);
	assert_in_range(other()->largest, 1, PZ_SYNC_PIECE_BYTES);

	/* without a listing: pushed while connected */
	size_t before = other()->bytes;
	edit(&hub, PZ_SYNC_APP_DATA, "key-00003", "a third value");
	assert_ok(pz_sync_session_push(other()->session, pz_sync_kind(PZ_SYNC_APP_DATA),
				       "key-00003"));
	wire_run(&w);
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_APP_DATA));
	assert_in_range(other()->bytes - before, 1, 1023);
}

/* ---- who gets what ---- */

static void
both_ways(void **state)
{
	(void)state;
	edit(&laptop, PZ_SYNC_PREFERENCES, "mine", "1");
	edit(&hub, PZ_SYNC_PREFERENCES, "yours", "2");
	edit(&laptop, PZ_SYNC_CONTEXT, "old", "3");
	hub.clock.wall_ms += 10;
	edit(&hub, PZ_SYNC_CONTEXT, "old", NULL);
	run();
	for (unsigned i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		assert_true(is_equal(&hub, &laptop, i));
	assert_string_equal(value_of(&laptop, PZ_SYNC_PREFERENCES, "yours"), "2");
	assert_string_equal(value_of(&hub, PZ_SYNC_PREFERENCES, "mine"), "1");
	assert_string_equal(value_of(&laptop, PZ_SYNC_CONTEXT, "old"), "(deleted)");
	assert_int_equal(dialler()->equal_answers, 0);
	assert_int_equal(dialler()->answers, 1);
}

static void
either_side_may_open(void **state)
{
	(void)state;
	edit(&laptop, PZ_SYNC_PREFERENCES, "mine", "1");
	edit(&hub, PZ_SYNC_TRUSTED_PZP, "phone", "PEM");
	assert_ok(pz_sync_session_open(other()->session));
	assert_string_equal(dialler()->first->status, "Sync_Hash");
	assert_ok(pz_sync_session_open(dialler()->session)); /* both at once */
	assert_string_equal(other()->first->status, "Update_Hash");
	wire_run(&w);
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_PREFERENCES));
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_TRUSTED_PZP));
	assert_int_equal(laptop.refusals + hub.refusals, 0);
	assert_int_equal(other()->answers, 1);
	assert_int_equal(dialler()->answers, 1);
}

static void
an_exchange_is_named_after_its_opener(void **state)
{
	(void)state;
	edit(&laptop, PZ_SYNC_PREFERENCES, "mine", "1");
	edit(&hub, PZ_SYNC_PREFERENCES, "yours", "1");
	assert_ok(pz_sync_session_open(dialler()->session));
	assert_true(wire_step(other(), NULL));
	assert_string_equal(dialler()->first->status, "Update_Change");
	assert_true(wire_step(dialler(), NULL));
	assert_string_equal(other()->first->status, "Update_Data");
	assert_true(wire_step(other(), NULL));
	assert_string_equal(dialler()->first->status, "Update_Data");
	wire_run(&w);

	edit(&laptop, PZ_SYNC_PREFERENCES, "mine", "2");
	assert_ok(pz_sync_session_open(other()->session));
	assert_string_equal(dialler()->first->status, "Sync_Hash");
	assert_true(wire_step(dialler(), NULL));
	assert_string_equal(other()->first->status, "Sync_Change");
	assert_true(wire_step(other(), NULL));
	assert_string_equal(dialler()->first->status, "Sync_Data"); /* its want */
	assert_true(wire_step(dialler(), NULL));
	assert_string_equal(other()->first->status, "Sync_Data");
	wire_run(&w);
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_PREFERENCES));
}

static void
only_the_hub_writes_trust(void **state)
{
	(void)state;
	put(&hub, PZ_SYNC_TRUSTED_PZP, make("phone", "PEM", ZONE, NOW));
	put(&hub, PZ_SYNC_ZONE_SECRET, make("zone-secret", "c2VjcmV0", ZONE, NOW));
	put(&laptop, PZ_SYNC_TRUSTED_PZH, make("mallory@example.org", "PEM", ZONE, NOW));
	run();
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_TRUSTED_PZP));
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_ZONE_SECRET));
	assert_string_equal(value_of(&hub, PZ_SYNC_TRUSTED_PZH, "mallory@example.org"), "(none)");
	/* and what the hub has no more goes at the device */
	assert_string_equal(value_of(&laptop, PZ_SYNC_TRUSTED_PZH, "mallory@example.org"),
			    "(none)");
	assert_int_equal(hub.refusals, 0); /* it was not even offered */

	/* ZON-6: a device that sends it all the same */
	assert_ok(say(other(), "Update_Data",
		      "{\"trusted-pzh\":[{\"key\":\"mallory@example.org\",\"value\":\"PEM\","
		      "\"mtime\":1,\"origin\":\"" ZONE "\",\"deleted\":false}]}"));
	assert_string_equal(value_of(&hub, PZ_SYNC_TRUSTED_PZH, "mallory@example.org"), "(none)");
	assert_int_equal(hub.refusals, 1);
	assert_string_equal(hub.refused[0], "trusted-pzh");
}

static void
peers_pass_on_what_they_may(void **state)
{
	(void)state;
	put(&laptop, PZ_SYNC_TRUSTED_PZP, make("phone", "PEM", ZONE, NOW));
	put(&laptop, PZ_SYNC_CRL, make(ZONE, "8 list", ZONE, NOW));
	put(&phone, PZ_SYNC_CRL, make(ZONE, "7 list", ZONE, NOW + 1));
	put(&laptop, PZ_SYNC_ZONE_SECRET, make("zone-secret", "c2VjcmV0", ZONE, NOW));
	edit(&phone, PZ_SYNC_PREFERENCES, "colour", "\"red\"");
	rewire(&laptop, &phone);
	assert_ok(pz_sync_session_open(dialler()->session));
	assert_string_equal(other()->first->status, "Update_Hash");
	assert_null(strstr(other()->first->text, "zone-secret"));
	wire_run(&w);
	assert_true(is_equal(&phone, &laptop, PZ_SYNC_TRUSTED_PZP));
	assert_true(is_equal(&phone, &laptop, PZ_SYNC_PREFERENCES));
	assert_string_equal(value_of(&phone, PZ_SYNC_CRL, ZONE), "8 list");
	assert_string_equal(value_of(&laptop, PZ_SYNC_CRL, ZONE), "8 list");
	assert_string_equal(value_of(&phone, PZ_SYNC_ZONE_SECRET, "zone-secret"), "(none)");

	assert_ok(say(dialler(), "Update_Data", "{\"want\":{\"zone-secret\":[\"zone-secret\"]}}"));
	assert_null(other()->first);
	assert_ok(say(other(), "Update_Data",
		      "{\"zone-secret\":[{\"key\":\"zone-secret\",\"value\":\"bXkgb3du\","
		      "\"mtime\":1,\"origin\":\"" ZONE "\",\"deleted\":false}]}"));
	assert_string_equal(value_of(&phone, PZ_SYNC_ZONE_SECRET, "zone-secret"), "(none)");
	assert_int_equal(phone.refusals, 1);
}

static void
a_lower_number_never_comes_back(void **state)
{
	(void)state;
	put(&hub, PZ_SYNC_CRL, make(ZONE, "7 restored from a backup", ZONE, NOW + 1));
	put(&laptop, PZ_SYNC_CRL, make(ZONE, "8 list", ZONE, NOW));
	put(&laptop, PZ_SYNC_CRL, make("bob@example.org", "1 list", ZONE, NOW));
	run();
	assert_string_equal(value_of(&laptop, PZ_SYNC_CRL, ZONE), "8 list");
	/* the hub is given it, and what it does not have at all */
	assert_string_equal(value_of(&hub, PZ_SYNC_CRL, ZONE), "8 list");
	assert_string_equal(value_of(&hub, PZ_SYNC_CRL, "bob@example.org"), "1 list");
	/* nor does the hub's lack of a list make a device forget it */
	assert_string_equal(value_of(&laptop, PZ_SYNC_CRL, "bob@example.org"), "1 list");
	assert_ok(say(dialler(), "Sync_Data",
		      "{\"crl\":[{\"key\":\"" ZONE "\",\"value\":\"6 older\",\"mtime\":"
		      "1900000000000,\"origin\":\"" ZONE "\",\"deleted\":false}]}"));
	assert_string_equal(value_of(&laptop, PZ_SYNC_CRL, ZONE), "8 list");
}

/* The hub takes lists of devices itself, the older ones too, and its device sees the hub's. */
static void
the_owner_may_take_what_is_offered(void **state)
{
	(void)state;
	hub.is_taking = true;
	put(&hub, PZ_SYNC_CRL, make(ZONE, "7 list", ZONE, NOW));
	put(&laptop, PZ_SYNC_CRL, make(ZONE, "6 list", ZONE, NOW));
	run();
	assert_int_equal(hub.offers, 1);
	assert_int_equal(laptop.offers, 1);
	assert_string_equal(value_of(&laptop, PZ_SYNC_CRL, ZONE), "7 list");
	assert_ok(pz_sync_item_write(laptop.items[PZ_SYNC_CRL], ZONE, pz_slice_str("8 list"), false,
				     ZONE, NOW, NULL));
	assert_ok(pz_sync_session_push(dialler()->session, pz_sync_kind(PZ_SYNC_CRL), ZONE));
	wire_run(&w);
	assert_int_equal(hub.offers, 2);
	assert_string_equal(value_of(&hub, PZ_SYNC_CRL, ZONE), "7 list");
	assert_int_equal(hub.changes + hub.refusals, 0);

	assert_ok(pz_sync_item_write(laptop.items[PZ_SYNC_CRL], ZONE, pz_slice_str("evil"), false,
				     ZONE, NOW, NULL));
	assert_ok(pz_sync_session_push(dialler()->session, pz_sync_kind(PZ_SYNC_CRL), ZONE));
	wire_run(&w);
	assert_int_equal(hub.refusals, 1);
	assert_string_equal(hub.refused[2], "seen through");
}

static void
opted_out_is_as_if_it_were_not_there(void **state)
{
	(void)state;
	pz_sync_item_free(laptop.items[PZ_SYNC_CONTEXT]);
	laptop.items[PZ_SYNC_CONTEXT] = NULL;
	edit(&hub, PZ_SYNC_CONTEXT, "where", "\"here\"");
	edit(&hub, PZ_SYNC_PREFERENCES, "a", "1");
	assert_ok(pz_sync_session_open(dialler()->session));
	assert_null(strstr(other()->first->text, "context"));
	wire_run(&w);
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_PREFERENCES));
	assert_ok(say(dialler(), "Sync_Data", "{\"context\":[{}],\"want\":{\"context\":[\"a\"]}}"));
	assert_int_equal(laptop.refusals, 0);

	assert_ok(pz_sync_session_open(
		other()->session)); /* the hub names it, and receives nothing */
	wire_run(&w);
	assert_int_equal(other()->equal_answers, 1);
}

static void
a_deletion_that_both_would_drop_costs_nothing(void **state)
{
	(void)state;
	put(&hub, PZ_SYNC_PREFERENCES, make("gone", NULL, ZONE, NOW - PZ_SYNC_DELETED_MS - 1));
	run();
	assert_int_equal(dialler()->equal_answers, 1);
	assert_string_equal(value_of(&hub, PZ_SYNC_PREFERENCES, "gone"), "(none)");
}

/* ---- clocks ---- */

static void
a_device_whose_clock_is_wrong_yields_to_the_hub(void **state)
{
	(void)state;
	laptop.clock.wall_ms = NOW + DAY;
	edit(&laptop, PZ_SYNC_PREFERENCES, "colour", "\"red\"");
	edit(&laptop, PZ_SYNC_PREFERENCES, "size", "1");
	edit(&hub, PZ_SYNC_PREFERENCES, "colour", "\"blue\"");
	run();
	assert_string_equal(value_of(&hub, PZ_SYNC_PREFERENCES, "colour"), "\"blue\"");
	assert_string_equal(value_of(&laptop, PZ_SYNC_PREFERENCES, "colour"), "\"blue\"");
	assert_string_equal(value_of(&hub, PZ_SYNC_PREFERENCES, "size"),
			    "1"); /* no owner refuses */
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_PREFERENCES));

	/* a clock that is behind believes the hub's later times */
	laptop.clock.wall_ms = 1000;
	edit(&hub, PZ_SYNC_PREFERENCES, "colour", "\"green\"");
	rewire(&laptop, &hub);
	run();
	assert_string_equal(value_of(&laptop, PZ_SYNC_PREFERENCES, "colour"), "\"green\"");
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_PREFERENCES));
}

/* What it then writes is in the hub's future, though it thinks that it has the hub's time. */
static void
a_device_whose_clock_jumps_receives_what_counts(void **state)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_PREFERENCES);
	int64_t ahead_ms;

	(void)state;
	edit(&hub, PZ_SYNC_PREFERENCES, "a", "1");
	run();
	laptop.clock.wall_ms += 3600000;
	edit(&laptop, PZ_SYNC_PREFERENCES, "a", "2");
	assert_ok(pz_sync_session_push(dialler()->session, kind, "a"));
	wire_run(&w);
	assert_string_equal(value_of(&hub, PZ_SYNC_PREFERENCES, "a"), "1");
	assert_string_equal(value_of(&laptop, PZ_SYNC_PREFERENCES, "a"), "1");
	assert_true(pz_sync_session_ahead(dialler()->session, &ahead_ms));
	assert_int_equal(ahead_ms, -3600000);
	assert_null(w.ends[0].first);
	assert_null(w.ends[1].first); /* and that is the end of it */
}

/* A chunk dated 2^53-1 would win for ever, and such a deletion would never go. */
static void
the_hub_dates_what_comes_from_the_future(void **state)
{
	(void)state;
	put(&laptop, PZ_SYNC_APP_DATA,
	    make("a k", "\"evil\"", ZONE "/laptop", PZ_SYNC_TIME_MS_MAX));
	put(&laptop, PZ_SYNC_APP_DATA, make("a gone", NULL, ZONE "/laptop", PZ_SYNC_TIME_MS_MAX));
	run();
	const struct pz_sync_chunk *chunk = pz_sync_item_get(hub.items[PZ_SYNC_APP_DATA], "a k");
	assert_int_equal(chunk->mtime_ms, NOW);
	assert_string_equal(chunk->origin, ZONE "/laptop");
	assert_int_equal(pz_sync_item_get(hub.items[PZ_SYNC_APP_DATA], "a gone")->mtime_ms, NOW);
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_APP_DATA));
	hub.clock.wall_ms++;
	edit(&hub, PZ_SYNC_APP_DATA, "a k", "\"mine\"");
	rewire(&laptop, &hub);
	run();
	assert_string_equal(value_of(&laptop, PZ_SYNC_APP_DATA, "a k"), "\"mine\"");
	assert_int_equal(
		pz_sync_item_expire(hub.items[PZ_SYNC_APP_DATA], NOW + PZ_SYNC_DELETED_MS + 2), 1);
}

/* Of a device that was away for long: it goes to who has the value, and to no other. */
static void
an_old_deletion_reaches_who_has_the_value(void **state)
{
	struct pz_sync_chunk *deletion = make("a k", NULL, ZONE "/laptop", NOW - 100 * DAY);

	(void)state;
	pz_sync_chunk_mark(deletion, "laptop", NOW - DAY);
	put(&laptop, PZ_SYNC_APP_DATA, deletion);
	run();
	assert_string_equal(value_of(&hub, PZ_SYNC_APP_DATA, "a k"), "(none)");
	assert_int_equal(dialler()->equal_answers, 1);

	put(&hub, PZ_SYNC_APP_DATA, make("a k", "1", ZONE, NOW - 200 * DAY));
	rewire(&laptop, &hub);
	run();
	assert_string_equal(value_of(&hub, PZ_SYNC_APP_DATA, "a k"), "(deleted)");
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_APP_DATA));

	/* the hub keeps it as long as it keeps others, for those who come with the value */
	put(&phone, PZ_SYNC_APP_DATA, make("a k", "1", ZONE, NOW - 200 * DAY));
	rewire(&phone, &hub);
	run();
	assert_string_equal(value_of(&phone, PZ_SYNC_APP_DATA, "a k"), "(deleted)");
	assert_string_equal(value_of(&hub, PZ_SYNC_APP_DATA, "a k"), "(deleted)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(idle_costs_one_message_each_way_below_1_kib),
		TEST(of_10000_chunks_only_the_changed_one_travels),
		TEST(both_ways),
		TEST(either_side_may_open),
		TEST(an_exchange_is_named_after_its_opener),
		TEST(only_the_hub_writes_trust),
		TEST(peers_pass_on_what_they_may),
		TEST(a_lower_number_never_comes_back),
		TEST(the_owner_may_take_what_is_offered),
		TEST(opted_out_is_as_if_it_were_not_there),
		TEST(a_deletion_that_both_would_drop_costs_nothing),
		TEST(a_device_whose_clock_is_wrong_yields_to_the_hub),
		TEST(a_device_whose_clock_jumps_receives_what_counts),
		TEST(the_hub_dates_what_comes_from_the_future),
		TEST(an_old_deletion_reaches_who_has_the_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
