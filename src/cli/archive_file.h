/* The file of an archive: read whole, and written so that it is there whole or not at all. */
#ifndef PZ_CLI_ARCHIVE_FILE_H
#define PZ_CLI_ARCHIVE_FILE_H

#include <stdbool.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"

/** A file that is being written under another name. */
struct pz_cli_archive_file;

/**
 * Begins: a temporary file of mode 0600 beside `path`.
 * @param path borrowed; @param replace an existing file is replaced at the end
 * Errors: EXISTS (there is such a file already), IO, IO_FULL, LIMIT_MEMORY; with a line in info.
 */
enum pz_err pz_cli_archive_create(const char *path, bool replace, struct pz_cli_archive_file **out,
				  struct pz_errinfo *info) PZ_MUST_USE;
/** Appends. Errors: IO, IO_FULL. */
enum pz_err pz_cli_archive_append(struct pz_cli_archive_file *file, struct pz_slice bytes,
				  struct pz_errinfo *info) PZ_MUST_USE;
/** Makes it durable and gives it its name. Errors: EXISTS, IO, IO_FULL. */
enum pz_err
pz_cli_archive_commit(struct pz_cli_archive_file *file, struct pz_errinfo *info) PZ_MUST_USE;
/** Removes it, unless it was committed. NULL is fine. */
void pz_cli_archive_free(struct pz_cli_archive_file *file);
PZ_AUTO_DEFINE(struct pz_cli_archive_file, pz_cli_archive_free)

/** Reads a whole file. @param out empty. Errors: NOTFOUND, DENIED_PERMISSION, IO, LIMIT (longer
 * than the buffer's maximum), LIMIT_MEMORY. */
enum pz_err
pz_cli_archive_load(const char *path, struct pz_buf *out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
