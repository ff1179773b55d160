/*
 * Direct links with devices of a friend zone: which devices may open one, which messages it
 * carries, and when it ends.
 * @spec page 6 "A direct link between friends"; page 2 "What a verifier checks"; page 14 CERT-5,
 * page 14 DSC-5
 */
#include "pzp/peer_fixture.h"

#include "calls/friends.h"
#include "pzp/membership.h"

#define MS PZ_US_PER_MS
#define BOB "bob@example.net"
#define TV BOB "/tv" /* our zone has a "tv", too */
#define TV_HOST "192.0.2.77"

static struct pz_authority *bob;
static uint8_t secret[PZ_FRIEND_SECRET_BYTES] = {9, 8, 7};

static int
set_up_friend(void **state)
{
	fx_set_up(state);
	bob = pz_kit_authority_new(&w.hub, BOB);
	fx_befriend(bob, secret);
	return 0;
}

static int
tear_down_friend(void **state)
{
	pz_authority_free(bob);
	return fx_tear_down(state);
}

#define FRIEND_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_friend, tear_down_friend)

static struct fx_device *
bobs(const char *name)
{
	struct fx_device *device = fx_device_of(&w.hub, bob, name);

	device->secret = secret;
	/* By which the node knows it. */
	snprintf(device->name, sizeof(device->name), BOB "/%.20s", name);
	return device;
}

/* What its hub shows of it. */
static void
is_shown_at(const char *name, const char *host)
{
	json_t *message =
		json_pack("{s:s, s:b, s:[{s:s, s:b, s:[s], s:i}]}", "zone", BOB, "connected", 1,
			  "PZP", "name", name, "connected", 1, "ipaddress", host, "port", TLS_PORT);

	pz_calls_friend_update(w.node->calls, message);
	json_decref(message);
}

static bool
is_known(json_t *takes_names, const char *name)
{
	bool is = json_object_get(takes_names, name) != NULL;

	json_decref(takes_names);
	return is;
}

/* ---- who ---- */

static void
a_friends_device_is_linked_as_a_guest(void **state)
{
	json_t *services = NULL;

	(void)state;
	struct fx_far *far = fx_live(bobs("tv"));
	assert_int_equal(fx_peer(TV)->live->link->session.kind, PZ_SESSION_FRIEND);
	assert_string_equal(pz_peers_route(w.node->peers, TV), "direct");
	assert_int_equal(fx_heard(far, "pzpInfo", NULL), 0);
	assert_int_equal(fx_heard(far, "hubMoved", NULL), 0);
	/* By default a friend may see nothing. */
	assert_int_equal(fx_heard(far, "registerServices", &services), 1);
	assert_int_equal(json_array_size(json_object_get(services, "services")), 0);
	fx_run(2 * PZ_US_PER_S);
	pz_peers_send_info_soon(w.node->peers);
	fx_run(100 * MS);
	assert_int_equal(json_array_size(far->heard), 2); /* register and registerServices */
}

static void
equal_names_of_two_zones_do_not_mix(void **state)
{
	(void)state;
	struct fx_far *ours = fx_live(fx_device("tv"));
	struct fx_far *theirs = fx_live(bobs("tv"));
	assert_int_equal(pz_peers_live_count(w.node->peers), 2);
	assert_string_equal(fx_peer("tv")->address, ZONE "/tv");
	assert_string_equal(fx_peer(TV)->address, TV);
	assert_true(is_known(pz_peers_names(w.node->peers), "tv"));
	assert_false(is_known(pz_peers_names(w.node->peers), TV));
	assert_true(is_known(pz_peers_friends(w.node->peers), TV));
	fx_hangs_up(theirs);
	assert_true(pz_peers_is_linked(w.node->peers, "tv"));
	assert_false(pz_peers_is_linked(w.node->peers, TV));
	assert_false(ours->near.is_closed);
}

