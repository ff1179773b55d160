/* All links of one zone: sending, counting, refusals, changes that belong together. */
#include "kit/clock.h"
#include "sync/fixture.h"

#include "sync/link.h"

/* A link as the test's owner has it. */
struct far {
	struct pz_sync_link *link;
	enum pz_err ready, pushes;
	size_t frames, bytes, too_long, answers, ends;
	char last[4096]; /* frame */
};

static struct {
	struct pz_kit_clock clock;
	struct pz_metrics metrics;
	struct pz_conditions *conditions;
	struct pz_sync_item *details;
	struct pz_sync_links links;
	struct far tv, phone;
	size_t changes, refusals;
} t;

/* ---- the owner ---- */

static enum pz_err
on_ready(const struct pz_sync_link *link)
{
	return ((const struct far *)link->arg)->ready;
}

static enum pz_err
on_push(struct pz_sync_link *link, struct pz_slice frame)
{
	struct far *far = link->arg;

	if (far->pushes != PZ_OK)
		return far->pushes;
	far->frames++;
	far->bytes += frame.len;
	snprintf(far->last, sizeof(far->last), "%.*s", (int)frame.len - 4, frame.ptr + 4);
	return PZ_OK;
}

static void
on_too_long(struct pz_sync_link *link, const char *status, size_t bytes)
{
	assert_non_null(strstr(status, "_Data"));
	assert_true(bytes > 0);
	((struct far *)link->arg)->too_long++;
}

static struct pz_sync_item *
on_item(const struct pz_sync_link *link, const struct pz_sync_kind *kind)
{
	(void)link;
	return kind->id == PZ_SYNC_USER_DETAILS ? t.details : NULL;
}

static enum pz_err
on_offered(struct pz_sync_link *link, const struct pz_sync_kind *kind,
	   const struct pz_sync_chunk *chunk, bool *out_taken, struct pz_errinfo *info)
{
	(void)link;
	(void)kind;
	(void)chunk;
	(void)info;
	*out_taken = false;
	return PZ_OK;
}

static enum pz_err
on_accept(const struct pz_sync_link *link, const struct pz_sync_kind *kind,
	  const struct pz_sync_chunk *chunk, struct pz_errinfo *info)
{
	(void)link;
	(void)kind;
	if (strcmp(chunk->key, "bad") == 0)
		return pz_fail(info, PZ_ERR_DENIED, "it is bad");
	return PZ_OK;
}

static void
on_changed(struct pz_sync_link *link, const struct pz_sync_kind *kind, const json_t *keys)
{
	t.changes++;
	pz_sync_links_pass_on(link->links, link, kind, keys);
}

static void
on_refused(struct pz_sync_link *link, const char *item, const char *key, const char *reason)
{
	(void)link;
	assert_string_equal(item, "user-details");
	assert_string_equal(key, "bad");
	assert_non_null(strstr(reason, "it is bad"));
	t.refusals++;
}

static void
on_closing(struct pz_sync_link *link)
{
	((struct far *)link->arg)->ends++;
}

static const struct pz_sync_link_ops ops = {
	.ready = on_ready,
	.push = on_push,
	.too_long = on_too_long,
	.item = on_item,
	.offered = on_offered,
	.accept = on_accept,
	.changed = on_changed,
	.refused = on_refused,
	.closing = on_closing,
};

/* ---- the world ---- */

static void
come(struct far *far, const char *address)
{
	static struct pz_log_rate rate;
	struct pz_sync_link_config config = {
		.other = PZ_SYNC_DEVICE, .to = address, .arg = far, .log = &rate};

	assert_non_null(far->link = pz_sync_link_new(&t.links, &config));
}

