/*
 * Two connections: the store's thread writes through one, the owner reads through the other (WAL
 * lets them not wait for each other). The owner appends transactions to `queue`; the thread takes
 * the whole queue, applies it as one SQLite transaction (one fsync), and hands it to `finished`;
 * pz_store_poll moves that to base.ended and runs the call-backs. The mutex guards queue, finished,
 * is_busy and is_stopping; a transaction in a batch belongs to the thread alone.
 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/backend.h"
#include "store/sqlite_file.h"

struct sqlite_store {
	struct pz_store base;
	char *path;
	int file_fd; /* refers to the file, whatever its name becomes */
	sqlite3 *writer, *reader;
	sqlite3_stmt *change[PZ_CHANGE_REMOVE_SPACE + 1]; /* by pz_change_kind, on writer */
	void (*wake)(void *arg);
	void *wake_arg;

	pthread_t thread;
	bool has_thread;
	pthread_mutex_t mutex;
	pthread_cond_t work; /* queue or is_stopping has changed */
	pthread_cond_t idle; /* a batch has ended */
	struct pz_list queue, finished;
	bool is_busy, is_stopping;
};

static const char *const change_sql[] = {
	[PZ_CHANGE_PUT] = "INSERT OR REPLACE INTO item(space, key, value) VALUES(?1, ?2, ?3)",
	[PZ_CHANGE_REMOVE] = "DELETE FROM item WHERE space = ?1 AND key = ?2",
	[PZ_CHANGE_REMOVE_SPACE] = "DELETE FROM item WHERE space = ?1",
};

/* ---- the store's thread ---- */

/* SQLITE_STATIC: the change outlives the statement's step. */
static enum pz_err
bind(struct sqlite_store *store, sqlite3_stmt *stmt, const struct pz_change *change,
     struct pz_errinfo *info)
{
	/* Bound as parameters, never as text of the statement: keys come from other devices. */
	int rc = sqlite3_bind_text(stmt, 1, change->space, -1, SQLITE_STATIC);

	if (rc == SQLITE_OK && change->kind != PZ_CHANGE_REMOVE_SPACE)
		rc = sqlite3_bind_text(stmt, 2, change->key, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && change->kind == PZ_CHANGE_PUT)
		rc = sqlite3_bind_blob64(stmt, 3, change->value.ptr, change->value.len,
					 SQLITE_STATIC);
	return rc == SQLITE_OK ? PZ_OK : pz_sqlite_fail(store->writer, store->path, info);
}

static enum pz_err
apply_txn(struct sqlite_store *store, const struct pz_txn *txn, struct pz_errinfo *info)
{
	PZ_LIST_EACH (&txn->changes, node, next) {
		const struct pz_change *change = PZ_CONTAINER(node, struct pz_change, node);
		sqlite3_stmt *stmt = store->change[change->kind];
		enum pz_err err = bind(store, stmt, change, info);

		if (err == PZ_OK && sqlite3_step(stmt) != SQLITE_DONE)
			err = pz_sqlite_fail(store->writer, store->path, info);
		/* Also after an error, since the statement would keep the transaction open. */
		sqlite3_reset(stmt);
		sqlite3_clear_bindings(stmt);
		PZ_TRY(err);
	}
	return PZ_OK;
}

/* SQLite writes on into a file that has no name any more, and all of it ends with the process. A
 * file that was only moved keeps what is written. */
static enum pz_err
check_not_deleted(const struct sqlite_store *store, struct pz_errinfo *info)
{
	struct stat st;

	if (fstat(store->file_fd, &st) != 0 || st.st_nlink > 0)
		return PZ_OK;
	return pz_fail(info, PZ_ERR_IO,
		       "store %s was deleted while it is in use: stop this program, put the file "
		       "back from a backup, and start it again",
		       store->path);
}

/** Applies the transactions from `first` up to `end` as one. @param out_began false: not even begun
 */
