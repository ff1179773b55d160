/* Who may answer, and who is shown which question. @spec page 9, 11.3; page 14 PRM-1, PRM-7 */
#include "prompt/internal.h"

static struct pz_prompt_agent *
agent_of(struct pz_list *node)
{
	return PZ_CONTAINER(node, struct pz_prompt_agent, all);
}

/* ---- who may answer ---- */

/* A device does not decide about its own requests, and does not pass on a question of another
 * device. */
bool
pz_agent_may_answer(const struct pz_prompt_agent *agent, const struct pz_question *question)
{
	if (agent == NULL || agent->device == NULL)
		return true;
	return question->asker[0] == '\0' &&
	       strcmp(agent->device, pz_prompt_key_field(&question->key, PZ_PROMPT_DEVICE)) != 0;
}

bool
pz_prompts_has_person(const struct pz_prompts *prompts)
{
	if (pz_env_mono_us(prompts->config.env) < prompts->present_until_us)
		return true;
	PZ_LIST_EACH (&prompts->agents, n, tmp) {
		if (agent_of(n)->device == NULL)
			return true;
	}
	return false;
}

bool
pz_agents_has_for(const struct pz_prompts *prompts, const struct pz_question *question)
{
	if (pz_prompts_has_person(prompts))
		return true;
	PZ_LIST_EACH (&prompts->agents, n, tmp) {
		if (pz_agent_may_answer(agent_of(n), question))
			return true;
	}
	return false;
}

/* ---- showing ---- */

/* For `pzp watch`. */
static void
note(const struct pz_prompts *prompts, json_t *takes_event)
{
	if (prompts->config.ops->event)
		prompts->config.ops->event(prompts->config.arg, takes_event);
	else
		json_decref(takes_event);
}

void
pz_agents_show(struct pz_question *question)
{
	PZ_LIST_EACH (&question->prompts->agents, n, tmp) {
		struct pz_prompt_agent *agent = agent_of(n);

		if (pz_agent_may_answer(agent, question))
			agent->show(agent, question->shown);
	}
	note(question->prompts, json_pack("{s:s, s:s, s:O}", "event", "prompt", "id", question->id,
					  "text", json_object_get(question->shown, "text")));
}

void
pz_agents_hide(struct pz_question *question, const char *why)
{
	const struct pz_prompts *prompts = question->prompts;

	PZ_LIST_EACH (&prompts->agents, n, tmp) {
		struct pz_prompt_agent *agent = agent_of(n);

		if (pz_agent_may_answer(agent, question))
			agent->hide(agent, question->id, why);
	}
	note(prompts, json_pack("{s:s, s:s, s:s}", "event", "prompt-ended", "id", question->id,
				"reason", why));
}

/* ---- coming and going ---- */

/* The other devices need to know whether a person can answer here. */
static void
look_for_person(struct pz_prompts *prompts)
{
	bool has_person = pz_prompts_has_person(prompts);

	if (has_person == prompts->had_person)
		return;
	prompts->had_person = has_person;
	if (prompts->config.ops->person_changed)
		prompts->config.ops->person_changed(prompts->config.arg, has_person);
}

/* A question that was looking for an agent has one now: it waits as long as the others. */
static void
stop_seeking(struct pz_question *question)
{
	if (question->state != PZ_QUESTION_SEEKS)
		return;
	question->state = PZ_QUESTION_WAITS;
	pz_timer_start(question->prompts->config.env->timers, &question->timer, question->until_us);
}

static void
show_open(struct pz_list *questions, struct pz_prompt_agent *agent)
{
	PZ_LIST_EACH (questions, n, tmp) {
		struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);

		if (!pz_question_is_open(question) || !pz_agent_may_answer(agent, question))
			continue;
		stop_seeking(question);
		if (agent)
			agent->show(agent, question->shown);
	}
}

void
pz_prompts_join(struct pz_prompts *prompts, struct pz_prompt_agent *agent)
{
	pz_list_append(&prompts->agents, &agent->all);
	show_open(&prompts->open, agent);
	show_open(&prompts->guests, agent);
	look_for_person(prompts);
}

void
pz_prompts_dismiss(struct pz_prompts *prompts, struct pz_prompt_agent *agent, const char *why)
{
	PZ_LIST_EACH (&prompts->open, n, tmp) {
		struct pz_question *question = PZ_CONTAINER(n, struct pz_question, all);

		if (pz_question_is_open(question) && pz_agent_may_answer(agent, question))
			agent->hide(agent, question->id, why);
	}
	pz_prompts_leave(prompts, agent);
}

/* The questions continue to wait: the agent may come back, and others may come. */
void
pz_prompts_leave(struct pz_prompts *prompts, struct pz_prompt_agent *agent)
{
	pz_list_remove(&agent->all);
	look_for_person(prompts);
}

void
pz_prompts_present(struct pz_prompts *prompts)
{
	prompts->present_until_us = pz_env_mono_us(prompts->config.env) + PZ_PROMPT_PRESENT_US;
	pz_timer_start(prompts->config.env->timers, &prompts->presence, prompts->present_until_us);
	show_open(&prompts->open, NULL);
	look_for_person(prompts);
}

void
pz_agents_on_presence(struct pz_timer *timer, void *arg)
{
	(void)timer;
	look_for_person(arg);
}
