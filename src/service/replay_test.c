#include "service/fixture.h"

#include "service/replay.h"

static bool
add(struct pz_replay *w, const char *node, int i)
{
	char key[64];
	(void)snprintf(key, sizeof(key), "%s %d", node, i);
	return pz_replay_add(w, pz_slice_str(node), pz_slice_str(key));
}

static void
a_key_is_new_once_in_five_minutes(void **state)
{
	struct fixture *f = fx_new();
	struct pz_replay *w = pz_replay_new(&f->clock.env);
	(void)state;
	assert_true(add(w, "a", 1));
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	assert_true(add(w, "a", 2));
	assert_false(add(w, "a", 1));
	pz_kit_clock_run(&f->clock, PZ_REPLAY_TTL_US - PZ_US_PER_S - 1);
	assert_false(add(w, "a", 1));
	pz_kit_clock_run(&f->clock, 1);
	assert_true(add(w, "a", 1));
	assert_false(add(w, "a", 2));
	pz_kit_clock_run(&f->clock, 2 * PZ_REPLAY_TTL_US);
	assert_true(pz_kit_clock_is_idle(&f->clock)); /* nothing to wait for */
	pz_replay_free(w);
	fx_free(f);
}

static void
a_peer_forgets_its_own_oldest(void **state)
{
	struct fixture *f = fx_new();
	struct pz_replay *w = pz_replay_new(&f->clock.env);
	(void)state;
	assert_true(add(w, "b", 0));
	for (int i = 0; i < PZ_REPLAY_WINDOW_MAX; i++)
		assert_true(add(w, "a", i));
	assert_false(add(w, "a", 0));
	assert_true(add(w, "a", PZ_REPLAY_WINDOW_MAX));
	assert_false(add(w, "a", 1));
	assert_true(add(w, "a", 0));  /* was the oldest */
	assert_false(add(w, "b", 0)); /* another's window */
	pz_replay_free(w);
	fx_free(f);
}

static void
all_peers_together_are_bounded(void **state)
{
	struct fixture *f = fx_new();
	struct pz_replay *w = pz_replay_new(&f->clock.env);
	char node[16];
	(void)state;
	for (int i = 0; i < PZ_REPLAY_TOTAL_MAX; i++) {
		(void)snprintf(node, sizeof(node), "n%d", i / 1024);
		assert_true(add(w, node, i));
	}
	assert_false(add(w, "n0", 0));
	assert_true(add(w, "x", 0));
	assert_false(add(w, "n0", 1));
	assert_true(add(w, "n0", 0));
	pz_replay_free(w);
	fx_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_new_once_in_five_minutes),
		cmocka_unit_test(a_peer_forgets_its_own_oldest),
		cmocka_unit_test(all_peers_together_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
