/* When each address of a peer is tried, and which identity it must prove (page 6, RFC 8305). */
#include "pzp/peer_fixture.h"

#define MS PZ_US_PER_MS

static struct answer connecting;

static void
connects(const char *name)
{
	begin(&connecting, "connect", json_pack("{s:s}", "peer", name));
}

/* The node's dials but those to its hub, in their order. */
static size_t
peer_dials(const struct pz_dial *out[PZ_KIT_DIALS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < w.net.dial_count; i++)
		if (strcmp(w.net.dials[i].host, HOST) != 0)
			out[n++] = &w.net.dials[i];
	return n;
}

static json_t *
one_address(const char *address)
{
	return json_pack("[s]", address);
}

static void
near_addresses_come_first_and_ipv6_before_ipv4(void **state)
{
	static const char *const order[] = {"fe80::5%eth0", "169.254.3.4", "fd00::5",  "10.1.2.3",
					    "192.168.7.8",  "2001:db8::5", "192.0.2.5"};
	const struct pz_dial *dials[PZ_KIT_DIALS_MAX];
	size_t n = sizeof(order) / sizeof(order[0]);

	(void)state;
	fx_directory("tv",
		     json_pack("[s, s, s, s, s, s, s, s, s]", order[6], order[5], order[3],
			       order[4], "fe80::6" /* of which interface? */, order[2], "nonsense",
			       order[1], order[0]),
		     TLS_PORT);
	connects("tv");
	fx_run(5 * PZ_US_PER_S);
	assert_int_equal(peer_dials(dials), n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(dials[i]->host, order[i]);
		assert_int_equal(dials[i]->port, TLS_PORT);
		assert_int_equal(dials[i]->started_us - dials[0]->started_us,
				 i * PZ_HAPPY_EYEBALLS_US);
	}
	fx_run(PZ_CONNECT_TIMEOUT_US);
	assert_int_equal(connecting.ends, 1);
	forget(&connecting);
}

static void
loopback_is_as_near_as_it_gets(void **state)
{
	const struct pz_dial *dials[PZ_KIT_DIALS_MAX];

	(void)state;
	fx_directory("tv", json_pack("[s, s, s, s]", "10.1.2.3", "127.0.0.1", "fd00::1", "::1"), 1);
	connects("tv");
	fx_run(PZ_US_PER_S);
	assert_int_equal(peer_dials(dials), 4);
	assert_string_equal(dials[0]->host, "::1");
	assert_string_equal(dials[1]->host, "127.0.0.1");
	forget(&connecting);
}

static void
a_failure_lets_the_next_start_at_once(void **state)
{
	const struct pz_dial *dials[PZ_KIT_DIALS_MAX];

	(void)state;
	fx_directory("tv", json_pack("[s, s, s]", "10.0.0.1", "10.0.0.2", "10.0.0.3"), TLS_PORT);
	connects("tv");
	uint64_t began = w.world.clock.now_us;
	fx_refuses("10.0.0.1");
	assert_non_null(fx_dialled("10.0.0.2"));
	fx_refuses("10.0.0.2");
	assert_non_null(fx_dialled("10.0.0.3"));
	assert_int_equal(w.world.clock.now_us, began);
	fx_refuses("10.0.0.3");
	fx_run(MS);
	assert_int_equal(peer_dials(dials), 3);
	assert_int_equal(connecting.ends, 1);
	assert_int_equal(connecting.err, PZ_ERR_IO);
	assert_non_null(strstr(connecting.detail, "connection refused"));
	fx_state_is("tv", PZ_PEER_NOT_CONNECTED);
	forget(&connecting);
}

/* What a relay reaches may become known while the device is looked for at its own addresses. */
static void
a_relay_joins_an_attempt_that_runs(void **state)
{
	struct fx_far *phone = fx_live(fx_device("phone"));
	json_t *info = fx_info(), *open = NULL;

	(void)state;
	fx_directory("tv", one_address("10.0.0.1"), TLS_PORT);
	connects("tv");
	fx_run(PZ_US_PER_S);
	assert_non_null(fx_dialled("10.0.0.1")); /* no answer comes */
	json_object_set_new(info, "relay", json_true());
	json_object_set_new(info, "reach", json_pack("[s]", "tv"));
	fx_tells(phone, "pzpInfo", info);
	fx_run(PZ_US_PER_S);
	assert_int_equal(fx_heard(phone, "channelOpen", &open), 1);
	assert_string_equal(pz_json_str(open, "to"), ZONE "/tv");
	forget(&connecting);
}

