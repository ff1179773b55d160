/* The address of the hub: the messages about it, and which address is dialled when. */
#include "pzp/peer_fixture.h"

#define NEW "new.example.org"
#define THIRD "third.example.org"
#define SOON (10 * PZ_US_PER_S) /* longer than the first steps of the back-off together */

static uint64_t number; /* of the newest notice */

/* ---- the hub ---- */

static struct pz_tls_ctx *
select_hub(void *arg, const char *sni_first_label, enum pz_tls_purpose purpose)
{
	assert_int_equal(strlen(sni_first_label), PZ_SNI_TAG_CHARS);
	assert_int_equal(purpose, PZ_TLS_FOR_ZONE);
	return ((struct fx_far *)arg)->ctx;
}

/* The zone's hub, or another one, answers there. */
static struct fx_far *
hub_answers_as(const char *host, const struct pz_authority *a)
{
	struct pz_dial *dial = fx_dialled(host);
	struct fx_far *far = fx_far_new(NULL, PZ_TLS_HUB_SERVER);
	struct pz_trust *trust = pz_trust_new();
	struct pz_cert *chain[] = {a->tls};
	struct pz_tls_config config = {
		.kind = PZ_TLS_HUB_SERVER,
		.chain = chain,
		.chain_len = 1,
		.key = a->tls_key,
		.trust = trust,
		.env = &w.world.clock.env,
	};

	assert_non_null(dial);
	assert_ok(pz_trust_add(trust, a->ca, a->crl, NULL));
	assert_ok(pz_tls_ctx_new(&config, &far->ctx, NULL));
	pz_trust_free(trust);
	assert_ok(pz_tls_new_server(select_hub, far, &w.world.clock.env, &far->far.tls));
	pz_kit_dial_connected(dial, &far->near.stream);
	fx_settle();
	return far;
}

static struct fx_far *
hub_answers(const char *host)
{
	struct fx_far *far = hub_answers_as(host, w.authority);

	assert_true(fx_heard_register(far));
	fx_registers_as(far, ZONE);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTED);
	return far;
}

static struct pz_authority *
other_zone(void)
{
	return pz_kit_authority_new(&w.hub, "bob@example.org");
}

/* ---- notices ---- */

static json_t *
notice_by(const struct pz_authority *a, const char *host, uint64_t its_number)
{
	struct pz_hub_address at;
	struct pz_hub_notice notice;

	pz_hub_address_set(&at, host, 9000);
	assert_ok(pz_hub_notice_make(ZONE, &at, its_number, a->ca_key, &notice, NULL));
	return pz_hub_notice_json(&notice);
}

/* The next one of our zone. */
static json_t *
notice(const char *host)
{
	return notice_by(w.authority, host, ++number);
}

static void
assert_told(const struct fx_far *far, const char *host)
{
	json_t *message = NULL;
	struct pz_hub_notice heard;

	assert_int_equal(fx_heard(far, "hubMoved", &message), 1);
	assert_ok(pz_hub_notice_parse(message, &heard, NULL));
	assert_ok(pz_hub_notice_check(&heard, ZONE, w.authority->ca, NULL));
	assert_string_equal(heard.at.host, host);
}

static void
assert_shown(const char *host, const char *next)
{
	const json_t *hub = json_object_get(status(), "hub");
	const char *is_next = pz_json_str(json_object_get(hub, "next"), "host");

	assert_string_equal(pz_json_str(hub, "host"), host);
	assert_string_equal(is_next ? is_next : "", next);
}

static int
begin_test(void **state)
{
	fx_set_up(state);
	number = pz_env_wall_ms(&w.world.clock.env) - 1000000;
	return 0;
}

/* The next attempt, after the back-off, goes there. */
static void
next_is(const char *host)
{
	size_t before = w.net.dial_count;

	for (int i = 0; i < 100 && w.net.dial_count == before && !fx_dialled(host); i++)
		fx_run(PZ_US_PER_S);
	assert_string_equal(w.net.dials[w.net.dial_count - 1].host, host);
	assert_non_null(fx_dialled(host));
}

/* ---- what is received ---- */

