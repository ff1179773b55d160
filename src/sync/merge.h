/*
 * Which of two versions of a chunk is kept: the same answer on every device.
 * @spec page 14 DAT-4
 */
#ifndef PZ_SYNC_MERGE_H
#define PZ_SYNC_MERGE_H

#include "sync/chunk.h"
#include "sync/kind.h"

/** Which of the two ends is the zone's hub. */
enum pz_sync_hub {
	PZ_SYNC_HUB_NEITHER,
	PZ_SYNC_HUB_OURS,
	PZ_SYNC_HUB_THEIRS,
};

/** What a decision needs besides the two versions. */
struct pz_sync_judge {
	const struct pz_sync_kind *kind;
	uint64_t now_ms; /* of the hub, where one end is the hub (as far as it is known) */
	enum pz_sync_hub hub;
	/* BY_OWNER: names of the devices at the two ends, borrowed; NULL: that end is a hub */
	const char *self_device, *other_device;
	/**
	 * BY_NUMBER: reads the number inside a value (a CRL's crlNumber), whose signature need not
	 * have been checked yet. False: it has none, and loses to every one that has. NULL: none
	 * has.
	 */
	bool (*number)(void *arg, const struct pz_sync_kind *kind,
		       const struct pz_sync_chunk *chunk, uint64_t *out);
	void *arg;
};

/** True when this mtime is at most 5 s ahead of the clock. @spec page 8 "Conflicts" */
bool pz_sync_is_believed(uint64_t mtime_ms, uint64_t now_ms);
/** True for a deletion of more than 90 days ago, by its own time. It is no part of digests and
 * listings, and is sent only to a node that still has a value. @spec page 8 "Conflicts" */
bool pz_sync_is_expired(bool deleted, uint64_t mtime_ms, uint64_t now_ms);

/**
 * True when their version replaces ours:
 *  - One that is no different never does, nor a deletion that has expired where we have no value.
 *    What else we have no version of is taken.
 *  - Items that only the hub writes: from the hub always; from a peer the later mtime.
 *  - BY_NUMBER: the higher number. BY_OWNER: that of the device which the key names, where it is
 *    one of the ends; else the hub's, which has it from there; else the version whose origin is
 *    that device; then as follows.
 *  - One that is believed beats one that is not. Both believed: the later mtime. Neither: the
 *    hub's; without the hub the smaller origin, then the later mtime.
 *  - Equal so far: the larger sha256, then the deletion.
 * @param ours NULL: none
 * @spec page 8 "Conflicts"
 */
bool pz_sync_wins(const struct pz_sync_chunk *ours, const struct pz_sync_chunk *theirs,
		  const struct pz_sync_judge *judge);

/** What a listing says of a chunk. */
struct pz_sync_entry {
	uint8_t sha256[PZ_SYNC_HASH_BYTES];
	uint64_t mtime_ms;
	bool deleted;
};

/** Which end sends a chunk after a listing; both, where the listing does not show which version
 * wins. */
enum pz_sync_need {
	PZ_SYNC_NEED_NOTHING = 0,
	PZ_SYNC_NEED_SEND = 1,
	PZ_SYNC_NEED_WANT = 2,
};

/**
 * Compares ours with their entry of a listing.
 * @param ours NULL: none
 * @return bits of enum pz_sync_need; whether the item may go that way is the caller's business
 * @spec page 8 "How" 3
 */
unsigned pz_sync_need(const struct pz_sync_chunk *ours, const struct pz_sync_entry *theirs,
		      const struct pz_sync_judge *judge);

#endif
