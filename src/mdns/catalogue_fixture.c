#include "mdns/catalogue_fixture.h"

/* ---- a backend that notes what it is asked ---- */

struct fixture fix;

unsigned warnings;

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

enum pz_mdns_worth
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

void
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

int
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

int
teardown(void **state)
{
	(void)state;
	pz_mdns_catalogue_fini(&fix.catalogue);
	assert_int_equal(fix.open, 0);
	assert_true(pz_kit_clock_is_idle(&fix.clock));
	pz_log_set_sink(NULL, NULL);
	return 0;
}

void
browse(void)
{
	pz_mdns_catalogue_browse(&fix.catalogue, true);
	pz_kit_clock_run(&fix.clock, 0);
}

const char *
told(void)
{
	static char text[sizeof(fix.told)];

	pz_kit_clock_run(&fix.clock, 20 * PZ_US_PER_MS);
	snprintf(text, sizeof(text), "%s", fix.told);
	fix.told[0] = '\0';
	return text;
}

const char *
told_later(void)
{
	assert_string_equal(told(), "");
	pz_kit_clock_run(&fix.clock, PZ_MDNS_GONE_US);
	return told();
}

struct watch *
asked(const char *name, enum pz_mdns_type type)
{
	for (size_t i = fix.watches_len; i-- > 0;)
		if (fix.watches[i].is_open && fix.watches[i].type == type &&
		    strcmp(fix.watches[i].name, name) == 0)
			return &fix.watches[i];
	return NULL;
}

void
answer_by(int interface, bool is_there, const char *name, enum pz_mdns_type type, const void *rdata,
	  size_t len)
{
	struct watch *watch = asked(name, type);

	if (watch == NULL)
		fail_msg("nobody asked for %s type %d", name, (int)type);
	pz_mdns_catalogue_record(watch->arg, is_there, interface, 0, pz_slice_of(rdata, len));
}

void
ptr(bool is_there, const char *instance)
{
	char rdata[128];
	int len = snprintf(rdata, sizeof(rdata), "%c%s\4_pzp\4_tcp\5local", (int)strlen(instance),
			   instance);

	answer_by(IF, is_there, "_pzp._tcp.local", PZ_MDNS_PTR, rdata, (size_t)len + 1);
}

const char *
full(const char *instance)
{
	static char name[PZ_MDNS_NAME_TEXT_BYTES];

	pz_mdns_full_name(instance, name);
	return name;
}

void
srv(bool is_there, const char *instance, uint8_t port, const char *host)
{
	char rdata[128] = {0};
	int len = snprintf(rdata + 6, sizeof(rdata) - 6, "%c%s\5local", (int)strlen(host), host);

	rdata[5] = (char)port;
	answer_by(IF, is_there, full(instance), PZ_MDNS_SRV, rdata, (size_t)len + 7);
}

void
txt(bool is_there, const char *instance, const char *text)
{
	char rdata[256];
	int len = snprintf(rdata, sizeof(rdata), "%c%s", (int)strlen(text), text);

	answer_by(IF, is_there, full(instance), PZ_MDNS_TXT, rdata, (size_t)len);
}

void
a(bool is_there, const char *host, uint8_t last)
{
	uint8_t rdata[4] = {10, 0, 0, last};
	char name[64];

	snprintf(name, sizeof(name), "%s.local", host);
	answer_by(IF, is_there, name, PZ_MDNS_A, rdata, sizeof(rdata));
}

void
appear(const char *instance)
{
	ptr(true, instance);
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	srv(true, instance, 80, instance);
	txt(true, instance, "v=1");
	pz_kit_clock_run(&fix.clock, PZ_US_PER_S);
	a(true, instance, 1);
}
