/* What a report must not show, and what stays readable in it. @spec page 12 "Bug report" */
#include "kit/test.h"

#include <stdlib.h>
#include <string.h>

#include "diagnose/scrub.h"

static struct pz_scrub *scrub;

static int
set_up(void **state)
{
	(void)state;
	scrub = pz_scrub_new();
	assert_non_null(scrub);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_scrub_free(scrub);
	return 0;
}

static void
becomes(const char *text, const char *wanted)
{
	char *out = pz_scrub_text(scrub, text);

	assert_string_equal(out, wanted);
	free(out);
}

static void
known_names_go_wherever_they_are(void **state)
{
	(void)state;
	assert_ok(pz_scrub_add(scrub, "zone", "alice@example.org"));
	assert_ok(pz_scrub_add(scrub, "user", "alice"));
	assert_ok(pz_scrub_add(scrub, "device", "tv"));
	assert_ok(pz_scrub_add(scrub, "name", "Anna's \"big\" TV"));
	assert_ok(pz_scrub_add(scrub, "name", NULL));
	assert_ok(pz_scrub_add(scrub, "name", ""));
	becomes("the link to TV has ended", "the link to device-1 has ended");
	becomes("tv, (tv) tv: tvs atv tv-2", "device-1, (device-1) device-1: tvs atv device-1-2");
	becomes("alice@example.org/tv and Alice", "zone-1/device-1 and user-1");
	becomes("it is anna's \"big\" tv!", "it is name-1!");
	becomes("event=\"Anna's \\\"big\\\" TV\"", "event=\"name-2\"");
	becomes("Ünotv tvÜ", "Ünotv tvÜ"); /* parts of other words */
}

static void
what_looks_like_a_name_goes(void **state)
{
	(void)state;
	becomes("10.0.0.2 port 8041, [fe80::1%eth0]:80, 10.0.0.2:8040, fd00::5",
		"address-1 port 8041, [address-2]:80, address-1:8040, address-3");
	becomes("hub.example.org:8041: refused; hub.example.org.", "host-1:8041: refused; host-1.");
	becomes("peer.example.org files.local", "host-2 host-3");
	becomes("connecting to nas port 8041; the port 8041; on port 8041",
		"connecting to host-4 port 8041; the port 8041; on port 8041");
	becomes("bob@example.net/phone/app1 and bob@example.net",
		"zone-1/device-1/app-1 and zone-1");
	becomes("/home/bob/.local/state (see ~/x)", "path-1 (see path-2)");
	becomes("pzp://h:1/bob@x.org?code=12 https://bob.example/x", "url-1 url-2");
	becomes("13d45891bf2ca7e5fb060b92d0aa6641 f81d4fae-7dec-11d0-a765-00a0c91e6bf6 "
		"a1:b2:c3:d4:e5:f6:a7:b8:c9:d0",
		"key-1 key-2 key-3");
	becomes("MIIBszCCAVmgAwIBAgIUe5x7+Q==", "key-4==");
}

static void
what_is_no_name_stays(void **state)
{
	static const char *const texts[] = {
		"certificate until 2027-02-28 02:18 UTC, 89 days",
		"the preference peer.listen is false; see avahi-daemon.conf(5)",
		"choose another directory (`pzp prefs files.inbox`), and send it again",
		"`pzp connect DEVICE` makes one, e.g. by `timedatectl set-ntp true`",
		"http://webinos.org/api/test is called",
		"old=connecting new=connected event=\"link registered\" bytes=1796002560435",
		"version 0.1.0 runs, pid 14822",
		"connection closed: hang-up",
		"a b c 42% 1/2 and/or",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		becomes(texts[i], texts[i]);
}

/* Of names that are not known: former devices, strangers. */
static void
values_of_fields_go(void **state)
{
	(void)state;
	becomes("device=lost remote=::1 zone=eve serial=77 from=eve@x.org/lost reason=\"not "
		"known\"",
		"device=device-1 remote=address-1 zone=zone-1 serial=key-1 from=zone-2/device-1 "
		"reason=\"not known\"");
	becomes("key=\"secret \\\" list\" n=1", "key=value-1 n=1");
	becomes("path=/a b", "path=path-1 b");
	becomes("key=", "key=");
	becomes("key=\"open", "key=value-2");
	becomes("file=\"my letter.txt\" friend=eve app=shop author=lost method=shut",
		"file=name-1 friend=zone-1 app=app-1 author=device-1 method=function-1");
	becomes("device=lost and lost", "device=device-1 and lost"); /* a rule, not a known name */
}

static void
tokens_stay_the_same(void **state)
{
	(void)state;
	assert_ok(pz_scrub_add(scrub, "device", "tv"));
	becomes("10.0.0.1 10.0.0.2", "address-1 address-2");
	becomes("10.0.0.2 tv 10.0.0.3", "address-2 device-1 address-3");
	becomes("device=TV", "device=device-1");
}

static void
json_keeps_its_form(void **state)
{
	json_t *value = json_pack(
		"{s:s, s:s, s:i, s:n, s:[{s:s, s:s, s:[s], s:b}], s:{s:s}, s:s, s:f}", "id",
		"alice@example.org/laptop", "state", "connected", "pid", 7, "reason", "peers", "id",
		"alice@example.org/tv", "displayName", "Living room", "addresses", "10.0.0.9",
		"friend", 0, "pending", "device.display-name", "Anna", "detail",
		"Living room is at 10.0.0.9", "uptime", 1.5);
	json_t *wanted =
		json_pack("{s:s, s:s, s:i, s:n, s:[{s:s, s:s, s:[s], s:b}], s:{s:s}, s:s, s:f}",
			  "id", "zone-1/device-1", "state", "connected", "pid", 7, "reason",
			  "peers", "id", "zone-1/device-2", "displayName", "name-1", "addresses",
			  "address-1", "friend", 0, "pending", "device.display-name", "value-1",
			  "detail", "name-1 is at address-1", "uptime", 1.5);

	(void)state;
	assert_ok(pz_scrub_add(scrub, "name", "Living room"));
	json_t *out = pz_scrub_json(scrub, value);
	if (!json_equal(out, wanted))
		fail_msg("%s", json_dumps(out, 0));
	json_decref(out);
	json_decref(wanted);
	json_decref(value);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(known_names_go_wherever_they_are),
		T(what_looks_like_a_name_goes),
		T(what_is_no_name_stays),
		T(values_of_fields_go),
		T(tokens_stay_the_same),
		T(json_keeps_its_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
