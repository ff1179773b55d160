/* Directories of an inbox, and the name that a whole file gets there. Each function blocks.
 * Descriptors are close-on-exec and the caller's; errors are those of errno. */
#ifndef PZ_TRANSFER_PLACE_H
#define PZ_TRANSFER_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** Opens a directory, with those above it made where they are missing, 0700. @return -1: errno */
int pz_place_open_inbox(const char *path);
/** Opens a directory below another one, made where it is missing; symbolic links are not followed.
 * @param path components joined with '/', or "" for the directory itself @return -1: errno */
int pz_place_open_below(int dir_fd, const char *path);
/** Opens or makes the file `key` in the directory of unfinished files.
 * @param out_incoming_fd that directory @return -1: errno */
int pz_place_open_part(int inbox_fd, const char *key, int *out_incoming_fd);
/**
 * Gives the file `key` of `from_fd` a name in `to_fd`: `name`, or the first numbered one that no
 * entry has, also not in another case of letters. The old name may stay as a second one.
 * @param out the name; @return false: errno
 */
bool
pz_place_link(int from_fd, const char *key, int to_fd, const char *name, char *out, size_t size);
/** The name in a directory of a file that was linked there. @return false: it has none */
bool pz_place_find(int dir_fd, dev_t device, ino_t inode, char *out, size_t size);
/** Removes unfinished files that were not written for long. @param keep not this one, or NULL
 * @return how many are left: of friends where `keep` is one of a friend's, else of own devices */
size_t pz_place_sweep(int incoming_fd, const char *keep);

#endif
