/*
 * Names that a person may take for one another: they differ only in case, in marks, or in letters
 * that look alike ("a1ice", Cyrillic "а"). The owner is warned before a friend with such a name is
 * confirmed; the fingerprint decides.
 * @spec page 6 "Friends"
 */
#ifndef PZ_FRIENDS_ALIKE_H
#define PZ_FRIENDS_ALIKE_H

#include <stdbool.h>

#include "friends/friend.h"

/** True when two texts that differ may look the same. @param a, b UTF-8 */
bool pz_names_are_alike(const char *a, const char *b);

/**
 * A friend, or our own zone, that a person may take for this one: by zone or by display name.
 * @param f not in the table, or in it
 * @param zone, display_name our own
 * @return the zone of the other one, borrowed; NULL: none
 */
const char *pz_friend_looks_like(const struct pz_friend *f, const struct pz_friends *friends,
				 const char *zone, const char *display_name);

#endif
