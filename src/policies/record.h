/*
 * A document as it is stored and sent: one line of JSON with its version, then the text as it is.
 *
 *     {"slot","sequence","time","author","sha256","sig"} LF document
 *
 * The owner's document of a zone is signed by the key of the zone's CA, so any node may pass it on.
 * What is signed is lv_cat("pz-policy/1", zone, slot, sequence, time, author, sha256), numbers in
 * decimal digits and the hash in hex.
 * @spec page 9, 13
 */
#ifndef PZ_POLICIES_RECORD_H
#define PZ_POLICIES_RECORD_H

#include "base/err.h"
#include "base/limits.h"
#include "policy/decide.h"
#include "x509/cert.h"
#include "x509/key.h"

/** Which document of a slot it is. */
struct pz_policy_version {
	enum pz_policy_slot slot;
	uint64_t sequence; /* from 1, higher with each change; 0: the default of the program */
	uint64_t time_ms;  /* of the change, since 1970, by the clock of the node that made it */
	char author[PZ_ADDRESS_BYTES_MAX + 1]; /* address of the device, or of the hub */
	uint8_t sha256[PZ_POLICY_SHA256_BYTES];
};

/** A record taken apart. Nothing of it is believed before pz_policy_record_check. */
struct pz_policy_record {
	struct pz_policy_version version;
	char sig[PZ_SIGNATURE_CHARS_MAX + 1]; /* "": not signed */
	struct pz_slice document;             /* borrowed from the text */
};

/**
 * Writes a record.
 * @param version sha256 is computed, not read
 * @param document at most PZ_POLICY_ZONE_BYTES_MAX; it is not validated
 * @param zone, ca_key who signs; NULL: it is not signed
 * @param out NUL-terminated text that the caller frees, without NULs before its end
 * Errors: CONFIG (the document contains a NUL, or the author is no text), LIMIT (size), CRYPTO,
 * LIMIT_MEMORY.
 */
enum pz_err pz_policy_record_make(const struct pz_policy_version *version, struct pz_slice document,
				  const char *zone, const struct pz_key *ca_key, char **out,
				  struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Takes one apart; nothing is verified.
 * @param out its document is borrowed from text; untouched on failure
 * Errors: PROTO_JSON, PROTO_MEMBER (a member is missing or wrong), LIMIT.
 */
enum pz_err pz_policy_record_parse(struct pz_slice text, struct pz_policy_record *out,
				   struct pz_errinfo *info) PZ_MUST_USE;
/**
 * True when the hash is that of the document, and the zone's CA has signed the record.
 * @param zone, ca NULL: the signature is not looked at
 * Errors: DENIED (hash), DENIED_CHAIN (not signed by this CA), LIMIT_MEMORY.
 */
enum pz_err pz_policy_record_check(const struct pz_policy_record *record, const char *zone,
				   const struct pz_cert *ca, struct pz_errinfo *info) PZ_MUST_USE;

#endif
