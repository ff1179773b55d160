/* What is announced: a copy of it, and the marks of its records. */
#ifndef PZ_MDNS_SERVICE_H
#define PZ_MDNS_SERVICE_H

#include "base/env.h"
#include "mdns/backend.h"
#include "mdns/packet.h"

/** Bytes of a name that we make: 96 random bits as hex, and NUL. */
#define PZ_MDNS_RANDOM_NAME_BYTES 25
/** Records of a service that no other host may have: SRV and TXT. */
#define PZ_MDNS_MARKS_MAX 2

/** Errors: CONFIG (see struct pz_mdns_service for what is wanted). @param info may be NULL */
enum pz_err
pz_mdns_service_check(const struct pz_mdns_service *service, struct pz_errinfo *info) PZ_MUST_USE;

/** Deep copy in one allocation, freed with free(); NULL when memory is out. */
struct pz_mdns_service *pz_mdns_service_copy(const struct pz_mdns_service *service);

/** True when both have the same TXT strings in the same order. */
bool pz_mdns_service_txt_eq(const struct pz_mdns_service *a, const struct pz_mdns_service *b);

/** Of the SRV and the TXT record as Avahi sends them. @param service as checked above
 * @return how many */
size_t pz_mdns_service_marks(const struct pz_mdns_service *service,
			     struct pz_mdns_mark out[PZ_MDNS_MARKS_MAX]);

/** Of the A or AAAA record of a host. @param host one label, without .local */
void pz_mdns_address_mark(const char *host, const struct pz_mdns_local *address,
			  struct pz_mdns_mark *out);

/** A random name: unique, and without information about the device. */
void pz_mdns_random_name(const struct pz_env *env, char out[PZ_MDNS_RANDOM_NAME_BYTES]);

#endif
