/* JSON that the hub's commands answer with (page 12). */
#ifndef PZ_PZH_RESULT_H
#define PZ_PZH_RESULT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct pz_authority;
struct pz_member;

/** {zone, host, fingerprint}; NULL when memory is out. The fingerprint is the PZH CA's SHA-256. */
json_t *pz_pzh_init_result(const struct pz_authority *authority);
/** One line of `pzh devices`. */
json_t *pz_pzh_device_result(const struct pz_member *member);
/** `{host, port}` that the zone is moving to. */
json_t *pz_pzh_move_result(const struct pz_authority *authority);
/** Of `move`: where the zone is, or is going to be. */
json_t *pz_pzh_stay_result(const struct pz_authority *authority);
/** Of `export`: the zone, how many devices, and the archive's bytes. */
json_t *pz_pzh_export_result(const struct pz_authority *authority, size_t bytes);
/** Of `import`: the zone as it is at its new hub. */
json_t *pz_pzh_import_result(const struct pz_authority *authority, uint16_t port);

/** For `pzh devices --all`: the same with `revoked` (s, null: is not) and `reason`, and before it
 * those who had its name earlier. */
void pz_pzh_add_all_results(json_t *list, const struct pz_member *member);

#endif
