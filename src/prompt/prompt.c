/*
 * A question from the call that asks to the answer.
 *
 *     SEEKS ──agent──> WAITS ──answer──> STORES ──durable──> ENDED
 *       │ none comes     │ once, session ───────────────────────^
 *       └──> ENDED       └─ time-out ──> LATE ──> ENDED
 *
 * Results are reported from a timer, never inside the call that causes them. A permanent answer is
 * durable before its call continues: if the process dies in between, nothing was allowed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "prompt/internal.h"

/* ---- reports ---- */

/* A call-back may ask again, answer, or withdraw another call. So each round takes the present
 * first entry of the list, and a report leaves the list before its call-back runs. */
static void
on_report(struct pz_timer *timer, void *arg)
{
	struct pz_prompts *prompts = arg;
	const struct pz_prompts_config *config = &prompts->config;
	struct pz_list *n;

	(void)timer;
	while ((n = pz_list_first(&prompts->due)) != NULL) {
		PZ_AUTO_FREE struct pz_prompt_report *report =
			PZ_CONTAINER(n, struct pz_prompt_report, all);

		pz_list_remove(n);
		if (report->ticket)
			config->ops->answered(config->arg, report->ticket, report->result,
					      report->by[0] ? report->by : NULL);
		else
			report->stored(report->arg, report->err, report->info.text,
				       &report->outcome);
	}
}

/* The answer to a command may wait for the timer or for the disk: both are found by the command
 * that asked. */
void
pz_prompts_forget_asker(struct pz_prompts *prompts, const void *arg)
{
	PZ_LIST_EACH (&prompts->due, n, tmp) {
		struct pz_prompt_report *report = PZ_CONTAINER(n, struct pz_prompt_report, all);

		if (report->ticket == 0 && report->arg == arg) {
			pz_list_remove(n);
			free(report);
		}
	}
	PZ_LIST_EACH (&prompts->open, n, tmp) {
		struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);

		if (question->arg == arg)
			question->stored = NULL;
	}
}

/* ---- the end of a question ---- */

/* @param by name of the agent that answered; "": no agent */
void
pz_question_report(struct pz_question *question, enum pz_prompt_result result, const char *by)
{
	PZ_LIST_EACH (&question->calls, n, tmp)
		pz_prompt_report_call(question->prompts,
				      PZ_CONTAINER(n, struct pz_prompt_report, all), result, by);
}

static void
note_end(const struct pz_question *question, const char *how)
{
	struct pz_prompts *prompts = question->prompts;
	const struct pz_prompt_key *key = &question->key;

	pz_info_of(&prompts->log, prompts->config.env, "prompt-ended",
		   "user=%s device=%s app=%s feature=%s a question has ended: %s",
		   pz_prompt_key_field(key, PZ_PROMPT_ZONE),
		   pz_prompt_key_field(key, PZ_PROMPT_DEVICE),
		   pz_prompt_key_field(key, PZ_PROMPT_APP),
		   pz_prompt_key_field(key, PZ_PROMPT_FEATURE), how);
}

/* Agents lose the question before the call gets its answer: a person must not answer a question
 * that is over. */
void
pz_question_deny(struct pz_question *question, enum pz_question_state state, const char *why)
{
	note_end(question, why);
	pz_agents_hide(question, why);
	pz_question_report(question, PZ_PROMPT_NO, "");
	pz_question_end(question, state);
}

/* One timer for each state that ends by time. A question without an answer counts against its
 * caller (patience.h); one without an agent does not, because no person saw it. */
static void
on_timeout(struct pz_timer *timer, void *arg)
{
	struct pz_question *question = arg;

	(void)timer;
	switch (question->state) {
	case PZ_QUESTION_SEEKS:
		pz_question_deny(question, PZ_QUESTION_ENDED, "denied: no prompt agent");
		break;
	case PZ_QUESTION_WAITS:
		pz_patience_denied(&question->prompts->patience, &question->key,
				   pz_env_mono_us(question->prompts->config.env));
		pz_question_deny(question, PZ_QUESTION_LATE, "denied: no answer in time");
		break;
	case PZ_QUESTION_LATE:
		question->state = PZ_QUESTION_ENDED;
		break;
	case PZ_QUESTION_STORES:
	case PZ_QUESTION_ENDED:
		break;
	}
}

