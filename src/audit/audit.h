/*
 * The audit: each decision of access policy becomes one record. A record is a line of JSON that
 * ends with its hash: the SHA-256 of the hash of the record before it and of the line. So a record
 * that is missing, altered or at another place is found (pz_audit_check_step).
 *
 *     pz_audit_record ──> queue in memory ──> one transaction each PZ_AUDIT_SAVE_US ──> segments
 *
 * A record never waits for the disk, and so no call does. While the disk is full, records wait in
 * the queue. When the queue is full they are counted, and the gap becomes a record. Both are a
 * condition (audit-behind). A process that is killed loses what is in the queue; the chain on disk
 * stays valid, since a transaction has records and head.
 *
 * A record has no parameters and no payload.
 * @spec page 9, 16; page 14 LOG-1, LOG-8
 */
#ifndef PZ_AUDIT_AUDIT_H
#define PZ_AUDIT_AUDIT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/auto.h"
#include "base/env.h"
#include "base/limits.h"
#include "base/slice.h"
#include "condition/condition.h"
#include "policy/decide.h"
#include "store/store.h"

#define PZ_AUDIT_HASH_BYTES 32                        /* SHA-256 */
#define PZ_AUDIT_SINCE_S_MAX ((INT64_C(1) << 40) - 1) /* wall clock of a query, in seconds */

struct pz_audit;
struct pz_request;

struct pz_audit_config {
	const struct pz_env *env;         /* borrowed */
	struct pz_store *store;           /* borrowed; freed after the audit */
	struct pz_conditions *conditions; /* borrowed; may be NULL */
};

/** One decision. All borrowed for the call. A text that is too long is cut, control characters and
 * malformed UTF-8 become '?'. NULL and "" stand for nothing. */
struct pz_audit_entry {
	uint64_t time_ms; /* wall clock; 0: now */
	uint64_t same;    /* other than 0: entries with this number are equal but for the time */
	bool is_allowed;  /* what came of it: the call may continue */
	/* What the documents say: its effect, the slot that decided, and the path of elements to
	 * the rule. NULL: nothing could be decided, `fault` says why. */
	const struct pz_policy_decision *decision;
	/* who, as verified */
	struct pz_slice user_id; /* the zone; before enrolment the name of the device */
	struct pz_slice device;  /* requestor-id */
	struct pz_slice app;     /* id of the app, without its instance */
	/* what */
	const char *point;      /* the point of the decision, a word such as "call", "find" */
	const char *feature;    /* api-feature */
	const char *service_id; /* of the instance */
	const char *method;     /* its name */
	const char *target;     /* name of the device that hosts the service; NULL: this one */
	/* a person */
	bool was_asked;       /* a person has answered, now or before; the answer is `is_allowed` */
	const char *asked_by; /* what showed the question: "control", "desktop", name of a device;
				 NULL: not known, or an answer that was remembered */
	const char *fault;    /* why nothing was decided, one line */
};

/**
 * Reads where the log ends. Where that cannot be read the log continues all the same, the condition
 * audit-damaged is raised, and a record says so.
 * Errors: IO (of the store), LIMIT_MEMORY.
 */
enum pz_err pz_audit_new(const struct pz_audit_config *config, struct pz_audit **out,
			 struct pz_errinfo *info) PZ_MUST_USE;
/** Writes waiting records, as far as the store accepts them. NULL is fine. */
void pz_audit_free(struct pz_audit *audit);
PZ_AUTO_DEFINE(struct pz_audit, pz_audit_free)

/** What is kept: older records and, above that size, the oldest ones are removed, a segment at a
 * time. @param days at least 1; @param bytes at least PZ_AUDIT_BYTES_MIN */
void pz_audit_set_retention(struct pz_audit *audit, unsigned days, uint64_t bytes);

/** Records a decision. Cannot fail: what finds no room is counted. @param audit NULL is fine */
void pz_audit_record(struct pz_audit *audit, const struct pz_audit_entry *entry);

/** Writes now what waits. */
void pz_audit_save_now(struct pz_audit *audit);

/* ---- the end of a membership: the log goes with the zone ---- */

/** Removes all of it from the store; nothing is written until pz_audit_wiped. Errors:
 * LIMIT_MEMORY. */
enum pz_err pz_audit_wipe(struct pz_audit *audit, struct pz_txn *txn) PZ_MUST_USE;
/** How the transaction has ended. @param is_removed true: the log begins again with record 1;
 * false: it continues */
void pz_audit_wiped(struct pz_audit *audit, bool is_removed);

/* ---- reading ---- */

struct pz_audit_query {
	uint64_t after;      /* number of a record: only later ones */
	uint64_t since_ms;   /* wall clock: only those from then on; 0: all */
	const char *who;     /* zone, device, app, or an address of these; NULL: everyone */
	bool is_denied_only; /* those that were not allowed */
	bool is_raw;         /* texts, byte for byte as the hashes count them, instead of objects */
};

/**
 * Lists records, the oldest first, up to PZ_AUDIT_READ_MAX and one segment in each call.
 * @param out new: {records: [...], next?}; `next` is for `after` of the next call, absent when
 * there are no more. Records that are not on disk yet are included.
 * Errors: IO (of the store), LIMIT_MEMORY.
 */
enum pz_err pz_audit_read(struct pz_audit *audit, const struct pz_audit_query *query, json_t **out,
			  struct pz_errinfo *info) PZ_MUST_USE;

/* ---- verifying ---- */

/** A check of the chain on disk. Zeroed: not begun. */
struct pz_audit_check {
	uint64_t segment;                    /* number of the last one that was looked at */
	uint64_t removals;                   /* of retention, when it began */
	uint64_t first, last, records;       /* numbers of the first and last record; how many */
	uint64_t lost;                       /* records that found no room */
	uint8_t hash[PZ_AUDIT_HASH_BYTES];   /* of the last one */
	uint8_t before[PZ_AUDIT_HASH_BYTES]; /* of the record before the first one */
	uint64_t anchor;                     /* retention says: the last record that it removed */
	uint8_t anchor_hash[PZ_AUDIT_HASH_BYTES];
	bool is_begun, is_ended;
	char problem[160]; /* the first one; "": none */
};

/** Looks at one more segment. Then, as long as not check->is_ended, it is to be called again.
 * Errors: IO (of the store), LIMIT_MEMORY. */
enum pz_err pz_audit_check_step(struct pz_audit *audit, struct pz_audit_check *check,
				struct pz_errinfo *info) PZ_MUST_USE;

/* ---- copy.c: a copy of the log, away from the device ---- */

/** A check of a copy, line by line. Zeroed: not begun. */
struct pz_audit_copy {
	struct pz_audit_check check; /* problem, first, last, records, lost, hash: the result */
	size_t first_len;
	char first[PZ_AUDIT_RECORD_BYTES_MAX]; /* the first line, when its predecessor is missing */
};

/** The next line. @param line without its newline; one that is no record is a problem */
void pz_audit_copy_line(struct pz_audit_copy *copy, struct pz_slice line);
/** Ends the input. A copy does not show whether the newest records are missing: a person has to
 * compare number and hash of the last one. */
void pz_audit_copy_end(struct pz_audit_copy *copy);

/* ---- commands (docs/control-protocol.md) ---- */

/** The command `audit`. */
void pz_audit_command(struct pz_audit *audit, struct pz_request *request);
/** The command `audit-verify`. */
void pz_audit_verify_command(struct pz_audit *audit, struct pz_request *request);

#endif
