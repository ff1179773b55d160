/* Where files of other devices go as long as the user prefers no other directory. @spec page 10 */
#ifndef PZ_CONF_INBOX_H
#define PZ_CONF_INBOX_H

#include <stddef.h>

/**
 * The download directory of this process's user: $XDG_DOWNLOAD_DIR, that of user-dirs.dirs, or
 * ~/Downloads if it exists; otherwise "inbox" in the data directory.
 * @param out an absolute path, or "" where it would not fit
 */
void pz_inbox_default(const char *data_dir, char *out, size_t size);

/** XDG_DOWNLOAD_DIR as the text of user-dirs.dirs names it: "$HOME/…" or an absolute path.
 * @param home NULL: not known @param out "" when it names none */
void pz_inbox_from_user_dirs(const char *text, const char *home, char *out, size_t size);

#endif
