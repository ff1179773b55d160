/* The directory where a daemon keeps its state by default; the command lines need it too. */
#ifndef PZ_CONF_DATADIR_H
#define PZ_CONF_DATADIR_H

#include "base/buf.h"
#include "base/err.h"

/**
 * Appends the default data directory: $<program_env>, else $STATE_DIRECTORY (the first, where
 * systemd lists several), else $XDG_STATE_HOME/<leaf>, else ~/.local/state/<leaf>. Empty variables
 * count as unset, and a relative XDG_STATE_HOME too (XDG base directory specification).
 * @param program_env "PZP_DATA_DIR" or "PZH_DATA_DIR"; NULL: not asked
 * @param leaf "pzp" or "pzh"
 * @param out initialised by the caller; gets no NUL (pz_slice_dup makes a string)
 * Errors: CONFIG (none is set and the user has no home), LIMIT_QUEUE, LIMIT_MEMORY.
 * @spec page 12
 */
enum pz_err
pz_data_dir_default(const char *program_env, const char *leaf, struct pz_buf *out) PZ_MUST_USE;

#endif
