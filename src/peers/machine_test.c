/* Every pair of state and event in the peers' table; every state can be left. */
#include "kit/test.h"

#include <string.h>

#include "peers/machine.h"

#define S(name) PZ_PEER_##name
#define NONE PZ_PEER_STATE_COUNT

/* In the order of PZ_PEER_EVENTS: dial, failed, met, parted, registered, lost, hang up, cleaned. */
static const enum pz_peer_state expected[PZ_PEER_STATE_COUNT][PZ_PEER_EVENT_COUNT] = {
	[S(NOT_CONNECTED)] = {S(CONNECTING), NONE, S(PAIRING), NONE, S(CONNECTED), NONE, NONE,
			      NONE},
	[S(CONNECTING)] = {NONE, S(NOT_CONNECTED), NONE, NONE, S(CONNECTED), NONE, S(NOT_CONNECTED),
			   NONE},
	[S(PAIRING)] = {NONE, NONE, NONE, S(NOT_CONNECTED), NONE, NONE, NONE, NONE},
	[S(CONNECTED)] = {NONE, NONE, NONE, NONE, S(CONNECTED), S(DISCONNECTING), S(DISCONNECTING),
			  NONE},
	[S(DISCONNECTING)] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE, S(NOT_CONNECTED)},
};

static void
every_pair_is_decided(void **state)
{
	(void)state;
	for (int s = 0; s < PZ_PEER_STATE_COUNT; s++)
		for (int e = 0; e < PZ_PEER_EVENT_COUNT; e++) {
			enum pz_peer_state next = NONE;
			bool is = pz_peer_edge((enum pz_peer_state)s, (enum pz_peer_event)e, &next);
			assert_int_equal(is, expected[s][e] != NONE);
			assert_int_equal(next, expected[s][e]);
		}
}

static void
states_are_shown_as_page_5_says(void **state)
{
	(void)state;
	assert_string_equal(pz_peer_state_text(S(NOT_CONNECTED)), "not-connected");
	assert_string_equal(pz_peer_state_text(S(CONNECTING)), "connecting");
	assert_string_equal(pz_peer_state_text(S(PAIRING)), "pairing");
	assert_string_equal(pz_peer_state_text(S(CONNECTED)), "connected");
	assert_string_equal(pz_peer_state_text(S(DISCONNECTING)), "disconnecting");
	assert_string_equal(pz_peer_event_text(PZ_PEER_EVENT_LINK_LOST), "link lost");
}

static void
the_drawing_has_every_edge(void **state)
{
	char text[4096];
	size_t len = pz_peer_machine_dot(text, sizeof(text)), edges = 0;

	(void)state;
	assert_true(len < sizeof(text));
	for (const char *p = text; (p = strstr(p, "->")) != NULL; p++)
		edges++;
	assert_int_equal(edges, 11);
	assert_int_equal(pz_peer_machine_dot(text, 10), len); /* cut, never over the end */
	assert_int_equal(strlen(text), 9);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_is_decided),
		cmocka_unit_test(states_are_shown_as_page_5_says),
		cmocka_unit_test(the_drawing_has_every_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
