/* A device without contact with its hub for days opens no more links (page 14, REV-6). */
#include "pzp/peer_fixture.h"

#include "record/record.h"

static void
days_pass(unsigned days)
{
	w.world.clock.wall_ms += days * PZ_KIT_DAY_MS;
}

static bool
is_silent(void)
{
	pz_upkeep_check(w.node->upkeep);
	return pz_condition_is_raised(w.node->conditions, PZ_CONDITION_HUB_SILENT, NULL);
}

static bool
lets_in(const char *name)
{
	struct fx_far *far = fx_comes(fx_device(name));
	bool is_in = fx_heard_register(far);

	assert_int_equal(is_in, !far->near.is_closed);
	return is_in;
}

static void
new_links_are_refused_and_old_ones_stay(void **state)
{
	(void)state;
	days_pass(PZ_OFFLINE_DAYS - 1);
	assert_false(is_silent());
	const struct fx_far *old = fx_live(fx_device("tv"));
	days_pass(1);
	assert_true(is_silent());
	assert_false(lets_in("radio"));
	fx_run(PZ_US_PER_S);
	assert_false(old->near.is_closed);
	assert_int_equal(pz_peers_live_count(w.node->peers), 1);
	/* The reason reaches the owner. */
	json_t *texts = pz_upkeep_warnings(w.node->upkeep);
	char *all = json_dumps(texts, 0);
	assert_non_null(strstr(all, "no contact with the hub for 7 days"));
	free(all);
	json_decref(texts);
}

static void
a_link_that_this_device_opens_is_refused_too(void **state)
{
	const struct fx_device *tv = fx_device("tv");

	(void)state;
	days_pass(PZ_OFFLINE_DAYS);
	fx_directory("tv", json_pack("[s]", "192.0.2.7"), 8043);
	assert_true(pz_peers_add(w.node->peers, "tv"));
	(void)pz_peers_dial(w.node->peers, "tv", 0);
	fx_settle();
	struct fx_far *far = fx_answers("192.0.2.7", tv);
	fx_settle();
	assert_true(far->near.is_closed);
	assert_int_equal(pz_peers_live_count(w.node->peers), 0);
	fx_run(PZ_CONNECT_TIMEOUT_US);
	assert_non_null(strstr(fx_peer("tv")->reason, "no contact with the hub"));
}

/* A newer list that a peer brings is word from the hub, which signed it. */
static void
newer_list_is_word(void **state)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_CRL);
	struct pz_sync_chunk *chunk = NULL;
	json_t *keys = json_pack("[s]", ZONE);

	(void)state;
	days_pass(PZ_OFFLINE_DAYS);
	assert_true(is_silent());
	w.hub.clock.wall_ms = w.world.clock.wall_ms;
	(void)fx_device("old");
	pz_kit_revoke(&w.hub, w.authority, "old", PZ_REVOKED_BY_OWNER);
	PZ_AUTO_FREE char *text = pz_record_crl_text(w.authority->crl);
	struct pz_sync_parts parts = {.key = ZONE,
				      .origin = ZONE,
				      .value = pz_slice_str(text),
				      .mtime_ms = pz_crl_this_update_ms(w.authority->crl)};
	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	assert_ok(pz_sync_item_put(pz_zonedata_item(w.node->zonedata, kind), chunk, NULL));
	pz_zonedata_received(w.node->zonedata, kind, keys);
	json_decref(keys);
	assert_false(is_silent());
	assert_true(lets_in("radio"));
}

static void
contact_with_the_hub_ends_it_also_after_a_restart(void **state)
{
	(void)state;
	days_pass(PZ_OFFLINE_DAYS);
	assert_true(is_silent());
	pz_upkeep_saw_hub(w.node->upkeep); /* the link was up until now */
	assert_false(is_silent());
	run(COMMIT_US);
	restart_node();
	assert_false(is_silent());
	days_pass(PZ_OFFLINE_DAYS - 1);
	assert_true(lets_in("tv"));
	days_pass(1);
	assert_false(lets_in("radio"));
}

static void
preference_and_a_clock_that_is_set_back_count(void **state)
{
	(void)state;
	days_pass(PZ_OFFLINE_DAYS + 3);
	assert_false(lets_in("tv"));
	pz_upkeep_set_offline_days(w.node->upkeep, PZ_OFFLINE_DAYS + 4);
	assert_false(is_silent());
	assert_true(lets_in("radio"));
	pz_upkeep_set_offline_days(w.node->upkeep, 1);
	assert_true(is_silent());
	w.world.clock.wall_ms -= 20 * PZ_KIT_DAY_MS;
	assert_false(is_silent());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(new_links_are_refused_and_old_ones_stay, fx_set_up,
						fx_tear_down),
		cmocka_unit_test_setup_teardown(a_link_that_this_device_opens_is_refused_too,
						fx_set_up, fx_tear_down),
		cmocka_unit_test_setup_teardown(newer_list_is_word, fx_set_up, fx_tear_down),
		cmocka_unit_test_setup_teardown(contact_with_the_hub_ends_it_also_after_a_restart,
						fx_set_up, fx_tear_down),
		cmocka_unit_test_setup_teardown(preference_and_a_clock_that_is_set_back_count,
						fx_set_up, fx_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
