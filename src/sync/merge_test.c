/* Which version is kept: page 8 "Conflicts". */
#include "sync/fixture.h"

#define LAPTOP ZONE "/laptop"
#define PHONE ZONE "/phone"
#define SOON (NOW + PZ_SYNC_AHEAD_MS) /* the last that is believed */

static bool
number(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk, uint64_t *out)
{
	return fx_number(arg, kind, chunk, out);
}

static struct pz_sync_judge
judge(enum pz_sync_id id, enum pz_sync_hub hub)
{
	return (struct pz_sync_judge){
		.kind = pz_sync_kind(id), .now_ms = NOW, .hub = hub, .number = number};
}

/* Does b replace a here, and a not replace b at the other end? Frees both. */
static bool
replaces(struct pz_sync_chunk *a, struct pz_sync_chunk *b, enum pz_sync_id id, enum pz_sync_hub hub)
{
	struct pz_sync_judge here = judge(id, hub);
	struct pz_sync_judge there = judge(id, hub == PZ_SYNC_HUB_NEITHER ? hub
					       : hub == PZ_SYNC_HUB_OURS  ? PZ_SYNC_HUB_THEIRS
									  : PZ_SYNC_HUB_OURS);
	bool b_wins = pz_sync_wins(a, b, &here), a_wins = pz_sync_wins(b, a, &there);

	assert_int_equal(a_wins, !b_wins);
	pz_sync_chunk_free(a);
	pz_sync_chunk_free(b);
	return b_wins;
}

static bool
later(struct pz_sync_chunk *a, struct pz_sync_chunk *b)
{
	return replaces(a, b, PZ_SYNC_PREFERENCES, PZ_SYNC_HUB_NEITHER);
}

static void
the_later_wins(void **state)
{
	(void)state;
	assert_true(later(make("k", "a", LAPTOP, NOW), make("k", "b", PHONE, NOW + 1)));
	assert_true(later(make("k", "b", LAPTOP, NOW), make("k", "a", PHONE, NOW + 1)));
	assert_true(later(make("k", "a", PHONE, NOW), make("k", NULL, LAPTOP, NOW + 1)));
	assert_true(later(make("k", NULL, PHONE, NOW), make("k", "a", LAPTOP, NOW + 1)));
	/* also from a device, when the hub's is older */
	assert_true(replaces(make("k", "a", ZONE, NOW - 1), make("k", "b", PHONE, NOW),
			     PZ_SYNC_PREFERENCES, PZ_SYNC_HUB_OURS));
}

static void
equal_times_larger_sha256(void **state)
{
	(void)state;
	/* sha256: "b" 3e23…, "a" ca97…, nothing e3b0… */
	assert_true(later(make("k", "b", LAPTOP, NOW), make("k", "a", PHONE, NOW)));
	assert_true(later(make("k", "a", LAPTOP, NOW), make("k", "", PHONE, NOW)));
	/* the same hash, of nothing: still one answer */
	assert_true(later(make("k", "", LAPTOP, NOW), make("k", NULL, PHONE, NOW)));
}

static void
what_is_no_different_replaces_nothing(void **state)
{
	struct pz_sync_judge j = judge(PZ_SYNC_PREFERENCES, PZ_SYNC_HUB_THEIRS);
	struct pz_sync_chunk *a = make("k", "a", PHONE, NOW), *b = make("k", "a", LAPTOP, NOW);

	(void)state;
	assert_false(pz_sync_wins(a, b, &j));
	assert_false(pz_sync_wins(b, a, &j));
	assert_true(pz_sync_wins(NULL, a, &j));
	pz_sync_chunk_free(a);
	pz_sync_chunk_free(b);
}

static void
five_seconds_ahead_is_believed_and_more_is_not(void **state)
{
	(void)state;
	assert_true(later(make("k", "a", LAPTOP, NOW), make("k", "b", PHONE, SOON)));
	assert_false(later(make("k", "a", LAPTOP, NOW), make("k", "b", PHONE, SOON + 1)));
	/* the smaller origin does not make it believed */
	assert_false(later(make("k", "a", PHONE, NOW), make("k", "b", LAPTOP, SOON + 1)));
}

static void
among_what_is_not_believed_the_hubs_version_wins(void **state)
{
	(void)state;
	assert_false(replaces(make("k", "a", PHONE, SOON + 1), make("k", "b", LAPTOP, SOON + 2),
			      PZ_SYNC_CONTEXT, PZ_SYNC_HUB_OURS));
	assert_true(replaces(make("k", "b", LAPTOP, SOON + 2), make("k", "a", PHONE, SOON + 1),
			     PZ_SYNC_CONTEXT, PZ_SYNC_HUB_THEIRS));
	/* peers without the hub: the smaller origin, then the later mtime */
	assert_true(later(make("k", "a", PHONE, SOON + 9), make("k", "b", LAPTOP, SOON + 1)));
	assert_true(later(make("k", "a", PHONE, SOON + 1), make("k", "b", PHONE, SOON + 2)));
	assert_true(later(make("k", "b", PHONE, SOON + 1), make("k", "a", PHONE, SOON + 1)));
}

