/*
 * A zone that this hub hosts: what it is made of, and what all hosted zones share. Each part of the
 * struct belongs to one file; the others use that file's functions.
 */
#ifndef PZ_HOSTED_ZONE_H
#define PZ_HOSTED_ZONE_H

#include "base/env.h"
#include "base/list.h"
#include "base/map.h"
#include "condition/condition.h"
#include "enrol/codes.h"
#include "enrol/signing.h"
#include "friends/friend.h"
#include "hosted/records.h"
#include "hosted/services.h"
#include "hosted/transact.h"
#include "hosted/trust.h"
#include "hosted/update.h"
#include "metrics/metrics.h"
#include "net/link.h"
#include "route/router.h"
#include "shared/shared.h"
#include "store/store.h"
#include "sync/link.h"
#include "wire/address.h"
#include "x509/keystore.h"
#include "zone/authority.h"

struct pz_border;
struct pz_hosted;

/** What the hub gives to all its zones. */
struct pz_hosting {
	const struct pz_env *env;
	struct pz_store *store;
	struct pz_keystore *keys;
	struct pz_metrics metrics;
	struct pz_conditions *conditions; /* current conditions, for `status` */
	struct pz_list links; /* struct pz_link.owner_node of links that have not registered */
	/* The revocation list of a zone has changed; set by the hub. */
	void (*list_changed)(struct pz_hosted *zone);
	size_t queue_high_bytes; /* to one device; 0: the default */
	uint16_t port; /* devices reach the hub by; before it listens: the configured one */
	bool is_stopping;
	bool is_sweep_due; /* key files may have been left over by a renewal or a new zone */
};

/** What the border of a zone (src/border) follows. Without a border all are NULL. */
struct pz_hosted_watch {
	/** Link, names or services of a device have changed. */
	void (*member)(void *arg, const struct pz_member *member);
	/** Policy has changed, or a time that it compares has come. */
	void (*policy)(void *arg);
	void *arg;
};

/** Attempts to enrol, of late: hub/enrol.c. */
struct pz_hosted_enrolment {
	struct pz_codes codes;
	unsigned failed;                           /* attempts; shown as a condition */
	uint64_t failed_us;                        /* when the last one failed */
	struct pz_signing signed_for, changed_for; /* devices, and what devices change */
	uint64_t slowed_us; /* when one of them had to wait; 0: not of late */
};

/** One zone. */
struct pz_hosted {
	struct pz_hosting *hosting;
	struct pz_authority *authority;         /* changed by hosted/transact.h only */
	struct pz_shared *shared;               /* what every device may write */
	struct pz_sync_links sync;              /* hosted/sync.c */
	struct pz_router *router;               /* between the links of this zone */
	struct pz_hosted_trust trust;           /* hosted/trust.c */
	struct pz_hosted_services services;     /* hosted/services.c */
	struct pz_hosted_updates update;        /* hosted/update.c */
	struct pz_hosted_records records;       /* hosted/records.c */
	struct pz_hosted_turns turns;           /* hosted/transact.c */
	struct pz_hosted_enrolment enrolment;   /* hub/enrol.c */
	const struct pz_friends *known_friends; /* of the authority; NULL: no zone is a friend */
	struct pz_border *border;               /* what crosses its border: src/border */
	struct pz_hosted_watch watch;           /* of the border */
	struct pz_map *friends;                 /* zone -> struct pz_hub_friend: hub/friend.c */
	struct pz_map *clones;          /* device -> struct pz_hosted_clone: hosted/clone.c */
	size_t offered_lists;           /* that wait to be applied: hosted/crl_history.c */
	size_t friend_commands;         /* of devices, that wait: hub/friend_command.c */
	size_t uploads;                 /* policies that come in pieces: hub/policy.c */
	size_t offered_policies;        /* the same: hosted/policy.c */
	struct pz_list links;           /* struct pz_link.owner_node, registered ones */
	size_t connected;               /* devices with a link of their own */
	char tag[PZ_SNI_TAG_CHARS + 1]; /* chooses the zone in a handshake */
	bool is_removed;                /* it is, or is being, removed: nothing of it is stored */
	struct pz_list removed_hook;    /* in pz_hub.removed, when it is */
};

/** True when the zone is a friend that both owners have confirmed. */
static inline bool
pz_hosted_is_friend(const struct pz_hosted *zone, struct pz_slice name)
{
	const struct pz_friend *f = pz_friends_find(zone->known_friends, name);

	return f && pz_friend_is_confirmed(f);
}

#endif
