/*
 * The database file: created with the right mode, recognised as ours, checked and migrated to the
 * newest schema, before the store's thread uses it (sqlite.c). Errors of SQLite are converted here
 * to ours, with advice.
 */
#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite.h"

#define APPLICATION_ID 0x505a5354 /* "PZST": file(1) and this program recognise it */
#define BUSY_TIMEOUT_MS 5000      /* for other processes that read the file, such as sqlite3(1) */
#define STRING(x) #x
#define STRING_OF(x) STRING(x)

/* migrations[n] leads from user_version n to n + 1. Entries are never changed, only added. */
static const char *const migrations[] = {
	"PRAGMA application_id = " STRING_OF(
		APPLICATION_ID) ";"
				"CREATE TABLE item(space TEXT NOT NULL, key TEXT NOT NULL, value "
				"BLOB NOT NULL,"
				" PRIMARY KEY(space, key)) WITHOUT ROWID;",
};
#define VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

PZ_AUTO_DEFINE(struct sqlite3, sqlite3_close)

static bool
is_full(int system_errno)
{
	return system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
}

/**
 * The errno behind an I/O error. SQLite itself maps ENOSPC only (not EDQUOT, EFBIG), and what it
 * does between the failure and our query can overwrite sqlite3_system_errno, so the errno that
 * SQLite keeps for each file is read.
 */
static int
system_errno(struct sqlite3 *db)
{
	sqlite3_file *wal = NULL;
	int number = 0;

	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) == SQLITE_OK &&
	    wal != NULL && wal->pMethods != NULL)
		wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &number);
	if (number == 0)
		sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &number);
	return number != 0 ? number : sqlite3_system_errno(db);
}

static enum pz_err
fail_full(const char *path, struct pz_errinfo *info)
{
	return pz_fail(info, PZ_ERR_IO_FULL, "store %s: no space left; nothing was changed", path);
}

static enum pz_err
fail_damaged(const char *path, const char *what, struct pz_errinfo *info)
{
	return pz_fail(info, PZ_ERR_IO,
		       "store %s is damaged (%s): restore it from a backup, or move it, its -wal "
		       "file and the keys beside it away to start empty",
		       path, what);
}

enum pz_err
pz_sqlite_fail(struct sqlite3 *db, const char *path, struct pz_errinfo *info)
{
	int number, code = db != NULL ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
	const char *text = db != NULL ? sqlite3_errmsg(db) : "out of memory";

	if (code == SQLITE_IOERR_NOMEM)
		code = SQLITE_NOMEM;
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "store %s: out of memory", path);
	case SQLITE_TOOBIG:
		return pz_fail(info, PZ_ERR_LIMIT, "store %s: value too large", path);
	case SQLITE_FULL:
		return fail_full(path, info);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		/* SQLite reports some full disks and quotas as an I/O error; errno distinguishes
		 * them. */
		number = system_errno(db);
		if (is_full(number))
			return fail_full(path, info);
		return pz_fail(info, PZ_ERR_IO, "store %s: %s (%s)", path, text, strerror(number));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return pz_fail(info, PZ_ERR_IO_TIMEOUT,
			       "store %s is locked by another process: end that process", path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail_damaged(path, text, info);
	default:
		return pz_fail(info, PZ_ERR_IO, "store %s: %s", path, text);
	}
}

enum pz_err
pz_sqlite_exec(struct sqlite3 *db, const char *path, const char *sql, struct pz_errinfo *info)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return pz_sqlite_fail(db, path, info);
	return PZ_OK;
}

enum pz_err
pz_sqlite_prepare(struct sqlite3 *db, const char *path, const char *sql, struct sqlite3_stmt **out,
		  struct pz_errinfo *info)
{
	if (sqlite3_prepare_v2(db, sql, -1, out, NULL) != SQLITE_OK)
		return pz_sqlite_fail(db, path, info);
	return PZ_OK;
}

