/* For the tests of this module: a fixed environment, and certificates that pz_cert_issue would
 * never make. */
#ifndef PZ_X509_FIXTURE_H
#define PZ_X509_FIXTURE_H

#include "kit/test.h"

#include "kit/clock.h"
#include "kit/zone.h"
#include "x509/encode.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define NOW_MS PZ_KIT_WALL_MS
#define FIX_DAY_MS PZ_KIT_DAY_MS
#define fix_env fix_clock.env

extern struct pz_kit_clock fix_clock;

struct pz_key *fix_key(void);

/* Keys of kinds that pz_key_generate refuses to make. */
struct pz_key *fix_key_wrap(EVP_PKEY *pkey);

/* A certificate of the profile, valid now. */
struct pz_cert *
fix_issue(enum pz_cert_kind kind, const char *zone, const char *device, const struct pz_key *key,
	  const struct pz_cert *issuer, const struct pz_key *issuer_key);

/* Any certificate at all; extension texts as in openssl.cnf, NULL: not there. */
struct fix_raw {
	const char *cn, *san, *san2, *constraints, *usage, *ext_usage;
	const char *digest;   /* NULL: SHA256 */
	int from_day, to_day; /* relative to now; both 0: valid now */
	bool no_serial;       /* negative serial number */
};

/* issuer NULL: self-signed. */
X509 *fix_raw_x509(const struct fix_raw *raw, const struct pz_key *key,
		   const struct pz_cert *issuer, const struct pz_key *issuer_key);

struct pz_cert *fix_raw(const struct fix_raw *raw, const struct pz_key *key,
			const struct pz_cert *issuer, const struct pz_key *issuer_key);

#endif
