/* The local network: what this device announces, and how it uses the announcements of others
 * (page 6). */
#include "pzp/peer_fixture.h"

#include "mdns/fake.h"
#include "zone/tag.h"

/* ---- a local network that notes what is done, and says what a test wants ---- */

static struct {
	struct pz_mdns base;
	bool is_announced, is_browsing;
	unsigned publishes, browses;
	char instance[64], host[64], txt[8][256];
	size_t txt_len;
	uint16_t port;
} net;

static enum pz_err
net_publish(struct pz_mdns *mdns, const struct pz_mdns_service *service)
{
	(void)mdns;
	net.is_announced = true;
	net.publishes++;
	snprintf(net.instance, sizeof(net.instance), "%s", service->instance);
	snprintf(net.host, sizeof(net.host), "%s", service->host);
	net.port = service->port;
	net.txt_len = service->txt_len;
	assert_true(net.txt_len <= 8);
	for (size_t i = 0; i < net.txt_len; i++)
		snprintf(net.txt[i], sizeof(net.txt[i]), "%s", service->txt[i]);
	return PZ_OK;
}

static void
net_unpublish(struct pz_mdns *mdns)
{
	(void)mdns;
	net.is_announced = false;
}

static enum pz_err
net_browse(struct pz_mdns *mdns, bool on)
{
	(void)mdns;
	net.is_browsing = on;
	net.browses += on;
	return PZ_OK;
}

static const struct pz_mdns_ops net_ops = {
	.publish = net_publish,
	.unpublish = net_unpublish,
	.browse = net_browse,
};

/* The zone's secret. */
static const uint8_t secret[PZ_ZONE_SECRET_BYTES] = {7, 7, 7};

/* The clock of who announces itself is this many days ahead of ours. */
static int days_ahead;

static void
tags_of(const char *instance, const char *device, char zone_tag[2 + PZ_ZONE_TAG_CHARS + 1],
	char device_tag[2 + PZ_ZONE_TAG_CHARS + 1])
{
	snprintf(zone_tag, 3, "t=");
	snprintf(device_tag, 3, "d=");
	pz_zone_tag(secret, pz_zone_tag_day(pz_env_wall_ms(&w.world.clock.env), days_ahead),
		    zone_tag + 2);
	pz_zone_device_tag(secret, pz_zone_tag_day(pz_env_wall_ms(&w.world.clock.env), days_ahead),
			   instance, device, device_tag + 2);
}

static void
heard(const char *instance, const char *address, uint16_t port, const char *t, const char *d)
{
	const char *txt[] = {"v=1", t, d};
	struct pz_mdns_found found = {instance, address, port, txt, 3};

	net.base.events->found(net.base.arg, &found);
}

/* One of our zone's devices. */
static void
heard_device(const char *instance, const char *device, const char *address)
{
	char t[2 + PZ_ZONE_TAG_CHARS + 1], d[2 + PZ_ZONE_TAG_CHARS + 1];

	tags_of(instance, device, t, d);
	heard(instance, address, TLS_PORT, t, d);
}

static json_t *
list(void)
{
	static json_t *last;

	json_decref(last);
	last = pz_peers_announced(w.node->peers);
	return last;
}

static json_t *
entry_of(const char *instance)
{
	json_t *one;
	size_t i;

	json_array_foreach (list(), i, one)
		if (strcmp(pz_json_str(one, "instance"), instance) == 0)
			return one;
	return NULL;
}

static void
count_target(void *arg, const struct peer_target *target)
{
	(void)target;
	(*(unsigned *)arg)++;
}

static unsigned
targets_of(const char *device)
{
	unsigned count = 0;

	pz_nearby_targets(w.node->peers->nearby, device, count_target, &count);
	return count;
}

static int
net_set_up(void **state)
{
	memset(&net, 0, sizeof(net));
	net.base.ops = &net_ops;
	fx_prepare(state);
	w.mdns = &net.base;
	enrol_on_disk();
	start_node();
	fx_learn_secret(secret);
	pz_peers_announce(w.node->peers);
	return 0;
}

#define NET_TEST(name) cmocka_unit_test_setup_teardown(name, net_set_up, fx_tear_down)

/* ---- being found ---- */

