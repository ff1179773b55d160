/* What is known of the network: records in, questions and events out, on virtual time. */
#include "kit/test.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kit/clock.h"
#include "mdns/catalogue.h"

#define WATCHES_MAX (4 * PZ_MDNS_INSTANCES_MAX + 16)
#define IF 1 /* "lo" everywhere */

/* ---- a backend that notes what it is asked ---- */

struct watch {
	char name[PZ_MDNS_NAME_TEXT_BYTES];
	enum pz_mdns_type type;
	void *arg;
	bool is_open;
};

struct fixture {
	struct pz_mdns_backend backend;
	struct watch watches[4 * WATCHES_MAX];
	size_t watches_len, open;
	bool refuses;
	struct pz_kit_clock clock;
	char own[64];
	struct pz_mdns owner;
	struct pz_mdns_catalogue catalogue;
	enum pz_mdns_worth worth; /* that is answered to found */
	unsigned troubles;        /* that were reported */
	bool is_in_trouble;
	char told[65536]; /* "+name@address:port[txt,] -name " */
};

static struct fixture fix;
static unsigned warnings;

static void *
fake_watch(struct pz_mdns_backend *backend, const char *name, enum pz_mdns_type type, void *arg)
{
	(void)backend;
	if (fix.refuses)
		return NULL;
	assert_true(fix.watches_len < sizeof(fix.watches) / sizeof(fix.watches[0]));
	struct watch *watch = &fix.watches[fix.watches_len++];
	snprintf(watch->name, sizeof(watch->name), "%s", name);
	watch->type = type;
	watch->arg = arg;
	watch->is_open = true;
	fix.open++;
	return watch;
}

static void
fake_unwatch(struct pz_mdns_backend *backend, void *handle)
{
	struct watch *watch = handle;

	assert_ptr_equal(backend, &fix.backend);
	assert_true(watch->is_open);
	watch->is_open = false;
	fix.open--;
}

static enum pz_mdns_worth
on_found(void *arg, const struct pz_mdns_found *found)
{
	size_t at = strlen(fix.told);

	(void)arg;
	at += (size_t)snprintf(fix.told + at, sizeof(fix.told) - at, "+%s@%s:%u[", found->instance,
			       found->address, found->port);
	for (size_t i = 0; i < found->txt_len; i++)
		at += (size_t)snprintf(fix.told + at, sizeof(fix.told) - at, "%s,", found->txt[i]);
	snprintf(fix.told + at, sizeof(fix.told) - at, "] ");
	return fix.worth;
}

static void
on_gone(void *arg, const char *instance)
{
	size_t at = strlen(fix.told);

	(void)arg;
	snprintf(fix.told + at, sizeof(fix.told) - at, "-%s ", instance);
}

static void
on_log(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg, (void)id, (void)text;
	warnings += level == PZ_LOG_WARNING;
}

static void
on_trouble(void *arg, enum pz_mdns_trouble trouble, const char *text)
{
	(void)arg;
	assert_int_equal(trouble, PZ_MDNS_TROUBLE_BROWSE);
	fix.troubles += text != NULL;
	fix.is_in_trouble = text != NULL;
}

static int
setup(void **state)
{
	static const struct pz_mdns_backend_ops ops = {
		.kind = "test",
		.watch = fake_watch,
		.unwatch = fake_unwatch,
	};
	static const struct pz_mdns_events events = {
		.found = on_found, .gone = on_gone, .trouble = on_trouble};

	(void)state;
	memset(&fix, 0, sizeof(fix));
	fix.backend.ops = &ops;
	fix.owner.events = &events;
	pz_kit_clock_init(&fix.clock);
	warnings = 0;
	pz_log_set_sink(on_log, NULL);
	pz_mdns_catalogue_init(&fix.catalogue, &fix.clock.env, &fix.owner, fix.own);
	pz_mdns_catalogue_attach(&fix.catalogue, &fix.backend);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_mdns_catalogue_fini(&fix.catalogue);
	assert_int_equal(fix.open, 0);
	assert_true(pz_kit_clock_is_idle(&fix.clock));
	pz_log_set_sink(NULL, NULL);
	return 0;
}

