/* Two hubs and an invitation, and what a third hub between them or a lying one can achieve. */
#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "friends/exchange.h"
#include "kit/clock.h"
#include "kit/zone.h"

#define BOB "bob@example.net"

static struct pz_kit_clock clock_ = PZ_KIT_CLOCK(clock_);
static struct pz_kit_zone alice, bob, mallory;

/** One end of the exchange. */
struct end {
	struct pz_friend_self self;
	struct pz_friend_exchange *x;
	struct end *other;
	struct pz_friend *stored;
	char reason[64], detail[256]; /* of failed */
	char sent[8][32];             /* statuses */
	size_t count;
	bool is_done;
};

static struct end hub, guest;
static struct pz_invitation invitation;
static bool is_open;                           /* the invitation counts */
static const struct pz_kit_zone *at_handshake; /* whose certificate the guest has seen */
static bool is_disk_slow;                      /* the test reports that it is stored */
static const char *refuse_store;               /* reason, or NULL */
/* The man in the middle: changes a message under way. */
static const char *bend_status, *bend_member;
static json_t *bend_value;

static void
on_send(void *arg, const char *status, json_t *message)
{
	struct end *end = arg;
	json_t *copy = json_deep_copy(message);

	snprintf(end->sent[end->count++ % 8], 32, "%s", status);
	if (bend_status && strcmp(status, bend_status) == 0)
		json_object_set(copy, bend_member, bend_value);
	if (end->other->x)
		pz_friend_exchange_message(end->other->x, status, copy);
	json_decref(copy);
}

static const struct pz_invitation *
on_invitation(void *arg, const char *id)
{
	(void)arg;
	return is_open && strcmp(id, invitation.id) == 0 ? &invitation : NULL;
}

static enum pz_err
on_verify(void *arg, const struct pz_cert *ca, const char *zone, struct pz_errinfo *info)
{
	(void)arg;
	if (strcmp(zone, at_handshake->name) == 0 && pz_cert_key_matches(ca, at_handshake->ca_key))
		return PZ_OK;
	return pz_fail(info, PZ_ERR_DENIED_CHAIN, "another hub");
}

static void
on_store(void *arg, struct pz_friend *takes, const char *id)
{
	struct end *end = arg;

	assert_string_equal(id, invitation.id);
	assert_false(pz_friend_is_confirmed(takes));
	assert_false(takes->is_confirmed_here || takes->is_confirmed_there);
	if (refuse_store) {
		pz_friend_free(takes);
		pz_friend_exchange_refused(end->x, refuse_store, "refused by the test");
		return;
	}
	if (end == &hub)
		is_open = false; /* in the same transaction */
	end->stored = takes;
	if (is_disk_slow)
		return;
	pz_friend_exchange_stored(end->x);
}

static void
on_done(void *arg)
{
	((struct end *)arg)->is_done = true;
}

static void
on_failed(void *arg, const char *reason, const char *detail)
{
	struct end *end = arg;

	assert_false(end->is_done);
	assert_string_equal(end->reason, "");
	snprintf(end->reason, sizeof(end->reason), "%s", reason);
	snprintf(end->detail, sizeof(end->detail), "%s", detail);
}

static const struct pz_friend_exchange_ops ops = {
	.send = on_send,
	.invitation = on_invitation,
	.verify = on_verify,
	.store = on_store,
	.done = on_done,
	.failed = on_failed,
};

static struct pz_friend_self
self_of(const struct pz_kit_zone *zone, const char *name)
{
	return (struct pz_friend_self){
		.zone = zone->name,
		.display_name = name,
		.host = PZ_KIT_HOST,
		.port = 8040,
		.ca = zone->ca,
		.ca_key = zone->ca_key,
		.crl = &zone->crl,
	};
}

static void
end_fini(struct end *end)
{
	pz_friend_exchange_free(end->x);
	pz_friend_free(end->stored);
	*end = (struct end){.count = 0};
}

static int
prepare(void **state)
{
	(void)state;
	assert_ok(pz_invitation_make(PZ_KIT_ZONE, alice.ca, PZ_KIT_HOST, 8040, &clock_.env,
				     &invitation));
	is_open = true;
	at_handshake = &alice;
	refuse_store = NULL;
	is_disk_slow = false;
	bend_status = NULL;
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	end_fini(&hub);
	end_fini(&guest);
	json_decref(bend_value);
	bend_value = NULL;
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	pz_kit_clock_init(&clock_);
	pz_kit_zone_init(&alice, PZ_KIT_ZONE, &clock_.env);
	pz_kit_zone_init(&bob, BOB, &clock_.env);
	pz_kit_zone_init(&mallory, PZ_KIT_ZONE, &clock_.env); /* calls itself alice */
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_kit_zone_fini(&alice);
	pz_kit_zone_fini(&bob);
	pz_kit_zone_fini(&mallory);
	return 0;
}

