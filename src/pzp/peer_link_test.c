/* A direct link from handshake to end: which devices may open one, which of two survives, and
 * keep-alive. */
#include "pzp/peer_fixture.h"

#include "rpc/error.h"

#define MS PZ_US_PER_MS

/* Announces it, and receives what follows. */
static void
has_a_test_service(struct fx_far *far)
{
	fx_tells(far, "registerServices", fx_services(far->device->address, 1));
	assert_int_equal(fx_heard(far, "error", NULL), 0);
	fx_run(100 * MS);
	fx_forget(far);
}

/* ---- who ---- */

static void
both_register_before_anything_is_said(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	struct fx_far *far = fx_comes(tv);
	assert_true(fx_heard_register(far));
	assert_int_equal(json_array_size(far->heard), 1);
	fx_state_is("tv", PZ_PEER_NOT_CONNECTED);
	assert_string_equal(pz_peers_route(w.node->peers, "tv"), "none");
	fx_registers(far);
	fx_state_is("tv", PZ_PEER_CONNECTED);
	assert_string_equal(pz_peers_route(w.node->peers, "tv"), "direct");
	assert_int_equal(fx_heard(far, "pzpInfo", NULL), 1);
	assert_int_equal(fx_heard(far, "registerServices", NULL), 1);
	assert_int_equal(pz_peers_live_count(w.node->peers), 1);
}

static void
the_first_words_say_who_we_are_and_what_we_can(void **state)
{
	json_t *info = NULL, *services = NULL;

	(void)state;
	struct fx_far *far = fx_live(fx_device("tv"));
	(void)fx_heard(far, "pzpInfo", &info);
	assert_string_equal(pz_json_str(info, "displayName"), "laptop");
	assert_true(json_is_array(json_object_get(info, "addresses")));
	assert_int_equal(json_integer_value(json_object_get(info, "port")), w.node->peers->port);
	assert_string_equal(pz_json_str(info, "session"), pz_peers_session(w.node->peers));
	assert_true(json_is_boolean(json_object_get(info, "relay")));
	assert_true(json_is_false(json_object_get(info, "hub")));
	(void)fx_heard(far, "registerServices", &services);
	assert_string_equal(pz_json_str(services, "from"), ZONE "/laptop");
	assert_true(json_array_size(json_object_get(services, "services")) > 0);
}

static void
a_register_for_another_device_ends_it(void **state)
{
	struct fx_device *tv = fx_device("tv");
	static const char *const others[] = {ZONE "/radio", ZONE, ZONE "/tv/app", ZONE "/laptop",
					     "eve@example.org/tv"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct fx_far *far = fx_comes(tv);
		fx_registers_as(far, others[i]);
		assert_true(far->near.is_closed);
		assert_null(fx_peer("tv")->live);
	}
	assert_null(fx_peer("radio"));
}

/* A list comes to the node from its hub. */
static void
hears_of(const struct pz_crl *crl)
{
	const struct pz_sync_kind *kind = pz_sync_kind(PZ_SYNC_CRL);
	json_t *keys = json_pack("[s]", ZONE);
	PZ_AUTO_FREE char *text = pz_record_crl_text(crl);
	struct pz_sync_parts parts = {.key = ZONE,
				      .origin = ZONE,
				      .value = pz_slice_str(text),
				      .mtime_ms = pz_crl_this_update_ms(crl)};
	struct pz_sync_chunk *chunk = NULL;

	assert_ok(pz_sync_chunk_new(&parts, &chunk, NULL));
	assert_ok(pz_sync_item_put(pz_zonedata_item(w.node->zonedata, kind), chunk, NULL));
	pz_zonedata_received(w.node->zonedata, kind, keys);
	json_decref(keys);
}

/* Its hello has come: the handshake has begun, with the list of now; and then it is revoked. */
static struct fx_far *
revoked_while_it_connects(void)
{
	struct fx_far *far = fx_far_new(fx_device("tv"), PZ_TLS_CLIENT);

	w.net.listener.accept(w.net.listener.arg, &far->near.stream, "192.0.2.9");
	(void)fx_far_reads(far);
	(void)pz_kit_stream_deliver(&far->near);
	pz_kit_revoke(&w.hub, w.authority, "tv", PZ_REVOKED_BY_OWNER);
	hears_of(w.authority->crl);
	return far;
}

