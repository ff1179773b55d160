/* The pairing window at a node, on virtual time, and what it remembers. The exchange itself is in
 * src/pair, two windows against each other in tests/system/test_pair.py. */
#include "pzp/node_fixture.h"

#include "kit/zone.h"
#include "pairing/internal.h"

static struct answer pairing;
static struct pz_kit_zone bob;

static json_t *
at_address(void)
{
	return json_pack("{s:s, s:i}", "host", "192.0.2.7", "port", 8040);
}

static void
assert_ended(enum pz_err err)
{
	assert_int_equal(pairing.ends, 1);
	assert_ok(pairing.err);
	assert_false(json_is_true(json_object_get(pairing.result, "trusted")));
	assert_string_equal(json_string_value(json_object_get(pairing.result, "error")),
			    pz_err_name(err));
	assert_null(w.node->pairing->open);
}

static void
a_window_ends_after_two_minutes(void **state)
{
	(void)state;
	w.net.can_listen = true;
	w.net.port = 8040;
	start_node();
	assert_false(w.net.is_listening);
	begin(&pairing, "pair", json_object());
	assert_true(w.net.is_listening); /* a virgin device, too */
	run(PZ_PAIR_WINDOW_US - PZ_US_PER_S);
	assert_int_equal(pairing.ends, 0);
	run(PZ_US_PER_S);
	assert_ended(PZ_ERR_IO_TIMEOUT);
	assert_false(w.net.is_listening);
	assert_true(json_is_null(json_object_get(status(), "pairing")));
	forget(&pairing);
}

static void
an_address_is_dialled_until_the_other_window_is_open(void **state)
{
	size_t dials;

	(void)state;
	start_node();
	begin(&pairing, "pair", at_address());
	run(PZ_US_PER_S);
	assert_int_equal(w.net.dial_count, 1);
	dial_fails(PZ_ERR_IO_REFUSED, "connection refused");
	run(PZ_PAIR_AGAIN_US + PZ_US_PER_S);
	dials = w.net.dial_count;
	assert_true(dials == 2);
	assert_non_null(strstr(w.node->pairing->open->detail, "192.0.2.7"));
	dial_fails(PZ_ERR_IO_REFUSED, "connection refused");
	run(PZ_PAIR_WINDOW_US);
	assert_ended(PZ_ERR_IO_TIMEOUT);
	assert_non_null(strstr(json_string_value(json_object_get(pairing.result, "reason")),
			       "connection refused"));
	forget(&pairing);
}

static void
a_window_closes_with_its_command(void **state)
{
	(void)state;
	start_node();
	begin(&pairing, "pair", at_address());
	run(PZ_US_PER_S);
	pz_request_cancel(PZ_TAKE(pairing.running));
	run(PZ_US_PER_S);
	assert_null(w.node->pairing->open);
	assert_int_equal(pairing.ends, 0);
	forget(&pairing);
	begin(&pairing, "pair", json_object()); /* another one */
	assert_non_null(w.node->pairing->open);
	stop_node();
	start_node();
	forget(&pairing);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	(void)state;
	start_node();
	refused("pair-answer", json_pack("{s:s}", "digits", "123456"), PZ_ERR_NOTFOUND);
	refused("pair", json_pack("{s:s}", "host", "not a host"), PZ_ERR_CONFIG);
	begin(&pairing, "pair", json_object());
	refused("pair", json_object(), PZ_ERR_EXISTS);
	refused("pair-answer", json_pack("{s:s}", "digits", "12345"), PZ_ERR_CONFIG);
	refused("pair-answer", json_pack("{s:s}", "digits", "12345x"), PZ_ERR_CONFIG);
	assert_int_equal(pairing.ends, 0);
	run(PZ_PAIR_WINDOW_US);
	assert_ended(PZ_ERR_IO_TIMEOUT);
	forget(&pairing);
}

/* An answer without digits is a no, also before there is a partner. */
static void
no_closes_the_window(void **state)
{
	struct answer answer;

	(void)state;
	start_node();
	begin(&pairing, "pair", json_object());
	begin(&answer, "pair-answer", json_object());
	run(PZ_US_PER_S);
	assert_ended(PZ_ERR_IO_CLOSED);
	assert_int_equal(answer.ends, 1);
	forget(&answer);
	forget(&pairing);
}

/* ---- two devices that dial each other ---- */