/** Looks for all instances; the question is out. */
static void
browse(void)
{
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, 0);
}

static const char *
told(void)
{
	static char text[sizeof(fix.told)];

	pz_kit_clock_run(&fix.clock, 20 * PZ_US_PER_MS);
	snprintf(text, sizeof(text), "%s", fix.told);
	fix.told[0] = '\0';
	return text;
}

/** What is told when the time is over in which missing records may come back. */
static const char *
told_later(void)
{
	assert_string_equal(told(), "");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_GONE_US);
	return told();
}

/** The newest open question, or NULL. */
static struct watch *
asked(const char *name, enum pz_mdns_type type)
{
	for (size_t i = fix.watches_len; i-- > 0;)
		if (fix.watches[i].is_open && fix.watches[i].type == type &&
		    strcmp(fix.watches[i].name, name) == 0)
			return &fix.watches[i];
	return NULL;
}

static void
answer_by(int interface, bool is_there, const char *name, enum pz_mdns_type type, const void *rdata,
	  size_t len)
{
	struct watch *watch = asked(name, type);

	if (watch == NULL)
		fail_msg("nobody asked for %s type %d", name, (int)type);
	pz_mdns_catalogue_record(watch->arg, is_there, interface, 0, pz_slice_of(rdata, len));
}

static void
ptr(bool is_there, const char *instance)
{
	char rdata[128];
	int len = snprintf(rdata, sizeof(rdata), "%c%s\4_pzp\4_tcp\5local", (int)strlen(instance),
			   instance);

	answer_by(IF, is_there, "_pzp._tcp.local", PZ_MDNS_PTR, rdata, (size_t)len + 1);
}

static const char *
full(const char *instance)
{
	static char name[PZ_MDNS_NAME_TEXT_BYTES];

	pz_mdns_full_name(instance, name);
	return name;
}

static void
srv(bool is_there, const char *instance, uint8_t port, const char *host)
{
	char rdata[128] = {0};
	int len = snprintf(rdata + 6, sizeof(rdata) - 6, "%c%s\5local", (int)strlen(host), host);

	rdata[5] = (char)port;
	answer_by(IF, is_there, full(instance), PZ_MDNS_SRV, rdata, (size_t)len + 7);
}

static void
txt(bool is_there, const char *instance, const char *text)
{
	char rdata[256];
	int len = snprintf(rdata, sizeof(rdata), "%c%s", (int)strlen(text), text);

	answer_by(IF, is_there, full(instance), PZ_MDNS_TXT, rdata, (size_t)len);
}

static void
a(bool is_there, const char *host, uint8_t last)
{
	uint8_t rdata[4] = {10, 0, 0, last};
	char name[64];

	snprintf(name, sizeof(name), "%s.local", host);
	answer_by(IF, is_there, name, PZ_MDNS_A, rdata, sizeof(rdata));
}

static void
appear(const char *instance)
{
	ptr(true, instance);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	srv(true, instance, 80, instance);
	txt(true, instance, "v=1");
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	a(true, instance, 1);
}

/* ---- tests ---- */

static void
one_question_leads_to_the_next(void **state)
{
	(void)state;
	assert_int_equal(fix.open, 0); /* passive */
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_int_equal(fix.open, 1);
	ptr(true, "one");
	assert_int_equal(fix.open, 1); /* not from inside a call */
	pz_kit_clock_run(&fix.clock, 0);
	assert_int_equal(fix.open, 3);
	txt(true, "one", "v=1");
	srv(true, "one", 80, "host");
	pz_kit_clock_run(&fix.clock, 0);
	assert_int_equal(fix.open, 5);
	assert_non_null(asked("host.local", PZ_MDNS_AAAA));
	assert_string_equal(told(), "");
	a(true, "host", 1);
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	a(true, "host", 2);
	a(true, "host", 1); /* known */
	assert_string_equal(told(), "+one@10.0.0.2:80[v=1,] ");
}