static void
an_expired_deletion_is_not_taken(void **state)
{
	struct pz_sync_judge j = judge(PZ_SYNC_PREFERENCES, PZ_SYNC_HUB_NEITHER);
	struct pz_sync_chunk *old = make("k", NULL, PHONE, NOW - PZ_SYNC_DELETED_MS - 1);
	struct pz_sync_chunk *young = make("k", NULL, PHONE, NOW - PZ_SYNC_DELETED_MS);

	(void)state;
	assert_false(pz_sync_wins(NULL, old, &j));
	assert_true(pz_sync_wins(NULL, young, &j));
	pz_sync_chunk_free(old);
	pz_sync_chunk_free(young);
}

static void
the_higher_number_wins_always(void **state)
{
	(void)state;
	assert_true(replaces(make("k", "9 a", ZONE, NOW), make("k", "10 b", ZONE, NOW - DAY),
			     PZ_SYNC_CRL, PZ_SYNC_HUB_OURS));
	assert_true(replaces(make("k", "9 a", ZONE, NOW + DAY), make("k", "10 b", ZONE, 0),
			     PZ_SYNC_POLICIES, PZ_SYNC_HUB_NEITHER));
	assert_true(replaces(make("k", "none", ZONE, NOW), make("k", "0 b", ZONE, NOW), PZ_SYNC_CRL,
			     PZ_SYNC_HUB_NEITHER));
	assert_true(replaces(make("k", NULL, ZONE, NOW + DAY), make("k", "0", ZONE, NOW),
			     PZ_SYNC_CRL, PZ_SYNC_HUB_OURS));
	assert_true(replaces(make("k", "18446744073709551614", ZONE, NOW),
			     make("k", "7 a", ZONE, NOW), PZ_SYNC_CRL,
			     PZ_SYNC_HUB_THEIRS) == false);
}

/* Of the phone's list, on a link between these two: does b, which is there, replace a? */
static bool
list_replaces(uint64_t a_ms, uint64_t b_ms, enum pz_sync_hub hub, const char *here,
	      const char *there)
{
	struct pz_sync_chunk *a = make("phone", "[1]", PHONE, a_ms);
	struct pz_sync_chunk *b = make("phone", "[]", PHONE, b_ms);
	struct pz_sync_judge j = judge(PZ_SYNC_SERVICE_CACHE, hub);
	struct pz_sync_entry entry = {.mtime_ms = b_ms};

	j.self_device = here;
	j.other_device = there;
	memcpy(entry.sha256, b->sha256, sizeof(entry.sha256));
	bool b_wins = pz_sync_wins(a, b, &j);
	assert_int_equal(pz_sync_need(a, &entry, &j),
			 b_wins ? PZ_SYNC_NEED_WANT : PZ_SYNC_NEED_SEND);
	pz_sync_chunk_free(a);
	pz_sync_chunk_free(b);
	return b_wins;
}

static void
the_owners_own_word_wins_then_the_hubs(void **state)
{
	static const uint64_t times[] = {1, NOW - DAY, NOW, NOW + DAY};

	(void)state;
	for (size_t i = 0; i < 16; i++) {
		uint64_t a = times[i / 4], b = times[i % 4];
		assert_true(list_replaces(a, b, PZ_SYNC_HUB_OURS, NULL, "phone"));
		assert_false(list_replaces(a, b, PZ_SYNC_HUB_THEIRS, "phone", NULL));
		assert_true(list_replaces(a, b, PZ_SYNC_HUB_NEITHER, "laptop", "phone"));
		assert_true(list_replaces(a, b, PZ_SYNC_HUB_THEIRS, "laptop", NULL));
		assert_false(list_replaces(a, b, PZ_SYNC_HUB_OURS, NULL, "laptop"));
	}
}

static void
the_owners_list_wins_always(void **state)
{
	(void)state;
	assert_true(replaces(make("phone", "[1]", LAPTOP, NOW), make("phone", "[]", PHONE, NOW - 9),
			     PZ_SYNC_SERVICE_CACHE, PZ_SYNC_HUB_NEITHER));
	assert_true(replaces(make("phone", "[1]", PHONE, NOW), make("phone", "[]", PHONE, NOW + 1),
			     PZ_SYNC_SERVICE_CACHE, PZ_SYNC_HUB_NEITHER));
	assert_true(replaces(make("phone", "[1]", ZONE, NOW), make("phone", "[]", LAPTOP, NOW + 1),
			     PZ_SYNC_SERVICE_CACHE, PZ_SYNC_HUB_NEITHER));
	assert_true(replaces(make("phone", "[]", ZONE "/phones", NOW),
			     make("phone", "[]", PHONE, NOW - 1), PZ_SYNC_SERVICE_CACHE,
			     PZ_SYNC_HUB_NEITHER));
}

