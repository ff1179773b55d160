#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "conf/prefs.h"

static const char *const switches[] = {
	"peer.listen",        "peer.relay",
	"peer.auto",          "sync.policies",
	"sync.preferences",   "sync.user-details",
	"sync.service-cache", "sync.context",
	"sync.app-data",      "app.clear-on-disconnect",
};

static enum pz_pref
find(const char *key)
{
	enum pz_pref pref = PZ_PREF_COUNT;

	assert_ok(pz_pref_find(key, &pref, NULL));
	return pref;
}

/* Taken, and said again in the same words, as text and as JSON. */
static void
accepts(const char *key, const char *text)
{
	enum pz_pref pref = find(key);
	struct pz_pref_value value, again;
	struct pz_errinfo info = {""};
	char scratch[16];
	json_t *json;

	if (pz_pref_parse_text(pref, text, &value, &info) != PZ_OK)
		fail_msg("%s", info.text);
	assert_string_equal(pz_pref_text(pref, &value, scratch), text);
	json = pz_pref_json(pref, &value);
	assert_ok(pz_pref_parse_json(pref, json, &again, &info));
	assert_true(pz_pref_equal(&value, &again));
	json_decref(json);
}

/* The message names the key, what is allowed, and where it can be shown the value. */
static void
refuses(const char *key, const char *text)
{
	enum pz_pref pref = find(key);
	struct pz_pref_value value = {.number = 4711};
	struct pz_errinfo info = {""};
	char allowed[128];

	if (pz_pref_parse_text(pref, text, &value, &info) != PZ_ERR_CONFIG)
		fail_msg("%s took \"%s\"", key, text);
	pz_pref_allowed(pref, allowed);
	assert_non_null(strstr(info.text, key));
	assert_non_null(strstr(info.text, allowed));
	assert_int_equal(value.number, 4711);
}

static void
refuses_json(const char *key, json_t *takes)
{
	enum pz_pref pref = find(key);
	struct pz_pref_value value = {.number = 4711};
	struct pz_errinfo info = {""};

	assert_int_equal(pz_pref_parse_json(pref, takes, &value, &info), PZ_ERR_CONFIG);
	assert_non_null(strstr(info.text, key));
	assert_int_equal(value.number, 4711);
	json_decref(takes);
}

/* ---- the table ---- */

static void
every_row_is_complete(void **state)
{
	static const char *const keys[] = {
#define X(name, key) key,
		PZ_PREFS(X)
#undef X
	};

	(void)state;
	for (int i = 0; i < PZ_PREF_COUNT; i++) {
		const struct pz_pref_info *row = &pz_pref_table[i];
		struct pz_pref_value value;
		char allowed[128], scratch[16];

		assert_string_equal(row->key, keys[i]);
		assert_true(row->meaning[0] != '\0');
		assert_true(row->meaning[strlen(row->meaning) - 1] == '.');
		assert_int_equal(find(row->key), i);
		pz_pref_allowed((enum pz_pref)i, allowed);
		assert_true(strlen(allowed) > 3);
		pz_pref_default((enum pz_pref)i, &value);
		if (row->fallback_words == NULL)
			accepts(row->key, pz_pref_text((enum pz_pref)i, &value, scratch));
	}
}

static void
has_default(const char *key, const char *wanted)
{
	struct pz_pref_value value;
	char scratch[16];

	pz_pref_default(find(key), &value);
	assert_string_equal(pz_pref_text(find(key), &value, scratch), wanted);
}

static void
defaults_are_those_of_the_page(void **state)
{
	(void)state;
	has_default("connection", "hub");
	has_default("peer.listen", "true");
	has_default("peer.relay", "true");
	has_default("peer.auto", "false");
	has_default("ports.tls", "8040");
	has_default("ports.web", "8080");
	has_default("sync.policies", "true");
	has_default("sync.preferences", "true");
	has_default("sync.user-details", "true");
	has_default("sync.service-cache", "true");
	has_default("sync.context", "true");
	has_default("sync.app-data", "true");
	has_default("app.clear-on-disconnect", "false");
	has_default("policy.prompt-timeout", "30");
	has_default("prompts.answer", "true");
	has_default("prompts.agents", "all");
	has_default("name", "");
	has_default("device-type", "device");
}

static void
scopes_are_those_of_the_page(void **state)
{
	(void)state;
	for (int i = 0; i < PZ_PREF_COUNT; i++)
		assert_int_equal(pz_pref_table[i].is_zone,
				 i == PZ_PREF_PEER_AUTO || i == PZ_PREF_PRIVATE);
}

static void
an_unknown_key_is_explained(void **state)
{
	enum pz_pref pref = PZ_PREF_NAME;
	struct pz_errinfo info = {""};
	char endless[300];

	(void)state;
	assert_int_equal(pz_pref_find("port.tls", &pref, &info), PZ_ERR_NOTFOUND);
	assert_non_null(strstr(info.text, "port.tls"));
	assert_non_null(strstr(info.text, "did you mean ports.tls?"));
	assert_int_equal(pz_pref_find("peer.listening", &pref, &info), PZ_ERR_NOTFOUND);
	assert_non_null(strstr(info.text, "peer.listen"));
	assert_int_equal(pz_pref_find("colour", &pref, &info), PZ_ERR_NOTFOUND);
	assert_null(strstr(info.text, "did you mean"));
	assert_int_equal(pz_pref_find("", &pref, &info), PZ_ERR_NOTFOUND);
	assert_null(strstr(info.text, "did you mean"));
	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(pz_pref_find(endless, &pref, &info), PZ_ERR_NOTFOUND);
	assert_int_equal(pz_pref_find("Name", &pref, NULL), PZ_ERR_NOTFOUND);
	assert_int_equal(pref, PZ_PREF_NAME); /* untouched */
}

