/*
 * A hub with a friend, on virtual time and without a network: what the other hub may send, and how
 * it is searched while it is offline. Two real hubs are in tests/system/test_friends.py.
 * @spec page 6 "Friends: hub to hub"; page 14 ZON-1, REV-5, REV-10, CERT-5
 */
#include "pzh/fixture_devices.h"

#include "hub/friend.h"
#include "kit/zone.h"

#define BOB "bob@example.net"
#define CAROL "carol@example.com"

static struct pz_kit_zone bob_zone, mallory_zone;
static struct device bob; /* the link with his hub */

static struct pz_hosted *
own(void)
{
	return zone_of(ZONE);
}

static const struct pz_friend *
known(void)
{
	return pz_friends_find(own()->authority->friends.table, pz_slice_str(BOB));
}

static void
note(void *arg, enum pz_err err, const char *detail)
{
	(void)detail;
	*(enum pz_err *)arg = err;
}

/* As the exchange of an invitation leaves him. */
static void
add(void)
{
	struct pz_friend *f = NULL;
	enum pz_err err = PZ_ERR_INTERNAL;

	assert_ok(pz_friend_new(BOB, bob_zone.ca, &f, NULL));
	snprintf(f->display_name, sizeof(f->display_name), "Bob");
	snprintf(f->host, sizeof(f->host), "hub.example.net");
	f->port = 8041;
	pz_hub_friend_add(own(), f, NULL, note, &err);
	run(PZ_US_PER_S / 10);
	assert_ok(err);
}

static void
confirm_both(void)
{
	enum pz_err err = PZ_ERR_INTERNAL;

	pz_hub_friend_confirm(own(), BOB, "laptop", note, &err);
	pz_hub_friend_confirmed_there(own(), BOB);
	run(PZ_US_PER_S / 10);
	assert_ok(err);
	assert_true(pz_friend_is_confirmed(known()));
}

/* His hub has dialled, and TLS has verified it. */
static void
link_friend(void)
{
	struct pz_buf frame;
	struct pz_hub_friend *f = pz_hub_friend_find(own(), BOB);

	assert_non_null(f);
	snprintf(bob.address, sizeof(bob.address), "%s", BOB);
	make_link(&bob, PZ_SESSION_FRIEND);
	bob.conn->friend_link = calloc(1, sizeof(*bob.conn->friend_link));
	assert_non_null(bob.conn->friend_link);
	bob.conn->friend_link->of = f;
	pz_cert_serial_hex(bob_zone.hub.tls, bob.conn->friend_link->serial);
	pz_buf_init(&frame, PZ_FRAME_BYTES_ENROL, NULL);
	assert_ok(pz_message_register(&frame, BOB, ZONE, PZ_FRAME_BYTES_DEFAULT, NULL));
	say(&bob, &frame);
	assert_ptr_equal(f->conn, bob.conn);
}

static int
set_up_friend(void **state)
{
	set_up_devices(state);
	pz_kit_zone_init(&bob_zone, BOB, &w.world.clock.env);
	pz_kit_zone_init(&mallory_zone, BOB, &w.world.clock.env); /* calls itself bob */
	bob = (struct device){.link = NULL};
	add();
	return 0;
}

static int
tear_down_friend(void **state)
{
	int status = tear_down_devices(state);

	pz_kit_zone_fini(&bob_zone);
	pz_kit_zone_fini(&mallory_zone);
	return status;
}

static bool
has_chunk(enum pz_sync_id id, const char *key)
{
	const struct pz_sync_chunk *c =
		pz_sync_item_get(pz_authority_item(own()->authority, pz_sync_kind(id)), key);

	return c && !c->deleted;
}

/* ---- confirming ---- */