/* Also one that is called like this device. */
static void
a_friends_device_may_have_the_name_of_this_one(void **state)
{
	(void)state;
	(void)fx_live(bobs("laptop"));
	assert_string_equal(pz_peers_route(w.node->peers, BOB "/laptop"), "direct");
}

static void
is_not_let_in(struct fx_device *device, enum pz_err err)
{
	struct fx_far *far = fx_comes(device);

	assert_true(far->near.is_closed);
	assert_int_equal(far->far.err, err);
	assert_null(fx_peer(device->address));
}

static void
others_of_that_name_are_refused(void **state)
{
	struct pz_authority *mallory;
	struct fx_device *device;

	(void)state;
	/* The zone's name by another CA, with the secret of the friendship. */
	struct pz_kit_world *world = calloc(1, sizeof(*world));
	pz_kit_world_init_beside(world, &w.world);
	mallory = pz_kit_authority_new(world, BOB);
	device = fx_device_of(world, mallory, "tv");
	device->secret = secret;
	is_not_let_in(device, PZ_ERR_DENIED_REMOTE);
	/* The friend's device with the secret of our zone, which it has no business with. */
	device = fx_device_of(&w.hub, bob, "phone");
	is_not_let_in(device, PZ_ERR_DENIED_REMOTE);
	pz_authority_free(mallory);
	pz_kit_world_fini(world);
	free(world);
}

static void
a_friend_that_is_not_confirmed_is_a_stranger(void **state)
{
	struct pz_friend *f = pz_friends_find(w.node->zone.friends, pz_slice_str(BOB));

	(void)state;
	f->since_ms = 0;
	assert_ok(pz_node_refresh_trust(w.node, NULL));
	is_not_let_in(bobs("tv"), PZ_ERR_PROTO);
}

/* ---- what passes ---- */

static const char *
refusal_of(struct fx_far *far, const char *status, json_t *takes_message)
{
	json_t *error = NULL;

	fx_forget(far);
	fx_tells(far, status, takes_message);
	assert_int_equal(fx_heard(far, "error", &error), 1);
	return pz_json_str(error, "code");
}

static void
nothing_of_the_zone_is_taken_from_a_guest(void **state)
{
	(void)state;
	struct fx_far *far = fx_live(bobs("tv"));
	assert_string_equal(refusal_of(far, "pzpInfo", fx_info()), "refused");
	assert_string_equal(refusal_of(far, "hubMoved", json_object()), "refused");
	assert_string_equal(refusal_of(far, "prompt", json_object()), "refused");
	assert_string_equal(refusal_of(far, "tryAddresses", json_pack("{s:s}", "id", "1")),
			    "refused");
	assert_string_equal(refusal_of(far, "syncDigests", json_object()), "unknownStatus");
	assert_string_equal(refusal_of(far, "revoked", json_object()), "unknownStatus");
	assert_null(fx_peer(TV)->info);
	assert_false(far->near.is_closed);
}

/* Page 9, 11.3: a question is answered by devices of the own zone, whatever the answer knows. */
static void
a_guest_answers_no_question(void **state)
{
	const struct pz_prompt_question question = {
		.ticket = 1,
		.effect = PZ_POLICY_PROMPT_ONESHOT,
		.user_id = pz_slice_str(BOB),
		.device = pz_slice_str("tv"),
		.feature = "http://webinos.org/api/w3c/geolocation",
	};
	struct pz_prompts *prompts = pz_node_prompts(w.node);
	struct fx_far *far = fx_live(bobs("tv"));

	(void)state;
	pz_prompts_present(prompts); /* a person has looked here */
	assert_int_equal(pz_prompts_ask(prompts, &question), PZ_PROMPT_LATER);
	json_t *list = pz_prompts_list(prompts);
	const char *id = pz_json_str(json_array_get(list, 0), "id");
	assert_string_equal(
		refusal_of(far, "promptAnswer", json_pack("{s:s, s:i}", "id", id, "answer", 3)),
		"refused");
	assert_string_equal(refusal_of(far, "promptEnded", json_pack("{s:s}", "id", id)),
			    "refused");
	json_decref(list);
	list = pz_prompts_list(prompts);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
}

