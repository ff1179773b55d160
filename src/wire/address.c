/*
 * Addresses of page 1: zone "/" device "/" app, where a virgin device has no zone. The characters
 * show what a part is ('@' only in zones, ':' only in apps), so parsing needs no context. Text is
 * lower case or left unchanged; comparisons are of bytes.
 *
 * sets_of() classifies a byte once for all sets; the parsers only test for membership.
 */
#include "wire/address.h"

#include <sodium.h>

#include "base/codec.h"

/* Sets of page 1, one bit each. */
enum {
	IN_LOCAL = 1, /* left of the '@' */
	IN_HOST = 2,  /* a label of a host name */
	IN_DEVICE = 4,
	IN_BASE32 = 8, /* either case, no padding */
	IN_HEX = 16,
	IN_DIGIT = 32,
};

static unsigned
sets_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return IN_LOCAL | IN_HOST | IN_DEVICE | IN_HEX | IN_DIGIT |
		       (c >= '2' && c <= '7' ? IN_BASE32 : 0U);
	if (c >= 'a' && c <= 'z')
		return IN_LOCAL | IN_HOST | IN_DEVICE | IN_BASE32 | (c <= 'f' ? IN_HEX : 0U);
	if (c >= 'A' && c <= 'Z')
		return IN_DEVICE | IN_BASE32 | (c <= 'F' ? IN_HEX : 0U);
	switch (c) {
	case '-':
		return IN_LOCAL | IN_HOST | IN_DEVICE;
	case '.':
	case '_':
		return IN_LOCAL | IN_DEVICE;
	case '+':
		return IN_LOCAL;
	default:
		return 0;
	}
}

/* Not empty, and every byte in the set. */
static bool
all_in(struct pz_slice text, unsigned set)
{
	if (text.ptr == NULL)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		/* Callers pass what they were given; the analyser invents an unwritten buffer. */
		if (!(sets_of(text.ptr[i]) & set)) /* NOLINT(clang-analyzer-core.CallAndMessage) */
			return false;
	}
	return text.len > 0;
}

/* Cuts at the first `separator`: returns the part before it, and leaves what follows in *rest.
 * False: there is no part left, and *rest is unchanged. */
static bool
cut(struct pz_slice *rest, char separator, struct pz_slice *out_before)
{
	const uint8_t *at = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
	size_t len;

	if (at == NULL)
		return false;
	len = (size_t)(at - rest->ptr);
	*out_before = pz_slice_of(rest->ptr, len);
	*rest = pz_slice_of(at + 1, rest->len - len - 1);
	return true;
}

/* RFC 1123 2.1: labels of letters, digits and inner hyphens, 1 to 63 bytes each. The limit of a
 * zone bounds the whole length. */
static bool
is_host(struct pz_slice rest)
{
	bool has_more = true;

	while (has_more) {
		struct pz_slice label = rest;

		has_more = cut(&rest, '.', &label);
		if (!all_in(label, IN_HOST) || label.len > 63)
			return false;
		if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
			return false;
	}
	return true;
}

bool
pz_zone_is_valid(struct pz_slice zone)
{
	struct pz_slice local, host = zone;

	if (zone.len < PZ_ZONE_BYTES_MIN || zone.len > PZ_ZONE_BYTES_MAX)
		return false;
	return cut(&host, '@', &local) && all_in(local, IN_LOCAL) && is_host(host);
}

bool
pz_device_is_valid(struct pz_slice device)
{
	if (device.len > PZ_DEVICE_BYTES_MAX || !all_in(device, IN_DEVICE))
		return false;
	return sets_of(device.ptr[0]) & (IN_DIGIT | IN_BASE32); /* base32 contains every letter */
}

bool
pz_app_is_valid(struct pz_slice app)
{
	struct pz_slice id, number = app;

	if (app.len > PZ_APP_BYTES_MAX || !cut(&number, ':', &id))
		return false;
	return (all_in(id, IN_BASE32) || all_in(id, IN_HEX)) && all_in(number, IN_DIGIT);
}

bool
pz_display_name_is_valid(struct pz_slice name)
{
	return name.len >= 1 && name.len <= PZ_DISPLAY_NAME_BYTES_MAX && pz_utf8_is_printable(name);
}

