/*
 * Friend zones at a device, with its hub at the other end of a link in memory: which calls are
 * allowed, what ends when a friend is offline or removed, what people see, and that equal names are
 * never confused.
 * @spec page 1 "Who may say what"; page 9, 10 (E2); page 14 CERT-5, REV-10, ZON-4, SPOOF-1
 */
#include "pzp/node_fixture.h"

#include "kit/link.h"
#include "kit/stream.h"
#include "pzp/membership.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "wire/frame.h"
#include "wire/message.h"

#define SELF ZONE "/laptop"
#define BOB "bob@example.net"
#define PAD BOB "/pad"
#define TV BOB "/tv" /* our zone has one, too */

static struct pz_kit_zone bob;
static struct pz_link *link; /* to the hub */

/* ---- the hub ---- */

static enum pz_err
hub_send(struct pz_session *session, struct pz_slice frame)
{
	return pz_link_send(pz_link_of(session), frame);
}

static void
hub_set_reading(struct pz_session *session, bool on)
{
	(void)session;
	(void)on;
}

static void
on_link_time(struct pz_timer *timer, void *arg)
{
	(void)timer;
	(void)arg;
}

static void
hub_close(struct pz_session *session, enum pz_err why, const char *detail)
{
	(void)session;
	(void)why;
	fail_msg("%s", detail);
}

static void
befriend(void)
{
	struct pz_friend *f = NULL;

	assert_ok(pz_friend_new(BOB, bob.ca, &f, NULL));
	snprintf(f->display_name, sizeof(f->display_name), "Bob");
	f->since_ms = 1700000000000;
	snprintf(f->sig, sizeof(f->sig), "of the hub"); /* pz_friend_check is tested in zone */
	assert_ok(pz_friends_put(w.node->zone.friends, f, NULL));
}

static int
set_up_hub(void **state)
{
	static const struct pz_session_ops ops = {hub_send, hub_set_reading, hub_close};

	set_up(state);
	start_member();
	pz_kit_zone_init(&bob, BOB, &w.world.clock.env);
	befriend();
	link = calloc(1, sizeof(*link));
	assert_non_null(link);
	link->host = &w.node->uplink->config.link_host;
	link->stream = pz_kit_stream_lost();
	link->owner = w.node->uplink;
	pz_timer_init(&link->timer, on_link_time, link);
	link->session = (struct pz_session){.ops = &ops,
					    .kind = PZ_SESSION_HUB,
					    .address = (char *)(uintptr_t)ZONE,
					    .address_len = strlen(ZONE)};
	pz_buf_init(&link->tx, PZ_QUEUE_MAX_BYTES, NULL);
	assert_ok(pz_router_attach(pz_calls_router(w.node->calls), &link->session));
	w.node->uplink->link = link;
	w.node->uplink->is_registered = true;
	return 0;
}

static void
hub_gone(void)
{
	if (link == NULL)
		return;
	w.node->uplink->is_registered = false;
	w.node->uplink->link = NULL;
	pz_router_detach(pz_calls_router(w.node->calls), &link->session);
	pz_list_remove(&link->dirty_node);
	pz_list_remove(&link->end.node);
	pz_env_stop(&w.world.clock.env, &link->timer);
	pz_buf_fini(&link->tx);
	free(PZ_TAKE(link));
}

static int
tear_down_hub(void **state)
{
	hub_gone();
	pz_kit_zone_fini(&bob);
	return tear_down(state);
}

static void
arrives(struct pz_buf *frame)
{
	assert_ok(pz_router_frame(pz_calls_router(w.node->calls), &link->session,
				  pz_buf_slice(frame)));
	pz_buf_fini(frame);
	pz_requests_report(&w.node->requests);
}

static void
hub_says(const char *status, json_t *message)
{
	struct pz_buf frame;

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_prop(&frame, ZONE, SELF, status, message));
	json_decref(message);
	arrives(&frame);
}

/* @param payload taken */
static void
message_of(const char *from, json_t *payload)
{
	struct pz_buf frame;

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_rpc(&frame, from, SELF, payload));
	json_decref(payload);
	arrives(&frame);
}

/* The newest message that the hub was sent and that has `member` in its payload, or is
 * a prop of that status; NULL: none. The
 * caller decrefs. */
