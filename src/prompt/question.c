/* Questions as objects, and the reports that are made at the end of the turn. */
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "prompt/internal.h"

/* ---- questions ---- */

struct pz_question *
pz_question_new(struct pz_prompts *prompts, const struct pz_prompt_key *key,
		enum pz_policy_effect effect)
{
	struct pz_question *question = calloc(1, sizeof(*question));
	uint8_t random[(PZ_PROMPT_ID_CHARS - 1) / 2];

	if (question == NULL)
		return NULL;
	pz_env_random(prompts->config.env, random, sizeof(random));
	pz_hex_encode(random, sizeof(random), question->id);
	question->prompts = prompts;
	question->key = *key;
	question->effect = effect;
	pz_list_init(&question->calls);
	return question;
}

void
pz_question_free(struct pz_question *question)
{
	pz_env_stop(question->prompts->config.env, &question->timer);
	PZ_LIST_EACH (&question->calls, n, tmp) {
		pz_list_remove(n);
		free(PZ_CONTAINER(n, struct pz_prompt_report, all));
	}
	pz_list_remove(&question->all);
	json_decref(question->shown);
	free(question);
}

bool
pz_question_is_open(const struct pz_question *question)
{
	return question->state == PZ_QUESTION_SEEKS || question->state == PZ_QUESTION_WAITS;
}

static struct pz_question *
find_in(const struct pz_list *list, const char *id)
{
	PZ_LIST_EACH (list, n, tmp) {
		struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);

		if (strcmp(question->id, id) == 0)
			return question;
	}
	return NULL;
}

struct pz_question *
pz_question_find(const struct pz_prompts *prompts, const char *id)
{
	struct pz_question *question = find_in(&prompts->open, id);

	if (question == NULL)
		question = find_in(&prompts->guests, id);
	return question ? question : find_in(&prompts->ended, id);
}

size_t
pz_question_count(const struct pz_list *list)
{
	size_t count = 0;

	PZ_LIST_EACH (list, n, tmp)
		count++;
	return count;
}

void
pz_question_end(struct pz_question *question, enum pz_question_state state)
{
	struct pz_prompts *prompts = question->prompts;

	question->state = state;
	pz_env_stop(prompts->config.env, &question->timer);
	if (state == PZ_QUESTION_LATE)
		pz_env_start(prompts->config.env, &question->timer, PZ_PROMPT_LATE_US);
	pz_list_remove(&question->all);
	pz_list_append(&prompts->ended, &question->all);
	if (pz_question_count(&prompts->ended) > PZ_PROMPT_ENDED_MAX)
		pz_question_free(
			PZ_CONTAINER(pz_list_first(&prompts->ended), struct pz_question, all));
}

/* ---- reports ---- */

void
pz_prompt_report_call(struct pz_prompts *prompts, struct pz_prompt_report *report,
		      enum pz_prompt_result result, const char *by)
{
	report->result = result;
	snprintf(report->by, sizeof(report->by), "%s", by);
	pz_list_remove(&report->all);
	pz_list_append(&prompts->due, &report->all);
	pz_env_start(prompts->config.env, &prompts->report, 0);
}

enum pz_err
pz_prompt_report_stored(struct pz_prompts *prompts, pz_prompt_stored stored, void *arg,
			enum pz_err err, const char *detail,
			const struct pz_prompt_outcome *outcome)
{
	struct pz_prompt_report *report;

	if (stored == NULL)
		return PZ_OK;
	report = calloc(1, sizeof(*report));
	if (report == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	report->stored = stored;
	report->arg = arg;
	report->err = err;
	report->outcome = *outcome;
	snprintf(report->info.text, sizeof(report->info.text), "%s", detail);
	pz_list_append(&prompts->due, &report->all);
	pz_env_start(prompts->config.env, &prompts->report, 0);
	return PZ_OK;
}

void
pz_questions_free(struct pz_list *questions)
{
	struct pz_list *n;

	while ((n = pz_list_first(questions)) != NULL)
		pz_question_free(PZ_CONTAINER(n, struct pz_question, all));
}
