/*
 * What both implementations of the store share: transactions as lists of changes, and the queue of
 * ended commits.
 *
 * Space, key and value of a change are one allocation, which is wiped before it is freed: values
 * may be secret. Call-backs run only from pz_store_run_ended, so never from inside the call that
 * submitted the transaction.
 */
#include "store/store.h"

#include "base/log.h"
#include "store/backend.h"

struct pz_txn *
pz_txn_new(void)
{
	struct pz_txn *txn = calloc(1, sizeof(*txn));

	if (txn != NULL)
		pz_list_init(&txn->changes);
	return txn;
}

void
pz_change_free(struct pz_change *change)
{
	explicit_bzero(change->text, change->text_len);
	free(change);
}

void
pz_txn_free(struct pz_txn *txn)
{
	if (txn == NULL)
		return;
	PZ_LIST_EACH (&txn->changes, node, next) {
		pz_change_free(PZ_CONTAINER(node, struct pz_change, node));
	}
	free(txn);
}

/* The text of a change: space, NUL, key, NUL, value. */
static enum pz_err
add(struct pz_txn *txn, enum pz_change_kind kind, const char *space, const char *key,
    struct pz_slice value)
{
	size_t space_len = strlen(space) + 1, key_len = strlen(key) + 1;
	struct pz_change *change;

	/* The sum below cannot overflow. */
	if (value.len > SIZE_MAX / 2 - sizeof(*change) - space_len - key_len)
		return PZ_ERR_LIMIT_MEMORY;
	change = malloc(sizeof(*change) + space_len + key_len + value.len);
	if (change == NULL)
		return PZ_ERR_LIMIT_MEMORY;

	change->kind = kind;
	change->text_len = space_len + key_len + value.len;
	memcpy(change->text, space, space_len);
	memcpy(change->text + space_len, key, key_len);
	if (value.len > 0)
		memcpy(change->text + space_len + key_len, value.ptr, value.len);
	change->space = change->text;
	change->key = change->text + space_len;
	change->value = pz_slice_of(change->text + space_len + key_len, value.len);
	/* In order: a later change of a transaction wins over an earlier one. */
	pz_list_append(&txn->changes, &change->node);
	txn->change_count++;
	return PZ_OK;
}

enum pz_err
pz_txn_put(struct pz_txn *txn, const char *space, const char *key, struct pz_slice value)
{
	return add(txn, PZ_CHANGE_PUT, space, key, value);
}

enum pz_err
pz_txn_remove(struct pz_txn *txn, const char *space, const char *key)
{
	return add(txn, PZ_CHANGE_REMOVE, space, key, pz_slice_of(NULL, 0));
}

enum pz_err
pz_txn_remove_space(struct pz_txn *txn, const char *space)
{
	return add(txn, PZ_CHANGE_REMOVE_SPACE, space, "", pz_slice_of(NULL, 0));
}

void
pz_txn_scrub(struct pz_txn *txn)
{
	txn->is_scrubbing = true;
}

void
pz_txn_on_drop(struct pz_txn *txn, void (*drop)(void *arg))
{
	txn->drop = drop;
}

/* For implementations: drops commits together with the store, without running their call-backs. */
void
pz_txn_free_all(struct pz_list *txns)
{
	struct pz_list *node;

	while ((node = pz_list_first(txns)) != NULL) {
		struct pz_txn *txn = PZ_CONTAINER(node, struct pz_txn, node);

		pz_list_remove(node);
		/* Otherwise the call-back's argument would be lost with it. */
		if (txn->drop)
			txn->drop(txn->arg);
		pz_txn_free(txn);
	}
}

void
pz_txn_move_all(struct pz_list *from, struct pz_list *to)
{
	struct pz_list *node;

	while ((node = pz_list_first(from)) != NULL) {
		pz_list_remove(node);
		pz_list_append(to, node);
	}
}

void
pz_store_init(struct pz_store *store, const struct pz_store_ops *ops)
{
	store->ops = ops;
	store->pending = 0;
	store->watch = NULL;
	pz_list_init(&store->ended);
}

void
pz_store_run_ended(struct pz_store *store)
{
	struct pz_list *node;

	/* One at a time from the shared list: a call-back that polls continues where this loop is.
	 */
	while ((node = pz_list_first(&store->ended)) != NULL) {
		struct pz_txn *txn = PZ_CONTAINER(node, struct pz_txn, node);

		pz_list_remove(node);
		store->pending--;
		/* Reports whether the disk works; the success of an empty transaction shows nothing
		 * about it. */
		if (store->watch != NULL && (txn->change_count > 0 || txn->err != PZ_OK))
			store->watch(store->watch_arg, txn->err, txn->info.text);
		if (txn->done != NULL)
			txn->done(txn->arg, txn->err, txn->info.text);
		pz_txn_free(txn);
	}
}

void
pz_store_commit(struct pz_store *store, struct pz_txn *takes_txn, pz_store_done done, void *arg)
{
	takes_txn->done = done;
	takes_txn->arg = arg;
	store->pending++;
	store->ops->commit(store, takes_txn);
}

enum pz_err
pz_store_load(struct pz_store *store, const char *space, pz_store_each each, void *arg,
	      struct pz_errinfo *info)
{
	return store->ops->load(store, space, each, arg, info);
}

void
pz_store_poll(struct pz_store *store)
{
	store->ops->poll(store);
}

static enum pz_err
ignore_row(void *arg, const char *key, struct pz_slice value)
{
	(void)arg;
	(void)key;
	(void)value;
	return PZ_OK;
}

/* A load waits for all commits, whatever their space. */
void
pz_store_drain(struct pz_store *store)
{
	unsigned rounds = 0;

	/* A call-back may begin the next change that waited. */
	do {
		if (pz_store_load(store, "", ignore_row, NULL, NULL) != PZ_OK) {
			pz_error("store-stop-failed", "the last changes may not have been stored");
			rounds = PZ_STORE_DRAIN_ROUNDS_MAX;
		}
		pz_store_poll(store);
	} while (store->pending > 0 && ++rounds < PZ_STORE_DRAIN_ROUNDS_MAX);
}

void
pz_store_watch(struct pz_store *store, pz_store_done watch, void *arg)
{
	store->watch = watch;
	store->watch_arg = arg;
}

size_t
pz_store_pending(const struct pz_store *store)
{
	return store->pending;
}

void
pz_store_free(struct pz_store *store)
{
	if (store != NULL)
		store->ops->free(store);
}