/* It waits for our own connection with its device. */
static struct pair_conn *
held_conn(struct pair_window *window, const struct pz_pair_card *partner)
{
	struct pz_pair_config config = {.card = partner, .env = w.node->pairing->config.env};
	struct pair_conn *conn = calloc(1, sizeof(*conn));

	assert_non_null(conn);
	assert_ok(pz_pair_new(&config, NULL, NULL, &conn->pair));
	conn->window = window;
	conn->partner = partner;
	conn->is_held = true;
	pz_list_append(&window->conns, &conn->node);
	pz_env_start(config.env, &window->hold, PZ_PAIR_HOLD_US);
	return conn;
}

static void
lose(struct pair_conn *conn)
{
	struct pair_window *window = conn->window;

	conn->is_over = true;
	pz_pairing_conn_events.lost(conn, PZ_ERR_IO_CLOSED, "closed");
	pz_list_remove(&conn->node);
	pz_pair_free(conn->pair);
	free(conn);
	pz_pairing_conn_events.gone(window);
}

/* An address where nothing answers is still dialled; with the choice that dial ends. */
static void
one_that_is_held_long_enough_is_chosen(void **state)
{
	const struct pz_pair_card partner = {.identity = "bob@example.net/phone"};
	struct pz_peers_window seen = {.address = "192.0.2.7", .port = 8040, .is_ours_first = true};

	(void)state;
	start_node();
	begin(&pairing, "pair", json_object());
	struct pair_window *window = w.node->pairing->open;
	struct pair_conn *held = held_conn(window, &partner);
	pz_pairing_on_window(w.node->pairing, &seen);
	assert_int_equal(w.net.dial_count, 1);
	run(PZ_PAIR_HOLD_US - 1);
	assert_null(window->chosen);
	run(1);
	assert_ptr_equal(window->chosen, held);
	assert_ptr_equal(window->conns.next, &held->node);
	assert_ptr_equal(window->conns.prev, &held->node);
	lose(held);
	run(PZ_US_PER_S);
	assert_ended(PZ_ERR_IO_CLOSED);
	forget(&pairing);
}

/* ---- what is remembered ---- */

static const uint8_t secret[PZ_PAIR_NUMBER_BYTES] = {7};
static struct pz_pair_card card;
static struct pair_record *record;
static enum pz_err stored;
static unsigned stores; /* that have ended */

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	(void)arg;
	assert_true(err == PZ_OK || detail[0] != '\0');
	stored = err;
	stores++;
}

/* Both persons said yes. */
static struct pz_pair_result
agree(const char *device, bool wanted)
{
	const struct pz_pair_card_parts parts = {
		.zone = bob.name,
		.device = device,
		.display_name = "Bob's",
		.pzh_ca = bob.ca,
		.pzp_ca = bob.laptop.ca,
	};

	pz_pair_card_fini(&card);
	assert_ok(pz_pair_card_make(&parts, &card));
	return (struct pz_pair_result){.partner = &card, .wanted = wanted, .secret = secret};
}

/* It is on its way to the disk. */
static struct pz_pair_result
begin_record(const char *device)
{
	struct pz_pair_result result = agree(device, true);

	stores = 0;
	assert_ok(pz_pairing_record(w.node->pairing, &result, on_stored, NULL, &record, NULL));
	assert_int_equal(stores, 0);
	return result;
}

static bool
trusts(const char *device, bool remembered)
{
	struct pz_pair_result result = remembered ? begin_record(device) : agree(device, false);

	if (remembered) {
		run(COMMIT_US);
		assert_int_equal(stores, 1);
		result.remembered = stored == PZ_OK;
	}
	return pz_pairing_trust(w.node->pairing, &result, PZ_TAKE(record)) &&
	       result.remembered == remembered;
}

static size_t
on_disk(void)
{
	return pz_kit_world_count(&w.world, "paired");
}

static const struct pz_friend *
found(void)
{
	return pz_friends_find(w.node->zone.friends, pz_slice_str(bob.name));
}

static int
set_up_member(void **state)
{
	set_up(state);
	pz_kit_zone_init(&bob, "bob@example.net", &w.world.clock.env);
	enrol_on_disk();
	start_node();
	return 0;
}

static int
tear_down_member(void **state)
{
	pz_pair_card_fini(&card);
	pz_kit_zone_fini(&bob);
	return tear_down(state);
}