static void
is_random_name(const char *name)
{
	assert_int_equal(strlen(name), 16);
	assert_int_equal(strspn(name, "0123456789abcdef"), 16);
}

static void
only_the_zone_learns_who_this_is(void **state)
{
	char t[2 + PZ_ZONE_TAG_CHARS + 1], d[2 + PZ_ZONE_TAG_CHARS + 1], before[64];

	(void)state;
	assert_true(net.is_announced);
	assert_int_equal(net.port, w.node->peers->port);
	is_random_name(net.instance);
	is_random_name(net.host);
	assert_string_not_equal(net.instance, net.host);
	tags_of(net.instance, "laptop", t, d);
	assert_int_equal(net.txt_len, 3);
	assert_string_equal(net.txt[0], "v=1");
	assert_string_equal(net.txt[1], t);
	assert_string_equal(net.txt[2], d);
	snprintf(before, sizeof(before), "%s", net.instance);
	pz_node_stop(w.node);
	assert_false(net.is_announced);
	fx_settle();
	run(COMMIT_US);
	pz_node_free(w.node);
	start_node(); /* another start, another name */
	assert_string_not_equal(net.instance, before);
}

static void
without_the_secret_nothing_is_announced(void **state)
{
	struct pz_knowledge *knowledge = PZ_TAKE(w.node->zone.knowledge);

	(void)state;
	pz_nearby_forget(w.node->peers->nearby);
	assert_false(net.is_announced);
	w.node->zone.knowledge = knowledge;
	pz_peers_announce(w.node->peers);
	assert_true(net.is_announced);
}

static void
without_a_server_nothing_is_announced(void **state)
{
	(void)state;
	pz_peers_unlisten(w.node->peers);
	assert_false(net.is_announced);
	pz_peers_listen(w.node->peers);
	assert_true(net.is_announced);
}

static void
the_tags_change_with_the_day(void **state)
{
	char today[256], t[2 + PZ_ZONE_TAG_CHARS + 1], d[2 + PZ_ZONE_TAG_CHARS + 1];
	struct answer a;

	(void)state;
	begin(&a, "disconnect", json_object()); /* the hub is of no interest */
	forget(&a);
	snprintf(today, sizeof(today), "%s", net.txt[1]);
	run(pz_zone_tag_left_ms(pz_env_wall_ms(&w.world.clock.env)) * PZ_US_PER_MS - PZ_US_PER_S);
	assert_string_equal(net.txt[1], today);
	run(2 * PZ_US_PER_S);
	assert_string_not_equal(net.txt[1], today);
	tags_of(net.instance, "laptop", t, d);
	assert_string_equal(net.txt[1], t);
	assert_string_equal(net.txt[2], d);
}

/* A user sets the clock: what is announced must not be of the wrong day until midnight. */
static void
a_clock_that_is_set_right_is_noticed(void **state)
{
	char t[2 + PZ_ZONE_TAG_CHARS + 1], d[2 + PZ_ZONE_TAG_CHARS + 1];
	unsigned publishes = net.publishes;

	(void)state;
	run(3 * PZ_NEARBY_DATE_US);
	assert_int_equal(net.publishes, publishes); /* the same day */
	w.world.clock.wall_ms += UINT64_C(10) * 86400 * 1000;
	run(PZ_NEARBY_DATE_US + PZ_US_PER_S);
	tags_of(net.instance, "laptop", t, d);
	assert_string_equal(net.txt[1], t);
	assert_string_equal(net.txt[2], d);
}

/* ---- what is received ---- */

static void
devices_of_the_zone_are_recognised(void **state)
{
	(void)state;
	fx_directory("tv", json_array(), 0);
	heard_device("aa", "tv", "192.168.1.5");
	heard_device("aa", "tv", "fe80::5%eth0");
	heard_device("bb", "radio", "192.168.1.6"); /* a name that we do not know */
	heard("cc", "192.168.1.7", TLS_PORT, "t=0123456789abcdef", "d=0123456789abcdef");
	assert_string_equal(pz_json_str(entry_of("aa"), "id"), ZONE "/tv");
	assert_int_equal(json_array_size(json_object_get(entry_of("aa"), "addresses")), 2);
	assert_true(json_is_true(json_object_get(entry_of("bb"), "ours")));
	assert_true(json_is_null(json_object_get(entry_of("bb"), "id")));
	assert_true(json_is_false(json_object_get(entry_of("cc"), "ours")));
	assert_int_equal(targets_of("tv"), 2);
	assert_int_equal(targets_of("radio"), 1); /* looked for by that name */
	assert_string_equal(pz_json_str(entry_of("bb"), "id"), ZONE "/radio");
	assert_int_equal(w.net.dial_count, 1); /* no search is active: only the hub was dialled */
}

