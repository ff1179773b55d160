/* Inside policies/ only: policies.c what is in the slots; exceptions.c, counters.c,
 * grants.c what this device stores. */
#ifndef PZ_POLICIES_INTERNAL_H
#define PZ_POLICIES_INTERNAL_H

#include "base/limits.h"
#include "base/list.h"
#include "policies/policies.h"
#include "store/keep.h"

struct pz_policies_snapshot;

/** Exceptions on their way to the disk. */
struct pz_policies_write {
	struct pz_policies *policies; /* NULL: gone meanwhile */
	char *text;                   /* of the record; NULL: a removal */
	void (*done)(void *arg, enum pz_err err, const char *detail);
	void *arg;
};

/** What is in one slot. */
struct pz_policies_content {
	enum pz_policies_state state;
	struct pz_policy_version version;
	char *text; /* owned; NULL: none, or not known */
	size_t len;
	struct pz_policy_document *document; /* a reference; NULL: none, or corrupt */
	struct pz_errinfo reason;            /* of a corrupt one */
};

struct pz_grant;

/** A new grant on its way to the disk. */
struct pz_grants_write {
	struct pz_policies *policies; /* NULL: gone meanwhile */
	struct pz_grant *grant;
	struct pz_request *request;
};

/** Grants of this device (grants.c). */
struct pz_grants {
	struct pz_list rows; /* struct pz_grant, the newest last */
	size_t count;
	uint64_t last_id;
	struct pz_grants_write *write; /* a new one on its way to the disk, or NULL */
	struct pz_keep keep;
};

/** One call on its way to the disk. */
struct pz_policies_counting {
	struct pz_list node;
	struct pz_policies *policies; /* NULL: gone meanwhile */
	uint64_t ticket;
};

/** One counter. */
struct pz_policies_counter {
	char name[PZ_POLICY_COUNTER_BYTES_MAX + 1]; /* "": free */
	uint64_t calls;
};

struct pz_policies {
	struct pz_policies_config config;
	struct pz_policy_cache *cache;
	struct pz_policies_content contents[PZ_POLICY_SLOTS];
	struct pz_policies_snapshot *current; /* NULL: memory did not suffice */
	struct pz_policies_snapshot *former;  /* until the next turn */
	struct pz_timer turn;
	unsigned changes;                /* bits of slots that the owner does not know of yet */
	int64_t last_edit;               /* number of the last change that the hub was asked for */
	struct pz_policies_write *write; /* or NULL */
	struct pz_policies_counter counters[PZ_POLICY_COUNTERS_MAX];
	struct pz_list counts; /* on their way to the disk */
	struct pz_grants grants;
};

/** Reads the counters. Errors: IO (of the store), LIMIT_MEMORY. */
enum pz_err
pz_policies_load_counters(struct pz_policies *policies, struct pz_errinfo *info) PZ_MUST_USE;
/** Removes them from the disk. Errors: LIMIT_MEMORY. */
enum pz_err pz_policies_wipe_counters(struct pz_txn *txn) PZ_MUST_USE;

/** Takes one off the list, and frees it. */
void pz_grants_remove(struct pz_grants *grants, struct pz_grant *grant);
/** Removes all in memory, as at the beginning. */
void pz_grants_clear(struct pz_grants *grants);

/**
 * Puts a document into a slot.
 * @param version NULL: not known
 * @param text copied; one that is not valid makes the slot corrupt
 */
void pz_policies_put(struct pz_policies *policies, enum pz_policy_slot slot,
		     enum pz_policies_state state, const struct pz_policy_version *version,
		     struct pz_slice text);
/** Empties a slot. */
void pz_policies_put_nothing(struct pz_policies *policies, enum pz_policy_slot slot);
/** Makes a slot corrupt. @param why one line */
void
pz_policies_put_corrupt(struct pz_policies *policies, enum pz_policy_slot slot, const char *why);

#endif