static enum pz_err
apply_range(struct sqlite_store *store, const struct pz_list *first, const struct pz_list *end,
	    bool *out_began, struct pz_errinfo *info)
{
	/* Takes the lock at once, so that another process that reads cannot make the commit fail at
	 * its end. */
	enum pz_err err = check_not_deleted(store, info);

	if (err == PZ_OK)
		err = pz_sqlite_exec(store->writer, store->path, "BEGIN IMMEDIATE", info);
	*out_began = err == PZ_OK;
	for (const struct pz_list *node = first; err == PZ_OK && node != end; node = node->next)
		err = apply_txn(store, PZ_CONTAINER(node, struct pz_txn, node), info);
	if (err == PZ_OK)
		err = pz_sqlite_exec(store->writer, store->path, "COMMIT", info);
	/* Some errors have rolled back already; a failed second ROLLBACK has no meaning. */
	if (err != PZ_OK && sqlite3_get_autocommit(store->writer) == 0)
		sqlite3_exec(store->writer, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/** Ends all transactions of the batch together; if that fails, each alone, so that one that cannot
 * be applied does not fail the others. */
static void
run_batch(struct sqlite_store *store, struct pz_list *batch)
{
	struct pz_errinfo info = {{0}};
	bool began, is_single = batch->next->next == batch;
	enum pz_err err = apply_range(store, batch->next, batch, &began, &info);

	if (err == PZ_OK)
		return;
	PZ_LIST_EACH (batch, node, next) {
		struct pz_txn *txn = PZ_CONTAINER(node, struct pz_txn, node);

		/* Nothing was begun, or the batch has one transaction only: a second attempt would
		 * fail the same way. */
		if (is_single || !began) {
			txn->err = err;
			txn->info = info;
		} else {
			bool ignored;

			txn->err = apply_range(store, node, next, &ignored, &txn->info);
		}
	}
}

/** Removed data is overwritten in the file (secure_delete), but the log still has it. */
static void
scrub(struct sqlite_store *store, const struct pz_list *batch)
{
	bool is_wanted = false;

	for (const struct pz_list *node = batch->next; node != batch; node = node->next) {
		const struct pz_txn *txn = PZ_CONTAINER(node, const struct pz_txn, node);
		is_wanted |= txn->is_scrubbing && txn->err == PZ_OK;
	}
	if (is_wanted)
		sqlite3_wal_checkpoint_v2(store->writer, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
					  NULL);
}

/* Takes everything that waits as one batch: a slow disk makes larger batches, not a longer queue.
 */
static void *
run_thread(void *arg)
{
	struct sqlite_store *store = arg;

	pthread_mutex_lock(&store->mutex);
	for (;;) {
		struct pz_list batch;

		while (pz_list_is_empty(&store->queue) && !store->is_stopping)
			pthread_cond_wait(&store->work, &store->mutex);
		if (pz_list_is_empty(&store->queue))
			break;
		pz_list_init(&batch);
		/* From here on only the thread uses the list; the owner appends to an empty queue.
		 */
		pz_txn_move_all(&store->queue, &batch);
		store->is_busy = true;
		pthread_mutex_unlock(&store->mutex);

		run_batch(store, &batch);
		scrub(store, &batch);

		pthread_mutex_lock(&store->mutex);
		pz_txn_move_all(&batch, &store->finished);
		store->is_busy = false;
		pthread_cond_signal(&store->idle);
		pthread_mutex_unlock(&store->mutex);
		/* Without the mutex, since the owner may want it at once. */
		if (store->wake != NULL)
			store->wake(store->wake_arg);
		pthread_mutex_lock(&store->mutex);
	}
	pthread_mutex_unlock(&store->mutex);
	return NULL;
}

/* ---- the owner's thread ---- */

static void
sqlite_commit(struct pz_store *base, struct pz_txn *takes_txn)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	pthread_mutex_lock(&store->mutex);
	pz_list_append(&store->queue, &takes_txn->node);
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->mutex);
}

static void
sqlite_poll(struct pz_store *base)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	pthread_mutex_lock(&store->mutex);
	pz_txn_move_all(&store->finished, &base->ended);
	pthread_mutex_unlock(&store->mutex);
	pz_store_run_ended(base);
}

/* The queue is empty and nothing is being written. */
static void
wait_until_idle(struct sqlite_store *store)
{
	pthread_mutex_lock(&store->mutex);
	while (store->is_busy || !pz_list_is_empty(&store->queue))
		pthread_cond_wait(&store->idle, &store->mutex);
	pthread_mutex_unlock(&store->mutex);
}

/* An error of `each` ends the reading. */
static enum pz_err
read_rows(struct sqlite_store *store, sqlite3_stmt *stmt, pz_store_each each, void *arg,
	  struct pz_errinfo *info)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(stmt, 0);
		const void *value = sqlite3_column_blob(stmt, 1);
		size_t len = (size_t)sqlite3_column_bytes(stmt, 1);

		/* SQLite could not convert it: out of memory. */
		if (key == NULL)
			return pz_sqlite_fail(NULL, store->path, info);
		PZ_TRY(each(arg, key, pz_slice_of(value, len)));
	}
	return rc == SQLITE_DONE ? PZ_OK : pz_sqlite_fail(store->reader, store->path, info);
}

