/* A copy of what is announced. */
#ifndef PZ_MDNS_SERVICE_H
#define PZ_MDNS_SERVICE_H

#include "base/env.h"
#include "mdns/mdns.h"

/** Bytes of a name that we make: 96 random bits as hex, and NUL. */
#define PZ_MDNS_RANDOM_NAME_BYTES 25

/** Errors: CONFIG (see struct pz_mdns_service for what is wanted). @param info may be NULL */
enum pz_err
pz_mdns_service_check(const struct pz_mdns_service *service, struct pz_errinfo *info) PZ_MUST_USE;

/** Deep copy in one allocation, freed with free(); NULL when memory is out. */
struct pz_mdns_service *pz_mdns_service_copy(const struct pz_mdns_service *service);

/** True when both have the same TXT strings in the same order. */
bool pz_mdns_service_txt_eq(const struct pz_mdns_service *a, const struct pz_mdns_service *b);

/** A random name: unique, and without information about the device. */
void pz_mdns_random_name(const struct pz_env *env, char out[PZ_MDNS_RANDOM_NAME_BYTES]);

#endif
