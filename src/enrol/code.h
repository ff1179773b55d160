/* The enrolment code: issued by the hub, typed once on the device, in memory only, never logged. */
#ifndef PZ_ENROL_CODE_H
#define PZ_ENROL_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/limits.h"
#include "enrol/link.h"

/** Attempts that came from one address. */
struct pz_code_source {
	char from[64]; /* an IPv4 address, or an IPv6 /64 */
	unsigned attempts;
	uint64_t wait_us; /* until when no other attempt is taken */
};

/** A code. A zeroed one is valid: no code. A code that is not live holds no digits. */
struct pz_code {
	char digits[PZ_CODE_DIGITS + 1];
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* "": any name */
	uint64_t expires_us;                  /* monotonic; 0: never issued, or cancelled */
	uint64_t
		issue; /* random, distinguishes this issue from an earlier one of the same digits */
	unsigned attempts; /* spent so far, from all addresses */
	struct pz_code_source sources[PZ_CODE_TRIES_MAX];
	size_t source_count;
	bool live;    /* use pz_code_is_live, which also looks at the clock */
	bool claimed; /* a device has proved it and is being stored; no other device may use it */
};

enum pz_code_result {
	PZ_CODE_OK,       /* continue with the exchange; one attempt is spent */
	PZ_CODE_EXPIRED,  /* its time is over */
	PZ_CODE_ATTEMPTS, /* all attempts are used up: the code is no longer valid */
	PZ_CODE_WAIT,     /* this address has tried too often and has to wait; nothing is spent */
	PZ_CODE_NONE, /* none issued, cancelled, used, or another device is being stored with it */
	PZ_CODE_DEVICE, /* live, but for another device name; one attempt is spent */
};

/**
 * Issues a new code; the old one is gone. The digits are uniform (no modulo bias).
 * @param device only a device of this name may use it; NULL or "": any. Longer than
 * PZ_DEVICE_BYTES_MAX never matches any device, so check names before.
 * @param ttl_s seconds; over PZ_CODE_TTL_MAX_S (or 0) counts as PZ_CODE_TTL_MAX_S
 * @spec page 3 "The code", page 14 ENR-2 ENR-5
 */
void
pz_code_issue(struct pz_code *code, const struct pz_env *env, const char *device, unsigned ttl_s);

/** Wipes it: after success, or because the owner cancels it. Back to "no code". */
void pz_code_cancel(struct pz_code *code);

/** True while the code can be used: the hub accepts enrolment connections only then (ENR-1). */
bool pz_code_is_live(const struct pz_code *code, const struct pz_env *env);

/**
 * Spends one attempt, before step 2 is answered. The attempt after PZ_CODE_TRIES_MAX wipes the
 * digits, and so does the first attempt after the code has expired. After PZ_CODE_ATTEMPTS_MAX
 * attempts an address has to wait, so a stranger cannot use up the owner's attempts.
 * @param device the name that the device claims
 * @param from where it comes from, an address or network as text
 * @spec page 3 "Every step 2 costs one attempt", page 14 ENR-3
 */
enum pz_code_result pz_code_spend(struct pz_code *code, const struct pz_env *env,
				  const char *device, const char *from) PZ_MUST_USE;

/** "1234-5678" and NUL; "" when there are no digits. */
void pz_code_format(const struct pz_code *code, char out[PZ_CODE_DIGITS + 2]);

/**
 * Reads a code as people type it: "1234-5678", "12345678", "1234 5678"; spaces anywhere.
 * @param out the bare digits and NUL, untouched on failure
 * Errors: CONFIG (not exactly PZ_CODE_DIGITS digits, or something else in between).
 */
enum pz_err pz_code_parse(const char *text, char out[PZ_CODE_DIGITS + 1]) PZ_MUST_USE;

#endif
