/* The identity of an app; one app's key can never be taken for that of another (page 14 DAT-2). */
#include "kit/test.h"

#include <stdio.h>
#include <string.h>

#include "shared/app_key.h"

static void
origins_of_pages_and_programs(void **state)
{
	static const char *const good[] = {
		"http://example.org",
		"backup",
		"program:backup",
		"https://example.org",
		"https://example.org:8443",
		"http://example.org:443",
		"https://example.org:80",
		"http://localhost:1",
		"http://localhost:65535",
		"http://127.0.0.1:8080",
		"http://[::1]:8080",
		"https://[2001:db8::1]",
		"https://xn--bcher-kva.example",
		"http://my_host.local",
		"web+app.x-1://host",
		"a",
		"Z",
		"shopping-list",
		"org.example.App_2",
		"0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct pz_errinfo info = {""};
		if (pz_app_origin_check(good[i], &info) != PZ_OK)
			fail_msg("%s: %s", good[i], info.text);
	}
}

static void
what_is_no_origin(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"a b",
		"a/b",
		"a:b",
		"program:",
		"program:-a",
		"program:null",
		"program:program:a",
		"null", /* all pages that have no origin */
		".",
		"..",
		"-a",
		"_a",
		"b\xc3\xbc"
		"cher",
		"a\n",
		"http://",
		"://example.org",
		"1http://example.org",
		"HTTP://example.org",
		"http://Example.org",
		"http://b\xc3\xbc"
		"cher.example",
		"http://example.org/",
		"http://example.org/path",
		"http://example.org?q",
		"http://example.org#f",
		"http://user@example.org",
		"http://example.org:",
		"http://example.org:80",
		"https://example.org:443",
		"http://example.org:0",
		"http://example.org:08080",
		"http://example.org:65536",
		"http://example.org:99999999999999999999",
		"http://example.org:8080x",
		"http://example.org:8080:1",
		"http://example..org",
		"http://.example.org",
		"http://example.org.",
		"http://exam ple.org",
		"http://[::1",
		"http://::1",
		"http://[::1]x",
		"http://[::1]:",
		"http://[::G]",
		"http://[2001:DB8::1]",
		"http://[fe80::1%eth0]",
		"http://[]",
	};
	char label[80];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pz_errinfo info = {""};
		if (pz_app_origin_check(bad[i], &info) != PZ_ERR_CONFIG)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_non_null(strstr(info.text, "is no origin: a page's is"));
	}
	snprintf(label, sizeof(label), "http://%064d", 0);
	assert_int_equal(pz_app_origin_check(label, NULL), PZ_ERR_CONFIG);
	snprintf(label, sizeof(label), "http://%063d", 0);
	assert_ok(pz_app_origin_check(label, NULL));
}

static void
keys_come_apart_as_they_were_made(void **state)
{
	static const struct {
		const char *origin, *key, *made;
	} cases[] = {
		{"a", "b", "a b"},
		{"a", "b c", "a b c"},
		{"a", " b", "a  b"},
		{"a", " ", "a  "},
		{"ab", "c", "ab c"},
		{"http://example.org", "x/y \"z\" \xc3\xbc",
		 "http://example.org x/y \"z\" \xc3\xbc"},
	};
	char made[PZ_APP_KEY_CHARS], origin[PZ_APP_KEY_CHARS];
	const char *key;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_ok(pz_app_key_make(cases[i].origin, cases[i].key, made, NULL));
		assert_string_equal(made, cases[i].made);
		assert_ok(pz_app_key_split(made, origin, &key, NULL));
		assert_string_equal(origin, cases[i].origin);
		assert_string_equal(key, cases[i].key);
	}
}

static void
wrong_keys_are_refused(void **state)
{
	static const char *const keys[] = {"", "a\nb", "\x7f", "\xff", "\xc3", "\xc2\x80"};
	static const char *const chunks[] = {
		"", "a", " b", "a ", "null b", "-a b", "HTTP://x.org b", "a \n", "a \xff"};
	char made[PZ_APP_KEY_CHARS], text[PZ_APP_KEY_CHARS + 8];

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(pz_app_key_make("a", keys[i], made, NULL), PZ_ERR_CONFIG);
	assert_int_equal(pz_app_key_make("a b", "c", made, NULL), PZ_ERR_CONFIG);
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
		assert_int_equal(pz_app_key_split(chunks[i], NULL, NULL, NULL), PZ_ERR_NOTFOUND);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(pz_app_key_split(text, NULL, NULL, NULL), PZ_ERR_NOTFOUND);
}

static void
origin_and_key_fit_together_or_not(void **state)
{
	struct pz_errinfo info = {""};
	char made[PZ_APP_KEY_CHARS], key[PZ_APP_KEY_CHARS];

	(void)state;
	memset(key, 'k', sizeof(key));
	key[PZ_SYNC_KEY_BYTES_MAX - 4] = '\0'; /* "abc", a space, and this */
	assert_ok(pz_app_key_make("abc", key, made, NULL));
	assert_int_equal(strlen(made), PZ_SYNC_KEY_BYTES_MAX);
	assert_int_equal(pz_app_key_make("abcd", key, made, &info), PZ_ERR_LIMIT);
	assert_string_equal(info.text, "the key has 252 bytes; with this origin at most 251 fit");
	memset(key, 'o', sizeof(key));
	key[PZ_SYNC_KEY_BYTES_MAX] = '\0';
	assert_int_equal(pz_app_key_make(key, "x", made, &info), PZ_ERR_LIMIT);
	assert_non_null(strstr(info.text, "at most 0 fit"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origins_of_pages_and_programs),
		cmocka_unit_test(what_is_no_origin),
		cmocka_unit_test(keys_come_apart_as_they_were_made),
		cmocka_unit_test(wrong_keys_are_refused),
		cmocka_unit_test(origin_and_key_fit_together_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
