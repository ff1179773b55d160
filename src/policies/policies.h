/*
 * The slots of this device (page 9, 7 and 13): which document each has, and its version. Documents
 * are immutable and swapped by pointer, so a decision never looks at half a document.
 *
 * A document that is there and is not valid makes its slot corrupt: what it would say is
 * undetermined, so it denies, and the condition policy-corrupt is raised.
 */
#ifndef PZ_POLICIES_POLICIES_H
#define PZ_POLICIES_POLICIES_H

#include "base/auto.h"
#include "base/env.h"
#include "condition/condition.h"
#include "policies/record.h"
#include "policy/decide.h"
#include "store/store.h"

struct pz_policies;
struct pz_policies_hub;

struct pz_policies_config {
	const struct pz_env *env;         /* borrowed */
	struct pz_store *store;           /* borrowed; freed after the policies */
	struct pz_conditions *conditions; /* borrowed; may be NULL */
	/** Slots have changed. Never called from inside a call of the owner's.
	 * @param slots bits 1 << enum pz_policy_slot. May be NULL */
	void (*changed)(void *arg, unsigned slots);
	/** The end of pz_policies_count: whether it is on the disk. May be NULL. */
	void (*counted)(void *arg, uint64_t ticket, bool is_counted);
	/** True when the zone is a friend whose devices may have links here. NULL: none is. */
	bool (*is_friend)(void *arg, const char *zone);
	/** True when the owner's policy of the zone is on the disk. NULL: it is. */
	bool (*is_user_stored)(void *arg);
	void *arg;
	/* For the commands (policies/commands.h). */
	const char *self; /* own address; what it points to is kept up to date */
	/** The last requests that were decided here, decided by other documents: {requests,
	 * differences[{who, what, before, after}]}, new; NULL: out of memory */
	json_t *(*compare)(void *arg, const struct pz_policy_slots *slots);
	const struct pz_policies_hub *hub; /* NULL: there is no hub to ask */
};

/** What a slot has. */
enum pz_policies_state {
	PZ_POLICIES_NONE,    /* no document */
	PZ_POLICIES_DEFAULT, /* user: the zone has none, so the default of the program counts */
	PZ_POLICIES_VALID,
	PZ_POLICIES_CORRUPT, /* there is one, and it is not valid */
};

/** One slot, as `policy list` shows it. */
struct pz_policies_slot {
	enum pz_policies_state state;
	struct pz_policy_version version; /* where it is known: sequence 0, author "" otherwise */
	struct pz_slice text; /* as it was given, also of a corrupt one where it is known; borrowed
				 until the slot changes */
	const char *reason;   /* of a corrupt one, one line, borrowed likewise; else "" */
};

/** The owner's slot has the default, the others are empty. Errors: LIMIT_MEMORY. */
enum pz_err pz_policies_new(const struct pz_policies_config *config, struct pz_policies **out,
			    struct pz_errinfo *info) PZ_MUST_USE;
/** Reads the exceptions, the grants and the counters that this device has stored. Errors: IO (of
 * the store), LIMIT_MEMORY. */
enum pz_err pz_policies_load(struct pz_policies *policies, struct pz_errinfo *info) PZ_MUST_USE;
/** No decision may use its slots any more. NULL is fine. */
void pz_policies_free(struct pz_policies *policies);
PZ_AUTO_DEFINE(struct pz_policies, pz_policies_free)

/** The documents to decide by, never NULL. They stay valid until the next turn after a change. */
const struct pz_policy_slots *pz_policies_slots(const struct pz_policies *policies);
/** What is in one slot. */
struct pz_policies_slot
pz_policies_slot(const struct pz_policies *policies, enum pz_policy_slot slot);
/** "none", "default", "valid" or "corrupt"; static. */
const char *pz_policies_state_text(enum pz_policies_state state);
/** A document of a text, parsed once for its hash. Errors: those of pz_policy_document_parse. */
enum pz_err
pz_policies_parse(struct pz_policies *policies, struct pz_slice text,
		  struct pz_policy_document **out, struct pz_policy_fault *fault) PZ_MUST_USE;

/* ---- what is put into the slots: they count at once ---- */

/** The manufacturer's document. @param text copied; ptr NULL: no file @param unreadable NULL,
 * or why the file could not be read: then the slot is corrupt */
void pz_policies_set_manufacturer(struct pz_policies *policies, struct pz_slice text,
				  const char *unreadable);
/** The document of all apps of this device (src/manifests). @param text, unreadable as above */
void
pz_policies_set_app(struct pz_policies *policies, struct pz_slice text, const char *unreadable);
/** The owner's document, which has been verified. @param record NULL: the zone has none */
void pz_policies_set_user(struct pz_policies *policies, const struct pz_policy_record *record);
/** What is stored of the owner's document cannot be read. @param why one line */
void pz_policies_set_user_unreadable(struct pz_policies *policies, const char *why);

/**
 * Replaces the exceptions of this device. They count when they are on disk.
 * @param text copied; ptr NULL: there are none from then on
 * @param base sequence number of the document that the new one is based on; 0: there was none
 * @param author address of this device
 * @param done called later, never from inside; not at all when the policies are freed before
 * Errors: CONFIG, LIMIT (not valid; with the line), EXISTS (based on an older document, or a change
 * is being stored), LIMIT_MEMORY; `done` is not called then.
 */
enum pz_err pz_policies_set_exceptions(struct pz_policies *policies, struct pz_slice text,
				       uint64_t base, const char *author,
				       void (*done)(void *arg, enum pz_err err, const char *detail),
				       void *arg, struct pz_errinfo *info) PZ_MUST_USE;

/* ---- counters.c: calls that rules count ---- */

/** How many calls this device has counted under a name, at least: a crash may add those that were
 * being counted. */
uint64_t pz_policies_calls(const struct pz_policies *policies, struct pz_slice counter);
/**
 * Adds one call to each of these counters at once, and puts them on the disk; config.counted
 * follows, later, never from inside. A new counter takes the place of those that no document names
 * any more.
 * @param counters names, copied
 * @return false: there is no room for them, or no memory; `counted` does not follow
 */
bool pz_policies_count(struct pz_policies *policies, uint64_t ticket,
		       const struct pz_slice *counters, size_t count);

/** Removes what this device has stored. Errors: LIMIT_MEMORY. */
enum pz_err pz_policies_wipe(struct pz_policies *policies, struct pz_txn *txn) PZ_MUST_USE;
/** The same in memory: the manufacturer's document stays, the owner's is the default. */
void pz_policies_wiped(struct pz_policies *policies);

#endif