static void
a_device_without_hub_goes_there_at_once(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));

	(void)state;
	assert_non_null(fx_dialled(HOST)); /* and waits */
	fx_tells(tv, "hubMoved", notice(NEW));
	assert_null(fx_dialled(NEW)); /* not before it is stored */
	fx_run(COMMIT_US);
	assert_null(fx_dialled(HOST));
	assert_int_equal(fx_dialled(NEW)->port, 9000);
	assert_shown(NEW, "");
	hub_answers(NEW);
	assert_shown(NEW, "");
}

static void
slow_attempts_end_when_the_hub_moves(void **state)
{
	struct pz_authority *other = other_zone();
	struct fx_far *tv = fx_live(fx_device("tv"));

	(void)state;
	hub_answers_as(HOST, other); /* another hub has the former address */
	fx_run(PZ_BACKOFF_SLOW_FIRST_US / 10 * 8 - PZ_US_PER_S);
	assert_null(fx_dialled(HOST)); /* waiting hardly mends that */
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(COMMIT_US);
	hub_answers(NEW);
	pz_authority_free(other);
}

static void
a_device_that_was_disconnected_stays_away(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));
	struct answer a;

	(void)state;
	begin(&a, "disconnect", json_object());
	forget(&a);
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(SOON);
	assert_null(fx_dialled(NEW));
	assert_shown(NEW, "");
}

static void
a_link_that_is_up_is_left_alone(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));
	struct fx_far *hub = hub_answers(HOST);

	(void)state;
	fx_says(hub, fx_prop(ZONE, "hubMoved", notice(NEW)));
	assert_int_equal(fx_heard(tv, "hubMoved", NULL), 0); /* not before it is stored */
	fx_run(SOON);
	assert_told(tv, NEW);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_CONNECTED);
	assert_shown(HOST, NEW);
	assert_null(fx_dialled(NEW));
	assert_true(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_HUB_ELSEWHERE, ""));
	fx_hangs_up(hub);
	next_is(NEW);
	(void)hub_answers(NEW);
	assert_false(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_HUB_ELSEWHERE, ""));
}

static void
neither_strands_the_device(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));

	(void)state;
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(COMMIT_US);
	for (int i = 0; i < 3; i++) {
		fx_refuses(NEW);
		next_is(HOST);
		fx_refuses(HOST);
		next_is(NEW);
	}
	fx_refuses(NEW);
	next_is(HOST);
	struct fx_far *hub = hub_answers(HOST); /* the move has failed */
	assert_shown(HOST, NEW);
	fx_hangs_up(hub);
	next_is(NEW); /* first again */
}

/* At the new address another hub answers, or, in front of a hub that is not there yet, a router's
 * own page. */
static void
another_hub_there_is_no_reason_to_give_up(void **state)
{
	struct pz_authority *other = other_zone();
	struct fx_far *tv = fx_live(fx_device("tv"));

	(void)state;
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(COMMIT_US);
	hub_answers_as(NEW, other);
	next_is(HOST);
	fx_refuses(HOST);
	next_is(HOST); /* the other one is known to be wrong */
	hub_answers_as(HOST, other);
	fx_run(PZ_BACKOFF_SLOW_FIRST_US / 10 * 8 - PZ_US_PER_S);
	assert_null(fx_dialled(HOST)); /* now both are */
	assert_null(fx_dialled(NEW));
	assert_non_null(strstr(pz_json_str(status(), "reason"), "is not that of the hub"));
	assert_true(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_ANOTHER_HUB, HOST));
	next_is(NEW); /* slowly, but by itself */
	hub_answers(NEW);
	assert_false(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_ANOTHER_HUB, NULL));
	pz_authority_free(other);
}

/* An alert before the handshake is done, or bytes that are no TLS: every machine on the way can
 * send them. They end one attempt, and change nothing else. */