static void
a_friend_survives_a_restart_and_a_session_does_not(void **state)
{
	(void)state;
	assert_true(trusts("phone", false));
	assert_true(pz_friend_covers(found(), "phone"));
	assert_false(pz_friend_covers(found(), "laptop"));
	restart_node();
	assert_null(found());
	assert_true(trusts("phone", true));
	restart_node();
	assert_true(pz_friend_covers(found(), "laptop"));
	assert_int_equal(found()->secret[0], 7);
	assert_true(trusts("tv", false)); /* friends already: no less */
	assert_true(pz_friend_covers(found(), "laptop"));
}

static void
a_session_becomes_a_friend(void **state)
{
	(void)state;
	assert_true(trusts("phone", false));
	assert_true(trusts("phone", true));
	assert_true(pz_friend_covers(found(), "laptop"));
	assert_true(pz_pairing_forget(w.node->pairing, bob.name));
	assert_false(pz_pairing_forget(w.node->pairing, bob.name));
	run(COMMIT_US);
	assert_null(found());
	restart_node();
	assert_null(found());
}

/* The hub's list has the zone, and then does not have it any more: it does not come back. */
static void
a_friend_of_the_hub_is_the_hubs_matter(void **state)
{
	(void)state;
	assert_true(trusts("phone", true));
	struct pz_friend *f = pz_friend_copy(found());
	snprintf(f->sig, sizeof(f->sig), "signed by the hub");
	assert_ok(pz_friends_put(w.node->zone.friends, f, NULL));
	pz_pairing_follow_hub(w.node->pairing);
	run(COMMIT_US);
	restart_node();
	assert_null(found());
}

/* A disk that is full, or a crash, may keep the records of a former zone. */
static void
what_a_former_zone_has_paired_does_not_count(void **state)
{
	(void)state;
	assert_true(trusts("phone", true));
	snprintf(w.node->pairing->own_zone, sizeof(w.node->pairing->own_zone),
		 "former@example.org");
	assert_true(pz_pairing_forget(w.node->pairing, bob.name)); /* of another zone: stays */
	run(COMMIT_US);
	snprintf(w.node->pairing->own_zone, sizeof(w.node->pairing->own_zone), "%s", ZONE);
	restart_node();
	assert_non_null(found());
	assert_int_equal(pz_kit_world_count(&w.world, "paired"), 1);
	struct pz_txn *txn = pz_kit_txn();
	assert_ok(pz_pairing_wipe(w.node->pairing, txn));
	pz_store_commit(w.world.store, txn, NULL, NULL);
	pz_pairing_wiped(w.node->pairing);
	run(COMMIT_US);
	assert_null(found());
	assert_int_equal(pz_kit_world_count(&w.world, "paired"), 0);
}

/* ---- before it is on the disk ---- */

static void
nothing_counts_before_it_is_on_the_disk(void **state)
{
	(void)state;
	struct pz_pair_result result = begin_record("phone");
	run(COMMIT_US - 1);
	assert_int_equal(stores, 0);
	assert_null(found());
	run(1);
	assert_int_equal(stores, 1);
	assert_ok(stored);
	assert_null(found()); /* the other side has not stored it yet */
	result.remembered = true;
	assert_true(pz_pairing_trust(w.node->pairing, &result, PZ_TAKE(record)));
	assert_true(pz_friend_covers(found(), "laptop"));
	pz_memory_disk_fail_after(w.world.disk, 0); /* a crash at once */
	stop_node();
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	pz_kit_world_restart(&w.world);
	start_node();
	assert_true(pz_friend_covers(found(), "laptop"));
}

static void
a_disk_that_refuses_makes_a_session(void **state)
{
	(void)state;
	pz_memory_disk_fail_next(w.world.disk, 1);
	assert_false(trusts("phone", true));
	assert_int_equal(stored, PZ_ERR_IO_FULL);
	assert_true(pz_friend_covers(found(), "phone"));
	assert_false(pz_friend_covers(found(), "laptop"));
	restart_node();
	assert_null(found());
	assert_true(trusts("phone", true)); /* pairing again mends it */
	assert_int_equal(on_disk(), 1);
}

static void
the_other_disk_refuses(void **state)
{
	(void)state;
	struct pz_pair_result result = begin_record("phone");
	run(COMMIT_US);
	assert_int_equal(on_disk(), 1);
	assert_true(pz_pairing_trust(w.node->pairing, &result, PZ_TAKE(record)));
	assert_false(pz_friend_covers(found(), "laptop"));
	run(COMMIT_US);
	assert_int_equal(on_disk(), 0);
}