static void
nothing_is_reported_before_all_is_there(void **state)
{
	(void)state;
	browse();
	ptr(true, "one");
	pz_kit_clock_run(&fix.clock, 0);
	srv(true, "one", 80, "host");
	pz_kit_clock_run(&fix.clock, 0);
	a(true, "host", 1);
	assert_string_equal(told(), ""); /* RFC 6763 6: a TXT record there must be */
	txt(true, "one", "");
	assert_string_equal(told(), "+one@10.0.0.1:80[] ");
}

static void
each_of_ptr_srv_and_addresses_ends_it(void **state)
{
	(void)state;
	browse();
	appear("one");
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	a(false, "one", 1);
	assert_string_equal(told_later(), "-one ");
	a(true, "one", 1);
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	srv(false, "one", 80, "one");
	assert_string_equal(told_later(), "-one ");
	srv(true, "one", 80, "one");
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	ptr(false, "one");
	assert_string_equal(told_later(), "-one ");
	assert_int_equal(fix.open, 1);
	assert_int_equal(fix.catalogue.instances_len, 0);
	ptr(false, "one");
	assert_string_equal(told(), "");
}

static void
changes_are_reported_for_each_address(void **state)
{
	(void)state;
	browse();
	appear("one");
	a(true, "one", 2);
	told();
	/* The new record comes before the old one goes. */
	txt(true, "one", "v=2");
	assert_string_equal(told(), "+one@10.0.0.1:80[v=2,] +one@10.0.0.2:80[v=2,] ");
	txt(false, "one", "v=1");
	srv(true, "one", 81, "one");
	srv(false, "one", 80, "one");
	assert_string_equal(told(), "+one@10.0.0.1:81[v=2,] +one@10.0.0.2:81[v=2,] ");
	/* Another host: the addresses of the first one do not count any more. */
	srv(true, "one", 81, "new");
	srv(false, "one", 81, "one");
	assert_string_equal(told(), "");
	assert_null(asked("one.local", PZ_MDNS_A));
	a(true, "new", 3);
	assert_string_equal(told(), "+one@10.0.0.3:81[v=2,] ");
	srv(true, "one", 81, "none");
	srv(false, "one", 81, "new");
	assert_string_equal(told_later(), "-one ");
}

/* A device that takes back its records to announce others, a second later. */
static void
records_that_come_back_are_no_goodbye(void **state)
{
	(void)state;
	browse();
	appear("one");
	told();
	for (uint8_t port = 81; port < 85; port++) {
		ptr(false, "one");
		srv(false, "one", port - 1, "one");
		a(false, "one", (uint8_t)(port - 80));
		pz_kit_clock_run(&fix.clock, PZ_MDNS_GONE_US - 100 * PZ_US_PER_MS);
		srv(true, "one", port, "one");
		pz_kit_clock_run(&fix.clock, 10 * PZ_US_PER_MS);
		a(true, "one", (uint8_t)(port - 79));
		assert_string_equal(told(), "");
		ptr(true, "one");
		assert_non_null(strstr(told(), "+one@10.0.0."));
		pz_kit_clock_run(&fix.clock, PZ_MDNS_GONE_US);
		assert_string_equal(told(), "");
	}
	/* The time is counted anew each time, and it ends. */
	srv(false, "one", 84, "one");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_GONE_US - 100 * PZ_US_PER_MS);
	assert_string_equal(told(), "");
	pz_kit_clock_run(&fix.clock, 100 * PZ_US_PER_MS);
	assert_string_equal(told(), "-one ");
	srv(true, "one", 90, "one");
	assert_string_equal(told(), "+one@10.0.0.5:90[v=1,] ");
}