static void
is_refused(struct fx_far *far)
{
	fx_settle();
	assert_true(pz_tls_is_ready(far->far.tls)); /* nothing was wrong with the handshake */
	assert_true(far->near.is_closed);
	assert_false(fx_heard_register(far));
	assert_int_equal(pz_peers_live_count(w.node->peers), 0);
}

static void
one_that_is_revoked_while_it_connects_is_refused(void **state)
{
	(void)state;
	is_refused(revoked_while_it_connects());
}

/* The hub was put back to a backup and has revoked others since: its list has the higher number,
 * and the one that says so of this device is kept beside it. */
static void
one_that_only_an_older_list_revokes_is_refused_as_well(void **state)
{
	struct fx_far *far = revoked_while_it_connects();
	const struct pz_authority *a = w.authority;
	struct pz_crl *crl = NULL;

	(void)state;
	assert_ok(pz_crl_issue(a->ca, a->ca_key, NULL, 0, pz_crl_number(a->crl) + 1,
			       &w.world.clock.env, &crl, NULL));
	hears_of(crl);
	pz_crl_free(crl);
	is_refused(far);
}

static void
a_link_of_another_zone_is_refused(void **state)
{
	struct pz_authority *eve = pz_kit_authority_new(&w.hub, "eve@example.org");

	(void)state;
	struct fx_far *far = fx_comes(fx_device_of(&w.hub, eve, "tv"));
	assert_true(far->near.is_closed);
	assert_int_equal(far->far.err, PZ_ERR_DENIED_REMOTE);
	assert_null(fx_peer("tv"));
	pz_authority_free(eve);
}

static void
a_silent_connection_has_three_seconds_and_one_that_has_proved_itself_fifteen(void **state)
{
	(void)state;
	struct fx_far *silent = fx_comes(NULL), *half = fx_comes(fx_device("tv"));
	assert_int_equal(pz_doorway_waiting(w.node->peers->doorway), 1);
	fx_run(PZ_HELLO_TIMEOUT_US - 100 * MS);
	assert_false(silent->near.is_closed || half->near.is_closed);
	fx_run(200 * MS);
	assert_true(silent->near.is_closed);
	fx_run(PZ_HANDSHAKE_TIMEOUT_US - PZ_HELLO_TIMEOUT_US - 200 * MS);
	assert_false(half->near.is_closed);
	fx_run(200 * MS);
	assert_true(half->near.is_closed); /* it has proved its identity, and never registered */
	assert_int_equal(pz_doorway_waiting(w.node->peers->doorway), 0);
}

static void
connections_without_proof_are_bounded(void **state)
{
	struct fx_far *fars[PZ_PEER_UNAUTH_PER_ADDRESS_MAX + 4];

	(void)state;
	for (int i = 0; i < PZ_PEER_UNAUTH_PER_ADDRESS_MAX + 4; i++)
		fars[i] = fx_comes(NULL);
	for (int i = 0; i < PZ_PEER_UNAUTH_PER_ADDRESS_MAX + 4; i++)
		assert_int_equal(fars[i]->near.is_closed, i < 4); /* the oldest go */
	assert_true(w.node->metrics.value[PZ_METRIC_limits_hit] >= 4);
	(void)fx_live(fx_device("tv")); /* even from that address */
}

static void
comes_from(const char *remote)
{
	struct fx_far *far = fx_far_new(NULL, PZ_TLS_CLIENT);

	w.net.listener.accept(w.net.listener.arg, &far->near.stream, remote);
	fx_settle();
}