/* This answer may also apply to other questions: about another function, or for the session. */
static void
answer_others(struct pz_prompts *prompts, const char *by)
{
	PZ_LIST_EACH (&prompts->open, n, tmp) {
		struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);
		enum pz_prompt_answer answer;

		if (!pz_question_is_open(question) ||
		    !pz_prompt_memory_find(&prompts->memory, &question->key, question->effect,
					   &answer))
			continue;
		pz_agents_hide(question, "answered");
		pz_question_report(question,
				   pz_prompt_allows(answer) ? PZ_PROMPT_YES : PZ_PROMPT_NO, by);
		question->was_answered = true;
		pz_question_end(question, PZ_QUESTION_ENDED);
	}
}

/* ---- asking ---- */

/* Errors: those of pz_prompt_key_make. */
static enum pz_err
read_key(const struct pz_prompt_question *q, struct pz_prompt_key *out)
{
	const struct pz_slice fields[PZ_PROMPT_FIELDS] = {
		[PZ_PROMPT_ZONE] = q->user_id,
		[PZ_PROMPT_DEVICE] = q->device,
		[PZ_PROMPT_APP] = q->app,
		[PZ_PROMPT_FEATURE] = pz_slice_str(q->feature),
		[PZ_PROMPT_SERVICE] = pz_slice_str(q->is_for_service ? q->service_id : NULL),
		[PZ_PROMPT_INSTANCE] = q->instance,
	};

	return pz_prompt_key_make(fields, out);
}

/* A waiting question that needs the same answer. A single permit covers exactly what was read: the
 * same function of the same service. */
static struct pz_question *
find_same(const struct pz_prompts *prompts, const struct pz_prompt_question *q,
	  const struct pz_prompt_key *key)
{
	PZ_LIST_EACH (&prompts->open, n, tmp) {
		struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);
		const json_t *what = json_object_get(question->shown, "what");
		const char *function = json_string_value(json_object_get(what, "function"));
		const char *service = json_string_value(json_object_get(what, "service"));

		if (question->state != PZ_QUESTION_STORES &&
		    pz_slice_eq(pz_prompt_key_slice(&question->key, true),
				pz_prompt_key_slice(key, true)) &&
		    strcmp(function, q->function ? q->function : "") == 0 &&
		    strcmp(service, q->service_id ? q->service_id : "") == 0 &&
		    question->effect == q->effect)
			return question;
	}
	return NULL;
}

/* The number of calls that wait for one question is bounded, since a caller can repeat a call
 * without limit. A call above it is denied like one that could not be asked. */
static enum pz_prompt_result
attach(struct pz_question *question, uint64_t ticket)
{
	if (pz_question_count(&question->calls) >= PZ_PROMPT_CALLS_MAX)
		return PZ_PROMPT_NO_AGENT;
	struct pz_prompt_report *call = calloc(1, sizeof(*call));
	if (call == NULL)
		return PZ_PROMPT_NO_AGENT;
	call->ticket = ticket;
	pz_list_append(&question->calls, &call->all);
	return PZ_PROMPT_LATER;
}

/* Counted each time: the list is short, and a separate counter could be wrong. Questions that are
 * being stored count as well, because their calls still wait. */
static bool
has_room(const struct pz_prompts *prompts, const struct pz_prompt_key *key)
{
	size_t all = 0, of_subject = 0;

	PZ_LIST_EACH (&prompts->open, n, tmp) {
		const struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);

		all++;
		if (pz_prompt_key_same_subject(&question->key, key))
			of_subject++;
	}
	return all < PZ_PROMPTS_MAX && of_subject < PZ_PROMPTS_SUBJECT_MAX;
}

/* The log has one rate for all questions together, because any device of the zone can cause
 * them. */
static enum pz_prompt_result
refuse(struct pz_prompts *prompts, const struct pz_prompt_key *key, const char *why)
{
	pz_info_of(&prompts->log, prompts->config.env, "prompt-refused",
		   "user=%s device=%s app=%s feature=%s denied without a question: %s",
		   pz_prompt_key_field(key, PZ_PROMPT_ZONE),
		   pz_prompt_key_field(key, PZ_PROMPT_DEVICE),
		   pz_prompt_key_field(key, PZ_PROMPT_APP),
		   pz_prompt_key_field(key, PZ_PROMPT_FEATURE), why);
	return PZ_PROMPT_NO_AGENT;
}

