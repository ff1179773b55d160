/* Page 5: every pair of state and event is decided; retries and time-outs. */
#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "kit/clock.h"
#include "uplink/machine.h"

#include "base/backoff.h"

#define STATES PZ_STATE_COUNT
#define EVENTS PZ_EVENT_COUNT

static struct {
	struct pz_kit_clock clock;
	uint32_t random;
	struct pz_machine m;
	enum pz_action last_action;
	unsigned actions, changes;
} w;

static void
draw(void *arg, void *out, size_t len)
{
	(void)arg;
	memset(out, 0, len);
	memcpy(out, &w.random, len < sizeof(w.random) ? len : sizeof(w.random));
}

static void
on_act(void *arg, enum pz_action action)
{
	(void)arg;
	w.last_action = action;
	w.actions++;
}

static void
on_changed(void *arg, enum pz_state old, enum pz_state now, enum pz_event event)
{
	(void)arg;
	(void)old;
	(void)now;
	(void)event;
	w.changes++;
}

static const struct pz_machine_ops ops = {.act = on_act, .changed = on_changed};

static void
begin(bool enrolled)
{
	memset(&w, 0, sizeof(w));
	pz_kit_clock_init(&w.clock);
	w.clock.env.random = draw;
	pz_machine_init(&w.m, &w.clock.env, &ops, NULL, enrolled);
}

static enum pz_err
tell(enum pz_event event)
{
	return pz_machine_event(&w.m, event, NULL);
}

/* e: edge, r: refused, .: ignored. Columns: RESOLVED ENROL_FAILED PROVEN STORED CONNECT LINK_FAILED
 * REGISTERED LINK_LOST DISCONNECT CLEANED REVOKED LEAVE WIPED TIMEOUT */
static const char *const verdicts[STATES] = {
	[PZ_STATE_VIRGIN] = "ee.er...e..r..",
	[PZ_STATE_VIRGIN_CONNECTING] = ".eeer...e..r.e",
	[PZ_STATE_VIRGIN_CONNECTED] = ".e.er...e..r.e",
	[PZ_STATE_NOT_CONNECTED] = "....e.....ee..",
	[PZ_STATE_CONNECTING] = ".....eeee.ee.e",
	[PZ_STATE_CONNECTED] = ".....e.ee.ee..",
	[PZ_STATE_DISCONNECTING] = "....r....eeeee",
};

static void
every_pair_is_decided(void **state)
{
	(void)state;
	for (int s = 0; s < STATES; s++) {
		assert_int_equal(strlen(verdicts[s]), EVENTS);
		for (int e = 0; e < EVENTS; e++) {
			struct pz_edge edge = pz_machine_edge((enum pz_state)s, (enum pz_event)e);
			char is = edge.verdict == PZ_VERDICT_EDGE     ? 'e'
				  : edge.verdict == PZ_VERDICT_REFUSE ? 'r'
								      : '.';
			if (is != verdicts[s][e])
				fail_msg("%s, %s: %c, not %c", pz_state_text((enum pz_state)s),
					 pz_event_text((enum pz_event)e), is, verdicts[s][e]);
			if (is != 'e')
				assert_true(edge.next == (enum pz_state)s &&
					    edge.action == PZ_ACT_NONE);
		}
	}
}

/* In each state, each event leads where the table says, with its action, once. */
static void
the_machine_does_what_the_table_says(void **state)
{
	(void)state;
	for (int s = 0; s < STATES; s++)
		for (int e = 0; e < EVENTS; e++) {
			begin(false);
			w.m.state = (enum pz_state)s;
			struct pz_edge edge = pz_machine_edge(w.m.state, (enum pz_event)e);
			enum pz_err err = tell((enum pz_event)e);
			assert_int_equal(err,
					 edge.verdict == PZ_VERDICT_REFUSE ? PZ_ERR_DENIED : PZ_OK);
			assert_int_equal(w.m.state, edge.next);
			assert_int_equal(w.changes, edge.verdict == PZ_VERDICT_EDGE);
			assert_int_equal(w.actions, edge.action != PZ_ACT_NONE);
			if (w.actions)
				assert_int_equal(w.last_action, edge.action);
			pz_machine_fini(&w.m);
			assert_true(pz_kit_clock_is_idle(&w.clock));
		}
}

/* Whatever state it is in, there is a way to virgin or to connected from where it gets by itself.
 */