static int
set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	memset(&t, 0, sizeof(t));
	pz_kit_clock_init(&t.clock);
	assert_non_null(t.conditions = pz_conditions_new(&t.clock.env));
	assert_non_null(t.details = pz_sync_item_new(pz_sync_kind(PZ_SYNC_USER_DETAILS)));
	struct pz_sync_links_config config = {
		.env = &t.clock.env,
		.metrics = &t.metrics,
		.conditions = t.conditions,
		.self = ZONE "/laptop",
		.self_device = "laptop",
		.level = PZ_LOG_DEBUG,
		.ops = &ops,
	};
	assert_ok(pz_sync_links_init(&t.links, &config));
	come(&t.tv, ZONE "/tv");
	come(&t.phone, ZONE "/phone");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_sync_link_free(t.tv.link);
	pz_sync_link_free(t.phone.link);
	pz_sync_links_fini(&t.links);
	pz_sync_item_free(t.details);
	pz_conditions_free(t.conditions);
	return 0;
}

static const struct pz_sync_kind *
details(void)
{
	return pz_sync_kind(PZ_SYNC_USER_DETAILS);
}

/* A change made here that is on the disk. */
static void
change(const char *key)
{
	assert_ok(pz_sync_item_write(t.details, key, pz_slice_str("\"x\""), false, ZONE "/laptop",
				     NOW, NULL));
	pz_sync_links_settled(&t.links, details(), key, true);
}

static void
receive(struct far *far, const char *key)
{
	json_t *message =
		json_pack("{s:[{s:s, s:s, s:I, s:s, s:b}]}", "user-details", "key", key, "value",
			  "\"y\"", "mtime", (json_int_t)NOW, "origin", far->link->to, "deleted", 0);

	assert_true(pz_sync_link_on_prop(far->link, "Update_Data", message));
	json_decref(message);
}

/* ---- tests ---- */

static void
changes_of_100_ms_go_together_to_all(void **state)
{
	(void)state;
	change("a");
	pz_kit_clock_jump(&t.clock, PZ_SYNC_COALESCE_US / 2);
	change("b");
	assert_int_equal(t.tv.frames + t.phone.frames, 0);
	pz_kit_clock_jump(&t.clock, PZ_SYNC_COALESCE_US / 2);
	assert_int_equal(t.tv.link->sent[PZ_SYNC_USER_DETAILS], 2);
	assert_int_equal(t.phone.link->sent[PZ_SYNC_USER_DETAILS], 2);
	assert_non_null(strstr(t.tv.last, ZONE "/laptop"));
	pz_kit_clock_jump(&t.clock, PZ_US_PER_S);
	assert_int_equal(t.tv.link->sent[PZ_SYNC_USER_DETAILS], 2); /* once */
}

static void
what_cannot_be_stored_is_asked_of_all(void **state)
{
	(void)state;
	t.phone.ready = PZ_ERR_IO_CLOSED;
	pz_kit_clock_jump(&t.clock, 5);
	pz_sync_links_settled(&t.links, details(), "a", false);
	assert_int_equal(t.tv.link->opened, 1);
	assert_int_equal(t.tv.link->opened_us, t.clock.now_us);
	assert_non_null(strstr(t.tv.last, "Update_Hash"));
	assert_int_equal(t.phone.link->opened, 0);
}

static void
what_came_in_goes_to_the_others(void **state)
{
	(void)state;
	receive(&t.tv, "colour");
	assert_int_equal(t.changes, 1);
	assert_int_equal(t.tv.link->received[PZ_SYNC_USER_DETAILS], 1);
	assert_int_equal(t.tv.frames, 0);
	assert_non_null(strstr(t.phone.last, "colour"));
	assert_non_null(pz_sync_item_get(t.details, "colour"));
}

static void
a_full_queue_is_waited_for(void **state)
{
	(void)state;
	t.tv.ready = PZ_ERR_LIMIT_QUEUE;
	change("a");
	pz_kit_clock_jump(&t.clock, PZ_SYNC_COALESCE_US);
	assert_int_equal(t.tv.frames, 0);
	assert_int_equal(t.phone.frames, 1);
	t.tv.ready = PZ_OK;
	pz_sync_link_drained(t.tv.link);
	assert_int_equal(t.tv.frames, 1);
	pz_sync_link_drained(t.tv.link);
	assert_int_equal(t.tv.frames, 1);
}

