/* What a session does with full queues, long values and bad messages: page 8, page 14 PRS-7, DOS-1.
 */
#include "base/codec.h"
#include "sync/session_fixture.h"

/* ---- sizes and queues ---- */

static char *
long_value(size_t len)
{
	static const char unit[] = "\"\\\n\x01\xe2\x82\xacplain text that is not escaped at all";
	char *value = malloc(len + 1);

	assert_non_null(value);
	for (size_t i = 0; i < len; i++)
		value[i] = unit[i % (sizeof(unit) - 1)];
	while (len > 0 && !pz_utf8_is_valid(pz_slice_of(value, len)))
		len--;
	value[len] = '\0';
	return value;
}

static void
long_values_come_in_pieces(void **state)
{
	char *value = long_value(PZ_SYNC_VALUE_BYTES_MAX);

	(void)state;
	edit(&hub, PZ_SYNC_APP_DATA, "a", "short");
	edit(&hub, PZ_SYNC_APP_DATA, "b", value);
	edit(&hub, PZ_SYNC_APP_DATA, "c", value);
	edit(&hub, PZ_SYNC_APP_DATA, "d", "short");
	run();
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_APP_DATA));
	assert_string_equal(value_of(&laptop, PZ_SYNC_APP_DATA, "b"), value);
	assert_in_range(other()->largest, 1, PZ_SYNC_PIECE_BYTES);
	assert_int_equal(laptop.refusals, 0);
	assert_int_equal(laptop.changes, 4);
	free(value);
}

static void
an_end_of_short_frames_gets_everything(void **state)
{
	char *value = long_value(PZ_SYNC_VALUE_BYTES_MAX), key[64];

	(void)state;
	fx_message_bytes_max = PZ_FRAME_BYTES_ENROL;
	rewire(&laptop, &hub);
	fx_message_bytes_max = 0;
	edit(&hub, PZ_SYNC_APP_DATA, "long", value);
	for (int i = 0; i < 1500; i++) { /* a listing of several messages */
		snprintf(key, sizeof(key), "key number %d", i);
		edit(&hub, PZ_SYNC_APP_DATA, key, "short");
	}
	run();
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_APP_DATA));
	assert_in_range(other()->largest, 1, PZ_FRAME_BYTES_ENROL);
	assert_int_equal(laptop.refusals, 0);
	free(value);
}

static void
a_value_that_changes_between_two_pieces_starts_anew(void **state)
{
	char *value = long_value(600000);

	(void)state;
	edit(&hub, PZ_SYNC_APP_DATA, "a", value);
	other()->room = 2; /* Change and one piece */
	run();
	assert_true(pz_sync_session_is_blocked(other()->session));
	value[0] = '!';
	edit(&hub, PZ_SYNC_APP_DATA, "a", value);
	other()->room = SIZE_MAX;
	assert_ok(pz_sync_session_pump(other()->session));
	assert_false(pz_sync_session_is_blocked(other()->session));
	wire_run(&w);
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_APP_DATA));
	assert_int_equal(laptop.refusals, 0);
	free(value);
}

static void
pieces_that_do_not_fit_together_are_refused(void **state)
{
	static const char piece[] = "{\"app-data\":[{\"key\":\"%s\",\"value\":\"%s\",\"mtime\":%d,"
				    "\"origin\":\"" ZONE "\",\"at\":%d,\"size\":%d}]}";
	static const struct {
		const char *key, *value;
		int mtime, at, size;
	} second[] = {
		{"k", "cd", 1, 1, 4}, {"k", "cd", 1, 3, 4}, {"k", "cde", 1, 2, 4},
		{"l", "cd", 1, 2, 4}, {"k", "cd", 2, 2, 4}, {"k", "cd", 1, 2, 5},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
		snprintf(text, sizeof(text), piece, "k", "ab", 1, 0, 4);
		assert_ok(say(other(), "Update_Data", text));
		snprintf(text, sizeof(text), piece, second[i].key, second[i].value, second[i].mtime,
			 second[i].at, second[i].size);
		assert_ok(say(other(), "Update_Data", text));
		assert_int_equal(hub.refusals, i + 1);
		snprintf(text, sizeof(text), piece, "k", "cd", 1, 2, 4);
		assert_ok(say(other(), "Update_Data", text)); /* the right one comes too late */
		assert_int_equal(hub.refusals, i + 2);
		hub.refusals = i + 1;
	}
	assert_int_equal(hub.changes, 0);
	snprintf(text, sizeof(text), piece, "k", "ab", 1, 0, PZ_SYNC_VALUE_BYTES_MAX + 1);
	assert_ok(say(other(), "Update_Data", text));
	assert_int_equal(hub.refusals, 7);
	snprintf(text, sizeof(text), piece, "k", "ab", 1, 0, 4);
	assert_ok(say(other(), "Update_Data", text));
	snprintf(text, sizeof(text), piece, "k", "cd", 1, 2, 4);
	assert_ok(say(other(), "Update_Data", text));
	assert_string_equal(value_of(&hub, PZ_SYNC_APP_DATA, "k"), "abcd");
}

