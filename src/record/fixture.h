/* For the tests of this folder: a clock, a key store and a disk in memory. */
#ifndef PZ_RECORD_FIXTURE_H
#define PZ_RECORD_FIXTURE_H

#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit/clock.h"
#include "store/memory.h"
#include "x509/keystore.h"

#define ZONE "alice@example.org"
#define HOST "hub.example.org"
#define DAY_MS UINT64_C(86400000)

struct world {
	struct pz_kit_clock clock;
	struct pz_memory_disk *disk;
	struct pz_store *store;
	struct pz_keystore *keys;
	struct pz_errinfo info;
};

static inline void
fx_open(struct world *w)
{
	assert_true(sodium_init() >= 0);
	*w = (struct world){0};
	pz_kit_clock_init(&w->clock);
	w->disk = pz_memory_disk_new();
	w->store = pz_store_new_memory(&w->clock.env, w->disk, 0);
	w->keys = pz_keystore_new_memory();
	assert_true(w->disk && w->store && w->keys);
}

static inline void
fx_close(struct world *w)
{
	pz_store_free(w->store);
	pz_memory_disk_free(w->disk);
	pz_keystore_free(w->keys);
}

/** The daemon dies and is started again: what was not durable is lost. */
static inline void
fx_restart(struct world *w)
{
	pz_store_free(w->store);
	w->store = pz_store_new_memory(&w->clock.env, w->disk, 0);
	assert_non_null(w->store);
}

static inline void
fx_note_end(void *arg, enum pz_err err, const char *detail)
{
	(void)detail;
	*(enum pz_err *)arg = err;
}

/** Commits and waits. */
static inline enum pz_err
fx_commit(struct world *w, struct pz_txn *takes)
{
	enum pz_err err = PZ_ERR_INTERNAL;

	pz_store_commit(w->store, takes, fx_note_end, &err);
	pz_kit_clock_run(&w->clock, 0);
	return err;
}

static inline struct pz_txn *
fx_txn(void)
{
	struct pz_txn *txn = pz_txn_new();

	assert_non_null(txn);
	return txn;
}

static inline enum pz_err
fx_count_one(void *arg, const char *key, struct pz_slice value)
{
	(void)key;
	(void)value;
	(*(size_t *)arg)++;
	return PZ_OK;
}

/** Items in a space of the store. */
static inline size_t
fx_count(struct world *w, const char *space)
{
	size_t count = 0;

	assert_ok(pz_store_load(w->store, space, fx_count_one, &count, NULL));
	return count;
}

/** Replaces a record by this text. */
static inline void
fx_overwrite(struct world *w, const char *space, const char *key, const char *text)
{
	struct pz_txn *txn = fx_txn();

	assert_ok(pz_txn_put(txn, space, key, pz_slice_str(text)));
	assert_ok(fx_commit(w, txn));
}

#endif
