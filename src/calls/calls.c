/* The calls as a whole: their life. */
#include <stdlib.h>

#include "calls/internal.h"

static enum pz_err
build(struct pz_calls *calls)
{
	const struct pz_calls_config *c = &calls->config;
	const struct pz_router_config router = {
		.self = c->device,
		.env = c->env,
		.metrics = c->metrics,
		.queue_high_bytes = c->queue_high_bytes,
		.queue_low_bytes = c->queue_low_bytes,
		.ops = &pz_calls_router_ops,
		.arg = calls,
	};

	calls->known = json_object();
	calls->friends = json_object();
	calls->pending = pz_pending_new(c->env);
	calls->dispatcher = pz_dispatcher_new(c->env, c->registry, &pz_calls_dispatch_ops, calls);
	if (!calls->known || !calls->friends || !calls->pending || !calls->dispatcher)
		return PZ_ERR_LIMIT_MEMORY;
	return pz_router_new(&router, &calls->router);
}

enum pz_err
pz_calls_new(const struct pz_calls_config *config, struct pz_calls **out)
{
	struct pz_calls *calls = calloc(1, sizeof(*calls));

	if (calls == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	calls->config = *config;
	calls->env = config->env;
	calls->metrics = config->metrics;
	calls->zone = config->zone;
	pz_list_init(&calls->answers);
	pz_list_init(&calls->finds);
	pz_announce_init(calls);
	enum pz_err err = build(calls);
	if (err != PZ_OK) {
		pz_calls_free(calls);
		return err;
	}
	*out = calls;
	return PZ_OK;
}

void
pz_calls_connect(struct pz_calls *calls, struct pz_peers *peers, struct pz_uplink *uplink,
		 struct pz_items *items)
{
	calls->peers = peers;
	calls->uplink = uplink;
	calls->items = items;
}

void
pz_calls_start(struct pz_calls *calls)
{
	pz_registry_watch(calls->config.registry, &calls->watch);
}

void
pz_calls_end(struct pz_calls *calls)
{
	calls->is_ending = true;
}

void
pz_calls_stop(struct pz_calls *calls)
{
	if (calls == NULL)
		return;
	calls->is_ending = true;
	pz_announce_fini(calls);
	if (calls->peers) /* otherwise nothing has begun, and what a search uses does not exist */
		pz_discovery_end_all(calls);
	pz_resend_clear(calls);
}

void
pz_calls_free(struct pz_calls *calls)
{
	if (calls == NULL)
		return;
	pz_dispatcher_free(calls->dispatcher);
	pz_pending_free(calls->pending);
	pz_router_free(calls->router);
	json_decref(calls->known);
	json_decref(calls->learning);
	json_decref(calls->friends);
	free(calls);
}

void
pz_calls_set_timeout(struct pz_calls *calls, uint64_t timeout_us)
{
	calls->config.timeout_us = timeout_us;
}

struct pz_router *
pz_calls_router(const struct pz_calls *calls)
{
	return calls->router;
}