/* This machine was busy for as long as records were missing: those that came meanwhile are read
 * after the timers. */
static void
what_waits_to_be_read_counts(void **state)
{
	(void)state;
	browse();
	appear("one");
	told();
	srv(false, "one", 80, "one");
	pz_kit_clock_run(&fix.clock, PZ_US_PER_MS);
	fix.clock.now_us += 10 * PZ_MDNS_GONE_US;
	pz_kit_clock_run(&fix.clock, 0);
	srv(true, "one", 81, "one");
	assert_string_equal(told(), "+one@10.0.0.1:81[v=1,] ");
}

static void
an_address_is_reported_once_however_it_came(void **state)
{
	static const uint8_t rdata[4] = {10, 0, 0, 1};

	(void)state;
	browse();
	appear("one");
	told();
	answer_by(IF + 1, true, "one.local", PZ_MDNS_A, rdata, sizeof(rdata));
	assert_string_equal(told(), "");
	a(false, "one", 1); /* one interface goes */
	assert_string_equal(told(), "");
	answer_by(IF + 1, false, "one.local", PZ_MDNS_A, rdata, sizeof(rdata));
	assert_string_equal(told_later(), "-one ");
}

static void
our_own_is_not_reported(void **state)
{
	(void)state;
	snprintf(fix.own, sizeof(fix.own), "Me");
	browse();
	ptr(true, "mE");
	pz_kit_clock_run(&fix.clock, 0);
	assert_int_equal(fix.open, 1);
	/* Known, but not found yet, before the name became ours. */
	appear("one");
	snprintf(fix.own, sizeof(fix.own), "one");
	assert_string_equal(told(), "");
	assert_int_equal(fix.catalogue.instances_len, 0);
}

/* Two hosts published the same name at the same time, and the other one was renamed: under the name
 * that is ours now it is not there any more. */
static void
what_was_found_with_a_name_that_is_ours_now_is_gone(void **state)
{
	(void)state;
	browse();
	appear("taken");
	assert_string_equal(told(), "+taken@10.0.0.1:80[v=1,] ");
	snprintf(fix.own, sizeof(fix.own), "taken");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	assert_string_equal(told(), "-taken ");
	assert_int_equal(fix.catalogue.instances_len, 0);
	ptr(true, "taken");
	assert_string_equal(told(), "");
	assert_int_equal(fix.catalogue.instances_len, 0);
}

/* A collision before anything of ours was established. The backend does not report records that are
 * as our own. */
static void
one_that_was_found_before_we_had_its_name_is_found_again(void **state)
{
	(void)state;
	browse();
	appear("taken");
	told();
	struct watch *before = asked("_pzp._tcp.local", PZ_MDNS_PTR);
	snprintf(fix.own, sizeof(fix.own), "taken");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	assert_string_equal(told(), "-taken ");
	assert_ptr_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	fix.own[0] = '\0'; /* withdrawn for a while */
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_ptr_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	snprintf(fix.own, sizeof(fix.own), "random");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_ptr_not_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	appear("taken");
	assert_string_equal(told(), "+taken@10.0.0.1:80[v=1,] ");
}

/* After a collision another node has the name that was ours. */
static void
a_node_with_our_former_name_is_found(void **state)
{
	(void)state;
	snprintf(fix.own, sizeof(fix.own), "taken");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	browse();
	ptr(true, "taken");
	assert_string_equal(told(), "");
	struct watch *before = asked("_pzp._tcp.local", PZ_MDNS_PTR);
	pz_mdns_catalogue_own_changed(&fix.catalogue); /* it is the same */
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_ptr_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	snprintf(fix.own, sizeof(fix.own), "random");
	pz_mdns_catalogue_own_changed(&fix.catalogue);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_ptr_not_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	appear("taken");
	assert_string_equal(told(), "+taken@10.0.0.1:80[v=1,] ");
}

