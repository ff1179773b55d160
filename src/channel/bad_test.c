/* What the other end must not do: each violation ends the link, and has no other effect. */
#include "channel/fixture.h"

static enum pz_err
prop(struct pz_channels *channels, const char *status, const char *json)
{
	json_t *message = json ? json_loads(json, 0, NULL) : NULL;
	enum pz_err err = PZ_OK;

	assert_true(json == NULL || message);
	assert_true(pz_channels_on_prop(channels, status, message, &err));
	json_decref(message);
	return err;
}

static enum pz_err
frame(struct pz_channels *channels, uint32_t number, size_t len)
{
	static uint8_t bytes[PZ_DATA_FRAME_BYTES_MAX];

	pz_frame_put_data_header(bytes, number, len);
	return pz_channels_on_frame(channels, pz_slice_of(bytes, PZ_DATA_HEADER_BYTES + len));
}

/* b accepts number 7 of an imagined other end, as its own number 1. */
static void
open_seven(struct world *w, struct user *u, uint32_t window)
{
	user_init(u);
	w->b.user = u;
	w->b.window = window;
	assert_int_equal(prop(w->b.channels, "channelOpen",
			      "{\"channel\":7, \"window\":5, \"to\":\"x\", \"kind\":\"link\"}"),
			 PZ_OK);
	assert_non_null(u->channel);
}

static void
test_beyond_the_window(void **state)
{
	struct world w;
	struct user u;

	(void)state;
	world_init(&w);
	open_seven(&w, &u, 1000);
	u.is_lazy = true;
	assert_int_equal(frame(w.b.channels, 1, 999), PZ_OK);
	assert_int_equal(frame(w.b.channels, 1, 2), PZ_ERR_PROTO);
	assert_int_equal(u.in.len, 999);
	assert_int_equal(frame(w.b.channels, 1, 1), PZ_OK);
	assert_int_equal(frame(w.b.channels, 1, 1), PZ_ERR_PROTO);
	pz_channel_consumed(u.channel, 1000);
	assert_int_equal(frame(w.b.channels, 1, 1000), PZ_OK);
	pz_buf_fini(&u.in);
	world_fini(&w);
}

static void
test_numbers_of_no_channel(void **state)
{
	static const char *const statuses[] = {"channelAccept", "channelRefuse", "channelCredit",
					       "channelEnd", "channelClose"};
	static const char *const numbers[] = {"0",     "2",          "7",   "64",
					      "65",    "4294967295", "-1",  "4294967296",
					      "\"1\"", "1.0",        "null"};
	struct world w;
	struct user u;
	char json[128];

	(void)state;
	world_init(&w);
	open_seven(&w, &u, 1000);
	for (size_t s = 0; s < 5; s++) {
		for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
			snprintf(json, sizeof(json),
				 "{\"channel\":%s, \"bytes\":1, \"peer\":9, \"window\":1}",
				 numbers[n]);
			assert_int_not_equal(prop(w.b.channels, statuses[s], json), PZ_OK);
		}
		assert_int_not_equal(prop(w.b.channels, statuses[s], NULL), PZ_OK);
		assert_int_not_equal(prop(w.b.channels, statuses[s], "[]"), PZ_OK);
	}
	static const uint32_t frames[] = {0, 2, 7, 64, 65, 1000, UINT32_MAX};
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		assert_int_equal(frame(w.b.channels, frames[i], 1), PZ_ERR_PROTO);
	assert_int_equal(frame(w.b.channels, 1, 1), PZ_OK);
	assert_false(u.is_closed);
	pz_buf_fini(&u.in);
	world_fini(&w);
}

static void
test_after_its_end(void **state)
{
	struct world w;
	struct user u;

	(void)state;
	world_init(&w);
	open_seven(&w, &u, 1000);
	assert_int_equal(prop(w.b.channels, "channelEnd", "{\"channel\":1}"), PZ_OK);
	assert_int_equal(frame(w.b.channels, 1, 1), PZ_ERR_PROTO);
	assert_int_equal(prop(w.b.channels, "channelEnd", "{\"channel\":1}"), PZ_ERR_PROTO);
	assert_int_equal(u.in.len, 0);
	world_fini(&w);
}

static void
test_closed_channel(void **state)
{
	struct world w;
	struct user u;

	(void)state;
	world_init(&w);
	open_seven(&w, &u, 1000);
	pz_channel_close(u.channel, "ok"); /* until that is answered its data is dropped */
	assert_int_equal(frame(w.b.channels, 1, 500), PZ_OK);
	assert_int_equal(frame(w.b.channels, 1, 501), PZ_ERR_PROTO);
	assert_int_equal(prop(w.b.channels, "channelClose", "{\"channel\":1}"), PZ_OK);
	assert_int_equal(pz_channels_count(w.b.channels), 0);
	assert_int_equal(frame(w.b.channels, 1, 1), PZ_ERR_PROTO);
	assert_int_equal(prop(w.b.channels, "channelClose", "{\"channel\":1}"), PZ_ERR_PROTO);
	assert_int_equal(u.in.len, 0);
	world_fini(&w);
}

