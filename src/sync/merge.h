/*
 * Decides which of two versions of a chunk is kept, with the same result on every device.
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

/** The context of a decision, besides the two versions. */
struct pz_sync_judge {
	const struct pz_sync_kind *kind;
	uint64_t now_ms; /* time of the hub, if one end is the hub and its clock is known; else our
			    time */
	enum pz_sync_hub hub;
	/* BY_OWNER: names of the devices at the two ends, borrowed; NULL: that end is a hub */
	const char *self_device, *other_device;
	/**
	 * BY_NUMBER: reads the number inside a value (a CRL's crlNumber); its signature need not
	 * have been checked yet. @return false: the value has no number, and loses to every value
	 * that has one. NULL: no value has one.
	 */
	bool (*number)(void *arg, const struct pz_sync_kind *kind,
		       const struct pz_sync_chunk *chunk, uint64_t *out);
	void *arg;
};

/** True when this mtime is at most 5 s ahead of the clock. @spec page 8 "Conflicts" */
bool pz_sync_is_believed(uint64_t mtime_ms, uint64_t now_ms);
/** True for a deletion whose mtime is more than 90 days ago. Digests and listings leave it out, and
 * it is sent only to a node that still has a value. @spec page 8 "Conflicts" */
bool pz_sync_is_expired(bool deleted, uint64_t mtime_ms, uint64_t now_ms);

/**
 * True when their version replaces ours:
 *  - An equal version never does, nor an expired deletion of a key that we do not have. Any other
 * version of a key that we do not have does.
 *  - Items that only the hub writes: a version from the hub always wins; of one from a peer, the
 * later mtime.
 *  - BY_NUMBER: the higher number. BY_OWNER: the version of the device that the key names, if it is
 * one of the ends; else that of the hub, which got it from the device; else the version whose
 * origin is that device; then as follows.
 *  - A version that is believed (pz_sync_is_believed) wins against one that is not. Both believed:
 * the later mtime. Neither: that of the hub; without a hub the smaller origin, then the later
 * mtime.
 *  - Equal so far: the larger sha256, then the deletion.
 * @param ours NULL: none
 * @spec page 8 "Conflicts"
 */
bool pz_sync_wins(const struct pz_sync_chunk *ours, const struct pz_sync_chunk *theirs,
		  const struct pz_sync_judge *judge);

/** The entry of a chunk in a listing. */
struct pz_sync_entry {
	uint8_t sha256[PZ_SYNC_HASH_BYTES];
	uint64_t mtime_ms;
	bool deleted;
};

/** Which end sends a chunk after a listing; both do when the listing does not show which version
 * wins. */
enum pz_sync_need {
	PZ_SYNC_NEED_NOTHING = 0,
	PZ_SYNC_NEED_SEND = 1,
	PZ_SYNC_NEED_WANT = 2,
};

/**
 * Compares ours with their entry of a listing.
 * @param ours NULL: none
 * @return bits of enum pz_sync_need; the caller checks whether the item travels in that direction
 * @spec page 8 "How" 3
 */
unsigned pz_sync_need(const struct pz_sync_chunk *ours, const struct pz_sync_entry *theirs,
		      const struct pz_sync_judge *judge);

#endif