/* What no known device has announced is not computed anew with each record, and each list. */
static void
a_name_that_becomes_known_later_is_recognised(void **state)
{
	(void)state;
	heard_device("bb", "radio", "192.168.1.6");
	heard_device("cc", "lamp", "192.168.1.7");
	fx_directory("radio", json_array(), 0);
	fx_directory("lamp", json_array(), 0);
	heard_device("bb", "radio", "192.168.1.6");
	assert_true(json_is_null(json_object_get(entry_of("bb"), "id")));
	assert_int_equal(targets_of("lamp"), 1); /* looked for: at once */
	assert_string_equal(pz_json_str(entry_of("cc"), "id"), ZONE "/lamp");
	pz_kit_clock_jump(&w.world.clock, PZ_NEARBY_AGAIN_US);
	assert_string_equal(pz_json_str(entry_of("bb"), "id"), ZONE "/radio");
}

/* A machine that repeats the zone's tag, with made-up tags of devices, costs so much in a second
 * and no more; a device that is looked for is found all the same. */
static void
made_up_tags_cost_a_bounded_time(void **state)
{
	char t[2 + PZ_ZONE_TAG_CHARS + 1], d[2 + PZ_ZONE_TAG_CHARS + 1], name[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		fx_directory(name, json_array(), 0);
	}
	tags_of("aa", "tv", t, d);
	for (int i = 0; i < PZ_NEARBY_TAGS_PER_S / 3000 + 1; i++) {
		snprintf(d, sizeof(d), "d=%016x", (unsigned)i);
		heard("copy", "192.168.1.9", TLS_PORT, t, d);
	}
	heard_device("aa", "d7", "192.168.1.5");
	assert_true(json_is_null(json_object_get(entry_of("aa"), "id")));
	assert_int_equal(targets_of("d7"), 1);
	heard_device("bb", "d8", "192.168.1.6");
	pz_kit_clock_jump(&w.world.clock, PZ_US_PER_S);
	assert_string_equal(pz_json_str(entry_of("bb"), "id"), ZONE "/d8");
}

static bool
are_apart(const char *device)
{
	return pz_condition_is_raised(w.node->conditions, PZ_CONDITION_CLOCKS_APART, device);
}

/* A device whose clock is days off is found, and both show the condition. */
static void
a_device_of_another_day_is_recognised(void **state)
{
	(void)state;
	fx_directory("tv", json_array(), 0);
	for (int days = -PZ_ZONE_TAG_DAYS_MAX; days <= PZ_ZONE_TAG_DAYS_MAX; days++) {
		days_ahead = days;
		heard_device("aa", "tv", "192.168.1.5");
		assert_int_equal(targets_of("tv"), 1);
		assert_string_equal(pz_json_str(entry_of("aa"), "id"), ZONE "/tv");
		assert_int_equal(are_apart("tv"), days < -1 || days > 1);
		net.base.events->gone(net.base.arg, "aa");
		assert_false(are_apart("tv"));
	}
	days_ahead = PZ_ZONE_TAG_DAYS_MAX + 2;
	heard_device("aa", "tv", "192.168.1.5");
	assert_int_equal(targets_of("tv"), 0);
	days_ahead = 0;
}

/* Who says again what a device said days ago does not make its clock wrong. */
static void
an_announcement_of_before_is_not_believed_beside_todays(void **state)
{
	(void)state;
	fx_directory("tv", json_array(), 0);
	days_ahead = -10;
	heard_device("aa", "tv", "192.168.1.66");
	assert_true(are_apart("tv"));
	days_ahead = 0;
	heard_device("bb", "tv", "192.168.1.5");
	assert_false(are_apart("tv"));
	days_ahead = -10;
	heard_device("aa", "tv", "192.168.1.66");
	assert_false(are_apart("tv"));
	days_ahead = 0;
	net.base.events->gone(net.base.arg, "bb");
	assert_true(are_apart("tv"));
}