/* @return false: there is no agent, and none is expected. */
static bool
find_agents(struct pz_question *question, uint64_t wait_us)
{
	struct pz_prompts *prompts = question->prompts;
	const struct pz_prompts_config *config = &prompts->config;
	const char *device = pz_prompt_key_field(&question->key, PZ_PROMPT_DEVICE);

	question->until_us = pz_env_mono_us(config->env) + wait_us;
	question->state = PZ_QUESTION_WAITS;
	if (pz_agents_has_for(prompts, question)) {
		pz_timer_start(config->env->timers, &question->timer, question->until_us);
		return true;
	}
	if (config->ops->seek == NULL || !config->ops->seek(config->arg, pz_slice_str(device)))
		return false;
	question->state = PZ_QUESTION_SEEKS;
	pz_env_start(config->env, &question->timer, PZ_PROMPT_SEEK_US);
	return true;
}

/* The question is complete, with its first call, before agents are searched: present agents are
 * shown it at once, and a device that is dialled later finds it in the list. */
static enum pz_prompt_result
ask_person(struct pz_prompts *prompts, const struct pz_prompt_question *q,
	   const struct pz_prompt_key *key)
{
	const struct pz_prompts_config *config = &prompts->config;
	uint64_t wait_us = prompts->timeout_s * PZ_US_PER_S;
	struct pz_question *question = pz_question_new(prompts, key, q->effect);
	PZ_AUTO_FREE char *name = NULL;

	if (question == NULL)
		return PZ_PROMPT_NO_AGENT;
	pz_timer_init(&question->timer, on_timeout, question);
	if (config->ops->display_name)
		name = config->ops->display_name(config->arg, q->user_id, q->device);
	const struct pz_prompt_view view = {
		.display_name = name,
		.origin = q->app.len && config->ops->app_origin
				  ? config->ops->app_origin(config->arg, q->device, q->app)
				  : NULL,
		.service = q->service_id,
		.function = q->function,
		.rule = q->rule,
		.wait_us = wait_us,
	};
	question->shown = pz_prompt_describe(question, &view);
	if (question->shown == NULL || attach(question, q->ticket) != PZ_PROMPT_LATER) {
		pz_question_free(question);
		return refuse(prompts, key, "out of memory");
	}
	if (!find_agents(question, wait_us)) {
		pz_question_free(question);
		return refuse(prompts, key, "no prompt agent");
	}
	pz_list_append(&prompts->open, &question->all);
	pz_agents_show(question);
	return PZ_PROMPT_LATER;
}

/* The order matters. An answered question needs no person, so it comes before all limits. A
 * repeated question needs no room. Only a new one meets the limits, patience first: a caller that
 * was denied repeatedly must not use the room of others. */
enum pz_prompt_result
pz_prompts_ask(struct pz_prompts *prompts, const struct pz_prompt_question *q)
{
	enum pz_prompt_answer answer;
	struct pz_prompt_key key;

	if (!pz_prompt_is_prompt(q->effect) || read_key(q, &key) != PZ_OK)
		return PZ_PROMPT_NO_AGENT;
	if (pz_prompt_memory_find(&prompts->memory, &key, q->effect, &answer))
		return pz_prompt_allows(answer) ? PZ_PROMPT_YES : PZ_PROMPT_NO;
	struct pz_question *same = find_same(prompts, q, &key);
	if (same)
		return attach(same, q->ticket);
	if (pz_patience_is_over(&prompts->patience, &key, pz_env_mono_us(prompts->config.env)))
		return refuse(prompts, &key, "denied too often just now");
	if (!has_room(prompts, &key))
		return refuse(prompts, &key, "too many questions wait");
	return ask_person(prompts, q, &key);
}

/* ---- withdrawing ---- */

static bool
remove_call(struct pz_list *list, uint64_t ticket)
{
	PZ_LIST_EACH (list, n, tmp) {
		struct pz_prompt_report *call = PZ_CONTAINER(n, struct pz_prompt_report, all);

		if (call->ticket != ticket)
			continue;
		pz_list_remove(n);
		free(call);
		return true;
	}
	return false;
}

/* An answer that is being stored is completed: a person has given it. */
void
pz_prompts_withdraw(struct pz_prompts *prompts, uint64_t ticket)
{
	if (ticket == 0 || remove_call(&prompts->due, ticket))
		return;
	PZ_LIST_EACH (&prompts->open, n, tmp) {
		struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);

		if (!remove_call(&question->calls, ticket))
			continue;
		if (pz_list_is_empty(&question->calls) && pz_question_is_open(question))
			pz_question_deny(question, PZ_QUESTION_ENDED, "the caller has gone");
		return;
	}
}

/* ---- answering ---- */

/* If it cannot be reported, only the reply of a command is lost. */
void
pz_question_report_stored(struct pz_prompts *prompts, struct pz_question *question, enum pz_err err,
			  const char *detail)
{
	if (pz_prompt_report_stored(prompts, question->stored, question->arg, err, detail,
				    &question->outcome) != PZ_OK)
		pz_warning("prompt-memory", "out of memory: an answer is not confirmed");
	question->stored = NULL;
}