static void
what_is_not_proved_is_one_failed_attempt(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t len;
	} answers[] = {
		{{21, 3, 3, 0, 2, 2, 48}, 7}, /* unknown_ca */
		{{21, 3, 3, 0, 2, 2, 44}, 7}, /* certificate_revoked */
		{{21, 3, 3, 0, 2, 2, 42}, 7}, /* bad_certificate */
		{{21, 3, 3, 0, 2, 2, 40}, 7}, /* handshake_failure */
		{"HTTP/1.", 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct pz_dial *dial = fx_dialled(HOST);
		struct fx_far *far = fx_far_new(NULL, PZ_TLS_HUB_SERVER);
		pz_kit_dial_connected(dial, &far->near.stream);
		pz_link_on_bytes(far->near.stream.link,
				 pz_slice_of(answers[i].bytes, answers[i].len));
		fx_settle();
		assert_int_equal(pz_node_state(w.node), PZ_STATE_NOT_CONNECTED);
		assert_string_not_equal(pz_json_str(status(), "reason"), "");
		assert_false(
			pz_condition_is_raised(w.node->conditions, PZ_CONDITION_ANOTHER_HUB, NULL));
		next_is(HOST);
	}
	hub_answers(HOST);
}

/* The hub replaces our link with one of another machine, over and over: the condition stays until
 * it has ended. */
static void
another_machine_with_our_identity_is_reported(void **state)
{
	const struct pz_conditions *conditions = w.node->conditions;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_false(pz_condition_is_raised(conditions, PZ_CONDITION_IDENTITY_TWICE, NULL));
		next_is(HOST);
		fx_says(hub_answers(HOST),
			fx_prop(ZONE, "bye",
				json_pack("{s:s, s:s, s:s}", "reason", "replaced", "replaced",
					  "192.0.2.1", "by", "192.0.2.2")));
	}
	assert_true(pz_condition_is_raised(conditions, PZ_CONDITION_IDENTITY_TWICE, NULL));
	next_is(HOST);
	hub_answers(HOST);
	fx_run(600 * PZ_US_PER_S);
	assert_false(pz_condition_is_raised(conditions, PZ_CONDITION_IDENTITY_TWICE, NULL));
}

static void
all_linked_devices_receive_it(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv")), *phone = fx_live(fx_device("phone"));

	(void)state;
	assert_int_equal(fx_heard(phone, "hubMoved", NULL), 0);
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(COMMIT_US);
	assert_told(phone, NEW);
	struct fx_far *pad = fx_live(fx_device("pad")); /* and who comes later */
	assert_told(pad, NEW);
	fx_forget(phone);
	fx_tells(pad, "hubMoved", notice_by(w.authority, NEW, number)); /* no news */
	fx_tells(pad, "hubMoved", notice_by(w.authority, THIRD, number - 1));
	fx_run(SOON);
	assert_int_equal(fx_heard(phone, "hubMoved", NULL), 0);
	assert_shown(NEW, "");
}

static void
it_is_known_after_a_restart(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));

	(void)state;
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(COMMIT_US);
	pz_node_stop(w.node);
	fx_settle();
	run(COMMIT_US);
	pz_node_free(w.node);
	start_node();
	assert_null(fx_dialled(HOST));
	fx_refuses(NEW);
	next_is(HOST); /* the former one, too */
	assert_told(fx_live(fx_device("phone")), NEW);
}

static void
what_is_not_stored_does_not_count(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv")), *phone = fx_live(fx_device("phone"));

	(void)state;
	pz_memory_disk_fail_after(w.world.disk, 0);
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(COMMIT_US);
	assert_shown(HOST, "");
	assert_non_null(fx_dialled(HOST));
	assert_int_equal(fx_heard(phone, "hubMoved", NULL), 0);
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
	fx_tells(tv, "hubMoved", notice_by(w.authority, NEW, number)); /* said again */
	fx_run(COMMIT_US);
	assert_shown(NEW, "");
}

static void
two_on_their_way_to_the_disk(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));

	(void)state;
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_tells(tv, "hubMoved", notice(THIRD));
	fx_tells(tv, "hubMoved", notice_by(w.authority, NEW, number - 1));
	fx_run(COMMIT_US);
	assert_shown(THIRD, "");
	assert_non_null(fx_dialled(THIRD));
}

/* ---- what is not believed ---- */

