/* Questions on the control socket. */
#include "prompt/command.h"

#include <stdio.h>
#include <string.h>

#include "wire/json.h"

#define PREFIX_CHARS_MIN 4 /* of an id that a person types */

/* ---- an agent ---- */

struct watch {
	struct pz_prompt_agent agent;
	struct pz_prompts *prompts;
	struct pz_request *request;
};

static struct watch *
watch_of(struct pz_prompt_agent *agent)
{
	return PZ_CONTAINER(agent, struct watch, agent);
}

static void
on_show(struct pz_prompt_agent *agent, const json_t *question)
{
	json_t *event = json_copy((json_t *)question);

	if (event)
		(void)json_object_set_new(event, "event", json_string("prompt"));
	pz_request_event(watch_of(agent)->request, event);
}

static void
on_hide(struct pz_prompt_agent *agent, const char *id, const char *why)
{
	pz_request_event(
		watch_of(agent)->request,
		json_pack("{s:s, s:s, s:s}", "event", "prompt-ended", "id", id, "reason", why));
}

static void
release_watch(struct pz_request *request)
{
	struct watch *watch = request->state;

	pz_prompts_leave(watch->prompts, &watch->agent);
}

static const struct pz_request_kind watch_kind = {.size = sizeof(struct watch),
						  .release = release_watch};

static void
watch(struct pz_prompts *prompts, struct pz_request *request)
{
	struct watch *w = pz_request_begin(request, &watch_kind);

	if (w == NULL)
		return;
	w->agent = (struct pz_prompt_agent){.name = "control", .show = on_show, .hide = on_hide};
	w->prompts = prompts;
	w->request = request;
	pz_prompts_join(prompts, &w->agent);
}

/* ---- an answer ---- */

struct answering {
	struct pz_prompts *prompts;
	char id[40];
};

static void
release_answering(struct pz_request *request)
{
	const struct answering *answering = request->state;

	pz_prompts_forget_asker(answering->prompts, request);
}

static const struct pz_request_kind answering_kind = {.size = sizeof(struct answering),
						      .release = release_answering};

static void
on_stored(void *arg, enum pz_err err, const char *detail, const struct pz_prompt_outcome *outcome)
{
	struct pz_request *request = arg;
	const struct answering *answering = request->state;
	enum pz_prompt_scope scope = pz_prompt_scope(outcome->answer);

	(void)detail;
	pz_request_answer(request,
			  json_pack("{s:s, s:s, s:s, s:b, s:b}", "id", answering->id, "answer",
				    pz_prompt_allows(outcome->answer) ? "allow" : "deny",
				    "remember", pz_prompt_scope_name(scope), "remembered",
				    scope != PZ_PROMPT_ONCE && err == PZ_OK, "late",
				    outcome->is_late));
}

/* The question whose id begins with this text. @return false: none, or more than one */
static bool
find_id(const struct pz_prompts *prompts, const char *prefix, char out[40])
{
	size_t len = strlen(prefix), found = 0, i;
	json_t *list = pz_prompts_list(prompts), *one;

	json_array_foreach (list, i, one) {
		const char *id = pz_json_str(one, "id");

		if (id == NULL || len < PREFIX_CHARS_MIN || strncmp(id, prefix, len) != 0)
			continue;
		found++;
		snprintf(out, 40, "%s", id);
	}
	json_decref(list);
	if (found == 0 && len < 40) { /* an ended question is found only by its whole id */
		snprintf(out, 40, "%s", prefix);
		found = 1;
	}
	return found == 1;
}

/* Errors: CONFIG. */
static enum pz_err
read_answer(const json_t *params, enum pz_prompt_answer *out, struct pz_errinfo *info)
{
	const char *answer = pz_json_str(params, "answer");
	const char *remember = pz_json_str(params, "remember");
	enum pz_prompt_scope scope = PZ_PROMPT_ONCE;

	if (answer == NULL || (strcmp(answer, "allow") != 0 && strcmp(answer, "deny") != 0))
		return pz_fail(info, PZ_ERR_CONFIG, "the answer is allow or deny");
	if (remember && !pz_prompt_scope_parse(remember, &scope))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "an answer is remembered once, session or always");
	*out = pz_prompt_answer_of(strcmp(answer, "allow") == 0, scope);
	return PZ_OK;
}

static void
answer(struct pz_prompts *prompts, struct pz_request *request, const char *id)
{
	enum pz_prompt_answer given = PZ_PROMPT_DENY_ONCE;
	struct pz_errinfo info = {""};
	char whole[40];
	enum pz_err err = read_answer(request->params, &given, &info);

	if (err == PZ_OK && !find_id(prompts, id, whole))
		err = pz_fail(&info, PZ_ERR_CONFIG,
			      "several questions have an id that begins so: type more of it");
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	struct answering *answering = pz_request_begin(request, &answering_kind);
	if (answering == NULL)
		return;
	answering->prompts = prompts;
	memcpy(answering->id, whole, sizeof(whole));
	err = pz_prompts_answer(prompts, NULL, whole, (long long)given, on_stored, request, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

void
pz_prompts_command(struct pz_prompts *prompts, struct pz_request *request)
{
	const char *id = pz_json_str(request->params, "id");

	if (id) {
		answer(prompts, request, id);
	} else if (json_is_true(json_object_get(request->params, "watch"))) {
		watch(prompts, request);
	} else {
		pz_prompts_present(prompts);
		pz_request_answer(request, pz_prompts_list(prompts));
	}
}

/* ---- what is remembered ---- */

static const struct pz_request_kind deleting_kind = {.goes_on = true};

static void
on_deleted(void *arg, enum pz_err err, const char *detail)
{
	struct pz_request *request = arg;

	pz_request_finish(request, err, detail, err == PZ_OK ? json_object() : NULL);
}

/* The commit belongs to a request that continues: the end of the commit ends the request. */
static void delete (struct pz_prompts *prompts, struct pz_request *request, uint64_t id)
{
	if (pz_request_begin(request, &deleting_kind) == NULL)
		return;
	enum pz_err err = pz_prompts_delete(prompts, id, on_deleted, request);
	if (err == PZ_ERR_NOTFOUND)
		pz_request_fail(request, err,
				"no answer has this number; `pzp policy answers` lists them");
	else if (err != PZ_OK)
		pz_request_fail(request, err, pz_err_text(err));
}

void
pz_prompts_answers_command(struct pz_prompts *prompts, struct pz_request *request)
{
	const json_t *id = json_object_get(request->params, "delete");

	if (json_is_true(json_object_get(request->params, "all")))
		delete (prompts, request, 0);
	else if (id)
		delete (prompts, request, (uint64_t)json_integer_value(id));
	else
		pz_request_answer(request, pz_prompts_answers(prompts));
}
