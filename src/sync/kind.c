/*
 * The table of synchronised items (page 8), looked up by id and by name, and in which direction
 * each travels. Rows are in kind.h.
 */
#include "sync/kind.h"

#include <string.h>

static const struct pz_sync_kind kinds[] = {
#define X(id, name, way, pass, order, pref, value, chunks)                                         \
	[PZ_SYNC_##id] = {PZ_SYNC_##id,    name, PZ_SYNC_##way, pass,                              \
			  PZ_SYNC_##order, pref, value,         chunks},
	PZ_SYNC_KINDS(X)
#undef X
};

const struct pz_sync_kind *
pz_sync_kind(enum pz_sync_id id)
{
	return &kinds[id];
}

const struct pz_sync_kind *
pz_sync_kind_find(const char *name)
{
	for (size_t i = 0; i < PZ_SYNC_KIND_COUNT; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

bool
pz_sync_may_go(const struct pz_sync_kind *kind, enum pz_sync_role from, enum pz_sync_role to)
{
	/* Hubs of two zones exchange only revocation lists: friends' devices verify certificates by
	 * them. */
	if (from == PZ_SYNC_HUB && to == PZ_SYNC_HUB)
		return kind->id == PZ_SYNC_CRL;
	if (from == PZ_SYNC_DEVICE && to == PZ_SYNC_DEVICE)
		return kind->is_passed_on;
	/* A hub that was restored from a backup learns from its devices what it had signed since.
	 */
	return kind->direction == PZ_SYNC_BOTH_DIRECTIONS || from == PZ_SYNC_HUB ||
	       kind->order == PZ_SYNC_BY_NUMBER;
}