enum pz_err
pz_address_parse(struct pz_slice text, struct pz_address *out)
{
	struct pz_address a = {0};
	struct pz_slice part, rest = text;
	bool has_more = cut(&rest, '/', &part);
	struct pz_slice first = has_more ? part : rest;

	if (first.len > 0 && memchr(first.ptr, '@', first.len)) {
		a.zone = first;
		if (!pz_zone_is_valid(a.zone))
			return PZ_ERR_PROTO_ADDRESS;
		if (!has_more)
			goto out;
		has_more = cut(&rest, '/', &part);
		first = has_more ? part : rest;
	}
	a.device = first;
	if (!pz_device_is_valid(a.device))
		return PZ_ERR_PROTO_ADDRESS;
	if (has_more) {
		a.app = rest;
		if (!pz_app_is_valid(a.app)) /* a further slash is in no set */
			return PZ_ERR_PROTO_ADDRESS;
	}
out:
	*out = a;
	return PZ_OK;
}

/* Appends a part, with a slash before all but the first. */
static size_t
put(char *out, size_t at, struct pz_slice part)
{
	if (part.len == 0)
		return at;
	if (at > 0)
		out[at++] = '/';
	memcpy(out + at, part.ptr, part.len);
	return at + part.len;
}

enum pz_err
pz_address_format(const struct pz_address *a, char out[PZ_ADDRESS_BYTES_MAX + 1])
{
	size_t len;

	if (a->zone.len == 0 && a->device.len == 0)
		return PZ_ERR_PROTO_ADDRESS;
	if (a->zone.len > 0 && !pz_zone_is_valid(a->zone))
		return PZ_ERR_PROTO_ADDRESS;
	if (a->device.len > 0 && !pz_device_is_valid(a->device))
		return PZ_ERR_PROTO_ADDRESS;
	if (a->app.len > 0 && (a->device.len == 0 || !pz_app_is_valid(a->app)))
		return PZ_ERR_PROTO_ADDRESS;
	len = put(out, 0, a->zone);
	len = put(out, len, a->device);
	len = put(out, len, a->app);
	out[len] = '\0';
	return PZ_OK;
}

/* The slash matters: "a@b/tv2" is not within "a@b/tv". */
bool
pz_address_is_within(struct pz_slice address, struct pz_slice space)
{
	if (space.len == 0 || address.len < space.len ||
	    memcmp(address.ptr, space.ptr, space.len) != 0)
		return false;
	return address.len == space.len || address.ptr[space.len] == '/';
}

struct pz_slice
pz_address_node(struct pz_slice address)
{
	struct pz_slice first, second, rest = address;

	if (!cut(&rest, '/', &first))
		return address;
	if (first.len == 0 || !memchr(first.ptr, '@', first.len))
		return first; /* a virgin device */
	if (!cut(&rest, '/', &second))
		return address;
	return pz_slice_of(address.ptr, first.len + 1 + second.len);
}

enum pz_err
pz_zone_normalise(struct pz_slice text, char out[PZ_ZONE_BYTES_MAX + 1])
{
	uint8_t lower[PZ_ZONE_BYTES_MAX];

	if (text.len > sizeof(lower))
		return PZ_ERR_PROTO_ADDRESS;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		lower[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
	}
	if (!pz_zone_is_valid(pz_slice_of(lower, text.len)))
		return PZ_ERR_PROTO_ADDRESS;
	memcpy(out, lower, text.len);
	out[text.len] = '\0';
	return PZ_OK;
}

/* A digest: anyone on the path can read the name in the ClientHello, and it must not show the
 * user's name. */
void
pz_zone_sni_tag(struct pz_slice zone, char out[PZ_SNI_TAG_CHARS + 1])
{
	static const char label[] = "pz-sni/1";
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const unsigned char *)label, sizeof(label) - 1);
	crypto_hash_sha256_update(&state, zone.ptr, zone.len);
	crypto_hash_sha256_final(&state, digest);
	pz_hex_encode(digest, PZ_SNI_TAG_CHARS / 2, out);
}