static void
no_state_is_without_a_way_out(void **state)
{
	(void)state;
	for (int s = 0; s < STATES; s++) {
		bool has_route = false;
		for (int e = 0; e < EVENTS; e++) {
			struct pz_edge edge = pz_machine_edge((enum pz_state)s, (enum pz_event)e);
			has_route |=
				edge.verdict == PZ_VERDICT_EDGE && edge.next != (enum pz_state)s;
		}
		assert_true(has_route);
	}
}

static void
states_that_can_hang_time_out(void **state)
{
	static const struct {
		enum pz_state state, after;
		uint64_t us;
	} stays[] = {
		{PZ_STATE_VIRGIN_CONNECTING, PZ_STATE_VIRGIN, 30 * PZ_US_PER_S},
		{PZ_STATE_VIRGIN_CONNECTED, PZ_STATE_VIRGIN, 30 * PZ_US_PER_S},
		{PZ_STATE_CONNECTING, PZ_STATE_NOT_CONNECTED, 15 * PZ_US_PER_S},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++) {
		begin(stays[i].state == PZ_STATE_CONNECTING);
		if (stays[i].state == PZ_STATE_CONNECTING) {
			assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
		} else {
			assert_int_equal(tell(PZ_EVENT_RESOLVED), PZ_OK);
			if (stays[i].state == PZ_STATE_VIRGIN_CONNECTED)
				assert_int_equal(tell(PZ_EVENT_PROVEN), PZ_OK);
		}
		assert_int_equal(w.m.state, stays[i].state);
		pz_kit_clock_run(&w.clock, stays[i].us - 1);
		assert_int_equal(w.m.state, stays[i].state);
		pz_kit_clock_run(&w.clock, 1);
		assert_int_equal(w.m.state, stays[i].after);
		assert_string_equal(w.m.reason, "timed out");
		pz_machine_fini(&w.m);
	}
}

static void
back_off_doubles_to_a_minute_with_jitter(void **state)
{
	static const uint64_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		uint64_t us = seconds[i] * PZ_US_PER_S;
		assert_int_equal(pz_backoff_us(i + 1, 0), us * 8 / 10);
		assert_int_equal(pz_backoff_us(i + 1, UINT32_MAX), us * 12 / 10);
	}
	assert_int_equal(pz_backoff_us(UINT32_MAX, 0), 48 * PZ_US_PER_S);
}

static void
fails_once(void)
{
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	assert_int_equal(tell(PZ_EVENT_LINK_FAILED), PZ_OK);
	assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
}

static void
is_connected_for(uint64_t us)
{
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	assert_int_equal(tell(PZ_EVENT_REGISTERED), PZ_OK);
	pz_kit_clock_run(&w.clock, us);
	assert_int_equal(tell(PZ_EVENT_LINK_LOST), PZ_OK);
	assert_int_equal(tell(PZ_EVENT_CLEANED), PZ_OK);
}

static void
it_tries_again_by_itself_and_forgets_when_connected(void **state)
{
	(void)state;
	begin(true);
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	for (unsigned i = 1; i < 10; i++) {
		fails_once();
		assert_int_equal(w.m.attempts, i);
		pz_kit_clock_run(&w.clock, pz_backoff_us(i, 0) - 1);
		assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
		pz_kit_clock_run(&w.clock, 1);
	}
	is_connected_for(1); /* however many attempts it took: the first retry is quick */
	assert_int_equal(w.m.attempts, 1);
	pz_machine_fini(&w.m);
}

/* A hub that lets the device in and loses it over and over gets fewer and fewer attempts; a hub
 * that is restarted a few times does not. */
static void
short_connections_in_a_row_use_up_the_back_off(void **state)
{
	static const unsigned steps[] = {1, 1, 1, 2, 3, 4, 5, 6, 7, 8};

	(void)state;
	begin(true);
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		is_connected_for(59 * PZ_US_PER_S);
		assert_int_equal(w.m.attempts, steps[i]);
		pz_kit_clock_run(&w.clock, pz_backoff_us(steps[i], 0));
		assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	}
	is_connected_for(60 * PZ_US_PER_S); /* a good one */
	assert_int_equal(w.m.attempts, 1);
	pz_kit_clock_run(&w.clock, PZ_US_PER_S);
	is_connected_for(0);
	assert_int_equal(w.m.attempts, 1);
	pz_machine_fini(&w.m);
}

