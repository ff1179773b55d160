/*
 * Access control: every call is judged here before anything runs (page 9, 10). The enforcement
 * point (PEP) and the information point (PIP): a request is built from the verified identity of the
 * caller and from the call, and decided by the documents in the slots; the decision is enforced.
 * When something is missing or wrong the call is denied.
 *
 * The slots, the prompts, the audit and the names of the zone are reached only through a table of
 * operations.
 * @spec page 9, 9.2; page 9, 10; page 14 AC-1, AC-2
 */
#ifndef PZ_ACCESS_ACCESS_H
#define PZ_ACCESS_ACCESS_H

#include <jansson.h>
#include <time.h>

#include "base/env.h"
#include "base/limits.h"
#include "policy/decide.h"

struct pz_access;

/* ---- who calls ---- */

/** The relation of the caller to this node. */
enum pz_access_kind {
	PZ_ACCESS_PROGRAM, /* a program of the owner on this device, by the control socket */
	PZ_ACCESS_APP,     /* an app, here or on another device of the zone */
	PZ_ACCESS_DEVICE,  /* another device of the own zone, or the own hub */
	PZ_ACCESS_FRIEND,  /* of a friend zone */
	PZ_ACCESS_STRANGER,
};

/** A verified caller: the link has proved its identity, or the own hub vouches for it. Borrowed
 * texts; an absent part is empty. */
struct pz_access_caller {
	enum pz_access_kind kind;
	const char *address;      /* as a whole */
	struct pz_slice user_id;  /* the zone; before enrolment the name of the device */
	struct pz_slice device;   /* requestor-id */
	struct pz_slice app;      /* identity of the app, without its instance */
	struct pz_slice instance; /* of the app */
};

/* ---- what is called ---- */

/** Where a call is judged. */
enum pz_access_point {
	PZ_ACCESS_SEND,   /* E1: it leaves this device; only a denial is enforced here */
	PZ_ACCESS_ENTER,  /* E3: it enters the zone; likewise */
	PZ_ACCESS_LEAVE,  /* E4: it leaves the zone; likewise */
	PZ_ACCESS_INVOKE, /* E2, E5: it reaches a service */
	PZ_ACCESS_BIND,   /* E2, E5: a service is bound */
	PZ_ACCESS_LISTEN, /* E2, E5: a running stream is judged again; no person is asked */
	PZ_ACCESS_FIND,   /* E6: a search begins */
	PZ_ACCESS_SHOW,   /* E6: one service in its result; prompts count as allowed */
	PZ_ACCESS_MANAGE, /* E7: policy, configuration, prompts */
};

/** The API and function by which policies know the receiving of files (page 15 "Kind file"). */
#define PZ_FILE_API "http://webinos.org/api/w3c/file"
#define PZ_FILE_FUNCTION "receive"

enum pz_access_verdict {
	PZ_ACCESS_PERMIT,
	PZ_ACCESS_DENY,    /* by policy */
	PZ_ACCESS_REFUSED, /* by the person who was asked */
	PZ_ACCESS_ASKED, /* a person is being asked, or the call is being counted; `done` follows */
};

/** The result of a question, or of counting. Never called from inside pz_access_judge. @param
 * verdict not ASKED @param was_asked a person answered */
typedef void (*pz_access_done)(void *arg, uint64_t ticket, enum pz_access_verdict verdict,
			       bool was_asked);

/** One call. All borrowed for the judgment; NULL where it does not apply. */
struct pz_access_call {
	enum pz_access_point point;
	const char *api;        /* of the service, or the name of a built-in object */
	const char *service_id; /* 32 hex digits */
	const char *function;   /* without its path */
	const char *address;    /* of the node that hosts the service; NULL: this one */
	const char *searched;   /* FIND: the type of service that the caller searches */
	const char *part; /* the service's name for the feature of the function, such as "/read"; a
			     policy for the api covers it */
	/* Names of members of the first parameter that policies may compare, as param:NAME.
	 * `params` is the array that the function gets. */
	const char *const *exports; /* NULL-terminated */
	const json_t *params;
	/* LISTEN: a person has allowed its beginning. Set by pz_access_judge when it used an
	 * earlier answer */
	bool was_asked;
	bool is_asking;      /* set with the verdict ASKED: a person is being asked */
	uint64_t ticket;     /* chosen by the caller, not 0; identifies a question that waits */
	pz_access_done done; /* NULL: the call cannot wait, and a prompt denies it */
	void *arg;
};

/* ---- what access is given ---- */

/** Answer of `ask`. */
enum pz_access_answer {
	PZ_ACCESS_ANSWER_YES,
	PZ_ACCESS_ANSWER_NO,
	PZ_ACCESS_ANSWER_LATER,    /* pz_access_answered is called later, unless access calls
				    * `withdraw` before
				    */
	PZ_ACCESS_ANSWER_NO_AGENT, /* no person can be asked, or too many questions wait */
};

/** A question for the person. Borrowed for the call. @spec page 9, 11 */
struct pz_access_question {
	uint64_t ticket;
	enum pz_policy_effect effect; /* one of the prompts */
	const struct pz_access_caller *caller;
	const char *feature;    /* api-feature, as it was decided */
	const char *service_id; /* or NULL */
	const char *function;   /* or NULL */
	bool is_for_service;    /* the rule names the service: the answer applies to it alone */
	struct pz_slice rule;   /* the sentence of the rule that asks; may be empty */
};

