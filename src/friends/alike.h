/*
 * Names that a person may confuse: they differ only in case, in marks, or in letters that look
 * alike ("a1ice", Cyrillic "а"). The owner is warned before confirming a friend with such a name,
 * and should compare the fingerprint.
 * @spec page 6 "Friends"
 */
#ifndef PZ_FRIENDS_ALIKE_H
#define PZ_FRIENDS_ALIKE_H

#include <stdbool.h>

#include "friends/friend.h"

/** True when two texts that differ may look the same. @param a, b UTF-8 */
bool pz_names_are_alike(const char *a, const char *b);

/** The names of all friends and of our own zone, to find those that look alike. */
struct pz_alikes;

/**
 * @param friends, zone, display_name the table and our own names: borrowed, not changed while it is
 * used
 * @return NULL: out of memory
 */
struct pz_alikes *
pz_alikes_new(const struct pz_friends *friends, const char *zone, const char *display_name);
/** NULL is fine. */
void pz_alikes_free(struct pz_alikes *alikes);
PZ_AUTO_DEFINE(struct pz_alikes, pz_alikes_free)
/**
 * Finds another friend, or our own zone, that a person may confuse with this one: by zone or by
 * display name.
 * @param alikes NULL: nothing is found
 * @param f not in the table, or in it
 * @return the zone of the other one, borrowed; NULL: there is no such name
 */
const char *pz_alikes_find(const struct pz_alikes *alikes, const struct pz_friend *f);

#endif
