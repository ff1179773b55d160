/* The file of an archive: written so that it is there whole or not at all. The hub reads and writes
 * it by a descriptor that is opened here, with the rights of the person. */
#ifndef PZ_CLI_PZH_ARCHIVE_FILE_H
#define PZ_CLI_PZH_ARCHIVE_FILE_H

#include <stdbool.h>

#include "base/auto.h"
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
/** The descriptor of the temporary file, for the one that writes it; borrowed. */
int pz_cli_archive_descriptor(const struct pz_cli_archive_file *file);
/** Makes it durable and gives it its name. Errors: EXISTS, IO, IO_FULL. */
enum pz_err
pz_cli_archive_commit(struct pz_cli_archive_file *file, struct pz_errinfo *info) PZ_MUST_USE;
/** Removes it, unless it was committed. NULL is fine. */
void pz_cli_archive_free(struct pz_cli_archive_file *file);
PZ_AUTO_DEFINE(struct pz_cli_archive_file, pz_cli_archive_free)

/**
 * Opens an archive to be read. What is no regular file (a pipe, say) is read whole, into memory
 * that looks like one.
 * @param out_fd the caller's, close-on-exec
 * Errors: NOTFOUND, DENIED_PERMISSION, IO, LIMIT (longer than PZ_ARCHIVE_BYTES_MAX), LIMIT_MEMORY.
 */
enum pz_err pz_cli_archive_open(const char *path, int *out_fd, struct pz_errinfo *info) PZ_MUST_USE;
/** Reads from the beginning of the file. @param out_len less than size where the file is shorter.
 * Errors: IO. */
enum pz_err pz_cli_archive_begin(const char *path, int fd, void *out, size_t size, size_t *out_len,
				 struct pz_errinfo *info) PZ_MUST_USE;

#endif