static void
the_first_that_proves_itself_ends_the_others(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	fx_directory("tv", json_pack("[s, s, s]", "10.0.0.1", "10.0.0.2", "10.0.0.3"), TLS_PORT);
	connects("tv");
	fx_run(PZ_HAPPY_EYEBALLS_US + 50 * MS);
	struct pz_dial *slow = fx_dialled("10.0.0.1");
	assert_non_null(slow);
	struct fx_far *far = fx_answers("10.0.0.2", tv);
	assert_true(slow->is_cancelled);
	fx_run(5 * PZ_HAPPY_EYEBALLS_US);
	assert_null(fx_dialled("10.0.0.3")); /* no further attempt joins */
	assert_int_equal(connecting.ends, 0);
	fx_registers(far);
	assert_int_equal(connecting.ends, 1);
	assert_ok(connecting.err);
	assert_string_equal(pz_json_str(connecting.result, "address"), "10.0.0.2");
	assert_string_equal(pz_json_str(connecting.result, "route"), "direct");
	assert_null(fx_peer("tv")->attempt);
	forget(&connecting);
}

/* A connection that was made is no proof: a slower one may be the right one. */
static void
a_handshake_does_not_hold_up_the_others(void **state)
{
	struct fx_device *tv = fx_device("tv");
	struct fx_far *silent, *far;

	(void)state;
	fx_directory("tv", json_pack("[s, s]", "10.0.0.1", "10.0.0.2"), TLS_PORT);
	connects("tv");
	silent = fx_answers("10.0.0.1", NULL);
	fx_run(PZ_HAPPY_EYEBALLS_US + 50 * MS);
	far = fx_answers("10.0.0.2", tv);
	fx_settle();
	assert_true(silent->near.is_closed);
	fx_registers(far);
	assert_int_equal(connecting.ends, 1);
	assert_ok(connecting.err);
	forget(&connecting);
}

static void
another_device_at_the_address_is_not_the_peer(void **state)
{
	struct fx_device *tv = fx_device("tv"), *radio = fx_device("radio");
	struct fx_far *wrong, *far;

	(void)state;
	fx_directory("tv", json_pack("[s, s]", "10.0.0.1", "10.0.0.2"), TLS_PORT);
	connects("tv");
	wrong = fx_answers("10.0.0.1", radio);
	assert_true(wrong->near.is_closed);
	assert_false(fx_heard_register(wrong));
	assert_null(fx_peer("radio"));    /* nothing is made of it */
	far = fx_answers("10.0.0.2", tv); /* without a head start: the first has failed */
	fx_registers(far);
	assert_ok(connecting.err);
	assert_int_equal(connecting.ends, 1);
	forget(&connecting);
}

/* The winner fails before it has registered: the others get another chance. */
static void
a_winner_that_fails_is_not_the_end(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	fx_directory("tv", json_pack("[s, s]", "10.0.0.1", "10.0.0.2"), TLS_PORT);
	connects("tv");
	fx_run(PZ_HAPPY_EYEBALLS_US + 50 * MS);
	struct fx_far *far = fx_answers("10.0.0.1", tv);
	assert_null(fx_dialled("10.0.0.2"));
	fx_hangs_up(far);
	assert_non_null(fx_dialled("10.0.0.2"));
	fx_registers(fx_answers("10.0.0.2", tv));
	assert_int_equal(connecting.ends, 1);
	assert_ok(connecting.err);
	forget(&connecting);
}

static void
the_whole_has_a_deadline(void **state)
{
	(void)state;
	fx_directory("tv", one_address("10.0.0.1"), TLS_PORT);
	connects("tv");
	(void)fx_answers("10.0.0.1", NULL);
	fx_run(PZ_CONNECT_TIMEOUT_US - 100 * MS);
	assert_int_equal(connecting.ends, 0);
	fx_state_is("tv", PZ_PEER_CONNECTING);
	fx_run(200 * MS);
	assert_int_equal(connecting.ends, 1);
	assert_int_equal(connecting.err, PZ_ERR_IO);
	fx_state_is("tv", PZ_PEER_NOT_CONNECTED);
	forget(&connecting);
}

static void
one_that_cannot_be_dialled_is_passed_over(void **state)
{
	(void)state;
	w.net.dial_err = PZ_ERR_LIMIT_MEMORY;
	fx_directory("tv", json_pack("[s, s]", "10.0.0.1", "10.0.0.2"), TLS_PORT);
	connects("tv");
	fx_run(MS);
	assert_int_equal(connecting.ends, 1);
	assert_int_equal(connecting.err, PZ_ERR_IO);
	forget(&connecting);
}

