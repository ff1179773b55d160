/*
 * Decides which of two versions wins, so that all nodes end with the same one, whatever the order
 * in which they exchange them. pz_sync_wins judges whole chunks; pz_sync_need judges by a listing,
 * which has neither origin nor content, and asks for both directions when that does not suffice.
 *
 * Clocks of devices may be wrong. A version is "believed" when its time is not in the future (5 s
 * are allowed). A version that is not believed loses against one that is; of two that are not, the
 * hub's wins, so a device whose clock is years ahead cannot fix a value for years.
 */
#include "sync/merge.h"

#include <string.h>

#include "wire/address.h"

bool
pz_sync_is_believed(uint64_t mtime_ms, uint64_t now_ms)
{
	return mtime_ms <= now_ms || mtime_ms - now_ms <= PZ_SYNC_AHEAD_MS;
}

bool
pz_sync_is_expired(bool deleted, uint64_t mtime_ms, uint64_t now_ms)
{
	return deleted && mtime_ms < now_ms && now_ms - mtime_ms > PZ_SYNC_DELETED_MS;
}

/* > 0: theirs is greater. */
static int
compare(uint64_t ours, uint64_t theirs)
{
	return theirs > ours ? 1 : theirs < ours ? -1 : 0;
}

/* 0 without a number. Numbers start at 0, so one is added. */
static uint64_t
number_of(const struct pz_sync_chunk *chunk, const struct pz_sync_judge *judge)
{
	uint64_t number;

	if (chunk->deleted || judge->number == NULL ||
	    !judge->number(judge->arg, judge->kind, chunk, &number))
		return 0;
	return number < UINT64_MAX ? number + 1 : number;
}

/* True when the device that the key names wrote the chunk itself. */
static bool
is_owners(const struct pz_sync_chunk *chunk)
{
	struct pz_address origin;

	return pz_address_parse(pz_slice_str(chunk->origin), &origin) == PZ_OK &&
	       pz_slice_eq_str(origin.device, chunk->key);
}

static bool
is_named(const char *device, const char *key)
{
	return device && strcmp(device, key) == 0;
}

/* Compares the two ends as sources of a value about the device that the key names: the device
 * itself counts most, then the hub. Times are not compared: after the device's clock was set back,
 * its older value would win for ever on nodes that were not connected to it. */
static int
compare_ends(const char *key, const struct pz_sync_judge *judge)
{
	if (is_named(judge->self_device, key))
		return -1;
	if (is_named(judge->other_device, key))
		return 1;
	if (judge->hub == PZ_SYNC_HUB_NEITHER)
		return 0;
	return judge->hub == PZ_SYNC_HUB_THEIRS ? 1 : -1;
}

/* > 0: theirs wins. */
static int
compare_last(const uint8_t *our_sha, bool our_deleted, const uint8_t *their_sha, bool their_deleted)
{
	int order = memcmp(their_sha, our_sha, PZ_SYNC_HASH_BYTES);

	/* A deletion and an empty value have the same hash: that of no bytes. */
	return order ? order : compare(our_deleted, their_deleted);
}

/* A time in the future may be of any size: between two such values the ends decide, or the names of
 * the writers, which all nodes compare in the same way. */
static int
compare_times(const struct pz_sync_chunk *ours, const struct pz_sync_chunk *theirs,
	      const struct pz_sync_judge *judge)
{
	bool our_belief = pz_sync_is_believed(ours->mtime_ms, judge->now_ms);
	bool their_belief = pz_sync_is_believed(theirs->mtime_ms, judge->now_ms);

	if (our_belief != their_belief)
		return their_belief ? 1 : -1;
	if (!our_belief) {
		if (judge->hub != PZ_SYNC_HUB_NEITHER)
			return judge->hub == PZ_SYNC_HUB_THEIRS ? 1 : -1;
		int order = strcmp(ours->origin, theirs->origin);
		if (order)
			return order;
	}
	return compare(ours->mtime_ms, theirs->mtime_ms);
}

