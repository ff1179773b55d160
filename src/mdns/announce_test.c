/* Announcing: preferences, addresses and collisions are the input, entries the output, on virtual
 * time. */
#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kit/clock.h"
#include "mdns/announce.h"

#define ENTRIES_MAX 1024

struct entry {
	char text[128];
	bool is_there;
};

static struct {
	struct pz_mdns_backend backend;
	struct entry entries[ENTRIES_MAX];
	size_t entries_len, updates;
	bool refuses, refuses_updates;
	struct pz_kit_clock clock;
	uint8_t random;
	struct pz_mdns_announcer announcer;
	struct pz_mdns owner;
	unsigned troubles; /* that were reported */
	bool is_in_trouble;
	char trouble[256];
} fix;
static unsigned notices;

static void *
add(const char *text)
{
	if (fix.refuses)
		return NULL;
	assert_true(fix.entries_len < ENTRIES_MAX);
	struct entry *entry = &fix.entries[fix.entries_len++];
	snprintf(entry->text, sizeof(entry->text), "%s", text);
	entry->is_there = true;
	return entry;
}

static void
show_service(const struct pz_mdns_service *service, char out[128])
{
	snprintf(out, 128, "%s/%s:%u[%s]", service->instance, service->host, service->port,
		 service->txt_len ? service->txt[0] : "");
}

static void *
fake_add_service(struct pz_mdns_backend *backend, const struct pz_mdns_service *service)
{
	char text[128];

	(void)backend;
	show_service(service, text);
	return add(text);
}

static bool
fake_update_service(struct pz_mdns_backend *backend, void *handle,
		    const struct pz_mdns_service *service)
{
	struct entry *entry = handle;

	(void)backend;
	assert_true(entry->is_there);
	fix.updates++;
	if (!fix.refuses_updates)
		show_service(service, entry->text);
	return !fix.refuses_updates;
}

static void *
fake_add_address(struct pz_mdns_backend *backend, const char *host,
		 const struct pz_mdns_local *address)
{
	char text[128];

	(void)backend;
	snprintf(text, sizeof(text), "%s=%u@%d", host, address->bytes[3], address->interface);
	return add(text);
}

static void
fake_remove(struct pz_mdns_backend *backend, void *handle)
{
	struct entry *entry = handle;

	assert_ptr_equal(backend, &fix.backend);
	assert_true(entry->is_there);
	entry->is_there = false;
}

static void
counting_random(void *arg, void *out, size_t len)
{
	(void)arg;
	memset(out, ++fix.random, len);
}

static void
on_log(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg, (void)id, (void)text;
	assert_int_not_equal(level, PZ_LOG_WARNING); /* the owner decides */
	notices += level == PZ_LOG_NOTICE;
}

static void
on_trouble(void *arg, enum pz_mdns_trouble trouble, const char *text)
{
	(void)arg;
	assert_int_equal(trouble, PZ_MDNS_TROUBLE_PUBLISH);
	if (text != NULL)
		snprintf(fix.trouble, sizeof(fix.trouble), "%s", text);
	fix.troubles += text != NULL;
	fix.is_in_trouble = text != NULL;
}

static int
setup(void **state)
{
	static const struct pz_mdns_backend_ops ops = {
		.kind = "test",
		.add_service = fake_add_service,
		.update_service = fake_update_service,
		.add_address = fake_add_address,
		.remove = fake_remove,
	};

	static const struct pz_mdns_events events = {.trouble = on_trouble};

	(void)state;
	memset(&fix, 0, sizeof(fix));
	pz_kit_clock_init(&fix.clock);
	fix.clock.env.random = counting_random;
	fix.backend.ops = &ops;
	fix.owner.events = &events;
	notices = 0;
	pz_log_set_sink(on_log, NULL);
	pz_mdns_announcer_init(&fix.announcer, &fix.clock.env, &fix.owner);
	pz_mdns_announcer_attach(&fix.announcer, &fix.backend);
	return 0;
}

