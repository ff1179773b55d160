/* JSON that the hub's commands answer with (page 12). */
#ifndef PZ_PZH_RESULT_H
#define PZ_PZH_RESULT_H

#include <jansson.h>

struct pz_authority;
struct pz_member;

/** {zone, host, fingerprint}; NULL when memory is out. The fingerprint is the PZH CA's SHA-256. */
json_t *pzh_init_result(const struct pz_authority *authority);
/** One line of `pzh devices`. */
json_t *pzh_device_result(const struct pz_member *member);

#endif