/** The integer that a statement returns. */
static enum pz_err
query_int(struct sqlite3 *db, const char *path, const char *sql, int *out, struct pz_errinfo *info)
{
	sqlite3_stmt *stmt;
	enum pz_err err = PZ_OK;

	PZ_TRY(pz_sqlite_prepare(db, path, sql, &stmt, info));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*out = sqlite3_column_int(stmt, 0);
	else
		err = pz_sqlite_fail(db, path, info);
	sqlite3_finalize(stmt);
	return err;
}

/** The file's name is durable only when its directory is. */
static enum pz_err
sync_directory_of(const char *path, struct pz_errinfo *info)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	int fd, failed;

	if (slash != NULL) {
		size_t len = slash == path ? 1 : (size_t)(slash - path);

		if (len >= sizeof(dir))
			return pz_fail(info, PZ_ERR_CONFIG, "store %s: path too long", path);
		memcpy(dir, path, len);
		dir[len] = '\0';
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return pz_fail(info, PZ_ERR_IO, "%s: %s", dir, strerror(errno));
	failed = fsync(fd) != 0 ? errno : 0;
	close(fd);
	if (failed != 0)
		return pz_fail(info, PZ_ERR_IO, "%s: %s", dir, strerror(failed));
	return PZ_OK;
}

/*
 * SQLite would create the file with the umask's permissions, so it is created here. An existing
 * file is only examined with stat(): closing a descriptor of an open database would drop SQLite's
 * own locks.
 */
static enum pz_err
make_or_check(const char *path, struct pz_errinfo *info)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return sync_directory_of(path, info);
	}
	if (is_full(errno))
		return fail_full(path, info);
	if (errno != EEXIST || stat(path, &st) != 0)
		return pz_fail(info, PZ_ERR_IO, "store %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return pz_fail(info, PZ_ERR_CONFIG, "store %s is not a regular file", path);
	if (st.st_uid != geteuid())
		return pz_fail(info, PZ_ERR_DENIED_PERMISSION,
			       "store %s belongs to uid %u, we run as uid %u: run as that user",
			       path, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 077) != 0)
		return pz_fail(info, PZ_ERR_DENIED_PERMISSION,
			       "others have access to the store (mode %04o): chmod 600 %s",
			       (unsigned)(st.st_mode & 07777), path);
	return PZ_OK;
}

static enum pz_err
connect_file(const char *path, struct sqlite3 **out, struct pz_errinfo *info)
{
	sqlite3 *db = NULL;
	enum pz_err err;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	/* NOMUTEX: each connection is used by one thread only. */
	if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
		err = pz_sqlite_fail(db, path, info);
		sqlite3_close(db);
		return err;
	}
	sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	/* The file may come from elsewhere (a restored backup): SQLite must not trust its schema or
	 * its cells. */
	err = pz_sqlite_exec(db, path, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
			     info);
	if (err != PZ_OK) {
		sqlite3_close(db);
		return err;
	}
	*out = db;
	return PZ_OK;
}

/** Checks whose file it is before anything in it is changed. */
static enum pz_err
check_identity(struct sqlite3 *db, const char *path, int *out_version, struct pz_errinfo *info)
{
	int id = 0, version = 0, tables = 0;

	PZ_TRY(query_int(db, path, "PRAGMA application_id", &id, info));
	PZ_TRY(query_int(db, path, "PRAGMA user_version", &version, info));
	PZ_TRY(query_int(db, path, "SELECT count(*) FROM sqlite_schema", &tables, info));
	if (id != APPLICATION_ID && (id != 0 || version != 0 || tables != 0))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "%s is a database of another program: choose another data directory",
			       path);
	if (version > VERSION)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "store %s has schema version %d, this program knows up to %d: "
			       "upgrade the program, or restore a backup from before",
			       path, version, VERSION);
	if (version < 0)
		return fail_damaged(path, "negative schema version", info);
	*out_version = version;
	return PZ_OK;
}

/* quick_check without indices: each start pays for it. A damaged page must be found here, not by a
 * revocation that cannot be applied. */
