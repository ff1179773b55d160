/* Inside sync/ only: the state of a session, and its sending half. */
#ifndef PZ_SYNC_INTERNAL_H
#define PZ_SYNC_INTERNAL_H

#include "base/buf.h"
#include "base/map.h"
#include "sync/session.h"

/* The names of an exchange's messages depend on the node that opened it. */
enum family {
	FAMILY_SYNC,   /* a hub */
	FAMILY_UPDATE, /* a device */
};

/* Our answer to a Hash, as far as it is sent. */
struct listing {
	bool is_active;
	enum family family;
	unsigned kinds;                        /* bits: not wholly listed yet */
	char after[PZ_SYNC_KEY_BYTES_MAX + 1]; /* last key listed of the lowest one; "": none */
};

/* The answer to our Hash, as far as it has come. */
struct answer {
	bool is_awaited;
	unsigned kinds; /* bits: named in it */
	size_t counts[PZ_SYNC_KIND_COUNT];
	struct pz_map *seen; /* item NUL key of those that we have too; values are not NULL */
};

/* A value that comes in pieces. */
struct pieces {
	const struct pz_sync_kind *kind; /* NULL: none */
	char key[PZ_SYNC_KEY_BYTES_MAX + 1];
	uint64_t mtime_ms;
	size_t size;
	struct pz_buf value;
};

struct pz_sync_session {
	struct pz_sync_config config;
	char self_device[PZ_DEVICE_BYTES_MAX + 1],
		other_device[PZ_DEVICE_BYTES_MAX + 1]; /* or "" */
	bool has_clock;                                /* of the hub at the other end */
	int64_t ahead_ms;                              /* that clock less ours */
	bool is_open_due, is_blocked;
	struct listing listing;
	struct answer answer;
	struct pieces pieces;
	enum family data_family; /* for the next Data */
	struct pz_map *out;      /* item NUL key -> struct outgoing, owned */
	struct pz_map *wanted;   /* item NUL key -> the kind, borrowed */
};

#define PZ_SYNC_PLACE_BYTES_MAX (32 + PZ_SYNC_KEY_BYTES_MAX)

/* item NUL key, for the maps. */
struct place {
	size_t len;
	char bytes[PZ_SYNC_PLACE_BYTES_MAX];
};

/** Writes the map key of one chunk. @return borrowed from `place` */
struct pz_slice
pz_sync_place(struct place *place, const struct pz_sync_kind *kind, const char *key);
/** True when this end may offer chunks of the kind to the other one. @spec page 8 */
static inline bool
pz_sync_may_send(const struct pz_sync_session *s, const struct pz_sync_kind *kind)
{
	return pz_sync_may_go(kind, s->config.self, s->config.other);
}

/** True when this end may accept chunks of the kind from the other one. @spec page 8 */
static inline bool
pz_sync_may_accept(const struct pz_sync_session *s, const struct pz_sync_kind *kind)
{
	return pz_sync_may_go(kind, s->config.other, s->config.self);
}

/** Our copy of an item. @return borrowed; NULL: this node does not keep it, or the item may be
 * exchanged in neither direction */
static inline struct pz_sync_item *
pz_sync_session_item(const struct pz_sync_session *s, const struct pz_sync_kind *kind)
{
	if (!pz_sync_may_send(s, kind) && !pz_sync_may_accept(s, kind))
		return NULL;
	return s->config.ops->item(s->config.arg, kind);
}

/** Queues a chunk that pz_sync_session_pump sends. A chunk that is queued already, or that the
 * other end must not have, is left out. Errors: LIMIT_MEMORY. */
enum pz_err pz_sync_queue_chunk(struct pz_sync_session *s, const struct pz_sync_kind *kind,
				const char *key) PZ_MUST_USE;
/** Queues a request for a chunk. Over PZ_SYNC_WANTED_MAX it is left out: the next exchange asks
 * for it. Errors: LIMIT_MEMORY. */
enum pz_err pz_sync_queue_want(struct pz_sync_session *s, const struct pz_sync_kind *kind,
			       const char *key) PZ_MUST_USE;
/** Frees what is queued. */
void pz_sync_queues_free(struct pz_sync_session *s);

#endif