static void
asking_again_confirms(void **state)
{
	(void)state;
	browse();
	appear("stays");
	appear("leaves");
	told();
	browse();
	ptr(true, "stays");
	assert_string_equal(told(), "+stays@10.0.0.1:80[v=1,] ");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_CONFIRM_US - PZ_US_PER_S);
	assert_string_equal(told(), "");
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_string_equal(told(), "-leaves ");
}

static void
another_backend_is_asked_for_everything(void **state)
{
	(void)state;
	browse();
	appear("stays");
	appear("leaves");
	told();
	pz_mdns_catalogue_attach(&fix.catalogue, NULL);
	assert_int_equal(fix.open, 0);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	pz_mdns_catalogue_attach(&fix.catalogue, &fix.backend);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_string_equal(told(), ""); /* none is gone yet */
	appear("stays");
	assert_string_equal(told(), "+stays@10.0.0.1:80[v=1,] ");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_CONFIRM_US);
	assert_string_equal(told(), "-leaves ");
}

/* What was found again since is known as well as before. */
static void
a_goodbye_after_asking_again_counts(void **state)
{
	(void)state;
	browse();
	appear("one");
	told();
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_MS);
	appear("one");
	told();
	ptr(false, "one");
	assert_string_equal(told_later(), "-one ");
}

static void
what_failed_is_asked_again(void **state)
{
	(void)state;
	pz_mdns_catalogue_failed(&fix.catalogue,
				 "refused"); /* no search is active: nothing to do */
	assert_int_equal(fix.troubles, 0);
	fix.refuses = true;
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_int_equal(fix.open, 0);
	fix.refuses = false;
	pz_mdns_catalogue_failed(&fix.catalogue, "refused");
	pz_mdns_catalogue_failed(&fix.catalogue, "refused");
	assert_int_equal(fix.troubles, 1);
	pz_kit_clock_run(&fix.clock, PZ_MDNS_RETRY_US);
	assert_int_equal(fix.open, 1);
	appear("one");
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	assert_true(fix.is_in_trouble);
	pz_kit_clock_run(&fix.clock, PZ_MDNS_CONFIRM_US); /* nothing has failed since */
	assert_false(fix.is_in_trouble);
}

static void
what_fails_for_ever_is_reported_once(void **state)
{
	(void)state;
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	for (int i = 0; i < 100; i++) {
		pz_mdns_catalogue_failed(&fix.catalogue, "refused");
		pz_kit_clock_run(&fix.clock, PZ_MDNS_RETRY_US);
	}
	assert_int_equal(fix.troubles, 1);
	assert_true(fix.is_in_trouble);
	pz_mdns_catalogue_browse(&fix.catalogue, false);
	assert_false(fix.is_in_trouble);
}

static void
a_thousand_instances_are_bounded(void **state)
{
	char name[16];

	(void)state;
	browse();
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "i%d", i);
		ptr(true, name);
	}
	assert_int_equal(fix.catalogue.instances_len, PZ_MDNS_INSTANCES_MAX);
	assert_int_equal(fix.catalogue.ignored, 1000 - PZ_MDNS_INSTANCES_MAX);
	assert_int_equal(warnings, 1);
	pz_kit_clock_run(&fix.clock, 0); /* not everything is asked at once */
	assert_in_range(fix.open, PZ_MDNS_LOOKUPS_PER_TURN_MAX, PZ_MDNS_LOOKUPS_PER_TURN_MAX + 4);
	struct watch *before = asked("_pzp._tcp.local", PZ_MDNS_PTR);
	pz_kit_clock_run(&fix.clock, PZ_MDNS_LOOK_US);
	assert_int_equal(fix.open, 1 + 2 * PZ_MDNS_INSTANCES_MAX);

	/* Some were never looked at: it is asked again who is there, when others may give way. */
	assert_ptr_not_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
	ptr(true, "i999");
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	assert_non_null(asked(full("i999"), PZ_MDNS_SRV));
	assert_null(asked(full("i0"), PZ_MDNS_SRV));
	assert_int_equal(fix.catalogue.instances_len, PZ_MDNS_INSTANCES_MAX);
	pz_mdns_catalogue_browse(&fix.catalogue, false);
	assert_int_equal(fix.open, 0);
}