static void
a_guest_announces_its_own_services(void **state)
{
	(void)state;
	struct fx_far *far = fx_live(bobs("tv"));
	fx_tells(far, "registerServices", fx_services(TV, 2));
	assert_int_equal(json_array_size(pz_peers_services(w.node->peers, TV)), 2);
	assert_string_equal(refusal_of(far, "registerServices", fx_services(ZONE "/tv", 1)),
			    "badRequest");
	assert_int_equal(json_array_size(pz_peers_services(w.node->peers, TV)), 2);
	assert_null(pz_peers_services(w.node->peers, "tv"));
}

static void
nothing_is_passed_on_for_a_guest(void **state)
{
	json_t *refusal = NULL;

	(void)state;
	(void)fx_live(fx_device("phone"));
	struct fx_far *far = fx_live(bobs("tv"));
	fx_forget(far);
	fx_tells(far, "channelOpen",
		 json_pack("{s:i, s:i, s:s, s:s}", "channel", 1, "window", 65536, "to",
			   ZONE "/phone", "kind", "link"));
	assert_int_equal(fx_heard(far, "channelRefuse", &refusal), 1);
	assert_string_equal(pz_json_str(refusal, "reason"), "refused");
	json_t *reach = pz_peers_reach(w.node->peers, 4096);
	assert_int_equal(json_array_size(reach), 1); /* the phone, not the guest */
	json_decref(reach);
}

static const char *
refusal_of_file(struct fx_far *far, const char *to, const char *from)
{
	json_t *refusal = NULL;

	fx_forget(far);
	fx_tells(far, "channelOpen",
		 json_pack("{s:i, s:i, s:s, s:s, s:s*}", "channel", 1, "window", 65536, "to", to,
			   "kind", "file", "from", from));
	assert_int_equal(fx_heard(far, "channelRefuse", &refusal), 1);
	return pz_json_str(refusal, "reason");
}

/* What it offers to this device is judged as a device's of the zone is: this one has no inbox. For
 * others nothing is taken, and nothing in the name of others. */
static void
a_guest_offers_files_of_its_own_to_this_device(void **state)
{
	(void)state;
	(void)fx_live(fx_device("phone"));
	struct fx_far *far = fx_live(bobs("tv"));
	assert_string_equal(refusal_of_file(far, ZONE "/laptop", NULL), "unknownKind");
	assert_string_equal(refusal_of_file(far, ZONE "/phone", NULL), "refused");
	assert_string_equal(refusal_of_file(far, ZONE "/laptop", BOB "/pad"), "refused");
	assert_string_equal(refusal_of_file(far, ZONE "/laptop", ZONE "/phone"), "refused");
}

/* ---- the end ---- */

static void
the_link_ends_when_the_zone_is_no_friend_any_more(void **state)
{
	(void)state;
	struct fx_device *tv = bobs("tv");
	struct fx_far *far = fx_live(tv), *ours = fx_live(fx_device("tv"));
	fx_forget(far);
	assert_true(pz_friends_remove(w.node->zone.friends, pz_slice_str(BOB)));
	pz_peers_forget_friend(w.node->peers, BOB);
	assert_ok(pz_node_refresh_trust(w.node, NULL));
	fx_settle();
	assert_int_equal(fx_heard(far, "bye", NULL), 1);
	assert_true(far->near.is_closed);
	assert_false(pz_peers_is_linked(w.node->peers, TV));
	assert_false(ours->near.is_closed);
	struct fx_far *again = fx_comes(tv);
	assert_true(again->near.is_closed);
	assert_int_equal(again->far.err, PZ_ERR_PROTO);
}

