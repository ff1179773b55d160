/* What is known about peers, and the route to them, in a node that is only a table (peers.h). */
#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "base/timer.h"
#include "kit/clock.h"
#include "peers/internal.h"

#define ZONE "alice@example.org"

static struct {
	struct pz_kit_clock clock;
	struct pz_metrics metrics;
	struct pz_membership membership;
	struct pz_device_zone zone;
	struct pz_peers_prefs peer_prefs;
	struct pz_session hub;
	json_t *directory;
	struct pz_peers *peers;
	unsigned changes, updates;
	bool is_hub_up;
} w;

static bool
hub_is_up(void *arg)
{
	(void)arg;
	return w.is_hub_up;
}

static struct pz_session *
hub_session(void *arg)
{
	(void)arg;
	assert_true(w.is_hub_up);
	return &w.hub;
}

static void
changed(void *arg, const struct pz_peer_change *change)
{
	(void)arg;
	(void)change;
	w.changes++;
}

static void
updated(void *arg, const char *device)
{
	(void)arg;
	(void)device;
	w.updates++;
}

static const struct pz_peers_ops ops = {
	.hub_is_up = hub_is_up,
	.hub_session = hub_session,
	.changed = changed,
	.updated = updated,
};

static int
set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	pz_kit_clock_init(&w.clock);
	snprintf(w.membership.zone, sizeof(w.membership.zone), ZONE);
	snprintf(w.membership.device, sizeof(w.membership.device), "laptop");
	w.zone.membership = &w.membership;
	w.directory = json_object();
	struct pz_peers_config config = {
		.link_host = {.env = &w.clock.env, .metrics = &w.metrics},
		.zone = &w.zone,
		.peer_prefs = &w.peer_prefs,
		.directory = w.directory,
		.self = ZONE "/laptop",
		.display_name = "Laptop",
		.device_type = "laptop",
		.ops = &ops,
	};
	w.peers = pz_peers_new(&config);
	assert_non_null(w.peers);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_peers_end(w.peers);
	pz_peers_free(w.peers);
	json_decref(w.directory);
	return 0;
}

static void
hub_says(const char *device, bool is_connected)
{
	json_t *entry = json_pack("{s:b, s:s}", "connected", is_connected, "session", "of-it");

	assert_int_equal(json_object_set_new(w.directory, device, entry), 0);
	pz_peers_on_directory(w.peers, device);
}

/* ---- tests ---- */

static void
a_device_that_was_never_met_is_not_connected(void **state)
{
	struct pz_peer_view view;

	(void)state;
	assert_false(pz_peers_view(w.peers, "tv", &view));
	assert_int_equal(view.state, PZ_PEER_NOT_CONNECTED);
	assert_string_equal(view.reason, "");
	assert_null(view.remote);
	assert_false(pz_peers_disconnect(w.peers, "tv", "by hand"));
	assert_int_equal(w.changes, 0);
}

static void
only_other_devices_of_the_zone_are_peers(void **state)
{
	struct pz_peer_view view;

	(void)state;
	assert_true(pz_peers_add(w.peers, "tv"));
	assert_true(pz_peers_view(w.peers, "tv", &view));
	assert_string_equal(view.address, ZONE "/tv");
	assert_false(pz_peers_add(w.peers, "laptop"));
	assert_false(pz_peers_add(w.peers, "no/name"));
	w.zone.membership = NULL;
	assert_false(pz_peers_add(w.peers, "phone"));
	w.zone.membership = &w.membership;
}

static void
the_table_is_bounded(void **state)
{
	char device[32];

	(void)state;
	for (unsigned i = 0; i < PZ_DEVICES_PER_ZONE_MAX; i++) {
		snprintf(device, sizeof(device), "d%u", i);
		assert_true(pz_peers_add(w.peers, device));
	}
	assert_false(pz_peers_add(w.peers, "one-more"));
	assert_false(pz_peers_connect(w.peers, "one-more"));
	assert_true(pz_peers_add(w.peers, "d0"));
}

static void
the_directory_leads_to_the_hub_only_while_it_is_up(void **state)
{
	struct pz_slice tv = pz_slice_str(ZONE "/tv");

	(void)state;
	hub_says("tv", true);
	hub_says("phone", false);
	assert_int_equal(w.updates, 2);
	assert_string_equal(pz_peers_route(w.peers, "tv"), "none");
	assert_null(pz_peers_next_hop(w.peers, tv));
	w.is_hub_up = true;
	assert_string_equal(pz_peers_route(w.peers, "tv"), "hub");
	assert_string_equal(pz_peers_route(w.peers, "phone"), "none");
	assert_ptr_equal(pz_peers_next_hop(w.peers, tv), &w.hub);
	assert_string_equal(pz_peers_session_of(w.peers, "tv"), "of-it");
	assert_string_equal(pz_peers_session_of(w.peers, "radio"), "");
}

