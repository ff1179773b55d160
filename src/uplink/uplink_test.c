/* The link to the hub, in a node that is only a table (uplink.h). What needs a live link is tested
 * with a whole node, in src/pzp. */
#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "kit/world.h"
#include "uplink/internal.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

#define ZONE "alice@example.org"
#define SELF ZONE "/laptop"
#define HOST "hub.example.org"

static struct {
	struct pz_kit_world world;
	struct pz_metrics metrics;
	struct pz_membership membership;
	struct pz_device_zone zone;
	struct pz_conditions *conditions;
	struct pz_uplink *uplink;
	/* the dial under way */
	const struct pz_dial_events *dial;
	void *dial_arg;
	char host[64];
	uint16_t port;
	/* what the node had to do, in order */
	char log[512];
} w;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
note(const char *format, ...)
{
	size_t len = strlen(w.log);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(w.log + len, sizeof(w.log) - len, format, args);
	va_end(args);
}

/* What was noted since. */
static void
noted(const char *expected)
{
	assert_string_equal(w.log, expected);
	w.log[0] = '\0';
}

/* ---- the table ---- */

static void
on_changed(void *arg, enum pz_state old, enum pz_state now, enum pz_event event)
{
	(void)arg;
	(void)old;
	(void)event;
	note("%s ", pz_state_text(now));
}

static void
on_wipe(void *arg)
{
	(void)arg;
	note("wipe ");
}

static void
on_dialling(void *arg)
{
	(void)arg;
	assert_null(w.dial); /* before: what waited for a reconnect counts already */
	note("dialling ");
}

static struct pz_link *
on_relay(void *arg, const char **out_relay)
{
	(void)arg;
	(void)out_relay;
	return NULL;
}

static void
on_device(void *arg, const char *device, bool is_connected, bool is_revoked)
{
	(void)arg;
	note("device:%s:%d:%d ", device, is_connected, is_revoked);
}

static void
on_came_or_went(void *arg, const char *device, bool is_connected)
{
	(void)arg;
	note("%s:%s ", is_connected ? "came" : "went", device);
}

static void
on_updated(void *arg)
{
	(void)arg;
	note("updated ");
}

static void
on_found(void *arg, json_t *message)
{
	(void)arg;
	note("found:%s ", pz_json_str(message, "id"));
}

static void
on_refused(void *arg, const char *item, const char *key, const char *reason)
{
	(void)arg;
	note("refused:%s:%s:%s ", item, key ? key : "-", reason);
}

static const struct pz_uplink_ops ops = {
	.changed = on_changed,
	.wipe = on_wipe,
	.dialling = on_dialling,
	.relay = on_relay,
	.device = on_device,
	.came_or_went = on_came_or_went,
	.updated = on_updated,
	.found = on_found,
	.refused = on_refused,
};

/* ---- a network without a hub ---- */

static enum pz_err
fake_dial(void *self, const char *host, uint16_t port, const struct pz_dial_events *events,
	  void *arg, struct pz_dial **out)
{
	assert_null(w.dial);
	w.dial = events;
	w.dial_arg = arg;
	snprintf(w.host, sizeof(w.host), "%s", host);
	w.port = port;
	*out = self;
	return PZ_OK;
}

static void
fake_cancel(struct pz_dial *dial)
{
	(void)dial;
	assert_non_null(w.dial);
	w.dial = NULL;
}

static const struct pz_transport_ops transport_ops = {
	.dial = fake_dial,
	.dial_cancel = fake_cancel,
};

static void
dial_fails(void)
{
	const struct pz_dial_events *events = w.dial;

	assert_non_null(events);
	w.dial = NULL;
	events->failed(w.dial_arg, PZ_ERR_IO, HOST " port 8041: connection refused");
}

/* ---- set-up ---- */

static int
set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	pz_kit_world_init(&w.world, 0);
	w.conditions = pz_conditions_new(&w.world.clock.env);
	const struct pz_uplink_config config = {
		.link_host = {.env = &w.world.clock.env, .metrics = &w.metrics},
		.transport = {&transport_ops, &w},
		.store = w.world.store,
		.conditions = w.conditions,
		.zone = &w.zone,
		.self = SELF,
		.device = "laptop",
		.ops = &ops,
	};
	w.uplink = pz_uplink_new(&config);
	assert_non_null(w.uplink);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_uplink_end(w.uplink);
	pz_uplink_free(w.uplink);
	pz_conditions_free(w.conditions);
	assert_null(w.dial);
	pz_kit_world_fini(&w.world);
	return 0;
}

/* The membership of an earlier start. */
static void
is_member(void)
{
	snprintf(w.membership.zone, sizeof(w.membership.zone), ZONE);
	snprintf(w.membership.device, sizeof(w.membership.device), "laptop");
	snprintf(w.membership.hub_host, sizeof(w.membership.hub_host), HOST);
	w.membership.hub_port = 8041;
	assert_ok(pz_uplink_set_membership(w.uplink, &w.membership, NULL));
	w.zone.membership = &w.membership;
	pz_uplink_loaded(w.uplink);
}

/* @param message taken */
static void
hub_sends(const char *status, json_t *message)
{
	struct pz_envelope envelope;
	struct pz_buf frame;

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	assert_ok(pz_message_prop(&frame, ZONE, SELF, status, message));
	json_decref(message);
	assert_ok(pz_envelope_scan(pz_frame_body(pz_buf_slice(&frame)), &envelope));
	pz_uplink_on_prop(w.uplink, &envelope);
	pz_buf_fini(&frame);
}

static json_t *
update(const char *device, bool is_connected, bool is_revoked, bool is_partial)
{
	return json_pack("{s:[{s:s, s:b, s:b}], s:b}", "PZP", "name", device, "connected",
			 is_connected, "revoked", is_revoked, "partial", is_partial);
}

