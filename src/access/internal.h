/* Inside access/ only. access.c judges calls; request.c builds the request; counters.c: limits on
 * the number of calls; remember.c caches permits; feature.c: names of features; why.c: the last
 * decisions. */
#ifndef PZ_ACCESS_INTERNAL_H
#define PZ_ACCESS_INTERNAL_H

#include "access/access.h"
#include "base/list.h"
#include "base/map.h"

/* A judged call, counted references: of a waiting question, of the cache of permits, and of the
 * list of the last decisions. */
struct pz_access_kept {
	unsigned references;
	uint64_t same; /* number of a cached permit; 0: it is not cached */
	uint64_t time_ms;
	enum pz_access_point point;
	enum pz_access_verdict verdict;
	struct pz_policy_request *request; /* owned */
	char *text;                        /* owned; the caller and the call point into it */
	struct pz_access_caller caller;
	const char *feature, *service_id, *function, *target;
	struct pz_policy_decision decision;
	struct pz_policy_document *documents[PZ_POLICY_SLOTS]; /* references: `decision` points into
								  them */
	bool was_asked;
	bool is_counted;                        /* this call is in the numbers of the counters */
	char asked_by[PZ_DEVICE_BYTES_MAX + 1]; /* "": not known */
	const char *fault;                      /* static */
};

/* One of the last decisions. */
struct pz_access_noted {
	uint64_t id;
	uint64_t time_ms;
	struct pz_access_kept *kept; /* a reference */
};

/* The key of a cached permit: caller, call and point. */
struct pz_access_key {
	size_t len;
	char bytes[1024]; /* a call whose key would be longer is not cached */
};

struct pz_access {
	const struct pz_env *env;
	const struct pz_access_ops *ops;
	void *arg;
	struct pz_list waits;
	size_t wait_count;
	uint64_t last_id;
	struct pz_access_noted noted[PZ_ACCESS_DECISIONS_KEPT]; /* by id */
	struct pz_map *remembered; /* pz_access_key -> pz_access_kept, a reference; or NULL */
	uint64_t last_same;
	/* own names with which the cached permits were decided */
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	bool is_identity_asked; /* the last decision looked for a device or a friend */
	/* Fires when time alone may change a decision: streams are then judged again. */
	struct pz_timer turn;
	const struct pz_policy_document *timed[PZ_POLICY_SLOTS]; /* that `turn` was set for */
	/* names that the documents of `timed` compare with numbers of calls */
	char counters[PZ_POLICY_COUNTERS_MAX][PZ_POLICY_COUNTER_BYTES_MAX + 1];
	size_t counter_count;
	int64_t minute; /* of `local`, since 1970 */
	struct tm local;
};

/* ---- request.c ---- */
/** True where only a denial counts: E1, E3 and E4. */
bool pz_access_is_edge(enum pz_access_point point);
/** The documents that apply to a call at its point, and to its caller now. */
struct pz_policy_slots
pz_access_slots_at(const struct pz_access *access, const struct pz_access_kept *kept,
		   const struct pz_policy_slots *slots);
/** Fills in what the generic identities of page 9, 4.2 stand for now. */
void pz_access_identities(struct pz_access *access, struct pz_policy_request *request);
/**
 * Builds the request of page 9, 9.2. @param feature as pz_access_feature gives it
 * @param out new; NULL after a failure
 * Errors: LIMIT (a value is too long), PROTO_MEMBER (a parameter has the wrong type), LIMIT_MEMORY.
 */
enum pz_err pz_access_request(struct pz_access *access, const struct pz_access_caller *caller,
			      const struct pz_access_call *call, struct pz_slice feature,
			      struct pz_policy_request **out) PZ_MUST_USE;

/** Name of the device that hosts the service, or "" (this one, or no device). */
void pz_access_target(const struct pz_access_call *call, char out[PZ_DEVICE_BYTES_MAX + 1]);

/* ---- counters.c ---- */
/** Learns the counters that the documents name. */
void pz_access_learn_counters(struct pz_access *access, const struct pz_policy_slots *slots);
/** Puts the numbers of now into the request. Errors: LIMIT, LIMIT_MEMORY. */
enum pz_err
pz_access_put_counters(struct pz_access *access, struct pz_access_kept *kept) PZ_MUST_USE;
/**
 * The counters of the rules that let a call through, where a call counts.
 * @param out borrowed from the documents
 * @return how many, at most PZ_POLICY_COUNTERS_MAX
 */
size_t pz_access_counters_of(const struct pz_access_kept *kept,
			     struct pz_slice out[PZ_POLICY_COUNTERS_MAX]);

/* ---- remember.c ---- */
/** @return false: a call of this kind is not remembered */
bool pz_access_key(const struct pz_access_caller *caller, const struct pz_access_call *call,
		   struct pz_access_key *out) PZ_MUST_USE;
/** The cached permit of this call; NULL: the call has to be judged, because it was not permitted
 * before, or documents or names have changed. Borrowed. */
struct pz_access_kept *pz_access_recall(struct pz_access *access, const struct pz_access_key *key);
/** Caches a permit that was decided just now, if it may be cached. */
void pz_access_remember(struct pz_access *access, const struct pz_access_key *key,
			struct pz_access_kept *kept);
/** Forgets all of them. */
void pz_access_forget(struct pz_access *access);

/* ---- feature.c ---- */
#define PZ_ACCESS_FEATURE_BYTES (PZ_API_BYTES_MAX + 64)
/**
 * The feature by which policies know a call: maps built-in objects and aliases of an API to the
 * names that policies use.
 * @param part NULL: none
 * @return false: too long
 */
bool
pz_access_feature(const char *api, const char *part, char out[PZ_ACCESS_FEATURE_BYTES]) PZ_MUST_USE;

/* ---- why.c ---- */
/** Notes a decision in the place of the oldest. @param takes_kept a reference */
void pz_access_note(struct pz_access *access, uint64_t id, uint64_t time_ms,
		    struct pz_access_kept *takes_kept);
/** Gives a reference back. NULL is fine. */
void pz_access_kept_free(struct pz_access_kept *kept);

#endif