/* The rules of page 8's table, row by row. */
static int
compare_by_kind(const struct pz_sync_chunk *ours, const struct pz_sync_chunk *theirs,
		const struct pz_sync_judge *judge)
{
	int order = 0;

	if (judge->kind->order == PZ_SYNC_BY_NUMBER)
		return compare(number_of(ours, judge), number_of(theirs, judge));
	if (judge->kind->direction == PZ_SYNC_FROM_HUB) {
		if (judge->hub != PZ_SYNC_HUB_NEITHER)
			return judge->hub == PZ_SYNC_HUB_THEIRS ? 1 : -1;
		return compare(ours->mtime_ms, theirs->mtime_ms);
	}
	if (judge->kind->order == PZ_SYNC_BY_OWNER)
		order = compare_ends(ours->key, judge);
	if (judge->kind->order == PZ_SYNC_BY_OWNER && order == 0)
		order = compare(is_owners(ours), is_owners(theirs));
	return order ? order : compare_times(ours, theirs, judge);
}

bool
pz_sync_wins(const struct pz_sync_chunk *ours, const struct pz_sync_chunk *theirs,
	     const struct pz_sync_judge *judge)
{
	bool has_value = ours && !ours->deleted;

	/* a deletion that all nodes have dropped must not come back */
	if (!has_value && pz_sync_is_expired(theirs->deleted, theirs->mtime_ms, judge->now_ms))
		return false;
	if (ours == NULL)
		return true;
	if (pz_sync_chunk_is_same(ours, theirs))
		return false;
	int order = compare_by_kind(ours, theirs, judge);
	if (order == 0)
		order = compare_last(ours->sha256, ours->deleted, theirs->sha256, theirs->deleted);
	return order > 0;
}

/* A listing has neither origins nor numbers. */
static bool
is_listing_enough(const struct pz_sync_chunk *ours, const struct pz_sync_entry *theirs,
		  const struct pz_sync_judge *judge)
{
	if (judge->kind->direction == PZ_SYNC_FROM_HUB)
		return judge->kind->order == PZ_SYNC_BY_TIME;
	return judge->kind->order == PZ_SYNC_BY_TIME &&
	       pz_sync_is_believed(ours->mtime_ms, judge->now_ms) &&
	       pz_sync_is_believed(theirs->mtime_ms, judge->now_ms);
}

unsigned
pz_sync_need(const struct pz_sync_chunk *ours, const struct pz_sync_entry *theirs,
	     const struct pz_sync_judge *judge)
{
	int order = 0;

	if (ours == NULL)
		return pz_sync_is_expired(theirs->deleted, theirs->mtime_ms, judge->now_ms)
			       ? PZ_SYNC_NEED_NOTHING
			       : PZ_SYNC_NEED_WANT;
	if (ours->mtime_ms == theirs->mtime_ms && ours->deleted == theirs->deleted &&
	    memcmp(ours->sha256, theirs->sha256, sizeof(theirs->sha256)) == 0)
		return PZ_SYNC_NEED_NOTHING;
	/* The order is that of pz_sync_wins, as far as a listing shows what it compares. Otherwise
	 * both ends send their chunk, and each decides with the whole of both. */
	if (judge->kind->order == PZ_SYNC_BY_OWNER)
		order = compare_ends(ours->key, judge);
	if (order != 0)
		return order > 0 ? PZ_SYNC_NEED_WANT : PZ_SYNC_NEED_SEND;
	if (!is_listing_enough(ours, theirs, judge))
		return PZ_SYNC_NEED_SEND | PZ_SYNC_NEED_WANT;
	if (judge->kind->direction == PZ_SYNC_FROM_HUB && judge->hub != PZ_SYNC_HUB_NEITHER)
		return judge->hub == PZ_SYNC_HUB_THEIRS ? PZ_SYNC_NEED_WANT : PZ_SYNC_NEED_SEND;
	order = compare(ours->mtime_ms, theirs->mtime_ms);
	if (order == 0)
		order = compare_last(ours->sha256, ours->deleted, theirs->sha256, theirs->deleted);
	return order > 0 ? PZ_SYNC_NEED_WANT : PZ_SYNC_NEED_SEND;
}
