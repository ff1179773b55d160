/*
 * Target functions: pz_mdns_txt_read, _ptr_read, _srv_read, _address_read, and the catalogue that
 * is made of such records.
 * Input: records. Of each: a byte that says which question it answers (its low bits) and whether it
 * comes or goes (the highest), a byte for the interface and protocol, a byte of length, the record.
 * A length of 255 lets time pass instead.
 * Must hold: what is reported is text within the limits; gone comes only after found; and nothing
 * is left when the catalogue is.
 */
#include "fuzz.h"

#include "base/codec.h"
#include "base/env.h"
#include "base/map.h"
#include "mdns/catalogue.h"

#define WATCHES_MAX 1024

struct watch {
	void *arg; /* NULL: given back */
	enum pz_mdns_type type;
};

static struct watch watches[WATCHES_MAX];
static size_t watches_len;
static struct pz_map *there;

static void *
add_watch(struct pz_mdns_backend *backend, const char *name, enum pz_mdns_type type, void *arg)
{
	(void)backend;
	FUZZ_CHECK(strlen(name) < PZ_MDNS_NAME_TEXT_BYTES);
	for (size_t i = 0; i < WATCHES_MAX; i++) {
		if (watches[i].arg == NULL) {
			watches[i] = (struct watch){arg, type};
			watches_len = i >= watches_len ? i + 1 : watches_len;
			return &watches[i];
		}
	}
	return NULL;
}

static void
end_watch(struct pz_mdns_backend *backend, void *watch)
{
	(void)backend;
	FUZZ_CHECK(((struct watch *)watch)->arg != NULL);
	((struct watch *)watch)->arg = NULL;
}

static enum pz_mdns_worth
on_found(void *arg, const struct pz_mdns_found *found)
{
	struct pz_slice name = pz_slice_str(found->instance);
	size_t bytes = 0;

	(void)arg;
	FUZZ_CHECK(name.len >= 1 && name.len <= PZ_MDNS_LABEL_BYTES_MAX);
	FUZZ_CHECK(pz_utf8_is_printable(name));
	FUZZ_CHECK(found->port != 0 && found->txt_len <= PZ_MDNS_TXT_MAX);
	FUZZ_CHECK(found->address[0] != '\0');
	for (size_t i = 0; i < found->txt_len; i++) {
		struct pz_slice txt = pz_slice_str(found->txt[i]);

		bytes += txt.len;
		FUZZ_CHECK(txt.len >= 1 && txt.len <= 255 && pz_utf8_is_valid(txt));
	}
	FUZZ_CHECK(bytes <= PZ_MDNS_TXT_BYTES_MAX);
	FUZZ_CHECK(pz_map_put(there, name, there, NULL) == PZ_OK);
	return PZ_MDNS_STRANGER;
}

static void
on_gone(void *arg, const char *instance)
{
	(void)arg;
	FUZZ_CHECK(pz_map_remove(there, pz_slice_str(instance)) != NULL);
}

/* Each reader alone too: the catalogue does not show everything to each. */
static void
read_alone(struct pz_slice rdata)
{
	char instance[PZ_MDNS_LABEL_BYTES_MAX + 1], name[PZ_MDNS_NAME_TEXT_BYTES];
	char address[PZ_MDNS_ADDRESS_TEXT_BYTES];
	struct pz_mdns_txt txt;
	uint16_t port = 0;

	pz_mdns_txt_read(rdata, &txt);
	FUZZ_CHECK(txt.len <= PZ_MDNS_TXT_MAX);
	if (pz_mdns_ptr_read(rdata, instance) == PZ_OK) {
		pz_mdns_full_name(instance, name);
		FUZZ_CHECK(strlen(name) >= strlen(instance) + strlen("._pzp._tcp.local"));
	}
	if (pz_mdns_srv_read(rdata, &port, name) == PZ_OK)
		FUZZ_CHECK(port != 0 && strlen(name) > strlen(".local"));
	if (pz_mdns_address_read(PZ_MDNS_AAAA, rdata, "lo", address) == PZ_OK)
		FUZZ_CHECK(rdata.len == 16 && strchr(address, ':'));
	if (pz_mdns_address_read(PZ_MDNS_A, rdata, "lo", address) == PZ_OK)
		FUZZ_CHECK(rdata.len == 4 && strchr(address, '.'));
}

static void
feed(struct pz_kit_clock *clock, const uint8_t *data, size_t size)
{
	while (size >= 3) {
		size_t which = data[0] & 0x7f, len = data[2];
		bool passes = len == 255;

		len = passes ? 0 : len;
		len = len > size - 3 ? size - 3 : len;
		struct pz_slice rdata = {data + 3, len};
		read_alone(rdata);
		if (!passes && which < watches_len && watches[which].arg != NULL)
			pz_mdns_catalogue_record(watches[which].arg, data[0] < 0x80, data[1] >> 1,
						 data[1] & 1, rdata);
		pz_kit_clock_jump(clock, passes ? 5 * PZ_US_PER_S : 2 * PZ_US_PER_MS);
		data += 3 + len;
		size -= 3 + len;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pz_mdns_backend_ops ops = {
		.kind = "fuzz", .watch = add_watch, .unwatch = end_watch};
	static const struct pz_mdns_events events = {.found = on_found, .gone = on_gone};
	struct pz_mdns_backend backend = {.ops = &ops};
	struct pz_mdns owner = {.events = &events};
	struct pz_mdns_catalogue catalogue;
	struct pz_kit_clock clock;

	memset(watches, 0, sizeof(watches));
	watches_len = 0;
	pz_kit_clock_init(&clock);
	there = pz_map_new();
	FUZZ_CHECK(there != NULL);
	pz_mdns_catalogue_init(&catalogue, &clock.env, &owner, "self");
	pz_mdns_catalogue_attach(&catalogue, &backend);
	pz_mdns_catalogue_browse(&catalogue, true);
	pz_kit_clock_run(&clock, 0);
	feed(&clock, data, size);
	pz_mdns_catalogue_fini(&catalogue);
	FUZZ_CHECK(pz_kit_clock_is_idle(&clock));
	for (size_t i = 0; i < WATCHES_MAX; i++)
		FUZZ_CHECK(watches[i].arg == NULL);
	pz_map_free(there);
	return 0;
}
