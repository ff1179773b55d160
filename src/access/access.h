/*
 * Access: every call is judged here before anything runs (page 9, 10). The enforcement point (PEP)
 * and the information point (PIP): a request is built from what is known of the caller for certain
 * and from the call, decided by the documents in the slots, and obeyed. Where something is missing
 * or wrong the answer is no.
 *
 * The slots, the prompts, the audit and the names of the zone are known by a table of operations
 * only.
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

/** What the caller is to this node. */
enum pz_access_kind {
	PZ_ACCESS_PROGRAM, /* a program of the owner on this device, by the control socket */
	PZ_ACCESS_APP,     /* an app, here or on another device of the zone */
	PZ_ACCESS_DEVICE,  /* another device of the own zone, or the own hub */
	PZ_ACCESS_FRIEND,  /* a zone that is known here */
	PZ_ACCESS_STRANGER,
};

/** A verified caller: what the link has proved, or the own hub vouches for. Borrowed texts; an
 * absent part is empty. */
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
	PZ_ACCESS_SEND,   /* E1: it leaves this device; only a denial counts here */
	PZ_ACCESS_ENTER,  /* E3: it enters the zone; likewise */
	PZ_ACCESS_LEAVE,  /* E4: it leaves the zone; likewise */
	PZ_ACCESS_INVOKE, /* E2, E5: it reaches a service */
	PZ_ACCESS_BIND,   /* E2, E5: a service is bound */
	PZ_ACCESS_LISTEN, /* E2, E5: a stream that runs is judged again; nothing is asked */
	PZ_ACCESS_FIND,   /* E6: a search begins */
	PZ_ACCESS_SHOW,   /* E6: one service of its result; what would be asked counts as allowed */
	PZ_ACCESS_MANAGE, /* E7: policy, configuration, prompts */
};

/** What policies call the files that a device takes (page 15 "Kind file"). */
#define PZ_FILE_API "http://webinos.org/api/w3c/file"
#define PZ_FILE_FUNCTION "receive"

enum pz_access_verdict {
	PZ_ACCESS_PERMIT,
	PZ_ACCESS_DENY,    /* by policy */
	PZ_ACCESS_REFUSED, /* by the person who was asked */
	PZ_ACCESS_ASKED, /* a person is being asked, or the call is being counted; `done` follows */
};

/** The end of a question, or of counting. Never called from inside pz_access_judge. @param verdict
 * not ASKED @param was_asked a person answered */
typedef void (*pz_access_done)(void *arg, uint64_t ticket, enum pz_access_verdict verdict,
			       bool was_asked);

/** One call. All borrowed for the judgment; NULL where it does not apply. */
struct pz_access_call {
	enum pz_access_point point;
	const char *api;        /* of the service, or the name of a built-in object */
	const char *service_id; /* 32 hex digits */
	const char *function;   /* without its path */
	const char *address;    /* of the node that hosts the service; NULL: this one */
	const char *searched;   /* FIND: type of service that is looked for */
	const char *part;       /* what the service calls the feature of the function, such as
				   "/read"; a policy for the api covers it */
	/* Parameters that policies may look at, as param:NAME: members of the first one. `params`
	 * is the array that the function gets. */
	const char *const *exports; /* NULL-terminated */
	const json_t *params;
	/* LISTEN: a person allowed its beginning. Set where an answer was there already */
	bool was_asked;
	bool is_asking;      /* set with the verdict ASKED: a person is being asked */
	uint64_t ticket;     /* of the caller's, other than 0; names a question that waits */
	pz_access_done done; /* NULL: the call cannot wait, and what would be asked is denied */
	void *arg;
};

/* ---- what access is given ---- */

/** Answer of `ask`. */
enum pz_access_answer {
	PZ_ACCESS_ANSWER_YES,
	PZ_ACCESS_ANSWER_NO,
	PZ_ACCESS_ANSWER_LATER, /* pz_access_answered follows, or pz_access_ops.withdraw comes first
				 */
	PZ_ACCESS_ANSWER_NO_AGENT, /* there is no one to ask, or too much is being asked */
};

/** A question for the person. Borrowed for the call. @spec page 9, 11 */
struct pz_access_question {
	uint64_t ticket;
	enum pz_policy_effect effect; /* one of the prompts */
	const struct pz_access_caller *caller;
	const char *feature;    /* api-feature, as it was decided */
	const char *service_id; /* or NULL */
	const char *function;   /* or NULL */
	bool is_for_service;    /* the rule names the service: the answer is for it alone */
	struct pz_slice rule;   /* the sentence of the rule that asks; may be empty */
};

/** One decision, for the audit and for `pzp policy why`. Borrowed for the call. */
struct pz_access_entry {
	uint64_t id;      /* counts from 1 with the start of the daemon */
	uint64_t same;    /* other than 0: all with this number are equal but for id and time */
	uint64_t time_ms; /* wall clock */
	enum pz_access_point point;
	enum pz_access_verdict verdict; /* never ASKED: a question is one entry, at its end */
	const struct pz_access_caller *caller;
	const char *feature, *service_id, *function, *target; /* "" where it does not apply */
	const struct pz_policy_decision *decision;
	bool was_asked; /* a person answered, now or before, or did not answer in time: a no */
	const char *asked_by; /* what showed the question that was answered; NULL: an answer of
				 before, or none in time */
	const char *fault;    /* why nothing was decided; NULL: it was */
};