static void
nothing_crosses_before_both_have_confirmed(void **state)
{
	(void)state;
	struct pz_buf frame;
	json_t *payload = json_pack("{s:s, s:s, s:i}", "jsonrpc", "2.0", "method", "x", "id", 1);

	link_friend();
	assert_false(bob.link->session.attached);
	assert_false(has_chunk(PZ_SYNC_TRUSTED_PZH, BOB));
	forget_told(&tv);
	pz_buf_init(&frame, PZ_FRAME_BYTES_DEFAULT, NULL);
	assert_ok(pz_message_rpc(&frame, BOB "/laptop", TV, payload));
	json_decref(payload);
	say(&bob, &frame);
	assert_int_equal(count_told(&tv, "JSONRPC", TV), 0);
	confirm_both();
	assert_true(bob.link->session.attached);
	assert_true(has_chunk(PZ_SYNC_TRUSTED_PZH, BOB));
	assert_string_equal(known()->by, "laptop");
}

static void
a_confirmation_of_the_other_hub_alone_is_not_enough(void **state)
{
	(void)state;
	link_friend();
	say_prop(&bob, BOB, "friendConfirm", NULL);
	run(PZ_US_PER_S);
	assert_true(known()->is_confirmed_there);
	assert_false(pz_friend_is_confirmed(known()));
	assert_false(bob.link->session.attached);
}

static void
it_is_the_same_after_a_restart(void **state)
{
	(void)state;
	confirm_both();
	uint64_t since_ms = known()->since_ms;
	restart_without_links();
	assert_int_equal(known()->since_ms, since_ms);
	assert_true(pz_cert_key_matches(known()->ca, bob_zone.ca_key));
	assert_true(has_chunk(PZ_SYNC_TRUSTED_PZH, BOB));
}

/* ---- of several links one counts ---- */

/* @param is_ours this hub has dialled */
static void
second_link(struct device *d, bool is_ours)
{
	struct pz_hub_friend *f = pz_hub_friend_find(own(), BOB);
	struct pz_buf frame;

	*d = (struct device){.link = NULL};
	snprintf(d->address, sizeof(d->address), "%s", BOB);
	make_link(d, PZ_SESSION_FRIEND);
	d->conn->friend_link = calloc(1, sizeof(*d->conn->friend_link));
	assert_non_null(d->conn->friend_link);
	d->conn->friend_link->of = f;
	d->conn->friend_link->is_ours = is_ours;
	pz_cert_serial_hex(bob_zone.hub.tls, d->conn->friend_link->serial);
	pz_buf_init(&frame, PZ_FRAME_BYTES_ENROL, NULL);
	assert_ok(pz_message_register(&frame, BOB, ZONE, PZ_FRAME_BYTES_DEFAULT, NULL));
	say(d, &frame);
}

static const struct pz_hosted_conn *
counts(void)
{
	return pz_hub_friend_find(own(), BOB)->conn;
}

static size_t
registers_said_to(const struct device *d)
{
	return count_told(d, "JSONRPC", BOB);
}

/* Until a link that was probed, and is silent, has ended. */
static void
wait_in_vain(void)
{
	run(PZ_PEER_CONTEST_US + 2 * PZ_LIVENESS_TICK_US);
	pz_turn_end(&w.turn);
}

/* The own zone is the smaller one: its link wins, whichever comes first. */
static void
of_two_that_cross_the_one_of_the_smaller_zone_stays(void **state)
{
	struct device ours;

	(void)state;
	link_friend();
	second_link(&ours, true);
	assert_ptr_equal(counts(), ours.conn);
	assert_true(bob.link->closing);
}

/* The older one would win: it has to answer, and the newer one waits without a register. */
static void
a_newer_link_waits_for_a_sign_of_life_of_the_older(void **state)
{
	struct device ours, theirs;

	(void)state;
	second_link(&ours, true);
	second_link(&theirs, false);
	assert_ptr_equal(counts(), ours.conn);
	assert_false(theirs.link->closing);
	assert_int_equal(registers_said_to(&theirs), 0);
	assert_int_equal(count_told(&ours, "probe", BOB), 1);
	pz_liveness_on_bytes(ours.link);
	assert_ptr_equal(counts(), ours.conn);
	assert_true(theirs.link->closing);
	assert_int_equal(registers_said_to(&theirs), 0);
}