static json_t *
sent(const char *member)
{
	json_t *list = pz_kit_link_messages(link), *message, *newest = NULL;
	size_t i;

	json_array_foreach (list, i, message) {
		json_t *payload = json_object_get(message, "payload");
		const char *status = pz_json_str(payload, "status");
		if (json_object_get(payload, member) || (status && strcmp(status, member) == 0)) {
			json_decref(newest);
			newest = json_incref(message);
		}
	}
	json_decref(list);
	return newest;
}

static int
error_sent(void)
{
	json_t *message = sent("error");
	json_t *error = json_object_get(json_object_get(message, "payload"), "error");
	int code = (int)json_integer_value(json_object_get(error, "code"));

	json_decref(message);
	return code;
}

/* What a friend's hub shows, as our hub passes it on. */
static void
shows(bool is_connected, const char *device, bool is_there)
{
	hub_says("friendUpdate",
		 json_pack("{s:s, s:b, s:b, s:[{s:s, s:b, s:s}]}", "zone", BOB, "connected",
			   (int)is_connected, "partial", 1, "PZP", "name", device, "connected",
			   (int)is_there, "displayName", "Bob's"));
}

/* ---- who may call ---- */

static json_t *
request(const char *id, const char *method)
{
	return json_pack("{s:s, s:s, s:s}", "jsonrpc", "2.0", "id", id, "method", method);
}

static json_t *
get42(const char *id)
{
	json_t *list = pz_registry_list(w.node->registry, API_TEST);
	char method[256];

	snprintf(method, sizeof(method), API_TEST "@%s.get42",
		 pz_json_str(json_array_get(list, 0), "id"));
	json_decref(list);
	return request(id, method);
}

static void
a_friend_may_do_nothing_by_default(void **state)
{
	(void)state;
	message_of(PAD, get42("1"));
	assert_int_equal(error_sent(), PZ_RPC_DENIED_POLICY);
	message_of(PAD, request("2", "PolicyManagement.getPolicy"));
	assert_int_equal(error_sent(), PZ_RPC_DENIED_POLICY);
	message_of(ZONE "/tv", get42("3")); /* a device of the own zone */
	json_t *answer = sent("result");
	assert_non_null(answer);
	json_decref(answer);
}

static void
messages_of_other_zones_are_dropped(void **state)
{
	(void)state;
	message_of("carol@example.com/pad", get42("1"));
	assert_null(sent("error"));
	assert_int_equal(link->session.spoofed, 1);
	assert_true(pz_friends_remove(w.node->zone.friends, pz_slice_str(BOB)));
	message_of(PAD, get42("2"));
	assert_null(sent("error"));
	assert_int_equal(link->session.spoofed, 2);
}

/* ---- calling ---- */

static const char *
last_id(void)
{
	static char id[64];
	json_t *message = sent("method");

	snprintf(id, sizeof(id), "%s", pz_json_str(json_object_get(message, "payload"), "id"));
	json_decref(message);
	return id;
}

static const char *
search_id(void)
{
	static char id[64];
	json_t *message = sent("findServices");
	json_t *body = json_object_get(json_object_get(message, "payload"), "message");

	assert_string_equal(pz_json_str(body, "zone"), BOB);
	snprintf(id, sizeof(id), "%s", pz_json_str(body, "id"));
	json_decref(message);
	return id;
}

static json_t *
descriptor(const char *address)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "api", API_TEST, "displayName", "Test",
			 "description", "of Bob", "serviceAddress", address);
}

static void
finds(json_t *services)
{
	const char *id = search_id();

	hub_says("foundServices",
		 json_pack("{s:s, s:s, s:o}", "id", id, "zone", BOB, "services", services));
	run(PZ_US_PER_MS);
	pz_requests_report(&w.node->requests);
}

/* A call to the friend's TV that waits for its answer. @return its id */
static const char *
call_tv(struct answer *a, bool is_stream)
{
	json_t *params = call_params("test@" TV, "get42", json_array());

	if (is_stream)
		json_object_set_new(params, "stream", json_true());
	begin(a, "call", params);
	finds(json_pack("[o]", descriptor(TV)));
	return last_id();
}

static void
a_friends_service_is_called(void **state)
{
	struct answer a;

	(void)state;
	shows(true, "tv", true);
	const char *id = call_tv(&a, false);
	assert_int_equal(a.ends, 0);
	/* Our own TV answers without success. */
	message_of(ZONE "/tv",
		   json_pack("{s:s, s:s, s:i}", "jsonrpc", "2.0", "id", id, "result", 1));
	assert_int_equal(a.ends, 0);
	message_of(TV, json_pack("{s:s, s:s, s:i}", "jsonrpc", "2.0", "id", id, "result", 42));
	assert_int_equal(a.ends, 1);
	assert_int_equal(json_integer_value(json_object_get(a.result, "result")), 42);
	forget(&a);
}

