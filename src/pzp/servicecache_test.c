/* The devices' lists of services in the zone's data (page 7, 4; page 8 service-cache; page 14
 * REV-8). */
#include "items/items.h"
#include "items/service_cache.h"
#include "pzp/peer_fixture.h"
#include "record/record.h"

#define MS PZ_US_PER_MS

static const struct pz_sync_chunk *
kept(const char *device)
{
	return pz_sync_item_get(
		pz_shared_item(pz_items_shared(w.node->items), pz_sync_kind(PZ_SYNC_SERVICE_CACHE)),
		device);
}

static json_t *
chunk_json(const char *key, json_t *value, const char *origin)
{
	char *text = json_is_string(value) ? strdup(json_string_value(value))
					   : json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *chunk =
		json_pack("{s:s, s:s, s:I, s:s, s:b}", "key", key, "value", text, "mtime",
			  (json_int_t)w.world.clock.wall_ms, "origin", origin, "deleted", 0);

	json_decref(value);
	free(text);
	return chunk;
}

static void
offers(struct fx_far *far, const char *item, json_t *chunk)
{
	fx_tells(far, "Update_Data", json_pack("{s:[o]}", item, chunk));
	fx_run(MS); /* the next one is later */
}

static json_t *
list_of(const char *address, unsigned count)
{
	json_t *message = fx_services(address, count);
	json_t *list = json_incref(json_object_get(message, "services"));

	json_decref(message);
	return list;
}

/* How many services of that device are listed; *out_offline: those that are marked. */
static size_t
listed(const char *address, bool all, size_t *out_offline)
{
	struct answer a;
	size_t i, count = 0;
	json_t *one;

	*out_offline = 0;
	begin(&a, "services", all ? json_pack("{s:b}", "all", 1) : json_object());
	fx_run(10 * PZ_US_PER_S);
	assert_ok(a.err);
	json_array_foreach (a.result, i, one) {
		if (strcmp(pz_json_str(one, "serviceAddress"), address) != 0)
			continue;
		count++;
		*out_offline += json_is_true(json_object_get(one, "offline"));
	}
	forget(&a);
	return count;
}

static struct answer serving;

static void
serves(void)
{
	begin(&serving, "serve",
	      json_pack("{s:{s:s, s:s, s:s, s:{s:{s:[s]}}}}", "description", "api", THERMO,
			"displayName", "Thermostat", "description", "hall", "methods", "get",
			"exec", "/bin/true"));
	assert_int_equal(serving.ends, 0);
}

/* ---- our own ---- */

static void
our_list_is_written_when_it_has_changed(void **state)
{
	(void)state;
	assert_non_null(kept("laptop")); /* at the start, without a hub */
	assert_string_equal(kept("laptop")->origin, ZONE "/laptop");
	uint64_t first_ms = kept("laptop")->mtime_ms;
	restart_node();
	pz_discovery_announce_soon(w.node->calls);
	fx_run(PZ_US_PER_S);
	assert_int_equal(kept("laptop")->mtime_ms, first_ms);
	serves();
	assert_int_equal(kept("laptop")->mtime_ms, first_ms); /* as announcements, together */
	fx_run(PZ_US_PER_S);
	assert_true(kept("laptop")->mtime_ms > first_ms);
	assert_non_null(strstr(kept("laptop")->value, THERMO));
	forget(&serving);
	fx_run(PZ_US_PER_S);
	assert_null(strstr(kept("laptop")->value, THERMO));
}

static void
a_virgin_device_writes_none(void **state)
{
	(void)state;
	start_node();
	run(PZ_US_PER_S);
	assert_null(kept("laptop"));
}

static void
others_receive_it(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));
	json_t *message = NULL;

	(void)state;
	fx_run(PZ_US_PER_S);
	fx_forget(far);
	serves();
	fx_run(PZ_US_PER_S);
	assert_int_equal(fx_heard(far, "Update_Data", &message), 1);
	message = json_array_get(json_object_get(message, "service-cache"), 0);
	assert_string_equal(pz_json_str(message, "key"), "laptop");
	assert_non_null(strstr(pz_json_str(message, "value"), THERMO));
	forget(&serving);
}