/** Everything that is announced, in the order in which it was added. */
static const char *
announced(void)
{
	static char text[8192];
	size_t at = 0;

	pz_kit_clock_run(&fix.clock, 0);
	text[0] = '\0';
	for (size_t i = 0; i < fix.entries_len; i++)
		if (fix.entries[i].is_there)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s ",
					       fix.entries[i].text);
	return text;
}

static int
teardown(void **state)
{
	(void)state;
	pz_mdns_announcer_fini(&fix.announcer);
	assert_string_equal(announced(), "");
	assert_true(pz_kit_clock_is_idle(&fix.clock));
	pz_log_set_sink(NULL, NULL);
	return 0;
}

static void
publish(const char *instance, const char *host, uint16_t port, const char *txt)
{
	struct pz_mdns_service service = {
		.instance = instance,
		.host = host,
		.port = port,
		.txt = &txt,
		.txt_len = 1,
	};

	assert_ok(pz_mdns_announcer_publish(&fix.announcer, &service));
}

static void
have(uint8_t first, uint8_t last)
{
	struct pz_mdns_local locals[256];
	size_t len = 0;

	for (unsigned i = first; i <= last; i++)
		locals[len++] = (struct pz_mdns_local){
			.interface = 2,
			.len = 4,
			.bytes = {10, 0, 0, (uint8_t)i},
		};
	pz_mdns_announcer_addresses(&fix.announcer, locals, len);
}

/* ---- tests ---- */

static void
addresses_and_service_are_announced(void **state)
{
	(void)state;
	have(1, 2);
	assert_string_equal(announced(), "");
	publish("i", "h", 80, "v=1");
	assert_string_equal(announced(), "h=1@2 h=2@2 i/h:80[v=1] ");
	have(2, 3);
	assert_string_equal(announced(), "h=2@2 i/h:80[v=1] h=3@2 ");
	pz_mdns_announcer_unpublish(&fix.announcer);
	assert_string_equal(announced(), "");
	have(5, 5);
	publish("i", "h", 80, "v=1");
	assert_string_equal(announced(), "h=5@2 i/h:80[v=1] ");
}

static void
only_what_has_changed_is_touched(void **state)
{
	(void)state;
	have(1, 1);
	publish("i", "h", 80, "v=1");
	assert_string_equal(announced(), "h=1@2 i/h:80[v=1] ");
	publish("i", "h", 80, "v=1");
	announced();
	assert_true(fix.entries_len == 2 && fix.updates == 0);
	publish("i", "h", 81, "v=1");
	publish("i", "h", 81, "v=2");
	assert_string_equal(announced(), "h=1@2 i/h:81[v=2] ");
	assert_true(fix.entries_len == 2 && fix.updates == 1);
	fix.refuses_updates = true; /* then it is a new entry */
	publish("i", "h", 82, "v=2");
	assert_string_equal(announced(), "h=1@2 i/h:82[v=2] ");
	publish("j", "k", 82, "v=2");
	assert_string_equal(announced(), "k=1@2 j/k:82[v=2] ");
}

static void
another_backend_gets_everything(void **state)
{
	(void)state;
	have(1, 1);
	publish("i", "h", 80, "v=1");
	announced();
	pz_mdns_announcer_attach(&fix.announcer, NULL);
	assert_string_equal(announced(), "");
	publish("i", "h", 81, "v=1");
	have(2, 2);
	pz_kit_clock_run(&fix.clock, PZ_MDNS_RETRY_US);
	pz_mdns_announcer_attach(&fix.announcer, &fix.backend);
	assert_string_equal(announced(), "h=2@2 i/h:81[v=1] ");
}

/** Of everything, seen twice: the first one may be false. */
static void
collide(void)
{
	pz_mdns_announcer_collision(&fix.announcer, NULL);
	assert_string_equal(announced(), "");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_PROBE_AGAIN_US);
	pz_mdns_announcer_collision(&fix.announcer, NULL);
}

