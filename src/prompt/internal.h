/* Inside prompt/ only: a question, and what its files call of each other. */
#ifndef PZ_PROMPT_INTERNAL_H
#define PZ_PROMPT_INTERNAL_H

#include "base/log.h"
#include "prompt/memory.h"
#include "prompt/patience.h"
#include "prompt/prompt.h"

#define PZ_PROMPT_ID_CHARS 33 /* 128 random bits in hex, and NUL */

enum pz_question_state {
	PZ_QUESTION_SEEKS,  /* no agent yet: devices that may answer are dialled */
	PZ_QUESTION_WAITS,  /* shown */
	PZ_QUESTION_STORES, /* answered; the answer is being stored */
	PZ_QUESTION_LATE,   /* timed out; an answer may be remembered still */
	PZ_QUESTION_ENDED,
};

/** A question of this device, or of another one. */
struct pz_question {
	struct pz_list all; /* in one of the lists of struct pz_prompts */
	struct pz_prompts *prompts;
	char id[PZ_PROMPT_ID_CHARS];
	char asker[PZ_DEVICE_BYTES_MAX + 1]; /* the device that asks; "": this one */
	struct pz_prompt_key key;
	enum pz_policy_effect effect; /* of the policy */
	enum pz_question_state state;
	json_t *shown; /* as agents see it */
	uint64_t until_us;
	struct pz_timer timer;
	struct pz_list calls;             /* struct pz_prompt_report */
	bool was_answered;                /* ENDED: by a person */
	char by[PZ_DEVICE_BYTES_MAX + 1]; /* name of the agent that answered; "": none did */
	/* STORES: what is reported then */
	pz_prompt_stored stored;
	void *arg;
	struct pz_prompt_outcome outcome;
};

/** What is reported at the end of the turn: a call's answer, or what an answer has done. While its
 * call waits it is in the question's list. */
struct pz_prompt_report {
	struct pz_list all;
	uint64_t ticket; /* 0: `stored` */
	enum pz_prompt_result result;
	char by[PZ_DEVICE_BYTES_MAX + 1]; /* of the question that was answered */
	pz_prompt_stored stored;
	void *arg;
	enum pz_err err;
	struct pz_errinfo info;
	struct pz_prompt_outcome outcome;
};

struct pz_prompts {
	struct pz_prompts_config config;
	struct pz_prompt_memory memory;
	struct pz_patience patience;
	struct pz_list open, guests, ended; /* struct pz_question */
	struct pz_list agents;              /* struct pz_prompt_agent */
	struct pz_list due;                 /* struct pz_prompt_report */
	struct pz_timer report, presence;
	struct pz_log_rate log;
	uint64_t present_until_us;
	unsigned timeout_s;
	bool had_person;
};

/* question.c */
/** A new question with a new id, in no list. NULL: out of memory. */
struct pz_question *pz_question_new(struct pz_prompts *prompts, const struct pz_prompt_key *key,
				    enum pz_policy_effect effect);
/** Frees it with the calls that wait. */
void pz_question_free(struct pz_question *question);
/** Frees all of a list. */
void pz_questions_free(struct pz_list *questions);
/** True when it waits for a person. */
bool pz_question_is_open(const struct pz_question *question);
/** The question of this id in all lists, or NULL. */
struct pz_question *pz_question_find(const struct pz_prompts *prompts, const char *id);
/** Out of the lists of those that wait; known still as one that has ended. @param state LATE or
 * ENDED */
void pz_question_end(struct pz_question *question, enum pz_question_state state);
/** Number of questions in a list. */
size_t pz_question_count(const struct pz_list *list);
/** A call is answered at the end of the turn. @param report of a question's list @param by name of
 * the agent that answered; "": none did */
void pz_prompt_report_call(struct pz_prompts *prompts, struct pz_prompt_report *report,
			   enum pz_prompt_result result, const char *by);
/** `stored` is called at the end of the turn. Errors: LIMIT_MEMORY. */
enum pz_err pz_prompt_report_stored(struct pz_prompts *prompts, pz_prompt_stored stored, void *arg,
				    enum pz_err err, const char *detail,
				    const struct pz_prompt_outcome *outcome) PZ_MUST_USE;

/* prompt.c */
/** Its calls are answered at the end of the turn. @param by name of the agent that answered; "":
 * none did */
void pz_question_report(struct pz_question *question, enum pz_prompt_result result, const char *by);
/** Where an answer is stored is reported to the one that gave it, at most once. */
void pz_question_report_stored(struct pz_prompts *prompts, struct pz_question *question,
			       enum pz_err err, const char *detail);
/** Agents lose it, its calls are denied, and it ends. @param why for the log and for agents */
void pz_question_deny(struct pz_question *question, enum pz_question_state state, const char *why);

/* show.c */
/** What is shown of a question besides its key. Borrowed; NULL: not known. */
struct pz_prompt_view {
	const char *display_name; /* of the device that the caller is on */
	const char *origin;       /* of the app */
	const char *service, *function;
	struct pz_slice rule;
	uint64_t wait_us;
};
/** What agents see of a question: {id, device, since, until, effect, who, what, rule, answers,
 * text}. New; NULL: out of memory. */
json_t *pz_prompt_describe(const struct pz_question *question, const struct pz_prompt_view *view);

/* agent.c */
/** True when there is one that may answer this. */
bool pz_agents_has_for(const struct pz_prompts *prompts, const struct pz_question *question);
/** True when this one may answer it. @param agent NULL: a program on the control socket */
bool pz_agent_may_answer(const struct pz_prompt_agent *agent, const struct pz_question *question);
/** Shows it to all that may answer. */
void pz_agents_show(struct pz_question *question);
/** Takes it away from all that may answer. */
void pz_agents_hide(struct pz_question *question, const char *why);
/** The time of pz_prompts_present has passed. @param arg the prompts */
void pz_agents_on_presence(struct pz_timer *timer, void *arg);

/* guest.c */
/** A person has answered a question of another device. Errors: IO_CLOSED. */
enum pz_err pz_guest_answer(struct pz_question *question, enum pz_prompt_answer answer,
			    struct pz_errinfo *info) PZ_MUST_USE;

#endif