/** One that is found at once. */
static void
crowd(const char *prefix, int from, int to, enum pz_mdns_worth worth)
{
	char name[16];

	fix.worth = worth;
	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "%s%d", prefix, i);
		ptr(true, name);
		pz_kit_clock_run(&fix.clock, 10 * PZ_US_PER_MS);
		srv(true, name, 80, name);
		txt(true, name, "v=1");
		pz_kit_clock_run(&fix.clock, 10 * PZ_US_PER_MS);
		a(true, name, 1);
		pz_kit_clock_run(&fix.clock, 0);
	}
}

static void
strangers_give_way_and_members_stay(void **state)
{
	(void)state;
	browse();
	crowd("stranger", 0, PZ_MDNS_INSTANCES_MAX - 2, PZ_MDNS_STRANGER);
	crowd("likely", 0, 2, PZ_MDNS_LIKELY);
	told();
	/* There is no room, and yet a member is found, in the place of the oldest stranger. */
	crowd("member", 0, 1, PZ_MDNS_MEMBER);
	assert_string_equal(told(), "-stranger0 +member0@10.0.0.1:80[v=1,] ");
	/* Others come: strangers go first, then those that say what members say, members never. */
	crowd("new", 0, PZ_MDNS_INSTANCES_MAX, PZ_MDNS_STRANGER);
	assert_null(strstr(told(), "-likely"));
	crowd("other", 0, PZ_MDNS_INSTANCES_MAX, PZ_MDNS_LIKELY);
	const char *all = told();
	assert_non_null(strstr(all, "-likely0"));
	assert_null(strstr(all, "-member"));
	assert_int_equal(fix.catalogue.instances_len, PZ_MDNS_INSTANCES_MAX);
	/* One that gave way is not looked at again, nor asked about. */
	uint64_t ignored = fix.catalogue.ignored;
	struct watch *before = asked("_pzp._tcp.local", PZ_MDNS_PTR);
	ptr(true, "stranger5");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_CONFIRM_US);
	assert_null(asked(full("stranger5"), PZ_MDNS_SRV));
	assert_int_equal(fix.catalogue.ignored, ignored + 1);
	assert_ptr_equal(asked("_pzp._tcp.local", PZ_MDNS_PTR), before);
}

/* Each newcomer costs questions to the network. */
static void
not_all_give_way_at_once(void **state)
{
	char name[16];

	(void)state;
	browse();
	crowd("stranger", 0, PZ_MDNS_INSTANCES_MAX, PZ_MDNS_STRANGER);
	for (int i = 0; i < 2 * PZ_MDNS_INSTANCES_MAX; i++) {
		snprintf(name, sizeof(name), "i%d", i);
		ptr(true, name);
	}
	/* Those that came just now are not known well enough to give way. */
	assert_int_equal(fix.catalogue.instances_len, PZ_MDNS_INSTANCES_MAX);
	assert_int_equal(fix.catalogue.ignored, PZ_MDNS_INSTANCES_MAX);
	fix.catalogue.replaced_us = fix.clock.now_us; /* and no more in this second than that */
	fix.catalogue.replaced = PZ_MDNS_REPLACED_PER_S_MAX - 3;
	pz_kit_clock_run(&fix.clock, PZ_MDNS_LOOK_US);
	fix.catalogue.replaced_us = fix.clock.now_us;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "j%d", i);
		ptr(true, name);
	}
	assert_int_equal(fix.catalogue.ignored, PZ_MDNS_INSTANCES_MAX + 7);
}

