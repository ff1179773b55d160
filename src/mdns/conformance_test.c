/* One suite for the fake, our own responder and avahi-daemon: what mdns.h promises. */
#include "mdns/fixture.h"

/* ---- helpers ---- */

static struct fx *
begin(void **state)
{
	struct fx *f = *state;

	if (!f->is_fake && !fx_namespace())
		skip();
	if (!f->is_fake && strstr(getenv("DBUS_SYSTEM_BUS_ADDRESS"), "nonexistent") == NULL)
		FX_NEEDS(fx_daemon.avahi > 0);
	return f;
}

#define A (&f->nodes[0])
#define B (&f->nodes[1])
#define SEEN(node, instance) fx_seen(node, instance)

/* ---- the suite ---- */

static void
an_instance_is_found_with_its_data(void **state)
{
	struct fx *f = begin(state);

	fx_browse(B, true);
	assert_ok(fx_publish(A, "one", "pz-host-1", 8040, "t=0123456789abcdef"));
	fx_wait(f, SEEN(B, "one")->is_there);
	assert_int_equal(SEEN(B, "one")->port, 8040);
	assert_string_equal(SEEN(B, "one")->txt, "v=1|t=0123456789abcdef|");
	fx_wait(f, strstr(SEEN(B, "one")->addresses, " 10.9.0.1 "));
	assert_int_equal(SEEN(A, "one")->founds, 0);
}

static void
a_later_search_finds_it_too(void **state)
{
	struct fx *f = begin(state);

	assert_ok(fx_publish(A, "early", "pz-host-1", 1, NULL));
	fx_browse(A, true);
	fx_browse(B, true);
	fx_wait(f, SEEN(B, "early")->is_there);
	assert_int_equal(SEEN(B, "early")->port, 1);
	assert_string_equal(SEEN(B, "early")->txt, "v=1|");
	assert_int_equal(SEEN(A, "early")->founds, 0); /* its own */
}

static void
both_find_each_other(void **state)
{
	struct fx *f = begin(state);

	fx_browse(A, true);
	fx_browse(B, true);
	assert_ok(fx_publish(A, "left", "pz-host-1", 1001, NULL));
	assert_ok(fx_publish(B, "right", "pz-host-2", 1002, NULL));
	fx_wait(f, SEEN(A, "right")->is_there && SEEN(B, "left")->is_there);
	assert_int_equal(SEEN(A, "right")->port, 1002);
	assert_int_equal(SEEN(B, "left")->port, 1001);
	assert_int_equal(SEEN(A, "left")->founds + SEEN(B, "right")->founds, 0);
}

static void
it_is_gone_when_withdrawn(void **state)
{
	struct fx *f = begin(state);

	fx_browse(B, true);
	assert_ok(fx_publish(A, "short", "pz-host-1", 2, NULL));
	fx_wait(f, SEEN(B, "short")->is_there);
	fx_unpublish(A);
	fx_wait(f, !SEEN(B, "short")->is_there);
	fx_unpublish(A); /* nothing to do */
	assert_ok(fx_publish(A, "short", "pz-host-1", 3, NULL));
	fx_wait(f, SEEN(B, "short")->is_there);
	assert_int_equal(SEEN(B, "short")->port, 3);
	assert_int_equal(SEEN(B, "short")->gones, 1);
}

static void
freeing_says_goodbye(void **state)
{
	struct fx *f = begin(state);

	fx_browse(B, true);
	assert_ok(fx_publish(A, "freed", "pz-host-1", 2, NULL));
	fx_wait(f, SEEN(B, "freed")->is_there);
	fx_node_free(A);
	fx_wait(f, !SEEN(B, "freed")->is_there);
}