/* Nothing has been said yet. @param link what the guest was given; @param e_hub, e_guest first byte
 * of each end's exporter */
static void
begin_with(const struct pz_kit_zone *inviter, const struct pz_kit_zone *accepter,
	   const struct pz_invitation *link, uint8_t e_hub, uint8_t e_guest)
{
	uint8_t exported[2][PZ_FRIEND_EXPORTER_BYTES] = {{e_hub}, {e_guest}};

	end_fini(&hub);
	end_fini(&guest);
	hub.self = self_of(inviter, "Alice");
	guest.self = self_of(accepter, "Bob");
	hub.other = &guest;
	guest.other = &hub;
	hub.x = pz_friend_exchange_invite(&hub.self, exported[0], &ops, &hub);
	guest.x = pz_friend_exchange_accept(&guest.self, link, exported[1], &ops, &guest);
}

static void
run_with(const struct pz_kit_zone *inviter, const struct pz_kit_zone *accepter,
	 const struct pz_invitation *link, uint8_t e_hub, uint8_t e_guest)
{
	begin_with(inviter, accepter, link, e_hub, e_guest);
	pz_friend_exchange_start(guest.x);
}

static void
run(void)
{
	run_with(&alice, &bob, &invitation, 1, 1);
}

static void
expect_failure(const char *hub_reason, const char *guest_reason)
{
	assert_false(hub.is_done || guest.is_done);
	assert_null(hub.stored);
	assert_null(guest.stored);
	assert_string_equal(hub.reason, hub_reason);
	assert_string_equal(guest.reason, guest_reason);
}

static void
both_know_each_other_and_a_secret(void **state)
{
	(void)state;
	snprintf(invitation.by, sizeof(invitation.by), "laptop");
	run();
	assert_true(hub.is_done && guest.is_done);
	assert_string_equal(hub.stored->zone, BOB);
	assert_string_equal(hub.stored->display_name, "Bob");
	assert_string_equal(guest.stored->zone, PZ_KIT_ZONE);
	assert_string_equal(guest.stored->display_name, "Alice");
	assert_string_equal(guest.stored->host, PZ_KIT_HOST);
	assert_int_equal(guest.stored->port, 8040);
	assert_true(pz_cert_key_matches(hub.stored->ca, bob.ca_key));
	assert_true(pz_cert_key_matches(guest.stored->ca, alice.ca_key));
	assert_int_equal(pz_crl_number(hub.stored->crl), 1);
	assert_int_equal(pz_crl_number(guest.stored->crl), 1);
	assert_memory_equal(hub.stored->secret, guest.stored->secret, PZ_FRIEND_SECRET_BYTES);
	assert_false(sodium_is_zero(hub.stored->secret, PZ_FRIEND_SECRET_BYTES));
}

/* The other end decides how long an exchange lasts; a device may be revoked meanwhile. */
static void
the_revocation_list_of_the_moment_is_sent(void **state)
{
	(void)state;
	begin_with(&alice, &bob, &invitation, 1, 1);
	pz_crl_free(alice.crl);
	alice.crl = pz_kit_crl(&alice, NULL, 2);
	pz_friend_exchange_start(guest.x);
	assert_true(hub.is_done && guest.is_done);
	assert_int_equal(pz_crl_number(guest.stored->crl), 2);
}

static void
an_invitation_counts_once(void **state)
{
	(void)state;
	run();
	assert_true(guest.is_done);
	run();
	expect_failure(PZ_FRIEND_UNKNOWN, PZ_FRIEND_UNKNOWN);
	assert_int_equal(guest.count, 1); /* nothing but the id was sent */
}

/* A message of the other end while it is stored, whatever it is, changes nothing of what is
 * reported: it is stored, and reported. */