static void
a_full_queue_only_delays(void **state)
{
	(void)state;
	fill(&hub, 10000);
	dialler()->room = 0;
	assert_ok(pz_sync_session_open(dialler()->session));
	assert_true(pz_sync_session_is_blocked(dialler()->session));
	assert_int_equal(dialler()->messages, 0);
	for (int i = 0; !is_equal(&hub, &laptop, PZ_SYNC_APP_DATA); i++) {
		assert_in_range(i, 0, 100);
		for (int e = 0; e < 2; e++) {
			w.ends[e].room = 1;
			assert_ok(pz_sync_session_pump(w.ends[e].session));
		}
		wire_run(&w);
	}
	assert_int_equal(laptop.changes, 10000);
}

/* Wanting the same thing many times costs it once; and while the other end does not read, names
 * are all that is kept. */
static void
wishes_are_not_multiplied(void **state)
{
	char *value = long_value(20000);
	struct pz_buf text;

	(void)state;
	edit(&hub, PZ_SYNC_APP_DATA, "k", value);
	pz_buf_init(&text, 1 << 20, NULL);
	assert_ok(pz_buf_append_str(&text, "{\"want\":{\"app-data\":[\"k\""));
	for (int i = 0; i < 10000; i++)
		assert_ok(pz_buf_append_str(&text, ",\"k\",7,\"nothing\""));
	assert_ok(pz_buf_append(&text, pz_slice_of("]}}", 4)));
	other()->room = 0;
	for (int i = 0; i < 10; i++)
		assert_ok(say(other(), "Update_Data", (const char *)text.mem));
	other()->room = SIZE_MAX;
	assert_ok(pz_sync_session_pump(other()->session));
	assert_int_equal(other()->messages, 1);
	pz_buf_fini(&text);
	free(value);
}

static void
more_is_wanted_than_is_asked_for_at_once(void **state)
{
	struct pz_buf text;

	(void)state;
	dialler()->room = 1;
	assert_ok(pz_sync_session_open(dialler()->session));
	pz_buf_init(&text, 4 << 20, NULL);
	assert_ok(pz_buf_append_str(&text, "{\"partial\":true"));
	for (int item = 0; item < 2; item++) {
		assert_ok(pz_buf_printf(&text, ",\"%s\":{\"first\":[\"%064d\",1,false]",
					item ? "context" : "app-data", 0));
		for (int i = 0; i < PZ_SYNC_WANTED_MAX - 1; i++)
			assert_ok(pz_buf_printf(&text, ",\"%d\":[\"%064d\",1,false]", i, 0));
		assert_ok(pz_buf_append_str(&text, "}"));
	}
	assert_ok(pz_buf_append(&text, pz_slice_of("}", 2)));
	assert_ok(say(dialler(), "Update_Change", (const char *)text.mem));
	pz_buf_fini(&text);
	dialler()->room = SIZE_MAX;
	assert_ok(pz_sync_session_pump(dialler()->session));
	size_t wants = 0;
	for (struct queued *q = other()->first->next; q; q = q->next)
		for (const char *c = q->text; *c; c++)
			wants += *c == ',' || *c == '[';
	assert_int_equal(wants, PZ_SYNC_WANTED_MAX);
	/* a listing without an end */
	assert_int_equal(say(dialler(), "Update_Change",
			     "{\"app-data\":{\"x\":[\"\",1,false]},\"partial\":true}"),
			 PZ_ERR_PROTO_MEMBER);
}

/* ---- bad messages ---- */