/* Before and after it is stored; and where the daemon stops meanwhile. */
static void
a_window_that_closes_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		(void)begin_record("phone");
		run(i * COMMIT_US);
		pz_pairing_unrecord(PZ_TAKE(record));
		run(2 * COMMIT_US);
		assert_int_equal(stores, i);
		assert_null(found());
		assert_int_equal(on_disk(), 0);
	}
	(void)begin_record("phone");
	pz_pairing_unrecord(PZ_TAKE(record));
	restart_node();
	assert_int_equal(stores, 0);
	assert_null(found());
	assert_int_equal(on_disk(), 0);
}

/* The next window does not wait for what the last one has left on its way. */
static void
a_window_after_one_that_closed(void **state)
{
	(void)state;
	(void)begin_record("phone");
	pz_pairing_unrecord(PZ_TAKE(record));
	assert_true(trusts("phone", true));
	run(COMMIT_US);
	restart_node();
	assert_true(pz_friend_covers(found(), "laptop"));
}

static void
a_friend_that_is_removed_meanwhile_does_not_come_back(void **state)
{
	(void)state;
	assert_true(trusts("phone", false));
	struct pz_pair_result result = begin_record("phone");
	assert_true(pz_pairing_forget(w.node->pairing, bob.name));
	run(COMMIT_US);
	result.remembered = true;
	assert_false(pz_pairing_trust(w.node->pairing, &result, PZ_TAKE(record)));
	assert_false(pz_friend_covers(found(), "laptop"));
	restart_node();
	assert_null(found());
}

/* All is written again while a pairing is on its way: that writes it, too, and its own commit fails
 * all the same. */
static void
what_was_refused_is_not_stored_by_the_way(void **state)
{
	(void)state;
	assert_true(trusts("phone", false));
	pz_memory_disk_fail_next(w.world.disk, 1);
	assert_true(pz_pairing_forget(w.node->pairing, bob.name));
	run(COMMIT_US);
	assert_true(w.node->pairing->keep.is_behind);
	pz_memory_disk_fail_next(w.world.disk, 1);
	struct pz_pair_result result = begin_record("phone");
	pz_keep_save_now(&w.node->pairing->keep);
	run(COMMIT_US);
	assert_int_equal(stored, PZ_ERR_IO_FULL);
	assert_true(pz_pairing_trust(w.node->pairing, &result, PZ_TAKE(record)));
	run(2 * COMMIT_US);
	assert_int_equal(on_disk(), 0);
}

static void
without_room_nothing_is_stored(void **state)
{
	struct pz_errinfo info = {""};

	(void)state;
	for (unsigned i = 0; i < PZ_FRIENDS_MAX; i++) {
		struct pz_friend *f = NULL;
		assert_ok(pz_friend_new(bob.name, bob.ca, &f, NULL));
		snprintf(f->zone, sizeof(f->zone), "friend%u@example.org", i);
		assert_ok(pz_friends_put(w.node->zone.friends, f, NULL));
	}
	struct pz_pair_result result = agree("phone", true);
	assert_int_equal(
		pz_pairing_record(w.node->pairing, &result, on_stored, NULL, &record, &info),
		PZ_ERR_LIMIT);
	assert_non_null(strstr(info.text, "friend remove"));
	assert_null(record);
	assert_false(pz_pairing_trust(w.node->pairing, &result, NULL));
}

int
main(void)
{
#define VIRGIN(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define MEMBER(f) cmocka_unit_test_setup_teardown(f, set_up_member, tear_down_member)
	const struct CMUnitTest tests[] = {
		VIRGIN(a_window_ends_after_two_minutes),
		VIRGIN(an_address_is_dialled_until_the_other_window_is_open),
		VIRGIN(a_window_closes_with_its_command),
		VIRGIN(what_makes_no_sense_is_refused),
		VIRGIN(no_closes_the_window),
		VIRGIN(one_that_is_held_long_enough_is_chosen),
		MEMBER(a_friend_survives_a_restart_and_a_session_does_not),
		MEMBER(a_session_becomes_a_friend),
		MEMBER(a_friend_of_the_hub_is_the_hubs_matter),
		MEMBER(what_a_former_zone_has_paired_does_not_count),
		MEMBER(nothing_counts_before_it_is_on_the_disk),
		MEMBER(a_disk_that_refuses_makes_a_session),
		MEMBER(the_other_disk_refuses),
		MEMBER(a_window_that_closes_leaves_nothing),
		MEMBER(a_window_after_one_that_closed),
		MEMBER(a_friend_that_is_removed_meanwhile_does_not_come_back),
		MEMBER(what_was_refused_is_not_stored_by_the_way),
		MEMBER(without_room_nothing_is_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