/* ---- those of others ---- */

static void
only_its_own_list_is_taken_from_a_peer(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));

	(void)state;
	offers(far, "service-cache", chunk_json("phone", list_of(ZONE "/phone", 1), ZONE "/phone"));
	assert_null(kept("phone"));
	offers(far, "service-cache", chunk_json("tv", list_of(ZONE "/tv", 1), ZONE "/phone"));
	offers(far, "service-cache", chunk_json("tv", list_of(ZONE "/phone", 1), ZONE "/tv"));
	offers(far, "service-cache", chunk_json("tv", json_object(), ZONE "/tv"));
	assert_null(kept("tv"));
	uint64_t ours_ms = kept("laptop")->mtime_ms;
	offers(far, "service-cache",
	       chunk_json("laptop", list_of(ZONE "/laptop", 1), ZONE "/laptop"));
	assert_int_equal(kept("laptop")->mtime_ms, ours_ms);
	offers(far, "service-cache", chunk_json("tv", list_of(ZONE "/tv", 1), ZONE "/tv"));
	assert_non_null(kept("tv"));
}

static void
who_is_away_is_shown_when_asked_for(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));
	size_t offline;

	(void)state;
	offers(far, "service-cache", chunk_json("tv", list_of(ZONE "/tv", 2), ZONE "/tv"));
	fx_tells(far, "registerServices", fx_services(ZONE "/tv", 2));
	assert_int_equal(listed(ZONE "/tv", true, &offline), 2); /* once, and it is there */
	assert_int_equal(offline, 0);
	fx_hangs_up(far);
	fx_run(PZ_US_PER_S);
	assert_int_equal(listed(ZONE "/tv", false, &offline), 0);
	assert_int_equal(listed(ZONE "/tv", true, &offline), 2);
	assert_int_equal(offline, 2);
	assert_true(listed(ZONE "/laptop", true, &offline) >= 2);
	assert_int_equal(offline, 0);
	restart_node();
	assert_int_equal(listed(ZONE "/tv", true, &offline), 2);
}

/* The hub announces it, and has not received its services yet. */
static void
who_has_just_come_back_has_what_it_had(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));

	(void)state;
	offers(far, "service-cache", chunk_json("tv", list_of(ZONE "/tv", 2), ZONE "/tv"));
	fx_hangs_up(far);
	fx_run(PZ_US_PER_S);
	pz_service_cache_recall(w.node->items, "tv");
	assert_null(pz_discovery_services_of(w.node->calls, "tv")); /* still away */
	fx_directory("tv", json_array(), TLS_PORT);
	w.node->uplink->is_registered = true;
	pz_service_cache_recall(w.node->items, "tv");
	assert_int_equal(json_array_size(pz_discovery_services_of(w.node->calls, "tv")), 2);
	json_object_clear(w.node->calls->known);
	pz_service_cache_recall(w.node->items, NULL);
	w.node->uplink->is_registered = false;
	assert_int_equal(json_array_size(pz_discovery_services_of(w.node->calls, "tv")), 2);
	assert_null(json_object_get(w.node->calls->known, "laptop"));
}

static void
opted_out_both_ways(void **state)
{
	struct answer a;

	(void)state;
	begin(&a, "prefs", json_pack("{s:s, s:b}", "key", "sync.service-cache", "value", 0));
	fx_run(COMMIT_US);
	assert_ok(a.err);
	forget(&a);
	restart_node();
	struct fx_far *far = fx_live(fx_device("tv"));
	fx_run(PZ_US_PER_S);
	fx_forget(far);
	serves();
	fx_run(PZ_US_PER_S);
	assert_int_equal(fx_heard(far, "Update_Data", NULL), 0);
	assert_true(fx_heard(far, "registerServices", NULL) > 0); /* linked devices receive it */
	offers(far, "service-cache", chunk_json("tv", list_of(ZONE "/tv", 1), ZONE "/tv"));
	assert_null(kept("tv"));
	forget(&serving);
}