/** One decision, for the audit and for `pzp policy why`. Borrowed for the call. */
struct pz_access_entry {
	uint64_t id;      /* counts from 1 with the start of the daemon */
	uint64_t same;    /* not 0: entries with the same number differ only in id and time */
	uint64_t time_ms; /* wall clock */
	enum pz_access_point point;
	enum pz_access_verdict
		verdict; /* never ASKED: a question has one entry, when it is answered */
	const struct pz_access_caller *caller;
	const char *feature, *service_id, *function, *target; /* "" where it does not apply */
	const struct pz_policy_decision *decision;
	bool was_asked; /* a person has answered, now or earlier, or has not answered in time, which
			   denies */
	const char *asked_by; /* where the question was answered; NULL: an earlier answer was used,
				 or none came in time */
	const char *fault;    /* why no document decided; NULL: one did */
};

/** Names of this node. Borrowed until the end of the turn. */
struct pz_access_names {
	const char *zone;   /* NULL before enrolment */
	const char *device; /* NULL at a hub */
};

/** Call-backs to the owner. Only `names` and `slots` are required. */
struct pz_access_ops {
	void (*names)(void *arg, struct pz_access_names *out);
	/** The documents that decide. NULL: there are none, and every call is denied. */
	const struct pz_policy_slots *(*slots)(void *arg);
	/** True for a friend zone. NULL: no zone is a friend. */
	bool (*is_known_zone)(void *arg, struct pz_slice zone);
	/** True for a device of the own zone. NULL: no device is. */
	bool (*is_own_device)(void *arg, struct pz_slice device);
	/** The origin of an app on this device, as its browser has sent it. Borrowed for the call;
	 * NULL: not known. The op may be NULL. */
	const char *(*origin)(void *arg, struct pz_slice app);
	/** Asks the person. NULL: no person can be asked. Must not call back into access. */
	enum pz_access_answer (*ask)(void *arg, const struct pz_access_question *question);
	/** The answer to a question is no longer needed: its caller has ended. Must not call back
	 * into access. */
	void (*withdraw)(void *arg, uint64_t ticket);
	/** A call was judged. Must not block. */
	void (*record)(void *arg, const struct pz_access_entry *entry);
	/** How many calls this device has counted under a name. NULL: it counts no calls, and a
	 * rule that compares such a number is undetermined. */
	uint64_t (*calls)(void *arg, struct pz_slice counter);
	/**
	 * Adds a call to these counters at once, and stores them. The owner calls pz_access_counted
	 * later.
	 * @return false: they cannot be stored now; the call is denied
	 */
	bool (*count)(void *arg, uint64_t ticket, const struct pz_slice *counters, size_t n);
	/** The owner has to judge running streams again (PZ_ACCESS_LISTEN). */
	void (*recheck)(void *arg);
	/** Local time. NULL: that of the system. */
	void (*local)(void *arg, time_t now, struct tm *out);
};

/* ---- life ---- */

/** @param env, ops borrowed for its life. Errors: LIMIT_MEMORY. */
enum pz_err pz_access_new(const struct pz_env *env, const struct pz_access_ops *ops, void *arg,
			  struct pz_access **out) PZ_MUST_USE;
/** Withdraws questions that wait; their `done` is not called. NULL is fine. */
void pz_access_free(struct pz_access *access);

/* ---- judging ---- */

/**
 * Fills in the caller with this address. The router accepts only messages whose sender the link has
 * proved or the own hub vouches for.
 * @param address borrowed by *out
 * Errors: PROTO_ADDRESS.
 */
enum pz_err pz_access_caller_of(const struct pz_access *access, const char *address,
				struct pz_access_caller *out) PZ_MUST_USE;
/**
 * Judges a call.
 * @param access NULL: every call is denied
 * @return ASKED only if call->done is not NULL
 */
enum pz_access_verdict
pz_access_judge(struct pz_access *access, const struct pz_access_caller *caller,
		struct pz_access_call *call) PZ_MUST_USE;
/** The caller of a question has ended: `done` is not called. Unknown tickets are fine. */
void pz_access_cancel(struct pz_access *access, uint64_t ticket);
/** Reports the person's answer; calls `done` from inside. Unknown tickets are fine. @param answer
 * not LATER @param by where it was given: "control", "desktop", or the name of a device; copied.
 * NULL: no person has answered */
void pz_access_answered(struct pz_access *access, uint64_t ticket, enum pz_access_answer answer,
			const char *by);
/** Reports that the counters of a call were stored. Unknown tickets are fine. @param is_counted
 * false: they could not be stored
 */
void pz_access_counted(struct pz_access *access, uint64_t ticket, bool is_counted);
/**
 * To be called when the slots, the friends, the membership or the clock have changed: judges
 * waiting questions again, and calls pz_access_ops.recheck. Access does so by itself at each time
 * that a document compares with.
 */
void pz_access_changed(struct pz_access *access);

/* ---- why ---- */

/** The last PZ_ACCESS_DECISIONS_KEPT decisions, the newest first: [{id, time, …}] as in
 * docs/control-protocol.md. New array; NULL: out of memory. */
json_t *pz_access_decisions(const struct pz_access *access);
/**
 * Explains a decision.
 * @param id 0: the newest denial, or the newest decision when there is no denial
 * @return new object; NULL: no such decision is kept, or out of memory
 */
json_t *pz_access_why(const struct pz_access *access, uint64_t id);
/**
 * Decides the requests of the last decisions by other documents, and compares the results with
 * those of the current ones.
 * @return {requests, differences: [{who, what, before, after}]}, effects by name, the newest first;
 * NULL: out of memory
 */
json_t *pz_access_compare(struct pz_access *access, const struct pz_policy_slots *slots);

#endif