/* The list of the friend's hub counts for the friend's devices only. */
static void
the_link_ends_when_the_friends_list_revokes_it(void **state)
{
	(void)state;
	struct fx_far *tv = fx_live(bobs("tv")), *phone = fx_live(bobs("phone"));
	(void)pz_kit_revoke(&w.hub, bob, "tv", PZ_REVOKED_BY_OWNER);
	struct pz_friend *f = pz_friends_find(w.node->zone.friends, pz_slice_str(BOB));
	assert_ok(pz_friend_set_crl(f, bob->crl, NULL));
	assert_ok(pz_node_refresh_trust(w.node, NULL));
	fx_settle();
	assert_true(tv->near.is_closed);
	assert_false(phone->near.is_closed);
}

/* A handshake proves a zone by the CA that was trusted when it began. */
static void
a_handshake_from_before_a_change_of_friends_does_not_count(void **state)
{
	(void)state;
	struct fx_far *far = fx_far_new(bobs("tv"), PZ_TLS_CLIENT);
	w.net.listener.accept(w.net.listener.arg, &far->near.stream, "192.0.2.9");
	assert_true(fx_far_reads(far)); /* its first flight is on the way */
	pz_kit_stream_deliver(&far->near);
	assert_ok(pz_node_refresh_trust(w.node, NULL));
	fx_settle();
	assert_true(far->near.is_closed);
	assert_false(pz_peers_is_linked(w.node->peers, TV));
}

/* ---- dialling ---- */

static void
a_friends_device_is_dialled_where_its_hub_shows_it(void **state)
{
	(void)state;
	is_shown_at("tv", TV_HOST);
	assert_true(pz_peers_connect(w.node->peers, TV));
	struct fx_far *far = fx_answers(TV_HOST, bobs("tv"));
	fx_registers(far);
	fx_run(100 * MS);
	fx_state_is(TV, PZ_PEER_CONNECTED);
	assert_null(fx_peer("tv"));
}

static void
only_the_device_that_is_dialled_is_believed(void **state)
{
	struct fx_device *wrong[] = {bobs("phone"), fx_device("tv")};

	(void)state;
	wrong[1]->secret = secret; /* of our own zone, which shares the secret of the friendship */
	is_shown_at("tv", TV_HOST);
	for (size_t i = 0; i < 2; i++) {
		assert_true(pz_peers_connect(w.node->peers, TV));
		struct fx_far *far = fx_answers(TV_HOST, wrong[i]);
		assert_true(far->near.is_closed);
		assert_false(fx_heard_register(far));
		assert_false(pz_peers_is_linked(w.node->peers, TV));
		(void)pz_peers_disconnect(w.node->peers, TV, "test");
	}
}

static void
devices_of_strangers_are_not_dialled(void **state)
{
	(void)state;
	assert_false(pz_peers_connect(w.node->peers, "eve@example.org/tv"));
	assert_false(pz_peers_connect(w.node->peers, BOB "/tv/app"));
	assert_false(pz_peers_connect(w.node->peers, BOB "/"));
}

static void
a_friend_takes_no_more_than_its_places(void **state)
{
	struct pz_peers *peers = w.node->peers;
	char name[64];

	(void)state;
	for (unsigned i = 0; i < PZ_PEER_PER_FRIEND_MAX; i++) {
		snprintf(name, sizeof(name), BOB "/device%u", i);
		assert_true(pz_peers_connect(peers, name));
	}
	assert_false(pz_peers_connect(peers, TV));
	assert_true(pz_peers_add(peers, "tv")); /* one of ours has a place */
	(void)pz_peers_disconnect(peers, BOB "/device3", "test");
	assert_true(pz_peers_add(peers, TV)); /* the one without a link makes room */
}

/* ---- calls ---- */

static json_t *
call_of_test(const char *device)
{
	return json_pack("{s:o, s:s}", "service", json_sprintf("test@%s", device), "function",
			 "get42");
}

