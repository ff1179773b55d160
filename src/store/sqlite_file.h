/* Inside of src/store: opening, checking and migrating the SQLite file; its errors. */
#ifndef PZ_STORE_SQLITE_FILE_H
#define PZ_STORE_SQLITE_FILE_H

#include "base/auto.h"
#include "base/err.h"

struct sqlite3;
struct sqlite3_stmt;

/**
 * Opens the file for writing, made when missing; checks it and brings the schema up to date.
 * @param out the caller closes it; untouched on failure
 * Errors: as pz_store_open_sqlite.
 */
enum pz_err
pz_sqlite_open_writer(const char *path, struct sqlite3 **out, struct pz_errinfo *info) PZ_MUST_USE;
/** Opens a second connection that cannot write, after the first. Errors: IO, LIMIT_MEMORY. */
enum pz_err
pz_sqlite_open_reader(const char *path, struct sqlite3 **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * The connection's last error as ours, with a detail that names the file and says what to do. Must
 * be called before another statement runs.
 * @param db NULL: out of memory
 */
enum pz_err pz_sqlite_fail(struct sqlite3 *db, const char *path, struct pz_errinfo *info);
/** Runs statements whose rows are not needed. Errors: as pz_sqlite_fail. */
enum pz_err pz_sqlite_exec(struct sqlite3 *db, const char *path, const char *sql,
			   struct pz_errinfo *info) PZ_MUST_USE;
/** Compiles one statement. Errors: as pz_sqlite_fail. */
enum pz_err pz_sqlite_prepare(struct sqlite3 *db, const char *path, const char *sql,
			      struct sqlite3_stmt **out, struct pz_errinfo *info) PZ_MUST_USE;

#endif
