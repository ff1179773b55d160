/* The items that are synchronised: the one table of them. Nothing else ever is (page 14 DAT-3). */
#ifndef PZ_SYNC_KIND_H
#define PZ_SYNC_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/** Who writes an item, so in which direction it travels. */
enum pz_sync_direction {
	PZ_SYNC_FROM_HUB, /* PZH -> PZP; a device offers the hub none of it but CRLs and policies */
	PZ_SYNC_BOTH_DIRECTIONS,
};

/** Which of two versions of a chunk is kept. */
enum pz_sync_order {
	PZ_SYNC_BY_TIME,   /* later mtime */
	PZ_SYNC_BY_NUMBER, /* higher number inside the signed value, always */
	PZ_SYNC_BY_OWNER,  /* the key is a device; its own version always, else the hub's */
};

/** What the two ends of a session are. */
enum pz_sync_role {
	PZ_SYNC_DEVICE,
	PZ_SYNC_HUB,
};

/*
 * X(ID, name on the wire, direction, whether a peer may pass it on, order, preference that opts out
 * or NULL, largest value in bytes, most chunks)
 */
#define PZ_SYNC_KINDS(X)                                                                           \
	X(TRUSTED_PZH, "trusted-pzh", FROM_HUB, true, BY_TIME, NULL, PZ_FRIEND_TEXT_BYTES_MAX,     \
	  2 * PZ_FRIENDS_MAX)                                                                      \
	X(TRUSTED_PZP, "trusted-pzp", FROM_HUB, true, BY_TIME, NULL, PZ_CERT_PEM_BYTES_MAX,        \
	  PZ_DEVICES_PER_ZONE_MAX)                                                                 \
	X(CRL, "crl", FROM_HUB, true, BY_NUMBER, NULL, PZ_CRL_PEM_BYTES_MAX, 1024)                 \
	X(ZONE_SECRET, "zone-secret", FROM_HUB, false, BY_TIME, NULL, 256, 1)                      \
	X(RIGHTS, "rights", FROM_HUB, false, BY_TIME, NULL, 256, PZ_DEVICES_PER_ZONE_MAX)          \
	X(POLICIES, "policies", FROM_HUB, true, BY_NUMBER, "sync.policies",                        \
	  PZ_SYNC_VALUE_BYTES_MAX, 4)                                                              \
	X(PREFERENCES, "preferences", BOTH_DIRECTIONS, true, BY_TIME, "sync.preferences", 65536,   \
	  1024)                                                                                    \
	X(USER_DETAILS, "user-details", BOTH_DIRECTIONS, true, BY_TIME, "sync.user-details",       \
	  65536, PZ_SYNC_CHUNKS_MAX)                                                               \
	X(SERVICE_CACHE, "service-cache", BOTH_DIRECTIONS, true, BY_OWNER, "sync.service-cache",   \
	  PZ_ANNOUNCEMENT_BYTES_MAX, PZ_DEVICES_PER_ZONE_MAX)                                      \
	X(CONTEXT, "context", BOTH_DIRECTIONS, true, BY_TIME, "sync.context", 65536,               \
	  PZ_SYNC_CHUNKS_MAX)                                                                      \
	X(APP_DATA, "app-data", BOTH_DIRECTIONS, true, BY_TIME, "sync.app-data",                   \
	  PZ_SYNC_VALUE_BYTES_MAX, PZ_SYNC_CHUNKS_MAX)

enum pz_sync_id {
#define X(id, name, way, pass, order, pref, value, chunks) PZ_SYNC_##id,
	PZ_SYNC_KINDS(X)
#undef X
		PZ_SYNC_KIND_COUNT
};

/** One row. Static storage. */
struct pz_sync_kind {
	enum pz_sync_id id;
	const char *name;
	enum pz_sync_direction direction;
	bool is_passed_on; /* also from device to device */
	enum pz_sync_order order;
	const char *preference; /* its key; NULL: cannot be opted out */
	size_t value_bytes_max, chunks_max;
};

/** The row of an item. @spec page 8, page 14 DAT-3 */
const struct pz_sync_kind *pz_sync_kind(enum pz_sync_id id);
/** The row of a name; NULL: no such item. */
const struct pz_sync_kind *pz_sync_kind_find(const char *name);

/**
 * True when chunks of this item may go from one end of a link to the other. Between two hubs
 * (friends) only CRLs do. CRLs and policies go in every direction: number and signature prove them
 * by themselves, and a hub that was restored from a backup has older ones than its devices.
 * @spec page 8 table, "When"; page 14 ZON-6, REV-4
 */
bool pz_sync_may_go(const struct pz_sync_kind *kind, enum pz_sync_role from, enum pz_sync_role to);

#endif
