/*
 * Questions that wait for a person, and what persons have answered before. A call that the policy
 * lets a person decide becomes a question; agents show it; the first valid answer counts for all
 * calls that wait for it. Where there is no agent, too much is being asked, or no answer comes in
 * time, the answer is no.
 *
 *     access: pz_prompts_ask ──> an answer that is remembered, or a question for the agents
 *     agents: pz_prompts_answer ──> it is stored, then `answered`, for each call that waits
 *
 * Nothing is reported from inside a call that caused it: `answered` comes from a timer.
 * @spec page 9, 11; page 14 PRM-1 to PRM-7
 */
#ifndef PZ_PROMPT_PROMPT_H
#define PZ_PROMPT_PROMPT_H

#include <jansson.h>

#include "base/env.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/slice.h"
#include "prompt/answer.h"
#include "prompt/key.h"
#include "store/store.h"

struct pz_prompts;

/* ---- questions ---- */

/** What a call needs. Borrowed for the call. Texts are verified by this node. */
struct pz_prompt_question {
	uint64_t ticket;              /* of the asker's, other than 0, of one call */
	enum pz_policy_effect effect; /* one of the prompts; anything else is denied */
	struct pz_slice user_id;  /* zone of the caller; before enrolment the name of the device */
	struct pz_slice device;   /* requestor-id; empty: none */
	struct pz_slice app;      /* identity of the app; empty: none */
	struct pz_slice instance; /* of the app: an answer "for this session" is for it alone */
	const char *feature;      /* api-feature, as it was decided */
	const char *service_id;   /* NULL: none */
	const char *function;     /* NULL: none */
	bool is_for_service;      /* the rule names the service: the answer is for it alone */
	struct pz_slice rule;     /* the sentence of the rule; empty: none */
};

/** What becomes of a call. */
enum pz_prompt_result {
	PZ_PROMPT_YES,
	PZ_PROMPT_NO,
	PZ_PROMPT_LATER,    /* `answered` follows, unless pz_prompts_withdraw comes first */
	PZ_PROMPT_NO_AGENT, /* there is no one to ask, or too much is being asked */
};

/* ---- agents ---- */

/**
 * What may answer: a program on the control socket, the desktop, or another device of the owner.
 * Embedded in its owner, which fills in all but `all`. The functions are called from inside calls
 * of this module, also from pz_prompts_ask: they must not call back into it.
 */
struct pz_prompt_agent {
	const char
		*name; /* for logs and the audit: "control", "desktop", or the name of the device */
	const char *device; /* that it is on; NULL: this one. A device gets no questions about
			     * its own calls, and none that came from other devices */
	/** Shows a question. @param question borrowed, as pz_prompts_list */
	void (*show)(struct pz_prompt_agent *agent, const json_t *question);
	/** A displayed question has ended. @param why a few words */
	void (*hide)(struct pz_prompt_agent *agent, const char *id, const char *why);
	struct pz_list all;
};

/* ---- life ---- */

/** What the owner does. No function may free the prompts. */
struct pz_prompts_ops {
	/** The answer for a call. Only from a timer. @param result YES or NO @param by name of the
	 * agent that answered; NULL: no person did, and the call is denied */
	void (*answered)(void *arg, uint64_t ticket, enum pz_prompt_result result, const char *by);
	/** There are no agents for a question, but others could come: dials the devices that may
	 * answer. @return false: there are none. NULL: none. */
	bool (*seek)(void *arg, struct pz_slice asking_device);
	/** The answer to a question of another device goes back to it. @return false: there is no
	 * way. NULL: no questions of other devices are shown here. */
	bool (*reply)(void *arg, const char *device, const char *id, enum pz_prompt_answer answer);
	/** A permit is removed by pz_prompts_delete: what runs by it ends. Must not call back.
	 * NULL: of no interest. */
	void (*taken_back)(void *arg, const struct pz_prompt_key *key);
	/** pz_prompts_has_person is different from now on. Must not call back. NULL: of no
	 * interest. */
	void (*person_changed)(void *arg, bool has_person);
	/** The name of a device that people see. @return new; NULL: none. May be NULL. */
	char *(*display_name)(void *arg, struct pz_slice zone, struct pz_slice device);
	/** The origin of an app of this device, for people. Borrowed; NULL: not known. May be NULL.
	 */
	const char *(*app_origin)(void *arg, struct pz_slice device, struct pz_slice app);
	/** Something happened that `pzp watch` shows. @param takes_event may be NULL (out of
	 * memory). May be NULL. */
	void (*event)(void *arg, json_t *takes_event);
};

/** Borrowed for the life of the prompts. */
struct pz_prompts_config {
	const struct pz_env *env;
	struct pz_store *store; /* freed after the prompts */
	const struct pz_prompts_ops *ops;
	void *arg;
};

/** Reads what was answered for good. Errors: LIMIT_MEMORY, those of pz_store_load. */
enum pz_err pz_prompts_new(const struct pz_prompts_config *config, struct pz_prompts **out,
			   struct pz_errinfo *info) PZ_MUST_USE;
/** Agents are detached, `answered` is not called any more. NULL is fine. */
void pz_prompts_free(struct pz_prompts *prompts);
/** The time limit of a question, from the next one on. @param seconds between
 * PZ_PROMPT_TIMEOUT_S_MIN and _MAX; what is outside is brought inside */
void pz_prompts_set_timeout(struct pz_prompts *prompts, unsigned seconds);

/* ---- asking ---- */