/* ---- values ---- */

static void
switches_are_true_or_false(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		accepts(switches[i], "true");
		accepts(switches[i], "false");
		refuses(switches[i], "");
		refuses(switches[i], "yes");
		refuses(switches[i], "True");
		refuses(switches[i], "1");
		refuses_json(switches[i], json_integer(1));
		refuses_json(switches[i], json_null());
	}
}

static void
connection_is_a_choice(void **state)
{
	(void)state;
	accepts("connection", "hub");
	accepts("connection", "peer");
	refuses("connection", "");
	refuses("connection", "hubs");
	refuses("connection", "HUB");
	refuses_json("connection", json_true());
	refuses_json("connection", json_array());
}

static void
ports_have_a_range(void **state)
{
	static const char *const keys[] = {"ports.tls", "ports.web"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		accepts(keys[i], "0");
		accepts(keys[i], "1");
		accepts(keys[i], "65535");
		refuses(keys[i], "65536");
		refuses(keys[i], "-1");
		refuses(keys[i], "");
		refuses(keys[i], " 80");
		refuses(keys[i], "80 ");
		refuses(keys[i], "0x50");
		refuses(keys[i], "18446744073709551617");
		refuses_json(keys[i], json_integer(65536));
		refuses_json(keys[i], json_integer(-1));
		refuses_json(keys[i], json_real(80.0));
		refuses_json(keys[i], json_true());
		refuses_json(keys[i], NULL);
	}
}

static void
prompt_timeout_has_a_range(void **state)
{
	(void)state;
	accepts("policy.prompt-timeout", "10");
	accepts("policy.prompt-timeout", "300");
	refuses("policy.prompt-timeout", "9");
	refuses("policy.prompt-timeout", "301");
	refuses("policy.prompt-timeout", "60s");
	refuses_json("policy.prompt-timeout", json_integer(0));
}

static void
check_text(const char *key, size_t max)
{
	char text[PZ_DISPLAY_NAME_BYTES_MAX + 2];

	memset(text, 'x', sizeof(text));
	text[max] = '\0';
	accepts(key, text);
	text[max] = 'x';
	text[max + 1] = '\0';
	refuses(key, text);
	accepts(key, "x");
	accepts(key, "B\xc3\xbcro \xe2\x98\x95");
	refuses(key, "");
	refuses(key, "two\nlines");
	refuses(key, "\x7f");
	refuses(key, "\xc2\x85"); /* C1 */
	refuses(key, "\xff");
	refuses_json(key, json_integer(7));
	refuses_json(key, json_object());
}

static void
texts_are_printable_and_bounded(void **state)
{
	(void)state;
	check_text("name", PZ_DISPLAY_NAME_BYTES_MAX);
	check_text("device-type", PZ_DEVICE_TYPE_BYTES_MAX);
}

static void
values_are_read_by_type(void **state)
{
	struct pz_prefs prefs;

	(void)state;
	for (int i = 0; i < PZ_PREF_COUNT; i++)
		pz_pref_default((enum pz_pref)i, &prefs.values[i]);
	assert_true(pz_prefs_bool(&prefs, PZ_PREF_PEER_LISTEN));
	assert_false(pz_prefs_bool(&prefs, PZ_PREF_PEER_AUTO));
	assert_int_equal(pz_prefs_int(&prefs, PZ_PREF_PORTS_TLS), 8040);
	assert_int_equal(pz_prefs_int(&prefs, PZ_PREF_POLICY_PROMPT_TIMEOUT), 30);
	assert_string_equal(pz_prefs_text(&prefs, PZ_PREF_CONNECTION), "hub");
	assert_string_equal(pz_prefs_text(&prefs, PZ_PREF_DEVICE_TYPE), "device");
}

static void
the_man_page_items_name_everything(void **state)
{
	struct pz_buf out;
	char line[64];

	(void)state;
	pz_buf_init(&out, 1 << 16, NULL);
	assert_ok(pz_prefs_man(&out));
	assert_ok(pz_buf_append(&out, pz_slice_of("", 1)));
	for (int i = 0; i < PZ_PREF_COUNT; i++) {
		snprintf(line, sizeof(line), ".It Cm %s\n", pz_pref_table[i].key);
		assert_non_null(strstr((const char *)out.mem + out.start, line));
	}
	pz_buf_fini(&out);
	pz_buf_init(&out, 100, NULL);
	assert_int_equal(pz_prefs_man(&out), PZ_ERR_LIMIT_QUEUE);
	pz_buf_fini(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete),
		cmocka_unit_test(defaults_are_those_of_the_page),
		cmocka_unit_test(scopes_are_those_of_the_page),
		cmocka_unit_test(an_unknown_key_is_explained),
		cmocka_unit_test(switches_are_true_or_false),
		cmocka_unit_test(connection_is_a_choice),
		cmocka_unit_test(ports_have_a_range),
		cmocka_unit_test(prompt_timeout_has_a_range),
		cmocka_unit_test(texts_are_printable_and_bounded),
		cmocka_unit_test(values_are_read_by_type),
		cmocka_unit_test(the_man_page_items_name_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
