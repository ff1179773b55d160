/*
 * Attestations: a device's signed consent that a relay may speak for it (page 6 "Relaying"). What a
 * relay says about devices behind it proves nothing without one.
 */
#ifndef PZ_ZONE_ATTEST_H
#define PZ_ZONE_ATTEST_H

#include <jansson.h>

#include "base/env.h"
#include "x509/verify.h"
#include "zone/membership.h"

/** What an attestation says, before anything of it is believed. Borrowed from the tree. */
struct pz_attest {
	const char *device; /* valid by page 1 */
	const char *relay;  /* likewise, and not the device */
	uint64_t at_ms;     /* the device's clock */
	const char *tls, *ca, *sig;
};

/**
 * Makes one for this moment, as an object for `pzpInfo.behind`:
 * {"device", "relay", "at", "tls": PEM, "ca": PEM, "sig": base64 of the TLS key's signature over
 * lv_cat("pz-behind/1", zone, device, relay, at in decimal)}.
 * @param relay device name of the relay, in the membership's zone
 * @param out the caller's
 * Errors: PROTO_ADDRESS (relay is no device name, or we ourselves), CRYPTO (the key does not sign),
 * LIMIT_MEMORY.
 */
enum pz_err pz_attest_make(const struct pz_membership *membership, const char *relay,
			   const struct pz_env *env, json_t **out) PZ_MUST_USE;

/**
 * Takes one apart; nothing is verified. Members that it does not know are ignored.
 * @param out borrowed from `attestation`; untouched on failure
 * Errors: PROTO_MEMBER (no object, a member is missing or of the wrong type), PROTO_ADDRESS (no
 * device names, or a device behind itself), LIMIT (a text is too long).
 */
enum pz_err pz_attest_parse(const json_t *attestation, struct pz_attest *out,
			    struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Builds one anew, of the members that we know: nothing else of what came is kept or passed on.
 * @return new; NULL: pz_attest_parse refuses it, a text has a character that neither PEM nor base64
 * has, or out of memory
 */
json_t *pz_attest_copy(const json_t *attestation);

/**
 * Checks that it is this device's consent, for this relay, now. Cheap checks first. Whether the
 * device is still a member is also the members' list's business (pz_authority_admits with *out).
 * @param trust the zone's CA and CRL
 * @param relay the device that the link it came by has proved
 * @param wall_ms now; the attestation may be PZ_ATTEST_AGE_MS older or younger
 * @param out what the certificates prove; untouched on failure
 * Errors: DENIED_IDENTITY (for another relay, of another device or zone, or a signature of another
 * key or over other words), DENIED_EXPIRED (too old, too far ahead, or a certificate is), PROTO
 * (certificate or signature unreadable), LIMIT, DENIED_CHAIN, DENIED_REVOKED, DENIED_WEAK,
 * LIMIT_MEMORY.
 */
enum pz_err pz_attest_check(const struct pz_attest *attest, const struct pz_trust *trust,
			    const char *zone, const char *relay, uint64_t wall_ms,
			    struct pz_peer *out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