/** Asks, or finds an earlier answer. @return LATER where a person is asked */
enum pz_prompt_result
pz_prompts_ask(struct pz_prompts *prompts, const struct pz_prompt_question *question) PZ_MUST_USE;
/** The call has ended. Its question goes with the last call. Unknown tickets are fine. */
void pz_prompts_withdraw(struct pz_prompts *prompts, uint64_t ticket);

/* ---- answering ---- */

/** An agent is available: it is shown what waits. Not twice. */
void pz_prompts_join(struct pz_prompts *prompts, struct pz_prompt_agent *agent);
/** It is there, and may answer no longer: what it shows of this device's questions is hidden, and
 * it leaves. The questions continue to wait. @param why one line for its person */
void pz_prompts_dismiss(struct pz_prompts *prompts, struct pz_prompt_agent *agent, const char *why);
/** It has gone; nothing is called any more. One that is not there is fine. */
void pz_prompts_leave(struct pz_prompts *prompts, struct pz_prompt_agent *agent);
/** A person looks for questions now: counts as an agent for PZ_PROMPT_PRESENT_US. */
void pz_prompts_present(struct pz_prompts *prompts);

/** What an answer has done. */
struct pz_prompt_outcome {
	enum pz_prompt_answer answer; /* that counts: clamped */
	bool is_late;                 /* the call was denied before; the answer is remembered */
};
/** Where the answer is stored, if it is: @param err PZ_OK: it counts */
typedef void (*pz_prompt_stored)(void *arg, enum pz_err err, const char *detail,
				 const struct pz_prompt_outcome *outcome);

/**
 * Answers a question. The first answer counts.
 * @param agent that joined; NULL: a program on the control socket
 * @param id as it was shown
 * @param number of enum pz_prompt_answer, as it came in; it is clamped
 * @param stored called from a timer or a commit, once, when the answer counts and, where it is to
 *        be remembered, is durable; also with the error of the store: then the answer counts for
 *        this time. May be NULL. @param arg for it
 * Errors (and `stored` is not called): NOTFOUND (no such question), EXISTS (it was answered),
 * IO_TIMEOUT (it was answered too late), DENIED (this agent may not answer it), IO_CLOSED (the
 * device that asks is away), LIMIT_MEMORY.
 */
enum pz_err pz_prompts_answer(struct pz_prompts *prompts, const struct pz_prompt_agent *agent,
			      const char *id, long long number, pz_prompt_stored stored, void *arg,
			      struct pz_errinfo *info) PZ_MUST_USE;
/** The owner of `arg` is gone: no `stored` is called for it any more. */
void pz_prompts_forget_asker(struct pz_prompts *prompts, const void *arg);

/** The questions that wait: [{id, device, since, until, who, what, answers, text}], the oldest
 * first, as docs/control-protocol.md has it. New array; NULL: out of memory. */
json_t *pz_prompts_list(const struct pz_prompts *prompts);

/* ---- questions of other devices ---- */

/** True when a person can answer here: a program, the desktop, or a person who has just looked. */
bool pz_prompts_has_person(const struct pz_prompts *prompts);
/**
 * Another device of the owner asks. Shown to the agents of this device only.
 * @param device that asks, as its link has proved
 * @param question as `show` got it there, and `left`, the ms that it waits; it is checked
 *        like a stranger's
 * Errors: PROTO (malformed), LIMIT (too many wait), LIMIT_MEMORY.
 */
enum pz_err pz_prompts_guest(struct pz_prompts *prompts, const char *device, const json_t *question,
			     struct pz_errinfo *info) PZ_MUST_USE;
/** The device has withdrawn a question. @param id NULL: all of it (its link has ended) */
void pz_prompts_guest_gone(struct pz_prompts *prompts, const char *device, const char *id,
			   const char *why);

/* ---- what was answered ---- */

/** [{id, zone, device, app, feature, service, answer, remember, effect, created}], the oldest
 * first. New array; NULL: out of memory. */
json_t *pz_prompts_answers(struct pz_prompts *prompts);
/**
 * Forgets an answer. @param id of pz_prompts_answers; 0: all
 * @param done called when that is durable, never from inside; it must come or be dropped with the
 * store. Errors: NOTFOUND, LIMIT_MEMORY: `done` is not called
 */
enum pz_err pz_prompts_delete(struct pz_prompts *prompts, uint64_t id, pz_store_done done,
			      void *arg) PZ_MUST_USE;
/** A device is out of the zone, or a zone is no friend any more: what was answered about it is
 * forgotten, and what it asks for is denied. @param device NULL: the whole zone */
void pz_prompts_forget(struct pz_prompts *prompts, const char *zone, const char *device);
/** The same for all devices of the own zone that have left it. @param has_left asked for names */
void pz_prompts_forget_left(struct pz_prompts *prompts, const char *zone,
			    bool (*has_left)(void *arg, const char *device), void *arg);
/** What was answered about an app of this device, or of any, is forgotten, and what it asks for is
 * denied. @param app without its instance */
void pz_prompts_forget_app(struct pz_prompts *prompts, const char *zone, const char *device,
			   const char *app);
/** The session of a caller has ended: in PZ_PROMPT_GRACE_US what was answered for it is forgotten,
 * unless it is back. @param instance NULL: all of the device */
void pz_prompts_session_ended(struct pz_prompts *prompts, struct pz_slice user_id,
			      struct pz_slice device, const struct pz_slice *instance);
/** This device leaves its zone: puts the removal of all answers into the transaction. Errors:
 * LIMIT_MEMORY. */
enum pz_err pz_prompts_wipe(struct pz_prompts *prompts, struct pz_txn *txn) PZ_MUST_USE;
/** The zone was left: memory follows, and what waits is denied. */
void pz_prompts_wiped(struct pz_prompts *prompts);

#endif