static void
what_comes_while_it_is_stored_decides_nothing(void **state)
{
	static const char *const statuses[] = {"friendAccept", "friendError", "friendHello",
					       "nonsense"};
	json_t *message = json_pack("{s:s}", "reason", "full");

	(void)state;
	is_disk_slow = true;
	run();
	assert_non_null(hub.stored);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		pz_friend_exchange_message(hub.x, statuses[i], message);
	assert_string_equal(hub.reason, "");
	pz_friend_exchange_stored(hub.x); /* friendAdded: the guest stores as well */
	assert_true(hub.is_done);
	assert_non_null(guest.stored);
	pz_friend_exchange_message(guest.x, "friendError", message);
	pz_friend_exchange_stored(guest.x);
	assert_true(guest.is_done);
	assert_string_equal(guest.reason, "");
	json_decref(message);
}

static void
an_altered_invitation_does_not_count(void **state)
{
	(void)state;
	struct pz_invitation other = invitation;

	other.secret[3] ^= 1; /* with the id of the right one */
	run_with(&alice, &bob, &other, 1, 1);
	expect_failure(PZ_FRIEND_BAD_PROOF, PZ_FRIEND_BAD_PROOF);
	assert_true(is_open);
	other = invitation;
	other.ca[0] ^= 1;
	run_with(&alice, &bob, &other, 1, 1);
	expect_failure(PZ_FRIEND_BAD_PROOF, PZ_FRIEND_BAD_PROOF);
	assert_int_equal(guest.count, 2); /* friendHello, friendError: nothing of its zone */
	assert_string_equal(guest.sent[1], "friendError");
	other = invitation;
	snprintf(other.zone, sizeof(other.zone), "carol@example.org");
	run_with(&alice, &bob, &other, 1, 1);
	expect_failure(PZ_FRIEND_BAD_PROOF, PZ_FRIEND_BAD_PROOF);
	assert_true(is_open);
}

/* It passes on what both say, and terminates TLS: the exporters differ. */
static void
a_relay_between_two_connections_is_found(void **state)
{
	(void)state;
	run_with(&alice, &bob, &invitation, 1, 2);
	expect_failure(PZ_FRIEND_BAD_PROOF, PZ_FRIEND_BAD_PROOF);
	assert_string_equal(guest.sent[1], "friendError");
}

static void
another_hub_with_the_same_name_is_found(void **state)
{
	(void)state;
	at_handshake = &mallory;
	run_with(&mallory, &bob, &invitation, 1, 1);
	expect_failure(PZ_FRIEND_BAD_PROOF, PZ_FRIEND_BAD_PROOF);
	/* It sends the CA of the right one, but its handshake had another. */
	run();
	expect_failure(PZ_FRIEND_BAD_PROOF, PZ_FRIEND_BAD_PROOF);
}

static void
a_zone_does_not_accept_its_own_invitation(void **state)
{
	(void)state;
	run_with(&alice, &alice, &invitation, 1, 1);
	expect_failure(PZ_FRIEND_OWN_ZONE, PZ_FRIEND_OWN_ZONE);
	run_with(&alice, &mallory, &invitation, 1, 1); /* nor one that calls itself so */
	expect_failure(PZ_FRIEND_OWN_ZONE, PZ_FRIEND_OWN_ZONE);
	assert_true(is_open);
}

static void
an_invitation_for_one_zone_is_not_for_another(void **state)
{
	(void)state;
	snprintf(invitation.guest, sizeof(invitation.guest), "carol@example.org");
	run();
	expect_failure(PZ_FRIEND_WRONG_ZONE, PZ_FRIEND_WRONG_ZONE);
	assert_true(is_open);
	snprintf(invitation.guest, sizeof(invitation.guest), BOB);
	run();
	assert_true(guest.is_done);
}

/* Each value that the friendship is made of is proved. */
static void
changed_messages_are_refused(void **state)
{
	(void)state;
	static const char *const members[] = {
		"zone", "displayName", "host", "ca", "crl", "proof", "sig", "port",
	};
	char pem[2][PZ_CERT_PEM_BYTES_MAX];
	struct pz_buf buf;

	pz_buf_init(&buf, sizeof(pem[0]) - 1, NULL);
	assert_ok(pz_cert_to_pem(mallory.ca, &buf));
	snprintf(pem[0], sizeof(pem[0]), "%.*s", PZ_SLICE_FMT(pz_buf_slice(&buf)));
	pz_buf_fini(&buf);
	pz_buf_init(&buf, sizeof(pem[1]) - 1, NULL);
	assert_ok(pz_crl_to_pem(mallory.crl, &buf));
	snprintf(pem[1], sizeof(pem[1]), "%.*s", PZ_SLICE_FMT(pz_buf_slice(&buf)));
	pz_buf_fini(&buf);
	for (size_t n = 0; n < 2 * sizeof(members) / sizeof(members[0]); n++) {
		bend_status = n % 2 ? "friendAccept" : "friendZone";
		bend_member = members[n / 2];
		json_decref(bend_value);
		bend_value = json_string(strcmp(bend_member, "zone") == 0   ? "eve@example.org"
					 : strcmp(bend_member, "host") == 0 ? "evil.example.org"
					 : strcmp(bend_member, "ca") == 0   ? pem[0]
					 : strcmp(bend_member, "crl") == 0  ? pem[1]
					 : strcmp(bend_member, "proof") == 0
						 ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
						 : "AAAA");
		if (strcmp(bend_member, "port") == 0) {
			json_decref(bend_value);
			bend_value = json_integer(8041);
		}
		if (n % 2 == 0 && strcmp(bend_member, "sig") == 0)
			continue; /* that one has none */
		run();
		assert_false(guest.is_done || hub.is_done);
		assert_null(hub.stored);
		assert_true(is_open);
		assert_string_not_equal(hub.reason, "");
		assert_string_not_equal(guest.reason, "");
		bend_value = PZ_TAKE(bend_value);
	}
}

