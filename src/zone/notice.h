/*
 * Notices: the zone's statement that its hub has a new address. The PZH CA signs it, so any node
 * may pass it on: the former hub, the new one, or a device that has received it.
 * @spec page 3 "A hub that moves"
 */
#ifndef PZ_ZONE_NOTICE_H
#define PZ_ZONE_NOTICE_H

#include <jansson.h>

#include "base/limits.h"
#include "x509/cert.h"
#include "x509/key.h"

/** Where a hub can be reached. */
struct pz_hub_address {
	char host[PZ_HOST_BYTES_MAX + 1]; /* DNS name or IP literal, IPv6 without brackets */
	uint16_t port;                    /* 0: there is no such address */
};

/** One notice. Nothing of it is believed before pz_hub_notice_check. */
struct pz_hub_notice {
	char zone[PZ_ZONE_BYTES_MAX + 1];
	struct pz_hub_address at;
	uint64_t number; /* ms since 1970 when it was made, and higher than any before; 0: none */
	char sig[PZ_SIGNATURE_CHARS_MAX + 1];
};

/** Fills it. The host is cut to what fits. */
void pz_hub_address_set(struct pz_hub_address *out, const char *host, uint16_t port);
/** True when host (without regard to case) and port are the same. */
bool pz_hub_address_eq(const struct pz_hub_address *a, const struct pz_hub_address *b);

/**
 * Makes one: a signature of the PZH CA's key over lv_cat("pz-moved/1", zone, host, port, number),
 * the numbers in decimal digits.
 * @param number at most PZ_SYNC_TIME_MS_MAX, and higher than that of any notice before
 * @param out untouched on failure
 * Errors: CONFIG (host or port), CRYPTO, LIMIT_MEMORY.
 */
enum pz_err pz_hub_notice_make(const char *zone, const struct pz_hub_address *at, uint64_t number,
			       const struct pz_key *ca_key, struct pz_hub_notice *out,
			       struct pz_errinfo *info) PZ_MUST_USE;

/** {"zone", "host", "port", "number", "sig"}, new; NULL: out of memory. */
json_t *pz_hub_notice_json(const struct pz_hub_notice *notice);

/**
 * Takes one apart; nothing is verified. Members that it does not know are ignored.
 * @param out a copy; untouched on failure
 * Errors: PROTO_MEMBER (no object, a member is missing, of the wrong type or out of range),
 * PROTO_ADDRESS (zone or host), LIMIT (the signature is too long).
 */
enum pz_err pz_hub_notice_parse(const json_t *object, struct pz_hub_notice *out,
				struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Checks that the notice is signed by this zone.
 * @param ca the zone's PZH CA as we hold it
 * Errors: DENIED_IDENTITY (of another zone, or not signed by that CA), PROTO (the signature is no
 * base64), LIMIT_MEMORY.
 */
enum pz_err pz_hub_notice_check(const struct pz_hub_notice *notice, const char *zone,
				const struct pz_cert *ca, struct pz_errinfo *info) PZ_MUST_USE;

#endif