/* Neither a service of ours in the friend's answer, nor one of the friend in our hub's list. */
static void
names_of_two_zones_do_not_mix(void **state)
{
	struct answer a;

	(void)state;
	shows(true, "tv", true);
	begin(&a, "call", call_params("test@" TV, "get42", json_array()));
	finds(json_pack("[o, o]", descriptor(ZONE "/tv"), descriptor("carol@example.com/tv")));
	assert_int_equal(a.ends, 1);
	json_t *error = json_object_get(a.result, "error");
	assert_int_equal(json_integer_value(json_object_get(error, "code")),
			 PZ_RPC_METHOD_NOT_FOUND);
	forget(&a);

	hub_says("foundServices",
		 json_pack("{s:[o, o]}", "services", descriptor(TV), descriptor(ZONE "/tv")));
	json_t *of_tv = json_object_get(w.node->calls->known, "tv");
	assert_int_equal(json_array_size(of_tv), 1);
	assert_string_equal(pz_json_str(json_array_get(of_tv, 0), "serviceAddress"), ZONE "/tv");
}

/* ---- what ends ---- */

static void
expect_unreachable(struct answer *a, const char *says)
{
	pz_requests_report(&w.node->requests);
	assert_int_equal(a->ends, 1);
	json_t *error = json_object_get(a->result, "error");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), PZ_RPC_UNREACHABLE);
	const char *text = pz_json_str(json_object_get(error, "data"), "message");
	if (strstr(text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", text, says);
	forget(a);
}

static void
calls_end_with_the_friends_device(void **state)
{
	struct answer a;

	(void)state;
	shows(true, "tv", true);
	(void)call_tv(&a, true);
	shows(true, "pad", false); /* which is of no concern */
	hub_says("Update", json_pack("{s:b, s:[{s:s, s:b}]}", "partial", 1, "PZP", "name", "tv",
				     "connected", 0)); /* ours */
	pz_requests_report(&w.node->requests);
	assert_int_equal(a.ends, 0);
	shows(true, "tv", false);
	expect_unreachable(&a, TV " is not connected");
}

static void
calls_end_with_the_friends_hub(void **state)
{
	struct answer a;

	(void)state;
	shows(true, "tv", true);
	(void)call_tv(&a, true);
	hub_says("friendUpdate",
		 json_pack("{s:s, s:b, s:b}", "zone", BOB, "connected", 0, "partial", 1));
	expect_unreachable(&a, "the hub of " BOB);
}

/* The hub has not named it, or names it no more: what runs with it continues, and ends with the
 * hub.
 */
static void
calls_with_a_device_that_is_not_shown_end_with_the_friends_hub(void **state)
{
	struct answer a;

	(void)state;
	shows(true, "tv", true);
	(void)call_tv(&a, true);
	hub_says("friendUpdate", json_pack("{s:s, s:b, s:[]}", "zone", BOB, "connected", 1, "PZP"));
	pz_requests_report(&w.node->requests);
	assert_int_equal(a.ends, 0);
	hub_says("friendUpdate",
		 json_pack("{s:s, s:b, s:b}", "zone", BOB, "connected", 0, "partial", 1));
	expect_unreachable(&a, "the hub of " BOB);
}

static void
calls_end_with_the_friendship(void **state)
{
	struct answer a;

	(void)state;
	shows(true, "tv", true);
	(void)call_tv(&a, true);
	pz_node_friends_follow(w.node); /* the hub's list does not have it any more */
	expect_unreachable(&a, "");
	assert_null(pz_device_zone_friend(&w.node->zone, pz_slice_str(BOB)));
	assert_null(json_object_get(w.node->calls->friends, BOB));
}

static void
calls_end_with_the_own_hub(void **state)
{
	struct answer a;

	(void)state;
	shows(true, "tv", true);
	(void)call_tv(&a, false);
	hub_gone();
	pz_calls_friends_hub_gone(w.node->calls);
	expect_unreachable(&a, "the hub is not connected");
}

/* ---- what people see ---- */

static void
friends_and_their_devices_are_listed(void **state)
{
	struct answer a;

	(void)state;
	shows(true, "tv", true);
	begin(&a, "friends", NULL);
	pz_requests_report(&w.node->requests);
	json_t *one = json_array_get(a.result, 0);
	assert_int_equal(json_array_size(a.result), 1);
	assert_string_equal(pz_json_str(one, "zone"), BOB);
	assert_string_equal(pz_json_str(one, "displayName"), "Bob");
	assert_int_equal(json_integer_value(json_object_get(one, "since")), 1700000000);
	assert_true(json_is_true(json_object_get(one, "connected")));
	assert_int_equal(json_array_size(json_object_get(one, "may")), 0);
	forget(&a);

	begin(&a, "peers", NULL);
	pz_requests_report(&w.node->requests);
	one = json_array_get(a.result, json_array_size(a.result) - 1);
	assert_string_equal(pz_json_str(one, "id"), TV);
	assert_true(json_is_true(json_object_get(one, "friend")));
	assert_string_equal(pz_json_str(one, "route"), "hub");
	forget(&a);

	begin(&a, "services", json_pack("{s:s}", "zone", BOB));
	finds(json_pack("[o, o]", descriptor(TV), descriptor(ZONE "/tv")));
	assert_int_equal(json_array_size(a.result), 1);
	forget(&a);
	refused("services", json_pack("{s:s}", "zone", "carol@example.com"), PZ_ERR_NOTFOUND);
}

static void
what_a_hub_says_of_friends_is_bounded(void **state)
{
	json_t *list = json_array();
	char name[16];

	(void)state;
	for (int i = 0; i < 2 * PZ_FRIEND_DEVICES_MAX; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		json_array_append_new(
			list, json_pack("{s:s, s:b, s:s}", "name", name, "connected", 1, "x", "y"));
	}
	json_array_append_new(list, json_pack("{s:s}", "name", "a/b"));
	hub_says("friendUpdate",
		 json_pack("{s:s, s:b, s:o}", "zone", BOB, "connected", 1, "PZP", list));
	const json_t *devices =
		json_object_get(json_object_get(w.node->calls->friends, BOB), "devices");
	assert_int_equal(json_object_size(devices), PZ_FRIEND_DEVICES_MAX);
	assert_null(json_object_get(json_object_get(devices, "d1"), "x"));
	hub_says("friendUpdate", json_pack("{s:s, s:b}", "zone", ZONE, "connected", 1));
	hub_says("friendUpdate", json_pack("{s:s, s:b}", "zone", "no zone", "connected", 1));
	assert_int_equal(json_object_size(w.node->calls->friends), 1);
	for (int i = 0; i < 2 * PZ_FRIENDS_MAX; i++) {
		char zone[32];
		snprintf(zone, sizeof(zone), "u%d@example.com", i);
		hub_says("friendUpdate", json_pack("{s:s, s:b}", "zone", zone, "connected", 1));
	}
	assert_int_equal(json_object_size(w.node->calls->friends), PZ_FRIENDS_MAX);
}

/* The hub's list of friends may come after what the hub says of them. */
static void
what_is_said_of_a_zone_counts_once_it_is_a_friend(void **state)
{
	struct answer a;

	(void)state;
	assert_true(pz_friends_remove(w.node->zone.friends, pz_slice_str(BOB)));
	shows(true, "tv", true);
	begin(&a, "peers", NULL);
	pz_requests_report(&w.node->requests);
	assert_int_equal(json_array_size(a.result), 0);
	forget(&a);
	befriend();
	begin(&a, "peers", NULL);
	pz_requests_report(&w.node->requests);
	assert_string_equal(pz_json_str(json_array_get(a.result, 0), "id"), TV);
	assert_string_equal(pz_json_str(json_array_get(a.result, 0), "route"), "hub");
	forget(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_hub, tear_down_hub)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_friend_may_do_nothing_by_default),
		TEST(messages_of_other_zones_are_dropped),
		TEST(a_friends_service_is_called),
		TEST(names_of_two_zones_do_not_mix),
		TEST(calls_end_with_the_friends_device),
		TEST(calls_end_with_the_friends_hub),
		TEST(calls_with_a_device_that_is_not_shown_end_with_the_friends_hub),
		TEST(calls_end_with_the_friendship),
		TEST(calls_end_with_the_own_hub),
		TEST(friends_and_their_devices_are_listed),
		TEST(what_a_hub_says_of_friends_is_bounded),
		TEST(what_is_said_of_a_zone_counts_once_it_is_a_friend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