static void
records_of_one_instance_are_bounded(void **state)
{
	char text[250];
	unsigned count = 0;

	(void)state;
	browse();
	ptr(true, "one");
	pz_kit_clock_run(&fix.clock, 0);
	for (int i = 0; i < 300; i++) { /* bytes */
		snprintf(text, sizeof(text), "%0240d", i);
		txt(true, "one", text);
	}
	pz_mdns_catalogue_browse(&fix.catalogue, false);
	browse();
	appear("two");
	for (int i = 2; i < 250; i++) /* records */
		a(true, "two", (uint8_t)i);
	for (const char *at = told(); (at = strchr(at, '+')) != NULL; at++)
		count++;
	assert_int_equal(count, PZ_MDNS_RECORDS_MAX - 3);
	ptr(false, "two");
	assert_string_equal(told_later(), "-two ");
}

static void
garbage_is_ignored(void **state)
{
	(void)state;
	browse();
	answer_by(IF, true, "_pzp._tcp.local", PZ_MDNS_PTR, "\xc0\x0c", 2);
	answer_by(IF, true, "_pzp._tcp.local", PZ_MDNS_PTR, "", 0);
	assert_int_equal(fix.catalogue.instances_len, 0);
	ptr(true, "one");
	pz_kit_clock_run(&fix.clock, 0);
	answer_by(IF, true, full("one"), PZ_MDNS_SRV, "\0\0", 2);
	answer_by(IF, true, full("one"), PZ_MDNS_TXT, "", 0);
	pz_kit_clock_run(&fix.clock, 0);
	assert_int_equal(fix.open, 3);
	srv(true, "one", 80, "host");
	pz_kit_clock_run(&fix.clock, 0);
	answer_by(IF, true, "host.local", PZ_MDNS_A, "\12\0\0", 3);
	answer_by(IF, true, "host.local", PZ_MDNS_AAAA, "\12\0\0\1", 4);
	assert_string_equal(told(), "");
	a(true, "host", 9);
	assert_string_equal(told(), "+one@10.0.0.9:80[] ");
}

static enum pz_mdns_worth
stop_on_found(void *arg, const struct pz_mdns_found *found)
{
	on_found(arg, found);
	pz_mdns_catalogue_browse(&fix.catalogue, false);
	assert_string_equal(found->instance, "one");
	assert_string_equal(found->address, "10.0.0.1");
	return fix.worth;
}

static void
a_call_back_may_end_it(void **state)
{
	static const struct pz_mdns_events events = {.found = stop_on_found, .gone = on_gone};

	(void)state;
	fix.owner.events = &events;
	browse();
	ptr(true, "two");
	appear("one");
	a(true, "one", 2);
	assert_string_equal(told(), "+one@10.0.0.1:80[v=1,] ");
	assert_int_equal(fix.open, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_question_leads_to_the_next),
		T(nothing_is_reported_before_all_is_there),
		T(each_of_ptr_srv_and_addresses_ends_it),
		T(changes_are_reported_for_each_address),
		T(records_that_come_back_are_no_goodbye),
		T(what_waits_to_be_read_counts),
		T(an_address_is_reported_once_however_it_came),
		T(our_own_is_not_reported),
		T(what_was_found_with_a_name_that_is_ours_now_is_gone),
		T(one_that_was_found_before_we_had_its_name_is_found_again),
		T(a_node_with_our_former_name_is_found),
		T(asking_again_confirms),
		T(another_backend_is_asked_for_everything),
		T(a_goodbye_after_asking_again_counts),
		T(what_failed_is_asked_again),
		T(what_fails_for_ever_is_reported_once),
		T(a_thousand_instances_are_bounded),
		T(strangers_give_way_and_members_stay),
		T(not_all_give_way_at_once),
		T(records_of_one_instance_are_bounded),
		T(garbage_is_ignored),
		T(a_call_back_may_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
