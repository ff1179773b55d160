/*
 * What is on the disk for sure, and what only might be: for power failures (vfs.h). Of each file
 * the contents at its last sync are remembered, and every change since.
 */
#ifndef PZ_FAULT_DISK_H
#define PZ_FAULT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_file;

/** A file that was opened; the same for each of its descriptors. @param is_new its name is not on
 * the disk before its first sync (SQLite syncs the directory with that) */
struct disk_file *disk_open(const char *path, bool is_new);
/** Changes. NULL: this file is not recorded. */
void disk_written(struct disk_file *file, const void *bytes, size_t len, uint64_t at);
void disk_truncated(struct disk_file *file, uint64_t size);
void disk_synced(struct disk_file *file);
/** @param is_durable the directory was synced as well */
void disk_deleted(const char *path, bool is_durable);

/**
 * Makes of all files what a power failure leaves: the durable contents, and of later changes any
 * sectors, or none. Shared memory files (-shm) hold anything.
 */
void disk_lose_power(uint64_t seed);

#endif
