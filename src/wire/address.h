/* Addresses and the names in them: the one parser and the one formatter of the code base. */
#ifndef PZ_WIRE_ADDRESS_H
#define PZ_WIRE_ADDRESS_H

#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

/** The parts of an address, borrowed; an absent part is empty. */
struct pz_address {
	struct pz_slice zone, device, app;
};

/** Characters of an SNI tag, without the NUL. */
#define PZ_SNI_TAG_CHARS 20

/**
 * Splits an address: zone, zone/device, zone/device/app, device or device/app.
 * @param text need not be NUL-terminated
 * @param out parts borrowed from text; untouched on failure
 * Errors: PROTO_ADDRESS (an empty part, more than two slashes, a byte outside the part's set, a
 * part over its limit, a zone that is not in lower case).
 * @spec page 1 "Addresses", "Identities"
 */
enum pz_err pz_address_parse(struct pz_slice text, struct pz_address *out) PZ_MUST_USE;

/**
 * Writes an address and a NUL. Every part is checked as in pz_address_parse.
 * @param out untouched on failure
 * Errors: PROTO_ADDRESS (a malformed part, nothing at all, or an app without a device).
 */
enum pz_err
pz_address_format(const struct pz_address *a, char out[PZ_ADDRESS_BYTES_MAX + 1]) PZ_MUST_USE;

/**
 * True when the address equals `space` or lies below it ("space/..."). Bytewise; validates nothing.
 * An empty space contains nothing.
 * @spec page 1 "Who may say what"
 */
bool pz_address_is_within(struct pz_slice address, struct pz_slice space);

/**
 * The address without its app part: zone, zone/device or device. Borrowed from `address`. Cheap,
 * for the forwarding path: of a malformed address it gives some prefix, never more.
 */
struct pz_slice pz_address_node(struct pz_slice address);

/** user@domain in lower case: letters, digits and "._+-" before the '@', a host name after it. */
bool pz_zone_is_valid(struct pz_slice zone);
/** Letters, digits and "._-", starting with a letter or digit, 1 to 63 bytes. */
bool pz_device_is_valid(struct pz_slice device);
/** Base32 or hex digits, ':', decimal digits; at most PZ_APP_BYTES_MAX bytes. */
bool pz_app_is_valid(struct pz_slice app);
/** UTF-8 without control characters, 1 to 128 bytes. */
bool pz_display_name_is_valid(struct pz_slice name);

/**
 * Lower-cases ASCII letters, then validates; for input that a person typed.
 * @param out zone and NUL; untouched on failure
 * Errors: PROTO_ADDRESS.
 */
enum pz_err pz_zone_normalise(struct pz_slice text, char out[PZ_ZONE_BYTES_MAX + 1]) PZ_MUST_USE;

/**
 * The zone's SNI tag: first 20 hex digits of SHA-256("pz-sni/1" || zone), and a NUL.
 * @spec page 2 "TLS"
 */
void pz_zone_sni_tag(struct pz_slice zone, char out[PZ_SNI_TAG_CHARS + 1]);

#endif