/** Of one entry, which the backend has stopped to announce. */
static void
collide_with(const char *text)
{
	for (size_t i = 0; i < fix.entries_len; i++)
		if (fix.entries[i].is_there && strcmp(fix.entries[i].text, text) == 0)
			pz_mdns_announcer_collision(&fix.announcer, &fix.entries[i]);
}

static void
a_collision_that_is_none_changes_nothing(void **state)
{
	(void)state;
	publish("i", "h", 80, "v=1");
	announced();
	for (int i = 0; i < 3; i++) {
		pz_mdns_announcer_collision(&fix.announcer, NULL);
		assert_string_equal(announced(), "");
		pz_kit_clock_run(&fix.clock, PZ_MDNS_PROBE_AGAIN_US);
		assert_string_equal(announced(), "i/h:80[v=1] ");
		pz_kit_clock_run(&fix.clock, PZ_MDNS_PROBE_VALID_US);
	}
	assert_int_equal(notices, 0);
}

/* Peers that have the rest keep it: no goodbye to what has met no conflict. */
static void
a_first_collision_takes_back_one_entry(void **state)
{
	(void)state;
	have(1, 2);
	publish("i", "h", 80, "v=1");
	announced();
	collide_with("i/h:80[v=1]");
	assert_string_equal(announced(), "h=1@2 h=2@2 ");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_PROBE_AGAIN_US);
	assert_string_equal(announced(), "h=1@2 h=2@2 i/h:80[v=1] ");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_PROBE_VALID_US);
	collide_with("h=1@2");
	assert_string_equal(announced(), "h=2@2 i/h:80[v=1] ");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_PROBE_AGAIN_US);
	assert_string_equal(announced(), "h=2@2 i/h:80[v=1] h=1@2 ");
	collide_with("h=1@2"); /* again: the names are given up */
	assert_null(strstr(announced(), "i/h:80"));
	assert_null(strstr(announced(), "h=2@2"));
	assert_int_equal(notices, 1);
}

static void
a_collision_gives_new_names(void **state)
{
	static const char instance[] = "010101010101010101010101";
	static const char host[] = "020202020202020202020202";
	char want[128];

	(void)state;
	have(1, 1);
	publish("i", "h", 80, "v=1");
	announced();
	collide();
	snprintf(want, sizeof(want), "%s=1@2 %s/%s:80[v=1] ", host, instance, host);
	assert_string_equal(announced(), want);
	assert_string_equal(fix.announcer.instance, instance);
	publish("i", "h", 80, "v=2"); /* the names stay */
	assert_non_null(strstr(announced(), instance));
	collide();
	announced();
	assert_int_equal(notices, 1);
	pz_mdns_announcer_collision(&fix.announcer, NULL);
	publish("other", "names", 80, "v=2"); /* before anything was done about it */
	assert_string_equal(announced(), "names=1@2 other/names:80[v=2] ");
}

static void
a_node_that_takes_every_name_slows_it_down(void **state)
{
	(void)state;
	publish("i", "h", 80, "v=1");
	announced();
	for (int i = 0; i < PZ_MDNS_COLLISIONS_MAX; i++) {
		collide();
		announced();
	}
	assert_int_equal(fix.announcer.collisions, PZ_MDNS_COLLISIONS_MAX);
	pz_mdns_announcer_collision(&fix.announcer, NULL);
	assert_string_not_equal(announced(), ""); /* not yet */
	pz_kit_clock_run(&fix.clock, PZ_MDNS_COLLISION_WAIT_US);
	assert_string_equal(announced(), "");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_PROBE_AGAIN_US);
	pz_mdns_announcer_collision(&fix.announcer, NULL);
	announced();
	assert_int_equal(fix.announcer.collisions, PZ_MDNS_COLLISIONS_MAX);
	pz_kit_clock_run(&fix.clock, PZ_MDNS_COLLISION_WAIT_US);
	assert_int_equal(fix.announcer.collisions, PZ_MDNS_COLLISIONS_MAX + 1);
}

