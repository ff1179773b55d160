/*
 * A friend zone as the hub gives it to its devices (page 8): the chunk of the item `trusted-pzh`,
 * and the revocation list of the friend in the item `crl`, whose key is the friend's zone.
 * @spec page 6 "Friends", page 8 "Items in detail", page 14 ZON-6, REV-5
 */
#ifndef PZ_FRIENDS_CHUNK_H
#define PZ_FRIENDS_CHUNK_H

#include "friends/friend.h"
#include "sync/item.h"

/**
 * Reads a chunk of `trusted-pzh`.
 * @param zone, master our own zone and its CA, whose signature the text must have
 * @param chunk with a value
 * @param out the caller's
 * Errors: DENIED_IDENTITY (the text is of another zone than the key, or of our own),
 * DENIED_* (not signed by our zone, or not confirmed), those of pz_friend_parse.
 */
enum pz_err pz_friend_chunk_read(const char *zone, const struct pz_cert *master,
				 const struct pz_sync_chunk *chunk, struct pz_friend **out,
				 struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Checks a friend's revocation list.
 * @param friends NULL: none
 * @param out the caller's; may be NULL
 * Errors: NOTFOUND (the zone is no friend), DENIED_* (not signed by the CA that is pinned), those
 * of pz_crl_from_pem.
 */
enum pz_err pz_friend_chunk_crl(const struct pz_friends *friends, const struct pz_sync_chunk *chunk,
				struct pz_crl **out, struct pz_errinfo *info) PZ_MUST_USE;
/** True when a friend's list is not newer than the known one, or the zone is no friend. Such a list
 * is ignored silently, because a peer may not be up to date. Does not verify the signature. */
bool
pz_friend_chunk_is_old_crl(const struct pz_friends *friends, const struct pz_sync_chunk *chunk);

/* ---- the items and the table ---- */

/**
 * Reads the list of a friend from the item `crl`. A list that is not valid is removed from the
 * item: the zone is no longer a friend, or has another CA now. Errors: LIMIT_MEMORY.
 */
enum pz_err pz_friends_take_crl(struct pz_friends *friends, struct pz_sync_item *crls,
				const char *zone) PZ_MUST_USE;
/**
 * Updates one zone in the table from the item `trusted-pzh`, and reads its list.
 * @param own_zone, master as of pz_friend_chunk_read
 * Errors: those of pz_friend_chunk_read, LIMIT, LIMIT_MEMORY; the zone is no friend then.
 */
enum pz_err pz_friends_take(struct pz_friends *friends, const struct pz_sync_item *texts,
			    struct pz_sync_item *crls, const char *own_zone,
			    const struct pz_cert *master, const char *zone) PZ_MUST_USE;
/** Removes lists of other zones that belong to no friend. @return how many */
size_t pz_friends_drop_crls(const struct pz_friends *friends, struct pz_sync_item *crls,
			    const char *own_zone);

#endif
