/* Changes of a zone's authority: one at a time, and applied only when stored. */
#include "pzh/fixture.h"

#include "hosted/transact.h"

struct probe {
	struct pz_hosted_transact t;
	char id;
	enum pz_err fails; /* what prepare returns */
};

static char events[64]; /* prepare "p1", done "d1" (failed: "e1"; not stored: "s1"), release "r1" */

static void
note(char what, const struct pz_hosted_transact *t)
{
	size_t len = strlen(events);

	snprintf(events + len, sizeof(events) - len, "%c%c ", what,
		 PZ_CONTAINER(t, const struct probe, t)->id);
}

static enum pz_err
on_prepare(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	const struct probe *probe = PZ_CONTAINER(t, struct probe, t);

	note('p', t);
	if (probe->fails != PZ_OK)
		return pz_fail(info, probe->fails, "it shall fail");
	return pz_txn_put(txn, "test", "key", pz_slice_str("value"));
}

static void
on_end(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err, const char *detail)
{
	assert_null(member); /* nothing of the authority was changed */
	assert_int_equal(err == PZ_OK, detail[0] == '\0');
	note(err == PZ_OK ? 'd' : t->is_committed ? 's' : 'e', t);
}

static void
on_release(struct pz_hosted_transact *t)
{
	note('r', t);
}

static const struct pz_hosted_transact_ops storing = {on_prepare, on_end, on_release};
static const struct pz_hosted_transact_ops looking = {NULL, on_end, on_release};

static void
change_in(struct pz_hosted *zone, char id, enum pz_err fails,
	  const struct pz_hosted_transact_ops *ops)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	assert_non_null(probe);
	probe->id = id;
	probe->fails = fails;
	pz_hosted_transact(zone, &probe->t, ops);
}

static void
change(char id, enum pz_err fails, const struct pz_hosted_transact_ops *ops)
{
	change_in(zone_of(ZONE), id, fails, ops);
}

static int
set_up_zone(void **state)
{
	set_up(state);
	make_zone(ZONE);
	events[0] = '\0';
	return 0;
}

static void
one_is_over_before_the_next_begins(void **state)
{
	(void)state;
	change('1', PZ_OK, &storing);
	change('2', PZ_OK, &storing);
	assert_string_equal(events, "p1 ");
	assert_true(zone_of(ZONE)->turns.is_changing);
	run(PZ_US_PER_S);
	assert_string_equal(events, "p1 d1 r1 p2 d2 r2 ");
	assert_false(zone_of(ZONE)->turns.is_changing);
}

static void
one_that_cannot_be_made_does_not_hold_up_others(void **state)
{
	(void)state;
	change('1', PZ_ERR_DENIED, &storing);
	assert_string_equal(events, "p1 e1 r1 ");
	change('2', PZ_OK, &storing);
	change('3', PZ_ERR_EXISTS, &storing);
	change('4', PZ_OK, &storing);
	run(PZ_US_PER_S);
	assert_string_equal(events, "p1 e1 r1 p2 d2 r2 p3 e3 r3 p4 d4 r4 ");
}

static void
one_that_is_not_stored_says_so(void **state)
{
	(void)state;
	pz_memory_disk_fail_after(w.world.disk, 0);
	change('1', PZ_OK, &storing);
	run(PZ_US_PER_S);
	assert_string_equal(events, "p1 s1 r1 ");
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
}

static void
what_stores_nothing_takes_its_turn_too(void **state)
{
	(void)state;
	change('1', PZ_OK, &storing);
	change('2', PZ_OK, &looking);
	assert_string_equal(events, "p1 ");
	run(PZ_US_PER_S);
	assert_string_equal(events, "p1 d1 r1 d2 r2 ");
	change('3', PZ_OK, &looking);
	assert_string_equal(events, "p1 d1 r1 d2 r2 d3 r3 ");
}

/* The hub is freed before the disk has reported. */
static void
what_waits_when_the_hub_ends_is_ended(void **state)
{
	(void)state;
	change('1', PZ_OK, &storing);
	change('2', PZ_OK, &storing);
	restart_hub();
	assert_string_equal(events, "p1 s1 r1 e2 r2 ");
}

static void
on_end_again(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	     const char *detail)
{
	on_end(t, member, err, detail);
	change_in(t->zone, '3', PZ_OK, &storing);
}

static const struct pz_hosted_transact_ops again = {on_prepare, on_end_again, on_release};

static void
what_is_asked_for_at_the_end_ends_too(void **state)
{
	(void)state;
	change('1', PZ_OK, &again);
	restart_hub();
	assert_string_equal(events, "p1 s1 r1 e3 r3 ");
}

/* A daemon that stops waits for the disk: what waits for its turn is stored as well. */
static void
what_waits_is_stored_before_a_stop(void **state)
{
	(void)state;
	change('1', PZ_OK, &storing);
	change('2', PZ_OK, &storing);
	change('3', PZ_OK, &storing);
	pz_hub_stop(w.hub);
	pz_turn_end(&w.turn);
	pz_store_drain(w.world.store);
	assert_string_equal(events, "p1 d1 r1 p2 d2 r2 p3 d3 r3 ");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up_zone, tear_down)

/* No command finds the zone any more; one that did before must not wait for ever. */
static void
what_waits_ends_with_its_zone(void **state)
{
	struct pz_kit_answer removed;
	struct pz_hosted *zone;

	(void)state;
	events[0] = '\0';
	zone = zone_of(ZONE);
	begin(&removed, "remove", json_pack("{s:s}", "zone", ZONE));
	change_in(zone, '1', PZ_OK, &storing);
	change_in(zone, '2', PZ_OK, &looking);
	assert_string_equal(events, "");
	run(PZ_US_PER_S);
	assert_ok(removed.err);
	json_decref(removed.result);
	assert_string_equal(events, "e1 r1 e2 r2 ");
	change_in(zone, '3', PZ_OK, &storing); /* for example of a link that has not ended yet */
	assert_string_equal(events, "e1 r1 e2 r2 e3 r3 ");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(one_is_over_before_the_next_begins),
		T(one_that_cannot_be_made_does_not_hold_up_others),
		T(one_that_is_not_stored_says_so),
		T(what_stores_nothing_takes_its_turn_too),
		T(what_waits_when_the_hub_ends_is_ended),
		T(what_is_asked_for_at_the_end_ends_too),
		T(what_waits_is_stored_before_a_stop),
		T(what_waits_ends_with_its_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