static void
a_full_waiting_room_is_a_condition_and_lets_devices_in(void **state)
{
	const struct pz_conditions *conditions = w.node->conditions;
	char text[32];

	(void)state;
	for (int i = 0; i < PZ_PEER_UNAUTH_MAX; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d", i);
		comes_from(text);
	}
	assert_int_equal(pz_doorway_waiting(w.node->peers->doorway), PZ_PEER_UNAUTH_MAX);
	assert_false(pz_condition_is_raised(conditions, PZ_CONDITION_WAITING_ROOM_FULL, NULL));
	(void)fx_live(fx_device("tv"));
	assert_true(pz_condition_is_raised(conditions, PZ_CONDITION_WAITING_ROOM_FULL, NULL));
	fx_run(PZ_DOORWAY_CALM_US);
	assert_false(pz_condition_is_raised(conditions, PZ_CONDITION_WAITING_ROOM_FULL, NULL));
}

/* One device that never ends its links: the bound of all of them is no reason to fall over. */
static void
connections_are_bounded(void **state)
{
	(void)state;
	struct fx_far *live = fx_live(fx_device("tv"));
	/* Links that have proved who they are and wait. */
	struct peer_link *fill = calloc(PZ_PEER_LINKS_MAX - 1, sizeof(*fill));
	for (int i = 0; i < PZ_PEER_LINKS_MAX - 1; i++)
		pz_list_append(&w.node->peers->links, &fill[i].node);
	struct fx_far *far = fx_far_new(NULL, PZ_TLS_CLIENT);
	w.net.listener.accept(w.net.listener.arg, &far->near.stream, "192.0.2.9");
	assert_true(far->near.is_closed);
	for (int i = 0; i < PZ_PEER_LINKS_MAX - 1; i++)
		pz_list_remove(&fill[i].node);
	free(fill);
	assert_false(live->near.is_closed);
}