static void
what_waiting_hardly_mends_is_retried_slowly_and_for_ever(void **state)
{
	static const uint64_t seconds[] = {30, 30, 30, 30, 30, 32, 64, 128, 256, 300, 300};

	(void)state;
	begin(true);
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	for (unsigned i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		uint64_t us = seconds[i] * PZ_US_PER_S;
		assert_int_equal(pz_machine_slow_us(i + 1, 0), us * 8 / 10);
		assert_int_equal(pz_machine_slow_us(i + 1, UINT32_MAX), us);
		pz_machine_slow(&w.m);
		fails_once();
		pz_kit_clock_run(&w.clock, us * 8 / 10 - 1);
		assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
		pz_kit_clock_run(&w.clock, 1);
	}
	assert_int_equal(pz_machine_slow_us(UINT32_MAX, UINT32_MAX), PZ_BACKOFF_SLOW_MAX_US);
	fails_once(); /* for another reason: at most a minute again */
	pz_kit_clock_run(&w.clock, PZ_BACKOFF_MAX_US * 8 / 10);
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	pz_machine_fini(&w.m);
}

static void
disconnected_by_hand_it_stays_away_whenever_that_was_said(void **state)
{
	(void)state;
	for (int at = 0; at < 3; at++) {
		begin(true);
		if (at > 0)
			assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
		if (at > 1)
			assert_int_equal(tell(PZ_EVENT_REGISTERED), PZ_OK);
		assert_int_equal(tell(PZ_EVENT_DISCONNECT), PZ_OK);
		assert_int_equal(tell(PZ_EVENT_CLEANED), PZ_OK);
		assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
		pz_machine_nudge(&w.m, "the network changed");
		pz_kit_clock_run(&w.clock, 3600 * PZ_US_PER_S);
		assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
		assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
		assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
		pz_machine_fini(&w.m);
	}
}

static void
another_network_is_tried_at_once_unless_disconnected_by_hand(void **state)
{
	(void)state;
	begin(true);
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	for (int i = 0; i < 6; i++) {
		pz_machine_slow(&w.m);
		fails_once();
		pz_machine_network_changed(&w.m);
		assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	}
	fails_once();
	assert_int_equal(w.m.attempts, 1); /* the first steps belong to the new network, too */
	pz_kit_clock_run(&w.clock, 2 * PZ_US_PER_S);
	fails_once();
	pz_machine_park(&w.m, "disconnected by hand");
	pz_machine_network_changed(&w.m);
	assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
	pz_machine_fini(&w.m);
}

static void
connects_for(uint64_t us)
{
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	assert_int_equal(tell(PZ_EVENT_REGISTERED), PZ_OK);
	pz_kit_clock_run(&w.clock, us);
}

static void
loses_the_link(void)
{
	assert_int_equal(pz_machine_event(&w.m, PZ_EVENT_LINK_LOST, "no sign of life"), PZ_OK);
	assert_int_equal(tell(PZ_EVENT_CLEANED), PZ_OK);
	assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
}

/* A device whose address changes again and again, each time soon after it has connected. */
static void
a_link_that_another_network_ends_is_tried_again_at_once(void **state)
{
	(void)state;
	begin(true);
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	for (int i = 0; i < 12; i++) {
		connects_for(10 * PZ_US_PER_S);
		pz_machine_network_changed(&w.m);
		pz_kit_clock_run(&w.clock, 3 * PZ_US_PER_S); /* it is probed meanwhile */
		loses_the_link();
		pz_kit_clock_run(&w.clock, 0);
	}
	/* A link that has survived the change, or is the second one after it, is lost like any
	 * other. */
	connects_for(10 * PZ_US_PER_S);
	loses_the_link();
	pz_kit_clock_run(&w.clock, 0);
	assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
	pz_kit_clock_run(&w.clock, 2 * PZ_US_PER_S);
	connects_for(10 * PZ_US_PER_S);
	pz_machine_network_changed(&w.m);
	pz_kit_clock_run(&w.clock, PZ_NETWORK_SETTLES_US);
	loses_the_link();
	pz_kit_clock_run(&w.clock, 0);
	assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
	pz_machine_fini(&w.m);
}

/* Likewise, and what failed at the old address does not make the first tries at the new one slow.
 */
static void
a_hub_that_has_moved_is_tried_at_once(void **state)
{
	(void)state;
	begin(true);
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	for (int i = 0; i < 6; i++) {
		fails_once();
		pz_machine_nudge(&w.m, "a program calls another device");
	}
	pz_machine_slow(&w.m);
	fails_once();
	pz_machine_hub_moved(&w.m);
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	fails_once();
	pz_kit_clock_run(&w.clock, 2 * PZ_US_PER_S);
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	fails_once();
	pz_machine_park(&w.m, "disconnected by hand");
	pz_machine_hub_moved(&w.m);
	assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
	pz_machine_fini(&w.m);
}

