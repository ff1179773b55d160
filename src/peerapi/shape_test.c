/* What an app sees of peers, and what counts as a change. */
#include "kit/test.h"

#include "kit/json.h"
#include "peerapi/shape.h"

static json_t *
changes(const char *old, const char *now)
{
	json_t *a = old ? pz_kit_json(old) : NULL, *b = pz_kit_json(now);
	json_t *out = pz_peerapi_changes(a, b);

	json_decref(a);
	json_decref(b);
	return out;
}

/* Trees are equal whatever the order of their members. */
static void
expect(json_t *takes, const char *text)
{
	json_t *wanted = pz_kit_json(text);

	if (!json_equal(takes, wanted))
		fail_msg("got %s", json_dumps(takes, JSON_ENCODE_ANY));
	json_decref(wanted);
	json_decref(takes);
}

static void
no_address_of_the_network_is_shown(void **state)
{
	json_t *list = pz_kit_json("[{'id':'z/tv','route':'hub','address':'192.0.2.1','port':8040,"
				   "'addresses':['192.0.2.1'],'reason':'no way to 192.0.2.1',"
				   "'relay':null,'latencyMs':3}]");

	(void)state;
	expect(pz_peerapi_peers(list), "[{'id':'z/tv','route':'hub'}]");
	json_decref(list);
}

static void
only_what_differs_is_a_change(void **state)
{
	(void)state;
	expect(changes(NULL, "[{'id':'a','route':'hub'}]"),
	       "[{'type':'peer','peer':{'id':'a','route':'hub'}}]");
	expect(changes("[{'id':'a','route':'hub'}]", "[{'id':'a','route':'hub'}]"), "[]");
	expect(changes("[{'id':'a','route':'hub'},{'id':'b'}]", "[{'id':'a','route':'none'}]"),
	       "[{'type':'peer','peer':{'id':'a','route':'none'}},{'type':'gone','id':'b'}]");
	expect(changes("[{'id':'a'}]", "[]"), "[{'type':'gone','id':'a'}]");
}

static void
a_pairing_shows_its_digits(void **state)
{
	json_t *window = pz_kit_json("{'state':'pairing','digits':'012345','secondsLeft':7,"
				     "'partner':null,'port':8040,'detail':'192.0.2.1: refused'}");

	(void)state;
	expect(pz_peerapi_window(window),
	       "{'state':'pairing','digits':'012345','secondsLeft':7,'partner':null,'port':8040}");
	json_decref(window);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_address_of_the_network_is_shown),
		cmocka_unit_test(only_what_differs_is_a_change),
		cmocka_unit_test(a_pairing_shows_its_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