/* What is not kept up to date any more would be shown as what a device offers. */
static void
opting_out_forgets_the_lists_of_others(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));
	struct answer a;

	(void)state;
	offers(far, "service-cache", chunk_json("tv", list_of(ZONE "/tv", 1), ZONE "/tv"));
	assert_non_null(kept("tv"));
	begin(&a, "prefs", json_pack("{s:s, s:b}", "key", "sync.service-cache", "value", 0));
	fx_run(COMMIT_US);
	assert_ok(a.err);
	forget(&a);
	restart_node();
	assert_null(kept("tv"));
	assert_non_null(kept("laptop"));
	fx_run(COMMIT_US);
	restart_node();
	assert_null(kept("tv")); /* nor from the disk */
}

/* ---- who is out ---- */

static void
of_who_is_revoked_nothing_is_kept(void **state)
{
	struct fx_device *tv = fx_device("tv"), *phone = fx_device("phone");
	struct pz_crl_entry entry = {.when_ms = w.world.clock.wall_ms};
	struct pz_crl *crl = NULL;
	size_t offline;

	(void)state;
	struct fx_far *a = fx_live(tv), *b = fx_live(phone);
	offers(a, "trusted-pzp", chunk_json("tv", pz_record_cert(tv->id.ca), ZONE));
	offers(a, "trusted-pzp", chunk_json("phone", pz_record_cert(phone->id.ca), ZONE));
	offers(a, "service-cache", chunk_json("tv", list_of(ZONE "/tv", 1), ZONE "/tv"));
	offers(b, "service-cache", chunk_json("phone", list_of(ZONE "/phone", 1), ZONE "/phone"));
	assert_non_null(kept("tv"));
	assert_non_null(kept("phone"));
	fx_hangs_up(a);
	pz_cert_serial_hex(tv->id.ca, entry.serial_hex);
	assert_ok(pz_crl_issue(w.authority->ca, w.authority->ca_key, &entry, 1, 7,
			       &w.world.clock.env, &crl, NULL));
	offers(b, "crl", chunk_json(ZONE, pz_record_crl(crl), ZONE));
	pz_crl_free(crl);
	assert_null(kept("tv"));
	assert_non_null(kept("phone"));
	assert_int_equal(listed(ZONE "/tv", true, &offline), 0);
	restart_node();
	assert_null(kept("tv"));
	assert_non_null(kept("phone"));
}

static void
whose_deletion_has_come_is_out(void **state)
{
	struct fx_device *tv = fx_device("tv");
	struct fx_far *far = fx_live(fx_device("phone"));
	json_t *gone;

	(void)state;
	offers(far, "trusted-pzp", chunk_json("tv", pz_record_cert(tv->id.ca), ZONE));
	struct fx_far *its = fx_live(tv);
	offers(its, "service-cache", chunk_json("tv", list_of(ZONE "/tv", 1), ZONE "/tv"));
	assert_non_null(kept("tv"));
	gone = chunk_json("tv", json_string(""), ZONE);
	json_object_set_new(gone, "deleted", json_true());
	fx_peer("phone")->live->sync->other = PZ_SYNC_HUB; /* a peer's does not count */
	offers(far, "trusted-pzp", gone);
	assert_null(kept("tv"));
	fx_peer("phone")->live->sync->other = PZ_SYNC_DEVICE;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(our_list_is_written_when_it_has_changed),
		cmocka_unit_test_setup_teardown(a_virgin_device_writes_none, set_up, tear_down),
		FX_TEST(others_receive_it),
		FX_TEST(only_its_own_list_is_taken_from_a_peer),
		FX_TEST(who_is_away_is_shown_when_asked_for),
		FX_TEST(who_has_just_come_back_has_what_it_had),
		FX_TEST(opted_out_both_ways),
		FX_TEST(opting_out_forgets_the_lists_of_others),
		FX_TEST(of_who_is_revoked_nothing_is_kept),
		FX_TEST(whose_deletion_has_come_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