static enum pz_err
check_pages(struct sqlite3 *db, const char *path, struct pz_errinfo *info)
{
	sqlite3_stmt *stmt;
	enum pz_err err = PZ_OK;

	PZ_TRY(pz_sqlite_prepare(db, path, "PRAGMA quick_check(1)", &stmt, info));
	if (sqlite3_step(stmt) != SQLITE_ROW) {
		err = pz_sqlite_fail(db, path, info);
	} else {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		if (text == NULL)
			err = pz_sqlite_fail(NULL, path, info);
		else if (strcmp(text, "ok") != 0)
			err = fail_damaged(path, text, info);
	}
	sqlite3_finalize(stmt);
	return err;
}

/** Each step is one transaction together with its version: after a kill between steps the next
 * start continues there. */
static enum pz_err
migrate(struct sqlite3 *db, const char *path, int version, struct pz_errinfo *info)
{
	for (; version < VERSION; version++) {
		char set_version[48];

		sqlite3_snprintf(sizeof(set_version), set_version, "PRAGMA user_version = %d",
				 version + 1);
		/* After a failure closing the connection rolls back. */
		PZ_TRY(pz_sqlite_exec(db, path, "BEGIN IMMEDIATE", info));
		PZ_TRY(pz_sqlite_exec(db, path, migrations[version], info));
		PZ_TRY(pz_sqlite_exec(db, path, set_version, info));
		PZ_TRY(pz_sqlite_exec(db, path, "COMMIT", info));
	}
	return PZ_OK;
}

enum pz_err
pz_sqlite_open_writer(const char *path, struct sqlite3 **out, struct pz_errinfo *info)
{
	PZ_AUTO(sqlite3_close) struct sqlite3 *db = NULL;
	int version = 0;

	PZ_TRY(make_or_check(path, info));
	PZ_TRY(connect_file(path, &db, info));
	PZ_TRY(check_identity(db, path, &version, info));
	PZ_TRY(check_pages(db, path, info));
	/* secure_delete overwrites what is removed (secrets of a zone that the device has left). */
	PZ_TRY(pz_sqlite_exec(db, path,
			      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			      "PRAGMA journal_size_limit = 4194304; PRAGMA secure_delete = ON",
			      info));
	/* WAL survives a killed process, and synchronous=FULL also a power failure: "answered after
	 * the commit" depends on it. */
	PZ_TRY(migrate(db, path, version, info));
	*out = PZ_TAKE(db);
	return PZ_OK;
}

enum pz_err
pz_sqlite_open_reader(const char *path, struct sqlite3 **out, struct pz_errinfo *info)
{
	PZ_AUTO(sqlite3_close) struct sqlite3 *db = NULL;

	PZ_TRY(connect_file(path, &db, info));
	/* A second connection, for another thread; it can never write. */
	PZ_TRY(pz_sqlite_exec(db, path, "PRAGMA query_only = ON", info));
	*out = PZ_TAKE(db);
	return PZ_OK;
}

/* True when nothing was ever written to the file. SQLite is not asked about a file of no bytes: it
 * would remove the log beside it, which may have all the data. */
static bool
has_not_begun(const char *path)
{
	PZ_AUTO(sqlite3_close) struct sqlite3 *db = NULL;
	int version = 0;
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOENT;
	if (!S_ISREG(st.st_mode))
		return false;
	if (st.st_size == 0)
		return true;
	return connect_file(path, &db, NULL) == PZ_OK &&
	       query_int(db, path, "PRAGMA user_version", &version, NULL) == PZ_OK && version == 0;
}

enum pz_err
pz_store_check_not_lost(const char *path, const char *keys, struct pz_errinfo *info)
{
	if (!has_not_begun(path))
		return PZ_OK;
	return pz_fail(info, PZ_ERR_NOTFOUND,
		       "store %s is missing or empty, but there are keys in %s: put it back from a "
		       "backup, with its -wal file, or move the keys away to start empty",
		       path, keys);
}
