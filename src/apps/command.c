/* The command `apps`. @spec page 11; page 12 "pzp" */
#include "apps/internal.h"
#include "items/app_data.h"
#include "wire/json.h"

static size_t
count_open(const struct pz_apps *apps, const char *origin)
{
	size_t count = 0;

	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		const struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);
		count += visitor->state == PZ_APP_OPEN && strcmp(visitor->origin, origin) == 0;
	}
	return count;
}

static json_t *
time_of(uint64_t ms)
{
	return ms ? json_real((double)ms / 1000) : json_null();
}

/* @param known NULL: a program with a token that has never connected */
static json_t *
describe(const struct pz_apps *apps, const char *origin, const struct pz_app_known *known)
{
	const struct pz_apps_config *config = &apps->config;
	char id[PZ_APP_ID_CHARS + 1];

	pz_app_id(pz_slice_str(origin), id);
	return json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:b}", "origin", origin, "id", id,
		"kind", pz_origin_kind_name(pz_origin_kind_of(pz_slice_str(origin))), "first",
		time_of(known ? known->first_ms : 0), "last", time_of(known ? known->last_ms : 0),
		"token", time_of(pz_tokens_made_ms(apps->tokens, origin)), "sessions",
		(json_int_t)count_open(apps, origin), "storage",
		config->ops->storage(config->arg, origin), "answers",
		config->ops->answers(config->arg, id), "manifest",
		(int)config->ops->has_manifest(config->arg, id));
}

static void
list(const struct pz_apps *apps, struct pz_request *request)
{
	json_t *all = json_array(), *tokens = pz_tokens_list(apps->tokens), *one;
	size_t i;

	PZ_LIST_EACH (&apps->known, node, tmp) {
		const struct pz_app_known *known = PZ_CONTAINER(node, struct pz_app_known, hook);
		(void)json_array_append_new(all, describe(apps, known->origin, known));
	}
	json_array_foreach (tokens, i, one) {
		const char *origin = json_string_value(one);
		if (pz_known_find(apps, pz_slice_str(origin)) == NULL)
			(void)json_array_append_new(all, describe(apps, origin, NULL));
	}
	json_decref(tokens);
	pz_request_answer(request, all);
}

/* ---- forgetting ---- */

/* What an app stored is being removed. */
struct forgetting {
	struct pz_app_data_removal removal;
	json_t *result;
};

static void
release_forgetting(struct pz_request *request)
{
	struct forgetting *forgetting = request->state;

	json_decref(forgetting->result);
}

/* A commit cannot be cancelled. */
static const struct pz_request_kind forgetting_kind = {
	.size = sizeof(struct forgetting), .release = release_forgetting, .goes_on = true};

static void
on_removed(void *arg, enum pz_err err, const char *detail)
{
	struct pz_request *request = arg;
	struct forgetting *forgetting = request->state;
	struct pz_errinfo info = {""};

	if (err != PZ_OK)
		(void)pz_fail(&info, err, "what the app stores could not be removed: %s", detail);
	/* The sessions have ended in any case, so an error carries the result too. */
	pz_request_finish(request, err, info.text, json_incref(forgetting->result));
}

/* Its sessions end first: what they write at their end is removed with the rest. @return number of
 * sessions */
static size_t
close_all(struct pz_apps *apps, const char *origin)
{
	size_t closed = 0;

	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);
		if (visitor->origin == NULL || strcmp(visitor->origin, origin) != 0)
			continue;
		closed += visitor->state != PZ_APP_ENDED;
		pz_app_end(visitor);
		pz_visitor_close(visitor, PZ_WEBSOCKET_POLICY, "the owner has forgotten this app");
	}
	return closed;
}

/* Answered when nothing of it is on disk any more. */
static void
remove_stored(struct pz_apps *apps, const char *origin, size_t closed, struct pz_request *request)
{
	struct forgetting *forgetting = pz_request_begin(request, &forgetting_kind);
	struct pz_errinfo info = {""};
	size_t removed = 0;

	if (forgetting == NULL)
		return;
	forgetting->removal = (struct pz_app_data_removal){.done = on_removed, .arg = request};
	enum pz_err err = pz_app_data_remove(apps->config.items, origin, NULL, &forgetting->removal,
					     &removed, &info);
	forgetting->result = json_pack("{s:s, s:I, s:I}", "forgotten", origin, "closed",
				       (json_int_t)closed, "removed", (json_int_t)removed);
	if (err == PZ_ERR_NOTFOUND)
		/* Nothing was stored: there is no commit to wait for. */
		pz_request_answer(request, json_incref(forgetting->result));
	else if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

static void
forget(struct pz_apps *apps, const char *origin, struct pz_request *request)
{
	/* Before `known` is looked up: the end of a session may write a record, which must be
	 * removed as well. */
	size_t closed = close_all(apps, origin);
	struct pz_app_known *known = pz_known_find(apps, pz_slice_str(origin));
	bool had_token = pz_tokens_revoke(apps->tokens, origin);
	struct pz_errinfo info = {""};
	char id[PZ_APP_ID_CHARS + 1];

	if (known == NULL && closed == 0 && !had_token) {
		(void)pz_fail(&info, PZ_ERR_NOTFOUND,
			      "%s is no app that was here, and no program with a token; `pzp apps` "
			      "lists them",
			      origin);
		pz_request_fail(request, PZ_ERR_NOTFOUND, info.text);
		return;
	}
	pz_app_id(pz_slice_str(origin), id);
	apps->config.ops->forget(apps->config.arg, id);
	if (known)
		pz_known_remove(apps, known);
	remove_stored(apps, origin, closed, request);
}

void
pz_apps_command(struct pz_apps *apps, struct pz_request *request)
{
	const char *origin = pz_json_str(request->params, "forget");

	if (origin)
		forget(apps, origin, request);
	else
		list(apps, request);
}