/* @return requests that came by this link */
static unsigned
requests_at(const struct fx_far *far)
{
	unsigned count = 0;
	json_t *one;
	size_t i;

	json_array_foreach (far->heard, i, one)
		count += json_object_get(json_object_get(one, "payload"), "method") != NULL;
	return count;
}

static void
a_call_goes_by_the_link_with_the_friends_device(void **state)
{
	struct answer a;

	(void)state;
	struct fx_far *ours = fx_live(fx_device("tv")), *theirs = fx_live(bobs("tv"));
	fx_tells(ours, "registerServices", fx_services(ZONE "/tv", 1));
	fx_tells(theirs, "registerServices", fx_services(TV, 1));
	begin(&a, "call", call_of_test(TV));
	fx_run(100 * MS);
	assert_int_equal(requests_at(theirs), 1);
	assert_int_equal(requests_at(ours), 0);
	assert_int_equal(a.ends, 0);
	fx_hangs_up(theirs); /* there is no other way, and no hub */
	fx_run(100 * MS);
	assert_int_equal(a.ends, 1);
	assert_non_null(json_object_get(a.result, "error"));
	forget(&a);
}

static void
without_hubs_a_call_looks_for_the_friends_device(void **state)
{
	struct answer a;

	(void)state;
	is_shown_at("tv", TV_HOST);
	begin(&a, "call", call_of_test(TV));
	struct fx_far *far = fx_answers(TV_HOST, bobs("tv"));
	fx_registers(far);
	fx_tells(far, "registerServices", fx_services(TV, 1));
	fx_run(100 * MS);
	assert_int_equal(requests_at(far), 1);
	fx_hangs_up(far);
	fx_run(100 * MS);
	assert_int_equal(a.ends, 1);
	forget(&a);
}

static void
linked_friends_are_among_the_peers(void **state)
{
	struct answer a;
	const json_t *one = NULL;
	size_t i;

	(void)state;
	(void)fx_live(bobs("tv"));
	begin(&a, "peers", json_object());
	assert_ok(a.err);
	json_array_foreach (a.result, i, one)
		if (strcmp(pz_json_str(one, "id"), TV) == 0)
			break;
	assert_non_null(one);
	assert_string_equal(pz_json_str(one, "id"), TV);
	assert_string_equal(pz_json_str(one, "route"), "direct");
	assert_string_equal(pz_json_str(one, "state"), "connected");
	assert_true(json_is_true(json_object_get(one, "friend")));
	forget(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FRIEND_TEST(a_friends_device_is_linked_as_a_guest),
		FRIEND_TEST(equal_names_of_two_zones_do_not_mix),
		FRIEND_TEST(a_friends_device_may_have_the_name_of_this_one),
		FRIEND_TEST(others_of_that_name_are_refused),
		FRIEND_TEST(a_friend_that_is_not_confirmed_is_a_stranger),
		FRIEND_TEST(nothing_of_the_zone_is_taken_from_a_guest),
		FRIEND_TEST(a_guest_answers_no_question),
		FRIEND_TEST(a_guest_announces_its_own_services),
		FRIEND_TEST(nothing_is_passed_on_for_a_guest),
		FRIEND_TEST(a_guest_offers_files_of_its_own_to_this_device),
		FRIEND_TEST(the_link_ends_when_the_zone_is_no_friend_any_more),
		FRIEND_TEST(the_link_ends_when_the_friends_list_revokes_it),
		FRIEND_TEST(a_handshake_from_before_a_change_of_friends_does_not_count),
		FRIEND_TEST(a_friends_device_is_dialled_where_its_hub_shows_it),
		FRIEND_TEST(only_the_device_that_is_dialled_is_believed),
		FRIEND_TEST(devices_of_strangers_are_not_dialled),
		FRIEND_TEST(a_friend_takes_no_more_than_its_places),
		FRIEND_TEST(a_call_goes_by_the_link_with_the_friends_device),
		FRIEND_TEST(without_hubs_a_call_looks_for_the_friends_device),
		FRIEND_TEST(linked_friends_are_among_the_peers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
