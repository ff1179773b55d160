/* For the tests of pz_verify_chain: three zones, and one call that checks what every answer has.
 * The zone of alice has a hub and a laptop; bob is a friend with a device of the same name; mallory
 * is a stranger. */
#ifndef PZ_X509_FIXTURE_ZONES_H
#define PZ_X509_FIXTURE_ZONES_H

#include "x509/fixture.h"

#include <openssl/err.h>

#include "x509/verify.h"

#define BOB "bob@example.net"
#define CA_EXT "critical,CA:TRUE,pathlen:0"
#define LEAF_EXT "critical,CA:FALSE"
#define TLS_USE "critical,digitalSignature"
#define TLS_EKU "serverAuth,clientAuth"
#define LAPTOP "URI:pz:" ZONE "/laptop"

extern struct pz_kit_zone alice, bob, mallory;

int setup(void **state);

int teardown(void **state);

/* Result of one verification. */
struct result {
	enum pz_err err;
	struct pz_peer peer;
	int x509_error;
	struct pz_errinfo info;
};

struct result
verify_at(const struct pz_trust *trust, const struct pz_cert *leaf,
	  const struct pz_cert *const *chain, const struct pz_expect *expect, uint64_t wall_ms);

#define CHAIN(...) ((const struct pz_cert *const[]){__VA_ARGS__, NULL})

struct result verify(const struct pz_trust *trust, const struct pz_cert *leaf,
		     const struct pz_cert *const *chain);

/* A set with alice's CA (and bob's, when he is a friend). */
struct pz_trust *trust_new(bool friend, const struct pz_crl *crl);

/* A leaf or CA that is wrong in one way, presented under alice's anchor. device_ca NULL: hers. */
void assert_leaf(const struct fix_raw *raw, const struct pz_cert *device_ca, enum pz_err expected,
		 const char *word);

void assert_device_ca(const struct fix_raw *ca_raw, enum pz_err expected, const char *word);

#endif
