/* What `pzh` can do without a daemon, in a data directory that none uses. */
#ifndef PZ_PZH_OFFLINE_H
#define PZ_PZH_OFFLINE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "zone/notice.h"

/**
 * Makes a zone.
 * @param name may be NULL
 * @param out_result object of `pzh init`, the caller's
 * Errors: EXISTS (a daemon runs on the directory, or the zone exists), those of pz_authority_create
 * and the store.
 */
enum pz_err
pz_pzh_init_offline(const char *data_dir, const char *zone, const char *host, const char *name,
		    json_t **out_result, struct pz_errinfo *info) PZ_MUST_USE;

/** What happens to a zone's address before an export. All zero: nothing. */
struct pz_pzh_move {
	struct pz_hub_address at; /* the hub that it moves to; port 0: none */
	bool stay;                /* ends a move that was begun */
};

/**
 * Exports a zone.
 * @param zone may be NULL where there is one
 * @param port where devices are to stay with this hub; 0: not known
 * @param head, key of the archive (zone/archive.h)
 * @param out as for pz_migration_write; NULL: no archive is wanted, and head and key are not used
 * @param out_result object of `pzh export`, the caller's
 * Errors: EXISTS (a daemon runs), NOTFOUND, CONFIG, those of pz_authority_announce,
 * pz_migration_write and the store.
 */
enum pz_err
pz_pzh_export_offline(const char *data_dir, const char *zone, const struct pz_pzh_move *to,
		      uint16_t port, const uint8_t *head, const uint8_t *key, struct pz_buf *out,
		      json_t **out_result, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Removes a zone and its keys. @param out_result object of `pzh remove`, the caller's
 * Errors: EXISTS (a daemon runs), NOTFOUND, IO, those of the store.
 */
enum pz_err pz_pzh_remove_offline(const char *data_dir, const char *zone, json_t **out_result,
				  struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Imports a zone from a whole archive.
 * @param host may be NULL: as the archive says; @param port not 0
 * @param out_result object of `pzh import`, the caller's
 * Errors: EXISTS (a daemon runs, or the zone exists), CONFIG, those of pz_migration_read, _end and
 * _settle, and the store's. Nothing of the zone is left then.
 */
enum pz_err pz_pzh_import_offline(const char *data_dir, struct pz_slice archive, const uint8_t *key,
				  const char *host, uint16_t port, json_t **out_result,
				  struct pz_errinfo *info) PZ_MUST_USE;

#endif