static void
what_only_the_hub_writes_is_as_the_hub_says(void **state)
{
	(void)state;
	assert_true(replaces(make("k", "a", ZONE, NOW), make("k", "b", ZONE, NOW - DAY),
			     PZ_SYNC_TRUSTED_PZP, PZ_SYNC_HUB_THEIRS));
	/* from a peer the later, and a clock that lags behind is no obstacle */
	assert_true(replaces(make("k", "a", ZONE, NOW), make("k", "b", ZONE, NOW + DAY),
			     PZ_SYNC_TRUSTED_PZP, PZ_SYNC_HUB_NEITHER));
}

/* ---- listings ---- */

static unsigned
need(struct pz_sync_chunk *ours, struct pz_sync_chunk *theirs, enum pz_sync_id id,
     enum pz_sync_hub hub)
{
	struct pz_sync_judge j = judge(id, hub);
	struct pz_sync_entry entry = {.mtime_ms = theirs->mtime_ms, .deleted = theirs->deleted};

	memcpy(entry.sha256, theirs->sha256, sizeof(entry.sha256));
	unsigned found = pz_sync_need(ours, &entry, &j);
	pz_sync_chunk_free(ours);
	pz_sync_chunk_free(theirs);
	return found;
}

#define SEND PZ_SYNC_NEED_SEND
#define WANT PZ_SYNC_NEED_WANT

static void
a_listing_says_who_sends(void **state)
{
	enum pz_sync_id id = PZ_SYNC_PREFERENCES;
	enum pz_sync_hub hub = PZ_SYNC_HUB_OURS;

	(void)state;
	assert_int_equal(need(NULL, make("k", "a", PHONE, 1), id, hub), WANT);
	assert_int_equal(need(NULL, make("k", NULL, PHONE, 1), id, hub), 0);
	assert_int_equal(need(make("k", "a", ZONE, 1), make("k", "a", PHONE, 1), id, hub), 0);
	assert_int_equal(need(make("k", "a", ZONE, 2), make("k", "b", PHONE, 1), id, hub), SEND);
	assert_int_equal(need(make("k", "a", ZONE, 1), make("k", "b", PHONE, 2), id, hub), WANT);
	assert_int_equal(need(make("k", "b", ZONE, 1), make("k", "a", PHONE, 1), id, hub), WANT);
	assert_int_equal(need(make("k", "a", ZONE, 1), make("k", "b", PHONE, 1), id, hub), SEND);
	assert_int_equal(need(make("k", "", ZONE, 1), make("k", NULL, PHONE, 1), id, hub), WANT);
}

static void
where_a_listing_does_not_say_enough_both_send(void **state)
{
	unsigned both = SEND | WANT;

	(void)state;
	assert_int_equal(need(make("k", "1", ZONE, 1), make("k", "2", ZONE, 2), PZ_SYNC_CRL,
			      PZ_SYNC_HUB_NEITHER),
			 both);
	assert_int_equal(need(make("k", "1", ZONE, 1), make("k", "2", ZONE, 2),
			      PZ_SYNC_SERVICE_CACHE, PZ_SYNC_HUB_NEITHER),
			 both);
	assert_int_equal(need(make("k", "1", ZONE, 1), make("k", "2", ZONE, SOON + 1),
			      PZ_SYNC_CONTEXT, PZ_SYNC_HUB_NEITHER),
			 both);
	assert_int_equal(need(make("k", "1", ZONE, SOON + 1), make("k", "2", ZONE, 2),
			      PZ_SYNC_CONTEXT, PZ_SYNC_HUB_THEIRS),
			 both);
}

static void
what_only_the_hub_writes_goes_from_the_hub(void **state)
{
	(void)state;
	assert_int_equal(need(make("k", "a", ZONE, 1), make("k", "b", ZONE, 2), PZ_SYNC_TRUSTED_PZH,
			      PZ_SYNC_HUB_OURS),
			 SEND);
	assert_int_equal(need(make("k", "a", ZONE, 2), make("k", "b", ZONE, 1), PZ_SYNC_TRUSTED_PZH,
			      PZ_SYNC_HUB_THEIRS),
			 WANT);
	assert_int_equal(need(make("k", "a", ZONE, 2), make("k", "b", ZONE, NOW + DAY),
			      PZ_SYNC_TRUSTED_PZH, PZ_SYNC_HUB_NEITHER),
			 WANT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_later_wins),
		cmocka_unit_test(equal_times_larger_sha256),
		cmocka_unit_test(what_is_no_different_replaces_nothing),
		cmocka_unit_test(five_seconds_ahead_is_believed_and_more_is_not),
		cmocka_unit_test(among_what_is_not_believed_the_hubs_version_wins),
		cmocka_unit_test(an_expired_deletion_is_not_taken),
		cmocka_unit_test(the_higher_number_wins_always),
		cmocka_unit_test(the_owners_own_word_wins_then_the_hubs),
		cmocka_unit_test(the_owners_list_wins_always),
		cmocka_unit_test(what_only_the_hub_writes_is_as_the_hub_says),
		cmocka_unit_test(a_listing_says_who_sends),
		cmocka_unit_test(where_a_listing_does_not_say_enough_both_send),
		cmocka_unit_test(what_only_the_hub_writes_goes_from_the_hub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
