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

/** For `pzh devices --all`: the same with `revoked` (s, null: is not) and `reason`, and before it
 * those who had its name earlier. */
void pzh_add_all_results(json_t *list, const struct pz_member *member);

#endif