/* Before an open was answered there is nothing to say, and after it no second answer. */
static void
test_answers(void **state)
{
	struct world w;
	struct user ua, u;

	(void)state;
	world_init(&w);
	open_some(&w.a, &ua);
	assert_int_equal(frame(w.a.channels, 1, 1), PZ_ERR_PROTO);
	assert_int_not_equal(prop(w.a.channels, "channelEnd", "{\"channel\":1}"), PZ_OK);
	assert_int_not_equal(prop(w.a.channels, "channelClose", "{\"channel\":1}"), PZ_OK);
	assert_int_not_equal(prop(w.a.channels, "channelCredit", "{\"channel\":1,\"bytes\":1}"),
			     PZ_OK);
	assert_int_not_equal(prop(w.a.channels, "channelAccept", "{\"channel\":1,\"peer\":3}"),
			     PZ_OK);
	assert_int_not_equal(prop(w.a.channels, "channelAccept", "{\"channel\":1,\"window\":3}"),
			     PZ_OK);
	assert_false(ua.is_accepted);
	assert_int_equal(
		prop(w.a.channels, "channelAccept", "{\"channel\":1,\"peer\":3,\"window\":8}"),
		PZ_OK);
	assert_true(ua.is_accepted);
	assert_int_not_equal(
		prop(w.a.channels, "channelAccept", "{\"channel\":1,\"peer\":4,\"window\":8}"),
		PZ_OK);
	assert_int_not_equal(prop(w.a.channels, "channelRefuse", "{\"channel\":1}"), PZ_OK);
	open_some(&w.a, &u); /* 3 is taken: the bytes of two channels could not be distinguished */
	assert_int_not_equal(
		prop(w.a.channels, "channelAccept", "{\"channel\":2,\"peer\":3,\"window\":8}"),
		PZ_OK);
	assert_false(u.is_accepted);
	assert_int_equal(
		prop(w.a.channels, "channelRefuse", "{\"channel\":2,\"reason\":\"somethingNew\"}"),
		PZ_OK);
	assert_int_equal(u.why, PZ_CHANNEL_REFUSED);
	world_fini(&w);
}

static void
test_offers(void **state)
{
	static const char *const refused[] = {
		"{\"channel\":1}",
		"{\"channel\":1, \"window\":1, \"to\":\"x\"}",
		"{\"channel\":1, \"window\":1, \"kind\":\"link\"}",
		"{\"channel\":1, \"to\":\"x\", \"kind\":\"link\"}",
		"{\"channel\":1, \"window\":-1, \"to\":\"x\", \"kind\":\"link\"}",
		"{\"channel\":1, \"window\":1, \"to\":5, \"kind\":\"link\"}",
		"{\"channel\":1, \"window\":1, \"to\":\"x\", \"kind\":\"link\", \"from\":1}",
		("{\"channel\":1, \"window\":1, \"to\":\"x\", "
		 "\"kind\":\"012345678901234567890123456789012\"}"),
	};
	struct world w;
	struct user u;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(prop(w.b.channels, "channelOpen", refused[i]), PZ_OK);
		struct item *item = PZ_CONTAINER(w.b.out.next, struct item, node);
		assert_string_equal(item->status, "channelRefuse");
		assert_string_equal(json_string_value(json_object_get(item->message, "reason")),
				    "badRequest");
		item_free(item);
	}
	assert_int_equal(w.b.offers, 0);
	assert_int_not_equal(prop(w.b.channels, "channelOpen", "{}"), PZ_OK);
	assert_int_not_equal(prop(w.b.channels, "channelOpen", NULL), PZ_OK);
	open_seven(&w, &u, 1000);
	assert_int_not_equal(prop(w.b.channels, "channelOpen",
				  "{\"channel\":7, \"window\":5, \"to\":\"x\", \"kind\":\"link\"}"),
			     PZ_OK); /* still taken */
	world_fini(&w);
}

/* More credit than can be counted; a sender that never gets any just waits. */
static void
test_credit(void **state)
{
	struct world w;
	struct user u;
	size_t taken;

	(void)state;
	world_init(&w);
	open_seven(&w, &u, 1000);
	assert_int_equal(pz_channel_send(u.channel, pz_slice_str("123456"), &taken), PZ_OK);
	assert_int_equal(taken, 5);
	assert_int_not_equal(prop(w.b.channels, "channelCredit", "{\"channel\":1}"), PZ_OK);
	assert_int_not_equal(prop(w.b.channels, "channelCredit", "{\"channel\":1, \"bytes\":-5}"),
			     PZ_OK);
	assert_int_equal(
		prop(w.b.channels, "channelCredit", "{\"channel\":1, \"bytes\":4294967295}"),
		PZ_OK);
	assert_int_not_equal(prop(w.b.channels, "channelCredit", "{\"channel\":1, \"bytes\":1}"),
			     PZ_OK);
	world_fini(&w);
}

static void
test_other_props(void **state)
{
	struct world w;
	enum pz_err err = PZ_OK;

	(void)state;
	world_init(&w);
	assert_false(pz_channels_on_prop(w.b.channels, "keepAlive", NULL, &err));
	assert_false(pz_channels_on_prop(w.b.channels, "channelOpened", NULL, &err));
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beyond_the_window),
		cmocka_unit_test(test_numbers_of_no_channel),
		cmocka_unit_test(test_after_its_end),
		cmocka_unit_test(test_closed_channel),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_credit),
		cmocka_unit_test(test_other_props),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