static void
a_nudge_tries_at_once(void **state)
{
	(void)state;
	begin(true);
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	for (int i = 0; i < 6; i++) {
		fails_once();
		pz_machine_nudge(&w.m, "the network changed");
	}
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	pz_machine_nudge(&w.m, "the network changed");
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	pz_machine_fini(&w.m);
}

#define ONLY_WHEN_TOLD "connection = peer: connects to the hub only when told to"

static void
preferring_peers_it_connects_only_on_command(void **state)
{
	(void)state;
	begin(true);
	pz_machine_want_hub(&w.m, false);
	assert_string_equal(w.m.reason, ONLY_WHEN_TOLD);
	pz_machine_start(&w.m);
	pz_machine_nudge(&w.m, "a program calls another device");
	pz_machine_network_changed(&w.m);
	pz_kit_clock_run(&w.clock, 3600 * PZ_US_PER_S);
	assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
	assert_int_equal(w.changes, 0);
	/* It does so on a command; what ends the link is not tried again. */
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	assert_int_equal(tell(PZ_EVENT_REGISTERED), PZ_OK);
	assert_string_equal(w.m.reason, "");
	assert_int_equal(pz_machine_event(&w.m, PZ_EVENT_LINK_LOST, "gone"), PZ_OK);
	assert_int_equal(tell(PZ_EVENT_CLEANED), PZ_OK);
	assert_string_equal(w.m.reason, "gone; " ONLY_WHEN_TOLD);
	pz_kit_clock_run(&w.clock, 3600 * PZ_US_PER_S);
	assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
	/* The hub is wanted again: the reason is the old one, and attempts follow each other. */
	pz_machine_want_hub(&w.m, true);
	assert_string_equal(w.m.reason, "gone");
	pz_machine_start(&w.m);
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	fails_once();
	pz_kit_clock_run(&w.clock, 2 * PZ_US_PER_S);
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	pz_machine_fini(&w.m);
}

