/*
 * What the hub keeps of a zone's friends: the table, invitations that count, and which friendships
 * have ended, for devices that were away. In the store it is the space "friend:" zone.
 * @spec page 6 "Friends"
 */
#ifndef PZ_FRIENDS_KEPT_H
#define PZ_FRIENDS_KEPT_H

#include <jansson.h>

#include "base/env.h"
#include "friends/friend.h"
#include "friends/invitation.h"
#include "store/store.h"

struct pz_friends_kept {
	struct pz_friends *table;
	struct pz_invitations invitations;
	json_t *ended; /* zone -> ms since 1970; for as long as deletions of page 8 are kept */
};

#define PZ_FRIENDS_SPACE_CHARS (PZ_ZONE_BYTES_MAX + 8)
/** Name of the store's space that holds the friends of a zone. */
void pz_friends_space(const char *zone, char out[PZ_FRIENDS_SPACE_CHARS]);

/** An empty one. Errors: LIMIT_MEMORY. */
enum pz_err pz_friends_kept_init(struct pz_friends_kept *kept) PZ_MUST_USE;
/** Overwrites secrets and frees. All zero is fine. */
void pz_friends_kept_fini(struct pz_friends_kept *kept);
/**
 * Loads the friends of a zone.
 * @param ca of the zone: what its hub has given to devices is signed by it
 * Errors: PROTO, DENIED (a record that is not readable or not good), IO, LIMIT_MEMORY.
 */
enum pz_err pz_friends_kept_load(struct pz_store *store, const char *zone, const struct pz_cert *ca,
				 struct pz_friends_kept *kept, struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Takes one record of the space in: of the store, or of an archive, which is not trusted.
 * @param record borrowed
 * Errors: as pz_friends_kept_load.
 */
enum pz_err pz_friends_kept_read(struct pz_friends_kept *kept, const char *key,
				 const json_t *record, const char *zone, const struct pz_cert *ca,
				 struct pz_errinfo *info) PZ_MUST_USE;
/** Writes all of it but the invitations, into the space of a new hub. Errors: LIMIT_MEMORY. */
enum pz_err pz_friends_kept_save(const struct pz_friends_kept *kept, const char *space,
				 struct pz_txn *txn) PZ_MUST_USE;

/** Writes one friend of a zone. Errors: LIMIT_MEMORY. */
enum pz_err
pz_friends_put_record(const struct pz_friend *f, const char *zone, struct pz_txn *txn) PZ_MUST_USE;
/** Removes one, and writes that it has ended. Errors: LIMIT_MEMORY. */
enum pz_err pz_friends_end_record(const char *friend_zone, uint64_t ended_ms, const char *zone,
				  struct pz_txn *txn) PZ_MUST_USE;
/** Notes the same in memory, or, with 0, that there is a friend of that zone again. What memory
 * does not allow is left out. */
void pz_friends_note_end(struct pz_friends_kept *kept, const char *friend_zone, uint64_t ended_ms);
/** When the friendship with a zone ended; 0: not known. */
uint64_t pz_friends_ended_ms(const struct pz_friends_kept *kept, const char *friend_zone);
/** Writes an invitation. Errors: LIMIT_MEMORY. */
enum pz_err
pz_friends_put_invitation(const struct pz_invitation *invitation, struct pz_txn *txn) PZ_MUST_USE;
/** Removes one. Errors: LIMIT_MEMORY. */
enum pz_err
pz_friends_remove_invitation(const char *id, const char *zone, struct pz_txn *txn) PZ_MUST_USE;

#endif