static void
a_frame_that_is_too_long_is_reported(void **state)
{
	(void)state;
	t.tv.pushes = PZ_ERR_PROTO_FRAME;
	change("a");
	pz_kit_clock_jump(&t.clock, PZ_SYNC_COALESCE_US);
	assert_int_equal(t.tv.too_long, 1);
	assert_int_equal(t.tv.link->sent[PZ_SYNC_USER_DETAILS], 0);
	assert_int_equal(t.phone.too_long, 0);
}

static void
bytes_are_counted(void **state)
{
	(void)state;
	change("a");
	pz_kit_clock_jump(&t.clock, PZ_SYNC_COALESCE_US);
	assert_int_equal(pz_metric_get(&t.metrics, PZ_METRIC_sync_bytes_out),
			 t.tv.bytes + t.phone.bytes);
	assert_int_equal(pz_metric_get(&t.metrics, PZ_METRIC_sync_listing_bytes_out), 0);
}

static void
a_refused_entry_is_a_condition_until_the_next_link(void **state)
{
	json_t *raised;

	(void)state;
	receive(&t.tv, "bad");
	assert_int_equal(t.refusals, 1);
	assert_int_equal(t.changes, 0);
	assert_int_equal(pz_metric_get(&t.metrics, PZ_METRIC_messages_dropped), 1);
	raised = pz_conditions_json(t.conditions);
	assert_int_equal(json_array_size(raised), 1);
	json_decref(raised);
	pz_sync_link_free(t.tv.link);
	come(&t.tv, ZONE "/tv");
	raised = pz_conditions_json(t.conditions);
	assert_int_equal(json_array_size(raised), 0);
	json_decref(raised);
}

static void
other_props_are_not_its_own(void **state)
{
	json_t *message = json_object();

	(void)state;
	assert_false(pz_sync_link_on_prop(t.tv.link, "keepAlive", message));
	assert_true(pz_sync_link_on_prop(NULL, "Update_Hash", message)); /* no session: ignored */
	assert_true(pz_sync_link_on_prop(t.tv.link, "Update_Hash", message)); /* malformed */
	json_decref(message);
}

static void
links_may_outlive_the_zone(void **state)
{
	(void)state;
	change("a");
	pz_sync_links_fini(&t.links);
	assert_null(t.tv.link->session);
	pz_sync_link_free(PZ_TAKE(t.tv.link));
	assert_int_equal(t.tv.ends, 0); /* the owner is gone */
	pz_kit_clock_jump(&t.clock, PZ_US_PER_S);
	assert_int_equal(t.tv.frames + t.phone.frames, 0);
}

static void
the_owner_learns_of_an_end(void **state)
{
	(void)state;
	pz_sync_link_free(PZ_TAKE(t.tv.link));
	assert_int_equal(t.tv.ends, 1);
	change("a");
	pz_kit_clock_jump(&t.clock, PZ_SYNC_COALESCE_US);
	assert_int_equal(t.tv.frames, 0);
	assert_int_equal(t.phone.frames, 1);
}

#define LINK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		LINK_TEST(changes_of_100_ms_go_together_to_all),
		LINK_TEST(what_cannot_be_stored_is_asked_of_all),
		LINK_TEST(what_came_in_goes_to_the_others),
		LINK_TEST(a_full_queue_is_waited_for),
		LINK_TEST(a_frame_that_is_too_long_is_reported),
		LINK_TEST(bytes_are_counted),
		LINK_TEST(a_refused_entry_is_a_condition_until_the_next_link),
		LINK_TEST(other_props_are_not_its_own),
		LINK_TEST(links_may_outlive_the_zone),
		LINK_TEST(the_owner_learns_of_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
