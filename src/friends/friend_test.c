#include "kit/test.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "friends/friend.h"
#include "kit/clock.h"
#include "kit/zone.h"
#include "record/record.h"

#define BOB "bob@example.net"

static struct pz_kit_clock clock_ = PZ_KIT_CLOCK(clock_);
static struct pz_kit_zone alice, bob, mallory;

static int
set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	pz_kit_clock_init(&clock_);
	pz_kit_zone_init(&alice, PZ_KIT_ZONE, &clock_.env);
	pz_kit_zone_init(&bob, BOB, &clock_.env);
	pz_kit_zone_init(&mallory, BOB, &clock_.env); /* calls itself bob */
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

/* A friend of alice, confirmed and signed by her hub. */
static struct pz_friend *
make(const struct pz_kit_zone *zone)
{
	struct pz_friend *f = NULL;

	assert_ok(pz_friend_new(zone->name, zone->ca, &f, NULL));
	snprintf(f->display_name, sizeof(f->display_name),
		 "B\xc3\xb6"
		 "b");
	memset(f->secret, 0x5a, sizeof(f->secret));
	f->since_ms = 1800000000000;
	f->changed_ms = 1800000000001;
	f->is_confirmed_here = f->is_confirmed_there = true;
	snprintf(f->by, sizeof(f->by), "laptop");
	snprintf(f->host, sizeof(f->host), "hub.example.net");
	f->port = 8040;
	f->number = 7;
	assert_ok(pz_friend_sign(f, alice.name, alice.ca_key));
	return f;
}

static void
a_friend_is_read_as_it_was_written(void **state)
{
	(void)state;
	PZ_AUTO(pz_friend_free) struct pz_friend *f = make(&bob);
	PZ_AUTO(pz_friend_free) struct pz_friend *again = NULL;
	char *text = pz_friend_text(f);

	assert_non_null(text);
	assert_ok(pz_friend_parse(pz_slice_str(text), &again, NULL));
	assert_ok(pz_friend_check(again, alice.name, alice.ca, NULL));
	char *twice = pz_friend_text(again);
	assert_string_equal(text, twice);
	assert_string_equal(again->zone, BOB);
	assert_string_equal(again->display_name, f->display_name);
	assert_memory_equal(again->secret, f->secret, sizeof(f->secret));
	assert_true(pz_cert_key_matches(again->ca, bob.ca_key));
	assert_int_equal(again->since_ms, 1800000000000);
	assert_int_equal(again->changed_ms, 1800000000001);
	assert_string_equal(again->by, "laptop");
	assert_string_equal(again->host, "hub.example.net");
	assert_int_equal(again->port, 8040);
	assert_int_equal(again->number, 7);
	assert_true(pz_friend_is_confirmed(again));
	pz_record_text_wipe(text);
	pz_record_text_wipe(twice);
}

/* Replaces a member and parses. @param takes NULL: removes the member */
static enum pz_err
parse_with(const char *name, json_t *takes, struct pz_friend **out)
{
	PZ_AUTO(pz_friend_free) struct pz_friend *f = make(&bob);
	char *text = pz_friend_text(f);
	json_t *object = json_loads(text, 0, NULL);
	struct pz_errinfo info = {""};

	if (takes)
		json_object_set_new(object, name, takes);
	else
		json_object_del(object, name);
	pz_record_text_wipe(text);
	text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	enum pz_err err = pz_friend_parse(pz_slice_str(text), out, &info);
	assert_int_equal(err != PZ_OK, info.text[0] != '\0');
	free(text);
	return err;
}