static void
changes_are_reported(void **state)
{
	struct fx *f = begin(state);

	fx_browse(B, true);
	assert_ok(fx_publish(A, "same", "pz-host-1", 8040, "t=monday"));
	fx_wait(f, SEEN(B, "same")->is_there);
	assert_ok(fx_publish(A, "same", "pz-host-1", 8040, "t=tuesday"));
	fx_wait(f, strcmp(SEEN(B, "same")->txt, "v=1|t=tuesday|") == 0);
	assert_ok(fx_publish(A, "same", "pz-host-1", 8041, "t=tuesday"));
	/* Port and text are records of their own: an announcement of the old text that is repeated
	 * late is the newest for a moment. */
	fx_wait(f, SEEN(B, "same")->port == 8041 &&
			   strcmp(SEEN(B, "same")->txt, "v=1|t=tuesday|") == 0);
	assert_int_equal(SEEN(B, "same")->gones, 0);
}

static void
another_name_replaces_the_first(void **state)
{
	struct fx *f = begin(state);

	fx_browse(B, true);
	assert_ok(fx_publish(A, "before", "pz-host-1", 10, NULL));
	fx_wait(f, SEEN(B, "before")->is_there);
	assert_ok(fx_publish(A, "after", "pz-host-2", 11, NULL));
	fx_wait(f, SEEN(B, "after")->is_there && !SEEN(B, "before")->is_there);
	assert_int_equal(SEEN(B, "after")->port, 11);
}

static void
a_new_search_reports_again(void **state)
{
	struct fx *f = begin(state);

	fx_browse(B, true);
	assert_ok(fx_publish(A, "again", "pz-host-1", 12, NULL));
	fx_wait(f, SEEN(B, "again")->is_there);
	unsigned founds = SEEN(B, "again")->founds;
	fx_browse(B, true);
	fx_wait(f, SEEN(B, "again")->founds > founds);

	fx_browse(B, false); /* forgets, silently */
	founds = SEEN(B, "again")->founds;
	fx_browse(B, true);
	fx_wait(f, SEEN(B, "again")->founds > founds);
	assert_int_equal(SEEN(B, "again")->gones, 0);
	fx_browse(B, false);
	fx_browse(B, false);
}

/** What a node sees at a port, or NULL. */
static const struct fx_seen *
at_port(const struct fx_node *node, unsigned port)
{
	for (size_t i = 0; i < node->len; i++)
		if (node->seen[i].is_there && node->seen[i].port == port)
			return &node->seen[i];
	return NULL;
}

static void
a_name_that_is_taken_is_replaced(void **state)
{
	struct fx *f = begin(state);

	fx_browse(A, true);
	fx_browse(B, true);
	assert_ok(fx_publish(A, "taken", "pz-taken", 21, NULL));
	fx_wait(f, SEEN(B, "taken")->is_there);
	assert_ok(fx_publish(B, "taken", "pz-taken", 22, NULL));
	/* One of them continues under a name that no user chose. */
	fx_wait(f, at_port(A, 22) != NULL && at_port(B, 21) != NULL &&
			   strcmp(at_port(A, 22)->instance, at_port(B, 21)->instance) != 0);
	/* That is the later one, but for a machine on which the first one cannot answer in time. */
	if (f->is_fake)
		assert_string_equal(at_port(B, 21)->instance, "taken");
}

static void
what_cannot_be_announced_is_refused(void **state)
{
	struct fx *f = begin(state);
	static const char *const many[PZ_MDNS_TXT_MAX + 1] = {0};
	char label[65], string[257], half[201];
	const char *one[] = {string}, *bytes[8];
	struct pz_mdns_service service = {.instance = "i", .host = "h", .port = 1, .txt = one};

	memset(label, 'x', sizeof(label));
	memset(string, 'y', sizeof(string));
	memset(half, 'z', sizeof(half));
	label[64] = string[256] = half[200] = '\0';
	for (size_t i = 0; i < 8; i++)
		bytes[i] = half;

	struct pz_mdns_service bad[] = {service, service, service, service, service, service,
					service, service, service, service, service, service};
	bad[0].instance = label;
	bad[1].instance = "";
	bad[2].instance = "line\nbreak";
	bad[3].instance = "\xff";
	bad[4].host = label;
	bad[5].host = "";
	bad[6].host = "a.b";
	bad[7].host = "-a";
	bad[8].txt_len = 1;
	bad[9].txt = many;
	bad[9].txt_len = PZ_MDNS_TXT_MAX + 1;
	bad[10].port = 0;
	bad[11].txt = bytes;
	bad[11].txt_len = 8;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(A->mdns->ops->publish(A->mdns, &bad[i]), PZ_ERR_CONFIG);
	if (!f->is_fake)
		assert_string_equal(pz_mdns_kind(A->mdns), ""); /* nothing was opened */
}

