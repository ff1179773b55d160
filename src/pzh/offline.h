/*
 * The hub in the process of `pzh`, for a data directory that no daemon runs on: the same commands
 * with the same answers, one at a time. @spec page 12 "pzh"
 */
#ifndef PZ_PZH_OFFLINE_H
#define PZ_PZH_OFFLINE_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

/** A data directory that is ours for a while, and the hub on it. */
struct pz_pzh_offline;

/**
 * Takes the lock of the data directory and loads the hub, which listens nowhere. Where this process
 * is root's it works as the owner of the directory until pz_pzh_offline_close.
 * @param port where devices reach the hub according to its configuration; 0: only a daemon knows
 * @param key_type of new zones, borrowed until the close; NULL: the default
 * Errors: EXISTS (a daemon runs), DENIED_PERMISSION, CONFIG, IO, LIMIT_MEMORY, INTERNAL and those
 * of pz_hub_new.
 */
enum pz_err pz_pzh_offline_open(const char *data_dir, uint16_t port, const char *key_type,
				struct pz_pzh_offline **out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Runs a command of pzh/command_table.h to its end.
 * @param params object, borrowed
 * @param file descriptor that comes with the command, borrowed; -1: none
 * @param stop_fd gives the command up as soon as it is readable; -1: none
 * @param out_result new; NULL when the command failed or was given up
 * Errors: those of the command. OK without a result: it was given up.
 */
enum pz_err
pz_pzh_offline_run(struct pz_pzh_offline *offline, const char *name, json_t *params, int file,
		   int stop_fd, json_t **out_result, struct pz_errinfo *info) PZ_MUST_USE;

/** Writes what waits for the disk, and gives the directory back. NULL is fine. */
void pz_pzh_offline_close(struct pz_pzh_offline *offline);

#endif