static void
names_are_those_of_the_directory_and_of_the_table(void **state)
{
	(void)state;
	hub_says("tv", false);
	hub_says("laptop", true); /* this device */
	assert_true(pz_peers_add(w.peers, "phone"));
	json_t *names = pz_peers_names(w.peers);
	assert_int_equal(json_object_size(names), 2);
	assert_non_null(json_object_get(names, "tv"));
	assert_non_null(json_object_get(names, "phone"));
	json_decref(names);
}

/* Nowhere to look: no address is known, and there is no local network. */
static void
a_search_without_addresses_ends_at_once(void **state)
{
	struct pz_peer_view view;

	(void)state;
	assert_true(pz_peers_connect(w.peers, "tv"));
	assert_true(pz_peers_view(w.peers, "tv", &view));
	assert_false(view.is_dialled);
	assert_false(pz_peers_is_expecting(w.peers));
	assert_int_equal(view.state, PZ_PEER_NOT_CONNECTED);
}

/* ---- several relays ---- */

#define RELAYS (PZ_RELAYS_TRIED_MAX + 2)

/* Peers with a direct link, all of which say that they pass on to the hub and to the tv. */
static struct {
	struct peer_link live[RELAYS];
	struct pz_link link[RELAYS];
	struct peer *peer[RELAYS];
} many;

static void
add_relays(void)
{
	for (size_t i = 0; i < RELAYS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "relay%zu", i);
		struct peer *peer = many.peer[i] = pz_peers_get(w.peers, name);
		assert_non_null(peer);
		many.live[i] = (struct peer_link){.link = &many.link[i], .peer = peer};
		peer->live = &many.live[i];
		peer->is_relay = peer->has_hub = true;
		peer->info = json_pack("{s:[s]}", "reach", "tv");
	}
}

static void
remove_relays(void)
{
	for (size_t i = 0; i < RELAYS; i++)
		many.peer[i]->live = NULL;
}

static void
relays_to_the_hub_take_turns(void **state)
{
	bool is_seen[RELAYS] = {false};
	const char *name = "";

	(void)state;
	assert_null(pz_peers_link_to_hub(w.peers, &name));
	add_relays();
	many.peer[0]->is_relay = false;
	for (size_t turn = 0; turn < RELAYS - 1; turn++) {
		size_t i = (size_t)(pz_peers_link_to_hub(w.peers, &name) - many.link);
		assert_string_equal(name, many.peer[i]->device);
		assert_false(is_seen[i]);
		is_seen[i] = true;
	}
	assert_false(is_seen[0]);
	assert_non_null(pz_peers_link_to_hub(w.peers, &name)); /* and again */
	remove_relays();
}

struct targets {
	char names[RELAYS][PZ_DEVICE_BYTES_MAX + 1];
	size_t count;
};

static void
on_target(void *arg, const struct peer_target *target)
{
	struct targets *all = arg;

	assert_int_equal(target->kind, TARGET_RELAY);
	assert_true(all->count < RELAYS);
	snprintf(all->names[all->count++], PZ_DEVICE_BYTES_MAX + 1, "%.*s", PZ_DEVICE_BYTES_MAX,
		 target->address);
}

/* Those that were tried without success are not the first of the next attempt. */
static void
relays_to_a_device_take_turns(void **state)
{
	struct targets first = {.count = 0}, second = {.count = 0};

	(void)state;
	add_relays();
	struct peer *tv = pz_peers_get(w.peers, "tv");
	assert_non_null(tv);
	pz_peers_each_relay(w.peers, "tv", on_target, &first);
	assert_int_equal(first.count, PZ_RELAYS_TRIED_MAX);
	snprintf(tv->relay_tried, sizeof(tv->relay_tried), "%s", first.names[first.count - 1]);
	pz_peers_each_relay(w.peers, "tv", on_target, &second);
	assert_int_equal(second.count, PZ_RELAYS_TRIED_MAX);
	for (size_t i = 0; i < RELAYS - PZ_RELAYS_TRIED_MAX; i++)
		for (size_t k = 0; k < first.count; k++)
			assert_string_not_equal(second.names[i], first.names[k]);
	remove_relays();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_device_that_was_never_met_is_not_connected,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_other_devices_of_the_zone_are_peers, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_table_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_directory_leads_to_the_hub_only_while_it_is_up,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_are_those_of_the_directory_and_of_the_table,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(relays_to_the_hub_take_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(relays_to_a_device_take_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_search_without_addresses_ends_at_once, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