static void
what_is_said_before_register_means_nothing(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	struct fx_far *far = fx_comes(tv);
	fx_tells(far, "pzpInfo", fx_info());
	assert_null(fx_peer("tv")->info);
	fx_says(far, json_pack("{s:s, s:s, s:s, s:{s:s, s:i, s:s}}", "type", "JSONRPC", "from",
			       tv->address, "to", ZONE "/laptop", "payload", "jsonrpc", "2.0", "id",
			       7, "method", API_TEST "@x.get42"));
	assert_int_equal(json_array_size(far->heard), 1);
	fx_registers(far);
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

/* ---- two links at once (page 5) ---- */

/* Ours is the smaller identity: our link stays, theirs goes. */
static void
when_both_dial_the_smaller_ones_link_survives(void **state)
{
	struct fx_device *tv = fx_device("tv"); /* laptop < tv */

	(void)state;
	fx_directory("tv", json_pack("[s]", "10.0.0.1"), TLS_PORT);
	pz_peer_dial(pz_peers_get(w.node->peers, "tv"), 0);
	struct fx_far *theirs = fx_comes(tv);
	fx_registers(theirs);
	fx_state_is("tv", PZ_PEER_CONNECTED);
	struct fx_far *ours = fx_answers("10.0.0.1", tv); /* continues nevertheless */
	fx_registers(ours);
	assert_ptr_equal(fx_peer("tv")->live->link->stream, &ours->near.stream);
	json_t *bye = NULL;
	assert_int_equal(fx_heard(theirs, "bye", &bye), 1);
	assert_string_equal(pz_json_str(bye, "reason"), "replaced");
	assert_false(theirs->near.is_closed); /* it is read until its bye */
	fx_tells(theirs, "bye", json_pack("{s:s}", "reason", "replaced"));
	assert_true(theirs->near.is_closed);
	assert_false(ours->near.is_closed);
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

/* Theirs is the smaller: our attempt ends when their link is live. */
static void
when_both_dial_the_larger_one_gives_up(void **state)
{
	struct fx_device *desk = fx_device("desk"); /* desk < laptop */

	(void)state;
	fx_directory("desk", json_pack("[s]", "10.0.0.1"), TLS_PORT);
	pz_peer_dial(pz_peers_get(w.node->peers, "desk"), 0);
	struct fx_far *theirs = fx_comes(desk);
	fx_registers(theirs);
	fx_state_is("desk", PZ_PEER_CONNECTED);
	assert_null(fx_dialled("10.0.0.1"));
	assert_null(fx_peer("desk")->attempt);
}

/* A replaced link serves until the other end says bye, but not for ever. */
static void
draining_ends(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	fx_directory("tv", json_pack("[s]", "10.0.0.1"), TLS_PORT);
	pz_peer_dial(pz_peers_get(w.node->peers, "tv"), 0);
	struct fx_far *theirs = fx_comes(tv);
	fx_registers(theirs);
	fx_registers(fx_answers("10.0.0.1", tv));
	/* What was under way on it is received. */
	fx_tells(theirs, "pzpInfo", fx_info());
	assert_non_null(fx_peer("tv")->info);
	fx_run(PZ_PEER_DRAIN_US - 100 * MS);
	assert_false(theirs->near.is_closed);
	fx_run(200 * MS);
	assert_true(theirs->near.is_closed);
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

static void
nothing_new_goes_out_on_a_replaced_link(void **state)
{
	struct fx_device *tv = fx_device("tv");
	struct answer a;

	(void)state;
	fx_directory("tv", json_pack("[s]", "10.0.0.1"), TLS_PORT);
	pz_peer_dial(pz_peers_get(w.node->peers, "tv"), 0);
	struct fx_far *theirs = fx_comes(tv);
	fx_registers(theirs);
	struct fx_far *ours = fx_answers("10.0.0.1", tv);
	fx_registers(ours);
	fx_forget(theirs);
	has_a_test_service(ours);
	begin(&a, "call", call_params("test@tv", "get42", json_array()));
	fx_run(100 * MS);
	assert_int_equal(json_array_size(theirs->heard), 0);
	assert_true(json_array_size(ours->heard) > 0); /* the call */
	forget(&a);
}

/* It dialled again: whatever it had before is gone, as far as it knows. */
static void
a_newer_link_of_the_same_direction_replaces_the_older(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	struct fx_far *first = fx_live(tv), *second = fx_live(tv);
	assert_true(first->near.is_closed);
	assert_ptr_equal(fx_peer("tv")->live->link->stream, &second->near.stream);
	assert_int_equal(pz_peers_live_count(w.node->peers), 1);
}

/* We opened and hold it, and the larger one dials: crossed, or has it lost ours? */
static struct fx_far *
open_ours(struct fx_device *tv)
{
	fx_directory("tv", json_pack("[s]", "10.0.0.1"), TLS_PORT);
	pz_peer_dial(pz_peers_get(w.node->peers, "tv"), 0);
	struct fx_far *ours = fx_answers("10.0.0.1", tv);
	fx_registers(ours);
	fx_run(100 * MS);
	fx_forget(ours);
	return ours;
}

static void
a_newer_link_waits_while_the_older_lives(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	struct fx_far *ours = open_ours(tv), *theirs = fx_comes(tv);
	assert_false(fx_heard_register(theirs)); /* standby */
	assert_int_equal(fx_heard(ours, "probe", NULL), 1);
	fx_registers(theirs); /* it may say so at once, and waits */
	assert_false(fx_heard_register(theirs));
	fx_tells(ours, "keepAlive", NULL);
	assert_true(theirs->near.is_closed);
	assert_false(ours->near.is_closed);
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

/* Both have said register on both links; ours became live first, so theirs goes, and not ours. */
static void
of_two_links_that_register_at_once_ours_stays(void **state)
{
	struct fx_device *tv = fx_device("tv");
	json_t *bye = NULL;

	(void)state;
	struct fx_far *theirs = fx_comes(tv);
	assert_true(fx_heard_register(theirs));
	struct fx_far *ours = open_ours(tv);
	fx_state_is("tv", PZ_PEER_CONNECTED);
	fx_registers(theirs);
	assert_int_equal(fx_heard(ours, "bye", NULL), 0);
	assert_int_equal(fx_heard(theirs, "bye", &bye), 1);
	assert_string_equal(pz_json_str(bye, "reason"), "replaced");
	fx_tells(theirs, "bye", json_pack("{s:s}", "reason", "replaced"));
	assert_true(theirs->near.is_closed);
	assert_false(ours->near.is_closed);
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

static void
a_newer_link_takes_over_when_the_older_is_dead(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	struct fx_far *ours = open_ours(tv), *theirs = fx_comes(tv);
	fx_registers(theirs);
	fx_run(PZ_PEER_CONTEST_US - 100 * MS);
	assert_false(ours->near.is_closed);
	fx_run(200 * MS);
	assert_true(ours->near.is_closed);
	assert_true(fx_heard_register(theirs));
	assert_ptr_equal(fx_peer("tv")->live->link->stream, &theirs->near.stream);
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

/* The same, but the other end registers only after us. */
static void
a_newer_link_takes_over_also_when_it_was_silent(void **state)
{
	struct fx_device *tv = fx_device("tv");

	(void)state;
	struct fx_far *ours = open_ours(tv), *theirs = fx_comes(tv);
	fx_hangs_up(ours);
	assert_true(fx_heard_register(theirs));
	fx_state_is("tv", PZ_PEER_NOT_CONNECTED);
	fx_registers(theirs);
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

/* ---- signs of life ---- */

/* A call without any answer: the link is asked, then given up, and the call ends. */
static void
a_call_into_silence_gives_the_link_up(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));
	struct answer a;

	(void)state;
	has_a_test_service(far);
	begin(&a, "call", call_params("test@tv", "get42", json_array()));
	fx_run(PZ_LIVENESS_WATCH_US - 100 * MS);
	assert_int_equal(fx_heard(far, "probe", NULL), 0);
	fx_run(200 * MS);
	assert_int_equal(fx_heard(far, "probe", NULL), 1);
	fx_run(PZ_LIVENESS_PATIENCE_US - 400 * MS);
	assert_int_equal(a.ends, 0);
	fx_run(600 * MS);
	assert_true(far->near.is_closed);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(a.result, "error"), "code")),
		PZ_RPC_UNREACHABLE);
	forget(&a);
	fx_state_is("tv", PZ_PEER_NOT_CONNECTED);
}

/* A slow service is no dead link. */
static void
a_sign_of_life_is_enough(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));
	struct answer a;

	(void)state;
	has_a_test_service(far);
	begin(&a, "call", call_params("test@tv", "get42", json_array()));
	for (int i = 0; i < 25; i++) {
		fx_run(PZ_US_PER_S);
		if (fx_heard(far, "probe", NULL) > 0)
			fx_tells(far, "keepAlive", NULL);
		fx_forget(far);
	}
	assert_false(far->near.is_closed);
	assert_int_equal(a.ends, 0);
	forget(&a);
}