static enum pz_err
sqlite_load(struct pz_store *base, const char *space, pz_store_each each, void *arg,
	    struct pz_errinfo *info)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	sqlite3_stmt *stmt;
	enum pz_err err;

	/* The reader has its own connection, and sees only what is committed. */
	wait_until_idle(store);
	PZ_TRY(pz_sqlite_prepare(store->reader, store->path,
				 "SELECT key, value FROM item WHERE space = ?1 ORDER BY key", &stmt,
				 info));
	if (sqlite3_bind_text(stmt, 1, space, -1, SQLITE_STATIC) != SQLITE_OK)
		err = pz_sqlite_fail(store->reader, store->path, info);
	else
		err = read_rows(store, stmt, each, arg, info);
	sqlite3_finalize(stmt);
	return err;
}

static void
sqlite_free(struct pz_store *base)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	if (store->has_thread) {
		pthread_mutex_lock(&store->mutex);
		store->is_stopping = true;
		pthread_cond_signal(&store->work);
		pthread_mutex_unlock(&store->mutex);
		pthread_join(store->thread, NULL); /* it ends with an empty queue */
	}
	pz_txn_free_all(&store->queue);
	pz_txn_free_all(&store->finished);
	pz_txn_free_all(&base->ended);
	for (size_t i = 0; i <= PZ_CHANGE_REMOVE_SPACE; i++)
		sqlite3_finalize(store->change[i]);
	/* The writer last: the last connection to close moves the WAL into the file. */
	sqlite3_close(store->reader);
	sqlite3_close(store->writer);
	if (store->file_fd >= 0)
		close(store->file_fd);
	pthread_cond_destroy(&store->idle);
	pthread_cond_destroy(&store->work);
	pthread_mutex_destroy(&store->mutex);
	free(store->path);
	free(store);
}

static const struct pz_store_ops sqlite_ops = {
	.commit = sqlite_commit,
	.load = sqlite_load,
	.poll = sqlite_poll,
	.free = sqlite_free,
};

/** Signals belong to the owner: the thread starts with all of them blocked. */
static enum pz_err
start_thread(struct sqlite_store *store, struct pz_errinfo *info)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&store->thread, NULL, run_thread, store);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "store: no thread: %s", strerror(rc));
	store->has_thread = true;
	return PZ_OK;
}

/* The writer first: it creates the file and its schema. */
static enum pz_err
open_file(struct sqlite_store *store, struct pz_errinfo *info)
{
	PZ_TRY(pz_sqlite_open_writer(store->path, &store->writer, info));
	/* O_PATH: to close any other descriptor of the file would drop SQLite's locks. */
	store->file_fd = open(store->path, O_PATH | O_CLOEXEC);
	if (store->file_fd < 0)
		return pz_fail(info, PZ_ERR_IO, "store %s: %s", store->path, strerror(errno));
	PZ_TRY(pz_sqlite_open_reader(store->path, &store->reader, info));
	for (size_t i = 0; i <= PZ_CHANGE_REMOVE_SPACE; i++)
		PZ_TRY(pz_sqlite_prepare(store->writer, store->path, change_sql[i],
					 &store->change[i], info));
	return PZ_OK;
}

enum pz_err
pz_store_open_sqlite(const char *path, void (*wake)(void *arg), void *wake_arg,
		     struct pz_store **out, struct pz_errinfo *info)
{
	PZ_AUTO(pz_store_free) struct pz_store *base = NULL;
	struct sqlite_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "store %s: out of memory", path);
	base = &store->base;
	store->file_fd = -1;
	pz_store_init(base, &sqlite_ops);
	pz_list_init(&store->queue);
	pz_list_init(&store->finished);
	/* These three cannot fail on Linux with default attributes. */
	pthread_mutex_init(&store->mutex, NULL);
	pthread_cond_init(&store->work, NULL);
	pthread_cond_init(&store->idle, NULL);
	store->wake = wake;
	store->wake_arg = wake_arg;
	store->path = strdup(path);
	if (store->path == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "store %s: out of memory", path);
	PZ_TRY(open_file(store, info));
	PZ_TRY(start_thread(store, info));
	*out = PZ_TAKE(base);
	return PZ_OK;
}
