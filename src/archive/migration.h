/*
 * What an archive of a zone says, and what of it is believed: the zone as its hub keeps it, without
 * the hub's own TLS key, and without any key of a device (the hub has none). The bytes around it:
 * archive/archive.h. docs/archive-format.md describes both.
 *
 * Content is JSON, one object a line: the zone with its CA; its revocation list and the newest
 * notice of its address; then each record of the spaces that belong to the zone alone; last how
 * many records there were. A new space of that kind is one row in the table of migration.c.
 *
 * @spec page 12 "pzh export", "pzh import", page 14 WIP-7, WIP-8, KEY-3, DAT-6, HST-5
 */
#ifndef PZ_ARCHIVE_MIGRATION_H
#define PZ_ARCHIVE_MIGRATION_H

#include "archive/archive.h"
#include "zone/authority.h"

/* ---- export ---- */

/**
 * Writes a zone as an archive, from memory and from the store; no change of the zone may be
 * running. Reads the store synchronously.
 * @param port on which devices reach the hub; 0: not known
 * @param out empty, its maximum at least PZ_ARCHIVE_BYTES_MAX
 * Errors: CONFIG (the CA's key is in a token), LIMIT (too large), CRYPTO, IO_*, PROTO (a record in
 * the store), LIMIT_MEMORY; with a line in info.
 */
enum pz_err pz_migration_write(const struct pz_authority *authority, struct pz_store *store,
			       uint16_t port, const uint8_t head[PZ_ARCHIVE_HEAD_BYTES],
			       const uint8_t key[PZ_ARCHIVE_KEY_BYTES], struct pz_buf *out,
			       struct pz_errinfo *info) PZ_MUST_USE;

/** The spaces that belong to one zone alone, "NAME:" zone in the store. NULL: there are no more. */
const char *pz_migration_space(size_t i);

/* ---- import ---- */

/** A zone that is being read. */
struct pz_migration;

/** @param env borrowed by it, and by the authority that it creates. NULL: out of memory. */
struct pz_migration *
pz_migration_new(const uint8_t key[PZ_ARCHIVE_KEY_BYTES], const struct pz_env *env);
/** NULL is fine. Secrets are wiped. */
void pz_migration_free(struct pz_migration *migration);
PZ_AUTO_DEFINE(struct pz_migration, pz_migration_free)

/**
 * Takes the next bytes of an archive; their content is checked like input from a network.
 * Errors: those of pz_archive_read; PROTO (content that is not understood or contradicts itself),
 * CONFIG (of a newer version), LIMIT, DENIED_* (certificates, list or notice).
 */
enum pz_err pz_migration_read(struct pz_migration *migration, struct pz_slice bytes,
			      struct pz_errinfo *info) PZ_MUST_USE;
/** Ends the input, which was valid. @param out_zone its name, borrowed. Errors: as
 * pz_migration_read. */
enum pz_err pz_migration_end(struct pz_migration *migration, const char **out_zone,
			     struct pz_errinfo *info) PZ_MUST_USE;

/**
 * After pz_migration_end: the zone at its new hub. A new PZH TLS key and certificate, a list with a
 * crlNumber higher than any that the former hub will have reached, and, where the address is
 * another one than devices know, a notice of it.
 * @param host by which devices reach the new hub; NULL: as the archive says
 * @param port likewise, not 0
 * @param out_txn the caller's; when it is durable the zone exists. Its keys are in the key store
 * before; when it fails they are left to a sweep.
 * Errors: CONFIG (host, or none is known), DENIED_EXPIRED (the CA is), CRYPTO, IO_*, LIMIT_MEMORY.
 */
enum pz_err pz_migration_settle(struct pz_migration *migration, const char *host, uint16_t port,
				struct pz_keystore *keys, struct pz_txn **out_txn,
				struct pz_authority **out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