/* An answer that could not be stored applies this time: the person has allowed this call. A late no
 * is not counted against the caller, which was already denied. Reports come before other questions
 * are examined, since those may end and be freed. */
static void
finish(struct pz_question *question, enum pz_err err, const char *detail)
{
	struct pz_prompts *prompts = question->prompts;
	bool allows = pz_prompt_allows(question->outcome.answer);
	char by[sizeof(question->by)];

	if (err != PZ_OK)
		pz_warning("answer-not-remembered",
			   "an answer counts for this time only, it cannot be stored: %s", detail);
	if (allows)
		pz_patience_allowed(&prompts->patience, &question->key);
	else if (!question->outcome.is_late)
		pz_patience_denied(&prompts->patience, &question->key,
				   pz_env_mono_us(prompts->config.env));
	pz_question_report(question, allows ? PZ_PROMPT_YES : PZ_PROMPT_NO, question->by);
	pz_question_report_stored(prompts, question, err, detail);
	question->was_answered = true;
	memcpy(by, question->by, sizeof(by)); /* the end may free the question */
	pz_question_end(question, PZ_QUESTION_ENDED);
	answer_others(prompts, by);
}

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	finish(arg, err, detail);
}

/* Whether the answer was remembered or not, the question ends. */
static void
remember(struct pz_question *question)
{
	struct pz_prompt_memory *memory = &question->prompts->memory;
	enum pz_prompt_answer answer = question->outcome.answer;
	enum pz_err err = PZ_OK;

	switch (pz_prompt_scope(answer)) {
	case PZ_PROMPT_ONCE:
		break;
	case PZ_PROMPT_SESSION:
		err = pz_prompt_memory_add_session(memory, &question->key, question->effect,
						   answer);
		break;
	case PZ_PROMPT_ALWAYS:
		question->state = PZ_QUESTION_STORES;
		err = pz_prompt_memory_add(memory, &question->key, question->effect, answer,
					   on_stored, question);
		if (err == PZ_OK)
			return;
		break;
	}
	finish(question, err,
	       err == PZ_ERR_LIMIT ? "too many answers are remembered; remove some with "
				     "`pzp policy answers --delete`"
				   : pz_err_text(err));
}

/* Errors: those of pz_prompts_answer for a question that does not wait. */
static enum pz_err
check_open(const struct pz_question *question, enum pz_prompt_answer answer,
	   struct pz_errinfo *info)
{
	if (pz_question_is_open(question))
		return PZ_OK;
	if (question->state == PZ_QUESTION_STORES || question->was_answered)
		return pz_fail(info, PZ_ERR_EXISTS, "the question was answered already");
	if (question->state == PZ_QUESTION_LATE && pz_prompt_scope(answer) != PZ_PROMPT_ONCE)
		return PZ_OK;
	if (question->state == PZ_QUESTION_LATE)
		return pz_fail(info, PZ_ERR_IO_TIMEOUT,
			       "the answer comes too late: the call was denied");
	return pz_fail(info, PZ_ERR_NOTFOUND, "the question does not wait any more");
}

/* The log names the answer and the agent, and of the call only its key. */
static void
note_answer(const struct pz_question *question)
{
	char how[128];

	snprintf(how, sizeof(how), "by=%s answered: %s%s", question->by,
		 pz_prompt_answer_text(question->outcome.answer),
		 question->outcome.is_late ? ", too late for the call" : "");
	note_end(question, how);
}

/* A late question is in no list of waiting ones: it is put back for the time of the commit. */
static void
take_answer(struct pz_question *question, const struct pz_prompt_agent *agent,
	    enum pz_prompt_answer answer)
{
	struct pz_prompts *prompts = question->prompts;

	question->outcome = (struct pz_prompt_outcome){
		.answer = answer,
		.is_late = question->state == PZ_QUESTION_LATE,
	};
	snprintf(question->by, sizeof(question->by), "%s", agent ? agent->name : "control");
	note_answer(question);
	pz_env_stop(prompts->config.env, &question->timer);
	if (question->outcome.is_late) {
		pz_list_remove(&question->all);
		pz_list_append(&prompts->open, &question->all);
	} else {
		pz_agents_hide(question, "answered");
	}
	remember(question);
}

/* An answer to another device's question is sent to that device and decides nothing here: the
 * device clamps it again, and knows whether the question still waits. It is clamped here as well so
 * that this person sees what will apply. */