/** The backend says that these are announced now. */
static void
establish(size_t from, size_t count)
{
	for (size_t i = from; i < from + count; i++)
		pz_mdns_announcer_established(&fix.announcer, &fix.entries[i]);
}

static void
what_fails_is_tried_again(void **state)
{
	(void)state;
	have(1, 1);
	fix.refuses = true;
	publish("i", "h", 80, "v=1");
	assert_string_equal(announced(), "");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_RETRY_US);
	assert_int_equal(fix.troubles, 1);
	fix.refuses = false;
	pz_kit_clock_run(&fix.clock, PZ_MDNS_RETRY_US);
	assert_string_equal(announced(), "h=1@2 i/h:80[v=1] ");
	assert_true(fix.is_in_trouble);
	establish(0, 2);
	assert_false(fix.is_in_trouble);
	size_t before = fix.entries_len;
	pz_mdns_announcer_failed(&fix.announcer, "NotPermitted"); /* said later */
	assert_int_equal(fix.troubles, 2);
	assert_non_null(strstr(fix.trouble, "test does not announce"));
	assert_non_null(strstr(fix.trouble, "NotPermitted"));
	pz_kit_clock_run(&fix.clock, PZ_MDNS_RETRY_US);
	assert_string_equal(announced(), "h=1@2 i/h:80[v=1] ");
	assert_int_equal(fix.entries_len, before + 2);
	pz_mdns_announcer_unpublish(&fix.announcer);
	assert_false(fix.is_in_trouble); /* nothing is wanted */
	pz_mdns_announcer_failed(&fix.announcer, "NotPermitted");
	assert_int_equal(fix.troubles, 2);
}

/* A daemon that forbids says so after each attempt, and each attempt begins well. */
static void
what_fails_for_ever_is_reported_once(void **state)
{
	(void)state;
	have(1, 1);
	publish("i", "h", 80, "v=1");
	announced();
	for (size_t i = 0; i < 100; i++) {
		size_t first = fix.entries_len - 2;
		establish(first, 1); /* the address works, the service does not */
		pz_mdns_announcer_failed(&fix.announcer, "NotPermitted");
		fix.entries_len = 2; /* they are not there any more: the places are used again */
		pz_kit_clock_run(&fix.clock, PZ_MDNS_RETRY_US);
	}
	assert_int_equal(fix.troubles, 1);
	assert_true(fix.is_in_trouble);
	pz_mdns_announcer_attach(&fix.announcer, NULL); /* another one may allow it */
	assert_false(fix.is_in_trouble);
}

static void
addresses_are_bounded(void **state)
{
	(void)state;
	have(1, 200);
	publish("i", "h", 80, "v=1");
	announced();
	assert_int_equal(fix.entries_len, PZ_MDNS_ADDRESSES_MAX + 1);
	have(201, 255); /* none of the first */
	announced();
	assert_int_equal(fix.announcer.addresses_len, 55);
}

static void
a_refused_service_changes_nothing(void **state)
{
	struct pz_mdns_service bad = {.instance = "", .host = "h", .port = 1};

	(void)state;
	publish("i", "h", 80, "v=1");
	assert_int_equal(pz_mdns_announcer_publish(&fix.announcer, &bad), PZ_ERR_CONFIG);
	assert_string_equal(announced(), "i/h:80[v=1] ");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(addresses_and_service_are_announced),
		T(only_what_has_changed_is_touched),
		T(another_backend_gets_everything),
		T(a_collision_that_is_none_changes_nothing),
		T(a_first_collision_takes_back_one_entry),
		T(a_collision_gives_new_names),
		T(a_node_that_takes_every_name_slows_it_down),
		T(what_fails_is_tried_again),
		T(what_fails_for_ever_is_reported_once),
		T(addresses_are_bounded),
		T(a_refused_service_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