static void
no_address_no_attempt(void **state)
{
	(void)state;
	connects("tv"); /* an unknown device, and no local network to find it on */
	assert_int_equal(connecting.ends, 1);
	assert_int_equal(connecting.err, PZ_ERR_IO);
	assert_non_null(strstr(connecting.detail, "tv"));
	forget(&connecting);
	refused("connect", json_pack("{s:s}", "peer", "laptop"), PZ_ERR_NOTFOUND);
	refused("connect", json_pack("{s:s}", "peer", "eve@example.org/tv"), PZ_ERR_NOTFOUND);
	refused("connect", json_pack("{s:s}", "peer", "t v"), PZ_ERR_NOTFOUND);
}

/* ---- bounds ---- */

static void
addresses_of_one_peer_are_bounded(void **state)
{
	const struct pz_dial *dials[PZ_KIT_DIALS_MAX];
	json_t *addresses = json_array();

	(void)state;
	for (int i = 0; i < 2 * PZ_PEER_ADDRESSES_MAX; i++)
		json_array_append_new(addresses, json_sprintf("10.0.0.%d", i + 1));
	fx_directory("tv", addresses, TLS_PORT);
	connects("tv");
	fx_run(14 * PZ_US_PER_S);
	assert_int_equal(peer_dials(dials), PZ_PEER_ADDRESSES_MAX);
	forget(&connecting);
}

static void
attempts_are_bounded(void **state)
{
	char name[32], address[32];

	(void)state;
	for (int i = 0; i < PZ_PEER_ATTEMPTS_MAX + 4; i++) {
		snprintf(name, sizeof(name), "device-%d", i);
		snprintf(address, sizeof(address), "10.0.1.%d", i + 1);
		fx_directory(name, one_address(address), TLS_PORT);
	}
	size_t count = 0;
	for (int i = 0; i < PZ_PEER_ATTEMPTS_MAX + 4; i++) {
		snprintf(name, sizeof(name), "device-%d", i);
		pz_peer_dial(pz_peers_get(w.node->peers, name), 0);
		count += pz_peers_find(w.node->peers, name)->attempt != NULL;
	}
	assert_int_equal(count, PZ_PEER_ATTEMPTS_MAX);
}

/* Anybody may announce an instance that looks like one of ours: few are tried at once. */
static void
attempts_without_a_name_are_bounded(void **state)
{
	const struct pz_dial *dials[PZ_KIT_DIALS_MAX];

	(void)state;
	for (int i = 0; i < 4 * PZ_PEER_ANONYMOUS_MAX; i++) {
		struct peer_target target = {.port = TLS_PORT};
		snprintf(target.address, sizeof(target.address), "10.0.2.%d", i / 2 + 1);
		pz_peer_dial_add(w.node->peers, NULL, "", &target); /* each twice */
	}
	assert_int_equal(peer_dials(dials), PZ_PEER_ANONYMOUS_MAX);
	for (size_t i = 1; i < PZ_PEER_ANONYMOUS_MAX; i++)
		assert_string_not_equal(dials[i]->host, dials[i - 1]->host);
}