static void
a_bad_chunk_is_refused_and_the_others_are_kept(void **state)
{
	(void)state;
	assert_ok(say(other(), "Update_Data",
		      "{\"preferences\":["
		      "{\"key\":\"a\",\"value\":\"1\",\"mtime\":1,\"origin\":\"" ZONE "\"},"
		      "{\"key\":\"b\",\"value\":\"bad\",\"mtime\":1,\"origin\":\"" ZONE "\"},"
		      "{\"key\":\"c\",\"value\":7,\"mtime\":1,\"origin\":\"" ZONE "\"},"
		      "{\"key\":\"d\\n\",\"value\":\"\",\"mtime\":1,\"origin\":\"" ZONE "\"},"
		      "7,null,"
		      "{\"key\":\"e\",\"value\":\"2\",\"mtime\":1,\"origin\":\"" ZONE "\"}]}"));
	assert_int_equal(hub.refusals, 5);
	assert_int_equal(hub.changes, 2);
	assert_string_equal(value_of(&hub, PZ_SYNC_PREFERENCES, "a"), "1");
	assert_string_equal(value_of(&hub, PZ_SYNC_PREFERENCES, "e"), "2");
	assert_int_equal(pz_sync_item_len(hub.items[PZ_SYNC_PREFERENCES]), 2);
	assert_string_equal(hub.refused[1], "");

	assert_ok(say(other(), "Update_Data",
		      "{\"preferences\":[{\"key\":\"b\",\"value\":\"bad\",\"mtime\":1,"
		      "\"origin\":\"" ZONE "\"}]}"));
	assert_string_equal(hub.refused[0], "preferences");
	assert_string_equal(hub.refused[1], "b");
	assert_string_equal(hub.refused[2], "nobody wants that");
}

static void
what_is_not_known_is_ignored(void **state)
{
	(void)state;
	assert_ok(say(other(), "Update_Hash",
		      "{\"items\":{\"keys\":\"no digest\",\"preferences\":\"e3b0c44298fc1c149afbf4c"
		      "8996fb92427ae41e4649b934ca495991b7852b855\"},\"more\":1}"));
	assert_int_equal(other()->messages, 1);
	assert_ok(say(other(), "Update_Data", "{\"keys\":7,\"want\":{\"keys\":7},\"more\":[]}"));
	assert_ok(say(other(), "Update_Data", "{}"));
	assert_ok(pz_sync_session_open(dialler()->session));
	assert_ok(say(dialler(), "Update_Change", "{\"keys\":7,\"more\":[],\"timestamp\":\"?\"}"));
	assert_int_equal(dialler()->equal_answers, 1);
	assert_int_equal(hub.refusals + laptop.refusals, 0);
	assert_int_equal(say(other(), "Update_Other", "{}"), PZ_ERR_NOTFOUND);
	assert_false(pz_sync_is_status("Update"));
}

static void
malformed_is_reported_and_the_session_goes_on(void **state)
{
	static const char *const bad[][2] = {
		{"Update_Hash", NULL},
		{"Update_Hash", "[]"},
		{"Update_Hash", "{}"},
		{"Update_Hash", "{\"items\":[]}"},
		{"Update_Hash", "{\"items\":{\"crl\":7}}"},
		{"Update_Hash", "{\"items\":{\"crl\":\"abc\"}}"},
		{"Update_Data", "7"},
		{"Update_Data", "{\"preferences\":{}}"},
		{"Update_Data", "{\"want\":[]}"},
		{"Update_Data", "{\"want\":{\"preferences\":{}}}"},
	};
	static const char *const lists[] = {
		"{\"preferences\":[]}",
		"{\"preferences\":{\"a\":7}}",
		"{\"preferences\":{\"a\":[]}}",
		"{\"preferences\":{\"a\":[\"00\",1,false]}}",
		"{\"preferences\":{\"\":[\""
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49"
		"5991b7852b855\",1,false]}}",
		"{\"preferences\":{\"a\":[\""
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49"
		"5991b7852b855\",-1,false]}}",
		"{\"preferences\":{\"a\":[\""
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49"
		"5991b7852b855\",1,0]}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(say(other(), bad[i][0], bad[i][1]), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(say(dialler(), "Update_Change", "{}"), PZ_ERR_PROTO); /* not asked for */
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_ok(pz_sync_session_open(dialler()->session));
		assert_int_equal(say(dialler(), "Update_Change", lists[i]), PZ_ERR_PROTO_MEMBER);
	}
	rewire(&laptop, &hub);
	edit(&laptop, PZ_SYNC_PREFERENCES, "a", "1");
	run();
	assert_true(is_equal(&hub, &laptop, PZ_SYNC_PREFERENCES));
}

