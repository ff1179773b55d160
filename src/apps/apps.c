/* The apps as a whole: their life, and the events that affect all of them. */
#include "apps/apps.h"

#include <stdlib.h>

#include "apps/internal.h"

static struct pz_visitor *
visitor_at(struct pz_list *node)
{
	return PZ_CONTAINER(node, struct pz_visitor, hook);
}

/* ---- changes of the zone ---- */

static bool
is_at_hub(const json_t *zone)
{
	const char *state =
		json_string_value(json_object_get(json_object_get(zone, "state"), "Pzh"));

	return state && strcmp(state, "connected") == 0;
}

static void
on_change(struct pz_timer *timer, void *arg)
{
	struct pz_apps *apps = arg;
	json_t *zone = apps->config.ops->zone(apps->config.arg);

	(void)timer;
	/* Programs get an update when something that they see has changed, not for each event of
	 * the node. */
	if (zone == NULL || (apps->zone && json_equal(zone, apps->zone))) {
		json_decref(zone);
		return;
	}
	/* First the errors of calls without a route, then the news that explains them. */
	PZ_LIST_EACH (&apps->visitors, node, tmp)
		pz_app_open_check(visitor_at(node));
	/* Only this event has a prop of its own: original programs wait for it. */
	bool is_hub_lost = is_at_hub(apps->zone) && !is_at_hub(zone);
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		struct pz_visitor *visitor = visitor_at(node);
		if (visitor->state != PZ_APP_OPEN)
			continue;
		if (is_hub_lost)
			pz_app_send_prop(visitor, "pzhDisconnected", NULL);
		pz_app_send_prop(visitor, "update", zone);
	}
	json_decref(apps->zone);
	apps->zone = zone;
}

/* Changes come in bursts; the first starts the timer, and the others are sent with it. */
void
pz_apps_changed(struct pz_apps *apps)
{
	if (apps && !apps->is_ending && !apps->change.active)
		pz_env_start(apps->env, &apps->change, PZ_APP_UPDATE_US);
}

/* ---- life ---- */

enum pz_err
pz_apps_new(const struct pz_apps_config *config, struct pz_apps **out, struct pz_errinfo *info)
{
	struct pz_apps *apps = calloc(1, sizeof(*apps));
	uint32_t start;

	if (apps == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	apps->config = *config;
	apps->env = config->env;
	pz_list_init(&apps->visitors);
	pz_list_init(&apps->known);
	pz_list_init(&apps->writes);
	pz_timer_init(&apps->change, on_change, apps);
	pz_apps_listen_init(apps);
	/* No address of an earlier start is used again: other nodes may still remember it. */
	pz_env_random(config->env, &start, sizeof(start));
	apps->last_instance = start;
	enum pz_err err = pz_known_load(apps, info);
	if (err == PZ_OK)
		err = pz_tokens_new(config->env, config->store, &apps->tokens, info);
	if (err != PZ_OK) {
		pz_apps_free(apps);
		return err;
	}
	*out = apps;
	return PZ_OK;
}

void
pz_apps_end(struct pz_apps *apps)
{
	apps->is_ending = true;
	pz_env_stop(apps->env, &apps->change);
	pz_apps_unlisten(apps);
	/* Each closes with a WebSocket close frame; pz_apps_free drops what a slow browser does not
	 * take. */
	PZ_LIST_EACH (&apps->visitors, node, tmp)
		pz_visitor_close(visitor_at(node), PZ_WEBSOCKET_GOING_AWAY, "pzpd is stopping");
}

void
pz_apps_free(struct pz_apps *apps)
{
	if (apps == NULL)
		return;
	apps->is_ending = true;
	pz_apps_unlisten(apps);
	PZ_LIST_EACH (&apps->visitors, node, tmp)
		pz_visitor_free(visitor_at(node));
	pz_env_stop(apps->env, &apps->change);
	pz_app_storage_fini(apps);
	pz_known_clear(apps);
	pz_tokens_free(apps->tokens);
	json_decref(apps->zone);
	free(apps);
}

struct pz_tokens *
pz_apps_tokens(struct pz_apps *apps)
{
	return apps->tokens;
}

/* ---- what happens ---- */

/* Not found: the page disconnected during the prompt. */
void
pz_apps_answered(struct pz_apps *apps, uint64_t ticket, bool is_yes, bool was_asked)
{
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		struct pz_visitor *visitor = visitor_at(node);
		if (visitor->ticket == ticket && visitor->state == PZ_APP_ASKED) {
			pz_app_admit(visitor, is_yes, was_asked);
			return;
		}
	}
}

void
pz_apps_recheck(struct pz_apps *apps)
{
	if (apps == NULL)
		return;
	PZ_LIST_EACH (&apps->visitors, node, tmp)
		pz_app_recheck(visitor_at(node));
}

void
pz_apps_taken_back(struct pz_apps *apps,
		   bool (*is_of)(void *arg, const char *from, const char *api), void *arg)
{
	if (apps == NULL)
		return;
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		struct pz_visitor *visitor = visitor_at(node);
		/* A program was accepted by its token, not by an answer, so a withdrawn answer does
		 * not affect it. */
		if (visitor->state != PZ_APP_OPEN || !visitor->was_asked || visitor->has_token ||
		    !is_of(arg, visitor->address, PZ_APPS_FEATURE))
			continue;
		pz_app_end(visitor);
		pz_visitor_close(visitor, PZ_WEBSOCKET_POLICY,
				 "the owner has taken the permission back");
	}
}

void
pz_apps_unroute(struct pz_apps *apps)
{
	if (apps == NULL)
		return;
	PZ_LIST_EACH (&apps->visitors, node, tmp)
		pz_app_unroute(visitor_at(node));
}

void
pz_apps_reroute(struct pz_apps *apps)
{
	if (apps == NULL)
		return;
	PZ_LIST_EACH (&apps->visitors, node, tmp)
		pz_app_reroute(visitor_at(node));
}

/* The wipe has removed the records: writes at the end of a session are undone. */
static void
end_program(struct pz_visitor *visitor)
{
	struct pz_apps *apps = visitor->apps;

	pz_app_end(visitor);
	pz_visitor_close(visitor, PZ_WEBSOCKET_POLICY,
			 "this device has left its zone, and its tokens ended with it");
	struct pz_app_known *known = pz_known_find(apps, pz_slice_str(visitor->origin));
	if (known)
		pz_known_remove(apps, known);
}

void
pz_apps_wiped(struct pz_apps *apps)
{
	if (apps == NULL)
		return;
	/* The wipe's transaction removed the records; this only updates memory. */
	pz_known_clear(apps);
	pz_tokens_wiped(apps->tokens);
	/* Pages stay connected: their rights in the next zone are judged again. */
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);
		if (visitor->has_token)
			end_program(visitor);
	}
}

/* Connected apps first: an origin that could not be stored (a full disk) still has a name. */
const char *
pz_apps_origin_of(const struct pz_apps *apps, struct pz_slice id)
{
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		const struct pz_visitor *visitor = visitor_at(node);
		if (visitor->origin && pz_slice_eq_str(id, visitor->id))
			return visitor->origin;
	}
	PZ_LIST_EACH (&apps->known, node, tmp) {
		const struct pz_app_known *known = PZ_CONTAINER(node, struct pz_app_known, hook);
		if (pz_slice_eq_str(id, known->id))
			return known->origin;
	}
	return NULL;
}