static void
a_newer_link_is_taken_when_the_older_is_silent(void **state)
{
	struct device ours, theirs;

	(void)state;
	second_link(&ours, true);
	second_link(&theirs, false);
	wait_in_vain();
	assert_ptr_equal(counts(), theirs.conn);
	assert_int_equal(registers_said_to(&theirs), 1);
}

/* A hub that dials and dials has one that waits, not many. */
static void
only_one_link_waits(void **state)
{
	struct device ours, first, second;

	(void)state;
	second_link(&ours, true);
	second_link(&first, false);
	second_link(&second, false);
	assert_true(first.link->closing);
	assert_false(second.link->closing);
	pz_turn_end(&w.turn);
	wait_in_vain();
	assert_ptr_equal(counts(), second.conn);
}

/* The friendship ends while one waits: neither is left. */
static void
the_end_takes_the_one_that_waits_with_it(void **state)
{
	struct device ours, theirs;

	(void)state;
	confirm_both();
	second_link(&ours, true);
	second_link(&theirs, false);
	say_prop(&ours, BOB, "friendRemove", NULL);
	run(PZ_PEER_CONTEST_US + PZ_US_PER_S);
	assert_null(pz_hub_friend_find(own(), BOB));
	assert_int_equal(pz_list_is_empty(&w.hub->hosting.links), 1);
}

/* The machine has moved: the link is probed; without one the hub is dialled at once. */
static void
another_network_is_noticed(void **state)
{
	(void)state;
	link_friend();
	pz_hub_network_changed(w.hub);
	assert_int_equal(count_told(&bob, "probe", BOB), 1);
	wait_in_vain();
	assert_null(counts());
	run(70 * PZ_US_PER_S);
	struct pz_dial *dial = pz_kit_network_dial(&w.net, "hub.example.net");
	assert_non_null(dial);
	pz_kit_dial_failed(dial, PZ_ERR_IO_REFUSED, "connection refused");
	assert_null(pz_kit_network_dial(&w.net, "hub.example.net"));
	pz_hub_network_changed(w.hub);
	assert_non_null(pz_kit_network_dial(&w.net, "hub.example.net"));
}

/* ---- what its hub says counts for its zone only ---- */

static void
it_speaks_for_no_third_zone(void **state)
{
	(void)state;
	link_friend();
	confirm_both();
	/* Neither as the own zone, nor as a third one, nor as one of its devices. */
	say_prop(&bob, CAROL, "friendRemove", NULL);
	say_prop(&bob, ZONE, "friendRemove", NULL);
	say_prop(&bob, BOB "/laptop", "friendRemove", NULL);
	run(PZ_US_PER_S);
	assert_non_null(known());
}

static void
say_list(const struct pz_kit_zone *by, const struct pz_cert *revoked, uint64_t number)
{
	struct pz_crl *crl = pz_kit_crl(by, revoked, number);

	say_prop(&bob, BOB, "friendCrl", json_pack("{s:o}", "crl", pz_record_crl(crl)));
	pz_crl_free(crl);
	run(PZ_US_PER_S);
}

static void
only_newer_lists_of_the_pinned_authority_count(void **state)
{
	(void)state;
	link_friend();
	confirm_both();
	say_list(&mallory_zone, NULL, 9); /* another key of the same name */
	assert_null(known()->crl);
	say_list(&bob_zone, bob_zone.laptop.ca, 3);
	assert_int_equal(pz_crl_number(known()->crl), 3);
	say_list(&bob_zone, NULL, 2);
	assert_int_equal(pz_crl_number(known()->crl), 3);
	assert_true(has_chunk(PZ_SYNC_CRL, BOB));
	/* It revokes nothing of this zone. */
	assert_non_null(member_of(&laptop)->session);
	link_down(&bob);
	restart_without_links();
	assert_int_equal(pz_crl_number(known()->crl), 3);
}

static void
a_list_that_revokes_the_hub_itself_ends_its_link(void **state)
{
	(void)state;
	link_friend();
	confirm_both();
	say_list(&bob_zone, bob_zone.hub.tls, 5);
	assert_null(pz_hub_friend_find(own(), BOB)->conn);
}