static void
messages_without_a_member_are_refused(void **state)
{
	(void)state;
	static const char *const members[] = {
		"zone", "displayName", "host", "ca", "proof", "port",
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		bend_status = "friendZone";
		bend_member = members[i];
		json_decref(bend_value);
		bend_value = json_null();
		run();
		assert_string_equal(guest.reason, PZ_FRIEND_BAD_REQUEST);
		bend_status = "friendAccept";
		run();
		assert_string_equal(hub.reason, PZ_FRIEND_BAD_REQUEST);
	}
	assert_true(is_open);
}

static void
messages_out_of_order_end_it(void **state)
{
	(void)state;
	static const char *const statuses[] = {
		"friendZone", "friendAccept", "friendAdded", "friendConfirm", "",
	};
	uint8_t exported[PZ_FRIEND_EXPORTER_BYTES] = {1};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		end_fini(&hub);
		end_fini(&guest);
		hub.self = self_of(&alice, "Alice");
		hub.other = &guest;
		hub.x = pz_friend_exchange_invite(&hub.self, exported, &ops, &hub);
		pz_friend_exchange_message(hub.x, statuses[i], NULL);
		assert_string_equal(hub.reason, PZ_FRIEND_BAD_REQUEST);
		pz_friend_exchange_message(hub.x, "friendHello", NULL); /* ignored */
		assert_int_equal(hub.count, 1);
	}
	end_fini(&guest);
	guest.self = self_of(&bob, "Bob");
	guest.other = &hub;
	end_fini(&hub);
	guest.x = pz_friend_exchange_accept(&guest.self, &invitation, exported, &ops, &guest);
	pz_friend_exchange_message(guest.x, "friendAdded", NULL); /* before anything was proved */
	assert_string_equal(guest.reason, PZ_FRIEND_BAD_REQUEST);
	assert_null(guest.stored);
}

static void
the_other_end_learns_why_it_is_not_stored(void **state)
{
	(void)state;
	refuse_store = PZ_FRIEND_ALREADY;
	run();
	expect_failure(PZ_FRIEND_ALREADY, PZ_FRIEND_ALREADY);
	assert_true(is_open);
	assert_non_null(strstr(guest.detail, "friends already"));
}

/* What another hub says is shown by texts of our own only. */
static void
a_reason_that_is_not_known_is_not_shown(void **state)
{
	(void)state;
	assert_string_equal(pz_friend_reason_text("<b>pay me</b>"),
			    "the other hub did not accept it");
	assert_non_null(strstr(pz_friend_reason_text(PZ_FRIEND_UNKNOWN), "ask for a new one"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, prepare, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_know_each_other_and_a_secret),
		TEST(the_revocation_list_of_the_moment_is_sent),
		TEST(an_invitation_counts_once),
		TEST(what_comes_while_it_is_stored_decides_nothing),
		TEST(an_altered_invitation_does_not_count),
		TEST(a_relay_between_two_connections_is_found),
		TEST(another_hub_with_the_same_name_is_found),
		TEST(a_zone_does_not_accept_its_own_invitation),
		TEST(an_invitation_for_one_zone_is_not_for_another),
		TEST(changed_messages_are_refused),
		TEST(messages_without_a_member_are_refused),
		TEST(messages_out_of_order_end_it),
		TEST(the_other_end_learns_why_it_is_not_stored),
		TEST(a_reason_that_is_not_known_is_not_shown),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