static void
a_peer_that_sends_a_probe_gets_an_answer(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));

	(void)state;
	fx_forget(far);
	fx_tells(far, "keepAlive", NULL);
	assert_int_equal(fx_heard(far, "keepAlive", NULL), 0); /* or it would continue for ever */
	fx_tells(far, "probe", NULL);
	assert_int_equal(fx_heard(far, "keepAlive", NULL), 1);
}

/* The operator has set another time (pz_node_reconfigure). */
static void
a_time_between_keepalives_that_changed_counts_for_direct_links(void **state)
{
	struct pz_node_config config = w.node->config;

	(void)state;
	config.keepalive_us = 5 * PZ_US_PER_S;
	pz_node_reconfigure(w.node, &config);
	struct fx_far *far = fx_live(fx_device("tv"));
	fx_run(1 * PZ_US_PER_S);
	fx_forget(far);
	fx_run(6 * PZ_US_PER_S);
	assert_int_equal(fx_heard(far, "keepAlive", NULL), 1);
}

static void
another_network_has_every_link_asked(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv")), *deaf = fx_live(fx_device("radio"));

	(void)state;
	fx_forget(far);
	pz_node_network_changed(w.node);
	fx_settle();
	assert_int_equal(fx_heard(far, "probe", NULL), 1);
	fx_tells(far, "keepAlive", NULL);
	fx_run(PZ_PEER_CONTEST_US + 100 * MS);
	assert_false(far->near.is_closed);
	assert_true(deaf->near.is_closed);
}

/* ---- the end ---- */