static void
what_it_is_worth_is_reported(void **state)
{
	static const char *const strange[] = {"v=1", "t=0123456789abcdef"};
	char t[2 + PZ_ZONE_TAG_CHARS + 1], d[2 + PZ_ZONE_TAG_CHARS + 1];
	const char *txt[] = {"v=1", t, d};
	struct pz_mdns_found found = {"aa", "192.168.1.5", TLS_PORT, txt, 3};

	(void)state;
	fx_directory("tv", json_array(), 0);
	tags_of("aa", "tv", t, d);
	assert_int_equal(net.base.events->found(net.base.arg, &found), PZ_MDNS_MEMBER);
	found.instance = "bb"; /* a copy under another name */
	assert_int_equal(net.base.events->found(net.base.arg, &found), PZ_MDNS_LIKELY);
	found = (struct pz_mdns_found){"cc", "192.168.1.5", TLS_PORT, strange, 2};
	assert_int_equal(net.base.events->found(net.base.arg, &found), PZ_MDNS_STRANGER);
}

static void
our_own_announcement_is_no_device(void **state)
{
	(void)state;
	heard(net.instance, "192.168.1.2", TLS_PORT, net.txt[1], net.txt[2]);
	assert_int_equal(json_array_size(list()), 0);
}

static void
nonsense_is_not_kept(void **state)
{
	char name[80], address[PZ_NETADDR_CHARS + 20];

	(void)state;
	memset(name, 'n', 64);
	name[64] = '\0';
	heard_device(name, "tv", "192.168.1.5"); /* longer than a DNS label */
	assert_int_equal(json_array_size(list()), 0);
	heard("aa", "192.168.1.5", 0, "t=", "d=");
	assert_int_equal(json_array_size(list()), 0);
	memset(address, '1', sizeof(address));
	address[PZ_NETADDR_CHARS] = '\0';
	heard_device("aa", "tv", address);
	assert_int_equal(json_array_size(json_object_get(entry_of("aa"), "addresses")), 0);
	heard("bb", "192.168.1.5", TLS_PORT, "t", "d"); /* keys without a value */
	assert_true(json_is_false(json_object_get(entry_of("bb"), "ours")));
}

static void
one_that_is_gone_is_forgotten(void **state)
{
	(void)state;
	fx_directory("tv", json_array(), 0);
	heard_device("aa", "tv", "192.168.1.5");
	net.base.events->gone(net.base.arg, "bb");
	assert_int_equal(targets_of("tv"), 1);
	net.base.events->gone(net.base.arg, "aa");
	assert_int_equal(targets_of("tv"), 0);
	assert_null(entry_of("aa"));
}

static void
an_instance_may_become_another_device(void **state)
{
	(void)state;
	fx_directory("tv", json_array(), 0);
	fx_directory("radio", json_array(), 0);
	heard_device("aa", "tv", "192.168.1.5");
	heard_device("aa", "radio", "192.168.1.5");
	assert_int_equal(targets_of("tv"), 0);
	assert_int_equal(targets_of("radio"), 1);
	heard("aa", "192.168.1.5", TLS_PORT, "t=", "d="); /* and stop being ours */
	assert_true(json_is_false(json_object_get(entry_of("aa"), "ours")));
}

/* ---- bounds ---- */

static void
many(unsigned count, const char *prefix, const char *t)
{
	char name[64], address[32];

	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s-%u", prefix, i);
		snprintf(address, sizeof(address), "10.0.%u.%u", i / 250, i % 250 + 1);
		heard(name, address, TLS_PORT, t, "d=0123456789abcdef");
	}
}

static void
a_thousand_strangers_leave_room_for_ours(void **state)
{
	(void)state;
	fx_directory("tv", json_array(), 0);
	many(1000, "printer", "x=");
	assert_int_equal(json_array_size(list()), PZ_NEARBY_STRANGERS_MAX);
	heard_device("aa", "tv", "192.168.1.5");
	assert_int_equal(targets_of("tv"), 1);
	assert_true(w.node->metrics.value[PZ_METRIC_limits_hit] >= 1);
}