static void
a_listing_may_come_in_any_order_and_never_longer_than_an_item(void **state)
{
	struct pz_buf text;

	(void)state;
	edit(&laptop, PZ_SYNC_PREFERENCES, "a", "1");
	edit(&laptop, PZ_SYNC_PREFERENCES, "b", "1");
	assert_ok(pz_sync_session_open(dialler()->session));
	assert_ok(
		say(dialler(), "Update_Change",
		    "{\"preferences\":{\"b\":[\"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c0"
		    "1e52ddb7875b4b\",1800000000000,false]},\"partial\":true}"));
	assert_ok(
		say(dialler(), "Update_Change",
		    "{\"preferences\":{\"a\":[\"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c0"
		    "1e52ddb7875b4b\",1800000000000,false]}}"));
	assert_int_equal(dialler()->messages, 1); /* nothing to say */

	assert_ok(pz_sync_session_open(dialler()->session));
	pz_buf_init(&text, 4 << 20, NULL);
	assert_ok(pz_buf_append_str(&text, "{\"partial\":true,\"preferences\":{"));
	for (int i = 0; i <= PZ_SYNC_CHUNKS_MAX; i++)
		assert_ok(pz_buf_printf(&text, "%s\"%d\":[\"%064d\",1,false]", i ? "," : "", i, 0));
	assert_ok(pz_buf_append(&text, pz_slice_of("}}", 3)));
	assert_int_equal(say(dialler(), "Update_Change", (const char *)text.mem),
			 PZ_ERR_PROTO_MEMBER);
	pz_buf_fini(&text);
}

static void
one_listing_at_a_time(void **state)
{
	char hash[512];

	(void)state;
	fill(&hub, 10000);
	snprintf(hash, sizeof(hash), "{\"items\":{\"app-data\":\"%064d\"}}", 0);
	other()->room = 1;
	assert_ok(say(other(), "Update_Hash", hash));
	assert_int_equal(say(other(), "Update_Hash", hash), PZ_ERR_PROTO);
	other()->room = SIZE_MAX;
	assert_ok(pz_sync_session_pump(other()->session));
	assert_ok(say(other(), "Update_Hash", hash));
}

static void
opening_twice_is_one_after_the_other(void **state)
{
	(void)state;
	assert_ok(pz_sync_session_open(dialler()->session));
	assert_ok(pz_sync_session_open(dialler()->session));
	assert_ok(pz_sync_session_open(dialler()->session));
	assert_int_equal(dialler()->messages, 1);
	wire_run(&w);
	assert_int_equal(dialler()->messages, 2);
	assert_int_equal(dialler()->answers, 2);
}

/* A link may go after every message; the next one makes everything good. */
static void
a_link_may_go_at_any_time(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < 24; cut++) {
		tear_down(NULL);
		set_up(NULL);
		char *value = long_value(300000);
		fill(&hub, 1500);
		edit(&hub, PZ_SYNC_APP_DATA, "long", value);
		edit(&laptop, PZ_SYNC_APP_DATA, "mine", value);
		edit(&laptop, PZ_SYNC_PREFERENCES, "a", "1");
		free(value);
		assert_ok(pz_sync_session_open(dialler()->session));
		for (size_t i = 0; i < cut; i++)
			if (!wire_step(dialler(), NULL))
				wire_step(other(), NULL);
		rewire(&laptop, &hub);
		run();
		assert_true(is_equal(&hub, &laptop, PZ_SYNC_APP_DATA));
		assert_true(is_equal(&hub, &laptop, PZ_SYNC_PREFERENCES));
	}
}

static void
a_push_goes_only_where_it_may(void **state)
{
	(void)state;
	edit(&hub, PZ_SYNC_CRL, ZONE, "1 list");
	edit(&laptop, PZ_SYNC_TRUSTED_PZH, "bob@example.org", "PEM");
	assert_ok(pz_sync_session_push(dialler()->session, pz_sync_kind(PZ_SYNC_TRUSTED_PZH),
				       "bob@example.org"));
	assert_ok(pz_sync_session_push(other()->session, pz_sync_kind(PZ_SYNC_CRL), "nobody's"));
	assert_int_equal(dialler()->messages + other()->messages, 0);
	assert_ok(pz_sync_session_push(other()->session, pz_sync_kind(PZ_SYNC_CRL), ZONE));
	assert_int_equal(other()->messages, 1);
	assert_string_equal(dialler()->first->status, "Sync_Data");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(long_values_come_in_pieces),
		TEST(an_end_of_short_frames_gets_everything),
		TEST(a_value_that_changes_between_two_pieces_starts_anew),
		TEST(pieces_that_do_not_fit_together_are_refused),
		TEST(a_full_queue_only_delays),
		TEST(wishes_are_not_multiplied),
		TEST(more_is_wanted_than_is_asked_for_at_once),
		TEST(a_bad_chunk_is_refused_and_the_others_are_kept),
		TEST(what_is_not_known_is_ignored),
		TEST(malformed_is_reported_and_the_session_goes_on),
		TEST(a_listing_may_come_in_any_order_and_never_longer_than_an_item),
		TEST(one_listing_at_a_time),
		TEST(opening_twice_is_one_after_the_other),
		TEST(a_link_may_go_at_any_time),
		TEST(a_push_goes_only_where_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
