/*
 * A history of a store: one transaction of every kind that the daemons make, prepared by the
 * functions that they use, and what the store holds after each of them. Hub and device share it
 * here; their spaces are apart.
 */
#ifndef PZ_FAULT_HISTORY_H
#define PZ_FAULT_HISTORY_H

#include "store/store.h"

#define HISTORY_STEPS_MAX 48

struct history;

/** Made once; its keys are in memory. */
struct history *history_new(void);
void history_free(struct history *history);

size_t history_len(const struct history *history);
/** What the step is, for messages. @param step less than history_len */
const char *history_name(const struct history *history, size_t step);
/** A fresh copy of its transaction. */
struct pz_txn *history_txn(const struct history *history, size_t step);

/**
 * Compares a store with what was there after each number of steps.
 * @return the greatest such number; -1: it is at none of them
 */
int history_find(const struct history *history, struct pz_store *store);
/** Whether the store is where that many steps lead. */
bool history_is_at(const struct history *history, struct pz_store *store, size_t steps);

/** Everything that a daemon loads when it starts can be loaded, or nothing is there. NULL: so it
 * is; else what is wrong. */
const char *history_load(const struct history *history, struct pz_store *store);

#endif
