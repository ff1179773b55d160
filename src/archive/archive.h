/*
 * The archive that carries a zone to another hub, as bytes: a key made of a passphrase, and content
 * that is sealed in pieces. The content itself: archive/migration.h. No I/O; both ends of `pzh
 * export` and `import`, with a daemon and without one, share it.
 *
 *     head    40 bytes  "PZ-ZONE\n", version (2), 1 (argon2id), 0, passes (4), memory in bytes (8),
 *                       salt (16); numbers big-endian; it is authenticated with every piece
 *     stream  24 bytes  header of crypto_secretstream_xchacha20poly1305
 *     check   17 bytes  a piece without content: distinguishes a wrong passphrase from damage
 *     further on
 *     pieces            65536 bytes of content each, and 17; the last one may be shorter, and only
 *                       it carries the final tag
 *
 * docs/archive-format.md is the same for others.
 */
#ifndef PZ_ARCHIVE_ARCHIVE_H
#define PZ_ARCHIVE_ARCHIVE_H

#include "base/auto.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"

#define PZ_ARCHIVE_HEAD_BYTES 40
#define PZ_ARCHIVE_KEY_BYTES 32

/* ---- head and key ---- */

/** A head of this version with a fresh salt. */
void pz_archive_head_make(const struct pz_env *env, uint8_t out[PZ_ARCHIVE_HEAD_BYTES]);
/**
 * Checks whether an archive with this beginning can be opened here.
 * @param bytes the first bytes of the archive
 * Errors: PROTO (no archive, or cut short), CONFIG (of a newer version), LIMIT (it needs more time
 * or memory than PZ_ARCHIVE_PASSES_MAX and PZ_ARCHIVE_MEMORY_MAX allow); a line in info.
 */
enum pz_err pz_archive_head_check(struct pz_slice bytes, struct pz_errinfo *info) PZ_MUST_USE;
/**
 * The key of an archive: argon2id over the passphrase, with the head's salt and cost. Takes about a
 * third of a second and PZ_ARCHIVE_MEMORY bytes; not for the loop of a daemon.
 * @param head as checked
 * @param out secret; the caller wipes it; untouched on failure
 * Errors: as pz_archive_head_check, LIMIT_MEMORY.
 */
enum pz_err pz_archive_key(const uint8_t head[PZ_ARCHIVE_HEAD_BYTES], struct pz_slice passphrase,
			   uint8_t out[PZ_ARCHIVE_KEY_BYTES], struct pz_errinfo *info) PZ_MUST_USE;

/* ---- sealing ---- */

struct pz_archive_writer;

/** Begins: head, stream header and check piece go to `out`. @param out borrowed until the writer is
 * freed. Errors: LIMIT_QUEUE (out is full), LIMIT_MEMORY, those of pz_archive_head_check. */
enum pz_err
pz_archive_writer_new(const uint8_t head[PZ_ARCHIVE_HEAD_BYTES],
		      const uint8_t key[PZ_ARCHIVE_KEY_BYTES], struct pz_buf *out,
		      struct pz_archive_writer **out_writer, struct pz_errinfo *info) PZ_MUST_USE;
/** Adds content. Errors: LIMIT_QUEUE, LIMIT_MEMORY. */
enum pz_err pz_archive_write(struct pz_archive_writer *writer, struct pz_slice content) PZ_MUST_USE;
/** The last piece. Errors: as pz_archive_write. */
enum pz_err pz_archive_finish(struct pz_archive_writer *writer) PZ_MUST_USE;
/** Wipes the contents. NULL is fine. */
void pz_archive_writer_free(struct pz_archive_writer *writer);
PZ_AUTO_DEFINE(struct pz_archive_writer, pz_archive_writer_free)

/* ---- opening ---- */

struct pz_archive_reader;

/** Receives content whose authenticity was verified. @param content secret, borrowed. A failure
 * ends the reading with that error. */
typedef enum pz_err (*pz_archive_take)(void *arg, struct pz_slice content, struct pz_errinfo *info);

/** @param key wiped with the reader. NULL: out of memory. */
struct pz_archive_reader *
pz_archive_reader_new(const uint8_t key[PZ_ARCHIVE_KEY_BYTES], pz_archive_take take, void *arg);
/**
 * Takes the next bytes of the archive, any number.
 * Errors: those of pz_archive_head_check; CRYPTO (wrong passphrase, or damaged: both look the
 * same), PROTO (damaged or cut short behind a beginning that was right), LIMIT (longer than
 * PZ_ARCHIVE_BYTES_MAX), LIMIT_MEMORY, those of `take`. After one the reader refuses all.
 */
enum pz_err pz_archive_read(struct pz_archive_reader *reader, struct pz_slice bytes,
			    struct pz_errinfo *info) PZ_MUST_USE;
/** Ends the input. Errors: as pz_archive_read; PROTO when the end is missing. */
enum pz_err
pz_archive_read_end(struct pz_archive_reader *reader, struct pz_errinfo *info) PZ_MUST_USE;
/** Wipes the key and frees the reader. NULL is fine. */
void pz_archive_reader_free(struct pz_archive_reader *reader);
PZ_AUTO_DEFINE(struct pz_archive_reader, pz_archive_reader_free)

#endif