static void
a_text_with_a_wrong_member_is_refused(void **state)
{
	(void)state;
	static const char *const members[] = {
		"zone", "displayName",    "ca",   "secret",        "since", "changed",
		"by",   "confirmedThere", "host", "confirmedHere", "port",  "number",
		"sig",
	};
	struct pz_friend *f = NULL;
	char longer[PZ_DISPLAY_NAME_BYTES_MAX + 2];

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		assert_int_not_equal(parse_with(members[i], NULL, &f), PZ_OK);
		assert_int_not_equal(parse_with(members[i], json_array(), &f), PZ_OK);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(parse_with("displayName", json_string(longer), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("displayName", json_string("a\nb"), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("displayName", json_string(""), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("zone", json_string("Bob@example.net"), &f),
			 PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(parse_with("secret", json_string("AAAA"), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("since", json_integer(-1), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("port", json_integer(0), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("port", json_integer(65536), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("host", json_string(""), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("host", json_string("a b"), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("by", json_string("a/b"), &f), PZ_ERR_PROTO_MEMBER);
	assert_null(f);
}

/* "since" is what makes a friendship count. */
static void
a_date_without_both_owners_is_refused(void **state)
{
	(void)state;
	struct pz_friend *f = NULL;

	assert_int_equal(parse_with("confirmedHere", json_false(), &f), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(parse_with("confirmedThere", json_false(), &f), PZ_ERR_PROTO_MEMBER);
	assert_ok(parse_with("since", json_integer(0), &f));
	assert_false(pz_friend_is_confirmed(f));
	pz_friend_free(f);
}

static void
what_is_no_text_is_refused(void **state)
{
	(void)state;
	struct pz_friend *f = NULL;
	char *text = malloc(PZ_FRIEND_TEXT_BYTES_MAX + 2);

	assert_non_null(text);
	assert_int_equal(pz_friend_parse(pz_slice_str(""), &f, NULL), PZ_ERR_PROTO_JSON);
	assert_int_equal(pz_friend_parse(pz_slice_str("[]"), &f, NULL), PZ_ERR_PROTO_JSON);
	memset(text, ' ', PZ_FRIEND_TEXT_BYTES_MAX + 1);
	memcpy(text, "{}", 2);
	assert_int_equal(pz_friend_parse(pz_slice_of(text, PZ_FRIEND_TEXT_BYTES_MAX), &f, NULL),
			 PZ_ERR_PROTO_MEMBER);
	assert_int_equal(pz_friend_parse(pz_slice_of(text, PZ_FRIEND_TEXT_BYTES_MAX + 1), &f, NULL),
			 PZ_ERR_LIMIT);
	free(text);
}

/* The pinned certificate is a PZH CA of exactly that zone. */
static void
another_certificate_is_no_friend(void **state)
{
	(void)state;
	struct pz_friend *f = NULL;

	assert_int_equal(pz_friend_new(BOB, alice.ca, &f, NULL), PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(pz_friend_new(BOB, bob.hub.tls, &f, NULL), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(pz_friend_new(BOB, bob.laptop.ca, &f, NULL), PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(pz_friend_new("no zone", bob.ca, &f, NULL), PZ_ERR_PROTO_ADDRESS);
	assert_null(f);
}

/* Each value is under the signature. */
static void
a_changed_friend_is_not_signed(void **state)
{
	(void)state;
	PZ_AUTO(pz_friend_free) struct pz_friend *f = make(&bob);
	struct pz_friend *m = NULL;

	assert_ok(pz_friend_check(f, alice.name, alice.ca, NULL));
	assert_int_equal(pz_friend_check(f, BOB, alice.ca, NULL), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(pz_friend_check(f, alice.name, bob.ca, NULL), PZ_ERR_DENIED_CHAIN);
#define CHANGED(change)                                                                            \
	m = pz_friend_copy(f);                                                                     \
	change;                                                                                    \
	assert_int_equal(pz_friend_check(m, alice.name, alice.ca, NULL), PZ_ERR_DENIED_CHAIN);     \
	pz_friend_free(m)
	CHANGED(m->zone[0] = 'r');
	CHANGED(m->display_name[0] = 'b');
	CHANGED(m->secret[31] ^= 1);
	CHANGED(m->since_ms++);
	CHANGED(m->changed_ms++);
	CHANGED(m->by[0] = 'x');
	CHANGED(m->host[0] = 'x');
	CHANGED(m->port++);
	CHANGED(m->number++);
	CHANGED(pz_cert_free(m->ca); m->ca = pz_cert_ref(mallory.ca));
	CHANGED(m->sig[0] = '\0');
}

static void
only_a_newer_list_of_the_friend_is_taken(void **state)
{
	(void)state;
	PZ_AUTO(pz_friend_free) struct pz_friend *f = make(&bob);
	PZ_AUTO(pz_crl_free) struct pz_crl *two = pz_kit_crl(&bob, bob.laptop.ca, 2);
	PZ_AUTO(pz_crl_free) struct pz_crl *foreign = pz_kit_crl(&mallory, NULL, 9);
	char serial[PZ_SERIAL_HEX_BYTES];

	pz_cert_serial_hex(bob.laptop.ca, serial);
	assert_ok(pz_friend_set_crl(f, bob.crl, NULL));
	assert_ok(pz_friend_set_crl(f, two, NULL));
	assert_int_equal(pz_friend_set_crl(f, two, NULL), PZ_ERR_EXISTS);
	assert_int_equal(pz_friend_set_crl(f, bob.crl, NULL), PZ_ERR_EXISTS);
	assert_int_equal(pz_friend_set_crl(f, foreign, NULL), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(pz_friend_set_crl(f, alice.crl, NULL), PZ_ERR_DENIED_CHAIN);
	assert_true(pz_crl_has_serial(f->crl, serial));
}

static void
a_table_has_one_friend_for_each_zone(void **state)
{
	(void)state;
	PZ_AUTO(pz_friends_free) struct pz_friends *friends = pz_friends_new();
	struct pz_friend *second = make(&mallory);
	size_t pos = 0;

	assert_null(pz_friends_find(NULL, pz_slice_str(BOB)));
	assert_ok(pz_friends_put(friends, make(&bob), NULL));
	assert_ok(pz_friends_put(friends, second, NULL));
	assert_int_equal(pz_friends_len(friends), 1);
	assert_ptr_equal(pz_friends_find(friends, pz_slice_str(BOB)), second);
	assert_ptr_equal(pz_friends_next(friends, &pos), second);
	assert_null(pz_friends_next(friends, &pos));
	assert_true(pz_friends_remove(friends, pz_slice_str(second->zone)));
	assert_false(pz_friends_remove(friends, pz_slice_str(BOB)));
	assert_int_equal(pz_friends_len(friends), 0);
}

static void
a_table_is_bounded(void **state)
{
	(void)state;
	PZ_AUTO(pz_friends_free) struct pz_friends *friends = pz_friends_new();
	struct pz_friend *f;

	for (int i = 0; i < PZ_FRIENDS_MAX; i++) {
		f = make(&bob);
		snprintf(f->zone, sizeof(f->zone), "b%d@example.net", i);
		assert_ok(pz_friends_put(friends, f, NULL));
	}
	assert_int_equal(pz_friends_put(friends, make(&bob), NULL), PZ_ERR_LIMIT);
	f = make(&bob);
	snprintf(f->zone, sizeof(f->zone), "b7@example.net");
	assert_ok(pz_friends_put(friends, f, NULL)); /* one that is there */
}

static void
believe(struct pz_trust *trust, const struct pz_kit_identity *who, const char *zone)
{
	struct pz_peer peer;

	assert_ok(pz_verify_device(trust, who->tls, who->ca, NULL, pz_env_wall_ms(&clock_.env),
				   &peer, NULL));
	assert_string_equal(peer.zone, zone);
	assert_string_equal(peer.device, "laptop");
}

/* Equal device names never mix: the zone follows from the CA (CERT-5). */
static void
trust_has_each_friend_and_its_list(void **state)
{
	(void)state;
	PZ_AUTO(pz_friends_free) struct pz_friends *friends = pz_friends_new();
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = pz_kit_trust(&alice, NULL);
	PZ_AUTO(pz_trust_free) struct pz_trust *later = pz_kit_trust(&alice, NULL);
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = pz_kit_crl(&bob, bob.laptop.ca, 2);
	struct pz_peer peer;

	assert_ok(pz_friends_put(friends, make(&bob), NULL));
	assert_ok(pz_friends_add_trust(friends, trust, NULL));
	believe(trust, &alice.laptop, PZ_KIT_ZONE);
	believe(trust, &bob.laptop, BOB);
	assert_int_equal(pz_verify_device(trust, mallory.laptop.tls, mallory.laptop.ca, NULL,
					  pz_env_wall_ms(&clock_.env), &peer, NULL),
			 PZ_ERR_DENIED_CHAIN);
	assert_ok(pz_friend_set_crl(pz_friends_find(friends, pz_slice_str(BOB)), crl, NULL));
	assert_ok(pz_friends_add_trust(friends, later, NULL));
	assert_int_equal(pz_verify_device(later, bob.laptop.tls, bob.laptop.ca, NULL,
					  pz_env_wall_ms(&clock_.env), &peer, NULL),
			 PZ_ERR_DENIED_REVOKED);
	believe(later, &alice.laptop, PZ_KIT_ZONE);
}

/* A friend that calls itself like us is not trusted, and does not cost the others their trust. */
static void
a_friend_never_speaks_for_a_zone_that_is_trusted_already(void **state)
{
	(void)state;
	PZ_AUTO(pz_friends_free) struct pz_friends *friends = pz_friends_new();
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = pz_kit_trust(&bob, NULL);
	struct pz_peer peer;

	assert_ok(pz_friends_put(friends, make(&mallory), NULL));
	assert_ok(pz_friends_put(friends, make(&alice), NULL));
	assert_ok(pz_friends_add_trust(friends, trust, NULL));
	believe(trust, &alice.laptop, PZ_KIT_ZONE);
	believe(trust, &bob.laptop, BOB);
	assert_int_equal(pz_verify_device(trust, mallory.laptop.tls, mallory.laptop.ca, NULL,
					  pz_env_wall_ms(&clock_.env), &peer, NULL),
			 PZ_ERR_DENIED_CHAIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_friend_is_read_as_it_was_written),
		cmocka_unit_test(a_text_with_a_wrong_member_is_refused),
		cmocka_unit_test(a_date_without_both_owners_is_refused),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(another_certificate_is_no_friend),
		cmocka_unit_test(a_changed_friend_is_not_signed),
		cmocka_unit_test(only_a_newer_list_of_the_friend_is_taken),
		cmocka_unit_test(a_table_has_one_friend_for_each_zone),
		cmocka_unit_test(a_table_is_bounded),
		cmocka_unit_test(trust_has_each_friend_and_its_list),
		cmocka_unit_test(a_friend_never_speaks_for_a_zone_that_is_trusted_already),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