static void
say_notice(const struct pz_kit_zone *by, const char *host, uint64_t number)
{
	struct pz_hub_address at;
	struct pz_hub_notice notice;

	pz_hub_address_set(&at, host, 9999);
	assert_ok(pz_hub_notice_make(BOB, &at, number, by->ca_key, &notice, NULL));
	say_prop(&bob, BOB, "hubMoved", pz_hub_notice_json(&notice));
	run(PZ_US_PER_S);
}

static void
its_address_changes_by_a_notice_that_is_signed(void **state)
{
	(void)state;
	link_friend();
	say_notice(&mallory_zone, "evil.example.net", 9);
	assert_string_equal(known()->host, "hub.example.net");
	say_notice(&bob_zone, "new.example.net", 7);
	assert_string_equal(known()->host, "new.example.net");
	assert_int_equal(known()->port, 9999);
	say_notice(&bob_zone, "old.example.net", 6);
	assert_string_equal(known()->host, "new.example.net");
}

static size_t
changes_waiting(void)
{
	size_t n = 0;

	PZ_LIST_EACH (&own()->turns.waiting, hook, tmp)
		n++;
	return n;
}

/* Each one that waited would be a commit, and the owner's own changes would wait behind it. */
static void
what_its_hub_repeats_waits_once(void **state)
{
	static const char *const said[] = {"friendConfirm", "friendRemove"};

	(void)state;
	link_friend();
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		for (int k = 0; k < 20; k++)
			say_prop(&bob, BOB, said[i], NULL);
		assert_true(changes_waiting() <= i);
	}
	run(PZ_US_PER_S);
	assert_null(known());
}

/* ---- the end ---- */

static void
the_other_owner_ends_it(void **state)
{
	(void)state;
	link_friend();
	confirm_both();
	say_prop(&bob, BOB, "friendRemove", NULL);
	run(PZ_US_PER_S);
	assert_null(known());
	assert_null(pz_hub_friend_find(own(), BOB));
	assert_false(has_chunk(PZ_SYNC_TRUSTED_PZH, BOB));
	const struct pz_kit_answer *a = ask("status", json_object());
	assert_non_null(
		strstr(json_string_value(json_array_get(json_object_get(a->result, "warnings"), 0)),
		       "has ended the friendship"));
	restart_without_links();
	assert_null(known());
	assert_true(pz_friends_ended_ms(&own()->authority->friends, BOB) > 0);
}

static void
a_removal_is_sent_before_the_link_ends(void **state)
{
	(void)state;
	link_friend();
	confirm_both();
	forget_told(&bob);
	struct pz_kit_answer a;
	begin(&a, "friend-remove", json_pack("{s:s}", "friend", BOB));
	pz_kit_clock_run(&w.world.clock, COMMIT_US); /* the turn's end frees the link */
	assert_null(known());
	run(PZ_US_PER_S);
	assert_ok(a.err);
	json_decref(a.result);
}

/* ---- while it is away ---- */

/* It is looked for for as long as it takes, at most a minute and a bit apart, and not more often
 * than the back-off says. */
static void
a_hub_that_is_down_for_an_hour_is_found_again(void **state)
{
	(void)state;
	size_t attempts = 0;

	confirm_both();
	for (uint64_t s = 0; s < 3600; s++) {
		struct pz_dial *dial = pz_kit_network_dial(&w.net, "hub.example.net");
		if (dial) {
			attempts++;
			pz_kit_dial_failed(dial, PZ_ERR_IO_REFUSED, "connection refused");
			pz_kit_network_forget(&w.net);
		}
		run(PZ_US_PER_S);
	}
	assert_true(attempts >= 45 && attempts <= 90);
	const struct pz_kit_answer *a = ask("friend-list", json_object());
	const json_t *one = json_array_get(a->result, 0);
	assert_string_equal(json_string_value(json_object_get(one, "problem")),
			    "connection refused");
	assert_false(json_is_true(json_object_get(one, "connected")));
	link_friend();
	a = ask("friend-list", json_object());
	one = json_array_get(a->result, 0);
	assert_true(json_is_true(json_object_get(one, "connected")));
	assert_null(json_object_get(one, "problem"));
}