static void
stopping_says_bye(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv"));
	json_t *bye = NULL;

	(void)state;
	pz_node_stop(w.node);
	fx_settle();
	assert_int_equal(fx_heard(far, "bye", &bye), 1);
	assert_string_equal(pz_json_str(bye, "reason"), "stopping");
	assert_true(far->near.is_closed);
	assert_false(w.net.is_listening);
}

static void
leaving_the_zone_ends_every_link(void **state)
{
	struct fx_far *far = fx_live(fx_device("tv")), *half = fx_comes(fx_device("radio"));
	struct answer a;

	(void)state;
	begin(&a, "leave", json_object());
	fx_run(10 * PZ_US_PER_S);
	assert_int_equal(a.ends, 1);
	forget(&a);
	assert_true(far->near.is_closed);
	assert_true(half->near.is_closed);
	assert_false(w.net.is_listening);
	assert_null(fx_peer("tv"));
}

static void
a_port_in_use_is_tried_again(void **state)
{
	(void)state;
	pz_peers_unlisten(w.node->peers);
	w.net.listen_err = PZ_ERR_IO;
	pz_peers_listen(w.node->peers);
	assert_int_equal(w.node->peers->port, 0);
	json_t *texts = pz_conditions_texts(w.node->conditions);
	assert_int_equal(json_array_size(texts), 1);
	assert_non_null(strstr(json_string_value(json_array_get(texts, 0)), "in use"));
	json_decref(texts);
	fx_run(PZ_PEER_LISTEN_AGAIN_US + 100 * MS); /* it still is */
	assert_true(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_NO_DIRECT_LINKS, ""));
	w.net.listen_err = PZ_OK;
	fx_run(PZ_PEER_LISTEN_AGAIN_US + 100 * MS);
	assert_true(w.net.is_listening);
	assert_false(pz_condition_is_raised(w.node->conditions, PZ_CONDITION_NO_DIRECT_LINKS, ""));

	/* Sooner, when the network has changed. */
	pz_peers_unlisten(w.node->peers);
	w.net.listen_err = PZ_ERR_IO;
	pz_peers_listen(w.node->peers);
	w.net.listen_err = PZ_OK;
	pz_node_network_changed(w.node);
	assert_true(w.net.is_listening);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(both_register_before_anything_is_said),
		FX_TEST(the_first_words_say_who_we_are_and_what_we_can),
		FX_TEST(a_register_for_another_device_ends_it),
		FX_TEST(one_that_is_revoked_while_it_connects_is_refused),
		FX_TEST(one_that_only_an_older_list_revokes_is_refused_as_well),
		FX_TEST(a_link_of_another_zone_is_refused),
		FX_TEST(a_silent_connection_has_three_seconds_and_one_that_has_proved_itself_fifteen),
		FX_TEST(connections_without_proof_are_bounded),
		FX_TEST(a_full_waiting_room_is_a_condition_and_lets_devices_in),
		FX_TEST(connections_are_bounded),
		FX_TEST(what_is_said_before_register_means_nothing),
		FX_TEST(when_both_dial_the_smaller_ones_link_survives),
		FX_TEST(when_both_dial_the_larger_one_gives_up),
		FX_TEST(draining_ends),
		FX_TEST(nothing_new_goes_out_on_a_replaced_link),
		FX_TEST(a_newer_link_of_the_same_direction_replaces_the_older),
		FX_TEST(a_newer_link_waits_while_the_older_lives),
		FX_TEST(of_two_links_that_register_at_once_ours_stays),
		FX_TEST(a_newer_link_takes_over_when_the_older_is_dead),
		FX_TEST(a_newer_link_takes_over_also_when_it_was_silent),
		FX_TEST(a_call_into_silence_gives_the_link_up),
		FX_TEST(a_sign_of_life_is_enough),
		FX_TEST(a_peer_that_sends_a_probe_gets_an_answer),
		FX_TEST(a_time_between_keepalives_that_changed_counts_for_direct_links),
		FX_TEST(another_network_has_every_link_asked),
		FX_TEST(stopping_says_bye),
		FX_TEST(leaving_the_zone_ends_every_link),
		FX_TEST(a_port_in_use_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