static void
a_preference_for_peers_stops_the_back_off_and_leaves_a_link_alone(void **state)
{
	char endless[300];

	(void)state;
	memset(endless, 'x', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	begin(true);
	pz_machine_start(&w.m);
	assert_int_equal(pz_machine_event(&w.m, PZ_EVENT_LINK_FAILED, endless), PZ_OK);
	pz_machine_want_hub(&w.m, false);
	assert_non_null(strstr(w.m.reason, "xx; " ONLY_WHEN_TOLD)); /* whole, also behind that */
	pz_machine_want_hub(&w.m, false);
	assert_true(strlen(w.m.reason) < sizeof(w.m.reason));
	pz_kit_clock_run(&w.clock, 3600 * PZ_US_PER_S);
	assert_int_equal(w.m.state, PZ_STATE_NOT_CONNECTED);
	pz_machine_want_hub(&w.m, true);
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	assert_int_equal(tell(PZ_EVENT_REGISTERED), PZ_OK);
	pz_machine_want_hub(&w.m, false);
	assert_int_equal(w.m.state, PZ_STATE_CONNECTED);
	assert_string_equal(w.m.reason, "");
	pz_machine_fini(&w.m);
	/* An enrolment ends in hub mode all the same. */
	begin(false);
	pz_machine_want_hub(&w.m, false);
	assert_string_equal(w.m.reason, "");
	assert_int_equal(tell(PZ_EVENT_STORED), PZ_OK);
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	pz_machine_fini(&w.m);
}

static void
a_wipe_is_overtaken_by_nothing(void **state)
{
	(void)state;
	for (int e = 0; e < EVENTS; e++) {
		begin(true);
		assert_int_equal(tell(PZ_EVENT_REVOKED), PZ_OK);
		if (e == PZ_EVENT_WIPED)
			continue;
		(void)!tell((enum pz_event)e);
		pz_kit_clock_run(&w.clock, 3600 * PZ_US_PER_S);
		assert_int_equal(w.m.state, PZ_STATE_DISCONNECTING);
		assert_int_equal(w.actions, 1);
		assert_int_equal(tell(PZ_EVENT_WIPED), PZ_OK);
		assert_int_equal(w.m.state, PZ_STATE_VIRGIN);
		assert_false(w.m.is_parked);
		pz_machine_fini(&w.m);
	}
}

/* An enrolment was given up while it was being stored, another one was begun: the first one counts,
 * and the state says so. */
static void
stored_late_it_is_a_member_all_the_same(void **state)
{
	static const enum pz_event ways[][2] = {
		{PZ_EVENT_COUNT, PZ_EVENT_COUNT},
		{PZ_EVENT_RESOLVED, PZ_EVENT_COUNT},
		{PZ_EVENT_RESOLVED, PZ_EVENT_PROVEN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		begin(false);
		for (size_t j = 0; j < 2 && ways[i][j] != PZ_EVENT_COUNT; j++)
			assert_int_equal(tell(ways[i][j]), PZ_OK);
		assert_int_equal(tell(PZ_EVENT_STORED), PZ_OK);
		assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
		assert_int_equal(w.last_action, PZ_ACT_DIAL);
		pz_machine_fini(&w.m);
	}
}

static void
the_reason_is_kept_until_it_is_over(void **state)
{
	char longer[1000];

	(void)state;
	begin(true);
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	assert_int_equal(pz_machine_event(&w.m, PZ_EVENT_LINK_FAILED, "refused"), PZ_OK);
	pz_kit_clock_run(&w.clock, PZ_US_PER_S);
	assert_int_equal(w.m.state, PZ_STATE_CONNECTING);
	assert_string_equal(w.m.reason, ""); /* it is about this attempt */
	assert_string_equal(w.m.last_failure, "refused");
	assert_int_equal(tell(PZ_EVENT_REGISTERED), PZ_OK);
	assert_string_equal(w.m.reason, "");
	assert_string_equal(w.m.last_failure, "");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(pz_machine_event(&w.m, PZ_EVENT_LINK_LOST, longer), PZ_OK);
	assert_int_equal(strlen(w.m.reason), sizeof(w.m.reason) - 1);
	pz_machine_fini(&w.m);
}

static void
explain(void *arg, enum pz_state state, char *out, size_t size)
{
	(void)arg;
	assert_string_equal(out, "timed out");
	snprintf(out, size, "timed out: the step of %s", pz_state_text(state));
}

static void
a_time_out_names_the_step(void **state)
{
	static const struct pz_machine_ops explaining = {
		.act = on_act, .changed = on_changed, .explain_timeout = explain};

	(void)state;
	begin(true);
	w.m.ops = &explaining;
	assert_int_equal(tell(PZ_EVENT_CONNECT), PZ_OK);
	pz_kit_clock_run(&w.clock, 15 * PZ_US_PER_S);
	assert_string_equal(w.m.reason, "timed out: the step of connecting");
	pz_machine_fini(&w.m);
}

static void
the_diagram_shows_every_edge(void **state)
{
	static char text[16384];
	size_t edges = 0, arrows = 0;

	(void)state;
	assert_true(pz_machine_dot(text, sizeof(text)) < sizeof(text));
	for (int s = 0; s < STATES; s++)
		for (int e = 0; e < EVENTS; e++)
			edges += verdicts[s][e] == 'e';
	for (const char *p = text; (p = strstr(p, "->")) != NULL; p++)
		arrows++;
	assert_int_equal(arrows, edges);
	assert_int_equal(pz_machine_dot(text, 10), pz_machine_dot(NULL, 0));
	assert_int_equal(strlen(text), 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_is_decided),
		cmocka_unit_test(the_machine_does_what_the_table_says),
		cmocka_unit_test(no_state_is_without_a_way_out),
		cmocka_unit_test(states_that_can_hang_time_out),
		cmocka_unit_test(back_off_doubles_to_a_minute_with_jitter),
		cmocka_unit_test(it_tries_again_by_itself_and_forgets_when_connected),
		cmocka_unit_test(short_connections_in_a_row_use_up_the_back_off),
		cmocka_unit_test(what_waiting_hardly_mends_is_retried_slowly_and_for_ever),
		cmocka_unit_test(disconnected_by_hand_it_stays_away_whenever_that_was_said),
		cmocka_unit_test(another_network_is_tried_at_once_unless_disconnected_by_hand),
		cmocka_unit_test(a_link_that_another_network_ends_is_tried_again_at_once),
		cmocka_unit_test(a_hub_that_has_moved_is_tried_at_once),
		cmocka_unit_test(a_nudge_tries_at_once),
		cmocka_unit_test(preferring_peers_it_connects_only_on_command),
		cmocka_unit_test(a_preference_for_peers_stops_the_back_off_and_leaves_a_link_alone),
		cmocka_unit_test(a_wipe_is_overtaken_by_nothing),
		cmocka_unit_test(stored_late_it_is_a_member_all_the_same),
		cmocka_unit_test(the_reason_is_kept_until_it_is_over),
		cmocka_unit_test(a_time_out_names_the_step),
		cmocka_unit_test(the_diagram_shows_every_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