static void
only_the_zones_own_word_counts(void **state)
{
	struct pz_authority *other = other_zone();
	struct fx_far *tv = fx_live(fx_device("tv")), *phone = fx_live(fx_device("phone"));
	json_t *changed = notice(NEW);

	(void)state;
	json_object_set_new(changed, "host", json_string(THIRD));
	fx_tells(tv, "hubMoved", changed);
	fx_tells(tv, "hubMoved", notice_by(other, NEW, number));
	fx_tells(tv, "hubMoved", json_string("x"));
	fx_run(COMMIT_US);
	assert_shown(HOST, "");
	assert_int_equal(fx_heard(phone, "hubMoved", NULL), 0);
	/* Who has made up three is not listened to any more; others are. */
	fx_tells(tv, "hubMoved", notice_by(w.authority, NEW, number));
	fx_run(COMMIT_US);
	assert_shown(HOST, "");
	fx_tells(phone, "hubMoved", notice_by(w.authority, NEW, number));
	fx_run(COMMIT_US);
	assert_shown(NEW, "");
	pz_authority_free(other);
}

static void
a_device_that_leaves_forgets_it(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));
	struct pz_hub_place place;
	const struct pz_membership virgin = {.hub_host = "x", .hub_port = 1};

	(void)state;
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(COMMIT_US);
	fx_tells(tv, "hubMoved", notice(THIRD)); /* on its way while it leaves */
	assert_ok(pz_machine_event(pz_uplink_machine(w.node->uplink), PZ_EVENT_LEAVE, NULL));
	fx_run(PZ_US_PER_S);
	assert_int_equal(pz_node_state(w.node), PZ_STATE_VIRGIN);
	assert_true(json_is_null(json_object_get(status(), "hub")));
	assert_ok(pz_hub_place_load(w.world.store, &virgin, &place, NULL));
	assert_string_equal(place.at.host, "x");
	refused("hub", json_object(), PZ_ERR_NOTFOUND);
}

static void
a_renewal_does_not_bring_it_back(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));

	(void)state;
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(COMMIT_US);
	fx_refuses(NEW);
	uint64_t not_after = pz_cert_not_after_ms(w.node->zone.membership->tls);
	pz_kit_clock_skip(&w.world.clock, UINT64_C(61) * 86400 * PZ_US_PER_S);
	pz_upkeep_renew_if_due(w.node->upkeep);
	run(COMMIT_US);
	assert_true(pz_cert_not_after_ms(w.node->zone.membership->tls) > not_after);
	assert_shown(NEW, "");
	next_is(HOST); /* in its turn */
	fx_refuses(HOST);
	next_is(NEW);
}

/* ---- the user's word ---- */

/* Answered when the attempt there has ended. */
static struct answer said;

static void
user_says(const char *host, int port)
{
	begin(&said, "hub", json_pack("{s:s, s:i}", "host", host, "port", port));
	assert_int_equal(said.ends, 0); /* not before it is stored */
	fx_run(COMMIT_US);
}

static void
assert_proved(const char *host, int port)
{
	assert_int_equal(said.ends, 1);
	assert_ok(said.err);
	assert_string_equal(pz_json_str(said.result, "host"), host);
	assert_int_equal(json_integer_value(json_object_get(said.result, "port")), port);
	forget(&said);
}

static void
assert_not_proved(const char *host, const char *reason)
{
	assert_int_equal(said.ends, 1);
	assert_int_equal(said.err, PZ_ERR_IO);
	assert_non_null(strstr(said.detail, host));
	assert_non_null(strstr(said.detail, reason));
	forget(&said);
}

static void
the_user_knows_where_the_hub_is(void **state)
{
	struct fx_far *hub = hub_answers(HOST);
	struct answer a;

	(void)state;
	user_says(NEW, 9001);
	assert_true(hub->near.is_closed); /* at once, also from a link that is up */
	assert_int_equal(fx_dialled(NEW)->port, 9001);
	assert_int_equal(said.ends, 0); /* it is tried */
	begin(&a, "hub", json_object());
	assert_ok(a.err);
	assert_string_equal(pz_json_str(a.result, "host"), NEW);
	forget(&a);
	fx_refuses(NEW);
	assert_not_proved(NEW, "in turn with the former one");
	user_says(NEW, 9001); /* again: now, not when the back-off says so */
	assert_non_null(fx_dialled(NEW));
	hub = hub_answers(NEW);
	assert_proved(NEW, 9001);
	user_says(NEW, 9001);
	assert_proved(NEW, 9001);
	assert_false(hub->near.is_closed); /* where it is already */
}