/* They belong to another zone, or to an attacker who wants to hide ours. */
static void
a_thousand_foreign_tags_leave_room_for_ours(void **state)
{
	(void)state;
	fx_directory("tv", json_array(), 0);
	many(1000, "other", "t=0123456789abcdef");
	assert_int_equal(json_array_size(list()), PZ_NEARBY_STRANGERS_MAX);
	heard_device("aa", "tv", "192.168.1.5");
	assert_int_equal(targets_of("tv"), 1);
}

/* A host that has received a member's tag can repeat it. */
static void
a_thousand_copies_of_our_tag_are_bounded(void **state)
{
	char t[2 + PZ_ZONE_TAG_CHARS + 1], d[2 + PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	tags_of("aa", "tv", t, d);
	many(1000, "copy", t);
	assert_int_equal(json_array_size(list()), PZ_NEARBY_INSTANCES_MAX);
	for (unsigned i = 0; i < 1000; i++) {
		char name[64];
		snprintf(name, sizeof(name), "copy-%u", i);
		net.base.events->gone(net.base.arg, name);
	}
	assert_int_equal(json_array_size(list()), 0);
	many(1000, "printer", "x="); /* strangers are still counted right */
	assert_int_equal(json_array_size(list()), PZ_NEARBY_STRANGERS_MAX);
}

static void
copies_of_our_tag_cause_few_connections(void **state)
{
	char t[2 + PZ_ZONE_TAG_CHARS + 1], d[2 + PZ_ZONE_TAG_CHARS + 1];

	(void)state;
	tags_of("aa", "tv", t, d);
	pz_peers_look(w.node->peers, PZ_PEER_SEEK_US, true);
	many(100, "copy", t);
	assert_int_equal(w.net.dial_count, 1 + PZ_PEER_ANONYMOUS_MAX);
}

static void
addresses_of_one_instance_are_bounded(void **state)
{
	char address[32];

	(void)state;
	fx_directory("tv", json_array(), 0);
	for (int i = 0; i < 3 * PZ_NEARBY_ADDRESSES_MAX; i++) {
		snprintf(address, sizeof(address), "192.168.1.%d", i + 1);
		heard_device("aa", "tv", address);
		heard_device("aa", "tv", address);
	}
	assert_int_equal(targets_of("tv"), PZ_NEARBY_ADDRESSES_MAX);
}

/* ---- friends ---- */

#define BOB "bob@example.net"

static const uint8_t friends_secret[PZ_FRIEND_SECRET_BYTES] = {9, 9};

/* Eight tags, one of which is what a device of `zone` has under this instance. */
static void
heard_friend(const char *instance, const char *zone, const char *address)
{
	char f[2 + 64 + 1], tag[PZ_ZONE_FRIEND_TAG_CHARS + 1];
	const char *txt[] = {"v=1", "t=0123456789abcdef", "d=0123456789abcdef", f};
	struct pz_mdns_found found = {instance, address, TLS_PORT, txt, 4};

	pz_zone_friend_tag(friends_secret, pz_env_wall_ms(&w.world.clock.env), instance, zone, tag);
	snprintf(f, sizeof(f), "f=%056d%s", 0, tag);
	net.base.events->found(net.base.arg, &found);
}

static void
friends_recognise_this_device_and_others_see_digits(void **state)
{
	struct pz_authority *bob = pz_kit_authority_new(&w.hub, BOB);
	char tag[PZ_ZONE_FRIEND_TAG_CHARS + 1];

	(void)state;
	fx_befriend(bob, friends_secret);
	pz_peers_announce(w.node->peers);
	assert_int_equal(net.txt_len, 4);
	assert_memory_equal(net.txt[3], "f=", 2);
	assert_int_equal(strlen(net.txt[3]), 2 + 64);
	assert_int_equal(strspn(net.txt[3] + 2, "0123456789abcdef"), 64);
	pz_zone_friend_tag(friends_secret, pz_env_wall_ms(&w.world.clock.env), net.instance, ZONE,
			   tag);
	const char *place = strstr(net.txt[3], tag);
	assert_non_null(place);
	/* Eight different ones in the order of their digits: which are friends cannot be seen. */
	for (size_t i = 1; i < 8; i++)
		assert_true(memcmp(net.txt[3] + 2 + 8 * (i - 1), net.txt[3] + 2 + 8 * i, 8) < 0);
	assert_true(pz_friends_remove(w.node->zone.friends, pz_slice_str(BOB)));
	pz_peers_announce(w.node->peers);
	assert_int_equal(net.txt_len, 3);
	pz_authority_free(bob);
}

static void
a_friends_device_is_found_on_the_local_network(void **state)
{
	struct pz_authority *bob = pz_kit_authority_new(&w.hub, BOB);
	struct fx_device *tv = fx_device_of(&w.hub, bob, "tv");
	struct answer a;

	(void)state;
	tv->secret = friends_secret;
	fx_befriend(bob, friends_secret);
	heard_friend("aa", BOB, "192.168.1.5");
	assert_string_equal(pz_json_str(entry_of("aa"), "friend"), BOB);
	begin(&a, "connect", json_pack("{s:s}", "peer", BOB "/tv"));
	heard_friend("bb", ZONE, "192.168.1.6"); /* of our own zone: it has the same friend */
	heard_friend("cc", BOB, "192.168.1.7");  /* another device of his */
	assert_null(fx_dialled("192.168.1.6"));
	assert_true(fx_dialled("192.168.1.7") || fx_dialled("192.168.1.5"));
	fx_run(PZ_HAPPY_EYEBALLS_US);
	fx_registers(fx_answers("192.168.1.5", tv));
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	assert_string_equal(pz_json_str(a.result, "id"), BOB "/tv");
	forget(&a);
	pz_authority_free(bob);
}

/* ---- looking ---- */

static void
connect_searches_and_dials_what_it_finds(void **state)
{
	struct fx_device *tv = fx_device("tv");
	struct answer a;

	(void)state;
	assert_false(net.is_browsing);
	begin(&a, "connect", json_pack("{s:s}", "peer", "tv"));
	assert_true(net.is_browsing);
	assert_int_equal(a.ends, 0);
	heard("cc", "192.168.1.66", TLS_PORT, "t=0123456789abcdef", "d=0123456789abcdef");
	heard_device("bb", "radio", "192.168.1.77"); /* another device of our zone */
	heard_device("aa", "tv", "192.168.1.5");
	assert_null(fx_dialled("192.168.1.66"));
	assert_null(fx_dialled("192.168.1.77"));
	fx_registers(fx_answers("192.168.1.5", tv));
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	forget(&a);
	fx_run(PZ_PEER_SEEK_US + PZ_US_PER_S);
	assert_false(net.is_browsing);
}

static void
connect_gives_up_when_nothing_is_heard(void **state)
{
	struct answer a;

	(void)state;
	begin(&a, "connect", json_pack("{s:s}", "peer", "tv"));
	fx_run(PZ_PEER_SEEK_US - 100 * PZ_US_PER_MS);
	assert_int_equal(a.ends, 0);
	fx_run(200 * PZ_US_PER_MS);
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, PZ_ERR_IO);
	forget(&a);
}

