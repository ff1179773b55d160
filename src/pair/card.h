/*
 * What a device shows a stranger of itself: the member `info` of `pairHello`, made and read. Both
 * ends commit to its exact bytes, so the text is kept as it was sent; what is shown to people and
 * believed comes from the checked copy.
 * @spec page 6 "Strangers: the peer-to-peer certificate exchange (SHCBK)"
 */
#ifndef PZ_PAIR_CARD_H
#define PZ_PAIR_CARD_H

#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"
#include "x509/cert.h"

/* zone/device; or, of a virgin device, its name, '#', and so many hex digits of the SHA-256 of its
 * certificate */
#define PZ_PAIR_PRINT_DIGITS 16
#define PZ_PAIR_IDENTITY_BYTES_MAX PZ_ADDRESS_BYTES_MAX

/** Zeroed is valid. Ended by pz_pair_card_fini. */
struct pz_pair_card {
	char identity[PZ_PAIR_IDENTITY_BYTES_MAX + 1];
	char zone[PZ_ZONE_BYTES_MAX + 1]; /* "": a virgin device */
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char display_name[PZ_DISPLAY_NAME_BYTES_MAX + 1]; /* without control characters */
	struct pz_cert *pzh_ca;                           /* of its zone; NULL: a virgin device */
	struct pz_cert *pzp_ca; /* its own; of a virgin device: one of no zone */
	char *text;             /* the JSON text */
};

/** What a card is made of. Borrowed. */
struct pz_pair_card_parts {
	const char *zone; /* NULL: a virgin device */
	const char *device, *display_name;
	struct pz_cert *pzh_ca; /* NULL: a virgin device */
	struct pz_cert *pzp_ca;
};

/** Makes the own card. @param out takes references of the certificates; untouched on failure.
 * Errors: LIMIT_MEMORY, LIMIT (too long). */
enum pz_err
pz_pair_card_make(const struct pz_pair_card_parts *parts, struct pz_pair_card *out) PZ_MUST_USE;

/**
 * Reads a stranger's. A member's certificates must fit each other and the names; of a virgin device
 * there is nothing to check but the strength of its key. Control characters of the display name
 * become '?', one that is missing or too long becomes the name of the device.
 * @param wall_ms now, milliseconds since 1970
 * @param out untouched on failure
 * Errors: PROTO (malformed), LIMIT (too long), those of pz_verify_device_ca and
 * pz_cert_check_stranger, LIMIT_MEMORY; each with a line.
 */
enum pz_err pz_pair_card_read(struct pz_slice text, uint64_t wall_ms, struct pz_pair_card *out,
			      struct pz_errinfo *info) PZ_MUST_USE;

/** Frees what it holds, and zeroes it. */
void pz_pair_card_fini(struct pz_pair_card *card);

#endif