static void
a_device_that_answers_an_attempt_without_a_name_gets_one(void **state)
{
	struct fx_device *tv = fx_device("tv");
	struct peer_target target = {.address = "10.0.0.9", .port = TLS_PORT};

	(void)state;
	pz_peer_dial_add(w.node->peers, NULL, "", &target);
	struct fx_far *far = fx_answers("10.0.0.9", tv);
	fx_state_is("tv", PZ_PEER_CONNECTING);
	fx_registers(far);
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

/* A machine with many bridges: what answers on this network is not among the first sixteen. */
static void
what_was_heard_here_comes_before_what_the_hub_knows(void **state)
{
	const struct pz_dial *dials[PZ_KIT_DIALS_MAX];
	struct peer_target heard = {.address = "10.9.0.10", .port = TLS_PORT, .is_heard = true};
	json_t *bridges = json_array();
	char text[32];

	(void)state;
	for (int i = 0; i < 32; i++) {
		snprintf(text, sizeof(text), "172.16.%d.1", i);
		json_array_append_new(bridges, json_string(text));
	}
	fx_directory("tv", bridges, TLS_PORT);
	connects("tv");
	pz_peer_dial_add(w.node->peers, pz_peers_find(w.node->peers, "tv"), "", &heard);
	fx_run(PZ_HAPPY_EYEBALLS_US + MS);
	assert_int_equal(peer_dials(dials), 2); /* one had begun */
	assert_string_equal(dials[1]->host, "10.9.0.10");
	fx_run(PZ_PEER_TRIES_MAX * PZ_HAPPY_EYEBALLS_US);
	assert_int_equal(peer_dials(dials), PZ_PEER_ADDRESSES_MAX + 1);
	forget(&connecting);
}

/* The reason names the address that matters, not the one that failed last. */
static void
the_reason_is_the_most_useful_one(void **state)
{
	(void)state;
	fx_directory("tv", json_pack("[s, s, s]", "10.0.0.1", "10.0.0.2", "10.0.0.3"), TLS_PORT);
	connects("tv");
	(void)fx_answers("10.0.0.1", NULL);
	fx_run(PZ_US_PER_S);
	fx_refuses("10.0.0.2");
	fx_run(PZ_CONNECT_TIMEOUT_US);
	assert_int_equal(connecting.ends, 1);
	assert_non_null(strstr(connecting.detail, "10.0.0.1 port "));
	assert_non_null(strstr(connecting.detail, "the handshake does not end"));
	forget(&connecting);
}

/* ---- again ---- */

static void
one_that_a_person_asked_for_is_dialled_again(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	fx_directory("tv", one_address("10.0.0.1"), TLS_PORT);
	connects("tv");
	struct fx_far *far = fx_answers("10.0.0.1", tv);
	fx_registers(far);
	forget(&connecting);
	fx_hangs_up(far);
	fx_state_is("tv", PZ_PEER_NOT_CONNECTED);
	fx_run(2 * PZ_BACKOFF_FIRST_US);
	assert_non_null(fx_dialled("10.0.0.1"));
	fx_registers(fx_answers("10.0.0.1", tv));
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

static void
disconnect_ends_that(void **state)
{
	struct fx_device *tv = fx_device("tv");
	struct answer a;

	(void)state;
	fx_directory("tv", one_address("10.0.0.1"), TLS_PORT);
	connects("tv");
	struct fx_far *far = fx_answers("10.0.0.1", tv);
	fx_registers(far);
	forget(&connecting);
	begin(&a, "disconnect", json_pack("{s:s}", "peer", ZONE "/tv"));
	assert_ok(a.err);
	assert_string_equal(pz_json_str(a.result, "state"), "not-connected");
	forget(&a);
	fx_settle();
	assert_int_equal(fx_heard(far, "bye", NULL), 1);
	assert_true(far->near.is_closed);
	fx_run(3600 * PZ_US_PER_S);
	assert_null(fx_dialled("10.0.0.1"));
	refused("disconnect", json_pack("{s:s}", "peer", "radio"), PZ_ERR_NOTFOUND);
}

/* No command asked, and there is no hub: it is searched for, but not for ever. */
static void
one_that_was_lost_is_dialled_again_a_few_times(void **state)
{
	struct fx_device *tv = fx_device("tv");
	unsigned dials = 0;

	(void)state;
	struct fx_far *far = fx_live(tv);
	fx_directory("tv", one_address("10.0.0.1"), TLS_PORT);
	fx_hangs_up(far);
	for (int i = 0; i < 300; i++) {
		fx_run(PZ_US_PER_S);
		if (fx_dialled("10.0.0.1") == NULL)
			continue;
		dials++;
		fx_refuses("10.0.0.1");
	}
	assert_int_equal(dials, PZ_PEER_RETRIES_ALONE + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(near_addresses_come_first_and_ipv6_before_ipv4),
		FX_TEST(loopback_is_as_near_as_it_gets),
		FX_TEST(a_failure_lets_the_next_start_at_once),
		FX_TEST(a_relay_joins_an_attempt_that_runs),
		FX_TEST(the_first_that_proves_itself_ends_the_others),
		FX_TEST(a_handshake_does_not_hold_up_the_others),
		FX_TEST(another_device_at_the_address_is_not_the_peer),
		FX_TEST(a_winner_that_fails_is_not_the_end),
		FX_TEST(the_whole_has_a_deadline),
		FX_TEST(one_that_cannot_be_dialled_is_passed_over),
		FX_TEST(no_address_no_attempt),
		FX_TEST(addresses_of_one_peer_are_bounded),
		FX_TEST(attempts_are_bounded),
		FX_TEST(attempts_without_a_name_are_bounded),
		FX_TEST(a_device_that_answers_an_attempt_without_a_name_gets_one),
		FX_TEST(what_was_heard_here_comes_before_what_the_hub_knows),
		FX_TEST(the_reason_is_the_most_useful_one),
		FX_TEST(one_that_a_person_asked_for_is_dialled_again),
		FX_TEST(disconnect_ends_that),
		FX_TEST(one_that_was_lost_is_dialled_again_a_few_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