static void
discover_lists_what_it_heard(void **state)
{
	struct answer a;

	(void)state;
	fx_directory("tv", json_array(), 0);
	begin(&a, "discover", json_pack("{s:i}", "timeout_ms", 500));
	assert_true(net.is_browsing);
	heard_device("aa", "tv", "192.168.1.5");
	fx_run(400 * PZ_US_PER_MS);
	assert_int_equal(a.ends, 0);
	fx_run(200 * PZ_US_PER_MS);
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	forget(&a);
	assert_int_equal(w.net.dial_count, 1);
	refused("discover", json_pack("{s:i}", "timeout_ms", 60001), PZ_ERR_CONFIG);
	refused("discover", json_pack("{s:s}", "timeout_ms", "1"), PZ_ERR_CONFIG);
	begin(&a, "discover", json_object());
	assert_null(entry_of("aa")); /* its end was not announced: all records are received again */
	forget(&a);
}

static void
without_a_local_network_discover_says_so(void **state)
{
	(void)state;
	refused("discover", json_object(), PZ_ERR_CONFIG);
}

/* ---- the same between two nodes' networks in memory ---- */

static int
fake_set_up(void **state)
{
	static struct pz_mdns_fake_net *fake_net;

	fx_prepare(state);
	fake_net = pz_mdns_fake_net_new();
	assert_ok(pz_mdns_fake_new(fake_net, &w.world.clock.env, "192.168.1.2", &w.mdns));
	enrol_on_disk();
	start_node();
	fx_learn_secret(secret);
	pz_peers_announce(w.node->peers);
	*state = fake_net;
	return 0;
}

