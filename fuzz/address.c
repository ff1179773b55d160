/*
 * Target functions: pz_address_parse, _format, _is_within, _node; pz_zone_normalise, the validity
 * of names, pz_zone_sni_tag.
 * Input: an address; behind a line feed, if there is one, a space to compare it with.
 * Must hold: what is parsed is formatted as the same bytes; its parts are valid; its node is itself
 * an address it lies within; normalising twice is normalising once.
 */
#include "fuzz.h"

#include "wire/address.h"

static bool
is_part_of(struct pz_slice part, struct pz_slice text)
{
	return part.len == 0 ||
	       (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len);
}

static void
check_parsed(struct pz_slice text, const struct pz_address *a)
{
	char out[PZ_ADDRESS_BYTES_MAX + 1];
	struct pz_slice node = pz_address_node(text);
	struct pz_address node_parts;

	FUZZ_CHECK(is_part_of(a->zone, text) && is_part_of(a->device, text));
	FUZZ_CHECK(is_part_of(a->app, text));
	FUZZ_CHECK(a->zone.len == 0 || pz_zone_is_valid(a->zone));
	FUZZ_CHECK(a->device.len == 0 || pz_device_is_valid(a->device));
	FUZZ_CHECK(a->app.len == 0 || (a->device.len > 0 && pz_app_is_valid(a->app)));
	FUZZ_CHECK(pz_address_format(a, out) == PZ_OK && pz_slice_eq_str(text, out));
	FUZZ_CHECK(pz_address_is_within(text, node));
	FUZZ_CHECK(pz_address_parse(node, &node_parts) == PZ_OK);
	FUZZ_CHECK(node_parts.app.len == 0 && pz_slice_eq(node_parts.zone, a->zone));
	FUZZ_CHECK(pz_slice_eq(node_parts.device, a->device));
	if (a->zone.len > 0)
		FUZZ_CHECK(pz_address_is_within(text, a->zone));
}

static void
check_zone(struct pz_slice text)
{
	char once[PZ_ZONE_BYTES_MAX + 1] = "untouched", twice[PZ_ZONE_BYTES_MAX + 1];
	char tag[PZ_SNI_TAG_CHARS + 1];

	pz_zone_sni_tag(text, tag);
	FUZZ_CHECK(strlen(tag) == PZ_SNI_TAG_CHARS);
	FUZZ_CHECK(strspn(tag, "0123456789abcdef") == PZ_SNI_TAG_CHARS);
	if (pz_zone_normalise(text, once) != PZ_OK) {
		FUZZ_CHECK(strcmp(once, "untouched") == 0 && !pz_zone_is_valid(text));
		return;
	}
	FUZZ_CHECK(strlen(once) == text.len && pz_zone_is_valid(pz_slice_str(once)));
	FUZZ_CHECK(pz_zone_normalise(pz_slice_str(once), twice) == PZ_OK);
	FUZZ_CHECK(strcmp(once, twice) == 0);
	FUZZ_CHECK(pz_zone_is_valid(text) == pz_slice_eq_str(text, once));
}

/* By the words of page 1: the space itself, or something behind it and a slash. */
static void
check_within(struct pz_slice text, struct pz_slice space)
{
	bool is_within = space.len > 0 && text.len >= space.len &&
			 memcmp(text.ptr, space.ptr, space.len) == 0 &&
			 (text.len == space.len || text.ptr[space.len] == '/');

	FUZZ_CHECK(pz_address_is_within(text, space) == is_within);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size), text = fuzz_line(&rest);
	struct pz_slice node = pz_address_node(text);
	struct pz_address a = {.app = {data, 4711}};

	FUZZ_CHECK(node.len <= text.len && (node.len == 0 || node.ptr == text.ptr));
	if (pz_address_parse(text, &a) == PZ_OK)
		check_parsed(text, &a);
	else
		FUZZ_CHECK(a.app.len == 4711 && !pz_zone_is_valid(text));
	check_zone(text);
	check_within(text, rest);
	check_within(text, node);
	if (pz_display_name_is_valid(text))
		FUZZ_CHECK(text.len <= PZ_DISPLAY_NAME_BYTES_MAX && !memchr(data, 0, text.len));
	return 0;
}