static void
the_newer_word_wins(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv")), *phone = fx_live(fx_device("phone"));

	(void)state;
	user_says(NEW, 9001);
	fx_tells(tv, "hubMoved", notice(THIRD)); /* made before */
	fx_run(COMMIT_US);
	assert_shown(NEW, "");
	assert_told(phone, THIRD); /* for others it is news */
	number = pz_env_wall_ms(&w.world.clock.env) + 1000;
	fx_tells(tv, "hubMoved", notice(THIRD));
	fx_run(COMMIT_US);
	assert_shown(THIRD, "");
	assert_non_null(fx_dialled(THIRD));
	assert_int_equal(said.err, PZ_ERR_EXISTS); /* the command ended then */
	forget(&said);
}

/* Both say the same, at the same time: the command waits for the attempt all the same. */
static void
a_notice_with_the_users_address_changes_nothing(void **state)
{
	struct fx_far *tv = fx_live(fx_device("tv"));

	(void)state;
	user_says(NEW, 9000);
	assert_non_null(fx_dialled(NEW));
	fx_tells(tv, "hubMoved", notice(NEW));
	fx_run(COMMIT_US);
	assert_int_equal(said.ends, 0);
	(void)hub_answers(NEW);
	assert_proved(NEW, 9000);
}

static void
no_hosts_are_refused(void **state)
{
	(void)state;
	refused("hub", json_pack("{s:s}", "host", ""), PZ_ERR_CONFIG);
	refused("hub", json_pack("{s:s}", "host", "a b"), PZ_ERR_CONFIG);
	refused("hub", json_pack("{s:i}", "host", 5), PZ_ERR_CONFIG);
	refused("hub", json_pack("{s:s, s:i}", "host", NEW, "port", 0), PZ_ERR_CONFIG);
	refused("hub", json_pack("{s:s, s:s}", "host", NEW, "port", "1"), PZ_ERR_CONFIG);
	assert_shown(HOST, "");
}

static void
a_command_may_go_before_it_is_stored(void **state)
{
	struct answer a;

	(void)state;
	begin(&a, "hub", json_pack("{s:s}", "host", NEW));
	forget(&a);
	fx_run(COMMIT_US);
	assert_int_equal(fx_dialled(NEW)->port, 8041);
	pz_memory_disk_fail_after(w.world.disk, 0);
	begin(&a, "hub", json_pack("{s:s}", "host", THIRD));
	fx_run(COMMIT_US);
	assert_int_equal(a.err, PZ_ERR_IO_FULL);
	forget(&a);
	assert_shown(NEW, "");
	pz_memory_disk_fail_after(w.world.disk, SIZE_MAX);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin_test, fx_tear_down)
	static const struct CMUnitTest tests[] = {
		T(a_device_without_hub_goes_there_at_once),
		T(slow_attempts_end_when_the_hub_moves),
		T(a_device_that_was_disconnected_stays_away),
		T(a_link_that_is_up_is_left_alone),
		T(neither_strands_the_device),
		T(another_hub_there_is_no_reason_to_give_up),
		T(what_is_not_proved_is_one_failed_attempt),
		T(another_machine_with_our_identity_is_reported),
		T(all_linked_devices_receive_it),
		T(it_is_known_after_a_restart),
		T(what_is_not_stored_does_not_count),
		T(two_on_their_way_to_the_disk),
		T(only_the_zones_own_word_counts),
		T(a_device_that_leaves_forgets_it),
		T(a_renewal_does_not_bring_it_back),
		T(the_user_knows_where_the_hub_is),
		T(the_newer_word_wins),
		T(a_notice_with_the_users_address_changes_nothing),
		T(no_hosts_are_refused),
		T(a_command_may_go_before_it_is_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