/** Names of this node. Borrowed until the next turn. */
struct pz_access_names {
	const char *zone;   /* NULL before enrolment */
	const char *device; /* NULL at a hub */
};

/** What the owner does for access. Only `names` and `slots` must be there. */
struct pz_access_ops {
	void (*names)(void *arg, struct pz_access_names *out);
	/** The documents to decide by. NULL: there are none, and everything is denied. */
	const struct pz_policy_slots *(*slots)(void *arg);
	/** A zone that the owner has made friends with. NULL: none is. */
	bool (*is_known_zone)(void *arg, struct pz_slice zone);
	/** A device of the own zone. NULL: none is. */
	bool (*is_own_device)(void *arg, struct pz_slice device);
	/** The origin of an app on this device, which its browser has sent. Borrowed for the call;
	 * NULL: not known. May be NULL. */
	const char *(*origin)(void *arg, struct pz_slice app);
	/** Asks the person. NULL: there is no one to ask. Must not call back into access. */
	enum pz_access_answer (*ask)(void *arg, const struct pz_access_question *question);
	/** The caller of a question has gone. Must not call back into access. */
	void (*withdraw)(void *arg, uint64_t ticket);
	/** A call was judged. Must not wait for anything. */
	void (*record)(void *arg, const struct pz_access_entry *entry);
	/** How many calls this device has counted under a name. NULL: it counts none, and a rule
	 * that compares such a number is undetermined. */
	uint64_t (*calls)(void *arg, struct pz_slice counter);
	/**
	 * Adds a call to these counters at once, and puts them on the disk. pz_access_counted
	 * follows, later.
	 * @return false: that is not possible now; the call is denied
	 */
	bool (*count)(void *arg, uint64_t ticket, const struct pz_slice *counters, size_t n);
	/** What runs must be judged again: streams (PZ_ACCESS_LISTEN). */
	void (*recheck)(void *arg);
	/** The time at this place. NULL: of the system. */
	void (*local)(void *arg, time_t now, struct tm *out);
};

/* ---- life ---- */

/** @param env, ops borrowed for its life. Errors: LIMIT_MEMORY. */
enum pz_err pz_access_new(const struct pz_env *env, const struct pz_access_ops *ops, void *arg,
			  struct pz_access **out) PZ_MUST_USE;
/** Questions that wait are withdrawn; their `done` is not called. NULL is fine. */
void pz_access_free(struct pz_access *access);

/* ---- judging ---- */

/**
 * Who an address is to this node. The link has proved it, or the own hub vouches for it: the
 * router lets no other message in.
 * @param address borrowed by *out
 * Errors: PROTO_ADDRESS.
 */
enum pz_err pz_access_caller_of(const struct pz_access *access, const char *address,
				struct pz_access_caller *out) PZ_MUST_USE;
/**
 * Judges a call.
 * @param access NULL: there is no engine, so the answer is no
 * @return ASKED only where call->done is there
 */
enum pz_access_verdict
pz_access_judge(struct pz_access *access, const struct pz_access_caller *caller,
		struct pz_access_call *call) PZ_MUST_USE;
/** The caller of a question has gone: `done` does not come. Unknown tickets are fine. */
void pz_access_cancel(struct pz_access *access, uint64_t ticket);
/** What the person has answered; `done` comes from inside. Unknown tickets are fine. @param answer
 * not LATER @param by what showed the question: "control", "desktop", the name of a device; copied.
 * NULL: no person has answered */
void pz_access_answered(struct pz_access *access, uint64_t ticket, enum pz_access_answer answer,
			const char *by);
/** A call is on the disk. Unknown tickets are fine. @param is_counted false: it could not be
 * written
 */
void pz_access_counted(struct pz_access *access, uint64_t ticket, bool is_counted);
/**
 * The slots, the friends, the membership or the clock have changed: questions that wait are judged
 * again, and so is what runs (pz_access_ops.recheck). Happens by itself when the time comes that a
 * document compares.
 */
void pz_access_changed(struct pz_access *access);

/* ---- why ---- */

/** The last decisions that are kept, the newest first: [{id, time, …}] as in
 * docs/control-protocol.md. New array; NULL: out of memory. */
json_t *pz_access_decisions(const struct pz_access *access);
/**
 * Explains a decision.
 * @param id 0: the newest denial, else the newest one
 * @return new object; NULL: it is not kept (any more), or out of memory
 */
json_t *pz_access_why(const struct pz_access *access, uint64_t id);
/**
 * What other documents would say to the requests of the last decisions, compared with those of now.
 * @return {requests, differences: [{who, what, before, after}]}, effects by name, the newest first;
 * NULL: out of memory
 */
json_t *pz_access_compare(struct pz_access *access, const struct pz_policy_slots *slots);

#endif