enum pz_err
pz_prompts_answer(struct pz_prompts *prompts, const struct pz_prompt_agent *agent, const char *id,
		  long long number, pz_prompt_stored stored, void *arg, struct pz_errinfo *info)
{
	struct pz_question *question = pz_question_find(prompts, id);

	if (question == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND, "no such question");
	if (!pz_agent_may_answer(agent, question))
		return pz_fail(info, PZ_ERR_DENIED, "this question is not for that device");
	enum pz_prompt_answer answer = pz_prompt_clamp(question->effect, number);
	PZ_TRY(check_open(question, answer, info));
	if (question->asker[0]) {
		question->outcome = (struct pz_prompt_outcome){.answer = answer};
		PZ_TRY(pz_guest_answer(question, answer, info));
		return pz_prompt_report_stored(prompts, stored, arg, PZ_OK, "",
					       &(struct pz_prompt_outcome){.answer = answer});
	}
	question->stored = stored;
	question->arg = arg;
	take_answer(question, agent, answer);
	return PZ_OK;
}

/* ---- what is known ---- */

static void
append_open(json_t *list, const struct pz_list *questions)
{
	PZ_LIST_EACH (questions, n, tmp) {
		const struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);

		if (pz_question_is_open(question))
			json_array_append(list, question->shown);
	}
}

json_t *
pz_prompts_list(const struct pz_prompts *prompts)
{
	json_t *list = json_array();

	if (list) {
		append_open(list, &prompts->open);
		append_open(list, &prompts->guests);
	}
	return list;
}

json_t *
pz_prompts_answers(struct pz_prompts *prompts)
{
	return pz_prompt_memory_list(&prompts->memory);
}

enum pz_err
pz_prompts_delete(struct pz_prompts *prompts, uint64_t id, pz_store_done done, void *arg)
{
	return pz_prompt_memory_delete(&prompts->memory, id, done, arg);
}

/* ---- life ---- */

void
pz_prompts_set_timeout(struct pz_prompts *prompts, unsigned seconds)
{
	if (seconds < PZ_PROMPT_TIMEOUT_S_MIN)
		seconds = PZ_PROMPT_TIMEOUT_S_MIN;
	if (seconds > PZ_PROMPT_TIMEOUT_S_MAX)
		seconds = PZ_PROMPT_TIMEOUT_S_MAX;
	prompts->timeout_s = seconds;
}

static void
on_taken_back(void *arg, const struct pz_prompt_key *key)
{
	const struct pz_prompts *prompts = arg;

	if (prompts->config.ops->taken_back)
		prompts->config.ops->taken_back(prompts->config.arg, key);
}

enum pz_err
pz_prompts_new(const struct pz_prompts_config *config, struct pz_prompts **out,
	       struct pz_errinfo *info)
{
	struct pz_prompts *prompts = calloc(1, sizeof(*prompts));

	if (prompts == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	prompts->config = *config;
	prompts->timeout_s = PZ_PROMPT_TIMEOUT_S;
	pz_list_init(&prompts->open);
	pz_list_init(&prompts->guests);
	pz_list_init(&prompts->ended);
	pz_list_init(&prompts->agents);
	pz_list_init(&prompts->due);
	pz_timer_init(&prompts->report, on_report, prompts);
	pz_timer_init(&prompts->presence, pz_agents_on_presence, prompts);
	enum pz_err err = pz_prompt_memory_init(&prompts->memory, config->env, config->store, info);
	if (err != PZ_OK) {
		pz_prompts_free(prompts);
		return err;
	}
	prompts->memory.taken_back = on_taken_back;
	prompts->memory.taken_back_arg = prompts;
	*out = prompts;
	return PZ_OK;
}

/* The memory goes first: its commits may still end, and then find that it is freed. */
void
pz_prompts_free(struct pz_prompts *prompts)
{
	struct pz_list *n;

	if (prompts == NULL)
		return;
	pz_prompt_memory_fini(&prompts->memory);
	pz_questions_free(&prompts->open);
	pz_questions_free(&prompts->guests);
	pz_questions_free(&prompts->ended);
	while ((n = pz_list_first(&prompts->agents)) != NULL)
		pz_list_remove(n);
	while ((n = pz_list_first(&prompts->due)) != NULL) {
		pz_list_remove(n);
		free(PZ_CONTAINER(n, struct pz_prompt_report, all));
	}
	pz_env_stop(prompts->config.env, &prompts->report);
	pz_env_stop(prompts->config.env, &prompts->presence);
	free(prompts);
}