static void
odd_names_and_all_of_txt_arrive(void **state)
{
	struct fx *f = begin(state);
	static const char name[] = "Anna's. \\Gerät\xe2\x82\xac";
	char strings[PZ_MDNS_TXT_MAX][32], want[PZ_MDNS_TXT_MAX * 33] = "";
	const char *txt[PZ_MDNS_TXT_MAX];
	struct pz_mdns_service service = {
		.instance = name,
		.host = "pz-host-1",
		.port = 65535,
		.txt = txt,
		.txt_len = PZ_MDNS_TXT_MAX,
	};

	for (int i = 0; i < PZ_MDNS_TXT_MAX; i++) {
		snprintf(strings[i], sizeof(strings[i]), "key%d=Wert €%d", i, i * 7);
		txt[i] = strings[i];
		strcat(strcat(want, strings[i]), "|");
	}
	fx_browse(B, true);
	assert_ok(A->mdns->ops->publish(A->mdns, &service));
	fx_wait(f, SEEN(B, name)->is_there);
	assert_string_equal(SEEN(B, name)->txt, want);
	assert_int_equal(SEEN(B, name)->port, 65535);
}

struct reaction {
	struct fx_node *node;
	unsigned calls;
};

static enum pz_mdns_worth
stop_looking(void *arg, const struct pz_mdns_found *found)
{
	struct reaction *reaction = arg;

	reaction->calls++;
	assert_string_equal(found->instance, "seen");
	assert_ok(reaction->node->mdns->ops->browse(reaction->node->mdns, false));
	reaction->node->mdns->ops->unpublish(reaction->node->mdns);
	assert_string_equal(found->instance, "seen"); /* still */
	assert_true(found->port == 5 && found->address[0] != '\0' && found->txt_len == 1);
	return PZ_MDNS_STRANGER;
}

static void
a_call_back_may_call_back(void **state)
{
	struct fx *f = begin(state);
	static const struct pz_mdns_events events = {.found = stop_looking, .gone = fx_on_gone};
	struct reaction reaction = {B, 0};

	B->mdns->events = &events;
	B->mdns->arg = &reaction;
	fx_browse(B, true);
	fx_browse(A, true);
	assert_ok(fx_publish(B, "seer", "pz-host-2", 6, NULL));
	fx_wait(f, SEEN(A, "seer")->is_there);
	assert_ok(fx_publish(A, "seen", "pz-host-1", 5, NULL));
	fx_wait(f, reaction.calls > 0);
	fx_wait(f, !SEEN(A, "seer")->is_there);
	assert_int_equal(reaction.calls, 1);
}

static void
nothing_has_no_kind(void **state)
{
	struct fx *f = begin(state);

	assert_string_equal(pz_mdns_kind(A->mdns), "");
	pz_mdns_free(NULL);
	pz_mdns_fake_crash(NULL);
	pz_mdns_fake_net_free(NULL);
}

/* ---- the fake only ---- */

static bool is_cut;

static bool
unless_cut(void *arg, const char *a, const char *b)
{
	assert_non_null(arg);
	assert_string_not_equal(a, b);
	return !is_cut;
}