static int
fake_tear_down(void **state)
{
	struct pz_mdns_fake_net *fake_net = *state;
	struct pz_mdns *mdns = w.mdns;

	pz_node_stop(w.node);
	fx_settle();
	run(COMMIT_US);
	pz_node_free(w.node);
	w.node = NULL;
	pz_mdns_free(mdns);
	pz_mdns_fake_net_free(fake_net);
	return fx_tear_down(state);
}

static void
two_devices_find_each_other(void **state)
{
	struct fx_device *tv = fx_device("tv");
	char t[2 + PZ_ZONE_TAG_CHARS + 1], d[2 + PZ_ZONE_TAG_CHARS + 1];
	const char *txt[] = {"v=1", t, d};
	struct pz_mdns_service service = {"0011223344556677", "8899aabbccddeeff", TLS_PORT, txt, 3};
	struct pz_mdns *other = NULL;
	struct answer a;

	tags_of(service.instance, "tv", t, d);
	assert_ok(pz_mdns_fake_new(*state, &w.world.clock.env, "192.168.1.5", &other));
	assert_ok(other->ops->publish(other, &service));
	assert_string_not_equal(pz_mdns_fake_instance(w.mdns), "");
	begin(&a, "connect", json_pack("{s:s}", "peer", "tv"));
	fx_run(2 * PZ_MDNS_FAKE_DELAY_MAX_US);
	fx_registers(fx_answers("192.168.1.5", tv));
	assert_int_equal(a.ends, 1);
	assert_ok(a.err);
	forget(&a);
	assert_int_equal(targets_of("tv"), 1);
	assert_int_equal(json_array_size(list()), 1); /* not our own */
	pz_mdns_free(other);                          /* with a goodbye */
	fx_run(2 * PZ_MDNS_FAKE_DELAY_MAX_US);
	assert_int_equal(json_array_size(list()), 0);
	fx_state_is("tv", PZ_PEER_CONNECTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		NET_TEST(only_the_zone_learns_who_this_is),
		NET_TEST(without_the_secret_nothing_is_announced),
		NET_TEST(without_a_server_nothing_is_announced),
		NET_TEST(the_tags_change_with_the_day),
		NET_TEST(a_clock_that_is_set_right_is_noticed),
		NET_TEST(devices_of_the_zone_are_recognised),
		NET_TEST(a_name_that_becomes_known_later_is_recognised),
		NET_TEST(made_up_tags_cost_a_bounded_time),
		NET_TEST(a_device_of_another_day_is_recognised),
		NET_TEST(an_announcement_of_before_is_not_believed_beside_todays),
		NET_TEST(what_it_is_worth_is_reported),
		NET_TEST(our_own_announcement_is_no_device),
		NET_TEST(nonsense_is_not_kept),
		NET_TEST(one_that_is_gone_is_forgotten),
		NET_TEST(an_instance_may_become_another_device),
		NET_TEST(a_thousand_strangers_leave_room_for_ours),
		NET_TEST(a_thousand_foreign_tags_leave_room_for_ours),
		NET_TEST(a_thousand_copies_of_our_tag_are_bounded),
		NET_TEST(copies_of_our_tag_cause_few_connections),
		NET_TEST(addresses_of_one_instance_are_bounded),
		NET_TEST(friends_recognise_this_device_and_others_see_digits),
		NET_TEST(a_friends_device_is_found_on_the_local_network),
		NET_TEST(connect_searches_and_dials_what_it_finds),
		NET_TEST(connect_gives_up_when_nothing_is_heard),
		NET_TEST(discover_lists_what_it_heard),
		FX_TEST(without_a_local_network_discover_says_so),
		cmocka_unit_test_setup_teardown(two_devices_find_each_other, fake_set_up,
						fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
