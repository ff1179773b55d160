/* A file that is sent: read and hashed as work (base/work.h), one block after the other. */
#ifndef PZ_TRANSFER_SOURCE_H
#define PZ_TRANSFER_SOURCE_H

#include "base/slice.h"
#include "base/work.h"
#include "transfer/offer.h"

struct pz_source;

/** The end of an operation; never from inside. @param err IO: the file could not be read
 * @param bytes of a read, borrowed until the next operation; empty at the end of the file */
typedef void (*pz_source_done)(void *arg, enum pz_err err, struct pz_slice bytes);

/**
 * @param workers borrowed @param fd of a regular file, open for reading; borrowed, and duplicated
 * Errors: CONFIG (no regular file), IO, LIMIT_MEMORY.
 */
enum pz_err
pz_source_new(const struct pz_workers *workers, int fd, struct pz_source **out) PZ_MUST_USE;
/** Also while something is under way, whose end does not come then. NULL is fine. */
void pz_source_free(struct pz_source *source);

/** Bytes of the file, and ms since 1970 of its last change, as they were at first. */
uint64_t pz_source_size(const struct pz_source *source);
/** @copydoc pz_source_size */
int64_t pz_source_mtime_ms(const struct pz_source *source);
/** How far it was read. */
uint64_t pz_source_at(const struct pz_source *source);

/** Whether pz_source_hash is needed after reading; true at first. Before the first read. */
void pz_source_set_hashing(struct pz_source *source, bool on);
/**
 * What of the next bytes can be had without waiting for a disk, when they are not hashed.
 * @return at most `max` bytes, borrowed until the next operation; empty: pz_source_read gets them
 */
struct pz_slice pz_source_peek(struct pz_source *source, size_t max);
/** False while it can be that the next bytes can be had so: they need not be read ahead. */
bool pz_source_needs_thread(const struct pz_source *source);
/** Reads the next PZ_TRANSFER_BLOCK_BYTES, as far as the file went at first. */
void pz_source_read(struct pz_source *source, pz_source_done done, void *arg);
/** Reads up to a position and gives no bytes; begins at the start when it is further. */
void pz_source_skip(struct pz_source *source, uint64_t to, pz_source_done done, void *arg);
/** Checks that the file has not changed since it was opened. Ends with IO when it has, too. */
void pz_source_check(struct pz_source *source, pz_source_done done, void *arg);
/** SHA-256 of what was read, as hex; after reading without hashing it is that of what was skipped.
 */
void pz_source_hash(const struct pz_source *source, char out[PZ_TRANSFER_HASH_HEX_BYTES]);

#endif