static void
fake_a_cut_network_runs_out(void **state)
{
	struct fx *f = begin(state);

	is_cut = false;
	pz_mdns_fake_net_reachable(f->net, unless_cut, f);
	fx_browse(B, true);
	assert_ok(fx_publish(A, "far", "pz-host-1", 7, NULL));
	fx_wait(f, SEEN(B, "far")->is_there);
	is_cut = true;
	pz_mdns_fake_net_changed(f->net);
	uint64_t cut_us = f->clock.now_us;
	fx_wait(f, !SEEN(B, "far")->is_there);
	assert_true(f->clock.now_us - cut_us >= PZ_MDNS_FAKE_EXPIRY_US);
	is_cut = false;
	pz_mdns_fake_net_changed(f->net);
	fx_wait(f, SEEN(B, "far")->is_there);

	/* Back before its record has expired: no event. */
	is_cut = true;
	pz_mdns_fake_net_changed(f->net);
	fx_step(f);
	is_cut = false;
	pz_mdns_fake_net_changed(f->net);
	fx_step(f);
	is_cut = true; /* a goodbye that does not arrive has no effect */
	pz_mdns_fake_net_changed(f->net);
	fx_unpublish(A);
	fx_step(f);
	assert_int_equal(SEEN(B, "far")->founds, 2);
	assert_int_equal(SEEN(B, "far")->gones, 1);
	fx_wait(f, SEEN(B, "far")->gones == 2);
}

static void
fake_a_crash_runs_out(void **state)
{
	struct fx *f = begin(state);

	fx_browse(B, true);
	assert_ok(fx_publish(A, "dead", "pz-host-1", 7, NULL));
	assert_string_equal(pz_mdns_fake_instance(A->mdns), "dead");
	assert_string_equal(pz_mdns_fake_instance(B->mdns), "");
	fx_wait(f, SEEN(B, "dead")->is_there);
	uint64_t crash_us = f->clock.now_us;
	pz_mdns_fake_crash(A->mdns);
	A->mdns = NULL;
	fx_wait(f, !SEEN(B, "dead")->is_there);
	assert_true(f->clock.now_us - crash_us >= PZ_MDNS_FAKE_EXPIRY_US);
}

static void
fake_events_come_after_a_moment(void **state)
{
	struct fx *f = begin(state);

	for (unsigned i = 1; i <= 50; i++) {
		uint64_t before = f->clock.now_us;

		fx_browse(B, true);
		assert_ok(fx_publish(A, "soon", "pz-host-1", (uint16_t)i, NULL));
		fx_step(f);
		assert_int_equal(SEEN(B, "soon")->port, i);
		assert_in_range(f->clock.now_us - before, PZ_MDNS_FAKE_DELAY_MIN_US,
				PZ_MDNS_FAKE_DELAY_MAX_US);
	}
}

#define FAKE(test)                                                                                 \
	{                                                                                          \
		"fake: " #test, test, fx_fake_setup, fx_fake_teardown, NULL                        \
	}
#define OWN(test)                                                                                  \
	{                                                                                          \
		"own: " #test, test, fx_own_setup, fx_real_teardown, NULL                          \
	}
#define SYSTEM(test)                                                                               \
	{                                                                                          \
		"avahi-daemon: " #test, test, fx_system_setup, fx_real_teardown, NULL              \
	}
#define ALL(test) FAKE(test), OWN(test), SYSTEM(test)

int
main(int argc, char **argv)
{
	pz_mdns_responder_main(argc, argv);

	const struct CMUnitTest tests[] = {
		ALL(an_instance_is_found_with_its_data),
		ALL(a_later_search_finds_it_too),
		ALL(both_find_each_other),
		ALL(it_is_gone_when_withdrawn),
		ALL(freeing_says_goodbye),
		ALL(changes_are_reported),
		ALL(another_name_replaces_the_first),
		ALL(a_new_search_reports_again),
		ALL(a_name_that_is_taken_is_replaced),
		ALL(what_cannot_be_announced_is_refused),
		ALL(odd_names_and_all_of_txt_arrive),
		ALL(a_call_back_may_call_back),
		ALL(nothing_has_no_kind),
		FAKE(fake_a_cut_network_runs_out),
		FAKE(fake_a_crash_runs_out),
		FAKE(fake_events_come_after_a_moment),
	};

	return fx_run_tests(tests, sizeof(tests) / sizeof(tests[0]), 13);
}