/* ---- from a device ---- */

static void
a_device_of_the_owner_asks_the_hub(void **state)
{
	(void)state;
	forget_told(&laptop);
	say_prop(&laptop, LAPTOP, "friendCommand",
		 json_pack("{s:i, s:s, s:s}", "id", 7, "command", "confirm", "friend", BOB));
	run(PZ_US_PER_S);
	assert_int_equal(count_told(&laptop, "friendResult", LAPTOP), 1);
	assert_true(known()->is_confirmed_here);
	assert_string_equal(known()->by, "laptop");
	say_prop(&laptop, LAPTOP, "friendCommand", json_pack("{s:s}", "command", "list"));
	assert_int_equal(count_told(&laptop, "error", LAPTOP), 1); /* no id */
}

static void
a_device_that_asks_without_end_is_refused(void **state)
{
	(void)state;
	forget_told(&laptop);
	for (int i = 0; i < PZ_FRIEND_COMMANDS_MAX + 3; i++)
		say_prop(
			&laptop, LAPTOP, "friendCommand",
			json_pack("{s:i, s:s, s:s}", "id", i, "command", "confirm", "friend", BOB));
	assert_int_equal(own()->friend_commands, PZ_FRIEND_COMMANDS_MAX);
	run(PZ_US_PER_S);
	assert_int_equal(count_told(&laptop, "friendResult", LAPTOP), PZ_FRIEND_COMMANDS_MAX + 3);
	assert_true(known()->is_confirmed_here);
	assert_int_equal(own()->friend_commands, 0);
}

static void
a_friend_that_a_device_has_paired_with_counts(void **state)
{
	(void)state;
	struct pz_kit_zone carol_zone;
	struct pz_friend *f = NULL;

	pz_kit_zone_init(&carol_zone, CAROL, &w.world.clock.env);
	assert_ok(pz_friend_new(CAROL, carol_zone.ca, &f, NULL));
	snprintf(f->display_name, sizeof(f->display_name), "Carol");
	char *text = pz_friend_text(f);
	say_prop(&tv, TV, "friendOffer", json_pack("{s:i, s:s}", "id", 1, "friend", text));
	run(PZ_US_PER_S);
	const struct pz_friend *kept =
		pz_friends_find(own()->authority->friends.table, pz_slice_str(CAROL));
	assert_non_null(kept);
	assert_true(pz_friend_is_confirmed(kept));
	assert_string_equal(kept->by, "tv");
	assert_true(has_chunk(PZ_SYNC_TRUSTED_PZH, CAROL));
	free(text);
	pz_friend_free(f);
	pz_kit_zone_fini(&carol_zone);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up_friend, tear_down_friend)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_crosses_before_both_have_confirmed),
		TEST(a_confirmation_of_the_other_hub_alone_is_not_enough),
		TEST(it_is_the_same_after_a_restart),
		TEST(of_two_that_cross_the_one_of_the_smaller_zone_stays),
		TEST(a_newer_link_waits_for_a_sign_of_life_of_the_older),
		TEST(a_newer_link_is_taken_when_the_older_is_silent),
		TEST(only_one_link_waits),
		TEST(the_end_takes_the_one_that_waits_with_it),
		TEST(another_network_is_noticed),
		TEST(it_speaks_for_no_third_zone),
		TEST(only_newer_lists_of_the_pinned_authority_count),
		TEST(a_list_that_revokes_the_hub_itself_ends_its_link),
		TEST(its_address_changes_by_a_notice_that_is_signed),
		TEST(what_its_hub_repeats_waits_once),
		TEST(the_other_owner_ends_it),
		TEST(a_removal_is_sent_before_the_link_ends),
		TEST(a_hub_that_is_down_for_an_hour_is_found_again),
		TEST(a_device_of_the_owner_asks_the_hub),
		TEST(a_device_that_asks_without_end_is_refused),
		TEST(a_friend_that_a_device_has_paired_with_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