/* ---- tests ---- */

static void
a_virgin_device_dials_no_hub(void **state)
{
	(void)state;
	pz_uplink_start(w.uplink);
	pz_uplink_network_changed(w.uplink);
	assert_int_equal(pz_uplink_state(w.uplink), PZ_STATE_VIRGIN);
	assert_null(w.dial);
	noted("");
}

static void
a_member_dials_until_the_hub_answers_or_the_node_ends(void **state)
{
	(void)state;
	is_member();
	pz_uplink_start(w.uplink);
	noted("connecting dialling ");
	assert_string_equal(w.host, HOST);
	assert_int_equal(w.port, 8041);
	dial_fails();
	noted("not-connected ");
	assert_non_null(strstr(pz_uplink_machine(w.uplink)->reason, "connection refused"));
	while (w.dial == NULL)
		assert_true(pz_kit_clock_step(&w.world.clock));
	noted("connecting dialling ");
	pz_uplink_end(w.uplink);
	noted("disconnecting not-connected ");
	assert_null(w.dial);
	pz_kit_clock_run(&w.world.clock, 10 * PZ_BACKOFF_MAX_US);
	noted("");
}

static void
another_network_is_tried_at_once(void **state)
{
	(void)state;
	is_member();
	pz_uplink_start(w.uplink);
	dial_fails();
	w.log[0] = '\0';
	pz_uplink_network_changed(w.uplink);
	noted("connecting dialling ");
}

static void
an_attempt_that_hangs_says_in_which_step(void **state)
{
	(void)state;
	is_member();
	pz_uplink_start(w.uplink);
	pz_kit_clock_run(&w.world.clock, PZ_CONNECT_TIMEOUT_US);
	assert_int_equal(pz_uplink_state(w.uplink), PZ_STATE_NOT_CONNECTED);
	assert_null(w.dial);
	assert_non_null(strstr(pz_uplink_machine(w.uplink)->reason,
			       "the connection to " HOST " port 8041 was not completed"));
}

static void
leaving_without_a_hub_wipes_once(void **state)
{
	(void)state;
	is_member();
	pz_uplink_leave(w.uplink);
	noted("");
	pz_kit_clock_run(&w.world.clock, 0);
	noted("disconnecting wipe ");
	pz_uplink_leave(w.uplink);
	pz_kit_clock_run(&w.world.clock, 60 * PZ_US_PER_S);
	noted("");
	w.zone.membership = NULL;
	assert_ok(pz_machine_event(pz_uplink_machine(w.uplink), PZ_EVENT_WIPED, NULL));
	noted("virgin ");
}

static void
an_update_changes_the_directory_before_the_node_follows(void **state)
{
	const json_t *directory = pz_uplink_directory(w.uplink);

	(void)state;
	is_member();
	hub_sends("Update", update("tv", true, false, false));
	noted("device:tv:1:0 came:tv ");
	assert_true(json_is_true(json_object_get(json_object_get(directory, "tv"), "connected")));
	hub_sends("Update", update("tv", true, false, true));
	noted("device:tv:1:0 updated "); /* no news for programs */
	hub_sends("Update", update("tv", false, true, true));
	noted("device:tv:0:1 went:tv updated ");
	assert_null(json_object_get(directory, "tv"));
	/* A whole one leaves out the devices that have gone. */
	hub_sends("Update", update("radio", true, false, true));
	w.log[0] = '\0';
	hub_sends("Update", update("tv", false, false, false));
	noted("device:tv:0:0 went:radio ");
	assert_int_equal(json_object_size(directory), 1);
	assert_ptr_equal(directory, pz_uplink_directory(w.uplink)); /* others keep it */
	pz_uplink_forget(w.uplink);
	assert_int_equal(json_object_size(directory), 0);
}

static bool
is_tv(void *arg, const char *device)
{
	(void)arg;
	return strcmp(device, "tv") == 0;
}

static void
devices_that_have_left_are_dropped(void **state)
{
	(void)state;
	is_member();
	hub_sends("Update", update("tv", true, false, true));
	hub_sends("Update", update("radio", true, false, true));
	pz_uplink_drop_devices(w.uplink, is_tv, NULL);
	assert_null(json_object_get(pz_uplink_directory(w.uplink), "tv"));
	assert_non_null(json_object_get(pz_uplink_directory(w.uplink), "radio"));
}

static void
answers_of_the_hub_are_passed_on(void **state)
{
	(void)state;
	is_member();
	hub_sends("foundServices", json_pack("{s:s}", "id", "7"));
	hub_sends("error", json_pack("{s:s, s:s, s:s, s:s}", "code", "refused", "message",
				     "too long", "about", "app-data", "key", "k"));
	noted("found:7 refused:app-data:k:too long ");
}

/* Before there is a link, and by a link that nothing registers on. */
static void
a_prop_has_no_way_without_a_link(void **state)
{
	(void)state;
	is_member();
	assert_false(pz_uplink_is_up(w.uplink));
	assert_null(pz_uplink_session(w.uplink));
	assert_null(pz_uplink_sync(w.uplink));
	pz_uplink_send_prop(w.uplink, "keepAlive", NULL);
	pz_uplink_send_info(w.uplink);
	noted("");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_virgin_device_dials_no_hub),
		T(a_member_dials_until_the_hub_answers_or_the_node_ends),
		T(another_network_is_tried_at_once),
		T(an_attempt_that_hangs_says_in_which_step),
		T(leaving_without_a_hub_wipes_once),
		T(an_update_changes_the_directory_before_the_node_follows),
		T(devices_that_have_left_are_dropped),
		T(answers_of_the_hub_are_passed_on),
		T(a_prop_has_no_way_without_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
